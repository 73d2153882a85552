//! Whether what a migration drops was prepared: its values are elsewhere by then, or somebody says that they are needed no more.

use crate::analysis::words::has_word;
use crate::matching::Source;
use crate::project::{Project, folder};

const FILES_MAX: usize = 400;

/// What a comment says of what is not needed any more, or is elsewhere.
const SAID: &[&str] = &[
    "unused",
    "not used",
    "no longer used",
    "no longer read",
    "no longer written",
    "no longer needed",
    "no longer referenced",
    "nothing reads",
    "nothing uses",
    "never used",
    "dead",
    "obsolete",
    "deprecat",
    "superseded",
    "replaced",
    "moved to",
    "copied",
    "backfilled",
    "archived",
    "exported",
    "migrated",
    "contract",
    "expand",
    "since release",
    "is empty",
];

/// Columns whose values come from others.
const DERIVED: &[&str] = &[
    "old",
    "legacy",
    "unused",
    "deprecated",
    "obsolete",
    "bak",
    "backup",
    "tmp",
    "temp",
    "cache",
    "cached",
    "count",
    "search",
    "tsv",
    "vector",
    "computed",
    "generated",
    "checksum",
    "v1",
];

/// Whether the drop of a table, or of a column of it, was prepared.
pub(super) fn is_prepared(source: &Source, project: &Project, table: &str, column: Option<&str>) -> bool {
    let what = column.unwrap_or(table).to_ascii_lowercase();
    if has_word(&what, DERIVED) {
        return true;
    }
    let text = source.tree.text().to_ascii_lowercase();
    let says = source
        .tree
        .comments()
        .iter()
        .filter_map(|comment| text.get(comment.clone()))
        .any(|comment| SAID.iter().any(|said| comment.contains(said)));
    if says || moves(&text, table, &what) {
        return true;
    }
    // Steps before this one, in the same folder or, as Prisma has them, in one beside it.
    let own = folder(&source.path);
    let around = if source.path.ends_with("/migration.sql") {
        folder(own)
    } else {
        own
    };
    project
        .below(around)
        .filter(|path| path.ends_with(".sql") && *path != source.path)
        .take(FILES_MAX)
        .filter_map(|path| project.text(path))
        .any(|text| moves(&text.to_ascii_lowercase(), table, &what))
}

/// Whether a script carries values of it to another place, or keeps both in step.
fn moves(text: &str, table: &str, what: &str) -> bool {
    text.split(';').any(|statement| {
        let words = || {
            statement
                .split(|char: char| !char.is_alphanumeric() && char != '_')
                .filter(|word| !word.is_empty())
        };
        let has = |wanted: &str| words().any(|word| word == wanted);
        let copies = has("insert") && has("into") && has("select")
            || has("update") && has("set")
            || has("trigger")
            || has("rename")
            || has("create") && has("as") && has("select");
        copies && has(what) && (has(table) || what == table)
    })
}
