//! The evidence of a team's pipeline: `corpus/kit/pipeline.py` with public tools, and a load of base and change side by side.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use safeguard_api::evidence::{Format, Layer};

use crate::change::Copies;
use crate::child;
use crate::corpus::{Case, Corpus};
use crate::installation::beside_us;
use crate::measure;
use crate::progress::Progress;
use crate::record::target;

/// Its own steps have limits of their own; this one is for all of them.
const STEP_LONGEST: Duration = Duration::from_secs(900);

/// A report as a tool has written it.
pub struct Report {
    pub file: PathBuf,
    pub format: Format,
    pub layer: Option<Layer>,
    pub about: About,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    Base,
    Change,
}

pub struct Reports {
    pub reports: Vec<Report>,
    /// The step that failed; what comes after it in the pipeline was not done.
    pub stopped: Option<String>,
}

/// Runs everything that a team would run before it asks for a release.
pub fn run(
    corpus: &Corpus,
    case: &Case,
    copies: &Copies,
    folder: &Path,
    progress: &Progress,
) -> anyhow::Result<Reports> {
    let mut reports = Reports {
        reports: Vec::new(),
        stopped: None,
    };
    let (base, changed) = (copies.base(), copies.changed());
    progress.say("pipeline: scanners and tests");
    look(&base, &changed, &folder.join("check.sarif"))?;
    reports.stopped = step(corpus, "code", &[&changed, folder])?;
    for (name, format, layer) in [
        ("check.sarif", Format::Sarif, None),
        ("ruff.sarif", Format::Sarif, None),
        ("bandit.sarif", Format::Sarif, None),
        ("logic.xml", Format::Junit, Some(Layer::Logic)),
        ("integration.xml", Format::Junit, Some(Layer::Integration)),
        ("coverage.lcov", Format::Lcov, None),
    ] {
        reports.add(folder.join(name), format, layer, About::Change);
    }
    if reports.stopped.is_some() {
        return Ok(reports);
    }
    progress.say("pipeline: load of base and change side by side");
    match measure::side_by_side(corpus, case, &base, &changed, folder, measure::ROUNDS)? {
        measure::Measured::Both { database } => {
            reports.add_loads(folder);
            progress.say("pipeline: data and migrations");
            reports.stopped = step(corpus, "data", &[&changed, &base, &database, folder])?;
            reports.add(folder.join("data.json"), Format::Safeguard, None, About::Change);
        }
        measure::Measured::DoesNotStart { why } => reports.stopped = Some(why),
    }
    Ok(reports)
}

/// What the change brings, by `safeguard check`. That it refuses is in its report, and no end of the pipeline.
fn look(base: &Path, changed: &Path, report: &Path) -> anyhow::Result<()> {
    let mut command = child::command(beside_us("safeguard")?);
    command
        .current_dir(changed)
        .args(["check", "--offline", "--format", "sarif", "--output"])
        .arg(report)
        .arg("--against")
        .arg(base);
    let output = child::output(&mut command, STEP_LONGEST)?;
    if report.is_file() {
        return Ok(());
    }
    bail!(
        "safeguard check: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    )
}

/// The load for longer, as gate 3 asks for where it can not tell. Returns what is to be added, which is the newest then.
pub fn measure_again(
    corpus: &Corpus,
    case: &Case,
    copies: &Copies,
    folder: &Path,
) -> anyhow::Result<Reports> {
    let mut reports = Reports {
        reports: Vec::new(),
        stopped: None,
    };
    let (base, changed) = (copies.base(), copies.changed());
    match measure::side_by_side(corpus, case, &base, &changed, folder, measure::ROUNDS_AGAIN)? {
        measure::Measured::Both { .. } => reports.add_loads(folder),
        measure::Measured::DoesNotStart { why } => reports.stopped = Some(why),
    }
    Ok(reports)
}

impl Reports {
    fn add_loads(&mut self, folder: &Path) {
        for (name, about) in [
            ("load-base.json", About::Base),
            ("load-change.json", About::Change),
        ] {
            self.add(folder.join(name), Format::Safeguard, None, about);
        }
    }

    /// What a step has not written there is nothing to add of.
    fn add(&mut self, file: PathBuf, format: Format, layer: Option<Layer>, about: About) {
        if file.is_file() {
            self.reports.push(Report {
                file,
                format,
                layer,
                about,
            });
        }
    }
}

/// Python with the tools in it, which the script `./proof` has installed.
fn python() -> anyhow::Result<PathBuf> {
    let python = target()?.join("proof-tools/bin/python");
    if !python.is_file() {
        bail!(
            "{} is missing: run `./proof`, which installs it",
            python.display()
        );
    }
    Ok(python)
}

fn step(corpus: &Corpus, name: &str, words: &[&Path]) -> anyhow::Result<Option<String>> {
    let mut command = child::command(python()?);
    command
        .arg(corpus.root.join("kit/pipeline.py"))
        .arg(name)
        .args(words);
    let output = child::output(&mut command, STEP_LONGEST)?;
    match output.status.code() {
        Some(0) => Ok(None),
        Some(3) => Ok(Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())),
        code => bail!(
            "the pipeline ended with {code:?}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ),
    }
}
