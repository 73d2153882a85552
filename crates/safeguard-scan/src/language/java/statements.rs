//! Statements.

use super::Convert;
use crate::language::sitter::Converter;
use crate::language::sitter::nodes::At;
use crate::tree::{Flags, Kind, Role};

impl Convert<'_> {
    /// A statement or declaration; whatever is neither, as an expression.
    pub(super) fn statement(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let span = nodes.span(at);
        match nodes.kind(at) {
            "package_declaration" => self.package(at, role),
            "import_declaration" => self.import(at),
            "class_declaration"
            | "interface_declaration"
            | "enum_declaration"
            | "record_declaration"
            | "annotation_type_declaration" => self.class(at, role),
            "enum_constant" => self.enum_constant(at, role),
            "method_declaration"
            | "constructor_declaration"
            | "compact_constructor_declaration"
            | "annotation_type_element_declaration" => self.function(at, role),
            "field_declaration" | "constant_declaration" | "local_variable_declaration" => {
                self.variables(at, role);
            }
            "block" | "constructor_body" => self.block(at, role),
            "static_initializer" => match nodes.first(at) {
                Some(block) => self.block(block, role),
                None => self.other(at, role),
            },
            "expression_statement" => self.expression_statement(at, role),
            "explicit_constructor_invocation" => self.node(Kind::ExprStmt, role, span, |convert| {
                convert.constructor_call(at);
            }),
            "if_statement" => self.node(Kind::If, role, span, |convert| {
                convert.part(at, "condition", Role::Condition);
                convert.body(at, "consequence", Role::Body);
                match nodes.field(at, "alternative") {
                    Some(other) if nodes.kind(other) == "if_statement" => {
                        convert.statement(other, Role::Else);
                    }
                    _ => convert.body(at, "alternative", Role::Else),
                }
            }),
            "while_statement" => self.node(Kind::While, role, span, |convert| {
                convert.part(at, "condition", Role::Condition);
                convert.body(at, "body", Role::Body);
            }),
            "do_statement" => self.node(Kind::DoWhile, role, span, |convert| {
                convert.body(at, "body", Role::Body);
                convert.part(at, "condition", Role::Condition);
            }),
            "for_statement" => self.node(Kind::For, role, span, |convert| {
                for init in nodes.fields(at, "init") {
                    convert.statement(init, Role::Init);
                }
                convert.part(at, "condition", Role::Condition);
                for update in nodes.fields(at, "update") {
                    convert.statement(update, Role::Update);
                }
                convert.body(at, "body", Role::Body);
            }),
            "enhanced_for_statement" => self.for_each(at, role),
            "labeled_statement" => self.labelled(at, role),
            "break_statement" => self.jump(Kind::Break, at, role),
            "continue_statement" => self.jump(Kind::Continue, at, role),
            "return_statement" => self.with_value(Kind::Return, at, role),
            "throw_statement" => self.with_value(Kind::Raise, at, role),
            "yield_statement" => self.with_value(Kind::ExprStmt, at, role),
            "assert_statement" => self.node(Kind::Assert, role, span, |convert| {
                for (part, role) in nodes.named(at).zip([Role::Condition, Role::Value]) {
                    convert.expression(part, role);
                }
            }),
            "synchronized_statement" => self.node(Kind::With, role, span, |convert| {
                convert.out.name_static("synchronized");
                if let Some(lock) = nodes.first(at) {
                    convert.node(Kind::WithItem, Role::Item, nodes.span(lock), |convert| {
                        convert.expression(lock, Role::Value);
                    });
                }
                convert.body(at, "body", Role::Body);
            }),
            "try_statement" => self.try_(at, role),
            "try_with_resources_statement" => self.try_with(at, role),
            _ => self.expression(at, role),
        }
    }

    pub(super) fn block(&mut self, at: At, role: Role) {
        self.node(Kind::Block, role, self.nodes.span(at), |convert| {
            for child in convert.nodes.named(at) {
                convert.statement(child, Role::Item);
            }
        });
    }

    /// A statement as a body: a block, also where it has no braces.
    fn body(&mut self, at: At, field: &'static str, role: Role) {
        let nodes = self.nodes;
        // `for (…);`: the semicolon is no node with a name.
        let Some(body) = nodes.children(at).find(|child| nodes.field_name(*child) == field) else {
            return;
        };
        if nodes.kind(body) == "block" {
            return self.block(body, role);
        }
        self.node(Kind::Block, role, nodes.span(body), |convert| {
            if nodes.is_named(body) {
                convert.statement(body, Role::Item);
            }
        });
    }

    fn with_value(&mut self, kind: Kind, at: At, role: Role) {
        self.node(kind, role, self.nodes.span(at), |convert| {
            if let Some(value) = convert.nodes.first(at) {
                convert.expression(value, Role::Value);
            }
        });
    }

    /// `package a.b;`, which nothing looks at.
    fn package(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        self.node(Kind::Other, role, nodes.span(at), |convert| {
            let name = nodes
                .named(at)
                .find(|child| matches!(nodes.kind(*child), "identifier" | "scoped_identifier"));
            if let Some(name) = name {
                convert.out.name_source(nodes.span(name));
            }
        });
    }

    fn jump(&mut self, kind: Kind, at: At, role: Role) {
        self.node(kind, role, self.nodes.span(at), |convert| {
            if let Some(label) = convert.nodes.first(at) {
                convert.out.name_source(convert.nodes.span(label));
            }
        });
    }

    fn expression_statement(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let Some(inside) = nodes.first(at) else {
            return self.out.leaf(Kind::Pass, role, nodes.span(at));
        };
        match nodes.kind(inside) {
            "assignment_expression" => self.assignment(inside, role, nodes.span(at)),
            "update_expression" => self.step(inside, role, nodes.span(at)),
            "switch_expression" => self.expression(inside, role),
            _ => self.node(Kind::ExprStmt, role, nodes.span(at), |convert| {
                convert.expression(inside, Role::Value);
            }),
        }
    }

    fn for_each(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        self.node(Kind::ForEach, role, nodes.span(at), |convert| {
            convert.out.name_static("of");
            convert.out.flag(Flags::DECLARATION);
            if let Some(written) = nodes.field(at, "type")
                && convert.source(written) != "var"
            {
                convert.type_(written, Role::Type);
            }
            if let Some(name) = nodes.field(at, "name") {
                convert.named_leaf(Kind::Name, Role::Target, nodes.span(name));
            }
            convert.part(at, "value", Role::Iter);
            convert.body(at, "body", Role::Body);
        });
    }

    fn labelled(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let mut parts = nodes.named(at);
        let (label, body) = (parts.next(), parts.next());
        let end = nodes.span(at).end;
        self.node(Kind::Labelled, role, nodes.span(at), |convert| {
            if let Some(label) = label {
                convert.out.name_source(nodes.span(label));
            }
            let span = body.map_or(end..end, |body| nodes.span(body));
            convert.node(Kind::Block, Role::Body, span, |convert| {
                if let Some(body) = body {
                    convert.statement(body, Role::Item);
                }
            });
        });
    }

    fn try_(&mut self, at: At, role: Role) {
        self.node(Kind::Try, role, self.nodes.span(at), |convert| {
            convert.body(at, "body", Role::Body);
            convert.handlers(at);
        });
    }

    /// `try (…) {…}`: what is opened lies within what is caught.
    fn try_with(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let span = nodes.span(at);
        let is_caught = nodes
            .named(at)
            .any(|child| matches!(nodes.kind(child), "catch_clause" | "finally_clause"));
        if !is_caught {
            return self.with(at, role);
        }
        let end = nodes
            .field(at, "body")
            .map_or(span.end, |body| nodes.span(body).end);
        self.node(Kind::Try, role, span.clone(), |convert| {
            convert.node(Kind::Block, Role::Body, span.start..end, |convert| {
                convert.with(at, Role::Item);
            });
            convert.handlers(at);
        });
    }

    fn with(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let start = nodes.span(at).start;
        let end = nodes
            .field(at, "body")
            .map_or(nodes.span(at).end, |body| nodes.span(body).end);
        self.node(Kind::With, role, start..end, |convert| {
            let resources = nodes.field(at, "resources");
            for resource in resources.into_iter().flat_map(|list| nodes.named(list)) {
                convert.node(Kind::WithItem, Role::Item, nodes.span(resource), |convert| {
                    if let Some(name) = nodes.field(resource, "name") {
                        convert.named_leaf(Kind::Name, Role::Target, nodes.span(name));
                    }
                    if let Some(written) = nodes.field(resource, "type")
                        && convert.source(written) != "var"
                    {
                        convert.type_(written, Role::Type);
                    }
                    match nodes.field(resource, "value") {
                        Some(value) => convert.expression(value, Role::Value),
                        None => {
                            if let Some(value) = nodes.first(resource) {
                                convert.expression(value, Role::Value);
                            }
                        }
                    }
                });
            }
            convert.body(at, "body", Role::Body);
        });
    }

    fn handlers(&mut self, at: At) {
        let nodes = self.nodes;
        for child in nodes.named(at) {
            match nodes.kind(child) {
                "catch_clause" => self.catch(child),
                "finally_clause" => {
                    if let Some(block) = nodes.first(child) {
                        self.block(block, Role::Finally);
                    }
                }
                _ => {}
            }
        }
    }

    fn catch(&mut self, at: At) {
        let nodes = self.nodes;
        let parameter = nodes
            .named(at)
            .find(|child| nodes.kind(*child) == "catch_formal_parameter");
        self.node(Kind::Catch, Role::Handler, nodes.span(at), |convert| {
            if let Some(parameter) = parameter {
                if let Some(name) = nodes.field(parameter, "name") {
                    convert.out.name_source(nodes.span(name));
                }
                let types = nodes
                    .named(parameter)
                    .find(|child| nodes.kind(*child) == "catch_type");
                for written in types.into_iter().flat_map(|list| nodes.named(list)) {
                    convert.type_as_value(written, Role::Type);
                }
            }
            convert.body(at, "body", Role::Body);
        });
    }
}
