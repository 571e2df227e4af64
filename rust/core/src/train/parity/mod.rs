//! Parity-aware BPE (Foroutan et al., arXiv:2508.04796), as the `ParityBpeTrainer` of `tokenizers` has it: the next
//! merge is the most frequent pair of the most expensive language.
//!
//! The price of a language is the number of tokens of its parallel text. Without parallel text, it is the number of
//! tokens of its training text, or its compression in proportion to a ratio. If pairs are equally frequent, the pair
//! whose tokens are largest as text in `tokenizer.json` comes first. A language without pairs is passed over from then
//! on. There are two differences. `tokenizers` counts merges, so a vocabulary in which tokens are made twice is too
//! small; here it has its size. With a window, `tokenizers` never returns once all remaining languages are above the
//! threshold.
//!
//! This mode is for comparison: merges are made one by one on one thread, by counts of all text. Rare pairs are kept
//! only when they are needed, as in the engine.

mod ranking;

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use super::Progress;
use crate::count::Counts;
use crate::error::{Error, Result};
use crate::memory::Grow;
use crate::train::engine::base_merges::BaseMerges;
use crate::train::engine::coordinator::last_of_each;
use crate::train::engine::deltas::Report;
use crate::train::engine::pair::{Pair, PlannedMerge};
use crate::train::engine::tokens::{JoinedKind, Lexicon};
use crate::train::engine::words::Words;
use crate::train::objective::Weights;
use crate::train::objective::trace::{NOBODY, Trace};
use crate::train::parity::ranking::Ranking;

/// Parity-aware BPE, instead of fairness.
#[derive(Debug, Clone, Default)]
pub struct Parity {
    /// The limit of merges that a language may have in a row.
    pub window: Option<Window>,
    /// Counts of the same sentences in every language, with the scheme of the training text.
    pub parallel: Option<Arc<Counts>>,
    /// Instead of parallel text: the wanted compression of each language, in bytes per token, in proportion to the
    /// other languages.
    pub ratio: BTreeMap<String, f64>,
    /// Number of merges of plain BPE on all text at the beginning: the paper's hybrid.
    pub global_merges: usize,
}

/// The paper's moving window: a language may have `alpha` times its part of the last `size` merges.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Number of past merges in the window.
    pub size: usize,
    /// Above 0; 1 gives each language its turn.
    pub alpha: f64,
}

/// Merges between two reports of progress.
const INTERVAL: Duration = Duration::from_millis(if cfg!(test) { 0 } else { 50 });

/// Merges between two records of prices.
const TRACED: usize = 256;

/// The floor is divided by this when a language has no pair above it.
const LOWERING: u64 = 8;

/// The same as [`SPREAD`](crate::train::engine) in the engine. Languages reach their rarest pairs at different times.
const SPREAD: u64 = 128;

impl Parity {
    /// Checks the options that depend on no others.
    pub(crate) fn check(&self, languages: &[&str]) -> Result<()> {
        if let Some(Window { size, alpha }) = self.window {
            if size == 0 {
                return Err(Error::argument("window_size", "a window needs at least 1 merge"));
            }
            if !(alpha.is_finite() && alpha > 0.0) {
                return Err(Error::argument("alpha", format!("{alpha} is not above 0")));
            }
        }
        if self.parallel.is_some() && !self.ratio.is_empty() {
            return Err(Error::argument("ratio", "cannot be combined with parallel text: use one of the two"));
        }
        for (name, ratio) in &self.ratio {
            if !(ratio.is_finite() && *ratio > 0.0) {
                return Err(Error::argument("ratio", format!("{ratio} for {name:?} is not above 0")));
            }
            if !languages.contains(&name.as_str()) {
                return Err(Error::argument("ratio", format!("{name:?} is not a language of the counts")));
            }
        }
        if let Some(name) = languages.iter().find(|&&name| !self.ratio.is_empty() && !self.ratio.contains_key(name)) {
            return Err(Error::argument("ratio", format!("there is none for {name:?}")));
        }
        Ok(())
    }
}

/// Decides on the language of the next merge.
struct LanguageTurns<'p> {
    parity: &'p Parity,
    /// By language: its ratio.
    ratios: Vec<f64>,
    /// By language: its tokens at first.
    first: Vec<u64>,
    is_exhausted: Vec<bool>,
    last: VecDeque<usize>,
}

impl<'p> LanguageTurns<'p> {
    fn new(parity: &'p Parity, names: &[&str], first: Vec<u64>) -> Self {
        let ratios = names.iter().filter_map(|&name| parity.ratio.get(name).copied()).collect();
        let is_exhausted = vec![false; first.len()];
        Self { parity, ratios, first, is_exhausted, last: VecDeque::new() }
    }

    /// The next language, from the number of tokens of each.
    fn next(&mut self, tokens: &[u64]) -> Option<usize> {
        // The most expensive first; of equal prices, the first language.
        let dearer = |&a: &usize, &b: &usize| -> Ordering {
            if self.ratios.is_empty() {
                return tokens[b].cmp(&tokens[a]);
            }
            let rate = |language: usize| self.first[language] as f64 / tokens[language] as f64 / self.ratios[language];
            rate(a).total_cmp(&rate(b))
        };
        let mut left: Vec<usize> = (0..tokens.len()).filter(|&language| !self.is_exhausted[language]).collect();
        let Some(Window { size, alpha }) = self.parity.window else { return left.into_iter().min_by(dearer) };
        left.sort_by(dearer);
        let threshold = alpha / tokens.len() as f64;
        let part = |language| self.last.iter().filter(|&&last| last == language).count() as f64 / size as f64;
        let next = left.iter().copied().find(|&language| part(language) <= threshold).or(left.last().copied())?;
        self.last.push_back(next);
        if self.last.len() > size {
            self.last.pop_front();
        }
        Some(next)
    }
}

/// The task of parity-aware training.
pub(crate) struct ParityTask<'t> {
    pub(crate) parity: &'t Parity,
    pub(crate) weights: &'t Weights<'t>,
    pub(crate) longest: usize,
    pub(crate) min_frequency: u64,
    /// The first floor, set by tests.
    pub(crate) floor: Option<u64>,
    pub(crate) first: BaseMerges,
}

impl ParityTask<'_> {
    /// Merges until the lexicon is complete or no language has a pair left. Returns the lexicon, the merges, and the
    /// trace.
    pub(crate) fn run(
        &self,
        mut lexicon: Lexicon,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(Lexicon, Vec<Pair>, Trace)> {
        let mut report = |present| if progress(present).is_break() { Err(Error::Interrupted) } else { Ok(()) };
        report(Progress::Pairs)?;
        let mut ask = || report(Progress::Pairs);
        let mut words = Words::new(self.weights, &self.first, self.longest, 0, 1, &mut ask)?;
        let reports = [RwLock::new(Report::default())];
        let mut floor = self.floor.unwrap_or(words.total() / lexicon.wanted() as u64 / SPREAD).max(1);
        let mut ranking = Ranking::new(self.weights.first_factors(), &lexicon)?;
        rank_all(&mut words, &mut ranking, &reports, floor, &mut ask)?;
        let columns = |words: &Words| words.tokens().collect::<Vec<u64>>();
        let tokens = |words: &Words| -> Vec<u64> {
            let all = columns(words);
            self.weights.prices.iter().flatten().map(|&column| all[column]).collect()
        };
        let mut turns = LanguageTurns::new(self.parity, &self.weights.names, tokens(&words));
        let mut trace = Trace::new(self.weights, 0)?;
        let mut merges = Vec::new();
        let mut reported: Option<Instant> = None;
        while !lexicon.is_complete() {
            let (size, wanted) = (lexicon.len(), lexicon.wanted());
            let mut ask = || report(Progress::Merges { size, wanted });
            if reported.is_none_or(|reported| reported.elapsed() >= INTERVAL) {
                reported = Some(Instant::now());
                ask()?;
            }
            if merges.len() % TRACED == 0 {
                trace.price(merges.len(), &columns(&words));
            }
            let language = if merges.len() < self.parity.global_merges {
                None
            } else {
                let Some(language) = turns.next(&tokens(&words)) else { break };
                Some(language)
            };
            let best = loop {
                match ranking.best(language)? {
                    Some(best) => break Some(best),
                    None if ranking.is_whole() => break None,
                    None => {
                        floor = (floor / LOWERING).max(1);
                        rank_all(&mut words, &mut ranking, &reports, floor, &mut ask)?;
                    }
                }
            };
            let Some((number, pair, _)) = best.filter(|&(_, _, count)| count >= self.min_frequency) else {
                match language {
                    Some(language) => turns.is_exhausted[language] = true,
                    None => break,
                }
                continue;
            };
            let (left, right) = pair.symbols();
            let (product, joined) = lexicon.join(left, right)?;
            let is_new = joined == JoinedKind::New;
            merges.try_push(pair)?;
            trace.winners.try_push(language.map_or(NOBODY, |language| language as u32))?;
            let merge = PlannedMerge { pair, product, is_new, keeper: 0, number, whole_pieces: false };
            words.merge(&[merge], &reports)?;
            if joined == JoinedKind::Again {
                // Some pairs with this token may not have been kept.
                rank_all(&mut words, &mut ranking, &reports, floor, &mut ask)?;
            } else {
                let kept = ranking.apply(&merge, &reports[0])?;
                words.note(&reports, &[&kept])?;
            }
        }
        trace.price(merges.len(), &columns(&words));
        Ok((lexicon, last_of_each(&merges)?, trace))
    }
}

/// Finds all pairs again, and ranks the pairs that weigh at least `floor`.
fn rank_all(
    words: &mut Words,
    ranking: &mut Ranking,
    reports: &[RwLock<Report>; 1],
    floor: u64,
    ask: &mut dyn FnMut() -> Result<()>,
) -> Result<()> {
    words.report_all(reports, ask)?;
    let kept = ranking.start(floor, &reports[0])?;
    words.note_all(reports, &[&kept], ask)
}
