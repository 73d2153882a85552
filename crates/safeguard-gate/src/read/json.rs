//! JSON read straight into what is kept of it: strings cut short, lists with an end, the rest skipped unread.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::Error as _;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use crate::unreadable::{Place, Unreadable, shown};

const KEY_BYTES_MAX: usize = 500;

/// Reads a whole document. Depth is limited by the reader (128), and so are numbers: there is no NaN.
pub(super) fn parse<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Unreadable> {
    serde_json::from_str(text).map_err(|error| {
        let place = Place::Column {
            line: error.line(),
            column: error.column(),
        };
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        let hint = match error.classify() {
            Category::Eof => "look whether the tool was ended before it had written everything",
            Category::Syntax => "it must be JSON, as the tool writes it",
            Category::Data | Category::Io => {
                "it is JSON, of another shape than this format's: check the format that you named"
            }
        };
        Unreadable::new(place, shown(message, 300), hint)
    })
}

/// A text of which at most `BYTES_MAX` bytes are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Short<const BYTES_MAX: usize>(pub String);

impl<'de, const BYTES_MAX: usize> Deserialize<'de> for Short<BYTES_MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Cut<const BYTES_MAX: usize>;
        impl<const BYTES_MAX: usize> Visitor<'_> for Cut<BYTES_MAX> {
            type Value = Short<BYTES_MAX>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Short(cut(text, BYTES_MAX).to_owned()))
            }
        }
        deserializer.deserialize_str(Cut)
    }
}

/// The beginning of a text that fits in `bytes_max`.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// The first `ITEMS_MAX` items of a list, and how many more there were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept<T, const ITEMS_MAX: usize> {
    pub items: Vec<T>,
    pub dropped: u64,
}

impl<T, const ITEMS_MAX: usize> Default for Kept<T, ITEMS_MAX> {
    fn default() -> Self {
        Kept {
            items: Vec::new(),
            dropped: 0,
        }
    }
}

impl<'de, T: Deserialize<'de>, const ITEMS_MAX: usize> Deserialize<'de> for Kept<T, ITEMS_MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<T, const ITEMS_MAX: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const ITEMS_MAX: usize> Visitor<'de> for List<T, ITEMS_MAX> {
            type Value = Kept<T, ITEMS_MAX>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Kept::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut kept = Kept::default();
                while kept.items.len() < ITEMS_MAX {
                    match list.next_element()? {
                        Some(item) => kept.items.push(item),
                        None => return Ok(kept),
                    }
                }
                while list.next_element::<IgnoredAny>()?.is_some() {
                    kept.dropped += 1;
                }
                Ok(kept)
            }
        }
        deserializer.deserialize_any(List(PhantomData))
    }
}

/// An object with keys of its own, at most `ENTRIES_MAX`, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table<V, const ENTRIES_MAX: usize>(pub BTreeMap<String, V>);

impl<V, const ENTRIES_MAX: usize> Default for Table<V, ENTRIES_MAX> {
    fn default() -> Self {
        Table(BTreeMap::new())
    }
}

impl<'de, V: Deserialize<'de>, const ENTRIES_MAX: usize> Deserialize<'de> for Table<V, ENTRIES_MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<V, const ENTRIES_MAX: usize>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>, const ENTRIES_MAX: usize> Visitor<'de> for Entries<V, ENTRIES_MAX> {
            type Value = Table<V, ENTRIES_MAX>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
                let mut table = BTreeMap::new();
                while let Some(key) = object.next_key::<Short<KEY_BYTES_MAX>>()? {
                    if table.len() == ENTRIES_MAX {
                        return Err(A::Error::custom(format!(
                            "an object with more than {ENTRIES_MAX} keys"
                        )));
                    }
                    if table.contains_key(&key.0) {
                        return Err(A::Error::custom(format!("`{}` comes twice", shown(&key.0, 80))));
                    }
                    table.insert(key.0, object.next_value()?);
                }
                Ok(Table(table))
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}
