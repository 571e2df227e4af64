//! The first symbols of a piece: bytes, and two-byte characters whose bytes merge before anything else.
//!
//! The pairs of these first symbols, about nine a word, have a table of their own, without hashing.

use hashbrown::HashMap;

use crate::arch::{Mask, U32x16};
use crate::bpe::symbol::{NO_RANK, NO_SYMBOL};
use crate::error::Result;
use crate::memory::Zeroed;

/// The starts of a vocabulary. A *start* is a symbol with which a piece may begin to merge: one of the 256 bytes, or a
/// two-byte character whose bytes always merge first, as far as [`NUMBERS`] leaves room. A start is stored as its
/// number and, above [`NUMBER_BITS`], its symbol.
#[derive(Debug)]
pub(crate) struct Starts {
    /// The start of each two-byte character, by the low eleven bits of its code point; 0 if its bytes do not always
    /// merge first.
    characters: Vec<u32>,
    /// Number of starts.
    count: u32,
    /// One more than the rank of each pair of starts, by left and then by right number; 0 if the pair does not merge.
    after_rank: Zeroed<u32>,
}

/// The low bits of a packed start hold its number, the high bits its symbol.
const NUMBER_BITS: u32 = 11;

/// The most starts.
const NUMBERS: u32 = 1 << NUMBER_BITS;

impl Starts {
    /// The bytes alone; no pair merges yet.
    pub(crate) fn of_bytes() -> Result<Self> {
        Ok(Self { characters: vec![0; 0x800], count: 256, after_rank: Zeroed::new(1 << 16)? })
    }

    pub(crate) fn insert(&mut self, left: u32, right: u32, rank: u32) {
        self.after_rank[(left * self.count + right) as usize] = rank + 1;
    }

    /// The starts of a vocabulary with the given merges: left symbol, right symbol and rank.
    ///
    /// *Claim.* Let the merge of the two bytes of a character have a smaller rank than each merge of the lead byte with
    /// a symbol before it, each merge of the second byte with a symbol after it, and each merge of the character
    /// itself. Then the two bytes can be merged before all other pairs. *Proof.* No merge takes one of the two bytes
    /// away first, and no merge that the character makes possible comes before their own.
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

    /// The tables as slices, for many pieces.
    pub(crate) fn view(&self) -> StartsView<'_> {
        let Self { characters, count, after_rank } = self;
        StartsView { characters, count: *count, after_rank }
    }
}

/// The tables of [`Starts`] as slices.
#[derive(Clone, Copy)]
pub(crate) struct StartsView<'t> {
    characters: &'t [u32],
    count: u32,
    after_rank: &'t [u32],
}

/// The starts of a piece, with room for whole rows behind the last.
pub(crate) type StartBuffer = [u32; LONGEST + 2 * LANES];

/// The longest piece that has starts, in bytes.
pub(crate) const LONGEST: usize = 256 - 2;

/// The factor that makes a start of a byte, whose number is its symbol.
const OF_BYTE: u32 = NUMBERS + 1;

/// Lanes of a [`U32x16`].
const LANES: usize = 16;

impl StartsView<'_> {
    /// Writes the starts of `piece` to `starts`. Returns the first [`row`](Self::row) of them (where rows are fast) and
    /// their number, at most one a byte. The starts of a piece of one row are not stored: the load right behind the
    /// store would wait for it, which took a quarter of the merge time of base64.
    #[inline(always)]
    pub(crate) fn of<R: U32x16>(&self, piece: &[u8], starts: &mut StartBuffer) -> (R, usize) {
        if !R::IS_FAST {
            (R::splat(NO_SYMBOL), self.of_one_by_one(piece, starts))
        } else if piece.len() <= LANES {
            let (row, count) = self.of_some(piece, 0, &mut 0);
            (first_of(row, count), count)
        } else {
            let count = self.of_by_rows::<R>(piece, starts);
            (self.row(starts, 0, count), count)
        }
    }

    #[inline(always)]
    fn of_one_by_one(&self, piece: &[u8], starts: &mut StartBuffer) -> usize {
        let characters: &[u32; 0x800] = self.characters[..].try_into().expect("eleven bits");
        // The second byte of a character is written and then overwritten, so that no iteration waits for the table
        // look-up of the iteration before.
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
    fn of_by_rows<R: U32x16>(&self, piece: &[u8], starts: &mut StartBuffer) -> usize {
        let (mut count, mut is_second) = (0, 0);
        for at in (0..piece.len()).step_by(LANES) {
            let (row, some): (R, usize) = self.of_some(piece, at, &mut is_second);
            row.store(starts[count..].first_chunk_mut().expect("room for rows"));
            count += some;
        }
        count
    }

    /// The starts that begin in sixteen bytes of a piece, packed to the front, and their number. `is_second` says
    /// whether the first byte belongs to the start before; it is updated for the bytes that follow.
    #[inline(always)]
    fn of_some<R: U32x16>(&self, piece: &[u8], at: usize, is_second: &mut u16) -> (R, usize) {
        let lead = R::load_bytes(piece, at);
        let there = ((1u32 << (piece.len() - at).min(LANES)) - 1) as u16;
        let is_lead = lead.and(R::splat(0xE0)).equal(0xC0);
        if is_lead.bits() == 0 && *is_second == 0 {
            return (lead.wrapping_mul(OF_BYTE), there.count_ones() as usize);
        }
        let other = R::load_bytes(piece, at + 1);
        let is_two = is_lead.and(other.and(R::splat(0xC0)).equal(0x80));
        let high = lead.and(R::splat(0x1F)).wrapping_mul(1 << 6);
        let character = R::splat(0).select(is_two, high.or(other.and(R::splat(0x3F))).gather(self.characters));
        let is_none = character.equal(0);
        let made = !is_none.bits();
        let begin = there & !(made << 1 | *is_second);
        *is_second = made >> (LANES - 1);
        (character.select(is_none, lead.wrapping_mul(OF_BYTE)).compress(begin), begin.count_ones() as usize)
    }

    /// Sixteen of the `count` starts in `starts`, from place `at` on; [`NO_SYMBOL`] behind the last.
    #[inline(always)]
    pub(crate) fn row<R: U32x16>(&self, starts: &StartBuffer, at: usize, count: usize) -> R {
        first_of(R::load(starts[at..].first_chunk().expect("room for rows")), count.saturating_sub(at))
    }

    /// The symbols of sixteen starts, and the rank of each with the start that follows it, or [`NO_RANK`]. A start may
    /// be [`NO_SYMBOL`].
    #[inline(always)]
    pub(crate) fn begin<R: U32x16>(&self, left: R, right: R) -> (R, R) {
        let is_last = right.equal(NO_SYMBOL);
        let number = |start: R| start.and(R::splat(NUMBERS - 1));
        let place = number(left).wrapping_mul(self.count).wrapping_add(number(right)).select(is_last, R::splat(0));
        let after_rank = place.gather(self.after_rank);
        let rank = after_rank.wrapping_sub(R::splat(1)).select(is_last, R::splat(NO_RANK));
        (self.symbols(left), rank)
    }

    /// The symbols of sixteen starts. A start may be [`NO_SYMBOL`].
    #[inline(always)]
    pub(crate) fn symbols<R: U32x16>(&self, starts: R) -> R {
        starts.shift_right(NUMBER_BITS).select(starts.equal(NO_SYMBOL), starts)
    }

    /// The symbol of a start.
    #[inline(always)]
    pub(crate) fn symbol(start: u32) -> u32 {
        start >> NUMBER_BITS
    }

    /// The rank of a pair of starts, or [`NO_RANK`].
    #[inline(always)]
    pub(crate) fn rank(&self, left: u32, right: u32) -> u32 {
        let place = left % NUMBERS * self.count + right % NUMBERS;
        self.after_rank[place as usize].wrapping_sub(1)
    }
}

/// The first `count` starts of a row, then [`NO_SYMBOL`].
#[inline(always)]
fn first_of<R: U32x16>(row: R, count: usize) -> R {
    R::splat(NO_SYMBOL).select(R::load(&PLACES).less_than(count as u32), row)
}

/// The numbers of the lanes.
static PLACES: [u32; LANES] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
