//! Limits for files that are not trusted.
//!
//! Every reader holds files to them, so that the time and the memory that a file takes follow its size, whatever numbers stand in it.
//! Published files are far below each limit. The limits stand here alone; the README states them.

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

/// Bytes that a compressed tokenizer of `size` bytes may stand for: decompressed, as tokens, or as the results of its merges.
pub const fn unpacked(size: usize) -> usize {
    (1 << 21) + 64 * size
}

/// Bytes of JSON in a compressed tokenizer of `size` bytes. Parsed, JSON may take 100 times its size.
pub const fn unpacked_json(size: usize) -> usize {
    (1 << 18) + 64 * size
}

/// Bytes of pieces that a counts file of `size` bytes may stand for.
pub const fn unpacked_counts(size: u64) -> u64 {
    (1 << 26) + 64 * size
}

/// The largest id that a vocabulary of `count` tokens may use. Tables are as long as the largest id, so an id far
/// beyond the tokens there are would ask for memory without need; published vocabularies have gaps of some hundred.
pub const fn max_id(count: usize) -> u64 {
    4 * count as u64 + (1 << 20)
}
