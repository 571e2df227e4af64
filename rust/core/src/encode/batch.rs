//! Many texts on many threads: the ids are those of one after the other.
//!
//! Texts come in one by one and are put one behind the other in a *row* of some hundred kilobytes, which stays in the processor's
//! nearer caches until it is encoded; its pieces make common groups. Rows, and stretches of large texts, are jobs that threads take
//! in turn, each those of its own number if there is one, so that on text that comes again each meets what its cache knows.
//! The thread that the texts come in on takes part when the others have enough to do, and does everything if it is alone:
//! so no more than a few rows are under way, whatever the number of texts. For Python that matters: rows are written from the
//! interpreter's strings, on one thread.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::assembly::{Assembly, Part};
use super::{Count, Encoder, Sink, Specials};
use crate::arch::prefer_huge_pages;
use crate::error::Result;
use crate::ragged::Ragged;
use crate::threads;

/// A thread gets about this many bytes at a time; below twice as many, a text is not divided.
const JOB: usize = 256 << 10;

/// What one thread encodes at a time.
enum Job<'t> {
    /// Texts one behind the other, and where each ends.
    Row { row: String, ends: Vec<usize> },
    /// A large text.
    Text(Large<'t>),
    /// A stretch of one; it may be the first.
    Stretch { text: Large<'t>, range: Range<usize> },
}

/// A text that is not copied into a row.
#[derive(Clone)]
enum Large<'t> {
    There(&'t str),
    Made(Arc<String>),
}

impl Large<'_> {
    fn as_str(&self) -> &str {
        match self {
            Self::There(text) => text,
            Self::Made(text) => text,
        }
    }
}

impl Job<'_> {
    /// Whether its first text began in the job before.
    fn continues(&self) -> bool {
        matches!(self, Self::Stretch { range, .. } if range.start > 0)
    }
}

/// Jobs on their way from the thread that makes them to those that do them. They are dealt to the threads in turn, but nobody waits for
/// another: who finds none of its own takes the oldest. (Two threads, the mix for the second time: 570 to 790 MB/s.)
struct Queue<'t> {
    state: Mutex<State<'t>>,
    changed: Condvar,
}

struct State<'t> {
    threads: usize,
    /// With their numbers.
    jobs: VecDeque<(usize, Job<'t>)>,
    /// How many were added.
    added: usize,
    /// Whether no more will come.
    closed: bool,
}

impl<'t> Queue<'t> {
    fn new(threads: usize) -> Self {
        let state = State { threads, jobs: VecDeque::new(), added: 0, closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State<'t>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a job; returns how many are waiting.
    fn push(&self, job: Job<'t>) -> usize {
        let mut state = self.lock();
        let number = state.added;
        state.added += 1;
        state.jobs.push_back((number, job));
        self.changed.notify_one();
        state.jobs.len()
    }

    /// The next job of a thread, and its number; waits for one unless no more will come.
    fn take(&self, thread: usize) -> Option<(usize, Job<'t>)> {
        let waiting = |state: &mut State| state.jobs.is_empty() && !state.closed;
        self.changed.wait_while(self.lock(), waiting).unwrap_or_else(PoisonError::into_inner).take(thread)
    }

    /// The next job of a thread, and its number, if there is one.
    fn take_at_once(&self, thread: usize) -> Option<(usize, Job<'t>)> {
        self.lock().take(thread)
    }
}

impl<'t> State<'t> {
    fn take(&mut self, thread: usize) -> Option<(usize, Job<'t>)> {
        let place = self.jobs.iter().position(|(number, _)| number % self.threads == thread).unwrap_or(0);
        self.jobs.remove(place)
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

/// What a thread does with nothing of Python in it.
pub type Apart<'a> = &'a mut (dyn FnMut() + Send);

impl Encoder {
    /// The ids of each text, on at most `threads` threads (`None`: as many as there are processors).
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_batch(&self, texts: &[&str], specials: Specials, threads: Option<usize>) -> Result<Ragged> {
        let bytes = texts.iter().map(|text| text.len()).sum();
        self.encode_stream(specials, threads, Vec::new(), bytes, |intake| intake.add_all(texts), |work| work())
    }

    /// As [`encode_batch`](Self::encode_batch), for texts that come one by one, of about so many `bytes` in all: `feed` gives each
    /// of them to its argument. What takes time is done by `apart`, which calls what it is given, on the same thread. `ids` is memory to
    /// write to, if there is some.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_stream<'t>(
        &self,
        specials: Specials,
        threads: Option<usize>,
        mut ids: Vec<u32>,
        bytes: usize,
        feed: impl FnOnce(&mut Intake<'_, 't>),
        apart: impl Fn(Apart),
    ) -> Result<Ragged> {
        // Room for a token in each byte, since to grow would be to move. What is not needed is never touched; if the system does not
        // grant as much, they grow.
        if ids.capacity() == 0 && ids.try_reserve_exact(bytes).is_ok() {
            prefer_huge_pages(ids.spare_capacity_mut());
        }
        let Part { sink: ids, ends, .. } = self.stream(specials, threads, ids, feed, apart)?;
        let offsets = std::iter::once(0).chain(ends).map(|end| end as i64).collect();
        Ok(Ragged { ids, offsets })
    }

    /// The number of ids of each text.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn count_batch(&self, texts: &[&str], specials: Specials, threads: Option<usize>) -> Result<Vec<i64>> {
        self.count_stream(specials, threads, |intake| intake.add_all(texts), |work| work())
    }

    /// As [`count_batch`](Self::count_batch), for texts that come one by one, as in [`encode_stream`](Self::encode_stream).
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn count_stream<'t>(
        &self,
        specials: Specials,
        threads: Option<usize>,
        feed: impl FnOnce(&mut Intake<'_, 't>),
        apart: impl Fn(Apart),
    ) -> Result<Vec<i64>> {
        let ends = self.stream(specials, threads, Count(0), feed, apart)?.ends;
        let mut before = 0;
        Ok(ends.into_iter().map(|end| (end - std::mem::replace(&mut before, end)) as i64).collect())
    }

    /// What becomes of texts that come one by one, appended to `sink`.
    fn stream<'t, S: Sink + Default + Send>(
        &self,
        specials: Specials,
        threads: Option<usize>,
        sink: S,
        feed: impl FnOnce(&mut Intake<'_, 't>),
        apart: impl Fn(Apart),
    ) -> Result<Part<S>> {
        let threads = threads::wanted(threads);
        let queue = Queue::new(threads);
        let assembly = Assembly::new(sink);
        let work = |thread: usize, (number, job): (usize, Job<'t>)| {
            if threads == 1 {
                return assembly.alone(|whole| self.do_job(specials, thread, job, whole));
            }
            let mut part = assembly.part();
            part.continues = job.continues();
            self.do_job(specials, thread, job, &mut part)?;
            assembly.add(number, part);
            Ok(())
        };
        let help = |thread| std::iter::from_fn(|| queue.take(thread)).try_for_each(|job| work(thread, job));
        let (mut mine, mut outcome) = (Ok(()), None);
        thread::scope(|scope| {
            let (mut helpers, mut most) = (Vec::new(), threads - 1);
            let closing = Closing(&queue);
            let mut push = |job| {
                let waiting = queue.push(job);
                if helpers.len() < most {
                    let thread = helpers.len() + 1;
                    match threads::start(scope, move || help(thread)) {
                        Some(helper) => helpers.push(helper),
                        None => most = helpers.len(),
                    }
                } else if waiting >= 2 * threads - 1 {
                    apart(&mut || {
                        if mine.is_ok() {
                            mine = queue.take_at_once(0).map_or(Ok(()), |job| work(0, job));
                        }
                    });
                }
            };
            let mut intake = Intake::new(self, specials, threads > 1, &mut push);
            feed(&mut intake);
            intake.end_row();
            drop(closing);
            apart(&mut || {
                let mine = std::mem::replace(&mut mine, Ok(())).and_then(|()| help(0));
                let theirs = helpers.drain(..).map(threads::join);
                // All of them are waited for, whatever became of the first.
                let all: Result<Vec<()>> = std::iter::once(mine).chain(theirs.collect::<Vec<_>>()).collect();
                outcome = Some(all.map(|_| assembly.whole()));
            });
        });
        outcome.expect("`apart` does what it is given")
    }

    /// Encodes a job to the end of a part.
    fn do_job<S: Sink>(&self, specials: Specials, thread: usize, job: Job, part: &mut Part<S>) -> Result<()> {
        let mut lease = self.lease_from(thread);
        let worker = lease.worker();
        let out = &mut part.sink;
        match job {
            Job::Row { row, ends } => {
                self.encode_row(worker, &row, &ends, specials, out)?;
                part.ends.append(worker.group.ends());
            }
            Job::Text(text) => {
                self.encode_into(worker, text.as_str(), specials, out)?;
                part.ends.push(out.length());
            }
            Job::Stretch { text, range } => {
                self.encode_range(worker, text.as_str().as_bytes(), range, out)?;
                part.ends.push(out.length());
            }
        }
        Ok(())
    }
}

/// Where texts come in: makes jobs of them.
pub struct Intake<'i, 't> {
    encoder: &'i Encoder,
    specials: Specials,
    /// Whether there is anyone to share a large text with.
    shared: bool,
    row: String,
    ends: Vec<usize>,
    push: &'i mut dyn FnMut(Job<'t>),
}

impl<'i, 't> Intake<'i, 't> {
    fn new(encoder: &'i Encoder, specials: Specials, shared: bool, push: &'i mut dyn FnMut(Job<'t>)) -> Self {
        Self { encoder, specials, shared, row: String::new(), ends: Vec::new(), push }
    }

    /// Takes a text.
    pub fn add(&mut self, text: &'t str) {
        if text.len() < JOB {
            self.row.push_str(text);
            self.end_text();
        } else {
            self.end_row();
            self.add_large(Large::There(text));
        }
    }

    fn add_all(&mut self, texts: &[&'t str]) {
        texts.iter().copied().for_each(|text| self.add(text));
    }

    /// Takes the text that `write` appends to what it is given.
    ///
    /// # Errors
    /// Those of `write`; there is no text then.
    pub fn write<E>(
        &mut self,
        write: impl FnOnce(&mut String) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let start = self.row.len();
        let written = write(&mut self.row);
        if written.is_err() {
            self.row.truncate(start);
        } else if self.row.len() - start < JOB {
            self.end_text();
        } else {
            let text = self.row.split_off(start);
            self.end_row();
            self.add_large(Large::Made(Arc::new(text)));
        }
        written
    }

    fn end_text(&mut self) {
        self.ends.push(self.row.len());
        if self.row.len() >= JOB {
            self.end_row();
        }
    }

    /// Makes a job of the texts that are waiting for more.
    fn end_row(&mut self) {
        if !self.ends.is_empty() {
            let row = std::mem::replace(&mut self.row, String::with_capacity(JOB + JOB / 8));
            let ends = std::mem::take(&mut self.ends);
            (self.push)(Job::Row { row, ends });
        }
    }

    /// Adds a large text. It is divided at proven boundaries only, and not at all where added tokens or a normalizer could reach
    /// across.
    fn add_large(&mut self, text: Large<'t>) {
        let encoder = self.encoder;
        let content = text.as_str();
        let whole = !self.shared
            || content.len() < 2 * JOB
            || !encoder.is_normal(content)
            || encoder.added.find(content, self.specials).next().is_some();
        if whole {
            (self.push)(Job::Text(text));
            return;
        }
        let mut start = 0;
        while start < content.len() {
            let end = encoder.splitter.next_boundary(content.as_bytes(), start + JOB).unwrap_or(content.len());
            (self.push)(Job::Stretch { text: text.clone(), range: start..end });
            start = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_dealt_in_turn_and_nobody_waits_for_another() {
        let queue = Queue::new(2);
        for text in ["0", "1", "2", "3", "4"] {
            queue.push(Job::Text(Large::There(text)));
        }
        let taken = [1, 0, 1, 1, 1].map(|thread| queue.take_at_once(thread).map(|(number, _)| number));
        assert_eq!(taken, [Some(1), Some(0), Some(3), Some(2), Some(4)]);
        assert!(queue.take_at_once(0).is_none());
    }
}
