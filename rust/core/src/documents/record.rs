//! From a line of JSON Lines to the text in it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::Invalid;

/// The field that holds the text.
const FIELD: &str = "text";

/// Whether a line holds only JSON white space.
pub(super) fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

/// Calls `sink` with the text in a line.
///
/// # Errors
/// The reason why the line has no text, as the end of a sentence that names the line.
pub(super) fn with_text<T>(line: &str, invalid: Invalid, sink: impl FnOnce(&str) -> T) -> Result<T, String> {
    let mut sink = Some(sink);
    read(line, invalid, FIELD, |line| {
        let record = serde_json::from_str::<Record>(line)?;
        Ok(sink.take().map(|sink| sink(&record.text)))
    })
    .map(|done| done.expect("one reading succeeds"))
}

/// Reads a line, and once more with U+FFFD for each lone surrogate if the first reading fails because of one.
///
/// The line is a `str`, so that the parser does not check once more that it is UTF-8.
///
/// # Errors
/// As [`with_text`], of an object that has a string in `field`.
pub(super) fn read<T>(
    line: &str,
    invalid: Invalid,
    field: &str,
    mut parse: impl FnMut(&str) -> serde_json::Result<T>,
) -> Result<T, String> {
    let fault = match parse(line) {
        Ok(done) => return Ok(done),
        Err(fault) => fault,
    };
    // JSON can state a lone surrogate as `\ud83d`, which no text can hold.
    if let Some((mended, column)) = replace_lone_surrogates(line.as_bytes())
        && let Ok(mended) = String::from_utf8(mended)
        && let Ok(done) = parse(&mended)
    {
        return match invalid {
            Invalid::Replace => Ok(done),
            Invalid::Refuse => Err(format!("a lone surrogate at column {column}")),
        };
    }
    // The parser sees one line: its own line number would mislead.
    let message = fault.to_string();
    let reason = message.split(" at line ").next().unwrap_or(&message);
    if fault.is_data() {
        Err(format!("not an object with a string in its field `{field}`: {reason}"))
    } else {
        Err(format!("not JSON: {reason} at column {}", fault.column()))
    }
}

/// An object with a text in it. It is not derived, because serde would also accept an array.
struct Record<'t> {
    text: Cow<'t, str>,
}

impl<'de> Deserialize<'de> for Record<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RecordVisitor)
    }
}

struct RecordVisitor;

impl<'de> Visitor<'de> for RecordVisitor {
    type Value = Record<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record<'de>, A::Error> {
        let mut text = None;
        while let Some(IsText(is_text)) = map.next_key()? {
            if !is_text {
                map.next_value::<IgnoredAny>()?;
            } else if text.replace(map.next_value::<RecordText>()?.0).is_some() {
                return Err(A::Error::duplicate_field(FIELD));
            }
        }
        text.map(|text| Record { text }).ok_or_else(|| A::Error::missing_field(FIELD))
    }
}

/// Whether a key is the key of the text.
struct IsText(bool);

impl<'de> Deserialize<'de> for IsText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldKey;
        impl Visitor<'_> for FieldKey {
            type Value = IsText;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a key")
            }

            fn visit_str<E>(self, key: &str) -> Result<IsText, E> {
                Ok(IsText(key == FIELD))
            }
        }
        deserializer.deserialize_identifier(FieldKey)
    }
}

/// A string, borrowed from the line unless it has escapes.
struct RecordText<'t>(Cow<'t, str>);

impl<'de> Deserialize<'de> for RecordText<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RecordTextVisitor;
        impl<'de> Visitor<'de> for RecordTextVisitor {
            type Value = RecordText<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<RecordText<'de>, E> {
                Ok(RecordText(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<RecordText<'de>, E> {
                Ok(RecordText(Cow::Owned(text.to_string())))
            }
        }
        deserializer.deserialize_str(RecordTextVisitor)
    }
}

/// The line with each lone surrogate replaced by the escape of U+FFFD, and the column of the first one; `None` if there
/// is none.
fn replace_lone_surrogates(line: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut mended = line.to_vec();
    let mut first = None;
    let mut place = 0;
    // JSON has backslashes only within strings.
    while let Some(distance) = memchr::memchr(b'\\', &line[place..]) {
        place += distance;
        let low = || escape(line, place + 6).filter(|unit| (0xDC00..0xE000).contains(unit));
        place += match escape(line, place) {
            None => 2,
            Some(0xD800..0xDC00) if low().is_some() => 12,
            Some(0xD800..0xE000) => {
                mended[place..place + 6].copy_from_slice(b"\\ufffd");
                first.get_or_insert(place + 1);
                6
            }
            Some(_) => 6,
        };
        place = place.min(line.len());
    }
    first.map(|column| (mended, column))
}

/// The code unit of the escape `\uXXXX` at a place.
fn escape(line: &[u8], place: usize) -> Option<u32> {
    let digits = line.get(place..place + 6)?.strip_prefix(b"\\u")?;
    let digits =
        std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: &str, invalid: Invalid) -> Result<String, String> {
        with_text(line, invalid, str::to_string)
    }

    fn refused(line: &str) -> String {
        text(line, Invalid::Refuse).expect_err(line)
    }

    #[test]
    fn a_record_is_an_object_with_one_text() {
        for line in
            [r#"{"text":"é\n"}"#, r#"{ "id": [1, {"text": 2}], "text": "é\n" }"#, "{\"te\\u0078t\":\"\\u00e9\\n\"}\r"]
        {
            assert_eq!(text(line, Invalid::Refuse).as_deref(), Ok("é\n"), "{line}");
        }
        assert!(refused(r#"{"txt": ""}"#).ends_with("missing field `text`"));
        assert!(refused(r#"{"text": "a", "text": "b"}"#).ends_with("duplicate field `text`"));
        assert!(refused(r#"{"text": null}"#).ends_with("invalid type: null, expected a string"));
        for line in [r#"["a"]"#, r#""a""#, "1", r#"{"text": ["a"]}"#] {
            assert!(refused(line).starts_with("not an object with a string in its field `text`"), "{line}");
        }
    }

    #[test]
    fn a_line_is_json_as_the_standard_has_it() {
        for line in [
            "{",
            r#"{"text": "a", "n": NaN}"#,
            "{\"text\": \"a\"} x",
            "\u{a0}",
            "\u{c}",
            "{\"text\": \"\t\"}",
            "{'text': 'a'}",
        ] {
            assert!(refused(line).starts_with("not JSON: "), "{line}");
        }
        assert_eq!(refused(r#"{"text": NaN}"#), "not JSON: expected value at column 10");
        let deep = format!(r#"{{"n": {}{}, "text": "a"}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(text(&deep, Invalid::Refuse).as_deref(), Ok("a"));
    }

    #[test]
    fn half_a_surrogate_pair_is_named_or_replaced() {
        for (line, replaced, column) in [
            (r#"{"text":"a\ud83d b"}"#, "a\u{fffd} b", 11),
            (r#"{"text":"\ude00\ud83d\ude00"}"#, "\u{fffd}😀", 10),
            (r#"{"text":"\ud83d\ud83d\uDE00\\ud83d"}"#, "\u{fffd}😀\\ud83d", 10),
            (r#"{"text":"é\ud83d"}"#, "é\u{fffd}", 12),
        ] {
            assert_eq!(refused(line), format!("a lone surrogate at column {column}"));
            assert_eq!(text(line, Invalid::Replace).as_deref(), Ok(replaced));
        }
        // If the line has another fault, that one is reported.
        assert!(text(r#"{"text":"\ud83d"#, Invalid::Replace).unwrap_err().starts_with("not JSON"));
        assert_eq!(text(r#"{"id":"\ud83d","text":"a"}"#, Invalid::Refuse).as_deref(), Ok("a"));
    }
}
