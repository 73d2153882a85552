//! TOML with places.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ReadError;

pub(super) type Table<'t> = DeTable<'t>;
pub(super) type Value<'t> = Spanned<DeValue<'t>>;

pub(super) fn parse(text: &str) -> Result<Table<'_>, ReadError> {
    match DeTable::parse(text) {
        Ok(table) => Ok(table.into_inner()),
        Err(error) => Err(ReadError::Syntax(error.message().to_owned())),
    }
}

pub(super) fn table<'v, 't>(table: &'v Table<'t>, key: &str) -> Option<&'v Table<'t>> {
    table.get(key)?.get_ref().as_table()
}

/// A table within tables: `tool.uv`.
pub(super) fn within<'v, 't>(root: &'v Table<'t>, path: &[&str]) -> Option<&'v Table<'t>> {
    path.iter().try_fold(root, |inner, key| table(inner, key))
}

pub(super) fn text<'v>(table: &'v Table<'_>, key: &str) -> Option<&'v str> {
    table.get(key)?.get_ref().as_str()
}

pub(super) fn flag(table: &Table<'_>, key: &str) -> bool {
    table
        .get(key)
        .and_then(|value| value.get_ref().as_bool())
        .unwrap_or(false)
}

pub(super) fn list<'v, 't>(table: &'v Table<'t>, key: &str) -> &'v [Value<'t>] {
    let list = table.get(key).and_then(|value| value.get_ref().as_array());
    list.map_or(&[], |list| list)
}

/// The tables of an array of tables.
pub(super) fn tables<'v, 't>(table: &'v Table<'t>, key: &str) -> impl Iterator<Item = &'v Table<'t>> {
    list(table, key)
        .iter()
        .filter_map(|value| value.get_ref().as_table())
}

pub(super) fn span(value: &Value<'_>) -> Range<usize> {
    value.span()
}

/// Where the value of a key stands, or the beginning of the file.
pub(super) fn span_of(table: &Table<'_>, key: &str) -> Range<usize> {
    table.get(key).map_or(0..0, Spanned::span)
}

/// A date or a text of one.
pub(super) fn date(table: &Table<'_>, key: &str) -> Option<String> {
    let value = table.get(key)?.get_ref();
    match value.as_datetime() {
        Some(date) => Some(date.to_string()),
        None => value.as_str().map(str::to_owned),
    }
}
