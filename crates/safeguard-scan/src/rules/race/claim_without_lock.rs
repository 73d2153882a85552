//! One row that waits is looked for and then marked as taken: two at once take the same one.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::{bodies, calls, rows, sql_text};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

use super::check_then_act::java::locks;

pub static CHECK: Check = Check {
    id: "claim-without-lock",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-362", "CWE-367"],
    languages: ALL_LANGUAGES,
    run,
};

const STATES: &[&str] = &[
    "state",
    "status",
    "claimed",
    "claimed_by",
    "claimed_at",
    "taken",
    "taken_by",
    "locked_by",
    "locked_at",
    "assigned_to",
    "worker",
    "worker_id",
    "started_at",
    "processed",
    "picked_up_at",
    "reserved",
    "reserved_by",
    "owner",
    "assignee",
    "sent",
    "used",
    "used_at",
    "redeemed",
    "processing",
    "claimedBy",
    "startedAt",
    "lockedAt",
    "workerId",
    "assignedTo",
];

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let functions = source
        .of_kind(Kind::Function)
        .iter()
        .chain(source.of_kind(Kind::Lambda));
    for function in functions.copied() {
        let nodes = bodies::body(code.tree, function);
        if nodes.is_empty() || rows::is_protected(source, function) && !says_state_only(code, function) {
            continue;
        }
        if undoes_or_tests(code, function) {
            continue;
        }
        statements(code, &nodes, reports);
        match source.tree.language() {
            Language::Java if locks(source, project, function) => {}
            Language::Java => entities(code, &nodes, reports),
            _ => builders(code, &nodes, reports),
        }
    }
}

/// `locked_at` and `locked_by` are columns here, and lock nothing.
fn says_state_only(code: Code<'_>, function: NodeId) -> bool {
    let text = code.tree.source(function).to_ascii_lowercase();
    let columns = text.matches("locked_by").count()
        + text.matches("locked_at").count()
        + text.matches("lockedat").count();
    columns > 0
        && text.matches("lock").count()
            == columns + text.matches("block").count() + text.matches("clock").count()
        && !["for update", "skip locked", "serializable", "version", "advisory"]
            .iter()
            .any(|word| text.contains(word))
}

/// The SQL of a call, in small letters and with single spaces.
fn sql(code: Code<'_>, call: NodeId) -> Option<String> {
    let text = code
        .args(call)
        .into_iter()
        .take(2)
        .find_map(|arg| sql_text::text_of(code, arg))?;
    Some(
        text.split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .to_ascii_lowercase(),
    )
}

fn columns(text: &str) -> impl Iterator<Item = &str> {
    text.split(|char: char| !char.is_alphanumeric() && char != '_')
}

/// `SELECT … FROM jobs WHERE state = 'open' … LIMIT 1`, then `UPDATE jobs SET state = 'taken' WHERE id = ?`.
fn statements(code: Code<'_>, nodes: &[NodeId], reports: &mut Reports) {
    let calls: Vec<(NodeId, String)> = nodes
        .iter()
        .copied()
        .filter(|id| code.kind(*id) == Kind::Call)
        .filter_map(|call| Some((call, sql(code, call)?)))
        .collect();
    for (select, text) in &calls {
        let Some((_, rest)) = text
            .strip_prefix("select ")
            .and_then(|rest| rest.split_once(" from "))
        else {
            continue;
        };
        let table = rest.split(' ').next().unwrap_or("");
        let Some((_, condition)) = rest.split_once(" where ") else {
            continue;
        };
        if !is_one(condition)
            || ["for update", "for share", "skip locked"]
                .iter()
                .any(|word| text.contains(word))
        {
            continue;
        }
        let state = columns(condition.split(" order by ").next().unwrap_or(""))
            .find(|column| STATES.contains(column));
        let Some(state) = state else {
            continue;
        };
        let marked = calls.iter().find(|(call, update)| {
            call > select
                && update
                    .strip_prefix("update ")
                    .and_then(|rest| rest.split_once(" set "))
                    .is_some_and(|(of, rest)| {
                        let (set, condition) = rest.split_once(" where ").unwrap_or((rest, ""));
                        of.trim() == table
                            && columns(set).any(|column| column == state || STATES.contains(&column))
                            && columns(set).any(|column| column == state)
                            && columns(condition)
                                .any(|column| column == "id" || column.ends_with("_id") || column == "uuid")
                            && !columns(condition).any(|column| STATES.contains(&column))
                    })
        });
        if let Some((update, _)) = marked {
            reports.add(
                *update,
                format!("`{table}` is asked for a row by its `{state}`, and that row is marked only here: two workers at once take the same one"),
            );
            return;
        }
    }
}

/// Whether a query asks for one row, as a queue does.
fn is_one(condition: &str) -> bool {
    let rest = condition.split_once(" limit ").map(|(_, rest)| rest.trim_start());
    rest.is_some_and(|rest| {
        rest.starts_with('1') && !rest[1..].starts_with(|char: char| char.is_ascii_digit())
    }) || condition.contains("fetch first 1 row")
        || condition.contains("fetch first row")
}

/// `Job.objects.filter(state="open").first()`, then `job.state = "taken"` and `job.save()`; and what Prisma and Mongoose have for it.
fn builders(code: Code<'_>, nodes: &[NodeId], reports: &mut Reports) {
    let tree = code.tree;
    for assign in nodes.iter().copied().filter(|id| code.kind(*id) == Kind::Assign) {
        let (Some(target), Some(value)) = (code.child(assign, Role::Target), code.child(assign, Role::Value))
        else {
            continue;
        };
        let value = code.bare(value);
        if code.kind(target) != Kind::Name || code.kind(value) != Kind::Call {
            continue;
        }
        let first = matches!(
            code.called(value),
            "first" | "findFirst" | "findOne" | "afirst" | "find_one" | "one_or_none" | "scalar" | "First"
        );
        let Some(state) = asked_state(code, value).filter(|_| first) else {
            continue;
        };
        if calls::chain(tree, value)
            .iter()
            .any(|part| part.contains("lock") || part.contains("Lock") || part.contains("for_update"))
        {
            continue;
        }
        let name = code.name(target);
        // The row's state is set, and the row is saved.
        let set = nodes.iter().copied().find(|id| {
            *id > assign
                && code.kind(*id) == Kind::Assign
                && code.child(*id, Role::Target).is_some_and(|member| {
                    code.kind(member) == Kind::Member
                        && code.name(member) == state
                        && code.first_name(member) == name
                })
                && code
                    .child(*id, Role::Value)
                    .is_some_and(|value| is_state(code, value))
        });
        let saved = set.is_some_and(|set| nodes.iter().any(|id| *id > set && rows::is_save(tree, *id)));
        let updated = nodes.iter().copied().find(|id| {
            *id > assign
                && code.kind(*id) == Kind::Call
                && matches!(
                    code.called(*id),
                    "update" | "updateOne" | "findByIdAndUpdate" | "update_one"
                )
                && writes_state(code, *id, state)
                && tree
                    .subtree(*id)
                    .any(|part| code.kind(part) == Kind::Member && code.first_name(part) == name)
        });
        let Some(at) = set.filter(|_| saved).or(updated) else {
            continue;
        };
        reports.add(
            at,
            format!("`{name}` was found by its `{state}`, and is marked only here: two workers at once take the same one"),
        );
        return;
    }
}

/// Java: `jobs.findFirstByStatus(QUEUED)`, then `job.setStatus(RUNNING)`.
fn entities(code: Code<'_>, nodes: &[NodeId], reports: &mut Reports) {
    for assign in nodes.iter().copied().filter(|id| code.kind(*id) == Kind::Assign) {
        let (Some(target), Some(value)) = (code.child(assign, Role::Target), code.child(assign, Role::Value))
        else {
            continue;
        };
        let asked = code.tree.subtree(value).find_map(|call| {
            let name = code.called(call);
            let one = ["findFirstBy", "findTopBy", "findOneBy", "findTop1By"]
                .iter()
                .find_map(|begin| name.strip_prefix(begin))?;
            let first = one.split("Order").next().unwrap_or(one);
            STATES.iter().find_map(|state| {
                let field = capital(state);
                first.starts_with(&field).then_some(field)
            })
        });
        let Some(field) = asked else {
            continue;
        };
        let name = code.name(target);
        let set = nodes.iter().copied().find(|call| {
            *call > assign
                && code.kind(*call) == Kind::Call
                && code.called(*call).strip_prefix("set") == Some(field.as_str())
                && code.first_name_of_call(*call) == Some(name)
        });
        if let Some(set) = set {
            reports.add(
                set,
                format!("`{name}` was found by its state, and is marked only here: two workers at once take the same one"),
            );
            return;
        }
    }
}

/// `Status` for `status`.
fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
        .unwrap_or_default()
}

/// A value of a state: a text, a constant, a truth value.
fn is_state(code: Code<'_>, value: NodeId) -> bool {
    match code.kind(value) {
        Kind::Str | Kind::Bool => true,
        Kind::Member => code
            .name(value)
            .starts_with(|first: char| first.is_ascii_uppercase()),
        _ => false,
    }
}

/// The state that a query asks for, with a value that is written there: `filter(status="open")`, `{ where: { status: 'open' } }`.
fn asked_state<'s>(code: Code<'s>, query: NodeId) -> Option<&'s str> {
    code.tree.subtree(query).find_map(|part| {
        let name = match code.kind(part) {
            Kind::Keyword => code.name(part),
            Kind::Pair => code.key(part)?,
            Kind::Binary if code.name(part) == "==" => {
                let left = code.child(part, Role::Left)?;
                (code.kind(left) == Kind::Member).then(|| code.name(left))?
            }
            _ => return None,
        };
        let value = code
            .child(part, Role::Value)
            .or_else(|| code.child(part, Role::Right))?;
        (STATES.contains(&name) && is_state(code, value)).then_some(name)
    })
}

/// Whether an update sets the state and does not ask for the old one.
fn writes_state(code: Code<'_>, call: NodeId, state: &str) -> bool {
    let mut found = 0;
    for part in code.tree.subtree(call) {
        if code.kind(part) == Kind::Pair && code.key(part) == Some(state) {
            found += 1;
        }
    }
    found == 1
}
