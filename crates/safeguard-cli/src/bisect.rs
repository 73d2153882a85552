//! `safeguard release bisect`: artifacts of some of the changes are made here, where the repository is, and tried there.
//!
//! The program that makes them runs with the rights of whoever types this, and is named by the file that lies here: the
//! server says which commits, never what to run, and nothing is built where it runs.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use safeguard_api::bisect::{
    BatchChange, Bisect, BisectSpec, BisectState, BisectStatus, Conclusion, Method, NOT_BUILT_WHY_BYTES_MAX,
    NotBuilt, Suspect, Trial, TrialOutcome,
};
use safeguard_api::config::RebuildCommand;
use safeguard_api::status::ReleaseStatus;
use safeguard_api::{ChangeId, Name};
use safeguard_target::{RebuildError, Wanted, rebuild};
use tokio::runtime::Runtime;

use crate::api_client::{ApiClient, query};
use crate::args::{BisectArgs, Globals};
use crate::artifact::{self, Packed};
use crate::failure::Failure;
use crate::output::{BAD, CARE, GOOD, HINT, Output, table};
use crate::{config_file, processes};

const LOOK_EVERY: Duration = Duration::from_millis(500);

pub fn bisect(
    globals: &Globals,
    client: &ApiClient,
    args: BisectArgs,
    output: &Output,
) -> Result<(), Failure> {
    let release = &args.release;
    let shown: ReleaseStatus = client.get(&format!("/api/v1/releases/{release}"))?;
    let builder = if args.by_evidence {
        None
    } else {
        Builder::find(globals, &shown.release.service, output)?
    };
    let path = format!("/api/v1/releases/{release}/bisect");
    let spec = BisectSpec {
        method: if builder.is_some() {
            Method::Rebuild
        } else {
            Method::Evidence
        },
        anew: args.anew,
        failing_paths: args.failing_paths,
    };
    let begun: BisectStatus = client.post(&path, &spec)?;
    let status = match builder {
        Some(builder) => Search {
            client,
            path: &path,
            builder,
            output,
        }
        .follow(begun)?,
        None => begun,
    };
    output.data(&status, described)?;
    for hint in &status.hints {
        output.say(&format!("{HINT}hint{HINT:#}: {hint}"));
    }
    verdict(&status.bisect)
}

/// The program of the configuration that lies here.
struct Builder {
    command: RebuildCommand,
    folder: PathBuf,
    launcher: Vec<String>,
    runtime: Runtime,
    /// Ends when a person breaks off: from the first build on, Ctrl-C does nothing else.
    stopped: Pin<Box<dyn Future<Output = ()>>>,
}

impl Builder {
    fn find(globals: &Globals, service: &Name, output: &Output) -> Result<Option<Builder>, Failure> {
        let file = &globals.config;
        let missing = |why: String| {
            output.say(&format!(
                "{CARE}care{CARE:#}: {why}: nothing is tried, and there are suspicions only"
            ));
            Ok(None)
        };
        if !file.exists() {
            return missing(format!("there is no `{}` here", file.display()));
        }
        let (config, _) = config_file::load(file, output)?;
        let Some(command) = config
            .services
            .get(service)
            .and_then(|service| service.rebuild.clone())
        else {
            return missing(format!(
                "`{}` has no `[services.{service}.rebuild]`",
                file.display()
            ));
        };
        let file = std::path::absolute(file).context("cannot find the folder of the configuration")?;
        let runtime = processes::runtime(1)?;
        let stopped = runtime.block_on(async { processes::stop_signal() })?;
        Ok(Some(Builder {
            command,
            folder: file.parent().unwrap_or(Path::new("/")).to_owned(),
            launcher: processes::launcher()?,
            runtime,
            stopped: Box::pin(stopped),
        }))
    }

    /// Makes the artifact of these changes alone, and packs it.
    fn build(&mut self, bisect: &Bisect, changes: &[BatchChange]) -> Result<Result<Packed, String>, Failure> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let out = folder.path().join("artifact");
        let base = bisect.changes.first().context("the batch has no change")?;
        let wanted = Wanted {
            service: &bisect.service,
            release: &bisect.release,
            base: &base.base,
            changes,
            out: &out,
        };
        let made = self.runtime.block_on(rebuild(
            &self.command,
            &self.folder,
            &self.launcher,
            wanted,
            &mut self.stopped,
        ));
        match made {
            Ok(()) => Ok(artifact::pack(&out).map_err(|error| format!("{error:#}"))),
            Err(RebuildError::NotBuilt(why)) => Ok(Err(why)),
            Err(RebuildError::NotStarted(why)) => Err(Failure::undecided(why).hint(format!(
                "mend `[services.{}.rebuild]`, then run this again: it goes on",
                bisect.service
            ))),
            Err(RebuildError::BrokenOff) => Err(broken_off(bisect)),
        }
    }

    /// Waits a moment, or breaks off.
    fn wait(&mut self, bisect: &Bisect) -> Result<(), Failure> {
        let is_over = self.runtime.block_on(async {
            tokio::select! {
                () = &mut self.stopped => false,
                () = tokio::time::sleep(LOOK_EVERY) => true,
            }
        });
        if is_over { Ok(()) } else { Err(broken_off(bisect)) }
    }
}

fn broken_off(bisect: &Bisect) -> Failure {
    Failure::undecided("broken off").hint(format!("`safeguard release bisect {}` goes on", bisect.release))
}

struct Search<'a> {
    client: &'a ApiClient,
    path: &'a str,
    builder: Builder,
    output: &'a Output,
}

impl Search<'_> {
    /// Makes what is wanted and waits for its trial, until nothing is wanted any more.
    fn follow(&mut self, mut status: BisectStatus) -> Result<BisectStatus, Failure> {
        let quiet = self.output.json || !std::io::stderr().is_terminal();
        let bar = if quiet {
            ProgressBar::hidden()
        } else {
            ProgressBar::new_spinner()
        };
        let style = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}");
        bar.set_style(style.context("the progress bar's template")?);
        let mut told = status.bisect.trials.len();
        loop {
            for trial in status.bisect.trials.iter().skip(told) {
                let line = trial_line(&status.bisect, trial);
                bar.suspend(|| self.output.say(&line));
            }
            told = status.bisect.trials.len();
            status = match &status.state {
                BisectState::Over => {
                    bar.finish_and_clear();
                    return Ok(status);
                }
                BisectState::Trying { trial, step, .. } => {
                    bar.set_message(format!("trial {trial}: {step}"));
                    bar.tick();
                    self.builder.wait(&status.bisect)?;
                    self.client.get(self.path)?
                }
                BisectState::WantsArtifact { trial, changes } => {
                    let what = numbers(&status.bisect, changes);
                    bar.suspend(|| self.output.say(&format!("Trial {trial}: builds {what}")));
                    self.provide(&status.bisect, *trial, changes)?
                }
            };
        }
    }

    fn provide(
        &mut self,
        bisect: &Bisect,
        trial: u32,
        changes: &[ChangeId],
    ) -> Result<BisectStatus, Failure> {
        let wanted = |change: &&BatchChange| changes.contains(&change.change);
        let changes: Vec<BatchChange> = bisect.changes.iter().filter(wanted).cloned().collect();
        match self.builder.build(bisect, &changes)? {
            Ok(packed) => {
                let said = [
                    ("trial", Some(trial.to_string())),
                    ("digest", Some(packed.digest.to_string())),
                ];
                let to = format!("{}?{}", self.path, query(&said));
                artifact::send(self.client, &to, packed, self.output)?;
                self.client.get(self.path)
            }
            Err(mut why) => {
                why.truncate(why.floor_char_boundary(NOT_BUILT_WHY_BYTES_MAX));
                self.client
                    .post(&format!("{}/unbuilt", self.path), &NotBuilt { trial, why })
            }
        }
    }
}

/// Only a change that is named is an answer.
fn verdict(bisect: &Bisect) -> Result<(), Failure> {
    match &bisect.conclusion {
        Some(Conclusion::Found { culprits, .. })
            if culprits
                .iter()
                .any(|culprit| !culprit.cleared && !culprit.at_fault.is_empty()) =>
        {
            Ok(())
        }
        Some(conclusion) => Err(Failure::undecided(conclusion.to_string())),
        None => Err(Failure::undecided("the search is not over")),
    }
}

fn described(status: &BisectStatus) -> String {
    let bisect = &status.bisect;
    let mut text = format!("{} {}, beside {}\n", bisect.release, bisect.service, bisect.base);
    let suspicion = |suspect: &Suspect| {
        suspect
            .reasons
            .first()
            .map_or("-".to_owned(), ToString::to_string)
    };
    let row = |suspect: &Suspect| {
        let head = bisect
            .changes
            .iter()
            .find(|change| change.change == suspect.change);
        vec![
            numbers(bisect, std::slice::from_ref(&suspect.change)),
            suspect.change.to_string(),
            head.map_or("-".to_owned(), |change| change.head.chars().take(12).collect()),
            suspicion(suspect),
        ]
    };
    let rows: Vec<Vec<String>> = bisect.suspects.iter().map(row).collect();
    text.push_str(&table(
        &["", "CHANGE", "HEAD", "SUSPECTED FOR, AND NOT MORE THAN THAT"],
        &rows,
    ));
    for trial in &bisect.trials {
        text.push_str(&trial_line(bisect, trial));
        text.push('\n');
    }
    if let Some(conclusion) = &bisect.conclusion {
        let style = match verdict(bisect) {
            Ok(()) => BAD,
            Err(_) => CARE,
        };
        text.push_str(&format!("{style}{conclusion}{style:#}\n"));
    }
    text
}

fn trial_line(bisect: &Bisect, trial: &Trial) -> String {
    let style = match trial.outcome {
        TrialOutcome::Good => GOOD,
        TrialOutcome::Bad { .. } => BAD,
        TrialOutcome::NotBuilt | TrialOutcome::Unclear => CARE,
    };
    let (number, what) = (trial.number, numbers(bisect, &trial.changes));
    format!(
        "trial {number}, {what}: {style}{}{style:#}: {}",
        trial.outcome, trial.why
    )
}

/// Changes by their places in the batch, such as `1-3, 5`.
fn numbers(bisect: &Bisect, changes: &[ChangeId]) -> String {
    let places: Vec<usize> = (1..)
        .zip(&bisect.changes)
        .filter(|(_, change)| changes.contains(&change.change))
        .map(|(place, _)| place)
        .collect();
    if places.is_empty() {
        return "the base alone".to_owned();
    }
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for place in places {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == place => *last = place,
            Some(_) | None => runs.push((place, place)),
        }
    }
    let run = |(first, last): &(usize, usize)| match first == last {
        true => format!("#{first}"),
        false => format!("#{first}-{last}"),
    };
    runs.iter().map(run).collect::<Vec<_>>().join(", ")
}
