//! Tests that the reference pages are what the code says. `UPDATE=1 cargo test -p safeguard-cli` writes them.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use serde_json::Value;

use crate::args::Cli;

fn current(name: &str, wanted: &str) {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/reference")
        .join(name);
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, wanted).unwrap();
        return;
    }
    let found = fs::read_to_string(&path).unwrap_or_else(|error| error.to_string());
    assert!(
        found == wanted,
        "docs/reference/{name} is not current: run `UPDATE=1 cargo test -p safeguard-cli`"
    );
}

#[test]
fn the_schema_is_current() {
    let schema = serde_json::to_string_pretty(&safeguard_api::config::schema()).unwrap();
    current("safeguard.schema.json", &format!("{schema}\n"));
}

#[test]
fn the_schema_of_evidence_is_current() {
    let schema = serde_json::to_string_pretty(&safeguard_api::evidence::PlainReport::schema()).unwrap();
    current("evidence.schema.json", &format!("{schema}\n"));
}

#[test]
fn the_page_of_commands_is_current() {
    let mut page = "# Commands\n\nGenerated from the program; do not edit. Every command takes `--json`; data goes to stdout, talk to stderr.\n\
        Exit codes: 0 allowed, 1 refused, 2 could not decide.\n"
        .to_owned();
    // The width of a terminal would change the page.
    let mut command = Cli::command().term_width(100);
    command.build();
    describe(&mut command, "safeguard", &mut page);
    current("cli.md", &page);
}

fn describe(command: &mut clap::Command, name: &str, page: &mut String) {
    let help = command.render_long_help().to_string();
    write!(page, "\n## {name}\n\n```text\n{}\n```\n", trimmed(&help)).unwrap();
    for verb in command
        .get_subcommands_mut()
        .filter(|verb| !verb.is_hide_set() && verb.get_name() != "help")
    {
        let name = format!("{name} {}", verb.get_name());
        describe(verb, &name, page);
    }
}

fn trimmed(help: &str) -> String {
    help.trim()
        .lines()
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_page_of_the_configuration_is_current() {
    let schema = safeguard_api::config::schema();
    let mut page = "# safeguard.toml\n\nGenerated from the types; do not edit. `safeguard schema` prints the same for editors \
        ([safeguard.schema.json](safeguard.schema.json)).\nUnknown keys, impossible values and rules that nobody can satisfy are \
        refused, with file, line and a hint.\nLengths of time are texts such as `\"500ms\"`, `\"30s\"`, `\"2h\"` or `\"1h 30m\"`.\n"
        .to_owned();
    section(&schema, &schema, "", &mut page);
    current("configuration.md", &page);
}

#[test]
fn the_pages_of_the_rules_are_current() {
    const FAMILIES: &[(&str, &str)] = &[
        (
            "destroyer",
            "Destroyers: data, backups and logs that do not come back (X1)",
        ),
        (
            "endless",
            "Endless: what does not end, and what grows without limit (X2)",
        ),
        ("hole", "Security holes (X3)"),
        ("race", "Races: works alone, fails when two do it at once (X4)"),
        ("corruptor", "Corruptors: data that goes wrong in silence (X5)"),
        ("invented", "Invented: what does not exist (X6)"),
        (
            "evasion",
            "Evasion: what a change takes away from the checks on it",
        ),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../safeguard-scan/src/rules");
    let known: BTreeMap<String, String> = safeguard_scan::rules::pages()
        .unwrap()
        .into_iter()
        .map(|page| (page.id, page.about))
        .collect();
    let mut page = "# The rules of `safeguard check`\n\nGenerated from the rules; do not edit. Each name leads to the rule's page: why, what to write instead, and the \
        cases that are its tests.\n`safeguard rules show RULE` prints it.\n"
        .to_owned();
    let mut told = 0;
    for (family, title) in FAMILIES {
        write!(page, "\n## {title}\n\n| rule | what it finds |\n|---|---|\n").unwrap();
        let mut rows = Vec::new();
        for file in fs::read_dir(folder.join(family)).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_none_or(|ending| ending != "md") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let id = text.lines().next().unwrap().trim_start_matches("# ").to_owned();
            let about = known
                .get(&id)
                .unwrap_or_else(|| panic!("{id} is in no list of rules"));
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            rows.push(format!(
                "| [{id}](../../crates/safeguard-scan/src/rules/{family}/{name}) | {} |\n",
                line(about)
            ));
        }
        rows.sort();
        told += rows.len();
        page.extend(rows);
    }
    assert_eq!(told, known.len(), "every rule has a page in one of the families");
    current("rules.md", &page);
}

/// Writes the table of one level, then the levels below it.
fn section(root: &Value, schema: &Value, path: &str, page: &mut String) {
    let title = if path.is_empty() {
        "the top level".to_owned()
    } else {
        format!("`{path}`")
    };
    write!(page, "\n## {title}\n\n").unwrap();
    if let Some(meaning) = schema.get("description").and_then(Value::as_str) {
        writeln!(page, "{}\n", line(meaning)).unwrap();
    }
    page.push_str("| key | value | unsaid | meaning |\n|---|---|---|---|\n");
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut below = Vec::new();
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        let real = resolve(root, property);
        let unsaid = match property.get("default") {
            Some(Value::Object(_)) => "see below".to_owned(),
            Some(Value::Null) => "none".to_owned(),
            Some(default) => format!("`{default}`"),
            None if required.contains(&key.as_str()) => "must be said".to_owned(),
            None => "none".to_owned(),
        };
        let meaning = property
            .get("description")
            .or(real.get("description"))
            .and_then(Value::as_str)
            .unwrap_or("");
        writeln!(
            page,
            "| `{key}` | {} | {unsaid} | {} |",
            kind(root, real),
            line(meaning)
        )
        .unwrap();
        let name = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        if real.get("properties").is_some() {
            below.push((name.clone(), real));
        }
        for (inner, suffix) in [
            (real.get("additionalProperties"), ".NAME"),
            (real.get("items"), "[]"),
        ] {
            let inner = inner
                .map(|inner| resolve(root, inner))
                .filter(|inner| inner.get("properties").is_some());
            below.extend(inner.map(|inner| (format!("{name}{suffix}"), inner)));
        }
    }
    for (name, schema) in below {
        section(root, schema, &name, page);
    }
}

fn resolve<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        return root.pointer(name.trim_start_matches('#')).unwrap();
    }
    let choices = schema
        .get("anyOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    match choices.into_iter().find(|one| one["type"] != "null") {
        Some(real) => resolve(root, real),
        None => schema,
    }
}

fn kind(root: &Value, schema: &Value) -> String {
    let consts = schema["oneOf"].as_array().into_iter().flatten().flat_map(|one| {
        one.get("const")
            .into_iter()
            .chain(one["enum"].as_array().into_iter().flatten())
    });
    let words: Vec<String> = schema["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .chain(consts)
        .map(|word| format!("`{word}`"))
        .collect();
    if !words.is_empty() {
        return words.join(", ");
    }
    let name = match &schema["type"] {
        Value::Array(many) => many
            .iter()
            .filter_map(Value::as_str)
            .find(|one| *one != "null")
            .unwrap_or(""),
        one => one.as_str().unwrap_or(""),
    };
    match name {
        "array" => format!("list of {}", kind(root, resolve(root, &schema["items"]))),
        "object" => "table".to_owned(),
        "integer" => "whole number".to_owned(),
        "number" => "number".to_owned(),
        "boolean" => "true or false".to_owned(),
        _ if schema["examples"].is_array() => "length of time".to_owned(),
        _ => "text".to_owned(),
    }
}

fn line(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}
