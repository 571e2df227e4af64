//! Files to ids in a file, for a corpus of any size.
//!
//! Threads take the blocks of the files in order, encode them side by side, and write the ids in that order again: a thread that
//! is done with a block waits for its turn. So a thread holds one block and its ids, whatever the size of the corpus, and the
//! output does not depend on the number of threads. A block ends where a document does, or inside one at a
//! [`cut`](Encoder::cut), which leaves the ids what they are.

mod array;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::{Encoder, Lease, Specials, Worker};
use crate::documents::{Block, Files, Invalid, Part};
use crate::error::{Error, Result};
use crate::memory::{Grow, collect, lossy_text};
use crate::split::LOOKAHEAD;
use crate::stop::Stop;
use crate::threads;
use crate::vocab::Normalizer;
use array::Array;

/// How often the caller hears of progress, and may stop the work.
const INTERVAL: Duration = Duration::from_millis(20);

/// The integers that ids are written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// 16 bits, for a vocabulary of at most 65,536 ids.
    U16,
    /// 32 bits.
    U32,
}

/// How to encode documents into a file.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What the text of a special token in a document is.
    pub specials: Specials,
    /// An id to put after each document, as a part of it.
    pub separator: Option<u32>,
    /// The integers to write; by default the smallest that hold the vocabulary.
    pub width: Option<Width>,
    /// How many threads to use; by default as many as there are processors. The output does not depend on it.
    pub threads: Option<usize>,
    /// What to do with bytes that are not UTF-8.
    pub invalid: Invalid,
}

/// How much was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Documents.
    pub documents: u64,
    /// Ids, separators included.
    pub tokens: u64,
    /// Bytes of text.
    pub bytes: u64,
}

/// The ids of documents on their way to a file, and where each document begins on its way to another. Both files appear at
/// [`finish`](Self::finish); a drop without that leaves nothing.
pub struct IdsWriter<'e> {
    encoder: &'e Encoder,
    options: Options,
    width: Width,
    ids: Array,
    offsets: Array,
    written: Summary,
}

/// What became of one block.
#[derive(Default)]
struct Encoded {
    /// The ids of all documents, before each document the separator of the one before it.
    ids: Vec<u32>,
    /// Where documents begin in `ids`.
    starts: Vec<usize>,
    bytes: u64,
}

impl Encoded {
    fn begin(&mut self, separator: Option<u32>) -> Result<()> {
        self.ids.try_extend(separator)?;
        self.starts.try_push(self.ids.len())
    }
}

impl<'e> IdsWriter<'e> {
    /// Begins a file of ids at `path`: an array of NumPy's if its name ends in `.npy`, integers alone, little-endian, if it ends
    /// in `.bin`. At `offsets` goes an `.npy` file of 64-bit integers: 0 and where each document ends.
    ///
    /// # Errors
    /// [`Error::Argument`] for another ending, or a width that the vocabulary does not fit; [`Error::Io`].
    pub fn create(encoder: &'e Encoder, path: &Path, offsets: &Path, options: Options) -> Result<Self> {
        let size = encoder.vocab().size();
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
            _ => return Err(Error::argument("output", format!("{}: not a name in .npy or .bin", path.display()))),
        };
        let ids = Array::create(path, header)?;
        let offsets = Array::create(offsets, Some("<i8"))?;
        Ok(Self { encoder, options, width, ids, offsets, written: Summary::default() })
    }

    /// Adds the documents of files, in order. `progress` is given the bytes read so far and those of all files, as they are on
    /// disk.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::InvalidUtf8`], [`Error::Corpus`] or [`Error::Pattern`] for the first fault in the order of the
    /// files; [`Error::Interrupted`] if `progress` breaks. What was written then is of no use.
    pub fn add_files(
        &mut self,
        paths: &[PathBuf],
        mut progress: impl FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<()> {
        let (encoder, options) = (self.encoder, self.options);
        encoder.encode_blocks(paths, options, self, &mut progress)
    }

    /// Adds texts, each of them one document.
    ///
    /// # Errors
    /// [`Error::Pattern`], [`Error::Io`].
    pub fn add_texts(&mut self, texts: &[&str]) -> Result<()> {
        let Options { specials, threads, separator, .. } = self.options;
        let batch = self.encoder.encode_batch(texts, specials, threads)?;
        let mut encoded = Encoded::default();
        encoded.ids.try_reserve_exact(batch.ids.len() + batch.len())?;
        for (place, text) in texts.iter().enumerate() {
            encoded.begin(separator)?;
            encoded.ids.extend_from_slice(batch.get(place));
            encoded.bytes += text.len() as u64;
        }
        self.write(&encoded)
    }

    /// Completes both files and puts them in their places.
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

/// Takes what became of blocks, in order.
trait Sink {
    fn write(&mut self, encoded: &Encoded) -> Result<()>;
}

impl Sink for IdsWriter<'_> {
    fn write(&mut self, encoded: &Encoded) -> Result<()> {
        let Encoded { ids, starts, bytes } = encoded;
        // Before the very first document there is none to separate it from.
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

impl Sink for Summary {
    fn write(&mut self, encoded: &Encoded) -> Result<()> {
        let Encoded { ids, starts, bytes } = encoded;
        // Before the very first document there is none to separate it from.
        let surplus = starts.first().map_or(0, |&start| if self.documents == 0 { start } else { 0 });
        self.tokens += (ids.len() - surplus) as u64;
        self.documents += starts.len() as u64;
        self.bytes += bytes;
        Ok(())
    }
}

impl Encoder {
    /// Counts the ids of the documents of files, separators included. `progress` is as for [`IdsWriter::add_files`].
    ///
    /// # Errors
    /// Those of [`IdsWriter::add_files`].
    pub fn count_files(
        &self,
        paths: &[PathBuf],
        options: Options,
        mut progress: impl FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<Summary> {
        let mut counted = Summary::default();
        self.encode_blocks(paths, options, &mut counted, &mut progress)?;
        if options.separator.is_some() {
            // A separator stands before each document but the first, and after the last.
            counted.tokens += u64::from(counted.documents > 0);
        }
        Ok(counted)
    }

    /// Encodes files on threads, and gives what became of each block to `sink`, in order.
    fn encode_blocks(
        &self,
        paths: &[PathBuf],
        options: Options,
        sink: &mut (dyn Sink + Send),
        progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<()> {
        let encoder = self;
        let threads = threads::wanted(options.threads);
        let blocks = Mutex::new((0, Files::new(paths)?));
        let turns = Turns::new(sink, threads);
        // Does the next block; says whether there may be more to do.
        let work = |lease: &mut Lease<'_>| {
            let (number, block) = {
                let mut blocks = blocks.lock().expect("no reader panics");
                blocks.0 += 1;
                (blocks.0, blocks.1.next(|text| encoder.cut(text, options.specials)))
            };
            let encoded = match block {
                Ok(None) => return false,
                Ok(Some(block)) => lease.with(&turns.watched(), |worker| encoder.encode_block(worker, &block, options)),
                Err(error) => Err(error),
            };
            turns.take(number, encoded);
            !turns.stopped()
        };
        let work_on = || {
            let _place = Place(&turns);
            let mut lease = encoder.lease();
            while work(&mut lease) {}
        };
        let mut report = || {
            let (done, total) = blocks.lock().expect("no reader panics").1.progress();
            if progress(done, total).is_break() {
                turns.stop(Error::Interrupted);
            }
        };
        thread::scope(|scope| {
            let started = (0..threads).map_while(|_| threads::start(scope, work_on)).count();
            turns.lock().threads -= threads - started;
            if started == 0 {
                let mut lease = encoder.lease();
                while work(&mut lease) {
                    report();
                }
            }
            while turns.wait() {
                report();
            }
        });
        turns.finish()
    }

    /// A place near the end of `text`, the beginning of a document or of the rest of one, where that can be cut, however it
    /// goes on: at a proven boundary that no added token reaches across. It leaves enough text behind it for
    /// [`encode_part`](Self::encode_part) to look into: the longest added token, and before one that is cut off at the
    /// end, up to an ASCII character if there is a normalizer, [`LOOKAHEAD`] bytes even if NFC makes three bytes one.
    fn cut(&self, text: &[u8], specials: Specials) -> Option<usize> {
        let limit = self.settled(text).checked_sub(4 * LOOKAHEAD + self.added.longest(specials))?;
        let mut window = 256;
        loop {
            let from = limit.saturating_sub(window);
            let mut next = self.splitter.next_boundary(text, from);
            while let Some(place) = next.filter(|&place| place <= limit) {
                if !self.added.may_span([text[place - 1], text[place]], specials) {
                    return Some(place);
                }
                next = self.splitter.next_boundary(text, place + 1);
            }
            if from == 0 {
                return None;
            }
            window *= 8;
        }
    }

    /// How much of `text` the normalizer treats alike however it goes on: an ASCII character never combines with what
    /// precedes it.
    fn settled(&self, text: &[u8]) -> usize {
        match self.vocab.normalizer {
            Normalizer::None => text.len(),
            Normalizer::Nfc => text.iter().rposition(u8::is_ascii).unwrap_or(0),
        }
    }

    fn encode_block(&self, worker: &mut Worker, block: &Block, options: Options) -> Result<Encoded> {
        let mut encoded = Encoded::default();
        block.for_each_part(options.invalid, |part| {
            if part.first {
                encoded.begin(options.separator)?;
            }
            encoded.bytes += part.end as u64;
            self.encode_part(worker, part, options.specials, &mut encoded.ids)
        })?;
        Ok(encoded)
    }

    /// Encodes a part of a document that begins with it or at a [`cut`](Self::cut), and ends with it or at one.
    fn encode_part(&self, worker: &mut Worker, part: Part, specials: Specials, out: &mut Vec<u32>) -> Result<()> {
        let Part { text, end, .. } = part;
        if self.added.longest(specials) == 0 && self.vocab.normalizer == Normalizer::None {
            return self.encode_range(worker, text, 0..end, out);
        }
        let last = end == text.len();
        // The part is UTF-8; what follows it may end in the middle of a character.
        let text = lossy_text(text)?;
        let mut done = 0;
        let mut limit = if last { end } else { self.settled(text.as_bytes()) };
        for (range, id) in self.added.find(&text, specials) {
            if range.start >= end {
                limit = range.start;
                break;
            }
            let plain = self.normalize(&text[done..range.start])?;
            self.encode_range(worker, plain.as_bytes(), 0..plain.len(), out)?;
            out.try_push(id)?;
            done = range.end;
        }
        let own = self.normalize(&text[done..end])?;
        let behind = self.normalize(&text[end..limit.max(end)])?;
        let mut joined = Vec::new();
        joined.try_extend_from_slice(own.as_bytes())?;
        joined.try_extend_from_slice(behind.as_bytes())?;
        self.encode_range(worker, &joined, 0..own.len(), out)
    }
}

/// Whose turn it is to write, and the sink.
struct Turns<'w> {
    state: Mutex<State<'w>>,
    changed: Condvar,
    /// Set while `state` is locked, so that nobody misses it; read at any time.
    stop: Arc<AtomicBool>,
}

struct State<'w> {
    sink: &'w mut (dyn Sink + Send),
    /// The last block written; they are numbered from 1.
    written: u64,
    /// Threads at work.
    threads: usize,
    fault: Option<Error>,
}

impl<'w> Turns<'w> {
    fn new(sink: &'w mut (dyn Sink + Send), threads: usize) -> Self {
        let state = State { sink, written: 0, threads, fault: None };
        Self { state: Mutex::new(state), changed: Condvar::new(), stop: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State<'w>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The same for a worker in the midst of a block.
    fn watched(&self) -> Stop {
        let stop = Arc::clone(&self.stop);
        Stop::when(move || stop.load(Ordering::Relaxed))
    }

    /// Waits until all blocks before this one are written, then writes it, or stops the work at its fault: so the first fault
    /// in the order of blocks is the one reported, whoever meets it.
    fn take(&self, number: u64, encoded: Result<Encoded>) {
        let waiting = |state: &mut State| state.written + 1 < number && !self.stopped();
        let mut state = self.changed.wait_while(self.lock(), waiting).unwrap_or_else(PoisonError::into_inner);
        if self.stopped() {
            return;
        }
        match encoded.and_then(|encoded| state.sink.write(&encoded)) {
            Ok(()) => state.written = number,
            Err(error) => {
                state.fault = Some(error);
                self.stop.store(true, Ordering::Relaxed);
            }
        }
        self.changed.notify_all();
    }

    fn stop(&self, error: Error) {
        let mut state = self.lock();
        state.fault.get_or_insert(error);
        self.stop.store(true, Ordering::Relaxed);
        self.changed.notify_all();
    }

    /// Waits a while; says whether threads are still at work.
    fn wait(&self) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), INTERVAL, |state| state.threads > 0);
        waited.unwrap_or_else(PoisonError::into_inner).0.threads > 0
    }

    fn finish(self) -> Result<()> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        state.fault.map_or(Ok(()), Err)
    }
}

/// The place of a thread, which it leaves even in panic, or the others would wait for its turn for ever.
struct Place<'t, 'w>(&'t Turns<'w>);

impl Drop for Place<'_, '_> {
    fn drop(&mut self) {
        self.0.lock().threads -= 1;
        if thread::panicking() {
            self.0.stop(Error::Interrupted);
        } else {
            self.0.changed.notify_all();
        }
    }
}
