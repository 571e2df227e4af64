//! Blocks to documents with their ids and columns, in memory of their own.

use sha2::{Digest, Sha256};

use super::fields::{Fields, Value};
use super::{BlockKind, Invalid, TextBlock, lines_of, record};
use crate::error::{Error, Result};
use crate::memory::{Grow, probe};

/// The treatment of a record whose text or id is missing or null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Missing {
    /// Refuse it, naming the line.
    #[default]
    Refuse,
    /// Leave it out, and count it.
    Skip,
}

/// Records that were left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Skipped {
    /// The text or the id is not there.
    pub missing: u64,
    /// The text or the id is null.
    pub null: u64,
}

/// The options for reading rows from a block.
#[derive(Debug)]
pub(super) struct Making<'f> {
    pub(super) fields: &'f Fields,
    pub(super) invalid: Invalid,
    pub(super) missing: Missing,
    pub(super) by_line: bool,
    pub(super) limit: usize,
}

/// Documents in a row.
#[derive(Debug, Default)]
pub struct Rows {
    texts: String,
    ends: Vec<usize>,
    ids: String,
    id_ends: Vec<usize>,
    /// The number of each document's line, or row, from 1.
    pub numbers: Vec<u64>,
    /// The columns that were asked for, each with a value for each document.
    pub columns: Vec<Vec<Value<'static>>>,
    /// Records that are no document.
    pub skipped: Skipped,
}

fn part<'t>(text: &'t str, ends: &[usize], place: usize) -> &'t str {
    let start = if place == 0 { 0 } else { ends[place - 1] };
    &text[start..ends[place]]
}

impl Rows {
    /// The number of documents.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no document.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text of a document.
    pub fn text(&self, place: usize) -> &str {
        part(&self.texts, &self.ends, place)
    }

    /// The id of a document, if ids were asked for.
    pub fn id(&self, place: usize) -> Option<&str> {
        (!self.id_ends.is_empty()).then(|| part(&self.ids, &self.id_ends, place))
    }

    /// The first 64 bits of the SHA-256 of a document's id, or of its text if it has none: the same on every machine for ever.
    pub fn hash(&self, place: usize) -> u64 {
        let digest = Sha256::digest(self.id(place).unwrap_or_else(|| self.text(place)));
        digest.iter().take(8).fold(0, |hash, &byte| hash << 8 | u64::from(byte))
    }

    /// Adds a document.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn push(&mut self, text: &str, id: Option<&str>, number: u64) -> Result<()> {
        self.texts.try_reserve(text.len())?;
        self.texts.push_str(text);
        self.ends.try_push(self.texts.len())?;
        if let Some(id) = id {
            self.ids.try_reserve(id.len())?;
            self.ids.push_str(id);
            self.id_ends.try_push(self.ids.len())?;
        }
        self.numbers.try_push(number)
    }

    /// The documents of a block, which is whole; `lines` is the number of lines before it.
    pub(super) fn of(block: &TextBlock, lines: u64, making: &Making) -> Result<Self> {
        let own = block.own(making.invalid)?;
        let mut rows = Self { columns: vec![Vec::new(); making.fields.columns.len()], ..Self::default() };
        match block.kind {
            BlockKind::Text { .. } if making.by_line => {
                for (line, number) in lines_of(&own).zip(lines + 1..) {
                    let line = line.strip_suffix('\r').unwrap_or(line);
                    making.check_length(block, line.len(), number)?;
                    if !line.is_empty() {
                        rows.push(line, None, number)?;
                    }
                }
            }
            BlockKind::Text { .. } => rows.push(&own, None, 1)?,
            BlockKind::Lines { before } => {
                rows.texts.try_reserve(own.len())?;
                for (line, number) in lines_of(&own).zip(before + 1..) {
                    making.check_length(block, line.len(), number)?;
                    if !record::is_blank(line.as_bytes()) {
                        rows.add_record(line, number, making).map_err(|reason| {
                            Error::corpus(block.origin.display(), format!("line {number}: {reason}"))
                        })??;
                    }
                }
            }
        }
        Ok(rows)
    }

    fn add_record(&mut self, line: &str, number: u64, making: &Making) -> Result<Result<()>, String> {
        let fields = making.fields;
        if let Err(error) = probe(2 * line.len()) {
            return Ok(Err(error));
        }
        record::read(line, making.invalid, fields.name(fields.text), |line| {
            let mut found = fields.parse(line)?;
            Ok(self.add_values(&mut found, number, making))
        })?
    }

    fn add_values(&mut self, found: &mut [Option<Value>], number: u64, making: &Making) -> Result<Result<()>, String> {
        let fields = making.fields;
        for slot in [Some(fields.text), fields.id].into_iter().flatten() {
            let (count, what) = match &found[slot] {
                None => (&mut self.skipped.missing, "missing"),
                Some(Value::Null) => (&mut self.skipped.null, "null"),
                Some(_) => continue,
            };
            if making.missing == Missing::Refuse {
                return Err(format!("the field `{}` is {what}", fields.name(slot)));
            }
            *count += 1;
            return Ok(Ok(()));
        }
        let id = fields.id.map(|slot| id_of(found[slot].as_ref(), fields.name(slot))).transpose()?;
        let text = match &found[fields.text] {
            Some(Value::Text(text)) => text,
            Some(other) => {
                return Err(format!("the field `{}` is {}, not a string", fields.name(fields.text), other.kind()));
            }
            None => unreachable!("a missing text was handled"),
        };
        let pushed = self.push(text, id.as_deref(), number);
        for (column, &slot) in self.columns.iter_mut().zip(&fields.columns) {
            column.push(found[slot].clone().map_or(Value::Null, Value::into_owned));
        }
        Ok(pushed)
    }
}

/// A string, or a number as it is written.
fn id_of(value: Option<&Value>, name: &str) -> Result<String, String> {
    match value {
        Some(Value::Text(text)) => Ok(text.to_string()),
        Some(Value::Int(number)) => Ok(number.to_string()),
        Some(other) => Err(format!("the field `{name}` is {}, not a string or a whole number", other.kind())),
        None => unreachable!("a missing id was handled"),
    }
}

impl Making<'_> {
    fn check_length(&self, block: &TextBlock, length: usize, number: u64) -> Result<()> {
        if length <= self.limit {
            return Ok(());
        }
        let reason = format!("line {number} has more than {} bytes", self.limit);
        Err(Error::corpus(block.origin.display(), reason))
    }
}
