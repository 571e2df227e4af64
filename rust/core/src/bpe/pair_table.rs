//! From pairs of neighbouring symbols to ranks.
//!
//! A *symbol* is a token as BPE sees it: byte `b` is symbol `b`, and merge number `r` makes symbol `256 + r`. So the
//! rank of a merge also names its result.
//!
//! A word costs about twenty look-ups. Half of them are pairs of the first 512 symbols, which have a square table of 1
//! MiB, of which a small part is in use. The other pairs meet a filter of about ten bits a merge, which rejects half of
//! the pairs that do not merge. A pair that passes the filter reads one cache line, which holds eight merges of eight
//! bytes. Filter and lines are ordered by the magnitude of the larger symbol. Frequent pairs consist of early symbols,
//! so they lie close together: two thirds of the pairs that pass the filter belong to the first quarter of the merges.

use crate::arch::{Isa, Mask, U32x16, prefetch};
use crate::bpe::initial::{Starts, StartsView};
use crate::bpe::symbol::NO_RANK;
use crate::error::Result;
use crate::memory::Zeroed;
use crate::vocab::MAX_MERGES;

/// Merges in a bucket, which is a cache line.
const BUCKET: usize = 8;

/// Bits of the filter for each bucket.
const BITS_A_BUCKET: usize = 64;

/// The filter lies behind the square table in [`PairTable::words`]; this is the bucket number that word 0 would have if
/// the filter began there.
const FIRST_BUCKET: usize = FIRST_PAIRS * 32 / BITS_A_BUCKET;

/// Bits of a symbol, and of a rank.
const BITS: u32 = 21;

/// From a pair of symbols to the rank of its merge.
#[derive(Debug)]
pub struct PairTable {
    /// The square table, then the filter. The square table holds the rank of each pair of the [`FIRST`] symbols, by
    /// left and then by right symbol, or [`NO_RANK`]. The filter has a bit for each hash: it is set if a pair with this
    /// hash merges.
    words: Zeroed<u32>,
    /// Merges by the hash of their pair: left symbol, right symbol and rank in one word; 0 is empty. A merge whose
    /// bucket is full stands in the next bucket.
    buckets: Zeroed<[u64; BUCKET]>,
    regions: Regions,
    starts: Starts,
    pub(crate) isa: Isa,
}

/// The square table holds the pairs of the symbols below this one: the bytes and the results of the first merges.
const FIRST: u32 = 512;

/// Words of the square table.
const FIRST_PAIRS: usize = (FIRST * FIRST) as usize;

/// The part of the filter, and so of the buckets, that belongs to each magnitude of the larger symbol.
#[derive(Debug, Clone, Copy)]
struct Regions {
    /// The first bit of each region.
    bases: [u32; REGIONS],
    /// The shift that turns a hash into a bit within each region.
    shifts: [u32; REGIONS],
}

/// Number of regions: the number of lanes of a [`U32x16`], so that one permutation looks up sixteen regions.
const REGIONS: usize = 16;

impl Regions {
    /// Makes the regions for the given numbers of pairs. Returns them and the number of buckets of all regions.
    fn new(pairs: [usize; REGIONS]) -> (Self, usize) {
        let mut buckets = 0;
        let mut regions = Self { bases: [0; REGIONS], shifts: [0; REGIONS] };
        for (region, pairs) in pairs.into_iter().enumerate() {
            // There are more places than pairs, so every search ends at a bucket that is not full.
            let own = (pairs * 10 / 9 / BUCKET + 1).next_power_of_two();
            regions.bases[region] = (FIRST_PAIRS * 32 + buckets * BITS_A_BUCKET) as u32;
            regions.shifts[region] = u32::BITS - (own * BITS_A_BUCKET).trailing_zeros();
            buckets += own;
        }
        (regions, buckets)
    }

    /// The region of a pair: one for each number of bits of the larger symbol, from eight on. Smaller numbers of bits
    /// share the regions of large ones.
    #[inline(always)]
    fn of(left: u32, right: u32) -> usize {
        24_u32.wrapping_sub((left | right).leading_zeros()) as usize % REGIONS
    }

    /// The filter bit of a pair.
    #[inline(always)]
    fn bit(&self, left: u32, right: u32) -> u32 {
        let region = Self::of(left, right);
        self.bases[region] + (hash(left, right) >> self.shifts[region])
    }

    /// The filter bits of sixteen pairs.
    #[inline(always)]
    fn bits<R: U32x16>(&self, left: R, right: R) -> R {
        let region = R::splat(24).wrapping_sub(left.or(right).leading_zeros());
        let hashes = left.wrapping_mul(LEFT).wrapping_add(right.wrapping_mul(RIGHT));
        hashes.shift_right_each(region.permute(&self.shifts)).wrapping_add(region.permute(&self.bases))
    }
}

impl PairTable {
    /// An empty table for up to `merges` pairs.
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
        // The pairs are not known yet, so all magnitudes share one region.
        let [bases, shifts] = [regions.bases, regions.shifts].map(|all| [all[0]; REGIONS]);
        Self::with_regions(Regions { bases, shifts }, buckets, isa)
    }

    /// The table of the given merges: left symbol, right symbol and rank.
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
        words[..FIRST_PAIRS].fill(NO_RANK);
        Ok(Self { words, buckets: Zeroed::new(buckets)?, regions, starts: Starts::of_bytes()?, isa })
    }

    /// Adds the pair of merge number `rank`. The pair must be new.
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

    /// The tables as slices, for many look-ups.
    pub(crate) fn view(&self) -> PairTableView<'_> {
        let Self { words, buckets, regions, starts, .. } = self;
        PairTableView { words, buckets, regions, starts: starts.view() }
    }
}

/// A pair as a number of twice [`BITS`] bits, never 0. A symbol that no merge names may have more bits; its keys differ
/// from all keys in the table.
#[inline(always)]
fn key(left: u32, right: u32) -> u64 {
    (u64::from(left) + 1) << BITS | u64::from(right)
}

/// A hash of a pair: a sum to which all bits of both symbols contribute. Its upper bits are the best ones.
#[inline(always)]
fn hash(left: u32, right: u32) -> u32 {
    left.wrapping_mul(LEFT).wrapping_add(right.wrapping_mul(RIGHT))
}

/// The factors of [`hash`]: odd numbers without a pattern.
const LEFT: u32 = 0x9E37_79B1;
const RIGHT: u32 = 0x85EB_CA6B;

/// The tables of a [`PairTable`] as slices.
#[derive(Clone, Copy)]
pub(crate) struct PairTableView<'t> {
    words: &'t [u32],
    buckets: &'t [[u64; BUCKET]],
    regions: &'t Regions,
    pub(crate) starts: StartsView<'t>,
}

/// A pair that passed the filter.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Query {
    pub(crate) key: u64,
    pub(crate) bucket: u32,
}

impl Query {
    /// The query for a pair, from its bit in the filter.
    #[inline(always)]
    pub(crate) fn new(left: u32, right: u32, bit: u32) -> Self {
        Self { key: key(left, right), bucket: bit / BITS_A_BUCKET as u32 - FIRST_BUCKET as u32 }
    }
}

impl PairTableView<'_> {
    /// The rank of a pair, or [`NO_RANK`].
    #[inline(always)]
    pub(crate) fn rank<R: U32x16>(&self, left: u32, right: u32) -> u32 {
        if left | right < FIRST {
            return self.words[(left * FIRST + right) as usize];
        }
        let bit = self.regions.bit(left, right);
        let may_merge = self.words[bit as usize / 32] >> (bit % 32) & 1 != 0;
        if may_merge { self.look_up::<R>(Query::new(left, right, bit)) } else { NO_RANK }
    }

    /// Looks up sixteen pairs in the square table and in the filter, without a branch. Returns the ranks from the
    /// square table (else [`NO_RANK`]), the filter bits, and the mask of the pairs that pass the filter.
    #[inline(always)]
    pub(crate) fn query_all<R: U32x16>(&self, left: R, right: R) -> (R, R, R::Mask) {
        let is_first = left.or(right).less_than(FIRST);
        let bits = self.regions.bits(left, right);
        let place = bits.shift_right(5).select(is_first, left.wrapping_mul(FIRST).wrapping_add(right));
        let words = place.gather(self.words);
        (R::splat(NO_RANK).select(is_first, words), bits, words.has_bit(bits).and_not(is_first))
    }

    /// Prefetches the bucket that [`look_up`](Self::look_up) reads.
    #[inline(always)]
    pub(crate) fn prefetch(&self, query: Query) {
        prefetch(self.buckets, query.bucket as usize);
    }

    /// The rank of a pair that passed the filter, or [`NO_RANK`].
    #[inline(always)]
    pub(crate) fn look_up<R: U32x16>(&self, query: Query) -> u32 {
        let mut bucket = query.bucket as usize;
        loop {
            let slots = &self.buckets[bucket];
            let found = R::find_in_range(slots, query.key << BITS, 1 << BITS);
            // The one branch is hardly ever taken. A branch on whether the pair merges would be mispredicted.
            if (found != 0) | (slots[BUCKET - 1] == 0) {
                return if found == 0 { NO_RANK } else { found as u32 & ((1 << BITS) - 1) };
            }
            bucket = if bucket + 1 == self.buckets.len() { 0 } else { bucket + 1 };
        }
    }
}
