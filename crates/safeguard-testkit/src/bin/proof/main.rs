//! Runs a corpus of changes through safeguard, each proven bad or good by an oracle of its own, and prints what was stopped where.

mod change;
mod check;
mod child;
mod corpus;
mod installation;
mod interval;
mod load;
mod measure;
mod oracle;
mod outcome;
mod pipeline;
mod progress;
mod prove;
mod record;
mod report;
mod table;
mod users;
mod walk;
mod workplace;

use std::process::ExitCode;

use anyhow::bail;
use corpus::{Case, Corpus};

const USAGE: &str = "usage: ./proof [--json] [--ablate] [--resume] [--jobs N] [CASE…]
       ./proof --check [CASE…]
       ./proof --show CASE
       ./proof --list";

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Returns whether everything was as it must be.
fn run() -> anyhow::Result<bool> {
    if std::env::args_os().nth(1).is_some_and(|word| word == child::ROLE) {
        return Err(child::become_it(std::env::args_os().skip(2)));
    }
    let words: Vec<String> = std::env::args().skip(1).collect();
    let corpus = Corpus::load()?;
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--list"] => {
            print!("{}", list(&corpus));
            Ok(true)
        }
        ["--show", name] => {
            for case in chosen(&corpus, &[name])? {
                print!("{}", show(case)?);
            }
            Ok(true)
        }
        ["--check", ref names @ ..] => check::run(&corpus, &chosen(&corpus, names)?),
        [users::ROLE] => load::run().map(|()| true),
        ref words => prove(&corpus, words),
    }
}

fn prove(corpus: &Corpus, words: &[&str]) -> anyhow::Result<bool> {
    let mut options = prove::Options::default();
    let mut names = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--json" => options.json = true,
            "--ablate" => options.ablate = true,
            "--resume" => options.resume = true,
            "--jobs" => {
                let jobs = words.next().and_then(|jobs| jobs.parse().ok());
                match jobs.filter(|jobs| (1..=prove::JOBS_MAX).contains(jobs)) {
                    Some(jobs) => options.jobs = jobs,
                    None => bail!("`--jobs` takes a number from 1 to {}", prove::JOBS_MAX),
                }
            }
            option if option.starts_with('-') => bail!("{USAGE}"),
            name => names.push(name),
        }
    }
    prove::run(corpus, &chosen(corpus, &names)?, &options)
}

/// The cases with these names; all when none is named.
fn chosen<'a>(corpus: &'a Corpus, names: &[&str]) -> anyhow::Result<Vec<&'a Case>> {
    for name in names {
        if !corpus.cases.iter().any(|case| case.id == *name) {
            bail!("there is no case `{name}`; `./proof --list` names them");
        }
    }
    let wanted = |case: &&Case| names.is_empty() || names.contains(&case.id.as_str());
    Ok(corpus.cases.iter().filter(wanted).collect())
}

/// What is known of a case, and its change.
fn show(case: &Case) -> anyhow::Result<String> {
    let told = &case.told;
    let patch = std::fs::read_to_string(case.folder.join("change.patch"))?;
    let kind = match &told.shows {
        Some(shows) => format!("bad ({}), and shows {shows}", told.pattern.name()),
        None => "good".to_owned(),
    };
    let (service, oracle) = (&told.service, &told.oracle);
    Ok(format!(
        "{}\n\n{}\n\nservice: {service}\nit is {kind}\nthe oracle {oracle}\n\n{patch}",
        told.title,
        told.intent.trim()
    ))
}

fn list(corpus: &Corpus) -> String {
    let rows = corpus.cases.iter().map(|case| {
        let told = &case.told;
        vec![
            case.id.clone(),
            told.service.clone(),
            told.pattern.name().to_owned(),
            told.title.clone(),
        ]
    });
    table::render(
        &["case", "service", "pattern", "title"],
        &rows.collect::<Vec<_>>(),
    )
}
