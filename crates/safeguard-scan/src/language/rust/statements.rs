//! Statements, and expressions that are statements: branches, loops, `match`.

use super::Convert;
use crate::language::sitter::Converter;
use crate::language::sitter::nodes::At;
use crate::tree::{Flags, Kind, Role};

impl Convert<'_> {
    /// A statement or item with the attributes before it; whatever is neither, as an expression.
    pub(super) fn statement(&mut self, at: At, role: Role, attributes: &[At]) {
        let nodes = self.nodes;
        match nodes.kind(at) {
            "use_declaration" => self.uses(at),
            "extern_crate_declaration" => self.extern_crate(at, role),
            "function_item" | "function_signature_item" => self.function(at, role, attributes),
            "struct_item" | "union_item" | "enum_item" | "trait_item" | "impl_item" => {
                self.class(at, role, attributes);
            }
            "const_item" | "static_item" => self.constant(at, role, attributes),
            "mod_item" | "type_item" | "associated_type" | "foreign_mod_item" => {
                self.named(at, role, attributes);
            }
            "macro_definition" => self.out.leaf(Kind::Other, role, nodes.span(at)),
            "let_declaration" => self.let_(at, role, attributes),
            "empty_statement" => self.out.leaf(Kind::Pass, role, nodes.span(at)),
            "expression_statement" => match nodes.first(at) {
                Some(inside) => self.expression_statement(inside, at, role),
                None => self.out.leaf(Kind::Pass, role, nodes.span(at)),
            },
            _ => self.expression_statement(at, at, role),
        }
    }

    /// A block, with what it ends with as a `Return` if that is what it gives.
    pub(super) fn block(&mut self, at: At, role: Role, returns: bool) {
        let nodes = self.nodes;
        let last = nodes.named(at).last();
        self.node(Kind::Block, role, nodes.span(at), |convert| {
            let mut attributes = Vec::new();
            for child in nodes.named(at) {
                match nodes.kind(child) {
                    "attribute_item" => attributes.push(child),
                    "inner_attribute_item" | "label" => {}
                    _ if returns && Some(child) == last => convert.tail(child),
                    _ => convert.statement(child, Role::Item, &std::mem::take(&mut attributes)),
                }
            }
        });
    }

    /// What a function ends with.
    fn tail(&mut self, at: At) {
        let nodes = self.nodes;
        let inside = match nodes.kind(at) {
            // Without a semicolon only what ends with a block is a statement.
            "expression_statement" if !nodes.has_token(at, ";") => nodes.first(at).unwrap_or(at),
            _ => at,
        };
        match nodes.kind(inside) {
            "if_expression" => self.if_(inside, Role::Item, true),
            "match_expression" => self.match_(inside, Role::Item, true),
            "unsafe_block" | "block" => match self.inner_block(inside) {
                Some(block) => self.braced(inside, block, Role::Item, true),
                None => self.other(inside, Role::Item),
            },
            "while_expression"
            | "loop_expression"
            | "for_expression"
            | "return_expression"
            | "break_expression"
            | "continue_expression"
            | "assignment_expression"
            | "compound_assignment_expr" => {
                self.expression_statement(inside, inside, Role::Item);
            }
            kind if kind.ends_with("_item")
                || kind.ends_with("_declaration")
                || kind == "expression_statement" =>
            {
                self.statement(at, Role::Item, &[]);
            }
            "empty_statement" | "macro_definition" => self.statement(at, Role::Item, &[]),
            _ => self.node(Kind::Return, Role::Item, nodes.span(inside), |convert| {
                convert.expression(inside, Role::Value);
            }),
        }
    }

    /// An expression as a statement; `at` is the statement.
    fn expression_statement(&mut self, inside: At, at: At, role: Role) {
        let nodes = self.nodes;
        match nodes.kind(inside) {
            "if_expression"
            | "match_expression"
            | "while_expression"
            | "loop_expression"
            | "for_expression"
            | "block"
            | "unsafe_block"
            | "const_block"
            | "try_block"
            | "return_expression"
            | "break_expression"
            | "continue_expression"
            | "assignment_expression"
            | "compound_assignment_expr" => self.expression(inside, role),
            _ => self.node(Kind::ExprStmt, role, nodes.span(at), |convert| {
                convert.expression(inside, Role::Value);
            }),
        }
    }

    fn let_(&mut self, at: At, role: Role, attributes: &[At]) {
        let nodes = self.nodes;
        self.node(Kind::Assign, role, nodes.span(at), |convert| {
            convert.out.name_static("=");
            convert.out.flag(Flags::DECLARATION);
            convert.decorators(attributes);
            if let Some(pattern) = nodes
                .children(at)
                .find(|child| nodes.field_name(*child) == "pattern")
            {
                convert.pattern(pattern, Role::Target);
            }
            if let Some(written) = nodes.field(at, "type") {
                convert.type_(written, Role::Type);
            }
            convert.part(at, "value", Role::Value);
            if let Some(other) = nodes.field(at, "alternative") {
                convert.block(other, Role::Else, false);
            }
        });
    }

    pub(super) fn if_(&mut self, at: At, role: Role, returns: bool) {
        let nodes = self.nodes;
        self.node(Kind::If, role, nodes.span(at), |convert| {
            convert.part(at, "condition", Role::Condition);
            if let Some(body) = nodes.field(at, "consequence") {
                convert.block(body, Role::Body, returns);
            }
            let other = nodes
                .field(at, "alternative")
                .and_then(|clause| nodes.first(clause));
            match other {
                Some(other) if nodes.kind(other) == "if_expression" => {
                    convert.if_(other, Role::Else, returns)
                }
                Some(other) => convert.block(other, Role::Else, returns),
                None => {}
            }
        });
    }

    /// `let P = x` in a condition is an assignment.
    pub(super) fn let_condition(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        self.node(Kind::Assign, role, nodes.span(at), |convert| {
            convert.out.name_static("=");
            convert.out.flag(Flags::DECLARATION);
            let pattern = nodes
                .children(at)
                .find(|child| nodes.field_name(*child) == "pattern");
            if let Some(pattern) = pattern {
                convert.pattern(pattern, Role::Target);
            }
            convert.part(at, "value", Role::Value);
        });
    }

    /// `a && let P = b && c`
    pub(super) fn let_chain(&mut self, at: At, role: Role) {
        let parts: Vec<At> = self.nodes.named(at).collect();
        self.all_of(&parts, self.nodes.span(at), role);
    }

    fn all_of(&mut self, parts: &[At], span: std::ops::Range<usize>, role: Role) {
        match parts {
            [] => {}
            [only] => self.expression(*only, role),
            [left @ .., right] => {
                let end = left.last().map_or(span.end, |last| self.nodes.span(*last).end);
                self.node(Kind::Binary, role, span.clone(), |convert| {
                    convert.out.name_static("and");
                    convert.all_of(left, span.start..end, Role::Left);
                    convert.expression(*right, Role::Right);
                });
            }
        }
    }

    pub(super) fn match_(&mut self, at: At, role: Role, returns: bool) {
        let nodes = self.nodes;
        self.node(Kind::Switch, role, nodes.span(at), |convert| {
            convert.part(at, "value", Role::Subject);
            let body = nodes.field(at, "body");
            for arm in body
                .into_iter()
                .flat_map(|body| nodes.named(body))
                .filter(|arm| nodes.kind(*arm) == "match_arm")
            {
                convert.node(Kind::Case, Role::Item, nodes.span(arm), |convert| {
                    convert.arm(arm, returns)
                });
            }
        });
    }

    fn arm(&mut self, arm: At, returns: bool) {
        let nodes = self.nodes;
        if let Some(whole) = nodes.field(arm, "pattern") {
            let pattern = nodes
                .children(whole)
                .find(|child| nodes.is_named(*child) || nodes.kind(*child) == "_");
            // `_` is what is left.
            if let Some(pattern) = pattern.filter(|pattern| nodes.kind(*pattern) != "_") {
                self.pattern(pattern, Role::Test);
            }
            self.part(whole, "condition", Role::Condition);
        }
        let Some(value) = nodes.field(arm, "value") else {
            return;
        };
        if nodes.kind(value) == "block" {
            return self.block(value, Role::Body, returns);
        }
        self.node(Kind::Block, Role::Body, nodes.span(value), |convert| {
            if returns {
                convert.tail(value);
            } else {
                convert.statement(value, Role::Item, &[]);
            }
        });
    }

    pub(super) fn loop_(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let label = nodes.named(at).find(|child| nodes.kind(*child) == "label");
        let Some(label) = label else {
            return self.plain_loop(at, role);
        };
        self.node(Kind::Labelled, role, nodes.span(at), |convert| {
            convert.label(label);
            convert.node(Kind::Block, Role::Body, nodes.span(at), |convert| {
                convert.plain_loop(at, Role::Item);
            });
        });
    }

    /// `'a` is called `a`.
    pub(super) fn label(&mut self, label: At) {
        let span = self.nodes.span(label);
        self.out.name_source(span.start + 1..span.end);
    }

    fn plain_loop(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let span = nodes.span(at);
        match nodes.kind(at) {
            "for_expression" => self.node(Kind::ForEach, role, span, |convert| {
                convert.out.name_static("in");
                convert.out.flag(Flags::DECLARATION);
                let pattern = nodes
                    .children(at)
                    .find(|child| nodes.field_name(*child) == "pattern");
                if let Some(pattern) = pattern {
                    convert.pattern(pattern, Role::Target);
                }
                convert.part(at, "value", Role::Iter);
                convert.loop_body(at);
            }),
            "while_expression" => self.node(Kind::While, role, span, |convert| {
                convert.part(at, "condition", Role::Condition);
                convert.loop_body(at);
            }),
            _ => self.node(Kind::While, role, span, |convert| {
                let word = nodes
                    .children(at)
                    .find(|child| nodes.kind(*child) == "loop")
                    .unwrap_or(at);
                convert.node(Kind::Bool, Role::Condition, nodes.span(word), |convert| {
                    convert.out.name_static("true");
                });
                convert.loop_body(at);
            }),
        }
    }

    fn loop_body(&mut self, at: At) {
        if let Some(body) = self.nodes.field(at, "body") {
            self.block(body, Role::Body, false);
        }
    }

    /// The block in `unsafe {…}`, or the block itself.
    pub(super) fn inner_block(&self, at: At) -> Option<At> {
        let nodes = self.nodes;
        match nodes.kind(at) {
            "block" => Some(at),
            _ => nodes
                .field(at, "body")
                .or_else(|| nodes.named(at).find(|child| nodes.kind(*child) == "block")),
        }
    }

    /// A block with or without `unsafe` before it.
    pub(super) fn braced(&mut self, at: At, block: At, role: Role, returns: bool) {
        if self.nodes.kind(at) != "unsafe_block" {
            return self.block(block, role, returns);
        }
        self.node(Kind::With, role, self.nodes.span(at), |convert| {
            convert.out.name_static("unsafe");
            convert.block(block, Role::Body, returns);
        });
    }
}
