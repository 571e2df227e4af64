//! The most frequent pair of each language, and of all languages.

use std::collections::BinaryHeap;
use std::sync::RwLock;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::error::Result;
use crate::memory::{Grow, collect, collect_all, copied};
use crate::train::engine::by_language::{AmountTable, Amounts};
use crate::train::engine::deltas::Report;
use crate::train::engine::pair::{Pair, PlannedMerge, UNKEPT};
use crate::train::engine::tokens::Lexicon;

/// The pairs of a language in order, as far as they were needed.
#[derive(Default)]
struct Queue {
    /// Frequencies, which may have fallen since, and numbers of pairs. A pair whose frequency rises is added again.
    heap: BinaryHeap<(u64, u32)>,
    /// The pairs of the highest frequency, in the order of their text.
    tied: Vec<u32>,
    level: u64,
}

/// All pairs that are kept, and their order.
pub(crate) struct Ranking {
    /// The least frequency of a kept pair in one of the languages; and the frequency in all languages together from
    /// which on a pair comes before all dropped pairs.
    floors: Vec<u64>,
    factors: Vec<u64>,
    pairs: Vec<Pair>,
    occurrences: Vec<Amounts>,
    rows: AmountTable,
    numbers: HashMap<Pair, u32, FxBuildHasher>,
    /// By language, then of all.
    queues: Vec<Queue>,
    /// By symbol: its bytes, mapped so that they sort like the characters that stand for them.
    texts: Vec<Vec<u8>>,
}

impl Ranking {
    pub(crate) fn new(factors: Vec<u64>, lexicon: &Lexicon) -> Result<Self> {
        let tokens = lexicon.tokens()?;
        let mut order = [0; 256];
        for (id, token) in tokens.iter() {
            if let [byte] = token {
                order[usize::from(*byte)] = id;
            }
        }
        // The ids of bytes rise with their characters, but special tokens may stand before or between them.
        let mut sorted = order;
        sorted.sort_unstable();
        let ranks = order.map(|id| sorted.partition_point(|&other| other < id) as u8);
        let text = |id| collect(tokens.get(id).iter().map(|&byte| ranks[usize::from(byte)]));
        let texts = collect_all((0..lexicon.len() as u32).map(text))?;
        Ok(Self {
            floors: Vec::new(),
            factors,
            pairs: Vec::new(),
            occurrences: Vec::new(),
            rows: AmountTable::default(),
            numbers: HashMap::default(),
            queues: Vec::new(),
            texts,
        })
    }

    /// Removes all pairs, and takes the pairs of a report that weigh at least `floor` in a language. Returns the number
    /// of each gain.
    pub(crate) fn start(&mut self, floor: u64, report: &RwLock<Report>) -> Result<Vec<u32>> {
        self.floors = self.factors.iter().map(|&factor| floor.div_ceil(factor)).collect();
        let all = self.floors.iter().fold(0, |sum: u64, &floor| sum.saturating_add(floor));
        self.floors.push(if self.is_whole() { 1 } else { all });
        self.pairs.clear();
        self.occurrences.clear();
        self.rows.clear();
        self.numbers.clear();
        self.queues.clear();
        self.queues.resize_with(self.floors.len(), Queue::default);
        self.add(report)
    }

    /// Whether all pairs are kept.
    pub(crate) fn is_whole(&self) -> bool {
        self.floors.iter().all(|&floor| floor == 1)
    }

    /// Applies the changes of a merge that made a new token. Returns the number of each gain.
    pub(crate) fn apply(&mut self, merge: &PlannedMerge, report: &RwLock<Report>) -> Result<Vec<u32>> {
        let (left, right) = merge.pair.symbols();
        let mut text = copied(&self.texts[left as usize])?;
        text.try_extend_from_slice(&self.texts[right as usize])?;
        let product = merge.product as usize;
        self.texts.try_resize(self.texts.len().max(product + 1), Vec::new())?;
        self.texts[product] = text;
        self.occurrences[merge.number as usize] = Amounts::NONE;
        let kept = self.add(report)?;
        for loss in &report.read().expect("no thread panics").losses {
            if let Some(&number) = self.numbers.get(&loss.pair) {
                self.rows.subtract(&mut self.occurrences[number as usize], loss.column, loss.weight);
            }
        }
        Ok(kept)
    }

    /// Adds the gains of a report, whose pairs must be new.
    fn add(&mut self, report: &RwLock<Report>) -> Result<Vec<u32>> {
        let report = report.read().expect("no thread panics");
        let mut rows = AmountTable::default();
        let mut born: HashMap<Pair, Amounts, FxBuildHasher> = HashMap::default();
        for gain in report.gains.iter().filter(|gain| gain.weight > 0) {
            born.try_reserve(1)?;
            rows.add(born.entry(gain.pair).or_insert(Amounts::NONE), gain.column, gain.weight)?;
        }
        for (pair, row) in born {
            let mut is_kept = false;
            rows.for_each(row, |column, amount| is_kept |= amount >= self.floors[column as usize]);
            if !is_kept {
                continue;
            }
            let number = self.pairs.len() as u32;
            let row = self.rows.copy(row, &rows)?;
            self.pairs.try_push(pair)?;
            self.occurrences.try_push(row)?;
            self.numbers.try_reserve(1)?;
            self.queues.iter_mut().try_for_each(|queue| queue.heap.try_reserve(1))?;
            self.numbers.insert(pair, number);
            let mut all = 0;
            self.rows.for_each(row, |column, amount| {
                all += amount;
                if amount >= self.floors[column as usize] {
                    self.queues[column as usize].heap.push((amount, number));
                }
            });
            if self.floors.last().is_some_and(|&floor| all >= floor) {
                self.queues.last_mut().expect("one is of all").heap.push((all, number));
            }
        }
        collect(report.gains.iter().map(|gain| self.numbers.get(&gain.pair).copied().unwrap_or(UNKEPT)))
    }

    /// The most frequent pair of a language, or of all: its number and its frequency there. `None` if a dropped pair
    /// may be more frequent.
    pub(crate) fn best(&mut self, language: Option<usize>) -> Result<Option<(u32, Pair, u64)>> {
        let place = language.unwrap_or(self.queues.len() - 1);
        let mut queue = std::mem::take(&mut self.queues[place]);
        let best = self.first(&mut queue, language)?;
        self.queues[place] = queue;
        Ok(best.filter(|&(_, _, count)| count >= self.floors[place]))
    }

    fn first(&self, queue: &mut Queue, language: Option<usize>) -> Result<Option<(u32, Pair, u64)>> {
        let count = |number: u32| {
            let mut sum = 0;
            self.rows.for_each(self.occurrences[number as usize], |column, amount| {
                if language.is_none_or(|language| language == column as usize) {
                    sum += amount;
                }
            });
            sum
        };
        let Queue { heap, tied, level } = queue;
        loop {
            while let Some(&(old, number)) = heap.peek() {
                let now = count(number);
                if 0 < now && now < old {
                    *heap.peek_mut().expect("there is one") = (now, number);
                    continue;
                }
                if now > 0 && now < *level && !tied.is_empty() {
                    break;
                }
                heap.pop();
                if now > 0 {
                    tied.try_reserve(1)?;
                    if tied.is_empty() || now > *level {
                        heap.try_reserve(tied.len())?;
                        heap.extend(tied.drain(..).map(|number| (*level, number)));
                        *level = now;
                    }
                    let place = tied.partition_point(|&other| self.text(other) < self.text(number));
                    tied.insert(place, number);
                }
            }
            let Some(&number) = tied.last() else { return Ok(None) };
            let now = count(number);
            if now == *level {
                return Ok(Some((number, self.pairs[number as usize], now)));
            }
            tied.pop();
            if now > 0 {
                heap.try_reserve(1)?;
                heap.push((now, number));
            }
        }
    }

    /// The text that decides between equally frequent pairs.
    fn text(&self, number: u32) -> (&[u8], &[u8]) {
        let (left, right) = self.pairs[number as usize].symbols();
        (&self.texts[left as usize], &self.texts[right as usize])
    }
}
