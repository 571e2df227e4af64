//! Words merged in lockstep, each in one lane of vector registers. Row `p` holds symbol `p` of sixteen words.
//!
//! A step passes over the rows once. It applies the merge that the step before chose in each lane, moving the later
//! symbols up by one row, and chooses the next merge: the pair of least rank, the leftmost of equal ranks. Then it
//! looks up the two new pairs of each merge. The square table and the filter of the pair table answer sixteen pairs at
//! a time; the pairs that pass the filter are looked up one by one, so that their cache misses overlap.
//!
//! Four sets of sixteen words take turns: while one set waits for its look-ups, the other sets pass over their rows.
//! Each word loses a symbol in each step, so each step has one row fewer than the step before.
//!
//! The figures below are from real text; `cargo bench -p eurotok-core -- bpe` measures merging on generated words.

use super::MergeSink;
use crate::arch::{Mask, U32x16};
use crate::bpe::initial::StartBuffer;
use crate::bpe::pair_table::{PairTableView, Query};
use crate::bpe::symbol::{NO_RANK, NO_SYMBOL};

/// Words of a set.
const LANES: usize = 16;

/// Sets that take turns. With two sets, a step loads a row of ranks right after they were stored one by one, and waits
/// for the stores. Measured on text of new words: two sets 107 MB/s, four 113, six or eight 109.
const SETS: usize = 4;

/// Words of fewer than `PLACES` symbols.
#[derive(Debug, Default)]
pub(crate) struct Lanes<const PLACES: usize> {
    sets: [Set<PLACES>; SETS],
    count: usize,
}

#[derive(Debug)]
struct Set<const PLACES: usize> {
    /// Symbols by place, then by lane; [`NO_SYMBOL`] behind the last symbol.
    symbols: [[u32; LANES]; PLACES],
    /// The rank of each symbol with the next one, or [`NO_RANK`].
    ranks: [[u32; LANES]; PLACES],
    /// The chosen merge, which the next step applies: its place (or [`NO_SYMBOL`]) and its result.
    at: [u32; LANES],
    made: [u32; LANES],
    /// The ranks of the two new pairs: of the result with the symbol before it, and with the symbol after it.
    new_ranks: [[u32; LANES]; 2],
    /// The caller's number of each word.
    numbers: [usize; LANES],
    /// Number of rows that the next step passes over: the symbols of the longest word that still merges, and at first
    /// one more.
    rows: usize,
    is_going: bool,
}

impl<const PLACES: usize> Default for Set<PLACES> {
    fn default() -> Self {
        Self {
            symbols: [[NO_SYMBOL; LANES]; PLACES],
            ranks: [[NO_RANK; LANES]; PLACES],
            at: [NO_SYMBOL; LANES],
            made: [NO_SYMBOL; LANES],
            new_ranks: [[NO_RANK; LANES]; 2],
            numbers: [0; LANES],
            rows: 0,
            is_going: false,
        }
    }
}

impl<const PLACES: usize> Lanes<PLACES> {
    /// Adds a word, given by its starts; `first` holds the first sixteen of them. When all lanes are taken, all words
    /// are merged.
    #[inline(always)]
    pub(crate) fn take<R: U32x16>(
        &mut self,
        pairs: PairTableView<'_>,
        number: usize,
        first: R,
        starts: &StartBuffer,
        length: usize,
        sink: &mut impl MergeSink,
    ) {
        self.sets[self.count / LANES % SETS].take(pairs, self.count % LANES, number, first, starts, length);
        self.count += 1;
        if self.count == SETS * LANES {
            self.finish::<R>(pairs, sink);
        }
    }

    /// Merges all words.
    #[inline(always)]
    pub(crate) fn finish<R: U32x16>(&mut self, pairs: PairTableView<'_>, sink: &mut impl MergeSink) {
        for (number, set) in self.sets.iter_mut().enumerate() {
            set.begin::<R>(pairs, self.count.saturating_sub(number * LANES).min(LANES));
        }
        while self.sets.iter().any(|set| set.is_going) {
            let mut unresolved = [Unresolved::NONE; SETS];
            for (set, unresolved) in self.sets.iter_mut().zip(&mut unresolved) {
                if set.is_going {
                    *unresolved = set.step::<R>(pairs);
                }
            }
            for (set, unresolved) in self.sets.iter_mut().zip(&unresolved) {
                set.resolve::<R>(pairs, unresolved);
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

/// The new pairs of a step that pass the filter and are still to be looked up.
#[derive(Clone, Copy)]
struct Unresolved {
    /// By lane: the symbol before the merge, the result of the merge, and the symbol after it.
    symbols: [[u32; LANES]; 3],
    /// The filter bits of the first and of the second new pair.
    bits: [[u32; LANES]; 2],
    /// The new pairs that pass the filter: bit `l` is the first pair of lane `l`, bit `16 + l` its second.
    may_merge: u32,
}

impl Unresolved {
    const NONE: Self = Self { symbols: [[0; LANES]; 3], bits: [[0; LANES]; 2], may_merge: 0 };
}

impl<const PLACES: usize> Set<PLACES> {
    /// Adds a word. Until [`begin`](Self::begin) transposes the set, a word stands in rows, not in a lane.
    #[inline(always)]
    fn take<R: U32x16>(
        &mut self,
        pairs: PairTableView<'_>,
        lane: usize,
        number: usize,
        first: R,
        starts: &StartBuffer,
        length: usize,
    ) {
        first.store(&mut self.symbols[lane]);
        for block in 1..PLACES / LANES {
            let row: R = pairs.starts.row(starts, block * LANES, length);
            row.store(&mut self.symbols[block * LANES + lane]);
        }
        self.numbers[lane] = number;
        self.rows = self.rows.max(length + 1);
    }

    /// Transposes the `count` words, so that each has a lane, and looks up the ranks of their first pairs, sixteen
    /// words at a time. Looking the ranks up by word, before the transposition, took sixteen places a word. With this
    /// order, merging a word took 29 ns instead of 38 for base64, 58 instead of 69 for English, and 90 instead of 99
    /// for the mix.
    #[inline(always)]
    fn begin<R: U32x16>(&mut self, pairs: PairTableView<'_>, count: usize) {
        if count == 0 {
            return;
        }
        for block in self.symbols.as_chunks_mut().0 {
            block[count..].fill([NO_SYMBOL; LANES]);
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
        // The row behind the last pair.
        pairs.starts.symbols(left).store(&mut self.symbols[last]);
        self.ranks[last..PLACES.min(last + 3)].fill([NO_RANK; LANES]);
        self.is_going = true;
    }

    /// Applies the chosen merges and chooses the next ones.
    #[inline(always)]
    fn step<R: U32x16>(&mut self, pairs: PairTableView<'_>) -> Unresolved {
        let (nothing, none) = (R::splat(NO_SYMBOL), R::splat(NO_RANK));
        let (at, made) = (R::load(&self.at), R::load(&self.made));
        let [rank_before, rank_after] = [R::load(&self.new_ranks[0]), R::load(&self.new_ranks[1])];
        let (mut is_behind, mut is_here) = (R::Mask::NONE, at.equal(0));
        let (mut symbol, mut rank) = (R::load(&self.symbols[0]), R::load(&self.ranks[0]));
        // The symbols and ranks of the rows above, the nearest first.
        let (mut symbols, mut ranks) = ([nothing; 3], [none; 2]);
        let mut best = Best { rank: none, at: nothing, before: nothing, after: nothing };
        let rows = self.rows.min(PLACES - 1);
        for place in 0..rows {
            let (next_symbol, next_rank) = (R::load(&self.symbols[place + 1]), R::load(&self.ranks[place + 1]));
            let is_before = at.equal(place as u32 + 1);
            let new_symbol = symbol.select(is_behind, next_symbol).select(is_here, made);
            // Rows behind the merge move up. The two pairs beside the merge get their new ranks.
            let new_rank = rank.select(is_behind, next_rank).select(is_here, rank_after).select(is_before, rank_before);
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
        let going = rank.less_than(NO_RANK);
        let made = rank.wrapping_add(R::splat(256));
        at.store(&mut self.at);
        made.store(&mut self.made);
        self.rows = self.rows.saturating_sub(1);
        self.is_going = going.bits() != 0;
        let mut unresolved = Unresolved::NONE;
        if !self.is_going {
            // No lane has a merge, so there are no new pairs. (Looking up sixteen pairs costs the same however many are
            // real.)
            return unresolved;
        }
        for (number, (left, right)) in [(before, made), (made, after)].into_iter().enumerate() {
            let (ranks, bits, may_merge) = pairs.query_all(left, right);
            let is_pair = going.and_not(left.or(right).equal(NO_SYMBOL));
            ranks.store(&mut self.new_ranks[number]);
            bits.store(&mut unresolved.bits[number]);
            unresolved.may_merge |= u32::from(may_merge.and(is_pair).bits()) << (number * LANES);
        }
        before.store(&mut unresolved.symbols[0]);
        made.store(&mut unresolved.symbols[1]);
        after.store(&mut unresolved.symbols[2]);
        unresolved
    }

    /// Looks up the pairs that passed the filter and stores their ranks.
    #[inline(always)]
    fn resolve<R: U32x16>(&mut self, pairs: PairTableView<'_>, unresolved: &Unresolved) {
        let mut may_merge = unresolved.may_merge;
        while may_merge != 0 {
            let number = may_merge.trailing_zeros() as usize;
            may_merge &= may_merge - 1;
            let (side, lane) = (number / LANES % 2, number % LANES);
            let (left, right) = (unresolved.symbols[side][lane], unresolved.symbols[side + 1][lane]);
            self.new_ranks[side][lane] = pairs.look_up::<R>(Query::new(left, right, unresolved.bits[side][lane]));
        }
    }

    /// Passes the row of each of the `count` words to `sink` and empties the set.
    #[inline(always)]
    fn end<R: U32x16>(&mut self, count: usize, sink: &mut impl MergeSink) {
        for block in self.symbols.as_chunks_mut().0 {
            R::transpose(block);
        }
        for lane in 0..count {
            let mut word = [0; PLACES];
            let mut length = 0;
            for block in 0..PLACES / LANES {
                let symbols = &self.symbols[block * LANES + lane];
                word[block * LANES..][..LANES].copy_from_slice(symbols);
                length += R::load(symbols).equal(NO_SYMBOL).bits().trailing_zeros() as usize;
            }
            sink.take::<R>(self.numbers[lane], &word, length);
        }
        (self.at, self.made, self.rows) = ([NO_SYMBOL; LANES], [NO_SYMBOL; LANES], 0);
    }
}

/// The best pair so far in each lane: its rank, its place, and the symbols on both sides of it.
#[derive(Clone, Copy)]
struct Best<R> {
    rank: R,
    at: R,
    before: R,
    after: R,
}

impl<R: U32x16> Best<R> {
    /// The better of `self` and the pair of another row; `self` if the ranks are equal.
    #[inline(always)]
    fn or(self, rank: R, place: u32, before: R, after: R) -> Self {
        let is_better = rank.less_than_each(self.rank);
        Self {
            rank: self.rank.select(is_better, rank),
            at: self.at.select(is_better, R::splat(place)),
            before: self.before.select(is_better, before),
            after: self.after.select(is_better, after),
        }
    }
}
