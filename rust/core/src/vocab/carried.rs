//! Parts of a `tokenizer.json` that are kept and not applied.

use serde_json::Value;

/// Parts of a `tokenizer.json` that describe the use of ids. They are kept unchanged and written again; encoding gives
/// the ids of the text alone.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Carried {
    /// Puts tokens before and behind those of a text.
    pub post_processor: Option<Value>,
    /// Makes all sequences of a batch equally long.
    pub padding: Option<Value>,
    /// Cuts sequences that are too long.
    pub truncation: Option<Value>,
}

impl Carried {
    /// The steps that `tokenizers` would apply to the ids of a text, and encoding here does not.
    pub fn unobeyed(&self) -> Vec<String> {
        let mut unobeyed = Vec::new();
        let mut added = Vec::new();
        self.post_processor.iter().for_each(|value| each_added(value, &mut added));
        if !added.is_empty() {
            unobeyed.push(format!("tokens at its ends ({})", added.join(", ")));
        }
        if let Some(truncation) = &self.truncation {
            unobeyed.push(match truncation["max_length"].as_u64() {
                Some(length) => format!("truncation to {length} ids"),
                None => "truncation".to_string(),
            });
        }
        if self.padding.is_some() {
            unobeyed.push("padding".to_string());
        }
        unobeyed
    }
}

/// Collects the tokens that a post-processor adds to a single text.
fn each_added(processor: &Value, added: &mut Vec<String>) {
    let mut add = |value: &Value| added.extend(value.as_str().map(str::to_string));
    match processor["type"].as_str() {
        Some("TemplateProcessing") => {
            let pieces = processor["single"].as_array();
            pieces.into_iter().flatten().for_each(|piece| add(&piece["SpecialToken"]["id"]));
        }
        Some("BertProcessing" | "RobertaProcessing") => {
            add(&processor["cls"][0]);
            add(&processor["sep"][0]);
        }
        Some("Sequence") => {
            processor["processors"].as_array().into_iter().flatten().for_each(|part| each_added(part, added));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_changes_the_ids_is_told() {
        let byte_level = json!({ "type": "ByteLevel", "trim_offsets": true });
        let template = json!({ "type": "TemplateProcessing", "single": [
            { "SpecialToken": { "id": "<s>", "type_id": 0 } }, { "Sequence": { "id": "A", "type_id": 0 } },
            { "SpecialToken": { "id": "</s>", "type_id": 0 } }] });
        let roberta = json!({ "type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0] });
        let told = |value: &Value| Carried { post_processor: Some(value.clone()), ..Carried::default() }.unobeyed();
        assert_eq!(told(&byte_level), [""; 0]);
        assert_eq!(told(&json!({ "type": "TemplateProcessing", "single": [{ "Sequence": {} }] })), [""; 0]);
        for value in [&template, &roberta, &json!({ "type": "Sequence", "processors": [byte_level, template] })] {
            assert_eq!(told(value), ["tokens at its ends (<s>, </s>)"]);
        }
        let cut =
            Carried { truncation: Some(json!({ "max_length": 512 })), padding: Some(json!({})), ..Carried::default() };
        assert_eq!(cut.unobeyed(), ["truncation to 512 ids", "padding"]);
    }
}
