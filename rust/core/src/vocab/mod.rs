//! Tokens, merges and special tokens: the plain data of a tokenizer, as a file states it.
//!
//! Readers and the trainer produce a [`Vocab`]; writers, the encoder and the decoder consume it. Invariants, checked by
//! [`Vocab::new`]: every byte that UTF-8 has is an ordinary token, ordinary tokens are distinct and not empty, every merge
//! names tokens whose concatenation is a token, special tokens have distinct contents and ids, and no id is used twice.

pub(crate) mod alphabet;
pub(crate) mod carried;
pub mod pipeline;
mod tokens;

use crate::error::{Error, Result};
use crate::limits;
use crate::memory::{collect_all, copied, copied_text};
use crate::split::Scheme;
pub use carried::Carried;
use pipeline::Pipeline;
pub use tokens::{TokenError, Tokens};

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
        /// A piece that is itself a token is that token. The merges are not consulted.
        ignore_merges: bool,
    },
}

impl Merges {
    /// Clones, or fails if there is no memory.
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

/// An entry of the vocabulary that is no sequence of bytes: encoding never makes it, decoding gives its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inert {
    /// Its text, perhaps empty.
    pub content: String,
    /// Its id.
    pub id: u32,
}

/// Copies of entries, if there is memory for them.
///
/// # Errors
/// [`Error::Memory`].
pub(crate) fn try_clone_inert(inert: &[Inert]) -> Result<Vec<Inert>> {
    collect_all(inert.iter().map(|entry| Ok(Inert { content: copied_text(&entry.content)?, id: entry.id })))
}

/// The reading of a special token's text within a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Specials {
    /// Text like any other.
    #[default]
    Text,
    /// The special token.
    Parse,
}

/// The change to a text before it is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NormalForm {
    /// Nothing.
    #[default]
    None,
    /// Unicode normalization form C, by the tables of Unicode 9, as in `tokenizers`.
    Nfc,
}

/// A tokenizer as data, by how it runs.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "there are few, which stay where they are")]
pub enum TokenizerData {
    /// Byte-level BPE with one splitting rule, on the fast path.
    Vocab(Vocab),
    /// Any other, stage by stage.
    Pipeline(Pipeline),
}

/// A tokenizer as data: byte-level BPE with one splitting rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Vocab {
    /// Ordinary tokens, by id. Ids without an ordinary token hold an empty entry.
    pub tokens: Tokens,
    /// Their merges.
    pub merges: Merges,
    /// Special and added tokens, by ascending id.
    pub specials: Vec<Special>,
    /// Entries that are no bytes, by ascending id. See [`Vocab::with_inert`].
    pub inert: Vec<Inert>,
    /// The splitting rule.
    pub scheme: Scheme,
    /// The normalizer.
    pub normalizer: NormalForm,
    /// Parts of the `tokenizer.json` this came from that encoding does not obey.
    pub carried: Carried,
}

impl Vocab {
    /// Whether two vocabularies are equal in all parts except the hashes of the text that steered training. Then they
    /// give the same ids.
    pub fn is_same(&self, other: &Self) -> bool {
        let carried = |vocab: &Self| Carried { steered_by: Vec::new(), ..vocab.carried.clone() };
        self.tokens == other.tokens
            && self.merges == other.merges
            && self.specials == other.specials
            && self.inert == other.inert
            && self.scheme == other.scheme
            && self.normalizer == other.normalizer
            && carried(self) == carried(other)
    }

    /// A vocabulary from its parts, checked. `origin` (a file, or the maker of the parts) appears in errors.
    ///
    /// # Errors
    /// [`Error::Format`] naming the token, merge or special token that breaks an invariant of the module; [`Error::Unsupported`] if a
    /// byte of UTF-8 has no token; [`Error::Memory`].
    pub fn new(
        origin: &str,
        tokens: Tokens,
        merges: Merges,
        mut specials: Vec<Special>,
        scheme: Scheme,
        normalizer: NormalForm,
    ) -> Result<Self> {
        let fail = |reason: String| Err(Error::format(origin, reason));
        if let Some(byte) = (0..=255u8).find(|&byte| is_in_utf8(byte) && tokens.id(&[byte]).is_none()) {
            let reason = format!("byte 0x{byte:02x} has no token, so text that has this byte could not be encoded");
            return Err(Error::unsupported(origin, reason));
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
            if special.content.len() > limits::ADDED_TOKEN {
                let (id, length) = (special.id, special.content.len());
                let most = limits::ADDED_TOKEN;
                return fail(format!("the special token with id {id} has {length} bytes; {most} is the limit"));
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
        let (inert, carried) = (Vec::new(), Carried::default());
        Ok(Self { tokens, merges, specials, inert, scheme, normalizer, carried })
    }

    /// The vocabulary with entries that are no bytes.
    ///
    /// # Errors
    /// [`Error::Format`] naming the entry whose id or text another one has; [`Error::Memory`].
    pub fn with_inert(mut self, origin: &str, mut inert: Vec<Inert>) -> Result<Self> {
        inert.sort_unstable_by(|a, b| (a.id, &a.content).cmp(&(b.id, &b.content)));
        let mut contents: hashbrown::HashSet<&str> = hashbrown::HashSet::new();
        contents.try_reserve(self.specials.len() + inert.len())?;
        contents.extend(self.specials.iter().map(|special| special.content.as_str()));
        for (place, Inert { content, id }) in inert.iter().enumerate() {
            if self.token(*id).is_some() || place > 0 && inert[place - 1].id == *id {
                return Err(Error::format(origin, format!("{content:?} has the id {id}, which another token has")));
            }
            if !contents.insert(content) {
                return Err(Error::format(origin, format!("{content:?} occurs twice in the vocabulary")));
            }
        }
        drop(contents);
        self.inert = inert;
        Ok(self)
    }

    /// Clones, or fails if there is no memory.
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
            carried: self.carried.try_clone()?,
            inert: try_clone_inert(&self.inert)?,
        })
    }

    /// One more than the largest id, special tokens included: the number of rows of an embedding table.
    pub fn size(&self) -> usize {
        let special = self.specials.last().map_or(0, |special| special.id as usize + 1);
        let inert = self.inert.last().map_or(0, |entry| entry.id as usize + 1);
        self.tokens.len().max(special).max(inert)
    }

    /// The first byte that has no token, one that UTF-8 never has.
    pub fn missing_byte(&self) -> Option<u8> {
        (0..=255).find(|&byte| self.tokens.id(&[byte]).is_none())
    }

    /// The bytes of any id, ordinary, special or inert.
    pub fn token(&self, id: u32) -> Option<&[u8]> {
        let ordinary = self.tokens.get(id);
        if !ordinary.is_empty() {
            return Some(ordinary);
        }
        if let Ok(place) = self.specials.binary_search_by_key(&id, |special| special.id) {
            return Some(self.specials[place].content.as_bytes());
        }
        let place = self.inert.binary_search_by_key(&id, |entry| entry.id).ok()?;
        Some(self.inert[place].content.as_bytes())
    }

    /// Whether decoding leaves out `id` when it leaves out special tokens. It keeps added tokens and special tokens that are content.
    pub fn is_special(&self, id: u32) -> bool {
        let place = self.specials.binary_search_by_key(&id, |special| special.id);
        place.is_ok_and(|place| self.specials[place].special) && self.carried.kept.binary_search(&id).is_err()
    }

    /// The id of a token, ordinary tokens first.
    pub fn id(&self, token: &[u8]) -> Option<u32> {
        let special = || self.specials.iter().find(|special| special.content.as_bytes() == token);
        let inert = || self.inert.iter().find(|entry| entry.content.as_bytes() == token);
        self.tokens.id(token).or_else(|| special().map(|special| special.id)).or_else(|| inert().map(|entry| entry.id))
    }
}

/// Whether some character has this byte in UTF-8.
pub fn is_in_utf8(byte: u8) -> bool {
    !matches!(byte, 0xc0 | 0xc1 | 0xf5..)
}

/// Token bytes for an error message: as text where they are text.
pub fn show(token: &[u8]) -> String {
    match std::str::from_utf8(token) {
        Ok(text) => format!("{text:?}"),
        Err(_) => format!("b\"{}\"", token.escape_ascii()),
    }
}
