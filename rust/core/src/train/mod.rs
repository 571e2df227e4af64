//! From counts to merges.
//!
//! [`train`] makes the byte-level BPE vocabulary that the `BpeTrainer` of `tokenizers` makes of the same pieces, merge
//! by merge and id by id. [`extend`] continues from any vocabulary, and [`truncate()`] shortens one. In the order of
//! the data: [`objective`] turns counts into weights, so that each language has its share, and adapts them to prices;
//! [`engine`] merges, in rounds on which all threads agree; [`bounded`] runs the engine again and again on the pieces
//! that fit a memory limit; [`parity`] is parity-aware BPE, for comparison.
//!
//! The result is the same at any number of threads. Training takes about 10 bytes of memory a byte of unique pieces, or
//! the memory of the limit.

mod bounded;
mod engine;
mod objective;
mod parity;
#[cfg(test)]
mod tests;
mod truncate;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use crate::bpe::effective::effective;
use crate::count::Counts;
use crate::error::{Error, Result};
use crate::memory::collect;
use crate::threads;
use crate::train::engine::pair::Pair;
use crate::vocab::{Merges, NormalForm, Vocab, try_clone_inert, try_clone_specials};
use bounded::MemoryBudget;
use engine::base_merges::BaseMerges;
use engine::checkpoint::Checkpoint;
use engine::coordinator::Outcome;
use engine::tokens::Lexicon;
use engine::{Resumed, Task};
use objective::Weights;
pub use objective::fairness::Fairness;
use objective::fairness::refresh_before;
pub use objective::trace::{NOBODY, Trace};
pub use parity::{Parity, Window};
pub use truncate::truncate;

/// Options for training.
#[derive(Debug, Clone)]
pub struct TrainOptions {
    /// Number of entries of the vocabulary: special tokens, the 256 bytes, and merges.
    pub vocab_size: usize,
    /// Special tokens. They come first in the vocabulary, in this order.
    pub special_tokens: Vec<String>,
    /// Whether languages weigh by their share, not by their bytes. It has no effect on a single language.
    pub balance: bool,
    /// The share of each language; 1 for languages that are left out.
    pub shares: BTreeMap<String, f64>,
    /// Whether languages weigh by their prices.
    pub fairness: Option<Fairness>,
    /// Parity-aware BPE instead of fairness.
    pub parity: Option<Parity>,
    /// The least number of occurrences of a pair that is merged. If languages are balanced, the balanced weights count,
    /// before prices change them.
    pub min_frequency: u64,
    /// Tokens of more than two bytes are shorter than this, as in `tokenizers`.
    pub max_token_length: Option<usize>,
    /// Number of threads; by default one a core. The result does not depend on it.
    pub threads: Option<usize>,
    /// About the most bytes of memory that the process may take, without the memory of the counts; 40 MB of them are
    /// for everything but training. The result does not depend on the limit, but the time does: with less than about
    /// ten bytes a byte of unique pieces, the pieces are read many times.
    pub memory: Option<usize>,
    /// A file that keeps the merges so far, written at intervals and when `progress` breaks. If the file exists,
    /// training continues from it. If it cannot be written, `progress` is told, and training goes on.
    pub checkpoint: Option<PathBuf>,
    /// The interval at which it is written: by default half a minute. The first time comes after at most ten seconds of
    /// merging.
    pub checkpoint_every: Option<Duration>,
}

impl Default for TrainOptions {
    fn default() -> Self {
        Self {
            vocab_size: 65_536,
            special_tokens: Vec::new(),
            balance: true,
            shares: BTreeMap::new(),
            fairness: None,
            parity: None,
            min_frequency: 2,
            max_token_length: None,
            threads: None,
            memory: None,
            checkpoint: None,
            checkpoint_every: None,
        }
    }
}

/// The progress of training.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Pieces are being laid out and their pairs counted.
    Pairs,
    /// The vocabulary grows.
    Merges {
        /// Its present number of entries.
        size: usize,
        /// Its final number of entries.
        wanted: usize,
    },
    /// The checkpoint could not be written, for this reason; training goes on without it.
    Unsaved(String),
}

/// The result of training.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// The vocabulary.
    pub vocab: Vocab,
    /// Whether it has the size that was asked for. If not, the text supports no more merges.
    pub complete: bool,
    /// The winners of the merges and the prices, under fairness or parity.
    pub trace: Option<Trace>,
}

/// Trains a vocabulary. `progress` is called about twenty times a second, and may break to interrupt.
///
/// # Errors
/// [`Error::Argument`] for a vocabulary too small for the bytes and special tokens, an invalid share, a share of a
/// language that the counts lack, or an unusable special token; [`Error::Corpus`] if the sum of the pieces or of their
/// counts does not fit; [`Error::Interrupted`] if `progress` breaks; [`Error::Io`] and [`Error::Format`] for a
/// checkpoint that exists and cannot be used; [`Error::Memory`].
pub fn train(
    counts: &Counts,
    options: &TrainOptions,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Trained> {
    train_above(None, counts, options, progress)
}

/// Like [`train`]. At first, pairs that weigh less than `floor` (by default a guess) are left out.
fn train_above(
    floor: Option<u64>,
    counts: &Counts,
    options: &TrainOptions,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Trained> {
    let (lexicon, specials) = Lexicon::new(&options.special_tokens, options.vocab_size)?;
    let merges = Merges::List { pairs: Vec::new(), ignore_merges: false };
    let scheme = counts.scheme().clone();
    let vocab = Vocab::new("new tokenizer", lexicon.tokens()?, merges, specials, scheme, NormalForm::None)?;
    grow(&lexicon, vocab, floor, counts, options, progress)
}

/// Grows a vocabulary to the size in `options`. Old tokens keep their ids. New tokens get the next ids; they are the
/// merges that training would make next in the counted text.
///
/// # Errors
/// As for [`train`]; [`Error::Argument`] if the counts were split by another scheme, or if there are special tokens in
/// `options`; [`Error::Unsupported`] if the vocabulary normalizes text or lacks a byte.
pub fn extend(
    vocab: &Vocab,
    counts: &Counts,
    options: &TrainOptions,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Trained> {
    let (own, other) = (&vocab.scheme, counts.scheme());
    if own.pattern() != other.pattern() && (own.name().is_none() || own.name() != other.name()) {
        let reason = format!("split by {:?}, the tokenizer splits by {:?}", other.pattern(), own.pattern());
        return Err(Error::argument("counts", reason));
    }
    if !options.special_tokens.is_empty() {
        return Err(Error::argument("special_tokens", "a tokenizer that grows keeps its own special tokens"));
    }
    if vocab.normalizer != NormalForm::None {
        let reason = "the tokenizer normalizes text, the counts are of text as it is";
        return Err(Error::unsupported("extension", reason));
    }
    if let Some(byte) = vocab.missing_byte() {
        return Err(Error::unsupported(
            "extension",
            format!("byte 0x{byte:02x} has no token, but the counted text may have the byte"),
        ));
    }
    let lexicon = Lexicon::of(vocab, options.vocab_size)?;
    // Ranks only fit tokens that any merges may make. Once tokens are merges of certain tokens, a list must state them.
    let vocab = match &vocab.merges {
        Merges::List { .. } => vocab.try_clone()?,
        Merges::Ranks => {
            let pairs = collect(effective(vocab)?.iter().map(|merge| (merge.left, merge.right)))?;
            Vocab { merges: Merges::List { pairs, ignore_merges: true }, ..vocab.try_clone()? }
        }
    };
    grow(&lexicon, vocab, None, counts, options, progress)
}

/// Continues training from a vocabulary with a list of merges; `lexicon` holds its tokens.
fn grow(
    lexicon: &Lexicon,
    vocab: Vocab,
    floor: Option<u64>,
    counts: &Counts,
    options: &TrainOptions,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Trained> {
    let weights = Weights::new(counts, options)?;
    let longest = options.max_token_length.unwrap_or(usize::MAX);
    let first = BaseMerges::new(&vocab)?;
    if let Some(parity) = &options.parity {
        if options.checkpoint.is_some() {
            return Err(Error::argument("checkpoint", "parity training writes no checkpoint"));
        }
        if options.memory.is_some() {
            return Err(Error::argument("memory", "parity training has no memory limit"));
        }
        let min_frequency = options.min_frequency.max(1);
        let task = parity::ParityTask { parity, weights: &weights, longest, min_frequency, floor, first };
        let (lexicon, merges, trace) = task.run(lexicon.try_clone()?, progress)?;
        let complete = lexicon.len() >= options.vocab_size;
        return Ok(Trained { vocab: grown(&vocab, &lexicon, &merges)?, complete, trace: Some(trace) });
    }
    let threads = threads::wanted(options.threads);
    let mut task = Task { weights: &weights, longest, floor, threads, memory: None, first, resumed: None };
    let mut checkpoint = None;
    if let Some(path) = &options.checkpoint {
        let run = (vocab.scheme.pattern(), &vocab.merges, &vocab.specials, weights.least, longest, &weights.policy);
        let fingerprint = engine::checkpoint::fingerprint(&weights, &format!("{run:?}"))?;
        let (opened, mut merges) = Checkpoint::open(path, fingerprint, options.checkpoint_every)?;
        checkpoint = Some(opened);
        if weights.policy.is_some() {
            // The last refresh of the prices.
            merges.truncate(refresh_before(merges.len()));
        }
        if !merges.is_empty() {
            let lexicon = lexicon.replay(&merges)?.ok_or_else(|| {
                Error::format(path.display(), "the checkpoint holds merges that training does not make")
            })?;
            let known = BaseMerges::new(&grown(&vocab, &lexicon, &merges)?)?;
            task.resumed = Some(Resumed { lexicon, merges, known });
        }
    }
    let Outcome { lexicon, merges, trace, .. } = match options.memory {
        None => task.run(lexicon, checkpoint, progress)?,
        Some(memory) => {
            let budget = MemoryBudget::new(memory, options.vocab_size, threads);
            bounded::train(task, budget, &vocab, lexicon, checkpoint, progress)?
        }
    };
    let complete = lexicon.len() >= options.vocab_size;
    Ok(Trained { vocab: grown(&vocab, &lexicon, &merges)?, complete, trace })
}

/// A vocabulary with additional merges, and with the tokens of the lexicon that includes them.
fn grown(vocab: &Vocab, lexicon: &Lexicon, more: &[Pair]) -> Result<Vocab> {
    let Merges::List { pairs, ignore_merges } = &vocab.merges else { unreachable!("training starts from a list") };
    let pairs = collect(pairs.iter().copied().chain(more.iter().map(|pair| pair.symbols())))?;
    let merges = Merges::List { pairs, ignore_merges: *ignore_merges };
    let (specials, scheme) = (try_clone_specials(&vocab.specials)?, vocab.scheme.clone());
    let grown = Vocab::new("trained tokenizer", lexicon.tokens()?, merges, specials, scheme, vocab.normalizer)?;
    Ok(Vocab { carried: vocab.carried.try_clone()?, inert: try_clone_inert(&vocab.inert)?, ..grown })
}
