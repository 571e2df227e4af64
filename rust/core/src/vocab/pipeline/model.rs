//! The stage that turns a piece into ids.

use super::{Entries, SentencePieceModel};

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
    /// A SentencePiece model, with all its rules.
    SentencePiece(SentencePieceModel),
}

/// Byte-pair encoding over the characters of a piece.
#[derive(Debug, Clone, PartialEq)]
pub struct Bpe {
    /// The vocabulary.
    pub entries: Entries,
    /// Pairs of ids and the id of their result. An earlier pair merges before a later one.
    pub merges: Vec<Merge>,
    /// The entry for a character that has none. Without it, the character is dropped.
    pub unk_token: Option<String>,
    /// Whether one of these stands for characters in a row.
    pub fuse_unk: bool,
    /// Whether an unknown character is replaced by the tokens of its bytes, such as `<0x0A>`, if all of these are
    /// entries.
    pub byte_fallback: bool,
    /// Whether a piece that is an entry is that entry, without looking at the merges.
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
    /// The id of the result.
    pub result: u32,
}

/// A unigram language model.
#[derive(Debug, Clone, PartialEq)]
pub struct Unigram {
    /// The pieces.
    pub entries: Entries,
    /// The logarithm of the probability of each, by id. None is NaN.
    pub scores: Vec<f64>,
    /// The id of the unknown piece, which stands for characters that no piece has. Without it, a text with these
    /// characters cannot be encoded.
    pub unk_id: Option<u32>,
    /// Whether an unknown character is replaced by the tokens of its bytes, such as `<0x0A>`, if all of these are
    /// entries.
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
            Self::SentencePiece(model) => &model.entries,
        }
    }
}
