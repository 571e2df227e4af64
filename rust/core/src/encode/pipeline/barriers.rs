//! Places within a piece that no token reaches across.
//!
//! Merging makes nothing but tokens. Where no token holds what stands on both sides of a place, nothing merges across it, whatever
//! else is in the piece: what is before and what is behind are encoded as if each were alone. In scripts of thousands of characters
//! that is so between most neighbours that are not of one word. So Chinese clauses, hardly any of which comes twice, fall into words,
//! which do, and which the cache has.
//!
//! Only places between two characters of three bytes are asked about: Chinese, Japanese, Korean, and the scripts of South and
//! Southeast Asia. Letters of an alphabet stand beside one another in some token nearly always.

use std::ops::Range;

use crate::encode::pipeline::unmergeable::Whole;
use crate::error::Result;
use crate::memory::{Grow, Zeroed};
use crate::split::Ends;
use crate::vocab::Tokens;

/// The bits of a [`Seams`]: 128 KiB. (What the tokens of GPT-4o hold sets a sixteenth of them.)
const BITS: u32 = 20;

/// More neighbours than this are not noted one by one.
const MOST: usize = 1 << 19;

/// Where pieces come apart.
#[derive(Debug)]
pub(crate) struct Seams {
    /// What tokens hold; `None` if that is too much to be noted.
    held: Option<Held>,
}

/// The two bytes before a place and the three behind it, the first the lowest: a character but for its first byte, and a character.
type Neighbours = u64;

/// By a hash of neighbours: whether some token holds them.
#[derive(Debug)]
struct Held(Zeroed<u64>);

impl Held {
    fn add(&mut self, neighbours: Neighbours) {
        let bit = bit(neighbours);
        self.0[bit / 64] |= 1 << (bit % 64);
    }

    #[inline(always)]
    fn has(&self, neighbours: Neighbours) -> bool {
        let bit = bit(neighbours);
        self.0[bit / 64] >> (bit % 64) & 1 != 0
    }
}

impl Seams {
    /// Those of a vocabulary.
    pub(crate) fn new(tokens: &Tokens) -> Result<Self> {
        let mut held = Held(Zeroed::new(1 << (BITS - 6))?);
        let mut count = 0;
        for (_, token) in tokens.iter() {
            // What is before a place is a character, too, as far as the token has it.
            let follows = |at: usize| token[at.saturating_sub(2)..at].iter().all(|&byte| byte & 0xC0 == 0x80);
            for at in (1..token.len()).filter(|&at| is_lead(token[at]) && follows(at)) {
                count += each_around(token, at, |neighbours| held.add(neighbours));
                if count > MOST {
                    return Ok(Self { held: None });
                }
            }
        }
        Ok(Self { held: Some(held) })
    }

    /// The ends of the parts of pieces that no token reaches across, in place of `ends`, those of the pieces of `text`, which is UTF-8.
    /// No part is one of the pieces that are [`Whole`]; `parts` is memory for the purpose.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    pub(crate) fn part<'e>(
        &self,
        text: &[u8],
        ends: &'e Ends,
        whole: &Whole,
        parts: &'e mut Vec<u32>,
    ) -> Result<&'e [u32]> {
        let Some(held) = self.held.as_ref().filter(|_| ends.has_caseless()) else { return Ok(ends.as_slice()) };
        let (mut start, mut count) = (0, 0);
        for &end in ends.as_slice() {
            let end = end as usize;
            let most = count + (end - start) / 3 + 1;
            if parts.len() < most {
                parts.try_resize(2 * most, 0)?;
            }
            let before = count;
            if end - start >= 6 && is_lead(text[end - 3]) {
                let mut at = start;
                while at + 3 < end {
                    let was_lead = is_lead(text[at]);
                    at += width(text[at]);
                    // Whether this is a seam is hard to foresee.
                    parts[count] = at as u32;
                    count += usize::from(was_lead && is_lead(text[at]) && !held.has(around(text, at)));
                }
                if !whole.is_empty() {
                    count = keep(text, start..end, whole, parts, before..count)?;
                }
            }
            parts[count] = end as u32;
            count += 1;
            start = end;
        }
        Ok(&parts[..count])
    }
}

/// Takes back those `seams` of a piece that would make a part one of those that are [`Whole`] as a piece; returns where those end that
/// stay.
#[cold]
fn keep(text: &[u8], piece: Range<usize>, whole: &Whole, parts: &mut [u32], seams: Range<usize>) -> Result<usize> {
    let is_whole = |start: usize, end: usize| whole.id(&text[start..end]).is_some();
    let mut kept = vec![piece.start];
    for &seam in &parts[seams.clone()] {
        if !is_whole(kept[kept.len() - 1], seam as usize) {
            kept.try_push(seam as usize)?;
        }
    }
    while kept.len() > 1 && is_whole(kept[kept.len() - 1], piece.end) {
        kept.pop();
    }
    for (place, &seam) in parts[seams.clone()].iter_mut().zip(&kept[1..]) {
        *place = seam as u32;
    }
    Ok(seams.start + kept.len() - 1)
}

/// The neighbours at a place of a text that has a whole character behind it.
#[inline(always)]
fn around(text: &[u8], at: usize) -> Neighbours {
    match text[at - 2..].first_chunk() {
        Some(&window) => u64::from_le_bytes(window) & ((1 << 40) - 1),
        None => [0, 1, 2, 3, 4].iter().fold(0, |all, place| all | u64::from(text[at - 2 + place]) << (8 * place)),
    }
}

/// Calls `sink` with all neighbours that the place `at` of `token` may have in a text, and returns how many those are: where the token
/// ends, any byte may follow that continues a character.
fn each_around(token: &[u8], at: usize, mut sink: impl FnMut(Neighbours)) -> usize {
    let own = |place: usize| (at + place).checked_sub(2).and_then(|place| token.get(place));
    let (known, open): (Vec<usize>, Vec<usize>) = (0..5).partition(|&place| own(place).is_some());
    let known = known.into_iter().fold(0, |all, place| all | u64::from(token[at + place - 2]) << (8 * place));
    let count = 1 << (6 * open.len());
    for number in 0..count as u64 {
        let bytes = open.iter().zip(0..).map(|(place, turn)| (0x80 | number >> (6 * turn) & 0x3F) << (8 * place));
        sink(bytes.fold(known, |all, byte| all | byte));
    }
    count
}

/// The bit of neighbours: a hash, by a product whose upper bits depend on all of them.
#[inline(always)]
fn bit(neighbours: Neighbours) -> usize {
    (neighbours.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - BITS)) as usize
}

/// Whether a character of three bytes begins with this one.
#[inline(always)]
fn is_lead(byte: u8) -> bool {
    byte & 0xF0 == 0xE0
}

/// The length of a character by its first byte.
#[inline(always)]
fn width(first: u8) -> usize {
    match first {
        0..0x80 => 1,
        0x80..0xE0 => 2,
        0xE0..0xF0 => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::{Scheme, Splitter};

    /// The parts of a text in a vocabulary of the bytes and these tokens, some of them whole alone.
    fn parts<'t>(tokens: &[&str], whole: &[&str], text: &'t str) -> Vec<&'t str> {
        let mut all = Tokens::of_bytes();
        for token in tokens {
            all.push(token.as_bytes()).unwrap();
        }
        let whole = Whole::new(&all, |id| !whole.iter().any(|token| all.get(id) == token.as_bytes())).unwrap();
        let splitter = Splitter::new(Scheme::named("o200k").unwrap()).unwrap();
        let mut ends = Ends::default();
        assert_eq!(splitter.cut(text.as_bytes(), 0..text.len(), &mut ends).unwrap(), text.len());
        let (mut memory, mut start) = (Vec::new(), 0);
        let ends = Seams::new(&all).unwrap().part(text.as_bytes(), &ends, &whole, &mut memory).unwrap().to_vec();
        ends.into_iter().map(|end| &text[std::mem::replace(&mut start, end as usize)..end as usize]).collect()
    }

    #[test]
    fn pieces_part_where_no_token_reaches_across() {
        assert_eq!(parts(&[], &[], "中文字 abc"), ["中", "文", "字", " abc"]);
        assert_eq!(parts(&["中文"], &[], "中文字中字文中文"), ["中文", "字", "中", "字", "文", "中文"]);
        assert_eq!(parts(&["a中文b"], &[], "中文字"), ["中文", "字"]);
        // Beside other characters nothing parts.
        assert_eq!(parts(&[], &[], "ab中文éα字"), ["ab中", "文éα字"]);
    }

    #[test]
    fn a_part_is_none_of_the_pieces_that_are_whole() {
        // One of these alone is a token; within a piece, it is merged, to whatever that makes.
        assert_eq!(parts(&["中"], &["中"], "中"), ["中"]);
        assert_eq!(parts(&["中"], &["中"], "中文字"), ["中文", "字"]);
        assert_eq!(parts(&["中"], &["中"], "文字中"), ["文", "字中"]);
        assert_eq!(parts(&["中", "文中"], &["中", "文中"], "字文中"), ["字文中"]);
    }

    #[test]
    fn tokens_that_end_within_characters_hold_all_that_these_may_be() {
        let text = "中文".as_bytes();
        for (from, to) in [(0, 4), (0, 5), (1, 4), (2, 4), (2, 5), (1, 6)] {
            let mut tokens = Tokens::of_bytes();
            tokens.push(&text[from..to]).unwrap();
            let seams = Seams::new(&tokens).unwrap();
            let held = seams.held.as_ref().expect("few enough");
            assert!(held.has(around(text, 3)), "{from}..{to}");
            assert!(!held.has(around("文中".as_bytes(), 3)), "{from}..{to}");
        }
    }

    #[test]
    fn too_much_to_note_is_not_noted() {
        // Each of these may stand between any of thousands of characters.
        let mut tokens = Tokens::of_bytes();
        for last in 0x80..=0xBF {
            tokens.push(&[last, 0xE4]).unwrap();
        }
        assert!(Seams::new(&tokens).unwrap().held.is_none());
    }
}
