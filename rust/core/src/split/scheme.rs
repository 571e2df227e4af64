//! The table of schemes: each splitting rule as a regex, and the schemes of the table also as rules that run without
//! one.

/// The treatment of English contractions (`'s`, `'t`, `'re`, `'ve`, `'m`, `'ll`, `'d`) and elision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apostrophe {
    /// Nothing special.
    Plain,
    /// A contraction is a piece of its own, tried first, in lower case only (gpt2).
    OwnLowerCase,
    /// A contraction is a piece of its own, tried first, in any case (cl100k, llama3, qwen2).
    Own,
    /// A contraction belongs to the word before it (o200k).
    Suffix,
    /// Like `Suffix` where no letter follows. Any other apostrophe after a word belongs to the word (`l'`, `ta'`) if a
    /// letter comes next, directly or behind one space (europe).
    Elision,
}

/// The rule for words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordRule {
    /// ` ?\p{L}+`
    SpaceLetters,
    /// `[^\r\n\p{L}\p{N}]?\p{L}+`
    Letters,
    /// Like `Letters`, marks included, but a capital that follows a small letter begins a new word.
    Cased,
}

/// The rule that cuts white space, as far as it belongs to no other piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// `\s+(?!\S)|\s+`
    Run,
    /// `\s*[\r\n]+|\s+(?!\S)|\s+`
    Lines,
    /// `\s++$|\s*[\r\n]|\s+(?!\S)|\s`: as `Lines`, but white space at the end of the text is one piece.
    LinesOrEnd,
}

/// A scheme of the table as constants, which `scan` follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Contractions and elision.
    pub apostrophe: Apostrophe,
    /// Words.
    pub word: WordRule,
    /// The longest run of digits in a piece; 0: ` ?\p{N}+`, without a limit.
    pub digits: usize,
    /// The longest run of punctuation in a piece; 0: without a limit.
    pub punctuation: usize,
    /// Whether `\r` and `\n` after punctuation belong to it.
    pub line_ends: bool,
    /// Whether `/` may stand among these line ends.
    pub slash: bool,
    /// White space.
    pub space: Space,
}

/// One line of the table.
#[derive(Debug, PartialEq, Eq)]
struct NamedScheme {
    name: &'static str,
    /// The regex that is written to files.
    pattern: &'static str,
    /// Other regexes in files that state the same rule: older ones; and, for JavaScript, ones without `(?i:...)`, which its regexes refuse.
    also: &'static [&'static str],
}

const GPT2: Rules = Rules {
    apostrophe: Apostrophe::OwnLowerCase,
    word: WordRule::SpaceLetters,
    digits: 0,
    punctuation: 0,
    line_ends: false,
    slash: false,
    space: Space::Run,
};
const LLAMA3: Rules = Rules {
    apostrophe: Apostrophe::Own,
    word: WordRule::Letters,
    digits: 3,
    punctuation: 0,
    line_ends: true,
    slash: false,
    space: Space::Lines,
};
const O200K: Rules = Rules { apostrophe: Apostrophe::Suffix, word: WordRule::Cased, slash: true, ..LLAMA3 };

/// The number of schemes in the table.
pub(super) const SCHEMES: usize = 7;

/// The rules of each scheme, in the order of the table.
pub(super) const RULES: [Rules; SCHEMES] = [
    GPT2,
    Rules { space: Space::LinesOrEnd, ..LLAMA3 },
    O200K,
    LLAMA3,
    Rules { digits: 1, ..LLAMA3 },
    Rules { apostrophe: Apostrophe::Plain, digits: 1, ..O200K },
    Rules { apostrophe: Apostrophe::Elision, punctuation: 16, ..O200K },
];

/// The schemes, in the order in which they are listed to users.
static TABLE: [NamedScheme; SCHEMES] = [
    NamedScheme {
        name: "gpt2",
        pattern: r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
        also: &[
            r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s",
            r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
        ],
    },
    NamedScheme {
        name: "cl100k",
        pattern: r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
        also: &[],
    },
    NamedScheme {
        name: "o200k",
        pattern: r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        also: &[
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?:'(?:[sSſtTmMdD]|[rR][eE]|[vV][eE]|[lL][lL]))?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?:'(?:[sSſtTmMdD]|[rR][eE]|[vV][eE]|[lL][lL]))?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
    },
    NamedScheme {
        name: "llama3",
        pattern: r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        also: &[
            r"(?:'(?:[sSſtTmMdD]|[rR][eE]|[vV][eE]|[lL][lL]))|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
    },
    NamedScheme {
        name: "qwen2",
        pattern: r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        also: &[
            r"(?:'(?:[sSſtTmMdD]|[rR][eE]|[vV][eE]|[lL][lL]))|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
    },
    NamedScheme {
        name: "tekken",
        pattern: r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        also: &[],
    },
    NamedScheme {
        name: "europe",
        pattern: r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?:['’](?:(?:[sSſtTmMdD]|[rR][eE]|[vV][eE]|[lL][lL])(?!\p{L})|(?! ?[^ \p{L}])))?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?:['’](?:(?:[sSſtTmMdD]|[rR][eE]|[vV][eE]|[lL][lL])(?!\p{L})|(?! ?[^ \p{L}])))?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]{1,16}[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        also: &[
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?:['’](?:(?i:s|t|re|ve|m|ll|d)(?!\p{L})|(?! ?[^ \p{L}])))?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?:['’](?:(?i:s|t|re|ve|m|ll|d)(?!\p{L})|(?! ?[^ \p{L}])))?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]{1,16}[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
    },
];

/// A splitting rule: a scheme of the table, or a user's regex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme(Choice);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Choice {
    Table { number: usize, pattern: &'static str },
    Custom(String),
}

impl Scheme {
    /// The scheme of the table with this name.
    pub fn named(name: &str) -> Option<Self> {
        let number = TABLE.iter().position(|entry| entry.name == name)?;
        Some(Self(Choice::Table { number, pattern: TABLE[number].pattern }))
    }

    /// The scheme that a regex states: the scheme of the table that has this regex, or else the regex itself.
    pub fn from_pattern(pattern: &str) -> Self {
        for (number, entry) in TABLE.iter().enumerate() {
            if let Some(known) = std::iter::once(&entry.pattern).chain(entry.also).find(|known| **known == pattern) {
                return Self(Choice::Table { number, pattern: known });
            }
        }
        Self(Choice::Custom(pattern.to_string()))
    }

    /// The names of the table.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TABLE.iter().map(|entry| entry.name)
    }

    /// The name in the table; `None` for a user's regex.
    pub fn name(&self) -> Option<&'static str> {
        match &self.0 {
            Choice::Table { number, .. } => Some(TABLE[*number].name),
            Choice::Custom(_) => None,
        }
    }

    /// The regex, as its file states it.
    pub fn pattern(&self) -> &str {
        match &self.0 {
            Choice::Table { pattern, .. } => pattern,
            Choice::Custom(pattern) => pattern,
        }
    }

    /// The place in the table; `None` for a user's regex.
    pub(super) fn number(&self) -> Option<usize> {
        match &self.0 {
            Choice::Table { number, .. } => Some(*number),
            Choice::Custom(_) => None,
        }
    }
}
