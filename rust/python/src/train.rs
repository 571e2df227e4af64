//! Training, without the GIL.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use eurotok_core::train::{Fairness, NOBODY, Parity, Progress, Trace, TrainOptions, Trained, Window};
use pyo3::prelude::*;

use crate::counts::Counts;
use crate::error::{Raise, argument};
use crate::items::Items;
use crate::options::{natural, parse_memory, parse_threads};
use crate::progress::Reporter;
use crate::tokenizer::Tokenizer;

/// Trains a tokenizer.
#[pyfunction]
#[pyo3(signature = (
    counts, vocab_size, *, special_tokens = Items(Vec::new()), shares = None, fairness = None, parallel = None, target = None,
    parity = None, min_frequency = 2, max_token_length = None, memory = None, threads = None, checkpoint = None,
    checkpoint_every = None, progress = None, trace = None, steered_by = Items(Vec::new()),
))]
#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
fn train(
    py: Python<'_>,
    counts: &Counts,
    vocab_size: i64,
    special_tokens: Items<String>,
    shares: Option<BTreeMap<String, f64>>,
    fairness: Option<f64>,
    parallel: Option<&Counts>,
    target: Option<BTreeMap<String, f64>>,
    parity: Option<ParityArguments>,
    min_frequency: i64,
    max_token_length: Option<i64>,
    memory: Option<i64>,
    threads: Option<i64>,
    checkpoint: Option<PathBuf>,
    checkpoint_every: Option<f64>,
    progress: Option<Py<PyAny>>,
    trace: Option<Py<PyAny>>,
    steered_by: Items<String>,
) -> PyResult<Tokenizer> {
    let options = TrainOptions {
        special_tokens: special_tokens.0,
        parity: parity.map(|arguments| arguments.parity(py, parallel)).transpose()?,
        fairness: fairness.map(|strength| fair(py, strength, parallel, target)),
        ..options(vocab_size, shares, min_frequency, max_token_length, memory, threads, checkpoint, checkpoint_every)?
    };
    counts.make_room(py, options.memory)?;
    let now = counts.now(py);
    let (tokenizer, found) =
        run(py, progress, steered_by.0, |report| eurotok_core::train::train(&now, &options, report))?;
    if let (Some(trace), Some(found)) = (trace, found) {
        trace.call1(py, parts(found))?;
    }
    Ok(tokenizer)
}

/// Grows a tokenizer.
#[pyfunction]
#[pyo3(signature = (
    tokenizer, counts, vocab_size, *, shares = None, fairness = None, parallel = None, target = None, min_frequency = 2,
    max_token_length = None, memory = None, threads = None, checkpoint = None, checkpoint_every = None, progress = None,
    steered_by = Items(Vec::new()),
))]
#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
fn extend(
    py: Python<'_>,
    tokenizer: &Tokenizer,
    counts: &Counts,
    vocab_size: i64,
    shares: Option<BTreeMap<String, f64>>,
    fairness: Option<f64>,
    parallel: Option<&Counts>,
    target: Option<BTreeMap<String, f64>>,
    min_frequency: i64,
    max_token_length: Option<i64>,
    memory: Option<i64>,
    threads: Option<i64>,
    checkpoint: Option<PathBuf>,
    checkpoint_every: Option<f64>,
    progress: Option<Py<PyAny>>,
    steered_by: Items<String>,
) -> PyResult<Tokenizer> {
    let options = TrainOptions {
        fairness: fairness.map(|strength| fair(py, strength, parallel, target)),
        ..options(vocab_size, shares, min_frequency, max_token_length, memory, threads, checkpoint, checkpoint_every)?
    };
    let vocab = tokenizer.engine().byte_level("base").raise()?;
    counts.make_room(py, options.memory)?;
    let now = counts.now(py);
    run(py, progress, steered_by.0, |report| eurotok_core::train::extend(vocab, &now, &options, report))
        .map(|(tokenizer, _)| tokenizer)
}

/// Shortens a tokenizer to a smaller vocabulary.
#[pyfunction]
fn truncate(py: Python<'_>, tokenizer: &Tokenizer, vocab_size: i64) -> PyResult<Tokenizer> {
    let size = natural("vocab_size", vocab_size)?;
    tokenizer.truncated(py, size)
}

#[expect(clippy::too_many_arguments, reason = "they are those of training")]
fn options(
    vocab_size: i64,
    shares: Option<BTreeMap<String, f64>>,
    min_frequency: i64,
    max_token_length: Option<i64>,
    memory: Option<i64>,
    threads: Option<i64>,
    checkpoint: Option<PathBuf>,
    checkpoint_every: Option<f64>,
) -> PyResult<TrainOptions> {
    let every = |seconds: f64| {
        let interval = Duration::try_from_secs_f64(seconds).ok().filter(|interval| interval.as_secs() < 1 << 32);
        interval.ok_or_else(|| argument("checkpoint_every", format!("{seconds} is not an interval in seconds")))
    };
    Ok(TrainOptions {
        vocab_size: natural("vocab_size", vocab_size)?,
        special_tokens: Vec::new(),
        balance: true,
        shares: shares.unwrap_or_default(),
        fairness: None,
        parity: None,
        min_frequency: natural("min_frequency", min_frequency)?,
        max_token_length: max_token_length.map(|length| natural("max_token_length", length)).transpose()?,
        threads: parse_threads(threads)?,
        memory: parse_memory(memory)?,
        checkpoint,
        checkpoint_every: checkpoint_every.map(every).transpose()?,
    })
}

/// The arguments of parity-aware BPE except its parallel text.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct ParityArguments {
    window: Option<(i64, f64)>,
    ratio: BTreeMap<String, f64>,
    global_merges: i64,
}

impl ParityArguments {
    fn parity(self, py: Python<'_>, parallel: Option<&Counts>) -> PyResult<Parity> {
        let window = |(size, alpha)| Ok::<_, PyErr>(Window { size: natural("window_size", size)?, alpha });
        Ok(Parity {
            window: self.window.map(window).transpose()?,
            parallel: parallel.map(|counts| counts.now(py)),
            ratio: self.ratio,
            global_merges: natural("global_merges", self.global_merges)?,
        })
    }
}

fn fair(py: Python<'_>, strength: f64, parallel: Option<&Counts>, target: Option<BTreeMap<String, f64>>) -> Fairness {
    Fairness { strength, parallel: parallel.map(|counts| counts.now(py)), targets: target.unwrap_or_default() }
}

/// Runs training without the GIL, reporting progress. The tokenizer keeps the hashes of the text that steered it.
fn run(
    py: Python<'_>,
    progress: Option<Py<PyAny>>,
    steered_by: Vec<String>,
    train: impl FnOnce(&mut dyn FnMut(Progress) -> ControlFlow<()>) -> eurotok_core::Result<Trained> + Send,
) -> PyResult<(Tokenizer, Option<Trace>)> {
    let mut reporter = Reporter::new(progress);
    let trained = py.detach(|| {
        train(&mut |progress| match progress {
            Progress::Pairs => reporter.report("pairs", 0, 0),
            Progress::Unsaved(reason) => reporter.warn(&format!("no checkpoint: {reason}")),
            Progress::Merges { size, wanted } => reporter.report("merges", size as u64, wanted as u64),
        })
    });
    let Trained { mut vocab, trace, .. } = reporter.finish(trained.raise())?;
    vocab.carried.steered_by.extend(steered_by);
    Ok((Tokenizer::from_vocab(py, vocab)?, trace))
}

/// Languages, the winner of each merge, numbers of merges, and the prices at these.
type TraceParts = (Vec<String>, Vec<i64>, Vec<usize>, Vec<Vec<u64>>);

fn parts(trace: Trace) -> TraceParts {
    let winners = trace.winners.into_iter().map(|winner| if winner == NOBODY { -1 } else { i64::from(winner) });
    let (merges, prices) = trace.prices.into_iter().unzip();
    (trace.languages, winners.collect(), merges, prices)
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(train, module)?)?;
    module.add_function(wrap_pyfunction!(extend, module)?)?;
    module.add_function(wrap_pyfunction!(truncate, module)?)
}
