//! The vocabulary of a model: texts by id, and the way back.

use crate::error::{Error, Result};
use crate::limits;
use crate::memory::{Grow, collect, copied_text};
use crate::vocab::{TokenError, Tokens};

/// Texts by id. Unlike [`Tokens`], an entry may be empty, and two ids may have the same text, of which the largest is that of the text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Entries {
    tokens: Tokens,
    /// Entries that are empty, or whose text has another id, by ascending id.
    others: Vec<(u32, String)>,
}

impl Entries {
    /// The entries of a file, in any order. `origin` appears in errors.
    ///
    /// # Errors
    /// [`Error::Format`] if an id occurs twice, or is far beyond the other ids; [`Error::Memory`].
    pub fn new<'t>(origin: &str, entries: impl IntoIterator<Item = (&'t str, u32)>) -> Result<Self> {
        let mut sorted = collect(entries)?;
        sorted.sort_unstable_by_key(|&(text, id)| (id, text));
        let fail = |reason| Err(Error::format(origin, reason));
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0].1 == pair[1].1) {
            return fail(format!("{:?} and {:?} share the id {}", twice[0].0, twice[1].0, twice[0].1));
        }
        if let Some(&(text, id)) = sorted.last()
            && u64::from(id) > limits::max_id(sorted.len())
        {
            return fail(format!("{text:?} has the id {id}, far beyond the {} entries there are", sorted.len()));
        }
        if let Some((text, id)) = sorted.iter().find(|(text, _)| text.len() > limits::TOKEN) {
            return fail(format!("the token with id {id} has {} bytes; {} is the limit", text.len(), limits::TOKEN));
        }
        if sorted.iter().map(|(text, _)| text.len()).sum::<usize>() > limits::TOKENS {
            return fail(format!("its tokens have more than {} bytes together", limits::TOKENS));
        }
        let mut last = hashbrown::HashMap::new();
        last.try_reserve(sorted.len())?;
        last.extend(sorted.iter().copied());
        let (mut tokens, mut others) = (Tokens::new(), Vec::new());
        for &(text, id) in &sorted {
            let own = if text.is_empty() || last[text] != id { "" } else { text };
            if own.is_empty() {
                others.try_push((id, copied_text(text)?))?;
            }
            while tokens.len() < id as usize {
                tokens.push(&[])?;
            }
            tokens.try_push(own.as_bytes()).map_err(|refused| match refused {
                TokenError::Held(_) => unreachable!("only the last of its text has it"),
                TokenError::Memory => Error::Memory,
            })?;
        }
        Ok(Self { tokens, others })
    }

    /// One more than the largest id.
    pub fn size(&self) -> usize {
        self.tokens.len()
    }

    /// The number of entries.
    pub fn count(&self) -> usize {
        self.iter().count()
    }

    /// The id of a text.
    pub fn id(&self, text: &str) -> Option<u32> {
        match text {
            "" => self.others.iter().rfind(|(_, text)| text.is_empty()).map(|&(id, _)| id),
            text => self.tokens.id(text.as_bytes()),
        }
    }

    /// The text of an id.
    pub fn text(&self, id: u32) -> Option<&str> {
        match self.tokens.get(id) {
            [] => {
                let place = self.others.binary_search_by_key(&id, |&(id, _)| id).ok()?;
                Some(&self.others[place].1)
            }
            token => Some(str::from_utf8(token).expect("entries are texts")),
        }
    }

    /// Texts and ids, by ascending id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u32)> {
        (0..self.size() as u32).filter_map(|id| self.text(id).map(|text| (text, id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_may_be_empty_or_occur_twice() {
        let entries = Entries::new("f", [("a", 0), ("b", 4), ("a", 3), ("", 1)]).unwrap();
        assert_eq!(
            (entries.id("a"), entries.id("b"), entries.id(""), entries.id("c")),
            (Some(3), Some(4), Some(1), None)
        );
        assert_eq!(entries.iter().collect::<Vec<_>>(), [("a", 0), ("", 1), ("a", 3), ("b", 4)]);
        assert_eq!((entries.text(2), entries.text(9), entries.size()), (None, None, 5));
    }

    #[test]
    fn ids_are_distinct_and_close_together() {
        let reason = |entries: &[(&str, u32)]| Entries::new("f", entries.iter().copied()).unwrap_err().to_string();
        assert_eq!(reason(&[("a", 7), ("b", 7)]), "f: \"a\" and \"b\" share the id 7");
        assert!(reason(&[("a", u32::MAX)]).contains("far beyond"));
    }
}
