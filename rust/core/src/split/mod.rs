//! Text to pieces.
//!
//! A *piece* is the unit that BPE never merges across; a *scheme* is the rule that finds the pieces, written once as a
//! regex in [`scheme`]. [`scan`] is the definition of the schemes of the table, a character at a time; [`mask`] finds the same
//! pieces 64 bytes at a time; [`pattern`] runs any other regex. Invariant: the pieces of a text, concatenated, are the
//! text, whatever its bytes.

mod ends;
mod mask;
mod pattern;
mod scan;
pub mod scheme;
#[cfg(test)]
mod tests;

pub use ends::Ends;
pub use scheme::Scheme;

use std::ops::Range;

use crate::arch::Isa;
use crate::error::{Error, Result};
use mask::Cut;
pub(crate) use pattern::Pattern;

/// How far beyond a boundary a rule may look, in bytes: past an apostrophe and a space to one character.
pub const LOOKAHEAD: usize = 8;

/// A scheme made ready to run. Cheap to share between threads, immutable.
#[derive(Debug)]
pub struct Splitter {
    scheme: Scheme,
    engine: Engine,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a splitter has one, which stays where it is")]
enum Engine {
    Masks { isa: Isa, cut: Cut },
    Pattern(Pattern),
}

impl Splitter {
    /// Compiles a scheme, for the instruction set that [`Isa::choose`] chooses.
    ///
    /// # Errors
    /// [`Error::Pattern`] if a regex of the user's does not compile; [`Error::Argument`] if `EUROTOK_ISA` names an instruction
    /// set that the machine does not have.
    pub fn new(scheme: Scheme) -> Result<Self> {
        Self::with_isa(scheme, Isa::choose()?)
    }

    /// Compiles a scheme for an instruction set.
    ///
    /// # Errors
    /// [`Error::Pattern`] if a regex of the user's does not compile.
    pub fn with_isa(scheme: Scheme, isa: Isa) -> Result<Self> {
        let engine = match scheme.number() {
            Some(number) => Engine::Masks { isa, cut: mask::CUTS[number] },
            None => Engine::Pattern(Pattern::new(scheme.pattern())?),
        };
        Ok(Self { scheme, engine })
    }

    /// The scheme this splits by.
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// Calls `sink` with each piece of `text` in order. Bytes that are not UTF-8 count as punctuation, one character
    /// each (a user's regex never sees them: each of them is a piece between its matches).
    ///
    /// # Errors
    /// [`Error::Pattern`] if a user's regex gives up (its backtracking limit); [`Error::Memory`].
    pub fn for_each_piece<'t>(&self, text: &'t [u8], sink: impl FnMut(&'t [u8])) -> Result<()> {
        self.for_each_piece_in(text, 0..text.len(), sink)
    }

    /// As [`for_each_piece`](Self::for_each_piece), for the pieces that begin in `range`, whose bounds must be boundaries:
    /// the ends of the text or what [`next_boundary`](Self::next_boundary) found.
    ///
    /// # Errors
    /// As [`for_each_piece`](Self::for_each_piece).
    pub fn for_each_piece_in<'t>(
        &self,
        text: &'t [u8],
        range: Range<usize>,
        mut sink: impl FnMut(&'t [u8]),
    ) -> Result<()> {
        let mut ends = Ends::default();
        let mut start = range.start;
        while start < range.end {
            let base = start;
            let next = self.cut(text, base..range.end, &mut ends)?;
            for &end in ends.as_slice() {
                let end = base + end as usize;
                sink(&text[start..end]);
                start = end;
            }
            start = next;
        }
        Ok(())
    }

    /// The next stretch of pieces of `text[range]`, some thousands at most: replaces `ends` by where each ends, counted from
    /// `range.start`, and returns where the last one ends. The bounds must be boundaries, and the range not empty.
    ///
    /// # Errors
    /// As [`for_each_piece`](Self::for_each_piece), and [`Error::Interrupted`] for ends that are [watched](Ends::watch).
    pub fn cut(&self, text: &[u8], range: Range<usize>, ends: &mut Ends) -> Result<usize> {
        ends.check()?;
        match &self.engine {
            Engine::Masks { isa, cut } => cut(*isa, text, range, ends),
            Engine::Pattern(pattern) => {
                let mut length = 0;
                offset(range.len())?;
                ends.clear(true);
                pattern.for_each_piece(&text[range.clone()], |piece: &[u8]| {
                    length += piece.len();
                    ends.push(length as u32)?;
                    ends.check_within()
                })?;
                Ok(range.end)
            }
        }
    }

    /// The first proven boundary at or after `from`: a place where a piece ends in any text that reads the same from one
    /// byte before it to [`LOOKAHEAD`] bytes after it. `None` if there is none, as always with a user's regex.
    ///
    /// In every scheme of the table a piece holds a space only as its first character or among white space, and a line end
    /// only before white space, line ends and slashes; so a piece ends between a visible ASCII character and a space, and
    /// between a line feed and a visible ASCII character that is not a slash.
    pub fn next_boundary(&self, text: &[u8], from: usize) -> Option<usize> {
        if matches!(self.engine, Engine::Pattern(_)) {
            return None;
        }
        let from = from.max(1);
        let pairs = text.get(from - 1..)?.windows(2);
        let found = pairs.into_iter().position(|pair| match (pair[0], pair[1]) {
            (before, b' ') => before.is_ascii_graphic(),
            (b'\n', after) => after.is_ascii_graphic() && after != b'/',
            _ => false,
        });
        found.map(|place| from + place)
    }
}

/// The pieces of `text` as the definition of a scheme of the table finds them, a character at a time: what a [`Splitter`] is held
/// to. `None` for a user's regex, which is its own definition.
pub fn scan<'t>(scheme: &Scheme, text: &'t [u8]) -> Option<Vec<&'t [u8]>> {
    let rules = &scheme::RULES[scheme.number()?];
    let mut pieces = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let end = scan::piece_end(rules, text, start);
        pieces.push(&text[start..end]);
        start = end;
    }
    Some(pieces)
}

/// A distance within one stretch. Only a single piece, or a text for a user's regex, can be too long for it.
fn offset(distance: usize) -> Result<u32> {
    u32::try_from(distance).map_err(|_| Error::argument("text", "a piece of 4 GiB or more"))
}
