//! Code points in a fixed width to UTF-8. CPython holds a `str` in units of one, two or four bytes.

use std::mem::MaybeUninit;

use super::{Isa, U32x16, Work};

/// A code point in a fixed width: `u8`, `u16` or `u32`, and no other type, because the memory of units is read and
/// written as numbers.
pub trait CodeUnit: sealed::Sealed + Copy + Into<u32> + Send {
    /// A code point in this width; bits that do not fit are dropped.
    fn of(point: u32) -> Self;
}

impl CodeUnit for u8 {
    #[inline(always)]
    fn of(point: u32) -> Self {
        point as Self
    }
}

impl CodeUnit for u16 {
    #[inline(always)]
    fn of(point: u32) -> Self {
        point as Self
    }
}

impl CodeUnit for u32 {
    #[inline(always)]
    fn of(point: u32) -> Self {
        point
    }
}

mod sealed {
    /// Only this module can implement it.
    pub trait Sealed {}

    impl Sealed for u8 {}
    impl Sealed for u16 {}
    impl Sealed for u32 {}
}

/// The reason why no code points were appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Utf8Error {
    /// A unit is no scalar value, for example a lone surrogate.
    NoCharacter {
        /// The place of the first lone surrogate.
        place: usize,
    },
    /// The system does not grant the memory.
    Memory,
}

/// The most bytes that UTF-8 takes for a code point.
const WIDEST: usize = 4;

/// Number of bytes behind the last one that [`U32x16::utf8`] may overwrite.
pub(super) const BEHIND: usize = 64;

/// Number of code points that are converted at a time. Room is made for the most bytes that they can take.
const STRETCH: usize = 1 << 12;

impl Isa {
    /// Appends `units` to `text`.
    ///
    /// # Errors
    /// [`Utf8Error`]; `text` is then unchanged.
    pub fn push_utf8<U: CodeUnit>(self, units: &[U], text: &mut String) -> Result<(), Utf8Error> {
        let before = text.len();
        let mut done = 0;
        for units in units.chunks(STRETCH) {
            if text.try_reserve(units.len() * WIDEST + BEHIND).is_err() {
                text.truncate(before);
                return Err(Utf8Error::Memory);
            }
            // SAFETY: the added bytes are all written, and are whole characters of UTF-8.
            let (read, _) = unsafe {
                let bytes = text.as_mut_vec();
                let (read, written) = self.run(Utf8 { units, out: bytes.spare_capacity_mut() });
                bytes.set_len(bytes.len() + written);
                (read, written)
            };
            done += read;
            if read < units.len() {
                text.truncate(before);
                return Err(Utf8Error::NoCharacter { place: done });
            }
        }
        Ok(())
    }
}

/// The arguments of [`Isa::push_utf8`] for one stretch, as [`Isa::run`] needs them.
struct Utf8<'u, U> {
    units: &'u [U],
    out: &'u mut [MaybeUninit<u8>],
}

impl<U: CodeUnit> Work for Utf8<'_, U> {
    type Output = (usize, usize);

    #[inline(always)]
    fn run<R: U32x16>(self) -> (usize, usize) {
        assert!(self.out.len() >= self.units.len() * WIDEST + BEHIND, "room for all");
        R::utf8(self.units, self.out)
    }
}

/// [`U32x16::utf8`], one character at a time.
#[inline(always)]
pub(super) fn each<U: CodeUnit>(units: &[U], out: &mut [MaybeUninit<u8>]) -> (usize, usize) {
    let mut written = 0;
    for (read, &unit) in units.iter().enumerate() {
        let Some(character) = char::from_u32(unit.into()) else { return (read, written) };
        let mut bytes = [0; WIDEST];
        let length = character.encode_utf8(&mut bytes).len();
        for (to, byte) in out[written..written + WIDEST].iter_mut().zip(bytes) {
            to.write(byte);
        }
        written += length;
    }
    (units.len(), written)
}
