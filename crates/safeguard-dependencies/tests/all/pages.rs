//! Every case of every page, judged as the page says.

use std::collections::BTreeMap;

use safeguard_dependencies::change::{Change, Facts, Text};
use safeguard_dependencies::osv;
use safeguard_dependencies::package::Ecosystem;
use safeguard_dependencies::registry::{self, Answer, Release};
use safeguard_dependencies::rules::{self, Case, RULES};

const NOW: &str = "2026-11-29T12:00:00Z";

#[test]
fn every_case_is_judged_as_its_page_says() {
    let pages = rules::pages().expect("the pages are read");
    assert_eq!(pages.len(), RULES.len());
    let mut wrong = Vec::new();
    for (page, rule) in pages.iter().zip(RULES) {
        assert_eq!(page.id, rule.id);
        let bad = page
            .cases
            .iter()
            .filter(|case| expected(case).0 != "allowed")
            .count();
        assert!(
            bad >= 2 && bad < page.cases.len(),
            "{}: needs bad cases and a good one",
            page.id
        );
        for case in &page.cases {
            let (verdict, wanted) = expected(case);
            let found = judged(case, rule.id);
            let is = match found.iter().map(|(blocks, _)| *blocks).max() {
                None => "allowed",
                Some(true) => "refused",
                Some(false) => "noted",
            };
            let lines: Vec<&str> = found.iter().map(|(_, line)| line.as_str()).collect();
            if is != verdict || lines != wanted {
                wrong.push(format!(
                    "{}.md:{}: {is}\n  {}",
                    page.id,
                    case.line,
                    lines.join("\n  ")
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn expected(case: &Case) -> (&str, Vec<&str>) {
    let last = case.blocks.last().expect("a case has blocks");
    (last.words[0].as_str(), last.text.lines().collect())
}

fn judged(case: &Case, rule: &str) -> Vec<(bool, String)> {
    let mut files: BTreeMap<&str, (Option<&str>, Option<&str>)> = BTreeMap::new();
    let mut facts = Facts {
        now: registry::seconds(NOW).unwrap(),
        ..Facts::default()
    };
    for block in &case.blocks {
        let words: Vec<&str> = block.words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["before", path] => files.entry(path).or_default().0 = Some(&block.text),
            ["after", path] => files.entry(path).or_default().1 = Some(&block.text),
            ["registry", ecosystem, name] => {
                let ecosystem = Ecosystem::of_osv(ecosystem).expect("an ecosystem");
                facts
                    .answers
                    .insert((ecosystem, (*name).to_owned()), answer(&block.text));
            }
            ["osv"] => {
                for (ecosystem, name, advisory) in osv::read(block.text.as_bytes()).expect("an advisory") {
                    facts
                        .advisories
                        .entry((ecosystem, name))
                        .or_default()
                        .push(advisory);
                }
            }
            ["refused" | "noted" | "allowed"] => {}
            other => panic!("{other:?}"),
        }
    }
    let texts = files.iter().map(|(path, (base, head))| Text {
        path,
        base: *base,
        head: *head,
    });
    let change = Change::read(texts);
    assert!(change.unread.is_empty(), "{:?}", change.unread);
    let found = rules::judge(&change, &facts)
        .into_iter()
        .filter(|finding| finding.rule == rule);
    found
        .map(|finding| {
            let text = files[finding.path.as_str()].1.unwrap();
            let line = text[..finding.span.start].matches('\n').count() + 1;
            (
                finding.blocks(),
                format!("{}:{line}: {}", finding.path, finding.message),
            )
        })
        .collect()
}

fn answer(text: &str) -> Answer {
    if text.trim() == "absent" {
        return Answer::Absent;
    }
    let mut facts = registry::Facts::default();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        if words == ["held"] {
            facts.held = true;
            continue;
        }
        let published = registry::seconds(words[1]);
        facts.first = facts.first.into_iter().chain(published).min();
        let release = Release {
            published,
            yanked: words.contains(&"yanked"),
            install_script: words.contains(&"script"),
        };
        facts.versions.insert(words[0].to_owned(), release);
    }
    Answer::Known(facts)
}
