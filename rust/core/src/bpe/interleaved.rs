//! Words merged in lockstep, for machines without fast vector registers.

use super::{IN_LOCKSTEP, MergeSink};
use crate::arch::{Mask, U32x16};
use crate::bpe::pair_table::{PairTableView, Query};
use crate::bpe::symbol::NO_RANK;

/// A piece while it is merged.
pub(crate) trait Word: Clone {
    /// An empty word.
    const EMPTY: Self;
    /// Starts on a piece, given by its starts. The word must be large enough for them.
    fn begin(&mut self, pairs: PairTableView<'_>, starts: &[u32]);
    /// Applies the best merge, if there is one, and says whether there was one. Returns the symbols of the two new
    /// pairs (before, merged, after) and the places of these pairs.
    fn step<R: U32x16>(&mut self) -> (bool, [u32; 3], [usize; 2]);
    /// Stores the rank of the new pair at a place, if the pair merges. Nothing else has been stored there since
    /// [`step`](Self::step).
    fn propose(&mut self, place: u8, rank: u32);
    /// Ends the word and returns its symbols.
    fn finish<R: U32x16>(&mut self) -> &[u32];
}

/// Words merged in lockstep.
#[derive(Debug)]
pub(crate) struct Interleaved<W> {
    words: [W; IN_LOCKSTEP],
    numbers: [usize; IN_LOCKSTEP],
    count: usize,
    new_pairs: NewPairs,
}

impl<W: Word> Default for Interleaved<W> {
    fn default() -> Self {
        let words = std::array::from_fn(|_| W::EMPTY);
        Self { words, numbers: [0; IN_LOCKSTEP], count: 0, new_pairs: NewPairs::default() }
    }
}

impl<W: Word> Interleaved<W> {
    /// Adds a word. When the group is full, all its words are merged.
    #[inline(always)]
    pub(crate) fn take<R: U32x16>(
        &mut self,
        pairs: PairTableView<'_>,
        number: usize,
        starts: &[u32],
        sink: &mut impl MergeSink,
    ) {
        self.words[self.count].begin(pairs, starts);
        self.numbers[self.count] = number;
        self.count += 1;
        if self.count == IN_LOCKSTEP {
            self.finish::<R>(pairs, sink);
        }
    }

    /// Merges all words of the group.
    #[inline(always)]
    pub(crate) fn finish<R: U32x16>(&mut self, pairs: PairTableView<'_>, sink: &mut impl MergeSink) {
        if self.count == 0 {
            return;
        }
        let mut active: [u8; IN_LOCKSTEP] = std::array::from_fn(|word| word as u8);
        let mut count = self.count;
        while count > 0 {
            let mut left = 0;
            for turn in 0..count {
                let number = active[turn];
                let (goes_on, symbols, places) = self.words[usize::from(number) % IN_LOCKSTEP].step::<R>();
                self.new_pairs.note(left, number, symbols, places);
                active[left] = number;
                left += usize::from(goes_on);
            }
            count = left;
            let words = &mut self.words;
            self.new_pairs.resolve::<R>(pairs, count, |word, place, rank| {
                words[usize::from(word) % IN_LOCKSTEP].propose(place, rank);
            });
        }
        for (word, &number) in self.words[..self.count].iter_mut().zip(&self.numbers) {
            let symbols = word.finish::<R>();
            sink.take::<R>(number, symbols, symbols.len());
        }
        self.count = 0;
    }
}

/// The capacity of [`NewPairs`]: two pairs a word, and room to read whole rows past the last pair.
const MOST_NEW: usize = 4 * IN_LOCKSTEP;

/// The place of a new pair: the word and the place in the word.
#[derive(Debug, Clone, Copy, Default)]
struct Owner {
    word: u8,
    place: u8,
}

/// The new pairs of one step, of all words. All are queried first and then looked up, so that their cache misses
/// overlap.
#[derive(Debug)]
struct NewPairs {
    left: [u32; MOST_NEW],
    right: [u32; MOST_NEW],
    /// The word and place of each pair.
    owners: [Owner; MOST_NEW],
    /// The pairs that pass the filter of the [`PairTable`](super::pair_table::PairTable).
    queries: [(Query, Owner); MOST_NEW],
}

impl Default for NewPairs {
    fn default() -> Self {
        Self {
            left: [0; MOST_NEW],
            right: [0; MOST_NEW],
            owners: [Owner::default(); MOST_NEW],
            queries: [(Query::default(), Owner::default()); MOST_NEW],
        }
    }
}

impl NewPairs {
    /// Stores the two new pairs of merge number `turn`, which happened in `word`. The pair (`before`, `made`) belongs
    /// to the first of the places, the pair (`made`, `after`) to the second.
    #[inline(always)]
    fn note(&mut self, turn: usize, word: u8, [before, made, after]: [u32; 3], places: [usize; 2]) {
        let number = 2 * (turn % IN_LOCKSTEP);
        self.left[number] = before;
        self.right[number] = made;
        self.left[number + 1] = made;
        self.right[number + 1] = after;
        self.owners[number] = Owner { word, place: places[0] as u8 };
        self.owners[number + 1] = Owner { word, place: places[1] as u8 };
    }

    /// Calls `sink` with the word, the place and the rank of every new pair of the first `turns` merges. A pair that
    /// does not merge is left out or has the rank [`NO_RANK`].
    ///
    /// All queries are sent before the first look-up, so that their cache misses overlap. This matters because only the
    /// look-up tells that a pair that passed the filter does not merge.
    #[inline(always)]
    fn resolve<R: U32x16>(&mut self, pairs: PairTableView<'_>, turns: usize, mut sink: impl FnMut(u8, u8, u32)) {
        let mut length = 0;
        for first in (0..2 * turns).step_by(16) {
            let (left, right) = (row(&self.left, first), row(&self.right, first));
            let those = (u32::MAX >> (16_usize.saturating_sub(2 * turns - first) + 16)) as u16;
            let (ranks_row, bits_row, may_merge) = pairs.query_all(R::load(left), R::load(right));
            let (mut bits, mut ranks) = ([0; 16], [0; 16]);
            bits_row.store(&mut bits);
            ranks_row.store(&mut ranks);
            let mut at_once = !ranks_row.equal(NO_RANK).bits() & those;
            while at_once != 0 {
                let place = at_once.trailing_zeros() as usize % 16;
                at_once &= at_once - 1;
                let Owner { word, place: candidate } = self.owners[(first + place) % MOST_NEW];
                sink(word, candidate, ranks[place]);
            }
            let mut may_merge = may_merge.bits() & those;
            while may_merge != 0 {
                let place = may_merge.trailing_zeros() as usize % 16;
                may_merge &= may_merge - 1;
                let query = Query::new(left[place], right[place], bits[place]);
                pairs.prefetch(query);
                self.queries[length % MOST_NEW] = (query, self.owners[(first + place) % MOST_NEW]);
                length += 1;
            }
        }
        for &(query, Owner { word, place }) in &self.queries[..length.min(MOST_NEW)] {
            sink(word, place, pairs.look_up::<R>(query));
        }
    }
}

#[inline(always)]
fn row(numbers: &[u32; MOST_NEW], first: usize) -> &[u32; 16] {
    numbers[first..first + 16].try_into().expect("sixteen numbers")
}
