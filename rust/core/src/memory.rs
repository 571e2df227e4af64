//! Zeroed memory for large tables, in huge pages where the system has them: a random access into a table of megabytes then
//! costs a cache miss, not a page walk besides.

use std::ops::{Deref, DerefMut};

use bytemuck::Zeroable;
use bytemuck::{AnyBitPattern, NoUninit};
use memmap2::MmapMut;

/// Below this many bytes, huge pages have nothing to offer.
const HUGE: usize = 2 << 20;

/// A fixed number of zeroed entries.
#[derive(Debug)]
pub struct Zeroed<T>(Memory<T>);

#[derive(Debug)]
enum Memory<T> {
    Heap(Vec<T>),
    Pages { map: MmapMut, length: usize },
}

impl<T: Zeroable + Clone + AnyBitPattern + NoUninit> Zeroed<T> {
    /// Memory for `length` entries. The system provides it when it is first touched.
    pub fn new(length: usize) -> Self {
        let bytes = length * size_of::<T>();
        if bytes >= HUGE
            && let Ok(map) = MmapMut::map_anon(bytes)
        {
            // Advice that is not taken changes nothing but the speed.
            #[cfg(target_os = "linux")]
            map.advise(memmap2::Advice::HugePage).ok();
            return Self(Memory::Pages { map, length });
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
            Memory::Pages { map, length } => &bytemuck::cast_slice(&map[..length * size_of::<T>()])[..*length],
        }
    }
}

impl<T: AnyBitPattern + NoUninit> DerefMut for Zeroed<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        match &mut self.0 {
            Memory::Heap(entries) => entries,
            Memory::Pages { map, length } => {
                &mut bytemuck::cast_slice_mut(&mut map[..*length * size_of::<T>()])[..*length]
            }
        }
    }
}
