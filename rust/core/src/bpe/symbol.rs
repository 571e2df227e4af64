//! The values that mean "no rank" and "no symbol".

/// The rank of a pair that does not merge.
pub const NO_RANK: u32 = u32::MAX;

/// A symbol that no merge names.
pub(crate) const NO_SYMBOL: u32 = u32::MAX;
