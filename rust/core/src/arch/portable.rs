//! The class masks without vectors, one character at a time.

use super::Block;
use crate::unicode::{Class, decode};

pub(super) fn classify(text: &[u8], start: usize, blocks: &mut [Block]) {
    blocks.fill(Block::default());
    let end = text.len().min(start + 64 * blocks.len());
    let mut at = start;
    while at < end {
        let (code_point, length) = decode(&text[at..]);
        let class = if code_point < 0x80 { super::ASCII[code_point as usize] } else { Class::of(code_point) as u8 };
        for byte in at..(at + length).min(end) {
            let (block, bit) = (&mut blocks[(byte - start) / 64], (byte - start) % 64);
            for (plane, mask) in block.planes.iter_mut().enumerate() {
                *mask |= u64::from(class >> plane & 1) << bit;
            }
            block.continuation |= u64::from(byte > at) << bit;
        }
        let (block, bit) = (&mut blocks[(at - start) / 64], (at - start) % 64);
        match code_point {
            0x20 => block.space |= 1 << bit,
            0x27 => block.apostrophe |= 1 << bit,
            0x2F => block.slash |= 1 << bit,
            0x2019 => block.quote |= 1 << bit,
            _ => {}
        }
        at += length;
    }
}
