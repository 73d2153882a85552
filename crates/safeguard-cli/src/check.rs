//! `safeguard check`: what a change brings, before anything runs.

mod approved;
pub mod compared;
pub mod files;
mod folders;
pub mod formats;
pub mod objects;
mod others;
pub mod plumbing;
mod project;
mod recipes;
mod review;
mod sarif;
mod secrets;
mod shown;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use anyhow::Context;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use safeguard_scan::change::{self, Changed, FileScan, Report, STACK_BYTES, Unread, Verdict};
use safeguard_scan::language::Language;
use safeguard_scan::rules::{self, Page};
use safeguard_scan::scan::Rules;
use safeguard_secrets::gitleaks::Config;

use crate::dependencies::{self, DependencyArgs};
use crate::failure::Failure;
use crate::output::Output;
pub use approved::statement;
use files::{Content, Entry, Selection};
pub use folders::{files_in, rule_files};
use objects::Objects;

#[derive(Debug, Default, Args)]
pub struct CheckArgs {
    /// Look at these files and folders alone
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// What the branch began from; unsaid: where it left the default branch (`origin/HEAD`, `main` or `master`)
    #[arg(long, value_name = "COMMIT", conflicts_with_all = ["range", "staged", "all"])]
    pub base: Option<String>,
    /// Look at what is staged, against the last commit
    #[arg(long, conflicts_with_all = ["range", "all"])]
    pub staged: bool,
    /// Look at what is between two commits: `A..B`
    #[arg(long, value_name = "A..B", conflicts_with = "all")]
    pub range: Option<String>,
    /// Look at this folder against another one, without git
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["base", "range", "staged", "all", "paths"])]
    pub against: Option<PathBuf>,
    /// Look at every file, as if all of it were new
    #[arg(long)]
    pub all: bool,
    /// More rules, in Semgrep's YAML: a file, or a folder of them
    #[arg(long, value_name = "PATH")]
    pub rules: Vec<PathBuf>,
    /// More rules for secrets, in the format of gitleaks; `.gitleaks.toml` of the repository is read by itself
    #[arg(long, value_name = "FILE")]
    pub secrets: Vec<PathBuf>,
    /// Judge what another scanner found as well: SARIF 2.1.0; may be given again
    #[arg(long, value_name = "FILE")]
    pub sarif: Vec<PathBuf>,
    /// More approvals of comments that let critical findings pass, beside the repository's `safeguard-approvals.jsonl`
    #[arg(long, value_name = "FILE")]
    pub approvals: Vec<PathBuf>,
    /// Who may approve such comments: the `[[approvers]]` of this file; unsaid: of `safeguard.toml` as it was before the change
    #[arg(long, value_name = "FILE")]
    pub approvers: Option<PathBuf>,
    /// Show all advice, and not a screenful
    #[arg(long)]
    pub advice: bool,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Write it here, and a summary to the terminal
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub dependencies: DependencyArgs,
    /// Set a hook that looks at what is staged before each commit
    #[arg(long, conflicts_with_all = ["base", "range", "staged", "all", "recipe"])]
    pub install_hook: bool,
    /// Print a job for this host, and do nothing else
    #[arg(long, value_enum, value_name = "HOST")]
    pub recipe: Option<recipes::Host>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people, with the source
    #[default]
    Text,
    Json,
    /// SARIF 2.1.0
    Sarif,
    /// JUnit XML
    Junit,
    /// GitLab's code quality
    Gitlab,
    /// Annotations of GitHub's workflows
    Github,
    /// A review of a pull request with comments, for GitHub's API
    GithubReview,
    /// Reviewdog's diagnostics
    Rdjson,
}

/// How many files may wait for being taken, for each thread: who is woken for each file does little else.
const WAITING_MAX: usize = 64;

/// What was looked at, and what came of it.
pub struct Checked {
    pub report: Report,
    /// Files that nobody here wrote: generated, minified, vendored.
    pub left_out: Vec<String>,
    /// Files that no text is in.
    pub binary: Vec<String>,
    /// Where secrets stand, by path; they are not shown.
    pub secrets: BTreeMap<String, Vec<Range<usize>>>,
    pub selection: Selection,
}

pub fn check(args: &CheckArgs, output: &Output) -> Result<(), Failure> {
    if let Some(host) = args.recipe {
        return output.text(recipes::recipe(host));
    }
    let folder = std::env::current_dir().context("cannot tell the current folder")?;
    if args.install_hook {
        return recipes::install_hook(&folder, output);
    }
    let checked = look_at(&folder, args, output)?;
    let format = if output.json { Format::Json } else { args.format };
    let text = formats::render(format, &checked, args.advice)?;
    match &args.output {
        Some(file) => {
            std::fs::write(file, text).with_context(|| format!("cannot write `{}`", file.display()))?;
            output.say(&shown::summary(&checked));
        }
        None => output.text(&text)?,
    }
    match checked.report.verdict() {
        Verdict::Clean => Ok(()),
        Verdict::Refused => Err(Failure::Told),
        Verdict::Undecided => Err(Failure::ToldUndecided),
    }
}

/// What a check of this folder comes to, told to nobody yet.
pub fn look_at(folder: &Path, args: &CheckArgs, output: &Output) -> Result<Checked, Failure> {
    // Git is waited for meanwhile. What it says has changed tells which rules will be asked.
    let (tell, told) = mpsc::sync_channel::<BTreeSet<Language>>(1);
    let (rules, secrets, selection) = std::thread::scope(|scope| {
        let secrets = scope.spawn(|| safeguard_secrets::Rules::new(Config::default()));
        let rules = scope.spawn(move || {
            let rules = rules_of(&args.rules)?;
            told.into_iter()
                .flatten()
                .for_each(|language| rules.prepare(language));
            Ok::<_, Failure>(rules)
        });
        let selection = files::select(folder, args, |raw| {
            let languages = raw.iter().filter_map(|one| Language::of(&one.path)).collect();
            // Whoever would hear it has failed, and says so.
            let _unheard = tell.send(languages);
            drop(tell);
        });
        (rules.join(), secrets.join(), selection)
    });
    let rules = rules.map_err(|_| Failure::undecided("cannot read the rules"))??;
    let selection = selection?;
    let secrets = match secrets::config(&selection, &args.secrets)? {
        Some(config) => safeguard_secrets::Rules::new(config).map_err(Failure::undecided)?,
        None => secrets
            .map_err(|_| Failure::undecided("cannot read the rules for secrets"))?
            .map_err(Failure::undecided)?,
    };
    let mut checked = look(&rules, &secrets, selection, output)?;
    look_at_dependencies(&mut checked, &args.dependencies)?;
    let objects = checked.selection.objects.as_deref();
    if let Some(why) = objects.and_then(Objects::damaged) {
        checked.report.unread.push(Unread {
            path: ".".to_owned(),
            why,
        });
    }
    others::add(&mut checked, &args.sarif, today()?)?;
    checked.report.sort();
    approved::settle(&mut checked, args)?;
    // The process ends after this, and giving thousands of small pieces back takes as long as looking at a file.
    std::mem::forget(rules);
    Ok(checked)
}

/// The rules of this program, and those that were named.
pub fn rules_of(paths: &[PathBuf]) -> Result<Rules, Failure> {
    let own = rules::built_in();
    if paths.is_empty() {
        return Ok(own);
    }
    let mut more = Vec::new();
    for path in paths {
        for file in rule_files(path)? {
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("cannot read `{}`", file.display()))?;
            let rules = safeguard_scan::rule::load(&text)
                .map_err(|error| Failure::undecided(format!("`{}`: {error}", file.display())))?;
            more.extend(rules);
        }
    }
    Ok(own.and(more))
}

/// What one file came to.
enum Looked {
    Source(Box<FileScan>),
    Secrets(secrets::InFile),
    Unread(Unread),
}

fn look(
    rules: &Rules,
    secret_rules: &safeguard_secrets::Rules,
    selection: Selection,
    output: &Output,
) -> Result<Checked, Failure> {
    let (left_out, entries): (Vec<_>, Vec<_>) =
        selection.entries.iter().partition(|entry| entry.is_left_out());
    let project = project::of(&selection);
    // Without anything before there is nothing to compare with, and a tree is not kept.
    let compares = entries
        .iter()
        .copied()
        .chain(&selection.manifests)
        .any(|entry| entry.base.text().is_some());
    // Few files leave cores that can look at one as it was while others look at it as it is.
    let at_once = entries.len() < threads();
    let look_at = |entry: &Entry| match &entry.head {
        Content::Unreadable(why) => Looked::Unread(Unread {
            path: entry.path.clone(),
            why: why.clone(),
        }),
        Content::None | Content::Binary | Content::Text(_) => {
            let changed = Changed {
                path: &entry.path,
                base: entry.base.text(),
                head: entry.head.text(),
            };
            match change::scan_file(rules, &changed, &project, at_once) {
                Some(mut scan) => {
                    scan.head = scan.head.filter(|_| compares);
                    Looked::Source(Box::new(scan))
                }
                None => Looked::Unread(Unread {
                    path: entry.path.clone(),
                    why: "is of no language that is known".to_owned(),
                }),
            }
        }
    };
    let look_for_secrets = |entry: &Entry| Looked::Secrets(secrets::in_file(secret_rules, entry));
    // What a manifest asks of checks is compared as well: `pyproject.toml` has the settings of most tools.
    let settings = selection
        .manifests
        .iter()
        .filter(|entry| is_settings(entry) && !entry.is_left_out())
        .map(|entry| (entry, true));
    // Rules on any text look into files of no language, too.
    let by_rules = |entry: &&Entry| {
        let is_text = !matches!(entry.head, Content::Unreadable(_) | Content::Binary);
        rules.look_into_any_text() && is_text && !entry.is_left_out()
    };
    let others = selection.texts.iter().filter(by_rules);
    let sources = entries.iter().map(|entry| (*entry, true)).chain(settings);
    let sources = sources.chain(others.map(|entry| (entry, true)));
    let texts = selection
        .entries
        .iter()
        .chain(&selection.manifests)
        .chain(&selection.texts)
        .map(|entry| (entry, false));
    let work: Vec<(&Entry, bool)> = sources.chain(texts).collect();
    let mut scans: Vec<FileScan> = Vec::new();
    let mut in_files: Vec<secrets::InFile> = Vec::new();
    let mut unread: Vec<Unread> = Vec::new();
    let bar = progress(work.len(), output);
    let history = std::thread::scope(|scope| {
        let history = scope.spawn(|| secrets::in_history(secret_rules, &selection));
        on_all_cores(
            &work,
            |(entry, is_source)| {
                if *is_source {
                    look_at(entry)
                } else {
                    look_for_secrets(entry)
                }
            },
            |looked| {
                bar.inc(1);
                match looked {
                    Looked::Source(scan) => scans.push(*scan),
                    Looked::Secrets(found) => in_files.push(found),
                    Looked::Unread(why) => unread.push(why),
                }
            },
        )?;
        history
            .join()
            .map_err(|_| anyhow::anyhow!("cannot look into the branch's commits"))?
    });
    bar.finish_and_clear();
    let (history, not_looked_at) = history?;
    unread.extend(not_looked_at);
    let paths = |entries: Vec<&Entry>| entries.into_iter().map(|entry| entry.path.clone()).collect();
    let left_out = paths(left_out);
    let binary: Vec<&Entry> = selection
        .texts
        .iter()
        .filter(|entry| matches!(entry.head, Content::Binary))
        .collect();
    let read = selection
        .texts
        .iter()
        .filter(|entry| entry.head.text().is_some() && !by_rules(entry))
        .count();
    let binary = paths(binary);
    let today = today()?;
    let mut report = change::settle(rules, scans, today);
    report.files += read;
    // What can not be read is said once.
    let of_source = |path: &str| {
        let others = selection.texts.iter();
        !others.into_iter().any(|entry| entry.path == path)
    };
    unread.extend(
        in_files
            .iter()
            .flat_map(|file| file.unread.iter().filter(|why| !of_source(&why.path)).cloned()),
    );
    let spans = in_files
        .iter()
        .map(|file| (file.path.clone(), file.spans()))
        .collect();
    let judged = secrets::settle(in_files, history, today);
    secrets::join(&mut report.findings, judged);
    report.unread.extend(unread);
    Ok(Checked {
        report,
        left_out,
        binary,
        secrets: spans,
        selection,
    })
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Does some work on all cores, and takes what comes of it, in whatever order.
fn on_all_cores<W: Sync, D: Send>(
    work: &[W],
    run: impl Fn(&W) -> D + Sync,
    mut take: impl FnMut(D),
) -> anyhow::Result<()> {
    let next = AtomicUsize::new(0);
    let threads = threads().min(work.len().max(1));
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let (tell, told) = mpsc::sync_channel(threads * WAITING_MAX);
        for _ in 0..threads {
            let (tell, next, run) = (tell.clone(), &next, &run);
            let one_by_one = move || {
                while let Some(one) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if tell.send(run(one)).is_err() {
                        break;
                    }
                }
            };
            std::thread::Builder::new()
                .stack_size(STACK_BYTES)
                .spawn_scoped(scope, one_by_one)
                .context("cannot start a thread")?;
        }
        drop(tell);
        told.into_iter().for_each(&mut take);
        Ok(())
    })
}

/// Whether a manifest also says how strict checks are, and its text is there.
fn is_settings(entry: &Entry) -> bool {
    Language::of(&entry.path) == Some(Language::Settings)
        && !matches!(entry.head, Content::Unreadable(_) | Content::Binary)
}

/// What the change does to lock files and manifests.
fn look_at_dependencies(checked: &mut Checked, args: &DependencyArgs) -> Result<(), Failure> {
    if checked.selection.manifests.is_empty() {
        return Ok(());
    }
    let report = &mut checked.report;
    for entry in &checked.selection.manifests {
        match &entry.head {
            Content::Unreadable(why) => report.unread.push(Unread {
                path: entry.path.clone(),
                why: why.clone(),
            }),
            // Those that are settings too were counted there.
            Content::None | Content::Binary | Content::Text(_) => {
                report.files += usize::from(!is_settings(entry) || entry.is_left_out());
            }
        }
    }
    let now = crate::exceptions::now()?.0 / 1000;
    let manifests = project::manifests(&checked.selection);
    let looked = dependencies::look(&manifests, args, now, today()?)?;
    report.findings.extend(looked.findings);
    report.unread.extend(looked.unread);
    Ok(())
}

/// The pages of the rules with these names.
pub fn pages_of(wanted: impl Fn(&str) -> bool) -> Result<Vec<Page>, Failure> {
    let problem = |error| Failure::undecided(format!("the pages of the rules: {error}"));
    let mut pages = rules::pages_of(&wanted).map_err(problem)?;
    if wanted(secrets::RULE) {
        pages.push(Page::read(safeguard_secrets::PAGE).map_err(problem)?);
    }
    let of_dependencies = safeguard_dependencies::rules::pages().map_err(problem)?;
    pages.extend(
        of_dependencies
            .into_iter()
            .filter(|page| wanted(&page.id))
            .map(|page| Page {
                id: page.id,
                about: page.about,
                why: page.why,
                instead: page.instead,
                cases: Vec::new(),
            }),
    );
    Ok(pages)
}

pub fn today() -> Result<(u16, u8, u8), Failure> {
    let text = crate::exceptions::now()?.to_string();
    let mut parts = text.split(['-', 'T']);
    let mut number = || parts.next().and_then(|part| part.parse::<u16>().ok());
    let date = (|| {
        Some((
            number()?,
            u8::try_from(number()?).ok()?,
            u8::try_from(number()?).ok()?,
        ))
    })();
    date.ok_or_else(|| Failure::undecided("cannot tell today's date"))
}

fn progress(files: usize, output: &Output) -> ProgressBar {
    const FILES_SHOWN_MIN: usize = 50;
    if output.json || files < FILES_SHOWN_MIN {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(files as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} files") {
        bar.set_style(style);
    }
    bar
}

pub fn count(number: usize, word: &str) -> String {
    match number {
        1 => format!("1 {word}"),
        _ => format!("{number} {word}s"),
    }
}
