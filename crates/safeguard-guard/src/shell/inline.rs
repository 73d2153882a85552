//! Lines of code in a command, as of `python -c`: what they clearly remove, run or send is asked about like a command.
//!
//! This is no parser of these languages: names, texts and signs are told apart, and a call is judged by its name and the
//! texts in its brackets. What is put together elsewhere is not seen; a name that runs texts of its own making is refused.

mod calls;
mod files;
mod hidden;
mod literals;
mod names;
mod notebook;
mod program;
mod removes;
mod tokens;
mod values;

use std::cell::Cell;
use std::collections::BTreeMap;

use safeguard_api::guard::GuardFinding;

use self::calls::{Call, call};
pub(crate) use self::files::is_program;
use self::hidden::hidden;
use self::literals::{literal, written};
use self::removes::removes;
use self::tokens::{Language, Token, aliases, path_at, tokens};
use super::options::{leading_options, options};
use super::rules::{self, INLINE_CODE, Invocation};
use super::unwrap::Within;
use super::walk::{Stdin, Walk};
use super::word::UNKNOWN;

/// A longer piece of code is not read.
const CODE_BYTES_MAX: usize = 1 << 17;

/// A piece of code on its way to be judged.
struct Code {
    tokens: Vec<Token>,
    aliases: BTreeMap<String, String>,
    language: Language,
    /// Where its file lies, or where it would run.
    folder: String,
    /// The words of the command that starts it, behind the one that names its file.
    words: Vec<String>,
    /// Where each name stands.
    names: BTreeMap<String, Vec<usize>>,
    /// How many expressions may still be worked out: names stand for names that stand for names.
    expressions_left: Cell<u32>,
}

impl Code {
    fn of(text: &str, language: Language, folder: String) -> Code {
        const EXPRESSIONS_MAX: u32 = 4_000;
        let tokens = tokens(text, language);
        let mut names: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, token) in tokens.iter().enumerate() {
            if let Token::Name(name) = token {
                let name = name.trim_start_matches('$').to_owned();
                names.entry(name).or_default().push(at);
            }
        }
        Code {
            aliases: calls::renamed(&tokens),
            tokens,
            language,
            folder,
            words: Vec::new(),
            names,
            expressions_left: Cell::new(EXPRESSIONS_MAX),
        }
    }

    /// Where a name stands.
    fn places_of(&self, name: &str) -> &[usize] {
        self.names.get(name).map_or(&[], Vec::as_slice)
    }

    fn called_with(mut self, invocation: &Invocation) -> Code {
        let words = invocation.args.iter().map(|word| word.text.clone());
        let file = invocation.args.iter().position(|word| is_program(&word.text));
        self.words = words.skip(file.map_or(0, |at| at + 1)).collect();
        self
    }
}

/// Options of JavaScript's programs that run a module before the program.
const PRELOAD: &[&str] = &["-r", "--require", "--import", "--loader", "--experimental-loader"];

struct Interpreter {
    programs: &'static [&'static str],
    language: Language,
    /// Options with code.
    code: &'static [&'static str],
    with_value: &'static [&'static str],
}

const INTERPRETERS: &[Interpreter] = &[
    Interpreter {
        programs: &["python", "python2", "python3", "pypy", "pypy3", "ipython"],
        language: Language::Python,
        code: &["-c"],
        with_value: &["-m", "-W", "-X"],
    },
    Interpreter {
        programs: &["node", "nodejs", "deno", "bun", "tsx", "ts-node"],
        language: Language::JavaScript,
        code: &["-e", "-p", "-pe", "--eval", "--print"],
        with_value: PRELOAD,
    },
    Interpreter {
        programs: &["perl"],
        language: Language::Perl,
        code: &["-e", "-E"],
        with_value: &["-I", "-M"],
    },
    Interpreter {
        programs: &["ruby", "jruby"],
        language: Language::Ruby,
        code: &["-e"],
        with_value: &["-I", "-r"],
    },
    Interpreter {
        programs: &["php"],
        language: Language::Php,
        code: &["-r", "-B", "-R", "-E"],
        with_value: &["-d", "-c", "-f"],
    },
    Interpreter {
        programs: &[
            "lua",
            "luajit",
            "rscript",
            "elixir",
            "osascript",
            "r",
            "groovy",
            "julia",
            "scala",
        ],
        language: Language::Other,
        code: &["-e", "--eval"],
        with_value: &[],
    },
];

/// Judges the code in an invocation; returns the commands that it would run.
pub(crate) fn look(walk: &mut Walk<'_>, invocation: &Invocation) -> Result<Vec<Within>, GuardFinding> {
    let mut found = Vec::new();
    for (code, language) in code_of(walk, invocation)? {
        if code.trim_start().starts_with(UNKNOWN) {
            return Err(rules::UNSEEN_SCRIPT.finding("runs code that only shows when it runs"));
        }
        if code.len() > CODE_BYTES_MAX {
            return Err(INLINE_CODE.finding(&format!(
                "has {} bytes of code in it (limit {CODE_BYTES_MAX})",
                code.len()
            )));
        }
        found.append(&mut judge(walk, invocation, &code, language)?);
        note_scripts(walk, &tokens(&code, language));
        let code = Code::of(&code, language, ".".to_owned());
        let taken_in = files::modules(walk, invocation, &code, &invocation.folder, 1)?;
        found.extend(taken_in.into_iter().map(Within::OfCode));
    }
    let interpreter = interpreter(invocation);
    let paths = files::started(invocation, interpreter)?;
    let hint = interpreter.map(|one| one.language);
    let runs = files::run(walk, invocation, paths, hint)?;
    found.extend(runs.into_iter().map(Within::OfCode));
    Ok(found)
}

/// A script of a shell that code writes may hold any of its texts.
fn note_scripts(walk: &mut Walk<'_>, tokens: &[Token]) {
    let is_script = |text: &&str| {
        [".bash", ".sh"].iter().any(|ending| text.ends_with(ending)) && !text.contains([' ', '\n'])
    };
    let writes = |token: &Token| matches!(token, Token::Name(name) if name.to_lowercase().contains("write") || name == "open");
    if !tokens.iter().any(writes) {
        return;
    }
    let texts: Vec<&str> = tokens.iter().filter_map(Token::text).collect();
    for path in texts.iter().copied().filter(is_script) {
        let others: Vec<&str> = texts
            .iter()
            .copied()
            .filter(|text| *text != path && text.contains(' '))
            .collect();
        if !others.is_empty() {
            walk.note_written(path, Some(others.join("\n")));
        }
    }
}

/// Judges a script that is no shell's; returns the commands that it would run.
pub(crate) fn script(
    walk: &mut Walk<'_>,
    invocation: &Invocation,
    path: &str,
) -> Result<Vec<String>, GuardFinding> {
    files::run(walk, invocation, vec![path.to_owned()], None)
}

fn interpreter(invocation: &Invocation) -> Option<&'static Interpreter> {
    let numbered = |name: &&str| {
        invocation
            .program
            .strip_prefix(*name)
            .is_some_and(|rest| rest.chars().all(|one| one.is_ascii_digit() || one == '.'))
    };
    INTERPRETERS.iter().find(|one| one.programs.iter().any(&numbered))
}

fn code_of(walk: &Walk<'_>, invocation: &Invocation) -> Result<Vec<(String, Language)>, GuardFinding> {
    let words: Vec<&str> = invocation.args.iter().map(|word| word.text.as_str()).collect();
    // Consoles of frameworks take code as well.
    let (language, names): (Language, &[&str]) = match (invocation.program.as_str(), words.as_slice()) {
        ("rails" | "gitlab-rails", ["runner" | "r", "-" | "/dev/stdin", ..]) => {
            return match &invocation.stdin {
                Stdin::Text(text) => Ok(vec![(text.clone(), Language::Ruby)]),
                Stdin::Unseen => Err(rules::UNSEEN_SCRIPT.finding("runs code that another program makes")),
                Stdin::Inherited | Stdin::File(_) => Ok(Vec::new()),
            };
        }
        ("rails" | "gitlab-rails", ["runner" | "r", code, ..]) if !is_program(code) => {
            return Ok(vec![((*code).to_owned(), Language::Ruby)]);
        }
        ("mix", ["run", ..]) => (Language::Other, &["-e", "--eval"]),
        ("deno", ["eval", code, ..]) => return Ok(vec![((*code).to_owned(), Language::JavaScript)]),
        ("php" | "artisan" | "sail", _) if words.contains(&"tinker") => (Language::Php, &["--execute"]),
        _ if words
            .iter()
            .take(2)
            .any(|word| matches!(*word, "shell" | "shell_plus")) =>
        {
            (Language::Python, &["-c", "--command"])
        }
        _ => (Language::Other, &[]),
    };
    let console = words
        .iter()
        .take(2)
        .any(|word| matches!(*word, "shell" | "shell_plus" | "console" | "tinker"));
    let console = console || (invocation.is(&["rails"]) && words.first() == Some(&"c"));
    if let Stdin::Text(text) = &invocation.stdin
        && console
    {
        let language = if invocation.is(&["rails"]) {
            Language::Ruby
        } else {
            language
        };
        return Ok(vec![(text.clone(), language)]);
    }
    let given = options(&invocation.args, names);
    let mut found: Vec<(String, Language)> = given
        .values(names)
        .map(|word| (word.text.clone(), language))
        .collect();
    let Some(interpreter) = interpreter(invocation) else {
        return Ok(found);
    };
    let all = [interpreter.code, interpreter.with_value].concat();
    let given = leading_options(&invocation.args, &all);
    found.extend(
        given
            .values(interpreter.code)
            .map(|word| (word.text.clone(), interpreter.language)),
    );
    for module in given
        .values(PRELOAD)
        .filter_map(|word| word.text.strip_prefix("data:"))
    {
        match module.split_once(',') {
            Some((kind, code)) if !kind.contains("base64") && !code.contains('%') => {
                found.push((code.to_owned(), interpreter.language));
            }
            Some(_) | None => return Err(rules::UNSEEN_SCRIPT.finding("runs code that is not in sight")),
        }
    }
    let first = given.rest.first().map(|(_, word)| word.text.as_str());
    let reads = found.is_empty() && !given.any(&["-m", "--version", "-V", "-v", "--help", "-h"]);
    match (first, &invocation.stdin) {
        // A file that the command itself has just written.
        (Some(file), _) if walk.written(file).is_some() => Ok(walk
            .written(file)
            .map(|text| (text.to_owned(), interpreter.language))
            .into_iter()
            .collect()),
        (Some(file), _) if file.starts_with("/dev/fd/") || walk.is_unseen(file) => {
            Err(rules::UNSEEN_SCRIPT.finding("runs code that is not in sight"))
        }
        (None | Some("-" | "/dev/stdin"), Stdin::Text(text)) if reads => {
            Ok(vec![(text.clone(), interpreter.language)])
        }
        (None | Some("-" | "/dev/stdin"), Stdin::Unseen) if reads => {
            Err(rules::UNSEEN_SCRIPT.finding("runs code that another program makes"))
        }
        _ => Ok(found),
    }
}

fn judge(
    walk: &Walk<'_>,
    invocation: &Invocation,
    code: &str,
    language: Language,
) -> Result<Vec<Within>, GuardFinding> {
    let tokens = tokens(code, language);
    for text in tokens.iter().filter_map(Token::text) {
        literal(walk, text, &tokens)?;
    }
    written(invocation, &tokens)?;
    hidden(code, &tokens)?;
    let aliases = aliases(&tokens);
    let mut runs = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if let Token::Command(text) = &tokens[at] {
            runs.push(text.clone());
        }
        let Some((path, after)) = path_at(&tokens, at, &aliases) else {
            at += 1;
            continue;
        };
        let bracket = tokens.get(after) == Some(&Token::Sign('('));
        let bare_words = matches!(
            language,
            Language::Perl | Language::Ruby | Language::Php | Language::Other
        ) && matches!(tokens.get(after), Some(Token::Text(_) | Token::Name(_)));
        let shown = path.replace(')', "(…)");
        match call(&path, language).filter(|_| bracket || bare_words) {
            None => {}
            Some(Call::Evaluates) => {
                return Err(INLINE_CODE.finding(&format!("runs a text as code by `{shown}`")));
            }
            Some(Call::TakesAway) => {
                return Err(INLINE_CODE.finding(&format!("takes away what others use by `{shown}`")));
            }
            Some(Call::RunsBy(program)) => {
                runs.push(format!("{program} {}", tokens::command(&tokens, after)));
            }
            Some(Call::DeletesRows) => {
                return Err(INLINE_CODE.finding(&format!("deletes rows or tables by `{shown}`")));
            }
            Some(Call::Removes { recursive }) => {
                removes(invocation, &tokens, (at, after), recursive, &shown)?
            }
            Some(Call::Runs) => {
                let mut command = tokens::command(&tokens, after);
                // Groovy has a text run itself.
                if let Some(text) = at.checked_sub(2).and_then(|at| tokens[at].text())
                    && command.is_empty()
                {
                    text.clone_into(&mut command);
                }
                if command.is_empty() {
                    return Err(INLINE_CODE.finding(&format!("runs what is not in sight by `{shown}`")));
                }
                runs.push(command);
            }
        }
        at = after;
    }
    let text = |text| Within::Text {
        text,
        elsewhere: false,
    };
    Ok(runs.into_iter().map(text).collect())
}
