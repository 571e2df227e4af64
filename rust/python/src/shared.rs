//! Counts that threads share: no lock is held while anything waits for the interpreter, and none at a fork.
//!
//! Whoever reads takes a reference to the counts as they are, and lets go of the lock. Whoever adds to them holds it without the
//! interpreter's lock and never asks for that, so that all who wait come to their turn; if a reader still has the counts, it adds to a copy.
//! A child has only the thread that forked. So a fork waits for the others to be done with their locks: they need nothing that it has,
//! and none can begin meanwhile, since that takes the interpreter's lock.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::sleep;
use std::time::Duration;

use eurotok_core::count::Counts;
use pyo3::prelude::*;

/// How many threads hold a lock, or wait for one, without that of the interpreter.
static DETACHED: AtomicUsize = AtomicUsize::new(0);

/// How long a fork waits before it looks again.
const PAUSE: Duration = Duration::from_micros(100);

/// Counts that change.
pub(crate) struct Shared(Mutex<Arc<Counts>>);

impl Shared {
    pub(crate) fn new(counts: Counts) -> Self {
        Self(Mutex::new(Arc::new(counts)))
    }

    /// The counts as they are now.
    pub(crate) fn now(&self, py: Python<'_>) -> Arc<Counts> {
        // With the lock of the interpreter no thread waits here, and no process forks.
        match self.0.try_lock() {
            Ok(counts) => Arc::clone(&counts),
            Err(_) => detached(py, || Arc::clone(&self.lock())),
        }
    }

    /// Changes the counts, and makes a copy for that only if somebody still reads them.
    pub(crate) fn change<T: Send>(&self, py: Python<'_>, change: impl FnOnce(&mut Counts) -> T + Send) -> T {
        detached(py, || change(Arc::make_mut(&mut self.lock())))
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Counts>> {
        self.0.lock().expect("counting does not panic")
    }
}

/// Does work that takes locks, and gives them back, without the lock of the interpreter.
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

/// Waits, with the lock of the interpreter, until no other thread holds a lock of counts.
#[pyfunction]
fn _before_fork() {
    while DETACHED.load(SeqCst) > 0 {
        sleep(PAUSE);
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let wait = wrap_pyfunction!(_before_fork, module)?;
    let os = module.py().import("os")?;
    // Where processes do not fork, there is no such function.
    if let Some(register) = os.getattr_opt("register_at_fork")? {
        let arguments = pyo3::types::PyDict::new(module.py());
        arguments.set_item("before", wait)?;
        register.call((), Some(&arguments))?;
    }
    Ok(())
}
