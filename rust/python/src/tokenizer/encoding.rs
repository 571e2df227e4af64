//! Encoding and counting single texts: arguments to options, a lone surrogate to its exception, ids to any result.

use eurotok_core::Stop;
use eurotok_core::encode::Specials;
use eurotok_core::memory::collect;
use eurotok_core::tokenizer::template::Joined;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::Tokenizer;
use crate::error::Raise;
use crate::gil::{SMALL, interruptible};
use crate::options::parse_specials;
use crate::text::{places, raise_of, repaired, single};
use crate::texts::{End, OuterIds, Surrogates};

/// The options of encoding, which all methods share.
pub(super) struct Options {
    pub(super) specials: Specials,
    pub(super) surrogates: Surrogates,
    /// The ids to put before and behind the ids of a text.
    pub(super) ends: OuterIds,
}

impl Options {
    #[inline]
    pub(super) fn parse(
        tokenizer: &Tokenizer,
        special_tokens: bool,
        specials: &str,
        errors: &str,
        [bos, eos]: [End<'_, '_>; 2],
    ) -> PyResult<Self> {
        let ends = OuterIds::parse(tokenizer.engine(), special_tokens, bos, eos)?;
        Ok(Self { specials: parse_specials(specials)?, surrogates: Surrogates::parse(errors)?, ends })
    }
}

impl Tokenizer {
    /// Encodes a text and converts the ids: `small` borrows them, `large` takes them over if there may be many.
    #[inline]
    pub(super) fn encode_to<T>(
        &self,
        text: &Bound<'_, PyString>,
        options: &Options,
        small: impl Fn(&[u32]) -> T,
        large: impl Fn(Vec<u32>) -> T,
    ) -> PyResult<T> {
        let (engine, specials, ends) = (self.engine(), options.specials, &options.ends);
        let encode = |text: &Bound<'_, PyString>| {
            let points = single(text)?;
            let done = if points.size() >= SMALL {
                let ids = interruptible(text.py(), |stop| engine.encode(stop, points, specials))?;
                ids.and_then(|ids| Ok(large(if ends.count() > 0 { ends.around(&ids)? } else { ids })))
            } else if ends.count() > 0 {
                engine.encode_with(points, specials, |ids| ends.around(ids)).flatten().map(|ids| small(&ids))
            } else {
                engine.encode_with(points, specials, &small)
            };
            raise_of(done, |_| (text, None))
        };
        options.surrogates.handle(text.py(), encode(text), || encode(&repaired(text)?))
    }

    /// The ids of a pair of texts, joined by the template of the post-processor.
    pub(super) fn encode_pair(
        &self,
        pair: [&Bound<'_, PyString>; 2],
        special_tokens: bool,
        options: &Options,
    ) -> PyResult<Vec<u32>> {
        let plain = Options { ends: OuterIds::default(), ..*options };
        let ids = |text| {
            let ids = self.encode_to(text, &plain, <[u32]>::to_vec, |ids| ids)?;
            PyResult::Ok(Joined { ids, spans: Vec::new() })
        };
        let joined = self.engine().templates().join(&ids(pair[0])?, Some(&ids(pair[1])?), special_tokens).raise()?;
        options.ends.around(&joined.ids).raise()
    }

    /// The ids of a text, or of a pair, and their spans in characters of their own text.
    pub(super) fn encode_spans(
        &self,
        text: &Bound<'_, PyString>,
        pair: Option<&Bound<'_, PyString>>,
        special_tokens: bool,
        options: &Options,
    ) -> PyResult<Joined> {
        let first = self.spanned(text, options)?;
        let second = pair.map(|pair| self.spanned(pair, options)).transpose()?;
        let mut joined = match (&second, special_tokens) {
            (None, false) => first,
            _ => self.engine().templates().join(&first, second.as_ref(), special_tokens).raise()?,
        };
        let ends = &options.ends;
        if ends.count() > 0 {
            let end = text.len()? as i64;
            let before = ends.before.iter().map(|_| (0, 0));
            let behind = ends.behind.iter().map(|_| (end, end));
            joined.spans = collect(before.chain(joined.spans).chain(behind)).raise()?;
            joined.ids = ends.around(&joined.ids).raise()?;
        }
        Ok(joined)
    }

    /// The ids of a text and their spans. If the text has lone surrogates, spans count its characters before the repair.
    fn spanned(&self, text: &Bound<'_, PyString>, options: &Options) -> PyResult<Joined> {
        let (py, specials) = (text.py(), options.specials);
        let encode = |text: &Bound<'_, PyString>| {
            let utf8 = text.to_str()?;
            let done = if utf8.len() < SMALL {
                self.engine().encode_with_offsets(&Stop::never(), utf8, specials)
            } else {
                interruptible(py, |stop| self.engine().encode_with_offsets(stop, utf8, specials))?
            };
            done.raise()
        };
        let (ids, spans) = options.surrogates.handle(py, encode(text), || {
            let whole = repaired(text)?;
            let (ids, mut spans) = encode(&whole)?;
            let places = places(text, whole.to_str()?)?;
            spans.iter_mut().for_each(|(start, end)| (*start, *end) = (places[*start as usize], places[*end as usize]));
            Ok((ids, spans))
        })?;
        Ok(Joined { ids, spans })
    }

    /// The number of ids of a text.
    pub(super) fn count_of(&self, text: &Bound<'_, PyString>, options: &Options) -> PyResult<usize> {
        let (engine, specials) = (self.engine(), options.specials);
        let count = |text: &Bound<'_, PyString>| {
            let points = single(text)?;
            let counted = if points.size() < SMALL {
                engine.count(&Stop::never(), points, specials)
            } else {
                interruptible(text.py(), |stop| engine.count(stop, points, specials))?
            };
            raise_of(counted, |_| (text, None))
        };
        let counted = options.surrogates.handle(text.py(), count(text), || count(&repaired(text)?))?;
        Ok(counted + options.ends.count())
    }
}
