//! `tokenizer.json` of Hugging Face's `tokenizers`: byte-level BPE.
//!
//! The reader accepts a file that it can reproduce exactly, and refuses any other by name. Settings that have no effect
//! if every byte has a token (`unk_token`, `fuse_unk`, `byte_fallback`) are accepted and not kept.

mod added;
mod model;
pub(super) mod stages;
mod write;
pub(super) mod write_stages;

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json::{JsonIds, JsonMerge, JsonText, List, Strict};
use crate::error::{Error, Result};
use crate::memory::collect;
use crate::split::{Scheme, oniguruma};
use crate::vocab::{Carried, Merges, NormalForm, Special, Vocab, carried};
use model::Parts;
pub(super) use write::write;

/// The regex by which `ByteLevel` splits, if it splits.
const BYTE_LEVEL: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
/// Where hashes of the sentences that steered training stand in the decoder: `tokenizers` refuses unknown fields elsewhere.
const STEERED_BY: &str = "steered_by";
/// Beside them, ids of special tokens that are content: so that their `"special": false`, by which decoding keeps them, does
/// not mean here that encoding always recognises them.
const KEPT: &str = "kept";
/// A regex that leaves every text whole, for files that do not split.
const WHOLE: &str = r"[\s\S]+";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenizerJson<'a> {
    #[serde(rename = "version")]
    _version: Option<Strict>,
    truncation: Option<Strict>,
    padding: Option<Strict>,
    #[serde(default, borrow)]
    added_tokens: List<AddedTokenJson<'a>>,
    normalizer: Option<Strict>,
    pre_tokenizer: Option<Strict>,
    post_processor: Option<Strict>,
    decoder: Option<Strict>,
    #[serde(borrow)]
    model: BpeModelJson<'a>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct AddedTokenJson<'a> {
    id: u32,
    #[serde(borrow)]
    content: Cow<'a, str>,
    single_word: bool,
    lstrip: bool,
    rstrip: bool,
    normalized: bool,
    special: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BpeModelJson<'a> {
    #[serde(rename = "type")]
    _type: Option<IgnoredAny>,
    dropout: Option<f64>,
    #[serde(rename = "unk_token", borrow)]
    _unk_token: Option<JsonText<'a>>,
    #[serde(borrow)]
    continuing_subword_prefix: Option<JsonText<'a>>,
    #[serde(borrow)]
    end_of_word_suffix: Option<JsonText<'a>>,
    #[serde(rename = "fuse_unk")]
    _fuse_unk: Option<bool>,
    byte_fallback: Option<bool>,
    ignore_merges: Option<bool>,
    #[serde(borrow)]
    vocab: JsonIds<'a>,
    #[serde(borrow)]
    merges: List<JsonMerge<'a>>,
}

/// Reads a `tokenizer.json`.
pub(super) fn read(origin: &str, data: &[u8]) -> Result<Vocab> {
    let file: TokenizerJson<'_> = serde_json::from_slice(data).map_err(|error| Error::format(origin, error))?;
    let unsupported = |reason| Error::unsupported(origin, reason);
    let (scheme, normalizer) = settings(&file).map_err(unsupported)?;
    added::check(&file.added_tokens.0, normalizer).map_err(unsupported)?;
    let Parts { tokens, pairs, inert } =
        model::read(&file.model, &file.added_tokens.0).map_err(|reason| Error::format(origin, reason))?;
    let merges = Merges::List { pairs, ignore_merges: file.model.ignore_merges.unwrap_or(false) };
    let said = |key| file.decoder.as_ref().and_then(|Strict(decoder)| decoder[key].as_array()).into_iter().flatten();
    let ids = said(KEPT).filter_map(|id| id.as_u64().and_then(|id| u32::try_from(id).ok()));
    let kept = carried::ascending(collect(ids)?);
    let special = |added: AddedTokenJson<'_>| Special {
        content: added.content.into_owned(),
        id: added.id,
        special: added.special || kept.binary_search(&added.id).is_ok(),
    };
    let specials = collect(file.added_tokens.0.into_iter().map(special))?;
    let vocab = Vocab::new(origin, tokens, merges, specials, scheme, normalizer)?;
    let value = |part: Option<Strict>| part.map(|Strict(value)| value);
    let carried = Carried {
        steered_by: collect(said(STEERED_BY).filter_map(|hash| hash.as_str().map(str::to_string)))?,
        kept,
        post_processor: value(file.post_processor),
        padding: value(file.padding),
        truncation: value(file.truncation),
    };
    Vocab { carried, ..vocab }.with_inert(origin, inert)
}

/// The scheme and the normalizer, or the unsupported part of the file.
fn settings(file: &TokenizerJson<'_>) -> Result<(Scheme, NormalForm), String> {
    let model = &file.model;
    if model.dropout.is_some_and(|dropout| dropout != 0.0) {
        return Err("BPE dropout, which makes ids random".to_string());
    }
    for (name, value) in [
        ("continuing_subword_prefix", &model.continuing_subword_prefix),
        ("end_of_word_suffix", &model.end_of_word_suffix),
    ] {
        if let Some(JsonText(value)) = value
            && !value.is_empty()
        {
            return Err(format!("character-level BPE with the {name} {value:?}; only byte-level BPE is"));
        }
    }
    let is_byte_level = |part: &Option<Strict>| part.as_ref().is_some_and(|Strict(value)| names(value, "ByteLevel"));
    if !is_byte_level(&file.pre_tokenizer) && !is_byte_level(&file.decoder) && !is_byte_level(&file.normalizer) {
        let falls_back = model.byte_fallback == Some(true) || model.vocab.0.iter().any(|(text, _)| text == "<0x00>");
        let bytes = if falls_back { "with byte fallback, as of SentencePiece" } else { "without ByteLevel" };
        return Err(format!("character-level BPE {bytes}; only byte-level BPE is"));
    }
    if let Some(Strict(decoder)) = &file.decoder
        && parts(decoder, "decoders").iter().any(|part| kind(part) != "ByteLevel")
    {
        return Err(format!("the decoder {}; byte-level BPE has ByteLevel", kind(decoder)));
    }
    let mut normalizer = NormalForm::None;
    if let Some(Strict(value)) = &file.normalizer {
        for part in parts(value, "normalizers") {
            match kind(part) {
                "NFC" => normalizer = NormalForm::Nfc,
                other => return Err(format!("the normalizer {other}; only NFC is")),
            }
        }
    }
    let Some(Strict(pre_tokenizer)) = &file.pre_tokenizer else {
        return Err("no pre_tokenizer; byte-level BPE has ByteLevel".to_string());
    };
    Ok((scheme(pre_tokenizer)?, normalizer))
}

/// The scheme of a `ByteLevel` pre-tokenizer, with or without a `Split` before it.
fn scheme(pre_tokenizer: &Value) -> Result<Scheme, String> {
    let parts = parts(pre_tokenizer, "pretokenizers");
    let Some((byte_level, splits)) = parts.split_last().filter(|(last, _)| kind(last) == "ByteLevel") else {
        return Err(format!("the pre_tokenizer {}; byte-level BPE ends in ByteLevel", kind(pre_tokenizer)));
    };
    if flag(byte_level, "add_prefix_space", true) {
        return Err("ByteLevel with add_prefix_space, which adds a space to the text".to_string());
    }
    match (splits, flag(byte_level, "use_regex", true)) {
        ([], true) => Ok(Scheme::from_pattern(BYTE_LEVEL)),
        ([], false) => Ok(Scheme::from_pattern(WHOLE)),
        ([split], false) if kind(split) == "Split" => split_scheme(split),
        ([split], false) => Err(format!("the pre_tokenizer {}; only Split and ByteLevel are", kind(split))),
        _ => Err("several pre_tokenizers that split one after the other".to_string()),
    }
}

fn split_scheme(split: &Value) -> Result<Scheme, String> {
    let Some(regex) = split["pattern"]["Regex"].as_str() else {
        return Err("a Split whose pattern is not a Regex".to_string());
    };
    let scheme = oniguruma::from_oniguruma(regex)?;
    match (split["behavior"].as_str().unwrap_or(""), flag(split, "invert", false)) {
        ("Isolated", _) => Ok(scheme),
        // `Removed` drops the text between matches. The schemes of the table match everything.
        ("Removed", true) if scheme.name().is_some() => Ok(scheme),
        (behavior, invert) => Err(format!("a Split with the behavior {behavior:?} and invert {invert}")),
    }
}

/// Whether a component, or one of its parts, is of this type.
fn names(value: &Value, name: &str) -> bool {
    let lists = ["pretokenizers", "normalizers", "decoders"];
    kind(value) == name
        || lists
            .iter()
            .any(|list| value[list].as_array().is_some_and(|parts| parts.iter().any(|part| kind(part) == name)))
}

/// The parts of a `Sequence`, or the component itself.
fn parts<'v>(value: &'v Value, list: &str) -> Vec<&'v Value> {
    match value[list].as_array() {
        Some(parts) if kind(value) == "Sequence" => parts.iter().collect(),
        _ => vec![value],
    }
}

fn kind(value: &Value) -> &str {
    value["type"].as_str().unwrap_or("without a type")
}

fn flag(value: &Value, name: &str, default: bool) -> bool {
    value[name].as_bool().unwrap_or(default)
}
