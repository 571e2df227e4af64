//! Errors of the core as Python exceptions: I/O errors are `OSError`, Ctrl-C is `KeyboardInterrupt`, a lack of memory
//! is `MemoryError`, all others are subclasses of `ValueError`.

use eurotok_core::Error as CoreError;
use pyo3::create_exception;
use pyo3::exceptions::{PyKeyboardInterrupt, PyMemoryError, PyOSError, PyValueError};
use pyo3::prelude::*;

create_exception!(eurotok, Error, PyValueError, "What went wrong, and where: the base of all errors of eurotok.");
create_exception!(eurotok, FormatError, Error, "A file contradicts itself or its format.");
create_exception!(
    eurotok,
    UnsupportedError,
    Error,
    "A sound file asks for a feature that cannot be reproduced exactly."
);
create_exception!(eurotok, CorpusError, Error, "The text to train on or to price is not usable.");
create_exception!(eurotok, PatternError, Error, "A regular expression does not compile, or gave up on a text.");
create_exception!(eurotok, UnknownIdError, Error, "An id is not in the vocabulary.");

/// An argument outside its domain.
pub(crate) fn argument(name: &'static str, reason: impl std::fmt::Display) -> PyErr {
    raised(CoreError::argument(name, reason))
}

/// Turns the core's results into Python's.
pub(crate) trait Raise<T> {
    /// The value, or the exception for the error.
    fn raise(self) -> PyResult<T>;
}

impl<T> Raise<T> for Result<T, CoreError> {
    fn raise(self) -> PyResult<T> {
        self.map_err(raised)
    }
}

/// The exception for an error.
pub(crate) fn raised(error: CoreError) -> PyErr {
    let message = error.to_string();
    match error {
        CoreError::Io { path, source } => match source.raw_os_error() {
            // From (errno, text, path), Python makes FileNotFoundError and its siblings.
            Some(number) => {
                let text = source.to_string();
                let text = text.split(" (os error").next().unwrap_or(&text).to_string();
                PyOSError::new_err((number, text, path.display().to_string()))
            }
            None => PyOSError::new_err(message),
        },
        CoreError::Interrupted => PyKeyboardInterrupt::new_err(()),
        CoreError::Memory => PyMemoryError::new_err(message),
        CoreError::Format { .. } => FormatError::new_err(message),
        CoreError::Unsupported { .. } => UnsupportedError::new_err(message),
        CoreError::Corpus { .. } | CoreError::InvalidUtf8 { .. } => CorpusError::new_err(message),
        CoreError::Pattern { .. } => PatternError::new_err(message),
        CoreError::UnknownId { .. } => UnknownIdError::new_err(message),
        _ => Error::new_err(message),
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("Error", py.get_type::<Error>())?;
    module.add("FormatError", py.get_type::<FormatError>())?;
    module.add("UnsupportedError", py.get_type::<UnsupportedError>())?;
    module.add("CorpusError", py.get_type::<CorpusError>())?;
    module.add("PatternError", py.get_type::<PatternError>())?;
    module.add("UnknownIdError", py.get_type::<UnknownIdError>())
}
