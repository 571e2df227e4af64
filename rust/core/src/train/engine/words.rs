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

use super::layout::{CellColumn, CellWeights, DEAD, GAP, Layout};
use crate::arch;
use crate::error::Result;
use crate::memory::{Grow, copied, filled};
use crate::train::engine::base_merges::Known;
use crate::train::engine::deltas::{self, Birth, Death, LEFT, RIGHT, Report, Side, Tally};
use crate::train::engine::pair::{Merge, Pair, UNKEPT};
use crate::train::objective::Weights;

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

impl Default for Numbers {
    fn default() -> Self {
        Self::Square(0)
    }
}

impl Numbers {
    /// The number of a pair; with `next` for one that has none.
    fn of(&mut self, left: u32, right: u32, next: usize) -> Result<usize> {
        Ok(match self {
            Self::Square(width) => left as usize * *width + right as usize,
            Self::Map(map) => {
                map.try_reserve(1)?;
                *map.entry(Pair::new(left, right)).or_insert(next as u32) as usize
            }
        })
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

/// All pairs of one thread's pieces, with numbers.
#[derive(Default)]
struct Census {
    numbers: Numbers,
    /// What of each occurs in the present column.
    tallies: Vec<(Pair, Tally)>,
    /// The numbers of those that do.
    met: Vec<u32>,
    /// What occurs in all columns: the number, the column and the weight.
    found: Vec<(u32, u32, u64)>,
    /// How many occurrences of each there are in all columns.
    counts: Vec<u32>,
}

impl Census {
    fn new(symbols: usize) -> Result<Self> {
        if symbols > SQUARE {
            return Ok(Self { numbers: Numbers::Map(HashMap::default()), ..Self::default() });
        }
        let tallies = filled((Pair::new(0, 0), Tally::default()), symbols * symbols)?;
        let counts = filled(0, symbols * symbols)?;
        Ok(Self { numbers: Numbers::Square(symbols), tallies, counts, ..Self::default() })
    }

    #[inline(always)]
    fn meet(&mut self, left: u32, right: u32, weight: u64) -> Result<()> {
        let number = self.numbers.of(left, right, self.tallies.len())?;
        if number == self.tallies.len() {
            self.tallies.try_push((Pair::new(0, 0), Tally::default()))?;
            self.counts.try_push(0)?;
        }
        let (pair, tally) = &mut self.tallies[number];
        if tally.count == 0 {
            *pair = Pair::new(left, right);
            self.met.try_push(number as u32)?;
        }
        tally.add(weight);
        Ok(())
    }

    fn end_column(&mut self, column: u32) -> Result<()> {
        self.found.try_reserve(self.met.len())?;
        for number in self.met.drain(..) {
            let Tally { weight, count } = std::mem::take(&mut self.tallies[number as usize].1);
            self.counts[number as usize] += count;
            self.found.push((number, column, weight));
        }
        Ok(())
    }
}

/// One thread's pieces.
pub(crate) struct Words {
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
    pub(crate) fn new(weights: &Weights, known: &Known, longest: usize, me: usize, threads: usize) -> Result<Self> {
        let mut words = Self {
            layout: Layout::new(weights, known, me, threads)?,
            lengths: Vec::new(),
            longest,
            occurrences: Vec::new(),
            slices: vec![Vec::new(); threads],
            sides: [Side::default(), Side::default()],
            numbers: Numbers::default(),
        };
        words.resize(known.lengths.len())?;
        words.lengths.copy_from_slice(&known.lengths);
        Ok(words)
    }

    /// The sum of the weights times the lengths of pieces, before fairness.
    pub(crate) fn total(&self) -> u64 {
        self.layout.total
    }

    /// The tokens of each column that is priced.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = u64> {
        self.layout.columns.iter().map(|column| column.tokens)
    }

    /// Bytes of memory in use, but for what only grows with the number of tokens.
    pub(crate) fn memory(&self) -> usize {
        let slices: usize = self.slices.iter().map(|slices| size_of_val(slices.as_slice())).sum();
        size_of_val(&*self.layout.symbols) + size_of_val(self.occurrences.as_slice()) + slices
    }

    /// Makes room for this many symbols.
    fn resize(&mut self, symbols: usize) -> Result<()> {
        if self.lengths.len() < symbols {
            self.sides.iter_mut().try_for_each(|side| side.resize(symbols))?;
            self.lengths.try_resize(symbols, 0)?;
        }
        Ok(())
    }

    /// Calls `sink` with every pair in some cells that begin with a gap, and the cell where it begins, until it fails.
    fn for_each_pair(
        symbols: &[u32],
        cells: &Range<u32>,
        lengths: &[u32],
        mut sink: impl FnMut(u32, u32, usize) -> Result<()>,
    ) -> Result<()> {
        let mut cell = cells.start as usize;
        let mut left = GAP;
        while cell < cells.end as usize {
            let next = cell + if left == GAP { 1 } else { lengths[left as usize] as usize };
            let right = symbols[next];
            if left != GAP && right != GAP {
                sink(left, right, cell)?;
            }
            (cell, left) = (next, right);
        }
        Ok(())
    }

    /// Reports every pair there is as born, and forgets all occurrences.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory), here and below: neither words nor reports are of use then.
    pub(crate) fn report_all(&mut self, reports: &[RwLock<Report>]) -> Result<()> {
        self.occurrences.clear();
        self.slices.iter_mut().for_each(Vec::clear);
        let mut census = Census::new(self.lengths.len())?;
        let Layout { symbols, weights, columns, .. } = &self.layout;
        for (column, CellColumn { cells, counts, .. }) in columns.iter().enumerate() {
            let mut hint = 0;
            Self::for_each_pair(symbols, cells, &self.lengths, |left, right, cell| {
                let weight = if *counts { weights.at(cell, &mut hint) } else { 0 };
                census.meet(left, right, weight)
            })?;
            census.end_column(column as u32)?;
        }
        let threads = reports.len();
        let mut reports = deltas::write_all(reports);
        for report in &mut reports {
            report.births.clear();
            report.deaths.clear();
            report.births.try_reserve(census.found.len() / threads)?;
        }
        for (number, column, weight) in census.found {
            let pair = census.tallies[number as usize].0;
            let (left, right) = pair.symbols();
            let length = (self.lengths[left as usize] + self.lengths[right as usize]) as usize;
            // Two bytes may always be merged.
            if length == 2 || length < self.longest {
                let count = std::mem::take(&mut census.counts[number as usize]);
                let birth = Birth { merge: 0, side: RIGHT as u32, pair, column, weight, count };
                deltas::report_birth(&mut reports, birth)?;
            }
        }
        self.numbers = census.numbers;
        Ok(())
    }

    /// Notes the occurrences of the pairs that [`report_all`](Self::report_all) reported and that are kept.
    pub(crate) fn note_all(&mut self, reports: &[RwLock<Report>], kept: &[&[u32]]) -> Result<()> {
        const UNNOTED: usize = usize::MAX;
        let mut numbers = std::mem::replace(&mut self.numbers, Numbers::Square(0));
        let mut cursors = match &numbers {
            Numbers::Square(width) => filled(UNNOTED, width * width)?,
            Numbers::Map(map) => filled(UNNOTED, map.len())?,
        };
        for (keeper, (report, kept)) in reports.iter().zip(kept).enumerate() {
            for (birth, &number) in report.read().expect("no thread panics").births.iter().zip(*kept) {
                if number != UNKEPT && birth.count > 0 {
                    let (left, right) = birth.pair.symbols();
                    cursors[numbers.of(left, right, 0)?] = self.allot(keeper, number, birth.count)?;
                }
            }
        }
        let cells = 0..self.layout.symbols.len() as u32 - 1;
        Self::for_each_pair(&self.layout.symbols, &cells, &self.lengths, |left, right, cell| {
            let cursor = &mut cursors[numbers.of(left, right, 0)?];
            if *cursor != UNNOTED {
                self.occurrences[*cursor] = cell as u32;
                *cursor += 1;
            }
            Ok(())
        })
    }

    /// Makes room for more occurrences of a pair, next to those it has, and returns where they go.
    fn allot(&mut self, keeper: usize, number: u32, count: u32) -> Result<usize> {
        let slices = &mut self.slices[keeper];
        if slices.len() <= number as usize {
            slices.try_resize(number as usize + 1, Slice::default())?;
        }
        let slice = &mut slices[number as usize];
        let old = slice.range();
        slice.start = self.occurrences.len();
        slice.count += count;
        self.occurrences.try_reserve(old.len() + count as usize)?;
        self.occurrences.extend_from_within(old);
        let cursor = self.occurrences.len();
        self.occurrences.resize(cursor + count as usize, 0);
        Ok(cursor)
    }

    /// Merges the pairs of a round in their order, and reports what that did.
    pub(crate) fn merge(&mut self, round: &[Merge], reports: &[RwLock<Report>]) -> Result<()> {
        let mut reports = deltas::write_all(reports);
        for report in &mut reports {
            report.births.clear();
            report.deaths.clear();
        }
        self.sides.iter_mut().for_each(Side::clear);
        for (number, merge) in round.iter().enumerate() {
            let (left, right) = merge.pair.symbols();
            self.resize(merge.product as usize + 1)?;
            self.lengths[merge.product as usize] = self.lengths[left as usize] + self.lengths[right as usize];
            let slice = self.slices[merge.keeper].get(merge.number as usize).copied().unwrap_or_default();
            let occurrences = &self.occurrences[slice.range()];
            let mut merger = Merger {
                symbols: &mut self.layout.symbols,
                weights: &self.layout.weights,
                hint: 0,
                columns: &mut self.layout.columns,
                column: 0,
                present: Present::default(),
                lengths: &self.lengths,
                sides: &mut self.sides,
                left,
                right,
                product: merge.product,
            };
            if merge.whole_pieces {
                merger.merge_in_pieces(copied(occurrences)?)?;
            } else {
                merger.merge_all(occurrences)?;
            }
            merger.end_column()?;
            self.report(merge, number as u32, &mut reports)?;
        }
        Ok(())
    }

    /// Reports what a merge met.
    fn report(&mut self, merge: &Merge, number: u32, reports: &mut [impl DerefMut<Target = Report>]) -> Result<()> {
        let (left, right) = merge.pair.symbols();
        let length = self.lengths[merge.product as usize] as usize;
        for (side, lost) in [(LEFT, left), (RIGHT, right)] {
            self.sides[side].end_merge(|neighbour, column, Tally { weight, count }| {
                if self.layout.columns[column as usize].counts {
                    let pair = deltas::joined(lost, side, neighbour);
                    deltas::report_death(reports, Death { merge: number, column, pair, weight })?;
                }
                if self.lengths[neighbour as usize] as usize + length < self.longest {
                    let pair = deltas::joined(merge.product, side, neighbour);
                    let side = side as u32;
                    deltas::report_birth(reports, Birth { merge: number, side, pair, column, weight, count })?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Notes the occurrences of the pairs that the last round gave birth to and that are kept.
    pub(crate) fn note(&mut self, reports: &[RwLock<Report>], kept: &[&[u32]]) -> Result<()> {
        let reports: Vec<_> = reports.iter().map(|report| report.read().expect("no thread panics")).collect();
        let mut births: Vec<_> =
            reports.iter().zip(kept).map(|(report, kept)| report.births.iter().zip(*kept).peekable()).collect();
        let mut set = Vec::new();
        for merge in 0..self.sides[LEFT].merges() {
            for (keeper, births) in births.iter_mut().enumerate() {
                while let Some((birth, &number)) = births.next_if(|(birth, _)| birth.merge as usize == merge) {
                    if number != UNKEPT && birth.count > 0 {
                        let cursor = self.allot(keeper, number, birth.count)?;
                        self.sides[birth.side as usize].set(birth.neighbour(), cursor);
                        set.try_push(birth)?;
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
                self.sides[birth.side as usize].unset(birth.neighbour());
            }
        }
        Ok(())
    }
}

/// The column where a merge is under way.
#[derive(Default)]
struct Present {
    cells: Range<u32>,
    counts: bool,
    is_priced: bool,
    /// By how many tokens the text has become shorter.
    saved: u64,
}

/// A merge under way.
struct Merger<'w> {
    symbols: &'w mut [u32],
    weights: &'w CellWeights,
    hint: usize,
    columns: &'w mut [CellColumn],
    column: usize,
    present: Present,
    lengths: &'w [u32],
    sides: &'w mut [Side; 2],
    left: u32,
    right: u32,
    product: u32,
}

impl Merger<'_> {
    /// Makes room for what so many merges meet, on each side.
    fn make_room(&mut self, merges: usize) -> Result<()> {
        self.sides.iter_mut().try_for_each(|side| side.make_room(merges))
    }

    /// Merges the pair where it occurs.
    fn merge_all(&mut self, occurrences: &[u32]) -> Result<()> {
        self.make_room(occurrences.len())?;
        for (place, &cell) in occurrences.iter().enumerate() {
            if let Some(&ahead) = occurrences.get(place + AHEAD) {
                arch::prefetch(self.symbols, ahead as usize);
            }
            self.merge_at(cell as usize)?;
        }
        Ok(())
    }

    /// Merges the pair wherever it occurs in the pieces that hold some cells.
    fn merge_in_pieces(&mut self, mut cells: Vec<u32>) -> Result<()> {
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
                self.make_room(1)?;
                self.merge_at(done)?;
                done += self.lengths[self.symbols[done] as usize] as usize;
            }
        }
        Ok(())
    }

    /// Merges the pair at a cell, if that is where one begins. There is room for what it meets.
    #[inline(always)]
    fn merge_at(&mut self, begin: usize) -> Result<()> {
        let Self { symbols, left, right, product, lengths, .. } = self;
        let middle = begin + lengths[*left as usize] as usize;
        if symbols[begin] != *left || symbols[middle] != *right {
            return Ok(());
        }
        let end = middle + lengths[*right as usize] as usize;
        symbols[middle] = DEAD;
        symbols[begin] = *product;
        symbols[end - 1] = *product;
        let (before, after) = (symbols[begin - 1], symbols[end]);
        if !self.present.cells.contains(&(begin as u32)) {
            self.enter_column(begin as u32)?;
        }
        if before == GAP && after == GAP && !self.present.is_priced {
            return Ok(());
        }
        let weight = self.weights.at(begin, &mut self.hint);
        self.present.saved += weight;
        let weight = if self.present.counts { weight } else { 0 };
        if before != GAP {
            self.sides[LEFT].meet(before, begin as u32, weight);
        }
        if after != GAP {
            self.sides[RIGHT].meet(after, begin as u32, weight);
        }
        Ok(())
    }

    #[cold]
    fn enter_column(&mut self, cell: u32) -> Result<()> {
        self.end_column()?;
        self.column = Layout::column(self.columns, cell, self.column);
        let CellColumn { cells, counts, is_priced, .. } = &self.columns[self.column];
        self.present = Present { cells: cells.clone(), counts: *counts, is_priced: *is_priced, saved: 0 };
        Ok(())
    }

    /// Ends what was merged in the present column.
    fn end_column(&mut self) -> Result<()> {
        if let Some(column) = self.columns.get_mut(self.column).filter(|column| column.is_priced) {
            column.tokens -= std::mem::take(&mut self.present.saved);
        }
        self.sides.iter_mut().try_for_each(|side| side.end_column(self.column as u32))
    }
}
