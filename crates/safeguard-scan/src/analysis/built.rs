//! Texts that are put together: by `+`, by templates, by formats. Each is its fixed text with holes where values go in.

use crate::matching::{Source, is_constant_string};
use crate::tree::{Kind, NodeId, Role, Tree};

/// Stands for a hole in a built text.
pub const HOLE: char = '\u{1}';
/// How many parts one text may have.
const PARTS_MAX: usize = 200;

#[derive(Debug, Clone)]
pub struct Built {
    pub node: NodeId,
    /// The fixed text, with a [`HOLE`] where each value goes in.
    pub text: String,
    pub holes: Vec<Hole>,
}

#[derive(Debug, Clone)]
pub struct Hole {
    /// The value.
    pub node: NodeId,
    /// Where in the text.
    pub at: usize,
}

/// All built texts of a file, each as large as it is: a part of one is not told by itself.
pub fn built(source: &Source) -> Vec<Built> {
    let tree = &source.tree;
    let mut found = Vec::new();
    for kind in [Kind::Interp, Kind::Binary, Kind::Call] {
        for node in source.of_kind(kind) {
            if !is_part(tree, *node)
                && let Some(one) = read(source, *node)
                && !one.holes.is_empty()
            {
                found.push(one);
            }
        }
    }
    found.sort_by_key(|one| one.node);
    found
}

/// A built text, if the node is one.
pub fn read(source: &Source, node: NodeId) -> Option<Built> {
    let mut built = Built {
        node,
        text: String::new(),
        holes: Vec::new(),
    };
    let is_text = match source.tree.kind(node) {
        Kind::Interp | Kind::Binary | Kind::Call => built.add(source, node, 0),
        _ => false,
    };
    is_text.then_some(built)
}

/// Whether a node is a part of a larger text.
fn is_part(tree: &Tree, node: NodeId) -> bool {
    let Some(parent) = tree.parent(node) else {
        return false;
    };
    match tree.kind(parent) {
        Kind::Binary => {
            tree.name(parent) == "+" || (tree.name(parent) == "%" && tree.role(node) == Role::Left)
        }
        Kind::Tagged => true,
        // `"…".format(…)`
        Kind::Member => tree.name(parent) == "format" && tree.role(parent) == Role::Callee,
        _ => false,
    }
}

impl Built {
    fn hole(&mut self, node: NodeId) {
        self.holes.push(Hole {
            node,
            at: self.text.len(),
        });
        self.text.push(HOLE);
    }

    /// Adds a part; whether it is certain to be text.
    fn add(&mut self, source: &Source, node: NodeId, depth: usize) -> bool {
        let tree = &source.tree;
        if depth > PARTS_MAX {
            self.hole(node);
            return false;
        }
        match tree.kind(node) {
            Kind::Str => {
                self.text.push_str(tree.name(node));
                true
            }
            Kind::Num => {
                self.text.push_str(tree.name(node));
                false
            }
            Kind::Interp => {
                for part in tree.children(node) {
                    self.add(source, part, depth + 1);
                }
                true
            }
            Kind::Binary if tree.name(node) == "+" => {
                let (Some(left), Some(right)) = (tree.child(node, Role::Left), tree.child(node, Role::Right))
                else {
                    return false;
                };
                let left = self.add(source, left, depth + 1);
                let right = self.add(source, right, depth + 1);
                left || right
            }
            Kind::Binary if tree.name(node) == "%" => self.percent(source, node),
            Kind::Call if tree.name_of_callee(node) == "format" => self.format(source, node),
            Kind::Call if is_sprintf(tree, node) => self.sprintf(source, node),
            // A constant says what it says wherever it stands.
            Kind::Name if is_constant_string(source, node, 0) => {
                match source.names.constant(tree, node) {
                    Some(constant) if tree.kind(constant) == Kind::Str => {
                        self.text.push_str(tree.name(constant));
                    }
                    Some(_) | None => self.text.push(' '),
                }
                true
            }
            _ => {
                self.hole(node);
                false
            }
        }
    }

    /// Python's `"…%s…" % (a, b)`, `"…%(a)s…" % {"a": a}`.
    fn percent(&mut self, source: &Source, node: NodeId) -> bool {
        let tree = &source.tree;
        let (Some(left), Some(right)) = (tree.child(node, Role::Left), tree.child(node, Role::Right)) else {
            return false;
        };
        let Some(format) = constant_text(source, left) else {
            return false;
        };
        let format = format.to_owned();
        let values: Vec<NodeId> = match tree.kind(right) {
            Kind::Tuple | Kind::Object => tree.children(right).collect(),
            _ => vec![right],
        };
        let mut next = values.iter();
        self.verbs(&format, |name, _| {
            if name.is_empty() {
                return next.next().copied();
            }
            // By name: the entry of that name, or what holds them all.
            if tree.kind(right) != Kind::Object {
                return Some(right);
            }
            values.iter().find_map(|pair| {
                let key = tree.child(*pair, Role::Key)?;
                (tree.name(key) == name)
                    .then(|| tree.child(*pair, Role::Value))
                    .flatten()
            })
        });
        true
    }

    /// Go's `fmt.Sprintf`, and `fmt.Fprintf`, whose first argument is where it writes to.
    fn sprintf(&mut self, source: &Source, call: NodeId) -> bool {
        let tree = &source.tree;
        let mut arguments = tree.children_in(call, Role::Arg);
        if tree.name_of_callee(call) == "Fprintf" {
            arguments.next();
        }
        let Some(format) = arguments.next().and_then(|format| constant_text(source, format)) else {
            return false;
        };
        let format = format.to_owned();
        self.verbs(&format, |_, _| arguments.next());
        true
    }

    /// A format of percent signs: numbers become text, the rest becomes holes.
    fn verbs(&mut self, format: &str, mut value: impl FnMut(&str, char) -> Option<NodeId>) {
        let mut rest = format;
        while let Some(at) = rest.find('%') {
            self.text.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            let mut name = "";
            if let Some(named) = rest.strip_prefix('(')
                && let Some(end) = named.find(')')
            {
                name = &named[..end];
                rest = &named[end + 1..];
            }
            rest = rest.trim_start_matches(|char: char| char.is_ascii_digit() || "+-#.*[]".contains(char));
            let Some(verb) = rest.chars().next() else {
                break;
            };
            rest = &rest[verb.len_utf8()..];
            match verb {
                '%' => self.text.push('%'),
                'd' | 'i' | 'f' | 'g' | 'e' | 'x' | 'X' | 'o' | 't' | 'b' | 'u' | 'c' => {
                    let _number = value(name, verb);
                    self.text.push('0');
                }
                _ => match value(name, verb) {
                    Some(node) => self.hole(node),
                    None => self.text.push(' '),
                },
            }
        }
        self.text.push_str(rest);
    }

    /// Python's `"…{}…".format(a)`.
    fn format(&mut self, source: &Source, call: NodeId) -> bool {
        let tree = &source.tree;
        let Some(object) = tree
            .child(call, Role::Callee)
            .and_then(|callee| tree.child(callee, Role::Object))
        else {
            return false;
        };
        let Some(format) = constant_text(source, object) else {
            return false;
        };
        let format = format.to_owned();
        let arguments: Vec<NodeId> = tree.children_in(call, Role::Arg).collect();
        let mut next = 0;
        let mut rest = format.as_str();
        while let Some(at) = rest.find('{') {
            self.text.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('{') {
                self.text.push('{');
                rest = after;
                continue;
            }
            let Some(end) = rest.find('}') else {
                break;
            };
            let field = &rest[..end];
            rest = &rest[end + 1..];
            let (name, form) = field.split_once(':').unwrap_or((field, ""));
            let name = name.split(['.', '[', '!']).next().unwrap_or(name);
            let value = if name.is_empty() {
                next += 1;
                arguments.get(next - 1).copied()
            } else if let Ok(at) = name.parse::<usize>() {
                arguments.get(at).copied()
            } else {
                arguments
                    .iter()
                    .find(|argument| tree.kind(**argument) == Kind::Keyword && tree.name(**argument) == name)
                    .and_then(|argument| tree.child(*argument, Role::Value))
                    .or_else(|| {
                        arguments
                            .iter()
                            .find(|argument| tree.kind(**argument) == Kind::Spread)
                            .and_then(|spread| tree.child(*spread, Role::Value))
                    })
            };
            match value {
                Some(_) if form.ends_with(['d', 'f', 'x', 'e', 'g', 'n', '%']) => self.text.push('0'),
                Some(node) => {
                    self.hole(node);
                }
                None => self.text.push(' '),
            }
        }
        self.text.push_str(rest);
        true
    }
}

impl Tree {
    /// The last part of the name of what a call calls; empty if it has none.
    pub fn name_of_callee(&self, call: NodeId) -> &str {
        self.child(call, Role::Callee)
            .filter(|callee| matches!(self.kind(*callee), Kind::Name | Kind::Member))
            .map_or("", |callee| self.name(callee))
    }
}

fn is_sprintf(tree: &Tree, call: NodeId) -> bool {
    tree.child(call, Role::Callee).is_some_and(|callee| {
        matches!(
            tree.source(callee),
            "fmt.Sprintf" | "fmt.Fprintf" | "util.format" | "format"
        )
    })
}

fn constant_text(source: &Source, node: NodeId) -> Option<&str> {
    let tree = &source.tree;
    match tree.kind(node) {
        Kind::Str => Some(tree.name(node)),
        Kind::Name => source
            .names
            .constant(tree, node)
            .filter(|constant| tree.kind(*constant) == Kind::Str)
            .map(|constant| tree.name(constant)),
        _ => None,
    }
}
