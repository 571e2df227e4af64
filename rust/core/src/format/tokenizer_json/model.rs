//! The `model` of a `tokenizer.json`: the vocabulary and the merges.

use hashbrown::{HashMap, HashSet};

use super::{AddedTokenJson, BpeModelJson};
use crate::error::Error;
use crate::format::entries::FileTokens;
use crate::format::json::{JsonIds, JsonMerge, List};
use crate::memory::{Grow, copied_text};
use crate::vocab::{Inert, Tokens, alphabet};

/// The parts of a model.
pub(super) struct Parts {
    pub tokens: Tokens,
    pub pairs: Vec<(u32, u32)>,
    pub inert: Vec<Inert>,
}

/// The tokens and merges of the model, or its contradiction.
pub(super) fn read(model: &BpeModelJson<'_>, added: &[AddedTokenJson<'_>]) -> Result<Parts, String> {
    let BpeModelJson { vocab: JsonIds(vocab), merges: List(merges), .. } = model;
    let mut ids: HashMap<&str, u32> = HashMap::new();
    ids.try_reserve(added.len()).map_err(Error::from)?;
    ids.extend(added.iter().map(|token| (&*token.content, token.id)));
    // It never has more entries than there are added tokens.
    let mut merged = HashSet::new();
    merged.try_reserve(added.len()).map_err(Error::from)?;
    let mut joined = String::new();
    for JsonMerge(left, right) in merges {
        joined.clear();
        joined.try_reserve(left.len() + right.len()).map_err(Error::from)?;
        joined.push_str(left);
        joined.push_str(right);
        merged.extend(
            [left, right, &joined[..]]
                .into_iter()
                .filter_map(|text| ids.get_key_value(text))
                .map(|(content, _)| *content),
        );
    }

    let mut entries = FileTokens::default();
    let mut inert = Vec::new();
    let mut bytes = Vec::new();
    let mut known = HashSet::new();
    known.try_reserve(added.len()).map_err(Error::from)?;
    for (place, (spelling, id)) in vocab.iter().enumerate() {
        if let Some((content, expected)) = ids.get_key_value(&**spelling) {
            if expected != id {
                return Err(format!("{spelling:?} has the id {id} in the vocabulary, {expected} as an added token"));
            }
            if !known.insert(*content) {
                return Err(format!("{spelling:?} occurs twice in the vocabulary"));
            }
            // This entry gives the added token its id; the model has no other use for it.
            let used = spelling.chars().nth(1).is_none() || merged.contains(content);
            bytes.clear();
            if !used || !alphabet::read(spelling, &mut bytes)? {
                continue;
            }
        }
        bytes.clear();
        if alphabet::read(spelling, &mut bytes)? && !bytes.is_empty() {
            entries.push(place, |token| {
                token.try_extend_from_slice(&bytes)?;
                Ok(*id)
            })?;
        } else {
            // Texts arrive in the byte-level alphabet, so the model never meets other characters, or an empty token.
            inert.try_push(Inert { content: copied_text(spelling)?, id: *id })?;
        }
    }
    let tokens = entries.into_tokens(|_| String::new())?;
    // `tokenizers` goes by content: a token that the vocabulary lacks gets the next id, not the id that the file
    // states.
    let absent = added.iter().filter(|token| !known.contains(&*token.content));
    for (token, next) in absent.zip(vocab.len()..) {
        if token.id as usize != next {
            return Err(format!("the added token {:?} states the id {}, but {next} is next", token.content, token.id));
        }
    }
    let pairs = pairs(&tokens, merges)?;
    Ok(Parts { tokens, pairs, inert })
}

/// Merges by id.
fn pairs(tokens: &Tokens, merges: &[JsonMerge<'_>]) -> Result<Vec<(u32, u32)>, String> {
    let mut bytes = Vec::new();
    let mut id = |spelling: &str| -> crate::Result<Option<u32>> {
        bytes.clear();
        Ok(alphabet::read(spelling, &mut bytes)?.then(|| tokens.id(&bytes)).flatten())
    };
    let (mut pairs, mut seen) = (Vec::new(), HashSet::new());
    pairs.try_reserve_exact(merges.len()).map_err(Error::from)?;
    seen.try_reserve(merges.len()).map_err(Error::from)?;
    for (rank, JsonMerge(left, right)) in merges.iter().enumerate() {
        let unknown =
            |part| format!("merge {rank} ({left:?} {right:?}) names {part:?}, which is not in the vocabulary");
        let pair = (id(left)?.ok_or_else(|| unknown(left))?, id(right)?.ok_or_else(|| unknown(right))?);
        if !seen.insert(pair) {
            return Err(format!("merge {rank} ({left:?} {right:?}) occurs twice"));
        }
        pairs.push(pair);
    }
    Ok(pairs)
}
