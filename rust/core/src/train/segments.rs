//! What can still change of the pieces, under a limit of memory.
//!
//! All pieces and their weights stand on disk. Given the merges made so far and a floor, [`Pieces::cut`] goes over them and
//! cuts each between any two symbols whose pair weighs less than the floor. The parts of two symbols or more are the
//! *segments*; equal ones become one, with the sum of their weights.
//!
//! **Claim.** As long as a pair weighs the floor or more, training on the segments merges what training on the pieces does,
//! provided that no token is made twice.
//!
//! **Proof.** Call a pair of symbols that stand on both sides of a cut a *cut pair*. A pair is cut wherever it occurs or nowhere. So a pair that
//! is not cut weighs the same in both, and one that is cut weighs less than the floor. It remains to look at the pairs that are born. Each token has been
//! made of one pair only, hence begins and ends with the same symbols of before wherever it stands. So of the pair (x, y) of two tokens, old or
//! new, every occurrence stands where the last symbol of before in x met the first in y: at a cut if that pair was cut, and between no
//! cut otherwise. In the second case it weighs the same in both. In the first case it weighs at most what the cut pair did, less than
//! the floor, and does not come up. ∎
//!
//! Nor need a segment remember its symbols: since nothing was merged across a cut, the merges make of the bytes of a segment
//! what they made of them in the piece.
//!
//! Which pairs weigh less than a floor is known from a [`Sketch`], sums of weights by hash that are never below the truth:
//! when in doubt, a pair is not cut.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use super::known::Known;
use super::pairs::Pair;
use super::weights::{Column, too_large};
use crate::count::{Language, Run, SHARDS, Shard, Shared, Writer};
use crate::error::Result;
use crate::vocab::merger::Merger;

/// What pairs weigh at most, and in how many places they stand: sums by two hashes, of which the smaller is nearer the truth.
pub(super) struct Sketch {
    /// Weights and places by the first hash.
    first: Vec<(AtomicU64, AtomicU64)>,
    /// Weights by the second hash.
    second: Vec<AtomicU64>,
}

impl Sketch {
    fn new(bytes: usize) -> Self {
        let buckets = (bytes / (3 * size_of::<AtomicU64>())).clamp(2, u32::MAX as usize);
        let first = std::iter::repeat_with(Default::default).take(buckets).collect();
        let second = std::iter::repeat_with(Default::default).take(buckets).collect();
        Self { first, second }
    }

    /// The buckets of a pair.
    fn buckets(&self, left: u32, right: u32) -> (&(AtomicU64, AtomicU64), &AtomicU64) {
        let hash = Pair::new(left, right).to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let place =
            |odd: u64| ((((hash ^ (hash >> 29)).wrapping_mul(odd) >> 32) * self.second.len() as u64) >> 32) as usize;
        (&self.first[place(0xbf58_476d_1ce4_e5b9)], &self.second[place(0x94d0_49bb_1331_11eb)])
    }

    fn add(&self, left: u32, right: u32, weight: u64) {
        let ((sum, count), other) = self.buckets(left, right);
        sum.fetch_add(weight, Ordering::Relaxed);
        count.fetch_add(1, Ordering::Relaxed);
        other.fetch_add(weight, Ordering::Relaxed);
    }

    /// Whether a pair may weigh the floor or more.
    fn may_weigh(&self, left: u32, right: u32, floor: u64) -> bool {
        let ((sum, _), other) = self.buckets(left, right);
        sum.load(Ordering::Relaxed) >= floor && other.load(Ordering::Relaxed) >= floor
    }

    /// In how many places pairs stand that may weigh the floor or more.
    fn places(&self, floor: u64) -> u64 {
        let heavy = self.first.iter().filter(|(weight, _)| weight.load(Ordering::Relaxed) >= floor);
        heavy.map(|(_, count)| count.load(Ordering::Relaxed)).sum()
    }

    /// The lowest floor that pairs in no more than this many places may reach, or at least those of the heaviest bucket; `None` if
    /// there are no pairs.
    pub(super) fn floor(&self, places: u64) -> Option<u64> {
        let load =
            |(weight, count): &(AtomicU64, AtomicU64)| (weight.load(Ordering::Relaxed), count.load(Ordering::Relaxed));
        let mut buckets: Vec<(u64, u64)> = self.first.iter().map(load).filter(|&(weight, _)| weight > 0).collect();
        buckets.sort_unstable_by(|a, b| b.cmp(a));
        let (mut last, mut sum) = (buckets.first()?.0, 0);
        for (weight, count) in buckets {
            sum += count;
            if weight < last && sum > places {
                return Some(weight + 1);
            }
            last = weight;
        }
        Some(0)
    }
}

/// How large something is.
#[derive(Debug, Default)]
pub(super) struct Size {
    /// Bytes of pieces, and one for each.
    pub(super) cells: AtomicUsize,
    /// Pairs in them.
    pub(super) pairs: AtomicUsize,
}

impl Size {
    fn add(&self, bytes: usize, symbols: usize) {
        self.cells.fetch_add(bytes + 1, Ordering::Relaxed);
        self.pairs.fetch_add(symbols - 1, Ordering::Relaxed);
    }

    /// Bytes of memory that training on it takes: a cell is a symbol; an occurrence of a pair is noted when it is born, two of
    /// them for each that is merged.
    pub(super) fn memory(&self) -> usize {
        4 * self.cells.load(Ordering::Relaxed) + 12 * self.pairs.load(Ordering::Relaxed)
    }
}

/// All pieces of two bytes or more and their weights, on disk.
pub(super) struct Pieces {
    pub(super) language: Language,
    threads: usize,
    longest: usize,
    pub(super) size: Size,
}

/// Segments on disk.
pub(super) struct Segments {
    pub(super) language: Language,
    /// What no cut pair weighs.
    pub(super) floor: u64,
}

impl Pieces {
    /// Writes the pieces to the disk.
    pub(super) fn new(
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

    /// Calls `work` with some numbers, on all threads.
    fn on_all(&self, numbers: Range<usize>, work: impl Fn(usize) -> Result<()> + Sync) -> Result<()> {
        let next = Mutex::new(numbers);
        let take = || next.lock().expect("no thread panics").next();
        let some = || {
            while let Some(number) = take() {
                work(number)?;
            }
            Ok(())
        };
        thread::scope(|scope| {
            let others: Vec<_> = (1..self.threads).map(|_| scope.spawn(some)).collect();
            let own = some();
            others.into_iter().map(|other| other.join().expect("no thread panics")).fold(own, Result::and)
        })
    }

    /// Calls `sink` with the pieces of a shard, their weights, and the symbols that the merges make of them, if there are several.
    fn for_each(
        &self,
        number: usize,
        known: &Known,
        mut sink: impl FnMut(&[u8], u64, &[u32]) -> Result<()>,
    ) -> Result<()> {
        let (mut merger, mut symbols) = (Merger::default(), Vec::new());
        self.language.for_each_in(number, |piece, weight| {
            known.merge(&mut merger, piece, &mut symbols);
            if symbols.len() > 1 { sink(piece, weight, &symbols) } else { Ok(()) }
        })
    }

    /// What pairs weigh after some merges. `report` is called now and then, and may fail to stop the work.
    pub(super) fn sketch(&self, known: &Known, bytes: usize, report: &mut dyn FnMut() -> Result<()>) -> Result<Sketch> {
        let sketch = Sketch::new(bytes);
        for numbers in self.batches() {
            report()?;
            self.on_all(numbers, |number| {
                self.for_each(number, known, |_, weight, symbols| {
                    for pair in symbols.windows(2) {
                        if self.may_join(known, pair[0], pair[1]) {
                            sketch.add(pair[0], pair[1], weight);
                        }
                    }
                    Ok(())
                })
            })?;
        }
        Ok(sketch)
    }

    /// The segments above a floor of which `fits` says that there is room for them: of the given one, or of a higher one. It is
    /// given the bytes that their table takes, and their size.
    pub(super) fn cut(
        &self,
        known: &Known,
        sketch: &Sketch,
        mut floor: u64,
        fits: &dyn Fn(usize, &Size) -> bool,
        report: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Segments> {
        let (mut table, mut size) = (Shared::default(), Size::default());
        for numbers in self.batches() {
            report()?;
            self.on_all(numbers, |number| {
                self.for_each(number, known, |piece, weight, symbols| {
                    self.cut_piece(known, sketch, floor, (piece, weight, symbols), &table, &size)
                })
            })?;
            while !fits(table.memory(), &size) {
                report()?;
                match sketch.floor(sketch.places(floor) / 2).filter(|&higher| higher > floor) {
                    Some(higher) => floor = higher,
                    None => break,
                }
                let old = std::mem::take(&mut table);
                size = Size::default();
                self.on_all(0..SHARDS, |number| {
                    let (mut merger, mut symbols, mut result) = (Merger::default(), Vec::new(), Ok(()));
                    old.take(number).for_each(|piece, weight| {
                        known.merge(&mut merger, piece, &mut symbols);
                        if result.is_ok() {
                            result = self.cut_piece(known, sketch, floor, (piece, weight, &symbols), &table, &size);
                        }
                    });
                    result
                })?;
            }
        }
        let shards: Vec<Shard> = (0..SHARDS).map(|number| table.take(number)).collect();
        Ok(Segments { language: Language::of_run(Run::write(&shards)?), floor })
    }

    fn cut_piece(
        &self,
        known: &Known,
        sketch: &Sketch,
        floor: u64,
        (piece, weight, symbols): (&[u8], u64, &[u32]),
        table: &Shared,
        size: &Size,
    ) -> Result<()> {
        let (mut start, mut end, mut first) = (0, 0, 0);
        for (place, &symbol) in symbols.iter().enumerate() {
            end += known.lengths[symbol as usize] as usize;
            let goes_on = symbols
                .get(place + 1)
                .is_some_and(|&next| self.may_join(known, symbol, next) && sketch.may_weigh(symbol, next, floor));
            if !goes_on {
                if place > first && table.add(&piece[start..end], weight).map_err(|_| too_large())? {
                    size.add(end - start, place + 1 - first);
                }
                (start, first) = (end, place + 1);
            }
        }
        Ok(())
    }

    /// Whether two symbols may become one: two bytes always may.
    fn may_join(&self, known: &Known, left: u32, right: u32) -> bool {
        let length = (known.lengths[left as usize] + known.lengths[right as usize]) as usize;
        length == 2 || length < self.longest
    }

    /// All shards, as many at a time as there are threads.
    fn batches(&self) -> impl Iterator<Item = Range<usize>> {
        let threads = self.threads;
        (0..SHARDS).step_by(threads).map(move |start| start..(start + threads).min(SHARDS))
    }
}
