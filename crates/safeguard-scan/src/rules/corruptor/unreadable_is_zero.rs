//! What can not be read as a number or a date becomes zero, and is stored as if somebody had written that.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "unreadable-is-zero",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-391", "CWE-252"],
    languages: &[
        Language::Go,
        Language::JavaScript,
        Language::Rust,
        Language::TypeScript,
        Language::Tsx,
    ],
    run,
};

const PARSERS: &[&str] = &[
    "strconv.Atoi",
    "strconv.ParseInt",
    "strconv.ParseUint",
    "strconv.ParseFloat",
    "time.Parse",
    "time.ParseInLocation",
    "time.ParseDuration",
    "decimal.NewFromString",
    "uuid.Parse",
    "big.ParseFloat",
    "civil.ParseDate",
];

/// Names of what people count and pay.
const AMOUNTS: &[&str] = &[
    "price", "prices", "amount", "quantity", "qty", "stock", "pieces", "balance", "cents", "total", "cost",
    "dose", "weight", "reading", "salary", "fee", "paid", "credit", "debit",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    match source.tree.language() {
        Language::Go => {
            for assign in source.of_kind(Kind::Assign).iter().copied() {
                go(code, assign, reports);
            }
        }
        _ => defaults(code, reports),
    }
}

/// `pieces, _ := strconv.Atoi(record[2])`, and `pieces` goes into what is kept.
fn go(code: Code<'_>, assign: NodeId, reports: &mut Reports) {
    let tree = code.tree;
    let targets: Vec<NodeId> = match code.child(assign, Role::Target) {
        Some(target) if tree.kind(target) == Kind::Tuple => tree.children(target).collect(),
        _ => return,
    };
    let [value, dropped] = targets.as_slice() else {
        return;
    };
    if tree.name(*dropped) != "_" || tree.name(*value) == "_" {
        return;
    }
    let Some(call) = code
        .child(assign, Role::Value)
        .filter(|call| tree.kind(*call) == Kind::Call && PARSERS.contains(&code.path(*call)))
    else {
        return;
    };
    let texts = code.args(call);
    let at = usize::from(code.path(call).starts_with("time.Parse") && texts.len() > 1);
    let Some(text) = texts.get(at).copied().filter(|_| !undoes_or_tests(code, assign)) else {
        return;
    };
    let Some(function) = code.function(assign) else {
        return;
    };
    let outside = from_record(code, text, 0);
    let into_field = tree.kind(*value) == Kind::Member;
    if !outside || is_checked(code, text, *value, function) {
        return;
    }
    let told = format!(
        "what can not be read becomes zero here, and is kept as if it had been written so: the error of `{}` is dropped",
        code.path(call)
    );
    if into_field || is_kept(code, *value, function) {
        reports.add(call, told);
    } else {
        reports.note(call, told);
    }
}

/// Whether a text is a cell of a table, a line of a file or a piece of one.
fn from_record(code: Code<'_>, id: NodeId, hops: usize) -> bool {
    const HOPS_MAX: usize = 4;
    if hops > HOPS_MAX {
        return false;
    }
    let tree = code.tree;
    let id = code.bare(id);
    match tree.kind(id) {
        Kind::Index => code.child(id, Role::Object).is_some_and(|object| {
            let cells = has_word(
                code.last_name(object),
                &[
                    "record", "rec", "row", "line", "fields", "cols", "columns", "cells", "parts", "cell",
                ],
            );
            cells || from_record(code, object, hops + 1)
        }),
        Kind::Call => match code.called(id) {
            "TrimSpace" | "Trim" | "TrimSuffix" | "TrimPrefix" | "ReplaceAll" | "Replace" | "TrimLeft"
            | "TrimRight" | "ToUpper" | "ToLower" | "string" => {
                code.arg(id, 0).is_some_and(|of| from_record(code, of, hops + 1))
            }
            // What splits, and what reads.
            "Split" | "SplitN" | "Fields" | "FieldsFunc" => {
                code.path(id).starts_with("strings.")
                    && code.arg(id, 0).is_some_and(|of| {
                        !code.mentions(of, |name| {
                            matches!(
                                name,
                                "URL" | "Path" | "Header" | "Query" | "Getenv" | "RemoteAddr" | "Version"
                            )
                        })
                    })
                    && code.imports("bufio")
            }
            "Read" | "ReadAll" => code.imports("encoding/csv"),
            "Text" => code.imports("bufio"),
            "GetCellValue" => true,
            _ => false,
        },
        Kind::Name => {
            if let Some(read) = code.set_to(id).filter(|read| *read != id) {
                return from_record(code, read, hops + 1);
            }
            // `for _, record := range records`
            tree.ancestors(id)
                .filter(|around| tree.kind(*around) == Kind::ForEach)
                .find(|around| {
                    tree.children_in(*around, Role::Target)
                        .any(|target| tree.subtree(target).any(|part| tree.name(part) == tree.name(id)))
                })
                .and_then(|around| code.child(around, Role::Iter))
                .is_some_and(|iter| from_record(code, iter, hops + 1))
        }
        _ => false,
    }
}

/// Whether somebody looks at the text or the value before it is kept: zero may mean something then.
fn is_checked(code: Code<'_>, text: NodeId, value: NodeId, function: NodeId) -> bool {
    let tree = code.tree;
    let names = [code.last_name(value), code.tree.source(text)];
    tree.subtree(function).any(|id| {
        matches!(tree.kind(id), Kind::If | Kind::Switch)
            && [Role::Condition, Role::Subject].iter().any(|role| {
                code.child(id, *role).is_some_and(|condition| {
                    let asked = tree.source(condition);
                    code.mentions(condition, |name| name == names[0]) || asked.contains(names[1])
                })
            })
            || tree.kind(id) == Kind::Call
                && matches!(code.called(id), "MatchString" | "Match")
                && tree.source(id).contains(names[1])
    })
}

/// Whether a value goes into a record, a list of them, or a statement.
fn is_kept(code: Code<'_>, value: NodeId, function: NodeId) -> bool {
    let tree = code.tree;
    let name = tree.name(value);
    tree.subtree(function)
        .filter(|id| tree.kind(*id) == Kind::Name && tree.name(*id) == name && *id > value)
        .any(|id| {
            tree.ancestors(id)
                .take_while(|around| *around != function)
                .any(|around| match tree.kind(around) {
                    Kind::Composite => true,
                    Kind::Call => matches!(
                        code.called(around),
                        "append" | "Exec" | "ExecContext" | "Add" | "Save" | "Create" | "Insert" | "Put"
                    ),
                    Kind::Assign => code.child(around, Role::Target).is_some_and(|target| {
                        matches!(tree.kind(target), Kind::Member | Kind::Index) && !tree.within(id, target)
                    }),
                    _ => false,
                })
        })
}

/// `Number(row.price) || 0`, `record[2].parse().unwrap_or(0)`: somebody has chosen zero, of an amount.
fn defaults(code: Code<'_>, reports: &mut Reports) {
    let tree = code.tree;
    let told = |name: &str| {
        format!("an amount that can not be read becomes zero here, and `{name}` does not say so")
    };
    let of_table = code.imports("csv-parse")
        || code.imports("papaparse")
        || code.imports("fast-csv")
        || code.imports("csv-parser")
        || code.imports("xlsx")
        || code.imports("exceljs")
        || tree.text().contains("csv::");
    if !of_table {
        return;
    }
    if tree.language() == Language::Rust {
        for call in code.source.of_kind(Kind::Call).iter().copied() {
            let parse = matches!(code.called(call), "unwrap_or" | "unwrap_or_default")
                .then(|| code.receiver(call))
                .flatten()
                .filter(|parse| tree.kind(*parse) == Kind::Call && code.called(*parse) == "parse");
            let name = kept_as(code, call);
            if parse.is_some() && has_word(name, AMOUNTS) && !undoes_or_tests(code, call) {
                reports.note(call, told(name));
            }
        }
        return;
    }
    for either in code.source.of_kind(Kind::Binary).iter().copied() {
        let zero = matches!(tree.name(either), "or" | "||")
            && code
                .child(either, Role::Right)
                .and_then(|right| code.number(right))
                == Some(0);
        let reads = code.child(either, Role::Left).is_some_and(|left| {
            tree.kind(left) == Kind::Call
                && matches!(
                    code.path(left),
                    "Number" | "parseInt" | "parseFloat" | "Number.parseInt" | "Number.parseFloat"
                )
        });
        let name = kept_as(code, either);
        if zero && reads && has_word(name, AMOUNTS) && !undoes_or_tests(code, either) {
            reports.note(either, told(name));
        }
    }
}

/// The name that a value is kept under.
fn kept_as<'s>(code: Code<'s>, value: NodeId) -> &'s str {
    let Some(parent) = code.tree.parent(value) else {
        return "";
    };
    match code.kind(parent) {
        Kind::Pair => code.key(parent).unwrap_or(""),
        Kind::Assign => code
            .child(parent, Role::Target)
            .map_or("", |target| code.name(target)),
        _ => "",
    }
}
