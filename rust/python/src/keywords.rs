//! Keyword arguments, for functions that have more of them than a signature in Rust should have.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The keyword arguments of one call. `take` removes them one by one; `finish` refuses the keywords that are left.
pub(crate) struct Keywords<'py> {
    function: &'static str,
    left: Option<Bound<'py, PyDict>>,
}

impl<'py> Keywords<'py> {
    pub(crate) fn new(function: &'static str, given: Option<Bound<'py, PyDict>>) -> Self {
        Self { function, left: given }
    }

    /// The argument with this name; none if the caller gave none, or gave `None`.
    ///
    /// # Errors
    /// A `TypeError` that names the argument, as PyO3 makes it for the arguments of a signature.
    pub(crate) fn take<T: FromPyObjectOwned<'py>>(&self, name: &'static str) -> PyResult<Option<T>> {
        let Some(left) = &self.left else { return Ok(None) };
        let Some(value) = left.get_item(name)? else { return Ok(None) };
        left.del_item(name)?;
        if value.is_none() {
            return Ok(None);
        }
        value.extract().map(Some).map_err(Into::into).map_err(|error: PyErr| {
            let py = value.py();
            if !error.get_type(py).is(py.get_type::<PyTypeError>()) {
                return error;
            }
            let named = PyTypeError::new_err(format!("argument '{name}': {}", error.value(py)));
            named.set_cause(py, error.cause(py));
            named
        })
    }

    /// # Errors
    /// A `TypeError` that names a keyword which the function does not have.
    pub(crate) fn finish(self) -> PyResult<()> {
        let unknown = self.left.and_then(|left| left.keys().iter().next());
        unknown.map_or(Ok(()), |name| {
            Err(PyTypeError::new_err(format!("{}() got an unexpected keyword argument '{name}'", self.function)))
        })
    }
}
