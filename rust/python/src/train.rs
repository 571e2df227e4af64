//! Training, without the GIL.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use eurotok_core::count::Counts as CoreCounts;
use eurotok_core::train::{Fairness, NOBODY, Parity, Progress, Trace, TrainOptions, Trained, Window};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::counts::Counts;
use crate::error::{Raise, argument};
use crate::items::Items;
use crate::keywords::Keywords;
use crate::options::{natural, parse_memory, parse_threads};
use crate::progress::Reporter;
use crate::tokenizer::Tokenizer;

/// Trains a tokenizer.
#[pyfunction]
#[pyo3(signature = (counts, vocab_size, **options))]
fn train(py: Python<'_>, counts: &Counts, vocab_size: i64, options: Option<Bound<'_, PyDict>>) -> PyResult<Tokenizer> {
    let keywords = Keywords::new("train", options);
    let special_tokens: Option<Items<String>> = keywords.take("special_tokens")?;
    let parity: Option<ParityArguments> = keywords.take("parity")?;
    let trace: Option<Py<PyAny>> = keywords.take("trace")?;
    let mut arguments = TrainArguments::parse(py, vocab_size, keywords)?;
    arguments.options.special_tokens = special_tokens.map(|tokens| tokens.0).unwrap_or_default();
    if let Some(parity) = parity {
        arguments.options.parity = Some(parity.parity(arguments.parallel.take())?);
    }
    let (tokenizer, found) = arguments.run(py, counts, eurotok_core::train::train)?;
    if let (Some(trace), Some(found)) = (trace, found) {
        trace.call1(py, parts(found))?;
    }
    Ok(tokenizer)
}

/// Grows a tokenizer.
#[pyfunction]
#[pyo3(signature = (tokenizer, counts, vocab_size, **options))]
fn extend(
    py: Python<'_>,
    tokenizer: &Tokenizer,
    counts: &Counts,
    vocab_size: i64,
    options: Option<Bound<'_, PyDict>>,
) -> PyResult<Tokenizer> {
    let arguments = TrainArguments::parse(py, vocab_size, Keywords::new("extend", options))?;
    let vocab = tokenizer.engine().byte_level("base").raise()?;
    let (tokenizer, _) =
        arguments.run(py, counts, |now, options, report| eurotok_core::train::extend(vocab, now, options, report))?;
    Ok(tokenizer)
}

/// Shortens a tokenizer to a smaller vocabulary.
#[pyfunction]
fn truncate(py: Python<'_>, tokenizer: &Tokenizer, vocab_size: i64) -> PyResult<Tokenizer> {
    let size = natural("vocab_size", vocab_size)?;
    tokenizer.truncated(py, size)
}

/// The arguments that `train` and `extend` share.
struct TrainArguments {
    options: TrainOptions,
    parallel: Option<Arc<CoreCounts>>,
    progress: Option<Py<PyAny>>,
    /// Hashes of the text that steers training, which the tokenizer will carry.
    steered_by: Vec<String>,
}

impl TrainArguments {
    fn parse(py: Python<'_>, vocab_size: i64, keywords: Keywords<'_>) -> PyResult<Self> {
        let parallel: Option<Bound<'_, Counts>> = keywords.take("parallel")?;
        let parallel = parallel.map(|counts| counts.get().now(py));
        let targets: Option<BTreeMap<String, f64>> = keywords.take("target")?;
        let fair = |strength| Fairness { strength, parallel: parallel.clone(), targets: targets.unwrap_or_default() };
        let steered_by: Option<Items<String>> = keywords.take("steered_by")?;
        let max_token_length: Option<i64> = keywords.take("max_token_length")?;
        let options = TrainOptions {
            vocab_size: natural("vocab_size", vocab_size)?,
            shares: keywords.take("shares")?.unwrap_or_default(),
            fairness: keywords.take("fairness")?.map(fair),
            min_frequency: natural("min_frequency", keywords.take("min_frequency")?.unwrap_or(2))?,
            max_token_length: max_token_length.map(|length| natural("max_token_length", length)).transpose()?,
            memory: parse_memory(keywords.take("memory")?)?,
            threads: parse_threads(keywords.take("threads")?)?,
            checkpoint: keywords.take("checkpoint")?,
            checkpoint_every: keywords.take("checkpoint_every")?.map(interval).transpose()?,
            ..TrainOptions::default()
        };
        let progress = keywords.take("progress")?;
        keywords.finish()?;
        Ok(Self { options, parallel, progress, steered_by: steered_by.map(|hashes| hashes.0).unwrap_or_default() })
    }

    /// Runs `train` without the GIL, reporting progress.
    fn run(
        self,
        py: Python<'_>,
        counts: &Counts,
        train: impl FnOnce(
            &CoreCounts,
            &TrainOptions,
            &mut dyn FnMut(Progress) -> ControlFlow<()>,
        ) -> eurotok_core::Result<Trained>
        + Send,
    ) -> PyResult<(Tokenizer, Option<Trace>)> {
        counts.make_room(py, self.options.memory)?;
        let now = counts.now(py);
        let mut reporter = Reporter::new(self.progress);
        let trained = py.detach(|| {
            train(&now, &self.options, &mut |progress| match progress {
                Progress::Pairs => reporter.report("pairs", 0, 0),
                Progress::Unsaved(reason) => reporter.warn(&format!("no checkpoint: {reason}")),
                Progress::Merges { size, wanted } => reporter.report("merges", size as u64, wanted as u64),
            })
        });
        let Trained { mut vocab, trace, .. } = reporter.finish(trained.raise())?;
        vocab.carried.steered_by.extend(self.steered_by);
        Ok((Tokenizer::from_vocab(py, vocab)?, trace))
    }
}

fn interval(seconds: f64) -> PyResult<Duration> {
    let interval = Duration::try_from_secs_f64(seconds).ok().filter(|interval| interval.as_secs() < 1 << 32);
    interval.ok_or_else(|| argument("checkpoint_every", format!("{seconds} is not an interval in seconds")))
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
    fn parity(self, parallel: Option<Arc<CoreCounts>>) -> PyResult<Parity> {
        let window = |(size, alpha)| Ok::<_, PyErr>(Window { size: natural("window_size", size)?, alpha });
        Ok(Parity {
            window: self.window.map(window).transpose()?,
            parallel,
            ratio: self.ratio,
            global_merges: natural("global_merges", self.global_merges)?,
        })
    }
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
