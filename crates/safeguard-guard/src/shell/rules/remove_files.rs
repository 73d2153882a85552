//! Removing files beyond what a build makes again.

use super::{CommandRule, Invocation, POLICY};
use crate::shell::paths::{Root, Spot};
use crate::shell::walk::Stdin;
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
        if invocation.is(&["rsync"]) {
            return mirrored(invocation);
        }
        if invocation.is(&["tar", "gtar", "bsdtar"]) {
            return packed(invocation);
        }
        if invocation.is(&["trash-empty"]) {
            return Some("empties the trash".to_owned());
        }
        let recursive_always = invocation.is(&["rimraf", "rmtree", "del-cli", "rd"]);
        if !(recursive_always
            || invocation.is(&["rm", "grm", "unlink", "srm", "remove-item", "ri", "del", "erase"]))
        {
            return None;
        }
        let options = invocation.options(&[]);
        // PowerShell takes any case, and as little of an option's name as is clear.
        let of_powershell = |word: &Word| {
            let text = word.text.to_lowercase();
            text.len() > 1 && "-recurse".starts_with(&text) || text == "/s"
        };
        let recursive = recursive_always
            || options.any(&["-r", "-R", "--recursive"])
            || invocation.args.iter().any(of_powershell);
        let piped = invocation.is(&["remove-item", "ri", "rd", "del", "erase"])
            && invocation.stdin != Stdin::Inherited;
        if piped && options.rest.is_empty() {
            return Some("removes what another program names".to_owned());
        }
        let mut targets = options
            .rest
            .iter()
            .map(|(_, word)| *word)
            .filter(|word| !matches!(word.text.as_str(), "/s" | "/q" | "/S" | "/Q" | "/f"));
        // Only beside the other is such a folder surely a build's.
        let words = options.words();
        let both = |word: &Word| {
            PAIRS.iter().any(|(made, beside)| {
                word.text.trim_end_matches('/').ends_with(made)
                    && words
                        .iter()
                        .any(|word| word.trim_end_matches('/').ends_with(beside))
            })
        };
        targets.find_map(|word| removed(invocation, word, recursive).filter(|_| !both(word)))
    },
};

const PAIRS: &[(&str, &str)] = &[("bin", "obj"), ("deps", "_build")];

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
    let kept = spot
        .parts
        .iter()
        .any(|part| part.contains("audit") || part.starts_with("backup"));
    // `sed -i.bak` leaves a copy of code.
    let original = name.strip_suffix(".bak").unwrap_or(&name);
    let code = [
        ".rs", ".py", ".ts", ".tsx", ".js", ".jsx", ".go", ".rb", ".java", ".c", ".h", ".cpp", ".css",
        ".html", ".md", ".sh",
    ]
    .iter()
    .any(|ending| original.ends_with(ending));
    let sources = spot
        .parts
        .iter()
        .any(|part| matches!(part.as_str(), "src" | "lib" | "tests"));
    let code = code || (name == "*.bak" && sources);
    !for_a_test && !code && (kept || DATA.iter().any(|ending| name.ends_with(ending)))
}

/// Whether a program keeps its data in it, rather than a copy of them: nobody writes it by hand.
pub(super) fn is_live_data(spot: &Spot) -> bool {
    const LIVE: &[&str] = &[
        ".aof", ".db", ".ibd", ".mdb", ".rdb", ".sqlite", ".sqlite3", ".tfstate", ".wal",
    ];
    let live = LIVE
        .iter()
        .any(|ending| spot.last().to_lowercase().ends_with(ending));
    let copy = spot
        .parts
        .iter()
        .any(|part| part.contains("backup") || part.contains("fixture"));
    live && !copy && keeps_data(spot) && !spot.is_made_again()
}

/// Whether it is by its name what is served.
pub(super) fn is_of_production(spot: &Spot) -> bool {
    let parts = crate::shell::word::name_parts(spot.last());
    is_live_data(spot)
        && parts
            .iter()
            .any(|part| matches!(part.as_str(), "live" | "prod" | "production"))
}

fn removed(invocation: &Invocation, word: &Word, recursive: bool) -> Option<String> {
    if word.text.is_empty() {
        return None;
    }
    let spot = invocation.spot(&word.text);
    let shown_spot = shown(&spot.shown());
    // What `find` has come to, at any depth.
    let recursive = recursive || spot.parts.iter().any(|part| part == "**");
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
    let names_some = !everything && spot.shown().starts_with("/tmp/");
    if !recursive
        && (names_some
            || [".pid", ".sock"]
                .iter()
                .any(|ending| spot.last().ends_with(ending)))
    {
        return None;
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

/// A copy that removes what is not in its source.
fn mirrored(invocation: &Invocation) -> Option<String> {
    let options = invocation.options(&["-e", "--rsh", "--exclude", "--include", "--filter"]);
    let deletes = options.names.iter().any(|name| name.starts_with("--del"));
    let (_, last) = options.rest.last().filter(|(_, last)| !last.text.contains(':'))?;
    let spot = invocation.spot(&last.text);
    (deletes && !spot.is_made_again() && !options.any(&["--dry-run", "-n"])).then(|| {
        format!(
            "removes what `{}` has and its source has not",
            shown(&spot.shown())
        )
    })
}

/// An archive that removes what it has packed.
fn packed(invocation: &Invocation) -> Option<String> {
    let options = invocation.options(&["-f", "--file", "-C", "--directory", "--exclude"]);
    let mut packed = options.rest.iter().filter(|_| options.any(&["--remove-files"]));
    packed.find_map(|(_, word)| removed(invocation, word, true))
}

/// What a line of code removes by name.
pub(crate) fn removed_by_code(invocation: &Invocation, path: &str, recursive: bool) -> Option<String> {
    removed(invocation, &Word::new(path), recursive)
}

/// `find … -delete` removes what it finds; what `-exec` starts is asked about by itself.
fn found(invocation: &Invocation) -> Option<String> {
    let place = |wanted: &str| invocation.args.iter().position(|word| word.text == wanted);
    let acts = place("-delete")?;
    let alone = place("-o").is_none() && place("-not").is_none() && place("!").is_none();
    // Folders that hold nothing hold nothing to lose.
    if alone && place("-empty").is_some_and(|empty| empty < acts) && place("d").is_some() {
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
            true => vec![format!("{start}/**")],
            false => names.iter().map(|name| format!("{start}/**/{name}")).collect(),
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
