//! Parts of a `tokenizer.json` that say how ids are used.

use serde_json::Value;

/// Parts of a `tokenizer.json` that are kept as they stand, and written again. Encoding gives the ids of the text alone, unless the caller
/// asks for what the post-processor adds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Carried {
    /// Puts tokens before and behind those of a text.
    pub post_processor: Option<Value>,
    /// Makes all sequences of a batch equally long.
    pub padding: Option<Value>,
    /// Cuts sequences that are too long.
    pub truncation: Option<Value>,
    /// Hashes of some sentences of the parallel text that steered training, by which it is known again.
    pub steered_by: Vec<String>,
}
