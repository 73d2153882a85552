//! What every source file keeps.

use super::{assert_none, files, text};

/// Files that may be longer than [`LINES_MAX`], and how long. The list may only shrink.
const LONG_FILES: &[(&str, usize)] = &[];
const LINES_MAX: usize = 500;

/// Tests that `./test` does not run: figures that `./bench` measures. The list may only shrink.
const IGNORED_TESTS: &[(&str, usize)] = &[
    ("crates/safeguard-audit/tests/all/mutations.rs", 1),
    ("crates/safeguard-store/tests/all/figures.rs", 2),
];

/// Names that say nothing of what is in a file.
const EMPTY_NAMES: &[&str] = &[
    "common.rs",
    "helpers.rs",
    "misc.rs",
    "types.rs",
    "util.rs",
    "utils.rs",
];

/// Words that promise instead of doing, and ways around the rules.
const BANNED: &[&str] = &[
    "allow(dead_code)",
    "allow(unsafe_code)",
    "Box<dyn Error",
    "dbg!(",
    "FIXME",
    "for now",
    "in a real implementation",
    "in a real system",
    "placeholder",
    "TODO",
    "todo!(",
    "unbounded_channel",
    "unimplemented!(",
    "XXX",
];

/// What the engines must not reach for, beyond their dependencies.
const BANNED_IN_ENGINES: &[&str] = &[
    "async fn",
    "Instant::now",
    "std::env",
    "std::fs",
    "std::process",
    "thread::sleep",
    "thread::spawn",
    "SystemTime",
    "TcpStream",
    "Timestamp::now",
];
const ENGINES: &[&str] = &[
    "crates/safeguard-api/",
    "crates/safeguard-audit/",
    "crates/safeguard-dependencies/",
    "crates/safeguard-gate/",
    "crates/safeguard-guard/",
    "crates/safeguard-mutation/",
    "crates/safeguard-rollout/",
    "crates/safeguard-stats/",
];

/// The crates and the examples, without this file, which has to name what it bans.
fn sources() -> Vec<String> {
    let mut sources = files("crates", "rs");
    sources.extend(files("examples", "rs"));
    sources.retain(|file| !file.ends_with("repository/sources.rs"));
    sources
}

/// The lines before the unit tests, numbered from 1.
fn lines_outside_tests(source: &str) -> impl Iterator<Item = (usize, &str)> {
    source
        .lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line))
        .take_while(|(_, line)| *line != "#[cfg(test)]")
}

/// Whether `line` has `word`, and not as the beginning of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    let goes_on = |rest: &str| rest.starts_with(|next: char| next.is_alphanumeric() || next == '_');
    line.match_indices(word).any(|(at, _)| {
        let word_like = word.ends_with(char::is_alphanumeric);
        !(word_like && goes_on(&line[at + word.len()..]))
    })
}

#[test]
fn every_file_opens_with_one_line_that_says_what_it_is() {
    let silent: Vec<String> = sources()
        .into_iter()
        .filter(|file| !text(file).starts_with("//! "))
        .collect();
    assert_none("the first line is not a `//!` sentence", &silent);
}

#[test]
fn nothing_is_promised_instead_of_done() {
    let mut found = Vec::new();
    // Rules about code have to name what they look for in it.
    let looks_for_them = [
        "crates/safeguard-scan/src/rules/",
        "crates/safeguard-scan/src/analysis/",
        "crates/safeguard-secrets/src/",
    ];
    for file in sources() {
        if looks_for_them.iter().any(|folder| file.starts_with(folder)) {
            continue;
        }
        let source = text(&file);
        for (at, line) in source.lines().enumerate() {
            for word in BANNED.iter().filter(|word| has_word(line, word)) {
                found.push(format!("{file}:{}: `{word}`", at + 1));
            }
        }
    }
    assert_none("what is not done yet is an issue, not code", &found);
}

#[test]
fn tests_are_run() {
    for file in sources() {
        let ignored = text(&file).matches("#[ignore").count();
        let allowed = IGNORED_TESTS
            .iter()
            .find(|(name, _)| *name == file)
            .map_or(0, |(_, count)| *count);
        assert_eq!(
            ignored, allowed,
            "{file}: tests that ./test does not run, against those on the list"
        );
    }
}

#[test]
fn engines_reach_for_nothing() {
    let mut found = Vec::new();
    for file in sources()
        .into_iter()
        .filter(|file| ENGINES.iter().any(|engine| file.starts_with(engine)))
    {
        if file.contains("/tests/") {
            continue;
        }
        for (at, line) in lines_outside_tests(&text(&file)) {
            let code = line.split("//").next().unwrap();
            for word in BANNED_IN_ENGINES.iter().filter(|word| code.contains(**word)) {
                found.push(format!("{file}:{at}: `{word}`"));
            }
        }
    }
    assert_none("engines take values and return values", &found);
}

#[test]
fn files_are_named_after_what_is_in_them() {
    let empty = |file: &String| EMPTY_NAMES.contains(&file.rsplit('/').next().unwrap());
    assert_none(
        "a name that says nothing",
        &sources().into_iter().filter(empty).collect::<Vec<_>>(),
    );
}

#[test]
fn files_stay_short() {
    let mut wrong = Vec::new();
    for file in sources() {
        let lines = text(&file).lines().count();
        match LONG_FILES.iter().find(|(name, _)| *name == file) {
            None if lines > LINES_MAX => wrong.push(format!("{file} has {lines} lines (limit {LINES_MAX})")),
            Some((_, allowed)) if lines > *allowed => {
                wrong.push(format!("{file} has {lines} lines (its limit {allowed})"));
            }
            Some((_, allowed)) if lines <= LINES_MAX => {
                wrong.push(format!(
                    "{file} is short by now: take it off the list (it says {allowed})"
                ));
            }
            None | Some(_) => {}
        }
    }
    wrong.extend(
        LONG_FILES
            .iter()
            .filter(|(name, _)| !super::root().join(name).exists())
            .map(|(name, _)| format!("{name} is gone: take it off the list")),
    );
    assert_none("a file says one thing", &wrong);
}

#[test]
fn a_shared_lock_says_which_invariant_it_guards() {
    let mut bare = Vec::new();
    for file in sources().into_iter().filter(|file| !file.contains("/tests/")) {
        let source = text(&file);
        let lines: Vec<&str> = lines_outside_tests(&source).map(|(_, line)| line).collect();
        for (at, line) in lines
            .iter()
            .enumerate()
            .filter(|(_, line)| line.contains("Arc<Mutex<"))
        {
            let above = at
                .checked_sub(1)
                .and_then(|above| lines.get(above))
                .copied()
                .unwrap_or_default();
            if !line.contains("//") && !above.trim_start().starts_with("//") {
                bare.push(format!("{file}:{}", at + 1));
            }
        }
    }
    assert_none(
        "an `Arc<Mutex<…>>` without a comment that says what it guards",
        &bare,
    );
}

#[test]
fn scripts_stop_at_the_first_failure() {
    use std::os::unix::fs::PermissionsExt;
    for script in ["test", "run", "bench", ".ci/run", ".ci/cgroup2"] {
        assert!(
            text(script).contains("set -euo pipefail"),
            "{script} goes on after a failure"
        );
        let mode = std::fs::metadata(super::root().join(script))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o111, 0o111, "{script} can not be run");
    }
}
