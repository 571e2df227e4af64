//! Byte-pair encoding of single pieces.
//!
//! In an inflected language, an encoder spends most of its time on new words. The merges of one word depend on each
//! other, and a branch predictor cannot foresee whether a pair merges. So up to 64 words are merged in lockstep. Each
//! step finds the best pair of every word, merges it, and queries the two new pairs, without a branch on data. A pair
//! whose rank is not found at once is looked up afterwards; the cache misses of these look-ups overlap.
//!
//! A word of up to 254 symbols is one lane of [vector registers](vectors). A machine without fast vector registers
//! keeps words of up to 126 symbols as [linked lists](linked) in arrays. Longer words take a [`heap`].

pub mod effective;
mod heap;
mod initial;
mod interleaved;
mod linked;
pub mod pair_table;
pub mod symbol;
#[cfg(test)]
mod tests;
mod vectors;

use crate::arch::{U32x16, Work};
pub(crate) use crate::bpe::initial::LONGEST;
use crate::bpe::initial::StartBuffer;
use crate::bpe::pair_table::{PairTable, PairTableView};
use crate::bpe::symbol::NO_SYMBOL;
use crate::error::Result;
use crate::memory::{Grow, Held};
use crate::stop::Stop;
use heap::Heap;
use interleaved::Interleaved;
use linked::ListWord;
use vectors::Lanes;

/// Number of words that are merged in lockstep where there are no fast vector registers.
const IN_LOCKSTEP: usize = 32;

/// Merges pieces. Its memory is used again by the next call, but not after a call that failed.
#[derive(Debug)]
pub struct Merger {
    words: Held<WordsByLength>,
    heap: Heap,
    stop: Stop,
}

/// Words, grouped by length: words of one group need about the same number of steps.
#[derive(Debug, Default)]
struct WordsByLength {
    lanes: VectorWords,
    lists: ListWords,
}

/// Groups for machines with fast vector registers.
#[derive(Debug, Default)]
struct VectorWords {
    shortest: Lanes<16>,
    short: Lanes<32>,
    long: Lanes<64>,
    longer: Lanes<128>,
    longest: Lanes<256>,
}

/// Groups for machines without them.
#[derive(Debug, Default)]
struct ListWords {
    short: Interleaved<ListWord<32>>,
    long: Interleaved<ListWord<64>>,
    longest: Interleaved<ListWord<128>>,
}

impl Merger {
    /// An empty merger.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    pub fn new() -> Result<Self> {
        Ok(Self { words: Held::new(WordsByLength::default())?, heap: Heap::default(), stop: Stop::never() })
    }

    /// Has the merging of a long piece end with [`Error::Interrupted`](crate::Error::Interrupted) when `stop` says so.
    #[inline]
    pub(crate) fn watch(&mut self, stop: &Stop) {
        self.stop.clone_from(stop);
    }

    /// Appends the symbols of `piece` to `out`. BPE merges the pair of smallest rank first, the leftmost of equal
    /// ranks, until no pair merges. The cost is O(n log n); for a short piece O(n²) with a small constant.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    pub fn merge(&mut self, pairs: &PairTable, piece: &[u8], out: &mut Vec<u32>) -> Result<()> {
        let mut done = Ok(());
        self.merge_all(pairs, std::iter::once(piece), |_, symbols| done = out.try_extend_from_slice(symbols))?;
        done
    }

    /// Calls `sink` with the number and the symbols of each piece, in any order.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    pub fn merge_all<'p>(
        &mut self,
        pairs: &PairTable,
        pieces: impl Iterator<Item = &'p [u8]>,
        sink: impl FnMut(usize, &[u32]),
    ) -> Result<()> {
        self.merge_into(pairs, pieces, sink)
    }

    /// Passes the symbols of each piece to `sink`, in any order.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory), also if the sink has no room for a long piece.
    pub fn merge_into<'p>(
        &mut self,
        pairs: &PairTable,
        pieces: impl Iterator<Item = &'p [u8]>,
        sink: impl MergeSink,
    ) -> Result<()> {
        pairs.isa.run(Lockstep { merger: self, pairs: pairs.view(), pieces, sink })
    }
}

/// Receives the symbols of merged pieces. It is a trait because a closure would not be compiled for the instruction set
/// in use: it would be called once a word.
pub trait MergeSink {
    /// Receives the symbols of piece `number`: the first `count` symbols of `row`. The row usually has a multiple of
    /// sixteen places, so that an implementation can copy sixteen symbols at a time. Mark the implementation
    /// `#[inline(always)]`.
    fn take<R: U32x16>(&mut self, number: usize, row: &[u32], count: usize);

    /// Makes room for `count` symbols of a piece of more than [`LONGEST`] bytes, which [`take`](Self::take) receives
    /// next. The sink must have room for all shorter pieces before the merge begins: a piece has at most one symbol a
    /// byte.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    fn make_room(&mut self, count: usize) -> Result<()> {
        let _ = count;
        Ok(())
    }
}

impl<F: FnMut(usize, &[u32])> MergeSink for F {
    #[inline(always)]
    fn take<R: U32x16>(&mut self, number: usize, row: &[u32], count: usize) {
        self(number, &row[..count]);
    }
}

/// The arguments of [`Merger::merge_into`], as [`Isa::run`](crate::arch::Isa::run) needs them.
struct Lockstep<'m, P, S> {
    merger: &'m mut Merger,
    pairs: PairTableView<'m>,
    pieces: P,
    sink: S,
}

impl<'p, P: Iterator<Item = &'p [u8]>, S: MergeSink> Work for Lockstep<'_, P, S> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<R: U32x16>(self) -> Result<()> {
        let Self { merger, pairs, pieces, mut sink } = self;
        let WordsByLength { lanes, lists } = &mut *merger.words;
        let mut starts: StartBuffer = [0; _];
        for (number, piece) in pieces.enumerate() {
            let (first, count) = if piece.len() > LONGEST {
                (R::splat(NO_SYMBOL), usize::MAX)
            } else {
                pairs.starts.of(piece, &mut starts)
            };
            match count {
                0..=15 if R::IS_FAST => lanes.shortest.take(pairs, number, first, &starts, count, &mut sink),
                16..=30 if R::IS_FAST => lanes.short.take(pairs, number, first, &starts, count, &mut sink),
                31..=62 if R::IS_FAST => lanes.long.take(pairs, number, first, &starts, count, &mut sink),
                63..=126 if R::IS_FAST => lanes.longer.take(pairs, number, first, &starts, count, &mut sink),
                127..=254 if R::IS_FAST => lanes.longest.take(pairs, number, first, &starts, count, &mut sink),
                0..=30 => lists.short.take::<R>(pairs, number, &starts[..count], &mut sink),
                31..=62 => lists.long.take::<R>(pairs, number, &starts[..count], &mut sink),
                63..=126 => lists.longest.take::<R>(pairs, number, &starts[..count], &mut sink),
                _ => {
                    let symbols = merger.heap.merge::<R>(pairs, piece, &merger.stop)?;
                    sink.make_room(symbols.len())?;
                    sink.take::<R>(number, &symbols, symbols.len());
                }
            }
        }
        lanes.shortest.finish::<R>(pairs, &mut sink);
        lanes.short.finish::<R>(pairs, &mut sink);
        lanes.long.finish::<R>(pairs, &mut sink);
        lanes.longer.finish::<R>(pairs, &mut sink);
        lanes.longest.finish::<R>(pairs, &mut sink);
        lists.short.finish::<R>(pairs, &mut sink);
        lists.long.finish::<R>(pairs, &mut sink);
        lists.longest.finish::<R>(pairs, &mut sink);
        Ok(())
    }
}
