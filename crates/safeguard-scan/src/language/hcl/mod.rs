//! HCL: a block is a `Section` with its labels as Args, an attribute an `Assign`; what a provisioner runs is read as shell, as the attribute's
//! Body.

mod expressions;
mod pattern;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use std::ops::Range;

pub use pattern::parse_pattern;

use super::script::Script;
use super::sitter;
use super::sitter::nodes::{At, Grammar, Nodes};
use super::{Language, shell};
use crate::tree::{Builder, Kind, ParseError, Role, Tree};

static GRAMMAR: LazyLock<Grammar> = LazyLock::new(|| Grammar::of(tree_sitter_hcl::LANGUAGE.into()));

pub fn parse(text: &str) -> Result<Tree, ParseError> {
    // A byte order mark is nothing that the grammar knows.
    let masked = match text.strip_prefix('\u{feff}') {
        Some(rest) => format!("   {rest}"),
        None => text.to_owned(),
    };
    let nodes = sitter::read(&masked, &GRAMMAR, sitter::steps_max(text))?;
    let mut convert = Convert {
        text,
        nodes: &nodes,
        out: Builder::new(Language::Hcl, text),
        runs: false,
        unread: None,
    };
    for comment in nodes.comments() {
        convert.out.comment(comment.clone());
    }
    convert.node(Kind::Module, Role::Item, 0..text.len(), |convert| {
        for part in nodes.named(At::ROOT) {
            match nodes.kind(part) {
                "body" => convert.body(part),
                _ => convert.expression(part, Role::Item),
            }
        }
    });
    if let Some(error) = convert.unread.take() {
        convert.out.unread(&error);
    }
    convert.out.finish()
}

struct Convert<'t> {
    text: &'t str,
    nodes: &'t Nodes,
    out: Builder,
    /// Whether the block that is read runs commands on the machine that applies.
    runs: bool,
    unread: Option<ParseError>,
}

impl<'t> Convert<'t> {
    fn node(&mut self, kind: Kind, role: Role, span: Range<usize>, inside: impl FnOnce(&mut Self)) {
        if self.out.open(kind, role, span) {
            inside(self);
        }
        self.out.close();
    }

    fn source(&self, at: At) -> &'t str {
        self.text.get(self.nodes.span(at)).unwrap_or("")
    }

    fn named_leaf(&mut self, kind: Kind, role: Role, at: At) {
        let name = self.source(at);
        self.node(kind, role, self.nodes.span(at), |convert| {
            convert.out.name_decoded(name)
        });
    }

    fn body(&mut self, at: At) {
        let nodes = self.nodes;
        for part in nodes.named(at) {
            match nodes.kind(part) {
                "attribute" => self.attribute(part),
                "block" => self.block(part),
                _ => {}
            }
        }
    }

    fn attribute(&mut self, at: At) {
        let nodes = self.nodes;
        self.node(Kind::Assign, Role::Item, nodes.span(at), |convert| {
            convert.out.name_static("=");
            let mut parts = nodes.named(at);
            let (name, value) = (parts.next(), parts.next());
            if let Some(name) = name {
                convert.named_leaf(Kind::Name, Role::Target, name);
            }
            let Some(value) = value else { return };
            convert.expression(value, Role::Value);
            if convert.runs && name.is_some_and(|name| convert.source(name) == "command") {
                convert.command(value);
            }
        });
    }

    /// A block with its labels: `resource "aws_s3_bucket" "logs" { … }`.
    fn block(&mut self, at: At) {
        let nodes = self.nodes;
        self.node(Kind::Section, Role::Item, nodes.span(at), |convert| {
            let mut parts = nodes.named(at);
            let name = parts.next().map_or("", |name| convert.source(name));
            convert.out.name_decoded(name);
            let labels: Vec<At> = parts.collect();
            let runs = name == "provisioner"
                && labels
                    .first()
                    .is_some_and(|label| convert.source(*label).contains("local-exec"))
                && !interpreted(convert.source(at));
            let around = std::mem::replace(&mut convert.runs, runs);
            let mut body = None;
            for part in labels {
                match nodes.kind(part) {
                    "string_lit" => convert.template(part, Role::Arg),
                    "identifier" => convert.named_leaf(Kind::Name, Role::Arg, part),
                    "body" => body = Some(part),
                    _ => {}
                }
            }
            let end = nodes.span(at).end;
            let span = body.map_or(end..end, |body| nodes.span(body));
            convert.node(Kind::Block, Role::Body, span, |convert| {
                if let Some(body) = body {
                    convert.body(body);
                }
            });
            convert.runs = around;
        });
    }

    /// What `local-exec` runs, with values of the configuration in it.
    fn command(&mut self, value: At) {
        let nodes = self.nodes;
        let Some(template) = nodes.subtree(value).find(|at| {
            matches!(
                nodes.kind(*at),
                "string_lit" | "quoted_template" | "heredoc_template"
            )
        }) else {
            return;
        };
        let mut script = Script::default();
        for part in self.template_parts(template) {
            match part {
                expressions::Part::Text(span) => {
                    let text = self.text.get(span.clone()).unwrap_or("");
                    match nodes.kind(template) {
                        "heredoc_template" => script.push(text, span.start),
                        _ => script.push_decoded(&expressions::unescaped(text), text, span.start),
                    }
                }
                expressions::Part::Node(at) => script.push_hole(self.source(at), nodes.span(at).start),
            }
        }
        script.push("\n", nodes.span(template).end.saturating_sub(1));
        let span = nodes.span(template);
        if self.out.open(Kind::Block, Role::Body, span)
            && let Err(error) = shell::convert(&script, self.text, &mut self.out)
        {
            self.unread.get_or_insert(error);
        }
        self.out.close();
    }
}

/// Whether another program than a shell that is read here runs the command.
fn interpreted(block: &str) -> bool {
    block.contains("interpreter") && !block.contains("bash") && !block.contains("/sh\"")
}
