use std::fs;
use std::io::Write;

use proptest::prelude::*;

use super::*;
use crate::encode::CacheSize;
use crate::encode::tests::sample;
use crate::faults::{PLENTY, starting};
use crate::split::Scheme;
use crate::vocab::{Merges, Special, Tokens, Vocab};

const OPTIONS: EncodeOptions =
    EncodeOptions { specials: Specials::Text, separator: None, width: None, threads: None, invalid: Invalid::Refuse };

/// A vocabulary whose ids tell where pieces end: any two or three of these characters in a row are a token.
fn telling() -> Vocab {
    let alphabet = ["a", "s", "'", " ", "\n", "/", "5", "=", "é", "e"];
    let mut tokens = Tokens::of_bytes();
    tokens.push("é".as_bytes()).unwrap();
    let pairs: Vec<String> = alphabet.iter().flat_map(|a| alphabet.iter().map(move |b| format!("{a}{b}"))).collect();
    let triples: Vec<String> = pairs.iter().flat_map(|a| alphabet.iter().map(move |b| format!("{a}{b}"))).collect();
    for token in pairs.iter().chain(&triples) {
        tokens.push(token.as_bytes()).unwrap();
    }
    let long = format!(" 5{}", "|".repeat(40));
    let specials = [("<a b>", 5000, true), ("e <a", 5001, false), (">\n<", 5002, true), (&long, 5003, false)];
    let specials = specials.map(|(content, id, special)| Special { content: content.into(), id, special });
    let scheme = Scheme::named("gpt2").expect("its name is in the table");
    Vocab::new("telling", tokens, Merges::Ranks, specials.into(), scheme, NormalForm::None).unwrap()
}

proptest! {
    /// A document that is cut has the ids of the whole one, however much of it is known when it is cut.
    #[test]
    fn cuts_leave_the_ids_what_they_are(
        text in "(a|s|'|5|=|/|é|['\na/]|s{20}| |' | \n|e\u{301}|\u{1100}\u{1161}|\u{212a}|\u{338}|<a b>|e <a|>\n<|' 5\\|{40}){0,200}",
        scheme in prop::sample::select(Scheme::names().collect::<Vec<_>>()),
        nfc in any::<bool>(),
        specials in prop::sample::select(vec![Specials::Text, Specials::Parse]),
        steps in prop::collection::vec(30_usize..150, 1..20),
    ) {
        let mut vocab = telling();
        vocab.normalizer = if nfc { NormalForm::Nfc } else { NormalForm::None };
        vocab.scheme = Scheme::named(scheme).expect("its name is in the table");
        let encoder = Encoder::new(vocab).unwrap();
        let (mut worker, mut ids) = (Worker::new(CacheSize::Wide).unwrap(), Vec::new());
        let mut rest = text.as_bytes();
        for step in steps {
            let known = &rest[..step.min(rest.len())];
            if let Some(end) = encoder.cut(known, specials) {
                let part = Part { text: known, end, first: false };
                encoder.encode_part(&mut worker, part, specials, &mut ids).unwrap();
                rest = &rest[end..];
            }
        }
        let part = Part { text: rest, end: rest.len(), first: false };
        encoder.encode_part(&mut worker, part, specials, &mut ids).unwrap();
        prop_assert_eq!(ids, encoder.encode(&text, specials).unwrap());
    }
}

/// Files of several blocks, and the documents in them.
fn corpus(folder: &Path) -> (Vec<PathBuf>, Vec<String>) {
    let long = "Les élèves d'aujourd'hui ab aaab <added>\n".repeat(40_000);
    let lines: String = (0..20_000).map(|n| format!("{{\"text\": \"ab {n}\\n<|end|>\"}}\n\n")).collect();
    let packed = zstd::encode_all(long.as_bytes(), 1).unwrap();
    let files: [(&str, &[u8]); 5] =
        [("a.txt", b""), ("b.txt.zst", &packed), ("c.jsonl", lines.as_bytes()), ("d.jsonl", b""), ("e.txt", b"aa aa")];
    let paths = files.map(|(name, bytes)| {
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        path
    });
    let records = (0..20_000).map(|n| format!("ab {n}\n<|end|>"));
    let documents = [String::new(), long].into_iter().chain(records).chain(["aa aa".into()]);
    (paths.into(), documents.collect())
}

/// The items of an array that `numpy.save` wrote, as bytes.
fn items(path: &Path, kind: &str) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    let size = kind[2..].parse::<usize>().unwrap();
    let (header, items) = bytes.split_at(128);
    let shape = items.len() / size;
    let description = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape},), }}");
    assert_eq!(&header[..10], b"\x93NUMPY\x01\x00\x76\x00");
    assert_eq!(std::str::from_utf8(&header[10..]).unwrap(), format!("{description:<117}\n"));
    items.to_vec()
}

fn write(encoder: &Encoder, ids: &Path, paths: &[PathBuf], texts: &[&str], options: EncodeOptions) -> Result<Summary> {
    let mut writer = IdsWriter::create(encoder, ids, &ids.with_extension("offsets.npy"), options)?;
    writer.add_files(paths, |_, _| ControlFlow::Continue(()))?;
    writer.add_texts(texts)?;
    writer.finish()
}

#[test]
fn files_have_the_ids_of_their_documents() {
    let folder = tempfile::tempdir().unwrap();
    let (paths, mut documents) = corpus(folder.path());
    let texts = ["", "ab aa", &"ab ".repeat(300_000)];
    documents.extend(texts.map(String::from));
    let encoder = Encoder::new(sample()).unwrap();
    let output = |name: &str| folder.path().join(name);
    for (separator, specials) in [(None, Specials::Text), (Some(300), Specials::Parse)] {
        let mut ids = Vec::new();
        let mut offsets = 0_i64.to_le_bytes().to_vec();
        for document in &documents {
            ids.extend(encoder.encode(document, specials).unwrap());
            ids.extend(separator);
            offsets.extend((ids.len() as i64).to_le_bytes());
        }
        let narrow: Vec<u8> = ids.iter().flat_map(|&id| (id as u16).to_le_bytes()).collect();
        let wide: Vec<u8> = ids.iter().flat_map(|&id| id.to_le_bytes()).collect();
        for (threads, most) in [(1, PLENTY), (2, PLENTY), (8, PLENTY), (8, 1), (8, 0)] {
            let options = EncodeOptions { separator, specials, threads: Some(threads), ..OPTIONS };
            let write = || write(&encoder, &output("ids.npy"), &paths, &texts, options).unwrap();
            let written = starting(most, write);
            let bytes = documents.iter().map(|document| document.len() as u64).sum();
            let expected = Summary { documents: documents.len() as u64, tokens: ids.len() as u64, bytes };
            assert_eq!(written, expected);
            assert!(items(&output("ids.npy"), "<u2") == narrow, "{threads} threads, {most} to be had");
            assert!(items(&output("ids.offsets.npy"), "<i8") == offsets, "{threads} threads");
        }
        let counted = count_files(&encoder, &paths, EncodeOptions { separator, specials, ..OPTIONS }, |_, _| {
            ControlFlow::Continue(())
        });
        let expected =
            write(&encoder, &output("counted.npy"), &paths, &[], EncodeOptions { separator, specials, ..OPTIONS });
        assert_eq!(counted.unwrap(), expected.unwrap());
        let options = EncodeOptions { separator, specials, width: Some(Width::U32), ..OPTIONS };
        write(&encoder, &output("ids.bin"), &paths, &texts, options).unwrap();
        assert!(fs::read(output("ids.bin")).unwrap() == wide);
    }
    let none = write(&encoder, &output("none.npy"), &[], &[], OPTIONS).unwrap();
    assert_eq!(none, Summary::default());
    assert!(items(&output("none.npy"), "<u2").is_empty());
    assert_eq!(items(&output("none.offsets.npy"), "<i8"), 0_i64.to_le_bytes());
}

#[test]
fn the_first_fault_is_reported_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let (mut paths, _) = corpus(folder.path());
    let bad = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::File::create(&path).unwrap().write_all(bytes).unwrap();
        path
    };
    paths.push(bad("bad.txt", b"aa\xFF"));
    paths.push(bad("bad.jsonl", b"{}"));
    let before = folder.path().read_dir().unwrap().count();
    let encoder = Encoder::new(sample()).unwrap();
    let output = folder.path().join("ids.npy");
    // There is enough text that the work is asked whether to stop long before it is done.
    let good = &paths[..paths.len() - 2];
    let much: Vec<PathBuf> = good.iter().cycle().take(100 * good.len()).cloned().collect();
    for (threads, most) in [(1, PLENTY), (2, PLENTY), (8, PLENTY), (8, 1), (8, 0)] {
        let options = EncodeOptions { threads: Some(threads), ..OPTIONS };
        let error = starting(most, || write(&encoder, &output, &paths, &[], options).unwrap_err());
        assert!(error.to_string().ends_with("bad.txt: invalid UTF-8 at byte 2"), "{error}");
        let mut writer = IdsWriter::create(&encoder, &output, &output.with_extension("x"), options).unwrap();
        let interrupt = || writer.add_files(&much, |_, _| ControlFlow::Break(())).unwrap_err();
        let error = starting(most, interrupt);
        assert!(matches!(error, Error::Interrupted));
        drop(writer);
    }
    assert_eq!(folder.path().read_dir().unwrap().count(), before);
    let options = EncodeOptions { invalid: Invalid::Replace, ..OPTIONS };
    write(&encoder, &output, &paths[..paths.len() - 1], &[], options).unwrap();
}

#[test]
fn names_and_widths_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut vocab = sample();
    vocab.specials.push(Special { content: "<far>".into(), id: 65_536, special: true });
    let encoder = Encoder::new(vocab).unwrap();
    for name in ["ids", "ids.txt", "ids.npy.gz"] {
        let error = write(&encoder, &folder.path().join(name), &[], &[], OPTIONS).unwrap_err();
        assert!(error.to_string().contains(".npy or .bin"), "{error}");
    }
    let output = folder.path().join("ids.npy");
    let error = write(&encoder, &output, &[], &[], EncodeOptions { width: Some(Width::U16), ..OPTIONS }).unwrap_err();
    assert!(error.to_string().contains("65537"), "{error}");
    write(&encoder, &output, &[], &["<far>"], EncodeOptions { specials: Specials::Parse, ..OPTIONS }).unwrap();
    assert_eq!(items(&output, "<u4"), 65_536_u32.to_le_bytes());
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (paths, _) = corpus(folder.path());
    let output = folder.path().join("ids.bin");
    std::os::unix::fs::symlink("/dev/full", &output).unwrap();
    let encoder = Encoder::new(sample()).unwrap();
    let before = folder.path().read_dir().unwrap().count();
    match write(&encoder, &output, &paths, &[], OPTIONS).unwrap_err() {
        Error::Io { path, source } => {
            assert_eq!((path, source.kind()), (output, std::io::ErrorKind::StorageFull));
        }
        other => panic!("{other}"),
    }
    assert_eq!(folder.path().read_dir().unwrap().count(), before);
}
