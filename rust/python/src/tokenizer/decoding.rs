//! Decoding: ids to bytes, and bytes to text.

use std::borrow::Cow;

use eurotok_core::arch::Foreign;
use eurotok_core::documents::Invalid;
use eurotok_core::memory::lossy_text;
use eurotok_core::{Error, Stop};
use pyo3::prelude::*;
use pyo3::types::{PyAny, PyString};

use super::Tokenizer;
use crate::arch::string;
use crate::error::{Raise, raised};
use crate::gil::{SMALL, interruptible};
use crate::ids::Ids;
use crate::options::{parse_errors, parse_threads};

impl Tokenizer {
    /// The text of ids, in the smallest width of `str` that holds it.
    pub(super) fn decode_to_text<'py>(
        &self,
        ids: &Bound<'py, PyAny>,
        errors: &str,
        skip_specials: bool,
        threads: Option<i64>,
    ) -> PyResult<Bound<'py, PyString>> {
        let py = ids.py();
        let threads = parse_threads(threads)?;
        let ids = Ids::new(ids, self.engine().size())?;
        let ids = ids.numbers()?;
        let plan = |stop: &Stop| self.engine().plan(stop, ids, !skip_specials, threads);
        let plan = if ids.len() < SMALL { plan(&Stop::never()) } else { interruptible(py, plan)? };
        if let Some(plan) = plan.raise()?
            && (parse_errors(errors)? == Invalid::Replace || plan.is_utf8())
        {
            return string(py, &plan);
        }
        // If the bytes are not UTF-8, `text` names the place of the first fault.
        PyString::from_bytes(py, text(self.decode_to_bytes(py, ids, skip_specials)?, errors)?.as_bytes())
    }

    pub(super) fn decode_to_bytes(&self, py: Python<'_>, ids: Foreign<'_>, skip_specials: bool) -> PyResult<Vec<u8>> {
        if ids.len() < SMALL {
            return self.engine().decode(&Stop::never(), ids, !skip_specials).raise();
        }
        interruptible(py, |stop| self.engine().decode(stop, ids, !skip_specials))?.raise()
    }
}

/// Bytes as text: `errors` is `"strict"` or `"replace"`, as for `bytes.decode`.
pub(super) fn text(bytes: Vec<u8>, errors: &str) -> PyResult<String> {
    let invalid = parse_errors(errors)?;
    String::from_utf8(bytes).or_else(|error| {
        if invalid == Invalid::Replace {
            return lossy_text(error.as_bytes()).raise().map(Cow::into_owned);
        }
        let offset = error.utf8_error().valid_up_to() as u64;
        Err(raised(Error::InvalidUtf8 { origin: "decoded bytes".to_string(), offset }))
    })
}
