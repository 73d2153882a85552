//! `chmod 777` in scripts.

use safeguard_api::evidence::Severity;

use crate::analysis::commands::{Command, WITH_COMMANDS, commands};
use crate::analysis::sql_text::HOLE;
use crate::analysis::words::has_word;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};

pub static CHECK: Check = Check {
    id: "file-open-to-all",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-732", "CWE-377"],
    languages: WITH_COMMANDS,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    for command in commands(source) {
        if command.program() != "chmod" {
            continue;
        }
        let plain = command.plain();
        let Some((mode, paths)) = plain.split_first() else {
            continue;
        };
        if !is_open(mode) || mode.contains(HOLE) {
            continue;
        }
        let message = format!(
            "after `{}` every user and every program may change it",
            command.shown()
        );
        match paths.iter().any(|path| is_of_worth(&command, path)) {
            true => reports.add(command.node, message),
            false
                if paths
                    .iter()
                    .all(|path| has_word(path, &["tmp", "temp", "sock", "socket", "null", "tty", "shm"])) => {
            }
            false => reports.note(command.node, message),
        }
    }
}

/// Writable by others, and not kept to their own files (`1777`).
fn is_open(mode: &str) -> bool {
    let digits = mode.trim_start_matches('0');
    if digits.len() >= 3 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let sticky = digits.len() == 4 && digits.starts_with(['1', '3', '5', '7']);
        return !sticky && digits.ends_with(['2', '3', '6', '7']);
    }
    mode.split(',').any(|part| {
        part.split_once(['+', '=']).is_some_and(|(who, what)| {
            (who.contains(['o', 'a'])) && what.contains('w') && !what.contains('t')
        })
    })
}

/// Keys and passwords, and what the system itself runs.
fn is_of_worth(command: &Command, path: &str) -> bool {
    const SYSTEM: &[&str] = &[
        "",
        "/etc",
        "/usr",
        "/bin",
        "/sbin",
        "/lib",
        "/usr/bin",
        "/usr/local",
        "/usr/local/bin",
        "/var",
        "/var/www",
        "/var/www/html",
        "/home",
        "/root",
        "/boot",
        "/opt",
        "/srv",
    ];
    let plain = path.trim_end_matches(['*', '/']);
    let is_secret = has_word(
        path,
        &[
            "id_rsa",
            "ssh",
            "shadow",
            "passwd",
            "sudoers",
            "credentials",
            "secret",
            "secrets",
            "pem",
            "private",
        ],
    ) || path.ends_with(".key")
        || path.ends_with("/.env");
    let whole = (command.has_letter(&['R']) || command.has("--recursive"))
        && path.starts_with('/')
        && SYSTEM.contains(&plain);
    is_secret || whole || path.starts_with("/etc/") && !path.contains(HOLE)
}
