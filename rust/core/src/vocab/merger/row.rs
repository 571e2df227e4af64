//! Words of up to fifteen symbols, each a row in a vector register: a merge takes a dozen instructions.

use super::NOTHING;
use super::group::Word;
use crate::arch::Row;
use crate::vocab::pairs::{NONE, View};

/// The places of a row.
const PLACES: usize = 16;

/// A word while it is merged: its symbols in a row, and the rank of each with the next, [`NOTHING`] and [`NONE`] behind the last.
/// There is always something behind the last, which stands before the first, too, counting places in a circle; and that place
/// has no rank, as it merges with nothing.
#[derive(Debug, Clone)]
#[repr(align(64))]
pub(super) struct WordInRow {
    symbols: [u32; PLACES],
    ranks: [u32; PLACES],
}

impl Word for WordInRow {
    const EMPTY: Self = Self { symbols: [NOTHING; PLACES], ranks: [NONE; PLACES] };

    #[inline(always)]
    fn begin(&mut self, pairs: View<'_>, numbers: &[u16]) {
        *self = Self::EMPTY;
        let mut before = 0;
        for (place, &number) in numbers.iter().enumerate() {
            self.symbols[place % PLACES] = pairs.starts.symbol(number);
            self.ranks[place.wrapping_sub(1) % PLACES] = pairs.starts.rank(before, number);
            before = number;
        }
        self.ranks[PLACES - 1] = NONE;
    }

    #[inline(always)]
    fn step<R: Row>(&mut self) -> (bool, [u32; 3], [usize; 2]) {
        let ranks = R::load(&self.ranks);
        let best = ranks.least();
        let goes_on = best != NONE;
        let at = ranks.equal(best).trailing_zeros() as usize % PLACES;
        let before = at.wrapping_sub(1) % PLACES;
        let made = best.wrapping_add(256);
        let born = [self.symbols[before], made, self.symbols[(at + 2) % PLACES]];
        let here = u16::from(goes_on) << at;
        let behind = (0xFFFF << at & 0u16.wrapping_sub(u16::from(goes_on))) ^ here;
        R::load(&self.symbols).advance(behind).set(here, made).store(&mut self.symbols);
        ranks.advance(behind).set(here | here >> 1, NONE).store(&mut self.ranks);
        (goes_on, born, [before, at])
    }

    #[inline(always)]
    fn propose(&mut self, place: u8, rank: u32) {
        let slot = &mut self.ranks[usize::from(place) % PLACES];
        *slot = rank.min(*slot);
    }

    #[inline(always)]
    fn finish<R: Row>(&mut self) -> &[u32] {
        let length = R::load(&self.symbols).equal(NOTHING).trailing_zeros() as usize;
        &self.symbols[..length % PLACES]
    }
}
