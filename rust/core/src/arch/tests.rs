//! Every instruction set yields what the portable path yields.

use proptest::prelude::*;

use super::*;

fn check(text: &[u8], start: usize) {
    let count = (text.len() - start).div_ceil(64);
    let masks = |isa: Isa| {
        let mut blocks = vec![Block::default(); count + 1];
        assert_eq!(isa.classify(text, start, &mut blocks), count);
        blocks
    };
    let expected = masks(Isa(Kind::Portable));
    for isa in Isa::available() {
        assert_eq!(masks(isa), expected, "{} on {text:x?} from {start}", isa.name());
    }
}

#[test]
fn every_scalar_at_every_offset() {
    let text: String = (0..=0x10_FFFF).filter_map(char::from_u32).collect();
    for offset in 0..64 {
        // All lengths of padding shift all characters to all lanes; longer steps where four bytes are looked up one by one.
        let shifted = "x".repeat(offset) + if offset % 16 == 0 { &text } else { &text[..2 * 0x7FF + 3 * 0x3000] };
        check(shifted.as_bytes(), 0);
    }
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let ill_formed = prop::sample::select(vec![
        &b"\x80"[..],
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
    ]);
    let part = prop_oneof![
        4 => "[a-zA-Z '/.\n]{1,9}".prop_map(String::into_bytes),
        4 => "[à-ÿĀ-ſα-ωЀ-я’“–…€]{1,9}".prop_map(String::into_bytes),
        2 => any::<String>().prop_map(String::into_bytes),
        1 => ill_formed.prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..9),
    ];
    prop::collection::vec(part, 0..60).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn any_bytes_from_any_start(text in bytes(), start in 0..70usize) {
        check(&text, start.min(text.len()));
    }
}
