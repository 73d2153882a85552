//! What guards in a pipeline: tests, scanners and linters, and whether it goes on when they fail.

use crate::analysis::commands::{Command, commands};
use crate::analysis::yaml::Yaml;
use crate::language::Language;
use crate::matching::Source;
use crate::tree::{Kind, NodeId, Role};

/// What guards: programs, or the beginnings of names of actions.
pub(super) const GUARDS: &[(&str, &[&str])] = &[
    (
        "tests",
        &[
            "pytest",
            "tox",
            "nox",
            "jest",
            "vitest",
            "mocha",
            "rspec",
            "phpunit",
            "cypress",
            "playwright",
            "karma",
            "ctest",
            "go test",
            "cargo test",
            "cargo nextest",
            "npm test",
            "npm run test",
            "yarn test",
            "pnpm test",
            "make test",
            "make check",
            "mvn test",
            "mvn verify",
            "gradle test",
            "gradlew test",
            "gradle check",
            "gradlew check",
            "dotnet test",
            "bundle exec",
            "rake test",
            "just test",
            "hatch test",
            "ava",
            "unittest",
            "node --test",
            "bun test",
            "deno test",
            "ng test",
            "react-scripts test",
            "turbo test",
            "turbo run test",
            "nx test",
            "nx run-many",
            "uvu",
            "tap",
            "c8",
            "nyc",
        ],
    ),
    (
        "security",
        &[
            "bandit",
            "semgrep",
            "trivy",
            "gitleaks",
            "snyk",
            "npm audit",
            "yarn audit",
            "pnpm audit",
            "pip-audit",
            "cargo audit",
            "cargo deny",
            "safety",
            "grype",
            "checkov",
            "tfsec",
            "gosec",
            "govulncheck",
            "codeql",
            "brakeman",
            "trufflehog",
            "zizmor",
            "kics",
            "dependency-review",
            "osv-scanner",
            "scorecard",
            "sonar",
            "hadolint",
            "kubesec",
            "detect-secrets",
            "safeguard",
        ],
    ),
    ("types", &["mypy", "pyright", "tsc", "pyre", "flow"]),
    (
        "lint",
        &[
            "ruff",
            "flake8",
            "pylint",
            "eslint",
            "golangci-lint",
            "cargo clippy",
            "rubocop",
            "shellcheck",
            "yamllint",
            "actionlint",
            "biome",
            "stylelint",
            "npm run lint",
            "yarn lint",
            "pnpm lint",
            "make lint",
            "go vet",
            "pre-commit",
            "black",
            "prettier",
            "cargo fmt",
            "isort",
            "ktlint",
            "checkstyle",
            "spotless",
        ],
    ),
];

/// A guard as it stands in a file.
pub(super) struct Guard {
    pub class: &'static str,
    pub name: &'static str,
    pub node: NodeId,
    /// Whether the pipeline goes on when it fails.
    pub soft: bool,
}

fn guard_of(command: &Command) -> Option<(&'static str, &'static str)> {
    let text = command.words.join(" ");
    let text = text.strip_prefix("./").unwrap_or(&text);
    let in_module = text
        .strip_prefix("python -m ")
        .or_else(|| text.strip_prefix("python3 -m "))
        .unwrap_or(text);
    let behind = [
        "poetry run ",
        "uv run ",
        "npx ",
        "yarn ",
        "pnpm exec ",
        "pipenv run ",
        "hatch run ",
        "pdm run ",
        "bunx ",
        "pnpm ",
    ];
    let plain = behind
        .iter()
        .find_map(|start| in_module.strip_prefix(start))
        .unwrap_or(in_module);
    for text in [in_module, plain] {
        for (class, names) in GUARDS {
            for name in *names {
                let fits = text
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ':', '-']));
                if fits && !text.contains("--version") && !text.contains(" --help") {
                    return Some((class, name));
                }
            }
        }
    }
    None
}

pub(super) fn guards(source: &Source) -> Vec<Guard> {
    let tree = &source.tree;
    let yaml = Yaml::of(source);
    let mut found = Vec::new();
    let all = commands(source);
    for command in &all {
        if let Some((class, name)) = guard_of(command) {
            found.push(Guard {
                class,
                name,
                node: command.node,
                soft: is_soft(yaml, command.node)
                    || goes_on(source, &all, command.node)
                    || command.has_any(NEVER_FAILS) && class != "tests"
                    || command.has_any(RUNS_NOTHING) && class == "tests",
            });
        }
    }
    for pair in source.of_kind(Kind::Pair) {
        let is_uses = tree
            .child(*pair, Role::Key)
            .is_some_and(|key| tree.name(key) == "uses");
        let Some(value) = tree.child(*pair, Role::Value).filter(|_| is_uses) else {
            continue;
        };
        let uses = tree
            .name(value)
            .split('@')
            .next()
            .unwrap_or("")
            .to_ascii_lowercase();
        if uses.starts_with("actions/") && !uses.contains("dependency-review") {
            continue;
        }
        for (class, names) in GUARDS.iter().filter(|(class, _)| *class != "tests") {
            if let Some(name) = names
                .iter()
                .find(|name| !name.contains(' ') && name.len() > 3 && uses.contains(**name))
            {
                found.push(Guard {
                    class,
                    name,
                    node: *pair,
                    soft: is_soft(yaml, *pair),
                });
                break;
            }
        }
    }
    found
}

/// Options under which a scanner or a linter says that all is well.
const NEVER_FAILS: &[&str] = &[
    "--exit-zero",
    "--exit-code=0",
    "--passWithNoTests=true",
    "--soft-fail",
    "--no-fail",
];

/// Options under which what runs tests runs none.
const RUNS_NOTHING: &[&str] = &[
    "-DskipTests",
    "-DskipTests=true",
    "-Dmaven.test.skip",
    "-Dmaven.test.skip=true",
    "--collect-only",
    "--co",
    "--no-run",
    "--listTests",
];

/// Whether a script goes on after a command that failed: nothing says that it stops, and the command is not its last.
fn goes_on(source: &Source, all: &[Command], node: NodeId) -> bool {
    let tree = &source.tree;
    if tree.language() != Language::Shell {
        return false;
    }
    let plain = tree
        .ancestors(node)
        .all(|around| matches!(tree.kind(around), Kind::ExprStmt | Kind::Module | Kind::Block));
    if !plain {
        return false;
    }
    let first = tree.text().lines().next().unwrap_or("");
    let mut stops = first.starts_with("#!") && first.contains(" -e");
    let start = tree.span(node).start;
    for set in all
        .iter()
        .filter(|command| command.program() == "set" && tree.span(command.node).start < start)
    {
        let errexit = |sign: char| {
            set.args()
                .iter()
                .any(|arg| arg.starts_with(sign) && arg.contains('e') && !arg.starts_with("--"))
                || set.has(&format!("{sign}o")) && set.has("errexit")
        };
        stops = (stops || errexit('-')) && !errexit('+');
    }
    let is_last = tree
        .children(NodeId::ROOT)
        .last()
        .is_some_and(|last| tree.within(node, last));
    !stops && !is_last
}

/// Whether the pipeline goes on: `|| true`, `continue-on-error`, `allow_failure`, `if: false`.
fn is_soft(yaml: Yaml<'_>, node: NodeId) -> bool {
    let tree = yaml.tree;
    let mut below = node;
    for around in tree.ancestors(node) {
        match tree.kind(around) {
            Kind::Binary if tree.name(around) == "or" && tree.child(around, Role::Left) == Some(below) => {
                let right = tree
                    .child(around, Role::Right)
                    .map_or("", |right| tree.source(right));
                let goes_on = ["true", ":", "echo", "exit 0", "printf", "/bin/true"]
                    .iter()
                    .any(|word| right.trim() == *word || right.starts_with(&format!("{word} ")));
                if goes_on {
                    return true;
                }
            }
            Kind::Object => {
                let on = |key: &str| {
                    yaml.is(around, key, "true") || yaml.text_at(around, key).replace(' ', "") == "${{true}}"
                };
                let condition = match yaml.text_at(around, "if") {
                    "" => yaml.text_at(around, "condition"),
                    condition => condition,
                };
                let condition = condition.replace(' ', "");
                if on("continue-on-error")
                    || on("allow_failure")
                    || on("continueOnError")
                    || yaml.is(around, "enabled", "false")
                    || matches!(yaml.text_at(around, "when"), "manual" | "never")
                        && yaml.get(around, "script").is_some()
                    || matches!(condition.as_str(), "false" | "${{false}}")
                    || condition.trim_start_matches("${{").starts_with("false&&")
                {
                    return true;
                }
            }
            _ => {}
        }
        below = around;
    }
    false
}
