//! Pieces that are one token: built at load, read-only, shared by all threads and forks.
//!
//! It holds every token that its own bytes encode to. A token that no sequence of merges reaches is left out unless the
//! vocabulary takes whole pieces as tokens (`.tiktoken`, `ignore_merges`).

use super::cache::{SHORT, ShortKey, hash_short, short_key};
use crate::arch::prefetch;
use crate::memory::Zeroed;
use crate::vocab::Tokens;

/// Open addressing with the key inline, for tokens of up to 15 bytes: one cache miss tells. Longer tokens are looked up in
/// the vocabulary's own index.
#[derive(Debug)]
pub(super) struct Whole {
    /// A key, and the id in the third word.
    slots: Zeroed<[u64; 3]>,
    /// By id: whether a token of more than 15 bytes encodes to itself.
    long: Vec<bool>,
}

impl Whole {
    /// The table of those ids of `tokens` for which `reachable` holds.
    pub(super) fn new(tokens: &Tokens, reachable: impl Fn(u32) -> bool) -> Self {
        let count = tokens.iter().filter(|(_, token)| token.len() <= SHORT).count();
        let mut slots: Zeroed<[u64; 3]> = Zeroed::new((2 * count).next_power_of_two());
        let mut long = vec![false; tokens.len()];
        for (id, token) in tokens.iter().filter(|&(id, _)| reachable(id)) {
            if token.len() > SHORT {
                long[id as usize] = true;
                continue;
            }
            let key = short_key(token, 0, token.len());
            let mut at = place(hash_short(key), slots.len());
            while slots[at][1] != 0 {
                at = (at + 1) & (slots.len() - 1);
            }
            slots[at] = [key[0], key[1], u64::from(id)];
        }
        Self { slots, long }
    }

    /// The token that a short piece is.
    #[inline]
    pub(super) fn short(&self, key: ShortKey, hash: u64) -> Option<u32> {
        let mut at = place(hash, self.slots.len());
        loop {
            let [low, high, id] = self.slots[at];
            if [low, high] == key {
                return Some(id as u32);
            }
            // The topmost byte of a key is the piece's length, so no key has a zero here.
            if high == 0 {
                return None;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    /// Asks for the place of a short piece ahead of [`short`](Self::short).
    #[inline]
    pub(super) fn fetch(&self, hash: u64) {
        prefetch(&self.slots, place(hash, self.slots.len()));
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
