//! Counts to merges.
//!
//! [`train`] makes the byte-level BPE vocabulary that `tokenizers`' `BpeTrainer` makes of the same pieces, merge by merge and id
//! by id. [`weights`] turns counts into weights, so that each language has its share; [`words`] holds the pieces as symbols
//! and merges pairs in them; [`pairs`] holds what every pair weighs and proposes the heaviest; [`rounds`] decides which
//! of them may be merged at once and keeps the threads in step; [`lexicon`] gives tokens their ids. The result is the same at any
//! number of threads. It costs some 16 bytes of memory per byte of unique pieces.

mod lexicon;
#[cfg(test)]
mod naive;
mod pairs;
mod report;
mod rounds;
mod team;
#[cfg(test)]
mod tests;
mod weights;
mod words;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::count::{Counts, threads};
use crate::error::Result;
use crate::vocab::{Merges, Normalizer, Vocab};
use lexicon::Lexicon;
use rounds::Task;
use weights::Weights;

/// What to train.
#[derive(Debug, Clone)]
pub struct Options {
    /// Entries of the vocabulary: special tokens, the 256 bytes, and merges.
    pub vocab_size: usize,
    /// Special tokens. They come first in the vocabulary, in this order.
    pub special_tokens: Vec<String>,
    /// Whether languages weigh by their share, not by their bytes. Without effect on a single language.
    pub balance: bool,
    /// The share of each language; 1 for those left out.
    pub shares: BTreeMap<String, f64>,
    /// How often a pair must occur to be merged; if languages are balanced, as if they had been balanced from the start.
    pub min_frequency: u64,
    /// Tokens of more than two bytes stay shorter than this, as in `tokenizers`.
    pub max_token_length: Option<usize>,
    /// How many threads to use; by default one a core.
    pub threads: Option<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            vocab_size: 65_536,
            special_tokens: Vec::new(),
            balance: true,
            shares: BTreeMap::new(),
            min_frequency: 2,
            max_token_length: None,
            threads: None,
        }
    }
}

/// How far training has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Pieces are being laid out and their pairs counted.
    Pairs,
    /// The vocabulary grows.
    Merges {
        /// Its entries now.
        size: usize,
        /// Its entries in the end.
        wanted: usize,
    },
}

/// The result of training.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// The vocabulary.
    pub vocab: Vocab,
    /// Whether it has the size that was asked for; if not, the text supports no more merges.
    pub complete: bool,
}

/// Trains a vocabulary. `progress` is called some ten times a second, and may break to interrupt.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) for a vocabulary too small for the bytes and special tokens, a share that is no
/// share or belongs to no language, or an unusable special token; [`Error::Corpus`](crate::Error::Corpus) if there are more
/// pieces, or larger counts, than can be added up; [`Error::Interrupted`](crate::Error::Interrupted) if `progress` breaks.
pub fn train(
    counts: &Counts,
    options: &Options,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Trained> {
    train_above(None, counts, options, progress)
}

/// As [`train`], first without the pairs that weigh less than `floor`, or less than a good guess.
fn train_above(
    floor: Option<u64>,
    counts: &Counts,
    options: &Options,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Trained> {
    let lexicon = Lexicon::new(&options.special_tokens, options.vocab_size)?;
    let weights = Weights::new(counts, options)?;
    let task = Task {
        weights: &weights,
        longest: options.max_token_length.unwrap_or(usize::MAX),
        floor,
        threads: threads(options.threads),
    };
    let (lexicon, merges) = task.run(lexicon, progress)?;
    let complete = lexicon.len() == options.vocab_size;
    let (tokens, specials) = lexicon.into_parts();
    let merges = Merges::List { pairs: merges, ignore_merges: false };
    let vocab = Vocab::new("trained tokenizer", tokens, merges, specials, counts.scheme().clone(), Normalizer::None)?;
    Ok(Trained { vocab, complete })
}
