//! From ids to code points, in the width in which CPython holds them.
//!
//! A `str` has one, two or four bytes for each of its characters, the least that all of them fit. So a text is made in
//! two passes: the first finds the number and the width of the characters ([`TokenDecoder::plan`]); the second writes them
//! to their final place ([`Plan::write`]). Tokens without an entry are decoded in the first pass: parts of characters,
//! long tokens, and tokens with characters beyond U+FFFF. With many ids, each thread takes a part of both passes,
//! because the table and the text exceed the caches of one core, and because the thread that first writes to a page
//! waits for the page fault.
//!
//! `cargo bench -p eurotok-core -- decode` measures decoding without Python.

use std::borrow::Cow;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;

use super::gather::{DecodeEntry, PARTS};
use super::{TokenDecoder, further, table, token_at, workers};
use crate::arch::{CodeUnit, Filling, Foreign, U32x16, Work, prefetch};
use crate::error::{Error, Result};
use crate::memory::{Grow, Zeroed, collect, lossy_text};
use crate::stop::Stop;
use crate::threads;
use crate::vocab::Vocab;

/// The tokens that are whole characters, none beyond U+FFFF.
#[derive(Debug)]
pub(super) struct CharacterTokens {
    entries: Zeroed<DecodeEntry<u16>>,
    /// For each token, its number of characters and the flags [`WIDE`], [`WIDER`] and [`ELSEWHERE`]. The last size
    /// stands for all ids beyond.
    sizes: Vec<u8>,
}

/// The bits of a size that hold the number of characters.
const LENGTH: u8 = 0xF;
/// Flag: some character is beyond U+007F.
const WIDE: u8 = 0x10;
/// Flag: some character is beyond U+00FF.
const WIDER: u8 = 0x20;
/// Flag: the token has no entry.
const ELSEWHERE: u8 = 0x80;

/// From `SHORT` ids on, a plan pays if its table exists; from `LONG` ids on, it always does.
const SHORT: usize = 1 << 7;
const LONG: usize = 1 << 15;

/// Making the table takes as long as decoding this many ids without it.
const TABLE_PAYS: usize = 1 << 21;

/// Number of ids between two checks of the written characters.
const BLOCK: usize = 1 << 10;

/// Number of ids between two questions whether to stop.
const UNASKED: usize = 1 << 17;

/// Number of ids between a prefetch and its use.
const AHEAD: usize = 24;

impl CharacterTokens {
    fn new(vocab: &Vocab) -> Result<Self> {
        let entries = table(vocab, |token, units| {
            let text = str::from_utf8(token).unwrap_or_default();
            units.try_extend(text.chars().map_while(|character| u16::try_from(u32::from(character)).ok()))?;
            if units.len() < text.chars().count() {
                units.clear();
            }
            Ok(())
        })?;
        let size = |entry: &DecodeEntry<u16>| match entry[PARTS] as usize {
            length @ 1..=PARTS => {
                let beyond = |bound, bit| if entry[..length].iter().any(|&unit| unit > bound) { bit } else { 0 };
                length as u8 | beyond(0x7F, WIDE) | beyond(0xFF, WIDER)
            }
            _ => ELSEWHERE,
        };
        let sizes = collect(entries.iter().map(size).chain([ELSEWHERE]))?;
        Ok(Self { entries, sizes })
    }
}

/// The text of a sequence of ids, before it is written.
#[derive(Debug)]
pub struct Plan<'d> {
    decoder: &'d TokenDecoder,
    characters: &'d CharacterTokens,
    parts: Vec<PlanPart<'d>>,
}

/// The part of one thread.
#[derive(Debug)]
struct PlanPart<'d> {
    ids: Foreign<'d>,
    length: usize,
    /// An upper bound of its code points.
    greatest: u32,
    is_utf8: bool,
    stretches: Vec<Stretch>,
    /// The texts of the stretches, one behind the other.
    texts: String,
}

/// Consecutive ids without entries, up to one that begins with a character.
#[derive(Debug)]
struct Stretch {
    first: usize,
    end: usize,
    /// The end of its text in [`PlanPart::texts`].
    text_end: usize,
}

impl TokenDecoder {
    /// Whether a plan decodes this many ids faster than [`decode`](Self::decode): they are not too few, and the table
    /// exists or has paid for itself.
    pub fn is_worth_a_plan(&self, ids: usize) -> bool {
        let is_there = || self.characters.get().is_some() || self.decoded.fetch_add(ids, Relaxed) >= TABLE_PAYS;
        ids >= LONG || ids >= SHORT && is_there()
    }

    /// Plans the text of a sequence of ids, special tokens only if `with_specials`. Bytes that are not UTF-8 become
    /// U+FFFD as in [`String::from_utf8_lossy`]. At most `threads` threads work on it, now and when it is written
    /// (`None`: one a processor).
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn plan<'d>(
        &'d self,
        vocab: &Vocab,
        ids: impl Into<Foreign<'d>>,
        with_specials: bool,
        threads: Option<usize>,
    ) -> Result<Plan<'d>> {
        self.plan_unless(&Stop::never(), vocab, ids, with_specials, threads)
    }

    /// Like [`plan`](Self::plan), but `stop` can end it.
    ///
    /// # Errors
    /// As [`plan`](Self::plan), and [`Error::Interrupted`].
    pub fn plan_unless<'d>(
        &'d self,
        stop: &Stop,
        vocab: &Vocab,
        ids: impl Into<Foreign<'d>>,
        with_specials: bool,
        threads: Option<usize>,
    ) -> Result<Plan<'d>> {
        let ids = ids.into();
        self.plan_parts(stop, vocab, ids, with_specials, workers(threads, ids.len()))
    }

    /// The table of characters. Two threads may make it at the same time, but no thread waits for another: a process
    /// that is forked during the wait would wait for ever.
    fn characters(&self, vocab: &Vocab) -> Result<&CharacterTokens> {
        if self.characters.get().is_none() {
            self.characters.set(CharacterTokens::new(vocab)?).ok();
        }
        Ok(self.characters.get().expect("it was set"))
    }

    /// [`plan`](Self::plan) in `count` parts.
    pub(super) fn plan_parts<'d>(
        &'d self,
        stop: &Stop,
        vocab: &Vocab,
        ids: Foreign<'d>,
        with_specials: bool,
        count: usize,
    ) -> Result<Plan<'d>> {
        let characters = self.characters(vocab)?;
        let part = |range: Range<usize>| {
            let start = range.start;
            characters.part(stop, vocab, ids.part(range), with_specials).map_err(|error| further(error, start))
        };
        let parts = threads::map_unless(stop, characters.shares(ids, count), part);
        Ok(Plan { decoder: self, characters, parts: parts.into_iter().collect::<Result<_>>()? })
    }
}

impl CharacterTokens {
    /// About equal ranges of ids. Each but the first begins with an entry, so no character reaches across its
    /// beginning.
    fn shares(&self, ids: Foreign<'_>, count: usize) -> Vec<Range<usize>> {
        let is_entry = |id: u32| size(&self.sizes, id) & ELSEWHERE == 0;
        let mut starts = vec![0];
        for number in 1..count {
            let place = (number * ids.len() / count).max(starts[number - 1]);
            starts.push(ids.from(place).iter().position(is_entry).map_or(ids.len(), |more| place + more));
        }
        let ends = starts[1..].iter().copied().chain([ids.len()]);
        starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
    }

    /// Plans one part.
    fn part<'d>(&self, stop: &Stop, vocab: &Vocab, ids: Foreign<'d>, with_specials: bool) -> Result<PlanPart<'d>> {
        let (mut length, mut kinds) = (0, 0);
        let (mut stretches, mut texts, mut bytes) = (Vec::new(), String::new(), Vec::new());
        let (mut place, mut greatest, mut is_utf8) = (0, 0, true);
        let mut unasked = 0;
        loop {
            let most = ids.len().min(place + UNASKED);
            let entries = measure(&self.sizes, ids.part(place..most));
            length += entries.length;
            kinds |= entries.kinds;
            unasked += entries.count + 1;
            place += entries.count;
            if unasked >= UNASKED {
                unasked = 0;
                stop.check()?;
            }
            if place == most {
                if place == ids.len() {
                    break;
                }
                continue;
            }
            let (first, text_start) = (place, texts.len());
            bytes.clear();
            // Up to a token that begins with a character: until then the tokens may be parts of one character.
            while place < ids.len() {
                let token = token_at(vocab, ids, place, with_specials)?;
                if place > first && token.first().is_some_and(|&byte| !is_continuation(byte)) {
                    break;
                }
                bytes.try_extend_from_slice(token)?;
                place += 1;
            }
            let text = lossy_text(&bytes)?;
            is_utf8 &= matches!(text, Cow::Borrowed(_));
            texts.try_reserve(text.len())?;
            texts.push_str(&text);
            for character in texts[text_start..].chars() {
                greatest = greatest.max(u32::from(character));
                length += 1;
            }
            stretches.try_push(Stretch { first, end: place, text_end: texts.len() })?;
        }
        let of_entries = match kinds & (WIDE | WIDER) {
            0 => 0x7F,
            WIDE => 0xFF,
            _ => 0xFFFF,
        };
        Ok(PlanPart { ids, length, greatest: greatest.max(of_entries), is_utf8, stretches, texts })
    }
}

/// Consecutive entries.
struct Measured {
    count: usize,
    length: usize,
    /// The flags of all sizes.
    kinds: u8,
}

/// Measures the entries at the beginning of `ids`, one by one. (Sixteen at a time with a gather took 1.0 to 1.7 ns an
/// id on Zen 4, one by one 0.7 to 1.0.)
fn measure(sizes: &[u8], ids: Foreign<'_>) -> Measured {
    let (mut count, mut length, mut kinds) = (0, 0, 0);
    for some in ids.sixteens() {
        let (mut lengths, mut all) = (0, 0);
        for id in some {
            let id = id.load(Relaxed);
            let size = size(sizes, id);
            lengths += u32::from(size & LENGTH);
            all |= size;
        }
        if all & ELSEWHERE != 0 {
            break;
        }
        length += lengths as usize;
        kinds |= all;
        count += 16;
    }
    for id in ids.from(count).iter() {
        let size = size(sizes, id);
        if size & ELSEWHERE != 0 {
            break;
        }
        length += usize::from(size & LENGTH);
        kinds |= size;
        count += 1;
    }
    Measured { count, length, kinds }
}

/// The size of an id.
#[inline(always)]
fn size(sizes: &[u8], id: u32) -> u8 {
    sizes[(id as usize).min(sizes.len() - 1)]
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

impl Plan<'_> {
    /// The number of characters.
    pub fn length(&self) -> usize {
        self.parts.iter().map(|part| part.length).sum()
    }

    /// The least of U+007F, U+00FF, U+FFFF and U+10FFFF that is not below any character.
    pub fn greatest(&self) -> u32 {
        bound(self.parts.iter().fold(0, |bits, part| bits | part.greatest))
    }

    /// Whether the bytes of the ids are UTF-8, so that nothing is replaced.
    pub fn is_utf8(&self) -> bool {
        self.parts.iter().all(|part| part.is_utf8)
    }

    /// Writes the characters in units that fit all of them. Returns the units, divided where the part of one thread
    /// ends and the next begins.
    ///
    /// # Errors
    /// [`Error::Argument`] if another thread has changed the ids, so that their text has another length or width. The
    /// written units are then no text.
    ///
    /// # Panics
    /// If `room` does not have exactly one place for each character.
    pub fn write<'r, U: CodeUnit>(&self, room: &'r mut [MaybeUninit<U>]) -> Result<Vec<&'r mut [U]>> {
        self.write_unless(&Stop::never(), room)
    }

    /// Like [`write`](Self::write), but `stop` can end it.
    ///
    /// # Errors
    /// As [`write`](Self::write), and [`Error::Interrupted`], with the same consequence.
    ///
    /// # Panics
    /// As [`write`](Self::write).
    pub fn write_unless<'r, U: CodeUnit>(
        &self,
        stop: &Stop,
        room: &'r mut [MaybeUninit<U>],
    ) -> Result<Vec<&'r mut [U]>> {
        let mut rest = room;
        let mut shares = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            let (share, behind) = rest.split_at_mut(part.length);
            shares.push((part, Filling::new(share)));
            rest = behind;
        }
        assert!(rest.is_empty(), "a place for each character");
        let written = threads::map_unless(stop, shares, |(part, mut room)| {
            let entries = &self.characters.entries;
            let bits = self.decoder.isa.run(Writing { entries, part, stop, room: &mut room })?;
            Ok::<_, Error>((room.done().ok_or_else(changed)?, bits))
        });
        let (units, bits): (Vec<_>, Vec<u32>) = written.into_iter().collect::<Result<_>>()?;
        if bound(bits.iter().fold(0, |all, bits| all | bits)) == self.greatest() { Ok(units) } else { Err(changed()) }
    }
}

#[cold]
fn changed() -> Error {
    Error::argument("ids", "another thread changed them while they were decoded")
}

/// The arguments of [`Plan::write`] for one part, as [`Isa::run`](crate::arch::Isa::run) needs them.
struct Writing<'w, 'd, 'r, U> {
    entries: &'w [DecodeEntry<u16>],
    part: &'w PlanPart<'d>,
    stop: &'w Stop,
    room: &'w mut Filling<'r, U>,
}

impl<U: CodeUnit> Work for Writing<'_, '_, '_, U> {
    /// The bitwise OR of all characters; an error if they exceed the room, or if an id has no entry any more.
    type Output = Result<u32>;

    #[inline(always)]
    fn run<R: U32x16>(self) -> Result<u32> {
        let Self { entries, part, stop, room } = self;
        let (mut place, mut text_start, mut bits) = (0, 0, 0);
        for stretch in &part.stretches {
            bits |= push_all(entries, part.ids.part(place..stretch.first), stop, room)?;
            for character in part.texts[text_start..stretch.text_end].chars() {
                let point = character.into();
                bits |= point;
                if !room.push(U::of(point)) {
                    return Err(changed());
                }
            }
            (place, text_start) = (stretch.end, stretch.text_end);
        }
        Ok(bits | push_all(entries, part.ids.from(place), stop, room)?)
    }
}

/// Copies the entries of ids and returns the bitwise OR of their units; `None` if an id has no entry. Entries are
/// prefetched, because they lie far apart.
///
/// The bits are read from the written units, block by block, while these are in the nearest cache. (Reading them from
/// the entries kept the compiler from vectorizing the copy: 7.3 instead of 3.3 ns an id.)
#[inline(always)]
fn push_all<U: CodeUnit>(
    entries: &[DecodeEntry<u16>],
    ids: Foreign<'_>,
    stop: &Stop,
    room: &mut Filling<'_, U>,
) -> Result<u32> {
    let mut bits = 0;
    let mut place = 0;
    while place < ids.len() {
        if place % UNASKED == UNASKED - BLOCK {
            stop.check()?;
        }
        let (end, filled) = (ids.len().min(place + BLOCK), room.filled());
        for place in place..end {
            if let Some(id) = ids.get(place + AHEAD) {
                prefetch(entries, id as usize);
            }
            let entry = ids.get(place).and_then(|id| entries.get(id as usize)).ok_or_else(changed)?;
            if !room.push_some(entry, entry[PARTS].into()) {
                return Err(changed());
            }
        }
        bits |= room.written(filled).iter().fold(0, |bits: u32, &unit| bits | unit.into());
        place = end;
    }
    Ok(bits)
}

/// The least of U+007F, U+00FF, U+FFFF and U+10FFFF that is not below any character, from the bitwise OR of all.
fn bound(bits: u32) -> u32 {
    [0x7F, 0xFF, 0xFFFF].into_iter().find(|&bound| bits <= bound).unwrap_or(char::MAX.into())
}
