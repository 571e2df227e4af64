//! Unicode normalization form C, as `tokenizers` applies it.
//!
//! `tokenizers`, whose files ask for NFC, has the tables of Unicode 9. Later versions of Unicode gave combining classes
//! and compositions to characters that were unassigned then, and changed no others. In Unicode 9 a [`LATER`] character
//! combines with nothing. So the present tables give the same result if the text is cut on both sides of each of them.

use std::iter::{from_fn, once};

use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc, is_nfc_quick};

use crate::error::Result;
use crate::stop::Stop;

/// Bytes of a part of a text, at least. Normalization asks between two parts whether to stop.
const PART: usize = if cfg!(test) { 6 } else { 1 << 16 };

/// Ranges of the characters that normalization treats specially now, but did not in Unicode 9.
#[rustfmt::skip]
static LATER: [(char, char); 71] = [
    ('\u{5c8}', '\u{5c9}'), ('\u{7fd}', '\u{7fd}'), ('\u{897}', '\u{89f}'), ('\u{8ca}', '\u{8d3}'),
    ('\u{9fe}', '\u{9fe}'), ('\u{c3c}', '\u{c3c}'), ('\u{d3b}', '\u{d3c}'), ('\u{eba}', '\u{eba}'),
    ('\u{1715}', '\u{1715}'), ('\u{1abf}', '\u{1af0}'), ('\u{1df6}', '\u{1dfa}'), ('\u{a82c}', '\u{a82c}'),
    ('\u{105c9}', '\u{105c9}'), ('\u{105d2}', '\u{105d2}'), ('\u{105da}', '\u{105da}'), ('\u{105e4}', '\u{105e4}'),
    ('\u{10d24}', '\u{10d27}'), ('\u{10d69}', '\u{10d6d}'), ('\u{10eab}', '\u{10eac}'), ('\u{10ecb}', '\u{10ecf}'),
    ('\u{10ef0}', '\u{10efb}'), ('\u{10efd}', '\u{10eff}'), ('\u{10f46}', '\u{10f50}'), ('\u{10f82}', '\u{10f85}'),
    ('\u{11070}', '\u{11070}'), ('\u{1133b}', '\u{1133b}'), ('\u{11382}', '\u{11385}'), ('\u{1138b}', '\u{1138b}'),
    ('\u{1138e}', '\u{1138e}'), ('\u{11390}', '\u{11391}'), ('\u{113b8}', '\u{113b8}'), ('\u{113bb}', '\u{113bb}'),
    ('\u{113c2}', '\u{113c2}'), ('\u{113c5}', '\u{113c5}'), ('\u{113c7}', '\u{113c9}'), ('\u{113ce}', '\u{113d0}'),
    ('\u{1145e}', '\u{1145e}'), ('\u{11839}', '\u{1183a}'), ('\u{11930}', '\u{11930}'), ('\u{11935}', '\u{11935}'),
    ('\u{11938}', '\u{11938}'), ('\u{1193d}', '\u{1193e}'), ('\u{11943}', '\u{11943}'), ('\u{119e0}', '\u{119e0}'),
    ('\u{11a34}', '\u{11a34}'), ('\u{11a47}', '\u{11a47}'), ('\u{11a99}', '\u{11a99}'), ('\u{11d42}', '\u{11d42}'),
    ('\u{11d44}', '\u{11d45}'), ('\u{11d97}', '\u{11d97}'), ('\u{11f41}', '\u{11f42}'), ('\u{1611e}', '\u{16129}'),
    ('\u{1612f}', '\u{1612f}'), ('\u{16d63}', '\u{16d63}'), ('\u{16d67}', '\u{16d6a}'), ('\u{16ff0}', '\u{16ff1}'),
    ('\u{1d127}', '\u{1d128}'), ('\u{1d250}', '\u{1d252}'), ('\u{1d25b}', '\u{1d25c}'), ('\u{1d25f}', '\u{1d25f}'),
    ('\u{1d280}', '\u{1d281}'), ('\u{1e08f}', '\u{1e08f}'), ('\u{1e130}', '\u{1e136}'), ('\u{1e2ae}', '\u{1e2ae}'),
    ('\u{1e2ec}', '\u{1e2ef}'), ('\u{1e4ec}', '\u{1e4ef}'), ('\u{1e5ee}', '\u{1e5ef}'), ('\u{1e6e3}', '\u{1e6e3}'),
    ('\u{1e6e6}', '\u{1e6e6}'), ('\u{1e6ee}', '\u{1e6ef}'), ('\u{1e6f5}', '\u{1e6f5}'),
];

fn is_later(character: char) -> bool {
    let place = LATER.partition_point(|&(_, last)| last < character);
    LATER.get(place).is_some_and(|&(first, _)| first <= character)
}

/// Parts of a text, one after the other. In every form, a normalized text is its normalized parts: each but the first begins with
/// a character that [begins anew](begins_anew).
pub(crate) fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    from_fn(move || {
        let (part, others) = rest.split_at(part_end(rest));
        rest = others;
        (!part.is_empty()).then_some(part)
    })
}

fn part_end(text: &str) -> usize {
    if text.len() <= PART {
        return text.len();
    }
    let from = (PART..).find(|&place| text.is_char_boundary(place)).unwrap_or(text.len());
    text[from..].char_indices().find(|&(_, own)| begins_anew(own)).map_or(text.len(), |(place, _)| from + place)
}

/// Whether no character before this one combines with it, or changes places with it, in any form.
fn begins_anew(character: char) -> bool {
    let starts = |first| canonical_combining_class(first) == 0 && is_nfc_quick(once(first)) == IsNormalized::Yes;
    character.is_ascii()
        || is_nfc_quick(once(character)) != IsNormalized::Maybe
            && once(character).nfd().next().is_some_and(starts)
            && once(character).nfkd().next().is_some_and(starts)
}

/// Whether the text is certainly in form C. (A text that is in form C by the present tables is so by those of Unicode
/// 9, and so is each part of it.)
///
/// # Errors
/// [`Error::Interrupted`](crate::Error::Interrupted).
#[inline(always)]
pub(super) fn is_normal(stop: &Stop, text: &str) -> Result<bool> {
    if text.len() <= PART { Ok(is_nfc(text)) } else { are_normal(stop, parts(text)) }
}

#[inline(never)]
fn are_normal<'t>(stop: &Stop, parts: impl Iterator<Item = &'t str>) -> Result<bool> {
    for part in parts {
        stop.check()?;
        if !is_nfc(part) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The text in form C.
///
/// # Errors
/// [`Error::Memory`](crate::Error::Memory), [`Error::Interrupted`](crate::Error::Interrupted).
pub(super) fn normalized(stop: &Stop, text: &str) -> Result<String> {
    let mut normal = String::new();
    for part in parts(text) {
        stop.check()?;
        normal.try_reserve(part.len())?;
        if is_nfc(part) {
            normal.push_str(part);
            continue;
        }
        let stretches = part.split_inclusive(is_later).flat_map(|stretch| {
            let before = stretch.trim_end_matches(is_later);
            before.nfc().chain(stretch[before.len()..].chars())
        });
        for character in stretches {
            normal.try_reserve(character.len_utf8())?;
            normal.push(character);
        }
    }
    Ok(normal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// NFC by the crate that `tokenizers` uses.
    fn theirs(text: &str) -> String {
        unicode_normalization_alignments::UnicodeNormalization::nfc(text).map(|(character, _)| character).collect()
    }

    fn ours(text: &str) -> String {
        let stop = Stop::never();
        if is_normal(&stop, text).unwrap() { text.to_string() } else { normalized(&stop, text).unwrap() }
    }

    #[test]
    fn every_character_is_normalized_as_tokenizers_does() {
        for character in '\0'..=char::MAX {
            // The character alone; between marks of the lowest and the highest class; before and behind a character
            // that composes.
            for text in [format!("{character}"), format!("a\u{345}{character}\u{334}"), format!("e{character}\u{301}")]
            {
                assert_eq!(ours(&text), theirs(&text), "{:x}", u32::from(character));
            }
        }
    }

    #[test]
    fn parts_of_later_compositions_stay_apart() {
        let decomposed = |character: char| UnicodeNormalization::nfd(std::iter::once(character)).collect::<String>();
        let later = ('\u{80}'..=char::MAX).map(decomposed).filter(|text| text.chars().any(is_later));
        let mut compared = 0;
        for text in later {
            assert_eq!(ours(&text), theirs(&text), "{}", text.escape_unicode());
            compared += 1;
        }
        assert!(compared >= 200, "{compared}");
    }

    proptest! {
        #[test]
        fn sequences_are_normalized_as_tokenizers_does(
            picks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..4), 0..12),
        ) {
            let marks = ['\u{300}', '\u{301}', '\u{323}', '\u{327}', '\u{345}', '\u{1161}', '\u{11a8}', '\u{93c}', '\u{344}'];
            let bases = ['a', 'e', '\u{e9}', '\u{1100}', '\u{ac00}', '\u{915}', '\u{212b}'];
            let text: String = picks
                .iter()
                .map(|(first, second, kind)| match kind {
                    0 => *first.get(&bases),
                    1 => *first.get(&marks),
                    _ => {
                        let (from, to) = *first.get(&LATER);
                        let span: Vec<char> = (from..=to).collect();
                        *second.get(&span)
                    }
                })
                .collect();
            prop_assert_eq!(ours(&text), theirs(&text), "{}", text.escape_unicode());
        }
    }
}
