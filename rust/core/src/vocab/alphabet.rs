//! The printable character that stands for each byte in a `tokenizer.json`.
//!
//! A byte that is a printable Latin-1 character stands for itself. The other 68 bytes, in order, are U+0100 and up: a
//! space is `Ġ`, a line feed `Ċ`.

use std::fmt::{self, Display, Formatter};

use crate::error::Result;

/// One more than the last character of the alphabet.
const END: usize = 0x144;

pub(crate) static CHARS: [char; 256] = chars();
static BYTES: [Option<u8>; END] = bytes();

const fn chars() -> [char; 256] {
    let mut chars = ['\0'; 256];
    let mut shifted = 0x100;
    let mut byte = 0;
    while byte < 256 {
        chars[byte] = if matches!(byte as u8, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff) {
            byte as u8 as char
        } else {
            shifted += 1;
            char::from_u32(shifted - 1).expect("below the surrogates")
        };
        byte += 1;
    }
    chars
}

const fn bytes() -> [Option<u8>; END] {
    let chars = chars();
    let mut bytes = [None; END];
    let mut byte = 0;
    while byte < 256 {
        bytes[chars[byte] as usize] = Some(byte as u8);
        byte += 1;
    }
    bytes
}

/// A token as a `tokenizer.json` spells it.
#[derive(Clone, Copy)]
pub(crate) struct Spelled<'t>(pub(crate) &'t [u8]);

impl Display for Spelled<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        const AT_ONCE: usize = 64;
        let mut text = [0; 2 * AT_ONCE];
        for bytes in self.0.chunks(AT_ONCE) {
            let mut length = 0;
            for &byte in bytes {
                length += CHARS[usize::from(byte)].encode_utf8(&mut text[length..]).len();
            }
            formatter.write_str(str::from_utf8(&text[..length]).expect("characters were put there"))?;
        }
        Ok(())
    }
}

/// A token as a `tokenizer.json` spells it, as a text of its own.
pub(crate) fn spell(token: &[u8]) -> String {
    Spelled(token).to_string()
}

/// Appends the bytes of `spelling`. Returns `false` if one of its characters stands for no byte.
///
/// # Errors
/// [`Error::Memory`](crate::Error::Memory).
pub(crate) fn read(spelling: &str, token: &mut Vec<u8>) -> Result<bool> {
    // A byte for each character.
    token.try_reserve(spelling.len())?;
    Ok(spelling.chars().all(|c| byte(c).map(|byte| token.push(byte)).is_some()))
}

/// The byte that a character stands for.
pub(crate) fn byte(c: char) -> Option<u8> {
    BYTES.get(c as usize).copied().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_own_character() {
        let all: Vec<u8> = (0..=255).collect();
        let mut back = Vec::new();
        assert!(read(&Spelled(&all).to_string(), &mut back).unwrap());
        assert_eq!(back, all);
        assert_eq!(Spelled(b" \n\x00\xad~").to_string(), "ĠĊĀŃ~");
    }

    #[test]
    fn other_characters_stand_for_nothing() {
        for c in [' ', '\u{ad}', '\u{144}', '▁', '😀'] {
            assert!(!read(&c.to_string(), &mut Vec::new()).unwrap(), "{c:?}");
        }
    }
}
