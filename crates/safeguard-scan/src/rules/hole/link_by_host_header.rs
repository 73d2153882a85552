//! A link that opens an account is mailed with the host that the request itself names.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::{has_word, words};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_BUT_RUST, Check, Reports};
use crate::tree::{Kind, NodeId};

pub static CHECK: Check = Check {
    id: "link-by-host-header",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-640", "CWE-644"],
    languages: ALL_BUT_RUST,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    // Most files name no host at all.
    let text = source.tree.text();
    if !["ost", "OST", "getServerName"]
        .iter()
        .any(|part| text.contains(part))
    {
        return;
    }
    let mut told = Vec::new();
    for kind in [Kind::Member, Kind::Call, Kind::Index] {
        for id in source.of_kind(kind).iter().copied() {
            if !is_host(code, id) || undoes_or_tests(code, id) {
                continue;
            }
            let Some(function) = code.functions(id).find(|function| mails_a_key(code, *function)) else {
                continue;
            };
            if !told.contains(&function) && in_a_text(code, id) {
                told.push(function);
                reports.add(
                    id,
                    format!(
                        "the link that is mailed begins with `{}`, which whoever asks for it sends: it leads the owner's key to their host",
                        code.tree.source(id)
                    ),
                );
            }
        }
    }
}

/// The host as the request says it.
fn is_host(code: Code<'_>, id: NodeId) -> bool {
    let of_request = |id: NodeId| {
        let name = code.first_name(id);
        matches!(name, "req" | "request" | "r" | "c" | "ctx" | "self" | "exchange")
    };
    let is_header = |text: &str| {
        matches!(
            text.to_ascii_lowercase().as_str(),
            "host" | "x-forwarded-host" | "http_host" | "http_x_forwarded_host" | "origin"
        )
    };
    if !of_request(id) {
        return false;
    }
    let of = || {
        code.child(id, crate::tree::Role::Object)
            .map_or("", |of| code.last_name(of))
    };
    match code.kind(id) {
        Kind::Member => match code.tree.language() {
            Language::Python => {
                matches!(code.name(id), "host" | "host_url" | "url_root")
                    && of() == "request"
                    && code.imports("flask")
            }
            Language::Go => code.name(id) == "Host" && matches!(of(), "r" | "req" | "Request" | "request"),
            _ => {
                matches!(code.name(id), "host" | "hostname") && matches!(of(), "headers" | "req" | "request")
            }
        },
        Kind::Index => {
            matches!(of(), "headers" | "META" | "environ")
                && code
                    .child(id, crate::tree::Role::Index)
                    .and_then(|index| code.text(index))
                    .is_some_and(is_header)
        }
        Kind::Call => {
            let header = || {
                code.arg(id, 0)
                    .and_then(|name| code.text(name))
                    .is_some_and(is_header)
            };
            match code.called(id) {
                "get" | "header" | "getHeader" | "GetHeader" | "Get" => header(),
                "getServerName" => code.tree.language() == Language::Java,
                _ => false,
            }
        }
        _ => false,
    }
}

/// Whether a value becomes part of a text, at once or by its name.
fn in_a_text(code: Code<'_>, id: NodeId) -> bool {
    let joins = |id: NodeId| {
        code.tree
            .ancestors(id)
            .take(4)
            .any(|around| match code.kind(around) {
                Kind::Interp => true,
                Kind::Binary => code.name(around) == "+" || code.name(around) == "%",
                Kind::Call => matches!(
                    code.called(around),
                    "Sprintf" | "format" | "urljoin" | "join" | "URL"
                ),
                _ => false,
            })
    };
    if joins(id) {
        return true;
    }
    let assign = code
        .tree
        .ancestors(id)
        .find(|around| code.kind(*around) == Kind::Assign);
    let name = assign
        .and_then(|assign| code.child(assign, crate::tree::Role::Target))
        .map_or("", |target| code.name(target));
    let Some(function) = code.function(id).filter(|_| !name.is_empty()) else {
        return false;
    };
    code.tree
        .subtree(function)
        .any(|other| code.kind(other) == Kind::Name && code.name(other) == name && joins(other))
}

/// Whether a function mails, and knows of something that opens an account.
fn mails_a_key(code: Code<'_>, function: NodeId) -> bool {
    let mails = code.tree.subtree(function).any(|id| {
        code.is_call(id) && {
            let whole = format!("{} {}", code.path(id), code.called(id));
            words(&whole).iter().any(|word| {
                matches!(
                    word.as_str(),
                    "mail"
                        | "mailer"
                        | "email"
                        | "emails"
                        | "sendmail"
                        | "smtp"
                        | "sendgrid"
                        | "ses"
                        | "postmark"
                        | "resend"
                        | "mailgun"
                )
            })
        }
    });
    let opens = code.mentions(function, |name| {
        has_word(
            name,
            &[
                "token",
                "reset",
                "magic",
                "invite",
                "invitation",
                "activation",
                "verification",
                "confirmation",
            ],
        )
    });
    mails && opens
}
