//! Merges on disk, so that a run that was killed goes on where it was.
//!
//! A line of text that names the format and its version, then one Zstandard frame with a checksum: the fingerprint of what was
//! being trained, and the merges as pairs of ids; all numbers little-endian.

use crate::train::engine::pair::Pair;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::count::SHARDS;
use crate::error::{Error, Result};
use crate::output::Output;
use crate::train::objective::Weights;

/// What a checkpoint of this version begins with.
const MAGIC: &[u8] = b"eurotok checkpoint 1\n";

/// How often one is written, unless the user says.
const INTERVAL: Duration = Duration::from_secs(30);

/// When the first one is written, at the latest.
const FIRST: Duration = Duration::from_secs(10);

/// Where a run leaves its merges.
pub(crate) struct Checkpoint {
    path: PathBuf,
    fingerprint: u64,
    every: Duration,
    /// When the next one is written.
    due: Instant,
}

impl Checkpoint {
    /// The checkpoint of a run, and the merges that stand in it if the run began before. It is written at intervals of `every`.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] if the file is damaged, no checkpoint, or that of another run.
    pub(crate) fn open(path: &Path, fingerprint: u64, every: Option<Duration>) -> Result<(Self, Vec<Pair>)> {
        let every = every.unwrap_or(INTERVAL);
        let checkpoint = Self { path: path.to_path_buf(), fingerprint, every, due: Instant::now() + every.min(FIRST) };
        let merges = match fs::read(path) {
            Ok(bytes) => checkpoint.parse(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Error::io(path, error)),
        };
        Ok((checkpoint, merges))
    }

    fn parse(&self, bytes: &[u8]) -> Result<Vec<Pair>> {
        let damaged = |reason: &str| Error::format(self.path.display(), reason);
        let frame = bytes.strip_prefix(MAGIC).ok_or_else(|| damaged("not a checkpoint of this version"))?;
        let content = zstd::decode_all(frame).map_err(|_| damaged("the checkpoint is damaged"))?;
        let numbers: Vec<[u8; 8]> = content.as_chunks().0.to_vec();
        let mut numbers = numbers.into_iter().map(u64::from_le_bytes);
        match numbers.next() {
            Some(fingerprint) if fingerprint == self.fingerprint => Ok(numbers.map(Pair::from_bits).collect()),
            Some(_) => Err(damaged("the checkpoint of a run with other counts or options")),
            None => Err(damaged("the checkpoint is empty")),
        }
    }

    /// Writes the merges, if it is time to.
    ///
    /// # Errors
    /// [`Error::Io`]. The file is what it was, and the next attempt is made when the next checkpoint is due.
    pub(crate) fn update(&mut self, merges: &[Pair]) -> Result<()> {
        if Instant::now() < self.due { Ok(()) } else { self.write(merges) }
    }

    /// Writes the merges.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub(crate) fn write(&mut self, merges: &[Pair]) -> Result<()> {
        let write = || {
            let mut file = Output::create(&self.path)?;
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

/// A number that is the same for runs that make the same merges, whatever the order of the pieces: the sum of their hashes
/// times their weights, and a hash of `options`.
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

/// FNV-1a: files outlive the hashes of libraries.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}
