//! A password that is stored, and compared, as it is.

use safeguard_api::evidence::Severity;

use super::EVERY;
use super::tls_not_verified::short;
use crate::analysis::code::Code;
use crate::analysis::sent::{is_request, sent};
use crate::analysis::words::{has_word, is_password, is_second_password};
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "password-in-clear",
    failure: "X3",
    severity: Severity::Critical,
    confidence: Confidence::High,
    cwe: &["CWE-256", "CWE-522"],
    languages: EVERY,
    run,
};

fn run(source: &Source, _project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for binary in source.of_kind(Kind::Binary) {
        compared(code, *binary, reports);
    }
    for call in code.calls() {
        looked_up(code, call, reports);
        in_sql(code, call, reports);
    }
}

const MESSAGE: &str = "whoever reads the table has everybody's password";

/// `user.password == password`
fn compared(code: Code<'_>, binary: NodeId, reports: &mut Reports) {
    let Some(("==" | "===" | "!=" | "!==", left, right)) = code.comparison(binary) else {
        return;
    };
    let (stored, typed) = match (stored(code, left), stored(code, right)) {
        (true, false) => (left, right),
        (false, true) => (right, left),
        _ => return,
    };
    let name = code.last_name(typed);
    let is_typed = is_password(name) || matches!(name, "pass" | "pw");
    if !is_typed
        || is_second_password(name)
        || is_second_password(code.last_name(stored))
        || is_null_or_text(code, typed)
    {
        return;
    }
    // What is a hash by then is compared as one.
    let made = code.set_to(typed);
    if made.is_some_and(|made| code.mentions(made, is_hashing)) || code.mentions(typed, is_hashing) {
        return;
    }
    // Changing it to the same one again, or keeping what a form shows.
    if code.mentions(binary, |name| {
        has_word(
            name,
            &[
                "form", "state", "props", "values", "errors", "config", "settings", "options", "opts",
                "basic", "env",
            ],
        )
    }) && sent(code, typed).is_none()
    {
        return;
    }
    reports.add(
        binary,
        format!(
            "`{}` compares the password itself: {MESSAGE}",
            short(code, binary)
        ),
    );
}

fn is_null_or_text(code: Code<'_>, id: NodeId) -> bool {
    code.is_null(id) || code.kind(id) == Kind::Str
}

fn is_hashing(name: &str) -> bool {
    has_word(
        name,
        &[
            "hash",
            "hashed",
            "bcrypt",
            "argon2",
            "scrypt",
            "pbkdf2",
            "md5",
            "sha1",
            "sha256",
            "sha512",
            "digest",
            "hexdigest",
            "crypt",
            "encrypt",
            "encrypted",
            "hashpw",
            "checkpw",
        ],
    )
}

/// The password of a stored user: a member or a column of one.
fn stored(code: Code<'_>, id: NodeId) -> bool {
    let id = code.bare(id);
    let object = match code.kind(id) {
        Kind::Member | Kind::Index => code.child(id, Role::Object),
        _ => None,
    };
    let Some(object) = object else {
        return false;
    };
    if !is_password(code.last_name(id)) || sent(code, id).is_some() {
        return false;
    }
    let of = match code.kind(object) {
        Kind::Index => code.first_name(object),
        _ => code.last_name(object),
    };
    has_word(
        of,
        &[
            "user",
            "users",
            "account",
            "accounts",
            "row",
            "record",
            "member",
            "customer",
            "admin",
            "employee",
            "found",
            "existing",
            "stored",
            "u",
            "profile",
            "entity",
            "doc",
            "dbuser",
            "client",
            "student",
            "person",
            "db",
            "result",
            "credentials",
        ],
    ) && !is_request(of)
        && !has_word(
            of,
            &[
                "input", "new", "form", "dto", "request", "req", "body", "payload", "data",
            ],
        )
}

/// `User.query.filter_by(username=u, password=p)`, `User.findOne({ email, password })`.
fn looked_up(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    let reads = matches!(
        code.called(call),
        "filter_by"
            | "filter"
            | "get"
            | "find"
            | "findOne"
            | "find_one"
            | "findFirst"
            | "findUnique"
            | "where"
            | "Where"
            | "findOneBy"
            | "findBy"
            | "get_or_none"
            | "exists"
            | "findFirstOrThrow"
            | "FindOne"
            | "first"
    );
    let Some(receiver) = code.receiver(call).filter(|_| reads) else {
        return;
    };
    let on = code.tree.source(receiver);
    let is_model = has_word(
        on,
        &[
            "user",
            "users",
            "account",
            "accounts",
            "objects",
            "query",
            "collection",
            "prisma",
            "repository",
            "repo",
            "model",
            "admin",
            "admins",
            "customer",
            "member",
            "db",
            "knex",
        ],
    );
    if !is_model {
        return;
    }
    for id in code
        .tree
        .children_in(call, Role::Arg)
        .flat_map(|arg| code.tree.subtree(arg))
    {
        let (name, value) = match code.kind(id) {
            Kind::Keyword => (code.name(id), code.child(id, Role::Value)),
            Kind::Pair => (code.key(id).unwrap_or(""), code.child(id, Role::Value)),
            _ => continue,
        };
        let Some(value) = value else {
            continue;
        };
        if !is_password(name) || !holds_typed(code, value) || code.function(id) != code.function(call) {
            continue;
        }
        reports.add(
            call,
            format!("`{}` looks for the password itself: {MESSAGE}", short(code, call)),
        );
        return;
    }
}

/// Whether a value is a password as somebody typed it.
fn holds_typed(code: Code<'_>, value: NodeId) -> bool {
    let value = code.bare(value);
    if code.kind(value) == Kind::Bool || is_null_or_text(code, value) || code.mentions(value, is_hashing) {
        return false;
    }
    let typed = is_password(code.last_name(value)) || matches!(code.last_name(value), "pass" | "pw");
    let made = code.set_to(value);
    typed
        && !made.is_some_and(|made| {
            made != value && (code.mentions(made, is_hashing) || code.kind(made) == Kind::Str)
        })
}

/// `SELECT … WHERE username = ? AND password = ?`, `INSERT INTO users (…, password) VALUES …` with what was typed.
fn in_sql(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    let Some(first) = code
        .tree
        .children_in(call, Role::Arg)
        .map(|arg| code.set_to(arg).unwrap_or(arg))
        .find(|arg| {
            matches!(
                code.kind(*arg),
                Kind::Str | Kind::Interp | Kind::Binary | Kind::Call
            )
        })
    else {
        return;
    };
    let sql: String = code
        .texts_in(first)
        .collect::<Vec<_>>()
        .join(" ? ")
        .to_ascii_lowercase();
    let words: Vec<&str> = sql
        .split(|char: char| !char.is_alphanumeric() && char != '_')
        .filter(|word| !word.is_empty())
        .collect();
    let is_query = matches!(words.first(), Some(&"select" | &"insert" | &"update")) && words.len() > 3
        || sql.contains("password = ?") && code.called(call) == "Where";
    let column = words
        .iter()
        .any(|word| matches!(*word, "password" | "passwd" | "pwd" | "pass"));
    if !is_query || !column {
        return;
    }
    let compares = match sql.split_once("where") {
        Some((_, after)) => has_equals(after),
        None => code.called(call) == "Where" && has_equals(&sql),
    };
    let inserts = words.first() == Some(&"insert");
    let sets = words.first() == Some(&"update") && sql.split("where").next().is_some_and(has_equals);
    if !(compares || inserts || sets) {
        return;
    }
    let function = code.function(call).unwrap_or(NodeId::ROOT);
    if code.mentions(function, is_hashing)
        || sql.contains("crypt(")
        || sql.contains("sha2(")
        || sql.contains("md5(")
        || sql.contains("password(")
    {
        return;
    }
    let typed = code
        .tree
        .children_in(call, Role::Arg)
        .flat_map(|arg| code.tree.subtree(arg))
        .any(|id| {
            matches!(
                code.kind(id),
                Kind::Name | Kind::Member | Kind::Index | Kind::Call
            ) && (is_password(code.last_name(id)) || matches!(code.last_name(id), "pass" | "pw"))
                && !code.mentions(id, is_hashing)
        });
    if typed {
        let what = if compares {
            "looks for the password itself"
        } else {
            "stores the password as it is"
        };
        reports.add(call, format!("`{}` {what}: {MESSAGE}", short(code, call)));
    }
}

/// `password = ?`, and not only another column.
fn has_equals(sql: &str) -> bool {
    ["password", "passwd", "pwd", "pass"].iter().any(|column| {
        sql.match_indices(column).any(|(at, _)| {
            let before = sql[..at].chars().last();
            let after = sql[at + column.len()..].trim_start();
            !before.is_some_and(|char| char.is_alphanumeric() || char == '_') && after.starts_with('=')
        })
    })
}
