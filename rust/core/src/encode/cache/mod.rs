//! The cache of a worker: pieces seen before, with their ids. It is bounded, and entries are replaced in place.
//!
//! There are two [cuckoo hash tables](crate::encode::cache::cuckoo), whose sets have two ways each. This is the layout
//! of a way, which `arch` knows, too:
//!
//! | table | piece | key | ids | way |
//! |---|---|---|---|---|
//! | short | up to 15 bytes | 16 bytes | up to 4 | 32 bytes; a set is one cache line |
//! | long | up to 31 bytes | 32 bytes | up to 8 | 64 bytes |
//!
//! A key holds the bytes of the piece, padded with zeros, and in its last byte the length. So distinct pieces have
//! distinct keys, and an empty way has length 0, which no piece has. The top four bits of the first id hold the number
//! of ids. A short piece of more than 4 ids has a way without ids in the short table and its ids in the long one.
//!
//! A piece that falls into tokens of two bytes and fewer is no word of a language of the vocabulary. It is inserted
//! only when it comes again ([`Cache::admits`]).

pub(crate) mod cuckoo;
pub(crate) mod oversized;

use crate::arch::U32x16;
use crate::encode::cache::cuckoo::{CuckooTable, LONG_IDS, LongKey, SHORT_IDS, ShortKey, hash_long, prefetch};
use crate::encode::cache::oversized::Oversized;
use crate::error::Result;
use crate::memory::filled;

/// The longest piece in the short table, in bytes.
pub(crate) const SHORT: usize = 15;
/// The longest piece in the long table, in bytes.
pub(crate) const LONG: usize = 31;
/// The bit of a key's last word from which on the length of the piece stands.
pub(crate) const LENGTH: u32 = 56;
/// The number of ids that a short way states if its ids stand in the long table.
const ELSEWHERE: u32 = 0;

/// The key of the piece `text[..length]`. The key of a piece longer than [`SHORT`] equals no short piece's.
#[inline(always)]
pub(crate) fn short_key<R: U32x16>(text: &[u8], length: usize) -> ShortKey {
    R::short_key(text, length)
}

/// The key of the piece `text[start..start + length]`, where `SHORT < length <= LONG`.
#[inline(always)]
pub(crate) fn long_key<R: U32x16>(text: &[u8], start: usize, length: usize) -> LongKey {
    R::long_key(text, start, length)
}

/// The long key of a short piece that has too many ids for the short table.
pub(crate) fn lengthened([low, high]: ShortKey) -> LongKey {
    let length = high >> LENGTH << LENGTH;
    [low, high ^ length, 0, length]
}

/// The size to which a cache may grow.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CacheSize {
    /// To 48 MiB.
    Wide,
    /// To 1.5 MiB.
    Narrow,
}

/// The cache of one worker. In addition to its two tables it takes at most 4 MiB for oversized pieces and 128 KiB for
/// pieces on trial.
#[derive(Debug)]
pub(crate) struct Cache {
    pub(crate) short: CuckooTable<4>,
    pub(crate) long: CuckooTable<8>,
    pub(crate) oversized: Oversized,
    /// The pieces on trial: one part of the hash, by another part.
    tried: Box<[u16; 1 << 16]>,
    /// The state of a random number generator. Its top bit is a toss of a coin.
    coin: u64,
}

impl Cache {
    pub(crate) fn new(room: CacheSize) -> Result<Self> {
        let tried = filled(0, 1 << 16)?.try_into().expect("as many");
        let (short, long) = match room {
            CacheSize::Wide => (CuckooTable::new(1 << 19)?, CuckooTable::new(1 << 17)?),
            CacheSize::Narrow => (CuckooTable::new(1 << 14)?, CuckooTable::new(1 << 12)?),
        };
        Ok(Self { short, long, oversized: Oversized::new()?, tried, coin: 0 })
    }

    /// Whether to insert a piece of `length` bytes and `ids` ids. A piece of several ids with at most two bytes an id
    /// is on trial: it must come twice, with fewer than about ten thousand other pieces on trial in between. This
    /// concerns 95 % of the different pieces of base64, most of which occur once, and 3 % of the different pieces of 24
    /// languages. (Another piece with the same hash may be taken for it; that does no harm.)
    #[inline(always)]
    pub(crate) fn admits(&mut self, hash: u64, length: usize, ids: usize) -> bool {
        ids == 1 || length > 2 * ids || self.came_before(hash)
    }

    /// Whether a piece on trial comes again; then its place becomes free. If another piece is on trial in that place, a
    /// toss of a coin decides which of the two stays. Without it, two pieces that come by turns, as in repeated text,
    /// would be on trial for ever. (Two thousand pieces of the mix were: the best of nine repeated passes at 349
    /// instead of 372 MB/s.)
    #[inline(always)]
    fn came_before(&mut self, hash: u64) -> bool {
        let (tag, place) = ((hash >> 32) as u16, &mut self.tried[(hash >> 48) as usize]);
        let comes_again = *place == tag;
        // A linear congruential generator (Knuth's MMIX).
        self.coin = self.coin.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let stays = (*place != 0) & (self.coin >> 63 != 0);
        *place = if comes_again {
            0
        } else if stays {
            *place
        } else {
            tag
        };
        comes_again
    }

    /// Prefetches the place that a short piece has in the long table if it has too many ids.
    pub(crate) fn prefetch_lengthened(&self, key: ShortKey) {
        prefetch(self.long.view(), hash_long(lengthened(key)));
    }

    /// Prefetches the memory that [`insert_short`](Self::insert_short) needs beyond the first set of the piece, which
    /// was read before.
    #[inline(always)]
    pub(crate) fn prefetch_short(&self, key: ShortKey, hash: u64, ids: usize) {
        self.short.prefetch_second(hash);
        if ids > SHORT_IDS {
            self.prefetch_lengthened(key);
        }
    }

    /// Inserts a short piece with the first `count` of `ids`. All of `ids` are copied: copying `count` of them took the
    /// mix from 146 to 141 MB/s.
    pub(crate) fn insert_short(&mut self, key: ShortKey, hash: u64, ids: &[u32; LONG_IDS], count: usize) {
        if count <= SHORT_IDS {
            self.short.insert(&key, hash, ids, count as u32);
        } else {
            // One of the two entries may still be there.
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

    /// Inserts a long piece, as [`insert_short`](Self::insert_short) does.
    pub(crate) fn insert_long(&mut self, key: LongKey, hash: u64, ids: &[u32; LONG_IDS], count: usize) {
        self.long.insert(&key, hash, ids, count as u32);
    }

    /// Inserts a piece that fits no way, if it comes again.
    #[cold]
    pub(crate) fn insert_oversized(&mut self, piece: &[u8], hash: u64, ids: &[u32]) {
        if self.came_before(hash) {
            self.oversized.insert(piece, hash, ids);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::cache::cuckoo::{COUNT, count, hash_short, way};

    /// The first id of a short piece, from either table, and the number of its ids.
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
        let mut cache = Cache::new(CacheSize::Wide).unwrap();
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
        // A piece that is not in its first set is looked up second_if_full only if it may stand elsewhere.
        for number in (0..200_000).filter(|&number| found(number).is_some()) {
            let (key, hash) = (key(number), hash_short(key(number)));
            let first = way(&cache.short.view()[cache.short.homes(hash)[0]], &key);
            let is_answered = first.is_some_and(|way| count(way) != ELSEWHERE);
            assert!(is_answered || cache.short.may_be_elsewhere(&key, hash), "{number}");
        }
        // The long table, which holds pieces of more than four ids, may lose some.
        assert!(right.count() > 190_000);
        assert!(found(200_000).is_none());
    }

    #[test]
    fn a_piece_of_many_ids_is_admitted_when_it_comes_again() {
        let mut cache = Cache::new(CacheSize::Wide).unwrap();
        assert!(cache.admits(7 << 40, 1, 1), "one id");
        assert!(cache.admits(7 << 40, 5, 2), "more than two bytes an id");
        assert!(!cache.admits(7 << 40, 4, 2), "it came never before");
        assert!(cache.admits(7 << 40, 4, 2), "it came before");
        assert!(!cache.admits(7 << 40, 4, 2), "it was admitted, and comes for the first time since");
        assert!(!cache.admits(8 << 40 | 7, 8, 4), "another one of its place");
    }

    #[test]
    fn pieces_that_come_by_turns_are_all_admitted_in_the_end() {
        let mut cache = Cache::new(CacheSize::Wide).unwrap();
        // All hashes have the same place.
        let mut on_trial: Vec<u64> = (1..6).map(|number| number << 40).collect();
        let mut turns = 0;
        while !on_trial.is_empty() {
            on_trial.retain(|&hash| !cache.admits(hash, 4, 2));
            turns += 1;
            assert!(turns < 50, "{on_trial:?} are still on trial");
        }
        assert!(turns > 2, "one of five at a time");
    }

    #[test]
    fn an_id_that_leaves_no_room_for_a_count_is_not_remembered() {
        let mut cache = Cache::new(CacheSize::Wide).unwrap();
        for (number, id) in [(1, (1 << COUNT) - 1), (2, 1 << COUNT), (3, u32::MAX)] {
            cache.insert_short(key(number), hash_short(key(number)), &[id; LONG_IDS], 1);
            let found = find(&cache, key(number));
            assert_eq!(found, (id >> COUNT == 0).then_some((id, 1)));
        }
    }
}
