//! Files that are looked for first, and touched afterwards.

pub mod shell;

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls};
use crate::language::Language;
use crate::matching::{Source, canonical};
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "check-then-file",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-367"],
    languages: ALL_LANGUAGES,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    for id in source.of_kind(Kind::If).iter().copied() {
        let Some(path) = looked_for(source, id) else {
            continue;
        };
        let text = canonical(tree, path);
        let scope = bodies::enclosing(tree, id).unwrap_or(NodeId::ROOT);
        let nodes = bodies::running(tree, scope);
        let touched = nodes.into_iter().find(|call| {
            *call > path
                && matches!(tree.kind(*call), Kind::Call | Kind::New)
                && (tree.within(*call, id) || leaves(tree, id))
                && touches(source, *call, &text)
        });
        let Some(call) = touched else {
            continue;
        };
        // Tools that write lock files of packages make what is missing; whoever leaves where there is one keeps others out.
        let keeps_out = !matches!(tree.language(), Language::Java | Language::Rust) || !tree.within(call, id);
        if is_lock_file(source, path) && makes(source, call) && keeps_out {
            reports.add(
                call,
                "two processes at once both find no lock file, and both go on",
            );
        } else if !exclusive(tree, call) {
            reports.note(
                call,
                "this file may be made, changed or removed by others after it was looked for",
            );
        }
    }
}

fn leaves(tree: &Tree, id: NodeId) -> bool {
    tree.child(id, Role::Body).is_some_and(|body| {
        tree.children(body).last().is_some_and(|last| {
            matches!(tree.kind(last), Kind::Return | Kind::Raise | Kind::Continue)
                || tree.source(last).contains("exit(")
        })
    })
}

/// The path that a condition looks for.
fn looked_for(source: &Source, id: NodeId) -> Option<NodeId> {
    let tree = &source.tree;
    let condition = tree.child(id, Role::Condition)?;
    let init = tree.child(id, Role::Init);
    let parts = tree
        .subtree(condition)
        .chain(init.into_iter().flat_map(|init| tree.subtree(init)));
    let mut calls = parts.filter(|part| tree.kind(*part) == Kind::Call);
    calls.find_map(|call| match calls::path(source, call).as_str() {
        "os.path.exists" | "os.path.isfile" | "os.path.lexists" | "fs.existsSync" | "existsSync"
        | "os.Stat" | "Files.exists" => calls::arg(tree, call, 0),
        // `path.exists()` of Rust, `file.exists()` of Java's `File`
        _ if matches!(tree.language(), Language::Java | Language::Rust)
            && matches!(calls::name(tree, call), "exists" | "try_exists")
            && calls::args(tree, call).next().is_none() =>
        {
            calls::receiver(tree, call)
                .filter(|receiver| matches!(tree.kind(*receiver), Kind::Name | Kind::Member))
        }
        _ if tree.language() == Language::Python
            && matches!(calls::name(tree, call), "exists" | "is_file")
            && calls::args(tree, call).next().is_none() =>
        {
            calls::receiver(tree, call).filter(|receiver| {
                matches!(tree.kind(*receiver), Kind::Name | Kind::Member) && {
                    let name = tree.name(*receiver).to_ascii_lowercase();
                    ["path", "file", "dir", "lock", "pid"]
                        .iter()
                        .any(|word| name.contains(word))
                }
            })
        }
        _ => None,
    })
}

fn touches(source: &Source, call: NodeId, path: &str) -> bool {
    let tree = &source.tree;
    let first = calls::arg(tree, call, 0).is_some_and(|arg| canonical(tree, arg) == path);
    let on_it = calls::receiver(tree, call).is_some_and(|receiver| canonical(tree, receiver) == path);
    match calls::name(tree, call) {
        "open" => (first || on_it) && opens_to_write(tree, call),
        "remove" | "unlink" | "unlinkSync" | "rmSync" | "rename" | "Remove" | "Create" | "WriteFile"
        | "writeFileSync" | "writeFile" | "OpenFile" => first || on_it,
        // Rust's `File::create(path)` and `fs::write(path, …)`, Java's `Files.writeString(path, …)` and `new FileWriter(file)`
        "create" | "write" | "writeString" | "newBufferedWriter" | "newOutputStream" | "FileWriter"
        | "FileOutputStream" | "PrintWriter"
            if matches!(tree.language(), Language::Java | Language::Rust) =>
        {
            first
        }
        "write_text" | "write_bytes" | "touch" => on_it && calls::keyword(tree, call, "exist_ok").is_none(),
        _ => false,
    }
}

fn makes(source: &Source, call: NodeId) -> bool {
    !matches!(
        calls::name(&source.tree, call),
        "remove" | "unlink" | "unlinkSync" | "rmSync" | "Remove" | "rename"
    ) && !exclusive(&source.tree, call)
}

fn opens_to_write(tree: &Tree, call: NodeId) -> bool {
    tree.children_in(call, Role::Arg).any(|arg| {
        let value = if tree.kind(arg) == Kind::Keyword {
            tree.child(arg, Role::Value).unwrap_or(arg)
        } else {
            arg
        };
        tree.kind(value) == Kind::Str
            && tree.name(value).len() <= 3
            && tree.name(value).contains(['w', 'a', '+'])
    })
}

/// `open(path, "x")`, `{ flag: 'wx' }`, `O_EXCL`: whoever is second is told.
fn exclusive(tree: &Tree, call: NodeId) -> bool {
    tree.subtree(call).any(|id| {
        tree.kind(id) == Kind::Str && tree.name(id).len() <= 3 && tree.name(id).contains('x')
            || tree.name(id).ends_with("O_EXCL")
            || matches!(tree.name(id), "CREATE_NEW" | "create_new")
    })
}

fn is_lock_file(source: &Source, path: NodeId) -> bool {
    let tree = &source.tree;
    let value = source.names.constant(tree, path).unwrap_or(path);
    [tree.source(path), tree.source(value)].iter().any(|text| {
        let text = text.to_ascii_lowercase();
        let is_lock = text
            .match_indices("lock")
            .any(|(at, _)| !text[..at].ends_with(['b', 'c']) && !text[at..].starts_with("lockfile_version"));
        is_lock
            && ![
                "package-lock",
                "yarn.lock",
                "poetry.lock",
                "cargo.lock",
                "pnpm-lock",
                "lockfile_json",
            ]
            .iter()
            .any(|known| text.contains(known))
            || text.contains(".pid")
            || text.contains("pid_file")
            || text.contains("pidfile")
    })
}
