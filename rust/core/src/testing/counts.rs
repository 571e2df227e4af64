//! Counting, in one map.

use std::collections::BTreeMap;

use super::bpe::pieces;
use crate::split::Scheme;

/// The counts of a language: bytes, documents, and the number of occurrences of each piece.
pub type Counted = (u64, u64, BTreeMap<Vec<u8>, u64>);

/// The counts of texts.
///
/// # Panics
/// If the regex of the scheme cannot be compiled, or gives up on a text.
pub fn count(scheme: &Scheme, texts: &[&str]) -> Counted {
    let mut counts = BTreeMap::new();
    for text in texts {
        pieces(scheme, text).into_iter().for_each(|piece| *counts.entry(piece.to_vec()).or_insert(0) += 1);
    }
    (texts.iter().map(|text| text.len() as u64).sum(), texts.len() as u64, counts)
}
