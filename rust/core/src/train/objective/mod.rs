//! The weights of each language's pieces.
//!
//! Text stands in columns. Without fairness there is one column of all languages, in which a piece weighs its counts
//! times the factors of their languages. With fairness each language has a column of its own, in which a piece weighs
//! its count, because factors change as prices fall. The parallel text of each language has another column, which has
//! no weight in a pair, but is priced.

pub(crate) mod fairness;
mod fixed_point;
pub(crate) mod trace;

use crate::count::{Counts, Language, Shard, merge_languages};
use crate::error::{Error, Result};

use super::TrainOptions;
use crate::train::objective::fairness::{Policy, Priced};

/// Binary places of weights: a weight of 1 has this many, so that shares are exact to five digits.
const PLACES: u32 = 16;

/// The counts of languages, each with its factor.
pub(crate) struct Weights<'c> {
    /// The columns. The columns of training text come first.
    pub(crate) columns: Vec<Column<'c>>,
    /// The least weight of a merged pair, under the first factors of columns.
    pub(crate) least: u64,
    /// The languages, if each has a column.
    pub(crate) names: Vec<&'c str>,
    /// By column of training text: the column of its price; `None` for a fixed share.
    pub(crate) prices: Vec<Option<usize>>,
    /// The rule by which the factors of columns change.
    pub(crate) policy: Option<Policy>,
}

/// Text in which every occurrence has the same factor.
pub(crate) struct Column<'c> {
    languages: Vec<(&'c Language, u64)>,
    /// The weight of an occurrence before fairness; 0 for text that is only priced.
    pub(crate) factor: u64,
    /// Whether its tokens are a language's price.
    pub(crate) is_priced: bool,
}

impl<'c> Weights<'c> {
    /// Weights under which every language has its share of the text. Factors are integers, so that sums are exact.
    pub(crate) fn new(counts: &'c Counts, options: &'c TrainOptions) -> Result<Self> {
        check_shares(counts, options)?;
        let share = |name: &str| if options.balance { options.shares.get(name).copied().unwrap_or(1.0) } else { 1.0 };
        let languages: Vec<_> = counts
            .languages()
            .map(|(name, language)| (name, language, share(name)))
            .filter(|&(_, language, share)| language.bytes() > 0 && share > 0.0)
            .collect();
        let least = options.min_frequency.max(1);
        let (factors, one) = if !options.balance || languages.len() < 2 {
            (vec![1; languages.len()], 1)
        } else {
            let bytes: f64 = languages.iter().map(|(_, language, _)| language.bytes() as f64).sum();
            let shares: f64 = languages.iter().map(|(_, _, share)| share).sum();
            // The weights add up to the number of bytes, in units of `one`. The unit is as small as a `u64` allows.
            let spare = 62_u32.saturating_sub(bytes.log2().ceil() as u32);
            let one = 1_u64 << PLACES.min(spare);
            let factor =
                |own: u64, share: f64| (one as f64 * (share / shares) * (bytes / own as f64)).round().max(1.0) as u64;
            (languages.iter().map(|&(_, language, share)| factor(language.bytes(), share)).collect(), one)
        };
        let least = least.saturating_mul(one);
        let parallel = match (&options.fairness, &options.parity) {
            (None, None) => {
                let languages = languages.iter().zip(factors).map(|(&(_, language, _), factor)| (language, factor));
                let columns = vec![Column { languages: languages.collect(), factor: 1, is_priced: false }];
                return Ok(Self { columns, least, names: Vec::new(), prices: Vec::new(), policy: None });
            }
            (Some(_), Some(_)) => return Err(Error::argument("parity", "cannot be combined with fairness")),
            (Some(fairness), None) => fairness.parallel.as_deref(),
            (None, Some(parity)) => parity.parallel.as_deref(),
        };
        let mut columns: Vec<Column> = languages
            .iter()
            .zip(factors)
            .map(|(&(_, language, _), factor)| Column { languages: vec![(language, 1)], factor, is_priced: false })
            .collect();
        let mut priced = Vec::new();
        for (column, &(name, language, share)) in languages.iter().enumerate() {
            let price = match parallel.map(|parallel| text(parallel, name, counts)).transpose()? {
                Some(Some(parallel)) => {
                    columns.push(Column { languages: vec![(parallel, 1)], factor: 0, is_priced: true });
                    Some((columns.len() - 1, parallel.bytes()))
                }
                None => {
                    columns[column].is_priced = true;
                    Some((column, language.bytes()))
                }
                Some(None) if options.parity.is_none() && options.shares.contains_key(name) => None,
                Some(None) => {
                    let means = if options.parity.is_some() {
                        ""
                    } else {
                        ": add its text, or give the language a share, which then stays fixed"
                    };
                    return Err(Error::argument("parallel", format!("no text for {name:?}{means}")));
                }
            };
            priced.push(Priced { name, bytes: language.bytes(), share, price });
        }
        if priced.iter().all(|language| language.price.is_none()) && !priced.is_empty() {
            return Err(Error::argument("parallel", "no text for any language that is trained on"));
        }
        let names: Vec<&str> = languages.iter().map(|&(name, ..)| name).collect();
        if let Some(parity) = &options.parity {
            if !options.shares.is_empty() {
                return Err(Error::argument("shares", "cannot be combined with parity: there the prices decide"));
            }
            parity.check(&names)?;
        }
        let prices = priced.iter().map(|language| language.price.map(|(column, _)| column)).collect();
        let policy = options.fairness.as_ref().map(|fairness| fairness.policy(&priced)).transpose()?;
        Ok(Self { columns, least, names, prices, policy })
    }

    /// Pieces with given weights, all languages together.
    pub(crate) fn of(pieces: &'c Language, least: u64) -> Self {
        let column = Column { languages: vec![(pieces, 1)], factor: 1, is_priced: false };
        Self { columns: vec![column], least, names: Vec::new(), prices: vec![None], policy: None }
    }

    /// The weight of an occurrence before fairness, by column of training text.
    pub(crate) fn first_factors(&self) -> Vec<u64> {
        self.columns.iter().map(|column| column.factor).filter(|&factor| factor > 0).collect()
    }
}

/// Checks that each share is a number of at least 0 and belongs to a language of the counts.
fn check_shares(counts: &Counts, options: &TrainOptions) -> Result<()> {
    for (name, share) in &options.shares {
        if !(share.is_finite() && *share >= 0.0) {
            return Err(Error::argument("shares", format!("{share} for {name:?} is not a share (0 or more)")));
        }
        if counts.languages().all(|(language, _)| language != name) {
            return Err(Error::argument("shares", format!("{name:?} is not a language of the counts")));
        }
    }
    Ok(())
}

/// The parallel text of a language, if there is any.
fn text<'p>(parallel: &'p Counts, name: &str, counts: &Counts) -> Result<Option<&'p Language>> {
    if parallel.scheme() != counts.scheme() {
        let name = |counts: &Counts| counts.scheme().name().unwrap_or(counts.scheme().pattern()).to_string();
        let reason = format!("split by {:?}, the counts by {:?}", name(parallel), name(counts));
        return Err(Error::argument("parallel", reason));
    }
    let text = parallel.languages().find(|&(language, _)| language == name);
    Ok(text.map(|(_, language)| language).filter(|language| language.bytes() > 0))
}

impl Column<'_> {
    /// Calls `sink` with every piece of a shard, in the order of their bytes, and its weight over all languages. Pieces
    /// on disk take no memory.
    pub(crate) fn merge_pieces(&self, number: usize, sink: impl FnMut(&[u8], u64) -> Result<()>) -> Result<()> {
        merge_languages(&self.languages, number, sink)
    }

    /// Calls `sink` with every piece of some shards and its weight over all languages, until it fails.
    pub(crate) fn for_each_piece(
        &self,
        shards: impl Iterator<Item = usize>,
        mut sink: impl FnMut(&[u8], u64) -> Result<()>,
    ) -> Result<()> {
        for number in shards {
            if let [(language, 1)] = self.languages[..] {
                language.for_each_in(number, &mut sink)?;
                continue;
            }
            let mut all = Shard::default();
            for &(language, factor) in &self.languages {
                all.add_all(&*language.shard(number)?, factor).map_err(|refused| refused.or(too_large))?;
            }
            all.for_each(&mut sink)?;
        }
        Ok(())
    }
}

/// The error for weights that cannot be added up.
pub(crate) fn too_large() -> Error {
    Error::corpus("counts", "the counts times the lengths of pieces add up to 2^63 or more")
}
