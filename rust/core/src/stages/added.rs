//! Finds added tokens in a text, as `tokenizers` does: first the tokens with `normalized: false`, in the original text;
//! then, in the normalized rest, the other tokens, normalized themselves. If several tokens begin at a place, the
//! longest is found.

use std::collections::HashSet;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::Specials;
use crate::error::{Error, Result};
use crate::memory::{Grow, probe};
use crate::vocab::pipeline::AddedToken;

/// Up to this many bytes of tokens, the fastest kind of automaton is used. It takes a kilobyte a byte.
const FAST: usize = 1 << 12;

/// The tokens that are found in one state of the text.
#[derive(Debug, Default)]
pub(super) struct AddedMatcher {
    automaton: Option<AhoCorasick>,
    tokens: Vec<AddedRule>,
}

/// The conditions under which a token is found.
#[derive(Debug, Clone, Copy)]
struct AddedRule {
    id: u32,
    single_word: bool,
    lstrip: bool,
    rstrip: bool,
    special: bool,
}

impl AddedMatcher {
    /// Tokens, each with the text to search for.
    ///
    /// # Errors
    /// [`Error::Argument`] for a token of which nothing is left when it is normalized, or two that are the same then.
    pub(super) fn new<'a>(
        tokens: impl Iterator<Item = (&'a AddedToken, &'a str)>,
        is_special: impl Fn(&str) -> bool,
    ) -> Result<Self> {
        let (mut contents, mut found, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        for (token, content) in tokens {
            let fail = |what: &str| {
                Err(Error::argument("added_tokens", format!("{:?} {what} when it is normalized", token.content)))
            };
            if content.is_empty() {
                return fail("is empty");
            }
            if !seen.insert(content) {
                return fail("is the same as another");
            }
            contents.try_push(content)?;
            let &AddedToken { id, single_word, lstrip, rstrip, .. } = token;
            found.try_push(AddedRule { id, single_word, lstrip, rstrip, special: is_special(&token.content) })?;
        }
        let bytes: usize = contents.iter().map(|content| content.len()).sum();
        // To make an automaton takes some 60 bytes for each byte of its tokens.
        probe(64 * bytes)?;
        let automaton = (!contents.is_empty()).then(|| {
            AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostLongest)
                .kind((bytes > FAST).then_some(AhoCorasickKind::ContiguousNFA))
                .build(&contents)
                .expect("added tokens are few and short enough for an automaton")
        });
        Ok(Self { automaton, tokens: found })
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Appends the stretches of a text, with the token that each is.
    pub(super) fn find(
        &self,
        text: &str,
        specials: Specials,
        stretches: &mut Vec<(usize, usize, Option<u32>)>,
    ) -> Result<()> {
        let mut done = 0;
        for found in self.automaton.iter().flat_map(|automaton| automaton.find_iter(text)) {
            let token = self.tokens[found.pattern().as_usize()];
            let (mut start, mut end) = (found.start(), found.end());
            if token.special && specials == Specials::Text {
                continue;
            }
            let (before, after) = (&text[..start], &text[end..]);
            let touches_word =
                before.chars().next_back().is_some_and(is_word) || after.chars().next().is_some_and(is_word);
            if token.single_word && touches_word {
                continue;
            }
            if token.lstrip {
                start = before.trim_end().len().max(done);
            }
            if token.rstrip {
                end += after.len() - after.trim_start().len();
            }
            if done < start {
                stretches.try_push((done, start, None))?;
            }
            stretches.try_push((start, end, Some(token.id)))?;
            done = end;
        }
        if done < text.len() {
            stretches.try_push((done, text.len(), None))?;
        }
        Ok(())
    }
}

/// A character of a word, as the `regex` crate means `\w`.
fn is_word(character: char) -> bool {
    regex_syntax::try_is_word_character(character).unwrap_or_default()
}
