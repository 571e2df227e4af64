//! Symbols and ranks that stand for none.

/// The rank of a pair that does not merge.
pub const NONE: u32 = u32::MAX;

/// A symbol that no merge names.
pub(crate) const NOTHING: u32 = u32::MAX;
