//! Prefetches and non-temporal stores: hints to the CPU's caches.

use std::time::{Duration, Instant};

use crate::arch::pages::{HUGE_PAGE, prefer_small_pages};

/// Prefetches the cache line of `entries[index]`. Does nothing if the index is out of bounds.
#[inline(always)]
pub fn prefetch<T>(entries: &[T], index: usize) {
    if let Some(entry) = entries.get(index) {
        prefetch_at(entry);
    }
}

/// Like [`prefetch`], but into the second-level cache instead of the first. Use it for many prefetches before the first
/// use: the first-level cache can have only a few lines in flight, and further prefetches would wait.
#[inline(always)]
pub fn prefetch_outer<T>(entries: &[T], index: usize) {
    if let Some(entry) = entries.get(index) {
        hint::<false, T>(entry);
    }
}

/// Prefetches the cache line of any address.
#[inline(always)]
pub fn prefetch_at<T>(address: *const T) {
    hint::<true, T>(address);
}

/// Prefetches into the first-level cache, or into the second-level cache.
#[inline(always)]
fn hint<const NEAREST: bool, T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};
        // SAFETY: a prefetch reads no value and any address is valid for it. Every x86-64 has SSE.
        unsafe {
            if NEAREST {
                _mm_prefetch::<_MM_HINT_T0>(address.cast());
            } else {
                _mm_prefetch::<_MM_HINT_T1>(address.cast());
            }
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// A page fault that takes longer than this is expensive. The fault of a huge page usually takes 0.1 ms. In a virtual
/// machine that has returned its free memory to the host it takes about 4 ms, where two megabytes of small pages take 1
/// ms. (Measured on 64 MB: huge pages 7 ms, or 100 to 200 ms in such a machine; small pages 26 to 40 ms.)
const EXPENSIVE: Duration = Duration::from_millis(1);

/// Appends numbers that nobody reads again soon. The stores are non-temporal: they evict nothing from the caches, and
/// the CPU does not read the overwritten lines first. If the page fault of a huge page was expensive, small pages are
/// requested for the rest of the memory.
///
/// # Panics
/// If there is no room for the numbers.
pub fn append_nontemporal(to: &mut Vec<u32>, numbers: &[u32]) {
    let end = to.as_ptr_range().end.addr();
    let enters_page = end.next_multiple_of(HUGE_PAGE) < end + size_of_val(numbers);
    let begun = enters_page.then(Instant::now);
    store(to, numbers);
    if begun.is_some_and(|begun| begun.elapsed() > EXPENSIVE) {
        prefer_small_pages(to.spare_capacity_mut());
    }
}

/// Appends numbers.
///
/// # Panics
/// If there is no room for them.
fn store(to: &mut Vec<u32>, numbers: &[u32]) {
    assert!(numbers.len() <= to.capacity() - to.len(), "room for all");
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_mm_loadu_si128, _mm_sfence, _mm_stream_si128};
        // Only whole cache lines are stored non-temporally. The numbers before the first whole line are stored as
        // usual.
        let next = to.spare_capacity_mut().as_ptr();
        let (before, rest) =
            numbers.split_at((next.addr().wrapping_neg() % LINE / size_of::<u32>()).min(numbers.len()));
        let (lines, behind) = rest.as_chunks::<{ LINE / size_of::<u32>() }>();
        to.extend_from_slice(before);
        // SAFETY: there is room for `numbers`, as asserted, and the lines are a part of them. The first line begins at
        // a multiple of the line size, so each quarter is aligned. Every x86-64 has SSE2. The fence orders these stores
        // before later ones, so that another thread that learns of the numbers also sees them.
        unsafe {
            let mut place = to.as_mut_ptr().add(to.len()).cast();
            for line in lines {
                for quarter in line.as_chunks::<4>().0 {
                    _mm_stream_si128(place, _mm_loadu_si128(quarter.as_ptr().cast()));
                    place = place.add(1);
                }
            }
            _mm_sfence();
            to.set_len(to.len() + lines.as_flattened().len());
        }
        to.extend_from_slice(behind);
    }
    #[cfg(not(target_arch = "x86_64"))]
    to.extend_from_slice(numbers);
}

/// A cache line, in bytes.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 64;
