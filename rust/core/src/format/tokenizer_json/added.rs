//! Added tokens as `tokenizers` looks for them: which of them are found by their content alone.

use super::AddedToken;
use crate::vocab::Normalizer;

/// Refuses added tokens that are recognised in another way than by their content in the text.
pub(super) fn check(added: &[AddedToken], normalizer: Normalizer) -> Result<(), String> {
    for token in added {
        let content = &token.content;
        if token.lstrip || token.rstrip || token.single_word {
            return Err(format!("the added token {content:?} with lstrip, rstrip or single_word"));
        }
        if token.normalized && normalizer == Normalizer::Nfc && !untouched_by_nfc(content) {
            return Err(format!("the added token {content:?}, which is looked for in the normalized text"));
        }
    }
    let by_flag = |normalized| {
        added.iter().filter(move |token| token.normalized == normalized).map(|token| token.content.as_str())
    };
    match overlap(by_flag(true), by_flag(false)) {
        Some((late, early)) => Err(format!(
            "the added tokens {late:?} and {early:?}, which may overlap, but only one of which is normalized"
        )),
        None => Ok(()),
    }
}

/// Whether normalizing a text to NFC neither makes nor destroys an occurrence of `content` in it: no other character
/// becomes one of its characters, and its last does not combine with what follows.
fn untouched_by_nfc(content: &str) -> bool {
    content.is_ascii()
        && !content.contains(['K', '`', ';'])
        && !content.ends_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '<' | '=' | '>'))
}

/// A token of `late` that may begin before and overlap one of `early` in a text. `tokenizers` would take the second,
/// which it looks for first, where a search for all of them takes the first.
fn overlap<'t>(
    late: impl Iterator<Item = &'t str>,
    early: impl Iterator<Item = &'t str>,
) -> Option<(&'t str, &'t str)> {
    let mut early: Vec<&str> = early.collect();
    early.sort_unstable();
    for token in late {
        for (start, _) in token.char_indices() {
            let rest = &token[start..];
            // Of the tokens in order, those that `rest` begins follow it.
            let place = early.partition_point(|other| *other < rest);
            let longer = early.get(place).filter(|other| start > 0 && other.starts_with(rest));
            let mut ends = rest.char_indices().map(|(at, c)| at + c.len_utf8());
            let shorter = || ends.find_map(|end| early.binary_search(&&rest[..end]).ok().map(|at| &early[at]));
            if let Some(other) = longer.or_else(shorter) {
                return Some((token, other));
            }
        }
    }
    None
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
            let found = overlap([late.as_str()].into_iter(), early.iter().map(String::as_str));
            prop_assert_eq!(found.is_some(), early.iter().any(|other| begins(&other)));
        }
    }
}
