//! Any file is read or refused. A vocabulary that was read is written and read again as the same.

use eurotok_core::encode::{Encoder, Specials};
use eurotok_core::format::{self, Converted, Format, Hints};
use eurotok_core::split::Scheme;
use eurotok_core::stages::Stages;
use eurotok_core::vocab::TokenizerData;
use eurotok_core::{Error, Stop};

/// The bytes are a file, and once one that has been told of.
pub fn run(data: &[u8]) {
    check_stages(data);
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

/// A file that runs by stages is written and read again, and encodes and decodes any text or says why not. A
/// `tokenizer.json` cannot hold every model of SentencePiece; a `.eurotok` file can.
fn check_stages(data: &[u8]) {
    let Ok(TokenizerData::Pipeline(pipeline)) = format::read_tokenizer("fuzz", data, &Hints::default()) else { return };
    for format in [Format::TokenizerJson, Format::Eurotok] {
        let written = match format::write_stages(&pipeline, format) {
            Ok(written) => written,
            Err(Error::Unsupported { .. }) if matches!(format, Format::TokenizerJson) => continue,
            Err(error) => panic!("{format:?}: {error}"),
        };
        let again = format::read_tokenizer("again", &written, &Hints::default());
        let same = matches!(&again, Ok(TokenizerData::Pipeline(again)) if again.size() == pipeline.size());
        assert!(same, "{format:?}: {again:?}");
    }
    let Ok(stages) = Stages::new(pipeline) else { return };
    for text in ["abc é l'eau\n 12 <|end|>", "e\u{301}\u{fb01} 字\u{200d}😀 <unk>", ""] {
        if let Ok((ids, spans)) = stages.encode_with_offsets(&Stop::never(), text, Specials::Parse) {
            assert_eq!(ids.len(), spans.len());
            stages.decode(&Stop::never(), &ids[..], true).ok();
        }
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
