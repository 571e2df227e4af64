//! What the system is told of the allocator's memory.

#[cfg(target_os = "linux")]
use std::ffi::c_int;
use std::mem::MaybeUninit;

/// Returns to the system the memory that the allocator holds free. That of glibc keeps it otherwise, in a heap for each thread, where
/// no other thread finds it: under a limit of memory, what was freed by one stage of work would count against the next.
pub fn return_free_memory() {
    // SAFETY: the function takes the allocator's own locks, and gives back pages that hold nothing in use.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    unsafe {
        libc::malloc_trim(0);
    }
}

/// A huge page, in bytes.
pub const HUGE_PAGE: usize = 2 << 20;

/// Asks for huge pages where `memory` has whole ones and has not been touched yet. To find and clear two megabytes 4 KiB at a time costs
/// more than encoding what fills them; numpy does the same for its arrays.
pub fn prefer_huge_pages<T>(memory: &mut [MaybeUninit<T>]) {
    #[cfg(target_os = "linux")]
    advise(memory, libc::MADV_HUGEPAGE);
    #[cfg(not(target_os = "linux"))]
    let _ = memory;
}

/// Asks for small ones there.
pub(crate) fn prefer_small_pages<T>(memory: &mut [MaybeUninit<T>]) {
    #[cfg(target_os = "linux")]
    advise(memory, libc::MADV_NOHUGEPAGE);
    #[cfg(not(target_os = "linux"))]
    let _ = memory;
}

/// Gives advice about the whole huge pages of untouched memory.
#[cfg(target_os = "linux")]
fn advise<T>(memory: &mut [MaybeUninit<T>], advice: c_int) {
    let start = memory.as_mut_ptr();
    let first = start.addr().next_multiple_of(HUGE_PAGE);
    let last = (start.addr() + size_of_val(memory)) / HUGE_PAGE * HUGE_PAGE;
    if first < last {
        // SAFETY: advice of these kinds changes no byte, and these pages lie within the memory at hand. Not taken, it changes nothing.
        unsafe { libc::madvise(start.with_addr(first).cast(), last - first, advice) };
    }
}
