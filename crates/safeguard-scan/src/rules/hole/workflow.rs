//! Workflows of GitHub's: what strangers write into them, what they may do, and whose code they run.

use safeguard_api::evidence::Severity;

use crate::analysis::yaml::{Workflow, Yaml, steps};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId};

pub static INJECTION: Check = Check {
    id: "workflow-injection",
    failure: "X3",
    severity: Severity::Critical,
    confidence: Confidence::High,
    cwe: &["CWE-78", "CWE-94"],
    languages: &[Language::Yaml],
    run: injection,
};

pub static CHECKOUT: Check = Check {
    id: "untrusted-checkout",
    failure: "X3",
    severity: Severity::Critical,
    confidence: Confidence::High,
    cwe: &["CWE-829", "CWE-94"],
    languages: &[Language::Yaml],
    run: checkout,
};

pub static PERMISSIONS: Check = Check {
    id: "workflow-permissions",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-250", "CWE-732"],
    languages: &[Language::Yaml],
    run: permissions,
};

pub static UNPINNED: Check = Check {
    id: "unpinned-action",
    failure: "X3",
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    cwe: &["CWE-829", "CWE-1357"],
    languages: &[Language::Yaml],
    run: unpinned,
};

/// What a stranger may write: names of branches and titles too.
const BY_STRANGERS: &[&str] = &[
    "github.event.issue.title",
    "github.event.issue.body",
    "github.event.pull_request.title",
    "github.event.pull_request.body",
    "github.event.pull_request.head.ref",
    "github.event.pull_request.head.label",
    "github.event.pull_request.head.repo.default_branch",
    "github.event.comment.body",
    "github.event.review.body",
    "github.event.review_comment.body",
    "github.event.discussion.title",
    "github.event.discussion.body",
    "github.event.discussion_comment.body",
    "github.event.head_commit.message",
    "github.event.head_commit.author.email",
    "github.event.head_commit.author.name",
    "github.event.workflow_run.head_branch",
    "github.event.workflow_run.head_commit.message",
    "github.event.workflow_run.display_title",
    "github.head_ref",
];

fn injection(source: &Source, _: &Project, reports: &mut Reports) {
    let yaml = Yaml::of(source);
    for step in steps(source) {
        let uses = yaml.text_at(step, "uses");
        let script = match uses.starts_with("actions/github-script") {
            true => yaml.get(step, "with").and_then(|with| yaml.entry(with, "script")),
            false => yaml.entry(step, "run"),
        };
        let Some((pair, value)) = script else { continue };
        let mut told: Vec<String> = Vec::new();
        for expression in expressions(yaml.text(value)) {
            let Some(of) = stranger(&expression) else { continue };
            if told.contains(&of) {
                continue;
            }
            reports.add(
                pair,
                format!(
                    "`${{{{ {of} }}}}` becomes a part of the script before it runs, and a stranger writes it"
                ),
            );
            told.push(of);
        }
        if told.is_empty() {
            let by_caller = expressions(yaml.text(value)).into_iter().find(|expression| {
                let plain = expression.trim();
                plain.starts_with("inputs.")
                    || plain.starts_with("github.event.inputs.")
                    || plain.starts_with("github.event.client_payload")
            });
            // Who may start it by hand may mostly write to it; an action does not know who calls it.
            if let Some(expression) = by_caller.filter(|expression| is_text_input(source, expression)) {
                reports.note(
                    pair,
                    format!(
                        "`${{{{ {} }}}}` becomes a part of the script before it runs",
                        expression.trim()
                    ),
                );
            }
        }
    }
}

/// What stands within `${{ … }}`.
fn expressions(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("${{") {
        let Some((inside, behind)) = after.split_once("}}") else {
            break;
        };
        found.push(inside.to_owned());
        rest = behind;
    }
    found
}

/// What of an expression a stranger writes. A comparison of it gives true or false, and a function a name for it.
fn stranger(expression: &str) -> Option<String> {
    let flat: String = expression.split_whitespace().collect::<Vec<_>>().join(" ");
    if ["==", "!=", "contains(", "startsWith(", "endsWith(", "hashFiles("]
        .iter()
        .any(|call| flat.contains(call))
    {
        let chooses = flat.contains("&&")
            && BY_STRANGERS
                .iter()
                .any(|name| flat.split("&&").skip(1).any(|part| part.contains(name)));
        if !chooses {
            return None;
        }
    }
    let commits =
        flat.contains("github.event.commits") && (flat.contains(".message") || flat.contains(".author."));
    let pages = flat.contains("github.event.pages") && flat.contains("page_name");
    if commits || pages {
        return Some(flat);
    }
    BY_STRANGERS
        .iter()
        .find(|name| {
            flat.match_indices(**name).any(|(at, _)| {
                let after = flat[at + name.len()..].chars().next();
                !after.is_some_and(|next| next.is_alphanumeric() || matches!(next, '_' | '.' | '-'))
            })
        })
        .map(|name| (*name).to_owned())
}

/// Whether an input may be any text: not a choice, a number or a switch, and nothing that the workflow itself is called by.
fn is_text_input(source: &Source, expression: &str) -> bool {
    let yaml = Yaml::of(source);
    let name = expression.trim().rsplit('.').next().unwrap_or("").trim();
    let Some(root) = yaml.documents().into_iter().next() else {
        return false;
    };
    let inputs = yaml
        .at(root, &["on", "workflow_dispatch", "inputs"])
        .or_else(|| yaml.at(root, &["on", "workflow_call", "inputs"]))
        .or_else(|| yaml.get(root, "inputs"));
    let Some(input) = inputs.and_then(|inputs| yaml.get(inputs, name)) else {
        return expression.contains("client_payload");
    };
    !matches!(
        yaml.text_at(input, "type"),
        "choice" | "boolean" | "number" | "environment"
    )
}

fn checkout(source: &Source, _: &Project, reports: &mut Reports) {
    let Some(workflow) = Workflow::of(source) else {
        return;
    };
    let yaml = workflow.yaml;
    let trusted = workflow
        .triggers
        .iter()
        .any(|on| matches!(*on, "pull_request_target" | "workflow_run" | "issue_comment"));
    if !trusted {
        return;
    }
    for job in &workflow.jobs {
        // Who may label or is a member lets it run; a condition on the repository keeps forks out.
        let condition = yaml.text_at(job.map, "if");
        let same = condition.contains("head.repo.full_name")
            || condition.contains("head.repo.fork")
            || condition.contains("author_association")
            || condition.contains("github.event.label")
            || condition.contains("head_repository")
            || condition.contains("github.actor")
            || condition.contains("pull_request.user.login");
        let mut fetched: Option<NodeId> = None;
        for step in &job.steps {
            let uses = yaml.text_at(*step, "uses");
            let run = yaml.text_at(*step, "run");
            if uses.starts_with("actions/checkout") {
                let with = yaml.get(*step, "with");
                let of = with.map_or((String::new(), None), |with| {
                    let reference = yaml.text_at(with, "ref");
                    let repository = yaml.text_at(with, "repository");
                    (
                        format!("{reference} {repository}"),
                        Some(yaml.text_at(with, "path")),
                    )
                });
                let head = [
                    "pull_request.head",
                    "github.head_ref",
                    "workflow_run.head_",
                    "refs/pull/",
                    "pull_request.number",
                    "issue.number",
                    "pull_request.merge_commit_sha",
                    "/merge",
                ]
                .iter()
                .any(|word| of.0.contains(word));
                if head && !is_kept_apart(of.1) {
                    fetched = Some(*step);
                }
            } else if run.contains("gh pr checkout")
                || run.contains("git fetch origin pull/")
                || run.contains("refs/pull/") && run.contains("git checkout")
            {
                fetched = Some(*step);
            }
            let Some(at) = fetched else { continue };
            let runs = runs_code(run) || uses.starts_with("./");
            if runs && (*step != at || runs_code(run)) {
                let message = format!(
                    "`{}` runs what a stranger has sent, with the rights and secrets of this repository",
                    first_line(run, uses)
                );
                match same {
                    true => reports.note(*step, message),
                    false => reports.add(*step, message),
                }
                break;
            }
        }
    }
}

/// In a folder of its own it is only looked at, unless it is run from there.
fn is_kept_apart(path: Option<&str>) -> bool {
    path.is_some_and(|path| !path.is_empty())
}

fn first_line<'t>(run: &'t str, uses: &'t str) -> &'t str {
    const CHARS_MAX: usize = 60;
    let line = run
        .lines()
        .map(str::trim)
        .find(|line| runs_code(line))
        .unwrap_or(uses);
    let end = line
        .char_indices()
        .nth(CHARS_MAX)
        .map_or(line.len(), |(at, _)| at);
    &line[..end]
}

/// What runs something that lies in the folder: installs, builds, tests, scripts.
fn runs_code(run: &str) -> bool {
    const RUNS: &[&str] = &[
        "npm install",
        "npm ci",
        "npm run",
        "npm test",
        "npm i",
        "yarn",
        "pnpm install",
        "pnpm run",
        "pnpm test",
        "pnpm i",
        "make",
        "pip install -e",
        "pip install .",
        "pip install -r",
        "python setup.py",
        "pytest",
        "tox",
        "nox",
        "cargo build",
        "cargo test",
        "cargo run",
        "cargo clippy",
        "go test",
        "go generate",
        "go run",
        "mvn",
        "./mvnw",
        "gradle",
        "./gradlew",
        "bundle install",
        "bundle exec",
        "composer install",
        "docker build",
        "docker compose",
        "bash scripts/",
        "sh scripts/",
        "./scripts/",
        "python scripts/",
        "node scripts/",
        "poetry install",
        "poetry run",
        "uv sync",
        "uv run",
        "dotnet",
        "bazel",
        "pre-commit",
        "hatch",
        "cmake",
        "./configure",
        "./build",
        "./test",
        "bun install",
        "bun run",
        "rake",
        "terraform",
        "bash ./",
        "sh ./",
        "python ./",
    ];
    run.lines().any(|line| {
        let line = line.trim_start_matches([' ', '-']).trim_start_matches("sudo ");
        let parts = line.split(['&', ';', '|']).map(str::trim);
        parts.into_iter().any(|part| {
            RUNS.iter().any(|begin| {
                part.strip_prefix(begin).is_some_and(|rest| {
                    begin.ends_with('/') || rest.is_empty() || rest.starts_with([' ', ':', '-', '\\'])
                })
            })
        })
    })
}

fn permissions(source: &Source, _: &Project, reports: &mut Reports) {
    let yaml = Yaml::of(source);
    if let Some(workflow) = Workflow::of(source) {
        let by_strangers = workflow.triggers.iter().any(|on| {
            matches!(
                *on,
                "pull_request_target" | "issue_comment" | "issues" | "workflow_run"
            )
        });
        let maps = std::iter::once(workflow.root).chain(workflow.jobs.iter().map(|job| job.map));
        for map in maps {
            if let Some((pair, value)) = yaml.entry(map, "permissions")
                && yaml.text(value) == "write-all"
            {
                let message = "every step may write to everything here: code, releases, packages, settings of the pipeline";
                match by_strangers {
                    true => reports.add(pair, message),
                    false => reports.note(pair, message),
                }
            }
        }
        for job in &workflow.jobs {
            let own = yaml
                .get(job.map, "runs-on")
                .is_some_and(|on| yaml.words(on).contains(&"self-hosted"));
            let condition = yaml.text_at(job.map, "if");
            if own
                && workflow.triggers.iter().any(|on| on.starts_with("pull_request"))
                && !condition.contains("repo")
            {
                reports.note(job.pair, "a pull request runs on a machine of one's own: what it leaves there is there for the next run");
            }
        }
    } else if yaml
        .documents()
        .first()
        .is_none_or(|root| yaml.at(*root, &["runs", "steps"]).is_none())
    {
        return;
    }
    for pair in source.of_kind(Kind::Pair) {
        let tree = &source.tree;
        let mut parts = tree.children(*pair);
        let (Some(key), Some(value)) = (parts.next(), parts.next()) else {
            continue;
        };
        if tree.name(key) == "ACTIONS_ALLOW_UNSECURE_COMMANDS"
            && tree.name(value).eq_ignore_ascii_case("true")
        {
            reports.add(
                *pair,
                "whatever a step writes into the log may set variables and paths of the next ones",
            );
        }
    }
}

fn unpinned(source: &Source, _: &Project, reports: &mut Reports) {
    let yaml = Yaml::of(source);
    let jobs = Workflow::of(source).map_or(Vec::new(), |workflow| {
        workflow.jobs.iter().map(|job| job.map).collect()
    });
    for step in steps(source).into_iter().chain(jobs) {
        let Some((pair, value)) = yaml.entry(step, "uses") else {
            continue;
        };
        let uses = yaml.text(value);
        let Some((name, version)) = uses.split_once('@') else {
            continue;
        };
        let own = ["actions/", "github/", "./", "docker://"]
            .iter()
            .any(|begin| name.starts_with(begin));
        let is_commit = version.len() == 40 && version.bytes().all(|byte| byte.is_ascii_hexdigit());
        if own || is_commit || version.contains("${{") {
            continue;
        }
        reports.note(pair, format!("`{uses}`: whoever owns `{name}` says tomorrow what `{version}` is, and it runs with the rights of this job"));
    }
}
