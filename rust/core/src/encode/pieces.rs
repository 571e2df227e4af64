//! The inner loop: pieces in groups, each looked up, the missing ones merged.
//!
//! A group passes in stages, each a loop of its own. The first makes every piece's key and asks for its place in the cache, which
//! outgrows the processor's; the second looks all of them up and writes the ids of those that it finds, in a row. These two go by
//! blocks, whose places fit the processor's nearest cache. Only the others, by and by fewer, go further, all of a group together:
//! to their second place in the cache, to that of long pieces, to the merger, which is the faster the more words it is given; in
//! the end their ids are put between those of the row. The pieces of a group may be of many texts.
//!
//! What differs from piece to piece in ways that no branch predictor can foresee (its length, being known, the number of its ids)
//! decides on numbers and addresses, not on branches: on text of new words a wrong guess costs more than the look-up.

use super::cache::{self, Cache, LONG, SHORT};
use super::group::{BLOCK, GROUP, Group};
use super::{Encoder, Sink, Worker};
use crate::arch::{Row, Work};
use crate::vocab::merger::Merger;

/// [`Encoder::take_pieces`], in the form that [`Isa::run`](crate::arch::Isa::run) takes.
struct Pieces<'p, S> {
    encoder: &'p Encoder,
    worker: &'p mut Worker,
    text: &'p [u8],
    base: usize,
    ends: &'p [u32],
    are_last: bool,
    out: &'p mut S,
}

impl<S: Sink> Work for Pieces<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run<R: Row>(self) {
        let Self { encoder, worker, text, base, mut ends, are_last, out } = self;
        let Worker { group, cache, merger, .. } = worker;
        group.bounds[group.count] = base;
        while !ends.is_empty() {
            let (now, later) = ends.split_at(ends.len().min(BLOCK - group.count % BLOCK));
            group.prepare::<R>(text, base, now, cache);
            ends = later;
            if group.count % BLOCK == 0 {
                group.look_up::<R>(cache);
                if group.count == GROUP {
                    encoder.put_group::<R>(group, text, cache, merger, out);
                    group.bounds[0] = group.bounds[GROUP];
                }
            }
        }
        if are_last {
            group.look_up::<R>(cache);
            encoder.put_group::<R>(group, text, cache, merger, out);
        }
    }
}

impl Encoder {
    /// Takes consecutive pieces into the worker's group: the first begins at `base`, each ends at `base` plus its entry of `ends`.
    /// Groups that are full are encoded, after the last pieces also one that is not; until then `text` must stay the same.
    pub(super) fn take_pieces(
        &self,
        worker: &mut Worker,
        text: &[u8],
        base: usize,
        ends: &[u32],
        are_last: bool,
        out: &mut impl Sink,
    ) {
        self.isa.run(Pieces { encoder: self, worker, text, base, ends, are_last, out });
    }

    /// Puts out the ids of a group that was looked up, and empties it.
    #[inline(always)]
    fn put_group<R: Row>(
        &self,
        group: &mut Group,
        text: &[u8],
        cache: &mut Cache,
        merger: &mut Merger,
        out: &mut impl Sink,
    ) {
        if group.others.count > 0 {
            group.look_further::<R>(text, cache);
            if !group.others.missing.is_empty() {
                self.learn(group, text, cache, merger);
            }
        }
        let before = out.length();
        out.put_all(group);
        group.note_ends(before);
        group.empty();
    }

    /// Answers for the pieces that are missing, and remembers them.
    #[inline(never)]
    fn learn(&self, group: &mut Group, text: &[u8], cache: &mut Cache, merger: &mut Merger) {
        group.part_twins(text);
        let Group { bounds, keys, hashes, others, .. } = group;
        let mut missing = std::mem::take(&mut others.missing);
        let mut remember = |number: usize, ids: &[u32]| {
            let length = bounds[number + 1] - bounds[number];
            if length <= SHORT {
                cache.insert_short(keys[number], hashes[number], ids);
            } else if length <= LONG {
                cache.insert_long(cache::long_key(text, bounds[number], length), hashes[number], ids);
            }
        };
        let numbers = others.numbers;
        let piece = |at: &u16| {
            let number = usize::from(numbers[usize::from(*at)]);
            &text[bounds[number]..bounds[number + 1]]
        };
        if !self.whole.is_empty() {
            missing.retain(|at| {
                let Some(id) = self.whole.id(piece(at)) else { return true };
                others.answer(usize::from(*at), std::iter::once(id));
                remember(usize::from(numbers[usize::from(*at)]), &[id]);
                false
            });
        }
        sort(&mut missing, |at| piece(at).len());
        merger.merge_all(&self.pairs, missing.iter().map(piece), |place, symbols| {
            let at = usize::from(missing[place]);
            others.answer(at, symbols.iter().map(|&symbol| self.ids.of(symbol)));
            remember(usize::from(numbers[at]), others.of(at));
        });
        others.missing = missing;
        others.answer_twins();
    }
}

/// [`sort`] tells so many lengths apart.
const LENGTHS: usize = 64;

/// Puts pieces in order of their length, those of [`LENGTHS`] and more last: words that are merged in step had better take as many
/// steps.
fn sort(missing: &mut [u16], length: impl Fn(&u16) -> usize) {
    let mut ends = [0u16; LENGTHS];
    let mut lengths = [0u8; GROUP];
    for (own, at) in lengths.iter_mut().zip(missing.iter()) {
        *own = length(at).min(LENGTHS - 1) as u8;
        ends[usize::from(*own)] += 1;
    }
    let mut before = 0;
    for end in &mut ends {
        before += std::mem::replace(end, before);
    }
    let mut sorted = [0u16; GROUP];
    for (&length, &at) in lengths.iter().zip(missing.iter()) {
        let place = &mut ends[usize::from(length)];
        sorted[usize::from(*place)] = at;
        *place += 1;
    }
    missing.copy_from_slice(&sorted[..missing.len()]);
}
