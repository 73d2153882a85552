//! A secret in the source.

pub mod infrastructure;
mod issued;
mod secret_text;

use safeguard_api::evidence::Severity;

use super::tls_not_verified::short;
use crate::analysis::code::Code;
use crate::analysis::settings::{Setting, settings};
use crate::analysis::words::{has_word, is_password, is_secret, words};
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};
use issued::issued;
pub(super) use secret_text::is_placeholder;
use secret_text::{is_local_address, is_plain_key, may_be_secret, password_in_address};

pub static CHECK: Check = Check {
    id: "hard-coded-secret",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-798", "CWE-259", "CWE-321"],
    languages: crate::rules::ALL_LANGUAGES,
    run,
};

const MESSAGE: &str = "whoever reads the source knows it, and it can not be changed without a release";

fn run(source: &Source, _project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let mut told: Vec<NodeId> = Vec::new();
    for text in source.of_kind(Kind::Str) {
        let written = code.name(*text);
        if let Some(what) = issued(written) {
            reports.add(*text, format!("{what} is written here: {MESSAGE}"));
            told.push(*text);
        } else if let Some(password) = password_in_address(written) {
            told.push(*text);
            let message = format!("an address with the password of `{password}` is written here: {MESSAGE}");
            if is_local_address(written) || is_fallback(code, *text) {
                reports.note(*text, message);
            } else {
                reports.add(*text, message);
            }
        }
    }
    for setting in settings(code) {
        set(code, setting, &mut told, reports);
    }
    for call in code.calls() {
        signing_key(code, call, &mut told, reports);
    }
    for binary in source.of_kind(Kind::Binary) {
        compared(code, *binary, reports);
        fallback(code, *binary, &mut told, reports);
    }
    for call in source.of_kind(Kind::Call) {
        default(code, *call, &mut told, reports);
    }
    // A secret is known again by its text and the key that it is set to, whatever is written around them.
    for report in &mut reports.all {
        let texts: Vec<&str> = code.texts_in(report.node).collect();
        report.subject = (!texts.is_empty()).then(|| texts.join("\0"));
    }
}

/// `PASSWORD = "hunter2"`, `{ apiKey: "…" }`, `connect(password="…")`.
fn set(code: Code<'_>, setting: Setting<'_>, told: &mut Vec<NodeId>, reports: &mut Reports) {
    let value = without_encoding(code, setting.value);
    if code.kind(value) != Kind::Str || told.contains(&value) {
        return;
    }
    let text = code.name(value);
    // What signs the sessions of everybody is a secret whatever it looks like, and a placeholder is known best of all.
    if signs(code, setting) && !text.is_empty() && !text.contains(['{', '<']) && is_plain_key(text) {
        told.push(value);
        let message = format!(
            "`{}` signs sessions or tokens: {MESSAGE}",
            short(code, setting.node)
        );
        if text.starts_with("django-insecure-") || crate::analysis::place::is_local(&code.source.path) {
            reports.note(setting.node, message);
        } else {
            reports.add(setting.node, message);
        }
        return;
    }
    if !is_secret(setting.name) || !may_be_secret(setting.name, text) {
        return;
    }
    // The same name again, a label, a schema, an error code.
    if words(text) == words(setting.name)
        || has_word(text, &["string", "password", "field", "header"]) && !is_password(setting.name)
    {
        return;
    }
    told.push(value);
    let message = format!("`{}` is a secret in the source: {MESSAGE}", setting.name);
    let local = crate::analysis::place::is_local(&code.source.path)
        || code.names_around(setting.node).iter().any(|name| {
            has_word(
                name,
                &[
                    "test",
                    "tests",
                    "testing",
                    "mock",
                    "fake",
                    "example",
                    "demo",
                    "dev",
                    "development",
                    "local",
                    "sample",
                ],
            )
        });
    // What is written into every page or program for measuring use is known to all.
    let known = has_word(
        setting.name,
        &[
            "analytics",
            "amplitude",
            "posthog",
            "segment",
            "public",
            "publishable",
            "mixpanel",
            "telemetry",
            "algolia",
            "firebase",
        ],
    );
    let example = code.tree.ancestors(setting.node).any(|around| {
        let name = if code.kind(around) == Kind::Pair {
            code.key(around).unwrap_or("")
        } else {
            code.name(around)
        };
        matches!(code.kind(around), Kind::Keyword | Kind::Pair | Kind::Assign)
            && matches!(name, "example" | "examples" | "openapi_examples")
    });
    if example {
        return;
    }
    if local || known || code.kind(setting.node) == Kind::Param && text.len() < 8 {
        reports.note(setting.node, message);
    } else {
        reports.add(setting.node, message);
    }
}

/// `b"…"`, `"…".encode()`, `[]byte("…")`, `Buffer.from("…")`.
fn without_encoding(code: Code<'_>, id: NodeId) -> NodeId {
    let id = code.bare(id);
    if code.kind(id) != Kind::Call {
        return id;
    }
    match code.called(id) {
        "encode" => code.receiver(id).unwrap_or(id),
        "from" | "SecretStr" | "str" | "String" => code.arg(id, 0).unwrap_or(id),
        "" if code.tree.source(id).starts_with("[]byte(") => code.arg(id, 0).unwrap_or(id),
        _ => id,
    }
}

/// What frameworks sign sessions and tokens with.
fn signs(code: Code<'_>, setting: Setting<'_>) -> bool {
    match setting.name {
        "SECRET_KEY" | "JWT_SECRET_KEY" | "JWT_SECRET" | "SESSION_SECRET" | "COOKIE_SECRET" | "jwtSecret"
        | "JWT_KEY" | "jwtKey" | "sessionSecret" => {
            code.kind(setting.node) != Kind::Keyword
                || code.tree.language() != crate::language::Language::Python
        }
        "secret_key" => {
            let target = code.child(setting.node, Role::Target);
            target.is_some_and(|target| {
                code.kind(target) == Kind::Member
                    && matches!(code.last_name_of_object(target), "app" | "application")
            }) || setting.within(code).is_some_and(|call| {
                matches!(
                    code.called(call),
                    "SessionMiddleware" | "add_middleware" | "URLSafeTimedSerializer"
                )
            })
        }
        "secret" | "secretOrKey" | "secrets" => {
            setting.within(code).is_some_and(|call| {
                matches!(
                    code.called(call),
                    "session"
                        | "cookieSession"
                        | "expressSession"
                        | "register"
                        | "expressjwt"
                        | "super"
                        | "jwt"
                        | "registerAsync"
                ) && !code.mentions(call, |name| name == "TOTP")
            }) || setting.name == "secretOrKey"
        }
        _ => false,
    }
}

/// `jwt.encode(claims, "secret")`, `jwt.sign(claims, 'secret')`, `token.SignedString([]byte("secret"))`.
fn signing_key(code: Code<'_>, call: NodeId, told: &mut Vec<NodeId>, reports: &mut Reports) {
    let path = code.path(call);
    let key = match path {
        "jwt.encode"
        | "jwt.decode"
        | "jose.jwt.encode"
        | "jose.jwt.decode"
        | "jsonwebtoken.sign"
        | "jsonwebtoken.verify"
        | "jwt.sign"
        | "jwt.verify"
        | "jwt-simple.encode"
        | "jwt-simple.decode" => code.option(call, "key").or_else(|| code.arg(call, 1)),
        "hmac.new" | "hmac.HMAC" => code.option(call, "key").or_else(|| code.arg(call, 0)),
        "crypto.createHmac" | "crypto.createCipheriv" | "crypto.createDecipheriv" => code.arg(call, 1),
        "hmac.New" => code.arg(call, 1),
        "itsdangerous.URLSafeTimedSerializer"
        | "itsdangerous.URLSafeSerializer"
        | "itsdangerous.Signer"
        | "itsdangerous.TimestampSigner"
        | "cryptography.fernet.Fernet"
        | "cookie-parser"
        | "sessions.NewCookieStore"
        | "cookie.NewStore"
        | "aes.NewCipher" => code.arg(call, 0),
        _ => match code.called(call) {
            "SignedString" | "setSigningKey" => code.arg(call, 0),
            _ => None,
        },
    };
    let Some(key) = key else {
        return;
    };
    let value = without_encoding(code, code.literal(key));
    let value = code
        .set_to(value)
        .map_or(value, |value| without_encoding(code, value));
    if code.kind(value) != Kind::Str || code.name(value).is_empty() || told.contains(&value) {
        return;
    }
    told.push(value);
    reports.add(
        call,
        format!("the key of `{}` is in the source: {MESSAGE}", short(code, call)),
    );
}

/// `if password == "admin123"`
fn compared(code: Code<'_>, binary: NodeId, reports: &mut Reports) {
    let Some(("==" | "===" | "!=" | "!==", left, right)) = code.comparison(binary) else {
        return;
    };
    let (value, literal) = match (code.kind(left), code.kind(right)) {
        (_, Kind::Str) => (left, right),
        (Kind::Str, _) => (right, left),
        _ => return,
    };
    let name = code.last_name(value);
    let text = code.name(literal);
    let secret = is_password(name)
        || is_secret(name)
        || matches!(
            words(name).join("").as_str(),
            "apikey" | "xapikey" | "token" | "authtoken" | "xadmintoken" | "admintoken" | "authorization"
        );
    let plain = text.len() >= 4
        && !text.contains(char::is_whitespace)
        && !text.contains(['<', '{', '$'])
        && words(text) != words(name)
        && !matches!(
            text,
            "none"
                | "null"
                | "undefined"
                | "true"
                | "false"
                | "string"
                | "text"
                | "basic"
                | "bearer"
                | "Bearer"
                | "Basic"
        );
    // Parsers compare tokens too: letters and digits together are no word of a language.
    let looks = is_password(name) && !is_placeholder(text)
        || text.bytes().any(|byte| byte.is_ascii_digit())
            && text.len() >= 6
            && text.bytes().any(|byte| byte.is_ascii_alphabetic())
        || text.to_ascii_lowercase().contains("secret");
    if secret && plain && looks && !text.to_ascii_lowercase().starts_with("your") {
        reports.add(
            binary,
            format!(
                "`{}` compares with a secret in the source: {MESSAGE}",
                short(code, binary)
            ),
        );
    }
}

/// Whether a text is only used where nothing else is set.
fn is_fallback(code: Code<'_>, text: NodeId) -> bool {
    code.tree.parent(text).is_some_and(|parent| {
        code.kind(parent) == Kind::Binary && matches!(code.name(parent), "or" | "??")
            || code.kind(parent) == Kind::Call
                && matches!(code.called(parent), "get" | "getenv" | "config" | "env")
    })
}

/// `process.env.JWT_SECRET || "secret"`
fn fallback(code: Code<'_>, binary: NodeId, told: &mut Vec<NodeId>, reports: &mut Reports) {
    if !matches!(code.name(binary), "or" | "??") {
        return;
    }
    let (Some(left), Some(right)) = (code.child(binary, Role::Left), code.child(binary, Role::Right)) else {
        return;
    };
    let name = code.last_name(left);
    let outside = code.tree.source(left).contains("env") || code.tree.source(left).contains("config");
    if code.kind(right) == Kind::Str && outside && !told.contains(&right) {
        known_default(code, binary, name, right, told, reports);
    }
}

/// `os.environ.get("JWT_SECRET", "secret")`
fn default(code: Code<'_>, call: NodeId, told: &mut Vec<NodeId>, reports: &mut Reports) {
    if !matches!(
        code.called(call),
        "get"
            | "getenv"
            | "config"
            | "env"
            | "getEnv"
            | "GetEnv"
            | "getenvDefault"
            | "GetEnvDefault"
            | "getEnvOrDefault"
    ) {
        return;
    }
    let about_env = {
        let path = code.path(call);
        path.contains("env") || path.contains("Env") || path.contains("config")
    };
    let args = code.args(call);
    let (Some(name), Some(value)) = (
        args.first().and_then(|name| code.text(*name)),
        args.get(1).copied().or_else(|| code.option(call, "default")),
    ) else {
        return;
    };
    if about_env && code.kind(value) == Kind::Str && !told.contains(&value) {
        known_default(code, call, name, value, told, reports);
    }
}

fn known_default(
    code: Code<'_>,
    node: NodeId,
    name: &str,
    value: NodeId,
    told: &mut Vec<NodeId>,
    reports: &mut Reports,
) {
    let text = code.name(value);
    if text.is_empty() || text.contains(char::is_whitespace) {
        return;
    }
    let joined = words(name).join("");
    // Whoever knows this one signs sessions and tokens for everybody.
    let signs = [
        "jwtsecret",
        "secretkey",
        "sessionsecret",
        "jwtkey",
        "cookiesecret",
        "signingkey",
        "tokensecret",
        "authsecret",
        "encryptionkey",
        "jwtprivatekey",
        "appsecret",
        "sessionkey",
        "accesstokensecret",
        "refreshtokensecret",
    ]
    .iter()
    .any(|end| joined.ends_with(end))
        && !joined.contains("aws");
    let message = format!(
        "where nothing is set, `{}` takes a secret that everybody knows who reads the source",
        short(code, node)
    );
    if signs && !crate::analysis::place::is_local(&code.source.path) {
        told.push(value);
        reports.add(node, message);
    } else if is_secret(name) && text.len() > 3 {
        told.push(value);
        reports.note(node, message);
    }
}
