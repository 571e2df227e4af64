//! Words in step, each in a lane of vector registers: place `p` of sixteen of them is a row.
//!
//! A step goes down the rows once. It applies the merge that the step before chose in each lane (what stands behind it moves up a
//! place), and chooses the next: the least rank, the leftmost of equals. Then the two pairs that each new merge is born with
//! are looked up, sixteen at a time where their rank is found at once; of the others, those that may merge one by one, which do
//! not wait for one another and so neither for each other's memory. Four sets of sixteen words take turns: while one waits for its
//! look-ups, the others go down their rows. All words lose a symbol in a step, so each step has one row fewer than the one before.

use super::Merged;
use crate::arch::{Mask, Row};
use crate::bpe::initial::Piece;
use crate::bpe::pair_table::{Question, View};
use crate::bpe::symbol::{NONE, NOTHING};

/// Words of a set.
const LANES: usize = 16;

/// Sets that take turns. (Of two, a step loads ranks as a row that were stored one by one just before, and waits for them; with
/// four, text of new words went from 107 to 113 MB/s, with six or eight to 109.)
const SETS: usize = 4;

/// Words of fewer than `PLACES` symbols.
#[derive(Debug, Default)]
pub(crate) struct Lanes<const PLACES: usize> {
    sets: [Set<PLACES>; SETS],
    count: usize,
}

#[derive(Debug)]
struct Set<const PLACES: usize> {
    /// By place, then by lane; [`NOTHING`] behind the last.
    symbols: [[u32; LANES]; PLACES],
    /// The rank of each symbol with the next, or [`NONE`].
    ranks: [[u32; LANES]; PLACES],
    /// The place of the merge that was chosen and is still to be applied, or [`NOTHING`]; and what it makes.
    at: [u32; LANES],
    made: [u32; LANES],
    /// The rank of that with the symbol before it, and with the one after it.
    born: [[u32; LANES]; 2],
    /// The words in it, by the caller's numbers.
    numbers: [usize; LANES],
    /// How many rows the next step goes down: as many as the longest word has symbols, of those that still merge, and at first one
    /// more.
    rows: usize,
    is_going: bool,
}

impl<const PLACES: usize> Default for Set<PLACES> {
    fn default() -> Self {
        Self {
            symbols: [[NOTHING; LANES]; PLACES],
            ranks: [[NONE; LANES]; PLACES],
            at: [NOTHING; LANES],
            made: [NOTHING; LANES],
            born: [[NONE; LANES]; 2],
            numbers: [0; LANES],
            rows: 0,
            is_going: false,
        }
    }
}

impl<const PLACES: usize> Lanes<PLACES> {
    /// Takes up a word that begins from these starts, of which the `first` are a row already; when there is no lane for another, merges
    /// all.
    #[inline(always)]
    pub(crate) fn take<R: Row>(
        &mut self,
        pairs: View<'_>,
        number: usize,
        first: R,
        starts: &Piece,
        length: usize,
        sink: &mut impl Merged,
    ) {
        self.sets[self.count / LANES % SETS].take(pairs, self.count % LANES, number, first, starts, length);
        self.count += 1;
        if self.count == SETS * LANES {
            self.finish::<R>(pairs, sink);
        }
    }

    /// Merges the words taken up.
    #[inline(always)]
    pub(crate) fn finish<R: Row>(&mut self, pairs: View<'_>, sink: &mut impl Merged) {
        for (number, set) in self.sets.iter_mut().enumerate() {
            set.begin::<R>(pairs, self.count.saturating_sub(number * LANES).min(LANES));
        }
        while self.sets.iter().any(|set| set.is_going) {
            let mut born = [Born::NONE; SETS];
            for (set, born) in self.sets.iter_mut().zip(&mut born) {
                if set.is_going {
                    *born = set.choose::<R>(pairs);
                }
            }
            for (set, born) in self.sets.iter_mut().zip(&born) {
                set.settle::<R>(pairs, born);
            }
        }
        for (number, set) in self.sets.iter_mut().enumerate() {
            let count = self.count.saturating_sub(number * LANES).min(LANES);
            if count > 0 {
                set.end::<R>(count, sink);
            }
        }
        self.count = 0;
    }
}

/// The pairs born of a step that may merge.
#[derive(Clone, Copy)]
struct Born {
    /// By lane: the symbol before what was made, that, and the one after it.
    symbols: [[u32; LANES]; 3],
    /// Of the first two of these, and of the last two: the bit of the pair in the filter.
    bits: [[u32; LANES]; 2],
    /// Which of these pairs may merge: sixteen bits, and sixteen above.
    may_merge: u32,
}

impl Born {
    const NONE: Self = Self { symbols: [[0; LANES]; 3], bits: [[0; LANES]; 2], may_merge: 0 };
}

impl<const PLACES: usize> Set<PLACES> {
    /// Takes up a word: for now, each has rows of its own.
    #[inline(always)]
    fn take<R: Row>(&mut self, pairs: View<'_>, lane: usize, number: usize, first: R, starts: &Piece, length: usize) {
        first.store(&mut self.symbols[lane]);
        for block in 1..PLACES / LANES {
            let row: R = pairs.starts.row(starts, block * LANES, length);
            row.store(&mut self.symbols[block * LANES + lane]);
        }
        self.numbers[lane] = number;
        self.rows = self.rows.max(length + 1);
    }

    /// Gives each of the `count` words a lane, and looks up their first pairs, a row of sixteen words at a time and no further than
    /// there are pairs. (Word by word, and before the turn, each had sixteen places looked up: with what a set saves that is done, merging
    /// a word of base64 went from 38 to 29 ns, one of English from 69 to 58, of the mix from 99 to 90.)
    #[inline(always)]
    fn begin<R: Row>(&mut self, pairs: View<'_>, count: usize) {
        if count == 0 {
            return;
        }
        for block in self.symbols.as_chunks_mut().0 {
            block[count..].fill([NOTHING; LANES]);
            R::transpose(block);
        }
        let mut left = R::load(&self.symbols[0]);
        let last = self.rows.max(2) - 2;
        for place in 0..last {
            let right = R::load(&self.symbols[place + 1]);
            let (symbols, ranks) = pairs.starts.begin(left, right);
            symbols.store(&mut self.symbols[place]);
            ranks.store(&mut self.ranks[place]);
            left = right;
        }
        // Behind the last pair.
        pairs.starts.symbols(left).store(&mut self.symbols[last]);
        self.ranks[last..PLACES.min(last + 3)].fill([NONE; LANES]);
        self.is_going = true;
    }

    /// Applies what was chosen and chooses anew.
    #[inline(always)]
    fn choose<R: Row>(&mut self, pairs: View<'_>) -> Born {
        let (nothing, none) = (R::splat(NOTHING), R::splat(NONE));
        let (at, made) = (R::load(&self.at), R::load(&self.made));
        let [born_before, born_after] = [R::load(&self.born[0]), R::load(&self.born[1])];
        let (mut is_behind, mut is_here) = (R::Mask::NONE, at.equal(0));
        let (mut symbol, mut rank) = (R::load(&self.symbols[0]), R::load(&self.ranks[0]));
        // The symbols and ranks of the rows above, the nearest first.
        let (mut symbols, mut ranks) = ([nothing; 3], [none; 2]);
        let mut best = Best { rank: none, at: nothing, before: nothing, after: nothing };
        let rows = self.rows.min(PLACES - 1);
        for place in 0..rows {
            let (next_symbol, next_rank) = (R::load(&self.symbols[place + 1]), R::load(&self.ranks[place + 1]));
            let is_before = at.equal(place as u32 + 1);
            let new_symbol = symbol.choose(is_behind, next_symbol).choose(is_here, made);
            // Behind, all but the merge itself moves up; the pair that it was is replaced by the one that it is in.
            let new_rank = rank.choose(is_behind, next_rank).choose(is_here, born_after).choose(is_before, born_before);
            new_symbol.store(&mut self.symbols[place]);
            new_rank.store(&mut self.ranks[place]);
            best = best.or(ranks[1], (place as u32).wrapping_sub(2), symbols[2], new_symbol);
            is_behind = is_behind.or(is_here);
            is_here = is_before;
            symbols = [new_symbol, symbols[0], symbols[1]];
            ranks = [new_rank, ranks[0]];
            (symbol, rank) = (next_symbol, next_rank);
        }
        let Best { rank, at, before, after } = best.or(ranks[1], (rows as u32).wrapping_sub(2), symbols[2], nothing);
        let going = rank.below(NONE);
        let made = rank.plus(R::splat(256));
        at.store(&mut self.at);
        made.store(&mut self.made);
        self.rows = self.rows.saturating_sub(1);
        self.is_going = going.bits() != 0;
        let mut born = Born::NONE;
        if !self.is_going {
            // No pair is born; to look up none takes as long as to look up all.
            return born;
        }
        for (number, (left, right)) in [(before, made), (made, after)].into_iter().enumerate() {
            let (ranks, bits, may_merge) = pairs.ask_all(left, right);
            let is_pair = going.but(left.or(right).equal(NOTHING));
            ranks.store(&mut self.born[number]);
            bits.store(&mut born.bits[number]);
            born.may_merge |= u32::from(may_merge.and(is_pair).bits()) << (number * LANES);
        }
        before.store(&mut born.symbols[0]);
        made.store(&mut born.symbols[1]);
        after.store(&mut born.symbols[2]);
        born
    }

    /// Notes the ranks of those pairs that are still in question.
    #[inline(always)]
    fn settle<R: Row>(&mut self, pairs: View<'_>, born: &Born) {
        let mut may_merge = born.may_merge;
        while may_merge != 0 {
            let number = may_merge.trailing_zeros() as usize;
            may_merge &= may_merge - 1;
            let (side, lane) = (number / LANES % 2, number % LANES);
            let (left, right) = (born.symbols[side][lane], born.symbols[side + 1][lane]);
            self.born[side][lane] = pairs.answer::<R>(Question::new(left, right, born.bits[side][lane]));
        }
    }

    /// Calls `sink` with the row of each of the `count` words, and makes room for others.
    #[inline(always)]
    fn end<R: Row>(&mut self, count: usize, sink: &mut impl Merged) {
        for block in self.symbols.as_chunks_mut().0 {
            R::transpose(block);
        }
        for lane in 0..count {
            let mut word = [0; PLACES];
            let mut length = 0;
            for block in 0..PLACES / LANES {
                let symbols = &self.symbols[block * LANES + lane];
                word[block * LANES..][..LANES].copy_from_slice(symbols);
                length += R::load(symbols).equal(NOTHING).bits().trailing_zeros() as usize;
            }
            sink.take::<R>(self.numbers[lane], &word, length);
        }
        (self.at, self.made, self.rows) = ([NOTHING; LANES], [NOTHING; LANES], 0);
    }
}

/// The best pair found so far in each lane: its rank, its place, and the symbols on both sides of it.
#[derive(Clone, Copy)]
struct Best<R> {
    rank: R,
    at: R,
    before: R,
    after: R,
}

impl<R: Row> Best<R> {
    /// The better of it and the pair of another row; of equals, itself.
    #[inline(always)]
    fn or(self, rank: R, place: u32, before: R, after: R) -> Self {
        let is_better = rank.less(self.rank);
        Self {
            rank: self.rank.choose(is_better, rank),
            at: self.at.choose(is_better, R::splat(place)),
            before: self.before.choose(is_better, before),
            after: self.after.choose(is_better, after),
        }
    }
}
