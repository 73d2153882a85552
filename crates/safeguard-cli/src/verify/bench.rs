//! Tests of a project with one broken file after the other, in copies of its files.

use std::cell::{Cell, RefCell};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::future::try_join_all;
use indicatif::{ProgressBar, ProgressStyle};
use safeguard_scan::matching::Source;
use sha2::{Digest, Sha256};

use super::copies::{Copy, hexadecimal};
use super::kept::{Kept, Outcome, Tried};
use super::mutants::File;
use super::ran::{PYTEST_ARGUMENTS, Ran};
use super::runs::{self, Ended};
use crate::failure::Failure;
use crate::output::Output;

/// Tests with a mutant may take so many times as long as without, and a little more.
const SLOWER_MAX: u32 = 3;
const SLOWER_BY: Duration = Duration::from_secs(5);
const OUTPUT_LINES_SHOWN: usize = 30;

/// What is common to all trials.
pub struct Bench {
    words: Vec<String>,
    copies: Vec<Copy>,
    /// Of the files and the command.
    about: String,
    /// How long the tests of one mutant may take.
    pub limit: Duration,
    /// How many tests there are, where they tell.
    tests: Option<usize>,
    until: Instant,
}

pub struct Trial<'t> {
    path: &'t str,
    original: &'t str,
    broken: String,
    pub key: String,
}

impl Bench {
    pub fn new(words: Vec<String>, copies: Vec<Copy>, about: String, until: Instant) -> Bench {
        Bench {
            words,
            copies,
            about,
            limit: Duration::ZERO,
            tests: None,
            until,
        }
    }

    pub fn trial<'t>(&self, source: &'t Source, broken: String) -> Trial<'t> {
        let mut digest = Sha256::new();
        for part in [self.about.as_str(), &source.path, &broken] {
            digest.update(part.as_bytes());
            digest.update([0]);
        }
        Trial {
            path: &source.path,
            original: source.tree.text(),
            broken,
            key: hexadecimal(&digest.finalize()),
        }
    }

    /// Whether something has to be run that was not before.
    pub fn is_anything_new(&self, files: &[File], probes: &[Trial<'_>], kept: &Kept) -> bool {
        let outcomes = probes.iter().map(|probe| kept.get(&probe.key));
        let mut unrun = Vec::new();
        for ((file, probe), outcome) in files
            .iter()
            .flat_map(|file| file.probes.iter().map(move |(probe, _)| (file, probe)))
            .zip(outcomes)
        {
            match outcome.map(|tried| tried.outcome) {
                None => return true,
                Some(Outcome::Survived) => unrun.push((file.source.path.as_str(), probe.function.as_str())),
                Some(Outcome::Killed | Outcome::TimedOut | Outcome::NotBuilt) => {}
            }
        }
        files.iter().any(|file| {
            file.mutants.iter().any(|(mutant, _)| {
                let broken = mutant.applied(file.source.tree.text());
                !unrun.contains(&(file.source.path.as_str(), mutant.function.as_str()))
                    && kept.get(&self.trial(&file.source, broken).key).is_none()
            })
        })
    }

    /// The tests as they are. They have to pass: how long a mutant may take, and how many tests there are, is told by them.
    pub async fn begin(&mut self) -> Result<Duration, Failure> {
        let (longest, tests) = self.unbroken(false).await?;
        self.limit = longest * SLOWER_MAX + SLOWER_BY;
        self.tests = tests;
        Ok(self.limit)
    }

    /// The tests as they are once more: the mutants have left nothing behind.
    pub async fn end(&self) -> Result<(), Failure> {
        self.unbroken(true).await.map(drop)
    }

    /// In every copy at once, as the mutants are.
    async fn unbroken(&self, again: bool) -> Result<(Duration, Option<usize>), Failure> {
        let left = self.until.saturating_duration_since(Instant::now());
        let runs = self.copies.iter().map(|copy| self.test(copy, left));
        let mut longest = Duration::ZERO;
        for ended in try_join_all(runs).await? {
            if !ended.passed() {
                return Err(self.failing(&ended, again));
            }
            longest = longest.max(ended.took);
        }
        let reports = self.copies.iter().map(|copy| Ran::take(&copy.report()));
        let tests = reports.map(|ran| ran.map(|ran| ran.count())).min().flatten();
        Ok((longest, tests))
    }

    fn failing(&self, ended: &Ended, again: bool) -> Failure {
        let how = match ended.status {
            Some(status) => format!("ended with {status}"),
            None => "did not end within the budget".to_owned(),
        };
        let title = match again {
            false => format!("without any mutant, `{}` {how}", self.words.join(" ")),
            true => format!("after the mutants, `{}` {how} without one", self.words.join(" ")),
        };
        let hint = match again {
            false => {
                "the tests run in a copy of the files: what they need of what git ignores is named with `--share`"
            }
            true => {
                "the tests leave something behind, or fail at times: what they said of the mutants does not count"
            }
        };
        let lines: Vec<&str> = ended.stdout.lines().chain(ended.stderr.lines()).collect();
        let shown = lines.len().saturating_sub(OUTPUT_LINES_SHOWN);
        Failure::undecided(title)
            .details(lines[shown..].iter().map(|line| (*line).to_owned()).collect())
            .hint(hint)
    }

    async fn test(&self, copy: &Copy, longest: Duration) -> anyhow::Result<Ended> {
        let mut command = runs::command(&self.words, copy.path());
        // What is compiled is told from its source by the second and the size, which a mutant may share with the one before.
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        // The copy's modules go before those that the project is installed with for development.
        let mut path = vec![copy.path().to_path_buf(), copy.path().join("src")];
        if let Some(own) = std::env::var_os("PYTHONPATH") {
            path.extend(std::env::split_paths(&own));
        }
        command.env(
            "PYTHONPATH",
            std::env::join_paths(path).context("cannot set PYTHONPATH")?,
        );
        let mut pytest = std::env::var(PYTEST_ARGUMENTS).unwrap_or_default();
        pytest.push_str(&format!(" --junitxml='{}'", copy.report().display()));
        command.env(PYTEST_ARGUMENTS, pytest);
        runs::run(command, Stdio::null(), longest)
            .await
            .with_context(|| format!("cannot run `{}`", self.words.join(" ")))
    }

    /// Tries them in the order given, on all copies; none where the time was over.
    pub async fn tried(
        &self,
        trials: &[Trial<'_>],
        kept: &mut Kept,
        output: &Output,
    ) -> Result<Vec<Option<Tried>>, Failure> {
        let bar = progress(trials.len(), output);
        let next = Cell::new(0);
        let found = RefCell::new(vec![None; trials.len()]);
        let kept = RefCell::new(kept);
        let workers = self.copies.iter().map(|copy| async {
            loop {
                let at = next.replace(next.get() + 1);
                let Some(trial) = trials.get(at) else {
                    break;
                };
                let known = kept.borrow().get(&trial.key).cloned();
                let is_new = known.is_none();
                let tried = match known {
                    Some(tried) => Some(tried),
                    None => self.outcome(copy, trial).await?,
                };
                if let Some(tried) = tried.as_ref().filter(|_| is_new) {
                    kept.borrow_mut().add(&trial.key, tried)?;
                }
                if let Some(place) = found.borrow_mut().get_mut(at) {
                    *place = tried;
                }
                bar.inc(1);
            }
            anyhow::Ok(())
        });
        try_join_all(workers).await?;
        bar.finish_and_clear();
        Ok(found.into_inner())
    }

    async fn outcome(&self, copy: &Copy, trial: &Trial<'_>) -> anyhow::Result<Option<Tried>> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        let file = copy.path().join(trial.path);
        let shown = || format!("cannot write `{}`", file.display());
        std::fs::write(&file, &trial.broken).with_context(shown)?;
        let ended = self.test(copy, left.min(self.limit)).await;
        std::fs::write(&file, trial.original).with_context(shown)?;
        let ended = ended?;
        let is_go = trial.path.ends_with(".go");
        let ran = Ran::take(&copy.report());
        let outcome = match ended.status {
            None if left < self.limit => return Ok(None),
            None => Outcome::TimedOut,
            Some(status) if status.success() => Outcome::Survived,
            Some(_) if is_go && ended.stdout.contains("[build failed]") => Outcome::NotBuilt,
            Some(_) => Outcome::Killed,
        };
        // Of tests that did not all run, it is not told what the others would have said.
        let all_ran = ran.filter(|ran| self.tests == Some(ran.count()));
        let (failed, asserted) = match all_ran {
            Some(ran) => (Some(ran.failed), ran.asserted),
            None => (None, Vec::new()),
        };
        Ok(Some(Tried {
            outcome,
            failed,
            asserted,
        }))
    }
}

fn progress(trials: usize, output: &Output) -> ProgressBar {
    if output.json || trials == 0 {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(trials as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} mutants, {eta} left") {
        bar.set_style(style);
    }
    bar
}
