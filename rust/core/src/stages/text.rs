//! A text on its way through the stages: rewritten by normalizers, cut into pieces by pre-tokenizers.
//!
//! If spans are kept, each byte has the span of the original bytes that it stands for, aligned as in `tokenizers`: a
//! character that replaces another has the span of the replaced character, and an added character has the span of the
//! character before it.

use std::mem::{swap, take};
use std::ops::Range;

use crate::error::{Error, Result};
use crate::memory::Grow;
use crate::stop::{Stop, Watch};
use crate::vocab::pipeline::Behavior;

/// Bytes of the original.
pub(super) type Span = (u32, u32);

/// A part of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StagedPiece {
    pub(super) start: u32,
    pub(super) end: u32,
    /// Where it begins in the original, if spans are kept or nothing was rewritten.
    pub(super) origin: u32,
    /// The added token that it is.
    pub(super) token: Option<u32>,
}

impl StagedPiece {
    pub(super) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A stretch that a pattern matches, or one between its matches.
pub(super) type Match = (usize, usize, bool);

/// The text, its pieces, and memory for the next state of both.
#[derive(Debug, Default)]
pub(super) struct StagedText {
    pub(super) text: String,
    pub(super) pieces: Vec<StagedPiece>,
    /// The span of each byte. Empty if spans are not kept.
    pub(super) spans: Vec<Span>,
    keeps_spans: bool,
    next_text: String,
    next_pieces: Vec<StagedPiece>,
    next_spans: Vec<Span>,
    matches: Vec<Match>,
}

impl StagedText {
    /// Takes a text as one piece.
    ///
    /// # Errors
    /// [`Error::Argument`] for a text of 4 GiB; [`Error::Memory`], [`Error::Interrupted`].
    pub(super) fn begin(&mut self, stop: &Stop, text: &str, keeps_spans: bool) -> Result<()> {
        let end = u32::try_from(text.len()).map_err(|_| Error::argument("text", "a text of 4 GiB or more"))?;
        self.text.clear();
        self.text.try_reserve(text.len())?;
        self.text.push_str(text);
        self.pieces.clear();
        if end > 0 {
            self.pieces.try_push(StagedPiece { start: 0, end, origin: 0, token: None })?;
        }
        self.keeps_spans = keeps_spans;
        self.spans.clear();
        if keeps_spans {
            self.spans.try_reserve(text.len())?;
            let mut watch = Watch::new(stop);
            for (start, character) in text.char_indices() {
                watch.step(1)?;
                let span = (start as u32, (start + character.len_utf8()) as u32);
                self.spans.extend(std::iter::repeat_n(span, character.len_utf8()));
            }
        }
        Ok(())
    }

    /// Lets go of memory that one large text took.
    pub(super) fn shrink(&mut self) {
        /// The most bytes that are kept for the next text.
        const MOST: usize = 1 << 20;
        if self.text.capacity() > MOST || self.next_text.capacity() > MOST {
            *self = Self::default();
        }
    }

    pub(super) fn piece(&self, piece: StagedPiece) -> &str {
        &self.text[piece.range()]
    }

    /// Rewrites each piece that is no token. Pieces that become empty are dropped.
    pub(super) fn rewrite(
        &mut self,
        stop: &Stop,
        mut rewrite: impl FnMut(&str, u32, &mut Rewriter<'_>) -> Result<()>,
    ) -> Result<()> {
        self.next_text.clear();
        self.next_spans.clear();
        let mut watch = Watch::new(stop);
        let mut pieces = take(&mut self.pieces);
        for piece in &mut pieces {
            let (start, range) = (self.next_text.len(), piece.range());
            watch.step(1 + range.len())?;
            let old = &self.text[range.clone()];
            let spans = self.keeps_spans.then(|| &self.spans[range]);
            let mut new = Rewriter {
                old,
                old_spans: spans.unwrap_or_default(),
                at: 0,
                origin: piece.origin,
                text: &mut self.next_text,
                spans: self.keeps_spans.then_some(&mut self.next_spans),
                watch: Watch::new(stop),
            };
            match piece.token {
                Some(_) => new.copy(old.len())?,
                None => rewrite(old, piece.origin, &mut new)?,
            }
            let end = u32::try_from(self.next_text.len())
                .map_err(|_| Error::argument("text", "it has 4 GiB or more when it is normalized"))?;
            (piece.start, piece.end) = (start as u32, end);
        }
        pieces.retain(|piece| piece.start < piece.end);
        self.pieces = pieces;
        swap(&mut self.text, &mut self.next_text);
        swap(&mut self.spans, &mut self.next_spans);
        Ok(())
    }

    /// Cuts each piece that is no token. `find` gives its matches and the stretches between them; `behavior` tells how
    /// they become pieces.
    pub(super) fn split(
        &mut self,
        stop: &Stop,
        behavior: Behavior,
        mut find: impl FnMut(&str, &mut Vec<Match>, &mut Watch<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut matches = take(&mut self.matches);
        let find = |text: &str, matches: &mut Vec<Match>, watch: &mut Watch<'_>| {
            find(text, matches, watch)?;
            behave(behavior, matches);
            Ok(())
        };
        let kept = |(start, end, is_dropped): Match| (!is_dropped).then_some((start, end, None));
        let done = self.cut(stop, &mut matches, find, kept);
        self.matches = matches;
        done
    }

    /// Takes tokens out of each piece that is none: `find` gives stretches of it, and which token each is.
    pub(super) fn extract(
        &mut self,
        stop: &Stop,
        mut find: impl FnMut(&str, &mut Vec<(usize, usize, Option<u32>)>) -> Result<()>,
    ) -> Result<()> {
        self.cut(stop, &mut Vec::new(), |text, found, _| find(text, found), Some)
    }

    /// Puts parts in place of each piece that is no token. `find` finds stretches of the piece, `kept` gives the start, the end
    /// and the token of the part that a stretch becomes, if it is kept. `found` is memory to use again.
    fn cut<F: Copy>(
        &mut self,
        stop: &Stop,
        found: &mut Vec<F>,
        mut find: impl FnMut(&str, &mut Vec<F>, &mut Watch<'_>) -> Result<()>,
        kept: impl Fn(F) -> Option<(usize, usize, Option<u32>)>,
    ) -> Result<()> {
        let mut watch = Watch::new(stop);
        self.next_pieces.clear();
        for place in 0..self.pieces.len() {
            watch.step(1)?;
            let piece = self.pieces[place];
            if piece.token.is_some() {
                self.next_pieces.try_push(piece)?;
                continue;
            }
            found.clear();
            find(&self.text[piece.range()], found, &mut watch)?;
            self.next_pieces.try_reserve(found.len())?;
            for (start, end, token) in found.iter().copied().filter_map(&kept) {
                watch.step(1)?;
                if start < end {
                    let part = self.part(piece, start, end, token);
                    self.next_pieces.push(part);
                }
            }
        }
        swap(&mut self.pieces, &mut self.next_pieces);
        Ok(())
    }

    fn part(&self, piece: StagedPiece, start: usize, end: usize, token: Option<u32>) -> StagedPiece {
        let (first, start, end) = (piece.start as usize + start, piece.start + start as u32, piece.start + end as u32);
        let origin = self.spans.get(first).map_or(piece.origin + (start - piece.start), |span| span.0);
        StagedPiece { start, end, origin, token }
    }
}

/// Turns matches and the stretches between them into pieces, with a flag for pieces that are dropped.
fn behave(behavior: Behavior, matches: &mut Vec<Match>) {
    match behavior {
        Behavior::Removed => {}
        Behavior::Isolated => matches.iter_mut().for_each(|part| part.2 = false),
        Behavior::Contiguous => merge(matches, |is_match, previous| is_match == previous),
        Behavior::MergedWithPrevious => merge(matches, |is_match, previous| is_match && !previous),
        Behavior::MergedWithNext => {
            matches.reverse();
            merge(matches, |is_match, previous| is_match && !previous);
            matches.reverse();
        }
    }
}

/// Joins each part to the one before it where `joins` says so, by whether it is a match and the one before is.
fn merge(matches: &mut Vec<Match>, joins: impl Fn(bool, bool) -> bool) {
    let (mut kept, mut previous) = (0, false);
    for place in 0..matches.len() {
        let (start, end, is_match) = matches[place];
        if kept > 0 && joins(is_match, previous) {
            let last = &mut matches[kept - 1];
            (last.0, last.1) = (last.0.min(start), last.1.max(end));
        } else {
            matches[kept] = (start, end, false);
            kept += 1;
        }
        previous = is_match;
    }
    matches.truncate(kept);
}

/// Writes the next state of a piece.
pub(super) struct Rewriter<'r> {
    old: &'r str,
    old_spans: &'r [Span],
    /// The number of bytes of the old piece that are done.
    at: usize,
    origin: u32,
    text: &'r mut String,
    spans: Option<&'r mut Vec<Span>>,
    watch: Watch<'r>,
}

impl<'r> Rewriter<'r> {
    /// Counts characters that were read and are not written.
    #[inline(always)]
    pub(super) fn read(&mut self, characters: usize) -> Result<()> {
        self.watch.step(characters)
    }

    /// Whether the work is to end.
    pub(super) fn stop(&self) -> &'r Stop {
        self.watch.stop()
    }

    /// Skips `characters` characters.
    pub(super) fn skip(&mut self, characters: usize) {
        self.at += self.old[self.at..].chars().take(characters).map(char::len_utf8).sum::<usize>();
    }

    /// Copies `length` bytes unchanged.
    pub(super) fn copy(&mut self, length: usize) -> Result<()> {
        let range = self.at..self.at + length;
        self.watch.step(1 + length / 16)?;
        self.text.try_reserve(length)?;
        self.text.push_str(&self.old[range.clone()]);
        if let Some(spans) = &mut self.spans {
            spans.try_extend_from_slice(&self.old_spans[range.clone()])?;
        }
        self.at = range.end;
        Ok(())
    }

    /// Copies `length` bytes, with ASCII letters in lower case.
    pub(super) fn copy_lowercase(&mut self, length: usize) -> Result<()> {
        let start = self.text.len();
        self.copy(length)?;
        self.text[start..].make_ascii_lowercase();
        Ok(())
    }

    /// Writes a character: added, if `change` is positive; else in place of one, and of as many more as it is negative.
    pub(super) fn push(&mut self, character: char, change: isize) -> Result<()> {
        self.watch.step(1)?;
        self.text.try_reserve(character.len_utf8())?;
        self.text.push(character);
        if let Some(spans) = &mut self.spans {
            let last = self.old_spans.len().saturating_sub(1);
            let span = match (change > 0, self.at) {
                (true, 0) => (self.origin, self.origin),
                (true, at) => self.old_spans[at - 1],
                (false, at) => self.old_spans.get(at.min(last)).copied().unwrap_or((self.origin, self.origin)),
            };
            spans.try_reserve(character.len_utf8())?;
            spans.extend(std::iter::repeat_n(span, character.len_utf8()));
        }
        if change <= 0 {
            self.skip(1 + change.unsigned_abs());
        }
        Ok(())
    }

    /// Writes a text in place of the next `length` bytes; all of it has the span of the last of these.
    pub(super) fn replace(&mut self, length: usize, content: &str) -> Result<()> {
        self.at += length;
        self.watch.step(1)?;
        self.text.try_reserve(content.len())?;
        self.text.push_str(content);
        if let Some(spans) = &mut self.spans {
            let span = if self.at == 0 { (self.origin, self.origin) } else { self.old_spans[self.at - 1] };
            spans.try_reserve(content.len())?;
            spans.extend(std::iter::repeat_n(span, content.len()));
        }
        Ok(())
    }

    /// Writes a text before the piece: its first character has the span of the first one there, which counts as added then.
    pub(super) fn prepend(&mut self, content: &str) -> Result<()> {
        let Some(next) = self.old.chars().next() else { return Ok(()) };
        for (place, character) in content.chars().enumerate() {
            self.push(character, isize::from(place > 0))?;
        }
        self.push(next, 1)?;
        self.at = next.len_utf8();
        Ok(())
    }

    /// Keeps a part of the old piece. [`close`](Self::close) sets the ends of its spans.
    pub(super) fn keep(&mut self, range: Range<usize>) -> Result<()> {
        self.text.try_reserve(range.len())?;
        self.text.push_str(&self.old[range.clone()]);
        match &mut self.spans {
            Some(spans) => spans.try_extend_from_slice(&self.old_spans[range]),
            None => Ok(()),
        }
    }

    /// Writes a text in place of a part of the old piece that begins here. [`close`](Self::close) sets the end of its span.
    pub(super) fn put(&mut self, content: &str, place: usize) -> Result<()> {
        self.put_at(content, self.start(place))
    }

    /// The place in the original for a place in the old piece.
    fn start(&self, place: usize) -> u32 {
        let behind = || self.old_spans.last().map_or(self.origin, |span| span.1);
        self.old_spans.get(place).map_or_else(behind, |span| span.0)
    }

    /// The number of bytes written, for all pieces.
    pub(super) fn written(&self) -> usize {
        self.text.len()
    }

    /// Drops a text from the end, if it stands there and was written after `from`. Returns where it began in the original,
    /// if spans are kept.
    pub(super) fn drop_end(&mut self, content: &str, from: usize) -> Option<u32> {
        let rest = self.text[from..].strip_suffix(content)?.len();
        self.text.truncate(from + rest);
        let spans = self.spans.as_mut();
        Some(spans.map_or(0, |spans| spans.drain(from + rest..).next().map_or(0, |span| span.0)))
    }

    /// Writes a text whose span begins at a place of the original.
    pub(super) fn put_at(&mut self, content: &str, start: u32) -> Result<()> {
        self.text.try_reserve(content.len())?;
        self.text.push_str(content);
        match &mut self.spans {
            Some(spans) => spans.try_extend(std::iter::repeat_n((start, start), content.len())),
            None => Ok(()),
        }
    }

    /// The end of the old piece in the original.
    pub(super) fn end(&self) -> u32 {
        self.start(self.old.len())
    }

    /// Ends each span written after `from` where the next one begins, and the last one at a place of the original.
    pub(super) fn close(&mut self, from: usize, end: u32) {
        let mut next = end;
        for span in self.spans.iter_mut().flat_map(|spans| &mut spans[from..]).rev() {
            span.1 = next;
            next = span.0;
        }
    }

    /// The number of bytes of the piece that are done.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The number of bytes that are left.
    pub(super) fn left(&self) -> usize {
        self.old.len() - self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(behavior: Behavior) -> Vec<String> {
        let mut text = StagedText::default();
        text.begin(&Stop::never(), "--a-b--", true).unwrap();
        let find = |piece: &str, matches: &mut Vec<Match>, _: &mut Watch<'_>| {
            matches.extend(piece.char_indices().map(|(at, c)| (at, at + 1, c == '-')));
            Ok(())
        };
        text.split(&Stop::never(), behavior, find).unwrap();
        text.pieces.iter().map(|&piece| text.piece(piece).to_string()).collect()
    }

    #[test]
    fn matches_are_dropped_or_join_their_neighbours() {
        assert_eq!(pieces(Behavior::Removed), ["a", "b"]);
        assert_eq!(pieces(Behavior::Isolated), ["-", "-", "a", "-", "b", "-", "-"]);
        assert_eq!(pieces(Behavior::MergedWithPrevious), ["-", "-", "a-", "b-", "-"]);
        assert_eq!(pieces(Behavior::MergedWithNext), ["-", "-a", "-b", "-", "-"]);
        assert_eq!(pieces(Behavior::Contiguous), ["--", "a", "-", "b", "--"]);
    }

    #[test]
    fn spans_follow_what_is_rewritten() {
        let mut text = StagedText::default();
        text.begin(&Stop::never(), "éa b", true).unwrap();
        let rewrite = |_: &str, _: u32, new: &mut Rewriter<'_>| {
            new.push('e', 0)?;
            new.push('x', 1)?;
            new.push('y', -1)?;
            new.replace(1, "zz")
        };
        text.rewrite(&Stop::never(), rewrite).unwrap();
        assert_eq!(text.text, "exyzz");
        assert_eq!(text.spans, [(0, 2), (0, 2), (2, 3), (4, 5), (4, 5)]);
    }
}
