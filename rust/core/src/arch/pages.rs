//! Advice to the system about pages of memory.

#[cfg(target_os = "linux")]
use std::ffi::c_int;
use std::mem::MaybeUninit;

/// Returns free memory of the allocator to the system. glibc keeps freed memory in one heap a thread, where other
/// threads cannot use it; under a memory limit, the freed memory of one stage would count against the next.
pub fn return_free_memory() {
    // SAFETY: the function takes the locks of the allocator and returns only unused pages.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    unsafe {
        libc::malloc_trim(0);
    }
}

/// A huge page, in bytes.
pub const HUGE_PAGE: usize = 2 << 20;

/// Asks for huge pages for the untouched `memory`. Without them, page faults of 4 KiB cost more than the encoding that
/// fills the memory. numpy does the same for its arrays.
pub fn prefer_huge_pages<T>(memory: &mut [MaybeUninit<T>]) {
    #[cfg(target_os = "linux")]
    advise(memory, libc::MADV_HUGEPAGE);
    #[cfg(not(target_os = "linux"))]
    let _ = memory;
}

/// Asks for small pages for the untouched `memory`.
pub(crate) fn prefer_small_pages<T>(memory: &mut [MaybeUninit<T>]) {
    #[cfg(target_os = "linux")]
    advise(memory, libc::MADV_NOHUGEPAGE);
    #[cfg(not(target_os = "linux"))]
    let _ = memory;
}

/// Gives advice about the whole huge pages within untouched memory.
#[cfg(target_os = "linux")]
fn advise<T>(memory: &mut [MaybeUninit<T>], advice: c_int) {
    let start = memory.as_mut_ptr();
    let first = start.addr().next_multiple_of(HUGE_PAGE);
    let last = (start.addr() + size_of_val(memory)) / HUGE_PAGE * HUGE_PAGE;
    if first < last {
        // SAFETY: advice of these kinds changes no byte, and the pages lie within `memory`. If the system refuses the
        // advice, nothing changes.
        unsafe { libc::madvise(start.with_addr(first).cast(), last - first, advice) };
    }
}
