//! Merges in rounds, on all threads.
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

use std::ops::{ControlFlow, DerefMut};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use hashbrown::HashMap;

use super::Progress;
use super::checkpoint::Checkpoint;
use super::fairness::refresh_after;
use super::known::Known;
use super::lexicon::{Joined, Lexicon};
use super::pairs::{Pair, Pairs, Proposal};
use super::report::Report;
use super::team::Team;
use super::trace::Trace;
use super::weights::{Weights, too_large};
use super::words::Words;
use crate::error::{Error, Result};
use crate::threads;

/// The most pairs that a thread proposes for a round.
const PROPOSALS: usize = 128;

/// The guess at what the last merge weighs: all weights by the size of the vocabulary and by this. Measured on 95 MB of 24
/// languages, 23, 27 and 33 for vocabularies of 2^15, 2^16 and 2^17; pairs born lighter than half of that are nine in
/// ten, and guessing too high costs one more look at all words.
const SPREAD: u64 = 64;

/// The same with fairness, under which rarer pairs of dear languages are merged. On the same text with fairness 10, 64 meant a
/// second look, and 4.2 s in place of 3.2; 256 cost as much in pairs kept.
const FAIR_SPREAD: u64 = 128;

/// By how much the floor is lowered when nothing is left above it.
const LOWERING: u64 = 8;

/// How often progress is reported; to tests, after every round.
const INTERVAL: Duration = Duration::from_millis(if cfg!(test) { 0 } else { 50 });

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
enum Step {
    /// These merges.
    Round(Vec<Merge>),
    /// Weigh pairs by the present prices.
    Refresh,
    Else(Next),
}

/// What follows when there is no round.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// Find all pairs again, as none is left that weighs as much as the floor, which is lowered to this.
    Recall(u64),
    /// Begin again with this floor.
    Restart(u64),
    Stop,
}

/// What to train, and how.
pub(super) struct Task<'t> {
    pub(super) weights: &'t Weights<'t>,
    /// Tokens of more than two bytes stay shorter than this.
    pub(super) longest: usize,
    /// Pairs that weigh less are not kept at first; by default a guess.
    pub(super) floor: Option<u64>,
    pub(super) threads: usize,
    /// Bytes of memory that words and pairs may take. With a limit, training ends instead of beginning again.
    pub(super) memory: Option<usize>,
    /// The merges that were made before training.
    pub(super) first: Known,
    /// What an earlier run came to.
    pub(super) resumed: Option<Resumed>,
}

/// What training came to.
pub(super) struct Outcome {
    pub(super) lexicon: Lexicon,
    pub(super) merges: Vec<Pair>,
    pub(super) checkpoint: Option<Checkpoint>,
    pub(super) end: End,
    /// How prices went, under fairness.
    pub(super) trace: Option<Trace>,
}

/// Why training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The lexicon is complete, or no pair is left that weighs as much as the floor.
    Done,
    /// It needs more memory.
    Full,
    /// The next merge makes a token that was made before.
    Again,
}

/// What a run had come to when it left its last checkpoint.
pub(super) struct Resumed {
    pub(super) lexicon: Lexicon,
    pub(super) merges: Vec<Pair>,
    /// These merges and those before training.
    pub(super) known: Known,
}

/// What the threads share. Each lock is taken by one thread to write between two meetings, or by several to read.
struct Board {
    team: Team,
    /// By the thread whose words it is about, then the thread that keeps the pairs.
    reports: Vec<Vec<RwLock<Report>>>,
    /// By the thread that keeps the pairs, then the one whose words it is about: the number of each birth.
    kept: Vec<RwLock<Vec<Vec<u32>>>>,
    proposals: Vec<Mutex<Proposal>>,
    /// The tokens of each column in each thread's words.
    tokens: Vec<Mutex<Vec<u64>>>,
    /// Bytes of memory in use, by thread.
    memory: Vec<AtomicUsize>,
    step: RwLock<Step>,
    /// The sum of the weights times the lengths of pieces.
    total: AtomicU64,
    failure: Mutex<Option<Error>>,
}

impl Board {
    fn new(threads: usize) -> Self {
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
}

impl Task<'_> {
    /// Merges until the lexicon is complete or nothing is left that weighs enough. Returns the lexicon, the merges, and under
    /// fairness how they came about.
    pub(super) fn run(
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
        let merges = self.resumed.as_ref().map_or(Vec::new(), |resumed| resumed.merges.clone());
        let is_fair = self.weights.policy.is_some();
        let mut leader = Leader {
            first: lexicon,
            lexicon: self.resumed.as_ref().map_or(lexicon, |resumed| &resumed.lexicon).clone(),
            refresh: is_fair.then(|| refresh_after(merges.len())),
            trace: Trace::new(self.weights, merges.len()),
            merges,
            memory: self.memory,
            made: 0,
            end: End::Done,
            checkpoint,
            sides: Vec::new(),
            runs: 0,
            least: self.weights.least,
            progress,
            reported: None,
        };
        self.work_on(self.threads, &guess, &mut |board, floor| leader.lead(board, floor))?;
        let Leader { lexicon, merges, checkpoint, end, refresh, trace, .. } = leader;
        let trace = refresh.map(|_| trace);
        Ok(Outcome { lexicon, merges: last_of_each(&merges), checkpoint, end, trace })
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

/// The merges without those that are made again later: of a pair merged several times, the last merge counts.
pub(super) fn last_of_each(merges: &[Pair]) -> Vec<Pair> {
    let last: HashMap<Pair, usize> = merges.iter().enumerate().map(|(place, &pair)| (pair, place)).collect();
    merges.iter().enumerate().filter(|&(place, pair)| last[pair] == place).map(|(_, &pair)| pair).collect()
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
            let (Ok(mut words), false) = (words, board.has_failed()) else { return };
            let mut present = floor.unwrap_or_else(|| guess(board.total.load(Ordering::Relaxed)));
            let mut pairs = Pairs::new(task.weights, self.factors());
            floor = loop {
                words.report_all(reports);
                board.team.meet();
                let started = pairs.start(present, &about, &mut board.kept[me].write().expect("no thread panics"));
                if let Err(error) = started {
                    board.fail(error);
                }
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
                pairs.propose(&mut proposal, most);
            }
            board.team.meet();
            lead(board, pairs.safe());
            board.team.meet();
            let step = board.step.read().expect("no thread panics");
            let round = match &*step {
                Step::Round(round) => round,
                Step::Refresh => {
                    pairs.refresh(self.factors(), &mut board.proposals[me].lock().expect("no thread panics"));
                    continue;
                }
                Step::Else(next) => return *next,
            };
            board
                .with_kept(me, |kept| if is_first { words.note_all(reports, kept) } else { words.note(reports, kept) });
            is_first = false;
            words.merge(round, reports);
            self.price(words);
            board.memory[me].store(words.memory() + pairs.memory(), Ordering::Relaxed);
            board.team.meet();
            let applied = pairs.apply(round, about, &mut board.kept[me].write().expect("no thread panics"));
            if let Err(error) = applied {
                board.fail(error);
            }
        }
    }
}

impl Board {
    fn fail(&self, error: Error) {
        self.failure.lock().expect("no thread panics").get_or_insert(error);
    }

    fn has_failed(&self) -> bool {
        self.failure.lock().expect("no thread panics").is_some()
    }

    /// The tokens of each column, all threads together.
    fn tokens(&self) -> Vec<u64> {
        let mut all = Vec::new();
        for part in &self.tokens {
            let part = part.lock().expect("no thread panics");
            all.resize(part.len(), 0);
            all.iter_mut().zip(&*part).for_each(|(sum, part)| *sum += part);
        }
        all
    }

    /// Calls `use_kept` with what each keeper answered to the reports of thread `me`.
    fn with_kept(&self, me: usize, use_kept: impl FnOnce(&[&[u32]])) {
        let kept: Vec<_> = self.kept.iter().map(|kept| kept.read().expect("no thread panics")).collect();
        let kept: Vec<&[u32]> = kept.iter().map(|kept| kept[me].as_slice()).collect();
        use_kept(&kept);
    }
}

/// What weighs too little to be known.
#[derive(Debug, Clone, Copy)]
struct Floor {
    /// The weight under the first factors that a pair must be born with to be kept.
    present: u64,
    /// The weight from which on a pair comes before all that are not kept.
    safe: u64,
}

/// What decides on the steps.
struct Leader<'l> {
    /// The lexicon before the first merge.
    first: &'l Lexicon,
    lexicon: Lexicon,
    merges: Vec<Pair>,
    /// Bytes of memory that all threads may take.
    memory: Option<usize>,
    /// Rounds made.
    made: usize,
    end: End,
    /// Where the merges are kept, as long as they are all it takes to go on: until a token is made twice.
    checkpoint: Option<Checkpoint>,
    /// By symbol: the last run in which it was a left symbol, and a right one.
    sides: Vec<[u32; 2]>,
    runs: u32,
    /// The number of merges at which prices are looked at next.
    refresh: Option<usize>,
    trace: Trace,
    least: u64,
    progress: &'l mut dyn FnMut(Progress) -> ControlFlow<()>,
    reported: Option<Instant>,
}

impl Leader<'_> {
    fn lead(&mut self, board: &Board, floor: Floor) {
        let proposals = board.proposals.iter().map(|proposal| proposal.lock().expect("no thread panics"));
        if let Some(checkpoint) = &mut self.checkpoint
            && let Err(error) = checkpoint.update(&self.merges)
        {
            board.fail(error);
        }
        if self.trace.prices.is_empty() || self.refresh == Some(self.merges.len()) {
            self.trace.price(self.merges.len(), &board.tokens());
        }
        let memory = || board.memory.iter().map(|memory| memory.load(Ordering::Relaxed)).sum::<usize>();
        let step = if self.made > 0 && self.memory.is_some_and(|most| memory() > most) {
            self.end = End::Full;
            Step::Else(Next::Stop)
        } else {
            self.choose(floor, &mut proposals.collect::<Vec<_>>())
        };
        if let Step::Else(Next::Stop) = step {
            self.trace.price(self.merges.len(), &board.tokens());
        }
        if self.reported.is_none_or(|reported| reported.elapsed() >= INTERVAL) {
            self.reported = Some(Instant::now());
            let (size, wanted) = (self.lexicon.len(), self.lexicon.wanted());
            if (self.progress)(Progress::Merges { size, wanted }).is_break() {
                board.fail(self.interrupt(&step));
            }
        }
        let step = if board.has_failed() { Step::Else(Next::Stop) } else { step };
        *board.step.write().expect("no thread panics") = step;
    }

    /// Leaves a checkpoint without the merges that were just chosen.
    fn interrupt(&mut self, step: &Step) -> Error {
        let chosen = if let Step::Round(round) = step { round.len() } else { 0 };
        let made = &self.merges[..self.merges.len() - chosen];
        let written = self.checkpoint.as_mut().map_or(Ok(()), |checkpoint| checkpoint.write(made));
        written.err().unwrap_or(Error::Interrupted)
    }

    /// Chooses the longest run that the claim allows, or what else is to be done.
    fn choose(&mut self, floor: Floor, proposals: &mut [impl DerefMut<Target = Proposal>]) -> Step {
        if self.refresh == Some(self.merges.len()) && !self.lexicon.is_complete() {
            self.refresh = Some(refresh_after(self.merges.len()));
            return Step::Refresh;
        }
        let mut round = Vec::new();
        self.runs += 1;
        self.sides.resize(self.lexicon.len(), [0; 2]);
        while !self.lexicon.is_complete() && self.refresh != Some(self.merges.len()) {
            let heads = proposals.iter().enumerate();
            let heads = heads.filter_map(|(keeper, proposal)| Some((*proposal.entries.get(proposal.taken)?, keeper)));
            let Some((entry, keeper)) = heads.max().filter(|(entry, _)| entry.weight >= floor.safe) else { break };
            let proposal = &mut proposals[keeper];
            let whole_pieces = proposal.whole_pieces[proposal.taken];
            let pair = entry.pair.0;
            let (left, right) = pair.symbols();
            let ([_, was_right], [was_left, _]) = (self.sides[left as usize], self.sides[right as usize]);
            if was_right == self.runs || was_left == self.runs {
                break;
            }
            let (product, joined) = self.lexicon.join(left, right);
            if joined == Joined::Again && floor.present > 1 && self.memory.is_some() {
                if round.is_empty() {
                    self.end = End::Again;
                    return Step::Else(Next::Stop);
                }
                break;
            }
            if joined == Joined::Again {
                self.checkpoint = None;
                if floor.present > 1 {
                    // Pairs that were dropped would matter now, and when they were born.
                    self.lexicon = self.first.clone();
                    self.merges.clear();
                    self.refresh = self.refresh.map(|_| refresh_after(0));
                    self.trace.clear();
                    return Step::Else(Next::Restart(1));
                }
            }
            self.sides[left as usize][0] = self.runs;
            self.sides[right as usize][1] = self.runs;
            proposal.taken += 1;
            let exhausted = proposal.more && proposal.taken == proposal.entries.len();
            let is_new = joined == Joined::New;
            self.merges.push(pair);
            self.trace.winners.push(proposal.winners[proposal.taken - 1]);
            round.push(Merge { pair, product, is_new, keeper, number: entry.number, whole_pieces });
            if !is_new || whole_pieces || left == right || exhausted {
                break;
            }
        }
        if !round.is_empty() {
            self.made += 1;
            Step::Round(round)
        } else if floor.present > self.least && !self.lexicon.is_complete() && self.memory.is_none() {
            Step::Else(Next::Recall((floor.present / LOWERING).max(self.least)))
        } else {
            Step::Else(Next::Stop)
        }
    }
}
