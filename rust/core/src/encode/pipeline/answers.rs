//! The ids of the pieces of a group that were not found at once.

use std::ops::Range;

use crate::arch::Row;
use crate::encode::Ids;
use crate::encode::pipeline::GROUP;

/// The ids that are copied and translated at once.
const ROW: usize = 16;

/// The ids of pieces.
#[derive(Debug)]
pub(crate) struct Answers {
    /// In the order in which they became known; behind that, whatever was there.
    ids: Vec<u32>,
    filled: usize,
    /// Where in `ids` those of each piece begin, and how many they are; by the place of the piece among the others of the group.
    spans: [(u32, u32); GROUP],
}

impl Answers {
    pub(crate) fn new() -> Self {
        Self { ids: Vec::new(), filled: 0, spans: [(0, 0); GROUP] }
    }

    /// Begins anew.
    pub(crate) fn clear(&mut self) {
        self.filled = 0;
    }

    /// Where the next ids go, with room for `count` of them.
    #[inline(always)]
    pub(crate) fn room(&mut self, count: usize) -> &mut [u32] {
        if self.ids.len() < self.filled + count {
            self.ids.resize(2 * (self.filled + count), 0);
        }
        &mut self.ids[self.filled..]
    }

    /// Notes that the next `count` ids are those of a piece.
    #[inline(always)]
    pub(crate) fn note(&mut self, at: usize, count: usize) {
        self.spans[at] = (self.filled as u32, count as u32);
        self.filled += count;
    }

    /// Those of a piece.
    pub(crate) fn add(&mut self, at: usize, ids: &[u32]) {
        self.room(ids.len())[..ids.len()].copy_from_slice(ids);
        self.note(at, ids.len());
    }

    /// Those of a piece: the first `count` of a row.
    #[inline(always)]
    pub(crate) fn add_row<R: Row>(&mut self, at: usize, row: &[u32], count: usize) {
        let Some(first) = row.first_chunk() else { return self.add(at, &row[..count]) };
        // How many they are is a matter of luck, and to copy more is cheaper than to guess.
        let room = self.room(count + ROW);
        R::load(first).store(room.first_chunk_mut().expect("room for a row"));
        if count > ROW {
            room[ROW..count].copy_from_slice(&row[ROW..count]);
        }
        self.note(at, count);
    }

    /// Where the next ids will begin.
    pub(crate) fn filled(&self) -> usize {
        self.filled
    }

    /// Puts the ids of symbols in their place, from `start` on.
    #[inline(always)]
    pub(crate) fn translate<R: Row>(&mut self, start: usize, ids: &Ids) {
        // What lies behind them is nobody's.
        self.room(ROW);
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
