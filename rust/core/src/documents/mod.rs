//! From files to documents.
//!
//! The ending of a name states the format and the compression of a file ([`Name`]). In JSON Lines, each line is a
//! document, in the string field `text`; a file of another ending is one document. A file is read in [`TextBlock`]s of
//! a few hundred kilobytes, so that no file is ever in memory as a whole: a text is cut where the caller allows it,
//! JSON Lines at line ends. A block is checked and parsed on the thread that holds it; only reading and decompressing
//! happen one after the other. A byte order mark is no part of a text.

mod fields;
mod files;
mod name;
mod reader;
mod record;
mod rows;
mod stream;
#[cfg(test)]
mod tests;
mod texts;

use std::borrow::Cow;
use std::path::Path;

use crate::error::{Error, Result};
use crate::memory::{Grow, copied, lossy_text, probe};
pub use fields::{Fields, Value};
pub use files::{Files, read_bytes};
pub use name::{Compression, Name, TextFormat};
pub use reader::{Reader, Unit};
pub use rows::{Missing, Rows, Skipped};
pub use stream::{Reading, Stream};
pub use texts::Texts;

/// Bytes of a block, unless no place to cut it is found. The pieces of this much text and their table fit the
/// second-level cache together, and a file of a few megabytes still occupies several threads.
const BLOCK: usize = 1 << 19;

/// The treatment of bytes that are not UTF-8, and of escapes of lone surrogates in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Invalid {
    /// Report the first as an error.
    #[default]
    Refuse,
    /// Replace each by U+FFFD.
    Replace,
}

/// A part of a document, or a whole document.
#[derive(Debug, Clone, Copy)]
pub struct Part<'t> {
    /// The text, and some of the text behind it.
    pub text: &'t [u8],
    /// The end of the part in `text`. Its pieces begin before; the text behind the end is there to look ahead into.
    pub end: usize,
    /// Whether a document begins here.
    pub first: bool,
}

/// A stretch of a file that can be processed by itself.
#[derive(Debug)]
pub struct TextBlock<'t> {
    origin: Cow<'t, Path>,
    bytes: Cow<'t, [u8]>,
    /// The end of the block's own bytes.
    end: usize,
    /// The start of the block in the decompressed file.
    offset: u64,
    kind: BlockKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BlockKind {
    /// A text, or the rest of one.
    Text { first: bool },
    /// JSON Lines, after this many lines of the file.
    Lines { before: u64 },
}

impl TextBlock<'_> {
    /// Calls `sink` with each part of a document in the block. Blank lines of JSON Lines hold no document.
    ///
    /// # Errors
    /// [`Error::InvalidUtf8`] with file and byte; [`Error::Corpus`] with file and line for a line that is no object
    /// with a string in its field `text`; [`Error::Memory`]; the errors of `sink`.
    pub fn for_each_part(&self, invalid: Invalid, mut sink: impl FnMut(Part) -> Result<()>) -> Result<()> {
        let own = self.own(invalid)?;
        match (self.kind, &own) {
            (BlockKind::Text { first }, Cow::Borrowed(_)) => sink(Part { text: &self.bytes, end: self.end, first }),
            (BlockKind::Text { first }, Cow::Owned(replaced)) => {
                let end = replaced.len();
                let mut text = copied(replaced.as_bytes())?;
                text.try_extend_from_slice(&self.bytes[self.end..])?;
                sink(Part { text: &text, end, first })
            }
            (BlockKind::Lines { before }, own) => self.for_each_record(own, before, invalid, |record| match record {
                Some(text) => sink(Part { text: text.as_bytes(), end: text.len(), first: true }),
                None => Ok(()),
            }),
        }
    }

    /// The block's own bytes as UTF-8.
    fn own(&self, invalid: Invalid) -> Result<Cow<'_, str>> {
        let own = &self.bytes[..self.end];
        match (std::str::from_utf8(own), invalid) {
            (Ok(text), _) => Ok(Cow::Borrowed(text)),
            (Err(_), Invalid::Replace) => lossy_text(own),
            (Err(error), Invalid::Refuse) => {
                let offset = self.offset + error.valid_up_to() as u64;
                Err(Error::InvalidUtf8 { origin: self.origin.display().to_string(), offset })
            }
        }
    }

    /// Calls `sink` with the text in each line of JSON, and with `None` for a blank line.
    fn for_each_record(
        &self,
        lines: &str,
        before: u64,
        invalid: Invalid,
        mut sink: impl FnMut(Option<&str>) -> Result<()>,
    ) -> Result<()> {
        for (line, number) in lines_of(lines).zip(before + 1..) {
            if record::is_blank(line.as_bytes()) {
                sink(None)?;
                continue;
            }
            // The parser copies a string with an escape, and copies it again at its end.
            probe(2 * line.len())?;
            record::with_text(line, invalid, |text| sink(Some(text)))
                .map_err(|reason| Error::corpus(self.origin.display(), format!("line {number}: {reason}")))??;
        }
        Ok(())
    }
}

/// The lines of a text. A line ends at `\n` and nowhere else, and no line begins behind the last `\n`.
fn lines_of(text: &str) -> impl Iterator<Item = &str> {
    text.split_terminator('\n')
}
