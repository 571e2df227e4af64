//! The encoder against BPE as it is defined, under both rules, and on vocabularies that no trainer would make.

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;
use crate::bpe::effective::effective;
use crate::decode::TokenDecoder;
use crate::faults::{PLENTY, starting};
use crate::split::Scheme;
use crate::testing::bpe::text_ids;
use crate::vocab::{Special, Tokens};

/// Vocabularies over a tiny alphabet. The tokens stand in any order and need not be reachable; a list names any pairs
/// that make a token.
fn vocab() -> impl Strategy<Value = Vocab> {
    vocab_of(prop::collection::vec(prop::sample::select(b"abc \xC3\xA9".to_vec()), 2..6))
}

/// Vocabularies of parts of texts whose characters have three bytes, some of which share two of them, and of other
/// characters. A token may begin and end within a character.
fn wide_vocab() -> impl Strategy<Value = Vocab> {
    let part = |(text, from, length): (String, usize, usize)| {
        let from = from.min(text.len() - 2);
        text.as_bytes()[from..text.len().min(from + length)].to_vec()
    };
    vocab_of(("[一丁中仁文不ก。éa😂]{2,4}", 0..4usize, 2..9usize).prop_map(part))
}

/// Vocabularies of the given tokens.
fn vocab_of(token: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vocab> {
    let parts = (prop::collection::vec(token, 0..30), any::<bool>(), any::<bool>(), any::<u64>());
    parts.prop_map(|(new, ranks, ignore_merges, seed)| {
        let mut tokens = Tokens::of_bytes();
        for token in &new {
            tokens.try_push(token).ok();
        }
        let merges = if ranks {
            Merges::Ranks
        } else {
            let mut pairs = Vec::new();
            for (id, token) in tokens.iter() {
                for cut in 1..token.len() {
                    let (left, right) = (tokens.id(&token[..cut]), tokens.id(&token[cut..]));
                    if let (Some(left), Some(right)) = (left, right) {
                        pairs.push(((u64::from(id) + cut as u64).wrapping_mul(seed | 1), (left, right)));
                    }
                }
            }
            pairs.sort_unstable();
            Merges::List { pairs: pairs.into_iter().map(|(_, pair)| pair).collect(), ignore_merges }
        };
        let scheme = Scheme::named("gpt2").unwrap();
        Vocab::new("random", tokens, merges, vec![], scheme, NormalForm::None).unwrap()
    })
}

proptest! {
    #[test]
    fn encoding_is_bpe(vocab in vocab(), texts in prop::collection::vec("[abcé ]{0,300}", 1..8)) {
        let encoder = Encoder::new(vocab).unwrap();
        let decoder = TokenDecoder::new(encoder.vocab(), encoder.isa()).unwrap();
        for text in texts.iter().chain(&texts) {
            let ids = encoder.encode(text, Specials::Text).unwrap();
            prop_assert_eq!(&ids, &text_ids(encoder.vocab(), text));
            prop_assert_eq!(encoder.count(text, Specials::Text).unwrap(), ids.len());
            prop_assert_eq!(decoder.decode(encoder.vocab(), &ids, true).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn encoding_is_bpe_where_pieces_part(vocab in wide_vocab(), texts in prop::collection::vec("[一丁中仁文不ก。éa😂 ]{0,60}", 1..4)) {
        let encoder = Encoder::new(vocab).unwrap();
        for text in texts.iter().chain(&texts) {
            prop_assert_eq!(encoder.encode(text, Specials::Text).unwrap(), text_ids(encoder.vocab(), text), "{}", text);
        }
    }

    #[test]
    fn effective_merges_are_the_vocabulary(vocab in vocab(), text in "[abcé ]{0,80}") {
        let pairs = effective(&vocab).unwrap().iter().map(|merge| (merge.left, merge.right)).collect();
        let ignore_merges = match vocab.merges {
            Merges::Ranks => true,
            Merges::List { ignore_merges, .. } => ignore_merges,
        };
        let mut listed = vocab.clone();
        listed.merges = Merges::List { pairs, ignore_merges };
        let (original, listed) = (Encoder::new(vocab).unwrap(), Encoder::new(listed).unwrap());
        prop_assert_eq!(original.encode(&text, Specials::Text).unwrap(), listed.encode(&text, Specials::Text).unwrap());
    }

    #[test]
    fn spans_cover_the_text(vocab in vocab(), text in "[abcé e\u{301}<x>]{0,60}", nfc in any::<bool>()) {
        let mut vocab = vocab;
        vocab.specials = vec![Special { content: "<x>".into(), id: 5000, special: true }];
        vocab.normalizer = if nfc { NormalForm::Nfc } else { NormalForm::None };
        let encoder = Encoder::new(vocab).unwrap();
        let (ids, spans) = encoder.encode_with_offsets(&text, Specials::Parse).unwrap();
        prop_assert_eq!(&ids, &encoder.encode(&text, Specials::Parse).unwrap());
        let mut reached = 0;
        // NFC joins a letter and its mark to the letter's span alone, as `tokenizers` does: the mark has no token.
        for &(start, end) in &spans {
            prop_assert!((nfc || start <= reached) && reached <= end && start < end, "{spans:?}");
            reached = end;
        }
        let characters = text.chars().count() as i64;
        prop_assert!(reached == characters || nfc && reached < characters, "{spans:?}");
    }
}

/// A vocabulary with a few merges of letters, by ranks.
pub(super) fn sample() -> Vocab {
    let mut tokens = Tokens::of_bytes();
    for token in ["aa", "aaaa", " a", "ab", " ab", "^^", "  ", "字", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
        tokens.push(token.as_bytes()).unwrap();
    }
    let special = |content: &str, id, special| Special { content: content.into(), id, special };
    let specials = vec![special("<|end|>", 300, true), special("<|end|>x", 301, true), special("<added>", 302, false)];
    Vocab::new("sample", tokens, Merges::Ranks, specials, Scheme::named("o200k").unwrap(), NormalForm::None).unwrap()
}

#[test]
fn as_many_ids_as_no_cache_holds_are_as_few() {
    let vocab =
        Vocab::new("test", Tokens::of_bytes(), Merges::Ranks, vec![], Scheme::named("gpt2").unwrap(), NormalForm::None);
    let encoder = Encoder::new(vocab.unwrap()).unwrap();
    let texts: Vec<String> = (0..MANY / 1000).map(|number| format!(" {number}").repeat(200 + number % 300)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    assert!(texts.iter().map(|text| text.len()).sum::<usize>() > MANY);
    for threads in [1, 2] {
        let batch = encoder.encode_batch(&texts, Specials::Text, Some(threads)).unwrap();
        for (number, text) in texts.iter().enumerate() {
            assert!(batch.get(number).iter().copied().eq(text.bytes().map(u32::from)), "{text}");
        }
    }
}

#[test]
fn a_batch_is_its_texts_one_by_one() {
    let encoder = Encoder::new(sample()).unwrap();
    let long = "Les élèves d'aujourd'hui ab aaab\n".repeat(60_000);
    let solid = "a".repeat(1_200_000);
    let texts = ["", "ab ab", &long, "", "x<added>y", &solid, "<|end|>", &long[..700_000], ""];
    let expected: Vec<_> = texts.iter().map(|text| encoder.encode(text, Specials::Text).unwrap()).collect();
    for (threads, most) in [(1, PLENTY), (2, PLENTY), (8, PLENTY), (10_000, PLENTY), (8, 1), (8, 0)] {
        let encode = || encoder.encode_batch(&texts, Specials::Text, Some(threads)).unwrap();
        let batch = starting(most, encode);
        assert_eq!(batch.len(), texts.len());
        for (place, ids) in expected.iter().enumerate() {
            assert!(batch.get(place) == ids, "text {place} at {threads} threads, {most} to be had");
        }
        let counts = starting(most, || encoder.count_batch(&texts, Specials::Text, Some(threads)).unwrap());
        assert_eq!(counts, expected.iter().map(|ids| ids.len() as i64).collect::<Vec<_>>());
    }
    assert!(encoder.encode_batch::<&str>(&[], Specials::Text, None).unwrap().is_empty());
}

proptest! {
    #[test]
    fn texts_that_share_groups_do_not_touch_each_other(
        texts in prop::collection::vec("([abcé ]{0,40}|<x>|e\u{301}|[a-z]{0,200}| ?[a-c]{17,40}){0,4}", 0..60),
        (copies, nfc, parse, vocab) in (1..40usize, any::<bool>(), any::<bool>(), vocab()),
    ) {
        let mut vocab = vocab;
        vocab.specials = vec![Special { content: "<x>".into(), id: 5000, special: true }];
        vocab.normalizer = if nfc { NormalForm::Nfc } else { NormalForm::None };
        let specials = if parse { Specials::Parse } else { Specials::Text };
        let encoder = Encoder::new(vocab.clone()).unwrap();
        let expected: Vec<Vec<u32>> = texts.iter().map(|text| encoder.encode(text, specials).unwrap()).collect();
        let fresh = Encoder::new(vocab).unwrap();
        let many: Vec<&str> = texts.iter().map(String::as_str).cycle().take(texts.len() * copies).collect();
        for _ in 0..2 {
            let batch = fresh.encode_batch(&many, specials, Some(1)).unwrap();
            prop_assert_eq!(batch.len(), many.len());
            for place in 0..many.len() {
                prop_assert_eq!(batch.get(place), &expected[place % texts.len()], "text {}", place);
            }
        }
    }
}

#[test]
fn a_text_that_a_regex_gives_up_on_leaves_nothing_behind() {
    let mut vocab = sample();
    vocab.scheme = Scheme::from_pattern(r"(a|b|ab)*(?=c)|\w");
    let encoder = Encoder::new(vocab).unwrap();
    let wrong = "ab".repeat(60);
    let expected = encoder.encode("ab", Specials::Text).unwrap();
    for threads in [1, 2] {
        let texts = ["ab", &wrong, "ab"];
        assert!(encoder.encode_batch(&texts, Specials::Text, Some(threads)).is_err());
        assert!(encoder.count_batch(&texts, Specials::Text, Some(threads)).is_err());
        assert_eq!(
            encoder.encode_batch(&["ab", "ab"], Specials::Text, Some(1)).unwrap().ids,
            [&expected[..], &expected].concat()
        );
        assert_eq!(encoder.encode("ab", Specials::Text).unwrap(), expected);
    }
}

#[test]
fn added_tokens_are_found_leftmost_longest_and_special_ones_on_request() {
    let encoder = Encoder::new(sample()).unwrap();
    assert_eq!(encoder.encode("<|end|>x<|end|>", Specials::Parse).unwrap(), [301, 300]);
    assert_eq!(encoder.encode("<added>", Specials::Text).unwrap(), [302]);
    assert!(encoder.encode("<|end|>", Specials::Text).unwrap().iter().all(|&id| id < 256));
    let decoder = TokenDecoder::new(encoder.vocab(), encoder.isa()).unwrap();
    assert_eq!(decoder.decode(encoder.vocab(), &[300, 97, 302], false).unwrap(), b"a<added>");
    let error = decoder.decode(encoder.vocab(), &[97, 299], true).unwrap_err();
    assert!(error.to_string().contains("299 at position 1"), "{error}");
}

#[test]
fn long_pieces_take_the_same_way_as_short_ones() {
    let encoder = Encoder::new(sample()).unwrap();
    for unit in ["a", " ", "^", "字", "ab"] {
        for repeat in [1, 15, 16, 31, 32, 33, 95, 96, 97, 98, 500] {
            let text = unit.repeat(repeat);
            assert_eq!(
                encoder.encode(&text, Specials::Text).unwrap(),
                text_ids(encoder.vocab(), &text),
                "{repeat} {unit:?}"
            );
        }
    }
}

#[test]
fn a_text_of_code_points_is_what_it_is_as_utf8() {
    let encoder = Encoder::new(sample()).unwrap();
    // Code points of one, two and four bytes, in a short and in a large text.
    for (text, times) in [("Élève ab aaab\n", 1), ("Őszi ab Ω字 x<added>y\n", 3), ("🦉 ab Ω\n", 7)]
        .into_iter()
        .flat_map(|(text, times)| [(text, times), (text, 60_000)])
    {
        let text = text.repeat(times);
        let points: Vec<u32> = text.chars().map(u32::from).collect();
        let pairs: Option<Vec<u16>> = points.iter().map(|&point| point.try_into().ok()).collect();
        let bytes: Option<Vec<u8>> = points.iter().map(|&point| point.try_into().ok()).collect();
        let widths = [Some(Text::Four(&points)), pairs.as_deref().map(Text::Two), bytes.as_deref().map(Text::One)];
        let expected = encoder.encode(&text, Specials::Text).unwrap();
        for given in widths.into_iter().flatten() {
            assert_eq!(encoder.encode(given, Specials::Text).unwrap(), expected);
            assert_eq!(encoder.count(given, Specials::Text).unwrap(), expected.len());
            for threads in [1, 2] {
                let batch =
                    encoder.encode_batch(&[given, Text::Utf8("ab"), given], Specials::Text, Some(threads)).unwrap();
                assert!(batch.get(0) == expected && batch.get(2) == expected, "{times} times on {threads} threads");
            }
        }
    }
}

#[test]
fn the_first_text_with_a_lone_surrogate_is_named_whoever_meets_it() {
    let encoder = Encoder::new(sample()).unwrap();
    let (fine, mut wrong) = (vec![0x61u16; 100_000], vec![0x61u16; 100_000]);
    wrong[70_000] = 0xD800;
    let large = [&wrong[..], &fine].concat();
    for (first, others) in [(&wrong, &large), (&large, &wrong)] {
        let mut texts = vec![Text::Two(&fine); 60];
        texts[30] = Text::Two(first);
        texts[31..].fill(Text::Two(others));
        for threads in [1, 2, 8] {
            let error = encoder.encode_batch(&texts, Specials::Text, Some(threads)).unwrap_err();
            assert_eq!(error.to_string(), "text 30: a lone surrogate at character 70000");
            assert!(encoder.count_batch(&texts, Specials::Text, Some(threads)).is_err());
            assert_eq!(encoder.encode_batch(&texts[..30], Specials::Text, Some(threads)).unwrap().len(), 30);
        }
    }
}

#[test]
fn a_pattern_that_gives_up_names_the_text() {
    let mut vocab = sample();
    vocab.scheme = Scheme::from_pattern("(?:(?!b)(?:a|aa)){1,30}c|a");
    let encoder = Encoder::new(vocab).unwrap();
    let bad = "a".repeat(4000);
    assert!(encoder.encode(&bad, Specials::Text).is_err());
    for place in [0, 3] {
        let mut texts = vec!["fine"; 5];
        texts[place] = &bad;
        let error = encoder.encode_batch(&texts, Specials::Text, Some(2)).unwrap_err().to_string();
        assert!(error.ends_with(&format!(", in text {place}")), "{error}");
    }
}

#[test]
fn whatever_is_long_stops_when_it_is_told_to_and_the_next_call_is_right() {
    let encoder = Encoder::new(sample()).unwrap();
    // A piece without a boundary, one that is not UTF-8 yet, and many pieces.
    let (piece, wide, words) = ("ab".repeat(1 << 18), vec![0x3B1_u16; 1 << 19], "ab ".repeat(1 << 17));
    let texts = [Text::from(&piece), Text::Two(&wide), Text::from(&words)];
    let expected = encoder.encode_batch(&texts, Specials::Text, Some(1)).unwrap();
    for (place, &text) in texts.iter().enumerate() {
        // At once, and in the midst of it.
        for after in [0, 3] {
            let stop = || {
                let asked = AtomicUsize::new(0);
                Stop::when(move || asked.fetch_add(1, Ordering::Relaxed) == after)
            };
            let stopped = encoder.encode_unless(&stop(), text, Specials::Text);
            assert!(matches!(stopped, Err(Error::Interrupted)), "text {place} after {after}");
            assert!(encoder.count_unless(&stop(), text, Specials::Text).is_err());
            let fresh = Encoder::new(sample()).unwrap();
            assert_eq!(
                encoder.encode("ab ab", Specials::Text).unwrap(),
                fresh.encode("ab ab", Specials::Text).unwrap()
            );
            assert_eq!(encoder.encode(text, Specials::Text).unwrap(), expected.get(place));
        }
    }
}
