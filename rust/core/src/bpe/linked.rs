//! Words of up to 126 symbols, as linked lists in arrays.

use crate::arch::Row;
use crate::bpe::initial::StartsView;
use crate::bpe::interleaved::Word;
use crate::bpe::pair_table::View;
use crate::bpe::symbol::{NONE, NOTHING};

/// A piece while it is merged: a linked list of symbols in arrays.
///
/// The candidate of a place is its pair's rank above and the place below, in one word, so the smallest is the next merge, the
/// leftmost of equals. Place 0 and the one behind the last hold a symbol that merges with nothing, so the ends need no care.
/// Once no pair merges, steps go on at place 0 and leave the list from place 1 as it is.
#[derive(Debug, Clone)]
pub(crate) struct WordInList<const PLACES: usize> {
    candidates: [u32; PLACES],
    symbols: [u32; PLACES],
    next: [u8; PLACES],
    previous: [u8; PLACES],
    length: usize,
}

/// Bits of a place.
const PLACE_BITS: u32 = 7;

/// What no candidate reaches: a rank has 21 bits.
const NO_CANDIDATE: u32 = 1 << (21 + PLACE_BITS);

/// The place behind each place, and the one before it.
const NEIGHBOURS: ([u8; 128], [u8; 128]) = {
    let (mut next, mut previous) = ([0; 128], [0; 128]);
    let mut place = 0;
    while place < 128 {
        next[place] = place as u8 + 1;
        previous[place] = (place as u8).saturating_sub(1);
        place += 1;
    }
    (next, previous)
};

impl<const PLACES: usize> Word for WordInList<PLACES> {
    const EMPTY: Self = Self {
        candidates: [NONE; PLACES],
        symbols: [NOTHING; PLACES],
        next: [0; PLACES],
        previous: [0; PLACES],
        length: 0,
    };

    #[inline(always)]
    fn begin(&mut self, pairs: View<'_>, starts: &[u32]) {
        self.next.copy_from_slice(&NEIGHBOURS.0[..PLACES]);
        self.previous.copy_from_slice(&NEIGHBOURS.1[..PLACES]);
        self.candidates = [NONE; PLACES];
        self.symbols[0] = NOTHING;
        self.length = starts.len();
        self.symbols[self.length + 1] = NOTHING;
        let mut before = 0;
        for (place, &start) in starts.iter().enumerate() {
            self.symbols[place + 1] = StartsView::symbol(start);
            // `NONE`, shifted, is still no candidate. Place 0 has none either: what is written there is replaced below.
            self.candidates[place] = pairs.starts.rank(before, start) << PLACE_BITS | place as u32;
            before = start;
        }
        self.candidates[0] = NONE;
    }

    #[inline(always)]
    fn step<R: Row>(&mut self) -> (bool, [u32; 3], [usize; 2]) {
        let mut best = NONE;
        for &candidate in &self.candidates {
            best = if candidate < best { candidate } else { best };
        }
        let goes_on = best < NO_CANDIDATE;
        let left = if goes_on { best as usize % PLACES } else { 0 };
        let right = usize::from(self.next[left]) % PLACES;
        let before = usize::from(self.previous[left]) % PLACES;
        let after = usize::from(self.next[right]) % PLACES;
        let made = 256 + (best >> PLACE_BITS);
        self.symbols[left] = made;
        self.next[left] = after as u8;
        self.previous[after] = left as u8;
        self.candidates[right] = NONE;
        self.candidates[left] = NONE;
        self.candidates[before] = NONE;
        (goes_on, [self.symbols[before], made, self.symbols[after]], [before, left])
    }

    #[inline(always)]
    fn propose(&mut self, place: u8, rank: u32) {
        let candidate = if rank == NONE { NONE } else { rank << PLACE_BITS | u32::from(place) };
        let slot = &mut self.candidates[usize::from(place) % PLACES];
        *slot = candidate.min(*slot);
    }

    /// Moves the symbols to the front, which ends the list.
    #[inline(always)]
    fn finish<R: Row>(&mut self) -> &[u32] {
        let (mut place, mut count) = (1, 0);
        while place <= self.length {
            self.symbols[count] = self.symbols[place];
            count += 1;
            place = usize::from(self.next[place]) % (PLACES + 1);
        }
        &self.symbols[..count]
    }
}
