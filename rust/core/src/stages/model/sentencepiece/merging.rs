//! Merging by scores: two neighbours merge if they form a piece. The largest score goes first; of equal scores, the leftmost pair.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hashbrown::HashMap;

use super::SentencePieceSearch;
use crate::error::Result;
use crate::memory::{Grow, collect};
use crate::stages::model::ModelToken;
use crate::stop::Watch;
use crate::vocab::pipeline::{self, Entries, Kind};

/// The scores as whole numbers of the same order.
#[derive(Debug)]
pub(super) struct MergeSearch {
    order: Vec<u32>,
}

/// A part of the word.
#[derive(Debug, Clone, Copy)]
struct MergeSymbol {
    start: u32,
    /// 0 if it was merged into the symbol before it.
    length: u32,
    previous: u32,
    next: u32,
    /// It never merges.
    is_fixed: bool,
}

const NONE: u32 = u32::MAX;

/// Memory that is used again.
#[derive(Debug, Default)]
pub(super) struct MergeSearchMemory {
    symbols: Vec<MergeSymbol>,
    /// The order of the score, the places of the left and the right symbol, and the length of both together.
    queue: BinaryHeap<(u32, Reverse<u32>, u32, u32)>,
    /// For each unused piece, the length of the left part in its last merge.
    parted: HashMap<u32, u32>,
    parts: Vec<(u32, u32)>,
}

impl MergeSearch {
    pub(super) fn new(model: &pipeline::SentencePieceModel) -> Result<Self> {
        // Zero has no sign here.
        let order = |&score: &f32| {
            let bits = (score + 0.0).to_bits();
            if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
        };
        Ok(Self { order: collect(model.scores.iter().map(order))? })
    }

    /// Appends the tokens of a word, which begins at `start`.
    pub(super) fn tokenize(
        &self,
        watch: &mut Watch<'_>,
        model: &SentencePieceSearch,
        entries: &Entries,
        (start, word): (usize, &str),
        memory: &mut super::SearchMemory,
        tokens: &mut Vec<ModelToken>,
    ) -> Result<()> {
        if let Some(ids) = memory.cache.get(word.as_bytes()) {
            return model.push_known(ids, start, tokens);
        }
        let super::SearchMemory { merging: memory, cache, word: kept, .. } = memory;
        self.merge(watch, model, entries, word, memory)?;
        let MergeSearchMemory { symbols, parted, parts, .. } = memory;
        kept.clear();
        let mut is_known = true;
        for symbol in symbols.iter().filter(|symbol| symbol.length > 0) {
            parts.clear();
            parts.try_push((symbol.start, symbol.length))?;
            while let Some((begin, length)) = parts.pop() {
                let part = &word[begin as usize..(begin + length) as usize];
                let id = entries.id(part);
                let is_unused = |id: &u32| model.kinds[*id as usize] == Kind::Unused;
                if let Some(&left) = id.filter(is_unused).and_then(|id| parted.get(&id)) {
                    parts.try_extend([(begin + left, length - left), (begin, left)])?;
                    continue;
                }
                is_known &= id.is_some_and(|id| id != model.unknown);
                kept.try_push(id.unwrap_or(model.unknown))?;
                model.push(part, start + begin as usize, id, tokens)?;
            }
        }
        if is_known {
            cache.put(word.as_bytes(), kept)?;
        }
        Ok(())
    }

    fn merge(
        &self,
        watch: &mut Watch<'_>,
        model: &SentencePieceSearch,
        entries: &Entries,
        word: &str,
        memory: &mut MergeSearchMemory,
    ) -> Result<()> {
        let MergeSearchMemory { symbols, queue, parted, .. } = memory;
        symbols.clear();
        parted.clear();
        queue.clear();
        let mut start = 0;
        while start < word.len() {
            let (length, is_fixed) = model.user_defined.prefix(&word[start..]);
            let place = symbols.len() as u32;
            let next = if start + length < word.len() { place + 1 } else { NONE };
            let previous = place.checked_sub(1).unwrap_or(NONE);
            symbols.try_push(MergeSymbol { start: start as u32, length: length as u32, previous, next, is_fixed })?;
            start += length;
        }
        let mut add = |symbols: &[MergeSymbol], left: u32, right: u32, queue: &mut BinaryHeap<_>| -> Result<()> {
            if left == NONE || right == NONE {
                return Ok(());
            }
            let [one, other] = [left, right].map(|place| symbols[place as usize]);
            let length = one.length + other.length;
            let made = || entries.id(&word[one.start as usize..(one.start + length) as usize]);
            if one.is_fixed || other.is_fixed {
                return Ok(());
            }
            let Some(id) = made().filter(|&id| model.kinds[id as usize].is_in_texts()) else { return Ok(()) };
            if model.kinds[id as usize] == Kind::Unused {
                parted.try_reserve(1)?;
                parted.insert(id, one.length);
            }
            queue.try_reserve(1)?;
            queue.push((self.order[id as usize], Reverse(left), right, length));
            Ok(())
        };
        for right in 1..symbols.len() as u32 {
            add(symbols, right - 1, right, queue)?;
        }
        while let Some((_, Reverse(left), right, length)) = queue.pop() {
            watch.step(1)?;
            let [one, other] = [left, right].map(|place| symbols[place as usize]);
            if one.length == 0 || other.length == 0 || one.length + other.length != length {
                continue;
            }
            symbols[right as usize].length = 0;
            symbols[left as usize] = MergeSymbol { length, next: other.next, ..one };
            if other.next != NONE {
                symbols[other.next as usize].previous = left;
            }
            add(symbols, one.previous, left, queue)?;
            add(symbols, left, other.next, queue)?;
        }
        Ok(())
    }
}
