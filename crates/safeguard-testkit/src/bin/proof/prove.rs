//! `./proof`: every case through its pipeline and the whole walk, then the tables.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::change::Copies;
use crate::corpus::{Case, Corpus};
use crate::outcome::{End, Walked};
use crate::pipeline;
use crate::progress::Progress;
use crate::record::{Record, target};
use crate::report;
use crate::walk::{Subject, Walk};

/// More would measure each other.
pub const JOBS_MAX: usize = 8;

pub struct Options {
    pub json: bool,
    /// Whether what a gate has stopped walks again without that gate.
    pub ablate: bool,
    /// Whether cases that were walked on this commit are left alone.
    pub resume: bool,
    /// Cases that walk at once: most of a walk is waiting.
    pub jobs: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            json: false,
            ablate: false,
            resume: false,
            jobs: 2,
        }
    }
}

/// Prints what was stopped where, and returns whether every case could be walked.
pub fn run(corpus: &Corpus, cases: &[&Case], options: &Options) -> anyhow::Result<bool> {
    let begun = Instant::now();
    let mut record = Record::begin(corpus)?;
    if !options.resume {
        record.forget(cases);
    }
    let left: VecDeque<&Case> = cases
        .iter()
        .copied()
        .filter(|case| !record.has(&case.id))
        .collect();
    if left.len() < cases.len() {
        eprintln!("==> {} cases were walked before", cases.len() - left.len());
    }
    let failed = walk_all(corpus, left, options, &mut record)?;
    let (walks, ablations) = record.of(cases);
    if options.json {
        println!(
            "{}",
            serde_json::to_string_pretty(&report::json(&walks, &ablations))?
        );
    } else {
        print!("{}", report::render(&walks, &ablations));
    }
    eprintln!("==> {:.0} minutes", begun.elapsed().as_secs_f64() / 60.0);
    if !failed.is_empty() {
        eprintln!(
            "error: could not be walked, and count nowhere: {}",
            failed.join(", ")
        );
    }
    Ok(failed.is_empty())
}

/// Returns the cases that could not be walked.
fn walk_all(
    corpus: &Corpus,
    left: VecDeque<&Case>,
    options: &Options,
    record: &mut Record,
) -> anyhow::Result<Vec<String>> {
    let (all, mut done, mut failed) = (left.len(), 0, Vec::new());
    // What is left to do; each worker takes the next.
    let left = Mutex::new(left);
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let (tell, told) = sync_channel(options.jobs);
    std::thread::scope(|scope| {
        for _ in 0..options.jobs {
            let tell = tell.clone();
            scope.spawn(move || {
                while let Some(case) = next() {
                    if tell.send((case, prove(corpus, case, options.ablate))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(tell);
        // When the record can not be written, the workers find nobody to tell, and end.
        for (case, found) in told {
            done += 1;
            match found {
                Ok((walked, again)) => {
                    eprintln!(
                        "==> {done} of {all}: {} {}, {:.0} s. {}",
                        case.id,
                        walked.told(),
                        walked.case_seconds,
                        walked.stopped_by()
                    );
                    record.add(walked, again)?;
                }
                Err(error) => {
                    eprintln!("error: {done} of {all}: {}: {error:#}", case.id);
                    failed.push(case.id.clone());
                }
            }
        }
        Ok(failed)
    })
}

fn prove(corpus: &Corpus, case: &Case, ablate: bool) -> anyhow::Result<(Walked, Option<Walked>)> {
    let folder = fresh(&target()?.join("proof").join(&case.id))?;
    let found = prove_in(&folder, corpus, case, ablate)?;
    // What explains the outcome stays; of a case that could not be walked, everything.
    for databases in [
        "walk/data",
        "again/data",
        "reports/measured",
        "walk/measured-again/measured",
        "again/measured-again/measured",
    ] {
        gone(&folder.join(databases))?;
    }
    Ok(found)
}

fn prove_in(
    folder: &Path,
    corpus: &Corpus,
    case: &Case,
    ablate: bool,
) -> anyhow::Result<(Walked, Option<Walked>)> {
    let copies = Copies::make(corpus, case)?;
    let progress = Progress::of(&case.id);
    let subject = Subject {
        corpus,
        case,
        copies: &copies,
        progress: &progress,
    };
    // The base becomes live while the pipeline runs.
    let walk = Walk::begin(subject, &fresh(&folder.join("walk"))?, None)?;
    let reports = fresh(&folder.join("reports"))?;
    let reports = pipeline::run(corpus, case, &copies, &reports, &progress)?;
    let pipeline_seconds = progress.seconds();
    let mut walked = walk.go(&reports)?;
    walked.pipeline_seconds += pipeline_seconds;
    walked.case_seconds = progress.seconds();
    let stopped_by = match walked.end {
        End::Live | End::RolledBack { .. } => None,
        End::Refused { .. } | End::Held { .. } => walked.gate().filter(|_| ablate),
    };
    let Some(gate) = stopped_by else {
        return Ok((walked, None));
    };
    progress.say(&format!("again, without {gate}"));
    let begun = Instant::now();
    let again = Walk::begin(subject, &fresh(&folder.join("again"))?, Some(gate))?;
    let mut again = again.go(&reports)?;
    again.pipeline_seconds += pipeline_seconds;
    again.case_seconds = begun.elapsed().as_secs_f64();
    Ok((walked, Some(again)))
}

/// An empty folder; what an earlier run left there is gone.
fn fresh(folder: &Path) -> anyhow::Result<PathBuf> {
    gone(folder)?;
    std::fs::create_dir_all(folder)?;
    Ok(folder.to_owned())
}

fn gone(folder: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
