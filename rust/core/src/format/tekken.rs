//! Mistral's Tekken JSON: ranks as in `.tiktoken`, after a block of special tokens.
//!
//! The special tokens have the first ids. The ordinary tokens follow, and only as many of them are used as the
//! configured size leaves room for.

use base64::prelude::{BASE64_STANDARD, Engine};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;

use super::entries::FileTokens;
use super::json::{JsonText, List};
use crate::error::{Error, Result};
use crate::limits;
use crate::memory::collect;
use crate::split::Scheme;
use crate::vocab::{Merges, NormalForm, Special, Vocab};

/// The special tokens of files that do not list them.
const UNLISTED: [&str; 20] = [
    "<unk>",
    "<s>",
    "</s>",
    "[INST]",
    "[/INST]",
    "[AVAILABLE_TOOLS]",
    "[/AVAILABLE_TOOLS]",
    "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]",
    "[TOOL_CALLS]",
    "[IMG]",
    "<pad>",
    "[IMG_BREAK]",
    "[IMG_END]",
    "[PREFIX]",
    "[MIDDLE]",
    "[SUFFIX]",
    "[SYSTEM_PROMPT]",
    "[/SYSTEM_PROMPT]",
    "[TOOL_CONTENT]",
];

#[derive(Deserialize)]
struct TekkenFile<'a> {
    #[serde(borrow)]
    config: Config<'a>,
    #[serde(borrow)]
    vocab: List<TekkenToken<'a>>,
    #[serde(borrow)]
    special_tokens: Option<List<SpecialToken<'a>>>,
}

#[derive(Deserialize)]
struct Config<'a> {
    #[serde(borrow)]
    pattern: JsonText<'a>,
    default_vocab_size: u32,
    default_num_special_tokens: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TekkenToken<'a> {
    rank: u32,
    #[serde(borrow)]
    token_bytes: JsonText<'a>,
    #[serde(rename = "token_str")]
    _token_str: IgnoredAny,
}

#[derive(Deserialize)]
struct SpecialToken<'a> {
    rank: u32,
    #[serde(borrow)]
    token_str: JsonText<'a>,
}

/// Reads a Tekken file.
pub(super) fn read(origin: &str, data: &[u8]) -> Result<Vocab> {
    let fail = |reason| Error::format(origin, reason);
    let file: TekkenFile<'_> = serde_json::from_slice(data).map_err(|error| Error::format(origin, error))?;
    let Config { pattern, default_vocab_size: size, default_num_special_tokens: special, .. } = &file.config;
    let Some(ordinary) = size.checked_sub(*special).filter(|&count| count as usize <= file.vocab.0.len()) else {
        return Err(fail(format!(
            "a vocabulary of {size} with {special} special tokens does not fit the {} tokens listed",
            file.vocab.0.len()
        )));
    };
    let named = file.special_tokens.as_ref().map_or(0, |listed| listed.0.len() as u32);
    if special.saturating_sub(named) > limits::UNNAMED {
        let most = limits::UNNAMED;
        return Err(fail(format!(
            "{special} special tokens, of which {named} are named; {most} may be without a name"
        )));
    }
    let mut entries = FileTokens::default();
    for (place, token) in file.vocab.0.iter().take(ordinary as usize).enumerate() {
        if token.rank as usize != place {
            return Err(fail(format!("the token at place {place} has the rank {}", token.rank)));
        }
        let base64 = &token.token_bytes.0;
        entries
            .push(place, |bytes| {
                bytes.try_reserve(base64.len()).map_err(Error::from)?;
                let decoded = BASE64_STANDARD.decode_vec(base64.as_bytes(), bytes);
                decoded.map_err(|error| format!("rank {place}: the token is not base64: {error}"))?;
                Ok(special + token.rank)
            })
            .map_err(fail)?;
    }
    let tokens = entries.into_tokens(|rank| format!("rank {rank}: ")).map_err(fail)?;
    let specials = specials(file.special_tokens, *special).map_err(fail)?;
    Vocab::new(origin, tokens, Merges::Ranks, specials, Scheme::from_pattern(&pattern.0), NormalForm::None)
}

/// The listed special tokens, and fillers for the rest of their block.
fn specials(listed: Option<List<SpecialToken<'_>>>, count: u32) -> Result<Vec<Special>, String> {
    let listed: Vec<(u32, Cow<'_, str>)> = match listed {
        Some(List(listed)) => collect(listed.into_iter().map(|token| (token.rank, token.token_str.0)))?,
        None => (0..).zip(UNLISTED).map(|(rank, content)| (rank, content.into())).collect(),
    };
    if let Some((rank, content)) = listed.iter().find(|(rank, _)| *rank >= count) {
        return Err(format!("the special token {content:?} has the rank {rank}, but there are {count}"));
    }
    let fillers = (listed.len() as u32..count).map(|rank| (rank, format!("<SPECIAL_{rank}>").into()));
    let special = |(id, content): (u32, Cow<'_, str>)| Special { content: content.into_owned(), id, special: true };
    Ok(collect(listed.into_iter().chain(fillers).map(special))?)
}
