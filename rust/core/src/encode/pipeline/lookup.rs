//! A group of pieces on its way through the stages of the [`pipeline`](crate::encode::pipeline).

use std::ops::Range;

use super::answers::Answers;
use crate::arch::{Mask, U32x16};
use crate::encode::cache::cuckoo::{self, LONG_IDS, LongKey, SHORT_IDS, ShortKey};
use crate::encode::cache::oversized::Oversized;
use crate::encode::cache::{self, Cache, LONG, SHORT};
use crate::encode::pipeline::GROUP;
use crate::error::Result;
use crate::memory::{Grow, Held};

/// Number of pieces in a block. They are looked up together.
pub(crate) const BLOCK: usize = 128;

/// Number of places that are compared at once.
const ROW: usize = 16;

/// Part of a block: misses are collected, and pieces inserted, in parts of this many.
const SOME: usize = 64;

/// A group of consecutive pieces on its way through the stages.
#[derive(Debug)]
pub(crate) struct Group {
    /// Number of pieces.
    pub(crate) count: usize,
    /// Number of pieces that were looked up.
    known: usize,
    /// The start of each piece in the text, and the end of the last one.
    pub(crate) bounds: [usize; GROUP + 1],
    /// The number of ids of the row before each piece, and before the end.
    places: [u32; GROUP + SOME],
    /// The keys and hashes of the pieces that are not looked up yet. They are the pieces of one block, so they fit into
    /// the nearest cache.
    keys: [ShortKey; BLOCK],
    hashes: [u64; BLOCK],
    /// The ids of the hits.
    row: [u32; GROUP * SHORT_IDS + STRETCH],
    filled: usize,
    pub(crate) misses: Misses,
    /// Memory in which the ids of hits and misses are joined.
    line: Vec<u32>,
    /// For each text that ends in the group: the number of pieces before its end.
    marks: Vec<u16>,
    /// The number of ids before the end of each text.
    ends: Vec<usize>,
}

/// The pieces that missed in their first set.
#[derive(Debug)]
pub(crate) struct Misses {
    /// Their numbers, ascending.
    pub(crate) numbers: [u32; GROUP + SOME],
    pub(crate) count: usize,
    keys: [ShortKey; GROUP],
    /// The hashes of short keys. The hashes of long keys are filled in when they are needed.
    hashes: [u64; GROUP],
    pub(crate) answers: Answers,
    /// Misses that may stand in their second set. This list and the following ones hold places in `numbers`.
    second: [u16; GROUP],
    /// Misses that may stand in the long table: too long for a short way, or of too many ids.
    long: Vec<u16>,
    /// Misses that are oversized, or were not in their first long set.
    rest: Vec<u16>,
    /// Misses that no table holds.
    pub(crate) unknown: Vec<u16>,
    /// Misses that are to be merged.
    pub(crate) words: Vec<u16>,
    /// Memory for sorting them by their lengths.
    pub(crate) lengths: Vec<(u8, u16)>,
    duplicates: Duplicates,
}

impl Misses {
    /// The key, and its hash, of a piece of at most [`LONG`] bytes in the long table.
    #[inline(always)]
    fn long_key<R: U32x16>(&self, text: &[u8], bounds: &[usize], at: usize) -> (LongKey, u64) {
        let number = self.numbers[at] as usize;
        let (start, length) = (bounds[number], bounds[number + 1] - bounds[number]);
        if length <= SHORT {
            let key = cache::lengthened(self.keys[at]);
            (key, cuckoo::hash_long(key))
        } else {
            (cache::long_key::<R>(text, start, length), self.hashes[at])
        }
    }

    /// Gives the duplicates the ids of their first occurrences.
    pub(crate) fn answer_duplicates(&mut self) {
        for &(at, like) in &self.duplicates.pairs {
            self.answers.repeat(usize::from(at), usize::from(like));
        }
    }
}

/// Equal new pieces within a group. A word that is new in a text often comes again soon.
#[derive(Debug)]
struct Duplicates {
    /// By a part of the hash: one more than the place in `numbers` of the last piece with this part, or 0.
    table: [u16; 2 * GROUP],
    /// Each duplicate with its first occurrence.
    pairs: Vec<(u16, u16)>,
}

impl Group {
    pub(crate) fn new() -> Result<Held<Self>> {
        Held::new(Self {
            count: 0,
            known: 0,
            bounds: [0; GROUP + 1],
            places: [0; GROUP + SOME],
            keys: [[0; 2]; BLOCK],
            hashes: [0; BLOCK],
            row: [0; GROUP * SHORT_IDS + STRETCH],
            filled: 0,
            misses: Misses {
                numbers: [0; GROUP + SOME],
                count: 0,
                keys: [[0; 2]; GROUP],
                hashes: [0; GROUP],
                answers: Answers::new()?,
                second: [0; GROUP],
                long: Vec::new(),
                rest: Vec::new(),
                unknown: Vec::new(),
                words: Vec::new(),
                lengths: Vec::new(),
                duplicates: Duplicates { table: [0; 2 * GROUP], pairs: Vec::new() },
            },
            line: Vec::new(),
            marks: Vec::new(),
            ends: Vec::new(),
        })
    }

    /// Records that a text ends behind the pieces so far.
    pub(crate) fn end_text(&mut self) -> Result<()> {
        self.marks.try_push(self.count as u16)
    }

    /// The number of ids before the end of each text. The caller takes them from there.
    pub(crate) fn ends(&mut self) -> &mut Vec<usize> {
        &mut self.ends
    }

    /// Removes all pieces.
    pub(crate) fn empty(&mut self) {
        (self.count, self.known, self.filled, self.misses.count) = (0, 0, 0, 0);
    }

    /// Removes everything, also after an error.
    pub(crate) fn clear(&mut self) {
        self.empty();
        self.marks.clear();
        self.ends.clear();
    }

    /// Makes the keys and hashes of pieces and prefetches their sets. Each piece ends at `base` plus its entry of
    /// `ends`.
    #[inline(always)]
    pub(crate) fn prepare<R: U32x16>(&mut self, text: &[u8], base: usize, ends: &[u32], cache: &Cache) {
        let sets = cache.short.view();
        let numbers = self.count..self.count + ends.len();
        let mut start = self.bounds[numbers.start];
        let block = numbers.start - self.known..numbers.end - self.known;
        let (keys, hashes) = (&mut self.keys[block.clone()], &mut self.hashes[block]);
        let bounds = &mut self.bounds[numbers.start + 1..numbers.end + 1];
        let mut rest = &text[start..];
        // This assertion lets the compiler drop the bounds checks in the loop.
        assert!(!sets.is_empty(), "a cache has sets");
        for (&end, ((key, hash), bound)) in ends.iter().zip(keys.iter_mut().zip(hashes).zip(bounds)) {
            let end = base + end as usize;
            let (piece, after) = rest.split_at(end - start);
            *key = cache::short_key::<R>(rest, piece.len());
            *hash = cuckoo::hash_short(*key);
            cuckoo::prefetch(sets, *hash);
            *bound = end;
            (rest, start) = (after, end);
        }
        self.count = numbers.end;
    }

    /// Writes the ids of the short pieces that stand in their first set. The misses are found afterwards, sixteen at a
    /// time, because the first loop is where a repeated pass spends most of its time. (With [`prepare`](Self::prepare)
    /// it went from 70 to 50 instructions a piece; English, repeated, from 476 to 504 MB/s.)
    #[inline(always)]
    pub(crate) fn lookup<R: U32x16>(&mut self, cache: &Cache) {
        let sets = cache.short.view();
        let block = self.known..self.count;
        let (keys, hashes) = (&self.keys[..block.len()], &self.hashes[..block.len()]);
        let mut filled = self.filled;
        assert!(!sets.is_empty(), "a cache has sets");
        for (place, (key, &hash)) in self.places[block.clone()].iter_mut().zip(keys.iter().zip(hashes)) {
            *place = filled as u32;
            let ids = self.row[filled % (GROUP * SHORT_IDS)..].first_chunk_mut().expect("room for all");
            filled += cuckoo::find_ids::<R>(sets, key, hash, ids);
        }
        self.places[self.count] = filled as u32;
        self.filled = filled;
        // A miss has no ids, so the next piece has the same place.
        let misses = &mut self.misses;
        let before = misses.count;
        if block.len() < ROW {
            // A vector load would wait for the stores just before it.
            for place in block {
                misses.numbers[misses.count] = place as u32;
                misses.count += usize::from(self.places[place] == self.places[place + 1]);
            }
        } else {
            for first in block.clone().step_by(SOME) {
                let mut none = 0;
                for row in 0..SOME / ROW {
                    let at = |place: usize| R::load(self.places[place..].first_chunk().expect("room behind"));
                    let place = first + row * ROW;
                    none |= u64::from(at(place).wrapping_sub(at(place + 1)).equal(0).bits()) << (row * ROW);
                }
                none &= u64::MAX >> (SOME - (block.end - first).min(SOME));
                let numbers = misses.numbers[misses.count..].first_chunk_mut().expect("room behind");
                misses.count += R::set_bits(none, first as u32, numbers);
            }
        }
        for at in before..misses.count {
            let place = misses.numbers[at] as usize - self.known;
            (misses.keys[at], misses.hashes[at]) = (keys[place], hashes[place]);
        }
        self.known = self.count;
    }

    /// Looks up the misses in their second set, in the long table and among the oversized pieces.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    #[inline(always)]
    pub(crate) fn lookup_slow<R: U32x16>(&mut self, text: &[u8], cache: &mut Cache) -> Result<()> {
        let misses = &mut self.misses;
        misses.answers.clear();
        misses.long.clear();
        misses.rest.clear();
        misses.unknown.resize(misses.count, 0);
        let (mut second, mut unknown) = (0, 0);
        for at in 0..misses.count {
            let number = misses.numbers[at] as usize;
            let (start, length) = (self.bounds[number], self.bounds[number + 1] - self.bounds[number]);
            if length <= SHORT {
                let hash = misses.hashes[at];
                let may_be = cache.short.may_be_elsewhere(&misses.keys[at], hash);
                cuckoo::prefetch(cache.short.view(), if may_be { cuckoo::second(hash) } else { hash });
                (misses.second[second], misses.unknown[unknown]) = (at as u16, at as u16);
                (second, unknown) = (second + usize::from(may_be), unknown + usize::from(!may_be));
            } else {
                if length <= LONG {
                    misses.hashes[at] = cuckoo::hash_long(cache::long_key::<R>(text, start, length));
                    cuckoo::prefetch(cache.long.view(), misses.hashes[at]);
                    misses.long.push(at as u16);
                } else {
                    misses.hashes[at] = Oversized::hash(&text[start..start + length]);
                    misses.rest.push(at as u16);
                }
            }
        }
        let sets = cache.short.view();
        let mut found = 0;
        for place in 0..second {
            let at = usize::from(misses.second[place]);
            let (key, hash) = (&misses.keys[at], misses.hashes[at]);
            let ids = misses.answers.room().first_chunk_mut().expect("room for the most ids");
            let count = cuckoo::find_ids::<R>(sets, key, cuckoo::second(hash), ids);
            misses.answers.note(at, count);
            found += usize::from(count > 0);
            let is_elsewhere = cache.short.is_elsewhere(key, hash);
            if (count == 0) & is_elsewhere {
                cache.prefetch_lengthened(*key);
                misses.long.push(at as u16);
            }
            misses.unknown[unknown] = at as u16;
            unknown += usize::from((count == 0) & !is_elsewhere);
        }
        misses.unknown.truncate(unknown);
        cache.short.note_second(found);
        let sets = cache.long.view();
        for place in 0..misses.long.len() {
            let at = usize::from(misses.long[place]);
            let (key, hash) = misses.long_key::<R>(text, &self.bounds, at);
            let ids = misses.answers.room().first_chunk_mut().expect("room for the most ids");
            let count = cuckoo::find_long_ids(sets, &key, hash, ids);
            misses.answers.note(at, count);
            if count == 0 {
                cache.long.prefetch_second(hash);
                misses.rest.push(at as u16);
            }
        }
        let found = self.lookup_rest::<R>(text, cache)?;
        cache.long.note_second(found);
        Ok(())
    }

    /// Looks up the misses that are left: long pieces in their second set, the others among the oversized pieces. Returns
    /// the number found in second sets.
    #[inline(always)]
    fn lookup_rest<R: U32x16>(&mut self, text: &[u8], cache: &mut Cache) -> Result<usize> {
        let misses = &mut self.misses;
        let sets = cache.long.view();
        let mut found = 0;
        for place in 0..misses.rest.len() {
            let at = usize::from(misses.rest[place]);
            let number = misses.numbers[at] as usize;
            let piece = &text[self.bounds[number]..self.bounds[number + 1]];
            if piece.len() <= LONG {
                let (key, hash) = misses.long_key::<R>(text, &self.bounds, at);
                // The ids of oversized pieces may have taken the room.
                misses.answers.make_room(LONG_IDS)?;
                let ids = misses.answers.room().first_chunk_mut().expect("room for the most ids");
                let count = cuckoo::find_long_ids(sets, &key, cache.long.second_if_full(hash), ids);
                misses.answers.note(at, count);
                if count > 0 {
                    found += 1;
                    continue;
                }
            }
            if piece.len() > SHORT
                && let Some(ids) = cache.oversized.find(piece, misses.hashes[at])
            {
                misses.answers.add(at, ids)?;
            } else {
                misses.unknown.push(at as u16);
            }
        }
        Ok(found)
    }

    /// Removes duplicates from the unknown pieces, and records the first occurrence of each. Some duplicates are
    /// missed, because a piece looks at one place of the table and then takes it. (Probing second_if_full cost more than
    /// merging a few words twice: first pass of base64 84 to 88 MB/s without it, Hungarian 157 to 165.)
    pub(crate) fn remove_duplicates(&mut self, text: &[u8]) {
        let Misses { numbers, hashes, unknown, duplicates: Duplicates { table, pairs }, .. } = &mut self.misses;
        let bounds = &self.bounds;
        let piece = |at: u16| {
            let number = numbers[usize::from(at)] as usize;
            &text[bounds[number]..bounds[number + 1]]
        };
        pairs.clear();
        let places = (8 * unknown.len()).next_power_of_two().min(table.len());
        let table = &mut table[..places];
        table.fill(0);
        let mut left = 0;
        for place in 0..unknown.len() {
            let at = unknown[place];
            let hash = hashes[usize::from(at)];
            let other = std::mem::replace(&mut table[hash as usize & (places - 1)], at + 1);
            let like = other.saturating_sub(1);
            let is_like = other != 0 && hashes[usize::from(like)] == hash && piece(like) == piece(at);
            if is_like {
                pairs.push((at, like));
            }
            unknown[left] = at;
            left += usize::from(!is_like);
        }
        unknown.truncate(left);
    }

    /// Inserts the unknown pieces into the cache.
    #[inline(always)]
    pub(crate) fn insert_misses<R: U32x16>(&self, text: &[u8], cache: &mut Cache) {
        let Misses { numbers, keys, hashes, unknown, answers, .. } = &self.misses;
        let range = |at: usize| {
            let number = numbers[at] as usize;
            (self.bounds[number], self.bounds[number + 1] - self.bounds[number])
        };
        let mut admitted = [0; SOME];
        for some in unknown.chunks(SOME) {
            let mut count = 0;
            for &at in some {
                let at = usize::from(at);
                let ((start, length), ids) = (range(at), answers.range(at).len());
                if length > LONG || ids > LONG_IDS {
                    // A short piece of that many ids is noise.
                    if length > SHORT {
                        cache.insert_oversized(
                            &text[start..start + length],
                            hashes[at],
                            &answers.ids()[answers.range(at)],
                        );
                    }
                    continue;
                }
                if !cache.admits(hashes[at], length, ids) {
                    continue;
                }
                if length <= SHORT {
                    cache.prefetch_short(keys[at], hashes[at], ids);
                } else {
                    cache.long.prefetch_second(hashes[at]);
                }
                admitted[count] = at;
                count += 1;
            }
            for &at in &admitted[..count] {
                let ((start, length), ids) = (range(at), answers.range(at));
                let (row, count) = (answers.ids()[ids.start..].first_chunk().expect("a row behind"), ids.len());
                if length <= SHORT {
                    cache.insert_short(keys[at], hashes[at], row, count);
                } else {
                    cache.insert_long(cache::long_key::<R>(text, start, length), hashes[at], row, count);
                }
            }
        }
    }

    /// The number of ids of all pieces.
    pub(crate) fn total(&self) -> usize {
        self.filled + self.misses.answers.total(self.misses.count)
    }

    /// The ids of all pieces, in order.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    #[inline(always)]
    pub(crate) fn ids(&mut self) -> Result<&[u32]> {
        if self.misses.count == 0 {
            return Ok(&self.row[..self.filled]);
        }
        let misses = &self.misses;
        let needed = self.total() + STRETCH;
        if self.line.len() < needed {
            self.line.try_resize(2 * needed, 0)?;
        }
        let (mut done, mut length) = (0, 0);
        for at in 0..misses.count {
            let place = self.places[misses.numbers[at] as usize] as usize;
            length = put::<STRETCH>(&mut self.line, length, &self.row, done..place);
            length = put::<LONG_IDS>(&mut self.line, length, misses.answers.ids(), misses.answers.range(at));
            done = place;
        }
        length = put::<STRETCH>(&mut self.line, length, &self.row, done..self.filled);
        Ok(&self.line[..length])
    }

    /// Records the number of ids before the end of each text; `before` were written before the group.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    pub(crate) fn note_ends(&mut self, before: usize) -> Result<()> {
        self.ends.try_reserve(self.marks.len())?;
        let misses = &self.misses;
        let (mut at, mut of_misses) = (0, 0);
        for &mark in &self.marks {
            while at < misses.count && misses.numbers[at] < u32::from(mark) {
                of_misses += misses.answers.range(at).len();
                at += 1;
            }
            self.ends.push(before + self.places[usize::from(mark)] as usize + of_misses);
        }
        self.marks.clear();
        Ok(())
    }
}

/// Number of ids of the row that are copied at once. There are hardly ever more between two misses.
const STRETCH: usize = 16;

/// Copies `from[range]` to `line` at `length`, and returns the new length. Copies `AT_ONCE` ids at a time, and both
/// sides must have room for them: the number of ids cannot be foreseen, but that it is at most `AT_ONCE` can. The next
/// copy overwrites the surplus.
#[inline(always)]
fn put<const AT_ONCE: usize>(line: &mut [u32], length: usize, from: &[u32], range: Range<usize>) -> usize {
    let count = range.len();
    let mut done = 0;
    loop {
        let some: &[u32; AT_ONCE] = from[range.start + done..].first_chunk().expect("room behind");
        line[length + done..][..AT_ONCE].copy_from_slice(some);
        done += AT_ONCE;
        if done >= count {
            return length + count;
        }
    }
}
