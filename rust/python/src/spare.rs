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
    /// What is there, if it suits an array of at most `most` ids: with room for half of them, since text has hardly ever as many, and
    /// if it does, a vector grows; but not for more than twice as many, or small arrays that are kept would hold the memory of large ones.
    pub(crate) fn take(&self, most: usize) -> Vec<u32> {
        // Never waits: another thread that holds it may be one that a fork left behind.
        match self.0.try_lock() {
            Ok(mut spare) if (most / 2..=2 * most).contains(&spare.capacity()) => take(&mut *spare),
            _ => Vec::new(),
        }
    }

    /// Takes the memory of ids in place of what is there: the next array is likely to be as large as the last.
    fn put(&self, mut ids: Vec<u32>) {
        if ids.len() <= MOST
            && let Ok(mut spare) = self.0.try_lock()
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
