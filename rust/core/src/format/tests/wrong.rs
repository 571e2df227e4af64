//! Files with deliberate faults: each is refused, and the error names the fault.

use std::path::Path;

use serde_json::{Value, json};

use crate::format::*;
use crate::vocab::{Merges, NormalForm, Tokens};

/// A `tokenizer.json` with the 256 bytes, `ab` (256), `abb` (257) and the added token `<x>` (258).
fn sound() -> Value {
    let tokens = ["ab", "abb"].map(|token| token.as_bytes().to_vec());
    let mut all = Tokens::of_bytes();
    tokens.iter().for_each(|token| {
        all.push(token).unwrap();
    });
    let merges = Merges::List { pairs: vec![(97, 98), (256, 98)], ignore_merges: false };
    let special = Special { content: "<x>".to_string(), id: 258, special: true };
    let scheme = Scheme::named("gpt2").unwrap();
    let vocab = Vocab::new("sound", all, merges, vec![special], scheme, NormalForm::None).unwrap();
    serde_json::from_slice(&write(&vocab, Format::TokenizerJson).unwrap()).unwrap()
}

fn read_json(file: &Value) -> Result<Vocab> {
    read("t.json", file.to_string().as_bytes(), &Hints::default())
}

/// The file with `value` at `pointer`, whose last part may be new.
fn changed(mut file: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match file.pointer_mut(parent).unwrap() {
        Value::Array(list) => list[key.parse::<usize>().unwrap()] = value,
        object => object[key] = value,
    }
    file
}

fn with(pointer: &str, value: Value) -> Value {
    changed(sound(), pointer, value)
}

#[test]
fn other_spellings_of_a_tokenizer_json() {
    let plain = read_json(&sound()).unwrap();
    for (pointer, value) in [
        ("/model/merges", json!([["a", "b"], ["ab", "b"]])),
        ("/model/unk_token", json!("<x>")),
        ("/model/continuing_subword_prefix", json!("")),
        ("/model/dropout", json!(0.0)),
        ("/decoder", json!(null)),
        ("/model/vocab/<x>", json!(258)),
        ("/normalizer", json!({ "type": "Sequence", "normalizers": [] })),
    ] {
        assert_eq!(read_json(&with(pointer, value)).unwrap(), plain, "{pointer}");
    }
    let nfc = json!({ "type": "Sequence", "normalizers": [{ "type": "NFC" }] });
    assert_eq!(read_json(&with("/normalizer", nfc)).unwrap().normalizer, NormalForm::Nfc);
    for (pre_tokenizer, name) in [
        (json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true }), Some("gpt2")),
        (json!({ "type": "ByteLevel", "add_prefix_space": false, "use_regex": false }), None),
    ] {
        assert_eq!(read_json(&with("/pre_tokenizer", pre_tokenizer)).unwrap().scheme.name(), name);
    }
}

#[test]
fn what_would_change_ids_is_refused() {
    let split =
        |regex: &str| json!({ "type": "Split", "pattern": { "Regex": regex }, "behavior": "Removed", "invert": false });
    let byte_level = json!({ "type": "ByteLevel", "add_prefix_space": false, "use_regex": false });
    let added = |name: &str, value: bool| {
        let mut token = json!({ "id": 258, "content": "<x>", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true });
        token[name] = value.into();
        json!([token])
    };
    for (pointer, value, reason) in [
        ("/normalizer", json!({ "type": "Lowercase" }), "Lowercase"),
        ("/pre_tokenizer", json!(null), "no pre_tokenizer"),
        ("/model/end_of_word_suffix", json!("</w>"), "end_of_word_suffix \"</w>\""),
        ("/pre_tokenizer", json!({ "type": "Metaspace" }), "Metaspace"),
        ("/pre_tokenizer", json!({ "type": "ByteLevel", "add_prefix_space": true }), "add_prefix_space"),
        ("/pre_tokenizer", json!({ "type": "Sequence", "pretokenizers": [split("a"), byte_level] }), "Removed"),
        ("/pre_tokenizer", json!({ "type": "Sequence", "pretokenizers": [split("a\\Gb"), byte_level] }), "an escape"),
        (
            "/pre_tokenizer",
            json!({ "type": "Sequence", "pretokenizers": [split("a"), split("b"), byte_level] }),
            "several",
        ),
        ("/decoder", json!({ "type": "WordPiece" }), "WordPiece"),
        ("/model/type", json!("Unigram"), "Unigram"),
        ("/model/dropout", json!(0.1), "dropout"),
        ("/added_tokens", added("lstrip", true), "\"<x>\""),
        ("/added_tokens", added("single_word", true), "\"<x>\""),
    ] {
        let error = read_json(&with(pointer, value)).unwrap_err();
        assert!(
            matches!(&error, Error::Unsupported { .. }) && error.to_string().contains(reason),
            "{pointer}: {error}"
        );
    }
    let mut file = with("/added_tokens", added("normalized", true));
    read_json(&file).unwrap();
    file["normalizer"] = json!({ "type": "NFC" });
    assert!(read_json(&file).unwrap_err().to_string().contains("\"<x>\""));
}

#[test]
fn character_level_bpe_is_called_by_its_name() {
    let decoder = json!({ "type": "Sequence", "decoders": [{ "type": "ByteFallback" }, { "type": "Fuse" }] });
    let mut file = changed(with("/decoder", decoder), "/pre_tokenizer", json!(null));
    assert!(read_json(&file).unwrap_err().to_string().contains("BPE without ByteLevel"));
    file["model"]["byte_fallback"] = json!(true);
    assert!(read_json(&file).unwrap_err().to_string().contains("BPE with byte fallback"));
}

#[test]
fn entries_that_no_text_makes_are_kept() {
    let mut file = with("/model/vocab/", json!(259));
    file["model"]["vocab"]["\u{203c}"] = json!(260);
    file["added_tokens"][0]["id"] = json!(261);
    file["model"]["vocab"]["<x>"] = json!(261);
    for byte in ["À", "õ", "ÿ"] {
        file["model"]["vocab"].as_object_mut().unwrap().remove(byte);
    }
    let vocab = read_json(&file).unwrap();
    assert_eq!((vocab.token(259), vocab.token(260), vocab.size()), (Some(&b""[..]), Some("‼".as_bytes()), 262));
    assert_eq!((vocab.id("‼".as_bytes()), vocab.missing_byte()), (Some(260), Some(0xc0)));
    for format in [Format::TokenizerJson, Format::Eurotok] {
        assert_eq!(read("again", &write(&vocab, format).unwrap(), &Hints::default()).unwrap(), vocab);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tiktoken");
    save(&vocab, &path).unwrap();
    let again = load(&path, &Hints::default()).unwrap();
    assert_eq!((&again.inert, again.token(259)), (&vocab.inert, Some(&b""[..])));
}

#[test]
fn padding_and_truncation_are_kept() {
    let padding = json!({ "strategy": "BatchLongest", "direction": "Right", "pad_id": 258, "pad_token": "<x>" });
    let truncation = json!({ "max_length": 512, "strategy": "LongestFirst", "stride": 0, "direction": "Right" });
    let file = changed(with("/padding", padding.clone()), "/truncation", truncation.clone());
    let vocab = read_json(&file).unwrap();
    assert_eq!(vocab.carried.padding.as_ref(), Some(&padding));
    assert_eq!(vocab.carried.truncation.as_ref(), Some(&truncation));
    let again: Value = serde_json::from_slice(&write(&vocab, Format::TokenizerJson).unwrap()).unwrap();
    assert_eq!((&again["padding"], &again["truncation"]), (&padding, &truncation));
}

#[test]
fn contradictions_are_named() {
    for (pointer, value, reason) in [
        ("/model/vocab/ab", json!(1_000_000_000), "1000000000"),
        ("/model/vocab/ab", json!(-1), "\"ab\": -1 is not an id"),
        ("/model/vocab/ab", json!(1.5), "\"ab\": 1.5 is not an id"),
        ("/model/vocab/ab", json!("256"), "\"ab\""),
        ("/model/vocab/ab", json!(257), "257"),
        ("/added_tokens/0/content", json!("<".repeat(5_000)), "5000 bytes"),
        ("/model/vocab/<x>", json!(300), "\"<x>\" has the id 300"),
        ("/model/merges/1", json!("ab c d"), "\"ab c d\""),
        ("/model/merges/1", json!(["ab"]), "two tokens"),
        ("/model/merges/1", json!("ab xyz"), "\"xyz\""),
        ("/model/merges/1", json!("ab a"), "\"aba\""),
        ("/model/merges/1", json!("a b"), "occurs twice"),
        ("/model/merges/1", json!("ab ▁"), "\"▁\""),
        ("/added_tokens/0/id", json!(300), "\"<x>\" states the id 300"),
        ("/added_tokens/0/content", json!(""), "empty"),
        ("/added_tokens/0/content", json!("a"), "\"a\" has the id"),
        ("/model/extra", json!(1), "extra"),
        ("/extra", json!(1), "extra"),
        ("/model/vocab", json!([]), "object"),
        ("/model/vocab", json!({ "<x>": 258 }), "no tokens"),
    ] {
        let error = read_json(&with(pointer, value)).unwrap_err();
        assert!(matches!(&error, Error::Format { .. }) && error.to_string().contains(reason), "{pointer}: {error}");
    }
    for id in [3, 1_000_000_000] {
        let file = changed(with("/added_tokens", json!([])), "/model/vocab/a b", json!(id));
        let error = read_json(&file).unwrap_err().to_string();
        assert!(error.contains(&format!("\"a b\" has the id {id}")), "{error}");
    }
    let mut file = sound();
    file["model"]["vocab"].as_object_mut().unwrap().remove("Ġ");
    file["model"]["vocab"]["xy"] = 32.into();
    let error = read_json(&file).unwrap_err();
    assert!(matches!(&error, Error::Unsupported { .. }) && error.to_string().contains("0x20"), "{error}");
    let text = sound().to_string();
    for (from, to) in
        [("\"ab\":256", "\"ab\":256,\"ab\":259"), ("\"padding\":null", "\"padding\":null,\"padding\":null")]
    {
        let twice = text.replace(from, to);
        assert_ne!(text, twice);
        let error = read("t.json", twice.as_bytes(), &Hints::default()).unwrap_err().to_string();
        assert!(error.contains("twice") || error.contains("duplicate"), "{error}");
    }
    for end in (0..text.len()).step_by(7) {
        assert!(read("t.json", &text.as_bytes()[..end], &Hints::default()).is_err(), "{end}");
    }
    let deep = text.replace("\"padding\":null", &format!("\"padding\":{}", "[".repeat(100_000)));
    assert!(read("t.json", deep.as_bytes(), &Hints::default()).is_err());
}

#[test]
fn overlapping_added_tokens_are_refused_if_searched_in_two_passes() {
    let token = |id: u32, content: &str, normalized: bool| {
        json!({ "id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": normalized, "special": false })
    };
    read_json(&with("/added_tokens", json!([token(258, "<x>", true), token(259, "<y>", false)]))).unwrap();
    let error = read_json(&with("/added_tokens", json!([token(258, "<x>", true), token(259, "x", false)])));
    assert!(error.unwrap_err().to_string().contains("\"<x>\" and \"x\""));
}

fn lines() -> String {
    let mut tokens = Tokens::of_bytes();
    tokens.push(b"ab").unwrap();
    String::from_utf8(tiktoken::to_lines(&tokens).unwrap()).unwrap()
}

#[test]
fn wrong_lines_are_numbered() {
    let gpt2 = Hints { scheme: Scheme::named("gpt2"), ..Hints::default() };
    let read = |text: &str| read("t.tiktoken", text.as_bytes(), &gpt2);
    let plain = read(&lines()).unwrap();
    assert_eq!(read(&lines().replace('\n', "\r\n")).unwrap(), plain);
    assert_eq!(read(&lines().replace('\n', "\n\n")).unwrap(), plain);
    assert_eq!(read(lines().trim_end()).unwrap(), plain);
    for (last, reason) in [
        ("YWI=", "line 257: it is not"),
        ("YWI= 256 1", "line 257: it is not"),
        ("YWI 256", "line 257: \"YWI\" is not base64"),
        ("Y%I= 256", "line 257: \"Y%I=\" is not base64"),
        (" 256", "line 257"),
        ("YWI= -1", "line 257: \"-1\" is not a rank"),
        ("YWI= +256", "line 257: \"+256\" is not a rank"),
        ("YWI= 4294967296", "line 257: \"4294967296\" is not a rank"),
        ("YWI= 1000000000", "line 257: \"ab\" has the id 1000000000"),
        ("YWI= 3", "line 257: \"ab\" has the id 3"),
        ("YQ== 256", "line 257: \"a\" occurs twice, with the ids 97 and 256"),
    ] {
        let error = read(&lines().replace("YWI= 256", last)).unwrap_err().to_string();
        assert!(error.contains(reason), "{last}: {error}");
    }
}

#[test]
fn tiktoken_files_need_a_scheme() {
    let error = read("t.tiktoken", lines().as_bytes(), &Hints::default()).unwrap_err().to_string();
    assert!(error.contains("pass its scheme"), "{error}");
    let hints = Hints { scheme: Scheme::named("o200k"), special_tokens: vec![("<x>".to_string(), 300)] };
    let vocab = read("t.tiktoken", lines().as_bytes(), &hints).unwrap();
    assert_eq!((vocab.scheme.name(), vocab.specials[0].id), (Some("o200k"), 300));
    let far = Hints { special_tokens: vec![("<x>".to_string(), u32::MAX)], ..hints.clone() };
    assert!(read("t.tiktoken", lines().as_bytes(), &far).unwrap_err().to_string().contains("\"<x>\""));
    let error = read("t.json", sound().to_string().as_bytes(), &hints).unwrap_err();
    assert!(matches!(error, Error::Argument { name: "scheme", .. }));
}

#[test]
fn what_ranks_cannot_say_is_named() {
    let vocab = |tokens: &[&str], pairs: &[(&str, &str)], ignore_merges| {
        let mut all = Tokens::of_bytes();
        tokens.iter().for_each(|token| {
            all.push(token.as_bytes()).unwrap();
        });
        let id = |token: &str| all.id(token.as_bytes()).unwrap();
        let pairs = pairs.iter().map(|(left, right)| (id(left), id(right))).collect();
        let merges = Merges::List { pairs, ignore_merges };
        Vocab::new("test", all, merges, Vec::new(), Scheme::named("gpt2").unwrap(), NormalForm::None).unwrap()
    };
    let refused = |vocab: Vocab| write(&vocab, Format::Tiktoken).unwrap_err().to_string();
    let plain = vocab(&["ab", "abb"], &[("a", "b"), ("ab", "b")], false);
    write(&plain, Format::Tiktoken).unwrap();
    // Not merged in the order of ids.
    assert!(refused(vocab(&["ab", "bc"], &[("b", "c"), ("a", "b")], false)).contains("\"bc\" is merged before \"ab\""));
    // By ranks `abb` is `ab` and `b`; here it is `a` and `bb`.
    assert!(refused(vocab(&["ab", "bb", "abb"], &[("b", "b"), ("a", "bb")], true)).contains("\"ab\""));
    // No merge makes `abc`, but tiktoken takes the piece as the token.
    assert!(refused(vocab(&["abc"], &[], false)).contains("\"abc\""));
    write(&vocab(&["abc"], &[], true), Format::Tiktoken).unwrap();

    let added = Special { content: "<x>".to_string(), id: 300, special: false };
    assert!(refused(Vocab { specials: vec![added], ..plain.clone() }).contains("\"<x>\""));
    assert!(refused(Vocab { normalizer: NormalForm::Nfc, ..plain }).contains("normalizer"));
}

#[test]
fn special_tokens_spelled_like_others_cannot_be_written() {
    let vocab = read_json(&sound()).unwrap();
    let special = Special { content: "Ġ".to_string(), id: 258, special: true };
    let error = write(&Vocab { specials: vec![special], ..vocab }, Format::TokenizerJson).unwrap_err().to_string();
    assert!(error.contains("\"Ġ\" beside the token \" \""), "{error}");
}

#[test]
fn tekken_puts_special_tokens_first() {
    use base64::prelude::{BASE64_STANDARD, Engine};
    let token = |rank: u32, bytes: &[u8]| {
        let base64 = BASE64_STANDARD.encode(bytes);
        json!({ "rank": rank, "token_bytes": base64, "token_str": null })
    };
    let mut vocab: Vec<Value> = (0..=255u8).map(|byte| token(byte.into(), &[byte])).collect();
    vocab.extend([token(256, b"ab"), token(257, b"abb")]);
    let sound = json!({ "config": { "pattern": "a|b", "num_vocab_tokens": 258, "default_vocab_size": 287,
        "default_num_special_tokens": 30, "version": "v3" }, "vocab": vocab });
    let vocab = read_json(&sound).unwrap();
    assert_eq!((vocab.id(b"a"), vocab.id(b"ab"), vocab.id(b"abb"), vocab.size()), (Some(127), Some(286), None, 287));
    assert_eq!(
        (vocab.token(0), vocab.token(19), vocab.token(29)),
        (Some(&b"<unk>"[..]), Some(&b"[TOOL_CONTENT]"[..]), Some(&b"<SPECIAL_29>"[..]))
    );
    for (pointer, value, reason) in [
        ("/config/default_vocab_size", json!(10), "10"),
        ("/config/default_vocab_size", json!(1_000_000_000), "1000000000"),
        ("/config/default_num_special_tokens", json!(-1), "-1"),
        (
            "/config",
            json!({ "pattern": "a", "default_vocab_size": 261, "default_num_special_tokens": 5 }),
            "\"[AVAILABLE_TOOLS]\"",
        ),
        ("/vocab/256/rank", json!(257), "place 256 has the rank 257"),
        ("/vocab/256/token_bytes", json!("YW"), "rank 256"),
        ("/vocab/256/token_bytes", json!("YQ=="), "rank 256: \"a\" occurs twice"),
        ("/special_tokens", json!([{ "rank": 30, "token_str": "<y>", "is_control": true }]), "\"<y>\""),
        ("/special_tokens", json!([{ "rank": 1, "token_str": "<y>", "is_control": true }]), "share the id 1"),
    ] {
        let error = read_json(&changed(sound.clone(), pointer, value)).unwrap_err().to_string();
        assert!(error.contains(reason), "{pointer}: {error}");
    }
}

#[test]
fn other_files_are_recognised_and_refused() {
    for (data, reason) in [
        (&b""[..], "empty"),
        (b" \n", "empty"),
        (b"\n\x03\n\x01a\n\x03\n\x01b\n\x08\n\x01c\x15\0\0\0\0", "SentencePiece"),
        (b"GGUF\x03\0\0\0", "GGUF"),
        (b"eurotok counts 1\n\x28", "counts of pieces"),
        (b"eurotok checkpoint 1\n\x28", "checkpoint"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        (b"<!DOCTYPE html>", "web page"),
        (b"{\"tokenizer_class\": \"X\"}", "tokenizer_config.json"),
        (b"{\"a\": 1}", "neither"),
        (b"{\"a\": \xff}", "line 1"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"#version: 0.2\na b", "merges.txt"),
        (b"lines of text", "not a tokenizer"),
        (b"eurotok\x02abc", "version 2"),
        (b"eurotok", "damaged"),
    ] {
        let error = read("file", data, &Hints::default()).unwrap_err().to_string();
        assert!(error.starts_with("file: ") && error.contains(reason), "{error}");
    }
}

#[test]
fn files_appear_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let vocab = read_json(&sound()).unwrap();
    let path = folder.path().join("t.tiktoken");
    save(&vocab, &path).unwrap();
    let files = || folder.path().read_dir().unwrap().count();
    assert_eq!(files(), 2);
    let before = std::fs::read(&path).unwrap();
    assert!(save(&Vocab { normalizer: NormalForm::Nfc, ..vocab.clone() }, &path).is_err());
    assert_eq!((files(), std::fs::read(&path).unwrap()), (2, before));
    // A folder stands in the way, so the last step fails.
    let taken = folder.path().join("d.json");
    std::fs::create_dir(&taken).unwrap();
    assert!(matches!(save(&vocab, &taken), Err(Error::Io { .. })));
    assert_eq!(files(), 3);
    assert!(matches!(save(&vocab, &folder.path().join("none/t.json")), Err(Error::Io { .. })));
    assert!(matches!(save(&vocab, Path::new("t.txt")), Err(Error::Argument { name: "path", .. })));
    assert!(matches!(load(&folder.path().join("none"), &Hints::default()), Err(Error::Io { .. })));
}
