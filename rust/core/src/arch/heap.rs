//! The allocator's free memory.

/// Returns to the system the memory that the allocator holds free. That of glibc keeps it otherwise, in a heap for each thread, where
/// no other thread finds it: under a limit of memory, what was freed by one stage of work would count against the next.
pub fn return_free_memory() {
    // SAFETY: the function takes the allocator's own locks, and gives back pages that hold nothing in use.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    unsafe {
        libc::malloc_trim(0);
    }
}
