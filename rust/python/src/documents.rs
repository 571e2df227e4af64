//! Texts of files for Python, read by the core without the GIL.

use std::path::PathBuf;
use std::sync::Mutex;

use eurotok_core::documents::{Compression, Name, Reader as CoreReader, TextFormat, Unit};
use pyo3::prelude::*;

use crate::error::Raise;
use crate::gil::interruptible;
use crate::options::parse_errors;

/// An iterator over lists of `str`: the texts of a file, some at a time.
#[pyclass(frozen, module = "eurotok._core")]
struct TextReader {
    inner: Mutex<CoreReader>,
}

#[pymethods]
impl TextReader {
    fn __iter__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Vec<String>>> {
        interruptible(py, |stop| self.inner.lock().expect("no reader panics").read(stop))?.raise()
    }
}

fn reader(py: Python<'_>, path: PathBuf, unit: Unit, errors: &str) -> PyResult<TextReader> {
    let invalid = parse_errors(errors)?;
    let inner = py.detach(|| CoreReader::new(&path, unit, invalid)).raise()?;
    Ok(TextReader { inner: Mutex::new(inner) })
}

/// Read the documents of a file that is not parquet: records of JSON Lines, or one text.
#[pyfunction]
#[pyo3(signature = (path, errors = "strict"))]
fn read_documents(py: Python<'_>, path: PathBuf, errors: &str) -> PyResult<TextReader> {
    reader(py, path, Unit::Document, errors)
}

/// Read the lines of a file that is not parquet: the lines of a text, or the records of JSON Lines, empty for a blank
/// line.
#[pyfunction]
#[pyo3(signature = (path, errors = "strict"))]
fn read_lines(py: Python<'_>, path: PathBuf, errors: &str) -> PyResult<TextReader> {
    reader(py, path, Unit::Line, errors)
}

/// The name of a file without its endings, and the format and compression that these state.
#[pyfunction]
fn file_name(path: PathBuf) -> (String, Option<&'static str>, Option<&'static str>) {
    let Name { stem, format, compression, .. } = Name::of(&path);
    let format = format.map(|format| match format {
        TextFormat::Text => "text",
        TextFormat::Lines => "lines",
        TextFormat::Parquet => "parquet",
    });
    let compression = compression.map(|compression| match compression {
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
    });
    (stem, format, compression)
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(read_documents, module)?)?;
    module.add_function(wrap_pyfunction!(read_lines, module)?)?;
    module.add_function(wrap_pyfunction!(file_name, module)?)
}
