//! Words of up to 126 symbols, as linked lists in arrays.

use crate::arch::U32x16;
use crate::bpe::initial::StartsView;
use crate::bpe::interleaved::Word;
use crate::bpe::pair_table::PairTableView;
use crate::bpe::symbol::{NO_RANK, NO_SYMBOL};

/// A piece while it is merged: a linked list of symbols in arrays.
///
/// The candidate of a place is one number: the rank of its pair in the upper bits and the place in the lower ones. So
/// the smallest candidate is the next merge, the leftmost of equal ranks. Place 0 and the place behind the last symbol
/// hold a symbol that merges with nothing, so the ends need no special case. When no pair merges any more, further
/// steps change place 0 alone.
#[derive(Debug, Clone)]
pub(crate) struct ListWord<const PLACES: usize> {
    candidates: [u32; PLACES],
    symbols: [u32; PLACES],
    next: [u8; PLACES],
    previous: [u8; PLACES],
    length: usize,
}

/// Bits of a place.
const PLACE_BITS: u32 = 7;

/// More than any candidate: a rank has 21 bits.
const NO_CANDIDATE: u32 = 1 << (21 + PLACE_BITS);

/// The place behind each place, and the place before it.
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

impl<const PLACES: usize> Word for ListWord<PLACES> {
    const EMPTY: Self = Self {
        candidates: [NO_RANK; PLACES],
        symbols: [NO_SYMBOL; PLACES],
        next: [0; PLACES],
        previous: [0; PLACES],
        length: 0,
    };

    #[inline(always)]
    fn begin(&mut self, pairs: PairTableView<'_>, starts: &[u32]) {
        self.next.copy_from_slice(&NEIGHBOURS.0[..PLACES]);
        self.previous.copy_from_slice(&NEIGHBOURS.1[..PLACES]);
        self.candidates = [NO_RANK; PLACES];
        self.symbols[0] = NO_SYMBOL;
        self.length = starts.len();
        self.symbols[self.length + 1] = NO_SYMBOL;
        let mut before = 0;
        for (place, &start) in starts.iter().enumerate() {
            self.symbols[place + 1] = StartsView::symbol(start);
            // `NO_RANK`, shifted, is still no candidate. Place 0 gets a wrong candidate here; the line behind the loop
            // removes it.
            self.candidates[place] = pairs.starts.rank(before, start) << PLACE_BITS | place as u32;
            before = start;
        }
        self.candidates[0] = NO_RANK;
    }

    #[inline(always)]
    fn step<R: U32x16>(&mut self) -> (bool, [u32; 3], [usize; 2]) {
        let mut best = NO_RANK;
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
        self.candidates[right] = NO_RANK;
        self.candidates[left] = NO_RANK;
        self.candidates[before] = NO_RANK;
        (goes_on, [self.symbols[before], made, self.symbols[after]], [before, left])
    }

    #[inline(always)]
    fn propose(&mut self, place: u8, rank: u32) {
        let candidate = if rank == NO_RANK { NO_RANK } else { rank << PLACE_BITS | u32::from(place) };
        let slot = &mut self.candidates[usize::from(place) % PLACES];
        *slot = candidate.min(*slot);
    }

    /// Moves the symbols to the front, which ends the list.
    #[inline(always)]
    fn finish<R: U32x16>(&mut self) -> &[u32] {
        let (mut place, mut count) = (1, 0);
        while place <= self.length {
            self.symbols[count] = self.symbols[place];
            count += 1;
            place = usize::from(self.next[place]) % (PLACES + 1);
        }
        &self.symbols[..count]
    }
}
