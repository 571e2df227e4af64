//! Too little memory is an error, and the same objects work afterwards: for every n, no more than n large allocations are granted.

#![expect(unsafe_code, reason = "an allocator of one's own is unsafe to implement")]
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Debug;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use eurotok_core::count::{CountOptions as Counting, Counts};
use eurotok_core::decode::TokenDecoder;
use eurotok_core::documents::Invalid;
use eurotok_core::encode::files::{EncodeOptions as Writing, IdsWriter};
use eurotok_core::encode::{Encoder, Specials, Text};
use eurotok_core::format::{Hints, load, save};
use eurotok_core::split::Scheme;
use eurotok_core::train::{Fairness, Parity, TrainOptions, Trained, extend, train, truncate};
use eurotok_core::vocab::{Carried, Inert, Merges, Vocab};
use eurotok_core::{Error, Result};
use serde_json::json;

/// Allocations of fewer bytes are always granted.
const LARGE: usize = 64 << 10;

/// All are granted.
const PLENTY: usize = usize::MAX;

/// The number of large allocations that are granted before all are refused.
static LEFT: AtomicUsize = AtomicUsize::new(PLENTY);

/// The system's allocator. It refuses large allocations after a number of them.
struct Scarce;

#[global_allocator]
static ALLOCATOR: Scarce = Scarce;

impl Scarce {
    fn grants(size: usize) -> bool {
        let count = |left| (left != PLENTY && left > 0).then(|| left - 1);
        size < LARGE || LEFT.fetch_update(Ordering::SeqCst, Ordering::SeqCst, count) != Err(0)
    }
}

// SAFETY: all memory that is granted comes from the system's allocator and goes back there. A refusal is a null
// pointer, which the trait permits.
unsafe impl GlobalAlloc for Scarce {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are the system's conditions, here and below.
        if Self::grants(layout.size()) { unsafe { System.alloc(layout) } } else { std::ptr::null_mut() }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        if Self::grants(layout.size()) { unsafe { System.alloc_zeroed(layout) } } else { std::ptr::null_mut() }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        if Self::grants(size) { unsafe { System.realloc(memory, layout, size) } } else { std::ptr::null_mut() }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// The allocator is everybody's: one test at a time. Each test begins with it, since a test that only prepares its texts would be refused memory, too.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does `work` on an object from `make` once for every n, while the n-th large allocation and all later ones are
/// refused. The result must be the usual one, or [`Error::Memory`]. After an error the same object must give the usual
/// result when there is memory again.
fn starve<O, T: PartialEq + Debug>(name: &str, make: impl Fn() -> O, work: impl Fn(&mut O) -> Result<T>) {
    starve_first(PLENTY, name, make, work);
}

/// Like [`starve`], for a limited number of n: for long work, if only its beginning is in question.
fn starve_first<O, T: PartialEq + Debug>(
    most: usize,
    name: &str,
    make: impl Fn() -> O,
    work: impl Fn(&mut O) -> Result<T>,
) {
    let expected = work(&mut make()).unwrap();
    let mut refusals = 0;
    for granted in 0..most {
        let mut object = make();
        LEFT.store(granted, Ordering::SeqCst);
        let done = work(&mut object);
        let was_refused = LEFT.swap(PLENTY, Ordering::SeqCst) == 0;
        match done {
            Ok(found) => assert!(found == expected, "{name}: wrong after {granted} large allocations"),
            Err(Error::Memory) => {
                refusals += 1;
                assert!(
                    size_of::<O>() == 0 || work(&mut object).unwrap() == expected,
                    "{name}: wrong since {granted} large allocations"
                );
            }
            Err(other) => panic!("{name}, {granted} large allocations granted: {other}"),
        }
        if !was_refused {
            break;
        }
    }
    assert!(refusals > 0, "{name}: nothing was refused");
}

/// Text of several scripts with many different words, some of them long, and one longer than those that are merged in step, and than a
/// stretch of pieces.
fn prose(words: usize) -> String {
    text(words, 100_000)
}

/// Text of so many words, and a last one of so many letters.
fn text(words: usize, letters: u64) -> String {
    let mut state = 1u64;
    let mut text = String::new();
    for _ in 0..words {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let word = state >> 44;
        match word % 5 {
            0 => text.push_str(&format!("l'eau{} ", word % 999)),
            1 => text.push_str(&format!("«{}{}» ", "ναὶ".repeat(1 + word as usize % 5), word % 777)),
            2 => text.extend((0..12).map(|place| char::from(b'a' + (state >> (3 * place) & 15) as u8)).chain([' '])),
            3 => text.push_str(&format!("{}\n", "中文字".repeat(1 + word as usize % 3))),
            _ => text.push_str(&format!("schön{} ", word % 5000)),
        }
    }
    text.extend(
        (0..letters).map(|place| char::from(b'a' + (place.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 59) as u8 % 26)),
    );
    text
}

/// A file, for which there may be too little memory, too.
fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| Error::io(path, error))
}

fn unhurried(_: u64, _: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn counts(words: usize) -> Counts {
    counts_of(prose, words)
}

/// Counts to train on. The symbols of the longest word are a large allocation, but merging it takes no seconds.
fn few_counts(words: usize) -> Counts {
    counts_of(|words| text(words, 25_000), words)
}

fn counts_of(text: impl Fn(usize) -> String, words: usize) -> Counts {
    let mut counts = Counts::new(Scheme::named("europe").unwrap());
    for (language, words) in [("fr", words), ("el", words / 2)] {
        counts.add_texts(language, &[&text(words)], Counting::default(), || ControlFlow::Continue(())).unwrap();
    }
    counts
}

fn options(vocab_size: usize) -> TrainOptions {
    let special_tokens = vec!["<|end|>".to_string(), "<|pad|>".to_string()];
    TrainOptions { vocab_size, special_tokens, threads: Some(2), ..TrainOptions::default() }
}

fn trained(counts: &Counts, options: &TrainOptions) -> Result<Trained> {
    train(counts, options, &mut |_| ControlFlow::Continue(()))
}

fn vocab() -> Vocab {
    static VOCAB: OnceLock<Vocab> = OnceLock::new();
    VOCAB.get_or_init(|| trained(&counts(20_000), &options(6000)).unwrap().vocab).clone()
}

/// A vocabulary of which every part is large: tokens, merges, special tokens, entries that are no bytes, and settings.
fn large_vocab() -> Vocab {
    static VOCAB: OnceLock<Vocab> = OnceLock::new();
    VOCAB.get_or_init(made_large).clone()
}

fn made_large() -> Vocab {
    let special_tokens = (0..4000).map(|number| format!("<|special {number}|>")).collect();
    let vocab = trained(&counts(20_000), &TrainOptions { special_tokens, ..options(12_000) }).unwrap().vocab;
    let inert = (vocab.size() as u32..).take(4000).map(|id| Inert { content: format!("▁{id}"), id });
    let post_processor =
        json!({ "type": "ByteLevel", "list": vec![json!({ "a": 0 }); 4000], "text": "é".repeat(LARGE) });
    let carried = Carried { post_processor: Some(post_processor), ..Carried::default() };
    Vocab { carried, ..vocab.with_inert("a test", inert.collect()).unwrap() }
}

#[test]
fn encoding_one_text() {
    let _alone = alone();
    let (vocab, text) = (vocab(), prose(20_000));
    let make = || Encoder::new(vocab.clone()).unwrap();
    let latin: Vec<u8> = text.chars().filter_map(|character| u8::try_from(character).ok()).collect();
    let wide: Vec<u16> = text.encode_utf16().collect();
    starve("encode", make, |encoder| encoder.encode(text.as_str(), Specials::Parse));
    starve("encode, Latin-1", make, |encoder| encoder.encode(Text::One(&latin), Specials::Text));
    starve("encode, UCS-2", make, |encoder| encoder.encode(Text::Two(&wide), Specials::Text));
    let sum = |ids: &[u32]| ids.iter().map(|&id| u64::from(id)).sum::<u64>();
    starve("encode_with", make, |encoder| encoder.encode_with(text.as_str(), Specials::Text, sum));
    starve("encode_with_offsets", make, |encoder| encoder.encode_with_offsets(&text, Specials::Text));
    starve("count", make, |encoder| encoder.count(text.as_str(), Specials::Text));
}

#[test]
fn encoding_batches() {
    let _alone = alone();
    let (vocab, text) = (vocab(), prose(20_000));
    let make = || Encoder::new(vocab.clone()).unwrap();
    let mut texts: Vec<&str> = text.split_inclusive('\n').collect();
    texts.extend(["", text.as_str(), "a"]);
    texts.extend([""; 20_000]);
    for threads in [1, 2] {
        let batch = |encoder: &mut Encoder| encoder.encode_batch(&texts, Specials::Text, Some(threads));
        starve(&format!("encode_batch, {threads} threads"), make, batch);
        let count = |encoder: &mut Encoder| encoder.count_batch(&texts, Specials::Text, Some(threads));
        starve(&format!("count_batch, {threads} threads"), make, count);
    }
}

#[test]
fn encoding_files() {
    let _alone = alone();
    let (vocab, folder) = (vocab(), tempfile::tempdir().unwrap());
    let text = prose(20_000);
    let lines: String = text.lines().map(|line| format!("{{\"text\": {line:?}}}\n")).collect();
    let paths = [folder.path().join("a.txt"), folder.path().join("b.jsonl")];
    fs::write(&paths[0], [text.as_bytes(), b"\xff "].concat()).unwrap();
    fs::write(&paths[1], lines).unwrap();
    let (ids, offsets) = (folder.path().join("ids.npy"), folder.path().join("offsets.npy"));
    let make = || Encoder::new(vocab.clone()).unwrap();
    for (specials, threads) in [(Specials::Text, 1), (Specials::Parse, 2)] {
        let options =
            Writing { specials, separator: Some(1), width: None, threads: Some(threads), invalid: Invalid::Replace };
        starve("encode_files", make, |encoder| {
            let mut writer = IdsWriter::create(encoder, &ids, &offsets, options)?;
            writer.add_files(&paths, unhurried)?;
            writer.add_texts(&[&text, "a"])?;
            writer.finish()?;
            Ok([read(&ids)?, read(&offsets)?])
        });
    }
    let left: Vec<PathBuf> = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left.len(), 4, "no part of a file is left: {left:?}");
}

#[test]
fn decoding() {
    let _alone = alone();
    let (vocab, text) = (vocab(), prose(20_000));
    let encoder = Encoder::new(vocab.clone()).unwrap();
    let mut ids = encoder.encode(text.as_str(), Specials::Text).unwrap();
    // Parts of characters, too.
    ids.extend((2..258).cycle().take(100_000));
    let make = || TokenDecoder::new(&vocab, encoder.isa()).unwrap();
    let (half, end) = (ids.len() as i64 / 2, ids.len() as i64);
    starve("decode", make, |decoder| decoder.decode(&vocab, &ids, true));
    starve("plan", make, |decoder| decoder.plan(&vocab, &ids, true, Some(2)).map(|plan| plan.length()));
    starve("decode_batch", make, |decoder| decoder.decode_batch(&vocab, &ids, &[0, half, end], true, Some(2)));
}

fn saved(counts: &Counts, path: &Path) -> Result<Vec<u8>> {
    counts.save(path)?;
    read(path)
}

#[test]
fn counting() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let (path, file) = (folder.path().join("a.counts"), folder.path().join("a.txt"));
    let (text, more) = (prose(20_000), counts(10_000));
    fs::write(&file, &text).unwrap();
    for (threads, memory) in [(1, None), (2, None), (2, Some(1 << 20))] {
        let options = Counting { threads: Some(threads), invalid: Invalid::Replace };
        let make = || counts(1000).within(memory).unwrap();
        starve("count files", make, |counts| counts.add_files("fr", std::slice::from_ref(&file), options, unhurried));
        starve("add counts", make, |counts| {
            let mut sum = counts.try_clone()?;
            sum.add(more.try_clone()?, Some(threads))?;
            saved(&sum, &path)
        });
        starve("filter counts", make, |counts| {
            let mut kept = counts.without("a{3}")?.times(3)?;
            kept.retain(4)?;
            saved(&kept, &path)
        });
        more.save(&path).unwrap();
        starve("load counts", || (), |()| Counts::load(&path, memory).map(|counts| counts.languages().len()));
    }
}

#[test]
fn counts_are_as_before_if_none_could_be_added() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.counts");
    let (text, make) = (prose(20_000), || counts(10_000));
    let before = saved(&make(), &path).unwrap();
    for granted in 0..40 {
        let mut counts = make();
        LEFT.store(granted, Ordering::SeqCst);
        let added = counts.add_texts("fr", &[&text], Counting::default(), || ControlFlow::Continue(()));
        LEFT.store(PLENTY, Ordering::SeqCst);
        let now = saved(&counts, &path).unwrap();
        assert!(if added.is_ok() { now != before } else { now == before }, "{granted} large allocations granted");
    }
}

#[test]
fn saving_and_loading() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let vocab = large_vocab();
    for name in ["a.json", "a.eurotok", "a.tiktoken"] {
        let path = folder.path().join(name);
        starve(
            &format!("save {name}"),
            || vocab.clone(),
            |vocab| {
                save(vocab, &path)?;
                read(&path)
            },
        );
        save(&vocab, &path).unwrap();
        starve(&format!("load {name}"), || (), |()| load(&path, &Hints::default()));
    }
    // JSON written in ASCII alone.
    let path = folder.path().join("escaped.json");
    let json = fs::read_to_string(folder.path().join("a.json")).unwrap();
    let escape = |character: char| {
        if character.is_ascii() { character.to_string() } else { format!("\\u{:04x}", u32::from(character)) }
    };
    fs::write(&path, json.chars().map(escape).collect::<String>()).unwrap();
    assert!(load(&path, &Hints::default()).unwrap() == vocab);
    let left: Vec<PathBuf> = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left.len(), 5, "no part of a file is left: {left:?}");
}

#[test]
fn loading_tekken() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tekken.json");
    let vocab = vocab();
    // Its first two ids are special tokens.
    let token = |(place, (_, bytes)): (usize, (u32, &[u8]))| {
        let base64 = BASE64_STANDARD.encode(bytes);
        format!("{{\"rank\": {place}, \"token_bytes\": \"{base64}\", \"token_str\": null}}")
    };
    let tokens: Vec<String> = vocab.tokens.iter().enumerate().map(token).collect();
    let named = |number: usize| format!("{{\"rank\": {number}, \"token_str\": \"<{number}>\", \"is_control\": true}}");
    let specials: Vec<String> = (0..4000).map(named).collect();
    let config = format!(
        "{{\"pattern\": {:?}, \"default_vocab_size\": {}, \"default_num_special_tokens\": 8000}}",
        r"\S+|\s+",
        tokens.len() + 8000
    );
    let (tokens, specials) = (tokens.join(","), specials.join(","));
    let json = format!("{{\"config\": {config}, \"vocab\": [{tokens}], \"special_tokens\": [{specials}]}}");
    fs::write(&path, json).unwrap();
    starve("load Tekken", || (), |()| load(&path, &Hints::default()));
}

#[test]
fn preparing_an_encoder() {
    let _alone = alone();
    let (plain, large) = (vocab(), large_vocab());
    let ranks = Vocab { merges: Merges::Ranks, ..plain.clone() };
    let listed = |vocab: &Vocab| {
        let Merges::List { pairs, .. } = &vocab.merges else { unreachable!("it was trained") };
        Vocab { merges: Merges::List { pairs: pairs.clone(), ignore_merges: true }, ..vocab.clone() }
    };
    for (name, vocab) in [("plain", &plain), ("ranks", &ranks), ("listed", &listed(&plain))] {
        starve(
            &format!("an encoder, {name}"),
            || (),
            |()| {
                let encoder = Encoder::new(vocab.try_clone()?)?;
                let decoder = TokenDecoder::new(encoder.vocab(), encoder.isa())?;
                let ids = encoder.encode("l'eau schön", Specials::Text)?;
                decoder.decode(encoder.vocab(), &ids, true)
            },
        );
    }
    starve("a smaller one", || (), |()| truncate(&large, 9000));
}

/// Trains while allocations are refused. The vocabulary must always be the same. A checkpoint that could not be written
/// is no reason to stop.
fn starve_training(name: &str, work: impl Fn() -> Result<Trained>) {
    starve(name, || (), |()| work());
}

#[test]
fn training() {
    let _alone = alone();
    let counts = few_counts(2000);
    for threads in [1, 2] {
        let options = TrainOptions { threads: Some(threads), ..options(800) };
        starve_training(&format!("train, {threads} threads"), || trained(&counts, &options));
    }
    let parallel = Arc::new(few_counts(200));
    for parallel in [None, Some(Arc::clone(&parallel))] {
        let fairness = Fairness { strength: 3.0, parallel, ..Fairness::default() };
        let options = TrainOptions { fairness: Some(fairness), ..options(800) };
        starve_training("train, fairness", || trained(&counts, &options));
    }
    let parity = Parity { parallel: Some(parallel), ..Parity::default() };
    let options = TrainOptions { parity: Some(parity), ..options(800) };
    starve_training("train, parity", || trained(&counts, &options));
}

#[test]
fn training_within_a_limit() {
    let _alone = alone();
    let counts = few_counts(2000);
    let options = TrainOptions { memory: Some(4 << 20), ..options(400) };
    starve_first(24, "train within a limit", || (), |()| trained(&counts, &options));
    assert!(trained(&counts, &options).unwrap() == trained(&counts, &self::options(400)).unwrap());
}

#[test]
fn extending() {
    let _alone = alone();
    let (vocab, counts) = (vocab(), few_counts(2000));
    let ranks = Vocab { merges: Merges::Ranks, ..vocab.clone() };
    let options = TrainOptions { special_tokens: Vec::new(), ..options(6100) };
    for vocab in [&vocab, &ranks] {
        starve_training("extend", || extend(vocab, &counts, &options, &mut |_| ControlFlow::Continue(())));
    }
}

#[test]
fn training_with_a_checkpoint() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    // A vocabulary with so many merges that their list is a large allocation.
    let large = few_counts(20_000);
    let from = TrainOptions { checkpoint: Some(path.clone()), checkpoint_every: Some(Duration::ZERO), ..options(9000) };
    let resumed = trained(&large, &from).unwrap();
    assert!(resumed.vocab.tokens.len() > LARGE / 8 + 258);
    starve_first(40, "train from a checkpoint", || (), |()| trained(&large, &from));
    let few = few_counts(500);
    let every = TrainOptions { vocab_size: 600, ..from };
    starve_training("train with checkpoints", || {
        fs::remove_file(&path).ok();
        trained(&few, &every)
    });
}
