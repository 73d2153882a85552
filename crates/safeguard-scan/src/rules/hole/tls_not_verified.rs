//! A connection whose other end is not checked.

pub mod shell;

use safeguard_api::evidence::Severity;

use super::EVERY;
use crate::analysis::code::Code;
use crate::analysis::settings::{Setting, settings};
use crate::analysis::words::{has_word, is_switch};
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "tls-not-verified",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-295", "CWE-297", "CWE-322"],
    languages: EVERY,
    run,
};

/// Settings that turn the check off, whatever they are part of: name and value.
const OFF: &[(&str, &str)] = &[
    ("InsecureSkipVerify", "true"),
    ("NODE_TLS_REJECT_UNAUTHORIZED", "0"),
    ("PYTHONHTTPSVERIFY", "0"),
    ("_create_default_https_context", "_create_unverified_context"),
    ("cert_reqs", "CERT_NONE"),
    ("rejectUnauthorized", "false"),
    ("sslValidate", "false"),
    ("ssl_cert_reqs", "CERT_NONE"),
    ("ssl_cert_reqs", "none"),
    ("ssl_cert_reqs", "null"),
    ("ssl_verify_cert", "false"),
    ("strictSSL", "false"),
    ("tlsAllowInvalidCertificates", "true"),
    ("tlsInsecure", "true"),
    ("tls_insecure", "true"),
    ("verify_certs", "false"),
    ("verify_mode", "CERT_NONE"),
    ("verify_ssl", "false"),
    ("verify_tls", "false"),
    ("known_hosts", "null"),
];

/// The same, where it depends on the rest whether that matters.
const PERHAPS: &[(&str, &str)] = &[
    ("check_hostname", "false"),
    ("tlsAllowInvalidHostnames", "true"),
    ("trustServerCertificate", "true"),
    ("TrustServerCertificate", "true"),
    ("assert_hostname", "false"),
];

fn run(source: &Source, _project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    // What a parameter or a declared field has when nobody sets it is for others to choose.
    let chosen = |setting: &Setting<'_>| {
        !matches!(code.kind(setting.node), Kind::Param | Kind::Field)
            && (code.kind(setting.node) != Kind::Assign
                || code.child(setting.node, Role::Type).is_none()
                || code.tree.language() != crate::language::Language::Python)
    };
    for setting in settings(code).into_iter().filter(chosen) {
        let value = value_text(code, setting.value);
        let is = |list: &[(&str, &str)]| {
            list.iter()
                .any(|(name, bad)| *name == setting.name && bad.eq_ignore_ascii_case(&value))
        };
        let what = format!(
            "`{}` leaves open who is at the other end: anybody on the way can read and change what is sent",
            short(code, setting.node)
        );
        if is(OFF) || verifies_not(code, setting, &value) || accepts_all(code, setting) {
            if checks_otherwise(code, setting) || serves(code, setting.node) {
                continue;
            }
            report(code, setting.node, what, reports);
        } else if is(PERHAPS) {
            reports.note(setting.node, what);
        }
    }
    for call in code.calls() {
        let path = code.path(call);
        let bad = match path {
            "ssl._create_unverified_context" | "ssh.InsecureIgnoreHostKey" => true,
            _ => match code.called(call) {
                "set_missing_host_key_policy" => code.arg(call, 0).is_some_and(|policy| {
                    code.mentions(policy, |name| matches!(name, "AutoAddPolicy" | "WarningPolicy"))
                }),
                "set_option" => code
                    .args(call)
                    .iter()
                    .any(|arg| code.last_name(*arg) == "OPT_X_TLS_NEVER"),
                "setopt" => {
                    code.arg(call, 0).is_some_and(|option| {
                        matches!(code.last_name(option), "SSL_VERIFYPEER" | "SSL_VERIFYHOST")
                    }) && code
                        .arg(call, 1)
                        .is_some_and(|value| value_text(code, value) == "0")
                }
                _ => false,
            },
        };
        if bad {
            let what = format!(
                "`{}` takes any key or certificate for the right one",
                short(code, call)
            );
            report(code, call, what, reports);
        }
    }
    for text in source.of_kind(Kind::Str) {
        let written = code.name(*text);
        if [
            "StrictHostKeyChecking=no",
            "http.sslVerify=false",
            "curl -k ",
            "curl --insecure",
            "--no-check-certificate",
        ]
        .iter()
        .any(|bad| written.contains(bad))
        {
            reports.note(
                *text,
                format!(
                    "`{}` takes any key or certificate for the right one",
                    short(code, *text)
                ),
            );
        }
    }
}

/// Where the program is asked to leave the check out, or is not in production, it is advice.
fn report(code: Code<'_>, node: NodeId, what: String, reports: &mut Reports) {
    let asked = code
        .conditions_around(node)
        .into_iter()
        .any(|condition| code.mentions(condition, is_switch) || code.texts_in(condition).any(is_switch))
        || code
            .names_around(node)
            .iter()
            .any(|name| has_word(name, &["insecure", "unverified", "unsafe"]))
        || code.tree.ancestors(node).any(|around| {
            code.kind(around) == Kind::Assign
                && code.child(around, Role::Target).is_some_and(|target| {
                    has_word(code.last_name(target), &["insecure", "unverified", "unsafe"])
                })
        })
        || code.function(node).is_some_and(|function| {
            code.tree.children_in(function, Role::Param).any(|param| {
                has_word(
                    code.name(param),
                    &["insecure", "verify", "verified", "unverified", "skip", "unsafe"],
                )
            })
        });
    if asked {
        reports.note(node, what);
    } else {
        reports.add(node, what);
    }
}

/// `verify=False` of a client, `client.verify = False`, `ssl=False` of aiohttp.
fn verifies_not(code: Code<'_>, setting: Setting<'_>, value: &str) -> bool {
    if value != "false" || code.tree.language() != crate::language::Language::Python {
        return false;
    }
    match (setting.name, code.kind(setting.node)) {
        ("verify", Kind::Keyword) => {
            let Some(call) = code.tree.parent(setting.node) else {
                return false;
            };
            let path = code.path(call);
            let module = path.split('.').next().unwrap_or("");
            matches!(module, "requests" | "httpx" | "boto3" | "hvac" | "aioboto3")
                || matches!(
                    code.called(call),
                    "get"
                        | "post"
                        | "put"
                        | "patch"
                        | "delete"
                        | "head"
                        | "options"
                        | "request"
                        | "send"
                        | "stream"
                        | "AsyncClient"
                        | "client"
                        | "resource"
                ) && !matches!(module, "jwt" | "jose")
                || has_word(code.called(call), &["session", "http", "request", "client"])
        }
        ("verify", Kind::Assign) => {
            let target = code.child(setting.node, Role::Target);
            target.is_some_and(|target| {
                code.kind(target) == Kind::Member
                    && code.child(target, Role::Object).is_some_and(|object| {
                        has_word(
                            code.last_name(object),
                            &[
                                "session", "client", "http", "requests", "s", "sess", "conn", "api",
                            ],
                        )
                    })
            })
        }
        ("ssl", Kind::Keyword) => code.imports("aiohttp"),
        _ => false,
    }
}

/// A callback that checks and finds nothing wrong: `checkServerIdentity: () => undefined`, `HostKeyCallback: func(…) error { return nil }`.
fn accepts_all(code: Code<'_>, setting: Setting<'_>) -> bool {
    if !matches!(
        setting.name,
        "checkServerIdentity" | "HostKeyCallback" | "hostVerifier"
    ) {
        return false;
    }
    let value = code.bare(setting.value);
    if !matches!(code.kind(value), Kind::Lambda | Kind::Function) {
        return false;
    }
    let nothing = |id: NodeId| {
        code.is_null(id) || code.boolean(id) == Some(true) || code.tree.source(id).starts_with("void ")
    };
    let Some(body) = code.body(value) else {
        return false;
    };
    if code.kind(body) != Kind::Block {
        return nothing(body);
    }
    let statements: Vec<NodeId> = code.tree.children(body).collect();
    match statements.as_slice() {
        [] => true,
        [only] if code.kind(*only) == Kind::Return => code.child(*only, Role::Value).is_none_or(nothing),
        _ => false,
    }
}

/// Go's own check beside it: `VerifyPeerCertificate`, `VerifyConnection`; a fingerprint in Node and aiohttp.
fn checks_otherwise(code: Code<'_>, setting: Setting<'_>) -> bool {
    if matches!(setting.name, "InsecureSkipVerify" | "rejectUnauthorized") {
        let around = code.function(setting.node).unwrap_or(NodeId::ROOT);
        return code.tree.subtree(around).any(|id| {
            let name = code.name(id);
            matches!(
                name,
                // Whoever asks for the other side's certificate and compares it knows whom it speaks with.
                "VerifyPeerCertificate"
                    | "VerifyConnection"
                    | "RequestClientCert"
                    | "RequireAnyClientCert"
                    | "fingerprint256"
                    | "getPeerCertificate"
            )
        });
    }
    false
}

/// A server does not ask its clients for certificates.
fn serves(code: Code<'_>, node: NodeId) -> bool {
    let around = code.function(node).unwrap_or(NodeId::ROOT);
    code.mentions(around, |name| {
        matches!(
            name,
            "CLIENT_AUTH" | "PROTOCOL_TLS_SERVER" | "createServer" | "requestCert" | "load_cert_chain"
        )
    }) && !code.mentions(around, |name| {
        matches!(
            name,
            "SERVER_AUTH" | "PROTOCOL_TLS_CLIENT" | "create_connection" | "urlopen"
        )
    })
}

fn value_text(code: Code<'_>, value: NodeId) -> String {
    let value = code.literal(code.bare(value));
    match code.kind(value) {
        Kind::Str | Kind::Num | Kind::Bool => code.name(value).to_owned(),
        Kind::Null => "null".to_owned(),
        Kind::Name | Kind::Member => code.name(value).to_owned(),
        _ => String::new(),
    }
}

/// The beginning of a piece of code, on one line.
pub(super) fn short(code: Code<'_>, id: NodeId) -> String {
    const CHARS_MAX: usize = 60;
    let text = code
        .tree
        .source(id)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('`', "'");
    if text.chars().count() <= CHARS_MAX {
        return text;
    }
    let mut short: String = text.chars().take(CHARS_MAX).collect();
    short.push('…');
    short
}
