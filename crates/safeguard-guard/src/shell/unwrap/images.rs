//! Containers whose image is the program: the words behind it are that program's.

use super::Within;
use super::wrappers::{BEFORE_WORDS, COMPOSE_EXEC, DOCKER_RUN};
use crate::shell::options::leading_options;
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
