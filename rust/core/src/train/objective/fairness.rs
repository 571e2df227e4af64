//! From the prices of languages to the weight of an occurrence of a pair in each language.
//!
//! Let T be the price of a language: the tokens of its parallel text under the merges so far. Let B be the bytes of
//! that text, N the bytes of its training text, and tau its target. An occurrence weighs `share * (T / tau)^strength *
//! B / N`. The pair of the largest total weight is then a step of greedy descent on the (strength + 1)-norm of the
//! prices. A language without parallel text is priced by its training text, per byte.
//!
//! These factors are integers, as large as the sum over all text allows, and at least 1. Only their proportions matter.
//! A column without a price has a fixed share of the whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::count::Counts;
use crate::error::{Error, Result};
use crate::train::objective::fixed_point::{ONE, PLACES, exp2, log2};

/// The position between the cheapest vocabulary and equal prices.
#[derive(Debug, Clone, Default)]
pub struct Fairness {
    /// The exponent of prices. 0 makes the vocabulary that is cheapest over all languages; a large value makes the one
    /// whose most expensive language is cheapest.
    pub strength: f64,
    /// Counts of the same sentences in every language, with the scheme of the training text. They define the prices and
    /// are not trained on. Without them, prices come from the training text, byte by byte.
    pub parallel: Option<Arc<Counts>>,
    /// The price that each language should have, in proportion to the prices of the other languages; 1 for languages
    /// that are left out.
    pub targets: BTreeMap<String, f64>,
}

/// The strongest fairness: a difference of one percent in price already decides alone.
const STRONGEST: f64 = 10_000.0;

/// The sum of all factors times their bytes stays below two to this power.
const ROOM: i128 = 62;

/// The number of merges between refreshes is this part of the merges so far, within limits: prices fall fastest at
/// first.
const PART: usize = 64;
const FEWEST: usize = 16;
const MOST: usize = 256;

/// The rule from prices to factors.
#[derive(Debug)]
pub(crate) struct Policy {
    /// The exponent of prices, with [`PLACES`] binary places.
    strength: i128,
    /// By column of training text.
    columns: Vec<Terms>,
}

/// The terms of a column's factor.
#[derive(Debug)]
struct Terms {
    /// Bytes of training text.
    bytes: u64,
    /// With [`PLACES`] binary places.
    share: u128,
    price: Option<Price>,
}

/// The source of a column's price.
#[derive(Debug)]
struct Price {
    /// The column whose tokens are counted.
    column: usize,
    /// The logarithm of the factor for a price of 1.
    constant: i128,
}

/// A language, as the policy needs it.
pub(crate) struct Priced<'c> {
    pub(crate) name: &'c str,
    pub(crate) bytes: u64,
    pub(crate) share: f64,
    /// The column of its price, and the bytes of text there.
    pub(crate) price: Option<(usize, u64)>,
}

impl Fairness {
    /// The policy for these languages.
    ///
    /// # Errors
    /// [`Error::Argument`] for a strength or a target outside its domain, or a target without a price.
    pub(crate) fn policy(&self, languages: &[Priced]) -> Result<Policy> {
        if !(0.0..=STRONGEST).contains(&self.strength) {
            return Err(Error::argument("fairness", format!("{} is not between 0 and {STRONGEST}", self.strength)));
        }
        for (name, target) in &self.targets {
            if !(target.is_finite() && *target > 0.0) {
                return Err(Error::argument("target", format!("{target} for {name:?} is not a price (more than 0)")));
            }
            if !languages.iter().any(|language| language.name == name && language.price.is_some()) {
                return Err(Error::argument("target", format!("{name:?} is not a language with a price")));
            }
        }
        let strength = (self.strength * ONE as f64).round() as i128;
        let fixed = |number: f64| (number * ONE as f64).round().max(1.0) as u64;
        let log = |number: f64| log2(fixed(number)) - i128::from(PLACES) * ONE;
        let terms = |language: &Priced| {
            let price = language.price.map(|(column, bytes)| {
                let target = self.targets.get(language.name).copied().unwrap_or(1.0);
                let per_byte = if self.parallel.is_some() { 0 } else { log2(bytes) };
                let price_of_one = -power(strength, log(target) + per_byte);
                let text = if self.parallel.is_some() { log2(bytes) } else { 0 };
                Price { column, constant: price_of_one + log(language.share) + text - log2(language.bytes) }
            });
            Terms { bytes: language.bytes, share: u128::from(fixed(language.share)), price }
        };
        Ok(Policy { strength, columns: languages.iter().map(terms).collect() })
    }
}

/// The logarithm of a power.
fn power(exponent: i128, log: i128) -> i128 {
    (exponent * log) >> PLACES
}

impl Policy {
    /// The weight of an occurrence by column of training text, from the number of tokens of each column.
    pub(crate) fn factors(&self, tokens: &[u64]) -> Vec<u64> {
        let logs = self.columns.iter().map(|terms| {
            let price = terms.price.as_ref()?;
            Some(price.constant + power(self.strength, log2(tokens[price.column].max(1))))
        });
        let logs: Vec<Option<i128>> = logs.collect();
        let priced = || self.columns.iter().zip(&logs).filter_map(|(terms, log)| Some((terms, (*log)?)));
        let heaviest = priced().map(|(terms, log)| log + log2(terms.bytes)).max().unwrap_or(0);
        let shares = |with_price: bool| {
            let columns = self.columns.iter().filter(move |terms| terms.price.is_some() == with_price);
            columns.map(|terms| terms.share).sum::<u128>()
        };
        let (with_price, fixed) = (shares(true).max(1), shares(false));
        // No column weighs more than the heaviest one. So their number, and the columns with a fixed share, bound the
        // sum.
        let parts = (1 + self.columns.len() as u128) * (1 + fixed.div_ceil(with_price));
        let whole = heaviest + log2(u64::try_from(parts).unwrap_or(u64::MAX)) + ONE;
        let scale = ROOM * ONE - whole;
        let factor = |log: i128| exp2(log + scale).max(1);
        let all: u128 = priced().map(|(terms, log)| u128::from(terms.bytes) * u128::from(factor(log))).sum();
        let of_share = |terms: &Terms| {
            let part = all * terms.share / with_price / u128::from(terms.bytes);
            u64::try_from(part).unwrap_or(u64::MAX).max(1)
        };
        let columns = self.columns.iter().zip(&logs);
        columns.map(|(terms, log)| log.map_or_else(|| of_share(terms), factor)).collect()
    }
}

/// The number of merges at the next refresh after `merges`.
pub(crate) fn refresh_after(merges: usize) -> usize {
    let mut next = 0;
    while next <= merges {
        next += (next / PART).clamp(FEWEST, MOST);
    }
    next
}

/// The number of merges at the last refresh up to `merges`.
pub(crate) fn refresh_before(merges: usize) -> usize {
    let mut last = 0;
    loop {
        let next = refresh_after(last);
        if next > merges {
            return last;
        }
        last = next;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn priced<'c>(name: &'c str, bytes: u64, share: f64, price: Option<(usize, u64)>) -> Priced<'c> {
        Priced { name, bytes, share, price }
    }

    proptest! {
        #[test]
        fn factors_are_the_formula(
            strength in 0.0..12.0,
            bytes in prop::array::uniform3(1_000_000..1_000_000_000_u64),
            text in prop::array::uniform3(100_000..400_000_u64),
            tokens in prop::array::uniform3(50_000..100_000_u64),
            share in 0.1..10.0,
            target in 0.5..2.0,
        ) {
            let targets = BTreeMap::from([("b".to_string(), target)]);
            let fairness = Fairness { strength, parallel: Some(Arc::new(counts())), targets };
            let languages = [
                priced("a", bytes[0], 1.0, Some((3, text[0]))),
                priced("b", bytes[1], share, Some((4, text[1]))),
                priced("c", bytes[2], 2.0, None),
            ];
            let policy = fairness.policy(&languages).unwrap();
            let factors = policy.factors(&[0, 0, 0, tokens[0], tokens[1]]);
            let exact = |which: usize, share: f64, target: f64| {
                share * (tokens[which] as f64 / target).powf(strength) * text[which] as f64 / bytes[which] as f64
            };
            let exact = [exact(0, 1.0, 1.0), exact(1, share, target)];
            // The lighter of two factors keeps as many digits as the ratio leaves.
            let (ratio, expected) = (factors[1] as f64 / factors[0] as f64, exact[1] / exact[0]);
            let places = 1.0 / factors[0].min(factors[1]) as f64;
            prop_assert!((ratio / expected - 1.0).abs() < 1e-5 + 2.0 * places || places == 1.0, "{ratio} {expected}");
            let weigh = |which: usize| factors[which] as f64 * bytes[which] as f64;
            let part = weigh(2) / (weigh(0) + weigh(1)) * (1.0 + share) / 2.0;
            prop_assert!((part - 1.0).abs() < 1e-5 + 1.0 / factors[2] as f64, "{part}");
            let whole = weigh(0) + weigh(1) + weigh(2);
            prop_assert!((54.0..62.1).contains(&whole.log2()), "{}", whole.log2());
            // A language that becomes cheaper never gains weight relative to another.
            let cheaper = policy.factors(&[0, 0, 0, tokens[0], tokens[1] - 1]);
            prop_assert!(u128::from(cheaper[1]) * u128::from(factors[0])
                <= u128::from(factors[1]) * u128::from(cheaper[0]) + u128::from(cheaper[0] + factors[0]) * 2);
        }
    }

    fn counts() -> Counts {
        Counts::new(crate::split::Scheme::from_pattern(r"\S+|\s"))
    }

    #[test]
    fn without_parallel_text_a_price_is_per_byte() {
        let fairness = Fairness { strength: 3.0, ..Fairness::default() };
        let languages = [priced("a", 1000, 1.0, Some((0, 1000))), priced("b", 4000, 1.0, Some((1, 4000)))];
        let policy = fairness.policy(&languages).unwrap();
        let factors = policy.factors(&[500, 2000]);
        assert!((factors[0] as f64 / factors[1] as f64 - 4.0).abs() < 1e-6, "as dear, four times the text");
        let factors = policy.factors(&[1000, 2000]);
        assert!((factors[0] as f64 / factors[1] as f64 - 4.0 * 8.0).abs() < 1e-5, "twice as dear");
    }

    #[test]
    fn refreshes_come_at_the_same_merges() {
        let mut all = vec![0];
        while all[all.len() - 1] < 70_000 {
            all.push(refresh_after(all[all.len() - 1]));
        }
        assert!(all.windows(2).all(|pair| (FEWEST..=MOST).contains(&(pair[1] - pair[0]))));
        for merges in (0..60_000).step_by(7) {
            let place = all.partition_point(|&refresh| refresh <= merges);
            assert_eq!((refresh_before(merges), refresh_after(merges)), (all[place - 1], all[place]));
        }
    }
}
