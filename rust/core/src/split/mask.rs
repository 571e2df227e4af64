//! The schemes of the table by bit algebra: shifts and additions turn the class masks of 64 bytes into the beginnings
//! of their pieces.
//!
//! Every byte carries its character's class, so a run of a class is a run of bits and no boundary falls inside a
//! character. Below, *letters* are the letters of the scheme (marks included in `WordRule::Cased`), and *punctuation*
//! is every character that is neither letter, nor digit, nor white space. The alternatives of the regexes, in their
//! order, say that a piece begins
//!
//! * at a run of letters. One character before the run belongs to the piece, and the piece begins there, if it is a
//!   space (any white space but a line end; in gpt2 `' '` alone), or a single punctuation mark that follows no `' '`;
//! * at a capital after a small letter (`WordRule::Cased`);
//! * at a run of punctuation, unless a `' '` stands before it, which then begins the piece;
//! * at a run of digits and at every third digit of it (at every digit; in gpt2 as letters do);
//! * at a run of white space, without the line ends at its start that belong to the punctuation before it; after the
//!   last line end of the run; and at the last character of the run, if it is no line end and the text goes on.
//!
//! Apostrophes move boundaries. Each one is handled separately.
//!
//! A boundary depends on nothing before the boundary that precedes it. So a rare and difficult case (marks that follow
//! no letter, capitals after letters without case, blank lines that contain spaces, digits that are not ASCII, ...) is
//! left to [`scan`]. The bits before the place where `scan` stops are erased, and the algebra goes on as if the text
//! began there. The tests compare these pieces with those of `scan`, and `scan` with the regexes, for every scalar
//! value in every neighbourhood at every offset.

use std::ops::Range;

use super::scheme::{Apostrophe, RULES, SCHEMES, Space, WordRule};
use super::{Ends, offset, scan};
use crate::arch::{Block, Isa, U32x16, Work};
use crate::error::Result;
use crate::unicode::{Class, decode};

/// [`cut`] for each scheme of the table, in its order.
pub(super) static CUTS: [CutFunction; SCHEMES] = [cut::<0>, cut::<1>, cut::<2>, cut::<3>, cut::<4>, cut::<5>, cut::<6>];

/// A function that finds the ends of pieces, as [`super::Splitter::cut`] promises.
pub(super) type CutFunction = fn(Isa, &[u8], Range<usize>, &mut Ends) -> Result<usize>;

/// Number of blocks classified at a time: 2 KiB of text, whose masks and ends stay in the first-level cache.
const BLOCKS: usize = 32;

/// The scheme is a constant, so each scheme gets code of its own, compiled for each instruction set.
fn cut<const SCHEME: usize>(isa: Isa, text: &[u8], range: Range<usize>, ends: &mut Ends) -> Result<usize> {
    let mut blocks = std::mem::take(&mut ends.blocks);
    blocks.resize(BLOCKS, Block::default());
    let filled = isa.classify(text, range.start, &mut blocks);
    let next = isa.run(Cutting::<SCHEME> { text, range, blocks: &blocks[..filled], ends });
    ends.blocks = blocks;
    next
}

/// The arguments of [`cut`], as [`Isa::run`] needs them.
struct Cutting<'c, const SCHEME: usize> {
    text: &'c [u8],
    range: Range<usize>,
    blocks: &'c [Block],
    ends: &'c mut Ends,
}

impl<const SCHEME: usize> Work for Cutting<'_, SCHEME> {
    type Output = Result<usize>;

    #[inline(always)]
    fn run<R: U32x16>(self) -> Result<usize> {
        let Self { text, range, blocks, ends } = self;
        cut_blocks::<SCHEME, R>(text, range, blocks, ends)
    }
}

#[inline(always)]
fn cut_blocks<const SCHEME: usize, R: U32x16>(
    text: &[u8],
    range: Range<usize>,
    blocks: &[Block],
    ends: &mut Ends,
) -> Result<usize> {
    let base = range.start;
    let filled = blocks.len();
    let complete = base + 64 * filled >= text.len();
    // The beginnings in a block depend on the block after it.
    let usable = if complete { filled } else { filled - 1 };
    let classes = |number: usize, from: usize| match blocks.get(number) {
        Some(block) => Classes::new::<SCHEME>(block, text_bits(base + 64 * number, from, text.len())),
        None => Classes::default(),
    };

    ends.clear(blocks.iter().fold(0, |found, block| found | block.caseless()) != 0);
    let mut number = 0;
    let mut before = Classes::default();
    let mut now = classes(0, base);
    let mut carry = Carry::starting_at(0);
    while number < usable {
        let at = base + 64 * number;
        let next = classes(number + 1, base);
        if let Some(begin) = beginnings::<SCHEME>(text, at, [&before, &now, &next], &mut carry) {
            ends.push_all::<R>(begin, at - base)?;
            (before, now) = (now, next);
            number += 1;
            continue;
        }
        settle::<SCHEME>(text, base, at, ends);
        let mut place = base + ends.last() as usize;
        while place < (at + 64).min(text.len()) {
            place = scan::piece_end(&RULES[SCHEME], text, place);
            ends.push(offset(place - base)?)?;
        }
        number = (place - base) / 64;
        if number >= usable || place == text.len() {
            return Ok(finish(ends, &range));
        }
        before = Classes::default();
        now = classes(number, place);
        carry = Carry::starting_at((place - base) % 64);
    }
    settle::<SCHEME>(text, base, (base + 64 * usable).min(text.len()), ends);
    if complete {
        ends.push(offset(text.len() - base)?)?;
    } else if ends.last() == 0 {
        // There is no boundary in 2 KiB.
        ends.push(offset(scan::piece_end(&RULES[SCHEME], text, base) - base)?)?;
    }
    Ok(finish(ends, &range))
}

/// Removes the ends beyond the range, whose end is a boundary, and returns the last end.
fn finish(ends: &mut Ends, range: &Range<usize>) -> usize {
    ends.truncate(range.len());
    range.start + ends.last() as usize
}

/// The rule `\s++$`: white space at the end of the text is one piece, line ends included. While white space reaches to
/// the end of the text that was read, only its beginning is known. So the ends within it are removed.
fn settle<const SCHEME: usize>(text: &[u8], base: usize, mut read: usize, ends: &mut Ends) {
    if RULES[SCHEME].space != Space::LinesOrEnd {
        return;
    }
    while text.get(read).is_some_and(|byte| byte & 0xC0 == 0x80) {
        read += 1;
    }
    let is_white = |start: usize, end: usize| {
        let (code_point, length) = decode(&text[start..end]);
        start + length == end && Class::of(code_point).is_space()
    };
    let mut first = read;
    while let Some(start) = (base.max(first.saturating_sub(3))..first).rev().find(|&start| is_white(start, first)) {
        first = start;
    }
    ends.keep_to_first_from(first - base);
}

/// The bits of the 64 bytes from `at` that lie within the text and not before `from`.
fn text_bits(at: usize, from: usize, length: usize) -> u64 {
    let after = if length - at < 64 { (1 << (length - at)) - 1 } else { u64::MAX };
    after & (u64::MAX << from.saturating_sub(at))
}

/// The classes of a block's bytes, as a scheme sees them.
#[derive(Debug, Clone, Copy, Default)]
struct Classes {
    text: u64,
    letter: u64,
    upper: u64,
    lower: u64,
    /// Letters without case, and marks.
    neither: u64,
    mark: u64,
    number: u64,
    /// White space except line ends.
    space: u64,
    line_end: u64,
    punctuation: u64,
    continuation: u64,
    blank: u64,
    apostrophe: u64,
    slash: u64,
    quote: u64,
}

impl Classes {
    #[inline(always)]
    fn new<const SCHEME: usize>(block: &Block, text: u64) -> Self {
        let [p0, p1, p2] = block.planes.map(|plane| plane & text);
        let (upper, lower, caseless) = (p0 & !p1 & !p2, !p0 & p1 & !p2, block.caseless() & text);
        let (mark, number) = (!p0 & !p1 & p2, p0 & !p1 & p2);
        let letter = (p0 | p1) & !p2;
        let other = text & !(p0 | p1 | p2);
        let cased = RULES[SCHEME].word == WordRule::Cased;
        Self {
            text,
            letter: if cased { letter | mark } else { letter },
            upper,
            lower,
            neither: caseless | mark,
            mark,
            number,
            space: !p0 & p1 & p2,
            line_end: p0 & p1 & p2,
            punctuation: if cased { other } else { other | mark },
            continuation: block.continuation & text,
            blank: block.space & text,
            apostrophe: block.apostrophe & text,
            slash: block.slash & text,
            quote: block.quote & text,
        }
    }

    fn white(&self) -> u64 {
        self.space | self.line_end
    }
}

/// The state that one block passes to the next. The classes of the block are passed separately.
#[derive(Debug, Clone, Copy, Default)]
struct Carry {
    /// Boundaries in the next block that were removed by an apostrophe or by the beginning of the text.
    taken: u64,
    /// Boundaries in the next block that were made by an apostrophe.
    made: u64,
    /// Bit 0: the last character of the block is a punctuation mark that begins a piece, or the mark continues in the
    /// next block.
    first_mark: u64,
    /// Bit 0: line ends at the start of the next block belong to the punctuation before them.
    swallowing: u64,
    /// Bit 0: the last byte is white space and belongs to no punctuation.
    white: u64,
    /// The bytes, of the last three, at which a group of digits begins.
    digits: u64,
}

impl Carry {
    /// The state if the text begins at bit `place`, which is a known boundary.
    fn starting_at(place: usize) -> Self {
        Self { taken: 1 << place, ..Self::default() }
    }
}

/// The mask moved on by `N` bytes.
#[inline(always)]
fn after<const N: u32>(now: u64, before: u64) -> u64 {
    now << N | before >> (64 - N)
}

/// Selects the runs that begin at a bit of `first`. Returns the bits of these runs, the bit behind each run, and 1 if
/// the last of them reaches the next block. The addition carries through the selected runs and leaves the other runs as
/// they are.
#[inline(always)]
fn through(first: u64, runs: u64) -> (u64, u64, u64) {
    let (sum, beyond) = runs.overflowing_add(first);
    (runs & !sum, sum & !runs, u64::from(beyond))
}

/// The beginnings of pieces in a block; `None` if `scan` must look at it. `carry` is the state that the block before
/// left; it is updated.
#[inline(always)]
fn beginnings<const SCHEME: usize>(text: &[u8], at: usize, around: [&Classes; 3], carry: &mut Carry) -> Option<u64> {
    let [before, now, next] = around;
    let rules = const { RULES[SCHEME] };
    let after_letter = after::<1>(now.letter, before.letter);
    let after_blank = after::<1>(now.blank, before.blank);

    let mut begin = 0;
    if rules.word == WordRule::Cased {
        if now.mark & !after_letter != 0 || now.upper & after::<1>(now.neither, before.neither) != 0 {
            return None;
        }
        begin |= now.upper & after::<1>(now.lower, before.lower);
    }

    // Punctuation. A mark of `free` begins a piece. If it is a single character and letters follow, they join it.
    let run = now.punctuation & !after::<1>(now.punctuation, before.punctuation);
    let free = run & !after_blank;
    begin |= free;
    let second = free << 1 | carry.first_mark;
    let (_, past, beyond) = through(second & now.continuation, now.continuation);
    let past_first_mark = (second & !now.continuation) | past;
    let first_mark = free >> 63 | beyond;
    if rules.punctuation > 0 && longer_than(rules.punctuation, now.punctuation, before.punctuation) {
        return None;
    }

    // Letters.
    let words = now.letter & !after_letter;
    let joined = match rules.word {
        WordRule::SpaceLetters => after_blank,
        WordRule::Letters | WordRule::Cased => after::<1>(now.space, before.space) | past_first_mark,
    };
    begin |= words & !joined;

    // Digits.
    let digits = now.number & !after::<1>(now.number, before.number);
    begin |= match rules.digits {
        0 => digits & !after_blank,
        1 => now.number & !now.continuation,
        _ => groups_of_three(before, now, next, digits, carry)?,
    };

    // White space.
    let mut swallowed = 0;
    if rules.line_ends {
        let after_punctuation = after::<1>(now.punctuation, before.punctuation) | carry.swallowing;
        let (run, past, beyond) = through(now.line_end & after_punctuation, now.line_end);
        let past = past | (carry.swallowing & !now.line_end);
        if rules.slash && past & now.slash != 0 {
            return None;
        }
        (swallowed, carry.swallowing) = (run, beyond);
        begin |= past & now.space;
    }
    let white = now.white() & !swallowed;
    begin |= white & !(white << 1 | carry.white);
    begin |= last_of_white_space::<SCHEME>(before, now, next)?;

    let (taken, made) = apostrophes::<SCHEME>(text, at, around, free)?;
    begin = (begin & !(taken as u64 | carry.taken)) | made as u64 | carry.made;
    (carry.taken, carry.made) = ((taken >> 64) as u64, (made >> 64) as u64);
    (carry.first_mark, carry.white) = (first_mark, white >> 63);
    Some(begin & now.text)
}

/// Whether a run in `now` has more than `limit` bytes; `limit` is a power of two up to 32.
fn longer_than(limit: usize, now: u64, before: u64) -> bool {
    let mut runs = u128::from(now) << 64 | u128::from(before);
    let all = runs;
    let mut length = 1;
    while length < limit {
        runs &= runs << length;
        length *= 2;
    }
    (runs << 1 & all) >> 64 != 0
}

/// The beginnings of groups of one to three digits, from the beginnings of runs of digits. Only runs of ASCII digits
/// are grouped here.
#[inline(always)]
fn groups_of_three(before: &Classes, now: &Classes, next: &Classes, runs: u64, carry: &mut Carry) -> Option<u64> {
    let after_number = after::<1>(now.number, before.number);
    // Digits of several bytes beside other digits: their bytes cannot be counted as digits.
    let wide = now.number & now.continuation;
    let wide_before = before.number & before.continuation;
    if wide | wide_before >> 63 != 0 {
        let wide_leads = wide >> 1 | (next.number & next.continuation) << 63;
        let beside = now.number & !now.continuation & after_number;
        if beside & (after::<1>(wide, wide_before) | wide_leads) != 0 {
            return None;
        }
    }
    let fourth = now.number
        & !now.continuation
        & after_number
        & after::<2>(now.number, before.number)
        & after::<3>(now.number, before.number);
    let mut groups = runs;
    loop {
        let more = (groups << 3 | carry.digits) & fourth & !groups;
        if more == 0 {
            carry.digits = groups >> 61;
            return Some(groups);
        }
        groups |= more;
    }
}

/// The places within white space where it is cut: after its last line end, and before its last character if something
/// follows.
#[inline(always)]
fn last_of_white_space<const SCHEME: usize>(before: &Classes, now: &Classes, next: &Classes) -> Option<u64> {
    let mut begin = 0;
    let mut last = if RULES[SCHEME].space == Space::Run { now.white() } else { now.space };
    if RULES[SCHEME].space != Space::Run {
        let after_line_end = now.space & after::<1>(now.line_end, before.line_end);
        begin |= after_line_end;
        let (_, past, beyond) = through(after_line_end, now.space);
        // Another line end follows these spaces, so the first one was not the last.
        let past_beyond = if beyond == 0 { 0 } else { through(next.space & 1, next.space).1 | (!next.space & 1) };
        if past & now.line_end != 0 || past_beyond & next.line_end != 0 || (beyond != 0 && next.space == u64::MAX) {
            return None;
        }
    }
    let other = |classes: &Classes| classes.text & !classes.white();
    last &= other(now) >> 1 | other(next) << 63;
    // Moves a bit from the last byte of a character to its first.
    let wide = last & now.continuation;
    if wide != 0 {
        if wide & 3 != 0 && now.continuation & 1 != 0 {
            return None;
        }
        let back = wide >> 1;
        last = (last & !now.continuation) | (back & !now.continuation) | ((back & now.continuation) >> 1);
    }
    Some(begin | last)
}

/// The boundaries that apostrophes remove and make, as bits of this block and the next.
#[inline(always)]
fn apostrophes<const SCHEME: usize>(text: &[u8], at: usize, around: [&Classes; 3], free: u64) -> Option<(u128, u128)> {
    let [before, now, next] = around;
    let before_letter = now.letter >> 1 | next.letter << 63;
    let after_letter = after::<1>(now.letter, before.letter);
    let mut left = match RULES[SCHEME].apostrophe {
        Apostrophe::Plain => 0,
        Apostrophe::OwnLowerCase | Apostrophe::Own => now.apostrophe & free & before_letter,
        Apostrophe::Suffix => now.apostrophe & after_letter & before_letter,
        Apostrophe::Elision => (now.apostrophe | now.quote) & after_letter,
    };
    let (mut taken, mut made) = (0u128, 0u128);
    while left != 0 {
        let bit = left.trailing_zeros();
        left &= left - 1;
        let place = at + bit as usize;
        let found = match RULES[SCHEME].apostrophe {
            Apostrophe::Elision => scan::elision(text, place),
            kind => scan::contraction(text, place, kind != Apostrophe::OwnLowerCase),
        };
        let Some(end) = found else { continue };
        let own = matches!(RULES[SCHEME].apostrophe, Apostrophe::OwnLowerCase | Apostrophe::Own);
        if !own && scan::is_awkward_after_suffix(text, end) {
            return None;
        }
        let bits = ((1u128 << (end - place)) - 1) << bit;
        taken |= if own { bits & (bits << 1) } else { bits };
        made |= 1 << (end - at);
    }
    Some((taken, made))
}
