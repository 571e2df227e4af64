//! Collects the tokens of a file, in any order of ids, and checks them.

use crate::error::Error;
use crate::limits;
use crate::memory::Grow;
use crate::vocab::{TokenError, Tokens, show};

/// One token of the file.
struct FileToken {
    id: u32,
    start: usize,
    end: usize,
    place: usize,
}

/// The tokens of a file, each with its place there.
#[derive(Default)]
pub(super) struct FileTokens {
    bytes: Vec<u8>,
    entries: Vec<FileToken>,
}

impl FileTokens {
    /// Adds a token: `write` appends its bytes and returns its id. `place` is its line, or its number.
    pub(super) fn push(
        &mut self,
        place: usize,
        write: impl FnOnce(&mut Vec<u8>) -> Result<u32, String>,
    ) -> Result<(), String> {
        let start = self.bytes.len();
        let id = write(&mut self.bytes)?;
        Ok(self.entries.try_push(FileToken { id, start, end: self.bytes.len(), place })?)
    }

    /// The tokens by id. All tokens and all ids must be distinct. `at` describes a place in the file, for the error.
    pub(super) fn into_tokens(mut self, at: impl Fn(usize) -> String) -> Result<Tokens, String> {
        let bytes = |entry: &FileToken| &self.bytes[entry.start..entry.end];
        // Sorted in place, because a stable sort takes memory.
        self.entries.sort_unstable_by_key(|entry| (entry.id, entry.place));
        let Some(last) = self.entries.last() else { return Err("it has no tokens".to_string()) };
        if u64::from(last.id) > limits::max_id(self.entries.len()) {
            return Err(format!(
                "{}{} has the id {}, far beyond the {} tokens there are",
                at(last.place),
                show(bytes(last)),
                last.id,
                self.entries.len()
            ));
        }
        if self.bytes.len() > limits::TOKENS {
            return Err(format!(
                "its tokens have {} bytes together; {} is the limit",
                self.bytes.len(),
                limits::TOKENS
            ));
        }
        let mut tokens = Tokens::new();
        for (number, entry) in self.entries.iter().enumerate() {
            let token = bytes(entry);
            if token.is_empty() {
                return Err(format!("{}the token with id {} is empty", at(entry.place), entry.id));
            }
            if token.len() > limits::TOKEN {
                let (at, id, length) = (at(entry.place), entry.id, token.len());
                return Err(format!("{at}the token with id {id} has {length} bytes; {} is the limit", limits::TOKEN));
            }
            if number > 0 && self.entries[number - 1].id == entry.id {
                let first = bytes(&self.entries[number - 1]);
                return Err(format!(
                    "{}{} has the id {} that {} has already",
                    at(entry.place),
                    show(token),
                    entry.id,
                    show(first)
                ));
            }
            while tokens.len() < entry.id as usize {
                tokens.push(&[])?;
            }
            tokens.try_push(token).map_err(|refused| match refused {
                TokenError::Held(holder) => {
                    format!("{}{} occurs twice, with the ids {holder} and {}", at(entry.place), show(token), entry.id)
                }
                TokenError::Memory => Error::Memory.into(),
            })?;
        }
        Ok(tokens)
    }
}
