//! Imports and exports.

use oxc_ast::ast::{
    BindingIdentifier, ExportAllDeclaration, ExportDefaultDeclarationKind, ExportFromDeclaration,
    ExportNamedDeclaration, ImportAttributeKey, ImportDeclaration, ImportDeclarationSpecifier,
    ImportOrExportKind, ModuleDeclaration, ModuleExportName, Span, TSImportEqualsDeclaration,
    TSModuleReference, TSTypeName, WithClause,
};
use oxc_ast::match_expression;
use oxc_span::GetSpan;

use super::Converter;
use crate::tree::{Flags, Kind, Role};

impl Converter<'_> {
    pub(super) fn module_declaration(&mut self, declaration: &ModuleDeclaration<'_>) {
        let span = declaration.span();
        match declaration {
            ModuleDeclaration::ImportDeclaration(it) => self.import(it),
            ModuleDeclaration::ExportAllDeclaration(it) => self.export_all(it),
            ModuleDeclaration::ExportDefaultDeclaration(it) => match &it.declaration {
                ExportDefaultDeclarationKind::FunctionDeclaration(it) => {
                    self.function(it, span, Flags::EXPORTED);
                }
                ExportDefaultDeclarationKind::ClassDeclaration(it) => {
                    self.class(it, Role::Item, span, Flags::EXPORTED);
                }
                ExportDefaultDeclarationKind::TSInterfaceDeclaration(it) => {
                    self.interface(it, span, Flags::EXPORTED);
                }
                value @ match_expression!(ExportDefaultDeclarationKind) => {
                    self.node(Kind::ExprStmt, Role::Item, span, |c| {
                        c.builder.flag(Flags::EXPORTED);
                        c.expression(value.to_expression(), Role::Value);
                    });
                }
            },
            ModuleDeclaration::ExportDeclaration(it) => {
                self.declaration(&it.declaration, span, Flags::EXPORTED);
            }
            ModuleDeclaration::ExportNamedDeclaration(it) => self.export_named(it),
            ModuleDeclaration::ExportFromDeclaration(it) => self.export_from(it),
            ModuleDeclaration::TSExportAssignment(it) => self.node(Kind::ExprStmt, Role::Item, span, |c| {
                c.builder.flag(Flags::EXPORTED);
                c.expression(&it.expression, Role::Value);
            }),
            ModuleDeclaration::TSNamespaceExportDeclaration(_) => self.leaf(Kind::Other, Role::Item, span),
        }
    }

    fn import(&mut self, it: &ImportDeclaration<'_>) {
        self.node(Kind::Import, Role::Item, it.span, |c| {
            c.name_string(&it.source);
            c.flag(Flags::TYPE_ONLY, is_type(it.import_kind));
            for specifier in it.specifiers.iter().flatten() {
                c.import_item(specifier);
            }
            c.with_clause(it.with_clause.as_deref());
        });
    }

    fn import_item(&mut self, specifier: &ImportDeclarationSpecifier<'_>) {
        self.node(
            Kind::ImportItem,
            Role::Item,
            specifier.span(),
            |c| match specifier {
                ImportDeclarationSpecifier::ImportSpecifier(it) => {
                    c.name_export(&it.imported);
                    c.flag(Flags::TYPE_ONLY, is_type(it.import_kind));
                    c.local(&it.local);
                }
                ImportDeclarationSpecifier::ImportDefaultSpecifier(it) => {
                    c.builder.name_static("default");
                    c.local(&it.local);
                }
                ImportDeclarationSpecifier::ImportNamespaceSpecifier(it) => {
                    c.builder.name_static("*");
                    c.local(&it.local);
                }
            },
        );
    }

    fn local(&mut self, it: &BindingIdentifier<'_>) {
        self.named(Kind::Name, Role::Target, it.span, &it.name);
    }

    /// `with { type: "json" }`: no item of the import.
    fn with_clause(&mut self, clause: Option<&WithClause<'_>>) {
        let Some(clause) = clause else { return };
        self.node(Kind::Object, Role::Value, clause.span, |c| {
            for entry in &clause.with_entries {
                c.node(Kind::Pair, Role::Item, entry.span, |c| {
                    match &entry.key {
                        ImportAttributeKey::Identifier(it) => {
                            c.named(Kind::Str, Role::Key, it.span, &it.name)
                        }
                        ImportAttributeKey::StringLiteral(it) => c.string(it, Role::Key),
                    }
                    c.string(&entry.value, Role::Value);
                });
            }
        });
    }

    fn export_all(&mut self, it: &ExportAllDeclaration<'_>) {
        self.node(Kind::Import, Role::Item, it.span, |c| {
            c.name_string(&it.source);
            c.builder.flag(Flags::EXPORTED);
            c.flag(Flags::TYPE_ONLY, is_type(it.export_kind));
            let span = match &it.exported {
                Some(exported) => exported.span(),
                None => Span::new(it.span.start, it.source.span.start),
            };
            c.node(Kind::ImportItem, Role::Item, span, |c| {
                c.builder.name_static("*");
                if let Some(exported) = &it.exported {
                    c.export_name(Kind::Name, Role::Target, exported);
                }
            });
            c.with_clause(it.with_clause.as_deref());
        });
    }

    fn export_from(&mut self, it: &ExportFromDeclaration<'_>) {
        self.node(Kind::Import, Role::Item, it.span, |c| {
            c.name_string(&it.source);
            c.builder.flag(Flags::EXPORTED);
            c.flag(Flags::TYPE_ONLY, is_type(it.export_kind));
            for specifier in &it.specifiers {
                c.node(Kind::ImportItem, Role::Item, specifier.span, |c| {
                    c.name_export(&specifier.local);
                    c.flag(Flags::TYPE_ONLY, is_type(specifier.export_kind));
                    c.export_name(Kind::Name, Role::Target, &specifier.exported);
                });
            }
            c.with_clause(it.with_clause.as_deref());
        });
    }

    /// `export { a as b }`
    fn export_named(&mut self, it: &ExportNamedDeclaration<'_>) {
        self.node(Kind::Other, Role::Item, it.span, |c| {
            c.builder.flag(Flags::EXPORTED);
            c.flag(Flags::TYPE_ONLY, is_type(it.export_kind));
            for specifier in &it.specifiers {
                c.node(Kind::Pair, Role::Item, specifier.span, |c| {
                    c.flag(Flags::TYPE_ONLY, is_type(specifier.export_kind));
                    c.export_name(Kind::Name, Role::Value, &specifier.local);
                    c.export_name(Kind::Str, Role::Key, &specifier.exported);
                });
            }
        });
    }

    fn export_name(&mut self, kind: Kind, role: Role, name: &ModuleExportName<'_>) {
        self.node(kind, role, name.span(), |c| c.name_export(name));
    }

    fn name_export(&mut self, name: &ModuleExportName<'_>) {
        match name {
            ModuleExportName::IdentifierName(it) => self.name(it.span, &it.name),
            ModuleExportName::IdentifierReference(it) => self.name(it.span, &it.name),
            ModuleExportName::StringLiteral(it) => self.name_string(it),
        }
    }

    /// TypeScript's `import a = require("b")` is an import, its `import a = b.c` an assignment.
    pub(super) fn import_equals(&mut self, it: &TSImportEqualsDeclaration<'_>, span: Span, flags: Flags) {
        let flags = flags.with(Flags::TYPE_ONLY.when(is_type(it.import_kind)));
        let name = match &it.module_reference {
            TSModuleReference::ExternalModuleReference(external) => {
                return self.node(Kind::Import, Role::Item, span, |c| {
                    c.name_string(&external.expression);
                    c.builder.flag(flags);
                    c.node(Kind::ImportItem, Role::Item, it.id.span, |c| c.local(&it.id));
                });
            }
            TSModuleReference::IdentifierReference(name) => Reference::Name(name.span, &name.name),
            TSModuleReference::QualifiedName(name) => {
                Reference::Member(name.span, &name.left, name.right.span)
            }
        };
        self.node(Kind::Assign, Role::Item, span, |c| {
            c.builder.name_static("=");
            c.builder.flag(flags.with(Flags::DECLARATION).with(Flags::CONST));
            c.local(&it.id);
            c.reference(name, Role::Value);
        });
    }

    fn reference(&mut self, reference: Reference<'_>, role: Role) {
        match reference {
            Reference::Name(span, name) => self.named(Kind::Name, role, span, name),
            Reference::Member(span, object, name) => self.node(Kind::Member, role, span, |c| {
                c.builder.name_source(super::range(name));
                let object = match object {
                    TSTypeName::IdentifierReference(it) => Reference::Name(it.span, &it.name),
                    TSTypeName::QualifiedName(it) => Reference::Member(it.span, &it.left, it.right.span),
                    TSTypeName::ThisExpression(it) => Reference::Name(it.span, "this"),
                };
                c.reference(object, Role::Object);
            }),
        }
    }
}

/// A name with dots in it.
enum Reference<'e> {
    Name(Span, &'e str),
    Member(Span, &'e TSTypeName<'e>, Span),
}

fn is_type(kind: ImportOrExportKind) -> bool {
    match kind {
        ImportOrExportKind::Value => false,
        ImportOrExportKind::Type => true,
    }
}
