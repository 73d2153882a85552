//! Asks about one program of a text, and what it changes for those behind it.

use super::script::{Script, indexes_by_command};
use super::{CALLS_DEEP_MAX, Redirect, SCRIPTS_MAX, State, Stdin, Walked, not_understood, scripts, written};
use crate::shell::expand::printed_by;
use crate::shell::paths::{Root, Spot};
use crate::shell::rules::{self, Invocation};
use crate::shell::tree::RESERVED;
use crate::shell::unwrap::{Within, behind, within};
use crate::shell::word::{UNKNOWN, Word};
use crate::shell::{inline, sql};

impl Script<'_, '_, '_> {
    /// Asks about a program and every program that it starts in turn.
    pub fn start(
        &mut self,
        argv: Vec<Word>,
        assignments: &[(String, Vec<String>)],
        redirects: Vec<Redirect>,
        stdin: Stdin,
    ) -> Walked<Stdin> {
        let printed = printed(&behind(&argv), &stdin);
        let mut open = vec![(argv, self.state.remote, 0_u32)];
        while let Some((argv, remote, deep)) = open.pop() {
            self.walk.step()?;
            if deep > CALLS_DEEP_MAX {
                return Err(not_understood("starts programs through too many others"));
            }
            let invocation = Invocation {
                program: program(argv.first()),
                args: argv.get(1..).unwrap_or(&[]).to_vec(),
                redirects: redirects.clone(),
                stdin: stdin.clone(),
                assignments: assignments.to_vec(),
                folder: if remote {
                    Spot::unknown()
                } else {
                    self.state.folder.clone()
                },
                project: self.walk.around.folder.map(str::to_owned),
            };
            if !argv.is_empty() {
                self.walk
                    .programs
                    .insert(invocation.program.replace(UNKNOWN, "…"));
            }
            if let Some(does) = misread(&invocation) {
                return Err(not_understood(does));
            }
            if let Some(finding) = rules::first(&invocation) {
                return Err(finding);
            }
            let Some(first) = argv.first() else { continue };
            if self.walk.is_unseen(&first.text) {
                return Err(rules::UNSEEN_SCRIPT.finding("runs what it has just made or fetched"));
            }
            let is_file = first.text.contains('/') || inline::is_program(&first.text);
            if !remote && (is_file || self.walk.written(&first.text).is_some()) {
                self.script(&first.text, &invocation, &stdin)?;
            }
            self.alias(&first.text, &invocation.args, &stdin)?;
            if invocation.is(&["cross-env", "env"]) {
                let given = invocation
                    .args
                    .iter()
                    .filter_map(|word| word.text.split_once('='));
                for (name, value) in given {
                    self.runs_later(name, &[value.to_owned()])?;
                }
            }
            if let Some(text) = scripts::named(self.walk, &invocation).filter(|_| !remote) {
                self.walk.later(text, &self.state, &stdin, self.deep + 1)?;
            }
            for path in fetched_to(&invocation) {
                self.walk.note_written(&path, None);
            }
            sql::look(self.walk, &invocation)?;
            let mut inner = within(&invocation);
            inner.append(&mut inline::look(self.walk, &invocation)?);
            if inner.is_empty() && rules::is_unknown(&invocation) {
                self.started_by_unknown(&invocation)?;
            }
            for one in inner {
                let state = |remote| State {
                    remote,
                    ..self.state.clone()
                };
                match one {
                    Within::Command { argv, elsewhere } => open.push((argv, remote || elsewhere, deep + 1)),
                    Within::Text { text, elsewhere } => {
                        self.walk
                            .later(text, &state(remote || elsewhere), &stdin, self.deep + 1)?;
                    }
                    Within::OfCode(text) => self.of_code(text)?,
                    Within::Script(path) if path.starts_with("/dev/fd/") || self.walk.is_unseen(&path) => {
                        return Err(rules::UNSEEN_SCRIPT.finding("runs what another program prints"));
                    }
                    Within::Script(path) if !remote => self.script(&path, &invocation, &stdin)?,
                    Within::Script(_) => {}
                    Within::Mounted(path) => {
                        let before = std::mem::replace(&mut self.state.remote, true);
                        self.script(&path, &invocation, &stdin)?;
                        self.state.remote = before;
                    }
                    Within::Stdin { elsewhere } => {
                        let text = match &stdin {
                            Stdin::Text(text) => Some(text.clone()),
                            Stdin::File(path) => self.walk.file(path),
                            Stdin::Inherited => continue,
                            Stdin::Unseen => None,
                        };
                        let text = text.ok_or_else(|| {
                            rules::UNSEEN_SCRIPT.finding("hands a shell what is not in sight")
                        })?;
                        let state = state(remote || elsewhere);
                        self.walk.later(text, &state, &Stdin::Inherited, self.deep + 1)?;
                    }
                }
            }
            self.effect(&first.text, &invocation)?;
        }
        let text = match &printed {
            Stdin::Text(text) => Some(text.clone()),
            Stdin::Inherited | Stdin::File(_) | Stdin::Unseen => None,
        };
        for redirect in redirects.iter().filter(|redirect| redirect.writes) {
            self.walk.note_redirect(redirect, text.clone());
        }
        Ok(printed)
    }

    /// Variables by which programs are told what else to run.
    pub fn runs_later(&mut self, name: &str, values: &[String]) -> Walked {
        const RUN: &[&str] = &[
            "EDITOR",
            "GIT_ASKPASS",
            "GIT_EDITOR",
            "GIT_EXTERNAL_DIFF",
            "GIT_PAGER",
            "GIT_PROXY_COMMAND",
            "GIT_SEQUENCE_EDITOR",
            "GIT_SSH",
            "GIT_SSH_COMMAND",
            "LESSOPEN",
            "MANPAGER",
            "PAGER",
            "PROMPT_COMMAND",
            "RUSTC_WRAPPER",
            "SSH_ASKPASS",
            "VISUAL",
        ];
        // They put options before a program's own, or a script before what it is given.
        const BEFORE: &[(&str, &str)] = &[
            ("BASH_ENV", "."),
            ("ENV", "."),
            ("NODE_OPTIONS", "node"),
            ("PERL5OPT", "perl"),
            ("PYTHONSTARTUP", "python3"),
            ("RUBYOPT", "ruby"),
        ];
        let program = BEFORE.iter().find(|(variable, _)| *variable == name);
        for value in values {
            // `$NODE_OPTIONS -r ./x.js`: what was there before is not known.
            let value = value.replace(UNKNOWN, "");
            // As a word `ENV` is a name of projects.
            let line = program
                .filter(|_| name != "ENV" || value.contains(['.', '/']))
                .map(|(_, program)| format!("{program} {value}"));
            if let Some(line) = line {
                self.walk
                    .later(line, &self.state, &Stdin::Inherited, self.deep + 1)?;
            }
            if name.starts_with("GIT_CONFIG_VALUE_") {
                self.of_code(value.trim_start_matches('!').to_owned())?;
            }
            if let ("GIT_CONFIG_PARAMETERS", Some((_, command))) = (name, value.split_once('!')) {
                self.of_code(command.trim_end_matches('\'').to_owned())?;
            }
            if matches!(name, "GIT_CONFIG" | "GIT_CONFIG_GLOBAL" | "GIT_CONFIG_SYSTEM") {
                let spot = self.state.folder.to(&value, self.walk.around.folder);
                let text = self.walk.script(&value, &spot).unwrap_or_default();
                for (_, command) in text.lines().filter_map(|line| line.split_once('!')) {
                    self.of_code(command.trim_end_matches('"').to_owned())?;
                }
            }
            if matches!(name, "LD_PRELOAD" | "DYLD_INSERT_LIBRARIES") {
                self.preloads(&value)?;
            }
        }
        for value in values
            .iter()
            .filter(|value| RUN.contains(&name) && !value.starts_with(UNKNOWN))
        {
            let text = value.trim_start_matches('|').to_owned();
            self.walk
                .later(text, &self.state, &Stdin::Inherited, self.deep + 1)?;
        }
        // Options that a program puts behind its own verb, whenever it is called.
        if let Some(verb) = name.strip_prefix("TF_CLI_ARGS") {
            let verb = if verb.is_empty() {
                "apply"
            } else {
                verb.trim_start_matches('_')
            };
            for value in values.iter().filter(|value| !value.contains(UNKNOWN)) {
                let text = format!("terraform {verb} {value}");
                self.walk
                    .later(text, &self.state, &Stdin::Inherited, self.deep + 1)?;
            }
        }
        Ok(())
    }

    /// A library that the project or an agent has made, and every program then runs.
    fn preloads(&self, value: &str) -> Walked {
        let spot = |path: &str| self.state.folder.to(path, self.walk.around.folder);
        let own = |path: &str| {
            let spot = spot(path);
            !path.is_empty() && path.contains('/') && (spot.root == Root::Project || spot.is_for_a_while())
        };
        match value.split([':', ' ']).any(own) {
            true => {
                Err(rules::UNSEEN_SCRIPT.finding("loads a library into every program, which nobody can read"))
            }
            false => Ok(()),
        }
    }

    /// What an alias stands for, with the words of its call behind it.
    fn alias(&mut self, name: &str, args: &[Word], stdin: &Stdin) -> Walked {
        let Some(body) = self.walk.aliases.get(name) else {
            return Ok(());
        };
        // `alias ls='ls -l'` stands for the program.
        if self.deep > 2 || body.split_whitespace().next() == Some(name) {
            return Ok(());
        }
        let quoted = args
            .iter()
            .map(|word| format!(" '{}'", word.text.replace('\'', "'\\''")));
        let text = format!("{body}{}", quoted.collect::<String>());
        self.walk.later(text, &self.state, stdin, self.deep + 1)
    }

    /// A program that is not known may start others: what its words would then destroy is refused.
    fn started_by_unknown(&mut self, invocation: &Invocation) -> Walked {
        const WORDS_MAX: usize = 16;
        let begins = |text: &str| {
            text.split_whitespace()
                .next()
                .is_some_and(|first| rules::STARTED.contains(&first))
        };
        for (at, word) in invocation.args.iter().enumerate().take(WORDS_MAX) {
            if !begins(&word.text) {
                continue;
            }
            let behind = Invocation {
                program: word.text.clone(),
                args: invocation.args[at + 1..].to_vec(),
                ..invocation.clone()
            };
            let found = match word.text.contains(' ') {
                true => self.walk.destroys(&word.text),
                false => {
                    rules::first(&behind).filter(|finding| rules::DESTROY.contains(&finding.rule.as_str()))
                }
            };
            if let Some(finding) = found {
                return Err(finding);
            }
        }
        Ok(())
    }

    /// Reads a script as if it were typed: a shell's as a command, a program's as code.
    fn script(&mut self, path: &str, invocation: &Invocation, stdin: &Stdin) -> Walked {
        let text = self.walk.script(path, &invocation.spot(path));
        if self.walk.scripts.len() > SCRIPTS_MAX {
            return Err(not_understood(format!("runs more than {SCRIPTS_MAX} scripts")));
        }
        match text {
            Some(text) if scripts::is_of_a_shell(path, &text) => {
                self.walk.later(text, &self.state, stdin, self.deep + 1)
            }
            // Another grammar: its lines are read as far as they are like a command.
            Some(text) if path.to_lowercase().ends_with(".ps1") => {
                for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
                    self.of_code(line.trim().to_owned())?;
                }
                Ok(())
            }
            Some(_) => {
                for text in inline::script(self.walk, invocation, path)? {
                    self.of_code(text)?;
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn of_code(&mut self, text: String) -> Walked {
        let state = State {
            of_code: true,
            ..self.state.clone()
        };
        self.walk.later(text, &state, &Stdin::Inherited, self.deep + 1)
    }

    /// What a command changes for those behind it.
    fn effect(&mut self, name: &str, invocation: &Invocation) -> Walked {
        match invocation.program.as_str() {
            "cd" | "pushd" => {
                let target = invocation
                    .args
                    .iter()
                    .rfind(|word| !word.text.starts_with("--") || word.text.len() > 2);
                let project = self.walk.around.folder;
                self.state.folder = match target.map(|word| word.text.as_str()) {
                    None => Spot::project().to("~", None),
                    Some("-" | "--") => Spot::unknown(),
                    Some(text) => self.state.folder.to(text, project),
                };
            }
            "alias" => {
                let pairs = invocation
                    .args
                    .iter()
                    .filter_map(|word| word.text.split_once('='));
                let pairs = pairs.map(|(name, body)| (name.to_owned(), body.to_owned()));
                self.walk.aliases.extend(pairs);
            }
            "hash" => {
                let options = invocation.options(&["-p"]);
                if let (Some(path), [name]) = (options.values(&["-p"]).next(), options.words().as_slice()) {
                    let path = path.text.clone();
                    self.walk.aliases.insert((*name).to_owned(), path);
                }
            }
            "cp" | "dd" | "ed" | "git" | "install" | "ln" | "mv" | "patch" | "sed" | "split" | "tee" => {
                written::note(self.walk, invocation);
            }
            "popd" => self.state.folder = Spot::unknown(),
            "read" | "mapfile" | "readarray" | "getopts" | "printf" | "let" => {
                for word in invocation.args.iter().filter(|word| !word.text.starts_with('-')) {
                    self.state.variables.assign(&word.text, vec![UNKNOWN.to_string()]);
                }
            }
            "shift" => self.shift(&invocation.args),
            "set" => self.set(&invocation.args),
            // They may set them too.
            "." | "eval" | "source" => self.forget_positions(),
            _ => return self.call(name, invocation),
        }
        Ok(())
    }
}

const FETCH: &[&str] = &["aria2c", "curl", "fetch", "http", "https", "wget", "xh"];

/// The files into which something is fetched.
fn fetched_to(invocation: &Invocation) -> Vec<String> {
    if !invocation.is(FETCH) {
        return Vec::new();
    }
    let names = ["-o", "--output", "-O", "--output-document"];
    let found = invocation.options(&names);
    found.values(&names).map(|word| word.text.clone()).collect()
}

/// Where the grammar takes for words what bash does not.
fn misread(invocation: &Invocation) -> Option<&'static str> {
    const SUMS: &[&str] = &["[", "let", "mapfile", "printf", "read", "test", "unset", "wait"];
    let first = invocation.args.iter().find(|word| !word.text.starts_with('-'));
    if invocation.is(&["time", "coproc"]) && first.is_some_and(|word| RESERVED.contains(&word.text.as_str()))
    {
        return Some("has a statement where it is not expected");
    }
    let indexes = invocation.args.iter().any(|word| indexes_by_command(&word.text));
    (invocation.is(SUMS) && indexes).then_some("hides a substitution in an index, which bash would run")
}

/// A program's name without its folder; what the shell would first have to look for is not known.
fn program(word: Option<&Word>) -> String {
    let Some(word) = word else {
        return String::new();
    };
    if word.glob && word.text != "[" {
        return UNKNOWN.to_string();
    }
    let name = word.text.rsplit(['/', '\\']).next().unwrap_or("").to_lowercase();
    // As in `prisma@latest` and `rm.exe`.
    let name = name.split('@').next().unwrap_or("");
    name.strip_suffix(".exe").unwrap_or(name).to_owned()
}

/// What a program prints, for those whose output is plain to see.
fn printed(argv: &[Word], stdin: &Stdin) -> Stdin {
    let name = program(argv.first());
    let args = argv.get(1..).unwrap_or(&[]);
    match (name.as_str(), args) {
        ("env" | "printenv" | "export" | "set" | "declare", []) => {
            Stdin::File("/proc/self/environ".to_owned())
        }
        ("cat" | "tee", []) => stdin.clone(),
        ("cat", [file]) if file.text == "-" => stdin.clone(),
        ("cat", [file]) if !file.text.starts_with('-') => Stdin::File(file.text.clone()),
        ("tee", _) => stdin.clone(),
        ("yes", _) => Stdin::Text("y".to_owned()),
        ("find" | "gfind", args) if !args.iter().any(|word| word.text.starts_with("-exec")) => {
            Stdin::Text(rules::found_paths(args).join("\n"))
        }
        ("echo" | "printf", args) => printed_by(&name, args).map_or(Stdin::Unseen, Stdin::Text),
        _ => Stdin::Unseen,
    }
}
