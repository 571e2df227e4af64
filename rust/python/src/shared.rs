//! Counts that threads share. No lock is held while a thread waits for the interpreter, or while the process forks.
//!
//! A reader takes a reference to the present counts and releases the lock. A writer holds the lock without the
//! interpreter's lock and never asks for that, so that all waiting threads get their turn; if a reader still has the
//! counts, the writer changes a copy. A child process has only the thread that forked. So a fork waits until the other
//! threads have released their locks. They need nothing that the forking thread holds, and no new one can begin,
//! because that takes the interpreter's lock, which Python keeps during a fork.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard};
#[cfg(unix)]
use std::time::Duration;

use eurotok_core::Stop;
use eurotok_core::count::Counts;
use pyo3::prelude::*;

use crate::gil::{beside, is_main};

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

    /// Changes the counts. Copies them only if a reader still has them. If a signal raises an exception, the change is
    /// told to stop, and the exception is the error.
    pub(crate) fn change<T: Send>(
        &self,
        py: Python<'_>,
        change: impl FnOnce(&mut Counts, &Stop) -> eurotok_core::Result<T> + Send,
    ) -> PyResult<eurotok_core::Result<T>> {
        watched(py, |stop| {
            let mut counts = self.lock();
            if Arc::get_mut(&mut counts).is_none() {
                *counts = Arc::new(counts.try_clone()?);
            }
            change(Arc::get_mut(&mut counts).expect("no reader has the copy"), stop)
        })
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Counts>> {
        self.0.lock().expect("counting does not panic")
    }
}

/// A thread that holds a lock, or waits for one, without the interpreter's lock.
struct Note;

impl Note {
    fn new() -> Self {
        DETACHED.fetch_add(1, SeqCst);
        Self
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        DETACHED.fetch_sub(1, SeqCst);
    }
}

/// Runs work that takes and releases locks, without the interpreter's lock.
fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    let note = Note::new();
    py.detach(|| {
        let done = work();
        drop(note);
        done
    })
}

/// As [`detached`], for work that takes time, in a thread of its own: whoever asks for signals waits for the interpreter's lock, and must not
/// hold another.
fn watched<T: Send>(py: Python<'_>, work: impl FnOnce(&Stop) -> T + Send) -> PyResult<T> {
    if !is_main(py)? {
        return Ok(detached(py, || work(&Stop::never())));
    }
    let is_stopped = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&is_stopped);
    let stop = Stop::when(move || asked.load(SeqCst));
    // From here on no Python code runs in this thread before it gives up the interpreter's lock.
    let note = Note::new();
    let work = move || {
        let done = work(&stop);
        drop(note);
        done
    };
    beside(py, work, || is_stopped.store(true, SeqCst))
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
