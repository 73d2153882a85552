//! A secret where others read it: on the command line, in the log of a pipeline.

use safeguard_api::evidence::Severity;

use crate::analysis::commands::{Command, LOOKED_AT_MAX, WITH_COMMANDS, commands};
use crate::analysis::entries::is_secret_variable;
use crate::analysis::words::{has_word, is_password};
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "secret-on-command-line",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::Medium,
    cwe: &["CWE-214", "CWE-532"],
    languages: WITH_COMMANDS,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    for command in commands(source) {
        if let Some(what) = passed(&command) {
            reports.note(
                command.node,
                format!(
                    "`{}`: every process of the machine can read {what} there",
                    command.shown()
                ),
            );
        }
        if matches!(command.program(), "echo" | "printf") && is_shown(source, command.node) {
            let secret = command
                .nodes
                .iter()
                .skip(1)
                .find_map(|node| secret_in(source, *node));
            if let Some(secret) = secret {
                reports.note(command.node, format!("`{secret}` is written into the log"));
            }
        }
        if command.program() == "set"
            && command
                .args()
                .iter()
                .any(|arg| arg.starts_with('-') && arg.contains('x') && !arg.starts_with("--"))
        {
            traced(source, command.node, reports);
        }
    }
}

fn passed(command: &Command) -> Option<&'static str> {
    let value = |arg: &str| {
        arg.split_once('=').is_some_and(|(name, value)| {
            let name = name.trim_start_matches('-');
            arg.starts_with("--")
                && (is_password(name) || has_word(name, &["password", "passphrase"]))
                && !value.is_empty()
        })
    };
    let follows = |flags: &[&str]| {
        command
            .args()
            .windows(2)
            .any(|pair| flags.contains(&pair[0].as_str()) && !pair[1].starts_with('-'))
    };
    match command.program() {
        "mysql" | "mysqldump" | "mariadb" | "mysqladmin" | "mariadb-dump" => {
            let short = command
                .args()
                .iter()
                .any(|arg| arg.len() > 2 && arg.starts_with("-p") && !arg.starts_with("--"));
            (short || command.args().iter().any(|arg| value(arg))).then_some("the password")
        }
        "sshpass" => follows(&["-p"]).then_some("the password"),
        "docker" | "podman" | "helm" if command.has("login") => (follows(&["-p", "--password"])
            || command.args().iter().any(|arg| value(arg)))
        .then_some("the password"),
        "redis-cli" => follows(&["-a", "--pass"]).then_some("the password"),
        "openssl" => command
            .args()
            .iter()
            .any(|arg| arg.starts_with("pass:"))
            .then_some("the passphrase"),
        "gpg" | "gpg2" => follows(&["--passphrase"]).then_some("the passphrase"),
        _ => None,
    }
}

/// Neither piped on nor written to a file, nor masked.
fn is_shown(source: &Source, node: NodeId) -> bool {
    let tree = &source.tree;
    let redirected = tree.children_in(node, Role::Target).any(|target| {
        tree.kind(target) == Kind::Keyword
            && tree.name(target).starts_with('>')
            && !tree.source(target).ends_with("&2")
    });
    let taken = tree.ancestors(node).any(|around| match tree.kind(around) {
        Kind::Binary => tree.name(around) == "|",
        Kind::Interp | Kind::Assign | Kind::Keyword => true,
        // A group whose output goes elsewhere.
        Kind::Call => true,
        _ => false,
    });
    !redirected && !taken && !tree.source(node).contains("add-mask")
}

/// `$API_TOKEN`, `${{ secrets.X }}`.
fn secret_in(source: &Source, node: NodeId) -> Option<String> {
    let tree = &source.tree;
    let names = tree.subtree(node).filter(|id| tree.kind(*id) == Kind::Name);
    names
        .filter(|id| {
            // `${X:+set}`, `${#X}` say that there is one.
            tree.parent(*id)
                .is_none_or(|parent| tree.kind(parent) != Kind::Binary)
                && (*id == node
                    || tree
                        .ancestors(*id)
                        .take_while(|around| *around != node)
                        .all(|around| tree.kind(around) != Kind::Block))
        })
        .map(|id| tree.name(id))
        .find(|name| name.contains("secrets.") || !name.starts_with("${") && is_secret_variable(name))
        .map(|name| match name.starts_with("${") {
            true => name.to_owned(),
            false => format!("${name}"),
        })
}

/// After `set -x` the shell writes every command with its values.
fn traced(source: &Source, node: NodeId, reports: &mut Reports) {
    let tree = &source.tree;
    let after = tree.span(node).end;
    let off = source
        .of_kind(Kind::Call)
        .iter()
        .take(LOOKED_AT_MAX)
        .find(|call| {
            tree.span(**call).start > after && matches!(tree.source(**call), "set +x" | "set +ex" | "set +xe")
        });
    let end = off.map_or(usize::MAX, |off| tree.span(*off).start);
    let used = source
        .of_kind(Kind::Name)
        .iter()
        .take(LOOKED_AT_MAX)
        .find(|name| {
            let place = tree.span(**name).start;
            let text = tree.name(**name);
            let is_argument = tree
                .ancestors(**name)
                .any(|around| tree.kind(around) == Kind::Call)
                && !tree.ancestors(**name).any(|around| {
                    tree.kind(around) == Kind::Call
                        && tree
                            .child(around, Role::Callee)
                            .is_some_and(|callee| matches!(tree.name(callee), "[" | "test" | "export"))
                });
            after < place && place < end && is_argument && is_secret_variable(text)
        });
    if let Some(used) = used {
        reports.note(
            node,
            format!("after `set -x` the log has the value of `${}`", tree.name(*used)),
        );
    }
}
