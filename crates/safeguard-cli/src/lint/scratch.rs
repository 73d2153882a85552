//! A copy of a database, made for rehearsals and dropped afterwards, whatever comes of them.

use std::path::Path;
use std::time::Duration;

use safeguard_api::migration::Rehearsal;
use safeguard_guard::migration::statements;
use safeguard_trial::{RehearsalError, Way, rehearse_down, rehearse_up};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config};

use super::Migration;
use crate::db::connect::{self, DatabaseArgs, told};
use crate::failure::Failure;
use crate::output::Output;

/// Where one connects to, to make and to drop databases.
const MAINTENANCE: &str = "postgres";
const CLOSED_AGAIN: Duration = Duration::from_millis(50);
const CLOSED_TRIES: u32 = 100;

/// One rehearsal for each migration, each on what the one before has left.
pub fn rehearse_all(
    url: &str,
    ca: Option<&Path>,
    migrations: &[Migration],
    output: &Output,
) -> Result<Vec<Option<Rehearsal>>, Failure> {
    let args = DatabaseArgs {
        url: url.to_owned(),
        ca: ca.map(Path::to_owned),
    };
    let original = args.parsed()?;
    let Some(name) = original.get_dbname().map(str::to_owned) else {
        return Err(Failure::undecided("the address names no database")
            .hint("write it as postgres://user@host:port/database"));
    };
    let mut maintenance = original.clone();
    maintenance.dbname(MAINTENANCE);
    connect::with(&args, &maintenance, async |maintenance| {
        let stage = Stage {
            args: &args,
            original: &original,
            maintenance,
            up: format!("safeguard_rehearsal_{}_up", std::process::id()),
            down: format!("safeguard_rehearsal_{}_down", std::process::id()),
        };
        output.say(&format!("copying `{name}` to `{}`", stage.up));
        stage.copy(&name, &stage.up).await?;
        let mut rehearsals = Vec::new();
        let mut outcome = Ok(());
        for migration in migrations {
            output.say(&format!("rehearsing `{}`", migration.path.display()));
            match stage.rehearse(migration).await {
                Ok(rehearsal) => rehearsals.push(Some(rehearsal)),
                Err(failure) => {
                    outcome = Err(failure);
                    break;
                }
            }
        }
        let gone = stage.drop_all().await;
        outcome?;
        gone?;
        Ok(rehearsals)
    })
}

/// Two copies: one that every migration is applied to, and one of that for the way down.
struct Stage<'a> {
    args: &'a DatabaseArgs,
    original: &'a Config,
    maintenance: &'a Client,
    up: String,
    down: String,
}

impl Stage<'_> {
    async fn rehearse(&self, migration: &Migration) -> Result<Rehearsal, Failure> {
        let script = migration.script();
        let fails = |error: &RehearsalError| {
            let (RehearsalError::Read(source) | RehearsalError::Fails { source, .. }) = error;
            let path = migration.path.display();
            Failure::refused(format!("`{path}`: {error}: {}", told(source))).hint(
                "give the copy the state that the migration begins with; name only migrations that it does not have yet",
            )
        };
        let client = self.connect(&self.up).await?;
        let up = Way {
            text: script.up,
            statements: &statements(script.up),
        };
        let rehearsed = rehearse_up(&client, up).await;
        let (mut rehearsal, before) = rehearsed.map_err(|error| fails(&error))?;
        // A database that somebody is connected to can not be copied.
        drop(client);
        let text = script.down.unwrap_or_default();
        let down = Way {
            text,
            statements: &statements(text),
        };
        if !down.statements.is_empty() {
            self.copy(&self.up, &self.down).await?;
            let client = self.connect(&self.down).await?;
            let differs = rehearse_down(&client, down, &before).await;
            rehearsal.differs_after_down = Some(differs.map_err(|error| fails(&error))?);
            drop(client);
            self.drop(&self.down).await?;
        }
        Ok(rehearsal)
    }

    async fn connect(&self, database: &str) -> Result<Client, Failure> {
        let mut there = self.original.clone();
        there.dbname(database);
        connect::client(self.args, &there).await
    }

    async fn copy(&self, from: &str, to: &str) -> Result<(), Failure> {
        let sql = format!("CREATE DATABASE {} TEMPLATE {}", quoted(to), quoted(from));
        let mut made = self.maintenance.batch_execute(&sql).await;
        // The server notices a moment later that a session of ours has ended.
        for _ in 0..CLOSED_TRIES {
            match &made {
                Err(error) if from == self.up && error.code() == Some(&SqlState::OBJECT_IN_USE) => {
                    tokio::time::sleep(CLOSED_AGAIN).await;
                    made = self.maintenance.batch_execute(&sql).await;
                }
                Ok(()) | Err(_) => break,
            }
        }
        made.map_err(|error| {
            let failure = Failure::undecided(format!("`{from}` can not be copied: {}", told(&error)));
            match error.code() {
                Some(code) if *code == SqlState::OBJECT_IN_USE => {
                    failure.hint("somebody is connected to it: name a database that was restored from a dump")
                }
                Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
                    failure.hint("name a role that may create databases, and owns this one or is a superuser")
                }
                Some(_) | None => failure,
            }
        })
    }

    async fn drop_all(&self) -> Result<(), Failure> {
        self.drop(&self.down).await?;
        self.drop(&self.up).await
    }

    async fn drop(&self, database: &str) -> Result<(), Failure> {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(database));
        self.maintenance.batch_execute(&sql).await.map_err(|error| {
            Failure::undecided(format!("the copy `{database}` is still there: {}", told(&error)))
                .hint(format!("`DROP DATABASE {database}`"))
        })
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
