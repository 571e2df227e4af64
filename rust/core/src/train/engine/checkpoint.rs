//! Merges on disk, so that a run that was killed can continue.
//!
//! A checkpoint is a line of text that names the format and its version, then one Zstandard frame with a checksum. The
//! frame holds the fingerprint of the run, and the merges as pairs of ids; all numbers are little-endian.

use crate::train::engine::pair::Pair;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::count::SHARDS;
use crate::error::{Error, Result};
use crate::memory::{collect, refused};
use crate::output::OutputFile;
use crate::train::objective::Weights;
use crate::vocab::MAX_MERGES;

/// The beginning of a checkpoint of this version.
const MAGIC: &[u8] = b"eurotok checkpoint 1\n";

/// The default interval.
const INTERVAL: Duration = Duration::from_secs(30);

/// The first checkpoint is written after this time at the latest.
const FIRST: Duration = Duration::from_secs(10);

/// The checkpoint of a run.
pub(crate) struct Checkpoint {
    path: PathBuf,
    fingerprint: u64,
    every: Duration,
    /// The time of the next write.
    due: Instant,
}

impl Checkpoint {
    /// Opens the checkpoint of a run, and returns the merges in it if the file exists. It is written at intervals of
    /// `every`.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] if the file is damaged, no checkpoint, or that of another run.
    pub(crate) fn open(path: &Path, fingerprint: u64, every: Option<Duration>) -> Result<(Self, Vec<Pair>)> {
        let every = every.unwrap_or(INTERVAL);
        let checkpoint = Self { path: path.to_path_buf(), fingerprint, every, due: Instant::now() + every.min(FIRST) };
        let merges = match File::open(path) {
            Ok(file) => checkpoint.parse(BufReader::new(file))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Error::io(path, error)),
        };
        Ok((checkpoint, merges))
    }

    /// Reads the merges of this run. A file cannot claim more merges than a vocabulary can have.
    fn parse(&self, mut file: impl BufRead) -> Result<Vec<Pair>> {
        let damaged = |reason: &str| Error::format(self.path.display(), reason);
        let failed = |error: io::Error| match error.raw_os_error() {
            Some(_) => Error::io(&self.path, error),
            None if refused(&error) => Error::Memory,
            None => damaged("the checkpoint is damaged"),
        };
        let mut magic = Vec::new();
        file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut magic).map_err(failed)?;
        if magic != MAGIC {
            return Err(damaged("not a checkpoint of this version"));
        }
        let mut content = zstd::Decoder::with_buffer(file).map_err(failed)?;
        let mut fingerprint = Vec::new();
        content.by_ref().take(8).read_to_end(&mut fingerprint).map_err(failed)?;
        match fingerprint.first_chunk() {
            Some(&fingerprint) if u64::from_le_bytes(fingerprint) == self.fingerprint => {}
            Some(_) => return Err(damaged("the checkpoint of a run with other counts or options")),
            None => return Err(damaged("the checkpoint is empty")),
        }
        let mut merges = Vec::new();
        content.take(8 * MAX_MERGES as u64 + 1).read_to_end(&mut merges).map_err(failed)?;
        if merges.len() > 8 * MAX_MERGES {
            return Err(damaged(&format!("the checkpoint has more than {MAX_MERGES} merges")));
        }
        collect(merges.as_chunks().0.iter().map(|bits| Pair::from_bits(u64::from_le_bytes(*bits))))
    }

    /// Writes the merges if the interval has passed.
    ///
    /// # Errors
    /// [`Error::Io`]. The file is then unchanged, and the next attempt is made after the next interval.
    pub(crate) fn update(&mut self, merges: &[Pair]) -> Result<()> {
        if Instant::now() < self.due { Ok(()) } else { self.write(merges) }
    }

    /// Writes the merges.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub(crate) fn write(&mut self, merges: &[Pair]) -> Result<()> {
        let write = || {
            let mut file = OutputFile::create(&self.path)?;
            file.write_all(MAGIC)?;
            let mut frame = zstd::Encoder::new(&mut file, zstd::DEFAULT_COMPRESSION_LEVEL)?;
            frame.include_checksum(true)?;
            frame.write_all(&self.fingerprint.to_le_bytes())?;
            for pair in merges {
                frame.write_all(&pair.to_bits().to_le_bytes())?;
            }
            frame.finish()?;
            file.finish()
        };
        let written = write();
        self.due = Instant::now() + self.every;
        written.map_err(|error| Error::io(&self.path, error))
    }
}

/// A number that is equal for runs that make the same merges: the sum of the pieces' hashes times their weights, and a
/// hash of `options`. The order of the pieces makes no difference.
pub(crate) fn fingerprint(weights: &Weights, options: &str) -> Result<u64> {
    let mut sum = hash(options.as_bytes());
    for (number, column) in (1_u64..).step_by(2).zip(&weights.columns) {
        let mut part = 0_u64;
        column.for_each_piece(0..SHARDS, |piece, weight| {
            part = part.wrapping_add(hash(piece).wrapping_mul(weight));
            Ok(())
        })?;
        sum = sum.wrapping_add(part.wrapping_mul(number));
    }
    Ok(sum)
}

/// FNV-1a. Files outlive the hash functions of libraries.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_hold_no_more_than_a_vocabulary() {
        let checkpoint =
            Checkpoint { path: "run.checkpoint".into(), fingerprint: 7, every: INTERVAL, due: Instant::now() };
        let bomb = |fingerprint: u64, merges: usize| {
            let content = [&fingerprint.to_le_bytes()[..], &vec![0; 8 * merges]].concat();
            [MAGIC, &zstd::bulk::compress(&content, 1).unwrap()].concat()
        };
        let refused = |file: Vec<u8>| checkpoint.parse(&file[..]).unwrap_err().to_string();
        assert!(refused(bomb(7, 1 << 23)).contains("more than"));
        assert!(refused(bomb(8, 1 << 23)).contains("other counts"));
        assert_eq!(checkpoint.parse(&bomb(7, 3)[..]).unwrap().len(), 3);
        assert!(refused(MAGIC.to_vec()).contains("checkpoint"));
    }
}
