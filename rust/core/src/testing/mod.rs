//! Oracles: slow, obviously correct versions of the fast parts of the crate.
//!
//! Tests of the modules and the fuzz targets of `rust/fuzz` share them. They know the definitions (vocabularies,
//! schemes), and nothing of the tested code. Compiled for tests, and with the feature `testing`.

pub mod bpe;
pub mod counts;
pub mod parity;
pub mod trainer;
