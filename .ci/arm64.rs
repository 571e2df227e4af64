//! The masks of this machine's instruction sets against the portable ones: `rust/core/src/arch` without the rest of the crate, so
//! that it compiles in a second for another machine and runs there under emulation. `.ci/arm64` does so.

#![expect(dead_code, unused_imports, reason = "only the masks are used")]
#![warn(unsafe_code, reason = "as in the crate: `arch` alone is exempt")]

#[path = "../rust/core/src/arch/mod.rs"]
mod arch;
#[path = "../rust/core/src/arch/tests/masks.rs"]
mod masks;
#[path = "../rust/core/src/unicode/mod.rs"]
mod unicode;

/// The part of the crate's errors that `arch` uses.
mod error {
    pub type Result<T> = std::result::Result<T, Error>;

    #[derive(Debug)]
    pub struct Error(pub String);

    impl Error {
        pub fn argument(name: &'static str, reason: String) -> Self {
            Self(format!("{name}: {reason}"))
        }
    }
}

/// The names of the crate `libc` that `arch` mentions, and does not call here.
extern crate self as libc;

#[expect(unsafe_code, reason = "declarations that nobody uses")]
unsafe extern "C" {
    pub fn malloc_trim(keep: usize) -> i32;
    pub fn madvise(start: *mut std::ffi::c_void, length: usize, advice: i32) -> i32;
}

pub const MADV_HUGEPAGE: i32 = 14;
pub const MADV_NOHUGEPAGE: i32 = 15;

use arch::Isa;
use masks::{ILL_FORMED, check, check_every_scalar};

const TEXTS: usize = 200_000;

/// Well-formed parts of random texts: characters of each length and class.
const WELL_FORMED: [&[u8]; 9] = [
    "é".as_bytes(),
    "ω".as_bytes(),
    "ж".as_bytes(),
    "’".as_bytes(),
    "€".as_bytes(),
    "🙂".as_bytes(),
    b" ",
    b"'s/",
    b"word",
];

fn main() {
    let isas = Isa::available();
    let names: Vec<&str> = isas.iter().map(|isa| isa.name()).collect();
    assert!(names.contains(&"neon"), "this machine has only {}", names.join(", "));

    check_every_scalar();

    // Marsaglia's xorshift: the same texts every time.
    let mut state = 88_172_645_463_325_252u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize % below
    };
    for _ in 0..TEXTS {
        let mut text = Vec::new();
        for _ in 0..random(90) {
            match random(8) {
                0 => text.push(random(256) as u8),
                1..=3 => text.extend_from_slice(ILL_FORMED[random(ILL_FORMED.len())]),
                _ => text.extend_from_slice(WELL_FORMED[random(WELL_FORMED.len())]),
            }
        }
        let start = random(70).min(text.len());
        check(&text, start);
    }
    println!("arm64: {}: every scalar at 64 offsets and {TEXTS} random texts alike", names.join(", "));
}
