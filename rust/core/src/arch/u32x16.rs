//! Sixteen numbers at a time.

use std::mem::MaybeUninit;

use super::utf8::{self, CodeUnit};

/// A mask of sixteen lanes, in the form of the instruction set.
pub trait Mask: Copy {
    /// No lane.
    const NONE: Self;
    /// The lanes of both masks.
    #[must_use]
    fn and(self, other: Self) -> Self;
    /// The lanes of either mask.
    #[must_use]
    fn or(self, other: Self) -> Self;
    /// The lanes of `self` that are not in `other`.
    #[must_use]
    fn and_not(self, other: Self) -> Self;
    /// The mask as bits: bit `i` is lane `i`.
    fn bits(self) -> u16;
}

/// Sixteen numbers, in registers where the instruction set has them.
pub trait U32x16: Copy {
    /// A mask of the lanes.
    type Mask: Mask;
    /// Whether the numbers are in registers, so that an operation on sixteen numbers costs hardly more than on one.
    const IS_FAST: bool;

    /// Loads sixteen numbers.
    fn load(numbers: &[u32; 16]) -> Self;
    /// Stores the numbers.
    fn store(self, numbers: &mut [u32; 16]);
    /// The same number in each lane.
    fn splat(number: u32) -> Self;

    /// The lanes that equal `number`.
    fn equal(self, number: u32) -> Self::Mask;
    /// The lanes that are less than `number`.
    fn less_than(self, number: u32) -> Self::Mask;
    /// The lanes that are less than the same lane of `other`.
    fn less_than_each(self, other: Self) -> Self::Mask;
    /// The lanes that have one bit set: the bit whose number is the low five bits of the same lane of `bits`.
    fn has_bit(self, bits: Self) -> Self::Mask;
    /// `other` in the lanes of the mask, `self` elsewhere.
    #[must_use]
    fn select(self, places: Self::Mask, other: Self) -> Self;

    /// Bitwise AND.
    #[must_use]
    fn and(self, other: Self) -> Self;
    /// Bitwise OR.
    #[must_use]
    fn or(self, other: Self) -> Self;
    /// The product of each lane with `factor`, modulo 2^32.
    #[must_use]
    fn wrapping_mul(self, factor: u32) -> Self;
    /// The sums, modulo 2^32.
    #[must_use]
    fn wrapping_add(self, other: Self) -> Self;
    /// The differences, modulo 2^32.
    #[must_use]
    fn wrapping_sub(self, other: Self) -> Self;
    /// Each lane shifted right by `bits`, fewer than 32.
    #[must_use]
    fn shift_right(self, bits: u32) -> Self;
    /// Each lane shifted right by the same lane of `bits`, fewer than 32.
    #[must_use]
    fn shift_right_each(self, bits: Self) -> Self;
    /// The number of leading zero bits of each lane.
    #[must_use]
    fn leading_zeros(self) -> Self;

    /// For each lane, the number of `table` at the place given by the lane's low four bits.
    #[must_use]
    fn permute(self, table: &[u32; 16]) -> Self;
    /// For each lane, the word at the place given by the lane; beyond the end, the last word.
    ///
    /// # Panics
    /// If `words` is empty.
    #[must_use]
    fn gather(self, words: &[u32]) -> Self;

    /// Writes the positions of the set bits, plus `offset`, to `places` in ascending order, and arbitrary numbers
    /// behind them. Returns the number of set bits. The loop writes eight positions at a time, so it has one branch for
    /// eight.
    #[inline(always)]
    fn set_bits(mut bits: u64, offset: u32, places: &mut [u32; 64]) -> usize {
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

    /// The key of a short piece: the first `length` bytes of `text`, then zeros, and in the last of sixteen bytes the
    /// length. For a length of more than 15 the last byte is more than 15 and the other bytes are arbitrary.
    ///
    /// # Panics
    /// If the text is shorter than `length`, unless `length` is more than 15 and the text has at least sixteen bytes.
    #[inline(always)]
    fn short_key(text: &[u8], length: usize) -> [u64; 2] {
        short_key(text, length)
    }

    /// The key of a long piece, of at most 31 bytes: as [`short_key`](Self::short_key), in 32 bytes.
    ///
    /// # Panics
    /// If the text ends before the piece.
    #[inline(always)]
    fn long_key(text: &[u8], start: usize, length: usize) -> [u64; 4] {
        let mut bytes = [0; 32];
        bytes[..length].copy_from_slice(&text[start..start + length]);
        bytes[31] = length as u8;
        [0, 8, 16, 24].map(|at| word(&bytes, at))
    }

    /// Sixteen bytes of `piece` from `start` on, one a lane; zeros behind its end.
    #[inline(always)]
    fn load_bytes(piece: &[u8], start: usize) -> Self {
        let mut numbers = [0; 16];
        for (number, &byte) in numbers.iter_mut().zip(&piece[start.min(piece.len())..]) {
            *number = byte.into();
        }
        Self::load(&numbers)
    }

    /// The lanes whose bits are set, packed to the front; arbitrary numbers behind them.
    #[must_use]
    #[inline(always)]
    fn compress(self, bits: u16) -> Self {
        let (mut numbers, mut kept) = ([0; 16], [0; 16]);
        self.store(&mut numbers);
        let mut count = 0;
        for (place, number) in numbers.into_iter().enumerate() {
            kept[count % 16] = number;
            count += usize::from(bits >> place & 1 != 0);
        }
        Self::load(&kept)
    }

    /// Transposes a matrix.
    #[inline(always)]
    fn transpose(rows: &mut [[u32; 16]; 16]) {
        let columns = *rows;
        for (place, row) in rows.iter_mut().enumerate() {
            for (number, column) in row.iter_mut().zip(&columns) {
                *number = column[place];
            }
        }
    }

    /// Writes the UTF-8 of `units` to `out`, which must have room for four bytes of each unit and
    /// [`BEHIND`](utf8::BEHIND) more. Stops at the first unit that is no scalar value. Returns the number of units that
    /// were read and of bytes that were written.
    #[inline(always)]
    fn utf8<U: CodeUnit>(units: &[U], out: &mut [MaybeUninit<u8>]) -> (usize, usize) {
        utf8::each(units, out)
    }

    /// Looks up a key in a set of two ways, each a key of two words and four ids ([`cuckoo`](crate::encode) describes
    /// the layout). Writes the ids of the way that has the key to `ids`, the first without its bits above `COUNT`, and
    /// returns these bits. If no way has the key, all are zero.
    #[inline(always)]
    fn find_way<const COUNT: u32>(ways: &[[u64; 4]; 2], key: &[u64; 2], ids: &mut [u32; 4]) -> usize {
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

    /// The one word of eight that is at least `least` and less than `least + span`, or 0 if there is none. There must
    /// be at most one.
    #[inline(always)]
    fn find_in_range(words: &[u64; 8], least: u64, span: u64) -> u64 {
        words.iter().fold(0, |found, &word| found | if word.wrapping_sub(least) < span { word } else { 0 })
    }
}

/// [`U32x16::short_key`] without vectors: the key of a piece of at most 15 bytes, as the encoder and the counts use it.
#[inline(always)]
pub fn short_key(text: &[u8], length: usize) -> [u64; 2] {
    let length = length.min(255);
    let [keep_low, keep_high] = KEEP[length % 16];
    let (low, high) = match text.first_chunk::<16>() {
        Some(window) => (word(window, 0), word(window, 8)),
        None => end_of(&text[..length]),
    };
    [low & keep_low, high & keep_high | (length as u64) << 56]
}

/// Masks that keep the first `length` of 16 bytes, by length.
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

/// Up to 16 bytes as words. Only the end of a text needs this, where no window of 16 bytes is left.
#[cold]
fn end_of(piece: &[u8]) -> (u64, u64) {
    let mut padded = [0; 16];
    padded[..piece.len()].copy_from_slice(piece);
    (word(&padded, 0), word(&padded, 8))
}

/// A mask in memory: all bits of a lane, or none.
#[derive(Clone, Copy)]
pub(crate) struct PortableMask([u32; 16]);

/// Sixteen numbers in memory.
#[derive(Clone, Copy)]
pub(crate) struct Portable([u32; 16]);

/// Applies `make` to each pair of lanes.
#[inline(always)]
fn with(mut row: [u32; 16], other: [u32; 16], make: impl Fn(u32, u32) -> u32) -> [u32; 16] {
    for (number, other) in row.iter_mut().zip(other) {
        *number = make(*number, other);
    }
    row
}

impl Mask for PortableMask {
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
    fn and_not(self, other: Self) -> Self {
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

impl U32x16 for Portable {
    type Mask = PortableMask;
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
    fn equal(self, number: u32) -> PortableMask {
        PortableMask(self.0.map(|own| all_if(own == number)))
    }

    #[inline(always)]
    fn less_than(self, number: u32) -> PortableMask {
        PortableMask(self.0.map(|own| all_if(own < number)))
    }

    #[inline(always)]
    fn less_than_each(self, other: Self) -> PortableMask {
        PortableMask(with(self.0, other.0, |own, other| all_if(own < other)))
    }

    #[inline(always)]
    fn has_bit(self, bits: Self) -> PortableMask {
        PortableMask(with(self.0, bits.0, |own, bit| all_if(own >> (bit % 32) & 1 != 0)))
    }

    #[inline(always)]
    fn select(mut self, places: PortableMask, other: Self) -> Self {
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
    fn wrapping_mul(self, factor: u32) -> Self {
        Self(self.0.map(|own| own.wrapping_mul(factor)))
    }

    #[inline(always)]
    fn wrapping_add(self, other: Self) -> Self {
        Self(with(self.0, other.0, u32::wrapping_add))
    }

    #[inline(always)]
    fn wrapping_sub(self, other: Self) -> Self {
        Self(with(self.0, other.0, u32::wrapping_sub))
    }

    #[inline(always)]
    fn shift_right(self, bits: u32) -> Self {
        Self(self.0.map(|own| own >> (bits % 32)))
    }

    #[inline(always)]
    fn shift_right_each(self, bits: Self) -> Self {
        Self(with(self.0, bits.0, |own, bits| own >> (bits % 32)))
    }

    #[inline(always)]
    fn leading_zeros(self) -> Self {
        Self(self.0.map(u32::leading_zeros))
    }

    #[inline(always)]
    fn permute(self, table: &[u32; 16]) -> Self {
        Self(self.0.map(|place| table[place as usize % 16]))
    }

    #[inline(always)]
    fn gather(self, words: &[u32]) -> Self {
        Self(self.0.map(|place| words[(place as usize).min(words.len() - 1)]))
    }
}
