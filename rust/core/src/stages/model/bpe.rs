//! Byte-pair encoding over characters, as `tokenizers` merges: the pair that stands first in the list, and of equal ones the leftmost, by a
//! queue. So a piece takes time in proportion to its length times the logarithm of it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::{ModelToken, bytes};
use crate::error::Result;
use crate::memory::Grow;
use crate::stop::Watch;
use crate::vocab::pipeline::{self, Entries, Merge};

/// The model made ready to run.
#[derive(Debug)]
pub(in crate::stages) struct BpeModel {
    /// From pairs of ids to rank and result.
    merges: HashMap<(u32, u32), (u32, u32), FxBuildHasher>,
    /// Entries of one character, where nothing stands before or behind it.
    characters: HashMap<char, u32, FxBuildHasher>,
    unknown: Option<u32>,
    fuse_unk: bool,
    /// The entries of bytes, if characters fall back on them.
    bytes: Option<Vec<Option<u32>>>,
    ignore_merges: bool,
    prefix: String,
    suffix: String,
}

/// A part of the piece.
#[derive(Debug, Clone, Copy)]
struct Symbol {
    id: u32,
    /// 0 if it was merged into the symbol before it.
    length: u32,
    previous: u32,
    next: u32,
}

const NONE: u32 = u32::MAX;

/// Memory that is used again.
#[derive(Debug, Default)]
pub(super) struct BpeMemory {
    symbols: Vec<Symbol>,
    /// Rank, place, result: the smallest first.
    queue: BinaryHeap<Reverse<(u32, u32, u32)>>,
    spelled: String,
}

impl BpeModel {
    pub(super) fn new(model: &pipeline::Bpe) -> Result<Self> {
        let mut merges = HashMap::with_hasher(FxBuildHasher);
        merges.try_reserve(model.merges.len())?;
        // If a pair occurs twice in the list, the last occurrence counts.
        merges.extend(
            model.merges.iter().zip(0..).map(|(&Merge { left, right, result }, rank)| ((left, right), (rank, result))),
        );
        let mut characters = HashMap::with_hasher(FxBuildHasher);
        for (text, id) in model.entries.iter() {
            let mut all = text.chars();
            if let (Some(character), None) = (all.next(), all.next())
                && model.entries.id(text) == Some(id)
            {
                characters.try_reserve(1)?;
                characters.insert(character, id);
            }
        }
        Ok(Self {
            merges,
            characters,
            unknown: model.unk_token.as_ref().and_then(|token| model.entries.id(token)),
            fuse_unk: model.fuse_unk,
            bytes: model.byte_fallback.then(|| bytes(&model.entries)),
            ignore_merges: model.ignore_merges,
            prefix: model.continuing_subword_prefix.clone().unwrap_or_default(),
            suffix: model.end_of_word_suffix.clone().unwrap_or_default(),
        })
    }

    pub(super) fn tokenize(
        &self,
        watch: &mut Watch<'_>,
        entries: &Entries,
        piece: &str,
        memory: &mut BpeMemory,
        tokens: &mut Vec<ModelToken>,
    ) -> Result<()> {
        if self.ignore_merges
            && let Some(id) = entries.id(piece)
        {
            return tokens.try_push(ModelToken { id, start: 0, end: piece.len() as u32 });
        }
        self.begin(watch, entries, piece, memory)?;
        self.merge(watch, memory)?;
        let mut start = 0;
        for symbol in memory.symbols.iter().filter(|symbol| symbol.length > 0) {
            tokens.try_push(ModelToken { id: symbol.id, start, end: start + symbol.length })?;
            start += symbol.length;
        }
        Ok(())
    }

    /// Makes the first symbols.
    fn begin(&self, watch: &mut Watch<'_>, entries: &Entries, piece: &str, memory: &mut BpeMemory) -> Result<()> {
        let BpeMemory { symbols, spelled, .. } = memory;
        symbols.clear();
        // An unknown symbol waits until a known one follows, but not for bytes.
        let mut unknown = None;
        let is_plain = self.prefix.is_empty() && self.suffix.is_empty();
        for (start, character) in piece.char_indices() {
            watch.step(1)?;
            let length = character.len_utf8();
            let end = start + length;
            spelled.clear();
            let id = if is_plain {
                self.characters.get(&character).copied()
            } else {
                let prefix = if start > 0 { &self.prefix[..] } else { "" };
                let suffix = if end == piece.len() { &self.suffix[..] } else { "" };
                spelled.extend([prefix, &piece[start..end], suffix]);
                entries.id(spelled)
            };
            if let Some(id) = id {
                if let Some(length) = unknown.take() {
                    push(symbols, self.unknown.unwrap_or_default(), length)?;
                }
                push(symbols, id, length)?;
                continue;
            }
            if is_plain {
                spelled.push(character);
            }
            if let Some(bytes) = &self.bytes
                && spelled.bytes().all(|byte| bytes[usize::from(byte)].is_some())
            {
                let ids = spelled.bytes().filter_map(|byte| bytes[usize::from(byte)]);
                ids.into_iter().try_for_each(|id| push(symbols, id, 1))?;
                continue;
            }
            if let Some(id) = self.unknown {
                unknown = match unknown {
                    Some(before) if self.fuse_unk => Some(before + length),
                    Some(before) => {
                        push(symbols, id, before)?;
                        Some(length)
                    }
                    None => Some(length),
                };
            }
        }
        unknown.map_or(Ok(()), |length| push(symbols, self.unknown.unwrap_or_default(), length))
    }

    fn merge(&self, watch: &mut Watch<'_>, BpeMemory { symbols, queue, .. }: &mut BpeMemory) -> Result<()> {
        let mut first = std::mem::take(queue).into_vec();
        first.clear();
        first.try_reserve(symbols.len())?;
        for (pair, place) in symbols.windows(2).zip(0..) {
            watch.step(1)?;
            if let Some(&(rank, result)) = self.merges.get(&(pair[0].id, pair[1].id)) {
                first.push(Reverse((rank, place, result)));
            }
        }
        *queue = first.into();
        while let Some(Reverse((_, place, result))) = queue.pop() {
            watch.step(1)?;
            let left = symbols[place as usize];
            if left.length == 0 || left.next == NONE {
                continue;
            }
            let right = symbols[left.next as usize];
            // Another pair may stand there now; if it makes the same entry, it is merged now.
            if self.merges.get(&(left.id, right.id)).is_none_or(|&(_, made)| made != result) {
                continue;
            }
            symbols[left.next as usize].length = 0;
            symbols[place as usize] =
                Symbol { id: result, length: left.length + right.length, previous: left.previous, next: right.next };
            queue.try_reserve(2)?;
            if right.next != NONE {
                symbols[right.next as usize].previous = place;
                let next = symbols[right.next as usize].id;
                if let Some(&(rank, made)) = self.merges.get(&(result, next)) {
                    queue.push(Reverse((rank, place, made)));
                }
            }
            if left.previous != NONE {
                let previous = symbols[left.previous as usize].id;
                if let Some(&(rank, made)) = self.merges.get(&(previous, result)) {
                    queue.push(Reverse((rank, left.previous, made)));
                }
            }
        }
        Ok(())
    }
}

fn push(symbols: &mut Vec<Symbol>, id: u32, length: usize) -> Result<()> {
    let place = symbols.len() as u32;
    if let Some(last) = symbols.last_mut() {
        last.next = place;
    }
    let previous = place.checked_sub(1).unwrap_or(NONE);
    symbols.try_push(Symbol { id, length: length as u32, previous, next: NONE })
}
