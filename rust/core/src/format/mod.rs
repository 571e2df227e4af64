//! Reads vocabularies from files, and writes them.
//!
//! [`read`] takes the bytes of a file, recognises the format by the content, and returns a checked [`Vocab`] with
//! exactly the meaning of the file. A file that cannot be reproduced exactly is refused, with the reason. [`save`]
//! writes a file, which appears whole or not at all. Time and memory are linear in the size of the file. Numbers in the
//! file cannot change that.

mod entries;
mod eurotok;
mod foreign;
mod gguf;
mod json;
mod known;
mod sentencepiece;
mod tekken;
mod tiktoken;
mod tokenizer_json;

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::{Error, Result};
use crate::limits;
use crate::memory::{collect_all, copied_text};
use crate::output::OutputFile;
use crate::split::Scheme;
use crate::vocab::pipeline::{Model, Pipeline, SentencePieceModel};
use crate::vocab::{Special, TokenizerData, Vocab};
use json::JsonText;
use tiktoken::Unsaid;

/// A file format for writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `tokenizer.json` of Hugging Face.
    TokenizerJson,
    /// `.tiktoken` of OpenAI.
    Tiktoken,
    /// `.eurotok`, the format of this project: everything, compactly.
    Eurotok,
}

impl Format {
    /// The format with this name: `json`, `tiktoken` or `eurotok`.
    ///
    /// # Errors
    /// [`Error::Argument`] for any other.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "json" => Ok(Self::TokenizerJson),
            "tiktoken" => Ok(Self::Tiktoken),
            "eurotok" => Ok(Self::Eurotok),
            _ => Err(Error::argument("format", format!("{name:?} is none of json, tiktoken and eurotok"))),
        }
    }

    /// The format of the extension of `path`.
    ///
    /// # Errors
    /// [`Error::Argument`] if it has none.
    pub fn from_path(path: &Path) -> Result<Self> {
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        Self::from_name(&extension).map_err(|_| {
            let reason = format!("{} ends in none of .json, .tiktoken and .eurotok", path.display());
            Error::argument("path", reason)
        })
    }
}

/// The caller's knowledge of a `.tiktoken` file, which does not state it itself.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    /// The splitting rule.
    pub scheme: Option<Scheme>,
    /// Contents and ids of the special tokens.
    pub special_tokens: Vec<(String, u32)>,
}

impl Hints {
    /// Refuses hints about a file that needs none.
    fn refuse(&self, origin: &str) -> Result<()> {
        let reason = format!("{origin} says it itself; only .tiktoken files need to be told");
        if self.scheme.is_some() {
            return Err(Error::argument("scheme", reason));
        }
        if !self.special_tokens.is_empty() {
            return Err(Error::argument("special_tokens", reason));
        }
        Ok(())
    }
}

/// A file of another format, brought into a form that is read here.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one at a time, which is taken apart at once")]
pub enum Converted {
    /// The stages of a tokenizer.
    Pipeline(Pipeline),
    /// A `tokenizer.json`.
    Json(Vec<u8>),
}

/// Converts a SentencePiece model or the vocabulary of a GGUF file; `None` for any other file. `origin`, the name of the file, appears
/// in errors.
///
/// # Errors
/// [`Error::Format`] if the data contradict themselves, [`Error::Unsupported`] if they ask for something that cannot be reproduced
/// exactly.
pub fn convert(origin: &str, data: &[u8]) -> Result<Option<Converted>> {
    if gguf::is(data) {
        return gguf::read(origin, data).map(Some);
    }
    if foreign::is_sentencepiece(data) {
        return sentencepiece::read(origin, data).map(Converted::Pipeline).map(Some);
    }
    Ok(None)
}

/// Reads a vocabulary from the bytes of a file. `origin` is its name in errors.
///
/// # Errors
/// [`Error::Format`] if the data contradict themselves or are of no known format, [`Error::Unsupported`] if they ask
/// for something that cannot be reproduced exactly, [`Error::Argument`] for hints about a file that needs none.
pub fn read(origin: &str, data: &[u8], hints: &Hints) -> Result<Vocab> {
    read_beside(origin, data, hints, Unsaid::default())
}

/// Reads any tokenizer from the bytes of a file: as a vocabulary if that means the same, else as stages.
///
/// # Errors
/// As [`read`].
pub fn read_tokenizer(origin: &str, data: &[u8], hints: &Hints) -> Result<TokenizerData> {
    read_any(origin, data, hints, Unsaid::default())
}

fn read_any(origin: &str, data: &[u8], hints: &Hints, beside: Unsaid) -> Result<TokenizerData> {
    match convert(origin, data)? {
        Some(Converted::Pipeline(pipeline)) => return hints.refuse(origin).map(|()| TokenizerData::Pipeline(pipeline)),
        Some(Converted::Json(json)) => return read_any(origin, &json, hints, beside),
        None => {}
    }
    if eurotok::has_stages(data) {
        let json = eurotok::stages(origin, data)?;
        if foreign::is_sentencepiece(&json) {
            return sentencepiece::read(origin, &json).map(TokenizerData::Pipeline);
        }
        return tokenizer_json::stages::read(origin, &json).map(TokenizerData::Pipeline);
    }
    match read_beside(origin, data, hints, beside) {
        Err(Error::Unsupported { .. })
            if matches!(Content::of(origin, data), Ok(Content::TokenizerJson | Content::OtherModel(_))) =>
        {
            tokenizer_json::stages::read(origin, data).map(TokenizerData::Pipeline)
        }
        read => read.map(TokenizerData::Vocab),
    }
}

/// Like [`read`], with the contents of the companion file. Hints take precedence.
fn read_beside(origin: &str, data: &[u8], hints: &Hints, beside: Unsaid) -> Result<Vocab> {
    let content = Content::of(origin, data)?;
    if !matches!(content, Content::Tiktoken) {
        hints.refuse(origin)?;
    }
    let vocab = match content {
        Content::Eurotok => eurotok::read(origin, data),
        Content::TokenizerJson => tokenizer_json::read(origin, data),
        Content::OtherModel(model) => {
            Err(Error::unsupported(origin, format!("the model {model}; only byte-level BPE is")))
        }
        Content::Tekken => tekken::read(origin, data),
        Content::Tiktoken => {
            let given = || {
                let special = |(content, id): &(String, u32)| {
                    Ok(Special { content: copied_text(content)?, id: *id, special: true })
                };
                collect_all(hints.special_tokens.iter().map(special))
            };
            let unsaid = Unsaid {
                scheme: hints.scheme.clone().or(beside.scheme),
                specials: if hints.special_tokens.is_empty() { beside.specials } else { Some(given()?) },
                ..beside
            };
            tiktoken::read(origin, data, unsaid)
        }
    }?;
    // Ordinary tokens were checked against this limit before any table became as long as the largest id.
    let special = vocab.specials.last().map(|special| (&special.content, special.id));
    let inert = vocab.inert.last().map(|entry| (&entry.content, entry.id));
    match special.into_iter().chain(inert).find(|(_, id)| u64::from(*id) > limits::max_id(vocab.tokens.len())) {
        Some((content, id)) => {
            Err(Error::format(origin, format!("the token {content:?} has the id {id}, far beyond the others")))
        }
        None => Ok(vocab),
    }
}

/// The content of a file.
enum Content {
    TokenizerJson,
    /// A `tokenizer.json` whose model is not BPE, but this one.
    OtherModel(String),
    Tekken,
    Tiktoken,
    Eurotok,
}

impl Content {
    fn of(origin: &str, data: &[u8]) -> Result<Self> {
        let text = data.trim_ascii_start();
        if text.is_empty() {
            return Err(Error::format(origin, "the file is empty"));
        }
        if eurotok::is(data) {
            return Ok(Self::Eurotok);
        }
        if text[0] == b'{' {
            return Self::of_json(origin, data);
        }
        if tiktoken::is(data) {
            return Ok(Self::Tiktoken);
        }
        if let Some(reason) = foreign::reason(data) {
            return Err(Error::unsupported(origin, reason));
        }
        let reason =
            "not a tokenizer: no JSON object, not .eurotok, and its first line is not `base64 rank` as in .tiktoken";
        Err(Error::format(origin, reason))
    }

    fn of_json(origin: &str, data: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Outline<'a> {
            #[serde(borrow)]
            model: Option<ModelOutline<'a>>,
            config: Option<IgnoredAny>,
            vocab: Option<IgnoredAny>,
            tokenizer_class: Option<IgnoredAny>,
            added_tokens_decoder: Option<IgnoredAny>,
        }
        #[derive(Deserialize)]
        struct ModelOutline<'a> {
            #[serde(borrow)]
            r#type: Option<JsonText<'a>>,
            merges: Option<IgnoredAny>,
        }
        json::probe(data)?;
        let outline: Outline<'_> = serde_json::from_slice(data).map_err(|error| Error::format(origin, error))?;
        match outline {
            Outline { model: Some(ModelOutline { r#type, merges }), .. } => {
                match r#type.as_ref().map(|JsonText(name)| &**name) {
                    Some("BPE") => Ok(Self::TokenizerJson),
                    None if merges.is_some() => Ok(Self::TokenizerJson),
                    other => Ok(Self::OtherModel(other.unwrap_or("without a type").to_string())),
                }
            }
            Outline { config: Some(_), vocab: Some(_), .. } => Ok(Self::Tekken),
            Outline { tokenizer_class: Some(_), .. } | Outline { added_tokens_decoder: Some(_), .. } => {
                let reason = "the tokenizer_config.json of a tokenizer; its tokenizer.json has the tokens";
                Err(Error::format(origin, reason))
            }
            _ => Err(Error::format(origin, "JSON, but neither a tokenizer.json nor a Tekken file")),
        }
    }
}

/// Reads the vocabulary in a file. Beside a `.tiktoken` file, its `.json` file is read, too.
///
/// # Errors
/// As [`read`], and [`Error::Io`].
pub fn load(path: &Path, hints: &Hints) -> Result<Vocab> {
    let (data, beside) = gathered(path)?;
    read_beside(&path.display().to_string(), &data, hints, beside)
}

/// Reads any tokenizer in a file, as [`read_tokenizer`] does.
///
/// # Errors
/// As [`load`].
pub fn load_tokenizer(path: &Path, hints: &Hints) -> Result<TokenizerData> {
    let (data, beside) = gathered(path)?;
    read_any(&path.display().to_string(), &data, hints, beside)
}

/// The contents of a file, and of its companion file if it is a `.tiktoken` file.
fn gathered(path: &Path) -> Result<(Vec<u8>, Unsaid)> {
    let data = contents(path)?;
    let beside = sidecar(path);
    let beside = match tiktoken::is(&data) && beside.exists() {
        true => tiktoken::read_sidecar(&beside.display().to_string(), &contents(&beside)?)?,
        false => Unsaid::default(),
    };
    Ok((data, beside))
}

fn contents(path: &Path) -> Result<Vec<u8>> {
    let mut data = Vec::new();
    let file = File::open(path).map_err(|error| Error::io(path, error))?;
    file.take(limits::FILE + 1).read_to_end(&mut data).map_err(|error| Error::io(path, error))?;
    if data.len() as u64 > limits::FILE {
        let reason = format!("more than {} bytes; no vocabulary is that large", limits::FILE);
        return Err(Error::format(path.display(), reason));
    }
    Ok(data)
}

/// The path of the file that completes a `.tiktoken` file.
fn sidecar(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".json");
    name.into()
}

/// The bytes of a file in `format`. A `.tiktoken` file alone lacks the regex and the special tokens; see [`save`].
///
/// # Errors
/// [`Error::Unsupported`] if the format cannot express the vocabulary.
pub fn write(vocab: &Vocab, format: Format) -> Result<Vec<u8>> {
    match format {
        Format::TokenizerJson => tokenizer_json::write(vocab),
        Format::Tiktoken => tiktoken::write(vocab).map(|(lines, _)| lines),
        Format::Eurotok => eurotok::write(vocab),
    }
}

/// The bytes of a file of stages in `format`.
///
/// # Errors
/// [`Error::Unsupported`] for a `.tiktoken` file, which holds tokens alone; [`Error::Memory`].
pub fn write_stages(pipeline: &Pipeline, format: Format) -> Result<Vec<u8>> {
    match format {
        Format::TokenizerJson => tokenizer_json::write_stages::write(pipeline),
        Format::Tiktoken => Err(Error::unsupported("tiktoken", "a tokenizer that is no byte-level BPE alone")),
        Format::Eurotok => eurotok::write_stages(&match &pipeline.model {
            Model::SentencePiece(model) => sentencepiece::write(model)?,
            _ => tokenizer_json::write_stages::write(pipeline)?,
        }),
    }
}

/// The stages with which `tokenizers` gives the ids of a SentencePiece model.
///
/// # Errors
/// [`Error::Unsupported`] with the reason if there are none; [`Error::Memory`].
pub fn translated(model: &SentencePieceModel) -> Result<Pipeline> {
    sentencepiece::stages::translated("the model", model)
}

/// Writes stages to `path` in the format of its extension. The file appears whole or not at all.
///
/// # Errors
/// As [`Format::from_path`] and [`write_stages`], and [`Error::Io`].
pub fn save_stages(pipeline: &Pipeline, path: &Path) -> Result<()> {
    let data = write_stages(pipeline, Format::from_path(path)?)?;
    put(vec![(path.to_path_buf(), data)])
}

/// Writes `vocab` to `path` in the format of its extension; for `.tiktoken` also `<path>.json`, with the regex and
/// the special tokens. Files appear whole or not at all.
///
/// # Errors
/// As [`Format::from_path`] and [`write`], and [`Error::Io`].
pub fn save(vocab: &Vocab, path: &Path) -> Result<()> {
    let files = match Format::from_path(path)? {
        Format::Tiktoken => {
            let (lines, beside) = tiktoken::write(vocab)?;
            vec![(sidecar(path), beside), (path.to_path_buf(), lines)]
        }
        format => vec![(path.to_path_buf(), write(vocab, format)?)],
    };
    put(files)
}

/// Writes files, all of them or none.
fn put(files: Vec<(PathBuf, Vec<u8>)>) -> Result<()> {
    let mut outputs = Vec::new();
    for (path, data) in files {
        // All of them are on the disk before the first is put in its place.
        let write = |mut output: OutputFile| {
            output.write_all(&data)?;
            output.sync()?;
            Ok(output)
        };
        let output = OutputFile::create(&path).and_then(write).map_err(|error| Error::io(&path, error))?;
        outputs.push((path, output));
    }
    for (path, output) in outputs {
        output.finish().map_err(|error| Error::io(path, error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
