//! Counts from counts: some of the pieces, or all of them several times.

use super::{Counts, Language, overflow};
use crate::error::Result;
use crate::split::CompiledPattern;

impl Counts {
    /// The pieces in which a regex does not match. The numbers of counted bytes and documents stay.
    ///
    /// # Errors
    /// [`Error::Pattern`] if the regex does not compile, or gives up on a piece; [`Error::Io`] if pieces are on disk
    /// and cannot be read or written.
    pub fn without(&self, pattern: &str) -> Result<Self> {
        let pattern = CompiledPattern::new(pattern)?;
        self.rebuild(1, |piece| pattern.is_match(piece).map(|found| !found))
    }

    /// The counts of `factor` times the same text.
    ///
    /// # Errors
    /// [`Error::Corpus`] if a count becomes 2^64 or more; [`Error::Io`] as for [`Counts::without`].
    pub fn times(&self, factor: u64) -> Result<Self> {
        let mut product = self.rebuild(factor, |_| Ok(factor > 0))?;
        for language in product.languages.values_mut() {
            language.bytes = language.bytes.checked_mul(factor).ok_or_else(overflow)?;
            language.documents = language.documents.checked_mul(factor).ok_or_else(overflow)?;
        }
        Ok(product)
    }

    fn rebuild(&self, factor: u64, keep: impl Fn(&[u8]) -> Result<bool>) -> Result<Self> {
        let mut rebuilt = Self::new(self.scheme.clone());
        for (name, language) in &self.languages {
            let mut new = Language { bytes: language.bytes, documents: language.documents, ..Language::default() };
            language.try_for_each_piece(|piece, count| {
                if keep(piece)? {
                    let count = count.checked_mul(factor).ok_or_else(overflow)?;
                    new.table.add(piece, 0, piece.len(), count).map_err(|refused| refused.or(overflow))?;
                }
                Ok(())
            })?;
            rebuilt.languages.insert(name.clone(), new);
            if let Some(memory) = self.memory {
                rebuilt = rebuilt.within(Some(memory))?;
            }
        }
        Ok(rebuilt)
    }
}
