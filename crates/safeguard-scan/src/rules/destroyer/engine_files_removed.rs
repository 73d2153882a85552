//! Files that a database or a broker can not live without are taken for old logs, and deleted behind its back.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::commands::{Command, WITH_COMMANDS, commands, value_of, word};
use crate::analysis::meant::undoes_or_tests;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "engine-files-removed",
    failure: "X1",
    severity: Severity::Critical,
    confidence: Confidence::High,
    cwe: &["CWE-1057"],
    languages: WITH_COMMANDS,
    run: in_scripts,
};

pub static CODE: Check = Check {
    id: "engine-files-removed",
    failure: "X1",
    severity: Severity::Critical,
    confidence: Confidence::High,
    cwe: &["CWE-1057"],
    languages: ALL_LANGUAGES,
    run: in_code,
};

/// What a path names, by its folders and its file.
fn lives_on(path: &str) -> Option<&'static str> {
    let lower = path.to_ascii_lowercase();
    let parts: Vec<&str> = lower.split(['/', '\\']).filter(|part| !part.is_empty()).collect();
    let file = parts.last().copied().unwrap_or("");
    let has = |part: &str| parts.contains(&part);
    let below = |part: &str| lower.contains(part);
    if has("pg_wal") || has("pg_xlog") {
        return Some("PostgreSQL's write-ahead log, without which it can not start again");
    }
    if [
        "pg_xact",
        "pg_clog",
        "pg_multixact",
        "pg_commit_ts",
        "pg_logical",
        "pg_replslot",
    ]
    .iter()
    .any(|part| has(part))
    {
        return Some("PostgreSQL's record of what is committed");
    }
    if file.starts_with("ib_logfile")
        || file.starts_with("ibdata")
        || has("#innodb_redo")
        || file.ends_with(".ibd")
    {
        return Some("InnoDB's tables or redo log");
    }
    let named_binlog = ["mysql-bin.", "mariadb-bin.", "binlog."]
        .iter()
        .any(|begin| file.starts_with(begin) || file.starts_with(&format!("*{begin}")));
    if named_binlog && !has("backup") && !has("backups") {
        return Some("MySQL's binary log, which replicas and restores read");
    }
    if below("mongodb/journal") || below("mongo/journal") || file.starts_with("wiredtiger") {
        return Some("MongoDB's journal or tables");
    }
    if below("etcd") && (has("wal") || has("snap")) && has("member") {
        return Some("etcd's log");
    }
    if below("cassandra/commitlog") || below("cassandra/data") || below("scylla/commitlog") {
        return Some("Cassandra's tables or commit log");
    }
    if has("kafka-logs") || below("lib/kafka/data") || below("kafka/data") {
        return Some("Kafka's messages");
    }
    if below("prometheus/wal")
        || below("prometheus/chunks_head")
        || below("influxdb/wal")
        || below("influxdb/data")
    {
        return Some("the store's samples that are in no block yet");
    }
    if file.starts_with("appendonly")
        && (file.contains(".aof") || file.ends_with("appendonly*") || file == "appendonlydir")
    {
        return Some("the data of Redis");
    }
    None
}

/// Whether a script makes the database anew, or brings it back from a copy.
fn restores(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    [
        "pg_basebackup",
        "initdb",
        "pg_rewind",
        "pg_resetwal",
        "pgbackrest",
        "wal-g",
        "barman",
        "restore_command",
        "restore_backup",
        "xtrabackup",
        "mariabackup",
        "pg_ctlcluster --restore",
        "mysqld --initialize",
        "ln -s",
        "move_wal",
        "mongorestore",
    ]
    .iter()
    .any(|word| lower.contains(word))
}

fn in_scripts(source: &Source, _: &Project, reports: &mut Reports) {
    if source.is_test() || source.tree.language() == Language::Dockerfile {
        return;
    }
    let mut told: Vec<NodeId> = Vec::new();
    for command in commands(source) {
        let paths = removed(source, &command);
        let Some(what) = paths.iter().find_map(|path| lives_on(path)) else {
            continue;
        };
        if restores(source.tree.text()) || told.contains(&command.node) {
            continue;
        }
        told.push(command.node);
        reports.add(
            command.node,
            format!("this deletes {what}; only the program that it belongs to may take something out of it"),
        );
    }
}

/// The paths that a command deletes from, variables put in where they are set in the script.
fn removed(source: &Source, command: &Command) -> Vec<String> {
    let paths = |skip: usize| {
        command
            .words
            .iter()
            .enumerate()
            .skip(skip)
            .filter(|(_, word)| !word.starts_with('-'))
            .map(|(at, word)| {
                command
                    .nodes
                    .get(at)
                    .map_or_else(|| word.clone(), |node| filled(source, *node))
            })
    };
    match command.program() {
        "rm" | "unlink" | "shred" | "truncate" | "trash" => paths(1).collect(),
        "find" | "gfind" => {
            let deletes = command.has("-delete")
                || command
                    .words
                    .iter()
                    .position(|word| matches!(word.as_str(), "-exec" | "-execdir" | "-ok"))
                    .and_then(|at| command.words.get(at + 1))
                    .is_some_and(|program| {
                        matches!(
                            program.rsplit('/').next(),
                            Some("rm" | "unlink" | "shred" | "truncate")
                        )
                    });
            let piped = command.words.len() > 1 && is_piped_to_removal(source, command.node);
            if !deletes && !piped {
                return Vec::new();
            }
            let name = command
                .words
                .iter()
                .position(|word| matches!(word.as_str(), "-name" | "-iname" | "-path"))
                .and_then(|at| command.words.get(at + 1))
                .cloned()
                .unwrap_or_default();
            paths(1)
                .take(1)
                .map(|path| {
                    if name.is_empty() {
                        path
                    } else {
                        format!("{path}/{name}")
                    }
                })
                .collect()
        }
        _ => Vec::new(),
    }
}

/// `find … | xargs rm`
fn is_piped_to_removal(source: &Source, node: NodeId) -> bool {
    let tree = &source.tree;
    let around = tree
        .ancestors(node)
        .take_while(|around| !matches!(tree.kind(*around), Kind::Block | Kind::Module))
        .last()
        .unwrap_or(node);
    let text = tree.source(around);
    text.contains('|')
        && text.contains("xargs")
        && (text.contains(" rm ") || text.trim_end().ends_with(" rm"))
}

/// A word, with the variables of the script in it.
fn filled(source: &Source, node: NodeId) -> String {
    let tree = &source.tree;
    let value = |name: NodeId| {
        value_of(source, tree.name(name), name)
            .map(|value| word(tree, value))
            .unwrap_or_default()
    };
    match tree.kind(node) {
        Kind::Name => value(node),
        Kind::Interp => tree
            .children(node)
            .map(|part| match tree.kind(part) {
                Kind::Name => value(part),
                _ => word(tree, part),
            })
            .collect(),
        _ => word(tree, node),
    }
}

/// Programs that delete such files: the path is written where it is deleted, or is what the loop around goes through.
fn in_code(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.calls().iter().copied() {
        let deletes = matches!(
            code.called(call),
            "remove"
                | "unlink"
                | "rmtree"
                | "Remove"
                | "RemoveAll"
                | "rm"
                | "rmSync"
                | "unlinkSync"
                | "delete"
                | "deleteIfExists"
                | "remove_file"
                | "remove_dir_all"
                | "deleteQuietly"
                | "Truncate"
        );
        if !deletes || undoes_or_tests(code, call) {
            continue;
        }
        let mut places: Vec<NodeId> = code.args(call);
        places.extend(code.receiver(call));
        places.extend(
            code.tree
                .ancestors(call)
                .filter_map(|around| match code.kind(around) {
                    Kind::ForEach => code.child(around, Role::Iter),
                    _ => None,
                }),
        );
        let values: Vec<NodeId> = places
            .iter()
            .flat_map(|place| code.tree.subtree(*place))
            .filter(|id| code.kind(*id) == Kind::Name)
            .filter_map(|name| code.set_to(name))
            .collect();
        let what = places
            .iter()
            .chain(&values)
            .flat_map(|place| code.tree.subtree(*place))
            .filter(|id| code.kind(*id) == Kind::Str)
            .find_map(|text| lives_on(code.name(text)));
        let around = code.function(call).unwrap_or(NodeId::ROOT);
        if let Some(what) = what
            && !restores(code.tree.source(around))
        {
            reports.add(
                call,
                format!(
                    "this deletes {what}; only the program that it belongs to may take something out of it"
                ),
            );
        }
    }
}
