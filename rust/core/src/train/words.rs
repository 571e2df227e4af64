//! The pieces of one thread as symbols, and where pairs occur in them.
//!
//! All pieces stand in one array, a cell a byte, with a [`GAP`] before each and after the last. A symbol fills as many cells as
//! its token has bytes and is written into the first and the last of them, so that both neighbours are found without
//! links. Cells between keep what they held; the first cell of a symbol that became the right part of another is [`DEAD`].
//!
//! An occurrence of a pair is the cell where it begins. It is noted once, when the pair is born there, and never deleted: to
//! validate it, compare the symbols. Proof that this suffices: symbols only grow, and only together. So a cell that holds
//! symbol *s* of two bytes or more, having once been the first cell of *s*, is not the last cell of anything now, hence its
//! value was written when *s* began there, and neither has a symbol begun there since nor has *s* become a right part, which would
//! have left `DEAD`. And a cell that holds a single byte never regains that value once it is merged.
//!
//! Pieces stand in the order of their weight, so that a table of where the weight changes, and of its entries for every 64th
//! cell, gives the weight of any cell.

use std::ops::{DerefMut, Range};
use std::sync::{RwLock, RwLockWriteGuard};

use super::pairs::{Pair, UNKEPT};
use super::rounds::Merge;
use super::weights::{Weights, too_large};
use crate::count::SHARDS;
use crate::error::{Error, Result};

/// What stands between pieces.
const GAP: u32 = u32::MAX;

/// What stands where a symbol began that is now the right part of another.
const DEAD: u32 = u32::MAX - 1;

/// The cursor of a pair whose occurrences are not noted.
const UNNOTED: usize = usize::MAX;

/// Cells between entries of the index of weights.
const STRIDE: usize = 64;

/// What a thread reports after a round: weights of pairs, those of one thread's words.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) births: Vec<Birth>,
    pub(super) deaths: Vec<Death>,
}

/// Occurrences that a merge made of a pair that it made possible.
#[derive(Debug, Clone, Copy)]
pub(super) struct Birth {
    /// The number of the merge in its round.
    pub(super) merge: u32,
    /// Whether the neighbour is on the left.
    joins_left: bool,
    pub(super) pair: Pair,
    pub(super) weight: u64,
    /// How many occurrences.
    count: u32,
}

impl Birth {
    /// The side of the merged symbol, 0 for its left, and what stood there.
    pub(super) fn neighbour(&self) -> (usize, u32) {
        let (left, right) = self.pair.symbols();
        if self.joins_left { (0, left) } else { (1, right) }
    }
}

/// Occurrences of a pair that a merge took away.
#[derive(Debug, Clone, Copy)]
pub(super) struct Death {
    /// The number of the merge in its round.
    pub(super) merge: u32,
    pub(super) pair: Pair,
    pub(super) weight: u64,
}

/// What a merge met on one side: for each neighbour how much and how often, and each occurrence.
#[derive(Debug, Default)]
struct Side {
    /// By symbol.
    tallies: Vec<Tally>,
    /// Symbols with a tally.
    met: Vec<u32>,
    /// Neighbours, and where the pair with them begins, over all merges of the round.
    occurrences: Vec<(u32, u32)>,
    /// Where each merge's occurrences end.
    ends: Vec<usize>,
    /// Where the next occurrence of the pair with each symbol goes, by symbol.
    cursors: Vec<usize>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    weight: u64,
    count: u32,
}

impl Side {
    fn note(&mut self, neighbour: u32, begin: u32, weight: u64) {
        let tally = &mut self.tallies[neighbour as usize];
        if tally.count == 0 {
            self.met.push(neighbour);
        }
        tally.weight += weight;
        tally.count += 1;
        self.occurrences.push((neighbour, begin));
    }
}

/// Occurrences of one pair: a range of `Words::occurrences`.
#[derive(Debug, Default, Clone, Copy)]
struct Slice {
    start: usize,
    count: u32,
}

impl Slice {
    fn range(self) -> Range<usize> {
        self.start..self.start + self.count as usize
    }
}

/// One thread's pieces.
pub(super) struct Words {
    symbols: Vec<u32>,
    /// Where the weight changes, and to what.
    weights: Vec<(u32, u64)>,
    /// The entry of `weights` for every `STRIDE`th cell.
    index: Vec<u32>,
    /// Bytes of each symbol's token.
    lengths: Vec<u32>,
    longest: usize,
    occurrences: Vec<u32>,
    /// By the thread that keeps the pair, and its number there.
    slices: Vec<Vec<Slice>>,
    /// The left and the right of what a round merged.
    sides: [Side; 2],
}

impl Words {
    /// Lays out thread `me`'s part of the pieces of two bytes or more.
    pub(super) fn new(weights: &Weights, ids: &[u32; 256], longest: usize, me: usize, threads: usize) -> Result<Self> {
        let mut bytes = Vec::new();
        let mut pieces: Vec<(u64, usize, usize)> = Vec::new();
        let mut total = 0_u128;
        weights.for_each_piece((me..SHARDS).step_by(threads), |piece, weight| {
            if piece.len() > 1 && weight > 0 {
                pieces.push((weight, bytes.len(), bytes.len() + piece.len()));
                bytes.extend_from_slice(piece);
                total += u128::from(weight) * piece.len() as u128;
            }
        })?;
        if total * threads as u128 >= 1 << 63 {
            return Err(too_large());
        }
        let cells = bytes.len() + pieces.len() + 1;
        if cells >= DEAD as usize {
            let reason = "4 GiB of unique pieces a thread or more: use more threads, or drop rare pieces";
            return Err(Error::corpus("counts", reason));
        }
        pieces.sort_unstable_by_key(|&(weight, ..)| std::cmp::Reverse(weight));
        let mut words = Self {
            symbols: Vec::with_capacity(cells),
            weights: Vec::new(),
            index: Vec::with_capacity(cells / STRIDE + 1),
            lengths: Vec::new(),
            longest,
            occurrences: Vec::new(),
            slices: vec![Vec::new(); threads],
            sides: [Side::default(), Side::default()],
        };
        for &id in ids {
            words.resize(id as usize + 1);
            words.lengths[id as usize] = 1;
        }
        for (weight, start, end) in pieces {
            if words.weights.last().is_none_or(|&(_, last)| last != weight) {
                words.weights.push((words.symbols.len() as u32, weight));
            }
            words.symbols.push(GAP);
            words.symbols.extend(bytes[start..end].iter().map(|&byte| ids[byte as usize]));
        }
        if words.weights.is_empty() {
            words.weights.push((0, 0));
        }
        words.symbols.push(GAP);
        words.weights.push((u32::MAX, 0));
        let mut entry = 0;
        for cell in (0..words.symbols.len()).step_by(STRIDE) {
            while words.weights[entry + 1].0 as usize <= cell {
                entry += 1;
            }
            words.index.push(entry as u32);
        }
        Ok(words)
    }

    /// Makes room for this many symbols.
    fn resize(&mut self, symbols: usize) {
        if self.lengths.len() < symbols {
            self.lengths.resize(symbols, 0);
            for side in &mut self.sides {
                side.tallies.resize(symbols, Tally::default());
                side.cursors.resize(symbols, UNNOTED);
            }
        }
    }

    fn weight(&self, cell: usize) -> u64 {
        let mut entry = self.index[cell / STRIDE] as usize;
        while self.weights[entry + 1].0 as usize <= cell {
            entry += 1;
        }
        self.weights[entry].1
    }

    /// Reports every pair of bytes as born.
    pub(super) fn report_all(&self, ids: &[u32; 256], reports: &[RwLock<Report>]) {
        let bytes = self.bytes(ids);
        let mut tallies = vec![Tally::default(); 256 * 256];
        let mut entry = 0;
        for (cell, pair) in self.symbols.windows(2).enumerate() {
            if pair[0] == GAP {
                while self.weights[entry + 1].0 as usize <= cell {
                    entry += 1;
                }
            } else if pair[1] != GAP {
                let tally =
                    &mut tallies[usize::from(bytes[pair[0] as usize]) << 8 | usize::from(bytes[pair[1] as usize])];
                tally.weight += self.weights[entry].1;
                tally.count += 1;
            }
        }
        let mut reports = write_all(reports);
        for (place, &Tally { weight, count }) in tallies.iter().enumerate().filter(|(_, tally)| tally.count > 0) {
            let pair = Pair::new(ids[place >> 8], ids[place & 255]);
            let keeper = pair.keeper(reports.len());
            reports[keeper].births.push(Birth { merge: 0, joins_left: false, pair, weight, count });
        }
    }

    /// Notes the occurrences of the pairs that [`report_all`](Self::report_all) reported and that are kept.
    pub(super) fn note_all(&mut self, ids: &[u32; 256], reports: &[RwLock<Report>], kept: &[&[u32]]) {
        let bytes = self.bytes(ids);
        let place = |left: u32, right: u32| usize::from(bytes[left as usize]) << 8 | usize::from(bytes[right as usize]);
        let mut cursors = vec![UNNOTED; 256 * 256];
        for (keeper, (report, kept)) in reports.iter().zip(kept).enumerate() {
            for (birth, &number) in report.read().expect("no thread panics").births.iter().zip(*kept) {
                if number != UNKEPT {
                    let (left, right) = birth.pair.symbols();
                    cursors[place(left, right)] = self.allot(keeper, number, birth.count);
                }
            }
        }
        for (cell, pair) in self.symbols.windows(2).enumerate() {
            if pair[0] != GAP && pair[1] != GAP {
                note(&mut self.occurrences, &mut cursors[place(pair[0], pair[1])], cell as u32);
            }
        }
    }

    /// The byte of each symbol that is one.
    fn bytes(&self, ids: &[u32; 256]) -> Vec<u8> {
        let mut bytes = vec![0; self.lengths.len()];
        for (byte, &id) in (0..=255).zip(ids) {
            bytes[id as usize] = byte;
        }
        bytes
    }

    /// Makes room for more occurrences of a pair, next to those it has, and returns where they go.
    fn allot(&mut self, keeper: usize, number: u32, count: u32) -> usize {
        let slices = &mut self.slices[keeper];
        if slices.len() <= number as usize {
            slices.resize(number as usize + 1, Slice::default());
        }
        let slice = &mut slices[number as usize];
        let old = slice.range();
        slice.start = self.occurrences.len();
        slice.count += count;
        self.occurrences.extend_from_within(old);
        let cursor = self.occurrences.len();
        self.occurrences.resize(cursor + count as usize, 0);
        cursor
    }

    /// Merges the pairs of a round in their order, and reports what that did.
    pub(super) fn merge(&mut self, round: &[Merge], reports: &[RwLock<Report>]) {
        let mut reports = write_all(reports);
        for report in &mut reports {
            report.births.clear();
            report.deaths.clear();
        }
        for side in &mut self.sides {
            side.occurrences.clear();
            side.ends.clear();
        }
        for (number, merge) in round.iter().enumerate() {
            let (left, right) = merge.pair.symbols();
            self.resize(merge.product as usize + 1);
            self.lengths[merge.product as usize] = self.lengths[left as usize] + self.lengths[right as usize];
            let slice = self.slices[merge.keeper].get(merge.number as usize).copied().unwrap_or_default();
            if merge.whole_pieces {
                self.merge_in_pieces(merge, slice);
            } else {
                for place in slice.range() {
                    let cell = self.occurrences[place] as usize;
                    self.merge_at(merge, cell);
                }
            }
            self.report(merge, number as u32, &mut reports);
        }
    }

    /// Merges a pair wherever it occurs in the pieces that hold some of its occurrences.
    fn merge_in_pieces(&mut self, merge: &Merge, slice: Slice) {
        let mut occurrences = self.occurrences[slice.range()].to_vec();
        occurrences.sort_unstable();
        let mut done = 0;
        for cell in occurrences {
            let cell = cell as usize;
            if cell < done {
                continue;
            }
            let gap =
                self.symbols[..cell].iter().rposition(|&symbol| symbol == GAP).expect("a gap precedes each piece");
            done = gap + 1;
            while self.symbols[done] != GAP {
                self.merge_at(merge, done);
                done += self.lengths[self.symbols[done] as usize] as usize;
            }
        }
    }

    /// Merges a pair at a cell, if that is where one begins.
    fn merge_at(&mut self, merge: &Merge, begin: usize) {
        let (left, right) = merge.pair.symbols();
        let middle = begin + self.lengths[left as usize] as usize;
        if self.symbols[begin] != left || self.symbols[middle] != right {
            return;
        }
        let end = middle + self.lengths[right as usize] as usize;
        self.symbols[middle] = DEAD;
        self.symbols[begin] = merge.product;
        self.symbols[end - 1] = merge.product;
        let (before, after) = (self.symbols[begin - 1], self.symbols[end]);
        if before == GAP && after == GAP {
            return;
        }
        let weight = self.weight(begin);
        if before != GAP {
            self.sides[0].note(before, (begin - self.lengths[before as usize] as usize) as u32, weight);
        }
        if after != GAP {
            self.sides[1].note(after, begin as u32, weight);
        }
    }

    /// Reports what a merge met.
    fn report(&mut self, merge: &Merge, number: u32, reports: &mut [impl DerefMut<Target = Report>]) {
        let (left, right) = merge.pair.symbols();
        let length = self.lengths[merge.product as usize] as usize;
        for (side, joins_left) in self.sides.iter_mut().zip([true, false]) {
            for neighbour in side.met.drain(..) {
                let Tally { weight, count } = std::mem::take(&mut side.tallies[neighbour as usize]);
                let (lost, born) = if joins_left {
                    (Pair::new(neighbour, left), Pair::new(neighbour, merge.product))
                } else {
                    (Pair::new(right, neighbour), Pair::new(merge.product, neighbour))
                };
                reports[lost.keeper(reports.len())].deaths.push(Death { merge: number, pair: lost, weight });
                if self.lengths[neighbour as usize] as usize + length < self.longest {
                    let birth = Birth { merge: number, joins_left, pair: born, weight, count };
                    reports[born.keeper(reports.len())].births.push(birth);
                }
            }
            side.ends.push(side.occurrences.len());
        }
    }

    /// Notes the occurrences of the pairs that the last round gave birth to and that are kept.
    pub(super) fn note(&mut self, reports: &[RwLock<Report>], kept: &[&[u32]]) {
        let reports: Vec<_> = reports.iter().map(|report| report.read().expect("no thread panics")).collect();
        let mut births: Vec<_> =
            reports.iter().zip(kept).map(|(report, kept)| report.births.iter().zip(*kept).peekable()).collect();
        let mut starts = [0; 2];
        let mut set = Vec::new();
        for merge in 0..self.sides[0].ends.len() {
            for (keeper, births) in births.iter_mut().enumerate() {
                while let Some((birth, &number)) = births.next_if(|(birth, _)| birth.merge as usize == merge) {
                    if number != UNKEPT {
                        let cursor = self.allot(keeper, number, birth.count);
                        let (side, neighbour) = birth.neighbour();
                        self.sides[side].cursors[neighbour as usize] = cursor;
                        set.push((side, neighbour));
                    }
                }
            }
            for (side, start) in self.sides.iter_mut().zip(&mut starts) {
                let end = side.ends[merge];
                for &(neighbour, begin) in &side.occurrences[*start..end] {
                    note(&mut self.occurrences, &mut side.cursors[neighbour as usize], begin);
                }
                *start = end;
            }
            for (side, neighbour) in set.drain(..) {
                self.sides[side].cursors[neighbour as usize] = UNNOTED;
            }
        }
    }
}

/// Notes an occurrence, if those of its pair are to be.
fn note(occurrences: &mut [u32], cursor: &mut usize, cell: u32) {
    if *cursor != UNNOTED {
        occurrences[*cursor] = cell;
        *cursor += 1;
    }
}

fn write_all(reports: &[RwLock<Report>]) -> Vec<RwLockWriteGuard<'_, Report>> {
    reports.iter().map(|report| report.write().expect("no thread panics")).collect()
}
