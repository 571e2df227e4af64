//! The vocabulary in a GGUF file of llama.cpp.
//!
//! Only the metadata are read, which stand before the tensors: keys and values. Only the keys of the tokenizer matter.
//! Their values become a `tokenizer.json` or SentencePiece's pieces, which the other modules read.

use hashbrown::HashMap;
use serde_json::{Map, Value, json};

use super::Converted;
use super::known::KIMI;
use super::sentencepiece::stages::{self, ScoredPiece, Spaces};
use crate::error::{Error, Result};
use crate::memory::{Grow, collect_all};
use crate::vocab::pipeline::Kind;

/// Whether the data begin as a GGUF file.
pub(super) fn is(data: &[u8]) -> bool {
    data.starts_with(b"GGUF")
}

/// A value of the metadata.
enum MetadataValue<'t> {
    Number,
    Flag(bool),
    Text(&'t str),
    Numbers(Vec<f64>),
    Texts(Vec<&'t str>),
}

/// The bytes of the metadata that are not read yet.
struct MetadataReader<'t> {
    data: &'t [u8],
    rest: &'t [u8],
}

impl<'t> MetadataReader<'t> {
    fn take(&mut self, count: u64) -> Result<&'t [u8], String> {
        let place = self.data.len() - self.rest.len();
        let split = usize::try_from(count).ok().and_then(|count| self.rest.split_at_checked(count));
        let (taken, rest) = split.ok_or_else(|| format!("it ends within {count} bytes at byte {place}"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], String> {
        Ok(self.take(N as u64)?.try_into().expect("as many bytes as were taken"))
    }

    fn u32(&mut self) -> Result<u32, String> {
        Ok(u32::from_le_bytes(self.number()?))
    }

    fn u64(&mut self) -> Result<u64, String> {
        Ok(u64::from_le_bytes(self.number()?))
    }

    fn text(&mut self) -> Result<&'t str, String> {
        let length = self.u64()?;
        let bytes = self.take(length)?;
        str::from_utf8(bytes).map_err(|_| format!("b\"{}\" is not UTF-8", bytes[..bytes.len().min(40)].escape_ascii()))
    }

    /// A number, or a truth value, of this type.
    fn scalar(&mut self, kind: u32) -> Result<f64, String> {
        Ok(match kind {
            0 => f64::from(u8::from_le_bytes(self.number()?)),
            1 => f64::from(i8::from_le_bytes(self.number()?)),
            2 => f64::from(u16::from_le_bytes(self.number()?)),
            3 => f64::from(i16::from_le_bytes(self.number()?)),
            4 => f64::from(self.u32()?),
            5 => f64::from(i32::from_le_bytes(self.number()?)),
            6 => f64::from(f32::from_le_bytes(self.number()?)),
            7 => f64::from(u8::from_le_bytes(self.number()?)),
            10 => self.u64()? as f64,
            11 => i64::from_le_bytes(self.number()?) as f64,
            12 => f64::from_le_bytes(self.number()?),
            other => return Err(format!("a value of the type {other}, which is unknown")),
        })
    }

    /// A value. The claimed length of a list is not trusted.
    fn value(&mut self, kind: u32) -> Result<MetadataValue<'t>, String> {
        match kind {
            7 => Ok(MetadataValue::Flag(self.scalar(kind)? != 0.0)),
            8 => self.text().map(MetadataValue::Text),
            9 => {
                let (kind, count) = (self.u32()?, self.u64()?);
                match kind {
                    8 => {
                        let mut texts = Vec::new();
                        for _ in 0..count {
                            texts.try_push(self.text()?).map_err(String::from)?;
                        }
                        Ok(MetadataValue::Texts(texts))
                    }
                    9 => Err("a list of lists, which no GGUF file has".to_string()),
                    kind => {
                        let mut numbers = Vec::new();
                        for _ in 0..count {
                            numbers.try_push(self.scalar(kind)?).map_err(String::from)?;
                        }
                        Ok(MetadataValue::Numbers(numbers))
                    }
                }
            }
            kind => self.scalar(kind).map(|_| MetadataValue::Number),
        }
    }
}

/// The key of the model's kind.
const ARCHITECTURE: &str = "general.architecture";

/// The metadata of a tokenizer, by the part of the key that follows `tokenizer.`, and the model's kind.
struct Metadata<'t>(HashMap<&'t str, MetadataValue<'t>>);

impl<'t> Metadata<'t> {
    fn read(data: &'t [u8]) -> Result<Self, String> {
        let mut reader = MetadataReader { data, rest: data };
        reader.take(4)?;
        let version = reader.u32()?;
        if !(2..=3).contains(&version) {
            return Err(format!("version {version} of GGUF; 2 and 3 are read"));
        }
        reader.u64()?;
        let count = reader.u64()?;
        let mut entries = HashMap::new();
        for _ in 0..count {
            let key = reader.text()?;
            let kind = reader.u32()?;
            let entry = reader.value(kind).map_err(|reason| format!("{}: {reason}", excerpt(key)))?;
            if let Some(name) = key.strip_prefix("tokenizer.").or((key == ARCHITECTURE).then_some(key)) {
                entries.try_reserve(1).map_err(Error::from)?;
                if entries.insert(name, entry).is_some() {
                    return Err(format!("the key {key:?} occurs twice"));
                }
            }
        }
        Ok(Self(entries))
    }

    fn text(&self, key: &str) -> Option<&'t str> {
        match self.0.get(key) {
            Some(MetadataValue::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn texts(&self, key: &str) -> Result<&[&'t str], String> {
        match self.0.get(key) {
            Some(MetadataValue::Texts(texts)) => Ok(texts),
            _ => Err(format!("without the list tokenizer.{key}")),
        }
    }

    /// A list of numbers, one for each token.
    fn numbers(&self, key: &str, count: usize) -> Result<&[f64], String> {
        match self.0.get(key) {
            Some(MetadataValue::Numbers(numbers)) if numbers.len() == count => Ok(numbers),
            Some(MetadataValue::Numbers(numbers)) => {
                Err(format!("{} entries in tokenizer.{key} for {count} tokens", numbers.len()))
            }
            _ => Err(format!("without the list tokenizer.{key}")),
        }
    }

    fn flag(&self, key: &str, default: bool) -> bool {
        match self.0.get(key) {
            Some(MetadataValue::Flag(flag)) => *flag,
            _ => default,
        }
    }
}

fn excerpt(key: &str) -> String {
    key.chars().take(60).collect()
}

/// Reads the vocabulary of a GGUF file.
pub(super) fn read(origin: &str, data: &[u8]) -> Result<Converted> {
    let fail = |reason: String| Error::format(origin, reason);
    let metadata = Metadata::read(data).map_err(fail)?;
    let Some(model) = metadata.text("ggml.model") else {
        return Err(Error::unsupported(origin, "a GGUF file without a tokenizer (tokenizer.ggml.model)"));
    };
    let tokens = metadata.texts("ggml.tokens").map_err(fail)?;
    let kinds = metadata.numbers("ggml.token_type", tokens.len()).map_err(fail)?;
    let kind = |(id, &number): (usize, &f64)| {
        let kind = Kind::of(number as i64);
        kind.ok_or_else(|| Error::format(origin, format!("token {id}: the type {number}, which is unknown")))
    };
    let kinds = collect_all(kinds.iter().enumerate().map(kind))?;
    match model {
        "llama" => {
            let scores = metadata.numbers("ggml.scores", tokens.len()).map_err(fail)?;
            let mut pieces = Vec::new();
            for ((&text, &score), &kind) in tokens.iter().zip(scores).zip(&kinds) {
                pieces.try_push(ScoredPiece { text, score: score as f32, kind })?;
            }
            let spaces = Spaces {
                prefix: metadata.flag("ggml.add_space_prefix", true),
                prefix_behind_tokens: true,
                collapse: metadata.flag("ggml.remove_extra_whitespaces", false),
            };
            stages::bpe(origin, &pieces, spaces, kinds.contains(&Kind::Byte), " \u{2047} ").map(Converted::Pipeline)
        }
        "gpt2" => {
            let merges = metadata.texts("ggml.merges").map_err(fail)?;
            let splits = match metadata.text("ggml.pre") {
                Some(name) => splits(name).ok_or_else(|| {
                    Error::unsupported(origin, format!("the pre-tokenizer {:?} of a GGUF file", excerpt(name)))
                })?,
                // Old files do not state it. All models of these kinds split alike.
                None => match metadata.text(ARCHITECTURE) {
                    Some("gpt2" | "gptneox" | "mpt") => &[GPT2][..],
                    _ => {
                        let reason = "a GGUF file that does not say how text is split (tokenizer.ggml.pre)";
                        return Err(Error::unsupported(origin, reason));
                    }
                },
            };
            let byte_level = json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
                "use_regex": false });
            let split = |regex: &&str| {
                json!({ "type": "Split", "pattern": { "Regex": regex },
                "behavior": "Isolated", "invert": false })
            };
            let parts: Vec<Value> = splits.iter().map(split).chain([byte_level.clone()]).collect();
            let pre_tokenizer = json!({ "type": "Sequence", "pretokenizers": parts });
            let model = json!({ "type": "BPE", "fuse_unk": false, "byte_fallback": false,
                "ignore_merges": metadata.text("ggml.pre").is_some_and(takes_whole) });
            let stages = StageValues { model, normalizer: Value::Null, pre_tokenizer, decoder: byte_level };
            to_json(origin, tokens, &kinds, Some(merges), stages)
        }
        "gemma4" => {
            let merges = metadata.texts("ggml.merges").map_err(fail)?;
            let string = |text: &str| json!({ "String": text });
            let normalizer = json!({ "type": "Replace", "pattern": string(" "), "content": "▁" });
            let decoder = json!({ "type": "Sequence", "decoders": [
                { "type": "Replace", "pattern": string("▁"), "content": " " },
                { "type": "ByteFallback" }, { "type": "Fuse" } ] });
            let model = json!({ "type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true,
                "ignore_merges": false });
            let stages = StageValues { model, normalizer, pre_tokenizer: Value::Null, decoder };
            to_json(origin, tokens, &kinds, Some(merges), stages)
        }
        "bert" => bert(origin, tokens, &kinds),
        other => {
            let reason =
                format!("the tokenizer {:?} of a GGUF file; llama, gpt2, gemma4 and bert are read", excerpt(other));
            Err(Error::unsupported(origin, reason))
        }
    }
}

/// The tokenizer of BERT. Its tokens within words are spelled with `##` in a `tokenizer.json`; in a GGUF file tokens that begin
/// a word are spelled with `▁`.
fn bert(origin: &str, tokens: &[&str], kinds: &[Kind]) -> Result<Converted> {
    let mut spelled = Vec::new();
    for (&token, &kind) in tokens.iter().zip(kinds) {
        let text = match token.strip_prefix('▁') {
            _ if kind != Kind::Normal => token.to_string(),
            Some(word) => word.to_string(),
            None => format!("##{token}"),
        };
        spelled.try_push(text)?;
    }
    let spelled: Vec<&str> = spelled.iter().map(String::as_str).collect();
    let normalizer = json!({ "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
        "strip_accents": null, "lowercase": true });
    let decoder = json!({ "type": "WordPiece", "prefix": "##", "cleanup": true });
    let model = json!({ "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100 });
    let pre_tokenizer = json!({ "type": "BertPreTokenizer" });
    to_json(origin, &spelled, kinds, None, StageValues { model, normalizer, pre_tokenizer, decoder })
}

/// The stages of a `tokenizer.json`.
struct StageValues {
    model: Value,
    normalizer: Value,
    pre_tokenizer: Value,
    decoder: Value,
}

/// Reads the parts of a tokenizer as a `tokenizer.json`.
fn to_json(
    origin: &str,
    tokens: &[&str],
    kinds: &[Kind],
    merges: Option<&[&str]>,
    stages: StageValues,
) -> Result<Converted> {
    let StageValues { mut model, normalizer, pre_tokenizer, decoder } = stages;
    let mut vocab = Map::new();
    let mut added = Vec::new();
    for ((&text, &kind), id) in tokens.iter().zip(kinds).zip(0..) {
        if vocab.insert(text.to_string(), json!(id)).is_some() {
            return Err(Error::format(origin, format!("the token {text:?} occurs twice")));
        }
        if matches!(kind, Kind::Control | Kind::UserDefined | Kind::Unknown) {
            added
                .try_push(json!({ "id": id, "content": text, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": kind != Kind::UserDefined }))?;
        }
    }
    model["vocab"] = Value::Object(vocab);
    if let Some(merges) = merges {
        model["merges"] = json!(merges);
    }
    let file = json!({ "version": "1.0", "added_tokens": added, "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer, "decoder": decoder, "model": model });
    super::json::to_bytes(&file).map(Converted::Json)
}

/// Whether llama.cpp takes a piece that is a token as that token, without looking at the merges.
fn takes_whole(name: &str) -> bool {
    matches!(name, "llama-bpe" | "llama-v3" | "llama3" | "gpt-4o" | "llama4" | "tekken" | "youtu" | "falcon3")
}

const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN35: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const O200K: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

const BLOOM: &str = r" ?[^(\s|.,!?…。，、।۔،)]+";

/// The regexes that split text one after the other, by the name that llama.cpp has for them.
fn splits(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "gpt-2" | "phi-2" | "mpt" | "olmo" | "jina-es" | "jina-de" | "jina-v2-es" | "jina-v2-de" | "jina-v2-code" => {
            &[GPT2]
        }
        "llama-bpe" | "llama-v3" | "llama3" | "falcon3" | "smaug-bpe" | "chatglm-bpe" | "glm4" | "dbrx" => &[LLAMA3],
        "qwen2" | "stablelm2" | "deepseek-r1-qwen" | "megrez" => &[QWEN2],
        "qwen35" => &[QWEN35],
        "gpt-4o" | "llama4" => &[O200K],
        "tekken" => &[TEKKEN],
        "starcoder" | "refact" | "command-r" | "smollm" | "codeshell" | "exaone" | "minerva-7b" => &[r"\p{N}", GPT2],
        "falcon" => &[r"[\p{P}\$\+<=>\^~\|`]+", GPT2, "[0-9][0-9][0-9]"],
        "deepseek-llm" => &[
            r"[\r\n]",
            r"\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-\x{1F7D}ᾀ-ᾴᾶ-ᾼ\x{1FBE}ῂ-ῄῆ-ῌῐ-\x{1FD3}ῖ-\x{1FDB}ῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\x{2126}ℨ\x{212A}-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+",
            r"\s?[!-/:-~！-／：-～‘-‟　-。]+",
            r"\s+\z",
            "[一-龥ࠀ-一가-퟿]+",
            r"\p{N}+",
        ],
        "viking" => &[BLOOM, r"\p{N}"],
        "poro-chat" | "bloom" | "gpt3-finnish" => &[BLOOM],
        "kimi-k2" => &[KIMI],
        "deepseek-coder" => &[r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+", r"\p{N}"],
        "deepseek-v3" => &[
            r"\p{N}{1,3}",
            "[一-龥぀-ゟ゠-ヿ]+",
            r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"##,
        ],
        _ => return None,
    })
}
