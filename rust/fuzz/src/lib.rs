//! Fuzz targets: functions from any bytes to nothing, that panic if the core breaks a promise on them.
//!
//! Two drivers run the same [`TARGETS`]. `src/bin/fuzz.rs` gives them to libFuzzer, which looks for inputs that reach
//! new code; `tests/targets.rs` gives them the [`seeds`], unchanged and changed by [`mutate`]. It knows nothing of the
//! code, needs only a compiler, and runs for a given time.

pub mod mutate;
pub mod seeds;
mod targets;

/// A fuzz target: its name, and its function of an input.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 10] = [
    ("split", targets::split::run),
    ("encode", targets::encode::run),
    ("decode", targets::decode::run),
    ("format", targets::format::run),
    ("eurotok", targets::eurotok::run),
    ("companion", targets::companion::run),
    ("counts", targets::counts::run),
    ("checkpoint", targets::checkpoint::run),
    ("documents", targets::documents::run),
    ("train", targets::train::run),
];
