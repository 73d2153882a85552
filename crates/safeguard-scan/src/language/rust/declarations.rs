//! Uses, functions, types, constants and attributes.

use super::Convert;
use crate::language::sitter::Converter;
use crate::language::sitter::nodes::At;
use crate::tree::{Flags, Kind, Role};

impl Convert<'_> {
    /// The items and statements of a file, a module, an `impl` or a block, each with the attributes before it.
    pub(super) fn items(&mut self, at: At) {
        let nodes = self.nodes;
        let mut attributes = Vec::new();
        for child in nodes.named(at) {
            match nodes.kind(child) {
                "attribute_item" => attributes.push(child),
                "inner_attribute_item" => self.attribute(child),
                "label" => {}
                // Behind the holes of a pattern.
                "empty_statement" if !self.returns => {}
                _ => self.statement(child, Role::Item, &std::mem::take(&mut attributes)),
            }
        }
    }

    pub(super) fn decorators(&mut self, attributes: &[At]) {
        for attribute in attributes {
            self.attribute(*attribute);
        }
    }

    /// `#[a::b(c)]`: a path, or a call of one. What an inner attribute says stands where it stands.
    fn attribute(&mut self, item: At) {
        let nodes = self.nodes;
        let Some(attribute) = nodes.first(item) else {
            return;
        };
        let Some(path) = nodes.first(attribute) else {
            return;
        };
        let span = nodes.span(item);
        self.node(Kind::Decorator, Role::Decorator, span, |convert| {
            let (arguments, value) = (
                nodes.field(attribute, "arguments"),
                nodes.field(attribute, "value"),
            );
            if arguments.is_none() && value.is_none() {
                return convert.expression(path, Role::Value);
            }
            convert.node(Kind::Call, Role::Value, nodes.span(attribute), |convert| {
                convert.expression(path, Role::Callee);
                if let Some(value) = value {
                    convert.expression(value, Role::Arg);
                }
                if let Some(arguments) = arguments {
                    convert.given(arguments, Role::Arg);
                }
            });
        });
    }

    pub(super) fn is_public(&self, at: At) -> bool {
        self.nodes
            .named(at)
            .any(|child| self.nodes.kind(child) == "visibility_modifier")
    }

    /// One import for each list: `use a::{b, c::{d, e}};` is two.
    pub(super) fn uses(&mut self, at: At) {
        let nodes = self.nodes;
        let Some(argument) = nodes.field(at, "argument") else {
            return self.other(at, Role::Item);
        };
        let mut found = Vec::new();
        self.use_clause(argument, "", &mut found);
        let flags = Flags::EXPORTED.when(self.is_public(at));
        for one in found {
            self.node(Kind::Import, Role::Item, nodes.span(one.at), |convert| {
                convert.out.name_decoded(&one.module);
                convert.out.flag(flags);
                convert.node(Kind::ImportItem, Role::Item, nodes.span(one.at), |convert| {
                    convert.out.name_decoded(&one.name);
                    match one.local {
                        Some(local) => convert.named_leaf(Kind::Name, Role::Target, nodes.span(local)),
                        None if one.name != "*" => {
                            convert.node(Kind::Name, Role::Target, nodes.span(one.at), |convert| {
                                let name = if one.name.is_empty() {
                                    &one.module
                                } else {
                                    &one.name
                                };
                                convert.out.name_decoded(name);
                            });
                        }
                        None => {}
                    }
                });
            });
        }
    }

    fn use_clause(&self, at: At, prefix: &str, found: &mut Vec<Used>) {
        let nodes = self.nodes;
        let joined = |path: &str| match (prefix.is_empty(), path.is_empty()) {
            (true, _) => path.to_owned(),
            (false, true) => prefix.to_owned(),
            (false, false) => format!("{prefix}.{path}"),
        };
        match nodes.kind(at) {
            "use_list" => {
                for child in nodes.named(at) {
                    self.use_clause(child, prefix, found);
                }
            }
            "scoped_use_list" => {
                let path = nodes
                    .field(at, "path")
                    .map_or(String::new(), |path| self.dotted(path));
                if let Some(list) = nodes.field(at, "list") {
                    self.use_clause(list, &joined(&path), found);
                }
            }
            "use_wildcard" => {
                let path = nodes.first(at).map_or(String::new(), |path| self.dotted(path));
                found.push(Used {
                    at,
                    module: joined(&path),
                    name: "*".to_owned(),
                    local: None,
                });
            }
            "use_as_clause" => {
                if let Some(path) = nodes.field(at, "path") {
                    let whole = joined(&self.dotted(path));
                    found.push(Used::of(at, &whole, nodes.field(at, "alias")));
                }
            }
            // `use a::b::{self}` is `b`.
            "self" if !prefix.is_empty() => {
                found.push(Used::of(at, prefix, None));
            }
            _ => {
                let whole = joined(&self.dotted(at));
                let last = nodes.field(at, "name").unwrap_or(at);
                found.push(Used::of(at, &whole, Some(last)));
            }
        }
    }

    /// A path with dots between its parts.
    fn dotted(&self, at: At) -> String {
        let written = self.source(at).replace(char::is_whitespace, "");
        written
            .trim_start_matches("::")
            .replace("::", ".")
            .replace("r#", "")
    }

    pub(super) fn extern_crate(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let Some(name) = nodes.field(at, "name") else {
            return self.other(at, role);
        };
        self.node(Kind::Import, role, nodes.span(at), |convert| {
            convert.out.name_source(nodes.span(name));
            convert.node(Kind::ImportItem, Role::Item, nodes.span(name), |convert| {
                let local = nodes.field(at, "alias").unwrap_or(name);
                convert.named_leaf(Kind::Name, Role::Target, nodes.span(local));
            });
        });
    }

    pub(super) fn function(&mut self, at: At, role: Role, attributes: &[At]) {
        let nodes = self.nodes;
        let modifiers = nodes
            .named(at)
            .find(|child| nodes.kind(*child) == "function_modifiers");
        let says = |word: &str| modifiers.is_some_and(|modifiers| nodes.has_token(modifiers, word));
        let start = attributes
            .first()
            .map_or(nodes.span(at).start, |first| nodes.span(*first).start);
        self.node(Kind::Function, role, start..nodes.span(at).end, |convert| {
            if let Some(name) = nodes.field(at, "name") {
                convert.out.name_source(nodes.span(name));
            }
            convert.out.flag(
                Flags::ASYNC
                    .when(says("async"))
                    .with(Flags::EXPORTED.when(convert.is_public(at))),
            );
            convert.decorators(attributes);
            if let Some(modifiers) = modifiers.filter(|_| says("unsafe")) {
                convert.word_as_decorator(modifiers, "unsafe");
            }
            if let Some(parameters) = nodes.field(at, "parameters") {
                convert.parameters(parameters);
            }
            if let Some(written) = nodes.field(at, "return_type") {
                convert.type_(written, Role::Type);
            }
            if let Some(body) = nodes.field(at, "body") {
                convert.function_body(body);
            }
        });
    }

    pub(super) fn word_as_decorator(&mut self, at: At, word: &'static str) {
        let span = self.nodes.span(at);
        self.node(Kind::Decorator, Role::Decorator, span.clone(), |convert| {
            convert.node(Kind::Name, Role::Value, span, |convert| {
                convert.out.name_static(word)
            });
        });
    }

    /// The body of a function or closure: what it ends with is returned.
    pub(super) fn function_body(&mut self, body: At) {
        let returns = self.returns;
        self.block(body, Role::Body, returns);
    }

    pub(super) fn parameters(&mut self, list: At) {
        let nodes = self.nodes;
        for parameter in nodes.children(list) {
            let span = nodes.span(parameter);
            match nodes.kind(parameter) {
                "self_parameter" => {
                    let name = nodes.named(parameter).find(|child| nodes.kind(*child) == "self");
                    self.node(Kind::Param, Role::Param, span, |convert| {
                        if let Some(name) = name {
                            convert.out.name_source(nodes.span(name));
                        }
                    });
                }
                "parameter" => self.node(Kind::Param, Role::Param, span, |convert| {
                    if let Some(pattern) = nodes.field(parameter, "pattern") {
                        convert.bound(pattern);
                    }
                    if let Some(written) = nodes.field(parameter, "type") {
                        convert.type_(written, Role::Type);
                    }
                }),
                "attribute_item" => {}
                // A closure's parameter without a type, and a type without a name.
                _ if nodes.is_named(parameter) || nodes.kind(parameter) == "_" => {
                    self.node(Kind::Param, Role::Param, span, |convert| convert.bound(parameter));
                }
                _ => {}
            }
        }
    }

    /// The name of a parameter, or what it is taken apart into.
    fn bound(&mut self, pattern: At) {
        let nodes = self.nodes;
        let mut at = pattern;
        while nodes.kind(at) == "mut_pattern"
            && let Some(inner) = nodes.named(at).last()
        {
            at = inner;
        }
        if matches!(nodes.kind(at), "identifier" | "type_identifier" | "self" | "_") {
            self.out.name_source(nodes.span(at));
        } else {
            self.pattern(at, Role::Target);
        }
    }

    /// A struct, union, enumeration, trait or `impl`.
    pub(super) fn class(&mut self, at: At, role: Role, attributes: &[At]) {
        let nodes = self.nodes;
        let name = nodes.field(at, "name").or(nodes.field(at, "type"));
        let start = attributes
            .first()
            .map_or(nodes.span(at).start, |first| nodes.span(*first).start);
        self.node(Kind::Class, role, start..nodes.span(at).end, |convert| {
            if let Some(name) = name {
                let name = nodes.field(name, "type").unwrap_or(name);
                convert.out.name_source(nodes.span(name));
            }
            convert.out.flag(
                Flags::TYPE_ONLY
                    .when(nodes.kind(at) == "trait_item")
                    .with(Flags::EXPORTED.when(convert.is_public(at))),
            );
            convert.decorators(attributes);
            if let Some(base) = nodes.field(at, "trait") {
                convert.expression(base, Role::Base);
            }
            if let Some(body) = nodes.field(at, "body") {
                convert.node(Kind::Block, Role::Body, nodes.span(body), |convert| {
                    match nodes.kind(body) {
                        "declaration_list" => convert.items(body),
                        "ordered_field_declaration_list" => convert.unnamed_fields(body),
                        _ => convert.fields(body),
                    }
                });
            }
        });
    }

    fn fields(&mut self, body: At) {
        let nodes = self.nodes;
        let mut attributes = Vec::new();
        for field in nodes.named(body) {
            if nodes.kind(field) == "attribute_item" {
                attributes.push(field);
                continue;
            }
            let before = std::mem::take(&mut attributes);
            self.node(Kind::Field, Role::Item, nodes.span(field), |convert| {
                if let Some(name) = nodes.field(field, "name") {
                    convert.out.name_source(nodes.span(name));
                }
                convert.out.flag(Flags::EXPORTED.when(convert.is_public(field)));
                convert.decorators(&before);
                if let Some(written) = nodes.field(field, "type") {
                    convert.type_(written, Role::Type);
                }
                convert.part(field, "value", Role::Value);
            });
        }
    }

    fn unnamed_fields(&mut self, body: At) {
        let nodes = self.nodes;
        for written in nodes.fields(body, "type") {
            self.node(Kind::Field, Role::Item, nodes.span(written), |convert| {
                convert.type_(written, Role::Type);
            });
        }
    }

    /// `const` and `static`.
    pub(super) fn constant(&mut self, at: At, role: Role, attributes: &[At]) {
        let nodes = self.nodes;
        let is_static = nodes.kind(at) == "static_item";
        let changes = nodes
            .named(at)
            .find(|child| nodes.kind(*child) == "mutable_specifier");
        self.node(Kind::Assign, role, nodes.span(at), |convert| {
            convert.out.name_static("=");
            convert.out.flag(
                Flags::DECLARATION
                    .with(Flags::STATIC.when(is_static))
                    .with(Flags::CONST.when(changes.is_none()))
                    .with(Flags::EXPORTED.when(convert.is_public(at))),
            );
            convert.decorators(attributes);
            if let Some(changes) = changes {
                convert.word_as_decorator(changes, "mut");
            }
            if let Some(name) = nodes.field(at, "name") {
                convert.named_leaf(Kind::Name, Role::Target, nodes.span(name));
            }
            if let Some(written) = nodes.field(at, "type") {
                convert.type_(written, Role::Type);
            }
            convert.part(at, "value", Role::Value);
        });
    }

    /// `mod name {…}` and `type Name = …`.
    pub(super) fn named(&mut self, at: At, role: Role, attributes: &[At]) {
        let nodes = self.nodes;
        self.node(Kind::Other, role, nodes.span(at), |convert| {
            if let Some(name) = nodes.field(at, "name") {
                convert.out.name_source(nodes.span(name));
            }
            convert.decorators(attributes);
            match nodes.field(at, "body") {
                Some(body) => convert.node(Kind::Block, Role::Body, nodes.span(body), |convert| {
                    convert.items(body)
                }),
                None => {
                    if let Some(written) = nodes.field(at, "type") {
                        convert.type_(written, Role::Type);
                    }
                }
            }
        });
    }
}

/// What a part of a `use` brings.
struct Used {
    at: At,
    module: String,
    name: String,
    local: Option<At>,
}

impl Used {
    /// A whole path: the last part is the name, unless there is but one.
    fn of(at: At, whole: &str, local: Option<At>) -> Used {
        let (module, name) = whole.rsplit_once('.').unwrap_or((whole, ""));
        Used {
            at,
            module: module.to_owned(),
            name: name.to_owned(),
            local,
        }
    }
}
