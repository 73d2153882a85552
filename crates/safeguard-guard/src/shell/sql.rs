//! Programs that send SQL: what they would send goes to the classifier of statements.

mod client_lines;
mod looks;
mod mysql;
mod spoken;

use safeguard_api::Environment;
use safeguard_api::guard::{Asker, GuardAnswer, GuardFinding, Principal, StatementClass};

use self::client_lines::{psql_command, sqlite_command};
use self::looks::{only_reads, without_looks};
use super::options::{Options, options};
use super::paths::Spot;
use super::rules::{self, Invocation};
use super::walk::{Stdin, Walk};
use super::word::{UNKNOWN, Word};
use crate::{judge, read};

/// Whose SQL is spoken, where PostgreSQL's grammar does not have all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Postgres,
    MySql,
    Sqlite,
    Other,
}

/// A program that sends statements.
struct Client {
    programs: &'static [&'static str],
    dialect: Dialect,
    /// Options with statements, with files of them, and with anything else.
    texts: &'static [&'static str],
    files: &'static [&'static str],
    with_value: &'static [&'static str],
    /// Words before the statements where those stand without an option; none where they do not.
    own_words: Option<usize>,
}

const CLIENTS: &[Client] = &[
    Client {
        programs: &[
            "psql",
            "pgcli",
            "cockroach",
            "ysqlsh",
            "usql",
            "heroku-psql",
            "vsql",
            "gsql",
        ],
        dialect: Dialect::Postgres,
        texts: &["-c", "--command", "-e", "--execute"],
        files: &["-f", "--file"],
        with_value: &[
            "-d",
            "-v",
            "-F",
            "-h",
            "-L",
            "-o",
            "-p",
            "-P",
            "-R",
            "-T",
            "-U",
            "--dbname",
            "--set",
            "--variable",
            "--host",
            "--port",
            "--username",
            "--output",
            "--log-file",
            "--url",
            "--pset",
            "--field-separator",
        ],
        own_words: None,
    },
    Client {
        programs: &["mysql", "mariadb", "mycli", "tidb"],
        dialect: Dialect::MySql,
        texts: &["-e", "--execute", "--init-command"],
        files: &[],
        with_value: &[
            "-u",
            "-h",
            "-P",
            "-D",
            "-S",
            "--user",
            "--host",
            "--port",
            "--database",
            "--socket",
            "--defaults-file",
        ],
        own_words: None,
    },
    Client {
        programs: &["sqlite3", "sqlite", "litecli"],
        dialect: Dialect::Sqlite,
        texts: &["-cmd", "--cmd"],
        files: &["-init", "--init"],
        with_value: &["-separator", "-newline", "-nullvalue", "-maxsize", "-vfs"],
        own_words: Some(1),
    },
    Client {
        programs: &["duckdb"],
        dialect: Dialect::Sqlite,
        texts: &["-c", "-cmd", "-s"],
        files: &["-init", "-f"],
        with_value: &["-separator", "-newline", "-nullvalue"],
        own_words: Some(1),
    },
    Client {
        programs: &[
            "clickhouse-client",
            "clickhouse",
            "snowsql",
            "sqlcmd",
            "trino",
            "presto",
            "beeline",
            "cqlsh",
            "hive",
            "impala-shell",
            "isql",
            "osql",
        ],
        dialect: Dialect::Other,
        texts: &["-q", "--query", "-Q", "-e", "--execute"],
        files: &["-i", "--queries-file", "-f", "--file"],
        with_value: &[
            "-h",
            "--host",
            "-u",
            "--user",
            "--password",
            "-d",
            "--database",
            "-S",
            "-U",
            "-P",
            "--port",
            "-a",
            "-w",
        ],
        own_words: None,
    },
];

/// Judges what an invocation would send to a database.
pub(crate) fn look(walk: &mut Walk<'_>, invocation: &Invocation) -> Result<(), GuardFinding> {
    if let Some(client) = CLIENTS.iter().find(|client| invocation.is(client.programs)) {
        return sent(walk, invocation, client);
    }
    for text in by_the_way(invocation) {
        statements(walk, &text, Dialect::Postgres)?;
    }
    let words: Vec<&str> = invocation
        .args
        .iter()
        .map(|word| word.text.as_str())
        .take(3)
        .collect();
    spoken::look(walk, invocation)?;
    let console = matches!(
        (invocation.program.as_str(), words.as_slice()),
        ("wp", ["db", "query"])
            | ("wrangler", ["d1", "execute", ..])
            | ("rails", ["dbconsole" | "db", ..])
            | ("manage.py" | "django-admin", ["dbshell", ..])
            | ("prisma", ["db", "execute", ..])
    ) || matches!(words.as_slice(), [script, "dbshell", ..] if script.ends_with("manage.py"));
    let files = options(&invocation.args, &["--file"]);
    if let Some(file) = files.values(&["--file"]).next().filter(|_| console) {
        return known_file(walk, &file.text, Dialect::Postgres);
    }
    let dashes = invocation.args.iter().position(|word| word.text == "--");
    if let Some(dashes) = dashes.filter(|_| console) {
        let client = Invocation {
            program: "psql".to_owned(),
            args: invocation.args[dashes + 1..].to_vec(),
            ..invocation.clone()
        };
        return sent(walk, &client, &CLIENTS[0]);
    }
    if console && !matches!(words.last(), Some(word) if word.starts_with("--file")) {
        return given(walk, &invocation.stdin, Dialect::Postgres);
    }
    Ok(())
}

/// Statements in the words of programs that do much else.
fn by_the_way(invocation: &Invocation) -> Vec<String> {
    let found = options(
        &invocation.args,
        &[
            "-c",
            "--command",
            "-q",
            "--query",
            "--query-string",
            "--statement",
            "--sql",
            "-a",
            "--app",
        ],
    );
    let words = found.words();
    let joined = |from: usize| words[from.min(words.len())..].join(" ");
    let (fits, names): (bool, &[&str]) = match (invocation.program.as_str(), words.as_slice()) {
        ("heroku", ["pg:psql", ..]) | ("wrangler", ["d1", "execute", ..]) => (true, &["-c", "--command"]),
        ("aws", ["athena" | "rds-data" | "redshift-data" | "dynamodb", ..]) => {
            (true, &["--query-string", "--sql", "--statement"])
        }
        ("gcloud", words) if words.iter().any(|word| matches!(*word, "execute-sql" | "query")) => {
            (true, &["--sql", "--query", "-q"])
        }
        ("supabase", ["db", ..]) => (true, &["--sql", "--query", "-q"]),
        ("bq", ["query", ..]) => return vec![joined(1)],
        ("wp", ["db", "query", ..]) => return vec![joined(2)],
        ("turso", ["db", "shell", _, ..]) => return vec![joined(3)],
        ("hdbsql" | "pgbench", _) => (true, &["-c"]),
        _ => (false, &[]),
    };
    match fits {
        true => found.values(names).map(|word| word.text.clone()).collect(),
        false => Vec::new(),
    }
}

fn sent(walk: &mut Walk<'_>, invocation: &Invocation, client: &Client) -> Result<(), GuardFinding> {
    let all = [client.texts, client.files, client.with_value].concat();
    let found = options(&invocation.args, &all);
    if found.any(&["--help", "-?", "--version", "-V", "-version", "-help"]) && invocation.args.len() == 1
        || found.any(&["-l", "--list"])
    {
        return Ok(());
    }
    for (name, values) in &invocation.assignments {
        for value in values.iter().filter(|_| name == "PGOPTIONS") {
            settings(walk, value)?;
        }
    }
    let piped = |word: &&Word| word.text.trim_start().starts_with('|');
    for word in found.values(&["-o", "--output", "-L", "--log-file"]) {
        if piped(&word) {
            return Err(rules::UNSEEN_SCRIPT.finding("hands what a database answers to a program"));
        }
        out(walk, &word.text)?;
    }
    walk.psql = found
        .values(&["-v", "--set", "--variable"])
        .filter_map(|word| word.text.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    if goes_with_the_program(&found, client) {
        return Ok(());
    }
    let mut said = false;
    for text in found.values(client.texts) {
        said = true;
        statements(walk, &text.text, client.dialect)?;
    }
    for file in found.values(client.files) {
        said = true;
        file_of_statements(walk, invocation, &file.text, client.dialect)?;
    }
    for text in positional(&found, client) {
        said = true;
        statements(walk, &text, client.dialect)?;
    }
    match said {
        true => Ok(()),
        false => given(walk, &invocation.stdin, client.dialect),
    }
}

/// Whether all is said to a database that is in memory and goes with the program, and nothing of it reaches a file.
fn goes_with_the_program(found: &Options<'_>, client: &Client) -> bool {
    const REACH: &[&str] = &[
        "attach",
        "copy",
        "edit(",
        "export",
        "extension",
        "install",
        "pragma",
        "writefile",
    ];
    let harmless = |word: &Word| {
        let text = word.text.to_ascii_lowercase();
        !text.contains(UNKNOWN)
            && !text.lines().any(|line| line.trim_start().starts_with('.'))
            && !REACH.iter().any(|word| text.contains(word))
    };
    let words = found.rest.iter().map(|(_, word)| *word);
    client.dialect == Dialect::Sqlite
        && found.words().first() == Some(&":memory:")
        && found.words().len() > 1
        && found.values(client.files).next().is_none()
        && words.chain(found.values(client.texts)).all(harmless)
}

fn positional(found: &Options<'_>, client: &Client) -> Vec<String> {
    let Some(own) = client.own_words else {
        return Vec::new();
    };
    found
        .rest
        .iter()
        .skip(own)
        .map(|(_, word)| word.text.clone())
        .collect()
}

/// `-c name=value` of a connection is what `SET` is of a session.
fn settings(walk: &mut Walk<'_>, text: &str) -> Result<(), GuardFinding> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let set = words
        .iter()
        .map(|word| word.trim_start_matches("-c").trim_start_matches("--"));
    for (name, value) in set.filter_map(|word| word.split_once('=')) {
        let statement = format!("SET {} = '{}'", name.replace('-', "_"), value.replace('\'', "''"));
        statements(walk, &statement, Dialect::Postgres)?;
    }
    Ok(())
}

fn given(walk: &mut Walk<'_>, stdin: &Stdin, dialect: Dialect) -> Result<(), GuardFinding> {
    match stdin {
        // A terminal, or nothing.
        Stdin::Inherited => Ok(()),
        Stdin::Text(text) => statements(walk, text, dialect),
        Stdin::File(path) => known_file(walk, path, dialect),
        Stdin::Unseen => {
            Err(rules::UNSEEN_SQL.finding("sends a database statements that another program makes"))
        }
    }
}

fn file_of_statements(
    walk: &mut Walk<'_>,
    invocation: &Invocation,
    path: &str,
    dialect: Dialect,
) -> Result<(), GuardFinding> {
    match path {
        "-" | "/dev/stdin" => given(walk, &invocation.stdin, dialect),
        path => known_file(walk, path, dialect),
    }
}

fn known_file(walk: &mut Walk<'_>, path: &str, dialect: Dialect) -> Result<(), GuardFinding> {
    match walk.file(path) {
        Some(text) => statements(walk, &text, dialect),
        None => {
            let does = format!(
                "sends a database the statements of `{}`, which are not in sight",
                super::word::shown(path)
            );
            Err(rules::UNSEEN_SQL.finding(&does))
        }
    }
}

/// Judges statements; lines for the client itself are told apart from those for the server.
fn statements(walk: &mut Walk<'_>, text: &str, dialect: Dialect) -> Result<(), GuardFinding> {
    let mut sql = String::new();
    for line in text.lines() {
        let command = line.trim_start();
        // In the middle of a statement such a sign is no command; the grammar refuses it there.
        match (dialect, command.chars().next()) {
            (Dialect::Postgres, Some('\\')) => psql_command(walk, command)?,
            (Dialect::Sqlite, Some('.')) if sql.trim().is_empty() || sql.trim_end().ends_with(';') => {
                sqlite_command(walk, command)?
            }
            _ => {
                sql.push_str(line);
                sql.push('\n');
            }
        }
    }
    if let Some(name) = reaches_out(&sql).filter(|_| dialect == Dialect::Sqlite) {
        return Err(rules::UNSEEN_SCRIPT.finding(&format!("has sqlite run `{name}`")));
    }
    let sql = match dialect {
        Dialect::Postgres => client_lines::with_variables(&sql, &walk.psql),
        Dialect::Other => without_looks(&sql, &["show", "describe", "desc", "use", "help"]),
        Dialect::MySql => mysql::as_postgres(&sql),
        Dialect::Sqlite => without_looks(&sql, &["pragma", "describe", "show", "summarize"]),
    };
    judged(walk, &sql, dialect)
}

/// What is not understood of another dialect is no fault of PostgreSQL's grammar.
fn in_dialect(mut finding: GuardFinding, dialect: Dialect) -> GuardFinding {
    let whose = match dialect {
        Dialect::MySql => "MySQL",
        Dialect::Sqlite => "SQLite or DuckDB",
        Dialect::Other => "this client",
        Dialect::Postgres => return finding,
    };
    if finding.rule == "not-understood" {
        finding.hint = format!(
            "statements of {whose} are judged as far as PostgreSQL's grammar has them: say it in plain SQL, or have a person run it"
        );
    }
    finding
}

/// A function of SQLite's client that writes a file or runs what one holds.
fn reaches_out(sql: &str) -> Option<&'static str> {
    const NAMES: &[&str] = &["edit", "load_extension", "writefile"];
    let sql = sql.to_lowercase();
    let mut words = sql.split_inclusive('(').filter_map(|part| part.strip_suffix('('));
    words.find_map(|before| {
        let before = before.trim_end();
        let name = |name: &&&str| {
            before
                .strip_suffix(**name)
                .is_some_and(|rest| !rest.ends_with(|one: char| one.is_alphanumeric() || one == '_'))
        };
        NAMES.iter().find(name).copied()
    })
}

/// A file into which a client writes what it is answered.
fn out(walk: &Walk<'_>, path: &str) -> Result<(), GuardFinding> {
    let spot = Spot::project().to(path.trim(), walk.around.folder);
    rules::write_refused(&spot).map_or(Ok(()), Err)
}

/// Judges a text of statements as the guard does in front of a database.
pub(crate) fn judged_statements(walk: &Walk<'_>, sql: &str) -> Result<(), GuardFinding> {
    judged(walk, sql, Dialect::Postgres)
}

fn judged(walk: &Walk<'_>, sql: &str, dialect: Dialect) -> Result<(), GuardFinding> {
    // A file of SQLite lies in the project: it is nobody's production.
    let environment = match dialect {
        Dialect::Sqlite => Environment::Dev,
        Dialect::Postgres | Dialect::MySql | Dialect::Other => walk.around.environment,
    };
    let asker = Asker {
        principal: Principal::Agent,
        environment,
        frozen: false,
    };
    let facts = read(sql);
    let is_foreign = dialect != Dialect::Postgres
        && facts
            .acts
            .iter()
            .all(|act| act.class == StatementClass::NotUnderstood);
    if is_foreign && only_reads(sql) {
        return Ok(());
    }
    // Nobody measures at a shell, and what is named as a common extension's is taken for it; in front of a database it is measured.
    let reads = |class| matches!(class, StatementClass::Read | StatementClass::UnknownFunction);
    let reads_by_extensions = !facts.calls_unknown && facts.acts.iter().all(|act| reads(act.class));
    let decision = judge(&facts, asker, walk.around.policy);
    match (decision.decision, decision.finding) {
        (GuardAnswer::Allow, _) => Ok(()),
        (GuardAnswer::Measure, _) if environment == Environment::Dev || reads_by_extensions => Ok(()),
        (GuardAnswer::Deny, Some(finding)) => Err(in_dialect(finding, dialect)),
        (GuardAnswer::Measure, Some(finding)) => {
            let does = finding
                .message
                .split(" a statement that ")
                .nth(1)
                .unwrap_or("changes rows")
                .to_owned();
            Err(rules::UNMEASURED_SQL.finding(&format!("sends a statement that {does}")))
        }
        (GuardAnswer::Measure | GuardAnswer::Deny, None) => {
            Err(rules::UNSEEN_SQL.finding("sends statements that are not understood"))
        }
    }
}
