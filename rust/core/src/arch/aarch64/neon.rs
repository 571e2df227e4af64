//! NEON: a block is four registers, and a table of 64 classes is one permutation of each.

use std::arch::aarch64::*;

use crate::arch::generic::{self, U8x64};
use crate::arch::{ASCII, Block};

/// # Safety
/// The CPU must have NEON.
#[target_feature(enable = "neon")]
pub(in crate::arch) unsafe fn classify(text: &[u8], start: usize, blocks: &mut [Block]) {
    generic::classify::<Quarters>(text, start, blocks);
}

/// A block: its quarters, in order.
#[derive(Clone, Copy)]
struct Quarters(Quarter, Quarter, Quarter, Quarter);

impl U8x64 for Quarters {
    #[inline(always)]
    fn load(bytes: &[u8; 64]) -> Self {
        Self(Quarter::load(bytes, 0), Quarter::load(bytes, 1), Quarter::load(bytes, 2), Quarter::load(bytes, 3))
    }

    #[inline(always)]
    fn equal(self, byte: u8) -> u64 {
        Self(self.0.equal(byte), self.1.equal(byte), self.2.equal(byte), self.3.equal(byte)).set_lanes()
    }

    #[inline(always)]
    fn at_least(self, byte: u8) -> u64 {
        Self(self.0.at_least(byte), self.1.at_least(byte), self.2.at_least(byte), self.3.at_least(byte)).set_lanes()
    }

    #[inline(always)]
    fn ascii_classes(self) -> Self {
        let tables = (Table64::new(&ASCII, 0), Table64::new(&ASCII, 64));
        let classes = |quarter: Quarter| quarter.ascii_classes(tables);
        Self(classes(self.0), classes(self.1), classes(self.2), classes(self.3))
    }

    #[inline(always)]
    fn shuffle(self, table: &[u8; 64]) -> Self {
        let table = Table64::new(table, 0);
        Self(self.0.shuffle(table), self.1.shuffle(table), self.2.shuffle(table), self.3.shuffle(table))
    }

    #[inline(always)]
    fn blend(self, mask: u64, other: Self) -> Self {
        Self(
            self.0.blend(mask as u16, other.0),
            self.1.blend((mask >> 16) as u16, other.1),
            self.2.blend((mask >> 32) as u16, other.2),
            self.3.blend((mask >> 48) as u16, other.3),
        )
    }

    #[inline(always)]
    fn bit<const BIT: i32>(self) -> u64 {
        let bit = 1 << BIT;
        Self(self.0.any_of(bit), self.1.any_of(bit), self.2.any_of(bit), self.3.any_of(bit)).set_lanes()
    }
}

/// A register.
#[derive(Clone, Copy)]
struct Quarter(uint8x16_t);

/// Lane `i` keeps bit `i % 8`.
const BITS: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];

// SAFETY (all blocks below): these methods run inside `classify` alone, whose caller vouches for the CPU; loads are of
// slices whose length is checked.
impl Quarters {
    /// The mask of the set lanes; a lane is all ones or all zeros. Each lane keeps one bit of eight, and three pairwise
    /// additions join eight lanes to a byte.
    #[inline(always)]
    fn set_lanes(self) -> u64 {
        let bits = Quarter::sixteen(&BITS);
        // SAFETY: see the impl.
        unsafe {
            let own = |quarter: Quarter| vandq_u8(quarter.0, bits.0);
            let low = vpaddq_u8(own(self.0), own(self.1));
            let high = vpaddq_u8(own(self.2), own(self.3));
            let joined = vpaddq_u8(low, high);
            vgetq_lane_u64::<0>(vreinterpretq_u64_u8(vpaddq_u8(joined, joined)))
        }
    }
}

impl Quarter {
    #[inline(always)]
    fn sixteen(bytes: &[u8; 16]) -> Self {
        // SAFETY: see the impl of `Quarters`; 16 readable bytes, the load has no alignment.
        Self(unsafe { vld1q_u8(bytes.as_ptr()) })
    }

    #[inline(always)]
    fn load(bytes: &[u8; 64], number: usize) -> Self {
        Self::sixteen(bytes[16 * number..16 * number + 16].try_into().expect("a quarter of a block"))
    }

    /// Lanes are all ones where equal, else zero.
    #[inline(always)]
    fn equal(self, byte: u8) -> Self {
        // SAFETY: see the impl of `Quarters`.
        Self(unsafe { vceqq_u8(self.0, vdupq_n_u8(byte)) })
    }

    /// Lanes are all ones where at least `byte`, else zero.
    #[inline(always)]
    fn at_least(self, byte: u8) -> Self {
        // SAFETY: see the impl of `Quarters`.
        Self(unsafe { vcgeq_u8(self.0, vdupq_n_u8(byte)) })
    }

    /// Lanes are all ones where they have a bit of `bits`, else zero.
    #[inline(always)]
    fn any_of(self, bits: u8) -> Self {
        // SAFETY: see the impl of `Quarters`.
        Self(unsafe { vtstq_u8(self.0, vdupq_n_u8(bits)) })
    }

    #[inline(always)]
    fn ascii_classes(self, (low, high): (Table64, Table64)) -> Self {
        // SAFETY: see the impl of `Quarters`. A permutation gives zero for a lane of 64 or more. Flipping bit 6 moves
        // the lanes 64 to 127 below 64.
        Self(unsafe { vorrq_u8(vqtbl4q_u8(low.0, self.0), vqtbl4q_u8(high.0, veorq_u8(self.0, vdupq_n_u8(0x40)))) })
    }

    #[inline(always)]
    fn shuffle(self, table: Table64) -> Self {
        // SAFETY: see the impl of `Quarters`.
        Self(unsafe { vqtbl4q_u8(table.0, vandq_u8(self.0, vdupq_n_u8(0x3F))) })
    }

    #[inline(always)]
    fn blend(self, mask: u16, other: Self) -> Self {
        let bits = Self::sixteen(&BITS);
        // SAFETY: see the impl of `Quarters`. Each lane takes the byte of the mask that holds its bit, and keeps that bit.
        unsafe {
            let spread = vcombine_u8(vdup_n_u8(mask as u8), vdup_n_u8((mask >> 8) as u8));
            Self(vbslq_u8(vtstq_u8(spread, bits.0), other.0, self.0))
        }
    }
}

/// 64 entries, as the permutation needs them.
#[derive(Clone, Copy)]
struct Table64(uint8x16x4_t);

impl Table64 {
    /// The 64 entries of `table` from `first` on.
    #[inline(always)]
    fn new(table: &[u8], first: usize) -> Self {
        let bytes: &[u8; 64] = table[first..first + 64].try_into().expect("64 entries");
        // SAFETY: see the impl of `Quarters`; 64 readable bytes, the load has no alignment.
        Self(unsafe { vld1q_u8_x4(bytes.as_ptr()) })
    }
}
