//! What pairs weigh: those that one thread keeps, by hash.
//!
//! What occurs of each pair is exact, by column: a round's births and deaths are applied merge by merge. What a pair weighs is
//! that times the factors of the columns. Each time a pair is born it joins the queue with the
//! weight it then has; entries are brought up to date only when they come first, since weights hardly ever rise.
//!
//! When factors change, some do. So entries have their weight times a gauge, which falls by as much as any factor rises: what
//! stands in the queue remains no less than what it would be now, and near it, as prices change little from one time to the next.
//!
//! Weights also rise when a token is made a second time from other parts (`abc` of `ab|c`, and of `a|bc` where `ab` never formed):
//! pairs with it are born again. We then do as `tokenizers` does: every birth has an entry of its own in the queue, with its
//! own occurrences; the entry that comes up is merged wherever the pair occurs in the pieces of those occurrences; a merged
//! pair keeps its weight, to which a later birth adds; and of a pair merged several times the last merge counts.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::sync::RwLock;

use hashbrown::{HashMap, HashSet};
use rustc_hash::FxBuildHasher;

use crate::error::Result;
use crate::memory::{Grow, collect};
use crate::train::engine::by_language::{Row, Rows};
use crate::train::engine::deltas::{Birth, RIGHT, Report, joined};
use crate::train::engine::pair::{Merge, Pair, UNKEPT};
use crate::train::objective::Weights;

impl<W> Entry<W> {
    fn map<V>(self, of: impl FnOnce(W) -> V) -> Entry<V> {
        Entry { weight: of(self.weight), pair: self.pair, number: self.number }
    }
}

/// The gauge at first.
const GAUGE: u64 = 1 << 63;

/// Below this it has lost too many places.
const LOW: u64 = 1 << 32;

/// A pair as it stands in the queue, or as it is proposed: the heaviest first, then the smallest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry<W = u64> {
    pub(crate) weight: W,
    pub(crate) pair: Reverse<Pair>,
    /// By which the threads know the occurrences that belong to this entry.
    pub(crate) number: u32,
}

/// The pairs that one thread keeps.
pub(crate) struct Pairs {
    /// The factors of columns at first, under which a pair must weigh `floor` when it is born to be kept, and `least` to be merged.
    first: Vec<u64>,
    floor: u64,
    least: u64,
    factors: Vec<u64>,
    gauge: u64,
    kept: HashMap<Pair, Row, FxBuildHasher>,
    rows: Rows,
    /// With weights times the gauge.
    queue: BinaryHeap<Entry<u128>>,
    /// Pairs that have several entries.
    reborn: HashSet<Pair, FxBuildHasher>,
    /// The numbers given to entries.
    numbers: u32,
    /// What one merge gave birth to, by neighbour: those joined on their right, and on their left.
    born: [Vec<Born>; 2],
    /// The rows of `born`.
    scratch: Rows,
    /// The entries of `born` in use: the side and the neighbour.
    met: Vec<(usize, u32)>,
}

#[derive(Debug, Clone, Copy)]
struct Born {
    /// Of `Pairs::scratch`.
    row: Row,
    is_met: bool,
    number: u32,
}

const UNBORN: Born = Born { row: Row::NONE, is_met: false, number: UNKEPT };

/// The heaviest pairs of one keeper.
#[derive(Debug, Default)]
pub(crate) struct Proposal {
    /// In the order of the queue, with their exact weights.
    pub(crate) entries: Vec<Entry>,
    /// For each, whether it must be looked for in whole pieces.
    pub(crate) whole_pieces: Vec<bool>,
    /// For each, the column that counts for most of its weight.
    pub(crate) winners: Vec<u32>,
    /// Whether there are more pairs that might be merged.
    pub(crate) more: bool,
    /// How many of them the round took.
    pub(crate) taken: usize,
}

impl Pairs {
    /// No pairs yet. They will be those of columns with these factors.
    pub(crate) fn new(weights: &Weights, factors: Vec<u64>) -> Self {
        Self {
            first: weights.first_factors(),
            floor: 1,
            least: weights.least,
            factors,
            gauge: GAUGE,
            kept: HashMap::default(),
            rows: Rows::default(),
            queue: BinaryHeap::new(),
            reborn: HashSet::default(),
            numbers: 0,
            born: [Vec::new(), Vec::new()],
            scratch: Rows::default(),
            met: Vec::new(),
        }
    }

    /// Forgets all pairs and starts with those that `reports` of every thread bring, as long as they weigh `floor`; neither are
    /// lighter ones kept later. For each birth of each report, `kept` becomes the number of its entry.
    ///
    /// # Errors
    /// [`Error::Corpus`](crate::Error::Corpus) if there are more than can be added up; [`Error::Memory`](crate::Error::Memory).
    pub(crate) fn start(&mut self, floor: u64, reports: &[&RwLock<Report>], kept: &mut [Vec<u32>]) -> Result<()> {
        self.floor = floor;
        self.queue.clear();
        self.kept.clear();
        self.reborn.clear();
        let reports: Vec<_> = reports.iter().map(|report| report.read().expect("no thread panics")).collect();
        let mut rows = Rows::default();
        for birth in reports.iter().flat_map(|report| &report.births).filter(|birth| birth.weight > 0) {
            self.kept.try_reserve(1)?;
            rows.add(self.kept.entry(birth.pair).or_insert(Row::NONE), birth.column, birth.weight)?;
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
            Entry { weight, pair: Reverse(pair), number }
        };
        let entries = collect(self.kept.iter().zip(0..).map(entry))?;
        self.numbers = entries.len() as u32;
        let mut numbers: HashMap<Pair, u32, FxBuildHasher> = HashMap::default();
        numbers.try_reserve(entries.len())?;
        numbers.extend(entries.iter().map(|entry| (entry.pair.0, entry.number)));
        for (report, kept) in reports.iter().zip(kept) {
            kept.clear();
            kept.try_extend(report.births.iter().map(|birth| numbers.get(&birth.pair).copied().unwrap_or(UNKEPT)))?;
        }
        self.queue = entries.into();
        Ok(())
    }

    /// Applies what a round did, from `reports` of every thread. `kept` and errors as in [`start`](Self::start).
    pub(crate) fn apply(&mut self, round: &[Merge], reports: &[&RwLock<Report>], kept: &mut [Vec<u32>]) -> Result<()> {
        let reports: Vec<_> = reports.iter().map(|report| report.read().expect("no thread panics")).collect();
        let mut births: Vec<_> = reports.iter().map(|report| report.births.as_slice()).collect();
        let mut deaths: Vec<_> = reports.iter().map(|report| report.deaths.as_slice()).collect();
        kept.iter_mut().for_each(Vec::clear);
        for (number, merge) in round.iter().enumerate() {
            let births = births.iter_mut().map(|births| split_while(births, |birth| birth.merge as usize == number));
            let births: Vec<_> = births.collect();
            let deaths = deaths.iter_mut().map(|deaths| split_while(deaths, |death| death.merge as usize == number));
            self.add_up(births.iter().copied().flatten())?;
            if !merge.is_new {
                self.bear_again(merge.product)?;
            }
            for death in deaths.flatten() {
                let (left, right) = death.pair.symbols();
                if merge.is_new && left == merge.product {
                    // Born a moment ago, unless it would be too long.
                    if let Some(born) = self.born[RIGHT].get_mut(right as usize).filter(|born| born.is_met) {
                        self.scratch.subtract(&mut born.row, death.column, death.weight);
                    }
                } else if let Some(row) = self.kept.get_mut(&death.pair) {
                    self.rows.subtract(row, death.column, death.weight);
                }
            }
            self.bear(merge)?;
            for (kept, births) in kept.iter_mut().zip(births) {
                kept.try_extend(births.iter().map(|birth| self.born[birth.side as usize][birth.neighbour()].number))?;
            }
            for (side, neighbour) in self.met.drain(..) {
                self.born[side][neighbour as usize] = UNBORN;
            }
            self.scratch.clear();
        }
        Ok(())
    }

    fn add_up<'b>(&mut self, births: impl Iterator<Item = &'b Birth>) -> Result<()> {
        for birth in births {
            let (side, neighbour) = (&mut self.born[birth.side as usize], birth.neighbour());
            if side.len() <= neighbour {
                side.try_resize((neighbour + 1).next_power_of_two(), UNBORN)?;
            }
            let born = &mut side[neighbour];
            if !born.is_met {
                self.met.try_push((birth.side as usize, neighbour as u32))?;
                born.is_met = true;
            }
            if birth.weight > 0 {
                self.scratch.add(&mut born.row, birth.column, birth.weight)?;
            }
        }
        Ok(())
    }

    /// Adds births of pairs with a token that is not new to what occurs of the pairs already.
    fn bear_again(&mut self, product: u32) -> Result<()> {
        for &(side, neighbour) in &self.met {
            let pair = joined(product, side, neighbour);
            self.kept.try_reserve(1)?;
            self.reborn.try_reserve(1)?;
            let row = self.kept.entry(pair).or_insert(Row::NONE);
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

    /// Puts the pairs that a merge gave birth to into the queue.
    fn bear(&mut self, merge: &Merge) -> Result<()> {
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
                // The token beside itself is met from both sides, but is one pair.
                twin
            } else {
                self.queue.push(Entry { weight, pair: Reverse(pair), number: self.numbers });
                self.numbers += 1;
                self.numbers - 1
            };
            self.born[side][neighbour as usize].number = number;
        }
        Ok(())
    }

    /// The weight from which on a pair comes before all that are not kept: these weigh less than the floor times the most that a
    /// factor has risen.
    pub(crate) fn safe(&self) -> u64 {
        if self.floor <= self.least {
            // Those not kept are not merged either.
            return 1;
        }
        let pairs = self.factors.iter().zip(&self.first);
        let risen = pairs.map(|(&factor, &first)| (u128::from(self.floor) * u128::from(factor)).div_ceil(first.into()));
        risen.max().map_or(1, |safe| u64::try_from(safe).unwrap_or(u64::MAX))
    }

    fn gauged(&self, weight: u64) -> u128 {
        u128::from(weight) * u128::from(self.gauge)
    }

    /// Has pairs weighed by other factors. Takes all proposals back.
    pub(crate) fn refresh(&mut self, factors: Vec<u64>, proposal: &mut Proposal) -> Result<()> {
        self.take_back(proposal)?;
        let gauges = self.factors.iter().zip(&factors).map(|(&old, &new)| {
            u64::try_from(u128::from(self.gauge) * u128::from(old) / u128::from(new)).unwrap_or(u64::MAX)
        });
        self.gauge = gauges.min().map_or(self.gauge, |gauge| gauge.min(self.gauge));
        self.factors = factors;
        // Entries of pairs with several may be lighter than their pair.
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
        self.kept.capacity() * size_of::<(Pair, Row)>() + self.queue.len() * size_of::<Entry<u128>>()
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

    /// Proposes up to `most` pairs, after what the last round did not take has returned.
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
            // Of a pair with several, the entry may have less.
            proposal.entries.push(entry.map(|gauged| (gauged / u128::from(self.gauge)) as u64));
        }
        Ok(())
    }
}

/// Takes the items for which a condition holds off the front of a slice.
fn split_while<'s, T>(slice: &mut &'s [T], condition: impl Fn(&T) -> bool) -> &'s [T] {
    let end = slice.iter().position(|item| !condition(item)).unwrap_or(slice.len());
    let (front, back) = slice.split_at(end);
    *slice = back;
    front
}
