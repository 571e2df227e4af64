//! AVX2: a block is two registers, a row of 64 classes four shuffles.

use std::arch::x86_64::*;

use crate::arch::generic::{self, Lanes};
use crate::arch::{ASCII, Block};

/// # Safety
/// The CPU must have AVX2, BMI1, BMI2 and POPCNT.
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
pub(in crate::arch) unsafe fn run<R>(work: impl FnOnce() -> R) -> R {
    work()
}

/// # Safety
/// The CPU must have AVX2.
#[target_feature(enable = "avx2")]
pub(in crate::arch) unsafe fn classify(text: &[u8], start: usize, blocks: &mut [Block]) {
    generic::classify::<Ymm>(text, start, blocks);
}

#[derive(Clone, Copy)]
struct Ymm([__m256i; 2]);

/// Entries `16 * quarter ..` of a table in both halves of a register, as a shuffle wants them.
#[inline(always)]
fn quarter(table: &[u8], quarter: usize) -> __m256i {
    let bytes: &[u8; 16] = table[16 * quarter..16 * quarter + 16].try_into().expect("16 bytes");
    // SAFETY: see the impl of `Lanes`; 16 readable bytes, the load has no alignment.
    unsafe { _mm256_broadcastsi128_si256(_mm_loadu_si128(bytes.as_ptr().cast())) }
}

// SAFETY (all blocks below): these methods run inside `classify` alone, whose caller vouches for the CPU; loads are of
// references to 64 bytes.
impl Lanes for Ymm {
    #[inline(always)]
    fn load(bytes: &[u8; 64]) -> Self {
        let (low, high) = bytes.split_at(32);
        // SAFETY: 32 readable bytes each; the loads have no alignment.
        Self(unsafe { [_mm256_loadu_si256(low.as_ptr().cast()), _mm256_loadu_si256(high.as_ptr().cast())] })
    }

    #[inline(always)]
    fn equal(self, byte: u8) -> u64 {
        // SAFETY: see the impl.
        mask(self.0.map(|half| unsafe { _mm256_cmpeq_epi8(half, _mm256_set1_epi8(byte as i8)) }))
    }

    #[inline(always)]
    fn at_least(self, byte: u8) -> u64 {
        // SAFETY: see the impl. `max(x, b) == x` is `x >= b` for unsigned lanes.
        mask(self.0.map(|half| unsafe { _mm256_cmpeq_epi8(_mm256_max_epu8(half, _mm256_set1_epi8(byte as i8)), half) }))
    }

    #[inline(always)]
    fn ascii_classes(self) -> Self {
        let quarters: [__m256i; 8] = std::array::from_fn(|i| quarter(&ASCII, i));
        // SAFETY: see the impl. The upper four bits of a lane say which of the eight rows of 16 its class is in.
        Self(self.0.map(|half| unsafe {
            let mut classes = _mm256_setzero_si256();
            for (number, &entries) in quarters.iter().enumerate() {
                let inside = _mm256_cmpeq_epi8(
                    _mm256_and_si256(half, _mm256_set1_epi8(0xF0u8 as i8)),
                    _mm256_set1_epi8((16 * number) as i8),
                );
                classes = _mm256_or_si256(classes, _mm256_and_si256(inside, _mm256_shuffle_epi8(entries, half)));
            }
            classes
        }))
    }

    #[inline(always)]
    fn look_up(self, table: &[u8; 64]) -> Self {
        let quarters: [__m256i; 4] = std::array::from_fn(|i| quarter(table, i));
        // SAFETY: see the impl. Bits 4 and 5 of a lane choose the quarter: shifted to the top of the lane they steer blends.
        Self(self.0.map(|half| unsafe {
            let index = _mm256_and_si256(half, _mm256_set1_epi8(0x0F));
            let entries = quarters.map(|quarter| _mm256_shuffle_epi8(quarter, index));
            let (bit_4, bit_5) = (_mm256_slli_epi16::<3>(half), _mm256_slli_epi16::<2>(half));
            let low = _mm256_blendv_epi8(entries[0], entries[1], bit_4);
            let high = _mm256_blendv_epi8(entries[2], entries[3], bit_4);
            _mm256_blendv_epi8(low, high, bit_5)
        }))
    }

    #[inline(always)]
    fn replace(self, mask: u64, other: Self) -> Self {
        let halves = [mask as u32, (mask >> 32) as u32];
        Self(std::array::from_fn(|i| {
            // SAFETY: see the impl. Each lane takes the byte of the mask that holds its bit, and keeps that bit.
            unsafe {
                let spread = _mm256_shuffle_epi8(
                    _mm256_set1_epi32(halves[i] as i32),
                    _mm256_setr_epi64x(0, 0x0101_0101_0101_0101, 0x0202_0202_0202_0202, 0x0303_0303_0303_0303),
                );
                let bits = _mm256_set1_epi64x(0x8040_2010_0804_0201u64 as i64);
                let chosen = _mm256_cmpeq_epi8(_mm256_and_si256(spread, bits), bits);
                _mm256_blendv_epi8(self.0[i], other.0[i], chosen)
            }
        }))
    }

    #[inline(always)]
    fn bit<const BIT: i32>(self) -> u64 {
        // SAFETY: see the impl. The mask takes the top bit of each lane; what a shift brings in from the lane below is lower.
        mask(self.0.map(|half| unsafe {
            match BIT {
                0 => _mm256_slli_epi16::<7>(half),
                1 => _mm256_slli_epi16::<6>(half),
                _ => _mm256_slli_epi16::<5>(half),
            }
        }))
    }
}

/// The top bit of each lane.
#[inline(always)]
fn mask([low, high]: [__m256i; 2]) -> u64 {
    // SAFETY: see the impl of `Lanes`.
    let [low, high] = unsafe { [_mm256_movemask_epi8(low) as u32, _mm256_movemask_epi8(high) as u32] };
    u64::from(low) | u64::from(high) << 32
}
