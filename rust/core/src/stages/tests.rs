//! Every stage asks whether to stop, even within one piece of any length.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::*;
use crate::format::{Hints, read_tokenizer};
use crate::vocab::TokenizerData;

/// Characters of a text: several times as many as the steps between two questions.
const LONG: usize = 400_000;

/// The least number of questions in one pass over such a text.
const FEW: usize = 3;

fn stages(model: &Value, normalizer: &Value, pre_tokenizer: &Value, decoder: &Value) -> Stages {
    let file = json!({
        "version": "1.0", "added_tokens": [], "normalizer": normalizer, "pre_tokenizer": pre_tokenizer,
        "post_processor": null, "decoder": decoder, "model": model,
    });
    match read_tokenizer("tokenizer.json", file.to_string().as_bytes(), &Hints::default()).unwrap() {
        TokenizerData::Pipeline(pipeline) => Stages::new(pipeline).unwrap(),
        TokenizerData::Vocab(_) => panic!("it is not run by stages: {file}"),
    }
}

/// How often some work asks.
fn questions<T>(work: impl FnOnce(&Stop) -> Result<T>) -> usize {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let stop = Stop::when(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        false
    });
    assert!(work(&stop).is_ok());
    asked.load(Ordering::Relaxed)
}

/// A model for which every text is one unknown word.
fn word_level() -> Value {
    json!({"type": "WordLevel", "vocab": {"?": 0}, "unk_token": "?"})
}

#[test]
fn normalizers_ask() {
    let none = questions(|stop| {
        let text = "a".repeat(LONG);
        stages(&word_level(), &json!({"type": "Prepend", "prepend": "a"}), &Value::Null, &Value::Null).encode(
            stop,
            &text,
            Specials::Text,
        )
    });
    for (normalizer, unit) in [
        (json!({"type": "NFC"}), "e\u{301}"),
        (json!({"type": "NFC"}), "\u{e9}"),
        (json!({"type": "NFKD"}), "\u{e9}"),
        (json!({"type": "NFD"}), "字"),
        (json!({"type": "Lowercase"}), "É"),
        (json!({"type": "StripAccents"}), "\u{301}"),
        (json!({"type": "Replace", "pattern": {"String": "x"}, "content": "y"}), "x"),
        (json!({"type": "Replace", "pattern": {"Regex": "x+"}, "content": "y"}), "xy"),
        (json!({"type": "Nmt"}), "\u{200b}"),
        (
            json!({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": true, "lowercase": true}),
            "字É",
        ),
        (json!({"type": "ByteLevel"}), "é"),
    ] {
        let stages = stages(&word_level(), &normalizer, &Value::Null, &Value::Null);
        let text = unit.repeat(LONG / unit.chars().count());
        let asked = questions(|stop| stages.encode(stop, &text, Specials::Text));
        assert!(asked >= none + FEW, "{normalizer}: {asked} questions, {none} with hardly any work");
    }
}

#[test]
fn pre_tokenizers_ask() {
    let text = "a b1".repeat(LONG / 4);
    let none = questions(|stop| {
        stages(&word_level(), &Value::Null, &json!({"type": "Whitespace"}), &Value::Null).encode(
            stop,
            "a",
            Specials::Text,
        )
    });
    for pre_tokenizer in [
        json!({"type": "Split", "pattern": {"String": "z"}, "behavior": "Isolated", "invert": false}),
        json!({"type": "Digits", "individual_digits": true}),
        json!({"type": "Punctuation", "behavior": "Isolated"}),
        json!({"type": "WhitespaceSplit"}),
        json!({"type": "CharDelimiterSplit", "delimiter": "b"}),
        json!({"type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": "always", "split": true}),
        json!({"type": "Whitespace"}),
        json!({"type": "BertPreTokenizer"}),
        json!({"type": "UnicodeScripts"}),
        json!({"type": "FixedLength", "length": 2}),
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": true}),
    ] {
        let stages = stages(&word_level(), &Value::Null, &pre_tokenizer, &Value::Null);
        // The ids are not compared, because there are many words.
        let asked =
            questions(|stop| stages.lease().with(|worker| stages.cut(worker, stop, &text, Specials::Text, false)));
        let is_a_search = pre_tokenizer["pattern"]["String"] == "z";
        assert!(is_a_search || asked >= none + FEW, "{pre_tokenizer}: {asked} questions, {none} for a letter");
    }
}

#[test]
fn models_ask_within_a_piece() {
    let vocabulary: Vec<String> = ["?", "a", "b", "ab"].map(String::from).into();
    let ids: Value = vocabulary
        .iter()
        .zip(0..)
        .map(|(text, id)| (text.clone(), json!(id)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let scores: Vec<Value> = vocabulary.iter().map(|text| json!([text, -(text.len() as f64)])).collect();
    let text = "ab".repeat(LONG / 2);
    let none = {
        let stages = stages(&word_level(), &json!({"type": "Prepend", "prepend": "a"}), &Value::Null, &Value::Null);
        questions(|stop| stages.encode(stop, &text, Specials::Text))
    };
    for model in [
        json!({"type": "BPE", "vocab": ids, "merges": [["a", "b"]], "unk_token": "?", "fuse_unk": true}),
        json!({"type": "Unigram", "vocab": scores, "unk_id": 0}),
        json!({"type": "WordPiece", "vocab": {"?": 0, "a": 1, "##b": 2, "##a": 3}, "unk_token": "?", "continuing_subword_prefix": "##", "max_input_chars_per_word": 2 * LONG}),
    ] {
        let stages = stages(&model, &json!({"type": "Prepend", "prepend": "a"}), &Value::Null, &Value::Null);
        let asked = questions(|stop| stages.encode(stop, &text, Specials::Text));
        assert!(asked >= none + FEW, "{}: {asked} questions, {none} without a model", model["type"]);
        let spanned = questions(|stop| stages.encode_with_offsets(stop, &text, Specials::Text));
        assert!(spanned > asked, "{}: {spanned} questions with spans, {asked} without", model["type"]);
    }
}

#[test]
fn decoders_ask() {
    let model = json!({"type": "WordLevel", "vocab": {"?": 0, "a": 1, "<0x41>": 2}, "unk_token": "?"});
    let ids = [1, 2, 0].repeat(LONG / 3);
    let fuse = {
        let stages = stages(&model, &Value::Null, &Value::Null, &json!({"type": "Fuse"}));
        questions(|stop| stages.decode(stop, &ids[..], true))
    };
    assert!(fuse >= FEW, "{fuse} questions while ids become tokens");
    for decoder in [
        json!({"type": "ByteFallback"}),
        json!({"type": "Replace", "pattern": {"String": "a"}, "content": "b"}),
        json!({"type": "Strip", "content": "a", "start": 1, "stop": 1}),
        json!({"type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": "always", "split": true}),
        json!({"type": "WordPiece", "prefix": "##", "cleanup": true}),
        json!({"type": "BPEDecoder", "suffix": "a"}),
        json!({"type": "CTC", "pad_token": "?", "word_delimiter_token": "a", "cleanup": true}),
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false}),
        Value::Null,
    ] {
        let stages = stages(&model, &Value::Null, &Value::Null, &decoder);
        let asked = questions(|stop| stages.decode(stop, &ids[..], true));
        assert!(asked >= fuse + FEW, "{decoder}: {asked} questions, {fuse} before it");
    }
}
