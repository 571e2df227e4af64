use std::io::Write;
use std::path::PathBuf;

use super::*;

/// The documents of files as strings. Texts are cut after spaces.
fn documents(paths: &[PathBuf], invalid: Invalid) -> Result<Vec<String>> {
    let mut files = Files::new(paths)?;
    let mut found: Vec<Vec<u8>> = Vec::new();
    while let Some(block) = files.next(|text| text.iter().rposition(|&byte| byte == b' '))? {
        block.for_each_part(invalid, |part| {
            if part.first {
                found.push(Vec::new());
            }
            found.last_mut().expect("a document begins first").extend_from_slice(&part.text[..part.end]);
            Ok(())
        })?;
    }
    let (done, total) = files.progress()();
    assert_eq!(done, total);
    Ok(found.into_iter().map(|document| String::from_utf8(document).unwrap()).collect())
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    let compressed = match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz" | "GZ") => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Some("zst") => {
            // The checksum, which the command `zstd` writes, too, reveals damage that would otherwise look like text.
            let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
            encoder.include_checksum(true).unwrap();
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        _ => bytes.to_vec(),
    };
    std::fs::write(&path, compressed).unwrap();
    path
}

#[test]
fn files_give_the_same_documents_however_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let text = "Où est l'école ? Là-bas, à côté. ".repeat(60_000);
    assert!(text.len() > 3 * BLOCK);
    for name in ["a.txt", "a.txt.gz", "a.txt.zst", "a"] {
        let path = write(folder.path(), name, text.as_bytes());
        assert!(documents(&[path], Invalid::Refuse).unwrap() == [text.as_str()], "{name}");
        let lines = format!("{{\"text\": \"un\\ndeux\"}}\n\n{{\"n\": 1, \"text\": {text:?}}}\r\n{{\"text\": \"\"}}");
        let path = write(folder.path(), &name.replace(".txt", ".jsonl"), lines.as_bytes());
        if name != "a" {
            assert!(documents(&[path], Invalid::Refuse).unwrap() == ["un\ndeux", &text, ""], "{name}");
        }
    }
}

#[test]
fn a_text_without_a_place_to_cut_is_one_block() {
    let folder = tempfile::tempdir().unwrap();
    let text = "x".repeat(5 * BLOCK);
    let paths = [write(folder.path(), "a.txt", text.as_bytes()), write(folder.path(), "b.txt", b"")];
    assert!(documents(&paths, Invalid::Refuse).unwrap() == [text.as_str(), ""]);
}

#[test]
fn invalid_utf8_is_named_or_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = "ab ".repeat(BLOCK).into_bytes();
    let place = bytes.len();
    bytes.extend_from_slice(b"\xe9t\xe2\x82 ");
    for name in ["a.txt", "a.txt.gz"] {
        let paths = [write(folder.path(), name, &bytes)];
        match documents(&paths, Invalid::Refuse) {
            Err(Error::InvalidUtf8 { origin, offset }) => {
                assert_eq!((origin, offset), (paths[0].display().to_string(), place as u64));
            }
            other => panic!("{:?}", other.map(|_| ())),
        }
        let replaced = documents(&paths, Invalid::Replace).unwrap();
        assert!(replaced == [String::from_utf8_lossy(&bytes)]);
    }
}

#[test]
fn errors_name_the_line() {
    let folder = tempfile::tempdir().unwrap();
    for bad in ["{\"text\": 1}", "{\"txt\": \"a\"}", "[", "\"a\"", "{\"text\": \"\\ud800\"}"] {
        let lines = format!("{}{bad}\n", "{\"text\": \"a\"}\n\n".repeat(BLOCK / 10));
        let paths = [write(folder.path(), "a.jsonl", lines.as_bytes())];
        let message = documents(&paths, Invalid::Refuse).unwrap_err().to_string();
        let line = BLOCK / 10 * 2 + 1;
        assert!(message.contains(&format!("a.jsonl: line {line}: ")), "{message}");
    }
}

/// The texts or lines of a file, all batches joined.
fn read(path: &Path, unit: Unit, invalid: Invalid) -> Result<Vec<String>> {
    let batches: Vec<Vec<String>> = Reader::new(path, unit, invalid)?.collect::<Result<_>>()?;
    Ok(batches.concat())
}

#[test]
fn a_reader_gives_documents_or_lines() {
    let folder = tempfile::tempdir().unwrap();
    let strict = |path: &Path, unit| read(path, unit, Invalid::Refuse).unwrap();
    let line = "un\u{2028}deux\u{b} ".repeat(1000);
    let text = format!("{line}\r\n\n").repeat(3 * BLOCK / line.len());
    let path = write(folder.path(), "a.txt", text.as_bytes());
    assert!(strict(&path, Unit::Document) == [text.as_str()]);
    assert!(
        strict(&path, Unit::Line)
            == text.split_terminator('\n').map(|line| line.trim_end_matches('\r')).collect::<Vec<_>>()
    );
    let path = write(folder.path(), "a.jsonl", b"{\"text\": \"a\\nb\"}\r\n \n{\"text\": \"\"}\n\r");
    assert_eq!(strict(&path, Unit::Document), ["a\nb", ""]);
    assert_eq!(strict(&path, Unit::Line), ["a\nb", "", "", ""]);
    let path = write(folder.path(), "b.txt", b"");
    assert_eq!(strict(&path, Unit::Document), [""]);
    assert!(strict(&path, Unit::Line).is_empty());
    let path = write(folder.path(), "b.jsonl", b"{\"text\": \"a\xFFb\\ud800\"}");
    assert_eq!(read(&path, Unit::Line, Invalid::Replace).unwrap(), ["a\u{fffd}b\u{fffd}"]);
}

#[test]
fn a_byte_order_mark_is_no_text() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.txt", "a.txt.gz", "a.txt.zst", "a"] {
        let path = write(folder.path(), name, "\u{feff}un\u{feff}".as_bytes());
        assert_eq!(documents(&[path], Invalid::Refuse).unwrap(), ["un\u{feff}"], "{name}");
    }
    let path = write(folder.path(), "a.jsonl", "\u{feff}{\"text\": \"un\"}".as_bytes());
    assert_eq!(documents(&[path], Invalid::Refuse).unwrap(), ["un"]);
    let path = write(folder.path(), "bad.txt", b"\xEF\xBB\xBFab\xFF");
    assert!(matches!(documents(&[path], Invalid::Refuse), Err(Error::InvalidUtf8 { offset: 5, .. })));
    let path = write(folder.path(), "none.txt", "\u{feff}".as_bytes());
    assert_eq!(documents(&[path], Invalid::Refuse).unwrap(), [""]);
}

#[test]
fn content_that_is_certainly_no_utf8_is_named_even_if_it_may_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let gzip = std::fs::read(write(folder.path(), "a.txt.gz", b"text")).unwrap();
    let zstd = zstd::encode_all(&b"text"[..], 1).unwrap();
    for (bytes, what) in [(b"\xFF\xFEa\0".to_vec(), "UTF-16"), (gzip, "gzip data"), (zstd, "Zstandard data")] {
        for name in ["a.txt", "b.jsonl", "c.md"] {
            let path = write(folder.path(), name, &bytes);
            let message = documents(std::slice::from_ref(&path), Invalid::Replace).unwrap_err().to_string();
            assert!(message.starts_with(&format!("{}: {what}", path.display())), "{message}");
        }
    }
}

#[test]
fn damaged_compression_is_named_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let text: String = (0..100_000).map(|number| format!("{} ", number * 7919 % 100_003)).collect();
    for (name, form) in [("a.txt.gz", "gzip"), ("a.txt.zst", "Zstandard"), ("a.JSONL.GZ", "gzip")] {
        let path = write(folder.path(), &name.to_lowercase(), text.as_bytes());
        let whole = std::fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        flipped[whole.len() / 2..][..64].fill(0xFF);
        let path = folder.path().join(name);
        for bytes in
            [&whole[..whole.len() - 3], &whole[..whole.len() / 2], &flipped, b"plain text that is not compressed"]
        {
            std::fs::write(&path, bytes).unwrap();
            let message = match documents(std::slice::from_ref(&path), Invalid::Replace) {
                Err(error @ Error::Corpus { .. }) => error.to_string(),
                other => panic!("{:?}", other.map(|_| ())),
            };
            let expected = format!("{}: damaged {form} data after byte ", path.display());
            assert!(message.starts_with(&expected), "{message}");
        }
    }
}

#[test]
fn frames_and_members_in_a_row_are_one_file() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.txt.gz", "a.txt.zst"] {
        let path = write(folder.path(), name, b"one, ");
        let first = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&first[..], &first, &first].concat()).unwrap();
        assert_eq!(documents(&[path], Invalid::Refuse).unwrap(), ["one, one, one, "], "{name}");
    }
}

#[test]
fn windows_of_long_mode_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt.zst");
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(31).unwrap();
    encoder.include_contentsize(false).unwrap();
    encoder.write_all(b"a long window").unwrap();
    std::fs::write(&path, encoder.finish().unwrap()).unwrap();
    assert_eq!(documents(&[path], Invalid::Refuse).unwrap(), ["a long window"]);
}

#[test]
fn null_characters_are_text() {
    let folder = tempfile::tempdir().unwrap();
    let paths = [write(folder.path(), "a.txt", b"a\0b"), write(folder.path(), "a.jsonl", b"{\"text\": \"a\\u0000b\"}")];
    assert_eq!(documents(&paths, Invalid::Refuse).unwrap(), ["a\0b", "a\0b"]);
}

#[test]
fn a_missing_file_or_a_folder_is_an_io_error() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.txt");
    let there = write(folder.path(), "a.txt", b"a");
    let is_folder = folder.path().join("folder.txt");
    std::fs::create_dir(&is_folder).unwrap();
    for bad in [missing, is_folder] {
        assert!(matches!(Files::new(&[there.clone(), bad.clone()]), Err(Error::Io { path, .. }) if path == bad));
    }
}

#[test]
fn names_of_forms_that_are_not_read_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.txt.xz", "a.arrow", "a.parquet", "a.parquet.gz"] {
        let path = folder.path().join(name);
        std::fs::write(&path, b"text").unwrap();
        assert!(matches!(Files::new(&[path]), Err(Error::Corpus { .. })), "{name}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_pipe_is_opened_once() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.jsonl");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let writer = {
        let pipe = pipe.clone();
        std::thread::spawn(move || std::fs::write(pipe, b"{\"text\": \"a\"}\n"))
    };
    let mut files = Files::new(&[pipe]).unwrap();
    // The writer waits until the file is opened.
    std::thread::sleep(std::time::Duration::from_millis(20));
    assert!(!writer.is_finished());
    let block = files.next(|_| None).unwrap().unwrap();
    block
        .for_each_part(Invalid::Refuse, |part| {
            assert_eq!(part.text, b"a");
            Ok(())
        })
        .unwrap();
    assert!(files.next(|_| None).unwrap().is_none());
    writer.join().unwrap().unwrap();
}
