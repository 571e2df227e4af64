//! What pieces begin from: bytes, and characters of two bytes whose bytes merge before all else.
//!
//! Their first pairs, nine a word, have a table of their own, without hashing.

use hashbrown::HashMap;

use crate::memory::Zeroed;

/// What pieces begin from, numbered: the 256 bytes, then the characters of two bytes that are made before all else.
#[derive(Debug)]
pub(super) struct Starts {
    /// By the low eleven bits of a two-byte character's code point: its number; 0 if it is not made at once.
    characters: Vec<u16>,
    /// The symbol of each number.
    symbols: Vec<u32>,
    /// One more than the rank of each pair, by the number of its left and, within that, its right one; 0 if it does not merge.
    after_rank: Zeroed<u32>,
}

impl Starts {
    /// No pair merges yet.
    pub(super) fn of_bytes() -> Self {
        Self { characters: vec![0; 0x800], symbols: (0..256).collect(), after_rank: Zeroed::new(1 << 16) }
    }

    pub(super) fn insert(&mut self, left: u32, right: u32, rank: u32) {
        self.after_rank[left as usize * self.symbols.len() + right as usize] = rank + 1;
    }

    /// The bytes and characters of a vocabulary with these merges, as left symbol, right one and rank.
    ///
    /// The two bytes of a character may merge before all else if no merge of the lead with what is before it, none of the other
    /// byte with what follows, and none of the character itself has a smaller rank than theirs: then nothing comes between
    /// them, and nothing that they make possible comes before them.
    pub(super) fn new(merges: impl Iterator<Item = (u32, u32, u32)> + Clone) -> Self {
        let mut first_as_left: HashMap<u32, u32> = HashMap::new();
        let mut first_as_right = HashMap::new();
        let mut of_bytes = HashMap::new();
        for (left, right, rank) in merges.clone() {
            for (first, symbol) in [(&mut first_as_left, left), (&mut first_as_right, right)] {
                let first = first.entry(symbol).or_insert(rank);
                *first = rank.min(*first);
            }
            if left < 256 && right < 256 {
                of_bytes.insert((left, right), rank);
            }
        }
        let mut starts = Self::of_bytes();
        let mut numbers: HashMap<u32, u32> = (0..256).map(|byte| (byte, byte)).collect();
        for character in 0x80..0x800u32 {
            let (lead, other) = (0xC0 | character >> 6, 0x80 | character & 0x3F);
            let Some(&rank) = of_bytes.get(&(lead, other)) else { continue };
            let symbol = 256 + rank;
            let rivals = [
                first_as_right.get(&lead),
                first_as_left.get(&other),
                first_as_left.get(&symbol),
                first_as_right.get(&symbol),
            ];
            if rivals.into_iter().flatten().all(|&rival| rank < rival) {
                let number = starts.symbols.len() as u32;
                starts.characters[character as usize] = number as u16;
                starts.symbols.push(symbol);
                numbers.insert(symbol, number);
            }
        }
        starts.after_rank = Zeroed::new(starts.symbols.len() * starts.symbols.len());
        for (left, right, rank) in merges {
            if let (Some(&left), Some(&right)) = (numbers.get(&left), numbers.get(&right)) {
                starts.insert(left, right, rank);
            }
        }
        starts
    }

    /// The tables as slices: to begin many pieces.
    pub(super) fn view(&self) -> StartsView<'_> {
        let Self { characters, symbols, after_rank } = self;
        StartsView { characters, symbols, after_rank }
    }
}

/// [`Starts`] at hand.
#[derive(Clone, Copy)]
pub(super) struct StartsView<'t> {
    characters: &'t [u16],
    symbols: &'t [u32],
    after_rank: &'t [u32],
}

impl StartsView<'_> {
    /// Puts the numbers of what `piece` begins from into `numbers`, and returns how many there are. `numbers` has room for one
    /// a byte.
    #[inline(always)]
    pub(super) fn of(&self, piece: &[u8], numbers: &mut [u16]) -> usize {
        let characters: &[u16; 0x800] = self.characters[..].try_into().expect("eleven bits");
        // The second byte of a character is written and then written over: no iteration waits for what the one before it looked up.
        let (mut count, mut is_second) = (0, false);
        for (at, &lead) in piece.iter().enumerate() {
            let other = if at + 1 < piece.len() { piece[at + 1] } else { 0 };
            let is_two = lead & 0xE0 == 0xC0 && other & 0xC0 == 0x80;
            let character = characters[usize::from(lead & 0x1F) << 6 | usize::from(other & 0x3F)];
            let character = if is_two { character } else { 0 };
            numbers[count] = if character == 0 { u16::from(lead) } else { character };
            count += usize::from(!is_second);
            is_second = character != 0;
        }
        count
    }

    /// The symbol of a number.
    #[inline(always)]
    pub(super) fn symbol(&self, number: u16) -> u32 {
        self.symbols[usize::from(number)]
    }

    /// The rank of the pair of two numbers, or [`NONE`].
    #[inline(always)]
    pub(super) fn rank(&self, left: u16, right: u16) -> u32 {
        self.after_rank[usize::from(left) * self.symbols.len() + usize::from(right)].wrapping_sub(1)
    }
}
