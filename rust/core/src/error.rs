//! The error type of the crate. Every variant names the file, the line, the token or the argument at fault.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

/// The result of every fallible function of the crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of an error, and the place of the fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read or write a file.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A text is not UTF-8.
    #[error("{origin}: invalid UTF-8 at byte {offset}")]
    InvalidUtf8 {
        /// The file, or a description of the text.
        origin: String,
        /// Offset of the first bad byte in the (decompressed) text.
        offset: u64,
    },
    /// A tokenizer, counts or checkpoint file contradicts itself or its format.
    #[error("{origin}: {reason}")]
    Format {
        /// The file.
        origin: String,
        /// The fault, with its line or token.
        reason: String,
    },
    /// A valid file that asks for something that cannot be reproduced exactly.
    #[error("{origin}: not supported: {reason}")]
    Unsupported {
        /// The file.
        origin: String,
        /// The request.
        reason: String,
    },
    /// The text to train on or to price is not usable.
    #[error("{origin}: {reason}")]
    Corpus {
        /// The file or folder.
        origin: String,
        /// The fault.
        reason: String,
    },
    /// A regular expression that does not compile, or that gave up on a text.
    #[error("pattern {pattern:?}: {reason}")]
    Pattern {
        /// The regular expression.
        pattern: String,
        /// The error of the regex engine.
        reason: String,
    },
    /// A text of code points has a lone surrogate, which is no character.
    #[error("text {text}: a lone surrogate at character {position}")]
    Surrogate {
        /// The number of the text.
        text: usize,
        /// The number of the character in it.
        position: usize,
    },
    /// An id outside the vocabulary.
    #[error("{}", Self::unknown_id(id, *position, *vocab_size))]
    UnknownId {
        /// The id.
        id: i64,
        /// Its place in the sequence to decode.
        position: usize,
        /// One more than the largest id of the vocabulary.
        vocab_size: usize,
    },
    /// An argument outside its domain.
    #[error("{name}: {reason}")]
    Argument {
        /// The parameter.
        name: &'static str,
        /// The fault of its value.
        reason: String,
    },
    /// The system does not grant the needed memory.
    #[error("not enough memory")]
    Memory,
    /// The caller asked to stop (Ctrl-C).
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// An I/O error on `path`. Memory that was refused while reading is [`Error::Memory`].
    pub fn io(path: impl AsRef<Path>, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::OutOfMemory {
            return Self::Memory;
        }
        Self::Io { path: path.as_ref().to_path_buf(), source }
    }

    /// A file that contradicts its format. A reason that came from [`Error::Memory`] becomes [`Error::Memory`] again.
    pub fn format(origin: impl Display, reason: impl Display) -> Self {
        let reason = reason.to_string();
        if reason.contains(NO_MEMORY) {
            return Self::Memory;
        }
        Self::Format { origin: origin.to_string(), reason }
    }

    /// A valid file that cannot be reproduced exactly. A reason that was made of [`Error::Memory`] is that again.
    pub fn unsupported(origin: impl Display, reason: impl Display) -> Self {
        let reason = reason.to_string();
        if reason.contains(NO_MEMORY) {
            return Self::Memory;
        }
        Self::Unsupported { origin: origin.to_string(), reason }
    }

    /// Unusable text.
    pub fn corpus(origin: impl Display, reason: impl Display) -> Self {
        Self::Corpus { origin: origin.to_string(), reason: reason.to_string() }
    }

    /// The error of a part of a file, with the file's name.
    #[must_use]
    pub fn in_file(self, name: &str) -> Self {
        match self {
            Self::Format { origin, reason } => {
                Self::Format { origin: name.to_string(), reason: format!("{origin}: {reason}") }
            }
            Self::Unsupported { origin, reason } => {
                Self::Unsupported { origin: name.to_string(), reason: format!("{origin}: {reason}") }
            }
            Self::Argument { name: part @ ("added_tokens" | "FixedLength"), reason } => {
                Self::Format { origin: name.to_string(), reason: format!("{part}: {reason}") }
            }
            Self::Pattern { pattern, reason } => Self::Pattern { pattern, reason: format!("{reason}, in {name}") },
            other => other,
        }
    }

    /// The error with the number of its text in a batch.
    pub(crate) fn in_text(self, number: usize) -> Self {
        match self {
            Self::Pattern { pattern, reason } => {
                Self::Pattern { pattern, reason: format!("{reason}, in text {number}") }
            }
            other => other,
        }
    }

    /// An argument outside its domain.
    pub fn argument(name: &'static str, reason: impl Display) -> Self {
        Self::Argument { name, reason: reason.to_string() }
    }
    /// The message of [`Error::UnknownId`], for numbers of any size.
    pub fn unknown_id(id: impl Display, position: usize, vocab_size: usize) -> String {
        format!("id {id} at position {position} is not in the vocabulary (size {vocab_size})")
    }
}

/// [`Error::Memory`] in the form of a reason, for parsers that pass on only text, such as the JSON parser. A quotation
/// from a file never has a control character.
const NO_MEMORY: &str = "\u{1A}not enough memory";

impl From<Error> for String {
    fn from(error: Error) -> Self {
        match error {
            Error::Memory => NO_MEMORY.to_string(),
            other => other.to_string(),
        }
    }
}

impl From<std::collections::TryReserveError> for Error {
    fn from(_: std::collections::TryReserveError) -> Self {
        Self::Memory
    }
}

impl From<hashbrown::TryReserveError> for Error {
    fn from(_: hashbrown::TryReserveError) -> Self {
        Self::Memory
    }
}
