//! Asks the engine about commands, and reads the files of statements that it wants to see.

use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use anyhow::Context;
use safeguard_api::Environment;
use safeguard_api::config::GuardPolicy;
use safeguard_api::guard::CommandDecision;
use safeguard_guard::shell::{COMMAND_BYTES_MAX, Surroundings, judge_command, may_be_built};

use crate::check::{compared::DEFAULTS, objects::Objects, plumbing};
use crate::failure::Failure;
use crate::git;

/// A longer file of statements is not read, and its command refused; a longer script is read up to here, which the engine refuses.
const FILE_BYTES_MAX: u64 = safeguard_guard::STATEMENT_BYTES_MAX as u64;
/// More files of statements for one command are not read.
const FILES_MAX: usize = 16;

pub struct Asked<'p> {
    pub environment: Environment,
    pub policy: &'p GuardPolicy,
    /// Where the command would run, as an absolute path.
    pub folder: Option<String>,
}

impl Asked<'_> {
    pub fn command(&self, command: &str) -> CommandDecision {
        let mut files = BTreeMap::new();
        let mut scripts = BTreeMap::new();
        let theirs = LazyCell::new(|| self.default_branch());
        loop {
            let around = Surroundings {
                environment: self.environment,
                policy: self.policy,
                folder: self.folder.as_deref(),
                files: &files,
                scripts: &scripts,
            };
            let mut decision = judge_command(command, &around);
            let wanted = decision
                .files_needed
                .iter()
                .filter(|path| !files.contains_key(*path));
            let read: Vec<(String, String)> = wanted
                .take(FILES_MAX - files.len())
                .filter_map(|path| Some((path.clone(), self.file(path)?)))
                .collect();
            // The engine refuses what runs too many.
            let unread: Vec<&String> = decision
                .scripts
                .iter()
                .filter(|path| !scripts.contains_key(*path))
                .collect();
            // A file that can not be read is not in sight, and the command stays refused.
            if read.is_empty() && unread.is_empty() {
                // Most that may be meant is not there; told is what was read.
                let was_read = |path: &String| scripts.get(path).is_some_and(|text| !text.is_empty());
                decision.scripts.retain(was_read);
                return decision;
            }
            files.extend(read);
            for path in unread {
                let text = self.script(path);
                let own =
                    text.filter(|text| !self.has(theirs.as_deref(), path, text) && !self.is_built(path));
                // Of what is not there, and of what others answer for, nothing is read.
                scripts.insert(path.clone(), own.unwrap_or_default());
            }
        }
    }

    /// The commit of the branch that others answer for.
    fn default_branch(&self) -> Option<String> {
        let place = self.place();
        let objects = Objects::of(&place);
        let tip = plumbing::first_of(&place, &objects, DEFAULTS).ok()??;
        Some(tip.commit)
    }

    /// Whether a commit has a script as it is. What an agent has written, or committed to a branch of its own, is judged when it runs.
    fn has(&self, commit: Option<&str>, path: &str, text: &str) -> bool {
        commit.is_some_and(|commit| {
            let blob = format!("{commit}:./{path}");
            let theirs = git::git_bytes(&self.place(), &["cat-file", "blob", &blob]);
            theirs.is_ok_and(|theirs| theirs == text.as_bytes())
        })
    }

    /// Whether a build has made it: git is told to leave such files out.
    fn is_built(&self, path: &str) -> bool {
        let kept = || {
            let place = self.place();
            git::is_repository(&place) && git::git(&place, &["check-ignore", "--quiet", "--", path]).is_err()
        };
        may_be_built(path) && !kept()
    }

    /// The text of a script, of whatever kind it is.
    fn script(&self, path: &str) -> Option<String> {
        let bytes = self.bytes(path)?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn file(&self, path: &str) -> Option<String> {
        let text = String::from_utf8(self.bytes(path)?).ok()?;
        (text.len() as u64 <= FILE_BYTES_MAX).then_some(text)
    }

    /// What a file holds, and no more than shows that it is too long.
    fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        let path = match path.strip_prefix("~/") {
            Some(rest) => std::env::home_dir()?.join(rest),
            None => self.place().join(path),
        };
        // A pipe would never end, and would be another text when it is read again.
        std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file)?;
        let mut bytes = Vec::new();
        let file = File::open(path).ok()?;
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    fn place(&self) -> PathBuf {
        PathBuf::from(self.folder.as_deref().unwrap_or("."))
    }
}

/// The folder that is worked in.
pub fn folder() -> Option<String> {
    let folder = std::env::current_dir().ok()?;
    folder.into_os_string().into_string().ok()
}

/// A command from standard input, up to what the engine reads.
pub fn standard_input() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let mut limited = std::io::stdin().lock().take(COMMAND_BYTES_MAX as u64 + 1);
    limited
        .read_to_end(&mut bytes)
        .context("cannot read standard input")?;
    let text = String::from_utf8(bytes).context("standard input is not UTF-8")?;
    Ok(text)
}
