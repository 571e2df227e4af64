//! The forms in which a text may lie in memory.

use std::borrow::Cow;

use super::characters::Prefix;
use crate::arch::{Isa, Utf8Error, prefetch};
use crate::error::{Error, Result};
use crate::memory::Grow;
use crate::stop::Stop;

/// A text: UTF-8, or code points of one width, as CPython holds a `str`.
#[derive(Debug, Clone, Copy)]
pub enum Text<'t> {
    /// UTF-8.
    Utf8(&'t str),
    /// Code points of one byte.
    One(&'t [u8]),
    /// Code points of two bytes.
    Two(&'t [u16]),
    /// Code points of four bytes.
    Four(&'t [u32]),
}

impl<'t, S: AsRef<str> + ?Sized> From<&'t S> for Text<'t> {
    #[inline(always)]
    fn from(text: &'t S) -> Self {
        Self::Utf8(text.as_ref())
    }
}

/// Types that can be read as a [`Text`].
pub trait AsText<'t>: Into<Text<'t>> + Copy + Sync {}

impl<'t, T: Into<Text<'t>> + Copy + Sync> AsText<'t> for T {}

/// Number of bytes of the next text that are prefetched. The hardware prefetcher reads the rest.
const AHEAD: usize = 4096;

impl<'t> Text<'t> {
    /// The bytes of memory that the text takes.
    pub fn size(self) -> usize {
        match self {
            Self::Utf8(text) => text.len(),
            Self::One(points) => points.len(),
            Self::Two(points) => size_of_val(points),
            Self::Four(points) => size_of_val(points),
        }
    }

    /// The text as UTF-8, if it lies in memory as UTF-8.
    #[inline(always)]
    pub fn as_str(self) -> Option<&'t str> {
        match self {
            Self::Utf8(text) => Some(text),
            Self::One(points) if points.is_ascii() => str::from_utf8(points).ok(),
            _ => None,
        }
    }

    /// Appends the text as UTF-8.
    ///
    /// # Errors
    /// [`Utf8Error`]: a lone surrogate, or no memory. Then nothing is added.
    pub fn push(self, isa: Isa, utf8: &mut String) -> Result<(), Utf8Error> {
        match self {
            Self::Utf8(text) => {
                utf8.try_reserve(text.len()).map_err(|_| Utf8Error::Memory)?;
                utf8.push_str(text);
                Ok(())
            }
            Self::One(points) => isa.push_utf8(points, utf8),
            Self::Two(points) => isa.push_utf8(points, utf8),
            Self::Four(points) => isa.push_utf8(points, utf8),
        }
    }

    /// Appends its UTF-8, unless it is stopped. `number` is that of the text, for the error.
    ///
    /// # Errors
    /// [`Error::Surrogate`], [`Error::Memory`], [`Error::Interrupted`].
    #[inline]
    pub(super) fn append(self, stop: &Stop, number: usize, isa: Isa, utf8: &mut String) -> Result<()> {
        let refused = |refused, before: usize| match refused {
            Utf8Error::NoCharacter { place } => Error::Surrogate { text: number, position: before + place },
            Utf8Error::Memory => Error::Memory,
        };
        if self.size() <= UNASKED {
            return self.push(isa, utf8).map_err(|error| refused(error, 0));
        }
        let mut before = 0;
        while let Some((some, count)) = self.part(before) {
            stop.check()?;
            some.push(isa, utf8).map_err(|error| refused(error, before))?;
            before += count;
        }
        Ok(())
    }

    /// Some of its code points from a place on, and their number, as long as there are some. (UTF-8 is copied faster than one could ask.)
    fn part(self, from: usize) -> Option<(Self, usize)> {
        fn some<P>(points: &[P], from: usize) -> Option<&[P]> {
            points.get(from..).filter(|rest| !rest.is_empty()).map(|rest| &rest[..rest.len().min(UNASKED)])
        }
        match self {
            Self::Utf8(text) => (from == 0).then_some((self, text.len().max(1))),
            Self::One(points) => some(points, from).map(|some| (Self::One(some), some.len())),
            Self::Two(points) => some(points, from).map(|some| (Self::Two(some), some.len())),
            Self::Four(points) => some(points, from).map(|some| (Self::Four(some), some.len())),
        }
    }

    /// Prefetches the text: strings lie anywhere in memory, and are seldom in the caches.
    pub(super) fn prefetch(self) {
        fn lines<T>(points: &[T]) {
            let step = 64 / size_of::<T>();
            (0..points.len().min(AHEAD / size_of::<T>())).step_by(step).for_each(|at| prefetch(points, at));
        }
        match self {
            Self::Utf8(text) => lines(text.as_bytes()),
            Self::One(points) => lines(points),
            Self::Two(points) => lines(points),
            Self::Four(points) => lines(points),
        }
    }
}

/// The UTF-8 of the text of this number.
///
/// # Errors
/// [`Error::Surrogate`], [`Error::Memory`], [`Error::Interrupted`].
pub(crate) fn utf8<'t>(stop: &Stop, text: Text<'t>, number: usize, isa: Isa) -> Result<Cow<'t, str>> {
    if let Some(text) = text.as_str() {
        return Ok(Cow::Borrowed(text));
    }
    let mut utf8 = String::new();
    text.append(stop, number, isa, &mut utf8)?;
    Ok(Cow::Owned(utf8))
}

/// Number of code points that are converted between two questions whether to stop.
const UNASKED: usize = 1 << 18;

/// Memory for more bytes than this is not kept for the next text. A job of a batch has fewer.
const MOST: usize = 1 << 20;

/// Texts as UTF-8, one behind the other, in memory that is used again.
#[derive(Debug, Default)]
pub(super) struct TextRow {
    pub(super) row: String,
    /// The end of each text.
    pub(super) ends: Vec<usize>,
    /// Where each begins, if a space may come before it.
    pub(super) begins: Vec<usize>,
}

impl TextRow {
    /// Replaces the content by the given texts, each behind a space if `prefix` says so; `first` is the number of the first
    /// one.
    ///
    /// # Errors
    /// [`Error::Surrogate`], [`Error::Memory`], [`Error::Interrupted`] when `stop` says so.
    pub(super) fn fill<'t, T: AsText<'t>>(
        &mut self,
        stop: &Stop,
        first: usize,
        texts: &[T],
        isa: Isa,
        prefix: Prefix,
    ) -> Result<()> {
        self.row.clear();
        self.ends.clear();
        self.begins.clear();
        for (place, &text) in texts.iter().enumerate() {
            if let Some(&next) = texts.get(place + 1) {
                next.into().prefetch();
            }
            let before = self.row.len();
            if prefix != Prefix::Never {
                self.row.try_reserve(1)?;
                self.row.push(' ');
            }
            text.into().append(stop, first + place, isa, &mut self.row)?;
            if prefix != Prefix::Never {
                if !prefix.precedes(&self.row.as_bytes()[before + 1..], true) {
                    self.row.remove(before);
                    self.begins.try_push(before)?;
                } else {
                    self.begins.try_push(before + 1)?;
                }
            }
            self.ends.try_push(self.row.len())?;
        }
        Ok(())
    }

    /// Returns itself, or an empty row if one text has made it large.
    pub(super) fn bounded(self) -> Self {
        if self.row.capacity() > MOST { Self::default() } else { self }
    }
}
