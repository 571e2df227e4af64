//! One thread's pieces as symbols, and the occurrences of pairs in them.
//!
//! **Definition.** All pieces stand in one array with a cell a byte, and a [`GAP`] before each piece and behind the
//! last. A symbol fills as many cells as its token has bytes. Its value stands in its first and its last cell, so both
//! neighbours are found without links. The cells between keep old values. When a symbol becomes the right part of
//! another, its first cell becomes [`DEAD`]. An *occurrence* of a pair (l, r) is the cell where l begins. It is
//! recorded once, when the pair appears there, and never removed.
//!
//! **Claim.** The pair (l, r) still stands at a recorded cell exactly if the cell holds l, and the cell behind the
//! bytes of l holds r.
//!
//! **Proof.** Symbols only grow, and only by joining. Take a cell that was once the first cell of a symbol s of two
//! bytes or more, and that holds s now. It is not the last cell of a symbol, because the symbol that contains it
//! reaches at least to the end of s. So its value was written when s began there. Since then no other symbol has begun
//! there, which would have replaced the value, and s has not become a right part, which would have left `DEAD`. So s
//! still begins there. A cell that holds a single byte never gets this value back once the byte is merged.
//!
//! Pieces are sorted by weight. So a table of the cells where the weight changes, with an index entry for every 64th
//! cell, gives the weight of any cell.

use std::ops::{DerefMut, Range};
use std::sync::RwLock;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::layout::{CellColumn, CellWeights, DEAD, GAP, Layout};
use crate::arch;
use crate::error::Result;
use crate::memory::{Grow, copied, filled};
use crate::train::engine::base_merges::BaseMerges;
use crate::train::engine::deltas::{self, Gain, LEFT, Loss, RIGHT, Report, Side, Tally};
use crate::train::engine::pair::{Pair, PlannedMerge, UNKEPT};
use crate::train::objective::Weights;

/// Number of cells between two calls of `ask`.
const UNASKED: usize = 1 << 16;

/// Number of occurrences between a prefetch and its use.
const AHEAD: usize = 16;

/// With up to this many symbols, the numbers of pairs form a square.
const SQUARE: usize = 1 << 10;

/// Numbers of pairs.
enum PairNumbers {
    /// By both symbols, each below the width.
    Square(usize),
    Map(HashMap<Pair, u32, FxBuildHasher>),
}

impl Default for PairNumbers {
    fn default() -> Self {
        Self::Square(0)
    }
}

impl PairNumbers {
    /// The number of a pair; a pair without a number gets `next`.
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

/// All pairs of one thread's pieces, numbered.
#[derive(Default)]
struct Census {
    numbers: PairNumbers,
    /// The occurrences of each pair in the current column.
    tallies: Vec<(Pair, Tally)>,
    /// The numbers of the pairs that occur in the current column.
    met: Vec<u32>,
    /// The occurrences in all columns: the number of the pair, the column and the weight.
    found: Vec<(u32, u32, u64)>,
    /// The number of occurrences of each pair in all columns.
    counts: Vec<u32>,
}

impl Census {
    fn new(symbols: usize) -> Result<Self> {
        if symbols > SQUARE {
            return Ok(Self { numbers: PairNumbers::Map(HashMap::default()), ..Self::default() });
        }
        let tallies = filled((Pair::new(0, 0), Tally::default()), symbols * symbols)?;
        let counts = filled(0, symbols * symbols)?;
        Ok(Self { numbers: PairNumbers::Square(symbols), tallies, counts, ..Self::default() })
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
    /// Number of bytes of each symbol's token.
    lengths: Vec<u32>,
    longest: usize,
    occurrences: Vec<u32>,
    /// By the thread that keeps the pair, and its number there.
    slices: Vec<Vec<Slice>>,
    /// The neighbours of the merges of a round, on the left and on the right.
    sides: [Side; 2],
    /// The numbers of all reported pairs, until their occurrences are recorded.
    numbers: PairNumbers,
}

impl Words {
    /// Thread `me`'s part of the pieces, with the base merges applied. Here and below, `ask` is called at intervals; its error
    /// stops the work.
    pub(crate) fn new(
        weights: &Weights,
        known: &BaseMerges,
        longest: usize,
        me: usize,
        threads: usize,
        ask: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Self> {
        let mut words = Self {
            layout: Layout::new(weights, known, me, threads, ask)?,
            lengths: Vec::new(),
            longest,
            occurrences: Vec::new(),
            slices: vec![Vec::new(); threads],
            sides: [Side::default(), Side::default()],
            numbers: PairNumbers::default(),
        };
        words.resize(known.lengths.len())?;
        words.lengths.copy_from_slice(&known.lengths);
        Ok(words)
    }

    /// The sum of the weights times the lengths of pieces, before fairness.
    pub(crate) fn total(&self) -> u64 {
        self.layout.total
    }

    /// The number of tokens of each priced column.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = u64> {
        self.layout.columns.iter().map(|column| column.tokens)
    }

    /// Bytes of memory in use, except memory that only grows with the number of tokens.
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

    /// Calls `sink` with every pair in a range of cells that begins with a gap, and with its cell, until it fails.
    fn for_each_pair(
        symbols: &[u32],
        cells: &Range<u32>,
        lengths: &[u32],
        ask: &mut dyn FnMut() -> Result<()>,
        mut sink: impl FnMut(u32, u32, usize) -> Result<()>,
    ) -> Result<()> {
        let (mut cell, end) = (cells.start as usize, cells.end as usize);
        let mut left = GAP;
        while cell < end {
            let stretch = end.min(cell + UNASKED);
            while cell < stretch {
                let next = cell + if left == GAP { 1 } else { lengths[left as usize] as usize };
                let right = symbols[next];
                if left != GAP && right != GAP {
                    sink(left, right, cell)?;
                }
                (cell, left) = (next, right);
            }
            if cell < end {
                ask()?;
            }
        }
        Ok(())
    }

    /// Reports all pairs as gained, and removes all occurrences.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory), as in the methods below. Words and reports must then be dropped.
    pub(crate) fn report_all(&mut self, reports: &[RwLock<Report>], ask: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        self.occurrences.clear();
        self.slices.iter_mut().for_each(Vec::clear);
        let mut census = Census::new(self.lengths.len())?;
        let Layout { symbols, weights, columns, .. } = &self.layout;
        for (column, CellColumn { cells, counts, .. }) in columns.iter().enumerate() {
            let mut hint = 0;
            Self::for_each_pair(symbols, cells, &self.lengths, ask, |left, right, cell| {
                let weight = if *counts { weights.at(cell, &mut hint) } else { 0 };
                census.meet(left, right, weight)
            })?;
            census.end_column(column as u32)?;
        }
        let threads = reports.len();
        let mut reports = deltas::write_all(reports);
        for report in &mut reports {
            report.gains.clear();
            report.losses.clear();
            report.gains.try_reserve(census.found.len() / threads)?;
        }
        for (number, column, weight) in census.found {
            let pair = census.tallies[number as usize].0;
            let (left, right) = pair.symbols();
            let length = (self.lengths[left as usize] + self.lengths[right as usize]) as usize;
            // Two bytes may always be merged.
            if length == 2 || length < self.longest {
                let count = std::mem::take(&mut census.counts[number as usize]);
                let gain = Gain { merge: 0, side: RIGHT as u32, pair, column, weight, count };
                deltas::report_gain(&mut reports, gain)?;
            }
        }
        self.numbers = census.numbers;
        Ok(())
    }

    /// Records the occurrences of the kept pairs that [`report_all`](Self::report_all) reported.
    pub(crate) fn note_all(
        &mut self,
        reports: &[RwLock<Report>],
        kept: &[&[u32]],
        ask: &mut dyn FnMut() -> Result<()>,
    ) -> Result<()> {
        const UNNOTED: usize = usize::MAX;
        let mut numbers = std::mem::replace(&mut self.numbers, PairNumbers::Square(0));
        let mut cursors = match &numbers {
            PairNumbers::Square(width) => filled(UNNOTED, width * width)?,
            PairNumbers::Map(map) => filled(UNNOTED, map.len())?,
        };
        for (keeper, (report, kept)) in reports.iter().zip(kept).enumerate() {
            for (gain, &number) in report.read().expect("no thread panics").gains.iter().zip(*kept) {
                if number != UNKEPT && gain.count > 0 {
                    let (left, right) = gain.pair.symbols();
                    cursors[numbers.of(left, right, 0)?] = self.allot(keeper, number, gain.count)?;
                }
            }
        }
        let cells = 0..self.layout.symbols.len() as u32 - 1;
        Self::for_each_pair(&self.layout.symbols, &cells, &self.lengths, ask, |left, right, cell| {
            let cursor = &mut cursors[numbers.of(left, right, 0)?];
            if *cursor != UNNOTED {
                self.occurrences[*cursor] = cell as u32;
                *cursor += 1;
            }
            Ok(())
        })
    }

    /// Makes room for more occurrences of a pair behind its present occurrences, and returns the place of the first.
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

    /// Makes the merges of a round in their order, and reports the changes.
    pub(crate) fn merge(&mut self, round: &[PlannedMerge], reports: &[RwLock<Report>]) -> Result<()> {
        let mut reports = deltas::write_all(reports);
        for report in &mut reports {
            report.gains.clear();
            report.losses.clear();
        }
        self.sides.iter_mut().for_each(Side::clear);
        for (number, merge) in round.iter().enumerate() {
            let (left, right) = merge.pair.symbols();
            self.resize(merge.product as usize + 1)?;
            self.lengths[merge.product as usize] = self.lengths[left as usize] + self.lengths[right as usize];
            let slice = self.slices[merge.keeper].get(merge.number as usize).copied().unwrap_or_default();
            let occurrences = &self.occurrences[slice.range()];
            let mut merger = PairMerger {
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

    /// Reports the changes of a merge.
    fn report(
        &mut self,
        merge: &PlannedMerge,
        number: u32,
        reports: &mut [impl DerefMut<Target = Report>],
    ) -> Result<()> {
        let (left, right) = merge.pair.symbols();
        let length = self.lengths[merge.product as usize] as usize;
        for (side, lost) in [(LEFT, left), (RIGHT, right)] {
            self.sides[side].end_merge(|neighbour, column, Tally { weight, count }| {
                if self.layout.columns[column as usize].counts {
                    let pair = deltas::joined(lost, side, neighbour);
                    deltas::report_loss(reports, Loss { merge: number, column, pair, weight })?;
                }
                if self.lengths[neighbour as usize] as usize + length < self.longest {
                    let pair = deltas::joined(merge.product, side, neighbour);
                    let side = side as u32;
                    deltas::report_gain(reports, Gain { merge: number, side, pair, column, weight, count })?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Records the occurrences of the kept pairs that appeared in the last round.
    pub(crate) fn note(&mut self, reports: &[RwLock<Report>], kept: &[&[u32]]) -> Result<()> {
        let reports: Vec<_> = reports.iter().map(|report| report.read().expect("no thread panics")).collect();
        let mut gains: Vec<_> =
            reports.iter().zip(kept).map(|(report, kept)| report.gains.iter().zip(*kept).peekable()).collect();
        let mut set = Vec::new();
        for merge in 0..self.sides[LEFT].merges() {
            for (keeper, gains) in gains.iter_mut().enumerate() {
                while let Some((gain, &number)) = gains.next_if(|(gain, _)| gain.merge as usize == merge) {
                    if number != UNKEPT && gain.count > 0 {
                        let cursor = self.allot(keeper, number, gain.count)?;
                        self.sides[gain.side as usize].set(gain.neighbour(), cursor);
                        set.try_push(gain)?;
                    }
                }
            }
            if set.is_empty() {
                continue;
            }
            let [left, right] = &mut self.sides;
            left.note(merge, &mut self.occurrences, |neighbour, cell| cell - self.lengths[neighbour as usize]);
            right.note(merge, &mut self.occurrences, |_, cell| cell);
            for gain in set.drain(..) {
                self.sides[gain.side as usize].unset(gain.neighbour());
            }
        }
        Ok(())
    }
}

/// The column in which a merge is under way.
#[derive(Default)]
struct Present {
    cells: Range<u32>,
    counts: bool,
    is_priced: bool,
    /// Number of tokens by which the text has become shorter.
    saved: u64,
}

/// A merge under way.
struct PairMerger<'w> {
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

impl PairMerger<'_> {
    /// Makes room for the neighbours of `merges` merges, on each side.
    fn make_room(&mut self, merges: usize) -> Result<()> {
        self.sides.iter_mut().try_for_each(|side| side.make_room(merges))
    }

    /// Merges the pair at its occurrences.
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

    /// Merges the pair everywhere in the pieces that hold the given cells.
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

    /// Merges the pair at a cell if it stands there. There must be room for its neighbours.
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

    /// Ends the current column.
    fn end_column(&mut self) -> Result<()> {
        if let Some(column) = self.columns.get_mut(self.column).filter(|column| column.is_priced) {
            column.tokens -= std::mem::take(&mut self.present.saved);
        }
        self.sides.iter_mut().try_for_each(|side| side.end_column(self.column as u32))
    }
}
