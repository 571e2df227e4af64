//! Zeroed memory for large tables, in huge pages where the system has them: a random access into a table of megabytes then
//! costs a cache miss, not a page walk besides.

use std::ops::{Deref, DerefMut};

use bytemuck::{AnyBitPattern, NoUninit, Zeroable};
use memmap2::MmapMut;

use crate::arch::HUGE_PAGE;

/// A fixed number of zeroed entries.
#[derive(Debug)]
pub struct Zeroed<T>(Memory<T>);

#[derive(Debug)]
enum Memory<T> {
    Heap(Vec<T>),
    Pages { map: MmapMut, start: usize, length: usize },
}

impl<T: Zeroable + Clone + AnyBitPattern + NoUninit> Zeroed<T> {
    /// Memory for `length` entries. The system provides it when it is first touched.
    pub fn new(length: usize) -> Self {
        let bytes = length * size_of::<T>();
        // What fills less than half of a huge page has little to gain.
        if bytes >= HUGE_PAGE / 2
            && let Ok(map) = MmapMut::map_anon(bytes.next_multiple_of(HUGE_PAGE) + HUGE_PAGE)
        {
            // Advice that is not taken changes nothing but the speed.
            #[cfg(target_os = "linux")]
            map.advise(memmap2::Advice::HugePage).ok();
            // Huge pages stand at multiples of their size.
            let start = map.as_ptr().align_offset(HUGE_PAGE);
            return Self(Memory::Pages { map, start, length });
        }
        Self(Memory::Heap(vec![T::zeroed(); length]))
    }
}

impl<T: AnyBitPattern + NoUninit> Deref for Zeroed<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        match &self.0 {
            Memory::Heap(entries) => entries,
            Memory::Pages { map, start, length } => bytemuck::cast_slice(&map[*start..start + length * size_of::<T>()]),
        }
    }
}

impl<T: AnyBitPattern + NoUninit> DerefMut for Zeroed<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        match &mut self.0 {
            Memory::Heap(entries) => entries,
            Memory::Pages { map, start, length } => {
                bytemuck::cast_slice_mut(&mut map[*start..*start + *length * size_of::<T>()])
            }
        }
    }
}
