//! Ids with the characters of the text that each stands for.

use super::{EACH, Stages, StagesWorker};
use crate::encode::Specials;
use crate::error::Result;
use crate::memory::{Grow, filled};
use crate::stop::{Stop, Watch};
use crate::vocab::alphabet::CHARS;
use crate::vocab::pipeline::PostProcessor;

/// Ids, and for each the characters `start..end` of the text that it stands for.
pub type Spanned = (Vec<u32>, Vec<(i64, i64)>);

impl Stages {
    /// The ids of a text and their spans in characters of it, as `tokenizers` gives them, with whitespace left out where the post-processor
    /// says so.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_with_offsets(&self, stop: &Stop, text: &str, specials: Specials) -> Result<Spanned> {
        self.lease().with(|worker| self.spanned(worker, stop, text, specials))
    }

    fn spanned(&self, worker: &mut StagesWorker, stop: &Stop, original: &str, specials: Specials) -> Result<Spanned> {
        self.cut(worker, stop, original, specials, true)?;
        let mut trims = Vec::new();
        self.data.post_processor.iter().for_each(|processor| each_trim(processor, &mut trims));
        let mut watch = Watch::new(stop);
        let characters = characters(&mut watch, original)?;
        let (mut ids, mut spans) = (Vec::new(), Vec::new());
        let StagesWorker { text, memory, tokens, .. } = worker;
        let entries = self.data.model.entries();
        let is_of_sentencepiece = self.model.is_of_sentencepiece();
        let count = characters.last().map_or(0, |last| last + 1);
        let at = |place: usize| characters.get(place).map_or(count, |&number| number) as usize;
        for &piece in &text.pieces {
            watch.step(EACH)?;
            let content = text.piece(piece);
            tokens.clear();
            match piece.token {
                Some(id) => tokens.try_push(super::ModelToken { id, start: 0, end: content.len() as u32 })?,
                None => self.model.tokenize(&mut watch, entries, content, memory, tokens)?,
            }
            for token in tokens.iter() {
                watch.step(1)?;
                let (start, end) = (token.start as usize, token.end as usize);
                let own = &text.spans[piece.range()];
                let (first, last) = match () {
                    // A byte that is not the last of its character.
                    () if start == end && is_of_sentencepiece => (own[start].0 as usize, own[start].0 as usize),
                    // Nothing of the text.
                    () if start == end => (piece.origin as usize + start, piece.origin as usize + end),
                    () if end > own.len() => (start, end),
                    () => (own[start].0 as usize, own[end - 1].1 as usize),
                };
                let mut span = match is_of_sentencepiece {
                    true => (at(first), at(last)),
                    false => in_characters(&characters, first, last),
                };
                let value = match piece.token {
                    Some(_) => content,
                    None if self.model.is_unknown(token.id) => content.get(start..end).unwrap_or_default(),
                    None => entries.text(token.id).unwrap_or_default(),
                };
                for &add_prefix_space in &trims {
                    trim(value, ids.is_empty(), add_prefix_space, &mut span);
                }
                ids.try_push(token.id)?;
                spans.try_push((span.0 as i64, span.1 as i64))?;
            }
        }
        Ok((ids, spans))
    }
}

/// The number of the character at each byte.
fn characters(watch: &mut Watch<'_>, text: &str) -> Result<Vec<u32>> {
    let mut characters = filled(0, text.len())?;
    for (number, (start, character)) in text.char_indices().enumerate() {
        watch.step(1)?;
        characters[start..start + character.len_utf8()].fill(number as u32);
    }
    Ok(characters)
}

/// Bytes as characters.
fn in_characters(characters: &[u32], start: usize, end: usize) -> (usize, usize) {
    let at = |place: usize| characters.get(place).map(|&number| number as usize);
    match (at(start), at(end)) {
        (Some(first), Some(last)) => (first, last),
        (Some(first), None) => (first, end.checked_sub(1).and_then(at).unwrap_or(first + 1) + 1),
        (None, _) => (start, end),
    }
}

/// The post-processors that leave whitespace out of spans, and whether a space was put before the text.
pub(crate) fn each_trim(processor: &PostProcessor, trims: &mut Vec<bool>) {
    match processor {
        PostProcessor::ByteLevel(settings) if settings.trim_offsets => trims.push(settings.add_prefix_space),
        &PostProcessor::Roberta { trim_offsets: true, add_prefix_space, .. } => trims.push(add_prefix_space),
        PostProcessor::Sequence { processors } => processors.iter().for_each(|part| each_trim(part, trims)),
        _ => {}
    }
}

/// Leaves the whitespace at the ends of a token out of its span.
pub(crate) fn trim(token: &str, is_first: bool, add_prefix_space: bool, span: &mut (usize, usize)) {
    let is_space = |&character: &char| character == CHARS[usize::from(b' ')] || character.is_whitespace();
    let mut leading = token.chars().take_while(is_space).count();
    let trailing = token.chars().rev().take_while(is_space).count();
    if leading > 0 {
        // The one that was put there has no place in the text.
        if (is_first || span.0 == 0) && add_prefix_space && leading == 1 {
            leading = 0;
        }
        span.0 = (span.0 + leading).min(span.1);
    }
    if trailing > 0 && span.1 >= trailing {
        span.1 = (span.1 - trailing).max(span.0);
    }
}
