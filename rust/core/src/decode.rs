//! Ids to bytes.
//!
//! A token of up to 15 bytes stands in one 16-byte entry with its length, so that a step is one load, one store of 16 bytes
//! and an addition, whatever the length; longer tokens are copied from the vocabulary.

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
            let token = vocab.token(id).ok_or(Error::UnknownId {
                id: i64::from(id),
                position,
                vocab_size: vocab.size(),
            })?;
            let special = entry[SHORT] == SPECIAL && vocab.is_special(id);
            if with_specials || !special {
                bytes.extend_from_slice(token);
            }
        }
        bytes.extend_from_slice(&buffer[..filled]);
        Ok(bytes)
    }
}
