//! Jobs: what a thread takes of a batch at a time.
//!
//! Texts of less than some hundred kilobytes are taken many at a time and put one behind the other in a row, which stays in the
//! processor's nearer caches until it is encoded; its pieces make common groups. Large texts are divided. Who takes a job makes some
//! more, and they are dealt to the threads in turn, so that on text that comes again each thread meets what its cache knows. But nobody
//! waits for another: who finds none of its own takes the oldest.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::arch::Isa;
use crate::encode::text::{AsText, Text};
use crate::encode::{Encoder, Specials};

/// A thread gets texts of about this many bytes at a time; of fewer than twice as many, a text is not divided.
const JOB: usize = 256 << 10;

/// What a text counts for besides its bytes, so that there is an end to texts that have none.
const EACH: usize = 16;

/// So many jobs for each thread but one are made ahead of being taken: a thread may be as far behind before another one does its jobs,
/// whose words it does not know, and as many results wait then for those before them.
const AHEAD: usize = 4;

/// What one thread encodes at a time.
#[derive(Debug)]
pub(crate) enum Job<'t, T> {
    /// These texts, the first of them by its number.
    Texts { first: usize, texts: &'t [T] },
    /// A stretch of a large text, of this number; it may be the first.
    Stretch { number: usize, text: Large<'t>, range: Range<usize> },
}

impl<T> Job<'_, T> {
    /// Whether its first text began in the job before.
    pub(crate) fn continues(&self) -> bool {
        matches!(self, Self::Stretch { range, .. } if range.start > 0)
    }
}

/// The UTF-8 of a text that is divided.
#[derive(Debug, Clone)]
pub(crate) enum Large<'t> {
    There(&'t str),
    Made(Arc<String>),
}

impl<'t> Large<'t> {
    /// That of a text, if it has no lone surrogate, and there is memory for it.
    fn of(text: Text<'t>, isa: Isa) -> Option<Self> {
        if let Some(text) = text.as_str() {
            return Some(Self::There(text));
        }
        let mut utf8 = String::new();
        text.push(isa, &mut utf8).ok()?;
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
    pub(crate) fn new(encoder: &'e Encoder, texts: &'t [T], specials: Specials, threads: usize) -> Self {
        let state = State { texts, done: 0, divided: None, jobs: VecDeque::new(), made: 0, end: usize::MAX };
        Self { encoder, specials, threads, state: Mutex::new(state) }
    }

    /// How many threads have something to do.
    pub(crate) fn workers(&self) -> usize {
        let mut state = self.lock();
        self.make(&mut state);
        state.jobs.len().min(self.threads)
    }

    /// The next job of a thread, and its number, if there is one.
    pub(crate) fn take(&self, thread: usize) -> Option<(usize, Job<'t, T>)> {
        let mut state = self.lock();
        self.make(&mut state);
        let place = state.jobs.iter().position(|(number, _)| number % self.threads == thread).unwrap_or(0);
        state.jobs.remove(place)
    }

    /// Forgets the jobs behind one that failed. Those before it are done, so that which error is the first does not depend on luck.
    pub(crate) fn end_at(&self, number: usize) {
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

    /// A text that is to be divided: at proven boundaries only, so not where added tokens or a normalizer could reach across. (One with
    /// a lone surrogate, or too large for the memory there is, is refused by whoever encodes it.)
    fn large(&self, text: Text<'t>) -> Option<Large<'t>> {
        if self.threads == 1 || text.size() < 2 * JOB {
            return None;
        }
        let encoder = self.encoder;
        Large::of(text, encoder.isa).filter(|text| {
            let text = text.as_str();
            encoder.is_normal(text) && encoder.added.find(text, self.specials).next().is_none()
        })
    }

    /// The stretch of a large text that begins at `start`.
    fn stretch(&self, state: &mut State<'t, T>, text: Large<'t>, start: usize) -> Job<'t, T> {
        let content = text.as_str();
        let end = self.encoder.splitter.next_boundary(content.as_bytes(), start + JOB).unwrap_or(content.len());
        if end < content.len() {
            state.divided = Some((text.clone(), end));
        }
        // No other text is taken before it is at its end.
        Job::Stretch { number: state.done - 1, text, range: start..end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::tests::sample;

    /// Which jobs threads get that ask one after the other.
    fn take<'t, T: AsText<'t>, const N: usize>(jobs: &Jobs<'_, 't, T>, threads: [usize; N]) -> [Option<usize>; N] {
        threads.map(|thread| jobs.take(thread).map(|(number, _)| number))
    }

    #[test]
    fn jobs_are_dealt_in_turn_and_nobody_waits_for_another() {
        let (encoder, text) = (Encoder::new(sample()).unwrap(), "a".repeat(JOB));
        let texts = [text.as_str(); 5];
        let jobs = Jobs::new(&encoder, &texts, Specials::Text, 2);
        assert_eq!(take(&jobs, [1, 0, 1, 1, 1, 0]), [Some(1), Some(0), Some(3), Some(2), Some(4), None]);
    }

    #[test]
    fn a_job_has_texts_of_so_many_bytes_or_so_many_texts() {
        let encoder = Encoder::new(sample()).unwrap();
        let sizes = |texts: &[&str]| {
            let jobs = Jobs::new(&encoder, texts, Specials::Text, 1);
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
        let jobs = Jobs::new(&encoder, &texts, Specials::Text, 2);
        assert_eq!(take(&jobs, [1, 1]), [Some(1), Some(3)]);
        jobs.end_at(3);
        assert_eq!(take(&jobs, [1, 1, 0]), [Some(0), Some(2), None]);
    }
}
