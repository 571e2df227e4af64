//! Fields of records by their paths: a line of JSON to the values in it that are wanted.
//!
//! A path is the names of nested objects with dots between (`metadata.id`). Everything else in the line is parsed, but kept nowhere.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A value of JSON. Objects and arrays are only known to be there.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'t> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// A string.
    Text(Cow<'t, str>),
    /// An object or an array.
    Nested,
}

impl Value<'_> {
    /// The name in errors.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a string",
            Self::Nested => "an object or an array",
        }
    }

    /// The same value, with a copy of the text.
    pub(super) fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Float(value) => Value::Float(value),
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Nested => Value::Nested,
        }
    }
}

/// The fields that are wanted of each record.
#[derive(Debug, Clone)]
pub struct Fields {
    root: FieldNode,
    names: Vec<String>,
    pub(super) text: usize,
    pub(super) id: Option<usize>,
    pub(super) columns: Vec<usize>,
}

#[derive(Debug, Clone, Default)]
struct FieldNode {
    /// Where the value goes, if it is wanted.
    slot: Option<usize>,
    children: Vec<(String, FieldNode)>,
}

impl Fields {
    /// The paths of the text, of the document's id, and of more columns. Several may be the same.
    pub fn new(text: &str, id: Option<&str>, columns: &[String]) -> Self {
        let (mut root, mut names) = (FieldNode::default(), Vec::new());
        let mut slot = |path: &str| {
            let found = names.iter().position(|name| name == path);
            found.unwrap_or_else(|| {
                names.push(path.to_string());
                let node = path.split('.').fold(&mut root, |node, name| node.child(name));
                node.slot = Some(names.len() - 1);
                names.len() - 1
            })
        };
        let text = slot(text);
        let id = id.map(&mut slot);
        let columns = columns.iter().map(|path| slot(path)).collect();
        Self { root, names, text, id, columns }
    }

    /// The path of a slot.
    pub(super) fn name(&self, slot: usize) -> &str {
        &self.names[slot]
    }

    /// The values of a record by their slots; `None` for a field that is missing.
    pub(super) fn parse<'t>(&self, line: &'t str) -> serde_json::Result<Vec<Option<Value<'t>>>> {
        let mut found = vec![None; self.names.len()];
        let mut deserializer = serde_json::Deserializer::from_str(line);
        deserializer.deserialize_map(Object { node: &self.root, found: &mut found })?;
        deserializer.end()?;
        Ok(found)
    }
}

impl FieldNode {
    fn child(&mut self, name: &str) -> &mut Self {
        let place = self.children.iter().position(|(own, _)| own == name).unwrap_or_else(|| {
            self.children.push((name.to_string(), Self::default()));
            self.children.len() - 1
        });
        &mut self.children[place].1
    }
}

/// The key of a field: the node that it leads to.
struct Key<'n>(&'n FieldNode);

impl<'de, 'n> DeserializeSeed<'de> for Key<'n> {
    type Value = Option<&'n FieldNode>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<'n> Visitor<'_> for Key<'n> {
    type Value = Option<&'n FieldNode>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.children.iter().find(|(name, _)| name == key).map(|(_, node)| node))
    }
}

/// The object at a node.
struct Object<'n, 'f, 'de> {
    node: &'n FieldNode,
    found: &'f mut [Option<Value<'de>>],
}

impl<'de> Visitor<'de> for Object<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(child) = map.next_key_seed(Key(self.node))? {
            let Some(node) = child else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = map.next_value_seed(NodeValue { node, found: self.found })?;
            if let Some(slot) = node.slot
                && self.found[slot].replace(value).is_some()
            {
                return Err(A::Error::custom("a field that is wanted stands there twice"));
            }
        }
        Ok(())
    }
}

/// The value at a node.
struct NodeValue<'n, 'f, 'de> {
    node: &'n FieldNode,
    found: &'f mut [Option<Value<'de>>],
}

impl<'de> DeserializeSeed<'de> for NodeValue<'_, '_, 'de> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodeValue<'_, '_, 'de> {
    type Value = Value<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value<'de>, E> {
        Ok(i64::try_from(value).map_or(Value::Float(value as f64), Value::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value<'de>, E> {
        Ok(Value::Float(value))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_string())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value<'de>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Nested)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value<'de>, A::Error> {
        Object { node: self.node, found: self.found }.visit_map(map)?;
        Ok(Value::Nested)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_into_objects() {
        let columns = ["n".to_string(), "meta".to_string(), "meta.id".to_string(), "none.at".to_string()];
        let fields = Fields::new("content.body", Some("meta.id"), &columns);
        let line = r#"{"n": 1.5, "x": {"n": 2}, "meta": {"id": 7, "n": [1]}, "content": {"body": "\u00e9"}}"#;
        let found = fields.parse(line).unwrap();
        assert_eq!(found[fields.text], Some(Value::Text("é".into())));
        assert_eq!(found[fields.id.unwrap()], Some(Value::Int(7)));
        let columns: Vec<_> = fields.columns.iter().map(|&slot| found[slot].clone()).collect();
        assert_eq!(columns, [Some(Value::Float(1.5)), Some(Value::Nested), Some(Value::Int(7)), None]);
    }

    #[test]
    fn a_line_that_is_no_object_or_has_a_field_twice_is_refused() {
        let fields = Fields::new("text", None, &[]);
        for line in ["[]", "1", r#"{"text": "a"} x"#, r#"{"text": "a", "text": "b"}"#, r#"{"text": "a"#] {
            assert!(fields.parse(line).is_err(), "{line}");
        }
        assert_eq!(fields.parse("{}").unwrap(), [None]);
    }
}
