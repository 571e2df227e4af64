//! Jobs: the parts of a batch that one thread encodes at a time.
//!
//! Many small texts are taken at a time and copied into one row, one behind the other. The row stays in the processor's
//! nearer caches until it is encoded, and its pieces form common groups. Large texts are divided. A thread that
//! takes a job also makes some more. Jobs are dealt to the threads in turn, so that on repeated text each thread meets
//! the words that its cache holds. But no thread waits for another: one that finds no job of its own takes the oldest
//! job.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::arch::Isa;
use crate::encode::text::{AsText, Text};
use crate::encode::{Encoder, Specials};
use crate::stop::Stop;

/// Bytes of a job. A text of fewer than twice as many bytes is not divided.
const JOB: usize = 256 << 10;

/// Bytes added to the size of each text, so that a job of empty texts ends, too.
const EACH: usize = 16;

/// Number of waiting jobs for each thread but the first. A thread may be this many jobs late before another thread does
/// one of them, whose words that thread's cache does not hold; and this many results may wait for an earlier one.
const AHEAD: usize = 4;

/// A part of a batch that one thread encodes at a time.
#[derive(Debug)]
pub(crate) enum Job<'t, T> {
    /// Small texts; `first` is the number of the first one.
    Texts { first: usize, texts: &'t [T] },
    /// A stretch of the large text `number`.
    Stretch { number: usize, text: LargeText<'t>, range: Range<usize> },
}

impl<T> Job<'_, T> {
    /// Whether its first text began in the job before.
    pub(crate) fn continues(&self) -> bool {
        matches!(self, Self::Stretch { range, .. } if range.start > 0)
    }
}

/// The UTF-8 of a text that is divided.
#[derive(Debug, Clone)]
pub(crate) enum LargeText<'t> {
    There(&'t str),
    Made(Arc<String>),
}

impl<'t> LargeText<'t> {
    /// The UTF-8 of a text; `None` if the text has a lone surrogate, memory is short, or the work is stopped.
    fn of(stop: &Stop, text: Text<'t>, isa: Isa) -> Option<Self> {
        if let Some(text) = text.as_str() {
            return Some(Self::There(text));
        }
        let mut utf8 = String::new();
        text.append(stop, 0, isa, &mut utf8).ok()?;
        Some(Self::Made(Arc::new(utf8)))
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::There(text) => text,
            Self::Made(text) => text,
        }
    }
}

/// The jobs of a batch.
pub(crate) struct Jobs<'e, 't, T> {
    encoder: &'e Encoder,
    stop: &'e Stop,
    specials: Specials,
    threads: usize,
    state: Mutex<JobQueue<'t, T>>,
}

struct JobQueue<'t, T> {
    texts: &'t [T],
    /// Number of texts that are in a job.
    done: usize,
    /// A large text, and the end of its last stretch that is in a job.
    divided: Option<(LargeText<'t>, usize)>,
    /// The jobs that no thread has taken, with their numbers.
    jobs: VecDeque<(usize, Job<'t, T>)>,
    /// Number of jobs that were made.
    made: usize,
    /// Jobs from this number on are not wanted.
    end: usize,
}

impl<'e, 't, T: AsText<'t>> Jobs<'e, 't, T> {
    pub(crate) fn new(
        encoder: &'e Encoder,
        stop: &'e Stop,
        texts: &'t [T],
        specials: Specials,
        threads: usize,
    ) -> Self {
        let state = JobQueue { texts, done: 0, divided: None, jobs: VecDeque::new(), made: 0, end: usize::MAX };
        Self { encoder, stop, specials, threads, state: Mutex::new(state) }
    }

    /// Number of threads that have a job to do.
    pub(crate) fn workers(&self) -> usize {
        let mut state = self.lock();
        self.make(&mut state);
        state.jobs.len().min(self.threads)
    }

    /// The next job of a thread, with its number, if there is one.
    pub(crate) fn take(&self, thread: usize) -> Option<(usize, Job<'t, T>)> {
        let mut state = self.lock();
        self.make(&mut state);
        let place = state.jobs.iter().position(|(number, _)| number % self.threads == thread).unwrap_or(0);
        state.jobs.remove(place)
    }

    /// Drops the jobs behind one that failed. The jobs before it are still done, so that the first failure is reported,
    /// in any order of the threads.
    pub(crate) fn end_at(&self, number: usize) {
        let mut state = self.lock();
        state.end = state.end.min(number);
        let end = state.end;
        state.jobs.retain(|&(number, _)| number < end);
    }

    fn lock(&self) -> MutexGuard<'_, JobQueue<'t, T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes jobs, as long as there are texts and few jobs are waiting.
    fn make(&self, state: &mut JobQueue<'t, T>) {
        let most = AHEAD * (self.threads - 1) + 1;
        while state.jobs.len() < most && state.made < state.end {
            let Some(job) = self.next(state) else { return };
            state.jobs.push_back((state.made, job));
            state.made += 1;
        }
    }

    fn next(&self, state: &mut JobQueue<'t, T>) -> Option<Job<'t, T>> {
        if let Some((text, start)) = state.divided.take() {
            return Some(self.stretch(state, text, start));
        }
        let first = state.done;
        let texts = &state.texts[first..];
        if let Some(text) = self.large((*texts.first()?).into()) {
            state.done += 1;
            return Some(self.stretch(state, text, 0));
        }
        let mut size = 0;
        let some = texts.iter().enumerate().take_while(|&(place, &text)| {
            let own = text.into().size();
            let is_taken = place == 0 || (size < JOB && own < JOB);
            size += own + EACH;
            is_taken
        });
        let texts = &texts[..some.count()];
        state.done += texts.len();
        Some(Job::Texts { first, texts })
    }

    /// The text, if it is to be divided. It is divided at proven boundaries only, so not if it has added tokens or a
    /// normalizer changes it. (The thread that encodes the text reports a lone surrogate, a lack of memory, or a stop.)
    fn large(&self, text: Text<'t>) -> Option<LargeText<'t>> {
        if self.threads == 1 || text.size() < 2 * JOB {
            return None;
        }
        let encoder = self.encoder;
        LargeText::of(self.stop, text, encoder.isa).filter(|text| {
            let text = text.as_str();
            encoder.is_normal(self.stop, text).unwrap_or(false)
                && encoder.added.find(text, self.specials).next().is_none()
        })
    }

    /// The stretch of a large text that begins at `start`.
    fn stretch(&self, state: &mut JobQueue<'t, T>, text: LargeText<'t>, start: usize) -> Job<'t, T> {
        let content = text.as_str();
        let end = self.encoder.next_boundary(content.as_bytes(), start + JOB).unwrap_or(content.len());
        if end < content.len() {
            state.divided = Some((text.clone(), end));
        }
        // No other text is taken before this one ends, so it is the last text in a job.
        Job::Stretch { number: state.done - 1, text, range: start..end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::tests::sample;

    static NEVER: Stop = Stop::never();

    /// Takes jobs for the given threads, one after the other.
    fn take<'t, T: AsText<'t>, const N: usize>(jobs: &Jobs<'_, 't, T>, threads: [usize; N]) -> [Option<usize>; N] {
        threads.map(|thread| jobs.take(thread).map(|(number, _)| number))
    }

    #[test]
    fn jobs_are_dealt_in_turn_and_nobody_waits_for_another() {
        let (encoder, text) = (Encoder::new(sample()).unwrap(), "a".repeat(JOB));
        let texts = [text.as_str(); 5];
        let jobs = Jobs::new(&encoder, &NEVER, &texts, Specials::Text, 2);
        assert_eq!(take(&jobs, [1, 0, 1, 1, 1, 0]), [Some(1), Some(0), Some(3), Some(2), Some(4), None]);
    }

    #[test]
    fn a_job_has_texts_of_so_many_bytes_or_so_many_texts() {
        let encoder = Encoder::new(sample()).unwrap();
        let sizes = |texts: &[&str]| {
            let jobs = Jobs::new(&encoder, &NEVER, texts, Specials::Text, 1);
            let mut sizes = Vec::new();
            while let Some((number, Job::Texts { first, texts })) = jobs.take(0) {
                assert_eq!((number, first), (sizes.len(), sizes.iter().sum()));
                sizes.push(texts.len());
            }
            sizes
        };
        assert_eq!(sizes(&[""; 3 * JOB / EACH]), [JOB / EACH; 3]);
        let half = "a".repeat(JOB / 2);
        assert_eq!(sizes(&[half.as_str(); 5]), [2, 2, 1]);
        assert_eq!(sizes(&[]), [0; 0]);
    }

    #[test]
    fn what_is_before_a_failure_is_still_done() {
        let (encoder, text) = (Encoder::new(sample()).unwrap(), "a".repeat(JOB));
        let texts = [text.as_str(); 9];
        let jobs = Jobs::new(&encoder, &NEVER, &texts, Specials::Text, 2);
        assert_eq!(take(&jobs, [1, 1]), [Some(1), Some(3)]);
        jobs.end_at(3);
        assert_eq!(take(&jobs, [1, 1, 0]), [Some(0), Some(2), None]);
    }
}
