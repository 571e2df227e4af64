//! From a tokenizer with BPE over characters to one over bytes.

use std::slice;

use hashbrown::{HashMap, HashSet};

use super::joints::Joints;
use super::rewrite::{Rewrites, Rule};
use super::{Characters, Prefix};
use crate::bpe::effective::{EffectiveMerge, sufficient};
use crate::error::{Error, Result};
use crate::memory::Grow;
use crate::split::Scheme;
use crate::vocab::pipeline::{Bpe, Merge, Model, Normalizer, Pattern, Pipeline, PreTokenizer, PrependScheme};
use crate::vocab::{self, Merges, Special, Tokens, Vocab};

/// A tokenizer over bytes that gives the ids of one over characters.
pub(in crate::encode) struct Lowered {
    pub(in crate::encode) vocab: Vocab,
    pub(in crate::encode) merges: Vec<EffectiveMerge>,
    pub(in crate::encode) characters: Characters,
}

/// Lowers a tokenizer, if each of its stages can be: BPE whose every byte has a token, no splits but at spaces, and rules that concern
/// single characters.
///
/// # Errors
/// [`Error::Memory`](crate::Error::Memory).
pub(in crate::encode) fn lower(pipeline: &Pipeline) -> Result<Option<Lowered>> {
    let Model::Bpe(bpe) = &pipeline.model else { return Ok(None) };
    let affixes = [&bpe.continuing_subword_prefix, &bpe.end_of_word_suffix];
    if !bpe.byte_fallback || bpe.ignore_merges || affixes.into_iter().flatten().any(|affix| !affix.is_empty()) {
        return Ok(None);
    }
    let plain = |token: &crate::vocab::pipeline::AddedToken| {
        !(token.single_word || token.lstrip || token.rstrip || token.normalized)
    };
    let Some(mut text) = Shaping::of(pipeline).filter(|_| pipeline.added.iter().all(plain)) else { return Ok(None) };
    let Some(spelling) = Spelling::of(bpe, text.has_spaces)? else { return Ok(None) };
    if text.has_spaces && !text.rewrites.add(METASPACE, Rule::Space) {
        return Ok(None);
    }
    let Spelling { tokens, pairs, fragments } = spelling;
    let first_fragment = tokens.len() - fragments.len();
    let whole = Scheme::from_pattern(r"[\s\S]+");
    let merges = Merges::List { pairs, ignore_merges: false };
    let mut vocab = match Vocab::new("tokenizer", tokens, merges, Vec::new(), whole, vocab::NormalForm::None) {
        Ok(vocab) => vocab,
        Err(Error::Memory) => return Err(Error::Memory),
        // Too many tokens, fragments included.
        Err(_) => return Ok(None),
    };
    let special = |token: &crate::vocab::pipeline::AddedToken| Special {
        content: token.content.clone(),
        id: token.id,
        special: token.special,
    };
    vocab.specials = pipeline.added.iter().map(special).collect();
    let merges = sufficient(&vocab)?;
    let made = merges.iter().take_while(|merge| merge.result as usize >= first_fragment);
    let fragments = made.map(|merge| vocab.tokens.get(merge.result).to_vec()).collect();
    let joints = Joints::new(merges.iter().map(|merge| vocab.tokens.get(merge.result)), text.at_spaces)?;
    let characters = Characters { joints, rewrites: text.rewrites, prefix: text.prefix, fragments };
    Ok(Some(Lowered { vocab, merges, characters }))
}

/// The spelling of a space in vocabularies.
const METASPACE: char = '▁';

/// The changes that the stages before the model make to a text.
struct Shaping {
    rewrites: Rewrites,
    prefix: Prefix,
    /// Whether spaces become [`METASPACE`].
    has_spaces: bool,
    at_spaces: bool,
}

impl Shaping {
    fn of(pipeline: &Pipeline) -> Option<Self> {
        let mut shaping =
            Self { rewrites: Rewrites::default(), prefix: Prefix::Never, has_spaces: false, at_spaces: false };
        if let Some(normalizer) = &pipeline.normalizer {
            let mut stages = Vec::new();
            flatten(normalizer, &mut stages);
            let mut order = NormalizerKind::First;
            for stage in stages {
                let kind = shaping.normalizer(stage, order)?;
                if kind < order {
                    return None;
                }
                order = kind;
            }
        }
        if shaping.prefix != Prefix::Never && !shaping.has_spaces {
            return None;
        }
        match &pipeline.pre_tokenizer {
            None => {}
            Some(PreTokenizer::Metaspace(metaspace))
                if metaspace.replacement == METASPACE && shaping.prefix == Prefix::Never =>
            {
                shaping.has_spaces = true;
                shaping.at_spaces = metaspace.split;
                shaping.prefix = match metaspace.prepend_scheme {
                    PrependScheme::Never => Prefix::Never,
                    PrependScheme::First => Prefix::Unless { always: false },
                    PrependScheme::Always => Prefix::Unless { always: true },
                };
            }
            // Spaces are gone, so this finds nothing to split at.
            Some(PreTokenizer::Split { pattern: Pattern::String(pattern), invert: false, .. })
                if shaping.has_spaces && (pattern.contains(' ') || shaping.rewrites.leaves_none(pattern)) => {}
            Some(_) => return None,
        }
        Some(shaping)
    }

    /// Records a normalizer that follows one of kind `order`, and returns its own kind.
    fn normalizer(&mut self, normalizer: &Normalizer, order: NormalizerKind) -> Option<NormalizerKind> {
        match normalizer {
            Normalizer::Nfc if !self.rewrites.nfc => {
                self.rewrites.nfc = true;
                Some(NormalizerKind::First)
            }
            Normalizer::Prepend { prepend } if self.prefix == Prefix::Never => {
                self.prefix = Prefix::Always;
                match &prepend[..] {
                    "▁" => Some(order.max(NormalizerKind::Prefix)),
                    " " => Some(NormalizerKind::Prefix),
                    _ => None,
                }
            }
            Normalizer::Replace { pattern, content } => self.replace(pattern, content),
            _ => None,
        }
    }

    fn replace(&mut self, pattern: &Pattern, content: &str) -> Option<NormalizerKind> {
        if let Some(characters) = literals(pattern) {
            let (rule, kind) = match content {
                "" => (Rule::Drop, NormalizerKind::Drop),
                "▁" => (Rule::Space, NormalizerKind::Spaces),
                _ => return None,
            };
            for character in characters {
                // A space that becomes one needs no rule.
                if character == ' ' && rule == Rule::Space {
                    self.has_spaces = true;
                } else if !self.rewrites.add(character, rule) {
                    return None;
                }
            }
            return Some(kind);
        }
        let regex = match pattern {
            Pattern::String(text) if !text.is_empty() => {
                self.rewrites.early.push((text.clone(), content.to_string()));
                return Some(NormalizerKind::Early);
            }
            Pattern::String(_) => return None,
            Pattern::Regex(regex) => regex,
        };
        let before = regex.strip_suffix(r"(?=[ \w])")?;
        let literal = before.strip_prefix('(').and_then(|group| group.strip_suffix(')')).unwrap_or(before);
        let character = single(literal).filter(|&character| !is_of_class(character))?;
        let is_parting = content.strip_prefix(character) == Some(" ");
        (is_parting && self.rewrites.add(character, Rule::Part)).then_some(NormalizerKind::Part)
    }
}

/// The order in which normalizers must stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum NormalizerKind {
    First,
    /// A longer text in place of another.
    Early,
    Drop,
    Part,
    Prefix,
    Spaces,
}

/// The normalizers that follow one another.
fn flatten<'n>(normalizer: &'n Normalizer, stages: &mut Vec<&'n Normalizer>) {
    match normalizer {
        Normalizer::Sequence { normalizers } => normalizers.iter().for_each(|stage| flatten(stage, stages)),
        stage => stages.push(stage),
    }
}

/// Whether a character may be one that the rules look for behind others.
fn is_of_class(character: char) -> bool {
    character == ' ' || character.is_alphanumeric() || character == '_'
}

/// The characters that a pattern looks for one by one, if it is no other.
fn literals(pattern: &Pattern) -> Option<Vec<char>> {
    match pattern {
        Pattern::String(text) => Some(vec![text.chars().next().filter(|first| first.len_utf8() == text.len())?]),
        Pattern::Regex(regex) => match regex.strip_prefix('[').and_then(|class| class.strip_suffix(']')) {
            None => Some(vec![single(regex)?]),
            Some(class) => {
                let mut characters = Vec::new();
                let mut rest = class;
                while !rest.is_empty() {
                    let (character, length) = literal(rest)?;
                    characters.push(character);
                    rest = &rest[length..];
                }
                Some(characters)
            }
        },
    }
}

/// The one character that a regex means.
fn single(regex: &str) -> Option<char> {
    let (character, length) = literal(regex)?;
    (length == regex.len()).then_some(character)
}

/// The character that a regex begins with, in a class or out of one, and how long its spelling is.
fn literal(regex: &str) -> Option<(char, usize)> {
    let first = regex.chars().next()?;
    if first != '\\' {
        let is_plain = !first.is_ascii_punctuation() || matches!(first, '\'' | '"' | '/' | '<' | '>' | ',' | ';' | '_');
        return is_plain.then_some((first, first.len_utf8()));
    }
    let escaped = regex[1..].chars().next()?;
    let hexadecimal = |digits: usize| {
        let number = u32::from_str_radix(regex.get(2..2 + digits)?, 16).ok()?;
        Some((char::from_u32(number)?, 2 + digits))
    };
    match escaped {
        'n' => Some(('\n', 2)),
        'r' => Some(('\r', 2)),
        't' => Some(('\t', 2)),
        'x' => hexadecimal(2),
        'u' => hexadecimal(4),
        other if !other.is_alphanumeric() => Some((other, 1 + other.len_utf8())),
        _ => None,
    }
}

/// A vocabulary in bytes.
struct Spelling {
    /// Fragments have the last ids.
    tokens: Tokens,
    pairs: Vec<(u32, u32)>,
    /// Fragments; some of them may never be made.
    fragments: Vec<u32>,
}

impl Spelling {
    /// The spelling of a model's tokens; none if a byte has no token, or if merges concern the tokens of bytes.
    fn of(bpe: &Bpe, has_spaces: bool) -> Result<Option<Self>> {
        // Without an entry for ▁, the model would split a space into the three bytes of ▁.
        if has_spaces && bpe.entries.id("▁").is_none() {
            return Ok(None);
        }
        let Some(of_byte) = tokens_of_bytes(bpe) else { return Ok(None) };
        let Some((mut tokens, characters)) = spell_tokens(bpe, &of_byte, has_spaces)? else { return Ok(None) };
        let (mut pairs, mut of_characters, mut fragments) = (Vec::new(), Vec::new(), Vec::new());
        for character in characters {
            let mut buffer = [0; 4];
            let bytes = character.encode_utf8(&mut buffer).as_bytes();
            let mut left = of_byte[usize::from(bytes[0])];
            for length in 2..=bytes.len() {
                let pair = (left, of_byte[usize::from(bytes[length - 1])]);
                if let Some(id) = tokens.id(&bytes[..length]) {
                    if length == bytes.len() {
                        of_characters.try_push(pair)?;
                    }
                    left = id;
                } else {
                    left = tokens.push(&bytes[..length])?;
                    pairs.try_push(pair)?;
                    fragments.try_push(left)?;
                }
            }
        }
        pairs.try_extend(of_characters)?;
        let is_there = |id: u32| !tokens.get(id).is_empty();
        for merge in &bpe.merges {
            // A token without bytes here occurs in no text, so its merges are left out.
            if [merge.left, merge.right, merge.result].into_iter().all(is_there) {
                if tokens.get(merge.result) != [tokens.get(merge.left), tokens.get(merge.right)].concat() {
                    return Ok(None);
                }
                pairs.try_push((merge.left, merge.right))?;
            }
        }
        Ok(Some(Self { tokens, pairs, fragments }))
    }
}

/// The tokens of the 256 bytes, such as `<0x0A>`; none if one is missing, or if a merge concerns one.
fn tokens_of_bytes(bpe: &Bpe) -> Option<[u32; 256]> {
    let mut of_byte = [0; 256];
    for byte in 0..=u8::MAX {
        of_byte[usize::from(byte)] = bpe.entries.id(&format!("<0x{byte:02X}>"))?;
    }
    let all: HashSet<u32> = of_byte.into_iter().collect();
    let concerns = |merge: &Merge| [merge.left, merge.right, merge.result].iter().any(|id| all.contains(id));
    (!bpe.merges.iter().any(concerns)).then_some(of_byte)
}

/// The bytes of each token, and the characters beyond ASCII that are tokens; none if two tokens have the same bytes.
fn spell_tokens(bpe: &Bpe, of_byte: &[u32; 256], has_spaces: bool) -> Result<Option<(Tokens, Vec<char>)>> {
    let entries = &bpe.entries;
    let byte_of: HashMap<u32, u8> = of_byte.iter().copied().zip(0..=u8::MAX).collect();
    // An ASCII character with a token of its own is never spelled by the token of its byte.
    let is_character = |byte: u8| {
        let text =
            if has_spaces && byte == b' ' { "▁" } else { str::from_utf8(slice::from_ref(&byte)).unwrap_or("") };
        byte.is_ascii() && entries.id(text).is_some()
    };
    let (mut tokens, mut characters, mut bytes) = (Tokens::new(), Vec::new(), Vec::new());
    for id in 0..entries.size() as u32 {
        bytes.clear();
        if let Some(&byte) = byte_of.get(&id) {
            if !is_character(byte) {
                bytes.push(byte);
            }
        } else if let Some(text) = entries.text(id).filter(|text| entries.id(text) == Some(id)) {
            // The model never sees a space itself, so a token with a space in it is never used.
            if !has_spaces || !text.contains(' ') {
                respell(text, has_spaces, &mut bytes)?;
            }
            let mut all = text.chars();
            if let (Some(character), None) = (all.next(), all.next())
                && !character.is_ascii()
                && !(has_spaces && character == METASPACE)
            {
                characters.try_push(character)?;
            }
        }
        if tokens.try_push(&bytes).is_err() {
            return Ok(None);
        }
    }
    Ok(Some((tokens, characters)))
}

/// Appends a text, a space for each [`METASPACE`] if that is how they are spelled.
fn respell(text: &str, has_spaces: bool, bytes: &mut Vec<u8>) -> Result<()> {
    for (number, part) in text.split(METASPACE).enumerate() {
        if number > 0 {
            bytes.try_extend_from_slice(if has_spaces { b" " } else { "▁".as_bytes() })?;
        }
        bytes.try_extend_from_slice(part.as_bytes())?;
    }
    Ok(())
}
