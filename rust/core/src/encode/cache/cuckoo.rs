//! The tables of the [`cache`](crate::encode::cache): sets of two ways, where they lie, and how a table grows.
//!
//! A piece stands in the first of two sets that its hash names, or, if that was full, in the second; if both were full, one that stood
//! there has gone to its other set. So hardly any piece is displaced as long as half of the ways are free (with two neighbouring sets
//! instead, one in twenty-five was), and whatever the keys, a look-up reads two sets and an insertion four more. Later on nothing moves,
//! and a new piece takes the place of the last one that was new in its first set, mostly: those that come once, as in base64, then displace
//! each other, and not the common ones, which have come early.
//!
//! A table begins small and grows as it fills, up to half of a fixed size, and beyond that when it has cost enough to be so full: fresh
//! memory costs more than what is computed in its place.

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

/// Where the first id of a way has the number of ids above it. A larger id is not remembered.
pub(crate) const COUNT: u32 = 28;

/// A hash of a short key by a folded multiplication: every bit of the key reaches every bit of the hash. (But where the first eight
/// bytes are zeros, which no language has, and which fill no more than a set.)
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

/// How many ids a way has.
pub(crate) fn count<const N: usize>(way: &[u64; N]) -> u32 {
    (way[N / 2] as u32) >> COUNT
}

/// Sets of two ways of `N` words, the first half of a way the key, the second half ids of half a word each.
#[derive(Debug)]
pub(crate) struct Sets<const N: usize> {
    /// Room for the most sets; what is not in use is never touched.
    room: Zeroed<[[u64; N]; 2]>,
    /// How many are in use, a power of two.
    used: usize,
    inserted: usize,
    replaced: usize,
    /// How many pieces stood in their second set when they were looked up.
    found_second: usize,
}

/// Of so many pieces that take the place of another, one takes that of the older. (4, 16 or 128 are alike.)
const OLDER: usize = 16;

/// The sets that a table begins with, and those that it grows to before it takes half of its room: of short pieces 128 kB, 1 MiB, and
/// then 16. Each step moves what stands there and finds memory anew; half a million pieces make so many steps worth
/// their while. (From 1 MiB to 8 and from there to 32: Finnish 165 MB/s on a first pass in place of 179, German 209 in place of 226,
/// English 329 in place of 320, the mix alike. To double from 8 MiB on, or by four from the first: slower.)
const SIZES: [usize; 2] = [1 << 11, 1 << 14];

impl<const N: usize> Sets<N> {
    /// What a look-up in a second set weighs, of a short piece and of a long one: a table takes all of its room when those that there were
    /// weigh as much as its pieces. That is before they have paid for it (a piece costs 30 to 40 ns to move, with memory for it, up to 100
    /// where memory is dear, and such a look-up some 20), since text that comes again goes 4 to 8 % faster from then on. (A first pass of
    /// the mix, of half a million different pieces, ends before that: 5 % faster where memory is at hand, 20 % and more where it is dear.)
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

    /// The sets as a slice: to look up many pieces.
    #[inline(always)]
    pub(crate) fn view(&self) -> &[[[u64; N]; 2]] {
        &self.room[..self.used]
    }

    pub(crate) fn find(&self, key: &[u64], hash: u64) -> Option<&[u64; N]> {
        let [first, second] = self.homes(hash);
        way(&self.room[first], key).or_else(|| if self.is_free(first) { None } else { way(&self.room[second], key) })
    }

    /// The sets where a piece may stand.
    pub(crate) fn homes(&self, hash: u64) -> [usize; 2] {
        [set(hash, self.used), set(second(hash), self.used)]
    }

    /// Remembers a piece that is not there: in a free way of one of its sets, else where another can give way, else in place of
    /// one of its first set. `key` is half a way; `count` is the number of ids, or 0 if they are
    /// elsewhere; behind them may be anything.
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
        self.settle(way, self.homes(hash));
    }

    /// Whether it is time for more sets: when seven of sixteen ways are taken, and for all of the room when look-ups in second sets weigh
    /// enough besides.
    #[inline(always)]
    fn is_due(&self) -> bool {
        let most = self.room.len();
        self.inserted >= self.used / 8 * 7
            && self.used < most
            && (self.used < most / 2 || self.found_second * Self::WEIGHT >= self.inserted)
    }

    /// Puts a way into one of its sets.
    fn settle(&mut self, way: [u64; N], homes: [usize; 2]) {
        let mut free = homes.into_iter().find(|&set| self.is_free(set));
        if free.is_none() && self.inserted < self.used {
            free = self.make_room(homes);
        }
        match free {
            Some(set) => {
                self.inserted += 1;
                self.place(way, set);
            }
            None => self.replace(way, homes[0]),
        }
    }

    fn is_free(&self, set: usize) -> bool {
        self.room[set][1][N / 2 - 1] == 0
    }

    /// Whether a piece without ids in the first set of its hash may have some elsewhere: in the second set, if the first is full (once
    /// full, a set stays so until the table grows, and then all find their places anew), or, if it stands there, in the other table.
    #[inline(always)]
    pub(crate) fn may_be_elsewhere(&self, key: &[u64], hash: u64) -> bool {
        let set = set(hash, self.used);
        // Without a branch: neither can be foreseen.
        !self.is_free(set) | is_of(&self.room[set][0], key)
    }

    /// Whether a piece that has no ids in either of its sets has some in the other table: then it stands in one of these without.
    #[inline(always)]
    pub(crate) fn is_elsewhere(&self, key: &[u64], hash: u64) -> bool {
        let stands = |set: usize| self.room[set].iter().fold(false, |stands, way| stands | is_of(way, key));
        let [first, second] = self.homes(hash);
        stands(first) | stands(second)
    }

    /// What names the second set of a hash if the first is full, else the first: no branch can foresee which it is.
    #[inline(always)]
    pub(crate) fn further(&self, hash: u64) -> u64 {
        if self.is_free(set(hash, self.used)) { hash } else { second(hash) }
    }

    /// Asks for the set where [`further`](Self::further) leads.
    #[inline(always)]
    pub(crate) fn fetch_second(&self, hash: u64) {
        fetch(self.view(), self.further(hash));
    }

    /// Notes that so many pieces stood in their second set.
    pub(crate) fn note_second(&mut self, count: usize) {
        self.found_second += count;
    }

    /// Moves a way out of one of two full sets into its other set, if one can be; returns the set that has room then.
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

    /// Puts a way into a set, whose older way gives way.
    fn place(&mut self, way: [u64; N], set: usize) {
        let [first, second] = &mut self.room[set];
        *second = std::mem::replace(first, way);
    }

    /// Puts a way in place of the younger one of a full set; now and then of the older one, so that none stays for ever. (Text of 24
    /// languages that fills the table goes from 244 to 275 MB/s when repeated, base64 from 119 to 147.)
    fn replace(&mut self, way: [u64; N], set: usize) {
        self.replaced = (self.replaced + 1) % OLDER;
        if self.replaced == 0 {
            self.place(way, set);
        } else {
            self.room[set][0] = way;
        }
    }

    /// More sets, in place: which set it is, the lower bits of half a hash say, so the ways of a set part between
    /// itself and those that lie a multiple of the old sets further on. Those
    /// that stood in their second set settle anew: there is room in the first now, where they are found at once. (They are the
    /// pieces of the first texts, so the common ones; left where they were, every tenth piece of an English text was looked up twice.)
    /// Those for which there is no memory meanwhile are forgotten.
    #[cold]
    fn grow(&mut self) {
        let (old, most) = (self.used, self.room.len());
        let sizes = SIZES.into_iter().chain([most / 2]);
        self.used = sizes.filter(|&sets| sets <= most).find(|&sets| sets > old).unwrap_or(most);
        let mut displaced = Vec::new();
        for set in 0..old {
            let ways = std::mem::replace(&mut self.room[set], [[0; N]; 2]);
            // The second is the older.
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
            self.settle(way, homes);
        }
    }
}

/// The half of a hash that names the second set.
#[inline(always)]
pub(crate) fn second(hash: u64) -> u64 {
    hash.rotate_right(32)
}

/// The set of a hash.
#[inline(always)]
fn set(hash: u64, sets: usize) -> usize {
    hash as usize & (sets - 1)
}

/// Whether a way has this key, found without a branch.
#[inline(always)]
fn is_of<const N: usize>(way: &[u64; N], key: &[u64]) -> bool {
    way.iter().zip(key).fold(0, |bits, (own, key)| bits | (own ^ key)) == 0
}

/// The way of a set that has this key.
pub(crate) fn way<'s, const N: usize>(set: &'s [[u64; N]; 2], key: &[u64]) -> Option<&'s [u64; N]> {
    set.iter().find(|way| is_of(way, key))
}

/// Puts the ids of a short piece into `ids`, and returns how many there are: 0 if the piece does not stand in the first set of its
/// hash, or if its ids are elsewhere. Which way it is is a matter of luck, so that is computed and not branched on.
#[inline(always)]
pub(crate) fn peek<R: U32x16>(sets: &[[[u64; 4]; 2]], key: &ShortKey, hash: u64, ids: &mut [u32; SHORT_IDS]) -> usize {
    R::find_way::<COUNT>(&sets[set(hash, sets.len())], key, ids)
}

/// As [`peek`], of a long piece. (With branches, Greek, repeated, went at 415 in place of 437 MB/s, Bulgarian at 419 in place of 448.)
#[inline(always)]
pub(crate) fn peek_long(sets: &[[[u64; 8]; 2]], key: &LongKey, hash: u64, ids: &mut [u32; LONG_IDS]) -> usize {
    let ways = &sets[set(hash, sets.len())];
    let [is_first, is_second] = [is_of(&ways[0], key), is_of(&ways[1], key)];
    let way = &ways[usize::from(is_second)];
    ids.copy_from_slice(bytemuck::cast_slice(&way[4..]));
    ids[0] &= (1 << COUNT) - 1;
    if is_first | is_second { count(way) as usize } else { 0 }
}

/// Asks for the set of a hash ahead of its use. (To the nearest cache: repeated, the mix 361 in place of 366 MB/s, Finnish 395 in place of
/// 404, Bulgarian 435 in place of 462, English 491 in place of 479, which what [`Sink::put`](crate::encode::Sink::put) does outweighs.)
#[inline(always)]
pub(crate) fn fetch<const N: usize>(sets: &[[[u64; N]; 2]], hash: u64) {
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
        let mut sets = Sets::<4>::new(1 << 16).unwrap();
        let insert = |sets: &mut Sets<4>, number: u64| {
            sets.insert(&key(number), hash_short(key(number)), &[number as u32; LONG_IDS], 1);
        };
        // Of half of the room more than seven of sixteen ways are taken, but nothing was looked for.
        (0..32_000).for_each(|number| insert(&mut sets, number));
        assert_eq!(sets.used, 1 << 15);
        sets.note_second(sets.inserted / Sets::<4>::WEIGHT - 1);
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
        // Both halves of the hash name the same set, which has two ways; and nothing grows for them.
        let key = |number: u64| [0, number | 15 << LENGTH];
        let hash = |number: u64| hash_short(key(number));
        assert!((0..100_000).all(|number| hash(number) == 0));
        let mut sets = Sets::<4>::new(1 << 19).unwrap();
        for number in 0..100_000u64 {
            sets.insert(&key(number), hash(number), &[number as u32; LONG_IDS], 1);
        }
        let found: Vec<u64> = (0..100_000).filter(|&number| sets.find(&key(number), hash(number)).is_some()).collect();
        let [older, younger] = *found else { panic!("{found:?} in a set of two") };
        assert_eq!(younger, 99_999);
        // An older one stays for a while, but not for ever.
        assert!((99_999 - 2 * OLDER as u64..99_998).contains(&older), "{older}");
        assert_eq!(sets.used, SIZES[0]);
    }
}
