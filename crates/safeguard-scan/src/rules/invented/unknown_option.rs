//! Long options that a program does not have.

use safeguard_api::evidence::Severity;

use super::data::{self, Names, OPTIONS};
use crate::analysis::commands::{Command, WITH_COMMANDS, commands};
use crate::analysis::sql_text::HOLE;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::Kind;

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
        let Some((shown, known, from)) = known(&command) else {
            continue;
        };
        if is_defined_here(source, command.program()) {
            continue;
        }
        if let Some(word) = unknown(&command, known, from) {
            let at = command
                .words
                .iter()
                .position(|other| other.split('=').next() == Some(&format!("--{word}")));
            let node = at
                .and_then(|at| command.nodes.get(at))
                .copied()
                .unwrap_or(command.node);
            reports.add(
                node,
                format!("`{shown}` has no option `--{word}`{}", hint(word, known)),
            );
        }
    }
}

/// What is likeliest meant, with its dashes.
fn hint(word: &str, known: Names) -> String {
    data::hint(word, known.iter()).replace("there is `", "there is `--")
}

/// The program with its command, its options, and where the command stands.
fn known(command: &Command) -> Option<(String, Names, usize)> {
    let program = command.program();
    if let Some(names) = OPTIONS.get(program) {
        return Some((program.to_owned(), names, 1));
    }
    if !matches!(program, "docker" | "git" | "kubectl") {
        return None;
    }
    // The first word that is neither an option nor the value of one.
    let mut after_option = false;
    for (at, word) in command.words.iter().enumerate().skip(1) {
        if word.contains(HOLE) {
            return None;
        }
        if word.starts_with('-') {
            after_option = !word.contains('=');
            continue;
        }
        let outer = format!("{program}/{word}");
        let (key, from) = match command.words.get(at + 1) {
            Some(inner) if word == "rollout" => (format!("{outer}/{inner}"), at + 2),
            _ => (outer, at + 1),
        };
        match OPTIONS.get(&key) {
            Some(names) => return Some((key.replace('/', " "), names, from)),
            None if after_option => after_option = false,
            None => return None,
        }
    }
    None
}

/// The first long option that is not known, without its dashes.
fn unknown(command: &Command, known: Names, from: usize) -> Option<&str> {
    let program = command.program();
    // What follows the first plain word belongs to another program.
    let runs_another = matches!(program, "docker" | "kubectl")
        && command
            .words
            .get(from - 1)
            .is_some_and(|word| matches!(word.as_str(), "run" | "exec" | "create"));
    let shortens = !matches!(program, "docker" | "kubectl");
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
        let negated = matches!(program, "git" | "curl")
            && known
                .iter()
                .any(|other| other == positive || other.strip_prefix("no-") == Some(name));
        let expanded = program == "curl"
            && name
                .strip_prefix("expand-")
                .is_some_and(|rest| known.contains(rest));
        let shortened = shortens
            && known
                .iter()
                .any(|other| other.starts_with(positive) || other.starts_with(name));
        if !known.contains(name) && !negated && !expanded && !shortened {
            return Some(name);
        }
    }
    None
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
