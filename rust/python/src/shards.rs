//! Documents of files or of columns of Arrow, with their ids, kept in the core until they are encoded.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use eurotok_core::documents::{Fields, Files, Reading, Rows, Stream, Value};
use eurotok_core::encode::shards::checksums as core_checksums;
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyList};

use crate::error::{Raise, argument};
use crate::gil::interruptible;
use crate::items::Items;
use crate::options::{parse_errors, parse_missing, parse_specials, parse_threads};
use crate::texts::{End, OuterIds};
use crate::tokenizer::Tokenizer;

/// Bytes that are asked of a file object at a time.
const CHUNK: usize = 1 << 20;

/// An open binary file of Python's.
struct PythonFile {
    file: Py<PyAny>,
    rest: Option<PyBackedBytes>,
    place: usize,
}

impl Read for PythonFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.as_ref().is_none_or(|rest| self.place == rest.len()) {
            let read = Python::attach(|py| {
                let data = self.file.bind(py).call_method1("read", (CHUNK,))?;
                data.cast_into::<PyBytes>().map(PyBackedBytes::from).map_err(PyErr::from)
            });
            self.rest = Some(read.map_err(|error| io::Error::other(error.to_string()))?);
            self.place = 0;
        }
        let rest = &self.rest.as_ref().expect("it was just read")[self.place..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.place += length;
        Ok(length)
    }
}

/// The documents of a file, some at a time.
#[pyclass(frozen, module = "eurotok._core")]
struct DocumentReader {
    inner: Mutex<Stream>,
}

#[pymethods]
impl DocumentReader {
    #[new]
    #[pyo3(signature = (
        path, file = None, *, text = "text", id = None, columns = Items(Vec::new()), lines = false, missing = "error",
        errors = "strict", limit = 1 << 28,
    ))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        file: Option<Py<PyAny>>,
        text: &str,
        id: Option<&str>,
        columns: Items<String>,
        lines: bool,
        missing: &str,
        errors: &str,
        limit: usize,
    ) -> PyResult<Self> {
        let reading = Reading {
            fields: Fields::new(text, id, &columns.0),
            invalid: parse_errors(errors)?,
            missing: parse_missing(missing)?,
            by_line: lines,
            limit,
        };
        let inner = py.detach(move || {
            let files = match file {
                Some(file) => Files::from_reader(&path, Box::new(PythonFile { file, rest: None, place: 0 })),
                None => Files::new(&[path]),
            };
            files.map(|files| Stream::new(files, reading))
        });
        Ok(Self { inner: Mutex::new(inner.raise()?) })
    }

    /// The next documents, of about `size` bytes of the file; without any at its end.
    fn read(&self, py: Python<'_>, size: usize, threads: Option<i64>) -> PyResult<Documents> {
        let threads = parse_threads(threads)?;
        let rows = interruptible(py, |stop| {
            self.inner.lock().unwrap_or_else(PoisonError::into_inner).next(size, threads, stop)
        })?;
        let rows = rows.raise()?;
        Ok(Documents { at_end: rows.is_empty(), rows })
    }

    /// Bytes read so far, as they are on disk.
    #[getter]
    fn position(&self, py: Python<'_>) -> u64 {
        py.detach(|| self.inner.lock().unwrap_or_else(PoisonError::into_inner).position())
    }
}

/// Documents in a row.
#[pyclass(frozen, module = "eurotok._core")]
pub(crate) struct Documents {
    rows: Vec<Rows>,
    #[pyo3(get)]
    at_end: bool,
}

impl Documents {
    /// The values of a function for each document.
    fn each<'a, T>(&'a self, value: impl Fn(&'a Rows, usize) -> T + Copy) -> impl Iterator<Item = T> {
        self.rows.iter().flat_map(move |rows| (0..rows.len()).map(move |place| value(rows, place)))
    }
}

#[pymethods]
impl Documents {
    /// Make documents of columns of Arrow: UTF-8 and where each value ends in it, in offsets of 64 bits.
    #[staticmethod]
    #[pyo3(signature = (texts, offsets, numbers, ids = None))]
    fn from_columns(
        texts: PyReadonlyArray1<'_, u8>,
        offsets: PyReadonlyArray1<'_, i64>,
        numbers: PyReadonlyArray1<'_, i64>,
        ids: Option<Items<String>>,
    ) -> PyResult<Self> {
        let (texts, offsets, numbers) = (texts.as_slice()?, offsets.as_slice()?, numbers.as_slice()?);
        let mut rows = Rows::default();
        let ids = ids.map(|ids| ids.0);
        if offsets.len() != numbers.len() + 1 || ids.as_ref().is_some_and(|ids| ids.len() != numbers.len()) {
            return Err(argument("offsets", "there is not one text and one id for each number"));
        }
        for (place, &number) in numbers.iter().enumerate() {
            let range = usize::try_from(offsets[place])?..usize::try_from(offsets[place + 1])?;
            let bytes = texts.get(range).ok_or_else(|| argument("offsets", "they do not describe the texts"))?;
            let text = str::from_utf8(bytes).map_err(|error| {
                argument("texts", format!("row {number}: invalid UTF-8 at byte {}", error.valid_up_to()))
            })?;
            rows.push(text, ids.as_ref().map(|ids| ids[place].as_str()), number.try_into()?).raise()?;
        }
        Ok(Self { rows: vec![rows], at_end: false })
    }

    fn __len__(&self) -> usize {
        self.rows.iter().map(Rows::len).sum()
    }

    /// Bytes of each text in UTF-8.
    #[getter]
    fn bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        PyArray1::from_iter(py, self.each(|rows, place| rows.text(place).len() as i64))
    }

    /// The number of each document's line or row, from 1.
    #[getter]
    fn numbers<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        PyArray1::from_iter(py, self.each(|rows, place| rows.numbers[place] as i64))
    }

    /// The number of records without a text or id, and the number with null.
    #[getter]
    fn skipped(&self) -> (u64, u64) {
        let skipped = || self.rows.iter().map(|rows| rows.skipped);
        (skipped().map(|skipped| skipped.missing).sum(), skipped().map(|skipped| skipped.null).sum())
    }

    /// The id of each document, or nothing where none was asked for.
    fn ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.each(|rows, place| rows.id(place)).collect::<Vec<_>>())
    }

    /// The texts.
    fn texts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.each(|rows, place| rows.text(place)).collect::<Vec<_>>())
    }

    /// The first 64 bits of the SHA-256 of each document's id, or of its text if it has none.
    fn hashes<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u64>> {
        let hashes: Vec<u64> = py.detach(|| self.each(|rows, place| rows.hash(place)).collect());
        PyArray1::from_vec(py, hashes)
    }

    /// The values of a column: str, int, float, bool, a list for nested values, or None for null and missing values.
    fn column<'py>(&self, py: Python<'py>, number: usize) -> PyResult<Bound<'py, PyList>> {
        let values = PyList::empty(py);
        for value in self.each(|rows, place| rows.columns.get(number).map(|column| &column[place])) {
            match value {
                None | Some(Value::Null) => values.append(py.None())?,
                Some(Value::Bool(value)) => values.append(value)?,
                Some(Value::Int(value)) => values.append(value)?,
                Some(Value::Float(value)) => values.append(value)?,
                Some(Value::Text(text)) => values.append(text)?,
                Some(Value::Nested) => values.append(PyList::empty(py))?,
            }
        }
        Ok(values)
    }

    /// The ids of each text, and where they begin.
    #[expect(clippy::type_complexity, reason = "two arrays")]
    fn encode<'py>(
        &self,
        py: Python<'py>,
        tokenizer: &Tokenizer,
        specials: &str,
        bos: End<'_, 'py>,
        eos: End<'_, 'py>,
        threads: Option<i64>,
    ) -> PyResult<(Bound<'py, PyArray1<u32>>, Bound<'py, PyArray1<i64>>)> {
        let (specials, threads) = (parse_specials(specials)?, parse_threads(threads)?);
        let (engine, spare) = (tokenizer.engine(), tokenizer.spare());
        let ends = OuterIds::parse(engine, false, bos, eos)?;
        let texts: Vec<&str> = self.each(Rows::text).collect();
        let ragged = interruptible(py, |stop| {
            let memory = spare.take(texts.iter().map(|text| text.len()).sum());
            let ragged = engine.encode_batch_to(memory, stop, &texts, specials, threads)?;
            Ok(ragged.between(&ends.before, &ends.behind))
        })?;
        let ragged = ragged.raise()?;
        Ok((spare.lend(py, ragged.ids)?, PyArray1::from_vec(py, ragged.offsets)))
    }
}

/// The CRC-32 of the ids of each document, taken as little-endian numbers of 32 bits.
#[pyfunction]
fn checksums<'py>(
    py: Python<'py>,
    ids: PyReadonlyArray1<'py, u32>,
    offsets: PyReadonlyArray1<'py, i64>,
) -> PyResult<Bound<'py, PyArray1<u32>>> {
    let (ids, offsets) = (ids.as_slice()?, offsets.as_slice()?);
    let sums = py.detach(|| core_checksums(ids, offsets)).raise()?;
    Ok(PyArray1::from_vec(py, sums))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<DocumentReader>()?;
    module.add_class::<Documents>()?;
    module.add_function(wrap_pyfunction!(checksums, module)?)
}
