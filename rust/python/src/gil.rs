//! When the GIL is released.

use pyo3::prelude::*;

/// Below this many bytes, ids or characters, releasing the GIL costs more than it gives.
pub(crate) const SMALL: usize = 4096;

/// Runs `work`, without the GIL if it is much.
pub(crate) fn release<T: Send>(py: Python<'_>, size: usize, work: impl FnOnce() -> T + Send) -> T {
    if size < SMALL { work() } else { py.detach(work) }
}
