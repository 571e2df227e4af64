//! Pieces to ids.
//!
//! A piece passes three places, the first that knows it answers: the [`cache`] of the worker (pieces seen before), the few
//! tokens that stand [whole](pipeline::unmergeable) although merging does not make them, and BPE itself. So the ids are exactly those of BPE, by
//! whichever rule the source file states, at any warmth. Memory: the tables take about 30 bytes a token, at least 2 MiB; the caches
//! of the workers take as much as there are processors ([`Encoder::lease`]); besides, only the ids returned.

mod added;
mod batch;
mod cache;
pub mod files;
mod nfc;
mod offsets;
mod pipeline;
#[cfg(test)]
mod tests;
mod text;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard};

use crate::arch::{Isa, U32x16, append_nontemporal};
use crate::bpe::Merger;
use crate::bpe::effective::{ABSENT, sufficient, table};
use crate::bpe::pair_table::PairTable;
use crate::error::{Error, Result};
use crate::memory::{Held, collect, filled};
use crate::split::{Ends, Splitter};
use crate::stop::Stop;
use crate::threads;
use crate::vocab::{Merges, Normalizer, Vocab};
use added::Added;
use cache::{Cache, Room};
use pipeline::barriers::Seams;
use pipeline::lookup::Group;
use pipeline::unmergeable::Whole;
use text::Texts;
pub use text::{AsText, Text};

/// What the text of a special token in a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Specials {
    /// Text like any other.
    #[default]
    Text,
    /// That token.
    Parse,
}

/// A vocabulary made ready to encode. Immutable but for the caches of its workers; share it between threads.
#[derive(Debug)]
pub struct Encoder {
    vocab: Vocab,
    isa: Isa,
    splitter: Splitter,
    pairs: PairTable,
    ids: Ids,
    whole: Whole,
    seams: Seams,
    added: Added,
    workers: Vec<Mutex<Kept>>,
}

/// The least number of workers kept between calls; when more threads encode at once, the rest make their own for the call.
const WORKERS: usize = 16;

/// A worker that is kept, as soon as there is one.
#[derive(Debug)]
struct Kept {
    worker: Option<Box<Worker>>,
    room: Room,
}

/// What one thread needs to encode: its cache and its buffers.
#[derive(Debug)]
struct Worker {
    cache: Cache,
    merger: Merger,
    ends: Ends,
    /// Those of the parts of pieces.
    parts: Vec<u32>,
    group: Held<Group>,
    /// Those of a short text.
    ids: Vec<u32>,
    texts: Texts,
}

impl Worker {
    fn new(room: Room) -> Result<Self> {
        Ok(Self {
            cache: Cache::new(room)?,
            merger: Merger::new()?,
            ends: Ends::default(),
            parts: Vec::new(),
            group: Group::new()?,
            ids: Vec::new(),
            texts: Texts::default(),
        })
    }
}

/// A worker for one call: one that was kept, or one of its own.
enum Lease<'a> {
    Kept(MutexGuard<'a, Kept>),
    Own(Option<Box<Worker>>),
}

impl Lease<'_> {
    /// Has the worker do something, which ends with [`Error::Interrupted`] when `stop` says so. A worker that finds too little memory is
    /// dropped with all that it holds: the next call has more memory, and never meets unfinished work.
    #[inline(always)]
    fn with<T>(&mut self, stop: &Stop, work: impl FnOnce(&mut Worker) -> Result<T>) -> Result<T> {
        let (place, room) = match self {
            Self::Kept(kept) => {
                let Kept { worker, room } = &mut **kept;
                (worker, *room)
            }
            Self::Own(worker) => (worker, Room::Narrow),
        };
        if place.is_none() {
            *place = Some(Box::new(Worker::new(room)?));
        }
        let worker = place.as_mut().expect("it was made");
        worker.group.clear();
        worker.ends.watch(stop);
        let done = work(worker);
        if matches!(done, Err(Error::Memory)) {
            *place = None;
        }
        done
    }
}

impl Encoder {
    /// Prepares a vocabulary.
    ///
    /// # Errors
    /// [`Error::Pattern`] if its regex does not compile; [`Error::Memory`].
    pub fn new(vocab: Vocab) -> Result<Self> {
        let isa = Isa::choose()?;
        let splitter = Splitter::with_isa(vocab.scheme.clone(), isa)?;
        let (pairs, ids) = table(&vocab, &sufficient(&vocab)?, isa)?;
        let mut is_reached = filled(false, vocab.tokens.len())?;
        match vocab.merges {
            // These merges are the effective ones, which make just what is reached.
            Merges::Ranks => {
                ids.iter().filter(|id| **id != ABSENT).for_each(|&id| is_reached[id as usize] = true);
            }
            Merges::List { ignore_merges: false, .. } => is_reached.fill(true),
            Merges::List { ignore_merges: true, .. } => {
                let ids = collect(vocab.tokens.iter().map(|(id, _)| id))?;
                let tokens = vocab.tokens.iter().map(|(_, token)| token);
                Merger::new()?.merge_all(&pairs, tokens, |number, symbols| {
                    is_reached[ids[number] as usize] = symbols.len() == 1;
                })?;
            }
        }
        let whole = Whole::new(&vocab.tokens, |id| is_reached[id as usize])?;
        let seams = Seams::new(&vocab.tokens)?;
        let ids = Ids::new(ids);
        let added = Added::new(&vocab.specials)?;
        // No more threads than processors work at a time, and the first workers are taken first.
        let processors = threads::wanted(None);
        let room = |number| if number < processors { Room::Wide } else { Room::Narrow };
        let kept = (0..processors.max(WORKERS)).map(|number| Kept { worker: None, room: room(number) });
        let workers = kept.map(Mutex::new).collect();
        Ok(Self { vocab, isa, splitter, pairs, ids, whole, seams, added, workers })
    }

    /// The vocabulary.
    pub fn vocab(&self) -> &Vocab {
        &self.vocab
    }

    /// The instruction set it uses.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The splitting rule, ready to run.
    pub fn splitter(&self) -> &Splitter {
        &self.splitter
    }

    /// A free worker. Never waits: a lock that a fork left behind in a child, or that another thread holds, is passed over.
    ///
    /// As many workers as there are processors have a wide cache, 52 MiB at most. Those of more threads that encode at once have a narrow
    /// one of 6 MiB: they take turns on the same processors, whose caches are no larger for it.
    fn lease(&self) -> Lease<'_> {
        Self::first_free(self.workers.iter())
    }

    /// A free worker, if it can be that of this number, whose cache knows what the thread of this number met before.
    fn lease_from(&self, first: usize) -> Lease<'_> {
        let (before, from) = self.workers.split_at(first % self.workers.len());
        Self::first_free(from.iter().chain(before))
    }

    #[inline(always)]
    fn first_free<'w>(mut workers: impl Iterator<Item = &'w Mutex<Kept>>) -> Lease<'w> {
        let free = workers.find_map(|worker| worker.try_lock().ok());
        free.map_or(Lease::Own(None), Lease::Kept)
    }

    /// The ids of a text.
    ///
    /// # Errors
    /// [`Error::Pattern`] if a user's regex gives up on it, [`Error::Surrogate`] if it has a lone surrogate, [`Error::Memory`]: the
    /// encoder is as good as before then.
    pub fn encode<'t>(&self, text: impl Into<Text<'t>>, specials: Specials) -> Result<Vec<u32>> {
        self.encode_unless(&Stop::never(), text, specials)
    }

    /// As [`encode`](Self::encode), unless it is stopped.
    ///
    /// # Errors
    /// As [`encode`](Self::encode), and [`Error::Interrupted`](crate::Error::Interrupted).
    pub fn encode_unless<'t>(&self, stop: &Stop, text: impl Into<Text<'t>>, specials: Specials) -> Result<Vec<u32>> {
        let mut ids = Vec::new();
        self.lease().with(stop, |worker| self.encode_text(worker, 0, text.into(), specials, &mut ids))?;
        Ok(ids)
    }

    /// What `take` makes of the ids of a text, which stand in memory that is used again: for short texts.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_with<'t, T>(
        &self,
        text: impl Into<Text<'t>>,
        specials: Specials,
        take: impl FnOnce(&[u32]) -> T,
    ) -> Result<T> {
        self.lease().with(&Stop::never(), |worker| {
            let mut ids = std::mem::take(&mut worker.ids);
            ids.clear();
            let done = self.encode_text(worker, 0, text.into(), specials, &mut ids);
            let taken = done.map(|()| take(&ids));
            worker.ids = ids;
            taken
        })
    }

    /// The number of ids of a text.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn count<'t>(&self, text: impl Into<Text<'t>>, specials: Specials) -> Result<usize> {
        self.count_unless(&Stop::never(), text, specials)
    }

    /// As [`count`](Self::count), unless it is stopped.
    ///
    /// # Errors
    /// As [`encode_unless`](Self::encode_unless).
    pub fn count_unless<'t>(&self, stop: &Stop, text: impl Into<Text<'t>>, specials: Specials) -> Result<usize> {
        let mut count = Count(0);
        self.lease().with(stop, |worker| self.encode_text(worker, 0, text.into(), specials, &mut count))?;
        Ok(count.0)
    }

    /// Encodes the text of this number.
    fn encode_text(
        &self,
        worker: &mut Worker,
        number: usize,
        text: Text,
        specials: Specials,
        out: &mut impl Sink,
    ) -> Result<()> {
        if let Some(text) = text.as_str() {
            return self.encode_into(worker, text, specials, out);
        }
        let mut texts = std::mem::take(&mut worker.texts);
        let done =
            texts.fill(number, &[text], self.isa).and_then(|()| self.encode_into(worker, &texts.row, specials, out));
        worker.texts = texts.bounded();
        done
    }

    fn encode_into(&self, worker: &mut Worker, text: &str, specials: Specials, out: &mut impl Sink) -> Result<()> {
        // Mostly there are none, and an iterator over nothing is not for nothing: with what is inlined below, a twelfth of a short call.
        if !self.added.any(specials) {
            return self.encode_plain(worker, text, out);
        }
        let mut done = 0;
        for (range, id) in self.added.find(text, specials) {
            self.encode_plain(worker, &text[done..range.start], out)?;
            out.put(&[id])?;
            done = range.end;
        }
        self.encode_plain(worker, &text[done..], out)
    }

    /// Encodes text that holds no added token.
    #[inline(always)]
    fn encode_plain(&self, worker: &mut Worker, text: &str, out: &mut impl Sink) -> Result<()> {
        let text = self.normalize(text)?;
        self.encode_range(worker, text.as_bytes(), 0..text.len(), out)
    }

    #[inline(always)]
    fn normalize<'t>(&self, text: &'t str) -> Result<Cow<'t, str>> {
        if self.is_normal(text) { Ok(Cow::Borrowed(text)) } else { nfc::normalized(text).map(Cow::Owned) }
    }

    /// Whether the normalizer leaves `text` as it is.
    #[inline(always)]
    fn is_normal(&self, text: &str) -> bool {
        match self.vocab.normalizer {
            Normalizer::None => true,
            Normalizer::Nfc => nfc::is_normal(text),
        }
    }

    /// Encodes the pieces of a normalized text that begin in `range`, whose bounds are boundaries.
    fn encode_range(&self, worker: &mut Worker, text: &[u8], range: Range<usize>, out: &mut impl Sink) -> Result<()> {
        self.take_range(worker, text, 0..text.len(), range, true, out)
    }

    /// Takes the pieces of the text `row[text]` that begin in its `range` into the worker's group, which is encoded when it is full,
    /// or after these if they are the last.
    fn take_range(
        &self,
        worker: &mut Worker,
        row: &[u8],
        text: Range<usize>,
        range: Range<usize>,
        are_last: bool,
        out: &mut impl Sink,
    ) -> Result<()> {
        let mut ends = std::mem::take(&mut worker.ends);
        let mut parts = std::mem::take(&mut worker.parts);
        let mut start = range.start;
        while start < range.end {
            let next = self.splitter.cut(&row[text.clone()], start..range.end, &mut ends)?;
            let are_last = are_last && next == range.end;
            let base = text.start + start;
            let ends = self.seams.part(&row[base..text.start + next], &ends, &self.whole, &mut parts)?;
            self.take_pieces(worker, row, base, ends, are_last, out)?;
            start = next;
        }
        (worker.ends, worker.parts) = (ends, parts);
        Ok(())
    }

    /// Encodes texts that stand one behind the other, the first of them by its number; how many ids come before the end of each, the group says then ([`Group::ends`]).
    fn encode_row(
        &self,
        worker: &mut Worker,
        first: usize,
        Texts { row, ends }: &Texts,
        specials: Specials,
        out: &mut impl Sink,
    ) -> Result<()> {
        let bytes = row.as_bytes();
        let mut start = 0;
        for (place, &end) in ends.iter().enumerate() {
            let text = &row[start..end];
            let done = if self.is_normal(text) && self.added.find(text, specials).next().is_none() {
                self.take_range(worker, bytes, start..end, 0..text.len(), false, out)
            } else {
                self.take_pieces(worker, bytes, start, &[], true, out)?;
                self.encode_into(worker, text, specials, out)
            };
            done.map_err(|error| error.in_text(first + place))?;
            worker.group.end_text()?;
            start = end;
        }
        self.take_pieces(worker, bytes, start, &[], true, out)
    }
}

/// The id of each symbol. Where merges made tokens one after the other, as trainers do, an id is its symbol but for a difference,
/// and need not be waited for.
#[derive(Debug)]
struct Ids {
    /// By symbol, as far as they are not told by the difference.
    table: Vec<u32>,
    difference: u32,
}

impl Ids {
    fn new(mut table: Vec<u32>) -> Self {
        let difference = table.get(256).map_or(0, |id| id.wrapping_sub(256));
        if table.iter().zip(0..).skip(256).all(|(&id, symbol)| id == difference.wrapping_add(symbol)) {
            table.truncate(256);
        }
        Self { table, difference }
    }

    /// Those of symbols, in place; what is left over from a multiple of sixteen stays.
    #[inline(always)]
    fn of_all<R: U32x16>(&self, symbols: &mut [u32]) {
        let (count, difference) = (self.table.len() as u32, R::splat(self.difference));
        for symbols in symbols.as_chunks_mut().0 {
            let row = R::load(symbols);
            row.wrapping_add(difference).select(row.less_than(count), row.gather(&self.table)).store(symbols);
        }
    }
}

/// Where ids go, if there is memory for them.
trait Sink {
    fn put(&mut self, ids: &[u32]) -> Result<()>;

    /// How many went there.
    fn length(&self) -> usize;

    /// Puts what went to another one behind what is here, and leaves the other empty.
    fn append(&mut self, other: &mut Self) -> Result<()>
    where
        Self: Sized;

    /// The ids of the pieces of a group.
    #[inline(always)]
    fn put_all(&mut self, group: &mut Group) -> Result<()>
    where
        Self: Sized,
    {
        group.write(self)
    }
}

/// Ids for which there is so much room are more than the nearer caches hold together with what encoding needs there.
const MANY: usize = 1 << 21;

impl Sink for Vec<u32> {
    /// Many go past the caches. (Repeated, the mix 366 to 377 MB/s, Finnish 404 to 410, Bulgarian 462 to 471, English 479 to 499.)
    #[inline(always)]
    fn put(&mut self, ids: &[u32]) -> Result<()> {
        self.try_reserve(ids.len())?;
        if self.capacity() < MANY {
            self.extend_from_slice(ids);
        } else {
            append_nontemporal(self, ids);
        }
        Ok(())
    }

    #[inline(always)]
    fn length(&self) -> usize {
        self.len()
    }

    fn append(&mut self, other: &mut Self) -> Result<()> {
        self.put(other)?;
        other.clear();
        Ok(())
    }
}

/// Counts ids instead of keeping them.
#[derive(Debug, Default)]
struct Count(usize);

impl Sink for Count {
    fn put(&mut self, ids: &[u32]) -> Result<()> {
        self.0 += ids.len();
        Ok(())
    }

    fn length(&self) -> usize {
        self.0
    }

    fn append(&mut self, other: &mut Self) -> Result<()> {
        self.0 += std::mem::take(&mut other.0);
        Ok(())
    }

    fn put_all(&mut self, group: &mut Group) -> Result<()> {
        self.0 += group.total();
        Ok(())
    }
}
