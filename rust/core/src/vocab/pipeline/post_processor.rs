//! Post-processors add tokens before and behind the tokens of a text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::pre_tokenizer::ByteLevel;

/// A post-processor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum PostProcessor {
    /// By a template for one text, and one for two.
    #[serde(rename = "TemplateProcessing")]
    Template {
        /// The sequence of one text.
        single: Vec<Piece>,
        /// The sequence of two texts.
        pair: Vec<Piece>,
        /// The tokens of the templates, by name.
        special_tokens: BTreeMap<String, TemplateToken>,
    },
    /// The template of BERT: `[CLS] A [SEP] B [SEP]`.
    #[serde(rename = "BertProcessing")]
    Bert {
        /// The token at the end of a text.
        sep: (String, u32),
        /// The token at the beginning of the first text.
        cls: (String, u32),
    },
    /// The template of RoBERTa: `<s> A </s></s> B </s>`.
    #[serde(rename = "RobertaProcessing")]
    Roberta {
        /// The token at the end of a text.
        sep: (String, u32),
        /// The token at the beginning of the first text.
        cls: (String, u32),
        /// Whether spans leave out whitespace.
        trim_offsets: bool,
        /// Whether a space was put before the text, so that its token keeps its span.
        add_prefix_space: bool,
    },
    /// No tokens; spans that leave out whitespace.
    ByteLevel(ByteLevel),
    /// One after the other.
    Sequence {
        /// The post-processors.
        processors: Vec<PostProcessor>,
    },
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Piece {
    /// A text.
    Sequence {
        /// The text that stands here.
        id: Sequence,
        /// The type of its tokens.
        type_id: u32,
    },
    /// Tokens of the template.
    SpecialToken {
        /// Their name.
        id: String,
        /// Their type.
        type_id: u32,
    },
}

/// One of the two texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sequence {
    /// The first.
    A,
    /// The second.
    B,
}

/// Tokens under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateToken {
    /// The name.
    pub id: String,
    /// The ids.
    pub ids: Vec<u32>,
    /// Their texts.
    pub tokens: Vec<String>,
}
