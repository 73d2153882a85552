//! A folder that is joined from a root and a setting: without the setting it is the root.

use super::joined::given_by;
use crate::analysis::code::Code;
use crate::analysis::meant::earlier_exits;
use crate::analysis::paths::{self, Place};
use crate::analysis::place;
use crate::language::Language;
use crate::project::Project;
use crate::tree::{Kind, NodeId, Role};

/// How many files are looked at for where a setting comes from.
const FILES_MAX: usize = 600;
/// Shorter names are those of many things.
const NAME_LETTERS_MIN: usize = 5;

pub(super) fn told(name: &str) -> String {
    format!(
        "`{name}` has no default and nothing asks for it: without it this removes the folder around, with all it holds"
    )
}

/// The setting that a removed path ends in, if it may be empty and nothing asks.
pub(super) fn may_be_unset(code: Code<'_>, project: &Project, path: NodeId) -> Option<String> {
    let value = code.set_to(path).unwrap_or(path);
    let value = given_by(code, value).unwrap_or(value);
    let value = code.set_to(value).unwrap_or(value);
    let root = match code.kind(value) {
        Kind::Call => code.arg(value, 0),
        _ => code.child(value, Role::Left),
    };
    if root.is_some_and(|root| paths::place(code, root) == Place::Passing) {
        return None;
    }
    let last = match code.kind(value) {
        Kind::Call if matches!(code.called(value), "Join" | "join" | "joinpath" | "resolve") => {
            let args = code.args(value);
            let rooted = args.len() > 1
                || code
                    .receiver(value)
                    .is_some_and(|of| !matches!(code.last_name(of), "path" | "filepath"));
            args.last().copied().filter(|_| rooted)?
        }
        Kind::Binary if code.name(value) == "/" => code.child(value, Role::Right)?,
        _ => return None,
    };
    if let Some(name) = from_environment(code, last) {
        return Some(name.to_owned());
    }
    if code.kind(last) != Kind::Member || code.tree.language() == Language::Rust {
        return None;
    }
    let name = code.name(last);
    let asked = earlier_exits(code, path)
        .into_iter()
        .chain(code.conditions_around(path))
        .any(|condition| code.mentions(condition, |other| other == name));
    if asked || name.len() < NAME_LETTERS_MIN {
        return None;
    }
    let mut comes_unset = false;
    let ending = code.source.path.rsplit('.').next().unwrap_or("");
    let own = std::iter::once(code.tree.text().to_owned());
    let others = project
        .files()
        .filter(|path| {
            path.rsplit('.').next() == Some(ending) && *path != code.source.path && !place::is_test(path)
        })
        .take(FILES_MAX)
        .filter_map(|path| project.text(path));
    for text in own.chain(others) {
        for line in text.lines().filter(|line| has_whole(line, name)) {
            let line = line.trim();
            if line.starts_with("//") || line.starts_with('#') || line.starts_with('*') {
                continue;
            }
            if asks(line, name) {
                return None;
            }
            comes_unset |= unset(line, name);
        }
    }
    comes_unset.then(|| name.to_owned())
}

/// `os.Getenv("X")`, `os.environ.get("X", "")`, with nothing around that gives it another value.
fn from_environment<'s>(code: Code<'s>, id: NodeId) -> Option<&'s str> {
    if code.kind(id) != Kind::Call {
        return None;
    }
    let empty = || code.arg(id, 1).and_then(|default| code.text(default)) == Some("");
    match code.path(id) {
        "os.Getenv" => code.arg(id, 0).and_then(|name| code.text(name)),
        "os.environ.get" | "os.getenv" if empty() => code.arg(id, 0).and_then(|name| code.text(name)),
        _ => None,
    }
}

fn has_whole(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let part = |char: Option<char>| char.is_some_and(|char| char.is_alphanumeric() || char == '_');
        !part(line[..at].chars().next_back()) && !part(line[at + name.len()..].chars().next())
    })
}

/// Whether a line tests the setting, demands it, or gives it a value of its own.
fn asks(line: &str, name: &str) -> bool {
    const WORDS: &[&str] = &[
        "== \"\"",
        "!= \"\"",
        "== ''",
        "!= ''",
        "=== ''",
        "!== ''",
        "len(",
        "required",
        "notempty",
        "envdefault",
        "default:",
        "if not ",
        "if !",
        "isblank",
        "isempty",
        "validate",
        "raise",
        "throw",
        "must",
        "assert",
        "min_length",
        ".min(",
        "nonempty",
        "trim(",
        "strip(",
        "clean(",
        "base(",
        "orelse",
        "or(",
        "fallback",
    ];
    let lower = line.to_lowercase();
    let constant = line.split(name).skip(1).any(|rest| {
        let rest = rest.trim_start();
        let value = rest
            .strip_prefix(":=")
            .or_else(|| rest.strip_prefix('='))
            .or_else(|| rest.strip_prefix(':'))
            .map_or("", str::trim_start);
        // `str = "scratch"`
        let value = value.split_once("= ").map_or(value, |(_, value)| value);
        value.starts_with(['"', '\'', '`'])
            && !value.starts_with("\"\"")
            && !value.starts_with("''")
            && !value.starts_with('`')
    });
    constant || WORDS.iter().any(|word| lower.contains(word))
}

/// Whether a line takes the setting from the environment, as empty where it is not set.
fn unset(line: &str, name: &str) -> bool {
    line.split(name).skip(1).any(|rest| {
        let rest = rest.trim_start();
        let value = rest.trim_start_matches([':', '=', ' ']);
        let go = value.starts_with("os.Getenv(") || value.contains("env:\"") && value.starts_with("string");
        let python = (value.starts_with("os.environ.get(") || value.starts_with("os.getenv("))
            && (value.contains(", \"\")") || value.contains(", '')"))
            || value == "str = \"\"";
        let script = value.starts_with("process.env.")
            && (value.contains("?? ''")
                || value.contains("|| ''")
                || value.contains("?? \"\"")
                || value.contains("|| \"\""));
        go || python || script
    }) || line.contains("@Value(\"${") && line.contains(":}\")")
}
