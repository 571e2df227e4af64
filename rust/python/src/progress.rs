//! Progress of work without the GIL, and how it is stopped.

use std::ffi::CString;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use pyo3::exceptions::PyRuntimeWarning;
use pyo3::prelude::*;

/// The interval between reports to Python, and between questions for signals.
const INTERVAL: Duration = Duration::from_millis(50);

/// Reports progress to a Python function. An exception of the function, or Ctrl-C, stops the work.
pub(crate) struct Reporter {
    callback: Option<Py<PyAny>>,
    stage: String,
    next: Instant,
    raised: Option<PyErr>,
}

impl Reporter {
    pub(crate) fn new(callback: Option<Py<PyAny>>) -> Self {
        Self { callback, stage: String::new(), next: Instant::now(), raised: None }
    }

    /// Reports, unless the interval has not passed and the stage is the same. Takes the GIL only to report.
    pub(crate) fn report(&mut self, stage: &str, done: u64, total: u64) -> ControlFlow<()> {
        let now = Instant::now();
        if now < self.next && stage == self.stage {
            return ControlFlow::Continue(());
        }
        self.next = now + INTERVAL;
        self.stage.replace_range(.., stage);
        let reported = Python::attach(|py| {
            py.check_signals()?;
            self.callback.as_ref().map(|callback| callback.call1(py, (stage, done, total))).transpose()
        });
        match reported {
            Ok(_) => ControlFlow::Continue(()),
            Err(error) => {
                self.raised = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    /// Warns of a fault that does not stop the work, unless the user's filters turn warnings into errors.
    pub(crate) fn warn(&mut self, message: &str) -> ControlFlow<()> {
        let warned = CString::new(message.replace('\0', "\u{fffd}"))
            .map_err(PyErr::from)
            .and_then(|message| Python::attach(|py| PyErr::warn(py, &py.get_type::<PyRuntimeWarning>(), &message, 1)));
        match warned {
            Err(error) if self.raised.is_none() => {
                self.raised = Some(error);
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        }
    }

    /// The result of the work, or the exception that stopped it.
    pub(crate) fn finish<T>(self, result: PyResult<T>) -> PyResult<T> {
        self.raised.map_or(result, Err)
    }
}
