//! Asks about one program of a text, and what it changes for those behind it.

use tree_sitter::Node;

use super::script::{Script, indexes_by_command};
use super::{CALLS_DEEP_MAX, Redirect, SCRIPTS_MAX, State, Stdin, Walked, not_understood, scripts};
use crate::shell::expand::printed_by;
use crate::shell::paths::Spot;
use crate::shell::rules::{self, Invocation};
use crate::shell::tree::RESERVED;
use crate::shell::unwrap::{Within, behind, within};
use crate::shell::word::{UNKNOWN, Word};
use crate::shell::{inline, sql};

impl<'t> Script<'t, '_, '_> {
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
            self.effect(&invocation)?;
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
    fn effect(&mut self, invocation: &Invocation) -> Walked {
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
            "cp" | "mv" | "ln" | "install" => {
                let options = invocation.options(&["-t", "-m"]);
                if let [from, to] = options.words().as_slice() {
                    self.walk.note_copy(from, to);
                }
            }
            "tee" => {
                if let Stdin::Text(text) = &invocation.stdin {
                    for path in invocation.options(&[]).words() {
                        self.walk.note_written(path, Some(text.clone()));
                    }
                }
            }
            "popd" => self.state.folder = Spot::unknown(),
            "read" | "mapfile" | "readarray" | "getopts" | "printf" | "let" => {
                for word in invocation.args.iter().filter(|word| !word.text.starts_with('-')) {
                    self.state.variables.assign(&word.text, vec![UNKNOWN.to_string()]);
                }
            }
            name => {
                if let Some(function) = self.functions.get(name).copied() {
                    return self.call(function, invocation);
                }
            }
        }
        Ok(())
    }

    fn call(&mut self, function: Node<'t>, invocation: &Invocation) -> Walked {
        if self.calls >= CALLS_DEEP_MAX {
            return Ok(());
        }
        for (at, word) in invocation.args.iter().take(9).enumerate() {
            self.state
                .variables
                .assign(&(at + 1).to_string(), vec![word.text.clone()]);
        }
        self.calls += 1;
        self.body(function, &invocation.stdin)?;
        self.calls -= 1;
        for at in 1..10 {
            self.state
                .variables
                .assign(&at.to_string(), vec![UNKNOWN.to_string()]);
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
