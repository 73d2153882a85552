//! Work that only git still has.

use super::{CommandRule, Invocation, POLICY};
use crate::shell::options::{Options, fits, leading_options, options};
use crate::shell::word::Word;

pub(super) static RULE: CommandRule = CommandRule {
    id: "rewrite-history",
    page: include_str!("rewrite_history.md"),
    sqlstate: POLICY,
    why: "commits that others have, and work that was never committed, are lost to them",
    instead: "go back by a new commit (`git revert`), keep work aside (`git stash`), and push branches of your own by name",
    check: |invocation| git(invocation).map(str::to_owned),
};

/// Options of git itself that take a value.
pub(crate) const GLOBALS: &[&str] = &[
    "-C",
    "-c",
    "--git-dir",
    "--work-tree",
    "--namespace",
    "--exec-path",
    "--config-env",
];
const SHARED: &str =
    "main|master|trunk|develop|development|production|prod|staging|release|release/*|release-*|hotfix/*|HEAD";

fn git(invocation: &Invocation) -> Option<&'static str> {
    if invocation.is(&["hg"]) {
        let verb = invocation.args.first().map_or("", |word| word.text.as_str());
        return matches!(verb, "strip" | "purge").then_some("removes commits or files for good");
    }
    if invocation.is(&["git-filter-repo", "bfg"]) {
        return Some("rewrites the whole history");
    }
    if invocation.program != "git" {
        return None;
    }
    let leading = leading_options(&invocation.args, GLOBALS);
    let (at, verb) = leading.rest.first()?;
    let rest = &invocation.args[at + 1..];
    let given = options(
        rest,
        &[
            "-o",
            "--push-option",
            "--receive-pack",
            "-e",
            "--exclude",
            "-m",
            "--message",
            "-s",
            "--source",
        ],
    );
    let words = given.words();
    match verb.text.as_str() {
        "push" => push(&given, &words),
        "send-pack" => Some("pushes by git's inner means"),
        "reset" if given.any(&["--hard", "--merge", "--keep"]) => Some("throws uncommitted work away"),
        "clean" if given.any(&["-f", "--force"]) && !given.any(&["-n", "--dry-run"]) => {
            Some("removes files that git does not know")
        }
        "filter-branch" | "filter-repo" | "replace" => Some("rewrites the whole history"),
        "reflog" if fits(&words, &["expire|delete"]) => Some("removes what lost commits are found by"),
        "gc" | "prune" if pruned(verb, rest) && !given.any(&["-n", "--dry-run"]) => {
            Some("removes commits that nothing names")
        }
        "branch" => branch(&given, &words),
        "stash" if fits(&words, &["drop|clear"]) => Some("throws stashed work away"),
        "checkout" => checkout(&given, rest, &words),
        "switch" if given.any(&["-C", "--force-create"]) && is_shared(&words) => Some(MOVES),
        "fetch" | "pull" => fetch(&given, &words),
        "symbolic-ref" if words.len() > 1 => Some(MOVES),
        "read-tree" if given.any(&["--reset"]) && given.any(&["-u"]) => Some("throws uncommitted work away"),
        "checkout-index" if given.any(&["-f", "--force"]) && given.any(&["-a", "--all"]) => {
            Some("throws uncommitted work away")
        }
        "submodule" if fits(&words, &["deinit"]) && given.any(&["-f", "--force"]) => {
            Some("throws uncommitted work away")
        }
        "switch" if given.any(&["-f", "--force", "--discard-changes"]) => {
            Some("throws uncommitted work away")
        }
        "restore" if given.any(&["-p", "--patch", "--ours", "--theirs"]) => None,
        "restore" if !given.any(&["--staged", "-S"]) || given.any(&["--worktree", "-W"]) => many(&words),
        "update-ref" if given.any(&["-d", "--stdin"]) => Some("deletes a branch by git's inner means"),
        "update-ref" if words.first().is_some_and(|name| name.starts_with("refs/")) => {
            Some("moves a branch by git's inner means")
        }
        "worktree" if fits(&words, &["remove"]) && given.any(&["-f", "--force"]) => {
            Some("throws uncommitted work away")
        }
        "rm" if given.any(&["-f", "--force"]) && !given.any(&["--cached", "-n", "--dry-run"]) => {
            many(&words).map(|_| "removes files, also what was changed in them")
        }
        "config" => config(rest),
        _ => None,
    }
}

fn push(given: &Options<'_>, words: &[&str]) -> Option<&'static str> {
    let refs = words.get(1..).unwrap_or(&[]);
    if given.any(&["--mirror", "--prune"]) {
        return Some("makes a repository the mirror of this one, and deletes what is not here");
    }
    if given.any(&["--delete", "-d"]) || refs.iter().any(|name| name.starts_with(':') && name.len() > 1) {
        return Some("deletes a branch or a tag for everybody");
    }
    let force = given.any(&["-f"])
        || given
            .names
            .iter()
            .any(|name| name.len() > 3 && "--force".starts_with(name.as_str()));
    if force || refs.iter().any(|name| name.starts_with('+')) {
        return Some("pushes by force");
    }
    // With a lease nobody else's commits are lost; a branch that others work on stays as it is all the same.
    let lease = given.names.iter().any(|name| name.starts_with("--force-w"));
    let to = |name: &&str| {
        name.rsplit(':')
            .next()
            .unwrap_or("")
            .trim_start_matches("refs/heads/")
            .to_owned()
    };
    let shared = refs.is_empty() || refs.iter().any(|name| fits(&[to(name).as_str()], &[SHARED]));
    (lease && shared).then_some("pushes by force, to a branch that is not named or that others work on")
}

fn branch(given: &Options<'_>, words: &[&str]) -> Option<&'static str> {
    let deletes = given.any(&["-d", "-D", "--delete"]);
    let moves = given.any(&["-f", "--force", "-M", "-C"]);
    ((deletes || moves) && is_shared(words)).then_some("deletes or moves a branch that others work on")
}

fn checkout(given: &Options<'_>, rest: &[Word], words: &[&str]) -> Option<&'static str> {
    if given.any(&["-f", "--force"]) {
        return Some("throws uncommitted work away");
    }
    if given.any(&["-B"]) && is_shared(words) {
        return Some(MOVES);
    }
    if given.any(&["-p", "--patch", "--ours", "--theirs", "-b"]) {
        return None;
    }
    if let Some(dashes) = rest.iter().position(|word| word.text == "--") {
        let paths: Vec<&str> = rest[dashes + 1..].iter().map(|word| word.text.as_str()).collect();
        return many(&paths);
    }
    // Without the dashes a word may be a branch; a path that can be none is told by its signs, or by what everybody names so.
    let path = |word: &&&str| {
        word.ends_with('/') || word.contains('*') || matches!(**word, "." | ".." | "src" | "lib" | "tests")
    };
    let paths: Vec<&str> = words.iter().filter(path).copied().collect();
    many(&paths)
}

const MOVES: &str = "moves a branch that others work on";

fn is_shared(words: &[&str]) -> bool {
    words.iter().any(|name| fits(&[name], &[SHARED]))
}

/// A branch that is set to what another repository has, whatever it was.
fn fetch(given: &Options<'_>, words: &[&str]) -> Option<&'static str> {
    let forced = given.any(&["-f", "--force"]);
    let sets = |word: &&str| {
        let to = word
            .rsplit(':')
            .next()
            .unwrap_or("")
            .trim_start_matches("refs/heads/");
        word.contains(':') && (forced || word.starts_with('+')) && fits(&[to], &[SHARED])
    };
    words.iter().skip(1).any(sets).then_some(MOVES)
}

/// Whether uncommitted work is meant by whole folders or by patterns rather than file by file.
fn many(paths: &[&str]) -> Option<&'static str> {
    const FILES: &[&str] = &["configure", "go", "gradlew", "justfile", "mvnw"];
    let is_file = |path: &&str| {
        let name = path.rsplit('/').next().unwrap_or("");
        let ending = name
            .rsplit_once('.')
            .is_some_and(|(_, ending)| !ending.is_empty());
        let named = name.starts_with(|first: char| first.is_uppercase()) && !path.contains('/');
        !path.contains(['*', '?', '['])
            && !path.starts_with(':')
            && name != ".."
            && (ending || named || FILES.contains(&name))
    };
    paths
        .iter()
        .any(|path| !is_file(path))
        .then_some("throws uncommitted work away")
}

fn pruned(verb: &Word, rest: &[Word]) -> bool {
    verb.text == "prune"
        || rest
            .iter()
            .any(|word| word.text.starts_with("--prune=") && !word.text.contains("week"))
}

/// Settings that run programs or lift what protects a repository.
fn config(rest: &[Word]) -> Option<&'static str> {
    let named = |name: &str| rest.iter().any(|word| word.text.to_lowercase().starts_with(name));
    let sets = rest.iter().filter(|word| !word.text.starts_with('-')).count() > 1;
    (sets && (named("core.hookspath") || named("core.fsmonitor") || named("receive.deny")))
        .then_some("changes settings that protect a repository")
}
