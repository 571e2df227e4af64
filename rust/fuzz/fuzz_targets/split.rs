//! Every scheme on every instruction set equals the scan, at any offset from the beginning of a block.

#![no_main]

use std::sync::LazyLock;

use eurotok_core::arch::Isa;
use eurotok_core::split::{Scheme, Splitter, scan};
use libfuzzer_sys::fuzz_target;

static SPLITTERS: LazyLock<Vec<(Scheme, Vec<(Isa, Splitter)>)>> = LazyLock::new(|| {
    let splitter = |scheme: &Scheme, isa| (isa, Splitter::with_isa(scheme.clone(), isa).expect("a scheme of the table"));
    let on_each = |scheme: Scheme| {
        let splitters = Isa::available().into_iter().map(|isa| splitter(&scheme, isa)).collect();
        (scheme, splitters)
    };
    Scheme::names().filter_map(Scheme::named).map(on_each).collect()
});

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (offset, filler, data) = input;
    let mut text = vec![if filler % 2 == 0 { b'x' } else { b' ' }; usize::from(offset % 64)];
    text.extend_from_slice(data);
    for (scheme, splitters) in SPLITTERS.iter() {
        let expected = scan(scheme, &text).expect("a scheme of the table");
        for (isa, splitter) in splitters {
            let mut pieces = Vec::new();
            splitter.for_each_piece(&text, |piece| pieces.push(piece)).expect("no regex");
            assert_eq!(pieces, expected, "{:?} on {}: {}", scheme.name(), isa.name(), text.escape_ascii());
        }
    }
});
