//! Special and added tokens in a text: the leftmost, and of those the longest, as `tokenizers` finds them.

use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};

use super::Specials;
use crate::vocab::Special;

/// Finds the tokens that stand for themselves: those that are always recognised, and all of them.
#[derive(Debug)]
pub(super) struct Added {
    always: Finder,
    all: Finder,
}

#[derive(Debug)]
struct Finder {
    automaton: Option<AhoCorasick>,
    ids: Vec<u32>,
}

impl Finder {
    fn new<'a>(tokens: impl Iterator<Item = &'a Special>) -> Self {
        let (contents, ids): (Vec<&str>, Vec<u32>) = tokens.map(|token| (token.content.as_str(), token.id)).unzip();
        let automaton = (!ids.is_empty()).then(|| {
            AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostLongest)
                .build(&contents)
                .expect("added tokens are few and short enough for an automaton")
        });
        Self { automaton, ids }
    }
}

impl Added {
    pub(super) fn new(specials: &[Special]) -> Self {
        Self { always: Finder::new(specials.iter().filter(|token| !token.special)), all: Finder::new(specials.iter()) }
    }

    /// Where the tokens to recognise stand in `text`, and their ids.
    pub(super) fn find(&self, text: &str, specials: Specials) -> impl Iterator<Item = (Range<usize>, u32)> {
        let finder = match specials {
            Specials::Text => &self.always,
            Specials::Parse => &self.all,
        };
        let found = finder.automaton.iter().flat_map(move |automaton| automaton.find_iter(text));
        found.map(|found| (found.range(), finder.ids[found.pattern().as_usize()]))
    }
}
