//! The load process: plays the shop's users, and counts what they see.

use std::time::Duration;

use clap::Parser;
use shop::load::{Options, Target, run};

/// Plays the shop's users, and counts what they see.
///
/// Reads `{"call":"counts"}`, `{"call":"mark"}` and `{"call":"stop"}` as lines on standard input; answers each with a
/// line of JSON. Ends when standard input does.
#[derive(Parser)]
struct Arguments {
    /// Repeats the same visits by the same users.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Distinct users in each environment.
    #[arg(long, default_value_t = 3000)]
    users: u32,
    /// A page that takes longer is called slow.
    #[arg(long, default_value_t = 60)]
    slow_ms: u64,
    /// Visit shops that stand alone, without a router that names releases.
    #[arg(long)]
    alone: bool,
    /// Whom to visit and how often a second, such as `production=127.0.0.1:7414,500`.
    #[arg(long = "target", required = true)]
    targets: Vec<Target>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    run(&Options {
        seed: arguments.seed,
        users: arguments.users,
        slow_over: Duration::from_millis(arguments.slow_ms),
        alone: arguments.alone,
        targets: arguments.targets,
    })
}
