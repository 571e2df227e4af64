//! AVX2: a block is two registers, and a table of 64 classes is four shuffles.

use std::arch::x86_64::*;

use crate::arch::generic::{self, U8x64};
use crate::arch::u32x16::{Mask, U32x16};
use crate::arch::{ASCII, Block, Work};

/// # Safety
/// The CPU must have AVX2, BMI1, BMI2 and POPCNT.
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
pub(in crate::arch) unsafe fn run<W: Work>(work: W) -> W::Output {
    work.run::<Avx2>()
}

/// # Safety
/// The CPU must have AVX2.
#[target_feature(enable = "avx2")]
pub(in crate::arch) unsafe fn classify(text: &[u8], start: usize, blocks: &mut [Block]) {
    generic::classify::<Ymm>(text, start, blocks);
}

/// A block: its first and its last 32 bytes. (Fields instead of an array: `array::map` would be a call into code
/// without AVX2.)
#[derive(Clone, Copy)]
struct Ymm(Half, Half);

impl U8x64 for Ymm {
    #[inline(always)]
    fn load(bytes: &[u8; 64]) -> Self {
        let (low, high) = bytes.split_at(32);
        Self(Half::load(low), Half::load(high))
    }

    #[inline(always)]
    fn equal(self, byte: u8) -> u64 {
        join(self.0.equal(byte), self.1.equal(byte))
    }

    #[inline(always)]
    fn at_least(self, byte: u8) -> u64 {
        join(self.0.at_least(byte), self.1.at_least(byte))
    }

    #[inline(always)]
    fn ascii_classes(self) -> Self {
        Self(self.0.ascii_classes(), self.1.ascii_classes())
    }

    #[inline(always)]
    fn shuffle(self, table: &[u8; 64]) -> Self {
        Self(self.0.shuffle(table), self.1.shuffle(table))
    }

    #[inline(always)]
    fn blend(self, mask: u64, other: Self) -> Self {
        Self(self.0.blend(mask as u32, other.0), self.1.blend((mask >> 32) as u32, other.1))
    }

    #[inline(always)]
    fn bit<const BIT: i32>(self) -> u64 {
        join(self.0.bit::<BIT>(), self.1.bit::<BIT>())
    }
}

#[inline(always)]
fn join(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

/// 32 bytes.
#[derive(Clone, Copy)]
struct Half(__m256i);

// SAFETY (all blocks below): these methods run inside `classify` alone, whose caller vouches for the CPU; loads are of
// slices whose length is checked.
impl Half {
    #[inline(always)]
    fn load(bytes: &[u8]) -> Self {
        let bytes: &[u8; 32] = bytes.try_into().expect("half a block");
        // SAFETY: 32 readable bytes; the load has no alignment.
        Self(unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) })
    }

    /// The top bit of each lane.
    #[inline(always)]
    fn top_bits(self) -> u32 {
        // SAFETY: see the impl.
        unsafe { _mm256_movemask_epi8(self.0) as u32 }
    }

    #[inline(always)]
    fn equal(self, byte: u8) -> u32 {
        // SAFETY: see the impl.
        Self(unsafe { _mm256_cmpeq_epi8(self.0, _mm256_set1_epi8(byte as i8)) }).top_bits()
    }

    #[inline(always)]
    fn at_least(self, byte: u8) -> u32 {
        // SAFETY: see the impl. `max(x, b) == x` is `x >= b` for unsigned lanes.
        Self(unsafe { _mm256_cmpeq_epi8(_mm256_max_epu8(self.0, _mm256_set1_epi8(byte as i8)), self.0) }).top_bits()
    }

    #[inline(always)]
    fn ascii_classes(self) -> Self {
        let mut classes = Self(
            // SAFETY: see the impl.
            unsafe { _mm256_setzero_si256() },
        );
        for row in 0..8 {
            let entries = sixteen(&ASCII, row);
            // SAFETY: see the impl. The upper four bits of a lane say which of the eight rows of 16 its class is in, the
            // lower ones where.
            classes.0 = unsafe {
                let upper = _mm256_and_si256(self.0, _mm256_set1_epi8(0xF0u8 as i8));
                let inside = _mm256_cmpeq_epi8(upper, _mm256_set1_epi8((16 * row) as i8));
                _mm256_or_si256(classes.0, _mm256_and_si256(inside, _mm256_shuffle_epi8(entries, self.0)))
            };
        }
        classes
    }

    #[inline(always)]
    fn shuffle(self, table: &[u8; 64]) -> Self {
        let (a, b, c, d) = (sixteen(table, 0), sixteen(table, 1), sixteen(table, 2), sixteen(table, 3));
        // SAFETY: see the impl. Bits 4 and 5 of a lane choose the row: shifted to the top of the lane they steer blends.
        Self(unsafe {
            let place = _mm256_and_si256(self.0, _mm256_set1_epi8(0x0F));
            let (bit_4, bit_5) = (_mm256_slli_epi16::<3>(self.0), _mm256_slli_epi16::<2>(self.0));
            let low = _mm256_blendv_epi8(_mm256_shuffle_epi8(a, place), _mm256_shuffle_epi8(b, place), bit_4);
            let high = _mm256_blendv_epi8(_mm256_shuffle_epi8(c, place), _mm256_shuffle_epi8(d, place), bit_4);
            _mm256_blendv_epi8(low, high, bit_5)
        })
    }

    #[inline(always)]
    fn blend(self, mask: u32, other: Self) -> Self {
        // SAFETY: see the impl. Each lane takes the byte of the mask that holds its bit, and keeps that bit.
        Self(unsafe {
            let bytes = _mm256_setr_epi64x(0, 0x0101_0101_0101_0101, 0x0202_0202_0202_0202, 0x0303_0303_0303_0303);
            let spread = _mm256_shuffle_epi8(_mm256_set1_epi32(mask as i32), bytes);
            let bits = _mm256_set1_epi64x(0x8040_2010_0804_0201u64 as i64);
            let chosen = _mm256_cmpeq_epi8(_mm256_and_si256(spread, bits), bits);
            _mm256_blendv_epi8(self.0, other.0, chosen)
        })
    }

    #[inline(always)]
    fn bit<const BIT: i32>(self) -> u32 {
        // SAFETY: see the impl. The bits that a shift brings in from the lane below stay below the top bit.
        Self(unsafe {
            match BIT {
                0 => _mm256_slli_epi16::<7>(self.0),
                1 => _mm256_slli_epi16::<6>(self.0),
                _ => _mm256_slli_epi16::<5>(self.0),
            }
        })
        .top_bits()
    }
}

/// Sixteen entries of a table, number `16 * row` and the next, in both halves of a register, as the shuffle needs them.
#[inline(always)]
fn sixteen(table: &[u8], row: usize) -> __m256i {
    let bytes: &[u8; 16] = table[16 * row..16 * row + 16].try_into().expect("16 bytes");
    // SAFETY: see the impl of `Half`; 16 readable bytes, the load has no alignment.
    unsafe { _mm256_broadcastsi128_si256(_mm_loadu_si128(bytes.as_ptr().cast())) }
}

/// Applies an expression to both halves of one [`Avx2`], or of two. (A closure would be code without AVX2.)
macro_rules! halves {
    ($row:expr, $other:expr, $half:ident, $of_other:ident => $made:expr) => {{
        let (row, other) = ($row, $other);
        let low = {
            let ($half, $of_other) = (row.0, other.0);
            $made
        };
        let high = {
            let ($half, $of_other) = (row.1, other.1);
            $made
        };
        Avx2(low, high)
    }};
    ($row:expr, $half:ident => $made:expr) => {{
        let low = {
            let $half = $row.0;
            $made
        };
        let high = {
            let $half = $row.1;
            $made
        };
        Avx2(low, high)
    }};
}

/// A mask of sixteen lanes: all bits of a lane, or none.
#[derive(Clone, Copy)]
struct Avx2Mask(Avx2);

// SAFETY (all blocks below): these methods run inside `run` alone, whose caller vouches for the CPU.
impl Mask for Avx2Mask {
    // SAFETY: any bits are a register.
    const NONE: Self = Self(Avx2(unsafe { std::mem::zeroed() }, unsafe { std::mem::zeroed() }));

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(self.0.and(other.0))
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        Self(self.0.or(other.0))
    }

    #[inline(always)]
    fn and_not(self, other: Self) -> Self {
        // SAFETY: see the impl.
        Self(halves!(self.0, other.0, own, other => unsafe { _mm256_andnot_si256(other, own) }))
    }

    #[inline(always)]
    fn bits(self) -> u16 {
        // SAFETY: see the impl.
        let (low, high) = unsafe {
            let Avx2(low, high) = self.0;
            (_mm256_movemask_ps(_mm256_castsi256_ps(low)), _mm256_movemask_ps(_mm256_castsi256_ps(high)))
        };
        (low | high << 8) as u16
    }
}

/// Sixteen numbers, in two registers.
#[derive(Clone, Copy)]
struct Avx2(__m256i, __m256i);

// SAFETY (all blocks below): these methods run inside `run` alone, whose caller vouches for the CPU; loads and stores are of
// references to 64 bytes, without alignment.
impl U32x16 for Avx2 {
    type Mask = Avx2Mask;
    const IS_FAST: bool = true;

    #[inline(always)]
    fn load(numbers: &[u32; 16]) -> Self {
        let (low, high) = numbers.split_at(8);
        // SAFETY: see the impl.
        unsafe { Self(_mm256_loadu_si256(low.as_ptr().cast()), _mm256_loadu_si256(high.as_ptr().cast())) }
    }

    #[inline(always)]
    fn store(self, numbers: &mut [u32; 16]) {
        let (low, high) = numbers.split_at_mut(8);
        // SAFETY: see the impl.
        unsafe {
            _mm256_storeu_si256(low.as_mut_ptr().cast(), self.0);
            _mm256_storeu_si256(high.as_mut_ptr().cast(), self.1);
        }
    }

    #[inline(always)]
    fn splat(number: u32) -> Self {
        // SAFETY: see the impl.
        let all = unsafe { _mm256_set1_epi32(number as i32) };
        Self(all, all)
    }

    #[inline(always)]
    fn equal(self, number: u32) -> Avx2Mask {
        // SAFETY: see the impl.
        Avx2Mask(halves!(self, Self::splat(number), a, b => unsafe { _mm256_cmpeq_epi32(a, b) }))
    }

    #[inline(always)]
    fn less_than(self, number: u32) -> Avx2Mask {
        self.less_than_each(Self::splat(number))
    }

    #[inline(always)]
    fn less_than_each(self, other: Self) -> Avx2Mask {
        // SAFETY: see the impl. `a < b` unless `max(a, b) == a`.
        let is_not = halves!(self, other, a, b => unsafe { _mm256_cmpeq_epi32(_mm256_max_epu32(a, b), a) });
        Avx2Mask(Self::splat(u32::MAX)).and_not(Avx2Mask(is_not))
    }

    #[inline(always)]
    fn has_bit(self, bits: Self) -> Avx2Mask {
        self.shift_right_each(bits.and(Self::splat(31))).and(Self::splat(1)).equal(1)
    }

    #[inline(always)]
    fn select(self, places: Avx2Mask, other: Self) -> Self {
        // SAFETY: see the impl.
        unsafe {
            Self(_mm256_blendv_epi8(self.0, other.0, places.0.0), _mm256_blendv_epi8(self.1, other.1, places.0.1))
        }
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        // SAFETY: see the impl.
        halves!(self, other, a, b => unsafe { _mm256_and_si256(a, b) })
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        // SAFETY: see the impl.
        halves!(self, other, a, b => unsafe { _mm256_or_si256(a, b) })
    }

    #[inline(always)]
    fn wrapping_mul(self, factor: u32) -> Self {
        // SAFETY: see the impl.
        halves!(self, Self::splat(factor), a, b => unsafe { _mm256_mullo_epi32(a, b) })
    }

    #[inline(always)]
    fn wrapping_add(self, other: Self) -> Self {
        // SAFETY: see the impl.
        halves!(self, other, a, b => unsafe { _mm256_add_epi32(a, b) })
    }

    #[inline(always)]
    fn wrapping_sub(self, other: Self) -> Self {
        // SAFETY: see the impl.
        halves!(self, other, a, b => unsafe { _mm256_sub_epi32(a, b) })
    }

    #[inline(always)]
    fn shift_right(self, bits: u32) -> Self {
        // SAFETY: see the impl.
        halves!(self, half => unsafe { _mm256_srl_epi32(half, _mm_cvtsi32_si128(bits as i32)) })
    }

    #[inline(always)]
    fn shift_right_each(self, bits: Self) -> Self {
        // SAFETY: see the impl.
        halves!(self, bits, a, b => unsafe { _mm256_srlv_epi32(a, b) })
    }

    /// From the exponent of the number as a float. Clearing the bit below each set bit keeps the conversion from
    /// rounding up to the next power of two.
    #[inline(always)]
    fn leading_zeros(self) -> Self {
        // SAFETY: see the impl.
        halves!(self, half => unsafe {
            let rounded_down = _mm256_andnot_si256(_mm256_srli_epi32::<1>(half), half);
            let exponent = _mm256_srli_epi32::<23>(_mm256_castps_si256(_mm256_cvtepi32_ps(rounded_down)));
            let zeros = _mm256_min_epu32(_mm256_sub_epi32(_mm256_set1_epi32(158), exponent), _mm256_set1_epi32(32));
            // A number of 32 bits in use is negative here; it has no leading zeros.
            _mm256_andnot_si256(_mm256_srai_epi32::<31>(half), zeros)
        })
    }

    #[inline(always)]
    fn permute(self, table: &[u32; 16]) -> Self {
        let Self(low, high) = Self::load(table);
        // SAFETY: see the impl. The permutations take three bits of each lane; the fourth, as a sign, chooses between them.
        halves!(self, places => unsafe {
            let low = _mm256_castsi256_ps(_mm256_permutevar8x32_epi32(low, places));
            let high = _mm256_castsi256_ps(_mm256_permutevar8x32_epi32(high, places));
            let is_high = _mm256_castsi256_ps(_mm256_slli_epi32::<28>(places));
            _mm256_castps_si256(_mm256_blendv_ps(low, high, is_high))
        })
    }

    #[inline(always)]
    fn gather(self, words: &[u32]) -> Self {
        assert!(!words.is_empty(), "one of no words");
        let last = (words.len().min(1 << 31) - 1) as i32;
        // SAFETY: see the impl. The gather reads only `words`, because no place is beyond the last. A slice has fewer
        // than 2^31 words, or is read as if it had.
        halves!(self, places => unsafe {
            let places = _mm256_min_epu32(places, _mm256_set1_epi32(last));
            _mm256_i32gather_epi32::<4>(words.as_ptr().cast(), places)
        })
    }
}
