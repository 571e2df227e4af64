//! Pairs of neighbouring symbols, and BPE over them.
//!
//! A *symbol* is a token as merging sees it: the byte `b` is symbol `b`, what merge number `r` makes is symbol `256 + r`. So the
//! rank of a merge names its result.
//!
//! New words are what a tokenizer spends its time on in an inflected language, and a word costs some twenty look-ups of pairs, most
//! of them of pairs that do not merge. The table is made for those: four bytes a merge, so that it stays in the second-level
//! cache, and no branch that depends on the pair. A slot holds some bits of the pair's hash and the rank. The bits that are
//! missing are made up for where a merge is about to be applied: [`PairTable::verify`] compares it with the list of merges.

use crate::memory::Zeroed;

/// The most merges a vocabulary can have.
pub const MAX_MERGES: usize = (1 << 21) - 257;

/// The rank of a pair that does not merge.
pub const NONE: u32 = u32::MAX;

/// Slots that are looked at together.
const BUCKET: usize = 4;

/// A symbol that no merge names.
const NOTHING: u32 = u32::MAX;

/// From a pair of symbols to the rank of its merge.
#[derive(Debug)]
pub struct PairTable {
    /// Buckets of slots; a slot is a tag above, and below, in `rank_bits` bits, the rank plus one; 0 is empty.
    slots: Zeroed<u32>,
    rank_bits: u32,
    shift: u32,
    /// The ranks of pairs of bytes, directly.
    of_bytes: Vec<u32>,
    /// The pair of each merge.
    made_of: Vec<(u32, u32)>,
    /// By the low bits of a two-byte character's code point: the symbol of the character, where its two bytes may be merged
    /// before all else; else 0.
    characters: Vec<u32>,
}

impl PairTable {
    /// A table for up to `merges` pairs.
    ///
    /// # Panics
    /// If `merges` exceeds [`MAX_MERGES`], which vocabularies are checked against.
    pub fn with_capacity(merges: usize) -> Self {
        assert!(merges <= MAX_MERGES, "ranks have 21 bits");
        let rank_bits = usize::BITS - (merges + 1).leading_zeros();
        let slots = (2 * merges).next_power_of_two().max(2 * BUCKET);
        Self {
            slots: Zeroed::new(slots),
            shift: u32::BITS - (slots / BUCKET).trailing_zeros(),
            rank_bits,
            of_bytes: vec![NONE; 1 << 16],
            made_of: vec![(NOTHING, NOTHING); merges],
            characters: vec![0; 0x800],
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
        let hash = hash(left, right);
        let tag = self.tag(hash);
        let mut at = self.bucket(hash);
        loop {
            if let Some(slot) = self.slots[at..at + BUCKET].iter_mut().find(|slot| **slot == 0) {
                *slot = tag | (rank + 1);
                return;
            }
            at = self.following(at);
        }
    }

    /// Says that all pairs are there.
    pub fn finish(&mut self) {
        let mut first_of = [NONE; 256];
        let mut first_as_right = [NONE; 256];
        for (rank, &(left, right)) in self.made_of.iter().enumerate() {
            if let Some(first) = first_of.get_mut(left as usize) {
                *first = (*first).min(rank as u32);
            }
            if let Some(first) = first_as_right.get_mut(right as usize) {
                *first = (*first).min(rank as u32);
            }
        }
        // The two bytes of a character merge before either merges with anything else if no merge of the lead with what is
        // before it, nor of the other byte with what follows, has a smaller rank. Merges that share no symbol may change
        // places, so these may as well come first.
        for character in 0x80..0x800u32 {
            let (lead, other) = (0xC0 | character >> 6, 0x80 | character & 0x3F);
            let rank = self.of_bytes[(lead << 8 | other) as usize];
            if rank != NONE && rank < first_as_right[lead as usize] && rank < first_of[other as usize] {
                self.characters[character as usize] = 256 + rank;
            }
        }
    }

    /// The rank of a pair, [`NONE`] if it does not merge; rarely, the rank of another pair.
    #[inline(always)]
    fn guess(&self, left: u32, right: u32) -> u32 {
        if (left | right) < 256 {
            return self.of_bytes[(left << 8 | right) as usize];
        }
        let hash = hash(left, right);
        let tag = self.tag(hash);
        let mut at = self.bucket(hash);
        loop {
            let bucket = &self.slots[at..at + BUCKET];
            let mut found = NONE;
            let mut full = true;
            for &slot in bucket {
                // With the right tag, what is left is the rank plus one.
                let rest = slot ^ tag;
                let rank = if rest >> self.rank_bits == 0 { rest.wrapping_sub(1) } else { NONE };
                found = found.min(rank);
                full &= slot != 0;
            }
            if found != NONE || !full {
                return found;
            }
            at = self.following(at);
        }
    }

    /// Whether merge `rank` is that of this pair.
    #[inline(always)]
    fn verify(&self, rank: u32, left: u32, right: u32) -> bool {
        self.made_of[rank as usize] == (left, right)
    }

    /// The rank of a pair, or [`NONE`]; exact.
    pub fn rank(&self, left: u32, right: u32) -> u32 {
        if (left | right) < 256 {
            return self.of_bytes[(left << 8 | right) as usize];
        }
        let hash = hash(left, right);
        let tag = self.tag(hash);
        let mut at = self.bucket(hash);
        loop {
            for &slot in &self.slots[at..at + BUCKET] {
                let rest = slot ^ tag;
                if slot == 0 {
                    return NONE;
                }
                if rest >> self.rank_bits == 0 && self.verify(rest - 1, left, right) {
                    return rest - 1;
                }
            }
            at = self.following(at);
        }
    }

    /// The lower bits of the hash, above the rank.
    #[inline(always)]
    fn tag(&self, hash: u32) -> u32 {
        hash << self.rank_bits
    }

    /// Where the bucket of a hash begins: by its upper bits.
    #[inline(always)]
    fn bucket(&self, hash: u32) -> usize {
        (hash >> self.shift) as usize * BUCKET
    }

    fn following(&self, at: usize) -> usize {
        (at + BUCKET) & (self.slots.len() - 1)
    }
}

/// The upper half of a product, to which both symbols contribute all their bits.
#[inline(always)]
fn hash(left: u32, right: u32) -> u32 {
    ((u64::from(left) << 32 | u64::from(right)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as u32
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
        if piece.len() > Word::LONGEST {
            return self.merge_long(pairs, piece, out);
        }
        let word = &mut self.words[0];
        word.begin(pairs, piece);
        while word.step(pairs) {}
        out.extend(word.symbols());
    }

    /// Calls `sink` with the number of each piece and the symbols that BPE leaves of it, in any order.
    pub fn merge_all<'p>(
        &mut self,
        pairs: &PairTable,
        pieces: impl Iterator<Item = &'p [u8]>,
        mut sink: impl FnMut(usize, &[u32]),
    ) {
        let mut symbols = Vec::new();
        let mut pieces = pieces.enumerate();
        // The next short piece, begun in `word`; long ones on the way are done.
        let mut begin = |this: &mut Self, lane: usize, sink: &mut dyn FnMut(usize, &[u32])| loop {
            let (number, piece) = pieces.next()?;
            if piece.len() <= Word::LONGEST {
                this.words[lane].begin(pairs, piece);
                return Some(number);
            }
            let mut long = Vec::new();
            this.merge_long(pairs, piece, &mut long);
            sink(number, &long);
        };
        let mut numbers: [Option<usize>; AT_ONCE] = [None; AT_ONCE];
        for lane in 0..AT_ONCE {
            numbers[lane] = begin(self, lane, &mut sink);
        }
        while numbers.iter().any(Option::is_some) {
            for lane in 0..AT_ONCE {
                let Some(number) = numbers[lane] else { continue };
                if !self.words[lane].step(pairs) {
                    symbols.clear();
                    symbols.extend(self.words[lane].symbols());
                    sink(number, &symbols);
                    numbers[lane] = begin(self, lane, &mut sink);
                }
            }
        }
    }

    /// A heap of candidate pairs over a doubly linked list. A candidate is valid if its left place still begins a symbol and
    /// the pair there still has its rank (a place only ever changes to other pairs, and a pair of equal rank is the same pair).
    fn merge_long(&mut self, pairs: &PairTable, piece: &[u8], out: &mut Vec<u32>) {
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
    /// Candidates are compared eight at a time.
    const LANES: usize = 8;

    #[inline(always)]
    fn candidate(place: usize, rank: u32) -> u32 {
        // `NONE` is all ones, and stays so.
        if rank == NONE { NONE } else { rank << Self::PLACE_BITS | place as u32 }
    }

    /// Takes up a piece.
    #[inline(always)]
    fn begin(&mut self, pairs: &PairTable, piece: &[u8]) {
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
    fn step(&mut self, pairs: &PairTable) -> bool {
        let mut least = [NONE; Self::LANES];
        let lanes = if self.length < Self::PLACES / 2 { Self::PLACES / 2 } else { Self::PLACES };
        for chunk in self.candidates[..lanes].chunks_exact(Self::LANES) {
            for (least, &candidate) in least.iter_mut().zip(chunk) {
                *least = candidate.min(*least);
            }
        }
        let best = least.into_iter().fold(NONE, u32::min);
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

    /// The symbols that are left.
    fn symbols(&self) -> impl Iterator<Item = u32> {
        let next = |&place: &usize| Some(usize::from(self.next[place])).filter(|&next| next <= self.length);
        std::iter::successors((self.length > 0).then_some(1), next).map(|place| self.symbols[place])
    }
}
