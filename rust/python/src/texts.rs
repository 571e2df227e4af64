//! Texts from Python, and options for encoding them.

use eurotok_core::documents::Invalid;
use eurotok_core::encode::Text;
use eurotok_core::memory::{Grow, collect};
use eurotok_core::tokenizer::Tokenizer;
use eurotok_core::{Error, Stop};
use pyo3::exceptions::{PyTypeError, PyUnicodeEncodeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyList, PyString};

use crate::arch::fetch_item;
use crate::error::{Raise, argument};
use crate::gil::{MANY, interruptible};
use crate::options::parse_errors;
use crate::text::{raise_of, repaired, text_of};

/// Number of texts between a prefetch and its use. Strings lie anywhere in memory; without the prefetch, the cache
/// misses took 5 % of a repeated pass over documents of a kilobyte.
const AHEAD: usize = 8;

/// The strings of a sequence, kept alive while the core reads them.
pub(crate) struct TextList<'py>(Vec<Bound<'py, PyString>>);

impl<'py> TextList<'py> {
    pub(crate) fn new(texts: &Bound<'py, PyAny>) -> PyResult<Self> {
        if texts.is_instance_of::<PyString>() {
            return Err(PyTypeError::new_err("texts: a sequence of str is needed, not one str"));
        }
        let list = texts.cast::<PyList>().ok();
        let mut strings = Vec::new();
        // Only a list is known to have as many items as it claims.
        strings.try_reserve_exact(list.map_or(0, |list| list.len())).map_err(Error::from).raise()?;
        for (place, text) in texts.try_iter()?.enumerate() {
            if let Some(list) = list {
                fetch_item(list, place + AHEAD);
            }
            if place % MANY == MANY - 1 {
                texts.py().check_signals()?;
            }
            match text?.cast_into::<PyString>() {
                Ok(text) => strings.try_push(text).raise()?,
                Err(error) => {
                    let kind = error.into_inner().get_type().name()?.to_string();
                    return Err(PyTypeError::new_err(format!("texts[{place}]: a str is needed, not {kind}")));
                }
            }
        }
        Ok(Self(strings))
    }

    /// Runs `work` on the texts without the GIL. Lone surrogates are an error, or replaced.
    pub(crate) fn give<R: Send>(
        mut self,
        py: Python<'py>,
        surrogates: Surrogates,
        work: impl Fn(&Stop, &[Text<'_>]) -> eurotok_core::Result<R> + Send + Sync,
    ) -> PyResult<R> {
        let give = |texts: &Self| {
            let mut points = Vec::new();
            points.try_reserve_exact(texts.0.len()).map_err(Error::from).raise()?;
            for text in &texts.0 {
                points.push(text_of(text)?);
            }
            raise_of(interruptible(py, |stop| work(stop, &points))?, |number| (&texts.0[number], Some(number)))
        };
        surrogates.handle(py, give(&self), || {
            for text in &mut self.0 {
                *text = repaired(text)?;
            }
            give(&self)
        })
    }

    pub(crate) fn as_strs(&self) -> PyResult<Vec<&str>> {
        let mut strs = Vec::new();
        strs.try_reserve_exact(self.0.len()).map_err(Error::from).raise()?;
        for text in &self.0 {
            strs.push(text.to_str()?);
        }
        Ok(strs)
    }
}

/// The treatment of lone surrogates, which a Python `str` may have and a text may not.
#[derive(Clone, Copy)]
pub(crate) struct Surrogates(Invalid);

impl Surrogates {
    #[inline]
    pub(crate) fn parse(errors: &str) -> PyResult<Self> {
        parse_errors(errors).map(Self)
    }

    /// Returns the result, or, if it is an error about surrogates that are to be replaced, the result of `again` on the
    /// repaired text. So texts without surrogates, nearly all, cost nothing.
    #[inline]
    pub(crate) fn handle<R>(
        self,
        py: Python<'_>,
        done: PyResult<R>,
        again: impl FnOnce() -> PyResult<R>,
    ) -> PyResult<R> {
        match done {
            Err(error) if self.0 == Invalid::Replace && error.is_instance_of::<PyUnicodeEncodeError>(py) => again(),
            done => done,
        }
    }
}

/// The ids to put before and behind the ids of a text.
#[derive(Default)]
pub(crate) struct OuterIds {
    pub(crate) before: Vec<u32>,
    pub(crate) behind: Vec<u32>,
}

/// A caller's `bos` or `eos`: the text of a special token, or an id.
pub(crate) type End<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

impl OuterIds {
    /// The caller's ids, around the ids of the post-processor if these are wanted.
    #[inline]
    pub(crate) fn parse(tokenizer: &Tokenizer, special_tokens: bool, bos: End, eos: End) -> PyResult<Self> {
        // Mostly there are none.
        if !special_tokens && bos.is_none() && eos.is_none() {
            return Ok(Self::default());
        }
        let around = || {
            let reason = "the template of the post-processor does not have the text once; give one text at a time";
            tokenizer.templates().around().ok_or_else(|| argument("special_tokens", reason))
        };
        let mut ends = Self::default();
        if special_tokens {
            (ends.before, ends.behind) = around()?;
        }
        if let Some(bos) = bos {
            ends.before.insert(0, id_of(tokenizer, "bos", bos)?);
        }
        if let Some(eos) = eos {
            ends.behind.push(id_of(tokenizer, "eos", eos)?);
        }
        Ok(ends)
    }

    /// The number of these ids.
    #[inline]
    pub(crate) fn count(&self) -> usize {
        self.before.len() + self.behind.len()
    }

    /// The ids of a text between them.
    pub(crate) fn around(&self, ids: &[u32]) -> eurotok_core::Result<Vec<u32>> {
        collect(self.before.iter().chain(ids).chain(&self.behind).copied())
    }
}

#[cold]
fn id_of(tokenizer: &Tokenizer, name: &'static str, end: &Bound<'_, PyAny>) -> PyResult<u32> {
    if let Ok(text) = end.cast::<PyString>() {
        let text = text.to_str()?;
        let special = tokenizer.added_tokens().into_iter().find(|&(content, _)| content == text);
        let unknown = || argument(name, format!("{text:?} is not a special token of this vocabulary"));
        return special.map(|(_, id)| id).ok_or_else(unknown);
    }
    // True is a number to Python, but is never meant as id 1.
    let id = if end.is_instance_of::<PyBool>() { None } else { end.extract::<i128>().ok() };
    let Some(id) = id else {
        let kind = end.get_type().name()?.to_string();
        return Err(PyTypeError::new_err(format!(
            "{name}: the text of a special token or an id is needed, not {kind}"
        )));
    };
    let known = u32::try_from(id).ok().filter(|&id| tokenizer.token(id).is_some());
    known.ok_or_else(|| {
        argument(name, format!("{id} is not the id of a token of this vocabulary (size {})", tokenizer.size()))
    })
}
