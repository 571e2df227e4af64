//! Uninitialized memory that is filled from its beginning.

use std::mem::MaybeUninit;

use super::CodeUnit;

/// Memory whose first `filled` places are written.
#[derive(Debug)]
pub struct Filling<'r, U> {
    room: &'r mut [MaybeUninit<U>],
    filled: usize,
}

impl<'r, U: CodeUnit> Filling<'r, U> {
    /// Nothing is written yet.
    pub fn new(room: &'r mut [MaybeUninit<U>]) -> Self {
        Self { room, filled: 0 }
    }

    /// Adds a unit. Returns `false` if there is no room.
    #[inline(always)]
    #[must_use]
    pub fn push(&mut self, unit: U) -> bool {
        let Some(place) = self.room.get_mut(self.filled) else { return false };
        place.write(unit);
        self.filled += 1;
        true
    }

    /// Adds the first `length` of sixteen units. Returns `false` if `length` is more than sixteen or there is no room.
    /// While there is room for sixteen, all sixteen are written at once.
    #[inline(always)]
    #[must_use]
    pub fn push_some(&mut self, units: &[u16; 16], length: usize) -> bool {
        if length > units.len() {
            return false;
        }
        if let Some(room) = self.room[self.filled..].first_chunk_mut::<16>() {
            // A separate array lets the compiler convert in registers.
            let mut made = [MaybeUninit::uninit(); 16];
            for (place, &unit) in made.iter_mut().zip(units) {
                place.write(U::of(unit.into()));
            }
            *room = made;
            self.filled += length;
            true
        } else {
            units[..length].iter().all(|&unit| self.push(U::of(unit.into())))
        }
    }

    /// The number of written places.
    #[inline(always)]
    pub fn filled(&self) -> usize {
        self.filled
    }

    /// The written places from `from` on.
    #[inline(always)]
    pub fn written(&self, from: usize) -> &[U] {
        let written = &self.room[from..self.filled];
        // SAFETY: the first `filled` places are written before `filled` counts them.
        unsafe { std::slice::from_raw_parts(written.as_ptr().cast(), written.len()) }
    }

    /// The whole memory, if all of it is written.
    pub fn done(self) -> Option<&'r mut [U]> {
        let Self { room, filled } = self;
        // SAFETY: the first `filled` places are written before `filled` counts them.
        (filled == room.len()).then(|| unsafe { std::slice::from_raw_parts_mut(room.as_mut_ptr().cast(), filled) })
    }
}
