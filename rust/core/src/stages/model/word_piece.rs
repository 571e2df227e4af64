//! The longest entries from the left, as in BERT.

use super::trie::Trie;
use super::{ModelToken, nothing_for};
use crate::error::Result;
use crate::memory::Grow;
use crate::stop::Watch;
use crate::vocab::pipeline;

/// The model made ready to run.
#[derive(Debug)]
pub(in crate::stages) struct WordPieceModel {
    /// Entries that begin a piece.
    first: Trie,
    /// The entries that continue a piece, without their prefix.
    rest: Trie,
    unknown: Option<u32>,
    most: usize,
}

impl WordPieceModel {
    pub(super) fn new(model: &pipeline::WordPiece) -> Result<Self> {
        let entries = || model.entries.iter().filter(|&(text, id)| model.entries.id(text) == Some(id));
        let all = entries().filter(|(text, _)| !text.is_empty()).map(|(text, id)| (text.as_bytes(), id));
        let rest = entries().filter_map(|(text, id)| {
            let rest = text.strip_prefix(&model.continuing_subword_prefix).filter(|rest| !rest.is_empty())?;
            Some((rest.as_bytes(), id))
        });
        Ok(Self {
            first: Trie::new(all)?,
            rest: Trie::new(rest)?,
            unknown: model.entries.id(&model.unk_token),
            most: model.max_input_chars_per_word,
        })
    }

    pub(super) fn tokenize(&self, watch: &mut Watch<'_>, piece: &str, tokens: &mut Vec<ModelToken>) -> Result<()> {
        let begin = tokens.len();
        let is_short = piece.len() <= self.most || piece.chars().count() <= self.most;
        if is_short && self.longest(watch, piece.as_bytes(), tokens)? {
            return Ok(());
        }
        tokens.truncate(begin);
        let id = self.unknown.ok_or_else(|| nothing_for(piece))?;
        tokens.try_push(ModelToken { id, start: 0, end: piece.len() as u32 })
    }

    /// Appends the longest entries, and says whether they make the piece.
    fn longest(&self, watch: &mut Watch<'_>, piece: &[u8], tokens: &mut Vec<ModelToken>) -> Result<bool> {
        let mut start = 0;
        while start < piece.len() {
            let trie = if start == 0 { &self.first } else { &self.rest };
            let (mut place, mut found) = (trie.root(), None);
            for (end, &byte) in (start + 1..).zip(&piece[start..]) {
                let Some((next, value)) = trie.step(place, byte) else { break };
                watch.step(1)?;
                place = next;
                found = value.map(|id| (id, end)).or(found);
            }
            let Some((id, end)) = found else { return Ok(false) };
            tokens.try_push(ModelToken { id, start: start as u32, end: end as u32 })?;
            start = end;
        }
        Ok(true)
    }
}
