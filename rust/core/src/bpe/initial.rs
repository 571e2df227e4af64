//! What pieces begin from: bytes, and characters of two bytes whose bytes merge before all else.
//!
//! Their first pairs, nine a word, have a table of their own, without hashing.

use hashbrown::HashMap;

use crate::arch::{Mask, Row};
use crate::bpe::symbol::{NONE, NOTHING};
use crate::error::Result;
use crate::memory::Zeroed;

/// What pieces begin from, numbered: the 256 bytes, then the characters of two bytes that are made before all else, as many as
/// [`NUMBERS`] leaves room for. A *start* is one of them: its number and, above [`NUMBER_BITS`], its symbol.
#[derive(Debug)]
pub(crate) struct Starts {
    /// By the low eleven bits of a two-byte character's code point: its start; 0 if it is not made at once.
    characters: Vec<u32>,
    /// How many are numbered.
    count: u32,
    /// One more than the rank of each pair, by the number of its left and, within that, its right one; 0 if it does not merge.
    after_rank: Zeroed<u32>,
}

/// Bits of a number; a symbol has the others.
const NUMBER_BITS: u32 = 11;

/// The most numbers.
const NUMBERS: u32 = 1 << NUMBER_BITS;

impl Starts {
    /// No pair merges yet.
    pub(crate) fn of_bytes() -> Result<Self> {
        Ok(Self { characters: vec![0; 0x800], count: 256, after_rank: Zeroed::new(1 << 16)? })
    }

    pub(crate) fn insert(&mut self, left: u32, right: u32, rank: u32) {
        self.after_rank[(left * self.count + right) as usize] = rank + 1;
    }

    /// The bytes and characters of a vocabulary with these merges, as left symbol, right one and rank.
    ///
    /// The two bytes of a character may merge before all else if no merge of the lead with what is before it, none of the other
    /// byte with what follows, and none of the character itself has a smaller rank than theirs: then nothing comes between
    /// them, and nothing that they make possible comes before them.
    pub(crate) fn new(merges: impl Iterator<Item = (u32, u32, u32)> + Clone) -> Result<Self> {
        let mut first_as_left: HashMap<u32, u32> = HashMap::new();
        let mut first_as_right = HashMap::new();
        let mut of_bytes = HashMap::new();
        for (left, right, rank) in merges.clone() {
            for (first, symbol) in [(&mut first_as_left, left), (&mut first_as_right, right)] {
                first.try_reserve(1)?;
                let first = first.entry(symbol).or_insert(rank);
                *first = rank.min(*first);
            }
            if left < 256 && right < 256 {
                of_bytes.try_reserve(1)?;
                of_bytes.insert((left, right), rank);
            }
        }
        let mut starts = Self::of_bytes()?;
        let mut numbers: HashMap<u32, u32> = (0..256).map(|byte| (byte, byte)).collect();
        for character in 0x80..0x800u32 {
            let (lead, other) = (0xC0 | character >> 6, 0x80 | character & 0x3F);
            let Some(&rank) = of_bytes.get(&(lead, other)) else { continue };
            let symbol = 256 + rank;
            let rivals = [
                first_as_right.get(&lead),
                first_as_left.get(&other),
                first_as_left.get(&symbol),
                first_as_right.get(&symbol),
            ];
            if starts.count < NUMBERS && rivals.into_iter().flatten().all(|&rival| rank < rival) {
                starts.characters[character as usize] = symbol << NUMBER_BITS | starts.count;
                numbers.insert(symbol, starts.count);
                starts.count += 1;
            }
        }
        starts.after_rank = Zeroed::new((starts.count * starts.count) as usize)?;
        for (left, right, rank) in merges {
            if let (Some(&left), Some(&right)) = (numbers.get(&left), numbers.get(&right)) {
                starts.insert(left, right, rank);
            }
        }
        Ok(starts)
    }

    /// The tables as slices: to begin many pieces.
    pub(crate) fn view(&self) -> StartsView<'_> {
        let Self { characters, count, after_rank } = self;
        StartsView { characters, count: *count, after_rank }
    }
}

/// [`Starts`] at hand.
#[derive(Clone, Copy)]
pub(crate) struct StartsView<'t> {
    characters: &'t [u32],
    count: u32,
    after_rank: &'t [u32],
}

/// The starts of a piece, with room for rows that go beyond.
pub(crate) type Piece = [u32; LONGEST + 2 * LANES];

/// The longest piece that is taken up, in bytes.
pub(crate) const LONGEST: usize = 256 - 2;

/// What a byte is multiplied by to be a start: its number is its symbol.
const OF_BYTE: u32 = NUMBERS + 1;

/// The numbers of a row.
const LANES: usize = 16;

impl StartsView<'_> {
    /// Puts the starts of `piece` into `starts`; returns the first [`row`](Self::row) of them, where rows are fast, and how many there are,
    /// at most one a byte. Of a piece of one row, nothing is stored: loaded right behind the store, it would be waited for, a quarter of
    /// the time that base64 takes to merge.
    #[inline(always)]
    pub(crate) fn of<R: Row>(&self, piece: &[u8], starts: &mut Piece) -> (R, usize) {
        if !R::IS_FAST {
            (R::splat(NOTHING), self.of_one_by_one(piece, starts))
        } else if piece.len() <= LANES {
            let (row, count) = self.of_some(piece, 0, &mut 0);
            (first_of(row, count), count)
        } else {
            let count = self.of_by_rows::<R>(piece, starts);
            (self.row(starts, 0, count), count)
        }
    }

    #[inline(always)]
    fn of_one_by_one(&self, piece: &[u8], starts: &mut Piece) -> usize {
        let characters: &[u32; 0x800] = self.characters[..].try_into().expect("eleven bits");
        // The second byte of a character is written and then written over: no iteration waits for what the one before it looked up.
        let (mut count, mut is_second) = (0, false);
        for (at, &lead) in piece.iter().enumerate() {
            let other = if at + 1 < piece.len() { piece[at + 1] } else { 0 };
            let is_two = lead & 0xE0 == 0xC0 && other & 0xC0 == 0x80;
            let character = characters[usize::from(lead & 0x1F) << 6 | usize::from(other & 0x3F)];
            let character = if is_two { character } else { 0 };
            starts[count] = if character == 0 { u32::from(lead) * OF_BYTE } else { character };
            count += usize::from(!is_second);
            is_second = character != 0;
        }
        count
    }

    #[inline(always)]
    fn of_by_rows<R: Row>(&self, piece: &[u8], starts: &mut Piece) -> usize {
        let (mut count, mut is_second) = (0, 0);
        for at in (0..piece.len()).step_by(LANES) {
            let (row, some): (R, usize) = self.of_some(piece, at, &mut is_second);
            row.store(starts[count..].first_chunk_mut().expect("room for rows"));
            count += some;
        }
        count
    }

    /// The starts that begin in sixteen bytes of a piece, one behind the other, and how many they are. `is_second` says whether the first
    /// byte belongs to the start before, and then the same of what follows.
    #[inline(always)]
    fn of_some<R: Row>(&self, piece: &[u8], at: usize, is_second: &mut u16) -> (R, usize) {
        let lead = R::bytes(piece, at);
        let there = ((1u32 << (piece.len() - at).min(LANES)) - 1) as u16;
        let is_lead = lead.and(R::splat(0xE0)).equal(0xC0);
        if is_lead.bits() == 0 && *is_second == 0 {
            return (lead.times(OF_BYTE), there.count_ones() as usize);
        }
        let other = R::bytes(piece, at + 1);
        let is_two = is_lead.and(other.and(R::splat(0xC0)).equal(0x80));
        let high = lead.and(R::splat(0x1F)).times(1 << 6);
        let character = R::splat(0).choose(is_two, high.or(other.and(R::splat(0x3F))).gather(self.characters));
        let is_none = character.equal(0);
        let made = !is_none.bits();
        let begin = there & !(made << 1 | *is_second);
        *is_second = made >> (LANES - 1);
        (character.choose(is_none, lead.times(OF_BYTE)).keep(begin), begin.count_ones() as usize)
    }

    /// Sixteen starts from place `at` on, of `count` that `starts` has; [`NOTHING`] behind the last.
    #[inline(always)]
    pub(crate) fn row<R: Row>(&self, starts: &Piece, at: usize, count: usize) -> R {
        first_of(R::load(starts[at..].first_chunk().expect("room for rows")), count.saturating_sub(at))
    }

    /// Of sixteen starts or [`NOTHING`] the symbols, or [`NOTHING`], and the rank of each with the one that follows, or [`NONE`].
    #[inline(always)]
    pub(crate) fn begin<R: Row>(&self, left: R, right: R) -> (R, R) {
        let is_last = right.equal(NOTHING);
        let number = |start: R| start.and(R::splat(NUMBERS - 1));
        let place = number(left).times(self.count).plus(number(right)).choose(is_last, R::splat(0));
        let after_rank = place.gather(self.after_rank);
        let rank = after_rank.minus(R::splat(1)).choose(is_last, R::splat(NONE));
        (self.symbols(left), rank)
    }

    /// Of sixteen starts or [`NOTHING`] the symbols, or [`NOTHING`].
    #[inline(always)]
    pub(crate) fn symbols<R: Row>(&self, starts: R) -> R {
        starts.down(NUMBER_BITS).choose(starts.equal(NOTHING), starts)
    }

    /// The symbol of a start.
    #[inline(always)]
    pub(crate) fn symbol(start: u32) -> u32 {
        start >> NUMBER_BITS
    }

    /// The rank of the pair of two starts, or [`NONE`].
    #[inline(always)]
    pub(crate) fn rank(&self, left: u32, right: u32) -> u32 {
        let place = left % NUMBERS * self.count + right % NUMBERS;
        self.after_rank[place as usize].wrapping_sub(1)
    }
}

/// The first `count` starts of a row, then [`NOTHING`].
#[inline(always)]
fn first_of<R: Row>(row: R, count: usize) -> R {
    R::splat(NOTHING).choose(R::load(&PLACES).below(count as u32), row)
}

/// The places of a row.
static PLACES: [u32; LANES] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
