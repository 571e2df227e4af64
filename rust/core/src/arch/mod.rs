//! Vector code, and the only home of `unsafe`.
//!
//! [`Isa::classify`] turns 64 bytes of text into a [`Block`]: for each class of characters a mask of the bytes that
//! belong to it. [`generic`] holds the algorithm once, over a vector trait; each instruction set implements the trait,
//! and `portable` needs no vectors. All yield the same masks for any bytes, UTF-8 or not. [`U32x16`] holds the
//! operations on sixteen numbers. The instruction set is chosen once, when a splitter or an encoder is made.

#![expect(unsafe_code, reason = "vector instructions are unsafe to call until the CPU is known to have them")]

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod foreign;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod generic;
mod pages;
mod portable;
mod prefetch;
#[cfg(test)]
mod tests;
mod u32x16;
mod uninit;
mod utf8;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use crate::error::{Error, Result};
pub use foreign::Foreign;
pub use pages::{HUGE_PAGE, prefer_huge_pages, return_free_memory};
pub use prefetch::{append_nontemporal, prefetch, prefetch_at, prefetch_outer};
pub use u32x16::{Mask, U32x16, short_key};
pub use uninit::Filling;
pub use utf8::{CodeUnit, Utf8Error};

/// The classes of 64 consecutive bytes: bit `i` of each mask belongs to byte `i`. Every byte of a character has the
/// character's class. Bits beyond the end of the text are zero, as for class 0 ([`Class::Other`]): the caller must know
/// how many bytes of the block are text.
///
/// [`Class::Other`]: crate::unicode::Class::Other
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Block {
    /// Bit `k` of the class.
    pub planes: [u64; 3],
    /// Bytes that continue a well-formed character.
    pub continuation: u64,
    /// `' '`.
    pub space: u64,
    /// `'\''`.
    pub apostrophe: u64,
    /// `'/'`.
    pub slash: u64,
    /// The first byte of `’` (U+2019).
    pub quote: u64,
}

impl Block {
    /// The letters without case.
    pub fn caseless(&self) -> u64 {
        let [p0, p1, p2] = self.planes;
        p0 & p1 & !p2
    }
}

/// An instruction set of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Isa(Instructions);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Instructions {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Isa {
    /// All instruction sets of this machine, the best first.
    pub fn available() -> Vec<Self> {
        let mut isas = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if x86_64::has_avx512() {
                isas.push(Self(Instructions::Avx512));
            }
            if x86_64::has_avx2() {
                isas.push(Self(Instructions::Avx2));
            }
        }
        #[cfg(target_arch = "aarch64")]
        if aarch64::has_neon() {
            isas.push(Self(Instructions::Neon));
        }
        isas.push(Self(Instructions::Portable));
        isas
    }

    /// The instruction set to use: the one that the environment variable `EUROTOK_ISA` names, or else the best.
    ///
    /// # Errors
    /// [`Error::Argument`] if this machine does not have the named one.
    pub fn choose() -> Result<Self> {
        let available = Self::available();
        let Some(wanted) = std::env::var_os("EUROTOK_ISA") else { return Ok(available[0]) };
        available.iter().copied().find(|isa| wanted == isa.name()).ok_or_else(|| {
            let names: Vec<&str> = available.iter().map(|isa| isa.name()).collect();
            Error::argument(
                "EUROTOK_ISA",
                format!("{wanted:?} is not one of {} that this machine has", names.join(", ")),
            )
        })
    }

    /// `"avx512"`, `"avx2"`, `"neon"` or `"portable"`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Instructions::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => "avx512",
            #[cfg(target_arch = "aarch64")]
            Instructions::Neon => "neon",
        }
    }

    /// Runs `work`, compiled for this instruction set: the compiler may use its wider vectors.
    #[inline(always)]
    pub fn run<W: Work>(self, work: W) -> W::Output {
        match self.0 {
            Instructions::Portable => work.run::<u32x16::Portable>(),
            // The compiler uses NEON anyway, because every arm64 has it.
            #[cfg(target_arch = "aarch64")]
            Instructions::Neon => work.run::<u32x16::Portable>(),
            // SAFETY: `available` offers these only where the CPU has their instructions.
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => unsafe { x86_64::avx2::run(work) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => unsafe { x86_64::avx512::run(work) },
        }
    }

    /// Classifies `text` from `start`, where a character must begin, until `blocks` is full or the text ends. Returns
    /// the number of filled blocks.
    pub fn classify(self, text: &[u8], start: usize, blocks: &mut [Block]) -> usize {
        let wanted = (text.len() - start).div_ceil(64).min(blocks.len());
        let blocks = &mut blocks[..wanted];
        match self.0 {
            Instructions::Portable => portable::classify(text, start, blocks),
            // SAFETY: `available` offers these only where the CPU has their instructions.
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => unsafe { x86_64::avx2::classify(text, start, blocks) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => unsafe { x86_64::avx512::classify(text, start, blocks) },
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            Instructions::Neon => unsafe { aarch64::neon::classify(text, start, blocks) },
        }
        wanted
    }
}

/// Work that is compiled for each instruction set ([`Isa::run`]). It is a trait and not a closure, because `run` must
/// be inlined.
pub trait Work {
    /// The result.
    type Output;
    /// Runs the work. Mark the implementation `#[inline(always)]`, and everything that its loops call.
    fn run<R: U32x16>(self) -> Self::Output;
}

/// The class of each ASCII byte, by its value; zero above.
static ASCII: [u8; 128] = {
    let mut classes = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        classes[byte] = match byte as u8 {
            b'A'..=b'Z' => 1,
            b'a'..=b'z' => 2,
            b'0'..=b'9' => 5,
            b' ' | b'\t' | 0x0B | 0x0C => 6,
            b'\n' | b'\r' => 7,
            _ => 0,
        };
        byte += 1;
    }
    classes
};
