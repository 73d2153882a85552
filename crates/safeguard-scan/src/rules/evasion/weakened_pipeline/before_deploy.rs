//! What must have passed before something is put out: jobs that a deploying job waits for, hooks that run before a commit.

use std::collections::BTreeSet;

use safeguard_api::evidence::Severity;

use super::guards::{GUARDS, Guard};
use super::taken_at;
use crate::analysis::words::has_word;
use crate::analysis::yaml::{Workflow, Yaml};
use crate::matching::Source;
use crate::rules::comparison::{Both, Taken};
use crate::tree::NodeId;

/// Words of jobs that put something out.
const PUTS_OUT: &[&str] = &[
    "deploy",
    "deployment",
    "release",
    "publish",
    "rollout",
    "promote",
    "production",
    "prod",
    "ship",
];

/// A deploying job that waited for tests or scanners, and waits for none of them now.
pub(super) fn needs(both: &Both<'_>, before: &[Guard], after: &[Guard], taken: &mut Vec<Taken>) {
    let (Some(was), Some(now)) = (Workflow::of(both.base), Workflow::of(both.head)) else {
        return;
    };
    let (guarding_before, guarding_now) = (
        guarding(both.base, &was, before),
        guarding(both.head, &now, after),
    );
    for job in now.jobs.iter().filter(|job| has_word(job.name, PUTS_OUT)) {
        let Some(old) = was.jobs.iter().find(|old| old.name == job.name) else {
            continue;
        };
        let waited = waits_for(&was, old.map, 0);
        let waits = waits_for(&now, job.map, 0);
        let lost = waited
            .iter()
            .find(|name| guarding_before.contains(*name) && !waits.contains(*name));
        let still = waits.iter().any(|name| guarding_now.contains(name))
            // What another file holds may test.
            || waits.iter().any(|name| !waited.contains(name));
        // Who tests in its own steps waits for nobody.
        let by_itself = after
            .iter()
            .any(|guard| guard.class == "tests" && both.head.tree.within(guard.node, job.map));
        if let Some(lost) = lost.filter(|_| !still && !by_itself) {
            let at = now
                .yaml
                .entry(job.map, "needs")
                .map_or(job.pair, |(pair, _)| pair);
            taken.push(taken_at(
                at,
                Severity::High,
                true,
                format!(
                    "`{}` waited for `{lost}`, and goes ahead now whatever that says",
                    job.name
                ),
            ));
        }
    }
}

/// The jobs that test or scan.
fn guarding<'s>(source: &'s Source, workflow: &Workflow<'s>, guards: &[Guard]) -> BTreeSet<&'s str> {
    let jobs = workflow.jobs.iter().filter(|job| {
        has_word(
            job.name,
            &[
                "test", "tests", "ci", "check", "checks", "scan", "security", "verify", "lint", "qa",
            ],
        ) || guards.iter().any(|guard| {
            matches!(guard.class, "tests" | "security") && source.tree.within(guard.node, job.map)
        })
    });
    jobs.map(|job| job.name).collect()
}

/// The names of the jobs that one waits for, also through others.
fn waits_for<'s>(workflow: &Workflow<'s>, map: NodeId, depth: usize) -> BTreeSet<&'s str> {
    const DEPTH_MAX: usize = 6;
    let mut found = BTreeSet::new();
    if depth > DEPTH_MAX {
        return found;
    }
    let needs = workflow.yaml.get(map, "needs");
    for name in needs.map_or(Vec::new(), |needs| workflow.yaml.words(needs)) {
        if found.insert(name)
            && let Some(job) = workflow.jobs.iter().find(|job| job.name == name)
        {
            found.extend(waits_for(workflow, job.map, depth + 1));
        }
    }
    found
}

/// `.pre-commit-config.yaml`: a hook that looked for secrets or weaknesses.
pub(super) fn hooks(both: &Both<'_>, taken: &mut Vec<Taken>) {
    if !both.head.path.ends_with(".pre-commit-config.yaml") {
        return;
    }
    let (before, after) = (hook_ids(both.base), hook_ids(both.head));
    let looks_for = |id: &str| {
        GUARDS
            .iter()
            .filter(|(class, _)| *class == "security")
            .any(|(_, names)| names.iter().any(|name| id.contains(name)))
            || matches!(id, "detect-private-key" | "detect-aws-credentials")
    };
    let gained = after.iter().any(|id| !before.contains(id) && looks_for(id));
    let gone = before
        .iter()
        .find(|id| looks_for(id) && !after.contains(*id) && !both.moved.mentions(id));
    let at = Yaml::of(both.head).documents().into_iter().next();
    if let (Some(gone), Some(at), false) = (gone, at, gained) {
        let node = both.head.tree.children(at).next().unwrap_or(at);
        taken.push(taken_at(
            node,
            Severity::High,
            true,
            format!("`{gone}` looked at every commit, and does not any more"),
        ));
    }
}

fn hook_ids(source: &Source) -> BTreeSet<String> {
    let yaml = Yaml::of(source);
    let root = yaml.documents().into_iter().next();
    let repos = root
        .and_then(|root| yaml.get(root, "repos"))
        .map_or(Vec::new(), |repos| yaml.items(repos));
    let hooks = repos
        .into_iter()
        .filter_map(|repo| yaml.get(repo, "hooks"))
        .flat_map(|hooks| yaml.items(hooks));
    // What runs at no commit looks at none.
    hooks
        .filter(|hook| {
            let stages = yaml
                .get(*hook, "stages")
                .map_or(Vec::new(), |stages| yaml.words(stages));
            stages.is_empty() || stages.iter().any(|stage| *stage != "manual")
        })
        .map(|hook| yaml.text_at(hook, "id").to_ascii_lowercase())
        .collect()
}
