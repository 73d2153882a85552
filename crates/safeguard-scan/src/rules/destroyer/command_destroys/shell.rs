//! A script destroys: `terraform destroy -auto-approve`, `aws s3 rb --force`, `dropdb`.

mod named_database;

use safeguard_api::evidence::Severity;

use crate::analysis::commands::{Command, WITH_COMMANDS, commands, is_meant};
use crate::analysis::sql_text::{self, HOLE};
use crate::analysis::words::has_word;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use named_database::of_database;

pub static CHECK: Check = Check {
    id: "command-destroys-data",
    failure: "X1",
    severity: Severity::Critical,
    confidence: Confidence::High,
    cwe: &["CWE-1057"],
    languages: WITH_COMMANDS,
    run,
};

enum Harm {
    /// Whoever reads it knows that something of worth is gone.
    Sure(&'static str),
    /// It depends on what the command is pointed at.
    Maybe(&'static str),
}

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    for command in commands(source) {
        if command.has_any(&[
            "--dry-run",
            "--dryrun",
            "--dry-run=client",
            "--dry-run=server",
            "--help",
            "-h",
            "--what-if",
        ]) {
            continue;
        }
        let harm = harm(source, &command);
        let told = |what: &str| format!("`{}` {what}", command.shown());
        match harm {
            Some(Harm::Sure(what)) if !is_meant(source, command.node) => {
                reports.add(command.node, told(what))
            }
            Some(Harm::Sure(what) | Harm::Maybe(what)) => reports.note(command.node, told(what)),
            None => {}
        }
    }
}

fn harm(source: &Source, command: &Command) -> Option<Harm> {
    let c = command;
    match c.program() {
        "terraform" | "tofu" | "terragrunt" | "pulumi" | "cdk" | "cdktf" => infrastructure(c),
        "kubectl" | "oc" => cluster(c),
        "git" => git(c),
        "aws" => aws(c),
        "gsutil" => (c.has("rb") || c.has("rm") && c.has_letter(&['r', 'R'])).then(|| whole_bucket(c)),
        "gcloud" => gcloud(c),
        "az" if c.has("delete") && c.has_any(&["--yes", "-y"]) => Some(match c.begins(&["group"]) {
            true => Harm::Sure("deletes the group with all that is in it"),
            false => Harm::Maybe("deletes the resource without asking"),
        }),
        "docker" | "podman" | "docker-compose" => volumes(source, c),
        "dropdb" | "mysqladmin" | "psql" | "mysql" | "mariadb" | "clickhouse-client" | "cockroach"
        | "sqlcmd" => database(source, c),
        "knex" if c.has("migrate:rollback") && c.has("--all") => Some(of_database(
            source,
            c,
            "takes back every migration, and with them the tables",
        )),
        "kafka-topics" | "kafka-topics.sh" if c.has("--delete") => {
            Some(of_database(source, c, "deletes the topic with all its messages"))
        }
        "mongo" | "mongosh" if c.args().iter().any(|arg| arg.contains("dropDatabase")) => {
            Some(of_database(source, c, "drops the database"))
        }
        "redis-cli" | "valkey-cli" => {
            let all = |word: &String| matches!(word.to_ascii_lowercase().as_str(), "flushall" | "flushdb");
            c.args()
                .iter()
                .any(all)
                .then(|| of_database(source, c, "deletes every key of the server"))
        }
        "prisma"
            if c.begins(&["migrate", "reset"]) || c.has_any(&["--force-reset", "--accept-data-loss"]) =>
        {
            Some(of_database(source, c, "drops the tables, and makes them anew"))
        }
        "rails" | "rake" if c.has_any(&["db:drop", "db:reset", "db:migrate:reset"]) => {
            Some(of_database(source, c, "drops the database"))
        }
        "alembic" if c.begins(&["downgrade", "base"]) => Some(of_database(
            source,
            c,
            "takes back every migration, with the tables they made",
        )),
        "python" | "python3" | "manage.py" | "django-admin"
            if c.has_any(&["flush", "reset_db"]) && c.has_any(&["--noinput", "--no-input"]) =>
        {
            Some(of_database(source, c, "deletes every row of the database"))
        }
        "heroku"
            if c.has_any(&["pg:reset", "apps:destroy"])
                && c.args().iter().any(|arg| arg.starts_with("--confirm")) =>
        {
            Some(Harm::Sure("drops the database"))
        }
        "mkfs" | "wipefs" => Some(device(c, "leaves nothing on the disk")),
        program if program.starts_with("mkfs.") => Some(device(c, "leaves nothing on the disk")),
        "dd" => {
            let to = c.args().iter().find_map(|arg| arg.strip_prefix("of=/dev/"))?;
            (!matches!(to, "null" | "stdout" | "stderr" | "fd/1")).then(|| match is_disk(to) {
                true => Harm::Sure("overwrites a disk"),
                false => Harm::Maybe("overwrites a device"),
            })
        }
        "find" => found_files(c),
        "truncate" => emptied(c),
        "crontab" => c.has("-r").then_some(Harm::Maybe("removes every job")),
        "zfs" | "zpool" | "lvremove" | "vgremove" => (c.program().starts_with(['l', 'v'])
            || c.has("destroy"))
        .then_some(Harm::Maybe("removes the volume")),
        _ => None,
    }
}

fn infrastructure(c: &Command) -> Option<Harm> {
    let approved = c.has_any(&[
        "-auto-approve",
        "--auto-approve",
        "-auto-approve=true",
        "--yes",
        "-y",
        "--force",
        "-f",
        "--terragrunt-non-interactive",
        "--skip-preview",
    ]);
    let destroys = c.has_any(&["destroy", "-destroy", "--destroy", "destroy-all"]);
    match (destroys, approved) {
        (true, true) => Some(Harm::Sure(
            "destroys all that the configuration has made, and asks nobody",
        )),
        (true, false) if c.begins(&["plan"]) => None,
        (true, false) => Some(Harm::Maybe("destroys all that the configuration has made")),
        (false, true) if c.has("apply") && matches!(c.program(), "terraform" | "tofu" | "terragrunt") => {
            // A plan that was looked at is applied as it is.
            let has_plan = c.plain().len() > 1 && !c.plain().last().is_some_and(|last| last.contains('='));
            (!has_plan).then_some(Harm::Maybe("applies what nobody has looked at: deletions too"))
        }
        (false, _) => None,
    }
}

fn cluster(c: &Command) -> Option<Harm> {
    if !c.begins(&["delete"]) {
        return None;
    }
    let plain = c.plain();
    let kind = plain.get(1).copied().unwrap_or("");
    let kinds: Vec<&str> = kind.split(['/', ',']).collect();
    let keeps = [
        "pvc",
        "pv",
        "persistentvolumeclaim",
        "persistentvolume",
        "persistentvolumeclaims",
        "persistentvolumes",
        "statefulset",
        "crd",
        "crds",
        "customresourcedefinition",
    ];
    let spaces = ["ns", "namespace", "namespaces", "project"];
    let is = |list: &[&str]| kinds.iter().any(|kind| list.contains(kind));
    let everything = c.has_any(&["--all", "-A", "--all-namespaces"]);
    let in_production = c
        .args()
        .iter()
        .any(|arg| has_word(arg, &["prod", "production", "live"]));
    match () {
        () if everything && (is(&keeps) || is(&spaces) || kind == "all") => {
            Some(Harm::Sure("deletes all of them, with what they keep"))
        }
        () if is(&spaces) && (in_production || c.has("--all")) => {
            Some(Harm::Sure("deletes the namespace with all that is in it"))
        }
        () if is(&keeps) && in_production => Some(Harm::Sure("deletes what is stored with it")),
        () if is(&keeps) || is(&spaces) => Some(Harm::Maybe("deletes what is stored with it")),
        () => None,
    }
}

fn git(c: &Command) -> Option<Harm> {
    let plain = c.plain();
    let at = plain.iter().position(|word| *word == "push")?;
    let refs: Vec<&str> = plain.iter().skip(at + 2).copied().collect();
    let forced = c.has_any(&["--force", "-f", "--mirror"]) || refs.iter().any(|name| name.starts_with('+'));
    let lease = c.args().iter().any(|arg| arg.starts_with("--force-with-lease"));
    if !forced || lease && !c.has("--force") {
        return None;
    }
    let shared = refs.iter().any(|name| {
        let name = name.trim_start_matches('+').rsplit(':').next().unwrap_or(name);
        let name = name.trim_start_matches("refs/heads/");
        matches!(
            name,
            "main" | "master" | "develop" | "trunk" | "production" | "staging" | "release"
        ) || name.starts_with("release/")
    });
    let own = refs.iter().any(|name| {
        has_word(
            name,
            &[
                "pages", "gh", "docs", "site", "tags", "bot", "update", "badges", "asf", "tag", "latest",
                "nightly",
            ],
        )
    }) || c.has("--tags");
    match (shared, own) {
        (true, _) => Some(Harm::Sure("overwrites what others have pushed")),
        (false, true) => None,
        (false, false) => Some(Harm::Maybe("overwrites what others may have pushed")),
    }
}

fn aws(c: &Command) -> Option<Harm> {
    let plain = c.plain();
    let operation = plain.get(1).copied().unwrap_or("");
    if c.begins(&["s3", "rb"]) && c.has("--force") {
        return Some(Harm::Sure("deletes the bucket with all that is in it"));
    }
    if c.begins(&["s3", "rm"]) && c.has("--recursive") {
        return Some(whole_bucket(c));
    }
    match operation {
        "delete-db-instance" | "delete-db-cluster" if c.has("--skip-final-snapshot") => {
            Some(Harm::Sure("deletes the database, and takes no snapshot of it"))
        }
        "delete-db-instance"
        | "delete-db-cluster"
        | "delete-stack"
        | "delete-volume"
        | "delete-bucket"
        | "delete-snapshot"
        | "delete-db-snapshot"
        | "delete-recovery-point"
        | "delete-table"
        | "delete-cluster"
        | "delete-file-system" => Some(Harm::Maybe("is final")),
        "delete-backup-vault" | "schedule-key-deletion" | "delete-trail" | "delete-log-group" => {
            Some(Harm::Sure("takes away what would be needed afterwards"))
        }
        _ => None,
    }
}

/// A bucket itself, or what lies under a part of it.
fn whole_bucket(c: &Command) -> Harm {
    let whole = c.args().iter().any(|arg| {
        let path = arg.strip_prefix("s3://").or_else(|| arg.strip_prefix("gs://"));
        path.is_some_and(|path| {
            let path = path.trim_end_matches('*').trim_end_matches('/');
            !path.contains('/')
                && !path.is_empty()
                && !has_word(
                    path,
                    &[
                        "test", "tmp", "temp", "preview", "staging", "dev", "cache", "site", "www",
                        "website", "static",
                    ],
                )
        })
    });
    let filtered = c
        .args()
        .iter()
        .any(|arg| arg.starts_with("--include") || arg.starts_with("--exclude"));
    match whole && !filtered || c.has("rb") {
        true => Harm::Sure("deletes every object of the bucket"),
        false => Harm::Maybe("deletes every object under it"),
    }
}

fn gcloud(c: &Command) -> Option<Harm> {
    if c.begins(&["storage", "rm"]) && (c.has_any(&["--recursive", "-r"]) || c.has_letter(&['r'])) {
        return Some(whole_bucket(c));
    }
    if !c.has("delete") || !c.has_any(&["--quiet", "-q"]) {
        return None;
    }
    let plain = c.plain();
    let stateful = matches!(
        plain.as_slice(),
        ["sql", "instances" | "databases", ..] | ["projects", ..] | ["spanner", ..] | ["kms", ..]
    );
    Some(match stateful {
        true => Harm::Sure("deletes what keeps the data, and asks nobody"),
        false => Harm::Maybe("deletes the resource without asking"),
    })
}

fn volumes(source: &Source, c: &Command) -> Option<Harm> {
    let is_compose = c.program() == "docker-compose" || c.begins(&["compose"]);
    let down = is_compose && c.has("down") && c.has_any(&["-v", "--volumes"]);
    let pruned = c.begins(&["volume", "prune"]) || c.begins(&["system", "prune"]) && c.has("--volumes");
    if !down && !pruned {
        return None;
    }
    // What puts a release into service runs where the volumes are the data.
    let file = source.path.rsplit('/').next().unwrap_or(&source.path);
    let serves = has_word(
        file,
        &[
            "deploy",
            "release",
            "prod",
            "production",
            "update",
            "upgrade",
            "backup",
            "rollout",
            "restart",
        ],
    ) || c.args().iter().any(|arg| has_word(arg, &["prod", "production"]));
    let what = "deletes volumes with all they hold";
    Some(match serves {
        true => Harm::Sure(what),
        false => Harm::Maybe(what),
    })
}

fn database(source: &Source, c: &Command) -> Option<Harm> {
    match c.program() {
        "dropdb" => Some(of_database(source, c, "drops the database")),
        "mysqladmin" => c
            .has("drop")
            .then(|| of_database(source, c, "drops the database")),
        _ => {
            let found = c.args().iter().flat_map(|arg| sql_text::destroys(arg)).next()?;
            let text = found.told();
            let what = match text {
                told if told.contains("database") => "drops a database",
                told if told.contains("every row") => "deletes every row of a table",
                _ => "drops what holds rows",
            };
            Some(of_database(source, c, what))
        }
    }
}

fn is_disk(name: &str) -> bool {
    ["sd", "nvme", "vd", "xvd", "hd", "mmcblk", "disk"]
        .iter()
        .any(|begin| name.starts_with(begin))
        && !name.contains(HOLE)
}

fn device(c: &Command, what: &'static str) -> Harm {
    let sure = c
        .args()
        .iter()
        .filter_map(|arg| arg.strip_prefix("/dev/"))
        .any(is_disk);
    match sure {
        true => Harm::Sure(what),
        false => Harm::Maybe(what),
    }
}

fn found_files(c: &Command) -> Option<Harm> {
    let removes = c.has("-delete")
        || c.args()
            .windows(2)
            .any(|pair| pair[0] == "-exec" && pair[1] == "rm");
    let chosen = c.args().iter().any(|arg| {
        matches!(
            arg.as_str(),
            "-name"
                | "-iname"
                | "-path"
                | "-regex"
                | "-mtime"
                | "-mmin"
                | "-newer"
                | "-ctime"
                | "-atime"
                | "-empty"
                | "-wholename"
                | "-ipath"
                | "-not"
                | "!"
                | "-maxdepth"
                | "-lname"
                | "-size"
                | "-links"
                | "-perm"
                | "-iregex"
                | "-xtype"
                | "-cmin"
                | "-amin"
                | "-mindepth"
                | "-user"
                | "-samefile"
        )
    });
    let root = c.plain().first().copied().unwrap_or("");
    let wide = matches!(
        root.trim_end_matches('/'),
        "" | "/home"
            | "/var"
            | "/srv"
            | "/etc"
            | "/usr"
            | "/data"
            | "~"
            | "/opt"
            | "/root"
            | "/var/lib"
            | "/mnt"
            | "/backup"
            | "/backups"
    );
    (removes && wide && !root.is_empty() && !chosen).then_some(Harm::Sure("deletes every file there"))
}

fn emptied(c: &Command) -> Option<Harm> {
    let empties = c.has_any(&["-s0", "--size=0"])
        || c.args()
            .windows(2)
            .any(|pair| matches!(pair[0].as_str(), "-s" | "--size") && pair[1] == "0");
    let keeps = c.args().iter().any(|arg| {
        arg.contains("/var/log") || has_word(arg, &["audit", "syslog", "auth", "db", "sqlite", "wtmp"])
    });
    (empties && keeps).then_some(Harm::Maybe("empties what others may have to read"))
}
