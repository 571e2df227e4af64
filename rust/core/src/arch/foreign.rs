//! Numbers in memory that another thread may write to, such as an array that Python lends.

use std::ops::Range;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

/// Numbers that may change between two looks at them. Each look is one atomic load, which costs no more than a plain one.
#[derive(Debug, Clone, Copy)]
pub struct Foreign<'m>(&'m [AtomicU32]);

impl<'m, N: AsRef<[u32]> + ?Sized> From<&'m N> for Foreign<'m> {
    fn from(numbers: &'m N) -> Self {
        let numbers = numbers.as_ref();
        // SAFETY: they are there, and nothing is written through a `Foreign`.
        unsafe { Self::new(numbers.as_ptr(), numbers.len()) }
    }
}

impl<'m> Foreign<'m> {
    /// These numbers.
    pub fn of(numbers: &'m [AtomicU32]) -> Self {
        Self(numbers)
    }

    /// The `length` numbers from `first` on.
    ///
    /// # Safety
    /// They are there as long as `'m` lasts, aligned. Whoever writes to them meanwhile writes whole numbers.
    pub unsafe fn new(first: *const u32, length: usize) -> Self {
        // SAFETY: an atomic number lies as a plain one does; relaxed loads may read memory that is read-only.
        Self(unsafe { std::slice::from_raw_parts(first.cast(), length) })
    }

    /// How many there are.
    #[inline(always)]
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[inline(always)]
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The number at a place, if there is one.
    #[inline(always)]
    pub fn get(self, place: usize) -> Option<u32> {
        self.0.get(place).map(|number| number.load(Relaxed))
    }

    /// Some of them.
    ///
    /// # Panics
    /// If the range reaches beyond them.
    #[inline(always)]
    pub fn part(self, range: Range<usize>) -> Self {
        Self(&self.0[range])
    }

    /// Those from a place on.
    ///
    /// # Panics
    /// If it is beyond their end.
    #[inline(always)]
    pub fn from(self, place: usize) -> Self {
        Self(&self.0[place..])
    }

    /// The numbers, each of them as it is when its turn comes.
    #[inline(always)]
    pub fn iter(self) -> impl ExactSizeIterator<Item = u32> + 'm {
        self.0.iter().map(|number| number.load(Relaxed))
    }

    /// The whole sixteens of them.
    #[inline(always)]
    pub fn sixteens(self) -> &'m [[AtomicU32; 16]] {
        self.0.as_chunks().0
    }
}
