//! Normalizers: changes to a text before it is split.

use serde::{Deserialize, Serialize};

use super::Pattern;

/// A normalizer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Normalizer {
    /// Unicode normalization form C.
    #[serde(rename = "NFC")]
    Nfc,
    /// Unicode normalization form D.
    #[serde(rename = "NFD")]
    Nfd,
    /// Unicode normalization form KC.
    #[serde(rename = "NFKC")]
    Nfkc,
    /// Unicode normalization form KD.
    #[serde(rename = "NFKD")]
    Nfkd,
    /// Lower case.
    Lowercase,
    /// Without combining marks.
    StripAccents,
    /// Without whitespace at the ends.
    Strip {
        /// At the beginning.
        strip_left: bool,
        /// At the end.
        strip_right: bool,
    },
    /// A text in place of each match.
    Replace {
        /// The pattern of the matches.
        pattern: Pattern,
        /// The replacement.
        content: String,
    },
    /// A text before one that is not empty.
    Prepend {
        /// The text.
        prepend: String,
    },
    /// The rules of the `nmt_nfkc` of SentencePiece that are not of Unicode: no control characters, other whitespace as spaces.
    Nmt,
    /// The normalizer of BERT.
    #[serde(rename = "BertNormalizer", alias = "Bert")]
    Bert {
        /// Drop control characters, and make all whitespace spaces.
        clean_text: bool,
        /// Put spaces around Chinese characters.
        handle_chinese_chars: bool,
        /// Drop accents; by default as `lowercase`.
        strip_accents: Option<bool>,
        /// Make letters lower case.
        lowercase: bool,
    },
    /// SentencePiece's compiled map of characters.
    Precompiled {
        /// The map, in base64.
        precompiled_charsmap: String,
    },
    /// A character for each byte, as the vocabularies of byte-level models spell them.
    ByteLevel,
    /// One after the other.
    Sequence {
        /// They.
        normalizers: Vec<Normalizer>,
    },
}
