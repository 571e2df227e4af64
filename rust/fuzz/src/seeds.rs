//! Inputs to begin with: small, sound ones that reach the far ends of the parsers.
//!
//! They are made here and kept in `seeds/TARGET/`, beside inputs that once broke a target. `cargo run -p eurotok-fuzz --example seeds`
//! makes them again after a format has changed; a test holds the files to it. The targets whose input is made up of `arbitrary`'s
//! parts (`encode`, `decode`, `train`) have none: any bytes are as good.

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use eurotok_core::count::{self, Counts};
use eurotok_core::format::{self, Format};
use eurotok_core::split::Scheme;
use eurotok_core::vocab::{Merges, NormalForm, Special, Tokens, Vocab};
use serde_json::json;

use crate::targets::{self, checkpoint};

/// The folder of a target's seeds.
pub fn folder(target: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "seeds", target].iter().collect()
}

/// The seeds in a target's folder, by their names.
///
/// # Panics
/// If they cannot be read.
pub fn read(target: &str) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder(target)) else { return Vec::new() };
    let mut seeds: Vec<(String, Vec<u8>)> = entries
        .map(|entry| entry.expect("a folder that can be read"))
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).expect("a seed")))
        .collect();
    seeds.sort();
    seeds
}

/// The seeds that this module makes for a target.
pub fn make(target: &str) -> Vec<(&'static str, Vec<u8>)> {
    match target {
        "split" => TEXTS.map(|(name, text)| (name, [b"\x07", text.as_bytes()].concat())).into(),
        "format" => vec![
            ("tokenizer.json", written(&listed(), Format::TokenizerJson)),
            ("ranks.tiktoken", tiktoken().0),
            ("tekken.json", tekken()),
        ],
        "eurotok" => vec![("list", contents(&listed())), ("ranks", contents(&ranked()))],
        "companion" => vec![("companion.json", tiktoken().1)],
        "counts" => vec![("two-languages", counts())],
        "checkpoint" => vec![("merges", checkpoint::RUN.merges.clone())],
        "documents" => vec![
            ("lines.jsonl", LINES.into()),
            ("marks.jsonl", "\u{feff}{\"text\": \"\u{feff}\"}\n\u{feff}{}".into()),
            ("halves.jsonl", r#"{"n": "\ud83d", "text": "\ude00\ud83d\ud83d\ude00\\ud83d"}"#.into()),
            ("text.txt", TEXTS[0].1.into()),
        ],
        _ => Vec::new(),
    }
}

/// Texts that schemes split in many ways.
const TEXTS: [(&str, &str); 3] = [
    ("prose", "L'été, aujourd'hui : «ναι», IT'S 12345 €\r\n\r\n  Čeština\u{a0}— Übung…  e\u{301}\u{323} ǅ ²Ⅷ\n"),
    ("code", "def f(x_1):\n\treturn {\"a\": [x**2 // 3]}  # l'eau\n\n\n    }}))\t\t\n/* ?!..\\ */"),
    ("scripts", "日本語と中文 한국어 ქართული हिन्दी العربية 👨‍👩‍👧😀 \u{feff}\u{200b}\0\u{2028}\u{85}"),
];

/// Lines that readers of JSON take in different ways.
const LINES: &str = r#"{"text": "Un.\nDeux \u00e9 \ud83d\ude42"}

{"n": [1, {"text": null}], "text": "trois", "id": 1e3}
	{"te\u0078t":""}
"#;

/// Merges in a list, tokens of every kind, special and added ones.
fn listed() -> Vocab {
    let mut tokens = Tokens::of_bytes();
    let pairs = [(b'a', b'b'), (b'e', b' '), (0xC3, 0xA9)].map(|(left, right)| {
        tokens.push(&[left, right]).expect("there is memory");
        (u32::from(left), u32::from(right))
    });
    tokens.push("abé".as_bytes()).expect("there is memory");
    let pairs = [&pairs[..], &[(256, 258)]].concat();
    let special = |content: &str, id, special| Special { content: content.to_string(), id, special };
    let specials = vec![special("<|end|>", 300, true), special("<added>", 301, false)];
    let scheme = Scheme::named("europe").expect("a scheme of the table");
    let merges = Merges::List { pairs, ignore_merges: false };
    Vocab::new("seed", tokens, merges, specials, scheme, NormalForm::Nfc).expect("sound parts")
}

/// The same tokens, merged by rank.
fn ranked() -> Vocab {
    let Vocab { tokens, specials, scheme, .. } = listed();
    let specials = specials.into_iter().filter(|token| token.special).collect();
    Vocab::new("seed", tokens, Merges::Ranks, specials, scheme, NormalForm::None).expect("sound parts")
}

fn written(vocab: &Vocab, format: Format) -> Vec<u8> {
    format::write(vocab, format).expect("a format that holds it")
}

/// The content of the frame of an `.eurotok` file.
fn contents(vocab: &Vocab) -> Vec<u8> {
    unpacked(&written(vocab, Format::Eurotok), 8)
}

/// A `.tiktoken` file and its companion file.
pub(crate) fn tiktoken() -> (Vec<u8>, Vec<u8>) {
    let folder = targets::folder();
    let path = folder.path().join("a.tiktoken");
    format::save(&ranked(), &path).expect("a folder that can be written to");
    let read = |path| fs::read(path).expect("saved just now");
    (read(path), read(folder.path().join("a.tiktoken.json")))
}

fn tekken() -> Vec<u8> {
    let lines = String::from_utf8(tiktoken().0).expect("base64");
    let token = |(rank, line): (usize, &str)| {
        let base64 = line.split(' ').next();
        json!({ "rank": rank, "token_bytes": base64, "token_str": null })
    };
    let vocab: Vec<_> = lines.lines().enumerate().map(token).collect();
    let config = json!({
        "pattern": r"\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+",
        "default_vocab_size": vocab.len() + 3,
        "default_num_special_tokens": 3,
    });
    let specials = json!([{ "rank": 0, "token_str": "<unk>" }, { "rank": 1, "token_str": "<s>" }]);
    json!({ "config": config, "vocab": vocab, "special_tokens": specials }).to_string().into_bytes()
}

fn counts() -> Vec<u8> {
    let mut counts = Counts::new(Scheme::named("europe").expect("a scheme of the table"));
    let options = count::CountOptions { threads: Some(1), ..count::CountOptions::default() };
    for (language, text) in [("el", TEXTS[2].1), ("fr", TEXTS[0].1)] {
        counts.add_texts(language, &[text, text], options, || ControlFlow::Continue(())).expect("texts");
    }
    let folder = targets::folder();
    let path = folder.path().join("counts");
    counts.save(&path).expect("a folder that can be written to");
    let file = fs::read(&path).expect("saved just now");
    let line = file.iter().position(|&byte| byte == b'\n').expect("a first line");
    unpacked(&file, line + 1)
}

/// The contents of a frame that begins at `start`.
fn unpacked(file: &[u8], start: usize) -> Vec<u8> {
    zstd::decode_all(&file[start..]).expect("a frame of Zstandard")
}
