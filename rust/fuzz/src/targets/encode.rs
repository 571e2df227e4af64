//! Ids are those of BPE by its definition, on any vocabulary; counts, batches, spans and decoding agree with them.

use arbitrary::Arbitrary;
use eurotok_core::decode::TokenDecoder;
use eurotok_core::encode::{Encoder, Specials};
use eurotok_core::split::Scheme;
use eurotok_core::testing::bpe;
use eurotok_core::vocab::{Merges, NormalForm, Tokens, Vocab};

use super::structured;

/// Most texts that can be built are of tokens that can be built: so tokens and texts are made of the same few parts.
#[derive(Debug, Arbitrary)]
struct Input<'a> {
    /// Each joins two tokens that are there already, by their place.
    joins: Vec<(u8, u8)>,
    /// Bytes that are tokens although nothing may lead to them.
    strays: Vec<&'a [u8]>,
    list: Option<Listed>,
    scheme: u8,
    /// Tokens, in which the text is written; and text as it is.
    words: Vec<u8>,
    text: &'a str,
    times: u8,
}

#[derive(Debug, Arbitrary)]
struct Listed {
    ignore_merges: bool,
    /// Where the list is cut and turned, so that its order is not that of the tokens.
    turn: u8,
}

/// The bytes that joins begin with: few, so that they meet.
const LETTERS: &[u8] = b"abc \xC3\xA9\xCE\xB1n'";

fn vocab(input: &Input) -> (Vocab, Vec<Vec<u8>>) {
    let mut parts: Vec<Vec<u8>> = LETTERS.iter().map(|&letter| vec![letter]).collect();
    let mut tokens = Tokens::of_bytes();
    let mut pairs = Vec::new();
    for &(left, right) in input.joins.iter().take(200) {
        let (left, right) = (&parts[usize::from(left) % parts.len()], &parts[usize::from(right) % parts.len()]);
        let joined = [&left[..], right].concat();
        if joined.len() > 40 {
            continue;
        }
        let ids = (tokens.id(left).expect("a token"), tokens.id(right).expect("a token"));
        tokens.try_push(&joined).ok();
        pairs.push(ids);
        parts.push(joined);
    }
    for stray in input.strays.iter().take(20).filter(|stray| !stray.is_empty()) {
        tokens.try_push(stray).ok();
    }
    let merges = match &input.list {
        None => Merges::Ranks,
        Some(listed) => {
            let mut seen = std::collections::HashSet::new();
            pairs.retain(|pair| seen.insert(*pair));
            let turn = usize::from(listed.turn) % pairs.len().max(1);
            pairs.rotate_left(turn);
            Merges::List { pairs, ignore_merges: listed.ignore_merges }
        }
    };
    let names: Vec<&str> = Scheme::names().collect();
    let scheme = Scheme::named(names[usize::from(input.scheme) % names.len()]).expect("a name of the table");
    (Vocab::new("fuzz", tokens, merges, vec![], scheme, NormalForm::None).expect("sound parts"), parts)
}

/// The bytes are an [`Input`].
pub fn run(data: &[u8]) {
    let Some(input) = structured::<Input>(data) else { return };
    let (vocab, parts) = vocab(&input);
    let words: Vec<u8> = input.words.iter().flat_map(|&word| parts[usize::from(word) % parts.len()].clone()).collect();
    let mut text = String::from_utf8_lossy(&words).into_owned() + input.text;
    let end = (0..=text.len().min(400)).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    text.truncate(end);
    let encoder = Encoder::new(vocab).expect("no regex");
    let vocab = encoder.vocab();
    // Again and again, so that some pieces are known and some are not.
    let more = text.repeat(usize::from(input.times % 8));
    for text in [&text, &more, &text] {
        let expected = bpe::text_ids(vocab, text);
        assert_eq!(encoder.encode(text, Specials::Text).expect("no regex"), expected, "{text:?}");
        assert_eq!(encoder.count(text, Specials::Text).expect("no regex"), expected.len());
        let (ids, spans) = encoder.encode_with_offsets(text, Specials::Text).expect("no regex");
        assert_eq!((ids.len(), &ids), (spans.len(), &expected));
        assert!(spans.iter().all(|&(start, end)| start <= end && end as usize <= text.chars().count()));
        let batch = encoder.encode_batch(&[text, "", text], Specials::Text, None).expect("no regex");
        assert_eq!((batch.get(0), batch.get(1), batch.get(2)), (&expected[..], &[][..], &expected[..]));
        let decoded = TokenDecoder::new(vocab, encoder.isa())
            .expect("enough memory")
            .decode(vocab, &expected, true)
            .expect("known ids");
        assert_eq!(decoded, text.as_bytes());
    }
}
