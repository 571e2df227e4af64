//! Parity-aware BPE by counting everything again before each merge.

use std::collections::BTreeMap;

/// A piece: its tokens in bytes, its language, and its number of occurrences there.
pub type Piece = (Vec<Vec<u8>>, usize, u64);

/// A key that sorts bytes like the characters that stand for them.
fn character(byte: u8) -> (bool, u8) {
    (!matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff), byte)
}

/// The merged pairs, as tokens in bytes. Every merge is the most frequent pair of the most expensive language.
pub fn train(texts: &mut [Piece], parallel: &mut [Piece], size: usize, least: u64) -> Vec<(Vec<u8>, Vec<u8>)> {
    let languages = texts.iter().map(|piece| piece.1 + 1).max().unwrap_or(0);
    let mut exhausted = vec![false; languages];
    let mut known: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte]).collect();
    let mut merges = Vec::new();
    while known.len() < size {
        let price = |language: usize| -> u64 {
            let own = parallel.iter().filter(|piece| piece.1 == language);
            own.map(|(piece, _, count)| piece.len() as u64 * count).sum()
        };
        let left = (0..languages).filter(|&language| !exhausted[language]);
        let Some(language) = left.min_by_key(|&language| std::cmp::Reverse(price(language))) else { break };
        let mut counts = BTreeMap::<(Vec<u8>, Vec<u8>), u64>::new();
        for (piece, _, count) in texts.iter().filter(|piece| piece.1 == language) {
            for pair in piece.windows(2) {
                *counts.entry((pair[0].clone(), pair[1].clone())).or_insert(0) += count;
            }
        }
        let key = |token: &[u8]| token.iter().map(|&byte| character(byte)).collect::<Vec<_>>();
        let best = counts.into_iter().max_by_key(|((left, right), count)| (*count, key(left), key(right)));
        let Some(((left, right), _)) = best.filter(|(_, count)| *count >= least) else {
            exhausted[language] = true;
            continue;
        };
        let token = [left.as_slice(), &right].concat();
        if !known.contains(&token) {
            known.push(token.clone());
        }
        for (piece, ..) in texts.iter_mut().chain(parallel.iter_mut()) {
            let mut at = 0;
            while at + 1 < piece.len() {
                if piece[at] == left && piece[at + 1] == right {
                    piece.splice(at..at + 2, [token.clone()]);
                }
                at += 1;
            }
        }
        merges.push((left, right));
    }
    let last: BTreeMap<_, _> = merges.iter().enumerate().map(|(place, pair)| (pair, place)).collect();
    merges.iter().enumerate().filter(|(place, pair)| last[pair] == *place).map(|(_, pair)| pair.clone()).collect()
}
