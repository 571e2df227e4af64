//! Oversized pieces, which fit no way of the tables, with their ids: pieces of more than 31 bytes, and pieces of more
//! than 15 bytes and 8 ids.
//!
//! They are few, but merging one costs as much as a hundred look-ups, and many come again: lines of dashes, the spaces
//! before deeply indented code, compounds, addresses. The last few thousand that came twice are kept; a new one
//! replaces the oldest. A piece that takes more than a kilobyte with its ids is not kept. So all together take at most
//! 4 MiB, for any text.

use std::hash::Hasher;

use rustc_hash::FxHasher;

use crate::error::Result;
use crate::memory::{Grow, copied, filled};

/// Number of pieces that are kept.
const PIECES: usize = 4096;

/// The most bytes of a piece with its ids.
const BYTES: usize = 1024;

/// Bits of the hash by which pieces are found.
const PART: u32 = 16;

#[derive(Debug)]
pub(crate) struct Oversized {
    /// By the upper bits of the hash: one more than the place in `pieces` of the last piece with these bits, or 0.
    places: Box<[u16; 1 << PART]>,
    pieces: Vec<OversizedPiece>,
    /// The place of the next piece: when all places are taken, the place of the oldest.
    next: usize,
}

#[derive(Debug)]
struct OversizedPiece {
    piece: Box<[u8]>,
    ids: Box<[u32]>,
}

impl Oversized {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { places: filled(0, 1 << PART)?.try_into().expect("as many"), pieces: Vec::new(), next: 0 })
    }

    /// A hash of a piece that is too long for the keys of the tables.
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

    /// Inserts a piece, unless it is too large or memory is short.
    pub(crate) fn insert(&mut self, piece: &[u8], hash: u64, ids: &[u32]) {
        if size_of_val(piece) + size_of_val(ids) > BYTES {
            return;
        }
        let (Ok(own), Ok(ids)) = (copied(piece), copied(ids)) else { return };
        let new = OversizedPiece { piece: own.into(), ids: ids.into() };
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
        let mut oversized = Oversized::new().unwrap();
        for number in 0..3 * PIECES {
            let piece = piece(number);
            oversized.insert(&piece, Oversized::hash(&piece), &[number as u32, 7]);
        }
        let known: Vec<usize> = (0..3 * PIECES)
            .filter(|&number| {
                let piece = piece(number);
                let found = oversized.find(&piece, Oversized::hash(&piece));
                found.is_some_and(|ids| {
                    assert_eq!(ids, [number as u32, 7]);
                    true
                })
            })
            .collect();
        assert!(known.iter().all(|&number| number >= 2 * PIECES), "an old one is known");
        // Some share the place of another.
        assert!(known.len() > PIECES * 9 / 10, "{} are known", known.len());
        assert_eq!(oversized.pieces.len(), PIECES);
    }

    #[test]
    fn pieces_of_one_hash_only_displace_each_other() {
        let mut oversized = Oversized::new().unwrap();
        for number in 0..2 * PIECES {
            oversized.insert(&piece(number), 5, &[number as u32]);
            assert_eq!(oversized.find(&piece(number), 5), Some(&[number as u32][..]));
            assert_eq!(oversized.find(&piece(number + 1), 5), None);
        }
    }

    #[test]
    fn what_takes_more_than_a_kilobyte_is_not_kept() {
        let mut oversized = Oversized::new().unwrap();
        for (bytes, ids, is_kept) in [(1020, 1, true), (1021, 1, false), (32, 248, true), (32, 249, false)] {
            let piece = vec![b'x'; bytes];
            oversized.insert(&piece, bytes as u64, &vec![1; ids]);
            assert_eq!(oversized.find(&piece, bytes as u64).is_some(), is_kept, "{bytes} bytes, {ids} ids");
            oversized = Oversized::new().unwrap();
        }
    }
}
