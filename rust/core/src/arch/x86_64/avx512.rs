//! AVX-512 with VBMI: a block is one register, a row of 64 classes is one permutation.

use std::arch::x86_64::*;

use crate::arch::generic::{self, Lanes};
use crate::arch::row::{Mask, Row};
use crate::arch::{ASCII, Block, Work};

/// # Safety
/// The CPU must have AVX-512 F, BW and VBMI.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
pub(in crate::arch) unsafe fn classify(text: &[u8], start: usize, blocks: &mut [Block]) {
    generic::classify::<Zmm>(text, start, blocks);
}

/// # Safety
/// The CPU must have AVX-512 F, BW and VBMI, AVX2, BMI1, BMI2 and POPCNT.
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx512vbmi,avx2,bmi1,bmi2,popcnt")]
pub(in crate::arch) unsafe fn run<W: Work>(work: W) -> W::Output {
    work.run::<Numbers>()
}

#[derive(Clone, Copy)]
struct Zmm(__m512i);

/// The two halves of the ASCII table.
static HALVES: [[u8; 64]; 2] = {
    let mut halves = [[0; 64]; 2];
    let mut byte = 0;
    while byte < 128 {
        halves[byte / 64][byte % 64] = ASCII[byte];
        byte += 1;
    }
    halves
};

// SAFETY (all blocks below): these methods run inside `classify` alone, whose caller vouches for the CPU; loads are of
// references to 64 bytes.
impl Lanes for Zmm {
    #[inline(always)]
    fn load(bytes: &[u8; 64]) -> Self {
        // SAFETY: 64 readable bytes; the load has no alignment.
        Self(unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) })
    }

    #[inline(always)]
    fn equal(self, byte: u8) -> u64 {
        // SAFETY: see the impl.
        unsafe { _mm512_cmpeq_epi8_mask(self.0, _mm512_set1_epi8(byte as i8)) }
    }

    #[inline(always)]
    fn at_least(self, byte: u8) -> u64 {
        // SAFETY: see the impl.
        unsafe { _mm512_cmpge_epu8_mask(self.0, _mm512_set1_epi8(byte as i8)) }
    }

    #[inline(always)]
    fn ascii_classes(self) -> Self {
        let [low, high] = &HALVES;
        // SAFETY: see the impl. The permutation takes seven bits of each lane; the mask drops lanes with the eighth.
        unsafe {
            let ascii = !_mm512_movepi8_mask(self.0);
            Self(_mm512_maskz_permutex2var_epi8(ascii, Self::load(low).0, self.0, Self::load(high).0))
        }
    }

    #[inline(always)]
    fn look_up(self, table: &[u8; 64]) -> Self {
        // SAFETY: see the impl. The permutation takes six bits of each lane.
        Self(unsafe { _mm512_permutexvar_epi8(self.0, Self::load(table).0) })
    }

    #[inline(always)]
    fn replace(self, mask: u64, other: Self) -> Self {
        // SAFETY: see the impl.
        Self(unsafe { _mm512_mask_blend_epi8(mask, self.0, other.0) })
    }

    #[inline(always)]
    fn bit<const BIT: i32>(self) -> u64 {
        // SAFETY: see the impl.
        unsafe { _mm512_test_epi8_mask(self.0, _mm512_set1_epi8(1 << BIT)) }
    }
}

/// What a mask register holds.
impl Mask for u16 {
    const NONE: Self = 0;

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        self & other
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        self | other
    }

    #[inline(always)]
    fn but(self, other: Self) -> Self {
        self & !other
    }

    #[inline(always)]
    fn bits(self) -> u16 {
        self
    }
}

/// Sixteen numbers.
#[derive(Clone, Copy)]
struct Numbers(__m512i);

// SAFETY (all blocks below): these methods run inside `run` alone, whose caller vouches for the CPU; loads and stores are of
// references to 64 bytes.
impl Row for Numbers {
    type Mask = u16;
    const IS_FAST: bool = true;

    #[inline(always)]
    fn load(numbers: &[u32; 16]) -> Self {
        // SAFETY: 64 readable bytes; the load has no alignment.
        Self(unsafe { _mm512_loadu_si512(numbers.as_ptr().cast()) })
    }

    #[inline(always)]
    fn store(self, numbers: &mut [u32; 16]) {
        // SAFETY: 64 writable bytes; the store has no alignment.
        unsafe { _mm512_storeu_si512(numbers.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    fn splat(number: u32) -> Self {
        // SAFETY: see the impl.
        Self(unsafe { _mm512_set1_epi32(number as i32) })
    }

    #[inline(always)]
    fn equal(self, number: u32) -> u16 {
        // SAFETY: see the impl.
        unsafe { _mm512_cmpeq_epi32_mask(self.0, _mm512_set1_epi32(number as i32)) }
    }

    #[inline(always)]
    fn below(self, number: u32) -> u16 {
        // SAFETY: see the impl.
        unsafe { _mm512_cmplt_epu32_mask(self.0, _mm512_set1_epi32(number as i32)) }
    }

    #[inline(always)]
    fn less(self, other: Self) -> u16 {
        // SAFETY: see the impl.
        unsafe { _mm512_cmplt_epu32_mask(self.0, other.0) }
    }

    #[inline(always)]
    fn have(self, bits: Self) -> u16 {
        // SAFETY: see the impl.
        unsafe {
            let bits = _mm512_and_si512(bits.0, _mm512_set1_epi32(31));
            _mm512_test_epi32_mask(self.0, _mm512_sllv_epi32(_mm512_set1_epi32(1), bits))
        }
    }

    #[inline(always)]
    fn choose(self, places: u16, other: Self) -> Self {
        // SAFETY: see the impl.
        Self(unsafe { _mm512_mask_blend_epi32(places, self.0, other.0) })
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        // SAFETY: see the impl.
        Self(unsafe { _mm512_and_si512(self.0, other.0) })
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        // SAFETY: see the impl.
        Self(unsafe { _mm512_or_si512(self.0, other.0) })
    }

    #[inline(always)]
    fn times(self, factor: u32) -> Self {
        // SAFETY: see the impl.
        Self(unsafe { _mm512_mullo_epi32(self.0, _mm512_set1_epi32(factor as i32)) })
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        // SAFETY: see the impl.
        Self(unsafe { _mm512_add_epi32(self.0, other.0) })
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        // SAFETY: see the impl.
        Self(unsafe { _mm512_sub_epi32(self.0, other.0) })
    }

    #[inline(always)]
    fn down(self, bits: u32) -> Self {
        // SAFETY: see the impl.
        Self(unsafe { _mm512_srl_epi32(self.0, _mm_cvtsi32_si128(bits as i32)) })
    }

    #[inline(always)]
    fn down_by(self, bits: Self) -> Self {
        // SAFETY: see the impl.
        Self(unsafe { _mm512_srlv_epi32(self.0, bits.0) })
    }

    #[inline(always)]
    fn leading_zeros(self) -> Self {
        // SAFETY: see the impl.
        Self(unsafe { _mm512_lzcnt_epi32(self.0) })
    }

    #[inline(always)]
    fn look_up(self, table: &[u32; 16]) -> Self {
        // SAFETY: see the impl. The permutation takes four bits of each lane.
        Self(unsafe { _mm512_permutexvar_epi32(self.0, Self::load(table).0) })
    }

    #[inline(always)]
    fn gather(self, words: &[u32]) -> Self {
        assert!(!words.is_empty(), "one of no words");
        // SAFETY: see the impl. What is gathered lies within `words`: no place is beyond the last; and a slice in memory has
        // fewer than 2^31 words of these, or is seen as if it had.
        Self(unsafe {
            let last = (words.len().min(1 << 31) - 1) as i32;
            let places = _mm512_min_epu32(self.0, _mm512_set1_epi32(last));
            _mm512_i32gather_epi32::<4>(places, words.as_ptr().cast())
        })
    }

    #[inline(always)]
    fn places(bits: u64, offset: u32, places: &mut [u32; 64]) -> usize {
        let mut count = 0;
        for quarter in 0..4 {
            let mask = (bits >> (16 * quarter)) as u16;
            // SAFETY: see the impl. At most 48 places came before, so that sixteen more are within.
            unsafe {
                let first = _mm512_set1_epi32(offset.wrapping_add(16 * quarter) as i32);
                let all =
                    _mm512_add_epi32(first, _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
                _mm512_storeu_si512(places.as_mut_ptr().add(count).cast(), _mm512_maskz_compress_epi32(mask, all));
            }
            count += mask.count_ones() as usize;
        }
        count
    }

    #[inline(always)]
    fn counted(text: &[u8], start: usize, length: usize) -> [u64; 2] {
        let piece = &text[start..start + length];
        let mask = (1u32 << (length % 16)) as u16 - 1;
        let mut key = [0; 2];
        // SAFETY: see the impl. The load touches none but the bytes of the mask, which are those of the piece, or fewer.
        unsafe {
            let bytes = _mm_maskz_loadu_epi8(mask, piece.as_ptr().cast());
            let counted = _mm_mask_set1_epi8(bytes, 1 << 15, length as i8);
            _mm_storeu_si128(key.as_mut_ptr().cast(), counted);
        }
        key
    }

    #[inline(always)]
    fn find(ways: &[[u64; 4]; 2], key: &[u64; 2]) -> (usize, bool) {
        // SAFETY: see the impl; 64 readable bytes, and 16.
        let equal = unsafe {
            let key = _mm512_broadcast_i64x2(_mm_loadu_si128(key.as_ptr().cast()));
            _mm512_cmpeq_epi64_mask(_mm512_loadu_si512(ways.as_ptr().cast()), key)
        };
        // Bits 0 and 1 are of the first way's key, bits 4 and 5 of the second's.
        let is_it = equal & equal >> 1 & 0x11;
        (usize::from(is_it >> 4), is_it != 0)
    }

    #[inline(always)]
    fn within(words: &[u64; 8], least: u64, span: u64) -> u64 {
        // SAFETY: see the impl; 64 readable bytes, without alignment.
        let places = unsafe {
            let above = _mm512_sub_epi64(_mm512_loadu_si512(words.as_ptr().cast()), _mm512_set1_epi64(least as i64));
            _mm512_cmplt_epu64_mask(above, _mm512_set1_epi64(span as i64))
        };
        words[places.trailing_zeros() as usize % 8] & 0u64.wrapping_sub(u64::from(places != 0))
    }
}
