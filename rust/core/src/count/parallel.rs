//! Texts to counts, on threads.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use super::table::{SHARDS, Shared, Table};
use super::{Language, Options, overflow};
use crate::count::spill::Run;
use crate::documents::{Invalid, Part, TextBlock};
use crate::error::{Error, Result};
use crate::split::{Ends, Splitter};
use crate::threads;

/// How many different pieces a thread gathers before it adds them to the others, shard by shard, which keeps each look-up
/// near the processor. Between 2^16 and 2^18 there is little in it; without, counting a large corpus takes half as long again.
const RECENT: usize = if cfg!(test) { 1 << 8 } else { 1 << 17 };

/// Counts the blocks of `source` on threads, this one among them, which alone calls `progress`.
pub(crate) fn count<'t>(
    splitter: &Splitter,
    options: Options,
    memory: Option<usize>,
    source: impl Fn() -> Result<Option<TextBlock<'t>>> + Sync,
    mut progress: impl FnMut() -> ControlFlow<()>,
) -> Result<Language> {
    let stop = AtomicBool::new(false);
    let blocks = Mutex::new(0);
    // Blocks are numbered in order, so that of several faults the first is reported, whoever meets it.
    let next = || {
        let mut number = blocks.lock().expect("no reader panics");
        *number += 1;
        (*number, source())
    };
    let threads = threads::wanted(options.threads);
    // Tables double when they grow, and fill again while the last one is written.
    let most = memory.map_or(usize::MAX, |memory| memory / 8);
    let all = All { table: Shared::default(), runs: Mutex::default(), most };
    let work = |number: usize, progress: &mut dyn FnMut() -> ControlFlow<()>| {
        let mut tally = Tally::new(splitter, options.invalid, &all, number * SHARDS / threads);
        while !stop.load(Ordering::Relaxed) {
            if progress().is_break() {
                stop.store(true, Ordering::Relaxed);
                return Err((0, Error::Interrupted));
            }
            let (number, block) = next();
            match block.and_then(|block| block.map(|block| tally.add(&block)).transpose()) {
                Ok(Some(())) => {}
                Ok(None) => break,
                Err(error) => {
                    stop.store(true, Ordering::Relaxed);
                    return Err((number, error));
                }
            }
        }
        tally.settle().map_err(|error| (u64::MAX, error))?;
        Ok((tally.bytes, tally.documents))
    };
    let found: Vec<_> = thread::scope(|scope| {
        let work = &work;
        let other = |number| threads::start(scope, move || work(number, &mut || ControlFlow::Continue(())));
        let others: Vec<_> = (1..threads).map_while(other).collect();
        let own = work(0, &mut progress);
        std::iter::once(own).chain(others.into_iter().map(threads::join)).collect()
    });
    let (mut bytes, mut documents) = (0, 0);
    let mut first: Option<(u64, Error)> = None;
    for result in found {
        match result {
            Ok((more, others)) => (bytes, documents) = (bytes + more, documents + others),
            Err(fault) if first.as_ref().is_none_or(|first| fault.0 < first.0) => first = Some(fault),
            Err(_) => {}
        }
    }
    if let Some((_, error)) = first {
        return Err(error);
    }
    let runs = all.runs.into_inner().expect("writing does not panic");
    Ok(Language { table: all.table.take_all(), runs, bytes, documents })
}

/// What all threads have counted.
struct All {
    table: Shared,
    runs: Mutex<Vec<Arc<Run>>>,
    /// Bytes of memory that the table may take.
    most: usize,
}

impl All {
    /// Moves the table to the disk, if it is too large.
    fn spill(&self) -> Result<()> {
        if self.table.memory() <= self.most {
            return Ok(());
        }
        // Whoever fills the table again meanwhile waits here.
        let mut runs = self.runs.lock().expect("writing does not panic");
        if self.table.memory() > self.most {
            runs.push(Arc::new(Run::write(&self.table.take_all().shards)?));
        }
        Ok(())
    }
}

/// What one thread has counted.
struct Tally<'s> {
    splitter: &'s Splitter,
    invalid: Invalid,
    ends: Ends,
    /// Pieces of the last blocks.
    recent: Table,
    bytes: u64,
    documents: u64,
    all: &'s All,
    /// The shard that the thread adds first, so that threads seldom want the same one.
    first: usize,
}

impl<'s> Tally<'s> {
    fn new(splitter: &'s Splitter, invalid: Invalid, all: &'s All, first: usize) -> Self {
        let (ends, recent) = (Ends::default(), Table::default());
        Self { splitter, invalid, ends, recent, bytes: 0, documents: 0, all, first }
    }

    fn add(&mut self, block: &TextBlock) -> Result<()> {
        let Self { splitter, invalid, ends, recent, bytes, documents, .. } = self;
        block.for_each_part(*invalid, |Part { text, end, first }| {
            *documents += u64::from(first);
            *bytes += end as u64;
            let mut start = 0;
            while start < end {
                let base = start;
                let next = splitter.cut(text, base..end, ends)?;
                recent.count(text, base, ends.as_slice()).map_err(|refused| refused.or(overflow))?;
                start = next;
            }
            Ok(())
        })?;
        if self.recent.len() > RECENT {
            self.settle()?;
        }
        Ok(())
    }

    /// Moves the recent pieces to the others, shard by shard, so that each stays in the cache while it grows.
    fn settle(&mut self) -> Result<()> {
        for number in (0..SHARDS).map(|number| (number + self.first) % SHARDS) {
            let recent = &mut self.recent.shards[number];
            self.all.table.add_all(number, recent).map_err(|refused| refused.or(overflow))?;
            recent.clear();
        }
        self.all.spill()
    }
}
