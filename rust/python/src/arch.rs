//! The memory of a `str`: the only home of `unsafe` in the binding.

#![expect(unsafe_code, reason = "how CPython lays a str out, it tells by a bit field")]

use pyo3::prelude::*;
use pyo3::types::PyString;
use pyo3::types::string::PyStringData;

/// The code points of a string, in the width in which CPython holds them: the least that all of them fit.
pub(crate) fn code_points<'s>(text: &'s Bound<'_, PyString>) -> PyResult<PyStringData<'s>> {
    // SAFETY: a str does not change, and lives as long as the reference to it. The bit field is laid out as PyO3 expects on the
    // little-endian machines that wheels are made for; the tests would read nonsense on another.
    unsafe { text.data() }
}
