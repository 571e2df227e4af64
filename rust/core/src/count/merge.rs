//! Sorted pieces: how they are written, and how several sorted sequences become one.
//!
//! A piece is written as the length of the prefix that it shares with the piece before, the length and bytes of the
//! rest, and its count, all numbers as LEB128.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::io::{self, BufRead, Read, Write};

use super::table::Shard;
use crate::count::leb128::{read_number, write_number};
use crate::error::Result;
use crate::memory::Grow;

/// The pieces of a shard in the order of their bytes.
pub(crate) struct Sorted {
    bytes: Vec<u8>,
    places: Vec<(usize, usize, u64)>,
}

impl Sorted {
    pub(crate) fn new(shard: &Shard) -> Result<Self> {
        let mut bytes = Vec::new();
        let mut places = Vec::new();
        places.try_reserve_exact(shard.len())?;
        shard.for_each(|piece, count| {
            places.push((bytes.len(), bytes.len() + piece.len(), count));
            bytes.try_extend_from_slice(piece)
        })?;
        places.sort_unstable_by(|a, b| bytes[a.0..a.1].cmp(&bytes[b.0..b.1]));
        Ok(Self { bytes, places })
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.places.iter().map(|&(start, end, count)| (&self.bytes[start..end], count))
    }
}

/// Writes the piece that follows `before`, and makes it the new `before`.
pub(crate) fn write_piece(out: &mut impl Write, before: &mut Vec<u8>, piece: &[u8], count: u64) -> io::Result<()> {
    let shared = before.iter().zip(piece).take_while(|(a, b)| a == b).count();
    write_number(out, shared as u64)?;
    write_bytes(out, &piece[shared..])?;
    before.truncate(shared);
    before.try_extend_from_slice(&piece[shared..]).map_err(|_| io::ErrorKind::OutOfMemory)?;
    write_number(out, count)
}

/// Reads the piece that follows `piece` into `piece`, and returns its count.
///
/// # Errors
/// The errors of `input`; `InvalidData` if the bytes are no piece, or the piece does not sort behind the one before.
pub(crate) fn read_piece(input: &mut impl BufRead, piece: &mut Vec<u8>) -> io::Result<u64> {
    let shared = usize::try_from(read_number(input)?).map_err(io::Error::other)?;
    let next = piece.get(shared).copied();
    if shared > piece.len() {
        return Err(invalid("a piece shares bytes that are not there"));
    }
    piece.truncate(shared);
    read_bytes(input, piece)?;
    // The shared prefix is as long as possible, so the next byte decides the order.
    if piece.len() == shared || next.is_some_and(|next| piece[shared] <= next) {
        return Err(invalid("the pieces are not in order"));
    }
    read_number(input)
}

pub(crate) fn invalid(reason: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.into())
}

pub(crate) fn write_bytes(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    write_number(out, bytes.len() as u64)?;
    out.write_all(bytes)
}

/// Appends bytes. Reserves memory only for bytes that exist. The claimed length is not trusted.
pub(crate) fn read_bytes(input: &mut impl BufRead, bytes: &mut Vec<u8>) -> io::Result<()> {
    let length = read_number(input)?;
    if input.take(length).read_to_end(bytes)? as u64 == length {
        Ok(())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// Yields pieces in order, one at a time.
pub(crate) trait PieceStream {
    /// The next piece and its count, if there is one.
    fn next(&mut self, piece: &mut Vec<u8>) -> Result<Option<u64>>;
}

/// The current piece of a sequence, and the rest of it.
struct SequenceHead<'s> {
    piece: Vec<u8>,
    count: u64,
    factor: u64,
    rest: Box<dyn PieceStream + 's>,
}

/// Reversed, because the heap yields the largest first.
impl Ord for SequenceHead<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.piece.cmp(&self.piece)
    }
}

impl PartialOrd for SequenceHead<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for SequenceHead<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.piece == other.piece
    }
}

impl Eq for SequenceHead<'_> {}

/// Calls `sink` with each piece of some sequences, in order, and the sum of its counts times the factors of the
/// sequences.
///
/// # Errors
/// The errors of the sequences and of `sink`; [`Error::Corpus`](crate::Error::Corpus) if a sum is 2^64 or more.
pub(crate) fn merge<'s>(
    streams: impl Iterator<Item = (Box<dyn PieceStream + 's>, u64)>,
    mut sink: impl FnMut(&[u8], u64) -> Result<()>,
) -> Result<()> {
    let mut heads = BinaryHeap::new();
    for (mut rest, factor) in streams {
        let mut piece = Vec::new();
        if let Some(count) = rest.next(&mut piece)? {
            heads.try_reserve(1)?;
            heads.push(SequenceHead { piece, count, factor, rest });
        }
    }
    let mut present = Vec::new();
    while let Some(first) = heads.peek() {
        present.clear();
        present.try_extend_from_slice(&first.piece)?;
        let mut sum = 0_u64;
        while let Some(mut head) = heads.peek_mut() {
            if head.piece != present {
                break;
            }
            let count = head.count.checked_mul(head.factor);
            sum = count.and_then(|count| sum.checked_add(count)).ok_or_else(super::overflow)?;
            let SequenceHead { piece, count, rest, .. } = &mut *head;
            match rest.next(piece)? {
                Some(next) => *count = next,
                None => drop(PeekMut::pop(head)),
            }
        }
        sink(&present, sum)?;
    }
    Ok(())
}

/// A sorted shard in memory as a sequence.
pub(crate) struct InMemory {
    sorted: Sorted,
    next: usize,
}

impl From<Sorted> for InMemory {
    fn from(sorted: Sorted) -> Self {
        Self { sorted, next: 0 }
    }
}

impl PieceStream for InMemory {
    fn next(&mut self, piece: &mut Vec<u8>) -> Result<Option<u64>> {
        let Some(&(start, end, count)) = self.sorted.places.get(self.next) else { return Ok(None) };
        self.next += 1;
        piece.clear();
        piece.try_extend_from_slice(&self.sorted.bytes[start..end])?;
        Ok(Some(count))
    }
}
