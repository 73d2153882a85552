//! What an expression says of the path that it gives: a temporary one, one of data, the root of something.

use super::code::Code;
use super::words::words;
use crate::names::functions_around;
use crate::tree::{Kind, NodeId, Role};

const HOPS_MAX: usize = 6;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Made to be thrown away, or made again by a build.
    Passing,
    /// Holds what can not be made again; says what.
    Precious(String),
    Unknown,
}

const PASSING: &[&str] = &[
    "tmp",
    "temp",
    "temporary",
    "tempdir",
    "tmpdir",
    "tmpfile",
    "tempfile",
    "cache",
    "caches",
    "cached",
    "pycache",
    "build",
    "builds",
    "dist",
    "out",
    "output",
    "outputs",
    "outdir",
    "target",
    "node",
    "modules",
    "nodemodules",
    "scratch",
    "sandbox",
    "staging",
    "generated",
    "gen",
    "coverage",
    "test",
    "tests",
    "fixture",
    "fixtures",
    "example",
    "egg",
    "wheel",
    "venv",
    "virtualenv",
    "mock",
    "work",
    "working",
    "workdir",
    "checkout",
    "clone",
    "unpacked",
    "extracted",
    "extract",
    "partial",
    "lock",
    "pid",
    "socket",
    "sock",
    "next",
    "bin",
    "obj",
    "stale",
    "expired",
    "artifact",
    "artifacts",
    "prefix",
    "dest",
    "destination",
    "new",
    "site",
    "public",
    "docs",
    "doc",
    "html",
    "bundle",
    "vendor",
    "chunks",
    "parts",
    "incomplete",
    "queue",
    "spool",
    "preview",
    "previews",
    "thumbnail",
    "thumbnails",
    "session",
    "intermediate",
    "tf",
    "download",
    "downloads",
];

const PRECIOUS: &[&str] = &[
    "backup",
    "backups",
    "audit",
    "audits",
    "archive",
    "archives",
    "uploads",
    "upload",
    "media",
    "home",
    "data",
    "database",
    "db",
    "databases",
    "logs",
    "log",
    "history",
    "invoices",
    "documents",
    "records",
    "customers",
    "userdata",
    "storage",
    "snapshots",
    "snapshot",
    "photos",
    "images",
    "datasets",
    "dumps",
    "dump",
    "wal",
    "ledger",
    "reports",
    "exports",
    "datadir",
    "logdir",
    "backupdir",
    "homedir",
];

/// What a path is, by its texts, its names and what they were set to.
pub fn place(code: Code<'_>, path: NodeId) -> Place {
    let mut place = Place::Unknown;
    let mut at = path;
    for _ in 0..HOPS_MAX {
        match place_of(code, at) {
            Place::Passing => return Place::Passing,
            precious @ Place::Precious(_) if place == Place::Unknown => place = precious,
            Place::Precious(_) | Place::Unknown => {}
        }
        // The names in it, and what they were set to.
        let next = code
            .tree
            .subtree(at)
            .filter(|id| code.kind(*id) == Kind::Name)
            .find_map(|name| code.set_to(name).filter(|value| !code.tree.within(*value, at)));
        match next {
            Some(value) => at = value,
            None => break,
        }
    }
    if place == Place::Unknown && is_made_here(code, path) {
        Place::Passing
    } else {
        place
    }
}

fn place_of(code: Code<'_>, path: NodeId) -> Place {
    let mut precious = None;
    for id in code.tree.subtree(path) {
        let name = code.name(id);
        match code.kind(id) {
            Kind::Call | Kind::New => {
                let called = code.called(id);
                if matches!(
                    called,
                    "mkdtemp"
                        | "mkdtempSync"
                        | "MkdirTemp"
                        | "TempDir"
                        | "TemporaryDirectory"
                        | "gettempdir"
                        | "tmpdir"
                        | "NamedTemporaryFile"
                        | "mkstemp"
                        | "CreateTemp"
                        | "TempFile"
                        | "dirSync"
                        | "tmpNameSync"
                        | "fileSync"
                ) {
                    return Place::Passing;
                }
                if matches!(called, "homedir" | "expanduser" | "UserHomeDir" | "home")
                    && code.receiver(id).is_some()
                {
                    precious = Some("the home directory".to_owned());
                }
            }
            Kind::Name | Kind::Member | Kind::Str | Kind::Keyword => {
                let own = words(name);
                if own.iter().any(|word| PASSING.contains(&word.as_str())) {
                    return Place::Passing;
                }
                if code.kind(id) == Kind::Str {
                    if let Some(root) = root(name) {
                        precious = Some(root);
                    } else if is_path(name) && own.iter().any(|word| PRECIOUS.contains(&word.as_str())) {
                        precious.get_or_insert_with(|| format!("`{name}`"));
                    }
                } else if own.iter().any(|word| PRECIOUS.contains(&word.as_str()))
                    && is_path_name(&own)
                    && !is_module(name)
                {
                    precious.get_or_insert_with(|| format!("`{name}`"));
                }
            }
            _ => {}
        }
    }
    precious.map_or(Place::Unknown, Place::Precious)
}

fn is_module(name: &str) -> bool {
    matches!(name, "os" | "path" | "fs" | "shutil" | "self" | "this")
}

/// `BACKUP_DIR`, `data_path`, `uploads`; not `log_level`, `data`.
fn is_path_name(words: &[String]) -> bool {
    let says = |word: &String| {
        matches!(
            word.as_str(),
            "dir"
                | "directory"
                | "path"
                | "folder"
                | "root"
                | "file"
                | "dirs"
                | "location"
                | "base"
                | "datadir"
                | "logdir"
                | "backupdir"
                | "homedir"
        )
    };
    words.iter().any(says)
        || words.iter().any(|word| {
            matches!(
                word.as_str(),
                "backups" | "uploads" | "archives" | "snapshots" | "dumps"
            )
        })
}

fn is_path(text: &str) -> bool {
    !text.contains(char::is_whitespace) && text.len() < 200
}

/// Texts that name a root: of the system, of a home, of what is mounted.
fn root(text: &str) -> Option<String> {
    let plain = text.trim_end_matches(['*', '/']);
    let is = matches!(
        text,
        "/" | "~"
            | "~/"
            | "/*"
            | "C:\\"
            | "C:/"
            | "."
            | "./"
            | ".."
            | "../"
            | "$HOME"
            | "/app"
            | "/srv"
            | "/opt"
            | "*"
    ) && !matches!(text, "." | "./" | "*" | ".." | "../")
        || matches!(
            plain,
            "/etc"
                | "/usr"
                | "/var"
                | "/home"
                | "/root"
                | "/boot"
                | "/bin"
                | "/lib"
                | "/mnt"
                | "/data"
                | "/var/lib"
                | "/var/log"
                | "/backup"
                | "/backups"
                | "/srv"
                | "/opt"
        );
    is.then(|| format!("`{text}`"))
}

/// Whether the function has made the path itself before: `os.makedirs(path)`.
fn is_made_here(code: Code<'_>, path: NodeId) -> bool {
    let Some(function) = functions_around(code.tree, path).next() else {
        return false;
    };
    let begin = code.tree.span(path).start;
    code.tree
        .subtree(function)
        .filter(|id| code.kind(*id) == Kind::Call && code.tree.span(*id).end < begin)
        .any(|call| {
            let makes = matches!(
                code.called(call),
                "mkdir"
                    | "makedirs"
                    | "mkdirSync"
                    | "MkdirAll"
                    | "Mkdir"
                    | "ensureDir"
                    | "ensureDirSync"
                    | "copytree"
                    | "cp"
                    | "cpSync"
                    | "mkdirp"
                    | "extractall"
                    | "PlainClone"
            );
            makes
                && (code
                    .tree
                    .children_in(call, Role::Arg)
                    .any(|arg| code.same(arg, path))
                    || code
                        .receiver(call)
                        .is_some_and(|receiver| code.same(receiver, path)))
        })
}
