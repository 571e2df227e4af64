//! The ids that a post-processor adds before, between and behind the ids of one text or two.

use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::memory::Grow;
use crate::vocab::pipeline::{Piece, PostProcessor, Sequence};

/// The templates of a tokenizer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Templates {
    single: Vec<TemplatePart>,
    pair: Vec<TemplatePart>,
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
enum TemplatePart {
    Text(Sequence),
    /// Special tokens.
    Ids(Vec<u32>),
}

/// Ids of one text or two, and of each whether it is of a text: a special token has no span.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Joined {
    /// The ids.
    pub ids: Vec<u32>,
    /// The spans.
    pub spans: Vec<(i64, i64)>,
}

impl Templates {
    /// The templates of a post-processor in JSON.
    ///
    /// # Errors
    /// [`Error::Unsupported`]
    #[cfg(test)]
    fn of_json(processor: Option<&Value>) -> Result<Self> {
        Self::new(parsed(processor)?.as_ref())
    }

    /// The templates of a post-processor.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for one that adds tokens twice, or names tokens it does not have.
    pub fn new(processor: Option<&PostProcessor>) -> Result<Self> {
        let plain = Self {
            single: vec![TemplatePart::Text(Sequence::A)],
            pair: [Sequence::A, Sequence::B].map(TemplatePart::Text).into(),
        };
        let mut found = Vec::new();
        if let Some(processor) = processor {
            push(processor, &mut found)?;
        }
        match found.len() {
            0 | 1 => Ok(found.pop().unwrap_or(plain)),
            _ => Err(Error::unsupported("post_processor", "a sequence of several that add tokens")),
        }
    }

    /// The tokens before and behind a text, if the text stands there once.
    pub fn around(&self) -> Option<(Vec<u32>, Vec<u32>)> {
        let mut ends = [Vec::new(), Vec::new()];
        let mut texts = 0;
        for part in &self.single {
            match part {
                TemplatePart::Text(Sequence::A) => texts += 1,
                TemplatePart::Text(Sequence::B) => return None,
                TemplatePart::Ids(ids) => ends.get_mut(texts)?.extend(ids),
            }
        }
        let [before, behind] = ends;
        (texts == 1).then_some((before, behind))
    }

    /// The ids of a text, or of two, with special tokens or without.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn join(&self, first: &Joined, second: Option<&Joined>, with_specials: bool) -> Result<Joined> {
        let template = if second.is_some() { &self.pair } else { &self.single };
        let mut joined = Joined::default();
        for part in template {
            match part {
                TemplatePart::Text(sequence) => {
                    let text = if *sequence == Sequence::A { Some(first) } else { second };
                    if let Some(text) = text {
                        joined.ids.try_extend_from_slice(&text.ids)?;
                        joined.spans.try_extend_from_slice(&text.spans)?;
                    }
                }
                TemplatePart::Ids(ids) if with_specials => {
                    joined.ids.try_extend_from_slice(ids)?;
                    joined.spans.try_extend(ids.iter().map(|_| (0, 0)))?;
                }
                TemplatePart::Ids(_) => {}
            }
        }
        Ok(joined)
    }
}

/// A post-processor from its JSON.
///
/// # Errors
/// [`Error::Unsupported`] for one that is unknown.
pub(super) fn parsed(processor: Option<&Value>) -> Result<Option<PostProcessor>> {
    let parsed = processor.filter(|value| **value != Value::Null).map(PostProcessor::deserialize).transpose();
    parsed.map_err(|error| Error::unsupported("post_processor", error))
}

fn push(processor: &PostProcessor, found: &mut Vec<Templates>) -> Result<()> {
    let ids = |token: &(String, u32)| TemplatePart::Ids(vec![token.1]);
    let [a, b] = [Sequence::A, Sequence::B].map(TemplatePart::Text);
    match processor {
        PostProcessor::Template { single, pair, special_tokens } => {
            let part = |piece: &Piece| match piece {
                Piece::Sequence { id, .. } => Ok(TemplatePart::Text(*id)),
                Piece::SpecialToken { id, .. } => {
                    let token = special_tokens.get(id).ok_or_else(|| {
                        Error::unsupported(
                            "post_processor",
                            format!("the template names {id:?}, which it does not have"),
                        )
                    })?;
                    Ok(TemplatePart::Ids(token.ids.clone()))
                }
            };
            let parts = |pieces: &[Piece]| pieces.iter().map(part).collect::<Result<Vec<_>>>();
            found.push(Templates { single: parts(single)?, pair: parts(pair)? });
        }
        PostProcessor::Bert { sep, cls } => {
            let single = vec![ids(cls), a.clone(), ids(sep)];
            found.push(Templates { single, pair: vec![ids(cls), a, ids(sep), b, ids(sep)] });
        }
        PostProcessor::Roberta { sep, cls, .. } => {
            let single = vec![ids(cls), a.clone(), ids(sep)];
            found.push(Templates { single, pair: vec![ids(cls), a, ids(sep), ids(sep), b, ids(sep)] });
        }
        PostProcessor::ByteLevel(_) => {}
        PostProcessor::Sequence { processors } => {
            processors.iter().try_for_each(|processor| push(processor, found))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tokens_stand_around_a_text_and_between_two() {
        let of = |value: Value| Templates::of_json(Some(&value));
        let text = |ids: &[u32]| Joined { ids: ids.to_vec(), spans: vec![(3, 4); ids.len()] };
        let (one, two) = (text(&[7, 8]), text(&[9]));
        let roberta = json!({ "type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1],
            "trim_offsets": true, "add_prefix_space": false });
        let templates = of(json!({ "type": "Sequence", "processors": [roberta] })).unwrap();
        let joined = templates.join(&one, Some(&two), true).unwrap();
        assert_eq!(joined.ids, [1, 7, 8, 2, 2, 9, 2]);
        assert_eq!(joined.spans, [(0, 0), (3, 4), (3, 4), (0, 0), (0, 0), (3, 4), (0, 0)]);
        assert_eq!(templates.join(&one, Some(&two), false).unwrap().ids, [7, 8, 9]);
        assert_eq!(templates.around(), Some((vec![1], vec![2])));
        assert_eq!(Templates::of_json(None).unwrap().around(), Some((vec![], vec![])));
        assert!(of(json!({ "type": "Sequence", "processors": [roberta, roberta] })).is_err());
        assert!(of(json!({ "type": "Unheard" })).unwrap_err().to_string().contains("Unheard"));
        let template = json!({ "type": "TemplateProcessing", "pair": [], "special_tokens": {},
            "single": [{ "SpecialToken": { "id": "<s>", "type_id": 0 } }] });
        assert!(of(template).unwrap_err().to_string().contains("\"<s>\""));
    }
}
