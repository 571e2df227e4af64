//! Options from Python, checked: one function for each kind.

use eurotok_core::documents::{Invalid, Missing};
use eurotok_core::encode::Specials;
use eurotok_core::encode::files::Width;
use pyo3::prelude::*;

use crate::error::argument;

/// The treatment of bytes and characters that are not valid text: `"strict"` or `"replace"`.
#[inline]
pub(crate) fn parse_errors(errors: &str) -> PyResult<Invalid> {
    match errors {
        "strict" => Ok(Invalid::Refuse),
        "replace" => Ok(Invalid::Replace),
        other => Err(argument("errors", format!("{other:?} is neither \"strict\" nor \"replace\""))),
    }
}

/// The reading of special tokens in a text: `"text"` or `"parse"`.
pub(crate) fn parse_specials(specials: &str) -> PyResult<Specials> {
    match specials {
        "text" => Ok(Specials::Text),
        "parse" => Ok(Specials::Parse),
        other => Err(argument("specials", format!("{other:?} is neither \"text\" nor \"parse\""))),
    }
}

/// The treatment of records without a text or an id: `"error"` or `"skip"`.
pub(crate) fn parse_missing(missing: &str) -> PyResult<Missing> {
    match missing {
        "error" => Ok(Missing::Refuse),
        "skip" => Ok(Missing::Skip),
        other => Err(argument("missing", format!("{other:?} is neither \"error\" nor \"skip\""))),
    }
}

/// The type of the integers in a file of ids.
pub(crate) fn parse_width(dtype: &str) -> PyResult<Width> {
    match dtype {
        "uint16" => Ok(Width::U16),
        "uint32" => Ok(Width::U32),
        other => Err(argument("dtype", format!("{other:?} is neither 'uint16' nor 'uint32'"))),
    }
}

/// A number that must not be negative.
pub(crate) fn natural<N: TryFrom<i64>>(name: &'static str, number: i64) -> PyResult<N> {
    N::try_from(number).map_err(|_| argument(name, format!("{number} is negative")))
}

/// A memory limit in bytes.
pub(crate) fn parse_memory(memory: Option<i64>) -> PyResult<Option<usize>> {
    let parse = |bytes| usize::try_from(bytes).map_err(|_| argument("memory", format!("{bytes} is negative")));
    memory.map(parse).transpose()
}

/// A number of threads: none, or at least one.
pub(crate) fn parse_threads(threads: Option<i64>) -> PyResult<Option<usize>> {
    match threads {
        None => Ok(None),
        Some(threads) => match usize::try_from(threads) {
            Ok(0) | Err(_) => Err(argument("threads", format!("{threads} is not a number of threads (1 or more)"))),
            Ok(threads) => Ok(Some(threads)),
        },
    }
}
