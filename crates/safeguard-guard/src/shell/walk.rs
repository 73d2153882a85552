//! Walks a command in the order in which a shell runs it, and asks about every program that it would start.

mod functions;
mod script;
mod scripts;
pub(in crate::shell) mod secrets;
mod start;
mod written;

use std::collections::{BTreeMap, BTreeSet};

use self::functions::Functions;
use self::script::Script;
use super::expand::Variables;
use super::inline::is_program;
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
    /// In a text of a program's code: what is not understood of it is not refused.
    pub of_code: bool,
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
    /// Modules that programs take in, by paths at which they may lie.
    pub imported: BTreeSet<String>,
    /// Programs that were judged: one that starts itself is judged once.
    pub judged: BTreeSet<String>,
    /// Where files were copied from, which the command has not written.
    copied: BTreeMap<String, String>,
    /// Files that the command itself writes, with their texts; none for what another program made.
    written: BTreeMap<String, Option<String>>,
    /// Names that stand for other words.
    aliases: BTreeMap<String, String>,
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
            imported: BTreeSet::new(),
            judged: BTreeSet::new(),
            copied: BTreeMap::new(),
            written: BTreeMap::new(),
            aliases: BTreeMap::new(),
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
            of_code: false,
        };
        self.open.push(Text {
            text: text.to_owned(),
            state,
            stdin: Stdin::Inherited,
            deep: 0,
        });
        while let Some(next) = self.open.pop() {
            let of_code = next.state.of_code;
            let tree = match tree::parse(&next.text) {
                Ok(tree) => tree,
                Err(_) if of_code => continue,
                Err(does) => return Err(not_understood(does)),
            };
            let mut script = Script {
                text: &next.text,
                state: next.state,
                functions: Functions::default(),
                stdin: Stdin::Inherited,
                deep: next.deep,
                calls: 0,
                loops: 0,
                walk: self,
            };
            let walked = script.part(tree.root_node(), &next.stdin);
            match walked.and_then(|_| script.end()) {
                Err(finding) if of_code && rules::OF_FORM.contains(&finding.rule.as_str()) => {}
                walked => {
                    walked?;
                }
            }
        }
        Ok(())
    }

    /// Why a text would be refused as a command that destroys something; it may as well be a sentence.
    pub fn destroys(&self, text: &str) -> Option<GuardFinding> {
        let finding = Walk::new(self.around).command(text).err();
        finding.filter(|finding| rules::DESTROY.contains(&finding.rule.as_str()))
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

    /// One name for a file of the project, whichever way it is written.
    fn key<'p>(&self, path: &'p str) -> &'p str {
        let within = self
            .around
            .folder
            .and_then(|folder| path.strip_prefix(folder)?.strip_prefix('/'));
        within.unwrap_or(path).trim_start_matches("./")
    }

    /// The text of a file that the command wrote before.
    pub fn written(&self, path: &str) -> Option<&str> {
        self.written.get(self.key(path))?.as_deref()
    }

    pub fn is_unseen(&self, path: &str) -> bool {
        self.written.get(self.key(path)) == Some(&None)
    }

    /// Notes what a file holds from here on; without a text, that it is not in sight.
    pub fn note_written(&mut self, path: &str, text: Option<String>) {
        let key = self.key(path).to_owned();
        self.written.insert(key, text);
    }

    /// Notes what a redirect wrote: what the file holds on the disk says nothing any more.
    fn note_redirect(&mut self, redirect: &Redirect, text: Option<String>) {
        let path = self.key(&redirect.path.text);
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
        match self.written.get(self.key(from)).cloned() {
            Some(text) => self.note_written(to, text),
            None => {
                let to = self.key(to).to_owned();
                self.copied.insert(to, from.to_owned());
            }
        }
    }

    /// The text of a script, where the command wrote it or nobody else answers for it.
    pub fn script(&mut self, path: &str, spot: &Spot) -> Option<String> {
        if let Some(text) = self.written(path) {
            return Some(text.to_owned());
        }
        let first = self.copied.get(self.key(path));
        let first = first.map(|first| Spot::project().to(first, self.around.folder));
        let shown = readable(first.as_ref().unwrap_or(spot))?;
        let text = self.around.scripts.get(&shown).cloned();
        self.scripts.insert(shown);
        text.filter(|text| !text.is_empty())
    }

    /// The text of a module, which is asked for like a script; more than are looked at are left alone.
    pub fn module(&mut self, spot: &Spot) -> Option<String> {
        const MODULES_MAX: usize = 512;
        let shown = readable(spot)?;
        if let Some(text) = self.written(&shown) {
            return Some(text.to_owned());
        }
        if self.imported.len() >= MODULES_MAX {
            return None;
        }
        let text = self.around.scripts.get(&shown).cloned();
        self.imported.insert(shown);
        text.filter(|text| !text.is_empty())
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

/// How a script is asked for, where an agent may have written it. What an installer makes is its own.
fn readable(spot: &Spot) -> Option<String> {
    const MADE: &[&str] = &["configure", "config.status", "libtool"];
    /// Packages of others lie there.
    const INSTALLED: &[&str] = &["node_modules", "site-packages", "vendor", ".venv", "venv"];
    let installed = spot.parts.iter().any(|part| INSTALLED.contains(&part.as_str()));
    let source = is_of_a_shell(spot) || is_program(spot.last());
    let own = is_tried_in(spot) || !spot.is_made_again() || (source && !installed);
    let within = spot.root == Root::Project && own && !MADE.contains(&spot.last());
    let shown = spot.shown();
    ((within || spot.is_for_a_while()) && !shown.contains(UNKNOWN)).then_some(shown)
}

/// No compiler makes scripts of a shell.
fn is_of_a_shell(spot: &Spot) -> bool {
    let endings = [".bash", ".sh", ".zsh"];
    endings.iter().any(|ending| spot.last().ends_with(ending))
}

/// Folders in which things are tried, though they are made again.
fn is_tried_in(spot: &Spot) -> bool {
    let first = spot.parts.first().map(String::as_str);
    matches!(first, Some(".tmp" | "tmp"))
}

/// Whether a script lies where a build puts what it makes, and may be its work.
pub(in crate::shell) fn may_be_built(spot: &Spot) -> bool {
    spot.root == Root::Project && spot.is_made_again() && !is_of_a_shell(spot) && !is_tried_in(spot)
}

pub(crate) fn not_understood(does: impl Into<String>) -> GuardFinding {
    rules::NOT_UNDERSTOOD.finding(&does.into())
}
