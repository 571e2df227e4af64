//! The JSON beside a `.tiktoken` file is read or refused. A vocabulary that was read is saved and loaded again as the
//! same.

use std::fs;
use std::sync::LazyLock;

use eurotok_core::Error;
use eurotok_core::format::{self, Hints};

use super::folder;
use crate::seeds;

static LINES: LazyLock<Vec<u8>> = LazyLock::new(|| seeds::tiktoken().0);

/// The bytes are the companion of a small, sound file.
pub fn run(data: &[u8]) {
    let folder = folder();
    let [path, again] = ["a.tiktoken", "b.tiktoken"].map(|name| folder.path().join(name));
    fs::write(&path, &*LINES).expect("a folder that can be written to");
    fs::write(folder.path().join("a.tiktoken.json"), data).expect("a folder that can be written to");
    let Ok(vocab) = format::load(&path, &Hints::default()) else { return };
    match format::save(&vocab, &again) {
        Ok(()) => assert_eq!(format::load(&again, &Hints::default()).expect("saved just now"), vocab),
        Err(Error::Unsupported { .. }) => {}
        Err(error) => panic!("{error}"),
    }
}
