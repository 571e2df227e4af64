//! The normalizer of SentencePiece: from the left, the longest rule that fits; spaces are joined, dropped or added, and become `▁`.

use super::charsmap::{Charsmap, check};
use crate::error::Result;
use crate::memory::filled;
use crate::stages::model::UserDefinedPieces;
use crate::stages::text::Rewriter;
use crate::vocab::pipeline::{self, Kind, SentencePieceRules};

/// Characters below this number have a bit.
const END: u32 = 0x2_0000;

/// The rules made ready to run.
#[derive(Debug)]
pub(in crate::stages) struct SentencePieceNormalizer {
    map: Option<Charsmap>,
    user_defined: UserDefinedPieces,
    /// A bit for each character that a rule may change.
    marked: Vec<u64>,
    /// Whether a rule for more than an ASCII character may go on with this byte.
    continues: [bool; 256],
    space: &'static str,
    prefix: bool,
    suffix: bool,
    collapse: bool,
}

impl SentencePieceNormalizer {
    pub(super) fn new(model: &pipeline::SentencePieceModel) -> Result<Self> {
        let SentencePieceRules { charsmap, add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces, .. } =
            &model.rules;
        let map = (!charsmap.is_empty()).then(|| Charsmap::new(charsmap)).transpose()?;
        let user_defined = UserDefinedPieces::new(model)?;
        let mut marked = filled(0_u64, END as usize / 64)?;
        let mut mark = |character: char| {
            if let Some(bits) = marked.get_mut(character as usize / 64) {
                *bits |= 1 << (character as u32 % 64);
            }
        };
        mark(' ');
        let defined = model.entries.iter().filter(|&(_, id)| model.kinds[id as usize] == Kind::UserDefined);
        defined.filter_map(|(text, _)| text.chars().next()).for_each(&mut mark);
        let mut continues = [false; 256];
        if let Some(map) = &map {
            let mut buffer = [0; 4];
            for character in (0..END).filter_map(char::from_u32) {
                let text = &*character.encode_utf8(&mut buffer);
                let is_marked =
                    if character.is_ascii() { map.longest(text).is_some() } else { map.begins(text.as_bytes()) };
                if is_marked {
                    mark(character);
                }
            }
            for (first, byte) in (0..128).flat_map(|first| (0..=255).map(move |byte| (first, byte))) {
                continues[usize::from(byte)] |= map.begins(&[first, byte]);
            }
        }
        let (prefix, suffix) = match model.rules.treat_whitespace_as_suffix {
            true => (false, *add_dummy_prefix),
            false => (*add_dummy_prefix, false),
        };
        Ok(Self {
            map,
            user_defined,
            marked,
            continues,
            space: if *escape_whitespaces { "▁" } else { " " },
            prefix,
            suffix,
            collapse: *remove_extra_whitespaces,
        })
    }

    /// Normalizes a text, up to `limit` bytes.
    pub(super) fn run(&self, old: &str, new: &mut Rewriter<'_>, limit: usize) -> Result<()> {
        let mut at = 0;
        while self.collapse
            && at < old.len()
            && let (length, " ") = self.first(&old[at..])
        {
            at += length;
        }
        if at == old.len() {
            return Ok(());
        }
        let from = new.written();
        if self.prefix {
            new.put(self.space, at)?;
        }
        let mut is_after_space = self.collapse;
        while at < old.len() {
            let plain = self.plain(&old[at..]);
            if plain > 0 {
                new.keep(at..at + plain)?;
                at += plain;
                is_after_space = false;
                continue;
            }
            let (length, mut text) = self.first(&old[at..]);
            if is_after_space {
                text = text.trim_start_matches(' ');
            }
            if !text.is_empty() {
                for (place, part) in text.split(' ').enumerate() {
                    if place > 0 {
                        new.put(self.space, at)?;
                    }
                    new.put(part, at)?;
                }
                is_after_space = self.collapse && text.ends_with(' ');
                check(new.written() - from, limit)?;
            }
            at += length;
        }
        let mut end = new.end();
        while self.collapse
            && let Some(start) = new.drop_end(self.space, from)
        {
            end = start;
        }
        if self.suffix {
            new.put_at(self.space, end)?;
        }
        new.close(from, end);
        Ok(())
    }

    /// The number of bytes at the beginning of a text that stay unchanged.
    #[inline(always)]
    fn plain(&self, text: &str) -> usize {
        let (bytes, mut at) = (text.as_bytes(), 0);
        while let Some(&byte) = bytes.get(at) {
            if byte.is_ascii() {
                let continues = bytes.get(at + 1).is_some_and(|&next| self.continues[usize::from(next)]);
                if continues || self.is_marked(byte.into()) {
                    break;
                }
                at += 1;
            } else {
                let character = text[at..].chars().next().expect("a character begins here");
                if self.is_marked(character) {
                    break;
                }
                at += character.len_utf8();
            }
        }
        at
    }

    #[inline(always)]
    fn is_marked(&self, character: char) -> bool {
        match self.marked.get(character as usize / 64) {
            Some(bits) => bits >> (character as u32 % 64) & 1 == 1,
            None => self.map.is_some() || !self.user_defined.is_empty(),
        }
    }

    /// The length of the next replaced part of a text, and its replacement.
    fn first<'t>(&'t self, text: &'t str) -> (usize, &'t str) {
        let (length, is_defined) = self.user_defined.prefix(text);
        match self.map.as_ref().filter(|_| !is_defined).and_then(|map| map.longest(text)) {
            Some(found) => found,
            None => (length, &text[..length]),
        }
    }
}
