//! Dockerfiles: stages that a file is copied from and that are nowhere, and options that an instruction does not have.

use super::data::{self, Names};
use super::{unknown_option, unknown_reference};
use crate::language::Language;
use crate::matching::Source;
use crate::project::{Project, file_name};
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[Language::Dockerfile],
    run: stages,
    ..unknown_reference::CHECK
};

pub static OPTION: Check = Check {
    languages: &[Language::Dockerfile],
    run: options,
    ..unknown_option::CHECK
};

const OPTIONS: &[(&str, &str)] = &[
    ("ADD", "checksum chown chmod exclude keep-git-dir link unpack"),
    ("COPY", "chmod chown exclude from link parents"),
    ("FROM", "platform"),
    (
        "HEALTHCHECK",
        "interval retries start-interval start-period timeout",
    ),
    ("RUN", "device mount network security"),
];

/// What an instruction has by name, `--from=x`, with the value as it is written.
fn named(source: &Source, section: NodeId) -> impl Iterator<Item = (NodeId, &str, &str)> {
    let tree = &source.tree;
    tree.children_in(section, Role::Arg)
        .filter(|arg| tree.kind(*arg) == Kind::Keyword && tree.source(*arg).starts_with("--"))
        .map(|arg| {
            let value = tree.source(arg).split_once('=').map_or("", |(_, value)| value);
            (arg, tree.name(arg), value.trim_matches('"'))
        })
}

/// `COPY --from=builder` where the stage is called `build`.
fn stages(source: &Source, project: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    if has_named_contexts(project) {
        return;
    }
    let mut stages: Vec<String> = Vec::new();
    for section in tree.children(NodeId::ROOT) {
        if tree.name(section) == "FROM" {
            let words: Vec<&str> = tree.source(section).split_whitespace().collect();
            let called = words
                .windows(2)
                .find(|pair| pair.first().is_some_and(|word| word.eq_ignore_ascii_case("as")))
                .and_then(|pair| pair.get(1));
            stages.push(called.map_or(String::new(), |name| name.to_lowercase()));
            continue;
        }
        if tree.name(section) != "COPY" || stages.is_empty() {
            continue;
        }
        for (arg, name, from) in named(source, section) {
            let wanted = from.to_lowercase();
            let is_number = wanted.parse::<usize>().is_ok_and(|at| at + 1 < stages.len());
            // An image has a tag or a folder mostly; of a bare word only a stage that is called much the same tells that it is none.
            let plain = !wanted.is_empty()
                && wanted
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
            let has = stages.contains(&wanted) || is_number;
            let others: Vec<&str> = stages
                .iter()
                .map(String::as_str)
                .filter(|stage| !stage.is_empty())
                .collect();
            let near = others
                .iter()
                .find(|stage| stage.contains(wanted.as_str()) || wanted.contains(**stage))
                .copied()
                .or(data::likeliest(&wanted, others.iter().copied()));
            const OF_STAGES: &[&str] = &[
                "assets",
                "base",
                "build",
                "builder",
                "build-stage",
                "compile",
                "compiler",
                "deps",
                "dependencies",
                "frontend",
                "backend",
                "install",
                "packages",
                "prod",
                "production",
                "runner",
                "runtime",
                "stage",
                "vendor",
            ];
            let is_stage =
                near.is_some() || OF_STAGES.contains(&wanted.as_str()) || wanted.parse::<usize>().is_ok();
            if name == "from" && plain && !has && is_stage {
                let hint = near.map_or(String::new(), |near| format!("; there is `{near}`"));
                reports.add(arg, format!("no stage before this line is called `{from}`{hint}"));
            }
        }
    }
}

/// Whether builds are given other folders by name, which are then copied from as stages are.
fn has_named_contexts(project: &Project) -> bool {
    project.files().any(|path| {
        let file = file_name(path);
        let may_say = file.starts_with("docker-bake")
            || file.contains("compose")
            || path.contains(".github/workflows/")
            || path.ends_with(".sh")
            || matches!(file, "Makefile" | "justfile" | "Taskfile.yml");
        may_say
            && project.text(path).is_some_and(|text| {
                ["build-context", "additional_contexts", "contexts"]
                    .iter()
                    .any(|word| text.contains(word))
            })
    })
}

fn options(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    for section in tree.children(NodeId::ROOT) {
        let instruction = tree.name(section);
        let Some((_, known)) = OPTIONS.iter().find(|(name, _)| *name == instruction) else {
            continue;
        };
        for (arg, name, _) in named(source, section) {
            if !Names(known).contains(name)
                && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
            {
                let hint = data::hint(name, Names(known).iter()).replace("there is `", "there is `--");
                reports.add(arg, format!("`{instruction}` has no option `--{name}`{hint}"));
            }
        }
    }
}
