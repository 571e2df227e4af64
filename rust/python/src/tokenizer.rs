//! `eurotok._core.Tokenizer`: encode, count, decode, look up.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use eurotok_core::arch::Foreign;
use eurotok_core::bpe::effective::effective;
use eurotok_core::documents::Invalid;
use eurotok_core::encode::{Specials, Text};
use eurotok_core::format::{self, Format, Hints};
use eurotok_core::memory::{Grow, collect, lossy_text};
use eurotok_core::stages::Stages;
use eurotok_core::tokenizer::Tokenizer as Engine;
use eurotok_core::tokenizer::template::Joined;
use eurotok_core::vocab::pipeline::Model;
use eurotok_core::vocab::{self, Merges, Vocab};
use eurotok_core::{Error, Stop};
use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};

use crate::arch::{bytes_of, list_of, string};
use crate::error::{Raise, raised};
use crate::gil::{SMALL, abandonable, interruptible};
use crate::ids::{Ids, Reader, copied};
use crate::items::list;
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
    engine: Engine,
    spare: Arc<Spare>,
}

impl Tokenizer {
    pub(crate) fn from_vocab(py: Python<'_>, vocab: Vocab) -> PyResult<Self> {
        Self::prepare(py, || Ok(vocab::Tokenizer::Vocab(vocab)))
    }

    /// The tokenizer of the data that `read` gives.
    fn prepare(
        py: Python<'_>,
        read: impl FnOnce() -> eurotok_core::Result<vocab::Tokenizer> + Send + 'static,
    ) -> PyResult<Self> {
        let inner = abandonable(py, || Ok(Arc::new(Inner { engine: Engine::new(read()?)?, spare: Arc::default() })))?;
        inner.raise().map(|inner| Self { inner })
    }

    /// A tokenizer with a smaller vocabulary.
    pub(crate) fn truncated(&self, py: Python<'_>, size: usize) -> PyResult<Self> {
        let inner = Arc::clone(&self.inner);
        let made = abandonable(py, move || eurotok_core::train::truncate(inner.engine.byte_level("tokenizer")?, size))?;
        Self::from_vocab(py, made.raise()?)
    }

    #[inline]
    pub(crate) fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    /// The ids of a text and their spans; those with lone surrogates in the places of the text as it is.
    fn spanned(&self, text: &Bound<'_, PyString>, specials: Specials, surrogates: Surrogates) -> PyResult<Joined> {
        let py = text.py();
        let encode = |text: &Bound<'_, PyString>| {
            let utf8 = text.to_str()?;
            let done = if utf8.len() < SMALL {
                self.engine().encode_with_offsets(&Stop::never(), utf8, specials)
            } else {
                interruptible(py, |stop| self.engine().encode_with_offsets(stop, utf8, specials))?
            };
            done.raise()
        };
        let (ids, spans) = surrogates.handle(py, encode(text), || {
            let whole = repaired(text)?;
            let (ids, mut spans) = encode(&whole)?;
            let places = places(text, whole.to_str()?)?;
            spans.iter_mut().for_each(|(start, end)| (*start, *end) = (places[*start as usize], places[*end as usize]));
            Ok((ids, spans))
        })?;
        Ok(Joined { ids, spans })
    }

    /// The ids of a text before those of another, with special tokens or without.
    fn paired(
        &self,
        [text, pair]: [&Bound<'_, PyString>; 2],
        special_tokens: bool,
        specials: &str,
        errors: &str,
        [bos, eos]: [End<'_, '_>; 2],
    ) -> PyResult<Vec<u32>> {
        let ids = |text| {
            let ids = self.encode_to(text, specials, errors, &Ends::default(), <[u32]>::to_vec, |ids| ids)?;
            PyResult::Ok(Joined { ids, spans: Vec::new() })
        };
        let joined = self.engine().templates().join(&ids(text)?, Some(&ids(pair)?), special_tokens).raise()?;
        Ends::parse(self.engine(), false, bos, eos)?.around(&joined.ids).raise()
    }

    pub(crate) fn spare(&self) -> &Arc<Spare> {
        &self.inner.spare
    }

    /// Encodes a text and converts the ids: `small` borrows them, `large` takes them over if there may be many.
    #[inline]
    fn encode_to<T>(
        &self,
        text: &Bound<'_, PyString>,
        specials: &str,
        errors: &str,
        ends: &Ends,
        small: impl Fn(&[u32]) -> T,
        large: impl Fn(Vec<u32>) -> T,
    ) -> PyResult<T> {
        let (engine, specials) = (self.engine(), parse_specials(specials)?);
        let encode = |text: &Bound<'_, PyString>| {
            let points = single(text)?;
            let done = if points.size() >= SMALL {
                let ids = interruptible(text.py(), |stop| engine.encode(stop, points, specials))?;
                ids.and_then(|ids| Ok(large(if ends.count() > 0 { ends.around(&ids)? } else { ids })))
            } else if ends.count() > 0 {
                engine.encode_with(points, specials, |ids| ends.around(ids)).flatten().map(|ids| small(&ids))
            } else {
                engine.encode_with(points, specials, &small)
            };
            raise_of(done, |_| (text, None))
        };
        Surrogates::parse(errors)?.handle(text.py(), encode(text), || encode(&repaired(text)?))
    }

    fn decode_ids(&self, py: Python<'_>, ids: Foreign<'_>, skip_specials: bool) -> PyResult<Vec<u8>> {
        if ids.len() < SMALL {
            return self.engine().decode(&Stop::never(), ids, !skip_specials).raise();
        }
        interruptible(py, |stop| self.engine().decode(stop, ids, !skip_specials))?.raise()
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
            return lossy_text(error.as_bytes()).raise().map(Cow::into_owned);
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
        Self::prepare(py, move || format::read_tokenizer(&origin, &bytes, &hints))
    }

    /// Encode a text.
    ///
    /// Parameters
    /// ----------
    /// text
    ///     Any text. Of byte-level BPE it decodes to itself.
    /// pair
    ///     A text to put behind it, as the template of the file says.
    /// specials
    ///     What a special token in the text is: `"text"` like any other, or `"parse"` to give its id.
    /// errors
    ///     What to do with lone surrogates, which are no text: `"strict"` to raise, or `"replace"` to put U+FFFD. A pair of them is
    ///     then the character for which it stands in UTF-16.
    /// special_tokens
    ///     Whether to put the special tokens there that the file asks for: those of its post-processor.
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
    #[pyo3(signature = (
        text, pair = None, special_tokens = false, *, specials = "text", errors = "strict", bos = None, eos = None
    ))]
    #[expect(clippy::too_many_arguments, reason = "as many as Python has")]
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
        if let Some(pair) = pair {
            return Ok(array(py, self.paired([text, pair], special_tokens, specials, errors, [bos, eos])?));
        }
        let ends = Ends::parse(self.engine(), special_tokens, bos, eos)?;
        self.encode_to(text, specials, errors, &ends, |ids| PyArray1::from_slice(py, ids), |ids| array(py, ids))
    }

    /// Encode a text to a list of int. As `encode` in all else.
    #[pyo3(signature = (
        text, pair = None, special_tokens = false, *, specials = "text", errors = "strict", bos = None, eos = None
    ))]
    #[expect(clippy::too_many_arguments, reason = "as many as Python has")]
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
        if let Some(pair) = pair {
            return list_of(py, &self.paired([text, pair], special_tokens, specials, errors, [bos, eos])?);
        }
        let ends = Ends::parse(self.engine(), special_tokens, bos, eos)?;
        self.encode_to(text, specials, errors, &ends, |ids| list_of(py, ids), |ids| list_of(py, &ids))?
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
    #[pyo3(signature = (
        text, pair = None, special_tokens = false, *, specials = "text", errors = "strict", bos = None, eos = None
    ))]
    #[expect(clippy::type_complexity, reason = "two arrays")]
    #[expect(clippy::too_many_arguments, reason = "as many as Python has")]
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
        let (specials, surrogates) = (parse_specials(specials)?, Surrogates::parse(errors)?);
        let ends = Ends::parse(self.engine(), false, bos, eos)?;
        let first = self.spanned(text, specials, surrogates)?;
        let second = pair.map(|pair| self.spanned(pair, specials, surrogates)).transpose()?;
        let Joined { ids, spans } = match (&second, special_tokens) {
            (None, false) => first,
            _ => self.engine().templates().join(&first, second.as_ref(), special_tokens).raise()?,
        };
        let end = text.len()? as i64;
        let before = ends.before.iter().map(|_| (0, 0));
        let spans = before.chain(spans).chain(ends.behind.iter().map(|_| (end, end)));
        let flat = collect(spans.flat_map(|(start, end)| [start, end])).raise()?;
        let rows = flat.len() / 2;
        let spans = PyArray1::from_vec(py, flat).reshape([rows, 2])?;
        let ids = if ends.count() > 0 { ends.around(&ids).raise()? } else { ids };
        Ok((array(py, ids), spans))
    }

    #[expect(clippy::type_complexity, reason = "two arrays")]
    #[expect(clippy::too_many_arguments, reason = "as many as Python has")]
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
        let (specials, threads) = (parse_specials(specials)?, parse_threads(threads)?);
        let (surrogates, ends) = (Surrogates::parse(errors)?, Ends::parse(self.engine(), special_tokens, bos, eos)?);
        let Inner { engine, spare } = &*self.inner;
        let ragged = Texts::new(texts)?.give(py, surrogates, |stop, texts| {
            let ids = spare.take(texts.iter().map(|text| text.size()).sum());
            let ragged = engine.encode_batch_to(ids, stop, texts, specials, threads)?;
            Ok(ragged.between(&ends.before, &ends.behind))
        })?;
        Ok((spare.lend(py, ragged.ids)?, PyArray1::from_vec(py, ragged.offsets)))
    }

    /// Count the tokens of a text, without making them. Parameters and errors are those of `encode`.
    #[pyo3(signature = (text, special_tokens = false, *, specials = "text", errors = "strict", bos = None, eos = None))]
    #[expect(clippy::too_many_arguments, reason = "as many as Python has")]
    fn count(
        &self,
        py: Python<'_>,
        text: &Bound<'_, PyString>,
        special_tokens: bool,
        specials: &str,
        errors: &str,
        bos: End<'_, '_>,
        eos: End<'_, '_>,
    ) -> PyResult<usize> {
        let (specials, ends) = (parse_specials(specials)?, Ends::parse(self.engine(), special_tokens, bos, eos)?);
        let count = |text: &Bound<'_, PyString>| {
            let points = single(text)?;
            let counted = if points.size() < SMALL {
                self.engine().count(&Stop::never(), points, specials)
            } else {
                interruptible(py, |stop| self.engine().count(stop, points, specials))?
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
    #[expect(clippy::too_many_arguments, reason = "as many as Python has")]
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
        let (specials, threads) = (parse_specials(specials)?, parse_threads(threads)?);
        let (surrogates, ends) = (Surrogates::parse(errors)?, Ends::parse(self.engine(), special_tokens, bos, eos)?);
        let work = |stop: &Stop, texts: &[Text<'_>]| self.engine().count_batch(stop, texts, specials, threads);
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
        let ids = Ids::new(ids, self.engine().size())?;
        let ids = ids.numbers()?;
        let plan = |stop: &Stop| self.engine().plan(stop, ids, !skip_specials, threads);
        let plan = if ids.len() < SMALL { plan(&Stop::never()) } else { interruptible(py, plan)? };
        if let Some(plan) = plan.raise()?
            && (parse_errors(errors)? == Invalid::Replace || plan.is_utf8())
        {
            return string(py, &plan);
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
        let ids = Ids::new(ids, self.engine().size())?;
        bytes_of(py, &self.decode_ids(py, ids.numbers()?, skip_specials)?)
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

    /// Split a text into its pieces, which tokens never cross: of the normalized text, if the file has a normalizer.
    fn split<'py>(&self, py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyList>> {
        match self.engine().encoder() {
            Some(encoder) => crate::pieces(py, encoder.splitter(), text),
            None => list(py, self.engine().pieces(text).raise()?.iter().map(|piece| Ok(PyString::new(py, piece)))),
        }
    }

    /// Give the bytes of an id, ordinary or special: of byte-level tokens those that it stands for, else its text in UTF-8 as the
    /// vocabulary spells it.
    ///
    /// Raises
    /// ------
    /// UnknownIdError
    ///     If no token has this id.
    fn token<'py>(&self, py: Python<'py>, id: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let ids = Reader { vocab_size: self.engine().size() };
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
    fn merges<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)>> {
        if let Some(stages) = self.engine().stages() {
            let token = |id| PyBytes::new(py, &stages.token(id).unwrap_or_default());
            let Model::Bpe(model) = &stages.data().model else {
                return Err(raised(Error::unsupported("merges", "the model is no BPE, which alone has merges")));
            };
            return Ok(model.merges.iter().map(|merge| (token(merge.left), token(merge.right))).collect());
        }
        let vocab = self.engine().byte_level("merges").raise()?;
        let pairs = match &vocab.merges {
            Merges::List { pairs, .. } => collect(pairs.iter().copied()),
            Merges::Ranks => collect(effective(vocab).raise()?.into_iter().map(|merge| (merge.left, merge.right))),
        };
        let token = |id| bytes_of(py, vocab.tokens.get(id));
        let mut merges = Vec::new();
        for (left, right) in pairs.raise()? {
            merges.try_push((token(left)?, token(right)?)).raise()?;
        }
        Ok(merges)
    }

    /// Whether `token` gives the bytes of ids, not texts as the vocabulary spells them.
    fn _spells_bytes(&self) -> bool {
        self.engine().stages().is_none_or(Stages::is_byte_level)
    }

    /// Whether all parts are equal, whatever text steered training; None if one is no byte-level BPE.
    fn _is_same(&self, other: &Self) -> Option<bool> {
        Some(self.engine().vocab()?.is_same(other.engine().vocab()?))
    }

    /// Hashes of some sentences of the parallel text that steered training.
    #[getter]
    fn _steered_by(&self) -> Vec<String> {
        self.engine().vocab().map(|vocab| vocab.carried.steered_by.clone()).unwrap_or_default()
    }

    /// Name of the splitting rule in `eurotok.schemes()`; None for a regex of one's own, or several stages.
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
    Tokenizer::prepare(py, move || format::load_tokenizer(&path, &hints))
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
