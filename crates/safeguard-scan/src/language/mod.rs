//! The languages that are read, and the frontend of each.

mod dockerfile;
pub mod go;
mod hcl;
mod java;
mod javascript;
pub mod markup;
pub mod pattern;
mod python;
mod rust;
mod script;
mod settings;
mod shell;
mod sitter;
pub mod sql;
mod xml;
mod yaml;

use pattern::Pattern;

use crate::tree::{Builder, Kind, ParseError, Role, Tree};

/// How large a file may be, in bytes.
pub const FILE_BYTES_MAX: usize = 2 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// Also Containerfiles. What they run is read as shell.
    Dockerfile,
    Go,
    /// Terraform and what else is written in HCL.
    Hcl,
    Java,
    /// With JSX.
    JavaScript,
    Python,
    Rust,
    Sql,
    /// Settings of tools that check, in TOML, JSON or INI: what is compared is whether they ask for less.
    Settings,
    /// `sh` and `bash`.
    Shell,
    TypeScript,
    /// TypeScript with JSX.
    Tsx,
    /// What workflows, jobs and containers run is read as shell.
    Yaml,
}

impl Language {
    /// How many there are.
    pub const COUNT: usize = Language::Yaml as usize + 1;

    /// The language of a file, by its name.
    pub fn of(path: &str) -> Option<Language> {
        let file = path.rsplit('/').next().unwrap_or(path);
        if is_dockerfile(file) {
            return Some(Language::Dockerfile);
        }
        if settings::is_settings(file) {
            return Some(Language::Settings);
        }
        let (_, ending) = file.rsplit_once('.')?;
        Some(match ending {
            "go" => Language::Go,
            "tf" | "hcl" | "tfvars" | "tofu" => Language::Hcl,
            "java" => Language::Java,
            "js" | "jsx" | "mjs" | "cjs" => Language::JavaScript,
            "py" | "pyi" => Language::Python,
            "rs" => Language::Rust,
            "sh" | "bash" | "ksh" => Language::Shell,
            "sql" | "ddl" | "psql" | "pgsql" => Language::Sql,
            "ts" | "mts" | "cts" => Language::TypeScript,
            "tsx" => Language::Tsx,
            "yaml" | "yml" => Language::Yaml,
            _ => return None,
        })
    }

    /// The language of a file, by its name and how it begins.
    pub fn of_file(path: &str, text: &str) -> Option<Language> {
        if markup::is_markup(path) {
            return markup::language(path, text);
        }
        Language::of(path).or_else(|| (may_be_script(path) && runs_in_shell(text)).then_some(Language::Shell))
    }

    /// Whether it describes what runs and where, and is no program.
    pub fn is_infrastructure(self) -> bool {
        matches!(
            self,
            Language::Dockerfile | Language::Hcl | Language::Settings | Language::Shell | Language::Yaml
        )
    }
}

fn is_dockerfile(file: &str) -> bool {
    let lower = file.to_ascii_lowercase();
    let named = |name: &str| {
        lower == name
            || lower.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'))
            || file
                .strip_prefix(if name == "dockerfile" {
                    "Dockerfile"
                } else {
                    "Containerfile"
                })
                .is_some_and(|rest| rest.starts_with(['.', '-', '_']) && !is_of_another_kind(rest))
    };
    named("dockerfile") || named("containerfile")
}

/// `Dockerfile.md` tells of one, `Dockerfile.j2` makes one.
fn is_of_another_kind(ending: &str) -> bool {
    const OTHERS: &[&str] = &[
        ".md",
        ".txt",
        ".j2",
        ".jinja",
        ".jinja2",
        ".tmpl",
        ".tpl",
        ".template",
        ".erb",
        ".in",
        ".mustache",
        ".dockerignore",
        ".py",
        ".js",
        ".ts",
        ".go",
        ".sh",
        ".json",
        ".yml",
        ".yaml",
        ".rs",
        ".ejs",
        ".hbs",
        ".m4",
        ".lock",
        ".orig",
        ".rej",
        ".patch",
        ".diff",
        ".gotmpl",
        ".liquid",
        ".eex",
        ".html",
        ".rst",
        ".nanorc",
        ".tmPreferences",
        ".tmLanguage",
        ".vim",
        ".xml",
        ".bak",
    ];
    OTHERS.iter().any(|other| ending.ends_with(other))
}

/// Whether a file without an ending may be a script: only its first line tells.
pub fn may_be_script(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    !file.trim_start_matches('.').contains('.')
}

fn runs_in_shell(text: &str) -> bool {
    let Some(first) = text.strip_prefix("#!") else {
        return false;
    };
    let line = first.lines().next().unwrap_or("");
    let mut words = line
        .split_whitespace()
        .map(|word| word.rsplit('/').next().unwrap_or(word));
    let program = match words.next() {
        Some("env") => words.find(|word| !word.starts_with('-') && !word.contains('=')),
        other => other,
    };
    matches!(program, Some("sh" | "bash" | "dash" | "ash" | "ksh"))
}

/// Whether a file makes YAML when it is filled in, and is none before: charts of Helm, templates of Jinja.
pub fn is_template(path: &str, text: &str) -> bool {
    const MARKS: &[&str] = &[
        "{{-",
        "-}}",
        "{{ .",
        "{{.",
        "{{ include",
        "{{ template",
        "{%",
        "{{ cookiecutter",
        "{{cookiecutter",
        "{{/*",
    ];
    if Language::of(path) != Some(Language::Yaml) {
        return false;
    }
    let in_folder = path
        .split('/')
        .rev()
        .skip(1)
        .any(|part| part == "templates" || part.contains("{{"));
    in_folder && text.contains("{{") || {
        // In a comment or a text it says nothing.
        let begins = |line: &str| line.starts_with("{{") || line.starts_with("{%");
        text.lines().any(|line| begins(line.trim_start())) && MARKS.iter().any(|mark| text.contains(mark))
    }
}

/// Reads a file.
pub fn parse(language: Language, text: &str) -> Result<Tree, ParseError> {
    if text.len() > FILE_BYTES_MAX {
        return Err(ParseError::TooLarge {
            limit: FILE_BYTES_MAX,
            unit: "bytes",
        });
    }
    match language {
        Language::Dockerfile => dockerfile::parse(text),
        Language::Go => go::parse(text),
        Language::Hcl => hcl::parse(text),
        Language::Java => java::parse(text),
        Language::JavaScript | Language::TypeScript | Language::Tsx => javascript::parse(language, text),
        Language::Python => python::parse(text),
        Language::Rust => rust::parse(text),
        Language::Settings => settings::parse(text),
        Language::Shell => shell::parse(text),
        Language::Yaml => yaml::parse(text),
        Language::Sql => sql::parse(text),
    }
}

/// A text of which nothing is known but its letters, for rules on any text.
pub(crate) fn plain(text: &str) -> Result<Tree, ParseError> {
    let mut builder = Builder::new(Language::Settings, text);
    builder.leaf(Kind::Module, Role::Item, 0..text.len());
    builder.finish()
}

/// Reads the pattern of a rule.
pub fn parse_pattern(language: Language, text: &str) -> Result<Pattern, ParseError> {
    match language {
        Language::Go => go::parse_pattern(text),
        Language::Hcl => hcl::parse_pattern(text),
        Language::Java => java::parse_pattern(text),
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            javascript::parse_pattern(language, text)
        }
        Language::Dockerfile => dockerfile::pattern::parse_pattern(text),
        Language::Python => python::parse_pattern(text),
        Language::Rust => rust::parse_pattern(text),
        Language::Shell => shell::pattern::parse_pattern(text),
        Language::Yaml => yaml::parse_pattern(text),
        Language::Settings | Language::Sql => Err(ParseError::Syntax {
            line: 1,
            message: "patterns of this language are not supported".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn languages_are_known_by_the_names_of_files() {
        for (path, language) in [
            ("Dockerfile", Language::Dockerfile),
            ("docker/Dockerfile.dev", Language::Dockerfile),
            ("build/api.dockerfile", Language::Dockerfile),
            ("Containerfile", Language::Dockerfile),
            ("infra/main.tf", Language::Hcl),
            ("prod.tfvars", Language::Hcl),
            (".github/workflows/ci.yml", Language::Yaml),
            ("deploy.sh", Language::Shell),
        ] {
            assert_eq!(Language::of(path), Some(language), "{path}");
        }
        for path in [
            "Dockerfile.md",
            "Dockerfile.j2",
            "dockerfile_parser.rb",
            "x.dockerignore",
            "bin/deploy",
        ] {
            assert_eq!(Language::of(path), None, "{path}");
        }
    }

    #[test]
    fn scripts_are_known_by_their_first_line() {
        for first in [
            "#!/bin/sh",
            "#! /usr/bin/env bash",
            "#!/usr/bin/env -S bash -eu",
            "#!/bin/bash -e",
        ] {
            assert_eq!(
                Language::of_file("bin/deploy", first),
                Some(Language::Shell),
                "{first}"
            );
        }
        for first in ["#!/usr/bin/env python3", "# /bin/sh", "", "#!/bin/zsh"] {
            assert_eq!(Language::of_file("bin/deploy", first), None, "{first}");
        }
        assert_eq!(Language::of_file("notes.txt", "#!/bin/sh"), None);
    }
}
