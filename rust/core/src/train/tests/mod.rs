mod fairness;
mod parity;

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::Error;
use crate::count;
use crate::faults::{PLENTY, starting};
use crate::split::Scheme;
use crate::testing::trainer;
use crate::vocab::{Carried, Special, Tokens};

/// Counts of pieces between spaces: the scheme has no other rules, so that any piece is possible.
fn counts(languages: &[(&str, &[(String, u64)])]) -> Counts {
    let mut counts = Counts::new(Scheme::from_pattern(r"\S+|\s"));
    for (language, pieces) in languages {
        for (piece, count) in *pieces {
            let text = vec![piece.as_str(); *count as usize];
            let options = count::CountOptions { threads: Some(1), ..count::CountOptions::default() };
            counts.add_texts(language, &text, options, || ControlFlow::Continue(())).unwrap();
        }
    }
    counts
}

fn unhurried(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn pairs(vocab: &Vocab) -> &[(u32, u32)] {
    match &vocab.merges {
        Merges::List { pairs, ignore_merges: false } => pairs,
        other => panic!("{other:?}"),
    }
}

/// Threads, a floor, a limit of memory.
type Way = (usize, Option<u64>, Option<usize>);

/// Compares with the naive trainer.
fn check(pieces: &[(String, u64)], options: &TrainOptions, ways: &[Way]) -> Result<(), TestCaseError> {
    let counts = counts(&[("und", pieces)]);
    let (lexicon, specials) = Lexicon::new(&options.special_tokens, options.vocab_size).unwrap();
    let mut tokens: Vec<Vec<u8>> =
        (0..lexicon.len() as u32).map(|id| lexicon.tokens().unwrap().get(id).to_vec()).collect();
    for special in specials {
        tokens[special.id as usize] = special.content.into_bytes();
    }
    let byte_id = |byte: u8| tokens.iter().position(|token| *token == [byte]).unwrap() as u32;
    let mut unique = BTreeMap::new();
    for (piece, count) in pieces {
        *unique.entry(piece).or_insert(0) += *count;
    }
    let words: Vec<trainer::Piece> =
        unique.into_iter().map(|(piece, count)| (piece.bytes().map(byte_id).collect(), 0, count)).collect();
    let columns = trainer::Columns { number: 1, first: vec![1], policy: None };
    let longest = options.max_token_length.unwrap_or(usize::MAX);
    let (merges, tokens) = trainer::train(&words, &columns, tokens, options.vocab_size, options.min_frequency, longest);
    for (&(threads, floor, memory), most) in ways.iter().flat_map(|way| [(way, PLENTY), (way, 1), (way, 0)]) {
        let options = TrainOptions { threads: Some(threads), memory, ..options.clone() };
        let train = || train_above(floor, &counts, &options, &mut unhurried).unwrap();
        let trained = starting(most, train);
        let way = format!("{threads} threads, {most} to be had, floor {floor:?}, memory {memory:?}");
        prop_assert_eq!(pairs(&trained.vocab), merges.as_slice(), "{}", way);
        prop_assert_eq!(trained.vocab.size(), tokens.len());
        prop_assert_eq!(trained.complete, tokens.len() == options.vocab_size);
        for (id, token) in tokens.iter().enumerate() {
            prop_assert_eq!(trained.vocab.token(id as u32).unwrap(), token.as_slice());
        }
    }
    Ok(())
}

fn pieces(alphabet: &'static str, length: usize) -> impl Strategy<Value = Vec<(String, u64)>> {
    let piece = proptest::string::string_regex(&format!("[{alphabet}]{{1,{length}}}")).unwrap();
    proptest::collection::vec((piece, 1..6_u64), 1..40)
}

proptest! {
    #[test]
    fn training_is_naive_training(
        pieces in prop_oneof![pieces("ab", 12), pieces("abc", 16), pieces("a", 40), pieces("a-h", 10), pieces("aé€", 8)],
        size in 257..330_usize,
        min_frequency in 0..4_u64,
        max_token_length in prop_oneof![3 => Just(None), 1 => (0..8_usize).prop_map(Some)],
        special_tokens in prop_oneof![
            4 => Just(Vec::new()),
            1 => Just(vec!["ab".to_string(), "<|end|>".to_string()]),
            1 => Just(vec!["b".to_string()]),
        ],
    ) {
        let options = TrainOptions {
            vocab_size: size + special_tokens.len(),
            special_tokens,
            min_frequency,
            max_token_length,
            ..TrainOptions::default()
        };
        check(&pieces, &options, &[(1, None, None), (2, Some(1), None), (2, Some(9), None), (8, Some(40), None)])?;
    }
}

/// Fewer cases, as these go to the disk.
fn slow() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.div_ceil(8), ..usual }
}

proptest! {
    #![proptest_config(slow())]

    #[test]
    fn training_within_a_limit_is_naive_training(
        pieces in prop_oneof![pieces("ab", 12), pieces("a", 40), pieces("a-h", 10), pieces("aé€", 8)],
        vocab_size in 257..300_usize,
        max_token_length in prop_oneof![3 => Just(None), 1 => (0..8_usize).prop_map(Some)],
        memory in 0..20_000_usize,
    ) {
        let options = TrainOptions { vocab_size, max_token_length, ..TrainOptions::default() };
        check(&pieces, &options, &[(2, None, Some(memory))])?;
    }
}

/// The vocabulary of this size, if no token is made twice.
fn simple(pieces: &[(String, u64)], vocab_size: usize) -> Option<Vocab> {
    let options = TrainOptions { vocab_size, ..TrainOptions::default() };
    let trained = train(&counts(&[("und", pieces)]), &options, &mut unhurried).unwrap();
    (pairs(&trained.vocab).len() == trained.vocab.size() - 256).then_some(trained.vocab)
}

proptest! {
    #[test]
    fn growing_and_cutting_are_training(pieces in pieces("a-f", 14), sizes in (256..300_usize, 1..40_usize)) {
        let (small, large) = (sizes.0, sizes.0 + sizes.1);
        let Some(expected) = simple(&pieces, large) else { return Ok(()) };
        let first = simple(&pieces, small).unwrap();
        for threads in [1, 2] {
            let options = TrainOptions { vocab_size: large, threads: Some(threads), ..TrainOptions::default() };
            let grown = extend(&first, &counts(&[("und", &pieces)]), &options, &mut unhurried).unwrap();
            prop_assert_eq!(&grown.vocab, &expected);
        }
        prop_assert_eq!(truncate(&expected, first.size()).unwrap(), first);
    }

}

proptest! {
    #![proptest_config(slow())]

    #[test]
    fn resuming_is_training(
        pieces in pieces("a-f", 14),
        calls in 2..12_usize,
        size in 257..340_usize,
        memory in prop_oneof![Just(None), (0..10_000_usize).prop_map(Some)],
    ) {
        let folder = tempfile::tempdir().unwrap();
        let options = TrainOptions {
            vocab_size: size,
            memory,
            checkpoint: Some(folder.path().join("checkpoint")),
            ..TrainOptions::default()
        };
        let counts = counts(&[("und", &pieces)]);
        let expected = TrainOptions { checkpoint: None, memory: None, ..options.clone() };
        let expected = train(&counts, &expected, &mut unhurried).unwrap();
        let mut called = 0;
        let interrupted = train(&counts, &options, &mut |_| {
            called += 1;
            if called == calls { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        prop_assert!(matches!(interrupted, Err(Error::Interrupted)) || called < calls);
        prop_assert_eq!(train(&counts, &options, &mut unhurried).unwrap(), expected);
    }
}

#[test]
fn a_checkpoint_saves_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let pieces: Vec<_> = (0..300).map(|number: u64| (format!("{:x}", number * 7919), 2)).collect();
    let counts = counts(&[("en", &pieces)]);
    let options = TrainOptions { vocab_size: 400, checkpoint: Some(path.clone()), ..TrainOptions::default() };
    let last = |stop_at: usize| {
        let mut first = None;
        let result = train(&counts, &options, &mut |progress| match progress {
            Progress::Merges { size, .. } => {
                first.get_or_insert(size);
                if size >= stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }
            Progress::Pairs | Progress::Unsaved(_) => ControlFlow::Continue(()),
        });
        (result, first.unwrap())
    };
    let (result, first) = last(300);
    assert!(matches!(result, Err(Error::Interrupted)) && first < 290);
    let (result, first) = last(1000);
    let expected = result.unwrap();
    assert!(first > 290, "training went on at {first}");

    let sound = std::fs::read(&path).unwrap();
    let refused = |bytes: &[u8], options: &TrainOptions| {
        std::fs::write(&path, bytes).unwrap();
        matches!(train(&counts, options, &mut unhurried), Err(Error::Format { .. }))
    };
    for length in 0..sound.len() {
        assert!(refused(&sound[..length], &options), "cut to {length}");
    }
    for place in 0..sound.len() {
        let mut bytes = sound.clone();
        bytes[place] ^= 1;
        // The size of the decoder's window may change without any other effect.
        std::fs::write(&path, bytes).unwrap();
        let unharmed = train(&counts, &options, &mut unhurried);
        assert!(matches!(&unharmed, Err(Error::Format { .. })) || unharmed.unwrap() == expected, "changed at {place}");
    }
    assert!(refused(&sound, &TrainOptions { min_frequency: 1, ..options.clone() }), "another run");
    assert!(!refused(&sound, &options));
}

#[test]
fn a_vocabulary_of_ranks_grows() {
    let pieces = [("abab", 9), ("abc", 8), ("cab", 3)].map(|(piece, count)| (piece.to_string(), count));
    let mut tokens = Tokens::of_bytes();
    tokens.push(b"ab").unwrap();
    let special = Special { content: "<end>".to_string(), id: 300, special: true };
    let scheme = Scheme::from_pattern(r"\S+|\s");
    let vocab = Vocab::new("test", tokens, Merges::Ranks, vec![special], scheme, NormalForm::None).unwrap();
    let counts = counts(&[("und", &pieces)]);
    let options = TrainOptions { vocab_size: 303, ..TrainOptions::default() };
    let grown = extend(&vocab, &counts, &options, &mut unhurried).unwrap().vocab;
    assert_eq!([256, 300, 301, 302].map(|id| grown.token(id).unwrap()), [b"ab" as &[u8], b"<end>", b"abab", b"abc"]);
    let refused = |vocab: &Vocab, options: TrainOptions| extend(vocab, &counts, &options, &mut unhurried).unwrap_err();
    assert!(matches!(refused(&vocab, TrainOptions { vocab_size: 300, ..options.clone() }), Error::Argument { .. }));
    let specials = vec!["<a>".to_string()];
    assert!(matches!(
        refused(&vocab, TrainOptions { special_tokens: specials, ..options.clone() }),
        Error::Argument { .. }
    ));
    let nfc = Vocab { normalizer: NormalForm::Nfc, ..vocab.clone() };
    assert!(matches!(refused(&nfc, options.clone()), Error::Unsupported { .. }));
    let other = Vocab { scheme: Scheme::named("gpt2").unwrap(), ..vocab };
    assert!(matches!(refused(&other, options), Error::Argument { .. }));
}

#[test]
fn cutting_keeps_special_tokens() {
    let pieces = [("abab", 9), ("abc", 8)].map(|(piece, count)| (piece.to_string(), count));
    let vocab = simple(&pieces, 259).unwrap();
    let special = |id| Special { content: "<end>".to_string(), id, special: true };
    let whole = Vocab { specials: vec![special(259)], ..vocab.clone() };
    let cut = truncate(&whole, 258).unwrap();
    assert_eq!((cut.specials.as_slice(), cut.size()), ([special(257)].as_slice(), 258));
    assert_eq!(pairs(&cut), &pairs(&vocab)[..1]);
    assert!(matches!(truncate(&whole, 256), Err(Error::Argument { .. })));
    assert!(matches!(truncate(&whole, 261), Err(Error::Argument { .. })));
    let named = Vocab { carried: Carried { padding: Some(serde_json::Value::Null), ..Carried::default() }, ..whole };
    assert!(matches!(truncate(&named, 258), Err(Error::Unsupported { .. })));
    assert_eq!(truncate(&named, 260).unwrap(), named);
}

#[test]
fn an_order_worked_out_by_hand() {
    let pieces = [("hug", 10), ("pug", 5), ("pun", 12), ("bun", 4), ("hugs", 5)];
    let pieces = pieces.map(|(piece, count)| (piece.to_string(), count));
    let options = TrainOptions { vocab_size: 259, ..TrainOptions::default() };
    let vocab = train(&counts(&[("en", &pieces)]), &options, &mut unhurried).unwrap().vocab;
    let text = |id| String::from_utf8(vocab.token(id).unwrap().to_vec()).unwrap();
    let merges: Vec<_> = pairs(&vocab).iter().map(|&(left, right)| (text(left), text(right))).collect();
    let expected = [("u", "g"), ("u", "n"), ("h", "ug")].map(|(left, right)| (left.to_string(), right.to_string()));
    assert_eq!(merges, expected);
    assert_eq!(vocab.token(0).unwrap(), b"!", "ids begin with the first printable character");
}

#[test]
fn languages_weigh_by_their_share() {
    let many: Vec<_> = vec![("aa".to_string(), 900)];
    let few: Vec<_> = vec![("bb".to_string(), 10), ("bc".to_string(), 3)];
    let counts = counts(&[("xx", &many), ("yy", &few)]);
    let first = |options: TrainOptions| {
        let trained = train(&counts, &TrainOptions { vocab_size: 257, ..options }, &mut unhurried).unwrap();
        trained.vocab.token(256).unwrap().to_vec()
    };
    assert_eq!(first(TrainOptions { balance: false, ..TrainOptions::default() }), b"aa");
    assert_eq!(first(TrainOptions::default()), b"aa");
    let shares = |xx: f64| BTreeMap::from([("xx".to_string(), xx)]);
    assert_eq!(first(TrainOptions { shares: shares(0.5), ..TrainOptions::default() }), b"bb");
    assert_eq!(first(TrainOptions { shares: shares(0.0), ..TrainOptions::default() }), b"bb");
    let balanced = |least| {
        let options = TrainOptions { vocab_size: 300, min_frequency: least, ..TrainOptions::default() };
        train(&counts, &options, &mut unhurried).unwrap().vocab.size() - 256
    };
    // 1826 bytes are 913 for each language: a pair of xx weighs 900 * 913/1800, of yy 10 * 913/26 and 3 * 913/26.
    assert_eq!([balanced(105), balanced(106), balanced(351), balanced(352), balanced(457)], [3, 2, 2, 1, 0]);
}

#[test]
fn a_text_too_small_gives_a_smaller_vocabulary() {
    let trained = |pieces: &[(String, u64)]| {
        let options = TrainOptions { vocab_size: 1000, ..TrainOptions::default() };
        train(&counts(&[("en", pieces)]), &options, &mut unhurried).unwrap()
    };
    let some = trained(&[("abc".to_string(), 2)]);
    assert_eq!((some.vocab.size(), some.complete), (258, false));
    let none = trained(&[]);
    assert_eq!((none.vocab.size(), none.complete), (256, false));
}

#[test]
fn arguments_outside_their_domain_are_refused() {
    let pieces = [("abc".to_string(), 2)];
    let counts = counts(&[("en", &pieces), ("fr", &pieces)]);
    let refused = |options: TrainOptions| match train(&counts, &options, &mut unhurried) {
        Err(Error::Argument { name, .. }) => name,
        other => panic!("{other:?}"),
    };
    let specials = |specials: &[&str]| TrainOptions {
        special_tokens: specials.iter().map(|special| special.to_string()).collect(),
        ..TrainOptions::default()
    };
    let shares = |language: &str, share| TrainOptions {
        shares: BTreeMap::from([(language.to_string(), share)]),
        ..TrainOptions::default()
    };
    assert_eq!(refused(TrainOptions { vocab_size: 255, ..TrainOptions::default() }), "vocab_size");
    assert_eq!(refused(TrainOptions { vocab_size: 257, ..specials(&["<a>", "<b>"]) }), "vocab_size");
    for bad in [["", "<a>"], ["<a>", "<a>"], ["<a>", "Ġthe"], ["<a>", "é"]] {
        assert_eq!(refused(specials(&bad)), "special_tokens");
    }
    for (language, share) in [("de", 1.0), ("fr", -1.0), ("fr", f64::NAN), ("fr", f64::INFINITY)] {
        assert_eq!(refused(shares(language, share)), "shares");
    }
}

#[test]
fn a_break_interrupts() {
    let pieces: Vec<_> = (0..200).map(|number: u64| (format!("{:b}", number * 97), 3)).collect();
    let counts = counts(&[("en", &pieces)]);
    for threads in [1, 2] {
        for calls in 1..3 {
            let mut called = 0;
            let options = TrainOptions { threads: Some(threads), ..TrainOptions::default() };
            let result = train(&counts, &options, &mut |_| {
                called += 1;
                if called == calls { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            assert!(matches!(result, Err(Error::Interrupted)));
        }
    }
}
