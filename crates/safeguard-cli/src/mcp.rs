//! `safeguard mcp`: the guard as tools for agents, over the Model Context Protocol on standard input and output.
//!
//! An agent asks before it acts, and reads from a database through the same rules. Nothing here changes anything but `undo`,
//! where the policy lets an agent write what comes back.

mod query;
mod tools;
mod undo;

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use rmcp::ServiceExt as _;
use safeguard_api::Environment;

use crate::args::Globals;
use crate::db::connect::DatabaseArgs;
use crate::failure::Failure;
use crate::guard;
use crate::output::Output;
use tools::Tools;

#[derive(Debug, Args)]
#[command(
    after_help = "Tools: explain_sql, explain_command, lint_migration, status, undo, and with `--db` query, which reads and changes nothing. \
With `--undo-db` undo shows what would come back, and brings it back where the policy lets an agent write that much; without, it says what \
a person runs.

Example, for an agent that reads `.mcp.json`:
  { \"mcpServers\": { \"safeguard\": { \"command\": \"safeguard\", \"args\": [\"mcp\", \"--env\", \"production\"] } } }"
)]
pub struct McpArgs {
    /// Whose database the statements are meant for: dev, qa, staging or production
    #[arg(long = "env", value_name = "ENVIRONMENT", default_value = "production")]
    pub environment: Environment,
    /// The database that the tool `query` reads from, with a credential that only reads; unsaid: there is no such tool. The password may
    /// be in PGPASSWORD
    #[arg(
        long,
        value_name = "URL",
        env = "SAFEGUARD_DATABASE_URL",
        hide_env_values = true
    )]
    pub db: Option<String>,
    /// The database that the tool `undo` brings back rows in, as the role that installed undo: the agent must not be able to read
    /// this address with its password
    #[arg(
        long,
        value_name = "URL",
        env = "SAFEGUARD_UNDO_DATABASE_URL",
        hide_env_values = true
    )]
    pub undo_db: Option<String>,
    /// The folder that undo records were shipped to
    #[arg(long, value_name = "FOLDER", requires = "undo_db")]
    pub undo_from: Option<PathBuf>,
    /// PEM with the authorities that may have signed the server's certificate
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
}

pub fn mcp(globals: &Globals, args: McpArgs, output: &Output) -> Result<(), Failure> {
    let reached = |url| DatabaseArgs {
        url,
        ca: args.ca.clone(),
    };
    let (database, undo_database) = (args.db.map(reached), args.undo_db.map(reached));
    for database in [&database, &undo_database].into_iter().flatten() {
        // What is mistyped is told before an agent asks.
        database.parsed()?;
    }
    let tools = Tools {
        environment: args.environment,
        policy: guard::policy(globals, output)?,
        database,
        undo_database,
        undo_from: args.undo_from,
        globals: globals.clone(),
    };
    // Reading standard input blocks a thread of its own, which nothing can take back: the program ends beside it.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start")?;
    let ended = runtime.block_on(async {
        let service = tools
            .serve(rmcp::transport::stdio())
            .await
            .context("the agent did not greet as the protocol asks")?;
        service.waiting().await.context("the conversation broke off")
    });
    runtime.shutdown_background();
    ended?;
    Ok(())
}
