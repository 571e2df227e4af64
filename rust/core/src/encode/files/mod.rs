//! From files to a file of ids, for a corpus of any size.
//!
//! Threads take the blocks of the files in order, encode them side by side, and write the ids in order
//! ([`threads::ordered`]). So a thread holds one block and its ids, for a corpus of any size, and the output does not
//! depend on the number of threads. A block ends at the end of a document, or inside one at a
//! [`cut`](DocumentEncoder::cut), which does not change the ids.

mod array;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::Lease;
use super::{Encoder, Specials, Worker};
use crate::documents::{Files, Invalid, Part, TextBlock};
use crate::error::{Error, Result};
use crate::memory::{Grow, collect, lossy_text};
use crate::ragged::Ragged;
use crate::split::LOOKAHEAD;
use crate::stop::Stop;
use crate::threads;
use crate::vocab::NormalForm;
use array::Array;

/// The type of the written integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// 16 bits, for a vocabulary of at most 65,536 ids.
    U16,
    /// 32 bits.
    U32,
}

/// Options for encoding documents into a file.
#[derive(Debug, Clone, Copy)]
pub struct EncodeOptions {
    /// The reading of a special token's text within a document.
    pub specials: Specials,
    /// An id that is written after each document, as a part of it.
    pub separator: Option<u32>,
    /// The type of the integers; by default the smallest that holds the vocabulary.
    pub width: Option<Width>,
    /// Number of threads; by default one a processor. The output does not depend on it.
    pub threads: Option<usize>,
    /// The treatment of bytes that are not UTF-8.
    pub invalid: Invalid,
}

/// The amounts that were written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Documents.
    pub documents: u64,
    /// Ids, separators included.
    pub tokens: u64,
    /// Bytes of text.
    pub bytes: u64,
}

/// Writes the ids of documents to one file, and the place where each document begins to another. Both files appear at
/// [`finish`](Self::finish). If the writer is dropped before, no file appears.
pub struct IdsWriter<'e> {
    encoder: &'e dyn DocumentEncoder,
    options: EncodeOptions,
    width: Width,
    ids: Array,
    offsets: Array,
    written: Summary,
}

/// Encodes the documents of files.
pub trait DocumentEncoder: Sync {
    /// One more than the largest id.
    fn vocab_size(&self) -> usize;

    /// A place near the end of `text` where the document can be cut, however it goes on.
    fn cut(&self, text: &[u8], specials: Specials) -> Option<usize>;

    /// The ids of texts. Each of them is one document.
    ///
    /// # Errors
    /// [`Error::Pattern`], [`Error::Argument`], [`Error::Memory`].
    fn encode_texts(&self, stop: &Stop, texts: &[&str], options: EncodeOptions) -> Result<Ragged>;

    /// The encoder of one thread.
    fn begin(&self) -> Box<dyn Blocks + '_>;
}

/// Encodes blocks on one thread.
pub trait Blocks {
    /// The ids of a block, unless it is stopped.
    ///
    /// # Errors
    /// As [`DocumentEncoder::encode_texts`], [`Error::InvalidUtf8`] and [`Error::Interrupted`].
    fn encode(&mut self, stop: &Stop, block: &TextBlock, options: EncodeOptions) -> Result<Encoded>;
}

/// The ids of one block.
#[derive(Debug, Default)]
pub struct Encoded {
    /// The ids of all documents. Before each document stands the separator of the one before it.
    ids: Vec<u32>,
    /// The places in `ids` where documents begin.
    starts: Vec<usize>,
    bytes: u64,
}

impl Encoded {
    /// Calls `encode` for each part of a block. `encode` appends the ids of the part.
    pub(crate) fn of_block(
        block: &TextBlock,
        options: EncodeOptions,
        mut encode: impl FnMut(Part, &mut Vec<u32>) -> Result<()>,
    ) -> Result<Self> {
        let mut encoded = Self::default();
        block.for_each_part(options.invalid, |part| {
            if part.first {
                encoded.begin(options.separator)?;
            }
            encoded.bytes += part.end as u64;
            encode(part, &mut encoded.ids)
        })?;
        Ok(encoded)
    }

    fn begin(&mut self, separator: Option<u32>) -> Result<()> {
        self.ids.try_extend(separator)?;
        self.starts.try_push(self.ids.len())
    }
}

impl<'e> IdsWriter<'e> {
    /// Begins a file of ids at `path`: a NumPy array if its name ends in `.npy`, bare little-endian integers if it ends
    /// in `.bin`. `offsets` is the path of an `.npy` file of 64-bit integers: 0 and the end of each document.
    ///
    /// # Errors
    /// [`Error::Argument`] for another ending, or for a width that does not hold the vocabulary; [`Error::Io`].
    pub fn create(
        encoder: &'e dyn DocumentEncoder,
        path: &Path,
        offsets: &Path,
        options: EncodeOptions,
    ) -> Result<Self> {
        let size = encoder.vocab_size();
        let width = match options.width {
            Some(Width::U16) if size > 1 << 16 => {
                let reason = format!("uint16 holds ids to 65,535, the vocabulary has {size}");
                return Err(Error::argument("dtype", reason));
            }
            Some(width) => width,
            None if size > 1 << 16 => Width::U32,
            None => Width::U16,
        };
        let kind = match width {
            Width::U16 => "<u2",
            Width::U32 => "<u4",
        };
        let header = match path.extension().and_then(|ending| ending.to_str()) {
            Some("npy") => Some(kind),
            Some("bin") => None,
            _ => {
                return Err(Error::argument(
                    "output",
                    format!("{}: the name must end in .npy or .bin", path.display()),
                ));
            }
        };
        let ids = Array::create(path, header)?;
        let offsets = Array::create(offsets, Some("<i8"))?;
        Ok(Self { encoder, options, width, ids, offsets, written: Summary::default() })
    }

    /// Adds the documents of files, in order. `progress` is given the number of bytes read so far and the size of all
    /// files, as they are on disk.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::InvalidUtf8`], [`Error::Corpus`] or [`Error::Pattern`] for the first fault in the order
    /// of the files; [`Error::Interrupted`] if `progress` breaks. The writer must then be dropped.
    pub fn add_files(
        &mut self,
        paths: &[PathBuf],
        mut progress: impl FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<()> {
        let (encoder, options) = (self.encoder, self.options);
        encode_blocks(encoder, paths, options, self, &mut progress)
    }

    /// Adds texts. Each of them is one document.
    ///
    /// # Errors
    /// [`Error::Pattern`], [`Error::Io`].
    pub fn add_texts(&mut self, texts: &[&str]) -> Result<()> {
        self.add_texts_unless(&Stop::never(), texts)
    }

    /// Like [`add_texts`](Self::add_texts), but `stop` can end it.
    ///
    /// # Errors
    /// As [`add_texts`](Self::add_texts), and [`Error::Interrupted`].
    pub fn add_texts_unless(&mut self, stop: &Stop, texts: &[&str]) -> Result<()> {
        let EncodeOptions { separator, .. } = self.options;
        let batch = self.encoder.encode_texts(stop, texts, self.options)?;
        let mut encoded = Encoded::default();
        encoded.ids.try_reserve_exact(batch.ids.len() + batch.len())?;
        for (place, text) in texts.iter().enumerate() {
            encoded.begin(separator)?;
            encoded.ids.extend_from_slice(batch.get(place));
            encoded.bytes += text.len() as u64;
        }
        self.write(&encoded)
    }

    /// Completes both files and renames them to their final names.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn finish(mut self) -> Result<Summary> {
        if self.written.documents > 0
            && let Some(separator) = self.options.separator
        {
            self.push(&[separator])?;
        }
        self.offsets.push(&[(self.written.tokens as i64).to_le()])?;
        self.ids.complete()?;
        self.offsets.complete()?;
        self.offsets.finish()?;
        self.ids.finish()?;
        Ok(self.written)
    }

    fn push(&mut self, ids: &[u32]) -> Result<()> {
        self.written.tokens += ids.len() as u64;
        match self.width {
            Width::U16 => self.ids.push(&collect(ids.iter().map(|&id| (id as u16).to_le()))?),
            Width::U32 if cfg!(target_endian = "little") => self.ids.push(ids),
            Width::U32 => self.ids.push(&collect(ids.iter().map(|&id| id.to_le()))?),
        }
    }
}

/// Receives the encoded blocks in order.
trait BlockSink {
    fn write(&mut self, encoded: &Encoded) -> Result<()>;
}

impl BlockSink for IdsWriter<'_> {
    fn write(&mut self, encoded: &Encoded) -> Result<()> {
        let Encoded { ids, starts, bytes } = encoded;
        // The first document of all has no separator before it.
        let surplus = match starts.first() {
            Some(&start) if self.written.documents == 0 => start,
            _ => 0,
        };
        let base = self.written.tokens as i64 - surplus as i64;
        let starts = collect(starts.iter().map(|&start| (base + start as i64).to_le()))?;
        self.offsets.push(&starts)?;
        self.written.documents += starts.len() as u64;
        self.written.bytes += bytes;
        self.push(&ids[surplus..])
    }
}

impl BlockSink for Summary {
    fn write(&mut self, encoded: &Encoded) -> Result<()> {
        let Encoded { ids, starts, bytes } = encoded;
        // The first document of all has no separator before it.
        let surplus = starts.first().map_or(0, |&start| if self.documents == 0 { start } else { 0 });
        self.tokens += (ids.len() - surplus) as u64;
        self.documents += starts.len() as u64;
        self.bytes += bytes;
        Ok(())
    }
}

/// Counts the ids of the documents of files, separators included. `progress` is as for [`IdsWriter::add_files`].
///
/// # Errors
/// As [`IdsWriter::add_files`].
pub fn count_files(
    encoder: &dyn DocumentEncoder,
    paths: &[PathBuf],
    options: EncodeOptions,
    mut progress: impl FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Summary> {
    let mut counted = Summary::default();
    encode_blocks(encoder, paths, options, &mut counted, &mut progress)?;
    if options.separator.is_some() {
        // A separator stands before each document but the first, and after the last.
        counted.tokens += u64::from(counted.documents > 0);
    }
    Ok(counted)
}

/// Encodes the blocks of files on threads and passes them to `sink`, in order.
fn encode_blocks(
    encoder: &dyn DocumentEncoder,
    paths: &[PathBuf],
    options: EncodeOptions,
    sink: &mut (dyn BlockSink + Send),
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<()> {
    let files = Files::new(paths)?;
    let position = files.progress();
    let blocks = Mutex::new(files);
    let files = || blocks.lock().unwrap_or_else(PoisonError::into_inner);
    threads::ordered(
        threads::wanted(options.threads),
        |stop| files().next_unless(stop, |text| encoder.cut(text, options.specials)),
        || encoder.begin(),
        |blocks, stop, block| blocks.encode(stop, &block, options),
        |encoded| sink.write(&encoded),
        || {
            let (done, total) = position();
            progress(done, total)
        },
    )
}

impl DocumentEncoder for Encoder {
    fn vocab_size(&self) -> usize {
        self.vocab().size()
    }

    /// A place near the end of `text` where the document can be cut, however it goes on: a proven boundary that no
    /// added token reaches across. `text` begins a document, or the rest of one.
    ///
    /// Behind the cut stays enough text for [`encode_part`](Self::encode_part) to look into: the longest added token;
    /// and, with a normalizer, [`LOOKAHEAD`] bytes before the last ASCII character, even if NFC makes one byte of
    /// three.
    fn cut(&self, text: &[u8], specials: Specials) -> Option<usize> {
        if self.characters.is_some() {
            return None;
        }
        let limit = self.settled(text).checked_sub(4 * LOOKAHEAD + self.added.longest(specials))?;
        self.splitter.last_boundary(text, limit, |place| !self.added.may_span([text[place - 1], text[place]], specials))
    }

    fn encode_texts(
        &self,
        stop: &Stop,
        texts: &[&str],
        EncodeOptions { specials, threads, .. }: EncodeOptions,
    ) -> Result<Ragged> {
        self.encode_batch_to(Vec::new(), stop, texts, specials, threads)
    }

    fn begin(&self) -> Box<dyn Blocks + '_> {
        Box::new(EncoderBlocks { encoder: self, lease: self.lease() })
    }
}

/// An encoder and a worker of it.
struct EncoderBlocks<'e> {
    encoder: &'e Encoder,
    lease: Lease<'e>,
}

impl Blocks for EncoderBlocks<'_> {
    fn encode(&mut self, stop: &Stop, block: &TextBlock, options: EncodeOptions) -> Result<Encoded> {
        let Self { encoder, lease } = self;
        lease.with(stop, |worker| {
            Encoded::of_block(block, options, |part, out| encoder.encode_part(worker, part, options.specials, out))
        })
    }
}

impl Encoder {
    /// The length of the text that the normalizer treats alike however the text goes on. An ASCII character never
    /// combines with the characters before it.
    fn settled(&self, text: &[u8]) -> usize {
        match self.vocab.normalizer {
            NormalForm::None => text.len(),
            NormalForm::Nfc => text.iter().rposition(u8::is_ascii).unwrap_or(0),
        }
    }

    /// Encodes a part of a document. The part begins and ends at an end of the document or at a [`cut`](Self::cut).
    fn encode_part(&self, worker: &mut Worker, part: Part, specials: Specials, out: &mut Vec<u32>) -> Result<()> {
        let Part { text, end, .. } = part;
        if self.characters.is_some() {
            // It is a whole document.
            return self.encode_into(worker, &lossy_text(text)?, specials, out);
        }
        if self.added.longest(specials) == 0 && self.vocab.normalizer == NormalForm::None {
            return self.encode_range(worker, text, 0..end, out);
        }
        let last = end == text.len();
        // The part is UTF-8; the text behind it may end within a character.
        let text = lossy_text(text)?;
        let mut done = 0;
        let mut limit = if last { end } else { self.settled(text.as_bytes()) };
        for (range, id) in self.added.find(&text, specials) {
            if range.start >= end {
                limit = range.start;
                break;
            }
            let plain = self.normalize(worker.ends.stop(), &text[done..range.start])?;
            self.encode_range(worker, plain.as_bytes(), 0..plain.len(), out)?;
            out.try_push(id)?;
            done = range.end;
        }
        let own = self.normalize(worker.ends.stop(), &text[done..end])?;
        let behind = self.normalize(worker.ends.stop(), &text[end..limit.max(end)])?;
        let mut joined = Vec::new();
        joined.try_extend_from_slice(own.as_bytes())?;
        joined.try_extend_from_slice(behind.as_bytes())?;
        self.encode_range(worker, &joined, 0..own.len(), out)
    }
}
