//! Programs that run other programs: what stands behind them is asked about as if it stood alone.

mod editors;
mod elsewhere;
mod images;
mod runners;
mod wrappers;

use self::elsewhere::{git, kubectl, ssh};
use self::wrappers::{BEFORE_WORDS, wrapped};
use super::options::{leading_options, options};
use super::rules::{Invocation, found_paths};
use super::walk::Stdin;
use super::word::{UNKNOWN, Word};

/// What a program would run in turn.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Within {
    Command {
        argv: Vec<Word>,
        elsewhere: bool,
    },
    /// A text that a shell would read.
    Text {
        text: String,
        elsewhere: bool,
    },
    /// What a program hands to a shell, of which a part may only show when it runs.
    OfCode(String),
    /// A file that a shell would read.
    Script(String),
    /// A file of this machine that runs in a container.
    Mounted(String),
    /// What the shell is given to read.
    Stdin {
        elsewhere: bool,
    },
}

/// Programs of a project that package managers run by their names.
const TOOLS: &[&str] = &[
    "drizzle-kit",
    "knex",
    "mikro-orm",
    "prisma",
    "rimraf",
    "sequelize",
    "sequelize-cli",
    "serverless",
    "sst",
    "supabase",
    "typeorm",
    "vercel",
    "wrangler",
];

/// What a program runs in turn, as far as its words say.
pub(crate) fn within(invocation: &Invocation) -> Vec<Within> {
    let mut found = shells(invocation);
    found.append(&mut texts(invocation));
    found.append(&mut found_files(invocation));
    if invocation.is(&["xargs", "gxargs"]) {
        found.push(xargs(invocation));
    }
    found.append(&mut editors::texts(invocation));
    found.append(&mut editors::scripts(invocation));
    found.append(&mut runners::texts(invocation));
    if invocation.is(&["node", "nodejs"]) {
        // A tool by the path of its program.
        let tool = invocation
            .args
            .first()
            .and_then(|word| word.text.split("node_modules/").nth(1));
        let tool = tool.and_then(|rest| rest.trim_start_matches(".bin/").split('/').next());
        if let Some(tool) = tool.filter(|tool| TOOLS.contains(tool)) {
            let argv = std::iter::once(Word::new(tool))
                .chain(invocation.args[1..].iter().cloned())
                .collect();
            found.push(Within::Command {
                argv,
                elsewhere: false,
            });
        }
    }
    if invocation.is(&["npm", "pnpm", "yarn", "bun"]) {
        let argv = leading(&invocation.args, BEFORE_WORDS);
        let argv = match argv.split_first() {
            Some((run, rest)) if matches!(run.text.as_str(), "run" | "run-script") => rest.to_vec(),
            _ => argv,
        };
        let argv: Vec<Word> = argv.into_iter().filter(|word| word.text != "--").collect();
        const RUN_CODE: &[&str] = &["node", "ts-node", "tsx", "vite-node", "zx"];
        let tool = argv.first().is_some_and(|word| {
            let name = word.text.split('@').next().unwrap_or("");
            TOOLS.contains(&name) || RUN_CODE.contains(&name)
        });
        found.extend(tool.then_some(Within::Command {
            argv,
            elsewhere: false,
        }));
    }
    found.append(&mut wrapped(&invocation.program, &invocation.args));
    found.extend(images::started(&invocation.program, &invocation.args));
    found.extend(images::mounted(invocation));
    found.extend(module(invocation));
    found
}

/// A program that another starts by a word of its own: `python -m alembic`, `cargo sqlx`.
fn module(invocation: &Invocation) -> Option<Within> {
    const OF_CARGO: &[&str] = &["diesel", "refinery", "sea-orm-cli", "shuttle", "sqlx"];
    let args = &invocation.args;
    if let ("go", Some("run")) = (
        invocation.program.as_str(),
        args.first().map(|word| word.text.as_str()),
    ) {
        // The name of a package that is not the project's own: the last part of its path.
        let place = args
            .iter()
            .position(|word| word.text.contains('/') && !word.text.starts_with(['-', '.']))?;
        let path = args[place].text.split('@').next().unwrap_or("");
        let name = Word::new(path.rsplit('/').next().unwrap_or(""));
        let argv = std::iter::once(name)
            .chain(args[place + 1..].iter().cloned())
            .collect();
        return Some(Within::Command {
            argv,
            elsewhere: false,
        });
    }
    let from = if invocation.program.starts_with("python") || invocation.is(&["py", "pypy3"]) {
        let place = args.iter().position(|word| word.text == "-m")?;
        let leading = leading_options(args, &["-m", "-W", "-X", "-c"]);
        leading.values(&["-m"]).next()?;
        place + 1
    } else if invocation.is(&["cargo"]) {
        args.iter()
            .position(|word| OF_CARGO.contains(&word.text.as_str()))?
    } else {
        return None;
    };
    let argv: Vec<Word> = args.get(from..).unwrap_or(&[]).to_vec();
    (!argv.is_empty()).then_some(Within::Command {
        argv,
        elsewhere: false,
    })
}

/// The command that stands behind `time`, `env` and their like, whose output is theirs.
pub(crate) fn behind(argv: &[Word]) -> Vec<Word> {
    const DEEP_MAX: usize = 8;
    let mut argv = argv.to_vec();
    for _ in 0..DEEP_MAX {
        let Some((name, args)) = argv.split_first() else {
            break;
        };
        let Some(Within::Command {
            argv: inner,
            elsewhere: false,
        }) = wrapped(&name.text, args).into_iter().next()
        else {
            break;
        };
        argv = inner;
    }
    argv
}

pub(crate) const SHELLS: &[&str] = &[
    "sh",
    "bash",
    "zsh",
    "dash",
    "ksh",
    "ash",
    "fish",
    "rbash",
    "mksh",
    "csh",
    "tcsh",
    "su",
    "pwsh",
    "powershell",
];
const POWERSHELL: &[&str] = &["powershell", "pwsh"];

fn shells(invocation: &Invocation) -> Vec<Within> {
    let args = &invocation.args;
    if invocation.is(&["source", "."]) {
        let Some(file) = args.first() else {
            return Vec::new();
        };
        return vec![script(&file.text)];
    }
    if invocation.is(&["sudo", "doas"]) {
        let given = leading_options(args, &["-u", "-g", "-h", "-p", "--user", "--group"]);
        let shell = given.rest.is_empty() && given.any(&["-s", "-i", "--shell", "--login"]);
        return shell
            .then_some(Within::Stdin { elsewhere: false })
            .into_iter()
            .collect();
    }
    if invocation.is(POWERSHELL) {
        return runners::powershell(args);
    }
    if !invocation.is(SHELLS) {
        return Vec::new();
    }
    let given = leading_options(
        args,
        &[
            "-c",
            "-o",
            "-O",
            "--rcfile",
            "--init-file",
            "--command",
            "-s",
            "-Command",
            "-command",
        ],
    );
    let given = if invocation.program == "su" {
        options(args, &["-c", "--command", "-s", "--shell"])
    } else {
        given
    };
    let mut found: Vec<Within> = given
        .values(&["-c", "--command", "-Command", "-command"])
        .map(|word| Within::Text {
            text: word.text.clone(),
            elsewhere: false,
        })
        .collect();
    found.extend(
        given
            .values(&["--rcfile", "--init-file"])
            .map(|word| script(&word.text)),
    );
    let texts = given.any(&["-c", "--command", "-Command", "-command"]);
    let file = given.rest.first().map(|(_, word)| word.text.as_str());
    match file {
        _ if texts || given.any(&["--version", "--help"]) => {}
        Some(file) if file != "-" && !given.any(&["-s"]) && invocation.program != "su" => {
            found.push(script(file))
        }
        Some(_) | None => found.push(Within::Stdin { elsewhere: false }),
    }
    found
}

fn script(path: &str) -> Within {
    match path {
        "/dev/stdin" | "/dev/fd/0" | "/proc/self/fd/0" | "-" => Within::Stdin { elsewhere: false },
        path => Within::Script(path.to_owned()),
    }
}

/// Programs that hand a text to a shell.
fn texts(invocation: &Invocation) -> Vec<Within> {
    let args = &invocation.args;
    let joined = |words: &[Word]| {
        words
            .iter()
            .map(|word| word.text.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let text = |text: String| Within::Text {
        text,
        elsewhere: false,
    };
    let given = |names: &[&str]| {
        let found = options(args, names);
        found
            .values(names)
            .map(|word| text(word.text.clone()))
            .collect::<Vec<_>>()
    };
    match invocation.program.as_str() {
        "eval" => vec![text(joined(args))],
        "trap" => args
            .iter()
            .find(|word| !word.text.starts_with('-'))
            .map(|word| text(word.text.clone()))
            .into_iter()
            .collect(),
        "alias" => args
            .iter()
            .filter_map(|word| word.text.split_once('='))
            .map(|(_, body)| text(body.to_owned()))
            .collect(),
        "env" => given(&["-S", "--split-string"]),
        "npx" | "bunx" => given(&["-c", "--call"]),
        "npm" | "pnpm" if args.iter().any(|word| matches!(word.text.as_str(), "exec" | "x")) => {
            given(&["-c", "--call", "--shell-mode"])
        }
        "nodemon" => given(&["--exec", "-x"]),
        "sg" => given(&["-c"]),
        "mapfile" | "readarray" => given(&["-C"]),
        "osascript" => args
            .iter()
            .filter_map(|word| word.text.split_once("do shell script"))
            .filter_map(|(_, behind)| behind.split('"').nth(1))
            .map(|inner| text(inner.to_owned()))
            .collect(),
        "ipython" | "jupyter" => given(&["-c"])
            .into_iter()
            .filter_map(|one| match one {
                Within::Text { text: line, .. } => {
                    line.strip_prefix(['!', '%']).map(|line| text(line.to_owned()))
                }
                _ => None,
            })
            .collect(),
        "concurrently" | "npm-run-all" => args
            .iter()
            .filter(|word| word.text.contains(' '))
            .map(|word| text(word.text.clone()))
            .collect(),
        "flock" | "script" | "vagrant" => given(&["-c", "--command"]),
        "watch" => vec![text(joined(&leading(args, &["-n", "--interval"])))],
        "hyperfine" => leading(args, &["-r", "-w", "-n", "-m", "-M", "--runs", "--warmup"])
            .iter()
            .map(|word| text(word.text.clone()))
            .collect(),
        "crontab" if args.first().is_some_and(|word| word.text == "-") => crontab(&invocation.stdin),
        "git" => git(args),
        "ssh" | "mosh" | "sshpass" | "autossh" => ssh(invocation),
        "kubectl" | "oc" | "k3s" | "microk8s" => kubectl(args),
        "gcloud" | "fly" | "flyctl" | "az" | "aws" | "nomad" | "railway" => {
            let found = options(args, &["--command", "-C", "--parameters", "--script"]);
            let texts = found.values(&["--command", "-C"]);
            texts
                .map(|word| Within::Text {
                    text: word.text.clone(),
                    elsewhere: true,
                })
                .collect()
        }
        "tar" | "gtar" => {
            let actions = args.iter().filter_map(|word| word.text.split_once("exec="));
            actions.map(|(_, action)| text(action.to_owned())).collect()
        }
        "rsync" => given(&["-e", "--rsh"]),
        "awk" | "gawk" | "mawk" | "nawk" => awk(args),
        _ => Vec::new(),
    }
}

fn leading(args: &[Word], with_value: &[&str]) -> Vec<Word> {
    let found = leading_options(args, with_value);
    found.rest.iter().map(|(_, word)| (*word).clone()).collect()
}

/// Behind its five fields, each line of a table is a command.
fn crontab(stdin: &Stdin) -> Vec<Within> {
    let Stdin::Text(table) = stdin else {
        return vec![Within::Stdin { elsewhere: false }];
    };
    let command = |line: &str| line.split_whitespace().skip(5).collect::<Vec<_>>().join(" ");
    let texts = table.lines().map(command).filter(|text| !text.is_empty());
    texts
        .map(|text| Within::Text {
            text,
            elsewhere: false,
        })
        .collect()
}

/// Texts that awk hands to a shell: the strings of a program that calls one.
fn awk(args: &[Word]) -> Vec<Within> {
    let calls = |text: &str| text.contains("system") || text.contains('|');
    let programs = args.iter().filter(|word| calls(&word.text));
    if programs.clone().any(|word| {
        word.text
            .split('"')
            .skip(1)
            .step_by(2)
            .any(|text| SHELLS.contains(&text.trim()))
    }) {
        // A shell that reads what awk prints.
        return vec![Within::Script("/dev/fd/0".to_owned() + &UNKNOWN.to_string())];
    }
    let strings = programs.flat_map(|word| word.text.split('"').skip(1).step_by(2));
    strings
        .filter(|text| text.trim().contains(' '))
        .map(|text| Within::Text {
            text: text.to_owned(),
            elsewhere: false,
        })
        .collect()
}

/// `find … -exec` and `fd … -x`, with what is found in place of `{}`.
fn found_files(invocation: &Invocation) -> Vec<Within> {
    let args = &invocation.args;
    let (starts, paths): (&[&str], Vec<String>) = match invocation.program.as_str() {
        "find" | "gfind" => (&["-exec", "-execdir", "-ok", "-okdir"], found_paths(args)),
        "fd" | "fdfind" => (&["-x", "-X", "--exec", "--exec-batch"], vec![UNKNOWN.to_string()]),
        _ => return Vec::new(),
    };
    let mut found = Vec::new();
    for (at, _) in args
        .iter()
        .enumerate()
        .filter(|(_, word)| starts.contains(&word.text.as_str()))
    {
        let words = args[at + 1..]
            .iter()
            .take_while(|word| !matches!(word.text.as_str(), ";" | "+"));
        let words: Vec<&Word> = words.collect();
        for path in &paths {
            let mut argv: Vec<Word> = words
                .iter()
                .map(|word| Word::new(word.text.replace("{}", path)))
                .collect();
            if starts.contains(&"-x") && !words.iter().any(|word| word.text.contains("{}")) {
                argv.push(Word::new(path));
            }
            found.push(Within::Command {
                argv,
                elsewhere: false,
            });
        }
    }
    found
}

/// The command of `xargs` with what it is given to read behind it.
fn xargs(invocation: &Invocation) -> Within {
    const WITH_VALUE: &[&str] = &[
        "-a",
        "-d",
        "-E",
        "-I",
        "-L",
        "-n",
        "-P",
        "-s",
        "--arg-file",
        "--delimiter",
        "--max-args",
        "--max-procs",
        "--replace",
        "--max-lines",
    ];
    let given = leading_options(&invocation.args, WITH_VALUE);
    let replaced = given
        .values(&["-I", "--replace"])
        .next()
        .map(|word| word.text.clone());
    let replaced = replaced.or_else(|| given.any(&["-i"]).then(|| "{}".to_owned()));
    let input: Vec<Word> = match &invocation.stdin {
        Stdin::Text(text) => text
            .split_whitespace()
            .map(|word| Word::new(word.trim_matches(['\'', '"'])))
            .collect(),
        Stdin::Inherited | Stdin::File(_) | Stdin::Unseen => vec![Word::unknown()],
    };
    let words: Vec<Word> = given.rest.iter().map(|(_, word)| (*word).clone()).collect();
    let argv = match replaced.filter(|mark| !mark.is_empty()) {
        Some(mark) => {
            let joined: Vec<&str> = input.iter().map(|word| word.text.as_str()).collect();
            let joined = joined.join(" ");
            words
                .iter()
                .map(|word| Word::new(word.text.replace(&mark, &joined)))
                .collect()
        }
        None if words.is_empty() => vec![Word::new("echo")],
        None => words.into_iter().chain(input).collect(),
    };
    Within::Command {
        argv,
        elsewhere: false,
    }
}
