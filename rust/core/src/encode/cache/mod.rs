//! The cache of a worker: pieces seen before, with their ids. Bounded, replaced in place.
//!
//! Two tables of sets of two ways: short pieces (up to 15 bytes, up to 4 ids) take 32 bytes, so that a set is one cache line;
//! long ones (up to 31 bytes, up to 8 ids) take 64. A way is its key, then its ids. A key holds the piece's bytes, zero-padded,
//! and in its last byte the piece's length, so distinct pieces have distinct keys whatever their bytes, and an empty way has
//! length 0, which no piece has. Above the first id stands how many there are. Where they stand, and how a table grows, [`sets`](crate::encode::cache::cuckoo) say.
//!
//! A piece that falls into tokens of two bytes and fewer is no word of a language that the vocabulary was trained on, and is remembered
//! only when it comes again ([`Cache::admits`]).

pub(crate) mod cuckoo;
pub(crate) mod oversized;

use crate::arch::U32x16;
use crate::encode::cache::cuckoo::{LONG_IDS, LongKey, SHORT_IDS, Sets, ShortKey, fetch, hash_long};
use crate::encode::cache::oversized::Outsize;
use crate::error::Result;
use crate::memory::filled;

/// The longest piece in the short table, in bytes.
pub(crate) const SHORT: usize = 15;
/// The longest piece in the long table, in bytes.
pub(crate) const LONG: usize = 31;
/// Where a key has the length of its piece.
pub(crate) const LENGTH: u32 = 56;
/// In place of the number of ids of a short piece that has more than [`SHORT_IDS`]: they are in the long table.
const ELSEWHERE: u32 = 0;

/// The key of the piece `text[..length]`. That of one longer than [`SHORT`] is no short piece's.
#[inline(always)]
pub(crate) fn short_key<R: U32x16>(text: &[u8], length: usize) -> ShortKey {
    R::short_key(text, length)
}

/// The key of the piece `text[start..start + length]`, `SHORT < length <= LONG`.
#[inline(always)]
pub(crate) fn long_key<R: U32x16>(text: &[u8], start: usize, length: usize) -> LongKey {
    R::long_key(text, start, length)
}

/// The long key of a short piece, for one that has too many ids for the short table.
pub(crate) fn lengthened([low, high]: ShortKey) -> LongKey {
    let length = high >> LENGTH << LENGTH;
    [low, high ^ length, 0, length]
}

/// How much a cache may grow.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Room {
    /// To 48 MiB.
    Wide,
    /// To 1.5 MiB.
    Narrow,
}

/// The cache of one worker: of its room, as much as 4 MiB for pieces that fit no way, and an eighth of one for trials.
#[derive(Debug)]
pub(crate) struct Cache {
    pub(crate) short: Sets<4>,
    pub(crate) long: Sets<8>,
    pub(crate) outsize: Outsize,
    /// Of the pieces that came on trial a part of the hash, by another part.
    tried: Box<[u16; 1 << 16]>,
    /// Random numbers; their uppermost bits are tosses of a coin.
    coin: u64,
}

impl Cache {
    pub(crate) fn new(room: Room) -> Result<Self> {
        let tried = filled(0, 1 << 16)?.try_into().expect("as many");
        let (short, long) = match room {
            Room::Wide => (Sets::new(1 << 19)?, Sets::new(1 << 17)?),
            Room::Narrow => (Sets::new(1 << 14)?, Sets::new(1 << 12)?),
        };
        Ok(Self { short, long, outsize: Outsize::new()?, tried, coin: 0 })
    }

    /// Whether a piece of so many bytes and ids is to be remembered. One of several ids that has no more than two bytes for each is on trial:
    /// it must come twice, with fewer than some ten thousand others on trial between. So it is with 95 % of the different pieces of
    /// base64, most of which come once, and with 3 % of those of 24 languages. (If it is not the same one, but another of its hash,
    /// that does no harm.)
    #[inline(always)]
    pub(crate) fn admits(&mut self, hash: u64, length: usize, ids: usize) -> bool {
        ids == 1 || length > 2 * ids || self.came_before(hash)
    }

    /// Whether a piece on trial comes again: its place is free then. If another one is on trial there, the toss of a coin decides which of
    /// them stays, or two that come by turns, as in text that is repeated, would be on trial for ever. (Two thousand pieces of the mix
    /// were, and two groups of three had something to merge: the best of nine repeated passes at 349 MB/s in place of 372.)
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

    /// Asks for the place that a short piece has in the long table if it has too many ids.
    pub(crate) fn fetch_lengthened(&self, key: ShortKey) {
        fetch(self.long.view(), hash_long(lengthened(key)));
    }

    /// Asks for what [`insert_short`](Self::insert_short) needs beyond the first set of the piece, which was looked at before.
    #[inline(always)]
    pub(crate) fn fetch_short(&self, key: ShortKey, hash: u64, ids: usize) {
        self.short.fetch_second(hash);
        if ids > SHORT_IDS {
            self.fetch_lengthened(key);
        }
    }

    /// Remembers the first `count` ids of a row as those of a short piece. (A row is copied whole: with as many
    /// ids as there are, the mix went at 141 instead of 146 MB/s.)
    pub(crate) fn insert_short(&mut self, key: ShortKey, hash: u64, ids: &[u32; LONG_IDS], count: usize) {
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
    pub(crate) fn insert_long(&mut self, key: LongKey, hash: u64, ids: &[u32; LONG_IDS], count: usize) {
        self.long.insert(&key, hash, ids, count as u32);
    }

    /// Remembers the ids of a piece that fits no way, if it comes again.
    #[cold]
    pub(crate) fn insert_outsize(&mut self, piece: &[u8], hash: u64, ids: &[u32]) {
        if self.came_before(hash) {
            self.outsize.insert(piece, hash, ids);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::cache::cuckoo::{COUNT, count, hash_short, way};

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
        let mut cache = Cache::new(Room::Wide).unwrap();
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
    fn a_piece_of_many_ids_is_admitted_when_it_comes_again() {
        let mut cache = Cache::new(Room::Wide).unwrap();
        assert!(cache.admits(7 << 40, 1, 1), "one id");
        assert!(cache.admits(7 << 40, 5, 2), "more than two bytes an id");
        assert!(!cache.admits(7 << 40, 4, 2), "it came never before");
        assert!(cache.admits(7 << 40, 4, 2), "it came before");
        assert!(!cache.admits(7 << 40, 4, 2), "it was admitted, and comes for the first time since");
        assert!(!cache.admits(8 << 40 | 7, 8, 4), "another one of its place");
    }

    #[test]
    fn pieces_that_come_by_turns_are_all_admitted_in_the_end() {
        let mut cache = Cache::new(Room::Wide).unwrap();
        // Of one place.
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
        let mut cache = Cache::new(Room::Wide).unwrap();
        for (number, id) in [(1, (1 << COUNT) - 1), (2, 1 << COUNT), (3, u32::MAX)] {
            cache.insert_short(key(number), hash_short(key(number)), &[id; LONG_IDS], 1);
            let found = find(&cache, key(number));
            assert_eq!(found, (id >> COUNT == 0).then_some((id, 1)));
        }
    }
}
