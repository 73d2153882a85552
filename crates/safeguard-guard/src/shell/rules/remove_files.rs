//! Removing files beyond what a build makes again.

use super::{CommandRule, Invocation, POLICY};
use crate::shell::paths::{Root, Spot};
use crate::shell::word::{UNKNOWN, Word, shown};

pub(super) static RULE: CommandRule = CommandRule {
    id: "remove-files",
    page: include_str!("remove_files.md"),
    sqlstate: POLICY,
    why: "what is removed from a disk is gone, and a path that is put together while it runs can be any path",
    instead: "name single files within the project, or move them aside (`mv x /tmp/`); for tracked files `git rm` can be undone",
    check: |invocation| {
        if invocation.is(&["find", "gfind"]) {
            return found(invocation);
        }
        if let Some(does) = moved_away(invocation) {
            return Some(does);
        }
        let recursive_always = invocation.is(&["rimraf", "rmtree", "del-cli"]);
        if !(recursive_always || invocation.is(&["rm", "grm", "unlink", "srm"])) {
            return None;
        }
        let options = invocation.options(&[]);
        let recursive = recursive_always || options.any(&["-r", "-R", "--recursive"]);
        let mut targets = options.rest.iter().map(|(_, word)| *word);
        targets.find_map(|word| removed(invocation, word, recursive))
    },
};

/// Endings of files in which data is kept.
const DATA: &[&str] = &[
    ".aof",
    ".backup",
    ".bak",
    ".db",
    ".dump",
    ".ibd",
    ".mdb",
    ".parquet",
    ".rdb",
    ".sqlite",
    ".sqlite3",
    ".tfstate",
    ".tfstate.backup",
    ".sql.gz",
    ".wal",
];
/// Files that a package manager writes again.
const LOCKS: &[&str] = &[
    "Cargo.lock",
    "Gemfile.lock",
    "composer.lock",
    "package-lock.json",
    "pnpm-lock.yaml",
    "poetry.lock",
    "uv.lock",
    "yarn.lock",
    "index.lock",
];

pub(super) fn keeps_data(spot: &Spot) -> bool {
    let name = spot.last().to_lowercase();
    let for_a_test = name.starts_with("test") || name.contains("_test.") || name.contains(".test.");
    !for_a_test && DATA.iter().any(|ending| name.ends_with(ending))
}

fn removed(invocation: &Invocation, word: &Word, recursive: bool) -> Option<String> {
    let spot = invocation.spot(&word.text);
    let shown_spot = shown(&spot.shown());
    let everything = spot
        .parts
        .last()
        .is_none_or(|last| last.chars().all(|one| "*.?".contains(one)));
    if spot.is_made_again() && !(everything && spot.parts.len() < 2) {
        return None;
    }
    if word.text.contains(UNKNOWN) || spot.parts.iter().any(|part| part.contains(UNKNOWN)) {
        return Some(format!(
            "removes what only shows when it runs (`{}`)",
            word.shown()
        ));
    }
    if spot.root != Root::Project {
        return Some(format!("removes `{shown_spot}`, which is outside of the project"));
    }
    if LOCKS.contains(&spot.last()) {
        return None;
    }
    if recursive || everything {
        return Some(format!("removes `{shown_spot}` and everything below it"));
    }
    if spot.parts.first().is_some_and(|first| first == ".git") {
        return Some(format!("removes `{shown_spot}`, which git lives by"));
    }
    (keeps_data(&spot) || spot.is_env_file()).then(|| format!("removes `{shown_spot}`, which keeps data"))
}

/// Copies and archives that remove: what the copy's source does not have, or what was packed.
fn moved_away(invocation: &Invocation) -> Option<String> {
    let deletes = |name: &String| name.starts_with("--del");
    if invocation.is(&["rsync"]) {
        let options = invocation.options(&["-e", "--rsh", "--exclude", "--include", "-f", "--filter"]);
        let (_, target) = options
            .rest
            .last()
            .filter(|_| options.names.iter().any(deletes))?;
        return removed(invocation, target, true);
    }
    if invocation.is(&["tar", "gtar", "bsdtar"]) {
        let options = invocation.options(&["-f", "--file", "-C", "--directory", "--exclude"]);
        let mut packed = options.rest.iter().filter(|_| options.any(&["--remove-files"]));
        return packed.find_map(|(_, word)| removed(invocation, word, true));
    }
    None
}

/// What a line of code removes by name.
pub(crate) fn removed_by_code(invocation: &Invocation, path: &str, recursive: bool) -> Option<String> {
    removed(invocation, &Word::new(path), recursive)
}

/// `find … -delete` removes what it finds; what `-exec` starts is asked about by itself.
fn found(invocation: &Invocation) -> Option<String> {
    if !invocation.args.iter().any(|word| word.text == "-delete") {
        return None;
    }
    let mut paths = found_paths(&invocation.args).into_iter().map(Word::new);
    paths.find_map(|path| removed(invocation, &path, true))
}

/// What `find` may come to: its starting points, and below them the names that are asked for where there are any.
pub(crate) fn found_paths(args: &[Word]) -> Vec<String> {
    let texts: Vec<&str> = args.iter().map(|word| word.text.as_str()).collect();
    let is_test = |text: &&&str| text.starts_with('-') || matches!(**text, "(" | "!" | ")");
    let leading = texts
        .iter()
        .take_while(|text| matches!(**text, "-H" | "-L" | "-P"))
        .count();
    let starts: Vec<&str> = texts[leading..]
        .iter()
        .take_while(|text| !is_test(text))
        .copied()
        .collect();
    let starts = if starts.is_empty() { vec!["."] } else { starts };
    let names = found_names(&texts);
    let below = |start: &&str| {
        let start = start.trim_end_matches('/');
        match names.is_empty() {
            true => vec![format!("{start}/{UNKNOWN}")],
            false => names
                .iter()
                .map(|name| format!("{start}/{UNKNOWN}/{name}"))
                .collect(),
        }
    };
    starts.iter().flat_map(below).collect()
}

/// The names without one of which nothing is found; none where that is not plain to see.
fn found_names<'t>(texts: &[&'t str]) -> Vec<&'t str> {
    let has = |wanted: &[&str]| texts.iter().position(|text| wanted.contains(text));
    if has(&["!", "-not", ",", "-path", "-regex"]).is_some() {
        return Vec::new();
    }
    // Each side of an `-o` has to ask for a name, and before it acts.
    let named = |side: &[&str]| {
        let name = side.iter().position(|text| *text == "-name");
        let acts = side
            .iter()
            .position(|text| matches!(*text, "-delete" | "-exec" | "-execdir" | "-ok" | "-okdir"));
        name.is_some_and(|name| acts.is_none_or(|acts| name < acts))
    };
    if !texts.split(|text| matches!(*text, "-o" | "-or")).all(named) {
        return Vec::new();
    }
    let pairs = texts.windows(2).filter(|pair| pair[0] == "-name");
    pairs.map(|pair| pair[1]).collect()
}
