//! `safeguard verify mutants`: each mutant of the changed lines in a copy of the files, under the project's own tests.

use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use safeguard_mutation::{Lines, Mutant, Probe};
use safeguard_scan::change::Unread;
use safeguard_scan::language::Language;
use safeguard_scan::matching::Source;
use safeguard_scan::scan;
use sha2::{Digest, Sha256};

use super::MutantsArgs;
use super::bench::Bench;
use super::copies::{Copy, hexadecimal};
use super::kept::{Kept, Outcome, Tried};
use super::report::{self, Mutated};
use super::runs;
use crate::check::files::{self, Selection};
use crate::failure::Failure;
use crate::output::Output;

/// A changed file, what is broken in it, and what came of it.
pub struct File {
    pub source: Source,
    pub probes: Vec<(Probe, Option<Tried>)>,
    pub mutants: Vec<(Mutant, Option<Tried>)>,
}

pub fn mutants(args: &MutantsArgs, output: &Output) -> Result<(), Failure> {
    let words = shlex::split(&args.test)
        .filter(|words| !words.is_empty())
        .ok_or_else(|| {
            Failure::undecided(format!("`{}` is no command", args.test)).hint("such as `--test 'pytest -q'`")
        })?;
    let folder = std::env::current_dir().context("cannot tell the current folder")?;
    let selection = files::select(&folder, &args.compared.as_check(), |_| {})?;
    let root = selection
        .root
        .clone()
        .ok_or_else(|| Failure::undecided("mutants need a git repository"))?;
    let (mut files, unread) = broken(&selection, args.max_per_function as usize);
    let left_out = keep_the_most_telling(&mut files, args.max as usize);
    for file in &mut files {
        let mutants: Vec<Mutant> = file.mutants.iter().map(|(mutant, _)| mutant.clone()).collect();
        let probes = safeguard_mutation::probes(&file.source, &mutants);
        file.probes = probes.into_iter().map(|probe| (probe, None)).collect();
    }
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
            tokio::select! {
                tried = run(args, words, &root, &mut all, output) => tried,
                stopped = runs::stopped() => {
                    stopped.context("cannot listen for signals")?;
                    Err(Failure::undecided("stopped").hint("run it again: it goes on where it was"))
                }
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
            files::Content::None | files::Content::Binary => continue,
            files::Content::Unreadable(why) => {
                unreadable(why.clone());
                continue;
            }
        };
        let lines = Lines::written(entry.base.text(), text);
        match scan::read(&entry.path, language, text) {
            Ok(source) => {
                let mutants = safeguard_mutation::mutants(&source, &lines, most);
                if !mutants.is_empty() {
                    files.push(File {
                        source,
                        probes: Vec::new(),
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
    let mut bench = Bench::new(words, copies, hexadecimal(&digest.finalize()), until);
    // First whether tests run a function at all: where none does, none of its mutants has to be tried.
    let mut probes = Vec::new();
    for file in &all.files {
        for (probe, _) in &file.probes {
            probes.push(bench.trial(&file.source, probe.applied(file.source.tree.text())));
        }
    }
    let is_anything_new = bench.is_anything_new(&all.files, &probes, &kept);
    if is_anything_new {
        all.limit = Some(bench.begin().await?);
        output.say(&format!(
            "the tests pass as they are; a mutant may take {:.1} s",
            bench.limit.as_secs_f32()
        ));
    }
    let outcomes = bench.tried(&probes, &mut kept, output).await?;
    let probed = all.files.iter_mut().flat_map(|file| &mut file.probes);
    for ((_, tried), found) in probed.zip(outcomes) {
        *tried = found;
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
        for (mutant, tried) in &mut file.mutants {
            *tried = match unrun.contains(&mutant.function) {
                true => Some(Tried {
                    outcome: Outcome::Survived,
                    failed: None,
                    asserted: Vec::new(),
                }),
                false => outcomes.next().flatten(),
            };
        }
    }
    if is_anything_new
        && Instant::now() < until
        && let Err(failure) = bench.end().await
    {
        kept.forget()?;
        return Err(failure);
    }
    Ok(())
}

impl File {
    /// The functions that no test runs.
    pub fn unrun(&self) -> impl Iterator<Item = &str> {
        self.probes
            .iter()
            .filter(|(_, tried)| is(tried, Outcome::Survived))
            .map(|(probe, _)| probe.function.as_str())
    }

    fn is_run(&self, mutant: &Mutant) -> bool {
        !self.unrun().any(|function| function == mutant.function)
    }
}

/// Whether it was tried and ended so.
pub fn is(tried: &Option<Tried>, outcome: Outcome) -> bool {
    tried.as_ref().is_some_and(|tried| tried.outcome == outcome)
}
