//! What an expression of a piece of code comes to as a path, as far as the same piece says it.

use super::Code;
use super::names::{elements, end_of, in_loop, loop_of, places};
use super::tokens::{Language, Token, path_at};
use crate::shell::word::{UNKNOWN, name_parts};

/// Names that stand for names that stand for names.
const NAMES_DEEP_MAX: u32 = 5;
/// More values of one expression are not told apart.
const VALUES_MAX: usize = 32;
/// Where what was made for a while lies.
const MADE: &str = "/tmp/made";

/// They make a folder or a file that is meant to go.
const FOR_A_WHILE: &[&str] = &[
    "CreateTemp",
    "MkdirTemp",
    "NamedTemporaryFile",
    "TempDir",
    "Tempfile",
    "TemporaryDirectory",
    "TemporaryFile",
    "gettempdir",
    "makeTempDir",
    "makeTempDirSync",
    "mkdtemp",
    "mkdtempSync",
    "mkstemp",
    "mktemp",
    "mktmpdir",
    "sys_get_temp_dir",
    "tempdir",
    "tempfile",
    "tempnam",
    "tmp_path",
    "tmp_path_factory",
    "tmpdir",
    "tmpdir_factory",
];
/// They put paths together, or hand one on as it is.
const OF_PATHS: &[&str] = &[
    "Dir",
    "File",
    "Join",
    "Path",
    "Pathname",
    "String",
    "URL",
    "absolute",
    "abspath",
    "as_posix",
    "asList",
    "await",
    "const",
    "dirname",
    "expand_path",
    "fileURLToPath",
    "filepath",
    "fs",
    "fspath",
    "join",
    "list",
    "new",
    "normalize",
    "normpath",
    "os",
    "parent",
    "parents",
    "path",
    "pathlib",
    "process",
    "realpath",
    "resolve",
    "return",
    "reversed",
    "self",
    "sorted",
    "str",
    "this",
    "to_s",
    "toString",
];
/// They come to what lies in a folder, or below it.
const LIST: &[&str] = &[
    "children",
    "each_child",
    "entries",
    "iterdir",
    "listdir",
    "readdir",
    "readdirSync",
    "scandir",
    "walk",
    "walkSync",
];
/// What their brackets hold is a pattern or the name of a variable, and no part of a path.
const ENVIRONMENT: &[&str] = &["ENV", "environ", "env", "fetch", "get", "getenv"];

/// What a name must have in it for its value to be taken for what was made for a while, where nothing says what it is.
const SCRATCH: &[&str] = &[
    "artifact",
    "artifacts",
    "build",
    "cache",
    "coverage",
    "dist",
    "fixture",
    "generated",
    "out",
    "outdir",
    "output",
    "sandbox",
    "scratch",
    "temp",
    "tempdir",
    "tmp",
    "tmpdir",
    "workdir",
];

pub(super) fn is_scratch(name: &str) -> bool {
    name_parts(name)
        .iter()
        .any(|part| SCRATCH.contains(&part.as_str()))
}

/// What the expressions at a place may come to.
pub(super) fn values(code: &Code, from: usize, end: usize) -> Vec<String> {
    expression(code, from, end, 0)
}

/// Paths on their way, and how often to go up from the first part that is to come.
struct Paths {
    open: Vec<String>,
    ups: usize,
}

impl Paths {
    fn new() -> Paths {
        Paths {
            open: vec![String::new()],
            ups: 0,
        }
    }

    fn is_empty(&self) -> bool {
        self.open.iter().all(String::is_empty)
    }

    fn add(&mut self, found: &[String], joined: bool) {
        if found.is_empty() {
            return;
        }
        let ups = if self.is_empty() {
            std::mem::take(&mut self.ups)
        } else {
            0
        };
        let before = std::mem::take(&mut self.open);
        for path in &before {
            for next in found {
                let whole = path.is_empty() || (next.starts_with(['/', '~']) && !joined);
                self.open.push(match (whole, joined) {
                    (true, _) => next.clone(),
                    (false, true) => format!("{path}{next}"),
                    (false, false) => format!("{}/{next}", path.trim_end_matches('/')),
                });
            }
        }
        self.open.truncate(VALUES_MAX);
        self.up(ups);
    }

    fn up(&mut self, times: usize) {
        if self.is_empty() {
            self.ups += times;
            return;
        }
        for path in &mut self.open {
            for _ in 0..times.min(8) {
                *path = match path.rsplit_once('/') {
                    _ if path.ends_with("..") => format!("{path}/.."),
                    Some((above, _)) => above.to_owned(),
                    None if path == "." => "..".to_owned(),
                    None => ".".to_owned(),
                };
            }
        }
    }
}

fn expression(code: &Code, from: usize, end: usize, deep: u32) -> Vec<String> {
    let left = code.expressions_left.get();
    if left == 0 {
        return vec![UNKNOWN.to_string()];
    }
    code.expressions_left.set(left - 1);
    let tokens = &code.tokens;
    let mut done = Vec::new();
    let mut paths = Paths::new();
    let mut at = from;
    while at < end {
        let joined = at > from && tokens[at - 1] == Token::Sign('+');
        match &tokens[at] {
            Token::Text(text) => {
                paths.add(&[filled(code, at, text, deep)], joined);
                at += 1;
            }
            Token::Name(name) if name == "or" => {
                done.append(&mut std::mem::replace(&mut paths, Paths::new()).open);
                at += 1;
            }
            Token::Sign('|' | '?') if at + 1 < end && tokens[at + 1] == tokens[at] => {
                done.append(&mut std::mem::replace(&mut paths, Paths::new()).open);
                at += 2;
            }
            // Such as the `f` of `f"…"`.
            Token::Name(name) if name.len() < 3 && matches!(tokens.get(at + 1), Some(Token::Text(_))) => {
                at += 1
            }
            Token::Name(_) => {
                let (path, after) = path_at(tokens, at, &code.aliases).unwrap_or((String::new(), at + 1));
                let path = path.rsplit_once(").").map_or(path.as_str(), |(_, path)| path);
                let last = path.rsplit('.').next().unwrap_or("");
                let called_upon = at > 0 && tokens[at - 1] == Token::Sign('.');
                let brackets = matches!(tokens.get(after), Some(Token::Sign('(' | '[')));
                if ENVIRONMENT.contains(&last) && brackets {
                    paths.add(&variable(code, after, deep), joined);
                    at = end_of(tokens, after + 1) + 1;
                    while matches!(tokens.get(at - 1), Some(Token::Sign(','))) {
                        at = end_of(tokens, at) + 1;
                    }
                    continue;
                }
                let found = named(code, path, at, deep);
                let of_others = brackets && found == [UNKNOWN.to_string()];
                paths.add(&found, joined);
                at = after;
                if of_others && tokens.get(after) == Some(&Token::Sign('(')) {
                    // What a function that is not known makes of its words is not known.
                    let close = end_of(tokens, after + 1);
                    at = elements(tokens, after)
                        .last()
                        .map_or(close, |last| end_of(tokens, *last));
                    continue;
                }
                match last {
                    "dirname" => paths.up(1),
                    "parent" if path == "parent" && !called_upon => {}
                    "parent" => paths.up(path.split('.').filter(|one| *one == "parent").count()),
                    // As in `parents[1]`.
                    "parents" => match tokens.get(after + 1) {
                        Some(Token::Sign(digit)) => {
                            paths.up(digit.to_digit(10).map_or(1, |digit| digit as usize + 1));
                        }
                        Some(_) | None => paths.up(1),
                    },
                    "rglob" => paths.add(&["**".to_owned()], false),
                    _ if LIST.contains(&last) => {
                        let close = end_of(tokens, after + 1).min(end);
                        if brackets && close > after + 1 {
                            paths.add(&expression(code, after + 1, close, deep + 1), joined);
                        }
                        let below = if last.starts_with("walk") { "**" } else { "*" };
                        paths.add(&[below.to_owned()], false);
                        at = close.max(after);
                    }
                    _ => {}
                }
            }
            Token::Sign(_) | Token::Command(_) => at += 1,
        }
    }
    done.append(&mut paths.open);
    done.retain(|path| !path.is_empty());
    done.truncate(VALUES_MAX);
    done
}

/// What is given behind an option that is named as a value of the program is.
fn option(code: &Code, name: &str) -> Option<String> {
    let wanted = format!("--{}", name_parts(name).join("-"));
    code.words
        .iter()
        .enumerate()
        .find_map(|(at, word)| match word.split_once('=') {
            Some((option, value)) if option.replace('_', "-") == wanted => Some(value.to_owned()),
            _ if word.replace('_', "-") == wanted => code.words.get(at + 1).cloned(),
            _ => None,
        })
}

/// What a name is set to before it is used: where a loop goes over it, that alone.
fn set_before(code: &Code, name: &str, at: usize) -> Vec<(usize, usize)> {
    let all = places(code, name);
    let looped = all
        .iter()
        .filter(|(from, end)| *end <= at && in_loop(&code.tokens, *from))
        .map(|(from, _)| *from)
        .max();
    let Some(last) = looped else {
        return all
            .into_iter()
            .filter(|(from, end)| !(*from <= at && at < *end))
            .collect();
    };
    let start = loop_of(&code.tokens, last);
    all.into_iter()
        .filter(|(from, end)| *from >= start && *end <= at)
        .collect()
}

/// What a variable of the environment may hold, and what is taken where it is not set.
fn variable(code: &Code, open: usize, deep: u32) -> Vec<String> {
    let tokens = &code.tokens;
    let given = elements(tokens, open);
    let name = given.first().and_then(|at| tokens[*at].text()).unwrap_or("");
    if let Some(default) = given.get(1).filter(|_| deep < NAMES_DEEP_MAX) {
        return expression(code, *default, end_of(tokens, *default), deep + 1);
    }
    let value = match name {
        "HOME" => "~".to_owned(),
        "TEMP" | "TMP" | "TMPDIR" => MADE.to_owned(),
        name if is_scratch(name) => MADE.to_owned(),
        _ => UNKNOWN.to_string(),
    };
    vec![value]
}

/// What a name stands for; none where it only puts paths together.
fn named(code: &Code, path: &str, at: usize, deep: u32) -> Vec<String> {
    let segments: Vec<&str> = path.split('.').filter(|one| !one.is_empty()).collect();
    if segments.iter().any(|one| FOR_A_WHILE.contains(one)) {
        return vec![MADE.to_owned()];
    }
    let folder = match path {
        "__dirname" | "__DIR__" | "import.meta.dirname" | "__dir__" => Some(code.folder.clone()),
        "__file__" | "__FILE__" | "__filename" | "import.meta.url" | "import.meta.filename" => {
            // Whoever names the file goes up from it.
            Some(format!("{}/file", code.folder))
        }
        _ if segments
            .iter()
            .any(|one| matches!(*one, "argv" | "ARGV" | "Args")) =>
        {
            let given = code.words.iter().filter(|word| !word.starts_with('-'));
            let given: Vec<String> = given.cloned().collect();
            return if given.is_empty() {
                vec![UNKNOWN.to_string()]
            } else {
                given
            };
        }
        _ if matches!(segments.last(), Some(&"cwd" | &"getcwd" | &"pwd")) => Some(".".to_owned()),
        _ if segments
            .iter()
            .any(|one| matches!(*one, "home" | "homedir" | "expanduser" | "UserHomeDir")) =>
        {
            Some("~".to_owned())
        }
        _ => None,
    };
    if let Some(folder) = folder {
        return vec![folder];
    }
    let known = |one: &&str| {
        OF_PATHS.contains(one)
            || LIST.contains(one)
            || matches!(*one, "glob" | "iglob" | "globSync" | "rglob")
    };
    let is_variable = |one: &&str| {
        *one == "fs" && code.language == Language::Python
            || *one == path && deep < NAMES_DEEP_MAX && !places(code, one).is_empty()
    };
    let own: Vec<&str> = segments
        .into_iter()
        .filter(|one| !known(one) || is_variable(one))
        .collect();
    if own.is_empty() {
        return Vec::new();
    }
    if let Some(value) = own
        .last()
        .filter(|_| own.len() > 1)
        .and_then(|name| option(code, name))
    {
        return vec![value];
    }
    if deep < NAMES_DEEP_MAX {
        for (place, name) in own.iter().rev().enumerate() {
            // Of a thing that is not known, what it keeps there is known by its name alone.
            if place > 0 && own.last().is_some_and(|last| is_scratch(last)) {
                break;
            }
            let found: Vec<String> = set_before(code, name, at)
                .into_iter()
                .flat_map(|(from, end)| expression(code, from, end, deep + 1))
                .take(VALUES_MAX)
                .collect();
            let unseen = found.iter().all(|one| one.starts_with(UNKNOWN));
            if !(found.is_empty() || unseen && is_scratch(name)) {
                return found;
            }
        }
    }
    match own.iter().any(|name| is_scratch(name)) {
        true => vec![MADE.to_owned()],
        false => vec![UNKNOWN.to_string()],
    }
}

/// A text with what is put into it: `{name}`, `${name}`, `#{name}`.
pub(super) fn filled(code: &Code, at: usize, text: &str, deep: u32) -> String {
    let prefixed = at > 0
        && matches!(&code.tokens[at - 1], Token::Name(name) if matches!(name.as_str(), "f" | "rf" | "fr" | "F"));
    let mark = match code.language {
        Language::Python if prefixed => "{",
        Language::JavaScript => "${",
        Language::Ruby => "#{",
        Language::Python | Language::Perl | Language::Php | Language::Braces | Language::Other => {
            return text.to_owned();
        }
    };
    let mut parts = text.split(mark);
    let mut filled = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let (inner, rest) = part.split_once('}').unwrap_or((part, ""));
        let name = inner.trim().rsplit('.').next().unwrap_or("");
        let plain = name.chars().all(|one| one.is_alphanumeric() || one == '_');
        let mut found = Vec::new();
        if plain && !name.is_empty() && deep < NAMES_DEEP_MAX {
            for (from, end) in places(code, name) {
                if !(from <= at && at < end) {
                    found.append(&mut expression(code, from, end, deep + 1));
                }
            }
        }
        match (found.as_slice(), plain && is_scratch(name)) {
            ([one], _) => filled.push_str(one),
            ([], true) => filled.push_str(MADE),
            _ => filled.push(UNKNOWN),
        }
        filled.push_str(rest);
    }
    filled
}
