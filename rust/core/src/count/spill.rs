//! Counts on disk, for when memory is short.
//!
//! A run holds the content of a table, shard by shard, the pieces of each in the order of their bytes. It is a
//! temporary file without a name, so nothing is left behind however the process ends. A piece may stand in several
//! runs; all runs are read side by side, so that memory holds one piece of each.

use std::env;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};

use super::table::Shard;
use crate::count::merge::{PieceStream, Sorted, read_piece, write_piece};
use crate::error::{Error, Result};
use crate::output::Scratch;

/// The shards of a table in a file.
#[derive(Debug)]
pub(crate) struct Run {
    file: File,
    /// The start and the number of pieces of each shard.
    shards: Vec<(u64, usize)>,
}

impl Run {
    /// Writes the shards of a table. `ask` is called before each of them; its failure ends the work.
    ///
    /// # Errors
    /// As for [`Writer`]; those of `ask`.
    pub(crate) fn write(shards: &[Shard], ask: &mut dyn FnMut() -> Result<()>) -> Result<Self> {
        let mut writer = Writer::new()?;
        for shard in shards {
            ask()?;
            Sorted::new(shard)?.iter().try_for_each(|(piece, count)| writer.add(piece, count))?;
            writer.end_shard();
        }
        writer.finish()
    }

    /// The pieces of a shard, in the order of their bytes.
    pub(crate) fn stream(&self, number: usize) -> impl PieceStream {
        let (start, left) = self.shards[number];
        RunPieces { input: BufReader::new(SpillReader { file: &self.file, place: start }), left }
    }

    /// Calls `sink` with each piece of a shard and its count.
    ///
    /// # Errors
    /// [`Error::Io`]; those of `sink`.
    pub(crate) fn for_each(&self, number: usize, mut sink: impl FnMut(&[u8], u64) -> Result<()>) -> Result<()> {
        let (mut pieces, mut piece) = (self.stream(number), Vec::new());
        while let Some(count) = pieces.next(&mut piece)? {
            sink(&piece, count)?;
        }
        Ok(())
    }

    /// Adds the pieces of a shard to one in memory.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Corpus`] if a sum is 2^64 or more.
    pub(crate) fn add_to(&self, into: &mut Shard, number: usize) -> Result<()> {
        self.for_each(number, |piece, count| {
            into.add_piece(piece, count).map_err(|refused| refused.or(super::overflow))
        })
    }
}

/// Writes a run piece by piece; shards and their pieces must come in order.
///
/// # Errors
/// [`Error::Io`] with the folder for temporary files, mostly because the disk is full.
pub(crate) struct Writer {
    out: CountingWriter<BufWriter<Scratch>>,
    shards: Vec<(u64, usize)>,
    /// The start of the current shard, and its number of pieces so far.
    present: (u64, usize),
    before: Vec<u8>,
}

impl Writer {
    pub(crate) fn new() -> Result<Self> {
        let file = Scratch::create().map_err(on_disk)?;
        let out = CountingWriter { out: BufWriter::new(file), length: 0 };
        Ok(Self { out, shards: Vec::new(), present: (0, 0), before: Vec::new() })
    }

    pub(crate) fn add(&mut self, piece: &[u8], count: u64) -> Result<()> {
        self.present.1 += 1;
        write_piece(&mut self.out, &mut self.before, piece, count).map_err(on_disk)
    }

    pub(crate) fn end_shard(&mut self) {
        self.shards.push(self.present);
        self.present = (self.out.length, 0);
        self.before.clear();
    }

    pub(crate) fn finish(self) -> Result<Run> {
        let file = self.out.out.into_inner().map_err(|error| on_disk(error.into_error()))?;
        Ok(Run { file: file.into_file(), shards: self.shards })
    }
}

/// The pieces of a shard of a run.
struct RunPieces<'r> {
    input: BufReader<SpillReader<'r>>,
    left: usize,
}

impl PieceStream for RunPieces<'_> {
    fn next(&mut self, piece: &mut Vec<u8>) -> Result<Option<u64>> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        read_piece(&mut self.input, piece).map(Some).map_err(on_disk)
    }
}

fn on_disk(error: io::Error) -> Error {
    Error::io(env::temp_dir(), error)
}

/// Counts the written bytes.
struct CountingWriter<W> {
    out: W,
    length: u64,
}

impl<W: Write> Write for CountingWriter<W> {
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
struct SpillReader<'f> {
    file: &'f File,
    place: u64,
}

impl Read for SpillReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(unix)]
        let length = std::os::unix::fs::FileExt::read_at(self.file, buffer, self.place)?;
        #[cfg(windows)]
        let length = std::os::windows::fs::FileExt::seek_read(self.file, buffer, self.place)?;
        self.place += length as u64;
        Ok(length)
    }
}
