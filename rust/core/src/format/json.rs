//! The parts of JSON that the formats share: values without repeated keys, and the two long lists of a BPE model, which
//! are read without a copy where the text has no escapes.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

use crate::memory::{Grow, Written};

/// A value as JSON.
///
/// # Errors
/// [`Error::Memory`](crate::Error::Memory).
pub(super) fn to_bytes(value: &impl Serialize) -> crate::Result<Vec<u8>> {
    let mut bytes = Written::default();
    // Writing strings and numbers as JSON cannot fail for another reason.
    serde_json::to_writer(&mut bytes, value).map_err(|_| crate::Error::Memory)?;
    Ok(bytes.0)
}

/// As [`to_bytes`], with lines and spaces.
///
/// # Errors
/// [`Error::Memory`](crate::Error::Memory).
pub(super) fn to_pretty_bytes(value: &impl Serialize) -> crate::Result<Vec<u8>> {
    let mut bytes = Written::default();
    serde_json::to_writer_pretty(&mut bytes, value).map_err(|_| crate::Error::Memory)?;
    Ok(bytes.0)
}

/// A string, borrowed from the text if possible.
#[derive(Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// An id: a whole number of 32 bits.
pub(super) struct Id(pub u32);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let id = value.as_u64().and_then(|id| u32::try_from(id).ok());
        id.map(Self).ok_or_else(|| D::Error::custom(format!("{value} is not an id (0 to {})", u32::MAX)))
    }
}

/// Any value. An object that has a key twice is an error, because readers differ in which of the two they take.
pub(super) struct Strict(pub Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            push(&mut list, item)?;
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = items.next_key::<String>()? {
            let Strict(value) = items.next_value()?;
            if map.contains_key(&key) {
                return Err(A::Error::custom(format!("the key {key:?} occurs twice")));
            }
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

/// An object from texts to ids, as it stands in the file: in its order, with repeated keys.
#[derive(Default)]
pub(super) struct Ids<'a>(pub Vec<(Cow<'a, str>, u32)>);

impl<'de: 'a, 'a> Deserialize<'de> for Ids<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdsVisitor;

        impl<'de> Visitor<'de> for IdsVisitor {
            type Value = Ids<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object from tokens to ids")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Ids<'de>, A::Error> {
                let mut ids = Vec::new();
                while let Some(Text(text)) = items.next_key()? {
                    let Id(id) = items.next_value().map_err(|error| A::Error::custom(format!("{text:?}: {error}")))?;
                    push(&mut ids, (text, id))?;
                }
                Ok(Ids(ids))
            }
        }
        deserializer.deserialize_map(IdsVisitor)
    }
}

/// A list. Memory is reserved only for items that were read, whatever length is claimed.
pub(super) struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sequence")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<List<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    push(&mut list, item)?;
                }
                Ok(List(list))
            }
        }
        deserializer.deserialize_seq(ListVisitor(PhantomData))
    }
}

/// Appends to a list; fails if memory is short.
fn push<T, E: Error>(list: &mut Vec<T>, item: T) -> Result<(), E> {
    list.try_push(item).map_err(|error| E::custom(String::from(error)))
}

/// The vocabulary of any model: an object from texts to ids, or a list of texts and scores.
pub(super) enum Vocabulary<'a> {
    Ids(Vec<(Cow<'a, str>, u32)>),
    Scores(Vec<(Cow<'a, str>, f64)>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Vocabulary<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct VocabularyVisitor;

        impl<'de> Visitor<'de> for VocabularyVisitor {
            type Value = Vocabulary<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object from tokens to ids, or a list of tokens and scores")
            }

            fn visit_map<A: MapAccess<'de>>(self, items: A) -> Result<Vocabulary<'de>, A::Error> {
                Ids::deserialize(MapAccessDeserializer::new(items)).map(|Ids(ids)| Vocabulary::Ids(ids))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vocabulary<'de>, A::Error> {
                let mut scores = Vec::new();
                while let Some((Text(text), score)) = items.next_element()? {
                    push(&mut scores, (text, score))?;
                }
                Ok(Vocabulary::Scores(scores))
            }
        }
        deserializer.deserialize_any(VocabularyVisitor)
    }
}

/// A merge, in either spelling: `"a b"` or `["a", "b"]`.
pub(super) struct Pair<'a>(pub Cow<'a, str>, pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Pair<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairVisitor;

        impl<'de> Visitor<'de> for PairVisitor {
            type Value = Pair<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a merge, \"a b\" or [\"a\", \"b\"]")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Pair<'de>, E> {
                let (left, right) = split(text)?;
                Ok(Pair(left.into(), right.into()))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Pair<'de>, E> {
                let (left, right) = split(text)?;
                Ok(Pair(left.to_string().into(), right.to_string().into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Pair<'de>, A::Error> {
                let missing = || A::Error::custom("a merge is of two tokens");
                let Text(left) = items.next_element()?.ok_or_else(missing)?;
                let Text(right) = items.next_element()?.ok_or_else(missing)?;
                if items.next_element::<Text<'de>>()?.is_some() {
                    return Err(missing());
                }
                Ok(Pair(left, right))
            }
        }
        deserializer.deserialize_any(PairVisitor)
    }
}

fn split<E: Error>(text: &str) -> Result<(&str, &str), E> {
    match text.split_once(' ') {
        Some((left, right)) if !right.contains(' ') => Ok((left, right)),
        _ => Err(E::custom(format!("the merge {text:?} is not of two tokens"))),
    }
}
