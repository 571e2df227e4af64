//! The cache of a worker: pieces seen before, with their ids. Of fixed size, replaced in place.
//!
//! Two tables of sets of two ways. A set of short pieces (up to 15 bytes, up to 3 ids) is one cache line; long ones (up to 31
//! bytes, up to 7 ids) take a line each. A key holds the piece's bytes, zero-padded, and its length in the last byte, so
//! distinct pieces have distinct keys whatever their bytes; an empty way has length 0, which no piece has. Whatever the keys,
//! a look-up reads one set and an insertion moves one way.

use std::array;

/// The longest piece in the short table, in bytes.
pub(super) const SHORT: usize = 15;
/// The longest piece in the long table, in bytes.
pub(super) const LONG: usize = 31;
/// The most ids in a short entry.
pub(super) const SHORT_IDS: usize = 3;
/// The most ids in a long entry.
pub(super) const LONG_IDS: usize = 7;

/// A piece as `N` little-endian words, its length in the topmost byte.
pub(super) type Key<const N: usize> = [u64; N];
/// Ids, and their number as the last entry.
pub(super) type Ids<const N: usize> = [u32; N];

/// A short piece's key.
pub(super) type ShortKey = Key<2>;
/// A short piece's ids.
pub(super) type ShortIds = Ids<{ SHORT_IDS + 1 }>;
/// A long piece's key.
pub(super) type LongKey = Key<4>;
/// A long piece's ids.
pub(super) type LongIds = Ids<{ LONG_IDS + 1 }>;

/// The two masks that keep the first `length` of 16 bytes, by length.
static KEEP: [[u64; 2]; SHORT + 1] = {
    let mut masks = [[0; 2]; SHORT + 1];
    let mut length = 1;
    while length <= SHORT {
        masks[length] = if length < 8 {
            [(1 << (8 * length)) - 1, 0]
        } else {
            [u64::MAX, (1 << (8 * (length - 8))) - 1]
        };
        length += 1;
    }
    masks
};

/// The key of the piece `text[start..start + length]`, `length <= SHORT`.
#[inline(always)]
pub(super) fn short_key(text: &[u8], start: usize, length: usize) -> ShortKey {
    let [low, high] = match text.get(start..start + 16) {
        Some(window) => {
            let (low, high) = window.split_at(8);
            [word(low) & KEEP[length][0], word(high) & KEEP[length][1]]
        }
        None => words(&text[start..start + length]),
    };
    [low, high | (length as u64) << 56]
}

/// The key of a piece of up to [`LONG`] bytes.
#[inline]
pub(super) fn long_key(piece: &[u8]) -> LongKey {
    let [a, b, c, d] = words(piece);
    [a, b, c, d | (piece.len() as u64) << 56]
}

#[inline(always)]
fn word(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(array::from_fn(|i| bytes[i]))
}

/// The bytes of a piece, zero-padded.
#[inline]
fn words<const N: usize>(piece: &[u8]) -> [u64; N] {
    let mut padded = [0; LONG + 1];
    padded[..piece.len()].copy_from_slice(piece);
    array::from_fn(|i| word(&padded[8 * i..8 * i + 8]))
}

/// A hash of the key by a folded multiplication: every bit of the key reaches every bit of the hash.
#[inline(always)]
pub(super) fn hash_short(key: ShortKey) -> u64 {
    fold(key[0] ^ 0x9E37_79B9_7F4A_7C15, key[1] ^ 0xC2B2_AE3D_27D4_EB4F)
}

#[inline(always)]
fn hash_long(key: LongKey) -> u64 {
    let low = fold(key[0] ^ 0x9E37_79B9_7F4A_7C15, key[1] ^ 0xC2B2_AE3D_27D4_EB4F);
    let high = fold(key[2] ^ 0x1656_67B1_9E37_79F9, key[3] ^ 0xD6E8_FEB8_6659_FD93);
    low.rotate_left(23) ^ high
}

#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[derive(Debug, Clone, Copy)]
#[repr(C, align(32))]
struct Short {
    key: ShortKey,
    ids: ShortIds,
}

#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Long {
    key: LongKey,
    ids: LongIds,
}

#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct ShortSet([Short; 2]);

/// The cache of one worker: 2.5 MiB, of which only what is used is ever touched.
#[derive(Debug)]
pub(super) struct Cache {
    short: Vec<ShortSet>,
    long: Vec<[Long; 2]>,
}

const SHORT_SETS: usize = 1 << 14;
const LONG_SETS: usize = 1 << 12;

impl Cache {
    pub(super) fn new() -> Self {
        let short = Short { key: [0; 2], ids: [0; SHORT_IDS + 1] };
        let long = Long { key: [0; 4], ids: [0; LONG_IDS + 1] };
        Self { short: vec![ShortSet([short; 2]); SHORT_SETS], long: vec![[long; 2]; LONG_SETS] }
    }

    /// The ids of a short piece. Which way holds it is a matter of luck, so that is computed rather than branched on.
    #[inline(always)]
    pub(super) fn short(&self, key: ShortKey, hash: u64) -> Option<&ShortIds> {
        let ShortSet([first, second]) = &self.short[hash as usize % SHORT_SETS];
        let (in_first, in_second) = (first.key == key, second.key == key);
        let entry = if in_second { second } else { first };
        (in_first | in_second).then_some(&entry.ids)
    }

    /// Remembers a short piece in place of the older one of its set.
    pub(super) fn insert_short(&mut self, key: ShortKey, hash: u64, ids: ShortIds) {
        let ShortSet([first, second]) = &mut self.short[hash as usize % SHORT_SETS];
        *second = *first;
        *first = Short { key, ids };
    }

    /// The ids of a piece by its long key.
    #[inline]
    pub(super) fn long(&self, key: LongKey) -> Option<&LongIds> {
        let [first, second] = &self.long[hash_long(key) as usize % LONG_SETS];
        if first.key == key {
            Some(&first.ids)
        } else if second.key == key {
            Some(&second.ids)
        } else {
            None
        }
    }

    /// Remembers a piece by its long key.
    pub(super) fn insert_long(&mut self, key: LongKey, ids: LongIds) {
        let [first, second] = &mut self.long[hash_long(key) as usize % LONG_SETS];
        *second = *first;
        *first = Long { key, ids };
    }
}
