//! A script of `package.json` that runs at a start or a deploy destroys: `"start": "prisma db push --accept-data-loss && node ."`.

use crate::analysis::code::Code;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::destroyer::command_destroys::{self, destroys};
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[Language::Settings],
    run,
    ..command_destroys::CHECK
};

/// Words of scripts that run where the data is, each time.
const RUNS: &[&str] = &[
    "start",
    "prestart",
    "poststart",
    "build",
    "prebuild",
    "postbuild",
    "deploy",
    "predeploy",
    "postdeploy",
    "release",
    "migrate",
    "migration",
    "migrations",
    "postinstall",
    "production",
    "prod",
    "serve",
    "vercel",
    "heroku",
    "render",
    "railway",
];
const PASSING: &[&str] = &[
    "dev", "test", "tests", "local", "reset", "clean", "drop", "seed", "e2e", "ci", "fresh", "nuke", "wipe",
    "undo", "revert",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    if !source.path.ends_with("package.json") {
        return;
    }
    let code = Code::of(source);
    for pair in source.of_kind(Kind::Pair).iter().copied() {
        let in_scripts = code
            .tree
            .ancestors(pair)
            .find(|around| code.kind(*around) == Kind::Pair)
            .is_some_and(|around| code.key(around) == Some("scripts"));
        let (Some(name), Some(value)) = (code.key(pair).filter(|_| in_scripts), script(code, pair)) else {
            continue;
        };
        if !has_word(name, RUNS) || has_word(name, PASSING) {
            continue;
        }
        let words: Vec<String> = value.split_whitespace().map(str::to_owned).collect();
        for command in words.split(|word| matches!(word.as_str(), "&&" | ";" | "||" | "|" | "&")) {
            let started = command
                .iter()
                .take_while(|word| matches!(word.as_str(), "npx" | "yarn" | "pnpm" | "exec" | "bunx"))
                .count();
            let command = command.get(started..).unwrap_or_default();
            let has = |wanted: &str| command.iter().any(|word| word == wanted);
            let by_tool = match command.first().map(String::as_str) {
                Some("prisma") => {
                    has("--accept-data-loss") || has("--force-reset") || has("reset") && has("--force")
                }
                Some("typeorm" | "typeorm-ts-node-commonjs" | "typeorm-ts-node-esm") => has("schema:drop"),
                Some("sequelize" | "sequelize-cli") => has("db:drop") || has("db:migrate:undo:all"),
                Some("drizzle-kit") => has("push") && has("--force"),
                Some("knex") => has("migrate:rollback") && has("--all"),
                _ => false,
            };
            if by_tool {
                reports.add(pair, format!("`{name}` runs `{}`: tables and columns that the schema does not have go with what is in them", command.join(" ")));
            } else if let Some((told, sure)) = destroys(command) {
                match sure {
                    true => reports.add(pair, told),
                    false => reports.note(pair, told),
                }
            }
        }
    }
}

fn script(code: Code<'_>, pair: NodeId) -> Option<&str> {
    let value = code.child(pair, Role::Value)?;
    (code.kind(value) == Kind::Str).then(|| code.name(value))
}
