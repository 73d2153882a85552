//! Statements and declarations of variables.

use oxc_ast::ast::{
    Declaration, Directive, Expression, ForStatementInit, ForStatementLeft, Span, Statement, SwitchCase,
    TryStatement, VariableDeclaration, VariableDeclarationKind, VariableDeclarator, WithStatement,
};
use oxc_ast::{match_declaration, match_expression, match_module_declaration};
use oxc_span::GetSpan;

use super::Converter;
use crate::tree::{Flags, Kind, Role};

impl Converter<'_> {
    pub(super) fn statements(&mut self, directives: &[Directive<'_>], statements: &[Statement<'_>]) {
        for directive in directives {
            self.node(Kind::ExprStmt, Role::Item, directive.span, |c| {
                c.string(&directive.expression, Role::Value);
            });
        }
        for statement in statements {
            self.statement(statement);
        }
    }

    pub(super) fn block(
        &mut self,
        role: Role,
        span: Span,
        directives: &[Directive<'_>],
        statements: &[Statement<'_>],
    ) {
        self.node(Kind::Block, role, span, |c| c.statements(directives, statements));
    }

    /// A statement as a body: a block, also where it has no braces.
    fn body(&mut self, statement: &Statement<'_>, role: Role) {
        if let Statement::BlockStatement(block) = statement {
            self.block(role, block.span, &[], &block.body);
        } else {
            self.block(role, statement.span(), &[], std::slice::from_ref(statement));
        }
    }

    fn statement(&mut self, statement: &Statement<'_>) {
        let span = statement.span();
        match statement {
            Statement::BlockStatement(block) => self.block(Role::Item, span, &[], &block.body),
            Statement::BreakStatement(jump) => self.node(Kind::Break, Role::Item, span, |c| {
                if let Some(label) = &jump.label {
                    c.name(label.span, &label.name);
                }
            }),
            Statement::ContinueStatement(jump) => self.node(Kind::Continue, Role::Item, span, |c| {
                if let Some(label) = &jump.label {
                    c.name(label.span, &label.name);
                }
            }),
            Statement::DebuggerStatement(_) => self.leaf(Kind::Other, Role::Item, span),
            Statement::EmptyStatement(_) => {}
            Statement::ExpressionStatement(it) => self.expression_statement(&it.expression, span),
            Statement::DoWhileStatement(it) => self.node(Kind::DoWhile, Role::Item, span, |c| {
                c.body(&it.body, Role::Body);
                c.expression(&it.test, Role::Condition);
            }),
            Statement::WhileStatement(it) => self.node(Kind::While, Role::Item, span, |c| {
                c.expression(&it.test, Role::Condition);
                c.body(&it.body, Role::Body);
            }),
            Statement::ForStatement(it) => self.node(Kind::For, Role::Item, span, |c| {
                if let Some(init) = &it.init {
                    c.for_init(init);
                }
                if let Some(test) = &it.test {
                    c.expression(test, Role::Condition);
                }
                if let Some(update) = &it.update {
                    c.expression(update, Role::Update);
                }
                c.body(&it.body, Role::Body);
            }),
            Statement::ForInStatement(it) => self.node(Kind::ForEach, Role::Item, span, |c| {
                c.builder.name_static("in");
                c.for_each(&it.left, &it.right, &it.body);
            }),
            Statement::ForOfStatement(it) => self.node(Kind::ForEach, Role::Item, span, |c| {
                c.builder.name_static("of");
                c.flag(Flags::ASYNC, it.r#await);
                c.for_each(&it.left, &it.right, &it.body);
            }),
            Statement::IfStatement(_) => self.if_chain(statement, Role::Item),
            Statement::LabeledStatement(it) => self.node(Kind::Labelled, Role::Item, span, |c| {
                c.name(it.label.span, &it.label.name);
                c.body(&it.body, Role::Body);
            }),
            Statement::ReturnStatement(it) => self.node(Kind::Return, Role::Item, span, |c| {
                if let Some(value) = &it.argument {
                    c.expression(value, Role::Value);
                }
            }),
            Statement::SwitchStatement(it) => self.node(Kind::Switch, Role::Item, span, |c| {
                c.expression(&it.discriminant, Role::Subject);
                for case in &it.cases {
                    c.case(case);
                }
            }),
            Statement::ThrowStatement(it) => self.node(Kind::Raise, Role::Item, span, |c| {
                c.expression(&it.argument, Role::Value);
            }),
            Statement::TryStatement(it) => self.try_statement(it),
            Statement::WithStatement(it) => self.with_statement(it),
            match_declaration!(Statement) => {
                self.declaration(statement.to_declaration(), span, Flags::NONE);
            }
            match_module_declaration!(Statement) => {
                self.module_declaration(statement.to_module_declaration());
            }
        }
    }

    fn expression_statement(&mut self, expression: &Expression<'_>, span: Span) {
        match expression {
            Expression::AssignmentExpression(it) => self.assignment(it, Role::Item, span),
            Expression::UpdateExpression(it) => self.step(it, Role::Item, span),
            _ => self.node(Kind::ExprStmt, Role::Item, span, |c| {
                c.expression(expression, Role::Value);
            }),
        }
    }

    fn if_chain(&mut self, statement: &Statement<'_>, role: Role) {
        let Statement::IfStatement(it) = statement else {
            return self.body(statement, role);
        };
        self.node(Kind::If, role, it.span, |c| {
            c.expression(&it.test, Role::Condition);
            c.body(&it.consequent, Role::Body);
            if let Some(otherwise) = &it.alternate {
                c.if_chain(otherwise, Role::Else);
            }
        });
    }

    fn for_init(&mut self, init: &ForStatementInit<'_>) {
        match init {
            ForStatementInit::VariableDeclaration(it) if it.declarations.len() == 1 => {
                self.variables(it, Role::Init, it.span, Flags::NONE);
            }
            ForStatementInit::VariableDeclaration(it) => {
                self.node(Kind::Sequence, Role::Init, it.span, |c| {
                    c.variables(it, Role::Item, it.span, Flags::NONE);
                });
            }
            match_expression!(ForStatementInit) => self.expression(init.to_expression(), Role::Init),
        }
    }

    fn for_each(&mut self, left: &ForStatementLeft<'_>, iter: &Expression<'_>, body: &Statement<'_>) {
        if let ForStatementLeft::VariableDeclaration(it) = left {
            self.builder.flag(flags_of(it));
            for declarator in &it.declarations {
                self.binding(&declarator.id, Role::Target);
                if let Some(init) = &declarator.init {
                    self.expression(init, Role::Init);
                }
            }
        } else if let Some(target) = left.as_assignment_target() {
            self.target(target, Role::Target);
        }
        self.expression(iter, Role::Iter);
        self.body(body, Role::Body);
    }

    fn case(&mut self, case: &SwitchCase<'_>) {
        self.node(Kind::Case, Role::Item, case.span, |c| {
            if let Some(test) = &case.test {
                c.expression(test, Role::Test);
            }
            let span = match (case.consequent.first(), case.consequent.last()) {
                (Some(first), Some(last)) => Span::new(first.span().start, last.span().end),
                (None, _) | (_, None) => Span::new(case.span.end, case.span.end),
            };
            c.block(Role::Body, span, &[], &case.consequent);
        });
    }

    fn try_statement(&mut self, it: &TryStatement<'_>) {
        self.node(Kind::Try, Role::Item, it.span, |c| {
            c.block(Role::Body, it.block.span, &[], &it.block.body);
            if let Some(handler) = &it.handler {
                c.node(Kind::Catch, Role::Handler, handler.span, |c| {
                    if let Some(parameter) = &handler.param {
                        c.name_or_target(&parameter.pattern);
                        c.type_annotation(parameter.type_annotation.as_deref());
                    }
                    c.block(Role::Body, handler.body.span, &[], &handler.body.body);
                });
            }
            if let Some(finalizer) = &it.finalizer {
                c.block(Role::Finally, finalizer.span, &[], &finalizer.body);
            }
        });
    }

    fn with_statement(&mut self, it: &WithStatement<'_>) {
        self.node(Kind::With, Role::Item, it.span, |c| {
            c.node(Kind::WithItem, Role::Item, it.object.span(), |c| {
                c.expression(&it.object, Role::Value);
            });
            c.body(&it.body, Role::Body);
        });
    }

    /// A declaration, with the span of the statement that it is and further flags.
    pub(super) fn declaration(&mut self, declaration: &Declaration<'_>, span: Span, flags: Flags) {
        match declaration {
            Declaration::VariableDeclaration(it) => self.variables(it, Role::Item, span, flags),
            Declaration::FunctionDeclaration(it) => self.function(it, span, flags),
            Declaration::ClassDeclaration(it) => self.class(it, Role::Item, span, flags),
            Declaration::TSTypeAliasDeclaration(it) => self.node(Kind::Other, Role::Item, span, |c| {
                c.builder.flag(flags.with(Flags::TYPE_ONLY));
                c.type_text(it.type_annotation.span(), Role::Item);
            }),
            Declaration::TSInterfaceDeclaration(it) => self.interface(it, span, flags),
            Declaration::TSEnumDeclaration(it) => self.enumeration(it, span, flags),
            Declaration::TSExternalModuleDeclaration(it) => self.node(Kind::Other, Role::Item, span, |c| {
                c.builder.flag(flags.with(Flags::TYPE_ONLY));
                if let Some(body) = &it.body {
                    c.block(Role::Item, body.span, &body.directives, &body.body);
                }
            }),
            Declaration::TSNamespaceDeclaration(it) => self.namespace(it, span, flags),
            Declaration::TSGlobalDeclaration(it) => self.node(Kind::Other, Role::Item, span, |c| {
                c.builder.flag(flags.with(Flags::TYPE_ONLY));
                c.block(Role::Item, it.body.span, &it.body.directives, &it.body.body);
            }),
            Declaration::TSImportEqualsDeclaration(it) => self.import_equals(it, span, flags),
        }
    }

    /// One `Assign` a declarator; the first of one has the span of the whole declaration.
    fn variables(&mut self, it: &VariableDeclaration<'_>, role: Role, span: Span, flags: Flags) {
        let flags = flags.with(flags_of(it));
        let alone = it.declarations.len() == 1;
        for declarator in &it.declarations {
            let span = if alone { span } else { declarator.span };
            self.node(Kind::Assign, role, span, |c| c.declarator(declarator, flags));
        }
    }

    fn declarator(&mut self, it: &VariableDeclarator<'_>, flags: Flags) {
        self.builder.name_static("=");
        self.builder.flag(flags);
        self.binding(&it.id, Role::Target);
        self.type_annotation(it.type_annotation.as_deref());
        if let Some(init) = &it.init {
            self.expression(init, Role::Value);
        }
    }
}

fn flags_of(it: &VariableDeclaration<'_>) -> Flags {
    let kind = match it.kind {
        VariableDeclarationKind::Var | VariableDeclarationKind::Let => Flags::NONE,
        VariableDeclarationKind::Const | VariableDeclarationKind::Using => Flags::CONST,
        VariableDeclarationKind::AwaitUsing => Flags::CONST.with(Flags::ASYNC),
    };
    let declared = Flags::TYPE_ONLY.when(it.declare);
    Flags::DECLARATION.with(kind).with(declared)
}
