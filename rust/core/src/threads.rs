//! Threads: their number, and the work if the system grants fewer.
//!
//! A container may allow a process few threads, or only the first. So a function that starts threads counts those that
//! did start, and these do the work of the missing ones.

mod ordered;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Builder, Scope, ScopedJoinHandle};
use std::time::Duration;

use crate::faults::{Call, inherit, meet};
use crate::stop::Stop;
pub(crate) use ordered::ordered;

/// The interval at which a waiting thread calls `meanwhile`.
const INTERVAL: Duration = Duration::from_millis(20);

/// The number of threads to use: the number asked for, at least one; by default one a processor. More threads than
/// processors only help to test that results do not depend on the number.
pub(crate) fn wanted(asked: Option<usize>) -> usize {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    asked.unwrap_or(processors).clamp(1, processors.max(8))
}

/// Starts a thread, if the system grants one.
pub(crate) fn start<'s, T: Send + 's>(
    scope: &'s Scope<'s, '_>,
    work: impl FnOnce() -> T + Send + 's,
) -> Option<ScopedJoinHandle<'s, T>> {
    meet(Call::Start).ok()?;
    Builder::new().spawn_scoped(scope, inherit(work)).ok()
}

/// The result of a thread. A panic of the thread goes on in this one.
pub(crate) fn join<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Threads that were started together.
pub(crate) struct Crew<'s, T> {
    threads: Vec<ScopedJoinHandle<'s, T>>,
    /// The number of threads at work.
    busy: Arc<AtomicUsize>,
}

impl<'s, T: Send + 's> Crew<'s, T> {
    /// Starts a thread for each number, as far as the system has threads to give.
    pub(crate) fn start(
        scope: &'s Scope<'s, '_>,
        numbers: impl Iterator<Item = usize>,
        work: impl Fn(usize) -> T + Copy + Send + 's,
    ) -> Self {
        /// Counts a thread as at work until it ends, even in panic.
        struct Busy(Arc<AtomicUsize>, thread::Thread);

        impl Drop for Busy {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Release);
                self.1.unpark();
            }
        }

        let busy = Arc::new(AtomicUsize::new(0));
        let one = |number| {
            busy.fetch_add(1, Ordering::Relaxed);
            let end = Busy(Arc::clone(&busy), thread::current());
            // A thread that does not start drops its work, and the end with it.
            start(scope, move || {
                let _end = end;
                work(number)
            })
        };
        let threads = numbers.map_while(one).collect();
        Self { threads, busy }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.threads.is_empty()
    }

    /// Waits for the threads and returns their results. `meanwhile` is called at intervals, and once at the end.
    pub(crate) fn join(self, mut meanwhile: impl FnMut()) -> impl Iterator<Item = T> {
        while self.busy.load(Ordering::Acquire) > 0 {
            thread::park_timeout(INTERVAL);
            meanwhile();
        }
        meanwhile();
        self.threads.into_iter().map(join)
    }
}

/// Applies `work` to each item, on as many threads as there are items, this one among them. The results are in the
/// order of the items.
pub(crate) fn map<I: Send, T: Send>(items: Vec<I>, work: impl Fn(I) -> T + Sync) -> Vec<T> {
    map_unless(&Stop::never(), items, work)
}

/// Like [`map`]. While the calling thread waits for the other threads, it asks `stop`, so that they learn of a stop.
pub(crate) fn map_unless<I: Send, T: Send>(stop: &Stop, items: Vec<I>, work: impl Fn(I) -> T + Sync) -> Vec<T> {
    let count = items.len();
    let items = Mutex::new(items.into_iter().enumerate());
    let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
    let some = || std::iter::from_fn(next).map(|(number, item)| (number, work(item))).collect::<Vec<_>>();
    let mut made = thread::scope(|scope| {
        let others = Crew::start(scope, 1..count, |_| some());
        let mut made = some();
        others.join(|| drop(stop.check())).for_each(|other| made.extend(other));
        made
    });
    made.sort_by_key(|&(number, _)| number);
    made.into_iter().map(|(_, made)| made).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;
    use crate::faults::{PLENTY, starting};

    #[test]
    fn what_is_made_is_in_order_however_few_the_threads() {
        for most in [0, 1, 2, PLENTY] {
            let made = starting(most, || map((0..100).collect(), |number: u32| number * number));
            assert_eq!(made, (0..100).map(|number| number * number).collect::<Vec<_>>(), "{most} to be had");
        }
    }

    #[test]
    fn whoever_waits_asks_whether_to_stop() {
        // Only this thread is ever told to stop, but it is done at once; the other one works until it hears of it.
        let caller = thread::current().id();
        let is_caller = move || thread::current().id() == caller;
        let stop = Stop::when(is_caller);
        let both = Barrier::new(2);
        map_unless(&stop, vec![(), ()], |()| {
            both.wait();
            while !is_caller() && stop.check().is_ok() {
                thread::yield_now();
            }
        });
    }

    #[test]
    fn there_is_always_one() {
        assert_eq!(wanted(Some(0)), 1);
        assert!(wanted(None) >= 1);
        assert!(wanted(Some(10_000)) <= thread::available_parallelism().map_or(1, usize::from).max(8));
    }
}
