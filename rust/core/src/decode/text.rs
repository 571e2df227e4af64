//! Ids to code points of the width in which CPython holds them.
//!
//! A `str` has one, two or four bytes for each of its characters, the least that all of them fit. So a text is made in two goes:
//! the first tells how many characters there are, and how wide ([`Decoder::plan`], a number for each id); the second writes them
//! where they stay ([`Plan::write`]). What is no entry is put together in the first: tokens that are parts of characters, long
//! ones, those with characters beyond U+FFFF.

use std::borrow::Cow;

use super::gather::{Entry, PARTS};
use super::{Decoder, table, token_at};
use crate::arch::{Filling, Row, Unit, Work, prefetch};
use crate::error::Result;
use crate::memory::Zeroed;
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

/// So many ids ahead their entries are asked for.
const AHEAD: usize = 24;

impl Characters {
    fn new(vocab: &Vocab) -> Self {
        let entries = table(vocab, |token, units| {
            let text = str::from_utf8(token).unwrap_or_default();
            units.extend(text.chars().map_while(|character| u16::try_from(u32::from(character)).ok()));
            if units.len() < text.chars().count() {
                units.clear();
            }
        });
        let size = |entry: &Entry<u16>| match entry[PARTS] as usize {
            length @ 1..=PARTS => {
                let beyond = |bound, bit| if entry[..length].iter().any(|&unit| unit > bound) { bit } else { 0 };
                length as u8 | beyond(0x7F, WIDE) | beyond(0xFF, WIDER)
            }
            _ => ELSEWHERE,
        };
        let sizes = entries.iter().map(size).chain([ELSEWHERE]).collect();
        Self { entries, sizes }
    }
}

/// What a sequence of ids decodes to, before it is written.
#[derive(Debug)]
pub struct Plan<'d> {
    decoder: &'d Decoder,
    characters: &'d Characters,
    ids: &'d [u32],
    length: usize,
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
    /// Where the text ends in [`Plan::texts`].
    text_end: usize,
}

impl Decoder {
    /// What a sequence of ids decodes to, special tokens only if `with_specials`. What is not UTF-8 has U+FFFD in the places where
    /// [`String::from_utf8_lossy`] puts it.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn plan<'d>(&'d self, vocab: &Vocab, ids: &'d [u32], with_specials: bool) -> Result<Plan<'d>> {
        let characters = self.characters.get_or_init(|| Characters::new(vocab));
        let (mut length, mut kinds) = (0, 0);
        let (mut stretches, mut texts, mut bytes) = (Vec::new(), String::new(), Vec::new());
        let (mut place, mut greatest, mut is_utf8) = (0, 0, true);
        loop {
            let entries = measure(&characters.sizes, &ids[place..]);
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
                bytes.extend_from_slice(token);
                place += 1;
            }
            let text = String::from_utf8_lossy(&bytes);
            is_utf8 &= matches!(text, Cow::Borrowed(_));
            texts.push_str(&text);
            for character in texts[text_start..].chars() {
                greatest = greatest.max(u32::from(character));
                length += 1;
            }
            stretches.push(Stretch { first, end: place, text_end: texts.len() });
        }
        let of_entries = match kinds & (WIDE | WIDER) {
            0 => 0x7F,
            WIDE => 0xFF,
            _ => 0xFFFF,
        };
        let bounds = [0x7F, 0xFF, 0xFFFF, char::MAX.into()];
        let is_bound = |&bound: &u32| greatest.max(of_entries) <= bound;
        let greatest = bounds.into_iter().find(is_bound).expect("no character is beyond the last");
        Ok(Plan { decoder: self, characters, ids, length, greatest, is_utf8, stretches, texts })
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
fn measure(sizes: &[u8], ids: &[u32]) -> Measured {
    let size = |id: u32| sizes[(id as usize).min(sizes.len() - 1)];
    let (mut count, mut length, mut kinds) = (0, 0, 0);
    for some in ids.as_chunks::<16>().0 {
        let (mut lengths, mut all) = (0, 0);
        for &id in some {
            let size = size(id);
            lengths += u32::from(size & LENGTH);
            all |= size;
        }
        if all & ELSEWHERE != 0 {
            break;
        }
        length += lengths as usize;
        kinds |= all;
        count += some.len();
    }
    for &id in &ids[count..] {
        let size = size(id);
        if size & ELSEWHERE != 0 {
            break;
        }
        length += usize::from(size & LENGTH);
        kinds |= size;
        count += 1;
    }
    Measured { count, length, kinds }
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

impl Plan<'_> {
    /// How many characters there are.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The least of U+007F, U+00FF, U+FFFF and U+10FFFF that no character is beyond.
    pub fn greatest(&self) -> u32 {
        self.greatest
    }

    /// Whether the bytes of the ids are UTF-8, and nothing is replaced.
    pub fn is_utf8(&self) -> bool {
        self.is_utf8
    }

    /// Writes the characters, for each of which there must be room, in units that all of them fit.
    pub fn write<U: Unit>(&self, room: &mut Filling<'_, U>) {
        self.decoder.isa.run(Writing { plan: self, room });
    }
}

/// [`Plan::write`], in the form that [`Isa::run`](crate::arch::Isa::run) takes.
struct Writing<'w, 'd, 'r, U> {
    plan: &'w Plan<'d>,
    room: &'w mut Filling<'r, U>,
}

impl<U: Unit> Work for Writing<'_, '_, '_, U> {
    type Output = ();

    #[inline(always)]
    fn run<R: Row>(self) {
        let Self { plan, room } = self;
        let entries = &plan.characters.entries[..];
        let (mut place, mut text_start) = (0, 0);
        for stretch in &plan.stretches {
            push_all(entries, &plan.ids[place..stretch.first], room);
            for character in plan.texts[text_start..stretch.text_end].chars() {
                room.push(U::of(character.into()));
            }
            (place, text_start) = (stretch.end, stretch.text_end);
        }
        push_all(entries, &plan.ids[place..], room);
    }
}

/// Pushes the entries of ids, each asked for ahead: they lie far apart.
#[inline(always)]
fn push_all<U: Unit>(entries: &[Entry<u16>], ids: &[u32], room: &mut Filling<'_, U>) {
    for (place, &id) in ids.iter().enumerate() {
        if let Some(&id) = ids.get(place + AHEAD) {
            prefetch(entries, id as usize);
        }
        let entry = &entries[id as usize];
        room.push_some(entry, entry[PARTS].into());
    }
}
