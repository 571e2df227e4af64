//! Pre-tokenizers, made ready to run.

use unicode_categories::UnicodeCategories;

use super::char_set::CharSet;
use super::finder::{PatternFinder, characters};
use super::normalize::byte_level;
use super::scripts::script;
use super::text::{Match, StagedText};
use crate::arch::Isa;
use crate::error::{Error, Result};
use crate::memory::Grow;
use crate::split::Scheme;
use crate::stop::{Stop, Watch};
use crate::vocab::pipeline::{self, Behavior, ByteLevel, Metaspace, PrependScheme};

/// A pre-tokenizer made ready to run.
#[derive(Debug)]
pub(super) enum StagePreTokenizer {
    Split { finder: PatternFinder, behavior: Behavior, invert: bool },
    Digits { behavior: Behavior },
    Punctuation { behavior: Behavior, set: CharSet },
    WhitespaceSplit,
    CharDelimiterSplit(char),
    Metaspace(Metaspace),
    ByteLevel { add_prefix_space: bool, finder: Option<PatternFinder> },
    Bert(CharSet),
    UnicodeScripts,
    FixedLength(usize),
}

/// The pre-tokenizers of a file in their order.
///
/// # Errors
/// [`Error::Pattern`], [`Error::Argument`] for pieces of no characters.
pub(super) fn all(pre_tokenizer: Option<&pipeline::PreTokenizer>, isa: Isa) -> Result<Vec<StagePreTokenizer>> {
    let mut all = Vec::new();
    if let Some(pre_tokenizer) = pre_tokenizer {
        push(pre_tokenizer, isa, &mut all)?;
    }
    Ok(all)
}

fn push(pre_tokenizer: &pipeline::PreTokenizer, isa: Isa, all: &mut Vec<StagePreTokenizer>) -> Result<()> {
    use pipeline::PreTokenizer as Data;
    let one = match pre_tokenizer {
        Data::Split { pattern, behavior, invert } => {
            StagePreTokenizer::Split { finder: PatternFinder::new(pattern, isa)?, behavior: *behavior, invert: *invert }
        }
        Data::Digits { individual_digits: true } => StagePreTokenizer::Digits { behavior: Behavior::Isolated },
        Data::Digits { individual_digits: false } => StagePreTokenizer::Digits { behavior: Behavior::Contiguous },
        &Data::Punctuation { behavior } => {
            StagePreTokenizer::Punctuation { behavior, set: CharSet::new(is_punctuation)? }
        }
        Data::Whitespace => StagePreTokenizer::Split {
            // The words of the `regex` crate, which `fancy-regex` reads alike.
            finder: PatternFinder::Regex(crate::split::CompiledPattern::new(r"\w+|[^\w\s]+")?),
            behavior: Behavior::Removed,
            invert: true,
        },
        Data::WhitespaceSplit => StagePreTokenizer::WhitespaceSplit,
        &Data::CharDelimiterSplit { delimiter } => StagePreTokenizer::CharDelimiterSplit(delimiter),
        &Data::Metaspace(metaspace) => StagePreTokenizer::Metaspace(metaspace),
        &Data::ByteLevel(ByteLevel { add_prefix_space, use_regex, .. }) => {
            let gpt2 = || Scheme::named("gpt2").expect("a scheme of the table");
            let finder = use_regex.then(|| PatternFinder::of_scheme(gpt2(), isa)).transpose()?;
            StagePreTokenizer::ByteLevel { add_prefix_space, finder }
        }
        Data::Bert => StagePreTokenizer::Bert(CharSet::new(is_punctuation)?),
        Data::UnicodeScripts => StagePreTokenizer::UnicodeScripts,
        Data::FixedLength { length: 0 } => {
            return Err(Error::argument("FixedLength", "pieces of 0 characters"));
        }
        &Data::FixedLength { length } => StagePreTokenizer::FixedLength(length),
        Data::Sequence { pretokenizers } => {
            return pretokenizers.iter().try_for_each(|pre_tokenizer| push(pre_tokenizer, isa, all));
        }
    };
    all.try_push(one)
}

/// Punctuation in ASCII, or by the general category.
fn is_punctuation(character: char) -> bool {
    character.is_ascii_punctuation() || !character.is_ascii() && character.is_punctuation()
}

impl StagePreTokenizer {
    /// Whether it puts something before the piece that begins the original text.
    pub(super) fn asks_for_origin(&self) -> bool {
        matches!(self, Self::Metaspace(Metaspace { prepend_scheme: PrependScheme::First, .. }))
    }

    /// Whether it changes the text.
    pub(super) fn rewrites(&self) -> bool {
        matches!(self, Self::Metaspace(_) | Self::ByteLevel { .. })
    }

    /// Cuts the pieces that are no tokens.
    ///
    /// # Errors
    /// [`Error::Pattern`], [`Error::Argument`] for a text that becomes too long; [`Error::Memory`], [`Error::Interrupted`].
    pub(super) fn run(&self, text: &mut StagedText, stop: &Stop) -> Result<()> {
        match self {
            Self::Split { finder, behavior, invert } => {
                text.split(stop, *behavior, |piece, parts, _| finder.parts(stop, piece, *invert, parts))
            }
            Self::Digits { behavior } => {
                text.split(stop, *behavior, |piece, parts, watch| characters(watch, piece, char::is_numeric, parts))
            }
            Self::Punctuation { behavior, set } => {
                text.split(stop, *behavior, |piece, parts, watch| characters(watch, piece, |c| set.contains(c), parts))
            }
            Self::WhitespaceSplit => whitespace(text, stop),
            &Self::CharDelimiterSplit(delimiter) => text.split(stop, Behavior::Removed, |piece, parts, watch| {
                characters(watch, piece, |c| c == delimiter, parts)
            }),
            Self::Metaspace(metaspace) => run_metaspace(metaspace, text, stop),
            Self::ByteLevel { add_prefix_space, finder } => {
                if *add_prefix_space {
                    text.rewrite(stop, |old, _, new| {
                        if !old.starts_with(' ') {
                            new.prepend(" ")?;
                        }
                        new.copy(new.left())
                    })?;
                }
                if let Some(finder) = finder {
                    text.split(stop, Behavior::Isolated, |piece, parts, _| finder.parts(stop, piece, false, parts))?;
                }
                text.rewrite(stop, |old, _, new| byte_level(old, new))
            }
            Self::Bert(set) => {
                text.split(stop, Behavior::Removed, |piece, parts, watch| bert_words(watch, piece, set, parts))
            }
            Self::UnicodeScripts => text.split(stop, Behavior::Isolated, scripts),
            &Self::FixedLength(length) => text.split(stop, Behavior::Isolated, |piece, parts, watch| {
                let mut start = 0;
                while start < piece.len() {
                    watch.step(length)?;
                    let part: usize = piece[start..].chars().take(length).map(char::len_utf8).sum();
                    parts.try_push((start, start + part, true))?;
                    start += part;
                }
                Ok(())
            }),
        }
    }
}

fn whitespace(text: &mut StagedText, stop: &Stop) -> Result<()> {
    text.split(stop, Behavior::Removed, |piece, parts, watch| characters(watch, piece, char::is_whitespace, parts))
}

/// At whitespace, which is dropped, then around each punctuation character.
fn bert_words(watch: &mut Watch<'_>, piece: &str, punctuation: &CharSet, parts: &mut Vec<Match>) -> Result<()> {
    let mut done = 0;
    for (start, character) in piece.char_indices() {
        watch.step(1)?;
        let is_space = character.is_whitespace();
        if is_space || punctuation.contains(character) {
            if done < start {
                parts.try_push((done, start, false))?;
            }
            done = start + character.len_utf8();
            parts.try_push((start, done, is_space))?;
        }
    }
    if done < piece.len() {
        parts.try_push((done, piece.len(), false))?;
    }
    Ok(())
}

fn run_metaspace(
    &Metaspace { replacement, prepend_scheme, split }: &Metaspace,
    text: &mut StagedText,
    stop: &Stop,
) -> Result<()> {
    let mut buffer = [0; 4];
    let metaspace: &str = replacement.encode_utf8(&mut buffer);
    text.rewrite(stop, |old, _, new| {
        for space in memchr::memchr_iter(b' ', old.as_bytes()) {
            new.copy(space - new.at())?;
            new.replace(1, metaspace)?;
        }
        new.copy(new.left())
    })?;
    if prepend_scheme != PrependScheme::Never {
        text.rewrite(stop, |old, origin, new| {
            let is_meant = prepend_scheme == PrependScheme::Always || origin == 0;
            if is_meant && !old.starts_with(replacement) {
                new.prepend(metaspace)?;
            }
            new.copy(new.left())
        })?;
    }
    if split {
        text.split(stop, Behavior::MergedWithNext, |piece, parts, watch| {
            characters(watch, piece, |c| c == replacement, parts)
        })?;
    }
    Ok(())
}

/// A script that a space or the like interrupts goes on. Text before the first script is dropped.
fn scripts(piece: &str, parts: &mut Vec<Match>, watch: &mut Watch<'_>) -> Result<()> {
    let (mut start, mut last) = (None, None);
    for (place, character) in piece.char_indices() {
        watch.step(1)?;
        let script = script(character);
        if script.is_some() && script != last {
            if let Some(start) = start {
                parts.try_push((start, place, true))?;
            }
            (start, last) = (Some(place), script);
        }
    }
    start.map_or(Ok(()), |start| parts.try_push((start, piece.len(), true)))
}
