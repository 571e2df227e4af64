//! Merges in rounds, on all threads.
//!
//! [`layout`] puts the pieces into one array, with the [`base_merges`] applied; [`words`] merges pairs in it and gathers the weight that moved, as
//! [`deltas`]; [`queue`] holds the weight of every pair, [`by_language`], and proposes the heaviest; the [`coordinator`] decides which
//! of them may be merged in one round; threads meet at a [`barrier`] and exchange what they know through [`shared`]; [`tokens`] gives ids;
//! [`checkpoint`] keeps merges on disk.
//!
//! A round is a run of merges that sequential training would make one after the other. Each thread makes all of
//! them, in their order, in its own words, so within a round nothing needs to be exchanged; afterwards the threads that keep the
//! pairs sum up what changed, and propose the pairs that are heaviest now. So the result is right if the run is.
//!
//! **Claim.** Let pairs *p1 > ... > pk* be the first of all pairs in the order of the queue (weight, then smallest), all weights
//! exact, where no left symbol of any of them is a right symbol of any of them, and p1 to p(k-1) make tokens that are new.
//! Then sequential training merges p1, ..., pk in this order.
//!
//! **Proof.** By induction: let p1, ..., p(i-1) be merged, pi = (a, b). A merge of (l, r) takes weight from pairs (x, l) and (r, y) and from
//! no others. None of p1, ..., pk is such a pair, as its right symbol would be a left symbol of the run, or its left symbol a
//! right one. So pi to pk still weigh what they did, and all pairs that existed at the start are still behind pk or among them.
//! It remains to show that no pair born since comes before pi. A pair that holds the token *n* of a merged (l, r) is born
//! where a pair (x, l) or (r, y), or one born from such a pair since, dies, for as much weight at most; by
//! induction it weighs at most what some pair q = (x, l) or (r, y) weighed at the start, which is no pj, as shown, hence
//! behind pk: lighter, and then the new pair is behind pk, too; or as heavy and larger. In that case compare the symbols
//! that stand where q's did: each is one of q's or a new token, whose id is larger than all that pk holds, so the new pair
//! is larger than pk as well. With (n, n) and (n, n') it is the same, q being (r, l) or (r, l'). ∎
//!
//! The claim is about fixed weights, so a run ends where factors are refreshed: at numbers of merges that depend on nothing else.
//!
//! A pair of a symbol with itself, and one that makes a known token, may thus end a run, but not be followed. So may one that
//! is looked for in whole pieces, since it has a weight that its occurrences do not bear out.

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
use crate::error::{Error, Result};
use crate::threads;
use crate::train::engine::base_merges::Known;
use crate::train::engine::checkpoint::Checkpoint;
use crate::train::engine::coordinator::{Leader, Outcome};
use crate::train::engine::deltas::Report;
use crate::train::engine::pair::Pair;
use crate::train::engine::queue::{Pairs, Proposal};
use crate::train::engine::shared::{Board, Floor, Next, Step};
use crate::train::engine::tokens::Lexicon;
use crate::train::engine::words::Words;
use crate::train::objective::{Weights, too_large};

/// The most pairs that a thread proposes for a round.
const PROPOSALS: usize = 128;

/// The guess at what the last merge weighs: all weights by the size of the vocabulary and by this. Measured on 95 MB of 24
/// languages, 23, 27 and 33 for vocabularies of 2^15, 2^16 and 2^17; pairs born lighter than half of that are nine in
/// ten, and guessing too high costs one more look at all words.
const SPREAD: u64 = 64;

/// The same with fairness, under which rarer pairs of dear languages are merged. On the same text with fairness 10, 64 meant a
/// second look, and 4.2 s in place of 3.2; 256 cost as much in pairs kept.
const FAIR_SPREAD: u64 = 128;

/// What to train, and how.
pub(crate) struct Task<'t> {
    pub(crate) weights: &'t Weights<'t>,
    /// Tokens of more than two bytes stay shorter than this.
    pub(crate) longest: usize,
    /// Pairs that weigh less are not kept at first; by default a guess.
    pub(crate) floor: Option<u64>,
    pub(crate) threads: usize,
    /// Bytes of memory that words and pairs may take. With a limit, training ends instead of beginning again.
    pub(crate) memory: Option<usize>,
    /// The merges that were made before training.
    pub(crate) first: Known,
    /// What an earlier run came to.
    pub(crate) resumed: Option<Resumed>,
}

/// What a run had come to when it left its last checkpoint.
pub(crate) struct Resumed {
    pub(crate) lexicon: Lexicon,
    pub(crate) merges: Vec<Pair>,
    /// These merges and those before training.
    pub(crate) known: Known,
}

impl Task<'_> {
    /// Merges until the lexicon is complete or nothing is left that weighs enough. Returns the lexicon, the merges, and under
    /// fairness how they came about.
    pub(crate) fn run(
        &self,
        lexicon: &Lexicon,
        checkpoint: Option<Checkpoint>,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Outcome> {
        if progress(Progress::Pairs).is_break() {
            return Err(Error::Interrupted);
        }
        let wanted = lexicon.wanted() as u64;
        let spread = if self.weights.policy.is_some() { FAIR_SPREAD } else { SPREAD };
        let guess = |total: u64| self.floor.unwrap_or(total / wanted / spread).max(self.weights.least);
        let mut leader = Leader::new(self, lexicon, checkpoint, progress)?;
        self.work_on(self.threads, &guess, &mut |board, floor| leader.lead(board, floor))?;
        leader.finish()
    }

    /// Does the work on so many threads, this one among them, which `lead`s; on fewer if the system does not give as many.
    fn work_on(
        &self,
        threads: usize,
        guess: &(dyn Fn(u64) -> u64 + Sync),
        lead: &mut dyn FnMut(&Board, Floor),
    ) -> Result<()> {
        let board = Board::new(threads);
        let workers: Vec<_> = (0..threads).map(|me| Worker { me, task: self, board: &board, guess }).collect();
        let (own, others) = workers.split_first().expect("there is at least one thread");
        // Words are dealt out to a fixed number of threads, so none begins before all are there.
        let are_complete = OnceLock::new();
        let started = thread::scope(|scope| {
            let are_complete = &are_complete;
            let work = |other: &Worker| {
                if *are_complete.wait() {
                    other.work(&mut |_, _| {});
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

/// One thread: some of the words, and some of the pairs.
struct Worker<'b> {
    me: usize,
    task: &'b Task<'b>,
    board: &'b Board,
    /// The first floor, by the sum of all weights.
    guess: &'b (dyn Fn(u64) -> u64 + Sync),
}

impl Worker<'_> {
    /// Works until there is nothing to do. `lead` decides on the next step, given the floor, while the others wait.
    fn work(&self, lead: &mut dyn FnMut(&Board, Floor)) {
        let Self { me, task, board, guess } = *self;
        let _member = board.team.member();
        let reports = &board.reports[me];
        let about: Vec<&RwLock<Report>> = board.reports.iter().map(|reports| &reports[me]).collect();
        let mut floor = None;
        loop {
            // A restart is one from the beginning.
            let resumed = task.resumed.as_ref().filter(|_| floor.is_none());
            let known = resumed.map_or(&task.first, |resumed| &resumed.known);
            let words = Words::new(task.weights, known, task.longest, me, board.reports.len());
            let words = words.map_err(|error| board.fail(error));
            if let (Ok(words), None) = (&words, floor) {
                let before = board.total.fetch_add(words.total(), Ordering::Relaxed);
                // No part is that large, so whichever makes the sum so meets it before it goes round.
                if before.saturating_add(words.total()) >= 1 << 63 {
                    board.fail(too_large());
                }
            }
            if let Ok(words) = &words {
                self.price(words);
            }
            board.team.meet();
            let has_failed = board.has_failed();
            // Nobody goes on to what may fail next before all have looked: they go on together, or none does.
            board.team.meet();
            let (Ok(mut words), false) = (words, has_failed) else { return };
            let mut present = floor.unwrap_or_else(|| guess(board.total.load(Ordering::Relaxed)));
            let mut pairs = Pairs::new(task.weights, self.factors());
            floor = loop {
                board.note(words.report_all(reports));
                board.team.meet();
                board.note(pairs.start(present, &about, &mut board.kept[me].write().expect("no thread panics")));
                match self.rounds(&mut words, &mut pairs, &about, &mut |board, safe| {
                    lead(board, Floor { present, safe });
                }) {
                    Next::Recall(lower) => present = lower,
                    Next::Restart(lowest) => break Some(lowest),
                    Next::Stop => return,
                }
            };
        }
    }

    /// Tells the others the tokens of each column.
    fn price(&self, words: &Words) {
        if self.task.weights.policy.is_some() {
            let mut tokens = self.board.tokens[self.me].lock().expect("no thread panics");
            tokens.clear();
            tokens.extend(words.tokens());
        }
    }

    /// The factors under the present prices. Threads compute them alike.
    fn factors(&self) -> Vec<u64> {
        let policy = self.task.weights.policy.as_ref();
        policy.map_or_else(|| self.task.weights.first_factors(), |policy| policy.factors(&self.board.tokens()))
    }

    /// Merges round by round, until something else is to be done.
    fn rounds(
        &self,
        words: &mut Words,
        pairs: &mut Pairs,
        about: &[&RwLock<Report>],
        lead: &mut dyn FnMut(&Board, u64),
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
                    // Twice what was of use last time: entries that come back cost more than a shorter round.
                    most = (2 * proposal.taken + 2).min(PROPOSALS);
                }
                board.note(pairs.propose(&mut proposal, most));
            }
            board.team.meet();
            lead(board, pairs.safe());
            board.team.meet();
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
            let noted = board
                .with_kept(me, |kept| if is_first { words.note_all(reports, kept) } else { words.note(reports, kept) });
            is_first = false;
            board.note(noted.and_then(|()| words.merge(round, reports)));
            self.price(words);
            board.memory[me].store(words.memory() + pairs.memory(), Ordering::Relaxed);
            board.team.meet();
            // What a thread that failed has reported does not add up; the leader stops all of them next.
            if !board.has_failed() {
                board.note(pairs.apply(round, about, &mut board.kept[me].write().expect("no thread panics")));
            }
        }
    }
}
