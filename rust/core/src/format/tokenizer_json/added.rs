//! Added tokens as `tokenizers` finds them. Only added tokens that are found by their content alone are supported.

use aho_corasick::Anchored;
use aho_corasick::automaton::Automaton;
use aho_corasick::nfa::noncontiguous::NFA;

use super::AddedTokenJson;
use crate::error::Result;
use crate::memory::{collect, probe};
use crate::vocab::NormalForm;

/// Refuses added tokens that are not recognised by their content alone.
pub(super) fn check(added: &[AddedTokenJson<'_>], normalizer: NormalForm) -> Result<(), String> {
    for token in added {
        let content = &token.content;
        if token.lstrip || token.rstrip || token.single_word {
            return Err(format!("the added token {content:?} with lstrip, rstrip or single_word"));
        }
        if token.normalized && normalizer == NormalForm::Nfc && !untouched_by_nfc(content) {
            return Err(format!("the added token {content:?}, which is looked for in the normalized text"));
        }
    }
    let by_flag =
        |normalized| added.iter().filter(move |token| token.normalized == normalized).map(|token| &*token.content);
    match overlap(by_flag(true), by_flag(false))? {
        Some((late, early)) => Err(format!(
            "the added tokens {late:?} and {early:?}, which may overlap, but only one of which is normalized"
        )),
        None => Ok(()),
    }
}

/// Whether normalizing a text to NFC neither makes nor destroys an occurrence of `content`: no other character becomes
/// one of its characters, and its last character does not combine with the next one.
fn untouched_by_nfc(content: &str) -> bool {
    content.is_ascii()
        && !content.contains(['K', '`', ';'])
        && !content.ends_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '<' | '=' | '>'))
}

/// A token of `late` that may begin before and overlap a token of `early` in a text. `tokenizers` would take the
/// second, which it looks for first; a search for all tokens takes the first.
///
/// The search is linear in the bytes of the tokens. The state of an automaton for `early`, after reading a token of
/// `late`, tells whether a token of `early` ends within it, or has begun.
fn overlap<'t>(
    late: impl Iterator<Item = &'t str>,
    early: impl Iterator<Item = &'t str>,
) -> Result<Option<(&'t str, &'t str)>> {
    let mut late = late.filter(|token| !token.is_empty()).peekable();
    let early = collect(early.filter(|token| !token.is_empty()))?;
    if early.is_empty() || late.peek().is_none() {
        return Ok(None);
    }
    // The memory of the automaton for each byte of its tokens.
    probe(64 * early.iter().map(|token| token.len()).sum::<usize>())?;
    let automaton =
        NFA::new(&early).expect("added tokens are short, and no file has more bytes than an automaton states");
    let root = automaton.start_state(Anchored::No).expect("it begins anywhere");
    for token in late {
        let first = token.chars().next().map_or(0, char::len_utf8);
        let mut state = root;
        for &byte in &token.as_bytes()[..first] {
            state = automaton.next_state(Anchored::No, state, byte);
        }
        // From here on there are two states: one has read the whole token, and one the token without its first
        // character.
        let (mut all, mut rest) = (state, root);
        let mut within = automaton.is_match(all).then(|| automaton.match_pattern(all, 0));
        for &byte in &token.as_bytes()[first..] {
            all = automaton.next_state(Anchored::No, all, byte);
            rest = automaton.next_state(Anchored::No, rest, byte);
            within = within.or_else(|| automaton.is_match(all).then(|| automaton.match_pattern(all, 0)));
        }
        if let Some(pattern) = within {
            return Ok(Some((token, early[pattern.as_usize()])));
        }
        if rest != root {
            let begins = |other: &&&str| {
                (first..token.len()).any(|at| token.is_char_boundary(at) && other.starts_with(&token[at..]))
            };
            return Ok(early.iter().find(begins).map(|other| (token, *other)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use unicode_normalization::UnicodeNormalization;

    #[test]
    fn nfc_leaves_occurrences_alone() {
        for content in ["|||PHONE_NUMBER|||", "  ", "[unused0]", "<a>)"] {
            assert!(untouched_by_nfc(content), "{content:?}");
        }
        // U+212A becomes K, `>` and U+0338 become U+226F, and so on.
        for content in ["K)", "a;b)", "`)", "<x>", "=", "a", "é)"] {
            assert!(!untouched_by_nfc(content), "{content:?}");
        }
        let made: String = ('\u{80}'..=char::MAX).filter(|&c| c.nfc().next().is_some_and(|c| c.is_ascii())).collect();
        assert!(made.nfc().all(|c| ['K', '`', ';'].contains(&c)), "{made:?}");
        for last in (0..0x80u8).map(char::from).filter(|last| untouched_by_nfc(&last.to_string())) {
            let mut next = '\u{80}'..=char::MAX;
            assert!(next.all(|c| [last, c].iter().collect::<String>().nfc().next() == Some(last)), "{last:?}");
        }
    }

    proptest! {
        #[test]
        fn overlaps_are_found(late in "[ab]{1,4}", early in prop::collection::vec("[ab]{1,4}", 0..4)) {
            let begins = |other: &&String| {
                (0..late.len()).map(|at| (at, &late[at..])).any(|(at, rest)| {
                    (at > 0 && other.starts_with(rest)) || rest.starts_with(other.as_str())
                })
            };
            let found = overlap([late.as_str()].into_iter(), early.iter().map(String::as_str)).unwrap();
            prop_assert_eq!(found.is_some(), early.iter().any(|other| begins(&other)));
        }
    }
}
