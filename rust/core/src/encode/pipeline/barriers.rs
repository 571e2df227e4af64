//! Barriers: places within a piece that no token reaches across.
//!
//! *Claim.* If no token holds the two characters around a place side by side, BPE never merges across the place, and
//! the two sides are encoded as if each stood alone. *Proof.* A merge across the place would make a token that holds
//! both characters.
//!
//! In scripts of thousands of characters there is a barrier between most neighbours, unless they belong to one word. So
//! Chinese clauses, which hardly ever come twice, fall into words, which do, and which the cache then holds.
//!
//! Only places between two characters of three bytes are tested: Chinese, Japanese, Korean, and the scripts of South
//! and Southeast Asia. The letters of an alphabet nearly always stand side by side in some token.

use std::ops::Range;

use crate::encode::pipeline::unmergeable::Unmergeable;
use crate::error::Result;
use crate::memory::{Grow, Zeroed};
use crate::split::Ends;
use crate::vocab::Tokens;

/// Bits of the filter: 128 KiB. (The tokens of GPT-4o set a sixteenth of them.)
const BITS: u32 = 20;

/// The filter is not built for more pairs of neighbours than this.
const MOST: usize = 1 << 19;

/// Finds the barriers of a vocabulary.
#[derive(Debug)]
pub(crate) struct Barriers {
    /// The neighbours that some token holds; `None` if there are too many.
    filter: Option<NeighbourFilter>,
}

/// The two bytes before a place and the three behind it, the first byte lowest: a character without its first byte, and
/// a character.
type Neighbours = u64;

/// A filter: the bit of a hash is set if some token holds neighbours with this hash.
#[derive(Debug)]
struct NeighbourFilter(Zeroed<u64>);

impl NeighbourFilter {
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

impl Barriers {
    /// The barriers of a vocabulary.
    pub(crate) fn new(tokens: &Tokens) -> Result<Self> {
        let mut filter = NeighbourFilter(Zeroed::new(1 << (BITS - 6))?);
        let mut count = 0;
        for (_, token) in tokens.iter() {
            // The bytes before the place must be the end of a character, as far as the token holds them.
            let follows = |at: usize| token[at.saturating_sub(2)..at].iter().all(|&byte| byte & 0xC0 == 0x80);
            for at in (1..token.len()).filter(|&at| is_lead(token[at]) && follows(at)) {
                count += each_around(token, at, |neighbours| filter.add(neighbours));
                if count > MOST {
                    return Ok(Self { filter: None });
                }
            }
        }
        Ok(Self { filter: Some(filter) })
    }

    /// Divides the pieces of `text` at their barriers. `ends` are the ends of the pieces; the result replaces them by
    /// the ends of the parts. No part is an [`Unmergeable`] token. `parts` is memory for the result.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    pub(crate) fn split<'e>(
        &self,
        text: &[u8],
        ends: &'e Ends,
        whole: &Unmergeable,
        parts: &'e mut Vec<u32>,
    ) -> Result<&'e [u32]> {
        let Some(filter) = self.filter.as_ref().filter(|_| ends.has_caseless()) else { return Ok(ends.as_slice()) };
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
                    // Whether this is a barrier cannot be foreseen, so there is no branch.
                    parts[count] = at as u32;
                    count += usize::from(was_lead && is_lead(text[at]) && !filter.has(around(text, at)));
                }
                if !whole.is_empty() {
                    count = drop_barriers(text, start..end, whole, parts, before..count)?;
                }
            }
            parts[count] = end as u32;
            count += 1;
            start = end;
        }
        Ok(&parts[..count])
    }
}

/// Removes the barriers of a piece that would make a part an [`Unmergeable`] token. Returns the end of the barriers
/// that stay in `parts`.
#[cold]
fn drop_barriers(
    text: &[u8],
    piece: Range<usize>,
    whole: &Unmergeable,
    parts: &mut [u32],
    barriers: Range<usize>,
) -> Result<usize> {
    let is_whole = |start: usize, end: usize| whole.id(&text[start..end]).is_some();
    let mut kept = vec![piece.start];
    for &barrier in &parts[barriers.clone()] {
        if !is_whole(kept[kept.len() - 1], barrier as usize) {
            kept.try_push(barrier as usize)?;
        }
    }
    while kept.len() > 1 && is_whole(kept[kept.len() - 1], piece.end) {
        kept.pop();
    }
    for (place, &barrier) in parts[barriers.clone()].iter_mut().zip(&kept[1..]) {
        *place = barrier as u32;
    }
    Ok(barriers.start + kept.len() - 1)
}

/// The neighbours of a place that has a whole character behind it.
#[inline(always)]
fn around(text: &[u8], at: usize) -> Neighbours {
    match text[at - 2..].first_chunk() {
        Some(&window) => u64::from_le_bytes(window) & ((1 << 40) - 1),
        None => [0, 1, 2, 3, 4].iter().fold(0, |all, place| all | u64::from(text[at - 2 + place]) << (8 * place)),
    }
}

/// Calls `sink` with all neighbours that the place `at` of `token` may have in a text, and returns their number. Beyond
/// the ends of the token, any continuation byte may stand.
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

/// The bit of neighbours: the upper bits of a product, which depend on all bytes.
#[inline(always)]
fn bit(neighbours: Neighbours) -> usize {
    (neighbours.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - BITS)) as usize
}

/// Whether a character of three bytes begins with this byte.
#[inline(always)]
fn is_lead(byte: u8) -> bool {
    byte & 0xF0 == 0xE0
}

/// The length of a character, from its first byte.
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

    /// The parts of a text in a vocabulary of the bytes and the given tokens; those in `whole` are unmergeable.
    fn parts<'t>(tokens: &[&str], whole: &[&str], text: &'t str) -> Vec<&'t str> {
        let mut all = Tokens::of_bytes();
        for token in tokens {
            all.push(token.as_bytes()).unwrap();
        }
        let whole = Unmergeable::new(&all, |id| !whole.iter().any(|token| all.get(id) == token.as_bytes())).unwrap();
        let splitter = Splitter::new(Scheme::named("o200k").unwrap()).unwrap();
        let mut ends = Ends::default();
        assert_eq!(splitter.cut(text.as_bytes(), 0..text.len(), &mut ends).unwrap(), text.len());
        let (mut memory, mut start) = (Vec::new(), 0);
        let ends = Barriers::new(&all).unwrap().split(text.as_bytes(), &ends, &whole, &mut memory).unwrap().to_vec();
        ends.into_iter().map(|end| &text[std::mem::replace(&mut start, end as usize)..end as usize]).collect()
    }

    #[test]
    fn pieces_part_where_no_token_reaches_across() {
        assert_eq!(parts(&[], &[], "中文字 abc"), ["中", "文", "字", " abc"]);
        assert_eq!(parts(&["中文"], &[], "中文字中字文中文"), ["中文", "字", "中", "字", "文", "中文"]);
        assert_eq!(parts(&["a中文b"], &[], "中文字"), ["中文", "字"]);
        // Characters of other lengths have no barriers.
        assert_eq!(parts(&[], &[], "ab中文éα字"), ["ab中", "文éα字"]);
    }

    #[test]
    fn a_part_is_none_of_the_pieces_that_are_whole() {
        // A token in `whole` is only a token as a whole piece. Within a piece BPE decides.
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
            let barriers = Barriers::new(&tokens).unwrap();
            let filter = barriers.filter.as_ref().expect("few enough");
            assert!(filter.has(around(text, 3)), "{from}..{to}");
            assert!(!filter.has(around("文中".as_bytes(), 3)), "{from}..{to}");
        }
    }

    #[test]
    fn too_much_to_note_is_not_noted() {
        // Each of these tokens may stand between any of thousands of characters.
        let mut tokens = Tokens::of_bytes();
        for last in 0x80..=0xBF {
            tokens.push(&[last, 0xE4]).unwrap();
        }
        assert!(Barriers::new(&tokens).unwrap().filter.is_none());
    }
}
