//! Calibrates the counts of a corpus to the word frequencies of a language.
//!
//! A corpus of laws, books or forums has the words of laws, books or forums. A list of word frequencies describes the
//! whole language, but has no text. Importance weighting joins both: a piece gets the weight of its word in the list,
//! and keeps the forms that it has in the corpus.
//!
//! A *word* is a piece without its first character if that is neither letter nor digit, with `’` read as `'`. Words that
//! differ only in capitals form a *group*. Let `c` be the count of a word, `f` its frequency in the list, `N` the
//! sum of the counts of all groups that the list has, `F` the sum of all frequencies, `r` the least of them, and `a`
//! the strength:
//!
//! - A word of the list gets `(1 - a) c + a f N / F`, spread over its pieces in proportion to their counts. If the list
//!   has no capitals, this is done for groups instead of words.
//! - A piece with letters whose word the list lacks gets `(1 - a) c + a min(c, r N / F)`, where `c` is its own count:
//!   it may be as frequent as the rarest word of the list.
//! - A word of the list that the corpus lacks enters as a piece with a space in front of it.
//! - A piece without letters keeps its count.
//!
//! An entry of the list that the scheme cuts into several pieces counts for the word of each. All arithmetic is in
//! integers, rounded half up once. So the result is exact and depends on no order.

use std::borrow::Cow;
use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};
use rustc_hash::FxBuildHasher;

use super::frequencies::Frequencies;
use super::table::AddError;
use super::{Counts, Language, overflow};
use crate::error::{Error, Result};
use crate::memory::{Grow, collect};
use crate::split::Splitter;
use crate::threads;

/// Binary places of the strength, and of counts before they are rounded.
const PLACES: u32 = 16;
const ONE: u128 = 1 << PLACES;

/// Binary digits of the largest frequency of a list. The other frequencies are scaled in proportion.
const DIGITS: i32 = 40;

/// A corpus and a list of which less than one part in this many agrees are of different languages.
const AGREEMENT: u128 = 10;

/// In a list with capitals, at least one word in this many has some.
const WITH_CAPITALS: usize = 100;

/// The agreeing parts of a corpus and of a list are counted in units of 2^-`UNIT`.
const UNIT: u32 = 40;

impl Counts {
    /// The counts that the same pieces would have in text with the word frequencies of the lists: fully at strength 1,
    /// not at all at 0. Languages without a list stay unchanged. Counts are whole numbers: multiply the counts of a
    /// small corpus first.
    ///
    /// The bytes of a language become the bytes of its calibrated text, so that an occurrence keeps its weight in
    /// comparison with other languages.
    ///
    /// # Errors
    /// [`Error::Argument`] if the strength is not between 0 and 1, or a list is for a language that the counts lack;
    /// [`Error::Corpus`] if a list hardly agrees with the text, like a list of another language, or a count is too
    /// large; [`Error::Io`] if pieces are on disk and cannot be read or written.
    pub fn calibrate(&self, lists: &BTreeMap<String, Frequencies>, strength: f64) -> Result<Self> {
        if !(0.0..=1.0).contains(&strength) {
            return Err(Error::argument("strength", format!("{strength} is not between 0 and 1")));
        }
        if lists.is_empty() {
            return Err(Error::argument("frequencies", "no list of any language"));
        }
        if let Some(unknown) = lists.keys().find(|name| !self.languages.contains_key(*name)) {
            return Err(Error::argument("frequencies", format!("{unknown:?} is not a language of the counts")));
        }
        let strength = (strength * ONE as f64).round() as u128;
        let splitter = Splitter::new(self.scheme.clone())?;
        let calibrate = |(name, language): (&String, &Language)| match lists.get(name) {
            Some(list) => ListedWords::new(list, &splitter)?.calibrate(name, language, strength),
            None => language.try_clone(),
        };
        let mut calibrated = Self { memory: self.memory, ..Self::new(self.scheme.clone()) };
        let languages: Vec<_> = self.languages.iter().collect();
        for some in languages.chunks(threads::wanted(None)) {
            let made = threads::map(some.to_vec(), calibrate);
            for (&(name, _), language) in some.iter().zip(made) {
                calibrated.languages.insert(name.clone(), language?);
            }
            calibrated.spill(&mut || Ok(()))?;
        }
        Ok(calibrated)
    }
}

/// The words of a list, in the form that pieces have.
struct ListedWords<'l> {
    list: &'l Frequencies,
    splitter: &'l Splitter,
    numbers: HashMap<Box<str>, usize, FxBuildHasher>,
    words: Vec<ListedWord>,
    /// If the list has capitals: its words in lower case.
    groups: Option<HashSet<Box<str>, FxBuildHasher>>,
    /// The sum of all frequencies.
    total: u128,
    rarest: u128,
}

/// A word of a list.
#[derive(Debug, Clone, Copy, Default)]
struct ListedWord {
    frequency: u128,
    /// The number of its occurrences in the corpus.
    count: u128,
}

impl<'l> ListedWords<'l> {
    fn new(list: &'l Frequencies, splitter: &'l Splitter) -> Result<Self> {
        let capitals = list.words().filter(|(word, _)| word.chars().any(char::is_uppercase)).count();
        let mut found = Self {
            list,
            splitter,
            numbers: HashMap::default(),
            words: Vec::new(),
            groups: (capitals * WITH_CAPITALS >= list.words().count()).then(HashSet::default),
            total: 0,
            rarest: u128::MAX,
        };
        // Frequencies are scaled by a power of two, which is exact, so the order of the list does not matter.
        let power = f64::from_bits(list.largest().to_bits() & f64::INFINITY.to_bits());
        let mut add = |piece: &[u8], frequency: u128| {
            let Some(word) = word_of(piece) else { return Ok(()) };
            let key = found.key(&word);
            let next = found.words.len();
            found.numbers.try_reserve(1)?;
            let number = *found.numbers.entry(key.into()).or_insert(next);
            if number == next {
                found.words.try_push(ListedWord::default())?;
                if let Some(groups) = &mut found.groups {
                    groups.try_reserve(1)?;
                    groups.insert(word.to_lowercase().into());
                }
            }
            found.words[number].frequency += frequency;
            found.total += frequency;
            found.rarest = found.rarest.min(frequency);
            Ok::<_, Error>(())
        };
        for (word, frequency) in list.words().filter(|&(_, frequency)| frequency > 0.0) {
            let scaled = (frequency / power * 2.0_f64.powi(DIGITS)).round().max(1.0);
            let mut added = Ok(());
            splitter.for_each_piece(entry(word).as_bytes(), |piece| {
                if added.is_ok() {
                    added = add(piece, scaled as u128);
                }
            })?;
            added?;
        }
        Ok(found)
    }

    /// The key under which words of the list count as one.
    fn key<'w>(&self, word: &'w str) -> Cow<'w, str> {
        if self.groups.is_some() { Cow::Borrowed(word) } else { Cow::Owned(word.to_lowercase()) }
    }

    fn number(&self, word: &str) -> Option<usize> {
        self.numbers.get(&*self.key(word)).copied()
    }

    fn calibrate(mut self, name: &str, language: &Language, strength: u128) -> Result<Language> {
        let listed = self.tally(name, language)?;
        let Self { ref words, total, rarest, .. } = self;
        let left = ONE - strength;
        let weights = words.iter().map(|word| word.count * left + strength * word.frequency * listed / total);
        let weights = collect(weights)?;
        let highest = (rarest * listed * ONE).checked_div(total).unwrap_or(0);
        let calibrated = |piece: &[u8], count: u64| {
            let Some(word) = word_of(piece) else { return Some(count) };
            let own = u128::from(count);
            match self.number(&word) {
                Some(number) => round(weights[number].checked_mul(own)? / words[number].count),
                None => round(own * left + (((own * ONE).min(highest) * strength) >> PLACES)),
            }
        };
        let mut made = Language { documents: language.documents, ..Language::default() };
        // Bytes that belong to no piece any more, because rare pieces were dropped, stay.
        let (mut gained, mut lost) = (language.bytes, 0_u64);
        let mut add = |piece: &[u8], count: u64| {
            let bytes = count.checked_mul(piece.len() as u64).ok_or(AddError::Overflow)?;
            gained = gained.checked_add(bytes).ok_or(AddError::Overflow)?;
            if count > 0 { made.table.add(piece, 0, piece.len(), count) } else { Ok(()) }
        };
        let mut failed = Ok(());
        language.for_each_piece(|piece, count| {
            lost = count.saturating_mul(piece.len() as u64).saturating_add(lost);
            let added = calibrated(piece, count).ok_or(AddError::Overflow).and_then(|count| add(piece, count));
            failed = failed.and(added);
        })?;
        let mut entered = HashSet::<usize, FxBuildHasher>::default();
        for (word, _) in self.list.words() {
            self.splitter.for_each_piece(entry(word).as_bytes(), |piece| {
                let number = word_of(piece).and_then(|word| self.number(&word));
                if let Some(number) = number.filter(|&number| words[number].count == 0 && entered.insert(number)) {
                    failed = failed
                        .and(round(weights[number]).ok_or(AddError::Overflow).and_then(|count| add(piece, count)));
                }
            })?;
        }
        failed.map_err(|refused| refused.or(overflow))?;
        made.bytes = gained.saturating_sub(lost);
        Ok(made)
    }

    /// Counts the words in a corpus, and returns the count of all groups that the list has.
    fn tally(&mut self, name: &str, language: &Language) -> Result<u128> {
        let (mut all, mut listed) = (0_u128, 0_u128);
        language.for_each_piece(|piece, count| {
            let (Some(word), count) = (word_of(piece), u128::from(count)) else { return };
            all += count;
            let number = self.number(&word);
            if let Some(number) = number {
                self.words[number].count += count;
            }
            let groups = self.groups.as_ref();
            if number.is_some() || groups.is_some_and(|groups| groups.contains(&*word.to_lowercase())) {
                listed += count;
            }
        })?;
        let part = |number: u128, of: u128| (number << UNIT).checked_div(of).unwrap_or(0);
        let agree = |word: &ListedWord| part(word.frequency, self.total).min(part(word.count, all));
        let agreement = (self.words.iter().map(agree).sum::<u128>() * 100) >> UNIT;
        if agreement < AGREEMENT {
            let reason = format!("agrees by {agreement} % with the text of {name:?}: is it another language's?");
            return Err(Error::corpus(self.list.origin(), reason));
        }
        Ok(listed)
    }
}

/// An entry of a list as it stands in text.
fn entry(word: &str) -> String {
    format!(" {word}")
}

/// The word of a piece, if it has letters.
fn word_of(piece: &[u8]) -> Option<Cow<'_, str>> {
    let piece = std::str::from_utf8(piece).ok()?;
    let mut rest = piece.chars();
    let word = if rest.next()?.is_alphanumeric() { piece } else { rest.as_str() };
    if !word.chars().any(char::is_alphabetic) {
        return None;
    }
    Some(if word.contains('’') { Cow::Owned(word.replace('’', "'")) } else { Cow::Borrowed(word) })
}

/// A count with binary places as a whole number, if it fits.
fn round(count: u128) -> Option<u64> {
    u64::try_from((count + ONE / 2) >> PLACES).ok()
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use proptest::prelude::*;

    use super::super::CountOptions;
    use super::*;
    use crate::split::Scheme;

    fn counts(language: &str, texts: &[&str]) -> Counts {
        let mut counts = Counts::new(Scheme::named("europe").unwrap());
        counts.add_texts(language, texts, CountOptions::default(), || ControlFlow::Continue(())).unwrap();
        counts
    }

    fn list(words: &[(&str, f64)]) -> Frequencies {
        Frequencies::new("list", words.iter().map(|&(word, frequency)| (word.to_string(), frequency))).unwrap()
    }

    fn calibrated(counts: &Counts, list: Frequencies, strength: f64) -> Result<BTreeMap<String, u64>> {
        let lists = BTreeMap::from([("fr".to_string(), list)]);
        counts.calibrate(&lists, strength).map(|counts| pieces(&counts, "fr"))
    }

    fn pieces(counts: &Counts, language: &str) -> BTreeMap<String, u64> {
        let mut pieces = BTreeMap::new();
        let mut bytes = 0;
        counts.languages[language]
            .for_each_piece(|piece, count| {
                bytes += piece.len() as u64 * count;
                pieces.insert(String::from_utf8(piece.to_vec()).unwrap(), count);
            })
            .unwrap();
        assert_eq!(counts.languages[language].bytes(), bytes);
        pieces
    }

    fn expected(pieces: &[(&str, u64)]) -> BTreeMap<String, u64> {
        pieces.iter().map(|&(piece, count)| (piece.to_string(), count)).collect()
    }

    /// The formula in floating point.
    fn formula(counts: &BTreeMap<String, u64>, list: &[(&str, f64)], a: f64) -> BTreeMap<String, f64> {
        let cased = list.iter().any(|(word, _)| word.chars().any(char::is_uppercase));
        let key = |word: &str| if cased { word.to_string() } else { word.to_lowercase() };
        let word = |piece: &str| {
            let rest = piece.strip_prefix(|first: char| !first.is_alphanumeric()).unwrap_or(piece);
            rest.chars().any(char::is_alphabetic).then(|| key(&rest.replace('’', "'")))
        };
        let (mut frequency, mut count, mut listed) = (BTreeMap::new(), BTreeMap::new(), 0.0);
        list.iter().for_each(|(word, f)| *frequency.entry(key(word)).or_insert(0.0) += f);
        let groups: Vec<String> = frequency.keys().map(|word| word.to_lowercase()).collect();
        for (piece, &c) in counts {
            let Some(word) = word(piece) else { continue };
            listed += if groups.contains(&word.to_lowercase()) { c as f64 } else { 0.0 };
            *count.entry(word).or_insert(0.0) += c as f64;
        }
        let total: f64 = frequency.values().sum();
        let rarest = list.iter().map(|&(_, f)| f).fold(f64::INFINITY, f64::min);
        let mut result: BTreeMap<String, f64> = counts
            .iter()
            .map(|(piece, &c)| {
                let c = c as f64;
                let new = match word(piece) {
                    None => c,
                    Some(word) => match frequency.get(&word) {
                        Some(f) => ((1.0 - a) * count[&word] + a * f * listed / total) * c / count[&word],
                        None => (1.0 - a) * c + a * c.min(rarest * listed / total),
                    },
                };
                (piece.clone(), new)
            })
            .collect();
        for &(word, _) in list.iter().filter(|(word, _)| !count.contains_key(&key(word))) {
            result.insert(format!(" {word}"), a * frequency[&key(word)] * listed / total);
        }
        result
    }

    proptest! {
        #[test]
        fn it_is_the_formula(
            corpus in prop::collection::vec(0..9_usize, 20..400),
            frequencies in prop::array::uniform6(1_u32..1000),
            capitals: bool,
            strength in 0.0..1.0,
        ) {
            let text: String = corpus.iter().map(|&word| [
                " le", " Le", " chat", "(chat", " chaton", " l’", "42", " zut", "\nLE",
            ][word]).collect();
            let counts = counts("fr", &[&text, " le chat"]).times(1000).unwrap();
            let words = ["le", if capitals { "Le" } else { "la" }, "chat", "l'", "nuit", "jour"];
            let list: Vec<_> = words.into_iter().zip(frequencies.map(f64::from)).collect();
            match calibrated(&counts, self::list(&list), strength) {
                Err(error) => prop_assert!(error.to_string().contains("agrees by")),
                // The strength has sixteen binary places.
                Ok(found) => for (piece, exact) in formula(&pieces(&counts, "fr"), &list, strength) {
                    let off = found.get(&piece).copied().unwrap_or(0) as f64 - exact;
                    prop_assert!(off.abs() <= 0.5 + 8e-6 * 1000.0 * text.len() as f64, "{piece:?} {off} of {exact}");
                }
            }
        }
    }

    #[test]
    fn a_word_keeps_its_pieces_and_gets_its_frequency() {
        let counts = counts("fr", &["le(le le chat 7 7"]).times(100).unwrap();
        let found = calibrated(&counts, list(&[("le", 1.0), ("chat", 3.0)]), 1.0).unwrap();
        let third = [("le", 33), ("(le", 33), (" le", 33), (" chat", 300), (" ", 200), ("7", 200)];
        assert_eq!(found, expected(&third));
        let half = calibrated(&counts, list(&[("le", 1.0), ("chat", 3.0)]), 0.5).unwrap();
        assert_eq!((half[" le"], half[" chat"]), (67, 200));
        assert_eq!(calibrated(&counts, list(&[("le", 1.0), ("chat", 3.0)]), 0.0).unwrap(), pieces(&counts, "fr"));
    }

    #[test]
    fn capitals_are_those_of_the_list_if_it_has_some() {
        let counts = counts("fr", &[" Paris paris PARIS"]).times(100).unwrap();
        let cased = calibrated(&counts, list(&[("Paris", 9.0), ("paris", 1.0)]), 1.0).unwrap();
        assert_eq!(cased, expected(&[(" Paris", 270), (" paris", 30), (" PARIS", 30)]), "rarest");
        let lower = calibrated(&counts, list(&[("paris", 1.0)]), 1.0).unwrap();
        assert_eq!(lower, pieces(&counts, "fr"));
    }

    #[test]
    fn new_words_enter_and_long_entries_are_cut() {
        let counts = counts("fr", &[" le chat"]).times(100).unwrap();
        let found = calibrated(&counts, list(&[("le", 2.0), ("chat", 1.0), ("Chat-Noir", 1.0)]), 1.0).unwrap();
        assert_eq!(found, expected(&[(" le", 80), (" chat", 40), (" Chat", 40), ("-Noir", 40)]));
    }

    #[test]
    fn languages_without_a_list_stay_and_lists_without_a_language_do_not() {
        let mut both = counts("fr", &[" le chat"]);
        both.add(counts("code", &["fn le()"]), None).unwrap();
        let lists = |name: &str| BTreeMap::from([(name.to_string(), list(&[("le", 1.0)]))]);
        let found = both.calibrate(&lists("fr"), 1.0).unwrap();
        assert_eq!(pieces(&found, "code"), pieces(&both, "code"));
        let refusal = |lists, strength| both.calibrate(&lists, strength).unwrap_err().to_string();
        assert_eq!(refusal(lists("de"), 0.5), r#"frequencies: "de" is not a language of the counts"#);
        assert_eq!(refusal(BTreeMap::new(), 0.5), "frequencies: no list of any language");
        assert_eq!(refusal(lists("fr"), 1.5), "strength: 1.5 is not between 0 and 1");
        assert_eq!(refusal(lists("fr"), f64::NAN), "strength: NaN is not between 0 and 1");
    }

    #[test]
    fn a_list_of_another_language_is_refused() {
        let counts = counts("fr", &["Le chat dort dans la maison et le chien est dans le jardin."]);
        let german = list(&[("der", 5.0), ("die", 5.0), ("und", 4.0), ("in", 2.0), ("ist", 2.0), ("dort", 0.5)]);
        let refused = calibrated(&counts, german, 0.9).unwrap_err().to_string();
        assert_eq!(refused, r#"list: agrees by 2 % with the text of "fr": is it another language's?"#);
    }

    #[test]
    fn it_depends_on_no_order_and_no_memory() {
        let text = " le chat l’école ÉCOLE".repeat(50);
        let texts = [text.as_str(), " la nuit"];
        let words = [("le", 0.3), ("la", 0.2), ("école", 1e-7), ("nuit", 1e300_f64.recip()), ("l'", 0.1)];
        let expected = calibrated(&counts("fr", &texts), list(&words), 0.85).unwrap();
        let mut reversed = words;
        reversed.reverse();
        let short = counts("fr", &[texts[1], texts[0]]).within(Some(0)).unwrap();
        assert_eq!(calibrated(&short, list(&reversed), 0.85).unwrap(), expected);
    }

    #[test]
    fn counts_that_do_not_fit_are_refused() {
        let huge = counts("fr", &[" le le chat"]).times(u64::MAX / 24).unwrap();
        let refused = calibrated(&huge, list(&[("chat", 1e9), ("le", 1.0)]), 1.0).unwrap_err();
        assert!(refused.to_string().contains("2^64"), "{refused}");
    }
}
