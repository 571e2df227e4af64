//! Writes a `tokenizer.json`.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::{AddedTokenJson, KEPT, STEERED_BY};
use crate::bpe::effective::effective;
use crate::error::{Error, Result};
use crate::format::json::to_pretty_bytes;
use crate::memory::{Grow, collect};
use crate::split::oniguruma;
use crate::vocab::alphabet::{self, Spelled};
use crate::vocab::{Inert, Merges, NormalForm, Tokens, Vocab, show};

#[derive(Serialize)]
struct VocabJson<'v> {
    version: &'static str,
    truncation: &'v Option<Value>,
    padding: &'v Option<Value>,
    #[serde(serialize_with = "as_added")]
    added_tokens: &'v Vocab,
    normalizer: Value,
    pre_tokenizer: Value,
    post_processor: &'v Option<Value>,
    decoder: Value,
    model: VocabModelJson<'v>,
}

#[derive(Serialize)]
struct VocabModelJson<'v> {
    r#type: &'static str,
    dropout: (),
    unk_token: (),
    continuing_subword_prefix: (),
    end_of_word_suffix: (),
    fuse_unk: bool,
    byte_fallback: bool,
    ignore_merges: bool,
    #[serde(serialize_with = "as_map")]
    vocab: Vec<(VocabEntry<'v>, u32)>,
    #[serde(serialize_with = "as_pairs")]
    merges: (&'v Tokens, &'v [(u32, u32)]),
}

/// An entry of the vocabulary, which is spelled as it is written.
#[derive(Clone, Copy)]
enum VocabEntry<'v> {
    Token(Spelled<'v>),
    Text(&'v str),
}

impl Display for VocabEntry<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(token) => token.fmt(formatter),
            Self::Text(text) => formatter.write_str(text),
        }
    }
}

impl Serialize for VocabEntry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn as_added<S: Serializer>(vocab: &Vocab, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(vocab.specials.iter().map(|special| AddedTokenJson {
        id: special.id,
        content: Cow::Borrowed(&special.content),
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: vocab.is_special(special.id),
    }))
}

fn as_map<S: Serializer>(items: &[(VocabEntry<'_>, u32)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(items.iter().copied())
}

fn as_pairs<S: Serializer>((tokens, pairs): &(&Tokens, &[(u32, u32)]), serializer: S) -> Result<S::Ok, S::Error> {
    /// Writes both tokens with a space between them.
    struct SpacedPair<'v>(Spelled<'v>, Spelled<'v>);

    impl Serialize for SpacedPair<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(&format_args!("{} {}", self.0, self.1))
        }
    }
    let spelled = |id| Spelled(tokens.get(id));
    serializer.collect_seq(pairs.iter().map(|&(left, right)| SpacedPair(spelled(left), spelled(right))))
}

/// Writes a `tokenizer.json` with which `tokenizers` gives the ids of `vocab`.
pub(in crate::format) fn write(vocab: &Vocab) -> Result<Vec<u8>> {
    let unsupported = |reason| Error::unsupported("tokenizer.json", reason);
    let regex = oniguruma::to_oniguruma(&vocab.scheme).map_err(unsupported)?;
    let spelled = spelled(vocab)?;
    let (pairs, ignore_merges) = match &vocab.merges {
        Merges::Ranks => (Cow::Owned(collect(effective(vocab)?.iter().map(|merge| (merge.left, merge.right)))?), true),
        Merges::List { pairs, ignore_merges } => (Cow::Borrowed(&pairs[..]), *ignore_merges),
    };
    let byte_level =
        json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false });
    let mut decoder = byte_level.clone();
    if !vocab.carried.steered_by.is_empty() {
        decoder[STEERED_BY] = json!(vocab.carried.steered_by);
    }
    if !vocab.carried.kept.is_empty() {
        decoder[KEPT] = json!(vocab.carried.kept);
    }
    let output = VocabJson {
        version: "1.0",
        truncation: &vocab.carried.truncation,
        padding: &vocab.carried.padding,
        added_tokens: vocab,
        normalizer: match vocab.normalizer {
            NormalForm::None => Value::Null,
            NormalForm::Nfc => json!({ "type": "NFC" }),
        },
        pre_tokenizer: json!({ "type": "Sequence", "pretokenizers": [
            { "type": "Split", "pattern": { "Regex": regex }, "behavior": "Isolated", "invert": false },
            byte_level,
        ] }),
        post_processor: &vocab.carried.post_processor,
        decoder,
        model: VocabModelJson {
            r#type: "BPE",
            dropout: (),
            unk_token: (),
            continuing_subword_prefix: (),
            end_of_word_suffix: (),
            fuse_unk: false,
            byte_fallback: false,
            ignore_merges,
            vocab: spelled,
            merges: (&vocab.tokens, &pairs),
        },
    };
    to_pretty_bytes(&output)
}

/// The vocabulary as the model lists it, with inert entries among the tokens. Special tokens are listed, too. Special
/// tokens directly after the last token are left out, because they get their ids anyway.
fn spelled(vocab: &Vocab) -> Result<Vec<(VocabEntry<'_>, u32)>> {
    let Vocab { tokens, specials, inert, .. } = vocab;
    let mut spelled = collect(tokens.iter().map(|(id, token)| (VocabEntry::Token(Spelled(token)), id)))?;
    let mut bytes = Vec::new();
    for special in specials {
        bytes.clear();
        let namesake = alphabet::read(&special.content, &mut bytes)?.then(|| tokens.id(&bytes)).flatten();
        let own = (!tokens.get(special.id).is_empty()).then_some(special.id);
        if namesake != own {
            let token = tokens.get(namesake.or(own).expect("they differ"));
            let reason = format!("the special token {:?} beside the token {}", special.content, show(token));
            return Err(Error::unsupported("tokenizer.json", reason));
        }
    }
    for Inert { content, id } in inert {
        bytes.clear();
        if alphabet::read(content, &mut bytes)? && !bytes.is_empty() {
            let reason = format!("the entry {content:?} (id {id}), which is no bytes but reads as if it were");
            return Err(Error::unsupported("tokenizer.json", reason));
        }
        spelled.try_push((VocabEntry::Text(content), *id))?;
    }
    let absent = || specials.iter().filter(|special| tokens.get(special.id).is_empty());
    let last = spelled.len();
    let end = inert.last().map_or(0, |entry| entry.id as usize + 1).max(tokens.len());
    if end != last || absent().zip(last..).any(|(special, next)| special.id as usize != next) {
        spelled.try_extend(absent().map(|special| (VocabEntry::Text(&special.content), special.id)))?;
    }
    // No id stands there twice.
    spelled.sort_unstable_by_key(|&(_, id)| id);
    Ok(spelled)
}
