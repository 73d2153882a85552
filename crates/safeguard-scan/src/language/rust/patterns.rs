//! What is bound: the patterns of `let`, `match`, `for` and parameters.

use super::Convert;
use crate::language::sitter::Converter;
use crate::language::sitter::nodes::At;
use crate::tree::{Kind, Role};

impl Convert<'_> {
    /// A pattern as a target: names, tuples (`Some(x)` is one with that name), lists and objects.
    pub(super) fn pattern(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let span = nodes.span(at);
        match nodes.kind(at) {
            "identifier" | "self" | "_" | "shorthand_field_identifier" => {
                self.named_leaf(Kind::Name, role, span);
            }
            "mut_pattern" | "ref_pattern" | "reference_pattern" | "captured_pattern" | "match_pattern" => {
                let inner = nodes
                    .children(at)
                    .find(|child| !matches!(nodes.kind(*child), "mutable_specifier" | "ref" | "&" | "|"));
                match inner {
                    Some(inner) => self.pattern(inner, role),
                    None => self.out.leaf(Kind::Other, role, span),
                }
            }
            "tuple_pattern" => self.node(Kind::Tuple, role, span, |convert| convert.patterns(at)),
            "slice_pattern" => self.node(Kind::List, role, span, |convert| convert.patterns(at)),
            "or_pattern" => self.node(Kind::Tuple, role, span, |convert| {
                convert.out.name_static("|");
                convert.patterns(at);
            }),
            "tuple_struct_pattern" => self.node(Kind::Tuple, role, span, |convert| {
                let of = nodes.field(at, "type");
                if let Some(of) = of {
                    convert.out.name_source(nodes.span(of));
                }
                for child in nodes.named(at).filter(|child| Some(*child) != of) {
                    convert.pattern(child, Role::Item);
                }
            }),
            "struct_pattern" => self.node(Kind::Object, role, span, |convert| {
                for field in nodes
                    .named(at)
                    .filter(|field| nodes.kind(*field) == "field_pattern")
                {
                    convert.field_pattern(field);
                }
            }),
            "remaining_field_pattern" => {
                self.node(Kind::Name, role, span, |convert| convert.out.name_static("_"))
            }
            _ => self.expression(at, role),
        }
    }

    fn patterns(&mut self, at: At) {
        let nodes = self.nodes;
        for child in nodes.children(at) {
            if nodes.is_named(child) || nodes.kind(child) == "_" {
                self.pattern(child, Role::Item);
            }
        }
    }

    fn field_pattern(&mut self, field: At) {
        let nodes = self.nodes;
        let Some(name) = nodes.field(field, "name") else {
            return;
        };
        self.node(Kind::Pair, Role::Item, nodes.span(field), |convert| {
            convert.named_leaf(Kind::Str, Role::Key, nodes.span(name));
            match nodes.field(field, "pattern") {
                Some(pattern) => convert.pattern(pattern, Role::Value),
                None => convert.named_leaf(Kind::Name, Role::Value, nodes.span(name)),
            }
        });
    }
}
