//! Expressions and types.

use std::ops::Range;

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
            "identifier" | "this" | "super" | "underscore_pattern" => {
                self.named_leaf(Kind::Name, role, span);
            }
            "decimal_integer_literal"
            | "hex_integer_literal"
            | "octal_integer_literal"
            | "binary_integer_literal"
            | "decimal_floating_point_literal"
            | "hex_floating_point_literal"
            // A character is a number here, and no text is equal to one.
            | "character_literal" => self.named_leaf(Kind::Num, role, span),
            "true" | "false" => self.named_leaf(Kind::Bool, role, span),
            "null_literal" => self.out.leaf(Kind::Null, role, span),
            "string_literal" => self.string(at, role),
            "field_access" | "scoped_identifier" => self.member(at, role),
            "class_literal" => self.node(Kind::Member, role, span, |convert| {
                convert.out.name_static("class");
                if let Some(of) = nodes.first(at) {
                    convert.type_as_value(of, Role::Object);
                }
            }),
            "method_reference" => self.method_reference(at, role),
            "array_access" => self.node(Kind::Index, role, span, |convert| {
                convert.part(at, "array", Role::Object);
                convert.part(at, "index", Role::Index);
            }),
            "method_invocation" => self.call(at, role),
            "object_creation_expression" => self.creation(at, role),
            "array_creation_expression" => self.array(at, role),
            "array_initializer" | "element_value_array_initializer" => {
                self.node(Kind::List, role, span, |convert| convert.items(at));
            }
            "lambda_expression" => self.lambda(at, role),
            "assignment_expression" => self.assignment(at, role, span),
            "update_expression" => self.step(at, role, span),
            "binary_expression" => self.binary(at, role),
            "instanceof_expression" => self.node(Kind::Binary, role, span, |convert| {
                convert.out.name_static("instanceof");
                convert.part(at, "left", Role::Left);
                if let Some(written) = nodes.field(at, "right").or(nodes.field(at, "pattern")) {
                    convert.type_(written, Role::Right);
                }
            }),
            "unary_expression" => self.node(Kind::Unary, role, span, |convert| {
                convert.out.name_static(convert.operator(at));
                convert.part(at, "operand", Role::Value);
            }),
            "ternary_expression" => self.node(Kind::Conditional, role, span, |convert| {
                convert.part(at, "condition", Role::Condition);
                convert.part(at, "consequence", Role::Value);
                convert.part(at, "alternative", Role::Else);
            }),
            "cast_expression" => self.node(Kind::Cast, role, span, |convert| {
                convert.part(at, "value", Role::Value);
                if let Some(written) = nodes.field(at, "type") {
                    convert.type_(written, Role::Type);
                }
            }),
            "switch_expression" => self.switch(at, role),
            "marker_annotation" | "annotation" => self.annotation(at, role),
            "type_identifier"
            | "scoped_type_identifier"
            | "generic_type"
            | "array_type"
            | "annotated_type"
            | "integral_type"
            | "floating_point_type"
            | "boolean_type"
            | "void_type" => self.type_as_value(at, role),
            _ => self.other(at, role),
        }
    }

    pub(super) fn other(&mut self, at: At, role: Role) {
        self.node(Kind::Other, role, self.nodes.span(at), |convert| {
            for child in convert.nodes.named(at) {
                convert.statement(child, Role::Item);
            }
        });
    }

    fn items(&mut self, at: At) {
        for item in self.nodes.named(at) {
            self.expression(item, Role::Item);
        }
    }

    fn without_brackets(&self, mut at: At) -> At {
        while self.nodes.kind(at) == "parenthesized_expression"
            && let Some(inside) = self.nodes.first(at)
        {
            at = inside;
        }
        at
    }

    fn string(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let span = nodes.span(at);
        let is_template = nodes
            .named(at)
            .any(|child| nodes.kind(child) == "string_interpolation");
        if is_template {
            return self.node(Kind::Interp, role, span, |convert| {
                for part in nodes.named(at) {
                    match (nodes.kind(part), nodes.first(part)) {
                        ("string_interpolation", Some(inside)) => convert.expression(inside, Role::Item),
                        _ => convert.named_leaf(Kind::Str, Role::Item, nodes.span(part)),
                    }
                }
            });
        }
        let written = self.source(at);
        let value = match written
            .strip_prefix("\"\"\"")
            .and_then(|rest| rest.strip_suffix("\"\"\""))
        {
            Some(inside) => literals::block(inside),
            None => literals::escaped(written.get(1..written.len().saturating_sub(1)).unwrap_or("")),
        };
        self.node(Kind::Str, role, span, |convert| convert.out.name_decoded(&value));
    }

    fn member(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        self.node(Kind::Member, role, nodes.span(at), |convert| {
            let name = nodes.field(at, "field").or(nodes.field(at, "name"));
            if let Some(name) = name {
                convert.out.name_source(nodes.span(name));
            }
            if let Some(object) = nodes.field(at, "object").or(nodes.field(at, "scope")) {
                convert.expression(object, Role::Object);
            }
        });
    }

    /// `a.b()::c` is the member `c`.
    fn method_reference(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let mut parts = nodes
            .named(at)
            .filter(|part| nodes.kind(*part) != "type_arguments");
        let (object, name) = (parts.next(), parts.last());
        self.node(Kind::Member, role, nodes.span(at), |convert| {
            match name {
                Some(name) => convert.out.name_source(nodes.span(name)),
                None => convert.out.name_static("new"),
            }
            if let Some(object) = object {
                convert.expression(object, Role::Object);
            }
        });
    }

    fn call(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        self.node(Kind::Call, role, nodes.span(at), |convert| {
            if let Some(name) = nodes.field(at, "name") {
                match nodes.field(at, "object") {
                    Some(object) => {
                        let span = nodes.span(object).start..nodes.span(name).end;
                        convert.node(Kind::Member, Role::Callee, span, |convert| {
                            convert.out.name_source(nodes.span(name));
                            convert.expression(object, Role::Object);
                        });
                    }
                    None => convert.named_leaf(Kind::Name, Role::Callee, nodes.span(name)),
                }
            }
            convert.arguments(at);
        });
    }

    pub(super) fn constructor_call(&mut self, at: At) {
        let nodes = self.nodes;
        self.node(Kind::Call, Role::Value, nodes.span(at), |convert| {
            convert.part(at, "constructor", Role::Callee);
            convert.arguments(at);
        });
    }

    fn arguments(&mut self, at: At) {
        let nodes = self.nodes;
        let list = nodes.field(at, "arguments");
        for argument in list.into_iter().flat_map(|list| nodes.named(list)) {
            self.expression(argument, Role::Arg);
        }
    }

    fn creation(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        self.node(Kind::New, role, nodes.span(at), |convert| {
            if let Some(of) = nodes.field(at, "type") {
                convert.type_as_value(of, Role::Callee);
            }
            convert.arguments(at);
            let body = nodes.named(at).find(|child| nodes.kind(*child) == "class_body");
            if let Some(body) = body {
                convert.anonymous(body);
            }
        });
    }

    /// `new T[]{…}` is a list, `new T[n]` makes a `T[]` with the argument `n`.
    fn array(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let span = nodes.span(at);
        if let Some(list) = nodes.field(at, "value") {
            return self.node(Kind::List, role, span, |convert| convert.items(list));
        }
        self.node(Kind::New, role, span, |convert| {
            if let Some(of) = nodes.field(at, "type") {
                let name = format!("{}[]", convert.source(of));
                convert.node(Kind::Type, Role::Callee, nodes.span(of), |convert| {
                    convert.out.name_decoded(&name);
                });
            }
            for dimension in nodes.fields(at, "dimensions") {
                if nodes.kind(dimension) == "dimensions_expr"
                    && let Some(length) = nodes.first(dimension)
                {
                    convert.expression(length, Role::Arg);
                }
            }
        });
    }

    fn lambda(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        self.node(Kind::Lambda, role, nodes.span(at), |convert| {
            if let Some(parameters) = nodes.field(at, "parameters") {
                match nodes.kind(parameters) {
                    "formal_parameters" => convert.parameters(parameters),
                    "inferred_parameters" => {
                        for name in nodes.named(parameters) {
                            convert.named_leaf(Kind::Param, Role::Param, nodes.span(name));
                        }
                    }
                    _ => convert.named_leaf(Kind::Param, Role::Param, nodes.span(parameters)),
                }
            }
            if let Some(body) = nodes.field(at, "body") {
                if nodes.kind(body) == "block" {
                    convert.block(body, Role::Body);
                } else {
                    convert.expression(body, Role::Body);
                }
            }
        });
    }

    pub(super) fn assignment(&mut self, at: At, role: Role, span: Range<usize>) {
        self.node(Kind::Assign, role, span, |convert| {
            convert.out.name_static(convert.operator(at));
            convert.part(at, "left", Role::Target);
            convert.part(at, "right", Role::Value);
        });
    }

    pub(super) fn step(&mut self, at: At, role: Role, span: Range<usize>) {
        let nodes = self.nodes;
        let name = if nodes.has_token(at, "++") { "+=" } else { "-=" };
        self.node(Kind::Assign, role, span, |convert| {
            convert.out.name_static(name);
            convert.out.flag(Flags::STEP);
            if let Some(target) = nodes.first(at) {
                convert.expression(target, Role::Target);
            }
            let end = nodes.span(at).end;
            convert.node(Kind::Num, Role::Value, end - 2..end, |convert| {
                convert.out.name_static("1")
            });
        });
    }

    fn switch(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        self.node(Kind::Switch, role, nodes.span(at), |convert| {
            convert.part(at, "condition", Role::Subject);
            let body = nodes.field(at, "body");
            for case in body.into_iter().flat_map(|body| nodes.named(body)) {
                convert.case(case);
            }
        });
    }

    fn case(&mut self, case: At) {
        let nodes = self.nodes;
        let span = nodes.span(case);
        self.node(Kind::Case, Role::Item, span.clone(), |convert| {
            let (labels, body): (Vec<At>, Vec<At>) = nodes
                .named(case)
                .partition(|child| nodes.kind(*child) == "switch_label");
            for part in labels.iter().flat_map(|label| nodes.named(*label)) {
                match nodes.kind(part) {
                    "guard" => {
                        if let Some(condition) = nodes.first(part) {
                            convert.expression(condition, Role::Condition);
                        }
                    }
                    "pattern" => convert.type_(part, Role::Test),
                    _ => convert.expression(part, Role::Test),
                }
            }
            match body.as_slice() {
                [block] if nodes.kind(*block) == "block" => convert.block(*block, Role::Body),
                statements => {
                    let start = statements
                        .first()
                        .map_or(span.end, |first| nodes.span(*first).start);
                    convert.node(Kind::Block, Role::Body, start..span.end, |convert| {
                        for statement in statements {
                            convert.statement(*statement, Role::Item);
                        }
                    });
                }
            }
        });
    }

    /// A type where a value stands: its name, without what it is of. `T` of `new T<>()`, `a.b.T` of `extends a.b.T<X>`.
    pub(super) fn type_as_value(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        match nodes.kind(at) {
            "type_identifier" | "identifier" => self.named_leaf(Kind::Name, role, nodes.span(at)),
            "generic_type" => match nodes.first(at) {
                Some(inside) => self.type_as_value(inside, role),
                None => self.other(at, role),
            },
            "annotated_type" => match nodes.named(at).last() {
                Some(inside) => self.type_as_value(inside, role),
                None => self.other(at, role),
            },
            "scoped_type_identifier" => {
                let parts: Vec<At> = nodes
                    .named(at)
                    .filter(|part| {
                        nodes.kind(*part).ends_with("_identifier") || nodes.kind(*part) == "generic_type"
                    })
                    .collect();
                self.node(Kind::Member, role, nodes.span(at), |convert| {
                    if let [object, .., name] = parts.as_slice() {
                        convert.out.name_source(nodes.span(*name));
                        convert.type_as_value(*object, Role::Object);
                    }
                });
            }
            _ => self.type_(at, role),
        }
    }
}
