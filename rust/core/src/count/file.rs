//! Counts as files.
//!
//! A file is a line of text that names the format and its version, then one Zstandard frame with a checksum. The frame
//! holds the scheme's regex, the number of languages, and for each language its name, bytes and documents, followed by
//! its pieces in groups: the number of pieces, then each piece in order, as [`merge`](crate::count::merge) writes it.
//! The groups are the shards of a table and end with an empty one. Numbers are LEB128.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use super::table::{AddError, Table};
use super::{Counts, Language, SHARDS};
use crate::count::leb128::{read_number, write_number};
use crate::count::merge::{Sorted, invalid, read_bytes, read_piece, write_bytes, write_piece};
use crate::error::{Error, Result};
use crate::limits;
use crate::memory::refused;
use crate::output::OutputFile;
use crate::split::Scheme;
use crate::stop::Stop;

/// The beginning of a counts file of this version.
const MAGIC: &[u8] = b"eurotok counts 1\n";

const LEVEL: i32 = 3;

impl Counts {
    /// Writes the counts to a file, which appears whole or not at all. Equal counts give equal files.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, path: &Path) -> Result<()> {
        self.save_unless(&Stop::never(), path)
    }

    /// Like [`save`](Self::save), but `stop` can end it.
    ///
    /// # Errors
    /// As [`save`](Self::save), and [`Error::Interrupted`]; the file is then as before.
    pub fn save_unless(&self, stop: &Stop, path: &Path) -> Result<()> {
        let at = |error| if refused(&error) { Error::Memory } else { Error::io(path, error) };
        let mut file = OutputFile::create(path).map_err(at)?;
        self.write(stop, &mut file, at)?;
        file.finish().map_err(at)
    }

    /// The contents of the file that [`save`](Self::save) writes.
    ///
    /// # Errors
    /// [`Error::Io`] if pieces are on disk and cannot be read.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.write(&Stop::never(), &mut bytes, |error| Error::io("counts", error))?;
        Ok(bytes)
    }

    fn write(&self, stop: &Stop, file: &mut impl Write, at: impl Fn(io::Error) -> Error + Copy) -> Result<()> {
        file.write_all(MAGIC).map_err(at)?;
        let mut frame = zstd::Encoder::new(BufWriter::new(file), LEVEL).map_err(at)?;
        frame.include_checksum(true).map_err(at)?;
        let mut out = BufWriter::new(frame);
        write_bytes(&mut out, self.scheme.pattern().as_bytes()).map_err(at)?;
        write_number(&mut out, self.languages.len() as u64).map_err(at)?;
        for (name, language) in &self.languages {
            write_head(&mut out, name, language).map_err(at)?;
            for number in 0..SHARDS {
                stop.check()?;
                write_shard(&mut out, language, number, at)?;
            }
            write_number(&mut out, 0).map_err(at)?;
        }
        let frame = out.into_inner().map_err(|error| at(error.into_error()))?;
        frame.finish().and_then(|mut file| file.flush()).map_err(at)
    }

    /// Reads counts from a file; they take about `memory` bytes.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read; [`Error::Format`] if it is not a counts file, or damaged.
    pub fn load(path: &Path, memory: Option<usize>) -> Result<Self> {
        let file = File::open(path).map_err(|error| Error::io(path, error))?;
        let about = file.metadata().map_err(|error| Error::io(path, error))?;
        // The size of a pipe is not known.
        let size = if about.is_file() { about.len() } else { limits::FILE };
        Self::read(BufReader::new(file), size, path, memory)
    }

    /// Reads counts from the contents of a file, which errors call `origin`. Otherwise as [`load`](Self::load).
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_bytes(origin: &str, bytes: &[u8], memory: Option<usize>) -> Result<Self> {
        Self::read(bytes, bytes.len() as u64, Path::new(origin), memory)
    }

    fn read(mut file: impl BufRead, size: u64, path: &Path, memory: Option<usize>) -> Result<Self> {
        let at = |error: io::Error| match error.kind() {
            // A fault of the disk has an error number; the decoder's faults and our own have none.
            _ if error.raw_os_error().is_some() => Error::io(path, error),
            _ if refused(&error) => Error::Memory,
            io::ErrorKind::UnexpectedEof => Error::format(path.display(), "the counts file is cut short"),
            _ => Error::format(path.display(), error),
        };
        let most = limits::unpacked_counts(size);
        let mut magic = Vec::new();
        file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut magic).map_err(at)?;
        if magic != MAGIC {
            return Err(at(invalid("not a counts file of this version")));
        }
        let frame = zstd::Decoder::with_buffer(&mut file).map_err(at)?.single_frame();
        let mut input = BufReader::new(frame.take(most));
        // Pieces share their beginnings, so they may be far larger than the bytes that are read.
        let mut room = most;
        let pattern = read_text(&mut input).map_err(at)?;
        let mut counts = Self { memory, ..Self::new(Scheme::from_pattern(&pattern)) };
        for _ in 0..read_number(&mut input).map_err(at)? {
            let (name, mut language) = read_head(&mut input).map_err(at)?;
            while read_group(&mut input, &mut language.table, &mut room).map_err(at)? {
                if memory.is_some_and(|memory| language.table.memory() > memory / 4) {
                    language.spill(&mut || Ok(()))?;
                }
            }
            if counts.languages.insert(name.clone(), language).is_some() {
                return Err(at(invalid(format!("the language {name:?} occurs twice"))));
            }
            counts.spill(&mut || Ok(()))?;
        }
        // The decoder checks the checksum when it reaches the end of the frame.
        if input.read(&mut [0]).map_err(at)? > 0 {
            return Err(at(invalid("something follows the last language")));
        }
        drop(input);
        if !file.fill_buf().map_err(at)?.is_empty() {
            return Err(at(invalid("something follows the counts")));
        }
        Ok(counts)
    }
}

fn write_head(out: &mut impl Write, name: &str, language: &Language) -> io::Result<()> {
    write_bytes(out, name.as_bytes())?;
    write_number(out, language.bytes)?;
    write_number(out, language.documents)
}

fn read_head(input: &mut impl BufRead) -> io::Result<(String, Language)> {
    let name = read_text(input)?;
    let (bytes, documents) = (read_number(input)?, read_number(input)?);
    Ok((name, Language { bytes, documents, ..Language::default() }))
}

/// Writes a shard as a group of pieces, unless it is empty.
fn write_shard(
    out: &mut impl Write,
    language: &Language,
    number: usize,
    at: impl Fn(io::Error) -> Error,
) -> Result<()> {
    let mut before = Vec::new();
    if language.runs.is_empty() {
        let sorted = Sorted::new(&language.table.shards[number])?;
        if sorted.len() > 0 {
            write_number(out, sorted.len() as u64).map_err(&at)?;
        }
        return sorted.iter().try_for_each(|(piece, count)| write_piece(out, &mut before, piece, count)).map_err(at);
    }
    // The number of pieces is known only after all of them are merged.
    let mut pieces = 0_u64;
    language.merge_shard(number, |_, _| {
        pieces += 1;
        Ok(())
    })?;
    if pieces > 0 {
        write_number(out, pieces).map_err(&at)?;
    }
    language.merge_shard(number, |piece, count| write_piece(out, &mut before, piece, count).map_err(&at))
}

/// Reads a group of pieces, of at most `room` bytes; returns `false` for the empty group.
fn read_group(input: &mut impl BufRead, table: &mut Table, room: &mut u64) -> io::Result<bool> {
    let pieces = read_number(input)?;
    let mut piece = Vec::new();
    for _ in 0..pieces {
        let count = read_piece(input, &mut piece)?;
        let left = room.checked_sub(piece.len() as u64);
        *room = left.ok_or_else(|| invalid("more bytes of pieces than a counts file of this size can stand for"))?;
        table.add(&piece, 0, piece.len(), count).map_err(|refused| match refused {
            AddError::Overflow => invalid("a count of 2^64 or more"),
            AddError::Memory => io::ErrorKind::OutOfMemory.into(),
        })?;
    }
    Ok(pieces > 0)
}

fn read_text(input: &mut impl BufRead) -> io::Result<String> {
    let mut bytes = Vec::new();
    read_bytes(input, &mut bytes)?;
    String::from_utf8(bytes).map_err(|_| invalid("a name that is not UTF-8"))
}
