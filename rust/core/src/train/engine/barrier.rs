//! A barrier: threads wait there until all have arrived.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// Number of times that a waiting thread checks before it yields, if each thread has a core. The steps between barriers
/// take microseconds; waking a sleeping thread would take longer.
const LOOKS: u32 = 2000;

/// A barrier of a fixed number of threads.
pub(crate) struct Barrier {
    size: usize,
    looks: u32,
    arrived: AtomicUsize,
    meetings: AtomicUsize,
    broken: AtomicBool,
}

impl Barrier {
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
    /// If another thread has panicked, because it will not arrive.
    pub(crate) fn wait(&self) {
        let meeting = self.meetings.load(Ordering::Acquire);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.size {
            self.arrived.store(0, Ordering::Relaxed);
            self.meetings.store(meeting + 1, Ordering::Release);
            return;
        }
        let mut looks = 0;
        while self.meetings.load(Ordering::Acquire) == meeting {
            assert!(!self.broken.load(Ordering::Relaxed), "another thread of the barrier panicked");
            if looks < self.looks {
                looks += 1;
                std::hint::spin_loop();
            } else {
                thread::yield_now();
            }
        }
    }

    /// Keeps the other threads from waiting for this one if it panics.
    pub(crate) fn guard(&self) -> BarrierGuard<'_> {
        BarrierGuard(self)
    }
}

/// Breaks the barrier if its thread panics.
pub(crate) struct BarrierGuard<'t>(&'t Barrier);

impl Drop for BarrierGuard<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.broken.store(true, Ordering::Relaxed);
        }
    }
}
