//! Limits for files that are not trusted.
//!
//! Every reader enforces them, so that the time and the memory that a file takes are in proportion to its size, and not
//! to numbers that stand in it. Published files are far below each limit. This is the only place of the limits;
//! docs/files.md lists them.

/// Bytes of a file that is read as a tokenizer.
pub const FILE: u64 = 1 << 30;

/// Bytes of one token.
pub const TOKEN: usize = 1 << 20;

/// Bytes of all tokens of a vocabulary together.
pub const TOKENS: usize = 1 << 28;

/// Bytes of a special or added token.
pub const ADDED_TOKEN: usize = 1 << 12;

/// Bytes of a splitting regex.
pub const PATTERN: usize = 1 << 14;

/// Bytes of the compiled form of a part of a splitting regex.
pub const COMPILED_PATTERN: usize = 1 << 22;

/// Special tokens that a Tekken file counts but does not name.
pub const UNNAMED: u32 = 1 << 14;

/// Bytes into which a compressed tokenizer of `size` bytes may unpack: decompressed, as tokens, or as the results of
/// its merges.
pub const fn unpacked(size: usize) -> usize {
    (1 << 21) + 64 * size
}

/// Bytes of JSON in a compressed tokenizer of `size` bytes. Parsed, JSON may take 100 times its size.
pub const fn unpacked_json(size: usize) -> usize {
    (1 << 18) + 64 * size
}

/// Bytes of pieces into which a counts file of `size` bytes may unpack.
pub const fn unpacked_counts(size: u64) -> u64 {
    (1 << 26) + 64 * size
}

/// Bytes that a text of `size` bytes may have when it is normalized: a file may put a long text for each character.
pub const fn normalized(size: usize) -> usize {
    (1 << 20) + 64 * size
}

/// The largest id of a vocabulary of `count` tokens. Tables are as long as the largest id, so an id far beyond the
/// number of tokens would take memory without need. Published vocabularies have gaps of a few hundred.
pub const fn max_id(count: usize) -> u64 {
    4 * count as u64 + (1 << 20)
}
