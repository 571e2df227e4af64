//! A text as it lies in memory.

use crate::arch::{Isa, Utf8Error, prefetch};
use crate::error::{Error, Result};
use crate::memory::Grow;

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

/// What can be taken as a text.
pub trait AsText<'t>: Into<Text<'t>> + Copy + Sync {}

impl<'t, T: Into<Text<'t>> + Copy + Sync> AsText<'t> for T {}

/// The bytes of a text that are asked for ahead: what is behind them, the processor foresees.
const AHEAD: usize = 4096;

impl<'t> Text<'t> {
    /// How many bytes of memory it takes.
    pub fn size(self) -> usize {
        match self {
            Self::Utf8(text) => text.len(),
            Self::One(points) => points.len(),
            Self::Two(points) => size_of_val(points),
            Self::Four(points) => size_of_val(points),
        }
    }

    /// Its UTF-8, if it lies there as such.
    #[inline(always)]
    pub fn as_str(self) -> Option<&'t str> {
        match self {
            Self::Utf8(text) => Some(text),
            Self::One(points) if points.is_ascii() => str::from_utf8(points).ok(),
            _ => None,
        }
    }

    /// Appends its UTF-8.
    ///
    /// # Errors
    /// [`Utf8Error`]: a lone surrogate, or no memory; nothing is added then.
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

    /// Asks for its memory ahead of its use: strings lie anywhere, and are seldom in the processor's caches.
    pub(super) fn fetch(self) {
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

/// The most bytes that are kept for the next text: those of a job are fewer.
const MOST: usize = 1 << 20;

/// Texts as UTF-8, one behind the other. Memory that is used again.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pub(super) row: String,
    /// Where each ends.
    pub(super) ends: Vec<usize>,
}

impl Texts {
    /// Takes these texts in place of what it had. `first` is the number of the first of them.
    ///
    /// # Errors
    /// [`Error::Surrogate`], [`Error::Memory`].
    pub(super) fn fill<'t, T: AsText<'t>>(&mut self, first: usize, texts: &[T], isa: Isa) -> Result<()> {
        self.row.clear();
        self.ends.clear();
        for (place, &text) in texts.iter().enumerate() {
            if let Some(&next) = texts.get(place + 1) {
                next.into().fetch();
            }
            text.into().push(isa, &mut self.row).map_err(|refused| match refused {
                Utf8Error::NoCharacter { place: position } => Error::Surrogate { text: first + place, position },
                Utf8Error::Memory => Error::Memory,
            })?;
            self.ends.try_push(self.row.len())?;
        }
        Ok(())
    }

    /// Itself, or, if it has grown large for one text, another one.
    pub(super) fn bounded(self) -> Self {
        if self.row.capacity() > MOST { Self::default() } else { self }
    }
}
