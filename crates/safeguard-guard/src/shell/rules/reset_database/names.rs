//! Names of scripts and of tools' commands that say by themselves that a database or an environment goes.

use crate::shell::word::name_parts as parts;

/// Words for what keeps data or its shape.
const DATABASES: &[&str] = &[
    "database",
    "databases",
    "db",
    "ecto",
    "flyway",
    "liquibase",
    "postgres",
    "prisma",
];
/// Words for what runs for others.
const ENVIRONMENTS: &[&str] = &[
    "cluster",
    "infra",
    "infrastructure",
    "prod",
    "production",
    "stack",
    "terraform",
];
const GOES: &[&str] = &[
    "destroy", "drop", "dropall", "flush", "fresh", "nuke", "purge", "reset", "teardown", "truncate", "wipe",
];
const GOES_BACK: &[&str] = &[
    "back",
    "backward",
    "backwards",
    "down",
    "downgrade",
    "redo",
    "refresh",
    "revert",
    "rollback",
    "undo",
];

fn has(parts: &[String], words: &[&str]) -> bool {
    parts.iter().any(|part| words.contains(&part.as_str()))
}

fn migrates(parts: &[String]) -> bool {
    parts.iter().any(|part| part.starts_with("migrat"))
}

/// Whether a script of a project is named so; a tool that builds has a `clean` for each of its parts.
pub(super) fn of_script(name: &str, builds: bool) -> bool {
    let parts = parts(name);
    let database = has(&parts, DATABASES) || migrates(&parts);
    let cleans = has(&parts, &["clean"])
        && has(
            &parts,
            if builds {
                &["flyway", "liquibase"]
            } else {
                DATABASES
            },
        );
    let schema = has(&parts, &["schema"]) && has(&parts, &["drop", "dropall", "wipe"]);
    let goes = (database && (has(&parts, GOES) || cleans))
        || schema
        || (has(&parts, ENVIRONMENTS) && has(&parts, GOES) && !has(&parts, &["flush", "fresh"]))
        || (migrates(&parts) && has(&parts, GOES_BACK))
        || matches!(name, "destroy" | "terraform-down");
    goes && !has(&parts, &["test", "tests", "testing"])
}

/// Whether the words of a tool say it, the tool's own name first: `db-migrate reset`, `migration:fresh`, `migrate/down all`.
pub(super) fn of_tool(words: &[&str]) -> bool {
    const FIRST_WORDS: usize = 3;
    let words: Vec<&str> = words.iter().take(FIRST_WORDS + 1).copied().collect();
    let plain = |word: &str| !word.contains(['.', ' ', '=']);
    let joined = |word: &&str| {
        let parts = parts(word);
        let about = has(&parts, DATABASES) || migrates(&parts);
        let says = has(&parts, GOES) || (migrates(&parts) && has(&parts, GOES_BACK));
        // Others join a path by this sign.
        let is_command = word.contains(':') || (word.contains('/') && word.starts_with("migrate"));
        plain(word) && is_command && about && says && !has(&parts, &["test"])
    };
    let followed = |pair: &[&str]| {
        let parts = parts(pair[0]);
        let about = has(&parts, DATABASES) || migrates(&parts);
        let says = GOES.contains(&pair[1]) || (migrates(&parts) && GOES_BACK.contains(&pair[1]));
        plain(pair[0]) && about && says
    };
    words.iter().skip(1).take(2).any(joined) || words.windows(2).take(FIRST_WORDS).any(followed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_goes() {
        for name in [
            "db:reset",
            "clean-db",
            "terraform-destroy",
            ":db:dropAll",
            "flywayClean",
            "migrate-down",
            "destroy",
        ] {
            assert!(of_script(name, false), "{name}");
        }
        for name in [
            "clean",
            "db:test:reset",
            "db:seed",
            "build",
            "migrate",
            "schema:refresh",
            "stack",
        ] {
            assert!(!of_script(name, false), "{name}");
        }
        assert!(!of_script(":db:clean", true) && of_script("flyway:clean", true));
        assert!(of_tool(&["db-migrate", "reset"]) && of_tool(&["php", "yii", "migrate/down", "all"]));
        assert!(!of_tool(&["tool", "migrations/down"]) && !of_tool(&["tool", "db", "up"]));
    }
}
