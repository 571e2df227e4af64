//! The inner loop: pieces in groups, each looked up, the missing ones merged.
//!
//! A group passes in stages, each a loop of its own over all of it. The first makes every piece's key and asks for its place in
//! the cache, which outgrows the processor's; the second looks all of them up and writes the ids of those that it finds, in a row.
//! Only the others, by and by fewer, go further: to their second place in the cache, to that of long pieces, to the merger; in the
//! end their ids are put between those of the row. What differs from piece to piece in ways that no branch predictor can foresee
//! (its length, being known, the number of its ids) decides on numbers and addresses, not on branches: on text of new words a
//! wrong guess costs more than the look-up.

use std::ops::Range;

use super::cache::{self, Cache, LONG, SHORT, SHORT_IDS, ShortKey};
use super::{Encoder, Sink, Worker};
use crate::arch::{Row, Work};
use crate::vocab::merger::Merger;

/// The pieces of a group.
const GROUP: usize = 256;

/// A group of pieces on its way through the stages.
#[derive(Debug)]
pub(super) struct Group {
    /// Where each piece begins in the text, and where the last one ends.
    bounds: [usize; GROUP + 1],
    keys: [ShortKey; GROUP],
    /// Those of short keys; of longer ones as soon as they are needed.
    hashes: [u64; GROUP],
    /// The ids of the pieces that were found at once.
    row: [u32; GROUP * SHORT_IDS],
    filled: usize,
    others: Others,
    /// Ids on their way out.
    line: Vec<u32>,
}

/// The pieces that were not found at once.
#[derive(Debug)]
struct Others {
    /// Their numbers, ascending.
    numbers: [u8; GROUP],
    count: usize,
    /// How many ids of the row come before each.
    places: [u32; GROUP],
    /// Their ids, in the order in which they became known.
    ids: Vec<u32>,
    /// Where in `ids` those of each begin, and how many they are.
    spans: [(u32, u32); GROUP],
    /// Those, by their place in `numbers`, that are still without an answer.
    missing: Vec<u8>,
}

impl Others {
    fn answer(&mut self, at: usize, ids: &[u32]) {
        self.spans[at] = (self.ids.len() as u32, ids.len() as u32);
        self.ids.extend_from_slice(ids);
    }
}

impl Group {
    pub(super) fn new() -> Box<Self> {
        Box::new(Self {
            bounds: [0; GROUP + 1],
            keys: [[0; 2]; GROUP],
            hashes: [0; GROUP],
            row: [0; GROUP * SHORT_IDS],
            filled: 0,
            others: Others {
                numbers: [0; GROUP],
                count: 0,
                places: [0; GROUP],
                ids: Vec::new(),
                spans: [(0, 0); GROUP],
                missing: Vec::with_capacity(GROUP),
            },
            line: Vec::new(),
        })
    }

    /// Keys and hashes of the pieces that end at `base` plus `ends`; their places in the cache are asked for.
    #[inline(always)]
    fn prepare<R: Row>(&mut self, text: &[u8], base: usize, ends: &[u32], cache: &Cache) {
        let sets = cache.short.view();
        let mut start = self.bounds[0];
        for (number, &end) in ends.iter().enumerate() {
            let end = base + end as usize;
            let key = cache::short_key::<R>(text, start, end - start);
            let hash = cache::hash_short(key);
            cache::fetch(sets, hash);
            self.keys[number] = key;
            self.hashes[number] = hash;
            self.bounds[number + 1] = end;
            start = end;
        }
    }

    /// The ids of the short pieces among the first `count` that stand in their first set.
    #[inline(always)]
    fn look_up<R: Row>(&mut self, count: usize, cache: &Cache) {
        let sets = cache.short.view();
        let (mut filled, mut others) = (0, 0);
        for number in 0..count {
            let (ids, count) = cache::peek::<R>(sets, &self.keys[number], self.hashes[number]);
            self.row[filled..filled + SHORT_IDS].copy_from_slice(&ids);
            // What another one would need is noted here, and kept if this is one.
            self.others.numbers[others] = number as u8;
            self.others.places[others] = filled as u32;
            filled += count;
            others += usize::from(count == 0);
        }
        self.filled = filled;
        self.others.count = others;
    }

    /// The ids of the others, as far as the cache has them.
    fn look_further(&mut self, text: &[u8], cache: &Cache) {
        let others = &mut self.others;
        for &number in &others.numbers[..others.count] {
            let number = usize::from(number);
            let (start, length) = (self.bounds[number], self.bounds[number + 1] - self.bounds[number]);
            if length <= SHORT {
                cache::fetch(cache.short.view(), cache::second(self.hashes[number]));
            } else if length <= LONG {
                self.hashes[number] = cache::hash_long(cache::long_key(text, start, length));
                cache::fetch(cache.long.view(), self.hashes[number]);
            }
        }
        others.ids.clear();
        others.missing.clear();
        for at in 0..others.count {
            let number = usize::from(others.numbers[at]);
            let (start, end) = (self.bounds[number], self.bounds[number + 1]);
            let found = match end - start {
                0..=SHORT => cache.find_short(self.keys[number], self.hashes[number]),
                length @ ..=LONG => cache.find_long(cache::long_key(text, start, length), self.hashes[number]),
                _ => None,
            };
            match found {
                Some((ids, count)) => others.answer(at, &ids[..count]),
                None => others.missing.push(at as u8),
            }
        }
    }

    /// How many ids the pieces have.
    pub(super) fn total(&self) -> usize {
        let of_others = self.others.spans[..self.others.count].iter().map(|&(_, count)| count as usize);
        self.filled + of_others.sum::<usize>()
    }

    /// Writes the ids of the pieces.
    #[inline(always)]
    pub(super) fn write(&mut self, out: &mut impl Sink) {
        if self.others.count == 0 {
            out.put(&self.row[..self.filled]);
            return;
        }
        let others = &self.others;
        let needed = self.filled + others.ids.len() + CHUNK;
        if self.line.len() < needed {
            self.line.resize(2 * needed, 0);
        }
        let (mut done, mut length) = (0, 0);
        for at in 0..others.count {
            let place = others.places[at] as usize;
            length = put(&mut self.line, length, &self.row, done..place);
            let (start, count) = others.spans[at];
            length = put(&mut self.line, length, &others.ids, start as usize..(start + count) as usize);
            done = place;
        }
        length = put(&mut self.line, length, &self.row, done..self.filled);
        out.put(&self.line[..length]);
    }
}

/// [`put`] copies so many ids at once.
const CHUNK: usize = 8;

/// Copies `from[range]` to `line` at `length`, and returns where it ends there. Writes whole chunks while there are ids for them:
/// what is too many is written over by the next; a call for each few ids would cost more than the rest of their way.
#[inline(always)]
fn put(line: &mut [u32], length: usize, from: &[u32], range: Range<usize>) -> usize {
    let (mut source, mut target) = (range.start, length);
    while source < range.end {
        match from.get(source..source + CHUNK) {
            Some(chunk) => line[target..target + CHUNK].copy_from_slice(chunk),
            None => line[target..target + range.end - source].copy_from_slice(&from[source..range.end]),
        }
        source += CHUNK;
        target += CHUNK;
    }
    length + range.len()
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
            group.prepare::<R>(text, base, ends, cache);
            group.look_up::<R>(ends.len(), cache);
            if group.others.count > 0 {
                group.look_further(text, cache);
                if !group.others.missing.is_empty() {
                    encoder.learn(group, text, cache, merger);
                }
            }
            out.put_all(group);
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
        let Group { bounds, keys, hashes, others, .. } = group;
        let mut missing = std::mem::take(&mut others.missing);
        let mut remember = |number: usize, ids: &[u32]| {
            let length = bounds[number + 1] - bounds[number];
            if length <= SHORT {
                cache.insert_short(keys[number], hashes[number], ids);
            } else if length <= LONG {
                cache.insert_long(cache::long_key(text, bounds[number], length), hashes[number], ids);
            }
        };
        let numbers = others.numbers;
        let piece = |at: &u8| {
            let number = usize::from(numbers[usize::from(*at)]);
            &text[bounds[number]..bounds[number + 1]]
        };
        if !self.whole.is_empty() {
            missing.retain(|at| {
                let Some(id) = self.whole.id(piece(at)) else { return true };
                others.answer(usize::from(*at), &[id]);
                remember(usize::from(numbers[usize::from(*at)]), &[id]);
                false
            });
        }
        merger.merge_all(&self.pairs, missing.iter().map(piece), |place, symbols| {
            let at = usize::from(missing[place]);
            let first = others.ids.len();
            others.ids.extend(symbols.iter().map(|&symbol| self.ids.of(symbol)));
            others.spans[at] = (first as u32, symbols.len() as u32);
            remember(usize::from(numbers[at]), &others.ids[first..]);
        });
        others.missing = missing;
    }
}
