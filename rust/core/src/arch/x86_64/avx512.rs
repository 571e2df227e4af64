//! AVX-512 with VBMI: a block is one register, a row of 64 classes is one permutation.

use std::arch::x86_64::*;

use crate::arch::generic::{self, Lanes};
use crate::arch::{ASCII, Block};

/// # Safety
/// The CPU must have AVX-512 F, BW and VBMI.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
pub(in crate::arch) unsafe fn classify(text: &[u8], start: usize, blocks: &mut [Block]) {
    generic::classify::<Zmm>(text, start, blocks);
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
