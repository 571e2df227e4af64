//! Normalizers, made ready to run.
//!
//! Each normalizer changes a piece and its spans exactly as the normalizer of `tokenizers` does. The tables of Unicode
//! come from the crates that `tokenizers` uses. They are older than the present tables: a character that they do not
//! know is left alone.

mod charsmap;
mod sentencepiece;

use unicode_categories::UnicodeCategories;
use unicode_normalization_alignments::UnicodeNormalization;
use unicode_normalization_alignments::char::is_combining_mark;

use super::char_set::CharSet;
use super::finder::PatternFinder;
use super::text::{Rewriter, StagedText};
use crate::arch::Isa;
use crate::encode::nfc;
use crate::error::{Error, Result};
use crate::limits;
use crate::memory::Grow;
use crate::stop::Stop;
use crate::vocab::alphabet;
use crate::vocab::pipeline;
use charsmap::Charsmap;
use sentencepiece::SentencePieceNormalizer;

/// A normalizer made ready to run.
#[derive(Debug)]
pub(super) enum StageNormalizer {
    Form(Form),
    Lowercase,
    StripAccents,
    Strip { left: bool, right: bool },
    Replace { finder: PatternFinder, content: String },
    Prepend(String),
    Nmt,
    Bert { settings: Bert, controls: CharSet, marks: CharSet },
    Precompiled(Charsmap),
    ByteLevel,
    SentencePiece(SentencePieceNormalizer),
}

/// A normalization form of Unicode.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    Nfc,
    Nfd,
    Nfkc,
    Nfkd,
}

/// The settings of BERT's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bert {
    clean_text: bool,
    handle_chinese_chars: bool,
    strip_accents: bool,
    lowercase: bool,
}

/// The normalizers of a file in their order.
///
/// # Errors
/// [`Error::Pattern`], [`Error::Format`] for a map of characters that is none.
pub(super) fn all(normalizer: Option<&pipeline::Normalizer>, isa: Isa) -> Result<Vec<StageNormalizer>> {
    let mut all = Vec::new();
    if let Some(normalizer) = normalizer {
        push(normalizer, isa, &mut all)?;
    }
    Ok(all)
}

/// The normalizer of a SentencePiece model.
///
/// # Errors
/// [`Error::Format`] for an invalid map of characters; [`Error::Memory`].
pub(super) fn of_sentencepiece(model: &pipeline::SentencePieceModel) -> Result<StageNormalizer> {
    SentencePieceNormalizer::new(model).map(StageNormalizer::SentencePiece)
}

fn push(normalizer: &pipeline::Normalizer, isa: Isa, all: &mut Vec<StageNormalizer>) -> Result<()> {
    use pipeline::Normalizer as Data;
    let one = match normalizer {
        Data::Nfc => StageNormalizer::Form(Form::Nfc),
        Data::Nfd => StageNormalizer::Form(Form::Nfd),
        Data::Nfkc => StageNormalizer::Form(Form::Nfkc),
        Data::Nfkd => StageNormalizer::Form(Form::Nfkd),
        Data::Lowercase => StageNormalizer::Lowercase,
        Data::StripAccents => StageNormalizer::StripAccents,
        &Data::Strip { strip_left, strip_right } => StageNormalizer::Strip { left: strip_left, right: strip_right },
        Data::Replace { pattern, content } => {
            StageNormalizer::Replace { finder: PatternFinder::new(pattern, isa)?, content: content.clone() }
        }
        Data::Prepend { prepend } => StageNormalizer::Prepend(prepend.clone()),
        Data::Nmt => StageNormalizer::Nmt,
        &Data::Bert { clean_text, handle_chinese_chars, strip_accents, lowercase } => {
            let strip_accents = strip_accents.unwrap_or(lowercase);
            let settings = Bert { clean_text, handle_chinese_chars, strip_accents, lowercase };
            let [controls, marks] = [CharSet::new(is_bert_control)?, CharSet::new(|c| c.is_mark_nonspacing())?];
            StageNormalizer::Bert { settings, controls, marks }
        }
        Data::Precompiled { precompiled_charsmap } => {
            StageNormalizer::Precompiled(Charsmap::of_base64(precompiled_charsmap)?)
        }
        Data::ByteLevel => StageNormalizer::ByteLevel,
        Data::Sequence { normalizers } => {
            return normalizers.iter().try_for_each(|normalizer| push(normalizer, isa, all));
        }
    };
    all.try_push(one)
}

impl StageNormalizer {
    /// Normalizes the pieces that are no tokens. A text may grow to so much and no more: `limit` is in bytes.
    ///
    /// # Errors
    /// [`Error::Argument`] beyond the limit, [`Error::Pattern`], [`Error::Memory`], [`Error::Interrupted`].
    pub(super) fn run(&self, text: &mut StagedText, stop: &Stop, limit: usize) -> Result<()> {
        match self {
            Self::Form(form) => text.rewrite(stop, |old, _, new| form.run(old, new)),
            Self::Lowercase => text.rewrite(stop, |old, _, new| lowercase(old, new)),
            Self::StripAccents => text.rewrite(stop, |old, _, new| filter(old, new, |c| !is_combining_mark(c), |c| c)),
            &Self::Strip { left, right } => text.rewrite(stop, |old, _, new| strip(old, new, left, right)),
            Self::Replace { finder, content } => {
                text.rewrite(stop, |old, _, new| replace(old, new, finder, content, limit))
            }
            Self::Prepend(content) => text.rewrite(stop, |_, _, new| {
                new.prepend(content)?;
                new.copy(new.left())
            }),
            Self::Nmt => text.rewrite(stop, |old, _, new| filter(old, new, |c| !is_nmt_control(c), nmt_space)),
            Self::Bert { settings, controls, marks } => settings.run(text, stop, controls, marks),
            Self::Precompiled(charsmap) => text.rewrite(stop, |old, _, new| charsmap.run(old, new, limit)),
            Self::SentencePiece(rules) => text.rewrite(stop, |old, _, new| rules.run(old, new, limit)),
            Self::ByteLevel => text.rewrite(stop, |old, _, new| byte_level(old, new)),
        }
    }
}

impl Form {
    /// Normalizes part by part, so that nothing long is read before the writer asks whether to stop.
    fn run(self, old: &str, new: &mut Rewriter<'_>) -> Result<()> {
        nfc::parts(old).try_for_each(|part| self.run_part(part, new))
    }

    fn run_part(self, old: &str, new: &mut Rewriter<'_>) -> Result<()> {
        use unicode_normalization_alignments::{is_nfc, is_nfd, is_nfkc, is_nfkd};
        let is_normal = old.is_ascii()
            || match self {
                Self::Nfc => is_nfc(old),
                Self::Nfd => is_nfd(old),
                Self::Nfkc => is_nfkc(old),
                Self::Nfkd => is_nfkd(old),
            };
        if is_normal {
            new.read(old.len())?;
            return new.copy(old.len());
        }
        let mut push = |(character, change)| new.push(character, change);
        match self {
            Self::Nfc => old.nfc().try_for_each(&mut push),
            Self::Nfd => old.nfd().try_for_each(&mut push),
            Self::Nfkc => old.nfkc().try_for_each(&mut push),
            Self::Nfkd => old.nfkd().try_for_each(&mut push),
        }
    }
}

fn lowercase(old: &str, new: &mut Rewriter<'_>) -> Result<()> {
    let mut rest = old;
    while !rest.is_empty() {
        let plain = rest.bytes().take_while(u8::is_ascii).count();
        new.copy_lowercase(plain)?;
        rest = &rest[plain..];
        let Some(character) = rest.chars().next() else { break };
        for (place, lower) in character.to_lowercase().enumerate() {
            new.push(lower, isize::from(place > 0))?;
        }
        rest = &rest[character.len_utf8()..];
    }
    Ok(())
}

/// Keeps some characters, and maps them.
fn filter(old: &str, new: &mut Rewriter<'_>, keep: impl Fn(char) -> bool, map: impl Fn(char) -> char) -> Result<()> {
    let (mut last, mut removed) = (None, 0);
    for character in old.chars() {
        if !keep(character) {
            new.read(1)?;
            removed += 1;
            continue;
        }
        match last {
            Some(last) => new.push(map(last), -removed)?,
            None => new.skip(removed as usize),
        }
        (last, removed) = (Some(character), 0);
    }
    match last {
        Some(last) => new.push(map(last), -removed),
        None => Ok(()),
    }
}

fn strip(old: &str, new: &mut Rewriter<'_>, left: bool, right: bool) -> Result<()> {
    let inner = if left { old.trim_start() } else { old };
    let leading = old.len() - inner.len();
    let inner = if right { inner.trim_end() } else { inner };
    new.skip(old[..leading].chars().count());
    new.copy(inner.len())
}

fn replace(old: &str, new: &mut Rewriter<'_>, finder: &PatternFinder, content: &str, limit: usize) -> Result<()> {
    let mut length = old.len();
    let stop = new.stop();
    finder.for_each_match(stop, old, |start, end| {
        length += content.len();
        if length > limit {
            let reason = format!("it has more than {limit} bytes when {content:?} is put for each match");
            return Err(Error::argument("text", reason));
        }
        new.copy(start - new.at())?;
        new.replace(end - start, content)
    })?;
    new.copy(new.left())
}

fn is_nmt_control(character: char) -> bool {
    matches!(u32::from(character), 0x01..=0x08 | 0x0B | 0x0E..=0x1F | 0x7F | 0x8F | 0x9F)
}

fn nmt_space(character: char) -> char {
    match u32::from(character) {
        0x09 | 0x0A | 0x0C | 0x0D | 0x1680 | 0x200B..=0x200F | 0x2028 | 0x2029 | 0x2581 | 0xFEFF | 0xFFFD => ' ',
        _ => character,
    }
}

impl Bert {
    fn run(self, text: &mut StagedText, stop: &Stop, controls: &CharSet, marks: &CharSet) -> Result<()> {
        if self.clean_text {
            text.rewrite(stop, |old, _, new| {
                if old.chars().all(|c| matches!(c, ' '..='~') || !controls.contains(c) && !is_bert_space(c)) {
                    return new.copy(old.len());
                }
                filter(old, new, |c| !controls.contains(c), |c| if is_bert_space(c) { ' ' } else { c })
            })?;
        }
        if self.handle_chinese_chars {
            text.rewrite(stop, |old, _, new| {
                if !old.chars().any(is_chinese) {
                    return new.copy(old.len());
                }
                for character in old.chars() {
                    if is_chinese(character) {
                        new.push(' ', 0)?;
                        new.push(character, 1)?;
                        new.push(' ', 1)?;
                    } else {
                        new.push(character, 0)?;
                    }
                }
                Ok(())
            })?;
        }
        if self.strip_accents {
            text.rewrite(stop, |old, _, new| Form::Nfd.run(old, new))?;
            text.rewrite(stop, |old, _, new| match old.chars().any(|c| marks.contains(c)) {
                true => filter(old, new, |c| !marks.contains(c), |c| c),
                false => new.copy(old.len()),
            })?;
        }
        if self.lowercase {
            text.rewrite(stop, |old, _, new| lowercase(old, new))?;
        }
        Ok(())
    }
}

fn is_bert_control(character: char) -> bool {
    match character {
        '\0' | '\u{FFFD}' => true,
        '\t' | '\n' | '\r' | ' '..='~' => false,
        _ => character.is_other(),
    }
}

fn is_bert_space(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r') || character.is_whitespace()
}

fn is_chinese(character: char) -> bool {
    matches!(
        u32::from(character),
        0x3400..=0x4DBF
            | 0x4E00..=0x9FFF
            | 0xF900..=0xFAFF
            | 0x20000..=0x2A6DF
            | 0x2A700..=0x2B73F
            | 0x2B740..=0x2B81F
            | 0x2B920..=0x2CEAF
            | 0x2F800..=0x2FA1F
    )
}

/// A character for each byte.
pub(super) fn byte_level(old: &str, new: &mut Rewriter<'_>) -> Result<()> {
    let mut rest = old;
    while !rest.is_empty() {
        // These stand for themselves.
        let plain = rest.bytes().take_while(u8::is_ascii_graphic).count();
        new.copy(plain)?;
        rest = &rest[plain..];
        let Some(character) = rest.chars().next() else { break };
        for (place, &byte) in rest.as_bytes()[..character.len_utf8()].iter().enumerate() {
            new.push(alphabet::CHARS[usize::from(byte)], isize::from(place > 0))?;
        }
        rest = &rest[character.len_utf8()..];
    }
    Ok(())
}

/// Bytes that a text of `length` bytes may have when it is normalized.
pub(super) fn limit(length: usize) -> usize {
    limits::normalized(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A part has a few bytes here.
        #[test]
        fn parts_are_normalized_as_the_whole(picks in prop::collection::vec(any::<prop::sample::Index>(), 0..40)) {
            let some = ['a', ' ', 'e', '\u{e9}', '\u{300}', '\u{301}', '\u{323}', '\u{345}', '\u{93c}', '\u{915}', '\u{1100}', '\u{1161}', '\u{11a8}', '\u{ac00}', '\u{212b}', '\u{fb01}', '\u{3099}', '\u{304b}', '\u{4e00}', '\u{8ca}', '\u{1e9b}', '\u{344}'];
            let original: String = picks.iter().map(|pick| *pick.get(&some)).collect();
            for form in [Form::Nfc, Form::Nfd, Form::Nfkc, Form::Nfkd] {
                let after = |by_parts: bool| {
                    let (never, mut text) = (Stop::never(), StagedText::default());
                    text.begin(&never, &original, true).unwrap();
                    text.rewrite(&never, |old, _, new| if by_parts { form.run(old, new) } else { form.run_part(old, new) }).unwrap();
                    (text.text, text.spans)
                };
                prop_assert_eq!(after(true), after(false), "{:?} of {}", form, original.escape_unicode());
            }
        }
    }
}
