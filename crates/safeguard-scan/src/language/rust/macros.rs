//! What macros are given: expressions or statements where it can be read so, and else its words.

use std::ops::Range;

use super::{Convert, literals, read};
use crate::language::Language;
use crate::language::sitter::Converter;
use crate::language::sitter::nodes::{At, Nodes};
use crate::tree::{Builder, Kind, Role};

/// How deeply macros may lie within each other and still be read: each level is read once more.
const MACROS_DEEP_MAX: usize = 8;

/// Macros whose first text has values in it, by how many arguments stand before that text.
const FORMATS: &[(&str, usize)] = &[
    ("anyhow", 0),
    ("bail", 0),
    ("debug", 0),
    ("ensure", 1),
    ("eprint", 0),
    ("eprintln", 0),
    ("error", 0),
    ("format", 0),
    ("format_args", 0),
    ("info", 0),
    ("panic", 0),
    ("print", 0),
    ("println", 0),
    ("trace", 0),
    ("unreachable", 0),
    ("warn", 0),
    ("write", 1),
    ("writeln", 1),
];

impl Convert<'_> {
    /// `a!(…)` is a call of `a!`; `format!(…)` is a text with values in it.
    pub(super) fn macro_(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let (Some(name), Some(given)) = (
            nodes.field(at, "macro"),
            nodes.named(at).find(|child| nodes.kind(*child) == "token_tree"),
        ) else {
            return self.other(at, role);
        };
        let written = self.source(name);
        let last = written.rsplit(':').next().unwrap_or(written);
        // Written by the frontend of patterns, where a statement or an item stands.
        if last.starts_with("__ellipsis__") || last.starts_with("__mvs_") {
            return self.named_leaf(Kind::Name, role, nodes.span(name));
        }
        if matches!(last, "format" | "format_args") && self.format(given, role, nodes.span(at)) {
            return;
        }
        let before = FORMATS
            .iter()
            .find(|(format, _)| *format == last)
            .map(|(_, before)| *before);
        self.node(Kind::Call, role, nodes.span(at), |convert| {
            convert.macro_name(name);
            convert.given_to(given, before);
        });
    }

    fn macro_name(&mut self, name: At) {
        let nodes = self.nodes;
        let span = nodes.span(name);
        let called = |written: &str| format!("{written}!");
        match (nodes.field(name, "path"), nodes.field(name, "name")) {
            (Some(path), Some(last)) => self.node(Kind::Member, Role::Callee, span, |convert| {
                let last = called(convert.source(last));
                convert.out.name_decoded(&last);
                convert.expression(path, Role::Object);
            }),
            _ => self.node(Kind::Name, Role::Callee, span, |convert| {
                let name = called(convert.source(name));
                convert.out.name_decoded(&name);
            }),
        }
    }

    /// What stands in brackets behind the name of an attribute.
    pub(super) fn given(&mut self, tokens: At, role: Role) {
        debug_assert!(role == Role::Arg, "only calls are given something");
        self.given_to(tokens, None);
    }

    fn given_to(&mut self, tokens: At, format_behind: Option<usize>) {
        let inside = self.inside(tokens);
        if let Some(parsed) = self.read_within("fn f(){f(", &inside, ")}") {
            return self.within(&parsed, |convert| {
                let arguments = convert.arguments_of_wrapper();
                convert.arguments(&arguments, format_behind);
            });
        }
        if let Some(parsed) = self.read_within("fn f(){[", &inside, "]}") {
            return self.within(&parsed, |convert| {
                let list = convert
                    .nodes
                    .all()
                    .find(|at| convert.nodes.kind(*at) == "array_expression");
                for item in list.into_iter().flat_map(|list| convert.nodes.named(list)) {
                    convert.expression(item, Role::Arg);
                }
            });
        }
        self.node(Kind::Block, Role::Arg, inside.clone(), |convert| {
            convert.words(tokens, &inside)
        });
    }

    fn arguments(&mut self, arguments: &[At], format_behind: Option<usize>) {
        for (at, argument) in arguments.iter().enumerate() {
            if format_behind == Some(at) && self.nodes.kind(*argument) == "string_literal" {
                let span = self.nodes.span(*argument);
                let end = arguments
                    .last()
                    .map_or(span.end, |last| self.nodes.span(*last).end);
                return self.interpolated(*argument, &arguments[at + 1..], Role::Arg, span.start..end);
            }
            if self.nodes.kind(*argument) == "assignment_expression" {
                self.keyword(*argument);
            } else {
                self.expression(*argument, Role::Arg);
            }
        }
    }

    /// `name = value`
    fn keyword(&mut self, at: At) {
        let nodes = self.nodes;
        self.node(Kind::Keyword, Role::Arg, nodes.span(at), |convert| {
            if let Some(name) = nodes.field(at, "left") {
                convert.out.name_source(nodes.span(name));
            }
            convert.part(at, "right", Role::Value);
        });
    }

    /// `format!("…", …)`, if that is what it is.
    fn format(&mut self, tokens: At, role: Role, span: Range<usize>) -> bool {
        let inside = self.inside(tokens);
        let Some(parsed) = self.read_within("fn f(){f(", &inside, ")}") else {
            return false;
        };
        let mut is_format = false;
        self.within(&parsed, |convert| {
            let arguments = convert.arguments_of_wrapper();
            if let Some((first, rest)) = arguments.split_first()
                && matches!(
                    convert.nodes.kind(*first),
                    "string_literal" | "raw_string_literal"
                )
            {
                is_format = true;
                convert.interpolated(*first, rest, role, span);
            } else if let [only] = arguments.as_slice()
                && convert.source(*only) == "__ellipsis__"
            {
                // `format!(...)` of a pattern
                is_format = true;
                convert.node(Kind::Interp, role, span, |convert| {
                    convert.expression(*only, Role::Item)
                });
            }
        });
        is_format
    }

    /// A text and the values that stand in its braces.
    fn interpolated(&mut self, format: At, values: &[At], role: Role, span: Range<usize>) {
        let nodes = self.nodes;
        let written = self.source(format);
        let (value, _) = literals::value(written);
        // `"..."` of a pattern is any text with these values in it.
        if value == "..." {
            return self.node(Kind::Interp, role, span, |convert| {
                convert.ellipsis(nodes.span(format));
                for value in values {
                    convert.expression(*value, Role::Item);
                    convert.ellipsis(nodes.span(format));
                }
            });
        }
        let begin = nodes.span(format).start;
        let holes = holes(written);
        if holes.is_empty() {
            return self.node(Kind::Str, role, nodes.span(format), |convert| {
                convert.out.name_decoded(&value)
            });
        }
        let named = |name: &str| {
            values.iter().copied().find(|value| {
                nodes.kind(*value) == "assignment_expression"
                    && nodes
                        .field(*value, "left")
                        .is_some_and(|left| self.text.get(nodes.span(left)) == Some(name))
            })
        };
        let mut next = 0;
        let chosen: Vec<Option<At>> = holes
            .iter()
            .map(|hole| {
                let name = &written[hole.name.clone()];
                if name.is_empty() {
                    next += 1;
                    values.get(next - 1).copied()
                } else if let Ok(position) = name.parse::<usize>() {
                    values.get(position).copied()
                } else {
                    named(name)
                }
            })
            .collect();
        self.node(Kind::Interp, role, span, |convert| {
            let mut at = 0;
            for (hole, value) in holes.iter().zip(chosen) {
                convert.piece(format, at..hole.whole.start);
                at = hole.whole.end;
                match value {
                    Some(value) if nodes.kind(value) == "assignment_expression" => {
                        convert.part(value, "right", Role::Item);
                    }
                    Some(value) => convert.expression(value, Role::Item),
                    None if !hole.name.is_empty() => {
                        let name = begin + hole.name.start..begin + hole.name.end;
                        convert.named_leaf(Kind::Name, Role::Item, name);
                    }
                    None => {}
                }
            }
            convert.piece(format, at..written.len());
        });
    }

    fn ellipsis(&mut self, span: Range<usize>) {
        self.node(Kind::Name, Role::Item, span, |convert| {
            convert.out.name_static("__ellipsis__")
        });
    }

    /// A part of a text between its values; `part` is where it lies in what is written.
    fn piece(&mut self, format: At, part: Range<usize>) {
        let written = self.source(format);
        let quote = written.find('"').map_or(0, |at| at + 1);
        let end = written.rfind('"').unwrap_or(written.len());
        let part = part.start.max(quote)..part.end.min(end);
        let Some(inside) = written.get(part.clone()).filter(|inside| !inside.is_empty()) else {
            return;
        };
        let quoted = format!("{}\"{inside}\"", if written.starts_with('r') { "r" } else { "" });
        let (value, _) = literals::value(&quoted);
        let value = value.replace("{{", "{").replace("}}", "}");
        let begin = self.nodes.span(format).start;
        self.node(
            Kind::Str,
            Role::Item,
            begin + part.start..begin + part.end,
            |convert| {
                convert.out.name_decoded(&value);
            },
        );
    }

    /// The text between the brackets of what a macro is given.
    fn inside(&self, tokens: At) -> Range<usize> {
        let span = self.nodes.span(tokens);
        span.start + 1..span.end.saturating_sub(1).max(span.start + 1)
    }

    /// A part of the file, read with something around it.
    fn read_within(&self, before: &str, inside: &Range<usize>, after: &str) -> Option<Nodes> {
        if self.macros_deep >= MACROS_DEEP_MAX {
            return None;
        }
        let code = format!("{before}{}\n{after}", self.text.get(inside.clone())?);
        let nodes = read(&code).ok()?;
        Some(nodes.moved(inside.start as isize - before.len() as isize))
    }

    /// Converts nodes that were read by themselves.
    fn within(&mut self, nodes: &Nodes, inside: impl FnOnce(&mut Convert<'_>)) {
        let empty = Builder::new(Language::Rust, "");
        let mut inner = Convert {
            text: self.text,
            nodes,
            out: std::mem::replace(&mut self.out, empty),
            macros_deep: self.macros_deep + 1,
            returns: self.returns,
        };
        inside(&mut inner);
        self.out = inner.out;
    }

    /// The arguments of the call that was written around.
    fn arguments_of_wrapper(&self) -> Vec<At> {
        let nodes = self.nodes;
        let list = nodes.all().find(|at| nodes.kind(*at) == "arguments");
        list.into_iter().flat_map(|list| nodes.named(list)).collect()
    }

    /// What can be read neither way: `select!`, `json!`, macros of one's own. What stands in braces may be statements.
    fn words(&mut self, tokens: At, inside: &Range<usize>) {
        if let Some(parsed) = self.read_within("fn f(){", inside, "}") {
            return self.within(&parsed, |convert| {
                let body = convert.nodes.all().find(|at| convert.nodes.kind(*at) == "block");
                if let Some(body) = body {
                    convert.items(body);
                }
            });
        }
        let nodes = self.nodes;
        for token in nodes.named(tokens) {
            let span = nodes.span(token);
            match nodes.kind(token) {
                "token_tree" => {
                    let inside = self.inside(token);
                    self.node(Kind::Block, Role::Item, span, |convert| {
                        convert.words(token, &inside)
                    });
                }
                "string_literal" | "raw_string_literal" | "char_literal" | "integer_literal"
                | "float_literal" | "boolean_literal" | "identifier" | "self" | "metavariable" => {
                    self.expression(token, Role::Item)
                }
                _ => {}
            }
        }
    }
}

struct Hole {
    whole: Range<usize>,
    /// What stands before the colon.
    name: Range<usize>,
}

/// The places in a format, as it is written, that values are put in.
fn holes(written: &str) -> Vec<Hole> {
    let bytes = written.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at..] {
            [b'{', b'{', ..] | [b'}', b'}', ..] => at += 2,
            // `\u{…}`
            [b'\\', b'u', b'{', ..] => at += 3,
            [b'{', ..] => {
                let Some(length) = written[at..].find('}') else {
                    break;
                };
                let inside = &written[at + 1..at + length];
                let name = inside.find(':').unwrap_or(inside.len());
                let name = inside[..name].trim_end().len();
                found.push(Hole {
                    whole: at..at + length + 1,
                    name: at + 1..at + 1 + name,
                });
                at += length + 1;
            }
            _ => at += 1,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::holes;

    #[test]
    fn finds_the_holes_of_a_format() {
        let names = |format: &str| -> Vec<String> {
            holes(format)
                .into_iter()
                .map(|hole| format[hole.name].to_owned())
                .collect()
        };
        assert_eq!(
            names("\"{} {a} {b:?} {0:>8} {{c}} \\u{41}\""),
            ["", "a", "b", "0"]
        );
    }
}
