//! NEON: a block is four registers, a row of 64 classes is one permutation of each.

use std::arch::aarch64::*;

use crate::arch::generic::{self, Lanes};
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

impl Lanes for Quarters {
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
        let tables = (Table::new(&ASCII, 0), Table::new(&ASCII, 64));
        let classes = |quarter: Quarter| quarter.ascii_classes(tables);
        Self(classes(self.0), classes(self.1), classes(self.2), classes(self.3))
    }

    #[inline(always)]
    fn look_up(self, table: &[u8; 64]) -> Self {
        let table = Table::new(table, 0);
        Self(self.0.look_up(table), self.1.look_up(table), self.2.look_up(table), self.3.look_up(table))
    }

    #[inline(always)]
    fn replace(self, mask: u64, other: Self) -> Self {
        Self(
            self.0.replace(mask as u16, other.0),
            self.1.replace((mask >> 16) as u16, other.1),
            self.2.replace((mask >> 32) as u16, other.2),
            self.3.replace((mask >> 48) as u16, other.3),
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
    /// Which lanes are set, of lanes that are all ones or all zeros. Each lane keeps a bit of its own among eight; three
    /// rounds of adding neighbours, which have no bit in common, make of eight lanes a byte.
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
    fn ascii_classes(self, (low, high): (Table, Table)) -> Self {
        // SAFETY: see the impl of `Quarters`. A permutation gives zero for a lane of 64 or more. With bit 6 flipped, the
        // lanes below 64 are those that were 64 to 127.
        Self(unsafe { vorrq_u8(vqtbl4q_u8(low.0, self.0), vqtbl4q_u8(high.0, veorq_u8(self.0, vdupq_n_u8(0x40)))) })
    }

    #[inline(always)]
    fn look_up(self, table: Table) -> Self {
        // SAFETY: see the impl of `Quarters`.
        Self(unsafe { vqtbl4q_u8(table.0, vandq_u8(self.0, vdupq_n_u8(0x3F))) })
    }

    #[inline(always)]
    fn replace(self, mask: u16, other: Self) -> Self {
        let bits = Self::sixteen(&BITS);
        // SAFETY: see the impl of `Quarters`. Each lane takes the byte of the mask that holds its bit, and keeps that bit.
        unsafe {
            let spread = vcombine_u8(vdup_n_u8(mask as u8), vdup_n_u8((mask >> 8) as u8));
            Self(vbslq_u8(vtstq_u8(spread, bits.0), other.0, self.0))
        }
    }
}

/// 64 entries, as a permutation wants them.
#[derive(Clone, Copy)]
struct Table(uint8x16x4_t);

impl Table {
    /// The 64 entries of `table` from `first` on.
    #[inline(always)]
    fn new(table: &[u8], first: usize) -> Self {
        let bytes: &[u8; 64] = table[first..first + 64].try_into().expect("64 entries");
        // SAFETY: see the impl of `Quarters`; 64 readable bytes, the load has no alignment.
        Self(unsafe { vld1q_u8_x4(bytes.as_ptr()) })
    }
}
