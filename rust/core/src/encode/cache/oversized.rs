//! Pieces that fit no way of the cache, with their ids: those of more than 31 bytes, and those of more than 15 that have more than 8 ids.
//!
//! They are few, but to merge one costs as much as to look up a hundred others, and many come again and again: lines of dashes, the
//! spaces before deeply indented code, compounds, addresses. The last few thousand that came again are kept, and the oldest give way;
//! one that takes more than a kilobyte with its ids is not kept: so 4 MiB are the most, whatever the text.

use std::hash::Hasher;

use rustc_hash::FxHasher;

use crate::error::Result;
use crate::memory::{Grow, copied, filled};

/// How many are kept.
const PIECES: usize = 4096;

/// The most bytes of one, its ids included.
const BYTES: usize = 1024;

/// A part of the hash, by which they are found.
const PART: u32 = 16;

#[derive(Debug)]
pub(crate) struct Outsize {
    /// By a part of the hash: one more than the place in `pieces` of the last that had it, or 0.
    places: Box<[u16; 1 << PART]>,
    pieces: Vec<Known>,
    /// The place of the next one: that of the oldest, when there are as many as are kept.
    next: usize,
}

#[derive(Debug)]
struct Known {
    piece: Box<[u8]>,
    ids: Box<[u32]>,
}

impl Outsize {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { places: filled(0, 1 << PART)?.try_into().expect("as many"), pieces: Vec::new(), next: 0 })
    }

    /// A hash of a piece that is too long for the keys of the cache.
    pub(crate) fn hash(piece: &[u8]) -> u64 {
        let mut hasher = FxHasher::default();
        hasher.write(piece);
        hasher.finish()
    }

    fn part(hash: u64) -> usize {
        (hash >> (u64::BITS - PART)) as usize
    }

    /// The ids of a piece.
    pub(crate) fn find(&self, piece: &[u8], hash: u64) -> Option<&[u32]> {
        let place = usize::from(self.places[Self::part(hash)]).checked_sub(1)?;
        let known = &self.pieces[place];
        (*known.piece == *piece).then_some(&known.ids)
    }

    /// Remembers the ids of a piece, if it is not too large and there is memory for it.
    pub(crate) fn insert(&mut self, piece: &[u8], hash: u64, ids: &[u32]) {
        if size_of_val(piece) + size_of_val(ids) > BYTES {
            return;
        }
        let (Ok(own), Ok(ids)) = (copied(piece), copied(ids)) else { return };
        let new = Known { piece: own.into(), ids: ids.into() };
        let place = self.next;
        if let Some(old) = self.pieces.get_mut(place) {
            *old = new;
        } else if self.pieces.try_push(new).is_err() {
            return;
        }
        self.next = (place + 1) % PIECES;
        self.places[Self::part(hash)] = place as u16 + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(number: usize) -> Vec<u8> {
        format!("{number:040}").into_bytes()
    }

    #[test]
    fn the_last_ones_are_known() {
        let mut outsize = Outsize::new().unwrap();
        for number in 0..3 * PIECES {
            let piece = piece(number);
            outsize.insert(&piece, Outsize::hash(&piece), &[number as u32, 7]);
        }
        let known: Vec<usize> = (0..3 * PIECES)
            .filter(|&number| {
                let piece = piece(number);
                let found = outsize.find(&piece, Outsize::hash(&piece));
                found.is_some_and(|ids| {
                    assert_eq!(ids, [number as u32, 7]);
                    true
                })
            })
            .collect();
        assert!(known.iter().all(|&number| number >= 2 * PIECES), "an old one is known");
        // Some have the place of another.
        assert!(known.len() > PIECES * 9 / 10, "{} are known", known.len());
        assert_eq!(outsize.pieces.len(), PIECES);
    }

    #[test]
    fn pieces_of_one_hash_only_displace_each_other() {
        let mut outsize = Outsize::new().unwrap();
        for number in 0..2 * PIECES {
            outsize.insert(&piece(number), 5, &[number as u32]);
            assert_eq!(outsize.find(&piece(number), 5), Some(&[number as u32][..]));
            assert_eq!(outsize.find(&piece(number + 1), 5), None);
        }
    }

    #[test]
    fn what_takes_more_than_a_kilobyte_is_not_kept() {
        let mut outsize = Outsize::new().unwrap();
        for (bytes, ids, is_kept) in [(1020, 1, true), (1021, 1, false), (32, 248, true), (32, 249, false)] {
            let piece = vec![b'x'; bytes];
            outsize.insert(&piece, bytes as u64, &vec![1; ids]);
            assert_eq!(outsize.find(&piece, bytes as u64).is_some(), is_kept, "{bytes} bytes, {ids} ids");
            outsize = Outsize::new().unwrap();
        }
    }
}
