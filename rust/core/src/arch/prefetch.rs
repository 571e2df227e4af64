//! What the caches are told: of memory that is needed soon, and of memory that is not.

use std::time::{Duration, Instant};

use crate::arch::pages::{HUGE_PAGE, prefer_small_pages};

/// Asks for the cache line of `entries[index]` ahead of its use. Out of bounds, nothing happens.
#[inline(always)]
pub fn prefetch<T>(entries: &[T], index: usize) {
    if let Some(entry) = entries.get(index) {
        prefetch_at(entry);
    }
}

/// As [`prefetch`], to the second cache and not the first: where many are asked for before one is used. They need not wait for each other
/// then until the first, which has few lines under way at once, has taken them in.
#[inline(always)]
pub fn prefetch_outer<T>(entries: &[T], index: usize) {
    if let Some(entry) = entries.get(index) {
        ask::<false, T>(entry);
    }
}

/// Asks for the cache line of an address ahead of its use, whatever is there.
#[inline(always)]
pub fn prefetch_at<T>(address: *const T) {
    ask::<true, T>(address);
}

/// Asks for the cache line of an address, to the nearest cache or the second.
#[inline(always)]
fn ask<const NEAREST: bool, T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};
        // SAFETY: a prefetch reads nothing and no address is wrong for it; SSE belongs to every x86-64.
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

/// A huge page takes a tenth of a millisecond to find and clear, but four where a virtual machine has given its free memory back to its
/// host; small ones, of which such a machine has kept some, make up two megabytes in one. (64 MB by huge pages took 7 or 100 to 200 ms, by
/// small ones 26 to 40.)
const DEAR: Duration = Duration::from_millis(1);

/// Appends numbers that nobody reads again soon: they go to memory without a place in the caches, which keep what else is in them, and
/// what they overwrite is not read first. Where a huge page was dear to find, the rest of the memory is asked for in small ones.
///
/// # Panics
/// If there is no room for them.
pub fn append_past_caches(to: &mut Vec<u32>, numbers: &[u32]) {
    let end = to.as_ptr_range().end.addr();
    let enters_page = end.next_multiple_of(HUGE_PAGE) < end + size_of_val(numbers);
    let begun = enters_page.then(Instant::now);
    store(to, numbers);
    if begun.is_some_and(|begun| begun.elapsed() > DEAR) {
        prefer_small_pages(to.spare_capacity_mut());
    }
}

/// Appends numbers for which there is room.
///
/// # Panics
/// If there is not.
fn store(to: &mut Vec<u32>, numbers: &[u32]) {
    assert!(numbers.len() <= to.capacity() - to.len(), "room for all");
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_mm_loadu_si128, _mm_sfence, _mm_stream_si128};
        // Whole cache lines go past the caches. What comes before the first of them completes one that was begun here, in the cache.
        let next = to.spare_capacity_mut().as_ptr();
        let (before, rest) =
            numbers.split_at((next.addr().wrapping_neg() % LINE / size_of::<u32>()).min(numbers.len()));
        let (lines, behind) = rest.as_chunks::<{ LINE / size_of::<u32>() }>();
        to.extend_from_slice(before);
        // SAFETY: there is room for `numbers`, as was asserted, of which the lines are a part; they begin at a multiple of their size, if there are any, so
        // each quarter does at one of its own. SSE2 belongs to every x86-64. The fence keeps what comes after behind these stores, so
        // that another thread that learns of the numbers finds them.
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
