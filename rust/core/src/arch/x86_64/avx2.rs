//! AVX2: a block is two registers, a row of 64 classes four shuffles.

use std::arch::x86_64::*;

use crate::arch::generic::{self, Lanes};
use crate::arch::row::Plain;
use crate::arch::{ASCII, Block, Work};

/// # Safety
/// The CPU must have AVX2, BMI1, BMI2 and POPCNT.
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
pub(in crate::arch) unsafe fn run<W: Work>(work: W) -> W::Output {
    work.run::<Plain>()
}

/// # Safety
/// The CPU must have AVX2.
#[target_feature(enable = "avx2")]
pub(in crate::arch) unsafe fn classify(text: &[u8], start: usize, blocks: &mut [Block]) {
    generic::classify::<Ymm>(text, start, blocks);
}

/// A block: its first 32 bytes and its last. (Two fields and not an array: `array::map` is a call into code without AVX2.)
#[derive(Clone, Copy)]
struct Ymm(Half, Half);

impl Lanes for Ymm {
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
    fn look_up(self, table: &[u8; 64]) -> Self {
        Self(self.0.look_up(table), self.1.look_up(table))
    }

    #[inline(always)]
    fn replace(self, mask: u64, other: Self) -> Self {
        Self(self.0.replace(mask as u32, other.0), self.1.replace((mask >> 32) as u32, other.1))
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
    fn look_up(self, table: &[u8; 64]) -> Self {
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
    fn replace(self, mask: u32, other: Self) -> Self {
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
        // SAFETY: see the impl. What a shift brings in from the lane below stays below the top bit.
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

/// Row `row` of 16 entries of a table, in both halves of a register, as a shuffle wants it.
#[inline(always)]
fn sixteen(table: &[u8], row: usize) -> __m256i {
    let bytes: &[u8; 16] = table[16 * row..16 * row + 16].try_into().expect("16 bytes");
    // SAFETY: see the impl of `Half`; 16 readable bytes, the load has no alignment.
    unsafe { _mm256_broadcastsi128_si256(_mm_loadu_si128(bytes.as_ptr().cast())) }
}
