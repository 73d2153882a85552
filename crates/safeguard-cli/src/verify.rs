//! `safeguard verify`: what only shows when the code runs: lines that no test would miss, and results that a change has changed.

mod bench;
mod copies;
mod differences;
mod kept;
mod mutants;
mod ran;
mod report;
mod runs;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use safeguard_api::Span;

use crate::check::{CheckArgs, Format};
use crate::failure::Failure;
use crate::output::Output;

#[derive(Debug, Subcommand)]
pub enum VerifyVerb {
    /// Break the changed lines, one at a time, and see whether a test fails
    #[command(
        after_help = "The tests run in a copy of the files, first as they are, and then with each mutant. What was tried
is kept under `.git/safeguard`: the same command goes on where it ended. Mutants run as your tests
do, with your rights: a guard that is left out guards nothing, so run it where the tests may do harm
to nothing.

Exit codes: 0 passes, 1 refused, 2 could not decide.

Examples:
  safeguard verify mutants --test 'pytest -q'
  safeguard verify mutants --test 'node --test' --budget 5m --jobs 2
  safeguard verify mutants --test 'npm test' --refuse-survivors 20 --format sarif --output m.sarif"
    )]
    Mutants(Box<MutantsArgs>),
    /// Call the changed functions as they were and as they are, with the same arguments, and show what differs
    #[command(
        after_help = "Only functions are called that read and write nothing but their arguments, as far as their text
tells. Arguments come from type annotations and defaults: by Hypothesis where the project's Python
has it, by fast-check where the project has it, or else by a small generator; always the same ones.

Exit codes: 0 whatever differs (it is advice), 2 could not decide.

Examples:
  safeguard verify differences
  safeguard verify differences --python .venv/bin/python --intent docs/intent.md"
    )]
    Differences(Box<DifferencesArgs>),
}

/// What is compared with what, as `safeguard check` does.
#[derive(Debug, Clone, Args)]
pub struct ComparedArgs {
    /// Look at these files and folders alone
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// What the branch began from; unsaid: where it left the default branch (`origin/HEAD`, `main` or `master`)
    #[arg(long, value_name = "COMMIT", conflicts_with_all = ["range", "staged"])]
    pub base: Option<String>,
    /// Look at what is staged, against the last commit
    #[arg(long, conflicts_with = "range")]
    pub staged: bool,
    /// Look at what is between two commits: `A..B`
    #[arg(long, value_name = "A..B")]
    pub range: Option<String>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Write it here, and a summary to the terminal
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct MutantsArgs {
    #[command(flatten)]
    pub compared: ComparedArgs,
    /// The command that runs the tests, in quotes; it is split into words, and no shell reads it
    #[arg(long, value_name = "COMMAND")]
    pub test: String,
    /// How long all of it may take; what is not tried by then is tried by the next run
    #[arg(long, value_name = "TIME", default_value = "10m")]
    pub budget: Span,
    /// How many copies of the tests run at once
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub jobs: u32,
    /// How many mutants at most: those whose survival says the most
    #[arg(long, value_name = "COUNT", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub max: u32,
    /// How many mutants of a function at most
    #[arg(long, value_name = "COUNT", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub max_per_function: u32,
    /// Refuse when more than so many of a hundred mutants survive
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub refuse_survivors: Option<u32>,
    /// A file or folder that git ignores and the tests need, shown to them by a link; may be given again
    #[arg(long, value_name = "PATH")]
    pub share: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct DifferencesArgs {
    #[command(flatten)]
    pub compared: ComparedArgs,
    /// The Python that runs the project; unsaid: that of `.venv` or `venv`, or `python3`
    #[arg(long, value_name = "PROGRAM")]
    pub python: Option<PathBuf>,
    /// The Node.js that runs the project
    #[arg(long, value_name = "PROGRAM", default_value = "node")]
    pub node: PathBuf,
    /// What the change is for: a file; unsaid: the messages of its commits
    #[arg(long, value_name = "FILE")]
    pub intent: Option<PathBuf>,
    /// How many calls of a function
    #[arg(long, value_name = "COUNT", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub calls: u32,
    /// How long one function may take altogether
    #[arg(long, value_name = "TIME", default_value = "20s")]
    pub longest: Span,
}

pub fn verify(verb: VerifyVerb, output: &Output) -> Result<(), Failure> {
    match verb {
        VerifyVerb::Mutants(args) => mutants::mutants(&args, output),
        VerifyVerb::Differences(args) => differences::differences(&args, output),
    }
}

impl ComparedArgs {
    fn as_check(&self) -> CheckArgs {
        CheckArgs {
            paths: self.paths.clone(),
            base: self.base.clone(),
            staged: self.staged,
            range: self.range.clone(),
            advice: true,
            format: self.format,
            output: self.output.clone(),
            ..CheckArgs::default()
        }
    }
}
