//! Go: from tree-sitter's tree to ours.
//!
//! Tree-sitter is without types, so what only types can tell is decided by what programs mostly mean: `f[T](x)` is a call of `f` if `T` is known
//! to be a type in this file (`expressions.rs`), and a name before the colon in `T{k: v}` is a field unless `T` is written as a map, slice or array.

mod declarations;
mod expressions;
mod lexis;
mod literals;
mod pattern;
mod statements;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::LazyLock;

pub use pattern::parse_pattern;

use super::Language;
use super::sitter::nodes::{At, Grammar, Nodes};
use super::sitter::{self, Converter, syntax};
use crate::tree::{Builder, Kind, ParseError, Role, Tree};

static GRAMMAR: LazyLock<Grammar> = LazyLock::new(|| Grammar::of(tree_sitter_go::LANGUAGE.into()));

pub fn parse(text: &str) -> Result<Tree, ParseError> {
    lexis::check(text)?;
    let steps_max = sitter::steps_max(text);
    let nodes = match read(text, steps_max) {
        Ok(nodes) => nodes,
        Err(error) => match lexis::without_builtins(text) {
            Some(code) => read(&code, steps_max).map_err(|_| error)?,
            None => return Err(error),
        },
    };
    let mut convert = Convert {
        text,
        nodes: &nodes,
        out: Builder::new(Language::Go, text),
        types: HashSet::new(),
        packages: HashSet::new(),
    };
    convert.learn_names();
    for comment in nodes.comments() {
        convert.out.comment(comment.clone());
    }
    convert.node(Kind::Module, Role::Item, 0..text.len(), |convert| {
        for child in convert.nodes.named(At::ROOT) {
            convert.statement(child, Role::Item);
        }
    });
    convert.out.finish()
}

fn read(text: &str, steps_max: usize) -> Result<Nodes, ParseError> {
    sitter::read(text, &GRAMMAR, steps_max)
}

/// The conversion of one file. Its methods lie where the constructs do: declarations, statements, expressions.
struct Convert<'t> {
    text: &'t str,
    nodes: &'t Nodes,
    out: Builder,
    /// Names of types that this file declares, type parameters included.
    types: HashSet<&'t str>,
    /// What this file calls the packages that it imports.
    packages: HashSet<&'t str>,
}

impl<'t> Converter<'t> for Convert<'t> {
    fn text(&self) -> &'t str {
        self.text
    }

    fn nodes(&self) -> &'t Nodes {
        self.nodes
    }

    fn out(&mut self) -> &mut Builder {
        &mut self.out
    }

    fn expression(&mut self, at: At, role: Role) {
        self.value(at, role);
    }

    fn type_(&mut self, at: At, role: Role) {
        let at = self.without_brackets(at);
        self.type_of(self.nodes.span(at), &[at], role);
    }
}

impl<'t> Convert<'t> {
    fn learn_names(&mut self) {
        let nodes = self.nodes;
        for at in nodes.all() {
            match nodes.kind(at) {
                "type_spec" | "type_alias" | "type_parameter_declaration" => {
                    let text = self.text;
                    let names = nodes
                        .fields(at, "name")
                        .filter_map(|name| text.get(nodes.span(name)));
                    self.types.extend(names);
                }
                "import_spec" => {
                    let name = match nodes.field(at, "name") {
                        Some(name) => self.source(name),
                        None => nodes.field(at, "path").map_or("", |path| {
                            let quoted = self.source(path);
                            literals::package_of(quoted.trim_matches(['"', '`']))
                        }),
                    };
                    self.packages.insert(name);
                }
                _ => {}
            }
        }
    }
}
