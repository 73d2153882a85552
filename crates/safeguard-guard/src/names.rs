//! Names as the tree has them, and as people read them.

use pg_raw_parse::list::{CastNodeList, NodeList};
use pg_raw_parse::nodes::{self, RangeVar, TypeName};
use pg_raw_parse::{ConstValue, Node};

/// The longest text of a statement that a message repeats.
const SHOWN_CHARS_MAX: usize = 80;

/// The last part of a name, and the one before it: the schema, or the relation of a column.
pub(crate) fn qualified(list: &NodeList) -> Option<(Option<&str>, &str)> {
    let length = list.len();
    let name = list.get(length.checked_sub(1)?)?.as_str()?;
    let before = length
        .checked_sub(2)
        .and_then(|at| list.get(at))
        .and_then(|part| part.as_str());
    Some((before, name))
}

/// The parts of a qualified name.
pub(crate) fn parts(list: &NodeList) -> Vec<&str> {
    list.iter().filter_map(|node| node.as_str()).collect()
}

pub(crate) fn owned(parts: &[&str]) -> Vec<String> {
    parts.iter().map(|&part| part.to_owned()).collect()
}

pub(crate) fn strings(list: &CastNodeList<nodes::String>) -> Vec<&str> {
    list.into_iter().filter_map(|part| part.sval()).collect()
}

/// A name as SQL would have it written, for people.
pub(crate) fn written(parts: &[&str]) -> String {
    let quoted: Vec<String> = parts.iter().map(|part| quoted(part)).collect();
    quoted.join(".")
}

fn quoted(part: &str) -> String {
    let plain = !part.is_empty()
        && !part.starts_with(|first: char| first.is_ascii_digit())
        && part
            .chars()
            .all(|one| one == '_' || one.is_ascii_lowercase() || one.is_ascii_digit());
    if plain {
        part.to_owned()
    } else {
        let shown: String = part.chars().take(SHOWN_CHARS_MAX).collect();
        format!("\"{}\"", shown.escape_debug())
    }
}

pub(crate) fn relation_parts(relation: &RangeVar) -> Vec<&str> {
    [relation.catalogname(), relation.schemaname(), relation.relname()]
        .into_iter()
        .flatten()
        .collect()
}

pub(crate) fn relation(relation: &RangeVar) -> String {
    written(&relation_parts(relation))
}

/// The relation, in backticks, or a word for one without a name.
pub(crate) fn shown(range: Option<&RangeVar>) -> String {
    range.map_or_else(
        || "a relation".to_owned(),
        |range| format!("`{}`", relation(range)),
    )
}

/// An object of a list of objects: a list of name parts, a type, a function with its arguments.
pub(crate) fn object(node: Node<'_>) -> String {
    match node {
        Node::NodeList(list) => written(&parts(list)),
        Node::String(name) => written(&[name.sval().unwrap_or_default()]),
        Node::TypeName(name) => type_name(name),
        Node::ObjectWithArgs(object) => written(&parts(object.objname())),
        Node::RangeVar(range) => relation(range),
        _ => "an object".to_owned(),
    }
}

pub(crate) fn type_name(name: &TypeName) -> String {
    written(&strings(name.names()))
}

/// The text of a constant, also one with a type written around it.
pub(crate) fn text<'a>(node: Node<'a>) -> Option<&'a str> {
    match node {
        Node::A_Const(value) => match value.val()? {
            ConstValue::String(text) => Some(text),
            ConstValue::Integer(_)
            | ConstValue::Float(_)
            | ConstValue::Boolean(_)
            | ConstValue::BitString(_) => None,
            _ => None,
        },
        Node::TypeCast(cast) => text(cast.arg()),
        Node::String(text) => text.sval(),
        _ => None,
    }
}
