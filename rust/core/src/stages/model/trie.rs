//! Texts in one array, found from the left: a double-array trie over bytes.
//!
//! A node is a place in the array; its child by a byte is at its base plus the byte, if that place names the node as its parent. A search takes one access to memory a byte.

use crate::error::Result;
use crate::memory::{Grow, collect_all, filled};

const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct TrieNode {
    base: u32,
    parent: u32,
    /// The value of the text that ends here.
    value: u32,
}

const FREE: TrieNode = TrieNode { base: 0, parent: NONE, value: NONE };

/// A map from texts to numbers.
#[derive(Debug)]
pub(super) struct Trie {
    nodes: Vec<TrieNode>,
}

/// Where a search stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct TrieState(u32);

impl Trie {
    /// The trie of texts, none of which is empty or occurs twice; no value is `u32::MAX`.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    pub(super) fn new<'t>(texts: impl Iterator<Item = (&'t [u8], u32)>) -> Result<Self> {
        let mut texts = collect_all(texts.map(Ok))?;
        texts.sort_unstable();
        let mut trie = Self { nodes: filled(FREE, 512)? };
        trie.nodes[0].parent = 0;
        // Texts that begin alike, how far they do, and the node of that beginning.
        let mut open = vec![(0..texts.len(), 0, 0)];
        let mut free = 1;
        let mut children = Vec::new();
        while let Some((range, depth, node)) = open.pop() {
            children.clear();
            let mut start = range.start;
            if texts.get(start).is_some_and(|(text, _)| text.len() == depth) && start < range.end {
                trie.nodes[node as usize].value = texts[start].1;
                start += 1;
            }
            while start < range.end {
                let byte = texts[start].0[depth];
                let end = start + texts[start..range.end].partition_point(|(text, _)| text[depth] == byte);
                children.try_push((byte, start..end))?;
                start = end;
            }
            let Some(&(first, _)) = children.first() else { continue };
            while trie.nodes[free].parent != NONE {
                free += 1;
                trie.reach(free + 256)?;
            }
            let mut place = free.max(usize::from(first) + 1);
            let base = loop {
                let base = place - usize::from(first);
                trie.reach(base + 512)?;
                if children.iter().all(|&(byte, _)| trie.nodes[base + usize::from(byte)].parent == NONE) {
                    break base;
                }
                place += 1;
                // Where hardly a place is free, no more is tried.
                if place - free > 4096 {
                    free = place;
                }
            };
            trie.nodes[node as usize].base = base as u32;
            for (byte, range) in children.drain(..) {
                let child = base + usize::from(byte);
                trie.nodes[child].parent = node;
                open.try_push((range, depth + 1, child as u32))?;
            }
        }
        // A search looks up to 255 places beyond a base.
        Ok(trie)
    }

    /// Makes room for `length` nodes.
    fn reach(&mut self, length: usize) -> Result<()> {
        if self.nodes.len() < length { self.nodes.try_resize(length.next_power_of_two(), FREE) } else { Ok(()) }
    }

    /// Where a search begins.
    pub(super) fn root(&self) -> TrieState {
        TrieState(0)
    }

    /// Where it goes on by a byte, and the value of the text that ends there.
    #[inline(always)]
    pub(super) fn step(&self, TrieState(node): TrieState, byte: u8) -> Option<(TrieState, Option<u32>)> {
        let child = self.nodes[node as usize].base + u32::from(byte);
        let found = self.nodes.get(child as usize).filter(|found| found.parent == node && child != 0)?;
        Some((TrieState(child), (found.value != NONE).then_some(found.value)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_put_is_found(texts in prop::collection::btree_map(prop::collection::vec(any::<u8>(), 1..4), 0..99_u32, 0..99)) {
            let texts: BTreeMap<Vec<u8>, u32> = texts;
            let trie = Trie::new(texts.iter().map(|(text, &value)| (&text[..], value))).unwrap();
            let find = |text: &[u8]| {
                let mut found = (trie.root(), None);
                for &byte in text {
                    found = trie.step(found.0, byte)?;
                }
                found.1
            };
            for (text, value) in &texts {
                prop_assert_eq!(find(text), Some(*value));
                for byte in 0..=255 {
                    let longer = [&text[..], &[byte]].concat();
                    prop_assert_eq!(find(&longer), texts.get(&longer).copied());
                }
            }
        }
    }
}
