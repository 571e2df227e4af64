//! A target a file.

use std::path::Path;

use arbitrary::{Arbitrary, Unstructured};

pub mod checkpoint;
pub mod companion;
pub mod counts;
pub mod decode;
pub mod documents;
pub mod encode;
pub mod eurotok;
pub mod format;
pub mod split;
pub mod train;

/// An input of more structure than bytes have, if there are enough of them.
fn structured<'d, T: Arbitrary<'d>>(data: &'d [u8]) -> Option<T> {
    T::arbitrary_take_rest(Unstructured::new(data)).ok()
}

/// A folder for the files of an input: in memory if the system has a folder there, because saving waits for the disk.
pub fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    folder.expect("a folder that can be made")
}

/// A Zstandard frame that knows its size and checks its contents, as all of the crate's own files have it.
pub fn frame(body: &[u8]) -> Vec<u8> {
    let compress = || {
        let mut compressor = zstd::bulk::Compressor::new(1)?;
        compressor.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true))?;
        compressor.compress(body)
    };
    compress().expect("memory is compressed into memory")
}
