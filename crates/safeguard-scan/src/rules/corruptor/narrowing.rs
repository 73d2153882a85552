//! Letters are thrown away from what people have written, such as their names: those that are not ASCII, or that do not fit an encoding.

use safeguard_api::evidence::Severity;

use super::{EVERY, cut_off, lossy_reading};
use crate::analysis::code::Code;
use crate::analysis::meant::{is_migration, undoes_or_tests};
use crate::analysis::sql_text::{self, Token};
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "migration-narrows",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-197"],
    languages: EVERY,
    run,
};

pub static TEXT: Check = Check {
    id: "lossy-text",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-838"],
    languages: EVERY,
    run: text,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in code.calls() {
        if undoes_or_tests(code, call) {
            continue;
        }
        match code.called(call) {
            "alter_column" => alter_column(code, call, reports),
            "add_column" => add_column(code, call, reports),
            "execute" | "query" | "raw" | "exec" | "Exec" | "ExecContext" | "RunSQL" | "run" => {
                statement(code, call, reports)
            }
            "notNullable" => knex(code, call, reports),
            _ => {}
        }
    }
}

/// The width of a type: `String(50)`, `Numeric(12, 2)`, `Integer()`.
fn width(code: Code<'_>, ty: NodeId) -> Option<(String, Vec<u64>)> {
    let name = match code.kind(ty) {
        Kind::Call => code.called(ty),
        Kind::Name | Kind::Member => code.name(ty),
        _ => return None,
    };
    let family = match name.to_ascii_uppercase().as_str() {
        "STRING" | "VARCHAR" | "UNICODE" | "NVARCHAR" | "CHAR" => ("text", vec![]),
        "TEXT" | "UNICODETEXT" | "LONGTEXT" => ("text", vec![]),
        "NUMERIC" | "DECIMAL" => ("decimal", vec![]),
        "SMALLINTEGER" | "SMALLINT" => ("int", vec![16]),
        "INTEGER" | "INT" => ("int", vec![32]),
        "BIGINTEGER" | "BIGINT" => ("int", vec![64]),
        "FLOAT" | "REAL" => ("float", vec![24]),
        "DOUBLE" | "DOUBLE_PRECISION" => ("float", vec![53]),
        "DATETIME" | "TIMESTAMP" => ("moment", vec![2]),
        "DATE" => ("moment", vec![1]),
        _ => return None,
    };
    let mut sizes = family.1;
    if sizes.is_empty() && code.kind(ty) == Kind::Call {
        let given = ["length", "precision", "scale"]
            .iter()
            .filter_map(|name| code.number(code.option(ty, name)?));
        sizes.extend(
            code.args(ty)
                .into_iter()
                .filter_map(|arg| code.number(arg))
                .chain(given),
        );
    }
    if family.0 == "text" && sizes.is_empty() {
        sizes.push(u64::MAX);
    }
    Some((family.0.to_owned(), sizes))
}

fn alter_column(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    // `postgresql_using="left(code, 8)"`
    if let Some(using) = code
        .option(call, "postgresql_using")
        .and_then(|using| code.text(using))
        && let Some(column) = code.arg(call, 1).and_then(|column| code.text(column))
    {
        let statement = format!("ALTER TABLE t ALTER COLUMN {column} TYPE text USING {using}");
        let found = sql_text::statements(&statement);
        if let Some(cut) = found
            .first()
            .and_then(|tokens| cut_off::cut(tokens, code.tree.text()))
        {
            match cut.sure {
                true => reports.add(call, cut.told()),
                false => reports.note(call, cut.told()),
            }
            return;
        }
    }
    let (Some(new), Some(old)) = (code.option(call, "type_"), code.option(call, "existing_type")) else {
        return;
    };
    let (Some((new_family, new_sizes)), Some((old_family, old_sizes))) = (width(code, new), width(code, old))
    else {
        return;
    };
    let narrower = new_family == old_family && new_sizes
                .iter()
                .zip(&old_sizes)
                .any(|(new, old)| new < old && !(new_family == "text" && new + 1 == *old))
        // Decimals to whole numbers, texts to numbers: what does not fit is lost or refused.
        || old_family == "decimal" && new_family == "int"
        || old_family == "decimal" && new_family == "float";
    if narrower {
        reports.add(
            call,
            format!(
                "`{}` becomes `{}`: what does not fit is cut off, or the migration fails",
                code.tree.source(old),
                code.tree.source(new)
            ),
        );
    }
}

fn add_column(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    let Some(column) = code
        .args(call)
        .into_iter()
        .find(|arg| code.kind(*arg) == Kind::Call && code.called(*arg) == "Column")
    else {
        return;
    };
    if is_empty_by_then(code, call) {
        return;
    }
    let required = code
        .option(column, "nullable")
        .and_then(|value| code.boolean(value))
        == Some(false);
    if required
        && code.option(column, "server_default").is_none()
        && code.option(column, "autoincrement").is_none()
    {
        reports.add(call, "a column that must not be null, without `server_default`: the rows that are there have none, and the migration fails");
    }
}

/// Whether the function has made the table, or taken its rows, before.
fn is_empty_by_then(code: Code<'_>, call: NodeId) -> bool {
    let scope = code.function(call).unwrap_or(NodeId::ROOT);
    let begin = code.tree.span(call).start;
    code.tree
        .subtree(scope)
        .take_while(|id| code.tree.span(*id).start < begin)
        .any(|id| match code.kind(id) {
            Kind::Call => matches!(code.called(id), "create_table" | "delete"),
            Kind::Str => {
                let text = code.name(id).trim_start().to_ascii_lowercase();
                text.starts_with("delete from") || text.starts_with("truncate")
            }
            _ => false,
        })
}

fn statement(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    let Some(text) = code
        .args(call)
        .into_iter()
        .take(2)
        .find_map(|arg| sql_text::text_of(code, arg))
    else {
        return;
    };
    let migration = is_migration(code);
    for statement in sql_text::statements(&text) {
        let word = |at: usize| match statement.get(at) {
            Some(Token::Word(word)) => word.to_ascii_lowercase(),
            _ => String::new(),
        };
        if migration && let Some(cut) = cut_off::cut(&statement, code.tree.text()) {
            match cut.sure {
                true => reports.add(call, cut.told()),
                false => reports.note(call, cut.told()),
            }
            continue;
        }
        if word(0) != "alter" || word(1) != "table" {
            continue;
        }
        let words: Vec<String> = (0..statement.len()).map(word).collect();
        let has = |wanted: &str| words.iter().any(|word| word == wanted);
        let adds = has("add")
            && words
                .windows(2)
                .any(|pair| matches!(pair, [not, null] if not == "not" && null == "null"))
            && !has("default")
            && !has("constraint")
            && !has("primary")
            && !has("generated")
            && !has("check")
            && !has("validate");
        // `ADD COLUMN x int NOT NULL` of one column; `SET NOT NULL` is another statement.
        if adds && !has("set") && !has("modify") {
            reports.add(call, "a column that must not be null, without a default: the rows that are there have none, and the statement fails");
            continue;
        }
        let changes_type = words
            .windows(2)
            .any(|pair| matches!(pair, [alter, column] if alter == "alter" && column == "column"))
            && has("type")
            || has("modify");
        let narrow =
            has("smallint") || has("int2") || has("integer") && has("using") || has("real") || has("float4");
        if changes_type && narrow && migration {
            reports.note(
                call,
                "the column's type becomes smaller: what does not fit is cut off, or the statement fails",
            );
        }
    }
}

/// `alterTable('users', (t) => t.string('a').notNullable())` without a default.
fn knex(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    let chain = crate::analysis::chain::Chain::around(code, call);
    let altered = code.tree.ancestors(call).any(|around| {
        code.kind(around) == Kind::Call
            && matches!(code.called(around), "alterTable" | "table")
            && code
                .receiver(around)
                .is_some_and(|of| code.last_name(of) == "schema")
    });
    let made = code
        .tree
        .ancestors(call)
        .any(|around| code.kind(around) == Kind::Call && code.called(around) == "createTable");
    let named = chain
        .links
        .iter()
        .filter_map(|link| link.call)
        .any(|call| code.arg(call, 0).is_some_and(|name| code.text(name).is_some()));
    if altered && named && !made && !chain.calls(&["defaultTo", "alter", "increments"]) {
        reports.add(call, "a column that must not be null, without a default: the rows that are there have none, and the migration fails");
    }
}

/// Whether a name is that of a text that people write themselves.
fn is_of_people(name: &str) -> bool {
    has_word(
        name,
        &[
            "name",
            "surname",
            "firstname",
            "lastname",
            "address",
            "street",
            "city",
            "title",
            "comment",
            "description",
            "note",
            "notes",
            "message",
            "bio",
        ],
    ) && !has_word(
        name,
        &[
            "file",
            "filename",
            "slug",
            "class",
            "method",
            "module",
            "field",
            "column",
            "table",
            "host",
            "hostname",
            "env",
            "package",
            "var",
            "key",
            "path",
            "url",
            "dns",
            "tag",
            "bucket",
            "metric",
            "label",
            "attr",
            "attribute",
            "type",
            "func",
            "function",
            "safe",
            "id",
            "header",
            "ascii",
            "error",
            "log",
            "exc",
            "norm",
            "normalized",
            "search",
            "index",
            "basename",
            "dir",
            "identifier",
            "job",
            "task",
            "queue",
            "topic",
            "service",
            "model",
            "project",
            "group",
            "container",
            "image",
        ],
    )
}

/// Letters that are not ASCII are thrown away from what people have written.
fn text(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.of_kind(Kind::Call).iter().copied() {
        lossy_reading::look(code, call, reports);
        if undoes_or_tests(code, call) {
            continue;
        }
        let Some((of, told)) = loses(code, call) else {
            continue;
        };
        let name = code.last_name(of);
        if !is_of_people(name) {
            continue;
        }
        let told = format!("`{name}` {told}");
        if replaces_itself(code, call, of) {
            reports.add(call, told);
        } else {
            reports.note(call, told);
        }
    }
}

fn loses<'s>(code: Code<'_>, call: NodeId) -> Option<(NodeId, &'s str)> {
    const LETTERS: &str = "loses every letter that is not ASCII: `Zoë` becomes `Zo`";
    match code.called(call) {
        "encode" | "decode" => {
            let lossy = code
                .args(call)
                .into_iter()
                .chain(code.option(call, "errors"))
                .any(|arg| {
                    code.text(arg)
                        .is_some_and(|how| matches!(how, "ignore" | "replace"))
                });
            lossy
                .then(|| code.receiver(call))
                .flatten()
                .map(|of| (of, "loses what does not fit the encoding"))
        }
        "sub" if code.path(call) == "re.sub" => {
            let strips = code.text(code.arg(call, 0)?).is_some_and(is_ascii_only)
                && code.text(code.arg(call, 1)?).is_some_and(str::is_empty);
            strips
                .then(|| code.arg(call, 2))
                .flatten()
                .map(|of| (of, LETTERS))
        }
        "replace" if code.tree.language() != Language::Python => {
            let pattern = code.arg(call, 0)?;
            let strips = code.kind(pattern) == Kind::Regex
                && is_ascii_only(code.name(pattern))
                && code.text(code.arg(call, 1)?).is_some_and(str::is_empty);
            strips
                .then(|| code.receiver(call))
                .flatten()
                .map(|of| (of, LETTERS))
        }
        "unidecode" => code
            .arg(call, 0)
            .map(|of| (of, "is written in other letters than its owner's")),
        _ => None,
    }
}

/// `[^a-zA-Z0-9 ]`, `[^\x00-\x7F]+`
fn is_ascii_only(regex: &str) -> bool {
    let plain = regex
        .trim_end_matches(['+', '*'])
        .split('/')
        .next()
        .unwrap_or(regex)
        .trim_end_matches(['+', '*']);
    plain.starts_with("[^a-zA-Z")
        || plain.starts_with("[^A-Za-z")
        || plain.starts_with("[^\\x00-\\x7F")
        || plain.starts_with("[^\\x20-\\x7E")
        || plain.starts_with("[^ -~")
}

/// `user.name = clean(user.name)`: what is left is what is kept.
fn replaces_itself(code: Code<'_>, call: NodeId, of: NodeId) -> bool {
    code.tree
        .ancestors(call)
        .take(5)
        .find(|around| code.kind(*around) == Kind::Assign)
        .and_then(|assign| code.child(assign, Role::Target))
        .is_some_and(|target| {
            code.kind(target) == Kind::Member && (code.same(target, of) || is_of_people(code.name(target)))
        })
}
