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
use std::sync::RwLock;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::known::Known;
use super::layout::{CellWeights, DEAD, GAP, Layout};
use super::pairs::{Pair, UNKEPT};
use super::report::{self, Birth, Death, LEFT, RIGHT, Report, Side, Tally};
use super::rounds::Merge;
use super::weights::Weights;
use crate::arch;
use crate::error::Result;

/// How many occurrences ahead cells are asked for.
const AHEAD: usize = 16;

/// As long as there are no more symbols than this, pairs are numbered by a square.
const SQUARE: usize = 1 << 10;

/// Numbers of pairs.
enum Numbers {
    /// By both symbols, if there are no more than this.
    Square(usize),
    Map(HashMap<Pair, u32, FxBuildHasher>),
}

impl Numbers {
    /// The number of a pair; with `next` for one that has none.
    fn of(&mut self, left: u32, right: u32, next: usize) -> usize {
        match self {
            Self::Square(width) => left as usize * *width + right as usize,
            Self::Map(map) => *map.entry(Pair::new(left, right)).or_insert(next as u32) as usize,
        }
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
    layout: Layout,
    /// Bytes of each symbol's token.
    lengths: Vec<u32>,
    longest: usize,
    occurrences: Vec<u32>,
    /// By the thread that keeps the pair, and its number there.
    slices: Vec<Vec<Slice>>,
    /// The left and the right of what a round merged.
    sides: [Side; 2],
    /// The numbers by which all pairs were reported, until they are noted.
    numbers: Numbers,
}

impl Words {
    /// Thread `me`'s part of the pieces, with the known merges made.
    pub(super) fn new(weights: &Weights, known: &Known, longest: usize, me: usize, threads: usize) -> Result<Self> {
        let mut words = Self {
            layout: Layout::new(weights, known, me, threads)?,
            lengths: Vec::new(),
            longest,
            occurrences: Vec::new(),
            slices: vec![Vec::new(); threads],
            sides: [Side::default(), Side::default()],
            numbers: Numbers::Square(0),
        };
        words.resize(known.lengths.len());
        words.lengths.copy_from_slice(&known.lengths);
        Ok(words)
    }

    /// The sum of the weights times the lengths of pieces.
    pub(super) fn total(&self) -> u64 {
        self.layout.total
    }

    /// Makes room for this many symbols.
    fn resize(&mut self, symbols: usize) {
        if self.lengths.len() < symbols {
            self.lengths.resize(symbols, 0);
            for side in &mut self.sides {
                side.resize(symbols);
            }
        }
    }

    /// Calls `sink` with every pair and the cell where it begins.
    fn for_each_pair(symbols: &[u32], lengths: &[u32], mut sink: impl FnMut(u32, u32, usize)) {
        let mut cell = 0;
        let mut left = GAP;
        while cell + 1 < symbols.len() {
            let next = cell + if left == GAP { 1 } else { lengths[left as usize] as usize };
            let right = symbols[next];
            if left != GAP && right != GAP {
                sink(left, right, cell);
            }
            (cell, left) = (next, right);
        }
    }

    /// Reports every pair there is as born, and forgets all occurrences.
    pub(super) fn report_all(&mut self, reports: &[RwLock<Report>]) {
        self.occurrences.clear();
        self.slices.iter_mut().for_each(Vec::clear);
        let width = self.lengths.len();
        let square = if width <= SQUARE { width } else { 0 };
        let mut tallies = vec![(Pair::new(0, 0), Tally::default()); square * square];
        self.numbers = if square > 0 { Numbers::Square(square) } else { Numbers::Map(HashMap::default()) };
        let mut hint = 0;
        Self::for_each_pair(&self.layout.symbols, &self.lengths, |left, right, cell| {
            let number = self.numbers.of(left, right, tallies.len());
            if number == tallies.len() {
                tallies.push((Pair::new(0, 0), Tally::default()));
            }
            let (pair, tally) = &mut tallies[number];
            *pair = Pair::new(left, right);
            tally.add(self.layout.weights.at(cell, &mut hint));
        });
        let mut reports = report::write_all(reports);
        for report in &mut reports {
            report.births.clear();
            report.deaths.clear();
        }
        for (pair, Tally { weight, count }) in tallies.into_iter().filter(|(_, tally)| tally.count > 0) {
            let (left, right) = pair.symbols();
            let length = (self.lengths[left as usize] + self.lengths[right as usize]) as usize;
            // Two bytes may always be merged.
            if length == 2 || length < self.longest {
                report::report_birth(&mut reports, Birth { merge: 0, side: RIGHT, pair, weight, count });
            }
        }
    }

    /// Notes the occurrences of the pairs that [`report_all`](Self::report_all) reported and that are kept.
    pub(super) fn note_all(&mut self, reports: &[RwLock<Report>], kept: &[&[u32]]) {
        const UNNOTED: usize = usize::MAX;
        let mut numbers = std::mem::replace(&mut self.numbers, Numbers::Square(0));
        let mut cursors = match &numbers {
            Numbers::Square(width) => vec![UNNOTED; width * width],
            Numbers::Map(map) => vec![UNNOTED; map.len()],
        };
        for (keeper, (report, kept)) in reports.iter().zip(kept).enumerate() {
            for (birth, &number) in report.read().expect("no thread panics").births.iter().zip(*kept) {
                if number != UNKEPT {
                    let (left, right) = birth.pair.symbols();
                    cursors[numbers.of(left, right, 0)] = self.allot(keeper, number, birth.count);
                }
            }
        }
        Self::for_each_pair(&self.layout.symbols, &self.lengths, |left, right, cell| {
            let cursor = &mut cursors[numbers.of(left, right, 0)];
            if *cursor != UNNOTED {
                self.occurrences[*cursor] = cell as u32;
                *cursor += 1;
            }
        });
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
        let mut reports = report::write_all(reports);
        for report in &mut reports {
            report.births.clear();
            report.deaths.clear();
        }
        self.sides.iter_mut().for_each(Side::clear);
        for (number, merge) in round.iter().enumerate() {
            let (left, right) = merge.pair.symbols();
            self.resize(merge.product as usize + 1);
            self.lengths[merge.product as usize] = self.lengths[left as usize] + self.lengths[right as usize];
            let slice = self.slices[merge.keeper].get(merge.number as usize).copied().unwrap_or_default();
            let occurrences = &self.occurrences[slice.range()];
            let mut merger = Merger {
                symbols: &mut self.layout.symbols,
                weights: &self.layout.weights,
                hint: 0,
                lengths: &self.lengths,
                sides: &mut self.sides,
                left,
                right,
                product: merge.product,
            };
            if merge.whole_pieces {
                merger.merge_in_pieces(occurrences.to_vec());
            } else {
                merger.merge_all(occurrences);
            }
            self.report(merge, number as u32, &mut reports);
        }
    }

    /// Reports what a merge met.
    fn report(&mut self, merge: &Merge, number: u32, reports: &mut [impl DerefMut<Target = Report>]) {
        let (left, right) = merge.pair.symbols();
        let length = self.lengths[merge.product as usize] as usize;
        for (side, lost) in [(LEFT, left), (RIGHT, right)] {
            self.sides[side].end_merge(|neighbour, Tally { weight, count }| {
                let pair = report::joined(lost, side, neighbour);
                report::report_death(reports, Death { merge: number, pair, weight });
                if self.lengths[neighbour as usize] as usize + length < self.longest {
                    let pair = report::joined(merge.product, side, neighbour);
                    report::report_birth(reports, Birth { merge: number, side, pair, weight, count });
                }
            });
        }
    }

    /// Notes the occurrences of the pairs that the last round gave birth to and that are kept.
    pub(super) fn note(&mut self, reports: &[RwLock<Report>], kept: &[&[u32]]) {
        let reports: Vec<_> = reports.iter().map(|report| report.read().expect("no thread panics")).collect();
        let mut births: Vec<_> =
            reports.iter().zip(kept).map(|(report, kept)| report.births.iter().zip(*kept).peekable()).collect();
        let mut set = Vec::new();
        for merge in 0..self.sides[LEFT].merges() {
            for (keeper, births) in births.iter_mut().enumerate() {
                while let Some((birth, &number)) = births.next_if(|(birth, _)| birth.merge as usize == merge) {
                    if number != UNKEPT {
                        let cursor = self.allot(keeper, number, birth.count);
                        self.sides[birth.side].set(birth.neighbour(), cursor);
                        set.push(birth);
                    }
                }
            }
            if set.is_empty() {
                continue;
            }
            let [left, right] = &mut self.sides;
            left.note(merge, &mut self.occurrences, |neighbour, cell| cell - self.lengths[neighbour as usize]);
            right.note(merge, &mut self.occurrences, |_, cell| cell);
            for birth in set.drain(..) {
                self.sides[birth.side].unset(birth.neighbour());
            }
        }
    }
}

/// A merge under way.
struct Merger<'w> {
    symbols: &'w mut [u32],
    weights: &'w CellWeights,
    hint: usize,
    lengths: &'w [u32],
    sides: &'w mut [Side; 2],
    left: u32,
    right: u32,
    product: u32,
}

impl Merger<'_> {
    /// Merges the pair where it occurs.
    fn merge_all(&mut self, occurrences: &[u32]) {
        for (place, &cell) in occurrences.iter().enumerate() {
            if let Some(&ahead) = occurrences.get(place + AHEAD) {
                arch::prefetch(self.symbols, ahead as usize);
            }
            self.merge_at(cell as usize);
        }
    }

    /// Merges the pair wherever it occurs in the pieces that hold some cells.
    fn merge_in_pieces(&mut self, mut cells: Vec<u32>) {
        cells.sort_unstable();
        let mut done = 0;
        for cell in cells {
            let cell = cell as usize;
            if cell < done {
                continue;
            }
            let gap =
                self.symbols[..cell].iter().rposition(|&symbol| symbol == GAP).expect("a gap precedes each piece");
            done = gap + 1;
            while self.symbols[done] != GAP {
                self.merge_at(done);
                done += self.lengths[self.symbols[done] as usize] as usize;
            }
        }
    }

    /// Merges the pair at a cell, if that is where one begins.
    #[inline(always)]
    fn merge_at(&mut self, begin: usize) {
        let Self { symbols, left, right, product, lengths, .. } = self;
        let middle = begin + lengths[*left as usize] as usize;
        if symbols[begin] != *left || symbols[middle] != *right {
            return;
        }
        let end = middle + lengths[*right as usize] as usize;
        symbols[middle] = DEAD;
        symbols[begin] = *product;
        symbols[end - 1] = *product;
        let (before, after) = (symbols[begin - 1], symbols[end]);
        if before == GAP && after == GAP {
            return;
        }
        let weight = self.weights.at(begin, &mut self.hint);
        if before != GAP {
            self.sides[LEFT].meet(before, begin as u32, weight);
        }
        if after != GAP {
            self.sides[RIGHT].meet(after, begin as u32, weight);
        }
    }
}
