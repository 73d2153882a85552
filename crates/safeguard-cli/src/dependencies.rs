//! What a change does to the project's dependencies: its lock files and manifests, registries, and the database of vulnerabilities.

mod cache;
mod fetch;
mod registries;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::Args;
use safeguard_api::evidence::Severity;
use safeguard_dependencies::change::{Added, Change, Facts, Question, Text};
use safeguard_dependencies::finding::Finding;
use safeguard_dependencies::package::Ecosystem;
use safeguard_dependencies::registry::Answer;
use safeguard_dependencies::rules::{self, RULES};
use safeguard_scan::change::{Judged, Unread};
use safeguard_scan::finding::{Finding as Told, Place};
use safeguard_scan::rule::Confidence;
use safeguard_scan::suppression::{self, Today};
use sha2::{Digest, Sha256};

use crate::failure::Failure;
use crate::osv::{self, Database};

pub use cache::{folder as cache_folder, write_whole};
pub use fetch::{Client, FetchError};

/// How many packages registries are asked about in one check.
const QUESTIONS_MAX: usize = 1_000;
const NAMED_MAX: usize = 3;

#[derive(Debug, Clone, Args)]
pub struct DependencyArgs {
    /// Ask no registry about new dependencies
    #[arg(long)]
    pub offline: bool,
    /// The database of known vulnerabilities; unsaid: the one that `safeguard osv update` wrote
    #[arg(long, value_name = "FOLDER", env = "SAFEGUARD_OSV", hide_env_values = true)]
    pub osv: Option<PathBuf>,
    /// How old the database may be
    #[arg(long, value_name = "DAYS", default_value_t = OSV_DAYS)]
    pub osv_days: u32,
}

const OSV_DAYS: u32 = 7;

impl Default for DependencyArgs {
    fn default() -> DependencyArgs {
        DependencyArgs {
            offline: false,
            osv: std::env::var_os("SAFEGUARD_OSV").map(PathBuf::from),
            osv_days: OSV_DAYS,
        }
    }
}

/// A lock file or manifest, before and after; both the same where the change leaves it alone.
#[derive(Debug)]
pub struct Manifest {
    pub path: String,
    pub base: Option<String>,
    pub head: Option<String>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Looked {
    pub findings: Vec<Judged>,
    pub unread: Vec<Unread>,
}

pub fn look(
    manifests: &[Manifest],
    args: &DependencyArgs,
    now: i64,
    today: Today,
) -> Result<Looked, Failure> {
    let change = Change::read(manifests.iter().map(|one| Text {
        path: &one.path,
        base: one.base.as_deref(),
        head: one.head.as_deref(),
    }));
    let mut looked = Looked::default();
    for (path, why) in &change.unread {
        looked.unread.push(Unread {
            path: path.clone(),
            why: why.clone(),
        });
    }
    let mut facts = Facts {
        now,
        ..Facts::default()
    };
    let mut notes = Vec::new();
    registries(&change, args, &mut facts, &mut looked.unread, &mut notes)?;
    vulnerabilities(&change, args, &mut facts, &mut looked.unread, &mut notes)?;
    let texts: BTreeMap<&str, &str> = manifests
        .iter()
        .filter_map(|one| Some((one.path.as_str(), one.head.as_deref()?)))
        .collect();
    let mut findings = rules::judge(&change, &facts);
    findings.extend(notes);
    for finding in findings {
        let text = texts.get(finding.path.as_str()).copied().unwrap_or("");
        looked.findings.push(judged(finding, text, today));
    }
    Ok(looked)
}

fn judged(finding: Finding, text: &str, today: Today) -> Judged {
    let rule = RULES.iter().find(|rule| rule.id == finding.rule);
    let about = finding
        .about
        .as_ref()
        .map(|(ecosystem, name)| format!("{ecosystem} {name}"));
    let told = Told {
        rule: finding.rule.to_owned(),
        failure: rule.map_or("", |rule| rule.failure).to_owned(),
        severity: finding.severity,
        confidence: if finding.certain {
            Confidence::High
        } else {
            Confidence::Medium
        },
        cwe: rule
            .map_or(&[][..], |rule| rule.cwe)
            .iter()
            .map(|cwe| (*cwe).to_owned())
            .collect(),
        place: Place::of(text, finding.span),
        trace: Vec::new(),
        // Where it stands is no part of it, and neither is how old something is today.
        identity: identity(finding.rule, &about.unwrap_or_else(|| finding.message.clone())),
        message: finding.message,
        path: finding.path,
    };
    Judged::new(told, true, &suppression::in_text(text), today)
}

fn identity(rule: &str, about: &str) -> String {
    let digest = Sha256::digest(format!("{rule}\0{about}").as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Advice that is about the whole, at the beginning of a file.
fn note(rule: &'static str, path: &str, message: String) -> Finding {
    Finding {
        rule,
        path: path.to_owned(),
        span: 0..0,
        message,
        severity: Severity::Note,
        certain: false,
        about: None,
    }
}

fn registries(
    change: &Change,
    args: &DependencyArgs,
    facts: &mut Facts,
    unread: &mut Vec<Unread>,
    notes: &mut Vec<Finding>,
) -> Result<(), Failure> {
    let questions = change.questions();
    let Some(first) = questions.first() else {
        return Ok(());
    };
    if args.offline {
        let names = listed(questions.iter().map(|question| question.name.as_str()));
        notes.push(note(
            "unknown-dependency",
            &first.path,
            format!("no registry was asked about {names} (`--offline`): whether they exist and since when is not known"),
        ));
        return Ok(());
    }
    let (asked, left) = questions.split_at(questions.len().min(QUESTIONS_MAX));
    if let Some(first) = left.first() {
        unread.push(Unread {
            path: first.path.clone(),
            why: format!(
                "registries are asked about {QUESTIONS_MAX} packages at most, and {} more are new",
                left.len()
            ),
        });
    }
    let answers = ask(asked, facts.now)?;
    let mut silent: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
    let mut nobody: BTreeMap<(&str, Ecosystem), Vec<&str>> = BTreeMap::new();
    for (question, answer) in asked.iter().zip(answers) {
        match &answer {
            Answer::Unreachable(why) => {
                // The same failure of many packages is told once.
                let host = safeguard_dependencies::package::host(why).unwrap_or_default();
                let key = (
                    question.path.as_str(),
                    if host.is_empty() { why.clone() } else { host },
                );
                silent.entry(key).or_default().push(&question.name);
                facts
                    .answers
                    .insert((question.ecosystem, question.name.clone()), answer);
                continue;
            }
            Answer::NotAsked => {
                let key = (question.path.as_str(), question.ecosystem);
                nobody.entry(key).or_default().push(&question.name);
            }
            Answer::Known(_) | Answer::Absent => {}
        }
        facts
            .answers
            .insert((question.ecosystem, question.name.clone()), answer);
    }
    for ((path, _), names) in &silent {
        let why = names
            .first()
            .and_then(|name| reason(asked, facts, name))
            .unwrap_or_default();
        unread.push(Unread {
            path: (*path).to_owned(),
            why: format!(
                "the registry could not be asked about {}: {why}; `--offline` leaves registries out",
                listed(names.iter().copied())
            ),
        });
    }
    for ((path, ecosystem), names) in nobody {
        let names = listed(names.into_iter());
        notes.push(note(
            "unknown-dependency",
            path,
            format!("{ecosystem} was not asked about {names}: this version does not know how to"),
        ));
    }
    Ok(())
}

fn reason(asked: &[Question], facts: &Facts, name: &str) -> Option<String> {
    let question = asked.iter().find(|question| question.name == name)?;
    match facts.answers.get(&(question.ecosystem, question.name.clone()))? {
        Answer::Unreachable(why) => Some(why.clone()),
        Answer::Known(_) | Answer::Absent | Answer::NotAsked => None,
    }
}

fn ask(questions: &[Question], now: i64) -> Result<Vec<Answer>, Failure> {
    let unreachable = |why: String| vec![Answer::Unreachable(why); questions.len()];
    let client = match Client::new() {
        Ok(client) => client,
        Err(error) => return Ok(unreachable(error.to_string())),
    };
    let usual = registries::Usual::of_environment();
    let cache = cache::Cache::new(now);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::undecided(format!("cannot start the runtime: {error}")))?;
    Ok(runtime.block_on(registries::ask(&client, &cache, &usual, questions)))
}

/// `a`, `b`, `c` and 4 more.
fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let all: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    let shown = all.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(NAMED_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn vulnerabilities(
    change: &Change,
    args: &DependencyArgs,
    facts: &mut Facts,
    unread: &mut Vec<Unread>,
    notes: &mut Vec<Finding>,
) -> Result<(), Failure> {
    let names = change.names();
    let Some(path) = change.added().first().map(|added| added.file.path.clone()) else {
        return Ok(());
    };
    if names.is_empty() {
        return Ok(());
    }
    let folder = osv::folder(args.osv.as_deref());
    let mut refuse = |why: String| {
        unread.push(Unread {
            path: folder
                .as_ref()
                .map_or_else(|| "osv".to_owned(), |folder| folder.display().to_string()),
            why,
        });
    };
    let ecosystems: BTreeSet<Ecosystem> = names.iter().map(|(ecosystem, _)| *ecosystem).collect();
    let mut absent = Vec::new();
    for ecosystem in ecosystems {
        let database = match &folder {
            Some(folder) => Database::open(folder, ecosystem),
            None => Ok(None),
        };
        let database = match database {
            Ok(Some(database)) => database,
            Ok(None) => {
                absent.push(ecosystem);
                continue;
            }
            Err(why) => {
                refuse(why);
                continue;
            }
        };
        let days = (facts.now - database.built()) / 86_400;
        if days > i64::from(args.osv_days) {
            refuse(format!(
                "the vulnerabilities of {ecosystem} are {days} days old (limit {}): run `safeguard osv update`, or say `--osv-days`",
                args.osv_days
            ));
            continue;
        }
        for (_, name) in names.iter().filter(|(of, _)| *of == ecosystem) {
            match database.look_up(name) {
                Ok(found) => {
                    facts.advisories.insert((ecosystem, name.clone()), found);
                }
                Err(why) => {
                    refuse(why);
                    break;
                }
            }
        }
    }
    if absent.is_empty() {
        return Ok(());
    }
    let absent: Vec<&str> = absent.iter().map(|ecosystem| ecosystem.osv()).collect();
    // Who named a database wants it to be asked.
    if args.osv.is_some() {
        refuse(format!(
            "it has no vulnerabilities of {}: run `safeguard osv update`",
            absent.join(", ")
        ));
    } else {
        let message = format!(
            "known vulnerabilities of {} packages were not looked for, since there is no database of them: `safeguard osv update` makes one",
            absent.join(", ")
        );
        let is_absent = |added: &&Added<'_>| absent.contains(&added.dependency.ecosystem.osv());
        let place = change
            .added()
            .iter()
            .find(is_absent)
            .map(|added| added.file.path.clone());
        notes.push(note("vulnerable-dependency", &place.unwrap_or(path), message));
    }
    Ok(())
}
