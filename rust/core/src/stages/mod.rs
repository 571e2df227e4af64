//! Any tokenizer, stage by stage: text → normalized text → pieces → ids, and ids → tokens → text.
//!
//! Each stage does exactly the same as the stage in `tokenizers`, spans and oddities included. So ids, offsets and
//! decoded texts are the same. A text and its pieces pass the stages one after the other, in memory that a worker uses
//! again; pieces seen before come from its cache.

mod added;
mod batch;
mod char_set;
mod decode;
mod files;
mod finder;
mod model;
mod normalize;
mod pre_tokenize;
mod scripts;
pub(crate) mod spans;
#[cfg(test)]
mod tests;
mod text;

use std::sync::{Mutex, MutexGuard};

use hashbrown::{HashMap, HashSet};

use crate::arch::Isa;
use crate::encode::Specials;
use crate::error::Result;
use crate::memory::{Grow, collect_all, copied_text};
use crate::stop::{Stop, Watch};
use crate::threads;
use crate::vocab::pipeline::{self, Pipeline};
use added::AddedMatcher;
use decode::StageDecoder;
use model::{ModelMemory, ModelToken, PieceCache, StageModel};
use normalize::StageNormalizer;
use pre_tokenize::StagePreTokenizer;
pub use spans::Spanned;
use text::StagedText;

/// A pipeline made ready to run. Immutable but for the caches of its workers; share it between threads.
#[derive(Debug)]
pub struct Stages {
    data: Pipeline,
    isa: Isa,
    /// Added tokens that are found in the text as it is.
    original: AddedMatcher,
    normalizers: Vec<StageNormalizer>,
    /// The tokens that are found in the normalized text.
    normalized: AddedMatcher,
    /// The contents of special tokens.
    specials: HashSet<String>,
    /// Normalized texts of added tokens, where they differ.
    normal_texts: HashMap<u32, String>,
    pre_tokenizers: Vec<StagePreTokenizer>,
    model: StageModel,
    decoder: Option<StageDecoder>,
    /// Whether ids depend on where a piece stands in the original text.
    asks_for_origin: bool,
    workers: Vec<Mutex<Option<Box<StagesWorker>>>>,
}

/// The least number of workers kept between calls.
const WORKERS: usize = 16;

/// The cache and the buffers that one thread needs to encode.
#[derive(Debug, Default)]
struct StagesWorker {
    text: StagedText,
    cache: PieceCache,
    memory: ModelMemory,
    tokens: Vec<ModelToken>,
    ids: Vec<u32>,
}

/// The steps that a piece counts in addition to the steps of the model, for the next question whether to stop.
const EACH: usize = 16;

/// Bytes of a piece whose memory is not kept.
const LARGE: usize = 1 << 18;

/// A worker for one call: one that was kept, or one of its own. Never waits for another.
enum StagesLease<'a> {
    Kept(MutexGuard<'a, Option<Box<StagesWorker>>>),
    Own(Option<Box<StagesWorker>>),
}

impl StagesLease<'_> {
    /// Has the worker do something. One that finds too little memory is dropped with all that it holds.
    fn with<T>(&mut self, work: impl FnOnce(&mut StagesWorker) -> Result<T>) -> Result<T> {
        let place = match self {
            Self::Kept(kept) => &mut **kept,
            Self::Own(own) => own,
        };
        let done = work(place.get_or_insert_default());
        match &done {
            Err(crate::Error::Memory) => *place = None,
            _ => place.iter_mut().for_each(|worker| worker.text.shrink()),
        }
        done
    }
}

impl Stages {
    /// Prepares a pipeline.
    ///
    /// # Errors
    /// [`Error::Pattern`](crate::Error::Pattern) for a regex that does not compile or cannot be reproduced exactly; [`Error::Format`](crate::Error::Format) for a map of characters that is none;
    /// [`Error::Argument`](crate::Error::Argument) for added tokens that are the same when normalized; [`Error::Memory`](crate::Error::Memory).
    pub fn new(data: Pipeline) -> Result<Self> {
        let isa = Isa::choose()?;
        let mut normalizers = normalize::all(data.normalizer.as_ref(), isa)?;
        if let pipeline::Model::SentencePiece(model) = &data.model {
            normalizers.try_push(normalize::of_sentencepiece(model)?)?;
        }
        let mut normal_texts = HashMap::new();
        for token in data.added.iter().filter(|token| token.normalized && !normalizers.is_empty()) {
            let mut text = StagedText::default();
            let (never, limit) = (Stop::never(), normalize::limit(token.content.len()));
            text.begin(&never, &token.content, false)?;
            normalizers.iter().try_for_each(|normalizer| normalizer.run(&mut text, &never, limit))?;
            let normal: String = text.pieces.iter().map(|&piece| text.piece(piece)).collect();
            if normal != token.content {
                normal_texts.try_reserve(1)?;
                normal_texts.insert(token.id, normal);
            }
        }
        let specials: HashSet<String> =
            data.added.iter().filter(|token| token.special).map(|token| token.content.clone()).collect();
        let is_special = |content: &str| specials.contains(content);
        let found_in = |normalized| {
            let normal_texts = &normal_texts;
            data.added.iter().filter(move |token| token.normalized == normalized && !token.content.is_empty()).map(
                move |token| (token, normal_texts.get(&token.id).map_or(&token.content[..], |text: &String| &text[..])),
            )
        };
        let (original, normalized) =
            (AddedMatcher::new(found_in(false), is_special)?, AddedMatcher::new(found_in(true), is_special)?);
        let pre_tokenizers = pre_tokenize::all(data.pre_tokenizer.as_ref(), isa)?;
        let first = pre_tokenizers.iter().position(StagePreTokenizer::asks_for_origin);
        let asks_for_origin = first.is_some_and(|first| {
            !normalizers.is_empty() || pre_tokenizers[..first].iter().any(StagePreTokenizer::rewrites)
        });
        let model = StageModel::new(&data.model)?;
        let decoder = match &data.model {
            pipeline::Model::SentencePiece(model) => Some(StageDecoder::of_sentencepiece(model)),
            _ => data.decoder.as_ref().map(|decoder| StageDecoder::new(decoder, isa)).transpose()?,
        };
        let workers = (0..threads::wanted(None).max(WORKERS)).map(|_| Mutex::default()).collect();
        Ok(Self {
            original,
            normalizers,
            normalized,
            specials,
            normal_texts,
            pre_tokenizers,
            model,
            decoder,
            asks_for_origin,
            workers,
            isa,
            data,
        })
    }

    /// The pipeline.
    pub fn data(&self) -> &Pipeline {
        &self.data
    }

    /// The instruction set it uses.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    fn lease(&self) -> StagesLease<'_> {
        let free = self.workers.iter().find_map(|worker| worker.try_lock().ok());
        free.map_or(StagesLease::Own(None), StagesLease::Kept)
    }

    /// The ids of a text, unless it is stopped.
    ///
    /// # Errors
    /// [`Error::Pattern`](crate::Error::Pattern) if a regex gives up on it; [`Error::Argument`](crate::Error::Argument) if it has something that is not in the vocabulary, and the vocabulary has nothing
    /// for it, or if it is too long; [`Error::Memory`](crate::Error::Memory); [`Error::Interrupted`](crate::Error::Interrupted).
    pub fn encode(&self, stop: &Stop, text: &str, specials: Specials) -> Result<Vec<u32>> {
        let mut ids = Vec::new();
        self.lease().with(|worker| self.encode_to(worker, stop, text, specials, &mut ids))?;
        Ok(ids)
    }

    /// Calls `take` with the ids of a text and returns its result. The ids stand in memory that is used again, which suits short texts.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_with<T>(&self, text: &str, specials: Specials, take: impl FnOnce(&[u32]) -> T) -> Result<T> {
        self.lease().with(|worker| {
            let mut ids = std::mem::take(&mut worker.ids);
            ids.clear();
            let done = self.encode_to(worker, &Stop::never(), text, specials, &mut ids);
            let taken = done.map(|()| take(&ids));
            worker.ids = ids;
            taken
        })
    }

    /// The number of ids of a text.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn count(&self, stop: &Stop, text: &str, specials: Specials) -> Result<usize> {
        self.encode(stop, text, specials).map(|ids| ids.len())
    }

    /// The pieces that the model is given, added tokens among them.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn pieces(&self, stop: &Stop, text: &str) -> Result<Vec<String>> {
        self.lease().with(|worker| {
            self.cut(worker, stop, text, Specials::Text, false)?;
            let mut watch = Watch::new(stop);
            collect_all(worker.text.pieces.iter().map(|&piece| {
                watch.step(EACH)?;
                copied_text(worker.text.piece(piece))
            }))
        })
    }

    /// Brings a text to its pieces.
    fn cut(
        &self,
        worker: &mut StagesWorker,
        stop: &Stop,
        text: &str,
        specials: Specials,
        keeps_spans: bool,
    ) -> Result<()> {
        let limit = normalize::limit(text.len());
        let StagesWorker { text: staged, .. } = worker;
        staged.begin(stop, text, keeps_spans)?;
        if !self.original.is_empty() {
            staged.extract(stop, |piece, found| self.original.find(piece, specials, found))?;
        }
        for normalizer in &self.normalizers {
            stop.check()?;
            normalizer.run(staged, stop, limit)?;
        }
        if !self.normalized.is_empty() {
            staged.extract(stop, |piece, found| self.normalized.find(piece, specials, found))?;
        }
        for pre_tokenizer in &self.pre_tokenizers {
            stop.check()?;
            pre_tokenizer.run(staged, stop)?;
        }
        Ok(())
    }

    /// Appends the ids of a text.
    fn encode_to(
        &self,
        worker: &mut StagesWorker,
        stop: &Stop,
        text: &str,
        specials: Specials,
        ids: &mut Vec<u32>,
    ) -> Result<()> {
        self.cut(worker, stop, text, specials, self.asks_for_origin)?;
        let StagesWorker { text, cache, memory, tokens, .. } = worker;
        let mut watch = Watch::new(stop);
        for &piece in &text.pieces {
            watch.step(EACH)?;
            if let Some(id) = piece.token {
                ids.try_push(id)?;
                continue;
            }
            let piece = text.piece(piece);
            if let Some(known) = cache.get(piece.as_bytes()) {
                ids.try_extend_from_slice(known)?;
                continue;
            }
            tokens.clear();
            self.model.tokenize(&mut watch, self.data.model.entries(), piece, memory, tokens)?;
            let before = ids.len();
            ids.try_extend(tokens.iter().map(|token| token.id))?;
            cache.put(piece.as_bytes(), &ids[before..])?;
            if piece.len() > LARGE {
                memory.shrink();
                *tokens = Vec::new();
            }
        }
        Ok(())
    }
}
