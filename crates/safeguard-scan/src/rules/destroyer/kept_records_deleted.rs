//! Rows are deleted by their age of which the repository's own documents say that they are kept for years.

use safeguard_api::evidence::Severity;

use crate::analysis::chain::Chain;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::words;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId};

pub static CHECK: Check = Check {
    id: "kept-records-deleted",
    failure: "X1",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-1057", "CWE-778"],
    languages: crate::rules::ALL_LANGUAGES,
    run,
};

/// How many documents are read, and how large one may be.
const DOCUMENTS_MAX: usize = 200;
const DOCUMENT_BYTES_MAX: usize = 200_000;

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let mut documents: Option<Vec<(String, String)>> = None;
    for call in source.of_kind(Kind::Call).iter().copied() {
        let Some(names) = deleted_by_age(code, call) else {
            continue;
        };
        if undoes_or_tests(code, call) {
            continue;
        }
        let documents = documents.get_or_insert_with(|| documents_of(project));
        let said = names.iter().flat_map(|name| tables(name)).find_map(|table| {
            documents.iter().find_map(|(path, text)| {
                text.lines()
                    .find(|line| names_table(line, &table) && says_kept(line))
                    .map(|line| {
                        (
                            path.clone(),
                            table.clone(),
                            line.trim().chars().take(90).collect::<String>(),
                        )
                    })
            })
        });
        if let Some((path, table, line)) = said {
            reports.add(
                call,
                format!("this deletes rows of `{table}` by their age; `{path}` says: {line}"),
            );
        }
    }
}

/// The names in a deletion of many rows, if their age decides which.
fn deleted_by_age(code: Code<'_>, call: NodeId) -> Option<Vec<String>> {
    let mut names = Vec::new();
    match code.called(call) {
        "delete" | "deleteMany" | "delete_many" | "destroy" | "Delete" | "DeleteMany" | "_raw_delete" => {
            let chain = Chain::around(code, call);
            let many = matches!(
                code.called(call),
                "deleteMany" | "delete_many" | "DeleteMany" | "destroy"
            ) || chain.links.iter().any(|link| {
                matches!(
                    link.name,
                    "filter" | "where" | "filter_by" | "exclude" | "Where" | "andWhere"
                ) && link.call.is_some()
            });
            if !many {
                return None;
            }
            for part in code.tree.subtree(chain.end) {
                if matches!(code.kind(part), Kind::Name | Kind::Member) {
                    names.push(code.name(part).to_owned());
                }
            }
        }
        "execute" | "exec" | "Exec" | "ExecContext" | "query" | "run" | "$executeRaw" | "raw" | "update"
        | "executeUpdate" | "query!" => {
            for text in code.texts_in(call) {
                let lower = text.to_ascii_lowercase();
                let mut parts = lower.split("delete from ").skip(1);
                names.extend(
                    parts
                        .next()
                        .and_then(|rest| rest.split_whitespace().next())
                        .map(str::to_owned),
                );
            }
        }
        _ => return None,
    }
    let function = code.function(call)?;
    let text = code.tree.source(function).to_ascii_lowercase();
    let by_age = [
        "__lt", "lt:", "lt(", "< ", "<=", "before(", "lessthan", "interval",
    ]
    .iter()
    .any(|word| text.contains(word))
        && [
            "cutoff",
            "days",
            "timedelta",
            "interval",
            "older",
            "age",
            "before",
            "subdays",
            "86400",
            "retention",
        ]
        .iter()
        .any(|word| text.contains(word));
    // What is kept long enough, or somewhere else.
    let kept = [
        "year",
        "archiv",
        "3650",
        "legal_hold",
        "legalhold",
        "cold_storage",
        "parquet",
        "dry_run_only",
    ]
    .iter()
    .any(|word| text.contains(word));
    names.retain(|name| name.len() > 3);
    (by_age && !kept && !names.is_empty()).then_some(names)
}

fn documents_of(project: &Project) -> Vec<(String, String)> {
    project
        .files()
        .filter(|path| {
            path.ends_with(".md")
                && !path.contains("node_modules/")
                && !path.to_ascii_lowercase().contains("changelog")
        })
        .take(DOCUMENTS_MAX)
        .filter_map(|path| {
            let text = project
                .text(path)
                .filter(|text| text.len() <= DOCUMENT_BYTES_MAX)?;
            Some((path.to_owned(), text.to_lowercase()))
        })
        .collect()
}

/// What a model's table may be called: `RecordView` as `record_view`, `record_views`.
fn tables(name: &str) -> Vec<String> {
    let parts = words(name);
    // A word alone is that of many things; tables are named by two, or in the plural.
    let one = parts.join("_");
    let many = match one.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{one}s"),
    };
    match parts.len() {
        0 => Vec::new(),
        1 if name.starts_with(|first: char| first.is_ascii_uppercase()) => vec![many],
        1 if name.ends_with('s') => vec![one],
        1 => Vec::new(),
        _ => vec![one, many],
    }
}

/// Whether a line of a document speaks of a table by its name, as code.
fn names_table(line: &str, table: &str) -> bool {
    line.contains(&format!("`{table}`"))
        || table.contains('_')
            && line
                .split(|char: char| !char.is_alphanumeric() && char != '_')
                .any(|word| word == table)
}

/// Whether a line says that something is kept for years, or for good.
fn says_kept(line: &str) -> bool {
    const FOR_GOOD: &[&str] = &[
        "statut",
        "by law",
        "legally",
        "never delete",
        "never be deleted",
        "must not be deleted",
        "not be deleted",
        "append-only",
        "append only",
        "indefinitely",
        "for ever",
        "forever",
        "permanent record",
        "audit trail",
    ];
    let years = line
        .split_whitespace()
        .zip(line.split_whitespace().skip(1))
        .any(|(count, unit)| {
            let counted = count.bytes().any(|byte| byte.is_ascii_digit())
                || matches!(
                    count,
                    "two" | "three" | "five" | "six" | "seven" | "eight" | "ten" | "thirty"
                );
            counted && unit.starts_with("year")
        });
    years || FOR_GOOD.iter().any(|word| line.contains(word))
}
