//! The ids of the pieces of a group that were not found at once.

use std::ops::Range;

use crate::arch::U32x16;
use crate::encode::Ids;
use crate::encode::cache::cuckoo::LONG_IDS;
use crate::encode::pipeline::GROUP;
use crate::error::Result;
use crate::memory::{Grow, filled};

/// The ids that are copied and translated at once.
const ROW: usize = 16;

/// The ids of pieces.
#[derive(Debug)]
pub(crate) struct Answers {
    /// In the order in which they became known; behind that, whatever was there. There is always a row behind the last.
    ids: Vec<u32>,
    filled: usize,
    /// Where in `ids` those of each piece begin, and how many they are; by the place of the piece among the others of the group.
    spans: [(u32, u32); GROUP],
}

impl Answers {
    /// With room for the ids that a group may have in the tables.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { ids: filled(0, GROUP * LONG_IDS + ROW)?, filled: 0, spans: [(0, 0); GROUP] })
    }

    /// Begins anew.
    pub(crate) fn clear(&mut self) {
        self.filled = 0;
    }

    /// Where the next ids go.
    #[inline(always)]
    pub(crate) fn room(&mut self) -> &mut [u32] {
        &mut self.ids[self.filled..]
    }

    /// Has room for `count` more ids, and a row behind them.
    #[inline(always)]
    pub(crate) fn make_room(&mut self, count: usize) -> Result<()> {
        let least = self.filled + count + ROW;
        if self.ids.len() < least { self.ids.try_resize(2 * least, 0) } else { Ok(()) }
    }

    /// Notes that the next `count` ids are those of a piece.
    #[inline(always)]
    pub(crate) fn note(&mut self, at: usize, count: usize) {
        self.spans[at] = (self.filled as u32, count as u32);
        self.filled += count;
    }

    /// Those of a piece.
    pub(crate) fn add(&mut self, at: usize, ids: &[u32]) -> Result<()> {
        self.make_room(ids.len())?;
        self.room()[..ids.len()].copy_from_slice(ids);
        self.note(at, ids.len());
        Ok(())
    }

    /// That of a piece, for which there is room.
    pub(crate) fn add_one(&mut self, at: usize, id: u32) {
        self.room()[0] = id;
        self.note(at, 1);
    }

    /// Those of a piece: the first `count` of a row, for which there is room.
    #[inline(always)]
    pub(crate) fn add_row<R: U32x16>(&mut self, at: usize, row: &[u32], count: usize) {
        let room = self.room();
        if let Some(first) = row.first_chunk() {
            // How many they are is a matter of luck, and to copy more is cheaper than to guess.
            R::load(first).store(room.first_chunk_mut().expect("room for a row"));
            if count > ROW {
                room[ROW..count].copy_from_slice(&row[ROW..count]);
            }
        } else {
            room[..count].copy_from_slice(&row[..count]);
        }
        self.note(at, count);
    }

    /// Where the next ids will begin.
    pub(crate) fn filled(&self) -> usize {
        self.filled
    }

    /// Puts the ids of symbols in their place, from `start` on.
    #[inline(always)]
    pub(crate) fn translate<R: U32x16>(&mut self, start: usize, ids: &Ids) {
        // What lies behind them, a row at least, is nobody's.
        let end = start + (self.filled - start).next_multiple_of(ROW);
        ids.of_all::<R>(&mut self.ids[start..end]);
    }

    /// Those of a piece, too, are those of another.
    pub(crate) fn repeat(&mut self, at: usize, like: usize) {
        self.spans[at] = self.spans[like];
    }

    /// The ids of all pieces, and behind them whatever was there.
    pub(crate) fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// How many ids the first `count` pieces have.
    pub(crate) fn total(&self, count: usize) -> usize {
        self.spans[..count].iter().map(|&(_, count)| count as usize).sum()
    }

    /// Where the ids of a piece stand.
    #[inline(always)]
    pub(crate) fn range(&self, at: usize) -> Range<usize> {
        let (start, count) = self.spans[at];
        start as usize..(start + count) as usize
    }
}
