//! Every website may use what the visitor is signed in to.

use safeguard_api::evidence::Severity;

use super::EVERY;
use super::tls_not_verified::short;
use crate::analysis::code::Code;
use crate::analysis::sent::{Part, sent};
use crate::analysis::settings::{Setting, settings};
use crate::analysis::words::has_word;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "cors-too-open",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-942"],
    languages: EVERY,
    run,
};

const MESSAGE: &str = "every website may send requests with the visitor's own cookies, and read the answers";

/// What says which origins may, and what says that cookies go with it.
const ORIGINS: &[&str] = &[
    "allow_origins",
    "origin",
    "origins",
    "AllowOrigins",
    "AllowedOrigins",
    "AllowAllOrigins",
    "AllowOriginFunc",
    "allow_origin_regex",
    "CORS_ALLOW_ALL_ORIGINS",
    "CORS_ORIGIN_ALLOW_ALL",
    "CORS_ALLOWED_ORIGIN_REGEXES",
    "AllowOriginsFunc",
    "CORS_ORIGINS",
    "allow_origin",
];
const CREDENTIALS: &[&str] = &[
    "allow_credentials",
    "credentials",
    "supports_credentials",
    "AllowCredentials",
    "CORS_ALLOW_CREDENTIALS",
    "CORS_SUPPORTS_CREDENTIALS",
];

fn run(source: &Source, _project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let all = settings(code);
    for setting in all.iter().filter(|setting| ORIGINS.contains(&setting.name)) {
        if !lets_all(code, *setting) {
            continue;
        }
        let is_with = |other: &&Setting<'_>| {
            CREDENTIALS.contains(&other.name)
                && code.boolean(other.value) == Some(true)
                && (together(code, setting.node) == together(code, other.node))
        };
        if all.iter().any(|other| is_with(&other)) {
            reports.add(
                setting.node,
                format!("`{}`: {MESSAGE}", short(code, setting.node)),
            );
        }
    }
    for call in code.calls() {
        // Flask-CORS lets all origins in that it is not told of.
        if matches!(code.path(call), "flask_cors.CORS" | "flask_cors.cross_origin")
            && code
                .option(call, "supports_credentials")
                .and_then(|value| code.boolean(value))
                == Some(true)
            && code.option(call, "origins").is_none()
            && code.option(call, "resources").is_none()
        {
            reports.add(call, format!("`{}`: {MESSAGE}", short(code, call)));
        }
        header(code, call, reports);
    }
    for assign in source.of_kind(Kind::Assign) {
        let is_header = code.child(*assign, Role::Target).is_some_and(|target| {
            code.last_name(target)
                .eq_ignore_ascii_case("access-control-allow-origin")
        });
        if is_header && let Some(value) = code.child(*assign, Role::Value) {
            reflected(code, *assign, value, reports);
        }
    }
    for pair in source.of_kind(Kind::Pair) {
        let is_header = code
            .key(*pair)
            .is_some_and(|key| key.eq_ignore_ascii_case("access-control-allow-origin"));
        if is_header && let Some(value) = code.child(*pair, Role::Value) {
            reflected(code, *pair, value, reports);
        }
    }
}

/// What a setting belongs to: the call or the literal around it, or the file.
fn together(code: Code<'_>, node: NodeId) -> Option<NodeId> {
    match code.kind(node) {
        Kind::Assign => {
            let target = code.child(node, Role::Target)?;
            (code.kind(target) == Kind::Member).then(|| code.function(node))?
        }
        _ => code.tree.parent(node),
    }
}

fn lets_all(code: Code<'_>, setting: Setting<'_>) -> bool {
    let value = code.bare(setting.value);
    let value = code.set_to(value).unwrap_or(value);
    match setting.name {
        "AllowAllOrigins" | "CORS_ALLOW_ALL_ORIGINS" | "CORS_ORIGIN_ALLOW_ALL" => {
            return code.boolean(value) == Some(true);
        }
        _ => {}
    }
    let is_any = |id: NodeId| {
        let text = code.text(id).unwrap_or("");
        matches!(
            text,
            "*" | ".*" | "^.*$" | "https?://.*" | "http://*" | "https://*" | "^https?://.*$" | "null"
        ) || code.kind(id) == Kind::Regex
            && matches!(code.name(id).trim_end_matches(['i', 'g']), ".*/" | "^.*$/")
    };
    match code.kind(value) {
        // `origin: true` reflects whatever asks.
        Kind::Bool => setting.name == "origin" && code.name(value) == "true",
        Kind::List | Kind::Composite | Kind::Tuple | Kind::Set => code.tree.children(value).any(is_any),
        Kind::Lambda => lambda_lets_all(code, value),
        _ => is_any(value),
    }
}

/// `(origin, callback) => callback(null, true)`, `func(origin string) bool { return true }`.
fn lambda_lets_all(code: Code<'_>, lambda: NodeId) -> bool {
    let Some(body) = code.body(lambda) else {
        return false;
    };
    let only = if code.kind(body) == Kind::Block {
        let statements: Vec<NodeId> = code.tree.children(body).collect();
        match statements.as_slice() {
            [only] => code.child(*only, Role::Value),
            _ => None,
        }
    } else {
        Some(body)
    };
    only.is_some_and(|only| {
        code.boolean(only) == Some(true)
            || code.kind(only) == Kind::Call
                && code.arg(only, 0).is_some_and(|first| code.is_null(first))
                && code.arg(only, 1).is_some_and(|second| {
                    code.boolean(second) == Some(true)
                        || code.kind(second) == Kind::Name && has_word(code.name(second), &["origin"])
                })
    })
}

/// `res.setHeader('Access-Control-Allow-Origin', req.headers.origin)`.
fn header(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    if !matches!(
        code.called(call),
        "setHeader" | "header" | "set" | "Set" | "Header" | "Add" | "append" | "set_header"
    ) {
        return;
    }
    let name = code.arg(call, 0).and_then(|name| code.text(name)).unwrap_or("");
    if name.eq_ignore_ascii_case("access-control-allow-origin")
        && let Some(value) = code.arg(call, 1)
    {
        reflected(code, call, value, reports);
    }
}

fn reflected(code: Code<'_>, node: NodeId, value: NodeId, reports: &mut Reports) {
    let asks = sent(code, value)
        .is_some_and(|sent| sent.part == Part::Header && sent.name.eq_ignore_ascii_case("origin"));
    if !asks {
        return;
    }
    // Whoever looks at the origin first lets in those that it knows.
    let looked_at = code.conditions_around(node).into_iter().any(|condition| {
        code.mentions(condition, |name| {
            has_word(
                name,
                &["origin", "origins", "allowed", "allow", "whitelist", "allowlist"],
            )
        })
    });
    let function = code.function(node).unwrap_or(NodeId::ROOT);
    let refused_before = code.tree.subtree(function).any(|id| {
        code.kind(id) == Kind::If
            && code.tree.span(id).end <= code.tree.span(node).start
            && code.child(id, Role::Condition).is_some_and(|condition| {
                code.mentions(condition, |name| {
                    has_word(name, &["origin", "origins", "allowed"])
                })
            })
            && code
                .tree
                .subtree(id)
                .any(|inner| matches!(code.kind(inner), Kind::Return | Kind::Raise))
    });
    if looked_at || refused_before {
        return;
    }
    let credentials = code
        .texts_in(function)
        .any(|text| text.eq_ignore_ascii_case("access-control-allow-credentials"));
    let message = format!(
        "`{}` answers every website as if it were the right one",
        short(code, node)
    );
    if credentials {
        reports.add(node, format!("{message}, and {MESSAGE}"));
    } else {
        reports.note(node, message);
    }
}
