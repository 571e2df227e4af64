//! Threads: how many to use, and what to do if the system grants fewer.
//!
//! A container may allow a process few threads, or only the first. So a function that starts threads counts those that
//! did start, and these do the work of the missing ones.

mod ordered;

pub(crate) use ordered::ordered;

use std::sync::{Mutex, PoisonError};
use std::thread::{self, Builder, Scope, ScopedJoinHandle};

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
    #[cfg(test)]
    if !scarcity::take() {
        return None;
    }
    Builder::new().spawn_scoped(scope, work).ok()
}

/// The result of a thread. A panic of the thread goes on in this one.
pub(crate) fn join<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Applies `work` to each item, on as many threads as there are items, this one among them. The results are in the
/// order of the items.
pub(crate) fn map<I: Send, T: Send>(items: Vec<I>, work: impl Fn(I) -> T + Sync) -> Vec<T> {
    let count = items.len();
    let items = Mutex::new(items.into_iter().enumerate());
    let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
    let some = || std::iter::from_fn(next).map(|(number, item)| (number, work(item))).collect::<Vec<_>>();
    let mut made = thread::scope(|scope| {
        let others: Vec<_> = (1..count).map_while(|_| start(scope, some)).collect();
        let mut made = some();
        others.into_iter().for_each(|other| made.extend(join(other)));
        made
    });
    made.sort_by_key(|&(number, _)| number);
    made.into_iter().map(|(_, made)| made).collect()
}

/// A system that grants few threads.
#[cfg(test)]
pub(crate) mod scarcity {
    use std::cell::Cell;

    /// As many as are asked for.
    pub(crate) const PLENTY: usize = usize::MAX;

    thread_local! {
        static LEFT: Cell<usize> = const { Cell::new(PLENTY) };
    }

    /// Runs `work` in a system where this thread can start at most `most` others.
    pub(crate) fn with<T>(most: usize, work: impl FnOnce() -> T) -> T {
        LEFT.set(most);
        let made = work();
        LEFT.set(PLENTY);
        made
    }

    /// Whether the system grants another one.
    pub(super) fn take() -> bool {
        let left = LEFT.get();
        LEFT.set(left.saturating_sub(1));
        left > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_in_order_however_few_the_threads() {
        for most in [0, 1, 2, scarcity::PLENTY] {
            let made = scarcity::with(most, || map((0..100).collect(), |number: u32| number * number));
            assert_eq!(made, (0..100).map(|number| number * number).collect::<Vec<_>>(), "{most} to be had");
        }
    }

    #[test]
    fn there_is_always_one() {
        assert_eq!(wanted(Some(0)), 1);
        assert!(wanted(None) >= 1);
        assert!(wanted(Some(10_000)) <= thread::available_parallelism().map_or(1, usize::from).max(8));
    }
}
