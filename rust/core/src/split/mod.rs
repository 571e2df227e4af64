//! From text to pieces.
//!
//! A *piece* is the unit that BPE never merges across; a *scheme* is the rule that finds the pieces, written once as a
//! regex in [`scheme`]. [`scan`] defines the schemes of the table, one character at a time; [`mask`] finds the same
//! pieces 64 bytes at a time; [`pattern`] runs any other regex. Invariant: the pieces of a text, concatenated, are the
//! text, for any bytes.

mod ends;
mod mask;
pub(crate) mod oniguruma;
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
use crate::stop::Stop;
use mask::CutFunction;
pub(crate) use pattern::CompiledPattern;

/// The most bytes behind a boundary that a rule looks at: an apostrophe, a space and one character.
pub const LOOKAHEAD: usize = 8;

/// A scheme, ready to run. It is immutable, so threads share it.
#[derive(Debug)]
pub struct Splitter {
    scheme: Scheme,
    engine: PieceFinder,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a splitter has one, which stays where it is")]
enum PieceFinder {
    Masks { isa: Isa, cut: CutFunction },
    Pattern(CompiledPattern),
}

impl Splitter {
    /// Compiles a scheme for the instruction set of [`Isa::choose`].
    ///
    /// # Errors
    /// [`Error::Pattern`] if a user's regex does not compile; [`Error::Argument`] if `EUROTOK_ISA` names an instruction
    /// set that the machine does not have.
    pub fn new(scheme: Scheme) -> Result<Self> {
        Self::with_isa(scheme, Isa::choose()?)
    }

    /// Compiles a scheme for an instruction set.
    ///
    /// # Errors
    /// [`Error::Pattern`] if a user's regex does not compile.
    pub fn with_isa(scheme: Scheme, isa: Isa) -> Result<Self> {
        let engine = match scheme.number() {
            Some(number) => PieceFinder::Masks { isa, cut: mask::CUTS[number] },
            None => PieceFinder::Pattern(CompiledPattern::new(scheme.pattern())?),
        };
        Ok(Self { scheme, engine })
    }

    /// The scheme.
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// Calls `sink` with each piece of `text` in order. A byte that is not UTF-8 counts as one character of
    /// punctuation. A user's regex never sees these bytes: each of them is a piece.
    ///
    /// # Errors
    /// [`Error::Pattern`] if a user's regex gives up (its backtracking limit); [`Error::Memory`].
    pub fn for_each_piece<'t>(&self, text: &'t [u8], sink: impl FnMut(&'t [u8])) -> Result<()> {
        self.for_each_piece_in(text, 0..text.len(), sink)
    }

    /// Like [`for_each_piece`](Self::for_each_piece), but `stop` or an error of `sink` can end it.
    ///
    /// # Errors
    /// As [`for_each_piece`](Self::for_each_piece), those of `sink`, and [`Error::Interrupted`].
    pub fn try_for_each_piece<'t>(
        &self,
        stop: &Stop,
        text: &'t [u8],
        sink: impl FnMut(&'t [u8]) -> Result<()>,
    ) -> Result<()> {
        let mut ends = Ends::default();
        ends.watch(stop);
        self.each_piece(text, 0..text.len(), &mut ends, sink)
    }

    /// Like [`for_each_piece`](Self::for_each_piece), for the pieces that begin in `range`. Its bounds must be ends of
    /// the text or results of [`next_boundary`](Self::next_boundary).
    ///
    /// # Errors
    /// As [`for_each_piece`](Self::for_each_piece).
    pub fn for_each_piece_in<'t>(
        &self,
        text: &'t [u8],
        range: Range<usize>,
        mut sink: impl FnMut(&'t [u8]),
    ) -> Result<()> {
        self.each_piece(text, range, &mut Ends::default(), |piece| {
            sink(piece);
            Ok(())
        })
    }

    fn each_piece<'t>(
        &self,
        text: &'t [u8],
        range: Range<usize>,
        ends: &mut Ends,
        mut sink: impl FnMut(&'t [u8]) -> Result<()>,
    ) -> Result<()> {
        let mut start = range.start;
        while start < range.end {
            let base = start;
            let next = self.cut(text, base..range.end, ends)?;
            for &end in ends.as_slice() {
                let end = base + end as usize;
                sink(&text[start..end])?;
                start = end;
            }
            start = next;
        }
        Ok(())
    }

    /// Finds the next stretch of pieces of `text[range]`, a few thousand at most. Replaces `ends` by their ends,
    /// counted from `range.start`, and returns the end of the last one. The bounds of the range must be boundaries, and
    /// the range must not be empty.
    ///
    /// # Errors
    /// As [`for_each_piece`](Self::for_each_piece), and [`Error::Interrupted`] for ends that are
    /// [watched](Ends::watch).
    pub fn cut(&self, text: &[u8], range: Range<usize>, ends: &mut Ends) -> Result<usize> {
        ends.check()?;
        match &self.engine {
            PieceFinder::Masks { isa, cut } => cut(*isa, text, range, ends),
            PieceFinder::Pattern(pattern) => {
                let mut length = 0;
                offset(range.len())?;
                ends.clear(true);
                let stop = ends.stop().clone();
                pattern.for_each_piece(&stop, &text[range.clone()], |piece: &[u8]| {
                    length += piece.len();
                    ends.push(length as u32)
                })?;
                Ok(range.end)
            }
        }
    }

    /// The first proven boundary at or after `from`, or `None`. There is none with a user's regex.
    ///
    /// *Definition.* A place is a *proven boundary* if a piece ends there in every text that has the same bytes from
    /// one byte before the place to [`LOOKAHEAD`] bytes behind it.
    ///
    /// *Claim.* With a scheme of the table, a place between a visible ASCII character and a space is a proven boundary,
    /// and so is a place between a line feed and a visible ASCII character that is not a slash.
    ///
    /// *Proof.* In every scheme of the table, a space stands in a piece only as its first character or within white
    /// space; so no piece goes on from a visible character to a space. And a line end stands in a piece only before
    /// white space, line ends and slashes; so no piece goes on from a line feed to another visible character.
    pub fn next_boundary(&self, text: &[u8], from: usize) -> Option<usize> {
        if matches!(self.engine, PieceFinder::Pattern(_)) {
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

    /// A proven boundary of `text` that is at most `limit`, usually near it, and that `accept` allows. The search
    /// begins in a window before `limit`, which widens.
    pub(crate) fn last_boundary(&self, text: &[u8], limit: usize, accept: impl Fn(usize) -> bool) -> Option<usize> {
        let mut window = 256;
        loop {
            let from = limit.saturating_sub(window);
            let mut next = self.next_boundary(text, from);
            while let Some(place) = next.filter(|&place| place <= limit) {
                if accept(place) {
                    return Some(place);
                }
                next = self.next_boundary(text, place + 1);
            }
            if from == 0 {
                return None;
            }
            window *= 8;
        }
    }
}

/// The pieces of `text` by the definition of a scheme of the table, one character at a time. A [`Splitter`] is compared
/// with it. `None` for a user's regex, which is its own definition.
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

/// A distance within one stretch. Only a single piece, or a text for a user's regex, can be too long.
fn offset(distance: usize) -> Result<u32> {
    u32::try_from(distance).map_err(|_| Error::argument("text", "a piece of 4 GiB or more"))
}
