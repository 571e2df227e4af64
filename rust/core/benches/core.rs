//! The core without Python: `cargo bench -p eurotok-core [-- split lookup bpe decode train]`.
//!
//! The text is made here: inflected words of a few stems and endings, with a fixed seed. So these figures compare two states of
//! the code on one machine; `benches/` of the repository compares engines on real text. Each line is the median of several runs.
//! A result is checked before it is timed.

use std::collections::BTreeSet;
use std::env;
use std::hint::black_box;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use eurotok_core::Stop;
use eurotok_core::arch::Isa;
use eurotok_core::bpe::Merger;
use eurotok_core::bpe::effective::{sufficient, table};
use eurotok_core::count::{CountOptions, Counts};
use eurotok_core::decode::TokenDecoder;
use eurotok_core::encode::{Encoder, Specials};
use eurotok_core::split::{Scheme, Splitter};
use eurotok_core::train::{TrainOptions, train};
use eurotok_core::vocab::Vocab;

const RUNS: usize = 9;
const BYTES: usize = 4 << 20;

const STEMS: [&str; 24] = [
    "talo",
    "kirja",
    "käsi",
    "yö",
    "dům",
    "město",
    "žena",
    "kůň",
    "ház",
    "könyv",
    "kéz",
    "út",
    "λόγος",
    "πόλη",
    "χέρι",
    "дом",
    "град",
    "жена",
    "Straße",
    "Händler",
    "forêt",
    "être",
    "mañana",
    "coração",
];
const MIDDLES: [&str; 12] = ["", "i", "e", "ssa", "sta", "ích", "ovi", "nak", "kból", "ων", "ите", "keit"];
const ENDINGS: [&str; 12] = ["", "n", "t", "mme", "ko", "mi", "ého", "ban", "ért", "ους", "ата", "en"];

/// Marsaglia's xorshift: the same text every time.
struct Random(u64);

impl Random {
    fn pick<'w>(&mut self, words: &[&'w str]) -> &'w str {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        words[(self.0 % words.len() as u64) as usize]
    }
}

fn text(bytes: usize) -> String {
    let mut random = Random(88_172_645_463_325_252);
    let mut text = String::new();
    while text.len() < bytes {
        text.push_str(random.pick(&STEMS));
        text.push_str(random.pick(&MIDDLES));
        text.push_str(random.pick(&ENDINGS));
        text.push_str(random.pick(&[" ", " ", " ", " ", ", ", ". ", "\n"]));
    }
    text
}

fn counts(text: &str) -> Counts {
    let mut counts = Counts::new(Scheme::named("europe").expect("a scheme of the table"));
    let options = CountOptions { threads: Some(1), ..CountOptions::default() };
    counts.add_texts("xx", &[text], options, || ControlFlow::Continue(())).expect("a text");
    counts
}

fn vocab(counts: &Counts) -> Vocab {
    let options = TrainOptions { vocab_size: 1_024, threads: Some(1), ..TrainOptions::default() };
    train(counts, &options, &mut |_| ControlFlow::Continue(())).expect("enough pieces").vocab
}

/// Times `run`, after one run without the clock, and prints the median as a rate of `amount` units.
fn time(name: &str, amount: usize, unit: &str, mut run: impl FnMut()) {
    run();
    let once = |_| {
        let begun = Instant::now();
        run();
        begun.elapsed()
    };
    let mut times: Vec<Duration> = (0..RUNS).map(once).collect();
    times.sort_unstable();
    let median = times[RUNS / 2];
    println!(
        "{name:8} {:9.3} ms {:9.3} {unit}/µs",
        median.as_secs_f64() * 1e3,
        amount as f64 / median.as_secs_f64() / 1e6
    );
}

fn main() {
    let chosen: BTreeSet<String> = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_chosen = |name: &str| chosen.is_empty() || chosen.contains(name);
    let text = text(BYTES);
    let counts = counts(&text);
    let vocab = vocab(&counts);
    let encoder = Encoder::new(vocab.try_clone().expect("memory")).expect("a scheme of the table");
    let ids = encoder.encode(&text, Specials::Text).expect("a text");
    let decoder = TokenDecoder::new(&vocab, encoder.isa()).expect("memory");
    let bytes = decoder.decode(&vocab, &ids, true).expect("ids of the vocabulary");
    assert_eq!(bytes, text.as_bytes(), "ids decode to their text");

    if is_chosen("split") {
        let splitter =
            Splitter::new(Scheme::named("europe").expect("a scheme of the table")).expect("an instruction set");
        time("split", BYTES, "bytes", || {
            let mut pieces = 0;
            splitter.for_each_piece(text.as_bytes(), |_| pieces += 1).expect("a text");
            black_box(pieces);
        });
    }
    if is_chosen("lookup") {
        // All pieces are in the cache after the first run.
        time("lookup", BYTES, "bytes", || {
            black_box(encoder.encode_unless(&Stop::never(), &text, Specials::Text).expect("a text"));
        });
    }
    if is_chosen("bpe") {
        let (pairs, _) =
            table(&vocab, &sufficient(&vocab).expect("memory"), Isa::choose().expect("one")).expect("memory");
        let words: Vec<&[u8]> = text.split_inclusive(' ').map(str::as_bytes).take(100_000).collect();
        let mut merger = Merger::new().expect("memory");
        time("bpe", words.len(), "words", || {
            let mut symbols = 0;
            merger.merge_all(&pairs, words.iter().copied(), |_, word| symbols += word.len()).expect("memory");
            black_box(symbols);
        });
    }
    if is_chosen("decode") {
        time("decode", ids.len(), "ids", || {
            black_box(decoder.decode(&vocab, &ids, true).expect("ids of the vocabulary"));
        });
    }
    if is_chosen("train") {
        let options = TrainOptions { vocab_size: 1_024, threads: Some(1), ..TrainOptions::default() };
        time("train", 1_024 - 256, "merges", || {
            black_box(train(&counts, &options, &mut |_| ControlFlow::Continue(())).expect("enough pieces"));
        });
    }
}
