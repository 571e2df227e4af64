//! `eurotok._core.Tokenizer`: the signatures and documentation of its methods. Each calls a function of this folder or of
//! the core.

mod decoding;
mod encoding;
mod loading;
mod merges;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use eurotok_core::Stop;
use eurotok_core::encode::Text;
use eurotok_core::format::{self, Format};
use eurotok_core::memory::collect;
use eurotok_core::stages::Stages;
use eurotok_core::tokenizer::Tokenizer as Engine;
use eurotok_core::tokenizer::template::Joined;
use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};

use crate::arch::{bytes_of, list_of};
use crate::error::Raise;
use crate::gil::{SMALL, interruptible};
use crate::ids::{IdReader, Ids, copied};
use crate::items::list;
use crate::options::parse_threads;
use crate::spare::Spare;
use crate::texts::{End, TextList};
use decoding::text;
use encoding::Options;
use loading::{TokenizerSource, hints};
use merges::{BytesPair, merges_of};

/// A tokenizer: immutable, shared by threads.
#[pyclass(subclass, frozen, module = "eurotok._core")]
pub(crate) struct Tokenizer {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    spare: Arc<Spare>,
}

impl Tokenizer {
    #[inline]
    pub(crate) fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    pub(crate) fn spare(&self) -> &Arc<Spare> {
        &self.inner.spare
    }
}

/// Ids as an array: few are copied into it, many are handed over.
fn array(py: Python<'_>, ids: Vec<u32>) -> Bound<'_, PyArray1<u32>> {
    if ids.len() < SMALL { PyArray1::from_slice(py, &ids) } else { PyArray1::from_vec(py, ids) }
}

#[pymethods]
impl Tokenizer {
    #[new]
    #[pyo3(signature = (data, origin = "tokenizer", scheme = None, special_tokens = None))]
    fn new(
        py: Python<'_>,
        data: TokenizerSource<'_>,
        origin: &str,
        scheme: Option<&str>,
        special_tokens: Option<BTreeMap<String, u32>>,
    ) -> PyResult<Self> {
        let bytes = match data {
            TokenizerSource::Tokenizer(tokenizer) => return Ok(Self { inner: Arc::clone(&tokenizer.inner) }),
            TokenizerSource::Bytes(bytes) => bytes,
        };
        let (origin, hints) = (origin.to_string(), hints(scheme, special_tokens)?);
        Self::prepare(py, Some(origin.clone()), move || format::read_tokenizer(&origin, &bytes, &hints))
    }

    /// Encode a text.
    ///
    /// Parameters
    /// ----------
    /// text
    ///     Any text. With byte-level BPE, decoding gives back exactly this text.
    /// pair
    ///     A second text, joined to the first by the template of the file.
    /// specials
    ///     The meaning of a special token in the text: `"text"` for text like any other, or `"parse"` for its id.
    /// errors
    ///     The treatment of lone surrogates, which are no text: `"strict"` raises an error, `"replace"` puts U+FFFD in
    ///     their place. With `"replace"`, a pair of surrogates becomes its character in UTF-16.
    /// special_tokens
    ///     Whether to add the special tokens of the file's post-processor.
    /// bos, eos
    ///     A token to put before or behind the ids: the text of a special token, or an id. By default none.
    ///
    /// Returns
    /// -------
    /// NDArray[np.uint32]
    ///     Ids, shape (tokens,).
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     If the text has a lone surrogate (UnicodeEncodeError), if a user's regex gives up on it (PatternError), or
    ///     if the vocabulary does not have `bos` or `eos`.
    #[pyo3(signature = (
        text, pair = None, special_tokens = false, *, specials = "text", errors = "strict", bos = None, eos = None
    ))]
    #[expect(clippy::too_many_arguments, reason = "the method has this many keywords in Python")]
    fn encode<'py>(
        &self,
        py: Python<'py>,
        text: &Bound<'py, PyString>,
        pair: Option<&Bound<'py, PyString>>,
        special_tokens: bool,
        specials: &str,
        errors: &str,
        bos: End<'_, 'py>,
        eos: End<'_, 'py>,
    ) -> PyResult<Bound<'py, PyArray1<u32>>> {
        let options = Options::parse(self, special_tokens && pair.is_none(), specials, errors, [bos, eos])?;
        match pair {
            Some(pair) => Ok(array(py, self.encode_pair([text, pair], special_tokens, &options)?)),
            None => self.encode_to(text, &options, |ids| PyArray1::from_slice(py, ids), |ids| array(py, ids)),
        }
    }

    /// Encode a text to a list of int. Everything else is as in `encode`.
    #[pyo3(signature = (
        text, pair = None, special_tokens = false, *, specials = "text", errors = "strict", bos = None, eos = None
    ))]
    #[expect(clippy::too_many_arguments, reason = "the method has this many keywords in Python")]
    fn encode_list<'py>(
        &self,
        py: Python<'py>,
        text: &Bound<'py, PyString>,
        pair: Option<&Bound<'py, PyString>>,
        special_tokens: bool,
        specials: &str,
        errors: &str,
        bos: End<'_, 'py>,
        eos: End<'_, 'py>,
    ) -> PyResult<Bound<'py, PyList>> {
        let options = Options::parse(self, special_tokens && pair.is_none(), specials, errors, [bos, eos])?;
        match pair {
            Some(pair) => list_of(py, &self.encode_pair([text, pair], special_tokens, &options)?),
            None => self.encode_to(text, &options, |ids| list_of(py, ids), |ids| list_of(py, &ids))?,
        }
    }

    /// Encode a text, and give the span of each token in it.
    ///
    /// Parameters and errors are the same as in `encode`.
    ///
    /// Returns
    /// -------
    /// ids : NDArray[np.uint32]
    ///     Shape (tokens,).
    /// spans : NDArray[np.int64]
    ///     Shape (tokens, 2): begin and end of each token, in characters of the text. If a character is cut into
    ///     several tokens, the span of each of them covers the whole character. `bos` and `eos` have empty spans.
    #[pyo3(signature = (
        text, pair = None, special_tokens = false, *, specials = "text", errors = "strict", bos = None, eos = None
    ))]
    #[expect(clippy::type_complexity, reason = "two arrays")]
    #[expect(clippy::too_many_arguments, reason = "the method has this many keywords in Python")]
    fn encode_with_offsets<'py>(
        &self,
        py: Python<'py>,
        text: &Bound<'py, PyString>,
        pair: Option<&Bound<'py, PyString>>,
        special_tokens: bool,
        specials: &str,
        errors: &str,
        bos: End<'_, 'py>,
        eos: End<'_, 'py>,
    ) -> PyResult<(Bound<'py, PyArray1<u32>>, Bound<'py, PyArray2<i64>>)> {
        let options = Options::parse(self, false, specials, errors, [bos, eos])?;
        let Joined { ids, spans } = self.encode_spans(text, pair, special_tokens, &options)?;
        let flat = collect(spans.into_iter().flat_map(|(start, end)| [start, end])).raise()?;
        let rows = flat.len() / 2;
        let spans = PyArray1::from_vec(py, flat).reshape([rows, 2])?;
        Ok((array(py, ids), spans))
    }

    #[expect(clippy::type_complexity, reason = "two arrays")]
    #[expect(clippy::too_many_arguments, reason = "the method has this many keywords in Python")]
    fn _encode_batch<'py>(
        &self,
        py: Python<'py>,
        texts: &Bound<'py, PyAny>,
        threads: Option<i64>,
        special_tokens: bool,
        specials: &str,
        errors: &str,
        bos: End<'_, 'py>,
        eos: End<'_, 'py>,
    ) -> PyResult<(Bound<'py, PyArray1<u32>>, Bound<'py, PyArray1<i64>>)> {
        let threads = parse_threads(threads)?;
        let Options { specials, surrogates, ends } =
            Options::parse(self, special_tokens, specials, errors, [bos, eos])?;
        let Inner { engine, spare } = &*self.inner;
        let ragged = TextList::new(texts)?.give(py, surrogates, |stop, texts| {
            let ids = spare.take(texts.iter().map(|text| text.size()).sum());
            let ragged = engine.encode_batch_to(ids, stop, texts, specials, threads)?;
            Ok(ragged.between(&ends.before, &ends.behind))
        })?;
        Ok((spare.lend(py, ragged.ids)?, PyArray1::from_vec(py, ragged.offsets)))
    }

    /// Count the tokens of a text, without making them. Parameters and errors are the same as in `encode`.
    #[pyo3(signature = (text, special_tokens = false, *, specials = "text", errors = "strict", bos = None, eos = None))]
    fn count(
        &self,
        text: &Bound<'_, PyString>,
        special_tokens: bool,
        specials: &str,
        errors: &str,
        bos: End<'_, '_>,
        eos: End<'_, '_>,
    ) -> PyResult<usize> {
        self.count_of(text, &Options::parse(self, special_tokens, specials, errors, [bos, eos])?)
    }

    /// Count the tokens of many texts on several threads.
    ///
    /// Parameters
    /// ----------
    /// texts
    ///     The texts.
    /// threads
    ///     How many threads to use; by default all cores.
    /// special_tokens, specials, errors, bos, eos
    ///     As for `encode`.
    ///
    /// Returns
    /// -------
    /// NDArray[np.int64]
    ///     Tokens of each text, shape (texts,).
    #[pyo3(signature = (
        texts, threads = None, *, special_tokens = false, specials = "text", errors = "strict", bos = None, eos = None
    ))]
    #[expect(clippy::too_many_arguments, reason = "the method has this many keywords in Python")]
    fn count_batch<'py>(
        &self,
        py: Python<'py>,
        texts: &Bound<'py, PyAny>,
        threads: Option<i64>,
        special_tokens: bool,
        specials: &str,
        errors: &str,
        bos: End<'_, 'py>,
        eos: End<'_, 'py>,
    ) -> PyResult<Bound<'py, PyArray1<i64>>> {
        let threads = parse_threads(threads)?;
        let Options { specials, surrogates, ends } =
            Options::parse(self, special_tokens, specials, errors, [bos, eos])?;
        let work = |stop: &Stop, texts: &[Text<'_>]| self.engine().count_batch(stop, texts, specials, threads);
        let mut counts = TextList::new(texts)?.give(py, surrogates, work)?;
        if ends.count() > 0 {
            counts.iter_mut().for_each(|count| *count += ends.count() as i64);
        }
        Ok(PyArray1::from_vec(py, counts))
    }

    /// Decode ids to a text.
    ///
    /// Parameters
    /// ----------
    /// ids
    ///     Integers: an array, a list, or any iterable.
    /// errors
    ///     `"replace"` to put U+FFFD where the bytes of the ids are not UTF-8, or `"strict"`.
    /// skip_specials
    ///     Whether to leave out special tokens.
    /// threads
    ///     How many threads to use, if there are more than 65,536 ids; by default all cores. The result does not depend on it.
    ///
    /// Raises
    /// ------
    /// UnknownIdError
    ///     If an id is not in the vocabulary, naming it and its place.
    #[pyo3(signature = (ids, *, errors = "replace", skip_specials = false, threads = None))]
    fn decode<'py>(
        &self,
        ids: &Bound<'py, PyAny>,
        errors: &str,
        skip_specials: bool,
        threads: Option<i64>,
    ) -> PyResult<Bound<'py, PyString>> {
        self.decode_to_text(ids, errors, skip_specials, threads)
    }

    /// Decode ids to bytes, exactly, on one thread. Everything else is as in `decode`.
    #[pyo3(signature = (ids, *, skip_specials = false))]
    fn decode_bytes<'py>(
        &self,
        py: Python<'py>,
        ids: &Bound<'py, PyAny>,
        skip_specials: bool,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let ids = Ids::new(ids, self.engine().size())?;
        bytes_of(py, &self.decode_to_bytes(py, ids.numbers()?, skip_specials)?)
    }

    fn _decode_batch<'py>(
        &self,
        py: Python<'py>,
        ids: &Bound<'py, PyAny>,
        offsets: &Bound<'py, PyArray1<i64>>,
        threads: Option<i64>,
        errors: &str,
        skip_specials: bool,
    ) -> PyResult<Bound<'py, PyList>> {
        let threads = parse_threads(threads)?;
        let (ids, offsets) = (Ids::new(ids, self.engine().size())?, copied(offsets)?);
        let ids = ids.numbers()?;
        let decode = |stop: &Stop| self.engine().decode_batch(stop, ids, &offsets, !skip_specials, threads);
        let texts = interruptible(py, decode)?.raise()?;
        list(py, texts.into_iter().map(|bytes| PyString::from_bytes(py, text(bytes, errors)?.as_bytes())))
    }

    /// Split a text into its pieces, which tokens never cross. If the file has a normalizer, these are the pieces of
    /// the normalized text.
    fn split<'py>(&self, py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyList>> {
        match self.engine().encoder() {
            Some(encoder) => crate::pieces(py, encoder.splitter(), text),
            None => {
                let pieces = |stop: &Stop| self.engine().pieces(stop, text);
                let pieces = if text.len() < SMALL { pieces(&Stop::never()) } else { interruptible(py, pieces)? };
                list(py, pieces.raise()?.iter().map(|piece| Ok(PyString::new(py, piece))))
            }
        }
    }

    /// Give the bytes of an id, ordinary or special. For byte-level tokens these are the bytes of the text; for other
    /// tokens, the token in UTF-8 as the vocabulary spells it.
    ///
    /// Raises
    /// ------
    /// UnknownIdError
    ///     If no token has this id.
    fn token<'py>(&self, py: Python<'py>, id: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let ids = IdReader { vocab_size: self.engine().size() };
        let token = self.engine().token(ids.item(id, 0)?);
        token.map(|token| PyBytes::new(py, &token)).ok_or_else(|| ids.unknown(id, 0))
    }

    /// Give the id of the token with exactly these bytes, or None. Ordinary tokens come before special ones.
    fn id(&self, token: &[u8]) -> Option<u32> {
        self.engine().id(token)
    }

    /// Give the contents of a file: `"json"` (a `tokenizer.json`), `"tiktoken"` or `"eurotok"`.
    ///
    /// Raises
    /// ------
    /// UnsupportedError
    ///     If the format cannot hold this tokenizer exactly.
    fn to_bytes<'py>(&self, py: Python<'py>, format: &str) -> PyResult<Bound<'py, PyBytes>> {
        let format = Format::from_name(format).raise()?;
        let bytes = py.detach(|| self.engine().write(format)).raise()?;
        bytes_of(py, &bytes)
    }

    fn _save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| self.engine().save(&path)).raise()
    }

    fn __len__(&self) -> usize {
        self.engine().size()
    }

    /// One more than the largest id, special tokens included: the rows of an embedding table.
    #[getter]
    fn vocab_size(&self) -> usize {
        self.engine().size()
    }

    /// Special tokens and their ids, by ascending id.
    #[getter]
    fn special_tokens<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let specials = PyDict::new(py);
        self.engine().added_tokens().into_iter().try_for_each(|(content, id)| specials.set_item(content, id))?;
        Ok(specials)
    }

    /// Pairs of tokens in the order in which they merge. A new list each time.
    ///
    /// Raises
    /// ------
    /// UnsupportedError
    ///     If the model is no BPE.
    #[getter]
    fn merges<'py>(&self, py: Python<'py>) -> PyResult<Vec<BytesPair<'py>>> {
        merges_of(py, self.engine())
    }

    /// Whether `token` gives the bytes of ids, not texts as the vocabulary spells them.
    fn _spells_bytes(&self) -> bool {
        self.engine().stages().is_none_or(Stages::is_byte_level)
    }

    /// How the file has sequences padded, and how truncated, in JSON.
    #[getter]
    fn _stated(&self) -> [Option<String>; 2] {
        self.engine().stated().map(|part| part.map(ToString::to_string))
    }

    /// Whether all parts are equal except the hashes of the text that steered training; None if one tokenizer is no
    /// byte-level BPE.
    fn _is_same(&self, other: &Self) -> Option<bool> {
        Some(self.engine().vocab()?.is_same(other.engine().vocab()?))
    }

    /// Ids of the special tokens that `skip_specials` leaves out: not those that are content.
    #[getter]
    fn _skipped_ids(&self) -> Vec<u32> {
        self.engine().skipped_tokens()
    }

    /// Hashes of some sentences of the parallel text that steered training.
    #[getter]
    fn _steered_by(&self) -> Vec<String> {
        self.engine().vocab().map(|vocab| vocab.carried.steered_by.clone()).unwrap_or_default()
    }

    /// Name of the splitting rule in `eurotok.schemes()`; None for a user's regex, or several stages.
    #[getter]
    fn scheme(&self) -> Option<&'static str> {
        self.engine().vocab()?.scheme.name()
    }

    /// Regex of the splitting rule.
    ///
    /// Raises
    /// ------
    /// UnsupportedError
    ///     If the tokenizer has stages instead of one rule.
    #[getter]
    fn pattern(&self) -> PyResult<&str> {
        Ok(self.engine().byte_level("pattern").raise()?.scheme.pattern())
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(loading::load, module)?)?;
    module.add_class::<Tokenizer>()
}
