//! The cache of a worker: pieces seen before, with their ids. Bounded, replaced in place.
//!
//! Two tables of sets of two ways: short pieces (up to 15 bytes, up to 4 ids) take 32 bytes, so that a set is one cache line;
//! long ones (up to 31 bytes, up to 8 ids) take 64. A way is its key, then its ids. A key holds the piece's bytes, zero-padded,
//! and in its last byte the piece's length, so distinct pieces have distinct keys whatever their bytes, and an empty way has
//! length 0, which no piece has. Above the first id stands how many there are. A table begins small and grows as it fills, up to half of
//! a fixed size, and beyond that when it has cost enough to be so full: fresh memory costs more than what is computed in its place.
//!
//! A piece stands in the first of two sets that its hash names, or, if that was full, in the second; if both were full, one that
//! stood there has gone to its other set. So hardly any piece is displaced as long as half of the ways are free (with two
//! neighbouring sets instead, one in twenty-five was), and whatever the keys, a look-up reads two sets and an
//! insertion four more. Later on nothing moves, and a new piece takes the place of the last one that was new in its first set, mostly:
//! those that come once, as in base64, then displace each other, and not the common ones, which have come early.
//!
//! Most of those do not even get there: a piece that falls into tokens of two bytes and fewer is no word of a language that the
//! vocabulary was trained on, and is remembered when it comes again ([`Cache::admits`]).

use super::outsize::Outsize;
use crate::arch::{Row, prefetch_outer};
use crate::memory::Zeroed;

/// The longest piece in the short table, in bytes.
pub(super) const SHORT: usize = 15;
/// The longest piece in the long table, in bytes.
pub(super) const LONG: usize = 31;
/// The most ids in a short way.
pub(super) const SHORT_IDS: usize = 4;
/// The most ids in a long way.
pub(super) const LONG_IDS: usize = 8;

/// A short piece as words.
pub(super) type ShortKey = [u64; 2];
/// A long piece as words.
pub(super) type LongKey = [u64; 4];

/// Where a key has the length of its piece.
const LENGTH: u32 = 56;
/// Where the first id of a way has the number of ids above it. A larger id is not remembered.
const COUNT: u32 = 28;
/// In place of the number of ids of a short piece that has more than [`SHORT_IDS`]: they are in the long table.
const ELSEWHERE: u32 = 0;

/// The key of the piece `text[..length]`. That of one longer than [`SHORT`] is no short piece's.
#[inline(always)]
pub(super) fn short_key<R: Row>(text: &[u8], length: usize) -> ShortKey {
    R::counted(text, length)
}

/// The key of the piece `text[start..start + length]`, `SHORT < length <= LONG`.
#[inline(always)]
pub(super) fn long_key<R: Row>(text: &[u8], start: usize, length: usize) -> LongKey {
    R::counted_long(text, start, length)
}

/// The long key of a short piece, for one that has too many ids for the short table.
pub(super) fn lengthened([low, high]: ShortKey) -> LongKey {
    let length = high >> LENGTH << LENGTH;
    [low, high ^ length, 0, length]
}

/// A hash of a short key by a folded multiplication: every bit of the key reaches every bit of the hash. (But where the first eight
/// bytes are zeros, which no language has, and which fill no more than a set.)
#[inline(always)]
pub(super) fn hash_short([low, high]: ShortKey) -> u64 {
    fold(low, high ^ 0xC2B2_AE3D_27D4_EB4F)
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

/// The cache of one worker: at most 48 MiB, as much as 4 for pieces that fit no way, and an eighth of one for trials.
#[derive(Debug)]
pub(super) struct Cache {
    pub(super) short: Sets<4>,
    pub(super) long: Sets<8>,
    pub(super) outsize: Outsize,
    /// Of the pieces that came on trial a part of the hash, by another part.
    tried: Box<[u16; 1 << 16]>,
}

impl Cache {
    pub(super) fn new() -> Self {
        let tried = vec![0; 1 << 16].try_into().expect("as many");
        let [short, long] = WEIGHTS;
        let (short, long) = (Sets::new(1 << 19, short), Sets::new(1 << 17, long));
        Self { short, long, outsize: Outsize::new(), tried }
    }

    /// Whether a piece of so many bytes and ids is to be remembered. One of several ids that has no more than two bytes for each is on trial:
    /// it must come twice, with fewer than some ten thousand others on trial between. So it is with 95 % of the different pieces of
    /// base64, most of which come once, and with 3 % of those of 24 languages. (If it is not the same one, but another of its hash,
    /// that does no harm.)
    #[inline(always)]
    pub(super) fn admits(&mut self, hash: u64, length: usize, ids: usize) -> bool {
        ids == 1 || length > 2 * ids || self.came_before(hash)
    }

    /// Whether a piece on trial comes again.
    #[inline(always)]
    fn came_before(&mut self, hash: u64) -> bool {
        let tag = (hash >> 32) as u16;
        std::mem::replace(&mut self.tried[(hash >> 48) as usize], tag) == tag
    }

    /// Asks for the place that a short piece has in the long table if it has too many ids.
    pub(super) fn fetch_lengthened(&self, key: ShortKey) {
        fetch(self.long.view(), hash_long(lengthened(key)));
    }

    /// Asks for what [`insert_short`](Self::insert_short) needs beyond the first set of the piece, which was looked at before.
    #[inline(always)]
    pub(super) fn fetch_short(&self, key: ShortKey, hash: u64, ids: usize) {
        self.short.fetch_second(hash);
        if ids > SHORT_IDS {
            self.fetch_lengthened(key);
        }
    }

    /// Remembers the first `count` ids of a row as those of a short piece. (A row is copied whole: with as many
    /// ids as there are, the mix went at 141 instead of 146 MB/s.)
    pub(super) fn insert_short(&mut self, key: ShortKey, hash: u64, ids: &[u32; LONG_IDS], count: usize) {
        if count <= SHORT_IDS {
            self.short.insert(&key, hash, ids, count as u32);
        } else {
            // One of the two may still be there.
            let key_of_long = lengthened(key);
            let hash_of_long = hash_long(key_of_long);
            if self.long.find(&key_of_long, hash_of_long).is_none() {
                self.insert_long(key_of_long, hash_of_long, ids, count);
            }
            if self.short.find(&key, hash).is_none() {
                self.short.insert(&key, hash, &[0; LONG_IDS], ELSEWHERE);
            }
        }
    }

    /// As [`insert_short`](Self::insert_short), of a long piece.
    pub(super) fn insert_long(&mut self, key: LongKey, hash: u64, ids: &[u32; LONG_IDS], count: usize) {
        self.long.insert(&key, hash, ids, count as u32);
    }

    /// Remembers the ids of a piece that fits no way, if it comes again.
    #[cold]
    pub(super) fn insert_outsize(&mut self, piece: &[u8], hash: u64, ids: &[u32]) {
        if self.came_before(hash) {
            self.outsize.insert(piece, hash, ids);
        }
    }
}

/// How many ids a way has.
fn count<const N: usize>(way: &[u64; N]) -> u32 {
    (way[N / 2] as u32) >> COUNT
}

/// Sets of two ways of `N` words, the first half of a way the key, the second half ids of half a word each.
#[derive(Debug)]
pub(super) struct Sets<const N: usize> {
    /// Room for the most sets; what is not in use is never touched.
    room: Zeroed<[[u64; N]; 2]>,
    /// How many are in use, a power of two.
    used: usize,
    inserted: usize,
    replaced: usize,
    /// How many pieces stood in their second set when they were looked up.
    found_second: usize,
    /// What each of these weighs: see [`WEIGHTS`].
    weight: usize,
}

/// What a look-up in a second set weighs, of a short piece and of a long one: a table takes all of its room when those that there were
/// weigh as much as its pieces. That is before they have paid for it (a piece costs 30 to 40 ns to move, with memory for it, up to 100
/// where memory is dear, and such a look-up some 20), since text that comes again goes 4 to 8 % faster from then on. (A first pass of the
/// mix, of half a million different pieces, ends before that: 5 % faster where memory is at hand, 20 % and more where it is dear.)
const WEIGHTS: [usize; 2] = [2, 6];

/// Of so many pieces that take the place of another, one takes that of the older. (4, 16 or 128 are alike.)
const OLDER: usize = 16;

/// The sets that a table begins with, and those that it grows to before it takes half of its room: of short pieces 128 kB, 1 MiB, and
/// then 16. Each step moves what stands there and finds memory anew; half a million pieces make so many steps worth
/// their while. (From 1 MiB to 8 and from there to 32: Finnish 165 MB/s on a first pass in place of 179, German 209 in place of 226,
/// English 329 in place of 320, the mix alike. To double from 8 MiB on, or by four from the first: slower.)
const SIZES: [usize; 2] = [1 << 11, 1 << 14];

impl<const N: usize> Sets<N> {
    fn new(most: usize, weight: usize) -> Self {
        Self { room: Zeroed::new(most), used: SIZES[0], inserted: 0, replaced: 0, found_second: 0, weight }
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
    pub(super) fn view(&self) -> &[[[u64; N]; 2]] {
        &self.room[..self.used]
    }

    fn find(&self, key: &[u64], hash: u64) -> Option<&[u64; N]> {
        let [first, second] = self.homes(hash);
        way(&self.room[first], key).or_else(|| if self.is_free(first) { None } else { way(&self.room[second], key) })
    }

    /// The sets where a piece may stand.
    fn homes(&self, hash: u64) -> [usize; 2] {
        [set(hash, self.used), set(second(hash), self.used)]
    }

    /// Remembers a piece that is not there: in a free way of one of its sets, else where another can give way, else in place of
    /// one of its first set. `key` is half a way; `count` is the number of ids, or [`ELSEWHERE`]; behind them may be anything.
    fn insert(&mut self, key: &[u64], hash: u64, ids: &[u32; LONG_IDS], count: u32) {
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
            && (self.used < most / 2 || self.found_second * self.weight >= self.inserted)
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
    pub(super) fn may_be_elsewhere(&self, key: &[u64], hash: u64) -> bool {
        let set = set(hash, self.used);
        // Without a branch: neither can be foreseen.
        !self.is_free(set) | is_of(&self.room[set][0], key)
    }

    /// Whether a piece that has no ids in either of its sets has some in the other table: then it stands in one of these without.
    #[inline(always)]
    pub(super) fn is_elsewhere(&self, key: &[u64], hash: u64) -> bool {
        let stands = |set: usize| self.room[set].iter().fold(false, |stands, way| stands | is_of(way, key));
        let [first, second] = self.homes(hash);
        stands(first) | stands(second)
    }

    /// What names the second set of a hash if the first is full, else the first: no branch can foresee which it is.
    #[inline(always)]
    pub(super) fn further(&self, hash: u64) -> u64 {
        if self.is_free(set(hash, self.used)) { hash } else { second(hash) }
    }

    /// Asks for the set where [`further`](Self::further) leads.
    #[inline(always)]
    pub(super) fn fetch_second(&self, hash: u64) {
        fetch(self.view(), self.further(hash));
    }

    /// Notes that so many pieces stood in their second set.
    pub(super) fn note_second(&mut self, count: usize) {
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
    #[cold]
    fn grow(&mut self) {
        let (old, most) = (self.used, self.room.len());
        self.used = SIZES.into_iter().chain([most / 2]).find(|&sets| sets > old).unwrap_or(most);
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
                        displaced.push((way, homes));
                    }
                }
            }
        }
        self.inserted -= displaced.len();
        for (way, homes) in displaced {
            self.settle(way, homes);
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

/// Whether a way has this key, found without a branch.
#[inline(always)]
fn is_of<const N: usize>(way: &[u64; N], key: &[u64]) -> bool {
    way.iter().zip(key).fold(0, |bits, (own, key)| bits | (own ^ key)) == 0
}

/// The way of a set that has this key.
fn way<'s, const N: usize>(set: &'s [[u64; N]; 2], key: &[u64]) -> Option<&'s [u64; N]> {
    set.iter().find(|way| way[..N / 2] == *key)
}

/// Puts the ids of a short piece into `ids`, and returns how many there are: 0 if the piece does not stand in the first set of its
/// hash, or if its ids are elsewhere. Which way it is is a matter of luck, so that is computed and not branched on.
#[inline(always)]
pub(super) fn peek<R: Row>(sets: &[[[u64; 4]; 2]], key: &ShortKey, hash: u64, ids: &mut [u32; SHORT_IDS]) -> usize {
    R::entry::<COUNT>(&sets[set(hash, sets.len())], key, ids)
}

/// As [`peek`], of a long piece. (With branches, Greek, repeated, went at 415 in place of 437 MB/s, Bulgarian at 419 in place of 448.)
#[inline(always)]
pub(super) fn peek_long(sets: &[[[u64; 8]; 2]], key: &LongKey, hash: u64, ids: &mut [u32; LONG_IDS]) -> usize {
    let ways = &sets[set(hash, sets.len())];
    let [is_first, is_second] = [is_of(&ways[0], key), is_of(&ways[1], key)];
    let way = &ways[usize::from(is_second)];
    ids.copy_from_slice(bytemuck::cast_slice(&way[4..]));
    ids[0] &= (1 << COUNT) - 1;
    if is_first | is_second { count(way) as usize } else { 0 }
}

/// Asks for the set of a hash ahead of its use. (To the nearest cache: repeated, the mix 361 in place of 366 MB/s, Finnish 395 in place of
/// 404, Bulgarian 435 in place of 462, English 491 in place of 479, which what [`Sink::put`](super::Sink::put) does outweighs.)
#[inline(always)]
pub(super) fn fetch<const N: usize>(sets: &[[[u64; N]; 2]], hash: u64) {
    let set = set(hash, sets.len());
    prefetch_outer(sets, set);
    if size_of::<[u64; N]>() == 64 {
        prefetch_outer(bytemuck::cast_slice::<_, [u64; N]>(sets), 2 * set + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first id of a short piece, wherever it stands, and how many there are.
    fn find(cache: &Cache, key: ShortKey) -> Option<(u32, usize)> {
        let way = cache.short.find(&key, hash_short(key))?;
        if count(way) != ELSEWHERE {
            return Some(found(way));
        }
        let key = lengthened(key);
        cache.long.find(&key, hash_long(key)).map(found)
    }

    fn found<const N: usize>(way: &[u64; N]) -> (u32, usize) {
        (way[N / 2] as u32 & ((1 << COUNT) - 1), count(way) as usize)
    }

    /// The key of a piece of eight bytes.
    fn key(number: u64) -> ShortKey {
        [number, 8 << LENGTH]
    }

    #[test]
    fn what_was_inserted_is_found_while_the_table_grows() {
        let mut cache = Cache::new();
        for number in 0..200_000u64 {
            let ids = [number as u32, 1, 2, 3, 4, 5, 6, 7];
            let count = 1 + (number % 8) as usize;
            cache.insert_short(key(number), hash_short(key(number)), &ids, count);
        }
        let found = |number: u64| find(&cache, key(number));
        let right = (0..200_000).filter(|&number| {
            found(number).is_some_and(|(id, count)| {
                assert_eq!((u64::from(id), count), (number, 1 + (number % 8) as usize));
                true
            })
        });
        // What is not in the first of its sets is looked for beyond only where that may be.
        for number in (0..200_000).filter(|&number| found(number).is_some()) {
            let (key, hash) = (key(number), hash_short(key(number)));
            let first = way(&cache.short.view()[cache.short.homes(hash)[0]], &key);
            let is_answered = first.is_some_and(|way| count(way) != ELSEWHERE);
            assert!(is_answered || cache.short.may_be_elsewhere(&key, hash), "{number}");
        }
        // The long table, of those of more than four ids, may lose some.
        assert!(right.count() > 190_000);
        assert!(found(200_000).is_none());
    }

    #[test]
    fn all_of_the_room_is_taken_when_second_sets_have_cost_enough() {
        let mut sets = Sets::<4>::new(1 << 16, 4);
        let insert = |sets: &mut Sets<4>, number: u64| {
            sets.insert(&key(number), hash_short(key(number)), &[number as u32; LONG_IDS], 1);
        };
        // Of half of the room more than seven of sixteen ways are taken, but nothing was looked for.
        (0..32_000).for_each(|number| insert(&mut sets, number));
        assert_eq!(sets.used, 1 << 15);
        sets.note_second(sets.inserted / 4 - 1);
        insert(&mut sets, 32_000);
        assert_eq!(sets.used, 1 << 15);
        sets.note_second(2);
        insert(&mut sets, 32_001);
        assert_eq!(sets.used, 1 << 16);
        let found = (0..32_002).filter(|&number| sets.find(&key(number), hash_short(key(number))).is_some());
        assert!(found.count() > 31_900);
    }

    #[test]
    fn a_piece_of_many_ids_is_admitted_when_it_comes_again() {
        let mut cache = Cache::new();
        assert!(cache.admits(7 << 40, 1, 1), "one id");
        assert!(cache.admits(7 << 40, 5, 2), "more than two bytes an id");
        assert!(!cache.admits(7 << 40, 4, 2), "it came never before");
        assert!(cache.admits(7 << 40, 4, 2), "it came before");
        // Another one in its place.
        assert!(!cache.admits(8 << 40 | 7, 8, 4));
        assert!(!cache.admits(7 << 40, 4, 2));
    }

    #[test]
    fn keys_of_one_set_only_displace_each_other() {
        // Both halves of the hash name the same set, which has two ways; and nothing grows for them.
        let key = |number: u64| [0, number | 15 << LENGTH];
        let hash = |number: u64| hash_short(key(number));
        assert!((0..100_000).all(|number| hash(number) == 0));
        let mut sets = Sets::<4>::new(1 << 19, 1);
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

    #[test]
    fn an_id_that_leaves_no_room_for_a_count_is_not_remembered() {
        let mut cache = Cache::new();
        for (number, id) in [(1, (1 << COUNT) - 1), (2, 1 << COUNT), (3, u32::MAX)] {
            cache.insert_short(key(number), hash_short(key(number)), &[id; LONG_IDS], 1);
            let found = find(&cache, key(number));
            assert_eq!(found, (id >> COUNT == 0).then_some((id, 1)));
        }
    }
}
