//! A trace of training: the language that won each merge, and the prices.

use crate::error::Result;
use crate::memory::filled;
use crate::train::objective::Weights;

/// The trace of training under fairness or parity, merge by merge.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trace {
    /// The languages that were trained on.
    pub languages: Vec<String>,
    /// By merge: the language that won it, either by the largest part of its weight, or by its turn. [`NOBODY`] if this
    /// is unknown: for merges of all languages together, and for the merges of an interrupted run.
    pub winners: Vec<u32>,
    /// Numbers of merges, with the tokens of each language at that time; 0 for a language without a price.
    pub prices: Vec<(usize, Vec<u64>)>,
    /// By language: the column of its price.
    columns: Vec<Option<usize>>,
}

/// No language.
pub const NOBODY: u32 = u32::MAX;

impl Trace {
    /// An empty trace, after merges of which nothing is known.
    pub(crate) fn new(weights: &Weights, merges: usize) -> Result<Self> {
        let languages = weights.names.iter().map(ToString::to_string).collect();
        let (winners, columns) = (filled(NOBODY, merges)?, weights.prices.clone());
        Ok(Self { languages, winners, prices: Vec::new(), columns })
    }

    /// Removes everything.
    pub(crate) fn clear(&mut self) {
        self.winners.clear();
        self.prices.clear();
    }

    /// Records the prices after some merges, from the number of tokens of all columns.
    pub(crate) fn price(&mut self, merges: usize, tokens: &[u64]) {
        if self.prices.last().is_none_or(|&(last, _)| last != merges) {
            let price = |column: &Option<usize>| column.map_or(0, |column| tokens[column]);
            self.prices.push((merges, self.columns.iter().map(price).collect()));
        }
    }
}
