//! Tokens and their ids, in the order of `tokenizers`: special tokens, the 256 bytes as sorted by the characters that stand for
//! them in `tokenizer.json`, and then merges.

use hashbrown::HashMap;

use crate::error::{Error, Result};
use crate::vocab::{Special, Tokens};

/// The tokens so far.
#[derive(Clone)]
pub(super) struct Lexicon {
    /// The bytes of each id; empty for a special token that is not an ordinary one as well.
    tokens: Vec<Box<[u8]>>,
    ids: HashMap<Box<[u8]>, u32>,
    specials: Vec<Special>,
    /// How large it may become.
    wanted: usize,
}

/// What a token is that two others make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joined {
    /// A new one, with the largest id.
    New,
    /// The text of a special token, made for the first time; it keeps its id.
    Special,
    /// One that was made before, of other parts; it keeps its id.
    Again,
}

/// Whether a byte stands for itself in `tokenizer.json`.
fn is_literal(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff)
}

impl Lexicon {
    pub(super) fn new(specials: &[String], wanted: usize) -> Result<Self> {
        let mut lexicon = Self { tokens: Vec::new(), ids: HashMap::new(), specials: Vec::new(), wanted };
        let refuse =
            |content: &str, reason: &str| Err(Error::argument("special_tokens", format!("{content:?} {reason}")));
        for content in specials {
            let id = lexicon.tokens.len() as u32;
            if content.is_empty() {
                return refuse(content, "is empty");
            }
            if lexicon.specials.iter().any(|other| other.content == *content) {
                return refuse(content, "occurs twice");
            }
            if !content.is_ascii() && content.chars().all(stands_for_byte) {
                return refuse(
                    content,
                    "reads like bytes: its characters are those that stand for bytes in tokenizer.json",
                );
            }
            lexicon.tokens.push(Box::default());
            lexicon.specials.push(Special { content: content.clone(), id, special: true });
            // Written as a token would be, it is that token, too.
            if content.bytes().all(|byte| byte.is_ascii_graphic()) {
                lexicon.ids.insert(content.as_bytes().into(), id);
            }
        }
        let mut bytes: Vec<u8> = (0..=255).collect();
        bytes.sort_by_key(|&byte| (!is_literal(byte), byte));
        for byte in bytes {
            lexicon.add(&[byte]);
        }
        if wanted < lexicon.len() {
            let reason = format!(
                "{wanted} is less than the {} entries that 256 bytes and {} special tokens take",
                lexicon.len(),
                specials.len()
            );
            return Err(Error::argument("vocab_size", reason));
        }
        Ok(lexicon)
    }

    /// The number of ids given.
    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    pub(super) fn wanted(&self) -> usize {
        self.wanted
    }

    pub(super) fn is_complete(&self) -> bool {
        self.len() >= self.wanted
    }

    /// The id of each byte.
    pub(super) fn bytes(&self) -> [u32; 256] {
        std::array::from_fn(|byte| self.ids[[byte as u8].as_slice()])
    }

    /// The id of the token that two tokens make.
    pub(super) fn join(&mut self, left: u32, right: u32) -> (u32, Joined) {
        let joined = [&*self.tokens[left as usize], &*self.tokens[right as usize]].concat();
        self.add(&joined)
    }

    fn add(&mut self, token: &[u8]) -> (u32, Joined) {
        if let Some(&id) = self.ids.get(token) {
            let old = std::mem::replace(&mut self.tokens[id as usize], token.into());
            return (id, if old.is_empty() { Joined::Special } else { Joined::Again });
        }
        let id = self.tokens.len() as u32;
        self.tokens.push(token.into());
        self.ids.insert(token.into(), id);
        (id, Joined::New)
    }

    pub(super) fn into_parts(self) -> (Tokens, Vec<Special>) {
        let mut tokens = Tokens::new();
        for token in &self.tokens {
            tokens.push(token);
        }
        (tokens, self.specials)
    }
}

/// Whether a character stands for a byte in `tokenizer.json`: for itself, or, counted from U+0100, for one that cannot be shown.
fn stands_for_byte(character: char) -> bool {
    let hidden = (0..=255).filter(|&byte| !is_literal(byte)).count() as u32;
    u8::try_from(character).is_ok_and(is_literal) || (0x100..0x100 + hidden).contains(&u32::from(character))
}
