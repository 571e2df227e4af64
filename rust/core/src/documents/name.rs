//! File names: the format and the compression that their endings state. Rust and Python share this table of endings.

use std::path::Path;

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextFormat {
    /// The whole file is one text.
    Text,
    /// Each line is a JSON object with a text in its field `text` (JSON Lines).
    Lines,
    /// A column named `text`. The Python package reads it; the core does not.
    Parquet,
}

/// The compression of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// One gzip member or several.
    Gzip,
    /// One Zstandard frame or several, with windows of up to 2 GiB.
    Zstd,
}

const FORMATS: [(&str, TextFormat); 5] = [
    (".txt", TextFormat::Text),
    (".jsonl", TextFormat::Lines),
    (".ndjson", TextFormat::Lines),
    (".json", TextFormat::Lines),
    (".parquet", TextFormat::Parquet),
];

const COMPRESSIONS: [(&str, Compression); 3] =
    [(".gz", Compression::Gzip), (".zst", Compression::Zstd), (".zstd", Compression::Zstd)];

/// Endings of formats that are not read. Files with these endings are refused and never taken for a text.
const UNREAD: [&str; 14] =
    [".7z", ".arrow", ".avro", ".bz2", ".feather", ".lz4", ".orc", ".pdf", ".rar", ".tar", ".tgz", ".xz", ".z", ".zip"];

/// The parts of a file name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The name without the endings of the tables.
    pub stem: String,
    /// The format that the name states, if any.
    pub format: Option<TextFormat>,
    /// The compression that the name states, if any.
    pub compression: Option<Compression>,
    /// The ending of a format that is not read, if the name has one.
    pub unread: Option<&'static str>,
}

impl Name {
    /// Parses the name of a file. Upper and lower case are alike.
    pub fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (name, compression) = strip(&name, &COMPRESSIONS);
        let (stem, format) = strip(name, &FORMATS);
        let unread = UNREAD.into_iter().find(|ending| strip_ending(name, ending).is_some());
        Self { stem: stem.to_string(), format, compression, unread }
    }

    /// The reason why a file of this name cannot be read as text, if there is one.
    pub(super) fn fault(&self) -> Option<String> {
        let compressed = self.compression.is_some();
        match (self.unread, self.format) {
            (Some(ending), _) => Some(format!(
                "{ending} is not a form of text that is read: use .txt, .jsonl or .parquet, perhaps .gz or .zst"
            )),
            (None, Some(TextFormat::Parquet)) if compressed => {
                Some("a parquet file is compressed inside, and not read from .gz or .zst".into())
            }
            _ => None,
        }
    }
}

fn strip<'n, T: Copy>(name: &'n str, table: &[(&str, T)]) -> (&'n str, Option<T>) {
    let found = table.iter().find_map(|&(ending, kind)| Some((strip_ending(name, ending)?, Some(kind))));
    found.unwrap_or((name, None))
}

fn strip_ending<'n>(name: &'n str, ending: &str) -> Option<&'n str> {
    let (stem, end) = name.split_at_checked(name.len().checked_sub(ending.len())?)?;
    end.eq_ignore_ascii_case(ending).then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_state_format_and_compression_in_any_case() {
        let of = |name: &str| {
            let Name { stem, format, compression, .. } = Name::of(Path::new(name));
            (stem, format, compression)
        };
        let (gzip, zstd) = (Some(Compression::Gzip), Some(Compression::Zstd));
        assert_eq!(of("a/de.TXT"), ("de".into(), Some(TextFormat::Text), None));
        assert_eq!(of("de.JSONL"), ("de".into(), Some(TextFormat::Lines), None));
        assert_eq!(of("de.json.GZ"), ("de".into(), Some(TextFormat::Lines), gzip));
        assert_eq!(of("de.ndjson.zstd"), ("de".into(), Some(TextFormat::Lines), zstd));
        assert_eq!(of("sr-Latn.parquet"), ("sr-Latn".into(), Some(TextFormat::Parquet), None));
        assert_eq!(of("book.gz"), ("book".into(), None, gzip));
        assert_eq!(of("txt"), ("txt".into(), None, None));
        assert_eq!(of("é"), ("é".into(), None, None));
    }

    #[test]
    fn forms_that_are_not_read_have_a_fault() {
        for name in ["a.txt.bz2", "a.ARROW", "a.tar.gz", "a.parquet.gz"] {
            assert!(Name::of(Path::new(name)).fault().is_some(), "{name}");
        }
        for name in ["a.txt", "a.md", "a", "a.parquet", "arrow"] {
            assert_eq!(Name::of(Path::new(name)).fault(), None, "{name}");
        }
    }
}
