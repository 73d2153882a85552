//! Entries of an audit trail.

use safeguard_api::evidence::Severity;

use crate::analysis::chain::Chain;
use crate::analysis::code::Code;
use crate::analysis::meant::{asks_first, named_so, undoes_or_tests};
use crate::analysis::sql_text::{self, Token};
use crate::analysis::words::words;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "audit-removal",
    failure: "X1",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-778"],
    languages: crate::rules::ALL_LANGUAGES,
    run,
};

/// Rows of an audit are kept at least this long; whoever keeps them shorter says so in a setting.
pub const DAYS_MIN: u64 = 365;

const DELETES: &[&str] = &[
    "delete",
    "deleteMany",
    "delete_many",
    "DeleteMany",
    "Delete",
    "destroy",
    "del",
    "deleteFrom",
    "remove",
    "delete_one",
    "bulk_delete",
    "_raw_delete",
    "nativeDelete",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in code.calls() {
        // Lists of Java and Rust have `remove` and `delete` too.
        let by_orm = match code.tree.language() {
            Language::Java | Language::Rust => None,
            _ => by_orm(code, call),
        };
        if let Some(sure) = by_orm.or_else(|| by_statement(code, call)) {
            if undoes_or_tests(code, call) {
                continue;
            }
            let told = "removes entries of the audit trail";
            if sure && !asks_first(code, call) && !named_so(code, call) {
                reports.add(call, told);
            } else {
                reports.note(call, format!("{told}; they are wanted for years"));
            }
        }
    }
}

/// `AuditLog`, `audit_log`, `login_history`; not `audit_log_viewer_cache`.
pub fn is_audit(name: &str) -> bool {
    let words = words(name);
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
    let trail = has(&[
        "audit",
        "audits",
        "auditlog",
        "auditlogs",
        "audittrail",
        "auditevent",
        "auditentry",
        "auditentries",
    ]) || has(&[
        "access",
        "activity",
        "security",
        "compliance",
        "change",
        "login",
        "admin",
        "event",
    ]) && has(&["log", "logs", "trail", "history", "journal"])
        || has(&["ledger", "journal"]) && has(&["entry", "entries", "line", "lines"]);
    trail
        && !has(&[
            "cache", "tmp", "temp", "view", "viewer", "queue", "test", "file", "dir", "path", "job", "task",
            "handler", "service_",
        ])
}

/// Whether an ORM deletes audit rows, and whether that is certainly too much.
fn by_orm(code: Code<'_>, call: NodeId) -> Option<bool> {
    if !DELETES.contains(&code.called(call)) {
        return None;
    }
    let chain = Chain::around(code, call);
    // `auditLog.delete({ where: { id } })` and `session.delete(entry)` speak of one row.
    let links = chain
        .links
        .iter()
        .filter(|link| !DELETES.contains(&link.name))
        .map(|link| link.name);
    let args = chain
        .links
        .iter()
        .filter(|link| {
            matches!(
                link.name,
                "query"
                    | "Model"
                    | "from"
                    | "delete"
                    | "Delete"
                    | "deleteFrom"
                    | "knex"
                    | "db"
                    | "getRepository"
                    | "collection"
                    | "Collection"
                    | "nativeDelete"
            )
        })
        .filter_map(|link| link.call)
        .flat_map(|call| code.args(call));
    let arg_names = args.flat_map(|arg| match code.kind(code.bare(arg)) {
        Kind::Str | Kind::Name | Kind::Member => Some(code.name(code.bare(arg))),
        Kind::Composite => Some(code.name(code.bare(arg))),
        _ => None,
    });
    let named = links.chain(arg_names).any(is_audit);
    // `listeners.delete(key)` of a map or a set.
    let of_a_map = matches!(code.called(call), "remove" | "delete")
        && chain.links.len() <= 2
        && code.arg(call, 0).is_none_or(|arg| code.kind(arg) != Kind::Object);
    if !named || of_a_map {
        return None;
    }
    Some(too_short(code, chain.end))
}

fn by_statement(code: Code<'_>, call: NodeId) -> Option<bool> {
    if !matches!(
        code.called(call),
        "execute"
            | "exec"
            | "Exec"
            | "ExecContext"
            | "MustExec"
            | "query"
            | "run"
            | "raw"
            | "$executeRaw"
            | "$executeRawUnsafe"
            | "executemany"
            | "executescript"
            | "RunSQL"
            | "update"
            | "executeUpdate"
            | "createNativeQuery"
    ) {
        return None;
    }
    code.args(call).into_iter().take(2).find_map(|arg| {
        let text = sql_text::text_of(code, arg)?;
        sql_text::statements(&text).iter().find_map(|statement| {
            let word = |at: usize| match statement.get(at) {
                Some(Token::Word(word)) => word.to_ascii_lowercase(),
                _ => String::new(),
            };
            let begins = (word(0), word(1));
            let is_trail = statement
                .iter()
                .any(|token| matches!(token, Token::Word(name) if is_audit(name)));
            let from_trail =
                is_audit(&word(2)) || statement.get(3) == Some(&Token::Sign('.')) && is_audit(&word(4));
            match (begins.0.as_str(), begins.1.as_str()) {
                ("delete", "from") if from_trail => Some(too_short(code, call)),
                ("drop", "trigger") if is_trail => Some(true),
                ("alter", "table")
                    if statement
                        .windows(2)
                        .any(|pair| is_word(pair.first(), "disable") && is_word(pair.get(1), "trigger")) =>
                {
                    Some(is_trail)
                }
                _ => None,
            }
        })
    })
}

fn is_word(token: Option<&Token>, word: &str) -> bool {
    matches!(token, Some(Token::Word(found)) if found.eq_ignore_ascii_case(word))
}

/// Whether a number of days in what is deleted, or in what it is compared with, is less than a year; or nothing speaks of time.
fn too_short(code: Code<'_>, end: NodeId) -> bool {
    let values: Vec<NodeId> = std::iter::once(end)
        .chain(
            code.tree
                .subtree(end)
                .filter(|id| code.kind(*id) == Kind::Name)
                .filter_map(|name| code.set_to(name)),
        )
        .collect();
    let mut speaks_of_time = false;
    for value in values {
        for id in code.tree.subtree(value) {
            let name = code.name(id);
            let own = words(name);
            if matches!(
                code.kind(id),
                Kind::Name | Kind::Member | Kind::Str | Kind::Keyword
            ) && own.iter().any(|word| {
                matches!(
                    word.as_str(),
                    "cutoff"
                        | "retention"
                        | "created"
                        | "timestamp"
                        | "days"
                        | "day"
                        | "interval"
                        | "before"
                        | "at"
                        | "older"
                        | "date"
                        | "time"
                        | "expires"
                        | "years"
                        | "logged"
                )
            }) {
                speaks_of_time = true;
            }
            // `timedelta(days=30)`, `INTERVAL '90 days'`, `30 * 24 * 3600`, `AddDate(0, 0, -30)`
            let days = match code.kind(id) {
                Kind::Keyword if name == "days" => {
                    code.child(id, Role::Value).and_then(|value| code.number(value))
                }
                Kind::Keyword if name == "hours" || name == "weeks" => Some(30),
                Kind::Str => days_in(name),
                Kind::Call if matches!(code.called(id), "subDays" | "subHours" | "subtract") => {
                    code.args(id).into_iter().find_map(|arg| code.number(arg))
                }
                Kind::Call if code.called(id) == "AddDate" => code
                    .arg(id, 2)
                    .and_then(|days| code.number(code.child(days, Role::Value).unwrap_or(days)))
                    .filter(|days| *days > 0),
                Kind::Binary if name == "*" => code
                    .child(id, Role::Left)
                    .and_then(|left| code.number(left))
                    .filter(|_| code.mentions_number(id, &["24"])),
                _ => None,
            };
            if days.is_some_and(|days| days < DAYS_MIN) {
                return true;
            }
        }
    }
    !speaks_of_time
}

pub fn days_in(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let at = lower.find(" day")?;
    let digits: String = lower[..at]
        .chars()
        .rev()
        .take_while(char::is_ascii_digit)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect();
    digits.parse().ok()
}
