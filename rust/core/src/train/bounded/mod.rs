//! Training within a memory limit, in phases.
//!
//! All pieces stay on disk. A phase reads them twice: first to find the weights of pairs, then to gather the segments
//! of the heaviest pairs, as far as there is room. Then it merges these pairs, and the pairs that appear, until a pair
//! that was left out could be heavier. So memory holds as many occurrences as fit, and the next phase finds the other
//! occurrences. The merges are those of training without a limit; [`segments`](crate::train::bounded::segments) has the
//! proof.

mod count_min;
mod segments;

use std::ops::ControlFlow;

use super::Progress;
use super::grown;
use crate::arch::return_free_memory;
use crate::error::{Error, Result};
use crate::train::bounded::segments::{PieceStore, Size};
use crate::train::engine::base_merges::BaseMerges;
use crate::train::engine::checkpoint::Checkpoint;
use crate::train::engine::coordinator::{EndReason, Outcome};
use crate::train::engine::pair::Pair;
use crate::train::engine::tokens::Lexicon;
use crate::train::engine::{Resumed, Task};
use crate::train::objective::Weights;
use crate::vocab::Vocab;

/// Bytes of memory that the program takes without training.
const PROGRAM: usize = 40 << 20;
const TOKEN: usize = 400;

/// Bytes of memory of a pair while all pairs are reported and weighed: its number, its tally, its gain, its amounts and
/// its entry.
const PAIR: usize = 250;

/// The division of the memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MemoryBudget {
    pub(crate) sketch: usize,
    /// For the table of segments.
    pub(crate) table: usize,
    /// For training on the segments, after the table is freed.
    pub(crate) training: usize,
}

impl MemoryBudget {
    /// Divides a memory limit.
    pub(crate) fn new(memory: usize, vocab_size: usize, threads: usize) -> Self {
        let fixed = PROGRAM + vocab_size * TOKEN + (threads << 20);
        let memory = memory.saturating_sub(fixed).max(memory / 4);
        Self { sketch: memory / 6, table: memory / 5 * 3, training: memory / 10 * 9 }
    }
}

/// Trains within a budget. `task` is the task without a limit.
pub(crate) fn train(
    task: Task,
    budget: MemoryBudget,
    vocab: &Vocab,
    lexicon: &Lexicon,
    mut checkpoint: Option<Checkpoint>,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Outcome> {
    let Task { weights, longest, threads, .. } = task;
    let least = weights.least;
    let [column] = &weights.columns[..] else {
        return Err(Error::argument(
            "memory",
            "training with fairness cannot have a limit: it weighs languages one by one",
        ));
    };
    return_free_memory();
    let pieces = PieceStore::new(column, threads, longest, &mut || report(progress, &mut None, &[]))?;
    let all = Weights::of(&pieces.language, least);
    if pieces.size.memory() <= budget.training {
        return Task { weights: &all, ..task }.run(lexicon, checkpoint, progress);
    }
    let (mut present, mut merges) = match task.resumed {
        Some(Resumed { lexicon, merges, .. }) => (lexicon, merges),
        None => (lexicon.try_clone()?, Vec::new()),
    };
    let (mut ceiling, mut stuck) = (u64::MAX, false);
    let mut places = u64::MAX;
    loop {
        let made = merges.len();
        let known = BaseMerges::new(&grown(vocab, &present, &merges)?)?;
        let mut ask = || report(progress, &mut checkpoint, &merges);
        let sketch = pieces.sketch(&known, budget.sketch, &mut ask)?;
        let floors = sketch.floors();
        let Some(floor) = floors.lowest(places) else {
            return Ok(Outcome { lexicon: present, merges, checkpoint, end: EndReason::Done, trace: None });
        };
        let memory = |floor: u64, size: &Size| size.memory() + floors.pairs(floor) * PAIR;
        let fits = |floor: u64, table: usize, size: &Size| {
            stuck || table <= budget.table && memory(floor, size) <= budget.training
        };
        let floor = floor.min(ceiling).max(least);
        let mut ask = || report(progress, &mut checkpoint, &merges);
        let segments = pieces.cut(&known, &sketch, &floors, floor, &fits, &mut ask)?;
        // The next phase gets as many occurrences, or more if there was room for more. With too few, a phase is wasted;
        // with too many, segments are cut again.
        let training = memory(segments.floor, &segments.size);
        let room = (budget.training / training.max(1)).min(budget.table / segments.table.max(1));
        places = floors.places(segments.floor).saturating_mul(room.max(1) as u64);
        drop(sketch);
        return_free_memory();
        let weights = Weights::of(&segments.language, least);
        let task = Task {
            weights: &weights,
            longest,
            floor: Some(segments.floor),
            threads,
            memory: Some(if fits(segments.floor, 0, &segments.size) { budget.training } else { usize::MAX }),
            // A run without a limit would begin again here; this one does not.
            first: BaseMerges::new(vocab)?,
            resumed: Some(Resumed { lexicon: present, merges, known }),
        };
        let outcome = task.run(lexicon, checkpoint.take(), progress)?;
        return_free_memory();
        if outcome.end == EndReason::Again {
            return without_floor(&all, longest, threads, vocab, lexicon, progress);
        }
        let done = outcome.end == EndReason::Done && segments.floor <= least;
        if done || outcome.lexicon.is_complete() {
            return Ok(outcome);
        }
        // All remaining pairs weigh less than the floor, or there was too little room.
        ceiling = if outcome.end == EndReason::Done { segments.floor / 2 } else { u64::MAX };
        // Only a far too small sketch leads to a phase without merges. Then going on matters more than memory.
        stuck |= outcome.merges.len() == made;
        (present, merges, checkpoint) = (outcome.lexicon, outcome.merges, outcome.checkpoint);
    }
}

/// Trains from the beginning on all pairs: the pairs below the floor, and the rounds in which they appeared, matter.
fn without_floor(
    weights: &Weights,
    longest: usize,
    threads: usize,
    vocab: &Vocab,
    lexicon: &Lexicon,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Outcome> {
    let first = BaseMerges::new(vocab)?;
    Task { weights, longest, floor: Some(1), threads, memory: None, first, resumed: None }.run(lexicon, None, progress)
}

/// Reports progress between phases. On a break it writes a checkpoint of the merges made.
fn report(
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    checkpoint: &mut Option<Checkpoint>,
    merges: &[Pair],
) -> Result<()> {
    if progress(Progress::Pairs).is_continue() {
        return Ok(());
    }
    if let Some(Err(error)) = checkpoint.as_mut().map(|checkpoint| checkpoint.write(merges)) {
        // The work ends here in any case, so the answer is not needed.
        let _ = progress(Progress::Unsaved(error.to_string()));
    }
    Err(Error::Interrupted)
}
