//! Many texts on many threads: the ids are those of one after the other.
//!
//! Texts enter one by one and are put together to jobs, which threads take in order; the first job is under way while later
//! texts are still to come. For Python that matters: it makes the UTF-8 form of a `str` at some 1 GB/s, on one thread.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::{Count, Encoder, Sink, Specials, Worker};
use crate::arch::prefer_huge_pages;
use crate::error::Result;
use crate::ragged::Ragged;

/// A thread gets about this many bytes at a time; below twice as many, a text is not divided.
const JOB: usize = 256 << 10;

/// What one thread encodes at a time.
enum Job<'t> {
    /// Whole texts in a row.
    Texts(Vec<&'t str>),
    /// A stretch of a large one; it may be the first of that text.
    Stretch { text: &'t str, range: Range<usize>, first: bool },
}

impl Job<'_> {
    fn bytes(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.iter().map(|text| text.len()).sum(),
            Self::Stretch { range, .. } => range.len(),
        }
    }
}

/// What became of a job.
struct Part<S> {
    sink: S,
    /// The number of ids of each of its texts.
    lengths: Vec<usize>,
    /// Whether its first text began in the job before.
    continues: bool,
}

/// Jobs on their way from the thread that makes them to those that do them.
struct Queue<'t> {
    state: Mutex<State<'t>>,
    changed: Condvar,
}

struct State<'t> {
    jobs: VecDeque<Job<'t>>,
    /// How many were taken.
    taken: usize,
    /// Whether no more will come.
    closed: bool,
}

impl<'t> Queue<'t> {
    fn new() -> Self {
        Self { state: Mutex::new(State { jobs: VecDeque::new(), taken: 0, closed: false }), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State<'t>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: Job<'t>) {
        self.lock().jobs.push_back(job);
        self.changed.notify_one();
    }

    /// The next job and its number; waits for one unless no more will come.
    fn take(&self) -> Option<(usize, Job<'t>)> {
        let waiting = |state: &mut State| state.jobs.is_empty() && !state.closed;
        let mut state = self.changed.wait_while(self.lock(), waiting).unwrap_or_else(PoisonError::into_inner);
        let job = state.jobs.pop_front()?;
        state.taken += 1;
        Some((state.taken - 1, job))
    }
}

/// Closes the queue when the texts end, whichever way: those who wait for jobs would wait for ever.
struct Closing<'q, 't>(&'q Queue<'t>);

impl Drop for Closing<'_, '_> {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }
}

/// What the last thread does, with nothing left of Python in it.
pub type Rest<'a> = &'a mut (dyn FnMut() + Send);

impl Encoder {
    /// The ids of each text, on at most `threads` threads (`None`: as many as there are processors).
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_batch(&self, texts: &[&str], specials: Specials, threads: Option<usize>) -> Result<Ragged> {
        self.encode_stream(specials, threads, |take| texts.iter().copied().for_each(take), |rest| rest())
    }

    /// As [`encode_batch`](Self::encode_batch), for texts that come one by one: `feed` calls its argument with each of them, on
    /// this thread, while others begin. Then `finish` is given what this thread has left to do, and must do it.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_stream<'t>(
        &self,
        specials: Specials,
        threads: Option<usize>,
        feed: impl FnOnce(&mut dyn FnMut(&'t str)),
        finish: impl FnOnce(Rest),
    ) -> Result<Ragged> {
        self.stream(specials, threads, feed, finish, row, gathered)
    }

    /// The number of ids of each text.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn count_batch(&self, texts: &[&str], specials: Specials, threads: Option<usize>) -> Result<Vec<i64>> {
        self.count_stream(specials, threads, |take| texts.iter().copied().for_each(take), |rest| rest())
    }

    /// As [`count_batch`](Self::count_batch), for texts that come one by one, as in [`encode_stream`](Self::encode_stream).
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn count_stream<'t>(
        &self,
        specials: Specials,
        threads: Option<usize>,
        feed: impl FnOnce(&mut dyn FnMut(&'t str)),
        finish: impl FnOnce(Rest),
    ) -> Result<Vec<i64>> {
        let counted = |parts: Vec<Part<Count>>, _| lengths(&parts).map(|length| length as i64).collect();
        self.stream(specials, threads, feed, finish, |_| Count(0), counted)
    }

    fn stream<'t, S: Sink + Length + Send, R: Send>(
        &self,
        specials: Specials,
        threads: Option<usize>,
        feed: impl FnOnce(&mut dyn FnMut(&'t str)),
        finish: impl FnOnce(Rest),
        sink: impl Fn(usize) -> S + Sync,
        assemble: impl FnOnce(Vec<Part<S>>, usize) -> R + Send,
    ) -> Result<R> {
        let threads = workers(threads, usize::MAX);
        let queue = Queue::new();
        let work = || -> Result<Vec<(usize, Part<S>)>> {
            let mut lease = self.lease();
            let mut done = Vec::new();
            while let Some((number, job)) = queue.take() {
                // Room for a token in two bytes, which is more than any language takes; what is not needed is never touched.
                let sink = sink(job.bytes() / 2);
                done.push((number, self.do_job(lease.worker(), specials, job, sink)?));
            }
            Ok(done)
        };
        let mut outcome = None;
        let mut assemble = Some(assemble);
        thread::scope(|scope| {
            let mut helpers = Vec::new();
            let closing = Closing(&queue);
            let mut jobs = Jobs::new(self, specials, threads > 1, |job| {
                queue.push(job);
                // This thread takes part in the end.
                if helpers.len() + 1 < threads {
                    helpers.push(scope.spawn(work));
                }
            });
            feed(&mut |text| jobs.add(text));
            jobs.end();
            drop(closing);
            finish(&mut || {
                let mine = work();
                let theirs = helpers
                    .drain(..)
                    .map(|helper| helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
                let all: Result<Vec<_>> = std::iter::once(mine).chain(theirs.collect::<Vec<_>>()).collect();
                outcome = Some(all.map(|parts| {
                    let mut parts: Vec<(usize, Part<S>)> = parts.into_iter().flatten().collect();
                    parts.sort_unstable_by_key(|(number, _)| *number);
                    let assemble = assemble.take().expect("the rest is done once");
                    assemble(parts.into_iter().map(|(_, part)| part).collect(), threads)
                }));
            });
        });
        outcome.expect("`finish` does what it is given")
    }

    fn do_job<S: Sink + Length>(
        &self,
        worker: &mut Worker,
        specials: Specials,
        job: Job,
        mut sink: S,
    ) -> Result<Part<S>> {
        let mut lengths = Vec::new();
        let continues = matches!(job, Job::Stretch { first: false, .. });
        match job {
            Job::Texts(texts) => {
                lengths.reserve(texts.len());
                for text in texts {
                    let before = sink.length();
                    self.encode_into(worker, text, specials, &mut sink)?;
                    lengths.push(sink.length() - before);
                }
            }
            Job::Stretch { text, range, .. } => {
                self.encode_range(worker, text.as_bytes(), range, &mut sink)?;
                lengths.push(sink.length());
            }
        }
        Ok(Part { sink, lengths, continues })
    }
}

/// Makes jobs of texts.
struct Jobs<'e, 't, F> {
    encoder: &'e Encoder,
    specials: Specials,
    /// Whether there is anyone to share with: else all is one job.
    shared: bool,
    texts: Vec<&'t str>,
    bytes: usize,
    push: F,
}

impl<'e, 't, F: FnMut(Job<'t>)> Jobs<'e, 't, F> {
    fn new(encoder: &'e Encoder, specials: Specials, shared: bool, push: F) -> Self {
        Self { encoder, specials, shared, texts: Vec::new(), bytes: 0, push }
    }

    /// Adds a text. It is divided at proven boundaries only, and not at all where added tokens or a normalizer could reach
    /// across.
    fn add(&mut self, text: &'t str) {
        let encoder = self.encoder;
        let whole = !self.shared
            || text.len() < 2 * JOB
            || !encoder.is_normal(text)
            || encoder.added.find(text, self.specials).next().is_some();
        if whole {
            self.texts.push(text);
            self.bytes += text.len();
            if self.bytes >= JOB && self.shared {
                self.end();
            }
            return;
        }
        self.end();
        let mut start = 0;
        while start < text.len() {
            let end = encoder.splitter.next_boundary(text.as_bytes(), start + JOB).unwrap_or(text.len());
            (self.push)(Job::Stretch { text, range: start..end, first: start == 0 });
            start = end;
        }
    }

    /// Makes a job of the texts that are waiting for more.
    fn end(&mut self) {
        if !self.texts.is_empty() {
            (self.push)(Job::Texts(std::mem::take(&mut self.texts)));
            self.bytes = 0;
        }
    }
}

/// The number of threads to use: what was asked for (at least one), but no more than there are jobs or could help.
pub(super) fn workers(asked: Option<usize>, jobs: usize) -> usize {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    asked.unwrap_or(processors).clamp(1, 4 * processors).min(jobs.max(1))
}

/// Room for so many ids.
fn row(capacity: usize) -> Vec<u32> {
    let mut ids = Vec::with_capacity(capacity);
    prefer_huge_pages(&mut ids);
    ids
}

/// The parts in a row. A single one is taken as it is; many are copied by all threads, each its share.
fn gathered(mut parts: Vec<Part<Vec<u32>>>, threads: usize) -> Ragged {
    let ends = lengths(&parts).scan(0, |end, length| {
        *end += length as i64;
        Some(*end)
    });
    let offsets = std::iter::once(0).chain(ends).collect();
    if let [part] = &mut parts[..] {
        return Ragged { ids: std::mem::take(&mut part.sink), offsets };
    }
    let mut ids = vec![0; parts.iter().map(|part| part.sink.len()).sum()];
    prefer_huge_pages(&mut ids);
    thread::scope(|scope| {
        let mut rest = ids.as_mut_slice();
        let share = parts.len().div_ceil(threads).max(1);
        for parts in parts.chunks(share) {
            let (mine, others) = rest.split_at_mut(parts.iter().map(|part| part.sink.len()).sum());
            rest = others;
            if rest.is_empty() {
                copy(parts, mine);
            } else {
                scope.spawn(move || copy(parts, mine));
            }
        }
    });
    Ragged { ids, offsets }
}

/// Puts the ids of parts in a row.
fn copy(parts: &[Part<Vec<u32>>], mut row: &mut [u32]) {
    for part in parts {
        let (span, behind) = row.split_at_mut(part.sink.len());
        span.copy_from_slice(&part.sink);
        row = behind;
    }
}

/// The number of ids of each text.
fn lengths<S>(parts: &[Part<S>]) -> impl Iterator<Item = usize> {
    let mut of_texts: Vec<usize> = Vec::new();
    for part in parts {
        let mut lengths = part.lengths.as_slice();
        if part.continues
            && let (Some(last), [first, others @ ..]) = (of_texts.last_mut(), lengths)
        {
            *last += first;
            lengths = others;
        }
        of_texts.extend(lengths);
    }
    of_texts.into_iter()
}

/// How many ids went into a sink.
trait Length {
    fn length(&self) -> usize;
}

impl Length for Vec<u32> {
    fn length(&self) -> usize {
        self.len()
    }
}

impl Length for Count {
    fn length(&self) -> usize {
        self.0
    }
}
