//! A `str` as the core reads it.
//!
//! CPython makes the UTF-8 form of a `str` at about 400 MB/s and keeps it as long as the string. The core makes it
//! faster, in memory that is used at once and then used again.

use eurotok_core::Error;
use eurotok_core::encode::Text;
use eurotok_core::memory::Grow;
use pyo3::prelude::*;
use pyo3::types::PyString;
use pyo3::types::string::PyStringData;

use crate::arch::code_points;
use crate::error::Raise;
use crate::gil::MANY;

/// Up to this many characters, CPython's form of a new string takes no longer to make, and a string that was seen
/// before, which is common for short ones, has it already. (With the core's form, a call on 32 characters takes about
/// 30 ns more, even with cold caches.)
const SHORT: usize = 64;

/// The text of a call on a single text.
pub(crate) fn single<'t>(text: &'t Bound<'_, PyString>) -> PyResult<Text<'t>> {
    if text.len()? <= SHORT { text.to_str().map(Text::Utf8) } else { text_of(text) }
}

/// A text, without a copy.
pub(crate) fn text_of<'t>(text: &'t Bound<'_, PyString>) -> PyResult<Text<'t>> {
    Ok(match code_points(text)? {
        PyStringData::Ucs1(points) => Text::One(points),
        PyStringData::Ucs2(points) => Text::Two(points),
        PyStringData::Ucs4(points) => Text::Four(points),
    })
}

/// The result, or the exception. A lone surrogate becomes CPython's `UnicodeEncodeError`: `text` finds the text with a
/// number, and returns the number if the error is to state it.
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

/// A `UnicodeEncodeError` that states the number of the text.
fn naming(py: Python<'_>, error: PyErr, number: usize) -> PyErr {
    let value = error.value(py);
    let reason =
        value.getattr("reason").and_then(|reason| value.setattr("reason", format!("{reason} (texts[{number}])")));
    reason.map_or_else(|other| other, |()| error)
}

/// The text with U+FFFD for each lone surrogate. A pair of surrogates becomes the character that it encodes in UTF-16.
pub(crate) fn repaired<'py>(text: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyString>> {
    let repaired = match code_points(text)? {
        PyStringData::Ucs1(_) => None,
        PyStringData::Ucs2(points) => characters_of(text.py(), points)?,
        PyStringData::Ucs4(points) => characters_of(text.py(), points)?,
    };
    repaired.map_or_else(|| Ok(text.clone()), |repaired| PyString::from_bytes(text.py(), repaired.as_bytes()))
}

/// The code points as characters, if some are surrogates. Python is asked for signals at intervals.
fn characters_of<P: Copy + Into<u32>>(py: Python<'_>, points: &[P]) -> PyResult<Option<String>> {
    let character = |point: P| char::from_u32(point.into());
    let mut are_characters = true;
    for some in points.chunks(MANY) {
        py.check_signals()?;
        are_characters &= some.iter().all(|&point| character(point).is_some());
    }
    if are_characters {
        return Ok(None);
    }
    let mut text = String::new();
    let mut rest = points.iter().copied().enumerate().peekable();
    while let Some((place, point)) = rest.next() {
        if place % MANY == MANY - 1 {
            py.check_signals()?;
        }
        let own = character(point).or_else(|| {
            let of_pair = pair(point.into(), rest.peek()?.1.into())?;
            rest.next();
            Some(of_pair)
        });
        let own = own.unwrap_or(char::REPLACEMENT_CHARACTER);
        text.try_reserve(own.len_utf8()).map_err(Error::from).raise()?;
        text.push(own);
    }
    Ok(Some(text))
}

/// The character that a pair of surrogates encodes in UTF-16.
fn pair(high: u32, low: u32) -> Option<char> {
    let is_pair = (0xD800..0xDC00).contains(&high) && (0xDC00..0xE000).contains(&low);
    if is_pair { char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)) } else { None }
}

/// The place in the text of each character of the repaired text, and of its end.
pub(crate) fn places(text: &Bound<'_, PyString>, repaired: &str) -> PyResult<Vec<i64>> {
    let is_surrogate = |place: usize| {
        Ok::<_, PyErr>(match code_points(text)? {
            PyStringData::Ucs1(_) => false,
            PyStringData::Ucs2(points) => (0xD800..0xE000).contains(&points[place]),
            PyStringData::Ucs4(points) => (0xD800..0xE000).contains(&points[place]),
        })
    };
    let mut places = Vec::new();
    places.try_push(0).raise()?;
    let mut place = 0;
    for (number, character) in repaired.chars().enumerate() {
        if number % MANY == MANY - 1 {
            text.py().check_signals()?;
        }
        place += if character > '\u{FFFF}' && is_surrogate(place)? { 2 } else { 1 };
        places.try_push(place as i64).raise()?;
    }
    Ok(places)
}
