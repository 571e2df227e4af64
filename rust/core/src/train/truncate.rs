//! Shortens vocabularies.

use crate::error::{Error, Result};
use crate::memory::collect;
use crate::vocab::{Merges, Tokens, Vocab, try_clone_inert, try_clone_specials};

/// The vocabulary that training for `size` entries would have given: the last tokens are left out. Special tokens stay.
/// Special tokens with ids beyond the new end get the last ids.
///
/// # Errors
/// [`Error::Argument`] if special tokens and bytes do not fit; [`Error::Unsupported`] if special tokens would get other
/// ids and the `post_processor` or the padding of the vocabulary may name them.
pub fn truncate(vocab: &Vocab, size: usize) -> Result<Vocab> {
    let too_small = |reason: String| Error::argument("vocab_size", reason);
    if size > vocab.size() {
        return Err(too_small(format!("{size} is more than the {} entries there are", vocab.size())));
    }
    // Ids from `end` on are dropped. Special tokens that had them move to the ids from `end` to `size`.
    let moving = |end: usize| vocab.specials.iter().filter(|special| special.id as usize >= end).count();
    let end = (0..=size).rev().find(|&end| end + moving(end) <= size);
    let Some(end) = end else {
        return Err(too_small(format!("{size} is less than the {} special tokens", vocab.specials.len())));
    };
    let byte = (0..=255).find(|&byte| vocab.tokens.id(&[byte]).is_some_and(|id| id as usize >= end));
    if let Some(byte) = byte {
        return Err(too_small(format!("{size} leaves no room for byte 0x{byte:02x} beside the special tokens")));
    }
    if moving(end) > 0 && (vocab.carried.post_processor.is_some() || vocab.carried.padding.is_some()) {
        let reason = "special tokens would get other ids, which its post_processor or padding may name";
        return Err(Error::unsupported("truncation", reason));
    }
    let mut tokens = Tokens::new();
    for id in 0..end.min(vocab.tokens.len()) as u32 {
        tokens.push(vocab.tokens.get(id))?;
    }
    let mut specials = try_clone_specials(&vocab.specials)?;
    for (special, id) in specials.iter_mut().filter(|special| special.id as usize >= end).zip(end..) {
        special.id = id as u32;
    }
    let merges = match &vocab.merges {
        Merges::Ranks => Merges::Ranks,
        Merges::List { pairs, ignore_merges } => {
            let makes = |&(left, right): &(u32, u32)| {
                let joined = [vocab.tokens.get(left), vocab.tokens.get(right)].concat();
                [Some(left), Some(right), vocab.tokens.id(&joined)]
                    .iter()
                    .all(|id| id.is_some_and(|id| (id as usize) < end))
            };
            let pairs = collect(pairs.iter().copied().filter(makes))?;
            Merges::List { pairs, ignore_merges: *ignore_merges }
        }
    };
    let scheme = vocab.scheme.clone();
    let origin = "truncated tokenizer";
    let truncated = Vocab::new(origin, tokens, merges, specials, scheme, vocab.normalizer)?;
    let mut inert = try_clone_inert(&vocab.inert)?;
    inert.retain(|entry| (entry.id as usize) < end);
    Vocab { carried: vocab.carried.try_clone()?, ..truncated }.with_inert(origin, inert)
}
