//! Statements.

use ruff_python_ast::{
    Alias, AnyParameterRef, Arguments, Decorator, ElifElseClause, ExceptHandler, Expr, Identifier, MatchCase,
    Parameters, Pattern, Stmt, StmtClassDef, StmtFunctionDef, StmtIf, StmtImportFrom, StmtTry, TypeParam,
    TypeParams,
};
use ruff_text_size::{Ranged, TextRange, TextSize};

use super::Converter;
use crate::tree::{Flags, Kind, Role};

impl Converter<'_> {
    pub(super) fn statements(&mut self, statements: &[Stmt]) {
        for statement in statements {
            self.statement(statement);
        }
    }

    fn block(&mut self, role: Role, statements: &[Stmt]) {
        // Only a text with errors, which has no tree, has an empty block.
        let range = match (statements.first(), statements.last()) {
            (Some(first), Some(last)) => TextRange::new(first.start(), last.end()),
            _ => TextRange::default(),
        };
        self.node(Kind::Block, role, range, |converter| {
            converter.statements(statements);
        });
    }

    fn block_if_any(&mut self, role: Role, statements: &[Stmt]) {
        if !statements.is_empty() {
            self.block(role, statements);
        }
    }

    fn statement(&mut self, statement: &Stmt) {
        let range = statement.range();
        match statement {
            Stmt::FunctionDef(function) => self.function(function),
            Stmt::ClassDef(class) => self.class(class),
            Stmt::Return(node) => self.node(Kind::Return, Role::Item, range, |converter| {
                converter.optional(node.value.as_deref(), Role::Value);
            }),
            Stmt::Delete(node) => self.node(Kind::Delete, Role::Item, range, |converter| {
                converter.expressions(&node.targets, Role::Target);
            }),
            Stmt::TypeAlias(node) => self.node(Kind::Assign, Role::Item, range, |converter| {
                converter.builder.name_static("=");
                converter.builder.flag(Flags::TYPE_ONLY);
                converter.expression(&node.name, Role::Target);
                converter.type_parameters(node.type_params.as_deref());
                converter.expression(&node.value, Role::Value);
            }),
            Stmt::Assign(node) => self.node(Kind::Assign, Role::Item, range, |converter| {
                converter.builder.name_static("=");
                converter.expressions(&node.targets, Role::Target);
                converter.expression(&node.value, Role::Value);
            }),
            Stmt::AugAssign(node) => self.node(Kind::Assign, Role::Item, range, |converter| {
                converter.builder.name_decoded(&format!("{}=", node.op.as_str()));
                converter.expression(&node.target, Role::Target);
                converter.expression(&node.value, Role::Value);
            }),
            Stmt::AnnAssign(node) => self.node(Kind::Assign, Role::Item, range, |converter| {
                converter.builder.name_static("=");
                converter
                    .builder
                    .flag(Flags::DECLARATION.when(node.value.is_none()));
                converter.expression(&node.target, Role::Target);
                converter.type_text(Role::Type, node.annotation.range());
                converter.optional(node.value.as_deref(), Role::Value);
            }),
            Stmt::For(node) => self.node(Kind::ForEach, Role::Item, range, |converter| {
                converter.builder.name_static("in");
                converter.builder.flag(Flags::ASYNC.when(node.is_async));
                converter.expression(&node.target, Role::Target);
                converter.expression(&node.iter, Role::Iter);
                converter.block(Role::Body, &node.body);
                converter.block_if_any(Role::Else, &node.orelse);
            }),
            Stmt::While(node) => self.node(Kind::While, Role::Item, range, |converter| {
                converter.expression(&node.test, Role::Condition);
                converter.block(Role::Body, &node.body);
                converter.block_if_any(Role::Else, &node.orelse);
            }),
            Stmt::If(node) => self.if_else(node),
            Stmt::With(node) => self.node(Kind::With, Role::Item, range, |converter| {
                converter.builder.flag(Flags::ASYNC.when(node.is_async));
                for item in &node.items {
                    converter.node(Kind::WithItem, Role::Item, item.range, |converter| {
                        converter.expression(&item.context_expr, Role::Value);
                        converter.optional(item.optional_vars.as_deref(), Role::Target);
                    });
                }
                converter.block(Role::Body, &node.body);
            }),
            Stmt::Match(node) => self.node(Kind::Switch, Role::Item, range, |converter| {
                converter.expression(&node.subject, Role::Subject);
                for case in &node.cases {
                    converter.case(case);
                }
            }),
            Stmt::Raise(node) => self.node(Kind::Raise, Role::Item, range, |converter| {
                converter.optional(node.exc.as_deref(), Role::Value);
                converter.optional(node.cause.as_deref(), Role::Cause);
            }),
            Stmt::Try(node) => self.try_catch(node),
            Stmt::Assert(node) => self.node(Kind::Assert, Role::Item, range, |converter| {
                converter.expression(&node.test, Role::Condition);
                converter.optional(node.msg.as_deref(), Role::Value);
            }),
            Stmt::Import(node) => {
                for alias in &node.names {
                    let range = if node.names.len() == 1 { range } else { alias.range };
                    self.import(alias, range);
                }
            }
            Stmt::ImportFrom(node) => self.import_from(node),
            Stmt::Global(node) => self.global("global", &node.names, range),
            Stmt::Nonlocal(node) => self.global("nonlocal", &node.names, range),
            Stmt::Expr(node) => self.node(Kind::ExprStmt, Role::Item, range, |converter| {
                converter.expression(&node.value, Role::Value);
            }),
            Stmt::Pass(_) => self.leaf(Kind::Pass, Role::Item, range),
            Stmt::Break(_) => self.leaf(Kind::Break, Role::Item, range),
            Stmt::Continue(_) => self.leaf(Kind::Continue, Role::Item, range),
            // Of notebooks only; the parser refuses it in a file.
            Stmt::IpyEscapeCommand(_) => self.leaf(Kind::Other, Role::Item, range),
        }
    }

    fn function(&mut self, function: &StmtFunctionDef) {
        self.node(Kind::Function, Role::Item, function.range, |converter| {
            converter.name(&function.name.id, function.name.range);
            converter.builder.flag(Flags::ASYNC.when(function.is_async));
            if converter.in_class {
                let is_static = function.decorator_list.iter().any(is_staticmethod);
                converter
                    .builder
                    .flag(if is_static { Flags::STATIC } else { Flags::METHOD });
            }
            converter.decorators(&function.decorator_list);
            converter.type_parameters(function.type_params.as_deref());
            converter.parameters(&function.parameters);
            if let Some(returns) = &function.returns {
                converter.type_text(Role::Type, returns.range());
            }
            let in_class = std::mem::replace(&mut converter.in_class, false);
            converter.function_body(|converter| converter.block(Role::Body, &function.body));
            converter.in_class = in_class;
        });
    }

    /// Converts the body of the open function, and says of the function what only its body tells.
    pub(super) fn function_body(&mut self, body: impl FnOnce(&mut Self)) {
        let yields = std::mem::replace(&mut self.yields, false);
        body(self);
        self.builder.flag(Flags::GENERATOR.when(self.yields));
        self.yields = yields;
    }

    fn class(&mut self, class: &StmtClassDef) {
        self.node(Kind::Class, Role::Item, class.range, |converter| {
            converter.name(&class.name.id, class.name.range);
            converter.decorators(&class.decorator_list);
            converter.type_parameters(class.type_params.as_deref());
            if let Some(arguments) = class.arguments.as_deref() {
                converter.arguments(arguments, Role::Base);
            }
            let in_class = std::mem::replace(&mut converter.in_class, true);
            converter.block(Role::Body, &class.body);
            converter.in_class = in_class;
        });
    }

    fn decorators(&mut self, decorators: &[Decorator]) {
        for decorator in decorators {
            self.node(Kind::Decorator, Role::Decorator, decorator.range, |converter| {
                converter.expression(&decorator.expression, Role::Value);
            });
        }
    }

    /// Names of types are of no interest, but expressions may lie in their bounds and defaults.
    fn type_parameters(&mut self, parameters: Option<&TypeParams>) {
        for parameter in parameters.into_iter().flatten() {
            self.node(Kind::Other, Role::Item, parameter.range(), |converter| {
                let (bound, default) = match parameter {
                    TypeParam::TypeVar(parameter) => {
                        (parameter.bound.as_deref(), parameter.default.as_deref())
                    }
                    TypeParam::TypeVarTuple(parameter) => (None, parameter.default.as_deref()),
                    TypeParam::ParamSpec(parameter) => (None, parameter.default.as_deref()),
                };
                converter.optional(bound, Role::Item);
                converter.optional(default, Role::Item);
            });
        }
    }

    pub(super) fn parameters(&mut self, parameters: &Parameters) {
        let is = |variadic: Option<&ruff_python_ast::Parameter>, range: TextRange| {
            variadic.is_some_and(|variadic| variadic.range == range)
        };
        for parameter in parameters.iter_source_order() {
            let range = parameter.range();
            self.node(Kind::Param, Role::Param, range, |converter| {
                converter.name(&parameter.name().id, parameter.name().range);
                if let AnyParameterRef::Variadic(_) = parameter {
                    let rest = Flags::REST.when(is(parameters.vararg.as_deref(), range));
                    let keyword_rest = Flags::KEYWORD_REST.when(is(parameters.kwarg.as_deref(), range));
                    converter.builder.flag(rest.with(keyword_rest));
                }
                if let Some(annotation) = parameter.annotation() {
                    converter.type_text(Role::Type, annotation.range());
                }
                converter.optional(parameter.default(), Role::Default);
            });
        }
    }

    pub(super) fn arguments(&mut self, arguments: &Arguments, role: Role) {
        use ruff_python_ast::ArgOrKeyword;
        for argument in arguments.iter_source_order() {
            match argument {
                ArgOrKeyword::Arg(value) => self.expression(value, role),
                ArgOrKeyword::Keyword(keyword) => match &keyword.arg {
                    Some(name) => self.node(Kind::Keyword, role, keyword.range, |converter| {
                        converter.name(&name.id, name.range);
                        converter.expression(&keyword.value, Role::Value);
                    }),
                    None => self.spread("**", role, keyword.range, &keyword.value),
                },
            }
        }
    }

    /// An `elif` is an `If` in the `Else` of the one before. They lie side by side in the parser's tree.
    fn if_else(&mut self, node: &StmtIf) {
        let end = node.end();
        let mut open = 1;
        if self.builder.open(Kind::If, Role::Item, super::span(node.range)) {
            self.expression(&node.test, Role::Condition);
            self.block(Role::Body, &node.body);
            for clause in &node.elif_else_clauses {
                let ElifElseClause {
                    test: Some(test),
                    body,
                    range,
                    ..
                } = clause
                else {
                    self.block(Role::Else, &clause.body);
                    break;
                };
                open += 1;
                if !self.builder.open(
                    Kind::If,
                    Role::Else,
                    super::span(TextRange::new(range.start(), end)),
                ) {
                    break;
                }
                self.expression(test, Role::Condition);
                self.block(Role::Body, body);
            }
        }
        for _ in 0..open {
            self.builder.close();
        }
    }

    fn case(&mut self, case: &MatchCase) {
        self.node(Kind::Case, Role::Item, case.range, |converter| {
            let is_default =
                matches!(&case.pattern, Pattern::MatchAs(any) if any.pattern.is_none() && any.name.is_none());
            if !is_default {
                converter.type_text(Role::Test, case.pattern.range());
            }
            converter.optional(case.guard.as_deref(), Role::Condition);
            converter.block(Role::Body, &case.body);
        });
    }

    fn try_catch(&mut self, node: &StmtTry) {
        self.node(Kind::Try, Role::Item, node.range, |converter| {
            converter.block(Role::Body, &node.body);
            for ExceptHandler::ExceptHandler(handler) in &node.handlers {
                converter.node(Kind::Catch, Role::Handler, handler.range, |converter| {
                    if let Some(name) = &handler.name {
                        converter.name(&name.id, name.range);
                    }
                    match handler.type_.as_deref() {
                        Some(Expr::Tuple(types)) => converter.expressions(&types.elts, Role::Type),
                        types => converter.optional(types, Role::Type),
                    }
                    converter.block(Role::Body, &handler.body);
                });
            }
            converter.block_if_any(Role::Else, &node.orelse);
            converter.block_if_any(Role::Finally, &node.finalbody);
        });
    }

    fn import(&mut self, alias: &Alias, range: TextRange) {
        self.node(Kind::Import, Role::Item, range, |converter| {
            converter.name(&alias.name.id, alias.name.range);
            converter.node(Kind::ImportItem, Role::Item, alias.range, |converter| {
                converter.identifier(alias.asname.as_ref().unwrap_or(&alias.name), Role::Target);
            });
        });
    }

    fn import_from(&mut self, node: &StmtImportFrom) {
        self.node(Kind::Import, Role::Item, node.range, |converter| {
            let module = node.module.as_ref();
            let name = module.map_or("", |module| module.id.as_str());
            let dots = ".".repeat(node.level as usize);
            let at = module.map_or(TextRange::empty(TextSize::default()), |module| module.range);
            converter.name(&format!("{dots}{name}"), at);
            for alias in &node.names {
                converter.node(Kind::ImportItem, Role::Item, alias.range, |converter| {
                    converter.name(&alias.name.id, alias.name.range);
                    if alias.name.id.as_str() != "*" {
                        converter.identifier(alias.asname.as_ref().unwrap_or(&alias.name), Role::Target);
                    }
                });
            }
        });
    }

    fn global(&mut self, keyword: &'static str, names: &[Identifier], range: TextRange) {
        self.node(Kind::Global, Role::Item, range, |converter| {
            converter.builder.name_static(keyword);
            for name in names {
                converter.identifier(name, Role::Item);
            }
        });
    }

    fn identifier(&mut self, identifier: &Identifier, role: Role) {
        self.node(Kind::Name, role, identifier.range, |converter| {
            converter.name(&identifier.id, identifier.range);
        });
    }
}

fn is_staticmethod(decorator: &Decorator) -> bool {
    matches!(&decorator.expression, Expr::Name(name) if name.id.as_str() == "staticmethod")
}
