//! Cuckoo hashing with sets of two ways. The [`cache`](crate::encode::cache) describes the layout of a way.
//!
//! A piece has two sets, named by the two halves of its hash. It is inserted into the first, or if that is full into
//! the second; if both are full, a way of one of them moves to its own other set. So hardly any piece is lost as long
//! as half of the ways are free (with two neighbouring sets instead, one in twenty-five was). A look-up reads at most
//! two sets, and an insertion four more.
//!
//! In a full table nothing moves any more. A new piece mostly evicts the younger way of its first set. So pieces that
//! come once, as in base64, evict each other, and not the common pieces, which came early.
//!
//! A table begins small. It grows as it fills, up to half of its fixed size; beyond that only when look-ups in second
//! sets have cost enough, because new memory costs more than it saves at first.

use crate::arch::{U32x16, prefetch_outer};
use crate::error::Result;
use crate::memory::{Grow, Zeroed};

/// The most ids in a short way.
pub(crate) const SHORT_IDS: usize = 4;
/// The most ids in a long way.
pub(crate) const LONG_IDS: usize = 8;

/// A short piece as words.
pub(crate) type ShortKey = [u64; 2];
/// A long piece as words.
pub(crate) type LongKey = [u64; 4];

/// The bit of a way's first id from which on the number of ids stands. A larger id is not inserted.
pub(crate) const COUNT: u32 = 28;

/// A hash of a short key by a folded multiplication: every bit of the key reaches every bit of the hash. (The exception
/// are keys whose first eight bytes are zeros. No language has them, and they fill no more than one set.)
#[inline(always)]
pub(crate) fn hash_short([low, high]: ShortKey) -> u64 {
    fold(low, high ^ 0xC2B2_AE3D_27D4_EB4F)
}

/// A hash of a long key.
#[inline(always)]
pub(crate) fn hash_long([a, b, c, d]: LongKey) -> u64 {
    let low = fold(a ^ 0x9E37_79B9_7F4A_7C15, b ^ 0xC2B2_AE3D_27D4_EB4F);
    let high = fold(c ^ 0x1656_67B1_9E37_79F9, d ^ 0xD6E8_FEB8_6659_FD93);
    low.rotate_left(23) ^ high
}

#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// The number of ids of a way.
pub(crate) fn count<const N: usize>(way: &[u64; N]) -> u32 {
    (way[N / 2] as u32) >> COUNT
}

/// A table of sets of two ways. A way has `N` words: the first half is the key, the second half holds two ids a word.
#[derive(Debug)]
pub(crate) struct CuckooTable<const N: usize> {
    /// Memory for the most sets. The system provides no pages for the unused part.
    room: Zeroed<[[u64; N]; 2]>,
    /// Number of sets in use, a power of two.
    used: usize,
    inserted: usize,
    replaced: usize,
    /// Number of look-ups that were answered by a second set.
    found_second: usize,
}

/// When a set is full, one insertion in this many evicts the older entry. (4, 16 and 128 measure alike.)
const OLDER: usize = 16;

/// Numbers of sets: the first one, and the one to grow to before half of the room is taken. The short table has 128 kB,
/// then 1 MiB, then 16 MiB. Growing moves all entries and takes new memory; half a million pieces are worth two steps.
/// (First pass with steps to 1, 8 and 32 MiB: Finnish 165 instead of 179 MB/s, German 209 instead of 226, English 329
/// instead of 320, the mix alike. Doubling from 8 MiB on, or growing fourfold from the start, is slower.)
const SIZES: [usize; 2] = [1 << 11, 1 << 14];

impl<const N: usize> CuckooTable<N> {
    /// The weight of a look-up in a second set. A table takes all of its room when the weights of these look-ups add up
    /// to its number of pieces. So the table grows before these look-ups have cost as much as growing: moving a piece
    /// takes 30 to 40 ns including memory, up to 100 where memory is expensive, and a second look-up takes about 20.
    /// Growing this early pays because repeated text is 4 to 8 % faster afterwards. (A first pass of the mix, with half
    /// a million different pieces, ends before that: 5 % faster where memory is cheap, 20 % and more where it is
    /// expensive.)
    const WEIGHT: usize = if N == 4 { 2 } else { 6 };

    pub(crate) fn new(most: usize) -> Result<Self> {
        Ok(Self { room: Zeroed::new(most)?, used: SIZES[0], inserted: 0, replaced: 0, found_second: 0 })
    }

    /// The hash of a way's key.
    #[inline(always)]
    fn hash(way: &[u64; N]) -> u64 {
        match way[..N / 2] {
            [low, high] => hash_short([low, high]),
            [a, b, c, d] => hash_long([a, b, c, d]),
            _ => unreachable!("a key has two words or four"),
        }
    }

    /// The sets as a slice, for many look-ups.
    #[inline(always)]
    pub(crate) fn view(&self) -> &[[[u64; N]; 2]] {
        &self.room[..self.used]
    }

    pub(crate) fn find(&self, key: &[u64], hash: u64) -> Option<&[u64; N]> {
        let [first, second] = self.homes(hash);
        way(&self.room[first], key).or_else(|| if self.is_free(first) { None } else { way(&self.room[second], key) })
    }

    /// The two sets of a piece.
    pub(crate) fn homes(&self, hash: u64) -> [usize; 2] {
        [set(hash, self.used), set(second(hash), self.used)]
    }

    /// Inserts a piece that is not in the table. `key` is half a way. `count` is the number of ids, or 0 if they stand
    /// in the other table; the numbers behind them are arbitrary.
    pub(crate) fn insert(&mut self, key: &[u64], hash: u64, ids: &[u32; LONG_IDS], count: u32) {
        if ids[0] >> COUNT != 0 {
            return;
        }
        if self.is_due() {
            self.grow();
        }
        let mut way = [0; N];
        way[..N / 2].copy_from_slice(key);
        let places = bytemuck::cast_slice_mut(&mut way[N / 2..]);
        places.copy_from_slice(&ids[..N]);
        places[0] |= count << COUNT;
        self.insert_way(way, self.homes(hash));
    }

    /// Whether to grow: seven of sixteen ways are taken, and for the second half of the room the look-ups in second
    /// sets also weigh enough.
    #[inline(always)]
    fn is_due(&self) -> bool {
        let most = self.room.len();
        self.inserted >= self.used / 8 * 7
            && self.used < most
            && (self.used < most / 2 || self.found_second * Self::WEIGHT >= self.inserted)
    }

    /// Puts a way into one of its sets.
    fn insert_way(&mut self, way: [u64; N], homes: [usize; 2]) {
        let mut free = homes.into_iter().find(|&set| self.is_free(set));
        if free.is_none() && self.inserted < self.used {
            free = self.make_room(homes);
        }
        match free {
            Some(set) => {
                self.inserted += 1;
                self.place(way, set);
            }
            None => self.evict(way, homes[0]),
        }
    }

    fn is_free(&self, set: usize) -> bool {
        self.room[set][1][N / 2 - 1] == 0
    }

    /// Whether a piece without ids in its first set may have ids elsewhere. If the first set is full, the ids may be in
    /// the second set. (A full set stays full until the table grows, and growing places every piece anew.) If the first
    /// set holds the piece without ids, they may be in the other table.
    #[inline(always)]
    pub(crate) fn may_be_elsewhere(&self, key: &[u64], hash: u64) -> bool {
        let set = set(hash, self.used);
        // Neither condition can be foreseen, so there is no branch.
        !self.is_free(set) | is_of(&self.room[set][0], key)
    }

    /// Whether a piece without ids in either of its sets has ids in the other table: then one of its sets holds it
    /// without ids.
    #[inline(always)]
    pub(crate) fn is_elsewhere(&self, key: &[u64], hash: u64) -> bool {
        let stands = |set: usize| self.room[set].iter().fold(false, |stands, way| stands | is_of(way, key));
        let [first, second] = self.homes(hash);
        stands(first) | stands(second)
    }

    /// The hash that names the second set if the first is full, or else the first set. It cannot be foreseen which, so
    /// there is no branch.
    #[inline(always)]
    pub(crate) fn second_if_full(&self, hash: u64) -> u64 {
        if self.is_free(set(hash, self.used)) { hash } else { second(hash) }
    }

    /// Prefetches the set of [`second_if_full`](Self::second_if_full).
    #[inline(always)]
    pub(crate) fn prefetch_second(&self, hash: u64) {
        prefetch(self.view(), self.second_if_full(hash));
    }

    /// Records that `count` look-ups were answered by a second set.
    pub(crate) fn note_second(&mut self, count: usize) {
        self.found_second += count;
    }

    /// Moves a way of one of two full sets to its other set, if that has room. Returns the set that then has room.
    fn make_room(&mut self, sets: [usize; 2]) -> Option<usize> {
        for set in sets {
            for place in [1, 0] {
                let way = self.room[set][place];
                let [one, two] = self.homes(Self::hash(&way));
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

    /// Puts a way into a set as its younger way; the older way drops out.
    fn place(&mut self, way: [u64; N], set: usize) {
        let [first, second] = &mut self.room[set];
        *second = std::mem::replace(first, way);
    }

    /// Evicts the younger way of a full set, and one time in [`OLDER`] the older one, so that none stays for ever.
    /// (Text of 24 languages that fills the table goes from 244 to 275 MB/s when repeated, base64 from 119 to 147.)
    fn evict(&mut self, way: [u64; N], set: usize) {
        self.replaced = (self.replaced + 1) % OLDER;
        if self.replaced == 0 {
            self.place(way, set);
        } else {
            self.room[set][0] = way;
        }
    }

    /// Grows in place. The lower bits of each half of a hash name a set, so a way either stays in its set or moves by a
    /// multiple of the old number of sets. A way that stood in its second set is inserted anew, because its first set
    /// now has room. (These pieces come from the first texts, so they are common. Without the move, every tenth piece
    /// of an English text took two look-ups.) A way is dropped if there is no memory for moving it.
    #[cold]
    fn grow(&mut self) {
        let (old, most) = (self.used, self.room.len());
        let sizes = SIZES.into_iter().chain([most / 2]);
        self.used = sizes.filter(|&sets| sets <= most).find(|&sets| sets > old).unwrap_or(most);
        let mut displaced = Vec::new();
        for set in 0..old {
            let ways = std::mem::replace(&mut self.room[set], [[0; N]; 2]);
            // The second way is the older one.
            for way in [ways[1], ways[0]] {
                if way[N / 2 - 1] != 0 {
                    let homes = self.homes(Self::hash(&way));
                    if homes[0] & (old - 1) == set {
                        self.place(way, homes[0]);
                    } else {
                        self.inserted -= 1;
                        displaced.try_push((way, homes)).ok();
                    }
                }
            }
        }
        for (way, homes) in displaced {
            self.insert_way(way, homes);
        }
    }
}

/// The half of the hash that names the second set.
#[inline(always)]
pub(crate) fn second(hash: u64) -> u64 {
    hash.rotate_right(32)
}

/// The set of a hash.
#[inline(always)]
fn set(hash: u64, sets: usize) -> usize {
    hash as usize & (sets - 1)
}

/// Whether a way has this key, without a branch.
#[inline(always)]
fn is_of<const N: usize>(way: &[u64; N], key: &[u64]) -> bool {
    way.iter().zip(key).fold(0, |bits, (own, key)| bits | (own ^ key)) == 0
}

/// The way of a set that has this key.
pub(crate) fn way<'s, const N: usize>(set: &'s [[u64; N]; 2], key: &[u64]) -> Option<&'s [u64; N]> {
    set.iter().find(|way| is_of(way, key))
}

/// Writes the ids of a short piece to `ids` and returns their number. It is 0 if the first set of the hash does not
/// hold the piece, or holds it without ids. The way is selected without a branch, because it cannot be foreseen.
#[inline(always)]
pub(crate) fn find_ids<R: U32x16>(
    sets: &[[[u64; 4]; 2]],
    key: &ShortKey,
    hash: u64,
    ids: &mut [u32; SHORT_IDS],
) -> usize {
    R::find_way::<COUNT>(&sets[set(hash, sets.len())], key, ids)
}

/// [`find_ids`] of a long piece. (With branches, Greek, repeated, went at 415 instead of 437 MB/s, Bulgarian at 419
/// instead of 448.)
#[inline(always)]
pub(crate) fn find_long_ids(sets: &[[[u64; 8]; 2]], key: &LongKey, hash: u64, ids: &mut [u32; LONG_IDS]) -> usize {
    let ways = &sets[set(hash, sets.len())];
    let [is_first, is_second] = [is_of(&ways[0], key), is_of(&ways[1], key)];
    let way = &ways[usize::from(is_second)];
    ids.copy_from_slice(bytemuck::cast_slice(&way[4..]));
    ids[0] &= (1 << COUNT) - 1;
    if is_first | is_second { count(way) as usize } else { 0 }
}

/// Prefetches the set of a hash into the second-level cache. (Into the first-level cache, repeated: the mix 361 instead
/// of 366 MB/s, Finnish 395 instead of 404, Bulgarian 435 instead of 462, English 491 instead of 479. Non-temporal
/// stores in [`Sink::put`](crate::encode::Sink::put) gain more for English.)
#[inline(always)]
pub(crate) fn prefetch<const N: usize>(sets: &[[[u64; N]; 2]], hash: u64) {
    let set = set(hash, sets.len());
    prefetch_outer(sets, set);
    if size_of::<[u64; N]>() == 64 {
        prefetch_outer(bytemuck::cast_slice::<_, [u64; N]>(sets), 2 * set + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::cache::LENGTH;

    /// The key of a piece of eight bytes.
    fn key(number: u64) -> ShortKey {
        [number, 8 << LENGTH]
    }

    #[test]
    fn all_of_the_room_is_taken_when_second_sets_have_cost_enough() {
        let mut sets = CuckooTable::<4>::new(1 << 16).unwrap();
        let insert = |sets: &mut CuckooTable<4>, number: u64| {
            sets.insert(&key(number), hash_short(key(number)), &[number as u32; LONG_IDS], 1);
        };
        // More than seven of sixteen ways of half of the room are taken, but no second set was looked up.
        (0..32_000).for_each(|number| insert(&mut sets, number));
        assert_eq!(sets.used, 1 << 15);
        sets.note_second(sets.inserted / CuckooTable::<4>::WEIGHT - 1);
        insert(&mut sets, 32_000);
        assert_eq!(sets.used, 1 << 15);
        sets.note_second(2);
        insert(&mut sets, 32_001);
        assert_eq!(sets.used, 1 << 16);
        let found = (0..32_002).filter(|&number| sets.find(&key(number), hash_short(key(number))).is_some());
        assert!(found.count() > 31_900);
    }

    #[test]
    fn keys_of_one_set_only_displace_each_other() {
        // Both halves of the hash name the same set of two ways, and the table does not grow for them.
        let key = |number: u64| [0, number | 15 << LENGTH];
        let hash = |number: u64| hash_short(key(number));
        assert!((0..100_000).all(|number| hash(number) == 0));
        let mut sets = CuckooTable::<4>::new(1 << 19).unwrap();
        for number in 0..100_000u64 {
            sets.insert(&key(number), hash(number), &[number as u32; LONG_IDS], 1);
        }
        let found: Vec<u64> = (0..100_000).filter(|&number| sets.find(&key(number), hash(number)).is_some()).collect();
        let [older, younger] = *found else { panic!("{found:?} in a set of two") };
        assert_eq!(younger, 99_999);
        // The older way stays for a while, but not for ever.
        assert!((99_999 - 2 * OLDER as u64..99_998).contains(&older), "{older}");
        assert_eq!(sets.used, SIZES[0]);
    }
}
