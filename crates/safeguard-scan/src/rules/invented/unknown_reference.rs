//! Names of other parts of the same repository that do not exist: what Terraform, workflows, compose files and scripts refer to.

use std::collections::BTreeSet;

use safeguard_api::evidence::Severity;

use super::data;
use crate::analysis::commands::{Command, commands};
use crate::analysis::hcl::{Block, blocks};
use crate::analysis::sql_text::HOLE;
use crate::analysis::yaml::{Workflow, Yaml};
use crate::language::Language;
use crate::matching::Source;
use crate::project::{Project, file_name, folder};
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "unknown-reference",
    failure: "X6",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &[],
    languages: &[
        Language::Dockerfile,
        Language::Hcl,
        Language::Shell,
        Language::Yaml,
    ],
    run,
};

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    if source.is_test() {
        return;
    }
    match source.tree.language() {
        Language::Hcl => terraform(source, project, reports),
        Language::Yaml => {
            workflow(source, reports);
            compose(source, project, reports);
        }
        _ => {}
    }
    if source.tree.language() != Language::Hcl {
        scripts(source, project, reports);
    }
}

/// What resources of these providers are called.
const PROVIDERS: &[&str] = &[
    "aws_",
    "google_",
    "azurerm_",
    "kubernetes_",
    "helm_",
    "random_",
    "null_",
    "tls_",
    "archive_",
    "cloudflare_",
    "digitalocean_",
    "datadog_",
];

/// `var.x`, `local.x`, `module.x`, `aws_sqs_queue.x` that no file of the folder declares.
fn terraform(source: &Source, project: &Project, reports: &mut Reports) {
    let own = folder(&source.path);
    if !source.path.ends_with(".tf") || !project.is_known() {
        return;
    }
    let mut declared = declarations(source);
    for path in project
        .below(own)
        .filter(|path| folder(path) == own && *path != source.path)
    {
        if path.ends_with(".tf.json") || path.ends_with(".tofu") {
            return;
        }
        if path.ends_with(".tf") {
            match project.source(path) {
                Some(other) => declared.extend(declarations(&other)),
                None => return,
            }
        }
    }
    let tree = &source.tree;
    let mut told = BTreeSet::new();
    for member in source.of_kind(Kind::Member).iter().copied() {
        let Some(name) = reference(tree, member).filter(|name| !declared.contains(name)) else {
            continue;
        };
        // What was moved or removed is there no more.
        let gone = tree.ancestors(member).any(|around| {
            tree.kind(around) == Kind::Section && matches!(tree.name(around), "moved" | "removed" | "import")
        });
        // A loop's own variable may be called as a provider's resource.
        let looped = name.split('.').next().is_some_and(|root| {
            tree.text().contains(&format!("for {root}"))
                || tree.text().contains(&format!("dynamic \"{root}\""))
        });
        if !gone && !looped && told.insert(name.clone()) {
            let kind = format!("{}.", name.rsplit_once('.').map_or("", |(kind, _)| kind));
            let near: Vec<&str> = declared
                .iter()
                .filter_map(|other| other.strip_prefix(&kind))
                .collect();
            let last = name.rsplit('.').next().unwrap_or(&name);
            reports.add(
                member,
                format!(
                    "nothing in this folder declares `{name}`{}",
                    data::hint(last, near.into_iter())
                ),
            );
        }
    }
}

/// What a file declares, by what it is referred to as.
fn declarations(source: &Source) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for block in blocks(source) {
        let labels = |block: &Block<'_>| format!("{}.{}", block.label(0), block.label(1));
        match block.name() {
            "variable" => found.insert(format!("var.{}", block.label(0))),
            "module" => found.insert(format!("module.{}", block.label(0))),
            "resource" => found.insert(labels(&block)),
            "data" => found.insert(format!("data.{}", labels(&block))),
            "locals" => {
                found.extend(block.attributes().map(|(name, _)| format!("local.{name}")));
                continue;
            }
            _ => continue,
        };
    }
    found
}

/// What a member refers to, if it is the part that says which: `var.a` of `var.a.b`.
fn reference(tree: &Tree, member: NodeId) -> Option<String> {
    let object = tree.child(member, Role::Object)?;
    let name = tree.name(member);
    match tree.kind(object) {
        Kind::Name => {
            let root = tree.name(object);
            let is_one = matches!(root, "var" | "local" | "module")
                || PROVIDERS.iter().any(|provider| root.starts_with(provider));
            is_one.then(|| format!("{root}.{name}"))
        }
        Kind::Member => {
            let data = tree.child(object, Role::Object)?;
            (tree.kind(data) == Kind::Name && tree.name(data) == "data")
                .then(|| format!("data.{}.{name}", tree.name(object)))
        }
        _ => None,
    }
}

/// `needs` of a job that the workflow does not have.
fn workflow(source: &Source, reports: &mut Reports) {
    let Some(workflow) = Workflow::of(source).filter(|_| source.path.contains(".github/workflows/")) else {
        return;
    };
    let names: Vec<&str> = workflow.jobs.iter().map(|job| job.name).collect();
    for job in &workflow.jobs {
        let Some(needs) = workflow.yaml.get(job.map, "needs") else {
            continue;
        };
        for wanted in workflow.yaml.words(needs) {
            if !wanted.is_empty() && !wanted.contains("${{") && !names.contains(&wanted) {
                reports.add(
                    needs,
                    format!(
                        "this workflow has no job `{wanted}`{}",
                        data::hint(wanted, names.iter().copied())
                    ),
                );
            }
        }
    }
}

/// `depends_on` of a service that no compose file of the folder has.
fn compose(source: &Source, project: &Project, reports: &mut Reports) {
    if !is_compose(&source.path) {
        return;
    }
    let yaml = Yaml::of(source);
    let Some(root) = yaml.documents().first().copied() else {
        return;
    };
    let Some(services) = yaml.get(root, "services") else {
        return;
    };
    let mut names: BTreeSet<String> = BTreeSet::new();
    let own = folder(&source.path);
    let others = project
        .below(own)
        .filter(|path| folder(path) == own && is_compose(path) && *path != source.path);
    for other in others.filter_map(|path| project.source(path)) {
        let yaml = Yaml::of(&other);
        let root = yaml.documents().first().copied();
        if let Some(services) = root.and_then(|root| yaml.get(root, "services")) {
            names.extend(
                yaml.pairs(services)
                    .into_iter()
                    .map(|(name, _, _)| name.to_owned()),
            );
        }
    }
    names.extend(
        yaml.pairs(services)
            .into_iter()
            .map(|(name, _, _)| name.to_owned()),
    );
    if yaml.get(root, "include").is_some() {
        return;
    }
    declared_parts(source, project, root, services, reports);
    for (_, _, service) in yaml.pairs(services) {
        let Some(depends) = yaml.get(service, "depends_on") else {
            continue;
        };
        if yaml.get(service, "extends").is_some() {
            continue;
        }
        for wanted in yaml.words(depends) {
            if !wanted.is_empty() && !wanted.contains('$') && !names.contains(wanted) {
                reports.add(
                    depends,
                    format!(
                        "there is no service `{wanted}`{}",
                        data::hint(wanted, names.iter().map(String::as_str))
                    ),
                );
            }
        }
    }
}

/// Volumes, networks and secrets that a service takes by a name that no compose file of the folder declares.
fn declared_parts(source: &Source, project: &Project, root: NodeId, services: NodeId, reports: &mut Reports) {
    let yaml = Yaml::of(source);
    let own = folder(&source.path);
    let others: Vec<_> = project
        .below(own)
        .filter(|path| folder(path) == own && is_compose(path) && *path != source.path)
        .filter_map(|path| project.source(path))
        .collect();
    for (part, shown) in [
        ("volumes", "volume"),
        ("networks", "network"),
        ("secrets", "secret"),
        ("configs", "config"),
    ] {
        let mut names: BTreeSet<String> = BTreeSet::from(["default".to_owned()]);
        names.extend(
            yaml.get(root, part)
                .map_or(Vec::new(), |declared| yaml.words(declared))
                .into_iter()
                .map(str::to_owned),
        );
        for other in &others {
            let yaml = Yaml::of(other);
            let declared = yaml.documents().first().and_then(|root| yaml.get(*root, part));
            names.extend(
                declared
                    .map_or(Vec::new(), |declared| yaml.words(declared))
                    .into_iter()
                    .map(str::to_owned),
            );
        }
        for (_, _, service) in yaml.pairs(services) {
            let Some(taken) = yaml
                .get(service, part)
                .filter(|_| yaml.get(service, "extends").is_none())
            else {
                continue;
            };
            for written in yaml.words(taken) {
                // `name:/path`; what begins with a dot, a slash or a variable is a folder, and a path alone has no name.
                let name = match part {
                    "volumes" => match written.split_once(':') {
                        Some((name, _)) => name,
                        None => continue,
                    },
                    _ => written,
                };
                let plain = name.starts_with(|first: char| first.is_ascii_alphabetic())
                    && name.len() > 1
                    // What is in capitals is filled in by a script.
                    && name.contains(|char: char| char.is_ascii_lowercase())
                    && name
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
                if plain && !names.contains(name) {
                    let hint = data::hint(name, names.iter().map(String::as_str));
                    reports.add(taken, format!("no {shown} `{name}` is declared{hint}"));
                }
            }
        }
    }
}

fn is_compose(path: &str) -> bool {
    let name = file_name(path);
    (name.starts_with("docker-compose") || name.starts_with("compose.") || name.starts_with("compose-"))
        && (name.ends_with(".yml") || name.ends_with(".yaml"))
}

/// `npm run x` where the one `package.json` of the repository has no script `x`.
fn scripts(source: &Source, project: &Project, reports: &mut Reports) {
    let text = source.tree.text();
    if !["npm", "pnpm", "yarn"]
        .iter()
        .any(|program| text.contains(program))
        || !project.is_known()
    {
        return;
    }
    let mut manifests = project
        .files()
        .filter(|path| file_name(path) == "package.json" && !path.contains("node_modules/"));
    let (Some(manifest), None) = (manifests.next(), manifests.next()) else {
        return;
    };
    let Some(manifest) = project
        .text(manifest)
        .and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok())
    else {
        return;
    };
    let names: Vec<&str> = match manifest.get("scripts") {
        Some(serde_json::Value::Object(scripts)) => scripts.keys().map(String::as_str).collect(),
        _ => Vec::new(),
    };
    let wanted = commands(source)
        .into_iter()
        .filter_map(|command| Some((script_of(&command)?, command.node)))
        .chain(listed(source));
    for (name, node) in wanted {
        if !names.contains(&name.as_str()) {
            reports.add(
                node,
                format!(
                    "`package.json` has no script `{name}`{}",
                    data::hint(&name, names.iter().copied())
                ),
            );
        }
    }
}

/// The script that a command runs; nothing where it runs in another folder or may be left out.
fn script_of(command: &Command) -> Option<String> {
    let run = matches!(command.program(), "npm" | "pnpm" | "yarn")
        && command
            .words
            .get(1)
            .is_some_and(|word| matches!(word.as_str(), "run" | "run-script"));
    let name = command.words.get(2).filter(|_| run)?;
    let elsewhere = command.words.iter().any(|word| {
        word.starts_with("--prefix")
            || word.starts_with("--workspace")
            || word.starts_with("--cwd")
            || matches!(
                word.as_str(),
                "-w" | "-C" | "--if-present" | "-r" | "--filter" | "-F"
            )
    });
    let plain = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && !name.contains(HOLE)
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-' | b'_' | b'.'));
    // Yarn runs programs of packages too.
    (plain && !elsewhere && command.program() != "yarn").then(|| name.clone())
}

/// `CMD ["npm", "run", "start"]`
fn listed(source: &Source) -> Vec<(String, NodeId)> {
    let tree = &source.tree;
    if tree.language() != Language::Dockerfile {
        return Vec::new();
    }
    let mut found = Vec::new();
    for section in source.of_kind(Kind::Section).iter().copied() {
        if !matches!(tree.name(section), "CMD" | "ENTRYPOINT") {
            continue;
        }
        let words: Vec<&str> = tree
            .subtree(section)
            .filter(|id| tree.kind(*id) == Kind::Str)
            .map(|id| tree.name(id))
            .collect();
        if let [program, "run", name, ..] = words.as_slice()
            && matches!(*program, "npm" | "pnpm")
            && !name.starts_with('-')
        {
            found.push(((*name).to_owned(), section));
        }
    }
    found
}
