//! Ids to bytes, and to text.
//!
//! Tokens of up to fifteen bytes stand in a table ([`gather`]), longer ones in the vocabulary. For long texts there is a second
//! table of the same kind in UTF-16, from which Python makes a `str` several times as fast as from UTF-8: most tokens are whole
//! characters, and those that are not are put together first.

mod gather;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;
use std::thread;

use crate::error::{Error, Result};
use crate::vocab::Vocab;
use gather::{Entry, PARTS, gather};

/// Stands for the length of a token that is too long for an entry, or only a part of a character.
const ELSEWHERE: u8 = 0xFE;
/// Stands for the length of a special token.
const SPECIAL: u8 = 0xFD;
/// Stands for the length of an id that has no token.
const UNKNOWN: u8 = 0xFF;

/// Text in UTF-16 comes in parts of about so many ids: small ones for the allocator, which keeps them at hand.
const PART: usize = 1 << 13;

/// Fewer ids than this are not worth a second thread.
const ALONE: usize = 1 << 16;

/// The tokens of a vocabulary, ready to be copied.
#[derive(Debug)]
pub struct Decoder {
    bytes: Vec<Entry<u8>>,
    units: OnceLock<Vec<Entry<u16>>>,
}

/// A table of the tokens whose parts `parts_of` gives, if it has any to give.
fn table<T: Copy + From<u8>>(vocab: &Vocab, mut parts_of: impl FnMut(&[u8], &mut Vec<T>)) -> Vec<Entry<T>> {
    let mut entries = vec![[T::from(UNKNOWN); PARTS + 1]; vocab.tokens.len()];
    let mut parts = Vec::new();
    for (id, token) in vocab.tokens.iter() {
        let entry = &mut entries[id as usize];
        parts.clear();
        parts_of(token, &mut parts);
        entry[PARTS] = T::from(ELSEWHERE);
        if (1..=PARTS).contains(&parts.len()) {
            entry[..parts.len()].copy_from_slice(&parts);
            entry[PARTS] = T::from(parts.len() as u8);
        }
    }
    // Special tokens come last in most vocabularies, but their ids may be far beyond: those go by the vocabulary.
    for special in &vocab.specials {
        if let Some(entry) = entries.get_mut(special.id as usize) {
            entry[PARTS] = T::from(SPECIAL);
        }
    }
    entries
}

/// The bytes of the token at a place; none for a special token unless `with_specials`.
fn token_at<'v>(vocab: &'v Vocab, ids: &[u32], position: usize, with_specials: bool) -> Result<&'v [u8]> {
    let id = ids[position];
    let token = vocab.token(id).ok_or(Error::UnknownId { id: i64::from(id), position, vocab_size: vocab.size() })?;
    Ok(if with_specials || !vocab.is_special(id) { token } else { &[] })
}

impl Decoder {
    /// Prepares a vocabulary: 16 bytes an id, and 32 more from the first long text on.
    pub fn new(vocab: &Vocab) -> Self {
        Self { bytes: table(vocab, |token, parts| parts.extend_from_slice(token)), units: OnceLock::new() }
    }

    /// The bytes of a sequence of ids, those of special tokens only if `with_specials`.
    ///
    /// # Errors
    /// [`Error::UnknownId`] for the first id that has no token.
    pub fn decode(&self, vocab: &Vocab, ids: &[u32], with_specials: bool) -> Result<Vec<u8>> {
        gather(&self.bytes, ids, |row, place| {
            row.push(token_at(vocab, ids, place, with_specials)?);
            Ok(place + 1)
        })
    }

    /// The text of a sequence of ids in UTF-16, that of special tokens only if `with_specials`; `None` if the bytes are not
    /// UTF-8 and `lossy` is not set. Lossy, it has U+FFFD in the places where [`String::from_utf8_lossy`] puts it. It comes in
    /// parts, which end between characters: small memory is used again, large memory costs a page fault every 4 KiB.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_utf16(
        &self,
        vocab: &Vocab,
        ids: &[u32],
        with_specials: bool,
        lossy: bool,
    ) -> Result<Option<Vec<Vec<u16>>>> {
        let mut parts = Vec::with_capacity(ids.len() / PART + 1);
        let mut all_sound = true;
        let mut start = 0;
        while start < ids.len() {
            // No character goes on in a token that does not begin with a continuation byte.
            let begins = |&id: &u32| match vocab.token(id) {
                Some(token) => !is_continuation(token[0]) && (with_specials || !vocab.is_special(id)),
                None => true,
            };
            let rest = ids.get(start + PART..).unwrap_or_default();
            let end = ids.len() - rest.len() + rest.iter().position(begins).unwrap_or(rest.len());
            let (part, sound) =
                self.units_of(vocab, &ids[start..end], with_specials).map_err(|error| further(error, start))?;
            // An id without a token, further on, is an error all the same.
            all_sound &= sound;
            parts.push(part);
            start = end;
        }
        Ok((all_sound || lossy).then_some(parts))
    }

    /// Lossy text in UTF-16, and whether nothing was lost.
    fn units_of(&self, vocab: &Vocab, ids: &[u32], with_specials: bool) -> Result<(Vec<u16>, bool)> {
        let table = self.units.get_or_init(|| {
            table(vocab, |token, units| units.extend(str::from_utf8(token).unwrap_or_default().encode_utf16()))
        });
        let mut sound = true;
        let mut stretch = Vec::new();
        let mut encoded = Vec::new();
        let units = gather(table, ids, |row, first| {
            // Up to a token that begins with a character: until then parts of characters may come together.
            stretch.clear();
            let mut place = first;
            while place < ids.len() {
                let token = token_at(vocab, ids, place, with_specials)?;
                if place > first && token.first().is_some_and(|&byte| !is_continuation(byte)) {
                    break;
                }
                stretch.extend_from_slice(token);
                place += 1;
            }
            let text = String::from_utf8_lossy(&stretch);
            sound &= matches!(text, Cow::Borrowed(_));
            encoded.clear();
            encoded.extend(text.encode_utf16());
            row.push(&encoded);
            Ok(place)
        })?;
        Ok((units, sound))
    }

    /// The bytes of each of many sequences: sequence `i` is `ids[offsets[i]..offsets[i + 1]]`. On at most `threads` threads
    /// (`None`: as many as there are processors).
    ///
    /// # Errors
    /// [`Error::UnknownId`] with the position in `ids`; [`Error::Argument`] if the offsets do not ascend within `ids`.
    pub fn decode_batch(
        &self,
        vocab: &Vocab,
        ids: &[u32],
        offsets: &[i64],
        with_specials: bool,
        threads: Option<usize>,
    ) -> Result<Vec<Vec<u8>>> {
        let range = |pair: &[i64]| -> Option<Range<usize>> {
            let range = usize::try_from(pair[0]).ok()?..usize::try_from(pair[1]).ok()?;
            (range.start <= range.end && range.end <= ids.len()).then_some(range)
        };
        let ranges: Vec<Range<usize>> = offsets
            .windows(2)
            .map(|pair| range(pair).ok_or_else(|| Error::argument("offsets", format!("{pair:?} is no range of ids"))))
            .collect::<Result<_>>()?;
        let decode = |range: &Range<usize>| {
            self.decode(vocab, &ids[range.clone()], with_specials).map_err(|error| further(error, range.start))
        };
        let threads = threads.unwrap_or_else(processors).clamp(1, 4 * processors()).min(1 + ids.len() / ALONE);
        let share = ranges.len().div_ceil(threads).max(1);
        let run = |ranges: &[Range<usize>]| ranges.iter().map(decode).collect::<Result<Vec<_>>>();
        if threads == 1 {
            return run(&ranges);
        }
        let parts = thread::scope(|scope| {
            let handles: Vec<_> = ranges.chunks(share).map(|mine| scope.spawn(move || run(mine))).collect();
            handles.into_iter().map(join).collect::<Result<Vec<_>>>()
        })?;
        Ok(parts.concat())
    }
}

/// An error in a part of the ids, which begins at `start`.
fn further(error: Error, start: usize) -> Error {
    match error {
        Error::UnknownId { id, position, vocab_size } => {
            Error::UnknownId { id, position: start + position, vocab_size }
        }
        other => other,
    }
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

/// What a thread returned; its panic is ours.
fn join<T>(handle: thread::ScopedJoinHandle<'_, T>) -> T {
    handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
