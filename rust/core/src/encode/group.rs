//! A group of pieces on its way through the stages of [`pieces`](super::pieces): what is known of them, and what of each is still
//! asked.

use std::ops::Range;

use super::cache::{self, Cache, LONG, LONG_IDS, SHORT, SHORT_IDS, ShortKey};
use super::{Ids, Sink};
use crate::arch::Row;

/// The pieces of a block, which are looked up together.
pub(super) const BLOCK: usize = 128;

/// The pieces of a group: the more, the more words are merged in step.
pub(super) const GROUP: usize = 16 * BLOCK;

/// The ids that are copied and translated at once.
const ROW: usize = 16;

/// The pieces whose places in the cache are asked for before the first of them is remembered.
const SOME: usize = 64;

/// A group of consecutive pieces on its way through the stages.
#[derive(Debug)]
pub(super) struct Group {
    /// How many pieces have come.
    pub(super) count: usize,
    /// How many of them were looked up.
    known: usize,
    /// Where each piece begins in the text, and where the last one ends.
    pub(super) bounds: [usize; GROUP + 1],
    /// How many ids of the row come before each.
    places: [u32; GROUP],
    pub(super) keys: [ShortKey; GROUP],
    /// Those of short keys; of longer ones as soon as they are needed.
    pub(super) hashes: [u64; GROUP],
    /// The ids of the pieces that were found at once.
    row: [u32; GROUP * SHORT_IDS + STRETCH],
    filled: usize,
    pub(super) others: Others,
    /// Ids on their way out.
    line: Vec<u32>,
    /// How many pieces come before each end of a text that is still to be noted.
    marks: Vec<u16>,
    /// How many ids were put out before the end of each text.
    ends: Vec<usize>,
}

/// The pieces that were not found at once.
#[derive(Debug)]
pub(super) struct Others {
    /// Their numbers, ascending.
    pub(super) numbers: [u16; GROUP],
    pub(super) count: usize,
    pub(super) answers: Answers,
    /// Those, by their place in `numbers`, that may stand in their second set.
    second: [u16; GROUP],
    /// Those that are longer, or in neither set.
    rest: Vec<u16>,
    /// Those that are still without an answer.
    pub(super) missing: Vec<u16>,
    /// Those of them that are to be merged.
    pub(super) words: Vec<u16>,
    /// Memory to sort them in, with their lengths.
    pub(super) lengths: Vec<(u8, u16)>,
    twins: Twins,
}

/// The ids of pieces.
#[derive(Debug)]
pub(super) struct Answers {
    /// In the order in which they became known; behind that, whatever was there.
    ids: Vec<u32>,
    filled: usize,
    /// Where in `ids` those of each piece begin, and how many they are; by the place of the piece in [`Others::numbers`].
    spans: [(u32, u32); GROUP],
}

impl Answers {
    /// Where the next ids go, with room for `count` of them.
    #[inline(always)]
    fn room(&mut self, count: usize) -> &mut [u32] {
        if self.ids.len() < self.filled + count {
            self.ids.resize(2 * (self.filled + count), 0);
        }
        &mut self.ids[self.filled..]
    }

    /// Notes that the next `count` ids are those of a piece.
    #[inline(always)]
    fn note(&mut self, at: usize, count: usize) {
        self.spans[at] = (self.filled as u32, count as u32);
        self.filled += count;
    }

    /// Those of a piece: the first `count` of a row.
    #[inline(always)]
    pub(super) fn add(&mut self, at: usize, row: &[u32], count: usize) {
        let room = self.room(count + ROW);
        match row.first_chunk::<ROW>() {
            // How many they are is a matter of luck, and to copy more is cheaper than to guess.
            Some(row) if count <= ROW => *room.first_chunk_mut().expect("room for a row") = *row,
            _ => room[..count].copy_from_slice(&row[..count]),
        }
        self.note(at, count);
    }

    /// Where the next ids will begin.
    pub(super) fn filled(&self) -> usize {
        self.filled
    }

    /// Puts the ids of symbols in their place, from `start` on.
    #[inline(always)]
    pub(super) fn translate<R: Row>(&mut self, start: usize, ids: &Ids) {
        // What lies behind them is nobody's.
        self.room(ROW);
        let end = start + (self.filled - start).next_multiple_of(ROW);
        ids.of_all::<R>(&mut self.ids[start..end]);
    }

    /// The ids of a piece.
    fn of(&self, at: usize) -> &[u32] {
        &self.ids[self.range(at)]
    }

    /// Where they stand.
    #[inline(always)]
    fn range(&self, at: usize) -> Range<usize> {
        let (start, count) = self.spans[at];
        start as usize..(start + count) as usize
    }
}

impl Others {
    /// Gives the pieces that were left out the answers of those that they are like.
    pub(super) fn answer_twins(&mut self) {
        for &(at, like) in &self.twins.pairs {
            self.answers.spans[usize::from(at)] = self.answers.spans[usize::from(like)];
        }
    }
}

/// Pieces of a group that are new and equal: a word that is new in a text often comes again soon.
#[derive(Debug)]
struct Twins {
    /// By a part of the hash, or where there was room behind: one more than the place in `numbers`, or 0.
    table: [u16; 2 * GROUP],
    /// Which is like which.
    pairs: Vec<(u16, u16)>,
}

impl Group {
    pub(super) fn new() -> Box<Self> {
        Box::new(Self {
            count: 0,
            known: 0,
            bounds: [0; GROUP + 1],
            places: [0; GROUP],
            keys: [[0; 2]; GROUP],
            hashes: [0; GROUP],
            row: [0; GROUP * SHORT_IDS + STRETCH],
            filled: 0,
            others: Others {
                numbers: [0; GROUP],
                count: 0,
                answers: Answers { ids: Vec::new(), filled: 0, spans: [(0, 0); GROUP] },
                second: [0; GROUP],
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
    pub(super) fn end_text(&mut self) {
        self.marks.push(self.count as u16);
    }

    /// How many ids were put out before each of these ends, to be taken from there.
    pub(super) fn ends(&mut self) -> &mut Vec<usize> {
        &mut self.ends
    }

    /// Makes room for other pieces.
    pub(super) fn empty(&mut self) {
        (self.count, self.known, self.filled, self.others.count) = (0, 0, 0, 0);
    }

    /// Forgets what an error left behind.
    pub(super) fn clear(&mut self) {
        self.empty();
        self.marks.clear();
        self.ends.clear();
    }

    /// Keys and hashes of the pieces that end at `base` plus `ends`; their places in the cache are asked for.
    #[inline(always)]
    pub(super) fn prepare<R: Row>(&mut self, text: &[u8], base: usize, ends: &[u32], cache: &Cache) {
        let sets = cache.short.view();
        let numbers = self.count..self.count + ends.len();
        let mut start = self.bounds[numbers.start];
        let (keys, hashes) = (&mut self.keys[numbers.clone()], &mut self.hashes[numbers.clone()]);
        let bounds = &mut self.bounds[numbers.start + 1..numbers.end + 1];
        // Neither this nor the places of the pieces are checked again in the loop.
        assert!(!sets.is_empty(), "a cache has sets");
        for (&end, ((key, hash), bound)) in ends.iter().zip(keys.iter_mut().zip(hashes).zip(bounds)) {
            let end = base + end as usize;
            *key = cache::short_key::<R>(text, start, end - start);
            *hash = cache::hash_short(*key);
            cache::fetch(sets, *hash);
            *bound = end;
            start = end;
        }
        self.count = numbers.end;
    }

    /// The ids of the short pieces that have come since and stand in their first set.
    #[inline(always)]
    pub(super) fn look_up<R: Row>(&mut self, cache: &Cache) {
        let sets = cache.short.view();
        let (mut filled, mut others) = (self.filled, self.others.count);
        let block = self.known..self.count;
        let (keys, hashes) = (&self.keys[block.clone()], &self.hashes[block.clone()]);
        let places = &mut self.places[block.clone()];
        for (number, ((key, &hash), place)) in block.zip(keys.iter().zip(hashes).zip(places)) {
            let ids = self.row[filled..].first_chunk_mut().expect("room for all");
            let count = cache::peek::<R>(sets, key, hash, ids);
            *place = filled as u32;
            // What another one would need is noted here, and kept if this is one.
            self.others.numbers[others] = number as u16;
            filled += count;
            others += usize::from(count == 0);
        }
        self.known = self.count;
        self.filled = filled;
        self.others.count = others;
    }

    /// The ids of the others, as far as the cache has them.
    #[inline(always)]
    pub(super) fn look_further<R: Row>(&mut self, text: &[u8], cache: &Cache) {
        let others = &mut self.others;
        others.answers.filled = 0;
        others.missing.clear();
        others.rest.clear();
        let mut second = 0;
        for at in 0..others.count {
            let number = usize::from(others.numbers[at]);
            let (start, length) = (self.bounds[number], self.bounds[number + 1] - self.bounds[number]);
            if length <= SHORT {
                if cache.short.may_be_elsewhere(&self.keys[number], self.hashes[number]) {
                    cache::fetch(cache.short.view(), cache::second(self.hashes[number]));
                    others.second[second] = at as u16;
                    second += 1;
                } else {
                    others.missing.push(at as u16);
                }
            } else {
                if length <= LONG {
                    self.hashes[number] = cache::hash_long(cache::long_key::<R>(text, start, length));
                    cache::fetch(cache.long.view(), self.hashes[number]);
                }
                others.rest.push(at as u16);
            }
        }
        let sets = cache.short.view();
        for place in 0..second {
            let at = usize::from(others.second[place]);
            let number = usize::from(others.numbers[at]);
            let ids = others.answers.room(SHORT_IDS).first_chunk_mut().expect("room for the most ids");
            let count = cache::peek::<R>(sets, &self.keys[number], cache::second(self.hashes[number]), ids);
            others.answers.note(at, count);
            if count == 0 {
                cache.fetch_lengthened(self.keys[number]);
                others.rest.push(at as u16);
            }
        }
        for place in 0..others.rest.len() {
            let at = others.rest[place];
            let number = usize::from(others.numbers[usize::from(at)]);
            let (start, end) = (self.bounds[number], self.bounds[number + 1]);
            let found = match end - start {
                0..=SHORT => cache.find_short(self.keys[number], self.hashes[number]),
                length @ ..=LONG => cache.find_long(cache::long_key::<R>(text, start, length), self.hashes[number]),
                _ => None,
            };
            match found {
                Some((ids, count)) => {
                    others.answers.room(LONG_IDS)[..LONG_IDS].copy_from_slice(&ids);
                    others.answers.note(usize::from(at), count);
                }
                None => others.missing.push(at),
            }
        }
    }

    /// Leaves one of each among the missing, and notes which are like it.
    pub(super) fn part_twins(&mut self, text: &[u8]) {
        let Others { numbers, missing, twins: Twins { table, pairs }, .. } = &mut self.others;
        let (bounds, keys, hashes) = (&self.bounds, &self.keys, &self.hashes);
        pairs.clear();
        let table = &mut table[..(2 * missing.len()).next_power_of_two()];
        table.fill(0);
        missing.retain(|&at| {
            let number = usize::from(numbers[usize::from(at)]);
            let piece = |number: usize| &text[bounds[number]..bounds[number + 1]];
            let length = piece(number).len();
            if length > LONG {
                return true;
            }
            let mut place = hashes[number] as usize % table.len();
            while let Some(other) = table[place].checked_sub(1) {
                let like = usize::from(numbers[usize::from(other)]);
                if hashes[like] == hashes[number]
                    && keys[like] == keys[number]
                    && (length <= SHORT || piece(like) == piece(number))
                {
                    pairs.push((at, other));
                    return false;
                }
                place = (place + 1) % table.len();
            }
            table[place] = at + 1;
            true
        });
    }

    /// Puts the pieces that were missing into the cache.
    #[inline(always)]
    pub(super) fn remember<R: Row>(&self, text: &[u8], cache: &mut Cache) {
        let piece = |at: u16| {
            let number = usize::from(self.others.numbers[usize::from(at)]);
            (number, self.bounds[number], self.bounds[number + 1] - self.bounds[number])
        };
        let mut admitted = [0; SOME];
        for some in self.others.missing.chunks(SOME) {
            let mut count = 0;
            for &at in some {
                let (number, _, length) = piece(at);
                let ids = self.others.answers.of(usize::from(at)).len();
                if length > LONG || !cache.admits(self.hashes[number], length, ids) {
                    continue;
                }
                if length <= SHORT {
                    cache.fetch_short(self.keys[number], self.hashes[number], ids);
                } else {
                    cache.long.fetch_second(self.hashes[number]);
                }
                admitted[count] = at;
                count += 1;
            }
            for &at in &admitted[..count] {
                let (number, start, length) = piece(at);
                let ids = self.others.answers.of(usize::from(at));
                if length <= SHORT {
                    cache.insert_short(self.keys[number], self.hashes[number], ids);
                } else {
                    cache.insert_long(cache::long_key::<R>(text, start, length), self.hashes[number], ids);
                }
            }
        }
    }

    /// How many ids the pieces have.
    pub(super) fn total(&self) -> usize {
        let of_others = self.others.answers.spans[..self.others.count].iter().map(|&(_, count)| count as usize);
        self.filled + of_others.sum::<usize>()
    }

    /// Writes the ids of the pieces.
    #[inline(always)]
    pub(super) fn write(&mut self, out: &mut impl Sink) {
        if self.others.count == 0 {
            out.put(&self.row[..self.filled]);
            return;
        }
        self.others.answers.room(LONG_IDS);
        let others = &self.others;
        let needed = self.total() + STRETCH;
        if self.line.len() < needed {
            self.line.resize(2 * needed, 0);
        }
        let (mut done, mut length) = (0, 0);
        for at in 0..others.count {
            let place = self.places[usize::from(others.numbers[at])] as usize;
            length = put::<STRETCH>(&mut self.line, length, &self.row, done..place);
            length = put::<LONG_IDS>(&mut self.line, length, &others.answers.ids, others.answers.range(at));
            done = place;
        }
        length = put::<STRETCH>(&mut self.line, length, &self.row, done..self.filled);
        out.put(&self.line[..length]);
    }

    /// Notes how many ids, of which `before` were put out before the group, come before each end of a text.
    pub(super) fn note_ends(&mut self, before: usize) {
        let others = &self.others;
        let (mut at, mut of_others) = (0, 0);
        for &mark in &self.marks {
            while at < others.count && others.numbers[at] < mark {
                of_others += others.answers.range(at).len();
                at += 1;
            }
            let in_row =
                if usize::from(mark) < self.count { self.places[usize::from(mark)] as usize } else { self.filled };
            self.ends.push(before + in_row + of_others);
        }
        self.marks.clear();
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
