//! The ids of the pieces of a group that missed in their first set.

use std::ops::Range;

use crate::arch::U32x16;
use crate::encode::SymbolIds;
use crate::encode::cache::cuckoo::LONG_IDS;
use crate::encode::pipeline::GROUP;
use crate::error::Result;
use crate::memory::{Grow, filled};

/// Number of ids that are copied and translated at once.
const ROW: usize = 16;

/// The ids of the misses.
#[derive(Debug)]
pub(crate) struct Answers {
    /// The ids in the order in which they became known; the rest is arbitrary. There is always room for a row behind
    /// the last id.
    ids: Vec<u32>,
    filled: usize,
    /// For each miss, the start and the number of its ids in `ids`.
    spans: [(u32, u32); GROUP],
}

impl Answers {
    /// With room for the ids that a group may have in the tables.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { ids: filled(0, GROUP * LONG_IDS + ROW)?, filled: 0, spans: [(0, 0); GROUP] })
    }

    /// Removes all ids.
    pub(crate) fn clear(&mut self) {
        self.filled = 0;
    }

    /// The memory for the next ids.
    #[inline(always)]
    pub(crate) fn room(&mut self) -> &mut [u32] {
        &mut self.ids[self.filled..]
    }

    /// Makes room for `count` more ids, and a row behind them.
    #[inline(always)]
    pub(crate) fn make_room(&mut self, count: usize) -> Result<()> {
        let least = self.filled + count + ROW;
        if self.ids.len() < least { self.ids.try_resize(2 * least, 0) } else { Ok(()) }
    }

    /// Records that the next `count` ids belong to miss `at`.
    #[inline(always)]
    pub(crate) fn note(&mut self, at: usize, count: usize) {
        self.spans[at] = (self.filled as u32, count as u32);
        self.filled += count;
    }

    /// Adds the ids of a miss.
    pub(crate) fn add(&mut self, at: usize, ids: &[u32]) -> Result<()> {
        self.make_room(ids.len())?;
        self.room()[..ids.len()].copy_from_slice(ids);
        self.note(at, ids.len());
        Ok(())
    }

    /// Adds the one id of a miss. There must be room.
    pub(crate) fn add_one(&mut self, at: usize, id: u32) {
        self.room()[0] = id;
        self.note(at, 1);
    }

    /// Adds the first `count` ids of a row as those of a miss. There must be room for a row.
    #[inline(always)]
    pub(crate) fn add_row<R: U32x16>(&mut self, at: usize, row: &[u32], count: usize) {
        let room = self.room();
        if let Some(first) = row.first_chunk() {
            // The count cannot be foreseen: copying a whole row is cheaper than a mispredicted branch.
            R::load(first).store(room.first_chunk_mut().expect("room for a row"));
            if count > ROW {
                room[ROW..count].copy_from_slice(&row[ROW..count]);
            }
        } else {
            room[..count].copy_from_slice(&row[..count]);
        }
        self.note(at, count);
    }

    /// The start of the next ids.
    pub(crate) fn filled(&self) -> usize {
        self.filled
    }

    /// Replaces the symbols from `start` on by their ids.
    #[inline(always)]
    pub(crate) fn translate<R: U32x16>(&mut self, start: usize, ids: &SymbolIds) {
        // The row behind the last symbol may be overwritten.
        let end = start + (self.filled - start).next_multiple_of(ROW);
        ids.of_all::<R>(&mut self.ids[start..end]);
    }

    /// Gives a duplicate the ids of its first occurrence.
    pub(crate) fn repeat(&mut self, at: usize, like: usize) {
        self.spans[at] = self.spans[like];
    }

    /// All ids, and arbitrary numbers behind them.
    pub(crate) fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The number of ids of the first `count` misses.
    pub(crate) fn total(&self, count: usize) -> usize {
        self.spans[..count].iter().map(|&(_, count)| count as usize).sum()
    }

    /// The place of the ids of a miss.
    #[inline(always)]
    pub(crate) fn range(&self, at: usize) -> Range<usize> {
        let (start, count) = self.spans[at];
        start as usize..(start + count) as usize
    }
}
