//! The pieces of every scheme on every instruction set are those of the scan, at any offset from the beginning of a block.

use std::sync::LazyLock;

use eurotok_core::arch::Isa;
use eurotok_core::split::{Scheme, Splitter, scan};

type Splitters = Vec<(Scheme, Vec<(Isa, Splitter)>)>;

static SPLITTERS: LazyLock<Splitters> = LazyLock::new(|| {
    let splitter =
        |scheme: &Scheme, isa| (isa, Splitter::with_isa(scheme.clone(), isa).expect("a scheme of the table"));
    let on_each = |scheme: Scheme| {
        let splitters = Isa::available().into_iter().map(|isa| splitter(&scheme, isa)).collect();
        (scheme, splitters)
    };
    Scheme::names().filter_map(Scheme::named).map(on_each).collect()
});

/// The first byte tells which character is put before the text, and how often.
pub fn run(data: &[u8]) {
    let Some((&before, data)) = data.split_first() else { return };
    let mut text = vec![if before < 128 { b'x' } else { b' ' }; usize::from(before % 64)];
    text.extend_from_slice(data);
    for (scheme, splitters) in SPLITTERS.iter() {
        let expected = scan(scheme, &text).expect("a scheme of the table");
        for (isa, splitter) in splitters {
            let mut pieces = Vec::new();
            splitter.for_each_piece(&text, |piece| pieces.push(piece)).expect("no regex");
            assert_eq!(pieces, expected, "{:?} on {}: {}", scheme.name(), isa.name(), text.escape_ascii());
        }
    }
}
