//! Training as `tokenizers` defines it, and with fairness, in the simplest way.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

type Pair = (u32, u32);

/// An entry of the queue: the weight of the pair when it was queued, and the pieces in which it then appeared.
struct QueuedPair {
    weight: u64,
    pair: Pair,
    pieces: BTreeSet<usize>,
}

/// A piece: the ids of its tokens, its column, and its number of occurrences there.
pub type Piece = (Vec<u32>, usize, u64);

/// The weights of columns.
pub struct Columns<'p> {
    /// Their number.
    pub number: usize,
    /// The first weight of an occurrence, in the columns that are trained on.
    pub first: Vec<u64>,
    /// The rule by which weights follow prices, if they do.
    pub policy: Option<NaivePolicy<'p>>,
}

/// Weights that follow prices.
#[derive(Clone, Copy)]
pub struct NaivePolicy<'p> {
    /// The weights of the columns that are trained on, from the number of tokens of all columns.
    pub factors: &'p dyn Fn(&[u64]) -> Vec<u64>,
    /// The number of merges at which weights are computed again, from the number at which they last were.
    pub refresh_after: fn(usize) -> usize,
}

/// Merges a pair in a piece. `change` gets each pair that is lost, and the pair that takes its place.
fn merge(piece: &mut Vec<u32>, (left, right): Pair, product: u32, mut change: impl FnMut(Pair, Pair)) {
    let mut at = 0;
    while at + 1 < piece.len() {
        if (piece[at], piece[at + 1]) == (left, right) {
            piece.splice(at..at + 2, [product]);
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

/// The merges of weighted pieces, and all tokens at the end by their ids. `tokens` are the first tokens. A pair is
/// merged if it weighs at least `least` at first weights; tokens of more than two bytes are shorter than `longest`.
pub fn train(
    pieces: &[Piece],
    columns: &Columns,
    mut tokens: Vec<Vec<u8>>,
    size: usize,
    least: u64,
    longest: usize,
) -> (Vec<Pair>, Vec<Vec<u8>>) {
    let mut pieces = pieces.to_vec();
    let mut amounts = BTreeMap::<Pair, Vec<u64>>::new();
    let mut born = BTreeMap::<Pair, BTreeSet<usize>>::new();
    let none = || vec![0; columns.number];
    for (place, (piece, column, count)) in pieces.iter().enumerate() {
        for pair in piece.windows(2) {
            amounts.entry((pair[0], pair[1])).or_insert_with(none)[*column] += count;
            born.entry((pair[0], pair[1])).or_default().insert(place);
        }
    }
    let refreshed = |pieces: &[Piece]| {
        let mut lengths = none();
        pieces.iter().for_each(|(piece, column, count)| lengths[*column] += piece.len() as u64 * count);
        columns.policy.map(|policy| (policy.factors)(&lengths))
    };
    let refresh_after = |merges| columns.policy.map_or(usize::MAX, |policy| (policy.refresh_after)(merges));
    let mut refresh = refresh_after(0);
    let mut factors = refreshed(&pieces);
    let mut queue = Vec::<QueuedPair>::new();
    let mut merges = Vec::new();
    loop {
        if merges.len() == refresh {
            refresh = refresh_after(refresh);
            factors = refreshed(&pieces);
            if let Some(factors) = &factors {
                queue.iter_mut().for_each(|entry| entry.weight = weigh(&amounts[&entry.pair], factors));
            }
        }
        let present = factors.as_ref().unwrap_or(&columns.first);
        for (pair, pieces) in std::mem::take(&mut born) {
            let weight = weigh(&amounts[&pair], present);
            if weight > 0 {
                queue.push(QueuedPair { weight, pair, pieces });
            }
        }
        if tokens.len() >= size {
            break;
        }
        let Some(first) = heaviest(&queue) else { break };
        let entry = &mut queue[first];
        let weight = weigh(&amounts[&entry.pair], present);
        if entry.weight != weight {
            entry.weight = weight;
            continue;
        }
        if weigh(&amounts[&entry.pair], &columns.first) < least.max(1) {
            queue.swap_remove(first);
            continue;
        }
        let entry = queue.swap_remove(first);
        let token = [&tokens[entry.pair.0 as usize][..], &tokens[entry.pair.1 as usize]].concat();
        let product = tokens.iter().position(|other| *other == token).unwrap_or_else(|| {
            tokens.push(token);
            tokens.len() - 1
        }) as u32;
        merges.push(entry.pair);
        let length = |symbol: u32| tokens[symbol as usize].len();
        for place in entry.pieces {
            let (piece, column, count) = &mut pieces[place];
            merge(piece, entry.pair, product, |lost, made| {
                if let Some(amounts) = amounts.get_mut(&lost) {
                    amounts[*column] -= *count;
                }
                if length(made.0) + length(made.1) < longest {
                    amounts.entry(made).or_insert_with(none)[*column] += *count;
                    born.entry(made).or_default().insert(place);
                }
            });
        }
    }
    (without_repeats(&merges), tokens)
}

/// The weight of amounts by column.
fn weigh(amounts: &[u64], factors: &[u64]) -> u64 {
    amounts.iter().zip(factors).map(|(amount, factor)| amount * factor).sum()
}

/// The place of the heaviest pair; of equally heavy pairs, of the smallest.
fn heaviest(queue: &[QueuedPair]) -> Option<usize> {
    let first = queue.iter().enumerate().max_by_key(|(_, entry)| (entry.weight, Reverse(entry.pair)));
    first.map(|(place, _)| place)
}

/// The merges in their order. If a pair was merged several times, the last merge counts.
fn without_repeats(merges: &[Pair]) -> Vec<Pair> {
    let last: BTreeMap<_, _> = merges.iter().enumerate().map(|(place, &pair)| (pair, place)).collect();
    merges.iter().enumerate().filter(|&(place, pair)| last[pair] == place).map(|(_, &pair)| pair).collect()
}
