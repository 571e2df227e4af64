//! The most probable sequence of pieces, with scores added as SentencePiece adds them.
//!
//! Scores are added in single precision from the beginning of the text. Where a sum is less than -100,000, adding starts
//! again from 0. So the sequence that is found for a word may depend on the whole text before it. The cache is used only
//! where it cannot.
//!
//! *Claim.* Let all scores be at most 0. Let `n` be the length of the word, `b` the sum before it, `s` the exact sum of
//! its best sequence, and `u` half the unit of 1.0. If the best sequence is better than every other by more than
//! `3 n u (|b| + |s|)`, it is found. *Proof.* A rounded addition is monotone, so the search finds a sequence whose rounded
//! sum is the largest. A rounded sum of at most `n` additions differs from the exact sum by at most `n u` times the
//! largest partial sum. That is the whole sum: `|b| + |s|`, or `|b| + |s| + g` for a sequence that is worse by `g`. So a
//! worse sequence wins only if `g <= n u (2 |b| + 2 |s| + g)`. Here `n u` is far below 0.01, and the sums within a word,
//! which are rounded themselves, are off by less than the rest.

use super::SentencePieceSearch;
use crate::error::Result;
use crate::memory::{Grow, filled};
use crate::stages::model::ModelToken;
use crate::stages::model::trie::Trie;
use crate::stop::Watch;
use crate::vocab::pipeline::{self, Kind};

/// The penalty of a character without a piece, below the score of the least likely piece.
const UNKNOWN_PENALTY: f32 = 10.0;

/// Longer words are not kept.
const LONGEST: usize = 60;

/// Half of the difference between 1.0 and the next number.
const ROUNDING: f64 = (f32::EPSILON / 2.0) as f64;

/// Below this sum, adding starts again from 0.
const LEAST: f32 = -1e5;

/// The pieces, ready to be searched.
#[derive(Debug)]
pub(super) struct UnigramSearch {
    trie: Trie,
    /// By id. The score of a user-defined piece is for each of its bytes.
    scores: Vec<f32>,
    unknown_score: f32,
    /// The length of the longest piece or character, in bytes.
    longest: usize,
    /// Whether no score is positive.
    caches: bool,
}

/// The best way to a place in the text.
#[derive(Debug, Clone, Copy)]
struct BestSum {
    score: f32,
    /// Where its last piece begins.
    start: u32,
    id: u32,
    /// The exact sums of the two best ways, within the word.
    first: f64,
    second: f64,
}

/// No way is known.
const NONE: u32 = u32::MAX;

const NOWHERE: BestSum =
    BestSum { score: 0.0, start: NONE, id: 0, first: f64::NEG_INFINITY, second: f64::NEG_INFINITY };

/// Memory that is used again.
#[derive(Debug, Default)]
pub(super) struct UnigramSearchMemory {
    best: Vec<BestSum>,
    /// The pieces of the word, from its end.
    path: Vec<(usize, u32)>,
}

/// Whether a word may be kept.
#[derive(Debug, Clone, Copy)]
enum WordOutcome {
    /// Only pieces with a score of their own, and how much better the best sequence is.
    Plain {
        lead: f64,
        sum: f64,
    },
    Other,
}

impl UnigramSearch {
    pub(super) fn new(model: &pipeline::SentencePieceModel) -> Result<Self> {
        let normal =
            || model.scores.iter().zip(&model.kinds).filter(|(_, kind)| **kind == Kind::Normal).map(|(s, _)| *s);
        let least = normal().fold(f32::MAX, f32::min);
        // SentencePiece, too, begins with the smallest positive number.
        let most = normal().fold(f32::MIN_POSITIVE, f32::max);
        let mut scores = filled(0.0, model.scores.len())?;
        let each = scores.iter_mut().zip(model.scores.iter().zip(&model.kinds));
        each.for_each(|(own, (&score, &kind))| *own = if kind == Kind::UserDefined { most } else { score });
        let found = |kind: Kind| matches!(kind, Kind::Normal | Kind::UserDefined);
        let texts = || model.entries.iter().filter(|&(_, id)| found(model.kinds[id as usize]));
        Ok(Self {
            trie: Trie::new(texts().map(|(text, id)| (text.as_bytes(), id)))?,
            unknown_score: least - UNKNOWN_PENALTY,
            caches: normal().all(|score| score <= 0.0),
            longest: texts().map(|(text, _)| text.len()).max().unwrap_or(0).max(4),
            scores,
        })
    }

    /// Appends the tokens of a word, which begins at `start`, where `before` is the sum of all scores so far.
    pub(super) fn tokenize(
        &self,
        watch: &mut Watch<'_>,
        model: &SentencePieceSearch,
        (start, word): (usize, &str),
        before: &mut f32,
        memory: &mut super::SearchMemory,
        tokens: &mut Vec<ModelToken>,
    ) -> Result<()> {
        // Adding does not start again within the word.
        let is_far = *before + word.len() as f32 * self.unknown_score > LEAST;
        let is_kept = self.caches && is_far && word.len() <= LONGEST;
        if is_kept
            && let Some([lead, sum, ids @ ..]) = memory.cache.get(word.as_bytes())
            && f64::from(f32::from_bits(*lead)) > doubt(word.len(), *before, f32::from_bits(*sum).into())
        {
            *before = ids.iter().fold(*before, |sum, &id| sum + self.scores[id as usize]);
            return model.push_known(ids, start, tokens);
        }
        let found = self.search(watch, model, word, *before, &mut memory.unigram.best)?;
        let super::SearchMemory { unigram: UnigramSearchMemory { best, path }, cache, word: kept, .. } = memory;
        *before = best[word.len()].score;
        path.clear();
        let mut end = word.len();
        while end > 0 {
            let BestSum { start, id, .. } = best[end];
            path.try_push((start as usize, id))?;
            end = start as usize;
        }
        let mut ends = path.iter().rev().skip(1).map(|&(start, _)| start).chain([word.len()]);
        for &(begin, id) in path.iter().rev() {
            let end = ends.next().unwrap_or(word.len());
            model.push(&word[begin..end], start + begin, Some(id), tokens)?;
        }
        if let WordOutcome::Plain { lead, sum } = found
            && is_kept
            && lead > doubt(word.len(), *before, sum)
        {
            kept.clear();
            // The lead is rounded down, the sum up.
            kept.try_extend([lead as f32 * (1.0 - f32::EPSILON), sum as f32 * (1.0 + f32::EPSILON)].map(f32::to_bits))?;
            kept.try_extend(path.iter().rev().map(|&(_, id)| id))?;
            cache.put(word.as_bytes(), kept)?;
        }
        Ok(())
    }

    /// Finds the best way to each place of a word.
    fn search(
        &self,
        watch: &mut Watch<'_>,
        model: &SentencePieceSearch,
        word: &str,
        before: f32,
        best: &mut Vec<BestSum>,
    ) -> Result<WordOutcome> {
        let text = word.as_bytes();
        best.clear();
        best.try_resize(text.len() + 1, NOWHERE)?;
        best[0] = BestSum { score: before, first: 0.0, ..NOWHERE };
        let (mut start, mut is_plain) = (0, true);
        while start < text.len() {
            watch.step(1)?;
            let sum = best[start].score;
            if sum < LEAST {
                let end = (start + self.longest).min(text.len());
                best[start..=end].iter_mut().for_each(|best| best.score -= sum);
            }
            let from = best[start];
            let first = word[start..].chars().next().map_or(1, char::len_utf8);
            let mut is_known = false;
            let mut place = self.trie.root();
            for (end, &byte) in (start + 1..).zip(&text[start..]) {
                let Some((next, value)) = self.trie.step(place, byte) else { break };
                place = next;
                if let Some(id) = value {
                    let score = match model.kinds[id as usize] {
                        Kind::UserDefined => {
                            is_plain = false;
                            (f64::from((end - start) as f32 * self.scores[id as usize]) - 0.1) as f32
                        }
                        _ => self.scores[id as usize],
                    };
                    take(&mut best[end], from, start, id, score);
                    is_known |= end == start + first;
                }
            }
            if !is_known {
                is_plain = false;
                let target = &mut best[start + first];
                let score = self.unknown_score + from.score;
                if target.start == NONE || score > target.score {
                    (target.score, target.start, target.id) = (score, start as u32, model.unknown);
                }
            }
            start += first;
        }
        let BestSum { first, second, .. } = best[text.len()];
        Ok(if is_plain { WordOutcome::Plain { lead: first - second, sum: first } } else { WordOutcome::Other })
    }
}

/// Takes a way to a place, if it is better than the known one.
#[inline(always)]
fn take(target: &mut BestSum, from: BestSum, start: usize, id: u32, score: f32) {
    let sum = score + from.score;
    if target.start == NONE || sum > target.score {
        (target.score, target.start, target.id) = (sum, start as u32, id);
    }
    let exact = f64::from(score);
    let (first, second) = (from.first + exact, from.second + exact);
    if first > target.first {
        (target.first, target.second) = (first, target.first.max(second));
    } else {
        target.second = target.second.max(first);
    }
}

/// How much better a sequence must be than every other one to be found for certain.
fn doubt(length: usize, before: f32, sum: f64) -> f64 {
    3.0 * length as f64 * ROUNDING * (f64::from(before.abs()) + sum.abs())
}
