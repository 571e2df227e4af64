//! Models, made ready to run: a piece becomes tokens.

mod bpe;
mod cache;
mod sentencepiece;
#[cfg(test)]
mod tests;
mod trie;
mod unigram;
mod word_piece;

use crate::error::{Error, Result};
use crate::memory::Grow;
use crate::stop::Watch;
use crate::vocab::pipeline::{self, Entries};
use bpe::BpeModel;
pub(super) use cache::PieceCache;
use sentencepiece::SentencePieceSearch;
pub(super) use sentencepiece::UserDefinedPieces;
use unigram::UnigramModel;
use word_piece::WordPieceModel;

/// A token of a piece, and the bytes of the piece that it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ModelToken {
    pub(super) id: u32,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// A model made ready to run.
#[derive(Debug)]
pub(super) enum StageModel {
    Bpe(BpeModel),
    Unigram(UnigramModel),
    WordPiece(WordPieceModel),
    WordLevel { unknown: Option<u32> },
    SentencePiece(SentencePieceSearch),
}

/// Memory that models use again.
#[derive(Debug, Default)]
pub(super) struct ModelMemory {
    bpe: bpe::BpeMemory,
    unigram: unigram::UnigramMemory,
    sentencepiece: sentencepiece::SearchMemory,
}

impl ModelMemory {
    /// Lets go of memory that one large piece took.
    pub(super) fn shrink(&mut self) {
        *self = Self::default();
    }
}

impl StageModel {
    /// # Errors
    /// [`Error::Memory`].
    pub(super) fn new(model: &pipeline::Model) -> Result<Self> {
        Ok(match model {
            pipeline::Model::Bpe(model) => Self::Bpe(BpeModel::new(model)?),
            pipeline::Model::Unigram(model) => Self::Unigram(UnigramModel::new(model)?),
            pipeline::Model::WordPiece(model) => Self::WordPiece(WordPieceModel::new(model)?),
            pipeline::Model::SentencePiece(model) => Self::SentencePiece(SentencePieceSearch::new(model)?),
            pipeline::Model::WordLevel(model) => Self::WordLevel { unknown: model.entries.id(&model.unk_token) },
        })
    }

    /// Appends the tokens of a piece.
    ///
    /// # Errors
    /// [`Error::Argument`] if the piece has something that is not in the vocabulary, and the vocabulary has nothing for it;
    /// [`Error::Memory`], [`Error::Interrupted`].
    pub(super) fn tokenize(
        &self,
        watch: &mut Watch<'_>,
        entries: &Entries,
        piece: &str,
        memory: &mut ModelMemory,
        tokens: &mut Vec<ModelToken>,
    ) -> Result<()> {
        match self {
            Self::Bpe(model) => model.tokenize(watch, entries, piece, &mut memory.bpe, tokens),
            Self::Unigram(model) => model.tokenize(watch, entries, piece, &mut memory.unigram, tokens),
            Self::WordPiece(model) => model.tokenize(watch, piece, tokens),
            Self::SentencePiece(model) => model.tokenize(watch, entries, piece, &mut memory.sentencepiece, tokens),
            Self::WordLevel { unknown } => {
                let id = entries.id(piece).or(*unknown).ok_or_else(|| nothing_for(piece))?;
                tokens.try_push(ModelToken { id, start: 0, end: piece.len() as u32 })
            }
        }
    }

    /// Whether it is one of SentencePiece, whose spans differ from those of `tokenizers`.
    pub(super) fn is_of_sentencepiece(&self) -> bool {
        matches!(self, Self::SentencePiece(_))
    }

    /// The token of an unknown text, whose own text stands for it.
    pub(super) fn is_unknown(&self, id: u32) -> bool {
        matches!(self, Self::Unigram(model) if model.is_unknown(id))
    }
}

/// The error for a piece that the vocabulary has nothing for.
#[cold]
fn nothing_for(piece: &str) -> Error {
    let shown: String = piece.chars().take(40).collect();
    Error::argument("text", format!("{shown:?} is not in the vocabulary, which has no token for unknown text"))
}

/// The ids of the entries that stand for bytes, such as `<0x0A>`.
fn bytes(entries: &Entries) -> Vec<Option<u32>> {
    (0..=255_u8).map(|byte| entries.id(&format!("<0x{byte:02X}>"))).collect()
}
