//! Sixteen numbers at a time.

/// Sixteen numbers, in a register where there is one of that size.
pub trait Row: Copy {
    /// The numbers of an array.
    fn load(numbers: &[u32; 16]) -> Self;
    /// Puts the numbers into an array.
    fn store(self, numbers: &mut [u32; 16]);
    /// The least of them.
    fn least(self) -> u32;
    /// Which of them equal `number`: bit `i` speaks of number `i`.
    fn equal(self, number: u32) -> u16;
    /// With the next number in each of `places`; behind the last one is [`u32::MAX`].
    #[must_use]
    fn advance(self, places: u16) -> Self;
    /// With `number` in each of `places`.
    #[must_use]
    fn set(self, places: u16, number: u32) -> Self;

    /// Each of them times a number, without what overflows.
    #[must_use]
    fn times(self, factor: u32) -> Self;
    /// The sums, without what overflows.
    #[must_use]
    fn plus(self, other: Self) -> Self;
    /// Shifted down by so many bits, fewer than 32.
    #[must_use]
    fn down(self, bits: u32) -> Self;
    /// Which of them name a bit that is set among `words`, counted from the lowest bit of the first. The number of words is a power
    /// of two; what is beyond counts from the beginning again.
    ///
    /// # Panics
    /// If there are no words.
    fn are_set(self, words: &[u32]) -> u16;

    /// The one of eight words that is at least `least` and less than `least + span`, if there is one; else 0. No other may be.
    #[inline(always)]
    fn within(words: &[u64; 8], least: u64, span: u64) -> u64 {
        words.iter().fold(0, |found, &word| found | if word.wrapping_sub(least) < span { word } else { 0 })
    }
}

/// A row in memory, for the compiler to find vectors in.
#[derive(Clone, Copy)]
pub(super) struct Plain([u32; 16]);

impl Row for Plain {
    #[inline(always)]
    fn load(numbers: &[u32; 16]) -> Self {
        Self(*numbers)
    }

    #[inline(always)]
    fn store(self, numbers: &mut [u32; 16]) {
        *numbers = self.0;
    }

    #[inline(always)]
    fn least(self) -> u32 {
        self.0.iter().fold(u32::MAX, |least, &number| if number < least { number } else { least })
    }

    #[inline(always)]
    fn equal(self, number: u32) -> u16 {
        self.0.iter().zip(0..).fold(0, |places, (&own, place)| places | u16::from(own == number) << place)
    }

    #[inline(always)]
    fn advance(mut self, places: u16) -> Self {
        for place in 0..16 {
            let next = if place < 15 { self.0[place + 1] } else { u32::MAX };
            self.0[place] = if places >> place & 1 != 0 { next } else { self.0[place] };
        }
        self
    }

    #[inline(always)]
    fn set(mut self, places: u16, number: u32) -> Self {
        for place in 0..16 {
            self.0[place] = if places >> place & 1 != 0 { number } else { self.0[place] };
        }
        self
    }

    #[inline(always)]
    fn times(self, factor: u32) -> Self {
        Self(self.0.map(|number| number.wrapping_mul(factor)))
    }

    #[inline(always)]
    fn plus(mut self, other: Self) -> Self {
        for (number, other) in self.0.iter_mut().zip(other.0) {
            *number = number.wrapping_add(other);
        }
        self
    }

    #[inline(always)]
    fn down(self, bits: u32) -> Self {
        Self(self.0.map(|number| number >> (bits % 32)))
    }

    #[inline(always)]
    fn are_set(self, words: &[u32]) -> u16 {
        let bit = |number: u32| words[(number as usize / 32) & (words.len() - 1)] >> (number % 32) & 1;
        self.0.iter().zip(0..).fold(0, |places, (&number, place)| places | (bit(number) as u16) << place)
    }
}
