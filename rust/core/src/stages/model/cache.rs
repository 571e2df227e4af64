//! Pieces seen before, with their ids: of one worker, bounded, emptied when it is full.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use crate::error::Result;
use crate::memory::Grow;

/// Bytes of pieces that are kept, and the longest of them.
const BYTES: usize = 1 << 21;
const LONGEST: usize = 64;

/// Where a piece and its ids are.
#[derive(Debug, Clone, Copy)]
struct CachedPiece {
    start: u32,
    ids: u32,
    length: u8,
    count: u8,
}

/// The pieces.
#[derive(Debug, Default)]
pub(in crate::stages) struct PieceCache {
    table: HashTable<CachedPiece>,
    bytes: Vec<u8>,
    ids: Vec<u32>,
}

impl PieceCache {
    /// The ids of a piece.
    #[inline(always)]
    pub(in crate::stages) fn get(&self, piece: &[u8]) -> Option<&[u32]> {
        if piece.len() > LONGEST {
            return None;
        }
        let hash = FxBuildHasher.hash_one(piece);
        let entry = self.table.find(hash, |entry| key(&self.bytes, entry) == piece)?;
        Some(&self.ids[entry.ids as usize..][..usize::from(entry.count)])
    }

    /// Keeps a piece that is not there, unless it is long.
    pub(in crate::stages) fn put(&mut self, piece: &[u8], ids: &[u32]) -> Result<()> {
        let (Ok(length), Ok(count)) = (u8::try_from(piece.len()), u8::try_from(ids.len())) else { return Ok(()) };
        if piece.len() > LONGEST {
            return Ok(());
        }
        if self.bytes.len() + piece.len() > BYTES || self.ids.len() + ids.len() > BYTES {
            self.table.clear();
            self.bytes.clear();
            self.ids.clear();
        }
        let Self { table, bytes, ids: kept } = self;
        let entry = CachedPiece { start: bytes.len() as u32, ids: kept.len() as u32, length, count };
        let hash = |entry: &CachedPiece| FxBuildHasher.hash_one(key(bytes, entry));
        table.try_reserve(1, hash)?;
        bytes.try_extend_from_slice(piece)?;
        kept.try_extend_from_slice(ids)?;
        table.insert_unique(FxBuildHasher.hash_one(piece), entry, |entry| FxBuildHasher.hash_one(key(bytes, entry)));
        Ok(())
    }
}

fn key<'b>(bytes: &'b [u8], entry: &CachedPiece) -> &'b [u8] {
    &bytes[entry.start as usize..][..usize::from(entry.length)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_has_the_ids_that_were_put_whatever_came_between() {
        let mut cache = PieceCache::default();
        let piece = |number: u32| number.to_string().repeat(4);
        for number in 0..200_000 {
            cache.put(piece(number).as_bytes(), &[number, 7]).unwrap();
        }
        assert!(cache.bytes.len() <= BYTES);
        let known = (0..200_000).filter(|&number| cache.get(piece(number).as_bytes()).is_some()).count();
        assert!(known > 1_000);
        for number in 0..200_000 {
            assert!(cache.get(piece(number).as_bytes()).is_none_or(|ids| ids == [number, 7]));
        }
        cache.put(&[b'a'; 65], &[1]).unwrap();
        assert_eq!(cache.get(&[b'a'; 65]), None);
    }
}
