//! `rm -r` in scripts: of what a variable names that may be empty, and of what keeps data.

use safeguard_api::evidence::Severity;

use crate::analysis::commands::{
    Command, LOOKED_AT_MAX, WITH_COMMANDS, commands, is_meant, stops_at_failure, stops_at_unset, value_of,
    word,
};
use crate::analysis::sql_text::HOLE;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "shell-removal",
    failure: "X1",
    severity: Severity::Critical,
    confidence: Confidence::High,
    cwe: &["CWE-73", "CWE-459"],
    languages: WITH_COMMANDS,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    for command in commands(source) {
        let recursive =
            command.program() == "rm" && (command.has_letter(&['r', 'R']) || command.has("--recursive"));
        if !recursive {
            continue;
        }
        let paths = command.words.iter().enumerate().skip(1);
        for (at, path) in paths.filter(|(_, path)| !path.starts_with('-')) {
            let node = command.nodes.get(at).copied();
            judge(source, &command, path, node, reports);
        }
    }
}

fn judge(source: &Source, command: &Command, path: &str, node: Option<NodeId>, reports: &mut Reports) {
    let at = command.node;
    let shown = path.replace(HOLE, "…");
    if let Some(what) = everything(path) {
        let message = format!("`rm -r {shown}` removes {what}");
        // What is left of a build is no loss to an image.
        let in_image = source.tree.language() == Language::Dockerfile
            && ["/var", "/home", "/root", "/opt", "/srv"]
                .iter()
                .any(|begin| path.starts_with(begin));
        match (is_meant(source, at) || in_image) && path != "/" && path != "/*" {
            true => reports.note(at, message),
            false => reports.add(at, message),
        }
        return;
    }
    if let Some(rest) = path.strip_prefix(HOLE)
        && is_root_when_empty(rest)
    {
        let message = format!("`rm -r {shown}` removes `{rest}` of the machine when the variable is empty");
        match node.map_or(Known::No, |node| known(source, node)) {
            Known::Yes => {}
            Known::No if stops_at_unset(source, at) => {}
            Known::No if rest.starts_with("/*") || rest == "/" => reports.add(at, message),
            Known::No | Known::Computed => reports.note(at, message),
        }
        return;
    }
    if matches!(path, "*" | "./*" | "." | "./") && !path.contains(HOLE) {
        after_change(source, at, &shown, reports);
    }
}

/// What is of worth on every machine, and what keeps data.
fn everything(path: &str) -> Option<&'static str> {
    const SYSTEM: &[&str] = &[
        "/bin", "/boot", "/etc", "/home", "/lib", "/opt", "/root", "/sbin", "/srv", "/usr", "/var",
        "/var/lib", "/var/log", "/usr/lib", "/usr/bin",
    ];
    const STORES: &[&str] = &[
        "postgresql",
        "mysql",
        "mariadb",
        "mongodb",
        "mongo",
        "redis",
        "etcd",
        "elasticsearch",
        "cassandra",
        "rabbitmq",
        "clickhouse",
        "influxdb",
        "grafana",
        "prometheus",
    ];
    let plain = path.trim_end_matches(['*', '/']);
    if matches!(path, "/" | "/*" | "/." | "//") {
        return Some("everything on the machine");
    }
    if matches!(path, "~" | "~/" | "~/*") {
        return Some("everything of the user");
    }
    if SYSTEM.contains(&plain) {
        return Some("a part of the system");
    }
    let parts: Vec<&str> = plain.split('/').filter(|part| !part.is_empty()).collect();
    let absolute = path.starts_with('/');
    if absolute && matches!(parts.as_slice(), ["var", "lib", store] if STORES.contains(store)) {
        return Some("the files of a database");
    }
    if absolute
        && matches!(
            parts.as_slice(),
            ["backup" | "backups"] | ["var" | "mnt" | "srv" | "data", "backup" | "backups"]
        )
    {
        return Some("the backups");
    }
    None
}

/// `"$X"/*`, `"$X/"`, `$X/etc`.
fn is_root_when_empty(rest: &str) -> bool {
    const SYSTEM: &[&str] = &[
        "bin", "boot", "etc", "home", "lib", "opt", "root", "sbin", "srv", "usr", "var",
    ];
    let plain = rest.trim_end_matches(['*', '/']);
    match rest {
        "/" | "/*" | "/." | "//" | "/**" => true,
        _ => plain
            .strip_prefix('/')
            .is_some_and(|folder| SYSTEM.contains(&folder)),
    }
}

enum Known {
    /// It is not empty.
    Yes,
    /// What another command says.
    Computed,
    No,
}

/// Whether the variable that a path begins with has a value for certain.
fn known(source: &Source, path: NodeId) -> Known {
    let tree = &source.tree;
    let first = match tree.kind(path) {
        Kind::Interp => tree.children(path).next(),
        _ => Some(path),
    };
    let Some(first) = first else { return Known::No };
    match tree.kind(first) {
        Kind::Binary => match tree.name(first) {
            ":?" | "?" | ":-" | ":=" => Known::Yes,
            // `${X%/}` is as empty as `X` is.
            _ => tree
                .child(first, Role::Left)
                .map_or(Known::No, |name| variable(source, name)),
        },
        Kind::Name => variable(source, first),
        _ => Known::Computed,
    }
}

fn variable(source: &Source, node: NodeId) -> Known {
    let tree = &source.tree;
    let name = tree.name(node);
    const SET: &[&str] = &[
        "HOME",
        "PWD",
        "TMPDIR",
        "RUNNER_TEMP",
        "GITHUB_WORKSPACE",
        "CI_PROJECT_DIR",
        "USER",
    ];
    if SET.contains(&name) || name.starts_with("${") {
        return Known::Yes;
    }
    let in_loop = tree.ancestors(node).any(|around| {
        tree.kind(around) == Kind::ForEach
            && tree
                .child(around, Role::Target)
                .is_some_and(|target| tree.name(target) == name)
    });
    if in_loop || is_tested(source, name, node) {
        return Known::Yes;
    }
    match value_of(source, name, node) {
        Some(value) => match tree.kind(value) {
            Kind::Str if tree.name(value).is_empty() => Known::No,
            Kind::Str => Known::Yes,
            // `X="$1/build"` is something, whatever `$1` is.
            Kind::Interp if !word(tree, value).trim_matches(HOLE).is_empty() => Known::Yes,
            Kind::Binary if matches!(tree.name(value), ":-" | ":?" | ":=" | "-") => Known::Yes,
            Kind::Name => Known::No,
            _ => Known::Computed,
        },
        // What the environment has is not known; a name in capitals that is set elsewhere mostly is there.
        None => match name.starts_with(|first: char| first.is_ascii_digit())
            || tree.language() == Language::Shell
        {
            true => Known::No,
            false => Known::Computed,
        },
    }
}

/// `[ -n "$X" ]`, `[ -z "$X" ]`, `[ -d "$X" ]`, `: "${X:?}"`, `case "$X" in`, `[ "$X" = … ]`.
fn is_tested(source: &Source, name: &str, before: NodeId) -> bool {
    let tree = &source.tree;
    let start = tree.span(before).start;
    let mentions = |within: NodeId| {
        tree.subtree(within)
            .any(|id| tree.kind(id) == Kind::Name && tree.name(id) == name)
    };
    let tests = source.of_kind(Kind::Call).iter().take(LOOKED_AT_MAX).any(|call| {
        let callee = tree
            .child(*call, Role::Callee)
            .map_or("", |callee| tree.name(callee));
        matches!(callee, "[" | "test") && tree.span(*call).start < start && mentions(*call)
    });
    let demands = source
        .of_kind(Kind::Binary)
        .iter()
        .take(LOOKED_AT_MAX)
        .any(|binary| {
            matches!(tree.name(*binary), ":?" | "?" | ":=")
                && tree.span(*binary).start < start
                && mentions(*binary)
        });
    let cases = source
        .of_kind(Kind::Switch)
        .iter()
        .take(LOOKED_AT_MAX)
        .any(|switch| {
            tree.child(*switch, Role::Subject).is_some_and(mentions) && tree.span(*switch).start < start
        });
    tests || demands || cases
}

/// `cd "$DIR"`, and then `rm -rf *` wherever one is when that failed.
fn after_change(source: &Source, at: NodeId, shown: &str, reports: &mut Reports) {
    let tree = &source.tree;
    let Some(statement) = std::iter::once(at).chain(tree.ancestors(at)).find(|id| {
        tree.parent(*id)
            .is_some_and(|parent| matches!(tree.kind(parent), Kind::Block | Kind::Module))
    }) else {
        return;
    };
    if tree.children(statement).next() != Some(at) {
        return;
    }
    let Some(parent) = tree.parent(statement) else {
        return;
    };
    let siblings: Vec<NodeId> = tree.children(parent).collect();
    let Some(place) = siblings.iter().position(|sibling| *sibling == statement) else {
        return;
    };
    let Some(before) = place.checked_sub(1).and_then(|before| siblings.get(before)) else {
        return;
    };
    let Some(call) = tree
        .children(*before)
        .next()
        .filter(|call| tree.kind(*call) == Kind::Call)
    else {
        return;
    };
    let changes = tree
        .child(call, Role::Callee)
        .is_some_and(|callee| matches!(tree.name(callee), "cd" | "pushd"));
    let Some(target) = tree.children_in(call, Role::Arg).next() else {
        return;
    };
    if changes && !stops_at_failure(source, at) {
        let folder = word(tree, target).replace(HOLE, "…");
        let message = format!("`rm -r {shown}` removes what is in another folder when `cd {folder}` fails");
        match word(tree, target).contains(HOLE) && !has_word(&folder, &["tmp", "temp"]) {
            true => reports.add(at, message),
            false => reports.note(at, message),
        }
    }
}
