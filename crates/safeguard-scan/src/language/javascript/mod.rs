//! JavaScript, JSX, TypeScript and TSX: from oxc's tree to ours.
//!
//! Where the grammar has more than [`Kind`] says, this is what becomes of it:
//! - `a = b;` and `i++;` are an `Assign` of their own, without an `ExprStmt` around it, as in languages in which assignments are statements.
//!   `a = b = 1` has two targets.
//! - A default within a pattern (`[a = 1]`, `{a = 1}`) is an `Assign` in the place of the target; a hole in a list is an empty `Other`.
//! - `for (let i = 0, n = 9; …)` has a `Sequence` of `Assign` as its Init. `ForEach` carries the flags of its declaration.
//! - `export` is a flag of what is exported. `export { a as b }` is an `Other` of `Pair`s (Key the exported name, Value the local one),
//!   `export default` of an expression an `ExprStmt`.
//! - Key names that are computed are a child in the role Key; the name of a method or field is then the key's text.
//! - A static block is a `Block` in the class's body; a namespace an `Other` with a `Block`; an index signature or type alias an `Other`
//!   with a `Type`. Enums are classes of `Field`s. `implements` and an interface's `extends` are a Base of kind `Type`.
//! - `a!`, `f<T>` and parentheses are left out, and so are type parameters and type arguments: nothing in them runs.
//! - `this`, `super`, and `import` of `import(…)` and `import.meta` are a `Name`.
//! - What is only declared (`declare`, `abstract` fields) has `TYPE_ONLY`.

mod class;
mod expression;
mod jsx;
mod module;
mod nesting;
mod pattern;
mod statement;
mod target;

#[cfg(test)]
mod tests;

use std::ops::Range;

use oxc_allocator::Allocator;
use oxc_ast::ast::{Program, Span, StringLiteral, TSType, TSTypeAnnotation};
use oxc_parser::{ParseOptions, Parser, ParserReturn};
use oxc_span::{GetSpan, SourceType};

pub use pattern::parse_pattern;

use super::Language;
use crate::tree::{Builder, Flags, Kind, ParseError, Role, Tree};

/// Needs some megabytes of stack for what is nested most deeply.
pub fn parse(language: Language, text: &str) -> Result<Tree, ParseError> {
    parse_within(language, text, text)
}

/// Reads what is left of a text of which parts were made white space of the same length; the tree is of the whole.
pub fn parse_within(language: Language, whole: &str, text: &str) -> Result<Tree, ParseError> {
    nesting::check(language, text)?;
    // The first reading that succeeds is taken; where none does, the first one's error is told.
    let mut first: Option<ParseError> = None;
    for source_type in readings(language) {
        match read(language, whole, text, source_type) {
            Err(error @ ParseError::Syntax { .. }) => first = first.or(Some(error)),
            Ok(tree) => return Ok(tree),
            Err(error) => return Err(error),
        }
    }
    Err(first.unwrap_or(ParseError::Syntax {
        line: 1,
        message: "not a language of this parser".to_owned(),
    }))
}

/// What a file may be, the likeliest first: neither the text nor the name tells a script from a module for certain (`await` at the top
/// level, HTML comments, `with`), nor a declaration file from one with code.
fn readings(language: Language) -> Vec<SourceType> {
    let base = match language {
        Language::JavaScript => SourceType::unambiguous().with_jsx(true),
        Language::TypeScript => SourceType::ts(),
        Language::Tsx => SourceType::tsx(),
        Language::Go | Language::Java | Language::Python | Language::Rust => return Vec::new(),
        Language::Dockerfile
        | Language::Hcl
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => {
            return Vec::new();
        }
    };
    let mut readings = vec![
        base,
        base.with_module(true),
        base.with_commonjs(true),
        base.with_script(true),
    ];
    if language == Language::TypeScript {
        readings.push(SourceType::d_ts());
    }
    readings
}

fn read(language: Language, whole: &str, text: &str, source_type: SourceType) -> Result<Tree, ParseError> {
    let allocator = Allocator::default();
    let options = ParseOptions {
        allow_return_outside_function: true,
        preserve_parens: false,
        enable_ident_hashes: false,
        ..ParseOptions::default()
    };
    let parsed = Parser::new(&allocator, text, source_type)
        .with_options(options)
        .parse();
    if let Some(error) = error_of(&parsed, text) {
        return Err(error);
    }
    let mut converter = Converter {
        text,
        builder: Builder::new(language, whole),
    };
    converter.program(&parsed.program);
    converter.builder.finish()
}

fn error_of(parsed: &ParserReturn<'_>, text: &str) -> Option<ParseError> {
    let Some(error) = parsed.diagnostics.errors().next() else {
        return parsed.panicked.then(|| ParseError::Syntax {
            line: 1,
            message: "cannot be parsed".to_owned(),
        });
    };
    let offset = error
        .labels
        .first()
        .map_or(0, |label| label.span().start as usize);
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    Some(ParseError::Syntax {
        line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
        message: error.message.to_string(),
    })
}

/// Walks oxc's tree and builds ours.
struct Converter<'s> {
    text: &'s str,
    builder: Builder,
}

impl Converter<'_> {
    fn program(&mut self, program: &Program<'_>) {
        if let Some(hashbang) = &program.hashbang {
            self.builder.comment(range(hashbang.span));
        }
        for comment in &program.comments {
            self.builder.comment(range(comment.span));
        }
        self.node(Kind::Module, Role::Item, program.span, |c| {
            c.statements(&program.directives, &program.body);
        });
    }

    /// A node with what `children` adds to it: its name, its flags and its children.
    fn node(&mut self, kind: Kind, role: Role, span: Span, children: impl FnOnce(&mut Self)) {
        if self.builder.open(kind, role, range(span)) {
            children(self);
        }
        self.builder.close();
    }

    fn leaf(&mut self, kind: Kind, role: Role, span: Span) {
        self.builder.leaf(kind, role, range(span));
    }

    fn named(&mut self, kind: Kind, role: Role, span: Span, name: &str) {
        self.node(kind, role, span, |c| c.name(span, name));
    }

    /// Names the innermost node, from the text where it stands there as it is.
    fn name(&mut self, span: Span, name: &str) {
        let source = range(span);
        if self.text.get(source.clone()) == Some(name) {
            self.builder.name_source(source);
        } else {
            self.builder.name_decoded(name);
        }
    }

    fn name_string(&mut self, literal: &StringLiteral<'_>) {
        let Span { start, end, .. } = literal.span;
        let within = Span::new(start + 1, end.saturating_sub(1).max(start + 1));
        self.name(within, &literal.value);
    }

    fn flag(&mut self, flag: Flags, holds: bool) {
        self.builder.flag(flag.when(holds));
    }

    fn string(&mut self, literal: &StringLiteral<'_>, role: Role) {
        self.node(Kind::Str, role, literal.span, |c| c.name_string(literal));
    }

    fn type_annotation(&mut self, annotation: Option<&TSTypeAnnotation<'_>>) {
        if let Some(annotation) = annotation {
            self.type_of(&annotation.type_annotation);
        }
    }

    fn type_of(&mut self, written: &TSType<'_>) {
        self.type_text(written.span(), Role::Type);
    }

    /// A type that is written at `span`.
    fn type_text(&mut self, span: Span, role: Role) {
        self.node(Kind::Type, role, span, |c| {
            let source = c.text.get(range(span)).unwrap_or("");
            if source.contains(char::is_whitespace) {
                let name: String = source.split_whitespace().collect();
                c.builder.name_decoded(&name);
            } else {
                c.builder.name_source(range(span));
            }
        });
    }
}

fn range(span: Span) -> Range<usize> {
    span.start as usize..span.end as usize
}
