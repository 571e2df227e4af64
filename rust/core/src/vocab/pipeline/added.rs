//! Tokens that are added to a model's vocabulary.

use serde::{Deserialize, Serialize};

/// A token that is found in a text before the model sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedToken {
    /// Its id.
    pub id: u32,
    /// Its text.
    pub content: String,
    /// It does not match next to a character of a word.
    pub single_word: bool,
    /// It takes the whitespace before it.
    pub lstrip: bool,
    /// It takes the whitespace behind it.
    pub rstrip: bool,
    /// Its normalized form is looked for in the normalized text.
    pub normalized: bool,
    /// It controls a model: in a text it is text, unless the caller wants it parsed, and decoding can leave it out.
    pub special: bool,
}
