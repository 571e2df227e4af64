//! From texts to counts, on threads.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use super::table::{SHARDS, SharedTable, Table};
use super::{CountOptions, Language, overflow};
use crate::count::spill::Run;
use crate::documents::{Invalid, Part, TextBlock};
use crate::error::{Error, Result};
use crate::split::{Ends, Splitter};
use crate::stop::Stop;
use crate::threads::{self, Crew};

/// Number of different pieces that a thread gathers before it adds them to the common table. It adds them shard by
/// shard, which keeps each look-up in the caches. Values between 2^16 and 2^18 measure alike; without gathering, a
/// large corpus takes half as long again.
const RECENT: usize = if cfg!(test) { 1 << 8 } else { 1 << 17 };

/// Counts the blocks of `source` on threads. Meanwhile the calling thread calls `progress` at intervals. If the system grants no
/// threads, it counts the blocks itself and calls `progress` between two of them.
pub(crate) fn count<'t>(
    splitter: &Splitter,
    options: CountOptions,
    memory: Option<usize>,
    source: impl Fn(&Stop) -> Result<Option<TextBlock<'t>>> + Sync,
    mut progress: impl FnMut() -> ControlFlow<()>,
) -> Result<Language> {
    let is_stopped = Arc::new(AtomicBool::new(false));
    let stop = Stop::when({
        let is_stopped = Arc::clone(&is_stopped);
        move || is_stopped.load(Ordering::Relaxed)
    });
    // After a fault no more blocks are taken, but the blocks before it are finished: one of them may have a fault, too.
    let has_fault = AtomicBool::new(false);
    let blocks = Mutex::new(0);
    // Blocks are numbered in order, so that the first of several faults is reported, in any order of the threads.
    let next = || {
        let mut number = blocks.lock().expect("no reader panics");
        *number += 1;
        (*number, source(&stop))
    };
    let threads = threads::wanted(options.threads);
    // Tables double when they grow, and fill again while the last one is written.
    let most = memory.map_or(usize::MAX, |memory| memory / 8);
    let all = TotalCounts { table: SharedTable::default(), runs: Mutex::default(), most };
    let work = |number: usize, between: &mut dyn FnMut()| {
        let mut counts = ThreadCounts::new(splitter, options.invalid, &all, number * SHARDS / threads);
        counts.ends.watch(&stop);
        while !has_fault.load(Ordering::Relaxed) {
            between();
            let (number, block) = next();
            match block.and_then(|block| block.map(|block| counts.add(&block)).transpose()) {
                Ok(Some(())) => {}
                Ok(None) => break,
                Err(error) => {
                    has_fault.store(true, Ordering::Relaxed);
                    return Err((number, error));
                }
            }
        }
        counts.settle().map_err(|error| (u64::MAX, error))?;
        Ok((counts.bytes, counts.documents))
    };
    let mut ask = || {
        if stop.check().is_ok() && progress().is_break() {
            is_stopped.store(true, Ordering::Relaxed);
        }
    };
    ask();
    let found: Vec<_> = thread::scope(|scope| {
        let work = &work;
        let crew = Crew::start(scope, 0..threads, move |number| work(number, &mut || ()));
        if crew.is_empty() { vec![work(0, &mut ask)] } else { crew.join(&mut ask).collect() }
    });
    stop.check()?;
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

/// The counts of all threads.
struct TotalCounts {
    table: SharedTable,
    runs: Mutex<Vec<Arc<Run>>>,
    /// Bytes of memory that the table may take.
    most: usize,
}

impl TotalCounts {
    /// Moves the table to the disk if it is too large.
    fn spill(&self, stop: &Stop) -> Result<()> {
        if self.table.memory() <= self.most {
            return Ok(());
        }
        // A thread that fills the table again meanwhile waits here.
        let mut runs = self.runs.lock().expect("writing does not panic");
        if self.table.memory() > self.most {
            runs.push(Arc::new(Run::write(&self.table.take_all().shards, &mut || stop.check())?));
        }
        Ok(())
    }
}

/// The counts of one thread.
struct ThreadCounts<'s> {
    splitter: &'s Splitter,
    invalid: Invalid,
    ends: Ends,
    /// The pieces of the last blocks.
    recent: Table,
    bytes: u64,
    documents: u64,
    all: &'s TotalCounts,
    /// The shard that the thread adds first, so that threads seldom need the same one.
    first: usize,
}

impl<'s> ThreadCounts<'s> {
    fn new(splitter: &'s Splitter, invalid: Invalid, all: &'s TotalCounts, first: usize) -> Self {
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

    /// Adds the recent pieces to the common table, shard by shard, so that each shard stays in the cache while it
    /// grows.
    fn settle(&mut self) -> Result<()> {
        for number in (0..SHARDS).map(|number| (number + self.first) % SHARDS) {
            let recent = &mut self.recent.shards[number];
            self.all.table.add_all(number, recent).map_err(|refused| refused.or(overflow))?;
            recent.clear();
        }
        self.all.spill(self.ends.stop())
    }
}
