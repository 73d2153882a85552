//! A server that every network can reach.

use safeguard_api::evidence::Severity;

use super::EVERY;
use super::tls_not_verified::short;
use crate::analysis::code::Code;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::Kind;

pub static CHECK: Check = Check {
    id: "listens-everywhere",
    failure: "X3",
    severity: Severity::Low,
    confidence: Confidence::Medium,
    cwe: &["CWE-668"],
    languages: EVERY,
    run,
};

fn run(source: &Source, _project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in code.calls() {
        let listens = matches!(
            code.called(call),
            "run"
                | "listen"
                | "bind"
                | "serve"
                | "run_app"
                | "create_server"
                | "start_server"
                | "Listen"
                | "ListenAndServe"
                | "Run"
                | "Start"
                | "TCPServer"
                | "HTTPServer"
                | "ThreadingHTTPServer"
                | "TCPSite"
                | "serve_forever"
        );
        if !listens {
            continue;
        }
        let everywhere = code.tree.children_in(call, crate::tree::Role::Arg).any(|arg| {
            code.kind(arg) != Kind::Lambda
                && code.tree.subtree(arg).any(|id| {
                    matches!(code.kind(id), Kind::Str | Kind::Name)
                        && code.text(id).is_some_and(|text| {
                            matches!(text, "0.0.0.0" | "::") || text.starts_with("0.0.0.0:")
                        })
                })
        });
        if everywhere {
            reports.note(
                call,
                format!(
                    "`{}` can be reached from every network that the machine is in",
                    short(code, call)
                ),
            );
        }
    }
}
