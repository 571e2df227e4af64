//! Decides on the next merges, by the claim of [`engine`](crate::train::engine), or on another step.

use std::ops::{ControlFlow, DerefMut};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hashbrown::HashMap;

use super::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::memory::{Grow, collect, copied};
use crate::train::Progress;
use crate::train::engine::Task;
use crate::train::engine::pair::{Pair, PlannedMerge};
use crate::train::engine::queue::Proposal;
use crate::train::engine::shared::{Board, Floor, Next, Step};
use crate::train::engine::tokens::{JoinedKind, Lexicon};
use crate::train::objective::fairness::refresh_after;
use crate::train::objective::trace::Trace;

/// The floor is divided by this when no pair above it is left.
const LOWERING: u64 = 8;

/// The interval between reports of progress; in tests, every round is reported.
const INTERVAL: Duration = Duration::from_millis(if cfg!(test) { 0 } else { 50 });

/// The result of training.
pub(crate) struct Outcome {
    pub(crate) lexicon: Lexicon,
    pub(crate) merges: Vec<Pair>,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) end: EndReason,
    /// The prices, under fairness.
    pub(crate) trace: Option<Trace>,
}

/// The reason why training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndReason {
    /// The lexicon is complete, or no pair weighs as much as the floor.
    Done,
    /// Training needs more memory.
    Full,
    /// The next merge makes a token that was made before.
    Again,
}

/// Decides on the steps of all threads.
pub(crate) struct Coordinator<'l> {
    /// The lexicon before the first merge.
    first: &'l Lexicon,
    lexicon: Lexicon,
    merges: Vec<Pair>,
    /// Bytes of memory that all threads together may take.
    memory: Option<usize>,
    /// Number of rounds so far.
    made: usize,
    end: EndReason,
    /// The checkpoint. It is dropped when a token is made a second time, because the merges alone are then not enough
    /// to continue.
    checkpoint: Option<Checkpoint>,
    /// By symbol: the last round in which it was a left symbol, and a right symbol.
    sides: Vec<[u32; 2]>,
    runs: u32,
    /// The number of merges at which prices are refreshed next.
    refresh: Option<usize>,
    trace: Trace,
    least: u64,
    progress: &'l mut dyn FnMut(Progress) -> ControlFlow<()>,
    reported: Option<Instant>,
}

impl<'l> Coordinator<'l> {
    pub(crate) fn new(
        task: &Task<'_>,
        first: &'l Lexicon,
        checkpoint: Option<Checkpoint>,
        progress: &'l mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Self> {
        let (lexicon, merges) = match &task.resumed {
            Some(resumed) => (resumed.lexicon.try_clone()?, copied(&resumed.merges)?),
            None => (first.try_clone()?, Vec::new()),
        };
        Ok(Self {
            first,
            lexicon,
            refresh: task.weights.policy.is_some().then(|| refresh_after(merges.len())),
            trace: Trace::new(task.weights, merges.len())?,
            merges,
            memory: task.memory,
            made: 0,
            end: EndReason::Done,
            checkpoint,
            sides: Vec::new(),
            runs: 0,
            least: task.weights.least,
            progress,
            reported: None,
        })
    }

    /// Reports progress outside of rounds. On a break it writes a checkpoint of all merges.
    pub(crate) fn report(&mut self, present: Progress) -> Result<()> {
        match (self.progress)(present) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(self.interrupt(&Step::Else(Next::Stop))),
        }
    }

    /// The result of training.
    pub(crate) fn finish(self) -> Result<Outcome> {
        let Self { lexicon, merges, checkpoint, end, refresh, trace, .. } = self;
        Ok(Outcome { lexicon, merges: last_of_each(&merges)?, checkpoint, end, trace: refresh.map(|_| trace) })
    }

    /// Decides on the next step, from the proposals of the threads and the floor.
    fn decide(&mut self, board: &Board, floor: Floor) {
        if board.has_failed() {
            // The proposals may be inconsistent.
            *board.step.write().expect("no thread panics") = Step::Else(Next::Stop);
            return;
        }
        let proposals = board.proposals.iter().map(|proposal| proposal.lock().expect("no thread panics"));
        let kept = self.checkpoint.as_mut().map_or(Ok(()), |checkpoint| checkpoint.update(&self.merges));
        let goes_on = self.warn(kept);
        if self.trace.prices.is_empty() || self.refresh == Some(self.merges.len()) {
            self.trace.price(self.merges.len(), &board.tokens());
        }
        let memory = || board.memory.iter().map(|memory| memory.load(Ordering::Relaxed)).sum::<usize>();
        let step = if self.made > 0 && self.memory.is_some_and(|most| memory() > most) {
            self.end = EndReason::Full;
            Step::Else(Next::Stop)
        } else {
            let chosen = self.choose(floor, &mut proposals.collect::<Vec<_>>());
            chosen.unwrap_or_else(|error| {
                board.fail(error);
                Step::Else(Next::Stop)
            })
        };
        if let Step::Else(Next::Stop) = step {
            self.trace.price(self.merges.len(), &board.tokens());
        }
        if goes_on.is_break() || self.reported.is_none_or(|reported| reported.elapsed() >= INTERVAL) {
            self.reported = Some(Instant::now());
            let (size, wanted) = (self.lexicon.len(), self.lexicon.wanted());
            if goes_on.is_break() || (self.progress)(Progress::Merges { size, wanted }).is_break() {
                board.fail(self.interrupt(&step));
            }
        }
        let step = if board.has_failed() { Step::Else(Next::Stop) } else { step };
        *board.step.write().expect("no thread panics") = step;
    }

    /// Writes a checkpoint without the merges of the current step.
    fn interrupt(&mut self, step: &Step) -> Error {
        let chosen = if let Step::Round(round) = step { round.len() } else { 0 };
        let made = &self.merges[..self.merges.len() - chosen];
        let kept = self.checkpoint.as_mut().map_or(Ok(()), |checkpoint| checkpoint.write(made));
        // Training ends here in any case, so the answer is not needed.
        let _ = self.warn(kept);
        Error::Interrupted
    }

    /// Reports a checkpoint that could not be written.
    fn warn(&mut self, kept: Result<()>) -> ControlFlow<()> {
        match kept {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => (self.progress)(Progress::Unsaved(error.to_string())),
        }
    }

    /// Chooses the longest run that the claim allows, or another step.
    fn choose(&mut self, floor: Floor, proposals: &mut [impl DerefMut<Target = Proposal>]) -> Result<Step> {
        if self.refresh == Some(self.merges.len()) && !self.lexicon.is_complete() {
            self.refresh = Some(refresh_after(self.merges.len()));
            return Ok(Step::Refresh);
        }
        let mut round = Vec::new();
        self.runs += 1;
        self.sides.try_resize(self.lexicon.len(), [0; 2])?;
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
            self.merges.try_reserve(1)?;
            self.trace.winners.try_reserve(1)?;
            let (product, joined) = self.lexicon.join(left, right)?;
            if joined == JoinedKind::Again && floor.present > 1 && self.memory.is_some() {
                if round.is_empty() {
                    self.end = EndReason::Again;
                    return Ok(Step::Else(Next::Stop));
                }
                break;
            }
            if joined == JoinedKind::Again {
                self.checkpoint = None;
                if floor.present > 1 {
                    // The pairs below the floor, and the times at which they appeared, matter now.
                    self.lexicon = self.first.try_clone()?;
                    self.merges.clear();
                    self.refresh = self.refresh.map(|_| refresh_after(0));
                    self.trace.clear();
                    return Ok(Step::Else(Next::Restart(1)));
                }
            }
            self.sides[left as usize][0] = self.runs;
            self.sides[right as usize][1] = self.runs;
            proposal.taken += 1;
            let exhausted = proposal.more && proposal.taken == proposal.entries.len();
            let is_new = joined == JoinedKind::New;
            self.merges.push(pair);
            self.trace.winners.push(proposal.winners[proposal.taken - 1]);
            round.push(PlannedMerge { pair, product, is_new, keeper, number: entry.number, whole_pieces });
            if !is_new || whole_pieces || left == right || exhausted {
                break;
            }
        }
        Ok(if !round.is_empty() {
            self.made += 1;
            Step::Round(round)
        } else if floor.present > self.least && !self.lexicon.is_complete() && self.memory.is_none() {
            Step::Else(Next::Recall((floor.present / LOWERING).max(self.least)))
        } else {
            Step::Else(Next::Stop)
        })
    }
}

/// The merges without earlier repeats: if a pair was merged several times, the last merge counts.
pub(crate) fn last_of_each(merges: &[Pair]) -> Result<Vec<Pair>> {
    let mut last: HashMap<Pair, usize> = HashMap::new();
    last.try_reserve(merges.len())?;
    last.extend(merges.iter().enumerate().map(|(place, &pair)| (pair, place)));
    collect(merges.iter().enumerate().filter(|&(place, pair)| last[pair] == place).map(|(_, &pair)| pair))
}

/// The part of a thread in the decisions.
pub(crate) trait Lead {
    /// Decides on the next step, given the floor, while the other threads wait.
    fn lead(&mut self, board: &Board, floor: Floor);

    /// Checks whether to go on within a long step.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    fn ask(&mut self, board: &Board) -> Result<()>;
}

impl Lead for Coordinator<'_> {
    fn lead(&mut self, board: &Board, floor: Floor) {
        self.decide(board, floor);
    }

    fn ask(&mut self, board: &Board) -> Result<()> {
        Follower.ask(board)?;
        if self.reported.is_some_and(|reported| reported.elapsed() < INTERVAL) {
            return Ok(());
        }
        self.reported = Some(Instant::now());
        let (size, wanted) = (self.lexicon.len(), self.lexicon.wanted());
        let present = if self.made == 0 { Progress::Pairs } else { Progress::Merges { size, wanted } };
        self.report(present)
    }
}

/// A thread that follows the decisions of the coordinator.
pub(crate) struct Follower;

impl Lead for Follower {
    fn lead(&mut self, _: &Board, _: Floor) {}

    fn ask(&mut self, board: &Board) -> Result<()> {
        // The error of the thread that failed comes first.
        if board.has_failed() { Err(Error::Interrupted) } else { Ok(()) }
    }
}
