//! The parts of JSON that the formats share: values without repeated keys, and the two long lists of a BPE model, which
//! are read without a copy where the text has no escapes.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

use crate::memory::{self, Grow, Written, copied_text};

/// Checks that there is memory for the parser's own allocations: a buffer to resolve the escapes of one text, and a
/// copy of each text that is small or has escapes.
pub(super) fn probe(data: &[u8]) -> crate::Result<()> {
    let escapes = memchr::memchr_iter(b'\\', data).count();
    memory::probe(2 * data.len() + 64 * escapes)
}

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

/// Like [`to_bytes`], with lines and spaces.
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
pub(super) struct JsonText<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// An id: a whole number of 32 bits.
pub(super) struct Id(pub u32);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdVisitor;

        fn refused<E: Error>(value: impl fmt::Display) -> E {
            E::custom(format!("{value} is not an id (0 to {})", u32::MAX))
        }

        impl Visitor<'_> for IdVisitor {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an id (0 to {})", u32::MAX)
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Id, E> {
                u32::try_from(value).map(Id).map_err(|_| refused(value))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Id, E> {
                Err(refused(value))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Id, E> {
                Err(refused(value))
            }
        }
        deserializer.deserialize_any(IdVisitor)
    }
}

/// Any value. An object that has a key twice is an error, because readers differ in which of the two they take.
pub(super) struct Strict(pub Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        NestedPart(&Cell::new(0)).deserialize(deserializer).map(Self)
    }
}

/// Values that are parsed between two looks at how much memory is free.
const VALUES: usize = 256;

/// Bytes of memory that a value may take beside its text: an object with one key takes most.
const VALUE: usize = 704;

/// A part of a value, and how many parts came before it.
#[derive(Clone, Copy)]
struct NestedPart<'c>(&'c Cell<usize>);

impl NestedPart<'_> {
    /// Counts the part: its memory is asked for together with that of others, since each takes little.
    fn meet<E: Error>(self) -> Result<(), E> {
        let before = self.0.get();
        self.0.set(before + 1);
        if (before + 1).is_multiple_of(VALUES) { memory::probe(VALUES * VALUE).map_err(no_memory) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for NestedPart<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.meet()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NestedPart<'_> {
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
        copied_text(value).map(Value::String).map_err(no_memory)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            push(&mut list, item)?;
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(JsonText(key)) = items.next_key()? {
            let value = items.next_value_seed(self)?;
            if map.contains_key(&*key) {
                return Err(A::Error::custom(format!("the key {key:?} occurs twice")));
            }
            map.insert(copied_text(&key).map_err(no_memory)?, value);
        }
        Ok(Value::Object(map))
    }
}

/// An object from texts to ids, as it stands in the file: in its order, with repeated keys.
#[derive(Default)]
pub(super) struct JsonIds<'a>(pub Vec<(Cow<'a, str>, u32)>);

impl<'de: 'a, 'a> Deserialize<'de> for JsonIds<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdsVisitor;

        impl<'de> Visitor<'de> for IdsVisitor {
            type Value = JsonIds<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object from tokens to ids")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<JsonIds<'de>, A::Error> {
                let mut ids = Vec::new();
                while let Some(JsonText(text)) = items.next_key()? {
                    let Id(id) = items.next_value().map_err(|error| A::Error::custom(format!("{text:?}: {error}")))?;
                    push(&mut ids, (text, id))?;
                }
                Ok(JsonIds(ids))
            }
        }
        deserializer.deserialize_map(IdsVisitor)
    }
}

/// A list. Memory is reserved only for items that were read.
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
    list.try_push(item).map_err(no_memory)
}

fn no_memory<E: Error>(error: crate::Error) -> E {
    E::custom(String::from(error))
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
                JsonIds::deserialize(MapAccessDeserializer::new(items)).map(|JsonIds(ids)| Vocabulary::Ids(ids))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vocabulary<'de>, A::Error> {
                let mut scores = Vec::new();
                while let Some((JsonText(text), score)) = items.next_element()? {
                    push(&mut scores, (text, score))?;
                }
                Ok(Vocabulary::Scores(scores))
            }
        }
        deserializer.deserialize_any(VocabularyVisitor)
    }
}

/// A merge, in either spelling: `"a b"` or `["a", "b"]`.
pub(super) struct JsonMerge<'a>(pub Cow<'a, str>, pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for JsonMerge<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairVisitor;

        impl<'de> Visitor<'de> for PairVisitor {
            type Value = JsonMerge<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a merge, \"a b\" or [\"a\", \"b\"]")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<JsonMerge<'de>, E> {
                let (left, right) = split(text)?;
                Ok(JsonMerge(left.into(), right.into()))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<JsonMerge<'de>, E> {
                let (left, right) = split(text)?;
                Ok(JsonMerge(left.to_string().into(), right.to_string().into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<JsonMerge<'de>, A::Error> {
                let missing = || A::Error::custom("a merge is of two tokens");
                let JsonText(left) = items.next_element()?.ok_or_else(missing)?;
                let JsonText(right) = items.next_element()?.ok_or_else(missing)?;
                if items.next_element::<JsonText<'de>>()?.is_some() {
                    return Err(missing());
                }
                Ok(JsonMerge(left, right))
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
