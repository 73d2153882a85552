//! `safeguard guard lint`: migrations, read and rehearsed.

mod report;
mod scratch;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use safeguard_api::Span;
use safeguard_api::evidence::Severity;
use safeguard_api::migration::{MigrationFinding, Rehearsal};
use safeguard_guard::migration::{
    Limits, Script, lint as read_migration, measured, rows_removed_intended, script,
};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::{BAD, CARE, GOOD, HINT, Output};

const FILES_MAX: usize = 2_000;
const FILE_BYTES_MAX: u64 = 4 << 20;

#[derive(Debug, Args)]
pub struct LintArgs {
    /// Files, and folders with files `*.sql`
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Rehearse them, in this order, on a copy of this database; nobody may be connected to it, and it is not changed
    #[arg(long, value_name = "URL")]
    pub db: Option<String>,
    /// PEM with the authorities that may have signed the server's certificate
    #[arg(long, value_name = "FILE", requires = "db")]
    pub ca: Option<PathBuf>,
    /// How long users may be kept waiting by a migration's locks
    #[arg(long, value_name = "TIME", default_value = "1s", requires = "db")]
    pub lock_longest: Span,
    /// Write the findings here as SARIF 2.1.0
    #[arg(long, value_name = "FILE")]
    pub sarif: Option<PathBuf>,
    /// Write the rehearsals here as evidence for the gate data-integrity (`safeguard.evidence/1`)
    #[arg(long, value_name = "FILE", requires = "db")]
    pub evidence: Option<PathBuf>,
}

/// A migration as it lies there.
pub struct Migration {
    pub path: PathBuf,
    text: String,
    /// From a file of its own.
    down: Option<String>,
}

impl Migration {
    pub fn script(&self) -> Script<'_> {
        let mut script = script(&self.text);
        script.down = self.down.as_deref().or(script.down);
        script
    }
}

/// What is known of a migration.
#[derive(Debug, Serialize)]
pub struct Looked {
    pub path: String,
    pub findings: Vec<MigrationFinding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<Rehearsal>,
    pub rows_removed_intended: u64,
}

pub fn lint(args: &LintArgs, output: &Output) -> Result<(), Failure> {
    let migrations = migrations(&args.paths)?;
    let rehearsals = match &args.db {
        Some(url) => scratch::rehearse_all(url, args.ca.as_deref(), &migrations, output)?,
        None => migrations.iter().map(|_| None).collect(),
    };
    let lock_longest: Duration = args.lock_longest.into();
    let mut all = Vec::new();
    for (migration, rehearsal) in migrations.iter().zip(rehearsals) {
        let rows_removed_intended = rows_removed_intended(&migration.text);
        let limits = Limits {
            rows_removed_intended,
            lock_longest,
        };
        let mut findings = read_migration(&migration.text);
        findings.extend(rehearsal.iter().flat_map(|rehearsal| measured(rehearsal, limits)));
        all.push(Looked {
            path: migration.path.display().to_string(),
            findings,
            rehearsal,
            rows_removed_intended,
        });
    }
    if let Some(file) = &args.sarif {
        report::write(file, &report::sarif(&all))?;
    }
    if let Some(file) = &args.evidence {
        report::write(file, &report::evidence(&all))?;
    }
    output.data(&all, |all| shown(all))?;
    let worst = all.iter().flat_map(|looked| &looked.findings);
    match worst.map(|finding| finding.severity).max() {
        Some(severity) if severity >= Severity::High => Err(Failure::Told),
        Some(_) | None => Ok(()),
    }
}

fn shown(all: &[Looked]) -> String {
    let mut text = String::new();
    let mut counts: BTreeMap<Severity, usize> = BTreeMap::new();
    for looked in all {
        for finding in &looked.findings {
            *counts.entry(finding.severity).or_default() += 1;
            let style = if finding.severity >= Severity::High {
                BAD
            } else {
                CARE
            };
            text.push_str(&format!(
                "{}:{}:{}: {style}{}{style:#} {}: {}\n",
                looked.path,
                finding.line,
                finding.column,
                finding.severity.as_str(),
                finding.rule,
                finding.message
            ));
            if let Some(hint) = &finding.hint {
                text.push_str(&format!("  {HINT}hint{HINT:#}: {hint}\n"));
            }
        }
        if let Some(rehearsal) = &looked.rehearsal {
            text.push_str(&format!(
                "{}: rehearsed in {}: {} rows become {}\n",
                looked.path, rehearsal.took, rehearsal.rows_before, rehearsal.rows_after
            ));
        }
    }
    let counted: Vec<String> = counts
        .iter()
        .rev()
        .map(|(severity, count)| format!("{count} {}", severity.as_str()))
        .collect();
    let found = match counted.is_empty() {
        true => format!("{GOOD}nothing found{GOOD:#}"),
        false => counted.join(", "),
    };
    let files = match all.len() {
        1 => "1 migration".to_owned(),
        count => format!("{count} migrations"),
    };
    text.push_str(&format!("{found} in {files}\n"));
    text
}

/// Every migration that the paths name, each once. A file that can not be read is not passed over.
fn migrations(paths: &[PathBuf]) -> Result<Vec<Migration>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let mut within = Vec::new();
            collect(path, &mut within)?;
            within.sort();
            files.extend(within);
        } else {
            files.push(path.clone());
        }
        if FILES_MAX < files.len() {
            return Err(Failure::undecided(format!(
                "{} files (limit {FILES_MAX})",
                files.len()
            )));
        }
    }
    let mut found: Vec<Migration> = Vec::new();
    for path in files.iter().filter(|path| way_up_of(path).is_none()) {
        if found.iter().any(|known| known.path == *path) {
            continue;
        }
        let down = ways_down(path).into_iter().find(|down| down.is_file());
        found.push(Migration {
            text: text(path)?,
            down: down.as_deref().map(text).transpose()?,
            path: path.clone(),
        });
    }
    if found.is_empty() {
        return Err(Failure::undecided("there is no migration in what was named")
            .hint("name files `*.sql`, or a folder that has some"));
    }
    Ok(found)
}

/// Tools for migrations also keep each in a folder of its own.
fn collect(folder: &Path, into: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let shown = || format!("cannot read `{}`", folder.display());
    for entry in std::fs::read_dir(folder).with_context(shown)? {
        let entry = entry.with_context(shown)?;
        let kind = entry.file_type().with_context(shown)?;
        // A link may lead anywhere, also in a circle.
        if kind.is_dir() {
            collect(&entry.path(), into)?;
        } else if kind.is_file() && entry.path().extension() == Some(OsStr::new("sql")) {
            into.push(entry.path());
        }
        if FILES_MAX < into.len() {
            return Err(Failure::undecided(format!(
                "more than {FILES_MAX} files in `{}`",
                folder.display()
            )));
        }
    }
    Ok(())
}

/// The names that a way down has in the world.
const DOWN: [(&str, &str); 3] = [
    (".up.sql", ".down.sql"),
    ("_up.sql", "_down.sql"),
    (".sql", ".down.sql"),
];

/// Of a way down, the way up that it belongs to; none of every other file.
fn way_up_of(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    if name == "down.sql" {
        return Some(path.with_file_name("up.sql")).filter(|up| up.is_file());
    }
    let ups = DOWN.iter().filter_map(|(up, down)| {
        let stem = name.strip_suffix(down)?;
        Some(path.with_file_name(format!("{stem}{up}")))
    });
    ups.into_iter().find(|up| up.is_file())
}

fn ways_down(path: &Path) -> Vec<PathBuf> {
    let Some(name) = path.file_name().and_then(OsStr::to_str) else {
        return Vec::new();
    };
    if name == "up.sql" {
        return vec![path.with_file_name("down.sql")];
    }
    let downs = DOWN.iter().filter_map(|(up, down)| {
        let stem = name.strip_suffix(up)?;
        Some(path.with_file_name(format!("{stem}{down}")))
    });
    downs.collect()
}

fn text(path: &Path) -> Result<String, Failure> {
    let size = std::fs::metadata(path)
        .with_context(|| format!("cannot read `{}`", path.display()))?
        .len();
    if FILE_BYTES_MAX < size {
        let message = format!("`{}` has {size} bytes (limit {FILE_BYTES_MAX})", path.display());
        return Err(Failure::undecided(message).hint("load data by another way than a migration"));
    }
    Ok(std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?)
}
