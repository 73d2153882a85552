//! Names that nothing binds.

use std::collections::{BTreeSet, HashMap, HashSet};

use safeguard_api::evidence::Severity;

use super::data;
use super::unknown_package::is_aside;
use crate::analysis::exports::{names_in, words};
use crate::analysis::imports::{Attempt, attempt};
use crate::language::{Language, markup};
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports, SCRIPT_LANGUAGES};
use crate::tree::{Flags, Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "unknown-name",
    failure: "X6",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-457"],
    languages: SCRIPT_LANGUAGES,
    run,
};

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    match source.tree.language() {
        Language::Python => python(source, reports),
        Language::JavaScript | Language::TypeScript | Language::Tsx => javascript(source, project, reports),
        Language::Go | Language::Java | Language::Rust => {}
        Language::Dockerfile
        | Language::Hcl
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => {}
    }
}

/// A file in which more names are unbound is no program by itself.
const UNBOUND_MAX: usize = 5;

/// What tools give to the files that they run.
const OF_TOOLS: &[&str] = &[
    "_",
    "ngettext",
    "gettext",
    "pgettext",
    "reveal_type",
    "reveal_locals",
    "display",
    "get_ipython",
    "profile",
    "get_config",
    "snakemake",
    "spark",
    "dbutils",
    "unicode_literals",
    "load_ipython_extension",
    "tags",
    "WindowsError",
    "__path__",
];

fn is_scope(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Function | Kind::Lambda | Kind::Comprehension | Kind::Class
    )
}

/// The names of each scope of a file of Python.
struct Scopes {
    names: HashMap<NodeId, BTreeSet<String>>,
}

impl Scopes {
    fn of(source: &Source) -> Scopes {
        let tree = &source.tree;
        let mut scopes = Scopes {
            names: HashMap::new(),
        };
        for id in tree.all() {
            let names: Vec<String> = match tree.kind(id) {
                Kind::Function | Kind::Class => vec![tree.name(id).to_owned()],
                Kind::Import => tree
                    .children(id)
                    .filter_map(|item| tree.child(item, Role::Target))
                    .map(|local| tree.name(local).split('.').next().unwrap_or("").to_owned())
                    .collect(),
                Kind::Assign | Kind::ForEach | Kind::WithItem | Kind::Clause => {
                    let mut names = BTreeSet::new();
                    tree.children_in(id, Role::Target)
                        .for_each(|target| names_in(tree, target, &mut names));
                    names.into_iter().collect()
                }
                Kind::Catch => vec![tree.name(id).to_owned()],
                Kind::Case => tree
                    .children_in(id, Role::Test)
                    .flat_map(|test| words(tree.source(test)).map(str::to_owned).collect::<Vec<_>>())
                    .collect(),
                Kind::Param => {
                    if let Some(function) = tree.parent(id) {
                        scopes.add(function, tree.name(id));
                    }
                    continue;
                }
                Kind::Global => {
                    let names: Vec<String> =
                        tree.children(id).map(|name| tree.name(name).to_owned()).collect();
                    // Whoever declares it means to set it, there or in between.
                    let scope = scope_of(tree, id);
                    names.iter().for_each(|name| {
                        scopes.add(NodeId::ROOT, name);
                        scopes.add(scope, name);
                    });
                    continue;
                }
                // `def f[T]()`: the names of type parameters stand in their text alone.
                Kind::Other => {
                    if let Some(owner) = tree.parent(id).filter(|owner| {
                        matches!(tree.kind(*owner), Kind::Function | Kind::Class | Kind::Assign)
                    }) {
                        let name = words(tree.source(id)).next().unwrap_or("").to_owned();
                        scopes.add(owner, &name);
                        scopes.add(scope_of(tree, owner), &name);
                    }
                    continue;
                }
                _ => continue,
            };
            let mut scope = scope_of(tree, id);
            for name in &names {
                scopes.add(scope, name);
            }
            // `:=` in a comprehension binds outside of it.
            while tree.kind(id) == Kind::Assign && tree.kind(scope) == Kind::Comprehension {
                scope = scope_of(tree, scope);
                for name in &names {
                    scopes.add(scope, name);
                }
            }
        }
        scopes
    }

    fn add(&mut self, scope: NodeId, name: &str) {
        self.names.entry(scope).or_default().insert(name.to_owned());
    }

    fn has(&self, scope: NodeId, name: &str) -> bool {
        self.names.get(&scope).is_some_and(|names| names.contains(name))
    }

    /// Whether a name that is used at a place is bound in a scope that it sees.
    fn binds(&self, tree: &Tree, at: NodeId, name: &str) -> bool {
        let mut inner = at;
        let mut through_function = false;
        for scope in tree.ancestors(at) {
            let kind = tree.kind(scope);
            if is_scope(kind) || scope == NodeId::ROOT {
                // Decorators, defaults, bases and results are run where the function or class stands.
                let outside = matches!(kind, Kind::Function | Kind::Class | Kind::Lambda)
                    && (matches!(tree.role(inner), Role::Decorator)
                        || tree.kind(inner) == Kind::Param
                            && tree.children(inner).any(|default| {
                                tree.within(at, default) && tree.role(default) == Role::Default
                            }));
                // What a class binds, its methods do not see.
                let hidden = kind == Kind::Class && through_function;
                if !outside && !hidden && self.has(scope, name) {
                    return true;
                }
                through_function |= matches!(kind, Kind::Function | Kind::Lambda) && !outside;
            }
            inner = scope;
        }
        false
    }
}

fn scope_of(tree: &Tree, id: NodeId) -> NodeId {
    tree.ancestors(id)
        .find(|around| is_scope(tree.kind(*around)))
        .unwrap_or(NodeId::ROOT)
}

fn python(source: &Source, reports: &mut Reports) {
    let tree = &source.tree;
    let has_star = source
        .of_kind(Kind::ImportItem)
        .iter()
        .any(|item| tree.name(*item) == "*");
    if has_star
        || source.path.ends_with(".pyi")
        || tree.text().starts_with("# Databricks")
        || sets_names_itself(source)
    {
        return;
    }
    let scopes = Scopes::of(source);
    let unknown = |at: NodeId, name: &str| {
        let dunder = name.starts_with("__") && name.ends_with("__");
        !dunder
            && !data::PYTHON_BUILTINS.contains(name)
            && !OF_TOOLS.contains(&name)
            && !scopes.binds(tree, at, name)
    };
    let mut told = HashSet::new();
    let begins = reports.all.len();
    for id in source.of_kind(Kind::Name) {
        let name = tree.name(*id);
        let parent = tree.parent(*id).map(|parent| tree.kind(parent));
        if matches!(parent, Some(Kind::ImportItem | Kind::Global))
            || tree.role(*id) == Role::Target && parent != Some(Kind::Delete)
        {
            continue;
        }
        if unknown(*id, name)
            && attempt(tree, *id, &["NameError", "ReferenceError"]) != Attempt::Tried
            && told.insert(name)
        {
            let near = scopes
                .names
                .get(&NodeId::ROOT)
                .into_iter()
                .flatten()
                .map(String::as_str);
            let message = format!("`{name}` is bound nowhere in this file{}", data::hint(name, near));
            if is_aside(&source.path) {
                reports.note(*id, message);
            } else {
                reports.add(*id, message);
            }
        }
    }
    let lazy = source
        .of_kind(Kind::Import)
        .iter()
        .any(|import| tree.name(*import) == "__future__" && tree.source(*import).contains("annotations"));
    for id in source.of_kind(Kind::Type) {
        let is_pattern = tree.role(*id) == Role::Test || tree.role(*id) == Role::Base;
        let of_local = tree
            .parent(*id)
            .is_some_and(|parent| tree.kind(parent) == Kind::Assign)
            && tree.kind(scope_of(tree, *id)) == Kind::Function;
        let text = tree.source(*id);
        if is_pattern
            || ["\"\"\"", "'''", "\\", "lambda", " for ", "#", "f\"", "f'", ":="]
                .iter()
                .any(|odd| text.contains(odd))
        {
            continue;
        }
        for name in heads(text) {
            // A class's own name in its methods' types is a mistake too, but one that tools forgive.
            if unknown(*id, name)
                && attempt(tree, *id, &["NameError", "ReferenceError"]) != Attempt::Tried
                && told.insert(name)
            {
                let message = format!("the type `{name}` is bound nowhere in this file");
                if lazy || of_local || is_aside(&source.path) || class_binds(&scopes, tree, *id, name) {
                    reports.note(*id, message);
                } else {
                    reports.add(*id, message);
                }
            }
        }
    }
    // Whoever runs a file with so many gives it names.
    if told.len() > UNBOUND_MAX {
        for report in &mut reports.all[begins..] {
            report.advice = true;
        }
    }
}

/// Whether the class around a method binds a name: what the method's head says is read there.
fn class_binds(scopes: &Scopes, tree: &Tree, at: NodeId, name: &str) -> bool {
    let class = tree
        .ancestors(at)
        .find(|around| tree.kind(*around) == Kind::Class);
    class.is_some_and(|class| scopes.has(class, name))
}

/// The names that an annotation begins with: not members, names of arguments, or what is within quotes.
fn heads(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for word in words(text) {
        let at = word.as_ptr() as usize - text.as_ptr() as usize;
        let before = text[..at].trim_end().chars().next_back();
        let after = text[at + word.len()..].trim_start();
        let keyword = matches!(
            word,
            "if" | "else" | "or" | "and" | "not" | "in" | "is" | "None" | "True" | "False" | "await"
        );
        let argument = after.starts_with('=') && !after.starts_with("==");
        let prefix = text[at + word.len()..].starts_with(['"', '\'']);
        let number = before.is_some_and(|char| char.is_ascii_digit());
        if before != Some('.') && !keyword && !argument && !prefix && !number {
            found.push(word);
        }
    }
    found
}

/// `exec`, `globals()[…] = …`: then nobody knows which names there are.
fn sets_names_itself(source: &Source) -> bool {
    let tree = &source.tree;
    tree.text().contains("global_enum")
        || source.of_kind(Kind::Call).iter().any(|call| {
            let callee = tree
                .child(*call, Role::Callee)
                .map_or("", |callee| tree.source(callee));
            match callee {
                "exec" | "execfile" | "globals" => true,
                _ if callee.contains("_convert") || callee.ends_with("global_enum") => true,
                "locals" | "vars" => tree
                    .parent(*call)
                    .is_some_and(|parent| matches!(tree.kind(parent), Kind::Index | Kind::Member)),
                _ => false,
            }
        })
}

fn javascript(source: &Source, project: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    let is_module =
        !source.of_kind(Kind::Import).is_empty() || tree.all().any(|id| tree.flags(id).has(Flags::EXPORTED));
    let imports_by_itself = project.javascript.depends_on(&[
        "nuxt",
        "unplugin-auto-import",
        "@sveltejs/kit",
        "babel-plugin-auto-import",
        "wxt",
    ]);
    // Components have names of their compiler's: macros of Vue, stores and labels of Svelte; pages those of their other scripts.
    let odd = source.path.ends_with(".d.ts")
        || markup::is_markup(&source.path)
        || tree.text().contains("eval(")
        || !source.of_kind(Kind::With).is_empty();
    if !is_module || imports_by_itself || odd {
        return;
    }
    let bound = javascript_bound(source);
    let mut told = HashSet::new();
    let said: HashSet<&str> = tree
        .comments()
        .iter()
        .filter_map(|span| tree.text().get(span.clone()))
        .filter(|comment| {
            comment.contains("global") || comment.contains("eslint") || comment.contains("@ts-")
        })
        .flat_map(words)
        .collect();
    let asked: HashSet<&str> = source
        .of_kind(Kind::Unary)
        .iter()
        .filter(|id| tree.name(**id) == "typeof")
        .filter_map(|id| tree.child(*id, Role::Value))
        .map(|id| tree.name(id))
        .collect();
    let unknown = |name: &str| {
        let constant = name
            .chars()
            .all(|char| char.is_ascii_uppercase() || char.is_ascii_digit() || char == '_');
        let words_of_language = matches!(
            name,
            "this"
                | "super"
                | "import"
                | "new"
                | "arguments"
                | "undefined"
                | "NaN"
                | "Infinity"
                | "globalThis"
                | "require"
                | "module"
                | "exports"
        );
        !constant
            && !words_of_language
            && !name.starts_with(['_', '#', '$'])
            && !bound.contains(name)
            && !data::JAVASCRIPT_GLOBALS.contains(name)
            && !said.contains(name)
            && !asked.contains(name)
    };
    for id in source.of_kind(Kind::Name) {
        let name = tree.name(*id);
        let parent = tree.parent(*id).map(|parent| tree.kind(parent));
        // What is only declared names types.
        let in_types = std::iter::once(*id)
            .chain(tree.ancestors(*id))
            .any(|around| tree.flags(around).has(Flags::TYPE_ONLY));
        if parent == Some(Kind::ImportItem) || in_types {
            continue;
        }
        if unknown(name)
            && attempt(tree, *id, &["NameError", "ReferenceError"]) != Attempt::Tried
            && told.insert(name.to_owned())
        {
            reports.note(
                *id,
                format!(
                    "`{name}` is bound nowhere in this file{}",
                    data::hint(name, bound.iter().map(String::as_str))
                ),
            );
        }
    }
    for id in source.of_kind(Kind::Jsx) {
        let name = tree.name(*id).split('.').next().unwrap_or("");
        let is_component = name.starts_with(|char: char| char.is_ascii_uppercase());
        if is_component && unknown(name) && told.insert(name.to_owned()) {
            reports.note(
                *id,
                format!("the component `{name}` is bound nowhere in this file"),
            );
        }
    }
}

/// Every name that anything in the file binds, wherever.
fn javascript_bound(source: &Source) -> BTreeSet<String> {
    let tree = &source.tree;
    let mut bound = BTreeSet::new();
    for id in tree.all() {
        match tree.kind(id) {
            Kind::Function | Kind::Lambda | Kind::Class | Kind::Param | Kind::Catch => {
                bound.insert(tree.name(id).to_owned());
                tree.children_in(id, Role::Target)
                    .for_each(|target| names_in(tree, target, &mut bound));
            }
            Kind::Assign | Kind::ForEach | Kind::ImportItem => {
                tree.children_in(id, Role::Target)
                    .for_each(|target| names_in(tree, target, &mut bound));
            }
            // A namespace's name, or a type's.
            Kind::Other => {
                let head = tree.source(id).split('{').next().unwrap_or("");
                bound.extend(words(head).take(6).map(str::to_owned));
            }
            _ => {}
        }
    }
    bound
}
