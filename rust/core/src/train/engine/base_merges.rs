//! The merges of a vocabulary from which training continues.

use crate::arch::Isa;
use crate::bpe::Merger;
use crate::bpe::effective::{sufficient, table};
use crate::bpe::pair_table::PairTable;
use crate::error::Result;
use crate::memory::{Grow, collect};
use crate::vocab::Vocab;

/// The merges of a vocabulary, ready to be applied to any piece.
pub(crate) struct BaseMerges {
    pairs: PairTable,
    /// The id of each symbol of `pairs`.
    ids: Vec<u32>,
    /// The number of bytes of each token, by id.
    pub(crate) lengths: Vec<u32>,
}

impl BaseMerges {
    pub(crate) fn new(vocab: &Vocab) -> Result<Self> {
        let (pairs, ids) = table(vocab, &sufficient(vocab)?, Isa::choose()?)?;
        let lengths = collect((0..vocab.tokens.len() as u32).map(|id| vocab.tokens.get(id).len() as u32))?;
        Ok(Self { pairs, ids, lengths })
    }

    /// Replaces `tokens` by the tokens of a piece.
    pub(crate) fn merge(&self, merger: &mut Merger, piece: &[u8], tokens: &mut Vec<u32>) -> Result<()> {
        tokens.clear();
        if self.ids.len() == 256 {
            return tokens.try_extend(piece.iter().map(|&byte| self.ids[usize::from(byte)]));
        }
        merger.merge(&self.pairs, piece, tokens)?;
        for symbol in tokens {
            *symbol = self.ids[*symbol as usize];
        }
        Ok(())
    }

    /// Calls `sink` with the number and the tokens of each piece, in any order.
    pub(crate) fn merge_all<'p>(
        &self,
        merger: &mut Merger,
        pieces: impl Iterator<Item = &'p [u8]>,
        mut sink: impl FnMut(usize, &mut dyn Iterator<Item = u32>),
    ) -> Result<()> {
        if self.ids.len() == 256 {
            for (number, piece) in pieces.enumerate() {
                sink(number, &mut piece.iter().map(|&byte| self.ids[usize::from(byte)]));
            }
            return Ok(());
        }
        merger.merge_all(&self.pairs, pieces, |number, symbols| {
            sink(number, &mut symbols.iter().map(|&symbol| self.ids[symbol as usize]));
        })
    }
}
