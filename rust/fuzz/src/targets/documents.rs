//! Files give the same documents under any compression, and a line of a `.jsonl` file gives the same record as alone.

use std::fs;
use std::path::Path;

use eurotok_core::Error;
use eurotok_core::documents::{Files, Invalid};
use serde_json::Value;

use super::{folder, frame};

fn documents(path: &Path, invalid: Invalid) -> Result<Vec<String>, Error> {
    let paths = [path.to_path_buf()];
    let mut files = Files::new(&paths)?;
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
    Ok(found.into_iter().map(|document| String::from_utf8(document).expect("checked, or replaced")).collect())
}

/// The bytes are a file of text and one of lines, plain and compressed; and a compressed one as they are.
pub fn run(data: &[u8]) {
    let folder = folder();
    let read = |name: &str, data: &[u8], invalid| {
        let path = folder.path().join(name);
        fs::write(&path, data).expect("a folder that can be written to");
        documents(&path, invalid)
    };
    for invalid in [Invalid::Refuse, Invalid::Replace] {
        for name in ["a.txt", "a.jsonl"] {
            let plain = read(name, data, invalid);
            let compressed = read(&format!("{name}.zst"), &frame(data), invalid);
            match (&plain, &compressed) {
                (Ok(plain), Ok(compressed)) => assert_eq!(plain, compressed),
                (Err(_), Err(_)) => {}
                _ => panic!("{plain:?}, compressed {compressed:?}"),
            }
            for ending in ["zst", "gz"] {
                read(&format!("{name}.{ending}"), data, invalid).ok();
            }
        }
        let whole = read("a.jsonl", data, invalid);
        // After a blank line, so that a byte order mark begins the file only if it does so in the whole.
        let alone = |(number, line)| [if number > 0 { &b"\n"[..] } else { b"" }, line].concat();
        let lines: Result<Vec<_>, _> = data
            .split(|&byte| byte == b'\n')
            .enumerate()
            .map(|line| read("line.jsonl", &alone(line), invalid))
            .collect();
        match (&whole, &lines) {
            (Ok(whole), Ok(lines)) => assert_eq!(whole, &lines.concat()),
            (Err(_), Err(_)) => {}
            _ => panic!("{whole:?}, line by line {lines:?}"),
        }
    }
    for line in data.split(|&byte| byte == b'\n') {
        let (Ok(found), Ok(value)) = (read("line.jsonl", line, Invalid::Refuse), serde_json::from_slice(line)) else {
            continue;
        };
        let Value::Object(fields) = value else { panic!("{found:?} of {value}") };
        assert_eq!(found, [fields["text"].as_str().expect("a string")]);
    }
}
