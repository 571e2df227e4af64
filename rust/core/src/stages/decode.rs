//! Decoders, made ready to run: tokens become a text.

use std::ops::Range;

use super::Stages;
use super::finder::PatternFinder;
use crate::arch::{Foreign, Isa};
use crate::decode::{further, ranges};
use crate::error::{Error, Result};
use crate::memory::{Grow, collect_all, lossy_text};
use crate::stop::{Stop, Watch};
use crate::threads;
use crate::vocab::alphabet;
use crate::vocab::pipeline::{self, PrependScheme};

/// A decoder made ready to run.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there are few, which stay where they are")]
pub(super) enum StageDecoder {
    ByteLevel,
    ByteFallback,
    Fuse,
    Replace { finder: PatternFinder, content: String },
    Strip { content: char, start: usize, stop: usize },
    Metaspace { replacement: char, drops_first: bool },
    WordPiece { prefix: String, cleanup: bool },
    Bpe { suffix: String },
    Ctc { pad_token: String, word_delimiter_token: String, cleanup: bool },
    Sequence(Vec<StageDecoder>),
    SentencePiece(SentencePieceDecoder),
}

/// How a model of SentencePiece decodes.
#[derive(Debug)]
pub(super) struct SentencePieceDecoder {
    unknown: String,
    unk_surface: String,
    has_bytes: bool,
    /// Whether the space at the beginning is dropped.
    drops_first: bool,
    /// Whether all spaces at the beginning are dropped.
    drops_all: bool,
}

/// Tokens on their way to a text, one behind the other.
#[derive(Debug, Default)]
struct TokenTexts {
    text: String,
    ends: Vec<usize>,
}

impl TokenTexts {
    fn push(&mut self, parts: &[&str]) -> Result<()> {
        for part in parts {
            self.text.try_reserve(part.len())?;
            self.text.push_str(part);
        }
        self.ends.try_push(self.text.len())
    }

    fn iter(&self) -> impl DoubleEndedIterator<Item = &str> {
        let start = |place: usize| if place == 0 { 0 } else { self.ends[place - 1] };
        (0..self.ends.len()).map(move |place| &self.text[start(place)..self.ends[place]])
    }

    /// The text of each token, by its number.
    fn map(&self, watch: &mut Watch<'_>, mut map: impl FnMut(usize, &str) -> Result<Option<String>>) -> Result<Self> {
        let mut mapped = Self::default();
        for (number, token) in self.iter().enumerate() {
            watch.step(EACH)?;
            if let Some(token) = map(number, token)? {
                mapped.push(&[&token])?;
            }
        }
        Ok(mapped)
    }
}

/// The steps that a token counts for the next question whether to stop.
const EACH: usize = 8;

impl StageDecoder {
    pub(super) fn new(decoder: &pipeline::Decoder, isa: Isa) -> Result<Self> {
        use pipeline::Decoder as Data;
        Ok(match decoder {
            Data::ByteLevel(_) => Self::ByteLevel,
            Data::ByteFallback => Self::ByteFallback,
            Data::Fuse => Self::Fuse,
            Data::Replace { pattern, content } => {
                Self::Replace { finder: PatternFinder::new(pattern, isa)?, content: content.clone() }
            }
            &Data::Strip { content, start, stop } => Self::Strip { content, start, stop },
            Data::Metaspace(metaspace) => Self::Metaspace {
                replacement: metaspace.replacement,
                drops_first: metaspace.prepend_scheme != PrependScheme::Never,
            },
            Data::WordPiece { prefix, cleanup } => Self::WordPiece { prefix: prefix.clone(), cleanup: *cleanup },
            Data::Bpe { suffix } => Self::Bpe { suffix: suffix.clone() },
            Data::Ctc { pad_token, word_delimiter_token, cleanup } => Self::Ctc {
                pad_token: pad_token.clone(),
                word_delimiter_token: word_delimiter_token.clone(),
                cleanup: *cleanup,
            },
            Data::Sequence { decoders } => {
                Self::Sequence(collect_all(decoders.iter().map(|decoder| Self::new(decoder, isa)))?)
            }
        })
    }

    pub(super) fn of_sentencepiece(model: &pipeline::SentencePieceModel) -> Self {
        let unknown = (0..).zip(&model.kinds).find(|&(_, &kind)| kind == pipeline::Kind::Unknown);
        Self::SentencePiece(SentencePieceDecoder {
            unknown: unknown.and_then(|(id, _)| model.entries.text(id)).unwrap_or_default().to_string(),
            unk_surface: model.unk_surface.clone(),
            has_bytes: model.byte_fallback,
            drops_first: model.rules.add_dummy_prefix || model.rules.remove_extra_whitespaces,
            drops_all: model.rules.remove_extra_whitespaces,
        })
    }

    fn run(&self, stop: &Stop, tokens: TokenTexts) -> Result<TokenTexts> {
        let mut watch = Watch::new(stop);
        match self {
            Self::SentencePiece(decoder) => decoder.run(&mut watch, &tokens),
            Self::ByteLevel => {
                let mut whole = TokenTexts::default();
                whole.push(&[&lossy_text(&byte_level(&mut watch, &tokens)?)?])?;
                Ok(whole)
            }
            Self::ByteFallback => byte_fallback(&mut watch, &tokens),
            Self::Fuse => Ok(TokenTexts { ends: vec![tokens.text.len()], ..tokens }),
            Self::Replace { finder, content } => replace(stop, &tokens, finder, content),
            &Self::Strip { content, start, stop } => {
                let mut stripped = TokenTexts::default();
                for mut token in tokens.iter() {
                    watch.step(EACH)?;
                    for _ in 0..start {
                        let Some(rest) = token.strip_prefix(content) else { break };
                        token = rest;
                    }
                    for _ in 0..stop {
                        let Some(rest) = token.strip_suffix(content) else { break };
                        token = rest;
                    }
                    stripped.push(&[token])?;
                }
                Ok(stripped)
            }
            &Self::Metaspace { replacement, drops_first } => {
                let mut mapped = TokenTexts::default();
                for (number, token) in tokens.iter().enumerate() {
                    watch.step(EACH)?;
                    mapped.text.try_reserve(token.len())?;
                    let space = if number == 0 && drops_first { "" } else { " " };
                    for (place, part) in token.split(replacement).enumerate() {
                        mapped.text.push_str(if place > 0 { space } else { "" });
                        mapped.text.push_str(part);
                    }
                    mapped.push(&[])?;
                }
                Ok(mapped)
            }
            Self::WordPiece { prefix, cleanup } => {
                let mut joined = TokenTexts::default();
                for (number, token) in tokens.iter().enumerate() {
                    watch.step(EACH)?;
                    let parts = match token.strip_prefix(&prefix[..]) {
                        _ if number == 0 => ["", token],
                        Some(rest) => ["", rest],
                        None => [" ", token],
                    };
                    match cleanup {
                        true => joined.push(&[&cleaned(&parts.concat())])?,
                        false => joined.push(&parts)?,
                    }
                }
                Ok(joined)
            }
            Self::Bpe { suffix } => {
                let last = tokens.ends.len().wrapping_sub(1);
                tokens.map(&mut watch, |number, token| {
                    Ok(Some(token.replace(suffix, if number == last { "" } else { " " })))
                })
            }
            Self::Ctc { pad_token, word_delimiter_token, cleanup } => {
                let mut before: Option<String> = None;
                tokens.map(&mut watch, |_, token| {
                    if before.as_deref() == Some(token) {
                        return Ok(None);
                    }
                    before = Some(token.to_string());
                    let mut text = token.replace(pad_token, "");
                    if *cleanup {
                        text = cleaned(&text).replace(word_delimiter_token, " ");
                    }
                    Ok((!text.is_empty()).then_some(text))
                })
            }
            Self::Sequence(decoders) => decoders.iter().try_fold(tokens, |tokens, decoder| decoder.run(stop, tokens)),
        }
    }
}

/// Tokens with `content` in place of each match.
fn replace(stop: &Stop, tokens: &TokenTexts, finder: &PatternFinder, content: &str) -> Result<TokenTexts> {
    let (mut replaced, mut watch) = (TokenTexts::default(), Watch::new(stop));
    for token in tokens.iter() {
        watch.step(EACH)?;
        let mut done = 0;
        finder.for_each_match(stop, token, |start, end| {
            replaced.text.try_reserve(start - done + content.len())?;
            replaced.text.push_str(&token[done..start]);
            replaced.text.push_str(content);
            done = end;
            Ok(())
        })?;
        replaced.push(&[&token[done..]])?;
    }
    Ok(replaced)
}

/// The bytes of tokens as byte-level models spell them; a token that has another character stands for itself.
fn byte_level(watch: &mut Watch<'_>, tokens: &TokenTexts) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for token in tokens.iter() {
        watch.step(EACH)?;
        let start = bytes.len();
        bytes.try_reserve(token.len())?;
        if !alphabet::read(token, &mut bytes)? {
            bytes.truncate(start);
            bytes.extend_from_slice(token.as_bytes());
        }
    }
    Ok(bytes)
}

/// Decodes runs of tokens such as `<0x0A>` as UTF-8. If the bytes of a run are not UTF-8, each token becomes U+FFFD.
fn byte_fallback(watch: &mut Watch<'_>, tokens: &TokenTexts) -> Result<TokenTexts> {
    let mut decoded = TokenTexts::default();
    let mut bytes = Vec::new();
    let flush = |bytes: &mut Vec<u8>, decoded: &mut TokenTexts| -> Result<()> {
        if !bytes.is_empty() {
            match str::from_utf8(bytes) {
                Ok(text) => decoded.push(&[text])?,
                Err(_) => bytes.iter().try_for_each(|_| decoded.push(&["\u{FFFD}"]))?,
            }
            bytes.clear();
        }
        Ok(())
    };
    for token in tokens.iter() {
        watch.step(EACH)?;
        match byte(token) {
            Some(byte) => bytes.try_push(byte)?,
            None => {
                flush(&mut bytes, &mut decoded)?;
                decoded.push(&[token])?;
            }
        }
    }
    flush(&mut bytes, &mut decoded)?;
    Ok(decoded)
}

/// The byte that a token such as `<0x0A>` stands for.
fn byte(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
    // A sign counts as a digit to the parser.
    digits.filter(|digits| digits.len() == 2).and_then(|digits| u8::from_str_radix(digits, 16).ok())
}

impl SentencePieceDecoder {
    fn run(&self, watch: &mut Watch<'_>, tokens: &TokenTexts) -> Result<TokenTexts> {
        let (mut text, mut bytes) = (String::new(), Vec::new());
        // A space is dropped as long as the text is empty; a second one only if all spaces at the beginning are dropped.
        let (mut is_start, mut was_dropped) = (true, false);
        for token in tokens.iter() {
            watch.step(EACH)?;
            if let Some(byte) = byte(token).filter(|_| self.has_bytes) {
                bytes.try_push(byte)?;
                continue;
            }
            flush(&mut bytes, &mut text)?;
            is_start &= !was_dropped && text.is_empty();
            was_dropped = false;
            if token == self.unknown {
                text.try_reserve(self.unk_surface.len())?;
                text.push_str(&self.unk_surface);
                continue;
            }
            let mut rest = token;
            if is_start
                && self.drops_first
                && let Some(stripped) = token.strip_prefix('▁')
            {
                (rest, was_dropped) = (stripped, !self.drops_all);
            }
            text.try_reserve(rest.len())?;
            for (place, part) in rest.split('▁').enumerate() {
                text.push_str(if place > 0 { " " } else { "" });
                text.push_str(part);
            }
        }
        flush(&mut bytes, &mut text)?;
        Ok(TokenTexts { ends: vec![text.len()], text })
    }
}

/// Appends bytes as text, with U+FFFD for each byte that belongs to no character.
fn flush(bytes: &mut Vec<u8>, text: &mut String) -> Result<()> {
    let mut rest = &bytes[..];
    text.try_reserve(3 * rest.len())?;
    while !rest.is_empty() {
        let valid = str::from_utf8(rest).map_or_else(|error| error.valid_up_to(), str::len);
        text.push_str(str::from_utf8(&rest[..valid]).unwrap_or_default());
        rest = &rest[valid..];
        if let Some((_, behind)) = rest.split_first() {
            text.push('\u{FFFD}');
            rest = behind;
        }
    }
    bytes.clear();
    Ok(())
}

/// A text without the spaces that tokens had before punctuation and contractions.
fn cleaned(text: &str) -> String {
    [
        (" .", "."),
        (" ?", "?"),
        (" !", "!"),
        (" ,", ","),
        (" ' ", "'"),
        (" n't", "n't"),
        (" 'm", "'m"),
        (" do not", " don't"),
        (" 's", "'s"),
        (" 've", "'ve"),
        (" 're", "'re"),
    ]
    .iter()
    .fold(text.to_string(), |text, (from, to)| if text.contains(from) { text.replace(from, to) } else { text })
}

impl Stages {
    /// The bytes of the text of a sequence of ids. Special tokens are included only if `with_specials`. They are UTF-8,
    /// unless the decoder is `ByteLevel` and the bytes of the tokens are not.
    ///
    /// # Errors
    /// [`Error::UnknownId`] for the first id that has no token; [`Error::Pattern`], [`Error::Memory`], [`Error::Interrupted`].
    pub fn decode<'i>(&self, stop: &Stop, ids: impl Into<Foreign<'i>>, with_specials: bool) -> Result<Vec<u8>> {
        let (mut tokens, mut watch) = (TokenTexts::default(), Watch::new(stop));
        for (position, id) in ids.into().iter().enumerate() {
            watch.step(EACH)?;
            let token = self.spelled(id).ok_or_else(|| Error::UnknownId {
                id: id.into(),
                position,
                vocab_size: self.data.size(),
            })?;
            if with_specials || !self.is_special(token) {
                tokens.push(&[token])?;
            }
        }
        match &self.decoder {
            Some(StageDecoder::ByteLevel) => byte_level(&mut watch, &tokens),
            Some(decoder) => Ok(decoder.run(stop, tokens)?.text.into_bytes()),
            None => {
                let mut joined = String::new();
                for (number, token) in tokens.iter().enumerate() {
                    watch.step(EACH)?;
                    joined.try_reserve(token.len() + 1)?;
                    joined.push_str(if number > 0 { " " } else { "" });
                    joined.push_str(token);
                }
                Ok(joined.into_bytes())
            }
        }
    }

    /// [`decode`](Self::decode) of each of many sequences, on at most `threads` threads: sequence `i` is `ids[offsets[i]..offsets[i + 1]]`.
    ///
    /// # Errors
    /// As [`decode`](Self::decode); [`Error::Argument`] if the offsets do not ascend within `ids`.
    pub fn decode_batch<'i>(
        &self,
        stop: &Stop,
        ids: impl Into<Foreign<'i>>,
        offsets: &[i64],
        with_specials: bool,
        threads: Option<usize>,
    ) -> Result<Vec<Vec<u8>>> {
        let ids = ids.into();
        let ranges = ranges(offsets, ids.len())?;
        let share = ranges.len().div_ceil(threads::wanted(threads)).max(1);
        let decode = |range: &Range<usize>| {
            stop.check()?;
            self.decode(stop, ids.part(range.clone()), with_specials).map_err(|error| further(error, range.start))
        };
        let run = |ranges: &[_]| collect_all(ranges.iter().map(decode));
        let parts: Vec<_> =
            threads::map_unless(stop, ranges.chunks(share).collect(), run).into_iter().collect::<Result<_>>()?;
        Ok(parts.into_iter().flatten().collect())
    }

    /// The text of an id: of an added token its normalized one.
    fn spelled(&self, id: u32) -> Option<&str> {
        self.normal_texts.get(&id).map(|text| &text[..]).or_else(|| self.data.token(id))
    }

    /// Whether a text is that of a special token.
    fn is_special(&self, text: &str) -> bool {
        self.specials.contains(text)
    }

    /// Whether tokens are spelled in the alphabet of byte-level models.
    pub fn is_byte_level(&self) -> bool {
        matches!(self.decoder, Some(StageDecoder::ByteLevel))
    }

    /// The bytes of an id. In byte-level models these are the bytes of the text, in other models the token as the
    /// vocabulary spells it.
    pub fn token(&self, id: u32) -> Option<Vec<u8>> {
        let text = self.data.token(id)?;
        let mut bytes = Vec::new();
        let is_spelled = self.is_byte_level() && self.data.added_token(id).is_none();
        Some(if is_spelled && matches!(alphabet::read(text, &mut bytes), Ok(true)) {
            bytes
        } else {
            text.as_bytes().to_vec()
        })
    }

    /// The id of the token with exactly these bytes.
    pub fn id(&self, token: &[u8]) -> Option<u32> {
        let spelled = || self.data.model.entries().id(&alphabet::spell(token));
        let text = || str::from_utf8(token).ok().and_then(|text| self.data.id(text));
        if self.is_byte_level() { spelled().or_else(text) } else { text() }
    }
}
