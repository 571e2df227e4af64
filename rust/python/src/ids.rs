//! Ids from Python: arrays of any integer type, lists, and all other iterables of integers.

use std::borrow::Cow;
use std::fmt::Display;

use eurotok_core::Error;
use eurotok_core::arch::Foreign;
use eurotok_core::memory::Grow;
use numpy::{Element, PyArray1, PyArrayMethods, PyReadonlyArray1, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};

use crate::arch::numbers_of;
use crate::error::{Raise, UnknownIdError, argument};
use crate::gil::MANY;

/// Ids for the core. An aligned and contiguous `uint32` array is borrowed; other threads may write to it meanwhile.
pub(crate) enum Ids<'py> {
    Lent(Bound<'py, PyArray1<u32>>),
    Own(Vec<u32>),
}

impl<'py> Ids<'py> {
    /// Reads `ids`. A number that does not fit `uint32` is unknown to every vocabulary.
    pub(crate) fn new(ids: &Bound<'py, PyAny>, vocab_size: usize) -> PyResult<Self> {
        let reader = IdReader { vocab_size };
        if let Ok(list) = ids.cast_exact::<PyList>() {
            return reader.items(list.len(), list.iter().map(Ok)).map(Self::Own);
        }
        if let Some(own) = reader.array(ids)? {
            return Ok(own);
        }
        if let Ok(tuple) = ids.cast_exact::<PyTuple>() {
            return reader.items(tuple.len(), tuple.iter().map(Ok)).map(Self::Own);
        }
        // Tensors and columns can be converted to an array. If not, for example on a graphics card, they still have
        // items.
        if let Ok(array) = ids.call_method0("__array__")
            && let Some(own) = reader.array(&array)?
        {
            return Ok(own);
        }
        if ids.is_instance_of::<PyString>() {
            return Err(PyTypeError::new_err("ids: integers are needed, not one str"));
        }
        reader.items(0, ids.try_iter()?).map(Self::Own)
    }

    /// The ids, without a copy.
    pub(crate) fn numbers(&self) -> PyResult<Foreign<'_>> {
        match self {
            Self::Lent(array) => numbers_of(array),
            Self::Own(ids) => Ok(ids.into()),
        }
    }
}

/// The numbers of an array of any layout, copied.
pub(crate) fn copied<T: Element + Copy>(array: &Bound<'_, PyArray1<T>>) -> PyResult<Vec<T>> {
    if array.is_aligned() {
        let array = array.try_readonly()?;
        return Ok(array.as_slice().map_or_else(|_| array.as_array().to_vec(), <[T]>::to_vec));
    }
    Ok(array.call_method0("copy")?.extract::<PyReadonlyArray1<'_, T>>()?.as_slice()?.to_vec())
}

/// Collects numbers. Python is asked for signals at intervals.
fn taken(py: Python<'_>, mut numbers: impl ExactSizeIterator<Item = u32>) -> PyResult<Vec<u32>> {
    let mut own = Vec::new();
    own.try_reserve_exact(numbers.len()).map_err(Error::from).raise()?;
    while numbers.len() > 0 {
        own.extend(numbers.by_ref().take(MANY));
        if numbers.len() > 0 {
            py.check_signals()?;
        }
    }
    Ok(own)
}

/// Converts other integers to `uint32`.
pub(crate) struct IdReader {
    pub(crate) vocab_size: usize,
}

impl IdReader {
    /// The error for an unknown id, which is shown as it was given.
    pub(crate) fn unknown(&self, id: impl Display, position: usize) -> PyErr {
        UnknownIdError::new_err(Error::unknown_id(id, position, self.vocab_size))
    }

    /// The ids of a one-dimensional array of integers.
    fn array<'py>(&self, ids: &Bound<'py, PyAny>) -> PyResult<Option<Ids<'py>>> {
        let Ok(array) = ids.cast::<PyUntypedArray>() else { return Ok(None) };
        if array.ndim() != 1 {
            return Err(argument("ids", format!("an array of {} dimensions, not of one", array.ndim())));
        }
        if let Ok(array) = ids.cast::<PyArray1<u32>>() {
            let is_lent = array.is_aligned() && array.is_contiguous();
            return Ok(Some(if is_lent { Ids::Lent(array.clone()) } else { Ids::Own(copied(array)?) }));
        }
        let own = self
            .numbers(ids, |id: i64| id)
            .or_else(|| self.numbers(ids, |id: i32| id.into()))
            .or_else(|| self.numbers(ids, |id: u16| id.into()))
            .or_else(|| self.numbers(ids, |id: u64| id.try_into().unwrap_or(i64::MAX)))
            .or_else(|| self.numbers(ids, |id: u8| id.into()))
            .or_else(|| self.numbers(ids, |id: i16| id.into()))
            .or_else(|| self.numbers(ids, |id: i8| id.into()));
        own.transpose().map(|own| own.map(Ids::Own))
    }

    /// The ids of an array of numbers of type `T`, if it is one.
    fn numbers<T: Element + Copy + Display>(
        &self,
        ids: &Bound<'_, PyAny>,
        id_of: impl Fn(T) -> i64,
    ) -> Option<PyResult<Vec<u32>>> {
        let array = ids.cast::<PyArray1<T>>().ok()?;
        let lent = array.is_aligned().then(|| array.try_readonly().ok()).flatten();
        let numbers = match lent.as_ref().and_then(|lent| lent.as_slice().ok()) {
            Some(numbers) => Cow::Borrowed(numbers),
            None => match copied(array) {
                Ok(numbers) => Cow::Owned(numbers),
                Err(error) => return Some(Err(error)),
            },
        };
        let mut beyond = 0;
        let own = numbers.iter().map(|&number| {
            let id = id_of(number);
            beyond |= id >> u32::BITS;
            id as u32
        });
        let own = match taken(array.py(), own) {
            Ok(own) => own,
            Err(error) => return Some(Err(error)),
        };
        if beyond == 0 {
            return Some(Ok(own));
        }
        let position = numbers.iter().position(|&number| id_of(number) >> u32::BITS != 0)?;
        Some(Err(self.unknown(numbers[position], position)))
    }

    /// The ids of items, up to the first that no vocabulary of this size has. `count` is a number of items that is
    /// known to be right; the length that an object claims is not used.
    fn items<'py>(&self, count: usize, items: impl Iterator<Item = PyResult<Bound<'py, PyAny>>>) -> PyResult<Vec<u32>> {
        let mut own = Vec::new();
        own.try_reserve_exact(count).map_err(Error::from).raise()?;
        for (position, item) in items.enumerate() {
            let item = item?;
            if position % MANY == MANY - 1 {
                item.py().check_signals()?;
            }
            let id = self.item(&item, position)?;
            // Without this check, a range of a million million would fill the memory first.
            if id as usize >= self.vocab_size {
                return Err(self.unknown(id, position));
            }
            own.try_push(id).raise()?;
        }
        Ok(own)
    }

    /// One id. A number beyond `u32` is shown as Python writes it; Python refuses to write numbers of thousands of
    /// digits.
    pub(crate) fn item(&self, item: &Bound<'_, PyAny>, position: usize) -> PyResult<u32> {
        item.extract().map_err(|error: PyErr| {
            if error.is_instance_of::<PyTypeError>(item.py()) {
                return error;
            }
            let written = item.str().map_or_else(|_| "of thousands of digits".into(), |digits| digits.to_string());
            self.unknown(written, position)
        })
    }
}
