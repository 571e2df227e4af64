//! From ids to bytes, and to text.
//!
//! Tokens of up to fifteen bytes stand in a table ([`gather`]), longer ones in the vocabulary. For long texts there is
//! a second table of the same kind, of code points. Most tokens are whole characters, so their code points are copied
//! directly to the memory where Python holds them ([`text`]).
//!
//! The ids may stand in an array that another thread writes to ([`Foreign`]). Then they decode to some text or to an
//! error, but never to memory that is not text.

mod gather;
#[cfg(test)]
mod tests;
mod text;

use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::AtomicUsize;

use bytemuck::Pod;

use crate::arch::{Foreign, Isa};
use crate::error::{Error, Result};
use crate::memory::{Grow, Zeroed, collect_all};
use crate::stop::Stop;
use crate::threads;
use crate::vocab::Vocab;
use gather::{DecodeEntry, PARTS, gather};
use text::CharacterTokens;
pub use text::Plan;

/// In place of a length: the token is too long for an entry, or only a part of a character.
const ELSEWHERE: u8 = 0xFE;
/// In place of a length: a special token.
const SPECIAL: u8 = 0xFD;
/// In place of a length: the id has no token.
const UNKNOWN: u8 = 0xFF;

/// Number of ids for each further thread: fewer are not worth starting it.
const ALONE: usize = 1 << 16;

/// Texts of a batch between two questions whether to stop.
const UNASKED: usize = 1 << 10;

/// The tokens of a vocabulary, ready to be copied.
#[derive(Debug)]
pub struct TokenDecoder {
    bytes: Zeroed<DecodeEntry<u8>>,
    isa: Isa,
    characters: OnceLock<CharacterTokens>,
    /// Number of ids decoded so far for which the table of characters would have been useful.
    decoded: AtomicUsize,
}

/// A table of the tokens. `parts_of` gives the parts of a token, or none.
fn table<T: Pod + From<u8>>(
    vocab: &Vocab,
    mut parts_of: impl FnMut(&[u8], &mut Vec<T>) -> Result<()>,
) -> Result<Zeroed<DecodeEntry<T>>> {
    let mut entries = Zeroed::new(vocab.tokens.len())?;
    entries.fill([T::from(UNKNOWN); PARTS + 1]);
    let mut parts = Vec::new();
    for (id, token) in vocab.tokens.iter() {
        let entry = &mut entries[id as usize];
        parts.clear();
        parts_of(token, &mut parts)?;
        entry[PARTS] = T::from(ELSEWHERE);
        if (1..=PARTS).contains(&parts.len()) {
            entry[..parts.len()].copy_from_slice(&parts);
            entry[PARTS] = T::from(parts.len() as u8);
        }
    }
    // Special tokens are the last in most vocabularies, but their ids may lie far beyond the table. Then they are
    // looked up in the vocabulary.
    for special in &vocab.specials {
        if let Some(entry) = entries.get_mut(special.id as usize) {
            entry[PARTS] = T::from(SPECIAL);
        }
    }
    Ok(entries)
}

/// The bytes of the token at a place; none for a special token unless `with_specials`.
fn token_at<'v>(vocab: &'v Vocab, ids: Foreign<'_>, position: usize, with_specials: bool) -> Result<&'v [u8]> {
    let id = ids.get(position).expect("a position within the ids");
    let token = vocab.token(id).ok_or(Error::UnknownId { id: i64::from(id), position, vocab_size: vocab.size() })?;
    Ok(if with_specials || !vocab.is_special(id) { token } else { &[] })
}

impl TokenDecoder {
    /// Prepares a vocabulary. It takes 16 bytes an id, and 33 more from the first long text on, or from many short ones
    /// on.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn new(vocab: &Vocab, isa: Isa) -> Result<Self> {
        let bytes = table(vocab, |token, parts| parts.try_extend_from_slice(token))?;
        Ok(Self { bytes, isa, characters: OnceLock::new(), decoded: AtomicUsize::new(0) })
    }

    /// The bytes of a sequence of ids. Special tokens are included only if `with_specials`.
    ///
    /// # Errors
    /// [`Error::UnknownId`] for the first id that has no token; [`Error::Memory`].
    pub fn decode<'i>(&self, vocab: &Vocab, ids: impl Into<Foreign<'i>>, with_specials: bool) -> Result<Vec<u8>> {
        self.decode_unless(&Stop::never(), vocab, ids, with_specials)
    }

    /// Like [`decode`](Self::decode), but `stop` can end it.
    ///
    /// # Errors
    /// As [`decode`](Self::decode), and [`Error::Interrupted`].
    pub fn decode_unless<'i>(
        &self,
        stop: &Stop,
        vocab: &Vocab,
        ids: impl Into<Foreign<'i>>,
        with_specials: bool,
    ) -> Result<Vec<u8>> {
        let ids = ids.into();
        gather(&self.bytes, ids, stop, |row, place| {
            row.push(token_at(vocab, ids, place, with_specials)?)?;
            Ok(place + 1)
        })
    }

    /// The bytes of each of many sequences: sequence `i` is `ids[offsets[i]..offsets[i + 1]]`. Works on at most
    /// `threads` threads (`None`: one a processor).
    ///
    /// # Errors
    /// [`Error::UnknownId`] with the position in `ids`; [`Error::Argument`] if the offsets do not ascend within `ids`;
    /// [`Error::Memory`].
    pub fn decode_batch<'i>(
        &self,
        vocab: &Vocab,
        ids: impl Into<Foreign<'i>>,
        offsets: &[i64],
        with_specials: bool,
        threads: Option<usize>,
    ) -> Result<Vec<Vec<u8>>> {
        self.decode_batch_unless(&Stop::never(), vocab, ids, offsets, with_specials, threads)
    }

    /// Like [`decode_batch`](Self::decode_batch), but `stop` can end it.
    ///
    /// # Errors
    /// As [`decode_batch`](Self::decode_batch), and [`Error::Interrupted`].
    pub fn decode_batch_unless<'i>(
        &self,
        stop: &Stop,
        vocab: &Vocab,
        ids: impl Into<Foreign<'i>>,
        offsets: &[i64],
        with_specials: bool,
        threads: Option<usize>,
    ) -> Result<Vec<Vec<u8>>> {
        let ids = ids.into();
        let ranges = ranges(offsets, ids.len())?;
        let decode = |range: &Range<usize>| {
            let decoded = self.decode_unless(stop, vocab, ids.part(range.clone()), with_specials);
            decoded.map_err(|error| further(error, range.start))
        };
        let share = ranges.len().div_ceil(workers(threads, ids.len())).max(1);
        let run = |ranges: &[Range<usize>]| {
            collect_all(ranges.iter().enumerate().map(|(place, range)| {
                if place % UNASKED == UNASKED - 1 {
                    stop.check()?;
                }
                decode(range)
            }))
        };
        // No more parts than threads.
        let parts = threads::map_unless(stop, ranges.chunks(share).collect(), run);
        let parts: Vec<_> = parts.into_iter().collect::<Result<_>>()?;
        let mut texts = Vec::new();
        texts.try_reserve_exact(ranges.len())?;
        texts.extend(parts.into_iter().flatten());
        Ok(texts)
    }
}

/// The sequences that offsets make of `length` ids.
///
/// # Errors
/// [`Error::Argument`] if they do not ascend within these; [`Error::Memory`].
pub(crate) fn ranges(offsets: &[i64], length: usize) -> Result<Vec<Range<usize>>> {
    let range = |pair: &[i64]| -> Option<Range<usize>> {
        let range = usize::try_from(pair[0]).ok()?..usize::try_from(pair[1]).ok()?;
        (range.start <= range.end && range.end <= length).then_some(range)
    };
    collect_all(
        offsets.windows(2).map(|pair| {
            range(pair).ok_or_else(|| Error::argument("offsets", format!("{pair:?} is not a range of ids")))
        }),
    )
}

/// The error of a part of the ids that begins at `start`, with its position in all ids.
pub(crate) fn further(error: Error, start: usize) -> Error {
    match error {
        Error::UnknownId { id, position, vocab_size } => {
            Error::UnknownId { id, position: start + position, vocab_size }
        }
        other => other,
    }
}

/// The number of threads to use: the number asked for (at least one), but no more than can help.
fn workers(asked: Option<usize>, ids: usize) -> usize {
    if ids < ALONE {
        return 1;
    }
    threads::wanted(asked).min(1 + ids / ALONE)
}
