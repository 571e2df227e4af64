//! BPE of pieces.
//!
//! New words are what a tokenizer spends its time on in an inflected language. The merges of a word wait for one another, and
//! whether a pair merges is hard to foresee, for a branch predictor too. So up to 64 words go in step: each step finds the best
//! pair of every word, applies it, and asks for the two pairs born of it, all without a branch on what it finds; those that are
//! not answered at once are looked up one after another, while the memory that some of them wait for comes to all. Words of up to
//! 254 symbols are each a lane of vector registers ([`vectors`]); where there are no such registers, those of up to 126 are linked
//! [lists](linked) in arrays; what is longer takes a [`heap`].

mod births;
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

use crate::arch::{Row, Work};
pub(crate) use crate::bpe::initial::LONGEST;
use crate::bpe::initial::Piece;
use crate::bpe::pair_table::{PairTable, View};
use crate::bpe::symbol::NOTHING;
use crate::error::Result;
use crate::memory::{Grow, Held};
use heap::Heap;
use interleaved::Group;
use linked::WordInList;
use vectors::Lanes;

/// Words of a group that go in step.
const AT_ONCE: usize = 32;

/// BPE of pieces. Memory is reused across calls, but not after one that failed.
#[derive(Debug)]
pub struct Merger {
    words: Held<Words>,
    heap: Heap,
}

/// Words by their length, so that those of a group take about as many steps.
#[derive(Debug, Default)]
struct Words {
    lanes: InLanes,
    lists: InLists,
}

/// Where there are registers for lanes.
#[derive(Debug, Default)]
struct InLanes {
    shortest: Lanes<16>,
    short: Lanes<32>,
    long: Lanes<64>,
    longer: Lanes<128>,
    longest: Lanes<256>,
}

/// Where there are none.
#[derive(Debug, Default)]
struct InLists {
    short: Group<WordInList<32>>,
    long: Group<WordInList<64>>,
    longest: Group<WordInList<128>>,
}

impl Merger {
    /// One with nothing to merge.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    pub fn new() -> Result<Self> {
        Ok(Self { words: Held::new(Words::default())?, heap: Heap::default() })
    }

    /// Appends to `out` the symbols that BPE leaves of `piece`: the pair of smallest rank merges first, the leftmost of equals,
    /// until none merges. O(n log n), for short pieces O(n²) with a small constant.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    pub fn merge(&mut self, pairs: &PairTable, piece: &[u8], out: &mut Vec<u32>) -> Result<()> {
        let mut done = Ok(());
        self.merge_all(pairs, std::iter::once(piece), |_, symbols| done = out.try_extend_from_slice(symbols))?;
        done
    }

    /// Calls `sink` with the number of each piece and the symbols that BPE leaves of it, in any order.
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

    /// Gives `sink` what BPE leaves of each piece, in any order.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory), also if the sink has no room for a long piece.
    pub fn merge_into<'p>(
        &mut self,
        pairs: &PairTable,
        pieces: impl Iterator<Item = &'p [u8]>,
        sink: impl Merged,
    ) -> Result<()> {
        pairs.isa.run(InStep { merger: self, pairs: pairs.view(), pieces, sink })
    }
}

/// Takes what BPE leaves of pieces. (A trait: a closure would not be compiled for the instruction set at hand, but called, word by word.)
pub trait Merged {
    /// Takes a row that begins with the symbols of the piece of this number, and how many these are. Of most pieces the row has sixteen
    /// places or a multiple, so that it can be copied whole, whatever the count. Mark the implementation `#[inline(always)]`.
    fn take<R: Row>(&mut self, number: usize, row: &[u32], count: usize);

    /// Makes room for so many symbols of a piece of more than [`LONGEST`] bytes, which come next. There is room for those of all shorter
    /// pieces before they are merged: they have no more symbols than bytes.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    fn make_room(&mut self, count: usize) -> Result<()> {
        let _ = count;
        Ok(())
    }
}

impl<F: FnMut(usize, &[u32])> Merged for F {
    #[inline(always)]
    fn take<R: Row>(&mut self, number: usize, row: &[u32], count: usize) {
        self(number, &row[..count]);
    }
}

/// [`Merger::merge_into`], in the form that [`Isa::run`](crate::arch::Isa::run) takes.
struct InStep<'m, P, S> {
    merger: &'m mut Merger,
    pairs: View<'m>,
    pieces: P,
    sink: S,
}

impl<'p, P: Iterator<Item = &'p [u8]>, S: Merged> Work for InStep<'_, P, S> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<R: Row>(self) -> Result<()> {
        let Self { merger, pairs, pieces, mut sink } = self;
        let Words { lanes, lists } = &mut *merger.words;
        let mut starts: Piece = [0; _];
        for (number, piece) in pieces.enumerate() {
            let (first, count) = if piece.len() > LONGEST {
                (R::splat(NOTHING), usize::MAX)
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
                    let symbols = merger.heap.merge::<R>(pairs, piece)?;
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
