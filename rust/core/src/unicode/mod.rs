//! The class of every code point: eight classes, so three bits.
//!
//! The tables are those of Unicode 16 in Rust's `regex-syntax`. `tiktoken` and `tokenizers` agree with them on every
//! scalar value. They are generated and checked in, and a test compares them with the crate.

mod tables;

/// The class of a character. Bytes that are not UTF-8 count as [`Class::Other`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Class {
    /// Punctuation, symbols, controls, unassigned.
    Other = 0,
    /// `\p{Lu}`, `\p{Lt}`.
    Upper = 1,
    /// `\p{Ll}`.
    Lower = 2,
    /// `\p{Lm}`, `\p{Lo}`: letters without case.
    Caseless = 3,
    /// `\p{M}`.
    Mark = 4,
    /// `\p{N}`.
    Number = 5,
    /// `\s` except line ends.
    Space = 6,
    /// `\r`, `\n`.
    LineEnd = 7,
}

const CLASSES: [Class; 8] = [
    Class::Other,
    Class::Upper,
    Class::Lower,
    Class::Caseless,
    Class::Mark,
    Class::Number,
    Class::Space,
    Class::LineEnd,
];

impl Class {
    /// The class of a code point (anything beyond U+10FFFF is [`Class::Other`]).
    pub fn of(code_point: u32) -> Self {
        CLASSES[usize::from(classes_of_block(code_point >> 6)[(code_point & 63) as usize])]
    }

    /// `\p{L}`.
    pub fn is_letter(self) -> bool {
        matches!(self, Self::Upper | Self::Lower | Self::Caseless)
    }

    /// `\s`.
    pub fn is_space(self) -> bool {
        matches!(self, Self::Space | Self::LineEnd)
    }
}

/// The classes of the 64 code points that share all but their last six bits. In UTF-8 they share all but the last byte,
/// so they form the vector table of a lead byte.
pub fn classes_of_block(block: u32) -> &'static [u8; 64] {
    &tables::BLOCKS[tables::INDEX.get(block as usize).map_or(0, |&row| usize::from(row))]
}

/// A range of second bytes, from the first to the last: characters of three bytes with the same first byte and a second
/// byte in the range have the classes of this block. (A Chinese text has nearly as many blocks as characters, but
/// hardly two classes.)
pub fn blocks_alike(block: u32) -> [u8; 2] {
    ALIKE[block as usize % ALIKE.len()]
}

/// [`blocks_alike`] for all blocks of characters of three bytes.
static ALIKE: [[u8; 2]; 1 << 10] = {
    let mut alike = [[0; 2]; 1 << 10];
    let mut block = 0;
    while block < alike.len() {
        let (mut first, mut last) = (block, block);
        while first % 64 > 0 && tables::INDEX[first - 1] == tables::INDEX[block] {
            first -= 1;
        }
        while last % 64 < 63 && tables::INDEX[last + 1] == tables::INDEX[block] {
            last += 1;
        }
        alike[block] = [0x80 | (first % 64) as u8, 0x80 | (last % 64) as u8];
        block += 1;
    }
    alike
};

/// The code point and the length in bytes of the first character of `text`, which must not be empty. A byte that begins
/// no well-formed character is a character of its own: U+FFFD, of length 1.
pub fn decode(text: &[u8]) -> (u32, usize) {
    const BAD: (u32, usize) = (0xFFFD, 1);
    let tail = |i: usize| text.get(i).filter(|&&byte| byte & 0xC0 == 0x80).map(|&byte| u32::from(byte & 0x3F));
    let lead = u32::from(text[0]);
    match lead {
        0..0x80 => (lead, 1),
        0xC2..0xE0 => match tail(1) {
            Some(a) => ((lead & 0x1F) << 6 | a, 2),
            None => BAD,
        },
        0xE0..0xF0 => match (tail(1), tail(2)) {
            (Some(a), Some(b)) => match (lead & 0x0F) << 12 | a << 6 | b {
                0..0x800 | 0xD800..0xE000 => BAD,
                code_point => (code_point, 3),
            },
            _ => BAD,
        },
        0xF0..0xF5 => match (tail(1), tail(2), tail(3)) {
            (Some(a), Some(b), Some(c)) => match (lead & 0x07) << 18 | a << 12 | b << 6 | c {
                code_point @ 0x1_0000..0x11_0000 => (code_point, 4),
                _ => BAD,
            },
            _ => BAD,
        },
        _ => BAD,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex_syntax::hir::{Class as RegexClass, HirKind};

    #[test]
    fn classes_equal_the_regex_crate_on_every_code_point() {
        let patterns = [
            (r"[\p{Lu}\p{Lt}]", vec![Class::Upper]),
            (r"\p{Ll}", vec![Class::Lower]),
            (r"\p{L}", vec![Class::Upper, Class::Lower, Class::Caseless]),
            (r"\p{M}", vec![Class::Mark]),
            (r"\p{N}", vec![Class::Number]),
            (r"\s", vec![Class::Space, Class::LineEnd]),
            (r"[\r\n]", vec![Class::LineEnd]),
        ];
        for (pattern, classes) in patterns {
            let hir = regex_syntax::Parser::new().parse(pattern).unwrap();
            let HirKind::Class(RegexClass::Unicode(ranges)) = hir.kind() else { panic!("{pattern} is a class") };
            let mut expected = vec![false; 0x11_0000];
            for range in ranges.ranges() {
                expected[range.start() as usize..=range.end() as usize].fill(true);
            }
            for code_point in 0..0x11_0000u32 {
                let ours = classes.contains(&Class::of(code_point));
                assert_eq!(ours, expected[code_point as usize], "{pattern} U+{code_point:04X}");
            }
        }
    }

    #[test]
    fn decode_equals_the_standard_library() {
        for scalar in (0..=0x10_FFFF).filter_map(char::from_u32) {
            let mut buffer = [0; 4];
            let text = scalar.encode_utf8(&mut buffer);
            assert_eq!(decode(text.as_bytes()), (u32::from(scalar), scalar.len_utf8()));
            for cut in 1..text.len() {
                assert_eq!(decode(&text.as_bytes()[..cut]), (0xFFFD, 1));
            }
        }
        for bad in [&b"\x80"[..], b"\xC0\x80", b"\xC1\xBF", b"\xE0\x80\x80", b"\xED\xA0\x80", b"\xF5\x80\x80\x80"] {
            assert_eq!(decode(bad), (0xFFFD, 1));
        }
        assert_eq!(decode(b"\xF4\x90\x80\x80"), (0xFFFD, 1));
        assert_eq!(decode(b"\xF0\x8F\xBF\xBF"), (0xFFFD, 1));
    }
}
