//! The masks of this machine's instruction sets against the portable ones: `rust/core/src/arch` without the rest of the crate, so
//! that it compiles in a second for another machine and runs there under emulation. `.ci/arm64` does so.

#![expect(dead_code, unused_imports, reason = "only the masks are used")]
#![warn(unsafe_code, reason = "as in the crate: `arch` alone is exempt")]

#[path = "../rust/core/src/arch/mod.rs"]
mod arch;
#[path = "../rust/core/src/unicode/mod.rs"]
mod unicode;

/// What `arch` uses of the crate's errors.
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

/// What `arch` names of the crate `libc`, and does not call here.
extern crate self as libc;

#[expect(unsafe_code, reason = "declarations that nobody uses")]
unsafe extern "C" {
    pub fn malloc_trim(keep: usize) -> i32;
    pub fn madvise(start: *mut std::ffi::c_void, length: usize, advice: i32) -> i32;
}

pub const MADV_HUGEPAGE: i32 = 14;
pub const MADV_NOHUGEPAGE: i32 = 15;

use arch::{Block, Isa};

const TEXTS: usize = 200_000;

/// What random texts are made of, besides any bytes: characters of each length and class, and what is not UTF-8.
const PARTS: [&[u8]; 22] = [
    b"\x80",
    b"\xC0\xAF",
    b"\xC3",
    b"\xE2\x80",
    b"\xE0\x80\x80",
    b"\xED\xA0\x80",
    b"\xF0\x9F\x99",
    b"\xF0\x8F\xBF\xBF",
    b"\xF4\x90\x80\x80",
    b"\xF5\x80\x80\x80",
    b"\xFF",
    b"\xE2\x28\xA1",
    b"\xC3\x28",
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

fn check(isas: &[Isa], text: &[u8], start: usize) {
    let masks = |isa: &Isa| {
        let mut blocks = vec![Block::default(); (text.len() - start).div_ceil(64) + 1];
        isa.classify(text, start, &mut blocks);
        blocks
    };
    let (portable, others) = isas.split_last().expect("the portable path is always there");
    let expected = masks(portable);
    for isa in others {
        assert!(masks(isa) == expected, "{} from {start} on {}", isa.name(), text.escape_ascii());
    }
}

fn main() {
    let isas = Isa::available();
    let names: Vec<&str> = isas.iter().map(|isa| isa.name()).collect();
    assert!(names.contains(&"neon"), "this machine has only {}", names.join(", "));

    let text = |end| (0..end).filter_map(char::from_u32).collect::<String>();
    let (all, assigned) = (text(0x11_0000), text(0x3_0000));
    for offset in 0..64 {
        // Planes that are all but empty need not stand everywhere.
        let scalars = if offset % 16 == 0 { &all } else { &assigned };
        check(&isas, ("x".repeat(offset) + scalars).as_bytes(), 0);
    }

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
                _ => text.extend_from_slice(PARTS[random(PARTS.len())]),
            }
        }
        let start = random(70).min(text.len());
        check(&isas, &text, start);
    }
    println!("arm64: {}: every scalar at 64 offsets and {TEXTS} random texts alike", names.join(", "));
}
