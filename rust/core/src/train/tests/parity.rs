//! Parity-aware BPE that counts everything again before each merge.

use std::sync::Arc;

use super::*;
use crate::testing::parity::{self, Piece};

type Texts = Vec<(String, u64)>;

fn split(texts: &[Texts]) -> Vec<Piece> {
    let pieces = texts.iter().enumerate().flat_map(|(language, texts)| texts.iter().map(move |text| (language, text)));
    pieces.map(|(language, (text, count))| (text.bytes().map(|byte| vec![byte]).collect(), language, *count)).collect()
}

fn languages(alphabet: &'static str, length: usize) -> impl Strategy<Value = Vec<Texts>> {
    proptest::collection::vec(pieces(alphabet, length), 3)
}

proptest! {
    #![proptest_config(fairness::fewer())]

    #[test]
    fn parity_is_naive_parity(
        train in prop_oneof![languages("ab", 30), languages("abc", 16), languages("aé€", 8), languages("a", 30)],
        parallel in languages("abc", 10),
        size in 257..330_usize,
        min_frequency in 1..4_u64,
        floor in prop::option::of(1..1_u64 << 22),
    ) {
        let names = ["aa", "bb", "cc"];
        let of = |texts: &[Texts]| {
            let texts: Vec<_> = names.iter().zip(texts).map(|(&name, texts)| (name, texts.as_slice())).collect();
            counts(&texts)
        };
        let expected = parity::train(&mut split(&train), &mut split(&parallel), size, min_frequency);
        let parity = Some(Parity { parallel: Some(Arc::new(of(&parallel))), ..Parity::default() });
        let options = TrainOptions { vocab_size: size, min_frequency, parity, ..TrainOptions::default() };
        let vocab = train_above(floor, &of(&train), &options, &mut unhurried).unwrap().vocab;
        let token = |id: u32| vocab.token(id).unwrap().to_vec();
        let merges: Vec<_> = pairs(&vocab).iter().map(|&(left, right)| (token(left), token(right))).collect();
        prop_assert_eq!(merges, expected);
    }
}
