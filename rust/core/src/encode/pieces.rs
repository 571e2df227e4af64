//! The inner loop: pieces in groups, each looked up, the missing ones merged.
//!
//! A group passes in stages, each a loop of its own over all of it. The first makes every piece's key and asks for its place in
//! the cache, which outgrows the processor's; the second looks all of them up; the third takes the long ones; the fourth those that
//! are missing, in lists that the stages before it made; the last writes all ids in a row. What differs from piece to piece in
//! ways that no branch predictor can foresee (its length, being known, the number of its ids) decides on numbers and
//! addresses, not on branches: on text of new words a wrong guess costs more than the look-up.

use super::cache::{self, Cache, LONG, LongKey, SHORT, SHORT_IDS, ShortKey};
use super::{Encoder, Sink, Worker};
use crate::arch::{Row, Work};
use crate::vocab::merger::Merger;

/// In place of the number of ids of a short piece that has more than its way in the cache holds.
const ELSEWHERE: u32 = 8;

/// The pieces of a group.
const GROUP: usize = 128;

/// A group of pieces on its way through the stages.
#[derive(Debug)]
pub(super) struct Group {
    /// Where each piece begins in the text, and where the last one ends.
    bounds: [usize; GROUP + 1],
    keys: [ShortKey; GROUP],
    hashes: [u64; GROUP],
    answers: Answers,
    /// The numbers of the pieces that are too long for the short table.
    long: List,
    /// By place in that list: the key, all zeros if the piece is too long for the long table, too; and the hash.
    long_keys: [LongKey; GROUP],
    long_hashes: [u64; GROUP],
    /// The numbers of the pieces that are still without an answer.
    missing: List,
    /// The ids of one piece.
    ids: Vec<u32>,
    /// Ids on their way out.
    row: [u32; GROUP * SHORT_IDS],
}

/// The ids of each piece.
#[derive(Debug)]
pub(super) struct Answers {
    /// Up to four ids; of more, where they begin in `more`.
    ids: [[u32; SHORT_IDS]; GROUP],
    counts: [u32; GROUP],
    more: Vec<u32>,
}

/// Numbers of pieces, filled without a branch.
#[derive(Debug)]
struct List {
    numbers: [u8; GROUP],
    length: usize,
}

impl List {
    const EMPTY: Self = Self { numbers: [0; GROUP], length: 0 };

    /// Appends, from `length` on, `number` if `takes`; else the next one takes its place. Returns the length. (It is kept in a
    /// register, and noted when the list is complete: in memory, each piece would wait for the one before it.)
    #[inline(always)]
    fn push(&mut self, length: usize, number: usize, takes: bool) -> usize {
        self.numbers[length % GROUP] = number as u8;
        length + usize::from(takes)
    }

    /// Keeps those for which `is_kept` holds.
    fn retain(&mut self, mut is_kept: impl FnMut(usize) -> bool) {
        let mut length = 0;
        for at in 0..self.length {
            let number = usize::from(self.numbers[at]);
            length = self.push(length, number, is_kept(number));
        }
        self.length = length;
    }

    fn iter(&self) -> impl Iterator<Item = usize> {
        self.numbers[..self.length].iter().map(|&number| usize::from(number))
    }
}

impl Answers {
    #[inline(always)]
    fn set(&mut self, number: usize, ids: &[u32]) {
        if ids.len() <= SHORT_IDS {
            self.ids[number][..ids.len()].copy_from_slice(ids);
        } else {
            self.ids[number][0] = self.more.len() as u32;
            self.more.extend_from_slice(ids);
        }
        self.counts[number] = ids.len() as u32;
    }
}

impl Group {
    pub(super) fn new() -> Box<Self> {
        Box::new(Self {
            bounds: [0; GROUP + 1],
            keys: [[0; 2]; GROUP],
            hashes: [0; GROUP],
            answers: Answers { ids: [[0; SHORT_IDS]; GROUP], counts: [0; GROUP], more: Vec::new() },
            long: List::EMPTY,
            long_keys: [[0; 4]; GROUP],
            long_hashes: [0; GROUP],
            missing: List::EMPTY,
            ids: Vec::new(),
            row: [0; GROUP * SHORT_IDS],
        })
    }

    /// Keys and hashes of the pieces that end at `base` plus `ends`; their places in the cache are asked for.
    #[inline(always)]
    fn prepare(&mut self, text: &[u8], base: usize, ends: &[u32], cache: &Cache) {
        let sets = cache.short.view();
        let mut start = self.bounds[0];
        let mut long = 0;
        self.answers.more.clear();
        for (number, &end) in ends.iter().enumerate() {
            let end = base + end as usize;
            let key = cache::short_key(text, start, end - start);
            let hash = cache::hash_short(key);
            cache::fetch(sets, hash);
            self.keys[number] = key;
            self.hashes[number] = hash;
            long = self.long.push(long, number, end - start > SHORT);
            self.bounds[number + 1] = end;
            start = end;
        }
        self.long.length = long;
    }

    /// Answers for the short pieces among the first `count`.
    #[inline(always)]
    fn look_up(&mut self, count: usize, cache: &Cache) {
        let sets = cache.short.view();
        let mut missing = 0;
        for number in 0..count {
            let key = self.keys[number];
            let (way, is_it) = cache::peek_at(sets, &key, self.hashes[number]);
            self.answers.ids[number].copy_from_slice(cache::places(way));
            let is_elsewhere = is_it & cache::is_elsewhere(way);
            self.answers.counts[number] = if is_elsewhere { ELSEWHERE } else { cache::count(way) as u32 };
            missing = self.missing.push(missing, number, (!is_it | is_elsewhere) & cache::is_key(key));
        }
        self.missing.length = missing;
    }

    /// Answers for the short pieces that stand in their second set.
    #[inline(always)]
    fn look_again(&mut self, cache: &Cache) {
        let sets = cache.short.view();
        for number in self.missing.iter() {
            cache::fetch(sets, cache::second(self.hashes[number]));
        }
        let mut missing = 0;
        for at in 0..self.missing.length {
            let number = usize::from(self.missing.numbers[at]) % GROUP;
            if self.answers.counts[number] == ELSEWHERE {
                missing = self.missing.push(missing, number, true);
                continue;
            }
            let (way, is_it) = cache::peek_at(sets, &self.keys[number], cache::second(self.hashes[number]));
            self.answers.ids[number].copy_from_slice(cache::places(way));
            let is_elsewhere = is_it & cache::is_elsewhere(way);
            self.answers.counts[number] = if is_elsewhere { ELSEWHERE } else { cache::count(way) as u32 };
            missing = self.missing.push(missing, number, !is_it | is_elsewhere);
        }
        self.missing.length = missing;
    }

    /// Answers for the long pieces.
    #[inline(always)]
    fn look_up_long(&mut self, text: &[u8], cache: &Cache) {
        let sets = cache.long.view();
        for (at, number) in self.long.iter().enumerate() {
            let (start, length) = (self.bounds[number], self.bounds[number + 1] - self.bounds[number]);
            let key = if length <= LONG { cache::long_key(text, start, length) } else { [0; 4] };
            let hash = cache::hash_long(key);
            cache::fetch(sets, hash);
            self.long_keys[at] = key;
            self.long_hashes[at] = hash;
        }
        let mut missing = self.missing.length;
        for at in 0..self.long.length {
            let number = usize::from(self.long.numbers[at]);
            let key = self.long_keys[at];
            let (way, is_it) = cache::peek_at(sets, &key, self.long_hashes[at]);
            let is_known = is_it & (key != [0; 4]);
            if is_known {
                self.answers.set(number, &cache::places(way)[..cache::count(way)]);
            }
            missing = self.missing.push(missing, number, !is_known);
        }
        self.missing.length = missing;
    }

    /// How many ids the first `count` pieces have.
    pub(super) fn total(&self, count: usize) -> usize {
        self.answers.counts[..count].iter().map(|&count| count as usize).sum()
    }

    /// Writes the ids of the first `count` pieces.
    #[inline(always)]
    pub(super) fn write(&mut self, count: usize, out: &mut impl Sink) {
        let mut filled = 0;
        let answers = &self.answers;
        for (ids, &length) in answers.ids[..count].iter().zip(&answers.counts) {
            let length = length as usize;
            if length > SHORT_IDS {
                out.put(&self.row[..filled]);
                filled = 0;
                let first = ids[0] as usize;
                out.put(&answers.more[first..first + length]);
                continue;
            }
            self.row[filled..filled + SHORT_IDS].copy_from_slice(ids);
            filled += length;
        }
        out.put(&self.row[..filled]);
    }
}

/// [`Encoder::encode_pieces`], in the form that [`Isa::run`](crate::arch::Isa::run) takes.
struct Pieces<'p, S> {
    encoder: &'p Encoder,
    worker: &'p mut Worker,
    text: &'p [u8],
    base: usize,
    ends: &'p [u32],
    out: &'p mut S,
}

impl<S: Sink> Work for Pieces<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run<R: Row>(self) {
        let Self { encoder, worker, text, base, ends, out } = self;
        let Worker { group, cache, merger, .. } = worker;
        group.bounds[0] = base;
        for ends in ends.chunks(GROUP) {
            group.prepare(text, base, ends, cache);
            group.look_up(ends.len(), cache);
            if group.missing.length > 0 {
                group.look_again(cache);
            }
            if group.long.length > 0 {
                group.look_up_long(text, cache);
            }
            if group.missing.length > 0 {
                encoder.learn(group, text, cache, merger);
            }
            out.put_all(group, ends.len());
            group.bounds[0] = group.bounds[ends.len()];
        }
    }
}

impl Encoder {
    /// Encodes consecutive pieces: the first begins at `base`, each ends at `base` plus its entry of `ends`.
    pub(super) fn encode_pieces(
        &self,
        worker: &mut Worker,
        text: &[u8],
        base: usize,
        ends: &[u32],
        out: &mut impl Sink,
    ) {
        self.isa.run(Pieces { encoder: self, worker, text, base, ends, out });
    }

    /// Answers for the pieces that are missing, and remembers them.
    #[inline(never)]
    fn learn(&self, group: &mut Group, text: &[u8], cache: &mut Cache, merger: &mut Merger) {
        let Group { bounds, keys, hashes, answers, missing, ids, .. } = group;
        let piece = |number: usize| &text[bounds[number]..bounds[number + 1]];
        missing.retain(|number| {
            let (start, length) = (bounds[number], bounds[number + 1] - bounds[number]);
            let found = if length > LONG {
                None
            } else if length > SHORT {
                cache.find_long(cache::long_key(text, start, length))
            } else if answers.counts[number] == ELSEWHERE {
                cache.find_elsewhere(keys[number])
            } else {
                None
            };
            found.inspect(|ids| answers.set(number, ids)).is_none()
        });
        let mut remember = |number: usize, ids: &[u32]| {
            let length = bounds[number + 1] - bounds[number];
            if length <= SHORT {
                cache.insert_short(keys[number], hashes[number], ids);
            } else if length <= LONG {
                cache.insert_long(cache::long_key(text, bounds[number], length), ids);
            }
        };
        if !self.whole.is_empty() {
            missing.retain(|number| {
                let Some(id) = self.whole.id(piece(number)) else { return true };
                answers.set(number, &[id]);
                remember(number, &[id]);
                false
            });
        }
        merger.merge_all(&self.pairs, missing.iter().map(piece), |place, symbols| {
            let number = usize::from(missing.numbers[place]);
            ids.clear();
            ids.extend(symbols.iter().map(|&symbol| self.ids.of(symbol)));
            answers.set(number, ids);
            remember(number, ids);
        });
    }
}
