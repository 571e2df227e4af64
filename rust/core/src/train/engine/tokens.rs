//! Tokens and their ids, in the order of `tokenizers`: special tokens, the 256 bytes in the order of the characters
//! that stand for them in `tokenizer.json`, and then merges.

use crate::train::engine::pair::Pair;
use hashbrown::HashMap;

use crate::error::{Error, Result};
use crate::memory::{Grow, copied};
use crate::vocab::{Special, Tokens, Vocab};

/// The tokens so far.
pub(crate) struct Lexicon {
    /// The bytes of each id; empty for a special token that is not also an ordinary token.
    tokens: Vec<Box<[u8]>>,
    ids: HashMap<Box<[u8]>, u32>,
    /// The largest size allowed.
    wanted: usize,
}

/// The kind of token that two tokens make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JoinedKind {
    /// A new token, with the next id.
    New,
    /// The text of a special token, made for the first time; it keeps its id.
    Special,
    /// A token that was made before from other parts; it keeps its id.
    Again,
}

/// Whether a byte stands for itself in `tokenizer.json`.
fn is_literal(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff)
}

impl Lexicon {
    /// A new lexicon that begins with the special tokens.
    pub(crate) fn new(contents: &[String], wanted: usize) -> Result<(Self, Vec<Special>)> {
        let mut lexicon = Self { tokens: Vec::new(), ids: HashMap::new(), wanted };
        let mut specials: Vec<Special> = Vec::with_capacity(contents.len());
        let refuse =
            |content: &str, reason: &str| Err(Error::argument("special_tokens", format!("{content:?} {reason}")));
        for content in contents {
            let id = lexicon.tokens.len() as u32;
            if content.is_empty() {
                return refuse(content, "is empty");
            }
            if specials.iter().any(|other| other.content == *content) {
                return refuse(content, "occurs twice");
            }
            if !content.is_ascii() && content.chars().all(stands_for_byte) {
                return refuse(content, "reads like bytes: in a tokenizer.json its characters stand for bytes");
            }
            lexicon.tokens.try_push(Box::default())?;
            lexicon.reserve(content, id)?;
            specials.push(Special { content: content.clone(), id, special: true });
        }
        let mut bytes: Vec<u8> = (0..=255).collect();
        bytes.sort_by_key(|&byte| (!is_literal(byte), byte));
        for byte in bytes {
            lexicon.add(&[byte])?;
        }
        if wanted < lexicon.len() {
            let reason = format!(
                "{wanted} is less than the {} entries that 256 bytes and {} special tokens take",
                lexicon.len(),
                contents.len()
            );
            return Err(Error::argument("vocab_size", reason));
        }
        Ok((lexicon, specials))
    }

    /// The lexicon of a vocabulary.
    pub(crate) fn of(vocab: &Vocab, wanted: usize) -> Result<Self> {
        if wanted < vocab.size() {
            let reason = format!("{wanted} is less than the {} entries there are", vocab.size());
            return Err(Error::argument("vocab_size", reason));
        }
        let mut lexicon = Self { tokens: Vec::new(), ids: HashMap::new(), wanted };
        lexicon.tokens.try_reserve_exact(vocab.size())?;
        for id in 0..vocab.size() as u32 {
            let token = vocab.tokens.get(id);
            lexicon.tokens.push(copied(token)?.into());
            if !token.is_empty() {
                lexicon.know(token, id)?;
            }
        }
        for special in &vocab.specials {
            lexicon.reserve(&special.content, special.id)?;
        }
        Ok(lexicon)
    }

    /// Gives a token the id of a special token if a `tokenizer.json` spells both alike.
    fn reserve(&mut self, content: &str, id: u32) -> Result<()> {
        let token = content.as_bytes();
        if token.iter().all(u8::is_ascii_graphic) && !self.ids.contains_key(token) {
            self.know(token, id)?;
        }
        Ok(())
    }

    /// Records the id of a token that has none.
    fn know(&mut self, token: &[u8], id: u32) -> Result<()> {
        self.ids.try_reserve(1)?;
        self.ids.insert(copied(token)?.into(), id);
        Ok(())
    }

    /// Clones, or fails if there is no memory.
    pub(crate) fn try_clone(&self) -> Result<Self> {
        let mut clone = Self { tokens: Vec::new(), ids: HashMap::new(), wanted: self.wanted };
        clone.tokens.try_reserve_exact(self.tokens.len())?;
        for token in &self.tokens {
            clone.tokens.push(copied(token)?.into());
        }
        clone.ids.try_reserve(self.ids.len())?;
        for (token, &id) in &self.ids {
            clone.ids.insert(copied(token)?.into(), id);
        }
        Ok(clone)
    }

    /// The lexicon after some merges; `None` if these merges are impossible.
    pub(crate) fn replay(&self, merges: &[Pair]) -> Result<Option<Self>> {
        let mut lexicon = self.try_clone()?;
        for pair in merges {
            let (left, right) = pair.symbols();
            let is_token = |id| lexicon.tokens.get(id as usize).is_some_and(|token| !token.is_empty());
            if !is_token(left) || !is_token(right) || lexicon.join(left, right)?.1 == JoinedKind::Again {
                return Ok(None);
            }
        }
        Ok(Some(lexicon))
    }

    /// The number of ids.
    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    pub(crate) fn wanted(&self) -> usize {
        self.wanted
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.len() >= self.wanted
    }

    /// The id of the token that two tokens make.
    pub(crate) fn join(&mut self, left: u32, right: u32) -> Result<(u32, JoinedKind)> {
        let mut joined = copied(&self.tokens[left as usize])?;
        joined.try_extend_from_slice(&self.tokens[right as usize])?;
        self.add(&joined)
    }

    fn add(&mut self, token: &[u8]) -> Result<(u32, JoinedKind)> {
        let own = copied(token)?.into();
        if let Some(&id) = self.ids.get(token) {
            let old = std::mem::replace(&mut self.tokens[id as usize], own);
            return Ok((id, if old.is_empty() { JoinedKind::Special } else { JoinedKind::Again }));
        }
        let id = self.tokens.len() as u32;
        self.tokens.try_reserve(1)?;
        self.know(token, id)?;
        self.tokens.push(own);
        Ok((id, JoinedKind::New))
    }

    /// The tokens; empty for ids that belong only to special tokens.
    pub(crate) fn tokens(&self) -> Result<Tokens> {
        let mut tokens = Tokens::new();
        for token in &self.tokens {
            tokens.push(token)?;
        }
        Ok(tokens)
    }
}

/// Whether a character stands for a byte in `tokenizer.json`: for itself, or, counted from U+0100, for a byte that
/// cannot be shown.
fn stands_for_byte(character: char) -> bool {
    let hidden = (0..=255).filter(|&byte| !is_literal(byte)).count() as u32;
    u8::try_from(character).is_ok_and(is_literal) || (0x100..0x100 + hidden).contains(&u32::from(character))
}
