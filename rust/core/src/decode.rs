//! Ids to bytes.
//!
//! A token of up to 15 bytes stands in one 16-byte entry with its length, so that a step is one load, one store of 16 bytes
//! and an addition, whatever the length; longer tokens are copied from the vocabulary.

use std::ops::Range;
use std::thread;

use crate::error::{Error, Result};
use crate::vocab::Vocab;

/// The longest token with an entry of its own.
const SHORT: usize = 15;
/// Stands for the length of a longer token.
const LONG: u8 = 0xFE;
/// Stands for the length of a special token.
const SPECIAL: u8 = 0xFD;
/// Stands for the length of an id that has no token.
const UNKNOWN: u8 = 0xFF;
/// Short tokens are gathered in a buffer of this size.
const BUFFER: usize = 16 << 10;

/// Fewer ids than this are not worth a second thread.
const ALONE: usize = 1 << 16;

/// The tokens of a vocabulary, ready to be copied.
#[derive(Debug)]
pub struct Decoder {
    entries: Vec<[u8; SHORT + 1]>,
}

impl Decoder {
    /// Prepares a vocabulary: 16 bytes an id.
    pub fn new(vocab: &Vocab) -> Self {
        let unknown = [UNKNOWN; SHORT + 1];
        let mut entries = vec![unknown; vocab.tokens.len()];
        for (id, token) in vocab.tokens.iter() {
            let entry = &mut entries[id as usize];
            entry[SHORT] = if token.len() <= SHORT { token.len() as u8 } else { LONG };
            if token.len() <= SHORT {
                entry[..token.len()].copy_from_slice(token);
            }
        }
        // Special tokens come last in most vocabularies, but their ids may be far beyond: those go by the vocabulary.
        for special in &vocab.specials {
            if let Some(entry) = entries.get_mut(special.id as usize) {
                entry[SHORT] = SPECIAL;
            }
        }
        Self { entries }
    }

    /// The bytes of a sequence of ids, those of special tokens only if `with_specials`.
    ///
    /// # Errors
    /// [`Error::UnknownId`] for the first id that has no token.
    pub fn decode(&self, vocab: &Vocab, ids: &[u32], with_specials: bool) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(4 * ids.len());
        let mut buffer = vec![0; BUFFER.min(16 * (ids.len() + 1))];
        let mut filled = 0;
        for (position, &id) in ids.iter().enumerate() {
            if filled + SHORT + 1 > buffer.len() {
                bytes.extend_from_slice(&buffer[..filled]);
                filled = 0;
            }
            let entry = self.entries.get(id as usize).unwrap_or(&[SPECIAL; SHORT + 1]);
            let length = usize::from(entry[SHORT]);
            if length <= SHORT {
                buffer[filled..filled + SHORT + 1].copy_from_slice(entry);
                filled += length;
                continue;
            }
            bytes.extend_from_slice(&buffer[..filled]);
            filled = 0;
            let token =
                vocab.token(id).ok_or(Error::UnknownId { id: i64::from(id), position, vocab_size: vocab.size() })?;
            let special = entry[SHORT] == SPECIAL && vocab.is_special(id);
            if with_specials || !special {
                bytes.extend_from_slice(token);
            }
        }
        bytes.extend_from_slice(&buffer[..filled]);
        Ok(bytes)
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
            self.decode(vocab, &ids[range.clone()], with_specials).map_err(|error| match error {
                Error::UnknownId { id, position, vocab_size } => {
                    Error::UnknownId { id, position: range.start + position, vocab_size }
                }
                other => other,
            })
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

/// What a thread returned; its panic is ours.
fn join<T>(handle: thread::ScopedJoinHandle<'_, T>) -> T {
    handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
