//! A tokenizer made ready to run.
//!
//! A vocabulary has an [`Encoder`] and a [`TokenDecoder`], any other tokenizer its [`Stages`]. Both give ids of a text alone; the
//! [`template`] says which stand before and behind them.

pub mod template;

use crate::arch::{Foreign, Isa};
use crate::decode::{Plan, TokenDecoder};
use crate::encode::files::DocumentEncoder;
use crate::encode::{AsText, Encoder, Specials, Text, utf8};
use crate::error::{Error, Result};
use crate::format::{self, Format};
use crate::memory::Grow;
use crate::ragged::Ragged;
use crate::stages::spans::{each_trim, trim};
use crate::stages::{Spanned, Stages};
use crate::stop::Stop;
use crate::vocab::pipeline::Model;
use crate::vocab::{self, Vocab, alphabet};
use serde_json::Value;
use template::Templates;

/// A tokenizer made ready to run. Immutable but for caches; share it between threads.
#[derive(Debug)]
pub struct Tokenizer {
    engine: Runner,
    templates: Templates,
    /// The post-processors that leave whitespace out of the spans of a vocabulary's tokens.
    trims: Vec<bool>,
}

#[derive(Debug)]
enum Runner {
    Vocab {
        encoder: Encoder,
        decoder: TokenDecoder,
    },
    Stages {
        stages: Stages,
        /// Gives the ids of texts, if the model is BPE over characters that can be run as one over bytes.
        characters: Option<Box<Encoder>>,
    },
}

impl Tokenizer {
    /// Prepares a tokenizer.
    ///
    /// # Errors
    /// As [`Encoder::new`] and [`Stages::new`]; [`Error::Unsupported`] for a post-processor that is unknown.
    pub fn new(data: vocab::TokenizerData) -> Result<Self> {
        Ok(match data {
            vocab::TokenizerData::Vocab(vocab) => {
                let processor = template::parsed(vocab.carried.post_processor.as_ref())?;
                let templates = Templates::new(processor.as_ref())?;
                let mut trims = Vec::new();
                processor.iter().for_each(|processor| each_trim(processor, &mut trims));
                let encoder = Encoder::new(vocab)?;
                let decoder = TokenDecoder::new(encoder.vocab(), encoder.isa())?;
                Self { engine: Runner::Vocab { encoder, decoder }, templates, trims }
            }
            vocab::TokenizerData::Pipeline(pipeline) => {
                let templates = Templates::new(pipeline.post_processor.as_ref())?;
                let stages = match &pipeline.model {
                    Model::SentencePiece(model) => match format::translated(model) {
                        Err(Error::Memory) => return Err(Error::Memory),
                        translated => translated.ok(),
                    },
                    _ => None,
                };
                let characters = Encoder::of_characters(stages.as_ref().unwrap_or(&pipeline))?.map(Box::new);
                let engine = Runner::Stages { stages: Stages::new(pipeline)?, characters };
                Self { engine, templates, trims: Vec::new() }
            }
        })
    }

    /// The vocabulary, if it is byte-level BPE with one splitting rule.
    #[inline]
    pub fn vocab(&self) -> Option<&Vocab> {
        self.encoder().map(Encoder::vocab)
    }

    /// The encoder, if the tokenizer is byte-level BPE with one splitting rule.
    #[inline]
    pub fn encoder(&self) -> Option<&Encoder> {
        match &self.engine {
            Runner::Vocab { encoder, .. } => Some(encoder),
            Runner::Stages { .. } => None,
        }
    }

    /// The encoder, or else the stages.
    #[inline]
    fn ids(&self) -> Result<&Encoder, &Stages> {
        match &self.engine {
            Runner::Vocab { encoder, .. } => Ok(encoder),
            Runner::Stages { characters: Some(encoder), .. } => Ok(encoder),
            Runner::Stages { stages, .. } => Err(stages),
        }
    }

    /// Its stages, if it runs by them.
    pub fn stages(&self) -> Option<&Stages> {
        match &self.engine {
            Runner::Vocab { .. } => None,
            Runner::Stages { stages, .. } => Some(stages),
        }
    }

    /// The encoder of files.
    pub fn documents(&self) -> &dyn DocumentEncoder {
        match self.ids() {
            Ok(encoder) => encoder,
            Err(stages) => stages,
        }
    }

    /// The ids before and behind the ids of a text.
    pub fn templates(&self) -> &Templates {
        &self.templates
    }

    /// The instruction set it uses.
    pub fn isa(&self) -> Isa {
        match &self.engine {
            Runner::Vocab { encoder, .. } => encoder.isa(),
            Runner::Stages { stages, .. } => stages.isa(),
        }
    }

    /// One more than the largest id.
    #[inline]
    pub fn size(&self) -> usize {
        match &self.engine {
            Runner::Vocab { encoder, .. } => encoder.vocab().size(),
            Runner::Stages { stages, .. } => stages.data().size(),
        }
    }

    /// The bytes of an id. In byte-level models these are the bytes of the text, in other models the token as the
    /// vocabulary spells it.
    pub fn token(&self, id: u32) -> Option<Vec<u8>> {
        match &self.engine {
            Runner::Vocab { encoder, .. } => encoder.vocab().token(id).map(<[u8]>::to_vec),
            Runner::Stages { stages, .. } => stages.token(id),
        }
    }

    /// The id of the token with exactly these bytes.
    pub fn id(&self, token: &[u8]) -> Option<u32> {
        match &self.engine {
            Runner::Vocab { encoder, .. } => encoder.vocab().id(token),
            Runner::Stages { stages, .. } => stages.id(token),
        }
    }

    /// The contents and ids of added tokens, by ascending id.
    pub fn added_tokens(&self) -> Vec<(&str, u32)> {
        match &self.engine {
            Runner::Vocab { encoder, .. } => {
                encoder.vocab().specials.iter().map(|token| (&token.content[..], token.id)).collect()
            }
            Runner::Stages { stages, .. } => {
                stages.data().added.iter().map(|token| (&token.content[..], token.id)).collect()
            }
        }
    }

    /// Ids of the special tokens that decoding leaves out if it is asked to.
    pub fn skipped_tokens(&self) -> Vec<u32> {
        match &self.engine {
            Runner::Vocab { encoder, .. } => {
                let vocab = encoder.vocab();
                vocab.specials.iter().map(|token| token.id).filter(|&id| vocab.is_special(id)).collect()
            }
            Runner::Stages { stages, .. } => {
                stages.data().added.iter().filter(|token| token.special).map(|token| token.id).collect()
            }
        }
    }

    /// The ids of a text, unless it is stopped.
    ///
    /// # Errors
    /// As [`Encoder::encode_unless`] and [`Stages::encode`].
    pub fn encode(&self, stop: &Stop, text: Text<'_>, specials: Specials) -> Result<Vec<u32>> {
        match self.ids() {
            Ok(encoder) => encoder.encode_unless(stop, text, specials),
            Err(stages) => stages.encode(stop, &utf8(stop, text, 0, stages.isa())?, specials),
        }
    }

    /// Calls `take` with the ids of a text and returns its result. The ids stand in memory that is used again, which suits short texts.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    #[inline]
    pub fn encode_with<T>(&self, text: Text<'_>, specials: Specials, take: impl FnOnce(&[u32]) -> T) -> Result<T> {
        match self.ids() {
            Ok(encoder) => encoder.encode_with(text, specials, take),
            Err(stages) => stages.encode_with(&utf8(&Stop::never(), text, 0, stages.isa())?, specials, take),
        }
    }

    /// The ids of a text, and their spans in characters of it, unless it is stopped.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_with_offsets(&self, stop: &Stop, text: &str, specials: Specials) -> Result<Spanned> {
        match &self.engine {
            Runner::Vocab { encoder, .. } => {
                let (ids, mut spans) = encoder.encode_with_offsets_unless(stop, text, specials)?;
                if !self.trims.is_empty() {
                    self.trim(encoder.vocab(), &ids, &mut spans);
                }
                Ok((ids, spans))
            }
            Runner::Stages { stages, .. } => stages.encode_with_offsets(stop, text, specials),
        }
    }

    /// Leaves whitespace out of spans, as the post-processor says.
    fn trim(&self, vocab: &Vocab, ids: &[u32], spans: &mut [(i64, i64)]) {
        for (place, (&id, span)) in ids.iter().zip(spans).enumerate() {
            let ordinary = vocab.tokens.get(id);
            let text = match ordinary {
                [] => String::from_utf8_lossy(vocab.token(id).unwrap_or_default()).into_owned(),
                [b' ', ..] | [.., b' '] => alphabet::spell(ordinary),
                _ => continue,
            };
            let mut trimmed = (span.0 as usize, span.1 as usize);
            self.trims.iter().for_each(|&add_prefix_space| trim(&text, place == 0, add_prefix_space, &mut trimmed));
            *span = (trimmed.0 as i64, trimmed.1 as i64);
        }
    }

    /// The number of ids of a text, unless it is stopped.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    #[inline]
    pub fn count(&self, stop: &Stop, text: Text<'_>, specials: Specials) -> Result<usize> {
        match self.ids() {
            Ok(encoder) => encoder.count_unless(stop, text, specials),
            Err(stages) => stages.count(stop, &utf8(stop, text, 0, stages.isa())?, specials),
        }
    }

    /// The ids of each text, to memory for ids, if there is some, on at most `threads` threads, unless it is stopped.
    ///
    /// # Errors
    /// As [`Encoder::encode_batch_to`] and [`Stages::encode_batch`].
    pub fn encode_batch_to<'t, T: AsText<'t>>(
        &self,
        ids: Vec<u32>,
        stop: &Stop,
        texts: &'t [T],
        specials: Specials,
        threads: Option<usize>,
    ) -> Result<Ragged> {
        match self.ids() {
            Ok(encoder) => encoder.encode_batch_to(ids, stop, texts, specials, threads),
            Err(stages) => stages.encode_batch(stop, texts, specials, threads),
        }
    }

    /// The number of ids of each text, unless it is stopped.
    ///
    /// # Errors
    /// As [`encode_batch_to`](Self::encode_batch_to).
    pub fn count_batch<'t, T: AsText<'t>>(
        &self,
        stop: &Stop,
        texts: &'t [T],
        specials: Specials,
        threads: Option<usize>,
    ) -> Result<Vec<i64>> {
        match self.ids() {
            Ok(encoder) => encoder.count_batch_unless(stop, texts, specials, threads),
            Err(stages) => stages.count_batch(stop, texts, specials, threads),
        }
    }

    /// The pieces of a text, which tokens never cross. If the tokenizer runs stage by stage, the pieces of the
    /// normalized text, as the model gets them.
    ///
    /// # Errors
    /// [`Error::Pattern`], [`Error::Memory`], [`Error::Interrupted`].
    pub fn pieces(&self, stop: &Stop, text: &str) -> Result<Vec<String>> {
        match &self.engine {
            Runner::Vocab { encoder, .. } => {
                let mut pieces = Vec::new();
                let show = |piece: &[u8]| pieces.try_push(String::from_utf8_lossy(piece).into_owned());
                encoder.splitter().try_for_each_piece(stop, text.as_bytes(), show)?;
                Ok(pieces)
            }
            Runner::Stages { stages, .. } => stages.pieces(stop, text),
        }
    }

    /// The bytes of the text of ids. Special tokens are included only if `with_specials`.
    ///
    /// # Errors
    /// As [`TokenDecoder::decode`] and [`Stages::decode`].
    pub fn decode<'i>(&self, stop: &Stop, ids: impl Into<Foreign<'i>>, with_specials: bool) -> Result<Vec<u8>> {
        match &self.engine {
            Runner::Vocab { encoder, decoder } => decoder.decode_unless(stop, encoder.vocab(), ids, with_specials),
            Runner::Stages { stages, .. } => stages.decode(stop, ids, with_specials),
        }
    }

    /// Like [`TokenDecoder::plan`], if a plan pays for this number of ids.
    ///
    /// # Errors
    /// As [`TokenDecoder::plan`].
    pub fn plan<'d>(
        &'d self,
        stop: &Stop,
        ids: Foreign<'d>,
        with_specials: bool,
        threads: Option<usize>,
    ) -> Result<Option<Plan<'d>>> {
        match &self.engine {
            Runner::Vocab { encoder, decoder } if decoder.is_worth_a_plan(ids.len()) => {
                decoder.plan_unless(stop, encoder.vocab(), ids, with_specials, threads).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The bytes of the text of each of many sequences: sequence `i` is `ids[offsets[i]..offsets[i + 1]]`.
    ///
    /// # Errors
    /// As [`TokenDecoder::decode_batch`] and [`Stages::decode_batch`].
    pub fn decode_batch<'i>(
        &self,
        stop: &Stop,
        ids: impl Into<Foreign<'i>>,
        offsets: &[i64],
        with_specials: bool,
        threads: Option<usize>,
    ) -> Result<Vec<Vec<u8>>> {
        match &self.engine {
            Runner::Vocab { encoder, decoder } => {
                decoder.decode_batch_unless(stop, encoder.vocab(), ids, offsets, with_specials, threads)
            }
            Runner::Stages { stages, .. } => stages.decode_batch(stop, ids, offsets, with_specials, threads),
        }
    }

    /// How the file has sequences padded, and how truncated.
    pub fn stated(&self) -> [Option<&Value>; 2] {
        match &self.engine {
            Runner::Vocab { encoder, .. } => {
                let carried = &encoder.vocab().carried;
                [carried.padding.as_ref(), carried.truncation.as_ref()]
            }
            Runner::Stages { stages, .. } => [stages.data().padding.as_ref(), stages.data().truncation.as_ref()],
        }
    }

    /// The bytes of a file in `format`.
    ///
    /// # Errors
    /// As [`format::write`] and [`format::write_stages`].
    pub fn write(&self, format: Format) -> Result<Vec<u8>> {
        match &self.engine {
            Runner::Vocab { encoder, .. } => format::write(encoder.vocab(), format),
            Runner::Stages { stages, .. } => format::write_stages(stages.data(), format),
        }
    }

    /// Writes it to a file in the format of its extension.
    ///
    /// # Errors
    /// As [`format::save`] and [`format::save_stages`].
    pub fn save(&self, path: &std::path::Path) -> Result<()> {
        match &self.engine {
            Runner::Vocab { encoder, .. } => format::save(encoder.vocab(), path),
            Runner::Stages { stages, .. } => format::save_stages(stages.data(), path),
        }
    }

    /// The vocabulary, or an error if the tokenizer is no byte-level BPE.
    ///
    /// # Errors
    /// [`Error::Unsupported`] that names the request, `what`.
    pub fn byte_level(&self, what: &str) -> Result<&Vocab> {
        let reason = || {
            Error::unsupported(
                what,
                "the tokenizer is not byte-level BPE with one splitting rule, which alone has that",
            )
        };
        self.vocab().ok_or_else(reason)
    }
}
