//! Waiting for another service as long as that likes.

mod served;
mod taken;

pub use served::IN_HANDLER;
pub use taken::COMPARISON;

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, EVERY_LANGUAGE, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "missing-timeout",
    failure: "X2",
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    cwe: &["CWE-400", "CWE-1088"],
    languages: EVERY_LANGUAGE,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    match tree.language() {
        Language::Python => {
            for id in source.of_kind(Kind::Call).iter().copied() {
                python(source, id, reports);
            }
        }
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            for id in source.of_kind(Kind::Call).iter().copied() {
                javascript(source, id, reports);
            }
        }
        Language::Go => {
            for id in source.of_kind(Kind::Call).iter().copied() {
                let path = calls::path(source, id);
                if matches!(
                    path.as_str(),
                    "http.Get" | "http.Post" | "http.PostForm" | "http.Head"
                ) {
                    reports.add(id, format!("`{path}` has no timeout: a server that does not answer holds this goroutine for ever"));
                }
            }
            for id in source.of_kind(Kind::Composite).iter().copied() {
                if tree.name(id) == "http.Client"
                    && calls::entry(tree, id, "Timeout").is_none()
                    && !sets_timeout_later(source, id)
                {
                    reports.add(id, "this client has no `Timeout`: a server that does not answer holds its goroutine for ever");
                }
                let is_server = tree.name(id) == "http.Server" && calls::entry(tree, id, "Addr").is_some();
                if is_server
                    && !["ReadTimeout", "ReadHeaderTimeout"]
                        .iter()
                        .any(|name| calls::entry(tree, id, name).is_some())
                {
                    reports.add(id, "this server has no `ReadHeaderTimeout`: a client that sends nothing holds its connection for ever");
                }
            }
        }
        Language::Dockerfile
        | Language::Hcl
        | Language::Java
        | Language::Rust
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => {}
    }
}

fn sets_timeout_later(source: &Source, id: NodeId) -> bool {
    let tree = &source.tree;
    let scope = bodies::enclosing(tree, id).unwrap_or(NodeId::ROOT);
    tree.subtree(scope).any(|id| {
        tree.kind(id) == Kind::Member && tree.name(id) == "Timeout" && tree.role(id) == Role::Target
            || tree.kind(id) == Kind::Call
                && matches!(
                    calls::path(source, id).as_str(),
                    "context.WithTimeout" | "context.WithDeadline" | "http.NewRequestWithContext"
                )
    })
}

fn python(source: &Source, id: NodeId, reports: &mut Reports) {
    let tree = &source.tree;
    let path = calls::path(source, id);
    let Some((module, function)) = path.rsplit_once('.') else {
        return;
    };
    let asks = match module {
        "requests" => matches!(
            function,
            "get" | "post" | "put" | "patch" | "delete" | "head" | "options" | "request"
        ),
        "urllib.request" => function == "urlopen" && calls::arg(tree, id, 2).is_none(),
        "smtplib" => matches!(function, "SMTP" | "SMTP_SSL"),
        "ftplib" => matches!(function, "FTP" | "FTP_TLS") && calls::arg(tree, id, 4).is_none(),
        _ => false,
    };
    let none = calls::keyword(tree, id, "timeout").is_some_and(|value| tree.kind(value) == Kind::Null);
    let httpx_without = (module == "httpx" || module == "aiohttp") && none;
    if httpx_without
        || asks && (none || calls::keyword(tree, id, "timeout").is_none() && !calls::has_spread(tree, id))
    {
        reports.add(
            id,
            format!("`{path}` has no timeout: a server that does not answer holds this for ever"),
        );
    }
}

fn javascript(source: &Source, id: NodeId, reports: &mut Reports) {
    let tree = &source.tree;
    let path = calls::path(source, id);
    let axios = matches!(
        path.as_str(),
        "axios" | "axios.get" | "axios.post" | "axios.put" | "axios.patch" | "axios.delete" | "axios.request"
    );
    if !(path == "fetch" || path == "node-fetch" || axios) || bodies::handler_around(source, id).is_none() {
        return;
    }
    let configured = tree.children_in(id, Role::Arg).any(|arg| {
        tree.subtree(arg).any(|id| {
            matches!(tree.name(id), "signal" | "timeout") && tree.role(id) == Role::Key
                // Options from elsewhere may say it.
                || tree.kind(id) == Kind::Spread
        })
    });
    let options = calls::args(tree, id).last();
    let unknown = options
        .is_some_and(|options| calls::args(tree, id).count() > 1 && tree.kind(options) == Kind::Name)
        && (path == "fetch" || calls::args(tree, id).count() > 2);
    let raced =
        tree.text().contains("Promise.race") || axios && tree.text().contains("axios.defaults.timeout");
    if !configured && !unknown && !raced {
        reports.add(
            id,
            format!(
                "`{path}` has no timeout: while a server does not answer, the request here waits with it"
            ),
        );
    }
}
