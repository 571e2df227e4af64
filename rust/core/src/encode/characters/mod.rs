//! BPE over characters, as SentencePiece has it, run as BPE over bytes.
//!
//! [`lower`] makes a vocabulary of bytes from one of characters. Its first merges make characters of bytes, before all
//! other merges and in any surroundings. The merges of the file follow. So a character that is a token is one symbol, and
//! any other character stays as its bytes, which are tokens of their own. Some characters that are no tokens begin with
//! the bytes of a token: these bytes merge into a *fragment*, which merges with nothing else and is [spelled
//! out](Characters::spell_out) in the end.
//!
//! Tokens have a space where the file has `▁`. So most texts are merged without a copy: only the space before the first
//! word is added. A text is copied if a [`Rule`](rewrite::Rule) changes it. There are [`joints`] instead of a splitting
//! rule.

mod joints;
pub(super) mod lower;
mod rewrite;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

use super::pipeline::answers::Answers;
use super::text::TextRow;
use super::{Encoder, Sink, Specials, Worker};
use crate::error::Result;
use crate::memory::collect;
use joints::Joints;
use rewrite::Rewrites;

/// The data that encoding by characters needs in addition to a vocabulary of bytes.
#[derive(Debug)]
pub(super) struct Characters {
    pub(super) joints: Joints,
    pub(super) rewrites: Rewrites,
    pub(super) prefix: Prefix,
    /// The bytes of each fragment, by rank of the merge that makes it.
    pub(super) fragments: Vec<Vec<u8>>,
}

/// The texts that begin with a space of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefix {
    /// None.
    Never,
    /// All texts that are not empty. The text behind an added token counts as a text.
    Always,
    /// All texts that are not empty and do not begin with a space. The text behind an added token counts only if
    /// `always`.
    Unless {
        /// Whether the text behind an added token counts, too.
        always: bool,
    },
}

impl Prefix {
    /// Whether a space comes before a text, which is the first part of the whole or not.
    #[inline(always)]
    pub(super) fn precedes(self, text: &[u8], is_first: bool) -> bool {
        match self {
            Self::Never => false,
            Self::Always => !text.is_empty(),
            Self::Unless { always } => (always || is_first) && text.first().is_some_and(|&byte| byte != b' '),
        }
    }
}

impl Characters {
    /// Puts the bytes in place of each fragment among the symbols of pieces, which begin at `start`.
    pub(super) fn spell_out(&self, answers: &mut Answers, start: usize, pieces: &[u16]) -> Result<()> {
        let count = self.fragments.len() as u32;
        let is_fragment = |symbol: u32| symbol.wrapping_sub(256) < count;
        if count == 0 || !answers.ids()[start..answers.filled()].iter().any(|&symbol| is_fragment(symbol)) {
            return Ok(());
        }
        for &at in pieces {
            let symbols = &answers.ids()[answers.range(usize::from(at))];
            if symbols.iter().any(|&symbol| is_fragment(symbol)) {
                let spelled = symbols.iter().flat_map(|&symbol| {
                    let bytes = is_fragment(symbol).then(|| &self.fragments[symbol as usize - 256]);
                    let symbol = bytes.is_none().then_some(symbol);
                    bytes.into_iter().flatten().map(|&byte| u32::from(byte)).chain(symbol)
                });
                let spelled = collect(spelled)?;
                answers.add(usize::from(at), &spelled)?;
            }
        }
        Ok(())
    }
}

/// Where a text of a row is encoded from.
enum TextStart {
    /// The row itself, as it is merged.
    Row(Range<usize>),
    /// The rewritten texts.
    Rewritten(Range<usize>),
    /// It has added tokens.
    Parts(Range<usize>),
}

impl Encoder {
    /// Like [`encode_row`](Self::encode_row), with a space before each text.
    pub(super) fn encode_row_by_characters(
        &self,
        characters: &Characters,
        worker: &mut Worker,
        first: usize,
        texts: &TextRow,
        specials: Specials,
        out: &mut impl Sink,
    ) -> Result<()> {
        let mut rewritten = std::mem::take(&mut worker.rewritten);
        rewritten.clear();
        let mut places = Vec::new();
        places.try_reserve_exact(texts.ends.len())?;
        let mut start = 0;
        for (number, &end) in texts.ends.iter().enumerate() {
            // Where it has a space of its own, a text begins behind that.
            let begin = texts.begins.get(number).copied().unwrap_or(start);
            let text = &texts.row[begin..end];
            places.push(if self.added.find(text, specials).next().is_some() {
                TextStart::Parts(begin..end)
            } else {
                match characters.rewrites.apply(worker.ends.stop(), text)? {
                    Cow::Borrowed(_) => TextStart::Row(start..end),
                    Cow::Owned(text) => {
                        let start = rewritten.len();
                        rewritten.try_reserve(1 + text.len())?;
                        if characters.prefix.precedes(text.as_bytes(), true) {
                            rewritten.push(' ');
                        }
                        rewritten.push_str(&text);
                        TextStart::Rewritten(start..rewritten.len())
                    }
                }
            });
            start = end;
        }
        let row = texts.row.as_bytes();
        // The pieces of a group are all of the same memory, and follow one another there.
        let (mut of_group, mut end) = (row, 0);
        for (number, place) in (first..).zip(places) {
            let (memory, range) = match place {
                TextStart::Parts(range) => {
                    self.take_pieces(worker, of_group, end, &[], true, out)?;
                    let done = self.encode_into(worker, &texts.row[range], specials, out);
                    done.map_err(|error| error.in_text(number))?;
                    worker.group.end_text()?;
                    continue;
                }
                TextStart::Row(range) => (row, range),
                TextStart::Rewritten(range) => (rewritten.as_bytes(), range),
            };
            if !std::ptr::eq(memory, of_group) {
                self.take_pieces(worker, of_group, end, &[], true, out)?;
                of_group = memory;
            }
            end = range.end;
            let length = range.len();
            self.take_range(worker, memory, range, 0..length, false, out)?;
            worker.group.end_text()?;
        }
        self.take_pieces(worker, of_group, end, &[], true, out)?;
        worker.rewritten = rewritten;
        Ok(())
    }
}
