//! The merger against BPE pair by pair, on every instruction set and through every kind of word.

use proptest::prelude::*;

use super::*;
use crate::arch::Isa;
use crate::testing::bpe;

/// BPE pair by pair. Merge number 0 makes symbol 256; a merge may name earlier results.
fn naive(merges: &[(u32, u32)], piece: &[u8]) -> Vec<u32> {
    let mut symbols: Vec<u32> = piece.iter().map(|&byte| u32::from(byte)).collect();
    bpe::merge(&mut symbols, |left, right| {
        let rank = merges.iter().position(|&pair| pair == (left, right))?;
        Some((rank, 256 + rank as u32))
    });
    symbols
}

fn table(merges: &[(u32, u32)], isa: Isa) -> PairTable {
    PairTable::new(merges.iter().zip(0..).map(|(&(left, right), rank)| (left, right, rank)), isa).unwrap()
}

/// Distinct merges of a few bytes and of the results of other merges. The bytes include NUL and the bytes of two-byte
/// characters.
fn merges() -> impl Strategy<Value = Vec<(u32, u32)>> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..60).prop_map(|picks| {
        let mut symbols: Vec<u32> = b"\0ab \xC3\xA9\xCE\xB1".iter().map(|&byte| u32::from(byte)).collect();
        let mut merges = Vec::new();
        for (left, right) in picks {
            let pair = (*left.get(&symbols), *right.get(&symbols));
            if !merges.contains(&pair) {
                symbols.push(256 + merges.len() as u32);
                merges.push(pair);
            }
        }
        merges
    })
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    let unit =
        prop::sample::select(vec![&b"a"[..], b"b", b"ab", b" ", b"\0", "é".as_bytes(), "α".as_bytes(), b"\xC3", b"z"]);
    let length =
        prop_oneof![5 => 0..12usize, 3 => 12..20usize, 2 => 20..70usize, 1 => 70..160usize, 1 => 160..300usize];
    length.prop_flat_map(move |length| prop::collection::vec(unit.clone(), length)).prop_map(|units| units.concat())
}

proptest! {
    #[test]
    fn merging_in_step_is_bpe(merges in merges(), pieces in prop::collection::vec(piece(), 0..40)) {
        let expected: Vec<Vec<u32>> = pieces.iter().map(|piece| naive(&merges, piece)).collect();
        let mut merger = Merger::new().unwrap();
        for isa in Isa::available() {
            let pairs = table(&merges, isa);
            // The second pass takes the pieces backwards, because words are used again.
            for backwards in [false, true] {
                let order = |number: usize| if backwards { pieces.len() - 1 - number } else { number };
                let mut found = vec![None; pieces.len()];
                merger.merge_all(&pairs, (0..pieces.len()).map(|at| pieces[order(at)].as_slice()), |at, symbols| {
                    let number = order(at);
                    assert!(found[number].replace(symbols.to_vec()).is_none(), "piece {number} twice");
                }).unwrap();
                for (number, symbols) in found.into_iter().enumerate() {
                    prop_assert_eq!(symbols.as_ref(), Some(&expected[number]), "{:?}, {}", &pieces[number], isa.name());
                }
            }
        }
    }
}

#[test]
fn words_at_the_limits_of_their_kinds() {
    let merges = [(0, 0), (97, 97), (257, 257), (258, 258), (259, 259), (260, 98)];
    for isa in Isa::available() {
        let pairs = table(&merges, isa);
        let mut merger = Merger::new().unwrap();
        for length in
            [0, 1, 2, 14, 15, 16, 17, 29, 30, 31, 32, 61, 62, 63, 64, 125, 126, 127, 128, 200, 253, 254, 255, 256, 300]
        {
            for byte in [0, b'a', b'b'] {
                let piece = vec![byte; length];
                let mut symbols = Vec::new();
                merger.merge(&pairs, &piece, &mut symbols).unwrap();
                assert_eq!(symbols, naive(&merges, &piece), "{length} times {byte}, {}", isa.name());
            }
        }
    }
}

#[test]
fn a_table_is_never_full() {
    for count in 1..70 {
        let merges: Vec<(u32, u32)> = (0..count).map(|left| (left, left + 1)).collect();
        for isa in Isa::available() {
            let pairs = table(&merges, isa);
            // The piece has so many pairs that do not merge that some of them pass the filter.
            let piece: Vec<u8> = (0..=255u8).rev().flat_map(|byte| [byte, byte]).collect();
            for piece in piece.chunks(30) {
                let mut symbols = Vec::new();
                Merger::new().unwrap().merge(&pairs, piece, &mut symbols).unwrap();
                assert_eq!(symbols, naive(&merges, piece), "{count} merges, {}", isa.name());
            }
        }
    }
}
