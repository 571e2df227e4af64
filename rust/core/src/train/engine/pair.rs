//! Pairs of symbols, and merges of them.

/// Two neighbouring symbols. Ordered by the left symbol, then by the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Pair(u64);

impl Pair {
    pub(crate) fn new(left: u32, right: u32) -> Self {
        Self(u64::from(left) << 32 | u64::from(right))
    }

    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) fn to_bits(self) -> u64 {
        self.0
    }

    pub(crate) fn symbols(self) -> (u32, u32) {
        ((self.0 >> 32) as u32, self.0 as u32)
    }

    /// The thread that keeps the pair.
    pub(crate) fn keeper(self, threads: usize) -> usize {
        let hash = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        ((hash * threads as u64) >> 32) as usize
    }
}

/// The number of a gain whose pair is not kept.
pub(crate) const UNKEPT: u32 = u32::MAX;

/// A merge of a round, as all threads receive it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlannedMerge {
    pub(crate) pair: Pair,
    pub(crate) product: u32,
    /// Whether the product is a new token.
    pub(crate) is_new: bool,
    /// The thread that keeps the pair, and the number of its entry there.
    pub(crate) keeper: usize,
    pub(crate) number: u32,
    /// Whether the pair is merged everywhere in the pieces of its occurrences.
    pub(crate) whole_pieces: bool,
}
