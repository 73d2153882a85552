//! Statements.

use std::ops::Range;

use super::Convert;
use crate::language::sitter::Converter;
use crate::language::sitter::nodes::At;
use crate::tree::{Flags, Kind, Role};

impl Convert<'_> {
    /// A statement or declaration; whatever is neither, as an expression.
    pub(super) fn statement(&mut self, at: At, role: Role) {
        match self.nodes.kind(at) {
            "package_clause" => self.marker(at, role),
            "import_declaration" => self.imports(at),
            "function_declaration" | "method_declaration" => self.function(at, role),
            "type_declaration" => self.types(at, role),
            "var_declaration" | "const_declaration" => self.variables(at, role),
            "block" => self.block(at, role),
            "statement_list" => {
                for statement in self.nodes.named(at) {
                    self.statement(statement, role);
                }
            }
            "empty_statement" => self.out.leaf(Kind::Pass, role, self.nodes.span(at)),
            "expression_statement" => self.with_value(Kind::ExprStmt, at, role),
            "go_statement" => self.with_value(Kind::Go, at, role),
            "defer_statement" => self.with_value(Kind::Defer, at, role),
            "return_statement" => self.with_value(Kind::Return, at, role),
            "send_statement" => self.node(Kind::Send, role, self.nodes.span(at), |convert| {
                convert.field(at, "channel", Role::Left);
                convert.field(at, "value", Role::Right);
            }),
            "inc_statement" | "dec_statement" => self.step(at, role),
            "assignment_statement" | "short_var_declaration" => self.assign(at, role),
            "receive_statement" => self.receive(at, role),
            "if_statement" => self.if_(at, role),
            "for_statement" => self.for_(at, role),
            "expression_switch_statement" => self.switch(at, role),
            "type_switch_statement" => self.type_switch(at, role),
            "select_statement" => self.node(Kind::Select, role, self.nodes.span(at), |convert| {
                convert.cases(at)
            }),
            "labeled_statement" => self.labelled(at, role),
            "break_statement" => self.jump(Kind::Break, at, role),
            "continue_statement" => self.jump(Kind::Continue, at, role),
            "goto_statement" => self.jump(Kind::Other, at, role),
            "fallthrough_statement" => self.out.leaf(Kind::Other, role, self.nodes.span(at)),
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

    /// The child in that field, if there is one.
    fn field(&mut self, at: At, field: &'static str, role: Role) {
        if let Some(child) = self.nodes.field(at, field) {
            self.statement(child, role);
        }
    }

    fn with_value(&mut self, kind: Kind, at: At, role: Role) {
        self.node(kind, role, self.nodes.span(at), |convert| {
            if let Some(value) = convert.nodes.first(at) {
                convert.expressions(value, Role::Value);
            }
        });
    }

    /// `package a`, which nothing looks at.
    fn marker(&mut self, at: At, role: Role) {
        self.node(Kind::Other, role, self.nodes.span(at), |convert| {
            if let Some(name) = convert.nodes.first(at) {
                convert.out.name_source(convert.nodes.span(name));
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

    fn step(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let name = if nodes.kind(at) == "inc_statement" {
            "+="
        } else {
            "-="
        };
        self.node(Kind::Assign, role, nodes.span(at), |convert| {
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

    fn assign(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        self.node(Kind::Assign, role, nodes.span(at), |convert| {
            let operator = nodes
                .children(at)
                .find(|child| !matches!(nodes.field_name(*child), "left" | "right"));
            let name = operator.map_or("=", |operator| nodes.kind(operator));
            convert.out.name_static(name);
            convert.out.flag(Flags::DECLARATION.when(name == ":="));
            for (field, role) in [("left", Role::Target), ("right", Role::Value)] {
                if let Some(list) = nodes.field(at, field) {
                    convert.expressions(list, role);
                }
            }
        });
    }

    /// What a `case` of `select` waits for: `<-c`, `v := <-c` or `v = <-c`.
    fn receive(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        if nodes.field(at, "left").is_some() {
            return self.assign(at, role);
        }
        self.with_value(Kind::ExprStmt, at, role);
    }

    fn if_(&mut self, at: At, role: Role) {
        self.node(Kind::If, role, self.nodes.span(at), |convert| {
            convert.field(at, "initializer", Role::Init);
            convert.field(at, "condition", Role::Condition);
            convert.field(at, "consequence", Role::Body);
            convert.field(at, "alternative", Role::Else);
        });
    }

    fn for_(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let head = nodes.first(at).filter(|head| nodes.field_name(*head) != "body");
        if let Some(clause) = head.filter(|head| nodes.kind(*head) == "range_clause") {
            return self.for_each(at, clause, role);
        }
        self.node(Kind::For, role, nodes.span(at), |convert| {
            match head {
                Some(clause) if nodes.kind(clause) == "for_clause" => {
                    convert.field(clause, "initializer", Role::Init);
                    convert.field(clause, "condition", Role::Condition);
                    convert.field(clause, "update", Role::Update);
                }
                Some(condition) => convert.expression(condition, Role::Condition),
                None => {}
            }
            convert.field(at, "body", Role::Body);
        });
    }

    fn for_each(&mut self, at: At, clause: At, role: Role) {
        let nodes = self.nodes;
        self.node(Kind::ForEach, role, nodes.span(at), |convert| {
            convert.out.name_static("range");
            convert
                .out
                .flag(Flags::DECLARATION.when(nodes.has_token(clause, ":=")));
            if let Some(targets) = nodes.field(clause, "left") {
                for target in nodes.named(targets) {
                    convert.expression(target, Role::Target);
                }
            }
            convert.field(clause, "right", Role::Iter);
            convert.field(at, "body", Role::Body);
        });
    }

    fn switch(&mut self, at: At, role: Role) {
        self.node(Kind::Switch, role, self.nodes.span(at), |convert| {
            convert.field(at, "initializer", Role::Init);
            convert.field(at, "value", Role::Subject);
            convert.cases(at);
        });
    }

    /// `switch v := x.(type)`: the subject is then the assignment of `x` to `v`.
    fn type_switch(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        self.node(Kind::Switch, role, nodes.span(at), |convert| {
            convert.out.name_static("type");
            convert.field(at, "initializer", Role::Init);
            match (nodes.field(at, "alias"), nodes.field(at, "value")) {
                (Some(alias), Some(value)) => {
                    let span = nodes.span(alias).start..nodes.span(value).end;
                    convert.node(Kind::Assign, Role::Subject, span, |convert| {
                        convert.out.name_static(":=");
                        convert.out.flag(Flags::DECLARATION);
                        convert.expressions(alias, Role::Target);
                        convert.expression(value, Role::Value);
                    });
                }
                _ => convert.field(at, "value", Role::Subject),
            }
            convert.cases(at);
        });
    }

    /// The cases of `switch` and `select`.
    fn cases(&mut self, at: At) {
        let nodes = self.nodes;
        let is_case = |kind| {
            matches!(
                kind,
                "expression_case" | "type_case" | "communication_case" | "default_case"
            )
        };
        for case in nodes.named(at).filter(|child| is_case(nodes.kind(*child))) {
            let span = self.without_newline(case);
            self.node(Kind::Case, Role::Item, span, |convert| convert.case(case));
        }
    }

    fn case(&mut self, case: At) {
        let nodes = self.nodes;
        let end = self.without_newline(case).end;
        let mut body = None;
        for child in nodes.named(case) {
            match (nodes.kind(child), nodes.field_name(child)) {
                ("statement_list", _) => body = Some(child),
                ("expression_list", "value") => {
                    for test in nodes.named(child) {
                        self.expression(test, Role::Test);
                    }
                }
                (_, "type") => self.type_(child, Role::Test),
                _ => self.statement(child, Role::Test),
            }
        }
        let span = body.map_or(end..end, |body| self.without_newline(body));
        self.node(Kind::Block, Role::Body, span, |convert| {
            if let Some(body) = body {
                convert.statement(body, Role::Item);
            }
        });
    }

    /// The span of what ends with statements: for the parser, the last one's newline is part of it.
    fn without_newline(&self, at: At) -> Range<usize> {
        let start = self.nodes.span(at).start;
        start..start + self.source(at).trim_end().len()
    }

    fn labelled(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let end = nodes.span(at).end;
        self.node(Kind::Labelled, role, nodes.span(at), |convert| {
            if let Some(label) = nodes.field(at, "label") {
                convert.out.name_source(nodes.span(label));
            }
            let body = nodes.named(at).find(|child| nodes.field_name(*child) != "label");
            let span = body.map_or(end..end, |body| nodes.span(body));
            convert.node(Kind::Block, Role::Body, span, |convert| {
                if let Some(body) = body {
                    convert.statement(body, Role::Item);
                }
            });
        });
    }
}
