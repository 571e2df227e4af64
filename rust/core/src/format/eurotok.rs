//! `.eurotok`: a compact vocabulary, quick to load, with a checksum.
//!
//! Eight bytes name the format and its version. Then follows one zstd frame with a checksum. Each of its blocks is
//! preceded by its length, and all numbers are LEB128:
//!
//! 1. JSON with everything except tokens and merges;
//! 2. for each id: 0 if it has no token, 1 if its bytes stand in block 4, otherwise 2 + the id of its left part;
//! 3. for each token that has parts, the id of its right part (parts come before the tokens made of them);
//! 4. the other tokens, each preceded by its length;
//! 5. for a list of merges, each as the distance of its result from the id after the last one's, and the length of its
//!    left part, 0 if its parts are those of blocks 2 and 3.
//!
//! Nearly every token is made of two earlier ones, and nearly every merge makes the next token from these two. So a
//! vocabulary of 200,000 tokens takes about a megabyte.

use std::io::{self, Read};

use hashbrown::HashSet;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use zstd::bulk::Compressor;
use zstd::zstd_safe::{self, CParameter};

use super::json::{self, JsonText, List, Strict};
use crate::error::{Error, Result};
use crate::limits;
use crate::memory::{Grow, collect, collect_all, filled, refused};
use crate::split::Scheme;
use crate::vocab::{Carried, Inert, Merges, NormalForm, Special, TokenError, Tokens, Vocab, carried, show};

/// Format and version.
const MAGIC: [u8; 8] = *b"eurotok\x01";
const LEVEL: i32 = 19;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head<'a> {
    #[serde(borrow)]
    pattern: JsonText<'a>,
    nfc: bool,
    /// Content, id, whether special.
    #[serde(borrow)]
    specials: List<(JsonText<'a>, u32, bool)>,
    /// `None` for ranks, otherwise whether merges are ignored for a piece that is a token.
    ignore_merges: Option<bool>,
    post_processor: Option<Strict>,
    padding: Option<Strict>,
    truncation: Option<Strict>,
    #[serde(default)]
    steered_by: List<String>,
    #[serde(default)]
    kept: List<u32>,
    /// Text and id.
    #[serde(default, borrow)]
    inert: List<(JsonText<'a>, u32)>,
}

#[derive(Serialize)]
struct OutputHead<'v> {
    pattern: &'v str,
    nfc: bool,
    #[serde(serialize_with = "specials")]
    specials: &'v [Special],
    ignore_merges: Option<bool>,
    post_processor: Option<&'v Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    padding: Option<&'v Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncation: Option<&'v Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    steered_by: &'v [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    kept: &'v [u32],
    #[serde(serialize_with = "inert", skip_serializing_if = "<[_]>::is_empty")]
    inert: &'v [Inert],
}

fn specials<S: Serializer>(specials: &[Special], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(specials.iter().map(|special| (&special.content, special.id, special.special)))
}

fn inert<S: Serializer>(inert: &[Inert], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(inert.iter().map(|entry| (&entry.content, entry.id)))
}

/// Whether the data begin like an `.eurotok` file of any version. (Counts and checkpoints have a space in this place.)
pub(super) fn is(data: &[u8]) -> bool {
    data.starts_with(&MAGIC[..7]) && data.get(7).is_none_or(u8::is_ascii_control)
}

/// Format and version of a file that holds stages: a compressed `tokenizer.json`.
const STAGES: [u8; 8] = *b"eurotok\x02";
/// JSON is large, and pickled often.
const STAGES_LEVEL: i32 = 6;

/// Whether the data are a file of stages.
pub(super) fn has_stages(data: &[u8]) -> bool {
    data.starts_with(&STAGES)
}

/// Writes a file of stages.
pub(super) fn write_stages(json: &[u8]) -> Result<Vec<u8>> {
    let frame = compressed(json, STAGES_LEVEL)?;
    let mut file = Vec::new();
    file.try_reserve_exact(STAGES.len() + frame.len())?;
    file.extend_from_slice(&STAGES);
    file.extend_from_slice(&frame);
    Ok(file)
}

/// A frame with a checksum.
fn compressed(body: &[u8], level: i32) -> Result<Vec<u8>> {
    let mut frame = Vec::new();
    frame.try_reserve_exact(zstd_safe::compress_bound(body.len()))?;
    let mut compress = || {
        let mut compressor = Compressor::new(level)?;
        compressor.set_parameter(CParameter::ChecksumFlag(true))?;
        compressor.compress_to_buffer(body, &mut frame)
    };
    let fail = |reason: String| Error::unsupported(".eurotok", reason);
    compress().map_err(|error: io::Error| if refused(&error) { Error::Memory } else { fail(error.to_string()) })?;
    Ok(frame)
}

/// The `tokenizer.json` in a file of stages.
pub(super) fn stages(origin: &str, data: &[u8]) -> Result<Vec<u8>> {
    decompressed(origin, data.strip_prefix(&STAGES).unwrap_or_default(), limits::unpacked(data.len()))
}

/// The contents of a frame that is all there is, if they are no more than `most` bytes.
fn decompressed(origin: &str, frame: &[u8], most: usize) -> Result<Vec<u8>> {
    let damaged = |reason: &str| Error::format(origin, format!("the file is damaged: {reason}"));
    let size = match zstd_safe::get_frame_content_size(frame) {
        Ok(Some(size)) => usize::try_from(size).unwrap_or(usize::MAX),
        _ => return Err(damaged("the size of its contents is not believable")),
    };
    if size > most {
        return Err(damaged("it claims far more contents than its size can hold"));
    }
    if zstd_safe::find_frame_compressed_size(frame) != Ok(frame.len()) {
        return Err(damaged("it is cut short, or something follows it"));
    }
    // Reads at most the claimed size. The frame may claim too much or too little.
    let mut body = Vec::new();
    let read = zstd::Decoder::with_buffer(frame).and_then(|frame| frame.take(size as u64 + 1).read_to_end(&mut body));
    read.map_err(|error| if refused(&error) { Error::Memory } else { damaged(&error.to_string()) })?;
    Ok(body)
}

/// Writes an `.eurotok` file.
pub(super) fn write(vocab: &Vocab) -> Result<Vec<u8>> {
    let Vocab { tokens, merges, .. } = vocab;
    let list = match merges {
        Merges::Ranks => &[][..],
        Merges::List { pairs, .. } => pairs,
    };
    let results = results(tokens, list)?;
    let mut parts = filled(None, tokens.len())?;
    for (&(left, right), &result) in list.iter().zip(&results) {
        if left < result && right < result {
            parts[result as usize].get_or_insert((left, right));
        }
    }
    let [mut lefts, mut rights, mut literals, mut steps] = [const { Vec::new() }; 4];
    for id in 0..tokens.len() as u32 {
        let token = tokens.get(id);
        let found = parts[id as usize].or_else(|| earlier_parts(tokens, id));
        parts[id as usize] = found;
        match found {
            Some((left, right)) => {
                put(&mut lefts, u64::from(left) + 2)?;
                put(&mut rights, u64::from(right))?;
            }
            None if token.is_empty() => put(&mut lefts, 0)?,
            None => {
                put(&mut lefts, 1)?;
                put(&mut literals, token.len() as u64)?;
                literals.try_extend_from_slice(token)?;
            }
        }
    }
    let mut next = 0;
    for (&(left, right), &result) in list.iter().zip(&results) {
        let distance = i64::from(result) - next;
        put(&mut steps, ((distance << 1) ^ (distance >> 63)) as u64)?;
        let usual = parts[result as usize] == Some((left, right));
        put(&mut steps, if usual { 0 } else { tokens.get(left).len() as u64 })?;
        next = i64::from(result) + 1;
    }
    let head = json::to_bytes(&OutputHead::of(vocab))?;
    let mut body = Vec::new();
    for block in [&head, &lefts, &rights, &literals, &steps] {
        put(&mut body, block.len() as u64)?;
        body.try_extend_from_slice(block)?;
    }
    let fail = |reason: String| Error::unsupported(".eurotok", reason);
    let frame = compressed(&body, LEVEL)?;
    let room = UnpackedLimits::of(&frame);
    let merged = results.iter().map(|&result| tokens.get(result).len()).sum();
    let longest = tokens.iter().map(|(_, token)| token.len()).max().unwrap_or(0);
    room.check_body(body.len())
        .and_then(|()| room.check_head(head.len()))
        .and_then(|()| room.check_tokens(longest, tokens.flat().0.len()))
        .and_then(|()| room.check_merges(merged))
        .map_err(fail)?;
    let mut file = Vec::new();
    file.try_reserve_exact(MAGIC.len() + frame.len())?;
    file.extend_from_slice(&MAGIC);
    file.extend_from_slice(&frame);
    Ok(file)
}

/// Limits of the unpacked size. The writer obeys them, too.
#[derive(Clone, Copy)]
struct UnpackedLimits {
    bytes: usize,
    json: usize,
}

impl UnpackedLimits {
    fn of(frame: &[u8]) -> Self {
        let size = frame.len();
        Self { bytes: limits::unpacked(size).min(limits::TOKENS), json: limits::unpacked_json(size) }
    }

    fn check(what: &str, bytes: usize, most: usize) -> Result<(), String> {
        if bytes > most { Err(format!("{what} {bytes} bytes; {most} is the limit for its size")) } else { Ok(()) }
    }

    fn check_body(self, bytes: usize) -> Result<(), String> {
        Self::check("decompressed, it has", bytes, self.bytes)
    }

    fn check_head(self, bytes: usize) -> Result<(), String> {
        Self::check("its special tokens, its regex and its settings have", bytes, self.json)
    }

    fn check_tokens(self, longest: usize, all: usize) -> Result<(), String> {
        Self::check("its longest token has", longest, limits::TOKEN)?;
        Self::check("its tokens have", all, self.bytes)
    }

    fn check_merges(self, bytes: usize) -> Result<(), String> {
        Self::check("the results of its merges have", bytes, self.bytes)
    }
}

impl<'v> OutputHead<'v> {
    fn of(vocab: &'v Vocab) -> Self {
        Self {
            pattern: vocab.scheme.pattern(),
            nfc: vocab.normalizer == NormalForm::Nfc,
            specials: &vocab.specials,
            ignore_merges: match vocab.merges {
                Merges::Ranks => None,
                Merges::List { ignore_merges, .. } => Some(ignore_merges),
            },
            post_processor: vocab.carried.post_processor.as_ref(),
            padding: vocab.carried.padding.as_ref(),
            truncation: vocab.carried.truncation.as_ref(),
            steered_by: &vocab.carried.steered_by,
            kept: &vocab.carried.kept,
            inert: &vocab.inert,
        }
    }
}

/// The id that each merge makes.
fn results(tokens: &Tokens, pairs: &[(u32, u32)]) -> Result<Vec<u32>> {
    collect_all(tokens.results(pairs).map(|result| Ok(result?.expect("a vocabulary's merges make tokens"))))
}

/// The most bytes to hash in search of the parts of a token: of a token longer than 2,048 bytes not all places are
/// tried.
const SEARCHED: usize = 1 << 22;

/// Two earlier tokens that make up token `id`, with the longest possible left one.
fn earlier_parts(tokens: &Tokens, id: u32) -> Option<(u32, u32)> {
    let token = tokens.get(id);
    let places = SEARCHED / token.len().max(1);
    (1..token.len()).rev().take(places).find_map(|place| {
        let earlier = |part| tokens.id(part).filter(|&part| part < id);
        Some((earlier(&token[..place])?, earlier(&token[place..])?))
    })
}

/// Reads an `.eurotok` file.
pub(super) fn read(origin: &str, data: &[u8]) -> Result<Vocab> {
    let damaged = |reason: &str| Error::format(origin, format!("the file is damaged: {reason}"));
    let Some((magic, frame)) = data.split_first_chunk::<8>() else { return Err(damaged("it ends after a few bytes")) };
    if *magic != MAGIC {
        return Err(Error::unsupported(origin, format!("version {} of .eurotok; this release reads 1", magic[7])));
    }
    let room = UnpackedLimits::of(frame);
    if let Ok(Some(size)) = zstd_safe::get_frame_content_size(frame) {
        room.check_body(usize::try_from(size).unwrap_or(usize::MAX)).map_err(|reason| damaged(&reason))?;
    }
    let body = decompressed(origin, frame, usize::MAX)?;
    let (head, tokens, pairs) = parse(&body, room).map_err(|reason| damaged(&reason))?;
    let merges = match head.ignore_merges {
        None => Merges::Ranks,
        Some(ignore_merges) => Merges::List { pairs, ignore_merges },
    };
    let special =
        |(JsonText(content), id, special): (JsonText<'_>, _, _)| Special { content: content.into_owned(), id, special };
    let specials = collect(head.specials.0.into_iter().map(special))?;
    let normalizer = if head.nfc { NormalForm::Nfc } else { NormalForm::None };
    let scheme = Scheme::from_pattern(&head.pattern.0);
    let vocab = Vocab::new(origin, tokens, merges, specials, scheme, normalizer)?;
    let value = |part: Option<Strict>| part.map(|Strict(value)| value);
    let carried = Carried {
        post_processor: value(head.post_processor),
        padding: value(head.padding),
        truncation: value(head.truncation),
        steered_by: head.steered_by.0,
        kept: carried::ascending(head.kept.0),
    };
    let inert = head.inert.0.into_iter().map(|(JsonText(content), id)| Inert { content: content.into_owned(), id });
    Vocab { carried, ..vocab }.with_inert(origin, collect(inert)?)
}

/// The contents: everything except tokens and merges, the tokens, the list of merges.
type Contents<'b> = (Head<'b>, Tokens, Vec<(u32, u32)>);

fn parse(body: &[u8], room: UnpackedLimits) -> Result<Contents<'_>, String> {
    let mut blocks = Numbers(body);
    let mut block = || {
        let length = blocks.next()?;
        blocks.bytes(length)
    };
    let [head, lefts, rights, literals, steps] = [block()?, block()?, block()?, block()?, block()?];
    room.check_head(head.len())?;
    json::probe(head)?;
    let head = serde_json::from_slice(head).map_err(|error| error.to_string())?;

    let (mut ids, mut taken) = (0, 0);
    let mut numbers = Numbers(lefts);
    while !numbers.0.is_empty() {
        taken += usize::from(numbers.next()? != 0);
        ids += 1;
    }
    if ids > limits::max_id(taken) {
        return Err(format!("{ids} ids for {taken} tokens"));
    }
    let mut tokens = Tokens::new();
    let mut parts = filled((0, 0), ids as usize)?;
    let mut token = Vec::new();
    let [mut lefts, mut rights, mut literals] = [Numbers(lefts), Numbers(rights), Numbers(literals)];
    for id in 0..ids as u32 {
        token.clear();
        match lefts.next()? {
            0 => {}
            1 => {
                let length = literals.next()?;
                token.try_extend_from_slice(literals.bytes(length)?)?;
            }
            left => {
                let ids = (left - 2, rights.next()?);
                if ids.0 >= u64::from(id) || ids.1 >= u64::from(id) {
                    return Err(format!("the token {id} is made of later ones"));
                }
                parts[id as usize] = (ids.0 as u32, ids.1 as u32);
                token.try_extend_from_slice(tokens.get(ids.0 as u32))?;
                token.try_extend_from_slice(tokens.get(ids.1 as u32))?;
            }
        }
        room.check_tokens(token.len(), tokens.flat().0.len() + token.len())?;
        tokens.try_push(&token).map_err(|refused| match refused {
            TokenError::Held(holder) => format!("the tokens {holder} and {id} are both {}", show(&token)),
            TokenError::Memory => Error::Memory.into(),
        })?;
    }
    let pairs = pairs(&tokens, &parts, steps, room)?;
    Ok((head, tokens, pairs))
}

/// Stands for the first merge of a token that none makes.
const NO_MERGE: usize = usize::MAX;

/// The list of merges, from the tokens that they make.
fn pairs(tokens: &Tokens, parts: &[(u32, u32)], steps: &[u8], room: UnpackedLimits) -> Result<Vec<(u32, u32)>, String> {
    let mut steps = Numbers(steps);
    let mut pairs = Vec::new();
    // A pair makes one token only, so a merge can occur twice only among the merges that make the same: its first is
    // in `first`, the others, of which there are few or none, are in `others`.
    let (mut first, mut others) = (filled(NO_MERGE, parts.len())?, HashSet::new());
    let (mut next, mut bytes) = (0i64, 0);
    while !steps.0.is_empty() {
        let (distance, place) = (steps.next()?, steps.next()?);
        let result = next.wrapping_add((distance >> 1) as i64 ^ -((distance & 1) as i64));
        let Some(&usual) = usize::try_from(result).ok().and_then(|result| parts.get(result)) else {
            return Err(format!("merge {} makes the id {result}, which does not exist", pairs.len()));
        };
        let token = tokens.get(result as u32);
        bytes += token.len();
        room.check_merges(bytes)?;
        let split = || {
            let (left, right) = token.split_at_checked(usize::try_from(place).ok()?)?;
            Some((tokens.id(left)?, tokens.id(right)?))
        };
        let pair = if place == 0 { Some(usual) } else { split() };
        let pair = pair.ok_or_else(|| format!("merge {} is not of two tokens", pairs.len()))?;
        let first = &mut first[result as usize];
        if *first == NO_MERGE {
            *first = pairs.len();
        } else {
            others.try_reserve(1).map_err(Error::from)?;
            if pairs[*first] == pair || !others.insert(pair) {
                let (left, right) = (show(tokens.get(pair.0)), show(tokens.get(pair.1)));
                return Err(format!("merge {} ({left} {right}) occurs twice", pairs.len()));
            }
        }
        pairs.try_push(pair)?;
        next = result + 1;
    }
    Ok(pairs)
}

fn put(block: &mut Vec<u8>, mut number: u64) -> Result<()> {
    while number >= 0x80 {
        block.try_push(number as u8 | 0x80)?;
        number >>= 7;
    }
    block.try_push(number as u8)
}

/// The rest of a block.
struct Numbers<'a>(&'a [u8]);

impl<'a> Numbers<'a> {
    fn next(&mut self) -> Result<u64, String> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let Some((&byte, rest)) = self.0.split_first() else { break };
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err("a block ends within a number".to_string())
    }

    fn bytes(&mut self, length: u64) -> Result<&'a [u8], String> {
        let parts = usize::try_from(length).ok().and_then(|length| self.0.split_at_checked(length));
        let (bytes, rest) = parts.ok_or("a block ends early")?;
        self.0 = rest;
        Ok(bytes)
    }
}
