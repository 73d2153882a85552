//! Commands and variables that turn the check of the other end off.

use safeguard_api::evidence::Severity;

use crate::analysis::commands::{Command, WITH_COMMANDS, commands, word};
use crate::analysis::entries::entries;
use crate::analysis::sql_text::HOLE;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "tls-not-verified",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-295", "CWE-297", "CWE-322"],
    languages: WITH_COMMANDS,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    for command in commands(source) {
        let mut found = Reports::default();
        by_command(&command, &mut found);
        for one in found.all {
            match one.advice || is_chosen(source, one.node) {
                true => reports.note(one.node, one.message),
                false => reports.add(one.node, one.message),
            }
        }
    }
    by_options(source, reports);
    for entry in entries(source) {
        let value = word(&source.tree, entry.value);
        let off = match entry.name {
            "NODE_TLS_REJECT_UNAUTHORIZED" | "PYTHONHTTPSVERIFY" => value == "0",
            "GIT_SSL_NO_VERIFY" => matches!(value.as_str(), "1" | "true"),
            "npm_config_strict_ssl" | "NPM_CONFIG_STRICT_SSL" => value == "false",
            _ => false,
        };
        if off {
            let message = format!(
                "`{}={value}` lets every connection through, whoever answers",
                entry.name
            );
            match is_chosen(source, entry.node) {
                true => reports.note(entry.node, message),
                false => reports.add(entry.node, message),
            }
        }
    }
}

/// `CURL_OPTS=(--silent --insecure)`: what every call of the script is given.
fn by_options(source: &Source, reports: &mut Reports) {
    let tree = &source.tree;
    if tree.language() != Language::Shell {
        return;
    }
    for entry in entries(source) {
        let of_curl = has_word(entry.name, &["curl"]);
        let of_wget = has_word(entry.name, &["wget"]);
        let off = tree
            .subtree(entry.value)
            .filter(|id| tree.kind(*id) == Kind::Str)
            .any(|id| {
                tree.name(id).split_whitespace().any(|word| {
                    of_curl
                        && matches!(
                            word,
                            "-k" | "--insecure" | "-sk" | "-ks" | "-skL" | "-fsSLk" | "-ksS"
                        )
                        || of_wget && word == "--no-check-certificate"
                })
            });
        if off {
            let message = format!(
                "`{}` lets every connection of this script through, whoever answers",
                entry.name
            );
            match is_chosen(source, entry.node) {
                true => reports.note(entry.node, message),
                false => reports.add(entry.node, message),
            }
        }
    }
}

/// Whether a script does it where it was asked to: within `if [ "$INSECURE" = 1 ]`, in a script that is named so.
fn is_chosen(source: &Source, node: NodeId) -> bool {
    let tree = &source.tree;
    let file = source.path.rsplit('/').next().unwrap_or("");
    let named = ["nocert", "insecure", "no-verify", "noverify"]
        .iter()
        .any(|word| file.contains(word));
    named
        || tree.ancestors(node).any(|around| {
            let condition = match tree.kind(around) {
                Kind::If => tree.child(around, Role::Condition),
                Kind::Binary if matches!(tree.name(around), "and" | "or") => tree.child(around, Role::Left),
                _ => None,
            };
            condition
                .filter(|condition| !tree.within(node, *condition))
                .is_some_and(|condition| {
                    let text = tree.source(condition).to_ascii_lowercase();
                    ["insecure", "verify", "ssl", "tls", "cert"]
                        .iter()
                        .any(|word| text.contains(word))
                })
        })
}

fn by_command(command: &Command, reports: &mut Reports) {
    let told = || format!("`{}` does not ask who the other end is", command.shown());
    match command.program() {
        "curl" if command.has("--insecure") || short_option(command, 'k') => {
            by_address(command, told(), reports)
        }
        "wget" if command.has("--no-check-certificate") => by_address(command, told(), reports),
        "git" => {
            let off = command
                .args()
                .iter()
                .any(|arg| arg.eq_ignore_ascii_case("http.sslVerify=false"))
                || command.args().windows(2).any(|pair| {
                    pair[0].eq_ignore_ascii_case("http.sslVerify")
                        && matches!(pair[1].as_str(), "false" | "0")
                });
            if off {
                reports.add(command.node, told());
            }
        }
        "npm" | "yarn" | "pnpm" => {
            let off = command.args().windows(2).any(|pair| {
                matches!(pair[0].as_str(), "strict-ssl" | "enableStrictSsl") && pair[1] == "false"
            }) || command
                .args()
                .iter()
                .any(|arg| matches!(arg.as_str(), "strict-ssl=false" | "--strict-ssl=false"));
            if off {
                reports.add(command.node, told());
            }
        }
        "ssh" | "scp" | "sftp" if trusts_all(command) => reports.note(command.node, told()),
        "helm" | "kubectl" | "oc" | "argocd" | "vault" | "docker" | "skopeo" => {
            let off = command.has_any(&[
                "--insecure-skip-tls-verify",
                "--insecure-skip-tls-verify=true",
                "--kube-insecure-skip-tls-verify",
                "-tls-skip-verify",
                "--tls-verify=false",
                "--src-tls-verify=false",
                "--dest-tls-verify=false",
            ]);
            if off {
                reports.note(command.node, told());
            }
        }
        _ => {}
    }
}

/// `-k` alone or among letters that take no value: `-sk`, and not `-okay`.
fn short_option(command: &Command, letter: char) -> bool {
    command.args().iter().any(|arg| {
        arg.len() > 1
            && arg.starts_with('-')
            && !arg.starts_with("--")
            && arg[1..].contains(letter)
            && arg[1..].chars().all(|one| {
                matches!(
                    one,
                    'k' | 's'
                        | 'S'
                        | 'f'
                        | 'L'
                        | 'v'
                        | 'i'
                        | 'I'
                        | 'O'
                        | 'o'
                        | 'J'
                        | 'X'
                        | 'd'
                        | 'H'
                        | 'u'
                        | 'n'
                        | 'N'
                        | 'g'
                        | 'G'
                )
            })
            && !arg[1..].starts_with(['X', 'd', 'H', 'u'])
    })
}

/// A machine that is one's own may have a certificate of its own.
fn by_address(command: &Command, told: String, reports: &mut Reports) {
    const OWN: &[&str] = &[
        "localhost",
        "127.0.0.1",
        "[::1]",
        "0.0.0.0",
        "kubernetes.default",
        ".svc",
        ".local",
        "://192.168.",
        "://10.",
        "://172.",
        ".internal",
        "host.docker",
    ];
    let args = command.args();
    let address = args.iter().find(|arg| arg.contains("://"));
    match address {
        Some(address) if OWN.iter().any(|own| address.contains(own)) => {}
        // Names without a dot are those of containers.
        Some(address) if !address.contains(HOLE) => {
            let host = address
                .split("://")
                .nth(1)
                .and_then(|rest| rest.split(['/', ':']).next())
                .unwrap_or("");
            if host.contains('.') {
                reports.add(command.node, told);
            }
        }
        _ => reports.note(command.node, told),
    }
}

fn trusts_all(command: &Command) -> bool {
    let says = |arg: &String| arg.replace(' ', "").contains("StrictHostKeyChecking=no");
    command.args().iter().any(says)
}
