//! Expressions.

use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{
    BytesLiteral, Comprehension, Expr, ExprBoolOp, ExprCompare, ExprSubscript, FStringPart,
    InterpolatedElement, InterpolatedStringElement, StringLiteral,
};
use ruff_text_size::{Ranged, TextRange, TextSize};

use super::{Converter, Strings};
use crate::tree::{Flags, Kind, Role};

impl Converter<'_> {
    pub(super) fn optional(&mut self, expression: Option<&Expr>, role: Role) {
        if let Some(expression) = expression {
            self.expression(expression, role);
        }
    }

    pub(super) fn expressions(&mut self, expressions: &[Expr], role: Role) {
        for expression in expressions {
            self.expression(expression, role);
        }
    }

    pub(super) fn expression(&mut self, expression: &Expr, role: Role) {
        let range = expression.range();
        match expression {
            Expr::BoolOp(node) => self.and_or(node, role),
            Expr::Named(node) => self.node(Kind::Assign, role, range, |converter| {
                converter.builder.name_static(":=");
                converter.expression(&node.target, Role::Target);
                converter.expression(&node.value, Role::Value);
            }),
            Expr::BinOp(node) => self.node(Kind::Binary, role, range, |converter| {
                converter.builder.name_static(node.op.as_str());
                converter.expression(&node.left, Role::Left);
                converter.expression(&node.right, Role::Right);
            }),
            Expr::UnaryOp(node) => self.node(Kind::Unary, role, range, |converter| {
                converter.builder.name_static(node.op.as_str());
                converter.expression(&node.operand, Role::Value);
            }),
            Expr::Lambda(node) => self.node(Kind::Lambda, role, range, |converter| {
                if let Some(parameters) = node.parameters.as_deref() {
                    converter.parameters(parameters);
                }
                converter.function_body(|converter| converter.expression(&node.body, Role::Body));
            }),
            Expr::If(node) => self.node(Kind::Conditional, role, range, |converter| {
                converter.expression(&node.body, Role::Value);
                converter.expression(&node.test, Role::Condition);
                converter.expression(&node.orelse, Role::Else);
            }),
            Expr::Dict(node) => self.node(Kind::Object, role, range, |converter| {
                for item in &node.items {
                    converter.pair(item.key.as_ref(), &item.value, Role::Item, item.range());
                }
            }),
            Expr::Set(node) => self.sequence(Kind::Set, role, range, &node.elts),
            Expr::List(node) => self.sequence(Kind::List, role, range, &node.elts),
            Expr::Tuple(node) => self.sequence(Kind::Tuple, role, range, &node.elts),
            Expr::ListComp(node) => self.comprehension("list", role, range, &node.generators, |converter| {
                converter.expression(&node.elt, Role::Element);
            }),
            Expr::SetComp(node) => self.comprehension("set", role, range, &node.generators, |converter| {
                converter.expression(&node.elt, Role::Element);
            }),
            Expr::Generator(node) => {
                self.comprehension("generator", role, range, &node.generators, |converter| {
                    converter.expression(&node.elt, Role::Element);
                })
            }
            Expr::DictComp(node) => self.comprehension("dict", role, range, &node.generators, |converter| {
                let start = node.key.as_ref().map_or(node.value.start(), |key| key.start());
                let range = TextRange::new(start, node.value.end());
                converter.pair(node.key.as_deref(), &node.value, Role::Element, range);
            }),
            Expr::Await(node) => self.node(Kind::Await, role, range, |converter| {
                converter.expression(&node.value, Role::Value);
            }),
            Expr::Yield(node) => self.node(Kind::Yield, role, range, |converter| {
                converter.yields = true;
                converter.builder.name_static("yield");
                converter.optional(node.value.as_deref(), Role::Value);
            }),
            Expr::YieldFrom(node) => self.node(Kind::Yield, role, range, |converter| {
                converter.yields = true;
                converter.builder.name_static("yield from");
                converter.expression(&node.value, Role::Value);
            }),
            Expr::Compare(node) => self.comparison(node, role),
            Expr::Call(node) => self.node(Kind::Call, role, range, |converter| {
                converter.expression(&node.func, Role::Callee);
                converter.arguments(&node.arguments, Role::Arg);
            }),
            Expr::FString(node) => {
                let mut pieces = Pieces::default();
                for part in &node.value {
                    match part {
                        FStringPart::Literal(literal) => {
                            pieces.literal(&literal.value, literal.content_range())
                        }
                        FStringPart::FString(part) => pieces.elements(&part.elements),
                    }
                }
                self.interpolated(Kind::Interp, role, range, &pieces.finish());
            }
            Expr::TString(node) => {
                let mut pieces = Pieces::default();
                for part in &node.value {
                    pieces.elements(&part.elements);
                }
                self.interpolated(Kind::Other, role, range, &pieces.finish());
            }
            Expr::StringLiteral(node) => {
                self.node(Kind::Str, role, range, |converter| match node.value.as_slice() {
                    [literal] => converter.name(&literal.value, content(literal)),
                    _ => converter.builder.name_decoded(node.value.to_str()),
                })
            }
            Expr::BytesLiteral(node) => self.node(Kind::Str, role, range, |converter| {
                converter.builder.flag(Flags::BYTES);
                let text: String = node.value.as_slice().iter().flat_map(characters).collect();
                converter.builder.name_decoded(&text);
            }),
            Expr::NumberLiteral(_) => self.node(Kind::Num, role, range, |converter| {
                converter.builder.name_source(super::span(range));
            }),
            Expr::BooleanLiteral(node) => self.node(Kind::Bool, role, range, |converter| {
                converter
                    .builder
                    .name_static(if node.value { "true" } else { "false" });
            }),
            Expr::NoneLiteral(_) => self.leaf(Kind::Null, role, range),
            Expr::Attribute(node) => self.node(Kind::Member, role, range, |converter| {
                converter.name(&node.attr.id, node.attr.range);
                converter.expression(&node.value, Role::Object);
            }),
            Expr::Subscript(node) => self.subscript(node, role),
            Expr::Starred(node) => self.spread("*", role, range, &node.value),
            Expr::Name(node) => self.node(Kind::Name, role, range, |converter| {
                converter.name(&node.id, range);
            }),
            Expr::Slice(node) => self.node(Kind::Slice, role, range, |converter| {
                converter.optional(node.lower.as_deref(), Role::Lower);
                converter.optional(node.upper.as_deref(), Role::Upper);
                converter.optional(node.step.as_deref(), Role::Step);
            }),
            Expr::EllipsisLiteral(_) | Expr::IpyEscapeCommand(_) => self.leaf(Kind::Other, role, range),
        }
    }

    fn sequence(&mut self, kind: Kind, role: Role, range: TextRange, items: &[Expr]) {
        self.node(kind, role, range, |converter| {
            converter.expressions(items, Role::Item);
        });
    }

    pub(super) fn spread(&mut self, operator: &'static str, role: Role, range: TextRange, value: &Expr) {
        self.node(Kind::Spread, role, range, |converter| {
            converter.builder.name_static(operator);
            converter.expression(value, Role::Value);
        });
    }

    fn pair(&mut self, key: Option<&Expr>, value: &Expr, role: Role, range: TextRange) {
        match key {
            None => self.spread("**", role, range, value),
            Some(key) => self.node(Kind::Pair, role, range, |converter| {
                converter.expression(key, Role::Key);
                converter.expression(value, Role::Value);
            }),
        }
    }

    /// `a and b and c` is one node of the parser's, but `(a and b) and c` of ours.
    fn and_or(&mut self, node: &ExprBoolOp, role: Role) {
        let [first, rest @ ..] = node.values.as_slice() else {
            return;
        };
        let mut open = 0;
        let mut fits = true;
        for (index, value) in rest.iter().enumerate().rev() {
            let end = match rest.get(index + 1) {
                None => node.end(),
                Some(next) => self.end_with_parentheses(value.end(), next.start()),
            };
            let role = if index + 1 == rest.len() { role } else { Role::Left };
            open += 1;
            fits = self
                .builder
                .open(Kind::Binary, role, super::span(TextRange::new(node.start(), end)));
            if !fits {
                break;
            }
            self.builder.name_static(node.op.as_str());
        }
        if fits {
            self.expression(first, Role::Left);
        }
        for value in rest.iter().take(open) {
            if fits {
                self.expression(value, Role::Right);
            }
            self.builder.close();
        }
    }

    /// The end of what ends at `end`, with the brackets around it.
    fn end_with_parentheses(&self, end: TextSize, next: TextSize) -> TextSize {
        self.tokens_in(TextRange::new(end, next.max(end)))
            .iter()
            .filter(|token| !token.kind().is_trivia())
            .take_while(|token| token.kind() == TokenKind::Rpar)
            .last()
            .map_or(end, Ranged::end)
    }

    fn comparison(&mut self, node: &ExprCompare, role: Role) {
        if let ([operator], [right]) = (&*node.ops, &*node.comparators) {
            self.node(Kind::Binary, role, node.range, |converter| {
                converter.builder.name_static(operator.as_str());
                converter.expression(&node.left, Role::Left);
                converter.expression(right, Role::Right);
            });
            return;
        }
        self.node(Kind::Compare, role, node.range, |converter| {
            let operators: Vec<&str> = node.ops.iter().map(|operator| operator.as_str()).collect();
            converter.builder.name_decoded(&operators.join(" "));
            converter.expression(&node.left, Role::Item);
            converter.expressions(&node.comparators, Role::Item);
        });
    }

    fn subscript(&mut self, node: &ExprSubscript, role: Role) {
        self.node(Kind::Index, role, node.range, |converter| {
            converter.expression(&node.value, Role::Object);
            match &*node.slice {
                Expr::Tuple(indices) if !indices.parenthesized => {
                    converter.expressions(&indices.elts, Role::Index);
                }
                index => converter.expression(index, Role::Index),
            }
        });
    }

    fn comprehension(
        &mut self,
        name: &'static str,
        role: Role,
        range: TextRange,
        clauses: &[Comprehension],
        element: impl FnOnce(&mut Self),
    ) {
        self.node(Kind::Comprehension, role, range, |converter| {
            converter.builder.name_static(name);
            element(converter);
            for clause in clauses {
                converter.node(Kind::Clause, Role::Item, clause.range, |converter| {
                    converter.builder.flag(Flags::ASYNC.when(clause.is_async));
                    converter.expression(&clause.target, Role::Target);
                    converter.expression(&clause.iter, Role::Iter);
                    converter.expressions(&clause.ifs, Role::Condition);
                });
            }
        });
    }

    fn interpolated(&mut self, kind: Kind, role: Role, range: TextRange, pieces: &[Piece<'_>]) {
        let constant = match pieces {
            [] => Some(""),
            [Piece::Literal { text, .. }] => Some(text.as_str()),
            _ => None,
        };
        if let Some(text) = constant
            && kind == Kind::Interp
            && !(self.strings == Strings::OfPatterns && text == "...")
        {
            self.node(Kind::Str, role, range, |converter| {
                converter.builder.name_decoded(text)
            });
            return;
        }
        self.node(kind, role, range, |converter| {
            for piece in pieces {
                match piece {
                    Piece::Literal { text, range } => {
                        converter.node(Kind::Str, Role::Item, *range, |converter| {
                            converter.name(text, *range);
                        })
                    }
                    Piece::Element(element) => converter.interpolation(element),
                }
            }
        });
    }

    fn interpolation(&mut self, element: &InterpolatedElement) {
        self.expression(&element.expression, Role::Item);
        let Some(format) = element.format_spec.as_deref() else {
            return;
        };
        // A format is no piece of the string, but expressions may lie in it.
        if format.elements.interpolations().next().is_some() {
            self.node(Kind::Other, Role::Item, format.range, |converter| {
                for element in format.elements.interpolations() {
                    converter.interpolation(element);
                }
            });
        }
    }
}

/// The pieces of a string with interpolations, texts that follow each other joined.
#[derive(Default)]
struct Pieces<'a> {
    pieces: Vec<Piece<'a>>,
}

enum Piece<'a> {
    Literal { text: String, range: TextRange },
    Element(&'a InterpolatedElement),
}

impl<'a> Pieces<'a> {
    fn literal(&mut self, text: &str, range: TextRange) {
        if text.is_empty() {
            return;
        }
        if let Some(Piece::Literal {
            text: before,
            range: start,
        }) = self.pieces.last_mut()
        {
            before.push_str(text);
            *start = start.cover(range);
        } else {
            let text = text.to_owned();
            self.pieces.push(Piece::Literal { text, range });
        }
    }

    fn elements(&mut self, elements: &'a [InterpolatedStringElement]) {
        for element in elements {
            match element {
                InterpolatedStringElement::Literal(literal) => self.literal(&literal.value, literal.range),
                InterpolatedStringElement::Interpolation(element) => {
                    // `{x=}` writes `x=` before the value.
                    if let Some(debug) = &element.debug_text {
                        let range = TextRange::new(element.start(), element.expression.start());
                        self.literal(debug.as_str(), range);
                    }
                    self.pieces.push(Piece::Element(element));
                }
            }
        }
    }

    fn finish(self) -> Vec<Piece<'a>> {
        self.pieces
    }
}

fn content(literal: &StringLiteral) -> TextRange {
    literal.content_range()
}

fn characters(literal: &BytesLiteral) -> impl Iterator<Item = char> + '_ {
    literal.value.iter().map(|byte| char::from(*byte))
}
