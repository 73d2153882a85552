//! The structs of a Go package: their fields with types, their methods, and what its functions give.

use std::collections::{BTreeMap, BTreeSet};

use crate::language::{self, Language};
use crate::tree::{Flags, Kind, NodeId, Role, Tree};

/// How many files a package may have.
const FILES_MAX: usize = 300;

#[derive(Debug, Default)]
pub struct Package {
    pub structs: BTreeMap<String, Struct>,
    /// By name, methods by `Type.name`: the first thing that they give.
    pub results: BTreeMap<String, Reference>,
    /// How many arguments its functions take, where that is one number; methods have none here.
    pub parameters: BTreeMap<String, Option<usize>>,
    /// All that the package declares at its top: functions, types, variables.
    pub names: BTreeSet<String>,
    /// It may have names that are not seen: it takes in all of another package.
    pub dotted: bool,
}

#[derive(Debug, Default)]
pub struct Struct {
    /// What is said of their types, where that is a plain one.
    pub fields: BTreeMap<String, Option<Reference>>,
    pub methods: BTreeSet<String>,
    /// It embeds something, and has what that has.
    pub open: bool,
}

/// A type by its package, as it is imported, and its name; without a package it is one of the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    pub package: Option<String>,
    pub name: String,
}

/// The package of the files of a folder. `None` if one of them can not be read, or is made from something that is not there.
pub fn of(texts: impl Iterator<Item = Option<String>>) -> Option<Package> {
    let mut package = Package::default();
    let mut methods: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (count, text) in texts.enumerate() {
        let text = text.filter(|text| {
            count < FILES_MAX && !text.contains("//go:generate") && !text.contains("import \"C\"")
        })?;
        let tree = language::parse(Language::Go, &text).ok()?;
        let imports = imports(&tree);
        written(&text, &mut package.names);
        package.dotted |= imports.contains_key(".") || imports.contains_key("C");
        for id in tree.children(NodeId::ROOT) {
            declared(&tree, id, &mut package.names);
            match tree.kind(id) {
                Kind::Class if !tree.flags(id).has(Flags::TYPE_ONLY) => {
                    let one = package.structs.entry(tree.name(id).to_owned()).or_default();
                    fields(&tree, id, &imports, one);
                }
                Kind::Function => {
                    let receiver = tree
                        .child(id, Role::Receiver)
                        .and_then(|receiver| tree.child(receiver, Role::Type));
                    let mut key = tree.name(id).to_owned();
                    if let Some(receiver) = receiver {
                        let of = plain(tree.name(receiver)).to_owned();
                        key = format!("{of}.{key}");
                        methods.entry(of).or_default().insert(tree.name(id).to_owned());
                    }
                    if receiver.is_none() {
                        let params: Vec<NodeId> = tree.children_in(id, Role::Param).collect();
                        let is_open = params.iter().any(|param| {
                            tree.flags(*param).has(Flags::REST) || tree.source(*param).contains("...")
                        });
                        let again = package.parameters.contains_key(&key);
                        let count = (!is_open && !again).then_some(params.len());
                        package.parameters.insert(key.clone(), count);
                    }
                    let result = tree
                        .child(id, Role::Type)
                        .and_then(|result| reference(first_of(tree.name(result)), &imports));
                    if let Some(result) = result {
                        package.results.insert(key, result);
                    }
                }
                _ => {}
            }
        }
    }
    for (name, of) in methods {
        if let Some(one) = package.structs.get_mut(&name) {
            one.methods.extend(of);
        }
    }
    Some(package)
}

/// What the lines of a file declare by their first words, in groups too: types that are no structs have no node of their own.
fn written(text: &str, names: &mut BTreeSet<String>) {
    let word = |rest: &str| {
        rest.trim_start()
            .split(|char: char| !char.is_alphanumeric() && char != '_')
            .next()
            .unwrap_or("")
            .to_owned()
    };
    let mut grouped = false;
    for line in text.lines() {
        if grouped && line.starts_with(')') {
            grouped = false;
        } else if grouped {
            names.insert(word(line));
        } else if ["type (", "var (", "const ("]
            .iter()
            .any(|begin| line.starts_with(begin))
        {
            grouped = true;
        } else if let Some((_, rest)) = line
            .split_once(' ')
            .filter(|(first, _)| matches!(*first, "type" | "var" | "const" | "func"))
        {
            names.insert(word(rest));
        }
    }
}

/// What a statement at the top of a file declares.
fn declared(tree: &Tree, id: NodeId, names: &mut BTreeSet<String>) {
    match tree.kind(id) {
        Kind::Function if tree.child(id, Role::Receiver).is_some() => {}
        Kind::Assign => {
            for target in tree.children_in(id, Role::Target) {
                names.extend(
                    tree.subtree(target)
                        .filter(|part| tree.kind(*part) == Kind::Name)
                        .map(|part| tree.name(part).to_owned()),
                );
            }
        }
        Kind::Block | Kind::Other => {
            // `type Handler func()` and what else is not looked into.
            names.insert(tree.name(id).to_owned());
            for inner in tree.children(id) {
                declared(tree, inner, names);
            }
        }
        _ => {
            names.insert(tree.name(id).to_owned());
        }
    }
}

fn fields(tree: &Tree, class: NodeId, imports: &BTreeMap<String, String>, one: &mut Struct) {
    let Some(body) = tree.child(class, Role::Body) else {
        return;
    };
    for field in tree.children(body) {
        let written = tree.child(field, Role::Type);
        match (tree.kind(field), written) {
            // An embedded one begins with its type.
            (Kind::Field, Some(written)) if tree.span(written).start != tree.span(field).start => {
                one.fields.insert(
                    tree.name(field).to_owned(),
                    reference(tree.name(written), imports),
                );
            }
            _ => one.open = true,
        }
    }
}

/// The packages that a file imports, by what they are called in it.
pub fn imports(tree: &Tree) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for id in tree.all().filter(|id| tree.kind(*id) == Kind::Import) {
        let path = tree.name(id);
        let written = tree
            .children_in(id, Role::Item)
            .find_map(|item| tree.child(item, Role::Target))
            .map(|target| tree.name(target));
        let local = written
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| last(path));
        found.insert(local.to_owned(), path.to_owned());
    }
    found
}

/// What a package is mostly called: the last part of its path that is no version.
fn last(path: &str) -> &str {
    let mut parts = path.rsplit('/');
    let first = parts.next().unwrap_or(path);
    let version = first
        .strip_prefix('v')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()));
    match version {
        true => parts.next().unwrap_or(first),
        false => first,
    }
}

/// The type that a text names, if it names one struct, or a pointer to it.
pub fn reference(written: &str, imports: &BTreeMap<String, String>) -> Option<Reference> {
    let name = plain(written);
    let is_name = |text: &str| {
        !text.is_empty()
            && text.starts_with(|first: char| first.is_alphabetic() || first == '_')
            && text.chars().all(|char| char.is_alphanumeric() || char == '_')
    };
    match name.split_once('.') {
        Some((package, name)) => (is_name(package) && is_name(name)).then(|| {
            Some(Reference {
                package: Some(imports.get(package)?.clone()),
                name: name.to_owned(),
            })
        })?,
        None => is_name(name).then(|| Reference {
            package: None,
            name: name.to_owned(),
        }),
    }
}

/// `*T[int]` as `T`.
fn plain(written: &str) -> &str {
    let bare = written.trim_start_matches('*');
    match bare.find('[') {
        Some(at) if at > 0 => &bare[..at],
        _ => bare,
    }
}

/// The first of several results: `(Config,error)`, `(cfg Config,err error)`.
fn first_of(written: &str) -> &str {
    let Some(inner) = written.strip_prefix('(') else {
        return written;
    };
    let first = inner.split(&[',', ')'][..]).next().unwrap_or("");
    first.split_whitespace().last().unwrap_or("")
}
