//! Ids to code points of the width in which CPython holds them.
//!
//! A `str` has one, two or four bytes for each of its characters, the least that all of them fit. So a text is made in two goes:
//! the first tells how many characters there are, and how wide ([`Decoder::plan`], a number for each id); the second writes them
//! where they stay ([`Plan::write`]). What is no entry is put together in the first: tokens that are parts of characters, long
//! ones, those with characters beyond U+FFFF. Of many ids, each thread takes a part in both goes: the table and what is written are more
//! than one core's caches hold, and fresh memory is found and cleared by the thread that first writes to it.

use std::borrow::Cow;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;

use super::gather::{Entry, PARTS};
use super::{Decoder, further, table, token_at, workers};
use crate::arch::{CodeUnit, Filling, Foreign, U32x16, Work, prefetch};
use crate::error::{Error, Result};
use crate::memory::{Grow, Zeroed, collect, lossy_text};
use crate::threads;
use crate::vocab::Vocab;

/// The tokens that are whole characters, none beyond U+FFFF.
#[derive(Debug)]
pub(super) struct Characters {
    entries: Zeroed<Entry<u16>>,
    /// Of each: how many characters it has; and [`WIDE`], [`WIDER`], [`ELSEWHERE`]. The last stands for all ids beyond.
    sizes: Vec<u8>,
}

/// Where a size has the number of characters.
const LENGTH: u8 = 0xF;
/// Some character is beyond U+007F.
const WIDE: u8 = 0x10;
/// Some character is beyond U+00FF.
const WIDER: u8 = 0x20;
/// It is no entry.
const ELSEWHERE: u8 = 0x80;

/// From this many ids on, a plan pays if its table is there; and from this many on, whether or not.
const SHORT: usize = 1 << 7;
const LONG: usize = 1 << 15;

/// To make the table takes as long as to decode so many ids without it.
const TABLE_PAYS: usize = 1 << 21;

/// Ids between two looks at what was written.
const BLOCK: usize = 1 << 10;

/// So many ids ahead their entries are asked for.
const AHEAD: usize = 24;

impl Characters {
    fn new(vocab: &Vocab) -> Result<Self> {
        let entries = table(vocab, |token, units| {
            let text = str::from_utf8(token).unwrap_or_default();
            units.try_extend(text.chars().map_while(|character| u16::try_from(u32::from(character)).ok()))?;
            if units.len() < text.chars().count() {
                units.clear();
            }
            Ok(())
        })?;
        let size = |entry: &Entry<u16>| match entry[PARTS] as usize {
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

/// What a sequence of ids decodes to, before it is written.
#[derive(Debug)]
pub struct Plan<'d> {
    decoder: &'d Decoder,
    characters: &'d Characters,
    parts: Vec<Part<'d>>,
}

/// What a thread decodes.
#[derive(Debug)]
struct Part<'d> {
    ids: Foreign<'d>,
    length: usize,
    /// A bound of its characters.
    greatest: u32,
    is_utf8: bool,
    stretches: Vec<Stretch>,
    /// The texts of these.
    texts: String,
}

/// Ids that are no entries, and those that end what they begin.
#[derive(Debug)]
struct Stretch {
    first: usize,
    end: usize,
    /// Where the text ends in [`Part::texts`].
    text_end: usize,
}

impl Decoder {
    /// Whether so many ids are decoded sooner by a plan, and not by [`decode`](Self::decode): if they are not too few, and the table that
    /// this takes is there or has paid for itself.
    pub fn is_worth_a_plan(&self, ids: usize) -> bool {
        let is_there = || self.characters.get().is_some() || self.decoded.fetch_add(ids, Relaxed) >= TABLE_PAYS;
        ids >= LONG || ids >= SHORT && is_there()
    }

    /// What a sequence of ids decodes to, special tokens only if `with_specials`. What is not UTF-8 has U+FFFD in the places where
    /// [`String::from_utf8_lossy`] puts it. At most `threads` threads work on it, now and when it is written (`None`: as many as there
    /// are processors).
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
        let ids = ids.into();
        self.plan_parts(vocab, ids, with_specials, workers(threads, ids.len()))
    }

    /// The table of characters. It may be made twice, but not while another thread waits: a process forked meanwhile would wait for ever.
    fn characters(&self, vocab: &Vocab) -> Result<&Characters> {
        if self.characters.get().is_none() {
            self.characters.set(Characters::new(vocab)?).ok();
        }
        Ok(self.characters.get().expect("it was set"))
    }

    /// [`plan`](Self::plan), in so many parts.
    pub(super) fn plan_parts<'d>(
        &'d self,
        vocab: &Vocab,
        ids: Foreign<'d>,
        with_specials: bool,
        count: usize,
    ) -> Result<Plan<'d>> {
        let characters = self.characters(vocab)?;
        let part = |range: Range<usize>| {
            let start = range.start;
            characters.part(vocab, ids.part(range), with_specials).map_err(|error| further(error, start))
        };
        let parts = threads::map(characters.shares(ids, count), part);
        Ok(Plan { decoder: self, characters, parts: parts.into_iter().collect::<Result<_>>()? })
    }
}

impl Characters {
    /// About equal ranges of ids, each but the first from an entry on: no character reaches across the place before it.
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

    /// What is to be written of these.
    fn part<'d>(&self, vocab: &Vocab, ids: Foreign<'d>, with_specials: bool) -> Result<Part<'d>> {
        let (mut length, mut kinds) = (0, 0);
        let (mut stretches, mut texts, mut bytes) = (Vec::new(), String::new(), Vec::new());
        let (mut place, mut greatest, mut is_utf8) = (0, 0, true);
        loop {
            let entries = measure(&self.sizes, ids.from(place));
            length += entries.length;
            kinds |= entries.kinds;
            place += entries.count;
            if place == ids.len() {
                break;
            }
            let (first, text_start) = (place, texts.len());
            bytes.clear();
            // Up to a token that begins with a character: until then parts of characters may come together.
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
        Ok(Part { ids, length, greatest: greatest.max(of_entries), is_utf8, stretches, texts })
    }
}

/// Some entries.
struct Measured {
    count: usize,
    length: usize,
    /// The bits of all sizes.
    kinds: u8,
}

/// How long and how wide the entries are that `ids` begin with. One by one: sixteen at a time, by a gather, took 1.0 to 1.7 ns an id in
/// place of 0.7 to 1.0 on Zen 4.
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
    /// How many characters there are.
    pub fn length(&self) -> usize {
        self.parts.iter().map(|part| part.length).sum()
    }

    /// The least of U+007F, U+00FF, U+FFFF and U+10FFFF that no character is beyond.
    pub fn greatest(&self) -> u32 {
        bound(self.parts.iter().fold(0, |bits, part| bits | part.greatest))
    }

    /// Whether the bytes of the ids are UTF-8, and nothing is replaced.
    pub fn is_utf8(&self) -> bool {
        self.parts.iter().all(|part| part.is_utf8)
    }

    /// Writes the characters, in units that all of them fit, and gives them back, cut where the work of one thread ends and that of the
    /// next begins.
    ///
    /// # Errors
    /// [`Error::Argument`] if the ids are others than they were, so that they are no longer of so many characters, or not as wide: then
    /// what was written is no text of that kind.
    ///
    /// # Panics
    /// If there is not a place for each character, or one is left.
    pub fn write<'r, U: CodeUnit>(&self, room: &'r mut [MaybeUninit<U>]) -> Result<Vec<&'r mut [U]>> {
        let mut rest = room;
        let mut shares = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            let (share, behind) = rest.split_at_mut(part.length);
            shares.push((part, Filling::new(share)));
            rest = behind;
        }
        assert!(rest.is_empty(), "a place for each character");
        let written = threads::map(shares, |(part, mut room)| {
            let bits = self.decoder.isa.run(Writing { entries: &self.characters.entries, part, room: &mut room })?;
            Some((room.done()?, bits))
        });
        let all: Option<(Vec<_>, Vec<u32>)> = written.into_iter().collect();
        let same = all.filter(|(_, bits)| bound(bits.iter().fold(0, |all, bits| all | bits)) == self.greatest());
        let (units, _) =
            same.ok_or_else(|| Error::argument("ids", "another thread changed them while they were decoded"))?;
        Ok(units)
    }
}

/// [`Plan::write`] of a part, in the form that [`Isa::run`](crate::arch::Isa::run) takes.
struct Writing<'w, 'd, 'r, U> {
    entries: &'w [Entry<u16>],
    part: &'w Part<'d>,
    room: &'w mut Filling<'r, U>,
}

impl<U: CodeUnit> Work for Writing<'_, '_, '_, U> {
    /// The bits of all characters; none if there are more of them than there is room for, or an id is no entry any more.
    type Output = Option<u32>;

    #[inline(always)]
    fn run<R: U32x16>(self) -> Option<u32> {
        let Self { entries, part, room } = self;
        let (mut place, mut text_start, mut bits) = (0, 0, 0);
        for stretch in &part.stretches {
            bits |= push_all(entries, part.ids.part(place..stretch.first), room)?;
            for character in part.texts[text_start..stretch.text_end].chars() {
                let point = character.into();
                bits |= point;
                if !room.push(U::of(point)) {
                    return None;
                }
            }
            (place, text_start) = (stretch.end, stretch.text_end);
        }
        Some(bits | push_all(entries, part.ids.from(place), room)?)
    }
}

/// Pushes the entries of ids, each asked for ahead: they lie far apart. Returns the bits of their units, if all are entries.
///
/// The bits are those of what was written, block by block while it is in the nearest cache. (Gathered from the entries on their way, they
/// kept the compiler from writing these as vectors: 7.3 ns an id in place of 3.3.)
#[inline(always)]
fn push_all<U: CodeUnit>(entries: &[Entry<u16>], ids: Foreign<'_>, room: &mut Filling<'_, U>) -> Option<u32> {
    let mut bits = 0;
    let mut place = 0;
    while place < ids.len() {
        let (end, filled) = (ids.len().min(place + BLOCK), room.filled());
        for place in place..end {
            if let Some(id) = ids.get(place + AHEAD) {
                prefetch(entries, id as usize);
            }
            let entry = entries.get(ids.get(place)? as usize)?;
            if !room.push_some(entry, entry[PARTS].into()) {
                return None;
            }
        }
        bits |= room.written(filled).iter().fold(0, |bits: u32, &unit| bits | unit.into());
        place = end;
    }
    Some(bits)
}

/// The least of U+007F, U+00FF, U+FFFF and U+10FFFF that no character is beyond, by the bits of all.
fn bound(bits: u32) -> u32 {
    [0x7F, 0xFF, 0xFFFF].into_iter().find(|&bound| bits <= bound).unwrap_or(char::MAX.into())
}
