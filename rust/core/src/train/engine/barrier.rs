//! Threads that work in step.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// How often a waiting thread looks before it gives way to others, if each thread has a core. Steps are microseconds
/// long: waking a sleeping thread would take longer than the work.
const LOOKS: u32 = 2000;

/// A meeting point of a fixed number of threads.
pub(crate) struct Team {
    size: usize,
    looks: u32,
    arrived: AtomicUsize,
    meetings: AtomicUsize,
    broken: AtomicBool,
}

impl Team {
    pub(crate) fn new(size: usize) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self {
            size,
            looks: if size <= cores { LOOKS } else { 0 },
            arrived: AtomicUsize::new(0),
            meetings: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
        }
    }

    /// Waits until all threads are here.
    ///
    /// # Panics
    /// If another thread panicked, since it will not come.
    pub(crate) fn meet(&self) {
        let meeting = self.meetings.load(Ordering::Acquire);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.size {
            self.arrived.store(0, Ordering::Relaxed);
            self.meetings.store(meeting + 1, Ordering::Release);
            return;
        }
        let mut looks = 0;
        while self.meetings.load(Ordering::Acquire) == meeting {
            assert!(!self.broken.load(Ordering::Relaxed), "another thread of the team panicked");
            if looks < self.looks {
                looks += 1;
                std::hint::spin_loop();
            } else {
                thread::yield_now();
            }
        }
    }

    /// Keeps the others from waiting for this thread if it panics.
    pub(crate) fn member(&self) -> Member<'_> {
        Member(self)
    }
}

/// Membership of a thread in a team.
pub(crate) struct Member<'t>(&'t Team);

impl Drop for Member<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.broken.store(true, Ordering::Relaxed);
        }
    }
}
