//! The Python binding: converts arguments, calls the core, converts results and errors. No logic lives here.

mod arch;
mod counts;
mod documents;
mod error;
mod files;
mod gil;
mod ids;
mod items;
mod keywords;
mod options;
mod progress;
mod shards;
mod shared;
mod spare;
mod text;
mod texts;
mod tokenizer;
mod train;

use std::collections::BTreeMap;
use std::mem::replace;

use eurotok_core::Stop;
use eurotok_core::memory::Grow;
use eurotok_core::split::{Scheme, Splitter};
use numpy::{PyArray1, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use arch::Lent;
use error::{Raise, argument};
use gil::{SMALL, interruptible};
use items::list;

/// The schemes of the table: name to regex.
#[pyfunction]
fn schemes() -> BTreeMap<&'static str, String> {
    let pattern = |name| Scheme::named(name).expect("the table's names are in the table").pattern().to_string();
    Scheme::names().map(|name| (name, pattern(name))).collect()
}

/// The scheme with this name, or else the text as a regex.
fn scheme(name_or_pattern: &str) -> PyResult<Scheme> {
    if name_or_pattern.is_empty() {
        return Err(argument("scheme", "empty: give a name of eurotok.schemes() or a regex"));
    }
    if let Some(scheme) = Scheme::named(name_or_pattern) {
        return Ok(scheme);
    }
    if name_or_pattern.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        let names: Vec<&str> = Scheme::names().collect();
        return Err(argument("scheme", format!("{name_or_pattern:?} is not one of {}, nor a regex", names.join(", "))));
    }
    Ok(Scheme::from_pattern(name_or_pattern))
}

/// The pieces of a text.
#[pyfunction]
#[pyo3(signature = (text, scheme = "europe"))]
fn split<'py>(py: Python<'py>, text: &str, scheme: &str) -> PyResult<Bound<'py, PyList>> {
    pieces(py, &Splitter::new(self::scheme(scheme)?).raise()?, text)
}

/// The pieces of a text as strings: a piece never ends within a character of a valid text.
fn pieces<'py>(py: Python<'py>, splitter: &Splitter, text: &str) -> PyResult<Bound<'py, PyList>> {
    let ends = |stop: &Stop| {
        let (mut ends, mut place) = (Vec::new(), 0);
        splitter.try_for_each_piece(stop, text.as_bytes(), |piece| {
            place += piece.len();
            ends.try_push(place)
        })?;
        Ok(ends)
    };
    let ends = if text.len() < SMALL { ends(&Stop::never()) } else { interruptible(py, ends)? }.raise()?;
    let mut start = 0;
    list(py, ends.into_iter().map(|end| Ok(PyString::new(py, &text[replace(&mut start, end)..end]))))
}

/// Loads NumPy's C interface and makes the types of arrays. Otherwise the first call that returns an array would do
/// this after its work, and a Ctrl-C at that moment would be a panic.
fn prepare_arrays(py: Python<'_>) -> PyResult<()> {
    py.import("numpy")?;
    py.get_type::<Lent>();
    PyArray1::from_vec(py, vec![0_u32]).try_readonly().map(drop).map_err(PyErr::from)
}

// Not declared to be safe without the interpreter's lock, because lists may then change while they are read. A
// free-threaded interpreter turns the lock on when it imports this module.
#[pymodule(gil_used = true)]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    prepare_arrays(module.py())?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(schemes, module)?)?;
    module.add_function(wrap_pyfunction!(split, module)?)?;
    error::register(module)?;
    tokenizer::register(module)?;
    counts::register(module)?;
    documents::register(module)?;
    shared::register()?;
    files::register(module)?;
    shards::register(module)?;
    train::register(module)
}
