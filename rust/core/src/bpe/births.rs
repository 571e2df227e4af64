//! The pairs born of a step, from all words that go in step: asked for together, then looked up.

use super::AT_ONCE;
use crate::arch::{Mask, Row};
use crate::bpe::pair_table::{Question, View};
use crate::bpe::symbol::NONE;

/// Room for what is born of a step, two pairs a word, and for reading rows past the last.
const BORN: usize = 4 * AT_ONCE;

/// The candidate of a place in a word.
#[derive(Debug, Clone, Copy, Default)]
struct Owner {
    word: u8,
    place: u8,
}

/// The pairs born of a step.
#[derive(Debug)]
pub(crate) struct Births {
    left: [u32; BORN],
    right: [u32; BORN],
    /// Whose candidate each is.
    owners: [Owner; BORN],
    /// Those that may merge.
    questions: [(Question, Owner); BORN],
}

impl Default for Births {
    fn default() -> Self {
        Self {
            left: [0; BORN],
            right: [0; BORN],
            owners: [Owner::default(); BORN],
            questions: [(Question::default(), Owner::default()); BORN],
        }
    }
}

impl Births {
    /// Notes the two pairs that a merge in `word` is born with, as numbers `2 * turn` and the next: that of `before` and `made` is
    /// the candidate of `place_before`, that of `made` and `after` the one of `place`.
    #[inline(always)]
    pub(crate) fn note(&mut self, turn: usize, word: u8, [before, made, after]: [u32; 3], places: [usize; 2]) {
        let number = 2 * (turn % AT_ONCE);
        self.left[number] = before;
        self.right[number] = made;
        self.left[number + 1] = made;
        self.right[number + 1] = after;
        self.owners[number] = Owner { word, place: places[0] as u8 };
        self.owners[number + 1] = Owner { word, place: places[1] as u8 };
    }

    /// Calls `sink` with the word, the place and the rank of every pair that merges among those of the first `turns` merges, and
    /// with [`NONE`](crate::bpe::pair_table::NONE) for some that do not. First
    /// all that may merge are asked for, then all are looked up, so that memory is waited for once: that a pair does not merge,
    /// though the filter let it pass, is learnt late and must not stop the others.
    #[inline(always)]
    pub(crate) fn settle<R: Row>(&mut self, pairs: View<'_>, turns: usize, mut sink: impl FnMut(u8, u8, u32)) {
        let mut length = 0;
        for first in (0..2 * turns).step_by(16) {
            let (left, right) = (row(&self.left, first), row(&self.right, first));
            let those = (u32::MAX >> (16_usize.saturating_sub(2 * turns - first) + 16)) as u16;
            let (ranks_row, bits_row, may_merge) = pairs.ask_all(R::load(left), R::load(right));
            let (mut bits, mut ranks) = ([0; 16], [0; 16]);
            bits_row.store(&mut bits);
            ranks_row.store(&mut ranks);
            let mut at_once = !ranks_row.equal(NONE).bits() & those;
            while at_once != 0 {
                let place = at_once.trailing_zeros() as usize % 16;
                at_once &= at_once - 1;
                let Owner { word, place: candidate } = self.owners[(first + place) % BORN];
                sink(word, candidate, ranks[place]);
            }
            let mut may_merge = may_merge.bits() & those;
            while may_merge != 0 {
                let place = may_merge.trailing_zeros() as usize % 16;
                may_merge &= may_merge - 1;
                let question = Question::new(left[place], right[place], bits[place]);
                pairs.fetch(question);
                self.questions[length % BORN] = (question, self.owners[(first + place) % BORN]);
                length += 1;
            }
        }
        for &(question, Owner { word, place }) in &self.questions[..length.min(BORN)] {
            sink(word, place, pairs.answer::<R>(question));
        }
    }
}

#[inline(always)]
fn row(numbers: &[u32; BORN], first: usize) -> &[u32; 16] {
    numbers[first..first + 16].try_into().expect("sixteen numbers")
}
