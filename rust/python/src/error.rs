//! Errors of the core as Python exceptions: I/O errors are `OSError`, Ctrl-C is `KeyboardInterrupt`, the rest are subclasses of
//! `ValueError`.

use eurotok_core::Error;
use pyo3::create_exception;
use pyo3::exceptions::{PyKeyboardInterrupt, PyOSError, PyValueError};
use pyo3::prelude::*;

create_exception!(
    eurotok,
    EurotokError,
    PyValueError,
    "What went wrong, and where: the base of all errors of eurotok."
);
create_exception!(eurotok, FormatError, EurotokError, "A file contradicts itself or its format.");
create_exception!(eurotok, UnsupportedError, EurotokError, "A sound file asks for what cannot be reproduced exactly.");
create_exception!(eurotok, CorpusError, EurotokError, "The text to train on or to price is not usable.");
create_exception!(eurotok, PatternError, EurotokError, "A regular expression does not compile, or gave up on a text.");
create_exception!(eurotok, UnknownIdError, EurotokError, "An id is not in the vocabulary.");

/// An argument outside its domain.
pub(crate) fn argument(name: &'static str, reason: impl std::fmt::Display) -> PyErr {
    raised(Error::argument(name, reason))
}

/// Turns the core's results into Python's.
pub(crate) trait Raise<T> {
    /// The value, or the exception that stands for the error.
    fn raise(self) -> PyResult<T>;
}

impl<T> Raise<T> for Result<T, Error> {
    fn raise(self) -> PyResult<T> {
        self.map_err(raised)
    }
}

/// The exception that stands for an error.
pub(crate) fn raised(error: Error) -> PyErr {
    let message = error.to_string();
    match error {
        Error::Io { path, source } => match source.raw_os_error() {
            // With (errno, text, path) Python picks FileNotFoundError and the like.
            Some(number) => {
                let text = source.to_string();
                let text = text.split(" (os error").next().unwrap_or(&text).to_string();
                PyOSError::new_err((number, text, path.display().to_string()))
            }
            None => PyOSError::new_err(message),
        },
        Error::Interrupted => PyKeyboardInterrupt::new_err(()),
        Error::Format { .. } => FormatError::new_err(message),
        Error::Unsupported { .. } => UnsupportedError::new_err(message),
        Error::Corpus { .. } | Error::InvalidUtf8 { .. } => CorpusError::new_err(message),
        Error::Pattern { .. } => PatternError::new_err(message),
        Error::UnknownId { .. } => UnknownIdError::new_err(message),
        _ => EurotokError::new_err(message),
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("Error", py.get_type::<EurotokError>())?;
    module.add("FormatError", py.get_type::<FormatError>())?;
    module.add("UnsupportedError", py.get_type::<UnsupportedError>())?;
    module.add("CorpusError", py.get_type::<CorpusError>())?;
    module.add("PatternError", py.get_type::<PatternError>())?;
    module.add("UnknownIdError", py.get_type::<UnknownIdError>())
}
