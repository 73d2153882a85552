//! A password under a hash that is made to be fast.

use safeguard_api::evidence::Severity;

use super::EVERY;
use super::tls_not_verified::short;
use crate::analysis::code::Code;
use crate::analysis::words::{has_word, is_password};
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "password-fast-hash",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-916", "CWE-759", "CWE-328"],
    languages: EVERY,
    run,
};

fn run(source: &Source, _project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in code.calls() {
        // A class that is called after the hash reads what others have stored.
        let by_name = code.names_around(call).iter().any(|name| {
            has_word(
                name,
                &[
                    "md5",
                    "sha1",
                    "sha",
                    "unsalted",
                    "legacy",
                    "md5password",
                    "sha1password",
                ],
            ) && has_word(name, &["hasher", "legacy", "compat"])
        });
        if let Some(password) = hashed(code, call).filter(|_| !by_name)
            && !is_other_protocol(code, call)
            && !is_hashed_again(code, call)
        {
            reports.add(
                call,
                format!(
                    "`{}` is hashed by `{}`, of which a stolen list is tried out in billions a second",
                    short(code, password),
                    short(code, call)
                ),
            );
        }
        too_few_rounds(code, call, reports);
    }
}

/// The password that a fast hash is made of.
fn hashed(code: Code<'_>, call: NodeId) -> Option<NodeId> {
    let path = code.path(call);
    let called = code.called(call);
    let direct = matches!(
        path,
        "hashlib.md5"
            | "hashlib.sha1"
            | "hashlib.sha224"
            | "hashlib.sha256"
            | "hashlib.sha384"
            | "hashlib.sha512"
            | "hashlib.sha3_256"
            | "hashlib.blake2b"
            | "hashlib.new"
            | "md5"
            | "md5.Sum"
            | "sha1.Sum"
            | "sha256.Sum256"
            | "sha512.Sum512"
            | "crypto-js.MD5"
            | "crypto-js.SHA1"
            | "crypto-js.SHA256"
            | "crypto-js.SHA512"
            | "crypto-js/sha256"
            | "crypto-js/md5"
            | "js-sha256.sha256"
            | "js-md5"
            | "sha1"
            | "sha256"
    ) || path.starts_with("CryptoJS.MD5")
        || path.starts_with("CryptoJS.SHA");
    if direct {
        return code.args(call).into_iter().find_map(|arg| password_in(code, arg));
    }
    // `createHash('sha256').update(password)`, `h := sha256.New(); h.Write([]byte(password))`
    if !matches!(called, "update" | "Write" | "WriteString") && path != "io.WriteString" {
        return None;
    }
    let on = if path == "io.WriteString" {
        code.arg(call, 0)
    } else {
        code.receiver(call)
    }?;
    let made = code.set_to(on).unwrap_or(on);
    if !makes_fast_hash(code, made) {
        return None;
    }
    code.args(call).into_iter().find_map(|arg| password_in(code, arg))
}

fn makes_fast_hash(code: Code<'_>, id: NodeId) -> bool {
    let mut at = id;
    while code.is_call(at) {
        let path = code.path(at);
        if matches!(
            path,
            "crypto.createHash"
                | "hashlib.md5"
                | "hashlib.sha1"
                | "hashlib.sha256"
                | "hashlib.sha512"
                | "hashlib.new"
                | "md5.New"
                | "sha1.New"
                | "sha256.New"
                | "sha512.New"
        ) {
            return true;
        }
        match code.receiver(at) {
            Some(next) => at = next,
            None => return false,
        }
    }
    false
}

/// A password in what is hashed, that is not itself a hash or a length of one.
fn password_in(code: Code<'_>, id: NodeId) -> Option<NodeId> {
    code.tree.subtree(id).find(|inner| {
        let named = match code.kind(*inner) {
            Kind::Name | Kind::Member => {
                is_password(code.name(*inner)) || matches!(code.name(*inner), "pass" | "passw")
            }
            Kind::Index | Kind::Call => is_password(code.last_name(*inner)),
            _ => false,
        };
        named && code.tree.role(*inner) != Role::Callee && code.tree.role(*inner) != Role::Object
            || named
                && code.tree.parent(*inner).is_some_and(|parent| {
                    code.kind(parent) == Kind::Member
                        && matches!(
                            code.name(parent),
                            "encode" | "trim" | "strip" | "toString" | "value" | "data"
                        )
                })
    })
}

/// What a protocol or a lookup of known passwords asks for, whoever writes it.
fn is_other_protocol(code: Code<'_>, call: NodeId) -> bool {
    let about = |name: &str| {
        has_word(
            name,
            &[
                "realm",
                "nonce",
                "cnonce",
                "ntlm",
                "scram",
                "hibp",
                "pwned",
                "pwnedpasswords",
                "breach",
                "breached",
                "breaches",
                "leaked",
                "compromised",
                "wire",
                "protocol",
                "handshake",
                "wsse",
                "apop",
                "cram",
                "ha1",
                "migrate",
                "pgp",
                "gravatar",
                "challenge",
                "derive",
                "scramble",
                "kdf",
                "fingerprint",
            ],
        )
    };
    let function = code.functions(call).last().unwrap_or(call);
    code.names_around(call).iter().any(|name| about(name))
        || code.mentions(function, about)
        || code
            .texts_in(function)
            .any(|text| text.contains("pwnedpasswords"))
        || code.tree.ancestors(call).any(|around| {
            code.kind(around) == Kind::Assign
                && code
                    .child(around, Role::Target)
                    .is_some_and(|target| has_word(code.last_name(target), &["key", "ha1", "a1", "iv"]))
        })
}

/// `bcrypt.hashpw(sha256(password).digest(), …)` makes it slow after all.
fn is_hashed_again(code: Code<'_>, call: NodeId) -> bool {
    let slow = |name: &str| {
        has_word(
            name,
            &[
                "bcrypt", "argon2", "scrypt", "pbkdf2", "hashpw", "checkpw", "argon", "kdf", "hkdf", "pbkdf",
                "fernet",
            ],
        )
    };
    if code
        .tree
        .ancestors(call)
        .any(|around| code.is_call(around) && slow(code.path(around)))
    {
        return true;
    }
    let function = code.function(call).unwrap_or(NodeId::ROOT);
    code.tree
        .subtree(function)
        .any(|id| code.is_call(id) && slow(code.path(id)))
}

/// `bcrypt.gensalt(4)`, `pbkdf2_hmac("sha256", password, salt, 1000)`.
fn too_few_rounds(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    const PBKDF2_ROUNDS_MIN: u64 = 100_000;
    const BCRYPT_COST_MIN: u64 = 10;
    let path = code.path(call);
    let (rounds, least) = match path {
        "hashlib.pbkdf2_hmac" => (
            code.arg(call, 3).or_else(|| code.option(call, "iterations")),
            PBKDF2_ROUNDS_MIN,
        ),
        "crypto.pbkdf2" | "crypto.pbkdf2Sync" | "pbkdf2.Key" => (code.arg(call, 2), PBKDF2_ROUNDS_MIN),
        "bcrypt.gensalt" => (
            code.arg(call, 0).or_else(|| code.option(call, "rounds")),
            BCRYPT_COST_MIN,
        ),
        "bcrypt.hash"
        | "bcrypt.hashSync"
        | "bcryptjs.hash"
        | "bcryptjs.hashSync"
        | "bcrypt.GenerateFromPassword" => (code.arg(call, 1), BCRYPT_COST_MIN),
        "bcrypt.genSalt" | "bcrypt.genSaltSync" | "bcryptjs.genSalt" | "bcryptjs.genSaltSync" => {
            (code.arg(call, 0), BCRYPT_COST_MIN)
        }
        _ => return,
    };
    let Some(rounds) = rounds else {
        return;
    };
    if code.number(rounds).is_some_and(|number| number < least) || code.last_name(rounds) == "MinCost" {
        reports.note(
            call,
            format!(
                "`{}` is done quickly, also by whoever tries out a stolen list",
                short(code, call)
            ),
        );
    }
}
