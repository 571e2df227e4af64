//! Tokenizers from files, bytes, and other tokenizers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use eurotok_core::format::{self, Hints};
use eurotok_core::tokenizer::Tokenizer as Engine;
use eurotok_core::vocab::{self, Vocab};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use super::{Inner, Tokenizer};
use crate::error::Raise;
use crate::gil::abandonable;

/// The source of a tokenizer: the bytes of a file, or another tokenizer, which is then shared.
#[derive(FromPyObject)]
pub(super) enum TokenizerSource<'py> {
    Tokenizer(PyRef<'py, Tokenizer>),
    Bytes(PyBackedBytes),
}

impl Tokenizer {
    pub(crate) fn from_vocab(py: Python<'_>, vocab: Vocab) -> PyResult<Self> {
        Self::prepare(py, None, || Ok(vocab::TokenizerData::Vocab(vocab)))
    }

    /// The tokenizer that runs the data that `read` returns, from a file of this name.
    pub(super) fn prepare(
        py: Python<'_>,
        origin: Option<String>,
        read: impl FnOnce() -> eurotok_core::Result<vocab::TokenizerData> + Send + 'static,
    ) -> PyResult<Self> {
        let prepare = move || {
            let engine = Engine::new(read()?).map_err(|error| match origin {
                Some(origin) => error.in_file(&origin),
                None => error,
            })?;
            Ok(Arc::new(Inner { engine, spare: Arc::default() }))
        };
        let inner = abandonable(py, prepare)?;
        inner.raise().map(|inner| Self { inner })
    }

    /// A tokenizer with a smaller vocabulary.
    pub(crate) fn truncated(&self, py: Python<'_>, size: usize) -> PyResult<Self> {
        let inner = Arc::clone(&self.inner);
        let made = abandonable(py, move || eurotok_core::train::truncate(inner.engine.byte_level("tokenizer")?, size))?;
        Self::from_vocab(py, made.raise()?)
    }
}

/// The tokenizer in a file.
#[pyfunction]
#[pyo3(signature = (path, scheme = None, special_tokens = None))]
pub(super) fn load(
    py: Python<'_>,
    path: PathBuf,
    scheme: Option<&str>,
    special_tokens: Option<BTreeMap<String, u32>>,
) -> PyResult<Tokenizer> {
    let hints = hints(scheme, special_tokens)?;
    Tokenizer::prepare(py, Some(path.display().to_string()), move || format::load_tokenizer(&path, &hints))
}

/// The caller's knowledge of a file that does not state it itself.
pub(super) fn hints(scheme: Option<&str>, special_tokens: Option<BTreeMap<String, u32>>) -> PyResult<Hints> {
    let scheme = scheme.map(crate::scheme).transpose()?;
    Ok(Hints { scheme, special_tokens: special_tokens.unwrap_or_default().into_iter().collect() })
}
