//! A pipeline that guards less than before: tests, linters and scanners that are gone, or that can not fail any more.

mod before_deploy;
mod guards;
mod scripts;

use std::collections::{BTreeMap, BTreeSet};

use safeguard_api::evidence::Severity;

use crate::analysis::yaml::{Workflow, Yaml};
use crate::language::Language;
use crate::matching::Source;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Comparison, Moved, Taken};
use crate::tree::{Kind, NodeId, Role};
use guards::{GUARDS, Guard, guards};
use scripts::hooks_skipped;

pub static COMPARISON: Comparison = Comparison {
    id: "weakened-pipeline",
    failure: "",
    cwe: &["CWE-693"],
    languages: &[Language::Settings, Language::Shell, Language::Yaml],
    run,
    gone: Some(gone),
};

fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let before = guards(both.base);
    let after = guards(both.head);
    hooks_skipped(both, taken);
    if both.head.tree.language() != Language::Yaml {
        softened(&before, &after, taken);
        scripts::emptied(both, taken);
        return;
    }
    removed(both, &before, &after, taken);
    softened(&before, &after, taken);
    triggers(both, &before, taken);
    permissions(both, taken);
    unpinned(both, taken);
    before_deploy::needs(both, &before, &after, taken);
    before_deploy::hooks(both, taken);
}

fn taken_at(node: NodeId, severity: Severity, sure: bool, message: String) -> Taken {
    Taken {
        node,
        severity,
        confidence: if sure {
            Confidence::High
        } else {
            Confidence::Medium
        },
        message,
    }
}

fn removed(both: &Both<'_>, before: &[Guard], after: &[Guard], taken: &mut Vec<Taken>) {
    let classes: BTreeSet<&str> = before.iter().map(|guard| guard.class).collect();
    for class in classes {
        let was: BTreeSet<&str> = names(before, class);
        let now: BTreeSet<&str> = names(after, class);
        let lost: Vec<&str> = was.difference(&now).copied().collect();
        let gained = now.difference(&was).next().is_some();
        if lost.is_empty() || gained || lost.iter().all(|name| is_mentioned(both.moved, name)) {
            continue;
        }
        let Some(at) = place(both.head) else { continue };
        let calls_others = adds_uses(both);
        let all = now.is_empty();
        let message = match all {
            true => format!(
                "nothing runs {} here any more: `{}` is gone",
                told(class),
                lost.join("`, `")
            ),
            false => format!("`{}` is gone from the pipeline", lost.join("`, `")),
        };
        let matters = matches!(class, "tests" | "security" | "types");
        taken.push(taken_at(
            at,
            Severity::High,
            all && matters && !calls_others,
            message,
        ));
    }
}

fn told(class: &str) -> &str {
    match class {
        "security" => "scanners",
        "types" => "the check of types",
        "lint" => "linters",
        other => other,
    }
}

fn names(guards: &[Guard], class: &str) -> BTreeSet<&'static str> {
    guards
        .iter()
        .filter(|guard| guard.class == class)
        .map(|guard| guard.name)
        .collect()
}

fn is_mentioned(moved: &Moved, name: &str) -> bool {
    match name.split_once(' ') {
        Some((program, rest)) => moved.mentions(&format!("{program:?} {rest:?}")) || moved.mentions(name),
        None => moved.mentions(name),
    }
}

/// The jobs, or the beginning of the file.
fn place(source: &Source) -> Option<NodeId> {
    let yaml = Yaml::of(source);
    let root = yaml.documents().into_iter().next()?;
    let jobs = yaml.entry(root, "jobs").map(|(pair, _)| pair);
    jobs.and_then(|pair| source.tree.child(pair, Role::Key))
        .or_else(|| source.tree.children(root).next())
        .or(Some(root))
}

/// Whether a workflow of another file is called that was not called before.
fn adds_uses(both: &Both<'_>) -> bool {
    let uses = |source: &Source| -> BTreeSet<String> {
        let yaml = Yaml::of(source);
        let jobs = Workflow::of(source).map_or(Vec::new(), |workflow| workflow.jobs);
        let own = jobs.iter().map(|job| yaml.text_at(job.map, "uses"));
        let steps = jobs
            .iter()
            .flat_map(|job| job.steps.iter().map(|step| yaml.text_at(*step, "uses")));
        own.chain(steps)
            .filter(|uses| !uses.is_empty())
            .map(|uses| uses.split('@').next().unwrap_or(uses).to_owned())
            .collect()
    };
    let before = uses(both.base);
    uses(both.head)
        .iter()
        .any(|name| !before.contains(name) && !name.starts_with("actions/"))
        || both.head.tree.text().contains("include:") && !both.base.tree.text().contains("include:")
}

fn softened(before: &[Guard], after: &[Guard], taken: &mut Vec<Taken>) {
    let hard = |guards: &[Guard], name: &str| guards.iter().any(|guard| guard.name == name && !guard.soft);
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for guard in after {
        if guard.soft && hard(before, guard.name) && !hard(after, guard.name) && told.insert(guard.name) {
            let matters = guard.class != "lint";
            taken.push(taken_at(
                guard.node,
                Severity::High,
                matters,
                format!(
                    "`{}` can not stop the pipeline any more: it may fail, or runs nothing, and all goes on",
                    guard.name
                ),
            ));
        }
    }
}

/// When the workflow runs: on pull requests, on which branches.
fn triggers(both: &Both<'_>, before: &[Guard], taken: &mut Vec<Taken>) {
    let (Some(was), Some(now)) = (Workflow::of(both.base), Workflow::of(both.head)) else {
        return;
    };
    if !before
        .iter()
        .any(|guard| matches!(guard.class, "tests" | "security"))
    {
        return;
    }
    let on = |workflow: &Workflow<'_>| workflow.yaml.entry(workflow.root, "on");
    let Some((pair, _)) = on(&now) else { return };
    let has = |workflow: &Workflow<'_>, name: &str| workflow.triggers.contains(&name);
    if has(&was, "pull_request")
        && !has(&now, "pull_request")
        && !has(&now, "pull_request_target")
        && !has(&now, "merge_group")
        && !has(&now, "workflow_call")
    {
        let alone = !has(&now, "push");
        taken.push(taken_at(
            pair,
            Severity::High,
            alone && !both.moved.mentions("pull_request"),
            "the workflow does not run for pull requests any more".to_owned(),
        ));
        return;
    }
    for name in ["pull_request", "push"] {
        let filter = |workflow: &Workflow<'_>, key: &str| -> Option<BTreeSet<String>> {
            let (_, on) = on(workflow)?;
            let event = workflow.yaml.get(on, name)?;
            let list = workflow.yaml.get(event, key)?;
            Some(workflow.yaml.words(list).into_iter().map(str::to_owned).collect())
        };
        let (was, now) = (filter(&was, "branches"), filter(&now, "branches"));
        let narrower = match (&was, &now) {
            (None, Some(now)) => {
                has_event(both.base, name) && !now.iter().any(|branch| branch.contains("**"))
            }
            (Some(was), Some(now)) => now.len() < was.len() && now.is_subset(was),
            (_, None) => false,
        };
        if narrower {
            taken.push(taken_at(
                pair,
                Severity::Medium,
                false,
                format!("the workflow runs for fewer branches on `{name}`"),
            ));
        }
    }
}

fn has_event(source: &Source, name: &str) -> bool {
    Workflow::of(source).is_some_and(|workflow| workflow.triggers.contains(&name))
}

/// Rights that a workflow or a job did not have.
fn permissions(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let (Some(was), Some(now)) = (Workflow::of(both.base), Workflow::of(both.head)) else {
        return;
    };
    let writes = |workflow: &Workflow<'_>, map: NodeId| -> Option<BTreeSet<String>> {
        let value = workflow.yaml.get(map, "permissions")?;
        if workflow.yaml.text(value) == "write-all" {
            return Some(BTreeSet::from(["everything".to_owned()]));
        }
        let pairs = workflow.yaml.pairs(value).into_iter();
        Some(
            pairs
                .filter(|(_, _, value)| workflow.yaml.text(*value) == "write")
                .map(|(name, _, _)| name.to_owned())
                .collect(),
        )
    };
    let before = writes(&was, was.root);
    match (before, writes(&now, now.root)) {
        (Some(before), Some(after)) => {
            let more: Vec<&String> = after.difference(&before).collect();
            if let (Some(first), Some((pair, _))) = (more.first(), now.yaml.entry(now.root, "permissions")) {
                taken.push(taken_at(
                    pair,
                    Severity::Medium,
                    false,
                    format!("every job may write to `{first}` now"),
                ));
            }
        }
        (Some(_), None) => {
            let per_job = now
                .jobs
                .iter()
                .all(|job| now.yaml.get(job.map, "permissions").is_some());
            if let Some(at) = place(both.head).filter(|_| !per_job) {
                taken.push(taken_at(
                    at,
                    Severity::Medium,
                    false,
                    "`permissions` are gone: the token may do whatever the repository's default says"
                        .to_owned(),
                ));
            }
        }
        (None, _) => {}
    }
}

/// What was named by a digest, and is named by a tag.
fn unpinned(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let pinned = |source: &Source| -> BTreeMap<String, (String, NodeId)> {
        let tree = &source.tree;
        let mut found = BTreeMap::new();
        for pair in source.of_kind(Kind::Pair) {
            let key = tree.child(*pair, Role::Key).map_or("", |key| tree.name(key));
            let value = tree
                .child(*pair, Role::Value)
                .map_or("", |value| tree.name(value));
            if matches!(key, "uses" | "image") && !value.starts_with("./") {
                let (name, version) = value.split_once('@').unwrap_or((value, ""));
                let name = match key {
                    "image" => name
                        .rsplit_once(':')
                        .filter(|(_, tag)| !tag.contains('/'))
                        .map_or(name, |(name, _)| name),
                    _ => name,
                };
                found.insert(format!("{key} {name}"), (version.to_owned(), *pair));
            }
        }
        found
    };
    let before = pinned(both.base);
    let is_digest = |version: &str| {
        version.starts_with("sha256:")
            || version.len() == 40 && version.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    for (name, (version, pair)) in pinned(both.head) {
        if before.get(&name).is_some_and(|(was, _)| is_digest(was)) && !is_digest(&version) {
            let name = name.split(' ').nth(1).unwrap_or("").to_owned();
            taken.push(taken_at(
                pair,
                Severity::Medium,
                false,
                format!("`{name}` was named by its digest, and is whatever its owner says now"),
            ));
        }
    }
}

/// A workflow that is gone with all that it guarded.
fn gone(base: &Source, moved: &Moved) -> Vec<Taken> {
    if base.tree.language() != Language::Yaml {
        return Vec::new();
    }
    let guards = guards(base);
    let mut found = Vec::new();
    for class in ["tests", "security"] {
        let lost: Vec<&str> = names(&guards, class)
            .into_iter()
            .filter(|name| !is_mentioned(moved, name))
            .collect();
        let elsewhere = GUARDS
            .iter()
            .filter(|(other, _)| *other == class)
            .flat_map(|(_, names)| names.iter())
            .any(|name| is_mentioned(moved, name));
        if let Some(at) = place(base).filter(|_| !lost.is_empty() && !elsewhere) {
            found.push(taken_at(
                at,
                Severity::High,
                true,
                format!(
                    "the pipeline is removed that runs {}: `{}`",
                    told(class),
                    lost.join("`, `")
                ),
            ));
            break;
        }
    }
    found
}
