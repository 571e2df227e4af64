//! Sixteen numbers at a time.

use std::mem::MaybeUninit;

use super::utf8::{self, Unit};

/// Which of sixteen numbers, in the form that the instructions at hand choose by.
pub trait Mask: Copy {
    /// None of them.
    const NONE: Self;
    /// Those of both.
    #[must_use]
    fn and(self, other: Self) -> Self;
    /// Those of either.
    #[must_use]
    fn or(self, other: Self) -> Self;
    /// Those that are not of the other.
    #[must_use]
    fn but(self, other: Self) -> Self;
    /// As bits: bit `i` speaks of number `i`.
    fn bits(self) -> u16;
}

/// Sixteen numbers, in a register where there is one of that size.
pub trait Row: Copy {
    /// Which of them.
    type Mask: Mask;
    /// Whether there are registers for it, so that what is done to all takes hardly longer than what is done to one.
    const IS_FAST: bool;

    /// The numbers of an array.
    fn load(numbers: &[u32; 16]) -> Self;
    /// Puts the numbers into an array.
    fn store(self, numbers: &mut [u32; 16]);
    /// A number, sixteen times.
    fn splat(number: u32) -> Self;

    /// Which of them equal `number`.
    fn equal(self, number: u32) -> Self::Mask;
    /// Which of them are less than `number`.
    fn below(self, number: u32) -> Self::Mask;
    /// Which of them are less than those of the other.
    fn less(self, other: Self) -> Self::Mask;
    /// Which of them have the bit set that the low five bits of the other name.
    fn have(self, bits: Self) -> Self::Mask;
    /// With those of `other` in the places of the mask.
    #[must_use]
    fn choose(self, places: Self::Mask, other: Self) -> Self;

    /// Each with none but the bits of the other.
    #[must_use]
    fn and(self, other: Self) -> Self;
    /// Each with the bits of the other besides.
    #[must_use]
    fn or(self, other: Self) -> Self;
    /// Each of them times a number, without what overflows.
    #[must_use]
    fn times(self, factor: u32) -> Self;
    /// The sums, without what overflows.
    #[must_use]
    fn plus(self, other: Self) -> Self;
    /// The differences, without what overflows.
    #[must_use]
    fn minus(self, other: Self) -> Self;
    /// Shifted down by so many bits, fewer than 32.
    #[must_use]
    fn down(self, bits: u32) -> Self;
    /// Each shifted down by as many bits as the other says, fewer than 32.
    #[must_use]
    fn down_by(self, bits: Self) -> Self;
    /// How many zeros each begins with, of 32 bits.
    #[must_use]
    fn leading_zeros(self) -> Self;

    /// The numbers of `table` at the places that the low four bits of each say.
    #[must_use]
    fn look_up(self, table: &[u32; 16]) -> Self;
    /// Of `words`, those at the places that these say; beyond the last, the last.
    ///
    /// # Panics
    /// If there are no words.
    #[must_use]
    fn gather(self, words: &[u32]) -> Self;

    /// Puts `offset` plus the place of each bit that is set into `places`, ascending, and anything behind; returns how many there
    /// are. (Eight at a time, however many are left, so that the one branch is taken as often as their number by eight says.)
    #[inline(always)]
    fn places(mut bits: u64, offset: u32, places: &mut [u32; 64]) -> usize {
        let count = bits.count_ones() as usize;
        for places in places.chunks_exact_mut(8) {
            if bits == 0 {
                break;
            }
            for place in places {
                *place = offset.wrapping_add(bits.trailing_zeros());
                bits &= bits.wrapping_sub(1);
            }
        }
        count
    }

    /// The first `length` bytes of `text`, then zeros, and in the last of sixteen bytes the length. If that is more than 15, there is
    /// more than 15 in the last byte, and anything before it.
    ///
    /// # Panics
    /// If the text ends before, but for a length of more than 15 with sixteen bytes there.
    #[inline(always)]
    fn counted(text: &[u8], length: usize) -> [u64; 2] {
        let length = length.min(255);
        let [keep_low, keep_high] = KEEP[length % 16];
        let (low, high) = match text.first_chunk::<16>() {
            Some(window) => (word(window, 0), word(window, 8)),
            None => end_of(&text[..length]),
        };
        [low & keep_low, high & keep_high | (length as u64) << 56]
    }

    /// As [`counted`](Self::counted), of at most 31 bytes, in twice the room.
    ///
    /// # Panics
    /// If the text ends before.
    #[inline(always)]
    fn counted_long(text: &[u8], start: usize, length: usize) -> [u64; 4] {
        let mut bytes = [0; 32];
        bytes[..length].copy_from_slice(&text[start..start + length]);
        bytes[31] = length as u8;
        [0, 8, 16, 24].map(|at| word(&bytes, at))
    }

    /// Sixteen bytes of `piece` from `start` on, with zeros behind its end.
    #[inline(always)]
    fn bytes(piece: &[u8], start: usize) -> Self {
        let mut numbers = [0; 16];
        for (number, &byte) in numbers.iter_mut().zip(&piece[start.min(piece.len())..]) {
            *number = byte.into();
        }
        Self::load(&numbers)
    }

    /// Those numbers whose bits are set, one behind the other, and anything behind.
    #[must_use]
    #[inline(always)]
    fn keep(self, bits: u16) -> Self {
        let (mut numbers, mut kept) = ([0; 16], [0; 16]);
        self.store(&mut numbers);
        let mut count = 0;
        for (place, number) in numbers.into_iter().enumerate() {
            kept[count % 16] = number;
            count += usize::from(bits >> place & 1 != 0);
        }
        Self::load(&kept)
    }

    /// Exchanges rows and columns.
    #[inline(always)]
    fn transpose(rows: &mut [[u32; 16]; 16]) {
        let columns = *rows;
        for (place, row) in rows.iter_mut().enumerate() {
            for (number, column) in row.iter_mut().zip(&columns) {
                *number = column[place];
            }
        }
    }

    /// Writes the UTF-8 of `units` to `out`, which has room for four bytes of each and [`BEHIND`](utf8::BEHIND) more: returns how many
    /// units come before the first that is no scalar value, and how many bytes they take.
    #[inline(always)]
    fn utf8<U: Unit>(units: &[U], out: &mut [MaybeUninit<u8>]) -> (usize, usize) {
        utf8::each(units, out)
    }

    /// Of two ways, each a key of two words and four numbers, puts the numbers of the one that has this key into `ids`, without the
    /// bits above `COUNT` of the first, and returns what these say; zeros if neither has it.
    #[inline(always)]
    fn entry<const COUNT: u32>(ways: &[[u64; 4]; 2], key: &[u64; 2], ids: &mut [u32; 4]) -> usize {
        let [is_first, is_second] = [0, 1].map(|way| ways[way][0] ^ key[0] | ways[way][1] ^ key[1] == 0);
        let halves = |word: u64| {
            let [a, b, c, d, e, f, g, h] = word.to_ne_bytes();
            [[a, b, c, d], [e, f, g, h]].map(u32::from_ne_bytes)
        };
        let [_, _, low, high] = ways[usize::from(is_second)];
        let ([a, b], [c, d]) = (halves(low), halves(high));
        *ids = if is_first | is_second { [a, b, c, d] } else { [0; 4] };
        let count = ids[0] >> COUNT;
        ids[0] &= (1 << COUNT) - 1;
        count as usize
    }

    /// The one of eight words that is at least `least` and less than `least + span`, if there is one; else 0. No other may be.
    #[inline(always)]
    fn within(words: &[u64; 8], least: u64, span: u64) -> u64 {
        words.iter().fold(0, |found, &word| found | if word.wrapping_sub(least) < span { word } else { 0 })
    }
}

/// What keeps the first `length` of 16 bytes, by length.
static KEEP: [[u64; 2]; 16] = {
    let mut masks = [[0; 2]; 16];
    let mut length = 1;
    while length < 16 {
        let low = if length < 8 { (1 << (8 * length)) - 1 } else { u64::MAX };
        let high = if length < 8 { 0 } else { (1 << (8 * (length - 8))) - 1 };
        masks[length] = [low, high];
        length += 1;
    }
    masks
};

#[inline(always)]
fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// Up to 16 bytes as words: for the end of a text, where no window of full length is left.
#[cold]
fn end_of(piece: &[u8]) -> (u64, u64) {
    let mut padded = [0; 16];
    padded[..piece.len()].copy_from_slice(piece);
    (word(&padded, 0), word(&padded, 8))
}

/// A mask in memory: all bits of a number, or none.
#[derive(Clone, Copy)]
pub(crate) struct PlainMask([u32; 16]);

/// A row in memory.
#[derive(Clone, Copy)]
pub(crate) struct Plain([u32; 16]);

/// What `make` makes of each two numbers.
#[inline(always)]
fn with(mut row: [u32; 16], other: [u32; 16], make: impl Fn(u32, u32) -> u32) -> [u32; 16] {
    for (number, other) in row.iter_mut().zip(other) {
        *number = make(*number, other);
    }
    row
}

impl Mask for PlainMask {
    const NONE: Self = Self([0; 16]);

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(with(self.0, other.0, |own, other| own & other))
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        Self(with(self.0, other.0, |own, other| own | other))
    }

    #[inline(always)]
    fn but(self, other: Self) -> Self {
        Self(with(self.0, other.0, |own, other| own & !other))
    }

    #[inline(always)]
    fn bits(self) -> u16 {
        self.0.iter().zip(0..).fold(0, |bits, (number, place)| bits | (number & 1 << place) as u16)
    }
}

/// All bits, or none.
#[inline(always)]
fn all_if(is_set: bool) -> u32 {
    if is_set { u32::MAX } else { 0 }
}

impl Row for Plain {
    type Mask = PlainMask;
    const IS_FAST: bool = false;

    #[inline(always)]
    fn load(numbers: &[u32; 16]) -> Self {
        Self(*numbers)
    }

    #[inline(always)]
    fn store(self, numbers: &mut [u32; 16]) {
        *numbers = self.0;
    }

    #[inline(always)]
    fn splat(number: u32) -> Self {
        Self([number; 16])
    }

    #[inline(always)]
    fn equal(self, number: u32) -> PlainMask {
        PlainMask(self.0.map(|own| all_if(own == number)))
    }

    #[inline(always)]
    fn below(self, number: u32) -> PlainMask {
        PlainMask(self.0.map(|own| all_if(own < number)))
    }

    #[inline(always)]
    fn less(self, other: Self) -> PlainMask {
        PlainMask(with(self.0, other.0, |own, other| all_if(own < other)))
    }

    #[inline(always)]
    fn have(self, bits: Self) -> PlainMask {
        PlainMask(with(self.0, bits.0, |own, bit| all_if(own >> (bit % 32) & 1 != 0)))
    }

    #[inline(always)]
    fn choose(mut self, places: PlainMask, other: Self) -> Self {
        for place in 0..16 {
            self.0[place] = (self.0[place] & !places.0[place]) | (other.0[place] & places.0[place]);
        }
        self
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(with(self.0, other.0, |own, other| own & other))
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        Self(with(self.0, other.0, |own, other| own | other))
    }

    #[inline(always)]
    fn times(self, factor: u32) -> Self {
        Self(self.0.map(|own| own.wrapping_mul(factor)))
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self(with(self.0, other.0, u32::wrapping_add))
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        Self(with(self.0, other.0, u32::wrapping_sub))
    }

    #[inline(always)]
    fn down(self, bits: u32) -> Self {
        Self(self.0.map(|own| own >> (bits % 32)))
    }

    #[inline(always)]
    fn down_by(self, bits: Self) -> Self {
        Self(with(self.0, bits.0, |own, bits| own >> (bits % 32)))
    }

    #[inline(always)]
    fn leading_zeros(self) -> Self {
        Self(self.0.map(u32::leading_zeros))
    }

    #[inline(always)]
    fn look_up(self, table: &[u32; 16]) -> Self {
        Self(self.0.map(|place| table[place as usize % 16]))
    }

    #[inline(always)]
    fn gather(self, words: &[u32]) -> Self {
        Self(self.0.map(|place| words[(place as usize).min(words.len() - 1)]))
    }
}
