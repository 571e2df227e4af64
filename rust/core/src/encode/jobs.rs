//! Jobs: what a thread takes of a batch at a time.
//!
//! Texts of less than some hundred kilobytes are taken many at a time and put one behind the other in a row, which stays in the
//! processor's nearer caches until it is encoded; its pieces make common groups. Large texts are divided. Who takes a job makes some
//! more, and they are dealt to the threads in turn, so that on text that comes again each thread meets what its cache knows. But nobody
//! waits for another: who finds none of its own takes the oldest.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::text::{AsText, Text};
use super::{Encoder, Specials};
use crate::arch::Isa;
use crate::error::Error;

/// A thread gets texts of about this many bytes at a time; below twice as many, a text is not divided.
const JOB: usize = 256 << 10;

/// What a text counts for besides its bytes, so that there is an end to texts that have none.
const EACH: usize = 16;

/// So many jobs for each thread but one are made ahead of being taken: a thread may be as far behind before another one does its jobs,
/// whose words it does not know, and as many results wait then for those before them.
const AHEAD: usize = 4;

/// What one thread encodes at a time.
#[derive(Debug)]
pub(super) enum Job<'t, T> {
    /// These texts, the first of them by its number.
    Row { first: usize, texts: &'t [T] },
    /// A large text.
    Text(Large<'t>),
    /// A stretch of one; it may be the first.
    Stretch { text: Large<'t>, range: Range<usize> },
    /// A large text that is none.
    Wrong(Error),
}

impl<T> Job<'_, T> {
    /// Whether its first text began in the job before.
    pub(super) fn continues(&self) -> bool {
        matches!(self, Self::Stretch { range, .. } if range.start > 0)
    }
}

/// A text that is not copied into a row.
#[derive(Debug, Clone)]
pub(super) enum Large<'t> {
    There(&'t str),
    Made(Arc<String>),
}

impl<'t> Large<'t> {
    /// The text, or the place of a lone surrogate.
    fn of(text: Text<'t>, isa: Isa) -> Result<Self, usize> {
        if let Some(text) = text.as_str() {
            return Ok(Self::There(text));
        }
        let mut utf8 = String::new();
        text.push(isa, &mut utf8)?;
        Ok(Self::Made(Arc::new(utf8)))
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::There(text) => text,
            Self::Made(text) => text,
        }
    }
}

/// The jobs of a batch.
pub(super) struct Jobs<'e, 't, T> {
    encoder: &'e Encoder,
    specials: Specials,
    threads: usize,
    state: Mutex<State<'t, T>>,
}

struct State<'t, T> {
    texts: &'t [T],
    /// How many of them are in a job.
    done: usize,
    /// A large text of which no more than what comes before this place is in a job.
    divided: Option<(Large<'t>, usize)>,
    /// Those that nobody has taken, with their numbers.
    jobs: VecDeque<(usize, Job<'t, T>)>,
    /// How many were made.
    made: usize,
    /// Which are wanted: those before this one.
    end: usize,
}

impl<'e, 't, T: AsText<'t>> Jobs<'e, 't, T> {
    pub(super) fn new(encoder: &'e Encoder, texts: &'t [T], specials: Specials, threads: usize) -> Self {
        let state = State { texts, done: 0, divided: None, jobs: VecDeque::new(), made: 0, end: usize::MAX };
        Self { encoder, specials, threads, state: Mutex::new(state) }
    }

    /// How many threads have something to do.
    pub(super) fn workers(&self) -> usize {
        let mut state = self.lock();
        self.make(&mut state);
        state.jobs.len().min(self.threads)
    }

    /// The next job of a thread, and its number, if there is one.
    pub(super) fn take(&self, thread: usize) -> Option<(usize, Job<'t, T>)> {
        let mut state = self.lock();
        self.make(&mut state);
        let place = state.jobs.iter().position(|(number, _)| number % self.threads == thread).unwrap_or(0);
        state.jobs.remove(place)
    }

    /// Forgets the jobs behind one that failed. Those before it are done, so that which error is the first does not depend on luck.
    pub(super) fn end_at(&self, number: usize) {
        let mut state = self.lock();
        state.end = state.end.min(number);
        let end = state.end;
        state.jobs.retain(|&(number, _)| number < end);
    }

    fn lock(&self) -> MutexGuard<'_, State<'t, T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes jobs, as far as there are texts and few enough jobs are waiting.
    fn make(&self, state: &mut State<'t, T>) {
        let most = AHEAD * (self.threads - 1) + 1;
        while state.jobs.len() < most && state.made < state.end {
            let Some(job) = self.next(state) else { return };
            state.jobs.push_back((state.made, job));
            state.made += 1;
        }
    }

    fn next(&self, state: &mut State<'t, T>) -> Option<Job<'t, T>> {
        if let Some((text, start)) = state.divided.take() {
            return Some(self.stretch(state, text, start));
        }
        let texts = &state.texts[state.done..];
        if (*texts.first()?).into().size() >= JOB {
            state.done += 1;
            return Some(self.large(state, texts[0].into()));
        }
        let mut size = 0;
        let some = texts.iter().take_while(|&&text| {
            let own = text.into().size();
            let is_taken = size < JOB && own < JOB;
            size += own + EACH;
            is_taken
        });
        let texts = &texts[..some.count()];
        let first = state.done;
        state.done += texts.len();
        Some(Job::Row { first, texts })
    }

    /// The first job of a large text. It is divided at proven boundaries only, and not at all where added tokens or a normalizer could
    /// reach across.
    fn large(&self, state: &mut State<'t, T>, text: Text<'t>) -> Job<'t, T> {
        let encoder = self.encoder;
        let text = match Large::of(text, encoder.isa) {
            Ok(text) => text,
            Err(position) => return Job::Wrong(Error::Surrogate { text: state.done - 1, position }),
        };
        let content = text.as_str();
        let whole = self.threads == 1
            || content.len() < 2 * JOB
            || !encoder.is_normal(content)
            || encoder.added.find(content, self.specials).next().is_some();
        if whole { Job::Text(text) } else { self.stretch(state, text, 0) }
    }

    /// The stretch of a large text that begins at `start`.
    fn stretch(&self, state: &mut State<'t, T>, text: Large<'t>, start: usize) -> Job<'t, T> {
        let content = text.as_str();
        let end = self.encoder.splitter.next_boundary(content.as_bytes(), start + JOB).unwrap_or(content.len());
        if end < content.len() {
            state.divided = Some((text.clone(), end));
        }
        Job::Stretch { text, range: start..end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::tests::sample;

    #[test]
    fn jobs_are_dealt_in_turn_and_nobody_waits_for_another() {
        let encoder = Encoder::new(sample()).unwrap();
        let text = "a".repeat(JOB);
        let texts = [text.as_str(); 5];
        let jobs = Jobs::new(&encoder, &texts, Specials::Text, 2);
        let taken = [1, 0, 1, 1, 1].map(|thread| jobs.take(thread).map(|(number, _)| number));
        assert_eq!(taken, [Some(1), Some(0), Some(3), Some(2), Some(4)]);
        assert!(jobs.take(0).is_none());
    }

    #[test]
    fn a_job_has_texts_of_so_many_bytes_or_so_many_texts() {
        let encoder = Encoder::new(sample()).unwrap();
        let sizes = |texts: &[&str]| {
            let jobs = Jobs::new(&encoder, texts, Specials::Text, 1);
            let mut sizes = Vec::new();
            while let Some((number, Job::Row { first, texts })) = jobs.take(0) {
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
        let encoder = Encoder::new(sample()).unwrap();
        let text = "a".repeat(JOB);
        let texts = [text.as_str(); 9];
        let jobs = Jobs::new(&encoder, &texts, Specials::Text, 2);
        assert_eq!(jobs.take(1).map(|(number, _)| number), Some(1));
        assert_eq!(jobs.take(1).map(|(number, _)| number), Some(3));
        jobs.end_at(3);
        assert_eq!(jobs.take(1).map(|(number, _)| number), Some(0));
        assert_eq!(jobs.take(1).map(|(number, _)| number), Some(2));
        assert!(jobs.take(0).is_none());
    }
}
