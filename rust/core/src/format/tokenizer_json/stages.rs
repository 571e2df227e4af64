//! Any `tokenizer.json`, as stages.
//!
//! `tokenizers` gives added tokens their ids by their content. A file that states other ids contradicts itself.

use std::borrow::Cow;

use hashbrown::{HashMap, HashSet};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::json::{JsonMerge, List, Strict, Vocabulary};
use crate::error::{Error, Result};
use crate::memory::{Grow, collect_all, filled};
use crate::split::oniguruma;
use crate::vocab::pipeline::{AddedToken, Bpe, Entries, Merge, Model, Pipeline, Unigram, WordLevel, WordPiece};

#[derive(Deserialize)]
struct StagesJson<'a> {
    truncation: Option<Strict>,
    padding: Option<Strict>,
    #[serde(default)]
    added_tokens: List<AddedToken>,
    normalizer: Option<Strict>,
    pre_tokenizer: Option<Strict>,
    post_processor: Option<Strict>,
    decoder: Option<Strict>,
    #[serde(borrow)]
    model: StageModelJson<'a>,
}

#[derive(Deserialize)]
struct StageModelJson<'a> {
    r#type: Option<String>,
    dropout: Option<f64>,
    alpha: Option<f64>,
    unk_token: Option<String>,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
    fuse_unk: Option<bool>,
    byte_fallback: Option<bool>,
    ignore_merges: Option<bool>,
    unk_id: Option<u64>,
    max_input_chars_per_word: Option<usize>,
    #[serde(borrow)]
    vocab: Vocabulary<'a>,
    #[serde(borrow)]
    merges: Option<List<JsonMerge<'a>>>,
}

/// Reads a `tokenizer.json`.
pub(in crate::format) fn read(origin: &str, data: &[u8]) -> Result<Pipeline> {
    let file: StagesJson<'_> = serde_json::from_slice(data).map_err(|error| Error::format(origin, error))?;
    let model = model(origin, file.model)?;
    let mut added = file.added_tokens.0;
    check_added(&model, &added).map_err(|reason| Error::format(origin, reason))?;
    added.sort_by_key(|token| token.id);
    Ok(Pipeline {
        normalizer: stage(origin, "normalizer", file.normalizer)?,
        pre_tokenizer: stage(origin, "pre_tokenizer", file.pre_tokenizer)?,
        model,
        post_processor: stage(origin, "post_processor", file.post_processor)?,
        decoder: stage(origin, "decoder", file.decoder)?,
        added,
        padding: file.padding.map(|Strict(value)| value),
        truncation: file.truncation.map(|Strict(value)| value),
    })
}

/// A stage from its JSON.
fn stage<T: DeserializeOwned>(origin: &str, name: &str, value: Option<Strict>) -> Result<Option<T>> {
    let Some(Strict(value)) = value else { return Ok(None) };
    if value == Value::Null {
        return Ok(None);
    }
    check_regexes(&value).map_err(|reason| Error::unsupported(origin, format!("the {name}: {reason}")))?;
    serde_json::from_value(value).map(Some).map_err(|error| Error::unsupported(origin, format!("the {name}: {error}")))
}

/// Whether the regexes of a stage can be run as Oniguruma runs them.
fn check_regexes(value: &Value) -> Result<(), String> {
    match value {
        Value::Object(map) => map.iter().try_for_each(|(key, value)| match (key.as_str(), value) {
            ("Regex", Value::String(regex)) => oniguruma::from_oniguruma(regex).map(|_| ()),
            (_, value) => check_regexes(value),
        }),
        Value::Array(list) => list.iter().try_for_each(check_regexes),
        _ => Ok(()),
    }
}

fn model(origin: &str, file: StageModelJson<'_>) -> Result<Model> {
    let fail = |reason: String| Err(Error::format(origin, reason));
    let kind = match (&file.r#type, &file.vocab) {
        (Some(name), _) => name.as_str(),
        (None, Vocabulary::Scores(_)) => "Unigram",
        (None, _) if file.merges.is_some() => "BPE",
        (None, _) if file.continuing_subword_prefix.is_some() => "WordPiece",
        (None, _) => "WordLevel",
    };
    if file.dropout.is_some_and(|dropout| dropout != 0.0) || file.alpha.is_some_and(|alpha| alpha != 0.0) {
        return Err(Error::unsupported(origin, "dropout or sampling, which makes ids random"));
    }
    let unk_token = |file: &StageModelJson<'_>| {
        file.unk_token.clone().ok_or_else(|| Error::format(origin, format!("the model {kind} has no unk_token")))
    };
    match (kind, &file.vocab) {
        ("Unigram", Vocabulary::Scores(pieces)) => unigram(origin, &file, pieces),
        ("Unigram", _) => fail("the vocabulary of a Unigram model is a list of pieces and scores".to_string()),
        ("BPE" | "WordPiece" | "WordLevel", Vocabulary::Scores(_)) => {
            fail(format!("the vocabulary of the model {kind} is an object from tokens to ids"))
        }
        ("BPE", Vocabulary::Ids(_)) => bpe(origin, file),
        ("WordPiece", Vocabulary::Ids(ids)) => Ok(Model::WordPiece(WordPiece {
            entries: entries(origin, ids)?,
            unk_token: unk_token(&file)?,
            continuing_subword_prefix: file.continuing_subword_prefix.unwrap_or_else(|| "##".to_string()),
            max_input_chars_per_word: file.max_input_chars_per_word.unwrap_or(100),
        })),
        ("WordLevel", Vocabulary::Ids(ids)) => {
            Ok(Model::WordLevel(WordLevel { entries: entries(origin, ids)?, unk_token: unk_token(&file)? }))
        }
        (other, _) => {
            let reason = format!("the model {other:?}; BPE, Unigram, WordPiece and WordLevel are");
            Err(Error::unsupported(origin, reason))
        }
    }
}

/// The entries of an object, none of which occurs twice.
fn entries(origin: &str, ids: &[(Cow<'_, str>, u32)]) -> Result<Entries> {
    let mut seen = HashSet::new();
    seen.try_reserve(ids.len())?;
    if let Some((twice, _)) = ids.iter().find(|(text, _)| !seen.insert(&**text)) {
        return Err(Error::format(origin, format!("{twice:?} occurs twice in the vocabulary")));
    }
    Entries::new(origin, ids.iter().map(|(text, id)| (&**text, *id)))
}

fn unigram(origin: &str, file: &StageModelJson<'_>, pieces: &[(Cow<'_, str>, f64)]) -> Result<Model> {
    let entries = Entries::new(origin, pieces.iter().zip(0..).map(|((text, _), id)| (&**text, id)))?;
    let mut scores = filled(0.0, pieces.len())?;
    for (place, (text, score)) in pieces.iter().enumerate() {
        if !score.is_finite() {
            return Err(Error::format(origin, format!("the score of {text:?} is {score}")));
        }
        scores[place] = *score;
    }
    let unk_id = match file.unk_id {
        Some(id) if id >= pieces.len() as u64 => {
            return Err(Error::format(origin, format!("unk_id is {id}, but there are {} pieces", pieces.len())));
        }
        id => id.map(|id| id as u32),
    };
    Ok(Model::Unigram(Unigram { entries, scores, unk_id, byte_fallback: file.byte_fallback.unwrap_or(false) }))
}

fn bpe(origin: &str, file: StageModelJson<'_>) -> Result<Model> {
    let Vocabulary::Ids(ids) = &file.vocab else { unreachable!("the caller saw it") };
    let entries = entries(origin, ids)?;
    let prefix = file.continuing_subword_prefix.as_deref().unwrap_or_default();
    let Some(List(pairs)) = &file.merges else { return Err(Error::format(origin, "the model BPE has no merges")) };
    let mut joined = String::new();
    let merges = collect_all(pairs.iter().enumerate().map(|(rank, JsonMerge(left, right))| {
        let unknown = |part: &str| {
            let reason = format!("merge {rank} ({left:?} {right:?}) names {part:?}, which is not in the vocabulary");
            Error::format(origin, reason)
        };
        let id = |text: &str| entries.id(text).ok_or_else(|| unknown(text));
        let rest = right.get(prefix.len()..).ok_or_else(|| {
            Error::format(origin, format!("merge {rank} ({left:?} {right:?}) has no place for the prefix {prefix:?}"))
        })?;
        joined.clear();
        joined.try_reserve(left.len() + rest.len())?;
        joined.extend([&**left, rest]);
        Ok(Merge { left: id(left)?, right: id(right)?, result: id(&joined)? })
    }))?;
    if let Some(token) = file.unk_token.as_ref().filter(|token| entries.id(token).is_none()) {
        return Err(Error::format(origin, format!("the unk_token {token:?} is not in the vocabulary")));
    }
    Ok(Model::Bpe(Bpe {
        entries,
        merges,
        unk_token: file.unk_token,
        fuse_unk: file.fuse_unk.unwrap_or(false),
        byte_fallback: file.byte_fallback.unwrap_or(false),
        ignore_merges: file.ignore_merges.unwrap_or(false),
        continuing_subword_prefix: file.continuing_subword_prefix,
        end_of_word_suffix: file.end_of_word_suffix,
    }))
}

/// Checks that added tokens state the ids that `tokenizers` gives them: the id of the content in the vocabulary, or the
/// next id after it.
fn check_added(model: &Model, added: &[AddedToken]) -> Result<(), String> {
    let count = model.entries().count() as u32;
    let mut ids: HashMap<&str, u32> = HashMap::new();
    ids.try_reserve(added.len()).map_err(Error::from)?;
    let mut next = count;
    for token in added {
        if token.content.len() > crate::limits::ADDED_TOKEN {
            let (id, length, most) = (token.id, token.content.len(), crate::limits::ADDED_TOKEN);
            return Err(format!("the added token with id {id} has {length} bytes; {most} is the limit"));
        }
        if token.content.is_empty() {
            return Err(format!("the added token with id {} is empty", token.id));
        }
        let id = model.entries().id(&token.content).unwrap_or_else(|| {
            next += 1;
            next - 1
        });
        if id != token.id {
            return Err(format!("the added token {:?} states the id {}, but {id} is its own", token.content, token.id));
        }
        if ids.insert(&token.content, id).is_some() {
            return Err(format!("the added token {:?} occurs twice", token.content));
        }
    }
    let mut all: Vec<u32> = Vec::new();
    all.try_extend(ids.into_values())?;
    all.sort_unstable();
    match all.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("two added tokens share the id {}", pair[0])),
        None => Ok(()),
    }
}
