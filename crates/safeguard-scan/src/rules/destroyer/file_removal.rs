//! The file that a database or its dump lives in is removed.

mod joined;
mod setting;

use safeguard_api::evidence::Severity;

use super::EVERY;
use crate::analysis::code::Code;
use crate::analysis::meant::{asks_first, earlier_exits, named_so, undoes_or_tests};
use crate::analysis::paths::{self, Place};
use crate::analysis::sql_text::{self, HOLE};
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

/// Folders with all they hold.
pub static RECURSIVE: Check = Check {
    id: "recursive-removal",
    failure: "X1",
    severity: Severity::Critical,
    confidence: Confidence::High,
    cwe: &["CWE-1057"],
    languages: crate::rules::ALL_LANGUAGES,
    run: recursive,
};

/// Files of a loop over a folder.
pub static CLEAN_UP: Check = Check {
    id: "unbounded-cleanup",
    failure: "X1",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-1057"],
    languages: EVERY,
    run: clean_up,
};

/// The file that a database lives in.
pub static DATABASE: Check = Check {
    id: "database-file-removal",
    failure: "X1",
    severity: Severity::Critical,
    confidence: Confidence::High,
    cwe: &["CWE-1057"],
    languages: EVERY,
    run: database,
};

fn recursive(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in code.calls() {
        let Some(path) = recursively_removed(code, call) else {
            continue;
        };
        let only_if_passing = code
            .conditions_around(call)
            .into_iter()
            .any(|condition| code.mentions(condition, |name| has_word(name, &["temp", "tmp", "temporary"])));
        if undoes_or_tests(code, call) || only_if_passing {
            continue;
        }
        let empty = empty_default(code, path);
        match paths::place(code, path) {
            // A scratch folder that is not named is the folder around it.
            Place::Passing => {
                if let Some(name) = setting::may_be_unset(code, project, path) {
                    reports.add(call, setting::told(&name));
                }
            }
            Place::Precious(what) if empty.is_none() => {
                let told = format!(
                    "`{}` removes {what} with all it holds",
                    code.path(call).trim_start_matches('.')
                );
                if asks_first(code, call) || is_below(code, path) {
                    reports.note(call, told);
                } else {
                    reports.add(call, told);
                }
            }
            Place::Precious(_) | Place::Unknown => {
                if let Some(variable) = empty {
                    reports.add(
                        call,
                        format!("without `{variable}` this removes another folder than is meant, with all it holds"),
                    );
                } else if from_client(code, path) {
                    reports.add(
                        call,
                        "a client says which folder is removed here, with all it holds",
                    );
                } else if let Some(name) = setting::may_be_unset(code, project, path) {
                    reports.add(call, setting::told(&name));
                } else if let Some(name) = joined::may_be_the_folder_itself(code, path) {
                    reports.note(
                        call,
                        format!("with an empty `{name}` this removes the folder around it, with all that others have there: nothing here asks"),
                    );
                }
            }
        }
    }
}

/// What a call removes with all it holds.
fn recursively_removed(code: Code<'_>, call: NodeId) -> Option<NodeId> {
    let first = || code.arg(call, 0);
    let yes = |name: &str| code.option(call, name).and_then(|value| code.boolean(value)) == Some(true);
    match code.tree.language() {
        Language::Python => matches!(
            code.path(call),
            "shutil.rmtree" | "distutils.dir_util.remove_tree"
        )
        .then(first)?,
        Language::Go => matches!(code.path(call), "os.RemoveAll" | "afero.RemoveAll").then(first)?,
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            let path = code.path(call);
            let is_fs = path.starts_with("fs.")
                || path.starts_with("fs/promises.")
                || path.starts_with("fs-extra")
                || path.starts_with("fsp.")
                || path.starts_with("fse.")
                || path.starts_with("fsPromises.");
            match code.called(call) {
                "rm" | "rmSync" | "rmdir" | "rmdirSync" if is_fs && yes("recursive") => first(),
                "remove" | "removeSync" | "emptyDir" | "emptyDirSync" if is_fs => first(),
                "rimraf" | "rimrafSync" | "del" | "deleteAsync" | "deleteSync"
                    if code.imports("rimraf") || code.imports("del") =>
                {
                    first()
                }
                "sync" if path == "rimraf.sync" || path == "del.sync" => first(),
                _ => None,
            }
        }
        Language::Java => (matches!(
            code.called(call),
            "deleteDirectory" | "deleteQuietly" | "cleanDirectory"
        ) && code
            .receiver(call)
            .is_some_and(|of| code.last_name(of) == "FileUtils"))
        .then(first)?,
        Language::Rust => code.path(call).ends_with("fs.remove_dir_all").then(first)?,
        Language::Dockerfile
        | Language::Hcl
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => None,
    }
}

/// Whether it is an entry of a folder that is named by a value: `join(UPLOADS, id)`.
fn is_below(code: Code<'_>, path: NodeId) -> bool {
    let value = code.set_to(path).unwrap_or(path);
    let value = code.bare(value);
    match code.kind(value) {
        Kind::Call => {
            matches!(
                code.called(value),
                "join" | "resolve" | "Join" | "joinpath" | "Path"
            ) && {
                let args = code.args(value);
                args.len() > 1
                    && args
                        .last()
                        .is_some_and(|last| !matches!(code.kind(code.literal(*last)), Kind::Str))
            }
        }
        Kind::Binary => {
            matches!(code.name(value), "/" | "+")
                && code
                    .child(value, Role::Right)
                    .is_some_and(|right| code.kind(code.literal(right)) != Kind::Str)
        }
        Kind::Interp => code
            .tree
            .children(value)
            .last()
            .is_some_and(|last| code.kind(last) != Kind::Str),
        _ => false,
    }
}

/// An environment variable or setting that is taken for empty if it is not set.
fn empty_default<'s>(code: Code<'s>, path: NodeId) -> Option<&'s str> {
    let mut at = path;
    for _ in 0..4 {
        for id in code.tree.subtree(at) {
            if code.kind(id) == Kind::Call && matches!(code.path(id), "os.environ.get" | "os.getenv") {
                let default = code.arg(id, 1)?;
                if code
                    .text(default)
                    .is_some_and(|text| matches!(text, "" | "/" | "."))
                {
                    return code.text(code.arg(id, 0)?);
                }
            }
            if code.kind(id) == Kind::Call
                && code.path(id) == "os.Getenv"
                && code.tree.language() == Language::Go
                && at != path
            {
                let name = code.arg(id, 0).and_then(|name| code.text(name))?;
                let asked = code
                    .conditions_around(path)
                    .into_iter()
                    .chain(earlier_exits(code, path))
                    .any(|condition| code.texts_in(condition).any(|text| text.is_empty()));
                return (!asked && code.kind(at) == Kind::Call && code.called(at) == "Join").then_some(name);
            }
            if code.kind(id) == Kind::Interp
                && let Some(member) = code.tree.children(id).next()
                && code.path_of(member).starts_with("process.env.")
                && code.tree.children(id).count() > 1
            {
                return Some(code.name(member));
            }
            if code.kind(id) == Kind::Binary
                && matches!(code.name(id), "or" | "??")
                && let (Some(left), Some(right)) = (code.child(id, Role::Left), code.child(id, Role::Right))
                && (code.path_of(left).starts_with("process.env.") || joined::is_joined(code, id))
                && code
                    .text(right)
                    .is_some_and(|text| matches!(text, "" | "/" | "."))
            {
                return Some(code.last_name(left));
            }
        }
        let next = code
            .tree
            .subtree(at)
            .filter(|id| code.kind(*id) == Kind::Name)
            .find_map(|name| code.set_to(name).filter(|value| !code.tree.within(*value, at)));
        at = next?;
    }
    None
}

fn from_client(code: Code<'_>, path: NodeId) -> bool {
    let value = code.set_to(path).unwrap_or(path);
    [path, value].into_iter().any(|part| {
        code.tree.subtree(part).any(|id| {
            code.kind(id) == Kind::Member
                && matches!(
                    code.name(id),
                    "query" | "body" | "params" | "args" | "form" | "json" | "GET" | "POST"
                )
                && code
                    .child(id, Role::Object)
                    .is_some_and(|of| matches!(code.name(of), "req" | "request"))
        })
    })
}

/// What a call removes: a file.
fn removed(code: Code<'_>, call: NodeId) -> Option<NodeId> {
    let path = code.path(call);
    let first = code.arg(call, 0);
    match (code.tree.language(), code.called(call)) {
        (Language::Python, "remove" | "unlink") => {
            if matches!(path, "os.remove" | "os.unlink") {
                first
            } else if code.called(call) == "unlink" && first.is_none() {
                code.receiver(call)
            } else {
                None
            }
        }
        (Language::Go, "Remove" | "RemoveAll") => {
            (path == "os.Remove" || path == "os.RemoveAll").then_some(first)?
        }
        (_, "unlink" | "unlinkSync" | "rm" | "rmSync") if path.starts_with("fs") => first,
        (Language::JavaScript | Language::TypeScript | Language::Tsx, "remove" | "removeSync")
            if path.starts_with("fs-extra") || path.starts_with("fse.") =>
        {
            first
        }
        _ => recursively_removed(code, call),
    }
}

fn clean_up(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in code.calls() {
        let Some(path) = removed(code, call) else {
            continue;
        };
        let Some((each, over)) = listing_around(code, call) else {
            continue;
        };
        if undoes_or_tests(code, call) || limited(code, call, each) || named_so(code, call) {
            continue;
        }
        let place = match paths::place(code, over) {
            Place::Unknown => paths::place(code, path),
            known => known,
        };
        let kinds = code
            .texts_in(over)
            .chain(conditions_within(code, call, each).flat_map(|condition| code.texts_in(condition)))
            .any(|text| {
                has_word(
                    text,
                    &[
                        "log", "bak", "backup", "dump", "sql", "db", "csv", "audit", "gz", "jsonl", "sqlite",
                        "archive",
                    ],
                )
            });
        let told = "removes every file that the loop comes across, whatever its age";
        match place {
            Place::Passing => {}
            Place::Precious(what) => {
                if asks_first(code, call) {
                    reports.note(call, format!("in {what} this {told}"));
                } else {
                    reports.add(call, format!("in {what} this {told}"));
                }
            }
            Place::Unknown if kinds => reports.add(call, format!("this {told}")),
            Place::Unknown => reports.note(call, format!("this {told}")),
        }
    }
}

/// The loop around a place that goes through a folder, and what it goes through.
fn listing_around(code: Code<'_>, call: NodeId) -> Option<(NodeId, NodeId)> {
    let lists = |id: NodeId| {
        code.tree
            .subtree(id)
            .find(|part| code.kind(*part) == Kind::Call && joined::LISTS.contains(&code.called(*part)))
    };
    for around in code.tree.ancestors(call) {
        match code.kind(around) {
            Kind::ForEach => {
                let iter = code.child(around, Role::Iter)?;
                let from = code.set_to(iter).unwrap_or(iter);
                let from = joined::given_by(code, from).unwrap_or(from);
                let list = lists(iter).or_else(|| lists(from));
                // A slice of a sorted list keeps the rest.
                let slices = [iter, from].into_iter().any(|part| {
                    code.tree.subtree(part).any(|id| {
                        matches!(code.kind(id), Kind::Slice)
                            || code.kind(id) == Kind::Call
                                && matches!(code.called(id), "slice" | "filter" | "islice" | "nsmallest")
                    }) || code
                        .tree
                        .subtree(part)
                        .any(|id| code.kind(id) == Kind::Clause && code.child(id, Role::Condition).is_some())
                });
                if let Some(list) = list
                    && !slices
                {
                    return Some((around, list));
                }
            }
            Kind::Lambda => {
                let parent = code.tree.parent(around)?;
                if code.kind(parent) == Kind::Call
                    && matches!(
                        code.called(parent),
                        "forEach" | "map" | "each" | "WalkDir" | "Walk"
                    )
                {
                    let of = code.receiver(parent)?;
                    let from = code.set_to(of).unwrap_or(of);
                    let filtered = [of, from].into_iter().any(|part| {
                        code.tree.subtree(part).any(|id| {
                            code.kind(id) == Kind::Call && matches!(code.called(id), "slice" | "filter")
                        })
                    });
                    if let Some(list) = lists(of)
                        .or_else(|| lists(from))
                        .or_else(|| matches!(code.called(parent), "WalkDir" | "Walk").then_some(parent))
                        && !filtered
                    {
                        return Some((around, list));
                    }
                }
            }
            Kind::Function => return None,
            _ => {}
        }
    }
    None
}

fn conditions_within(code: Code<'_>, call: NodeId, each: NodeId) -> impl Iterator<Item = NodeId> + '_ {
    let around: Vec<NodeId> = code
        .conditions_around(call)
        .into_iter()
        .filter(|condition| code.tree.within(*condition, each))
        .collect();
    let skips: Vec<NodeId> = earlier_exits(code, call)
        .into_iter()
        .filter(|condition| code.tree.within(*condition, each))
        .collect();
    around.into_iter().chain(skips)
}

/// Whether a condition asks more than what the file is called.
fn limited(code: Code<'_>, call: NodeId, each: NodeId) -> bool {
    conditions_within(code, call, each).any(|condition| {
        code.tree.subtree(condition).any(|id| match code.kind(id) {
            Kind::Binary | Kind::Compare => matches!(
                code.name(id),
                "<" | ">" | "<=" | ">=" | "in" | "not in" | "< <" | "-"
            ),
            Kind::Name | Kind::Member => has_word(
                code.name(id),
                &[
                    "mtime",
                    "ctime",
                    "age",
                    "old",
                    "expired",
                    "expires",
                    "stale",
                    "keep",
                    "retention",
                    "cutoff",
                    "orphan",
                    "orphaned",
                    "unused",
                    "older",
                    "seen",
                    "known",
                    "before",
                    "after",
                    "has",
                    "valid",
                    "needed",
                    "obsolete",
                    "owned",
                ],
            ),
            _ => false,
        })
    })
}

fn database(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in code.calls() {
        let Some(path) = removed(code, call) else {
            continue;
        };
        if undoes_or_tests(code, call) {
            continue;
        }
        let Some(text) = path_text(code, path) else {
            continue;
        };
        let lower = text.trim_end_matches(HOLE).to_ascii_lowercase();
        let is = [
            ".db", ".sqlite", ".sqlite3", ".db3", ".mdb", ".realm", ".duckdb", ".sql.gz", ".dump", ".bak",
            ".rdb",
        ]
        .iter()
        .any(|ending| lower.ends_with(ending));
        if !is
            || has_word(
                &lower,
                &[
                    "tmp", "temp", "test", "tests", "cache", "thumbs", "memory", "index", "lock", "partial",
                    "new",
                ],
            )
            || paths::place(code, path) == Place::Passing
        {
            continue;
        }
        let told = format!("removes the database file `{}`", text.replace(HOLE, "…"));
        // `copy(x, x + ".bak"); …; remove(x + ".bak")` takes away what it has made.
        if asks_first(code, call) || lower.ends_with(".bak") && text.contains(HOLE) {
            reports.note(call, told);
        } else {
            reports.add(call, told);
        }
    }
}

fn path_text(code: Code<'_>, path: NodeId) -> Option<String> {
    let value = code.bare(code.set_to(path).unwrap_or(path));
    if code.kind(value) == Kind::Call {
        let last = code.args(value).into_iter().next_back()?;
        return sql_text::text_of(code, last);
    }
    if code.kind(value) == Kind::Binary && code.name(value) == "/" {
        return sql_text::text_of(code, code.child(value, Role::Right)?);
    }
    sql_text::text_of(code, value)
}
