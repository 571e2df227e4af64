//! The cache of a worker: pieces seen before, with their ids. Bounded, replaced in place.
//!
//! Two tables of sets of two ways: short pieces (up to 15 bytes, up to 3 ids) take 32 bytes, so that a set is one cache line;
//! long ones (up to 31 bytes, up to 7 ids) take 64. A way is its key, then its ids, then their number. A key holds the piece's
//! bytes, zero-padded, and its length in the last byte, so distinct pieces have distinct keys whatever their bytes; an
//! empty way has length 0, which no piece has. A table begins small and doubles as it fills, up to a fixed size. Whatever the
//! keys, a look-up reads two sets at most and an insertion moves one way.

use crate::arch::prefetch;
use crate::memory::Zeroed;

/// The longest piece in the short table, in bytes.
pub(super) const SHORT: usize = 15;
/// The longest piece in the long table, in bytes.
pub(super) const LONG: usize = 31;
/// The most ids in a short way.
pub(super) const SHORT_IDS: usize = 3;
/// The most ids in a long way.
pub(super) const LONG_IDS: usize = 7;

/// Stands for the number of ids of a short piece that has more than [`SHORT_IDS`]: they are in the long table.
pub(super) const ELSEWHERE: u32 = u32::MAX;

/// A short piece as words.
pub(super) type ShortKey = [u64; 2];
/// A long piece as words.
pub(super) type LongKey = [u64; 4];

/// The two masks that keep the first `length` of 16 bytes, by length.
static KEEP: [[u64; 2]; SHORT + 1] = {
    let mut masks = [[0; 2]; SHORT + 1];
    let mut length = 1;
    while length <= SHORT {
        let low = if length < 8 { (1 << (8 * length)) - 1 } else { u64::MAX };
        let high = if length < 8 { 0 } else { (1 << (8 * (length - 8))) - 1 };
        masks[length] = [low, high];
        length += 1;
    }
    masks
};

/// The key of the piece `text[start..start + length]`, `length <= SHORT`.
#[inline(always)]
pub(super) fn short_key(text: &[u8], start: usize, length: usize) -> ShortKey {
    let [low, high] = match text.get(start..start + 16) {
        Some(window) => [word(window, 0) & KEEP[length][0], word(window, 8) & KEEP[length][1]],
        None => {
            let [low, high, ..] = words(&text[start..start + length]);
            [low, high]
        }
    };
    [low, high | (length as u64) << 56]
}

/// The key of the piece `text[start..start + length]`, `SHORT < length <= LONG`.
#[inline(always)]
pub(super) fn long_key(text: &[u8], start: usize, length: usize) -> LongKey {
    let [a, b, c, d] = match text.get(start..start + 32) {
        Some(window) => {
            let [keep_c, keep_d] = KEEP[length - 16];
            [word(window, 0), word(window, 8), word(window, 16) & keep_c, word(window, 24) & keep_d]
        }
        None => words(&text[start..start + length]),
    };
    [a, b, c, d | (length as u64) << 56]
}

/// The long key of a short piece, for one that has too many ids for the short table.
pub(super) fn lengthened([low, high]: ShortKey) -> LongKey {
    let length = high & 0xFF << 56;
    [low, high ^ length, 0, length]
}

#[inline(always)]
fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// The bytes of a piece, zero-padded: for the end of a text, where no window of full length is left.
#[cold]
fn words(piece: &[u8]) -> LongKey {
    let mut padded = [0; LONG + 1];
    padded[..piece.len()].copy_from_slice(piece);
    [0, 8, 16, 24].map(|at| word(&padded, at))
}

/// A hash of a short key by a folded multiplication: every bit of the key reaches every bit of the hash.
#[inline(always)]
pub(super) fn hash_short([low, high]: ShortKey) -> u64 {
    fold(low ^ 0x9E37_79B9_7F4A_7C15, high ^ 0xC2B2_AE3D_27D4_EB4F)
}

/// A hash of a long key.
#[inline(always)]
pub(super) fn hash_long([a, b, c, d]: LongKey) -> u64 {
    let low = fold(a ^ 0x9E37_79B9_7F4A_7C15, b ^ 0xC2B2_AE3D_27D4_EB4F);
    let high = fold(c ^ 0x1656_67B1_9E37_79F9, d ^ 0xD6E8_FEB8_6659_FD93);
    low.rotate_left(23) ^ high
}

#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// The cache of one worker: at most 96 MiB.
#[derive(Debug)]
pub(super) struct Cache {
    pub(super) short: Sets<4>,
    pub(super) long: Sets<8>,
}

impl Cache {
    pub(super) fn new() -> Self {
        let hash_of_short = |way: &[u64; 4]| hash_short([way[0], way[1]]);
        let hash_of_long = |way: &[u64; 8]| hash_long([way[0], way[1], way[2], way[3]]);
        Self { short: Sets::new(1 << 21, hash_of_short), long: Sets::new(1 << 19, hash_of_long) }
    }

    #[inline(always)]
    pub(super) fn view(&self) -> View<'_> {
        View { short: &self.short.room[..self.short.used], long: &self.long.room[..self.long.used] }
    }
}

/// The tables of a cache as slices: to look up many pieces.
#[derive(Clone, Copy)]
pub(super) struct View<'c> {
    pub(super) short: &'c [[u64; 4]],
    pub(super) long: &'c [[u64; 8]],
}

/// Ways of `N` words: the first half the key, the second half ids of half a word each, the last of them their number.
#[derive(Debug)]
pub(super) struct Sets<const N: usize> {
    /// Room for the most ways; what is not in use is never touched.
    room: Zeroed<[u64; N]>,
    /// How many are in use, a power of two.
    used: usize,
    inserted: usize,
    hash: fn(&[u64; N]) -> u64,
}

/// The ways that a table begins with.
const FIRST_WAYS: usize = 1 << 11;

impl<const N: usize> Sets<N> {
    fn new(most: usize, hash: fn(&[u64; N]) -> u64) -> Self {
        Self { room: Zeroed::new(most), used: FIRST_WAYS, inserted: 0, hash }
    }

    /// Remembers a piece: in a free way of its set or of the neighbouring one, else in place of the oldest of its set. `key` is
    /// half a way, there are fewer than `N` ids; `count` is their number, or [`ELSEWHERE`].
    pub(super) fn insert(&mut self, key: &[u64], hash: u64, ids: &[u32], count: u32) {
        if self.inserted >= self.used / 8 * 3 && self.used < self.room.len() {
            self.grow();
        }
        let mut way = [0; N];
        way[..N / 2].copy_from_slice(key);
        let places: &mut [u32] = bytemuck::cast_slice_mut(&mut way[N / 2..]);
        places[..ids.len()].copy_from_slice(ids);
        places[N - 1] = count;
        self.place(way, hash);
    }

    fn place(&mut self, way: [u64; N], hash: u64) {
        let own = set(hash, self.used);
        let ways = &mut self.room[..self.used];
        let is_free = |&first: &usize| ways[first + 1][N / 2 - 1] == 0;
        let first = [own, own ^ 2].into_iter().find(is_free).unwrap_or(own);
        ways[first + 1] = ways[first];
        ways[first] = way;
        self.inserted += 1;
    }

    /// Doubles the ways in use, in place: a piece's set is where the lower bits of its hash say, so two neighbouring sets part
    /// between themselves and the two that lie as far on as the old ways reach.
    #[cold]
    fn grow(&mut self) {
        let old = self.used;
        self.used *= 2;
        self.inserted = 0;
        for first in (0..old).step_by(4) {
            let ways: [[u64; N]; 4] = std::array::from_fn(|way| std::mem::replace(&mut self.room[first + way], [0; N]));
            // The second way of a set is the older.
            for way in [ways[1], ways[3], ways[0], ways[2]] {
                if way[N / 2 - 1] != 0 {
                    self.place(way, (self.hash)(&way));
                }
            }
        }
    }
}

/// Where the set of a hash begins.
#[inline(always)]
fn set(hash: u64, ways: usize) -> usize {
    hash as usize & (ways - 1) & !1
}

/// The ids, and behind them their number, of the piece with this key. Which way holds it is a matter of luck, so that is computed
/// and not branched on. (Words are compared one by one: the key was just written so, and a wider load would wait for it.)
#[inline(always)]
pub(super) fn find<'w, const N: usize>(ways: &'w [[u64; N]], key: &[u64], hash: u64) -> Option<&'w [u32]> {
    let own = set(hash, ways.len());
    find_in(ways, key, own).or_else(|| find_in(ways, key, own ^ 2))
}

#[inline(always)]
fn find_in<'w, const N: usize>(ways: &'w [[u64; N]], key: &[u64], first: usize) -> Option<&'w [u32]> {
    let is = |way: &[u64; N]| way.iter().zip(key).fold(0, |differing, (a, b)| differing | (a ^ b)) == 0;
    let in_second = is(&ways[first + 1]);
    let in_first = is(&ways[first]);
    (in_first | in_second).then(|| bytemuck::cast_slice(&ways[first + usize::from(in_second)][N / 2..]))
}

/// Asks for the set of a hash ahead of [`find`].
#[inline(always)]
pub(super) fn fetch<const N: usize>(ways: &[[u64; N]], hash: u64) {
    let first = set(hash, ways.len());
    prefetch(ways, first);
    if size_of::<[u64; N]>() == 64 {
        prefetch(ways, first + 1);
    }
}
