//! Counts on disk, where memory is short.
//!
//! A run holds what a table held, shard by shard, in a temporary file without a name: whatever ends the process, nothing is
//! left. A piece may stand in several runs; its count is the sum. To go over all pieces, one shard at a time is put together
//! in memory, a 64th of the whole.

use std::env;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};

use super::number::{read_number, write_number};
use super::table::{Overflow, Shard};
use crate::error::{Error, Result};

/// The shards of a table in a file.
#[derive(Debug)]
pub(crate) struct Run {
    file: File,
    /// Where each shard begins, and how many pieces it has.
    shards: Vec<(u64, usize)>,
}

impl Run {
    /// Writes shards, all in order.
    ///
    /// # Errors
    /// [`Error::Io`] naming the folder for temporary files, above all if the disk is full; those of `shards`.
    pub(crate) fn write<S: std::borrow::Borrow<Shard>>(shards: impl Iterator<Item = Result<S>>) -> Result<Self> {
        let mut out = Counted { out: BufWriter::new(tempfile::tempfile().map_err(on_disk)?), length: 0 };
        let mut places = Vec::new();
        for shard in shards {
            let shard = shard?;
            let shard = shard.borrow();
            places.push((out.length, shard.len()));
            let mut result = Ok(());
            shard.for_each(|piece, count| {
                if result.is_ok() {
                    result = write_piece(&mut out, piece, count);
                }
            });
            result.map_err(on_disk)?;
        }
        let file = out.out.into_inner().map_err(|error| on_disk(error.into_error()))?;
        Ok(Self { file, shards: places })
    }

    /// Adds the pieces of a shard to one in memory.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Corpus`] if a sum is 2^64 or more.
    pub(crate) fn add_to(&self, into: &mut Shard, number: usize) -> Result<()> {
        let (start, pieces) = self.shards[number];
        let mut input = BufReader::new(At { file: &self.file, place: start });
        let mut piece = Vec::new();
        for _ in 0..pieces {
            let count = read_piece(&mut input, &mut piece).map_err(on_disk)?;
            into.add_piece(&piece, count).map_err(|Overflow| super::overflow())?;
        }
        Ok(())
    }
}

fn write_piece(out: &mut impl Write, piece: &[u8], count: u64) -> io::Result<()> {
    write_number(out, piece.len() as u64)?;
    out.write_all(piece)?;
    write_number(out, count)
}

fn read_piece(input: &mut impl BufRead, piece: &mut Vec<u8>) -> io::Result<u64> {
    piece.resize(read_number(input)? as usize, 0);
    input.read_exact(piece)?;
    read_number(input)
}

fn on_disk(error: io::Error) -> Error {
    Error::io(env::temp_dir(), error)
}

/// Knows how much was written.
struct Counted<W> {
    out: W,
    length: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let length = self.out.write(data)?;
        self.length += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A place in a file that several threads read.
struct At<'f> {
    file: &'f File,
    place: u64,
}

impl Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(unix)]
        let length = std::os::unix::fs::FileExt::read_at(self.file, buffer, self.place)?;
        #[cfg(windows)]
        let length = std::os::windows::fs::FileExt::seek_read(self.file, buffer, self.place)?;
        self.place += length as u64;
        Ok(length)
    }
}
