//! A file is read or refused, whatever is in it; a vocabulary that was read is written and read again as the same.

use eurotok_core::Error;
use eurotok_core::encode::{Encoder, Specials};
use eurotok_core::format::{self, Converted, Format, Hints};
use eurotok_core::split::Scheme;

/// The bytes are a file, and once one that has been told of.
pub fn run(data: &[u8]) {
    let hints = Hints { scheme: Scheme::named("gpt2"), special_tokens: vec![("<|end|>".to_string(), 1000)] };
    for hints in [Hints::default(), hints] {
        check(data, &hints);
    }
    // A file of another kind is converted or refused.
    match format::convert("fuzz", data) {
        Ok(Some(Converted::Json(json))) => check(&json, &Hints::default()),
        Ok(Some(Converted::Pipeline(pipeline))) => {
            if let Ok(Some(encoder)) = Encoder::of_characters(&pipeline) {
                encoder.encode("abc é▁l'eau\n 12 <s>", Specials::Parse).ok();
            }
        }
        _ => {}
    }
}

/// Reads a file; writes in each format and reads again.
pub fn check(data: &[u8], hints: &Hints) {
    let Ok(vocab) = format::read("fuzz", data, hints) else { return };
    for format in [Format::TokenizerJson, Format::Tiktoken, Format::Eurotok] {
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
