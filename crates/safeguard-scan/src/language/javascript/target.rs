//! What is assigned to: names, members, and the patterns that take a value apart; and key names.

use oxc_ast::ast::{
    AssignmentExpression, AssignmentTarget, AssignmentTargetMaybeDefault, AssignmentTargetProperty,
    AssignmentTargetRest, BindingPattern, BindingRestElement, Expression, PropertyKey,
    SimpleAssignmentTarget, Span, UpdateExpression, UpdateOperator,
};
use oxc_ast::{
    match_assignment_target, match_expression, match_member_expression, match_simple_assignment_target,
};
use oxc_span::GetSpan;

use super::Converter;
use crate::tree::{Flags, Kind, Role};

impl Converter<'_> {
    /// `a = b = 1` is one assignment with two targets.
    pub(super) fn assignment(&mut self, it: &AssignmentExpression<'_>, role: Role, span: Span) {
        self.node(Kind::Assign, role, span, |c| {
            c.builder.name_static(it.operator.as_str());
            c.target(&it.left, Role::Target);
            let mut value = &it.right;
            if it.operator.is_assign() {
                while let Expression::AssignmentExpression(inner) = value
                    && inner.operator.is_assign()
                {
                    c.target(&inner.left, Role::Target);
                    value = &inner.right;
                }
            }
            c.expression(value, Role::Value);
        });
    }

    /// `i++` and `--i`.
    pub(super) fn step(&mut self, it: &UpdateExpression<'_>, role: Role, span: Span) {
        // The step of `++i` is written before its target, and yet follows it.
        let step = Span::new(it.argument.span().end, it.span.end);
        self.node(Kind::Assign, role, span, |c| {
            c.builder.name_static(match it.operator {
                UpdateOperator::Increment => "+=",
                UpdateOperator::Decrement => "-=",
            });
            c.builder.flag(Flags::STEP);
            c.simple_target(&it.argument, Role::Target);
            c.node(Kind::Num, Role::Value, step, |c| c.builder.name_static("1"));
        });
    }

    pub(super) fn target(&mut self, target: &AssignmentTarget<'_>, role: Role) {
        match target {
            match_simple_assignment_target!(AssignmentTarget) => {
                self.simple_target(target.to_simple_assignment_target(), role);
            }
            AssignmentTarget::ArrayAssignmentTarget(it) => self.node(Kind::List, role, it.span, |c| {
                let mut end = it.span.start + 1;
                for element in &it.elements {
                    match element {
                        Some(element) => {
                            c.target_or_default(element, Role::Item);
                            end = element.span().end;
                        }
                        None => c.leaf(Kind::Other, Role::Item, Span::new(end, end)),
                    }
                }
                c.target_rest(it.rest.as_deref());
            }),
            AssignmentTarget::ObjectAssignmentTarget(it) => self.node(Kind::Object, role, it.span, |c| {
                for property in &it.properties {
                    c.target_property(property);
                }
                c.target_rest(it.rest.as_deref());
            }),
        }
    }

    fn simple_target(&mut self, target: &SimpleAssignmentTarget<'_>, role: Role) {
        match target {
            SimpleAssignmentTarget::AssignmentTargetIdentifier(it) => {
                self.named(Kind::Name, role, it.span, &it.name);
            }
            SimpleAssignmentTarget::TSAsExpression(it) => {
                self.cast(&it.expression, &it.type_annotation, role, it.span);
            }
            SimpleAssignmentTarget::TSSatisfiesExpression(it) => {
                self.cast(&it.expression, &it.type_annotation, role, it.span);
            }
            SimpleAssignmentTarget::TSTypeAssertion(it) => {
                self.cast(&it.expression, &it.type_annotation, role, it.span);
            }
            SimpleAssignmentTarget::TSNonNullExpression(it) => self.expression(&it.expression, role),
            match_member_expression!(SimpleAssignmentTarget) => {
                self.member(target.to_member_expression(), role);
            }
        }
    }

    fn target_or_default(&mut self, target: &AssignmentTargetMaybeDefault<'_>, role: Role) {
        match target {
            AssignmentTargetMaybeDefault::AssignmentTargetWithDefault(it) => {
                self.node(Kind::Assign, role, it.span, |c| {
                    c.builder.name_static("=");
                    c.target(&it.binding, Role::Target);
                    c.expression(&it.init, Role::Value);
                });
            }
            match_assignment_target!(AssignmentTargetMaybeDefault) => {
                self.target(target.to_assignment_target(), role);
            }
        }
    }

    fn target_property(&mut self, property: &AssignmentTargetProperty<'_>) {
        self.node(Kind::Pair, Role::Item, property.span(), |c| match property {
            AssignmentTargetProperty::AssignmentTargetPropertyIdentifier(it) => {
                let (span, name) = (it.binding.span, &it.binding.name);
                c.named(Kind::Str, Role::Key, span, name);
                let Some(init) = &it.init else {
                    return c.named(Kind::Name, Role::Value, span, name);
                };
                c.node(Kind::Assign, Role::Value, it.span, |c| {
                    c.builder.name_static("=");
                    c.named(Kind::Name, Role::Target, span, name);
                    c.expression(init, Role::Value);
                });
            }
            AssignmentTargetProperty::AssignmentTargetPropertyProperty(it) => {
                c.flag(Flags::COMPUTED, it.computed);
                c.key(&it.name);
                c.target_or_default(&it.binding, Role::Value);
            }
        });
    }

    fn target_rest(&mut self, rest: Option<&AssignmentTargetRest<'_>>) {
        if let Some(rest) = rest {
            self.node(Kind::Spread, Role::Item, rest.span, |c| {
                c.builder.name_static("...");
                c.target(&rest.target, Role::Value);
            });
        }
    }

    pub(super) fn binding(&mut self, pattern: &BindingPattern<'_>, role: Role) {
        match pattern {
            BindingPattern::BindingIdentifier(it) => self.named(Kind::Name, role, it.span, &it.name),
            BindingPattern::ObjectPattern(it) => self.node(Kind::Object, role, it.span, |c| {
                for property in &it.properties {
                    c.node(Kind::Pair, Role::Item, property.span, |c| {
                        c.flag(Flags::COMPUTED, property.computed);
                        c.key(&property.key);
                        c.binding(&property.value, Role::Value);
                    });
                }
                c.binding_rest(it.rest.as_deref());
            }),
            BindingPattern::ArrayPattern(it) => self.node(Kind::List, role, it.span, |c| {
                let mut end = it.span.start + 1;
                for element in &it.elements {
                    match element {
                        Some(element) => {
                            c.binding(element, Role::Item);
                            end = element.span().end;
                        }
                        None => c.leaf(Kind::Other, Role::Item, Span::new(end, end)),
                    }
                }
                c.binding_rest(it.rest.as_deref());
            }),
            BindingPattern::AssignmentPattern(it) => self.node(Kind::Assign, role, it.span, |c| {
                c.builder.name_static("=");
                c.binding(&it.left, Role::Target);
                c.expression(&it.right, Role::Value);
            }),
        }
    }

    fn binding_rest(&mut self, rest: Option<&BindingRestElement<'_>>) {
        if let Some(rest) = rest {
            self.node(Kind::Spread, Role::Item, rest.span, |c| {
                c.builder.name_static("...");
                c.binding(&rest.argument, Role::Value);
            });
        }
    }

    /// Names the innermost node by a variable, or adds the pattern that is in its place.
    pub(super) fn name_or_target(&mut self, pattern: &BindingPattern<'_>) {
        match pattern {
            BindingPattern::BindingIdentifier(it) => self.name(it.span, &it.name),
            BindingPattern::ObjectPattern(_)
            | BindingPattern::ArrayPattern(_)
            | BindingPattern::AssignmentPattern(_) => self.binding(pattern, Role::Target),
        }
    }

    pub(super) fn key(&mut self, key: &PropertyKey<'_>) {
        match key {
            PropertyKey::StaticIdentifier(it) => self.named(Kind::Str, Role::Key, it.span, &it.name),
            PropertyKey::PrivateIdentifier(it) => self.node(Kind::Str, Role::Key, it.span, |c| {
                c.builder.name_source(super::range(it.span));
            }),
            match_expression!(PropertyKey) => self.expression(key.to_expression(), Role::Key),
        }
    }
}
