//! The regex of a scheme in the two dialects that files use.
//!
//! In memory and beside `.tiktoken` files a regex has the meaning of `fancy-regex`, as in `tiktoken`. In a
//! `tokenizer.json` a regex has the meaning of Oniguruma, as in `tokenizers`: `$` is the end of a line and not of the
//! text, and `{1,3}+` repeats a repetition and does not forbid backtracking. A regex of the table is translated; any
//! other passes if both read it alike, and is refused if not.

use super::Scheme;
use crate::limits;

/// Where the table's regexes differ: `fancy-regex`, Oniguruma.
const TRANSLATIONS: [(&str, &str); 2] = [(r"\p{N}{1,3}+", r"(?>\p{N}{1,3})"), ("$", r"\z")];

/// Texts that the classes and literals of a regex under `(?i:)` must not spell: Oniguruma lets one character (`ß`, `ﬁ`,
/// `ﬆ`) match these two.
const FOLDED: [&str; 5] = ["ss", "ff", "fi", "fl", "st"];

/// The scheme's regex for a `tokenizer.json`; the reason if there is none.
pub(crate) fn to_oniguruma(scheme: &Scheme) -> Result<String, String> {
    if scheme.name().is_none() {
        return spelled(scheme.pattern());
    }
    Ok(TRANSLATIONS.iter().fold(scheme.pattern().to_string(), |regex, (from, to)| regex.replace(from, to)))
}

/// The scheme that the regex of a `tokenizer.json` states; the reason if none does.
pub(crate) fn from_oniguruma(regex: &str) -> Result<Scheme, String> {
    if regex.len() > limits::PATTERN {
        return Err(format!("a regex of {} bytes; {} is the limit", regex.len(), limits::PATTERN));
    }
    let translated = TRANSLATIONS.iter().fold(regex.to_string(), |regex, (to, from)| regex.replace(from, to));
    let scheme = Scheme::from_pattern(&translated);
    if scheme.name().is_some() && to_oniguruma(&scheme).as_deref() == Ok(regex) {
        return Ok(scheme);
    }
    Ok(Scheme::from_pattern(&self::translated(regex)?))
}

/// The spelling of a regex in Oniguruma; or the construct that both engines read differently, if there is no spelling.
fn spelled(regex: &str) -> Result<String, String> {
    // A construct that `translated` wrote is turned back, if `translated` then writes the same again.
    let constructs = [
        ("(?m:^)", "^"),
        ("(?m:$)", "$"),
        (&*format!("[^{WORD_ALONE}{WORD}]"), r"\W"),
        (&*format!("[{WORD_ALONE}{WORD}]"), r"\w"),
        (WORD, r"\w"),
    ];
    let other = constructs.into_iter().fold(regex.to_string(), |regex, (put, own)| regex.replace(put, own));
    match translated(&other)? {
        same if same == regex => Ok(other),
        _ => Err(format!("a construct in the regex {regex:?}, which regex engines read differently")),
    }
}

/// The characters of words to Oniguruma, within a class: without the joiners that other engines count among them.
const WORD: &str = r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}";
/// Others that are so outside a class alone: the superscript digits and fractions of Latin-1.
const WORD_ALONE: &str = r"\x{B2}\x{B3}\x{B9}\x{BC}-\x{BE}";

/// A regex of Oniguruma's as `fancy-regex` reads it; if it cannot, the construct that stands against it.
pub(crate) fn translated(regex: &str) -> Result<String, String> {
    let differs = |what: &str| Err(format!("{what} in the regex {regex:?}, which regex engines read differently"));
    if regex.len() > limits::PATTERN {
        return Err(format!("a regex of {} bytes; {} is the limit", regex.len(), limits::PATTERN));
    }
    for group in regex.split("(?i:").skip(1) {
        let group = group.split(')').next().unwrap_or_default().to_lowercase();
        if !group.is_ascii() || group.contains('(') || FOLDED.iter().any(|pair| group.contains(pair)) {
            return differs("letters in any case for which one character may stand");
        }
    }
    let mut translated = String::new();
    let mut rest = regex;
    let mut in_class = false;
    while let Some(c) = rest.chars().next() {
        let (taken, step) = match c {
            '\\' => escape(rest, in_class),
            ']' if in_class => {
                in_class = false;
                (1, Construct::Same)
            }
            '&' if in_class && intersection(rest).is_some() => {
                (intersection(rest).unwrap_or_default(), Construct::Same)
            }
            '[' if in_class => (1, Construct::Differs("`[` within a class")),
            '&' | '-' | '~' if in_class && rest[1..].starts_with(c) => (2, Construct::Differs("a set operation")),
            _ if in_class => (c.len_utf8(), Construct::Same),
            '[' => {
                in_class = true;
                let open = if rest.starts_with("[^") { 2 } else { 1 };
                let begins_with_end = rest[open..].starts_with(']');
                (
                    open,
                    if begins_with_end { Construct::Differs("`]` at the start of a class") } else { Construct::Same },
                )
            }
            // Lines, not the text.
            '^' => (1, Construct::As("(?m:^)".into())),
            '$' => (1, Construct::As("(?m:$)".into())),
            '(' => group(rest),
            '{' => repetition(rest),
            _ => (c.len_utf8(), Construct::Same),
        };
        match step {
            Construct::Same => translated.push_str(&rest[..taken]),
            Construct::As(other) => translated.push_str(&other),
            Construct::Differs(what) => return differs(what),
        }
        rest = &rest[taken..];
    }
    Ok(translated)
}

/// The length of `&&[...]` at the end of a class, if properties are all that it holds.
fn intersection(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix("&&[")?;
    let mut properties = inner.strip_prefix('^').unwrap_or(inner);
    while let Some(name) = properties.strip_prefix(r"\p{") {
        properties = &name[name.find('}')? + 1..];
    }
    properties.starts_with("]]").then_some(rest.len() - properties.len() + 1)
}

/// The reading of a construct of a regex.
enum Construct {
    Same,
    As(String),
    Differs(&'static str),
}

/// The length of an escape, and how it is read.
fn escape(rest: &str, in_class: bool) -> (usize, Construct) {
    let Some(c) = rest[1..].chars().next() else { return (1, Construct::Differs("a backslash at the end")) };
    let braced = rest[1 + c.len_utf8()..].starts_with('{');
    let plain = 1 + c.len_utf8();
    match c {
        'w' if in_class => return (plain, Construct::As(WORD.into())),
        'w' => return (plain, Construct::As(format!("[{WORD_ALONE}{WORD}]"))),
        'W' if !in_class => return (plain, Construct::As(format!("[^{WORD_ALONE}{WORD}]"))),
        'u' | 'x' if !braced => {
            let digits = if c == 'u' { 4 } else { 2 };
            let number = rest.get(2..2 + digits).and_then(|digits| u32::from_str_radix(digits, 16).ok());
            // Beyond ASCII `\\x` is a byte.
            return match number.and_then(char::from_u32).filter(|&number| c == 'u' || number.is_ascii()) {
                Some(number) => (2 + digits, Construct::As(format!("\\x{{{:X}}}", u32::from(number)))),
                None => (plain, Construct::Differs("an escape")),
            };
        }
        // A character that nothing gives another meaning.
        _ if !c.is_ascii_graphic() => return (plain, Construct::As(c.to_string())),
        _ => {}
    }
    let known = match c {
        's' | 'S' | 'd' | 'D' | 'p' | 'P' | 'n' | 'r' | 't' | 'f' | 'A' | 'z' => true,
        'x' => braced,
        _ => c.is_ascii_punctuation(),
    };
    let step = if known { Construct::Same } else { Construct::Differs("an escape") };
    let end = if braced && matches!(c, 'p' | 'P' | 'x') { rest.find('}') } else { None };
    (end.map_or(plain, |end| end + 1), step)
}

fn group(rest: &str) -> (usize, Construct) {
    if !rest.starts_with("(?") {
        return (1, Construct::Same);
    }
    let known = ["(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:"].into_iter().find(|open| rest.starts_with(open));
    known.map_or((2, Construct::Differs("a group")), |open| (open.len(), Construct::Same))
}

fn repetition(rest: &str) -> (usize, Construct) {
    let Some(end) = rest.find('}') else { return (1, Construct::Differs("`{`")) };
    let counts = rest[1..end].split_once(',').unwrap_or((&rest[1..end], ""));
    let digits = |count: &str| count.bytes().all(|byte| byte.is_ascii_digit());
    if counts.0.is_empty() || !digits(counts.0) || !digits(counts.1) {
        return (end + 1, Construct::Differs("`{`"));
    }
    let is_repeated = rest[end + 1..].starts_with(['+', '?', '*', '{']);
    (end + 1, if is_repeated { Construct::Differs("the text behind `}`") } else { Construct::Same })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_of_the_table_come_back() {
        for name in Scheme::names() {
            let scheme = Scheme::named(name).unwrap();
            assert_eq!(from_oniguruma(&to_oniguruma(&scheme).unwrap()).unwrap(), scheme);
        }
        let r50k =
            Scheme::from_pattern(r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s");
        assert_eq!(r50k.name(), Some("gpt2"));
        assert!(to_oniguruma(&r50k).unwrap().contains(r"\s++\z"));
        assert_eq!(from_oniguruma(&to_oniguruma(&r50k).unwrap()).unwrap(), r50k);
    }

    #[test]
    fn dialects_are_not_mixed_up() {
        let cl100k = Scheme::named("cl100k").unwrap();
        assert!(!to_oniguruma(&cl100k).unwrap().contains('$'));
        // The regex of tiktoken has another meaning in Oniguruma.
        assert!(from_oniguruma(cl100k.pattern()).is_err());
    }

    #[test]
    fn regexes_that_both_read_alike_pass() {
        for regex in [
            r"\p{L}+|[^\p{L}]+",
            r"[\s\S]+",
            r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"##,
            r"[\p{L}\p{M}&&[^\p{Han}]]*[\p{N}&&[\p{Nd}]]",
            r"(?i:'s|'ll)|\d{1,2}|\x{20AC}{2}|(?<!a)b(?=c)|é++",
            r"",
        ] {
            assert_eq!(from_oniguruma(regex).map(|scheme| scheme.pattern().to_string()).as_deref(), Ok(regex));
        }
    }

    #[test]
    fn regexes_that_can_be_translated_are() {
        for (regex, other) in [
            ("^a$", "(?m:^)a(?m:$)"),
            (r"[\w-]\w", &*format!("[{WORD}-][{WORD_ALONE}{WORD}]")),
            (r"\u00AD\x41\-", r"\x{AD}\x{41}\-"),
            ("\\\n(?=[ \t])", "\n(?=[ \t])"),
        ] {
            assert_eq!(translated(regex).as_deref(), Ok(other));
            assert!(to_oniguruma(&Scheme::from_pattern(regex)).is_err());
            // The regex that is written is read as the same regex again.
            let written = to_oniguruma(&Scheme::from_pattern(other)).unwrap();
            assert_eq!(translated(&written).as_deref(), Ok(other));
        }
    }

    #[test]
    fn regexes_that_they_read_differently_do_not() {
        for regex in [
            r"\bx",
            r"[\W]",
            r"\xe9",
            r"\h",
            r"\R",
            r"(a)\1",
            "[a[b]]",
            "[a&&b]",
            "[a&&[b]]",
            r"[a&&[\p{L}]b]",
            "[]a]",
            "[^]a]",
            "(?m:.)",
            "(?i)a",
            "(?s:.)",
            "(?P<n>a)",
            "(?#c)",
            "a{2}+",
            "a{1,2}?",
            "a{,2}",
            "a{x}",
            "{",
            "(?i:ss)",
            "(?i:é)",
            "(?i:Fi)",
            "(?i:a(?:b)é)",
            "\\",
        ] {
            assert!(from_oniguruma(regex).is_err(), "{regex:?}");
            assert!(to_oniguruma(&Scheme::from_pattern(regex)).is_err(), "{regex:?}");
        }
    }
}
