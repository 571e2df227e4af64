//! A `str` as the core takes it.
//!
//! CPython makes the UTF-8 form of a `str` at some 400 MB/s and keeps it as long as the string. Made by the core it takes less time, goes
//! where it is used, and is gone after that.

use eurotok_core::Error;
use eurotok_core::encode::Text;
use pyo3::prelude::*;
use pyo3::types::PyString;
use pyo3::types::string::PyStringData;

use crate::arch::code_points;
use crate::error::Raise;

/// Up to so many characters, CPython's form of a new string takes no longer, and that of one seen before, which is common with short
/// ones, is there already. (Made by the core, a call on 32 characters takes some 30 ns more, even after others have had the caches.)
const SHORT: usize = 64;

/// A text for a call of its own.
pub(crate) fn single<'t>(text: &'t Bound<'_, PyString>) -> PyResult<Text<'t>> {
    if text.len()? <= SHORT { text.to_str().map(Text::Utf8) } else { text_of(text) }
}

/// A text, where it lies.
pub(crate) fn text_of<'t>(text: &'t Bound<'_, PyString>) -> PyResult<Text<'t>> {
    Ok(match code_points(text)? {
        PyStringData::Ucs1(points) => Text::One(points),
        PyStringData::Ucs2(points) => Text::Two(points),
        PyStringData::Ucs4(points) => Text::Four(points),
    })
}

/// What became of texts, of which `text` finds one by its number: a lone surrogate is CPython's `UnicodeEncodeError`.
pub(crate) fn raise_of<'t, 'py: 't, T>(
    done: Result<T, Error>,
    text: impl FnOnce(usize) -> &'t Bound<'py, PyString>,
) -> PyResult<T> {
    if let Err(Error::Surrogate { text: number, .. }) = done {
        text(number).to_str()?;
    }
    done.raise()
}
