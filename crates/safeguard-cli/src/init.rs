//! `safeguard init`: a commented configuration that starts in observe mode.

use std::fs::File;
use std::io::Write;

use anyhow::Context;
use clap::Args;
use safeguard_api::{Config, Gate, Name};

use crate::args::Globals;
use crate::failure::Failure;
use crate::output::Output;

#[derive(Debug, Args)]
pub struct InitArgs {
    /// The name of the service
    #[arg(long, default_value = "app")]
    pub service: Name,
    /// The program within the artifact, then its arguments
    #[arg(long, num_args = 1.., value_name = "WORD", default_values_t = ["bin/app".to_owned()])]
    pub command: Vec<String>,
    /// The port of production; dev, qa and staging take the three after it
    #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..=65532))]
    pub port: u16,
}

pub fn init(globals: &Globals, args: &InitArgs, output: &Output) -> Result<(), Failure> {
    let path = &globals.config;
    let text = template(args);
    if let Err(problems) = Config::parse(&text) {
        let details = problems.iter().map(ToString::to_string).collect();
        return Err(Failure::refused("this would not be a configuration").details(details));
    }
    let mut file = match File::create_new(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(Failure::refused(format!("`{}` exists already", path.display()))
                .hint("`--config FILE` writes another"));
        }
        Err(error) => {
            return Err(anyhow::Error::from(error)
                .context(format!("cannot write `{}`", path.display()))
                .into());
        }
    };
    file.write_all(text.as_bytes())
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    // The rest is produced by safeguard itself, or by people.
    let wanted = [
        Gate::StaticAnalysis,
        Gate::SecurityScan,
        Gate::PerformanceBaseline,
        Gate::DataIntegrity,
    ];
    let gates: Vec<&str> = wanted.iter().map(|gate| gate.as_str()).collect();
    output.line(
        &serde_json::json!({ "written": path, "mode": "observe", "gates_without_producer": gates }),
        &format!("Wrote `{}`", path.display()),
    )?;
    output.say(&format!(
        "It starts in observe mode: every decision is made and recorded, and nothing is held or moved.\n\
         Nobody gives evidence yet for {}: in enforce mode they would hold every release.\n\
         docs/guides/evidence.md shows how a pipeline gives it; `safeguard doctor` lists what is lacking.\n\
         Next: edit `command` and `health_path`, then run `safeguard up`.",
        gates.join(", ")
    ));
    Ok(())
}

fn template(args: &InitArgs) -> String {
    let service = &args.service;
    let command: Vec<String> = args
        .command
        .iter()
        .map(|word| toml::Value::from(word.as_str()).to_string())
        .collect();
    let command = command.join(", ");
    let [production, dev, qa, staging] = [0, 1, 2, 3].map(|more| args.port + more);
    format!(
        r#"# safeguard.toml — every key is described in docs/reference/configuration.md, and by `safeguard schema`.

# observe: decide and record, hold and move nothing. enforce: do what is decided.
mode = "observe"

[listen]
# The API and the status page. An address that other machines can reach is refused: there is no TLS.
api = "127.0.0.1:7400"

[services.{service}]
# Program and arguments; a relative program is taken from the artifact. It must listen on $HOST:$PORT.
command = [{command}]
# A GET of this path answers 2xx when the process can serve.
health_path = "/healthz"
# Processes of each arm in each environment.
instances = 1

# Where users reach it; the router listens here.
[services.{service}.listen]
dev = "127.0.0.1:{dev}"
qa = "127.0.0.1:{qa}"
staging = "127.0.0.1:{staging}"
production = "127.0.0.1:{production}"

# What tells one user from another; without it the router sets a cookie of its own.
# [services.{service}.user_key]
# cookie = "session"

# [services.{service}.variables.production]
# DATABASE = "/srv/{service}/production.db"

[services.{service}.limits]
memory_bytes_max = 1073741824
cpu_percent_max = 400
open_files_max = 4096

# What each stage asks before a release leaves it. Unsaid: 2 h, 24 h, 48 h, the canary's steps, 24 h. Gates grow with the
# way: static-analysis and security-scan before dev is left; performance-baseline and data-integrity besides before QA
# is; resource-limits, rollback-test and human-approval too from staging on. One without evidence is inconclusive, and
# refuses in enforce mode: docs/guides/evidence.md. People tick the boxes of the checklist, and approve: docs/guides/approvals.md.
[stages.dev]
soak = "2h"
# requests_min = 100
# error_permille_max = 50
# gates = []
# promotion = "manual"

[stages.qa]
soak = "24h"

[stages.staging]
soak = "48h"

[stages.canary]
steps = [
    {{ weight = 1, soak = "30m", requests_min = 200 }},
    {{ weight = 5, soak = "30m", requests_min = 500 }},
    {{ weight = 10, soak = "1h", requests_min = 1000 }},
    {{ weight = 25, soak = "1h", requests_min = 1000 }},
    {{ weight = 50, soak = "2h", requests_min = 2000 }},
    {{ weight = 100, soak = "2h", requests_min = 2000 }},
]
# How much worse than stable it may be, in bad answers in a thousand.
margin_permille = 5.0

[stages.production]
soak = "24h"

[judge]
# The chance that a healthy release is rolled back by the judge, over its whole rollout.
alpha = 0.001

# [notify]
# A program that gets each notice as JSON on its standard input: held, rolled_back, live.
# exec = ["/usr/local/bin/tell-the-team"]

# [audit]
# The newest checkpoint is kept here too, best on another disk: it shows when the log was restored or rewritten.
# checkpoint_file = "/mnt/backup/safeguard.checkpoint"
"#
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_written_can_be_read_and_observes() {
        let args = InitArgs {
            service: "shop".parse().unwrap(),
            command: vec!["bin/a \"b\"".to_owned(), "--x".to_owned()],
            port: 65532,
        };
        let config = Config::parse(&template(&args)).unwrap();
        assert_eq!(config.mode, safeguard_api::config::Mode::Observe);
        // What the template says of the stages is what is in force when nothing is said.
        assert_eq!(config.stages, safeguard_api::config::Stages::default());
    }
}
