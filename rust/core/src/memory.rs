//! Memory that the system may refuse, and zeroed memory in huge pages for large tables.
//!
//! Code whose memory grows with a text, a file or an option allocates here, or with `try_reserve`, and passes
//! [`Error::Memory`] on. Allocations that are small for every input are made as usual. With huge pages, a random access
//! to a table of megabytes costs a cache miss; without them, it also costs a page walk.

use std::borrow::Cow;
use std::io::{self, Write};
use std::ops::{Deref, DerefMut};

use bytemuck::{AnyBitPattern, NoUninit, Zeroable};
use memmap2::MmapMut;

use crate::arch::HUGE_PAGE;
use crate::error::{Error, Result};

/// Appends to a vector. If the system does not grant the memory, it fails and leaves the vector unchanged.
pub trait Grow<T> {
    /// Appends an item.
    fn try_push(&mut self, item: T) -> Result<()>;

    /// Appends items; their number is at least the lower bound of their size hint.
    ///
    /// # Errors
    /// [`Error::Memory`]; some of the items may then have been appended.
    fn try_extend(&mut self, items: impl IntoIterator<Item = T>) -> Result<()>;

    /// Appends copies of items.
    fn try_extend_from_slice(&mut self, items: &[T]) -> Result<()>
    where
        T: Clone;

    /// Sets the length: appends copies of an item, or drops the last items.
    fn try_resize(&mut self, length: usize, item: T) -> Result<()>
    where
        T: Clone;
}

impl<T> Grow<T> for Vec<T> {
    #[inline(always)]
    fn try_push(&mut self, item: T) -> Result<()> {
        if self.len() == self.capacity() {
            self.try_reserve(1)?;
        }
        self.push(item);
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, items: impl IntoIterator<Item = T>) -> Result<()> {
        let mut items = items.into_iter();
        loop {
            let expected = items.size_hint().0;
            self.try_reserve(expected)?;
            // Appends only as many items as there is room for, so that the vector never grows unasked.
            let room = self.capacity() - self.len();
            self.extend(items.by_ref().take(room));
            match items.next() {
                Some(item) => self.try_push(item)?,
                None => return Ok(()),
            }
        }
    }

    #[inline]
    fn try_extend_from_slice(&mut self, items: &[T]) -> Result<()>
    where
        T: Clone,
    {
        self.try_reserve(items.len())?;
        self.extend_from_slice(items);
        Ok(())
    }

    #[inline]
    fn try_resize(&mut self, length: usize, item: T) -> Result<()>
    where
        T: Clone,
    {
        self.try_reserve(length.saturating_sub(self.len()))?;
        self.resize(length, item);
        Ok(())
    }
}

/// Items in a vector.
pub fn collect<T>(items: impl IntoIterator<Item = T>) -> Result<Vec<T>> {
    let mut all = Vec::new();
    all.try_extend(items)?;
    Ok(all)
}

/// Items in a vector, or the first failure among them.
pub fn collect_all<T>(items: impl IntoIterator<Item = Result<T>>) -> Result<Vec<T>> {
    let mut all = Vec::new();
    for item in items {
        all.try_push(item?)?;
    }
    Ok(all)
}

/// A vector of `length` copies of an item.
pub(crate) fn filled<T: Clone>(item: T, length: usize) -> Result<Vec<T>> {
    let mut all = Vec::new();
    all.try_reserve_exact(length)?;
    all.resize(length, item);
    Ok(all)
}

/// A copy of items.
pub(crate) fn copied<T: Clone>(items: &[T]) -> Result<Vec<T>> {
    let mut all = Vec::new();
    all.try_reserve_exact(items.len())?;
    all.extend_from_slice(items);
    Ok(all)
}

/// A copy of a text.
pub(crate) fn copied_text(text: &str) -> Result<String> {
    let mut copy = String::new();
    copy.try_reserve_exact(text.len())?;
    copy.push_str(text);
    Ok(copy)
}

/// Bytes as text, with U+FFFD where [`String::from_utf8_lossy`] puts it.
pub fn lossy_text(bytes: &[u8]) -> Result<Cow<'_, str>> {
    const REPLACEMENT: &str = "\u{FFFD}";
    if let Ok(text) = str::from_utf8(bytes) {
        return Ok(Cow::Borrowed(text));
    }
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.try_reserve(chunk.valid().len() + REPLACEMENT.len())?;
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push_str(REPLACEMENT);
        }
    }
    Ok(Cow::Owned(text))
}

/// Bytes in memory, for writers that expect `Write`.
#[derive(Debug, Default)]
pub(crate) struct Written(pub(crate) Vec<u8>);

impl Write for Written {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.try_extend_from_slice(data).map_err(|_| io::ErrorKind::OutOfMemory)?;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether an error of the system, or of zstd, says that memory is short.
pub(crate) fn refused(error: &io::Error) -> bool {
    // Zstandard's errors have only this text here, and no number.
    error.kind() == io::ErrorKind::OutOfMemory || error.to_string() == "Allocation error : not enough memory"
}

/// Checks that the system would grant this many bytes, before a library that allocates without asking takes them.
pub(crate) fn probe(bytes: usize) -> Result<()> {
    Ok(Vec::<u8>::new().try_reserve_exact(bytes)?)
}

/// A value in a heap allocation of its own.
#[derive(Debug)]
pub(crate) struct Held<T>(Box<[T; 1]>);

impl<T> Held<T> {
    /// Moves a value to the heap.
    pub(crate) fn new(value: T) -> Result<Self> {
        let mut held = Vec::new();
        held.try_reserve_exact(1)?;
        held.push(value);
        held.try_into().map(Self).map_err(|_| Error::Memory)
    }
}

impl<T> Deref for Held<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0[0]
    }
}

impl<T> DerefMut for Held<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0[0]
    }
}

/// A fixed number of zeroed entries.
#[derive(Debug)]
pub struct Zeroed<T>(ZeroedMemory<T>);

#[derive(Debug)]
enum ZeroedMemory<T> {
    Heap(Vec<T>),
    Pages { map: MmapMut, start: usize, length: usize },
}

impl<T: Zeroable + Clone + AnyBitPattern + NoUninit> Zeroed<T> {
    /// Memory for `length` entries. The system provides each page when it is first touched.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn new(length: usize) -> Result<Self> {
        let bytes = length.checked_mul(size_of::<T>()).filter(|&bytes| bytes <= isize::MAX as usize);
        let bytes = bytes.ok_or(Error::Memory)?;
        // A table that fills less than half of a huge page gains little.
        if bytes >= HUGE_PAGE / 2
            && let Ok(map) = MmapMut::map_anon(bytes.next_multiple_of(HUGE_PAGE) + HUGE_PAGE)
        {
            // If the system refuses the advice, only the speed changes.
            #[cfg(target_os = "linux")]
            map.advise(memmap2::Advice::HugePage).ok();
            // Huge pages begin at multiples of their size.
            let start = map.as_ptr().align_offset(HUGE_PAGE);
            return Ok(Self(ZeroedMemory::Pages { map, start, length }));
        }
        Ok(Self(ZeroedMemory::Heap(filled(T::zeroed(), length)?)))
    }
}

impl<T: AnyBitPattern + NoUninit> Deref for Zeroed<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        match &self.0 {
            ZeroedMemory::Heap(entries) => entries,
            ZeroedMemory::Pages { map, start, length } => {
                bytemuck::cast_slice(&map[*start..start + length * size_of::<T>()])
            }
        }
    }
}

impl<T: AnyBitPattern + NoUninit> DerefMut for Zeroed<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        match &mut self.0 {
            ZeroedMemory::Heap(entries) => entries,
            ZeroedMemory::Pages { map, start, length } => {
                bytemuck::cast_slice_mut(&mut map[*start..*start + *length * size_of::<T>()])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_system_has_is_refused_and_nothing_lost() {
        let mut items = vec![1_u64];
        assert!(matches!(items.try_resize(usize::MAX / 16, 0), Err(Error::Memory)));
        assert_eq!(items, [1]);
        assert!(matches!(filled(0_u8, isize::MAX as usize), Err(Error::Memory)));
        assert!(matches!(Zeroed::<u64>::new(usize::MAX / 4), Err(Error::Memory)));
        assert!(matches!(Zeroed::<u64>::new(isize::MAX as usize / 16), Err(Error::Memory)));
        assert!(matches!(probe(isize::MAX as usize), Err(Error::Memory)));
    }

    #[test]
    fn items_are_as_many_as_there_are_whatever_they_say() {
        let odd = (0..100_000_u32).filter(|number| number % 2 == 1);
        assert!(collect(odd.clone()).unwrap() == odd.collect::<Vec<_>>());
        assert_eq!(collect(0..5).unwrap(), [0, 1, 2, 3, 4]);
        assert!(matches!(collect_all([Ok(1), Err(Error::Interrupted), Ok(2)]), Err(Error::Interrupted)));
        for bytes in [&b"a"[..], b"\xe9t\xe2\x82 ", b"\xff\xf0\x90", b""] {
            assert_eq!(lossy_text(bytes).unwrap(), String::from_utf8_lossy(bytes));
        }
        assert_eq!(*Held::new([7; 3]).unwrap(), [7; 3]);
    }
}
