//! The cases of `cases.md`: small files, and what is broken in each.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use safeguard_mutation::{Lines, Mutant, mutants, probes};
use safeguard_scan::language::Language;
use safeguard_scan::matching::Source;
use safeguard_scan::scan;

/// More than a case has.
const ALL: usize = 100;

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/all/cases.md")
}

/// A file of the language that a fence names.
pub fn read(language: &str, text: &str) -> Option<Source> {
    let path = match language {
        "python" => "app/code.py",
        "javascript" => "src/code.js",
        "typescript" => "src/code.ts",
        "tsx" => "src/code.tsx",
        "go" => "code.go",
        _ => return None,
    };
    scan::read(path, Language::of(path)?, text).ok()
}

/// The blocks of code of a page: the words behind the fence, and the text.
pub fn blocks(page: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut open = false;
    for line in page.lines() {
        match (line.strip_prefix("```"), open) {
            (Some(_), true) => open = false,
            (Some(fence), false) => {
                found.push((fence.to_owned(), String::new()));
                open = true;
            }
            (None, true) => {
                if let Some((_, text)) = found.last_mut() {
                    text.push_str(line);
                    text.push('\n');
                }
            }
            (None, false) => {}
        }
    }
    found
}

fn shown(mutant: &Mutant, text: &str) -> String {
    format!(
        "{:>2} {}: {:?} -> {:?}; {}\n",
        text[..mutant.span.start].matches('\n').count() + 1,
        mutant.operator.as_str(),
        &text[mutant.span.clone()],
        mutant.replacement,
        mutant.would
    )
}

#[test]
fn every_case_is_broken_as_its_page_says() {
    let page_text = std::fs::read_to_string(page()).expect("the page");
    let mut written = String::new();
    let (head, cases) = page_text.split_once("\n## ").expect("cases");
    written.push_str(head);
    for case in cases.split("\n## ") {
        let title = case.lines().next().expect("a title");
        let (language, text) = blocks(case).into_iter().next().expect("a file");
        let source = read(&language, &text).unwrap_or_else(|| panic!("{title}: does not parse"));
        let all = mutants(&source, &Lines::all(), ALL);
        let list: String = all.iter().map(|mutant| shown(mutant, &text)).collect();
        write!(
            written,
            "\n## {title}\n\n```{language}\n{text}```\n\n```text\n{list}```\n"
        )
        .expect("a text");
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(page(), &written).expect("the page");
    } else {
        assert!(
            written == page_text,
            "cases.md is not what is broken: run it with UPDATE=1 and read the difference"
        );
    }
}

const PAY: &str = "\
def pay(user, amount):
    if not user.active:
        raise Refused
    if amount > user.limit and not user.trusted:
        raise Refused
    book(user, amount)
    notify(user)
    return amount + 1


def other(a):
    return a - 1
";

#[test]
fn only_changed_lines_are_broken_and_tests_never() {
    let lines = |lines: &Lines, path: &str| -> Vec<usize> {
        let source = scan::read(path, Language::Python, PAY).expect("a file");
        let found = mutants(&source, lines, ALL);
        found
            .iter()
            .map(|mutant| PAY[..mutant.span.start].matches('\n').count() + 1)
            .collect()
    };
    assert_eq!(lines(&Lines::of(std::iter::once(6..8)), "app/pay.py"), [6, 7]);
    assert_eq!(lines(&Lines::all(), "tests/test_pay.py"), Vec::<usize>::new());
}

#[test]
fn a_function_is_broken_in_so_many_ways_and_the_worst_are_chosen() {
    let source = scan::read("app/pay.py", Language::Python, PAY).expect("a file");
    let found: Vec<String> = mutants(&source, &Lines::all(), 4)
        .iter()
        .map(|mutant| {
            format!(
                "{} {} {}",
                mutant.function,
                mutant.operator.as_str(),
                mutant.span.start
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            "pay removed-guard 30",
            "pay removed-guard 76",
            "pay removed-call 144",
            "pay removed-call 167",
            "other arithmetic 231",
            "other number 233",
        ]
    );
}

#[test]
fn a_probe_makes_a_function_fail_at_once() {
    let broken = |language: &str, text: &str| -> Vec<String> {
        let source = read(language, text).expect("a file");
        let all = mutants(&source, &Lines::all(), ALL);
        probes(&source, &all)
            .iter()
            .map(|probe| probe.applied(text))
            .collect()
    };
    assert_eq!(
        broken(
            "python",
            "class A:\n    @login_required\n    def f(self, a):\n        \"\"\"Says.\"\"\"\n        return a + 1\n"
        ),
        [
            "class A:\n    @login_required\n    def f(self, a):\n        raise RuntimeError(\"probe\")\n        \"\"\"Says.\"\"\"\n        return a + 1\n"
        ]
    );
    assert_eq!(
        broken("python", "def f(a): return a + 1\n"),
        ["def f(a): raise RuntimeError(\"probe\"); return a + 1\n"]
    );
    assert_eq!(
        broken(
            "javascript",
            "const f = (a) => a + 1;\nfunction g(a) {\n  return a - 1;\n}\n"
        ),
        [
            "const f = (a) => (() => { throw new Error(\"probe\"); })();\nfunction g(a) {\n  return a - 1;\n}\n",
            "const f = (a) => a + 1;\nfunction g(a) { throw new Error(\"probe\");\n  return a - 1;\n}\n",
        ]
    );
    assert_eq!(
        broken("go", "package a\n\nfunc F(a int) int {\n\treturn a + 1\n}\n"),
        ["package a\n\nfunc F(a int) int { panic(\"probe\");\n\treturn a + 1\n}\n"]
    );
}
