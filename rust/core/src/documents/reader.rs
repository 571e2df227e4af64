//! From files to strings, for callers that want whole texts or lines.

use std::path::Path;

use super::{BlockKind, Files, Invalid, Name, Part, TextBlock, TextFormat, lines_of};
use crate::error::Result;
use crate::memory::{Grow, copied_text, lossy_text};
use crate::stop::Stop;

/// The unit that a [`Reader`] yields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Documents: a text, or the record of each line that is not blank.
    Document,
    /// Lines: the lines of a text without their `\n` or `\r\n`, or the record of each line, empty for a blank line.
    Line,
}

/// The texts or the lines of a file, some at a time.
pub struct Reader {
    files: Files,
    unit: Unit,
    invalid: Invalid,
    /// Whether the file is a text of which lines are wanted.
    by_line: bool,
}

impl Reader {
    /// Prepares a file for reading.
    ///
    /// # Errors
    /// As [`Files::new`].
    pub fn new(path: &Path, unit: Unit, invalid: Invalid) -> Result<Self> {
        let by_line = unit == Unit::Line && Name::of(path).format != Some(TextFormat::Lines);
        Ok(Self { files: Files::new(&[path.to_path_buf()])?, unit, invalid, by_line })
    }

    /// The next texts or lines; `None` after the last ones.
    ///
    /// # Errors
    /// The errors of [`Files::next_unless`] and [`TextBlock::for_each_part`].
    pub fn read(&mut self, stop: &Stop) -> Result<Option<Vec<String>>> {
        let by_line = self.by_line;
        let cut = |text: &[u8]| if by_line { Some(memchr::memrchr(b'\n', text)? + 1) } else { None };
        let block = self.files.next_unless(stop, cut)?;
        block.map(|block| self.texts_of(&block)).transpose()
    }

    fn texts_of(&self, block: &TextBlock) -> Result<Vec<String>> {
        let mut texts = Vec::new();
        match self.unit {
            Unit::Line => block.for_each_line(self.invalid, |line| texts.try_push(copied_text(line)?))?,
            Unit::Document => block.for_each_part(self.invalid, |Part { text, end, .. }| {
                texts.try_push(copied_text(&lossy_text(&text[..end])?)?)
            })?,
        }
        Ok(texts)
    }
}

/// Yields the next texts or lines, as [`Reader::read`] returns them.
impl Iterator for Reader {
    type Item = Result<Vec<String>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read(&Stop::never()).transpose()
    }
}

impl TextBlock<'_> {
    /// Calls `sink` with each line of a text that was cut at line ends, or with the record of each line of JSON.
    fn for_each_line(&self, invalid: Invalid, mut sink: impl FnMut(&str) -> Result<()>) -> Result<()> {
        let own = self.own(invalid)?;
        match self.kind {
            BlockKind::Text { .. } => lines_of(&own).try_for_each(|line| sink(line.strip_suffix('\r').unwrap_or(line))),
            BlockKind::Lines { before } => {
                self.for_each_record(&own, before, invalid, |record| sink(record.unwrap_or_default()))
            }
        }
    }
}
