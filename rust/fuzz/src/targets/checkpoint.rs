//! A checkpoint is gone on from or refused: training never breaks on one, and a sound one changes nothing.

use std::fs;
use std::ops::ControlFlow;
use std::sync::LazyLock;

use eurotok_core::Error;
use eurotok_core::count::{self, Counts};
use eurotok_core::encode::Encoder;
use eurotok_core::split::Scheme;
use eurotok_core::train::{self, Progress, TrainOptions, Trained};
use eurotok_core::vocab::Merges;

use super::{folder, frame};

/// The common part of all checkpoints of a run.
pub struct Blank {
    /// The first line of the file.
    line: Vec<u8>,
    /// The number at the beginning of the contents that names the run.
    fingerprint: [u8; 8],
}

impl Blank {
    /// The checkpoint of a run that is stopped before its first merge.
    pub fn of(counts: &Counts, options: &TrainOptions) -> Self {
        let folder = folder();
        let path = folder.path().join("checkpoint");
        let stopped = train::train(
            counts,
            &TrainOptions { checkpoint: Some(path.clone()), ..options.clone() },
            &mut |progress| {
                if matches!(progress, Progress::Merges { .. }) {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            },
        );
        assert!(matches!(stopped, Err(Error::Interrupted)));
        let file = fs::read(&path).expect("an interrupted run leaves a checkpoint");
        let line = file.iter().position(|&byte| byte == b'\n').expect("a first line") + 1;
        let contents = zstd::decode_all(&file[line..]).expect("a frame");
        Self { line: file[..line].to_vec(), fingerprint: *contents.first_chunk().expect("a fingerprint") }
    }

    /// A checkpoint with `merges` after the fingerprint.
    pub fn file(&self, merges: &[u8]) -> Vec<u8> {
        [&self.line, &frame(&[&self.fingerprint, merges].concat())[..]].concat()
    }
}

/// Merges as a checkpoint has them.
pub fn merges(pairs: &[(u32, u32)]) -> Vec<u8> {
    pairs.iter().flat_map(|&(left, right)| (u64::from(left) << 32 | u64::from(right)).to_le_bytes()).collect()
}

/// A short run, and its merges.
pub struct Run {
    counts: Counts,
    blank: Blank,
    pub merges: Vec<u8>,
    trained: Trained,
}

/// The run that is gone on from.
pub static RUN: LazyLock<Run> = LazyLock::new(|| {
    let mut counts = Counts::new(Scheme::named("europe").expect("a scheme of the table"));
    let text = "l'eau de l'école, l'été à la mer; die Übung der Bücher über Brücken, 1234 «ναι» ".repeat(3);
    let once = count::CountOptions { threads: Some(1), ..count::CountOptions::default() };
    counts.add_texts("und", &[&text], once, || ControlFlow::Continue(())).expect("text");
    let trained = train(&counts, &options()).expect("a sound run");
    let Merges::List { pairs, .. } = &trained.vocab.merges else { panic!("a trained list") };
    let (blank, merges) = (Blank::of(&counts, &options()), merges(pairs));
    Run { counts, blank, merges, trained }
});

fn options() -> TrainOptions {
    TrainOptions { vocab_size: 300, threads: Some(1), ..TrainOptions::default() }
}

fn train(counts: &Counts, options: &TrainOptions) -> Result<Trained, Error> {
    train::train(counts, options, &mut |_| ControlFlow::Continue(()))
}

/// The bytes follow the fingerprint in a checkpoint: merges, or anything else.
pub fn run(data: &[u8]) {
    let folder = folder();
    let path = folder.path().join("checkpoint");
    fs::write(&path, RUN.blank.file(data)).expect("a folder that can be written to");
    let is_sound = RUN.merges.starts_with(data) && data.len().is_multiple_of(8);
    match train(&RUN.counts, &TrainOptions { checkpoint: Some(path), ..options() }) {
        Ok(trained) => {
            assert!(!is_sound || trained == RUN.trained, "a checkpoint changes the result");
            Encoder::new(trained.vocab).expect("a vocabulary that was checked");
        }
        Err(Error::Format { .. }) => assert!(!is_sound, "a sound checkpoint is refused"),
        Err(error) => panic!("{error}"),
    }
}
