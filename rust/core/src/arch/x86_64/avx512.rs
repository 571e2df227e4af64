//! AVX-512 with VBMI: a block is one register, and a table of 64 classes is one permutation.

use std::arch::x86_64::*;
use std::mem::MaybeUninit;

use crate::arch::generic::{self, U8x64};
use crate::arch::u32x16::{Mask, U32x16};
use crate::arch::{ASCII, Block, CodeUnit, Work};

/// # Safety
/// The CPU must have AVX-512 F, BW and VBMI.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
pub(in crate::arch) unsafe fn classify(text: &[u8], start: usize, blocks: &mut [Block]) {
    generic::classify::<Zmm>(text, start, blocks);
}

/// # Safety
/// The CPU must have AVX-512 F, BW, CD, DQ, VL, VBMI and VBMI2, AVX2, BMI1, BMI2 and POPCNT.
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,avx2,bmi1,bmi2,popcnt")]
pub(in crate::arch) unsafe fn run<W: Work>(work: W) -> W::Output {
    work.run::<Avx512>()
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
impl U8x64 for Zmm {
    #[inline(always)]
    fn load(bytes: &[u8; 64]) -> Self {
        // SAFETY: 64 readable bytes; the load has no alignment.
        Self(unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) })
    }

    #[inline(always)]
    fn load_start(bytes: &[u8]) -> Self {
        let mask = if bytes.len() < 64 { (1 << bytes.len()) - 1 } else { u64::MAX };
        // SAFETY: the load touches only the bytes of the mask, which are there.
        Self(unsafe { _mm512_maskz_loadu_epi8(mask, bytes.as_ptr().cast()) })
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
    fn shuffle(self, table: &[u8; 64]) -> Self {
        // SAFETY: see the impl. The permutation takes six bits of each lane.
        Self(unsafe { _mm512_permutexvar_epi8(self.0, Self::load(table).0) })
    }

    #[inline(always)]
    fn blend(self, mask: u64, other: Self) -> Self {
        // SAFETY: see the impl.
        Self(unsafe { _mm512_mask_blend_epi8(mask, self.0, other.0) })
    }

    #[inline(always)]
    fn bit<const BIT: i32>(self) -> u64 {
        // SAFETY: see the impl.
        unsafe { _mm512_test_epi8_mask(self.0, _mm512_set1_epi8(1 << BIT)) }
    }
}

/// The content of a mask register.
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
    fn and_not(self, other: Self) -> Self {
        self & !other
    }

    #[inline(always)]
    fn bits(self) -> u16 {
        self
    }
}

/// 0 to 63.
static PLACES: [u8; 64] = {
    let mut places = [0; 64];
    let mut place = 0;
    while place < 64 {
        places[place] = place as u8;
        place += 1;
    }
    places
};

/// By the mask of words that equal the key: the mask of the words that hold the ids of the matching way. In the index,
/// bits 0 and 1 belong to the key of the first way, bits 4 and 5 to the key of the second. (One load replaces six
/// instructions.)
static IDS: [u8; 256] = {
    let mut ids = [0; 256];
    let mut equal = 0;
    while equal < 256 {
        let is_it = equal & equal >> 1 & 0x11;
        ids[equal] = (is_it << 2 | is_it << 3) as u8;
        equal += 1;
    }
    ids
};

/// Sixteen numbers.
#[derive(Clone, Copy)]
struct Avx512(__m512i);

// SAFETY (all blocks below): these methods run inside `run` alone, whose caller vouches for the CPU; loads and stores are of
// references to 64 bytes.
impl U32x16 for Avx512 {
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
    fn less_than(self, number: u32) -> u16 {
        // SAFETY: see the impl.
        unsafe { _mm512_cmplt_epu32_mask(self.0, _mm512_set1_epi32(number as i32)) }
    }

    #[inline(always)]
    fn less_than_each(self, other: Self) -> u16 {
        // SAFETY: see the impl.
        unsafe { _mm512_cmplt_epu32_mask(self.0, other.0) }
    }

    #[inline(always)]
    fn has_bit(self, bits: Self) -> u16 {
        // SAFETY: see the impl.
        unsafe {
            let bits = _mm512_and_si512(bits.0, _mm512_set1_epi32(31));
            _mm512_test_epi32_mask(self.0, _mm512_sllv_epi32(_mm512_set1_epi32(1), bits))
        }
    }

    #[inline(always)]
    fn select(self, places: u16, other: Self) -> Self {
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
    fn wrapping_mul(self, factor: u32) -> Self {
        // SAFETY: see the impl.
        Self(unsafe { _mm512_mullo_epi32(self.0, _mm512_set1_epi32(factor as i32)) })
    }

    #[inline(always)]
    fn wrapping_add(self, other: Self) -> Self {
        // SAFETY: see the impl.
        Self(unsafe { _mm512_add_epi32(self.0, other.0) })
    }

    #[inline(always)]
    fn wrapping_sub(self, other: Self) -> Self {
        // SAFETY: see the impl.
        Self(unsafe { _mm512_sub_epi32(self.0, other.0) })
    }

    #[inline(always)]
    fn shift_right(self, bits: u32) -> Self {
        // SAFETY: see the impl.
        Self(unsafe { _mm512_srl_epi32(self.0, _mm_cvtsi32_si128(bits as i32)) })
    }

    #[inline(always)]
    fn shift_right_each(self, bits: Self) -> Self {
        // SAFETY: see the impl.
        Self(unsafe { _mm512_srlv_epi32(self.0, bits.0) })
    }

    #[inline(always)]
    fn leading_zeros(self) -> Self {
        // SAFETY: see the impl.
        Self(unsafe { _mm512_lzcnt_epi32(self.0) })
    }

    #[inline(always)]
    fn permute(self, table: &[u32; 16]) -> Self {
        // SAFETY: see the impl. The permutation takes four bits of each lane.
        Self(unsafe { _mm512_permutexvar_epi32(self.0, Self::load(table).0) })
    }

    #[inline(always)]
    fn gather(self, words: &[u32]) -> Self {
        assert!(!words.is_empty(), "one of no words");
        // SAFETY: see the impl. The gather reads only `words`, because no place is beyond the last. A slice has fewer
        // than 2^31 words, or is read as if it had.
        Self(unsafe {
            let last = (words.len().min(1 << 31) - 1) as i32;
            let places = _mm512_min_epu32(self.0, _mm512_set1_epi32(last));
            _mm512_i32gather_epi32::<4>(places, words.as_ptr().cast())
        })
    }

    #[inline(always)]
    fn set_bits(bits: u64, offset: u32, places: &mut [u32; 64]) -> usize {
        // SAFETY: see the impl.
        let set = unsafe { _mm512_maskz_compress_epi8(bits, _mm512_loadu_si512(PLACES.as_ptr().cast())) };
        let count = bits.count_ones() as usize;
        let [first, second, third, fourth]: &mut [[u32; 16]; 4] = bytemuck::cast_mut(places);
        // The branch is rarely taken: 64 bytes of text hold ten to twelve pieces.
        // SAFETY: see the impl.
        unsafe {
            let offset = _mm512_set1_epi32(offset as i32);
            Self(_mm512_add_epi32(_mm512_cvtepu8_epi32(_mm512_castsi512_si128(set)), offset)).store(first);
            if count > 16 {
                Self(_mm512_add_epi32(_mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32::<1>(set)), offset)).store(second);
                Self(_mm512_add_epi32(_mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32::<2>(set)), offset)).store(third);
                Self(_mm512_add_epi32(_mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32::<3>(set)), offset)).store(fourth);
            }
        }
        count
    }

    #[inline(always)]
    fn short_key(text: &[u8], length: usize) -> [u64; 2] {
        let piece = &text[..length];
        let length = length.min(255);
        let mut key = [0; 2];
        // SAFETY: see the impl. The load touches only the bytes of the mask, which belong to the piece.
        unsafe {
            let mask = _bzhi_u32(u16::MAX.into(), length as u32) as u16;
            let bytes = _mm_maskz_loadu_epi8(mask, piece.as_ptr().cast());
            let counted = _mm_insert_epi8::<15>(bytes, length as i32);
            _mm_storeu_si128(key.as_mut_ptr().cast(), counted);
        }
        key
    }

    #[inline(always)]
    fn long_key(text: &[u8], start: usize, length: usize) -> [u64; 4] {
        let piece = &text[start..start + length];
        let mut key = [0; 4];
        // SAFETY: see the impl. The load touches only the bytes of the mask, which belong to the piece.
        unsafe {
            let bytes = _mm256_maskz_loadu_epi8(_bzhi_u32(u32::MAX, (length % 32) as u32), piece.as_ptr().cast());
            let counted = _mm256_mask_set1_epi8(bytes, 1 << 31, length as i8);
            _mm256_storeu_si256(key.as_mut_ptr().cast(), counted);
        }
        key
    }

    #[inline(always)]
    fn load_bytes(piece: &[u8], start: usize) -> Self {
        let rest = &piece[start.min(piece.len())..];
        let mask = if rest.len() < 16 { (1 << rest.len()) - 1 } else { u16::MAX };
        // SAFETY: see the impl. The load touches only the bytes of the mask, which are there.
        Self(unsafe { _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, rest.as_ptr().cast())) })
    }

    #[inline(always)]
    fn compress(self, bits: u16) -> Self {
        // SAFETY: see the impl.
        Self(unsafe { _mm512_maskz_compress_epi32(bits, self.0) })
    }

    /// Interleaves the numbers of neighbouring rows, then pairs of numbers; after that, four consecutive registers hold
    /// the 128-bit lanes of four rows, which are exchanged last.
    #[inline(always)]
    fn transpose(rows: &mut [[u32; 16]; 16]) {
        // SAFETY: see the impl.
        unsafe {
            let zero = _mm512_setzero_si512();
            let (mut all, mut ones) = ([zero; 16], [zero; 16]);
            for row in 0..16 {
                all[row] = Self::load(&rows[row]).0;
            }
            for four in (0..16).step_by(4) {
                let [a, b, c, d] = [all[four], all[four + 1], all[four + 2], all[four + 3]];
                let [low, high] = [_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b)];
                let [other_low, other_high] = [_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d)];
                ones[four] = _mm512_unpacklo_epi64(low, other_low);
                ones[four + 1] = _mm512_unpackhi_epi64(low, other_low);
                ones[four + 2] = _mm512_unpacklo_epi64(high, other_high);
                ones[four + 3] = _mm512_unpackhi_epi64(high, other_high);
            }
            for one in 0..4 {
                // Columns `one`, `one + 4`, `one + 8` and `one + 12`, four numbers each.
                let [a, b, c, d] = [ones[one], ones[one + 4], ones[one + 8], ones[one + 12]];
                let [even, odd] = [_mm512_shuffle_i32x4::<0x88>(a, b), _mm512_shuffle_i32x4::<0xDD>(a, b)];
                let [other_even, other_odd] = [_mm512_shuffle_i32x4::<0x88>(c, d), _mm512_shuffle_i32x4::<0xDD>(c, d)];
                Self(_mm512_shuffle_i32x4::<0x88>(even, other_even)).store(&mut rows[one]);
                Self(_mm512_shuffle_i32x4::<0x88>(odd, other_odd)).store(&mut rows[one + 4]);
                Self(_mm512_shuffle_i32x4::<0xDD>(even, other_even)).store(&mut rows[one + 8]);
                Self(_mm512_shuffle_i32x4::<0xDD>(odd, other_odd)).store(&mut rows[one + 12]);
            }
        }
    }

    #[inline(always)]
    fn utf8<U: CodeUnit>(units: &[U], out: &mut [MaybeUninit<u8>]) -> (usize, usize) {
        assert!(out.len() >= units.len() * 4 + 64, "room for all, and a register behind");
        let (mut read, mut written) = (0, 0);
        while read < units.len() {
            let left = (units.len() - read).min(32);
            let there = (u64::MAX >> (64 - left)) as u32;
            // SAFETY: see the impl. Loads touch only the remaining units. Each store writes 64 bytes and begins at most
            // four bytes a unit behind the start.
            unsafe {
                let from = units.as_ptr().add(read).cast::<i8>();
                let to = out.as_mut_ptr().add(written).cast();
                if size_of::<U>() < 4 {
                    let points = if size_of::<U>() == 1 {
                        _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(there, from))
                    } else {
                        _mm512_maskz_loadu_epi16(there, from.cast())
                    };
                    if _mm512_cmpge_epu16_mask(points, _mm512_set1_epi16(0x800)) == 0 {
                        let (bytes, count) = pairs(points, there);
                        _mm512_storeu_si512(to, bytes);
                        (read, written) = (read + left, written + count);
                        continue;
                    }
                }
                let left = left.min(16);
                let there = there as u16;
                let points = match size_of::<U>() {
                    1 => _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(there, from)),
                    2 => _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(there, from.cast())),
                    _ => _mm512_maskz_loadu_epi32(there, from.cast()),
                };
                // Surrogates, and numbers beyond the last code point.
                let surrogates = _mm512_sub_epi32(points, _mm512_set1_epi32(0xD800));
                let wrong = _mm512_cmplt_epu32_mask(surrogates, _mm512_set1_epi32(0x800))
                    | _mm512_cmpgt_epu32_mask(points, _mm512_set1_epi32(0x10_FFFF));
                let good = left.min(wrong.trailing_zeros() as usize);
                let (bytes, count) = fours(points, ((1u32 << good) - 1) as u16);
                _mm512_storeu_si512(to, bytes);
                (read, written) = (read + good, written + count);
                if good < left {
                    break;
                }
            }
        }
        (read, written)
    }

    #[inline(always)]
    fn find_way<const COUNT: u32>(ways: &[[u64; 4]; 2], key: &[u64; 2], ids: &mut [u32; 4]) -> usize {
        // SAFETY: see the impl; 64 readable bytes, and 16; 16 writable bytes.
        unsafe {
            let ways = _mm512_loadu_si512(ways.as_ptr().cast());
            let equal = _mm512_cmpeq_epi64_mask(ways, _mm512_broadcast_i64x2(_mm_loadu_si128(key.as_ptr().cast())));
            let found = _mm512_castsi512_si128(_mm512_maskz_compress_epi64(IDS[usize::from(equal)], ways));
            let without = _mm_setr_epi32((1 << COUNT) - 1, -1, -1, -1);
            _mm_storeu_si128(ids.as_mut_ptr().cast(), _mm_and_si128(found, without));
            (_mm_cvtsi128_si32(found) as u32 >> COUNT) as usize
        }
    }

    #[inline(always)]
    fn find_in_range(words: &[u64; 8], least: u64, span: u64) -> u64 {
        // SAFETY: see the impl; 64 readable bytes, without alignment.
        unsafe {
            let words = _mm512_loadu_si512(words.as_ptr().cast());
            let above = _mm512_sub_epi64(words, _mm512_set1_epi64(least as i64));
            let place = _mm512_cmplt_epu64_mask(above, _mm512_set1_epi64(span as i64));
            // The branch predictor cannot foresee whether a word matches, and the compiler would branch on the mask as
            // a number.
            _mm_cvtsi128_si64(_mm512_castsi512_si128(_mm512_maskz_compress_epi64(place, words))) as u64
        }
    }
}

/// The UTF-8 of code points below 0x800, in the lanes of the mask `there`, and its length.
///
/// # Safety
/// As for [`run`].
#[inline(always)]
unsafe fn pairs(points: __m512i, there: u32) -> (__m512i, usize) {
    // SAFETY: as above.
    unsafe {
        let long = _mm512_cmpge_epu16_mask(points, _mm512_set1_epi16(0x80));
        let lead = _mm512_or_si512(_mm512_srli_epi16::<6>(points), _mm512_set1_epi16(0xC0));
        let end = _mm512_or_si512(_mm512_and_si512(points, _mm512_set1_epi16(0x3F)), _mm512_set1_epi16(0x80));
        let both = _mm512_or_si512(lead, _mm512_slli_epi16::<8>(end));
        let bytes = _mm512_mask_mov_epi16(points, long, both);
        // The lower byte of each lane, and the upper byte of each lane of two bytes.
        let keep =
            _pdep_u64(there.into(), 0x5555_5555_5555_5555) | _pdep_u64((long & there).into(), 0xAAAA_AAAA_AAAA_AAAA);
        (_mm512_maskz_compress_epi8(keep, bytes), keep.count_ones() as usize)
    }
}

/// The UTF-8 of scalar values, in the lanes of the mask `there`, and its length.
///
/// # Safety
/// As for [`run`].
#[inline(always)]
unsafe fn fours(points: __m512i, there: u16) -> (__m512i, usize) {
    // SAFETY: as above.
    unsafe {
        let least = |bound| _mm512_cmpge_epu32_mask(points, _mm512_set1_epi32(bound));
        let (two, three, four) = (least(0x80), least(0x800), least(0x1_0000));
        // Six bits of each code point, moved to byte `byte`. Below, the marks of lead and continuation bytes are added.
        let six = |shift: u32, byte: u32| {
            let bits =
                _mm512_and_si512(_mm512_srlv_epi32(points, _mm512_set1_epi32(shift as i32)), _mm512_set1_epi32(0x3F));
            _mm512_sllv_epi32(bits, _mm512_set1_epi32(8 * byte as i32))
        };
        // The bytes in the order of the text, by the length of the character.
        let mark = |bits, marks: u32| _mm512_or_si512(bits, _mm512_set1_epi32(marks as i32));
        let of_two = mark(_mm512_or_si512(six(6, 0), six(0, 1)), 0x80C0);
        let of_three = mark(_mm512_or_si512(_mm512_or_si512(six(12, 0), six(6, 1)), six(0, 2)), 0x80_80E0);
        let of_four = mark(
            _mm512_or_si512(_mm512_or_si512(six(18, 0), six(12, 1)), _mm512_or_si512(six(6, 2), six(0, 3))),
            0x8080_80F0,
        );
        let bytes = _mm512_mask_mov_epi32(points, two, of_two);
        let bytes = _mm512_mask_mov_epi32(bytes, three, of_three);
        let bytes = _mm512_mask_mov_epi32(bytes, four, of_four);
        let spread = |mask: u16, byte: u32| _pdep_u64((mask & there).into(), 0x1111_1111_1111_1111 << byte);
        let keep = spread(u16::MAX, 0) | spread(two, 1) | spread(three, 2) | spread(four, 3);
        (_mm512_maskz_compress_epi8(keep, bytes), keep.count_ones() as usize)
    }
}
