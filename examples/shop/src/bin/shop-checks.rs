//! The shop's checks, as its pipeline runs them before a release.

use std::path::PathBuf;

use clap::Parser;
use shop::checks::{Options, run};

/// Tests a version of the shop, loads it beside the one before, and counts what must hold in its data.
///
/// Writes tests.xml, invariants.json, load-base.json and load-head.json.
#[derive(Parser)]
struct Arguments {
    /// The program that is live.
    #[arg(long)]
    base: PathBuf,
    /// The program to be released.
    #[arg(long)]
    head: PathBuf,
    /// Where the reports go.
    #[arg(long)]
    out: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let Arguments { base, head, out } = Arguments::parse();
    run(&Options { base, head, out })
}
