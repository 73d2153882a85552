//! Functions and words of SQL that another database has, in a program that speaks with PostgreSQL.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::rows;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, EVERY_LANGUAGE, Reports};
use crate::tree::{Kind, NodeId};

pub static CHECK: Check = Check {
    id: "sql-of-another-database",
    failure: "X6",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &[],
    languages: EVERY_LANGUAGE,
    run,
};

/// What other databases have and PostgreSQL does not, and what it has in its place.
const FOREIGN: &[(&str, &str)] = &[
    ("ifnull(", "coalesce(…)"),
    ("nvl(", "coalesce(…)"),
    ("datediff(", "a difference of two dates"),
    ("date_format(", "to_char(…)"),
    ("str_to_date(", "to_date(…)"),
    ("curdate(", "current_date"),
    ("getdate(", "now()"),
    ("unix_timestamp(", "extract(epoch from …)"),
    ("from_unixtime(", "to_timestamp(…)"),
    ("group_concat(", "string_agg(…)"),
    ("json_extract(", "-> and ->>"),
    ("charindex(", "strpos(…)"),
    ("dateadd(", "+ interval"),
    ("last_insert_id(", "RETURNING id"),
    ("date_sub(", "- interval"),
    ("strftime(", "to_char(…)"),
    (" on duplicate key update", "ON CONFLICT … DO UPDATE"),
    ("insert ignore ", "ON CONFLICT DO NOTHING"),
    ("insert or replace ", "ON CONFLICT … DO UPDATE"),
    ("insert or ignore ", "ON CONFLICT DO NOTHING"),
];

/// Imports that speak with PostgreSQL alone, and those that speak with another.
const POSTGRES: &[&str] = &[
    "psycopg",
    "psycopg2",
    "asyncpg",
    "pg",
    "postgres",
    "pg-promise",
    "github.com/lib/pq",
    "github.com/jackc/pgx",
    "github.com/jackc/pgx/v5",
    "github.com/jackc/pgx/v5/pgxpool",
    "pgx",
];
const OTHERS: &[&str] = &[
    "mysql",
    "mysql2",
    "pymysql",
    "mysqlclient",
    "mariadb",
    "sqlite",
    "sqlite3",
    "better-sqlite3",
    "aiosqlite",
    "oracledb",
    "mssql",
    "pyodbc",
    "duckdb",
    "go-sql-driver",
    "tedious",
    "clickhouse",
    "snowflake",
];

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    if source.is_test() {
        return;
    }
    let code = Code::of(source);
    let mut speaks = None;
    for id in [Kind::Str, Kind::Interp]
        .iter()
        .flat_map(|kind| source.of_kind(*kind))
        .copied()
    {
        let inner = code
            .tree
            .parent(id)
            .is_some_and(|parent| code.kind(parent) == Kind::Interp);
        let Some(sql) = (!inner).then(|| statement(code, id)).flatten() else {
            continue;
        };
        let foreign = FOREIGN.iter().find(|(word, _)| has(&sql, word));
        let Some((word, instead)) = foreign else {
            continue;
        };
        if !*speaks.get_or_insert_with(|| speaks_postgres(code, project)) || undoes_or_tests(code, id) {
            continue;
        }
        let shown = word.trim().trim_end_matches('(').to_ascii_uppercase();
        // Whoever has made a function of this name has it.
        let name = shown.to_ascii_lowercase();
        if project.schema().is_named_elsewhere(&name) {
            continue;
        }
        reports.add(
            id,
            format!("PostgreSQL has no `{shown}`: it is `{instead}` there"),
        );
    }
}

/// The text in small letters, if it is a statement with a form of its own.
fn statement(code: Code<'_>, id: NodeId) -> Option<String> {
    let sql = rows::sql_of(code.tree, id)?;
    let is_one = sql.contains(" from ")
        || sql.contains(" into ")
        || sql.contains(" set ")
        || sql.starts_with("insert ");
    is_one.then_some(sql)
}

/// Whether a word stands for itself: no end of another name, and nothing within quotes.
fn has(sql: &str, word: &str) -> bool {
    sql.match_indices(word).any(|(at, _)| {
        let begins = word.starts_with(' ')
            || !sql[..at]
                .chars()
                .next_back()
                .is_some_and(|char| char.is_alphanumeric() || matches!(char, '_' | '.' | '"'));
        let quotes = sql[..at].matches('\'').count();
        begins && quotes.is_multiple_of(2)
    })
}

/// Whether the file itself, or else the file that it has its connection from, imports a driver of PostgreSQL, and the repository none of another.
fn speaks_postgres(code: Code<'_>, project: &Project) -> bool {
    let manifests = [
        "package.json",
        "requirements.txt",
        "pyproject.toml",
        "go.mod",
        "setup.cfg",
        "setup.py",
    ];
    let own = code.source.path.as_str();
    let near = project
        .files()
        .filter(|path| manifests.contains(&crate::project::file_name(path)));
    let texts: Vec<String> = near.take(20).filter_map(|path| project.text(path)).collect();
    let mentions = |text: &str, names: &[&str]| {
        names.iter().any(|name| {
            text.split(|char: char| !char.is_ascii_alphanumeric() && !matches!(char, '-' | '_' | '/' | '.'))
                .any(|word| {
                    word == *name
                        || word
                            .strip_prefix(name)
                            .is_some_and(|rest| rest.starts_with(['-', '/']))
                })
        })
    };
    let imports = POSTGRES.iter().any(|name| code.imports(name));
    let declares = texts.iter().any(|text| mentions(text, POSTGRES));
    let others = OTHERS.iter().any(|name| code.imports(name))
        || texts
            .iter()
            .any(|text| OTHERS.iter().any(|name| text.contains(name)))
        || OTHERS.iter().any(|name| own.to_ascii_lowercase().contains(name));
    (imports || declares) && !others
}
