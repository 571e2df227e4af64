//! Access to the memory of a `str`, a list and an array, and to the system's `fork`: the only home of `unsafe` in the binding.

#![expect(unsafe_code, reason = "CPython tells by a bit field how a str lies, and lends memory to fill or read")]

use std::ffi::c_void;
use std::mem::{MaybeUninit, take};
use std::sync::Arc;

use eurotok_core::arch::{CodeUnit, Foreign, prefer_huge_pages, prefetch_at};
use eurotok_core::decode::Plan;
use numpy::ndarray::ArrayView1;
use numpy::{AsSliceError, PyArray1, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::string::PyStringData;
use pyo3::types::{PyBytes, PyList, PyString};

use crate::error::Raise;
use crate::gil::{MANY, SMALL, interruptible};

/// The code points of a string, in the width in which CPython holds them: the least that all of them fit.
pub(crate) fn code_points<'s>(text: &'s Bound<'_, PyString>) -> PyResult<PyStringData<'s>> {
    // SAFETY: a str does not change, and lives as long as the reference to it, so its memory can be read without the
    // GIL, too. (CPython appends in place only to a str with no other reference.) The bit field has the layout that
    // PyO3 expects on little-endian machines, for which wheels are made; on another machine the tests would read wrong
    // text.
    unsafe { text.data() }
}

/// Has `wait` called inside every `fork` of the process, before it is copied.
#[cfg(unix)]
pub(crate) fn before_fork(wait: unsafe extern "C" fn()) -> std::io::Result<()> {
    // SAFETY: the function is part of the extension, which Python never unloads.
    match unsafe { libc::pthread_atfork(Some(wait), None, None) } {
        0 => Ok(()),
        code => Err(std::io::Error::from_raw_os_error(code)),
    }
}

/// Keeps the memory of ids that are not needed any more.
pub(crate) trait Keep: Send + Sync {
    fn keep(&self, ids: Vec<u32>);
}

/// The owner of an array's memory, which goes to a [`Keep`] when the array is dropped.
#[pyclass(frozen, module = "eurotok._core")]
pub(crate) struct Lent {
    ids: Vec<u32>,
    keeper: Arc<dyn Keep>,
}

impl Lent {
    pub(crate) fn new(ids: Vec<u32>, keeper: Arc<dyn Keep>) -> Self {
        Self { ids, keeper }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.keeper.keep(take(&mut self.ids));
    }
}

/// The ids that an object owns, as an array that keeps it alive.
pub(crate) fn array_of<'py>(owner: &Bound<'py, Lent>) -> Bound<'py, PyArray1<u32>> {
    let ids = ArrayView1::from(&owner.get().ids);
    // SAFETY: the array has a reference to the owner, which is frozen and does not touch the ids until it is dropped.
    // The array may write to the ids, because nothing else refers to them.
    unsafe { PyArray1::borrow_from_array(&ids, owner.clone().into_any()) }
}

/// The numbers of an array, without a copy, if they are aligned and contiguous.
pub(crate) fn numbers_of<'a>(array: &'a Bound<'_, PyArray1<u32>>) -> PyResult<Foreign<'a>> {
    if !array.is_aligned() || !array.is_contiguous() {
        return Err(AsSliceError.into());
    }
    // SAFETY: they are aligned and contiguous, and stay in place as long as the reference to the array lasts: numpy
    // moves the memory of an array only if nothing else refers to it (unless `refcheck=False` turns the check off).
    // Other threads may write to it, in whole numbers.
    Ok(unsafe { Foreign::new(array.data(), array.len()) })
}

/// Prefetches the item at a place of a list. Does nothing beyond the end.
pub(crate) fn fetch_item(list: &Bound<'_, PyList>, place: usize) {
    if place < list.len() {
        // SAFETY: there is an item at the place, and its address is only prefetched.
        prefetch_at(unsafe { ffi::PyList_GET_ITEM(list.as_ptr(), place as isize) });
    }
}

/// A copy of bytes. (PyO3's own function panics if memory is short.)
pub(crate) fn bytes_of<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let length = isize::try_from(bytes.len())?;
    // SAFETY: the call returns a new object, or an exception; it reads `bytes.len()` bytes.
    unsafe {
        let copy = Bound::from_owned_ptr_or_err(py, ffi::PyBytes_FromStringAndSize(bytes.as_ptr().cast(), length))?;
        Ok(copy.cast_into_unchecked())
    }
}

/// Ids as a list of `int`. (PyO3's own function panics if memory is short.)
pub(crate) fn list_of<'py>(py: Python<'py>, ids: &[u32]) -> PyResult<Bound<'py, PyList>> {
    let length = isize::try_from(ids.len())?;
    // SAFETY: the call returns a new list, or an exception. Nothing else refers to the list until each place has a new
    // number. If it is given up earlier, the other places are null, which dropping a list allows.
    unsafe {
        let list = Bound::from_owned_ptr_or_err(py, ffi::PyList_New(length))?;
        for (place, &id) in (0..).zip(ids) {
            if place as usize % MANY == MANY - 1 {
                py.check_signals()?;
            }
            let number = Bound::from_owned_ptr_or_err(py, ffi::PyLong_FromUnsignedLongLong(id.into()))?;
            ffi::PyList_SET_ITEM(list.as_ptr(), place, number.into_ptr());
        }
        Ok(list.cast_into_unchecked())
    }
}

/// The string of a plan.
pub(crate) fn string<'py>(py: Python<'py>, plan: &Plan<'_>) -> PyResult<Bound<'py, PyString>> {
    let length = isize::try_from(plan.length())?;
    // SAFETY: the call returns a new str, or an exception. Nothing else refers to it yet, so its memory may be written.
    // It has one place for each character of the plan, in the width of its kind. It is returned only if the plan has
    // written all characters, none of them greater than announced, and at least one that needs this kind.
    unsafe {
        let string = Bound::from_owned_ptr_or_err(py, ffi::PyUnicode_New(length, plan.greatest()))?;
        if length > 0 {
            let data = ffi::PyUnicode_DATA(string.as_ptr());
            match plan.greatest() {
                0..0x100 => fill::<u8>(py, plan, data),
                0x100..0x1_0000 => fill::<u16>(py, plan, data),
                _ => fill::<u32>(py, plan, data),
            }?;
        }
        Ok(string.cast_into_unchecked())
    }
}

/// Writes a plan to the memory of a new string, which begins at `data`.
///
/// # Safety
/// There is room for as many units as the plan has characters, and nothing else refers to it.
unsafe fn fill<U: CodeUnit>(py: Python<'_>, plan: &Plan<'_>, data: *mut c_void) -> PyResult<()> {
    // SAFETY: as above.
    let room = unsafe { std::slice::from_raw_parts_mut(data.cast::<MaybeUninit<U>>(), plan.length()) };
    if plan.length() < SMALL {
        return plan.write(room).map(drop).raise();
    }
    interruptible(py, |stop| {
        prefer_huge_pages(room);
        plan.write_unless(stop, room).map(drop)
    })?
    .raise()
}
