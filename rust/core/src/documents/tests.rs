use std::io::Write;
use std::path::PathBuf;

use super::files::BLOCK;
use super::*;

/// Documents of files as strings, texts cut after spaces.
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
    let (done, total) = files.progress();
    assert_eq!(done, total);
    Ok(found.into_iter().map(|document| String::from_utf8(document).unwrap()).collect())
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    let compressed = match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Some("zst") => zstd::encode_all(bytes, 1).unwrap(),
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
        assert!(message.contains(&format!("a.jsonl: line {line}: not an object")), "{message}");
    }
}

#[test]
fn a_missing_or_broken_file_is_an_io_error() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.txt");
    let there = write(folder.path(), "a.txt", b"a");
    assert!(matches!(Files::new(&[there, missing.clone()]), Err(Error::Io { path, .. }) if path == missing));
    let broken = folder.path().join("a.txt.zst");
    std::fs::write(&broken, b"not zstd").unwrap();
    assert!(matches!(read_bytes(&broken), Err(Error::Io { path, .. }) if path == broken));
}
