//! Puts the results of jobs in order while later jobs are still being done.
//!
//! A thread that has done a job hands in its output. Then it appends the outputs that come next to the whole, unless
//! another thread is doing so. The memory of an appended output is used again for the next job. So only about as many
//! outputs as threads are ever touched. If the outputs waited until the end, they would take as much memory as the
//! whole and be copied from there.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::encode::Sink;
use crate::error::Result;

/// The output of a job, or of consecutive jobs.
#[derive(Debug, Default)]
pub(crate) struct JobOutput<S> {
    pub(crate) sink: S,
    /// The number of ids before the end of each text.
    pub(crate) ends: Vec<usize>,
    /// Whether its first text began in the job before.
    pub(crate) continues: bool,
}

impl<S: Sink> JobOutput<S> {
    /// Appends the output of the next job, and empties it.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory); the whole must then be dropped.
    fn append(&mut self, next: &mut Self) -> Result<()> {
        self.ends.try_reserve(next.ends.len())?;
        if std::mem::take(&mut next.continues) {
            self.ends.pop();
        }
        let before = self.sink.length();
        self.ends.extend(next.ends.drain(..).map(|end| before + end));
        self.sink.append(&mut next.sink)
    }
}

/// The outputs of jobs, on their way into order.
#[derive(Debug)]
pub(crate) struct ReorderBuffer<S> {
    /// The output of the first jobs, up to one that is not done, and the number of that one.
    whole: Mutex<(JobOutput<S>, usize)>,
    waiting: Mutex<Waiting<S>>,
}

#[derive(Debug)]
struct Waiting<S> {
    /// By number of the job.
    parts: BTreeMap<usize, JobOutput<S>>,
    /// Empty outputs, which are used again.
    empty: Vec<JobOutput<S>>,
}

impl<S: Sink + Default> ReorderBuffer<S> {
    /// Appends to `sink`.
    pub(crate) fn new(sink: S) -> Self {
        let whole = JobOutput { sink, ..JobOutput::default() };
        Self {
            whole: Mutex::new((whole, 0)),
            waiting: Mutex::new(Waiting { parts: BTreeMap::new(), empty: Vec::new() }),
        }
    }

    /// Lets a single thread write to the whole directly.
    pub(crate) fn alone<T>(&self, work: impl FnOnce(&mut JobOutput<S>) -> T) -> T {
        work(&mut lock(&self.whole).0)
    }

    /// An empty output.
    pub(crate) fn part(&self) -> JobOutput<S> {
        lock(&self.waiting).empty.pop().unwrap_or_default()
    }

    /// Takes the output of job `number`.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    pub(crate) fn add(&self, number: usize, part: JobOutput<S>) -> Result<()> {
        lock(&self.waiting).parts.insert(number, part);
        // A thread that is appending either finds this output, or leaves it to the next thread.
        match self.whole.try_lock() {
            Ok(mut whole) => self.gather(&mut whole),
            Err(_) => Ok(()),
        }
    }

    fn gather(&self, (whole, next): &mut (JobOutput<S>, usize)) -> Result<()> {
        let mut done = None;
        loop {
            let mut waiting = lock(&self.waiting);
            waiting.empty.extend(done.take());
            let Some(mut part) = waiting.parts.remove(next) else { return Ok(()) };
            drop(waiting);
            whole.append(&mut part)?;
            *next += 1;
            done = Some(part);
        }
    }

    /// The whole, when all jobs are done.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    pub(crate) fn whole(&self) -> Result<JobOutput<S>> {
        let mut whole = lock(&self.whole);
        self.gather(&mut whole)?;
        Ok(std::mem::take(&mut whole.0))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
