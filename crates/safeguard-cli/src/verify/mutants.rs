//! `safeguard verify mutants`: each mutant of the changed lines in a copy of the files, under the project's own tests.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::future::try_join_all;
use indicatif::{ProgressBar, ProgressStyle};
use safeguard_mutation::{Lines, Mutant, Probe};
use safeguard_scan::change::Unread;
use safeguard_scan::language::Language;
use safeguard_scan::matching::Source;
use safeguard_scan::scan;
use sha2::{Digest, Sha256};
use tokio::signal::unix::{SignalKind, signal};

use super::MutantsArgs;
use super::copies::{Copy, hexadecimal};
use super::kept::{Kept, Outcome};
use super::report::{self, Mutated};
use super::runs::{self, Ended};
use crate::check::files::{self, Selection};
use crate::failure::Failure;
use crate::output::Output;

/// Tests with a mutant may take so many times as long as without, and a little more.
const SLOWER_MAX: u32 = 3;
const SLOWER_BY: Duration = Duration::from_secs(5);
const OUTPUT_LINES_SHOWN: usize = 30;

/// A changed file, what is broken in it, and what came of it.
pub struct File {
    pub source: Source,
    pub probes: Vec<(Probe, Option<Outcome>)>,
    pub mutants: Vec<(Mutant, Option<Outcome>)>,
}

/// What is common to all trials.
struct Bench {
    words: Vec<String>,
    copies: Vec<Copy>,
    /// Of the files and the command.
    about: String,
    limit: Duration,
    until: Instant,
}

struct Trial<'t> {
    path: &'t str,
    original: &'t str,
    broken: String,
    key: String,
}

pub fn mutants(args: &MutantsArgs, output: &Output) -> Result<(), Failure> {
    let words = shlex::split(&args.test)
        .filter(|words| !words.is_empty())
        .ok_or_else(|| {
            Failure::undecided(format!("`{}` is no command", args.test)).hint("such as `--test 'pytest -q'`")
        })?;
    let folder = std::env::current_dir().context("cannot tell the current folder")?;
    let selection = files::select(&folder, &args.compared.as_check())?;
    let root = selection
        .root
        .clone()
        .ok_or_else(|| Failure::undecided("mutants need a git repository"))?;
    let (mut files, unread) = broken(&selection, args.max_per_function as usize);
    let left_out = keep_the_most_telling(&mut files, args.max as usize);
    let mut all = Mutated {
        files,
        unread,
        left_out,
        limit: None,
        selection,
    };
    if !all.files.is_empty() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        runtime.block_on(async {
            let mut interrupted = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
            let mut terminated = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
            let stopped = || Failure::undecided("stopped").hint("run it again: it goes on where it was");
            tokio::select! {
                tried = run(args, words, &root, &mut all, output) => tried,
                _ = interrupted.recv() => Err(stopped()),
                _ = terminated.recv() => Err(stopped()),
            }
        })?;
    }
    report::write(args, all, output)
}

/// The files with something to break, and those that can not be looked at.
fn broken(selection: &Selection, most: usize) -> (Vec<File>, Vec<Unread>) {
    let (mut files, mut unread) = (Vec::new(), Vec::new());
    for entry in selection.entries.iter().filter(|entry| !entry.is_left_out()) {
        let mut unreadable = |why: String| {
            unread.push(Unread {
                path: entry.path.clone(),
                why,
            });
        };
        let language = Language::of(&entry.path).filter(|language| safeguard_mutation::is_mutated(*language));
        let (Some(language), text) = (language, &entry.head) else {
            continue;
        };
        let text = match text {
            files::Content::Text(text) => text,
            files::Content::None => continue,
            files::Content::Unreadable(why) => {
                unreadable(why.clone());
                continue;
            }
        };
        let lines = Lines::written(entry.base.text(), text);
        match scan::read(&entry.path, language, text) {
            Ok(source) => {
                let mutants = safeguard_mutation::mutants(&source, &lines, most);
                let probes = safeguard_mutation::probes(&source, &mutants);
                if !mutants.is_empty() {
                    files.push(File {
                        source,
                        probes: probes.into_iter().map(|probe| (probe, None)).collect(),
                        mutants: mutants.into_iter().map(|mutant| (mutant, None)).collect(),
                    });
                }
            }
            Err(error) => unreadable(error.to_string()),
        }
    }
    (files, unread)
}

/// Leaves out what is more than `most`, and tells how many.
fn keep_the_most_telling(files: &mut Vec<File>, most: usize) -> usize {
    let mut all: Vec<(u32, usize, usize)> = Vec::new();
    for (at, file) in files.iter().enumerate() {
        let ranks = file.mutants.iter().enumerate();
        all.extend(ranks.map(|(number, (mutant, _))| (mutant.operator.rank(), at, number)));
    }
    all.sort_unstable();
    let left_out = all.split_off(most.min(all.len()));
    for (at, file) in files.iter_mut().enumerate() {
        let mut number = 0;
        file.mutants.retain(|_| {
            number += 1;
            !left_out
                .iter()
                .any(|(_, of, out)| *of == at && *out == number - 1)
        });
        let mutants = &file.mutants;
        file.probes.retain(|(probe, _)| {
            mutants
                .iter()
                .any(|(mutant, _)| mutant.function == probe.function)
        });
    }
    files.retain(|file| !file.mutants.is_empty());
    left_out.len()
}

async fn run(
    args: &MutantsArgs,
    words: Vec<String>,
    root: &Path,
    all: &mut Mutated,
    output: &Output,
) -> Result<(), Failure> {
    let until = Instant::now() + args.budget.into();
    let mut kept = Kept::open(root)?;
    let wanted = (args.jobs as usize).min(all.files.iter().map(|file| file.mutants.len()).sum());
    let copies: Vec<Copy> = (0..wanted)
        .map(|_| Copy::of(root, &all.selection.side, &args.share))
        .collect::<anyhow::Result<_>>()?;
    let mut digest = Sha256::new();
    if let Some(copy) = copies.first() {
        digest.update(copy.digest()?);
    }
    for word in &words {
        digest.update([0]);
        digest.update(word.as_bytes());
    }
    let mut bench = Bench {
        words,
        copies,
        about: hexadecimal(&digest.finalize()),
        limit: args.budget.into(),
        until,
    };
    // First whether tests run a function at all: where none does, none of its mutants has to be tried.
    let mut probes = Vec::new();
    for file in &all.files {
        for (probe, _) in &file.probes {
            probes.push(bench.trial(&file.source, probe.applied(file.source.tree.text())));
        }
    }
    let is_anything_new = bench.is_anything_new(&all.files, &probes, &kept);
    if is_anything_new {
        bench.limit = bench.unbroken(false).await?;
        all.limit = Some(bench.limit);
        output.say(&format!(
            "the tests pass as they are; a mutant may take {:.1} s",
            bench.limit.as_secs_f32()
        ));
    }
    let outcomes = bench.tried(&probes, &mut kept, output).await?;
    for ((_, outcome), found) in all
        .files
        .iter_mut()
        .flat_map(|file| &mut file.probes)
        .zip(outcomes)
    {
        *outcome = found;
    }
    let mut trials = Vec::new();
    for file in &all.files {
        for (mutant, _) in file.mutants.iter().filter(|(mutant, _)| file.is_run(mutant)) {
            trials.push(bench.trial(&file.source, mutant.applied(file.source.tree.text())));
        }
    }
    let mut outcomes = bench.tried(&trials, &mut kept, output).await?.into_iter();
    for file in &mut all.files {
        let unrun: Vec<String> = file.unrun().map(str::to_owned).collect();
        for (mutant, outcome) in &mut file.mutants {
            *outcome = match unrun.contains(&mutant.function) {
                true => Some(Outcome::Survived),
                false => outcomes.next().flatten(),
            };
        }
    }
    if is_anything_new && Instant::now() < until {
        bench.unbroken(true).await?;
    }
    Ok(())
}

impl File {
    /// The functions that no test runs.
    pub fn unrun(&self) -> impl Iterator<Item = &str> {
        self.probes
            .iter()
            .filter(|(_, outcome)| *outcome == Some(Outcome::Survived))
            .map(|(probe, _)| probe.function.as_str())
    }

    fn is_run(&self, mutant: &Mutant) -> bool {
        !self.unrun().any(|function| function == mutant.function)
    }
}

impl Bench {
    fn trial<'t>(&self, source: &'t Source, broken: String) -> Trial<'t> {
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
    fn is_anything_new(&self, files: &[File], probes: &[Trial<'_>], kept: &Kept) -> bool {
        let outcomes = probes.iter().map(|probe| kept.get(&probe.key));
        let mut unrun = Vec::new();
        for ((file, probe), outcome) in files
            .iter()
            .flat_map(|file| file.probes.iter().map(move |(probe, _)| (file, probe)))
            .zip(outcomes)
        {
            match outcome {
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

    /// The tests as they are, in every copy at once. They have to pass: how long a mutant may take is told by them.
    async fn unbroken(&self, again: bool) -> Result<Duration, Failure> {
        let left = self.until.saturating_duration_since(Instant::now());
        let runs = self.copies.iter().map(|copy| self.test(copy, left));
        let mut longest = Duration::ZERO;
        for ended in try_join_all(runs).await? {
            if !ended.passed() {
                return Err(self.failing(&ended, again));
            }
            longest = longest.max(ended.took);
        }
        Ok(longest * SLOWER_MAX + SLOWER_BY)
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
        runs::run(command, Stdio::null(), longest)
            .await
            .with_context(|| format!("cannot run `{}`", self.words.join(" ")))
    }

    /// Tries them in the order given, on all copies; none where the time was over.
    async fn tried(
        &self,
        trials: &[Trial<'_>],
        kept: &mut Kept,
        output: &Output,
    ) -> Result<Vec<Option<Outcome>>, Failure> {
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
                let known = kept.borrow().get(&trial.key);
                let outcome = match known {
                    Some(outcome) => Some(outcome),
                    None => self.outcome(copy, trial).await?,
                };
                if let Some(outcome) = outcome.filter(|_| known.is_none()) {
                    kept.borrow_mut().add(&trial.key, outcome)?;
                }
                if let Some(place) = found.borrow_mut().get_mut(at) {
                    *place = outcome;
                }
                bar.inc(1);
            }
            anyhow::Ok(())
        });
        try_join_all(workers).await?;
        bar.finish_and_clear();
        Ok(found.into_inner())
    }

    async fn outcome(&self, copy: &Copy, trial: &Trial<'_>) -> anyhow::Result<Option<Outcome>> {
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
        Ok(match ended.status {
            None if left < self.limit => None,
            None => Some(Outcome::TimedOut),
            Some(status) if status.success() => Some(Outcome::Survived),
            Some(_) if is_go && ended.stdout.contains("[build failed]") => Some(Outcome::NotBuilt),
            Some(_) => Some(Outcome::Killed),
        })
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
