//! SentencePiece's merging by scores, written as stages of `tokenizers`, where these give the same ids.
//!
//! SentencePiece merges two neighbours if they make a piece together, the piece of the largest score first. Each piece is so only ever
//! made from one pair (see [`effective`](crate::bpe::effective)): these pairs are the merges of the tokenizer that is read.

use hashbrown::{HashMap, HashSet};

use crate::bpe::effective::effective_by_rank;
use crate::error::{Error, Result};
use crate::memory::{Grow, collect};
use crate::split::Scheme;
use crate::vocab::pipeline::{
    AddedToken, Bpe, Decoder, Entries, Kind, Merge, Model, Normalizer, Pattern, PieceSearch, Pipeline,
    SentencePieceModel,
};
use crate::vocab::{self, Merges, Tokens, Vocab};

/// A piece; its place is its id.
pub(in crate::format) struct ScoredPiece<'t> {
    pub(in crate::format) text: &'t str,
    pub(in crate::format) score: f32,
    pub(in crate::format) kind: Kind,
}

/// The treatment of spaces in a text before it is merged.
#[derive(Debug, Clone, Copy)]
pub(in crate::format) struct Spaces {
    /// A space comes before every text.
    pub(in crate::format) prefix: bool,
    /// A space comes behind every token that the user defined, too.
    pub(in crate::format) prefix_behind_tokens: bool,
    /// Spaces at the ends are dropped, and several in a row are one.
    pub(in crate::format) collapse: bool,
}

/// The stages with which `tokenizers` gives the ids of a model.
///
/// # Errors
/// [`Error::Unsupported`] with the reason if there are none.
pub(in crate::format) fn translated(origin: &str, model: &SentencePieceModel) -> Result<Pipeline> {
    let rules = &model.rules;
    let unsupported = |reason: &str| Err(Error::unsupported(origin, reason));
    match model.search {
        PieceSearch::Bpe => {}
        PieceSearch::Unigram => {
            return unsupported("a unigram model of SentencePiece, which never takes text for a control token");
        }
        PieceSearch::Word | PieceSearch::Char => {
            return unsupported("a SentencePiece model of whole words or single characters");
        }
    }
    if !rules.charsmap.is_empty() {
        let reason = format!("the normalization {:?} of SentencePiece, which takes the longest rule", rules.name);
        return unsupported(&reason);
    }
    if !rules.escape_whitespaces {
        return unsupported("spaces that do not become ▁ (escape_whitespaces is false)");
    }
    if rules.treat_whitespace_as_suffix {
        return unsupported("spaces at the end of words (treat_whitespace_as_suffix is true)");
    }
    let text = |id| model.entries.text(id).unwrap_or_default();
    let scored = model.scores.iter().zip(&model.kinds).zip(0..);
    let pieces = collect(scored.map(|((&score, &kind), id)| ScoredPiece { text: text(id), score, kind }))?;
    let spaces = Spaces {
        prefix: rules.add_dummy_prefix,
        prefix_behind_tokens: false,
        collapse: rules.remove_extra_whitespaces,
    };
    bpe(origin, &pieces, spaces, model.byte_fallback, &model.unk_surface)
}

/// The tokenizer of pieces that merge by their scores. An unknown piece is decoded to the text `unknown`.
///
/// # Errors
/// [`Error::Format`], [`Error::Unsupported`] naming the piece at fault.
pub(in crate::format) fn bpe(
    origin: &str,
    pieces: &[ScoredPiece<'_>],
    spaces: Spaces,
    byte_fallback: bool,
    unknown: &str,
) -> Result<Pipeline> {
    let mut seen = HashMap::new();
    seen.try_reserve(pieces.len())?;
    for (id, piece) in pieces.iter().enumerate() {
        if piece.text.is_empty() {
            return Err(Error::format(origin, format!("piece {id} is empty")));
        }
        if piece.score.is_nan() {
            return Err(Error::format(origin, format!("the score of piece {id}, {:?}, is not a number", piece.text)));
        }
        if let Some(first) = seen.insert(piece.text, id) {
            return Err(Error::format(origin, format!("the pieces {first} and {id} are both {:?}", piece.text)));
        }
        let unsupported = |reason| Err(Error::unsupported(origin, format!("the piece {:?}, {reason}", piece.text)));
        match piece.kind {
            Kind::Unused => return unsupported("of the type unused"),
            Kind::UserDefined if spaces.prefix && !spaces.prefix_behind_tokens => {
                return unsupported("user-defined in a model that puts a space before texts");
            }
            Kind::UserDefined if spaces.collapse => {
                return unsupported("user-defined in a model that drops spaces");
            }
            _ => {}
        }
    }
    let entries = Entries::new(origin, pieces.iter().zip(0..).map(|(piece, id)| (piece.text, id)))?;
    let merges = merges(origin, pieces)?;
    let unk_token = pieces.iter().find(|piece| piece.kind == Kind::Unknown).map(|piece| piece.text.to_string());
    let added = pieces
        .iter()
        .zip(0..)
        .filter(|(piece, _)| matches!(piece.kind, Kind::Control | Kind::Unknown | Kind::UserDefined));
    let added = collect(added.map(|(piece, id)| AddedToken {
        id,
        content: piece.text.to_string(),
        single_word: false,
        lstrip: false,
        rstrip: false,
        // User-defined pieces are searched in the normalized text, where spaces are ▁.
        normalized: piece.kind == Kind::UserDefined && !spaces.prefix_behind_tokens,
        special: piece.kind != Kind::UserDefined,
    }))?;
    Ok(Pipeline {
        normalizer: Some(normalizer(spaces)),
        pre_tokenizer: None,
        model: Model::Bpe(Bpe {
            entries,
            merges,
            unk_token,
            fuse_unk: true,
            byte_fallback,
            ignore_merges: false,
            continuing_subword_prefix: None,
            end_of_word_suffix: None,
        }),
        post_processor: None,
        decoder: Some(decoder(spaces, pieces, unknown)),
        added,
        padding: None,
        truncation: None,
    })
}

fn normalizer(spaces: Spaces) -> Normalizer {
    let replace = |pattern: Pattern, content: &str| Normalizer::Replace { pattern, content: content.to_string() };
    let regex = |regex: &str| Pattern::Regex(regex.to_string());
    let mut normalizers = Vec::new();
    if spaces.collapse {
        normalizers.push(replace(regex(r"\A +"), ""));
        // A text that ends in ▁ itself loses that, too.
        normalizers.push(replace(regex(r"[ ▁]+\z"), ""));
        normalizers.push(replace(regex(" {2,}"), " "));
    }
    if spaces.prefix {
        normalizers.push(Normalizer::Prepend { prepend: "▁".to_string() });
    }
    normalizers.push(replace(Pattern::String(" ".to_string()), "▁"));
    Normalizer::Sequence { normalizers }
}

fn decoder(spaces: Spaces, pieces: &[ScoredPiece<'_>], unknown: &str) -> Decoder {
    let replace = |text: &str, content: &str| Decoder::Replace {
        pattern: Pattern::String(text.to_string()),
        content: content.to_string(),
    };
    let mut decoders = Vec::new();
    if let Some(piece) = pieces.iter().find(|piece| piece.kind == Kind::Unknown)
        && !pieces.iter().any(|other| other.kind != Kind::Unknown && other.text.contains(piece.text))
    {
        decoders.push(replace(piece.text, unknown));
    }
    decoders.extend([replace("▁", " "), Decoder::ByteFallback, Decoder::Fuse]);
    if spaces.prefix {
        decoders.push(Decoder::Strip { content: ' ', start: 1, stop: 0 });
    }
    Decoder::Sequence { decoders }
}

/// The pairs that pieces are made from, the first to be merged first.
fn merges(origin: &str, pieces: &[ScoredPiece<'_>]) -> Result<Vec<Merge>> {
    // Tokens by rank: bytes, beginnings of characters, characters, and longer pieces by score. So characters are made
    // of bytes before all else, as if they were the symbols that merging begins with.
    let mut tokens = Tokens::of_bytes();
    let mut characters = HashSet::new();
    let mut longer = Vec::new();
    for (id, piece) in pieces.iter().enumerate().filter(|(_, piece)| piece.kind == Kind::Normal) {
        let mut all = piece.text.chars();
        match (all.next(), all.next()) {
            (Some(character), None) => {
                characters.try_reserve(1)?;
                characters.insert(character);
                for length in 2..=piece.text.len() {
                    let begin = &piece.text.as_bytes()[..length];
                    if tokens.id(begin).is_none() {
                        tokens.push(begin)?;
                    }
                }
            }
            _ => longer.try_push(id)?,
        }
    }
    // No text is merged to a piece with a character that the user defined, which stands for itself.
    let is_defined = |character: char| {
        let place = pieces.iter().filter(|piece| piece.kind == Kind::UserDefined);
        place.into_iter().any(|piece| piece.text.strip_prefix(character) == Some(""))
    };
    let mut defined = HashMap::new();
    longer.retain(|&id| {
        !pieces[id].text.chars().any(|character| *defined.entry(character).or_insert_with(|| is_defined(character)))
    });
    for &id in &longer {
        if let Some(missing) = pieces[id].text.chars().find(|character| !characters.contains(character)) {
            let reason = format!("the piece {:?}, whose character {missing:?} is no piece", pieces[id].text);
            return Err(Error::unsupported(origin, reason));
        }
    }
    // If scores are equal, SentencePiece merges the leftmost pair first; by rank the longer piece goes first.
    longer.sort_by(|&a, &b| {
        let [a, b] = [a, b].map(|id| &pieces[id]);
        b.score.total_cmp(&a.score).then(b.text.len().cmp(&a.text.len()))
    });
    let tied = longer.chunk_by(|&a, &b| pieces[a].score == pieces[b].score).filter(|same| same.len() > 1);
    for (number, same) in tied.enumerate() {
        let [first, second] = [pieces[same[0]].text, pieces[same[1]].text];
        let character = first.chars().next().unwrap_or_default();
        let run = |id: &usize| runs::length(pieces[*id].text, character);
        let lengths: Vec<(usize, usize)> =
            longer.iter().enumerate().filter_map(|(rank, id)| Some((run(id)?, rank))).collect();
        let scores: Vec<f32> = longer.iter().map(|&id| pieces[id].score).collect();
        let is_alike = number < runs::MOST && same.iter().all(|id| run(id).is_some());
        if !is_alike || !runs::merge_alike(&lengths, &scores) {
            let reason = format!("the pieces {first:?} and {second:?} have the same score, so that places decide");
            return Err(Error::unsupported(origin, reason));
        }
    }
    let first = tokens.len();
    for &id in &longer {
        tokens.push(pieces[id].text.as_bytes())?;
    }
    let scheme = Scheme::from_pattern(r"[\s\S]+");
    let by_rank = Vocab::new(origin, tokens, Merges::Ranks, Vec::new(), scheme, vocab::NormalForm::None)?;
    let mut ids = HashMap::new();
    ids.try_reserve(pieces.len())?;
    ids.extend(
        pieces
            .iter()
            .zip(0..)
            .filter(|(piece, _)| piece.kind == Kind::Normal)
            .map(|(piece, id)| (piece.text.as_bytes(), id)),
    );
    let id = |rank: u32| ids[by_rank.tokens.get(rank)];
    let made = effective_by_rank(&by_rank)?.into_iter().filter(|merge| merge.result as usize >= first);
    collect(made.map(|merge| Merge { left: id(merge.left), right: id(merge.right), result: id(merge.result) }))
}

/// Runs of one character, which models often have with one score for many lengths.
mod runs {
    /// The length of a text that repeats one character; none for any other text.
    pub(super) fn length(text: &str, character: char) -> Option<usize> {
        text.chars().all(|other| other == character).then(|| text.chars().count())
    }

    /// The number of groups of pieces with one score that are compared.
    pub(super) const MOST: usize = 16;

    /// The longest runs that are compared.
    const LONGEST: usize = 64;

    /// Whether pieces that are runs of one character merge alike by their ranks alone and by their scores, of which the leftmost of
    /// equals goes first. `pieces` are their lengths and ranks; `scores` are by rank. Runs of up to four times the longest piece are tried.
    pub(super) fn merge_alike(pieces: &[(usize, usize)], scores: &[f32]) -> bool {
        let longest = pieces.iter().map(|&(length, _)| length).max().unwrap_or(0);
        let mut ranks = vec![None; longest + 1];
        pieces.iter().for_each(|&(length, rank)| ranks[length] = Some(rank));
        // The first rank of the same score.
        let by_score = |rank: usize| scores[..rank].partition_point(|&score| score > scores[rank]);
        longest <= LONGEST
            && (2..=4 * longest).all(|count| merged(count, &ranks, |rank| rank) == merged(count, &ranks, by_score))
    }

    /// The pieces that are left of a run of `count` characters if the pair with the smallest order merges first.
    fn merged(count: usize, ranks: &[Option<usize>], order: impl Fn(usize) -> usize) -> Vec<usize> {
        let mut parts = vec![1; count];
        loop {
            let orders = parts.windows(2).enumerate().filter_map(|(place, pair)| {
                let rank = ranks.get(pair[0] + pair[1]).copied().flatten()?;
                Some((order(rank), place))
            });
            let Some((_, place)) = orders.min() else { return parts };
            let next = parts.remove(place + 1);
            parts[place] += next;
        }
    }
}
