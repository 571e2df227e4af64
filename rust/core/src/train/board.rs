//! What the threads of training tell one another.

use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Mutex, RwLock};

use super::pairs::{Pair, Proposal};
use super::report::Report;
use super::team::Team;
use crate::error::Error;

/// A merge, as the threads are told of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Merge {
    pub(super) pair: Pair,
    pub(super) product: u32,
    /// Whether the product is a new token.
    pub(super) is_new: bool,
    /// Which thread keeps the pair, and the number of its entry there.
    pub(super) keeper: usize,
    pub(super) number: u32,
    /// Whether it is made wherever it occurs in the pieces of its occurrences.
    pub(super) whole_pieces: bool,
}

/// What is to be done next.
#[derive(Debug)]
pub(super) enum Step {
    /// These merges.
    Round(Vec<Merge>),
    /// Weigh pairs by the present prices.
    Refresh,
    Else(Next),
}

/// What follows when there is no round.
#[derive(Debug, Clone, Copy)]
pub(super) enum Next {
    /// Find all pairs again, as none is left that weighs as much as the floor, which is lowered to this.
    Recall(u64),
    /// Begin again with this floor.
    Restart(u64),
    Stop,
}

/// What weighs too little to be known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Floor {
    /// The weight under the first factors that a pair must be born with to be kept.
    pub(super) present: u64,
    /// The weight from which on a pair comes before all that are not kept.
    pub(super) safe: u64,
}

/// What the threads share. Each lock is taken by one thread to write between two meetings, or by several to read.
pub(super) struct Board {
    pub(super) team: Team,
    /// By the thread whose words it is about, then the thread that keeps the pairs.
    pub(super) reports: Vec<Vec<RwLock<Report>>>,
    /// By the thread that keeps the pairs, then the one whose words it is about: the number of each birth.
    pub(super) kept: Vec<RwLock<Vec<Vec<u32>>>>,
    pub(super) proposals: Vec<Mutex<Proposal>>,
    /// The tokens of each column in each thread's words.
    pub(super) tokens: Vec<Mutex<Vec<u64>>>,
    /// Bytes of memory in use, by thread.
    pub(super) memory: Vec<AtomicUsize>,
    pub(super) step: RwLock<Step>,
    /// The sum of the weights times the lengths of pieces.
    pub(super) total: AtomicU64,
    pub(super) failure: Mutex<Option<Error>>,
}

impl Board {
    pub(super) fn new(threads: usize) -> Self {
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

    pub(super) fn fail(&self, error: Error) {
        self.failure.lock().expect("no thread panics").get_or_insert(error);
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failure.lock().expect("no thread panics").is_some()
    }

    /// The tokens of each column, all threads together.
    pub(super) fn tokens(&self) -> Vec<u64> {
        let mut all = Vec::new();
        for part in &self.tokens {
            let part = part.lock().expect("no thread panics");
            all.resize(part.len(), 0);
            all.iter_mut().zip(&*part).for_each(|(sum, part)| *sum += part);
        }
        all
    }

    /// Calls `use_kept` with what each keeper answered to the reports of thread `me`.
    pub(super) fn with_kept(&self, me: usize, use_kept: impl FnOnce(&[&[u32]])) {
        let kept: Vec<_> = self.kept.iter().map(|kept| kept.read().expect("no thread panics")).collect();
        let kept: Vec<&[u32]> = kept.iter().map(|kept| kept[me].as_slice()).collect();
        use_kept(&kept);
    }
}
