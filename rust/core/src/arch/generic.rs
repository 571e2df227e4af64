//! The masks by vectors, written once over a trait.
//!
//! ASCII takes one table look-up. Of a longer character, the lead byte's lane looks at the next one or two bytes (the same text
//! loaded one and two bytes further), so that the class is known where the character begins: all but the last six bits of a
//! code point choose a row of 64 classes, the last six bits the class. A block of text rarely holds more than three distinct rows
//! (`C3`, `CE` and `CF`, `D0` and `D1`, `E2 80`; rows that are alike count as one), and each row is looked up for all its characters at once. Only
//! characters of four bytes are looked up one by one. The class then spreads over the character's continuation bytes by shifts.
//!
//! Ill-formed bytes: a lead claims its continuation bytes only if they are all there and make a character; what nobody claims, and a
//! lead that claims nothing, is a character of its own of class 0, just as [`decode`] has it.

use super::Block;
use crate::unicode::{Class, blocks_alike, classes_of_block, decode};

/// 64 bytes in vector registers.
pub(super) trait Lanes: Copy {
    /// The bytes.
    fn load(bytes: &[u8; 64]) -> Self;
    /// The first 64 bytes, or what there is, and zeros behind.
    #[inline(always)]
    fn load_start(bytes: &[u8]) -> Self {
        let mut padded = [0; 64];
        let length = bytes.len().min(64);
        padded[..length].copy_from_slice(&bytes[..length]);
        Self::load(&padded)
    }
    /// Which lanes equal `byte`.
    fn equal(self, byte: u8) -> u64;
    /// Which lanes are at least `byte`.
    fn at_least(self, byte: u8) -> u64;
    /// Per lane, the class of an ASCII byte, zero for others.
    fn ascii_classes(self) -> Self;
    /// Per lane, the entry of `table` that the low six bits name.
    fn look_up(self, table: &[u8; 64]) -> Self;
    /// The lanes of `other` where `mask` is set, else of `self`.
    fn replace(self, mask: u64, other: Self) -> Self;
    /// Which lanes have bit `BIT` set.
    fn bit<const BIT: i32>(self) -> u64;
}

/// The state between blocks: what the last character of a block leaves to the next.
#[derive(Default)]
struct Carry {
    /// Continuation bytes claimed beyond the block, from bit 0.
    claimed: u64,
    /// The planes of the last byte.
    planes: [u64; 3],
}

#[inline(always)]
pub(super) fn classify<V: Lanes>(text: &[u8], start: usize, blocks: &mut [Block]) {
    let mut carry = Carry::default();
    for (number, block) in blocks.iter_mut().enumerate() {
        let at = start + 64 * number;
        let rest = &text[at..];
        *block = if rest.len() >= 66 {
            classify_block::<V, true>(rest, &mut carry)
        } else {
            classify_block::<V, false>(rest, &mut carry)
        };
    }
}

/// The block that `text` begins with. It goes on for two bytes or more behind it, or ends within: then zeros, which are of class 0, take
/// the place of what is not there.
#[inline(always)]
fn classify_block<V: Lanes, const GOES_ON: bool>(text: &[u8], carry: &mut Carry) -> Block {
    let view = |shift: usize| -> V {
        if GOES_ON {
            V::load(text[shift..].first_chunk().expect("66 bytes"))
        } else {
            V::load_start(text.get(shift..).unwrap_or_default())
        }
    };
    let first = view(0);
    let mut classes = first.ascii_classes();
    let high = first.at_least(0x80);
    let mut block = Block {
        space: first.equal(b' '),
        apostrophe: first.equal(b'\''),
        slash: first.equal(b'/'),
        ..Block::default()
    };
    if high == 0 && carry.claimed == 0 {
        block.planes = [classes.bit::<0>(), classes.bit::<1>(), classes.bit::<2>()];
        carry.planes = block.planes.map(|plane| plane >> 63);
        return block;
    }
    let second = view(1);
    let lead = first.at_least(0xC0);
    let follows = second.at_least(0x80) & !second.at_least(0xC0);
    let three_up = first.at_least(0xE0);
    let two = lead & !three_up & first.at_least(0xC2) & follows;
    let mut left = two;
    while left != 0 {
        let byte = text[left.trailing_zeros() as usize];
        let same = two & first.equal(byte);
        classes = classes.replace(same, second.look_up(classes_of_block(u32::from(byte & 0x1F))));
        left &= !same;
    }
    let mut claimed = two << 1 | carry.claimed;
    let mut over = two >> 63;
    if three_up != 0 {
        let third = view(2);
        let four_up = first.at_least(0xF0);
        let well_formed = follows & third.at_least(0x80) & !third.at_least(0xC0);
        let overlong = first.equal(0xE0) & !second.at_least(0xA0);
        let surrogate = first.equal(0xED) & second.at_least(0xA0);
        let three = three_up & !four_up & well_formed & !overlong & !surrogate;
        let mut left = three;
        while left != 0 {
            let at = left.trailing_zeros() as usize;
            let row = u32::from(text[at] & 0x0F) << 6 | u32::from(text[at + 1] & 0x3F);
            let [from, to] = blocks_alike(row);
            let same = three & first.equal(text[at]) & second.at_least(from) & !second.at_least(to + 1);
            classes = classes.replace(same, third.look_up(classes_of_block(row)));
            left &= !same;
        }
        block.quote = three & first.equal(0xE2) & second.equal(0x80) & third.equal(0x99);
        claimed |= three << 1 | three << 2;
        over |= three >> 63 | three >> 62;
        let mut left = four_up;
        while left != 0 {
            let at = left.trailing_zeros();
            let (code_point, length) = decode(&text[at as usize..]);
            if length == 4 {
                for (plane, mask) in block.planes.iter_mut().enumerate() {
                    *mask |= u64::from(Class::of(code_point) as u8 >> plane & 1) << at;
                }
                claimed |= 0b1110u64.checked_shl(at).unwrap_or(0);
                over |= (0b1110u128 << at >> 64) as u64;
            }
            left &= left - 1;
        }
    }
    let planes = [classes.bit::<0>(), classes.bit::<1>(), classes.bit::<2>()];
    // Unclaimed continuation bytes and bare leads have class 0: the ASCII table gives it to all bytes above 0x7F.
    for ((plane, of_lanes), before) in block.planes.iter_mut().zip(planes).zip(carry.planes) {
        *plane |= of_lanes;
        *plane |= (*plane << 1 | before) & claimed;
        *plane |= (*plane << 1 | before) & claimed;
        *plane |= (*plane << 1 | before) & claimed;
    }
    block.continuation = claimed;
    *carry = Carry { claimed: over, planes: block.planes.map(|plane| plane >> 63) };
    block
}
