//! Oracles: slow, obviously correct versions of the fast parts of the crate.
//!
//! Tests of the modules and the fuzz targets of `rust/fuzz` use the same ones. They know the definitions (vocabularies, schemes), and
//! nothing of the code that they judge. Compiled for tests, and for others with the feature `testing`.

pub mod bpe;
pub mod counts;
pub mod parity;
pub mod trainer;
