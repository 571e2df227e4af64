//! Unmergeable tokens: tokens that stand for a whole piece although no merges make them.
//!
//! In `.tiktoken` files, and with `ignore_merges`, a piece that is itself a token becomes that token. BPE makes the
//! same token of nearly all of these pieces, so only the exceptions need a look-up: none in the vocabulary of GPT-4o,
//! one percent in Qwen's.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::error::Result;
use crate::memory::copied;
use crate::vocab::Tokens;

/// The unmergeable tokens and their ids.
#[derive(Debug, Default)]
pub(crate) struct Unmergeable(HashMap<Box<[u8]>, u32, FxBuildHasher>);

impl Unmergeable {
    /// The tokens for which `is_reached` is false.
    pub(crate) fn new(tokens: &Tokens, is_reached: impl Fn(u32) -> bool) -> Result<Self> {
        let mut unmergeable: HashMap<Box<[u8]>, u32, FxBuildHasher> = HashMap::default();
        for (id, token) in tokens.iter().filter(|&(id, _)| !is_reached(id)) {
            unmergeable.try_reserve(1)?;
            unmergeable.insert(copied(token)?.into(), id);
        }
        Ok(Self(unmergeable))
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The id of a piece that is an unmergeable token.
    pub(crate) fn id(&self, piece: &[u8]) -> Option<u32> {
        self.0.get(piece).copied()
    }
}
