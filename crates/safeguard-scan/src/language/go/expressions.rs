//! Expressions and types.

use std::borrow::Cow;
use std::ops::Range;

use super::{Convert, literals};
use crate::language::sitter::Converter;
use crate::language::sitter::nodes::At;
use crate::tree::{Kind, Role};

/// The types that are there without a declaration. `error` and `any` are among them, `nil` and `iota` are not types.
const PREDECLARED: &[&str] = &[
    "any",
    "bool",
    "byte",
    "comparable",
    "complex128",
    "complex64",
    "error",
    "float32",
    "float64",
    "int",
    "int16",
    "int32",
    "int64",
    "int8",
    "rune",
    "string",
    "uint",
    "uint16",
    "uint32",
    "uint64",
    "uint8",
    "uintptr",
];

impl<'t> Convert<'t> {
    /// An expression or a type; whatever is neither, as `Other` with what lies in it.
    pub(super) fn value(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let at = self.without_brackets(at);
        let span = nodes.span(at);
        match nodes.kind(at) {
            "identifier" | "iota" | "blank_identifier" => self.named_leaf(Kind::Name, role, span),
            "int_literal" | "float_literal" | "imaginary_literal" | "rune_literal" => {
                self.named_leaf(Kind::Num, role, span);
            }
            "true" | "false" => self.named_leaf(Kind::Bool, role, span),
            "nil" => self.out.leaf(Kind::Null, role, span),
            "raw_string_literal" | "interpreted_string_literal" => {
                let value = self.string_value(at);
                self.node(Kind::Str, role, span, |convert| convert.out.name_decoded(&value));
            }
            "expression_list" => self.expressions(at, role),
            "selector_expression" => self.node(Kind::Member, role, span, |convert| {
                if let Some(name) = nodes.field(at, "field") {
                    convert.out.name_source(nodes.span(name));
                }
                convert.part(at, "operand", Role::Object);
            }),
            "index_expression" => self.node(Kind::Index, role, span, |convert| {
                convert.part(at, "operand", Role::Object);
                convert.part(at, "index", Role::Index);
            }),
            "slice_expression" => self.slice(at, role),
            "call_expression" => self.call(at, role),
            "type_conversion_expression" => self.conversion(at, nodes.field(at, "type"), role),
            "type_instantiation_expression" => {
                let mut parts = nodes.named(at);
                let object = parts.next().unwrap_or(at);
                let arguments: Vec<At> = parts.collect();
                self.index(span, object, &arguments, role);
            }
            "variadic_argument" => self.node(Kind::Spread, role, span, |convert| {
                convert.out.name_static("...");
                if let Some(value) = nodes.first(at) {
                    convert.expression(value, Role::Value);
                }
            }),
            "type_assertion_expression" => self.node(Kind::Cast, role, span, |convert| {
                convert.part(at, "operand", Role::Value);
                if let Some(written) = nodes.field(at, "type") {
                    convert.type_(written, Role::Type);
                }
            }),
            "unary_expression" => self.node(Kind::Unary, role, span, |convert| {
                convert.out.name_static(convert.operator(at));
                convert.part(at, "operand", Role::Value);
            }),
            "binary_expression" => self.binary(at, role),
            "composite_literal" => self.composite(at, role),
            "literal_value" => self.elided(at, role, None),
            "literal_element" => self.element(at, role, None),
            "func_literal" => self.node(Kind::Lambda, role, span, |convert| convert.signature(at)),
            "type_identifier"
            | "generic_type"
            | "qualified_type"
            | "pointer_type"
            | "struct_type"
            | "interface_type"
            | "array_type"
            | "implicit_length_array_type"
            | "slice_type"
            | "map_type"
            | "channel_type"
            | "function_type"
            | "negated_type"
            | "parenthesized_type"
            | "type_elem"
            | "type_constraint" => {
                self.type_(at, role);
            }
            _ => self.other(at, role),
        }
    }

    /// The expressions of a list: one as itself, several as a `Tuple`.
    pub(super) fn expressions(&mut self, at: At, role: Role) {
        if self.nodes.kind(at) != "expression_list" {
            return self.expression(at, role);
        }
        let items: Vec<At> = self.nodes.named(at).collect();
        self.one_or_tuple(&items, role);
    }

    pub(super) fn one_or_tuple(&mut self, items: &[At], role: Role) {
        match items {
            [] => {}
            [item] => self.expression(*item, role),
            [first, .., last] => {
                let span = self.nodes.span(*first).start..self.nodes.span(*last).end;
                self.node(Kind::Tuple, role, span, |convert| {
                    for item in items {
                        convert.expression(*item, Role::Item);
                    }
                });
            }
        }
    }

    pub(super) fn other(&mut self, at: At, role: Role) {
        self.node(Kind::Other, role, self.nodes.span(at), |convert| {
            for child in convert.nodes.named(at) {
                convert.statement(child, Role::Item);
            }
        });
    }

    pub(super) fn string_value(&self, literal: At) -> Cow<'t, str> {
        let written = self.source(literal);
        let inside = written.get(1..written.len().saturating_sub(1)).unwrap_or("");
        match self.nodes.kind(literal) {
            "raw_string_literal" => literals::raw(inside),
            _ => literals::interpreted(inside),
        }
    }

    pub(super) fn without_brackets(&self, mut at: At) -> At {
        while matches!(
            self.nodes.kind(at),
            "parenthesized_expression" | "parenthesized_type"
        ) && let Some(inside) = self.nodes.first(at)
        {
            at = inside;
        }
        at
    }

    fn slice(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        self.node(Kind::Index, role, nodes.span(at), |convert| {
            convert.part(at, "operand", Role::Object);
            let bracket = |kind| nodes.children(at).find(|child| nodes.kind(*child) == kind);
            let start = bracket("[").map_or(nodes.span(at).start, |open| nodes.span(open).end);
            let end = bracket("]").map_or(nodes.span(at).end, |close| nodes.span(close).start);
            convert.node(Kind::Slice, Role::Index, start..end, |convert| {
                convert.part(at, "start", Role::Lower);
                convert.part(at, "end", Role::Upper);
                convert.part(at, "capacity", Role::Step);
            });
        });
    }

    fn call(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        self.node(Kind::Call, role, nodes.span(at), |convert| {
            convert.callee(at);
            if let Some(arguments) = nodes.field(at, "arguments") {
                for argument in nodes.named(arguments) {
                    convert.expression(argument, Role::Arg);
                }
            }
        });
    }

    /// What is called. `f[T]` is `f` if `T` is a type, and an element of `f` if not.
    fn callee(&mut self, call: At) {
        let nodes = self.nodes;
        let Some(function) = nodes.field(call, "function") else {
            return;
        };
        if nodes.kind(function) == "type_instantiation_expression"
            && let Some(generic) = nodes.first(function)
        {
            return self.type_as_value(generic, Role::Callee);
        }
        if nodes.kind(function) == "index_expression"
            && let Some((generic, index)) = nodes
                .field(function, "operand")
                .zip(nodes.field(function, "index"))
            && self.is_type(index)
        {
            return self.expression(generic, Role::Callee);
        }
        let Some(arguments) = nodes.field(call, "type_arguments") else {
            return self.expression(function, Role::Callee);
        };
        self.instance(function, arguments);
    }

    /// `T(x)`, as the grammar has it: `f[a](x)` may be a call, and `*T(x)` is what `T(x)` points to, as a pointer's type needs brackets here.
    fn conversion(&mut self, at: At, written: Option<At>, role: Role) {
        let nodes = self.nodes;
        let Some(written) = written else {
            return self.other(at, role);
        };
        let span = nodes.span(written).start..nodes.span(at).end;
        if nodes.kind(written) == "pointer_type" {
            return self.node(Kind::Unary, role, span, |convert| {
                convert.out.name_static("*");
                convert.conversion(at, nodes.first(written), Role::Value);
            });
        }
        let generic = nodes
            .field(written, "type")
            .zip(nodes.field(written, "type_arguments"));
        self.node(Kind::Call, role, span, |convert| {
            match generic {
                Some((function, arguments)) => convert.instance(function, arguments),
                None => convert.type_(written, Role::Callee),
            }
            convert.part(at, "operand", Role::Arg);
        });
    }

    fn instance(&mut self, function: At, arguments: At) {
        let nodes = self.nodes;
        let mut inside = nodes.named(arguments);
        match (inside.next().and_then(|only| nodes.first(only)), inside.next()) {
            (Some(only), None) if !self.is_type(only) => {
                let span = nodes.span(function).start..nodes.span(arguments).end;
                self.index(span, function, &[only], Role::Callee);
            }
            _ => self.type_as_value(function, Role::Callee),
        }
    }

    /// Whether what stands in brackets may well be a type, however it was read. A name that this file does not declare is one if it is exported, as
    /// other packages' types are.
    fn is_type(&self, at: At) -> bool {
        let nodes = self.nodes;
        let is_package = |at: At| self.packages.contains(self.source(at));
        let mut at = at;
        loop {
            let inside = match nodes.kind(at) {
                "parenthesized_type" | "parenthesized_expression" | "pointer_type" => nodes.first(at),
                "unary_expression" if self.operator(at) == "*" => nodes.field(at, "operand"),
                "generic_type" => nodes.field(at, "type"),
                "qualified_type" => return nodes.field(at, "package").is_some_and(is_package),
                "selector_expression" => return nodes.field(at, "operand").is_some_and(is_package),
                "type_identifier" | "identifier" => {
                    let name = self.source(at);
                    let exported = name.starts_with(char::is_uppercase);
                    return exported || self.types.contains(name) || PREDECLARED.contains(&name);
                }
                kind => return kind.ends_with("_type"),
            };
            match inside {
                Some(inside) => at = inside,
                None => return false,
            }
        }
    }

    /// A value that may have been read as a type.
    fn type_as_value(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let at = self.without_brackets(at);
        let span = nodes.span(at);
        match nodes.kind(at) {
            "type_identifier" => self.named_leaf(Kind::Name, role, span),
            "qualified_type" => self.node(Kind::Member, role, span, |convert| {
                if let Some(name) = nodes.field(at, "name") {
                    convert.out.name_source(nodes.span(name));
                }
                if let Some(package) = nodes.field(at, "package") {
                    convert.named_leaf(Kind::Name, Role::Object, nodes.span(package));
                }
            }),
            "pointer_type" => self.node(Kind::Unary, role, span, |convert| {
                convert.out.name_static("*");
                if let Some(inside) = nodes.first(at) {
                    convert.type_as_value(inside, Role::Value);
                }
            }),
            "generic_type" => {
                let object = nodes.field(at, "type").unwrap_or(at);
                let arguments = nodes.field(at, "type_arguments").into_iter();
                let arguments = arguments.flat_map(|arguments| nodes.named(arguments));
                let inside = arguments.map(|argument| nodes.first(argument).unwrap_or(argument));
                self.index(span, object, &inside.collect::<Vec<At>>(), role);
            }
            _ => self.expression(at, role),
        }
    }

    /// `a[b]` is an element much more often than it is an instance of a generic function; `a[b, c]` can only be the latter.
    fn index(&mut self, span: Range<usize>, object: At, arguments: &[At], role: Role) {
        self.node(Kind::Index, role, span, |convert| {
            convert.type_as_value(object, Role::Object);
            match arguments {
                [only] => convert.type_as_value(*only, Role::Index),
                several => several
                    .iter()
                    .for_each(|argument| convert.type_(*argument, Role::Index)),
            }
        });
    }

    fn composite(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let (Some(written), Some(body)) = (nodes.field(at, "type"), nodes.field(at, "body")) else {
            return self.other(at, role);
        };
        self.node(Kind::Composite, role, nodes.span(at), |convert| {
            convert.name_type(nodes.span(written), &[written]);
            convert.type_(written, Role::Type);
            convert.elements(body, Some(written));
        });
    }

    /// `{…}` within another literal, whose type says which type this one has.
    fn elided(&mut self, body: At, role: Role, written: Option<At>) {
        self.node(Kind::Composite, role, self.nodes.span(body), |convert| {
            convert.elements(body, written);
        });
    }

    fn elements(&mut self, body: At, written: Option<At>) {
        let nodes = self.nodes;
        let mut written = written.map(|written| self.without_brackets(written));
        // `[]*T{{…}}`: the elements are written as those of `[]T` are.
        if let Some(pointer) = written
            && nodes.kind(pointer) == "pointer_type"
        {
            written = nodes.first(pointer).map(|inside| self.without_brackets(inside));
        }
        let (fields, key_type, value_type) = match written.map(|at| (at, nodes.kind(at))) {
            Some((at, "map_type")) => (false, nodes.field(at, "key"), nodes.field(at, "value")),
            Some((at, "slice_type" | "array_type" | "implicit_length_array_type")) => {
                (false, None, nodes.field(at, "element"))
            }
            Some(_) | None => (true, None, None),
        };
        for child in nodes.named(body) {
            if nodes.kind(child) != "keyed_element" {
                self.element(child, Role::Item, value_type);
                continue;
            }
            self.node(Kind::Pair, Role::Item, nodes.span(child), |convert| {
                if let Some(key) = nodes.field(child, "key") {
                    match nodes.first(key) {
                        Some(name) if fields && nodes.kind(name) == "identifier" => {
                            convert.named_leaf(Kind::Str, Role::Key, nodes.span(name));
                        }
                        _ => convert.element(key, Role::Key, key_type),
                    }
                }
                if let Some(value) = nodes.field(child, "value") {
                    convert.element(value, Role::Value, value_type);
                }
            });
        }
    }

    fn element(&mut self, at: At, role: Role, written: Option<At>) {
        match self.nodes.first(at) {
            Some(inside) if self.nodes.kind(inside) == "literal_value" => self.elided(inside, role, written),
            Some(inside) => self.expression(inside, role),
            None => self.other(at, role),
        }
    }
}
