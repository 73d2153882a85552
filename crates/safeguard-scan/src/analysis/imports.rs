//! What the names of a file were imported as, where that is certain.

use std::collections::HashMap;

use crate::language::Language;
use crate::matching::Source;
use crate::tree::{Kind, NodeId, Role, Tree};

/// How long a chain of members may be.
const PATH_SEGMENTS_MAX: usize = 16;

#[derive(Debug)]
pub struct Imports {
    /// A name of the file to the one thing that it stands for; `None` where it stands for several.
    stands_for: HashMap<String, Option<String>>,
}

impl Imports {
    pub fn of(source: &Source) -> Imports {
        let tree = &source.tree;
        let mut imports = Imports {
            stands_for: HashMap::new(),
        };
        for import in source.of_kind(Kind::Import) {
            let module = tree.name(*import);
            for item in tree.children_in(*import, Role::Item) {
                let Some(local) = tree.child(item, Role::Target).map(|local| tree.name(local)) else {
                    continue;
                };
                imports.import(tree.language(), module, tree.name(item), local);
            }
        }
        for assign in source.of_kind(Kind::Assign) {
            imports.require(tree, *assign);
        }
        imports
    }

    fn import(&mut self, language: Language, module: &str, item: &str, local: &str) {
        let module = module.strip_prefix("node:").unwrap_or(module);
        let (local, path) = match (language, item) {
            // `import a.b` binds `a`.
            (Language::Python, "") if local == module => {
                let first = module.split('.').next().unwrap_or(module);
                (first, first.to_owned())
            }
            (_, "" | "*" | "default") => (local, module.to_owned()),
            (_, item) => (local, format!("{module}.{item}")),
        };
        self.add(local, path);
    }

    /// `const fs = require('fs')`, `const { join } = require('path')`
    fn require(&mut self, tree: &Tree, assign: NodeId) {
        let (Some(target), Some(value)) = (tree.child(assign, Role::Target), tree.child(assign, Role::Value))
        else {
            return;
        };
        let mut members = Vec::new();
        let mut call = value;
        let is_awaited = tree.kind(value) == Kind::Await;
        while matches!(tree.kind(call), Kind::Member | Kind::Await) {
            let inner = if tree.kind(call) == Kind::Await {
                Role::Value
            } else {
                Role::Object
            };
            if tree.kind(call) == Kind::Member {
                members.push(tree.name(call));
            }
            match tree.child(call, inner) {
                Some(inside) => call = inside,
                None => return,
            }
        }
        // Without `await`, what `import(…)` gives is a promise.
        let Some(module) = required(tree, call).filter(|_| is_awaited || is_require(tree, call)) else {
            return;
        };
        let mut path = module.strip_prefix("node:").unwrap_or(module).to_owned();
        for member in members.iter().rev() {
            path.push('.');
            path.push_str(member);
        }
        match tree.kind(target) {
            Kind::Name => self.add(tree.name(target), path),
            Kind::Object => {
                for pair in tree.children(target) {
                    if let (Some(key), Some(local)) =
                        (tree.child(pair, Role::Key), tree.child(pair, Role::Value))
                        && tree.kind(local) == Kind::Name
                    {
                        self.add(tree.name(local), format!("{path}.{}", tree.name(key)));
                    }
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, local: &str, path: String) {
        self.stands_for
            .entry(local.to_owned())
            .and_modify(|known| {
                if known.as_deref() != Some(path.as_str()) {
                    *known = None;
                }
            })
            .or_insert(Some(path));
    }

    /// What a name stands for, if it was imported and nothing else bears it.
    pub fn name(&self, source: &Source, id: NodeId) -> Option<&str> {
        let name = source.tree.name(id);
        let found = self.stands_for.get(name)?.as_deref()?;
        (!source.names.is_bound(&source.tree, id, name)).then_some(found)
    }

    /// The full path of a chain of members that begins with a name that was imported.
    pub fn path(&self, source: &Source, id: NodeId) -> Option<String> {
        let tree = &source.tree;
        let mut members = Vec::new();
        let mut at = id;
        while tree.kind(at) == Kind::Member {
            if members.len() == PATH_SEGMENTS_MAX {
                return None;
            }
            members.push(tree.name(at));
            at = tree.child(at, Role::Object)?;
        }
        let mut path = match tree.kind(at) {
            Kind::Name => self.name(source, at)?.to_owned(),
            Kind::Call => {
                let module = required(tree, at).filter(|_| is_require(tree, at))?;
                module.strip_prefix("node:").unwrap_or(module).to_owned()
            }
            _ => return None,
        };
        for member in members.iter().rev() {
            path.push('.');
            path.push_str(member);
        }
        Some(path)
    }

    /// Whether a name is imported at all.
    pub fn has(&self, name: &str) -> bool {
        self.stands_for.contains_key(name)
    }
}

fn is_require(tree: &Tree, call: NodeId) -> bool {
    tree.child(call, Role::Callee)
        .is_some_and(|callee| tree.name(callee) == "require")
}

/// The module that `require('…')` gives, as it is written.
pub fn required(tree: &Tree, call: NodeId) -> Option<&str> {
    if tree.kind(call) != Kind::Call || tree.language() == Language::Python {
        return None;
    }
    let callee = tree.child(call, Role::Callee)?;
    if tree.kind(callee) != Kind::Name || !matches!(tree.name(callee), "require" | "import") {
        return None;
    }
    let module = tree.child(call, Role::Arg)?;
    (tree.kind(module) == Kind::Str).then(|| tree.name(module))
}

/// Whether a place is run only to see whether it can be, or only under a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    No,
    /// Under an `if`.
    Conditional,
    /// In a `try`, or what follows one that failed; or only for type checkers.
    Tried,
}

/// Errors of an import that fails; `` is a handler of whatever comes.
pub const FAILED_IMPORT: &[&str] = &["", "ImportError", "ModuleNotFoundError", "Exception"];

/// Whether a place is attempted by code that expects one of these errors.
pub fn attempt(tree: &Tree, id: NodeId, errors: &[&str]) -> Attempt {
    let mut found = Attempt::No;
    let mut inner = id;
    for around in tree.ancestors(id) {
        match tree.kind(around) {
            // What follows a success (`else`) is attempted with it.
            Kind::Try if matches!(tree.role(inner), Role::Body | Role::Handler | Role::Else) => {
                let expects = tree.children_in(around, Role::Handler).any(|handler| {
                    let mut types = tree
                        .children_in(handler, Role::Type)
                        .map(|named| tree.source(named))
                        .peekable();
                    let any = types.peek().is_none();
                    if any {
                        errors.contains(&"")
                    } else {
                        types.any(|named| {
                            errors
                                .iter()
                                .any(|error| !error.is_empty() && named.contains(error))
                        })
                    }
                });
                if expects {
                    return Attempt::Tried;
                }
            }
            Kind::With => {
                let suppresses = tree.children_in(around, Role::Item).any(|item| {
                    let text = tree.source(item);
                    ["suppress", "raises", "assertRaises", "patch", "catch", "modules"]
                        .iter()
                        .any(|word| text.contains(word))
                });
                if suppresses {
                    return Attempt::Tried;
                }
            }
            Kind::If | Kind::Conditional | Kind::While => {
                let condition = tree
                    .child(around, Role::Condition)
                    .map_or("", |condition| tree.source(condition));
                if condition.contains("TYPE_CHECKING")
                    || [
                        "hasattr",
                        "PY2",
                        "PY3",
                        "version_info",
                        "typeof ",
                        "platform",
                        "mplementation",
                        "os.name",
                        "win32",
                        "WINDOWS",
                        "getattr",
                        "PYPY",
                    ]
                    .iter()
                    .any(|word| condition.contains(word))
                {
                    return Attempt::Tried;
                }
                if tree.role(inner) != Role::Condition {
                    found = Attempt::Conditional;
                }
            }
            _ => {}
        }
        inner = around;
    }
    found
}
