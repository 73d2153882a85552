//! Programs that have others run a command later, elsewhere, or as if somebody typed it: schedulers, terminals, fleets of machines.

use super::{Within, leading, script};
use crate::shell::options::options;
use crate::shell::rules::Invocation;
use crate::shell::walk::Stdin;
use crate::shell::word::{UNKNOWN, Word};

fn text(text: impl Into<String>) -> Within {
    Within::Text {
        text: text.into(),
        elsewhere: false,
    }
}

fn far(text: impl Into<String>) -> Within {
    Within::Text {
        text: text.into(),
        elsewhere: true,
    }
}

pub(super) fn texts(invocation: &Invocation) -> Vec<Within> {
    let args = &invocation.args;
    match invocation.program.as_str() {
        "ansible" => ansible(args),
        "salt" | "salt-ssh" | "salt-call" => salt(args),
        "at" | "batch" => {
            let files = options(args, &["-f", "-q", "-t"]);
            match files.values(&["-f"]).next() {
                Some(file) => vec![Within::Script(file.text.clone())],
                None => vec![Within::Stdin { elsewhere: false }],
            }
        }
        "tmux" | "screen" | "zellij" => terminal(args),
        "parallel" => parallel(invocation),
        "expect" | "tclsh" | "wish" => tcl(invocation),
        "cmd" => {
            let at = args
                .iter()
                .position(|word| matches!(word.text.to_lowercase().as_str(), "/c" | "/k" | "/r"));
            at.map(|at| text(joined(&args[at + 1..]))).into_iter().collect()
        }
        "invoke-expression" | "iex" => {
            let said = args.first().filter(|word| !word.text.starts_with('-'));
            said.map(|_| text(joined(args))).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// PowerShell's options may be written in any case, and as short as is clear; the command behind one is all that follows.
pub(super) fn powershell(args: &[Word]) -> Vec<Within> {
    const WITH_VALUE: &[&str] = &[
        "-executionpolicy",
        "-ep",
        "-version",
        "-windowstyle",
        "-workingdirectory",
        "-wd",
    ];
    let mut words = args.iter().enumerate();
    while let Some((at, word)) = words.next() {
        let option = word.text.to_lowercase().replacen('/', "-", 1);
        let begins = |whole: &str| option.len() > 1 && whole.starts_with(&option);
        if WITH_VALUE.contains(&option.as_str()) {
            words.next();
        } else if begins("-encodedcommand") || option == "-ec" || option == "-enc" {
            // Nobody can read it.
            return vec![Within::Script(format!("/dev/fd/{UNKNOWN}"))];
        } else if begins("-command") || begins("-file") || !option.starts_with('-') {
            let from = if option.starts_with('-') { at + 1 } else { at };
            let rest: Vec<&str> = args[from..].iter().map(|word| word.text.as_str()).collect();
            return match rest.first() {
                Some(&"-") | None => vec![Within::Stdin { elsewhere: false }],
                Some(file) if begins("-file") || file.ends_with(".ps1") => vec![script(file)],
                Some(_) => vec![Within::Text {
                    text: rest.join(" "),
                    elsewhere: false,
                }],
            };
        }
    }
    Vec::new()
}

fn joined(words: &[Word]) -> String {
    let words: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    words.join(" ")
}

/// A module of the machines that are meant, with its words.
fn ansible(args: &[Word]) -> Vec<Within> {
    let found = options(
        args,
        &[
            "-a",
            "--args",
            "-m",
            "--module-name",
            "-i",
            "-u",
            "-e",
            "-l",
            "-f",
        ],
    );
    let module = found
        .values(&["-m", "--module-name"])
        .last()
        .map_or("command", |word| word.text.as_str());
    let module = module.rsplit('.').next().unwrap_or("");
    if matches!(module, "reboot" | "win_reboot") {
        return vec![far("reboot")];
    }
    let words = found.values(&["-a", "--args"]);
    words
        .filter_map(|word| {
            let value = |name: &str| {
                let mut words = word.text.split_whitespace();
                words.find_map(|one| one.strip_prefix(name)?.strip_prefix('='))
            };
            let named = || value("path").or(value("dest")).or(value("name")).unwrap_or("it");
            match (module, value("state")) {
                ("command" | "shell" | "raw" | "script" | "win_command" | "win_shell", _) => {
                    Some(word.text.clone())
                }
                ("file" | "win_file", Some("absent")) => Some(format!("rm -rf '{}'", named())),
                ("service" | "systemd" | "systemd_service" | "win_service", Some("stopped")) => {
                    Some(format!("systemctl stop '{}'", named()))
                }
                (module, Some("absent")) if module.ends_with("_db") || module.ends_with("_database") => {
                    Some(format!("dropdb '{}'", named()))
                }
                ("user" | "group", Some("absent")) => Some(format!("userdel '{}'", named())),
                // Lines of files and packages of a machine are made again.
                (
                    "apt" | "blockinfile" | "cron" | "dnf" | "homebrew" | "lineinfile" | "npm" | "package"
                    | "pip" | "snap" | "yum",
                    _,
                ) => None,
                (module, Some("absent" | "terminated" | "deleted")) => Some(format!("{module} delete it")),
                _ => None,
            }
        })
        .map(far)
        .collect()
}

fn salt(args: &[Word]) -> Vec<Within> {
    let pairs = args.windows(2);
    pairs
        .filter_map(|pair| {
            let value = &pair[1].text;
            match pair[0].text.as_str() {
                "cmd.run" | "cmd.shell" | "cmd.run_all" | "cmd.run_stdout" => Some(value.clone()),
                "file.remove" => Some(format!("rm -rf '{value}'")),
                "service.stop" | "service.disable" => Some(format!("systemctl stop '{value}'")),
                "user.delete" => Some(format!("userdel '{value}'")),
                "postgres.db_remove" | "mysql.db_remove" => Some(format!("dropdb '{value}'")),
                _ => None,
            }
        })
        .map(far)
        .collect()
}

/// A command behind the verb of a terminal's own, or keys that are typed into one.
fn terminal(args: &[Word]) -> Vec<Within> {
    const WITH_VALUE: &[&str] = &[
        "-c", "-e", "-F", "-f", "-L", "-n", "-N", "-S", "-s", "-t", "-x", "-y",
    ];
    const START: &[&str] = &[
        "new",
        "new-session",
        "neww",
        "new-window",
        "respawn-pane",
        "respawn-window",
        "run",
        "split-window",
        "splitw",
    ];
    let mut found: Vec<Within> = args
        .iter()
        .filter(|word| word.text.contains(' '))
        .map(|word| text(word.text.clone()))
        .collect();
    let verb = |verbs: &[&str]| args.iter().position(|word| verbs.contains(&word.text.as_str()));
    if let Some(at) = verb(START) {
        let argv: Vec<Word> = super::leading_options(&args[at + 1..], WITH_VALUE)
            .rest
            .iter()
            .map(|(_, word)| (*word).clone())
            .collect();
        if argv.first().is_some_and(|first| !first.text.contains(' ')) {
            found.push(Within::Command {
                argv,
                elsewhere: false,
            });
        }
    }
    if let Some(at) = verb(&["send-keys", "send"]) {
        let keys = leading(&args[at + 1..], WITH_VALUE);
        let typed: String = keys
            .iter()
            .map(|key| match key.text.as_str() {
                "Space" => " ",
                "C-m" | "Enter" | "KPEnter" => "\n",
                other => other,
            })
            .collect();
        found.push(text(typed));
    }
    found
}

/// What is read stands for `{}`, or behind the command; without one, each line is a command.
fn parallel(invocation: &Invocation) -> Vec<Within> {
    let args = &invocation.args;
    if args.iter().any(|word| word.text.starts_with(":::")) || invocation.stdin == Stdin::Inherited {
        return Vec::new();
    }
    let words = leading(
        args,
        &["-j", "-a", "-I", "--jobs", "--colsep", "-n", "-N", "--delay"],
    );
    if words.is_empty() {
        return vec![Within::Stdin { elsewhere: false }];
    }
    let command = joined(&words);
    let unknown = UNKNOWN.to_string();
    vec![text(match command.contains('{') {
        true => ["{}", "{.}", "{/}", "{//}", "{/.}"]
            .iter()
            .fold(command, |command, mark| command.replace(mark, &unknown)),
        false => format!("{command} {unknown}"),
    })]
}

/// Programs that Tcl starts, and what is typed into them.
fn tcl(invocation: &Invocation) -> Vec<Within> {
    const CLIENTS: &[&str] = &["mariadb", "mysql", "psql", "sqlite3"];
    let given = options(&invocation.args, &["-c"]);
    let mut scripts: Vec<&str> = given.values(&["-c"]).map(|word| word.text.as_str()).collect();
    if let (Stdin::Text(script), true) = (&invocation.stdin, scripts.is_empty()) {
        scripts.push(script);
    }
    let mut found = Vec::new();
    let mut client = "";
    for line in scripts
        .iter()
        .flat_map(|script| script.split(['\n', ';', '[', '{']))
    {
        let line = line.trim().trim_end_matches([']', '}']);
        let Some((verb, rest)) = line.split_once(' ') else {
            continue;
        };
        match verb {
            "spawn" | "exec" => {
                client = rest.split_whitespace().next().unwrap_or("");
                found.push(text(rest));
            }
            "send" => {
                let typed = rest.trim_start_matches("-- ").trim_matches('"');
                let typed = typed.replace("\\r", "").replace("\\n", "");
                found.push(text(match CLIENTS.contains(&client) {
                    true => format!("{client} <<'END_OF_TYPED'\n{typed}\nEND_OF_TYPED"),
                    false => typed,
                }));
            }
            "file" if rest.starts_with("delete") => {
                let path = rest.split_whitespace().last().unwrap_or("");
                found.push(text(format!("rm -rf {path}")));
            }
            _ => {}
        }
    }
    found
}
