//! Parts of a `tokenizer.json` that say how ids are used.

use serde_json::{Map, Value};

use crate::error::Result;
use crate::memory::{collect_all, copied, copied_text};

/// Parts of a `tokenizer.json` that are kept as they stand, and written again. Encoding gives the ids of the text
/// alone, unless the caller asks for the ids that the post-processor adds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Carried {
    /// Puts tokens before and behind the tokens of a text.
    pub post_processor: Option<Value>,
    /// Makes all sequences of a batch equally long.
    pub padding: Option<Value>,
    /// Cuts sequences that are too long.
    pub truncation: Option<Value>,
    /// Hashes of some sentences of the parallel text that steered training, by which it is known again.
    pub steered_by: Vec<String>,
    /// Ids of special tokens that are content, ascending. Decoding keeps them when it leaves out other special tokens.
    pub kept: Vec<u32>,
}

impl Carried {
    /// Clones, or fails if there is no memory.
    ///
    /// # Errors
    /// [`Error::Memory`](crate::Error::Memory).
    pub fn try_clone(&self) -> Result<Self> {
        let clone = |part: &Option<Value>| part.as_ref().map(try_clone_value).transpose();
        Ok(Self {
            post_processor: clone(&self.post_processor)?,
            padding: clone(&self.padding)?,
            truncation: clone(&self.truncation)?,
            steered_by: collect_all(self.steered_by.iter().map(|hash| copied_text(hash)))?,
            kept: copied(&self.kept)?,
        })
    }
}

/// Ids in ascending order, each once, as [`Carried::kept`] holds them.
pub(crate) fn ascending(mut ids: Vec<u32>) -> Vec<u32> {
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn try_clone_value(value: &Value) -> Result<Value> {
    Ok(match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        Value::String(text) => Value::String(copied_text(text)?),
        Value::Array(items) => Value::Array(collect_all(items.iter().map(try_clone_value))?),
        Value::Object(items) => {
            let mut copy = Map::new();
            for (key, value) in items {
                copy.insert(copied_text(key)?, try_clone_value(value)?);
            }
            Value::Object(copy)
        }
    })
}
