//! The memory of a `str`, a list and an array: the only home of `unsafe` in the binding.

#![expect(unsafe_code, reason = "CPython tells by a bit field how a str lies, and lends memory to fill or read")]

use std::ffi::c_void;
use std::mem::MaybeUninit;

use eurotok_core::arch::{CodeUnit, Foreign, prefer_huge_pages, prefetch_at};
use eurotok_core::decode::Plan;
use numpy::ndarray::ArrayView1;
use numpy::{AsSliceError, PyArray1, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::string::PyStringData;
use pyo3::types::{PyBytes, PyList, PyString};

use crate::error::Raise;
use crate::gil::release;
use crate::spare::Lent;

/// The code points of a string, in the width in which CPython holds them: the least that all of them fit.
pub(crate) fn code_points<'s>(text: &'s Bound<'_, PyString>) -> PyResult<PyStringData<'s>> {
    // SAFETY: a str does not change, and lives as long as the reference to it, so that its memory can be read without the GIL, too. (CPython
    // appends in place only to a str that nobody else refers to.) The bit field is laid out as PyO3 expects on the
    // little-endian machines that wheels are made for; the tests would read nonsense on another.
    unsafe { text.data() }
}

/// The ids that an object owns, as an array that keeps it alive.
pub(crate) fn array_of<'py>(owner: &Bound<'py, Lent>) -> Bound<'py, PyArray1<u32>> {
    let ids = ArrayView1::from(&owner.get().ids);
    // SAFETY: the array has a reference to the owner, which is frozen and touches the ids no more until it is dropped. The array may write
    // to them: nobody else knows of them.
    unsafe { PyArray1::borrow_from_array(&ids, owner.clone().into_any()) }
}

/// The numbers of an array, where they lie, if they lie aligned and without gaps.
pub(crate) fn numbers_of<'a>(array: &'a Bound<'_, PyArray1<u32>>) -> PyResult<Foreign<'a>> {
    if !array.is_aligned() || !array.is_contiguous() {
        return Err(AsSliceError.into());
    }
    // SAFETY: so they do, as long as the reference to the array lasts: numpy moves the memory of an array only if nobody else refers to it
    // (unless it is told not to look, by `refcheck=False`). Other threads may write to it, whole numbers each.
    Ok(unsafe { Foreign::new(array.data(), array.len()) })
}

/// Asks for the item at a place of a list ahead of its use. Beyond the end, nothing happens.
pub(crate) fn fetch_item(list: &Bound<'_, PyList>, place: usize) {
    if place < list.len() {
        // SAFETY: there is an item at the place, and nothing more is done with its address than to name it.
        prefetch_at(unsafe { ffi::PyList_GET_ITEM(list.as_ptr(), place as isize) });
    }
}

/// A copy of bytes. (PyO3's own panics where there is no memory for it.)
pub(crate) fn bytes_of<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let length = isize::try_from(bytes.len())?;
    // SAFETY: a new object, or an exception; so many bytes are read from there.
    unsafe {
        let copy = Bound::from_owned_ptr_or_err(py, ffi::PyBytes_FromStringAndSize(bytes.as_ptr().cast(), length))?;
        Ok(copy.cast_into_unchecked())
    }
}

/// Ids as a list of `int`. (PyO3 panics where there is no memory for a number.)
pub(crate) fn list_of<'py>(py: Python<'py>, ids: &[u32]) -> PyResult<Bound<'py, PyList>> {
    let length = isize::try_from(ids.len())?;
    // SAFETY: a new list, or an exception. It is nobody else's until all of its places are taken, each by a new number; one that is
    // given up before has null in the others, as lists may have that are dropped.
    unsafe {
        let list = Bound::from_owned_ptr_or_err(py, ffi::PyList_New(length))?;
        for (place, &id) in (0..).zip(ids) {
            let number = Bound::from_owned_ptr_or_err(py, ffi::PyLong_FromUnsignedLongLong(id.into()))?;
            ffi::PyList_SET_ITEM(list.as_ptr(), place, number.into_ptr());
        }
        Ok(list.cast_into_unchecked())
    }
}

/// The string that a plan is of.
pub(crate) fn string<'py>(py: Python<'py>, plan: &Plan<'_>) -> PyResult<Bound<'py, PyString>> {
    let length = isize::try_from(plan.length())?;
    // SAFETY: a new str, or an exception. It is nobody else's yet, so that its memory may be written; it has as many places as the
    // plan has characters, of the width that its kind says. Nobody sees it unless the plan says that it has written them all, none of them
    // beyond the greatest of which it told, and one at least as great as that of the narrower kind.
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

/// Writes a plan to the memory of a new string, which is `data`.
///
/// # Safety
/// There is room for as many units as the plan has characters, and nobody else knows of it.
unsafe fn fill<U: CodeUnit>(py: Python<'_>, plan: &Plan<'_>, data: *mut c_void) -> PyResult<()> {
    // SAFETY: as above.
    let room = unsafe { std::slice::from_raw_parts_mut(data.cast::<MaybeUninit<U>>(), plan.length()) };
    release(py, plan.length(), || {
        prefer_huge_pages(room);
        plan.write(room).map(drop)
    })
    .raise()
}
