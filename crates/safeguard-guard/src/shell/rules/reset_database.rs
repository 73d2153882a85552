//! Programs that empty or drop a database without an SQL statement in sight.

use super::{CommandRule, Invocation, POLICY};
use crate::shell::options::{Row, row_of};
use crate::shell::walk::Stdin;

pub(super) static RULE: CommandRule = CommandRule {
    id: "reset-database",
    page: include_str!("reset_database.md"),
    sqlstate: POLICY,
    why: "a database that is reset is empty, whichever one the variables of this shell happen to name",
    instead: "write a migration that goes forward (`prisma migrate dev`, `rails db:migrate`, …), or have a person reset a database of tests",
    check: |invocation| {
        let found = row_of(TABLE, &invocation.program, &invocation.args, GIVEN).map(str::to_owned);
        found
            .or_else(|| django(invocation))
            .or_else(|| named_script(invocation))
            .or_else(|| key_value(invocation))
    },
};

const GIVEN: &[&str] = &[
    "--schema", "-h", "-U", "-p", "-d", "--dbname", "--host", "-c", "--config", "-x", "--env", "-r", "--url",
];
const DROPS: &str = "drops or empties a database";
const ROLLS_BACK: &str = "takes migrations back, and with them what they have added";

const TABLE: &[Row] = &[
    row("dropdb", &[], DROPS),
    row("dropuser", &[], "drops a role of a database"),
    with(
        "pg_restore",
        &[],
        &["-c", "--clean"],
        "drops what is there before it restores",
    ),
    row("mysqladmin", &["**", "drop"], DROPS),
    row("prisma", &["migrate", "reset"], DROPS),
    with(
        "prisma",
        &["db", "push"],
        &["--force-reset", "--accept-data-loss"],
        DROPS,
    ),
    row("rails|rake|hanami", &["**", RAKE], DROPS),
    row("rails|rake", &["**", "db:rollback*|db:migrate:down*"], ROLLS_BACK),
    row(
        "artisan",
        &["migrate:fresh*|migrate:refresh*|migrate:reset*|db:wipe*"],
        DROPS,
    ),
    row("artisan", &["migrate:rollback*"], ROLLS_BACK),
    row(
        "php",
        &[
            "artisan|*/artisan",
            "migrate:fresh*|migrate:refresh*|migrate:reset*|db:wipe*",
        ],
        DROPS,
    ),
    row("php", &["artisan|*/artisan", "migrate:rollback*"], ROLLS_BACK),
    row(
        "sail",
        &[
            "artisan|art",
            "migrate:fresh*|migrate:refresh*|migrate:reset*|db:wipe*",
        ],
        DROPS,
    ),
    row(
        "php",
        &[
            "bin/console|*/console",
            "doctrine:database:drop|doctrine:schema:drop|d:d:d|d:s:d",
        ],
        DROPS,
    ),
    row("console", &["doctrine:database:drop|doctrine:schema:drop"], DROPS),
    row("mix", &["**", "ecto.drop*|ecto.reset*"], DROPS),
    row("mix", &["ecto.rollback"], ROLLS_BACK),
    row("alembic", &["downgrade"], ROLLS_BACK),
    row("flask", &["db", "downgrade"], ROLLS_BACK),
    row("aerich", &["downgrade"], ROLLS_BACK),
    row("sequelize|sequelize-cli", &["db:drop|db:migrate:undo*"], DROPS),
    with("drizzle-kit", &["push*"], &["--force"], DROPS),
    row("drizzle-kit", &["drop"], "drops migrations"),
    row(
        "typeorm|typeorm-ts-node-commonjs|typeorm-ts-node-esm",
        &["schema:drop"],
        DROPS,
    ),
    row(
        "typeorm|typeorm-ts-node-commonjs|typeorm-ts-node-esm",
        &["migration:revert"],
        ROLLS_BACK,
    ),
    row("knex", &["migrate:rollback|migrate:down"], ROLLS_BACK),
    row(
        "mikro-orm",
        &["schema:drop|schema:fresh|migration:fresh|migration:down"],
        DROPS,
    ),
    row("flyway", &["**", "clean|undo"], DROPS),
    row("liquibase", &["**", "drop-all|dropAll|rollback*"], DROPS),
    row("supabase", &["db", "reset"], DROPS),
    row("dbmate", &["drop|rollback|down"], DROPS),
    row("migrate", &["**", "drop|down"], DROPS),
    row("goose", &["**", "down|down-to|reset"], ROLLS_BACK),
    row("sqlx", &["database", "drop|reset"], DROPS),
    row("sqlx", &["migrate", "revert"], ROLLS_BACK),
    row("diesel", &["database", "reset|drop"], DROPS),
    row("diesel", &["migration", "revert|redo"], ROLLS_BACK),
    row("sea-orm-cli", &["migrate", "fresh|refresh|reset|down"], DROPS),
    row("atlas", &["schema", "clean"], DROPS),
    with(
        "atlas",
        &["schema", "apply"],
        &["--auto-approve"],
        "changes a schema without asking",
    ),
    row("dotnet", &["ef", "database", "drop"], DROPS),
    row("dotnet-ef", &["database", "drop"], DROPS),
    row(
        "mvn|mvnw|mvnd",
        &[
            "**",
            "flyway:clean|flyway:undo|liquibase:dropAll|liquibase:rollback",
        ],
        DROPS,
    ),
    row(
        "gradle|gradlew",
        &[
            "**",
            "flywayClean|*:flywayClean|flywayUndo|*:flywayUndo|dropAll|*:dropAll",
        ],
        DROPS,
    ),
    row("hasura", &["migrate", "delete"], DROPS),
    with("hasura", &["migrate", "apply"], &["--down"], ROLLS_BACK),
    row("meteor", &["reset"], DROPS),
    row(
        "pg_resetwal|pg_resetxlog",
        &[],
        "throws away what a database has not yet written",
    ),
    row("wp", &["db", "reset|drop|clean"], DROPS),
    row("drush", &["sql-drop|sql:drop|site-install|si"], DROPS),
    row("convex", &["import"], "writes over a database"),
    with(
        "mongorestore",
        &[],
        &["--drop"],
        "drops what is there before it restores",
    ),
    row("influx", &["delete"], "deletes series"),
    row("influx", &["bucket|org", "delete"], DROPS),
    row(
        "nodetool",
        &["clearsnapshot|decommission|removenode|assassinate"],
        "takes data or nodes away",
    ),
];
const RAKE: &str = "db:drop*|db:reset*|db:purge*|db:schema:load*|db:structure:load*|db:migrate:reset*|db:truncate_all*|db:setup*|db:seed:replant*|db:test:purge*";

const fn row(program: &'static str, words: &'static [&'static str], does: &'static str) -> Row {
    Row::of(program, words, does).unless(&["--help", "--dry-run", "--sql", "--pretend"])
}

const fn with(
    program: &'static str,
    words: &'static [&'static str],
    only_with: &'static [&'static str],
    does: &'static str,
) -> Row {
    row(program, words, does).only_with(only_with)
}

fn django(invocation: &Invocation) -> Option<String> {
    const VERBS: &[&str] = &[
        "flush",
        "reset_db",
        "sqlflush",
        "delete_all",
        "reset_schema",
        "truncate",
    ];
    let words: Vec<&str> = invocation.args.iter().map(|word| word.text.as_str()).collect();
    let manages = |word: &str| word.ends_with("manage.py") || word == "django-admin" || word == "django";
    let verb = match (
        invocation.program.as_str(),
        words.iter().position(|word| manages(word)),
    ) {
        ("manage.py" | "django-admin", _) => words.first(),
        (program, Some(at)) if program.starts_with("python") => words.get(at + 1),
        _ => None,
    };
    let verb = *verb?;
    // `migrate APP zero` takes every migration of an application back.
    let zero = verb == "migrate" && words.contains(&"zero");
    (zero || (VERBS.contains(&verb) && verb != "sqlflush")).then(|| DROPS.to_owned())
}

/// Scripts of a project whose name says it.
fn named_script(invocation: &Invocation) -> Option<String> {
    if !invocation.is(&["npm", "pnpm", "yarn", "bun", "make", "just", "task", "composer"]) {
        return None;
    }
    let says = |name: &str| {
        let parts: Vec<&str> = name.split([':', '-', '_', '.']).collect();
        let database = parts
            .iter()
            .any(|part| matches!(*part, "db" | "database" | "migrate" | "migrations" | "prisma"));
        let resets = parts.iter().any(|part| {
            matches!(
                *part,
                "reset" | "drop" | "wipe" | "nuke" | "fresh" | "flush" | "truncate"
            )
        });
        database && resets && !parts.contains(&"test")
    };
    let options = invocation.options(&["-C", "--prefix", "-f", "--filter"]);
    let name = options
        .words()
        .into_iter()
        .take(3)
        .find(|word| says(word))?
        .to_owned();
    Some(format!(
        "runs the script `{}`, which by its name {DROPS}",
        crate::shell::word::shown(&name)
    ))
}

/// The words in which stores that speak no SQL delete.
const KEY_VALUE: &[&str] = &[
    "flushall",
    "flushdb",
    "del",
    "unlink",
    "getdel",
    "shutdown",
    "debug",
    "swapdb",
    "replicaof",
    "slaveof",
    "eval",
    "restore",
];
const DOCUMENTS: &[&str] = &[
    "dropDatabase",
    "drop",
    "dropCollection",
    "dropIndexes",
    "dropIndex",
    "deleteMany",
    "deleteOne",
    "remove",
    "findOneAndDelete",
    "findAndModify",
    "renameCollection",
    "shutdownServer",
    "dropAllUsersFromDatabase",
    "dropUser",
    "bulkWrite",
];

fn key_value(invocation: &Invocation) -> Option<String> {
    let piped = match &invocation.stdin {
        Stdin::Text(text) => text.as_str(),
        Stdin::Inherited | Stdin::File(_) | Stdin::Unseen => "",
    };
    if invocation.is(&["redis-cli", "valkey-cli", "keydb-cli"]) {
        let options = invocation.options(&["-h", "-p", "-a", "-n", "-u", "-s", "--user", "--pass"]);
        let typed = options.words().first().map(|word| word.to_lowercase());
        let mut lines = piped
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .map(str::to_lowercase);
        let deletes = |word: &String| KEY_VALUE.contains(&word.as_str());
        let set = options.words().len() > 1
            && options.words()[0].eq_ignore_ascii_case("config")
            && options.words()[1].eq_ignore_ascii_case("set");
        return (set || typed.as_ref().is_some_and(deletes) || lines.any(|word| deletes(&word)))
            .then(|| "deletes keys or changes the server of a store".to_owned());
    }
    if invocation.is(&["mongosh", "mongo"]) {
        if matches!(invocation.stdin, Stdin::File(_) | Stdin::Unseen)
            && !invocation.args.iter().any(|word| word.text.starts_with("--eval"))
        {
            return Some("sends a store what is not in sight".to_owned());
        }
        let named = |text: &str| {
            text.split(|one: char| !one.is_alphanumeric())
                .any(|name| DOCUMENTS.contains(&name))
        };
        let found = invocation.args.iter().any(|word| named(&word.text)) || named(piped);
        return found.then(|| "deletes documents or drops what holds them".to_owned());
    }
    None
}
