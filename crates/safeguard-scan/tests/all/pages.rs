//! Every page's cases are judged as the page says. `PAGES=hole/,race/lock` looks at some of the pages.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safeguard_scan::change::{self, Changed};
use safeguard_scan::finding::Finding;
use safeguard_scan::project::Project;
use safeguard_scan::rules::{self, Case, Expected, Page};
use safeguard_scan::scan::{self, Rules};

fn folder() -> PathBuf {
    let crate_folder =
        std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    Path::new(&crate_folder).join("src/rules")
}

/// The pages in the folder: their name with the family, and their text.
fn pages() -> Vec<(String, String)> {
    let wanted = std::env::var("PAGES").unwrap_or_default();
    let mut pages = Vec::new();
    for family in std::fs::read_dir(folder()).expect("the folder of rules") {
        let family = family.expect("a family").path();
        if !family.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(&family).expect("a family's folder") {
            let file = file.expect("a file").path();
            if file.extension().is_some_and(|ending| ending == "md") {
                let name = file.with_extension("");
                let name = name
                    .strip_prefix(folder())
                    .expect("within the folder")
                    .to_string_lossy()
                    .into_owned();
                if wanted.split(',').any(|wanted| name.starts_with(wanted)) {
                    pages.push((name, std::fs::read_to_string(&file).expect("a page")));
                }
            }
        }
    }
    pages.sort();
    pages
}

#[test]
fn every_case_is_judged_as_its_page_says() {
    let mut wrong = String::new();
    let mut judged = 0;
    for (name, text) in pages() {
        let page = Page::read(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let yaml = folder().join(format!("{name}.yaml"));
        let rules = if yaml.is_file() {
            let yaml = std::fs::read_to_string(yaml).expect("the page's rules");
            let rules =
                safeguard_scan::rule::load_of_page(&yaml).unwrap_or_else(|error| panic!("{name}: {error}"));
            for rule in &rules {
                assert_eq!(
                    rule.about.page(),
                    page.id,
                    "{name}: the rule is named after its page"
                );
            }
            rules::built_in().with(rules)
        } else {
            rules::built_in()
        };
        for case in &page.cases {
            judged += 1;
            if let Some(problem) = problem(&page, case, &rules) {
                wrong.push_str(&format!("{name}.md:{}: {problem}\n{}\n", case.line, case.text));
            }
        }
    }
    assert!(judged > 0, "no page begins with what PAGES says");
    assert!(wrong.is_empty(), "\n{wrong}");
}

fn problem(page: &Page, case: &Case, rules: &Rules) -> Option<String> {
    let changed = Changed {
        path: &page.path_of(case),
        base: case.before.as_deref(),
        head: (!case.gone).then_some(case.text.as_str()),
    };
    let project = project_of(case, changed.path);
    let file = change::scan_file(rules, &changed, &project, false).expect("a file of a known language");
    let report = change::settle(rules, vec![file], (2026, 1, 1));
    if let Some(unread) = report.unread.first() {
        return Some(format!("can not be read: {}", unread.why));
    }
    let found: Vec<Finding> = report
        .findings
        .into_iter()
        .filter(|judged| judged.introduced && judged.finding.rule == page.id)
        .map(|judged| judged.finding)
        .collect();
    let blocks = found.iter().any(Finding::blocks);
    let told: Vec<String> = found
        .iter()
        .map(|finding| {
            format!(
                "line {}: {} ({})",
                finding.place.line,
                finding.message,
                finding.confidence.as_str()
            )
        })
        .collect();
    match case.expected {
        Expected::Refused if !blocks => Some(format!("is not refused; found: {told:?}")),
        Expected::Noted if found.is_empty() => Some("is not found".to_owned()),
        Expected::Noted if blocks => Some(format!("is refused, and should be advice: {told:?}")),
        Expected::Allowed if !found.is_empty() => Some(format!("is good, but: {told:?}")),
        _ => None,
    }
}

/// A rule of this program is read once a file has what it needs, one of somebody else at once: both find the same.
#[test]
fn what_a_rule_finds_does_not_depend_on_when_it_is_read() {
    let yaml = |name: &str| folder().join(format!("{name}.yaml"));
    let with_yaml: Vec<(String, String)> = pages()
        .into_iter()
        .filter(|(name, _)| yaml(name).is_file())
        .collect();
    let all = with_yaml.iter().flat_map(|(name, _)| {
        let text = std::fs::read_to_string(yaml(name)).expect("the page's rules");
        safeguard_scan::rule::load_of_page(&text).expect("rules")
    });
    let (own, others) = (rules::built_in(), rules::built_in().with(all.collect()));
    for (name, text) in &with_yaml {
        let page = Page::read(text).expect("a page");
        for case in &page.cases {
            let found = |rules: &Rules| {
                let path = page.path_of(case);
                let changed = Changed {
                    path: &path,
                    base: case.before.as_deref(),
                    head: (!case.gone).then_some(case.text.as_str()),
                };
                let file =
                    change::scan_file(rules, &changed, &project_of(case, &path), false).expect("a file");
                let report = change::settle(rules, vec![file], (2026, 1, 1));
                let of_page = report.findings.into_iter().map(|judged| judged.finding);
                let told = of_page.map(|finding| (finding.rule, finding.place.span, finding.message));
                told.collect::<Vec<_>>()
            };
            assert_eq!(found(&own), found(&others), "{name}.md:{}", case.line);
        }
    }
}

/// The repository that a case says its file is in.
fn project_of(case: &Case, path: &str) -> Project {
    if case.files.is_empty() {
        return Project::default();
    }
    let mut texts: BTreeMap<String, String> = case.files.iter().cloned().collect();
    texts.insert(path.to_owned(), case.text.clone());
    let paths: Vec<String> = texts.keys().cloned().collect();
    Project::new(paths, Box::new(move |path: &str| texts.get(path).cloned()))
}

/// The folder as a repository, if `SCAN_PROJECT` is set.
fn project_in(root: &Path) -> Project {
    if std::env::var("SCAN_PROJECT").is_err() {
        return Project::default();
    }
    let mut paths = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let within = path.strip_prefix(root).expect("within the folder");
                paths.push(within.to_string_lossy().into_owned());
            }
        }
    }
    let root = root.to_owned();
    Project::new(
        paths,
        Box::new(move |path: &str| std::fs::read_to_string(root.join(path)).ok()),
    )
}

/// What the folder `SCAN` brings against the folder `SCAN_BASE`, such as two releases of a package.
#[test]
fn a_change_of_ones_own() {
    let (Ok(head), Ok(base)) = (std::env::var("SCAN"), std::env::var("SCAN_BASE")) else {
        return;
    };
    let (head, base) = (PathBuf::from(head), PathBuf::from(base));
    let rules = rules::built_in();
    let mut paths: Vec<PathBuf> = Vec::new();
    for root in [&head, &base] {
        let mut left = vec![root.clone()];
        while let Some(path) = left.pop() {
            if path.is_dir() {
                left.extend(
                    std::fs::read_dir(&path)
                        .expect("a folder")
                        .map(|entry| entry.expect("an entry").path()),
                );
            } else {
                paths.push(path.strip_prefix(root).expect("within the folder").to_owned());
            }
        }
    }
    paths.sort();
    paths.dedup();
    let texts: Vec<(String, Option<String>, Option<String>)> = paths
        .iter()
        .map(|path| {
            let text = |root: &Path| std::fs::read_to_string(root.join(path)).ok();
            (path.to_string_lossy().into_owned(), text(&base), text(&head))
        })
        .filter(|(_, base, head)| base != head)
        .collect();
    let project = Project::default();
    let files = texts.iter().filter_map(|(path, base, head)| {
        let changed = Changed {
            path,
            base: base.as_deref(),
            head: head.as_deref(),
        };
        change::scan_file(&rules, &changed, &project, true)
    });
    let report = change::settle(&rules, files.collect(), (2026, 1, 1));
    for judged in report.findings.iter().filter(|judged| judged.introduced) {
        let (blocks, finding) = (if judged.blocks() { "BLOCKS" } else { "notes" }, &judged.finding);
        println!(
            "{blocks} {}:{} {} {}",
            finding.path, finding.place.line, finding.rule, finding.message
        );
    }
    println!("{} files changed", report.files);
}

/// All rules of this project over a file or folder, as they are in the folder now: `SCAN=path`; `SCAN_PROJECT=1` takes the folder for a repository.
#[test]
fn a_file_of_ones_own() {
    let Ok(path) = std::env::var("SCAN") else {
        return;
    };
    let mut all = Vec::new();
    for (name, _) in pages() {
        let yaml = folder().join(format!("{name}.yaml"));
        if yaml.is_file() {
            let yaml = std::fs::read_to_string(yaml).expect("rules");
            all.extend(
                safeguard_scan::rule::load_of_page(&yaml).unwrap_or_else(|error| panic!("{name}: {error}")),
            );
        }
    }
    let rules = rules::built_in().with(all);
    let root = PathBuf::from(path);
    let project = project_in(&root);
    let mut folders = vec![root.clone()];
    let (mut files, mut blocking) = (0, 0);
    while let Some(path) = folders.pop() {
        if path.is_dir() {
            for entry in std::fs::read_dir(&path).expect("a folder") {
                folders.push(entry.expect("an entry").path());
            }
            folders.sort_by(|left, right| right.cmp(left));
            continue;
        }
        let name = path
            .strip_prefix(&root)
            .unwrap_or(&path)
            .to_string_lossy()
            .into_owned();
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        let Some(language) = safeguard_scan::language::Language::of_file(&name, &text) else {
            continue;
        };
        files += 1;
        match scan::read(&name, language, &text) {
            Ok(source) => {
                let scanned = scan::scan(&rules, &source, &project);
                for finding in &scanned.findings {
                    blocking += usize::from(finding.blocks());
                    let blocks = if finding.blocks() { "BLOCKS" } else { "notes" };
                    println!(
                        "{blocks} {}:{} {} {}",
                        finding.path, finding.place.line, finding.rule, finding.message
                    );
                }
                for why in source.tree.unread() {
                    println!("unread {name}: {why}");
                }
                if !scanned.unfinished.is_empty() {
                    println!("unfinished {name}: {:?}", scanned.unfinished);
                }
            }
            Err(error) => println!("unread {name}: {error}"),
        }
    }
    println!("{files} files, {blocking} blocking findings");
}
