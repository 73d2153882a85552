//! A file, and what is known of it: made once, and most of it only when somebody asks.

use std::sync::OnceLock;

use crate::Map;
use crate::analysis::place;
use crate::analysis::rows::Said;
use crate::analysis::settings::Placed;
use crate::analysis::sql_file::Statement;
use crate::names::Names;
use crate::tree::{Kind, NodeId, Role, Tree};

/// A file, and what is known of it.
#[derive(Debug)]
pub struct Source {
    pub path: String,
    is_test: OnceLock<bool>,
    pub tree: Tree,
    pub names: Names,
    /// The nodes of each kind.
    by_kind: Vec<Vec<NodeId>>,
    /// Calls, and constructions with `new`, in the order of the text.
    calls: OnceLock<Vec<NodeId>>,
    /// Which nodes a pattern with a certain last name may fit, once somebody asks.
    by_name: OnceLock<ByName>,
    /// Assignments to each name, in the order of the text, once somebody asks.
    assignments: OnceLock<Map<Box<str>, Vec<NodeId>>>,
    /// For each node whether what lies in it is there to undo or to test, once somebody asks.
    pub(crate) undoing: OnceLock<Vec<bool>>,
    /// The full name of what each of them calls, once somebody asks.
    pub(crate) paths: OnceLock<Map<NodeId, Box<str>>>,
    /// Where it speaks of what protects rows, once somebody asks.
    pub(crate) said: OnceLock<Vec<Said>>,
    /// What is set by name, once somebody asks.
    pub(crate) settings: OnceLock<Vec<Placed>>,
    /// The statements of an SQL file, once somebody asks.
    pub(crate) statements: OnceLock<Vec<Statement>>,
}

impl Source {
    pub fn new(path: &str, tree: Tree) -> Source {
        let names = Names::of(&tree);
        let mut by_kind = vec![Vec::new(); Kind::Deep as usize + 1];
        for id in tree.all() {
            by_kind[tree.kind(id) as usize].push(id);
        }
        Source {
            path: path.to_owned(),
            is_test: OnceLock::new(),
            tree,
            names,
            by_kind,
            calls: OnceLock::new(),
            by_name: OnceLock::new(),
            assignments: OnceLock::new(),
            undoing: OnceLock::new(),
            paths: OnceLock::new(),
            said: OnceLock::new(),
            settings: OnceLock::new(),
            statements: OnceLock::new(),
        }
    }

    /// Whether the file is a test, an example or a fixture, by its path.
    pub fn is_test(&self) -> bool {
        *self.is_test.get_or_init(|| place::is_test(&self.path))
    }

    pub(crate) fn calls(&self) -> &[NodeId] {
        self.calls.get_or_init(|| {
            let mut calls = self.of_kind(Kind::Call).to_vec();
            calls.extend_from_slice(self.of_kind(Kind::New));
            calls.sort_unstable();
            calls
        })
    }

    /// The assignments that set a name, or the first of several, in the order of the text.
    pub(crate) fn assignments(&self, name: &str) -> &[NodeId] {
        let all = self.assignments.get_or_init(|| {
            let tree = &self.tree;
            let mut all: Map<Box<str>, Vec<NodeId>> = Map::default();
            for id in self.of_kind(Kind::Assign) {
                for target in tree.children_in(*id, Role::Target) {
                    let named = match tree.kind(target) {
                        Kind::Name => Some(target),
                        Kind::Tuple => tree.children(target).next(),
                        _ => None,
                    };
                    if let Some(named) = named {
                        all.entry(tree.name(named).into()).or_default().push(*id);
                    }
                }
            }
            all
        });
        all.get(name).map_or(&[], Vec::as_slice)
    }

    pub(super) fn by_name(&self) -> &ByName {
        self.by_name.get_or_init(|| ByName::of(self))
    }

    /// All nodes of a kind, in the order of the text.
    pub fn of_kind(&self, kind: Kind) -> &[NodeId] {
        &self.by_kind[kind as usize]
    }
}

/// Nodes that a pattern may fit by the last name in it, each list in the order of the text. Most patterns name what a file has not.
#[derive(Debug, Default)]
pub(super) struct ByName {
    /// Calls, constructions and names, by the name that they have in the file, and by the one that they were imported as.
    named: Map<Box<str>, Vec<NodeId>>,
    /// Calls and constructions of what has no callee of its own.
    without: Vec<NodeId>,
}

impl ByName {
    fn of(source: &Source) -> ByName {
        let tree = &source.tree;
        let mut by_name = ByName::default();
        for id in tree.all() {
            let named = match tree.kind(id) {
                Kind::Name | Kind::Member => id,
                Kind::Call | Kind::New => match tree.child(id, Role::Callee) {
                    Some(callee) => callee,
                    None => {
                        by_name.without.push(id);
                        continue;
                    }
                },
                _ => continue,
            };
            let name = tree.name(named);
            match tree.kind(named) {
                Kind::Name => {
                    let other = source
                        .names
                        .imported(name)
                        .and_then(|path| path.rsplit('.').next());
                    if let Some(other) = other.filter(|other| *other != name) {
                        by_name.add(other, id);
                    }
                }
                Kind::Member => {}
                _ => continue,
            }
            by_name.add(name, id);
        }
        by_name
    }

    fn add(&mut self, name: &str, id: NodeId) {
        match self.named.get_mut(name) {
            Some(nodes) => nodes.push(id),
            None => {
                self.named.insert(name.into(), vec![id]);
            }
        }
    }

    pub(super) fn of_name(&self, name: &str) -> impl Iterator<Item = NodeId> {
        let named = self.named.get(name).map_or(&[][..], Vec::as_slice);
        named.iter().chain(&self.without).copied()
    }
}
