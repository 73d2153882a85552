//! Records that are read with an encoding they are not in, letters that do not fit being dropped.

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::rules::Reports;
use crate::tree::{Kind, NodeId, Role};

/// What reads records from an open file, by the full name.
const READERS: &[&str] = &[
    "csv.DictReader",
    "csv.reader",
    "json.load",
    "pandas.read_csv",
    "pd.read_csv",
    "yaml.safe_load",
    "ijson.items",
];

/// `open(path, errors="ignore")`, and records read from it.
pub fn look(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    let name = code.called(call);
    if name == "read_csv" {
        let how = code
            .option(call, "encoding_errors")
            .and_then(|how| code.text(how));
        if matches!(how, Some("ignore" | "replace")) && !undoes_or_tests(code, call) {
            reports.note(
                call,
                "letters that do not fit the encoding are dropped from the records",
            );
        }
        return;
    }
    if name != "open" || undoes_or_tests(code, call) {
        return;
    }
    let how = code.option(call, "errors").and_then(|how| code.text(how));
    let Some(how @ ("ignore" | "replace")) = how else {
        return;
    };
    let mode = code.arg(call, 1).or_else(|| code.option(call, "mode"));
    let encoding = code
        .option(call, "encoding")
        .and_then(|encoding| code.text(encoding));
    let writes = mode
        .and_then(|mode| code.text(mode))
        .is_some_and(|mode| mode.contains(['w', 'a', 'x']));
    if writes {
        let narrow = encoding.is_some_and(|encoding| {
            let plain = encoding.to_ascii_lowercase().replace(['-', '_'], "");
            matches!(
                plain.as_str(),
                "ascii" | "usascii" | "latin1" | "iso88591" | "cp1252" | "windows1252"
            )
        });
        if narrow {
            reports.add(
                call,
                "letters that the encoding does not have are lost as they are written: `Łódź` becomes `?ód?` or less, and nobody gets to know",
            );
        }
        return;
    }
    let Some(parent) = code.tree.parent(call) else {
        return;
    };
    let handle = match code.kind(parent) {
        Kind::WithItem | Kind::Assign => code
            .child(parent, Role::Target)
            .map_or("", |target| code.name(target)),
        _ => "",
    };
    let scope = code.function(call).unwrap_or(NodeId::ROOT);
    let read = code.tree.subtree(scope).any(|reader| {
        code.kind(reader) == Kind::Call
            && READERS.contains(&code.path(reader))
            && code.args(reader).into_iter().any(|arg| {
                arg == call || !handle.is_empty() && code.kind(arg) == Kind::Name && code.name(arg) == handle
            })
    });
    if !read {
        return;
    }
    if how == "ignore" {
        reports.add(call, "letters that do not fit the encoding are dropped from the records: `Zoë` becomes `Zo`, and nobody gets to know");
    } else {
        reports.note(
            call,
            "letters that do not fit the encoding become `�` in the records",
        );
    }
}
