//! The definition of the schemes of the table: one piece at a time, one character at a time.
//!
//! Each function follows the alternatives of the scheme's regex in their order, backtracking included. It is slow and
//! plain on purpose; the fast code is compared with it.

use super::scheme::{Apostrophe, Rules, Space, WordRule};
use crate::unicode::{Class, decode};

/// The end of the piece that begins at `start`. A piece must begin there, before the end of the text.
pub(super) fn piece_end(rules: &Rules, text: &[u8], start: usize) -> usize {
    let own_contraction = match rules.apostrophe {
        Apostrophe::OwnLowerCase => contraction(text, start, false),
        Apostrophe::Own => contraction(text, start, true),
        Apostrophe::Plain | Apostrophe::Suffix | Apostrophe::Elision => None,
    };
    own_contraction
        .or_else(|| word(rules, text, start))
        .or_else(|| number(rules, text, start))
        .or_else(|| punctuation(rules, text, start))
        .unwrap_or_else(|| space(rules, text, start))
}

/// The class and the end of the character at `at`; `None` at the end of the text.
fn class_at(text: &[u8], at: usize) -> Option<(Class, usize)> {
    let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
    let (code_point, length) = decode(rest);
    Some((Class::of(code_point), at + length))
}

/// The end of the run of characters from `at` on for which `wanted` holds, at most `limit` characters (0: no limit).
fn run(text: &[u8], mut at: usize, limit: usize, wanted: impl Fn(Class) -> bool) -> usize {
    let mut length = 0;
    while let Some((class, next)) = class_at(text, at) {
        if !wanted(class) || (limit > 0 && length == limit) {
            break;
        }
        at = next;
        length += 1;
    }
    at
}

/// `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll`, `'d`.
pub(super) fn contraction(text: &[u8], at: usize, any_case: bool) -> Option<usize> {
    (text.get(at) == Some(&b'\'')).then(|| contraction_letters(text, at + 1, any_case)).flatten()
}

/// The letters of a contraction. In any case, `s` is also `ſ` (U+017F), as Unicode's simple case folding has it.
fn contraction_letters(text: &[u8], at: usize, any_case: bool) -> Option<usize> {
    let letter = |i: usize| text.get(at + i).map(|&byte| if any_case { byte.to_ascii_lowercase() } else { byte });
    match (letter(0)?, letter(1)) {
        (b's' | b't' | b'm' | b'd', _) => Some(at + 1),
        (b'r' | b'v', Some(b'e')) | (b'l', Some(b'l')) => Some(at + 2),
        (0xC5, Some(0xBF)) if any_case => Some(at + 2),
        _ => None,
    }
}

/// The alternatives that match words.
fn word(rules: &Rules, text: &[u8], start: usize) -> Option<usize> {
    let (class, after_first) = class_at(text, start)?;
    let prefixed = match rules.word {
        WordRule::SpaceLetters => text[start] == b' ',
        WordRule::Letters | WordRule::Cased => !class.is_letter() && !matches!(class, Class::LineEnd | Class::Number),
    };
    if rules.word != WordRule::Cased {
        let letters = if prefixed { after_first } else { start };
        let end = run(text, letters, 0, Class::is_letter);
        return (end > letters).then_some(end);
    }
    // A mark may be the optional first character or the beginning of the word, so both are tried, in the regex's order.
    let ends = |part: fn(&[u8], usize) -> Option<usize>| {
        prefixed.then(|| part(text, after_first)).flatten().or_else(|| part(text, start))
    };
    let end = ends(small_letters_last).or_else(|| ends(capitals))?;
    Some(suffix(rules, text, end))
}

fn in_upper_run(class: Class) -> bool {
    matches!(class, Class::Upper | Class::Caseless | Class::Mark)
}

fn in_lower_run(class: Class) -> bool {
    matches!(class, Class::Lower | Class::Caseless | Class::Mark)
}

/// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`: if the first part takes everything, it gives back
/// characters up to the last one that the second part can take.
fn small_letters_last(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    let mut last_shared = None;
    while let Some((class, next)) = class_at(text, at).filter(|&(class, _)| in_upper_run(class)) {
        if class != Class::Upper {
            last_shared = Some(next);
        }
        at = next;
    }
    let end = run(text, at, 0, in_lower_run);
    if end > at { Some(end) } else { last_shared }
}

/// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*`
fn capitals(text: &[u8], start: usize) -> Option<usize> {
    let end = run(text, start, 0, in_upper_run);
    (end > start).then(|| run(text, end, 0, in_lower_run))
}

/// The end of a word together with the apostrophe and letters that follow it.
fn suffix(rules: &Rules, text: &[u8], end: usize) -> usize {
    match rules.apostrophe {
        Apostrophe::Suffix => contraction(text, end, true).unwrap_or(end),
        Apostrophe::Elision => elision(text, end).unwrap_or(end),
        Apostrophe::Plain | Apostrophe::OwnLowerCase | Apostrophe::Own => end,
    }
}

/// `['’](?:(?i:s|t|re|ve|m|ll|d)(?!\p{L})|(?! ?[^ \p{L}]))`
pub(super) fn elision(text: &[u8], at: usize) -> Option<usize> {
    let after = match text.get(at..)? {
        [b'\'', ..] => at + 1,
        [0xE2, 0x80, 0x99, ..] => at + 3,
        _ => return None,
    };
    let is_letter = |at| class_at(text, at).is_some_and(|(class, _)| class.is_letter());
    if let Some(end) = contraction_letters(text, after, true).filter(|&end| !is_letter(end)) {
        return Some(end);
    }
    let next = if text.get(after) == Some(&b' ') { after + 1 } else { after };
    let free = next >= text.len() || text[next] == b' ' || is_letter(next);
    free.then_some(after)
}

/// Whether the character after a suffix that ends at `end` depends on the beginning of a piece there: another
/// apostrophe, which cannot be a suffix then, or a mark, which cannot belong to the word.
pub(super) fn is_awkward_after_suffix(text: &[u8], end: usize) -> bool {
    let rest = text.get(end..).unwrap_or_default();
    rest.starts_with(b"'")
        || rest.starts_with("’".as_bytes())
        || class_at(text, end).is_some_and(|(class, _)| class == Class::Mark)
}

fn number(rules: &Rules, text: &[u8], start: usize) -> Option<usize> {
    let first = if rules.digits == 0 && text[start] == b' ' { start + 1 } else { start };
    let end = run(text, first, rules.digits, |class| class == Class::Number);
    (end > first).then_some(end)
}

/// ` ?[^\s\p{L}\p{N}]+` and the line ends that may follow it.
fn punctuation(rules: &Rules, text: &[u8], start: usize) -> Option<usize> {
    let first = if text[start] == b' ' { start + 1 } else { start };
    let end = run(text, first, rules.punctuation, |class| matches!(class, Class::Other | Class::Mark));
    if end == first {
        return None;
    }
    let line_end = |&byte: &u8| match byte {
        b'\r' | b'\n' => rules.line_ends,
        b'/' => rules.slash,
        _ => false,
    };
    Some(end + text[end..].iter().take_while(|byte| line_end(byte)).count())
}

fn space(rules: &Rules, text: &[u8], start: usize) -> usize {
    let end = run(text, start, 0, Class::is_space);
    if end == text.len() && rules.space == Space::LinesOrEnd {
        return end;
    }
    if rules.space != Space::Run
        && let Some(line_end) = memchr::memrchr2(b'\r', b'\n', &text[start..end])
    {
        return start + line_end + 1;
    }
    if end == text.len() {
        return end;
    }
    // Before another character, the last space stays behind, unless it is the only one.
    let last = (start..end).rfind(|&at| !(0x80..0xC0).contains(&text[at])).unwrap_or(start);
    if last > start { last } else { end }
}
