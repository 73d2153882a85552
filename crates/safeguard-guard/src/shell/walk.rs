//! Walks a command in the order in which a shell runs it, and asks about every program that it would start.

mod script;
mod scripts;
pub(in crate::shell) mod secrets;
mod start;

use std::collections::{BTreeMap, BTreeSet};

use self::script::Script;
use super::expand::Variables;
use super::paths::{Root, Spot};
use super::word::{UNKNOWN, Word};
use super::{Surroundings, rules, tree};
use safeguard_api::guard::GuardFinding;

/// How often text within a command is read as a command again.
const TEXTS_DEEP_MAX: u32 = 8;
/// More programs, or turns of loops and functions, are not walked.
const STEPS_MAX: u32 = 20_000;
/// More scripts of the disk are not read.
const SCRIPTS_MAX: usize = 64;
/// Functions that call functions, and programs that start programs.
const CALLS_DEEP_MAX: u32 = 16;

/// What a program gets to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stdin {
    /// Whatever the shell itself has.
    Inherited,
    Text(String),
    File(String),
    /// What another program prints.
    Unseen,
}

#[derive(Debug, Clone)]
pub(crate) struct State {
    pub variables: Variables,
    pub folder: Spot,
    /// On another machine, or in a container.
    pub remote: bool,
}

/// A file that a command reads or writes by `<` and `>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redirect {
    pub writes: bool,
    /// Whether what was there stays before it.
    pub appends: bool,
    pub path: Word,
}

#[derive(Debug, Default)]
struct Redirects {
    files: Vec<Redirect>,
    stdin: Option<Stdin>,
    /// Words that stand behind a redirect and belong to the command.
    args: Vec<Word>,
}

struct Text {
    text: String,
    state: State,
    stdin: Stdin,
    deep: u32,
}

pub(crate) struct Walk<'s> {
    pub around: &'s Surroundings<'s>,
    pub programs: BTreeSet<String>,
    pub files_needed: BTreeSet<String>,
    pub scripts: BTreeSet<String>,
    /// Files that the command itself writes, with their texts; none for what another program made.
    written: BTreeMap<String, Option<String>>,
    /// What psql is told to put in place of names, by the call that is asked about.
    pub psql: BTreeMap<String, String>,
    open: Vec<Text>,
    steps: u32,
}

/// The first refusal ends a walk.
type Walked<T = ()> = Result<T, GuardFinding>;

impl<'s> Walk<'s> {
    pub fn new(around: &'s Surroundings<'s>) -> Walk<'s> {
        Walk {
            around,
            programs: BTreeSet::new(),
            files_needed: BTreeSet::new(),
            scripts: BTreeSet::new(),
            written: BTreeMap::new(),
            psql: BTreeMap::new(),
            open: Vec::new(),
            steps: 0,
        }
    }

    /// Walks a command, and every text within it that is a command again.
    pub fn command(&mut self, text: &str) -> Walked {
        let state = State {
            variables: Variables::of_a_shell(),
            folder: Spot::project(),
            remote: false,
        };
        self.open.push(Text {
            text: text.to_owned(),
            state,
            stdin: Stdin::Inherited,
            deep: 0,
        });
        while let Some(next) = self.open.pop() {
            let tree = tree::parse(&next.text).map_err(not_understood)?;
            let mut script = Script {
                text: &next.text,
                state: next.state,
                functions: BTreeMap::new(),
                stdin: Stdin::Inherited,
                deep: next.deep,
                calls: 0,
                walk: self,
            };
            script.part(tree.root_node(), &next.stdin)?;
        }
        Ok(())
    }

    pub fn later(&mut self, text: String, state: &State, stdin: &Stdin, deep: u32) -> Walked {
        if deep > TEXTS_DEEP_MAX {
            return Err(not_understood("hides commands in texts within texts"));
        }
        self.open.push(Text {
            text,
            state: State {
                variables: state.variables.elsewhere(),
                ..state.clone()
            },
            stdin: stdin.clone(),
            deep,
        });
        Ok(())
    }

    fn step(&mut self) -> Walked {
        self.steps += 1;
        match self.steps > STEPS_MAX {
            true => Err(not_understood(format!("runs more than {STEPS_MAX} programs"))),
            false => Ok(()),
        }
    }

    /// The text of a file that the command wrote before.
    pub fn written(&self, path: &str) -> Option<&str> {
        self.written.get(path.trim_start_matches("./"))?.as_deref()
    }

    pub fn is_unseen(&self, path: &str) -> bool {
        self.written.get(path.trim_start_matches("./")) == Some(&None)
    }

    /// Notes what a file holds from here on; without a text, that it is not in sight.
    pub fn note_written(&mut self, path: &str, text: Option<String>) {
        self.written
            .insert(path.trim_start_matches("./").to_owned(), text);
    }

    /// Notes what a redirect wrote: what the file holds on the disk says nothing any more.
    fn note_redirect(&mut self, redirect: &Redirect, text: Option<String>) {
        let path = redirect.path.text.trim_start_matches("./");
        let text = match (text, self.written.get(path)) {
            (Some(text), Some(before)) if redirect.appends => {
                before.as_ref().map(|before| format!("{before}\n{text}"))
            }
            (text, _) => text,
        };
        self.note_written(path, text);
    }

    /// A copy holds what the first did.
    fn note_copy(&mut self, from: &str, to: &str) {
        if let Some(text) = self.written.get(from.trim_start_matches("./")).cloned() {
            self.note_written(to, text);
        }
    }

    /// The text of a script, where the command wrote it or nobody else answers for it.
    pub fn script(&mut self, path: &str, spot: &Spot) -> Option<String> {
        if let Some(text) = self.written(path) {
            return Some(text.to_owned());
        }
        // What a build or an installer makes is theirs.
        const MADE: &[&str] = &["configure", "config.status", "libtool"];
        let within = spot.root == Root::Project && !spot.is_made_again() && !MADE.contains(&spot.last());
        let shown = spot.shown();
        if !(within || spot.is_for_a_while()) || shown.contains(UNKNOWN) {
            return None;
        }
        let text = self.around.scripts.get(&shown).cloned();
        self.scripts.insert(shown);
        text
    }

    /// The text of a file, where the command wrote it or whoever asks gave it.
    pub fn file(&mut self, path: &str) -> Option<String> {
        if self.is_unseen(path) {
            return None;
        }
        let written = self.written(path).map(str::to_owned);
        let known = written.or_else(|| self.around.files.get(path).cloned());
        if known.is_none() && !path.contains(UNKNOWN) {
            self.files_needed.insert(path.to_owned());
        }
        known
    }
}

pub(crate) fn not_understood(does: impl Into<String>) -> GuardFinding {
    rules::NOT_UNDERSTOOD.finding(&does.into())
}
