//! Hostile statements, which are refused, and good ones, which are not.

use safeguard_api::Environment;
use safeguard_api::guard::{GuardAnswer, GuardDecision, Principal};

use crate::asked;

const HOSTILE: &str = include_str!("../corpus/hostile.txt");
const GOOD: &str = include_str!("../corpus/good.txt");

/// One line of a corpus: what is expected, and the statement.
struct Line {
    number: usize,
    expected: GuardAnswer,
    sql: String,
}

/// The lines of a corpus, with the heading that each stands under.
fn lines(corpus: &str, unsaid: GuardAnswer) -> impl Iterator<Item = (&str, Line)> {
    let mut heading = "";
    corpus.lines().enumerate().filter_map(move |(at, line)| {
        if let Some(new) = line.strip_prefix("## ") {
            heading = new;
        }
        if line.is_empty() || line.starts_with("# ") || line.starts_with("## ") {
            return None;
        }
        let (expected, sql) = match line.split_once(": ") {
            Some(("measure", sql)) => (GuardAnswer::Measure, sql),
            _ => (unsaid, line),
        };
        let line = Line {
            number: at + 1,
            expected,
            sql: sql.replace('⏎', "\n"),
        };
        Some((heading, line))
    })
}

fn told(line: &Line, found: &GuardDecision) -> String {
    let why = found
        .finding
        .as_ref()
        .map_or("", |finding| finding.message.as_str());
    format!(
        "line {}: {} expected {}, found {}: {why}",
        line.number, line.sql, line.expected, found.decision
    )
}

#[test]
fn everything_hostile_is_refused_to_agents_and_services() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for (_, line) in lines(HOSTILE, GuardAnswer::Deny) {
        count += 1;
        for principal in [Principal::Agent, Principal::Service] {
            let found = asked(principal, Environment::Production, &line.sql);
            if found.decision != line.expected {
                wrong.push(format!("{principal}: {}", told(&line, &found)));
            }
        }
    }
    assert!(count > 300, "{count}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_good_is_refused() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for (heading, line) in lines(GOOD, GuardAnswer::Allow) {
        count += 1;
        let principal: Principal = heading.split(':').next().unwrap().parse().unwrap();
        let found = asked(principal, Environment::Production, &line.sql);
        if found.decision != line.expected {
            wrong.push(format!("{principal}: {}", told(&line, &found)));
        }
    }
    assert!(count > 250, "{count}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_hostile_statement_is_refused_wherever_it_stands_among_good_ones() {
    let good: Vec<String> = lines(GOOD, GuardAnswer::Allow)
        .filter(|(heading, _)| heading.starts_with("service"))
        .map(|(_, line)| line.sql)
        .collect();
    let parses = |sql: &str| {
        let found = asked(Principal::Agent, Environment::Production, sql);
        found
            .finding
            .is_none_or(|finding| finding.rule != "not-understood")
    };
    let hostile = lines(HOSTILE, GuardAnswer::Deny)
        .filter(|(_, line)| line.expected == GuardAnswer::Deny && parses(&line.sql));
    for (at, (_, line)) in hostile.enumerate() {
        let (before, after) = (&good[at % good.len()], &good[(at * 7 + 3) % good.len()]);
        for text in [
            format!("{before};\n{};\n{after}", line.sql),
            format!("{};{before}", line.sql),
            format!("BEGIN;{before}\n;COMMIT;{}", line.sql),
        ] {
            let found = asked(Principal::Agent, Environment::Production, &text);
            assert_eq!(found.decision, GuardAnswer::Deny, "{text}");
        }
    }
}

#[test]
fn neither_case_nor_blanks_nor_comments_nor_a_semicolon_change_the_answer() {
    for (_, line) in lines(HOSTILE, GuardAnswer::Deny) {
        let expected = asked(Principal::Agent, Environment::Production, &line.sql).decision;
        let text = &line.sql;
        let mut variants = vec![
            format!("  \t\n{text}\n"),
            format!("-- SELECT 1\n{text}"),
            format!("/* /* SELECT */ 1 */{text}"),
        ];
        // What stands between quotes is the same only as it is.
        if !text.contains(['\'', '"', '$', '\\']) {
            variants.push(text.to_lowercase());
            variants.push(text.to_uppercase());
            variants.push(text.replace(' ', "/**/\u{b}\r\n"));
        }
        if !text.contains("unfinished") && !text.contains("--") {
            variants.push(format!("{text};"));
            variants.push(format!("{text} -- SELECT 1"));
        }
        for variant in variants {
            let found = asked(Principal::Agent, Environment::Production, &variant);
            assert!(
                found.decision >= expected.min(GuardAnswer::Deny),
                "{variant}: {}",
                found.decision
            );
        }
    }
}
