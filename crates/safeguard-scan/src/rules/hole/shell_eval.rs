//! A script runs what it was given as if it were a part of it: `eval "$1"`, `bash -c "$QUERY"`.

use safeguard_api::evidence::Severity;

use crate::analysis::commands::{LOOKED_AT_MAX, WITH_COMMANDS, commands, value_of};
use crate::analysis::sql_text::HOLE;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "shell-eval",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-78", "CWE-95"],
    languages: WITH_COMMANDS,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    for command in commands(source) {
        let nodes: Vec<NodeId> = match command.program() {
            // `eval set -- …` takes options apart.
            "eval" if command.has("set") || sets_by_name(&command.words) => continue,
            "eval" => command.nodes.iter().skip(1).copied().collect(),
            "sh" | "bash" | "dash" | "zsh" if command.has("-c") => {
                let at = command
                    .words
                    .iter()
                    .position(|word| word == "-c")
                    .map_or(0, |at| at + 1);
                command.nodes.get(at).copied().into_iter().collect()
            }
            _ => continue,
        };
        let message = format!("`{}` runs whatever it was given", command.shown());
        match given(source, &nodes, command.node) {
            Given::ByOthers => reports.add(command.node, message),
            // A function or program that runs what it is told to is a tool of whoever calls it.
            Given::ByCaller => {
                let in_function = tree
                    .ancestors(command.node)
                    .any(|around| tree.kind(around) == Kind::Function);
                let is_text = command.program() == "eval" && !in_function;
                match is_text && tree.language() == Language::Shell && takes_data(source) {
                    true => reports.add(command.node, message),
                    false => reports.note(command.node, message),
                }
            }
            Given::Known => {}
        }
    }
}

/// `eval "$1=…"`, `eval echo \$$1`: a variable whose name is in another one, as shells without arrays do it.
fn sets_by_name(words: &[String]) -> bool {
    let text = words
        .iter()
        .skip(1)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(" ");
    let text = text.trim_start();
    let first = text.split_whitespace().next().unwrap_or("");
    let before = first.split(['=', '+']).next().unwrap_or("");
    let sets = first.contains('=')
        && before
            .chars()
            .all(|letter| letter.is_alphanumeric() || letter == '_' || letter == HOLE);
    sets || matches!(
        first,
        "echo"
            | "export"
            | "unset"
            | "printf"
            | "local"
            | "declare"
            | "readonly"
            | "typeset"
            | "test"
            | "["
            | "case"
            | ":"
    )
}

enum Given {
    /// A client's text: CGI, a file that was read line by line.
    ByOthers,
    /// Arguments.
    ByCaller,
    Known,
}

fn given(source: &Source, nodes: &[NodeId], before: NodeId) -> Given {
    let tree = &source.tree;
    let mut by_caller = false;
    let names = nodes.iter().flat_map(|node| tree.subtree(*node));
    for name in names.filter(|id| tree.kind(*id) == Kind::Name) {
        match origin(source, tree.name(name), before, 0) {
            Given::ByOthers => return Given::ByOthers,
            Given::ByCaller => by_caller = true,
            Given::Known => {}
        }
    }
    match by_caller {
        true => Given::ByCaller,
        false => Given::Known,
    }
}

fn origin(source: &Source, name: &str, before: NodeId, depth: usize) -> Given {
    const OTHERS: &[&str] = &[
        "QUERY_STRING",
        "REQUEST_URI",
        "HTTP_USER_AGENT",
        "HTTP_COOKIE",
        "PATH_INFO",
        "SSH_ORIGINAL_COMMAND",
    ];
    const DEPTH_MAX: usize = 4;
    if OTHERS.contains(&name) || name.starts_with("HTTP_") {
        return Given::ByOthers;
    }
    if matches!(name, "1" | "2" | "3" | "4") {
        return Given::ByCaller;
    }
    if read_from(source, name, before) {
        return Given::ByOthers;
    }
    match value_of(source, name, before) {
        Some(value) if depth < DEPTH_MAX => {
            let tree = &source.tree;
            let inner: Vec<NodeId> = tree
                .subtree(value)
                .filter(|id| tree.kind(*id) == Kind::Name)
                .collect();
            let mut by_caller = false;
            for id in inner {
                // What a command makes of it is another thing.
                if tree
                    .ancestors(id)
                    .take_while(|around| *around != value)
                    .any(|around| tree.kind(around) == Kind::Block)
                    || tree.kind(value) == Kind::Block
                {
                    continue;
                }
                match origin(source, tree.name(id), value, depth + 1) {
                    Given::ByOthers => return Given::ByOthers,
                    Given::ByCaller => by_caller = true,
                    Given::Known => {}
                }
            }
            if by_caller { Given::ByCaller } else { Given::Known }
        }
        _ => Given::Known,
    }
}

/// `read X` from what is piped in or from a file; at a terminal somebody types what they mean.
fn read_from(source: &Source, name: &str, before: NodeId) -> bool {
    let tree = &source.tree;
    source.of_kind(Kind::Call).iter().take(LOOKED_AT_MAX).any(|call| {
        let is_read = tree
            .child(*call, Role::Callee)
            .is_some_and(|callee| tree.name(callee) == "read");
        let prompts = tree
            .children_in(*call, Role::Arg)
            .any(|arg| tree.name(arg).starts_with("-") && tree.name(arg).contains('p'));
        is_read
            && !prompts
            && tree.span(*call).start < tree.span(before).start
            && tree
                .children_in(*call, Role::Arg)
                .any(|arg| tree.name(arg) == name)
            && tree
                .ancestors(*call)
                .any(|around| tree.kind(around) == Kind::While && reads_file(source, around))
    })
}

/// `while read …; done < FILE`, `cat FILE | while read …`. What a program prints is as good as the program.
fn reads_file(source: &Source, reading: NodeId) -> bool {
    let tree = &source.tree;
    let Some(parent) = tree.parent(reading) else {
        return false;
    };
    if tree.kind(parent) == Kind::Binary {
        return tree.child(parent, Role::Left).is_some_and(|left| {
            tree.child(left, Role::Callee)
                .is_some_and(|callee| matches!(tree.name(callee), "cat" | "curl" | "nc" | "wget"))
        });
    }
    let end = tree.span(reading).end;
    let behind = tree
        .text()
        .get(end..)
        .unwrap_or("")
        .lines()
        .next()
        .unwrap_or("")
        .trim_start();
    behind.starts_with('<') && !behind.contains("<(") && !behind.contains("<<")
}

/// Whether a script takes values and is no runner of commands.
fn takes_data(source: &Source) -> bool {
    let text = source.tree.text();
    !["\"$@\"", "$*", "exec \"$"]
        .iter()
        .any(|runner| text.contains(runner))
}
