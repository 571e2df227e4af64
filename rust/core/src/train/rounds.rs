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
//! A pair of a symbol with itself, and one that makes a known token, may thus end a run, but not be followed. So may one that
//! is looked for in whole pieces, since it has a weight that its occurrences do not bear out.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use hashbrown::HashMap;

use super::Progress;
use super::lexicon::Lexicon;
use super::pairs::{Pair, Pairs, Proposal};
use super::team::Team;
use super::weights::Weights;
use super::words::{Report, Words};
use crate::error::{Error, Result};

/// The most pairs that a thread proposes for a round.
const PROPOSALS: usize = 64;

/// How often progress is reported.
const INTERVAL: Duration = Duration::from_millis(50);

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

/// What the threads share. Each lock is taken by one thread to write between two meetings, or by several to read.
struct Board {
    team: Team,
    /// By the thread whose words it is about, then the thread that keeps the pairs.
    reports: Vec<Vec<RwLock<Report>>>,
    /// By the thread that keeps the pairs, then the one whose words it is about: the number of each birth.
    kept: Vec<RwLock<Vec<Vec<u32>>>>,
    proposals: Vec<Mutex<Proposal>>,
    round: RwLock<Vec<Merge>>,
    failure: Mutex<Option<Error>>,
    over: AtomicBool,
}

/// Merges until the lexicon is complete or nothing is left that weighs enough, and returns the merges in order.
pub(super) fn run(
    weights: &Weights,
    lexicon: &mut Lexicon,
    max_token_length: Option<usize>,
    threads: usize,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Vec<(u32, u32)>> {
    if progress(Progress::Pairs).is_break() {
        return Err(Error::Interrupted);
    }
    let board = Board {
        team: Team::new(threads),
        reports: (0..threads).map(|_| (0..threads).map(|_| RwLock::default()).collect()).collect(),
        kept: (0..threads).map(|_| RwLock::new(vec![Vec::new(); threads])).collect(),
        proposals: (0..threads).map(|_| Mutex::default()).collect(),
        round: RwLock::default(),
        failure: Mutex::default(),
        over: AtomicBool::new(false),
    };
    let worker = |me| Worker {
        me,
        ids: lexicon.bytes(),
        longest: max_token_length.unwrap_or(usize::MAX),
        least: weights.least,
        board: &board,
    };
    let workers: Vec<_> = (0..threads).map(worker).collect();
    let mut leader = Leader { lexicon, merges: Vec::new(), sides: Vec::new(), runs: 0, progress, reported: None };
    thread::scope(|scope| {
        let (own, others) = workers.split_first().expect("there is at least one thread");
        for other in others {
            scope.spawn(|| other.work(weights, &mut |_| {}));
        }
        own.work(weights, &mut |board| leader.lead(board));
    });
    let merges = leader.merges;
    match board.failure.into_inner().expect("no thread panics") {
        Some(error) => Err(error),
        None => Ok(last_of_each(&merges)),
    }
}

/// The merges without those that are made again later: of a pair merged several times, the last merge counts.
fn last_of_each(merges: &[Pair]) -> Vec<(u32, u32)> {
    let last: HashMap<Pair, usize> = merges.iter().enumerate().map(|(place, &pair)| (pair, place)).collect();
    let kept = merges.iter().enumerate().filter(|&(place, pair)| last[pair] == place);
    kept.map(|(_, pair)| pair.symbols()).collect()
}

/// One thread: some of the words, and some of the pairs.
struct Worker<'b> {
    me: usize,
    ids: [u32; 256],
    longest: usize,
    least: u64,
    board: &'b Board,
}

impl Worker<'_> {
    /// Works until it is over. `lead` decides on the next round while the others wait.
    fn work(&self, weights: &Weights, lead: &mut dyn FnMut(&Board)) {
        let Self { me, ids, longest, least, board } = self;
        let _member = board.team.member();
        let reports = &board.reports[*me];
        let about: Vec<&RwLock<Report>> = board.reports.iter().map(|reports| &reports[*me]).collect();
        let mut words = match Words::new(weights, ids, *longest, *me, about.len()) {
            Ok(words) => {
                words.report_all(ids, reports);
                Some(words)
            }
            Err(error) => {
                board.fail(error);
                None
            }
        };
        let mut pairs = Pairs::default();
        let mut most = PROPOSALS;
        board.team.meet();
        pairs.start(&about, &mut board.kept[*me].write().expect("no thread panics"));
        let mut is_first = true;
        loop {
            let mut proposal = board.proposals[*me].lock().expect("no thread panics");
            if !is_first {
                // Twice what was of use last time: entries that come back cost more than a shorter round.
                most = (2 * proposal.taken + 2).min(PROPOSALS);
            }
            pairs.propose(&mut proposal, most, *least);
            drop(proposal);
            board.team.meet();
            lead(board);
            board.team.meet();
            let (true, Some(words)) = (!board.over.load(Ordering::Acquire), &mut words) else { break };
            let round = board.round.read().expect("no thread panics");
            board.with_kept(*me, |kept| {
                if is_first {
                    words.note_all(ids, reports, kept);
                } else {
                    words.note(reports, kept);
                }
            });
            is_first = false;
            words.merge(&round, reports);
            board.team.meet();
            if let Err(error) = pairs.apply(&round, &about, &mut board.kept[*me].write().expect("no thread panics")) {
                board.fail(error);
            }
        }
    }
}

impl Board {
    fn fail(&self, error: Error) {
        self.failure.lock().expect("no thread panics").get_or_insert(error);
    }

    /// Calls `use_kept` with what each keeper answered to the reports of thread `me`.
    fn with_kept(&self, me: usize, use_kept: impl FnOnce(&[&[u32]])) {
        let kept: Vec<_> = self.kept.iter().map(|kept| kept.read().expect("no thread panics")).collect();
        let kept: Vec<&[u32]> = kept.iter().map(|kept| kept[me].as_slice()).collect();
        use_kept(&kept);
    }
}

/// What decides on the rounds.
struct Leader<'l> {
    lexicon: &'l mut Lexicon,
    merges: Vec<Pair>,
    /// By symbol: the last run in which it was a left symbol, and a right one.
    sides: Vec<[u32; 2]>,
    runs: u32,
    progress: &'l mut dyn FnMut(Progress) -> ControlFlow<()>,
    reported: Option<Instant>,
}

impl Leader<'_> {
    fn lead(&mut self, board: &Board) {
        let mut proposals: Vec<_> =
            board.proposals.iter().map(|proposal| proposal.lock().expect("no thread panics")).collect();
        let mut round = board.round.write().expect("no thread panics");
        self.choose(&mut proposals, &mut round);
        if self.reported.is_none_or(|reported| reported.elapsed() >= INTERVAL) {
            self.reported = Some(Instant::now());
            let (size, wanted) = (self.lexicon.len(), self.lexicon.wanted());
            if (self.progress)(Progress::Merges { size, wanted }).is_break() {
                board.fail(Error::Interrupted);
            }
        }
        if round.is_empty() || board.failure.lock().expect("no thread panics").is_some() {
            board.over.store(true, Ordering::Release);
        }
    }

    /// Chooses the longest run that the claim allows.
    fn choose(&mut self, proposals: &mut [impl std::ops::DerefMut<Target = Proposal>], round: &mut Vec<Merge>) {
        round.clear();
        self.runs += 1;
        self.sides.resize(self.lexicon.len(), [0; 2]);
        while !self.lexicon.is_complete() {
            let heads = proposals.iter().enumerate();
            let heads = heads.filter_map(|(keeper, proposal)| Some((*proposal.entries.get(proposal.taken)?, keeper)));
            let Some((entry, keeper)) = heads.max() else { return };
            let proposal = &mut proposals[keeper];
            let whole_pieces = proposal.whole_pieces[proposal.taken];
            let pair = entry.pair.0;
            let (left, right) = pair.symbols();
            let [_, was_right] = self.sides[left as usize];
            let [was_left, _] = self.sides[right as usize];
            if was_right == self.runs || was_left == self.runs {
                return;
            }
            self.sides[left as usize][0] = self.runs;
            self.sides[right as usize][1] = self.runs;
            proposal.taken += 1;
            let exhausted = proposal.more && proposal.taken == proposal.entries.len();
            let (product, is_new) = self.lexicon.join(left, right);
            self.merges.push(pair);
            round.push(Merge { pair, product, is_new, keeper, number: entry.number, whole_pieces });
            if !is_new || whole_pieces || left == right || exhausted {
                return;
            }
        }
    }
}
