//! BPE of pieces of any length, in O(n log n).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::arch::U32x16;
use crate::bpe::pair_table::PairTableView;
use crate::bpe::symbol::NO_RANK;
use crate::error::Result;
use crate::memory::{Grow, collect};
use crate::stop::Stop;

/// Steps between two questions whether to stop.
const STEPS: usize = 1 << 12;

/// Memory for one piece.
#[derive(Debug, Default)]
pub(crate) struct Heap {
    heap: BinaryHeap<Reverse<u64>>,
    next: Vec<u32>,
    previous: Vec<u32>,
}

impl Heap {
    /// BPE by a heap of candidate pairs over a doubly linked list. A candidate is valid if a symbol still begins at its
    /// left place and the pair there still has its rank. (The pair at a place only changes to other pairs, and pairs of
    /// equal rank are the same pair.)
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory); [`Error::Interrupted`](crate::Error::Interrupted) when `stop` says so.
    pub(crate) fn merge<R: U32x16>(&mut self, pairs: PairTableView<'_>, piece: &[u8], stop: &Stop) -> Result<Vec<u32>> {
        const END: u32 = u32::MAX;
        const GONE: u32 = u32::MAX;
        let Self { heap, next, previous } = self;
        let length = u32::try_from(piece.len()).expect("a piece is under 4 GiB");
        let mut symbols: Vec<u32> = collect(piece.iter().map(|&byte| u32::from(byte)))?;
        next.clear();
        next.try_extend((1..length).chain([END]))?;
        previous.clear();
        previous.try_extend([END].into_iter().chain(0..length - 1))?;
        // The rank stands in the upper half and the place in the lower half, so the smallest candidate merges next.
        let candidate = |left: u32, right: u32, place: u32| {
            let rank = pairs.rank::<R>(left, right);
            (rank != NO_RANK).then(|| Reverse(u64::from(rank) << 32 | u64::from(place)))
        };
        let mut first = std::mem::take(heap).into_vec();
        first.clear();
        for start in (0..symbols.len()).step_by(STEPS) {
            stop.check()?;
            let some = &symbols[start..symbols.len().min(start + STEPS + 1)];
            let pairs = some.windows(2).zip(start as u32..);
            first.try_extend(pairs.filter_map(|(pair, place)| candidate(pair[0], pair[1], place)))?;
        }
        *heap = BinaryHeap::from(first);
        let mut unasked = 0;
        while let Some(Reverse(best)) = heap.pop() {
            unasked += 1;
            if unasked == STEPS {
                unasked = 0;
                stop.check()?;
            }
            let (rank, left) = ((best >> 32) as u32, best as u32);
            let right = next[left as usize];
            if symbols[left as usize] == GONE
                || right == END
                || pairs.rank::<R>(symbols[left as usize], symbols[right as usize]) != rank
            {
                continue;
            }
            heap.try_reserve(2)?;
            symbols[left as usize] = 256 + rank;
            symbols[right as usize] = GONE;
            let after = next[right as usize];
            next[left as usize] = after;
            if after != END {
                previous[after as usize] = left;
                heap.extend(candidate(symbols[left as usize], symbols[after as usize], left));
            }
            let before = previous[left as usize];
            if before != END {
                heap.extend(candidate(symbols[before as usize], symbols[left as usize], before));
            }
        }
        symbols.retain(|&symbol| symbol != GONE);
        Ok(symbols)
    }
}
