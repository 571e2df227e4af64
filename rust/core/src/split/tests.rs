//! The schemes against their own regexes, run by `fancy-regex`.

use proptest::prelude::*;

use super::*;
use crate::unicode::Class;

/// A scheme of the table and its regex as an oracle.
fn both(name: &str) -> (Splitter, Pattern) {
    let scheme = Scheme::named(name).unwrap();
    let oracle = Pattern::new(scheme.pattern()).unwrap();
    (Splitter::new(scheme).unwrap(), oracle)
}

fn pieces<'t>(run: impl FnOnce(&mut dyn FnMut(&'t [u8])) -> Result<()>) -> Vec<&'t [u8]> {
    let mut pieces = Vec::new();
    run(&mut |piece| pieces.push(piece)).unwrap();
    pieces
}

fn check((splitter, oracle): &(Splitter, Pattern), text: &str) {
    let ours = pieces(|sink| splitter.for_each_piece(text.as_bytes(), sink));
    let expected = pieces(|sink| oracle.for_each_piece(text.as_bytes(), sink));
    assert_eq!(ours, expected, "{:?} on {text:?}", splitter.scheme().name());
}

/// A few characters of each class, and all that a scheme names.
const ALPHABET: [&str; 38] = [
    "a", "s", "t", "r", "e", "v", "m", "l", "d", "S", "L", "E", "ſ", "é", "Ω", "ǅ", "ж", "ª", "字", "ʰ", "\u{301}", "1", "²",
    "٣", " ", "\t", "\u{a0}", "\u{2003}", "\n", "\r", "'", "’", "/", "!", "-", "€", "🙂", "\0",
];

#[test]
fn every_scalar_in_every_neighbourhood() {
    for name in Scheme::names() {
        let both = both(name);
        for scalar in (0..=0x10_FFFF).filter_map(char::from_u32) {
            // Unassigned planes and most of the ideographs behave alike.
            if scalar > '\u{3100}' && u32::from(scalar) % 97 != 0 && Class::of(u32::from(scalar)) == Class::Caseless
                || scalar > '\u{20000}' && u32::from(scalar) % 997 != 0
            {
                continue;
            }
            check(&both, &format!("{scalar}a {scalar}B{scalar}'s{scalar}1!{scalar}\n{scalar}  {scalar}{scalar}"));
        }
    }
}

#[test]
fn all_strings_of_three_and_pairs_of_pairs() {
    for name in Scheme::names() {
        let both = both(name);
        for a in ALPHABET {
            for b in ALPHABET {
                for c in ALPHABET {
                    check(&both, &[a, b, c].concat());
                }
                check(&both, &[a, a, b, b].concat());
                check(&both, &["word", a, b, "word"].concat());
                check(&both, &["Word", a, b, " "].concat());
            }
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    let letters = prop::sample::select(ALPHABET.to_vec()).prop_map(str::to_string);
    let runs = (prop::sample::select(ALPHABET.to_vec()), 1..40usize).prop_map(|(letter, n)| letter.repeat(n));
    let word = prop::sample::select(vec!["l'école", "don't", "dell’arte", "ta' Malta", " HTTPServer", "Straße", "'ll", "  \n "]);
    let any = any::<char>().prop_map(String::from);
    let part = prop_oneof![8 => letters, 1 => runs, 2 => word.prop_map(str::to_string), 1 => any];
    prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn scan_equals_the_regex(text in text()) {
        for name in Scheme::names() {
            check(&both(name), &text);
        }
    }

    #[test]
    fn pieces_concatenate_to_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for scheme in Scheme::names().filter_map(Scheme::named).chain([Scheme::from_pattern(r"\w+")]) {
            let splitter = Splitter::new(scheme).unwrap();
            let pieces = pieces(|sink| splitter.for_each_piece(&bytes, sink));
            prop_assert!(pieces.iter().all(|piece| !piece.is_empty()));
            prop_assert_eq!(pieces.concat(), bytes.clone());
        }
    }

    #[test]
    fn a_boundary_is_one_whatever_stands_around(text in text(), more in text(), from in 0..200usize) {
        for name in Scheme::names() {
            let (splitter, _) = both(name);
            let Some(boundary) = splitter.next_boundary(text.as_bytes(), from) else { continue };
            prop_assert!(boundary >= from);
            // Other text before the character before it, and after the lookahead.
            let kept = text.floor_char_boundary(boundary + LOOKAHEAD);
            let changed = format!("{more}{}{more}", &text[boundary - 1..kept]);
            let at = more.len() + 1;
            let mut end = 0;
            let mut seen = false;
            for piece in pieces(|sink| splitter.for_each_piece(changed.as_bytes(), sink)) {
                end += piece.len();
                seen |= end == at;
            }
            prop_assert!(seen, "{name}: no boundary at {at} of {changed:?}");
        }
    }
}

#[test]
fn europe_keeps_what_belongs_together() {
    let splitter = Splitter::new(Scheme::named("europe").unwrap()).unwrap();
    let split = |text| {
        let mut pieces = Vec::new();
        splitter.for_each_piece(str::as_bytes(text), |piece| pieces.push(String::from_utf8_lossy(piece).into_owned())).unwrap();
        pieces.join("|")
    };
    assert_eq!(split("l'école d’été qu'il"), "l'|école| d’|été| qu'|il");
    assert_eq!(split("dell'arte, un po' di"), "dell'|arte|,| un| po'| di");
    assert_eq!(split("ta' Malta u f'Għawdex"), "ta'| Malta| u| f'|Għawdex");
    assert_eq!(split("don't we’re JOHN'S"), "don't| we’re| JOHN'S");
    assert_eq!(split("f('x', 'name')"), "f|('|x|',| '|name|')");
    assert_eq!(split("e\u{301}te\u{301}"), "e\u{301}te\u{301}");
    assert_eq!(split(&"=".repeat(40)), ["=".repeat(16), "=".repeat(16), "=".repeat(8)].join("|"));
}

#[test]
fn a_users_regex_that_does_not_compile_is_an_error() {
    let error = Splitter::new(Scheme::from_pattern("(")).unwrap_err();
    assert!(matches!(error, Error::Pattern { .. }), "{error}");
}
