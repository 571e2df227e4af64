//! A group of pieces on its way through the stages of [`pieces`](crate::encode::pipeline): what is known of them, and what of each is still
//! asked.

use std::ops::Range;

use super::answers::Answers;
use crate::arch::{Mask, U32x16};
use crate::encode::Sink;
use crate::encode::cache::cuckoo::{self, LONG_IDS, LongKey, SHORT_IDS, ShortKey};
use crate::encode::cache::oversized::Outsize;
use crate::encode::cache::{self, Cache, LONG, SHORT};
use crate::encode::pipeline::GROUP;
use crate::error::Result;
use crate::memory::{Grow, Held};

/// The pieces of a block, which are looked up together.
pub(crate) const BLOCK: usize = 128;

/// The places that are looked through at once.
const ROW: usize = 16;

/// The pieces of a part of a block: of so many it is found out at once which are the others, and so many are remembered together.
const SOME: usize = 64;

/// A group of consecutive pieces on its way through the stages.
#[derive(Debug)]
pub(crate) struct Group {
    /// How many pieces have come.
    pub(crate) count: usize,
    /// How many of them were looked up.
    known: usize,
    /// Where each piece begins in the text, and where the last one ends.
    pub(crate) bounds: [usize; GROUP + 1],
    /// How many ids of the row come before each, and before what follows.
    places: [u32; GROUP + SOME],
    /// Of the pieces that are not looked up yet: of a block only, so that they stay in the nearest cache.
    keys: [ShortKey; BLOCK],
    hashes: [u64; BLOCK],
    /// The ids of the pieces that were found at once.
    row: [u32; GROUP * SHORT_IDS + STRETCH],
    filled: usize,
    pub(crate) others: Others,
    /// Ids on their way out.
    line: Vec<u32>,
    /// How many pieces come before each end of a text that is still to be noted.
    marks: Vec<u16>,
    /// How many ids were put out before the end of each text.
    ends: Vec<usize>,
}

/// The pieces that were not found at once.
#[derive(Debug)]
pub(crate) struct Others {
    /// Their numbers, ascending.
    pub(crate) numbers: [u32; GROUP + SOME],
    pub(crate) count: usize,
    keys: [ShortKey; GROUP],
    /// Those of short keys; of longer ones as soon as they are needed.
    hashes: [u64; GROUP],
    pub(crate) answers: Answers,
    /// Those, by their place in `numbers`, that may stand in their second set.
    second: [u16; GROUP],
    /// Those that may stand in a long way: too long for a short one, or of too many ids.
    long: Vec<u16>,
    /// Those that are longer, or not where they were looked for first.
    rest: Vec<u16>,
    /// Those that are still without an answer.
    pub(crate) missing: Vec<u16>,
    /// Those of them that are to be merged.
    pub(crate) words: Vec<u16>,
    /// Memory to sort them in, with their lengths.
    pub(crate) lengths: Vec<(u8, u16)>,
    twins: Twins,
}

impl Others {
    /// The key, and its hash, that a piece of at most [`LONG`] bytes has in the long table.
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

    /// Gives the pieces that were left out the answers of those that they are like.
    pub(crate) fn answer_twins(&mut self) {
        for &(at, like) in &self.twins.pairs {
            self.answers.repeat(usize::from(at), usize::from(like));
        }
    }
}

/// Pieces of a group that are new and equal: a word that is new in a text often comes again soon.
#[derive(Debug)]
struct Twins {
    /// By a part of the hash: one more than the place in `numbers` of the last such piece, or 0.
    table: [u16; 2 * GROUP],
    /// Which is like which.
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
            others: Others {
                numbers: [0; GROUP + SOME],
                count: 0,
                keys: [[0; 2]; GROUP],
                hashes: [0; GROUP],
                answers: Answers::new()?,
                second: [0; GROUP],
                long: Vec::new(),
                rest: Vec::new(),
                missing: Vec::new(),
                words: Vec::new(),
                lengths: Vec::new(),
                twins: Twins { table: [0; 2 * GROUP], pairs: Vec::new() },
            },
            line: Vec::new(),
            marks: Vec::new(),
            ends: Vec::new(),
        })
    }

    /// Notes that a text ends behind the pieces that have come.
    pub(crate) fn end_text(&mut self) -> Result<()> {
        self.marks.try_push(self.count as u16)
    }

    /// How many ids were put out before each of these ends, to be taken from there.
    pub(crate) fn ends(&mut self) -> &mut Vec<usize> {
        &mut self.ends
    }

    /// Makes room for other pieces.
    pub(crate) fn empty(&mut self) {
        (self.count, self.known, self.filled, self.others.count) = (0, 0, 0, 0);
    }

    /// Forgets what an error left behind.
    pub(crate) fn clear(&mut self) {
        self.empty();
        self.marks.clear();
        self.ends.clear();
    }

    /// Keys and hashes of the pieces that end at `base` plus `ends`; their places in the cache are asked for.
    #[inline(always)]
    pub(crate) fn prepare<R: U32x16>(&mut self, text: &[u8], base: usize, ends: &[u32], cache: &Cache) {
        let sets = cache.short.view();
        let numbers = self.count..self.count + ends.len();
        let mut start = self.bounds[numbers.start];
        let block = numbers.start - self.known..numbers.end - self.known;
        let (keys, hashes) = (&mut self.keys[block.clone()], &mut self.hashes[block]);
        let bounds = &mut self.bounds[numbers.start + 1..numbers.end + 1];
        let mut rest = &text[start..];
        // Neither this nor the places of the pieces are checked again in the loop.
        assert!(!sets.is_empty(), "a cache has sets");
        for (&end, ((key, hash), bound)) in ends.iter().zip(keys.iter_mut().zip(hashes).zip(bounds)) {
            let end = base + end as usize;
            let (piece, after) = rest.split_at(end - start);
            *key = cache::short_key::<R>(rest, piece.len());
            *hash = cuckoo::hash_short(*key);
            cuckoo::fetch(sets, *hash);
            *bound = end;
            (rest, start) = (after, end);
        }
        self.count = numbers.end;
    }

    /// The ids of the short pieces that have come since and stand in their first set. Which do is found out afterwards, sixteen at a time:
    /// the loop over all of them is what a repeated pass spends most of its time in. (With [`prepare`](Self::prepare) it was 70
    /// instructions a piece and is 50; English, repeated, 476 to 504 MB/s.)
    #[inline(always)]
    pub(crate) fn look_up<R: U32x16>(&mut self, cache: &Cache) {
        let sets = cache.short.view();
        let block = self.known..self.count;
        let (keys, hashes) = (&self.keys[..block.len()], &self.hashes[..block.len()]);
        let mut filled = self.filled;
        assert!(!sets.is_empty(), "a cache has sets");
        for (place, (key, &hash)) in self.places[block.clone()].iter_mut().zip(keys.iter().zip(hashes)) {
            *place = filled as u32;
            let ids = self.row[filled % (GROUP * SHORT_IDS)..].first_chunk_mut().expect("room for all");
            filled += cuckoo::peek::<R>(sets, key, hash, ids);
        }
        self.places[self.count] = filled as u32;
        self.filled = filled;
        // A piece that was not found has no ids, so what follows it has its place.
        let others = &mut self.others;
        let before = others.count;
        if block.len() < ROW {
            // A row would wait until all that was just written is there.
            for place in block {
                others.numbers[others.count] = place as u32;
                others.count += usize::from(self.places[place] == self.places[place + 1]);
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
                let numbers = others.numbers[others.count..].first_chunk_mut().expect("room behind");
                others.count += R::set_bits(none, first as u32, numbers);
            }
        }
        for at in before..others.count {
            let place = others.numbers[at] as usize - self.known;
            (others.keys[at], others.hashes[at]) = (keys[place], hashes[place]);
        }
        self.known = self.count;
    }

    /// The ids of the others, as far as the cache has them.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    #[inline(always)]
    pub(crate) fn look_further<R: U32x16>(&mut self, text: &[u8], cache: &mut Cache) -> Result<()> {
        let others = &mut self.others;
        others.answers.clear();
        others.long.clear();
        others.rest.clear();
        others.missing.resize(others.count, 0);
        let (mut second, mut missing) = (0, 0);
        for at in 0..others.count {
            let number = others.numbers[at] as usize;
            let (start, length) = (self.bounds[number], self.bounds[number + 1] - self.bounds[number]);
            if length <= SHORT {
                let hash = others.hashes[at];
                let may_be = cache.short.may_be_elsewhere(&others.keys[at], hash);
                cuckoo::fetch(cache.short.view(), if may_be { cuckoo::second(hash) } else { hash });
                (others.second[second], others.missing[missing]) = (at as u16, at as u16);
                (second, missing) = (second + usize::from(may_be), missing + usize::from(!may_be));
            } else {
                if length <= LONG {
                    others.hashes[at] = cuckoo::hash_long(cache::long_key::<R>(text, start, length));
                    cuckoo::fetch(cache.long.view(), others.hashes[at]);
                    others.long.push(at as u16);
                } else {
                    others.hashes[at] = Outsize::hash(&text[start..start + length]);
                    others.rest.push(at as u16);
                }
            }
        }
        let sets = cache.short.view();
        let mut found = 0;
        for place in 0..second {
            let at = usize::from(others.second[place]);
            let (key, hash) = (&others.keys[at], others.hashes[at]);
            let ids = others.answers.room().first_chunk_mut().expect("room for the most ids");
            let count = cuckoo::peek::<R>(sets, key, cuckoo::second(hash), ids);
            others.answers.note(at, count);
            found += usize::from(count > 0);
            let is_elsewhere = cache.short.is_elsewhere(key, hash);
            if (count == 0) & is_elsewhere {
                cache.fetch_lengthened(*key);
                others.long.push(at as u16);
            }
            others.missing[missing] = at as u16;
            missing += usize::from((count == 0) & !is_elsewhere);
        }
        others.missing.truncate(missing);
        cache.short.note_second(found);
        let sets = cache.long.view();
        let mut found = 0;
        for place in 0..others.long.len() {
            let at = usize::from(others.long[place]);
            let (key, hash) = others.long_key::<R>(text, &self.bounds, at);
            let ids = others.answers.room().first_chunk_mut().expect("room for the most ids");
            let count = cuckoo::peek_long(sets, &key, hash, ids);
            others.answers.note(at, count);
            if count == 0 {
                cache.long.fetch_second(hash);
                others.rest.push(at as u16);
            }
        }
        for place in 0..others.rest.len() {
            let at = usize::from(others.rest[place]);
            let number = others.numbers[at] as usize;
            let piece = &text[self.bounds[number]..self.bounds[number + 1]];
            if piece.len() <= LONG {
                let (key, hash) = others.long_key::<R>(text, &self.bounds, at);
                // Ids of pieces that are in no table may have taken the room.
                others.answers.make_room(LONG_IDS)?;
                let ids = others.answers.room().first_chunk_mut().expect("room for the most ids");
                let count = cuckoo::peek_long(sets, &key, cache.long.further(hash), ids);
                others.answers.note(at, count);
                if count > 0 {
                    found += 1;
                    continue;
                }
            }
            if piece.len() > SHORT
                && let Some(ids) = cache.outsize.find(piece, others.hashes[at])
            {
                others.answers.add(at, ids)?;
            } else {
                others.missing.push(at as u16);
            }
        }
        cache.long.note_second(found);
        Ok(())
    }

    /// Leaves one of each among the missing, and notes which are like it. Not all are found: a piece looks at one place of the table, and
    /// stands there then whatever was there. (To search on cost more than to merge a few twice: base64 84 to 88 MB/s on a first pass,
    /// Hungarian 157 to 165.)
    pub(crate) fn part_twins(&mut self, text: &[u8]) {
        let Others { numbers, hashes, missing, twins: Twins { table, pairs }, .. } = &mut self.others;
        let bounds = &self.bounds;
        let piece = |at: u16| {
            let number = numbers[usize::from(at)] as usize;
            &text[bounds[number]..bounds[number + 1]]
        };
        pairs.clear();
        let places = (8 * missing.len()).next_power_of_two().min(table.len());
        let table = &mut table[..places];
        table.fill(0);
        let mut left = 0;
        for place in 0..missing.len() {
            let at = missing[place];
            let hash = hashes[usize::from(at)];
            let other = std::mem::replace(&mut table[hash as usize & (places - 1)], at + 1);
            let like = other.saturating_sub(1);
            let is_like = other != 0 && hashes[usize::from(like)] == hash && piece(like) == piece(at);
            if is_like {
                pairs.push((at, like));
            }
            missing[left] = at;
            left += usize::from(!is_like);
        }
        missing.truncate(left);
    }

    /// Puts the pieces that were missing into the cache.
    #[inline(always)]
    pub(crate) fn remember<R: U32x16>(&self, text: &[u8], cache: &mut Cache) {
        let Others { numbers, keys, hashes, missing, answers, .. } = &self.others;
        let range = |at: usize| {
            let number = numbers[at] as usize;
            (self.bounds[number], self.bounds[number + 1] - self.bounds[number])
        };
        let mut admitted = [0; SOME];
        for some in missing.chunks(SOME) {
            let mut count = 0;
            for &at in some {
                let at = usize::from(at);
                let ((start, length), ids) = (range(at), answers.range(at).len());
                if length > LONG || ids > LONG_IDS {
                    // A short piece of so many ids is noise.
                    if length > SHORT {
                        cache.insert_outsize(
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
                    cache.fetch_short(keys[at], hashes[at], ids);
                } else {
                    cache.long.fetch_second(hashes[at]);
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

    /// How many ids the pieces have.
    pub(crate) fn total(&self) -> usize {
        self.filled + self.others.answers.total(self.others.count)
    }

    /// Writes the ids of the pieces.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    #[inline(always)]
    pub(crate) fn write(&mut self, out: &mut impl Sink) -> Result<()> {
        if self.others.count == 0 {
            return out.put(&self.row[..self.filled]);
        }
        let others = &self.others;
        let needed = self.total() + STRETCH;
        if self.line.len() < needed {
            self.line.try_resize(2 * needed, 0)?;
        }
        let (mut done, mut length) = (0, 0);
        for at in 0..others.count {
            let place = self.places[others.numbers[at] as usize] as usize;
            length = put::<STRETCH>(&mut self.line, length, &self.row, done..place);
            length = put::<LONG_IDS>(&mut self.line, length, others.answers.ids(), others.answers.range(at));
            done = place;
        }
        length = put::<STRETCH>(&mut self.line, length, &self.row, done..self.filled);
        out.put(&self.line[..length])
    }

    /// Notes how many ids, of which `before` were put out before the group, come before each end of a text.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    pub(crate) fn note_ends(&mut self, before: usize) -> Result<()> {
        self.ends.try_reserve(self.marks.len())?;
        let others = &self.others;
        let (mut at, mut of_others) = (0, 0);
        for &mark in &self.marks {
            while at < others.count && others.numbers[at] < u32::from(mark) {
                of_others += others.answers.range(at).len();
                at += 1;
            }
            self.ends.push(before + self.places[usize::from(mark)] as usize + of_others);
        }
        self.marks.clear();
        Ok(())
    }
}

/// The ids of a row that are copied at once: hardly ever are there more between two of the others.
const STRETCH: usize = 16;

/// Copies `from[range]` to `line` at `length`, and returns where it ends there. Writes `AT_ONCE` ids, for which there is room on both
/// sides, whatever their number, and more only if there are: that is foreseen, their number is not. What is too many is written over
/// by the next.
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
