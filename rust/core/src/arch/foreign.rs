//! Numbers in memory that another thread may write to, such as an array that Python lends.

use std::ops::Range;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

/// Numbers that may change between two reads. Each read is a relaxed atomic load, which costs the same as a plain load.
#[derive(Debug, Clone, Copy)]
pub struct Foreign<'m>(&'m [AtomicU32]);

impl<'m, N: AsRef<[u32]> + ?Sized> From<&'m N> for Foreign<'m> {
    fn from(numbers: &'m N) -> Self {
        let numbers = numbers.as_ref();
        // SAFETY: the numbers live as long as the borrow, and a `Foreign` never writes.
        unsafe { Self::new(numbers.as_ptr(), numbers.len()) }
    }
}

impl<'m> Foreign<'m> {
    /// Reads the given atomic numbers.
    pub fn of(numbers: &'m [AtomicU32]) -> Self {
        Self(numbers)
    }

    /// The `length` numbers from `first` on.
    ///
    /// # Safety
    /// The numbers must be aligned and live as long as `'m`. Other threads may write to them meanwhile, in whole
    /// numbers.
    pub unsafe fn new(first: *const u32, length: usize) -> Self {
        // SAFETY: an atomic number has the layout of a plain one; relaxed loads may read read-only memory.
        Self(unsafe { std::slice::from_raw_parts(first.cast(), length) })
    }

    /// The number of numbers.
    #[inline(always)]
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[inline(always)]
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The number at a place, if the place exists.
    #[inline(always)]
    pub fn get(self, place: usize) -> Option<u32> {
        self.0.get(place).map(|number| number.load(Relaxed))
    }

    /// The numbers in a range.
    ///
    /// # Panics
    /// If the range ends beyond the numbers.
    #[inline(always)]
    pub fn part(self, range: Range<usize>) -> Self {
        Self(&self.0[range])
    }

    /// The numbers from a place on.
    ///
    /// # Panics
    /// If the place lies beyond the end.
    #[inline(always)]
    pub fn from(self, place: usize) -> Self {
        Self(&self.0[place..])
    }

    /// The numbers in order. Each is read when its turn comes.
    #[inline(always)]
    pub fn iter(self) -> impl ExactSizeIterator<Item = u32> + 'm {
        self.0.iter().map(|number| number.load(Relaxed))
    }

    /// The numbers in chunks of sixteen; an incomplete chunk at the end is left out.
    #[inline(always)]
    pub fn sixteens(self) -> &'m [[AtomicU32; 16]] {
        self.0.as_chunks().0
    }
}
