//! YAML: mappings are `Object`s, sequences `List`s, documents the items of the module; `*name` is a `Name`, and a mapping or sequence with an
//! anchor has the anchor's name. What workflows, jobs and containers run is read as shell, as the Body of its `Pair`.

mod nodes;
mod pattern;
mod scripts;
#[cfg(test)]
mod tests;

use std::ops::Range;

pub use pattern::parse_pattern;

use self::nodes::{Node, Nodes, What};
use super::{Language, shell};
use crate::tree::{Builder, Kind, ParseError, Role, Tree};

pub fn parse(text: &str) -> Result<Tree, ParseError> {
    parse_as(Language::Yaml, text, text)
}

/// What is read may be another text than the file's, of the same length.
pub(super) fn parse_as(language: Language, masked: &str, text: &str) -> Result<Tree, ParseError> {
    let nodes = Nodes::read(masked)?;
    let scripts = match language {
        Language::Yaml => scripts::find(&nodes, text),
        Language::Settings => scripts::of_package(&nodes, text),
        _ => Vec::new(),
    };
    let mut convert = Convert {
        text,
        nodes: &nodes,
        scripts,
        out: Builder::new(language, text),
    };
    for comment in &nodes.comments {
        convert.out.comment(comment.clone());
    }
    convert.node(Kind::Module, Role::Item, 0..text.len(), |convert| {
        for document in nodes.documents() {
            convert.value(document, Role::Item);
        }
    });
    convert.out.finish()
}

struct Convert<'t> {
    text: &'t str,
    nodes: &'t Nodes,
    scripts: Vec<scripts::Found>,
    out: Builder,
}

impl Convert<'_> {
    fn node(&mut self, kind: Kind, role: Role, span: Range<usize>, inside: impl FnOnce(&mut Self)) {
        if self.out.open(kind, role, span) {
            inside(self);
        }
        self.out.close();
    }

    fn leaf(&mut self, kind: Kind, role: Role, span: Range<usize>, name: &str) {
        self.node(kind, role, span, |convert| convert.out.name_decoded(name));
    }

    fn value(&mut self, at: usize, role: Role) {
        let nodes = self.nodes;
        let node = &nodes.all[at];
        let span = node.span.clone();
        match &node.what {
            What::Alias(name) => self.leaf(Kind::Name, role, span, name),
            What::Scalar {
                text, tagged: true, ..
            } => self.node(Kind::Other, role, span.clone(), |convert| {
                convert.leaf(Kind::Str, Role::Item, span, text);
            }),
            What::Scalar { text, plain, .. } => match (plain, role) {
                (true, Role::Key) | (false, _) => self.leaf(Kind::Str, role, span, text),
                (true, _) => self.leaf(kind_of(text), role, span, text),
            },
            What::List => self.node(Kind::List, role, span, |convert| {
                convert.anchored(node);
                for item in nodes.children(at) {
                    convert.value(item, Role::Item);
                }
            }),
            What::Map => self.node(Kind::Object, role, span, |convert| {
                convert.anchored(node);
                for (key, value) in nodes.pairs(at) {
                    let span = nodes.all[key].span.start..nodes.all[value].span.end;
                    convert.node(Kind::Pair, Role::Item, span, |convert| {
                        convert.value(key, Role::Key);
                        convert.value(value, Role::Value);
                        convert.script_of(key);
                    });
                }
            }),
        }
    }

    fn anchored(&mut self, node: &Node) {
        if let Some(anchor) = &node.anchor {
            self.out.name_decoded(anchor);
        }
    }

    fn script_of(&mut self, key: usize) {
        let Some(at) = self.scripts.iter().position(|found| found.key == key) else {
            return;
        };
        let found = self.scripts.swap_remove(at);
        let span = self.nodes.all[found.value].span.clone();
        if self.out.open(Kind::Block, Role::Body, span)
            && let Err(error) = shell::convert(&found.script, self.text, &mut self.out)
            && found.is_shell
        {
            self.out.unread(&error);
        }
        self.out.close();
    }
}

/// What a plain scalar is: the core schema of YAML 1.2.
fn kind_of(text: &str) -> Kind {
    let number = || {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let hex = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0o"));
        match hex {
            Some(hex) => !hex.is_empty() && hex.bytes().all(|byte| byte.is_ascii_hexdigit()),
            None => {
                digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
                    && digits.parse::<f64>().is_ok()
            }
        }
    };
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Kind::Bool,
        _ if number() => Kind::Num,
        _ => Kind::Str,
    }
}
