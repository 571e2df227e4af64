//! Word frequencies of a language: a list from elsewhere, to which counts are calibrated.
//!
//! A list is a text of lines `word<TAB>frequency`. Only the proportions of the frequencies matter: parts of one, parts
//! of a million and plain counts are all the same. An entry that cannot be right is refused with its line and word.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::Counts;
use crate::documents::read_bytes;
use crate::error::{Error, Result};

/// Endings of files that hold a list.
const ENDINGS: [&str; 3] = [".tsv", ".tsv.gz", ".tsv.zst"];

/// In a list of at least this many words, no word is half of the text: the most frequent word of any language is a
/// tenth of it.
const MANY: usize = 1000;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// The words of a language and their relative frequencies.
#[derive(Debug, Clone)]
pub struct Frequencies {
    origin: String,
    words: Vec<(Box<str>, f64)>,
}

impl Frequencies {
    /// Checks a list, which errors call `origin`.
    ///
    /// # Errors
    /// [`Error::Corpus`] with the word if a word is empty, occurs twice, or has no valid frequency; if no word has a
    /// frequency; or if a single word has most of them.
    pub fn new(origin: &str, words: impl IntoIterator<Item = (String, f64)>) -> Result<Self> {
        let words = words.into_iter().map(|(word, frequency)| (word.into_boxed_str(), frequency));
        Self::checked(origin, words.map(Ok), |number| format!("entry {number}"))
    }

    /// Reads a list, which errors call `origin`. Lines end in `\n` or `\r\n`; empty lines and a byte order mark are
    /// left out.
    ///
    /// # Errors
    /// [`Error::InvalidUtf8`]; [`Error::Corpus`] as for [`new`](Self::new), with the line, and for a line that is not a
    /// word, a tab and a number.
    pub fn parse(origin: &str, data: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(data)
            .map_err(|error| Error::InvalidUtf8 { origin: origin.to_string(), offset: error.valid_up_to() as u64 })?;
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        let mut numbers = Vec::new();
        let mut entries = Vec::new();
        for (number, line) in (1..).zip(text.split('\n')) {
            let line = line.strip_suffix('\r').unwrap_or(line);
            if !line.is_empty() {
                numbers.push(number);
                entries.push(line);
            }
        }
        let parse = |(place, line): (usize, &str)| {
            let entry = line.split_once('\t').and_then(|(word, number)| Some((word.into(), number.parse().ok()?)));
            entry.ok_or_else(|| {
                let reason = format!("line {}: {line:?} is not a word, a tab and a frequency", numbers[place]);
                Error::corpus(origin, reason)
            })
        };
        Self::checked(origin, entries.into_iter().enumerate().map(parse), |place| format!("line {}", numbers[place]))
    }

    /// The lists `<language>.tsv`, plain, `.gz` or `.zst`, of the languages that the counts and the folder have in common.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Corpus`] if there is none, if a language has two, and as for [`parse`](Self::parse).
    pub fn read_folder(folder: &Path, counts: &Counts) -> Result<BTreeMap<String, Self>> {
        fs::read_dir(folder).map_err(|error| Error::io(folder, error))?;
        let mut lists = BTreeMap::new();
        for (language, _) in counts.languages() {
            let paths = ENDINGS.map(|ending| folder.join(format!("{language}{ending}")));
            let mut present = paths.iter().filter(|path| path.is_file());
            let Some(path) = present.next() else { continue };
            if let Some(second) = present.next() {
                let reason = format!("a second list for {language:?}, beside {}", path.display());
                return Err(Error::corpus(second.display(), reason));
            }
            lists.insert(language.to_string(), Self::parse(&path.display().to_string(), &read_bytes(path)?)?);
        }
        if lists.is_empty() {
            let languages: Vec<&str> = counts.languages().map(|(language, _)| language).collect();
            let reason = format!("no list <language>.tsv for any of {}", languages.join(", "));
            return Err(Error::corpus(folder.display(), reason));
        }
        Ok(lists)
    }

    /// The name of the list in errors.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// The words as they were given.
    pub(super) fn words(&self) -> impl Iterator<Item = (&str, f64)> {
        self.words.iter().map(|(word, frequency)| (&**word, *frequency))
    }

    /// The largest frequency.
    pub(super) fn largest(&self) -> f64 {
        self.words.iter().map(|&(_, frequency)| frequency).fold(0.0, f64::max)
    }

    fn checked(
        origin: &str,
        entries: impl Iterator<Item = Result<(Box<str>, f64)>>,
        place: impl Fn(usize) -> String,
    ) -> Result<Self> {
        let fault = |number: usize, reason: String| Error::corpus(origin, format!("{}: {reason}", place(number)));
        let mut words = entries.collect::<Result<Vec<_>>>()?;
        let mut first: HashMap<&str, usize, FxBuildHasher> = HashMap::default();
        let (mut sum, mut largest) = (0.0_f64, 0);
        for (number, (word, frequency)) in words.iter().enumerate() {
            if word.trim().is_empty() {
                return Err(fault(number, "the word is empty".to_string()));
            }
            if !(frequency.is_finite() && *frequency >= 0.0) {
                return Err(fault(number, format!("{word:?} has {frequency} for a frequency (0 or more)")));
            }
            if let Some(before) = first.insert(word, number) {
                return Err(fault(number, format!("{word:?} again, after {}", place(before))));
            }
            sum += frequency;
            largest = if *frequency > words[largest].1 { number } else { largest };
        }
        if sum < f64::MIN_POSITIVE {
            return Err(Error::corpus(origin, "no word has a frequency"));
        }
        let (word, frequency) = &words[largest];
        if !sum.is_finite() || (words.len() >= MANY && frequency / sum > 0.5) {
            let reason = format!("{word:?} has {frequency} for a frequency, more than all other words together");
            return Err(fault(largest, reason));
        }
        drop(first);
        // The result does not depend on the order of the words.
        words.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        Ok(Self { origin: origin.to_string(), words })
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::split::Scheme;

    fn reason(list: &str) -> String {
        Frequencies::parse("fr.tsv", list.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_list_is_read_however_it_was_written() {
        let list = Frequencies::parse("fr.tsv", "\u{feff}le\t0.05\r\nl'\t3e-2\r\n\r\nEurope\t1\n".as_bytes()).unwrap();
        assert_eq!(list.words().collect::<Vec<_>>(), [("Europe", 1.0), ("l'", 0.03), ("le", 0.05)]);
    }

    #[test]
    fn faults_are_named() {
        assert_eq!(reason("le\t1\n\nla 2\n"), r#"fr.tsv: line 3: "la 2" is not a word, a tab and a frequency"#);
        assert_eq!(reason("le\t0,5"), r#"fr.tsv: line 1: "le\t0,5" is not a word, a tab and a frequency"#);
        assert_eq!(reason("le\t1\n\t2"), "fr.tsv: line 2: the word is empty");
        assert_eq!(reason("le\t1\nla\t1\n\nle\t2"), r#"fr.tsv: line 4: "le" again, after line 1"#);
        for number in ["-1", "nan", "inf", "1e999"] {
            assert!(reason(&format!("le\t{number}")).starts_with(r#"fr.tsv: line 1: "le" has "#), "{number}");
        }
        assert_eq!(reason(""), "fr.tsv: no word has a frequency");
        assert_eq!(reason("le\t0\n"), "fr.tsv: no word has a frequency");
        assert!(reason("le\t1e308\nla\t1e308").contains("more than all other words"));
        let mut list = "le\t1e9\n".to_string();
        (0..MANY).for_each(|number| writeln!(list, "mot{number}\t0.001").unwrap());
        assert!(reason(&list).starts_with(r#"fr.tsv: line 1: "le" has 1000000000 for a frequency"#));
        let bytes = Frequencies::parse("fr.tsv", b"caf\xe9\t1").unwrap_err();
        assert_eq!(bytes.to_string(), "fr.tsv: invalid UTF-8 at byte 3");
        let entry = Frequencies::new("fr", [("le".to_string(), 1.0), ("la".to_string(), -1.0)]).unwrap_err();
        assert_eq!(entry.to_string(), r#"fr: entry 1: "la" has -1 for a frequency (0 or more)"#);
    }

    #[test]
    fn a_folder_gives_the_lists_of_the_languages_that_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let counts = |languages: &[&str]| {
            let mut counts = Counts::new(Scheme::named("europe").unwrap());
            for language in languages {
                let text = &["un"];
                counts.add_texts(language, text, Default::default(), || std::ops::ControlFlow::Continue(())).unwrap();
            }
            counts
        };
        let write = |name: &str| fs::write(folder.path().join(name), "le\t1\n").unwrap();
        write("fr.tsv");
        write("SOURCES.tsv");
        let lists = Frequencies::read_folder(folder.path(), &counts(&["fr", "de"])).unwrap();
        assert_eq!(lists.into_keys().collect::<Vec<_>>(), ["fr"]);
        let none = Frequencies::read_folder(folder.path(), &counts(&["de", "el"])).unwrap_err().to_string();
        assert!(none.ends_with("no list <language>.tsv for any of de, el"), "{none}");
        write("fr.tsv.gz");
        let two = Frequencies::read_folder(folder.path(), &counts(&["fr"])).unwrap_err().to_string();
        assert!(two.contains("fr.tsv.gz: a second list for \"fr\""), "{two}");
        let absent = Frequencies::read_folder(&folder.path().join("absent"), &counts(&["fr"])).unwrap_err();
        assert!(matches!(absent, Error::Io { .. }));
    }
}
