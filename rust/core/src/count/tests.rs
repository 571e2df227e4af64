use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;
use crate::faults::{PLENTY, starting};
use crate::testing::counts::{self, Counted};

type Plain = BTreeMap<String, Counted>;

fn plain(counts: &Counts) -> Plain {
    let language = |language: &Language| {
        let mut pieces = BTreeMap::new();
        language.for_each_piece(|piece, count| assert_eq!(pieces.insert(piece.to_vec(), count), None)).unwrap();
        assert_eq!(language.unique().unwrap(), pieces.len());
        (language.bytes(), language.documents(), pieces)
    };
    counts.languages().map(|(name, counts)| (name.to_string(), language(counts))).collect()
}

fn on(threads: usize) -> CountOptions {
    CountOptions { threads: Some(threads), ..CountOptions::default() }
}

fn unhurried(_: u64, _: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn europe() -> Scheme {
    Scheme::named("europe").unwrap()
}

/// Pieces of every length, some of them often, some longer than a slot holds.
fn prose(words: usize) -> String {
    let mut state = 1u64;
    let mut text = String::new();
    for _ in 0..words {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let rare = (state >> 33).is_multiple_of(17);
        let word = if rare { (state >> 40) % 5000 } else { (state >> 40) % 50 };
        match word % 4 {
            0 => text.push_str("l'eau "),
            1 => text.push_str(&format!("{word} ")),
            2 => text.push_str(&format!("«{}» ", "ναὶ".repeat(1 + word as usize % 7))),
            _ => text.push_str(&format!("{}{}.\n", "ab".repeat(word as usize % 9), word)),
        }
    }
    text
}

#[test]
fn any_threads_files_and_order_give_the_same_counts() {
    let folder = tempfile::tempdir().unwrap();
    let text = prose(200_000);
    assert!(text.len() > 2 << 20);
    let cut = text.find("eau ").unwrap() + 1_000_003;
    let cut = (cut..).find(|&place| text.is_char_boundary(place)).unwrap();
    let parts = [&text[..cut], &text[cut..]];
    let paths: Vec<PathBuf> = ["a.txt", "b.txt"].iter().map(|name| folder.path().join(name)).collect();
    for (path, part) in paths.iter().zip(parts) {
        fs::write(path, part).unwrap();
    }
    let expected = Plain::from([("fr".to_string(), counts::count(&europe(), &parts))]);
    for (threads, most) in [(1, PLENTY), (2, PLENTY), (8, PLENTY), (8, 1), (8, 0)] {
        let mut forwards = Counts::new(europe());
        starting(most, || forwards.add_files("fr", &paths, on(threads), unhurried).unwrap());
        assert!(plain(&forwards) == expected);
        let mut backwards = Counts::new(europe());
        for path in paths.iter().rev() {
            backwards.add_files("fr", std::slice::from_ref(path), on(threads), unhurried).unwrap();
        }
        assert!(plain(&backwards) == expected);
        let mut texts = Counts::new(europe());
        texts.add_texts("fr", &parts, on(threads), || ControlFlow::Continue(())).unwrap();
        assert!(plain(&texts) == expected);
    }
}

#[test]
fn what_does_not_fit_goes_to_the_disk_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let texts: Vec<String> = (0..40).map(|number| prose(40_000 + number)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut plenty = Counts::new(europe());
    let mut short = Counts::new(europe()).within(Some(100_000)).unwrap();
    for (number, text) in texts.iter().enumerate() {
        for counts in [&mut plenty, &mut short] {
            let language = if number % 3 == 0 { "fr" } else { "el" };
            counts.add_texts(language, &[text], on(1 + number % 3), || ControlFlow::Continue(())).unwrap();
        }
    }
    let [french, greek] = ["fr", "el"].map(|name| short.languages[name].runs.len());
    assert!(french > 1 && greek > 1 && french <= RUNS && greek <= RUNS, "{french} {greek}");
    let expected = plain(&plenty);
    assert!(plain(&short) == expected);
    assert!(plain(&plenty.clone().within(Some(0)).unwrap()) == expected);

    let paths = ["plenty", "short"].map(|name| folder.path().join(name));
    plenty.save(&paths[0]).unwrap();
    short.save(&paths[1]).unwrap();
    assert!(fs::read(&paths[0]).unwrap() == fs::read(&paths[1]).unwrap());
    assert!(plain(&Counts::load(&paths[0], Some(50_000)).unwrap()) == expected);

    short.add(plenty.clone(), None).unwrap();
    plenty.add(plenty.clone(), None).unwrap();
    short.retain(6).unwrap();
    plenty.retain(6).unwrap();
    assert!(plain(&short) == plain(&plenty) && plain(&short) != expected);
}

#[test]
fn counts_are_added_whole_or_not_at_all_wherever_it_is_stopped() {
    let count = |text: &str| {
        let mut counts = Counts::new(europe());
        counts.add_texts("fr", &[text], on(1), || ControlFlow::Continue(())).unwrap();
        counts
    };
    let (one, other) = (count(&prose(4_000)), count(&prose(5_000)));
    let mut sum = one.clone();
    sum.add(other.clone(), None).unwrap();
    let (before, after) = (plain(&one), plain(&sum));
    for memory in [None, Some(0)] {
        let (mut unchanged, mut complete) = (0, 0);
        for answered in 0.. {
            let mut counts = one.clone();
            counts.memory = memory;
            let asked = AtomicUsize::new(0);
            let stop = Stop::when(move || asked.fetch_add(1, Ordering::Relaxed) == answered);
            match counts.add_unless(&stop, other.clone(), Some(2)) {
                Err(Error::Interrupted) if plain(&counts) == before => unchanged += 1,
                Err(Error::Interrupted) => complete += usize::from(plain(&counts) == after),
                done => {
                    assert!(done.is_ok() && unchanged + complete == answered);
                    break;
                }
            }
            assert_eq!(unchanged + complete, answered + 1, "half of the counts, stopped at question {answered}");
        }
        assert!(
            unchanged > 8 && (memory.is_none() || complete > 8),
            "it asked seldom: {unchanged} and {complete} times"
        );
    }
}

#[test]
fn counts_of_a_regex_are_those_of_the_whole_document() {
    let text = "aab".repeat(400_000);
    let scheme = Scheme::from_pattern("a+b(?:a+b)*|.");
    let mut counts = Counts::new(scheme.clone());
    counts.add_texts("und", &[&text], on(2), || ControlFlow::Continue(())).unwrap();
    assert!(plain(&counts)["und"] == counts::count(&scheme, &[&text]));
    assert_eq!(counts.languages["und"].unique().unwrap(), 1);
}

#[test]
fn the_first_fault_is_reported_and_nothing_counted() {
    let folder = tempfile::tempdir().unwrap();
    let good = prose(100_000);
    let paths: Vec<PathBuf> = (0..4).map(|number| folder.path().join(format!("{number}.txt"))).collect();
    for (number, path) in paths.iter().enumerate() {
        let end: &[u8] = if number == 0 { b"" } else { b"\xff" };
        fs::write(path, [good.as_bytes(), end].concat()).unwrap();
    }
    for threads in [1, 2, 8] {
        let mut counts = Counts::new(europe());
        let error = counts.add_files("fr", &paths, on(threads), unhurried).unwrap_err();
        let origin = paths[1].display();
        assert_eq!(error.to_string(), format!("{origin}: invalid UTF-8 at byte {}", good.len()));
        assert_eq!(counts.languages().len(), 0);
        let options = CountOptions { invalid: Invalid::Replace, ..on(threads) };
        counts.add_files("fr", &paths, options, unhurried).unwrap();
        assert_eq!(counts.languages["fr"].bytes(), 4 * good.len() as u64 + 3 * 3);
    }
}

#[test]
fn a_break_interrupts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    fs::write(&path, prose(300_000)).unwrap();
    let mut counts = Counts::new(europe());
    let mut answers = Vec::new();
    let result = counts.add_files("fr", &[path], on(1), |done, total| {
        assert!(done <= total);
        answers.push(if done > 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) });
        answers[answers.len() - 1]
    });
    assert!(matches!(result, Err(Error::Interrupted)));
    assert!(answers[0].is_continue() && answers.pop().unwrap().is_break(), "nothing was read before the first");
    assert!(answers.iter().all(ControlFlow::is_continue), "it went on after a break");
}

fn some_counts() -> Counts {
    let mut counts = Counts::new(europe());
    for (language, words) in [("fr", 3000), ("el", 500), ("empty", 0)] {
        counts.add_texts(language, &[&prose(words)], on(1), || ControlFlow::Continue(())).unwrap();
    }
    counts
}

#[test]
fn files_keep_counts_and_equal_counts_are_equal_files() {
    let folder = tempfile::tempdir().unwrap();
    let counts = some_counts();
    let path = folder.path().join("a.counts");
    counts.save(&path).unwrap();
    let loaded = Counts::load(&path, None).unwrap();
    assert_eq!(loaded.scheme(), counts.scheme());
    assert!(plain(&loaded) == plain(&counts));
    let again = folder.path().join("b.counts");
    loaded.save(&again).unwrap();
    assert!(fs::read(&path).unwrap() == fs::read(&again).unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file is left");
}

#[test]
fn damaged_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.counts");
    some_counts().save(&path).unwrap();
    let sound = fs::read(&path).unwrap();
    let refused = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        matches!(Counts::load(&path, None), Err(Error::Format { .. }))
    };
    for length in (0..sound.len()).step_by(97) {
        assert!(refused(&sound[..length]), "cut to {length}");
    }
    for place in (0..sound.len()).step_by(41) {
        let mut bytes = sound.clone();
        bytes[place] ^= 1 << (place % 8);
        assert!(refused(&bytes), "changed at {place}");
    }
    assert!(refused(&[sound.as_slice(), b"x"].concat()));
    assert!(matches!(Counts::load(&folder.path().join("none"), None), Err(Error::Io { .. })));
    assert!(matches!(some_counts().save(&folder.path().join("none/a")), Err(Error::Io { .. })));
}

#[test]
fn sums_that_do_not_fit_are_refused() {
    let mut big = Counts::new(europe());
    let mut language = Language::default();
    language.table.add(b"a", 0, 1, u64::MAX - 1).unwrap();
    big.languages.insert("fr".to_string(), language);
    let mut small = Counts::new(europe());
    small.add_texts("fr", &["a"], on(1), || ControlFlow::Continue(())).unwrap();
    let mut most = big.clone();
    most.add(small.clone(), None).unwrap();
    assert_eq!(plain(&most)["fr"].2[b"a".as_slice()], u64::MAX);
    assert!(matches!(most.add(small, None), Err(Error::Corpus { .. })));
    let other = Counts::new(Scheme::named("gpt2").unwrap());
    assert!(matches!(big.add(other, None), Err(Error::Argument { .. })));
}

#[test]
fn without_drops_what_a_regex_matches() {
    let mut counts = some_counts();
    counts.add_texts("el", &["αb αb bα αβ \u{ffff}"], CountOptions::default(), || ControlFlow::Continue(())).unwrap();
    let mut expected = plain(&counts);
    for language in expected.values_mut() {
        language.2.retain(|piece, _| !["αb", " αb"].map(str::as_bytes).contains(&piece.as_slice()));
    }
    assert!(plain(&counts.without(r"\p{Greek}\p{Latin}").unwrap()) == expected);
    assert!(matches!(counts.without("("), Err(Error::Pattern { .. })));
}

#[test]
fn times_is_adding_over_and_over() {
    let counts = some_counts();
    let mut sum = counts.clone();
    sum.add(counts.clone(), None).unwrap();
    sum.add(counts.clone(), None).unwrap();
    assert!(plain(&counts.times(3).unwrap()) == plain(&sum));
    assert!(matches!(counts.times(u64::MAX), Err(Error::Corpus { .. })));
}

#[test]
fn retain_drops_rare_pieces() {
    let mut counts = some_counts();
    let mut expected = plain(&counts);
    for language in expected.values_mut() {
        language.2.retain(|_, count| *count >= 3);
    }
    counts.retain(3).unwrap();
    assert!(plain(&counts) == expected);
}

proptest! {
    #[test]
    fn a_table_is_a_map(pieces in proptest::collection::vec("[a-cé]{1,20}", 0..300), others in proptest::collection::vec("[ab]{1,18}", 0..200)) {
        let fill = |pieces: &[String]| {
            let mut table = Table::default();
            for piece in pieces {
                table.add(piece.as_bytes(), 0, piece.len(), 2).unwrap();
            }
            table
        };
        let mut expected = BTreeMap::new();
        for piece in pieces.iter().chain(&others) {
            *expected.entry(piece.clone().into_bytes()).or_insert(0) += 2;
        }
        let mut table = fill(&pieces);
        table.add_all(&mut fill(&others), 2, &mut || Ok(()), overflow).unwrap();
        table.add_all(&mut Table::default(), 2, &mut || Ok(()), overflow).unwrap();
        let mut found = BTreeMap::new();
        for shard in &table.shards {
            let each = shard.for_each(|piece, count| {
                assert_eq!(found.insert(piece.to_vec(), count), None);
                Ok::<_, ()>(())
            });
            each.unwrap();
        }
        prop_assert_eq!(table.len(), expected.len());
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn adding_counts_is_counting_all(texts in proptest::collection::vec("[a-c l'.\n]{0,40}", 0..20), cut in 0usize..20) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let (left, right) = texts.split_at(cut.min(texts.len()));
        let count = |texts: &[&str]| {
            let mut counts = Counts::new(europe());
            counts.add_texts("fr", texts, on(2), || ControlFlow::Continue(())).unwrap();
            counts
        };
        let mut sum = count(left);
        sum.add(count(right), Some(2)).unwrap();
        prop_assert_eq!(&plain(&sum), &plain(&count(&texts)));
        prop_assert_eq!(&plain(&sum)["fr"], &counts::count(&europe(), &texts));
    }
}
