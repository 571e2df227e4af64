//! Pieces in one array of cells, column by column, and their weights.

use std::ops::Range;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::bpe::Merger;
use crate::count::SHARDS;
use crate::error::{Error, Result};
use crate::memory::{Grow, Zeroed, collect};
use crate::train::engine::base_merges::BaseMerges;
use crate::train::objective::{Weights, too_large};

/// The cell between two pieces.
pub(crate) const GAP: u32 = u32::MAX;

/// The first cell of a symbol that has become the right part of another.
pub(crate) const DEAD: u32 = u32::MAX - 1;

/// Number of cells between entries of the index of weights.
const STRIDE: usize = 64;

/// Pieces of two bytes or more, the heaviest first in each column. A byte takes a cell; a [`GAP`] stands before each
/// piece and behind the last.
pub(crate) struct Layout {
    pub(crate) symbols: Zeroed<u32>,
    pub(crate) weights: CellWeights,
    pub(crate) columns: Vec<CellColumn>,
    /// The sum of the weights times the lengths of pieces, before fairness.
    pub(crate) total: u64,
}

/// The cells of one column.
pub(crate) struct CellColumn {
    pub(crate) cells: Range<u32>,
    /// Whether its occurrences count.
    pub(crate) counts: bool,
    pub(crate) is_priced: bool,
    /// The number of its tokens if it is priced, including pieces of one byte.
    pub(crate) tokens: u64,
}

/// The weights of the pieces, by cell. Pieces are sorted by weight, so the cells where it changes are enough.
pub(crate) struct CellWeights {
    /// The cells where the weight changes, and the new weights.
    changes: Vec<(u32, u64)>,
    /// The change in force at every `STRIDE`th cell.
    index: Vec<u32>,
}

impl CellWeights {
    fn new(mut changes: Vec<(u32, u64)>, cells: usize) -> Result<Self> {
        changes.try_resize(changes.len().max(1), (0, 0))?;
        changes.try_push((u32::MAX, 0))?;
        let mut change = 0;
        let index = (0..cells).step_by(STRIDE).map(|cell| {
            while changes[change + 1].0 as usize <= cell {
                change += 1;
            }
            change as u32
        });
        Ok(Self { index: collect(index)?, changes })
    }

    /// The weight at a cell. `hint` is a change in force near the cell, and becomes the one in force at the cell. So
    /// neighbouring cells find theirs at once.
    #[inline(always)]
    pub(crate) fn at(&self, cell: usize, hint: &mut usize) -> u64 {
        if !(self.changes[*hint].0 as usize..self.changes[*hint + 1].0 as usize).contains(&cell) {
            *hint = self.index[cell / STRIDE] as usize;
            while self.changes[*hint + 1].0 as usize <= cell {
                *hint += 1;
            }
        }
        self.changes[*hint].1
    }
}

/// Gives each weight of a column its cells, from the heaviest on. `cells` has the number of cells for each weight; their
/// first cell takes its place. Returns the cell behind the last one.
fn place_classes(
    cells: &mut HashMap<u64, usize, FxBuildHasher>,
    first: usize,
    changes: &mut Vec<(u32, u64)>,
) -> Result<usize> {
    let mut classes = collect(cells.iter().map(|(&weight, &cells)| (weight, cells)))?;
    classes.sort_unstable_by(|a, b| b.cmp(a));
    changes.try_reserve(classes.len() + 1)?;
    let mut next = first;
    for (weight, length) in classes {
        changes.push((next as u32, weight));
        cells.insert(weight, next);
        next += length;
        if next >= DEAD as usize {
            let reason = "4 GiB of unique pieces a thread or more: use more threads, or drop rare pieces";
            return Err(Error::corpus("counts", reason));
        }
    }
    Ok(next)
}

/// Number of pieces between two calls of `ask`.
const UNASKED: usize = 1 << 13;

impl Layout {
    /// Lays out thread `me`'s part of the pieces, with the base merges applied. Reads the pieces twice, so that only
    /// the result takes memory. `ask` is called at intervals; its error stops the work.
    pub(crate) fn new(
        weights: &Weights,
        known: &BaseMerges,
        me: usize,
        threads: usize,
        ask: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Self> {
        let shards = || (me..SHARDS).step_by(threads);
        let mut columns = Vec::with_capacity(weights.columns.len());
        // By column and weight: the number of cells of the pieces, and later the cell of the next piece.
        let mut places: Vec<HashMap<u64, usize, FxBuildHasher>> = Vec::with_capacity(weights.columns.len());
        let mut changes = Vec::new();
        let mut next = 0;
        let mut total = 0_u128;
        let mut asked = 0_usize;
        for column in &weights.columns {
            let mut cells: HashMap<u64, usize, FxBuildHasher> = HashMap::default();
            let (mut sum, mut single) = (0_u128, 0_u128);
            column.for_each_piece(shards(), |piece, weight| {
                asked = asked.wrapping_add(1);
                if asked.is_multiple_of(UNASKED) {
                    ask()?;
                }
                if is_laid_out(piece, weight) {
                    cells.try_reserve(1)?;
                    *cells.entry(weight).or_default() += piece.len() + 1;
                    sum += u128::from(weight) * piece.len() as u128;
                } else if column.is_priced {
                    single += u128::from(weight);
                }
                Ok(())
            })?;
            total += sum * u128::from(column.factor);
            // The threads' totals are checked when they are added up. Prices are added up without a check, so this part times
            // the number of threads must fit.
            let priced = if column.is_priced { (sum + single) * threads as u128 } else { 0 };
            if total.max(priced) >= 1 << 63 {
                return Err(too_large());
            }
            let first = next;
            next = place_classes(&mut cells, first, &mut changes)?;
            places.push(cells);
            let (counts, is_priced) = (column.factor > 0, column.is_priced);
            columns.push(CellColumn { cells: first as u32..next as u32, counts, is_priced, tokens: 0 });
        }
        let mut symbols = Zeroed::new(next + 1)?;
        let (mut merger, mut tokens) = (Merger::new()?, Vec::new());
        for ((column, places), cells) in weights.columns.iter().zip(&mut places).zip(&mut columns) {
            column.for_each_piece(shards(), |piece, weight| {
                asked = asked.wrapping_add(1);
                if asked.is_multiple_of(UNASKED) {
                    ask()?;
                }
                if is_laid_out(piece, weight) {
                    let cell = places.get_mut(&weight).expect("every weight has been met");
                    symbols[*cell] = GAP;
                    *cell += 1;
                    known.merge(&mut merger, piece, &mut tokens)?;
                    for &token in &tokens {
                        let length = known.lengths[token as usize] as usize;
                        symbols[*cell] = token;
                        symbols[*cell + length - 1] = token;
                        *cell += length;
                    }
                    if column.is_priced {
                        cells.tokens += weight * tokens.len() as u64;
                    }
                } else if column.is_priced {
                    cells.tokens += weight;
                }
                Ok(())
            })?;
        }
        symbols[next] = GAP;
        Ok(Self { symbols, weights: CellWeights::new(changes, next + 1)?, columns, total: total as u64 })
    }

    /// The column of a cell. The search begins at column `before` if the cell lies behind its start, or else at the
    /// first column.
    pub(crate) fn column(columns: &[CellColumn], cell: u32, before: usize) -> usize {
        let from = if columns[before].cells.start <= cell { before } else { 0 };
        from + columns[from..].iter().position(|column| cell < column.cells.end).expect("pieces end before columns do")
    }
}

fn is_laid_out(piece: &[u8], weight: u64) -> bool {
    piece.len() > 1 && weight > 0
}
