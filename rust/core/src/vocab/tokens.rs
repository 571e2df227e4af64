//! The bytes of every token, by id, and the ids by bytes.

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use std::hash::BuildHasher;

use crate::error::{Error, Result};
use crate::memory::{Grow, copied};

/// Token bytes by id, flat: token `id` is `bytes[starts[id]..starts[id + 1]]`. An empty entry is an id that no ordinary
/// token has. Costs 4 bytes a token beyond its own bytes, and 8 more for the index.
#[derive(Clone)]
pub struct Tokens {
    bytes: Vec<u8>,
    starts: Vec<u32>,
    index: HashTable<u32>,
}

impl Tokens {
    /// No tokens at all.
    pub fn new() -> Self {
        Self { bytes: Vec::new(), starts: vec![0], index: HashTable::new() }
    }

    /// The 256 bytes, each with its value as its id.
    pub fn of_bytes() -> Self {
        let mut tokens = Self::new();
        for byte in 0..=255 {
            tokens.push(&[byte]).expect("there is memory for 256 bytes");
        }
        tokens
    }

    /// Gives the next id to `token` (empty: the id stays without a token).
    ///
    /// # Errors
    /// [`TokenError`]: the bytes already have an id, or memory is short. Then nothing is added.
    pub fn try_push(&mut self, token: &[u8]) -> Result<u32, TokenError> {
        if let Some(holder) = self.id(token) {
            return Err(TokenError::Held(holder));
        }
        let id = self.len() as u32;
        let Self { bytes, starts, index } = self;
        let hash = |&other: &u32| FxBuildHasher.hash_one(entry(bytes, starts, other));
        index.try_reserve(1, hash).map_err(Error::from)?;
        bytes.try_reserve(token.len()).map_err(Error::from)?;
        starts.try_reserve(1).map_err(Error::from)?;
        bytes.extend_from_slice(token);
        starts.push(u32::try_from(bytes.len()).expect("a vocabulary is under 4 GiB"));
        if !token.is_empty() {
            index.insert_unique(FxBuildHasher.hash_one(token), id, |&other| {
                FxBuildHasher.hash_one(entry(bytes, starts, other))
            });
        }
        Ok(id)
    }

    /// Gives the next id to `token`, which must be new.
    ///
    /// # Errors
    /// [`Error::Memory`].
    ///
    /// # Panics
    /// If it is not new.
    pub fn push(&mut self, token: &[u8]) -> Result<u32> {
        self.try_push(token).map_err(|refused| match refused {
            TokenError::Held(id) => panic!("the token with id {id} is new"),
            TokenError::Memory => Error::Memory,
        })
    }

    /// Clones, or fails if there is no memory.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn try_clone(&self) -> Result<Self> {
        let mut index = HashTable::new();
        let hash = |&id: &u32| FxBuildHasher.hash_one(entry(&self.bytes, &self.starts, id));
        index.try_reserve(self.index.len(), hash)?;
        for &id in &self.index {
            index.insert_unique(hash(&id), id, hash);
        }
        Ok(Self { bytes: copied(&self.bytes)?, starts: copied(&self.starts)?, index })
    }

    /// The number of entries, empty ones included: one more than the largest id.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of token `id`; empty if no ordinary token has this id, or it is beyond the end.
    pub fn get(&self, id: u32) -> &[u8] {
        if (id as usize) < self.len() { entry(&self.bytes, &self.starts, id) } else { &[] }
    }

    /// The id of the token with exactly these bytes.
    pub fn id(&self, token: &[u8]) -> Option<u32> {
        if token.is_empty() {
            return None;
        }
        let hash = FxBuildHasher.hash_one(token);
        self.index.find(hash, |&id| entry(&self.bytes, &self.starts, id) == token).copied()
    }

    /// The results of pairs of tokens, given by their ids; `None` where the joined bytes are no token. Trainers number
    /// tokens in the order of their merges. So the result is mostly the token after the last one, and comparing with it
    /// is cheaper than a look-up.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn results<'t>(&'t self, pairs: &'t [(u32, u32)]) -> impl Iterator<Item = Result<Option<u32>>> + 't {
        let (mut joined, mut next) = (Vec::new(), 0);
        pairs.iter().map(move |&(left, right)| {
            joined.clear();
            joined.try_extend_from_slice(self.get(left))?;
            joined.try_extend_from_slice(self.get(right))?;
            let is_next = !joined.is_empty() && self.get(next) == joined;
            let result = if is_next { Some(next) } else { self.id(&joined) };
            next = result.map_or(next, |id| id.wrapping_add(1));
            Ok(result)
        })
    }

    /// Ids and bytes of the ordinary tokens, by ascending id.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &[u8])> {
        (0..self.len() as u32).map(|id| (id, self.get(id))).filter(|(_, token)| !token.is_empty())
    }

    /// All token bytes one behind the other, and the start of each (one more entry than there are ids), for decoding.
    pub fn flat(&self) -> (&[u8], &[u32]) {
        (&self.bytes, &self.starts)
    }
}

/// The reason why a token was not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenError {
    /// It already has this id.
    Held(u32),
    /// The system does not grant the memory.
    Memory,
}

impl From<Error> for TokenError {
    fn from(_: Error) -> Self {
        Self::Memory
    }
}

fn entry<'a>(bytes: &'a [u8], starts: &[u32], id: u32) -> &'a [u8] {
    &bytes[starts[id as usize] as usize..starts[id as usize + 1] as usize]
}

impl Default for Tokens {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Tokens {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes && self.starts == other.starts
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens({} entries, {} bytes)", self.len(), self.bytes.len())
    }
}
