//! Imports, functions, types, variables and constants.

use std::ops::Range;

use super::{Convert, literals};
use crate::language::sitter::Converter;
use crate::language::sitter::nodes::At;
use crate::tree::{Flags, Kind, Role};

impl Convert<'_> {
    pub(super) fn imports(&mut self, declaration: At) {
        let nodes = self.nodes;
        for child in nodes.named(declaration) {
            if nodes.kind(child) == "import_spec_list" {
                for spec in nodes.named(child) {
                    self.import(spec, nodes.span(spec));
                }
            } else {
                self.import(child, nodes.span(declaration));
            }
        }
    }

    fn import(&mut self, spec: At, span: Range<usize>) {
        let Some(path) = self.nodes.field(spec, "path") else {
            return self.other(spec, Role::Item);
        };
        let module = self.string_value(path);
        let alias = self.nodes.field(spec, "name");
        self.node(Kind::Import, Role::Item, span, |convert| {
            convert.out.name_decoded(&module);
            let item = convert.nodes.span(spec);
            convert.node(Kind::ImportItem, Role::Item, item, |convert| match alias {
                Some(dot) if convert.nodes.kind(dot) == "dot" => convert.out.name_static("*"),
                Some(name) => convert.named_leaf(Kind::Name, Role::Target, convert.nodes.span(name)),
                None => convert.node(Kind::Name, Role::Target, convert.nodes.span(path), |convert| {
                    convert.out.name_decoded(literals::package_of(&module));
                }),
            });
        });
    }

    pub(super) fn function(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let receiver = nodes.field(at, "receiver");
        self.node(Kind::Function, role, nodes.span(at), |convert| {
            if let Some(name) = nodes.field(at, "name") {
                convert.out.name_source(nodes.span(name));
            }
            if let Some(receiver) = receiver {
                convert.parameters(receiver, Role::Receiver);
            }
            // What an interface lists has no receiver, and is a method too.
            convert
                .out
                .flag(Flags::METHOD.when(receiver.is_some() || nodes.kind(at) == "method_elem"));
            convert.signature(at);
        });
    }

    /// Parameters, results and body, where there is one: of functions, methods and function literals.
    pub(super) fn signature(&mut self, at: At) {
        let nodes = self.nodes;
        if let Some(parameters) = nodes.field(at, "parameters") {
            self.parameters(parameters, Role::Param);
        }
        if let Some(result) = nodes.field(at, "result") {
            self.type_(result, Role::Type);
        }
        if let Some(body) = nodes.field(at, "body") {
            self.block(body, Role::Body);
        }
    }

    fn parameters(&mut self, list: At, role: Role) {
        let nodes = self.nodes;
        // Go has names for all parameters or for none. Where a list is long, the parser may take the names in `a, b, c T` for types: they belong to
        // the next declaration that has a name.
        let mut declarations: Vec<(At, Option<At>)> = nodes.named(list).map(|at| (at, None)).collect();
        let mut next = None;
        for (declaration, of) in declarations.iter_mut().rev() {
            if nodes.field(*declaration, "name").is_some() {
                next = Some(*declaration);
            } else {
                *of = next;
            }
        }
        for (declaration, of) in declarations {
            let written = nodes.field(declaration, "type");
            let name = written.filter(|written| nodes.kind(*written) == "type_identifier");
            if let Some((of, name)) = of.zip(name) {
                let span = nodes.span(name).start..nodes.span(of).end;
                self.parameter(of, Some(name), role, span);
                continue;
            }
            let whole = nodes.span(declaration);
            let mut names = nodes.fields(declaration, "name").peekable();
            if names.peek().is_none() {
                self.parameter(declaration, None, role, whole.clone());
            }
            for name in names {
                let span = nodes.span(name).start..whole.end;
                self.parameter(declaration, Some(name), role, span);
            }
        }
    }

    fn parameter(&mut self, declaration: At, name: Option<At>, role: Role, span: Range<usize>) {
        let nodes = self.nodes;
        self.node(Kind::Param, role, span, |convert| {
            if let Some(name) = name {
                convert.out.name_source(nodes.span(name));
            }
            let variadic = nodes.kind(declaration) == "variadic_parameter_declaration";
            convert.out.flag(Flags::REST.when(variadic));
            if let Some(written) = nodes.field(declaration, "type") {
                convert.type_(written, Role::Type);
            }
        });
    }

    pub(super) fn types(&mut self, declaration: At, role: Role) {
        let nodes = self.nodes;
        for spec in nodes.named(declaration) {
            let span = self.spec_span(declaration, spec);
            let (Some(name), Some(written)) = (nodes.field(spec, "name"), nodes.field(spec, "type")) else {
                self.other(spec, role);
                continue;
            };
            match nodes.kind(written) {
                "struct_type" => self.class(name, span, role, |convert| {
                    let body = nodes.first(written).unwrap_or(written);
                    convert.node(Kind::Block, Role::Body, nodes.span(body), |convert| {
                        for field in nodes.named(body) {
                            convert.struct_field(field);
                        }
                    });
                }),
                "interface_type" => self.class(name, span, role, |convert| {
                    convert.out.flag(Flags::TYPE_ONLY);
                    convert.node(Kind::Block, Role::Body, nodes.span(written), |convert| {
                        for element in nodes.named(written) {
                            convert.interface_element(element);
                        }
                    });
                }),
                _ => self.node(Kind::Other, role, span, |convert| {
                    convert.out.name_source(nodes.span(name));
                    convert.type_(written, Role::Type);
                }),
            }
        }
    }

    fn class(&mut self, name: At, span: Range<usize>, role: Role, inside: impl FnOnce(&mut Self)) {
        let name = self.nodes.span(name);
        self.node(Kind::Class, role, span, |convert| {
            convert.out.name_source(name);
            inside(convert);
        });
    }

    fn struct_field(&mut self, declaration: At) {
        let nodes = self.nodes;
        let Some(written) = nodes.field(declaration, "type") else {
            return self.other(declaration, Role::Item);
        };
        let tag = nodes.field(declaration, "tag");
        if nodes.field(declaration, "name").is_none() {
            return self.embedded(declaration, written, tag);
        }
        for name in nodes.fields(declaration, "name") {
            let name = nodes.span(name);
            self.node(
                Kind::Field,
                Role::Item,
                name.start..nodes.span(declaration).end,
                |convert| {
                    convert.out.name_source(name);
                    convert.type_(written, Role::Type);
                    if let Some(tag) = tag {
                        convert.expression(tag, Role::Value);
                    }
                },
            );
        }
    }

    fn interface_element(&mut self, element: At) {
        let nodes = self.nodes;
        if nodes.kind(element) == "method_elem" {
            return self.function(element, Role::Item);
        }
        let mut parts = nodes.named(element);
        match (parts.next(), parts.next()) {
            (Some(part), None)
                if matches!(
                    nodes.kind(part),
                    "type_identifier" | "qualified_type" | "generic_type"
                ) =>
            {
                self.embedded(element, part, None);
            }
            // A union of types, which only limits type parameters.
            _ => self.type_(element, Role::Item),
        }
    }

    /// A field without a name is called by its type: `*pkg.T[int]` is `T`.
    fn embedded(&mut self, declaration: At, written: At, tag: Option<At>) {
        let nodes = self.nodes;
        let generic = nodes.field(written, "type").unwrap_or(written);
        let name = nodes.field(generic, "name").unwrap_or(generic);
        let pointer = nodes
            .children(declaration)
            .find(|child| nodes.kind(*child) == "*");
        self.node(Kind::Field, Role::Item, nodes.span(declaration), |convert| {
            convert.out.name_source(nodes.span(name));
            let start = pointer.map_or(nodes.span(written).start, |star| nodes.span(star).start);
            let parts: Vec<At> = pointer.into_iter().chain([written]).collect();
            convert.type_of(start..nodes.span(written).end, &parts, Role::Type);
            if let Some(tag) = tag {
                convert.expression(tag, Role::Value);
            }
        });
    }

    /// `var` and `const`.
    pub(super) fn variables(&mut self, declaration: At, role: Role) {
        let nodes = self.nodes;
        let flags =
            Flags::DECLARATION.with(Flags::CONST.when(nodes.kind(declaration) == "const_declaration"));
        for child in nodes.named(declaration) {
            if nodes.kind(child) == "var_spec_list" {
                for spec in nodes.named(child) {
                    self.variable(spec, role, nodes.span(spec), flags);
                }
            } else {
                self.variable(child, role, self.spec_span(declaration, child), flags);
            }
        }
    }

    fn variable(&mut self, spec: At, role: Role, span: Range<usize>, flags: Flags) {
        let nodes = self.nodes;
        self.node(Kind::Assign, role, span, |convert| {
            convert.out.name_static("=");
            convert.out.flag(flags);
            let names: Vec<At> = nodes.fields(spec, "name").collect();
            convert.one_or_tuple(&names, Role::Target);
            if let Some(written) = nodes.field(spec, "type") {
                convert.type_(written, Role::Type);
            }
            if let Some(values) = nodes.field(spec, "value") {
                convert.expressions(values, Role::Value);
            }
        });
    }

    /// A declaration's span with its keyword, unless it is one of several within brackets.
    fn spec_span(&self, declaration: At, spec: At) -> Range<usize> {
        if self.nodes.has_token(declaration, "(") {
            self.nodes.span(spec)
        } else {
            self.nodes.span(declaration)
        }
    }
}
