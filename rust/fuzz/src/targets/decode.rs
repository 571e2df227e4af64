//! Any ids decode to the bytes of their tokens, or to an error that names the first one that has none.

use std::mem::MaybeUninit;

use arbitrary::Arbitrary;
use eurotok_core::Error;
use eurotok_core::arch::Isa;
use eurotok_core::decode::TokenDecoder;
use eurotok_core::split::Scheme;
use eurotok_core::vocab::{Merges, NormalForm, Special, Tokens, Vocab};

use super::structured;

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    /// Tokens after the 256 bytes; an empty one is an id without a token.
    tokens: Vec<&'a [u8]>,
    /// Contents of special tokens, their distance from the one before, and whether they are special or merely added.
    specials: Vec<(&'a str, u16, bool)>,
    ids: Vec<u32>,
    times: u16,
    with_specials: bool,
    cuts: Vec<i16>,
}

fn vocab(input: &Input) -> Option<Vocab> {
    let mut tokens = Tokens::of_bytes();
    for token in &input.tokens {
        tokens.try_push(token).ok();
    }
    let mut id = tokens.len() as u32;
    let mut specials = Vec::new();
    for &(content, distance, special) in &input.specials {
        id += u32::from(distance % 300);
        specials.push(Special { content: content.to_string(), id, special });
        id += 1;
    }
    let scheme = Scheme::named("gpt2")?;
    Vocab::new("fuzz", tokens, Merges::Ranks, specials, scheme, NormalForm::None).ok()
}

/// The bytes are an [`Input`].
pub fn run(data: &[u8]) {
    let Some(input) = structured::<Input>(data) else { return };
    let Some(vocab) = vocab(&input) else { return };
    // Small ids are the likely ones.
    let once = input.ids.iter().map(|&id| if id % 64 == 0 { id } else { id % (vocab.size() as u32 + 1) });
    let ids: Vec<u32> = once.collect::<Vec<_>>().repeat(1 + usize::from(input.times % 600));
    let ids = &ids[..ids.len().min(40_000)];
    let decoder = TokenDecoder::new(&vocab, Isa::available()[0]).expect("enough memory");
    let check = |first: usize, ids: &[u32], decoded: Result<&Vec<u8>, &Error>| {
        let mut expected = Vec::new();
        for (place, &id) in ids.iter().enumerate() {
            let Some(token) = vocab.token(id) else {
                let Err(Error::UnknownId { id: named, position, .. }) = decoded else { panic!("{id} has no token") };
                assert_eq!((*named, *position), (i64::from(id), first + place));
                return false;
            };
            if input.with_specials || !vocab.is_special(id) {
                expected.extend_from_slice(token);
            }
        }
        assert_eq!(decoded.expect("all ids are known"), &expected);
        true
    };
    let decoded = decoder.decode(&vocab, ids, input.with_specials);
    check(0, ids, decoded.as_ref());
    match (&decoded, decoder.plan(&vocab, ids, input.with_specials, Some(2))) {
        (Ok(bytes), Ok(plan)) => {
            let mut room = vec![MaybeUninit::uninit(); plan.length()];
            let written = plan.write::<u32>(&mut room).expect("nobody changes the ids").concat();
            assert!(written.into_iter().eq(String::from_utf8_lossy(bytes).chars().map(u32::from)));
        }
        (Err(error), Err(of_plan)) => assert_eq!(error.to_string(), of_plan.to_string()),
        _ => panic!("one of them knows all ids"),
    }
    let mut offsets: Vec<i64> = input.cuts.iter().map(|&cut| i64::from(cut)).collect();
    let sound = offsets.is_sorted() && offsets.iter().all(|&offset| (0..=ids.len() as i64).contains(&offset));
    let batch = decoder.decode_batch(&vocab, ids, &offsets, input.with_specials, Some(2));
    assert!(sound || batch.is_err() || offsets.len() < 2);
    offsets = offsets.into_iter().map(|offset| offset.clamp(0, ids.len() as i64)).collect();
    offsets.sort_unstable();
    let batch = decoder.decode_batch(&vocab, ids, &offsets, input.with_specials, Some(2));
    let texts = match &batch {
        Ok(texts) => texts,
        Err(error) => {
            let (Some(&first), Some(&last)) = (offsets.first(), offsets.last()) else { panic!("{error}") };
            assert!(!check(first as usize, &ids[first as usize..last as usize], Err(error)));
            return;
        }
    };
    for (cuts, text) in offsets.windows(2).zip(texts) {
        assert!(check(cuts[0] as usize, &ids[cuts[0] as usize..cuts[1] as usize], Ok(text)));
    }
}
