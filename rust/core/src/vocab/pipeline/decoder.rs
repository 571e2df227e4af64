//! The stage that turns tokens back into a text.

use serde::{Deserialize, Serialize};

use super::Pattern;
use super::pre_tokenizer::{ByteLevel, Metaspace};

/// A decoder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Decoder {
    /// The byte of each character, as the vocabularies of byte-level models spell them.
    ByteLevel(ByteLevel),
    /// Tokens such as `<0x0A>` become their byte.
    ByteFallback,
    /// All tokens as one.
    Fuse,
    /// A text in place of each match within a token.
    Replace {
        /// The pattern of the matches.
        pattern: Pattern,
        /// The replacement.
        content: String,
    },
    /// Without some of a character at the ends of each token.
    Strip {
        /// The character.
        content: char,
        /// The largest number removed at the beginning.
        start: usize,
        /// The largest number removed at the end.
        stop: usize,
    },
    /// Spaces in place of a character.
    Metaspace(Metaspace),
    /// A space before each token, except the first token and tokens with the prefix.
    WordPiece {
        /// The prefix.
        prefix: String,
        /// Whether spaces before punctuation are dropped.
        cleanup: bool,
    },
    /// A space in place of a suffix.
    #[serde(rename = "BPEDecoder")]
    Bpe {
        /// The suffix.
        suffix: String,
    },
    /// The output of a model trained by connectionist temporal classification: repeated tokens are one.
    #[serde(rename = "CTC")]
    Ctc {
        /// A token that is dropped.
        pad_token: String,
        /// A token for which a space is put.
        word_delimiter_token: String,
        /// Whether spaces before punctuation are dropped.
        cleanup: bool,
    },
    /// One after the other.
    Sequence {
        /// They.
        decoders: Vec<Decoder>,
    },
}
