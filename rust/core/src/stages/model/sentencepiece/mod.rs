//! The searches of SentencePiece: a normalized text becomes pieces of the vocabulary, unknown stretches and bytes.
//!
//! In most vocabularies a piece has spaces only at its beginning, or only at its end. So no piece reaches across the
//! beginning, or the end, of a run of spaces. Words are searched one by one, and a cache holds the words seen before.

mod merging;
mod unigram;
mod words;

use memchr::memmem;

use super::{ModelToken, PieceCache, bytes};
use crate::error::Result;
use crate::memory::{Grow, collect, copied};
use crate::stages::model::trie::Trie;
use crate::stop::Watch;
use crate::vocab::pipeline::{self, Entries, Kind, PieceSearch};
use merging::MergeSearch;
use unigram::UnigramSearch;
use words::WordCuts;

/// A model made ready to run.
#[derive(Debug)]
pub(in crate::stages) struct SentencePieceSearch {
    search: SearchTables,
    kinds: Vec<Kind>,
    /// The length of each piece's text, in bytes.
    lengths: Vec<u32>,
    unknown: u32,
    /// The pieces of bytes, if unknown characters fall back on them.
    bytes: Option<Vec<Option<u32>>>,
    user_defined: UserDefinedPieces,
    words: WordCuts,
}

/// The tables of a search.
#[derive(Debug)]
enum SearchTables {
    Unigram(UnigramSearch),
    Merging(MergeSearch),
    Word,
    Char,
}

/// Memory that is used again.
#[derive(Debug, Default)]
pub(super) struct SearchMemory {
    unigram: unigram::UnigramSearchMemory,
    merging: merging::MergeSearchMemory,
    cache: PieceCache,
    /// The entry of a word for the cache: its ids, behind the numbers that the search puts before them.
    word: Vec<u32>,
}

impl SentencePieceSearch {
    pub(super) fn new(model: &pipeline::SentencePieceModel) -> Result<Self> {
        let kind = |id: u32| model.kinds[id as usize];
        let in_texts = || model.entries.iter().filter(|&(_, id)| kind(id).is_in_texts());
        let unknown = (0..).zip(&model.kinds).find(|&(_, &kind)| kind == Kind::Unknown);
        let search = match model.search {
            PieceSearch::Unigram => SearchTables::Unigram(UnigramSearch::new(model)?),
            PieceSearch::Bpe => SearchTables::Merging(MergeSearch::new(model)?),
            PieceSearch::Word => SearchTables::Word,
            PieceSearch::Char => SearchTables::Char,
        };
        // An unused piece is split as it was last merged, even in another word.
        let is_apart = !model.kinds.contains(&Kind::Unused);
        Ok(Self {
            search,
            kinds: copied(&model.kinds)?,
            lengths: collect(model.entries.iter().map(|(text, _)| text.len() as u32))?,
            unknown: unknown.map_or(0, |(id, _)| id),
            bytes: model.byte_fallback.then(|| bytes(&model.entries)),
            user_defined: UserDefinedPieces::new(model)?,
            words: if is_apart { WordCuts::new(in_texts().map(|(text, _)| text)) } else { WordCuts::whole() },
        })
    }

    /// Appends the tokens of a normalized text.
    pub(super) fn tokenize(
        &self,
        watch: &mut Watch<'_>,
        entries: &Entries,
        text: &str,
        memory: &mut SearchMemory,
        tokens: &mut Vec<ModelToken>,
    ) -> Result<()> {
        match &self.search {
            SearchTables::Unigram(unigram) => {
                let mut before = 0.0;
                self.each_word(text, |start, word| {
                    unigram.tokenize(watch, self, (start, word), &mut before, memory, tokens)
                })
            }
            SearchTables::Merging(merging) => self
                .each_word(text, |start, word| merging.tokenize(watch, self, entries, (start, word), memory, tokens)),
            SearchTables::Word => {
                let mut start = 0;
                let spaces = memmem::find_iter(text.as_bytes(), "▁").filter(|&place| place > 0);
                spaces.chain([text.len()]).try_for_each(|end| {
                    let word = &text[start..end];
                    let begin = std::mem::replace(&mut start, end);
                    self.push(word, begin, entries.id(word), tokens)
                })
            }
            SearchTables::Char => {
                let mut start = 0;
                while start < text.len() {
                    let (length, _) = self.user_defined.prefix(&text[start..]);
                    let part = &text[start..start + length];
                    self.push(part, start, entries.id(part), tokens)?;
                    start += length;
                }
                Ok(())
            }
        }
    }

    fn each_word<'t>(&self, text: &'t str, mut take: impl FnMut(usize, &'t str) -> Result<()>) -> Result<()> {
        self.words.of(text).try_for_each(|range| take(range.start, &text[range]))
    }

    /// Appends a part of the text, with its piece if it has one.
    fn push(&self, part: &str, start: usize, id: Option<u32>, tokens: &mut Vec<ModelToken>) -> Result<()> {
        let (start, end) = (start as u32, (start + part.len()) as u32);
        if let Some(id) = id.filter(|&id| id != self.unknown) {
            return tokens.try_push(ModelToken { id, start, end });
        }
        if let Some(bytes) = &self.bytes {
            // The last byte has the span of the character; the bytes before it have empty spans at its beginning.
            let ids = part.bytes().filter_map(|byte| bytes[usize::from(byte)]);
            let last = part.len() - 1;
            let of_byte = |(place, id)| ModelToken { id, start, end: if place == last { end } else { start } };
            return tokens.try_extend(ids.enumerate().map(of_byte));
        }
        match tokens.last_mut() {
            // Unknown parts in a row are one.
            Some(before) if before.id == self.unknown && before.end == start => {
                before.end = end;
                Ok(())
            }
            _ => tokens.try_push(ModelToken { id: self.unknown, start, end }),
        }
    }

    /// Appends the tokens of a word whose pieces are known.
    fn push_known(&self, ids: &[u32], start: usize, tokens: &mut Vec<ModelToken>) -> Result<()> {
        let mut end = start as u32;
        tokens.try_extend(ids.iter().map(|&id| {
            let start = end;
            end += self.lengths[id as usize];
            ModelToken { id, start, end }
        }))
    }
}

/// The user-defined pieces. They are found before all others; of several at one place, the longest.
#[derive(Debug)]
pub(in crate::stages) struct UserDefinedPieces(Option<Trie>);

impl UserDefinedPieces {
    pub(in crate::stages) fn new(model: &pipeline::SentencePieceModel) -> Result<Self> {
        let pieces = || {
            let all = model.entries.iter();
            all.filter(|&(_, id)| model.kinds[id as usize] == Kind::UserDefined)
        };
        let trie = pieces().next().map(|_| Trie::new(pieces().map(|(text, id)| (text.as_bytes(), id))));
        Ok(Self(trie.transpose()?))
    }

    /// Whether there are none.
    pub(in crate::stages) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The length of the longest user-defined piece that begins the text, and `true`; or the length of the first
    /// character, and `false`.
    pub(in crate::stages) fn prefix(&self, text: &str) -> (usize, bool) {
        let mut longest = 0;
        if let Some(trie) = &self.0 {
            let mut place = trie.root();
            for (length, &byte) in (1..).zip(text.as_bytes()) {
                let Some((next, value)) = trie.step(place, byte) else { break };
                place = next;
                longest = if value.is_some() { length } else { longest };
            }
        }
        match longest {
            0 => (text.chars().next().map_or(0, char::len_utf8), false),
            length => (length, true),
        }
    }
}
