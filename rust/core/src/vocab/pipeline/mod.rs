//! Any tokenizer of `tokenizers` as plain data: normalizer, pre-tokenizer, model, post-processor, decoder and added tokens.
//!
//! Each stage is a closed enum of exact operations, named as in a `tokenizer.json`, whose JSON is theirs. A tokenizer whose model is byte-level
//! BPE with one splitting rule is a [`Vocab`](super::Vocab), which runs faster; every other one is a [`Pipeline`].

mod added;
mod behavior;
mod decoder;
mod entries;
mod model;
mod normalizer;
mod post_processor;
mod pre_tokenizer;
mod sentencepiece;

use serde_json::Value;

pub use added::AddedToken;
pub use behavior::{Behavior, Pattern, PrependScheme};
pub use decoder::Decoder;
pub use entries::Entries;
pub use model::{Bpe, Merge, Model, Unigram, WordLevel, WordPiece};
pub use normalizer::Normalizer;
pub use post_processor::{Piece, PostProcessor, Sequence, TemplateToken};
pub use pre_tokenizer::{ByteLevel, Metaspace, PreTokenizer};
pub use sentencepiece::{Kind, PieceSearch, SentencePieceModel, SentencePieceRules};

/// A whole tokenizer as data.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    /// Changes a text before all other stages.
    pub normalizer: Option<Normalizer>,
    /// The stage that splits the normalized text into pieces.
    pub pre_tokenizer: Option<PreTokenizer>,
    /// The stage that turns a piece into ids.
    pub model: Model,
    /// The stage that adds ids before and behind the ids of a text.
    pub post_processor: Option<PostProcessor>,
    /// The stage that turns tokens back into a text. Without one, a space stands between two tokens.
    pub decoder: Option<Decoder>,
    /// Tokens that are found in the text before the model sees it, by ascending id.
    pub added: Vec<AddedToken>,
    /// The padding of batches, as it stands in the file.
    pub padding: Option<Value>,
    /// The truncation of long sequences, as it stands in the file.
    pub truncation: Option<Value>,
}

impl Pipeline {
    /// One more than the largest id.
    pub fn size(&self) -> usize {
        let added = self.added.iter().map(|token| token.id as usize + 1).max();
        self.model.entries().size().max(added.unwrap_or(0))
    }

    /// The added token with this id.
    pub fn added_token(&self, id: u32) -> Option<&AddedToken> {
        let place = self.added.binary_search_by_key(&id, |token| token.id).ok()?;
        Some(&self.added[place])
    }

    /// The text of an id, as the vocabulary spells it.
    pub fn token(&self, id: u32) -> Option<&str> {
        self.added_token(id).map(|token| &token.content[..]).or_else(|| self.model.entries().text(id))
    }

    /// The id of a token, as the vocabulary spells it. Added tokens come first.
    pub fn id(&self, token: &str) -> Option<u32> {
        let added = self.added.iter().find(|added| added.content == token);
        added.map(|added| added.id).or_else(|| self.model.entries().id(token))
    }
}
