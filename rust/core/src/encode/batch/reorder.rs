//! What becomes of jobs, put in order while others are still being done.
//!
//! Whoever has done a job hands its part in, and appends to the whole what follows there, unless another one is at it. So a part's
//! memory is used again for the next one: no more of it is touched than there are threads, or somewhat more when they are many,
//! where parts that wait for the end would be touched, and copied from, as large as the whole.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::encode::Sink;
use crate::error::Result;

/// What became of a job, or of jobs that follow each other.
#[derive(Debug, Default)]
pub(crate) struct Part<S> {
    pub(crate) sink: S,
    /// How many ids come before the end of each text.
    pub(crate) ends: Vec<usize>,
    /// Whether its first text began in the part before.
    pub(crate) continues: bool,
}

impl<S: Sink> Part<S> {
    /// Appends the part that follows, and leaves it empty.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory); the whole is of no use then.
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

/// The parts that have come.
#[derive(Debug)]
pub(crate) struct Assembly<S> {
    /// All of them up to one that is still to come, and which that is.
    whole: Mutex<(Part<S>, usize)>,
    waiting: Mutex<Waiting<S>>,
}

#[derive(Debug)]
struct Waiting<S> {
    /// By number.
    parts: BTreeMap<usize, Part<S>>,
    /// Empty ones, to be filled again.
    empty: Vec<Part<S>>,
}

impl<S: Sink + Default> Assembly<S> {
    /// One that appends to `sink`.
    pub(crate) fn new(sink: S) -> Self {
        let whole = Part { sink, ..Part::default() };
        Self {
            whole: Mutex::new((whole, 0)),
            waiting: Mutex::new(Waiting { parts: BTreeMap::new(), empty: Vec::new() }),
        }
    }

    /// Does with the whole what one thread alone does.
    pub(crate) fn alone<T>(&self, work: impl FnOnce(&mut Part<S>) -> T) -> T {
        work(&mut lock(&self.whole).0)
    }

    /// An empty part.
    pub(crate) fn part(&self) -> Part<S> {
        lock(&self.waiting).empty.pop().unwrap_or_default()
    }

    /// Takes what became of a job.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    pub(crate) fn add(&self, number: usize, part: Part<S>) -> Result<()> {
        lock(&self.waiting).parts.insert(number, part);
        // Whoever is at it either finds this part, too, or leaves it to the next.
        match self.whole.try_lock() {
            Ok(mut whole) => self.gather(&mut whole),
            Err(_) => Ok(()),
        }
    }

    fn gather(&self, (whole, next): &mut (Part<S>, usize)) -> Result<()> {
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

    /// The whole, when all parts have come.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    pub(crate) fn whole(&self) -> Result<Part<S>> {
        let mut whole = lock(&self.whole);
        self.gather(&mut whole)?;
        Ok(std::mem::take(&mut whole.0))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
