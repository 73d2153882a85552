//! A web server hands out the folder that the program itself lies in, or the whole disk.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId};

pub static CHECK: Check = Check {
    id: "serves-everything",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-552", "CWE-538"],
    languages: &[
        Language::Go,
        Language::JavaScript,
        Language::Python,
        Language::Rust,
        Language::TypeScript,
    ],
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.calls().iter().copied() {
        let folder = match (source.tree.language(), code.called(call)) {
            (Language::JavaScript | Language::TypeScript, "static" | "serveStatic") => {
                let of = code.receiver(call).map_or("", |of| code.last_name(of));
                (of == "express" || code.called(call) == "serveStatic")
                    .then(|| code.arg(call, 0))
                    .flatten()
            }
            (Language::JavaScript | Language::TypeScript, "register") => {
                let is_static = code
                    .arg(call, 0)
                    .is_some_and(|plugin| code.tree.source(plugin).to_ascii_lowercase().contains("static"));
                is_static.then(|| code.option(call, "root")).flatten()
            }
            (Language::Go, "FileServer" | "Dir") => match code.path(call) {
                "http.Dir" | "net/http.Dir" => code.arg(call, 0),
                _ => None,
            },
            (Language::Go, "Static" | "StaticFS") if code.imports("github.com/gin-gonic/gin") => {
                code.arg(call, 1)
            }
            (Language::Python, "Flask") => code.option(call, "static_folder"),
            (Language::Python, "StaticFiles") => code.option(call, "directory").or_else(|| code.arg(call, 0)),
            (Language::Python, "send_from_directory") => code.arg(call, 0),
            (Language::Rust, "new") if code.path(call).contains("ServeDir") => code.arg(call, 0),
            _ => None,
        };
        let Some(folder) = folder.filter(|folder| is_everything(code, *folder)) else {
            continue;
        };
        if !undoes_or_tests(code, call) {
            reports.add(
                call,
                format!(
                    "everybody can fetch all that lies in `{}`: settings, sources, keys",
                    code.tree.source(folder)
                ),
            );
        }
    }
}

/// The folder that the program runs in, the one around its source, or the root.
fn is_everything(code: Code<'_>, folder: NodeId) -> bool {
    if let Some(text) = code.text(folder) {
        return matches!(text, "." | "./" | "/" | ".." | "../" | "../..");
    }
    let value = code.set_to(folder).unwrap_or(folder);
    match code.kind(value) {
        Kind::Name => matches!(code.name(value), "__dirname"),
        Kind::Member => code.name(value) == "dirname" && code.tree.source(value) == "import.meta.dirname",
        Kind::Call => match code.called(value) {
            "cwd" | "getcwd" => true,
            "join" | "resolve" => {
                let args = code.args(value);
                !args.is_empty()
                    && args.iter().all(|arg| match code.text(*arg) {
                        Some(text) => matches!(text, "." | "./" | ".." | "../" | "../.."),
                        None => is_everything(code, *arg),
                    })
            }
            _ => false,
        },
        _ => false,
    }
}
