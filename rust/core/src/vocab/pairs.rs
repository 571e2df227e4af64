//! Pairs of neighbouring symbols.
//!
//! A *symbol* is a token as merging sees it: the byte `b` is symbol `b`, what merge number `r` makes is symbol `256 + r`. So the
//! rank of a merge names its result.
//!
//! A word costs some twenty look-ups of pairs, most of them of pairs that do not merge: nine of ten of those end at a
//! filter of some ten bits a merge, which stays in the second-level cache. The others read one line, which holds eight merges of
//! eight bytes. (A smaller filter and lines of their own for the first 26,000 merges, most of what words need, made a word dearer
//! by a third: it is asked for twice.) What a piece begins from has a table of its own, without hashing: bytes, and characters of two bytes.

use hashbrown::HashMap;

use crate::arch::{Isa, Row, prefetch};
use crate::memory::Zeroed;

/// The most merges a vocabulary can have.
pub const MAX_MERGES: usize = (1 << 21) - 257;

/// The rank of a pair that does not merge.
pub const NONE: u32 = u32::MAX;

/// Merges of a bucket: a cache line.
const BUCKET: usize = 8;

/// Bits of the filter for each bucket.
const BITS_A_BUCKET: usize = 64;

/// Bits of a symbol, and of a rank.
const BITS: u32 = 21;

/// From a pair of symbols to the rank of its merge.
#[derive(Debug)]
pub struct PairTable {
    /// A bit for each of many hashes: whether a pair with this hash merges. As many words as a power of two says.
    filter: Zeroed<u32>,
    /// Merges by the hash of their pair, each as its left symbol, its right one and its rank; 0 is empty. One that finds its
    /// bucket full stands in the next.
    buckets: Zeroed<[u64; BUCKET]>,
    shift: u32,
    starts: Starts,
    pub(super) isa: Isa,
}

impl PairTable {
    /// A table for up to `merges` pairs.
    ///
    /// # Panics
    /// If `merges` exceeds [`MAX_MERGES`], which vocabularies are checked against.
    pub fn with_capacity(merges: usize, isa: Isa) -> Self {
        assert!(merges <= MAX_MERGES, "ranks have 21 bits");
        // More places than merges, so that a search ends at a bucket that is not full.
        let buckets = (merges * 5 / 4 / BUCKET + 1).next_power_of_two().max(2);
        Self {
            filter: Zeroed::new(buckets * BITS_A_BUCKET / 32),
            buckets: Zeroed::new(buckets),
            shift: u32::BITS - (buckets * BITS_A_BUCKET).trailing_zeros(),
            starts: Starts::of_bytes(),
            isa,
        }
    }

    /// Adds the pair of merge number `rank`, which is not there yet.
    pub fn insert(&mut self, left: u32, right: u32, rank: u32) {
        if left < 256 && right < 256 {
            self.starts.insert(left, right, rank);
        }
        let bit = home(left, right, self.shift);
        self.filter[bit as usize / 32] |= 1 << (bit % 32);
        let mut bucket = bit as usize / BITS_A_BUCKET;
        loop {
            if let Some(slot) = self.buckets[bucket].iter_mut().find(|slot| **slot == 0) {
                *slot = key(left, right) << BITS | u64::from(rank);
                return;
            }
            bucket = (bucket + 1) & (self.buckets.len() - 1);
        }
    }

    /// Says that all pairs are there.
    pub fn finish(&mut self) {
        let merges = self.buckets.iter().flatten().filter(|slot| **slot != 0).map(|slot| {
            let field = |number: u32| (slot >> (number * BITS)) as u32 & ((1 << BITS) - 1);
            (field(2) - 1, field(1), field(0))
        });
        self.starts = Starts::new(merges);
    }

    /// The tables as slices: to look up many pairs.
    pub(super) fn view(&self) -> View<'_> {
        let Self { filter, buckets, shift, starts, .. } = self;
        let starts =
            StartsView { characters: &starts.characters, symbols: &starts.symbols, after_rank: &starts.after_rank };
        View { filter, buckets, shift: *shift, starts }
    }
}

/// A pair as a number of twice [`BITS`] bits, not 0. A symbol that no merge names may have more bits: its pairs are no others'.
#[inline(always)]
fn key(left: u32, right: u32) -> u64 {
    (u64::from(left) + 1) << BITS | u64::from(right)
}

/// The bit of a pair in the filter, and so its bucket, a part of that: the upper bits of a sum to which both symbols contribute
/// all of theirs.
#[inline(always)]
fn home(left: u32, right: u32, shift: u32) -> u32 {
    left.wrapping_mul(LEFT).wrapping_add(right.wrapping_mul(RIGHT)) >> shift
}

/// What [`home`] multiplies symbols by: odd numbers without a pattern.
const LEFT: u32 = 0x9E37_79B1;
const RIGHT: u32 = 0x85EB_CA6B;

/// A [`PairTable`] at hand.
#[derive(Clone, Copy)]
pub(super) struct View<'t> {
    filter: &'t [u32],
    buckets: &'t [[u64; BUCKET]],
    shift: u32,
    pub(super) starts: StartsView<'t>,
}

/// A pair that may merge.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Question {
    pub(super) key: u64,
    pub(super) bucket: u32,
}

impl Question {
    /// The question for a pair at a bit of the filter.
    #[inline(always)]
    pub(super) fn new(left: u32, right: u32, bit: u32) -> Self {
        Self { key: key(left, right), bucket: bit / BITS_A_BUCKET as u32 }
    }
}

impl View<'_> {
    /// The rank of a pair, or [`NONE`].
    #[inline(always)]
    pub(super) fn rank<R: Row>(&self, left: u32, right: u32) -> u32 {
        let bit = home(left, right, self.shift);
        let may_merge = self.filter[bit as usize / 32] >> (bit % 32) & 1 != 0;
        if may_merge { self.answer::<R>(Question::new(left, right, bit)) } else { NONE }
    }

    /// The bits of sixteen pairs in the filter, and which of them may merge. Without a branch: which do is hard to foresee.
    #[inline(always)]
    pub(super) fn ask_all<R: Row>(&self, left: &[u32; 16], right: &[u32; 16]) -> ([u32; 16], u16) {
        let bits = R::load(left).times(LEFT).plus(R::load(right).times(RIGHT)).down(self.shift);
        let mut places = [0; 16];
        bits.store(&mut places);
        (places, bits.are_set(self.filter))
    }

    /// Asks for the place of a pair ahead of [`answer`](Self::answer).
    #[inline(always)]
    pub(super) fn fetch(&self, question: Question) {
        prefetch(self.buckets, question.bucket as usize);
    }

    /// The rank of a pair that may merge, or [`NONE`].
    #[inline(always)]
    pub(super) fn answer<R: Row>(&self, question: Question) -> u32 {
        let mut bucket = question.bucket as usize;
        loop {
            let slots = &self.buckets[bucket];
            let found = R::within(slots, question.key << BITS, 1 << BITS);
            // One branch, hardly ever taken: it is not foreseen which of the pairs that pass the filter do merge.
            if (found != 0) | (slots[BUCKET - 1] == 0) {
                return if found == 0 { NONE } else { found as u32 & ((1 << BITS) - 1) };
            }
            bucket = (bucket + 1) & (self.buckets.len() - 1);
        }
    }
}

/// What pieces begin from, numbered: the 256 bytes, then the characters of two bytes that are made before all else.
#[derive(Debug)]
pub(super) struct Starts {
    /// By the low eleven bits of a two-byte character's code point: its number; 0 if it is not made at once.
    characters: Vec<u16>,
    /// The symbol of each number.
    symbols: Vec<u32>,
    /// One more than the rank of each pair, by the number of its left and, within that, its right one; 0 if it does not merge.
    after_rank: Zeroed<u32>,
}

impl Starts {
    /// No pair merges yet.
    fn of_bytes() -> Self {
        Self { characters: vec![0; 0x800], symbols: (0..256).collect(), after_rank: Zeroed::new(1 << 16) }
    }

    fn insert(&mut self, left: u32, right: u32, rank: u32) {
        self.after_rank[left as usize * self.symbols.len() + right as usize] = rank + 1;
    }

    /// The bytes and characters of a vocabulary with these merges, as left symbol, right one and rank.
    ///
    /// The two bytes of a character may merge before all else if no merge of the lead with what is before it, none of the other
    /// byte with what follows, and none of the character itself has a smaller rank than theirs: then nothing comes between
    /// them, and nothing that they make possible comes before them.
    fn new(merges: impl Iterator<Item = (u32, u32, u32)> + Clone) -> Self {
        let mut first_as_left: HashMap<u32, u32> = HashMap::new();
        let mut first_as_right = HashMap::new();
        let mut of_bytes = HashMap::new();
        for (left, right, rank) in merges.clone() {
            for (first, symbol) in [(&mut first_as_left, left), (&mut first_as_right, right)] {
                let first = first.entry(symbol).or_insert(rank);
                *first = rank.min(*first);
            }
            if left < 256 && right < 256 {
                of_bytes.insert((left, right), rank);
            }
        }
        let mut starts = Self::of_bytes();
        let mut numbers: HashMap<u32, u32> = (0..256).map(|byte| (byte, byte)).collect();
        for character in 0x80..0x800u32 {
            let (lead, other) = (0xC0 | character >> 6, 0x80 | character & 0x3F);
            let Some(&rank) = of_bytes.get(&(lead, other)) else { continue };
            let symbol = 256 + rank;
            let rivals = [
                first_as_right.get(&lead),
                first_as_left.get(&other),
                first_as_left.get(&symbol),
                first_as_right.get(&symbol),
            ];
            if rivals.into_iter().flatten().all(|&rival| rank < rival) {
                let number = starts.symbols.len() as u32;
                starts.characters[character as usize] = number as u16;
                starts.symbols.push(symbol);
                numbers.insert(symbol, number);
            }
        }
        starts.after_rank = Zeroed::new(starts.symbols.len() * starts.symbols.len());
        for (left, right, rank) in merges {
            if let (Some(&left), Some(&right)) = (numbers.get(&left), numbers.get(&right)) {
                starts.insert(left, right, rank);
            }
        }
        starts
    }
}

/// [`Starts`] at hand.
#[derive(Clone, Copy)]
pub(super) struct StartsView<'t> {
    characters: &'t [u16],
    symbols: &'t [u32],
    after_rank: &'t [u32],
}

impl StartsView<'_> {
    /// Puts the numbers of what `piece` begins from into `numbers`, and returns how many there are. `numbers` has room for one
    /// a byte.
    #[inline(always)]
    pub(super) fn of(&self, piece: &[u8], numbers: &mut [u16]) -> usize {
        let characters: &[u16; 0x800] = self.characters[..].try_into().expect("eleven bits");
        let (mut count, mut at) = (0, 0);
        while at < piece.len() {
            let lead = piece[at];
            let other = if at + 1 < piece.len() { piece[at + 1] } else { 0 };
            let is_two = lead & 0xE0 == 0xC0 && other & 0xC0 == 0x80;
            let character = characters[usize::from(lead & 0x1F) << 6 | usize::from(other & 0x3F)];
            let character = if is_two { character } else { 0 };
            numbers[count] = if character == 0 { u16::from(lead) } else { character };
            count += 1;
            at += 1 + usize::from(character != 0);
        }
        count
    }

    /// The symbol of a number.
    #[inline(always)]
    pub(super) fn symbol(&self, number: u16) -> u32 {
        self.symbols[usize::from(number)]
    }

    /// The rank of the pair of two numbers, or [`NONE`].
    #[inline(always)]
    pub(super) fn rank(&self, left: u16, right: u16) -> u32 {
        self.after_rank[usize::from(left) * self.symbols.len() + usize::from(right)].wrapping_sub(1)
    }
}
