//! Pieces that are one token although merging does not make it of them.
//!
//! `.tiktoken` files and `ignore_merges` say that a piece which is itself a token is that token. Merging comes to the same for
//! nearly every token, so that only the others need be looked up: none in GPT-4o's vocabulary, a percent in Qwen's.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::error::Result;
use crate::memory::copied;
use crate::vocab::Tokens;

/// The tokens that no sequence of merges reaches, and that are nevertheless whole pieces.
#[derive(Debug, Default)]
pub(crate) struct Whole(HashMap<Box<[u8]>, u32, FxBuildHasher>);

impl Whole {
    /// Those of `tokens` for which `is_reached` does not hold.
    pub(crate) fn new(tokens: &Tokens, is_reached: impl Fn(u32) -> bool) -> Result<Self> {
        let mut whole: HashMap<Box<[u8]>, u32, FxBuildHasher> = HashMap::default();
        for (id, token) in tokens.iter().filter(|&(id, _)| !is_reached(id)) {
            whole.try_reserve(1)?;
            whole.insert(copied(token)?.into(), id);
        }
        Ok(Self(whole))
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The token that a piece is.
    pub(crate) fn id(&self, piece: &[u8]) -> Option<u32> {
        self.0.get(piece).copied()
    }
}
