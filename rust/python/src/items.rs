//! Sequences from Python. Memory is reserved only for items that were read.

use eurotok_core::memory::Grow;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::error::Raise;

/// The items of a sequence, whatever length it claims: PyO3's own conversion to `Vec` reserves the claimed length.
pub(crate) struct Items<T>(pub(crate) Vec<T>);

impl<'a, 'py, T: FromPyObjectOwned<'py>> FromPyObject<'a, 'py> for Items<T> {
    type Error = PyErr;

    fn extract(sequence: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if sequence.is_instance_of::<PyString>() {
            return Err(PyTypeError::new_err("a sequence is needed, not one str"));
        }
        let mut items = Vec::new();
        for item in sequence.try_iter()? {
            items.try_push(item?.extract().map_err(Into::into)?).raise()?;
        }
        Ok(Self(items))
    }
}
