//! Reading with tree-sitter's grammars: limits on what a text may cost, and what the conversions of its trees have in common.

pub(in crate::language) mod nodes;

use std::ops::{ControlFlow, Range};

use nodes::{At, Grammar, Nodes};

use crate::tree::{Builder, DEPTH_MAX, Kind, ParseError, Role};

/// How many steps the parser may take, per byte of the file and in any case. Real files take one, at most two a byte; `a+a+a…` takes four,
/// and what has several readings up to nine. Counted, not timed: the same text gives the same answer.
const STEPS_PER_BYTE_MAX: usize = 10;
const STEPS_MIN: usize = 100_000;
/// The parser reports to us once in so many steps.
const STEPS_PER_REPORT: usize = 100;

/// How deeply brackets may lie within each other, and how many operators may follow each other, before the text is given to the parser.
const NESTING_MAX: usize = DEPTH_MAX;

/// A chain of one operator that is longer than this becomes a tree of even depth: generated files join thousands of strings by `+`.
const CHAIN_MAX: usize = 64;

pub(super) fn steps_max(text: &str) -> usize {
    STEPS_MIN.max(text.len() * STEPS_PER_BYTE_MAX)
}

pub(super) fn read(text: &str, grammar: &'static Grammar, steps_max: usize) -> Result<Nodes, ParseError> {
    let mut parser = tree_sitter::Parser::new();
    parser
        .set_language(&grammar.language)
        .map_err(|error| ParseError::Syntax {
            line: 1,
            message: format!("the parser cannot be used: {error}"),
        })?;

    let mut steps = 0;
    let mut stuck_at = None;
    let mut watch = |state: &tree_sitter::ParseState| {
        steps += STEPS_PER_REPORT;
        if steps <= steps_max {
            return ControlFlow::Continue(());
        }
        stuck_at = Some(state.current_byte_offset());
        ControlFlow::Break(())
    };
    let options = tree_sitter::ParseOptions::new().progress_callback(&mut watch);
    let bytes = text.as_bytes();
    let tree = parser.parse_with_options(
        &mut |start, _| &bytes[start.min(bytes.len())..],
        None,
        Some(options),
    );
    match tree {
        Some(tree) => Nodes::new(&tree, grammar, text),
        None => Err(syntax(
            text,
            stuck_at.unwrap_or(0),
            "too many ways to read this".to_owned(),
        )),
    }
}

/// Refuses what would cost the parser much and could not become a tree anyway. `literal` tells where the text or comment ends that begins at a byte.
pub(super) fn check(text: &str, literal: fn(&[u8], usize) -> Option<usize>) -> Result<(), ParseError> {
    let bytes = text.as_bytes();
    let (mut brackets, mut operators) = (0_usize, 0_usize);
    let mut at = 0;
    while at < bytes.len() {
        if let Some(end) = literal(bytes, at) {
            at = end;
            operators = 0;
            continue;
        }
        match bytes[at] {
            // Compilers refuse it, and the parser would take it for the end of a line.
            0 => return Err(syntax(text, at, "a NUL byte".to_owned())),
            b'(' | b'[' | b'{' => brackets += 1,
            b')' | b']' | b'}' => brackets = brackets.saturating_sub(1),
            b'!' | b'-' | b'+' | b'^' | b'*' | b'&' | b'<' | b'~' => operators += 1,
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => operators = 0,
        }
        if brackets.max(operators) > NESTING_MAX {
            return Err(ParseError::TooDeep {
                line: line_of(text, at),
            });
        }
        at += 1;
    }
    Ok(())
}

/// Where a text in quotes ends, `rest` beginning with the quote: behind the next one, at the end of the line, or at the end of all.
pub(super) fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while let Some(byte) = rest.get(at) {
        match byte {
            b'\\' => at += 2,
            b'\n' => return at,
            byte if *byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

pub(super) fn syntax(text: &str, offset: usize, message: String) -> ParseError {
    ParseError::Syntax {
        line: line_of(text, offset),
        message,
    }
}

pub(super) fn line_of(text: &str, offset: usize) -> usize {
    let before = &text.as_bytes()[..offset.min(text.len())];
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The conversion of one file. Its methods for declarations, statements and expressions are the language's own.
pub(super) trait Converter<'t>: Sized {
    fn text(&self) -> &'t str;
    fn nodes(&self) -> &'t Nodes;
    fn out(&mut self) -> &mut Builder;
    fn expression(&mut self, at: At, role: Role);

    fn node(&mut self, kind: Kind, role: Role, span: Range<usize>, inside: impl FnOnce(&mut Self)) {
        if self.out().open(kind, role, span) {
            inside(self);
        }
        self.out().close();
    }

    /// A node that is called what a part of the text says.
    fn named_leaf(&mut self, kind: Kind, role: Role, span: Range<usize>) {
        self.node(kind, role, span.clone(), |convert| {
            convert.out().name_source(span)
        });
    }

    fn source(&self, at: At) -> &'t str {
        self.text().get(self.nodes().span(at)).unwrap_or("")
    }

    /// The child in that field as an expression, if there is one.
    fn part(&mut self, at: At, field: &'static str, role: Role) {
        if let Some(child) = self.nodes().field(at, field) {
            self.expression(child, role);
        }
    }

    /// A type: its text without white space and comments.
    fn type_(&mut self, at: At, role: Role) {
        self.type_of(self.nodes().span(at), &[at], role);
    }

    /// A type that is written in these nodes.
    fn type_of(&mut self, span: Range<usize>, parts: &[At], role: Role) {
        self.node(Kind::Type, role, span.clone(), |convert| {
            convert.name_type(span, parts)
        });
    }

    /// Names the innermost open node by a type that is written in these nodes.
    fn name_type(&mut self, span: Range<usize>, parts: &[At]) {
        let (text, nodes) = (self.text(), self.nodes());
        let written = text.get(span.clone()).unwrap_or("");
        if !written.contains(|letter: char| letter.is_whitespace() || letter == '/') {
            return self.out().name_source(span);
        }
        let words: Vec<&str> = parts
            .iter()
            .flat_map(|part| nodes.tokens(*part))
            .map(|token| text.get(nodes.span(token)).unwrap_or(""))
            .collect();
        self.out().name_decoded(&joined(&words));
    }

    fn operator(&self, at: At) -> &'static str {
        let nodes = self.nodes();
        let written = nodes
            .children(at)
            .find(|child| nodes.field_name(*child) == "operator" || !nodes.is_named(*child))
            .map_or("", |operator| nodes.kind(operator));
        match written {
            "!" => "not",
            "&&" => "and",
            "||" => "or",
            other => other,
        }
    }

    /// A `binary_expression`.
    fn binary(&mut self, at: At, role: Role) {
        let operator = self.operator(at);
        // Only where the order of evaluation does not change the value; sums of floats differ in the last bits, which no rule looks at.
        if matches!(operator, "+" | "*" | "|" | "&" | "^" | "and" | "or") {
            let operands = self.chain(at, operator);
            if operands.len() > CHAIN_MAX {
                return self.even(&operands, operator, role);
            }
        }
        self.node(Kind::Binary, role, self.nodes().span(at), |convert| {
            convert.out().name_static(operator);
            convert.part(at, "left", Role::Left);
            convert.part(at, "right", Role::Right);
        });
    }

    /// The operands of `a + b + c`, which is `(a + b) + c`.
    fn chain(&self, at: At, operator: &str) -> Vec<At> {
        let nodes = self.nodes();
        let mut operands = Vec::new();
        let mut left = at;
        while nodes.kind(left) == "binary_expression" && self.operator(left) == operator {
            operands.extend(nodes.field(left, "right"));
            match nodes.field(left, "left") {
                Some(next) => left = next,
                None => break,
            }
        }
        operands.push(left);
        operands.reverse();
        operands
    }

    fn even(&mut self, operands: &[At], operator: &'static str, role: Role) {
        let (first, last) = match operands {
            [] => return,
            [operand] => return self.expression(*operand, role),
            [first, .., last] => (*first, *last),
        };
        let (left, right) = operands.split_at(operands.len() / 2);
        let span = self.nodes().span(first).start..self.nodes().span(last).end;
        self.node(Kind::Binary, role, span, |convert| {
            convert.out().name_static(operator);
            convert.even(left, operator, Role::Left);
            convert.even(right, operator, Role::Right);
        });
    }
}

/// Tokens in a row, with a space only between words.
fn joined(tokens: &[&str]) -> String {
    let mut text = String::new();
    for token in tokens {
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        if text.ends_with(is_word) && token.starts_with(is_word) {
            text.push(' ');
        }
        text.push_str(token);
    }
    text
}
