//! `safeguard doctor`: what is wrong, and the command that mends it.

mod approvers;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Context;
use safeguard_api::config::Mode;
use safeguard_api::evidence::Facts;
use safeguard_api::status::Status;
use safeguard_api::{Config, Evidence, Gate, Stage};
use safeguard_audit::note;
use serde::Serialize;

use crate::api_client::ApiClient;
use crate::args::Globals;
use crate::config_file;
use crate::failure::Failure;
use crate::output::{BAD, CARE, GOOD, HINT, Output};

const DISK_BYTES_MIN: u64 = 1 << 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    Good,
    Care,
    Bad,
}

#[derive(Debug, Serialize)]
pub struct Check {
    name: &'static str,
    pub health: Health,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

pub fn good(name: &'static str, found: impl Into<String>) -> Check {
    Check {
        name,
        health: Health::Good,
        found: found.into(),
        mend: None,
    }
}

pub fn care(name: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Check {
    Check {
        name,
        health: Health::Care,
        found: found.into(),
        mend: Some(mend.into()),
    }
}

pub fn bad(name: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Check {
    Check {
        name,
        health: Health::Bad,
        found: found.into(),
        mend: Some(mend.into()),
    }
}

pub fn doctor(globals: &Globals, output: &Output) -> Result<(), Failure> {
    let mut checks = Vec::new();
    let config = configuration(&globals.config, &mut checks)?;
    checks.push(state_folder(&globals.state));
    checks.push(disk(&globals.state)?);
    let client = ApiClient::new(globals);
    let asked = client
        .as_ref()
        .map_err(Failure::clone)
        .and_then(|client| client.get::<Status>("/api/v1/status"));
    let status = match asked {
        Ok(status) => Some(status),
        Err(Failure::Refused(problem)) => {
            checks.push(bad(
                "server",
                problem.title,
                "give a token with `--token-file FILE`",
            ));
            None
        }
        Err(Failure::Undecided(problem)) => {
            checks.push(care("server", problem.title, "run `safeguard up`"));
            None
        }
        Err(Failure::Told | Failure::ToldUndecided) => None,
    };
    if let Some(config) = &config {
        let server = client.as_ref().ok().filter(|_| status.is_some());
        checks.extend(gates(config, server));
        checks.extend(approvers::check(config, server));
        checks.extend(calendars(config));
        checks.push(outside(config, &globals.state, status.as_ref()));
        if status.is_none() {
            checks.extend(ports(config));
        }
    }
    if let Some(status) = &status {
        checks.extend(running(status));
    }
    output.data(&checks, |checks| checks.iter().map(described).collect())?;
    if checks.iter().any(|check| check.health == Health::Bad) {
        Err(Failure::Told)
    } else {
        Ok(())
    }
}

pub fn described(check: &Check) -> String {
    let (style, word) = match check.health {
        Health::Good => (GOOD, "good"),
        Health::Care => (CARE, "care"),
        Health::Bad => (BAD, "bad"),
    };
    let mut text = format!("{style}{word:<5}{style:#} {:<14} {}\n", check.name, check.found);
    if let Some(mend) = &check.mend {
        text.push_str(&format!("      {HINT}hint{HINT:#}: {mend}\n"));
    }
    text
}

fn configuration(path: &Path, checks: &mut Vec<Check>) -> Result<Option<Config>, Failure> {
    if !path.exists() {
        checks.push(bad(
            "configuration",
            format!("there is no `{}`", path.display()),
            "run `safeguard init`",
        ));
        return Ok(None);
    }
    let text = config_file::read(path)?;
    match Config::parse(&text) {
        Ok(config) => {
            let mode = match config.mode {
                Mode::Enforce => "enforce",
                Mode::Observe => "observe",
            };
            checks.push(good(
                "configuration",
                format!("{} services, mode {mode}", config.services.len()),
            ));
            Ok(Some(config))
        }
        Err(problems) => {
            for problem in problems {
                let mend = problem
                    .hint
                    .clone()
                    .unwrap_or_else(|| format!("edit `{}`", path.display()));
                let bare = safeguard_api::config::ConfigProblem {
                    hint: None,
                    ..problem
                };
                checks.push(bad("configuration", format!("{}:{bare}", path.display()), mend));
            }
            Ok(None)
        }
    }
}

/// Which gates stages require, and which of them nobody has ever given evidence for: a gate without a producer refuses.
fn gates(config: &Config, server: Option<&ApiClient>) -> Vec<Check> {
    let policy = config.policy();
    let required: BTreeSet<Gate> = Stage::ALL
        .into_iter()
        .flat_map(|stage| policy.gates(stage).iter().copied())
        .collect();
    if required.is_empty() {
        return vec![good("gates", "none is required")];
    }
    let Some(server) = server else {
        let names: Vec<&str> = required.iter().map(|gate| gate.as_str()).collect();
        return vec![good("gates", format!("required: {}", names.join(", ")))];
    };
    let mut checks = Vec::new();
    for service in config.services.keys() {
        let path = format!("/api/v1/evidence?service={service}&limit=500");
        let Ok(evidence) = server.get::<Vec<Evidence>>(&path) else {
            continue;
        };
        let produced: BTreeSet<Gate> = evidence
            .iter()
            .flat_map(|one| speaks_for(&one.facts))
            .copied()
            .collect();
        for gate in &required {
            let Some(mend) = producer(*gate).filter(|_| !produced.contains(gate)) else {
                continue;
            };
            let found = format!("{service}: nobody has added evidence for {gate} yet, so it refuses");
            checks.push(match config.mode {
                Mode::Enforce => bad("gates", found, mend),
                Mode::Observe => care("gates", found, mend),
            });
        }
    }
    if checks.is_empty() {
        checks.push(good("gates", "each that is required has a producer of evidence"));
    }
    checks
}

/// What brings evidence for a gate; none where safeguard does it by itself, or people do.
fn producer(gate: Gate) -> Option<&'static str> {
    match gate {
        Gate::StaticAnalysis | Gate::SecurityScan => {
            Some("let the pipeline run a scanner, then `safeguard evidence add --format sarif FILE`")
        }
        Gate::PerformanceBaseline => Some(
            "run the same load on base and head, then `safeguard evidence add --format k6` or `oha` for each",
        ),
        Gate::DataIntegrity => {
            Some("count what must hold in the data, then `safeguard evidence add --format safeguard FILE`")
        }
        Gate::ResourceLimits | Gate::RollbackTest | Gate::HumanApproval => None,
    }
}

fn speaks_for(facts: &Facts) -> &'static [Gate] {
    match facts {
        Facts::Findings(_) => &[Gate::StaticAnalysis, Gate::SecurityScan],
        Facts::Components(_) => &[Gate::SecurityScan],
        Facts::Load(_) => &[Gate::PerformanceBaseline],
        Facts::Invariants(_) => &[Gate::DataIntegrity],
        Facts::Resources(_) => &[Gate::ResourceLimits],
        Facts::Drill(_) => &[Gate::RollbackTest],
        Facts::Tests(_) | Facts::Coverage(_) => &[],
    }
}

/// Whether the calendars of the file are understood, and what they say at this moment.
fn calendars(config: &Config) -> Vec<Check> {
    let name = "calendar";
    let checked = config.calendars.iter().map(|(calendar, spec)| {
        let understood = safeguard_server::calendars::look(spec);
        match understood {
            Ok((0, _)) => care(
                name,
                format!("`{calendar}` has no window at all"),
                "look whether its file is the right one",
            ),
            Ok((windows, says)) => good(name, format!("`{calendar}`: {windows} windows; now: {says}")),
            Err(why) => bad(
                name,
                format!("`{calendar}` is not understood, so it is closed: {why}"),
                "mend it, or remove it and run `safeguard policy apply`",
            ),
        }
    });
    checked.collect()
}

fn state_folder(state: &Path) -> Check {
    match std::fs::metadata(state) {
        Ok(found) if found.permissions().mode() & 0o077 != 0 => {
            let mend = format!("run `chmod 700 {}`", state.display());
            bad(
                "state folder",
                format!("`{}` is open to other users, and holds keys", state.display()),
                mend,
            )
        }
        Ok(_) => good("state folder", format!("`{}`", state.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => good(
            "state folder",
            format!("`{}` will be made by `safeguard up`", state.display()),
        ),
        Err(error) => bad(
            "state folder",
            format!("`{}`: {error}", state.display()),
            "name another with `--state FOLDER`",
        ),
    }
}

fn disk(state: &Path) -> Result<Check, Failure> {
    let place = if state.exists() { state } else { Path::new(".") };
    let found =
        rustix::fs::statvfs(place).with_context(|| format!("cannot measure `{}`", place.display()))?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let text = format!(
        "{} MiB free (at least {} are wanted)",
        free >> 20,
        DISK_BYTES_MIN >> 20
    );
    Ok(if free < DISK_BYTES_MIN {
        bad(
            "disk",
            text,
            "free some space, or move the state folder with `--state FOLDER`",
        )
    } else {
        good("disk", text)
    })
}

/// Whether the newest checkpoint is kept where whoever changes the database does not change it too.
fn outside(config: &Config, state: &Path, status: Option<&Status>) -> Check {
    let name = "checkpoint";
    let Some(file) = &config.audit.checkpoint_file else {
        return care(
            name,
            "none is kept outside the state folder: a log that was restored or rewritten would not be noticed",
            "set `audit.checkpoint_file`, best on another disk",
        );
    };
    let mend = "look at the disk it lies on, and run `safeguard audit export`";
    if let (Ok(file), Ok(state)) = (file.canonicalize(), state.canonicalize())
        && file.starts_with(&state)
    {
        return care(
            name,
            "it lies in the state folder",
            "move it outside: set `audit.checkpoint_file`",
        );
    }
    match (std::fs::read(file), status) {
        (Ok(bytes), Some(status)) => match note::parse_unverified(&bytes) {
            Ok(kept) if kept.size > status.log.size => bad(
                name,
                format!(
                    "`{}` has {} entries, the log {}",
                    file.display(),
                    kept.size,
                    status.log.size
                ),
                "the log was cut or restored from an older backup; verify an export with `--pin`",
            ),
            Ok(kept) => good(name, format!("`{}` has {} entries", file.display(), kept.size)),
            Err(error) => bad(
                name,
                format!("`{}` can not be read: {error}", file.display()),
                mend,
            ),
        },
        (Ok(_), None) => good(name, format!("`{}`", file.display())),
        (Err(error), Some(_)) => bad(name, format!("`{}`: {error}", file.display()), mend),
        (Err(_), None) => good(
            name,
            format!("`{}` will be written by `safeguard up`", file.display()),
        ),
    }
}

fn ports(config: &Config) -> Vec<Check> {
    let services = config
        .services
        .values()
        .flat_map(|service| service.listen.values());
    let all = std::iter::once(&config.listen.api).chain(services);
    let taken: Vec<Check> = all
        .filter_map(|address| {
            let error = TcpListener::bind(address).err()?;
            Some(bad(
                "ports",
                format!("{address}: {error}"),
                "end what listens there, or change the port",
            ))
        })
        .collect();
    if taken.is_empty() {
        vec![good("ports", "all are free")]
    } else {
        taken
    }
}

fn running(status: &Status) -> Vec<Check> {
    let mut checks = vec![good(
        "log",
        format!("{} entries, root {}", status.log.size, status.log.root),
    )];
    for process in &status.processes {
        let role = format!("{:?}", process.role).to_lowercase();
        checks.push(match process.pid {
            None => bad(
                "processes",
                format!("the {role} is down"),
                "look at the messages of `safeguard up`",
            ),
            Some(pid) if process.restarts > 0 => {
                let found = format!("{role}, pid {pid}, was restarted {} times", process.restarts);
                care("processes", found, "look at the messages of `safeguard up`")
            }
            Some(pid) => good("processes", format!("{role}, pid {pid}")),
        });
    }
    let instances = status.services.iter().flat_map(|service| &service.instances);
    let limits: BTreeSet<&str> = instances
        .flat_map(|instance| &instance.limits)
        .map(String::as_str)
        .collect();
    if !limits.is_empty() {
        let sampled = limits.iter().any(|limit| limit.contains("sampled"));
        let found = limits.into_iter().collect::<Vec<_>>().join(", ");
        checks.push(if sampled {
            care(
                "limits",
                found,
                "the kernel holds them where control groups may be made: \
                 `systemd-run --user --scope -p Delegate=yes safeguard up`",
            )
        } else {
            good("limits", found)
        });
    }
    for service in &status.services {
        if let Some(silent) = service.router_silent {
            let found = format!("silent about {} for {silent}", service.state.service);
            checks.push(bad("router", found, "look at the messages of `safeguard up`"));
        }
    }
    for warning in &status.warnings {
        checks.push(care("warning", warning, "run `safeguard status`"));
    }
    checks
}
