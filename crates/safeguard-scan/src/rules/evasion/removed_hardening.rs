//! What a framework guards by a line of its own, and is taken out or switched off: security headers, CSRF, checks of passwords, TLS to the database.

mod extensions;
mod levels;
mod steps;

use std::collections::{BTreeMap, BTreeSet};

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::entries::entries;
use crate::analysis::settings::settings;
use crate::language::Language;
use crate::matching::Source;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Comparison, Taken};
use crate::tree::{Kind, NodeId, Role};

pub static COMPARISON: Comparison = Comparison {
    id: "removed-hardening",
    failure: "X3",
    cwe: &["CWE-693", "CWE-1021", "CWE-352", "CWE-319"],
    languages: &[
        Language::Dockerfile,
        Language::Go,
        Language::Java,
        Language::JavaScript,
        Language::Python,
        Language::Settings,
        Language::Shell,
        Language::TypeScript,
        Language::Tsx,
        Language::Yaml,
    ],
    run,
    gone: None,
};

fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    if both.head.is_test() {
        return;
    }
    database(both, taken);
    levels::run(both, taken);
    steps::run(both, taken);
    match both.head.tree.language() {
        Language::Yaml | Language::Settings | Language::Dockerfile | Language::Shell => return,
        Language::Python => {
            django(both, taken);
            extensions::run(both, taken);
        }
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            pipes(both, taken);
            extensions::options(both, taken);
        }
        Language::Go | Language::Java | Language::Rust | Language::Hcl | Language::Sql => {}
    }
    used(both, taken);
    policy(both, taken);
}

fn sure(node: NodeId, message: String) -> Taken {
    Taken {
        node,
        severity: Severity::High,
        confidence: Confidence::High,
        message,
    }
}

/// What stands before all answers, by the name that it is called by.
const HARDENS: &[&str] = &[
    "helmet",
    "csurf",
    "csrf",
    "lusca",
    "hpp",
    "mongoSanitize",
    "xssClean",
    "rateLimit",
    "slowDown",
    "TrustedHostMiddleware",
    "HTTPSRedirectMiddleware",
    "enableCsrf",
    "useGlobalPipes",
];

/// `app.use(helmet())`, `CSRFProtect(app)`, `csrf.Protect(key)` that is gone.
fn used(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let (before, after) = (hardened(both.base), hardened(both.head));
    let head = Code::of(both.head);
    for (name, node) in &before {
        let base = Code::of(both.base);
        let receiver = base.receiver(*node).map(|of| base.last_name(of).to_owned());
        let is_there = after.contains_key(name)
            || both.moved.mentions(name)
            || both.head.of_kind(Kind::Name).iter().any(|id| {
                head.name(*id) == name
                    && !head
                        .tree
                        .ancestors(*id)
                        .any(|around| matches!(head.kind(around), Kind::Import | Kind::ImportItem))
                    && head.tree.role(*id) != Role::Target
            });
        // The same by another name: `helmet.contentSecurityPolicy()`, a limiter of one's own.
        let lower = name.to_ascii_lowercase();
        let root = ["csrf", "limit", "helmet", "pipes"]
            .iter()
            .find(|root| lower.contains(**root))
            .copied()
            .unwrap_or(&lower);
        let like = both
            .moved
            .added()
            .any(|added| added.to_ascii_lowercase().contains(root));
        // The application that it stood before is still here.
        let app = receiver.unwrap_or_default();
        let still = head.calls().into_iter().find(|call| {
            head.receiver(*call).is_some_and(|of| head.last_name(of) == app)
                || head
                    .args(*call)
                    .iter()
                    .any(|arg| !app.is_empty() && head.last_name(*arg) == app)
        });
        if let Some(at) = still.filter(|_| !app.is_empty() && !is_there && !like) {
            taken.push(sure(
                at,
                format!("`{name}` stood before all answers, and this change takes it away"),
            ));
        }
    }
}

/// The names of what hardens, and the call that puts it before what answers.
fn hardened(source: &Source) -> BTreeMap<String, NodeId> {
    let code = Code::of(source);
    let mut found = BTreeMap::new();
    for call in source.calls().iter().copied() {
        let name = code.called(call);
        if matches!(name, "use" | "Use" | "add_middleware" | "register") {
            for arg in code.args(call) {
                let inner = match code.kind(arg) {
                    Kind::Call if code.called(arg) == "Protect" => {
                        code.receiver(arg).map_or("", |of| code.last_name(of))
                    }
                    Kind::Call => code.called(arg),
                    _ => code.last_name(arg),
                };
                if HARDENS.contains(&inner) {
                    found.insert(inner.to_owned(), call);
                }
            }
        } else if matches!(name, "useGlobalPipes" | "enableCsrf") {
            found.insert(name.to_owned(), call);
        }
    }
    found
}

/// Lists and switches of Django's settings.
fn django(both: &Both<'_>, taken: &mut Vec<Taken>) {
    const GUARDS: &[&str] = &[
        "csrf",
        "security",
        "axes",
        "clickjacking",
        "xframe",
        "ratelimit",
        "defender",
        "authentication",
        "csp",
        "password_validation",
        "two_factor",
        "otp",
    ];
    let (was, is) = (Code::of(both.base), Code::of(both.head));
    for list in [
        "MIDDLEWARE",
        "AUTH_PASSWORD_VALIDATORS",
        "AUTHENTICATION_BACKENDS",
    ] {
        let (Some((_, before)), Some((node, after))) = (texts_of(was, list), texts_of(is, list)) else {
            continue;
        };
        let guards = |text: &&String| GUARDS.iter().any(|part| text.to_ascii_lowercase().contains(part));
        let gone = before
            .difference(&after)
            .filter(guards)
            .find(|text| !both.moved.mentions(text));
        let gained = after.difference(&before).any(|text| guards(&text));
        if let Some(gone) = gone.filter(|_| !gained) {
            taken.push(sure(node, format!("`{gone}` is gone from `{list}`")));
        }
    }
    const ON: &[&str] = &[
        "SECURE_SSL_REDIRECT",
        "SECURE_CONTENT_TYPE_NOSNIFF",
        "SESSION_COOKIE_HTTPONLY",
        "SESSION_COOKIE_SECURE",
        "CSRF_COOKIE_SECURE",
        "WTF_CSRF_ENABLED",
        "SECURE_HSTS_SECONDS",
    ];
    for setting in settings(is) {
        if !ON.contains(&setting.name) || !off(is, setting.value) {
            continue;
        }
        let was_on = settings(was).iter().any(|old| {
            old.name == setting.name
                && (was.boolean(old.value) == Some(true)
                    || was.number(old.value).is_some_and(|number| number > 0))
        });
        if was_on {
            taken.push(sure(
                setting.node,
                format!("`{}` was on, and this change switches it off", setting.name),
            ));
        }
    }
}

fn off(code: Code<'_>, value: NodeId) -> bool {
    code.boolean(value) == Some(false) || code.number(value) == Some(0)
}

fn texts_of(code: Code<'_>, name: &str) -> Option<(NodeId, BTreeSet<String>)> {
    let setting = settings(code).into_iter().find(|setting| setting.name == name)?;
    // What is put together from parts may have it.
    matches!(code.kind(setting.value), Kind::List | Kind::Tuple).then(|| {
        let texts = code.texts_in(setting.value).map(str::to_owned).collect();
        (setting.node, texts)
    })
}

/// `new ValidationPipe({ whitelist: true })` that lets through whatever was sent.
fn pipes(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let (was, is) = (Code::of(both.base), Code::of(both.head));
    let pipe = |code: Code<'_>| {
        let mut all = code.calls().into_iter();
        all.find(|call| code.called(*call) == "ValidationPipe")
    };
    let (Some(old), Some(new)) = (pipe(was), pipe(is)) else {
        return;
    };
    for option in ["whitelist", "forbidNonWhitelisted"] {
        let set =
            |code: Code<'_>, call: NodeId| code.option(call, option).and_then(|value| code.boolean(value));
        let unread = is.args(new).iter().any(|arg| is.kind(*arg) != Kind::Object);
        if set(was, old) == Some(true) && set(is, new) != Some(true) && !unread {
            taken.push(sure(
                new,
                format!("`{option}` is gone: fields that nobody declared are taken from whoever sends them"),
            ));
            return;
        }
    }
}

/// Sources of scripts that a page may load, and that were not allowed before.
fn policy(both: &Both<'_>, taken: &mut Vec<Taken>) {
    const WIDE: &[&str] = &[
        "'unsafe-inline'",
        "'unsafe-eval'",
        "*",
        "http:",
        "https:",
        "data:",
    ];
    let (before, after) = (scripts(both.base), scripts(both.head));
    for (place, (node, now)) in after {
        let Some((_, was)) = before.get(&place) else {
            continue;
        };
        let wider = WIDE
            .iter()
            .find(|wide| now.contains(**wide) && !was.contains(**wide));
        // With a nonce or a hash, browsers pass over `unsafe-inline`.
        let strict = now
            .iter()
            .any(|source| source.starts_with("'nonce-") || source.starts_with("'sha"))
            || now.contains("'strict-dynamic'");
        if let Some(wide) = wider.filter(|_| !strict) {
            taken.push(sure(
                node,
                format!("scripts of `{wide}` run on these pages now: what somebody writes into one runs too"),
            ));
        }
    }
}

/// The sources of `script-src`, or of `default-src` where there is none, by which of them it is.
fn scripts(source: &Source) -> BTreeMap<String, (NodeId, BTreeSet<String>)> {
    let code = Code::of(source);
    let mut found = BTreeMap::new();
    for setting in settings(code) {
        let name = setting.name.replace(['-', '_'], "").to_ascii_lowercase();
        if !matches!(name.as_str(), "scriptsrc" | "cspscriptsrc" | "scriptsrcelem") {
            continue;
        }
        let texts: BTreeSet<String> = code
            .texts_in(setting.value)
            .flat_map(str::split_whitespace)
            .map(str::to_owned)
            .collect();
        found.entry(name).or_insert((setting.node, texts));
    }
    for text in source.of_kind(Kind::Str) {
        let Some((_, rest)) = code.name(*text).split_once("script-src ") else {
            continue;
        };
        let sources = rest.split(';').next().unwrap_or(rest).split_whitespace();
        found
            .entry("script-src".to_owned())
            .or_insert((*text, sources.map(str::to_owned).collect()));
    }
    found
}

/// `sslmode=verify-full` that became `sslmode=disable`.
fn database(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let modes = |source: &Source| -> BTreeMap<String, (NodeId, String)> {
        let tree = &source.tree;
        let mut found = BTreeMap::new();
        for text in source.of_kind(Kind::Str) {
            if let Some((begin, rest)) = tree.name(*text).split_once("sslmode=") {
                let mode: String = rest
                    .chars()
                    .take_while(|char| char.is_ascii_alphabetic() || *char == '-')
                    .collect();
                found.insert(begin.to_owned(), (*text, mode));
            }
        }
        for entry in entries(source) {
            let name = entry.name.replace(['-', '_'], "").to_ascii_lowercase();
            if let Some(text) = entry
                .text(source)
                .filter(|_| matches!(name.as_str(), "sslmode" | "dbsslmode" | "pgsslmode"))
            {
                found.insert(name, (entry.value, text.to_owned()));
            }
        }
        found
    };
    let before = modes(both.base);
    for (place, (node, mode)) in modes(both.head) {
        let checks = |mode: &str| matches!(mode, "require" | "verify-ca" | "verify-full");
        let Some((_, was)) = before.get(&place).filter(|(_, was)| checks(was)) else {
            continue;
        };
        let local = ["localhost", "127.0.0.1", "@db:", "@postgres:"]
            .iter()
            .any(|host| place.contains(host));
        if matches!(mode.as_str(), "disable" | "allow" | "prefer") && !local {
            taken.push(sure(
                node,
                format!("`sslmode` was `{was}`, and is `{mode}`: whoever is between reads and changes what is sent to the database"),
            ));
        }
    }
}
