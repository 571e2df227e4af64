//! A file is read or refused, whatever is in it; what was read is written and read again as the same vocabulary.

#![no_main]

use std::sync::LazyLock;

use eurotok_core::Error;
use eurotok_core::encode::{Encoder, Specials};
use eurotok_core::format::{self, Format, Hints};
use eurotok_core::split::Scheme;
use eurotok_core::vocab::{Merges, Normalizer, Special, Tokens, Vocab};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

const FORMATS: [Format; 3] = [Format::TokenizerJson, Format::Tiktoken, Format::Eurotok];

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    Raw(&'a [u8]),
    /// A sound file with some places written over, or cut out.
    Damaged { format: u8, edits: Vec<(u16, u8, &'a [u8])> },
}

/// A small vocabulary in each format.
static SOUND: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| {
    let mut tokens = Tokens::of_bytes();
    let pairs = [(b'a', b'b'), (b'e', b' '), (0xC3, 0xA9)].map(|(left, right)| {
        tokens.push(&[left, right]);
        (u32::from(left), u32::from(right))
    });
    let merges = Merges::List { pairs: pairs.to_vec(), ignore_merges: false };
    let specials = vec![Special { content: "<|end|>".to_string(), id: 300, special: true }];
    let scheme = Scheme::named("europe").expect("a scheme of the table");
    let vocab = Vocab::new("sound", tokens, merges, specials, scheme, Normalizer::Nfc).expect("sound parts");
    let plain = Vocab { normalizer: Normalizer::None, ..vocab.clone() };
    let write = |vocab, format| format::write(vocab, format).expect("every format holds it");
    [write(&vocab, FORMATS[0]), write(&plain, FORMATS[1]), write(&vocab, FORMATS[2])]
});

fn damaged(format: u8, edits: &[(u16, u8, &[u8])]) -> Vec<u8> {
    let mut data = SOUND[usize::from(format) % FORMATS.len()].clone();
    for &(place, cut, bytes) in edits {
        let start = usize::from(place) % (data.len() + 1);
        let end = (start + usize::from(cut)).min(data.len());
        data.splice(start..end, bytes.iter().copied());
    }
    data
}

fuzz_target!(|input: Input| {
    let data = match input {
        Input::Raw(data) => data.to_vec(),
        Input::Damaged { format, edits } => damaged(format, &edits),
    };
    let hints = Hints { scheme: Scheme::named("gpt2"), special_tokens: vec![("<|end|>".to_string(), 1000)] };
    for hints in [Hints::default(), hints] {
        let Ok(vocab) = format::read("fuzz", &data, &hints) else { continue };
        for format in FORMATS {
            let written = match format::write(&vocab, format) {
                Ok(written) => written,
                Err(Error::Unsupported { .. }) => continue,
                Err(error) => panic!("{format:?}: {error}"),
            };
            // A .tiktoken file leaves it to others to say how text is split.
            let hints = match format {
                Format::Tiktoken => Hints {
                    scheme: Some(vocab.scheme.clone()),
                    special_tokens: vocab.specials.iter().map(|token| (token.content.clone(), token.id)).collect(),
                },
                _ => Hints::default(),
            };
            let again = format::read("again", &written, &hints).unwrap_or_else(|error| panic!("{format:?}: {error}"));
            assert_eq!((&again.tokens, again.size()), (&vocab.tokens, vocab.size()), "{format:?}");
            assert_eq!((&again.specials, again.scheme.pattern()), (&vocab.specials, vocab.scheme.pattern()));
        }
        if let Ok(encoder) = Encoder::new(vocab) {
            encoder.encode("abc é l'eau\n 12 <|end|>", Specials::Parse).ok();
        }
    }
});
