//! Expressions.

use super::{Convert, literals};
use crate::language::sitter::Converter;
use crate::language::sitter::nodes::At;
use crate::tree::{Flags, Kind, Role};

impl Convert<'_> {
    /// An expression; whatever is none, as `Other` with what lies in it.
    pub(super) fn value(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let at = self.without_brackets(at);
        let span = nodes.span(at);
        match nodes.kind(at) {
            "identifier"
            | "self"
            | "super"
            | "crate"
            | "type_identifier"
            | "metavariable"
            | "primitive_type"
            | "field_identifier"
            | "shorthand_field_identifier" => self.named_leaf(Kind::Name, role, span),
            "integer_literal" | "float_literal" | "negative_literal" => {
                self.named_leaf(Kind::Num, role, span)
            }
            "boolean_literal" => self.named_leaf(Kind::Bool, role, span),
            "string_literal" | "raw_string_literal" | "char_literal" => {
                let (value, bytes) = literals::value(self.source(at));
                self.node(Kind::Str, role, span, |convert| {
                    convert.out.name_decoded(&value);
                    convert.out.flag(Flags::BYTES.when(bytes));
                });
            }
            "scoped_identifier" | "scoped_type_identifier" => self.path(at, role),
            "generic_function" => match nodes.field(at, "function") {
                Some(function) => self.expression(function, role),
                None => self.other(at, role),
            },
            "generic_type" => match nodes.field(at, "type") {
                Some(of) => self.expression(of, role),
                None => self.other(at, role),
            },
            "field_expression" => self.node(Kind::Member, role, span, |convert| {
                if let Some(name) = nodes.field(at, "field") {
                    convert.out.name_source(nodes.span(name));
                }
                convert.part(at, "value", Role::Object);
            }),
            "call_expression" => self.call(at, role),
            "macro_invocation" => self.macro_(at, role),
            "index_expression" => self.node(Kind::Index, role, span, |convert| {
                for (part, role) in nodes.named(at).zip([Role::Object, Role::Index]) {
                    convert.expression(part, role);
                }
            }),
            "range_expression" => self.range(at, role),
            "await_expression" => self.around(Kind::Await, at, role),
            "try_expression" => self.unary(at, role, "?"),
            "reference_expression" => {
                let changes = nodes
                    .named(at)
                    .any(|child| nodes.kind(child) == "mutable_specifier");
                let value = nodes.field(at, "value");
                self.node(Kind::Unary, role, span, |convert| {
                    convert.out.name_static(if changes { "&mut" } else { "&" });
                    if let Some(value) = value {
                        convert.expression(value, Role::Value);
                    }
                });
            }
            "unary_expression" => {
                let operator = self.operator(at);
                self.unary(at, role, operator);
            }
            "binary_expression" => self.binary(at, role),
            "type_cast_expression" => self.node(Kind::Cast, role, span, |convert| {
                convert.part(at, "value", Role::Value);
                if let Some(written) = nodes.field(at, "type") {
                    convert.type_(written, Role::Type);
                }
            }),
            "assignment_expression" | "compound_assignment_expr" => {
                self.node(Kind::Assign, role, span, |convert| {
                    convert.out.name_static(convert.operator(at));
                    convert.part(at, "left", Role::Target);
                    convert.part(at, "right", Role::Value);
                });
            }
            "array_expression" => self.array(at, role),
            "tuple_expression" => self.node(Kind::Tuple, role, span, |convert| convert.list(at)),
            "unit_expression" => self.out.leaf(Kind::Tuple, role, span),
            "struct_expression" => self.composite(at, role),
            "closure_expression" => self.closure(at, role),
            "if_expression" => self.if_(at, role, false),
            "let_condition" => self.let_condition(at, role),
            "let_chain" => self.let_chain(at, role),
            "match_expression" => self.match_(at, role, false),
            "while_expression" | "loop_expression" | "for_expression" => self.loop_(at, role),
            "block" | "unsafe_block" | "const_block" | "try_block" => match self.inner_block(at) {
                Some(block) => self.braced(at, block, role, false),
                None => self.other(at, role),
            },
            "async_block" | "gen_block" => self.node(Kind::Lambda, role, span, |convert| {
                convert.out.flag(Flags::ASYNC);
                if let Some(block) = convert.inner_block(at) {
                    convert.function_body(block);
                }
            }),
            "return_expression" => self.around(Kind::Return, at, role),
            "yield_expression" => self.around(Kind::Yield, at, role),
            "break_expression" => self.jump(Kind::Break, at, role),
            "continue_expression" => self.jump(Kind::Continue, at, role),
            "bracketed_type" | "reference_type" | "array_type" | "tuple_type" | "pointer_type"
            | "dynamic_type" | "abstract_type" | "function_type" | "unit_type" | "never_type" => {
                self.type_(at, role)
            }
            _ => self.other(at, role),
        }
    }

    pub(super) fn other(&mut self, at: At, role: Role) {
        self.node(Kind::Other, role, self.nodes.span(at), |convert| {
            for child in convert.nodes.named(at) {
                convert.expression(child, Role::Item);
            }
        });
    }

    fn without_brackets(&self, mut at: At) -> At {
        while self.nodes.kind(at) == "parenthesized_expression"
            && let Some(inside) = self.nodes.first(at)
        {
            at = inside;
        }
        at
    }

    /// The elements of a list, without what is said of them.
    fn list(&mut self, at: At) {
        for item in self.nodes.named(at) {
            if self.nodes.kind(item) != "attribute_item" {
                self.expression(item, Role::Item);
            }
        }
    }

    fn around(&mut self, kind: Kind, at: At, role: Role) {
        self.node(kind, role, self.nodes.span(at), |convert| {
            if let Some(value) = convert.nodes.first(at) {
                convert.expression(value, Role::Value);
            }
        });
    }

    fn unary(&mut self, at: At, role: Role, operator: &'static str) {
        self.node(Kind::Unary, role, self.nodes.span(at), |convert| {
            convert.out.name_static(operator);
            if let Some(value) = convert.nodes.first(at) {
                convert.expression(value, Role::Value);
            }
        });
    }

    /// `a::b` is the member `b` of `a`, `::b` is `b`.
    fn path(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let Some(name) = nodes.field(at, "name") else {
            return self.other(at, role);
        };
        let Some(path) = nodes.field(at, "path") else {
            return self.named_leaf(Kind::Name, role, nodes.span(name));
        };
        self.node(Kind::Member, role, nodes.span(at), |convert| {
            convert.out.name_source(nodes.span(name));
            convert.expression(path, Role::Object);
        });
    }

    fn call(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        self.node(Kind::Call, role, nodes.span(at), |convert| {
            convert.part(at, "function", Role::Callee);
            let list = nodes.field(at, "arguments");
            for argument in list.into_iter().flat_map(|list| nodes.named(list)) {
                if nodes.kind(argument) != "attribute_item" {
                    convert.expression(argument, Role::Arg);
                }
            }
        });
    }

    fn range(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let mut behind = false;
        self.node(Kind::Slice, role, nodes.span(at), |convert| {
            for part in nodes.children(at) {
                if nodes.is_named(part) {
                    convert.expression(part, if behind { Role::Upper } else { Role::Lower });
                } else {
                    behind = true;
                }
            }
        });
    }

    /// `[x; n]` is no list: it has one element, n times.
    fn array(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let kind = match nodes.field(at, "length") {
            Some(_) => Kind::Other,
            None => Kind::List,
        };
        self.node(kind, role, nodes.span(at), |convert| convert.list(at));
    }

    fn composite(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        self.node(Kind::Composite, role, nodes.span(at), |convert| {
            if let Some(written) = nodes.field(at, "name") {
                convert.out.name_source(nodes.span(written));
                convert.type_(written, Role::Type);
            }
            let body = nodes.field(at, "body");
            for field in body.into_iter().flat_map(|body| nodes.named(body)) {
                convert.initializer(field);
            }
        });
    }

    fn initializer(&mut self, field: At) {
        let nodes = self.nodes;
        let span = nodes.span(field);
        match nodes.kind(field) {
            "base_field_initializer" => self.node(Kind::Spread, Role::Item, span, |convert| {
                convert.out.name_static("..");
                if let Some(value) = nodes.first(field) {
                    convert.expression(value, Role::Value);
                }
            }),
            "shorthand_field_initializer" => {
                let Some(name) = nodes.named(field).last() else {
                    return;
                };
                let name = nodes.span(name);
                self.node(Kind::Pair, Role::Item, name.clone(), |convert| {
                    convert.named_leaf(Kind::Str, Role::Key, name.clone());
                    convert.named_leaf(Kind::Name, Role::Value, name);
                });
            }
            _ => self.node(Kind::Pair, Role::Item, span, |convert| {
                if let Some(name) = nodes.field(field, "field") {
                    convert.named_leaf(Kind::Str, Role::Key, nodes.span(name));
                }
                convert.part(field, "value", Role::Value);
            }),
        }
    }

    fn closure(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        self.node(Kind::Lambda, role, nodes.span(at), |convert| {
            convert.out.flag(Flags::ASYNC.when(nodes.has_token(at, "async")));
            if let Some(parameters) = nodes.field(at, "parameters") {
                convert.parameters(parameters);
            }
            if let Some(written) = nodes.field(at, "return_type") {
                convert.type_(written, Role::Type);
            }
            if let Some(body) = nodes.field(at, "body") {
                if nodes.kind(body) == "block" {
                    convert.function_body(body);
                } else {
                    convert.expression(body, Role::Body);
                }
            }
        });
    }

    fn jump(&mut self, kind: Kind, at: At, role: Role) {
        let nodes = self.nodes;
        self.node(kind, role, nodes.span(at), |convert| {
            for child in nodes.named(at) {
                if nodes.kind(child) == "label" {
                    convert.label(child);
                } else {
                    convert.expression(child, Role::Value);
                }
            }
        });
    }
}
