//! How a vocabulary came about: whose merges they are, and what languages paid.

use crate::error::Result;
use crate::memory::filled;
use crate::train::objective::Weights;

/// What training under fairness or parity did, merge by merge.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trace {
    /// The languages that were trained on.
    pub languages: Vec<String>,
    /// By merge: the language that won it, which counted for most of its weight or whose turn it was. [`NOBODY`] where that is not
    /// known: merges of all languages together, and those of a run before it was interrupted.
    pub winners: Vec<u32>,
    /// Numbers of merges, and the tokens that each language then paid; 0 for one without a price.
    pub prices: Vec<(usize, Vec<u64>)>,
    /// By language: the column of its price.
    columns: Vec<Option<usize>>,
}

/// In place of a language.
pub const NOBODY: u32 = u32::MAX;

impl Trace {
    /// Nothing yet, after merges of which nothing is known.
    pub(crate) fn new(weights: &Weights, merges: usize) -> Result<Self> {
        let languages = weights.names.iter().map(ToString::to_string).collect();
        let (winners, columns) = (filled(NOBODY, merges)?, weights.prices.clone());
        Ok(Self { languages, winners, prices: Vec::new(), columns })
    }

    /// Begins again.
    pub(crate) fn clear(&mut self) {
        self.winners.clear();
        self.prices.clear();
    }

    /// Notes the prices after some merges, given the tokens of all columns.
    pub(crate) fn price(&mut self, merges: usize, tokens: &[u64]) {
        if self.prices.last().is_none_or(|&(last, _)| last != merges) {
            let price = |column: &Option<usize>| column.map_or(0, |column| tokens[column]);
            self.prices.push((merges, self.columns.iter().map(price).collect()));
        }
    }
}
