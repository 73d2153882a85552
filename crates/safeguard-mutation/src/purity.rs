//! Whether a function reads and writes nothing but its arguments, as far as its text tells, and whether its file can be loaded for it.

use std::collections::BTreeSet;

use safeguard_scan::language::Language;
use safeguard_scan::matching::Source;
use safeguard_scan::tree::{Flags, Kind, NodeId, Role};

use crate::pointless::only_reports;
use crate::site::quoted;

/// How many functions of the file are followed from one.
const FOLLOWED_MAX: usize = 60;

/// Modules that compute.
const PURE_MODULES: &[&str] = &[
    "__future__",
    "abc",
    "base64",
    "binascii",
    "bisect",
    "calendar",
    "collections",
    "copy",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "enum",
    "fractions",
    "functools",
    "hashlib",
    "heapq",
    "hmac",
    "html",
    "ipaddress",
    "itertools",
    "json",
    "math",
    "numbers",
    "operator",
    "re",
    "statistics",
    "string",
    "struct",
    "textwrap",
    "types",
    "typing",
    "typing_extensions",
    "unicodedata",
    "urllib.parse",
    "zlib",
    "zoneinfo",
    "node:path",
    "node:util",
    "node:url",
    "path",
    "util",
    "url",
];

/// Names that every file has, and that read or change something: the clock, chance, files, the network, the process.
const IMPURE: &[&str] = &[
    "__import__",
    "breakpoint",
    "compile",
    "eval",
    "exec",
    "exit",
    "globals",
    "input",
    "open",
    "quit",
    "setattr",
    "delattr",
    "vars",
    "id",
    "hash",
    "fetch",
    "require",
    "process",
    "document",
    "window",
    "globalThis",
    "localStorage",
    "sessionStorage",
    "navigator",
    "performance",
    "crypto",
    "setTimeout",
    "setInterval",
    "setImmediate",
    "queueMicrotask",
    "XMLHttpRequest",
    "WebSocket",
    "Worker",
    "Deno",
    "Bun",
    "alert",
    "Function",
    "WeakRef",
];

/// Methods that tell another thing each time, whatever they belong to.
const IMPURE_METHODS: &[&str] = &[
    "now",
    "today",
    "utcnow",
    "random",
    "randint",
    "uuid4",
    "uuid1",
    "urandom",
    "getrandbits",
    "randomUUID",
    "getRandomValues",
    "commit",
    "execute",
    "save",
    "flush",
    "recv",
    "sendall",
    "request",
    "fetchall",
    "fetchone",
    "read_text",
    "write_text",
    "toLocaleString",
    "toLocaleDateString",
    "toLocaleTimeString",
];

/// Says of the function why it can not be called to compare; `Ok` where nothing speaks against it.
pub fn of(source: &Source, function: NodeId) -> Result<(), String> {
    let mut followed = BTreeSet::from([function]);
    let mut left = vec![function];
    while let Some(next) = left.pop() {
        for called in one(source, next)? {
            if followed.insert(called) {
                left.push(called);
            }
        }
        if followed.len() > FOLLOWED_MAX {
            return Err(format!("calls more than {FOLLOWED_MAX} functions"));
        }
    }
    Ok(())
}

/// Looks at one function, and gives the functions of the file that it calls.
fn one(source: &Source, function: NodeId) -> Result<Vec<NodeId>, String> {
    let tree = &source.tree;
    let mut called = Vec::new();
    if tree.flags(function).has(Flags::ASYNC) {
        return Err("is asynchronous".to_owned());
    }
    for decorator in tree.children_in(function, Role::Decorator) {
        let text = tree.source(decorator);
        let pure = [
            "cache",
            "lru_cache",
            "staticmethod",
            "classmethod",
            "property",
            "total_ordering",
            "dataclass",
            "wraps",
            "override",
        ];
        if !pure.iter().any(|name| text.contains(name)) {
            return Err(format!("is under {}", quoted(text)));
        }
    }
    for id in tree.subtree(function) {
        match tree.kind(id) {
            Kind::Await => return Err("waits".to_owned()),
            Kind::Global => return Err(format!("writes {}", quoted(tree.source(id)))),
            Kind::Assign | Kind::Delete => {
                for target in tree.children_in(id, Role::Target) {
                    writes(source, function, target)?;
                }
            }
            Kind::Name => {
                if let Some(other) = name(source, function, id)? {
                    called.push(other);
                }
            }
            Kind::Call | Kind::New => call(source, function, id)?,
            _ => {}
        }
    }
    Ok(called)
}

/// Whether a name is one that the function or something in it binds.
fn is_local(source: &Source, function: NodeId, id: NodeId) -> bool {
    let tree = &source.tree;
    source
        .names
        .binder(tree, id, tree.name(id))
        .is_some_and(|(scope, _)| scope.is_some_and(|scope| tree.within(scope, function)))
}

fn writes(source: &Source, function: NodeId, target: NodeId) -> Result<(), String> {
    let tree = &source.tree;
    let mut root = target;
    while matches!(tree.kind(root), Kind::Member | Kind::Index) {
        match tree.child(root, Role::Object) {
            Some(object) => root = object,
            None => break,
        }
    }
    match tree.kind(root) {
        Kind::Name
            if root == target
                || is_local(source, function, root)
                || matches!(tree.name(root), "self" | "cls" | "this") =>
        {
            Ok(())
        }
        Kind::Tuple | Kind::List | Kind::Object => Ok(()),
        _ => Err(format!("writes {}", quoted(tree.source(target)))),
    }
}

/// What a name stands for: nothing impure; a function or class of the file is followed.
fn name(source: &Source, function: NodeId, id: NodeId) -> Result<Option<NodeId>, String> {
    let tree = &source.tree;
    if is_local(source, function, id) {
        return Ok(None);
    }
    let name = tree.name(id);
    if let Some(module) = source.names.imported(name) {
        let is_raised = tree
            .ancestors(id)
            .take_while(|around| *around != function)
            .any(|around| matches!(tree.kind(around), Kind::Raise | Kind::Catch | Kind::Type));
        let is_pure = PURE_MODULES.iter().any(|pure| {
            module == *pure
                || module
                    .strip_prefix(pure)
                    .is_some_and(|rest| rest.starts_with('.'))
        });
        return match is_raised || is_pure {
            true => Ok(None),
            false => Err(format!(
                "uses {}, which is not known to compute only",
                quoted(module)
            )),
        };
    }
    if IMPURE.contains(&name) && source.names.binder(tree, id, name).is_none() {
        return Err(format!("uses {}", quoted(name)));
    }
    // A function or a class at the top of the file.
    let own = tree.children(NodeId::ROOT).find(|statement| {
        matches!(tree.kind(*statement), Kind::Function | Kind::Class) && tree.name(*statement) == name
    });
    Ok(own)
}

fn call(source: &Source, function: NodeId, id: NodeId) -> Result<(), String> {
    let tree = &source.tree;
    let Some(callee) = tree.child(id, Role::Callee) else {
        return Ok(());
    };
    if only_reports(tree, id) {
        return Ok(());
    }
    if tree.kind(callee) == Kind::Member && IMPURE_METHODS.contains(&tree.name(callee)) {
        return Err(format!("calls {}", quoted(tree.source(callee))));
    }
    let is_clock =
        tree.kind(id) == Kind::New && tree.source(callee) == "Date" && tree.child(id, Role::Arg).is_none();
    if is_clock {
        return Err("reads the clock".to_owned());
    }
    // A function that is kept in a name of the file may be any.
    if tree.kind(callee) == Kind::Name && !is_local(source, function, callee) {
        let is_kept = source.tree.children(NodeId::ROOT).any(|statement| {
            tree.kind(statement) == Kind::Assign
                && tree
                    .child(statement, Role::Target)
                    .is_some_and(|target| tree.name(target) == tree.name(callee))
                && tree
                    .child(statement, Role::Value)
                    .is_some_and(|value| tree.kind(value) != Kind::Lambda)
        });
        if is_kept {
            return Err(format!(
                "calls {}, which may be any function",
                quoted(tree.source(callee))
            ));
        }
    }
    Ok(())
}

/// Whether loading the file does no more than define what is in it.
pub fn loads_alone(source: &Source) -> Result<(), String> {
    let tree = &source.tree;
    for statement in tree.children(NodeId::ROOT) {
        let value = match tree.kind(statement) {
            Kind::Assign | Kind::ExprStmt => tree.child(statement, Role::Value),
            Kind::For | Kind::ForEach | Kind::While | Kind::With => Some(statement),
            Kind::If
                if is_for_starts(
                    tree.child(statement, Role::Condition)
                        .map_or("", |condition| tree.source(condition)),
                ) =>
            {
                None
            }
            Kind::If => Some(statement),
            _ => None,
        };
        let does = value
            .into_iter()
            .flat_map(|value| tree.subtree(value))
            .find(|id| {
                let in_function = tree
                    .ancestors(*id)
                    .any(|around| matches!(tree.kind(around), Kind::Lambda | Kind::Function));
                matches!(tree.kind(*id), Kind::Call | Kind::New | Kind::Await)
                    && !in_function
                    && !defines(source, *id)
            });
        if let Some(does) = does {
            return Err(format!(
                "is in a file that calls {} when it is loaded",
                quoted(tree.source(does))
            ));
        }
    }
    Ok(())
}

fn is_for_starts(condition: &str) -> bool {
    ["TYPE_CHECKING", "__name__", "sys.version_info", "require.main"]
        .iter()
        .any(|word| condition.contains(word))
}

/// Calls that make a value and nothing else: of pure modules, of plain constructors, of loggers.
fn defines(source: &Source, call: NodeId) -> bool {
    const PLAIN: &[&str] = &[
        "frozenset",
        "set",
        "dict",
        "list",
        "tuple",
        "int",
        "float",
        "str",
        "range",
        "len",
        "sum",
        "min",
        "max",
        "sorted",
        "getLogger",
        "Map",
        "Set",
        "RegExp",
        "Symbol",
        "freeze",
        "fromEntries",
        "entries",
        "keys",
        "values",
        "BigInt",
        "Number",
        "TypeVar",
        "NewType",
        "namedtuple",
        "split",
        "join",
        "upper",
        "lower",
    ];
    let tree = &source.tree;
    let Some(callee) = tree.child(call, Role::Callee) else {
        return false;
    };
    let own_class = || {
        tree.children(NodeId::ROOT).any(|statement| {
            tree.kind(statement) == Kind::Class && tree.name(statement) == tree.source(callee)
        })
    };
    let qualified = source.names.qualified(tree, callee).unwrap_or_default();
    PLAIN.contains(&tree.name(callee))
        || own_class()
        || PURE_MODULES.iter().any(|pure| {
            qualified
                .strip_prefix(pure)
                .is_some_and(|rest| rest.starts_with('.'))
        })
        || tree.language() != Language::Python && qualified == "require"
}
