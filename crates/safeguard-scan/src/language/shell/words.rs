//! The words of commands: texts, variables, and what is put together of them.

use std::ops::Range;

use super::Convert;
use crate::language::sitter::nodes::At;
use crate::tree::{Kind, Role};

/// A part of a word.
enum Part {
    Text(String, Range<usize>),
    /// What something else stands for when the script runs.
    Hole(Range<usize>),
    Node(At),
}

impl Convert<'_> {
    pub(super) fn word(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let span = nodes.span(at);
        match nodes.kind(at) {
            "command_name" => match nodes.first(at) {
                Some(inner) => self.word(inner, role),
                None => self.parts(at, role),
            },
            "array" => self.node(Kind::List, role, span, |convert| {
                for part in nodes.named(at) {
                    convert.word(part, Role::Item);
                }
            }),
            "variable_name" | "subscript" | "simple_expansion" | "special_variable_name" => {
                self.variable(at, role);
            }
            "expansion" => self.expansion(at, role),
            "command_substitution" => {
                let children: Vec<At> = nodes.children(at).collect();
                self.block(role, span, &children);
            }
            "process_substitution" => self.node(Kind::Other, role, span.clone(), |convert| {
                let children: Vec<At> = nodes.children(at).collect();
                convert.block(Role::Item, span, &children);
            }),
            "arithmetic_expansion"
            | "binary_expression"
            | "unary_expression"
            | "ternary_expression"
            | "parenthesized_expression"
            | "postfix_expression" => self.arithmetic(at, role),
            "file_redirect" | "heredoc_redirect" | "herestring_redirect" => self.redirection(at),
            "command" | "pipeline" | "list" | "redirected_statement" | "test_command" | "negated_command" => {
                self.command(at, role, &[]);
            }
            _ => self.parts(at, role),
        }
    }

    fn parts(&mut self, at: At, role: Role) {
        let mut parts = Vec::new();
        self.collect(at, &mut parts);
        let mut joined: Vec<Part> = Vec::new();
        for part in parts {
            match (joined.last_mut(), part) {
                (Some(Part::Text(text, span)), Part::Text(more, more_span)) => {
                    text.push_str(&more);
                    span.end = more_span.end;
                }
                (_, part) => joined.push(part),
            }
        }
        let span = self.nodes.span(at);
        match joined.as_slice() {
            [] => self.text_leaf("", role, span),
            [only] => self.part(only, role, Some(span)),
            several => self.node(Kind::Interp, role, span, |convert| {
                for part in several {
                    convert.part(part, Role::Item, None);
                }
            }),
        }
    }

    fn part(&mut self, part: &Part, role: Role, whole: Option<Range<usize>>) {
        match part {
            Part::Text(text, span) => self.text_leaf(text, role, whole.unwrap_or(span.clone())),
            Part::Hole(span) => {
                let text = self.text(span.clone()).to_owned();
                self.node(Kind::Name, role, span.clone(), |convert| {
                    convert.out.name_decoded(&text);
                });
            }
            Part::Node(at) => self.word(*at, role),
        }
    }

    fn text_leaf(&mut self, text: &str, role: Role, span: Range<usize>) {
        self.node(Kind::Str, role, span, |convert| convert.out.name_decoded(text));
    }

    /// The parts of a word, from the left.
    fn collect(&self, at: At, parts: &mut Vec<Part>) {
        let nodes = self.nodes;
        let span = nodes.span(at);
        match nodes.kind(at) {
            "word" | "command_name" => self.texts(span, true, parts),
            "raw_string" => self.texts(within(&span, 1), false, parts),
            "ansi_c_string" => self.texts(within(&(span.start + 1..span.end), 1), false, parts),
            "translated_string" => {
                for part in nodes.named(at) {
                    self.collect(part, parts);
                }
            }
            "concatenation" => {
                for part in nodes.children(at) {
                    match nodes.is_named(part) {
                        true => self.collect(part, parts),
                        false => self.texts(nodes.span(part), false, parts),
                    }
                }
            }
            "string" => self.between(at, within(&span, 1), parts),
            "heredoc_body" => self.between(at, span, parts),
            "simple_expansion"
            | "expansion"
            | "command_substitution"
            | "process_substitution"
            | "arithmetic_expansion"
            | "array" => parts.push(Part::Node(at)),
            _ => self.texts(span, false, parts),
        }
    }

    /// What is substituted in a quoted text, and the text between.
    fn between(&self, at: At, span: Range<usize>, parts: &mut Vec<Part>) {
        let nodes = self.nodes;
        let mut done = span.start;
        for part in nodes.named(at) {
            if matches!(nodes.kind(part), "string_content" | "heredoc_content") {
                continue;
            }
            let inner = nodes.span(part);
            self.texts(done..inner.start.max(done), false, parts);
            parts.push(Part::Node(part));
            done = inner.end;
        }
        self.texts(done..span.end.max(done), false, parts);
    }

    /// Text, with the holes in it.
    fn texts(&self, span: Range<usize>, escaped: bool, parts: &mut Vec<Part>) {
        let add = |range: Range<usize>| {
            let text = self.text(range.clone());
            let plain = escaped && text.contains('\\');
            let plain = if plain {
                without_escapes(text)
            } else {
                text.to_owned()
            };
            (!text.is_empty()).then_some(Part::Text(plain, range))
        };
        let mut done = span.start;
        let inside = |hole: &&Range<usize>| span.start <= hole.start && hole.end <= span.end;
        let holes: Vec<Range<usize>> = self.script.holes.iter().filter(inside).cloned().collect();
        let mut gaps = Vec::new();
        for hole in &holes {
            gaps.push(done..hole.start.max(done));
            done = hole.end.max(done);
        }
        gaps.push(done..span.end.max(done));
        for (number, gap) in gaps.into_iter().enumerate() {
            parts.extend(add(gap));
            if let Some(hole) = holes.get(number) {
                parts.push(Part::Hole(hole.clone()));
            }
        }
    }

    /// `$X`, `${X}`, and the name alone.
    pub(super) fn variable(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let name = match nodes.kind(at) {
            "subscript" | "simple_expansion" => nodes
                .field(at, "name")
                .or_else(|| nodes.first(at))
                .map_or("", |inner| self.source(inner)),
            _ => self.source(at),
        };
        // The grammar has no node for the name in `$*` and the like.
        let name = match name {
            "" => self.source(at).trim_start_matches('$'),
            name => name,
        };
        let name = name.to_owned();
        self.node(Kind::Name, role, nodes.span(at), |convert| {
            convert.out.name_decoded(&name);
        });
    }

    /// `${X:-y}`: a `Binary` that is named by its operator.
    fn expansion(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let whole = self.source(at);
        let inner = whole
            .strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'))
            .unwrap_or("");
        let prefix = inner.len() - inner.trim_start_matches(['#', '!']).len();
        let body = &inner[prefix.min(inner.len())..];
        let name_end = body
            .find(|letter: char| !letter.is_alphanumeric() && letter != '_')
            .unwrap_or(body.len());
        // `${@}`, `${#}`: the name is a sign.
        let name_end = match (name_end, prefix) {
            (0, 0) => body.chars().next().map_or(0, char::len_utf8),
            (end, _) => end,
        };
        let (name, rest) = body.split_at(name_end);
        let rest = match rest.starts_with('[') {
            true => rest.split_once(']').map_or("", |(_, rest)| rest),
            false => rest,
        };
        let operator_length = rest
            .find(|letter: char| {
                !matches!(
                    letter,
                    ':' | '-' | '=' | '?' | '+' | '#' | '%' | '/' | '^' | ',' | '@'
                )
            })
            .unwrap_or(rest.len())
            .min(2);
        let operator = match (prefix, rest) {
            (0, "") => "",
            (0, _) => &rest[..operator_length],
            _ => &inner[..prefix],
        };
        let (name, operator) = (name.to_owned(), operator.to_owned());
        let span = nodes.span(at);
        let variable = |convert: &mut Self, role: Role| {
            convert.node(Kind::Name, role, span.clone(), |convert| {
                convert.out.name_decoded(&name);
            });
        };
        if operator.is_empty() {
            return variable(self, role);
        }
        let argument = rest.get(operator_length..).unwrap_or("").to_owned();
        self.node(Kind::Binary, role, span.clone(), |convert| {
            convert.out.name_decoded(&operator);
            variable(convert, Role::Left);
            let inner: Vec<At> = nodes.named(at).collect();
            let nested = inner.iter().filter(|part| {
                matches!(
                    nodes.kind(**part),
                    "simple_expansion" | "expansion" | "command_substitution" | "string" | "concatenation"
                )
            });
            let mut any = false;
            for part in nested {
                any = true;
                convert.word(*part, Role::Right);
            }
            if !any {
                convert.text_leaf(&argument, Role::Right, span.clone());
            }
        });
    }

    /// Sums and the like: what is looked at is which variables they use.
    pub(super) fn arithmetic(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        self.node(Kind::Other, role, nodes.span(at), |convert| {
            for part in nodes.named(at) {
                match nodes.kind(part) {
                    "binary_expression"
                    | "unary_expression"
                    | "ternary_expression"
                    | "parenthesized_expression"
                    | "postfix_expression" => {
                        convert.arithmetic(part, Role::Item);
                    }
                    "variable_assignment" => convert.assignment(part, Role::Item, crate::tree::Flags::NONE),
                    _ => convert.word(part, Role::Item),
                }
            }
        });
    }

    /// What `[` and `[[` look at, one word after the other, operators among them.
    pub(super) fn test(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        match nodes.kind(at) {
            "binary_expression" | "unary_expression" | "parenthesized_expression" | "ternary_expression" => {
                for part in nodes.children(at) {
                    match nodes.is_named(part) {
                        true => self.test(part, role),
                        false => {
                            let operator = self.source(part).to_owned();
                            self.text_leaf(&operator, role, nodes.span(part));
                        }
                    }
                }
            }
            _ => self.word(at, role),
        }
    }
}

fn within(span: &Range<usize>, quotes: usize) -> Range<usize> {
    let start = span.start + quotes;
    start..span.end.saturating_sub(quotes).max(start)
}

fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => plain.extend(letters.next().filter(|next| *next != '\n')),
            letter => plain.push(letter),
        }
    }
    plain
}
