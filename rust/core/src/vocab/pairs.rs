//! Pairs of neighbouring symbols, and BPE over them.
//!
//! A *symbol* is a token as merging sees it: the byte `b` is symbol `b`, what merge number `r` makes is symbol `256 + r`. So the
//! rank of a merge names its result.
//!
//! New words are what a tokenizer spends its time on in an inflected language, and a word costs some twenty look-ups of pairs, most
//! of them of pairs that do not merge. The table is made for those: nine of ten end at a filter of some ten bits a merge, which
//! stays in the second-level cache. The others read one line, with a tag of 16 bits a pair; what that does not tell apart is found
//! out where a merge is about to be applied: [`View::verify`] compares it with the list of merges.

use crate::arch::{Isa, Work};
use crate::memory::Zeroed;

/// The most merges a vocabulary can have.
pub const MAX_MERGES: usize = (1 << 21) - 257;

/// The rank of a pair that does not merge.
pub const NONE: u32 = u32::MAX;

/// Pairs of a bucket: their tags share a word.
const BUCKET: usize = 4;

/// One in each tag of a word.
const ONES: u64 = 0x0001_0001_0001_0001;

/// A symbol that no merge names.
const NOTHING: u32 = u32::MAX;

/// From a pair of symbols to the rank of its merge.
#[derive(Debug)]
pub struct PairTable {
    /// A bit for each of many hashes: whether a pair with this hash merges.
    filter: Zeroed<u64>,
    /// Four pairs each: their tags in the first word, 0 being empty, their ranks in the next two.
    buckets: Zeroed<[u64; 4]>,
    shift: u32,
    /// The ranks of pairs of bytes, directly.
    of_bytes: Vec<u32>,
    /// The pair of each merge.
    made_of: Vec<(u32, u32)>,
    /// By the low bits of a two-byte character's code point: the symbol of the character, where its two bytes may be merged
    /// before all else; else 0.
    characters: Vec<u32>,
    isa: Isa,
}

/// What a pair hashes to.
#[derive(Debug, Clone, Copy)]
struct Home {
    /// Its bit of the filter.
    bit: usize,
    bucket: usize,
    tag: u64,
}

impl PairTable {
    /// A table for up to `merges` pairs.
    ///
    /// # Panics
    /// If `merges` exceeds [`MAX_MERGES`], which vocabularies are checked against.
    pub fn with_capacity(merges: usize, isa: Isa) -> Self {
        assert!(merges <= MAX_MERGES, "ranks have 21 bits");
        let buckets = (2 * merges / BUCKET).next_power_of_two().max(16);
        Self {
            // Sixteen bits a bucket, of which two or three pairs are in it.
            filter: Zeroed::new(buckets / 4),
            buckets: Zeroed::new(buckets),
            shift: u64::BITS - buckets.trailing_zeros(),
            of_bytes: vec![NONE; 1 << 16],
            made_of: vec![(NOTHING, NOTHING); merges],
            characters: vec![0; 0x800],
            isa,
        }
    }

    /// Adds the pair of merge number `rank`, which has none yet.
    pub fn insert(&mut self, left: u32, right: u32, rank: u32) {
        self.made_of[rank as usize] = (left, right);
        if left < 256 && right < 256 {
            let slot = &mut self.of_bytes[(left << 8 | right) as usize];
            *slot = rank.min(*slot);
            return;
        }
        let Home { bit, mut bucket, tag } = self.home(left, right);
        self.filter[bit / 64] |= 1 << (bit % 64);
        loop {
            let [tags, ranks @ ..] = &mut self.buckets[bucket];
            if let Some(place) = (0..BUCKET).find(|place| *tags >> (16 * place) & 0xFFFF == 0) {
                *tags |= tag << (16 * place);
                ranks[place / 2] |= u64::from(rank) << (32 * (place % 2));
                return;
            }
            bucket = self.following(bucket);
        }
    }

    /// Says that all pairs are there.
    ///
    /// The two bytes of a character may merge before all else if no merge of the lead with what is before it, none of the other
    /// byte with what follows, and none of the character itself has a smaller rank than theirs: then nothing comes between
    /// them, and nothing that they make possible comes before them.
    pub fn finish(&mut self) {
        let mut first_as_left = vec![NONE; 256 + self.made_of.len()];
        let mut first_as_right = first_as_left.clone();
        for (rank, &(left, right)) in self.made_of.iter().enumerate() {
            for (first, symbol) in [(&mut first_as_left, left), (&mut first_as_right, right)] {
                if let Some(first) = first.get_mut(symbol as usize) {
                    *first = (*first).min(rank as u32);
                }
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
                first_as_right[lead as usize],
                first_as_left[other as usize],
                first_as_left[symbol as usize],
                first_as_right[symbol as usize],
            ];
            if rivals.into_iter().all(|rival| rank < rival) {
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
            made_of: &self.made_of,
            characters: &self.characters,
        }
    }

    fn home(&self, left: u32, right: u32) -> Home {
        Home::new(left, right, self.shift)
    }

    fn following(&self, bucket: usize) -> usize {
        (bucket + 1) & (self.buckets.len() - 1)
    }
}

impl Home {
    /// By the upper bits of a product, to which both symbols contribute all of theirs.
    #[inline(always)]
    fn new(left: u32, right: u32, shift: u32) -> Self {
        let hash = (u64::from(left) << 32 | u64::from(right)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let bit = (hash >> (shift - 4)) as usize;
        Self { bit, bucket: bit >> 4, tag: hash >> 20 & 0xFFFF | 1 }
    }
}

/// A [`PairTable`] at hand.
#[derive(Clone, Copy)]
struct View<'t> {
    filter: &'t [u64],
    buckets: &'t [[u64; 4]],
    shift: u32,
    of_bytes: &'t [u32],
    made_of: &'t [(u32, u32)],
    characters: &'t [u32],
}

impl View<'_> {
    /// The rank of a pair, [`NONE`] if it does not merge; very rarely, the rank of another pair.
    #[inline(always)]
    fn guess(&self, left: u32, right: u32) -> u32 {
        if (left | right) < 256 {
            return self.of_bytes[(left << 8 | right) as usize];
        }
        let Home { bit, bucket, tag } = Home::new(left, right, self.shift);
        if self.filter[bit / 64] >> (bit % 64) & 1 == 0 {
            return NONE;
        }
        let tags = self.buckets[bucket][0];
        let matches = zeros(tags ^ tag.wrapping_mul(ONES));
        if matches != 0 {
            return self.rank_at(bucket, matches.trailing_zeros() as usize / 16);
        }
        if tags >> 48 == 0 { NONE } else { self.rank_from(self.following(bucket), tag, left, right) }
    }

    #[inline(always)]
    fn rank_at(&self, bucket: usize, place: usize) -> u32 {
        (self.buckets[bucket][1 + place / 2] >> (32 * (place % 2))) as u32
    }

    /// Whether merge `rank` is that of this pair.
    #[inline(always)]
    fn verify(&self, rank: u32, left: u32, right: u32) -> bool {
        self.made_of[rank as usize] == (left, right)
    }

    /// The rank of a pair, or [`NONE`]; exact.
    fn rank(&self, left: u32, right: u32) -> u32 {
        if (left | right) < 256 {
            return self.of_bytes[(left << 8 | right) as usize];
        }
        let Home { bucket, tag, .. } = Home::new(left, right, self.shift);
        self.rank_from(bucket, tag, left, right)
    }

    /// Looks from a bucket on: the next one only if all four places are taken, which the last says.
    fn rank_from(&self, mut bucket: usize, tag: u64, left: u32, right: u32) -> u32 {
        loop {
            let tags = self.buckets[bucket][0];
            let of_tag = |&place: &usize| tags >> (16 * place) & 0xFFFF == tag;
            let mut ranks = (0..BUCKET).filter(of_tag).map(|place| self.rank_at(bucket, place));
            if let Some(rank) = ranks.find(|&rank| self.verify(rank, left, right)) {
                return rank;
            }
            if tags >> 48 == 0 {
                return NONE;
            }
            bucket = self.following(bucket);
        }
    }

    fn following(&self, bucket: usize) -> usize {
        (bucket + 1) & (self.buckets.len() - 1)
    }
}

/// The top bit of each 16 that are zero; above the lowest such, perhaps of others.
#[inline(always)]
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & ONES << 15
}

/// BPE of pieces. Memory is reused across calls.
#[derive(Debug, Default)]
pub struct Merger {
    words: [Word; AT_ONCE],
    heap: std::collections::BinaryHeap<std::cmp::Reverse<(u32, u32)>>,
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
        heap.clear();
        for (at, pair) in symbols.windows(2).enumerate() {
            let rank = pairs.rank(pair[0], pair[1]);
            if rank != NONE {
                heap.push(std::cmp::Reverse((rank, at as u32)));
            }
        }
        while let Some(std::cmp::Reverse((rank, left))) = heap.pop() {
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
                let rank = pairs.rank(symbols[left as usize], symbols[after as usize]);
                if rank != NONE {
                    heap.push(std::cmp::Reverse((rank, left)));
                }
            }
            let before = previous[left as usize];
            if before != END {
                let rank = pairs.rank(symbols[before as usize], symbols[left as usize]);
                if rank != NONE {
                    heap.push(std::cmp::Reverse((rank, before)));
                }
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
            self.candidates[place] = Self::candidate(place, pairs.guess(self.symbols[place], self.symbols[place + 1]));
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
        if !pairs.verify(rank, self.symbols[left], self.symbols[right]) {
            self.candidates[left] = Self::candidate(left, pairs.rank(self.symbols[left], self.symbols[right]));
            return true;
        }
        let before = usize::from(self.previous[left]) % Self::PLACES;
        let after = usize::from(self.next[right]) % Self::PLACES;
        let made = 256 + rank;
        self.symbols[left] = made;
        self.next[left] = after as u8;
        self.previous[after] = left as u8;
        self.candidates[right] = NONE;
        self.candidates[left] = Self::candidate(left, pairs.guess(made, self.symbols[after]));
        self.candidates[before] = Self::candidate(before, pairs.guess(self.symbols[before], made));
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
