//! The most probable sequence of pieces, by the search of Viterbi: one pass over the text, linear in its length times that of the longest
//! piece.

use super::trie::Trie;
use super::{ModelToken, bytes, nothing_for};
use crate::error::Result;
use crate::memory::{Grow, copied};
use crate::stop::Watch;
use crate::vocab::pipeline::{self, Entries};

/// The penalty of a character without a piece, below the score of the least likely piece.
const UNKNOWN_PENALTY: f64 = 10.0;

/// The model made ready to run.
#[derive(Debug)]
pub(in crate::stages) struct UnigramModel {
    trie: Trie,
    scores: Vec<f64>,
    unknown: Option<u32>,
    unknown_score: f64,
    /// The entries of bytes, if unknown characters fall back on them.
    bytes: Option<Vec<Option<u32>>>,
}

/// The best way to a place in the text.
#[derive(Debug, Clone, Copy)]
struct BestPath {
    score: f64,
    /// Where its last piece begins.
    start: u32,
    id: u32,
}

/// No way is known.
const NONE: u32 = u32::MAX;

/// Memory that is used again.
#[derive(Debug, Default)]
pub(super) struct UnigramMemory {
    best: Vec<BestPath>,
    path: Vec<ModelToken>,
}

impl UnigramModel {
    pub(super) fn new(model: &pipeline::Unigram) -> Result<Self> {
        let entries = model.entries.iter().filter(|&(text, id)| !text.is_empty() && model.entries.id(text) == Some(id));
        let trie = Trie::new(entries.map(|(text, id)| (text.as_bytes(), id)))?;
        let least = model.scores.iter().copied().fold(f64::INFINITY, f64::min);
        Ok(Self {
            trie,
            scores: copied(&model.scores)?,
            unknown: model.unk_id,
            unknown_score: least - UNKNOWN_PENALTY,
            bytes: model.byte_fallback.then(|| bytes(&model.entries)),
        })
    }

    pub(super) fn is_unknown(&self, id: u32) -> bool {
        self.unknown == Some(id)
    }

    pub(super) fn tokenize(
        &self,
        watch: &mut Watch<'_>,
        entries: &Entries,
        piece: &str,
        UnigramMemory { best, path }: &mut UnigramMemory,
        tokens: &mut Vec<ModelToken>,
    ) -> Result<()> {
        self.search(watch, piece, best)?;
        path.clear();
        let mut end = piece.len();
        while end > 0 {
            watch.step(1)?;
            let BestPath { start, id, .. } = best[end];
            let is_unknown = Some(id) == self.unknown;
            match path.last_mut() {
                // Unknown characters in a row are one.
                Some(next) if is_unknown && Some(next.id) == self.unknown => next.start = start,
                _ => path.try_push(ModelToken { id, start, end: end as u32 })?,
            }
            end = start as usize;
        }
        for &token in path.iter().rev() {
            watch.step(1)?;
            if Some(token.id) == self.unknown {
                self.fall_back(entries, &piece[token.start as usize..token.end as usize], token, tokens)?;
            } else {
                tokens.try_push(token)?;
            }
        }
        Ok(())
    }

    /// Appends the tokens of unknown characters: an entry, the tokens of their bytes, or the unknown token.
    fn fall_back(&self, entries: &Entries, text: &str, token: ModelToken, tokens: &mut Vec<ModelToken>) -> Result<()> {
        if let Some(id) = entries.id(text) {
            return tokens.try_push(ModelToken { id, ..token });
        }
        if let Some(bytes) = &self.bytes
            && text.bytes().all(|byte| bytes[usize::from(byte)].is_some())
        {
            let ids = text.bytes().filter_map(|byte| bytes[usize::from(byte)]);
            return tokens.try_extend(ids.map(|id| ModelToken { id, ..token }));
        }
        tokens.try_push(token)
    }

    /// Finds the best way to each place.
    fn search(&self, watch: &mut Watch<'_>, piece: &str, best: &mut Vec<BestPath>) -> Result<()> {
        let text = piece.as_bytes();
        best.clear();
        best.try_resize(text.len() + 1, BestPath { score: 0.0, start: NONE, id: 0 })?;
        let mut start = 0;
        while start < text.len() {
            let before = best[start].score;
            let first = length(text[start]);
            let mut is_known = false;
            let mut place = self.trie.root();
            watch.step(1)?;
            for (end, &byte) in (start + 1..).zip(&text[start..]) {
                let Some((next, value)) = self.trie.step(place, byte) else { break };
                watch.step(1)?;
                place = next;
                if let Some(id) = value {
                    let score = self.scores[id as usize] + before;
                    let target = &mut best[end];
                    if target.start == NONE || score > target.score {
                        *target = BestPath { score, start: start as u32, id };
                    }
                    is_known |= end == start + first;
                }
            }
            if !is_known {
                let score = self.unknown_score + before;
                let target = &mut best[start + first];
                if target.start == NONE || score > target.score {
                    let id = self.unknown.ok_or_else(|| nothing_for(&piece[start..start + first]))?;
                    *target = BestPath { score, start: start as u32, id };
                }
            }
            start += first;
        }
        Ok(())
    }
}

/// The length of a character by its first byte.
fn length(first: u8) -> usize {
    match first {
        0..0x80 => 1,
        0x80..0xE0 => 2,
        0xE0..0xF0 => 3,
        0xF0.. => 4,
    }
}
