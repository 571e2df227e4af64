//! Every format against random vocabularies; [`wrong`] has files with deliberate faults.

mod hostile;
mod wrong;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::bpe::effective::effective;
use crate::testing::bpe::piece_ids;
use crate::vocab::{Carried, Inert, Merges, NormalForm, Tokens};

/// Tokens of a few letters joined at random, with gaps between the ids, in any order.
fn tokens() -> impl Strategy<Value = Tokens> {
    let joins = prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..40);
    (joins, any::<bool>(), any::<u64>(), prop::collection::vec(0..3usize, 8)).prop_map(|(joins, sorted, seed, gaps)| {
        let mut pool: Vec<Vec<u8>> = [&b"a"[..], b"b", b" ", "é".as_bytes(), b"\xff"].map(<[u8]>::to_vec).into();
        for (left, right) in joins {
            let token = [&pool[left.index(pool.len())][..], &pool[right.index(pool.len())]].concat();
            if token.len() < 20 && !pool.contains(&token) {
                pool.push(token);
            }
        }
        // Bytes that UTF-8 never has may be absent.
        let bytes = (0..=255u8).filter(|byte| seed % 3 > 0 || !matches!(byte, 0xc0 | 0xf8..)).map(|byte| vec![byte]);
        let mut all: Vec<Vec<u8>> = bytes.chain(pool.into_iter().filter(|token| token.len() > 1)).collect();
        if !sorted {
            all.sort_by_cached_key(|token| shuffled(token, seed));
        }
        let mut tokens = Tokens::new();
        for (token, gap) in all.iter().zip(gaps.iter().cycle()) {
            (0..gap / 2).for_each(|_| {
                tokens.push(&[]).unwrap();
            });
            tokens.push(token).unwrap();
        }
        tokens
    })
}

fn shuffled(item: impl std::hash::Hash, seed: u64) -> u64 {
    use std::hash::BuildHasher;
    rustc_hash::FxBuildHasher.hash_one((item, seed)).rotate_left(17).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Every way to divide a token into two tokens, or most of them, in any order.
fn list(tokens: &Tokens, seed: u64) -> Vec<(u32, u32)> {
    let cuts = |(_, token): (u32, &[u8])| {
        let parts = |at| Some((tokens.id(&token[..at])?, tokens.id(&token[at..])?));
        (1..token.len()).filter_map(parts).collect::<Vec<_>>()
    };
    let mut pairs: Vec<(u32, u32)> = tokens.iter().flat_map(cuts).collect();
    pairs.retain(|pair| !shuffled(pair, seed).is_multiple_of(4));
    pairs.sort_by_cached_key(|pair| shuffled(pair, seed / 2));
    pairs
}

/// Vocabularies with everything a [`Vocab`] can have. Special tokens come right after the last token, or further on.
fn vocab(ranks: impl Strategy<Value = bool>) -> impl Strategy<Value = Vocab> {
    let scheme = prop::sample::select(vec!["gpt2", "cl100k", "o200k", "europe", r"\p{L}+|[^\p{L}]+"]);
    let specials = prop::sample::subsequence(vec!["<|end|>", "<pad>", " ", "née", "\n\"\u{1}"], 0..=5);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (tokens(), ranks, any::<u64>(), scheme, specials, 0..3u32, flags).prop_map(
        |(tokens, ranks, seed, scheme, specials, first, (ignore_merges, all_special, nfc, post))| {
            let merges = match ranks {
                true => Merges::Ranks,
                false => Merges::List { pairs: list(&tokens, seed), ignore_merges },
            };
            let ids = tokens.len() as u32 + first..;
            let specials = specials.into_iter().zip(ids);
            let specials = specials.map(|(content, id)| {
                let special = ranks || all_special || id % 2 == 0;
                Special { content: content.to_string(), id, special }
            });
            let scheme = Scheme::named(scheme).unwrap_or_else(|| Scheme::from_pattern(scheme));
            let normalizer = if nfc && !ranks { NormalForm::Nfc } else { NormalForm::None };
            let mut vocab = Vocab::new("random", tokens, merges, specials.collect(), scheme, normalizer).unwrap();
            let some =
                |bit: u64| (post && seed >> bit & 1 == 1).then(|| json!({ "type": "ByteLevel", "n": [1, -2, null] }));
            let steered_by = vec!["00ff".to_string(), "1234".to_string()];
            let special = vocab.specials.iter().filter(|special| special.special).map(|special| special.id);
            let kept = special.filter(|id| seed >> (id % 7) & 1 == 1).collect();
            vocab.carried =
                Carried { post_processor: some(0), padding: some(1), truncation: some(2), steered_by, kept };
            let last = vocab.size() as u32;
            let inert = ["", "⅞", "a b"].into_iter().zip(last..).take(seed as usize % 4);
            vocab
                .with_inert("random", inert.map(|(content, id)| Inert { content: content.into(), id }).collect())
                .unwrap()
        },
    )
}

fn same_ids(left: &Vocab, right: &Vocab) -> Result<(), TestCaseError> {
    let short = (0..1u32 << 9).map(|bits| (0..9).map(|at| b"ab"[(bits >> at) as usize & 1]).collect::<Vec<u8>>());
    let tokens: Vec<Vec<u8>> = left.tokens.iter().map(|(_, token)| token.to_vec()).collect();
    let pairs = tokens[tokens.len() / 2..].windows(2).map(|pair| pair.concat());
    for piece in short.chain(pairs).chain(tokens.clone()) {
        prop_assert_eq!(piece_ids(left, &piece), piece_ids(right, &piece), "{:?}", piece.escape_ascii().to_string());
    }
    Ok(())
}

fn read_back(vocab: &Vocab, format: Format) -> Vocab {
    read("again", &write(vocab, format).unwrap(), &Hints::default()).unwrap()
}

proptest! {
    #[test]
    fn eurotok_carries_everything(vocab in vocab(any::<bool>())) {
        prop_assert_eq!(&read_back(&vocab, Format::Eurotok), &vocab);
    }

    #[test]
    fn lists_survive_tokenizer_json(vocab in vocab(Just(false))) {
        prop_assert_eq!(&read_back(&vocab, Format::TokenizerJson), &vocab);
    }

    #[test]
    fn ranks_become_merges_in_tokenizer_json(vocab in vocab(Just(true))) {
        let again = read_back(&vocab, Format::TokenizerJson);
        same_ids(&vocab, &again)?;
        prop_assert_eq!(effective(&again).unwrap(), effective(&vocab).unwrap());
        let merges = again.merges.clone();
        prop_assert_eq!(&again, &Vocab { merges, ..vocab });
    }

    #[test]
    fn ranks_survive_tiktoken(vocab in vocab(Just(true))) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.tiktoken");
        save(&vocab, &path).unwrap();
        prop_assert_eq!(&load(&path, &Hints::default()).unwrap(), &vocab);
    }

    /// A list that is in the order of its results, as a trainer's is, or nearly so.
    #[test]
    fn lists_become_ranks_only_where_they_are(tokens in tokens(), seed: u64, ignore_merges: bool, sorted: bool) {
        let mut pairs = list(&tokens, seed);
        let scheme = Scheme::named("gpt2").unwrap();
        if sorted {
            pairs.sort_by_key(|&(left, right)| tokens.id(&[tokens.get(left), tokens.get(right)].concat()));
        }
        let merges = Merges::List { pairs, ignore_merges };
        let vocab = Vocab::new("random", tokens, merges, Vec::new(), scheme.clone(), NormalForm::None).unwrap();
        if let Ok(lines) = write(&vocab, Format::Tiktoken) {
            same_ids(&vocab, &read("again", &lines, &Hints { scheme: Some(scheme), ..Hints::default() }).unwrap())?;
        }
    }

    #[test]
    fn damage_is_noticed(vocab in vocab(any::<bool>()), at: prop::sample::Index, bit in 0..8) {
        let mut data = write(&vocab, Format::Eurotok).unwrap();
        prop_assert!(read("cut", &data[..at.index(data.len())], &Hints::default()).is_err());
        let at = at.index(data.len());
        data[at] ^= 1u8 << bit;
        // One bit of the frame's header has no meaning.
        prop_assert!(read("flipped", &data, &Hints::default()).map_or(true, |same| same == vocab));
    }

    #[test]
    fn garbage_is_refused(mut data in prop::collection::vec(any::<u8>(), 0..200), magic: bool) {
        if magic {
            data.splice(0..0, *b"eurotok\x01");
        }
        prop_assert!(read("garbage", &data, &Hints::default()).is_err());
    }
}
