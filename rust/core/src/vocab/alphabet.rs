//! The printable character that stands for each byte in a `tokenizer.json`.
//!
//! A byte that is a printable Latin-1 character stands for itself. The other 68 bytes, in order, are U+0100 and up: a
//! space is `Ġ`, a line feed `Ċ`.

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
pub(crate) fn spell(token: &[u8]) -> String {
    token.iter().map(|&byte| CHARS[usize::from(byte)]).collect()
}

/// Appends the bytes that `spelling` stands for. Returns `false` if a character of it stands for none.
pub(crate) fn read(spelling: &str, token: &mut Vec<u8>) -> bool {
    spelling.chars().all(|c| byte(c).map(|byte| token.push(byte)).is_some())
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
        assert!(read(&spell(&all), &mut back));
        assert_eq!(back, all);
        assert_eq!(spell(b" \n\x00\xad~"), "ĠĊĀŃ~");
    }

    #[test]
    fn other_characters_stand_for_nothing() {
        for c in [' ', '\u{ad}', '\u{144}', '▁', '😀'] {
            assert!(!read(&c.to_string(), &mut Vec::new()), "{c:?}");
        }
    }
}
