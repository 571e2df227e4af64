//! Merges are those of the naive trainer, on any number of threads, within any memory, and from any checkpoint.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;

use arbitrary::Arbitrary;
use eurotok_core::count::{self, Counts};
use eurotok_core::split::Scheme;
use eurotok_core::testing::trainer::{self, Columns};
use eurotok_core::train::{self, TrainOptions, Trained};
use eurotok_core::vocab::Merges;

use super::{checkpoint, folder, structured};

/// Pieces are made of a few parts, so that their pairs meet.
const PARTS: [&str; 8] = ["a", "b", "ab", "c", "é", "€", "aaaa", "'"];

#[derive(Debug, Arbitrary)]
struct Input {
    /// Pieces, as places in [`PARTS`], and how often each occurs.
    pieces: Vec<(Vec<u8>, u8)>,
    size: u8,
    min_frequency: u8,
    max_token_length: Option<u8>,
    memory: u16,
    /// The number of merges in the checkpoint from which training continues.
    resumed_from: u8,
}

impl Input {
    /// Each piece with its frequency.
    fn pieces(&self) -> BTreeMap<String, u64> {
        let mut pieces = BTreeMap::new();
        for (parts, count) in self.pieces.iter().take(60) {
            let piece: String = parts.iter().take(30).map(|&part| PARTS[usize::from(part) % PARTS.len()]).collect();
            if !piece.is_empty() {
                *pieces.entry(piece).or_insert(0) += u64::from(count % 8) + 1;
            }
        }
        pieces
    }
}

fn train(counts: &Counts, options: &TrainOptions) -> Trained {
    train::train(counts, options, &mut |_| ControlFlow::Continue(())).expect("sound counts")
}

/// The bytes are an [`Input`].
pub fn run(data: &[u8]) {
    let Some(input) = structured::<Input>(data) else { return };
    let pieces = input.pieces();
    let mut counts = Counts::new(Scheme::from_pattern(r"\S+|\s"));
    for (piece, &count) in &pieces {
        let texts = vec![piece.as_str(); count as usize];
        let options = count::CountOptions { threads: Some(1), ..count::CountOptions::default() };
        counts.add_texts("und", &texts, options, || ControlFlow::Continue(())).expect("texts");
    }
    let options = TrainOptions {
        vocab_size: 256 + usize::from(input.size % 80),
        min_frequency: u64::from(input.min_frequency % 4),
        max_token_length: input.max_token_length.map(|length| usize::from(length % 12)),
        threads: Some(1),
        ..TrainOptions::default()
    };
    let bytes = train(&counts, &TrainOptions { vocab_size: 256, ..options.clone() }).vocab;
    let tokens: Vec<Vec<u8>> = bytes.tokens.iter().map(|(_, token)| token.to_vec()).collect();
    let ids = |piece: &String| piece.bytes().map(|byte| bytes.tokens.id(&[byte]).expect("a byte")).collect();
    let words: Vec<trainer::Piece> = pieces.iter().map(|(piece, &count)| (ids(piece), 0, count)).collect();
    let columns = Columns { number: 1, first: vec![1], policy: None };
    let longest = options.max_token_length.unwrap_or(usize::MAX);
    let expected = trainer::train(&words, &columns, tokens, options.vocab_size, options.min_frequency, longest);
    let check = |trained: Trained, way: &str| {
        let Merges::List { pairs, .. } = &trained.vocab.merges else { panic!("a trained list") };
        let tokens: Vec<Vec<u8>> = trained.vocab.tokens.iter().map(|(_, token)| token.to_vec()).collect();
        assert_eq!((pairs, &tokens), (&expected.0, &expected.1), "{way}");
    };
    let memory = Some(usize::from(input.memory));
    for (threads, memory) in [(1, None), (2, None), (2, memory)] {
        let options = TrainOptions { threads: Some(threads), memory, ..options.clone() };
        check(train(&counts, &options), &format!("{threads} threads, memory {memory:?}"));
    }
    let (merges, tokens) = &expected;
    // A token that is made twice leaves fewer merges than were made.
    if !merges.is_empty() && tokens.len() == 256 + merges.len() {
        let folder = folder();
        let path = folder.path().join("checkpoint");
        let known = usize::from(input.resumed_from) % (merges.len() + 1);
        let file = checkpoint::Blank::of(&counts, &options).file(&checkpoint::merges(&merges[..known]));
        fs::write(&path, file).expect("a folder that can be written to");
        check(train(&counts, &TrainOptions { checkpoint: Some(path), ..options }), &format!("from {known} merges"));
    }
}
