//! The binary `safeguard`: commands for people and pipelines, and the processes of an installation.
//!
//! Exit codes: 0 allowed, 1 refused, 2 could not decide. Data goes to stdout, talk to stderr.

mod agent;
mod api_client;
mod approvals;
mod args;
mod artifact;
mod audit;
mod bisect;
mod changes;
mod check;
mod config_file;
mod credentials;
mod db;
mod dependencies;
mod doctor;
mod drills;
mod evidence;
mod exceptions;
mod failure;
mod freezes;
mod gates;
mod git;
mod guard;
mod init;
mod installation;
mod lint;
mod mcp;
mod osv;
mod output;
mod passkeys;
mod policy;
mod processes;
mod proxy;
#[cfg(test)]
mod reference;
mod releases;
mod replay;
mod rules;
mod sbom;
mod signing;
mod statements;
mod status;
mod suppressions;
mod tokens;
mod undo;
mod up;
mod verify;
mod watch;

use std::process::ExitCode;

use crate::args::{Cli, Command};
use crate::failure::Failure;
use crate::output::Output;

fn main() -> ExitCode {
    let cli = Cli::typed();
    let output = Output::new(cli.globals.json);
    match run(cli, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            failure.exit_code()
        }
    }
}

fn run(cli: Cli, output: &Output) -> Result<(), Failure> {
    let globals = cli.globals;
    match cli.command {
        Command::Init(args) => init::init(&globals, &args, output),
        Command::Up => up::up(&globals, output),
        Command::Status => status::status(&globals, output),
        Command::Doctor => doctor::doctor(&globals, output),
        Command::Check(args) => check::check(&args, output),
        Command::Verify { verb } => verify::verify(verb, output),
        Command::Rules { verb } => rules::rules(verb, output),
        Command::Osv { verb } => osv::osv(verb, output),
        Command::Sbom(args) => sbom::sbom(&args, output),
        Command::Change { verb } => changes::change(&globals, verb, output),
        Command::Release { verb } => releases::release(&globals, verb, output),
        Command::Approve(args) => approvals::approve(&globals, *args, output),
        Command::Approval { verb } => approvals::approval(&globals, verb, output),
        Command::Passkey { verb } => passkeys::passkey(&globals, verb, output),
        Command::Suppression { verb } => suppressions::suppression(verb, output),
        Command::Waiver { verb } => exceptions::waiver(&globals, verb, output),
        Command::Breakglass { verb } => exceptions::breakglass(&globals, verb, output),
        Command::Rollout { verb } => watch::rollout(&globals, verb, output),
        Command::Freeze { verb } => freezes::freeze(&globals, verb, output),
        Command::Evidence { verb } => evidence::evidence(&globals, verb, output),
        Command::Gate { verb } => gates::gate(&globals, verb, output),
        Command::Drill { verb } => drills::drill(&globals, verb, output),
        Command::Guard { verb } => guard::guard(&globals, verb, output),
        Command::Mcp(args) => mcp::mcp(&globals, args, output),
        Command::Db { verb } => db::db(&globals, verb, output),
        Command::Undo(args) => undo::undo(*args, output),
        Command::Agent { verb } => agent::agent(&globals, verb, output),
        Command::Statement { verb } => statements::statement(&globals, verb, output),
        Command::Proxy { verb } => proxy::proxy(&globals, verb, output),
        Command::Credential { verb } => credentials::credential(&globals, verb, output),
        Command::Audit { verb } => audit::audit(&globals, verb, output),
        Command::Policy { verb } => policy::policy(&globals, verb, output),
        Command::Token { verb } => tokens::token(&globals, verb, output),
        Command::Schema => output.json_text(&safeguard_api::config::schema()),
        Command::Server(args) => processes::server(&globals, &args),
        Command::Router(args) => processes::router(&globals, &args),
        Command::ProxyProcess(args) => processes::proxy(&globals, &args),
        Command::DrillProcess => processes::drill(),
        Command::Launch => Err(processes::launch()),
    }
}
