//! What an expression of a GitHub workflow refers to and the workflow does not have: steps, jobs, axes of a matrix, inputs, functions.

use std::ops::Range;

use super::data::{self, Names};
use super::unknown_reference;
use crate::analysis::yaml::{Job, Workflow};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::Kind;

pub static CHECK: Check = Check {
    languages: &[Language::Yaml],
    run,
    ..unknown_reference::CHECK
};

const FUNCTIONS: Names = Names(
    "contains startswith endswith format join tojson fromjson hashfiles success always cancelled failure case",
);
const GITHUB: Names = Names(
    "action action_path action_ref action_repository action_status actor actor_id api_url \
     artifact_cache_size_limit base_ref env event event_name event_path graphql_url head_ref host_id job job_workflow_sha \
     output path ref ref_name ref_protected ref_type repository repository_id repository_owner \
     repository_owner_id repository_visibility repositoryurl retention_days run_attempt run_id run_number \
     secret_source server_url sha state step_summary token triggering_actor workflow workflow_ref workflow_sha workspace",
);

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    if !source.path.contains(".github/workflows/") || source.tree.text().contains("{%") {
        return;
    }
    let Some(workflow) = Workflow::of(source) else {
        return;
    };
    let inputs = inputs(&workflow);
    for job in &workflow.jobs {
        let known = Known::of(&workflow, job, inputs.clone());
        for expression in expressions(source, &workflow, job) {
            look(source, expression, &known, reports);
        }
    }
}

/// What expressions of a job may refer to, in small letters; `None` where it is not known.
struct Known {
    steps: Vec<String>,
    needs: Vec<String>,
    matrix: Option<Vec<String>>,
    inputs: Option<Vec<String>>,
    /// Jobs to their outputs, unless they are those of another workflow.
    outputs: Vec<(String, Vec<String>)>,
}

impl Known {
    fn of(workflow: &Workflow<'_>, job: &Job<'_>, inputs: Option<Vec<String>>) -> Known {
        let yaml = workflow.yaml;
        let lower = |words: Vec<&str>| -> Vec<String> { words.into_iter().map(str::to_lowercase).collect() };
        let matrix = match yaml.get(job.map, "strategy") {
            None => Some(Vec::new()),
            Some(strategy) => yaml
                .get(strategy, "matrix")
                .filter(|matrix| yaml.tree.kind(*matrix) == Kind::Object)
                .and_then(|matrix| {
                    let mut names = yaml.words(matrix);
                    if let Some(include) = yaml.get(matrix, "include") {
                        if yaml.tree.kind(include) != Kind::List {
                            return None;
                        }
                        for item in yaml.items(include) {
                            names.extend(yaml.words(item));
                        }
                    }
                    Some(lower(names))
                }),
        };
        let outputs = workflow
            .jobs
            .iter()
            .filter(|job| yaml.get(job.map, "uses").is_none())
            .map(|job| {
                let outputs = yaml.get(job.map, "outputs");
                let names = outputs.map_or(Vec::new(), |outputs| yaml.words(outputs));
                (job.name.to_lowercase(), lower(names))
            });
        Known {
            steps: lower(job.steps.iter().map(|step| yaml.text_at(*step, "id")).collect()),
            needs: lower(
                yaml.get(job.map, "needs")
                    .map_or(Vec::new(), |needs| yaml.words(needs)),
            ),
            matrix,
            inputs,
            outputs: outputs.collect(),
        }
    }
}

/// The inputs that a workflow is started with, if it can be started with some.
fn inputs(workflow: &Workflow<'_>) -> Option<Vec<String>> {
    let yaml = workflow.yaml;
    let on = yaml
        .get(workflow.root, "on")
        .or_else(|| yaml.get(workflow.root, "true"))?;
    let started: Vec<_> = ["workflow_call", "workflow_dispatch"]
        .iter()
        .filter(|name| workflow.triggers.contains(name))
        .collect();
    if started.is_empty() {
        return None;
    }
    let names = started
        .into_iter()
        .filter_map(|name| yaml.at(on, &[*name, "inputs"]))
        .flat_map(|inputs| yaml.words(inputs))
        .map(str::to_lowercase);
    Some(names.collect())
}

/// Where the expressions of a job stand in the text: within `${{ }}`, and all of an `if:`.
fn expressions(source: &Source, workflow: &Workflow<'_>, job: &Job<'_>) -> Vec<Range<usize>> {
    let (tree, yaml) = (&source.tree, workflow.yaml);
    let text = tree.text();
    let span = tree.span(job.pair);
    let mut found = Vec::new();
    let mut at = span.start;
    while let Some(open) = text.get(at..span.end).and_then(|rest| rest.find("${{")) {
        let begin = at + open + 3;
        let Some(length) = text.get(begin..span.end).and_then(|rest| rest.find("}}")) else {
            break;
        };
        let line = text.get(..begin).and_then(|before| before.rsplit('\n').next());
        if line.is_none_or(|line| !line.trim_start().starts_with('#')) {
            found.push(begin..begin + length);
        }
        at = begin + length;
    }
    let maps = std::iter::once(job.map).chain(job.steps.iter().copied());
    for condition in maps.filter_map(|map| yaml.get(map, "if")) {
        let written = tree.span(condition);
        if text
            .get(written.clone())
            .is_some_and(|text| !text.contains("${{"))
        {
            found.push(written);
        }
    }
    found
}

/// A name with what is taken from it, as the expression has it, and where it begins.
fn paths(text: &str) -> Vec<(usize, &str, bool)> {
    let bytes = text.as_bytes();
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let mut found = Vec::new();
    let (mut at, mut quoted) = (0, false);
    while let Some(byte) = bytes.get(at).copied() {
        if byte == b'\'' {
            quoted = !quoted;
        }
        if quoted || !(byte.is_ascii_alphabetic() || byte == b'_') {
            at += 1;
            continue;
        }
        let end = bytes[at..]
            .iter()
            .position(|byte| !is_part(*byte))
            .map_or(bytes.len(), |length| at + length);
        // `x().name`, `x[0].name`, `$name`, `1e3`.
        let goes_on =
            at > 0 && (is_part(bytes[at - 1]) || matches!(bytes[at - 1], b')' | b']' | b'$' | b'*'));
        if !goes_on && let Some(path) = text.get(at..end) {
            found.push((at, path, bytes.get(end) == Some(&b'(')));
        }
        at = end;
    }
    found
}

fn look(source: &Source, expression: Range<usize>, known: &Known, reports: &mut Reports) {
    let text = source.tree.text();
    let Some(written) = text.get(expression.clone()) else {
        return;
    };
    for (at, path, is_call) in paths(written) {
        let lower = path.to_lowercase();
        let mut parts = lower.split('.');
        let (root, name, last) = (
            parts.next().unwrap_or(""),
            parts.next().unwrap_or(""),
            parts.next(),
        );
        let output = parts.next().unwrap_or("");
        let hint = |names: &[String], name: &str| data::hint(name, names.iter().map(String::as_str));
        let lacks = |names: &[String]| !name.is_empty() && !names.iter().any(|known| known == name);
        let told = match root {
            _ if is_call && !path.contains('.') && !FUNCTIONS.contains(&lower) => {
                format!(
                    "expressions of GitHub's have no function `{path}`{}",
                    data::hint(&lower, FUNCTIONS.iter())
                )
            }
            "steps" if lacks(&known.steps) => {
                format!(
                    "no step of this job has the id `{name}`{}",
                    hint(&known.steps, name)
                )
            }
            "steps" if last.is_some_and(|last| !matches!(last, "outputs" | "outcome" | "conclusion")) => {
                format!(
                    "a step has `outputs`, `outcome` and `conclusion`, and no `{}`",
                    last.unwrap_or("")
                )
            }
            "needs" if lacks(&known.needs) => {
                format!("this job does not wait for `{name}` in its `needs`: the expression is empty")
            }
            "needs" if last.is_some_and(|last| !matches!(last, "outputs" | "result")) => {
                format!(
                    "a job has `outputs` and `result`, and no `{}`",
                    last.unwrap_or("")
                )
            }
            "needs" if last == Some("outputs") && !output.is_empty() => {
                let of = known.outputs.iter().find(|(job, _)| job == name);
                match of.filter(|(_, names)| !names.iter().any(|known| known == output)) {
                    Some((_, names)) => {
                        format!("the job `{name}` has no output `{output}`{}", hint(names, output))
                    }
                    None => continue,
                }
            }
            "matrix" => match &known.matrix {
                Some(names) if lacks(names) => {
                    format!("the matrix of this job has no `{name}`{}", hint(names, name))
                }
                _ => continue,
            },
            "inputs" => match &known.inputs {
                Some(names) if lacks(names) => {
                    format!("this workflow has no input `{name}`{}", hint(names, name))
                }
                _ => continue,
            },
            "github" if !name.is_empty() && !GITHUB.contains(name) => {
                format!(
                    "`github` has no `{name}`, and is empty there{}",
                    data::hint(name, GITHUB.iter())
                )
            }
            _ => continue,
        };
        let begin = expression.start + at;
        reports.at(text, begin..begin + path.len(), told, false);
    }
}
