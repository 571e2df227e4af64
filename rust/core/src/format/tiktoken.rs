//! `.tiktoken`: a line `base64 rank` for each token, and nothing else.
//!
//! The file has neither the regex nor the special tokens. [`save`](super::save) writes them to `<path>.json`. Files
//! from elsewhere need a hint, unless their tokens equal a published vocabulary.

use base64::prelude::{BASE64_STANDARD, Engine};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::entries::FileTokens;
use super::json::{self, JsonIds, JsonText, List, Strict};
use super::known;
use crate::bpe::effective::{effective, effective_by_rank};
use crate::error::{Error, Result};
use crate::memory::{Grow, collect, filled};
use crate::split::Scheme;
use crate::vocab::{Carried, Inert, Merges, NormalForm, Special, Tokens, Vocab, carried, show};

/// The parts of a vocabulary that a `.tiktoken` file does not state.
#[derive(Debug, Default)]
pub(super) struct Unsaid {
    pub scheme: Option<Scheme>,
    pub specials: Option<Vec<Special>>,
    pub inert: Vec<Inert>,
    pub carried: Carried,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sidecar<'a> {
    #[serde(borrow)]
    pattern: JsonText<'a>,
    #[serde(borrow)]
    special_tokens: JsonIds<'a>,
    #[serde(borrow, default)]
    inert: JsonIds<'a>,
    post_processor: Option<Strict>,
    padding: Option<Strict>,
    truncation: Option<Strict>,
    #[serde(default)]
    steered_by: List<String>,
    #[serde(default)]
    kept: List<u32>,
}

#[derive(Serialize)]
struct OutputSidecar<'v> {
    pattern: &'v str,
    #[serde(serialize_with = "specials")]
    special_tokens: &'v [Special],
    #[serde(serialize_with = "inert", skip_serializing_if = "<[_]>::is_empty")]
    inert: &'v [Inert],
    #[serde(skip_serializing_if = "Option::is_none")]
    post_processor: Option<&'v Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    padding: Option<&'v Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncation: Option<&'v Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    steered_by: &'v [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    kept: &'v [u32],
}

fn specials<S: Serializer>(specials: &[Special], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(specials.iter().map(|special| (&special.content, special.id)))
}

fn inert<S: Serializer>(inert: &[Inert], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(inert.iter().map(|entry| (&entry.content, entry.id)))
}

/// Whether the first line is that of a `.tiktoken` file.
pub(super) fn is(data: &[u8]) -> bool {
    lines(data).next().is_some_and(|(_, line)| parse(line, &mut Vec::new()).is_ok())
}

/// Reads a `.tiktoken` file.
pub(super) fn read(origin: &str, data: &[u8], unsaid: Unsaid) -> Result<Vocab> {
    let fail = |reason| Error::format(origin, reason);
    let (mut entries, mut inert) = (FileTokens::default(), unsaid.inert);
    for (number, line) in lines(data) {
        // Whisper's file has an empty token, which no text is made of.
        if let Some(Ok(id)) = line.strip_prefix(b"= ").map(parse_rank) {
            inert.try_push(Inert { content: String::new(), id })?;
            continue;
        }
        entries.push(number, |token| parse(line, token)).map_err(|reason| fail(format!("line {number}: {reason}")))?;
    }
    let tokens = entries.into_tokens(|line| format!("line {line}: ")).map_err(fail)?;
    let (mut scheme, mut specials) = (unsaid.scheme, unsaid.specials);
    if (scheme.is_none() || specials.is_none())
        && let Some(published) = known::find(&to_lines(&tokens)?)
    {
        scheme = scheme.or_else(|| Some(published.scheme()));
        specials = specials.or_else(|| Some(published.specials()));
    }
    let Some(scheme) = scheme else {
        return Err(fail(
            "a .tiktoken file does not say how text is split, and these tokens are of no published vocabulary: \
             pass its scheme, a name or a regex"
                .to_string(),
        ));
    };
    let specials = specials.unwrap_or_default();
    let vocab = Vocab::new(origin, tokens, Merges::Ranks, specials, scheme, NormalForm::None)?;
    Vocab { carried: unsaid.carried, ..vocab }.with_inert(origin, inert)
}

/// Reads the file beside a `.tiktoken` file.
pub(super) fn read_sidecar(origin: &str, data: &[u8]) -> Result<Unsaid> {
    json::probe(data)?;
    let sidecar: Sidecar<'_> = serde_json::from_slice(data).map_err(|error| Error::format(origin, error))?;
    let value = |part: Option<Strict>| part.map(|Strict(value)| value);
    let special = |(content, id): (_, u32)| Special { content: String::from(content), id, special: true };
    Ok(Unsaid {
        scheme: Some(Scheme::from_pattern(&sidecar.pattern.0)),
        specials: Some(collect(sidecar.special_tokens.0.into_iter().map(special))?),
        inert: collect(sidecar.inert.0.into_iter().map(|(content, id)| Inert { content: content.into(), id }))?,
        carried: Carried {
            post_processor: value(sidecar.post_processor),
            padding: value(sidecar.padding),
            truncation: value(sidecar.truncation),
            steered_by: sidecar.steered_by.0,
            kept: carried::ascending(sidecar.kept.0),
        },
    })
}

/// The lines that are not blank, with their numbers.
fn lines(data: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let lines = data.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    lines.enumerate().map(|(place, line)| (place + 1, line)).filter(|(_, line)| !line.is_empty())
}

/// Appends the token of a line and returns its rank.
fn parse(line: &[u8], token: &mut Vec<u8>) -> Result<u32, String> {
    let mut fields = line.split(|&byte| byte == b' ');
    let (Some(base64), Some(rank), None) = (fields.next(), fields.next(), fields.next()) else {
        return Err("it is not `base64 rank`".to_string());
    };
    let number = parse_rank(rank)?;
    token.try_reserve(base64.len()).map_err(Error::from)?;
    BASE64_STANDARD
        .decode_vec(base64, token)
        .map_err(|error| format!("\"{}\" is not base64: {error}", excerpt(base64)))?;
    Ok(number)
}

fn parse_rank(rank: &[u8]) -> Result<u32, String> {
    let digits = rank.iter().all(u8::is_ascii_digit).then_some(rank);
    let number = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    number.ok_or_else(|| format!("\"{}\" is not a rank (0 to {})", excerpt(rank), u32::MAX))
}

/// The beginning of a field, for an error.
fn excerpt(field: &[u8]) -> String {
    field[..field.len().min(40)].escape_ascii().to_string()
}

/// The lines of a `.tiktoken` file, by rank.
pub(super) fn to_lines(tokens: &Tokens) -> Result<Vec<u8>> {
    let mut text = String::new();
    for (id, token) in tokens.iter() {
        // Four characters stand for three bytes; an id has at most ten digits.
        text.try_reserve(4 * (token.len() / 3 + 1) + 12)?;
        BASE64_STANDARD.encode_string(token, &mut text);
        text.push_str(&format!(" {id}\n"));
    }
    Ok(text.into_bytes())
}

/// Writes a `.tiktoken` file and the file beside it.
///
/// # Errors
/// [`Error::Unsupported`] if the ranks would not give the ids of `vocab`, with a token that shows it.
pub(super) fn write(vocab: &Vocab) -> Result<(Vec<u8>, Vec<u8>)> {
    check(vocab)?;
    let sidecar = OutputSidecar {
        pattern: vocab.scheme.pattern(),
        special_tokens: &vocab.specials,
        inert: &vocab.inert,
        post_processor: vocab.carried.post_processor.as_ref(),
        padding: vocab.carried.padding.as_ref(),
        truncation: vocab.carried.truncation.as_ref(),
        steered_by: &vocab.carried.steered_by,
        kept: &vocab.carried.kept,
    };
    let sidecar = json::to_pretty_bytes(&sidecar)?;
    Ok((to_lines(&vocab.tokens)?, sidecar))
}

/// Whether ranks can express the vocabulary.
///
/// *Claim.* Ranks give the same ids if they have the same effective merges in the same order, and if each piece that is
/// a token becomes that token. *Proof.* A text is only merged by [effective](crate::bpe::effective) merges, in their
/// order; and `tiktoken` always takes a piece that is a token as that token.
fn check(vocab: &Vocab) -> Result<()> {
    let refuse = |reason: String| Err(Error::unsupported(".tiktoken", reason));
    if vocab.normalizer != NormalForm::None {
        return refuse("a normalizer; tiktoken has none".to_string());
    }
    if let Some(added) = vocab.specials.iter().find(|special| !special.special) {
        return refuse(format!("the added token {:?}; tiktoken finds special tokens only on request", added.content));
    }
    let Merges::List { ignore_merges, .. } = vocab.merges else { return Ok(()) };
    let show_id = |id| show(vocab.tokens.get(id));
    let merges = effective(vocab)?;
    if let Some(pair) = merges.windows(2).find(|pair| pair[0].result > pair[1].result) {
        let [first, second] = [pair[0].result, pair[1].result];
        return refuse(format!(
            "{} is merged before {}, but its id is larger; tiktoken merges by id",
            show_id(first),
            show_id(second)
        ));
    }
    let by_rank = effective_by_rank(vocab)?;
    let same = merges.iter().zip(&by_rank).take_while(|(ours, theirs)| ours == theirs).count();
    if let Some(merge) = merges[same..].first().into_iter().chain(by_rank.get(same)).min_by_key(|merge| merge.result) {
        return refuse(format!("{} is merged otherwise, or not at all, when merging by id", show_id(merge.result)));
    }
    if !ignore_merges {
        let mut made = filled(false, vocab.tokens.len())?;
        merges.iter().for_each(|merge| made[merge.result as usize] = true);
        if let Some((_, token)) = vocab.tokens.iter().find(|(id, token)| token.len() > 1 && !made[*id as usize]) {
            return refuse(format!("{} is a token that no merges make; tiktoken would use it", show(token)));
        }
    }
    Ok(())
}
