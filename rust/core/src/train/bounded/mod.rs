//! Training within a limit of memory, in phases.
//!
//! All pieces stay on disk. A phase goes over them twice: to learn what pairs weigh, and to gather the segments in which the heaviest pairs
//! stand, as many as there is room for; then it merges those pairs, and what is born of them, until they are lighter than others may
//! be. So memory holds the occurrences that it can afford, and finds the others again. The merges are those of training
//! without a limit, which [`segments`](crate::train::bounded::segments) proves.

mod count_min;
mod segments;

use std::ops::ControlFlow;

use super::Progress;
use super::grown;
use crate::arch::return_free_memory;
use crate::error::{Error, Result};
use crate::train::bounded::segments::{Pieces, Size};
use crate::train::engine::base_merges::Known;
use crate::train::engine::checkpoint::Checkpoint;
use crate::train::engine::coordinator::{End, Outcome};
use crate::train::engine::tokens::Lexicon;
use crate::train::engine::{Resumed, Task};
use crate::train::objective::Weights;
use crate::vocab::Vocab;

/// Bytes of memory that the program itself takes, and each token of the vocabulary: its text, its merge, and where to find it.
const PROGRAM: usize = 40 << 20;
const TOKEN: usize = 400;

/// Bytes of memory that a pair takes as long as all of them are reported and weighed: its number, its tally, its birth, its row and its entry.
const PAIR: usize = 250;

/// What bytes of memory are for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    pub(crate) sketch: usize,
    /// For the table of segments.
    pub(crate) table: usize,
    /// For training on them, when the table is gone.
    pub(crate) training: usize,
}

impl Budget {
    /// Divides a limit.
    pub(crate) fn new(memory: usize, vocab_size: usize, threads: usize) -> Self {
        let fixed = PROGRAM + vocab_size * TOKEN + (threads << 20);
        let memory = memory.saturating_sub(fixed).max(memory / 4);
        Self { sketch: memory / 6, table: memory / 5 * 3, training: memory / 10 * 9 }
    }
}

/// Trains within a budget. `task` is what to do, as without one.
pub(crate) fn train(
    task: Task,
    budget: Budget,
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
            "there is no limit under fairness, which looks at each language by itself",
        ));
    };
    return_free_memory();
    let pieces = Pieces::new(column, threads, longest, &mut || report(progress))?;
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
        let known = Known::new(&grown(vocab, &present, &merges)?)?;
        let sketch = pieces.sketch(&known, budget.sketch, &mut || report(progress))?;
        let floors = sketch.floors();
        let Some(floor) = floors.lowest(places) else {
            return Ok(Outcome { lexicon: present, merges, checkpoint, end: End::Done, trace: None });
        };
        let memory = |floor: u64, size: &Size| size.memory() + floors.pairs(floor) * PAIR;
        let fits = |floor: u64, table: usize, size: &Size| {
            stuck || table <= budget.table && memory(floor, size) <= budget.training
        };
        let floor = floor.min(ceiling).max(least);
        let segments = pieces.cut(&known, &sketch, &floors, floor, &fits, &mut || report(progress))?;
        // As many places again, and more if there was room for more: too few make a phase too many, too many are cut again.
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
            // Where a run that begins again would, which this one does not.
            first: Known::new(vocab)?,
            resumed: Some(Resumed { lexicon: present, merges, known }),
        };
        let outcome = task.run(lexicon, checkpoint.take(), progress)?;
        return_free_memory();
        if outcome.end == End::Again {
            // Pairs that were dropped would matter now, and when they were born: all of them are needed, from the beginning.
            let first = Known::new(vocab)?;
            let task = Task { weights: &all, longest, floor: Some(1), threads, memory: None, first, resumed: None };
            return task.run(lexicon, None, progress);
        }
        let done = outcome.end == End::Done && segments.floor <= least;
        if done || outcome.lexicon.is_complete() {
            return Ok(outcome);
        }
        // All pairs left weigh less than the floor, or else there was too little room.
        ceiling = if outcome.end == End::Done { segments.floor / 2 } else { u64::MAX };
        // After a phase without merges, which only a sketch much too small can bring about, memory matters less than going on.
        stuck |= outcome.merges.len() == made;
        (present, merges, checkpoint) = (outcome.lexicon, outcome.merges, outcome.checkpoint);
    }
}

fn report(progress: &mut dyn FnMut(Progress) -> ControlFlow<()>) -> Result<()> {
    if progress(Progress::Pairs).is_break() { Err(Error::Interrupted) } else { Ok(()) }
}
