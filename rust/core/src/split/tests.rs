//! The schemes against their own regexes, run by `fancy-regex`.

use proptest::prelude::*;

use super::*;
use crate::unicode::Class;

/// A scheme of the table in three forms: its definition, its masks on each instruction set, and its regex.
struct Judged {
    scheme: Scheme,
    masks: Vec<(&'static str, Splitter)>,
    regex: CompiledPattern,
}

fn judged(name: &str) -> Judged {
    let scheme = Scheme::named(name).unwrap();
    let masks = |isa: Isa| (isa.name(), Splitter::with_isa(scheme.clone(), isa).unwrap());
    Judged {
        masks: Isa::available().into_iter().map(masks).collect(),
        regex: CompiledPattern::new(scheme.pattern()).unwrap(),
        scheme,
    }
}

fn pieces<'t>(run: impl FnOnce(&mut dyn FnMut(&'t [u8])) -> Result<()>) -> Vec<&'t [u8]> {
    let mut pieces = Vec::new();
    run(&mut |piece| pieces.push(piece)).unwrap();
    pieces
}

impl Judged {
    /// The scan equals the regex.
    fn check_scan(&self, text: &str) {
        let expected = pieces(|sink| {
            self.regex.for_each_piece(&Stop::never(), text.as_bytes(), |piece| {
                sink(piece);
                Ok(())
            })
        });
        assert_eq!(scan(&self.scheme, text.as_bytes()).unwrap(), expected, "{:?} on {text:?}", self.regex);
    }

    /// The masks equal the scan.
    fn check_masks(&self, text: &[u8]) {
        let expected = scan(&self.scheme, text).unwrap();
        for (isa, splitter) in &self.masks {
            let ours = pieces(|sink| splitter.for_each_piece(text, sink));
            let scheme = splitter.scheme().name();
            assert!(
                ours == expected,
                "{scheme:?} on {isa}: {:?}\n{}\n{}",
                text.escape_ascii(),
                show(&ours),
                show(&expected)
            );
        }
    }
}

fn show(pieces: &[&[u8]]) -> String {
    pieces.iter().map(|piece| format!("{:?}", String::from_utf8_lossy(piece))).collect::<Vec<_>>().join("|")
}

/// A few characters of each class, and all that a scheme names.
const ALPHABET: [&str; 38] = [
    "a", "s", "t", "r", "e", "v", "m", "l", "d", "S", "L", "E", "ſ", "é", "Ω", "ǅ", "ж", "ª", "字", "ʰ", "\u{301}",
    "1", "²", "٣", " ", "\t", "\u{a0}", "\u{2003}", "\n", "\r", "'", "’", "/", "!", "-", "€", "🙂", "\0",
];

#[test]
fn every_scalar_in_every_neighbourhood() {
    for name in Scheme::names() {
        let judged = judged(name);
        for scalar in (0..=0x10_FFFF).filter_map(char::from_u32) {
            // Unassigned planes and most of the ideographs behave alike.
            if scalar > '\u{3100}' && u32::from(scalar) % 97 != 0 && Class::of(u32::from(scalar)) == Class::Caseless
                || scalar > '\u{20000}' && u32::from(scalar) % 997 != 0
            {
                continue;
            }
            let text = format!("{scalar}a {scalar}B{scalar}'s{scalar}1!{scalar}\n{scalar}  {scalar}{scalar}");
            judged.check_scan(&text);
            judged.check_masks(text.as_bytes());
        }
    }
}

#[test]
fn all_strings_of_three_and_pairs_of_pairs() {
    for name in Scheme::names() {
        let judged = judged(name);
        let check = |text: String| {
            judged.check_scan(&text);
            judged.check_masks(text.as_bytes());
        };
        for a in ALPHABET {
            for b in ALPHABET {
                for c in ALPHABET {
                    check([a, b, c].concat());
                }
                check([a, a, b, b].concat());
                check(["word", a, b, "word"].concat());
                check(["WordRule", a, b, " "].concat());
            }
        }
    }
}

#[test]
fn every_neighbourhood_at_every_offset() {
    // The masks look at a few characters at a time. Here these cross the end of a block in every way.
    for name in Scheme::names() {
        let judged = judged(name);
        for (i, a) in ALPHABET.iter().enumerate() {
            for (j, b) in ALPHABET.iter().enumerate() {
                let c = ALPHABET[(i * 7 + j * 3) % ALPHABET.len()];
                let d = ALPHABET[(i * 5 + j * 11) % ALPHABET.len()];
                for offset in (52..66).chain([2036 + (i + j) % 14]) {
                    judged.check_masks([&"x".repeat(offset), *a, *b, c, d, " z"].concat().as_bytes());
                    judged.check_masks([&" x".repeat(offset / 2), *a, *a, *b, c, c, d].concat().as_bytes());
                }
            }
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    let letters = prop::sample::select(ALPHABET.to_vec()).prop_map(str::to_string);
    let runs = (prop::sample::select(ALPHABET.to_vec()), 1..40usize).prop_map(|(letter, n)| letter.repeat(n));
    let word = prop::sample::select(vec![
        "l'école",
        "don't",
        "dell’arte",
        "ta' Malta",
        " HTTPServer",
        "Straße",
        "'ll",
        "  \n ",
    ]);
    let any = any::<char>().prop_map(String::from);
    let part = prop_oneof![8 => letters, 1 => runs, 2 => word.prop_map(str::to_string), 1 => any];
    prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn scan_equals_the_regex(text in text()) {
        for name in Scheme::names() {
            judged(name).check_scan(&text);
        }
    }

    #[test]
    fn masks_equal_the_scan(text in text(), times in 1..80usize, cut in 0..100usize) {
        let text = text.repeat(times);
        for name in Scheme::names() {
            let judged = judged(name);
            judged.check_masks(text.as_bytes());
            judged.check_masks(&text.as_bytes()[cut.min(text.len())..]);
        }
    }

    #[test]
    fn masks_equal_the_scan_on_any_bytes(parts in prop::collection::vec((text(), prop::collection::vec(any::<u8>(), 0..4)), 0..12)) {
        let bytes: Vec<u8> = parts.into_iter().flat_map(|(text, bytes)| [text.into_bytes(), bytes]).flatten().collect();
        for name in Scheme::names() {
            judged(name).check_masks(&bytes);
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
            let splitter = Splitter::new(Scheme::named(name).unwrap()).unwrap();
            let Some(boundary) = splitter.next_boundary(text.as_bytes(), from) else { continue };
            prop_assert!(boundary >= from);
            // The text changes before the character before the boundary, and behind the lookahead.
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
        splitter
            .for_each_piece(str::as_bytes(text), |piece| pieces.push(String::from_utf8_lossy(piece).into_owned()))
            .unwrap();
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
