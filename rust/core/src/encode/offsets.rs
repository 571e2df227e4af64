//! Ids with the characters that each covers.

use unicode_normalization_alignments::UnicodeNormalization;

use super::{Encoder, Specials};
use crate::error::Result;
use crate::memory::Grow;
use crate::stop::{Stop, Watch};

/// Ids, and for each id the characters `start..end` of the text that its bytes touch. A token that holds only a part of
/// a character covers the character, so neighbouring spans may overlap in one character.
pub type Spanned = (Vec<u32>, Vec<(i64, i64)>);

impl Encoder {
    /// The ids of a text and their spans in characters (Unicode scalar values). Where a normalizer changes the text, a
    /// span covers the whole of each changed group of a base character and its marks.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_with_offsets(&self, text: &str, specials: Specials) -> Result<Spanned> {
        self.encode_with_offsets_unless(&Stop::never(), text, specials)
    }

    /// Like [`encode_with_offsets`](Self::encode_with_offsets), but `stop` can end it.
    ///
    /// # Errors
    /// As [`encode_unless`](Self::encode_unless).
    pub fn encode_with_offsets_unless(&self, stop: &Stop, text: &str, specials: Specials) -> Result<Spanned> {
        let mut ids = Vec::new();
        let mut spans = Vec::new();
        let mut done = 0;
        let mut characters = 0;
        let mut lease = self.lease();
        for (range, id) in
            self.added.find(text, specials).map(|(range, id)| (range, Some(id))).chain([(text.len()..text.len(), None)])
        {
            let plain = &text[done..range.start];
            let before = ids.len();
            lease.with(stop, |worker| self.encode_plain(worker, plain, done == 0, &mut ids))?;
            let mut watch = Watch::new(stop);
            let places = Places::new(&mut watch, plain, &self.normalize(stop, plain)?)?;
            let mut start = 0;
            spans.try_reserve(ids.len() - before)?;
            for &id in &ids[before..] {
                watch.step(1)?;
                let end = start + self.vocab.tokens.get(id).len();
                let (first, last) = (places.of[start], places.of[end - 1]);
                spans.push((characters + first.0, characters + last.1));
                start = end;
            }
            characters += plain.chars().count() as i64;
            if let Some(id) = id {
                let length = text[range.clone()].chars().count() as i64;
                ids.try_push(id)?;
                spans.try_push((characters, characters + length))?;
                characters += length;
            }
            done = range.end;
        }
        Ok((ids, spans))
    }
}

/// For each byte of the normalized text, the characters of the original text that it stands for.
struct Places {
    of: Vec<(i64, i64)>,
}

impl Places {
    fn new(watch: &mut Watch<'_>, original: &str, normalized: &str) -> Result<Self> {
        // One entry a byte, reserved ahead.
        let mut of = Vec::new();
        of.try_reserve_exact(normalized.len())?;
        if original == normalized {
            for (place, character) in original.chars().enumerate() {
                watch.step(1)?;
                of.extend(std::iter::repeat_n((place as i64, place as i64 + 1), character.len_utf8()));
            }
            return Ok(Self { of });
        }
        // Aligned like `tokenizers` does it: a composed character has the place of the first character that it is made
        // of.
        let mut place = 0;
        for (character, change) in UnicodeNormalization::nfc(original) {
            watch.step(1)?;
            let span = match change > 0 {
                true if place == 0 => (0, 0),
                true => (place - 1, place),
                false => (place, place + 1),
            };
            of.try_extend(std::iter::repeat_n(span, character.len_utf8()))?;
            if change <= 0 {
                place += 1 - change as i64;
            }
        }
        debug_assert_eq!(of.len(), normalized.len());
        Ok(Self { of })
    }
}
