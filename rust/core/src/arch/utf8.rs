//! Code points of one width to UTF-8: CPython holds a `str` as bytes, as pairs of bytes, or as fours.

use std::mem::MaybeUninit;

use super::{Isa, Row, Work};

/// A code point of so many bytes: `u8`, `u16` and `u32`, and no other type. Their memory is read and written as that of such numbers.
pub trait Unit: sealed::Sealed + Copy + Into<u32> + Send {
    /// That of a code point, without the bits for which there is no room.
    fn of(point: u32) -> Self;
}

impl Unit for u8 {
    #[inline(always)]
    fn of(point: u32) -> Self {
        point as Self
    }
}

impl Unit for u16 {
    #[inline(always)]
    fn of(point: u32) -> Self {
        point as Self
    }
}

impl Unit for u32 {
    #[inline(always)]
    fn of(point: u32) -> Self {
        point
    }
}

mod sealed {
    /// What only this module can implement.
    pub trait Sealed {}

    impl Sealed for u8 {}
    impl Sealed for u16 {}
    impl Sealed for u32 {}
}

/// Why code points were not appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// One is no scalar value, such as a lone surrogate.
    NoCharacter {
        /// The place of the first of them.
        place: usize,
    },
    /// The system does not grant the memory.
    Memory,
}

/// How many bytes UTF-8 takes of a code point, at most.
const WIDEST: usize = 4;

/// What may be written, and not counted, behind the last byte.
pub(super) const BEHIND: usize = 64;

/// So many code points are converted at a time: room is made for the most that these may take.
const STRETCH: usize = 1 << 12;

impl Isa {
    /// Appends `units` to `text`.
    ///
    /// # Errors
    /// Those of [`Refused`]; `text` is then as before.
    pub fn push_utf8<U: Unit>(self, units: &[U], text: &mut String) -> Result<(), Refused> {
        let before = text.len();
        let mut done = 0;
        for units in units.chunks(STRETCH) {
            if text.try_reserve(units.len() * WIDEST + BEHIND).is_err() {
                text.truncate(before);
                return Err(Refused::Memory);
            }
            // SAFETY: what is added is whole characters of UTF-8, all of them written.
            let (read, _) = unsafe {
                let bytes = text.as_mut_vec();
                let (read, written) = self.run(Utf8 { units, out: bytes.spare_capacity_mut() });
                bytes.set_len(bytes.len() + written);
                (read, written)
            };
            done += read;
            if read < units.len() {
                text.truncate(before);
                return Err(Refused::NoCharacter { place: done });
            }
        }
        Ok(())
    }
}

/// [`Isa::push_utf8`] of a stretch, in the form that [`Isa::run`] takes.
struct Utf8<'u, U> {
    units: &'u [U],
    out: &'u mut [MaybeUninit<u8>],
}

impl<U: Unit> Work for Utf8<'_, U> {
    type Output = (usize, usize);

    #[inline(always)]
    fn run<R: Row>(self) -> (usize, usize) {
        assert!(self.out.len() >= self.units.len() * WIDEST + BEHIND, "room for all");
        R::utf8(self.units, self.out)
    }
}

/// [`Row::utf8`], a character at a time.
#[inline(always)]
pub(super) fn each<U: Unit>(units: &[U], out: &mut [MaybeUninit<u8>]) -> (usize, usize) {
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
