//! Like `format`, behind the checksum of an `.eurotok` file, which stops nearly every change to the file itself.

use eurotok_core::format::Hints;

use super::{format, frame};

/// Format and version.
pub const MAGIC: &[u8] = b"eurotok\x01";

/// The bytes are the contents of a file.
pub fn run(data: &[u8]) {
    format::check(&[MAGIC, &frame(data)].concat(), &Hints::default());
}
