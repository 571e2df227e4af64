//! Numbered items on all threads, results in order, the first failure wins.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::stop::Stop;

/// The interval at which `watch` is called.
const INTERVAL: Duration = Duration::from_millis(20);

/// Takes items from `source`, does `work` on them on threads, and gives the results to `sink` in the order of the items.
///
/// `worker` makes the state of a thread. `source` and `work` may ask their [`Stop`] whether another thread has failed. The calling thread calls
/// `watch` at intervals, which may stop the work. A thread that has a result waits for its turn, so each thread holds one item and
/// its result, however many items there are.
///
/// # Errors
/// The first error of `source`, `work` and `sink` in the order of the items; [`Error::Interrupted`] if `watch` breaks.
pub(crate) fn ordered<I, W, T>(
    threads: usize,
    source: impl Fn(&Stop) -> Result<Option<I>> + Sync,
    worker: impl Fn() -> W + Sync,
    work: impl Fn(&mut W, &Stop, I) -> Result<T> + Sync,
    sink: impl FnMut(T) -> Result<()> + Send,
    mut watch: impl FnMut() -> ControlFlow<()>,
) -> Result<()> {
    let taken = Mutex::new(0);
    let turns = Turns::new(sink, threads);
    // Does the next item; says whether there may be more.
    let next = |state: &mut W| {
        let (number, item) = {
            let mut taken = lock(&taken);
            *taken += 1;
            (*taken, source(&turns.watched()))
        };
        let result = match item {
            Ok(None) => return false,
            Ok(Some(item)) => work(state, &turns.watched(), item),
            Err(error) => Err(error),
        };
        turns.take(number, result);
        !turns.stopped()
    };
    let work_on = || {
        let _place = TurnGuard(&turns);
        let mut state = worker();
        while next(&mut state) {}
    };
    let mut report = || {
        if watch().is_break() {
            turns.stop(Error::Interrupted);
        }
    };
    thread::scope(|scope| {
        let started = (0..threads).map_while(|_| super::start(scope, work_on)).count();
        lock(&turns.state).threads -= threads - started;
        if started == 0 {
            let mut state = worker();
            while next(&mut state) {
                report();
            }
        }
        while turns.wait() {
            report();
        }
    });
    turns.finish()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives the results to the sink, one item after the other.
struct Turns<S> {
    state: Mutex<TurnState<S>>,
    changed: Condvar,
    /// Set while `state` is locked, so that no waiting thread misses it; read at any time.
    stop: Arc<AtomicBool>,
}

struct TurnState<S> {
    sink: S,
    /// The last item whose result the sink has; items are numbered from 1.
    done: u64,
    /// Threads at work.
    threads: usize,
    fault: Option<Error>,
}

impl<S> Turns<S> {
    fn new(sink: S, threads: usize) -> Self {
        let state = TurnState { sink, done: 0, threads, fault: None };
        Self { state: Mutex::new(state), changed: Condvar::new(), stop: Arc::default() }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// [`stopped`](Self::stopped), for a thread within an item.
    fn watched(&self) -> Stop {
        let stop = Arc::clone(&self.stop);
        Stop::when(move || stop.load(Ordering::Relaxed))
    }

    /// Waits until the sink has the results of all earlier items, then gives it this one, or stops the work at its
    /// error. So the reported error is the first in the order of the items, in any order of the threads.
    fn take<T>(&self, number: u64, result: Result<T>)
    where
        S: FnMut(T) -> Result<()>,
    {
        let waits = |state: &mut TurnState<S>| state.done + 1 < number && !self.stopped();
        let mut state = self.changed.wait_while(lock(&self.state), waits).unwrap_or_else(PoisonError::into_inner);
        if self.stopped() {
            return;
        }
        match result.and_then(|result| (state.sink)(result)) {
            Ok(()) => state.done = number,
            Err(error) => {
                state.fault = Some(error);
                self.stop.store(true, Ordering::Relaxed);
            }
        }
        self.changed.notify_all();
    }

    fn stop(&self, error: Error) {
        let mut state = lock(&self.state);
        state.fault.get_or_insert(error);
        self.stop.store(true, Ordering::Relaxed);
        self.changed.notify_all();
    }

    /// Waits for an interval; says whether threads are still at work.
    fn wait(&self) -> bool {
        let waited = self.changed.wait_timeout_while(lock(&self.state), INTERVAL, |state| state.threads > 0);
        waited.unwrap_or_else(PoisonError::into_inner).0.threads > 0
    }

    fn finish(self) -> Result<()> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        state.fault.map_or(Ok(()), Err)
    }
}

/// A thread at work. It signs off even when it panics; otherwise the other threads would wait for its turn for ever.
struct TurnGuard<'t, S>(&'t Turns<S>);

impl<S> Drop for TurnGuard<'_, S> {
    fn drop(&mut self) {
        lock(&self.0.state).threads -= 1;
        if thread::panicking() {
            self.0.stop(Error::Interrupted);
        } else {
            self.0.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::{PLENTY, starting};

    /// Squares the numbers below 50; `fails` may refuse one.
    fn squares(threads: usize, fails: impl Fn(u64) -> bool + Sync) -> (Result<()>, Vec<u64>) {
        let next = Mutex::new(0..50);
        let mut made = Vec::new();
        let work = |_: &mut (), _: &Stop, number: u64| {
            if fails(number) { Err(Error::argument("number", number.to_string())) } else { Ok(number * number) }
        };
        let sink = |square| {
            made.push(square);
            Ok(())
        };
        let done = ordered(threads, |_| Ok(lock(&next).next()), || (), work, sink, || ControlFlow::Continue(()));
        (done, made)
    }

    #[test]
    fn results_are_in_order_however_few_the_threads() {
        for most in [0, 1, 2, PLENTY] {
            let (done, made) = starting(most, || squares(4, |_| false));
            done.unwrap();
            assert_eq!(made, (0..50).map(|number| number * number).collect::<Vec<_>>(), "{most} threads to be had");
        }
    }

    #[test]
    fn the_first_failure_wins() {
        for threads in [1, 2, 4] {
            let (done, made) = squares(threads, |number| number >= 17 && number % 2 == 1);
            assert!(done.unwrap_err().to_string().contains("17"), "{threads} threads");
            assert_eq!(made.len(), 17, "{threads} threads");
        }
    }
}
