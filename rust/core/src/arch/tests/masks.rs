//! The class masks of every instruction set against the portable ones. The tests of the crate and `.ci/arm64.rs` share this file.

use crate::arch::{Block, Isa};

/// Bytes that are not UTF-8.
pub const ILL_FORMED: [&[u8]; 13] = [
    b"\x80",
    b"\xC0\xAF",
    b"\xC3",
    b"\xE2\x80",
    b"\xE0\x80\x80",
    b"\xED\xA0\x80",
    b"\xF0\x9F\x99",
    b"\xF0\x8F\xBF\xBF",
    b"\xF4\x90\x80\x80",
    b"\xF5\x80\x80\x80",
    b"\xFF",
    b"\xE2\x28\xA1",
    b"\xC3\x28",
];

/// Classifies `text` from `start` with every instruction set of this machine, and compares the masks.
///
/// # Panics
/// If the masks of an instruction set differ from the portable ones.
pub fn check(text: &[u8], start: usize) {
    let count = (text.len() - start).div_ceil(64);
    let masks = |isa: &Isa| {
        let mut blocks = vec![Block::default(); count + 1];
        assert_eq!(isa.classify(text, start, &mut blocks), count);
        blocks
    };
    let isas = Isa::available();
    let (portable, others) = isas.split_last().expect("the portable path is always there");
    let expected = masks(portable);
    for isa in others {
        assert!(masks(isa) == expected, "{} from {start} on {}", isa.name(), text.escape_ascii());
    }
}

/// Checks every Unicode scalar value in every lane of a block.
///
/// # Panics
/// As [`check`].
pub fn check_every_scalar() {
    let scalars = |end| (0..end).filter_map(char::from_u32).collect::<String>();
    let (all, assigned) = (scalars(0x11_0000), scalars(0x3_0000));
    for offset in 0..64 {
        // Characters of four bytes are looked up one by one, so a few offsets are enough for the planes that are nearly empty.
        let scalars = if offset % 16 == 0 { &all } else { &assigned };
        check(("x".repeat(offset) + scalars).as_bytes(), 0);
    }
}
