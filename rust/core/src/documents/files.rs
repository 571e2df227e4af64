//! From files to blocks: reading and decompressing, one file after the other.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

use super::name::{Compression, Name, TextFormat};
use super::{BLOCK, BlockKind, TextBlock};
use crate::error::{Error, Result};
use crate::memory::Grow;
use crate::stop::Stop;

/// Logarithm of the largest window of a Zstandard frame, as `zstd --long=31` makes it. Pages are touched only as the
/// text fills them.
const WINDOW_LOG: u32 = if usize::BITS > 32 { 31 } else { 30 };

/// The byte order mark of UTF-8.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// Reads files in order, one block at a time.
pub struct Files {
    paths: std::vec::IntoIter<PathBuf>,
    open: Option<Open>,
    position: Arc<AtomicU64>,
    total: u64,
    /// Bytes of the longest line, or of the longest text that nothing cuts.
    limit: usize,
}

impl Files {
    /// Prepares files for reading. All of them must exist and be of a form that is read.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that cannot be opened, or is a folder; [`Error::Corpus`] for a name that states a form
    /// that is not read.
    pub fn new(paths: &[PathBuf]) -> Result<Self> {
        let mut total = 0;
        for path in paths {
            total += probe(path)?;
        }
        let paths = Vec::from(paths).into_iter();
        Ok(Self { paths, open: None, position: Arc::default(), total, limit: usize::MAX })
    }

    /// Prepares one file whose bytes come from `reader`. Its `name` tells the format of its texts, and stands in
    /// errors.
    ///
    /// # Errors
    /// [`Error::Corpus`] for a name that states a form which is not read; [`Error::Io`].
    pub fn from_reader(name: &Path, reader: Box<dyn Read + Send>) -> Result<Self> {
        if let Some(fault) = unread(&Name::of(name)) {
            return Err(Error::corpus(name.display(), fault));
        }
        let position = Arc::default();
        let open = Some(Open::over(name.to_path_buf(), reader, &position)?);
        Ok(Self { paths: Vec::new().into_iter(), open, position, total: 0, limit: usize::MAX })
    }

    /// Refuses a line, or a text that nothing cuts, that is longer than `limit` bytes, before more of it is in memory.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// The number of bytes read so far, for another thread.
    pub(super) fn position(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.position)
    }

    /// A function that tells the number of bytes read so far and of all files, as they are on disk. It does not wait for a thread that
    /// reads.
    pub fn progress(&self) -> impl Fn() -> (u64, u64) + Send + Sync + use<> {
        let (position, total) = (Arc::clone(&self.position), self.total);
        move || (position.load(Ordering::Relaxed), total)
    }

    /// The next block; `None` after the last. `cut` is given a text and returns a place where its last part may end.
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be read, [`Error::Corpus`] if it is damaged or does not have the form that its
    /// name states.
    pub fn next(&mut self, cut: impl Fn(&[u8]) -> Option<usize>) -> Result<Option<TextBlock<'static>>> {
        self.next_unless(&Stop::never(), cut)
    }

    /// Like [`next`](Self::next), but `stop` can end it.
    ///
    /// # Errors
    /// As [`next`](Self::next), and [`Error::Interrupted`]. An interrupted call loses the part of the block that it had
    /// read.
    pub fn next_unless(
        &mut self,
        stop: &Stop,
        cut: impl Fn(&[u8]) -> Option<usize>,
    ) -> Result<Option<TextBlock<'static>>> {
        loop {
            let open = match &mut self.open {
                Some(open) => open,
                closed => {
                    let Some(path) = self.paths.next() else { return Ok(None) };
                    closed.insert(Open::new(path, &self.position)?)
                }
            };
            let (block, last) = open.block(stop, &cut, self.limit)?;
            if last {
                self.open = None;
            }
            if block.end > 0 || matches!(block.kind, BlockKind::Text { first: true }) {
                return Ok(Some(block));
            }
        }
    }
}

/// The content of a file that is one text, decompressed, without a byte order mark.
///
/// # Errors
/// As [`Files::new`] and [`Files::next`].
pub fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    let whole = Files::new(&[path.to_path_buf()])?.next(|_| None)?;
    Ok(whole.map_or_else(Vec::new, |block| block.bytes.into_owned()))
}

/// Checks that a file can be read, and returns its size.
fn probe(path: &Path) -> Result<u64> {
    let name = Name::of(path);
    if let Some(fault) = unread(&name) {
        return Err(Error::corpus(path.display(), fault));
    }
    let metadata = path.metadata().map_err(|error| Error::io(path, error))?;
    if metadata.is_file() || metadata.is_dir() {
        // The file is opened and not only looked at, because a missing permission is better reported before hours of
        // work. A pipe is not opened here: it can be opened only once.
        let mut file = File::open(path).map_err(|error| Error::io(path, error))?;
        if metadata.is_dir() {
            // The system's own error for reading a folder.
            file.read(&mut [0]).map_err(|error| Error::io(path, error))?;
        }
    }
    Ok(metadata.len())
}

/// Why the core cannot read a file of this name, if so.
fn unread(name: &Name) -> Option<String> {
    let parquet = || (name.format == Some(TextFormat::Parquet)).then(|| "the core does not read parquet".to_string());
    name.fault().or_else(parquet)
}

/// Counts the bytes that are read from the disk; progress is measured in these.
struct Metered {
    file: Box<dyn Read + Send>,
    position: Arc<AtomicU64>,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        self.position.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

/// A file that is being read.
struct Open {
    path: PathBuf,
    name: Name,
    reader: Box<dyn Read + Send>,
    /// Bytes that were read but belong to no block yet.
    rest: Vec<u8>,
    /// The place of `rest` in the decompressed file.
    offset: u64,
    /// Number of lines before `rest`.
    lines: u64,
    begun: bool,
}

impl Open {
    fn new(path: PathBuf, position: &Arc<AtomicU64>) -> Result<Self> {
        let file = File::open(&path).map_err(|error| Error::io(&path, error))?;
        Self::over(path, Box::new(file), position)
    }

    fn over(path: PathBuf, file: Box<dyn Read + Send>, position: &Arc<AtomicU64>) -> Result<Self> {
        let name = Name::of(&path);
        let file = Metered { file, position: Arc::clone(position) };
        let open = || -> io::Result<Box<dyn Read + Send>> {
            Ok(match name.compression {
                Some(Compression::Gzip) => Box::new(MultiGzDecoder::new(BufReader::new(file))),
                Some(Compression::Zstd) => {
                    let mut decoder = zstd::stream::read::Decoder::new(file)?;
                    decoder.window_log_max(WINDOW_LOG)?;
                    Box::new(decoder)
                }
                None => Box::new(file),
            })
        };
        let reader = open().map_err(|error| Error::io(&path, error))?;
        Ok(Self { path, name, reader, rest: Vec::new(), offset: 0, lines: 0, begun: false })
    }

    /// The next block, and whether it is the last of the file.
    fn block(
        &mut self,
        stop: &Stop,
        cut: impl Fn(&[u8]) -> Option<usize>,
        limit: usize,
    ) -> Result<(TextBlock<'static>, bool)> {
        let is_lines = self.name.format == Some(TextFormat::Lines);
        let first = !self.begun;
        let mut bytes = std::mem::take(&mut self.rest);
        let mut room = BLOCK;
        loop {
            let wanted = room.saturating_sub(bytes.len()) as u64;
            bytes.try_reserve_exact(wanted as usize)?;
            let last = self.read(stop, wanted, &mut bytes)? < wanted;
            if !std::mem::replace(&mut self.begun, true) {
                self.begin(&mut bytes)?;
            }
            let end = match is_lines {
                _ if last => Some(bytes.len()),
                true => memchr::memrchr(b'\n', &bytes).map(|place| place + 1),
                false => cut(&bytes),
            };
            let Some(end) = end.filter(|&end| end > 0 || last) else {
                if bytes.len() >= limit {
                    return Err(self.too_long(is_lines, limit));
                }
                // Doubling keeps the search for a cut linear in the text.
                room = (2 * room).min(limit.max(BLOCK));
                continue;
            };
            self.rest.try_extend_from_slice(&bytes[end..])?;
            let kind = if is_lines { BlockKind::Lines { before: self.lines } } else { BlockKind::Text { first } };
            if is_lines {
                self.lines += memchr::memchr_iter(b'\n', &bytes[..end]).count() as u64;
            }
            let (origin, offset) = (Cow::Owned(self.path.clone()), self.offset);
            self.offset += end as u64;
            return Ok((TextBlock { origin, bytes: Cow::Owned(bytes), end, offset, kind }, last));
        }
    }

    /// Appends the next `wanted` bytes, or all that are left, and returns their number.
    fn read(&mut self, stop: &Stop, wanted: u64, bytes: &mut Vec<u8>) -> Result<u64> {
        let mut done = 0;
        while done < wanted {
            stop.check()?;
            let some = (wanted - done).min(BLOCK as u64);
            let read = (&mut self.reader).take(some).read_to_end(bytes);
            let read = read.map_err(|error| self.unreadable(bytes.len(), error))? as u64;
            done += read;
            if read < some {
                break;
            }
        }
        Ok(done)
    }

    /// Checks the first bytes of the file: data that is certainly not UTF-8 is refused, and a byte order mark is
    /// removed.
    fn begin(&mut self, bytes: &mut Vec<u8>) -> Result<()> {
        let other = match bytes.as_slice() {
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => Some("UTF-16: only UTF-8 is read"),
            [0x1F, 0x8B, ..] => Some("gzip data, which the name must state by ending in .gz"),
            [0x28, 0xB5, 0x2F, 0xFD, ..] => Some("Zstandard data, which the name must state by ending in .zst"),
            _ => None,
        };
        if let Some(other) = other {
            return Err(Error::corpus(self.path.display(), other));
        }
        if bytes.starts_with(MARK) {
            bytes.drain(..MARK.len());
            self.offset += MARK.len() as u64;
        }
        Ok(())
    }

    fn too_long(&self, is_lines: bool, limit: usize) -> Error {
        let what = if is_lines { format!("line {}", self.lines + 1) } else { "the text".to_string() };
        Error::corpus(self.path.display(), format!("{what} has more than {limit} bytes"))
    }

    /// The error of a read that failed `rest` bytes behind `offset`: the system's error, or damaged compressed data.
    fn unreadable(&self, rest: usize, error: io::Error) -> Error {
        let form = match self.name.compression {
            Some(Compression::Gzip) if error.raw_os_error().is_none() => "gzip",
            Some(Compression::Zstd) if error.raw_os_error().is_none() => "Zstandard",
            _ => return Error::io(&self.path, error),
        };
        let place = self.offset + rest as u64;
        Error::corpus(self.path.display(), format!("damaged {form} data after byte {place} of the text: {error}"))
    }
}
