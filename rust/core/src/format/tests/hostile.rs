//! Small files that claim large contents. None may take much more time or memory than its size justifies.

use std::time::{Duration, Instant};

use serde_json::json;

use super::super::*;
use crate::bpe::effective::effective;
use crate::vocab::{Merges, NormalForm, Tokens};

/// More than each of these takes in a test build on a busy machine. Without the limits they took minutes.
const SOON: Duration = Duration::from_secs(20);

fn soon<T>(work: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    let done = work();
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
    done
}

/// An `.eurotok` file of these blocks.
fn packed(blocks: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::new();
    for block in blocks {
        let mut length = block.len();
        while length >= 0x80 {
            body.push(length as u8 | 0x80);
            length >>= 7;
        }
        body.push(length as u8);
        body.extend_from_slice(block);
    }
    [&b"eurotok\x01"[..], &zstd::bulk::compress(&body, 19).unwrap()].concat()
}

const HEAD: &[u8] = br#"{"pattern":"a","nfc":false,"specials":[],"ignore_merges":false,"post_processor":null}"#;

/// The 256 bytes, `a` doubled `times` times, and the last of these repeatedly with one byte more.
fn doubling(times: u32, more: u32) -> [Vec<u8>; 3] {
    let (mut lefts, mut rights) = (vec![1; 256], Vec::new());
    let literals = (0..=255u8).flat_map(|byte| [1, byte]).collect();
    let put = |block: &mut Vec<u8>, number: u32| block.extend([number as u8 | 0x80, (number >> 7) as u8]);
    for turn in 0..times {
        let part = if turn == 0 { 97 } else { 255 + turn };
        put(&mut lefts, part + 2);
        put(&mut rights, part);
    }
    for turn in 0..more {
        put(&mut lefts, 255 + times + turn + 2);
        put(&mut rights, 98);
    }
    [lefts, rights, literals]
}

#[test]
fn tokens_that_double_are_refused() {
    for (times, more, reason) in [(27, 0, "longest token"), (19, 10, "its tokens have"), (14, 4_000, "its tokens have")]
    {
        let [lefts, rights, literals] = doubling(times, more);
        let file = packed(&[HEAD, &lefts, &rights, &literals, &[]]);
        let error = soon(|| read("t.eurotok", &file, &Hints::default()).unwrap_err()).to_string();
        assert!(error.contains(reason), "{times}, {more}: {error}");
    }
}

#[test]
fn merges_of_long_tokens_are_refused() {
    // The tokens are one to 1,000 times `a`; the merges are all pairs that make one of them.
    let (mut lefts, mut rights, mut steps) = (vec![1; 256], Vec::new(), Vec::new());
    let literals: Vec<u8> = (0..=255u8).flat_map(|byte| [1, byte]).collect();
    let put = |block: &mut Vec<u8>, number: u32| block.extend([number as u8 | 0x80, (number >> 7) as u8]);
    for length in 2..=1000 {
        put(&mut lefts, 2 + if length == 2 { 97 } else { 253 + length });
        put(&mut rights, 97);
        for place in 1..length {
            // The distance of the result from the next id: 256, 0 or -1.
            put(&mut steps, if place > 1 { 1 } else { 512 * u32::from(length == 2) });
            put(&mut steps, place);
        }
    }
    let error = soon(|| read("t.eurotok", &packed(&[HEAD, &lefts, &rights, &literals, &steps]), &Hints::default()));
    let error = error.unwrap_err().to_string();
    assert!(error.contains("results of its merges"), "{error}");
}

#[test]
fn a_merge_that_occurs_again_is_refused() {
    let [lefts, rights, literals] = doubling(16, 0);
    // The last token repeatedly: its distance from the next id is -1.
    let steps = [&[158, 4, 0][..], &[1, 0].repeat(400_000)].concat();
    let error = soon(|| read("t.eurotok", &packed(&[HEAD, &lefts, &rights, &literals, &steps]), &Hints::default()));
    let error = error.unwrap_err().to_string();
    assert!(error.contains("merge 1 (") && error.contains("occurs twice"), "{error}");
}

#[test]
fn what_decompresses_to_much_is_refused() {
    let [lefts, rights, literals] = doubling(1, 0);
    let zeros = vec![0; 1 << 26];
    let file = packed(&[HEAD, &lefts, &rights, &literals, &zeros]);
    assert!(file.len() < 10_000);
    assert!(read("t.eurotok", &file, &Hints::default()).unwrap_err().to_string().contains("decompressed"));
    let nested = [&HEAD[..HEAD.len() - 5], b"[", "[[[[]]]],".repeat(100_000).as_bytes(), b"0]}"].concat();
    let file = packed(&[&nested, &lefts, &rights, &literals, &[]]);
    assert!(read("t.eurotok", &file, &Hints::default()).unwrap_err().to_string().contains("settings"));
}

#[test]
fn long_tokens_made_in_two_ways_take_no_square() {
    // Both merges make the same token, so BPE runs on its bytes.
    let mut tokens = Tokens::of_bytes();
    let mut pairs = Vec::new();
    let mut last = 97;
    for length in (1..17).map(|turn| 1 << turn) {
        let id = tokens.push("a".repeat(length).as_bytes()).unwrap();
        pairs.push((last, last));
        last = id;
    }
    let longest = tokens.push(&[&b"a".repeat(1 << 16)[..], b"a"].concat()).unwrap();
    pairs.extend([(last, 97), (97, last)]);
    let merges = Merges::List { pairs, ignore_merges: false };
    let scheme = Scheme::named("gpt2").unwrap();
    let vocab = Vocab::new("long", tokens, merges, Vec::new(), scheme, NormalForm::None).unwrap();
    let made = soon(|| effective(&vocab));
    assert_eq!(made.unwrap().last().map(|merge| merge.result), Some(longest));
    soon(|| write(&Vocab { merges: Merges::Ranks, ..vocab.clone() }, Format::Eurotok).unwrap());
}

#[test]
fn added_tokens_of_any_kind_take_no_square() {
    let contents = |count: usize, of: fn(usize) -> String| (0..count).map(of).collect::<Vec<_>>();
    for contents in [
        vec!["<".repeat(4_096), "<>".to_string()],
        contents(300, |number| "<".repeat(4_096 - number)),
        contents(4_096, |number| "<".repeat(number % 64 + 1) + &number.to_string()),
    ] {
        let added = contents.iter().zip(256..).map(|(content, id)| {
            json!({ "id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": id % 2 == 0, "special": true })
        });
        let vocab = Vocab::new(
            "sound",
            Tokens::of_bytes(),
            Merges::List { pairs: vec![], ignore_merges: false },
            Vec::new(),
            Scheme::named("gpt2").unwrap(),
            NormalForm::None,
        )
        .unwrap();
        let mut file: serde_json::Value =
            serde_json::from_slice(&write(&vocab, Format::TokenizerJson).unwrap()).unwrap();
        file["added_tokens"] = added.collect();
        let text = file.to_string();
        soon(|| match read("t.json", text.as_bytes(), &Hints::default()) {
            Ok(vocab) => assert_eq!(vocab.specials.len(), contents.len()),
            Err(error) => assert!(error.to_string().contains("overlap") && error.to_string().len() < 20_000),
        });
    }
}

#[test]
fn special_tokens_without_a_name_are_few() {
    use base64::prelude::{BASE64_STANDARD, Engine};
    let vocab: Vec<_> = (0..=255u8)
        .map(|byte| json!({ "rank": byte, "token_bytes": BASE64_STANDARD.encode([byte]), "token_str": null }))
        .collect();
    let file = json!({ "config": { "pattern": "a", "default_vocab_size": 1_000_256, "default_num_special_tokens":
        1_000_000 }, "vocab": vocab });
    let error = read("tekken.json", file.to_string().as_bytes(), &Hints::default()).unwrap_err().to_string();
    assert!(error.contains("without a name"), "{error}");
}
