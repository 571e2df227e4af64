//! A hash table from pieces to numbers.
//!
//! Nearly all pieces have at most 15 bytes and stand in their slot; longer pieces stand in an arena beside the table.
//! The table is divided into shards by hash, so that all threads together can add one table to another.

use std::collections::TryReserveError;
use std::hash::BuildHasher;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustc_hash::FxBuildHasher;

use crate::arch;
use crate::error::{Error, Result};
use crate::memory::{copied, filled};
use crate::threads;

/// Shards of a table.
pub(crate) const SHARDS: usize = 64;

/// Number of pieces that are counted together.
const GROUP: usize = 32;

/// The longest piece that stands in its slot, in bytes.
const SHORT: usize = 15;

/// In place of a length: the piece stands in the arena.
const LONG: u64 = 255;

/// Tables of fewer pieces are added without a question in between.
const UNASKED: usize = if cfg!(test) { 1 } else { 1 << 18 };

/// Slots of a shard when it gets its first piece. All sizes are powers of two.
const FIRST: usize = 8;

/// A piece as the table compares it. A short piece: its bytes, zeros, and its length in the last byte. A long piece:
/// its hash, its number in the arena, and [`LONG`] as length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PieceKey {
    low: u64,
    high: u64,
}

impl PieceKey {
    /// The key of the `length` bytes that begin at `start`.
    #[inline(always)]
    fn new(text: &[u8], start: usize, length: usize) -> Self {
        if length <= SHORT { Self::short(text, start, length) } else { Self::long(&text[start..start + length]) }
    }

    #[inline(always)]
    fn short(text: &[u8], start: usize, length: usize) -> Self {
        let [low, high] = arch::short_key(&text[start..], length);
        Self { low, high }
    }

    fn long(piece: &[u8]) -> Self {
        Self { low: FxBuildHasher.hash_one(piece), high: LONG << 56 }
    }

    fn length(self) -> u64 {
        self.high >> 56
    }

    fn is_long(self) -> bool {
        self.length() == LONG
    }

    /// The number of a long piece.
    fn number(self) -> usize {
        (self.high & (u64::MAX >> 8)) as usize
    }

    /// The key by which any table finds the piece.
    fn unnumbered(self) -> Self {
        if self.is_long() { Self { high: LONG << 56, ..self } } else { self }
    }

    fn hash(self) -> u64 {
        let Self { low, high } = self.unnumbered();
        let product = u128::from(low ^ 0x9e37_79b9_7f4a_7c15) * u128::from(high ^ 0xd6e8_feb8_6659_fd93);
        product as u64 ^ (product >> 64) as u64
    }
}

/// A piece and its number. A slot is free if its length is 0.
#[derive(Debug, Clone, Copy)]
struct Slot {
    key: PieceKey,
    count: u64,
}

const FREE: Slot = Slot { key: PieceKey { low: 0, high: 0 }, count: 0 };

/// The reason why a number was not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddError {
    /// A sum is beyond `u64`.
    Overflow,
    /// The system does not grant the memory.
    Memory,
}

impl AddError {
    /// The error, given the error for a sum that is too large.
    pub(crate) fn or(self, overflow: impl FnOnce() -> Error) -> Error {
        match self {
            Self::Overflow => overflow(),
            Self::Memory => Error::Memory,
        }
    }
}

impl From<Error> for AddError {
    fn from(_: Error) -> Self {
        Self::Memory
    }
}

impl From<TryReserveError> for AddError {
    fn from(_: TryReserveError) -> Self {
        Self::Memory
    }
}

/// From pieces to numbers: counts or weights. Each shard is a table of its own.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) shards: Vec<Shard>,
}

/// The part of a [`Table`] for one range of hashes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shard {
    slots: Vec<Slot>,
    used: usize,
    /// The place of each long piece in the arena.
    places: Vec<(usize, usize)>,
    arena: Vec<u8>,
}

impl Default for Table {
    fn default() -> Self {
        Self { shards: vec![Shard::default(); SHARDS] }
    }
}

impl Table {
    /// Adds 1 to the number of each of some consecutive pieces. The first begins at `start` in `text`; the ends are
    /// counted from there. Pieces are not empty.
    pub(crate) fn count(&mut self, text: &[u8], start: usize, ends: &[u32]) -> Result<(), AddError> {
        let mut begin = start;
        for ends in ends.chunks(GROUP) {
            let mut keys = [const { (PieceKey { low: 0, high: 0 }, 0, 0..0) }; GROUP];
            for (entry, &end) in keys.iter_mut().zip(ends) {
                let end = start + end as usize;
                let key = PieceKey::new(text, begin, end - begin);
                let hash = key.hash();
                // The slots of the whole group are prefetched, so that their cache misses overlap.
                self.shard(hash).prefetch(hash);
                *entry = (key, hash, begin..end);
                begin = end;
            }
            for (key, hash, range) in keys.into_iter().take(ends.len()) {
                self.shard(hash).add(key, hash, &text[range], 1)?;
            }
        }
        Ok(())
    }

    /// Adds `count` to the number of the piece that begins at `start` in `text`. Pieces are not empty.
    pub(crate) fn add(&mut self, text: &[u8], start: usize, length: usize, count: u64) -> Result<(), AddError> {
        let key = PieceKey::new(text, start, length);
        let hash = key.hash();
        self.shard(hash).add(key, hash, &text[start..start + length], count)
    }

    fn shard(&mut self, hash: u64) -> &mut Shard {
        &mut self.shards[(hash >> 58) as usize]
    }

    /// The number of different pieces.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(Shard::len).sum()
    }

    /// Clones, or fails if there is no memory.
    pub(crate) fn try_clone(&self) -> Result<Self> {
        Ok(Self { shards: self.shards.iter().map(Shard::try_clone).collect::<Result<_>>()? })
    }

    /// Bytes of memory in use.
    pub(crate) fn memory(&self) -> usize {
        self.shards.iter().map(Shard::memory).sum()
    }

    /// Adds another table, by ranges of hashes, on `threads` threads. `ask` is called at intervals.
    ///
    /// # Errors
    /// [`Error::Memory`]; that of `overflow` if a number becomes too large; those of `ask`. Both tables stay unchanged.
    pub(crate) fn add_all(
        &mut self,
        other: &mut Self,
        threads: usize,
        ask: &mut dyn FnMut() -> Result<()>,
        overflow: impl Fn() -> Error,
    ) -> Result<()> {
        let by_range = |tables: [&mut [Shard]; 2], work: fn([&mut Shard; 2]) -> Result<(), AddError>| {
            let length = tables[0].len().div_ceil(threads);
            let [ours, others] = tables.map(|shards| shards.chunks_mut(length));
            let ranges = ours.zip(others).collect();
            let done = threads::map(ranges, |(ours, others): (&mut [Shard], &mut [Shard])| {
                ours.iter_mut().zip(others).try_for_each(|(own, other)| work([own, other]))
            });
            done.into_iter().collect::<Result<(), _>>().map_err(|refused: AddError| refused.or(&overflow))
        };
        let unasked = if self.len().min(other.len()) < UNASKED { SHARDS } else { SHARDS / 16 };
        for (ours, others) in self.shards.chunks_mut(unasked).zip(other.shards.chunks_mut(unasked)) {
            ask()?;
            by_range([ours, others], |[own, other]| {
                let (large, small) = if own.len() < other.len() { (other, own) } else { (own, other) };
                large.prepare(small)
            })?;
        }
        by_range([&mut self.shards, &mut other.shards], |[own, other]| {
            if own.len() < other.len() {
                std::mem::swap(own, other);
            }
            own.add_all(other, 1)?;
            *other = Shard::default();
            Ok(())
        })
    }
}

/// A table that several threads fill at once. A thread holds the lock of a shard while it adds to it.
#[derive(Debug)]
pub(crate) struct SharedTable {
    shards: Vec<Mutex<Shard>>,
    memory: AtomicUsize,
}

impl Default for SharedTable {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), memory: AtomicUsize::new(0) }
    }
}

impl SharedTable {
    /// Adds to the number of a piece, and returns whether it is new.
    pub(crate) fn add(&self, piece: &[u8], count: u64) -> Result<bool, AddError> {
        let key = PieceKey::new(piece, 0, piece.len());
        let hash = key.hash();
        let mut shard = self.shards[(hash >> 58) as usize].lock().expect("adding does not panic");
        let (before, memory) = (shard.len(), shard.memory());
        shard.add(key, hash, piece, count)?;
        let more = shard.memory() - memory;
        if more > 0 {
            self.memory.fetch_add(more, Ordering::Relaxed);
        }
        Ok(shard.len() > before)
    }

    /// Adds another shard to shard `number`.
    pub(crate) fn add_all(&self, number: usize, other: &Shard) -> Result<(), AddError> {
        let mut shard = self.shards[number].lock().expect("adding does not panic");
        let memory = shard.memory();
        let added = shard.add_all(other, 1);
        self.memory.fetch_add(shard.memory() - memory, Ordering::Relaxed);
        added
    }

    /// Takes all shards out, as a table.
    pub(crate) fn take_all(&self) -> Table {
        Table { shards: (0..SHARDS).map(|number| self.take(number)).collect() }
    }

    /// Takes a shard out.
    pub(crate) fn take(&self, number: usize) -> Shard {
        let shard = std::mem::take(&mut *self.shards[number].lock().expect("adding does not panic"));
        self.memory.fetch_sub(shard.memory(), Ordering::Relaxed);
        shard
    }

    /// Bytes of memory in use.
    pub(crate) fn memory(&self) -> usize {
        self.memory.load(Ordering::Relaxed)
    }
}

impl Shard {
    /// The number of different pieces.
    pub(crate) fn len(&self) -> usize {
        self.used
    }

    /// Calls `sink` with every piece and its number, in no particular order, until it fails.
    pub(crate) fn for_each<E>(&self, mut sink: impl FnMut(&[u8], u64) -> Result<(), E>) -> Result<(), E> {
        let mut slots = self.slots.iter().filter(|slot| slot.key.length() > 0);
        slots.try_for_each(|slot| self.with_bytes(slot.key, |piece| sink(piece, slot.count)))
    }

    /// Adds to the number of a piece of this shard.
    pub(crate) fn add_piece(&mut self, piece: &[u8], count: u64) -> Result<(), AddError> {
        let key = PieceKey::new(piece, 0, piece.len());
        self.add(key, key.hash(), piece, count)
    }

    /// Bytes of memory in use.
    pub(crate) fn memory(&self) -> usize {
        size_of_val(self.slots.as_slice())
            + self.places.capacity() * size_of::<(usize, usize)>()
            + self.arena.capacity()
    }

    /// Adds another shard for the same hashes, with each number times `factor`.
    pub(crate) fn add_all(&mut self, other: &Self, factor: u64) -> Result<(), AddError> {
        for slot in other.slots.iter().filter(|slot| slot.key.length() > 0) {
            let count = slot.count.checked_mul(factor).ok_or(AddError::Overflow)?;
            let hash = slot.key.hash();
            other.with_bytes(slot.key, |piece| self.add(slot.key.unnumbered(), hash, piece, count))?;
        }
        Ok(())
    }

    /// Removes all pieces, but keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.slots.fill(FREE);
        self.used = 0;
        self.places.clear();
        self.arena.clear();
    }

    /// The pieces whose number is at least `least`.
    pub(crate) fn retained(&self, least: u64) -> Result<Self, AddError> {
        let mut kept = Self::default();
        for slot in self.slots.iter().filter(|slot| slot.key.length() > 0 && slot.count >= least) {
            let hash = slot.key.hash();
            self.with_bytes(slot.key, |piece| kept.add(slot.key.unnumbered(), hash, piece, slot.count))?;
        }
        Ok(kept)
    }

    /// Clones, or fails if there is no memory.
    pub(crate) fn try_clone(&self) -> Result<Self> {
        let Self { slots, used, places, arena } = self;
        Ok(Self { slots: copied(slots)?, used: *used, places: copied(places)?, arena: copied(arena)? })
    }

    fn with_bytes<R>(&self, key: PieceKey, use_bytes: impl FnOnce(&[u8]) -> R) -> R {
        if key.is_long() {
            let (start, end) = self.places[key.number()];
            use_bytes(&self.arena[start..end])
        } else {
            let bytes = (u128::from(key.low) | u128::from(key.high) << 64).to_le_bytes();
            use_bytes(&bytes[..key.length() as usize])
        }
    }

    /// Prefetches the slot of a hash.
    #[inline(always)]
    fn prefetch(&self, hash: u64) {
        arch::prefetch(&self.slots, hash as usize & self.slots.len().wrapping_sub(1));
    }

    /// Adds to a piece's number; its bytes matter only if it is long.
    fn add(&mut self, key: PieceKey, hash: u64, piece: &[u8], count: u64) -> Result<(), AddError> {
        if self.used * 4 >= self.slots.len() * 3 {
            self.grow()?;
        }
        let place = match self.find(key, hash, piece) {
            Ok(place) => {
                let slot = &mut self.slots[place];
                slot.count = slot.count.checked_add(count).ok_or(AddError::Overflow)?;
                return Ok(());
            }
            Err(place) => place,
        };
        let mut key = key;
        if key.is_long() {
            key.high |= self.places.len() as u64;
            let start = self.arena.len();
            self.arena.try_reserve(piece.len())?;
            self.places.try_reserve(1)?;
            self.arena.extend_from_slice(piece);
            self.places.push((start, self.arena.len()));
        }
        self.slots[place] = Slot { key, count };
        self.used += 1;
        Ok(())
    }

    /// The slot of a piece, or the free slot where it would stand. The shard must have a free slot.
    #[inline(always)]
    fn find(&self, key: PieceKey, hash: u64, piece: &[u8]) -> Result<usize, usize> {
        let mask = self.slots.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            let slot = &self.slots[place];
            let same = if key.is_long() {
                slot.key.is_long() && slot.key.low == key.low && {
                    let (start, end) = self.places[slot.key.number()];
                    &self.arena[start..end] == piece
                }
            } else {
                slot.key == key
            };
            if same {
                return Ok(place);
            }
            if slot.key.length() == 0 {
                return Err(place);
            }
            place = (place + 1) & mask;
        }
    }

    /// Makes room for another shard and checks that no number becomes too large. Adding it can then not fail.
    fn prepare(&mut self, other: &Self) -> Result<(), AddError> {
        let (mut pieces, mut long, mut bytes) = (0, 0, 0);
        for slot in other.slots.iter().filter(|slot| slot.key.length() > 0) {
            let (key, hash) = (slot.key.unnumbered(), slot.key.hash());
            let found = if self.slots.is_empty() {
                None
            } else {
                other.with_bytes(slot.key, |piece| self.find(key, hash, piece)).ok()
            };
            match found {
                Some(place) => {
                    self.slots[place].count.checked_add(slot.count).ok_or(AddError::Overflow)?;
                }
                None if key.is_long() => {
                    (pieces, long) = (pieces + 1, long + 1);
                    bytes += other.with_bytes(slot.key, <[u8]>::len);
                }
                None => pieces += 1,
            }
        }
        while (self.used + pieces) * 4 > self.slots.len() * 3 {
            self.grow()?;
        }
        self.places.try_reserve(long)?;
        Ok(self.arena.try_reserve(bytes)?)
    }

    fn grow(&mut self) -> Result<(), AddError> {
        let slots = filled(FREE, (self.slots.len() * 2).max(FIRST))?;
        let mask = slots.len() - 1;
        for slot in std::mem::replace(&mut self.slots, slots) {
            if slot.key.length() > 0 {
                let mut place = slot.key.hash() as usize & mask;
                while self.slots[place].key.length() > 0 {
                    place = (place + 1) & mask;
                }
                self.slots[place] = slot;
            }
        }
        Ok(())
    }
}
