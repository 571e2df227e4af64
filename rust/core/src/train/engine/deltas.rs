//! The changes of a round to the pairs in one thread's words, gathered by neighbour.

use crate::train::engine::pair::Pair;
use std::ops::DerefMut;
use std::sync::{RwLock, RwLockWriteGuard};

use crate::error::Result;
use crate::memory::Grow;
/// The report of a thread, after a round, to one of the threads that keep pairs.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) gains: Vec<Gain>,
    pub(crate) losses: Vec<Loss>,
}

/// Gained occurrences: a merge made a new pair in a column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gain {
    /// The number of the merge in its round.
    pub(crate) merge: u32,
    /// The side of the merged symbol on which the neighbour stands.
    pub(crate) side: u32,
    pub(crate) pair: Pair,
    pub(crate) column: u32,
    /// 0 in a column that does not count.
    pub(crate) weight: u64,
    /// The number of occurrences in all columns, in the first gain of the pair by its merge; else 0.
    pub(crate) count: u32,
}

impl Gain {
    /// The symbol beside the merged one.
    pub(crate) fn neighbour(&self) -> usize {
        let (left, right) = self.pair.symbols();
        if self.side as usize == LEFT { left as usize } else { right as usize }
    }
}

/// Lost occurrences: a merge removed a pair from a column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loss {
    /// The number of the merge in its round.
    pub(crate) merge: u32,
    pub(crate) column: u32,
    pub(crate) pair: Pair,
    pub(crate) weight: u64,
}

/// The sides of a merged symbol.
pub(crate) const LEFT: usize = 0;
pub(crate) const RIGHT: usize = 1;

/// The pair of a merged symbol and its neighbour on a side.
pub(crate) fn joined(product: u32, side: usize, neighbour: u32) -> Pair {
    if side == LEFT { Pair::new(neighbour, product) } else { Pair::new(product, neighbour) }
}

/// A weight and a number of occurrences.
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

/// The cursor of a pair whose occurrences are not recorded.
const UNNOTED: usize = usize::MAX;

/// The neighbours of the merges of a round on one side.
#[derive(Debug, Default)]
pub(crate) struct Side {
    /// By symbol: its occurrences beside the current merge in the current column.
    tallies: Vec<Tally>,
    /// The symbols that occur there.
    met: Vec<u32>,
    /// The neighbours of the merges, with their columns.
    found: Vec<NeighbourPair>,
    /// By symbol: its occurrences beside the current merge in all columns.
    counts: Vec<u32>,
    /// All neighbours of the round: the symbol, and the cell where the merged symbol begins.
    meetings: Vec<(u32, u32)>,
    /// The end of each merge in `meetings`.
    ends: Vec<usize>,
    /// By symbol: the place where the next occurrence of the pair with it is recorded.
    cursors: Vec<usize>,
}

/// A neighbour of a merge in a column.
#[derive(Debug, Clone, Copy)]
struct NeighbourPair {
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

    /// Makes room for `meetings` more neighbours.
    #[inline(always)]
    pub(crate) fn make_room(&mut self, meetings: usize) -> Result<()> {
        self.meetings.try_reserve(meetings)?;
        // Each symbol enters `met` at most once.
        Ok(self.met.try_reserve(meetings.min(self.tallies.len()))?)
    }

    pub(crate) fn clear(&mut self) {
        self.meetings.clear();
        self.ends.clear();
    }

    /// Records a neighbour. There must be room for it.
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
            self.found.push(NeighbourPair { neighbour, column, weight });
        }
        Ok(())
    }

    /// Ends a merge: calls `sink` with all its neighbours, by column. The number of occurrences comes with the first
    /// column.
    pub(crate) fn end_merge(&mut self, mut sink: impl FnMut(u32, u32, Tally) -> Result<()>) -> Result<()> {
        for NeighbourPair { neighbour, column, weight } in self.found.drain(..) {
            let count = std::mem::take(&mut self.counts[neighbour as usize]);
            sink(neighbour, column, Tally { weight, count })?;
        }
        self.ends.try_push(self.meetings.len())
    }

    /// The number of merges of the round.
    pub(crate) fn merges(&self) -> usize {
        self.ends.len()
    }

    /// From now on, the occurrences of the pair with a neighbour are recorded from `cursor` on.
    pub(crate) fn set(&mut self, neighbour: usize, cursor: usize) {
        self.cursors[neighbour] = cursor;
    }

    pub(crate) fn unset(&mut self, neighbour: usize) {
        self.cursors[neighbour] = UNNOTED;
    }

    /// Records the occurrences of the gained pairs of a merge that have a cursor.
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

/// Locks all of a thread's reports for writing.
pub(crate) fn write_all(reports: &[RwLock<Report>]) -> Vec<RwLockWriteGuard<'_, Report>> {
    reports.iter().map(|report| report.write().expect("no thread panics")).collect()
}

/// Reports a gain to the thread that keeps the pair.
pub(crate) fn report_gain(reports: &mut [impl DerefMut<Target = Report>], gain: Gain) -> Result<()> {
    reports[gain.pair.keeper(reports.len())].gains.try_push(gain)
}

/// Reports a loss to the thread that keeps the pair.
pub(crate) fn report_loss(reports: &mut [impl DerefMut<Target = Report>], loss: Loss) -> Result<()> {
    reports[loss.pair.keeper(reports.len())].losses.try_push(loss)
}
