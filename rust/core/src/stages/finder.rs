//! Finds the matches of splits and replacements.

use memchr::memmem;

use super::text::Match;
use crate::arch::Isa;
use crate::error::{Error, Result};
use crate::memory::Grow;
use crate::split::{Ends, Scheme, Splitter, oniguruma};
use crate::stop::{Stop, Watch};
use crate::vocab::pipeline::Pattern;

/// A pattern made ready to run.
#[derive(Debug)]
pub(super) enum PatternFinder {
    /// A text, which is not empty.
    Text(memmem::Finder<'static>),
    /// An empty text, which matches nowhere.
    Nothing,
    /// A rule of the table, whose matches follow one another without a gap.
    Splitter(Splitter),
    /// Any other regex.
    Regex(crate::split::CompiledPattern),
}

impl PatternFinder {
    /// # Errors
    /// [`Error::Pattern`] for a regex that does not compile, or that other engines read differently.
    pub(super) fn new(pattern: &Pattern, isa: Isa) -> Result<Self> {
        match pattern {
            Pattern::String(text) if text.is_empty() => Ok(Self::Nothing),
            Pattern::String(text) => Ok(Self::Text(memmem::Finder::new(text).into_owned())),
            Pattern::Regex(regex) => {
                let failed = |reason| Error::Pattern { pattern: regex.clone(), reason };
                let scheme = oniguruma::from_oniguruma(regex).map_err(failed)?;
                match scheme.name() {
                    Some(_) => Self::of_scheme(scheme, isa),
                    None => crate::split::CompiledPattern::new(scheme.pattern()).map(Self::Regex),
                }
            }
        }
    }

    /// A rule of the table.
    pub(super) fn of_scheme(scheme: Scheme, isa: Isa) -> Result<Self> {
        Splitter::with_isa(scheme, isa).map(Self::Splitter)
    }

    /// Calls `sink` with each match, in order.
    ///
    /// # Errors
    /// [`Error::Pattern`] if a regex gives up; [`Error::Interrupted`]; those of `sink`.
    pub(super) fn for_each_match(
        &self,
        stop: &Stop,
        text: &str,
        mut sink: impl FnMut(usize, usize) -> Result<()>,
    ) -> Result<()> {
        match self {
            Self::Text(finder) => {
                let (length, mut watch) = (finder.needle().len(), Watch::new(stop));
                finder.find_iter(text.as_bytes()).try_for_each(|start| {
                    watch.step(1)?;
                    sink(start, start + length)
                })
            }
            Self::Nothing => Ok(()),
            Self::Splitter(splitter) => {
                let (mut ends, mut start, bytes) = (Ends::default(), 0, text.as_bytes());
                let mut base = 0;
                ends.watch(stop);
                while base < bytes.len() {
                    let next = splitter.cut(bytes, base..bytes.len(), &mut ends)?;
                    for &end in ends.as_slice() {
                        let end = base + end as usize;
                        sink(start, end)?;
                        start = end;
                    }
                    base = next;
                }
                Ok(())
            }
            Self::Regex(pattern) => pattern.for_each_span(stop, text, sink),
        }
    }

    /// Appends the matches and the stretches between them. If `inverted`, the two change roles.
    pub(super) fn parts(&self, stop: &Stop, text: &str, inverted: bool, parts: &mut Vec<Match>) -> Result<()> {
        let mut done = 0;
        self.for_each_match(stop, text, |start, end| {
            if done < start {
                parts.try_push((done, start, inverted))?;
            }
            parts.try_push((start, end, !inverted))?;
            done = end;
            Ok(())
        })?;
        if done < text.len() {
            parts.try_push((done, text.len(), inverted))?;
        }
        Ok(())
    }
}

/// Appends each character of a kind, and the stretches between them.
pub(super) fn characters(
    watch: &mut Watch<'_>,
    text: &str,
    is_match: impl Fn(char) -> bool,
    parts: &mut Vec<Match>,
) -> Result<()> {
    let mut done = 0;
    for (start, character) in text.char_indices() {
        watch.step(1)?;
        if is_match(character) {
            if done < start {
                parts.try_push((done, start, false))?;
            }
            done = start + character.len_utf8();
            parts.try_push((start, done, true))?;
        }
    }
    if done < text.len() {
        parts.try_push((done, text.len(), false))?;
    }
    Ok(())
}
