//! A file of counts is read or refused, within any memory. Counts that were read are saved and loaded again as the
//! same, and can be trained on.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use eurotok_core::count::Counts;
use eurotok_core::train::{self, TrainOptions};

use super::{folder, frame};

/// The beginning of a file of counts.
pub const MAGIC: &[u8] = b"eurotok counts 1\n";

type Plain = BTreeMap<String, (u64, u64, BTreeMap<Vec<u8>, u64>)>;

fn plain(counts: &Counts) -> Plain {
    let languages = counts.languages().map(|(name, language)| {
        let mut pieces = BTreeMap::new();
        language.for_each_piece(|piece, count| assert_eq!(pieces.insert(piece.to_vec(), count), None)).expect("a disk");
        (name.to_string(), (language.bytes(), language.documents(), pieces))
    });
    languages.collect()
}

fn load(path: &Path, memory: Option<usize>) -> Option<(String, Plain, Counts)> {
    let counts = Counts::load(path, memory).ok()?;
    Some((counts.scheme().pattern().to_string(), plain(&counts), counts))
}

/// The bytes are the contents of a file.
pub fn run(data: &[u8]) {
    let folder = folder();
    let [path, saved, again] = ["a", "b", "c"].map(|name| folder.path().join(name));
    fs::write(&path, [MAGIC, &frame(data)].concat()).expect("a folder that can be written to");
    let found = load(&path, None);
    let within = load(&path, Some(0));
    assert_eq!(found.is_some(), within.is_some(), "memory decides what is sound");
    let (Some((scheme, pieces, counts)), Some((_, spilled, runs))) = (found, within) else { return };
    assert_eq!(pieces, spilled);
    counts.save(&saved).expect("a folder that can be written to");
    runs.save(&again).expect("a folder that can be written to");
    assert!(fs::read(&saved).expect("a file") == fs::read(&again).expect("a file"), "equal counts, other files");
    let Some((same_scheme, same, _)) = load(&saved, None) else { panic!("saved, and not loaded again") };
    assert_eq!((scheme, pieces), (same_scheme, same));
    let options = TrainOptions { vocab_size: 260, min_frequency: 1, threads: Some(1), ..TrainOptions::default() };
    train::train(&counts, &options, &mut |_| ControlFlow::Continue(())).ok();
}
