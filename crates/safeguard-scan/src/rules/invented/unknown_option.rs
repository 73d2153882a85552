//! Long options that a program does not have.

use safeguard_api::evidence::Severity;

use super::data::{self, Names, OPTIONS};
use crate::analysis::commands::{Command, WITH_COMMANDS, commands};
use crate::analysis::sql_text::HOLE;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId};

pub static CHECK: Check = Check {
    id: "unknown-option",
    failure: "X6",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &[],
    languages: WITH_COMMANDS,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    if source.is_test() {
        return;
    }
    for command in commands(source) {
        let Some(asked) = known(&command) else {
            continue;
        };
        if is_defined_here(source, command.program()) {
            continue;
        }
        match asked {
            Asked::Options { shown, known, from } => {
                let dashes = if has_one_dash(&shown) { "-" } else { "--" };
                let unknown = match dashes {
                    "-" => unknown_of_one_dash(&command, known, from),
                    _ => unknown(&command, known, from, &shown),
                };
                if let Some((at, word)) = unknown {
                    let hint =
                        data::hint(word, known.iter()).replace("there is `", &format!("there is `{dashes}"));
                    let told = format!("`{shown}` has no option `{dashes}{word}`{hint}");
                    reports.add(node_of(&command, at), told);
                }
            }
            Asked::Command { shown, known, at } => {
                let word = command.words.get(at).map_or("", String::as_str);
                let hint = data::hint(word, known.iter());
                reports.add(
                    node_of(&command, at),
                    format!("`{shown}` has no command `{word}`{hint}"),
                );
            }
        }
    }
}

fn node_of(command: &Command, at: usize) -> NodeId {
    command.nodes.get(at).copied().unwrap_or(command.node)
}

/// What is known of a command.
enum Asked {
    /// Its options, and where its own name ends.
    Options {
        shown: String,
        known: Names,
        from: usize,
    },
    /// That a program has no command of the name that stands there.
    Command { shown: String, known: Names, at: usize },
}

/// Programs whose first words say what they do, with what the data calls them.
const WITH_COMMANDS_OF_THEIR_OWN: &[(&str, &str)] = &[
    ("aws", "aws"),
    ("cargo", "cargo"),
    ("docker", "docker"),
    ("docker-compose", "docker/compose"),
    ("git", "git"),
    ("go", "go"),
    ("helm", "helm"),
    ("kubectl", "kubectl"),
    ("npm", "npm"),
    ("pip", "pip"),
    ("pip3", "pip"),
    ("terraform", "terraform"),
];

/// What only more commands stand below.
const GROUPS: &[&str] = &[
    "docker/compose",
    "docker/container",
    "docker/context",
    "docker/image",
    "docker/network",
    "docker/system",
    "docker/volume",
    "go/mod",
    "kubectl/certificate",
    "kubectl/config",
    "kubectl/create",
    "kubectl/rollout",
    "kubectl/set",
    "terraform/state",
    "terraform/workspace",
];

/// Services of AWS whose commands are known here.
const SERVICES: &[&str] = &[
    "cloudformation",
    "cloudfront",
    "dynamodb",
    "ec2",
    "ecr",
    "ecs",
    "eks",
    "iam",
    "lambda",
    "logs",
    "rds",
    "s3",
    "s3api",
    "secretsmanager",
    "sqs",
    "ssm",
    "sts",
];

/// Commands with commands of their own, of which the data has some.
const WITH_MORE: &[&str] = &["git/remote", "git/stash", "git/worktree"];

/// Commands of npm that take what it can be configured with. Those of scripts take more.
const OF_NPM: &[&str] = &[
    "audit",
    "ci",
    "i",
    "install",
    "pack",
    "prune",
    "publish",
    "uninstall",
    "update",
    "version",
];

fn has_one_dash(shown: &str) -> bool {
    shown == "find" || shown.starts_with("terraform ")
}

fn known(command: &Command) -> Option<Asked> {
    let program = command.program();
    if let Some(known) = OPTIONS.get(program).filter(|_| program != "npm") {
        return Some(Asked::Options {
            shown: program.to_owned(),
            known,
            from: 1,
        });
    }
    let word = |at: usize| command.words.get(at).map_or("", String::as_str);
    // `python -m pip install`
    let is_module = program.starts_with("python") && word(1) == "-m";
    let (program, begin) = if is_module { (word(2), 3) } else { (program, 1) };
    let (_, root) = WITH_COMMANDS_OF_THEIR_OWN
        .iter()
        .find(|(name, _)| *name == program)?;
    let mut key = (*root).to_owned();
    let mut found = None;
    // The first words that are neither options nor the values of some.
    let mut after_option = false;
    for (at, word) in command.words.iter().enumerate().skip(begin) {
        if word.contains(HOLE) {
            break;
        }
        if word.starts_with('-') || program == "cargo" && word.starts_with('+') {
            after_option = word.starts_with('-') && !word.contains('=');
            continue;
        }
        if program == "npm" {
            return OF_NPM.contains(&word.as_str()).then_some(Asked::Options {
                shown: format!("npm {word}"),
                known: OPTIONS.get("npm")?,
                from: at + 1,
            });
        }
        let deeper = format!("{key}/{word}");
        let is_group = GROUPS.contains(&deeper.as_str())
            || key == "aws" && SERVICES.contains(&word.as_str())
            || word == "remote"
            || word == "stash";
        if let Some(known) = OPTIONS.get(&deeper) {
            found = Some(Asked::Options {
                shown: deeper.replace('/', " "),
                known,
                from: at + 1,
            });
            key = deeper;
        } else if is_group {
            key = deeper;
        } else if WITH_MORE.contains(&key.as_str()) {
            return None;
        } else if after_option {
            after_option = false;
        } else {
            let known = OPTIONS.get(&format!("={key}"));
            let is_plain = word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
            return match known.filter(|known| is_plain && !known.contains(word)) {
                Some(known) => Some(Asked::Command {
                    shown: key.replace('/', " "),
                    known,
                    at,
                }),
                None => found,
            };
        }
    }
    found
}

/// The first option of a program that has one dash before each.
fn unknown_of_one_dash(command: &Command, known: Names, from: usize) -> Option<(usize, &str)> {
    for (at, word) in command.words.iter().enumerate().skip(from) {
        // What follows is another program with its own.
        if matches!(word.as_str(), "--" | "-exec" | "-execdir" | "-ok" | "-okdir") {
            return None;
        }
        let Some(option) = word.strip_prefix('-') else {
            continue;
        };
        let name = option.trim_start_matches('-').split('=').next().unwrap_or(option);
        let plain = name.len() > 1
            && name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        // `-newermt`, `-O3`, and what a mode is written as: `-perm -u=x`.
        let is_other = command.program() == "find"
            && (name.starts_with("newer") || name.starts_with('O') || option.contains('='));
        if plain && !is_other && !known.contains(name) {
            return Some((at, name));
        }
    }
    None
}

/// The first long option that is not known, without its dashes.
fn unknown<'c>(command: &'c Command, known: Names, from: usize, shown: &str) -> Option<(usize, &'c str)> {
    let program = shown.split(' ').next().unwrap_or(shown);
    // What follows the first plain word belongs to another program.
    let runs_another = matches!(program, "cargo" | "docker" | "kubectl")
        && command
            .words
            .get(from - 1)
            .is_some_and(|word| matches!(word.as_str(), "run" | "exec" | "create" | "test"));
    let shortens = !matches!(program, "cargo" | "docker" | "helm" | "kubectl" | "rsync");
    for (at, word) in command.words.iter().enumerate().skip(from) {
        if word == "--" || runs_another && !word.starts_with('-') {
            return None;
        }
        let Some(option) = word.strip_prefix("--") else {
            continue;
        };
        // `-e --pattern`, `-d "--data"`: the value of the option before.
        let is_value = command.words.get(at - 1).is_some_and(|before| {
            before.starts_with('-')
                && !before.starts_with("--")
                && before.len() == 2
                && program != "docker"
                && !is_flag(before)
        });
        let name = option.split('=').next().unwrap_or(option);
        let plain = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        if !plain || word.contains(HOLE) && name.contains(HOLE) || is_value {
            continue;
        }
        let positive = name.strip_prefix("no-").unwrap_or(name);
        let negated = matches!(program, "git" | "curl" | "rsync")
            && known
                .iter()
                .any(|other| other == positive || other.strip_prefix("no-") == Some(name));
        // `rsync --no-p` is of the short option.
        let negated = negated || program == "rsync" && name.starts_with("no-") && positive.len() == 1;
        let expanded = program == "curl"
            && name
                .strip_prefix("expand-")
                .is_some_and(|rest| known.contains(rest));
        let shortened = shortens
            && known
                .iter()
                .any(|other| other.starts_with(positive) || other.starts_with(name));
        let built = program == "npm" && is_for_a_build(name);
        if !(known.contains(name) || negated || expanded || shortened || built) {
            return Some((at, name));
        }
    }
    None
}

/// What npm hands on to the scripts that build a package: `--target_arch=arm64`, `--sharp-binary-host=…`.
fn is_for_a_build(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "binary", "mirror", "host", "dist", "runtime", "target", "arch", "build", "sqlite", "python", "abi",
        "libc", "cdn",
    ];
    name.contains('_') || WORDS.iter().any(|word| name.contains(word))
}

/// Short options that mostly have no value.
fn is_flag(option: &str) -> bool {
    matches!(
        option,
        "-v" | "-q"
            | "-f"
            | "-s"
            | "-S"
            | "-L"
            | "-c"
            | "-x"
            | "-z"
            | "-a"
            | "-i"
            | "-k"
            | "-A"
            | "-w"
            | "-W"
            | "-O"
            | "-C"
            | "-G"
    )
}

/// Whether the script has a function of that name.
fn is_defined_here(source: &Source, program: &str) -> bool {
    source
        .of_kind(Kind::Function)
        .iter()
        .any(|function| source.tree.name(*function) == program)
}
