//! Electron: a page that reaches the machine it is shown on, and links that are opened whatever they name.

use safeguard_api::evidence::Severity;

use super::tls_not_verified::short;
use crate::analysis::code::Code;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "electron-walls",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-1188", "CWE-749"],
    languages: &[Language::JavaScript, Language::Tsx, Language::TypeScript],
    run,
};

/// What opens a window's page to the machine: the setting, the value that opens it, whether it is one in nearly every window, and what comes of it.
const WALLS: &[(&str, bool, bool, &str)] = &[
    (
        "nodeIntegration",
        true,
        true,
        "a script in the page may read and run what the user may",
    ),
    (
        "nodeIntegrationInSubFrames",
        true,
        true,
        "a frame in the page may read and run what the user may",
    ),
    (
        "contextIsolation",
        false,
        true,
        "a script in the page reaches what the preload script holds",
    ),
    (
        "webSecurity",
        false,
        true,
        "a page reads the answers of every other origin",
    ),
    (
        "allowRunningInsecureContent",
        true,
        true,
        "a script that came without TLS runs in a page that came with it",
    ),
    (
        "enableRemoteModule",
        true,
        true,
        "the page calls whatever the main process can",
    ),
    (
        "experimentalFeatures",
        true,
        false,
        "what is not finished is open to the page",
    ),
    (
        "sandbox",
        false,
        false,
        "whoever breaks out of the page is not held by the system",
    ),
    (
        "webviewTag",
        true,
        false,
        "the page makes windows with settings of its own",
    ),
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    if !code.imports("electron") {
        return;
    }
    for pair in source.of_kind(Kind::Pair).iter().copied() {
        if code.key(pair) == Some("webPreferences")
            && let Some(value) = code.child(pair, Role::Value)
        {
            preferences(code, code.set_to(value).unwrap_or(value), reports);
        }
    }
    for call in code.calls() {
        opened(code, call, reports);
    }
}

fn preferences(code: Code<'_>, object: NodeId, reports: &mut Reports) {
    for (name, opens, sure, why) in WALLS {
        let Some(value) = code
            .entry(object, name)
            .filter(|value| code.boolean(*value) == Some(*opens))
        else {
            continue;
        };
        let node = code.tree.parent(value).unwrap_or(value);
        let message = format!("with `{name}: {opens}`, {why}");
        if *sure {
            reports.add(node, message);
        } else {
            reports.note(node, message);
        }
    }
}

/// `ipcMain.handle('open', (event, url) => shell.openExternal(url))`
fn opened(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    if !matches!(
        code.path(call),
        "electron.shell.openExternal" | "shell.openExternal"
    ) {
        return;
    }
    let Some(url) = code.arg(call, 0) else {
        return;
    };
    let name = code.first_name(url);
    let Some(handler) = code.functions(call).find(|function| {
        code.tree.children_in(*function, Role::Param).any(|param| {
            code.name(param) == name
                || code
                    .tree
                    .subtree(param)
                    .any(|part| code.kind(part) == Kind::Name && code.name(part) == name)
        })
    }) else {
        return;
    };
    let checked = code.tree.subtree(handler).any(|id| {
        matches!(code.kind(id), Kind::Name | Kind::Member | Kind::Str | Kind::Regex)
            && (has_word(
                code.name(id),
                &[
                    "protocol", "allowed", "allow", "safe", "valid", "trusted", "origin",
                ],
            ) || matches!(code.name(id), "startsWith" | "includes" | "test" | "match")
                || code.name(id).contains("isSafe"))
    });
    let registered = code
        .tree
        .parent(handler)
        .filter(|parent| code.kind(*parent) == Kind::Call);
    let from_page = registered.is_some_and(|registered| {
        matches!(code.called(registered), "handle" | "handleOnce" | "on" | "once")
            && code
                .receiver(registered)
                .is_some_and(|of| code.last_name(of) == "ipcMain")
    });
    if checked || registered.is_none() {
        return;
    }
    let message = format!(
        "`{}` opens whatever the page names, also `file:` and what starts a program: ask for `https:` first",
        short(code, call)
    );
    if from_page {
        reports.add(call, message);
    } else {
        reports.note(call, message);
    }
}
