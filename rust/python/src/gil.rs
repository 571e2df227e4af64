//! When the GIL is released, and how work without it learns of Ctrl-C.
//!
//! Python records a signal and raises its exception when the main thread runs Python code again. So long work in the
//! main thread takes the GIL at intervals and asks; other threads are never interrupted and never ask.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Builder, ThreadId};
use std::time::{Duration, Instant};

use eurotok_core::Stop;
use pyo3::prelude::*;

/// Below this number of bytes, ids or characters, releasing the GIL costs more than it gains, and the work ends before a signal matters.
pub(crate) const SMALL: usize = 4096;

/// Loops over objects that hold the GIL ask for signals after this many objects.
pub(crate) const MANY: usize = 1 << 20;

/// The interval between questions to Python: another thread may keep the GIL for some milliseconds each time. The first interval is
/// shorter, since a call may consist of several parts.
const INTERVAL: Duration = Duration::from_millis(100);
const FIRST: Duration = Duration::from_millis(40);

/// Runs `work` without the GIL. If a signal raises an exception, the work is told to stop, and the exception is the
/// error.
pub(crate) fn interruptible<T: Send>(
    py: Python<'_>,
    work: impl FnOnce(&Stop) -> eurotok_core::Result<T> + Send,
) -> PyResult<eurotok_core::Result<T>> {
    let signals = Arc::new(Signals::new());
    let watched = Arc::clone(&signals);
    let stop = Stop::when(move || watched.ask());
    let done = py.detach(|| work(&stop));
    signals.take().map_or(Ok(done), Err)
}

/// Runs `work` without the GIL, in a thread of its own. If a signal raises an exception, the thread is abandoned and
/// its result dropped. For work that borrows nothing from the caller and cannot be stopped.
pub(crate) fn abandonable<T: Send + 'static>(py: Python<'_>, work: impl FnOnce() -> T + Send + 'static) -> PyResult<T> {
    if !is_main(py)? {
        return Ok(py.detach(work));
    }
    let work = Arc::new(Mutex::new(Some(work)));
    let taken = Arc::clone(&work);
    let take = |work: &Mutex<Option<_>>| work.lock().unwrap_or_else(PoisonError::into_inner).take();
    let (sender, receiver) = channel();
    let worker = Builder::new().spawn(move || {
        let work = take(&taken);
        // Nothing receives the result of abandoned work.
        let _ = sender.send(work.map(|work| work()));
    });
    let Ok(worker) = worker else {
        let work = take(&work).expect("no thread took it");
        return Ok(py.detach(work));
    };
    py.detach(move || {
        loop {
            match receiver.recv_timeout(INTERVAL) {
                Ok(done) => return Ok(done.expect("the thread took it")),
                Err(RecvTimeoutError::Timeout) => Python::attach(|py| py.check_signals())?,
                Err(RecvTimeoutError::Disconnected) => {
                    let panic = worker.join().err().unwrap_or_else(|| Box::new("a thread ended without a result"));
                    std::panic::resume_unwind(panic)
                }
            }
        }
    })
}

/// Runs `work` in a thread of its own, while the main thread waits for it without the GIL. If a signal raises an exception, `stop` is called, and the
/// exception is the error when the work has ended.
pub(crate) fn beside<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send, stop: impl Fn() + Send) -> PyResult<T> {
    let work = Mutex::new(Some(work));
    let take = || work.lock().unwrap_or_else(PoisonError::into_inner).take();
    py.detach(move || {
        thread::scope(|scope| {
            let (sender, receiver) = channel();
            let begun = Builder::new().spawn_scoped(scope, move || {
                let done = take().map(|work| work());
                // It is received, unless this thread panics.
                let _ = sender.send(done);
            });
            if begun.is_err() {
                return Ok(take().expect("no thread took it")());
            }
            let mut raised = None;
            loop {
                match receiver.recv_timeout(INTERVAL) {
                    Ok(done) => {
                        let done = done.expect("the thread took it");
                        return raised.map_or(Ok(done), Err);
                    }
                    Err(RecvTimeoutError::Timeout) if raised.is_none() => {
                        raised = Python::attach(|py| py.check_signals()).err();
                        raised.iter().for_each(|_| stop());
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => panic!("the thread ended without a result"),
                }
            }
        })
    })
}

/// Whether this is the thread in which Python handles signals.
pub(crate) fn is_main(py: Python<'_>) -> PyResult<bool> {
    let threading = py.import("threading")?;
    let main = threading.call_method0("main_thread")?.getattr("ident")?;
    main.eq(threading.call_method0("get_ident")?)
}

/// The signals that arrive during a call.
struct Signals {
    caller: ThreadId,
    state: Mutex<State>,
}

struct State {
    next: Instant,
    /// Whether the caller is the main thread, once this is known.
    is_main: Option<bool>,
    raised: Option<PyErr>,
}

impl Signals {
    fn new() -> Self {
        let state = State { next: Instant::now() + FIRST, is_main: None, raised: None };
        Self { caller: thread::current().id(), state: Mutex::new(state) }
    }

    /// Whether a signal has raised an exception. Asks Python if this is the main thread and the interval has passed.
    fn ask(&self) -> bool {
        if thread::current().id() != self.caller {
            return false;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_main == Some(false) || Instant::now() < state.next {
            return false;
        }
        let asked = Python::attach(|py| {
            let is_main = state.is_main.map_or_else(|| is_main(py), Ok)?;
            py.check_signals().map(|()| is_main)
        });
        state.next = Instant::now() + INTERVAL;
        match asked {
            Ok(is_main) => state.is_main = Some(is_main),
            Err(error) => state.raised = Some(error),
        }
        state.raised.is_some()
    }

    /// The raised exception.
    fn take(&self) -> Option<PyErr> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).raised.take()
    }
}
