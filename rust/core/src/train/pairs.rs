//! What pairs weigh: those that one thread keeps, by hash.
//!
//! Weights are exact: a round's births and deaths are applied merge by merge. Each time a pair is born it joins the queue with the
//! weight it then has; entries are brought up to date only when they come first, since weights hardly ever rise.
//!
//! They rise when a token is made a second time from other parts (`abc` of `ab|c`, and of `a|bc` where `ab` never formed):
//! pairs with it are born again. We then do as `tokenizers` does: every birth has an entry of its own in the queue, with its
//! own occurrences; the entry that comes up is merged wherever the pair occurs in the pieces of those occurrences; a merged
//! pair keeps its weight, to which a later birth adds; and of a pair merged several times the last merge counts.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::sync::RwLock;

use hashbrown::{HashMap, HashSet};
use rustc_hash::FxBuildHasher;

use super::report::{Birth, RIGHT, Report, joined};
use super::rounds::Merge;
use super::weights::too_large;
use crate::error::Result;

/// Two symbols side by side. Ordered by the left one, then the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Pair(u64);

impl Pair {
    pub(super) fn new(left: u32, right: u32) -> Self {
        Self(u64::from(left) << 32 | u64::from(right))
    }

    pub(super) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(super) fn to_bits(self) -> u64 {
        self.0
    }

    pub(super) fn symbols(self) -> (u32, u32) {
        ((self.0 >> 32) as u32, self.0 as u32)
    }

    /// Which of the threads keeps it.
    pub(super) fn keeper(self, threads: usize) -> usize {
        let hash = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        ((hash * threads as u64) >> 32) as usize
    }
}

/// The number of a birth that is not kept.
pub(super) const UNKEPT: u32 = u32::MAX;

/// A pair as it stands in the queue: the heaviest first, then the smallest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) weight: u64,
    pub(super) pair: Reverse<Pair>,
    /// By which the threads know the occurrences that belong to this entry.
    pub(super) number: u32,
}

/// The pairs that one thread keeps.
#[derive(Default)]
pub(super) struct Pairs {
    weights: HashMap<Pair, u64, FxBuildHasher>,
    /// The weight that a pair must be born with to be kept.
    floor: u64,
    queue: BinaryHeap<Entry>,
    /// Pairs that have several entries.
    reborn: HashSet<Pair, FxBuildHasher>,
    /// The numbers given to entries.
    numbers: u32,
    /// What one merge gave birth to, by neighbour: those joined on their right, and on their left.
    born: [Vec<Born>; 2],
    /// The entries of `born` in use: the side and the neighbour.
    met: Vec<(usize, u32)>,
}

#[derive(Debug, Clone, Copy)]
struct Born {
    weight: u64,
    number: u32,
}

const UNBORN: Born = Born { weight: 0, number: UNKEPT };

/// The heaviest pairs of one keeper.
#[derive(Debug, Default)]
pub(super) struct Proposal {
    /// In the order of the queue, with their exact weights.
    pub(super) entries: Vec<Entry>,
    /// For each, whether it must be looked for in whole pieces.
    pub(super) whole_pieces: Vec<bool>,
    /// Whether there are more pairs that might be merged.
    pub(super) more: bool,
    /// How many of them the round took.
    pub(super) taken: usize,
}

impl Pairs {
    /// Forgets all pairs and starts with those that `reports` of every thread bring, as long as they weigh `floor`; neither are
    /// lighter ones kept later. For each birth of each report, `kept` becomes the number of its entry.
    pub(super) fn start(&mut self, floor: u64, reports: &[&RwLock<Report>], kept: &mut [Vec<u32>]) {
        *self = Self { floor, ..Self::default() };
        let reports: Vec<_> = reports.iter().map(|report| report.read().expect("no thread panics")).collect();
        for birth in reports.iter().flat_map(|report| &report.births) {
            *self.weights.entry(birth.pair).or_insert(0) += birth.weight;
        }
        self.weights.retain(|_, weight| *weight >= floor);
        let entry = |((&pair, &weight), number)| Entry { weight, pair: Reverse(pair), number };
        let entries: Vec<Entry> = self.weights.iter().zip(0..).map(entry).collect();
        self.numbers = entries.len() as u32;
        let numbers: HashMap<Pair, u32, FxBuildHasher> =
            entries.iter().map(|entry| (entry.pair.0, entry.number)).collect();
        for (report, kept) in reports.iter().zip(kept) {
            kept.clear();
            kept.extend(report.births.iter().map(|birth| numbers.get(&birth.pair).copied().unwrap_or(UNKEPT)));
        }
        self.queue = entries.into();
    }

    /// Applies what a round did, from `reports` of every thread. `kept` as in [`start`](Self::start).
    pub(super) fn apply(&mut self, round: &[Merge], reports: &[&RwLock<Report>], kept: &mut [Vec<u32>]) -> Result<()> {
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
                    if let Some(born) = self.born[RIGHT].get_mut(right as usize).filter(|born| born.weight > 0) {
                        born.weight -= death.weight;
                    }
                } else if let Some(weight) = self.weights.get_mut(&death.pair) {
                    *weight -= death.weight;
                }
            }
            self.bear(merge);
            for (kept, births) in kept.iter_mut().zip(births) {
                kept.extend(births.iter().map(|birth| self.born[birth.side][birth.neighbour()].number));
            }
            for (side, neighbour) in self.met.drain(..) {
                self.born[side][neighbour as usize] = UNBORN;
            }
        }
        Ok(())
    }

    fn add_up<'b>(&mut self, births: impl Iterator<Item = &'b Birth>) -> Result<()> {
        for birth in births {
            let (side, neighbour) = (&mut self.born[birth.side], birth.neighbour());
            if side.len() <= neighbour {
                side.resize((neighbour + 1).next_power_of_two(), UNBORN);
            }
            let born = &mut side[neighbour];
            if born.weight == 0 {
                self.met.push((birth.side, neighbour as u32));
            }
            born.weight = born.weight.checked_add(birth.weight).ok_or_else(too_large)?;
        }
        Ok(())
    }

    /// Adds births of pairs with a token that is not new to what the pairs weigh already.
    fn bear_again(&mut self, product: u32) -> Result<()> {
        for &(side, neighbour) in &self.met {
            let pair = joined(product, side, neighbour);
            let weight = self.weights.entry(pair).or_insert(0);
            if *weight > 0 {
                self.reborn.insert(pair);
            }
            *weight = weight.checked_add(self.born[side][neighbour as usize].weight).ok_or_else(too_large)?;
        }
        Ok(())
    }

    /// Puts the pairs that a merge gave birth to into the queue.
    fn bear(&mut self, merge: &Merge) {
        for &(side, neighbour) in &self.met {
            let pair = joined(merge.product, side, neighbour);
            let born = self.born[side][neighbour as usize];
            let weight = if merge.is_new { born.weight } else { self.weights[&pair] };
            if weight < self.floor {
                continue;
            }
            if merge.is_new {
                self.weights.insert(pair, weight);
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
    }

    /// Proposes up to `most` pairs of at least the weight `least`. What the last round did not take returns first.
    pub(super) fn propose(&mut self, proposal: &mut Proposal, most: usize, least: u64) {
        self.queue.extend(proposal.entries.drain(..).skip(proposal.taken));
        proposal.whole_pieces.clear();
        (proposal.more, proposal.taken) = (false, 0);
        while let Some(mut first) = self.queue.peek_mut() {
            let weight = self.weights[&first.pair.0];
            if weight < first.weight {
                first.weight = weight;
                continue;
            }
            if weight < least {
                break;
            }
            if proposal.entries.len() == most {
                proposal.more = true;
                break;
            }
            let entry = PeekMut::pop(first);
            proposal.whole_pieces.push(self.reborn.contains(&entry.pair.0));
            proposal.entries.push(entry);
        }
    }
}

/// Takes the items for which a condition holds off the front of a slice.
fn split_while<'s, T>(slice: &mut &'s [T], condition: impl Fn(&T) -> bool) -> &'s [T] {
    let end = slice.iter().position(|item| !condition(item)).unwrap_or(slice.len());
    let (front, back) = slice.split_at(end);
    *slice = back;
    front
}
