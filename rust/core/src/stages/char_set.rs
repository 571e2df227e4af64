//! Sets of characters by one bit each: the tables of Unicode's categories are searched, which takes long for each character of a text.

use crate::error::Result;
use crate::memory::filled;

/// Characters below this have a bit: the two planes that text is written in.
const END: u32 = 0x2_0000;

/// The characters for which a function is true.
#[derive(Debug)]
pub(super) struct CharSet {
    bits: Vec<u64>,
    function: fn(char) -> bool,
}

impl CharSet {
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    pub(super) fn new(function: fn(char) -> bool) -> Result<Self> {
        let mut bits = filled(0_u64, END as usize / 64)?;
        for character in (0..END).filter_map(char::from_u32).filter(|&character| function(character)) {
            bits[character as usize / 64] |= 1 << (character as u32 % 64);
        }
        Ok(Self { bits, function })
    }

    #[inline(always)]
    pub(super) fn contains(&self, character: char) -> bool {
        match self.bits.get(character as usize / 64) {
            Some(bits) => bits >> (character as u32 % 64) & 1 == 1,
            None => (self.function)(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_its_function() {
        let set = CharSet::new(char::is_uppercase).unwrap();
        assert!(('\0'..=char::MAX).all(|character| set.contains(character) == character.is_uppercase()));
    }
}
