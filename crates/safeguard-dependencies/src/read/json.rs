//! JSON with places. Of a key that stands twice the last counts, as it does for the tools that these files are for.

use jsonc_parser::ast::{Object, ObjectProp, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, CommentCollectionStrategy, ParseOptions, parse_to_ast};
use std::ops::Range;

use super::ReadError;

/// With comments and commas before closing brackets, as Bun writes it.
pub(super) fn parse(text: &str, loose: bool) -> Result<Value<'_>, ReadError> {
    let collect = CollectOptions {
        comments: CommentCollectionStrategy::Off,
        tokens: false,
    };
    let options = ParseOptions {
        allow_comments: loose,
        allow_loose_object_property_names: false,
        allow_trailing_commas: loose,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let parsed =
        parse_to_ast(text, &collect, &options).map_err(|error| ReadError::Syntax(error.to_string()))?;
    parsed
        .value
        .ok_or_else(|| ReadError::Syntax("it is empty".to_owned()))
}

pub(super) fn object<'v, 't>(value: &'v Value<'t>) -> Result<&'v Object<'t>, ReadError> {
    value
        .as_object()
        .ok_or_else(|| ReadError::Syntax("it does not begin with `{`".to_owned()))
}

pub(super) fn get<'v, 't>(object: &'v Object<'t>, key: &str) -> Option<&'v Value<'t>> {
    property(object, key).map(|property| &property.value)
}

pub(super) fn property<'v, 't>(object: &'v Object<'t>, key: &str) -> Option<&'v ObjectProp<'t>> {
    object
        .properties
        .iter()
        .rev()
        .find(|property| property.name.as_str() == key)
}

pub(super) fn text<'v>(object: &'v Object<'_>, key: &str) -> Option<&'v str> {
    get(object, key).and_then(string)
}

pub(super) fn string<'v>(value: &'v Value<'_>) -> Option<&'v str> {
    value.as_string_lit().map(|text| text.value.as_ref())
}

pub(super) fn flag(object: &Object<'_>, key: &str) -> bool {
    get(object, key)
        .and_then(Value::as_boolean_lit)
        .is_some_and(|flag| flag.value)
}

pub(super) fn number(object: &Object<'_>, key: &str) -> Option<u64> {
    get(object, key)?.as_number_lit()?.value.parse().ok()
}

/// The keys and values of an object within an object.
pub(super) fn entries<'v, 't>(object: &'v Object<'t>, key: &str) -> impl Iterator<Item = &'v ObjectProp<'t>> {
    get(object, key)
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|object| &object.properties)
}

pub(super) fn span(ranged: &impl Ranged) -> Range<usize> {
    ranged.range().start..ranged.range().end
}

/// Where a key stands.
pub(super) fn key_span(property: &ObjectProp<'_>) -> Range<usize> {
    span(&property.name)
}
