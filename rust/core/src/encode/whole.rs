//! Pieces that are one token: built at load, read-only, shared by all threads and forks.
//!
//! It holds every token that its own bytes encode to. A token that no sequence of merges reaches is left out unless the
//! vocabulary takes whole pieces as tokens (`.tiktoken`, `ignore_merges`).

use super::cache::{SHORT, ShortKey, hash_short, short_key};
use crate::vocab::Tokens;

/// Open addressing with the key inline, for tokens of up to 15 bytes: one cache miss tells. Longer tokens are looked up in
/// the vocabulary's own index.
#[derive(Debug)]
pub(super) struct Whole {
    slots: Vec<(ShortKey, u32)>,
    /// By id: whether a token of more than 15 bytes encodes to itself.
    long: Vec<bool>,
}

impl Whole {
    /// The table of those ids of `tokens` for which `reachable` holds.
    pub(super) fn new(tokens: &Tokens, reachable: impl Fn(u32) -> bool) -> Self {
        let count = tokens.iter().filter(|(_, token)| token.len() <= SHORT).count();
        let mut slots = vec![([0; 2], 0); (2 * count).next_power_of_two()];
        let mut long = vec![false; tokens.len()];
        for (id, token) in tokens.iter().filter(|&(id, _)| reachable(id)) {
            if token.len() > SHORT {
                long[id as usize] = true;
                continue;
            }
            let key = short_key(token, 0, token.len());
            let mut at = place(hash_short(key), slots.len());
            while slots[at].0 != [0; 2] {
                at = (at + 1) % slots.len();
            }
            slots[at] = (key, id);
        }
        Self { slots, long }
    }

    /// The token that a short piece is.
    #[inline]
    pub(super) fn short(&self, key: ShortKey, hash: u64) -> Option<u32> {
        let mut at = place(hash, self.slots.len());
        loop {
            let (other, id) = self.slots[at];
            if other == key {
                return Some(id);
            }
            if other == [0; 2] {
                return None;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    /// The token that a piece of more than 15 bytes is.
    pub(super) fn long(&self, tokens: &Tokens, piece: &[u8]) -> Option<u32> {
        tokens.id(piece).filter(|&id| self.long[id as usize])
    }
}

/// The upper half of the hash: the cache takes the lower.
fn place(hash: u64, slots: usize) -> usize {
    (hash >> 32) as usize & (slots - 1)
}
