//! Words that go in step.

use super::births::Births;
use super::{AT_ONCE, Merged};
use crate::arch::Row;
use crate::bpe::pair_table::View;

/// A piece while it is merged.
pub(crate) trait Word: Clone {
    /// One with nothing in it.
    const EMPTY: Self;
    /// Takes up a piece that begins from these starts, of which there are not too many.
    fn begin(&mut self, pairs: View<'_>, starts: &[u32]);
    /// Applies the best merge, if there is one. Then the symbol before what it made, that, and the one after it are two pairs born,
    /// of which it tells the places, too.
    fn step<R: Row>(&mut self) -> (bool, [u32; 3], [usize; 2]);
    /// Notes the rank of the pair at a place, if it merges; nothing is noted there yet but perhaps just that.
    fn propose(&mut self, place: u8, rank: u32);
    /// The symbols that are left. That ends the word.
    fn finish<R: Row>(&mut self) -> &[u32];
}

/// Words that go in step.
#[derive(Debug)]
pub(crate) struct Group<W> {
    words: [W; AT_ONCE],
    numbers: [usize; AT_ONCE],
    count: usize,
    births: Births,
}

impl<W: Word> Default for Group<W> {
    fn default() -> Self {
        let words = std::array::from_fn(|_| W::EMPTY);
        Self { words, numbers: [0; AT_ONCE], count: 0, births: Births::default() }
    }
}

impl<W: Word> Group<W> {
    /// Takes up a word; when there is no room for another, merges all.
    #[inline(always)]
    pub(crate) fn take<R: Row>(&mut self, pairs: View<'_>, number: usize, starts: &[u32], sink: &mut impl Merged) {
        self.words[self.count].begin(pairs, starts);
        self.numbers[self.count] = number;
        self.count += 1;
        if self.count == AT_ONCE {
            self.finish::<R>(pairs, sink);
        }
    }

    /// Merges the words taken up.
    #[inline(always)]
    pub(crate) fn finish<R: Row>(&mut self, pairs: View<'_>, sink: &mut impl Merged) {
        if self.count == 0 {
            return;
        }
        let mut active: [u8; AT_ONCE] = std::array::from_fn(|word| word as u8);
        let mut count = self.count;
        while count > 0 {
            let mut left = 0;
            for turn in 0..count {
                let number = active[turn];
                let (goes_on, symbols, places) = self.words[usize::from(number) % AT_ONCE].step::<R>();
                self.births.note(left, number, symbols, places);
                active[left] = number;
                left += usize::from(goes_on);
            }
            count = left;
            let words = &mut self.words;
            self.births.settle::<R>(pairs, count, |word, place, rank| {
                words[usize::from(word) % AT_ONCE].propose(place, rank);
            });
        }
        for (word, &number) in self.words[..self.count].iter_mut().zip(&self.numbers) {
            let symbols = word.finish::<R>();
            sink.take::<R>(number, symbols, symbols.len());
        }
        self.count = 0;
    }
}
