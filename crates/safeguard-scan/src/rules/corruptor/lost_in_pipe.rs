//! Shell: a file that a command reads is emptied by its own output, and a backup whose first half may fail unnoticed.

use safeguard_api::evidence::Severity;

use crate::analysis::commands::word;
use crate::analysis::sql_text::HOLE;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "lost-in-pipe",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-252", "CWE-662"],
    languages: &[Language::Dockerfile, Language::Shell, Language::Yaml],
    run,
};

/// Programs that write a whole database to their output.
const DUMPS: &[&str] = &["pg_dump", "pg_dumpall", "mysqldump", "mariadb-dump", "mongodump"];
/// Programs that read the files they are given.
const READERS: &[&str] = &[
    "cat", "sort", "grep", "sed", "awk", "jq", "uniq", "cut", "tr", "head", "tail", "yq", "xmllint", "iconv",
    "envsubst", "column", "comm",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    if source.is_test() {
        return;
    }
    for statement in source.of_kind(Kind::ExprStmt).iter().copied() {
        let Some(value) = tree.child(statement, Role::Value) else {
            continue;
        };
        let mut commands = Vec::new();
        piped(tree, value, &mut commands);
        if let Some(file) = written_over(tree, &commands) {
            reports.add(
                statement,
                format!("the shell empties `{file}` before anything reads it: what was in it is gone"),
            );
        }
        if let Some(program) = unnoticed(source, &commands) {
            reports.add(
                statement,
                format!("when `{program}` fails, the next program still succeeds: half a backup counts as a whole one, and older ones are removed"),
            );
        }
    }
}

/// The commands of a pipe, in their order.
fn piped(tree: &Tree, id: NodeId, commands: &mut Vec<NodeId>) {
    match tree.kind(id) {
        Kind::Call => commands.push(id),
        Kind::Binary if tree.name(id) == "|" => {
            for role in [Role::Left, Role::Right] {
                if let Some(side) = tree.child(id, role) {
                    piped(tree, side, commands);
                }
            }
        }
        _ => {}
    }
}

fn program(tree: &Tree, call: NodeId) -> &str {
    tree.child(call, Role::Callee)
        .map_or("", |callee| tree.name(callee))
}

/// The file that one of the commands reads by its name, and that the last one's output is sent to.
fn written_over(tree: &Tree, commands: &[NodeId]) -> Option<String> {
    let last = *commands.last()?;
    let target = tree
        .children_in(last, Role::Target)
        .find(|target| tree.kind(*target) == Kind::Keyword && tree.name(*target) == ">")?;
    let file = tree.source(tree.child(target, Role::Value)?);
    let file = file.trim_matches('"');
    let plain = file.len() > 1 && !file.starts_with("/dev/") && !file.contains(['*', '(']);
    let reads = commands.iter().any(|call| {
        READERS.contains(&program(tree, *call))
            && tree
                .children_in(*call, Role::Arg)
                // The first argument of some is what to do, and not a file.
                .any(|arg| tree.source(arg).trim_matches('"') == file)
    });
    (plain && reads).then(|| file.to_owned())
}

/// A dump that is piped on, in a script where a pipe fails only with its last command and older backups are removed.
fn unnoticed<'t>(source: &'t Source, commands: &[NodeId]) -> Option<&'t str> {
    let tree = &source.tree;
    let text = tree.text();
    let (first, rest) = commands.split_first()?;
    let dump = DUMPS.iter().copied().find(|dump| {
        *dump == program(tree, *first)
            || tree
                .children_in(*first, Role::Arg)
                .any(|arg| word(tree, arg) == *dump && !word(tree, arg).contains(HOLE))
    })?;
    let noticed = text.contains("pipefail") || text.contains("PIPESTATUS") || text.contains("pipestatus");
    let packs = rest.iter().any(|call| {
        matches!(
            program(tree, *call),
            "gzip"
                | "zstd"
                | "xz"
                | "bzip2"
                | "pigz"
                | "gpg"
                | "openssl"
                | "age"
                | "aws"
                | "gsutil"
                | "tee"
                | "lz4"
        )
    });
    let removes =
        text.contains("-delete") || text.contains("rm -") || text.contains("rm \"") || text.contains(" mv ");
    (packs && !noticed && removes && tree.language() == Language::Shell).then_some(dump)
}
