//! What each language's pieces weigh.

use crate::count::{Counts, Language, Shard};
use crate::error::{Error, Result};

use super::Options;

/// A weight of 1 has this many binary places, so that shares are kept to five digits.
const PLACES: u32 = 16;

/// Counts of languages, each with the factor that makes weights of them.
pub(super) struct Weights<'c> {
    languages: Vec<(&'c Language, u64)>,
    /// The weight that a pair needs to be merged.
    pub(super) least: u64,
}

impl<'c> Weights<'c> {
    /// Weights under which every language has its share of the text: factors are integers, so that sums are exact.
    pub(super) fn new(counts: &'c Counts, options: &Options) -> Result<Self> {
        for (name, share) in &options.shares {
            if !(share.is_finite() && *share >= 0.0) {
                return Err(Error::argument("shares", format!("{share} for {name:?} is not a share (0 or more)")));
            }
            if counts.languages().all(|(language, _)| language != name) {
                return Err(Error::argument("shares", format!("{name:?} is not a language of the counts")));
            }
        }
        let share = |name: &str| if options.balance { options.shares.get(name).copied().unwrap_or(1.0) } else { 1.0 };
        let languages: Vec<_> = counts
            .languages()
            .map(|(name, language)| (language, share(name)))
            .filter(|&(language, share)| language.bytes() > 0 && share > 0.0)
            .collect();
        let least = options.min_frequency.max(1);
        if !options.balance || languages.len() < 2 {
            let languages = languages.into_iter().map(|(language, _)| (language, 1)).collect();
            return Ok(Self { languages, least });
        }
        let bytes: f64 = languages.iter().map(|(language, _)| language.bytes() as f64).sum();
        let shares: f64 = languages.iter().map(|(_, share)| share).sum();
        // Weights add up to the bytes there are, in units of `one`: what fits a `u64` decides on the unit.
        let spare = 62_u32.saturating_sub(bytes.log2().ceil() as u32);
        let one = 1_u64 << PLACES.min(spare);
        let factor =
            |own: u64, share: f64| (one as f64 * (share / shares) * (bytes / own as f64)).round().max(1.0) as u64;
        let weigh = |(language, share): (&'c Language, f64)| (language, factor(language.bytes(), share));
        Ok(Self { languages: languages.into_iter().map(weigh).collect(), least: least.saturating_mul(one) })
    }

    /// Calls `sink` with every piece in some of the shards and its weight over all languages.
    pub(super) fn for_each_piece(
        &self,
        shards: impl Iterator<Item = usize>,
        mut sink: impl FnMut(&[u8], u64),
    ) -> Result<()> {
        for number in shards {
            if let [(language, 1)] = self.languages[..] {
                language.shard(number)?.for_each(&mut sink);
                continue;
            }
            let mut all = Shard::default();
            for &(language, factor) in &self.languages {
                all.add_all(&*language.shard(number)?, factor).map_err(|_| too_large())?;
            }
            all.for_each(&mut sink);
        }
        Ok(())
    }
}

/// The error for weights that cannot be added up.
pub(super) fn too_large() -> Error {
    Error::corpus("counts", "the counts times the lengths of pieces add up to 2^63 or more")
}
