//! Training as `tokenizers` defines it, in the simplest way: the judge of everything else here.

use std::collections::{BTreeMap, BTreeSet};

type Pair = (u32, u32);

/// A place in the queue: what the pair weighed when it came there, and the pieces it was then born in.
struct Entry {
    weight: i64,
    pair: Pair,
    pieces: BTreeSet<usize>,
}

/// The merges of weighted pieces, and the number of ids then in use. Tokens are given as their ids: `tokens[id]`.
pub(super) fn train(
    pieces: &[(Vec<u32>, i64)],
    mut tokens: Vec<Vec<u8>>,
    size: usize,
    least: i64,
    longest: usize,
) -> (Vec<Pair>, Vec<Vec<u8>>) {
    let mut pieces = pieces.to_vec();
    let mut weights = BTreeMap::new();
    let mut born = BTreeMap::<Pair, BTreeSet<usize>>::new();
    for (place, (piece, weight)) in pieces.iter().enumerate() {
        for pair in piece.windows(2) {
            *weights.entry((pair[0], pair[1])).or_insert(0) += weight;
            born.entry((pair[0], pair[1])).or_default().insert(place);
        }
    }
    let mut queue = Vec::new();
    let mut merges = Vec::new();
    loop {
        for (pair, pieces) in std::mem::take(&mut born) {
            if weights[&pair] > 0 {
                queue.push(Entry { weight: weights[&pair], pair, pieces });
            }
        }
        if tokens.len() >= size {
            break;
        }
        let first = queue.iter().enumerate().max_by_key(|(_, entry)| (entry.weight, std::cmp::Reverse(entry.pair)));
        let Some((first, _)) = first else { break };
        let entry = &mut queue[first];
        if entry.weight != weights[&entry.pair] {
            entry.weight = weights[&entry.pair];
            continue;
        }
        if entry.weight < least.max(1) {
            break;
        }
        let entry = queue.swap_remove(first);
        let (left, right) = entry.pair;
        let token = [tokens[left as usize].as_slice(), &tokens[right as usize]].concat();
        let product = tokens.iter().position(|other| *other == token).unwrap_or_else(|| {
            tokens.push(token);
            tokens.len() - 1
        }) as u32;
        merges.push(entry.pair);
        let length = |symbol: u32| tokens[symbol as usize].len();
        for place in entry.pieces {
            let (piece, weight) = &mut pieces[place];
            let mut at = 0;
            while at + 1 < piece.len() {
                if (piece[at], piece[at + 1]) == (left, right) {
                    piece.splice(at..at + 2, [product]);
                    let mut change = |lost, made: Pair| {
                        *weights.entry(lost).or_insert(0) -= *weight;
                        if length(made.0) + length(made.1) < longest {
                            *weights.entry(made).or_insert(0) += *weight;
                            born.entry(made).or_default().insert(place);
                        }
                    };
                    if at > 0 {
                        change((piece[at - 1], left), (piece[at - 1], product));
                    }
                    if let Some(&after) = piece.get(at + 1) {
                        change((right, after), (product, after));
                    }
                }
                at += 1;
            }
        }
    }
    let last: BTreeMap<_, _> = merges.iter().enumerate().map(|(place, &pair)| (pair, place)).collect();
    let merges =
        merges.iter().enumerate().filter(|&(place, pair)| last[pair] == place).map(|(_, &pair)| pair).collect();
    (merges, tokens)
}
