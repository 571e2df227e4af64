//! Finds special and added tokens in a text: the leftmost token, and the longest of those that begin there, as
//! `tokenizers` does.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::Specials;
use crate::error::Result;
use crate::memory::{collect, probe};
use crate::vocab::Special;

/// Two finders: one for the tokens that are always recognised, one for all added tokens.
#[derive(Debug)]
pub(super) struct AddedFinders {
    always: AddedFinder,
    all: AddedFinder,
}

#[derive(Debug)]
struct AddedFinder {
    automaton: Option<AhoCorasick>,
    ids: Vec<u32>,
    /// Bytes of the longest token.
    longest: usize,
    /// All pairs of neighbouring bytes within the tokens, ascending.
    pairs: Vec<[u8; 2]>,
}

/// Up to this many bytes of tokens, the fastest kind of automaton is used. It takes a kilobyte a byte.
const FAST: usize = 1 << 12;

impl AddedFinder {
    fn new<'a>(tokens: impl Iterator<Item = &'a Special> + Clone) -> Result<Self> {
        let contents = collect(tokens.clone().map(|token| token.content.as_str()))?;
        let ids = collect(tokens.map(|token| token.id))?;
        // Building an automaton takes about 60 bytes for each byte of its tokens.
        let bytes: usize = contents.iter().map(|content| content.len()).sum();
        probe(64 * bytes)?;
        let automaton = (!ids.is_empty()).then(|| {
            AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostLongest)
                .kind((bytes > FAST).then_some(AhoCorasickKind::ContiguousNFA))
                .build(&contents)
                .expect("added tokens are few and short enough for an automaton")
        });
        let longest = contents.iter().map(|content| content.len()).max().unwrap_or(0);
        let pairs = contents.iter().flat_map(|content| content.as_bytes().windows(2));
        let mut pairs = collect(pairs.map(|pair| [pair[0], pair[1]]))?;
        pairs.sort_unstable();
        pairs.dedup();
        Ok(Self { automaton, ids, longest, pairs })
    }
}

impl AddedFinders {
    pub(super) fn new(specials: &[Special]) -> Result<Self> {
        let always = specials.iter().filter(|token| !token.special);
        Ok(Self { always: AddedFinder::new(always)?, all: AddedFinder::new(specials.iter())? })
    }

    /// Whether there are tokens to recognise.
    pub(super) fn any(&self, specials: Specials) -> bool {
        self.finder(specials).automaton.is_some()
    }

    /// The places and ids of the recognised tokens in `text`.
    pub(super) fn find(&self, text: &str, specials: Specials) -> impl Iterator<Item = (Range<usize>, u32)> {
        let finder = self.finder(specials);
        let found = finder.automaton.iter().flat_map(move |automaton| automaton.find_iter(text));
        found.map(|found| (found.range(), finder.ids[found.pattern().as_usize()]))
    }

    /// Bytes of the longest recognised token; 0 if there is none.
    pub(super) fn longest(&self, specials: Specials) -> usize {
        self.finder(specials).longest
    }

    /// Whether a recognised token holds these two bytes side by side.
    pub(super) fn may_span(&self, pair: [u8; 2], specials: Specials) -> bool {
        self.finder(specials).pairs.binary_search(&pair).is_ok()
    }

    fn finder(&self, specials: Specials) -> &AddedFinder {
        match specials {
            Specials::Text => &self.always,
            Specials::Parse => &self.all,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_tokens_take_no_multiple_of_their_size() {
        let letters = |number: usize| (0..4_000).map(move |at| char::from(b' ' + ((at * at + number * at) % 95) as u8));
        let specials: Vec<Special> = (0..90)
            .map(|number| Special { content: letters(number).collect(), id: number as u32, special: true })
            .collect();
        let added = AddedFinders::new(&specials).unwrap();
        let memory = added.all.automaton.as_ref().map_or(0, AhoCorasick::memory_usage);
        assert!(memory < 100 * 90 * 4_000, "{memory} bytes");
        let text = format!("a{}b", specials[7].content);
        let found: Vec<_> = added.find(&text, Specials::Parse).collect();
        assert_eq!(found, [(1..4_001, 7)]);
    }
}
