//! Programs that empty or drop a database without an SQL statement in sight.

mod names;
mod stores;

use super::{CommandRule, Invocation, POLICY};
use crate::shell::options::{Row, row_of};
use crate::shell::paths::Root;
use crate::shell::programs;

pub(super) static RULE: CommandRule = CommandRule {
    id: "reset-database",
    page: include_str!("reset_database.md"),
    sqlstate: POLICY,
    why: "a database that is reset is empty, whichever one the variables of this shell happen to name",
    instead: "go forward instead (a migration such as `prisma migrate dev` or `rails db:migrate`; a new key or bucket beside the old one), or have a person reset a database of tests",
    check: |invocation| {
        let found = row_of(TABLE, &invocation.program, &invocation.args, GIVEN).map(str::to_owned);
        found
            .or_else(|| django(invocation))
            .or_else(|| named_script(invocation))
            .or_else(|| to_nothing(invocation))
            .or_else(|| made(invocation))
            .or_else(|| stores::key_value(invocation))
            .or_else(|| named_command(invocation))
    },
};

const GIVEN: &[&str] = &[
    "--schema", "-h", "-U", "-p", "-d", "--dbname", "--host", "-c", "--config", "-x", "--env", "-r", "--url",
];
const DROPS: &str = "drops or empties a database";
const ROLLS_BACK_OR_DROPS: &str = "by its name drops or empties a database, or takes migrations back";
const ROLLS_BACK: &str = "takes migrations back, and with them what they have added";

pub(super) const TABLE: &[Row] = &[
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
    row("php|symfony", &["console|*/console", DOCTRINE], DROPS),
    row(
        "php|symfony",
        &["console|*/console", "doctrine:migrations:migrate", "first|prev|0"],
        ROLLS_BACK,
    ),
    row("console", &[DOCTRINE], DROPS),
    row(
        "console",
        &["doctrine:migrations:migrate", "first|prev|0"],
        ROLLS_BACK,
    ),
    row("phinx|yoyo|sqitch", &["rollback|revert|rebase"], ROLLS_BACK),
    row(
        "hasura",
        &["metadata", "clear|reset"],
        "drops what an interface is made of",
    ),
    with("refinery", &["migrate"], &["-t", "--target"], ROLLS_BACK),
    with("skeema", &["push"], &["--allow-unsafe"], DROPS),
    row("wp", &["site", "empty"], DROPS),
    row("magento", &["setup:uninstall"], DROPS),
    with(
        "strapi",
        &["import"],
        &["--force"],
        "drops what is there before it restores",
    ),
    with("supabase", &["stop"], &["--no-backup"], DROPS),
    row("soda", &["reset|drop"], DROPS),
    with("tern", &["migrate"], &["-d", "--destination"], ROLLS_BACK),
    row("dotnet", &["ef", "database", "update", "0"], ROLLS_BACK),
    row("dotnet-ef", &["database", "update", "0"], ROLLS_BACK),
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
    row("wrangler", &["d1", "migrations", "rollback"], ROLLS_BACK),
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
    with(
        "mongoimport",
        &[],
        &["--drop"],
        "drops what is there before it restores",
    ),
    with(
        "vacuumdb",
        &[],
        &["--full", "-f"],
        "locks every table of a database",
    ),
    row("clusterdb", &[], "locks every table of a database"),
    with(
        "createuser",
        &[],
        &["-s", "--superuser", "-r", "--createrole"],
        "makes a role that may do anything",
    ),
    with(
        "pg_receivewal|pg_recvlogical",
        &[],
        &["--drop-slot"],
        "drops what a replica lives by",
    ),
    row("pg_rewind", &[], "writes over a database"),
    with(
        "pg_restore",
        &[],
        &["--disable-triggers"],
        "loads rows past what checks them",
    ),
    row(
        "pg_ctl",
        &["**", "promote"],
        "makes a server out of a copy of one",
    ),
    row("influx", &["delete"], "deletes series"),
    row("influx", &["bucket|org", "delete"], DROPS),
    row(
        "nodetool",
        &["clearsnapshot|decommission|removenode|assassinate"],
        "takes data or nodes away",
    ),
];
const DOCTRINE: &str = "doctrine:database:drop|doctrine:schema:drop|d:d:d|d:s:d";
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
    // The first one is where an application begins: whoever names it goes back.
    let zero = verb == "migrate"
        && words
            .iter()
            .any(|word| *word == "zero" || word.starts_with("0001"));
    (zero || (VERBS.contains(&verb) && verb != "sqlflush")).then(|| DROPS.to_owned())
}

/// Scripts of a project whose name says it.
fn named_script(invocation: &Invocation) -> Option<String> {
    const RUNNERS: &[&str] = &[
        "npm", "pnpm", "yarn", "bun", "make", "gmake", "just", "task", "composer", "nx", "turbo", "lerna",
        "rake", "invoke", "inv", "poe", "deno", "mage", "lage", "moon", "wireit",
    ];
    // They have a task to clean each of their parts.
    const BUILD: &[&str] = &["mvn", "mvnw", "mvnd", "gradle", "gradlew", "ant", "sbt", "lein"];
    let builds = invocation.is(BUILD);
    if !builds && !invocation.is(RUNNERS) {
        return None;
    }
    let options = invocation.options(&[
        "-C",
        "--prefix",
        "-f",
        "--filter",
        "--dir",
        "--cwd",
        "-w",
        "--workspace",
        "-pl",
        "-p",
        "--project",
        "-P",
    ]);
    let name = options
        .words()
        .into_iter()
        .take(if builds { usize::MAX } else { 3 })
        .find(|word| !word.contains(['=', ' ']) && names::of_script(word, builds))?
        .to_owned();
    Some(format!(
        "runs the script `{}`, which by its name {DROPS}",
        crate::shell::word::shown(&name)
    ))
}

/// A tool that is not known by name, where its words say it.
fn named_command(invocation: &Invocation) -> Option<String> {
    if programs::names_files(&invocation.program) {
        return None;
    }
    let options = invocation.options(GIVEN);
    let harmless = options.any(&["--help", "--dry-run", "--pretend", "--sql"]);
    let mut words = vec![invocation.program.as_str()];
    words.extend(options.words());
    (!harmless && names::of_tool(&words)).then(|| ROLLS_BACK_OR_DROPS.to_owned())
}

/// A server's files, where they are not for a while.
fn made(invocation: &Invocation) -> Option<String> {
    let options = invocation.options(&["-D", "--pgdata", "-U", "-E", "-A"]);
    let mut folders = options
        .values(&["-D", "--pgdata"])
        .map(|word| invocation.spot(&word.text));
    let elsewhere = folders.any(|spot| spot.root != Root::Project && !spot.is_for_a_while());
    (invocation.is(&["initdb"]) && elsewhere).then(|| "makes a database where another may be".to_owned())
}

/// `VERSION=0` takes back every migration there is.
fn to_nothing(invocation: &Invocation) -> Option<String> {
    if !invocation.is(&["rails", "rake"]) {
        return None;
    }
    let migrates = invocation
        .args
        .iter()
        .any(|word| word.text.starts_with("db:migrate"));
    let given = invocation.args.iter().any(|word| word.text == "VERSION=0");
    let set =
        |(name, values): &(String, Vec<String>)| name == "VERSION" && values.iter().any(|value| value == "0");
    (migrates && (given || invocation.assignments.iter().any(set))).then(|| ROLLS_BACK.to_owned())
}
