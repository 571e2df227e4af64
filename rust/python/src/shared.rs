//! Counts that threads share. No lock is held while a thread waits for the interpreter, or while the process forks.
//!
//! A reader takes a reference to the present counts and releases the lock. A writer holds the lock without the
//! interpreter's lock and never asks for that, so that all waiting threads get their turn; if a reader still has the
//! counts, the writer changes a copy. A child process has only the thread that forked. So a fork waits until the other
//! threads have released their locks. They need nothing that the forking thread holds, and no new one can begin,
//! because that takes the interpreter's lock, which Python keeps during a fork.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, MutexGuard};
#[cfg(unix)]
use std::time::Duration;

use eurotok_core::count::Counts;
use pyo3::prelude::*;

/// Number of threads that hold a lock, or wait for one, without the interpreter's lock.
static DETACHED: AtomicUsize = AtomicUsize::new(0);

/// The time that a fork waits between two checks.
#[cfg(unix)]
const PAUSE: Duration = Duration::from_micros(100);

/// Counts that change.
pub(crate) struct SharedCounts(Mutex<Arc<Counts>>);

impl SharedCounts {
    pub(crate) fn new(counts: Counts) -> Self {
        Self(Mutex::new(Arc::new(counts)))
    }

    /// The present counts.
    pub(crate) fn now(&self, py: Python<'_>) -> Arc<Counts> {
        // While this thread has the interpreter's lock, no thread waits here, and no process forks.
        match self.0.try_lock() {
            Ok(counts) => Arc::clone(&counts),
            Err(_) => detached(py, || Arc::clone(&self.lock())),
        }
    }

    /// Changes the counts. Copies them only if a reader still has them.
    pub(crate) fn change<T: Send>(&self, py: Python<'_>, change: impl FnOnce(&mut Counts) -> T + Send) -> T {
        detached(py, || change(Arc::make_mut(&mut self.lock())))
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Counts>> {
        self.0.lock().expect("counting does not panic")
    }
}

/// Runs work that takes and releases locks, without the interpreter's lock.
fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    struct Note;

    impl Drop for Note {
        fn drop(&mut self) {
            DETACHED.fetch_sub(1, SeqCst);
        }
    }

    DETACHED.fetch_add(1, SeqCst);
    let note = Note;
    py.detach(|| {
        let done = work();
        drop(note);
        done
    })
}

/// Waits until no other thread holds a lock of counts. Python's own hooks for a fork would come too early: between a hook and
/// the fork other hooks may release the interpreter's lock.
#[cfg(unix)]
extern "C" fn wait() {
    while DETACHED.load(SeqCst) > 0 {
        std::thread::sleep(PAUSE);
    }
}

#[cfg(unix)]
pub(crate) fn register() -> PyResult<()> {
    Ok(crate::arch::before_fork(wait)?)
}

/// Other systems do not fork.
#[cfg(not(unix))]
pub(crate) fn register() -> PyResult<()> {
    Ok(())
}
