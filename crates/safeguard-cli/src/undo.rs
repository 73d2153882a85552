//! `safeguard undo …`

mod install;
mod record;
pub mod restore;
mod ship;
mod shipped;
mod trash;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use safeguard_api::UndoId;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::db::connect::{self, DatabaseArgs, told};
use crate::exceptions;
use crate::failure::Failure;
use crate::output::{BAD, CARE, GOOD, Output, table};
use crate::signing::printable;
use install::InstallArgs;
use record::Summary;
use restore::{Restored, RestoredTable};
use ship::ShipArgs;
use trash::{DropArgs, PurgeArgs};

#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    args_conflicts_with_subcommands = true,
    after_help = "`safeguard undo ID` is short for `safeguard undo restore ID`.

Examples:
  safeguard undo install --url postgres://postgres@db.example/shop --apply
  safeguard undo list --url postgres://postgres@db.example/shop
  safeguard undo und_01jb5m9k3nfh6q2w --url postgres://postgres@db.example/shop --dry-run"
)]
pub struct UndoArgs {
    #[command(subcommand)]
    pub verb: Option<UndoVerb>,
    /// What to bring back
    #[arg(value_name = "ID")]
    pub id: Option<UndoId>,
    #[command(flatten)]
    pub options: RestoreOptions,
}

#[derive(Debug, Subcommand)]
pub enum UndoVerb {
    /// Print the SQL that lets a database keep what is removed from it; or apply it
    #[command(
        after_help = "It makes the schemas safeguard_undo and safeguard_trash, which belong to the role that runs it, and sets four triggers on
every table. They do nothing in a transaction that has no undo id. Running it twice is the same as running it once.

Examples:
  safeguard undo install --url postgres://postgres@db.example/shop --apply
  safeguard undo install | psql -X -v ON_ERROR_STOP=1 shop"
    )]
    Install(InstallArgs),
    /// Make an undo id, for a transaction that is typed by hand
    #[command(after_help = "Example, in psql:
  BEGIN;
  SET LOCAL safeguard.undo = 'und_01jb5m9k3nfh6q2w';
  DELETE FROM carts WHERE seen < now() - interval '1 year';
  COMMIT;")]
    New,
    /// Drop a table into the trash, from where it can come back
    #[command(after_help = "Examples:
  safeguard undo drop shop.carts --url postgres://postgres@db.example/shop
  safeguard undo drop shop.carts --also shop.cart_lines --also shop.open_carts --keep 30d")]
    Drop(DropArgs),
    /// Drop for good what is past its time in the trash
    Purge(PurgeArgs),
    /// Write records to files outside of the database, and remove from it what is safe there
    #[command(after_help = "Example:
  safeguard undo ship --url postgres://postgres@db.example/shop --to /mnt/undo")]
    Ship(ShipArgs),
    /// List what can be undone, the newest first
    List(Sources),
    /// Show one record, table by table
    Show {
        id: UndoId,
        #[command(flatten)]
        sources: Sources,
    },
    /// Bring back what was removed or changed under an undo id, all of it or nothing
    #[command(
        after_help = "Rows that were changed since stand in the way: each is named, and nothing is restored. Triggers of the tables fire, as for
every other write.

Exit codes: 0 restored, or with --dry-run it could be; 1 refused; 2 could not decide.

Examples:
  safeguard undo restore und_01jb5m9k3nfh6q2w --dry-run
  safeguard undo restore und_01jb5m9k3nfh6q2w --from /mnt/undo --skip-conflicts"
    )]
    Restore {
        id: UndoId,
        #[command(flatten)]
        options: RestoreOptions,
    },
}

#[derive(Debug, Args)]
pub struct Place {
    /// The database, such as postgres://postgres@db.example/shop; the password may be in PGPASSWORD
    #[arg(
        long,
        value_name = "URL",
        env = "SAFEGUARD_DATABASE_URL",
        hide_env_values = true
    )]
    pub url: Option<String>,
    /// PEM with the authorities that may have signed the server's certificate: the connection is encrypted
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
}

/// Where records are: in the database, or shipped from it.
#[derive(Debug, Args)]
pub struct Sources {
    #[command(flatten)]
    pub place: Place,
    /// The folder that records were shipped to
    #[arg(long, value_name = "FOLDER")]
    pub from: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct RestoreOptions {
    #[command(flatten)]
    pub sources: Sources,
    /// Say what would be restored, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Restore the rest where rows are in conflict
    #[arg(long)]
    pub skip_conflicts: bool,
}

impl Place {
    fn with<T>(&self, work: impl AsyncFnOnce(&Client) -> Result<T, Failure>) -> Result<T, Failure> {
        let Some(url) = self.url.clone() else {
            return Err(Failure::undecided("no database is named")
                .hint("`--url postgres://user@host:port/database`, or SAFEGUARD_DATABASE_URL"));
        };
        let database = DatabaseArgs {
            url,
            ca: self.ca.clone(),
        };
        connect::with(&database, &database.parsed()?, work)
    }
}

pub fn undo(args: UndoArgs, output: &Output) -> Result<(), Failure> {
    match (args.verb, args.id) {
        (Some(verb), _) => run(verb, output),
        (None, Some(id)) => restore_one(&id, &args.options, output),
        (None, None) => Err(Failure::undecided("no undo id is named")
            .hint("`safeguard undo list` shows them; `safeguard undo --help` all commands")),
    }
}

fn run(verb: UndoVerb, output: &Output) -> Result<(), Failure> {
    match verb {
        UndoVerb::Install(args) => install_in(&args, output),
        UndoVerb::New => output.data(&new_id()?, |id| format!("{id}\n")),
        UndoVerb::Drop(args) => {
            let id = new_id()?;
            let dropped = args
                .place
                .with(async |client| trash::drop_table(client, &id, &args).await)?;
            output.data(&dropped, |dropped| {
                let tables = dropped.tables.join(", ");
                format!(
                    "{}: {tables} is in the trash until {}\n",
                    dropped.id, dropped.expires
                )
            })?;
            output.say(&format!("`safeguard undo restore {id}` brings it back"));
            Ok(())
        }
        UndoVerb::Purge(args) => purge(&args, output),
        UndoVerb::Ship(args) => {
            let shipped = args
                .place
                .with(async |client| ship::ship(client, &args.to).await)?;
            output.data(&shipped, |shipped| {
                let lines = shipped.iter().map(|one| format!("{} {}\n", one.id, one.file));
                lines.collect()
            })?;
            output.say(&format!("{} records were shipped", shipped.len()));
            Ok(())
        }
        UndoVerb::List(sources) => list(&sources, output),
        UndoVerb::Show { id, sources } => show(&id, &sources, output),
        UndoVerb::Restore { id, options } => restore_one(&id, &options, output),
    }
}

fn install_in(args: &InstallArgs, output: &Output) -> Result<(), Failure> {
    let script = install::script(args.rows_max, args.bytes_max, &args.droppers);
    if !args.apply {
        return output.data(&script, String::clone);
    }
    let covers_later = args.database.with(async |client| {
        let applied = client.batch_execute(&script).await;
        applied.map_err(|error| {
            failed("nothing was changed")(error).hint(
                "run it as a superuser, or as the role that owns every table; print it to read what it does",
            )
        })?;
        let sql =
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_event_trigger WHERE evtname = 'safeguard_undo_attach')";
        let row = client.query_one(sql, &[]).await;
        Ok(row.map_err(failed("cannot read the catalog"))?.get::<_, bool>(0))
    })?;
    output.say("every table keeps what is removed from it in transactions with an undo id");
    if !covers_later {
        output.say("tables that are made later are not covered: run it again after each migration, or once as a superuser");
    }
    Ok(())
}

fn purge(args: &PurgeArgs, output: &Output) -> Result<(), Failure> {
    let purged = args
        .place
        .with(async |client| trash::purge(client, args.apply).await)?;
    output.data(&purged, |purged| {
        let lines = purged.iter().map(|one| {
            let word = if one.purged { "purged" } else { "would be purged" };
            format!("{} {word}: {}\n", one.id, one.tables.join(", "))
        });
        lines.collect()
    })?;
    if purged.is_empty() {
        output.say("nothing in the trash is past its time");
    } else if !args.apply {
        output.say("`--apply` drops it for good");
    }
    Ok(())
}

/// What is in the database and in the folder; what is in both once.
fn known(sources: &Sources, only: Option<&UndoId>) -> Result<Vec<Summary>, Failure> {
    let place = &sources.place;
    let mut known = match (&place.url, &sources.from) {
        (None, Some(_)) => Vec::new(),
        _ => place.with(async |client| record::summaries(client, only).await)?,
    };
    let Some(folder) = &sources.from else {
        return Ok(known);
    };
    let files = match only {
        Some(id) if shipped::path(folder, id).exists() => vec![shipped::summary(folder, id)?],
        Some(_) => Vec::new(),
        None => shipped::summaries(folder)?,
    };
    for file in files {
        match known.iter_mut().find(|known| known.record.id == file.record.id) {
            Some(known) => {
                known.file = file.file;
                if known.tables.is_empty() {
                    known.tables = file.tables;
                }
            }
            None => known.push(file),
        }
    }
    known.sort_by(|a, b| (b.record.at, &b.record.id).cmp(&(a.record.at, &a.record.id)));
    Ok(known)
}

fn list(sources: &Sources, output: &Output) -> Result<(), Failure> {
    let known = known(sources, None)?;
    output.data(&known, |known| {
        let rows: Vec<Vec<String>> = known
            .iter()
            .map(|one| {
                vec![
                    one.record.id.to_string(),
                    one.record.at.to_string(),
                    printable(&one.record.who),
                    state(one),
                    printable(&one.in_short()),
                ]
            })
            .collect();
        table(&["id", "at", "by", "where", "what"], &rows)
    })
}

/// A file that no database is asked about says that it is one.
fn state(one: &Summary) -> String {
    match (&one.file, &one.record.shipped_at) {
        (Some(_), None) if one.record.restored_at.is_none() => "shipped".to_owned(),
        _ => one.state(),
    }
}

fn show(id: &UndoId, sources: &Sources, output: &Output) -> Result<(), Failure> {
    let Some(one) = known(sources, Some(id))?.into_iter().next() else {
        return Err(Failure::undecided(format!("there is no undo record `{id}`"))
            .hint("`safeguard undo list` shows what there is; `--from FOLDER` reads what was shipped"));
    };
    output.data(&one, |one| {
        let record = &one.record;
        let mut text = format!(
            "{}  {}\n  at           {}\n  by           {} ({})\n  transaction  {}\n",
            record.id,
            state(one),
            record.at,
            printable(&record.who),
            printable(&record.application),
            record.transaction
        );
        if let Some(file) = &one.file {
            text.push_str(&format!("  file         {}\n", printable(file)));
        }
        for table in &one.tables {
            text.push_str(&format!(
                "  {}: {} deleted, {} updated, {} truncated, {} inserted\n",
                printable(&table.table),
                table.deleted,
                table.updated,
                table.truncated,
                table.inserted
            ));
        }
        text
    })
}

fn restore_one(id: &UndoId, options: &RestoreOptions, output: &Output) -> Result<(), Failure> {
    let place = &options.sources.place;
    let restored = place.with(async |client| restore::restore(client, id, options, None).await)?;
    output.data(&restored, |restored| told_of(restored, options))?;
    match restored.possible {
        true => Ok(()),
        false => Err(Failure::Told),
    }
}

fn told_of(restored: &Restored, options: &RestoreOptions) -> String {
    let mut text = String::new();
    for conflict in &restored.conflicts {
        let key = conflict.key.as_deref().unwrap_or_default();
        text.push_str(&format!(
            "{CARE}conflict{CARE:#} {} {}: {}\n",
            printable(&conflict.table),
            printable(key),
            printable(&conflict.why)
        ));
    }
    for table in &restored.tables {
        if table.from_trash {
            text.push_str(&format!(
                "{}: the table, from the trash\n",
                printable(&table.table)
            ));
            continue;
        }
        text.push_str(&format!(
            "{}: {} inserted, {} set back",
            printable(&table.table),
            table.inserted,
            table.set_back
        ));
        if table.added_stay > 0 {
            text.push_str(&format!(", {} that it added stay", table.added_stay));
        }
        if table.altered_by_triggers > 0 {
            text.push_str(&format!(
                ", {} made different by triggers",
                table.altered_by_triggers
            ));
        }
        text.push('\n');
    }
    let id = &restored.id;
    text.push_str(&match (restored.applied, restored.possible) {
        (true, _) => format!("{GOOD}restored{GOOD:#} {id}\n"),
        (false, true) => format!("nothing was changed: this was a dry run of {id}\n"),
        (false, false) => format!(
            "{BAD}nothing is restored{BAD:#}: {} conflicts\n",
            restored.conflicts.len()
        ),
    });
    if !restored.possible && !options.skip_conflicts && restored.tables.iter().any(RestoredTable::has_rows) {
        text.push_str("`--skip-conflicts` restores the rest\n");
    }
    text
}

fn new_id() -> Result<UndoId, Failure> {
    let now = exceptions::now()?.ms().unsigned_abs();
    let chance = getrandom::u32().map_err(|_| Failure::undecided("the system gives no random numbers"))?;
    Ok(UndoId::new(now, chance))
}

/// What an error of the database comes to: a lock that was not had, or no connection, decides nothing.
fn failed(what: &str) -> impl Fn(tokio_postgres::Error) -> Failure {
    move |error| {
        let text = format!("{what}: {}", told(&error));
        match error.code() {
            None => Failure::undecided(text),
            Some(code)
                if *code == SqlState::LOCK_NOT_AVAILABLE || *code == SqlState::T_R_DEADLOCK_DETECTED =>
            {
                Failure::undecided(text).hint("somebody is at work on the tables: try again")
            }
            Some(_) => Failure::refused(text),
        }
    }
}
