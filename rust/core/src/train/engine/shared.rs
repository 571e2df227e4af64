//! What the threads of training tell one another.

use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Mutex, RwLock};

use crate::error::{Error, Result};
use crate::train::engine::barrier::Team;
use crate::train::engine::deltas::Report;
use crate::train::engine::pair::Merge;
use crate::train::engine::queue::Proposal;

/// What is to be done next.
#[derive(Debug)]
pub(crate) enum Step {
    /// These merges.
    Round(Vec<Merge>),
    /// Weigh pairs by the present prices.
    Refresh,
    Else(Next),
}

/// What follows when there is no round.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Next {
    /// Find all pairs again, as none is left that weighs as much as the floor, which is lowered to this.
    Recall(u64),
    /// Begin again with this floor.
    Restart(u64),
    Stop,
}

/// What weighs too little to be known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Floor {
    /// The weight under the first factors that a pair must be born with to be kept.
    pub(crate) present: u64,
    /// The weight from which on a pair comes before all that are not kept.
    pub(crate) safe: u64,
}

/// What the threads share. Each lock is taken by one thread to write between two meetings, or by several to read.
pub(crate) struct Board {
    pub(crate) team: Team,
    /// By the thread whose words it is about, then the thread that keeps the pairs.
    pub(crate) reports: Vec<Vec<RwLock<Report>>>,
    /// By the thread that keeps the pairs, then the one whose words it is about: the number of each birth.
    pub(crate) kept: Vec<RwLock<Vec<Vec<u32>>>>,
    pub(crate) proposals: Vec<Mutex<Proposal>>,
    /// The tokens of each column in each thread's words.
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
            team: Team::new(threads),
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

    /// Has the leader stop all threads if something failed. Until then they go on meeting.
    pub(crate) fn note(&self, done: Result<()>) {
        if let Err(error) = done {
            self.fail(error);
        }
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failure.lock().expect("no thread panics").is_some()
    }

    /// The tokens of each column, all threads together.
    pub(crate) fn tokens(&self) -> Vec<u64> {
        let mut all = Vec::new();
        for part in &self.tokens {
            let part = part.lock().expect("no thread panics");
            all.resize(part.len(), 0);
            all.iter_mut().zip(&*part).for_each(|(sum, part)| *sum += part);
        }
        all
    }

    /// Calls `use_kept` with what each keeper answered to the reports of thread `me`.
    pub(crate) fn with_kept<T>(&self, me: usize, use_kept: impl FnOnce(&[&[u32]]) -> T) -> T {
        let kept: Vec<_> = self.kept.iter().map(|kept| kept.read().expect("no thread panics")).collect();
        let kept: Vec<&[u32]> = kept.iter().map(|kept| kept[me].as_slice()).collect();
        use_kept(&kept)
    }
}
