//! Whether to stop: work asks at intervals of about a millisecond.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};

/// A request to stop, which the threads of a call share.
#[derive(Clone, Default)]
pub struct Stop(Option<Arc<StopState>>);

struct StopState {
    ask: Box<dyn Fn() -> bool + Send + Sync>,
    is_set: AtomicBool,
}

impl Stop {
    /// Work that is never stopped.
    pub const fn never() -> Self {
        Self(None)
    }

    /// Work that stops when `ask` returns `true`. It is called often, by any thread; if the answer is expensive, it
    /// should return an earlier one.
    pub fn when(ask: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(StopState { ask: Box::new(ask), is_set: AtomicBool::new(false) })))
    }

    /// Returns `Ok` as long as work may go on.
    ///
    /// # Errors
    /// [`Error::Interrupted`] from the first time that `ask` returned `true`.
    #[inline]
    pub fn check(&self) -> Result<()> {
        match &self.0 {
            None => Ok(()),
            Some(shared) => shared.check(),
        }
    }
}

impl StopState {
    fn check(&self) -> Result<()> {
        if self.is_set.load(Ordering::Relaxed) || (self.ask)() {
            self.is_set.store(true, Ordering::Relaxed);
            return Err(Error::Interrupted);
        }
        Ok(())
    }
}

/// Number of steps between two questions. A step takes a few nanoseconds, at most about a hundred.
const UNASKED: usize = 1 << 16;

/// Asks once in many steps of long work.
#[derive(Debug)]
pub(crate) struct Watch<'s> {
    stop: &'s Stop,
    unasked: usize,
}

impl<'s> Watch<'s> {
    pub(crate) const fn new(stop: &'s Stop) -> Self {
        Self { stop, unasked: 0 }
    }

    /// Counts steps.
    ///
    /// # Errors
    /// As [`Stop::check`].
    #[inline(always)]
    pub(crate) fn step(&mut self, steps: usize) -> Result<()> {
        self.unasked += steps;
        if self.unasked < UNASKED { Ok(()) } else { self.ask() }
    }

    #[cold]
    fn ask(&mut self) -> Result<()> {
        self.unasked = 0;
        self.stop.check()
    }

    pub(crate) const fn stop(&self) -> &'s Stop {
        self.stop
    }
}

impl Debug for Stop {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "Stop::when(..)" } else { "Stop::never()" })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn who_was_stopped_stays_stopped_and_so_do_all_who_share_it() {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let stop = Stop::when(move || counter.fetch_add(1, Ordering::Relaxed) == 2);
        let other = stop.clone();
        assert!(stop.check().is_ok() && other.check().is_ok());
        for stop in [&stop, &other, &stop] {
            assert!(matches!(stop.check(), Err(Error::Interrupted)));
        }
        assert_eq!(asked.load(Ordering::Relaxed), 3);
        assert!(Stop::never().check().is_ok());
    }

    #[test]
    fn long_work_asks_once_in_many_steps() {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let stop = Stop::when(move || counter.fetch_add(1, Ordering::Relaxed) == 2);
        let mut watch = Watch::new(&stop);
        assert_eq!((0..).find(|_| watch.step(1).is_err()), Some(3 * UNASKED - 1));
        assert!(Watch::new(&Stop::never()).step(usize::MAX).is_ok());
        assert_eq!(asked.load(Ordering::Relaxed), 3);
    }
}
