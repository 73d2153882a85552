//! Functions, classes, interfaces, enums and namespaces.

use oxc_ast::ast::{
    AccessorProperty, BindingPattern, Class, ClassElement, Decorator, FormalParameter, FormalParameters,
    Function, MethodDefinition, PropertyDefinition, PropertyDefinitionType, PropertyKey, Span,
    TSEnumDeclaration, TSEnumMember, TSEnumMemberName, TSInterfaceDeclaration, TSMethodSignature,
    TSNamespaceDeclaration, TSNamespaceDeclarationBody, TSSignature, TSThisParameter, TSTypeAnnotation,
};
use oxc_ast::match_expression;
use oxc_span::GetSpan;

use super::{Converter, range};
use crate::tree::{Flags, Kind, Role};

impl Converter<'_> {
    /// A function that is declared.
    pub(super) fn function(&mut self, it: &Function<'_>, span: Span, flags: Flags) {
        self.node(Kind::Function, Role::Item, span, |c| {
            if let Some(id) = &it.id {
                c.name(id.span, &id.name);
            }
            c.builder.flag(flags.with(Flags::TYPE_ONLY.when(it.declare)));
            c.function_parts(it);
        });
    }

    /// A function that is a value.
    pub(super) fn lambda(&mut self, it: &Function<'_>, role: Role, flags: Flags) {
        self.node(Kind::Lambda, role, it.span, |c| {
            if let Some(id) = &it.id {
                c.name(id.span, &id.name);
            }
            c.builder.flag(flags);
            c.function_parts(it);
        });
    }

    fn function_parts(&mut self, it: &Function<'_>) {
        self.flag(Flags::ASYNC, it.r#async);
        self.flag(Flags::GENERATOR, it.generator);
        self.parameters(&it.params, it.this_param.as_deref());
        self.type_annotation(it.return_type.as_deref());
        if let Some(body) = &it.body {
            self.block(Role::Body, body.span, &body.directives, &body.statements);
        }
    }

    pub(super) fn parameters(&mut self, it: &FormalParameters<'_>, this: Option<&TSThisParameter<'_>>) {
        if let Some(this) = this {
            self.node(Kind::Param, Role::Param, this.span, |c| {
                c.builder.name_source(range(this.this_span));
                c.type_annotation(this.type_annotation.as_deref());
            });
        }
        for parameter in &it.items {
            self.parameter(parameter);
        }
        if let Some(rest) = &it.rest {
            self.node(Kind::Param, Role::Param, rest.span, |c| {
                c.builder.flag(Flags::REST);
                c.decorators(&rest.decorators);
                c.name_or_target(&rest.rest.argument);
                c.type_annotation(rest.type_annotation.as_deref());
            });
        }
    }

    fn parameter(&mut self, it: &FormalParameter<'_>) {
        self.node(Kind::Param, Role::Param, it.span, |c| {
            c.flag(Flags::OPTIONAL, it.optional);
            if let BindingPattern::BindingIdentifier(id) = &it.pattern {
                c.name(id.span, &id.name);
                c.decorators(&it.decorators);
            } else {
                c.decorators(&it.decorators);
                c.binding(&it.pattern, Role::Target);
            }
            c.type_annotation(it.type_annotation.as_deref());
            if let Some(default) = &it.initializer {
                c.expression(default, Role::Default);
            }
        });
    }

    fn decorators(&mut self, decorators: &[Decorator<'_>]) {
        for decorator in decorators {
            self.node(Kind::Decorator, Role::Decorator, decorator.span, |c| {
                c.expression(&decorator.expression, Role::Value);
            });
        }
    }

    pub(super) fn class(&mut self, it: &Class<'_>, role: Role, span: Span, flags: Flags) {
        // Decorators may stand before `export`, outside of the class's own span.
        let start = it
            .decorators
            .first()
            .map_or(span.start, |first| first.span.start.min(span.start));
        self.node(Kind::Class, role, Span::new(start, span.end), |c| {
            if let Some(id) = &it.id {
                c.name(id.span, &id.name);
            }
            c.builder.flag(flags.with(Flags::TYPE_ONLY.when(it.declare)));
            c.decorators(&it.decorators);
            if let Some(heritage) = &it.heritage {
                c.expression(&heritage.expression, Role::Base);
            }
            for interface in &it.implements {
                c.type_text(interface.span, Role::Base);
            }
            c.node(Kind::Block, Role::Body, it.body.span, |c| {
                for element in &it.body.body {
                    c.class_element(element);
                }
            });
        });
    }

    fn class_element(&mut self, element: &ClassElement<'_>) {
        match element {
            ClassElement::StaticBlock(it) => self.node(Kind::Block, Role::Item, it.span, |c| {
                c.builder.flag(Flags::STATIC);
                c.statements(&[], &it.body);
            }),
            ClassElement::MethodDefinition(it) => self.method(it),
            ClassElement::PropertyDefinition(it) => self.field(it),
            ClassElement::AccessorProperty(it) => self.accessor(it),
            ClassElement::TSIndexSignature(it) => self.other_type(it.span, &it.type_annotation),
        }
    }

    fn method(&mut self, it: &MethodDefinition<'_>) {
        self.node(Kind::Function, Role::Item, it.span, |c| {
            c.name_key(&it.key);
            c.builder.flag(method_or_static(it.r#static));
            c.flag(Flags::OPTIONAL, it.optional);
            c.decorators(&it.decorators);
            c.computed_key(&it.key);
            c.function_parts(&it.value);
        });
    }

    fn field(&mut self, it: &PropertyDefinition<'_>) {
        let abstract_ = it.r#type == PropertyDefinitionType::TSAbstractPropertyDefinition;
        self.node(Kind::Field, Role::Item, it.span, |c| {
            c.name_key(&it.key);
            c.flag(Flags::STATIC, it.r#static);
            c.flag(Flags::OPTIONAL, it.optional);
            c.flag(Flags::TYPE_ONLY, it.declare || abstract_);
            c.decorators(&it.decorators);
            c.computed_key(&it.key);
            c.type_annotation(it.type_annotation.as_deref());
            if let Some(value) = &it.value {
                c.expression(value, Role::Value);
            }
        });
    }

    fn accessor(&mut self, it: &AccessorProperty<'_>) {
        self.node(Kind::Field, Role::Item, it.span, |c| {
            c.name_key(&it.key);
            c.flag(Flags::STATIC, it.r#static);
            c.decorators(&it.decorators);
            c.computed_key(&it.key);
            c.type_annotation(it.type_annotation.as_deref());
            if let Some(value) = &it.value {
                c.expression(value, Role::Value);
            }
        });
    }

    /// Names the innermost node by a member's key.
    fn name_key(&mut self, key: &PropertyKey<'_>) {
        match key {
            PropertyKey::StaticIdentifier(it) => self.name(it.span, &it.name),
            PropertyKey::StringLiteral(it) => self.name_string(it),
            _ => self.builder.name_source(range(key.span())),
        }
    }

    /// The key of a member where it is an expression that runs.
    fn computed_key(&mut self, key: &PropertyKey<'_>) {
        match key {
            PropertyKey::StaticIdentifier(_)
            | PropertyKey::PrivateIdentifier(_)
            | PropertyKey::StringLiteral(_)
            | PropertyKey::NumericLiteral(_)
            | PropertyKey::BigIntLiteral(_) => {}
            match_expression!(PropertyKey) => {
                self.builder.flag(Flags::COMPUTED);
                self.expression(key.to_expression(), Role::Key);
            }
        }
    }

    fn other_type(&mut self, span: Span, annotation: &TSTypeAnnotation<'_>) {
        self.node(Kind::Other, Role::Item, span, |c| {
            c.builder.flag(Flags::TYPE_ONLY);
            c.type_text(annotation.type_annotation.span(), Role::Item);
        });
    }

    pub(super) fn interface(&mut self, it: &TSInterfaceDeclaration<'_>, span: Span, flags: Flags) {
        self.node(Kind::Class, Role::Item, span, |c| {
            c.name(it.id.span, &it.id.name);
            c.builder.flag(flags.with(Flags::TYPE_ONLY));
            for base in &it.extends {
                c.type_text(base.span, Role::Base);
            }
            c.node(Kind::Block, Role::Body, it.body.span, |c| {
                for signature in &it.body.body {
                    c.signature(signature);
                }
            });
        });
    }

    fn signature(&mut self, signature: &TSSignature<'_>) {
        match signature {
            TSSignature::TSIndexSignature(it) => self.other_type(it.span, &it.type_annotation),
            TSSignature::TSPropertySignature(it) => self.node(Kind::Field, Role::Item, it.span, |c| {
                c.name_key(&it.key);
                c.flag(Flags::OPTIONAL, it.optional);
                c.computed_key(&it.key);
                c.type_annotation(it.type_annotation.as_deref());
            }),
            TSSignature::TSCallSignatureDeclaration(it) => {
                self.node(Kind::Function, Role::Item, it.span, |c| {
                    c.parameters(&it.params, it.this_param.as_deref());
                    c.type_annotation(it.return_type.as_deref());
                });
            }
            TSSignature::TSConstructSignatureDeclaration(it) => {
                self.node(Kind::Function, Role::Item, it.span, |c| {
                    c.builder.name_static("new");
                    c.parameters(&it.params, None);
                    c.type_annotation(it.return_type.as_deref());
                });
            }
            TSSignature::TSMethodSignature(it) => self.method_signature(it),
        }
    }

    fn method_signature(&mut self, it: &TSMethodSignature<'_>) {
        self.node(Kind::Function, Role::Item, it.span, |c| {
            c.name_key(&it.key);
            c.builder.flag(Flags::METHOD);
            c.flag(Flags::OPTIONAL, it.optional);
            c.computed_key(&it.key);
            c.parameters(&it.params, it.this_param.as_deref());
            c.type_annotation(it.return_type.as_deref());
        });
    }

    pub(super) fn enumeration(&mut self, it: &TSEnumDeclaration<'_>, span: Span, flags: Flags) {
        self.node(Kind::Class, Role::Item, span, |c| {
            c.name(it.id.span, &it.id.name);
            c.builder.flag(flags.with(Flags::TYPE_ONLY));
            c.node(Kind::Block, Role::Body, it.body.span, |c| {
                for member in &it.body.members {
                    c.enum_member(member);
                }
            });
        });
    }

    fn enum_member(&mut self, member: &TSEnumMember<'_>) {
        self.node(Kind::Field, Role::Item, member.span, |c| {
            match &member.id {
                TSEnumMemberName::Identifier(it) => c.name(it.span, &it.name),
                TSEnumMemberName::String(it) | TSEnumMemberName::ComputedString(it) => c.name_string(it),
                TSEnumMemberName::ComputedTemplateString(it) => c.builder.name_source(range(it.span)),
            }
            if let Some(value) = &member.initializer {
                c.expression(value, Role::Value);
            }
        });
    }

    /// `namespace a.b {}` is one in another.
    pub(super) fn namespace(&mut self, it: &TSNamespaceDeclaration<'_>, span: Span, flags: Flags) {
        self.node(Kind::Other, Role::Item, span, |c| {
            c.builder.flag(flags.with(Flags::TYPE_ONLY.when(it.declare)));
            match &it.body {
                TSNamespaceDeclarationBody::TSNamespaceDeclaration(inner) => {
                    c.namespace(inner, inner.span, Flags::NONE);
                }
                TSNamespaceDeclarationBody::TSModuleBlock(body) => {
                    c.block(Role::Item, body.span, &body.directives, &body.body);
                }
            }
        });
    }
}

fn method_or_static(is_static: bool) -> Flags {
    if is_static { Flags::STATIC } else { Flags::METHOD }
}
