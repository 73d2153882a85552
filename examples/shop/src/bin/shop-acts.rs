//! The narrator of `./run`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use shop::acts::{Options, run};

/// Plays seven releases of a shop, good and bad ones, a coding agent in front of a database, and a change before it runs.
#[derive(Parser)]
struct Arguments {
    /// End by itself: exit 0 when every act ended as it must, 1 otherwise.
    #[arg(long)]
    once: bool,
    /// Print one JSON object for each act on standard output, and talk on standard error.
    #[arg(long)]
    json: bool,
    /// Play act 8 alone, an agent in front of a database; takes seconds.
    #[arg(long)]
    incident: bool,
    /// Repeats the same visits by the same users.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The program `safeguard`; unsaid: the one beside this program.
    #[arg(long, env = "SAFEGUARD_BINARY")]
    safeguard: Option<PathBuf>,
}

fn main() -> ExitCode {
    match play() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(1)
        }
    }
}

fn play() -> anyhow::Result<bool> {
    let arguments = Arguments::parse();
    let own = std::env::current_exe().context("cannot find this program's own file")?;
    let binaries = own.parent().context("this program lies in no folder")?.to_owned();
    let safeguard = arguments.safeguard.unwrap_or_else(|| binaries.join("safeguard"));
    anyhow::ensure!(
        safeguard.exists(),
        "`{}` is missing: run `cargo build`",
        safeguard.display()
    );
    let safeguard = safeguard.canonicalize()?;
    run(&Options {
        once: arguments.once,
        json: arguments.json,
        incident: arguments.incident,
        seed: arguments.seed,
        binaries,
        safeguard,
    })
}
