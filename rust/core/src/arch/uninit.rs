//! Memory that is filled from its beginning.

use std::mem::MaybeUninit;

use super::Unit;

/// Memory, of which the first places are written.
#[derive(Debug)]
pub struct Filling<'r, U> {
    room: &'r mut [MaybeUninit<U>],
    filled: usize,
}

impl<'r, U: Unit> Filling<'r, U> {
    /// Nothing is written yet.
    pub fn new(room: &'r mut [MaybeUninit<U>]) -> Self {
        Self { room, filled: 0 }
    }

    /// Adds a unit, if there is room for it: says whether there is.
    #[inline(always)]
    #[must_use]
    pub fn push(&mut self, unit: U) -> bool {
        let Some(place) = self.room.get_mut(self.filled) else { return false };
        place.write(unit);
        self.filled += 1;
        true
    }

    /// Adds the first `length` of sixteen units, if there is room for them and they are no more: says whether it did. While there is
    /// room for all, all are written, in one go.
    #[inline(always)]
    #[must_use]
    pub fn push_some(&mut self, units: &[u16; 16], length: usize) -> bool {
        if length > units.len() {
            return false;
        }
        if let Some(room) = self.room[self.filled..].first_chunk_mut::<16>() {
            // Made apart from where they go, so that they are made in registers.
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

    /// How many places are written.
    #[inline(always)]
    pub fn filled(&self) -> usize {
        self.filled
    }

    /// Those that are written, from one of them on.
    #[inline(always)]
    pub fn written(&self, from: usize) -> &[U] {
        let written = &self.room[from..self.filled];
        // SAFETY: the first `filled` places were written, each before it was counted.
        unsafe { std::slice::from_raw_parts(written.as_ptr().cast(), written.len()) }
    }

    /// All that was written, if that is the whole memory.
    pub fn done(self) -> Option<&'r mut [U]> {
        let Self { room, filled } = self;
        // SAFETY: the first `filled` places were written, each before it was counted.
        (filled == room.len()).then(|| unsafe { std::slice::from_raw_parts_mut(room.as_mut_ptr().cast(), filled) })
    }
}
