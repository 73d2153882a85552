//! A program runs a command that destroys.

pub mod manifest;
pub mod shell;

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::{asks_first, undoes_or_tests};
use crate::analysis::sql_text::{self, HOLE};
use crate::analysis::words::has_word;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "command-destroys-data",
    failure: "X1",
    severity: Severity::Critical,
    confidence: Confidence::High,
    cwe: &["CWE-1057"],
    languages: crate::rules::ALL_LANGUAGES,
    run,
};

const RUNS: &[&str] = &[
    "run",
    "call",
    "check_call",
    "check_output",
    "Popen",
    "system",
    "popen",
    "exec",
    "execSync",
    "execFile",
    "execFileSync",
    "spawn",
    "spawnSync",
    "Command",
    "CommandContext",
    "execa",
    "execaSync",
    "execaCommand",
    "execaCommandSync",
    "create_subprocess_exec",
    "create_subprocess_shell",
    "getoutput",
    "sh",
    "$",
    "local",
    "sudo",
    "exec_command",
    "zx",
    "run_command",
    "StartProcess",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in code.calls() {
        if RUNS.contains(&code.called(call)) {
            judge(code, call, &words(code, call), reports);
        }
    }
    for tagged in source.of_kind(Kind::Tagged) {
        let tag = code
            .child(*tagged, Role::Callee)
            .map_or("", |callee| code.name(callee));
        if matches!(tag, "$" | "execa" | "sh" | "command")
            && let Some(text) = sql_text::text_of(code, *tagged)
        {
            judge(code, *tagged, &split(&text), reports);
        }
    }
}

fn judge(code: Code<'_>, at: NodeId, words: &[String], reports: &mut Reports) {
    for command in words.split(|word| matches!(word.as_str(), "&&" | ";" | "||" | "|" | "&")) {
        let Some((told, sure)) = destroys(command) else {
            continue;
        };
        if undoes_or_tests(code, at) {
            continue;
        }
        if sure && !asks_first(code, at) {
            reports.add(at, told);
        } else {
            reports.note(at, told);
        }
    }
}

/// The words of the command that a call runs.
fn words(code: Code<'_>, call: NodeId) -> Vec<String> {
    let mut words = Vec::new();
    for arg in code.args(call) {
        let arg = code.bare(arg);
        let value = code.set_to(arg).unwrap_or(arg);
        let value = code.literal(value);
        match code.kind(value) {
            Kind::List | Kind::Tuple | Kind::Composite => {
                for part in code.tree.children_in(value, Role::Item) {
                    match sql_text::text_of(code, part) {
                        Some(text) => words.extend(one_or_script(&words, text)),
                        None => words.push(HOLE.to_string()),
                    }
                }
            }
            Kind::Object | Kind::Lambda | Kind::Call if sql_text::text_of(code, value).is_none() => {}
            _ => match sql_text::text_of(code, value) {
                Some(text) if words.is_empty() => words.extend(split(&text)),
                Some(text) => {
                    let more = one_or_script(&words, text);
                    words.extend(more);
                }
                None => words.push(HOLE.to_string()),
            },
        }
    }
    words
}

/// An argument is one word; behind `sh -c` it is a script.
fn one_or_script(before: &[String], text: String) -> Vec<String> {
    let shell = before.first().is_some_and(|first| {
        matches!(
            first.rsplit('/').next(),
            Some("sh" | "bash" | "zsh" | "dash" | "ash" | "cmd" | "cmd.exe" | "powershell")
        )
    });
    match before.last().map(String::as_str) {
        Some("-c" | "-lc" | "-ec" | "/c") if shell => {
            let mut words = vec![";".to_owned()];
            words.extend(split(&text));
            words
        }
        _ => vec![text],
    }
}

fn split(text: &str) -> Vec<String> {
    let spaced = text.replace("&&", " && ").replace([';', '\n'], " ; ");
    let mut words: Vec<String> = Vec::new();
    let mut quote: Option<char> = None;
    let mut word = String::new();
    for char in spaced.chars() {
        match (quote, char) {
            (Some(open), _) if open == char => quote = None,
            (None, '"' | '\'') => quote = Some(char),
            (None, _) if char.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            _ => word.push(char),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

fn destroys(command: &[String]) -> Option<(String, bool)> {
    let words: Vec<&str> = command
        .iter()
        .map(String::as_str)
        .skip_while(|word| {
            matches!(
                *word,
                "sudo"
                    | "npx"
                    | "yarn"
                    | "pnpm"
                    | "bunx"
                    | "exec"
                    | "time"
                    | "nohup"
                    | "env"
                    | "-y"
                    | "--yes"
                    | "python"
                    | "python3"
                    | "bundle"
            ) || word.contains('=') && !word.starts_with('-')
        })
        .collect();
    let (first, rest) = words.split_first()?;
    let program = first.rsplit('/').next().unwrap_or(first);
    let has = |word: &str| rest.contains(&word);
    let starts = |parts: &[&str]| {
        let plain: Vec<&&str> = rest.iter().filter(|word| !word.starts_with('-')).collect();
        plain.len() >= parts.len() && plain.iter().zip(parts).all(|(word, part)| **word == *part)
    };
    let told = |what: &str| format!("`{program}` {what}");
    let sure = |what: &str| Some((told(what), true));
    let maybe = |what: &str| Some((told(what), false));
    match program {
        "terraform" | "tofu" | "terragrunt" => {
            let asks =
                !has("-auto-approve") && !has("--auto-approve") && !has("--terragrunt-non-interactive");
            if has("destroy") || has("-destroy") {
                return Some((
                    told("destroys all that the configuration has made"),
                    !asks || has("destroy"),
                ));
            }
            None
        }
        "pulumi" => (has("destroy")).then(|| (told("destroys all resources of the stack"), true)),
        "cdk" | "serverless" | "sls" => (has("destroy") || program != "cdk" && has("remove"))
            .then(|| (told("destroys all resources of the stack"), true)),
        "kubectl" | "oc" if starts(&["delete"]) => {
            let all = has("--all") || has("--all-namespaces") || has("-A");
            let kind = rest
                .iter()
                .filter(|word| !word.starts_with('-'))
                .nth(1)
                .copied()
                .unwrap_or("");
            let kind = kind.split('/').next().unwrap_or(kind);
            if all
                || matches!(
                    kind,
                    "ns" | "namespace"
                        | "namespaces"
                        | "pvc"
                        | "pv"
                        | "persistentvolumeclaim"
                        | "persistentvolume"
                        | "crd"
                        | "all"
                        | "project"
                )
            {
                return sure("deletes what is stored with it");
            }
            maybe("deletes from the cluster")
        }
        "helm" => (has("uninstall") || has("delete")).then(|| (told("removes the release"), false)),
        "git" => {
            if starts(&["push"])
                && (has("--force")
                    || has("-f")
                    || has("--mirror")
                    || rest.iter().any(|word| word.starts_with('+') && word.len() > 1))
            {
                return sure("push overwrites what others have pushed");
            }
            if starts(&["push"]) && (has("--delete") || has("-d")) {
                return maybe("push deletes a branch or tag");
            }
            if starts(&["reset"]) && has("--hard")
                || starts(&["clean"])
                    && rest
                        .iter()
                        .any(|word| word.starts_with('-') && word.contains('f') && !word.starts_with("--"))
                || starts(&["checkout", "."])
            {
                return maybe("throws away what is not committed");
            }
            if starts(&["filter-branch"]) || starts(&["filter-repo"]) || starts(&["reflog", "expire"]) {
                return maybe("rewrites what was committed");
            }
            None
        }
        "aws" => {
            if starts(&["s3", "rb"]) && has("--force") || starts(&["s3", "rm"]) && has("--recursive") {
                return sure("deletes all objects");
            }
            let operation = rest
                .iter()
                .filter(|word| !word.starts_with('-'))
                .nth(1)
                .copied()
                .unwrap_or("");
            let kept = [
                "delete-snapshot",
                "delete-db-snapshot",
                "delete-db-instance",
                "delete-db-cluster",
                "delete-volume",
                "delete-log-group",
                "delete-recovery-point",
                "delete-backup-vault",
                "delete-table",
                "delete-bucket",
                "delete-stack",
                "schedule-key-deletion",
                "delete-trail",
            ];
            kept.contains(&operation)
                .then(|| (format!("`aws {operation}` is final"), true))
        }
        "gsutil" => {
            (has("rm") && (has("-r") || has("-R")) || has("rb")).then(|| (told("deletes all objects"), true))
        }
        "gcloud" | "az" => (has("delete") && (has("--quiet") || has("-q") || has("--yes") || has("-y")))
            .then(|| (told("deletes the resource without asking"), true)),
        "docker" | "podman" => {
            let volumes = starts(&["volume", "prune"])
                || starts(&["volume", "rm"])
                || starts(&["system", "prune"]) && has("--volumes");
            if volumes {
                return sure("deletes volumes with all they hold");
            }
            ((starts(&["compose", "down"])) && (has("-v") || has("--volumes")))
                .then(|| (told("deletes volumes with all they hold"), true))
        }
        "docker-compose" => (has("down") && (has("-v") || has("--volumes")))
            .then(|| (told("deletes volumes with all they hold"), true)),
        "dropdb" | "mkfs" | "wipefs" => sure("leaves nothing"),
        "mysqladmin" if has("drop") => sure("drops the database"),
        "psql" | "mysql" | "mariadb" | "sqlite3" | "clickhouse-client" | "sqlcmd" | "cockroach" => {
            let found = rest.iter().flat_map(|word| sql_text::destroys(word)).next()?;
            Some((
                format!("`{program}` runs a statement that {}", found.told()),
                true,
            ))
        }
        "redis-cli" | "valkey-cli" => rest
            .iter()
            .any(|word| matches!(word.to_ascii_lowercase().as_str(), "flushall" | "flushdb"))
            .then(|| (told("deletes every key of the server"), true)),
        "mongo" | "mongosh" => rest
            .iter()
            .any(|word| word.contains("dropDatabase") || word.contains("deleteMany({})"))
            .then(|| (told("drops what the database holds"), true)),
        "prisma" => {
            if starts(&["migrate", "reset"])
                || starts(&["db", "push"]) && (has("--force-reset") || has("--accept-data-loss"))
            {
                return sure("drops the tables, and makes them anew");
            }
            None
        }
        "manage.py" | "django-admin" => {
            (has("flush") || has("reset_db")).then(|| (told("deletes every row of the database"), true))
        }
        "rails" | "rake" => rest
            .iter()
            .any(|word| {
                matches!(
                    *word,
                    "db:drop" | "db:reset" | "db:schema:load" | "db:migrate:reset"
                )
            })
            .then(|| (told("drops the database"), true)),
        "sequelize" | "sequelize-cli" | "typeorm" | "mikro-orm" => rest
            .iter()
            .any(|word| matches!(*word, "db:drop" | "db:migrate:undo:all" | "schema:drop"))
            .then(|| (told("drops the tables"), true)),
        "alembic" => (starts(&["downgrade", "base"])).then(|| {
            (
                told("takes back every migration, with the tables they made"),
                true,
            )
        }),
        "heroku" => rest
            .iter()
            .any(|word| matches!(*word, "pg:reset" | "apps:destroy"))
            .then(|| (told("drops the database"), true)),
        "find" => {
            let deletes = has("-delete")
                || rest
                    .windows(2)
                    .any(|pair| pair.first() == Some(&"-exec") && pair.get(1) == Some(&"rm"));
            let aged = rest.iter().any(|word| {
                matches!(
                    *word,
                    "-mtime" | "-mmin" | "-newer" | "-ctime" | "-atime" | "-empty"
                )
            });
            let where_ = rest.first().copied().unwrap_or("");
            let passing = has_word(where_, &["tmp", "temp", "cache", "build", "dist", "pycache"])
                || rest
                    .iter()
                    .any(|word| has_word(word, &["pyc", "pycache", "tmp", "cache", "orig"]));
            (deletes && !aged && !passing)
                .then(|| (told("deletes every file it comes across, whatever its age"), true))
        }
        "truncate" => (has("-s0")
            || rest
                .windows(2)
                .any(|pair| pair.first() == Some(&"-s") && pair.get(1) == Some(&"0")))
        .then(|| (told("empties the file"), true)),
        "dd" => rest
            .iter()
            .any(|word| word.starts_with("of=/dev/"))
            .then(|| (told("overwrites a disk"), true)),
        "rm" | "rimraf" => {
            let recursive = program == "rimraf"
                || rest.iter().any(|word| {
                    *word == "--recursive"
                        || word.starts_with('-') && !word.starts_with("--") && word.contains(['r', 'R'])
                });
            if !recursive {
                return None;
            }
            rest.iter()
                .filter(|word| !word.starts_with('-'))
                .find_map(|path| removal(path))
        }
        "rsync" => None,
        "crontab" => has("-r").then(|| (told("removes every job"), true)),
        "pg_dropcluster" => sure("drops the cluster"),
        "lvremove" | "zfs" | "btrfs" => {
            (program == "lvremove" || has("destroy")).then(|| (told("removes the volume"), true))
        }
        _ => None,
    }
}

/// What `rm -r` of a path does.
fn removal(path: &str) -> Option<(String, bool)> {
    if has_word(
        path,
        &[
            "tmp", "temp", "build", "dist", "node", "modules", "cache", "pycache", "out", "target",
            "coverage", "work", "next", "lists", "apt",
        ],
    ) {
        return None;
    }
    let shown = path.replace(HOLE, "…");
    let hole = path.find(HOLE);
    let plain = path.trim_end_matches(['*', '/', '.']);
    if matches!(
        path,
        "/" | "/*" | "~" | "~/" | "~/*" | "$HOME" | "." | "./*" | "*" | ".."
    ) || plain.is_empty()
    {
        return Some((
            format!("`rm -r {shown}` removes everything there"),
            path != "." && path != "*" && path != "./*" && path != "..",
        ));
    }
    // `rm -rf {x}/*` with an empty `x` is `rm -rf /*`.
    if hole == Some(0)
        && path.len() > HOLE.len_utf8()
        && path[HOLE.len_utf8()..].starts_with('/')
        && (path.ends_with("/*") || path.ends_with('/'))
    {
        return Some((
            format!("`rm -r {shown}` removes everything of the system when the value is empty"),
            true,
        ));
    }
    if path.starts_with('/') && hole.is_some() {
        let sure = path.ends_with(HOLE) || path.ends_with('*');
        return Some((
            format!("`rm -r {shown}` removes the folder above when the value is empty"),
            sure,
        ));
    }
    if has_word(
        path,
        &[
            "backup",
            "backups",
            "data",
            "log",
            "logs",
            "audit",
            "uploads",
            "archive",
            "home",
            "media",
            "storage",
            "snapshots",
            "var",
            "srv",
            "etc",
            "opt",
        ],
    ) && (path.contains('/'))
    {
        return Some((format!("`rm -r {shown}` removes it with all it holds"), true));
    }
    hole.map(|_| (format!("`rm -r {shown}` removes whatever the value says"), false))
}
