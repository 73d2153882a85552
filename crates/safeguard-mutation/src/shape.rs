//! What a value may be, read from a type of TypeScript or JSDoc, or from a default.

use safeguard_scan::tree::{Kind, NodeId, Role, Tree};

/// How deeply shapes may lie within each other.
const DEPTH_MAX: usize = 8;
const PARTS_MAX: usize = 30;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    Number,
    Text,
    Bool,
    Null,
    Undefined,
    Date,
    /// As it is written.
    Literal(String),
    List(Box<Shape>),
    Tuple(Vec<Shape>),
    Record(Vec<(String, Shape)>),
    /// Any keys.
    Map(Box<Shape>),
    OneOf(Vec<Shape>),
}

impl Shape {
    /// Reads a type that is written without white space; none if it is not one of these.
    pub fn read(text: &str) -> Option<Shape> {
        read(text.trim(), DEPTH_MAX)
    }

    /// The shape of values like a literal.
    pub fn of_literal(tree: &Tree, id: NodeId) -> Option<Shape> {
        literal(tree, id, DEPTH_MAX)
    }
}

fn read(text: &str, depth: usize) -> Option<Shape> {
    let depth = depth.checked_sub(1)?;
    let text = text.trim().strip_prefix('|').unwrap_or(text.trim());
    let ways = parts(text, '|')?;
    if ways.len() > 1 {
        return Some(Shape::OneOf(all(&ways, depth)?));
    }
    if let Some(optional) = text.strip_suffix('=') {
        return Some(Shape::OneOf(vec![read(optional, depth)?, Shape::Undefined]));
    }
    if let Some(item) = text.strip_suffix("[]") {
        return Some(Shape::List(Box::new(read(
            item.strip_prefix("readonly").unwrap_or(item),
            depth,
        )?)));
    }
    if let Some(inner) = within(text, '(', ')') {
        return read(inner, depth);
    }
    if let Some(inner) = within(text, '[', ']') {
        return Some(Shape::Tuple(all(&parts(inner, ',')?, depth)?));
    }
    if let Some(inner) = within(text, '{', '}') {
        return record(inner, depth);
    }
    for (name, many) in [
        ("Array<", true),
        ("ReadonlyArray<", true),
        ("Record<string,", false),
    ] {
        if let Some(inner) = text.strip_prefix(name).and_then(|rest| rest.strip_suffix('>')) {
            let inner = Box::new(read(inner, depth)?);
            return Some(if many {
                Shape::List(inner)
            } else {
                Shape::Map(inner)
            });
        }
    }
    Some(match text {
        "number" | "Number" => Shape::Number,
        "string" | "String" => Shape::Text,
        "boolean" | "Boolean" => Shape::Bool,
        "null" => Shape::Null,
        "undefined" | "void" => Shape::Undefined,
        "Date" => Shape::Date,
        "true" | "false" => Shape::Literal(text.to_owned()),
        _ if text.parse::<f64>().is_ok()
            && text.starts_with(|first: char| first.is_ascii_digit() || first == '-') =>
        {
            Shape::Literal(text.to_owned())
        }
        _ if is_quoted(text) => Shape::Literal(text.to_owned()),
        _ => return None,
    })
}

fn all(texts: &[&str], depth: usize) -> Option<Vec<Shape>> {
    texts.iter().map(|text| read(text, depth)).collect()
}

fn record(inner: &str, depth: usize) -> Option<Shape> {
    let separator = if inner.contains(';') { ';' } else { ',' };
    let mut fields = Vec::new();
    for part in parts(inner, separator)?
        .into_iter()
        .filter(|part| !part.is_empty())
    {
        let (name, kind) = part.split_once(':')?;
        let name = name.trim_start_matches("readonly");
        let (name, optional) = match name.strip_suffix('?') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let is_name = !name.is_empty()
            && name
                .chars()
                .all(|char| char.is_alphanumeric() || matches!(char, '_' | '$'));
        if !is_name {
            return None;
        }
        let shape = read(kind, depth)?;
        let shape = match optional {
            true => Shape::OneOf(vec![shape, Shape::Undefined]),
            false => shape,
        };
        fields.push((name.to_owned(), shape));
    }
    Some(Shape::Record(fields))
}

/// What is between a first and a last character that belong together.
fn within(text: &str, open: char, close: char) -> Option<&str> {
    let inner = text.strip_prefix(open)?.strip_suffix(close)?;
    let mut depth = 0_usize;
    for char in inner.chars() {
        if char == open {
            depth += 1;
        } else if char == close {
            depth = depth.checked_sub(1)?;
        }
    }
    Some(inner)
}

/// The parts of a text between separators that lie in no brackets and quotes.
fn parts(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut depth, mut quote, mut start) = (0_usize, None, 0);
    let mut found = Vec::new();
    for (at, char) in text.char_indices() {
        match (quote, char) {
            (Some(open), _) if open == char => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"' | '`') => quote = Some(char),
            (None, '(' | '[' | '{' | '<') => depth += 1,
            (None, ')' | ']' | '}' | '>') => depth = depth.checked_sub(1)?,
            (None, _) if char == separator && depth == 0 => {
                found.push(&text[start..at]);
                start = at + char.len_utf8();
            }
            (None, _) => {}
        }
    }
    found.push(&text[start..]);
    (found.len() <= PARTS_MAX && quote.is_none()).then_some(found)
}

fn is_quoted(text: &str) -> bool {
    ['\'', '"'].iter().any(|quote| {
        text.strip_prefix(*quote)
            .and_then(|rest| rest.strip_suffix(*quote))
            .is_some_and(|inner| !inner.contains([*quote, '\\']))
    })
}

fn literal(tree: &Tree, id: NodeId, depth: usize) -> Option<Shape> {
    let depth = depth.checked_sub(1)?;
    Some(match tree.kind(id) {
        Kind::Num => Shape::Number,
        Kind::Unary if tree.name(id) == "-" => Shape::Number,
        Kind::Str => Shape::Text,
        Kind::Bool => Shape::Bool,
        Kind::List => {
            let first = tree.children(id).next()?;
            Shape::List(Box::new(literal(tree, first, depth)?))
        }
        Kind::Object => {
            let mut fields = Vec::new();
            for pair in tree.children(id) {
                let (key, value) = (tree.child(pair, Role::Key)?, tree.child(pair, Role::Value)?);
                fields.push((tree.name(key).to_owned(), literal(tree, value, depth)?));
            }
            (!fields.is_empty()).then_some(Shape::Record(fields))?
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::Shape;

    #[test]
    fn types_are_read() {
        let read = |text: &str| Shape::read(text).map(|shape| format!("{shape:?}"));
        for (text, shape) in [
            ("number", "Number"),
            ("string|null", "OneOf([Text, Null])"),
            (
                "'a'|'b|c'|3",
                "OneOf([Literal(\"'a'\"), Literal(\"'b|c'\"), Literal(\"3\")])",
            ),
            ("Array<number[]>", "List(List(Number))"),
            ("readonlystring[]", "List(Text)"),
            ("[number,string?]", ""),
            (
                "{a:number;b?:string}",
                "Record([(\"a\", Number), (\"b\", OneOf([Text, Undefined]))])",
            ),
            ("Record<string,{n:number}>", "Map(Record([(\"n\", Number)]))"),
            ("(number|string)[]", "List(OneOf([Number, Text]))"),
            ("Order", ""),
            ("(a:number)=>void", ""),
            ("number=", "OneOf([Number, Undefined])"),
        ] {
            assert_eq!(read(text).unwrap_or_default(), shape, "{text}");
        }
        let deep = "[".repeat(5_000) + &"]".repeat(5_000);
        assert_eq!(read(&deep), None);
    }
}
