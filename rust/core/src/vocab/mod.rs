//! Tokens, merges and special tokens: the plain data of a tokenizer, as a file states it.
//!
//! Readers and the trainer produce a [`Vocab`]; writers, the encoder and the decoder consume it. Invariants, checked by
//! [`Vocab::new`]: every one of the 256 bytes is an ordinary token, ordinary tokens are distinct and not empty, every merge
//! names tokens whose concatenation is a token, special tokens have distinct contents and ids, and no id is used twice.

mod tokens;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::memory::{collect_all, copied, copied_text};
use crate::split::Scheme;
pub use tokens::{Refused, Tokens};

/// The most merges a vocabulary can have: a rank has 21 bits, and the 256 bytes are symbols, too.
pub const MAX_MERGES: usize = (1 << 21) - 257;

/// The priority of merges, as the source file means it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merges {
    /// `.tiktoken`: two neighbours may merge if their bytes are a token; the smallest id goes first.
    Ranks,
    /// `tokenizer.json`: an explicit list of `(left id, right id)`; the first in the list goes first.
    List {
        /// The pairs, in order of priority.
        pairs: Vec<(u32, u32)>,
        /// A piece that is itself a token is that token, whatever the merges say.
        ignore_merges: bool,
    },
}

impl Merges {
    /// As `clone`, if there is memory for it.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn try_clone(&self) -> Result<Self> {
        Ok(match self {
            Self::Ranks => Self::Ranks,
            Self::List { pairs, ignore_merges } => Self::List { pairs: copied(pairs)?, ignore_merges: *ignore_merges },
        })
    }
}

/// A token that stands for itself in text and is never produced by merges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Special {
    /// Its text.
    pub content: String,
    /// Its id.
    pub id: u32,
    /// `true`: recognised only on request. `false`: an added token that is always recognised (`"special": false` of
    /// `tokenizer.json`).
    pub special: bool,
}

/// Copies of special tokens, if there is memory for them.
///
/// # Errors
/// [`Error::Memory`].
pub(crate) fn try_clone_specials(specials: &[Special]) -> Result<Vec<Special>> {
    let clone = |special: &Special| Ok(Special { content: copied_text(&special.content)?, ..*special });
    collect_all(specials.iter().map(clone))
}

/// What happens to text before it is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Normalizer {
    /// Nothing.
    #[default]
    None,
    /// Unicode normalization form C.
    Nfc,
}

/// A tokenizer as data.
#[derive(Debug, Clone, PartialEq)]
pub struct Vocab {
    /// Ordinary tokens, by id. Ids without an ordinary token hold an empty entry.
    pub tokens: Tokens,
    /// Their merges.
    pub merges: Merges,
    /// Special and added tokens, by ascending id.
    pub specials: Vec<Special>,
    /// The splitting rule.
    pub scheme: Scheme,
    /// The normalizer.
    pub normalizer: Normalizer,
    /// The `post_processor` of the `tokenizer.json` this came from, carried through unread.
    pub post_processor: Option<Value>,
}

impl Vocab {
    /// A vocabulary from its parts, checked. `origin` (a file, or what made the parts) appears in errors.
    ///
    /// # Errors
    /// [`Error::Format`] naming the token, merge or special token that breaks an invariant of the module; [`Error::Memory`].
    pub fn new(
        origin: &str,
        tokens: Tokens,
        merges: Merges,
        mut specials: Vec<Special>,
        scheme: Scheme,
        normalizer: Normalizer,
    ) -> Result<Self> {
        let fail = |reason: String| Err(Error::format(origin, reason));
        if let Some(byte) = (0..=255u8).find(|&byte| tokens.id(&[byte]).is_none()) {
            return fail(format!("byte 0x{byte:02x} has no token; a byte-level vocabulary needs all 256"));
        }
        if tokens.iter().count() > MAX_MERGES {
            return fail(format!("more than {} tokens", MAX_MERGES));
        }
        if let Merges::List { pairs, .. } = &merges {
            for (rank, (&(left, right), result)) in pairs.iter().zip(tokens.results(pairs)).enumerate() {
                let (l, r) = (tokens.get(left), tokens.get(right));
                if l.is_empty() || r.is_empty() {
                    return fail(format!("merge {rank} ({left}, {right}) names an id that has no token"));
                }
                if result?.is_none() {
                    return fail(format!("merge {rank} makes {}, which is not a token", show(&[l, r].concat())));
                }
            }
        }
        specials.sort_unstable_by(|a, b| (a.id, &a.content).cmp(&(b.id, &b.content)));
        let mut contents = hashbrown::HashSet::new();
        contents.try_reserve(specials.len())?;
        for (place, special) in specials.iter().enumerate() {
            if special.content.is_empty() {
                return fail(format!("the special token with id {} is empty", special.id));
            }
            if !contents.insert(special.content.as_str()) {
                return fail(format!("the special token {:?} occurs twice", special.content));
            }
            if place > 0 && specials[place - 1].id == special.id {
                return fail(format!(
                    "the special tokens {:?} and {:?} share the id {}",
                    specials[place - 1].content,
                    special.content,
                    special.id
                ));
            }
            let ordinary = tokens.get(special.id);
            if !ordinary.is_empty() && ordinary != special.content.as_bytes() {
                return fail(format!(
                    "id {} belongs both to the special token {:?} and to {}",
                    special.id,
                    special.content,
                    show(ordinary)
                ));
            }
        }
        drop(contents);
        Ok(Self { tokens, merges, specials, scheme, normalizer, post_processor: None })
    }

    /// As `clone`, if there is memory for it.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn try_clone(&self) -> Result<Self> {
        Ok(Self {
            tokens: self.tokens.try_clone()?,
            merges: self.merges.try_clone()?,
            specials: try_clone_specials(&self.specials)?,
            scheme: self.scheme.clone(),
            normalizer: self.normalizer,
            post_processor: self.post_processor.clone(),
        })
    }

    /// One more than the largest id, special tokens included: what an embedding table must hold.
    pub fn size(&self) -> usize {
        let last = self.specials.last().map_or(0, |special| special.id as usize + 1);
        last.max(self.tokens.len())
    }

    /// The bytes of any id, ordinary or special.
    pub fn token(&self, id: u32) -> Option<&[u8]> {
        let ordinary = self.tokens.get(id);
        if !ordinary.is_empty() {
            return Some(ordinary);
        }
        let place = self.specials.binary_search_by_key(&id, |special| special.id).ok()?;
        Some(self.specials[place].content.as_bytes())
    }

    /// Whether `id` is a special token (not a mere added one).
    pub fn is_special(&self, id: u32) -> bool {
        let place = self.specials.binary_search_by_key(&id, |special| special.id);
        place.is_ok_and(|place| self.specials[place].special)
    }

    /// The id of a token, ordinary tokens first.
    pub fn id(&self, token: &[u8]) -> Option<u32> {
        self.tokens.id(token).or_else(|| {
            self.specials.iter().find(|special| special.content.as_bytes() == token).map(|special| special.id)
        })
    }
}

/// Token bytes for an error message: as text where they are text.
pub fn show(token: &[u8]) -> String {
    match std::str::from_utf8(token) {
        Ok(text) => format!("{text:?}"),
        Err(_) => format!("b\"{}\"", token.escape_ascii()),
    }
}
