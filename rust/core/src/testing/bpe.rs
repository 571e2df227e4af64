//! BPE as it is defined, pair by pair.

use crate::split::{Scheme, Splitter, scan};
use crate::vocab::{Merges, Vocab};

/// Merges neighbours until no pair has a rank: the smallest rank first, the leftmost of equal ranks. `rank` gives the
/// rank of two neighbours, and the symbol that replaces them.
pub fn merge(symbols: &mut Vec<u32>, rank: impl Fn(u32, u32) -> Option<(usize, u32)>) {
    loop {
        let candidate = |(at, pair): (usize, &[u32])| rank(pair[0], pair[1]).map(|(rank, made)| (rank, at, made));
        let Some((_, at, made)) = symbols.windows(2).enumerate().filter_map(candidate).min() else { return };
        symbols.splice(at..at + 2, [made]);
    }
}

/// The ids of one piece. A vocabulary of ranks takes a piece that is a token as that token, and so does a list with
/// `ignore_merges`. A byte that is no token, which UTF-8 never has, is left out.
pub fn piece_ids(vocab: &Vocab, piece: &[u8]) -> Vec<u32> {
    let tokens = &vocab.tokens;
    let takes_whole = matches!(vocab.merges, Merges::Ranks | Merges::List { ignore_merges: true, .. });
    if let Some(id) = tokens.id(piece).filter(|_| takes_whole) {
        return vec![id];
    }
    let mut ids: Vec<u32> = piece.iter().filter_map(|&byte| tokens.id(&[byte])).collect();
    merge(&mut ids, |left, right| {
        let made = tokens.id(&[tokens.get(left), tokens.get(right)].concat())?;
        let rank = match &vocab.merges {
            Merges::Ranks => made as usize,
            Merges::List { pairs, .. } => pairs.iter().position(|&pair| pair == (left, right))?,
        };
        Some((rank, made))
    });
    ids
}

/// The ids of a normalized text without added tokens.
///
/// # Panics
/// If the regex of the scheme cannot be compiled, or gives up on the text.
pub fn text_ids(vocab: &Vocab, text: &str) -> Vec<u32> {
    pieces(&vocab.scheme, text).into_iter().flat_map(|piece| piece_ids(vocab, piece)).collect()
}

/// The pieces of a text: by the scan for a scheme of the table, by the regex otherwise.
pub(super) fn pieces<'t>(scheme: &Scheme, text: &'t str) -> Vec<&'t [u8]> {
    scan(scheme, text.as_bytes()).unwrap_or_else(|| {
        let mut pieces = Vec::new();
        let splitter = Splitter::new(scheme.clone()).expect("a regex that compiles");
        splitter.for_each_piece(text.as_bytes(), |piece| pieces.push(piece)).expect("a regex that does not give up");
        pieces
    })
}
