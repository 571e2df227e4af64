//! The stage that splits a normalized text into pieces.

use serde::{Deserialize, Deserializer, Serialize};

use super::{Behavior, Pattern, PrependScheme};

/// A pre-tokenizer. Each works within the pieces of the one before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum PreTokenizer {
    /// By a pattern.
    Split {
        /// The pattern of the matches.
        pattern: Pattern,
        /// The treatment of the matches.
        behavior: Behavior,
        /// Whether the text between matches counts as the match, and the other way round.
        invert: bool,
    },
    /// Numbers apart from the rest.
    Digits {
        /// Whether each digit is a piece.
        individual_digits: bool,
    },
    /// Punctuation apart from the rest.
    Punctuation {
        /// The treatment of punctuation.
        #[serde(default)]
        behavior: Behavior,
    },
    /// `\w+|[^\w\s]+`.
    Whitespace,
    /// At whitespace, which is dropped.
    WhitespaceSplit,
    /// At a character, which is dropped.
    #[serde(rename = "CharDelimiterSplit", alias = "Delimiter")]
    CharDelimiterSplit {
        /// The character.
        delimiter: char,
    },
    /// Spaces become a character, which begins a piece.
    Metaspace(Metaspace),
    /// A character for each byte, as the vocabularies of byte-level models spell them.
    ByteLevel(ByteLevel),
    /// Splits like BERT: at whitespace, which is dropped, and around each punctuation character.
    #[serde(rename = "BertPreTokenizer")]
    Bert,
    /// Where the script changes.
    UnicodeScripts,
    /// After a fixed number of characters.
    FixedLength {
        /// That number.
        #[serde(default = "five")]
        length: usize,
    },
    /// One after the other.
    Sequence {
        /// The pre-tokenizers.
        pretokenizers: Vec<PreTokenizer>,
    },
}

fn five() -> usize {
    5
}

/// The settings of `ByteLevel`, as a pre-tokenizer, post-processor or decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByteLevel {
    /// Whether a space is put before a piece that has none at its beginning.
    pub add_prefix_space: bool,
    /// Whether spans leave out whitespace.
    pub trim_offsets: bool,
    /// Whether text is split by the regex of GPT-2.
    #[serde(default = "yes")]
    pub use_regex: bool,
}

fn yes() -> bool {
    true
}

/// The settings of `Metaspace`, as a pre-tokenizer or decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Metaspace {
    /// The character in place of a space.
    pub replacement: char,
    /// Before which pieces it is put.
    pub prepend_scheme: PrependScheme,
    /// Whether it begins a piece.
    pub split: bool,
}

impl<'de> Deserialize<'de> for Metaspace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Settings {
            replacement: char,
            /// The field of older files.
            add_prefix_space: Option<bool>,
            prepend_scheme: Option<PrependScheme>,
            split: Option<bool>,
        }
        let Settings { replacement, add_prefix_space, prepend_scheme, split } = Settings::deserialize(deserializer)?;
        let mut prepend_scheme = prepend_scheme.unwrap_or_default();
        if add_prefix_space == Some(false) {
            if prepend_scheme != PrependScheme::Never {
                return Err(serde::de::Error::custom(
                    "Metaspace: add_prefix_space and prepend_scheme contradict each other",
                ));
            }
            prepend_scheme = PrependScheme::Never;
        }
        Ok(Self { replacement, prepend_scheme, split: split.unwrap_or(true) })
    }
}
