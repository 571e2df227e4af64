//! How a piece becomes ids.

use super::Entries;

/// A model.
#[derive(Debug, Clone, PartialEq)]
pub enum Model {
    /// Byte-pair encoding over characters.
    Bpe(Bpe),
    /// The most probable sequence of pieces.
    Unigram(Unigram),
    /// The longest pieces from the left.
    WordPiece(WordPiece),
    /// Whole words.
    WordLevel(WordLevel),
}

/// Byte-pair encoding over the characters of a piece.
#[derive(Debug, Clone, PartialEq)]
pub struct Bpe {
    /// The vocabulary.
    pub entries: Entries,
    /// Pairs of ids and the id of what they make; the first in the list goes first.
    pub merges: Vec<Merge>,
    /// The entry for a character that has none. Without it, the character is dropped.
    pub unk_token: Option<String>,
    /// Whether one of these stands for characters in a row.
    pub fuse_unk: bool,
    /// Whether the bytes of such a character stand for it, if all of them are entries such as `<0x0A>`.
    pub byte_fallback: bool,
    /// Whether a piece that is an entry is that entry, whatever the merges say.
    pub ignore_merges: bool,
    /// The prefix of characters that are not the first of their piece.
    pub continuing_subword_prefix: Option<String>,
    /// The suffix of the last character of a piece.
    pub end_of_word_suffix: Option<String>,
}

/// A merge of two tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merge {
    /// The id of the first.
    pub left: u32,
    /// The id of the second.
    pub right: u32,
    /// The id of what they make.
    pub result: u32,
}

/// A unigram language model.
#[derive(Debug, Clone, PartialEq)]
pub struct Unigram {
    /// The pieces.
    pub entries: Entries,
    /// The logarithm of the probability of each, by id. None is NaN.
    pub scores: Vec<f64>,
    /// The id of what stands for characters that no piece has. Without it, such text cannot be encoded.
    pub unk_id: Option<u32>,
    /// Whether the bytes of such characters stand for them, if all of them are entries such as `<0x0A>`.
    pub byte_fallback: bool,
}

/// Longest match from the left.
#[derive(Debug, Clone, PartialEq)]
pub struct WordPiece {
    /// The vocabulary.
    pub entries: Entries,
    /// The entry for a piece that entries do not make.
    pub unk_token: String,
    /// The prefix of entries that are not the first of their piece.
    pub continuing_subword_prefix: String,
    /// Pieces of more characters are unknown.
    pub max_input_chars_per_word: usize,
}

/// Whole words.
#[derive(Debug, Clone, PartialEq)]
pub struct WordLevel {
    /// The vocabulary.
    pub entries: Entries,
    /// The entry for a piece that has none.
    pub unk_token: String,
}

impl Model {
    /// The vocabulary.
    pub fn entries(&self) -> &Entries {
        match self {
            Self::Bpe(model) => &model.entries,
            Self::Unigram(model) => &model.entries,
            Self::WordPiece(model) => &model.entries,
            Self::WordLevel(model) => &model.entries,
        }
    }
}
