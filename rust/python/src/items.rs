//! Sequences from Python. Memory is reserved only for items that were read.

use eurotok_core::Error;
use eurotok_core::memory::Grow;
use pyo3::PyTypeInfo;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use crate::error::Raise;
use crate::gil::MANY;

/// A list of objects, some of which may take long to make.
///
/// # Errors
/// The errors of `items`, and the exception of a signal.
pub(crate) fn list<'py, T: PyTypeInfo>(
    py: Python<'py>,
    items: impl ExactSizeIterator<Item = PyResult<Bound<'py, T>>>,
) -> PyResult<Bound<'py, PyList>> {
    let mut all = Vec::new();
    all.try_reserve_exact(items.len()).map_err(Error::from).raise()?;
    for (place, item) in items.enumerate() {
        if place % MANY == MANY - 1 {
            py.check_signals()?;
        }
        all.push(item?);
    }
    PyList::new(py, all)
}

/// The items of a sequence. The claimed length is not trusted, unlike in PyO3's own conversion to `Vec`.
pub(crate) struct Items<T>(pub(crate) Vec<T>);

impl<'a, 'py, T: FromPyObjectOwned<'py>> FromPyObject<'a, 'py> for Items<T> {
    type Error = PyErr;

    fn extract(sequence: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if sequence.is_instance_of::<PyString>() {
            return Err(PyTypeError::new_err("a sequence is needed, not one str"));
        }
        let mut items = Vec::new();
        for (place, item) in sequence.try_iter()?.enumerate() {
            if place % MANY == MANY - 1 {
                sequence.py().check_signals()?;
            }
            items.try_push(item?.extract().map_err(Into::into)?).raise()?;
        }
        Ok(Self(items))
    }
}
