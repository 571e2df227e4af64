//! Entries of a table in a row, each as long as it says.
//!
//! An entry of sixteen has at most fifteen parts, bytes or code points, and their number in its last place, so that a step is
//! one load, one store of the whole entry and an addition, whatever the length: nothing to predict, and the loads of many
//! steps are under way at once. Larger numbers stand for what has no entry of its own.

use crate::arch::Foreign;
use crate::error::Result;
use crate::memory::Grow;

/// The most parts that an entry holds.
pub(super) const PARTS: usize = 15;

/// An entry: its parts, and how many of them count.
pub(super) type Entry<T> = [T; PARTS + 1];

/// Entries between two looks at the room that is left.
const BLOCK: usize = 1 << 10;

/// What was gathered, with room for more behind it.
#[derive(Debug)]
pub(super) struct Row {
    room: Vec<u8>,
    filled: usize,
}

impl Row {
    pub(super) fn push(&mut self, parts: &[u8]) -> Result<()> {
        self.make_room(parts.len())?;
        self.room[self.filled..self.filled + parts.len()].copy_from_slice(parts);
        self.filled += parts.len();
        Ok(())
    }

    /// Room is cleared little by little, so that it is still in the first cache when it is filled.
    #[inline(always)]
    fn make_room(&mut self, least: usize) -> Result<()> {
        if self.room.len() - self.filled < least {
            self.room.try_resize(self.filled + 2 * least, 0)?;
        }
        Ok(())
    }
}

/// The entries of `ids`. Where an id has none, or none of its own, `other` is called with its place: it appends what
/// stands there, and returns the place after it.
#[inline(always)]
pub(super) fn gather(
    entries: &[Entry<u8>],
    ids: Foreign<'_>,
    mut other: impl FnMut(&mut Row, usize) -> Result<usize>,
) -> Result<Vec<u8>> {
    let mut row = Row { room: Vec::new(), filled: 0 };
    row.room.try_reserve_exact(5 * ids.len() + PARTS + 1)?;
    let mut place = 0;
    while place < ids.len() {
        let block = ids.part(place..ids.len().min(place + BLOCK));
        row.make_room((block.len() + 1) * (PARTS + 1))?;
        let mut taken = 0;
        let mut filled = row.filled;
        for id in block.iter() {
            let Some(entry) = entries.get(id as usize) else { break };
            let length: usize = entry[PARTS].into();
            if length > PARTS {
                break;
            }
            row.room[filled..filled + PARTS + 1].copy_from_slice(entry);
            filled += length;
            taken += 1;
        }
        row.filled = filled;
        place += taken;
        if taken < block.len() {
            place = other(&mut row, place)?;
        }
    }
    row.room.truncate(row.filled);
    Ok(row.room)
}
