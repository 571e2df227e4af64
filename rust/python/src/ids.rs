//! Ids from Python: arrays of any integer type, lists, anything that iterates over integers.

use std::borrow::Cow;

use eurotok_core::Error;
use numpy::{PyReadonlyArray1, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::error::raised;

/// Ids as the core takes them, borrowed where they are a contiguous `uint32` array.
pub(crate) enum Ids<'py> {
    Array(PyReadonlyArray1<'py, u32>),
    Own(Vec<u32>),
}

impl<'py> Ids<'py> {
    /// Reads `ids`; one that is no `uint32` is unknown to every vocabulary.
    pub(crate) fn new(ids: &Bound<'py, PyAny>, vocab_size: usize) -> PyResult<Self> {
        if let Ok(array) = ids.extract::<PyReadonlyArray1<'py, u32>>() {
            return Ok(if array.is_contiguous() { Self::Array(array) } else { Self::Own(array.as_array().to_vec()) });
        }
        let unknown = |id, position| raised(Error::UnknownId { id, position, vocab_size });
        let convert = |(position, id): (usize, i64)| u32::try_from(id).map_err(|_| unknown(id, position));
        if let Ok(array) = ids.extract::<PyReadonlyArray1<'py, i64>>() {
            return array.as_array().iter().copied().enumerate().map(convert).collect::<PyResult<_>>().map(Self::Own);
        }
        let mut own = Vec::with_capacity(ids.len().unwrap_or(0));
        for (position, item) in ids.try_iter()?.enumerate() {
            let item = item?;
            match item.extract::<u32>() {
                Ok(id) => own.push(id),
                Err(error) if error.is_instance_of::<pyo3::exceptions::PyTypeError>(ids.py()) => return Err(error),
                Err(_) => return Err(unknown(item.extract().unwrap_or(i64::MAX), position)),
            }
        }
        Ok(Self::Own(own))
    }

    pub(crate) fn as_slice(&self) -> Cow<'_, [u32]> {
        match self {
            Self::Array(array) => {
                array.as_slice().map_or_else(|_| Cow::Owned(array.as_array().to_vec()), Cow::Borrowed)
            }
            Self::Own(ids) => Cow::Borrowed(ids),
        }
    }
}
