//! Asks the engine about commands, and reads the files of statements that it wants to see.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Context;
use safeguard_api::Environment;
use safeguard_api::config::GuardPolicy;
use safeguard_api::guard::CommandDecision;
use safeguard_guard::shell::{COMMAND_BYTES_MAX, Surroundings, judge_command};

use crate::check::{compared::DEFAULTS, plumbing};
use crate::failure::Failure;
use crate::git;

/// A longer file of statements is not read, and its command refused.
const FILE_BYTES_MAX: u64 = safeguard_guard::STATEMENT_BYTES_MAX as u64;
/// More files for one command are not read.
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
        loop {
            let around = Surroundings {
                environment: self.environment,
                policy: self.policy,
                folder: self.folder.as_deref(),
                files: &files,
                scripts: &scripts,
            };
            let decision = judge_command(command, &around);
            let wanted = decision
                .files_needed
                .iter()
                .filter(|path| !files.contains_key(*path));
            let read: Vec<(String, String)> = wanted
                .take(FILES_MAX - files.len())
                .filter_map(|path| Some((path.clone(), self.file(path)?)))
                .collect();
            let unread: Vec<&String> = decision
                .scripts
                .iter()
                .filter(|path| !scripts.contains_key(*path) && scripts.len() + files.len() < FILES_MAX)
                .collect();
            // A file that can not be read is not in sight, and the command stays refused.
            if read.is_empty() && unread.is_empty() {
                return decision;
            }
            files.extend(read);
            for path in unread {
                // Without a text nothing is said of it.
                let text = self.file(path).filter(|text| !self.is_of_others(path, text));
                scripts.insert(path.clone(), text.unwrap_or_default());
            }
        }
    }

    /// Whether the branch that others answer for has a script as it is. What an agent has written, or committed to a branch of its own, is judged
    /// when it runs.
    fn is_of_others(&self, path: &str, text: &str) -> bool {
        let folder = Path::new(self.folder.as_deref().unwrap_or("."));
        let Ok(Some((_, commit))) = plumbing::first_of(folder, DEFAULTS) else {
            return false;
        };
        let theirs = git::git_bytes(folder, &["cat-file", "blob", &format!("{commit}:./{path}")]);
        theirs.is_ok_and(|theirs| theirs == text.as_bytes())
    }

    fn file(&self, path: &str) -> Option<String> {
        let path = match path.strip_prefix("~/") {
            Some(rest) => std::env::home_dir()?.join(rest),
            None => Path::new(self.folder.as_deref().unwrap_or(".")).join(path),
        };
        // A pipe would never end, and would be another text when it is read again.
        std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file)?;
        let file = File::open(path).ok()?;
        let mut text = String::new();
        file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).ok()?;
        (text.len() as u64 <= FILE_BYTES_MAX).then_some(text)
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
