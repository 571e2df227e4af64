//! Decoded bytes and text against the concatenated tokens.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use proptest::prelude::*;

use super::*;
use crate::arch::CodeUnit;
use crate::split::Scheme;
use crate::vocab::{Merges, NormalForm, Special, Tokens};

/// Whole characters, parts of characters, and more units than an entry holds; special tokens within the table and far
/// beyond it; and an id without a token.
fn vocab() -> Vocab {
    let mut tokens = Tokens::of_bytes();
    let long = "Donaudampfschiff";
    for token in [" a", "é", "Ω", "🙂", "école", long, &long.repeat(9), "ξξξξξξξξξξξξξξξξ", "🙂🙂🙂🙂🙂🙂🙂🙂"]
    {
        tokens.push(token.as_bytes()).unwrap();
    }
    for part in
        [&b"\xE2\x82"[..], b"\x82\xAC", b"a\xC3", b"\xA9b\xF0", b"\x9F\x99", b"\xFF\xFE", b"x\xE2\x82\xAC\xED\xA0"]
    {
        tokens.push(part).unwrap();
    }
    tokens.push(b"").unwrap();
    tokens.push(b"").unwrap();
    let within = tokens.len() as u32 - 1;
    let special = |content: &str, id, special| Special { content: content.to_string(), id, special };
    let specials = vec![special("<s>", within, true), special("<é>", 5000, true), special("<added>", 5001, false)];
    Vocab::new("test", tokens, Merges::Ranks, specials, Scheme::named("gpt2").unwrap(), NormalForm::None).unwrap()
}

/// Any ids, mostly ids that have a token, in runs longer than a block.
fn ids() -> impl Strategy<Value = Vec<u32>> {
    let id = prop_oneof![
        8 => 97..123u32,
        8 => 256..272u32,
        2 => 0..256u32,
        1 => prop::sample::select(vec![273, 5000, 5001]),
    ];
    let odd = prop_oneof![30 => Just(None), 1 => prop::sample::select(vec![272, 274, 5002, u32::MAX]).prop_map(Some)];
    (prop::collection::vec(id, 0..60), 1..400usize, odd).prop_map(|(ids, times, odd)| {
        let mut ids = ids.repeat(times);
        ids.extend(odd);
        ids
    })
}

proptest! {
    #[test]
    fn decoding_puts_tokens_in_a_row(ids in ids(), with_specials: bool, parts in 1..5usize) {
        let vocab = vocab();
        let decoder = TokenDecoder::new(&vocab, Isa::available()[0]).unwrap();
        let unknown = ids.iter().position(|&id| vocab.token(id).is_none());
        let decoded = decoder.decode(&vocab, &ids, with_specials);
        let plan = decoder.plan_parts(&Stop::never(), &vocab, (&ids).into(), with_specials, parts);
        if let Some(place) = unknown {
            for error in [decoded.unwrap_err(), plan.unwrap_err()] {
                let named = matches!(error, Error::UnknownId { id, position, .. } if (id, position) == (ids[place].into(), place));
                prop_assert!(named, "{error}");
            }
            return Ok(());
        }
        let kept = ids.iter().filter(|&&id| with_specials || !vocab.is_special(id));
        let bytes = kept.map(|&id| vocab.token(id).unwrap()).collect::<Vec<_>>().concat();
        prop_assert_eq!(&decoded.unwrap(), &bytes);
        let (plan, text) = (plan.unwrap(), String::from_utf8_lossy(&bytes));
        let greatest = text.chars().map(u32::from).max().unwrap_or(0);
        let bound = [0x7F, 0xFF, 0xFFFF, 0x10_FFFF].into_iter().find(|&bound| greatest <= bound);
        prop_assert_eq!((plan.length(), Some(plan.greatest())), (text.chars().count(), bound));
        prop_assert_eq!(plan.is_utf8(), str::from_utf8(&bytes).is_ok());
        let points: Vec<u32> = text.chars().map(u32::from).collect();
        prop_assert_eq!(written::<u32>(&plan), points.clone());
        if plan.greatest() <= 0xFFFF {
            prop_assert_eq!(written::<u16>(&plan), points.clone());
        }
        if plan.greatest() <= 0xFF {
            prop_assert_eq!(written::<u8>(&plan), points);
        }
    }
}

/// The units that a plan writes, in one width.
fn written<U: CodeUnit>(plan: &Plan<'_>) -> Vec<u32> {
    let mut room: Vec<U> = Vec::with_capacity(plan.length());
    let parts = plan.write(&mut room.spare_capacity_mut()[..plan.length()]).unwrap();
    parts.into_iter().flatten().map(|&mut unit| unit.into()).collect()
}

/// Another thread changes the ids between the two passes. Nothing is then written that has not the planned length and
/// width.
#[test]
fn ids_that_change_meanwhile_are_never_a_wrong_text() {
    let vocab = vocab();
    let decoder = TokenDecoder::new(&vocab, Isa::available()[0]).unwrap();
    let (narrow, wide, wider, widest, long) = (u32::from(b'a'), 257, 258, 259, 261);
    let (part, special, unknown) = (265, vocab.specials[0].id, u32::MAX);
    let all = [narrow, wide, wider, widest, long, part, special, unknown];
    for (before, after) in all.into_iter().flat_map(|before| all.map(|after| (before, after))) {
        let ids: Vec<AtomicU32> = (0..100).map(|_| AtomicU32::new(before)).collect();
        let Ok(plan) = decoder.plan(&vocab, Foreign::of(&ids), true, Some(1)) else {
            assert_eq!(before, unknown);
            continue;
        };
        ids[70].store(after, Relaxed);
        let mut room: Vec<u32> = Vec::with_capacity(plan.length());
        let text = match plan.write(&mut room.spare_capacity_mut()[..plan.length()]) {
            Ok(parts) => parts.into_iter().flatten().map(|&mut unit| unit).collect::<Vec<_>>(),
            Err(error) => {
                assert!(matches!(error, Error::Argument { name: "ids", .. }), "{error}");
                continue;
            }
        };
        assert!(text.iter().all(|&unit| char::from_u32(unit).is_some()), "{before} {after}");
        let greatest = text.into_iter().max().unwrap_or(0);
        let bound = [0x7F, 0xFF, 0xFFFF, 0x10_FFFF].into_iter().find(|&bound| greatest <= bound);
        assert_eq!(Some(plan.greatest()), bound, "{before} {after}");
    }
}

/// The same with all ids: a narrow text becomes wide, and the other way round.
#[test]
fn a_text_of_another_width_is_refused() {
    let vocab = vocab();
    let decoder = TokenDecoder::new(&vocab, Isa::available()[0]).unwrap();
    for (before, after) in [(97, 257), (257, 97), (257, 258), (258, 257)] {
        let ids: Vec<AtomicU32> = (0..100).map(|_| AtomicU32::new(before)).collect();
        let plan = decoder.plan(&vocab, Foreign::of(&ids), true, Some(1)).unwrap();
        let mut room: Vec<u32> = Vec::with_capacity(100);
        assert!(plan.write(&mut room.spare_capacity_mut()[..100]).is_ok());
        ids.iter().for_each(|id| id.store(after, Relaxed));
        let error = plan.write(&mut room.spare_capacity_mut()[..100]).unwrap_err();
        assert_eq!(error.to_string(), "ids: another thread changed them while they were decoded");
    }
}

#[test]
fn what_takes_long_stops_when_it_is_told_to() {
    let vocab = vocab();
    let decoder = TokenDecoder::new(&vocab, Isa::choose().unwrap()).unwrap();
    let ids = vec![97; 1 << 20];
    let stop = Stop::when(|| true);
    let offsets: Vec<i64> = (0..=ids.len() as i64).collect();
    let is_stopped = |error: Error| assert!(matches!(error, Error::Interrupted), "{error}");
    is_stopped(decoder.decode_unless(&stop, &vocab, &ids, true).unwrap_err());
    is_stopped(decoder.plan_unless(&stop, &vocab, &ids, true, Some(1)).unwrap_err());
    is_stopped(decoder.decode_batch_unless(&stop, &vocab, &ids, &offsets, true, Some(2)).unwrap_err());
    let plan = decoder.plan(&vocab, &ids, true, Some(2)).unwrap();
    let mut room = Vec::<u8>::with_capacity(plan.length());
    is_stopped(plan.write_unless(&stop, &mut room.spare_capacity_mut()[..plan.length()]).unwrap_err());
    // Short ones are done before anybody could ask, and nothing is the worse for it.
    assert_eq!(decoder.decode_unless(&stop, &vocab, &ids[..1000], true).unwrap(), [b'a'; 1000]);
    assert_eq!(decoder.decode(&vocab, &ids, true).unwrap(), vec![b'a'; 1 << 20]);
}
