//! Copies table entries of variable length one behind the other.
//!
//! An entry of sixteen places holds at most fifteen parts, bytes or code points, and their number in its last place. So
//! a step is one load, one store of the whole entry and an addition, for any length. Nothing is predicted, and the
//! loads of many steps are in flight at once. A number above fifteen marks a token that has no entry.

use crate::arch::Foreign;
use crate::error::Result;
use crate::memory::Grow;
use crate::stop::Stop;

/// The most parts that an entry holds.
pub(super) const PARTS: usize = 15;

/// An entry: its parts, and their number.
pub(super) type DecodeEntry<T> = [T; PARTS + 1];

/// Number of entries between two checks of the remaining room.
const BLOCK: usize = 1 << 10;

/// Number of ids between two questions whether to stop.
const UNASKED: usize = 1 << 17;

/// The gathered bytes, with room behind them.
#[derive(Debug)]
pub(super) struct GatheredBytes {
    room: Vec<u8>,
    filled: usize,
}

impl GatheredBytes {
    pub(super) fn push(&mut self, parts: &[u8]) -> Result<()> {
        self.make_room(parts.len())?;
        self.room[self.filled..self.filled + parts.len()].copy_from_slice(parts);
        self.filled += parts.len();
        Ok(())
    }

    /// Makes room for at least `least` bytes. Room is cleared in small portions, so that it is still in the first-level
    /// cache when it is filled.
    #[inline(always)]
    fn make_room(&mut self, least: usize) -> Result<()> {
        if self.room.len() - self.filled < least {
            self.room.try_resize(self.filled + 2 * least, 0)?;
        }
        Ok(())
    }
}

/// Copies the entries of `ids`. For an id without an entry, `other` is called with its place: it appends the bytes of
/// the ids from there on, and returns the next place.
#[inline(always)]
pub(super) fn gather(
    entries: &[DecodeEntry<u8>],
    ids: Foreign<'_>,
    stop: &Stop,
    mut other: impl FnMut(&mut GatheredBytes, usize) -> Result<usize>,
) -> Result<Vec<u8>> {
    let mut row = GatheredBytes { room: Vec::new(), filled: 0 };
    row.room.try_reserve_exact(5 * ids.len() + PARTS + 1)?;
    let (mut place, mut asked) = (0, 0);
    while place < ids.len() {
        if place - asked >= UNASKED {
            asked = place;
            stop.check()?;
        }
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
