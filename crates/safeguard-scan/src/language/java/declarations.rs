//! Imports, classes, methods, fields and parameters.

use super::Convert;
use crate::language::sitter::Converter;
use crate::language::sitter::nodes::At;
use crate::tree::{Flags, Kind, Role};

/// What a class, a record, an interface or a method may stand before its name with.
#[derive(Clone, Copy, Default)]
struct Modifiers {
    flags: Flags,
    at: Option<At>,
}

impl Convert<'_> {
    pub(super) fn import(&mut self, at: At) {
        let nodes = self.nodes;
        let Some(path) = nodes.first(at) else {
            return self.other(at, Role::Item);
        };
        let all = nodes.named(at).any(|child| nodes.kind(child) == "asterisk");
        let (scope, name) = match (all, nodes.field(path, "scope"), nodes.field(path, "name")) {
            (false, Some(scope), Some(name)) => (scope, Some(name)),
            _ => (path, None),
        };
        self.node(Kind::Import, Role::Item, nodes.span(at), |convert| {
            convert.out.name_source(nodes.span(scope));
            convert.node(
                Kind::ImportItem,
                Role::Item,
                nodes.span(path),
                |convert| match name {
                    Some(name) => {
                        convert.out.name_source(nodes.span(name));
                        convert.named_leaf(Kind::Name, Role::Target, nodes.span(name));
                    }
                    None => convert.out.name_static("*"),
                },
            );
        });
    }

    /// A class, interface, enumeration, record or annotation.
    pub(super) fn class(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let modifiers = self.modifiers(at);
        self.node(Kind::Class, role, nodes.span(at), |convert| {
            if let Some(name) = nodes.field(at, "name") {
                convert.out.name_source(nodes.span(name));
            }
            convert.out.flag(modifiers.flags);
            let is_type = matches!(
                nodes.kind(at),
                "interface_declaration" | "annotation_type_declaration"
            );
            convert.out.flag(Flags::TYPE_ONLY.when(is_type));
            convert.decorators(modifiers);
            if let Some(parameters) = nodes.field(at, "parameters") {
                convert.parameters(parameters);
            }
            for child in nodes.named(at) {
                match nodes.kind(child) {
                    "superclass" | "super_interfaces" | "extends_interfaces" => convert.bases(child),
                    _ => {}
                }
            }
            if let Some(body) = nodes.field(at, "body") {
                convert.class_body(body);
            }
        });
    }

    fn bases(&mut self, at: At) {
        let nodes = self.nodes;
        for written in nodes.named(at) {
            if nodes.kind(written) == "type_list" {
                self.bases(written);
            } else {
                self.type_as_value(written, Role::Base);
            }
        }
    }

    pub(super) fn class_body(&mut self, body: At) {
        let nodes = self.nodes;
        self.node(Kind::Block, Role::Body, nodes.span(body), |convert| {
            for member in nodes.named(body) {
                if nodes.kind(member) == "enum_body_declarations" {
                    for member in nodes.named(member) {
                        convert.statement(member, Role::Item);
                    }
                } else {
                    convert.statement(member, Role::Item);
                }
            }
        });
    }

    pub(super) fn enum_constant(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        self.node(Kind::Field, role, nodes.span(at), |convert| {
            if let Some(name) = nodes.field(at, "name") {
                convert.out.name_source(nodes.span(name));
            }
            convert.out.flag(Flags::CONST.with(Flags::STATIC));
            let (arguments, body) = (nodes.field(at, "arguments"), nodes.field(at, "body"));
            if arguments.is_some() || body.is_some() {
                convert.node(Kind::Other, Role::Value, nodes.span(at), |convert| {
                    for argument in arguments.into_iter().flat_map(|list| nodes.named(list)) {
                        convert.expression(argument, Role::Item);
                    }
                    if let Some(body) = body {
                        convert.anonymous(body);
                    }
                });
            }
        });
    }

    /// `{…}` behind `new T(…)` or a constant of an enumeration.
    pub(super) fn anonymous(&mut self, body: At) {
        self.node(Kind::Class, Role::Body, self.nodes.span(body), |convert| {
            convert.class_body(body);
        });
    }

    /// A method or a constructor.
    pub(super) fn function(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let modifiers = self.modifiers(at);
        self.node(Kind::Function, role, nodes.span(at), |convert| {
            if let Some(name) = nodes.field(at, "name") {
                convert.out.name_source(nodes.span(name));
            }
            convert.out.flag(modifiers.flags);
            convert
                .out
                .flag(Flags::METHOD.when(!modifiers.flags.has(Flags::STATIC)));
            convert.decorators(modifiers);
            if let Some(parameters) = nodes.field(at, "parameters") {
                convert.parameters(parameters);
            }
            if let Some(written) = nodes.field(at, "type") {
                convert.type_(written, Role::Type);
            }
            if let Some(body) = nodes.field(at, "body") {
                convert.block(body, Role::Body);
            }
        });
    }

    pub(super) fn parameters(&mut self, list: At) {
        let nodes = self.nodes;
        for parameter in nodes.named(list) {
            if !matches!(nodes.kind(parameter), "formal_parameter" | "spread_parameter") {
                continue;
            }
            let modifiers = self.modifiers(parameter);
            let declarator = nodes
                .named(parameter)
                .find(|child| nodes.kind(*child) == "variable_declarator");
            let name = nodes
                .field(parameter, "name")
                .or(declarator.and_then(|declarator| nodes.field(declarator, "name")));
            self.node(Kind::Param, Role::Param, nodes.span(parameter), |convert| {
                if let Some(name) = name {
                    convert.out.name_source(nodes.span(name));
                }
                convert.out.flag(modifiers.flags);
                convert
                    .out
                    .flag(Flags::REST.when(nodes.kind(parameter) == "spread_parameter"));
                convert.decorators(modifiers);
                let written = nodes
                    .named(parameter)
                    .find(|child| Some(*child) != modifiers.at && Some(*child) != declarator);
                if let Some(written) = written {
                    convert.type_(written, Role::Type);
                }
            });
        }
    }

    /// Fields and locals: one assignment a declarator.
    pub(super) fn variables(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let modifiers = self.modifiers(at);
        let declarators: Vec<At> = nodes.fields(at, "declarator").collect();
        for declarator in &declarators {
            let span = match declarators.as_slice() {
                [_] => nodes.span(at),
                _ => nodes.span(*declarator),
            };
            self.node(Kind::Assign, role, span, |convert| {
                convert.out.name_static("=");
                convert.out.flag(Flags::DECLARATION.with(modifiers.flags));
                convert.decorators(modifiers);
                if let Some(name) = nodes.field(*declarator, "name") {
                    convert.named_leaf(Kind::Name, Role::Target, nodes.span(name));
                }
                if let Some(written) = nodes.field(at, "type")
                    && convert.source(written) != "var"
                {
                    convert.type_(written, Role::Type);
                }
                convert.part(*declarator, "value", Role::Value);
            });
        }
    }

    fn modifiers(&self, at: At) -> Modifiers {
        let nodes = self.nodes;
        let Some(list) = nodes.named(at).find(|child| nodes.kind(*child) == "modifiers") else {
            return Modifiers::default();
        };
        Modifiers {
            flags: Flags::STATIC
                .when(nodes.has_token(list, "static"))
                .with(Flags::CONST.when(nodes.has_token(list, "final")))
                .with(Flags::EXPORTED.when(nodes.has_token(list, "public"))),
            at: Some(list),
        }
    }

    fn decorators(&mut self, modifiers: Modifiers) {
        let nodes = self.nodes;
        for child in modifiers.at.into_iter().flat_map(|list| nodes.children(list)) {
            let span = nodes.span(child);
            match nodes.kind(child) {
                "marker_annotation" | "annotation" => {
                    self.node(Kind::Decorator, Role::Decorator, span, |convert| {
                        convert.annotation(child, Role::Value);
                    });
                }
                "synchronized" | "volatile" => {
                    self.node(Kind::Decorator, Role::Decorator, span.clone(), |convert| {
                        convert.named_leaf(Kind::Name, Role::Value, span);
                    });
                }
                _ => {}
            }
        }
    }

    /// An annotation as a value: a name, or a call with arguments.
    pub(super) fn annotation(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let Some(name) = nodes.field(at, "name") else {
            return self.other(at, role);
        };
        let Some(arguments) = nodes.field(at, "arguments") else {
            return self.expression(name, role);
        };
        let span = nodes.span(name).start..nodes.span(at).end;
        self.node(Kind::Call, role, span, |convert| {
            convert.expression(name, Role::Callee);
            for argument in nodes.named(arguments) {
                if nodes.kind(argument) != "element_value_pair" {
                    convert.expression(argument, Role::Arg);
                    continue;
                }
                convert.node(Kind::Keyword, Role::Arg, nodes.span(argument), |convert| {
                    if let Some(key) = nodes.field(argument, "key") {
                        convert.out.name_source(nodes.span(key));
                    }
                    convert.part(argument, "value", Role::Value);
                });
            }
        });
    }
}
