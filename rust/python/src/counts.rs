//! Counts of the pieces of a corpus, made without the GIL.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use eurotok_core::Stop;
use eurotok_core::count::{CountOptions, Counts as CoreCounts, Frequencies, Language};
use eurotok_core::memory::{Grow, collect};
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::{PyBytes, PyMapping, PyType};

use crate::arch::bytes_of;
use crate::error::{Raise, argument};
use crate::gil::{MANY, abandonable, interruptible};
use crate::items::Items;
use crate::options::{parse_errors, parse_memory, parse_threads};
use crate::progress::Reporter;
use crate::shared::SharedCounts;

/// The unique pieces of a corpus and the number of occurrences of each, per language.
#[pyclass(frozen, module = "eurotok._core")]
pub(crate) struct Counts {
    inner: SharedCounts,
}

impl Counts {
    fn of(counts: CoreCounts) -> Self {
        Self { inner: SharedCounts::new(counts) }
    }

    /// The counts that `make` returns. It runs without the GIL, in a thread that Ctrl-C leaves behind.
    fn made(
        py: Python<'_>,
        make: impl FnOnce() -> eurotok_core::Result<CoreCounts> + Send + 'static,
    ) -> PyResult<Self> {
        abandonable(py, make)?.raise().map(Self::of)
    }

    /// The present counts.
    pub(crate) fn now(&self, py: Python<'_>) -> Arc<CoreCounts> {
        self.inner.now(py)
    }

    /// Counts separately and adds the result at the end, so that readers never wait for a corpus.
    fn extend(
        &self,
        py: Python<'_>,
        threads: Option<usize>,
        count: impl FnOnce(&mut CoreCounts) -> eurotok_core::Result<()> + Send,
    ) -> PyResult<()> {
        let now = self.now(py);
        let (scheme, memory) = (now.scheme().clone(), now.memory());
        drop(now);
        let counted = py.detach(|| {
            let mut found = CoreCounts::new(scheme).within(memory)?;
            count(&mut found).map(|()| found)
        });
        let found = counted.raise()?;
        self.inner.change(py, |counts, stop| counts.add_unless(stop, found, threads))?.raise()
    }

    /// Frees memory for training, if that has a limit.
    pub(crate) fn make_room(&self, py: Python<'_>, limit: Option<usize>) -> PyResult<()> {
        if limit.is_none() {
            return Ok(());
        }
        self.inner.change(py, CoreCounts::leave_memory)?.raise()
    }
}

/// The description that `eurotok.described` makes of counts. Descriptions are written in Python.
fn described<'py>(counts: &Bound<'py, Counts>, form: &str) -> PyResult<Bound<'py, PyAny>> {
    counts.py().import("eurotok.described")?.call_method1(form, (counts,))
}

fn by_language<T>(counts: &CoreCounts, of: impl Fn(&Language) -> T) -> BTreeMap<String, T> {
    counts.languages().map(|(name, language)| (name.to_string(), of(language))).collect()
}

#[pymethods]
impl Counts {
    #[new]
    #[pyo3(signature = (scheme, *, memory = None))]
    fn new(scheme: &str, memory: Option<i64>) -> PyResult<Self> {
        let counts = CoreCounts::new(crate::scheme(scheme)?).within(parse_memory(memory)?).raise()?;
        Ok(Self::of(counts))
    }

    /// Load counts that `save` wrote.
    ///
    /// Parameters
    /// ----------
    /// path
    ///     The file.
    /// memory
    ///     About how many bytes of memory the counts may take, now and later; the rest goes to a temporary file.
    ///
    /// Raises
    /// ------
    /// OSError, FormatError
    ///     If the file cannot be read, or differs from the file that was saved.
    #[staticmethod]
    #[pyo3(signature = (path, *, memory = None))]
    fn load(py: Python<'_>, path: PathBuf, memory: Option<i64>) -> PyResult<Self> {
        let memory = parse_memory(memory)?;
        Self::made(py, move || CoreCounts::load(&path, memory))
    }

    /// Write the counts to a file, whole or not at all.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let now = self.now(py);
        interruptible(py, |stop| now.save_unless(stop, &path))?.raise()
    }

    /// Count files.
    ///
    /// Parameters
    /// ----------
    /// language
    ///     The language to count them for.
    /// paths
    ///     Files of text or, if the name says `.jsonl`, of a record a line with a field `text`; plain, `.gz` or `.zst`.
    /// threads
    ///     How many threads to use; by default all cores. The counts do not depend on it.
    /// errors
    ///     `"strict"`, or `"replace"` to put U+FFFD where a file is not UTF-8.
    /// progress
    ///     Called with the language, the bytes read and all bytes to read. An exception that it raises stops the work.
    ///
    /// Raises
    /// ------
    /// OSError, CorpusError
    ///     If a file cannot be read or is not what its name says. The counts then stay as they were.
    #[pyo3(signature = (language, paths, *, threads = None, errors = "strict", progress = None))]
    fn add_files(
        &self,
        py: Python<'_>,
        language: &str,
        paths: Items<PathBuf>,
        threads: Option<i64>,
        errors: &str,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let options = CountOptions { threads: parse_threads(threads)?, invalid: parse_errors(errors)? };
        let mut reporter = Reporter::new(progress);
        let counted = self.extend(py, options.threads, |counts| {
            counts.add_files(language, &paths.0, options, |done, total| reporter.report(language, done, total))
        });
        reporter.finish(counted)
    }

    /// Count texts in memory. The parameters are the same as in `add_files`.
    #[pyo3(signature = (language, texts, *, threads = None))]
    fn add_texts(
        &self,
        py: Python<'_>,
        language: &str,
        texts: Items<PyBackedStr>,
        threads: Option<i64>,
    ) -> PyResult<()> {
        let options = CountOptions { threads: parse_threads(threads)?, ..CountOptions::default() };
        let texts = collect(texts.0.iter().map(|text| &**text)).raise()?;
        let mut reporter = Reporter::new(None);
        let counted = self.extend(py, options.threads, |counts| {
            counts.add_texts(language, &texts, options, || reporter.report(language, 0, 0))
        });
        reporter.finish(counted)
    }

    fn __add__(&self, py: Python<'_>, other: &Self) -> PyResult<Self> {
        let (own, other) = (self.now(py), other.now(py));
        Self::made(py, move || {
            let mut sum = own.try_clone()?;
            sum.add(other.try_clone()?, None).map(|()| sum)
        })
    }

    fn __mul__(&self, py: Python<'_>, factor: i64) -> PyResult<Self> {
        let factor = u64::try_from(factor).map_err(|_| argument("factor", format!("{factor} is negative")))?;
        let now = self.now(py);
        Self::made(py, move || now.times(factor))
    }

    /// The counts of pieces that are not rare, or of some languages alone.
    ///
    /// Parameters
    /// ----------
    /// min_count
    ///     How often a piece occurs at least, in its language.
    /// languages
    ///     The languages to keep; by default all.
    /// without
    ///     A regex; pieces in which it matches go.
    ///
    /// Returns
    /// -------
    /// Counts
    ///     New ones. The bytes of text, and so the shares of languages, stay unchanged.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     If one of `languages` is not there; `PatternError` if the regex does not compile, or gives up on a piece.
    /// OSError
    ///     If pieces are on disk and cannot be read or written.
    #[pyo3(signature = (min_count = 1, *, languages = None, without = None))]
    fn filter(
        &self,
        py: Python<'_>,
        min_count: i64,
        languages: Option<Items<String>>,
        without: Option<&str>,
    ) -> PyResult<Self> {
        let least = u64::try_from(min_count).map_err(|_| argument("min_count", format!("{min_count} is negative")))?;
        let (now, without) = (self.now(py), without.map(str::to_string));
        Self::made(py, move || {
            let mut kept = now.try_clone()?;
            if let Some(languages) = languages {
                kept.keep(&languages.0)?;
            }
            kept.retain(least)?;
            match without {
                Some(pattern) => kept.without(&pattern),
                None => Ok(kept),
            }
        })
    }

    /// The counts that the same pieces would have in text with given word frequencies.
    ///
    /// This is importance weighting: a corpus of laws has the words of laws, and a list of word frequencies describes
    /// the language as a whole. A vocabulary of calibrated counts is cheaper on other text: by 5 to 11 % for one
    /// language, and by 3 to 4 % for 24 together. (Much of that corpus was law and old literature.) It is more
    /// expensive on text like the corpus, so do not calibrate if all future text is like the corpus.
    ///
    /// Parameters
    /// ----------
    /// frequencies
    ///     A folder of lists `<lang>.tsv`, plain, `.gz` or `.zst`, with lines `word<TAB>frequency`; or `{"fr": {word:
    ///     frequency}}`. Only the proportions of the frequencies matter. Capitals matter if at least one word in a
    ///     hundred has some. Languages without a list, such as code, stay as they are.
    /// strength
    ///     From 0, the counts unchanged, to 1, the lists alone. 0.7 is careful, 0.9 the best on other text.
    ///
    /// Returns
    /// -------
    /// Counts
    ///     New counts. The bytes of a language are the bytes of its calibrated text. Counts are whole numbers: multiply
    ///     the counts of a small corpus first, `(counts * 100).calibrate(...)`, or its rare words round to 0.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     If the strength is not between 0 and 1, or a list is for a language that the counts lack.
    /// OSError, CorpusError
    ///     If a list cannot be read, has a line that is not a word and a frequency of 0 or more, has a word twice, or
    ///     hardly agrees with the text, like a list of another language.
    ///
    /// Notes ----- A word is a piece without its first character, if that is neither letter nor digit, `’` read as `'`.
    /// Let c be its count, f its frequency, N the sum of counts of all words of the list in any capitals, F the sum of
    /// frequencies, r the least frequency, a the strength. A word of the list gets (1 - a) c + a f N / F, spread over
    /// its pieces as the corpus has them, or over its capitals, too, if the list has none. A piece whose word the list
    /// lacks gets (1 - a) c + a min(c, r N / F). A word that the corpus lacks enters with a space in front. A piece
    /// without letters keeps its count.
    ///
    /// A list knows nothing of punctuation, of words that the scheme joins, or of text that is not prose: keep code and
    /// markup in columns of their own.
    #[pyo3(signature = (frequencies, strength))]
    fn calibrate(&self, py: Python<'_>, frequencies: &Bound<'_, PyAny>, strength: f64) -> PyResult<Self> {
        let source = FrequencySource::of(frequencies)?;
        let now = self.now(py);
        Self::made(py, move || now.calibrate(&source.lists(&now)?, strength))
    }

    /// The splitting rule: a name of `eurotok.schemes()`, or a regex.
    #[getter]
    fn scheme(&self, py: Python<'_>) -> String {
        let counts = self.now(py);
        counts.scheme().name().unwrap_or(counts.scheme().pattern()).to_string()
    }

    /// The languages, in alphabetical order.
    #[getter]
    fn languages(&self, py: Python<'_>) -> Vec<String> {
        self.now(py).languages().map(|(name, _)| name.to_string()).collect()
    }

    /// Bytes of text, per language.
    #[getter]
    fn bytes(&self, py: Python<'_>) -> BTreeMap<String, u64> {
        by_language(&self.now(py), Language::bytes)
    }

    /// Different pieces, per language.
    #[getter]
    fn unique(&self, py: Python<'_>) -> PyResult<BTreeMap<String, usize>> {
        let now = self.now(py);
        // This takes a while if pieces are on disk.
        abandonable(py, move || {
            let unique = by_language(&now, Language::unique).into_iter();
            unique.map(|(name, unique)| Ok((name, unique?))).collect::<eurotok_core::Result<_>>()
        })?
        .raise()
    }

    /// The scheme, the languages and the bytes of text, in a line that Python writes.
    fn __repr__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        described(slf, "line")
    }

    /// The same as a table for notebooks.
    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        described(slf, "html")
    }

    /// The arguments of `__new__` and `__setstate__` for pickle: the scheme, the content of a file, and the memory
    /// limit.
    #[expect(clippy::type_complexity, reason = "what pickle wants")]
    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyType>, (String,), (Bound<'py, PyBytes>, Option<usize>))> {
        let py = slf.py();
        let now = slf.get().now(py);
        let memory = now.memory();
        let bytes = abandonable(py, move || now.to_bytes())?.raise()?;
        Ok((slf.get_type(), (slf.get().scheme(py),), (bytes_of(py, &bytes)?, memory)))
    }

    fn __setstate__(&self, py: Python<'_>, state: (PyBackedBytes, Option<usize>)) -> PyResult<()> {
        let (bytes, memory) = state;
        let made = abandonable(py, move || CoreCounts::from_bytes("pickled counts", &bytes, memory))?.raise()?;
        let set = |counts: &mut CoreCounts, _: &Stop| {
            *counts = made;
            Ok(())
        };
        self.inner.change(py, set)?.raise()
    }
}

/// The source of word frequencies.
enum FrequencySource {
    Folder(PathBuf),
    /// Words and frequencies by language.
    Memory(BTreeMap<String, Vec<(String, f64)>>),
}

impl FrequencySource {
    fn of(frequencies: &Bound<'_, PyAny>) -> PyResult<Self> {
        let Ok(lists) = frequencies.cast::<PyMapping>() else { return Ok(Self::Folder(frequencies.extract()?)) };
        let list = |language: Bound<'_, PyAny>| {
            let words = lists.get_item(&language)?;
            Ok((language.extract()?, words_of(words.cast::<PyMapping>()?)?))
        };
        Ok(Self::Memory(lists.keys()?.iter().map(list).collect::<PyResult<_>>()?))
    }

    fn lists(self, counts: &CoreCounts) -> eurotok_core::Result<BTreeMap<String, Frequencies>> {
        match self {
            Self::Folder(folder) => Frequencies::read_folder(&folder, counts),
            Self::Memory(lists) => lists
                .into_iter()
                .map(|(language, words)| {
                    let list = Frequencies::new(&format!("frequencies of {language:?}"), words)?;
                    Ok((language, list))
                })
                .collect(),
        }
    }
}

/// The words of a list and their frequencies. The list may be long, so signals are asked for; no pair of both is made, since
/// many new objects start the garbage collector, whose callbacks lose the exception of a signal.
fn words_of(list: &Bound<'_, PyMapping>) -> PyResult<Vec<(String, f64)>> {
    let words = list.keys()?;
    let mut found = Vec::new();
    for (place, word) in words.iter().enumerate() {
        if place % MANY == MANY - 1 {
            list.py().check_signals()?;
        }
        let frequency = list.get_item(&word)?.extract()?;
        found.try_push((word.extract()?, frequency)).raise()?;
    }
    Ok(found)
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Counts>()
}
