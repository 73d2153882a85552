//! Expressions.

use oxc_ast::ast::{
    Argument, ArrayExpression, ArrayExpressionElement, ArrowFunctionBody, ArrowFunctionExpression,
    CallExpression, ChainElement, Expression, LogicalOperator, MemberExpression, ObjectProperty,
    ObjectPropertyKind, PropertyKind, Span, SpreadElement, TSType, TemplateElement, TemplateLiteral,
    UnaryExpression, UnaryOperator,
};
use oxc_ast::{match_expression, match_member_expression};
use oxc_span::GetSpan;

use super::{Converter, range};
use crate::tree::{Flags, Kind, Role};

impl Converter<'_> {
    pub(super) fn expression(&mut self, expression: &Expression<'_>, role: Role) {
        let expression = plain(expression);
        let span = expression.span();
        match expression {
            Expression::BooleanLiteral(it) => self.node(Kind::Bool, role, span, |c| {
                c.builder.name_static(if it.value { "true" } else { "false" });
            }),
            Expression::NullLiteral(_) => self.leaf(Kind::Null, role, span),
            Expression::NumericLiteral(_) | Expression::BigIntLiteral(_) => {
                self.written(Kind::Num, role, span)
            }
            Expression::RegExpLiteral(_) => self.node(Kind::Regex, role, span, |c| {
                c.builder.name_source(span.start as usize + 1..span.end as usize);
            }),
            Expression::StringLiteral(it) => self.string(it, role),
            Expression::TemplateLiteral(it) => self.template(it, role),
            Expression::Identifier(it) => self.named(Kind::Name, role, span, &it.name),
            Expression::Super(_) | Expression::ThisExpression(_) => self.written(Kind::Name, role, span),
            Expression::ImportMeta(_) => self.meta("import", "meta", role, span),
            Expression::NewTarget(_) => self.meta("new", "target", role, span),
            Expression::ArrayExpression(it) => self.array(it, role),
            Expression::ObjectExpression(it) => self.node(Kind::Object, role, span, |c| {
                for property in &it.properties {
                    match property {
                        ObjectPropertyKind::ObjectProperty(it) => c.property(it),
                        ObjectPropertyKind::SpreadProperty(it) => c.spread(it, Role::Item),
                    }
                }
            }),
            Expression::ArrowFunctionExpression(it) => self.arrow(it, role),
            Expression::FunctionExpression(it) => self.lambda(it, role, Flags::NONE),
            Expression::ClassExpression(it) => self.class(it, role, span, Flags::NONE),
            Expression::AssignmentExpression(it) => self.assignment(it, role, span),
            Expression::UpdateExpression(it) => self.step(it, role, span),
            Expression::AwaitExpression(it) => self.node(Kind::Await, role, span, |c| {
                c.expression(&it.argument, Role::Value);
            }),
            Expression::YieldExpression(it) => self.node(Kind::Yield, role, span, |c| {
                c.builder
                    .name_static(if it.delegate { "yield from" } else { "yield" });
                if let Some(value) = &it.argument {
                    c.expression(value, Role::Value);
                }
            }),
            Expression::UnaryExpression(it) => self.unary(it, role),
            Expression::BinaryExpression(it) => self.node(Kind::Binary, role, span, |c| {
                c.builder.name_static(it.operator.as_str());
                c.expression(&it.left, Role::Left);
                c.expression(&it.right, Role::Right);
            }),
            Expression::LogicalExpression(it) => self.node(Kind::Binary, role, span, |c| {
                c.builder.name_static(match it.operator {
                    LogicalOperator::And => "and",
                    LogicalOperator::Or => "or",
                    LogicalOperator::Coalesce => "??",
                });
                c.expression(&it.left, Role::Left);
                c.expression(&it.right, Role::Right);
            }),
            Expression::PrivateInExpression(it) => self.node(Kind::Binary, role, span, |c| {
                c.builder.name_static("in");
                c.written(Kind::Name, Role::Left, it.left.span);
                c.expression(&it.right, Role::Right);
            }),
            Expression::ConditionalExpression(it) => self.node(Kind::Conditional, role, span, |c| {
                c.expression(&it.test, Role::Condition);
                c.expression(&it.consequent, Role::Value);
                c.expression(&it.alternate, Role::Else);
            }),
            Expression::SequenceExpression(it) => self.node(Kind::Sequence, role, span, |c| {
                for item in &it.expressions {
                    c.expression(item, Role::Item);
                }
            }),
            Expression::CallExpression(it) => self.call(it, role),
            Expression::NewExpression(it) => self.node(Kind::New, role, span, |c| {
                c.expression(&it.callee, Role::Callee);
                c.arguments(&it.arguments);
            }),
            Expression::ImportExpression(it) => self.node(Kind::Call, role, span, |c| {
                let keyword = Span::new(span.start, span.start + "import".len() as u32);
                c.written(Kind::Name, Role::Callee, keyword);
                c.expression(&it.source, Role::Arg);
                if let Some(options) = &it.options {
                    c.expression(options, Role::Arg);
                }
            }),
            Expression::V8IntrinsicExpression(it) => self.node(Kind::Call, role, span, |c| {
                c.written(Kind::Name, Role::Callee, it.name.span);
                c.arguments(&it.arguments);
            }),
            Expression::ChainExpression(it) => match &it.expression {
                ChainElement::CallExpression(call) => self.call(call, role),
                ChainElement::TSNonNullExpression(it) => self.expression(&it.expression, role),
                element @ match_member_expression!(ChainElement) => {
                    self.member(element.to_member_expression(), role);
                }
            },
            Expression::TaggedTemplateExpression(it) => self.node(Kind::Tagged, role, span, |c| {
                c.expression(&it.tag, Role::Callee);
                c.template(&it.quasi, Role::Arg);
            }),
            Expression::JSXElement(it) => self.jsx_element(it, role),
            Expression::JSXFragment(it) => self.jsx_fragment(it, role),
            Expression::TSAsExpression(it) => self.cast(&it.expression, &it.type_annotation, role, span),
            Expression::TSSatisfiesExpression(it) => {
                self.cast(&it.expression, &it.type_annotation, role, span)
            }
            Expression::TSTypeAssertion(it) => self.cast(&it.expression, &it.type_annotation, role, span),
            // `plain` took these off.
            Expression::ParenthesizedExpression(it) => self.expression(&it.expression, role),
            Expression::TSNonNullExpression(it) => self.expression(&it.expression, role),
            Expression::TSInstantiationExpression(it) => self.expression(&it.expression, role),
            match_member_expression!(Expression) => self.member(expression.to_member_expression(), role),
        }
    }

    /// A leaf whose name is its text.
    fn written(&mut self, kind: Kind, role: Role, span: Span) {
        self.node(kind, role, span, |c| c.builder.name_source(range(span)));
    }

    /// `import.meta` and `new.target`.
    fn meta(&mut self, object: &'static str, name: &'static str, role: Role, span: Span) {
        self.node(Kind::Member, role, span, |c| {
            c.builder.name_static(name);
            let object = Span::new(span.start, span.start + object.len() as u32);
            c.written(Kind::Name, Role::Object, object);
        });
    }

    fn array(&mut self, it: &ArrayExpression<'_>, role: Role) {
        self.node(Kind::List, role, it.span, |c| {
            for element in &it.elements {
                match element {
                    ArrayExpressionElement::SpreadElement(it) => c.spread(it, Role::Item),
                    ArrayExpressionElement::Elision(it) => c.leaf(Kind::Other, Role::Item, it.span),
                    match_expression!(ArrayExpressionElement) => {
                        c.expression(element.to_expression(), Role::Item);
                    }
                }
            }
        });
    }

    fn property(&mut self, it: &ObjectProperty<'_>) {
        let method = match it.kind {
            PropertyKind::Init => it.method,
            PropertyKind::Get | PropertyKind::Set => true,
        };
        self.node(Kind::Pair, Role::Item, it.span, |c| {
            c.flag(Flags::COMPUTED, it.computed);
            c.key(&it.key);
            match &it.value {
                Expression::FunctionExpression(function) if method => {
                    c.lambda(function, Role::Value, Flags::METHOD);
                }
                value => c.expression(value, Role::Value),
            }
        });
    }

    pub(super) fn spread(&mut self, it: &SpreadElement<'_>, role: Role) {
        self.node(Kind::Spread, role, it.span, |c| {
            c.builder.name_static("...");
            c.expression(&it.argument, Role::Value);
        });
    }

    fn arrow(&mut self, it: &ArrowFunctionExpression<'_>, role: Role) {
        self.node(Kind::Lambda, role, it.span, |c| {
            c.flag(Flags::ASYNC, it.r#async);
            c.parameters(&it.params, None);
            c.type_annotation(it.return_type.as_deref());
            match &it.body {
                ArrowFunctionBody::FunctionBody(body) => {
                    c.block(Role::Body, body.span, &body.directives, &body.statements);
                }
                body @ match_expression!(ArrowFunctionBody) => c.expression(body.to_expression(), Role::Body),
            }
        });
    }

    fn unary(&mut self, it: &UnaryExpression<'_>, role: Role) {
        self.node(Kind::Unary, role, it.span, |c| {
            c.builder.name_static(match it.operator {
                UnaryOperator::LogicalNot => "not",
                operator @ (UnaryOperator::UnaryPlus
                | UnaryOperator::UnaryNegation
                | UnaryOperator::BitwiseNot
                | UnaryOperator::Typeof
                | UnaryOperator::Void
                | UnaryOperator::Delete) => operator.as_str(),
            });
            c.expression(&it.argument, Role::Value);
        });
    }

    fn call(&mut self, it: &CallExpression<'_>, role: Role) {
        self.node(Kind::Call, role, it.span, |c| {
            c.flag(Flags::OPTIONAL, it.optional);
            c.expression(&it.callee, Role::Callee);
            c.arguments(&it.arguments);
        });
    }

    fn arguments(&mut self, arguments: &[Argument<'_>]) {
        for argument in arguments {
            match argument {
                Argument::SpreadElement(it) => self.spread(it, Role::Arg),
                match_expression!(Argument) => self.expression(argument.to_expression(), Role::Arg),
            }
        }
    }

    pub(super) fn member(&mut self, member: &MemberExpression<'_>, role: Role) {
        match member {
            MemberExpression::ComputedMemberExpression(it) => self.node(Kind::Index, role, it.span, |c| {
                c.flag(Flags::OPTIONAL, it.optional);
                c.expression(&it.object, Role::Object);
                c.expression(&it.expression, Role::Index);
            }),
            MemberExpression::StaticMemberExpression(it) => self.node(Kind::Member, role, it.span, |c| {
                c.name(it.property.span, &it.property.name);
                c.flag(Flags::OPTIONAL, it.optional);
                c.expression(&it.object, Role::Object);
            }),
            MemberExpression::PrivateFieldExpression(it) => self.node(Kind::Member, role, it.span, |c| {
                c.builder.name_source(range(it.field.span));
                c.flag(Flags::OPTIONAL, it.optional);
                c.expression(&it.object, Role::Object);
            }),
        }
    }

    /// `value as T`, `value satisfies T` and `<T>value`.
    pub(super) fn cast(&mut self, value: &Expression<'_>, written: &TSType<'_>, role: Role, span: Span) {
        self.node(Kind::Cast, role, span, |c| {
            let type_first = written.span().start < value.span().start;
            if type_first {
                c.type_of(written);
            }
            c.expression(value, Role::Value);
            if !type_first {
                c.type_of(written);
            }
        });
    }

    fn template(&mut self, it: &TemplateLiteral<'_>, role: Role) {
        if let ([quasi], []) = (it.quasis.as_slice(), it.expressions.as_slice()) {
            return self.node(Kind::Str, role, it.span, |c| c.name(quasi.span, text_of(quasi)));
        }
        self.node(Kind::Interp, role, it.span, |c| {
            let mut expressions = it.expressions.iter();
            for quasi in &it.quasis {
                if !text_of(quasi).is_empty() {
                    c.named(Kind::Str, Role::Item, quasi.span, text_of(quasi));
                }
                if let Some(expression) = expressions.next() {
                    c.expression(expression, Role::Item);
                }
            }
        });
    }
}

/// The expression without what only types and parentheses add. A loop, since such layers open no node that would limit their depth.
fn plain<'e, 'a>(mut expression: &'e Expression<'a>) -> &'e Expression<'a> {
    loop {
        expression = match expression {
            Expression::ParenthesizedExpression(it) => &it.expression,
            Expression::TSNonNullExpression(it) => &it.expression,
            Expression::TSInstantiationExpression(it) => &it.expression,
            _ => return expression,
        };
    }
}

/// What the piece of a template says; as it is written where it has no value (a bad escape in a tagged one).
fn text_of<'e>(quasi: &'e TemplateElement<'_>) -> &'e str {
    quasi.value.cooked.as_ref().unwrap_or(&quasi.value.raw).as_str()
}
