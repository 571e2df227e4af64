//! The changes of normalizers to a text, made before merging. Spaces need no change here.
//!
//! Vocabularies of SentencePiece spell a space as `▁`. The lowered tokens hold the space itself, so most texts are
//! merged without a copy. A text is copied if it holds a `▁` or a character with a rule: the file drops the character,
//! replaces it by a space, or puts a space behind it. One pass over the text applies all rules at once. The result
//! equals applying the rules in order, because a rule reads its own character and the kind of the next one, and no rule
//! changes these for another rule.

use std::borrow::Cow;
use std::sync::OnceLock;

use crate::encode::nfc;
use crate::error::Result;
use crate::memory::{Grow, copied_text};
use crate::split::CompiledPattern;
use crate::stop::{Stop, Watch};

/// The effect of a rule on its character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The character is dropped, before all other rules.
    Drop,
    /// A space is put behind the character, if a space or a character of a word follows.
    Part,
    /// The character becomes a space, after all other rules.
    Space,
}

/// The rules of a file.
#[derive(Debug, Default)]
pub(crate) struct Rewrites {
    /// Whether the text is brought to form C first.
    pub(crate) nfc: bool,
    /// Texts of several characters, and their replacements. They are replaced before the rules apply.
    pub(crate) early: Vec<(String, String)>,
    /// By ascending character.
    rules: Vec<(char, Rule)>,
    /// The first bytes of the characters that have a rule.
    begins: Marks,
}

#[derive(Debug)]
struct Marks([bool; 256]);

impl Default for Marks {
    fn default() -> Self {
        Self([false; 256])
    }
}

impl Rewrites {
    /// Adds the rule of a character; whether it had none before.
    pub(crate) fn add(&mut self, character: char, rule: Rule) -> bool {
        let Err(place) = self.rules.binary_search_by_key(&character, |&(own, _)| own) else { return false };
        self.rules.insert(place, (character, rule));
        self.begins.0[usize::from(character.encode_utf8(&mut [0; 4]).as_bytes()[0])] = true;
        true
    }

    fn rule(&self, character: char) -> Option<Rule> {
        let place = self.rules.binary_search_by_key(&character, |&(own, _)| own).ok()?;
        Some(self.rules[place].1)
    }

    /// Whether rewritten texts never hold this text: its replacement has none of its characters, no other rule makes
    /// one of these characters, and no rule drops a character between them.
    pub(crate) fn leaves_none(&self, pattern: &str) -> bool {
        let [(text, content)] = &self.early[..] else { return false };
        let makes = |character| content.contains(character) || character == '▁';
        text == pattern && !pattern.contains(makes) && self.rules.iter().all(|&(_, rule)| rule == Rule::Space)
    }

    /// The text as it is merged.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory), [`Error::Interrupted`](crate::Error::Interrupted).
    pub(crate) fn apply<'t>(&self, stop: &Stop, text: &'t str) -> Result<Cow<'t, str>> {
        let mut text = Cow::Borrowed(text);
        if self.nfc && !nfc::is_normal(stop, &text)? {
            text = Cow::Owned(nfc::normalized(stop, &text)?);
        }
        for (from, to) in &self.early {
            if text.contains(from) {
                text = Cow::Owned(replaced(&mut Watch::new(stop), &text, from, to)?);
            }
        }
        let rewritten = self.rewritten(&mut Watch::new(stop), &text)?;
        Ok(rewritten.map_or(text, Cow::Owned))
    }

    /// The text after the rules; `None` if they leave it unchanged.
    fn rewritten(&self, watch: &mut Watch<'_>, text: &str) -> Result<Option<String>> {
        let bytes = text.as_bytes();
        let (mut out, mut done, mut at): (Vec<u8>, usize, usize) = (Vec::new(), 0, 0);
        while let Some(place) = bytes[at..].iter().position(|&byte| self.begins.0[usize::from(byte)]) {
            watch.step(place + 1)?;
            let start = at + place;
            let character = text[start..].chars().next().expect("a character begins here");
            at = start + character.len_utf8();
            let Some(rule) = self.rule(character) else { continue };
            let (kept, put): (usize, &[u8]) = match rule {
                Rule::Drop => (start, b""),
                Rule::Space => (start, b" "),
                Rule::Part if self.is_followed(&text[at..]) => (at, b" "),
                Rule::Part => continue,
            };
            if out.capacity() == 0 {
                out.try_reserve(text.len() + text.len() / 8)?;
            }
            out.try_extend_from_slice(&bytes[done..kept])?;
            out.try_extend_from_slice(put)?;
            done = at;
        }
        if done == 0 {
            return Ok(None);
        }
        out.try_extend_from_slice(&bytes[done..])?;
        Ok(Some(String::from_utf8(out).expect("whole characters")))
    }

    /// Whether the rest of the text, without dropped characters, begins with a space or a character of a word.
    fn is_followed(&self, text: &str) -> bool {
        let next = text.chars().find(|&character| {
            !(self.begins.0[usize::from(character.encode_utf8(&mut [0; 4]).as_bytes()[0])]
                && self.rule(character) == Some(Rule::Drop))
        });
        next.is_some_and(|next| next == ' ' || is_of_word(next))
    }
}

/// A text with one in place of another.
fn replaced(watch: &mut Watch<'_>, text: &str, from: &str, to: &str) -> Result<String> {
    let mut parts = text.split(from);
    let mut out = copied_text(parts.next().unwrap_or_default())?;
    for part in parts {
        watch.step(1 + part.len() / 8)?;
        out.try_reserve(to.len() + part.len())?;
        out.push_str(to);
        out.push_str(part);
    }
    Ok(out)
}

/// Whether Oniguruma counts a character among `\w`.
fn is_of_word(character: char) -> bool {
    /// By code point of the first plane, 64 in a number.
    static WORD: OnceLock<Vec<u64>> = OnceLock::new();
    if character.is_ascii() {
        return character.is_ascii_alphanumeric() || character == '_';
    }
    let word = WORD.get_or_init(|| {
        let all: String = ('\0'..=char::MAX).collect();
        let pattern = CompiledPattern::new(r"[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}]+").expect("a regex of our own");
        let mut word = vec![0; 0x11_0000 / 64];
        let found = pattern.for_each_match(&all, |run| {
            run.chars().map(u32::from).for_each(|point| word[point as usize / 64] |= 1 << (point % 64));
        });
        found.expect("a simple regex does not give up");
        word
    });
    let point = u32::from(character);
    word[point as usize / 64] >> (point % 64) & 1 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewrites(rules: &[(char, Rule)]) -> Rewrites {
        let mut rewrites = Rewrites::default();
        for &(character, rule) in rules {
            assert!(rewrites.add(character, rule));
            assert!(!rewrites.add(character, Rule::Drop));
        }
        rewrites
    }

    #[test]
    fn rules_are_as_one_after_the_other() {
        let rewrites = rewrites(&[
            ('\r', Rule::Drop),
            ('(', Rule::Part),
            ('\'', Rule::Part),
            ('«', Rule::Part),
            ('\u{a0}', Rule::Space),
            ('▁', Rule::Space),
        ]);
        for (text, expected) in [
            ("l'homme", "l' homme"),
            ("('a", "(' a"),
            ("(\ra\r", "( a"),
            ("«\u{a0}été\u{a0}»", "« été »"),
            ("( a(é(字(²(-", "(  a( é( 字(²(-"),
            ("a▁▁b", "a  b"),
            ("'", "'"),
        ] {
            assert_eq!(rewrites.apply(&Stop::never(), text).unwrap(), expected);
        }
        assert!(matches!(rewrites.apply(&Stop::never(), "un été “”").unwrap(), Cow::Borrowed(_)));
    }

    #[test]
    fn form_c_comes_first() {
        let rewrites = Rewrites { nfc: true, ..rewrites(&[('▁', Rule::Space)]) };
        let stop = Stop::never();
        assert_eq!(rewrites.apply(&stop, "e\u{301}▁").unwrap(), "é ");
        assert_eq!(rewrites.apply(&stop, "e\u{301}").unwrap(), "é");
    }

    #[test]
    fn words_are_those_of_oniguruma() {
        for (character, expected) in
            [('é', true), ('\u{301}', true), ('٣', true), ('‿', true), ('ⓐ', true), ('²', false)]
        {
            assert_eq!(is_of_word(character), expected, "{character}");
        }
        assert!(!is_of_word('\u{200d}') && !is_of_word('’') && !is_of_word('\u{a0}'));
    }
}
