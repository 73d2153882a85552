//! `safeguard db …`

mod attempts;
pub mod connect;
mod harden;
mod identity;
mod powers;

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use safeguard_api::guard::Principal;
use safeguard_api::{Environment, Timestamp};
use serde::Serialize;

use crate::args::Globals;
use crate::args::KeyArgs;
use crate::doctor::{Check, Health, described};
use crate::failure::Failure;
use crate::output::Output;
use crate::{exceptions, guard, signing};
use connect::{DatabaseArgs, told};
use harden::{Hardening, Login};

pub use harden::{identifier, literal};

/// What a report is signed for: a signature of an approval is none of a report.
const REPORT_NAMESPACE: &str = "safeguard-report@v1";

/// Extensions whose functions reach other hosts, files or times.
const REACHING: &str =
    "'dblink', 'postgres_fdw', 'file_fdw', 'adminpack', 'pg_cron', 'http', 'pg_net', 'aws_s3', 'aws_lambda',
 'plpython3u', 'plperlu', 'pltclu'";

#[derive(Debug, Subcommand)]
pub enum DbVerb {
    /// Print the SQL of roles that read, that write without deleting, and that migrate; or apply it
    #[command(
        after_help = "The groups NAME_reader, NAME_writer and NAME_migrator are made, and every role of `--login` is put into one of them, and into no other.
Tables are given to the migrators, DELETE and TRUNCATE to nobody, nothing to PUBLIC. In staging writers only read. Nothing is printed
that a second run would not print again, and running it twice is the same as running it once.

Examples:
  safeguard db harden --database shop --login shop_app=writer --login shop_agent=reader | psql -X -v ON_ERROR_STOP=1 shop
  safeguard db harden --database shop --login shop_migrations=migrator --apply postgres://postgres@db.example/shop"
    )]
    Harden(HardenArgs),
    /// Show that a credential can not do what it must not: read from the catalog, and tried
    #[command(
        after_help = "Every attempt runs in a transaction that is rolled back. Exit 0 when all is good, 1 when something is bad, 2 when there is no connection.

Examples:
  safeguard db doctor --as agent --env production postgres://shop_agent@proxy.example:6432/shop --must-not-reach db.example:5432
  safeguard db doctor --as service --env staging --report isolation.json --key ~/.ssh/id_ed25519"
    )]
    Doctor(DoctorArgs),
}

#[derive(Debug, Args)]
pub struct HardenArgs {
    /// The database
    #[arg(long, value_name = "NAME")]
    pub database: String,
    /// A schema with its tables; may be given again
    #[arg(long = "schema", value_name = "NAME", default_values_t = ["public".to_owned()])]
    pub schemas: Vec<String>,
    /// Begins the names of the groups; unsaid: the database
    #[arg(long, value_name = "NAME")]
    pub prefix: Option<String>,
    /// Where: dev, qa, staging or production
    #[arg(long = "env", value_name = "ENVIRONMENT", default_value = "production")]
    pub environment: Environment,
    /// A role that logs in and its group, such as shop_app=writer; may be given again
    #[arg(long = "login", value_name = "NAME=GROUP")]
    pub logins: Vec<Login>,
    /// Run it there rather than print it
    #[arg(long, value_name = "URL")]
    pub apply: Option<String>,
    /// PEM with the authorities that may have signed the server's certificate
    #[arg(long, value_name = "FILE", requires = "apply")]
    pub ca: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Whose credential it is: agent, service, person or migration
    #[arg(long = "as", value_name = "PRINCIPAL", default_value = "agent")]
    pub principal: Principal,
    /// Where: dev, qa, staging or production
    #[arg(long = "env", value_name = "ENVIRONMENT", default_value = "production")]
    pub environment: Environment,
    /// What no connection may lead to from here, such as the database past the proxy; may be given again
    #[arg(long, value_name = "HOST:PORT")]
    pub must_not_reach: Vec<String>,
    /// Write the report here as JSON, and its signature beside it as FILE.sig
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    #[command(flatten)]
    pub key: KeyArgs,
}

pub fn db(globals: &Globals, verb: DbVerb, output: &Output) -> Result<(), Failure> {
    match verb {
        DbVerb::Harden(args) => harden(args, output),
        DbVerb::Doctor(args) => doctor(globals, &args, output),
    }
}

fn harden(args: HardenArgs, output: &Output) -> Result<(), Failure> {
    let prefix = args.prefix.as_deref().unwrap_or(&args.database);
    let script = harden::script(&Hardening {
        environment: args.environment,
        database: &args.database,
        schemas: &args.schemas,
        prefix,
        logins: &args.logins,
    })
    .map_err(Failure::undecided)?;
    let Some(url) = args.apply else {
        return output.data(&script, String::clone);
    };
    let database = DatabaseArgs { url, ca: args.ca };
    let config = database.parsed()?;
    connect::with(&database, &config, async |client| {
        if config.get_dbname() != Some(&args.database) {
            return Err(Failure::refused(format!(
                "`--apply` names another database than `{}`",
                args.database.escape_debug()
            )));
        }
        let applied = client.batch_execute(&script).await;
        applied.map_err(|error| {
            Failure::refused(format!("nothing was changed: {}", told(&error)))
                .hint("run it as a superuser, or print it and read what it needs")
        })
    })?;
    output.say("the roles are as they should be; `safeguard db doctor` shows it");
    Ok(())
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    api: &'static str,
    at: Timestamp,
    principal: Principal,
    environment: Environment,
    /// Without a password.
    user: Option<&'a str>,
    database: Option<&'a str>,
    checks: Vec<Check>,
}

fn doctor(globals: &Globals, args: &DoctorArgs, output: &Output) -> Result<(), Failure> {
    let policy = guard::policy(globals, output)?;
    let (principal, environment) = (args.principal, args.environment);
    let config = args.database.parsed()?;
    let mut checks = connect::with(&args.database, &config, async |client| {
        let mut checks = vec![identity::check(client, environment, &policy).await];
        checks.extend(powers::check(client, principal, environment).await);
        checks.extend(attempts::try_all(client, principal, environment).await);
        Ok(checks)
    })?;
    checks.extend(attempts::reach(&args.must_not_reach));
    let report = Report {
        api: "safeguard.isolation/1",
        at: exceptions::now()?,
        principal,
        environment,
        user: config.get_user(),
        database: config.get_dbname(),
        checks,
    };
    if let Some(file) = &args.report {
        let text = serde_json_canonicalizer::to_string(&report).context("cannot write JSON")?;
        let signature = signing::signature(&text, &args.key, REPORT_NAMESPACE)?;
        for (path, text) in [(file.clone(), text), (signature_of(file), signature)] {
            std::fs::write(&path, text).with_context(|| format!("cannot write `{}`", path.display()))?;
        }
    }
    output.data(&report, |report| report.checks.iter().map(described).collect())?;
    match report.checks.iter().any(|check| check.health == Health::Bad) {
        true => Err(Failure::Told),
        false => Ok(()),
    }
}

fn signature_of(file: &std::path::Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}
