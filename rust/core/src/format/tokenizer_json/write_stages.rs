//! Writing stages as a `tokenizer.json`.

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::error::Result;
use crate::format::sentencepiece::stages::translated;
use crate::vocab::pipeline::{
    AddedToken, Bpe, Decoder, Entries, Merge, Model, Normalizer, Pipeline, PostProcessor, PreTokenizer, Unigram,
    WordLevel, WordPiece,
};

#[derive(Serialize)]
struct PipelineJson<'p> {
    version: &'static str,
    truncation: &'p Option<Value>,
    padding: &'p Option<Value>,
    added_tokens: &'p [AddedToken],
    normalizer: &'p Option<Normalizer>,
    pre_tokenizer: &'p Option<PreTokenizer>,
    post_processor: &'p Option<PostProcessor>,
    decoder: &'p Option<Decoder>,
    model: PipelineModelJson<'p>,
}

#[derive(Serialize)]
#[serde(tag = "type")]
enum PipelineModelJson<'p> {
    #[serde(rename = "BPE")]
    Bpe {
        dropout: (),
        unk_token: &'p Option<String>,
        continuing_subword_prefix: &'p Option<String>,
        end_of_word_suffix: &'p Option<String>,
        fuse_unk: bool,
        byte_fallback: bool,
        ignore_merges: bool,
        #[serde(serialize_with = "as_map")]
        vocab: &'p Entries,
        merges: MergeTexts<'p>,
    },
    Unigram {
        unk_id: Option<u32>,
        vocab: Scores<'p>,
        byte_fallback: bool,
    },
    WordPiece {
        unk_token: &'p str,
        continuing_subword_prefix: &'p str,
        max_input_chars_per_word: usize,
        #[serde(serialize_with = "as_map")]
        vocab: &'p Entries,
    },
    WordLevel {
        #[serde(serialize_with = "as_map")]
        vocab: &'p Entries,
        unk_token: &'p str,
    },
}

fn as_map<S: Serializer>(entries: &Entries, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(entries.iter())
}

/// Merges as pairs of texts.
struct MergeTexts<'p>(&'p Bpe);

impl Serialize for MergeTexts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = |id| self.0.entries.text(id).unwrap_or_default();
        serializer.collect_seq(self.0.merges.iter().map(|&Merge { left, right, .. }| [text(left), text(right)]))
    }
}

/// Pieces with their scores.
struct Scores<'p>(&'p Unigram);

impl Serialize for Scores<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Unigram { entries, scores, .. } = self.0;
        let mut list = serializer.serialize_seq(Some(scores.len()))?;
        for (id, score) in (0..).zip(scores) {
            list.serialize_element(&(entries.text(id).unwrap_or_default(), score))?;
        }
        list.end()
    }
}

/// Writes a `tokenizer.json`.
///
/// # Errors
/// [`Error::Unsupported`](crate::Error::Unsupported) for a SentencePiece model that no stages of `tokenizers` equal; [`Error::Memory`](crate::Error::Memory).
pub(in crate::format) fn write(pipeline: &Pipeline) -> Result<Vec<u8>> {
    let model = match &pipeline.model {
        Model::SentencePiece(model) => {
            return write(&translated("tokenizer.json", model)?);
        }
        Model::Bpe(model) => PipelineModelJson::Bpe {
            dropout: (),
            unk_token: &model.unk_token,
            continuing_subword_prefix: &model.continuing_subword_prefix,
            end_of_word_suffix: &model.end_of_word_suffix,
            fuse_unk: model.fuse_unk,
            byte_fallback: model.byte_fallback,
            ignore_merges: model.ignore_merges,
            vocab: &model.entries,
            merges: MergeTexts(model),
        },
        Model::Unigram(model) => PipelineModelJson::Unigram {
            unk_id: model.unk_id,
            vocab: Scores(model),
            byte_fallback: model.byte_fallback,
        },
        Model::WordPiece(WordPiece { entries, unk_token, continuing_subword_prefix, max_input_chars_per_word }) => {
            PipelineModelJson::WordPiece {
                unk_token,
                continuing_subword_prefix,
                max_input_chars_per_word: *max_input_chars_per_word,
                vocab: entries,
            }
        }
        Model::WordLevel(WordLevel { entries, unk_token }) => {
            PipelineModelJson::WordLevel { vocab: entries, unk_token }
        }
    };
    crate::format::json::to_pretty_bytes(&PipelineJson {
        version: "1.0",
        truncation: &pipeline.truncation,
        padding: &pipeline.padding,
        added_tokens: &pipeline.added,
        normalizer: &pipeline.normalizer,
        pre_tokenizer: &pipeline.pre_tokenizer,
        post_processor: &pipeline.post_processor,
        decoder: &pipeline.decoder,
        model,
    })
}
