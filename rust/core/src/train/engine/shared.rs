//! The state that the threads of training share.

use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Mutex, RwLock};

use crate::error::{Error, Result};
use crate::train::engine::barrier::Barrier;
use crate::train::engine::deltas::Report;
use crate::train::engine::pair::PlannedMerge;
use crate::train::engine::queue::Proposal;

/// The next step of all threads.
#[derive(Debug)]
pub(crate) enum Step {
    /// Merge these pairs.
    Round(Vec<PlannedMerge>),
    /// Weigh the pairs by the present prices.
    Refresh,
    Else(Next),
}

/// The next step if there is no round.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Next {
    /// Find all pairs again, above this lower floor, because no pair above the present one is left.
    Recall(u64),
    /// Begin again with this floor.
    Restart(u64),
    Stop,
}

/// The weights below which pairs are not known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Floor {
    /// A new pair is kept if it weighs at least this under the first factors.
    pub(crate) present: u64,
    /// A pair of at least this weight comes before all dropped pairs.
    pub(crate) safe: u64,
}

/// The shared state. Between two barriers, each lock is either written by one thread or read by several.
pub(crate) struct Board {
    pub(crate) barrier: Barrier,
    /// By the thread that reports, then by the thread that keeps the pairs.
    pub(crate) reports: Vec<Vec<RwLock<Report>>>,
    /// By the thread that keeps the pairs, then by the thread that reports: the number of each gain.
    pub(crate) kept: Vec<RwLock<Vec<Vec<u32>>>>,
    pub(crate) proposals: Vec<Mutex<Proposal>>,
    /// The number of tokens of each column in each thread's words.
    pub(crate) tokens: Vec<Mutex<Vec<u64>>>,
    /// Bytes of memory in use, by thread.
    pub(crate) memory: Vec<AtomicUsize>,
    pub(crate) step: RwLock<Step>,
    /// The sum of the weights times the lengths of pieces.
    pub(crate) total: AtomicU64,
    pub(crate) failure: Mutex<Option<Error>>,
}

impl Board {
    pub(crate) fn new(threads: usize) -> Self {
        Self {
            barrier: Barrier::new(threads),
            reports: (0..threads).map(|_| (0..threads).map(|_| RwLock::default()).collect()).collect(),
            kept: (0..threads).map(|_| RwLock::new(vec![Vec::new(); threads])).collect(),
            proposals: (0..threads).map(|_| Mutex::default()).collect(),
            tokens: (0..threads).map(|_| Mutex::default()).collect(),
            memory: (0..threads).map(|_| AtomicUsize::new(0)).collect(),
            step: RwLock::new(Step::Else(Next::Stop)),
            total: AtomicU64::new(0),
            failure: Mutex::default(),
        }
    }

    pub(crate) fn fail(&self, error: Error) {
        self.failure.lock().expect("no thread panics").get_or_insert(error);
    }

    /// Records an error. The coordinator stops all threads at the next step; until then they go on to the barriers.
    pub(crate) fn note(&self, done: Result<()>) {
        if let Err(error) = done {
            self.fail(error);
        }
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failure.lock().expect("no thread panics").is_some()
    }

    /// The number of tokens of each column in the words of all threads.
    pub(crate) fn tokens(&self) -> Vec<u64> {
        let mut all = Vec::new();
        for part in &self.tokens {
            let part = part.lock().expect("no thread panics");
            all.resize(part.len(), 0);
            all.iter_mut().zip(&*part).for_each(|(sum, part)| *sum += part);
        }
        all
    }

    /// Calls `use_kept` with each keeper's answer to the reports of thread `me`.
    pub(crate) fn with_kept<T>(&self, me: usize, use_kept: impl FnOnce(&[&[u32]]) -> T) -> T {
        let kept: Vec<_> = self.kept.iter().map(|kept| kept.read().expect("no thread panics")).collect();
        let kept: Vec<&[u32]> = kept.iter().map(|kept| kept[me].as_slice()).collect();
        use_kept(&kept)
    }
}
