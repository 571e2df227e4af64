//! 64 bytes at a time to class masks: the only home of `unsafe`.
//!
//! Text enters, a [`Block`] for each 64 bytes leaves: which byte belongs to a character of which class. [`generic`] holds the
//! algorithm once, over a vector trait; each instruction set instantiates it; `portable` needs none. All yield the same masks for
//! any bytes, UTF-8 or not. The instruction set is chosen when a splitter is made, and kept.

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
pub use prefetch::{append_past_caches, prefetch, prefetch_at, prefetch_outer};
pub use u32x16::{Mask, Row};
pub use uninit::Filling;
pub use utf8::{Refused, Unit};

/// The classes of 64 consecutive bytes: bit `i` of each mask speaks of byte `i`. Every byte of a character has the
/// character's class. Past the end of the text all bits are zero, but for those of class 0 ([`Class::Other`]), which are zero
/// anyway: whoever reads a block must know how many of its bytes are text.
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

/// An instruction set that this machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Isa(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Isa {
    /// All that this machine has, the best first.
    pub fn available() -> Vec<Self> {
        let mut isas = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if x86_64::has_avx512() {
                isas.push(Self(Kind::Avx512));
            }
            if x86_64::has_avx2() {
                isas.push(Self(Kind::Avx2));
            }
        }
        #[cfg(target_arch = "aarch64")]
        if aarch64::has_neon() {
            isas.push(Self(Kind::Neon));
        }
        isas.push(Self(Kind::Portable));
        isas
    }

    /// The one to use: the best, or the one that the environment variable `EUROTOK_ISA` names.
    ///
    /// # Errors
    /// [`Error::Argument`] if it names one that this machine does not have.
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
            Kind::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => "neon",
        }
    }

    /// Does `work` with code compiled for this instruction set: where the compiler finds vectors in it, they are the wider ones.
    #[inline(always)]
    pub fn run<W: Work>(self, work: W) -> W::Output {
        match self.0 {
            Kind::Portable => work.run::<u32x16::Plain>(),
            // What every arm64 has, the compiler uses anyway.
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => work.run::<u32x16::Plain>(),
            // SAFETY: `available` offers these only where the CPU has their instructions.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { x86_64::avx2::run(work) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { x86_64::avx512::run(work) },
        }
    }

    /// Classifies `text` from `start`, where a character must begin, until `blocks` are full or the text ends; returns how
    /// many blocks were filled.
    pub fn classify(self, text: &[u8], start: usize, blocks: &mut [Block]) -> usize {
        let wanted = (text.len() - start).div_ceil(64).min(blocks.len());
        let blocks = &mut blocks[..wanted];
        match self.0 {
            Kind::Portable => portable::classify(text, start, blocks),
            // SAFETY: `available` offers these only where the CPU has their instructions.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { x86_64::avx2::classify(text, start, blocks) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { x86_64::avx512::classify(text, start, blocks) },
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => unsafe { aarch64::neon::classify(text, start, blocks) },
        }
        wanted
    }
}

/// Something to do with wider vectors ([`Isa::run`]): a trait and not a closure, since `run` must be inlined for that.
pub trait Work {
    /// What comes of it.
    type Output;
    /// Does it, on the rows at hand. Mark the implementation `#[inline(always)]`, and all it calls in its loops.
    fn run<R: Row>(self) -> Self::Output;
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
