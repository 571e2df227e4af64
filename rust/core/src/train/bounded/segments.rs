//! Segments: the parts of pieces that can still change, under a memory limit.
//!
//! **Definition.** All pieces and their weights stand on disk. Given the merges so far and a floor, [`PieceStore::cut`]
//! divides each piece between any two symbols whose pair weighs less than the floor. The parts of at least two symbols
//! are the *segments*. Equal segments become one, with the sum of their weights. A pair that is divided is a *cut
//! pair*.
//!
//! **Claim.** As long as a pair weighs the floor or more, training on the segments makes the same merges as training on
//! the pieces, if no token is made twice.
//!
//! **Proof.** A pair is cut wherever it occurs or nowhere, because its weight is the same everywhere.
//!
//! 1. *Pairs that exist at the cut.* A pair that is not cut weighs the same in the segments and in the pieces. A cut
//!    pair weighs less than the floor, and is not merged.
//! 2. *Pairs (x, y) that appear later.* Each token has been made from one pair only. So it begins with the same old
//!    symbol and ends with the same old symbol wherever it stands. Each occurrence of (x, y) therefore stands where the
//!    last old symbol of x meets the first old symbol of y, and this pair of old symbols is the same for all
//!    occurrences. If it is not a cut pair, no occurrence is at a cut, and (x, y) weighs the same in both. If it is a
//!    cut pair, (x, y) weighs at most as much as it, less than the floor, and is not merged. ∎
//!
//! A segment need not store its symbols: nothing was merged across a cut, so the merges turn the bytes of a segment
//! into the same symbols as within the piece.
//!
//! The pairs below a floor are found with a count-min [`Sketch`], which never underestimates a weight. In doubt, a pair
//! is not cut.

use std::sync::RwLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::arch::return_free_memory;
use crate::bpe::Merger;
use crate::count::{Language, Run, SHARDS, Shard, SharedTable, Writer};
use crate::error::Result;
use crate::memory::Grow;
use crate::threads;
use crate::train::bounded::count_min::{Floors, Sketch};
use crate::train::engine::base_merges::BaseMerges;
use crate::train::objective::{Column, too_large};

/// The least and the most that a full table keeps when it is cut again, in eighths of the occurrences. Each cut goes over the whole
/// table: eighth by eighth, the first phase took seventeen cuts.
const LEAST_KEPT: u64 = 4;
const MOST_KEPT: u64 = 7;

/// The size of pieces or segments.
#[derive(Debug, Default)]
pub(crate) struct Size {
    /// Bytes of pieces, and one more for each piece.
    pub(crate) cells: AtomicUsize,
    /// Number of pairs in them.
    pub(crate) pairs: AtomicUsize,
}

impl Size {
    fn add(&self, bytes: usize, symbols: usize) {
        self.cells.fetch_add(bytes + 1, Ordering::Relaxed);
        self.pairs.fetch_add(symbols - 1, Ordering::Relaxed);
    }

    /// Bytes of memory that training on them takes. A cell is a symbol. An occurrence of a pair is recorded when the
    /// pair appears; each merge makes two pairs appear.
    pub(crate) fn memory(&self) -> usize {
        4 * self.cells.load(Ordering::Relaxed) + 12 * self.pairs.load(Ordering::Relaxed)
    }
}

/// All pieces of two bytes or more and their weights, on disk.
pub(crate) struct PieceStore {
    pub(crate) language: Language,
    threads: usize,
    longest: usize,
    pub(crate) size: Size,
}

/// Segments on disk.
pub(crate) struct Segments {
    pub(crate) language: Language,
    /// More than the weight of any cut pair.
    pub(crate) floor: u64,
    pub(crate) size: Size,
    /// Bytes of memory that their table took.
    pub(crate) table: usize,
}

impl PieceStore {
    /// Writes the pieces to the disk.
    pub(crate) fn new(
        column: &Column,
        threads: usize,
        longest: usize,
        report: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Self> {
        let (mut writer, size, mut total) = (Writer::new()?, Size::default(), 0_u128);
        for number in 0..SHARDS {
            report()?;
            column.merge_pieces(number, |piece, weight| {
                if piece.len() < 2 || weight == 0 {
                    return Ok(());
                }
                size.add(piece.len(), piece.len());
                total += u128::from(weight) * piece.len() as u128;
                writer.add(piece, weight)
            })?;
            writer.end_shard();
        }
        if total >= 1 << 63 {
            return Err(too_large());
        }
        Ok(Self { language: Language::of_run(writer.finish()?), threads, longest, size })
    }

    /// Calls `work` with the number of every shard, on all threads, and `report` between the shards.
    fn on_all(
        &self,
        report: &mut dyn FnMut() -> Result<()>,
        work: impl Fn(usize, &mut dyn FnMut() -> Result<()>) -> Result<()> + Sync,
    ) -> Result<()> {
        let next = AtomicUsize::new(0);
        let some = |report: &mut dyn FnMut() -> Result<()>| {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= SHARDS {
                    return Ok(());
                }
                if let Err(error) = work(number, report) {
                    next.store(SHARDS, Ordering::Relaxed);
                    return Err(error);
                }
            }
        };
        thread::scope(|scope| {
            let other = |_| threads::start(scope, || some(&mut || Ok(())));
            let others: Vec<_> = (1..self.threads).map_while(other).collect();
            let own = some(report);
            others.into_iter().map(threads::join).fold(own, Result::and)
        })
    }

    /// Calls `sink` with the pieces of a shard, as [`Batch`]es.
    fn for_each_batch(
        &self,
        number: usize,
        known: &BaseMerges,
        mut sink: impl FnMut(&Batch) -> Result<()>,
    ) -> Result<()> {
        let mut batch = Batch::new()?;
        self.language.for_each_in(number, |piece, weight| {
            if batch.is_full() {
                batch.merge(known)?;
                sink(&batch)?;
                batch.clear();
            }
            batch.push(piece, weight)
        })?;
        batch.merge(known)?;
        sink(&batch)
    }

    /// The weights of pairs after some merges. `report` is called at intervals; its failure stops the work.
    pub(crate) fn sketch(
        &self,
        known: &BaseMerges,
        bytes: usize,
        report: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Sketch> {
        let sketch = Sketch::new(bytes)?;
        self.on_all(report, |number, report| {
            self.for_each_batch(number, known, |batch| {
                for (_, weight, symbols) in batch.pieces() {
                    for pair in symbols.windows(2).filter(|pair| self.may_join(known, pair[0], pair[1])) {
                        sketch.add(pair[0], pair[1], weight);
                    }
                }
                report()
            })
        })?;
        Ok(sketch)
    }

    /// The segments of the first floor, from `floor` upwards, at which they fit. `fits` is given the floor, the bytes
    /// of their table, and their size.
    pub(crate) fn cut(
        &self,
        known: &BaseMerges,
        sketch: &Sketch,
        floors: &Floors,
        floor: u64,
        fits: &(dyn Fn(u64, usize, &Size) -> bool + Sync),
        report: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Segments> {
        let is_last = floors.above(floor, MOST_KEPT).is_none();
        let read = AtomicUsize::new(0);
        let cut = RwLock::new(Cutter {
            pieces: self,
            known,
            sketch,
            floor,
            is_last,
            table: SharedTable::default(),
            size: Size::default(),
        });
        self.on_all(report, |number, report| {
            self.for_each_batch(number, known, |batch| {
                let is_full = |cut: &Cutter| !cut.is_last && !fits(cut.floor, cut.table.memory(), &cut.size);
                let full = {
                    let cut = cut.read().expect("no thread panics");
                    batch.pieces().try_for_each(|piece| cut.add(piece))?;
                    read.fetch_add(batch.cells(), Ordering::Relaxed);
                    is_full(&cut)
                };
                if full {
                    let mut cut = cut.write().expect("no thread panics");
                    while is_full(&cut) {
                        // The pieces to come are assumed to be like the pieces read so far; together they should fill
                        // the table.
                        let all = self.size.cells.load(Ordering::Relaxed).max(1);
                        let eighths = (8 * read.load(Ordering::Relaxed) / all) as u64;
                        cut.raise(floors, eighths.clamp(LEAST_KEPT, MOST_KEPT))?;
                    }
                }
                report()
            })
        })?;
        let Cutter { floor, table, size, .. } = cut.into_inner().expect("no thread panics");
        let memory = table.memory();
        let shards: Vec<Shard> = (0..SHARDS).map(|number| table.take(number)).collect();
        Ok(Segments { language: Language::of_run(Run::write(&shards, report)?), floor, size, table: memory })
    }

    /// Whether two symbols may be merged: two bytes always may.
    fn may_join(&self, known: &BaseMerges, left: u32, right: u32) -> bool {
        let length = (known.lengths[left as usize] + known.lengths[right as usize]) as usize;
        length == 2 || length < self.longest
    }
}

/// Some pieces, and their symbols after the merges.
struct Batch {
    merger: Merger,
    bytes: Vec<u8>,
    /// The end and the weight of each piece.
    ends: Vec<(usize, u64)>,
    symbols: Vec<u32>,
    /// The number of a piece, and the end of its symbols.
    merged: Vec<(u32, usize)>,
}

impl Batch {
    /// Number of pieces that are merged together, so that their cache misses overlap.
    const PIECES: usize = 512;
    const BYTES: usize = 1 << 16;

    fn new() -> Result<Self> {
        let merger = Merger::new()?;
        Ok(Self { merger, bytes: Vec::new(), ends: Vec::new(), symbols: Vec::new(), merged: Vec::new() })
    }

    /// Bytes of its pieces, and one for each.
    fn cells(&self) -> usize {
        self.bytes.len() + self.ends.len()
    }

    fn is_full(&self) -> bool {
        self.ends.len() >= Self::PIECES || self.bytes.len() >= Self::BYTES
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn push(&mut self, piece: &[u8], weight: u64) -> Result<()> {
        self.bytes.try_extend_from_slice(piece)?;
        self.ends.try_push((self.bytes.len(), weight))
    }

    fn merge(&mut self, known: &BaseMerges) -> Result<()> {
        let Self { merger, bytes, ends, symbols, merged } = self;
        symbols.clear();
        merged.clear();
        // There are no more symbols than bytes.
        symbols.try_reserve(bytes.len())?;
        merged.try_reserve(ends.len())?;
        let pieces = (0..ends.len()).map(|number| piece(bytes, ends, number));
        known.merge_all(merger, pieces, |number, ids| {
            symbols.extend(ids);
            merged.push((number as u32, symbols.len()));
        })
    }

    /// The pieces of several symbols, with their weights and symbols.
    fn pieces(&self) -> impl Iterator<Item = (&[u8], u64, &[u32])> {
        let mut start = 0;
        let pieces = self.merged.iter().map(move |&(number, end)| {
            let symbols = &self.symbols[std::mem::replace(&mut start, end)..end];
            (piece(&self.bytes, &self.ends, number as usize), self.ends[number as usize].1, symbols)
        });
        pieces.filter(|(_, _, symbols)| symbols.len() > 1)
    }
}

/// A piece of a [`Batch`].
fn piece<'b>(bytes: &'b [u8], ends: &[(usize, u64)], number: usize) -> &'b [u8] {
    let start = if number == 0 { 0 } else { ends[number - 1].0 };
    &bytes[start..ends[number].0]
}

/// Cuts pieces into segments.
struct Cutter<'c> {
    pieces: &'c PieceStore,
    known: &'c BaseMerges,
    sketch: &'c Sketch,
    floor: u64,
    /// Whether there is no higher floor.
    is_last: bool,
    table: SharedTable,
    size: Size,
}

impl Cutter<'_> {
    /// Cuts a piece of some symbols.
    fn add(&self, (piece, weight, symbols): (&[u8], u64, &[u32])) -> Result<()> {
        let Self { pieces, known, sketch, floor, .. } = *self;
        let (mut start, mut end, mut first) = (0, 0, 0);
        for (place, &symbol) in symbols.iter().enumerate() {
            end += known.lengths[symbol as usize] as usize;
            let goes_on = symbols
                .get(place + 1)
                .is_some_and(|&next| pieces.may_join(known, symbol, next) && sketch.may_weigh(symbol, next, floor));
            if !goes_on {
                if place > first
                    && self.table.add(&piece[start..end], weight).map_err(|refused| refused.or(too_large))?
                {
                    self.size.add(end - start, place + 1 - first);
                }
                (start, first) = (end, place + 1);
            }
        }
        Ok(())
    }

    /// Cuts the segments again, by a higher floor that leaves at most `eighths` eighths of the occurrences.
    fn raise(&mut self, floors: &Floors, eighths: u64) -> Result<()> {
        let Some(higher) = floors.above(self.floor, eighths) else {
            self.is_last = true;
            return Ok(());
        };
        let old = std::mem::take(&mut self.table);
        (self.floor, self.size) = (higher, Size::default());
        let mut batch = Batch::new()?;
        for number in 0..SHARDS {
            if number % 8 == 0 {
                return_free_memory();
            }
            old.take(number).for_each(|segment, weight| {
                batch.push(segment, weight)?;
                if batch.is_full() { self.add_all(&mut batch) } else { Ok(()) }
            })?;
        }
        self.add_all(&mut batch)
    }

    fn add_all(&self, batch: &mut Batch) -> Result<()> {
        batch.merge(self.known)?;
        batch.pieces().try_for_each(|piece| self.add(piece))?;
        batch.clear();
        Ok(())
    }
}
