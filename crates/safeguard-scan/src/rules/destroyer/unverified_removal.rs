//! The original is removed although nobody knows whether its copy was made.

use safeguard_api::evidence::Severity;

use super::EVERY;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::paths::{self, Place};
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "original-removed-unverified",
    failure: "X1",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-755"],
    languages: EVERY,
    run,
};

pub static TRUNCATED: Check = Check {
    id: "truncated-before-read",
    failure: "X1",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-662"],
    languages: EVERY,
    run: truncated,
};

const COPIES: &[&str] = &[
    "copy",
    "copy2",
    "copyfile",
    "copytree",
    "copyFile",
    "copyFileSync",
    "cp",
    "cpSync",
    "upload",
    "upload_file",
    "upload_fileobj",
    "put_object",
    "putObject",
    "uploadFile",
    "upload_from_filename",
    "copy_object",
    "copyObject",
    "Copy",
    "CopyFile",
    "Upload",
    "PutObject",
    "UploadFile",
    "archive",
    "backup",
    "save",
    "insert_many",
    "insertMany",
    "bulk_create",
    "make_archive",
    "migrate",
    "transfer",
    "send",
    "sync",
    "archive_file",
    "store",
    "export",
];

const REMOVES: &[&str] = &[
    "remove",
    "unlink",
    "rmtree",
    "unlinkSync",
    "rm",
    "rmSync",
    "Remove",
    "RemoveAll",
    "delete_object",
    "deleteObject",
    "delete",
    "delete_file",
    "DeleteObject",
    "deleteMany",
    "delete_many",
    "drop",
    "delete_blob",
    "deleteFile",
    "removeSync",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for attempt in source.of_kind(Kind::Try) {
        after_swallowing(code, *attempt, reports);
        in_handler(code, *attempt, reports);
        in_finally(code, *attempt, reports);
    }
    if code.tree.language() == Language::Go {
        for call in source.of_kind(Kind::Call) {
            ignored_copy(code, *call, reports);
        }
    }
}

fn calls_in(code: Code<'_>, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
    code.tree
        .subtree(id)
        .filter(move |part| code.kind(*part) == Kind::Call)
}

/// What a call copies or removes.
fn subject(code: Code<'_>, call: NodeId) -> Option<NodeId> {
    code.arg(call, 0)
        .filter(|arg| code.kind(*arg) != Kind::Str)
        .or_else(|| code.receiver(call).filter(|_| code.args(call).is_empty()))
}

/// Whether a handler goes on as if nothing had happened.
fn swallows(code: Code<'_>, attempt: NodeId) -> bool {
    code.tree.children_in(attempt, Role::Handler).any(|handler| {
        code.child(handler, Role::Body).is_some_and(|body| {
            !code.tree.subtree(body).any(|id| {
                matches!(
                    code.kind(id),
                    Kind::Raise | Kind::Return | Kind::Continue | Kind::Break
                ) || code.kind(id) == Kind::Assign
                    || code.kind(id) == Kind::Call
                        && matches!(code.called(id), "exit" | "abort" | "next" | "reject" | "fail")
            })
        })
    })
}

/// `try: upload(x) except: log()`, and then `remove(x)`.
fn after_swallowing(code: Code<'_>, attempt: NodeId, reports: &mut Reports) {
    let Some(body) = code.child(attempt, Role::Body) else {
        return;
    };
    if !swallows(code, attempt) {
        return;
    }
    let copied: Vec<NodeId> = calls_in(code, body)
        .filter(|call| COPIES.contains(&code.called(*call)))
        .flat_map(|call| code.args(call))
        .filter(|arg| matches!(code.kind(*arg), Kind::Name | Kind::Member))
        .collect();
    let Some(block) = code.tree.parent(attempt) else {
        return;
    };
    let end = code.tree.span(attempt).end;
    for statement in code
        .tree
        .children(block)
        .filter(|statement| code.tree.span(*statement).start >= end)
    {
        for call in calls_in(code, statement) {
            if !REMOVES.contains(&code.called(call)) || undoes_or_tests(code, call) {
                continue;
            }
            let conditional = code
                .conditions_around(call)
                .iter()
                .any(|condition| code.tree.within(*condition, statement));
            if let Some(of) = subject(code, call)
                && copied.iter().any(|one| code.same(*one, of))
                && !conditional
                && paths::place(code, of) != Place::Passing
            {
                reports.add(
                    call,
                    format!(
                        "removes `{}` also when its copy has failed: the error is swallowed above",
                        code.tree.source(of)
                    ),
                );
            }
        }
    }
}

/// `except: remove(x)`: what can not be read is deleted.
fn in_handler(code: Code<'_>, attempt: NodeId, reports: &mut Reports) {
    let Some(body) = code.child(attempt, Role::Body) else {
        return;
    };
    let reads = calls_in(code, body).filter(|call| {
        matches!(
            code.called(*call),
            "load"
                | "loads"
                | "parse"
                | "read"
                | "read_text"
                | "readFileSync"
                | "readFile"
                | "open"
                | "read_csv"
                | "connect"
                | "ReadFile"
                | "parse_file"
        )
    });
    let read: Vec<NodeId> = reads
        .flat_map(|call| code.args(call).into_iter().chain(code.receiver(call)))
        .filter(|arg| matches!(code.kind(*arg), Kind::Name | Kind::Member))
        .collect();
    let writes = calls_in(code, body).any(|call| {
        matches!(
            code.called(call),
            "write"
                | "dump"
                | "writeFile"
                | "writeFileSync"
                | "write_text"
                | "write_bytes"
                | "download"
                | "urlretrieve"
                | "rename"
                | "save"
                | "move"
                | "replace"
                | "copyfileobj"
        ) || code.called(call) == "open"
            && code.args(call).get(1).is_some_and(|mode| {
                code.text(*mode)
                    .is_some_and(|mode| mode.contains(['w', 'a', 'x']))
            })
    });
    if writes {
        return;
    }
    for handler in code.tree.children_in(attempt, Role::Handler) {
        for call in calls_in(code, handler) {
            if !REMOVES.contains(&code.called(call)) || undoes_or_tests(code, call) {
                continue;
            }
            if let Some(of) = subject(code, call)
                && read.iter().any(|one| code.same(*one, of))
                && paths::place(code, of) != Place::Passing
                && !has_word(
                    code.tree.source(of),
                    &["lock", "pid", "cache", "cached", "tmp", "temp", "sock", "socket"],
                )
            {
                reports.note(
                    call,
                    format!("deletes `{}` when it can not be read", code.tree.source(of)),
                );
            }
        }
    }
}

/// `finally: remove(x)` beside an upload of `x` in the body.
fn in_finally(code: Code<'_>, attempt: NodeId, reports: &mut Reports) {
    let (Some(body), Some(finally)) = (
        code.child(attempt, Role::Body),
        code.child(attempt, Role::Finally),
    ) else {
        return;
    };
    let copied: Vec<NodeId> = calls_in(code, body)
        .filter(|call| COPIES.contains(&code.called(*call)))
        .flat_map(|call| code.args(call))
        .filter(|arg| matches!(code.kind(*arg), Kind::Name | Kind::Member))
        .collect();
    for call in calls_in(code, finally) {
        if REMOVES.contains(&code.called(call))
            && !undoes_or_tests(code, call)
            && let Some(of) = subject(code, call)
            && copied.iter().any(|one| code.same(*one, of))
            && paths::place(code, of) != Place::Passing
            && is_original(code, of)
        {
            reports.note(
                call,
                format!("removes `{}` also when its copy has failed", code.tree.source(of)),
            );
        }
    }
}

/// A name that the function has not made the file for itself.
fn is_original(code: Code<'_>, of: NodeId) -> bool {
    has_word(
        code.tree.source(of),
        &["source", "src", "original", "orig", "old"],
    )
}

/// Go: `copyFile(a, b)` with its error left out of account, and then `os.Remove(a)`.
fn ignored_copy(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    if !has_word(
        code.called(call),
        &["copy", "upload", "backup", "archive", "transfer"],
    ) || undoes_or_tests(code, call)
    {
        return;
    }
    let Some(statement) = code.tree.parent(call) else {
        return;
    };
    let ignored = match code.kind(statement) {
        Kind::ExprStmt => true,
        Kind::Assign => code
            .tree
            .children_in(statement, Role::Target)
            .flat_map(|target| code.tree.subtree(target))
            .all(|target| code.kind(target) == Kind::Tuple || code.name(target) == "_"),
        _ => false,
    };
    let Some(block) = code.tree.parent(statement).filter(|_| ignored) else {
        return;
    };
    let end = code.tree.span(statement).end;
    for later in code
        .tree
        .children(block)
        .filter(|later| code.tree.span(*later).start >= end)
    {
        for removal in calls_in(code, later) {
            if matches!(code.path(removal), "os.Remove" | "os.RemoveAll")
                && let Some(of) = code.arg(removal, 0)
                && code.args(call).iter().any(|arg| code.same(*arg, of))
            {
                reports.add(
                    removal,
                    format!(
                        "removes `{}` also when its copy has failed: the error is left out of account above",
                        code.tree.source(of)
                    ),
                );
            }
        }
    }
}

/// A file is opened for writing, which empties it, and only then read.
fn truncated(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.of_kind(Kind::Call) {
        let Some(path) = emptied(code, *call) else {
            continue;
        };
        if !matches!(code.kind(path), Kind::Name | Kind::Member | Kind::Str) {
            continue;
        }
        // The statement that it is opened in; with `with`, its body.
        let Some(opened) = code
            .tree
            .ancestors(*call)
            .find(|around| matches!(code.kind(*around), Kind::With | Kind::Assign | Kind::ExprStmt))
        else {
            continue;
        };
        let scope = code.function(*call).unwrap_or(NodeId::ROOT);
        let within = if code.kind(opened) == Kind::With {
            opened
        } else {
            scope
        };
        let end = code.tree.span(*call).end;
        let read = code
            .tree
            .subtree(within)
            .filter(|id| code.kind(*id) == Kind::Call && code.tree.span(*id).start >= end)
            .find(|id| reads(code, *id).is_some_and(|other| code.same(other, path)));
        let Some(read) = read else {
            continue;
        };
        let nearest = code.kind(opened) == Kind::With
            || code.kind(opened) == Kind::ExprStmt && code.tree.within(read, opened);
        if nearest && !undoes_or_tests(code, *call) {
            reports.add(
                read,
                format!(
                    "reads `{}` when it has been emptied already: it is open for writing",
                    code.tree.source(path)
                ),
            );
        }
    }
}

fn emptied(code: Code<'_>, call: NodeId) -> Option<NodeId> {
    let mode = |mode: NodeId| {
        code.text(mode)
            .is_some_and(|mode| mode.starts_with('w') && !mode.contains("+r"))
    };
    match code.called(call) {
        "open"
            if code.receiver(call).is_none()
                || code.path(call) == "io.open"
                || code.path(call) == "codecs.open" =>
        {
            let given = code.arg(call, 1).or_else(|| code.option(call, "mode"))?;
            mode(given).then(|| code.arg(call, 0))?
        }
        "open" if code.tree.language() == Language::Python => {
            let given = code.arg(call, 0).or_else(|| code.option(call, "mode"))?;
            mode(given).then(|| code.receiver(call))?
        }
        "createWriteStream" if !code.mentions_text(call, "a") => code.arg(call, 0),
        _ => None,
    }
}

fn reads(code: Code<'_>, call: NodeId) -> Option<NodeId> {
    match code.called(call) {
        "open" if code.receiver(call).is_none() => {
            let given = code.arg(call, 1).or_else(|| code.option(call, "mode"));
            given
                .is_none_or(|mode| code.text(mode).is_some_and(|mode| mode.starts_with('r')))
                .then(|| code.arg(call, 0))?
        }
        "read_text" | "read_bytes" => code.receiver(call),
        "createReadStream" | "readFileSync" | "read_csv" | "read_json" => code.arg(call, 0),
        _ => None,
    }
}
