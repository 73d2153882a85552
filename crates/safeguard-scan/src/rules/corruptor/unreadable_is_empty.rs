//! What is kept in a file counts as empty when it can not be read, and is written back like that.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::has_word;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports, SCRIPT_LANGUAGES};
use crate::tree::{Kind, NodeId, Role};

use super::swallowed;

check!(CHECK, "unreadable-is-empty", "CWE-390", SCRIPT_LANGUAGES, run);

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for attempt in source.of_kind(Kind::Try).iter().copied() {
        let Some(body) = code.child(attempt, Role::Body).filter(|body| reads(code, *body)) else {
            continue;
        };
        let Some(reader) = code
            .function(attempt)
            .filter(|reader| !code.function_name(*reader).is_empty())
        else {
            continue;
        };
        // Not the whole text as it is: something that is added to later.
        let gives_back = code
            .tree
            .subtree(body)
            .any(|id| code.kind(id) == Kind::Return || code.kind(id) == Kind::Assign);
        let empty = code.tree.children_in(attempt, Role::Handler).find(|handler| {
            swallowed::is_broad(code, *handler) && gives_empty(code, *handler) && !asks_what(code, *handler)
        });
        let Some(empty) = empty.filter(|_| gives_back && !undoes_or_tests(code, attempt)) else {
            continue;
        };
        let name = code.function_name(reader);
        if is_minor(name) || is_minor(&source.path) {
            continue;
        }
        let functions = [Kind::Function, Kind::Lambda].map(|kind| source.of_kind(kind));
        let written = functions.into_iter().flatten().copied().find(|writer| {
            let own = code.own(*writer);
            let calls = own
                .iter()
                .position(|id| code.kind(*id) == Kind::Call && code.called(*id) == name);
            calls.is_some_and(|at| own.iter().skip(at).any(|id| writes_back(code, *id)))
        });
        if let Some(writer) = written {
            reports.add(
                empty,
                format!(
                    "a file that can not be read for once counts as empty, and `{}` then writes that over all that was kept",
                    code.function_name(writer)
                ),
            );
        }
    }
}

/// `json.load(file)`, `JSON.parse(readFileSync(path))`
fn reads(code: Code<'_>, body: NodeId) -> bool {
    let mut parses = false;
    let mut opens = false;
    for call in code.tree.subtree(body).filter(|id| code.kind(*id) == Kind::Call) {
        match code.path(call) {
            "json.load" | "yaml.safe_load" | "pickle.load" | "toml.load" => {
                parses = true;
                opens = true;
            }
            "json.loads" | "JSON.parse" | "pickle.loads" => parses = true,
            _ => {
                opens |= matches!(
                    code.called(call),
                    "open" | "read_text" | "readFileSync" | "readFile" | "read_bytes"
                )
            }
        }
    }
    parses && opens
}

/// Whether a handler does nothing but give back what has nothing in it.
fn gives_empty(code: Code<'_>, handler: NodeId) -> bool {
    code.tree.subtree(handler).any(|id| {
        let value = match code.kind(id) {
            Kind::Return | Kind::Assign => code.child(id, Role::Value),
            _ => None,
        };
        value.is_some_and(|value| match code.kind(value) {
            Kind::Object | Kind::List => code.tree.children(value).next().is_none(),
            Kind::Call => matches!(code.tree.source(value), "dict()" | "list()"),
            _ => false,
        })
    })
}

/// Whether it asks for the file that is not there yet, or keeps the one that can not be read.
fn asks_what(code: Code<'_>, handler: NodeId) -> bool {
    let text = code.tree.source(handler);
    [
        "ENOENT",
        "FileNotFound",
        ".code",
        "errno",
        "rename",
        "copy",
        "backup",
        "raise",
        "throw",
        "isinstance",
    ]
    .iter()
    .any(|word| text.contains(word))
}

fn writes_back(code: Code<'_>, call: NodeId) -> bool {
    code.kind(call) == Kind::Call
        && (matches!(
            code.path(call),
            "json.dump" | "yaml.dump" | "yaml.safe_dump" | "pickle.dump" | "toml.dump"
        ) || matches!(
            code.called(call),
            "write_text" | "writeFileSync" | "writeFile" | "write_bytes"
        ) || code.called(call).starts_with("save")
            && code.receiver(call).is_none()
            && code.args(call).len() <= 2)
}

/// What may be lost: it is made anew, or is only for convenience.
fn is_minor(name: &str) -> bool {
    const MINOR: &[&str] = &[
        "cache",
        "cached",
        "caches",
        "config",
        "settings",
        "preferences",
        "prefs",
        "history",
        "recent",
        "session",
        "seen",
        "manifest",
        "stats",
        "tmp",
        "temp",
        "lock",
        "package",
        "tsconfig",
        "theme",
        "layout",
        "window",
        "telemetry",
        "fixture",
        "snapshot",
        "report",
    ];
    has_word(name, MINOR)
}
