//! The class masks by vectors, written once over a trait.
//!
//! An ASCII byte takes one table look-up. For a longer character, the lane of the lead byte also sees the next one or
//! two bytes, because the same text is loaded again one and two bytes further on. All but the last six bits of a code
//! point choose a table of 64 classes; the last six bits choose the class. A block of text rarely needs more than three
//! tables (`C3`, `CE` and `CF`, `D0` and `D1`, `E2 80`; equal tables count as one), and one look-up serves all
//! characters of the same table. Only characters of four bytes are looked up one by one. Shifts then copy the class of
//! the lead byte to the continuation bytes.
//!
//! Ill-formed bytes: a lead byte claims its continuation bytes only if all are there and form a character. A byte that
//! no lead byte claims, and a lead byte that claims nothing, is a character of its own of class 0, as in [`decode`].

use super::Block;
use crate::unicode::{Class, blocks_alike, classes_of_block, decode};

/// 64 bytes in vector registers.
pub(super) trait U8x64: Copy {
    /// The bytes.
    fn load(bytes: &[u8; 64]) -> Self;
    /// Loads up to 64 bytes from the start of `bytes`, and zeros behind them.
    #[inline(always)]
    fn load_start(bytes: &[u8]) -> Self {
        let mut padded = [0; 64];
        let length = bytes.len().min(64);
        padded[..length].copy_from_slice(&bytes[..length]);
        Self::load(&padded)
    }
    /// The lanes that equal `byte`.
    fn equal(self, byte: u8) -> u64;
    /// The lanes that are at least `byte`.
    fn at_least(self, byte: u8) -> u64;
    /// The class of each ASCII byte; zero in the other lanes.
    fn ascii_classes(self) -> Self;
    /// For each lane, the entry of `table` at the place given by the lane's low six bits.
    fn shuffle(self, table: &[u8; 64]) -> Self;
    /// `other` in the lanes of `mask`, `self` elsewhere.
    fn blend(self, mask: u64, other: Self) -> Self;
    /// The lanes that have bit `BIT` set.
    fn bit<const BIT: i32>(self) -> u64;
}

/// The state between blocks: the character that the last block ended with.
#[derive(Default)]
struct OpenCharacter {
    /// Continuation bytes claimed in the next block, from bit 0 on.
    claimed: u64,
    /// The class of the last byte, by plane.
    planes: [u64; 3],
}

#[inline(always)]
pub(super) fn classify<V: U8x64>(text: &[u8], start: usize, blocks: &mut [Block]) {
    let mut carry = OpenCharacter::default();
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

/// Adds the classes of the characters of four bytes, one by one, to `planes`. `leads` are the bytes that may begin one.
/// Returns the places of their continuation bytes in this block and in the next one.
#[inline(always)]
fn classify_four_byte(text: &[u8], leads: u64, planes: &mut [u64; 3]) -> [u64; 2] {
    let [mut inside, mut beyond] = [0; 2];
    let mut left = leads;
    while left != 0 {
        let at = left.trailing_zeros();
        let (code_point, length) = decode(&text[at as usize..]);
        if length == 4 {
            for (plane, mask) in planes.iter_mut().enumerate() {
                *mask |= u64::from(Class::of(code_point) as u8 >> plane & 1) << at;
            }
            inside |= 0b1110u64.checked_shl(at).unwrap_or(0);
            beyond |= (0b1110u128 << at >> 64) as u64;
        }
        left &= left - 1;
    }
    [inside, beyond]
}

/// Classifies the first 64 bytes of `text`. With `GOES_ON`, at least two more bytes follow them. Otherwise zeros, which
/// are of class 0, stand for missing bytes.
#[inline(always)]
fn classify_block<V: U8x64, const GOES_ON: bool>(text: &[u8], carry: &mut OpenCharacter) -> Block {
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
        classes = classes.blend(same, second.shuffle(classes_of_block(u32::from(byte & 0x1F))));
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
            classes = classes.blend(same, third.shuffle(classes_of_block(row)));
            left &= !same;
        }
        block.quote = three & first.equal(0xE2) & second.equal(0x80) & third.equal(0x99);
        claimed |= three << 1 | three << 2;
        over |= three >> 63 | three >> 62;
        let [inside, beyond] = classify_four_byte(text, four_up, &mut block.planes);
        claimed |= inside;
        over |= beyond;
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
    *carry = OpenCharacter { claimed: over, planes: block.planes.map(|plane| plane >> 63) };
    block
}
