//! Every case of `cases.md` is judged as it says.

use std::collections::BTreeSet;

use safeguard_secrets::gitleaks::Config;
use safeguard_secrets::{Place, Rules, Secret};

const CASES: &str = include_str!("cases.md");

struct Case {
    verdict: &'static str,
    kind: &'static str,
    path: &'static str,
    text: String,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut rest = CASES;
    while let Some((_, after)) = rest.split_once("\n```") {
        let (head, after) = after.split_once('\n').expect("a head");
        let (text, after) = after.split_once("\n```\n").expect("an end");
        let words: Vec<&str> = head.split(' ').collect();
        let (verdict, kind, path) = match words[..] {
            [verdict @ ("refused" | "noted"), kind, path] => (verdict, kind, path),
            ["allowed", path] => ("allowed", "", path),
            _ => panic!("`{head}` is no case"),
        };
        cases.push(Case {
            verdict,
            kind,
            path,
            text: text.replace('¦', ""),
        });
        rest = after;
    }
    cases
}

/// As the shell asks: of code in these languages, rules with a syntax tree say what is set to a name.
pub fn place(path: &str) -> Place<'_> {
    Place {
        path,
        commit: None,
        is_test: path.starts_with("tests/"),
        is_code: [".py", ".js", ".ts", ".go"].iter().any(|end| path.ends_with(end)),
    }
}

fn told(secrets: &[Secret]) -> Vec<String> {
    secrets
        .iter()
        .map(|secret| {
            format!(
                "{} {} ({})",
                secret.kind,
                secret.shown,
                if secret.is_sure { "sure" } else { "advice" }
            )
        })
        .collect()
}

#[test]
fn every_case_is_judged_as_it_says() {
    let rules = Rules::new(Config::default()).unwrap();
    let mut wrong = String::new();
    let mut seen = BTreeSet::new();
    for case in cases() {
        assert!(
            seen.insert((case.path, case.text.clone())),
            "twice: {}",
            case.text
        );
        let (secrets, complete) = rules.find(&case.text, place(case.path));
        assert!(complete);
        let right = match case.verdict {
            "refused" => secrets
                .iter()
                .any(|secret| secret.is_sure && secret.kind == case.kind),
            "noted" => {
                secrets.iter().any(|secret| secret.kind == case.kind)
                    && secrets.iter().all(|secret| !secret.is_sure)
            }
            _ => secrets.is_empty(),
        };
        let several = case.verdict == "refused" && secrets.len() > 1;
        if !right || several {
            wrong.push_str(&format!(
                "{} {} {}: {:?}\n{}\n\n",
                case.verdict,
                case.kind,
                case.path,
                told(&secrets),
                case.text
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    let count = |verdict: &str| cases().iter().filter(|case| case.verdict == verdict).count();
    assert!(count("refused") >= 60 && count("allowed") >= 60);
}

#[test]
fn no_secret_is_shown() {
    let rules = Rules::new(Config::default()).unwrap();
    for case in cases() {
        let (secrets, _) = rules.find(&case.text, place(case.path));
        for secret in secrets {
            let text = &case.text[secret.span.clone()];
            let first: String = text.chars().take(5).collect();
            assert!(
                !secret.shown.contains(&first) || first.chars().count() < 5,
                "{}",
                secret.shown
            );
        }
    }
}

#[test]
fn a_secret_is_known_again_wherever_it_stands() {
    let rules = Rules::new(Config::default()).unwrap();
    let case = cases()
        .into_iter()
        .find(|case| case.kind == "gitlab-token")
        .unwrap();
    let one = rules.find(&case.text, place("a.yml")).0;
    let other = rules
        .find(&format!("# moved\n\n{}", case.text), place("b/c.yml"))
        .0;
    assert_eq!(one[0].identity, other[0].identity);
}

/// What looks like the beginning of a secret again and again takes time in proportion to the text.
/// After much text another automaton looks for the keywords.
#[test]
fn however_much_was_looked_at_the_same_is_found() {
    let (few, many) = (
        Rules::new(Config::default()).expect("rules"),
        Rules::new(Config::default()).expect("rules"),
    );
    let much = "nothing stands here\n".repeat(100_000);
    assert!(many.find(&much, place("notes.txt")).0.is_empty());
    for case in cases() {
        let place = place(case.path);
        assert_eq!(
            few.find(&case.text, place),
            many.find(&case.text, place),
            "{}",
            case.text
        );
    }
}

#[test]
fn hostile_texts_are_looked_at_soon() {
    let rules = Rules::new(Config::default()).unwrap();
    for part in [
        "://a:",
        "eyJ",
        "PRIVATE KEY",
        "-----BEGIN PRIVATE KEY-----",
        "secret=",
        "ghp_",
        "password=a;",
        "Basic ",
        "machine a login b password ",
        ":AA",
        "-us1",
        "PuTTY-User-Key-File-3: ",
    ] {
        let text = part.repeat((1 << 18) / part.len());
        let (_, _) = rules.find(&text, place("a.env"));
    }
}
