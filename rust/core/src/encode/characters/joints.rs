//! Joints: places that divide a text without splitting rules.
//!
//! Merging makes nothing but tokens. Take a place in the text. If no token holds the two bytes on both sides of the
//! place, nothing merges across it. So the text before the place and the text behind it can be encoded separately. This
//! module calls these places joints. Mostly that is before the first space of a run, since tokens have spaces at their
//! beginning, and between a letter and most punctuation. A place within a character is none.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::memory::Zeroed;
use crate::split::Ends;

/// A text is cut at the last joint within this many bytes.
const STRETCH: usize = 2048;

/// By two bytes that follow one another: whether a token holds them, or they are of one character.
#[derive(Debug)]
pub(crate) struct Joints {
    held: Zeroed<u64>,
    /// Whether every space begins a piece, even if tokens hold spaces.
    at_spaces: bool,
}

impl Joints {
    /// The joints of texts from which merging makes these tokens.
    pub(crate) fn new<'t>(tokens: impl Iterator<Item = &'t [u8]>, at_spaces: bool) -> Result<Self> {
        let mut joints = Self { held: Zeroed::new(1 << 10)?, at_spaces };
        for before in 0..=u8::MAX {
            // These go on with a character.
            (0x80..0xC0).for_each(|byte| joints.hold(before, byte));
        }
        for token in tokens {
            token.windows(2).for_each(|pair| joints.hold(pair[0], pair[1]));
        }
        Ok(joints)
    }

    fn hold(&mut self, before: u8, byte: u8) {
        if !(self.at_spaces && byte == b' ') {
            self.held[usize::from(before) << 2 | usize::from(byte) >> 6] |= 1 << (byte & 63);
        }
    }

    #[inline(always)]
    fn is_joint(&self, held: &[u64; 1 << 10], before: u8, byte: u8) -> bool {
        held[usize::from(before) << 2 | usize::from(byte) >> 6] >> (byte & 63) & 1 == 0
    }

    fn held(&self) -> &[u64; 1 << 10] {
        self.held[..].try_into().expect("a bit for every two bytes")
    }

    /// The first joint of a text that is not its beginning, or its end.
    pub(crate) fn first(&self, text: &[u8]) -> usize {
        let held = self.held();
        let pairs = text.windows(2);
        pairs.into_iter().position(|pair| self.is_joint(held, pair[0], pair[1])).map_or(text.len(), |place| place + 1)
    }

    /// The first joint at or after `from`. A piece ends there, for any text before and behind it.
    pub(crate) fn next(&self, text: &[u8], from: usize) -> Option<usize> {
        let (held, from) = (self.held(), from.max(1));
        let pairs = text.get(from - 1..)?.windows(2);
        pairs.into_iter().position(|pair| self.is_joint(held, pair[0], pair[1])).map(|place| from + place)
    }

    /// The next stretch of pieces of `text[range]`, as [`Splitter::cut`](crate::split::Splitter::cut) gives it.
    ///
    /// # Errors
    /// [`Error::Memory`], [`Error::Interrupted`], and [`Error::Argument`] for a piece of 4 GiB.
    pub(crate) fn cut(&self, text: &[u8], range: Range<usize>, ends: &mut Ends) -> Result<usize> {
        ends.check()?;
        let (held, text) = (self.held(), &text[range.clone()]);
        let stretch = &text[..text.len().min(STRETCH)];
        let room = ends.room(stretch.len())?;
        let (mut count, mut most, mut before) = (0, 0, stretch[0]);
        for (place, &byte) in stretch.iter().enumerate().skip(1) {
            // Whether this is a joint cannot be foreseen, so there is no branch.
            room[count] = place as u32;
            count += usize::from(self.is_joint(held, before, byte));
            // Letters without case are characters of three bytes, or beyond.
            most = if byte > most { byte } else { most };
            before = byte;
        }
        let mut last = if count > 0 { room[count - 1] as usize } else { 0 };
        if stretch.len() == text.len() || count == 0 {
            last = match stretch.len() == text.len() {
                true => text.len(),
                false => self.next(text, stretch.len()).unwrap_or(text.len()),
            };
            let end = u32::try_from(last).map_err(|_| Error::argument("text", "a piece of 4 GiB or more"))?;
            room[count] = end;
            count += 1;
        }
        ends.take(count, most.max(stretch[0]) >= 0xE0);
        Ok(range.start + last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces<'t>(tokens: &[&str], at_spaces: bool, text: &'t str) -> Vec<&'t str> {
        let joints = Joints::new(tokens.iter().map(|token| token.as_bytes()), at_spaces).unwrap();
        let (mut ends, mut start, mut pieces) = (Ends::default(), 0, Vec::new());
        while start < text.len() {
            let base = start;
            let next = joints.cut(text.as_bytes(), base..text.len(), &mut ends).unwrap();
            for &end in ends.as_slice() {
                pieces.push(&text[start..base + end as usize]);
                start = base + end as usize;
            }
            assert_eq!(start, next);
        }
        pieces
    }

    #[test]
    fn texts_come_apart_where_no_token_reaches_across() {
        let tokens = [" ab", "ab", "  ", "e\u{301}"];
        assert_eq!(pieces(&tokens, false, "ab ab  abba"), ["ab", " ab", "  ab", "b", "a"]);
        assert_eq!(pieces(&tokens, true, "ab  ab"), ["ab", " ", " ab"]);
        assert_eq!(pieces(&tokens, false, "é字e\u{301}"), ["é", "字", "e\u{301}"]);
    }

    #[test]
    fn a_stretch_without_a_joint_goes_on() {
        let long = "a".repeat(3 * STRETCH + 1) + " b";
        assert_eq!(pieces(&["aa"], false, &long), [&long[..3 * STRETCH + 1], " ", "b"]);
    }

    proptest! {
        #[test]
        fn no_token_reaches_across_a_joint(tokens in prop::collection::vec("[ab é字]{2,3}", 0..6), text in "[ab é字]{1,40}") {
            let tokens: Vec<&str> = tokens.iter().map(|token| &token[..]).collect();
            let mut place = 0;
            for piece in pieces(&tokens, false, &text) {
                place += piece.len();
                for token in &tokens {
                    for (start, _) in text.match_indices(token) {
                        prop_assert!(place <= start || start + token.len() <= place);
                    }
                }
            }
            prop_assert_eq!(place, text.len());
        }
    }
}
