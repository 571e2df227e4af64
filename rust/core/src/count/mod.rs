//! From documents to counts.
//!
//! Training needs to know of a corpus which pieces occur in it and how often, per language: the [`Counts`]. They are
//! data: made on any number of threads or machines, saved, loaded and added, always with the same result. Each thread
//! fills a small table of its own from the blocks it takes, and adds it now and then to the table of all threads, one
//! range of hashes at a time. (With one large table a thread, added up in the end, most pieces would be held several
//! times; that takes a sixth more time on two threads.)

mod calibrate;
mod file;
mod frequencies;
mod leb128;
mod merge;
mod parallel;
mod spill;
mod table;
#[cfg(test)]
mod tests;
mod transform;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use self::merge::{InMemory, PieceStream, Sorted, merge};
use crate::documents::{Files, Invalid, Texts};
use crate::error::{Error, Result};
use crate::memory::Grow;
use crate::split::{LOOKAHEAD, Scheme, Splitter};
use crate::stop::Stop;
use crate::threads;
pub use frequencies::Frequencies;
use parallel::count;
pub(crate) use spill::{Run, Writer};
use table::Table;
pub(crate) use table::{SHARDS, Shard, SharedTable};

/// The most runs of a language; more are merged into one.
const RUNS: usize = 16;

/// The most runs of all languages, as far as possible. Each is an open file, and some systems allow a process only 256.
const MOST_RUNS: usize = 128;

/// The unique pieces of a corpus and how often each occurs, per language.
#[derive(Debug, Clone)]
pub struct Counts {
    scheme: Scheme,
    languages: BTreeMap<String, Language>,
    memory: Option<usize>,
}

/// The counts of one language.
#[derive(Debug, Clone, Default)]
pub struct Language {
    table: Table,
    /// Pieces on disk, which did not fit into memory.
    runs: Vec<Arc<Run>>,
    bytes: u64,
    documents: u64,
}

impl Language {
    /// Bytes of text that were counted.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Documents that were counted.
    pub fn documents(&self) -> u64 {
        self.documents
    }

    fn try_clone(&self) -> Result<Self> {
        Ok(Self { table: self.table.try_clone()?, runs: self.runs.clone(), ..*self })
    }

    /// Pieces on disk, of no documents.
    pub(crate) fn of_run(run: Run) -> Self {
        Self { runs: vec![Arc::new(run)], ..Self::default() }
    }

    /// The number of different pieces.
    ///
    /// # Errors
    /// [`Error::Io`] if pieces are on disk and cannot be read.
    pub fn unique(&self) -> Result<usize> {
        if self.runs.is_empty() {
            return Ok(self.table.len());
        }
        let mut pieces = 0;
        self.for_each_piece(|_, _| pieces += 1)?;
        Ok(pieces)
    }

    /// Calls `sink` with each piece and its count, in no particular order.
    ///
    /// # Errors
    /// [`Error::Io`] if pieces are on disk and cannot be read.
    pub fn for_each_piece(&self, mut sink: impl FnMut(&[u8], u64)) -> Result<()> {
        self.try_for_each_piece(|piece, count| {
            sink(piece, count);
            Ok(())
        })
    }

    /// Like [`for_each_piece`](Self::for_each_piece), but an error of `sink` ends it.
    fn try_for_each_piece(&self, mut sink: impl FnMut(&[u8], u64) -> Result<()>) -> Result<()> {
        (0..SHARDS).try_for_each(|number| self.for_each_in(number, &mut sink))
    }

    /// Calls `sink` with all pieces of shard `number`.
    pub(crate) fn for_each_in(&self, number: usize, sink: impl FnMut(&[u8], u64) -> Result<()>) -> Result<()> {
        match &self.runs[..] {
            [] => self.table.shards[number].for_each(sink),
            [run] if self.table.shards[number].len() == 0 => run.for_each(number, sink),
            _ => self.merge_shard(number, sink),
        }
    }

    /// All pieces of shard `number`.
    pub(crate) fn shard(&self, number: usize) -> Result<Cow<'_, Shard>> {
        let shard = &self.table.shards[number];
        if self.runs.is_empty() {
            return Ok(Cow::Borrowed(shard));
        }
        let mut all = shard.try_clone()?;
        self.runs.iter().try_for_each(|run| run.add_to(&mut all, number))?;
        Ok(Cow::Owned(all))
    }

    /// Calls `sink` with all pieces of shard `number`, in the order of their bytes. Memory holds one piece of each run,
    /// and the pieces of the table.
    fn merge_shard(&self, number: usize, sink: impl FnMut(&[u8], u64) -> Result<()>) -> Result<()> {
        merge(self.streams(number)?.map(|stream| (stream, 1)), sink)
    }

    /// The sequences that hold pieces of shard `number`.
    fn streams(&self, number: usize) -> Result<impl Iterator<Item = Box<dyn PieceStream + '_>>> {
        let table = &self.table.shards[number];
        let sorted = (table.len() > 0).then(|| Sorted::new(table)).transpose()?;
        let in_memory = sorted.map(|sorted| Box::new(InMemory::from(sorted)) as Box<dyn PieceStream>);
        Ok(self.runs.iter().map(move |run| Box::new(run.stream(number)) as Box<dyn PieceStream>).chain(in_memory))
    }

    /// Moves the table to the disk. `ask` is called at intervals; if it fails, here and below, nothing is moved.
    fn spill(&mut self, ask: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        if self.table.len() > 0 {
            self.runs.push(Arc::new(Run::write(&self.table.shards, ask)?));
            self.table = Table::default();
        }
        self.fold(ask)
    }

    /// Merges the runs into one if there are too many.
    fn fold(&mut self, ask: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        if self.runs.len() > RUNS { self.rewrite(|_| true, ask) } else { Ok(()) }
    }

    /// Writes everything to one run, without the pieces whose counts `keep` rejects.
    fn rewrite(&mut self, keep: impl Fn(u64) -> bool, ask: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let mut writer = Writer::new()?;
        for number in 0..SHARDS {
            ask()?;
            self.merge_shard(number, |piece, count| if keep(count) { writer.add(piece, count) } else { Ok(()) })?;
            writer.end_shard();
        }
        self.runs = vec![Arc::new(writer.finish()?)];
        self.table = Table::default();
        Ok(())
    }
}

/// Calls `sink` with all pieces of shard `number` in some languages, in the order of their bytes, and the sum of their
/// counts times the factors of the languages.
///
/// # Errors
/// [`Error::Io`]; [`Error::Corpus`] if a sum is 2^64 or more; those of `sink`.
pub(crate) fn merge_languages(
    languages: &[(&Language, u64)],
    number: usize,
    sink: impl FnMut(&[u8], u64) -> Result<()>,
) -> Result<()> {
    let mut streams = Vec::new();
    for &(language, factor) in languages {
        streams.try_extend(language.streams(number)?.map(|stream| (stream, factor)))?;
    }
    merge(streams.into_iter(), sink)
}

fn overflow() -> Error {
    Error::corpus("counts", "a count of 2^64 or more")
}

/// Options for counting.
#[derive(Debug, Clone, Copy, Default)]
pub struct CountOptions {
    /// Number of threads; by default one a core. The result does not depend on it.
    pub threads: Option<usize>,
    /// The treatment of bytes that are not UTF-8.
    pub invalid: Invalid,
}

impl Counts {
    /// Empty counts of pieces of this scheme.
    pub fn new(scheme: Scheme) -> Self {
        Self { scheme, languages: BTreeMap::new(), memory: None }
    }

    /// The same counts in about `memory` bytes at most, counting included; the rest goes to a temporary file. A limit
    /// below about 30 MB a thread has no further effect.
    ///
    /// # Errors
    /// [`Error::Io`] with the folder for temporary files.
    pub fn within(mut self, memory: Option<usize>) -> Result<Self> {
        self.memory = memory;
        self.spill(&mut || Ok(()))?;
        Ok(self)
    }

    /// The limit of memory.
    pub fn memory(&self) -> Option<usize> {
        self.memory
    }

    /// The scheme by which the text was split.
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// The languages in alphabetical order, each with its counts.
    pub fn languages(&self) -> impl ExactSizeIterator<Item = (&str, &Language)> {
        self.languages.iter().map(|(name, language)| (name.as_str(), language))
    }

    /// Counts the files of a language. `progress` is given the number of bytes read so far and the size of all files,
    /// as they are on disk.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::InvalidUtf8`], [`Error::Corpus`] or [`Error::Pattern`] for the first fault in the order
    /// of the files. The counts are then unchanged. [`Error::Interrupted`] if `progress` breaks: they are unchanged, or
    /// have all of the files.
    pub fn add_files(
        &mut self,
        language: &str,
        paths: &[PathBuf],
        options: CountOptions,
        mut progress: impl FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<()> {
        let splitter = Splitter::new(self.scheme.clone())?;
        let files = Files::new(paths)?;
        let position = files.progress();
        let files = Mutex::new(files);
        let source = |stop: &Stop| {
            files.lock().expect("no reader panics").next_unless(stop, |text| last_boundary(&splitter, text))
        };
        let mut report = || {
            let (done, total) = position();
            progress(done, total)
        };
        let found = count(&splitter, options, self.memory, source, &mut report)?;
        self.add_language(language, found, options.threads, &mut || go_on(report()))
    }

    /// Counts texts of a language. Each of them is one document.
    ///
    /// # Errors
    /// [`Error::Pattern`] if a user's regex gives up. The counts are then unchanged. [`Error::Interrupted`] if `progress`
    /// breaks: they are unchanged, or have all of the texts.
    pub fn add_texts(
        &mut self,
        language: &str,
        texts: &[&str],
        options: CountOptions,
        mut progress: impl FnMut() -> ControlFlow<()>,
    ) -> Result<()> {
        let splitter = Splitter::new(self.scheme.clone())?;
        let texts = Mutex::new(Texts::new(texts));
        let source = |_: &Stop| Ok(texts.lock().expect("no reader panics").next(|text| last_boundary(&splitter, text)));
        let found = count(&splitter, options, self.memory, source, &mut progress)?;
        self.add_language(language, found, options.threads, &mut || go_on(progress()))
    }

    /// Adds other counts.
    ///
    /// # Errors
    /// [`Error::Argument`] if they are of another scheme; [`Error::Corpus`] if a sum is 2^64 or more;
    /// [`Error::Memory`]. The languages before the one at fault are then already added.
    pub fn add(&mut self, other: Self, threads: Option<usize>) -> Result<()> {
        self.add_unless(&Stop::never(), other, threads)
    }

    /// As [`add`](Self::add), unless it is stopped. Each language has then all of its other counts, or none of them.
    ///
    /// # Errors
    /// As [`add`](Self::add), and [`Error::Interrupted`].
    pub fn add_unless(&mut self, stop: &Stop, other: Self, threads: Option<usize>) -> Result<()> {
        if self.scheme != other.scheme {
            let name = |scheme: &Scheme| scheme.name().unwrap_or(scheme.pattern()).to_string();
            let reason = format!("made by {:?}, not {:?}", name(&other.scheme), name(&self.scheme));
            return Err(Error::argument("counts", reason));
        }
        for (name, language) in other.languages {
            self.add_language(&name, language, threads, &mut || stop.check())?;
        }
        Ok(())
    }

    /// Clones, or fails if there is no memory.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn try_clone(&self) -> Result<Self> {
        let clone = |(name, language): (&String, &Language)| Ok((name.clone(), language.try_clone()?));
        let languages = self.languages.iter().map(clone).collect::<Result<_>>()?;
        Ok(Self { scheme: self.scheme.clone(), languages, memory: self.memory })
    }

    /// Drops the pieces that occur less often than `least` in their language. The number of counted bytes stays.
    ///
    /// # Errors
    /// [`Error::Io`] if pieces are on disk and cannot be read or written; [`Error::Memory`]: some of the rare pieces
    /// may still be there.
    pub fn retain(&mut self, least: u64) -> Result<()> {
        for language in self.languages.values_mut() {
            if language.runs.is_empty() {
                for shard in &mut language.table.shards {
                    *shard = shard.retained(least).map_err(|refused| refused.or(overflow))?;
                }
            } else {
                language.rewrite(|count| count >= least, &mut || Ok(()))?;
            }
        }
        Ok(())
    }

    /// Drops all languages that are not listed.
    ///
    /// # Errors
    /// [`Error::Argument`] if one of the listed languages is missing.
    pub fn keep(&mut self, languages: &[String]) -> Result<()> {
        if let Some(absent) = languages.iter().find(|name| !self.languages.contains_key(*name)) {
            return Err(Error::argument("languages", format!("{absent:?} is not a language of the counts")));
        }
        self.languages.retain(|name, _| languages.contains(name));
        Ok(())
    }

    fn add_language(
        &mut self,
        name: &str,
        mut found: Language,
        wanted: Option<usize>,
        ask: &mut dyn FnMut() -> Result<()>,
    ) -> Result<()> {
        let Some(old) = self.languages.get_mut(name) else {
            self.languages.insert(name.to_string(), found);
            return self.spill(ask);
        };
        let overflow = || Error::corpus(name, "counts of 2^64 or more");
        let bytes = old.bytes.checked_add(found.bytes).ok_or_else(overflow)?;
        let documents = old.documents.checked_add(found.documents).ok_or_else(overflow)?;
        old.table.add_all(&mut found.table, threads::wanted(wanted), ask, overflow)?;
        old.runs.append(&mut found.runs);
        (old.bytes, old.documents) = (bytes, documents);
        old.fold(ask)?;
        self.spill(ask)
    }

    /// Moves all pieces to the disk. Later calls read them from there.
    ///
    /// # Errors
    /// [`Error::Io`] with the folder for temporary files; [`Error::Interrupted`] when `stop` says so: some languages are
    /// then still in memory.
    pub fn leave_memory(&mut self, stop: &Stop) -> Result<()> {
        self.languages.values_mut().try_for_each(|language| language.spill(&mut || stop.check()))
    }

    /// Moves languages to the disk until the languages in memory take at most half of the limit. Counting needs the
    /// other half.
    fn spill(&mut self, ask: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let Some(memory) = self.memory else { return Ok(()) };
        while self.languages.values().map(|language| language.table.memory()).sum::<usize>() > memory / 2 {
            let largest = self.languages.values_mut().max_by_key(|language| language.table.memory());
            largest.expect("what takes memory is there").spill(ask)?;
        }
        while self.languages.values().map(|language| language.runs.len()).sum::<usize>() > MOST_RUNS {
            let scattered = self.languages.values_mut().max_by_key(|language| language.runs.len());
            match scattered.filter(|language| language.runs.len() > 1) {
                Some(language) => language.rewrite(|_| true, ask)?,
                None => break,
            }
        }
        Ok(())
    }
}

/// The answer of a caller's report of progress.
fn go_on(answer: ControlFlow<()>) -> Result<()> {
    if answer.is_break() { Err(Error::Interrupted) } else { Ok(()) }
}

/// A proven boundary near the end of `text`, however the text goes on.
fn last_boundary(splitter: &Splitter, text: &[u8]) -> Option<usize> {
    splitter.last_boundary(text, text.len().checked_sub(LOOKAHEAD)?, |_| true)
}
