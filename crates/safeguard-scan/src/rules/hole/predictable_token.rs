//! A secret from a generator whose next number can be worked out.

mod purpose;

use safeguard_api::evidence::Severity;

use super::EVERY;
use super::tls_not_verified::short;
use crate::analysis::code::Code;
use crate::analysis::words::{has_word, words};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId};
use purpose::purpose;

pub static CHECK: Check = Check {
    id: "predictable-token",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-330", "CWE-338", "CWE-340"],
    languages: EVERY,
    run,
};

fn run(source: &Source, _project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let mut told: Vec<NodeId> = Vec::new();
    for call in code.calls() {
        let Some(from) = guessable(code, call) else {
            continue;
        };
        let Some(purpose) = purpose(code, call, from == From::Time) else {
            continue;
        };
        // One of several draws says it for all of the statement.
        let statement = statement(code, call);
        if told.contains(&statement) {
            continue;
        }
        told.push(statement);
        // Marks of caches and locks are tokens too, and only have to differ.
        let only_differs = from == From::Uuid
            && words(purpose).len() < 4
            && !has_word(
                purpose,
                &[
                    "reset", "session", "invite", "api", "auth", "access", "refresh", "csrf", "secret",
                ],
            );
        let weak_context = only_differs || in_other_context(code, call, purpose);
        let message = format!("`{purpose}` comes from `{}`, {}", short(code, call), from.why());
        if code.mentions(NodeId::ROOT, |name| {
            matches!(name, "window" | "localStorage" | "sessionStorage" | "document")
        }) || matches!(code.tree.language(), Language::Tsx)
            || weak_context
        {
            reports.note(call, message);
        } else {
            reports.add(call, message);
        }
    }
    for call in code.calls() {
        too_short(code, call, reports);
    }
}

/// A number of a session is also what counts visits and connections, and a token is also what marks a boundary.
fn in_other_context(code: Code<'_>, call: NodeId, purpose: &str) -> bool {
    let names = code.names_around(call);
    if names.iter().any(|name| {
        has_word(
            name,
            &[
                "boundary",
                "mask",
                "delimiter",
                "cache",
                "etag",
                "temp",
                "tmp",
                "track",
                "analytics",
                "telemetry",
                "metrics",
                "simulate",
                "mock",
                "demo",
                "seed",
            ],
        )
    }) {
        return true;
    }
    let parts = words(purpose);
    if !(parts.iter().any(|word| word.starts_with("sess")) && parts.last().is_some_and(|last| last == "id")) {
        return false;
    }
    let function = code.functions(call).last().unwrap_or(NodeId::ROOT);
    let signs_in = |name: &str| {
        has_word(
            name,
            &[
                "login",
                "cookie",
                "cookies",
                "user",
                "auth",
                "authenticate",
                "signin",
                "password",
                "account",
                "username",
            ],
        )
    };
    !names.iter().any(|name| signs_in(name))
        && !code.mentions(function, signs_in)
        && !code
            .texts_in(function)
            .any(|text| text.len() < 40 && signs_in(text))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Generator,
    Time,
    Uuid,
}

impl From {
    fn why(self) -> &'static str {
        match self {
            From::Generator => "whose next numbers can be worked out from some that were seen",
            From::Time => "and when that was can be tried out",
            From::Uuid => "which is made of the time and the machine",
        }
    }
}

fn guessable(code: Code<'_>, call: NodeId) -> Option<From> {
    let path = code.path(call);
    match code.tree.language() {
        Language::Python => match path {
            "random.choice" | "random.choices" | "random.sample" => {
                picks_characters(code, call).then_some(From::Generator)
            }
            "random.randint"
            | "random.random"
            | "random.getrandbits"
            | "random.randrange"
            | "random.randbytes"
            | "random.uniform"
            | "numpy.random.randint" => Some(From::Generator),
            "uuid.uuid1" => Some(From::Uuid),
            "time.time" | "time.time_ns" | "datetime.datetime.now" | "datetime.datetime.utcnow" => {
                Some(From::Time)
            }
            _ => None,
        },
        Language::JavaScript | Language::TypeScript | Language::Tsx => match path {
            "Math.random" => Some(From::Generator),
            "Date.now" => Some(From::Time),
            "uuid.v1" => Some(From::Uuid),
            _ if path == "Date" && code.kind(call) == Kind::New && code.args(call).is_empty() => {
                Some(From::Time)
            }
            _ => None,
        },
        Language::Go => {
            let weak = code.imports("math/rand");
            let strong = code.imports("crypto/rand");
            match path {
                // Under one name there is only one of them.
                "rand.Int" | "rand.Intn" | "rand.IntN" | "rand.Int31n" | "rand.Int63" | "rand.Int63n"
                | "rand.Read" | "rand.Uint64" | "rand.Uint32" | "rand.Perm" | "rand.N"
                    if weak && !strong =>
                {
                    Some(From::Generator)
                }
                "rand.Intn" | "rand.Int31n" | "rand.Int63" | "rand.Int63n" | "rand.Uint64"
                | "mathrand.Intn" | "mrand.Intn"
                    if weak =>
                {
                    Some(From::Generator)
                }
                "time.Now" => Some(From::Time),
                "uuid.NewUUID" => Some(From::Uuid),
                _ if weak
                    && matches!(code.called(call), "Intn" | "IntN" | "Int63")
                    && code.receiver(call).is_some() =>
                {
                    Some(From::Generator)
                }
                _ => None,
            }
        }
        Language::Dockerfile
        | Language::Hcl
        | Language::Java
        | Language::Rust
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => None,
    }
}

/// `random.choice(string.ascii_letters)`, and not `random.choice(tokens)`.
fn picks_characters(code: Code<'_>, call: NodeId) -> bool {
    let Some(from) = code.arg(call, 0) else {
        return false;
    };
    let from = code.set_to(from).unwrap_or(from);
    code.tree.subtree(from).any(|id| match code.kind(id) {
        Kind::Str => code.name(id).len() >= 8,
        Kind::Member | Kind::Name => {
            let name = code.name(id).to_ascii_lowercase();
            matches!(
                name.as_str(),
                "ascii_letters"
                    | "digits"
                    | "hexdigits"
                    | "ascii_lowercase"
                    | "ascii_uppercase"
                    | "printable"
            ) || words(&name).iter().any(|word| {
                matches!(
                    word.as_str(),
                    "alphabet" | "characters" | "chars" | "letters" | "charset" | "symbols"
                )
            })
        }
        Kind::Call => code.called(id) == "range",
        _ => false,
    })
}

fn statement(code: Code<'_>, id: NodeId) -> NodeId {
    code.tree
        .ancestors(id)
        .find(|around| {
            matches!(
                code.kind(*around),
                Kind::Assign | Kind::Return | Kind::ExprStmt | Kind::Function | Kind::Lambda
            )
        })
        .unwrap_or(NodeId::ROOT)
}

/// `secrets.token_hex(3)`, `crypto.randomBytes(4)` for a token.
fn too_short(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    const TOKEN_BYTES_MIN: u64 = 12;
    let path = code.path(call);
    let is_bytes = matches!(
        path,
        "secrets.token_hex"
            | "secrets.token_bytes"
            | "secrets.token_urlsafe"
            | "os.urandom"
            | "crypto.randomBytes"
    );
    let Some(size) = code
        .arg(call, 0)
        .filter(|_| is_bytes)
        .and_then(|size| code.number(size))
    else {
        return;
    };
    if size >= TOKEN_BYTES_MIN {
        return;
    }
    let Some(purpose) = purpose(code, call, false) else {
        return;
    };
    let parts = words(purpose);
    // Codes that somebody types, and salts and nonces of a protocol, are short by their kind.
    if parts.iter().any(|word| {
        matches!(
            word.as_str(),
            "code" | "codes" | "otp" | "pin" | "salt" | "nonce" | "password" | "slug"
        )
    }) {
        return;
    }
    reports.note(
        call,
        format!("`{purpose}` has {size} bytes, few enough to be tried out"),
    );
}
