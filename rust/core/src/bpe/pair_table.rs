//! Pairs of neighbouring symbols.
//!
//! A *symbol* is a token as merging sees it: the byte `b` is symbol `b`, what merge number `r` makes is symbol `256 + r`. So the
//! rank of a merge names its result.
//!
//! A word costs some twenty look-ups of pairs. Half are of pairs among the first 512 symbols, which stand in a square table of
//! 1 MiB, the part in use far smaller. The others meet a filter of some ten bits a merge, and half of those that do not merge end
//! there; the rest read one line, which holds eight merges of eight bytes. Filter and lines are laid out by the magnitude of the
//! larger symbol, so that what words need most, pairs of symbols made early, lies close together: of what passes the filter two
//! thirds are of the first fourth of the merges.

use crate::arch::{Isa, Mask, Row, prefetch};
use crate::bpe::initial::{Starts, StartsView};
use crate::bpe::symbol::NONE;
use crate::error::Result;
use crate::memory::Zeroed;
use crate::vocab::MAX_MERGES;

/// Merges of a bucket: a cache line.
const BUCKET: usize = 8;

/// Bits of the filter for each bucket.
const BITS_A_BUCKET: usize = 64;

/// The bucket that would belong to the first of the [`PairTable::words`], if these did not begin with something else.
const FIRST_BUCKET: usize = FIRST_PAIRS * 32 / BITS_A_BUCKET;

/// Bits of a symbol, and of a rank.
const BITS: u32 = 21;

/// From a pair of symbols to the rank of its merge.
#[derive(Debug)]
pub struct PairTable {
    /// First, by left symbol and within that by right one: the rank of each pair of the [`FIRST`] symbols, or [`NONE`]. Behind
    /// that, a bit for each of many hashes of the other pairs: whether one with this hash merges.
    words: Zeroed<u32>,
    /// Merges by the hash of their pair, each as its left symbol, its right one and its rank; 0 is empty. One that finds its
    /// bucket full stands in the next.
    buckets: Zeroed<[u64; BUCKET]>,
    regions: Regions,
    starts: Starts,
    pub(crate) isa: Isa,
}

/// The symbols among which every pair has a rank of its own: the bytes, and what the first merges make.
const FIRST: u32 = 512;

/// The words of these.
const FIRST_PAIRS: usize = (FIRST * FIRST) as usize;

/// Where the pairs of each magnitude of the larger symbol have their bits in the filter, and so their buckets.
#[derive(Debug, Clone, Copy)]
struct Regions {
    /// The first bit.
    bases: [u32; REGIONS],
    /// How far a hash is shifted down to be a bit among those of the region.
    shifts: [u32; REGIONS],
}

/// As many as a row has places.
const REGIONS: usize = 16;

impl Regions {
    /// Regions for so many pairs each, and the buckets of all.
    fn new(pairs: [usize; REGIONS]) -> (Self, usize) {
        let mut buckets = 0;
        let mut regions = Self { bases: [0; REGIONS], shifts: [0; REGIONS] };
        for (region, pairs) in pairs.into_iter().enumerate() {
            // More places than pairs, so that a search ends at a bucket that is not full.
            let own = (pairs * 10 / 9 / BUCKET + 1).next_power_of_two();
            regions.bases[region] = (FIRST_PAIRS * 32 + buckets * BITS_A_BUCKET) as u32;
            regions.shifts[region] = u32::BITS - (own * BITS_A_BUCKET).trailing_zeros();
            buckets += own;
        }
        (regions, buckets)
    }

    /// The region of a pair: one for each number of bits that the larger symbol has, from eight on. (Fewer share with more.)
    #[inline(always)]
    fn of(left: u32, right: u32) -> usize {
        24_u32.wrapping_sub((left | right).leading_zeros()) as usize % REGIONS
    }

    /// The bit of a pair.
    #[inline(always)]
    fn bit(&self, left: u32, right: u32) -> u32 {
        let region = Self::of(left, right);
        self.bases[region] + (hash(left, right) >> self.shifts[region])
    }

    /// The bits of sixteen pairs.
    #[inline(always)]
    fn bits<R: Row>(&self, left: R, right: R) -> R {
        let region = R::splat(24).minus(left.or(right).leading_zeros());
        let hashes = left.times(LEFT).plus(right.times(RIGHT));
        hashes.down_by(region.look_up(&self.shifts)).plus(region.look_up(&self.bases))
    }
}

impl PairTable {
    /// A table for up to `merges` pairs, whichever they are.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    ///
    /// # Panics
    /// If `merges` exceeds [`MAX_MERGES`], which vocabularies are checked against.
    pub fn with_capacity(merges: usize, isa: Isa) -> Result<Self> {
        assert!(merges <= MAX_MERGES, "ranks have 21 bits");
        let mut pairs = [0; REGIONS];
        pairs[0] = merges;
        let (regions, buckets) = Regions::new(pairs);
        // One region for all.
        let [bases, shifts] = [regions.bases, regions.shifts].map(|all| [all[0]; REGIONS]);
        Self::with_regions(Regions { bases, shifts }, buckets, isa)
    }

    /// The table of merges that are all known: left symbol, right one and rank.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    ///
    /// # Panics
    /// If there are more than [`MAX_MERGES`], which vocabularies are checked against.
    pub fn new(merges: impl Iterator<Item = (u32, u32, u32)> + Clone, isa: Isa) -> Result<Self> {
        let mut pairs = [0; REGIONS];
        for (left, right, _) in merges.clone().filter(|&(left, right, _)| left | right >= FIRST) {
            pairs[Regions::of(left, right)] += 1;
        }
        assert!(pairs.iter().sum::<usize>() <= MAX_MERGES, "ranks have 21 bits");
        let (regions, buckets) = Regions::new(pairs);
        let mut table = Self::with_regions(regions, buckets, isa)?;
        for (left, right, rank) in merges.clone() {
            table.insert(left, right, rank);
        }
        table.starts = Starts::new(merges)?;
        Ok(table)
    }

    fn with_regions(regions: Regions, buckets: usize, isa: Isa) -> Result<Self> {
        let mut words = Zeroed::new(FIRST_PAIRS + buckets * BITS_A_BUCKET / 32)?;
        words[..FIRST_PAIRS].fill(NONE);
        Ok(Self { words, buckets: Zeroed::new(buckets)?, regions, starts: Starts::of_bytes()?, isa })
    }

    /// Adds the pair of merge number `rank`, which is not there yet.
    pub fn insert(&mut self, left: u32, right: u32, rank: u32) {
        if left < 256 && right < 256 {
            self.starts.insert(left, right, rank);
        }
        if left | right < FIRST {
            self.words[(left * FIRST + right) as usize] = rank;
            return;
        }
        let bit = self.regions.bit(left, right);
        self.words[bit as usize / 32] |= 1 << (bit % 32);
        let mut bucket = bit as usize / BITS_A_BUCKET - FIRST_BUCKET;
        loop {
            if let Some(slot) = self.buckets[bucket].iter_mut().find(|slot| **slot == 0) {
                *slot = key(left, right) << BITS | u64::from(rank);
                return;
            }
            bucket = (bucket + 1) % self.buckets.len();
        }
    }

    /// The tables as slices: to look up many pairs.
    pub(crate) fn view(&self) -> View<'_> {
        let Self { words, buckets, regions, starts, .. } = self;
        View { words, buckets, regions, starts: starts.view() }
    }
}

/// A pair as a number of twice [`BITS`] bits, not 0. A symbol that no merge names may have more bits: its pairs are no others'.
#[inline(always)]
fn key(left: u32, right: u32) -> u64 {
    (u64::from(left) + 1) << BITS | u64::from(right)
}

/// A hash of a pair, the upper bits the better ones: a sum to which both symbols contribute all of theirs.
#[inline(always)]
fn hash(left: u32, right: u32) -> u32 {
    left.wrapping_mul(LEFT).wrapping_add(right.wrapping_mul(RIGHT))
}

/// What [`hash`] multiplies symbols by: odd numbers without a pattern.
const LEFT: u32 = 0x9E37_79B1;
const RIGHT: u32 = 0x85EB_CA6B;

/// A [`PairTable`] at hand.
#[derive(Clone, Copy)]
pub(crate) struct View<'t> {
    words: &'t [u32],
    buckets: &'t [[u64; BUCKET]],
    regions: &'t Regions,
    pub(crate) starts: StartsView<'t>,
}

/// A pair that may merge.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Question {
    pub(crate) key: u64,
    pub(crate) bucket: u32,
}

impl Question {
    /// The question for a pair at a bit of the filter.
    #[inline(always)]
    pub(crate) fn new(left: u32, right: u32, bit: u32) -> Self {
        Self { key: key(left, right), bucket: bit / BITS_A_BUCKET as u32 - FIRST_BUCKET as u32 }
    }
}

impl View<'_> {
    /// The rank of a pair, or [`NONE`].
    #[inline(always)]
    pub(crate) fn rank<R: Row>(&self, left: u32, right: u32) -> u32 {
        if left | right < FIRST {
            return self.words[(left * FIRST + right) as usize];
        }
        let bit = self.regions.bit(left, right);
        let may_merge = self.words[bit as usize / 32] >> (bit % 32) & 1 != 0;
        if may_merge { self.answer::<R>(Question::new(left, right, bit)) } else { NONE }
    }

    /// The ranks of sixteen pairs, as far as they are found at once, else [`NONE`]; of the others, their bits in the filter, and
    /// which of them may merge. Without a branch: which do is hard to foresee.
    #[inline(always)]
    pub(crate) fn ask_all<R: Row>(&self, left: R, right: R) -> (R, R, R::Mask) {
        let is_first = left.or(right).below(FIRST);
        let bits = self.regions.bits(left, right);
        let place = bits.down(5).choose(is_first, left.times(FIRST).plus(right));
        let words = place.gather(self.words);
        (R::splat(NONE).choose(is_first, words), bits, words.have(bits).but(is_first))
    }

    /// Asks for the place of a pair ahead of [`answer`](Self::answer).
    #[inline(always)]
    pub(crate) fn fetch(&self, question: Question) {
        prefetch(self.buckets, question.bucket as usize);
    }

    /// The rank of a pair that may merge, or [`NONE`].
    #[inline(always)]
    pub(crate) fn answer<R: Row>(&self, question: Question) -> u32 {
        let mut bucket = question.bucket as usize;
        loop {
            let slots = &self.buckets[bucket];
            let found = R::within(slots, question.key << BITS, 1 << BITS);
            // One branch, hardly ever taken: it is not foreseen which of the pairs that pass the filter do merge.
            if (found != 0) | (slots[BUCKET - 1] == 0) {
                return if found == 0 { NONE } else { found as u32 & ((1 << BITS) - 1) };
            }
            bucket = if bucket + 1 == self.buckets.len() { 0 } else { bucket + 1 };
        }
    }
}
