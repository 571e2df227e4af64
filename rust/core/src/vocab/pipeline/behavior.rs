//! The settings that stages share.

use serde::{Deserialize, Serialize};

/// The pattern of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pattern {
    /// A text.
    String(String),
    /// A regex, as Oniguruma reads it.
    Regex(String),
}

/// The treatment of the matches of a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Behavior {
    /// They are dropped.
    Removed,
    /// Each is a piece.
    #[default]
    Isolated,
    /// Each ends the piece before it.
    MergedWithPrevious,
    /// Each begins the piece behind it.
    MergedWithNext,
    /// Matches that follow one another are one piece.
    Contiguous,
}

/// Before which pieces a metaspace is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrependScheme {
    /// The one that begins the text.
    First,
    /// None.
    Never,
    /// Every one.
    #[default]
    Always,
}
