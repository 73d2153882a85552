//! What a file defines for others.

use std::collections::{BTreeMap, BTreeSet};

use super::classes::{self, Class};
use super::signatures::{self, Signature};
use crate::language::{self, Language};
use crate::tree::{Flags, Kind, NodeId, Role, Tree};

#[derive(Debug, Default)]
pub struct Exports {
    pub names: BTreeSet<String>,
    /// Modules whose names all are this one's too, as written.
    pub stars: Vec<String>,
    /// It may define more than can be seen.
    pub open: bool,
    /// Python: functions that are defined once, and nothing wraps.
    pub signatures: BTreeMap<String, Signature>,
    /// Classes at its top, and names that are set to an object of one.
    pub classes: BTreeMap<String, Class>,
    pub made: BTreeMap<String, String>,
}

/// `None` if it can not be read.
pub fn of(path: &str, language: Language, text: &str) -> Option<Exports> {
    let tree = language::parse(language, text).ok()?;
    let mut exports = match language {
        Language::Python => python(&tree),
        Language::JavaScript | Language::TypeScript | Language::Tsx => javascript(&tree),
        Language::Go | Language::Java | Language::Rust => return None,
        Language::Dockerfile
        | Language::Hcl
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => {
            return None;
        }
    };
    (exports.classes, exports.made) = classes::of_file(&tree);
    // Declarations export what they name also without saying so.
    exports.open |= path.contains(".d.");
    Some(exports)
}

fn python(tree: &Tree) -> Exports {
    let mut exports = Exports::default();
    let at_top = |id: NodeId| {
        !tree.ancestors(id).any(|around| {
            matches!(
                tree.kind(around),
                Kind::Function | Kind::Lambda | Kind::Class | Kind::Comprehension
            )
        })
    };
    for id in tree.all() {
        match tree.kind(id) {
            Kind::Function | Kind::Class if at_top(id) => {
                exports.open |= tree.name(id) == "__getattr__";
                exports.names.insert(tree.name(id).to_owned());
            }
            Kind::Import if at_top(id) => {
                for item in tree.children(id) {
                    match tree.child(item, Role::Target) {
                        Some(local) => {
                            let name = tree.name(local).split('.').next().unwrap_or("");
                            exports.names.insert(name.to_owned());
                        }
                        None => exports.stars.push(tree.name(id).to_owned()),
                    }
                }
            }
            Kind::Assign | Kind::ForEach | Kind::WithItem if at_top(id) => {
                for target in tree.children_in(id, Role::Target) {
                    names_in(tree, target, &mut exports.names);
                }
                // What `__all__` says may come from elsewhere, but it is there.
                let says_all = tree
                    .children_in(id, Role::Target)
                    .any(|target| tree.name(target) == "__all__");
                if says_all {
                    let said = tree.subtree(id).filter(|id| tree.kind(*id) == Kind::Str);
                    exports.names.extend(said.map(|id| tree.name(id).to_owned()));
                }
            }
            Kind::Global => exports
                .names
                .extend(tree.children(id).map(|name| tree.name(name).to_owned())),
            Kind::Case if at_top(id) => {
                for pattern in tree.children_in(id, Role::Test) {
                    exports
                        .names
                        .extend(words(tree.source(pattern)).map(str::to_owned));
                }
            }
            Kind::Call => {
                let callee = tree
                    .child(id, Role::Callee)
                    .map_or("", |callee| tree.source(callee));
                exports.open |= matches!(
                    callee,
                    "globals" | "exec" | "vars" | "setattr" | "lazy_import" | "lazy.attach" | "_lazy.attach"
                );
            }
            Kind::Member => exports.open |= tree.source(id) == "sys.modules",
            _ => {}
        }
    }
    exports.open |= exports.names.contains("__getattr__");
    exports.signatures = signatures::of_file(tree);
    exports
}

fn javascript(tree: &Tree) -> Exports {
    let mut exports = Exports::default();
    let mut is_module = false;
    for id in tree.all() {
        let exported = tree.flags(id).has(Flags::EXPORTED);
        let default = || {
            tree.source(id)
                .trim_start_matches(|char: char| char != 'e')
                .starts_with("export default")
        };
        match tree.kind(id) {
            Kind::Import => {
                is_module = true;
                if exported {
                    for item in tree.children_in(id, Role::Item) {
                        match tree.child(item, Role::Target) {
                            Some(name) => {
                                exports.names.insert(tree.name(name).to_owned());
                            }
                            None => exports.stars.push(tree.name(id).to_owned()),
                        }
                    }
                }
            }
            Kind::ExprStmt if exported => {
                is_module = true;
                exports.names.insert("default".to_owned());
                exports.open |= !tree.source(id).trim_start().starts_with("export default");
            }
            Kind::Function | Kind::Class if exported => {
                is_module = true;
                let is_default = tree.source(id).contains("export default") && default();
                let name = if is_default { "default" } else { tree.name(id) };
                exports.names.insert(name.to_owned());
            }
            Kind::Assign if exported => {
                is_module = true;
                for target in tree.children_in(id, Role::Target) {
                    names_in(tree, target, &mut exports.names);
                }
            }
            Kind::Other if exported => {
                is_module = true;
                let mut pairs = 0;
                for pair in tree.children(id).filter(|pair| tree.kind(*pair) == Kind::Pair) {
                    pairs += 1;
                    exports
                        .names
                        .extend(tree.child(pair, Role::Key).map(|key| tree.name(key).to_owned()));
                }
                if pairs == 0 {
                    // A type or a namespace: its name follows its keyword.
                    let name = words(tree.source(id)).find(|word| {
                        !matches!(
                            *word,
                            "export" | "declare" | "type" | "namespace" | "module" | "default"
                        )
                    });
                    exports.names.extend(name.map(str::to_owned));
                }
            }
            Kind::Member if is_exports(tree, id) => {
                let parent = tree.parent(id);
                match parent.filter(|_| !is_module) {
                    Some(parent) if tree.role(id) == Role::Target && tree.kind(parent) == Kind::Assign => {
                        common_js(tree, parent, &mut exports)
                    }
                    // `exports.a = …`
                    Some(parent)
                        if tree.kind(parent) == Kind::Member && tree.role(parent) == Role::Target =>
                    {
                        exports.names.insert(tree.name(parent).to_owned());
                    }
                    _ => exports.open = true,
                }
            }
            Kind::Name if tree.name(id) == "exports" => match tree.parent(id) {
                Some(parent) if tree.kind(parent) == Kind::Member && tree.role(parent) == Role::Target => {
                    exports.names.insert(tree.name(parent).to_owned());
                }
                _ => exports.open = true,
            },
            _ => {}
        }
    }
    // A file without imports and exports is a script, or what it exports is set in a way that is not seen.
    exports.open |= !is_module && exports.names.is_empty();
    exports
}

fn is_exports(tree: &Tree, id: NodeId) -> bool {
    tree.name(id) == "exports"
        && tree
            .child(id, Role::Object)
            .is_some_and(|object| tree.kind(object) == Kind::Name && tree.name(object) == "module")
}

/// `module.exports = { a, b: 1 }`; anything else may have any members.
fn common_js(tree: &Tree, assign: NodeId, exports: &mut Exports) {
    let value = tree.child(assign, Role::Value);
    match value.filter(|value| tree.kind(*value) == Kind::Object) {
        Some(object) => {
            for pair in tree.children(object) {
                match tree.child(pair, Role::Key) {
                    Some(key) if tree.kind(key) == Kind::Str && !tree.flags(pair).has(Flags::COMPUTED) => {
                        exports.names.insert(tree.name(key).to_owned());
                    }
                    _ => exports.open = true,
                }
            }
        }
        None => exports.open = true,
    }
}

/// The names that a target binds: not what it indexes, nor whose member it sets.
pub fn names_in(tree: &Tree, target: NodeId, names: &mut BTreeSet<String>) {
    match tree.kind(target) {
        Kind::Name => {
            names.insert(tree.name(target).to_owned());
        }
        Kind::Member | Kind::Index | Kind::Call => {}
        Kind::Assign => tree
            .children_in(target, Role::Target)
            .for_each(|inner| names_in(tree, inner, names)),
        Kind::Pair => tree
            .children_in(target, Role::Value)
            .for_each(|inner| names_in(tree, inner, names)),
        _ => tree
            .children(target)
            .for_each(|inner| names_in(tree, inner, names)),
    }
}

/// The words in a text, without those within quotes.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let at =
                rest.find(|char: char| char.is_alphabetic() || matches!(char, '_' | '$' | '"' | '\''))?;
            let quote = rest[at..]
                .chars()
                .next()
                .filter(|char| matches!(char, '"' | '\''));
            if let Some(quote) = quote {
                let after = &rest[at + 1..];
                rest = after.find(quote).map_or("", |end| &after[end + 1..]);
                continue;
            }
            let word = &rest[at..];
            let end = word
                .find(|char: char| !(char.is_alphanumeric() || matches!(char, '_' | '$')))
                .unwrap_or(word.len());
            rest = &word[end..];
            return Some(&word[..end]);
        }
    })
}
