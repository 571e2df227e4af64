//! Reading: bytes to blocks.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

use super::{Block, Kind};
use crate::error::{Error, Result};

/// Bytes of a block, unless no place to cut it is found: pieces of this much text and their table fit the second-level
/// cache together, and a file of a few megabytes still occupies several threads.
pub(super) const BLOCK: usize = 1 << 19;

/// A whole file, decompressed.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read or decompressed.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path, &Arc::default())
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .map_err(|error| Error::io(path, error))?;
    Ok(bytes)
}

fn open(path: &Path, position: &Arc<AtomicU64>) -> io::Result<Box<dyn Read + Send>> {
    let file = Metered { file: File::open(path)?, position: Arc::clone(position) };
    Ok(match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => Box::new(MultiGzDecoder::new(BufReader::new(file))),
        Some("zst") => Box::new(zstd::stream::read::Decoder::new(file)?),
        _ => Box::new(file),
    })
}

fn is_lines(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    plain.ends_with(".jsonl")
}

/// Counts the bytes that leave the disk, which is what progress is measured by.
struct Metered {
    file: File,
    position: Arc<AtomicU64>,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        self.position.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

/// Files in turn, a block at a time.
pub struct Files<'p> {
    paths: std::slice::Iter<'p, PathBuf>,
    open: Option<Open<'p>>,
    position: Arc<AtomicU64>,
    total: u64,
}

struct Open<'p> {
    path: &'p Path,
    reader: Box<dyn Read + Send>,
    /// Read, but not yet part of a block.
    rest: Vec<u8>,
    /// Where `rest` begins in the file: a byte, and for lines their number.
    offset: u64,
    lines: Option<u64>,
}

impl<'p> Files<'p> {
    /// Readies files for reading, and sees that all of them are there.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file that cannot be opened.
    pub fn new(paths: &'p [PathBuf]) -> Result<Self> {
        let mut total = 0;
        for path in paths {
            // Opened, not just looked at: a file that may not be read is better refused before hours of work.
            let file = File::open(path).map_err(|error| Error::io(path, error))?;
            total += file.metadata().map_err(|error| Error::io(path, error))?.len();
        }
        Ok(Self { paths: paths.iter(), open: None, position: Arc::default(), total })
    }

    /// Bytes read so far, and of all files, as they are on disk.
    pub fn progress(&self) -> (u64, u64) {
        (self.position.load(Ordering::Relaxed), self.total)
    }

    /// The next block; `None` after the last. `cut` is given text and tells where its last part may end.
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be read or decompressed.
    pub fn next(&mut self, cut: impl Fn(&[u8]) -> Option<usize>) -> Result<Option<Block<'p>>> {
        loop {
            let open = match &mut self.open {
                Some(open) => open,
                closed => {
                    let Some(path) = self.paths.next() else { return Ok(None) };
                    let reader = open(path, &self.position).map_err(|error| Error::io(path, error))?;
                    let lines = is_lines(path).then_some(0);
                    closed.insert(Open { path, reader, rest: Vec::new(), offset: 0, lines })
                }
            };
            let (block, last) = open.block(&cut)?;
            if last {
                self.open = None;
            }
            if block.end > 0 || matches!(block.kind, Kind::Text { first: true }) {
                return Ok(Some(block));
            }
        }
    }
}

impl<'p> Open<'p> {
    /// The next block, and whether it is the last of the file.
    fn block(&mut self, cut: impl Fn(&[u8]) -> Option<usize>) -> Result<(Block<'p>, bool)> {
        let mut bytes = std::mem::take(&mut self.rest);
        let mut room = BLOCK;
        loop {
            let wanted = room.saturating_sub(bytes.len()) as u64;
            bytes.reserve_exact(wanted as usize);
            let read = (&mut self.reader).take(wanted).read_to_end(&mut bytes);
            let last = (read.map_err(|error| Error::io(self.path, error))? as u64) < wanted;
            let end = match self.lines {
                _ if last => Some(bytes.len()),
                Some(_) => bytes.iter().rposition(|&byte| byte == b'\n').map(|place| place + 1),
                None => cut(&bytes),
            };
            let Some(end) = end.filter(|&end| end > 0 || last) else {
                // Doubling keeps the search for a place to cut linear in the text.
                room *= 2;
                continue;
            };
            self.rest.extend_from_slice(&bytes[end..]);
            let kind = match &mut self.lines {
                None => Kind::Text { first: self.offset == 0 },
                Some(lines) => {
                    let before = *lines;
                    *lines += bytes[..end].iter().filter(|&&byte| byte == b'\n').count() as u64;
                    Kind::Lines { before }
                }
            };
            let block =
                Block { origin: Cow::Borrowed(self.path), bytes: Cow::Owned(bytes), end, offset: self.offset, kind };
            self.offset += end as u64;
            return Ok((block, last));
        }
    }
}

/// Texts in memory in turn, a block at a time, each of them one document.
pub struct Texts<'t> {
    texts: std::slice::Iter<'t, &'t str>,
    rest: Option<(&'t str, usize)>,
}

impl<'t> Texts<'t> {
    /// Readies texts.
    pub fn new(texts: &'t [&'t str]) -> Self {
        Self { texts: texts.iter(), rest: None }
    }

    /// The next block; `None` after the last. `cut` is given text and tells where its last part may end.
    pub fn next(&mut self, cut: impl Fn(&[u8]) -> Option<usize>) -> Option<Block<'t>> {
        let (text, start) = match self.rest.take() {
            Some(rest) => rest,
            None => (*self.texts.next()?, 0),
        };
        let bytes = &text.as_bytes()[start..];
        let mut room = BLOCK;
        let end = loop {
            if room >= bytes.len() {
                break bytes.len();
            }
            match cut(&bytes[..room]) {
                Some(end) => break end,
                None => room *= 2,
            }
        };
        if end < bytes.len() {
            self.rest = Some((text, start + end));
        }
        let kind = Kind::Text { first: start == 0 };
        Some(Block {
            origin: Cow::Borrowed(Path::new("text")),
            bytes: Cow::Borrowed(bytes),
            end,
            offset: start as u64,
            kind,
        })
    }
}
