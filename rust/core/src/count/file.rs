//! Counts as files.
//!
//! A line of text that names the format and its version, then one Zstandard frame with a checksum: the scheme's regex,
//! the number of languages, and for each its name, bytes, documents and number of pieces, followed by the pieces in order, each as
//! the length it shares with the one before, the length and bytes of the rest, and its count. Numbers are LEB128.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use super::{Counts, Language};
use crate::error::{Error, Result};
use crate::output::Output;
use crate::split::Scheme;

/// What a counts file of this version begins with.
const MAGIC: &[u8] = b"eurotok counts 1\n";

const LEVEL: i32 = 3;

impl Counts {
    /// Writes the counts to a file, which appears whole or not at all. Equal counts give equal files.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, path: &Path) -> Result<()> {
        let write = || {
            let mut file = Output::create(path)?;
            self.write(BufWriter::new(&mut file))?;
            file.finish()
        };
        write().map_err(|error| Error::io(path, error))
    }

    /// Reads counts from a file.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read; [`Error::Format`] if it is not a counts file, or damaged.
    pub fn load(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| Error::io(path, error))?;
        Self::read(BufReader::new(file)).map_err(|error| match error.kind() {
            // A disk's fault has a number, the decoder's and our own have none.
            _ if error.raw_os_error().is_some() => Error::io(path, error),
            io::ErrorKind::UnexpectedEof => Error::format(path.display(), "the counts file is cut short"),
            _ => Error::format(path.display(), error),
        })
    }

    fn write(&self, mut file: impl Write) -> io::Result<()> {
        file.write_all(MAGIC)?;
        let mut frame = zstd::Encoder::new(file, LEVEL)?;
        frame.include_checksum(true)?;
        let mut out = BufWriter::new(frame);
        write_bytes(&mut out, self.scheme.pattern().as_bytes())?;
        write_number(&mut out, self.languages.len() as u64)?;
        for (name, language) in &self.languages {
            write_bytes(&mut out, name.as_bytes())?;
            write_number(&mut out, language.bytes)?;
            write_number(&mut out, language.documents)?;
            let pieces = Sorted::new(language);
            write_number(&mut out, pieces.places.len() as u64)?;
            let mut before: &[u8] = b"";
            for (piece, count) in pieces.iter() {
                let shared = before.iter().zip(piece).take_while(|(a, b)| a == b).count();
                write_number(&mut out, shared as u64)?;
                write_bytes(&mut out, &piece[shared..])?;
                write_number(&mut out, count)?;
                before = piece;
            }
        }
        out.into_inner()?.finish()?.flush()
    }

    fn read(mut file: impl BufRead) -> io::Result<Self> {
        let mut magic = Vec::new();
        file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut magic)?;
        if magic != MAGIC {
            return Err(invalid("not a counts file of this version"));
        }
        let mut input = BufReader::new(zstd::Decoder::with_buffer(&mut file)?.single_frame());
        let pattern = read_text(&mut input)?;
        let mut counts = Self::new(Scheme::from_pattern(&pattern));
        for _ in 0..read_number(&mut input)? {
            let name = read_text(&mut input)?;
            let mut language = Language { bytes: read_number(&mut input)?, ..Language::default() };
            language.documents = read_number(&mut input)?;
            let (mut piece, mut before) = (Vec::new(), Vec::new());
            for _ in 0..read_number(&mut input)? {
                let shared = usize::try_from(read_number(&mut input)?).map_err(io::Error::other)?;
                piece.clear();
                let start = before.get(..shared).ok_or_else(|| invalid("a piece shares what is not there"))?;
                piece.extend_from_slice(start);
                read_bytes(&mut input, &mut piece)?;
                if piece <= before {
                    return Err(invalid("the pieces are not in order"));
                }
                let count = read_number(&mut input)?;
                language.table.add(&piece, 0, piece.len(), count).map_err(|_| invalid("a count of 2^64 or more"))?;
                std::mem::swap(&mut piece, &mut before);
            }
            if counts.languages.insert(name.clone(), language).is_some() {
                return Err(invalid(format!("the language {name:?} occurs twice")));
            }
        }
        // The decoder checks the sum as it meets the end of the frame.
        if input.read(&mut [0])? > 0 {
            return Err(invalid("something follows the last language"));
        }
        drop(input);
        if !file.fill_buf()?.is_empty() {
            return Err(invalid("something follows the counts"));
        }
        Ok(counts)
    }
}

/// The pieces of a language in the order of their bytes.
struct Sorted {
    bytes: Vec<u8>,
    places: Vec<(usize, usize, u64)>,
}

impl Sorted {
    fn new(language: &Language) -> Self {
        let mut bytes = Vec::new();
        let mut places = Vec::with_capacity(language.unique());
        language.for_each_piece(|piece, count| {
            places.push((bytes.len(), bytes.len() + piece.len(), count));
            bytes.extend_from_slice(piece);
        });
        places.sort_unstable_by(|a, b| bytes[a.0..a.1].cmp(&bytes[b.0..b.1]));
        Self { bytes, places }
    }

    fn iter(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.places.iter().map(|&(start, end, count)| (&self.bytes[start..end], count))
    }
}

fn invalid(reason: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.into())
}

fn write_number(out: &mut impl Write, mut number: u64) -> io::Result<()> {
    while number >= 0x80 {
        out.write_all(&[number as u8 | 0x80])?;
        number >>= 7;
    }
    out.write_all(&[number as u8])
}

fn write_bytes(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    write_number(out, bytes.len() as u64)?;
    out.write_all(bytes)
}

fn read_number(input: &mut impl BufRead) -> io::Result<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let mut byte = [0];
        input.read_exact(&mut byte)?;
        number |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] < 0x80 {
            return if shift < 63 || byte[0] < 2 { Ok(number) } else { Err(invalid("a number of 2^64 or more")) };
        }
    }
    Err(invalid("a number of 2^64 or more"))
}

/// Appends bytes; reserves for no more of them than there are, whatever their length is said to be.
fn read_bytes(input: &mut impl BufRead, bytes: &mut Vec<u8>) -> io::Result<()> {
    let length = read_number(input)?;
    if input.take(length).read_to_end(bytes)? as u64 == length {
        Ok(())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

fn read_text(input: &mut impl BufRead) -> io::Result<String> {
    let mut bytes = Vec::new();
    read_bytes(input, &mut bytes)?;
    String::from_utf8(bytes).map_err(|_| invalid("a name that is not UTF-8"))
}
