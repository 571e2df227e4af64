//! A `str` as UTF-8.
//!
//! CPython makes the UTF-8 form of a `str` at some 400 MB/s and keeps it as long as the string. Made here it takes less time, goes
//! where it is used, and is gone after that.

use std::borrow::Cow;

use eurotok_core::arch::{Isa, prefetch};
use pyo3::prelude::*;
use pyo3::types::PyString;
use pyo3::types::string::PyStringData;

use crate::arch::code_points;

/// Up to so many characters, CPython's form of a new string takes no longer, and that of one seen before, which is common with short
/// ones, is there already: 60 ns less of some 420 for 32 characters.
const SHORT: usize = 64;

/// Whether a text is ASCII, which is its own UTF-8.
pub(crate) fn is_ascii(text: &Bound<'_, PyString>) -> PyResult<bool> {
    Ok(matches!(code_points(text)?, PyStringData::Ucs1(points) if points.is_ascii()))
}

/// Asks for the memory of a text ahead of its use: strings lie anywhere, and are seldom in the processor's caches.
pub(crate) fn fetch(text: &Bound<'_, PyString>) -> PyResult<()> {
    fn lines<T>(points: &[T]) {
        (0..points.len().min(MOST / size_of::<T>())).step_by(64 / size_of::<T>()).for_each(|at| prefetch(points, at));
    }
    match code_points(text)? {
        PyStringData::Ucs1(points) => lines(points),
        PyStringData::Ucs2(points) => lines(points),
        PyStringData::Ucs4(points) => lines(points),
    }
    Ok(())
}

/// The bytes of a text that are asked for ahead: what is behind them, the processor foresees.
const MOST: usize = 4096;

/// Appends a text; a lone surrogate is CPython's `UnicodeEncodeError`, and nothing is added.
pub(crate) fn push_utf8(text: &Bound<'_, PyString>, isa: Isa, utf8: &mut String) -> PyResult<()> {
    let pushed = match code_points(text)? {
        PyStringData::Ucs1(points) => isa.push_utf8(points, utf8),
        PyStringData::Ucs2(points) => isa.push_utf8(points, utf8),
        PyStringData::Ucs4(points) => isa.push_utf8(points, utf8),
    };
    pushed.or_else(|_| text.to_str().map(drop))
}

/// A text: as it is, or made for the occasion.
pub(crate) fn utf8<'t>(text: &'t Bound<'_, PyString>, isa: Isa) -> PyResult<Cow<'t, str>> {
    if text.len()? <= SHORT || is_ascii(text)? {
        return text.to_str().map(Cow::Borrowed);
    }
    let mut utf8 = String::new();
    push_utf8(text, isa, &mut utf8)?;
    Ok(Cow::Owned(utf8))
}
