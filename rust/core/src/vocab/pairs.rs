//! Pairs of neighbouring symbols, and BPE over them.
//!
//! A *symbol* is a token as merging sees it: the byte `b` is symbol `b`, what merge number `r` makes is symbol `256 + r`. So the
//! rank of a merge names its result.
//!
//! New words are what a tokenizer spends its time on in an inflected language, and a word costs some twenty look-ups of pairs, most
//! of them of pairs that do not merge: nine of ten of those end at a filter of some ten bits a merge, which stays in the
//! second-level cache. The others read one line, which holds eight merges of eight bytes. (Tags of 16 bits in its place need
//! the list of merges to be exact, and half of the time went into waiting for that list.)

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hashbrown::HashMap;

use crate::arch::{Isa, Work};
use crate::memory::Zeroed;

/// The most merges a vocabulary can have.
pub const MAX_MERGES: usize = (1 << 21) - 257;

/// The rank of a pair that does not merge.
pub const NONE: u32 = u32::MAX;

/// Merges of a bucket: a cache line.
const BUCKET: usize = 8;

/// Bits of a symbol, and of a rank.
const BITS: u32 = 21;

/// A symbol that no merge names.
const NOTHING: u32 = u32::MAX;

/// From a pair of symbols to the rank of its merge.
#[derive(Debug)]
pub struct PairTable {
    /// A bit for each of many hashes: whether a pair with this hash merges.
    filter: Zeroed<u64>,
    /// Merges by the hash of their pair, each as its left symbol, its right one and its rank; 0 is empty. One that finds its
    /// bucket full stands in the next.
    buckets: Zeroed<[u64; BUCKET]>,
    shift: u32,
    /// The ranks of pairs of bytes, directly.
    of_bytes: Vec<u32>,
    /// By the low bits of a two-byte character's code point: the symbol of the character, where its two bytes may be merged
    /// before all else; else 0.
    characters: Vec<u32>,
    isa: Isa,
}

impl PairTable {
    /// A table for up to `merges` pairs.
    ///
    /// # Panics
    /// If `merges` exceeds [`MAX_MERGES`], which vocabularies are checked against.
    pub fn with_capacity(merges: usize, isa: Isa) -> Self {
        assert!(merges <= MAX_MERGES, "ranks have 21 bits");
        let buckets = (merges.div_ceil(BUCKET) * 5 / 4).next_power_of_two().max(2);
        Self {
            filter: Zeroed::new(buckets),
            buckets: Zeroed::new(buckets),
            shift: u64::BITS - buckets.trailing_zeros() - 6,
            of_bytes: vec![NONE; 1 << 16],
            characters: vec![0; 0x800],
            isa,
        }
    }

    /// Adds the pair of merge number `rank`; of a pair that is there already, the first rank counts.
    pub fn insert(&mut self, left: u32, right: u32, rank: u32) {
        if left < 256 && right < 256 {
            let slot = &mut self.of_bytes[(left << 8 | right) as usize];
            *slot = rank.min(*slot);
            return;
        }
        let bit = home(left, right, self.shift);
        self.filter[bit / 64] |= 1 << (bit % 64);
        let mut bucket = bit / 64;
        loop {
            if let Some(slot) = self.buckets[bucket].iter_mut().find(|slot| **slot == 0) {
                *slot = key(left, right) << BITS | u64::from(rank);
                return;
            }
            bucket = (bucket + 1) & (self.buckets.len() - 1);
        }
    }

    /// Says that all pairs are there.
    ///
    /// The two bytes of a character may merge before all else if no merge of the lead with what is before it, none of the other
    /// byte with what follows, and none of the character itself has a smaller rank than theirs: then nothing comes between
    /// them, and nothing that they make possible comes before them.
    pub fn finish(&mut self) {
        let of_bytes = self.of_bytes.iter().zip(0..).filter(|(rank, _)| **rank != NONE);
        let of_bytes = of_bytes.map(|(&rank, pair)| (pair >> 8, pair & 0xFF, rank));
        let of_symbols = self.buckets.iter().flatten().filter(|slot| **slot != 0).map(|slot| {
            let field = |number: u32| (slot >> (number * BITS)) as u32 & ((1 << BITS) - 1);
            (field(2), field(1), field(0))
        });
        let mut first_as_left: HashMap<u32, u32> = HashMap::new();
        let mut first_as_right = HashMap::new();
        for (left, right, rank) in of_bytes.chain(of_symbols) {
            for (first, symbol) in [(&mut first_as_left, left), (&mut first_as_right, right)] {
                let first = first.entry(symbol).or_insert(rank);
                *first = rank.min(*first);
            }
        }
        for character in 0x80..0x800u32 {
            let (lead, other) = (0xC0 | character >> 6, 0x80 | character & 0x3F);
            let rank = self.of_bytes[(lead << 8 | other) as usize];
            if rank == NONE {
                continue;
            }
            let symbol = 256 + rank;
            let rivals = [
                first_as_right.get(&lead),
                first_as_left.get(&other),
                first_as_left.get(&symbol),
                first_as_right.get(&symbol),
            ];
            if rivals.into_iter().flatten().all(|&rival| rank < rival) {
                self.characters[character as usize] = symbol;
            }
        }
    }

    /// The tables as slices: to look up many pairs.
    fn view(&self) -> View<'_> {
        View {
            filter: &self.filter,
            buckets: &self.buckets,
            shift: self.shift,
            of_bytes: &self.of_bytes,
            characters: &self.characters,
        }
    }
}

fn key(left: u32, right: u32) -> u64 {
    u64::from(left) << BITS | u64::from(right)
}

/// The bit of a pair in the filter, and so its bucket, a 64th of that: the upper bits of a product to which both symbols
/// contribute all of theirs.
#[inline(always)]
fn home(left: u32, right: u32, shift: u32) -> usize {
    ((u64::from(left) << 32 | u64::from(right)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> shift) as usize
}

/// A [`PairTable`] at hand.
#[derive(Clone, Copy)]
struct View<'t> {
    filter: &'t [u64],
    buckets: &'t [[u64; BUCKET]],
    shift: u32,
    of_bytes: &'t [u32],
    characters: &'t [u32],
}

impl View<'_> {
    /// The rank of a pair, or [`NONE`].
    #[inline(always)]
    fn rank(&self, left: u32, right: u32) -> u32 {
        if (left | right) < 256 {
            return self.of_bytes[(left << 8 | right) as usize];
        }
        let bit = home(left, right, self.shift);
        let mut bucket = bit / 64;
        if self.filter[bucket] >> (bit % 64) & 1 == 0 {
            return NONE;
        }
        let key = key(left, right);
        loop {
            let slots = &self.buckets[bucket];
            let mut found = 0;
            for &slot in slots {
                found |= if slot >> BITS == key { slot } else { 0 };
            }
            if found != 0 {
                return found as u32 & ((1 << BITS) - 1);
            }
            if slots[BUCKET - 1] == 0 {
                return NONE;
            }
            bucket = (bucket + 1) & (self.buckets.len() - 1);
        }
    }
}

/// BPE of pieces. Memory is reused across calls.
#[derive(Debug, Default)]
pub struct Merger {
    words: [Word; AT_ONCE],
    heap: BinaryHeap<Reverse<u64>>,
    next: Vec<u32>,
    previous: Vec<u32>,
}

/// Words merged at a time. The steps of a merge wait for each other, those of different words do not: the processor
/// overlaps them.
const AT_ONCE: usize = 4;

impl Merger {
    /// Appends to `out` the symbols that BPE leaves of `piece`: the pair of smallest rank merges first, the leftmost of equals,
    /// until none merges. O(n log n), for short pieces O(n²) with a small constant.
    pub fn merge(&mut self, pairs: &PairTable, piece: &[u8], out: &mut Vec<u32>) {
        let pairs = pairs.view();
        if piece.len() > Word::LONGEST {
            return self.merge_long(pairs, piece, out);
        }
        let word = &mut self.words[0];
        word.begin(pairs, piece);
        while word.step(pairs) {}
        out.extend_from_slice(word.collect());
    }

    /// Calls `sink` with the number of each piece and the symbols that BPE leaves of it, in any order.
    pub fn merge_all<'p>(
        &mut self,
        pairs: &PairTable,
        pieces: impl Iterator<Item = &'p [u8]>,
        sink: impl FnMut(usize, &[u32]),
    ) {
        pairs.isa.run(InLanes { merger: self, pairs: pairs.view(), pieces: pieces.enumerate(), sink });
    }

    /// A heap of candidate pairs over a doubly linked list. A candidate is valid if its left place still begins a symbol and
    /// the pair there still has its rank (a place only ever changes to other pairs, and a pair of equal rank is the same pair).
    fn merge_long(&mut self, pairs: View<'_>, piece: &[u8], out: &mut Vec<u32>) {
        const END: u32 = u32::MAX;
        const GONE: u32 = u32::MAX;
        let Self { heap, next, previous, .. } = self;
        let length = u32::try_from(piece.len()).expect("a piece is under 4 GiB");
        let mut symbols: Vec<u32> = piece.iter().map(|&byte| u32::from(byte)).collect();
        next.clear();
        next.extend((1..length).chain([END]));
        previous.clear();
        previous.extend([END].into_iter().chain(0..length - 1));
        // The rank above and the place below, so that the smallest is the next to merge.
        let candidate = |left: u32, right: u32, place: u32| {
            let rank = pairs.rank(left, right);
            (rank != NONE).then(|| Reverse(u64::from(rank) << 32 | u64::from(place)))
        };
        let mut first = std::mem::take(heap).into_vec();
        first.clear();
        first.extend(symbols.windows(2).zip(0..).filter_map(|(pair, place)| candidate(pair[0], pair[1], place)));
        *heap = BinaryHeap::from(first);
        while let Some(Reverse(best)) = heap.pop() {
            let (rank, left) = ((best >> 32) as u32, best as u32);
            let right = next[left as usize];
            if symbols[left as usize] == GONE
                || right == END
                || pairs.rank(symbols[left as usize], symbols[right as usize]) != rank
            {
                continue;
            }
            symbols[left as usize] = 256 + rank;
            symbols[right as usize] = GONE;
            let after = next[right as usize];
            next[left as usize] = after;
            if after != END {
                previous[after as usize] = left;
                heap.extend(candidate(symbols[left as usize], symbols[after as usize], left));
            }
            let before = previous[left as usize];
            if before != END {
                heap.extend(candidate(symbols[before as usize], symbols[left as usize], before));
            }
        }
        out.extend(symbols.into_iter().filter(|&symbol| symbol != GONE));
    }
}

/// [`Merger::merge_all`], in the form that [`Isa::run`] takes.
struct InLanes<'m, P, S> {
    merger: &'m mut Merger,
    pairs: View<'m>,
    pieces: std::iter::Enumerate<P>,
    sink: S,
}

impl<'p, P: Iterator<Item = &'p [u8]>, S: FnMut(usize, &[u32])> InLanes<'_, P, S> {
    /// Begins the next short piece in a lane and returns its number; does the long ones on the way.
    #[inline(always)]
    fn begin(&mut self, lane: usize) -> Option<usize> {
        loop {
            let (number, piece) = self.pieces.next()?;
            if piece.len() <= Word::LONGEST {
                self.merger.words[lane].begin(self.pairs, piece);
                return Some(number);
            }
            let mut symbols = Vec::new();
            self.merger.merge_long(self.pairs, piece, &mut symbols);
            (self.sink)(number, &symbols);
        }
    }
}

impl<'p, P: Iterator<Item = &'p [u8]>, S: FnMut(usize, &[u32])> Work for InLanes<'_, P, S> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        let mut numbers = [None; AT_ONCE];
        for (lane, number) in numbers.iter_mut().enumerate() {
            *number = self.begin(lane);
        }
        while numbers.iter().any(Option::is_some) {
            for (lane, slot) in numbers.iter_mut().enumerate() {
                let Some(number) = *slot else { continue };
                let word = &mut self.merger.words[lane];
                if !word.step(self.pairs) {
                    (self.sink)(number, word.collect());
                    *slot = self.begin(lane);
                }
            }
        }
    }
}

/// A short piece while it is merged: a linked list of symbols in arrays.
///
/// The candidate of a place is its pair's rank above and the place below, in one word, so the smallest is the next merge, the
/// leftmost of equals. Place 0 and the one behind the last hold a symbol that merges with nothing, so the ends need no care.
#[derive(Debug, Clone, Default)]
struct Word {
    symbols: [u32; Word::PLACES],
    candidates: [u32; Word::PLACES],
    next: [u8; Word::PLACES],
    previous: [u8; Word::PLACES],
    length: usize,
}

impl Word {
    const PLACES: usize = 32;
    const PLACE_BITS: u32 = 5;
    /// The longest piece, in bytes.
    const LONGEST: usize = Self::PLACES - 2;

    #[inline(always)]
    fn candidate(place: usize, rank: u32) -> u32 {
        // `NONE` is all ones, and stays so.
        if rank == NONE { NONE } else { rank << Self::PLACE_BITS | place as u32 }
    }

    /// Takes up a piece.
    #[inline(always)]
    fn begin(&mut self, pairs: View<'_>, piece: &[u8]) {
        const NEXT: [u8; Word::PLACES] = {
            let mut next = [0; Word::PLACES];
            let mut place = 0;
            while place < Word::PLACES {
                next[place] = place as u8 + 1;
                place += 1;
            }
            next
        };
        const PREVIOUS: [u8; Word::PLACES] = {
            let mut previous = NEXT;
            let mut place = 0;
            while place < Word::PLACES {
                previous[place] = (place as u8).saturating_sub(1);
                place += 1;
            }
            previous
        };
        self.next = NEXT;
        self.previous = PREVIOUS;
        self.symbols[0] = NOTHING;
        let mut length = 0;
        let mut at = 0;
        while at < piece.len() {
            let lead = u32::from(piece[at]);
            let character = match piece.get(at + 1) {
                Some(&other) if lead & 0xE0 == 0xC0 && other & 0xC0 == 0x80 => {
                    pairs.characters[((lead & 0x1F) << 6 | u32::from(other & 0x3F)) as usize]
                }
                _ => 0,
            };
            length += 1;
            self.symbols[length] = if character == 0 { lead } else { character };
            at += if character == 0 { 1 } else { 2 };
        }
        self.symbols[length + 1] = NOTHING;
        self.length = length;
        self.candidates = [NONE; Self::PLACES];
        for place in 1..length {
            self.candidates[place] = Self::candidate(place, pairs.rank(self.symbols[place], self.symbols[place + 1]));
        }
    }

    /// Applies one merge; `false` if there is none left.
    #[inline(always)]
    fn step(&mut self, pairs: View<'_>) -> bool {
        let lanes = if self.length < Self::PLACES / 2 { Self::PLACES / 2 } else { Self::PLACES };
        let mut best = NONE;
        for &candidate in &self.candidates[..lanes] {
            best = if candidate < best { candidate } else { best };
        }
        if best == NONE {
            return false;
        }
        let (rank, left) = (best >> Self::PLACE_BITS, best as usize % Self::PLACES);
        let right = usize::from(self.next[left]) % Self::PLACES;
        let before = usize::from(self.previous[left]) % Self::PLACES;
        let after = usize::from(self.next[right]) % Self::PLACES;
        let made = 256 + rank;
        self.symbols[left] = made;
        self.next[left] = after as u8;
        self.previous[after] = left as u8;
        self.candidates[right] = NONE;
        self.candidates[left] = Self::candidate(left, pairs.rank(made, self.symbols[after]));
        self.candidates[before] = Self::candidate(before, pairs.rank(self.symbols[before], made));
        true
    }

    /// The symbols that are left, in a row: moved to the front, which ends the list.
    #[inline(always)]
    fn collect(&mut self) -> &[u32] {
        let (mut place, mut count) = (1, 0);
        while place <= self.length {
            self.symbols[count] = self.symbols[place];
            count += 1;
            place = usize::from(self.next[place]) % (Self::PLACES + 1);
        }
        &self.symbols[..count]
    }
}
