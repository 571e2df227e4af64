//! Changes to an input that need no knowledge of the code: bits, bytes, numbers, stretches cut, repeated, and taken from others.

/// Numbers at which code tends to change its mind.
const EDGES: [u64; 12] = [0, 1, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0xFFFF, 1 << 31, u32::MAX as u64, 1 << 63, u64::MAX];

/// No input is longer.
const LONGEST: usize = 1 << 16;

/// A sequence of numbers that depends on its seed alone: Steele's splitmix64.
pub struct Random(u64);

impl Random {
    /// The sequence of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn next_number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next_number() % bound as u64) as usize
    }

    /// Between 1 and 600 random bytes, mostly few.
    pub fn bytes(&mut self) -> Vec<u8> {
        let most = [8, 40, 200, 600][self.below(4)];
        (0..=self.below(most)).map(|_| self.next_number() as u8).collect()
    }
}

/// An input made of one of `seeds`, with between one and eight changes. Without seeds, of random bytes.
pub fn mutated(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let Some(seed) = seeds.get(random.below(seeds.len() + 1)) else { return random.bytes() };
    let mut data = seed.clone();
    for _ in 0..=random.below(8) {
        change(&mut data, seeds, random);
    }
    data.truncate(LONGEST);
    data
}

fn change(data: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) {
    let place = random.below(data.len() + 1);
    let end = (place + random.below(32)).min(data.len());
    match random.below(8) {
        0 if place < data.len() => data[place] ^= 1 << random.below(8),
        1 if place < data.len() => data[place] = random.next_number() as u8,
        2 => drop(data.drain(place..end)),
        3 => {
            let times = random.below(9);
            let stretch = data[place..end].repeat(times);
            data.splice(place..place, stretch);
        }
        4 => {
            let from = &seeds[random.below(seeds.len())];
            let start = random.below(from.len() + 1);
            let stretch = &from[start..(start + random.below(64)).min(from.len())];
            data.splice(place..end, stretch.iter().copied());
        }
        5 => {
            let edge = EDGES[random.below(EDGES.len())];
            // Written as text, as LEB128, or little-endian.
            let bytes = match random.below(3) {
                0 => edge.to_string().into_bytes(),
                1 => leb128(edge),
                _ => edge.to_le_bytes()[..1 << random.below(4)].to_vec(),
            };
            data.splice(place..end, bytes);
        }
        6 => data.truncate(place),
        _ => {
            let bytes = random.bytes();
            data.splice(place..place, bytes.into_iter().take(16));
        }
    }
}

fn leb128(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}
