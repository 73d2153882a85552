//! Lines of code in a command, as of `python -c`: what they clearly remove, run or send is asked about like a command.
//!
//! This is no parser of these languages: names, texts and signs are told apart, and a call is judged by its name and the
//! texts in its brackets. What is put together elsewhere is not seen; a name that runs texts of its own making is refused.

mod literals;
mod tokens;

use safeguard_api::guard::GuardFinding;

use self::literals::{literal, written};
use self::tokens::{Language, Token, aliases, path_at, tokens};
use super::options::options;
use super::rules::{self, INLINE_CODE, Invocation};
use super::unwrap::Within;
use super::walk::{Stdin, Walk};
use super::word::UNKNOWN;

/// A longer piece of code is not read.
const CODE_BYTES_MAX: usize = 1 << 17;

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
        with_value: &["-r", "--require", "--import", "--loader"],
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
    }
    Ok(found)
}

fn code_of(walk: &Walk<'_>, invocation: &Invocation) -> Result<Vec<(String, Language)>, GuardFinding> {
    let words: Vec<&str> = invocation.args.iter().map(|word| word.text.as_str()).collect();
    // Consoles of frameworks take code as well.
    let (language, names): (Language, &[&str]) = match (invocation.program.as_str(), words.as_slice()) {
        ("rails", ["runner" | "r", code, ..]) => return Ok(vec![((*code).to_owned(), Language::Ruby)]),
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
    let numbered = |name: &&str| {
        invocation
            .program
            .strip_prefix(*name)
            .is_some_and(|rest| rest.chars().all(|one| one.is_ascii_digit() || one == '.'))
    };
    let Some(interpreter) = INTERPRETERS.iter().find(|one| one.programs.iter().any(&numbered)) else {
        return Ok(found);
    };
    let all = [interpreter.code, interpreter.with_value].concat();
    let given = options(&invocation.args, &all);
    found.extend(
        given
            .values(interpreter.code)
            .map(|word| (word.text.clone(), interpreter.language)),
    );
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

/// What a call does by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Removes {
        recursive: bool,
    },
    Runs,
    /// Runs a text as code.
    Evaluates,
    DeletesRows,
}

/// Names that are dangerous whoever they belong to.
const STRONG: &[(&str, Call)] = &[
    ("rmtree", Call::Removes { recursive: true }),
    ("removedirs", Call::Removes { recursive: true }),
    ("rm_rf", Call::Removes { recursive: true }),
    ("rm_r", Call::Removes { recursive: true }),
    ("remove_tree", Call::Removes { recursive: true }),
    ("remove_entry_secure", Call::Removes { recursive: true }),
    ("rimraf", Call::Removes { recursive: true }),
    ("rmSync", Call::Removes { recursive: true }),
    ("rmdirSync", Call::Removes { recursive: true }),
    ("removeSync", Call::Removes { recursive: true }),
    ("emptyDirSync", Call::Removes { recursive: true }),
    ("unlinkSync", Call::Removes { recursive: false }),
    ("unlink", Call::Removes { recursive: false }),
    ("execSync", Call::Runs),
    ("spawnSync", Call::Runs),
    ("execFileSync", Call::Runs),
    ("shell_exec", Call::Runs),
    ("passthru", Call::Runs),
    ("proc_open", Call::Runs),
    ("popen", Call::Runs),
    ("Popen", Call::Runs),
    ("check_output", Call::Runs),
    ("check_call", Call::Runs),
    ("getoutput", Call::Runs),
    ("getstatusoutput", Call::Runs),
    ("__import__", Call::Evaluates),
    ("import_module", Call::Evaluates),
    ("drop_all", Call::DeletesRows),
    ("delete_all", Call::DeletesRows),
    ("destroy_all", Call::DeletesRows),
    ("dropDatabase", Call::DeletesRows),
    ("deleteMany", Call::DeletesRows),
    ("truncate_tables", Call::DeletesRows),
];

fn call(path: &str, language: Language) -> Option<Call> {
    let last = path.rsplit('.').next().unwrap_or(path);
    // R's takes folders as well.
    if language == Language::Other && path == "unlink" {
        return Some(Call::Removes { recursive: true });
    }
    if let Some((_, call)) = STRONG.iter().find(|(name, _)| *name == last) {
        return Some(*call);
    }
    let of = |owner: &str| {
        path.strip_suffix(last)
            .is_some_and(|before| before.trim_end_matches('.').ends_with(owner))
    };
    let bare = path == last;
    let recursive = |recursive| Some(Call::Removes { recursive });
    match (language, last) {
        (_, "rmdir") if of("fs") || of("promises") || of("fsp") => recursive(true),
        (Language::Other, "rm" | "unlink" | "rmdir") if bare => recursive(true),
        (Language::Other, "execute") if path.contains(')') || bare => Some(Call::Runs),
        (_, "remove" | "removeSync") if of("os") || of("Deno") => recursive(of("Deno")),
        (_, last) if of("FileUtils") && (last.starts_with("rm") || last.starts_with("remove")) => {
            recursive(true)
        }
        (
            Language::Ruby | Language::Php,
            "truncate" | "drop_table" | "drop_database" | "delete_by" | "destroy_by",
        ) => Some(Call::DeletesRows),
        (Language::Php, "delete" | "forceDelete" | "dropIfExists" | "destroy") => Some(Call::DeletesRows),
        (Language::Perl, "qx") => Some(Call::Evaluates),
        (_, "rm") if of("fs") || of("promises") || of("fsp") || of("FileUtils") => {
            recursive(!of("FileUtils"))
        }
        (_, "removeSync" | "emptyDirSync" | "emptyDir" | "remove") if of("fse") || of("fs") => {
            recursive(true)
        }
        (_, "delete") if of("File") || of("Dir") => recursive(false),
        (_, "delete") if path.contains("objects") || path.contains("query") => Some(Call::DeletesRows),
        (Language::JavaScript, "rm") if bare => recursive(true),
        (_, "run" | "call") if of("subprocess") => Some(Call::Runs),
        (_, "system") if !of("platform") => Some(Call::Runs),
        (_, "execute") if of("os") => Some(Call::Runs),
        (Language::Python, "eval" | "exec" | "compile") if bare => Some(Call::Evaluates),
        (Language::Python, last) if of("os") && (last.starts_with("exec") || last.starts_with("spawn")) => {
            Some(Call::Runs)
        }
        (Language::Python, "spawn") if of("pty") => Some(Call::Runs),
        (Language::JavaScript, "eval" | "Function") if bare => Some(Call::Evaluates),
        (Language::JavaScript, "exec" | "spawn" | "execFile" | "fork")
            if bare || of("child_process") || of("cp") || path.contains(')') =>
        {
            Some(Call::Runs)
        }
        (_, "Command" | "run") if of("Deno") => Some(Call::Runs),
        (_, "spawn") if of("Bun") || of("Process") => Some(Call::Runs),
        (Language::Perl | Language::Ruby | Language::Php, "exec" | "qx" | "capture2" | "capture3") => {
            Some(Call::Runs)
        }
        (Language::Perl | Language::Ruby | Language::Php, "eval") => Some(Call::Evaluates),
        _ => None,
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

/// A path in the brackets, or in those before the call as in `Path("x").unlink()`, is judged as `rm` would be.
fn removes(
    invocation: &Invocation,
    tokens: &[Token],
    (at, after): (usize, usize),
    recursive: bool,
    shown: &str,
) -> Result<(), GuardFinding> {
    let argument = match tokens.get(after) {
        Some(Token::Sign('(')) => tokens.get(after + 1),
        other => other,
    };
    let ends = |token: Option<&Token>| matches!(token, Some(Token::Sign(')' | ',' | ';' | '\n')) | None);
    let behind = match tokens.get(after) {
        Some(Token::Sign('(')) => tokens.get(after + 2),
        _ => tokens.get(after + 1),
    };
    if let Some(Token::Name(name)) = argument
        && ends(behind)
        && is_for_a_while(tokens, name)
    {
        return Ok(());
    }
    let before = at.checked_sub(3).and_then(|from| tokens.get(from));
    let called_on = at.checked_sub(2).is_some_and(|at| tokens[at] == Token::Sign(')'));
    let text = match (argument.and_then(Token::text), before.and_then(Token::text)) {
        (Some(text), _) if ends(behind) => text,
        (None, Some(text)) if called_on && argument == Some(&Token::Sign(')')) => text,
        _ => return Err(INLINE_CODE.finding(&format!("removes what only shows when it runs by `{shown}`"))),
    };
    let end = |token: &&Token| !matches!(token, Token::Sign(')' | ';' | '\n'));
    let more = tokens[after..].iter().take_while(end).filter_map(Token::text);
    for text in std::iter::once(text).chain(more) {
        if let Some(does) = rules::removed_by_code(invocation, text, recursive) {
            return Err(INLINE_CODE.finding(&format!("{does} by `{shown}`")));
        }
    }
    Ok(())
}

/// Whether a name only ever stands for a folder that was made to be removed.
fn is_for_a_while(tokens: &[Token], name: &str) -> bool {
    let sets = |at: &usize| {
        matches!(&tokens[*at], Token::Name(found) if found == name)
            && tokens.get(at + 1) == Some(&Token::Sign('='))
    };
    let is_made = |at: usize| {
        let made = |token: &Token| matches!(token, Token::Name(name) if matches!(name.as_str(), "mkdtemp" | "mkdtempSync"));
        tokens[at + 2..]
            .iter()
            .take_while(|token| !matches!(token, Token::Sign(';' | '\n' | ',')))
            .any(made)
    };
    let mut places = (0..tokens.len()).filter(sets).peekable();
    places.peek().is_some() && places.all(is_made)
}

/// A dangerous name that stands in a text, or is handed around rather than called, is not in sight.
fn hidden(code: &str, tokens: &[Token]) -> Result<(), GuardFinding> {
    let is_name = |one: char| one.is_alphanumeric() || one == '_';
    for (name, _) in STRONG
        .iter()
        .filter(|(name, _)| !matches!(*name, "unlink" | "popen"))
    {
        let written = code.split(|one: char| !is_name(one)).any(|word| word == *name);
        let mut called = false;
        let mut renamed = false;
        for (at, token) in tokens.iter().enumerate() {
            if matches!(token, Token::Name(found) if found == name) {
                called |= matches!(tokens.get(at + 1), Some(Token::Sign('(') | Token::Text(_)));
                renamed |= matches!(tokens.get(at + 1), Some(Token::Sign(':')));
            }
        }
        let commented = !tokens.iter().any(|token| match token {
            Token::Name(found) => found == name,
            Token::Text(text) | Token::Command(text) => text.contains(name),
            Token::Sign(_) => false,
        });
        if written && !commented && (!called || renamed) {
            return Err(INLINE_CODE.finding(&format!("hands `{name}` around instead of calling it")));
        }
    }
    let module = tokens.iter().any(
        |token| matches!(token, Token::Text(text) if text.trim_start_matches("node:") == "child_process"),
    );
    let computed = tokens.windows(3).any(|three| {
        matches!(&three[0], Token::Text(text) if matches!(text.trim_start_matches("node:"), "fs" | "child_process" | "fs/promises"))
            && three[1..] == [Token::Sign(')'), Token::Sign('[')]
    });
    if computed {
        return Err(INLINE_CODE.finding("calls what only shows when it runs"));
    }
    let calls = |token: &Token| matches!(token, Token::Name(name) if matches!(name.as_str(), "exec" | "spawn" | "execFile" | "fork" | "execSync" | "spawnSync" | "execFileSync"));
    if module && !tokens.iter().any(calls) {
        return Err(INLINE_CODE.finding(&format!(
            "runs what is not in sight{}",
            if code.contains(UNKNOWN) { " yet" } else { "" }
        )));
    }
    Ok(())
}
