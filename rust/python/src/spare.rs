//! Keeps the memory of a large array that is not needed any more, for the next array.
//!
//! The system clears memory before it is first touched, and takes it back when it is freed. Without this, each batch
//! paid for both.

use std::mem::take;
use std::sync::{Arc, Mutex};

use numpy::PyArray1;
use pyo3::prelude::*;

use crate::arch::{Keep, Lent, array_of};

/// The most ids of an array whose memory is kept (64 MiB).
const MOST: usize = 16 << 20;

/// The memory of at most one array.
#[derive(Default)]
pub(crate) struct Spare(Mutex<Vec<u32>>);

impl Spare {
    /// The kept memory, if it suits an array of at most `most` ids. It must have room for half of them, because text
    /// hardly ever has as many, and the vector grows if it does. It must have room for at most twice as many, or small
    /// arrays would hold the memory of large ones.
    pub(crate) fn take(&self, most: usize) -> Vec<u32> {
        // Never waits: a thread that a fork left behind may hold the lock.
        match self.0.try_lock() {
            Ok(mut spare) if (most / 2..=2 * most).contains(&spare.capacity()) => take(&mut *spare),
            _ => Vec::new(),
        }
    }

    /// An array of ids, whose memory is kept when the array is dropped.
    pub(crate) fn lend<'py>(self: &Arc<Self>, py: Python<'py>, ids: Vec<u32>) -> PyResult<Bound<'py, PyArray1<u32>>> {
        Ok(array_of(&Bound::new(py, Lent::new(ids, Arc::<Self>::clone(self)))?))
    }
}

impl Keep for Spare {
    /// Keeps the memory of ids instead of the present one: the next array is likely to be as large as the last.
    fn keep(&self, mut ids: Vec<u32>) {
        if ids.len() <= MOST
            && let Ok(mut spare) = self.0.try_lock()
        {
            ids.clear();
            *spare = ids;
        }
    }
}
