//! SentencePiece's compiled map of characters: a trie in an array, whose values are places in a list of texts.
//!
//! A file begins with the size of the trie in bytes; each of its units has four. The texts follow, each with a zero
//! byte behind it. The units come from an untrusted file. For any units, a search takes one step for each byte of a
//! grapheme of at most five bytes, and reads only within the array.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use unicode_segmentation::UnicodeSegmentation;

use crate::error::{Error, Result};
use crate::memory::collect;
use crate::stages::text::Rewriter;

/// Longer graphemes are mapped a character at a time.
const GRAPHEME: usize = 5;

/// A map, made ready to run.
#[derive(Debug)]
pub(in crate::stages) struct Charsmap {
    units: Vec<u32>,
    texts: String,
    /// Whether an ASCII character is mapped.
    ascii: [bool; 128],
}

impl Charsmap {
    /// Reads a map in base64.
    ///
    /// # Errors
    /// [`Error::Format`]
    pub(super) fn of_base64(base64: &str) -> Result<Self> {
        let data = STANDARD.decode(base64);
        Self::new(&data.map_err(|_| Error::format("precompiled_charsmap", "it is not base64"))?)
    }

    /// Reads a map.
    ///
    /// # Errors
    /// [`Error::Format`]
    pub(super) fn new(data: &[u8]) -> Result<Self> {
        let fail = |reason: &str| Error::format("precompiled_charsmap", reason);
        let (size, rest) = data.split_first_chunk().ok_or_else(|| fail("it is shorter than its header"))?;
        let size = u32::from_le_bytes(*size) as usize / 4 * 4;
        let (units, texts) = rest.split_at_checked(size).ok_or_else(|| fail("its trie is longer than it"))?;
        let (units, _) = units.as_chunks::<4>();
        let units = collect(units.iter().map(|&unit| u32::from_le_bytes(unit)))?;
        if units.is_empty() {
            return Err(fail("its trie is empty"));
        }
        let texts = String::from_utf8(texts.to_vec()).map_err(|_| fail("its texts are not UTF-8"))?;
        let mut map = Self { units, texts, ascii: [false; 128] };
        for byte in 0..128 {
            map.ascii[usize::from(byte)] = map.get(&char::from(byte).to_string()).is_some();
        }
        Ok(map)
    }

    /// The replacement of a text: the value of its shortest prefix that has one.
    fn get(&self, text: &str) -> Option<&str> {
        let mut unit = self.units[0];
        let mut place = offset(unit);
        for byte in text.bytes().take_while(|&byte| byte != 0) {
            place ^= usize::from(byte);
            unit = *self.units.get(place)?;
            if unit & (1 << 31 | 0xFF) != u32::from(byte) {
                return None;
            }
            place ^= offset(unit);
            if unit >> 8 & 1 == 1 {
                let value = *self.units.get(place)? & !(1 << 31);
                let rest = self.texts.get(value as usize..)?;
                return rest.split('\0').next();
            }
        }
        None
    }

    /// The longest mapped text that begins this one: its length, and the replacement. Like in SentencePiece, a match that
    /// ends within a character is left out.
    pub(super) fn longest(&self, text: &str) -> Option<(usize, &str)> {
        let (mut unit, mut found) = (self.units[0], None);
        let mut place = offset(unit);
        for (length, &byte) in (1..).zip(text.as_bytes()) {
            place ^= usize::from(byte);
            unit = match self.units.get(place) {
                Some(&unit) if unit & (1 << 31 | 0xFF) == u32::from(byte) && byte != 0 => unit,
                _ => break,
            };
            place ^= offset(unit);
            if unit >> 8 & 1 == 1 && text.is_char_boundary(length) {
                let value = self.units.get(place).map(|value| (value & !(1 << 31)) as usize);
                found = value.map(|value| (length, value)).or(found);
            }
        }
        let (length, value) = found?;
        self.texts.get(value..)?.split('\0').next().map(|text| (length, text))
    }

    /// Whether these bytes begin the text of a rule, or are all of it.
    pub(super) fn begins(&self, text: &[u8]) -> bool {
        let mut place = offset(self.units[0]);
        text.iter().all(|&byte| {
            place ^= usize::from(byte);
            let Some(&unit) = self.units.get(place).filter(|&&unit| unit & (1 << 31 | 0xFF) == u32::from(byte)) else {
                return false;
            };
            place ^= offset(unit);
            byte != 0
        })
    }

    /// Writes the mapped text, up to `limit` bytes.
    pub(super) fn run(&self, old: &str, new: &mut Rewriter<'_>, limit: usize) -> Result<()> {
        let mut mapping = Mapping { new, last: None };
        let mut rest = old;
        while !rest.is_empty() {
            check(mapping.new.written(), limit)?;
            // ASCII characters are graphemes of their own, but for a line end of two, unless a mark follows.
            let is_plain = |&byte: &u8| byte.is_ascii() && !self.ascii[usize::from(byte)] && byte != b'\r';
            let plain = rest.bytes().take_while(is_plain).count();
            let plain = if plain == rest.len() { plain } else { plain.saturating_sub(1) };
            mapping.same(&rest[..plain], old.len() - rest.len())?;
            rest = &rest[plain..];
            let Some(grapheme) = rest.graphemes(true).next() else { break };
            self.map(grapheme, &mut mapping)?;
            rest = &rest[grapheme.len()..];
        }
        mapping.flush()
    }

    fn map(&self, grapheme: &str, mapping: &mut Mapping<'_, '_>) -> Result<()> {
        if grapheme.len() <= GRAPHEME
            && let Some(text) = self.get(grapheme)
        {
            return mapping.put(grapheme, text);
        }
        for (start, character) in grapheme.char_indices() {
            let part = &grapheme[start..start + character.len_utf8()];
            match self.get(part) {
                Some(text) => mapping.put(part, text)?,
                None => mapping.push(character, 0)?,
            }
        }
        Ok(())
    }
}

/// The text written so far. The last character is held back: if the next part of the text is removed, its length counts
/// as removed behind this character. (If a removed part has no character before it, the spans of the later characters
/// are shifted, as in `tokenizers`.)
struct Mapping<'m, 'r> {
    new: &'m mut Rewriter<'r>,
    last: Option<(char, isize)>,
}

impl Mapping<'_, '_> {
    fn flush(&mut self) -> Result<()> {
        self.last.take().map_or(Ok(()), |(character, change)| self.new.push(character, change))
    }

    fn push(&mut self, character: char, change: isize) -> Result<()> {
        self.flush()?;
        self.last = Some((character, change));
        Ok(())
    }

    /// Takes over a part as it is, which begins at `place`.
    fn same(&mut self, part: &str, place: usize) -> Result<()> {
        let Some(last) = part.chars().next_back() else { return Ok(()) };
        self.flush()?;
        let before = &part[..part.len() - last.len_utf8()];
        if self.new.at() == place {
            self.new.copy(before.len())?;
        } else {
            before.chars().try_for_each(|character| self.new.push(character, 0))?;
        }
        self.last = Some((last, 0));
        Ok(())
    }

    /// Puts a text for a part. If it has more characters, the last of them count as added; if it has fewer, its last takes the place of the
    /// rest.
    fn put(&mut self, part: &str, text: &str) -> Result<()> {
        let (before, after) = (part.chars().count(), text.chars().count());
        for (place, character) in text.chars().enumerate() {
            self.push(character, isize::from(place >= before))?;
        }
        if let Some((_, change)) = &mut self.last
            && after < before
        {
            *change -= (before - after) as isize;
        }
        Ok(())
    }
}

/// Whether a text has become longer than it may.
pub(super) fn check(length: usize, limit: usize) -> Result<()> {
    if length > limit {
        let reason = format!("it has more than {limit} bytes when precompiled_charsmap is applied");
        return Err(Error::argument("text", reason));
    }
    Ok(())
}

/// Where the children of a unit begin, relative to it.
fn offset(unit: u32) -> usize {
    ((unit >> 10) << ((unit & 1 << 9) >> 6)) as usize
}
