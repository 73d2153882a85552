//! Containers whose image is the program: the words behind it are that program's.

use super::wrappers::{BEFORE_WORDS, COMPOSE_EXEC, DOCKER_RUN};
use super::{SHELLS, Within};
use crate::shell::inline::is_program;
use crate::shell::options::leading_options;
use crate::shell::rules::Invocation;
use crate::shell::word::Word;

/// Images that are named otherwise than the program that they start.
const NAMED_OTHERWISE: &[(&str, &str)] = &[
    ("awscli", "aws"),
    ("azure-cli", "az"),
    ("golang-migrate", "migrate"),
    ("postgres-client", "psql"),
    ("postgresql-client", "psql"),
];

/// What a container would run by its entry point: the one that is given, or the one that its image is named for.
pub(super) fn started(program: &str, args: &[Word]) -> Option<Within> {
    let (words, with_value): (&[&str], &[&str]) = match program {
        "docker" | "podman" | "nerdctl" => (&["run", "create", "container", "compose"], DOCKER_RUN),
        "docker-compose" | "podman-compose" => (&["run"], COMPOSE_EXEC),
        _ => return None,
    };
    let first = leading_options(args, BEFORE_WORDS);
    let (mut at, verb) = first.rest.first().map(|(at, word)| (*at, word.text.as_str()))?;
    if !words.contains(&verb) {
        return None;
    }
    let mut with_value = with_value;
    if matches!(verb, "compose" | "container") {
        let second = leading_options(&args[at + 1..], BEFORE_WORDS);
        let (behind, run) = second.rest.first()?;
        if !matches!(run.text.as_str(), "run" | "create") {
            return None;
        }
        at += behind + 1;
        if verb == "compose" {
            with_value = COMPOSE_EXEC;
        }
    }
    let found = leading_options(&args[at + 1..], with_value);
    let (_, image) = found.rest.first()?;
    let tool = match found.values(&["--entrypoint"]).last() {
        Some(entry) if !entry.text.is_empty() => entry.clone(),
        Some(_) => return None,
        None => Word::new(tool_of(&image.text)),
    };
    let rest = found.rest.iter().skip(1).map(|(_, word)| (*word).clone());
    let argv: Vec<Word> = std::iter::once(tool).chain(rest).collect();
    (argv.len() > 1).then_some(Within::Command {
        argv,
        elsewhere: true,
    })
}

/// The scripts of this machine that a container runs out of a folder that it is given.
pub(super) fn mounted(invocation: &Invocation) -> Vec<Within> {
    if !invocation.is(&["docker", "podman", "nerdctl"]) {
        return Vec::new();
    }
    let run = invocation
        .args
        .iter()
        .position(|word| matches!(word.text.as_str(), "run" | "create"));
    let Some(run) = run else { return Vec::new() };
    let found = leading_options(&invocation.args[run + 1..], DOCKER_RUN);
    let volumes = found.values(&["-v", "--volume"]).filter_map(|word| {
        let (host, inside) = word.text.split_once(':')?;
        Some((host, inside.split(':').next()?))
    });
    let binds = found.values(&["--mount"]).filter_map(|word| {
        let value = |names: &[&str]| {
            let mut pairs = word.text.split(',').filter_map(|pair| pair.split_once('='));
            pairs.find_map(|(name, value)| names.contains(&name).then_some(value))
        };
        Some((
            value(&["source", "src"])?,
            value(&["destination", "dst", "target"])?,
        ))
    });
    let mounts: Vec<(&str, &str)> = volumes
        .chain(binds)
        .filter(|(host, _)| host.starts_with(['.', '/', '~']))
        .map(|(host, inside)| (host, inside.trim_end_matches('/')))
        .collect();
    let folder = found
        .values(&["-w", "--workdir"])
        .last()
        .map_or("", |word| word.text.trim_end_matches('/'));
    let words: Vec<&str> = found
        .rest
        .iter()
        .skip(1)
        .map(|(_, word)| word.text.as_str())
        .collect();
    // What another program is given is mostly read by it, and does not run.
    const RUN: &[&str] = &["bun", "deno", "node", "perl", "php", "ruby", "tsx"];
    let runs = words.first().is_some_and(|first| {
        let name = first.rsplit('/').next().unwrap_or("");
        SHELLS.contains(&name) || RUN.contains(&name) || name.starts_with("python") || first.contains('/')
    });
    if !runs {
        return Vec::new();
    }
    let file = words.iter().find(|word| word.starts_with('/')).copied();
    let words = words.iter().flat_map(|word| word.split_whitespace());
    let paths = words.filter(|word| is_script(word) || Some(*word) == file);
    let here = paths.filter_map(|path| {
        let path = match path.starts_with('/') {
            true => path.to_owned(),
            false => format!("{folder}/{}", path.trim_start_matches("./")),
        };
        mounts.iter().find_map(|(host, inside)| {
            let rest = path.strip_prefix(inside)?.strip_prefix('/')?;
            Some(format!("{}/{rest}", host.trim_end_matches('/')))
        })
    });
    here.map(Within::Mounted).collect()
}

fn is_script(path: &str) -> bool {
    is_program(path) || [".bash", ".sh"].iter().any(|ending| path.ends_with(ending))
}

/// `hashicorp/terraform:1.9` and `amazon/aws-cli` are `terraform` and `aws`.
fn tool_of(image: &str) -> String {
    let name = image.split('@').next().unwrap_or("");
    let name = name.rsplit('/').next().unwrap_or("");
    let name = name.split(':').next().unwrap_or("").to_lowercase();
    let named = NAMED_OTHERWISE.iter().find(|(image, _)| *image == name);
    match named {
        Some((_, tool)) => (*tool).to_owned(),
        None => name.strip_suffix("-cli").unwrap_or(&name).to_owned(),
    }
}
