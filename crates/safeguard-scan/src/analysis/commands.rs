//! The commands of shell scripts, wherever they stand: their words, and what is known of the script around them.

use crate::analysis::sql_text::HOLE;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::tree::{Kind, NodeId, Role, Tree};

/// How many commands or assignments of a file are looked at for one of them.
pub const LOOKED_AT_MAX: usize = 5_000;

/// The languages that shell commands stand in.
pub const WITH_COMMANDS: &[Language] = &[
    Language::Dockerfile,
    Language::Hcl,
    Language::Shell,
    Language::Yaml,
];

/// A command without what only starts it (`sudo`, `env X=1`): the program's own name, then its arguments. What is not known is a [`HOLE`].
#[derive(Debug)]
pub struct Command {
    pub node: NodeId,
    pub words: Vec<String>,
    /// The nodes of the words; as many, unless the command is written within a text.
    pub nodes: Vec<NodeId>,
}

impl Command {
    pub fn program(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    pub fn args(&self) -> &[String] {
        self.words.get(1..).unwrap_or(&[])
    }

    pub fn has(&self, word: &str) -> bool {
        self.args().iter().any(|arg| arg == word)
    }

    pub fn has_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.has(word))
    }

    /// The arguments that are no options.
    pub fn plain(&self) -> Vec<&str> {
        let args = self.args().iter().map(String::as_str);
        args.filter(|arg| !arg.starts_with('-')).collect()
    }

    pub fn begins(&self, parts: &[&str]) -> bool {
        let plain = self.plain();
        plain.len() >= parts.len() && plain.iter().zip(parts).all(|(word, part)| word == part)
    }

    /// Whether one of the letters stands among short options: `-rf`.
    pub fn has_letter(&self, letters: &[char]) -> bool {
        self.args()
            .iter()
            .any(|arg| arg.starts_with('-') && !arg.starts_with("--") && arg[1..].contains(letters))
    }

    /// The command, short enough for a message.
    pub fn shown(&self) -> String {
        const CHARS_MAX: usize = 60;
        let text = self.words.join(" ").replace(HOLE, "…");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match text.chars().count() > CHARS_MAX {
            true => text.chars().take(CHARS_MAX).chain(['…']).collect(),
            false => text,
        }
    }
}

/// The text of a word, with a [`HOLE`] for each value in it.
pub fn word(tree: &Tree, id: NodeId) -> String {
    match tree.kind(id) {
        Kind::Str | Kind::Num | Kind::Bool => tree.name(id).to_owned(),
        Kind::Interp => tree.children(id).map(|part| word(tree, part)).collect(),
        _ => HOLE.to_string(),
    }
}

/// All commands of a file, in the order of the text; also those that another shell is given as a text.
pub fn commands(source: &Source) -> Vec<Command> {
    let tree = &source.tree;
    let mut found = Vec::new();
    for call in source.of_kind(Kind::Call) {
        let Some(callee) = tree.child(*call, Role::Callee) else {
            continue;
        };
        if tree.kind(callee) != Kind::Str {
            continue;
        }
        let nodes: Vec<NodeId> = std::iter::once(callee)
            .chain(tree.children_in(*call, Role::Arg))
            .collect();
        let words = nodes.iter().map(|node| word(tree, *node)).collect();
        add(*call, words, nodes, &mut found, 0);
    }
    found
}

fn add(node: NodeId, words: Vec<String>, nodes: Vec<NodeId>, found: &mut Vec<Command>, depth: usize) {
    const DEPTH_MAX: usize = 3;
    let begin = started(&words);
    let mut words: Vec<String> = words.into_iter().skip(begin).collect();
    let nodes: Vec<NodeId> = nodes.into_iter().skip(begin).collect();
    let Some(first) = words.first_mut() else {
        return;
    };
    *first = first.rsplit('/').next().unwrap_or(first).to_owned();
    let inner = inner_script(&words);
    if let Some(script) = inner.filter(|_| depth < DEPTH_MAX) {
        for command in split(&script) {
            add(node, command, Vec::new(), found, depth + 1);
        }
    }
    found.push(Command { node, words, nodes });
}

/// How many words only start the command that follows.
fn started(words: &[String]) -> usize {
    const STARTS: &[&str] = &[
        "sudo",
        "doas",
        "env",
        "exec",
        "nohup",
        "time",
        "command",
        "nice",
        "ionice",
        "builtin",
        "then",
        "eatmydata",
        "fakeroot",
        "setsid",
        "timeout",
        "stdbuf",
        "chronic",
        "xargs",
        "npx",
        "bunx",
    ];
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let program = word.rsplit('/').next().unwrap_or(word);
        if !STARTS.contains(&program) || words.len() == at + 1 {
            break;
        }
        at += 1;
        while let Some(option) = words.get(at) {
            let with_value = matches!(
                option.as_str(),
                "-u" | "-g" | "-n" | "-I" | "-P" | "-L" | "-k" | "-s"
            );
            let is_duration =
                program == "timeout" && option.starts_with(|first: char| first.is_ascii_digit());
            if option.starts_with('-') || is_duration || option.contains('=') && program == "env" {
                at += 1 + usize::from(
                    with_value
                        && matches!(program, "sudo" | "nice" | "xargs" | "timeout" | "ionice" | "doas"),
                );
            } else {
                break;
            }
        }
    }
    at.min(words.len().saturating_sub(1))
}

/// The script that a shell is given as a text: `bash -c "…"`, `su -c "…"`, `ssh host "…"`, `docker exec c sh -c "…"`.
fn inner_script(words: &[String]) -> Option<String> {
    let program = words.first()?.as_str();
    let is_shell = |word: &str| {
        matches!(
            word.rsplit('/').next(),
            Some("sh" | "bash" | "dash" | "ash" | "zsh")
        )
    };
    let after_flag = |from: usize| {
        let flag = words
            .iter()
            .skip(from)
            .position(|word| word.starts_with('-') && !word.starts_with("--") && word.ends_with('c'))?;
        words.get(from + flag + 1).cloned()
    };
    match program {
        _ if is_shell(program) => after_flag(1),
        "su" | "runuser" => after_flag(1),
        "ssh" => words
            .last()
            .filter(|last| words.len() > 2 && last.contains(' '))
            .cloned(),
        "docker" | "podman" | "kubectl" | "docker-compose" | "lxc" | "chroot" | "vagrant" => {
            let shell = words.iter().position(|word| is_shell(word))?;
            after_flag(shell + 1)
        }
        _ => None,
    }
}

/// A script within a text, roughly: its commands, and their words.
fn split(script: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word = String::new();
    let mut quote: Option<char> = None;
    let mut quoted = false;
    let end_word = |word: &mut String, quoted: &mut bool, commands: &mut Vec<Vec<String>>| {
        if (!word.is_empty() || *quoted)
            && let Some(last) = commands.last_mut()
        {
            last.push(std::mem::take(word));
        }
        *quoted = false;
    };
    for letter in script.chars() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (Some(_), _) => word.push(letter),
            (None, '"' | '\'') => {
                quote = Some(letter);
                quoted = true;
            }
            (None, ';' | '\n' | '&' | '|') => {
                end_word(&mut word, &mut quoted, &mut commands);
                commands.push(Vec::new());
            }
            (None, _) if letter.is_whitespace() => end_word(&mut word, &mut quoted, &mut commands),
            (None, _) => word.push(letter),
        }
    }
    end_word(&mut word, &mut quoted, &mut commands);
    commands.retain(|command| !command.is_empty());
    commands
}

/// What a file or function of this name is for is to take away: whoever runs it means that.
pub fn is_named_for_removal(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "teardown",
        "cleanup",
        "clean",
        "reset",
        "destroy",
        "uninstall",
        "purge",
        "prune",
        "remove",
        "delete",
        "nuke",
        "wipe",
        "drop",
        "down",
        "undeploy",
        "postrm",
        "prerm",
        "tear",
        "rm",
        "deprovision",
        "decommission",
        "cleaner",
        "clear",
        "stop",
        "kill",
        "recreate",
        "rebuild",
        "reinstall",
        "reinit",
        "cleanups",
        "destroyer",
        "format",
        "erase",
        "removal",
        "terminate",
        "shutdown",
        "del",
        "unset",
        "distclean",
        "mrproper",
    ];
    has_word(name, WORDS)
}

/// Whether a command stands where taking away is the point, or where only a machine of a test is touched.
pub fn is_meant(source: &Source, node: NodeId) -> bool {
    let tree = &source.tree;
    let file = source.path.rsplit('/').next().unwrap_or(&source.path);
    let named = is_named_for_removal(file)
        || tree.ancestors(node).any(|around| match tree.kind(around) {
            Kind::Function => is_named_for_removal(tree.name(around)),
            Kind::Case => tree
                .children_in(around, Role::Test)
                .any(|test| is_named_for_removal(&word(tree, test))),
            Kind::Object => tree.children(around).any(|pair| {
                let key = tree.child(pair, Role::Key).map_or("", |key| tree.name(key));
                let value = tree.child(pair, Role::Value).map_or("", |value| tree.name(value));
                matches!(key, "name" | "stage" | "id") && is_named_for_removal(value)
            }),
            Kind::Pair => tree
                .child(around, Role::Key)
                .is_some_and(|key| is_named_for_removal(tree.name(key))),
            _ => false,
        });
    named || asks_first(source, node) || source.is_test() || is_local_word(file)
}

fn is_local_word(file: &str) -> bool {
    has_word(
        file,
        &[
            "dev",
            "development",
            "local",
            "demo",
            "sandbox",
            "test",
            "tests",
            "testing",
            "e2e",
            "ci",
            "bench",
            "example",
            "preview",
            "smoke",
            "integration",
            "playground",
        ],
    )
}

/// Whether somebody is asked before: `read`, `confirm`, `select`.
pub fn asks_first(source: &Source, node: NodeId) -> bool {
    let tree = &source.tree;
    let start = tree.span(node).start;
    source.of_kind(Kind::Call).iter().take(LOOKED_AT_MAX).any(|call| {
        let callee = tree
            .child(*call, Role::Callee)
            .map_or("", |callee| tree.name(callee));
        let asks = match callee {
            "read" => {
                tree.ancestors(*call)
                    .all(|around| tree.kind(around) != Kind::While)
                    || tree.source(*call).contains("-p")
            }
            "whiptail" | "dialog" | "gum" | "db_input" | "db_get" => true,
            other => has_word(other, &["confirm", "ask", "prompt", "yesno"]),
        };
        asks && tree.span(*call).start < start
    })
}

/// Whether the script stops at a variable that is not set: `set -u`.
pub fn stops_at_unset(source: &Source, node: NodeId) -> bool {
    sets(source, node, 'u', "nounset")
}

/// Whether the script stops at a command that fails: `set -e`.
pub fn stops_at_failure(source: &Source, node: NodeId) -> bool {
    sets(source, node, 'e', "errexit") || runs_in_workflow(source, node)
}

/// A `run:` of GitHub's is started with `-e`.
fn runs_in_workflow(source: &Source, node: NodeId) -> bool {
    let tree = &source.tree;
    tree.language() == Language::Yaml
        && tree.ancestors(node).any(|around| {
            tree.kind(around) == Kind::Pair
                && tree.child(around, Role::Key).is_some_and(|key| {
                    matches!(
                        tree.name(key),
                        "run" | "script" | "before_script" | "after_script"
                    )
                })
        })
}

fn sets(source: &Source, node: NodeId, letter: char, long: &str) -> bool {
    let tree = &source.tree;
    let first = tree.text().lines().next().unwrap_or("");
    let in_first = first.starts_with("#!")
        && first
            .split_whitespace()
            .skip(1)
            .any(|word| word.starts_with('-') && word.contains(letter));
    // A script within a file has its own settings; a file that is a script has one.
    let script = match tree.language() {
        Language::Shell => NodeId::ROOT,
        _ => tree
            .ancestors(node)
            .filter(|around| tree.kind(*around) == Kind::Block)
            .last()
            .unwrap_or(NodeId::ROOT),
    };
    in_first
        || source.of_kind(Kind::Call).iter().take(LOOKED_AT_MAX).any(|call| {
            let callee = tree
                .child(*call, Role::Callee)
                .map_or("", |callee| tree.name(callee));
            callee == "set"
                && tree.within(*call, script)
                && tree.children_in(*call, Role::Arg).any(|arg| {
                    let text = tree.name(arg);
                    text == long || text.starts_with('-') && !text.starts_with("--") && text.contains(letter)
                })
        })
}

/// What a variable was set to before, the last time in the text: the value's node.
pub fn value_of(source: &Source, name: &str, before: NodeId) -> Option<NodeId> {
    let tree = &source.tree;
    let start = tree.span(before).start;
    source
        .of_kind(Kind::Assign)
        .iter()
        .take(LOOKED_AT_MAX)
        .rev()
        .filter(|assign| tree.span(**assign).start < start)
        .find(|assign| {
            tree.child(**assign, Role::Target)
                .is_some_and(|target| tree.name(target) == name)
        })
        .and_then(|assign| tree.child(*assign, Role::Value))
}
