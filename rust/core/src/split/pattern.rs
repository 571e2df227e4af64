//! Pieces by any regex, for schemes outside the table. The engine is `fancy-regex`, which `tiktoken` uses, too.
//!
//! The engine backtracks, so a regex may take exponential time. A search may take a million steps, as in `tiktoken`.
//! But regexes are read from files, and a text of many expensive searches would take hours. So all searches of a text
//! together have a limit, in proportion to its length. The engine does not report its steps: a search begins with a
//! small limit and is repeated with a larger one if it fails.

use std::sync::OnceLock;

use fancy_regex::{Regex, RegexBuilder, RegexInput, RuntimeError};

use crate::error::{Error, Result};
use crate::limits;
use crate::stop::Stop;

/// The limits of steps of a search: of the first, the second and the last attempt.
const STEPS: [usize; 3] = [1_000, 32_000, 1_000_000];

/// Searches that failed at their first attempt may take this many steps a text, plus [`STEPS_A_BYTE`] a byte.
const STEPS_A_TEXT: usize = 50_000_000;
const STEPS_A_BYTE: usize = 64;

/// Number of bytes that searches may read between two questions whether to stop, if each of them reads to the end of the text.
const UNASKED: usize = 1 << 26;

/// The largest number of searches between two questions.
const SEARCHES: usize = 512;

/// Bytes of a regex that an error shows.
const SHOWN: usize = 400;

/// A compiled regex and its source.
#[derive(Debug)]
pub(crate) struct CompiledPattern {
    source: String,
    /// One regex for each of [`STEPS`]. Only the first is always compiled.
    regexes: [OnceLock<Regex>; STEPS.len()],
}

/// The steps that the searches of a text may still take, and when to ask whether to stop.
struct StepBudget<'s> {
    /// Steps beyond their first attempts.
    left: usize,
    stop: &'s Stop,
    /// Number of searches until the next question, and between two questions.
    unasked: usize,
    every: usize,
}

impl<'s> StepBudget<'s> {
    fn of(text: &[u8], stop: &'s Stop) -> Self {
        let every = (UNASKED / text.len().max(1)).clamp(1, SEARCHES);
        Self { left: STEPS_A_TEXT + STEPS_A_BYTE * text.len(), stop, unasked: every, every }
    }

    /// Begins a search.
    #[inline]
    fn begin(&mut self) -> Result<()> {
        self.unasked -= 1;
        if self.unasked > 0 {
            return Ok(());
        }
        self.unasked = self.every;
        self.stop.check()
    }

    /// Takes the steps of another attempt from the budget; `false` if too few are left.
    fn pay(&mut self, steps: usize) -> Result<bool> {
        self.stop.check()?;
        let left = self.left.checked_sub(steps);
        self.left = left.unwrap_or(0);
        Ok(left.is_some())
    }
}

impl CompiledPattern {
    pub(crate) fn new(source: &str) -> Result<Self> {
        if source.len() > limits::PATTERN {
            let reason = format!("it has {} bytes; {} is the limit", source.len(), limits::PATTERN);
            return Err(Error::Pattern { pattern: excerpt(source), reason });
        }
        let first = compile(source, STEPS[0])?;
        Ok(Self { source: source.to_string(), regexes: [first.into(), OnceLock::new(), OnceLock::new()] })
    }

    /// Whether the regex matches anywhere in the UTF-8 parts of the text.
    pub(crate) fn is_match(&self, text: &[u8]) -> Result<bool> {
        let stop = Stop::never();
        let mut budget = StepBudget::of(text, &stop);
        for chunk in text.utf8_chunks() {
            if self.find(chunk.valid(), 0, &mut budget)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Calls `sink` with each match in turn.
    ///
    /// # Errors
    /// [`Error::Pattern`] if the regex gives up.
    pub(crate) fn for_each_match(&self, text: &str, mut sink: impl FnMut(&str)) -> Result<()> {
        let stop = Stop::never();
        let (mut budget, mut from) = (StepBudget::of(text.as_bytes(), &stop), 0);
        while let Some((start, end)) = self.find(text, from, &mut budget)? {
            sink(&text[start..end]);
            from = end + text[end..].chars().next().filter(|_| start == end).map_or(0, char::len_utf8);
            if start == end && end == text.len() {
                break;
            }
        }
        Ok(())
    }

    /// Calls `sink` with each piece. A match is a piece, and so is the text between two matches. An empty match is
    /// none. (The regex engine allocates without asking: its automaton's cache and its stack have limits of their own,
    /// some megabytes and a million steps.)
    ///
    /// # Errors
    /// [`Error::Pattern`] if the regex gives up; [`Error::Interrupted`] when `stop` says so; those of `sink`.
    pub(super) fn for_each_piece<'t>(
        &self,
        stop: &Stop,
        text: &'t [u8],
        mut sink: impl FnMut(&'t [u8]) -> Result<()>,
    ) -> Result<()> {
        let mut budget = StepBudget::of(text, stop);
        for chunk in text.utf8_chunks() {
            let valid = chunk.valid();
            let (mut done, mut from) = (0, 0);
            while let Some((start, end)) = self.find(valid, from, &mut budget)? {
                if start == end {
                    let Some(next) = valid[end..].chars().next() else { break };
                    from = end + next.len_utf8();
                    continue;
                }
                if start > done {
                    sink(&valid.as_bytes()[done..start])?;
                }
                sink(&valid.as_bytes()[start..end])?;
                (done, from) = (end, end);
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

    /// All matches in order, including empty matches. An empty match directly behind another match is left out.
    ///
    /// # Errors
    /// [`Error::Pattern`] if the regex gives up; [`Error::Interrupted`] when `stop` says so; those of `sink`.
    pub(crate) fn for_each_span(
        &self,
        stop: &Stop,
        text: &str,
        mut sink: impl FnMut(usize, usize) -> Result<()>,
    ) -> Result<()> {
        let mut budget = StepBudget::of(text.as_bytes(), stop);
        let (mut from, mut last) = (0, None);
        while let Some((start, end)) = self.find(text, from, &mut budget)? {
            if start == end && last == Some(end) {
                let Some(next) = text[from..].chars().next() else { break };
                from += next.len_utf8();
                continue;
            }
            sink(start, end)?;
            (from, last) = (end, Some(end));
        }
        Ok(())
    }

    /// The first match that begins at or after `from`.
    fn find(&self, text: &str, from: usize, budget: &mut StepBudget) -> Result<Option<(usize, usize)>> {
        budget.begin()?;
        for (regex, steps) in self.regexes.iter().zip(STEPS) {
            if steps > STEPS[0] && !budget.pay(steps)? {
                let reason = format!("it takes too many steps on a text of {} bytes", text.len());
                return Err(Error::Pattern { pattern: excerpt(&self.source), reason });
            }
            let regex = match regex.get() {
                Some(regex) => regex,
                None => regex.get_or_init(|| compile(&self.source, steps).expect("it compiled with fewer steps")),
            };
            match regex.find_input(RegexInput::new(text).from_pos(from)) {
                Ok(found) => return Ok(found.map(|found| (found.start(), found.end()))),
                Err(fancy_regex::Error::RuntimeError(RuntimeError::BacktrackLimitExceeded))
                    if steps < STEPS[STEPS.len() - 1] => {}
                Err(error) => return Err(failed(&self.source, &error)),
            }
        }
        unreachable!("the last attempt returns")
    }
}

fn compile(source: &str, steps: usize) -> Result<Regex> {
    let mut builder = RegexBuilder::new(source);
    builder.backtrack_limit(steps).delegate_size_limit(limits::COMPILED_PATTERN);
    builder.build().map_err(|error| failed(source, &error))
}

fn failed(pattern: &str, error: &fancy_regex::Error) -> Error {
    Error::Pattern { pattern: excerpt(pattern), reason: error.to_string() }
}

fn excerpt(pattern: &str) -> String {
    match pattern.len() > SHOWN {
        true => format!("{}…", pattern.chars().take(SHOWN).collect::<String>()),
        false => pattern.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Instant;

    use super::*;

    fn pieces<'t>(pattern: &str, text: &'t str) -> Result<Vec<&'t [u8]>> {
        let mut pieces = Vec::new();
        CompiledPattern::new(pattern)?.for_each_piece(&Stop::never(), text.as_bytes(), |piece| {
            pieces.push(piece);
            Ok(())
        })?;
        Ok(pieces)
    }

    #[test]
    fn all_searches_of_a_text_have_a_limit_together() {
        // At each character, the regex can fail in 32,768 ways: one search stays within its limit, all together do not.
        let doubling = "(?:(?!b)(?:a|aa)){1,16}c|a";
        assert_eq!(pieces(doubling, &"a".repeat(40)).unwrap().len(), 40);
        let error = pieces(doubling, &"a".repeat(100_000)).unwrap_err().to_string();
        assert!(error.contains("100000 bytes"), "{error}");
    }

    #[test]
    fn long_matches_are_within_the_limit() {
        // A search takes as many steps as the text has bytes, in one match and in many.
        for (text, count) in [("a".repeat(500_000) + "b", 1), (("a".repeat(5_000) + "b").repeat(200), 200)] {
            assert_eq!(pieces("(?:a(?!c))*b", &text).unwrap().len(), count);
        }
    }

    #[test]
    fn searches_stop_when_they_are_told_to() {
        // Searches of many steps, searches that read the text to its end, and many searches.
        for (pattern, text) in [("(?:(?!b)(?:a|aa)){1,16}c|a", 20_000), ("a(?!.*b)", 200_000), ("a", 2_000_000)] {
            let asked = Arc::new(AtomicUsize::new(0));
            let stop = Stop::when({
                let asked = Arc::clone(&asked);
                move || asked.fetch_add(1, Ordering::Relaxed) == 3
            });
            let begin = Instant::now();
            let text = "a".repeat(text);
            let stopped = CompiledPattern::new(pattern).unwrap().for_each_piece(&stop, text.as_bytes(), |_| Ok(()));
            assert!(matches!(stopped, Err(Error::Interrupted)), "{pattern}");
            assert!(begin.elapsed().as_secs() < 5, "{pattern}: it is asked too seldom");
        }
    }

    #[test]
    fn patterns_have_a_limit() {
        let error = pieces(&"ab|".repeat(limits::PATTERN), "a").unwrap_err().to_string();
        assert!(error.len() < 1_000 && error.contains("is the limit"), "{error}");
    }
}
