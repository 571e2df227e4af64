//! Each call is made to fail in turn. Then files are the old or the new ones, no other file is left, and each result is
//! right or an error that names the file.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Debug;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Call;
use super::plan::with;
use crate::count::{CountOptions, Counts};
use crate::documents::Invalid;
use crate::encode::files::{EncodeOptions, IdsWriter};
use crate::encode::{Encoder, Specials};
use crate::error::{Error, Result};
use crate::format::save;
use crate::split::Scheme;
use crate::train::{Progress, TrainOptions, train};
use crate::vocab::Vocab;

/// The calls that writing makes.
const WRITING: [Call; 5] = [Call::Open, Call::Write, Call::Sync, Call::Link, Call::Rename];

/// All that stands in a folder.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// Does `work` once for every n while the n-th call of a kind fails, alone or with all later calls. Gives each result
/// to `check`.
fn each_fault<T>(call: Call, work: impl Fn() -> T, check: impl Fn(&str, T)) {
    for lasts in [false, true] {
        for granted in 0.. {
            let (done, has_failed) = with(call, granted, lasts, &work);
            check(&format!("{call:?} {granted}, lasts: {lasts}"), done);
            if !has_failed {
                assert!(granted > 0 || call == Call::Link, "{call:?}: no such call");
                break;
            }
        }
    }
}

/// Does `work`, which writes `outputs`, under each fault of writing.
fn write_under_faults(folder: &Path, outputs: &[&str], work: impl Fn() -> Result<()>) {
    let outputs = outputs.iter().map(|name| folder.join(name));
    let old: BTreeMap<PathBuf, Vec<u8>> = outputs.map(|path| (path, b"old".to_vec())).collect();
    let mut inputs = contents(folder);
    inputs.retain(|path, _| !old.contains_key(path));
    let reset = || old.iter().for_each(|(path, content)| fs::write(path, content).unwrap());
    reset();
    work().unwrap();
    let new: BTreeMap<_, _> = contents(folder).into_iter().filter(|(path, _)| !inputs.contains_key(path)).collect();
    assert!(new.keys().eq(old.keys()) && new.values().all(|content| content != b"old"));
    for call in WRITING {
        let attempt = || {
            reset();
            work()
        };
        each_fault(call, attempt, |fault, done| {
            let mut left = contents(folder);
            left.retain(|path, _| !inputs.contains_key(path));
            assert!(left.keys().eq(old.keys()), "{fault}: {:?}", left.keys());
            match done {
                Ok(()) => assert!(left == new, "{fault}: old files"),
                Err(error) => {
                    let either = |(path, content): (&PathBuf, &Vec<u8>)| content == &old[path] || content == &new[path];
                    assert!(left.iter().all(either), "{fault}: half a file");
                    let message = error.to_string();
                    let names = |path: &PathBuf| message.starts_with(&format!("{}: ", path.display()));
                    assert!(old.keys().any(names), "{fault}: {message}");
                }
            }
        });
    }
}

fn prose(words: usize) -> String {
    (0..words as u64).map(|number| format!("l'eau{} schön{} ", number * number % 977, number % 1009)).collect()
}

fn unhurried() -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn counts(words: usize) -> Counts {
    let mut counts = Counts::new(Scheme::named("europe").unwrap());
    counts.add_texts("fr", &[&prose(words)], CountOptions::default(), unhurried).unwrap();
    counts
}

fn options(vocab_size: usize) -> TrainOptions {
    TrainOptions { vocab_size, threads: Some(3), special_tokens: vec!["<|end|>".into()], ..TrainOptions::default() }
}

fn trained(counts: &Counts, options: &TrainOptions) -> Result<Vocab> {
    Ok(train(counts, options, &mut |_| ControlFlow::Continue(()))?.vocab)
}

#[test]
fn tokenizers_are_saved_or_as_before() {
    let vocab = trained(&counts(5000), &options(1000)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for outputs in [&["t.json"][..], &["t.eurotok"], &["t.tiktoken", "t.tiktoken.json"]] {
        write_under_faults(folder.path(), outputs, || save(&vocab, &folder.path().join(outputs[0])));
        outputs.iter().for_each(|name| fs::remove_file(folder.path().join(name)).unwrap());
    }
}

#[test]
fn counts_are_saved_or_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let in_memory = counts(20_000);
    let on_disk = counts(20_000).within(Some(1 << 16)).unwrap();
    for counts in [in_memory, on_disk] {
        write_under_faults(folder.path(), &["a.counts"], || counts.save(&folder.path().join("a.counts")));
    }
}

#[test]
fn files_of_ids_are_written_or_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let encoder = Encoder::new(trained(&counts(5000), &options(1000)).unwrap()).unwrap();
    let input = folder.path().join("a.txt");
    fs::write(&input, prose(100_000)).unwrap();
    let [ids, offsets] = ["ids.npy", "ids.offsets.npy"].map(|name| folder.path().join(name));
    let written = || {
        let options = EncodeOptions {
            specials: Specials::Text,
            separator: None,
            width: None,
            threads: Some(3),
            invalid: Invalid::Refuse,
        };
        let mut writer = IdsWriter::create(&encoder, &ids, &offsets, options)?;
        writer.add_files(std::slice::from_ref(&input), |_, _| unhurried())?;
        writer.finish().map(|_| ())
    };
    write_under_faults(folder.path(), &["ids.npy", "ids.offsets.npy"], written);
    let expected = contents(folder.path());
    each_fault(Call::Start, written, |fault, done| {
        done.unwrap();
        assert!(contents(folder.path()) == expected, "{fault}");
    });
}

/// Checks that a result is the right one, or that an error names the folder for temporary files.
fn right_or_named<T: PartialEq + Debug>(expected: &T, call: Call) -> impl Fn(&str, Result<T>) {
    move |fault, done| match done {
        Ok(made) => assert!(made == *expected, "{fault}"),
        Err(error) => {
            assert!(call != Call::Start, "{fault}: {error}");
            assert!(matches!(&error, Error::Io { path, .. } if *path == env::temp_dir()), "{fault}: {error}");
        }
    }
}

#[test]
fn texts_are_counted_or_counts_are_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("a.txt");
    fs::write(&input, prose(200_000)).unwrap();
    let before = counts(100);
    let count = |memory: Option<usize>| {
        let mut counts = before.clone().within(memory)?;
        let options = CountOptions { threads: Some(3), ..CountOptions::default() };
        let added = counts.add_files("fr", std::slice::from_ref(&input), options, |_, _| unhurried());
        match added {
            Ok(()) => counts.to_bytes(),
            Err(error) => {
                assert_eq!(counts.to_bytes().unwrap(), before.to_bytes().unwrap());
                Err(error)
            }
        }
    };
    let expected = count(None).unwrap();
    for memory in [None, Some(1 << 18)] {
        each_fault(Call::Start, || count(memory), right_or_named(&expected, Call::Start));
    }
    for call in [Call::Open, Call::Write] {
        each_fault(call, || count(Some(1 << 18)), right_or_named(&expected, call));
    }
}

#[test]
fn training_is_right_or_not_at_all() {
    let counts = counts(3000);
    let (free, limited) = (options(500), TrainOptions { memory: Some(1 << 20), ..options(500) });
    let expected = trained(&counts, &free).unwrap();
    for options in [&free, &limited] {
        each_fault(Call::Start, || trained(&counts, options), right_or_named(&expected, Call::Start));
    }
    for call in [Call::Open, Call::Write] {
        each_fault(call, || trained(&counts, &limited), right_or_named(&expected, call));
    }
}

#[test]
fn checkpoints_that_cannot_be_written_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let counts = counts(1000);
    let plain = options(300);
    let expected = trained(&counts, &plain).unwrap();
    let options = TrainOptions { checkpoint: Some(path.clone()), checkpoint_every: Some(Duration::ZERO), ..plain };
    for call in WRITING {
        let attempt = || {
            fs::remove_file(&path).ok();
            let mut warnings = Vec::new();
            let trained = train(&counts, &options, &mut |progress| {
                if let Progress::Unsaved(reason) = progress {
                    warnings.push(reason);
                }
                ControlFlow::Continue(())
            });
            (trained.unwrap().vocab, warnings)
        };
        each_fault(call, attempt, |fault, (made, warnings)| {
            assert!(made == expected, "{fault}");
            assert!(warnings.iter().all(|reason| reason.starts_with(&format!("{}: ", path.display()))), "{warnings:?}");
            // A checkpoint that exists is complete: training goes on from it to the same result.
            assert!(contents(folder.path()).keys().all(|file| *file == path), "{fault}: litter");
            assert!(trained(&counts, &options).unwrap() == expected, "{fault}");
        });
    }
}
