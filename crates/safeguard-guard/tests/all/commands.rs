//! Hostile commands, which are refused by the rule that is meant, and ordinary ones, which are not; the pages' cases.

use std::collections::BTreeMap;

use proptest::prelude::*;
use safeguard_api::Environment;
use safeguard_api::config::GuardPolicy;
use safeguard_api::guard::{CommandDecision, GuardAnswer};
use safeguard_guard::rules::RULES;
use safeguard_guard::shell::rules::COMMAND_RULES;
use safeguard_guard::shell::{Surroundings, judge_command, judge_read, judge_write};

const HOSTILE: &str = include_str!("../corpus/commands_hostile.txt");
const ORDINARY: &str = include_str!("../corpus/commands_ordinary.txt");
const PROJECT: &str = "/home/me/shop";

fn asked_with(command: &str, environment: Environment, files: &BTreeMap<String, String>) -> CommandDecision {
    let around = Surroundings {
        environment,
        policy: &GuardPolicy::default(),
        folder: Some(PROJECT),
        files,
        scripts: &BTreeMap::new(),
    };
    judge_command(command, &around)
}

/// With the texts of scripts that an agent has written.
fn asked_beside(command: &str, scripts: &[(&str, &str)]) -> CommandDecision {
    let own = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
    let around = Surroundings {
        environment: Environment::Production,
        policy: &GuardPolicy::default(),
        folder: Some(PROJECT),
        files: &BTreeMap::new(),
        scripts: &scripts.iter().map(own).collect(),
    };
    judge_command(command, &around)
}

fn asked(command: &str) -> CommandDecision {
    asked_with(command, Environment::Production, &BTreeMap::new())
}

/// The rule that refuses, or what is said instead.
fn rule(decision: &CommandDecision) -> &str {
    decision
        .finding
        .as_ref()
        .map_or("allowed", |finding| finding.rule.as_str())
}

fn lines(corpus: &str) -> impl Iterator<Item = (usize, String)> {
    let numbered = corpus.lines().enumerate().map(|(at, line)| (at + 1, line));
    let said =
        numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with("# ") && !line.starts_with("## "));
    said.map(|(number, line)| (number, line.replace('⏎', "\n")))
}

fn hostile() -> impl Iterator<Item = (usize, String, String)> {
    lines(HOSTILE).map(|(number, line)| {
        let (rule, command) = line.split_once(": ").unwrap();
        (number, rule.to_owned(), command.to_owned())
    })
}

#[test]
fn every_hostile_command_is_refused_by_the_rule_that_is_meant() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for (number, expected, command) in hostile() {
        count += 1;
        let found = asked(&command);
        if rule(&found) != expected {
            let why = found
                .finding
                .as_ref()
                .map_or("", |finding| finding.message.as_str());
            wrong.push(format!(
                "line {number}: {command}: expected {expected}, found {}: {why}",
                rule(&found)
            ));
        }
    }
    assert!(count >= 900, "{count}");
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn no_ordinary_command_is_refused() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for (number, command) in lines(ORDINARY) {
        count += 1;
        if let Some(finding) = asked(&command).finding {
            wrong.push(format!("line {number}: {command}: {}", finding.message));
        }
    }
    assert!(count >= 650, "{count}");
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

/// The cases of a page: ```` ```command refused ````, then commands, one a line.
fn cases(page: &str) -> Vec<(bool, String)> {
    let mut found = Vec::new();
    for block in page.split("```command ").skip(1) {
        let (head, rest) = block.split_once('\n').unwrap();
        let refused = match head {
            "refused" => true,
            "allowed" => false,
            other => panic!("`{other}` is no answer"),
        };
        let text = rest.split_once("\n```").unwrap().0;
        found.extend(text.lines().map(|line| (refused, line.replace('⏎', "\n"))));
    }
    found
}

#[test]
fn every_case_of_every_page_is_answered_as_the_page_says() {
    let mut wrong = Vec::new();
    for one in COMMAND_RULES {
        for (refused, command) in cases(one.page) {
            let found = asked(&command);
            let expected = if refused { one.id } else { "allowed" };
            if rule(&found) != expected {
                wrong.push(format!(
                    "{}: {command}: expected {expected}, found {}",
                    one.id,
                    rule(&found)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_page_says_what_why_what_to_do_and_has_cases() {
    for one in COMMAND_RULES {
        assert!(one.page.starts_with(&format!("# {}\n", one.id)), "{}", one.id);
        for part in ["**Why.**", "**What to do instead.**", "## Cases"] {
            assert!(one.page.contains(part), "{} has no {part}", one.id);
        }
        let (refused, allowed): (Vec<_>, Vec<_>) =
            cases(one.page).into_iter().partition(|(refused, _)| *refused);
        assert!(
            refused.len() >= 2 && allowed.len() >= 2,
            "{} has too few cases",
            one.id
        );
    }
}

#[test]
fn the_list_is_sorted_and_no_id_is_an_sql_rules() {
    assert!(COMMAND_RULES.is_sorted_by(|one, two| one.id < two.id));
    for one in COMMAND_RULES {
        assert!(RULES.iter().all(|rule| rule.id != one.id), "{}", one.id);
    }
}

#[test]
fn every_command_rule_is_meant_somewhere_in_the_corpus() {
    for one in COMMAND_RULES {
        assert!(hostile().any(|(_, rule, _)| rule == one.id), "{}", one.id);
    }
}

#[test]
fn a_hostile_command_is_refused_wherever_it_stands_among_ordinary_ones() {
    // Some leave a text open, or stand for what they are by what stands before them.
    let whole = |command: &String| !command.contains('\n') && !command.contains(['#', '(', '<']);
    let ordinary: Vec<String> = lines(ORDINARY).map(|(_, line)| line).filter(whole).collect();
    for (at, (_, expected, command)) in hostile().enumerate() {
        let (before, after) = (
            &ordinary[at % ordinary.len()],
            &ordinary[(at * 7 + 3) % ordinary.len()],
        );
        let mut variants = vec![
            format!("{before}\n{command}"),
            format!("{before} ;\n\t{command}\n{after}"),
            format!("if {before}\nthen {command}\nfi"),
            format!("(\n{command}\n)"),
            format!("wrapped() {{\n{command}\n}}"),
        ];
        if !command.contains("EOF") && !command.contains("SQL") && expected != "command-not-understood" {
            variants.push(format!("sudo bash -c '{}'", command.replace('\'', r"'\''")));
            variants.push(format!("echo \"$(\n{command}\n)\""));
            variants.push(format!("bash <<'EOT'\n{command}\nEOT\n"));
        }
        for variant in variants {
            assert_eq!(asked(&variant).decision, GuardAnswer::Deny, "{variant}");
        }
    }
}

#[test]
fn statements_in_a_file_are_judged_when_the_file_is_given() {
    let with = |command: &str, text: &str| {
        let first = asked(command);
        assert_eq!(rule(&first), "unseen-sql");
        let files = first
            .files_needed
            .into_iter()
            .map(|path| (path, text.to_owned()))
            .collect();
        rule(&asked_with(command, Environment::Production, &files)).to_owned()
    };
    assert_eq!(with("psql -f x.sql", "SELECT 1;"), "allowed");
    assert_eq!(with("psql -f x.sql", "DELETE FROM users;"), "delete");
    assert_eq!(with("psql < x.sql", "DROP TABLE users;"), "drop");
    assert_eq!(with("cat x.sql | psql -h prod", "TRUNCATE users;"), "truncate");
    assert_eq!(with("psql -c '\\i x.sql'", "DELETE FROM users;"), "delete");
    assert_eq!(with("sqlite3 a.db '.read x.sql'", "select 1;"), "allowed");
    // What is in memory alone goes with the program, unless it reaches for more.
    for (command, answer) in [
        ("sqlite3 :memory: 'create table t (a); drop table t'", "allowed"),
        ("duckdb :memory: 'drop table t'", "allowed"),
        ("sqlite3 shop.db 'drop table t'", "drop"),
        (
            "sqlite3 :memory: \"attach 'shop.db' as s; delete from s.users\"",
            "not-understood",
        ),
        ("sqlite3 :memory: '.open shop.db' 'drop table users'", "drop"),
        ("sqlite3 :memory: -cmd '.open shop.db' 'drop table users'", "drop"),
        ("sqlite3 :memory: \"$STATEMENTS\"", "not-understood"),
    ] {
        assert_eq!(rule(&asked(command)), answer, "{command}");
    }
}

#[test]
fn a_script_that_an_agent_wrote_is_judged_as_if_it_were_typed() {
    let drops = "#!/usr/bin/env bash\nset -eu\npsql \"$DATABASE_URL\" -c 'DROP TABLE users'\n";
    for command in [
        "./tools/fix.sh",
        "bash tools/fix.sh --now",
        "sudo sh -x tools/fix.sh",
        ". tools/fix.sh",
        "cd tools && ./fix.sh",
        "chmod +x tools/fix.sh && tools/fix.sh",
        "xargs -n1 tools/fix.sh < names",
    ] {
        let decision = asked_beside(command, &[("tools/fix.sh", drops)]);
        assert_eq!(rule(&decision), "drop", "{command}");
        assert!(decision.scripts.contains(&"tools/fix.sh".to_owned()), "{command}");
        assert_eq!(rule(&asked_beside(command, &[])), "allowed", "{command}");
    }
    // One script runs another.
    let outer = [("a.sh", "./b.sh\n"), ("b.sh", "rm -rf ~\n")];
    assert_eq!(rule(&asked_beside("sh a.sh", &outer)), "remove-files");
    let temporary = [("/tmp/x.sh", "git push --force\n")];
    assert_eq!(
        rule(&asked_beside("bash /tmp/x.sh", &temporary)),
        "rewrite-history"
    );
    let package = [(
        "package.json",
        r#"{"scripts": {"test": "jest", "pretidy": "rm -rf ~", "tidy": "true"}}"#,
    )];
    assert_eq!(rule(&asked_beside("npm run tidy", &package)), "remove-files");
    assert_eq!(rule(&asked_beside("yarn tidy", &package)), "remove-files");
    assert_eq!(rule(&asked_beside("npm test", &package)), "allowed");
    let composer = [(
        "composer.json",
        r#"{"scripts": {"tidy": ["@php -v", "rm -rf ~"], "lint": "phpcs"}}"#,
    )];
    assert_eq!(
        rule(&asked_beside("composer run tidy", &composer)),
        "remove-files"
    );
    assert_eq!(rule(&asked_beside("composer lint", &composer)), "allowed");
    let make = [(
        "Makefile",
        ".PHONY: all tidy\nall: build\n\tcc -o $@ $(FILES)\ntidy: wipe\n\t@true\nwipe:\n\t-@psql $(URL) -c 'DROP TABLE users'\n",
    )];
    assert_eq!(rule(&asked_beside("make tidy", &make)), "drop");
    assert_eq!(rule(&asked_beside("make -j4 wipe X=1", &make)), "drop");
    assert_eq!(rule(&asked_beside("make", &make)), "allowed");
}

#[test]
fn more_scripts_than_are_read_are_refused() {
    let names: Vec<String> = (0..65).map(|at| format!("tools/s{at}.sh")).collect();
    let scripts: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "true\n")).collect();
    let all = names.join("; ");
    assert_eq!(rule(&asked_beside(&all, &scripts)), "command-not-understood");
    assert_eq!(rule(&asked_beside(&names[..64].join("; "), &scripts)), "allowed");
}

#[test]
fn scripts_of_others_and_other_languages_are_not_read_as_a_shells() {
    let python = [
        ("tools/fix.py", "#!/usr/bin/env python3\nrm = 'rm -rf ~'\n"),
        ("run", "#!/usr/bin/python\nx = (1\n"),
    ];
    assert_eq!(rule(&asked_beside("./tools/fix.py && ./run", &python)), "allowed");
    // Nobody is asked for what is installed or made by a build.
    for command in [
        "source .venv/bin/activate",
        "./node_modules/.bin/jest",
        "/usr/local/bin/deploy",
        ". ~/.bashrc",
        "./configure",
    ] {
        assert_eq!(asked(command).scripts, Vec::<String>::new(), "{command}");
    }
}

#[test]
fn in_dev_what_would_be_measured_runs() {
    let dev = |command: &str| rule(&asked_with(command, Environment::Dev, &BTreeMap::new())).to_owned();
    assert_eq!(dev("psql -c 'UPDATE users SET a = 1 WHERE id = 1'"), "allowed");
    assert_eq!(dev("psql -c 'DELETE FROM users WHERE id = 1'"), "delete");
}

#[test]
fn what_is_too_long_or_too_deep_is_refused_soon() {
    for command in [
        "x".repeat(300_000),
        "(".repeat(100_000),
        "$(".repeat(50_000),
        "`".repeat(100_001),
        "{".repeat(100_000),
        format!("{}ls{}", "(".repeat(250), ")".repeat(250)),
        format!("{}ls{}", "$(".repeat(250), ")".repeat(250)),
        format!("echo {}", "\"$(echo ".repeat(400)),
        vec!["ls"; 2_000].join(" && "),
        format!("{} ls {}", "if true; then ".repeat(300), "; fi".repeat(300)),
        format!(
            "{}rm -rf src{}",
            "while true; do ".repeat(40),
            "; done".repeat(40)
        ),
        format!("bash -c {}", "{a,b}".repeat(2_000)),
        "f() { f; f; }; f".to_owned(),
        "<<".repeat(10_000),
    ] {
        let shown: String = command.chars().take(40).collect();
        let found = asked(&command);
        assert!(
            found.decision == GuardAnswer::Deny || shown.starts_with("f()"),
            "{shown}"
        );
    }
    assert_eq!(rule(&asked(&vec!["ls"; 1_000].join("\n"))), "allowed");
    assert_eq!(rule(&asked(&vec!["ls -la"; 100].join(" && "))), "allowed");
}

#[test]
fn tools_that_read_and_write_files_meet_the_same_rules() {
    let read = |path: &str| judge_read(path, Some(PROJECT)).map(|finding| finding.rule);
    let write = |path: &str| judge_write(path, Some(PROJECT)).map(|finding| finding.rule);
    assert_eq!(read("/home/me/.ssh/id_rsa").as_deref(), Some("credentials"));
    assert_eq!(
        read("/home/me/shop/.safeguard/signing.key").as_deref(),
        Some("evade-safeguard")
    );
    assert_eq!(read("/home/me/shop/.claude/settings.json"), None);
    assert_eq!(read("/home/me/shop/src/main.rs"), None);
    assert_eq!(
        write("/home/me/shop/.claude/settings.json").as_deref(),
        Some("evade-safeguard")
    );
    assert_eq!(
        write("/home/me/.codex/hooks.json").as_deref(),
        Some("evade-safeguard")
    );
    assert_eq!(write("/etc/hosts").as_deref(), Some("overwrite-machine"));
    assert_eq!(write("src/main.rs"), None);
}

/// Pieces that commands are made of, good and bad, whole and broken.
const PIECES: &[&str] = &[
    "rm",
    "-rf",
    "src",
    "/",
    "sudo",
    "bash -c",
    "eval",
    "xargs",
    "find . -exec",
    "psql -c",
    "python3 -c",
    "node -e",
    "ssh host",
    "git push",
    "--force",
    "cat",
    "<<EOF",
    "\nEOF\n",
    "<<'E'",
    "'",
    "\"",
    "`",
    "$(",
    ")",
    "${",
    "}",
    "{",
    "(",
    "((",
    "))",
    "[[",
    "]]",
    "[",
    "]",
    "|",
    "||",
    "&&",
    "&",
    ";",
    ";;",
    "\n",
    "\\",
    "\\\n",
    "#",
    ">",
    "<",
    ">>",
    "2>&1",
    "<(",
    "$'",
    "$x",
    "x=",
    "x=rm",
    "if",
    "then",
    "fi",
    "for x in",
    "do",
    "done",
    "while",
    "case x in",
    "esac",
    "f()",
    "function",
    "*",
    "~",
    "é",
    "\u{f8ff}",
    "\u{202e}",
    "\r",
    "\t",
    "=",
    "==",
    "=~",
    "!",
    "@",
    "{a,b}",
    "DELETE FROM users",
    "{}",
    "\\;",
    "-delete",
    "import shutil; shutil.rmtree(",
    "os.system(",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(text in ".{0,200}") {
        drop(asked(&text));
    }

    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(asked(&String::from_utf8_lossy(&bytes)));
    }

    #[test]
    fn any_pieces_are_answered(at in proptest::collection::vec(0..PIECES.len(), 0..30)) {
        let pieces: Vec<&str> = at.into_iter().map(|at| PIECES[at]).collect();
        drop(asked(&pieces.join(" ")));
        drop(asked(&pieces.concat()));
    }

    #[test]
    fn a_removal_is_never_lost_behind_what_reads_on_its_own(at in proptest::collection::vec(0..PIECES.len(), 0..8)) {
        let pieces: Vec<&str> = at.into_iter().map(|at| PIECES[at]).collect();
        let text = pieces.join(" ");
        let before = asked(&text);
        let with = asked(&format!("{text}\nrm -rf src"));
        // What ends in a line that goes on takes the removal for its own words.
        let goes_on = text.trim_end_matches([' ', '\t']).ends_with('\\') || text.contains('#');
        prop_assert!(before.decision == GuardAnswer::Deny || with.decision == GuardAnswer::Deny || goes_on, "{}", text);
    }
}
