//! Programs that an agent has written and then starts: their files are read as code that is typed would be.

use std::collections::BTreeMap;

use safeguard_api::Environment;
use safeguard_api::config::GuardPolicy;
use safeguard_api::guard::{CommandDecision, GuardAnswer};
use safeguard_guard::shell::{Surroundings, judge_command};

const HOSTILE: &str = include_str!("../corpus/programs_hostile.txt");
const ORDINARY: &str = include_str!("../corpus/programs_ordinary.txt");

struct Case {
    command: String,
    files: BTreeMap<String, String>,
}

/// `$$ COMMAND`, and behind it each file as `=== PATH` and its text.
fn cases(corpus: &str) -> Vec<Case> {
    let parts = corpus.split("\n$$ ").skip(1);
    let case = |part: &str| {
        let mut files = part.split("\n=== ");
        let command = files.next().unwrap().trim_end().to_owned();
        let file = |file: &str| {
            let (path, text) = file.split_once('\n').unwrap();
            (path.to_owned(), format!("{text}\n"))
        };
        Case {
            command,
            files: files.map(file).collect(),
        }
    };
    parts.map(case).collect()
}

/// Asks as who reads the disk does: again, with the files that were asked for.
fn asked(case: &Case) -> CommandDecision {
    const ROUNDS_MAX: usize = 8;
    let mut scripts = BTreeMap::new();
    for _ in 0..ROUNDS_MAX {
        let around = Surroundings {
            environment: Environment::Production,
            policy: &GuardPolicy::default(),
            folder: Some("/home/me/shop"),
            files: &BTreeMap::new(),
            scripts: &scripts,
        };
        let decision = judge_command(&case.command, &around);
        let known = scripts.len();
        for path in &decision.scripts {
            let text = case.files.get(path).cloned().unwrap_or_default();
            scripts.entry(path.clone()).or_insert(text);
        }
        if scripts.len() == known {
            return decision;
        }
    }
    panic!("{} asks for files again and again", case.command);
}

fn one(command: &str, path: &str, text: &str) -> CommandDecision {
    asked(&Case {
        command: command.to_owned(),
        files: BTreeMap::from([(path.to_owned(), text.to_owned())]),
    })
}

fn rule(decision: &CommandDecision) -> &str {
    decision
        .finding
        .as_ref()
        .map_or("allowed", |finding| finding.rule.as_str())
}

#[test]
fn a_program_that_destroys_is_refused_however_it_is_started() {
    let cases = cases(HOSTILE);
    assert!(cases.len() >= 100, "{}", cases.len());
    for case in cases {
        let found = asked(&case);
        let files = &case.files;
        assert_eq!(found.decision, GuardAnswer::Deny, "{}\n{files:?}", case.command);
        // It is the text that is refused, and not the command.
        let nothing = Case {
            files: BTreeMap::new(),
            command: case.command.clone(),
        };
        assert_eq!(rule(&asked(&nothing)), "allowed", "{}", case.command);
    }
}

#[test]
fn ordinary_programs_run() {
    let cases = cases(ORDINARY);
    assert!(cases.len() >= 40, "{}", cases.len());
    for case in cases {
        let found = asked(&case);
        let why = found.finding.as_ref().map_or("", |finding| &finding.message);
        assert_eq!(rule(&found), "allowed", "{}: {why}", case.command);
    }
}

#[test]
fn a_program_that_can_not_be_read_is_not_harmless() {
    let long = "x = 1\n".repeat(100_000);
    assert_eq!(rule(&one("python3 w.py", "w.py", &long)), "inline-code");
    assert_eq!(
        rule(&one("node w.js", "w.js", "let x = 1 // \0\n")),
        "unseen-script"
    );
    assert_eq!(rule(&one("python3 w.pyc", "w.pyc", "x")), "unseen-script");
    // A program of the machine that is started by its name is nobody's text.
    assert_eq!(rule(&one("./tool", "tool", "\u{7f}ELF\0\0rm -rf ~\n")), "allowed");
}

#[test]
fn names_that_stand_for_names_without_end_are_answered() {
    let mut text = "import shutil\n".to_owned();
    for at in 0..400 {
        text.push_str(&format!(
            "a{at} = a{} + a{} + a{}\n",
            at + 1,
            at + 2,
            (at * 7) % 400
        ));
    }
    text.push_str("shutil.rmtree(a0)\n");
    assert_eq!(rule(&one("python3 w.py", "w.py", &text)), "inline-code");
    let starts_itself = "import subprocess\nsubprocess.run(['python3', 'w.py'])\n";
    assert_eq!(rule(&one("python3 w.py", "w.py", starts_itself)), "allowed");
    let takes_itself_in = "import w\nfrom w import x\n";
    assert_eq!(rule(&one("python3 w.py", "w.py", takes_itself_in)), "allowed");
}
