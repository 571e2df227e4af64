//! Merges in rounds, on all threads.
//!
//! Data flow: [`layout`] puts the pieces into one array and applies the [`base_merges`]; [`words`] merges pairs there
//! and gathers the changed weights as [`deltas`]; [`queue`] holds the weight of every pair, [`by_language`], and
//! proposes the heaviest; the [`coordinator`] decides which of these are merged in one round; threads wait for each
//! other at a [`barrier`] and exchange data through [`shared`]; [`tokens`] gives ids; [`checkpoint`] keeps merges on
//! disk.
//!
//! ```text
//! every thread                                       the coordinator (one thread)
//! propose the heaviest pairs it keeps
//! ────────────────────────────── barrier ──────────────────────────────
//!                                                    choose a run of pairs
//! ────────────────────────────── barrier ──────────────────────────────
//! merge the run in its own words, report the changes
//! ────────────────────────────── barrier ──────────────────────────────
//! sum up the changes of the pairs it keeps
//! ```
//!
//! **Definition.** A *run* is a sequence of merges that sequential training makes one after the other. A *round* makes
//! a run: each thread makes all merges of the run in its own words, in their order. Within a round no data is
//! exchanged. So the result is correct if the run is one.
//!
//! **Claim.** Let pairs *p1 > ... > pk* be the first of all pairs in the order of the queue (larger weight first, then
//! smaller pair), all weights exact. Let no left symbol of these pairs be a right symbol of one of them. Let p1 to
//! p(k-1) make new tokens. Then sequential training merges p1, ..., pk in this order.
//!
//! **Proof.** By induction over i. Let p1, ..., p(i-1) be merged, and pi = (a, b).
//!
//! 1. *The weights of pi to pk are unchanged.* A merge of (l, r) only takes weight from pairs (x, l) and (r, y). None
//!    of p1, ..., pk is such a pair: its right symbol l would be a left symbol of the run, or its left symbol r a right
//!    symbol of the run.
//! 2. So every pair that existed at the start is one of p1, ..., pk, or still comes behind pk. It remains to show that
//!    no pair that appeared since comes before pi.
//! 3. *A new pair weighs no more than an old one behind pk.* Let (l, r) be merged into the token *n*. A pair with n
//!    appears only where a pair (x, l) or (r, y) disappears, and gets at most its weight. The pair that disappears
//!    existed at the start, or appeared in this round in the same way. By induction the new pair weighs at most as much
//!    as some pair q = (x, l) or (r, y) weighed at the start. By step 1, q is none of p1, ..., pk, so q comes behind
//!    pk.
//! 4. *The new pair comes behind pk, too.* If q is lighter than pk, the new pair is lighter. If q is as heavy as pk,
//!    then q is the larger pair. Each symbol of the new pair is the symbol of q in the same place, or a new token,
//!    whose id is larger than all ids in pk. So the new pair is also larger than pk.
//! 5. The same holds for the pairs (n, n) and (n, n'), with q = (r, l) or (r, l'). ∎
//!
//! The claim is about fixed factors. So a run ends where factors are refreshed, at numbers of merges that depend on
//! nothing else.
//!
//! Three kinds of pairs can only be the last pair of a run: a pair of a symbol with itself; a pair that makes a known
//! token; and a pair that is merged everywhere in its pieces, because its weight is not the sum of its occurrences.
//!
//! `cargo bench -p eurotok-core -- train` measures training on generated text.

pub(crate) mod barrier;
pub(crate) mod base_merges;
pub(crate) mod by_language;
pub(crate) mod checkpoint;
pub(crate) mod coordinator;
pub(crate) mod deltas;
pub(crate) mod layout;
pub(crate) mod pair;
pub(crate) mod queue;
pub(crate) mod shared;
pub(crate) mod tokens;
pub(crate) mod words;

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::sync::{OnceLock, RwLock};
use std::thread;

use super::Progress;
use crate::error::Result;
use crate::threads;
use crate::train::engine::base_merges::BaseMerges;
use crate::train::engine::checkpoint::Checkpoint;
use crate::train::engine::coordinator::{Coordinator, Follower, Lead, Outcome};
use crate::train::engine::deltas::Report;
use crate::train::engine::pair::Pair;
use crate::train::engine::queue::{PairQueue, Proposal};
use crate::train::engine::shared::{Board, Floor, Next, Step};
use crate::train::engine::tokens::Lexicon;
use crate::train::engine::words::Words;
use crate::train::objective::{Weights, too_large};

/// The most pairs that a thread proposes for a round.
const PROPOSALS: usize = 128;

/// The first floor is the sum of all weights, divided by the size of the vocabulary and by this: a guess at the weight
/// of the last merge. Measured on 95 MB of 24 languages, the exact number is 23, 27 and 33 for vocabularies of 2^15,
/// 2^16 and 2^17. Nine in ten new pairs weigh less than half of that, and too high a guess costs one more pass over all
/// words.
const SPREAD: u64 = 64;

/// [`SPREAD`] with fairness, which merges rarer pairs of expensive languages. On the same text with fairness 10, 64
/// took a second pass, 4.2 s instead of 3.2; 256 cost as much in kept pairs.
const FAIR_SPREAD: u64 = 128;

/// The task of the engine.
pub(crate) struct Task<'t> {
    pub(crate) weights: &'t Weights<'t>,
    /// Tokens of more than two bytes are shorter than this.
    pub(crate) longest: usize,
    /// The first floor: lighter pairs are not kept at first. By default a guess.
    pub(crate) floor: Option<u64>,
    pub(crate) threads: usize,
    /// Bytes of memory that words and pairs may take. With a limit, training ends where it would otherwise begin again.
    pub(crate) memory: Option<usize>,
    /// The merges that were made before training.
    pub(crate) first: BaseMerges,
    /// The result of an earlier run.
    pub(crate) resumed: Option<Resumed>,
}

/// The state of a run at its last checkpoint.
pub(crate) struct Resumed {
    pub(crate) lexicon: Lexicon,
    pub(crate) merges: Vec<Pair>,
    /// The merges of this run and the merges made before training.
    pub(crate) known: BaseMerges,
}

impl Task<'_> {
    /// Merges until the lexicon is complete or no pair weighs enough. Returns the lexicon, the merges, and the trace
    /// under fairness.
    pub(crate) fn run(
        &self,
        lexicon: &Lexicon,
        checkpoint: Option<Checkpoint>,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Outcome> {
        let wanted = lexicon.wanted() as u64;
        let spread = if self.weights.policy.is_some() { FAIR_SPREAD } else { SPREAD };
        let guess = |total: u64| self.floor.unwrap_or(total / wanted / spread).max(self.weights.least);
        let mut coordinator = Coordinator::new(self, lexicon, checkpoint, progress)?;
        coordinator.report(Progress::Pairs)?;
        self.work_on(self.threads, &guess, &mut coordinator)?;
        coordinator.finish()
    }

    /// Works on `threads` threads, or fewer if the system does not grant as many. The calling thread is one of them and
    /// leads.
    fn work_on(&self, threads: usize, guess: &(dyn Fn(u64) -> u64 + Sync), lead: &mut dyn Lead) -> Result<()> {
        let board = Board::new(threads);
        let workers: Vec<_> = (0..threads).map(|me| TrainWorker { me, task: self, board: &board, guess }).collect();
        let (own, others) = workers.split_first().expect("there is at least one thread");
        // Words are divided among a fixed number of threads, so no thread begins before all have started.
        let are_complete = OnceLock::new();
        let started = thread::scope(|scope| {
            let are_complete = &are_complete;
            let work = |other: &TrainWorker| {
                if *are_complete.wait() {
                    other.work(&mut Follower);
                }
            };
            let started = 1 + others.iter().map_while(|other| threads::start(scope, move || work(other))).count();
            if *are_complete.get_or_init(|| started == threads) {
                own.work(lead);
            }
            started
        });
        if started < threads {
            return self.work_on(started, guess, lead);
        }
        board.failure.into_inner().expect("no thread panics").map_or(Ok(()), Err)
    }
}

/// One thread: a part of the words, and a part of the pairs.
struct TrainWorker<'b> {
    me: usize,
    task: &'b Task<'b>,
    board: &'b Board,
    /// The first floor, from the sum of all weights.
    guess: &'b (dyn Fn(u64) -> u64 + Sync),
}

impl TrainWorker<'_> {
    /// Works until training ends. `lead` decides on the next step, given the floor, while the other threads wait.
    fn work(&self, lead: &mut dyn Lead) {
        let Self { me, task, board, guess } = *self;
        let _guard = board.barrier.guard();
        let reports = &board.reports[me];
        let about: Vec<&RwLock<Report>> = board.reports.iter().map(|reports| &reports[me]).collect();
        let mut floor = None;
        loop {
            // A restart begins without the earlier run.
            let resumed = task.resumed.as_ref().filter(|_| floor.is_none());
            let known = resumed.map_or(&task.first, |resumed| &resumed.known);
            let mut ask = || lead.ask(board);
            let words = Words::new(task.weights, known, task.longest, me, board.reports.len(), &mut ask);
            let words = words.map_err(|error| board.fail(error));
            if let (Ok(words), None) = (&words, floor) {
                let before = board.total.fetch_add(words.total(), Ordering::Relaxed);
                // No part reaches 2^63 by itself, so the thread whose part takes the sum to 2^63 sees it before the sum
                // wraps.
                if before.saturating_add(words.total()) >= 1 << 63 {
                    board.fail(too_large());
                }
            }
            if let Ok(words) = &words {
                self.price(words);
            }
            board.barrier.wait();
            let has_failed = board.has_failed();
            // All threads look before any of them goes on to a step that may fail, so that all go on or none does.
            board.barrier.wait();
            let (Ok(mut words), false) = (words, has_failed) else { return };
            let mut present = floor.unwrap_or_else(|| guess(board.total.load(Ordering::Relaxed)));
            let mut pairs = PairQueue::new(task.weights, self.factors());
            floor = loop {
                board.note(words.report_all(reports, &mut || lead.ask(board)));
                board.barrier.wait();
                board.note(pairs.start(present, &about, &mut board.kept[me].write().expect("no thread panics")));
                match self.rounds(&mut words, &mut pairs, &about, present, lead) {
                    Next::Recall(lower) => present = lower,
                    Next::Restart(lowest) => break Some(lowest),
                    Next::Stop => return,
                }
            };
        }
    }

    /// Shares the number of tokens of each column with the other threads.
    fn price(&self, words: &Words) {
        if self.task.weights.policy.is_some() {
            let mut tokens = self.board.tokens[self.me].lock().expect("no thread panics");
            tokens.clear();
            tokens.extend(words.tokens());
        }
    }

    /// The factors under the present prices. All threads compute the same ones.
    fn factors(&self) -> Vec<u64> {
        let policy = self.task.weights.policy.as_ref();
        policy.map_or_else(|| self.task.weights.first_factors(), |policy| policy.factors(&self.board.tokens()))
    }

    /// Merges round by round, until another step is chosen.
    fn rounds(
        &self,
        words: &mut Words,
        pairs: &mut PairQueue,
        about: &[&RwLock<Report>],
        present: u64,
        lead: &mut dyn Lead,
    ) -> Next {
        let Self { me, board, .. } = *self;
        let reports = &board.reports[me];
        let mut most = PROPOSALS;
        let mut is_first = true;
        loop {
            {
                let mut proposal = board.proposals[me].lock().expect("no thread panics");
                if is_first {
                    *proposal = Proposal::default();
                } else {
                    // Twice the number that was taken last time: returning an entry costs more than a shorter round.
                    most = (2 * proposal.taken + 2).min(PROPOSALS);
                }
                board.note(pairs.propose(&mut proposal, most));
            }
            board.barrier.wait();
            lead.lead(board, Floor { present, safe: pairs.safe() });
            board.barrier.wait();
            let step = board.step.read().expect("no thread panics");
            let round = match &*step {
                Step::Round(round) => round,
                Step::Refresh => {
                    let mut proposal = board.proposals[me].lock().expect("no thread panics");
                    board.note(pairs.refresh(self.factors(), &mut proposal));
                    continue;
                }
                Step::Else(next) => return *next,
            };
            let mut ask = || lead.ask(board);
            let noted = board.with_kept(me, |kept| match is_first {
                true => words.note_all(reports, kept, &mut ask),
                false => words.note(reports, kept),
            });
            is_first = false;
            board.note(noted.and_then(|()| words.merge(round, reports)));
            self.price(words);
            board.memory[me].store(words.memory() + pairs.memory(), Ordering::Relaxed);
            board.barrier.wait();
            // The reports of a thread that failed are inconsistent; the coordinator stops all threads at the next step.
            if !board.has_failed() {
                board.note(pairs.apply(round, about, &mut board.kept[me].write().expect("no thread panics")));
            }
        }
    }
}
