//! The `.model` files of SentencePiece.
//!
//! A model is kept as its file states it, and runs by its own rules. [`stages`] translates it for `tokenizer.json` and for
//! the encoder over bytes.

pub(super) mod stages;

use hashbrown::HashMap;
use prost::Message;

use crate::error::{Error, Result};
use crate::memory::{Grow, collect, filled};
use crate::vocab::pipeline::{
    AddedToken, Entries, Kind, Model, PieceSearch, Pipeline, SentencePieceModel, SentencePieceRules,
};

/// A file.
#[derive(Message)]
struct ModelFile {
    #[prost(message, repeated, tag = "1")]
    pieces: Vec<FilePiece>,
    #[prost(message, optional, tag = "2")]
    trainer: Option<Trainer>,
    #[prost(message, optional, tag = "3")]
    normalizer: Option<NormalizerSpec>,
    #[prost(message, optional, tag = "5")]
    denormalizer: Option<NormalizerSpec>,
}

#[derive(Message)]
struct FilePiece {
    #[prost(bytes = "vec", tag = "1")]
    piece: Vec<u8>,
    #[prost(float, tag = "2")]
    score: f32,
    #[prost(int32, optional, tag = "3")]
    kind: Option<i32>,
}

#[derive(Message)]
struct Trainer {
    #[prost(int32, optional, tag = "3")]
    model: Option<i32>,
    #[prost(bool, optional, tag = "24")]
    treat_whitespace_as_suffix: Option<bool>,
    #[prost(bool, optional, tag = "35")]
    byte_fallback: Option<bool>,
    #[prost(string, optional, tag = "44")]
    unk_surface: Option<String>,
}

#[derive(Message)]
struct NormalizerSpec {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(bytes = "vec", tag = "2")]
    precompiled_charsmap: Vec<u8>,
    #[prost(bool, optional, tag = "3")]
    add_dummy_prefix: Option<bool>,
    #[prost(bool, optional, tag = "4")]
    remove_extra_whitespaces: Option<bool>,
    #[prost(bool, optional, tag = "5")]
    escape_whitespaces: Option<bool>,
}

/// Reads a `.model`.
pub(super) fn read(origin: &str, data: &[u8]) -> Result<Pipeline> {
    // A message in memory is some ten times the smallest piece in a file.
    crate::memory::probe(data.len().saturating_mul(16))?;
    let file = ModelFile::decode(data).map_err(|error| Error::format(origin, error))?;
    let trainer = file.trainer.unwrap_or_default();
    let rules = file.normalizer.unwrap_or_default();
    if file.denormalizer.is_some_and(|rules| !rules.precompiled_charsmap.is_empty()) {
        return Err(Error::unsupported(
            origin,
            "a SentencePieceModel model with a map for decoding (denormalizer_spec)",
        ));
    }
    let number = trainer.model.unwrap_or(1);
    let search = usize::try_from(number).ok().and_then(|number| PieceSearch::ALL.get(number.wrapping_sub(1)).copied());
    let search = search.ok_or_else(|| Error::format(origin, format!("the model type {number}, which is unknown")))?;
    let byte_fallback = trainer.byte_fallback.unwrap_or(false);
    let (mut texts, mut kinds) = (Vec::new(), Vec::new());
    for (id, piece) in file.pieces.iter().enumerate() {
        let fail = |reason: String| Error::format(origin, format!("piece {id}: {reason}"));
        let text = str::from_utf8(&piece.piece).map_err(|_| {
            fail(format!("b\"{}\" is not UTF-8", piece.piece[..piece.piece.len().min(40)].escape_ascii()))
        })?;
        let number = piece.kind.unwrap_or(1);
        let kind = Kind::of(i64::from(number)).ok_or_else(|| fail(format!("the type {number}, which is unknown")))?;
        texts.try_push(text)?;
        kinds.try_push(kind)?;
    }
    let scores = collect(file.pieces.iter().map(|piece| piece.score))?;
    check(origin, &texts, &scores, &kinds, byte_fallback)?;
    let model = SentencePieceModel {
        entries: Entries::new(origin, texts.iter().copied().zip(0..))?,
        scores,
        kinds,
        search,
        byte_fallback,
        unk_surface: trainer.unk_surface.unwrap_or_else(|| " \u{2047} ".to_string()),
        rules: SentencePieceRules {
            name: rules.name,
            charsmap: rules.precompiled_charsmap,
            add_dummy_prefix: rules.add_dummy_prefix.unwrap_or(true),
            remove_extra_whitespaces: rules.remove_extra_whitespaces.unwrap_or(true),
            escape_whitespaces: rules.escape_whitespaces.unwrap_or(true),
            treat_whitespace_as_suffix: trainer.treat_whitespace_as_suffix.unwrap_or(false),
        },
    };
    let special = |kind: Kind| matches!(kind, Kind::Control | Kind::Unknown);
    let added = (0..).zip(&model.kinds).filter(|&(_, &kind)| special(kind)).map(|(id, _)| AddedToken {
        id,
        content: model.entries.text(id).unwrap_or_default().to_string(),
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
    });
    Ok(Pipeline {
        normalizer: None,
        pre_tokenizer: None,
        post_processor: None,
        decoder: None,
        added: collect(added)?,
        padding: None,
        truncation: None,
        model: Model::SentencePiece(model),
    })
}

/// Whether the pieces can be those of a model.
fn check(origin: &str, texts: &[&str], scores: &[f32], kinds: &[Kind], byte_fallback: bool) -> Result<()> {
    let mut seen = HashMap::new();
    seen.try_reserve(texts.len())?;
    let (mut unknown, mut bytes) = (None, filled(false, 256)?);
    for (id, (&text, (score, kind))) in texts.iter().zip(scores.iter().zip(kinds)).enumerate() {
        let fail = |reason: String| Err(Error::format(origin, reason));
        if text.is_empty() {
            return fail(format!("piece {id} is empty"));
        }
        if text.contains('\0') {
            return fail(format!("piece {id}, {text:?}, has a null character"));
        }
        if !score.is_finite() {
            let what = if score.is_nan() { "not a number" } else { "infinite" };
            return fail(format!("the score of piece {id}, {text:?}, is {what}"));
        }
        if let Some(first) = seen.insert(text, id) {
            return fail(format!("the pieces {first} and {id} are both {text:?}"));
        }
        match kind {
            Kind::Unknown => {
                if let Some(first) = unknown.replace(id) {
                    return fail(format!("the pieces {first} and {id} are both of the type unknown"));
                }
            }
            Kind::Byte => match byte(text).filter(|_| byte_fallback) {
                Some(byte) => bytes[usize::from(byte)] = true,
                None if byte_fallback => {
                    return fail(format!("piece {id}: {text:?} is of the type byte, and names none"));
                }
                None => return fail(format!("piece {id} is of the type byte, but byte_fallback is false")),
            },
            _ => {}
        }
    }
    if unknown.is_none() {
        return Err(Error::format(origin, "no piece is of the type unknown"));
    }
    match bytes.iter().position(|&found| !found).filter(|_| byte_fallback) {
        Some(byte) => Err(Error::format(origin, format!("byte_fallback is true, but no piece is <0x{byte:02X}>"))),
        None => Ok(()),
    }
}

/// The byte that a piece such as `<0x0A>` names.
fn byte(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("<0x")?.strip_suffix('>')?;
    let is_spelled = digits.len() == 2 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F'));
    is_spelled.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

/// Writes a `.model` that is read as the same model.
pub(super) fn write(model: &SentencePieceModel) -> Result<Vec<u8>> {
    let piece = |(id, (&score, kind)): (u32, (&f32, &Kind))| FilePiece {
        piece: model.entries.text(id).unwrap_or_default().as_bytes().to_vec(),
        score,
        kind: Some(kind.number()),
    };
    let rules = &model.rules;
    let file = ModelFile {
        pieces: collect((0..).zip(model.scores.iter().zip(&model.kinds)).map(piece))?,
        trainer: Some(Trainer {
            model: Some(
                PieceSearch::ALL.iter().zip(1..).find(|&(&search, _)| search == model.search).map_or(1, |(_, n)| n),
            ),
            treat_whitespace_as_suffix: Some(rules.treat_whitespace_as_suffix),
            byte_fallback: Some(model.byte_fallback),
            unk_surface: Some(model.unk_surface.clone()),
        }),
        normalizer: Some(NormalizerSpec {
            name: rules.name.clone(),
            precompiled_charsmap: rules.charsmap.clone(),
            add_dummy_prefix: Some(rules.add_dummy_prefix),
            remove_extra_whitespaces: Some(rules.remove_extra_whitespaces),
            escape_whitespaces: Some(rules.escape_whitespaces),
        }),
        denormalizer: None,
    };
    crate::memory::probe(file.encoded_len())?;
    Ok(file.encode_to_vec())
}
