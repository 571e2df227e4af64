//! Files to documents.
//!
//! A `.jsonl` file (compression aside) holds a document a line, in its string field `text`; any other file is one document.
//! Names that end in `.gz` or `.zst` are decompressed. Files come in [`Block`]s of a few hundred kilobytes, so that none is
//! ever held whole: a text is cut where the caller allows it, lines at their ends. Blocks check and parse themselves,
//! on whichever thread holds them; only reading and decompressing happen in turn.

mod files;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, Result};
pub use files::{Files, Texts, read_bytes};

/// What to do with bytes that are not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Invalid {
    /// Refuse them, naming the first.
    #[default]
    Refuse,
    /// Put U+FFFD in place of each bad sequence.
    Replace,
}

/// A part of a document, or the whole of it.
#[derive(Debug, Clone, Copy)]
pub struct Part<'t> {
    /// The text, and some of what follows it.
    pub text: &'t [u8],
    /// Where it ends in `text`: pieces that begin before are its own, what follows is there to look ahead into.
    pub end: usize,
    /// Whether a document begins here.
    pub first: bool,
}

/// A stretch of a file that can be worked on by itself.
#[derive(Debug)]
pub struct Block<'t> {
    origin: Cow<'t, Path>,
    bytes: Cow<'t, [u8]>,
    /// Where the bytes of its own end.
    end: usize,
    /// Where it begins in the (decompressed) file.
    offset: u64,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text { first: bool },
    Lines { before: u64 },
}

#[derive(Deserialize)]
struct Record<'t> {
    #[serde(borrow)]
    text: Cow<'t, str>,
}

impl Block<'_> {
    /// Calls `sink` with each part of a document in it.
    ///
    /// # Errors
    /// [`Error::InvalidUtf8`] naming file and byte; [`Error::Corpus`] naming file and line for a line that is no object
    /// with a string in its field `text`; what `sink` returns.
    pub fn for_each_part(&self, invalid: Invalid, mut sink: impl FnMut(Part) -> Result<()>) -> Result<()> {
        let own = &self.bytes[..self.end];
        let replaced = match (std::str::from_utf8(own), invalid) {
            (Ok(_), _) => None,
            (Err(error), Invalid::Refuse) => {
                let offset = self.offset + error.valid_up_to() as u64;
                return Err(Error::InvalidUtf8 { origin: self.origin.display().to_string(), offset });
            }
            (Err(_), Invalid::Replace) => Some(String::from_utf8_lossy(own).into_owned()),
        };
        match (self.kind, replaced) {
            (Kind::Text { first }, None) => sink(Part { text: &self.bytes, end: self.end, first }),
            (Kind::Text { first }, Some(replaced)) => {
                let end = replaced.len();
                let text = [replaced.as_bytes(), &self.bytes[self.end..]].concat();
                sink(Part { text: &text, end, first })
            }
            (Kind::Lines { before }, None) => self.lines(own, before, sink),
            (Kind::Lines { before }, Some(replaced)) => self.lines(replaced.as_bytes(), before, sink),
        }
    }

    fn lines(&self, bytes: &[u8], before: u64, mut sink: impl FnMut(Part) -> Result<()>) -> Result<()> {
        for (line, number) in bytes.split(|&byte| byte == b'\n').zip(before + 1..) {
            if line.trim_ascii().is_empty() {
                continue;
            }
            let record: Record = serde_json::from_slice(line).map_err(|error| {
                // The parser sees one line: its own line number would mislead.
                let reason = error.to_string();
                let reason = reason.split(" at line ").next().unwrap_or(&reason);
                let reason = format!("line {number}: not an object with a string in its field `text`: {reason}");
                Error::corpus(self.origin.display(), reason)
            })?;
            sink(Part { text: record.text.as_bytes(), end: record.text.len(), first: true })?;
        }
        Ok(())
    }
}
