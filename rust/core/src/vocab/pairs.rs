//! Pairs of neighbouring symbols, and BPE over them.
//!
//! A *symbol* is a token as merging sees it: the byte `b` is symbol `b`, what merge number `r` makes is symbol `256 + r`.
//! So the rank of a merge names its result, and one table entry, left, right and rank of 21 bits each, is a `u64`.

/// The most merges a vocabulary can have: symbols have 21 bits, and the all-ones entry means "empty".
pub const MAX_MERGES: usize = (1 << 21) - 257;

const BITS: u32 = 21;
const MASK: u64 = (1 << BITS) - 1;
const EMPTY: u64 = u64::MAX;

/// The rank of a pair that does not merge.
pub const NONE: u32 = u32::MAX;

/// From a pair of symbols to the rank of its merge: open addressing, half full at most, a direct table for two bytes.
#[derive(Debug)]
pub struct PairTable {
    slots: Vec<u64>,
    shift: u32,
    of_bytes: Vec<u32>,
    len: usize,
}

impl PairTable {
    /// A table for up to `merges` pairs.
    ///
    /// # Panics
    /// If `merges` exceeds [`MAX_MERGES`], which vocabularies are checked against.
    pub fn with_capacity(merges: usize) -> Self {
        assert!(merges <= MAX_MERGES, "symbols have 21 bits");
        let slots = (2 * merges).next_power_of_two().max(16);
        Self { slots: vec![EMPTY; slots], shift: 64 - slots.trailing_zeros(), of_bytes: vec![NONE; 1 << 16], len: 0 }
    }

    /// Adds a pair. The first rank a pair gets is the one it keeps.
    pub fn insert(&mut self, left: u32, right: u32, rank: u32) {
        if left < 256 && right < 256 {
            let slot = &mut self.of_bytes[(left << 8 | right) as usize];
            *slot = rank.min(*slot);
            return;
        }
        let key = u64::from(left) << BITS | u64::from(right);
        let mut at = self.home(key);
        while self.slots[at] != EMPTY {
            if self.slots[at] >> BITS == key {
                return;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        self.len += 1;
        assert!(2 * self.len <= self.slots.len(), "the table was made for fewer pairs");
        self.slots[at] = key << BITS | u64::from(rank);
    }

    /// The rank of a pair, or [`NONE`].
    #[inline]
    pub fn rank(&self, left: u32, right: u32) -> u32 {
        if left < 256 && right < 256 {
            return self.of_bytes[(left << 8 | right) as usize];
        }
        let key = u64::from(left) << BITS | u64::from(right);
        let mut at = self.home(key);
        loop {
            let slot = self.slots[at];
            if slot >> BITS == key {
                return (slot & MASK) as u32;
            }
            if slot == EMPTY {
                return NONE;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    #[inline]
    fn home(&self, key: u64) -> usize {
        (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift) as usize
    }
}

/// The longest piece merged in arrays on the stack; a longer one goes through a heap.
const SHORT: usize = 96;

/// BPE: replaces `symbols` (bytes at first) by what is left when no pair merges any more. The pair of smallest rank goes
/// first, the leftmost of equals. Memory is reused across calls.
#[derive(Debug, Default)]
pub struct Merger {
    heap: std::collections::BinaryHeap<std::cmp::Reverse<(u32, u32)>>,
    next: Vec<u32>,
    previous: Vec<u32>,
}

impl Merger {
    /// Appends the symbols of `piece` to `out`.
    pub fn merge(&mut self, pairs: &PairTable, piece: &[u8], out: &mut Vec<u32>) {
        if piece.len() <= SHORT {
            let mut symbols = [0; SHORT];
            let length = merge_short(pairs, piece, &mut symbols);
            out.extend_from_slice(&symbols[..length]);
        } else {
            self.merge_long(pairs, piece, out);
        }
    }

    /// A heap of candidate pairs over a doubly linked list, in O(n log n): a candidate is valid if its left place is still
    /// the beginning of a symbol and the pair there still has its rank (a place only ever changes to other pairs, and a pair
    /// of equal rank is the same pair).
    fn merge_long(&mut self, pairs: &PairTable, piece: &[u8], out: &mut Vec<u32>) {
        const END: u32 = u32::MAX;
        let Self { heap, next, previous } = self;
        let length = u32::try_from(piece.len()).expect("a piece is under 4 GiB");
        let mut symbols: Vec<u32> = piece.iter().map(|&byte| u32::from(byte)).collect();
        next.clear();
        next.extend((1..length).chain([END]));
        previous.clear();
        previous.extend([END].into_iter().chain(0..length - 1));
        heap.clear();
        for (at, pair) in symbols.windows(2).enumerate() {
            let rank = pairs.rank(pair[0], pair[1]);
            if rank != NONE {
                heap.push(std::cmp::Reverse((rank, at as u32)));
            }
        }
        const GONE: u32 = u32::MAX;
        while let Some(std::cmp::Reverse((rank, left))) = heap.pop() {
            let right = next[left as usize];
            if symbols[left as usize] == GONE
                || right == END
                || pairs.rank(symbols[left as usize], symbols[right as usize]) != rank
            {
                continue;
            }
            symbols[left as usize] = 256 + rank;
            symbols[right as usize] = GONE;
            let after = next[right as usize];
            next[left as usize] = after;
            if after != END {
                previous[after as usize] = left;
                let rank = pairs.rank(symbols[left as usize], symbols[after as usize]);
                if rank != NONE {
                    heap.push(std::cmp::Reverse((rank, left)));
                }
            }
            let before = previous[left as usize];
            if before != END {
                let rank = pairs.rank(symbols[before as usize], symbols[left as usize]);
                if rank != NONE {
                    heap.push(std::cmp::Reverse((rank, before)));
                }
            }
        }
        out.extend(symbols.into_iter().filter(|&symbol| symbol != GONE));
    }
}

/// BPE of a piece of at most [`SHORT`] bytes; returns the number of symbols left. The ranks of all neighbours stand in an
/// array, each round takes the smallest and closes the gap: quadratic in words of a dozen bytes, and nothing to allocate.
#[inline]
pub fn merge_short(pairs: &PairTable, piece: &[u8], symbols: &mut [u32; SHORT]) -> usize {
    let mut length = piece.len();
    let mut ranks = [NONE; SHORT];
    for (symbol, &byte) in symbols.iter_mut().zip(piece) {
        *symbol = u32::from(byte);
    }
    for at in 1..length {
        ranks[at - 1] = pairs.rank(symbols[at - 1], symbols[at]);
    }
    while length > 1 {
        let (mut best, mut rank) = (0, ranks[0]);
        for (at, &candidate) in ranks[..length - 1].iter().enumerate() {
            if candidate < rank {
                (best, rank) = (at, candidate);
            }
        }
        if rank == NONE {
            break;
        }
        symbols[best] = 256 + rank;
        symbols.copy_within(best + 2..length, best + 1);
        ranks.copy_within(best + 2..length, best + 1);
        length -= 1;
        ranks[length - 1] = NONE;
        if best + 1 < length {
            ranks[best] = pairs.rank(symbols[best], symbols[best + 1]);
        }
        if best > 0 {
            ranks[best - 1] = pairs.rank(symbols[best - 1], symbols[best]);
        }
    }
    length
}
