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

mod answers;
pub(crate) mod barriers;
pub(crate) mod lookup;
pub(crate) mod unmergeable;

use super::cache::Cache;
use super::{Encoder, Sink, Worker};
use crate::arch::{U32x16, Work};
use crate::bpe::{LONGEST, MergeSink, Merger};
use crate::encode::pipeline::answers::Answers;
use crate::encode::pipeline::lookup::{BLOCK, Group, Others};
use crate::error::Result;

/// The pieces of a group: the more, the more words are merged in step.
pub(crate) const GROUP: usize = 16 * BLOCK;

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
                group.look_up::<R>(cache);
                if group.count == GROUP {
                    encoder.put_group::<R>(group, text, cache, merger, out)?;
                    group.bounds[0] = group.bounds[GROUP];
                }
            }
        }
        if are_last {
            group.look_up::<R>(cache);
            encoder.put_group::<R>(group, text, cache, merger, out)?;
        }
        Ok(())
    }
}

impl Encoder {
    /// Takes consecutive pieces into the worker's group: the first begins at `base`, each ends at `base` plus its entry of `ends`.
    /// Groups that are full are encoded, after the last pieces also one that is not; until then `text` must stay the same.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory); the worker is of no use then.
    pub(super) fn take_pieces(
        &self,
        worker: &mut Worker,
        text: &[u8],
        base: usize,
        ends: &[u32],
        are_last: bool,
        out: &mut impl Sink,
    ) -> Result<()> {
        self.isa.run(Pieces { encoder: self, worker, text, base, ends, are_last, out })
    }

    /// Puts out the ids of a group that was looked up, and empties it.
    #[inline(always)]
    fn put_group<R: U32x16>(
        &self,
        group: &mut Group,
        text: &[u8],
        cache: &mut Cache,
        merger: &mut Merger,
        out: &mut impl Sink,
    ) -> Result<()> {
        if group.others.count > 0 {
            group.look_further::<R>(text, cache)?;
            if !group.others.missing.is_empty() {
                let start = self.learn(group, text, merger)?;
                group.others.answers.translate::<R>(start, &self.ids);
                group.remember::<R>(text, cache);
            }
        }
        let before = out.length();
        out.put_all(group)?;
        group.note_ends(before)?;
        group.empty();
        Ok(())
    }

    /// Answers for the pieces that are missing. From the place that it returns on, these are symbols yet.
    #[inline(never)]
    fn learn(&self, group: &mut Group, text: &[u8], merger: &mut Merger) -> Result<usize> {
        group.part_twins(text);
        let Group { bounds, others, .. } = group;
        let Others { numbers, answers, missing, words, lengths, .. } = others;
        words.clone_from(missing);
        let piece = |at: &u16| {
            let number = numbers[usize::from(*at)] as usize;
            &text[bounds[number]..bounds[number + 1]]
        };
        if !self.whole.is_empty() {
            answers.make_room(words.len())?;
            words.retain(|at| {
                let Some(id) = self.whole.id(piece(at)) else { return true };
                answers.add_one(usize::from(*at), id);
                false
            });
        }
        let most = sort(words, lengths, |at| piece(at).len());
        answers.make_room(most)?;
        let start = answers.filled();
        merger.merge_into(&self.pairs, words.iter().map(piece), Learned { words, answers, most })?;
        others.answer_twins();
        Ok(start)
    }
}

/// Where what was merged goes: `words` are the places of the pieces, and `most` is how many ids those may have that are not too long to be
/// merged in step.
struct Learned<'l> {
    words: &'l [u16],
    answers: &'l mut Answers,
    most: usize,
}

impl MergeSink for Learned<'_> {
    #[inline(always)]
    fn take<R: U32x16>(&mut self, number: usize, row: &[u32], count: usize) {
        self.answers.add_row::<R>(usize::from(self.words[number]), row, count);
    }

    fn make_room(&mut self, count: usize) -> Result<()> {
        self.answers.make_room(self.most + count)
    }
}

/// [`sort`] tells so many lengths apart.
const LENGTHS: usize = 256;

/// Puts words in order of their length, those of [`LENGTHS`] and more last: those that are merged in step had better take as many
/// steps. `lengths` is memory for the purpose. Returns how many bytes they have together, of longer ones no more than that.
fn sort(words: &mut [u16], lengths: &mut Vec<(u8, u16)>, length: impl Fn(&u16) -> usize) -> usize {
    // What is not merged in step has room made for it when it comes.
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
