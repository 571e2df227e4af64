//! The cache of a worker: pieces seen before, with their ids. Bounded, replaced in place.
//!
//! Two tables of sets of two ways: short pieces (up to 15 bytes, up to 4 ids) take 32 bytes, so that a set is one cache line;
//! long ones (up to 31 bytes, up to 8 ids) take 64. A way is its key, then its ids. A key holds the piece's bytes, zero-padded,
//! and in its last byte the piece's length, beside which a way has the number of its ids; so distinct pieces have distinct keys
//! whatever their bytes, and an empty way has length 0, which no piece has. A table begins small and grows as it fills, up to
//! a fixed size: fresh memory costs more than what is computed in its place.
//!
//! A piece stands in the first of two sets that its hash names, or, if that was full, in the second; if both were full, one that
//! stood there has gone to its other set. So hardly any piece is displaced before the table is nearly full (with two
//! neighbouring sets instead, one in twenty-five was at half of that), and whatever the keys, a look-up reads two sets and an
//! insertion four more.

use crate::arch::prefetch;
use crate::memory::Zeroed;

/// The longest piece in the short table, in bytes.
pub(super) const SHORT: usize = 15;
/// The longest piece in the long table, in bytes.
pub(super) const LONG: usize = 31;
/// The most ids in a short way.
pub(super) const SHORT_IDS: usize = 4;
/// The most ids in a long way.
const LONG_IDS: usize = 8;

/// A short piece as words.
pub(super) type ShortKey = [u64; 2];
/// A long piece as words.
pub(super) type LongKey = [u64; 4];

/// Where a key has the length of its piece.
const LENGTH: u32 = 56;
/// Where the last word of a way's key has one less than the number of its ids.
const COUNT: u32 = 61;
/// What of a way's last word of the key is not the number of its ids.
const KEY: u64 = (1 << COUNT) - 1;
/// In place of the number of ids of a short piece that has more than [`SHORT_IDS`]: they are in the long table.
const ELSEWHERE: u64 = 7;

/// The two masks that keep the first `length` of 16 bytes, by length.
static KEEP: [[u64; 2]; 16] = {
    let mut masks = [[0; 2]; 16];
    let mut length = 1;
    while length < 16 {
        let low = if length < 8 { (1 << (8 * length)) - 1 } else { u64::MAX };
        let high = if length < 8 { 0 } else { (1 << (8 * (length - 8))) - 1 };
        masks[length] = [low, high];
        length += 1;
    }
    masks
};

/// The key of the piece `text[start..start + length]`. That of a longer one than [`SHORT`] has length 0 and is nobody's.
#[inline(always)]
pub(super) fn short_key(text: &[u8], start: usize, length: usize) -> ShortKey {
    let length = if length <= SHORT { length } else { 0 };
    let [low, high] = match text.get(start..start + 16) {
        Some(window) => [word(window, 0) & KEEP[length][0], word(window, 8) & KEEP[length][1]],
        None => {
            let [low, high, ..] = words(&text[start..start + length]);
            [low, high]
        }
    };
    [low, high | (length as u64) << LENGTH]
}

/// The key of the piece `text[start..start + length]`, `SHORT < length <= LONG`.
#[inline(always)]
pub(super) fn long_key(text: &[u8], start: usize, length: usize) -> LongKey {
    let [a, b, c, d] = match text.get(start..start + 32) {
        Some(window) => {
            let [keep_c, keep_d] = KEEP[length % 16];
            [word(window, 0), word(window, 8), word(window, 16) & keep_c, word(window, 24) & keep_d]
        }
        None => words(&text[start..start + length]),
    };
    [a, b, c, d | (length as u64) << LENGTH]
}

/// Whether a short key is some piece's.
#[inline(always)]
pub(super) fn is_key(key: ShortKey) -> bool {
    key[1] >> LENGTH != 0
}

/// The long key of a short piece, for one that has too many ids for the short table.
fn lengthened([low, high]: ShortKey) -> LongKey {
    let length = high >> LENGTH << LENGTH;
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

/// The cache of one worker: at most 48 MiB.
#[derive(Debug)]
pub(super) struct Cache {
    pub(super) short: Sets<4>,
    pub(super) long: Sets<8>,
}

impl Cache {
    pub(super) fn new() -> Self {
        let hash_of_short = |[low, high, ..]: &[u64; 4]| hash_short([*low, high & KEY]);
        let hash_of_long = |[a, b, c, d, ..]: &[u64; 8]| hash_long([*a, *b, *c, d & KEY]);
        Self { short: Sets::new(1 << 19, hash_of_short), long: Sets::new(1 << 17, hash_of_long) }
    }

    /// The ids of a short piece that are among those of the long ones.
    pub(super) fn find_elsewhere(&self, key: ShortKey) -> Option<&[u32]> {
        self.find_long(lengthened(key))
    }

    /// The ids of a long piece.
    pub(super) fn find_long(&self, key: LongKey) -> Option<&[u32]> {
        self.long.find(&key, hash_long(key)).map(ids)
    }

    /// Remembers the ids of a short piece, unless there are too many.
    pub(super) fn insert_short(&mut self, key: ShortKey, hash: u64, ids: &[u32]) {
        if ids.len() <= SHORT_IDS {
            self.short.insert(&key, hash, ids, ids.len() as u64 - 1);
        } else if ids.len() <= LONG_IDS {
            self.insert_long(lengthened(key), ids);
            self.short.insert(&key, hash, &[], ELSEWHERE);
        }
    }

    /// Remembers the ids of a long piece, unless there are too many.
    pub(super) fn insert_long(&mut self, key: LongKey, ids: &[u32]) {
        if ids.len() <= LONG_IDS {
            self.long.insert(&key, hash_long(key), ids, ids.len() as u64 - 1);
        }
    }
}

/// Whether the ids of a short way are in the long table.
#[inline(always)]
pub(super) fn is_elsewhere(way: &[u64; 4]) -> bool {
    way[1] >> COUNT == ELSEWHERE
}

/// How many ids a way has.
#[inline(always)]
pub(super) fn count<const N: usize>(way: &[u64; N]) -> usize {
    (way[N / 2 - 1] >> COUNT) as usize + 1
}

/// All places of a way for ids, of which [`count`] are filled.
#[inline(always)]
pub(super) fn places<const N: usize>(way: &[u64; N]) -> &[u32] {
    bytemuck::cast_slice(&way[N / 2..])
}

fn ids<const N: usize>(way: &[u64; N]) -> &[u32] {
    &places(way)[..count(way)]
}

/// Sets of two ways of `N` words, the first half of a way the key, the second half ids of half a word each.
#[derive(Debug)]
pub(super) struct Sets<const N: usize> {
    /// Room for the most sets; what is not in use is never touched.
    room: Zeroed<[[u64; N]; 2]>,
    /// How many are in use, a power of two.
    used: usize,
    inserted: usize,
    hash: fn(&[u64; N]) -> u64,
}

/// The sets that a table begins with.
const FIRST_SETS: usize = 1 << 11;

impl<const N: usize> Sets<N> {
    fn new(most: usize, hash: fn(&[u64; N]) -> u64) -> Self {
        Self { room: Zeroed::new(most), used: FIRST_SETS, inserted: 0, hash }
    }

    /// The sets as a slice: to look up many pieces.
    #[inline(always)]
    pub(super) fn view(&self) -> &[[[u64; N]; 2]] {
        &self.room[..self.used]
    }

    fn find(&self, key: &[u64], hash: u64) -> Option<&[u64; N]> {
        let found = self.homes(hash).map(|set| peek(&self.room[set], key));
        found.into_iter().find_map(|(way, is_it)| is_it.then_some(way))
    }

    /// The sets where a piece may stand.
    fn homes(&self, hash: u64) -> [usize; 2] {
        [set(hash, self.used), set(second(hash), self.used)]
    }

    /// Remembers a piece that is not there: in a free way of one of its sets, else where another can give way, else in place of
    /// the oldest of its first set. `key` is half a way; `count` is one less than the number of ids, or [`ELSEWHERE`].
    fn insert(&mut self, key: &[u64], hash: u64, ids: &[u32], count: u64) {
        if self.find(key, hash).is_some() {
            return;
        }
        if self.inserted >= self.used / 8 * 7 && self.used < self.room.len() {
            self.grow();
        }
        let mut way = [0; N];
        way[..N / 2].copy_from_slice(key);
        way[N / 2 - 1] |= count << COUNT;
        bytemuck::cast_slice_mut(&mut way[N / 2..])[..ids.len()].copy_from_slice(ids);
        let homes = self.homes(hash);
        let free = homes.into_iter().find(|&set| self.is_free(set)).or_else(|| self.make_room(homes));
        self.inserted += usize::from(free.is_some());
        self.place(way, free.unwrap_or(homes[0]));
    }

    fn is_free(&self, set: usize) -> bool {
        self.room[set][1][N / 2 - 1] == 0
    }

    /// Moves a way out of one of two full sets into its other set, if one can be; returns the set that has room then.
    fn make_room(&mut self, sets: [usize; 2]) -> Option<usize> {
        for set in sets {
            for place in [1, 0] {
                let way = self.room[set][place];
                let [one, two] = self.homes((self.hash)(&way));
                let other = if one == set { two } else { one };
                if self.is_free(other) {
                    self.place(way, other);
                    self.room[set][place] = self.room[set][1];
                    self.room[set][1] = [0; N];
                    return Some(set);
                }
            }
        }
        None
    }

    /// Puts a way into a set, whose older way gives way.
    fn place(&mut self, way: [u64; N], set: usize) {
        let [first, second] = &mut self.room[set];
        *second = std::mem::replace(first, way);
    }

    /// Four times as many sets, in place: which set it is, the lower bits of half a hash say, so the ways of a set part between
    /// itself and those that lie a multiple of the old sets further on. (Doubling moves three times as many ways in all.)
    #[cold]
    fn grow(&mut self) {
        let old = self.used;
        self.used = (4 * old).min(self.room.len());
        for set in 0..old {
            let ways = std::mem::replace(&mut self.room[set], [[0; N]; 2]);
            // The second is the older.
            for way in [ways[1], ways[0]] {
                if way[N / 2 - 1] != 0 {
                    let homes = self.homes((self.hash)(&way));
                    let home = homes.into_iter().find(|home| home & (old - 1) == set).unwrap_or(set);
                    self.place(way, home);
                }
            }
        }
    }
}

/// The half of a hash that names the second set.
#[inline(always)]
pub(super) fn second(hash: u64) -> u64 {
    hash.rotate_right(32)
}

/// The set of a hash.
#[inline(always)]
fn set(hash: u64, sets: usize) -> usize {
    hash as usize & (sets - 1)
}

/// The way of a set that has this key, or any; and whether it has. Which way it is is a matter of luck, so that is computed and
/// not branched on. (Words are compared one by one: the key was just written so, and a wider load would wait for it.)
#[inline(always)]
fn peek<'s, const N: usize>(set: &'s [[u64; N]; 2], key: &[u64]) -> (&'s [u64; N], bool) {
    let differs = |way: &[u64; N]| {
        let last = N / 2 - 1;
        let before = way[..last].iter().zip(key).fold(0, |differing, (a, b)| differing | (a ^ b));
        before | ((way[last] ^ key[last]) & KEY)
    };
    let in_second = differs(&set[1]) == 0;
    let in_first = differs(&set[0]) == 0;
    (&set[usize::from(in_second)], in_first | in_second)
}

/// As [`peek`], in the set of the hash.
#[inline(always)]
pub(super) fn peek_at<'s, const N: usize>(sets: &'s [[[u64; N]; 2]], key: &[u64], hash: u64) -> (&'s [u64; N], bool) {
    peek(&sets[set(hash, sets.len())], key)
}

/// Asks for the set of a hash ahead of [`peek_at`].
#[inline(always)]
pub(super) fn fetch<const N: usize>(sets: &[[[u64; N]; 2]], hash: u64) {
    let set = set(hash, sets.len());
    prefetch(sets, set);
    if size_of::<[u64; N]>() == 64 {
        prefetch(bytemuck::cast_slice::<_, [u64; N]>(sets), 2 * set + 1);
    }
}
