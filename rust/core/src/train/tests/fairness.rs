//! Fairness against the naive trainer, and against known properties of prices.

use std::sync::Arc;

use super::*;
use crate::train::objective::fairness::refresh_after;

type Texts = Vec<(String, u64)>;

/// Columns as training lays them out, for the naive trainer. Languages are in alphabetical order.
fn naive_pieces(counts: &Counts, tokens: &[Vec<u8>], first: usize) -> Vec<trainer::Piece> {
    let byte_id = |byte: u8| tokens.iter().position(|token| *token == [byte]).unwrap() as u32;
    let mut pieces = BTreeMap::new();
    for (column, (_, language)) in (first..).zip(counts.languages()) {
        language
            .for_each_piece(|piece, count| {
                pieces.insert((column, piece.to_vec()), count);
            })
            .unwrap();
    }
    let piece = |((column, piece), count): ((usize, Vec<u8>), u64)| {
        (piece.into_iter().map(byte_id).collect::<Vec<_>>(), column, count)
    };
    pieces.into_iter().map(piece).collect()
}

fn check_fair(texts: &[Texts], parallel: Option<&[Texts]>, options: &TrainOptions) -> Result<(), TestCaseError> {
    let names = ["aa", "bb", "cc"];
    let of = |texts: &[Texts]| {
        let texts: Vec<_> = names.iter().zip(texts).map(|(&name, texts)| (name, texts.as_slice())).collect();
        counts(&texts)
    };
    let counts = of(texts);
    let parallel = parallel.map(of).map(Arc::new);
    let fairness = Fairness { parallel: parallel.clone(), ..options.fairness.clone().unwrap() };
    let options = TrainOptions { fairness: Some(fairness), ..options.clone() };
    let weights = Weights::new(&counts, &options).unwrap();
    let (lexicon, _) = Lexicon::new(&[], options.vocab_size).unwrap();
    let tokens: Vec<Vec<u8>> = (0..lexicon.len() as u32).map(|id| lexicon.tokens().unwrap().get(id).to_vec()).collect();
    let mut pieces = naive_pieces(&counts, &tokens, 0);
    if let Some(parallel) = &parallel {
        pieces.extend(naive_pieces(parallel, &tokens, texts.len()));
    }
    let policy = weights.policy.as_ref().expect("fairness has one");
    let factors = |lengths: &[u64]| policy.factors(lengths);
    let columns = trainer::Columns {
        number: weights.columns.len(),
        first: weights.first_factors(),
        policy: Some(trainer::NaivePolicy { factors: &factors, refresh_after }),
    };
    let (merges, tokens) = trainer::train(&pieces, &columns, tokens, options.vocab_size, weights.least, usize::MAX);
    for (threads, floor) in [(1, None), (2, Some(1)), (2, Some(1 << 19)), (8, Some(1 << 22))] {
        let options = TrainOptions { threads: Some(threads), ..options.clone() };
        let trained = train_above(floor, &counts, &options, &mut unhurried).unwrap();
        prop_assert_eq!(pairs(&trained.vocab), merges.as_slice(), "{} threads, floor {:?}", threads, floor);
        prop_assert_eq!(trained.vocab.size(), tokens.len());
    }
    Ok(())
}

fn languages(alphabets: [&'static str; 3], length: usize) -> impl Strategy<Value = Vec<Texts>> {
    Vec::from(alphabets.map(|alphabet| pieces(alphabet, length)))
}

fn options(size: usize, strength: f64, share: f64, target: f64) -> TrainOptions {
    TrainOptions {
        vocab_size: size,
        min_frequency: 1,
        shares: BTreeMap::from([("bb".to_string(), share)]),
        fairness: Some(Fairness { strength, targets: BTreeMap::from([("aa".to_string(), target)]), parallel: None }),
        ..TrainOptions::default()
    }
}

/// The naive trainer takes its time.
pub(super) fn fewer() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.div_ceil(4), ..usual }
}

proptest! {
    #![proptest_config(fewer())]

    #[test]
    fn fair_training_is_naive_training(
        texts in prop_oneof![
            languages(["ab", "bc", "cd"], 12), languages(["abc", "abd", "xyz"], 16), languages(["a-h", "a-h", "c-k"], 10),
        ],
        parallel in prop::option::of(prop_oneof![
            languages(["ab", "bc", "cd"], 12), languages(["a-h", "a-h", "c-k"], 10),
        ]),
        size in 257..340_usize,
        strength in prop_oneof![Just(0.0), Just(0.5), Just(10.0), Just(300.0)],
        share in prop_oneof![Just(1.0), 0.2..5.0],
        target in prop_oneof![Just(1.0), 0.5..2.0],
        missing in prop::bool::weighted(0.2),
        min_frequency in 1..4_u64,
    ) {
        let mut parallel = parallel;
        let mut options = TrainOptions { min_frequency, ..options(size, strength, share, target) };
        if let Some(parallel) = parallel.as_mut().filter(|_| missing) {
            // The last language keeps a fixed share.
            parallel.truncate(2);
            options.shares.insert("cc".to_string(), 0.5);
        }
        check_fair(&texts, parallel.as_deref(), &options)?;
    }
}

#[test]
fn a_fair_run_goes_on_from_its_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let text = |factor: u64| -> Texts { (1..200).map(|number| (format!("{:x}", number * factor), 3)).collect() };
    let texts = [text(7919), text(104_729)];
    let counts = counts(&[("aa", texts[0].as_slice()), ("bb", texts[1].as_slice())]);
    let plain = options(420, 10.0, 1.0, 0.8);
    let expected = train(&counts, &plain, &mut unhurried).unwrap();
    let checkpoint = Some(folder.path().join("checkpoint"));
    let kept = TrainOptions { checkpoint, ..plain.clone() };
    let interrupted = train(&counts, &kept, &mut |progress| match progress {
        Progress::Merges { size, .. } if size > 360 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    assert!(matches!(interrupted, Err(Error::Interrupted)));
    let mut first = None;
    let resumed = train(&counts, &kept, &mut |progress| {
        if let Progress::Merges { size, .. } = progress {
            first.get_or_insert(size);
        }
        ControlFlow::Continue(())
    });
    assert_eq!(resumed.unwrap().vocab, expected.vocab);
    assert!(first.is_some_and(|size| size > 340), "training went on at {first:?}");
    let other = TrainOptions { fairness: Some(Fairness { strength: 9.0, ..Fairness::default() }), ..kept };
    assert!(matches!(train(&counts, &other, &mut unhurried), Err(Error::Format { .. })), "another run");
}
