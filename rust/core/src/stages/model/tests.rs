//! Models beside definitions that are slow and evidently correct.

use proptest::prelude::*;

use super::*;
use crate::stop::Stop;
use crate::vocab::pipeline::{self, Merge};

static NEVER: Stop = Stop::never();

fn entries(texts: &[String]) -> Entries {
    Entries::new("test", texts.iter().zip(0..).map(|(text, id)| (&text[..], id))).unwrap()
}

fn tokens(model: &pipeline::Model, piece: &str) -> Vec<(u32, String)> {
    let (mut found, mut memory) = (Vec::new(), ModelMemory::default());
    let mut watch = Watch::new(&NEVER);
    StageModel::new(model).unwrap().tokenize(&mut watch, model.entries(), piece, &mut memory, &mut found).unwrap();
    let text = |token: &ModelToken| piece[token.start as usize..token.end as usize].to_string();
    found.iter().map(|token| (token.id, text(token))).collect()
}

/// Merges the pair that stands first in the list, wherever it stands from the left on, as long as there is one.
fn merged(model: &pipeline::Bpe, piece: &str) -> Vec<u32> {
    let mut ids: Vec<u32> =
        piece.chars().map(|c| model.entries.id(&c.to_string()).unwrap_or(model.entries.id("?").unwrap())).collect();
    loop {
        let rank = |pair: &[u32]| model.merges.iter().position(|merge| [merge.left, merge.right] == *pair);
        let Some(best) = ids.windows(2).filter_map(rank).min() else { return ids };
        let place = ids.windows(2).position(|pair| rank(pair) == Some(best)).unwrap();
        ids.splice(place..place + 2, [model.merges[best].result]);
    }
}

/// Texts of a few letters. The single letters come first.
fn vocabulary() -> impl Strategy<Value = Vec<String>> {
    prop::collection::btree_set("[abé]{2,4}", 0..12)
        .prop_map(|longer| ["?", "a", "b", "é"].map(String::from).into_iter().chain(longer).collect())
}

proptest! {
    #[test]
    fn bpe_merges_pair_by_pair(vocabulary in vocabulary(), order in any::<u64>(), piece in "[abéx]{0,12}") {
        let entries = entries(&vocabulary);
        // One pair for each text that two make, so that no two pairs make the same.
        let mut merges: Vec<Merge> = vocabulary.iter().zip(0..).filter_map(|(text, result)| {
            text.char_indices().skip(1).find_map(|(at, _)| {
                Some(Merge { left: entries.id(&text[..at])?, right: entries.id(&text[at..])?, result })
            })
        }).collect();
        merges.sort_by_key(|merge| (u64::from(merge.result) * 7919).rotate_left((order % 64) as u32));
        let model = pipeline::Bpe {
            entries, merges, unk_token: Some("?".into()), fuse_unk: false, byte_fallback: false, ignore_merges: false,
            continuing_subword_prefix: None, end_of_word_suffix: None,
        };
        let expected = merged(&model, &piece);
        let found = tokens(&pipeline::Model::Bpe(model), &piece);
        prop_assert_eq!(found.iter().map(|token| token.0).collect::<Vec<_>>(), expected);
        prop_assert_eq!(found.into_iter().map(|token| token.1).collect::<String>(), piece);
    }

    #[test]
    fn unigram_finds_a_way_that_none_beats(vocabulary in vocabulary(), seed in any::<u32>(), piece in "[abé]{1,10}") {
        let scores: Vec<f64> = (0..vocabulary.len() as u32)
            .map(|place| -f64::from(seed.wrapping_mul(2 * place + 1).rotate_left(place) % 1000) / 64.0)
            .collect();
        let entries = entries(&vocabulary);
        let best = (0..=piece.len()).filter(|&at| piece.is_char_boundary(at)).fold(vec![0.0; piece.len() + 1], |mut best, end| {
            let ways = vocabulary.iter().zip(&scores).filter(|(text, _)| piece[..end].ends_with(&text[..]));
            let score = ways.map(|(text, score)| best[end - text.len()] + score).fold(f64::NEG_INFINITY, f64::max);
            if end > 0 {
                best[end] = score;
            }
            best
        })[piece.len()];
        let model = pipeline::Unigram { entries, scores: scores.clone(), unk_id: Some(0), byte_fallback: false };
        let found = tokens(&pipeline::Model::Unigram(model), &piece);
        let score: f64 = found.iter().map(|token| scores[token.0 as usize]).sum();
        prop_assert!((score - best).abs() < 1e-9, "{} {}", score, best);
        prop_assert!(found.iter().all(|(id, text)| vocabulary[*id as usize] == *text));
        prop_assert_eq!(found.into_iter().map(|token| token.1).collect::<String>(), piece);
    }

    #[test]
    fn word_piece_takes_the_longest_from_the_left(texts in prop::collection::btree_set("(##)?[abé]{1,3}", 1..20), piece in "[abé]{1,9}") {
        let vocabulary: Vec<String> = ["[UNK]".to_string()].into_iter().chain(texts).collect();
        let entries = entries(&vocabulary);
        let mut expected = Vec::new();
        let mut start = 0;
        while start < piece.len() {
            let ends = (start + 1..=piece.len()).rev().filter(|&end| piece.is_char_boundary(end));
            let prefix = if start > 0 { "##" } else { "" };
            match ends.into_iter().find_map(|end| Some((entries.id(&format!("{prefix}{}", &piece[start..end]))?, end))) {
                Some((id, end)) => {
                    expected.push(id);
                    start = end;
                }
                None => {
                    expected = vec![0];
                    break;
                }
            }
        }
        let model = pipeline::WordPiece {
            entries, unk_token: "[UNK]".into(), continuing_subword_prefix: "##".into(), max_input_chars_per_word: 9,
        };
        let found = tokens(&pipeline::Model::WordPiece(model), &piece);
        prop_assert_eq!(found.iter().map(|token| token.0).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_megabyte_without_spaces_takes_little_time() {
    let vocabulary: Vec<String> = ["?", "a", "aa", "aaaa"].map(String::from).into();
    let merge = |left, right, result| Merge { left, right, result };
    let bpe = pipeline::Model::Bpe(pipeline::Bpe {
        entries: entries(&vocabulary),
        merges: vec![merge(1, 1, 2), merge(2, 2, 3)],
        unk_token: None,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: false,
        continuing_subword_prefix: None,
        end_of_word_suffix: None,
    });
    let scores = vec![-9.0, -3.0, -4.0, -5.0];
    let unigram = pipeline::Unigram { entries: entries(&vocabulary), scores, unk_id: Some(0), byte_fallback: false };
    let text = "a".repeat(1 << 20);
    for model in [bpe, pipeline::Model::Unigram(unigram)] {
        let start = std::time::Instant::now();
        assert_eq!(tokens(&model, &text).len(), 1 << 18);
        assert!(start.elapsed().as_secs() < 20);
    }
}

#[test]
fn characters_fall_back_on_bytes_or_stand_for_themselves_or_are_refused() {
    let mut vocabulary: Vec<String> = (0..=255).map(|byte: u8| format!("<0x{byte:02X}>")).collect();
    vocabulary.extend(["?", "a"].map(String::from));
    let bpe = |byte_fallback, fuse_unk, unk_token: Option<&str>| {
        pipeline::Model::Bpe(pipeline::Bpe {
            entries: entries(&vocabulary),
            merges: vec![],
            unk_token: unk_token.map(String::from),
            fuse_unk,
            byte_fallback,
            ignore_merges: false,
            continuing_subword_prefix: None,
            end_of_word_suffix: None,
        })
    };
    let ids = |model: &pipeline::Model| -> Vec<u32> {
        let mut found = Vec::new();
        let (mut watch, mut memory) = (Watch::new(&NEVER), ModelMemory::default());
        StageModel::new(model).unwrap().tokenize(&mut watch, model.entries(), "éba", &mut memory, &mut found).unwrap();
        found.iter().map(|token| token.id).collect()
    };
    assert_eq!(ids(&bpe(true, true, Some("?"))), [0xC3, 0xA9, 0x62, 257]);
    assert_eq!(ids(&bpe(false, true, Some("?"))), [256, 257]);
    assert_eq!(ids(&bpe(false, false, Some("?"))), [256, 256, 257]);
    assert_eq!(ids(&bpe(false, false, None)), [257]);
    let scores = vec![-1.0; 258];
    let unigram = pipeline::Model::Unigram(pipeline::Unigram {
        entries: entries(&vocabulary),
        scores,
        unk_id: None,
        byte_fallback: false,
    });
    let made = StageModel::new(&unigram).unwrap();
    let (mut watch, mut memory) = (Watch::new(&NEVER), ModelMemory::default());
    let error = made.tokenize(&mut watch, unigram.entries(), "aé", &mut memory, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("\"é\" is not in the vocabulary"), "{error}");
}
