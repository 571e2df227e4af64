//! Training, without the GIL.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use eurotok_core::train::{Options, Progress};
use pyo3::prelude::*;

use crate::counts::Counts;
use crate::error::{Raise, argument};
use crate::tokenizer::{Tokenizer, parse_threads};

/// How often Python hears of progress, and is asked for signals.
const INTERVAL: Duration = Duration::from_millis(50);

/// Reports progress to a Python function, and stops the work for what it raises, or for Ctrl-C.
pub(crate) struct Reporter {
    callback: Option<Py<PyAny>>,
    next: Instant,
    raised: Option<PyErr>,
}

impl Reporter {
    pub(crate) fn new(callback: Option<Py<PyAny>>) -> Self {
        Self { callback, next: Instant::now(), raised: None }
    }

    /// Reports, unless it is too soon. Needs the GIL only to do so.
    pub(crate) fn report(&mut self, stage: &str, done: u64, total: u64) -> ControlFlow<()> {
        let now = Instant::now();
        if now < self.next {
            return ControlFlow::Continue(());
        }
        self.next = now + INTERVAL;
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

    /// The result of the work, or what stopped it.
    pub(crate) fn finish<T>(self, result: PyResult<T>) -> PyResult<T> {
        self.raised.map_or(result, Err)
    }
}

/// Trains a tokenizer.
#[pyfunction]
#[pyo3(signature = (
    counts, vocab_size, *, special_tokens = Vec::new(), shares = None, min_frequency = 2, max_token_length = None,
    threads = None, progress = None,
))]
#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
fn train(
    py: Python<'_>,
    counts: &Counts,
    vocab_size: i64,
    special_tokens: Vec<String>,
    shares: Option<BTreeMap<String, f64>>,
    min_frequency: i64,
    max_token_length: Option<i64>,
    threads: Option<i64>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Tokenizer> {
    let options = Options {
        vocab_size: natural("vocab_size", vocab_size)?,
        special_tokens,
        balance: true,
        shares: shares.unwrap_or_default(),
        min_frequency: natural("min_frequency", min_frequency)?,
        max_token_length: max_token_length.map(|length| natural("max_token_length", length)).transpose()?,
        threads: parse_threads(threads)?,
    };
    let mut reporter = Reporter::new(progress);
    let trained = py.detach(|| {
        eurotok_core::train::train(&counts.read(), &options, &mut |progress| match progress {
            Progress::Pairs => reporter.report("pairs", 0, 0),
            Progress::Merges { size, wanted } => reporter.report("merges", size as u64, wanted as u64),
        })
    });
    let trained = reporter.finish(trained.raise())?;
    Tokenizer::from_vocab(trained.vocab)
}

/// A number of the user's that must not be negative.
fn natural<N: TryFrom<i64>>(name: &'static str, number: i64) -> PyResult<N> {
    N::try_from(number).map_err(|_| argument(name, format!("{number} is negative")))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(train, module)?)
}
