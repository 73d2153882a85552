//! Runs the stories of `scenarios/`: each command with the real binaries, each answer against what is written.
//!
//! A story is Markdown. A block that opens with ```` ```toml safeguard.toml ```` becomes that file in the story's own
//! folder. One that opens with ```` ```sql 127.0.0.1:5432/shop ```` starts a PostgreSQL, which stands at that address, and
//! makes that database with it. In a `console` block a line after `$ ` is typed into one shell that lasts for the whole story, a line after
//! `> ` continues it, and the other lines are what it prints: `…` stands for any text within a line, a line `...` for
//! any lines. A block marked `console until` is typed again until it prints what is written. A command must succeed,
//! unless the next one is `echo $?`. Each loopback address gets a port that is free.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use crate::ports::free_address;
use crate::postgres::Postgres;
use crate::repository::root;

const COMMAND_LONGEST: Duration = Duration::from_secs(60);
const UNTIL_LONGEST: Duration = Duration::from_secs(90);
const UNTIL_PAUSE: Duration = Duration::from_millis(200);
/// Printed after each command with its exit code; no story prints it.
const END_MARK: &str = "=-=-= end of command";
const LOOPBACK: &str = "127.0.0.1:";

#[derive(Debug, PartialEq)]
enum Step {
    File {
        name: String,
        text: String,
    },
    Database {
        port: String,
        name: String,
        sql: String,
    },
    Type {
        line: usize,
        command: String,
        expected: Vec<String>,
        until: bool,
        may_fail: bool,
    },
}

fn parse(story: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = story.lines().enumerate();
    while let Some((_, line)) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else {
            continue;
        };
        let block: Vec<(usize, &str)> = lines.by_ref().take_while(|(_, line)| *line != "```").collect();
        match kind.split_whitespace().collect::<Vec<_>>()[..] {
            ["console"] => steps.extend(parse_console(&block, false)),
            ["console", "until"] => steps.extend(parse_console(&block, true)),
            ["sql", at] => {
                let (port, name) = at
                    .strip_prefix(LOOPBACK)
                    .and_then(|at| at.split_once('/'))
                    .expect("a port on loopback, and a database");
                steps.push(Step::Database {
                    port: port.to_owned(),
                    name: name.to_owned(),
                    sql: whole(&block),
                });
            }
            [_, name] => {
                let text = whole(&block);
                steps.push(Step::File {
                    name: name.to_owned(),
                    text,
                });
            }
            _ => {}
        }
    }
    steps
}

fn whole(block: &[(usize, &str)]) -> String {
    block.iter().flat_map(|(_, line)| [line, "\n"]).collect()
}

fn parse_console(block: &[(usize, &str)], until: bool) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (at, text) in block {
        if let Some(typed) = text.strip_prefix("$ ") {
            if typed == "echo $?"
                && let Some(Step::Type { may_fail, .. }) = steps.last_mut()
            {
                *may_fail = true;
            }
            steps.push(Step::Type {
                line: at + 1,
                command: typed.to_owned(),
                expected: Vec::new(),
                until,
                may_fail: false,
            });
        } else if let Some(Step::Type {
            command, expected, ..
        }) = steps.last_mut()
        {
            match text.strip_prefix("> ") {
                Some(more) if expected.is_empty() => *command = format!("{command}\n{more}"),
                _ => expected.push((*text).to_owned()),
            }
        } else {
            panic!("line {}: a console block starts with a command", at + 1);
        }
    }
    steps
}

/// Whether `line` is what `pattern` says; `…` stands for any text.
fn line_fits(pattern: &str, line: &str) -> bool {
    let mut pieces = pattern.split('…');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else {
        return rest.is_empty();
    };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Whether the lines are what the patterns say; `...` stands for any lines.
fn lines_fit(patterns: &[String], lines: &[String]) -> bool {
    match patterns {
        [] => lines.is_empty(),
        [any, rest @ ..] if any.trim() == "..." => {
            (0..=lines.len()).any(|skipped| lines_fit(rest, &lines[skipped..]))
        }
        [pattern, rest @ ..] => match lines {
            [line, more @ ..] => line_fits(pattern.trim_end(), line.trim_end()) && lines_fit(rest, more),
            [] => false,
        },
    }
}

/// The ports that the story names, and the free ones that stand for them.
struct Ports(BTreeMap<String, String>);

impl Ports {
    fn of(story: &str) -> Ports {
        let mut ports = BTreeMap::new();
        for rest in story.split(LOOPBACK).skip(1) {
            let named: String = rest.chars().take_while(char::is_ascii_digit).collect();
            ports
                .entry(named)
                .or_insert_with(|| free_address().port().to_string());
        }
        Ports(ports)
    }

    fn to_free(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (named, free)| {
            text.replace(&format!("{LOOPBACK}{named}"), &format!("{LOOPBACK}{free}"))
                .replace(&format!("port = {named}\n"), &format!("port = {free}\n"))
        })
    }

    fn to_named(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (named, free)| {
            text.replace(&format!("{LOOPBACK}{free}"), &format!("{LOOPBACK}{named}"))
        })
    }
}

/// One shell for a whole story, in a process group of its own, which ends with it.
struct Shell {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Shell {
    fn start(folder: &Path, path: &str) -> Shell {
        use std::os::unix::process::CommandExt;
        let mut child = Command::new("bash")
            .args(["--noprofile", "--norc"])
            .current_dir(folder)
            .env("PATH", path)
            .env("HOME", folder)
            .env("NO_COLOR", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(b"exec 2>&1\n").unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = sync_channel(1024);
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Shell { child, input, lines }
    }

    /// Types a command; returns what it prints and its exit code.
    fn run(&mut self, command: &str) -> (Vec<String>, i32) {
        // The subshell gives the exit code back to `$?`, for a story that asks.
        let typed =
            format!("{command}\n__code=$?; printf '\\n%s %s\\n' '{END_MARK}' $__code; (exit $__code)\n");
        self.input.write_all(typed.as_bytes()).unwrap();
        let deadline = Instant::now() + COMMAND_LONGEST;
        let mut printed = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => match line.strip_prefix(END_MARK) {
                    Some(code) => {
                        // The mark starts a line of its own, so an empty line may stand before it.
                        if printed.last().is_some_and(String::is_empty) {
                            printed.pop();
                        }
                        return (printed, code.trim().parse().unwrap());
                    }
                    None => printed.push(line),
                },
                Err(RecvTimeoutError::Timeout) => {
                    panic!(
                        "`{command}` did not end within {COMMAND_LONGEST:?}; so far:\n{}",
                        printed.join("\n")
                    )
                }
                Err(RecvTimeoutError::Disconnected) => panic!("the shell ended at `{command}`"),
            }
        }
    }
}

impl Shell {
    fn ends_within(&mut self, longest: Duration) -> bool {
        let deadline = Instant::now() + longest;
        while Instant::now() < deadline {
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        use rustix::process::{Pid, Signal, kill_process_group};
        // What the story left running is stopped by its own shell, which can wait for it.
        let asked = self.input.write_all(b"kill $(jobs -p) 2>/dev/null; wait; exit\n");
        let group = Pid::from_raw(self.child.id().cast_signed()).expect("a process has an id");
        if asked.is_ok() && self.ends_within(Duration::from_secs(15)) {
            return;
        }
        for signal in [Signal::TERM, Signal::KILL] {
            if let Err(error) = kill_process_group(group, signal) {
                eprintln!("cannot stop what a story left running: {error}");
            }
            if self.ends_within(Duration::from_secs(2)) {
                return;
            }
        }
    }
}

/// Where the shell finds its programs: the common ones, and none of safeguard's.
fn common_path() -> String {
    std::env::var("PATH").unwrap()
}

/// The folder of the binaries that were built with this test.
fn binaries() -> PathBuf {
    let folder = std::env::current_exe()
        .unwrap()
        .ancestors()
        .nth(2)
        .unwrap()
        .to_owned();
    assert!(
        folder.join("safeguard").is_file(),
        "run `cargo build --workspace --bins` first, as `./test` does"
    );
    folder
}

/// Runs a story; returns what went another way than written.
fn run(story: &str, path: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let mut ports = Ports::of(story);
    let mut databases = Vec::new();
    let mut shell = Shell::start(folder.path(), path);
    for step in parse(story) {
        match step {
            Step::File { name, text } => {
                std::fs::write(folder.path().join(name), ports.to_free(&text)).unwrap()
            }
            Step::Database { port, name, sql } => {
                let postgres = Postgres::start();
                postgres.must("postgres", "postgres", &format!("CREATE DATABASE {name}"));
                postgres.must("postgres", &name, &sql);
                ports.0.insert(port, postgres.port.to_string());
                databases.push(postgres);
            }
            Step::Type {
                line,
                command,
                expected,
                until,
                may_fail,
            } => {
                let deadline = Instant::now() + UNTIL_LONGEST;
                loop {
                    let (printed, code) = shell.run(&ports.to_free(&command));
                    let printed: Vec<String> = printed.iter().map(|line| ports.to_named(line)).collect();
                    let ended_well = code == 0 || may_fail;
                    if ended_well && lines_fit(&expected, &printed) {
                        break;
                    }
                    if until && Instant::now() < deadline {
                        std::thread::sleep(UNTIL_PAUSE);
                        continue;
                    }
                    return Err(difference(
                        line,
                        &command,
                        code,
                        &expected,
                        &printed,
                        folder.path(),
                    ));
                }
            }
        }
    }
    Ok(())
}

fn difference(
    line: usize,
    command: &str,
    code: i32,
    expected: &[String],
    printed: &[String],
    folder: &Path,
) -> String {
    let mut text = format!(
        "line {line}: $ {command}\nended with {code}\n--- written\n{}\n--- printed\n{}\n",
        expected.join("\n"),
        printed.join("\n")
    );
    // What runs in the background writes its log beside the story.
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "log") {
            let log = std::fs::read_to_string(&path).unwrap();
            let last: Vec<&str> = log.lines().rev().take(20).collect();
            let last: Vec<&str> = last.into_iter().rev().collect();
            write!(text, "--- end of {}\n{}\n", path.display(), last.join("\n")).unwrap();
        }
    }
    text
}

#[test]
fn stories_come_true() {
    let _turn = crate::live::up::TURN.blocking_lock();
    let mut stories: Vec<PathBuf> = std::fs::read_dir(root().join("scenarios"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    stories.sort();
    let search_path = format!("{}:{}", binaries().display(), common_path());
    let mut wrong = Vec::new();
    for path in stories {
        let story = std::fs::read_to_string(&path).unwrap();
        assert!(
            parse(&story).iter().any(|step| matches!(step, Step::Type { .. })),
            "{} types no command",
            path.display()
        );
        eprintln!("story {}", path.display());
        if let Err(difference) = run(&story, &search_path) {
            wrong.push(format!("{}: {difference}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn patterns_fit_what_they_say() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let fits = |pattern: &str, text: &str| lines_fit(&lines(pattern), &lines(text));
    assert!(fits("release … is live", "release rel_1 is live"));
    assert!(!fits("release … is live", "release rel_1 is lively"));
    assert!(!fits("a…a", "a"));
    assert!(fits("a\n...\nd", "a\nb\nc\nd"));
    assert!(fits("a\n...\nd", "a\nd"));
    assert!(!fits("a\n...\nd", "a\nb"));
    assert!(!fits("", "a"));
}

#[test]
fn a_story_is_typed_into_one_shell() {
    let story = "\
# A story
```text note.txt
127.0.0.1:7
```
```console
$ greeting=hello
$ printf '%s\\n' \"$greeting\" \\
> world
hello
world
$ cat note.txt
127.0.0.1:7
$ grep -c 127.0.0.1:7 note.txt
1
$ false
$ echo $?
1
```
```console until
$ printf x >> tries; wc -c < tries
3
```
";
    assert_eq!(run(story, &common_path()), Ok(()));
    assert!(run(&story.replace("hello\nworld", "hello\nmoon"), &common_path()).is_err());
    assert!(
        run(&story.replace("$ echo $?\n1\n", ""), &common_path()).is_err(),
        "a failure goes unnoticed"
    );
}
