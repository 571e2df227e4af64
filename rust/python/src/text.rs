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

/// What became of texts, of which `text` finds one by its number, and says whether errors are to name that: a lone surrogate is
/// CPython's `UnicodeEncodeError`.
pub(crate) fn raise_of<'t, 'py: 't, T>(
    done: Result<T, Error>,
    text: impl FnOnce(usize) -> (&'t Bound<'py, PyString>, Option<usize>),
) -> PyResult<T> {
    if let Err(Error::Surrogate { text: number, .. }) = done {
        let (text, number) = text(number);
        text.to_str().map_err(|error| match number {
            Some(number) => naming(text.py(), error, number),
            None => error,
        })?;
    }
    done.raise()
}

/// A `UnicodeEncodeError` that names the text among others.
fn naming(py: Python<'_>, error: PyErr, number: usize) -> PyErr {
    let value = error.value(py);
    let reason =
        value.getattr("reason").and_then(|reason| value.setattr("reason", format!("{reason} (texts[{number}])")));
    reason.map_or_else(|other| other, |()| error)
}

/// The text with U+FFFD in place of each lone surrogate. A pair of them is the character for which it stands in UTF-16.
pub(crate) fn repaired<'py>(text: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyString>> {
    let points: Vec<u32> = match code_points(text)? {
        PyStringData::Ucs1(_) => return Ok(text.clone()),
        PyStringData::Ucs2(points) => points.iter().map(|&point| point.into()).collect(),
        PyStringData::Ucs4(points) => points.to_vec(),
    };
    if points.iter().all(|&point| char::from_u32(point).is_some()) {
        return Ok(text.clone());
    }
    let units = points.iter().flat_map(|&point| {
        let mut units = [0; 2];
        let count = match char::from_u32(point) {
            Some(character) => character.encode_utf16(&mut units).len(),
            None => {
                units[0] = point as u16;
                1
            }
        };
        units.into_iter().take(count)
    });
    let characters = char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER));
    Ok(PyString::new(text.py(), &characters.collect::<String>()))
}

/// Where each character of a repaired text stands in the text, and where that ends.
pub(crate) fn places(text: &Bound<'_, PyString>, repaired: &str) -> PyResult<Vec<i64>> {
    let is_surrogate = |place: usize| {
        Ok::<_, PyErr>(match code_points(text)? {
            PyStringData::Ucs1(_) => false,
            PyStringData::Ucs2(points) => (0xD800..0xE000).contains(&points[place]),
            PyStringData::Ucs4(points) => (0xD800..0xE000).contains(&points[place]),
        })
    };
    let mut places = vec![0];
    let mut place = 0;
    for character in repaired.chars() {
        place += if character > '\u{FFFF}' && is_surrogate(place)? { 2 } else { 1 };
        places.push(place as i64);
    }
    Ok(places)
}
