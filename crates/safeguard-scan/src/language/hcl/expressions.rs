//! The expressions of HCL: a term is followed by what is taken of it (`.name`, `[0]`), in one row of children.

use std::ops::Range;

use super::Convert;
use crate::language::sitter::nodes::At;
use crate::tree::{Kind, Role};

pub(super) enum Part {
    Text(Range<usize>),
    Node(At),
}

impl Convert<'_> {
    pub(super) fn expression(&mut self, at: At, role: Role) {
        let children: Vec<At> = self.nodes.children(at).collect();
        match self.nodes.kind(at) {
            "expression" => self.term(&children, role),
            _ => self.single(at, role),
        }
    }

    /// A term with what is taken of it, from the left.
    fn term(&mut self, parts: &[At], role: Role) {
        let nodes = self.nodes;
        // Brackets are left out.
        let parts: Vec<At> = parts
            .iter()
            .copied()
            .filter(|part| !matches!(nodes.kind(*part), "(" | ")"))
            .collect();
        let Some((last, before)) = parts.split_last() else {
            return;
        };
        let Some(first) = before.first() else {
            return self.single(*last, role);
        };
        let span = nodes.span(*first).start..nodes.span(*last).end;
        match nodes.kind(*last) {
            "get_attr" => self.node(Kind::Member, role, span, |convert| {
                if let Some(name) = nodes.first(*last) {
                    convert.out.name_decoded(convert.source(name));
                }
                convert.term(before, Role::Object);
            }),
            "index" => self.node(Kind::Index, role, span, |convert| {
                convert.term(before, Role::Object);
                for index in nodes.named(*last) {
                    match nodes.first(index) {
                        Some(value) => convert.expression(value, Role::Index),
                        None => convert.named_leaf(Kind::Num, Role::Index, index),
                    }
                }
            }),
            _ => self.node(Kind::Other, role, span, |convert| {
                convert.term(before, Role::Item);
            }),
        }
    }

    fn single(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let span = nodes.span(at);
        match nodes.kind(at) {
            "expression" => self.expression(at, role),
            "literal_value" | "template_expr" | "collection_value" | "operation" => match nodes.first(at) {
                Some(inner) => self.single(inner, role),
                None => self.named_leaf(Kind::Other, role, at),
            },
            "numeric_lit" => self.named_leaf(Kind::Num, role, at),
            "bool_lit" => self.named_leaf(Kind::Bool, role, at),
            "null_lit" => self.node(Kind::Null, role, span, |_| {}),
            "string_lit" | "quoted_template" | "heredoc_template" => self.template(at, role),
            "variable_expr" | "identifier" => self.named_leaf(Kind::Name, role, at),
            "tuple" => self.node(Kind::List, role, span, |convert| {
                for item in nodes.named(at).filter(|item| nodes.kind(*item) == "expression") {
                    convert.expression(item, Role::Item);
                }
            }),
            "object" => self.node(Kind::Object, role, span, |convert| {
                for pair in nodes.named(at).filter(|item| nodes.kind(*item) == "object_elem") {
                    convert.node(Kind::Pair, Role::Item, nodes.span(pair), |convert| {
                        if let Some(key) = nodes.field(pair, "key") {
                            convert.key(key);
                        }
                        if let Some(value) = nodes.field(pair, "val") {
                            convert.expression(value, Role::Value);
                        }
                    });
                }
            }),
            "function_call" => self.node(Kind::Call, role, span, |convert| {
                let mut parts = nodes.named(at);
                if let Some(name) = parts.next() {
                    convert.named_leaf(Kind::Name, Role::Callee, name);
                }
                for arguments in parts.filter(|part| nodes.kind(*part) == "function_arguments") {
                    for argument in nodes.named(arguments) {
                        if nodes.kind(argument) == "expression" {
                            convert.expression(argument, Role::Arg);
                        }
                    }
                }
            }),
            "conditional" => self.node(Kind::Conditional, role, span, |convert| {
                let roles = [Role::Condition, Role::Value, Role::Else];
                for (part, role) in nodes.named(at).zip(roles) {
                    convert.expression(part, role);
                }
            }),
            "unary_operation" => self.node(Kind::Unary, role, span, |convert| {
                let children: Vec<At> = nodes.children(at).collect();
                if let Some((operator, rest)) = children.split_first() {
                    convert.out.name_static(match nodes.kind(*operator) {
                        "!" => "not",
                        other => other,
                    });
                    convert.term(rest, Role::Value);
                }
            }),
            "binary_operation" => self.binary(at, role),
            "for_expr" => self.node(Kind::Other, role, span, |convert| convert.all_expressions(at)),
            _ => self.node(Kind::Other, role, span, |convert| convert.all_expressions(at)),
        }
    }

    fn binary(&mut self, at: At, role: Role) {
        const OPERATORS: &[&str] = &[
            "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "&&", "||",
        ];
        let nodes = self.nodes;
        self.node(Kind::Binary, role, nodes.span(at), |convert| {
            let children: Vec<At> = nodes.children(at).collect();
            let Some(middle) = children
                .iter()
                .position(|part| OPERATORS.contains(&nodes.kind(*part)))
            else {
                return;
            };
            convert.out.name_static(match nodes.kind(children[middle]) {
                "&&" => "and",
                "||" => "or",
                other => other,
            });
            convert.term(&children[..middle], Role::Left);
            convert.term(&children[middle + 1..], Role::Right);
        });
    }

    /// A name before `=` is a text; anything else is computed.
    fn key(&mut self, at: At) {
        let nodes = self.nodes;
        let source = self.source(at);
        let is_name = nodes
            .subtree(at)
            .all(|part| matches!(nodes.kind(part), "expression" | "variable_expr" | "identifier"));
        match is_name {
            true => self.node(Kind::Str, Role::Key, nodes.span(at), |convert| {
                convert.out.name_decoded(source);
            }),
            false => self.expression(at, Role::Key),
        }
    }

    fn all_expressions(&mut self, at: At) {
        let nodes = self.nodes;
        for part in nodes.named(at) {
            match nodes.kind(part) {
                "expression" => self.expression(part, Role::Item),
                "identifier" | "strip_marker" | "tuple_start" | "tuple_end" | "object_start"
                | "object_end" => {}
                _ => self.node(Kind::Other, Role::Item, nodes.span(part), |convert| {
                    convert.all_expressions(part);
                }),
            }
        }
    }

    /// A text, with the expressions in it.
    pub(super) fn template(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let quoted = nodes.kind(at) != "heredoc_template";
        let parts = self.template_parts(at);
        let span = nodes.span(at);
        match parts.as_slice() {
            [] => self.text_leaf("", role, span),
            [Part::Text(text)] => self.literal(text.clone(), role, span, quoted),
            [Part::Node(only)] if nodes.kind(*only) == "template_interpolation" => match self.inner(*only) {
                Some(inner) => self.expression(inner, role),
                None => self.text_leaf("", role, span),
            },
            several => self.node(Kind::Interp, role, span, |convert| {
                for part in several {
                    match part {
                        Part::Text(text) => convert.literal(text.clone(), Role::Item, text.clone(), quoted),
                        Part::Node(part) => match convert.inner(*part) {
                            Some(inner) => convert.expression(inner, Role::Item),
                            None => convert.node(Kind::Other, Role::Item, nodes.span(*part), |convert| {
                                convert.all_expressions(*part);
                            }),
                        },
                    }
                }
            }),
        }
    }

    /// What is substituted, and the text between: the grammar leaves white space at the edges out.
    pub(super) fn template_parts(&self, at: At) -> Vec<Part> {
        let nodes = self.nodes;
        let span = nodes.span(at);
        let content = match nodes.kind(at) {
            "heredoc_template" => {
                let source = self.source(at);
                let begin = source.find('\n').map_or(source.len(), |end| end + 1);
                let end = source.trim_end().rfind('\n').map_or(begin, |end| end + 1);
                span.start + begin..span.start + end.max(begin)
            }
            _ => span.start + 1..span.end.saturating_sub(1).max(span.start + 1),
        };
        let mut parts = Vec::new();
        let mut done = content.start;
        for part in nodes.named(at) {
            if !matches!(nodes.kind(part), "template_interpolation" | "template_directive") {
                continue;
            }
            let place = nodes.span(part);
            if done < place.start {
                parts.push(Part::Text(done..place.start));
            }
            parts.push(Part::Node(part));
            done = place.end.max(done);
        }
        if done < content.end {
            parts.push(Part::Text(done..content.end));
        }
        parts
    }

    fn inner(&self, interpolation: At) -> Option<At> {
        let nodes = self.nodes;
        nodes
            .named(interpolation)
            .find(|part| nodes.kind(*part) == "expression")
    }

    fn literal(&mut self, text: Range<usize>, role: Role, span: Range<usize>, quoted: bool) {
        let text = self.text.get(text).unwrap_or("");
        match quoted {
            true => self.text_leaf(&unescaped(text), role, span),
            false => self.text_leaf(text, role, span),
        }
    }

    fn text_leaf(&mut self, text: &str, role: Role, span: Range<usize>) {
        self.node(Kind::Str, role, span, |convert| convert.out.name_decoded(text));
    }
}

pub(super) fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n') => plain.push('\n'),
                Some('t') => plain.push('\t'),
                Some('r') => plain.push('\r'),
                Some(other) => plain.push(other),
                None => plain.push('\\'),
            },
            letter => plain.push(letter),
        }
    }
    plain
}
