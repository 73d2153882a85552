//! JavaScript: whole numbers of 64 bits of a database are read as numbers, which hold 53.

use safeguard_api::evidence::Severity;

use super::SCRIPT;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

check!(WIDE, "lossy-number", "CWE-197", SCRIPT, run);

const FILES_MAX: usize = 200;

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let tree = &source.tree;
    let mut found: Vec<NodeId> = Vec::new();
    for call in source.of_kind(Kind::Call).iter().copied() {
        // `pg.types.setTypeParser(20, Number)`
        if code.called(call) == "setTypeParser"
            && code.arg(call, 0).is_some_and(|kind| is_int8(code, kind))
            && code.arg(call, 1).is_some_and(|parser| makes_number(code, parser))
        {
            found.push(call);
        }
    }
    for assign in source.of_kind(Kind::Assign).iter().copied() {
        let Some((target, value)) = code
            .child(assign, Role::Target)
            .zip(code.child(assign, Role::Value))
        else {
            continue;
        };
        // `pg.defaults.parseInt8 = true`, `BigInt.prototype.toJSON = function () { return Number(this); }`
        let switched = tree.kind(target) == Kind::Member
            && tree.name(target) == "parseInt8"
            && code.boolean(value) == Some(true);
        let written = tree.source(target) == "BigInt.prototype.toJSON" && makes_number(code, value);
        if switched || written {
            found.push(assign);
        }
    }
    for object in source.of_kind(Kind::Object).iter().copied() {
        // `types: { bigint: { to: 20, from: [20], parse: Number, serialize: String } }`
        let of_driver = code.entry(object, "from").is_some_and(|from| is_int8(code, from))
            && code
                .entry(object, "parse")
                .is_some_and(|parse| makes_number(code, parse));
        // `@Column({ type: 'bigint', transformer: { to: String, from: (value) => parseInt(value) } })`
        let of_column = code
            .entry(object, "type")
            .and_then(|ty| code.text(ty))
            .is_some_and(|ty| matches!(ty, "bigint" | "int8"))
            && code
                .entry(object, "transformer")
                .and_then(|both| code.entry(both, "from"))
                .is_some_and(|from| makes_number(code, from));
        if of_driver || of_column {
            found.push(object);
        }
    }
    found.retain(|at| !undoes_or_tests(code, *at));
    if found.is_empty() {
        return;
    }
    let ids = wide_ids(project);
    for at in found {
        match &ids {
            Some(column) => reports.add(
                at,
                format!("`{column}` has 64 bits, and a number holds 53: the last digits of larger ones change, and they name other rows"),
            ),
            None => reports.note(at, "a number holds 53 bits: what is larger loses its last digits"),
        }
    }
}

/// `20`, `types.builtins.INT8`, `'int8'`, `[20]`
fn is_int8(code: Code<'_>, id: NodeId) -> bool {
    code.tree.subtree(id).any(|part| match code.kind(part) {
        Kind::Num => code.name(part) == "20",
        Kind::Member | Kind::Name => code.name(part) == "INT8",
        Kind::Str => matches!(code.name(part), "int8" | "bigint"),
        _ => false,
    }) || code.number(id) == Some(20)
}

/// `Number`, `parseInt`, `(text) => Number.parseInt(text, 10)`; not one that looks whether it is safe.
fn makes_number(code: Code<'_>, id: NodeId) -> bool {
    let names_it = |id: NodeId| {
        matches!(
            code.path_of(id).as_str(),
            "Number" | "parseInt" | "parseFloat" | "Number.parseInt" | "Number.parseFloat"
        )
    };
    let careful = code.mentions(id, |name| {
        matches!(name, "isSafeInteger" | "MAX_SAFE_INTEGER" | "BigInt")
    });
    let whole = match code.kind(id) {
        Kind::Lambda | Kind::Function => code.tree.subtree(id).any(|part| {
            code.kind(part) == Kind::Call && code.child(part, Role::Callee).is_some_and(names_it)
                || code.kind(part) == Kind::Unary && code.name(part) == "+"
        }),
        _ => names_it(id),
    };
    whole && !careful
}

/// A column of ids that are not counted up from one, by the schema of the repository.
fn wide_ids(project: &Project) -> Option<String> {
    let is_schema = |path: &&str| path.ends_with(".sql") || path.ends_with(".prisma");
    for path in project.files().filter(is_schema).take(FILES_MAX) {
        let Some(text) = project.text(path) else {
            continue;
        };
        let lower = text.to_ascii_lowercase();
        let told = ["snowflake", "64-bit", "64 bit", "twitter id", "discord"]
            .iter()
            .any(|word| lower.contains(word));
        for line in lower.lines().map(str::trim) {
            let mut words = line
                .split(|char: char| !char.is_alphanumeric() && char != '_')
                .filter(|word| !word.is_empty());
            let (Some(name), Some(ty)) = (words.next(), words.next()) else {
                continue;
            };
            let is_id =
                name == "id" || name.ends_with("_id") || name.ends_with("id") && path.ends_with(".prisma");
            let counted = [
                "identity",
                "serial",
                "auto_increment",
                "autoincrement",
                "references",
                "@relation",
            ]
            .iter()
            .any(|word| line.contains(word));
            let key = line.contains("primary key") || line.contains("@id");
            if is_id && matches!(ty, "bigint" | "int8") && !counted && (told || key) {
                return Some(name.to_owned());
            }
        }
    }
    None
}
