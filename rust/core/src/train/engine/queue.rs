//! The pairs that one thread keeps, selected by hash, and their weights.
//!
//! The occurrences of each pair are exact, by column: the gains and losses of a round are applied merge by merge. The
//! weight of a pair is the sum of its occurrences times the factors of their columns. A new pair joins the queue with
//! its present weight. Weights hardly ever rise, so an entry is updated only when it comes first.
//!
//! When factors change, some weights rise. So an entry holds its weight times a gauge, and each refresh divides the
//! gauge by the largest rise of any factor. An entry is then never too small. It is only a little too large, because
//! prices change little between two refreshes.
//!
//! Weights also rise when a token is made a second time from other parts (`abc` from `ab|c`, and from `a|bc` where `ab`
//! never formed): pairs with this token appear again. The rule is that of `tokenizers`. Each time a pair appears, it
//! gets a new entry in the queue, with the new occurrences. An entry that comes first is merged everywhere in the
//! pieces of its occurrences. A merged pair keeps its weight, to which later occurrences add. If a pair is merged
//! several times, the last merge counts.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::sync::RwLock;

use hashbrown::{HashMap, HashSet};
use rustc_hash::FxBuildHasher;

use crate::error::Result;
use crate::memory::{Grow, collect};
use crate::train::engine::by_language::{AmountTable, Amounts};
use crate::train::engine::deltas::{Gain, RIGHT, Report, joined};
use crate::train::engine::pair::{Pair, PlannedMerge, UNKEPT};
use crate::train::objective::Weights;

impl<W> QueueEntry<W> {
    fn map<V>(self, of: impl FnOnce(W) -> V) -> QueueEntry<V> {
        QueueEntry { weight: of(self.weight), pair: self.pair, number: self.number }
    }
}

/// The first gauge.
const GAUGE: u64 = 1 << 63;

/// Below this, the gauge has lost too many digits.
const LOW: u64 = 1 << 32;

/// A pair in the queue or in a proposal: the heaviest first, then the smallest pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct QueueEntry<W = u64> {
    pub(crate) weight: W,
    pub(crate) pair: Reverse<Pair>,
    /// The number under which the threads know the occurrences of this entry.
    pub(crate) number: u32,
}

/// The pairs that one thread keeps.
pub(crate) struct PairQueue {
    /// The first factors of the columns. By these, a new pair must weigh `floor` to be kept, and `least` to be merged.
    first: Vec<u64>,
    floor: u64,
    least: u64,
    factors: Vec<u64>,
    gauge: u64,
    kept: HashMap<Pair, Amounts, FxBuildHasher>,
    rows: AmountTable,
    /// Entries with their weight times the gauge.
    queue: BinaryHeap<QueueEntry<u128>>,
    /// Pairs that have several entries.
    reborn: HashSet<Pair, FxBuildHasher>,
    /// Number of entries so far.
    numbers: u32,
    /// The new pairs of one merge, by neighbour: with the neighbour on the right of the merged symbol, and on its left.
    born: [Vec<NewPair>; 2],
    /// The amounts of `born`.
    scratch: AmountTable,
    /// The entries of `born` in use: the side and the neighbour.
    met: Vec<(usize, u32)>,
}

#[derive(Debug, Clone, Copy)]
struct NewPair {
    /// Amounts in `PairQueue::scratch`.
    row: Amounts,
    is_met: bool,
    number: u32,
}

const NO_NEW_PAIR: NewPair = NewPair { row: Amounts::NONE, is_met: false, number: UNKEPT };

/// The heaviest pairs of one keeper.
#[derive(Debug, Default)]
pub(crate) struct Proposal {
    /// In the order of the queue, with their exact weights.
    pub(crate) entries: Vec<QueueEntry>,
    /// For each entry, whether it must be merged everywhere in its pieces.
    pub(crate) whole_pieces: Vec<bool>,
    /// For each entry, the column with the largest part of its weight.
    pub(crate) winners: Vec<u32>,
    /// Whether there are more pairs that might be merged.
    pub(crate) more: bool,
    /// Number of entries that the round took.
    pub(crate) taken: usize,
}

impl PairQueue {
    /// An empty queue for columns with these factors.
    pub(crate) fn new(weights: &Weights, factors: Vec<u64>) -> Self {
        Self {
            first: weights.first_factors(),
            floor: 1,
            least: weights.least,
            factors,
            gauge: GAUGE,
            kept: HashMap::default(),
            rows: AmountTable::default(),
            queue: BinaryHeap::new(),
            reborn: HashSet::default(),
            numbers: 0,
            born: [Vec::new(), Vec::new()],
            scratch: AmountTable::default(),
            met: Vec::new(),
        }
    }

    /// Removes all pairs, and takes the pairs of `reports` that weigh at least `floor`; later, lighter new pairs are
    /// dropped, too. `kept` becomes, for each gain of each report, the number of its entry.
    ///
    /// # Errors
    /// [`Error::Corpus`](crate::Error::Corpus) if there are more pairs than can be added up;
    /// [`Error::Memory`](crate::Error::Memory).
    pub(crate) fn start(&mut self, floor: u64, reports: &[&RwLock<Report>], kept: &mut [Vec<u32>]) -> Result<()> {
        self.floor = floor;
        self.queue.clear();
        self.kept.clear();
        self.reborn.clear();
        let reports: Vec<_> = reports.iter().map(|report| report.read().expect("no thread panics")).collect();
        let mut rows = AmountTable::default();
        for gain in reports.iter().flat_map(|report| &report.gains).filter(|gain| gain.weight > 0) {
            self.kept.try_reserve(1)?;
            rows.add(self.kept.entry(gain.pair).or_insert(Amounts::NONE), gain.column, gain.weight)?;
        }
        self.rows.clear();
        let mut copied = Ok(());
        self.kept.retain(|_, row| {
            let is_kept = rows.weigh(*row, &self.first) >= floor && copied.is_ok();
            if is_kept {
                copied = self.rows.copy(*row, &rows).map(|copy| *row = copy);
            }
            is_kept
        });
        copied?;
        let entry = |((&pair, &row), number)| {
            let weight = self.gauged(self.rows.weigh(row, &self.factors));
            QueueEntry { weight, pair: Reverse(pair), number }
        };
        let entries = collect(self.kept.iter().zip(0..).map(entry))?;
        self.numbers = entries.len() as u32;
        let mut numbers: HashMap<Pair, u32, FxBuildHasher> = HashMap::default();
        numbers.try_reserve(entries.len())?;
        numbers.extend(entries.iter().map(|entry| (entry.pair.0, entry.number)));
        for (report, kept) in reports.iter().zip(kept) {
            kept.clear();
            kept.try_extend(report.gains.iter().map(|gain| numbers.get(&gain.pair).copied().unwrap_or(UNKEPT)))?;
        }
        self.queue = entries.into();
        Ok(())
    }

    /// Applies the changes of a round, from the `reports` of all threads. `kept` and the errors are as in
    /// [`start`](Self::start).
    pub(crate) fn apply(
        &mut self,
        round: &[PlannedMerge],
        reports: &[&RwLock<Report>],
        kept: &mut [Vec<u32>],
    ) -> Result<()> {
        let reports: Vec<_> = reports.iter().map(|report| report.read().expect("no thread panics")).collect();
        let mut gains: Vec<_> = reports.iter().map(|report| report.gains.as_slice()).collect();
        let mut losses: Vec<_> = reports.iter().map(|report| report.losses.as_slice()).collect();
        kept.iter_mut().for_each(Vec::clear);
        for (number, merge) in round.iter().enumerate() {
            let gains = gains.iter_mut().map(|gains| split_while(gains, |gain| gain.merge as usize == number));
            let gains: Vec<_> = gains.collect();
            let losses = losses.iter_mut().map(|losses| split_while(losses, |loss| loss.merge as usize == number));
            self.add_up(gains.iter().copied().flatten())?;
            if !merge.is_new {
                self.add_to_known_pairs(merge.product)?;
            }
            for loss in losses.flatten() {
                let (left, right) = loss.pair.symbols();
                if merge.is_new && left == merge.product {
                    // The pair appeared in this round, unless its token would be too long.
                    if let Some(born) = self.born[RIGHT].get_mut(right as usize).filter(|born| born.is_met) {
                        self.scratch.subtract(&mut born.row, loss.column, loss.weight);
                    }
                } else if let Some(row) = self.kept.get_mut(&loss.pair) {
                    self.rows.subtract(row, loss.column, loss.weight);
                }
            }
            self.queue_new_pairs(merge)?;
            for (kept, gains) in kept.iter_mut().zip(gains) {
                kept.try_extend(gains.iter().map(|gain| self.born[gain.side as usize][gain.neighbour()].number))?;
            }
            for (side, neighbour) in self.met.drain(..) {
                self.born[side][neighbour as usize] = NO_NEW_PAIR;
            }
            self.scratch.clear();
        }
        Ok(())
    }

    fn add_up<'b>(&mut self, gains: impl Iterator<Item = &'b Gain>) -> Result<()> {
        for gain in gains {
            let (side, neighbour) = (&mut self.born[gain.side as usize], gain.neighbour());
            if side.len() <= neighbour {
                side.try_resize((neighbour + 1).next_power_of_two(), NO_NEW_PAIR)?;
            }
            let born = &mut side[neighbour];
            if !born.is_met {
                self.met.try_push((gain.side as usize, neighbour as u32))?;
                born.is_met = true;
            }
            if gain.weight > 0 {
                self.scratch.add(&mut born.row, gain.column, gain.weight)?;
            }
        }
        Ok(())
    }

    /// The token is not new: adds the gains to the occurrences of pairs that exist already.
    fn add_to_known_pairs(&mut self, product: u32) -> Result<()> {
        for &(side, neighbour) in &self.met {
            let pair = joined(product, side, neighbour);
            self.kept.try_reserve(1)?;
            self.reborn.try_reserve(1)?;
            let row = self.kept.entry(pair).or_insert(Amounts::NONE);
            if self.rows.weigh(*row, &self.first) > 0 {
                self.reborn.insert(pair);
            }
            let mut added = Ok(());
            self.scratch.for_each(self.born[side][neighbour as usize].row, |column, amount| {
                added = std::mem::replace(&mut added, Ok(())).and_then(|()| self.rows.add(row, column, amount));
            });
            added?;
        }
        Ok(())
    }

    /// Puts the new pairs of a merge into the queue.
    fn queue_new_pairs(&mut self, merge: &PlannedMerge) -> Result<()> {
        self.kept.try_reserve(self.met.len())?;
        self.queue.try_reserve(self.met.len())?;
        for &(side, neighbour) in &self.met {
            let pair = joined(merge.product, side, neighbour);
            let born = self.born[side][neighbour as usize];
            let (row, rows) = if merge.is_new { (born.row, &self.scratch) } else { (self.kept[&pair], &self.rows) };
            if rows.weigh(row, &self.first) < self.floor {
                continue;
            }
            let weight = self.gauged(rows.weigh(row, &self.factors));
            if merge.is_new {
                let row = self.rows.copy(row, &self.scratch)?;
                self.kept.insert(pair, row);
            }
            let twin = self.born[1 - side].get(neighbour as usize).map_or(UNKEPT, |born| born.number);
            let number = if neighbour == merge.product && twin != UNKEPT {
                // The token beside itself is found from both sides, but is one pair.
                twin
            } else {
                self.queue.push(QueueEntry { weight, pair: Reverse(pair), number: self.numbers });
                self.numbers += 1;
                self.numbers - 1
            };
            self.born[side][neighbour as usize].number = number;
        }
        Ok(())
    }

    /// The weight from which on a pair comes before all dropped pairs. A dropped pair weighs less than the floor times
    /// the largest rise of any factor.
    pub(crate) fn safe(&self) -> u64 {
        if self.floor <= self.least {
            // Pairs that are not kept are not merged either.
            return 1;
        }
        let pairs = self.factors.iter().zip(&self.first);
        let risen = pairs.map(|(&factor, &first)| (u128::from(self.floor) * u128::from(factor)).div_ceil(first.into()));
        risen.max().map_or(1, |safe| u64::try_from(safe).unwrap_or(u64::MAX))
    }

    fn gauged(&self, weight: u64) -> u128 {
        u128::from(weight) * u128::from(self.gauge)
    }

    /// Changes the factors. Takes all proposals back.
    pub(crate) fn refresh(&mut self, factors: Vec<u64>, proposal: &mut Proposal) -> Result<()> {
        self.take_back(proposal)?;
        let gauges = self.factors.iter().zip(&factors).map(|(&old, &new)| {
            u64::try_from(u128::from(self.gauge) * u128::from(old) / u128::from(new)).unwrap_or(u64::MAX)
        });
        self.gauge = gauges.min().map_or(self.gauge, |gauge| gauge.min(self.gauge));
        self.factors = factors;
        // A pair with several entries may weigh more than each entry states.
        if self.gauge < LOW || !self.reborn.is_empty() {
            self.gauge = GAUGE;
            let mut entries = std::mem::take(&mut self.queue).into_vec();
            for entry in &mut entries {
                let weight = self.rows.weigh(self.kept[&entry.pair.0], &self.factors);
                entry.weight = self.gauged(weight);
            }
            self.queue = entries.into();
        }
        Ok(())
    }

    /// Bytes of memory in use.
    pub(crate) fn memory(&self) -> usize {
        self.kept.capacity() * size_of::<(Pair, Amounts)>() + self.queue.len() * size_of::<QueueEntry<u128>>()
    }

    fn take_back(&mut self, proposal: &mut Proposal) -> Result<()> {
        self.queue.try_reserve(proposal.entries.len())?;
        let gauge = u128::from(self.gauge);
        let entries = proposal.entries.drain(..).skip(proposal.taken);
        self.queue.extend(entries.map(|entry| entry.map(|weight| u128::from(weight) * gauge)));
        proposal.whole_pieces.clear();
        proposal.winners.clear();
        (proposal.more, proposal.taken) = (false, 0);
        Ok(())
    }

    /// Returns the entries that the last round did not take, and proposes up to `most` pairs.
    pub(crate) fn propose(&mut self, proposal: &mut Proposal, most: usize) -> Result<()> {
        self.take_back(proposal)?;
        while let Some(mut first) = self.queue.peek_mut() {
            let row = self.kept[&first.pair.0];
            let weight = self.rows.weigh(row, &self.factors);
            let gauged = u128::from(weight) * u128::from(self.gauge);
            if gauged < first.weight {
                first.weight = gauged;
                continue;
            }
            if self.rows.weigh(row, &self.first) < self.least {
                PeekMut::pop(first);
                continue;
            }
            if proposal.entries.len() == most {
                proposal.more = true;
                break;
            }
            let entry = PeekMut::pop(first);
            proposal.whole_pieces.push(self.reborn.contains(&entry.pair.0));
            proposal.winners.push(self.rows.winner(row, &self.factors));
            // An entry of a pair with several may have less than the weight of the pair.
            proposal.entries.push(entry.map(|gauged| (gauged / u128::from(self.gauge)) as u64));
        }
        Ok(())
    }
}

/// Splits the first items that fulfil a condition off a slice.
fn split_while<'s, T>(slice: &mut &'s [T], condition: impl Fn(&T) -> bool) -> &'s [T] {
    let end = slice.iter().position(|item| !condition(item)).unwrap_or(slice.len());
    let (front, back) = slice.split_at(end);
    *slice = back;
    front
}
