//! BPE over characters against its definition, on vocabularies that no trainer would make.

use hashbrown::HashMap;
use proptest::prelude::*;

use crate::encode::{Encoder, Specials};
use crate::testing::bpe::merge;
use crate::vocab::pipeline::{
    AddedToken, Behavior, Bpe, Entries, Merge, Metaspace, Model, Normalizer, Pattern, Pipeline, PreTokenizer,
    PrependScheme,
};

/// A model whose first entries are the bytes. These characters follow, and then the results of pairs of entries.
fn model(characters: &str, pairs: &[(u32, u32)]) -> Bpe {
    let mut texts: Vec<String> = (0..=255).map(|byte| format!("<0x{byte:02X}>")).collect();
    texts.extend(characters.chars().map(String::from));
    let mut merges = Vec::new();
    let first = 256;
    for &(left, right) in pairs {
        let count = texts.len() as u32 - first;
        if count == 0 {
            break;
        }
        let (left, right) = (first + left % count, first + right % count);
        let made = format!("{}{}", texts[left as usize], texts[right as usize]);
        let known = texts.iter().position(|text| *text == made);
        if made.chars().count() > 6 {
            continue;
        }
        let result = known.unwrap_or_else(|| {
            texts.push(made);
            texts.len() - 1
        });
        let merge = Merge { left, right, result: result as u32 };
        if !merges.contains(&merge) {
            merges.push(merge);
        }
    }
    let entries = Entries::new("model", texts.iter().zip(0..).map(|(text, id)| (&text[..], id))).unwrap();
    Bpe {
        entries,
        merges,
        unk_token: None,
        fuse_unk: true,
        byte_fallback: true,
        ignore_merges: false,
        continuing_subword_prefix: None,
        end_of_word_suffix: None,
    }
}

fn pipeline(model: Bpe, normalizer: Option<Normalizer>, pre_tokenizer: Option<PreTokenizer>) -> Pipeline {
    let added = |content: &str, id| AddedToken {
        id,
        content: content.into(),
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
    };
    Pipeline {
        normalizer,
        pre_tokenizer,
        model: Model::Bpe(model),
        post_processor: None,
        decoder: None,
        added: vec![added("<s>", 9000)],
        padding: None,
        truncation: None,
    }
}

/// `Prepend`, and `Replace` of spaces.
fn prepending() -> Option<Normalizer> {
    let replace = Normalizer::Replace { pattern: Pattern::String(" ".into()), content: "▁".into() };
    Some(Normalizer::Sequence { normalizers: vec![Normalizer::Prepend { prepend: "▁".into() }, replace] })
}

fn metaspace(prepend_scheme: PrependScheme, split: bool) -> Option<PreTokenizer> {
    Some(PreTokenizer::Metaspace(Metaspace { replacement: '▁', prepend_scheme, split }))
}

/// The ids of a piece, character by character and pair by pair.
fn ids(model: &Bpe, piece: &str) -> Vec<u32> {
    let mut symbols = Vec::new();
    for character in piece.chars() {
        let text = character.to_string();
        match model.entries.id(&text) {
            Some(id) => symbols.push(id),
            None => symbols.extend(text.bytes().map(u32::from)),
        }
    }
    let mut ranks = HashMap::new();
    for (rank, merge) in model.merges.iter().enumerate() {
        ranks.entry((merge.left, merge.right)).or_insert((rank, merge.result));
    }
    merge(&mut symbols, |left, right| ranks.get(&(left, right)).copied());
    symbols
}

/// Vocabularies over few characters, of which some have bytes in common with others that are none.
fn models() -> impl Strategy<Value = Bpe> {
    let pairs = prop::collection::vec((any::<u32>(), any::<u32>()), 0..40);
    (prop::sample::subsequence(vec!['a', 'b', 'é', 'è', '字', '孖', '😀', '😃'], 0..8), pairs)
        .prop_map(|(characters, pairs)| model(&format!("▁{}", characters.into_iter().collect::<String>()), &pairs))
}

const TEXT: &str = "[ab éèê字孖孙😀😃😎▁]{0,40}";

/// Where a text has a space of its own by `Metaspace`, and is split at spaces.
fn metaspaced(text: &str, prepends: bool, splits: bool) -> Vec<String> {
    let mut text = text.replace(' ', "▁");
    if prepends && !text.is_empty() && !text.starts_with('▁') {
        text.insert(0, '▁');
    }
    let mut pieces = vec![String::new()];
    for character in text.chars() {
        if splits && character == '▁' {
            pieces.push(String::new());
        }
        pieces.last_mut().unwrap().push(character);
    }
    pieces
}

proptest! {
    #[test]
    fn prepended_texts_are_bpe(model in models(), texts in prop::collection::vec(TEXT, 1..6)) {
        let encoder = Encoder::of_characters(&pipeline(model.clone(), prepending(), None)).unwrap().unwrap();
        let expected: Vec<Vec<u32>> = texts
            .iter()
            .map(|text| if text.is_empty() { vec![] } else { ids(&model, &format!("▁{}", text.replace(' ', "▁"))) })
            .collect();
        let batch = encoder.encode_batch(&texts.iter().map(String::as_str).collect::<Vec<_>>(), Specials::Text, Some(1)).unwrap();
        for (number, (text, expected)) in texts.iter().zip(&expected).enumerate() {
            prop_assert_eq!(&encoder.encode(text, Specials::Text).unwrap(), expected, "{}", text);
            prop_assert_eq!(batch.get(number), &expected[..], "{}", text);
        }
    }

    #[test]
    fn metaspaced_texts_are_bpe(
        model in models(),
        texts in prop::collection::vec(TEXT, 1..6),
        prepends in any::<bool>(),
        splits in any::<bool>(),
    ) {
        let scheme = if prepends { PrependScheme::First } else { PrependScheme::Never };
        let encoder = Encoder::of_characters(&pipeline(model.clone(), None, metaspace(scheme, splits))).unwrap().unwrap();
        let batch = encoder.encode_batch(&texts.iter().map(String::as_str).collect::<Vec<_>>(), Specials::Text, Some(2)).unwrap();
        for (number, text) in texts.iter().enumerate() {
            let expected: Vec<u32> =
                metaspaced(text, prepends, splits).iter().flat_map(|piece| ids(&model, piece)).collect();
            prop_assert_eq!(&encoder.encode(text, Specials::Text).unwrap(), &expected, "{}", text);
            prop_assert_eq!(batch.get(number), &expected[..], "{}", text);
        }
    }

    #[test]
    fn what_follows_a_special_token_has_its_own_space(model in models(), parts in prop::collection::vec(TEXT, 1..4)) {
        let text = parts.join("<s>");
        for (scheme, always) in [(PrependScheme::First, false), (PrependScheme::Always, true)] {
            let tokenizer = pipeline(model.clone(), None, metaspace(scheme, false));
            let encoder = Encoder::of_characters(&tokenizer).unwrap().unwrap();
            let mut expected = Vec::new();
            for (place, part) in parts.iter().enumerate() {
                expected.extend((place > 0).then_some(9000));
                let pieces = metaspaced(part, always || place == 0, false);
                expected.extend(pieces.iter().flat_map(|piece| ids(&model, piece)));
            }
            prop_assert_eq!(&encoder.encode(&text, Specials::Parse).unwrap(), &expected, "{}", text);
            let batch = encoder.encode_batch(&[&text[..], "", &text], Specials::Parse, Some(1)).unwrap();
            prop_assert_eq!(batch.get(2), &expected[..], "{}", text);
        }
    }
}

#[test]
fn long_texts_are_divided_at_joints() {
    let model = model("▁ab", &[(1, 2), (0, 1), (3, 2)]);
    let encoder = Encoder::of_characters(&pipeline(model, prepending(), None)).unwrap().unwrap();
    let text = "ab abb é ".repeat(100_000);
    let alone = encoder.encode(&text, Specials::Text).unwrap();
    for threads in [1, 2] {
        let batch = encoder.encode_batch(&[&text[..], &text], Specials::Text, Some(threads)).unwrap();
        assert!(batch.get(0) == alone && batch.get(1) == alone, "{threads} threads");
    }
}

#[test]
fn stages_that_are_not_exact_over_bytes_are_left() {
    let stages = |change: &dyn Fn(&mut Pipeline)| {
        let mut stages = pipeline(model("▁ab", &[(1, 2)]), prepending(), None);
        change(&mut stages);
        Encoder::of_characters(&stages).unwrap().is_some()
    };
    assert!(stages(&|_| {}));
    let change = |change: fn(&mut Bpe)| {
        stages(&|stages| {
            let Model::Bpe(model) = &mut stages.model else { unreachable!("it is BPE") };
            change(model);
        })
    };
    assert!(!stages(&|stages| stages.model = Model::Bpe(model("ab", &[(0, 1)]))));
    assert!(!change(|model| model.byte_fallback = false));
    assert!(!change(|model| model.ignore_merges = true));
    assert!(!change(|model| model.end_of_word_suffix = Some("</w>".into())));
    assert!(!change(|model| model.merges.push(Merge { left: 0, right: 256, result: 257 })));
    assert!(!change(|model| model.entries = Entries::new("model", [("<0x00>", 0)]).unwrap()));
    assert!(!stages(&|stages| stages.added[0].lstrip = true));
    assert!(!stages(&|stages| stages.added[0].normalized = true));
    let split = |pattern: &str| PreTokenizer::Split {
        pattern: Pattern::String(pattern.into()),
        behavior: Behavior::MergedWithPrevious,
        invert: false,
    };
    assert!(stages(&|stages| stages.pre_tokenizer = Some(split(" "))));
    assert!(!stages(&|stages| stages.pre_tokenizer = Some(split("a"))));
    assert!(!stages(&|stages| stages.normalizer = Some(Normalizer::Lowercase)));
    assert!(!stages(&|stages| stages.normalizer = Some(Normalizer::Prepend { prepend: "▁".into() })));
}
