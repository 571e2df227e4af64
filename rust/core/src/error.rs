//! The one error of the crate. Every variant names its offender: the file, the line, the token or the argument.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, and where.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read or write a file.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
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
        /// What is wrong, with the line or token at fault.
        reason: String,
    },
    /// A file is sound, but asks for something that cannot be reproduced exactly.
    #[error("{origin}: not supported: {reason}")]
    Unsupported {
        /// The file.
        origin: String,
        /// What it asks for.
        reason: String,
    },
    /// The text to train on or to price is not usable.
    #[error("{origin}: {reason}")]
    Corpus {
        /// The file or folder.
        origin: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A regular expression that does not compile, or that gave up on a text.
    #[error("pattern {pattern:?}: {reason}")]
    Pattern {
        /// The regular expression.
        pattern: String,
        /// What the regex engine said.
        reason: String,
    },
    /// A text of code points has one that is no character.
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
        /// What is wrong with its value.
        reason: String,
    },
    /// The system does not grant the memory that the work takes.
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

    /// A file that contradicts its format. A reason that was made of [`Error::Memory`] is that again.
    pub fn format(origin: impl Display, reason: impl Display) -> Self {
        let reason = reason.to_string();
        if reason.contains(NO_MEMORY) {
            return Self::Memory;
        }
        Self::Format { origin: origin.to_string(), reason }
    }

    /// A sound file that cannot be reproduced exactly.
    pub fn unsupported(origin: impl Display, reason: impl Display) -> Self {
        Self::Unsupported { origin: origin.to_string(), reason: reason.to_string() }
    }

    /// Unusable text.
    pub fn corpus(origin: impl Display, reason: impl Display) -> Self {
        Self::Corpus { origin: origin.to_string(), reason: reason.to_string() }
    }

    /// The error, naming the text of a batch that it is about.
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

/// [`Error::Memory`] as a reason: parsers of files hand on no more than text, that of JSON among them. What messages quote of a file has
/// no control character.
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
