//! The cases of the rules' pages, and what holds for all rules.

use std::collections::BTreeSet;

use safeguard_api::Environment;
use safeguard_api::config::GuardPolicy;
use safeguard_api::guard::{Asker, GuardAnswer, Principal, StatementClass};
use safeguard_guard::rules::{RULES, Rule};
use safeguard_guard::{judge, read};

/// One case of a page: ```` ```sql refused: agent in production, frozen ````, then statements, one a line.
struct PageCase<'p> {
    answer: GuardAnswer,
    asker: Asker,
    sql: &'p str,
}

fn cases(page: &str) -> Vec<PageCase<'_>> {
    let mut found = Vec::new();
    for block in page.split("```sql ").skip(1) {
        let (head, rest) = block.split_once('\n').unwrap();
        let (answer, who) = head.split_once(": ").unwrap();
        let (who, frozen) = match who.strip_suffix(", frozen") {
            Some(who) => (who, true),
            None => (who, false),
        };
        let (principal, environment) = who.split_once(" in ").unwrap();
        let asker = Asker {
            principal: principal.parse().unwrap(),
            environment: environment.parse().unwrap(),
            frozen,
        };
        let answer = match answer {
            "allowed" => GuardAnswer::Allow,
            "measured" => GuardAnswer::Measure,
            "refused" => GuardAnswer::Deny,
            other => panic!("`{other}` is no answer"),
        };
        let text = rest.split_once("```").unwrap().0;
        found.extend(text.lines().map(|sql| PageCase { answer, asker, sql }));
    }
    found
}

#[test]
fn every_case_of_every_page_is_answered_as_the_page_says() {
    let mut wrong = Vec::new();
    for rule in RULES {
        for case in cases(rule.page) {
            let found = judge(&read(case.sql), case.asker, &GuardPolicy::default());
            let by = found
                .finding
                .as_ref()
                .map_or("no rule", |finding| finding.rule.as_str());
            let of_this_rule = case.answer == GuardAnswer::Allow || by == rule.id;
            if found.decision != case.answer || !of_this_rule {
                wrong.push(format!(
                    "{}: {}: expected {}, found {} by {by}",
                    rule.id, case.sql, case.answer, found.decision
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_page_says_what_why_what_to_do_and_has_cases() {
    for Rule { id, page, .. } in RULES {
        assert!(page.starts_with(&format!("# {id}\n")), "{id}");
        for part in ["**Why.**", "**What to do instead.**", "## Cases"] {
            assert!(page.contains(part), "{id} has no {part}");
        }
        assert!(cases(page).len() >= 2, "{id} has too few cases");
        let strict = cases(page).iter().any(|case| case.answer != GuardAnswer::Allow);
        assert!(strict || *id == "session", "{id}: nothing is refused or measured");
    }
}

#[test]
fn the_list_is_sorted_and_every_class_has_a_rule() {
    assert!(RULES.is_sorted_by(|one, two| one.id < two.id));
    let spoken_of: BTreeSet<StatementClass> = RULES.iter().flat_map(|rule| rule.classes).copied().collect();
    let all: BTreeSet<StatementClass> = StatementClass::ALL.iter().copied().collect();
    assert_eq!(spoken_of, all);
}

#[test]
fn agents_and_services_are_never_allowed_more_than_persons_and_migrations_together() {
    for class in StatementClass::ALL {
        for environment in Environment::ALL {
            let strictest = |principal| {
                let asker = Asker {
                    principal,
                    environment,
                    frozen: false,
                };
                let rules = RULES.iter().filter(|rule| rule.classes.contains(class));
                rules.map(|rule| (rule.answer)(*class, asker)).max().unwrap()
            };
            let attended = strictest(Principal::Person).min(strictest(Principal::Migration));
            for principal in [Principal::Agent, Principal::Service] {
                assert!(
                    strictest(principal) >= attended,
                    "{class} as {principal} in {environment}"
                );
            }
        }
    }
}
