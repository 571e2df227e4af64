//! What a round did to pairs in one thread's words, gathered by neighbour.

use crate::train::engine::pair::Pair;
use std::ops::DerefMut;
use std::sync::{RwLock, RwLockWriteGuard};

use crate::error::Result;
use crate::memory::Grow;
/// What a thread reports after a round to one of those that keep pairs.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) births: Vec<Birth>,
    pub(crate) deaths: Vec<Death>,
}

/// Occurrences in a column that a merge made of a pair that it made possible.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Birth {
    /// The number of the merge in its round.
    pub(crate) merge: u32,
    /// The side of the merged symbol that the other is on.
    pub(crate) side: u32,
    pub(crate) pair: Pair,
    pub(crate) column: u32,
    /// Nothing in a column that does not count.
    pub(crate) weight: u64,
    /// How many occurrences in all columns, if it is the first of the pair in its merge; else 0.
    pub(crate) count: u32,
}

impl Birth {
    /// The symbol beside the merged one.
    pub(crate) fn neighbour(&self) -> usize {
        let (left, right) = self.pair.symbols();
        if self.side as usize == LEFT { left as usize } else { right as usize }
    }
}

/// Occurrences of a pair that a merge took away from a column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Death {
    /// The number of the merge in its round.
    pub(crate) merge: u32,
    pub(crate) column: u32,
    pub(crate) pair: Pair,
    pub(crate) weight: u64,
}

/// The sides of a merged symbol.
pub(crate) const LEFT: usize = 0;
pub(crate) const RIGHT: usize = 1;

/// The pair of a merged symbol and the one on a side of it.
pub(crate) fn joined(product: u32, side: usize, neighbour: u32) -> Pair {
    if side == LEFT { Pair::new(neighbour, product) } else { Pair::new(product, neighbour) }
}

/// How much, and how often.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) weight: u64,
    pub(crate) count: u32,
}

impl Tally {
    pub(crate) fn add(&mut self, weight: u64) {
        self.weight += weight;
        self.count += 1;
    }
}

/// The cursor of a pair whose occurrences are not noted.
const UNNOTED: usize = usize::MAX;

/// What the merges of a round met on one side.
#[derive(Debug, Default)]
pub(crate) struct Side {
    /// What the present merge met in the present column, by symbol.
    tallies: Vec<Tally>,
    /// The symbols it met there.
    met: Vec<u32>,
    /// What it met in all columns.
    found: Vec<Found>,
    /// How many occurrences of each symbol it met in all columns.
    counts: Vec<u32>,
    /// All that was met in the round: the symbol, and the cell where the merged one begins.
    meetings: Vec<(u32, u32)>,
    /// Where each merge's meetings end.
    ends: Vec<usize>,
    /// Where the next occurrence of the pair with each symbol is noted, by symbol.
    cursors: Vec<usize>,
}

/// A symbol that a merge met in a column.
#[derive(Debug, Clone, Copy)]
struct Found {
    neighbour: u32,
    column: u32,
    weight: u64,
}

impl Side {
    /// Makes room for this many symbols.
    pub(crate) fn resize(&mut self, symbols: usize) -> Result<()> {
        self.tallies.try_resize(symbols, Tally::default())?;
        self.counts.try_resize(symbols, 0)?;
        self.cursors.try_resize(symbols, UNNOTED)
    }

    /// Makes room for so many more meetings.
    #[inline(always)]
    pub(crate) fn make_room(&mut self, meetings: usize) -> Result<()> {
        self.meetings.try_reserve(meetings)?;
        // Each symbol is met once for the first time.
        Ok(self.met.try_reserve(meetings.min(self.tallies.len()))?)
    }

    pub(crate) fn clear(&mut self) {
        self.meetings.clear();
        self.ends.clear();
    }

    /// Notes a meeting, for which there is room.
    #[inline(always)]
    pub(crate) fn meet(&mut self, neighbour: u32, cell: u32, weight: u64) {
        let tally = &mut self.tallies[neighbour as usize];
        if tally.count == 0 {
            self.met.push(neighbour);
        }
        tally.add(weight);
        self.meetings.push((neighbour, cell));
    }

    /// Ends a column of a merge.
    pub(crate) fn end_column(&mut self, column: u32) -> Result<()> {
        self.found.try_reserve(self.met.len())?;
        for neighbour in self.met.drain(..) {
            let Tally { weight, count } = std::mem::take(&mut self.tallies[neighbour as usize]);
            self.counts[neighbour as usize] += count;
            self.found.push(Found { neighbour, column, weight });
        }
        Ok(())
    }

    /// Ends a merge: calls `sink` with all it met, by column; occurrences come with the first.
    pub(crate) fn end_merge(&mut self, mut sink: impl FnMut(u32, u32, Tally) -> Result<()>) -> Result<()> {
        for Found { neighbour, column, weight } in self.found.drain(..) {
            let count = std::mem::take(&mut self.counts[neighbour as usize]);
            sink(neighbour, column, Tally { weight, count })?;
        }
        self.ends.try_push(self.meetings.len())
    }

    /// How many merges the round had.
    pub(crate) fn merges(&self) -> usize {
        self.ends.len()
    }

    /// Has occurrences of the pair with a symbol noted from a place on.
    pub(crate) fn set(&mut self, neighbour: usize, cursor: usize) {
        self.cursors[neighbour] = cursor;
    }

    pub(crate) fn unset(&mut self, neighbour: usize) {
        self.cursors[neighbour] = UNNOTED;
    }

    /// Notes the occurrences of the pairs that a merge gave birth to and that are set.
    pub(crate) fn note(&mut self, merge: usize, occurrences: &mut [u32], begin: impl Fn(u32, u32) -> u32) {
        let start = if merge == 0 { 0 } else { self.ends[merge - 1] };
        for &(neighbour, cell) in &self.meetings[start..self.ends[merge]] {
            let cursor = &mut self.cursors[neighbour as usize];
            if *cursor != UNNOTED {
                occurrences[*cursor] = begin(neighbour, cell);
                *cursor += 1;
            }
        }
    }
}

/// Takes all of a thread's reports, to write them.
pub(crate) fn write_all(reports: &[RwLock<Report>]) -> Vec<RwLockWriteGuard<'_, Report>> {
    reports.iter().map(|report| report.write().expect("no thread panics")).collect()
}

/// Reports a birth to the thread that keeps the pair.
pub(crate) fn report_birth(reports: &mut [impl DerefMut<Target = Report>], birth: Birth) -> Result<()> {
    reports[birth.pair.keeper(reports.len())].births.try_push(birth)
}

/// Reports deaths to the thread that keeps the pair.
pub(crate) fn report_death(reports: &mut [impl DerefMut<Target = Report>], death: Death) -> Result<()> {
    reports[death.pair.keeper(reports.len())].deaths.try_push(death)
}
