//! A SentencePiece model as its file states it: pieces with scores and types, and the rules for spaces and characters.

use super::Entries;

/// A model, which normalizes and decodes by its own rules.
#[derive(Debug, Clone, PartialEq)]
pub struct SentencePieceModel {
    /// The texts of the pieces.
    pub entries: Entries,
    /// The score of each piece, by id. None is NaN.
    pub scores: Vec<f32>,
    /// The type of each piece, by id.
    pub kinds: Vec<Kind>,
    /// How a text becomes pieces.
    pub search: PieceSearch,
    /// Whether the bytes of an unknown character stand for it.
    pub byte_fallback: bool,
    /// The text to which the unknown piece is decoded.
    pub unk_surface: String,
    /// What is done to a text before the search.
    pub rules: SentencePieceRules,
}

/// The changes to a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentencePieceRules {
    /// Their name, for people.
    pub name: String,
    /// The compiled map of characters; empty if characters stay as they are.
    pub charsmap: Vec<u8>,
    /// Whether a space is put before a text, or behind it.
    pub add_dummy_prefix: bool,
    /// Whether spaces at the ends are dropped, and several in a row are one.
    pub remove_extra_whitespaces: bool,
    /// Whether spaces become `▁`.
    pub escape_whitespaces: bool,
    /// Whether the space that is put stands behind the text.
    pub treat_whitespace_as_suffix: bool,
}

/// The type of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An ordinary one.
    Normal,
    /// The one for unknown characters.
    Unknown,
    /// One that no text has.
    Control,
    /// One that is found before all others.
    UserDefined,
    /// One that is never the result.
    Unused,
    /// One for a byte.
    Byte,
}

impl Kind {
    const ALL: [Self; 6] = [Self::Normal, Self::Unknown, Self::Control, Self::UserDefined, Self::Unused, Self::Byte];

    /// The type with this number.
    pub fn of(number: i64) -> Option<Self> {
        usize::try_from(number).ok()?.checked_sub(1).and_then(|place| Self::ALL.get(place).copied())
    }

    /// Its number.
    pub fn number(self) -> i32 {
        self as i32 + 1
    }

    /// Whether texts have such pieces.
    pub fn is_in_texts(self) -> bool {
        matches!(self, Self::Normal | Self::UserDefined | Self::Unused)
    }
}

/// The ways to find the pieces of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PieceSearch {
    /// The most probable sequence.
    Unigram,
    /// Neighbours that make a piece are merged, that of the largest score first.
    Bpe,
    /// What begins at a space is a piece.
    Word,
    /// Each character is one.
    Char,
}

impl PieceSearch {
    /// By number, from 1 on.
    pub const ALL: [Self; 4] = [Self::Unigram, Self::Bpe, Self::Word, Self::Char];
}
