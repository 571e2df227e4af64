//! The inner loop: groups of pieces are looked up, and the misses are merged.
//!
//! A group passes through stages, each a loop of its own:
//!
//! 1. The keys of a block of pieces are made, and their sets in the cache are prefetched, because the cache outgrows
//!    the processor's.
//! 2. The block is looked up. The ids of the hits are written in a row. A block fits the processor's nearest cache.
//! 3. The misses of the whole group are looked up in their second set, in the table of long pieces, and among the
//!    oversized pieces.
//! 4. The pieces that no table holds are merged, all at once: the merger is faster the more words it is given. Then
//!    they are inserted into the cache.
//! 5. The ids of the misses are put between the ids of the hits.
//!
//! The pieces of a group may belong to many texts. A branch predictor cannot foresee the length of a piece, whether it
//! is known, and how many ids it has. These decide on numbers and addresses instead of branches: on text of new words,
//! a mispredicted branch costs more than a look-up.
//!
//! The figures in this folder and in `cache` are from real text; `cargo bench -p eurotok-core -- lookup` measures a
//! repeated pass over generated text.

pub(crate) mod answers;
pub(crate) mod barriers;
pub(crate) mod lookup;
pub(crate) mod unmergeable;

use super::cache::Cache;
use super::{Encoder, Sink, Worker};
use crate::arch::{U32x16, Work};
use crate::bpe::{LONGEST, MergeSink, Merger};
use crate::encode::pipeline::answers::Answers;
use crate::encode::pipeline::lookup::{BLOCK, Group, Misses};
use crate::error::Result;

/// Number of pieces in a group. The more there are, the more words are merged in lockstep.
pub(crate) const GROUP: usize = 16 * BLOCK;

/// The arguments of [`Encoder::take_pieces`], as [`Isa::run`](crate::arch::Isa::run) needs them.
struct TakePieces<'p, S> {
    encoder: &'p Encoder,
    worker: &'p mut Worker,
    text: &'p [u8],
    base: usize,
    ends: &'p [u32],
    are_last: bool,
    out: &'p mut S,
}

impl<S: Sink> Work for TakePieces<'_, S> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<R: U32x16>(self) -> Result<()> {
        let Self { encoder, worker, text, base, mut ends, are_last, out } = self;
        let Worker { group, cache, merger, .. } = worker;
        let group: &mut Group = group;
        group.bounds[group.count] = base;
        while !ends.is_empty() {
            let (now, later) = ends.split_at(ends.len().min(BLOCK - group.count % BLOCK));
            group.prepare::<R>(text, base, now, cache);
            ends = later;
            if group.count.is_multiple_of(BLOCK) {
                group.lookup::<R>(cache);
                if group.count == GROUP {
                    encoder.write_group::<R>(group, text, cache, merger, out)?;
                    group.bounds[0] = group.bounds[GROUP];
                }
            }
        }
        if are_last {
            group.lookup::<R>(cache);
            encoder.write_group::<R>(group, text, cache, merger, out)?;
        }
        Ok(())
    }
}

impl Encoder {
    /// Takes consecutive pieces into the worker's group: the first begins at `base`, and each ends at `base` plus its
    /// entry of `ends`. A full group is encoded, and with `are_last` also the last one; until then `text` must stay the
    /// same.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory); the worker must then be dropped.
    pub(super) fn take_pieces(
        &self,
        worker: &mut Worker,
        text: &[u8],
        base: usize,
        ends: &[u32],
        are_last: bool,
        out: &mut impl Sink,
    ) -> Result<()> {
        self.isa.run(TakePieces { encoder: self, worker, text, base, ends, are_last, out })
    }

    /// Passes the ids of a group that was looked up to `out`, and empties the group.
    #[inline(always)]
    fn write_group<R: U32x16>(
        &self,
        group: &mut Group,
        text: &[u8],
        cache: &mut Cache,
        merger: &mut Merger,
        out: &mut impl Sink,
    ) -> Result<()> {
        if group.misses.count > 0 {
            group.lookup_slow::<R>(text, cache)?;
            if !group.misses.unknown.is_empty() {
                let start = self.merge_misses(group, text, merger)?;
                group.misses.answers.translate::<R>(start, &self.ids);
                group.insert_misses::<R>(text, cache);
            }
        }
        let before = out.length();
        out.put_group(group)?;
        group.note_ends(before)?;
        group.empty();
        Ok(())
    }

    /// Merges the pieces that no table holds. From the returned place on, the answers are symbols and not yet ids.
    #[inline(never)]
    fn merge_misses(&self, group: &mut Group, text: &[u8], merger: &mut Merger) -> Result<usize> {
        group.remove_duplicates(text);
        let Group { bounds, misses, .. } = group;
        let Misses { numbers, answers, unknown, words, lengths, .. } = misses;
        words.clone_from(unknown);
        let piece = |at: &u16| {
            let number = numbers[usize::from(*at)] as usize;
            &text[bounds[number]..bounds[number + 1]]
        };
        if !self.unmergeable.is_empty() {
            answers.make_room(words.len())?;
            words.retain(|at| {
                let Some(id) = self.unmergeable.id(piece(at)) else { return true };
                answers.add_one(usize::from(*at), id);
                false
            });
        }
        let most = sort(words, lengths, |at| piece(at).len());
        answers.make_room(most)?;
        let start = answers.filled();
        merger.merge_into(&self.pairs, words.iter().map(piece), MergedMisses { words, answers, most })?;
        if let Some(characters) = &self.characters {
            characters.spell_out(answers, start, words)?;
        }
        misses.answer_duplicates();
        Ok(start)
    }
}

/// Stores merged pieces: `words` are the places of the pieces among the misses, and `most` is the most ids of the
/// pieces that are merged in lockstep.
struct MergedMisses<'l> {
    words: &'l [u16],
    answers: &'l mut Answers,
    most: usize,
}

impl MergeSink for MergedMisses<'_> {
    #[inline(always)]
    fn take<R: U32x16>(&mut self, number: usize, row: &[u32], count: usize) {
        self.answers.add_row::<R>(usize::from(self.words[number]), row, count);
    }

    fn make_room(&mut self, count: usize) -> Result<()> {
        self.answers.make_room(self.most + count)
    }
}

/// Number of lengths that [`sort`] tells apart.
const LENGTHS: usize = 256;

/// Sorts words by their length, so that words merged in lockstep take about the same number of steps. Words of
/// [`LENGTHS`] bytes and more come last, unsorted. `lengths` is memory for the purpose. Returns the total number of
/// bytes; longer words count [`LENGTHS`] - 1 bytes.
fn sort(words: &mut [u16], lengths: &mut Vec<(u8, u16)>, length: impl Fn(&u16) -> usize) -> usize {
    // Longer words have room made when they are merged.
    const { assert!(LONGEST < LENGTHS) };
    lengths.clear();
    lengths.extend(words.iter().map(|at| (length(at).min(LENGTHS - 1) as u8, *at)));
    let mut ends = [0u16; LENGTHS];
    let mut bytes = 0;
    for &(length, _) in &*lengths {
        ends[usize::from(length)] += 1;
        bytes += usize::from(length);
    }
    let mut before = 0;
    for end in &mut ends {
        before += std::mem::replace(end, before);
    }
    for &(length, at) in &*lengths {
        let place = &mut ends[usize::from(length)];
        words[usize::from(*place)] = at;
        *place += 1;
    }
    bytes
}
