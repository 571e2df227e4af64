//! Memory of large arrays that nobody needs any more, for the next ones.
//!
//! The system clears memory before it is touched for the first time, and takes it back when it is freed: a batch after the other
//! paid for that each time.

use std::mem::take;
use std::sync::{Arc, Mutex};

use numpy::PyArray1;
use pyo3::prelude::*;

use crate::arch::array_of;

/// The most ids of an array whose memory is kept (64 MiB).
const MOST: usize = 16 << 20;

/// The memory of one array at most.
#[derive(Default)]
pub(crate) struct Spare(Mutex<Vec<u32>>);

impl Spare {
    /// What is there, if it has room for half of `most` ids: text has hardly ever as many, and if it does, a vector grows.
    pub(crate) fn take(&self, most: usize) -> Vec<u32> {
        // Never waits: another thread that holds it may be one that a fork left behind.
        let spare = self.0.try_lock().map(|mut spare| take(&mut *spare)).unwrap_or_default();
        if spare.capacity() >= most / 2 { spare } else { Vec::new() }
    }

    /// Takes the memory of ids, unless it has some of more room.
    fn put(&self, mut ids: Vec<u32>) {
        if ids.len() <= MOST
            && let Ok(mut spare) = self.0.try_lock()
            && spare.capacity() < ids.capacity()
        {
            ids.clear();
            *spare = ids;
        }
    }

    /// An array of ids, whose memory comes here when nobody needs it any more.
    pub(crate) fn lend<'py>(self: &Arc<Self>, py: Python<'py>, ids: Vec<u32>) -> PyResult<Bound<'py, PyArray1<u32>>> {
        Ok(array_of(&Bound::new(py, Lent { ids, spare: Arc::clone(self) })?))
    }
}

/// The owner of an array's memory.
#[pyclass(frozen, module = "eurotok._core")]
pub(crate) struct Lent {
    pub(crate) ids: Vec<u32>,
    spare: Arc<Spare>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.spare.put(take(&mut self.ids));
    }
}
