//! What a value is for, by the names that it goes to.

use crate::analysis::code::Code;
use crate::analysis::words::{has_word, is_password, is_secret, words};
use crate::tree::{Kind, NodeId, Role};

/// What a value is for, by the name that it goes to, if that is to be a secret.
pub(super) fn purpose<'s>(code: Code<'s>, call: NodeId, only_direct: bool) -> Option<&'s str> {
    let mut at = call;
    let mut through_comparison = false;
    while let Some(parent) = code.tree.parent(at) {
        match code.kind(parent) {
            Kind::Assign => {
                if code.tree.role(at) != Role::Value {
                    return None;
                }
                let name = code
                    .child(parent, Role::Target)
                    .map_or("", |target| code.last_name(target));
                if is_to_be_secret(name) {
                    return Some(name);
                }
                if !only_direct && is_code_of_context(code, parent, name) {
                    return Some(name);
                }
                // A step on the way: `const bytes = …` of a function that makes a token.
                let is_step = matches!(words(name).as_slice(), [one] if matches!(one.as_str(), "result" | "out" | "res" | "str" | "s" | "value" | "chars" | "code" | "b" | "buf" | "bytes" | "i" | "n" | "idx" | "index" | "id" | "text" | "raw" | "num" | "number" | "digits" | "rand" | "random" | "ret" | "string" | "pwd" | "seed" | "data"))
                    || name.is_empty()
                    || name.contains("andom");
                return (is_step && !only_direct)
                    .then(|| by_function(code, parent))
                    .flatten();
            }
            Kind::Pair => {
                let name = code.key(parent).unwrap_or("");
                let opens = is_to_be_secret(name) || !only_direct && is_code_of_context(code, parent, name);
                return opens.then_some(name);
            }
            Kind::Keyword | Kind::Field => {
                let name = code.name(parent);
                if is_to_be_secret(name) {
                    return Some(name);
                }
                if !matches!(name, "k") {
                    return None;
                }
            }
            Kind::Return => {
                return (!through_comparison)
                    .then(|| by_function(code, parent))
                    .flatten()
                    .filter(|_| !only_direct || is_text(code, parent));
            }
            Kind::Compare | Kind::If | Kind::While | Kind::ForEach | Kind::For | Kind::Try => return None,
            Kind::Binary if only_direct && !matches!(code.name(parent), "+" | "%" | "or") => return None,
            Kind::Binary => {
                through_comparison |= matches!(
                    code.name(parent),
                    "==" | "!=" | "<" | ">" | "<=" | ">=" | "===" | "!=="
                )
            }
            Kind::Lambda if code.body(parent) == Some(at) => {
                if code
                    .tree
                    .parent(parent)
                    .is_some_and(|outer| code.kind(outer) == Kind::Call)
                {
                    // `Array.from({ length: 8 }, () => …)`
                } else {
                    return by_name(code, parent).filter(|_| !only_direct);
                }
            }
            Kind::Function | Kind::Module | Kind::ExprStmt | Kind::Block | Kind::Lambda => {
                // `out.push(…)`, `sb.WriteByte(…)` of a function that makes a token.
                return (!only_direct && code.kind(parent) == Kind::ExprStmt)
                    .then(|| by_function(code, parent))
                    .flatten();
            }
            Kind::Call => {
                // What is sent, slept or logged is no secret.
                let called = code.called(parent);
                if matches!(
                    called,
                    "sleep"
                        | "setTimeout"
                        | "log"
                        | "info"
                        | "debug"
                        | "print"
                        | "wait"
                        | "Sleep"
                        | "After"
                        | "seed"
                        | "Seed"
                        | "Since"
                        | "Sub"
                        | "Add"
                        | "timedelta"
                ) {
                    return None;
                }
                if only_direct && !makes_text(called) {
                    return None;
                }
            }
            _ => {}
        }
        at = parent;
    }
    None
}

/// `code` or `pin` where somebody signs in, proves an address or gets a new password: by the function's name, or the file's.
fn is_code_of_context(code: Code<'_>, id: NodeId, name: &str) -> bool {
    const OPENS: &[&str] = &[
        "reset",
        "resets",
        "verify",
        "verification",
        "login",
        "signin",
        "otp",
        "mfa",
        "2fa",
        "recovery",
        "recover",
        "forgot",
        "activate",
        "activation",
        "confirmation",
        "passwordless",
    ];
    const WHO: &[&str] = &[
        "email", "mail", "user", "phone", "sms", "account", "customer", "member",
    ];
    let parts = words(name);
    let is_code = parts.len() <= 2
        && parts
            .last()
            .is_some_and(|last| matches!(last.as_str(), "code" | "pin" | "digits" | "passcode"));
    if !is_code {
        return false;
    }
    let function = code.functions(id).last().unwrap_or(NodeId::ROOT);
    let file = code.source.path.rsplit('/').next().unwrap_or("");
    let about = code.names_around(id).iter().any(|name| has_word(name, OPENS)) || has_word(file, OPENS);
    about && code.mentions(function, |name| has_word(name, WHO))
}

/// What turns a time into a text.
fn makes_text(called: &str) -> bool {
    matches!(
        called,
        "md5"
            | "sha1"
            | "sha256"
            | "sha512"
            | "hexdigest"
            | "digest"
            | "str"
            | "encode"
            | "toString"
            | "Sprintf"
            | "Sprint"
            | "b64encode"
            | "urlsafe_b64encode"
            | "timestamp"
            | "int"
            | "format"
            | "update"
            | "hex"
            | "hash"
            | "FormatInt"
            | "Itoa"
            | "UnixNano"
            | "Unix"
            | "UnixMilli"
            | "Format"
            | "strftime"
            | "String"
            | "getTime"
            | "btoa"
            | "Sum256"
            | "Sum"
            | "EncodeToString"
            | "floor"
            | "join"
            | "isoformat"
            | "string"
            | "slice"
            | "substring"
            | "now"
            | ""
    )
}

fn by_function<'s>(code: Code<'s>, id: NodeId) -> Option<&'s str> {
    by_name(code, code.function(id)?)
}

fn by_name<'s>(code: Code<'s>, function: NodeId) -> Option<&'s str> {
    let name = code.function_name(function);
    let parts = words(name);
    let makes = parts.first().is_some_and(|first| {
        matches!(
            first.as_str(),
            "generate"
                | "gen"
                | "create"
                | "make"
                | "new"
                | "random"
                | "get"
                | "build"
                | "rand"
                | "issue"
                | "next"
                | "mint"
                // Named by what it gives: `reset_token()`.
                | "reset"
                | "session"
                | "api"
                | "auth"
                | "csrf"
                | "invite"
                | "secret"
                | "temporary"
                | "verification"
        )
    });
    (makes && is_to_be_secret(name)).then_some(name)
}

/// Whether what goes under a name opens something.
fn is_to_be_secret(name: &str) -> bool {
    let parts = words(name);
    // When a password was used or changed is no password.
    let is_moment = parts.last().is_some_and(|last| {
        matches!(
            last.as_str(),
            "age" | "at" | "changed" | "date" | "expires" | "expiry" | "since" | "time" | "updated" | "used"
        )
    });
    if is_moment {
        return false;
    }
    if is_password(name) || is_secret(name) {
        return true;
    }
    let joined = parts.join("");
    let Some(last) = parts.last() else {
        return false;
    };
    let has = |list: &[&str]| parts.iter().any(|word| list.contains(&word.as_str()));
    let about_text = has(&[
        "count",
        "counts",
        "num",
        "max",
        "min",
        "type",
        "expiry",
        "expires",
        "at",
        "time",
        "length",
        "limit",
        "index",
        "probability",
        "bucket",
        "usage",
        "price",
        "cost",
        "budget",
        "rate",
        "position",
        "color",
        "fuzzy",
        "design",
        "mock",
        "fake",
        "test",
        "created",
    ]);
    if about_text {
        return false;
    }
    match last.as_str() {
        "token" => joined != "nexttoken",
        "otp" | "salt" | "secret" | "csrf" | "passcode" | "passphrase" | "apikey" => true,
        "nonce" => true,
        "pin" => has(&["pin"]) && parts.len() > 1 && !has(&["map", "board", "gpio", "drop"]),
        "code" | "codes" => has(&[
            "verification",
            "verify",
            "reset",
            "auth",
            "confirm",
            "confirmation",
            "invite",
            "invitation",
            "access",
            "login",
            "otp",
            "backup",
            "recovery",
            "security",
            "activation",
            "sms",
            "mfa",
            "2fa",
            "gift",
            "voucher",
        ]),
        "id" | "sid" => has(&["session", "reset", "invite", "share", "sess"]) || joined == "sid",
        "key" => has(&[
            "api",
            "secret",
            "access",
            "session",
            "private",
            "encryption",
            "signing",
            "auth",
            "license",
        ]),
        "link" | "slug" | "url" => has(&["share", "reset", "invite", "magic", "secret"]),
        "password" | "pwd" => true,
        _ => false,
    }
}

/// Whether a text is made of it: a time by itself is often only when something was made.
fn is_text(code: Code<'_>, id: NodeId) -> bool {
    code.tree.subtree(id).any(|inner| {
        matches!(code.kind(inner), Kind::Interp)
            || code.is_call(inner)
                && matches!(
                    code.called(inner),
                    "md5"
                        | "sha1"
                        | "sha256"
                        | "hexdigest"
                        | "digest"
                        | "toString"
                        | "Sprintf"
                        | "b64encode"
                        | "Sum256"
                )
    })
}
