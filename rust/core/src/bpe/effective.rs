//! Effective merges: the merges that BPE really performs, whichever way a file states them.
//!
//! *Definition.* A merge of a vocabulary is *effective* if it is the last merge that BPE performs on the bytes of its
//! own result, and leaves a single symbol.
//!
//! *Claim.* BPE by the effective merges, in order of priority, yields the same symbols for every text as BPE by the
//! rule of the file. Each token is the result of at most one effective merge.
//!
//! *Proof.* Take a token that appears while BPE runs on a text. No merge has crossed its ends, or the token would not
//! stand there. So the merges within its bytes were the merges that BPE performs on these bytes alone, in the same
//! order. The last of them made the token, so the token is only ever made from this one pair. If BPE on the token's own
//! bytes ends in more than one symbol, the token never appears.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hashbrown::{HashMap, HashSet};

use crate::arch::Isa;
use crate::bpe::Merger;
use crate::bpe::pair_table::PairTable;
use crate::error::Result;
use crate::memory::{Grow, collect, collect_all, filled};
use crate::vocab::{MAX_MERGES, Merges, Vocab};

/// The id of a byte that has no token. UTF-8 text never holds this byte.
pub const ABSENT: u32 = u32::MAX;

/// Two ids and the id that replaces them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EffectiveMerge {
    /// The left id.
    pub left: u32,
    /// The right id.
    pub right: u32,
    /// The id of the joined bytes.
    pub result: u32,
}

/// The effective merges of a vocabulary in order of priority. Each result stands there once.
///
/// # Errors
/// [`Error::Memory`](crate::Error::Memory).
pub fn effective(vocab: &Vocab) -> Result<Vec<EffectiveMerge>> {
    match &vocab.merges {
        Merges::Ranks => effective_by_rank(vocab),
        Merges::List { .. } => effective_by_list(vocab),
    }
}

/// Merges that are enough for encoding, in order of priority, each result once: the effective merges and perhaps some
/// that never happen. Cheap for a list in which each token is made once, as trainers write it.
///
/// # Errors
/// [`Error::Memory`](crate::Error::Memory).
pub fn sufficient(vocab: &Vocab) -> Result<Vec<EffectiveMerge>> {
    if let Merges::List { pairs, .. } = &vocab.merges {
        let merges = with_results(vocab, pairs)?;
        let mut made = filled(false, vocab.tokens.len())?;
        if merges.iter().all(|merge| !std::mem::replace(&mut made[merge.result as usize], true)) {
            return Ok(merges);
        }
    }
    effective(vocab)
}

/// The listed merges with their results.
fn with_results(vocab: &Vocab, pairs: &[(u32, u32)]) -> Result<Vec<EffectiveMerge>> {
    let merge = |(&(left, right), result): (&(u32, u32), Result<Option<u32>>)| {
        Ok(EffectiveMerge { left, right, result: result?.expect("a vocabulary's merges make tokens") })
    };
    collect_all(pairs.iter().zip(vocab.tokens.results(pairs)).map(merge))
}

/// The effective merges of the tokens under merging by ids. The rule that the vocabulary states is ignored. A token
/// with a byte that has no token of its own is never made.
///
/// # Errors
/// [`Error::Memory`](crate::Error::Memory).
pub fn effective_by_rank(vocab: &Vocab) -> Result<Vec<EffectiveMerge>> {
    let bytes = byte_ids(vocab);
    // From short to long: when a token's turn comes, all merges within it are known.
    let is_long = |token: &[u8]| token.len() > 1 && token.iter().all(|&byte| bytes[usize::from(byte)] != ABSENT);
    let longer = vocab.tokens.iter().filter(|(_, token)| is_long(token));
    let mut by_length = collect(longer.map(|(id, token)| (token.len(), id)))?;
    // Ids may be any numbers, so a token is known by its rank among the tokens of two bytes and more.
    let rank_to_id = collect(by_length.iter().map(|&(_, id)| id))?;
    let mut id_to_rank = HashMap::new();
    id_to_rank.try_reserve(rank_to_id.len())?;
    id_to_rank.extend(rank_to_id.iter().enumerate().map(|(rank, &id)| (id, rank as u32)));
    by_length.sort_unstable();

    let id_of = |symbol: u32| match symbol.checked_sub(256) {
        None => bytes[symbol as usize],
        Some(rank) => rank_to_id[rank as usize],
    };
    let mut table = PairTable::with_capacity(rank_to_id.len().min(MAX_MERGES), Isa::available()[0])?;
    let mut merger = Merger::new()?;
    let mut merges = Vec::new();
    merges.try_reserve_exact(rank_to_id.len())?;
    for same_length in by_length.chunk_by(|(a, _), (b, _)| a == b) {
        let known = merges.len();
        let tokens = same_length.iter().map(|&(_, id)| vocab.tokens.get(id));
        merger.merge_all(&table, tokens, |number, symbols| {
            if let [left, right] = *symbols {
                merges.push((left, right, same_length[number].1));
            }
        })?;
        for &(left, right, id) in &merges[known..] {
            table.insert(left, right, id_to_rank[&id]);
        }
    }
    let merges = merges.into_iter().map(|(left, right, id)| {
        (id_to_rank[&id], EffectiveMerge { left: id_of(left), right: id_of(right), result: id })
    });
    let mut merges = collect(merges)?;
    merges.sort_unstable_by_key(|&(rank, _)| rank);
    collect(merges.into_iter().map(|(_, merge)| merge))
}

/// Runs BPE by the list on each token and keeps the last merge if it leaves one symbol.
fn effective_by_list(vocab: &Vocab) -> Result<Vec<EffectiveMerge>> {
    let Merges::List { pairs, .. } = &vocab.merges else { unreachable!("called for lists") };
    let merges = with_results(vocab, pairs)?;
    let mut by_pair = HashMap::new();
    by_pair.try_reserve(merges.len())?;
    for (rank, merge) in merges.iter().enumerate() {
        by_pair.entry((merge.left, merge.right)).or_insert(rank);
    }
    let bytes = byte_ids(vocab);
    let mut done = HashSet::new();
    done.try_reserve(merges.len())?;
    let mut last: Vec<usize> = Vec::new();
    last.try_reserve_exact(merges.len())?;
    for merge in &merges {
        if done.insert(merge.result) {
            last.extend(last_merge(&merges, &by_pair, &bytes, vocab.tokens.get(merge.result))?);
        }
    }
    last.sort_unstable();
    collect(last.into_iter().map(|rank| merges[rank]))
}

/// The last merge of BPE on a token's bytes, if it leaves one symbol. O(n log n): a heap of candidates over a linked
/// list.
fn last_merge(
    merges: &[EffectiveMerge],
    by_pair: &HashMap<(u32, u32), usize>,
    bytes: &[u32; 256],
    token: &[u8],
) -> Result<Option<usize>> {
    let end = token.len();
    let mut ids = collect(token.iter().map(|&byte| bytes[usize::from(byte)]))?;
    let mut next = collect(1..=end)?;
    let mut previous = collect((0..end).map(|at: usize| at.checked_sub(1)))?;
    let rank_of = |ids: &[u32], next: &[usize], at: usize| by_pair.get(&(ids[at], *ids.get(next[at])?)).copied();
    let first = (0..end).filter_map(|at| Some(Reverse((rank_of(&ids, &next, at)?, at))));
    let mut candidates = BinaryHeap::from(collect(first)?);
    let (mut left, mut last) = (end, None);
    while let Some(Reverse((rank, at))) = candidates.pop() {
        // The candidate is stale if another symbol, or none, now stands at its place.
        if rank_of(&ids, &next, at) != Some(rank) {
            continue;
        }
        let right = next[at];
        (ids[at], ids[right], next[at]) = (merges[rank].result, ABSENT, next[right]);
        if let Some(before) = previous.get_mut(next[at]) {
            *before = Some(at);
        }
        for at in previous[at].into_iter().chain([at]) {
            candidates.try_reserve(1)?;
            candidates.extend(rank_of(&ids, &next, at).map(|rank| Reverse((rank, at))));
        }
        (left, last) = (left - 1, Some(rank));
    }
    Ok(last.filter(|_| left == 1))
}

/// The [`PairTable`] of the given merges, and the id of each symbol: [`ABSENT`] for a byte that has no token.
///
/// # Errors
/// [`Error::Memory`](crate::Error::Memory).
pub fn table(vocab: &Vocab, merges: &[EffectiveMerge], isa: Isa) -> Result<(PairTable, Vec<u32>)> {
    let mut ids = byte_ids(vocab).to_vec();
    ids.try_extend(merges.iter().map(|merge| merge.result))?;
    let mut symbols = filled(None, vocab.tokens.len())?;
    for (&id, symbol) in ids.iter().zip(0..).filter(|(id, _)| **id != ABSENT) {
        symbols[id as usize] = Some(symbol);
    }
    // A merge never happens if one of its sides is a token that no merge makes. These merges are left out.
    let pairs = merges
        .iter()
        .zip(0..)
        .filter_map(|(merge, rank)| Some((symbols[merge.left as usize]?, symbols[merge.right as usize]?, rank)));
    Ok((PairTable::new(pairs, isa)?, ids))
}

/// The ids of the 256 single bytes.
fn byte_ids(vocab: &Vocab) -> [u32; 256] {
    std::array::from_fn(|byte| vocab.tokens.id(&[byte as u8]).unwrap_or(ABSENT))
}
