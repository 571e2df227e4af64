//! `eurotok._core.Tokenizer`: encode, count, decode, look up.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use eurotok_core::arch::Foreign;
use eurotok_core::bpe::effective::effective;
use eurotok_core::decode::Decoder;
use eurotok_core::documents::Invalid;
use eurotok_core::encode::{Encoder, Text};
use eurotok_core::format::{self, Format, Hints};
use eurotok_core::vocab::{Merges, Vocab};
use eurotok_core::{Error, Stop};
use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};

use crate::arch::{bytes_of, list_of, string};
use crate::error::{Raise, raised};
use crate::gil::{SMALL, abandonable, interruptible, release};
use crate::ids::{Ids, Reader, copied};
use crate::options::{parse_errors, parse_specials, parse_threads};
use crate::spare::Spare;
use crate::text::{places, raise_of, repaired, single};
use crate::texts::{End, Ends, Surrogates, Texts};

/// A tokenizer: immutable, shared by threads.
#[pyclass(subclass, frozen, module = "eurotok._core")]
pub(crate) struct Tokenizer {
    inner: Arc<Inner>,
}

struct Inner {
    encoder: Encoder,
    decoder: Decoder,
    spare: Arc<Spare>,
}

impl Tokenizer {
    pub(crate) fn from_vocab(py: Python<'_>, vocab: Vocab) -> PyResult<Self> {
        Self::prepare(py, || Ok(vocab))
    }

    /// The tokenizer of a vocabulary that `read` returns.
    fn prepare(py: Python<'_>, read: impl FnOnce() -> eurotok_core::Result<Vocab> + Send + 'static) -> PyResult<Self> {
        let inner = abandonable(py, || {
            let encoder = Encoder::new(read()?)?;
            let decoder = Decoder::new(encoder.vocab(), encoder.isa())?;
            Ok(Arc::new(Inner { encoder, decoder, spare: Arc::default() }))
        })?;
        inner.raise().map(|inner| Self { inner })
    }

    pub(crate) fn vocab(&self) -> &Vocab {
        self.inner.encoder.vocab()
    }

    pub(crate) fn encoder(&self) -> &Encoder {
        &self.inner.encoder
    }

    /// Encodes a text and converts the ids: `small` borrows them, `large` takes them over if there may be many.
    #[inline]
    fn encode_to<T>(
        &self,
        text: &Bound<'_, PyString>,
        specials: &str,
        errors: &str,
        ends: Ends,
        small: impl Fn(&[u32]) -> T,
        large: impl Fn(Vec<u32>) -> T,
    ) -> PyResult<T> {
        let (encoder, specials) = (&self.inner.encoder, parse_specials(specials)?);
        let encode = |text: &Bound<'_, PyString>| {
            let points = single(text)?;
            let done = if points.size() >= SMALL {
                let ids = interruptible(text.py(), |stop| encoder.encode_unless(stop, points, specials))?;
                ids.map(|ids| large(if ends.count() > 0 { ends.around(&ids) } else { ids }))
            } else if ends.count() > 0 {
                encoder.encode_with(points, specials, |ids| small(&ends.around(ids)))
            } else {
                encoder.encode_with(points, specials, &small)
            };
            raise_of(done, |_| (text, None))
        };
        Surrogates::parse(errors)?.handle(text.py(), encode(text), || encode(&repaired(text)?))
    }

    fn decode_ids(&self, py: Python<'_>, ids: Foreign<'_>, skip_specials: bool) -> PyResult<Vec<u8>> {
        release(py, ids.len(), || self.inner.decoder.decode(self.vocab(), ids, !skip_specials)).raise()
    }
}

/// Ids as an array: few are copied into it, many are handed over.
fn array(py: Python<'_>, ids: Vec<u32>) -> Bound<'_, PyArray1<u32>> {
    if ids.len() < SMALL { PyArray1::from_slice(py, &ids) } else { PyArray1::from_vec(py, ids) }
}

/// Bytes as text: `errors` is `"strict"` or `"replace"`, as for `bytes.decode`.
fn text(bytes: Vec<u8>, errors: &str) -> PyResult<String> {
    let invalid = parse_errors(errors)?;
    String::from_utf8(bytes).or_else(|error| {
        if invalid == Invalid::Replace {
            return Ok(String::from_utf8_lossy(error.as_bytes()).into_owned());
        }
        let offset = error.utf8_error().valid_up_to() as u64;
        Err(raised(Error::InvalidUtf8 { origin: "decoded bytes".to_string(), offset }))
    })
}

/// The source of a tokenizer: the bytes of a file, or another tokenizer, which is then shared.
#[derive(FromPyObject)]
enum Source<'py> {
    Tokenizer(PyRef<'py, Tokenizer>),
    Bytes(PyBackedBytes),
}

#[pymethods]
impl Tokenizer {
    #[new]
    #[pyo3(signature = (data, origin = "tokenizer", scheme = None, special_tokens = None))]
    fn new(
        py: Python<'_>,
        data: Source<'_>,
        origin: &str,
        scheme: Option<&str>,
        special_tokens: Option<BTreeMap<String, u32>>,
    ) -> PyResult<Self> {
        let bytes = match data {
            Source::Tokenizer(tokenizer) => return Ok(Self { inner: Arc::clone(&tokenizer.inner) }),
            Source::Bytes(bytes) => bytes,
        };
        let (origin, hints) = (origin.to_string(), hints(scheme, special_tokens)?);
        Self::prepare(py, move || format::read(&origin, &bytes, &hints))
    }

    /// Encode a text.
    ///
    /// Parameters
    /// ----------
    /// text
    ///     Any text. It decodes to itself.
    /// specials
    ///     What a special token in the text is: `"text"` like any other, or `"parse"` to give its id.
    /// errors
    ///     What to do with lone surrogates, which are no text: `"strict"` to raise, or `"replace"` to put U+FFFD. A pair of them is
    ///     then the character for which it stands in UTF-16.
    /// bos, eos
    ///     What to put before and behind the ids: the text of a special token, or an id; by default nothing.
    ///
    /// Returns
    /// -------
    /// NDArray[np.uint32]
    ///     Ids, shape (tokens,).
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     If the text has a lone surrogate (UnicodeEncodeError), if a regex of one's own gives up on it (PatternError), or if the
    ///     vocabulary does not have `bos` or `eos`.
    #[pyo3(signature = (text, *, specials = "text", errors = "strict", bos = None, eos = None))]
    fn encode<'py>(
        &self,
        py: Python<'py>,
        text: &Bound<'py, PyString>,
        specials: &str,
        errors: &str,
        bos: End<'_, 'py>,
        eos: End<'_, 'py>,
    ) -> PyResult<Bound<'py, PyArray1<u32>>> {
        let ends = Ends::parse(self.vocab(), bos, eos)?;
        self.encode_to(text, specials, errors, ends, |ids| PyArray1::from_slice(py, ids), |ids| array(py, ids))
    }

    /// Encode a text to a list of int. As `encode` in all else.
    #[pyo3(signature = (text, *, specials = "text", errors = "strict", bos = None, eos = None))]
    fn encode_list<'py>(
        &self,
        py: Python<'py>,
        text: &Bound<'py, PyString>,
        specials: &str,
        errors: &str,
        bos: End<'_, 'py>,
        eos: End<'_, 'py>,
    ) -> PyResult<Bound<'py, PyList>> {
        let ends = Ends::parse(self.vocab(), bos, eos)?;
        self.encode_to(text, specials, errors, ends, |ids| list_of(py, ids), |ids| list_of(py, &ids))?
    }

    /// Encode a text, and tell where each token stands in it.
    ///
    /// Parameters and errors are those of `encode`.
    ///
    /// Returns
    /// -------
    /// ids : NDArray[np.uint32]
    ///     Shape (tokens,).
    /// spans : NDArray[np.int64]
    ///     Shape (tokens, 2): begin and end of each token, in characters of the text. Tokens that share a character by its
    ///     bytes have that character in common; `bos` and `eos` have none.
    #[pyo3(signature = (text, *, specials = "text", errors = "strict", bos = None, eos = None))]
    #[expect(clippy::type_complexity, reason = "two arrays")]
    fn encode_with_offsets<'py>(
        &self,
        py: Python<'py>,
        text: &Bound<'py, PyString>,
        specials: &str,
        errors: &str,
        bos: End<'_, 'py>,
        eos: End<'_, 'py>,
    ) -> PyResult<(Bound<'py, PyArray1<u32>>, Bound<'py, PyArray2<i64>>)> {
        let (specials, ends) = (parse_specials(specials)?, Ends::parse(self.vocab(), bos, eos)?);
        let encode = |text: &Bound<'py, PyString>| {
            let utf8 = text.to_str()?;
            let encoder = &self.inner.encoder;
            let done = if utf8.len() < SMALL {
                encoder.encode_with_offsets(utf8, specials)
            } else {
                interruptible(py, |stop| encoder.encode_with_offsets_unless(stop, utf8, specials))?
            };
            done.raise()
        };
        let (ids, mut spans) = Surrogates::parse(errors)?.handle(py, encode(text), || {
            let whole = repaired(text)?;
            let (ids, mut spans) = encode(&whole)?;
            let places = places(text, whole.to_str()?)?;
            spans.iter_mut().for_each(|(start, end)| (*start, *end) = (places[*start as usize], places[*end as usize]));
            Ok((ids, spans))
        })?;
        let end = text.len()? as i64;
        spans.splice(..0, ends.bos.map(|_| (0, 0)));
        spans.extend(ends.eos.map(|_| (end, end)));
        let flat: Vec<i64> = spans.iter().flat_map(|&(start, end)| [start, end]).collect();
        let spans = PyArray1::from_vec(py, flat).reshape([spans.len(), 2])?;
        let ids = if ends.count() > 0 { ends.around(&ids) } else { ids };
        Ok((array(py, ids), spans))
    }

    #[expect(clippy::type_complexity, reason = "two arrays")]
    #[expect(clippy::too_many_arguments, reason = "as many as Python has")]
    fn _encode_batch<'py>(
        &self,
        py: Python<'py>,
        texts: &Bound<'py, PyAny>,
        threads: Option<i64>,
        specials: &str,
        errors: &str,
        bos: End<'_, 'py>,
        eos: End<'_, 'py>,
    ) -> PyResult<(Bound<'py, PyArray1<u32>>, Bound<'py, PyArray1<i64>>)> {
        let (specials, threads) = (parse_specials(specials)?, parse_threads(threads)?);
        let (surrogates, ends) = (Surrogates::parse(errors)?, Ends::parse(self.vocab(), bos, eos)?);
        let Inner { encoder, spare, .. } = &*self.inner;
        let ragged = Texts::new(texts)?.give(py, surrogates, |stop, texts| {
            let ids = spare.take(texts.iter().map(|text| text.size()).sum());
            let ragged = encoder.encode_batch_to(ids, stop, texts, specials, threads)?;
            Ok(ragged.between(ends.bos, ends.eos))
        })?;
        Ok((spare.lend(py, ragged.ids)?, PyArray1::from_vec(py, ragged.offsets)))
    }

    /// Count the tokens of a text, without making them. Parameters and errors are those of `encode`.
    #[pyo3(signature = (text, *, specials = "text", errors = "strict", bos = None, eos = None))]
    fn count(
        &self,
        py: Python<'_>,
        text: &Bound<'_, PyString>,
        specials: &str,
        errors: &str,
        bos: End<'_, '_>,
        eos: End<'_, '_>,
    ) -> PyResult<usize> {
        let (specials, ends) = (parse_specials(specials)?, Ends::parse(self.vocab(), bos, eos)?);
        let count = |text: &Bound<'_, PyString>| {
            let points = single(text)?;
            let encoder = &self.inner.encoder;
            let counted = if points.size() < SMALL {
                encoder.count(points, specials)
            } else {
                interruptible(py, |stop| encoder.count_unless(stop, points, specials))?
            };
            raise_of(counted, |_| (text, None))
        };
        let count = Surrogates::parse(errors)?.handle(py, count(text), || count(&repaired(text)?))?;
        Ok(count + ends.count())
    }

    /// Count the tokens of many texts on several threads.
    ///
    /// Parameters
    /// ----------
    /// texts
    ///     The texts.
    /// threads
    ///     How many threads to use; by default all cores.
    /// specials, errors, bos, eos
    ///     As for `encode`.
    ///
    /// Returns
    /// -------
    /// NDArray[np.int64]
    ///     Tokens of each text, shape (texts,).
    #[pyo3(signature = (texts, threads = None, *, specials = "text", errors = "strict", bos = None, eos = None))]
    #[expect(clippy::too_many_arguments, reason = "as many as Python has")]
    fn count_batch<'py>(
        &self,
        py: Python<'py>,
        texts: &Bound<'py, PyAny>,
        threads: Option<i64>,
        specials: &str,
        errors: &str,
        bos: End<'_, 'py>,
        eos: End<'_, 'py>,
    ) -> PyResult<Bound<'py, PyArray1<i64>>> {
        let (specials, threads) = (parse_specials(specials)?, parse_threads(threads)?);
        let (surrogates, ends) = (Surrogates::parse(errors)?, Ends::parse(self.vocab(), bos, eos)?);
        let encoder = &self.inner.encoder;
        let work = |stop: &Stop, texts: &[Text<'_>]| encoder.count_batch_unless(stop, texts, specials, threads);
        let mut counts = Texts::new(texts)?.give(py, surrogates, work)?;
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
    ///     Integers: an array, a list, anything that iterates.
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
        py: Python<'py>,
        ids: &Bound<'py, PyAny>,
        errors: &str,
        skip_specials: bool,
        threads: Option<i64>,
    ) -> PyResult<Bound<'py, PyString>> {
        let threads = parse_threads(threads)?;
        let ids = Ids::new(ids, self.vocab().size())?;
        let ids = ids.numbers()?;
        if self.inner.decoder.is_worth_a_plan(ids.len()) {
            let invalid = parse_errors(errors)?;
            let plan = release(py, ids.len(), || self.inner.decoder.plan(self.vocab(), ids, !skip_specials, threads))
                .raise()?;
            if invalid == Invalid::Replace || plan.is_utf8() {
                return string(py, &plan);
            }
        }
        // Bytes that are not UTF-8 are an error with their place.
        PyString::from_bytes(py, text(self.decode_ids(py, ids, skip_specials)?, errors)?.as_bytes())
    }

    /// Decode ids to bytes, exactly, on one thread. As `decode` in all else.
    #[pyo3(signature = (ids, *, skip_specials = false))]
    fn decode_bytes<'py>(
        &self,
        py: Python<'py>,
        ids: &Bound<'py, PyAny>,
        skip_specials: bool,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let ids = Ids::new(ids, self.vocab().size())?;
        bytes_of(py, &self.decode_ids(py, ids.numbers()?, skip_specials)?)
    }

    fn _decode_batch(
        &self,
        py: Python<'_>,
        ids: &Bound<'_, PyAny>,
        offsets: &Bound<'_, PyArray1<i64>>,
        threads: Option<i64>,
        errors: &str,
        skip_specials: bool,
    ) -> PyResult<Vec<String>> {
        let threads = parse_threads(threads)?;
        let (ids, offsets) = (Ids::new(ids, self.vocab().size())?, copied(offsets)?);
        let ids = ids.numbers()?;
        let texts = py
            .detach(|| self.inner.decoder.decode_batch(self.vocab(), ids, &offsets, !skip_specials, threads))
            .raise()?;
        texts.into_iter().map(|bytes| text(bytes, errors)).collect()
    }

    /// Split a text into its pieces, which tokens never cross.
    fn split(&self, text: &str) -> PyResult<Vec<String>> {
        crate::pieces(self.inner.encoder.splitter(), text)
    }

    /// Give the bytes of an id, ordinary or special.
    ///
    /// Raises
    /// ------
    /// UnknownIdError
    ///     If no token has this id.
    fn token<'py>(&self, py: Python<'py>, id: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let ids = Reader { vocab_size: self.vocab().size() };
        let token = self.vocab().token(ids.item(id, 0)?);
        token.map(|token| PyBytes::new(py, token)).ok_or_else(|| ids.unknown(id, 0))
    }

    /// Give the id of the token with exactly these bytes, or None. Ordinary tokens come before special ones.
    fn id(&self, token: &[u8]) -> Option<u32> {
        self.vocab().id(token)
    }

    /// Give the contents of a file: `"json"` (a `tokenizer.json`), `"tiktoken"` or `"eurotok"`.
    ///
    /// Raises
    /// ------
    /// UnsupportedError
    ///     If the format cannot hold this tokenizer exactly.
    fn to_bytes<'py>(&self, py: Python<'py>, format: &str) -> PyResult<Bound<'py, PyBytes>> {
        let format = Format::from_name(format).raise()?;
        let bytes = py.detach(|| format::write(self.vocab(), format)).raise()?;
        Ok(PyBytes::new(py, &bytes))
    }

    fn _save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| format::save(self.vocab(), &path)).raise()
    }

    fn __len__(&self) -> usize {
        self.vocab().size()
    }

    /// One more than the largest id, special tokens included: the rows of an embedding table.
    #[getter]
    fn vocab_size(&self) -> usize {
        self.vocab().size()
    }

    /// Special tokens and their ids, by ascending id.
    #[getter]
    fn special_tokens<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let specials = PyDict::new(py);
        self.vocab().specials.iter().try_for_each(|special| specials.set_item(&special.content, special.id))?;
        Ok(specials)
    }

    /// Pairs of tokens in the order in which they merge. A new list each time.
    #[getter]
    fn merges<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)>> {
        let vocab = self.vocab();
        let pairs = match &vocab.merges {
            Merges::List { pairs, .. } => pairs.clone(),
            Merges::Ranks => effective(vocab).raise()?.into_iter().map(|merge| (merge.left, merge.right)).collect(),
        };
        let token = |id| PyBytes::new(py, vocab.tokens.get(id));
        Ok(pairs.into_iter().map(|(left, right)| (token(left), token(right))).collect())
    }

    /// The steps that the file asks for and that encoding does not apply, in words.
    fn _unobeyed(&self) -> Vec<String> {
        self.vocab().carried.unobeyed()
    }

    /// Name of the splitting rule in `eurotok.schemes()`; None for a regex of one's own.
    #[getter]
    fn scheme(&self) -> Option<&'static str> {
        self.vocab().scheme.name()
    }

    /// Regex of the splitting rule.
    #[getter]
    fn pattern(&self) -> &str {
        self.vocab().scheme.pattern()
    }
}

/// The tokenizer in a file.
#[pyfunction]
#[pyo3(signature = (path, scheme = None, special_tokens = None))]
fn load(
    py: Python<'_>,
    path: PathBuf,
    scheme: Option<&str>,
    special_tokens: Option<BTreeMap<String, u32>>,
) -> PyResult<Tokenizer> {
    let hints = hints(scheme, special_tokens)?;
    Tokenizer::prepare(py, move || format::load(&path, &hints))
}

/// The caller's knowledge of a file that does not state it itself.
fn hints(scheme: Option<&str>, special_tokens: Option<BTreeMap<String, u32>>) -> PyResult<Hints> {
    let scheme = scheme.map(crate::scheme).transpose()?;
    Ok(Hints { scheme, special_tokens: special_tokens.unwrap_or_default().into_iter().collect() })
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(load, module)?)?;
    module.add_class::<Tokenizer>()
}
