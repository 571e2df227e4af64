//! From files to files of ids, without the GIL.

use std::path::PathBuf;

use eurotok_core::encode::files::{self, EncodeOptions, IdsWriter};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::Raise;
use crate::gil::interruptible;
use crate::items::Items;
use crate::keywords::Keywords;
use crate::options::{parse_errors, parse_specials, parse_threads, parse_width};
use crate::progress::Reporter;
use crate::texts::TextList;
use crate::tokenizer::Tokenizer;

/// Encode documents into a file of ids, and one of the offsets at which they begin.
///
/// Each of `sources` is two lists: files for the core to read, and after them texts. Returns how many documents, ids and bytes
/// of text there were. Both files appear whole or not at all.
#[pyfunction]
#[pyo3(signature = (tokenizer, sources, output, offsets, **options))]
fn encode_files(
    py: Python<'_>,
    tokenizer: &Tokenizer,
    sources: &Bound<'_, PyAny>,
    output: PathBuf,
    offsets: PathBuf,
    options: Option<Bound<'_, PyDict>>,
) -> PyResult<(u64, u64, u64)> {
    let keywords = Keywords::new("encode_files", options);
    let dtype: Option<String> = keywords.take("dtype")?;
    let separator = keywords.take("separator")?;
    let (options, mut reporter) = parse(keywords)?;
    let options = EncodeOptions { separator, width: dtype.as_deref().map(parse_width).transpose()?, ..options };
    let mut writer = IdsWriter::create(tokenizer.engine().documents(), &output, &offsets, options).raise()?;
    for source in sources.try_iter()? {
        let (paths, texts): (Items<PathBuf>, Bound<'_, PyAny>) = source?.extract()?;
        let texts = TextList::new(&texts)?;
        let texts = texts.as_strs()?;
        let encoded = interruptible(py, |stop| {
            writer.add_files(&paths.0, |done, total| reporter.report("encoding", done, total))?;
            writer.add_texts_unless(stop, &texts)
        })?;
        if encoded.is_err() {
            return reporter.finish(encoded.raise()).map(|()| (0, 0, 0));
        }
    }
    let written = py.detach(|| writer.finish()).raise()?;
    Ok((written.documents, written.tokens, written.bytes))
}

/// Count the ids of the documents of files that the core reads.
///
/// Returns how many documents, ids and bytes of text there were.
#[pyfunction]
#[pyo3(signature = (tokenizer, paths, **options))]
fn count_files(
    py: Python<'_>,
    tokenizer: &Tokenizer,
    paths: Vec<PathBuf>,
    options: Option<Bound<'_, PyDict>>,
) -> PyResult<(u64, u64, u64)> {
    let (options, mut reporter) = parse(Keywords::new("count_files", options))?;
    let counted = py.detach(|| {
        files::count_files(tokenizer.engine().documents(), &paths, options, |done, total| {
            reporter.report("counting", done, total)
        })
    });
    let counted = reporter.finish(counted.raise())?;
    Ok((counted.documents, counted.tokens, counted.bytes))
}

/// The options that both functions share.
fn parse(keywords: Keywords<'_>) -> PyResult<(EncodeOptions, Reporter)> {
    let specials: Option<String> = keywords.take("specials")?;
    let errors: Option<String> = keywords.take("errors")?;
    let options = EncodeOptions {
        specials: parse_specials(specials.as_deref().unwrap_or("text"))?,
        separator: None,
        width: None,
        threads: parse_threads(keywords.take("threads")?)?,
        invalid: parse_errors(errors.as_deref().unwrap_or("strict"))?,
    };
    let reporter = Reporter::new(keywords.take("progress")?);
    keywords.finish()?;
    Ok((options, reporter))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(count_files, module)?)?;
    module.add_function(wrap_pyfunction!(encode_files, module)?)
}
