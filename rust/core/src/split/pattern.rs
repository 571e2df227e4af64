//! Pieces by any regex, for schemes outside the table. The engine is `fancy-regex`, the one `tiktoken` runs.

use fancy_regex::Regex;

use crate::error::{Error, Result};

/// A compiled regex and its source.
#[derive(Debug)]
pub(crate) struct Pattern {
    source: String,
    regex: Regex,
}

impl Pattern {
    pub(crate) fn new(source: &str) -> Result<Self> {
        let regex = Regex::new(source).map_err(|error| failed(source, &error))?;
        Ok(Self { source: source.to_string(), regex })
    }

    /// Whether the regex matches anywhere in the text, or in what is UTF-8 of it.
    pub(crate) fn is_match(&self, text: &[u8]) -> Result<bool> {
        for chunk in text.utf8_chunks() {
            if self.regex.is_match(chunk.valid()).map_err(|error| failed(&self.source, &error))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Matches are pieces, and so is what lies between them. An empty match is none. (The regex engine allocates without asking: the cache
    /// of its automaton and its stack, which have limits of their own, some megabytes and a million steps back.)
    ///
    /// # Errors
    /// [`Error::Pattern`] if the regex gives up; those of `sink`.
    pub(super) fn for_each_piece<'t>(
        &self,
        text: &'t [u8],
        mut sink: impl FnMut(&'t [u8]) -> Result<()>,
    ) -> Result<()> {
        for chunk in text.utf8_chunks() {
            let valid = chunk.valid();
            let mut done = 0;
            for found in self.regex.find_iter(valid) {
                let found = found.map_err(|error| failed(&self.source, &error))?;
                if found.range().is_empty() {
                    continue;
                }
                if found.start() > done {
                    sink(&valid.as_bytes()[done..found.start()])?;
                }
                sink(found.as_str().as_bytes())?;
                done = found.end();
            }
            if done < valid.len() {
                sink(&valid.as_bytes()[done..])?;
            }
            if !chunk.invalid().is_empty() {
                sink(chunk.invalid())?;
            }
        }
        Ok(())
    }
}

fn failed(pattern: &str, error: &fancy_regex::Error) -> Error {
    Error::Pattern { pattern: pattern.to_string(), reason: error.to_string() }
}
