//! The rules about commands, one file each with its page beside it.
//!
//! A page says what its rule is about and why, and what to do instead; its cases are the rule's tests.

mod command_not_understood;
mod computed_command;
mod credentials;
mod delete_infrastructure;
mod evade_safeguard;
mod inline_code;
mod overwrite_machine;
mod publish;
mod remove_files;
mod reset_database;
mod rewrite_history;
mod stop_services;
mod unmeasured_sql;
mod unseen_script;
mod unseen_sql;

use safeguard_api::guard::GuardFinding;

use super::options::{Options, options};
use super::paths::{Spot, path_in};
use super::walk::{Redirect, Stdin};
use super::word::Word;
use crate::rules::{NOT_SUPPORTED, POLICY};

/// What is refused of commands, and why. Nothing of the policy answers otherwise.
pub struct CommandRule {
    pub id: &'static str,
    pub page: &'static str,
    /// A code of PostgreSQL's, as an SQL rule gives it: those who read findings read one form.
    pub sqlstate: &'static str,
    /// As the second half of "asked as agent: …".
    pub why: &'static str,
    /// What to do instead: agents act on it.
    pub instead: &'static str,
    /// What a program would do against the rule, as the second half of "a command that …". Rules that speak of what is
    /// not one program's call are asked where that is seen.
    check: fn(&Invocation) -> Option<String>,
}

/// Sorted by id; the first that speaks decides.
pub static COMMAND_RULES: &[&CommandRule] = &[
    &command_not_understood::RULE,
    &computed_command::RULE,
    &credentials::RULE,
    &delete_infrastructure::RULE,
    &evade_safeguard::RULE,
    &inline_code::RULE,
    &overwrite_machine::RULE,
    &publish::RULE,
    &remove_files::RULE,
    &reset_database::RULE,
    &rewrite_history::RULE,
    &stop_services::RULE,
    &unmeasured_sql::RULE,
    &unseen_script::RULE,
    &unseen_sql::RULE,
];

pub(crate) static DELETE_INFRASTRUCTURE: &CommandRule = &delete_infrastructure::RULE;
pub(crate) static CREDENTIALS: &CommandRule = &credentials::RULE;
pub(crate) static INLINE_CODE: &CommandRule = &inline_code::RULE;
pub(crate) static NOT_UNDERSTOOD: &CommandRule = &command_not_understood::RULE;
pub(crate) static UNMEASURED_SQL: &CommandRule = &unmeasured_sql::RULE;
pub(crate) static UNSEEN_SCRIPT: &CommandRule = &unseen_script::RULE;
pub(crate) static RESET_DATABASE: &CommandRule = &reset_database::RULE;
pub(crate) static UNSEEN_SQL: &CommandRule = &unseen_sql::RULE;

pub(crate) use credentials::file as credentials_file;
pub(crate) use delete_infrastructure::is_unknown;
pub(crate) use evade_safeguard::file as file_of_safeguard;
pub(crate) use remove_files::{found_paths, removed_by_code};

/// Rules about what is not in sight or not understood of a text.
pub(crate) const OF_FORM: &[&str] = &[
    "command-not-understood",
    "computed-command",
    "not-understood",
    "unmeasured-sql",
    "unseen-script",
    "unseen-sql",
];

/// Programs that may destroy something when another starts them.
pub(crate) const STARTED: &[&str] = &[
    "bash",
    "chmod",
    "chown",
    "dd",
    "docker",
    "dropdb",
    "git",
    "helm",
    "kubectl",
    "mongosh",
    "mysql",
    "npx",
    "prisma",
    "psql",
    "redis-cli",
    "rm",
    "sh",
    "shred",
    "sudo",
    "terraform",
    "tofu",
];

/// Rules about what is gone for good.
pub(crate) const DESTROY: &[&str] = &[
    "delete-infrastructure",
    "overwrite-machine",
    "remove-files",
    "reset-database",
    "rewrite-history",
];

impl CommandRule {
    pub(crate) fn finding(&self, does: &str) -> GuardFinding {
        GuardFinding {
            rule: self.id.to_owned(),
            sqlstate: self.sqlstate.to_owned(),
            message: format!("rule `{}` refuses a command that {does}", self.id),
            detail: format!("asked as agent: {}", self.why),
            hint: self.instead.to_owned(),
        }
    }
}

/// One program as a command calls it.
#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    /// Its name without folder, in small letters; empty where a command only has redirects.
    pub program: String,
    pub args: Vec<Word>,
    pub redirects: Vec<Redirect>,
    pub stdin: Stdin,
    /// Variables that are set for it alone, each with what it may hold.
    pub assignments: Vec<(String, Vec<String>)>,
    pub folder: Spot,
    pub project: Option<String>,
}

impl Invocation {
    pub fn is(&self, names: &[&str]) -> bool {
        names.contains(&self.program.as_str())
    }

    pub fn options(&self, with_value: &[&str]) -> Options<'_> {
        options(&self.args, with_value)
    }

    pub fn spot(&self, text: &str) -> Spot {
        self.folder.to(text, self.project.as_deref())
    }

    /// Where its words lead, each read as a path.
    pub fn spots(&self) -> impl Iterator<Item = Spot> {
        self.args.iter().map(|word| self.spot(path_in(word)))
    }

    pub fn written(&self) -> impl Iterator<Item = Spot> {
        let writes = self.redirects.iter().filter(|redirect| redirect.writes);
        writes.map(|redirect| self.spot(&redirect.path.text))
    }

    pub fn read(&self) -> impl Iterator<Item = Spot> {
        let reads = self.redirects.iter().filter(|redirect| !redirect.writes);
        reads.map(|redirect| self.spot(&redirect.path.text))
    }
}

pub(crate) fn first(invocation: &Invocation) -> Option<GuardFinding> {
    COMMAND_RULES
        .iter()
        .find_map(|rule| (rule.check)(invocation).map(|does| rule.finding(&does)))
        .or_else(|| {
            let does = delete_infrastructure::by_unknown(invocation)?;
            Some(delete_infrastructure::RULE.finding(&does))
        })
}

/// For rules that are asked elsewhere.
fn elsewhere(_: &Invocation) -> Option<String> {
    None
}

pub(crate) fn read_refused(spot: &Spot) -> Option<GuardFinding> {
    let key = credentials::file(spot).map(|does| credentials::RULE.finding(&does));
    let state = spot.parts.iter().any(|part| part == ".safeguard");
    key.or_else(|| {
        let does = evade_safeguard::file(spot).filter(|_| state)?;
        Some(evade_safeguard::RULE.finding(&does))
    })
}

/// A file that only its database writes.
pub(crate) fn data_written(spot: &Spot) -> Option<String> {
    let shown = crate::shell::word::shown(&spot.shown());
    remove_files::is_live_data(spot).then(|| format!("writes over `{shown}`, which keeps data"))
}

pub(crate) fn write_refused(spot: &Spot) -> Option<GuardFinding> {
    let own = evade_safeguard::file(spot).map(|does| evade_safeguard::RULE.finding(&does));
    own.or_else(|| overwrite_machine::over(spot).map(|does| overwrite_machine::RULE.finding(&does)))
        .or_else(|| data_written(spot).map(|does| overwrite_machine::RULE.finding(&does)))
        .or_else(|| credentials::file(spot).map(|does| credentials::RULE.finding(&does)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::options::{Row, row_of};

    /// A row that no command fits holds nothing.
    #[test]
    fn every_row_of_every_table_fits_the_command_that_it_describes() {
        let tables: [&'static [Row]; 4] = [
            credentials::TABLE,
            delete_infrastructure::TABLE,
            reset_database::TABLE,
            publish::TABLE,
        ];
        for row in tables.into_iter().flatten() {
            for program in row.program.split('|') {
                let words = row.words.iter().filter(|word| **word != "**");
                let words: Vec<Vec<&str>> = words.map(|word| word.split('|').collect()).collect();
                for at in 0..words.iter().map(Vec::len).max().unwrap_or(1) {
                    let mut args: Vec<Word> = words
                        .iter()
                        .map(|ways| Word::new(ways[at % ways.len()].replace('*', "x")))
                        .collect();
                    args.extend(row.only_with.first().map(|option| Word::new(*option)));
                    let table: &'static [Row] = std::slice::from_ref(row);
                    assert!(row_of(table, program, &args, &[]).is_some(), "{program} {args:?}");
                }
            }
        }
    }
}
