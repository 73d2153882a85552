//! Files of programs that a command starts, and the modules beside them: read where nobody but the agent answers for them.

use safeguard_api::guard::GuardFinding;

use super::notebook::Notebook;
use super::tokens::{Language, Token};
use super::{Code, Interpreter, program};
use crate::shell::options::leading_options;
use crate::shell::paths::{Root, Spot};
use crate::shell::rules::{INLINE_CODE, Invocation, UNSEEN_SCRIPT};
use crate::shell::walk::{Stdin, Walk};
use crate::shell::word::shown;

/// A longer file is not read.
const PROGRAM_BYTES_MAX: usize = 1 << 19;
/// Modules that take in modules.
const IMPORTS_DEEP_MAX: u32 = 2;

const ENDINGS: &[(&str, Language)] = &[
    ("cjs", Language::JavaScript),
    ("cs", Language::Braces),
    ("csx", Language::Braces),
    ("cts", Language::JavaScript),
    ("ex", Language::Other),
    ("exs", Language::Other),
    ("go", Language::Braces),
    ("groovy", Language::Braces),
    ("ipynb", Language::Python),
    ("java", Language::Braces),
    ("jl", Language::Other),
    ("js", Language::JavaScript),
    ("jsx", Language::JavaScript),
    ("kts", Language::Braces),
    ("lua", Language::Other),
    ("mjs", Language::JavaScript),
    ("mts", Language::JavaScript),
    ("php", Language::Php),
    ("pl", Language::Perl),
    ("pm", Language::Perl),
    ("py", Language::Python),
    ("pyw", Language::Python),
    ("r", Language::Other),
    ("rb", Language::Ruby),
    ("swift", Language::Braces),
    ("ts", Language::JavaScript),
    ("tsx", Language::JavaScript),
];
/// Programs that run the first file of code among their words.
const STARTERS: &[&str] = &[
    "accelerate",
    "bunx",
    "coverage",
    "dotnet",
    "dotnet-script",
    "electron",
    "esmo",
    "esno",
    "fastapi",
    "forever",
    "go",
    "java",
    "jbang",
    "jiti",
    "jupyter",
    "k6",
    "kernprof",
    "kotlin",
    "kotlinc",
    "marimo",
    "memray",
    "mprof",
    "nodemon",
    "papermill",
    "pm2",
    "rust-script",
    "scalene",
    "streamlit",
    "swift",
    "torchrun",
    "ts-node-dev",
    "ts-node-esm",
    "tsnd",
    "vite-node",
    "viztracer",
    "yarpm",
    "zx",
];
/// Modules of Python that run the file behind them.
const STARTING_MODULES: &[&str] = &[
    "IPython",
    "cProfile",
    "coverage",
    "memory_profiler",
    "pdb",
    "profile",
    "runpy",
    "scalene",
    "streamlit",
    "trace",
    "viztracer",
];

/// Whether a path ends as a program's source does.
pub(crate) fn is_program(path: &str) -> bool {
    by_ending(path).is_some()
}

fn by_ending(path: &str) -> Option<Language> {
    let (_, ending) = path.rsplit_once('.')?;
    let ending = ending.to_lowercase();
    ENDINGS
        .iter()
        .find(|(known, _)| *known == ending)
        .map(|(_, language)| *language)
}

/// By the first line, or without one by the name.
fn language(path: &str, text: &str) -> Option<Language> {
    const NAMES: &[(&str, Language)] = &[
        ("bun", Language::JavaScript),
        ("deno", Language::JavaScript),
        ("node", Language::JavaScript),
        ("perl", Language::Perl),
        ("php", Language::Php),
        ("python", Language::Python),
        ("ruby", Language::Ruby),
        ("ts-node", Language::JavaScript),
        ("tsx", Language::JavaScript),
        ("uv", Language::Python),
        ("zx", Language::JavaScript),
    ];
    let first = text.lines().next().and_then(|first| first.strip_prefix("#!"));
    let words = first.into_iter().flat_map(|first| first.split(['/', ' ']));
    let mut named = words.filter_map(|word| {
        let name = word
            .trim()
            .trim_end_matches(|one: char| one.is_ascii_digit() || one == '.');
        NAMES.iter().find(|(known, _)| *known == name)
    });
    named
        .next()
        .map(|(_, language)| *language)
        .or_else(|| by_ending(path))
}

/// The files of code that an invocation runs.
pub(super) fn started(
    invocation: &Invocation,
    interpreter: Option<&Interpreter>,
) -> Result<Vec<String>, GuardFinding> {
    let words: Vec<&str> = invocation.args.iter().map(|word| word.text.as_str()).collect();
    let first_program = |from: usize| words.iter().skip(from).find(|word| is_program(word));
    let owned = |word: &&str| vec![(*word).to_owned()];
    if let Some(at) = words.iter().take(2).position(|word| *word == "runscript") {
        let script = words.get(at + 1).map(|name| format!("scripts/{name}.py"));
        return Ok(script.into_iter().collect());
    }
    if invocation.is(&["rails"]) && matches!(words.first(), Some(&"runner" | &"r")) {
        return Ok(first_program(1).map_or(Vec::new(), owned));
    }
    let console = |word: &&str| matches!(*word, "shell" | "shell_plus" | "console" | "tinker" | "c");
    if let (Some(_), Stdin::File(path)) = (words.iter().take(2).find(|word| console(word)), &invocation.stdin)
    {
        return Ok(vec![path.clone()]);
    }
    if invocation.is(STARTERS) {
        return Ok(match invocation.program.as_str() {
            // All files of one program.
            "go" | "java" => words
                .iter()
                .filter(|word| is_program(word))
                .map(|word| (*word).to_owned())
                .collect(),
            _ => first_program(0).map_or(Vec::new(), owned),
        });
    }
    let Some(interpreter) = interpreter else {
        return Ok(Vec::new());
    };
    let all = [interpreter.code, interpreter.with_value].concat();
    let mut given = leading_options(&invocation.args, &all);
    let taken = [super::PRELOAD, &["-I"]].concat();
    let mut found: Vec<String> = given
        .values(&taken)
        .map(|word| word.text.clone())
        .filter(|text| text.starts_with(['.', '/']))
        .collect();
    if interpreter.language == Language::Perl {
        let modules = given
            .values(&["-M"])
            .map(|word| word.text.trim_start_matches('-'));
        let modules = modules.map(|name| name.split('=').next().unwrap_or("").replace("::", "/"));
        found.extend(modules.flat_map(|path| [format!("{path}.pm"), format!("lib/{path}.pm")]));
    }
    if let Some(module) = given.values(&["-m"]).next() {
        let module = module.text.as_str();
        if STARTING_MODULES.contains(&module) {
            found.extend(first_program(0).map(|word| (*word).to_owned()));
        } else {
            let path = module.replace('.', "/");
            found.extend([format!("{path}.py"), format!("{path}/__main__.py")]);
        }
        return Ok(found);
    }
    if given.any(interpreter.code) {
        return Ok(found);
    }
    // Words of their own before the file.
    const OWN: &[&str] = &["inspect", "run", "watch", "x"];
    let mut from = 0;
    while let Some((at, _)) = given
        .rest
        .first()
        .filter(|(_, word)| OWN.contains(&word.text.as_str()))
    {
        from += at + 1;
        given = leading_options(&invocation.args[from..], &all);
    }
    match (given.rest.first(), &invocation.stdin) {
        (None, Stdin::File(path)) => found.push(path.clone()),
        (Some((_, word)), Stdin::File(path)) if matches!(word.text.as_str(), "-" | "/dev/stdin") => {
            found.push(path.clone());
        }
        (Some((_, word)), _) if [".pyc", ".pyo"].iter().any(|ending| word.text.ends_with(ending)) => {
            return Err(UNSEEN_SCRIPT.finding("runs compiled code, which nobody can read"));
        }
        (Some((_, word)), _) => found.push(word.text.clone()),
        (None, _) => {}
    }
    Ok(found)
}

/// Judges files of code and what they take in; returns the commands that they would run.
pub(super) fn run(
    walk: &mut Walk<'_>,
    invocation: &Invocation,
    paths: Vec<String>,
    hint: Option<Language>,
) -> Result<Vec<String>, GuardFinding> {
    let mut runs = Vec::new();
    for path in paths {
        for path in ways(&path, hint) {
            let spot = place(invocation, &path);
            let Some(text) = walk.script(&path, &spot) else {
                continue;
            };
            // Shells are asked about elsewhere.
            if let Some(language) = language(&path, &text).or(hint) {
                runs.append(&mut judged(walk, invocation, &spot, &text, language, 0)?);
            }
        }
    }
    Ok(runs)
}

/// A file in a container is mostly the project's own.
fn place(invocation: &Invocation, path: &str) -> Spot {
    match invocation.folder == Spot::unknown() && !path.starts_with(['/', '~']) {
        true => Spot::project().to(path, None),
        false => invocation.spot(path),
    }
}

/// Names under which a file may lie.
fn ways(path: &str, language: Option<Language>) -> Vec<String> {
    let mut found = vec![path.to_owned()];
    let endings: &[&str] = match language {
        Some(Language::JavaScript) => &[
            ".js",
            ".ts",
            ".mjs",
            ".cjs",
            ".mts",
            ".tsx",
            "/index.js",
            "/index.ts",
            "/index.mjs",
        ],
        Some(Language::Python) if !path.contains('.') => &["/__main__.py"],
        Some(Language::Ruby) => &[".rb"],
        Some(_) | None => &[],
    };
    if !is_program(path) {
        let folder = path.trim_end_matches('/');
        found.extend(endings.iter().map(|ending| format!("{folder}{ending}")));
    } else if let Some(name) = path
        .strip_suffix(".js")
        .filter(|_| language == Some(Language::JavaScript))
    {
        // What is compiled later is named by what it will be.
        found.extend([format!("{name}.ts"), format!("{name}.tsx")]);
    }
    found
}

fn judged(
    walk: &mut Walk<'_>,
    invocation: &Invocation,
    spot: &Spot,
    text: &str,
    language: Language,
    deep: u32,
) -> Result<Vec<String>, GuardFinding> {
    let name = shown(&spot.shown());
    if !walk.judged.insert(spot.shown()) {
        return Ok(Vec::new());
    }
    if text.len() > PROGRAM_BYTES_MAX {
        let does = format!("runs `{name}`, which is longer than {PROGRAM_BYTES_MAX} bytes");
        return Err(INLINE_CODE.finding(&does));
    }
    if text.contains('\0') {
        return Err(UNSEEN_SCRIPT.finding(&format!("runs `{name}`, which is no text")));
    }
    let unread = || UNSEEN_SCRIPT.finding(&format!("runs `{name}`, whose cells can not be read"));
    let notebook = match spot.last().ends_with(".ipynb") {
        true => Some(Notebook::read(text).ok_or_else(unread)?),
        false => None,
    };
    let text = notebook.as_ref().map_or(text, |notebook| &notebook.code);
    let code = Code::of(text, language, folder(invocation, spot)).called_with(invocation);
    let mut runs = program::judge(walk, invocation, &code).map_err(|mut finding| {
        finding.message = format!("{}, in `{name}`", finding.message);
        finding
    })?;
    if deep < IMPORTS_DEEP_MAX {
        let mut above = spot.clone();
        above.parts.pop();
        runs.append(&mut modules(walk, invocation, &code, &above, deep + 1)?);
    }
    runs.extend(notebook.into_iter().flat_map(|notebook| notebook.commands));
    Ok(runs)
}

/// Judges what code takes in from beside it.
pub(super) fn modules(
    walk: &mut Walk<'_>,
    invocation: &Invocation,
    code: &Code,
    folder: &Spot,
    deep: u32,
) -> Result<Vec<String>, GuardFinding> {
    let project = invocation.project.as_deref();
    let mut runs = Vec::new();
    for path in taken_in(&code.tokens, code.language) {
        let here = folder.to(&path, project);
        let absolute = code.language == Language::Python && !path.starts_with('.');
        let from_root = absolute.then(|| place(invocation, &path));
        for spot in std::iter::once(here).chain(from_root) {
            for way in ways(
                &spot.shown(),
                Some(code.language).filter(|one| *one == Language::JavaScript),
            ) {
                let spot = match spot.root {
                    Root::Project => Spot::project().to(&way, project),
                    Root::Home | Root::System | Root::Unknown => spot.to(&way, project),
                };
                if let Some(text) = walk.module(&spot) {
                    let language = by_ending(spot.last()).unwrap_or(code.language);
                    runs.append(&mut judged(walk, invocation, &spot, &text, language, deep)?);
                }
            }
        }
    }
    Ok(runs)
}

/// The paths of modules that a piece of code names.
fn taken_in(tokens: &[Token], language: Language) -> Vec<String> {
    let mut found = Vec::new();
    let name = |at: usize| match tokens.get(at) {
        Some(Token::Name(name)) => Some(name.as_str()),
        Some(Token::Text(_) | Token::Command(_) | Token::Sign(_)) | None => None,
    };
    for at in 0..tokens.len() {
        let Some(word) = name(at) else { continue };
        match (language, word) {
            (Language::Python, "from" | "import")
                if at == 0 || matches!(tokens[at - 1], Token::Sign('\n' | ';' | ':')) =>
            {
                found.append(&mut of_python(tokens, at));
            }
            (Language::Python, "run_path" | "execfile") => {
                let text = [at + 1, at + 2].into_iter().find_map(|at| tokens.get(at)?.text());
                found.extend(text.map(str::to_owned));
            }
            (Language::JavaScript, "require" | "from" | "import") => {
                let text = [at + 1, at + 2].into_iter().find_map(|at| tokens.get(at)?.text());
                found.extend(text.filter(|text| text.starts_with('.')).map(str::to_owned));
            }
            (Language::Ruby, "require_relative" | "load" | "require") => {
                let text = [at + 1, at + 2].into_iter().find_map(|at| tokens.get(at)?.text());
                let text = text.filter(|text| word != "require" || text.starts_with('.'));
                let ended = |text: &str| format!("{}.rb", text.trim_end_matches(".rb"));
                found.extend(text.map(ended));
            }
            (Language::Php, "require" | "require_once" | "include" | "include_once")
            | (Language::Perl, "require" | "do") => {
                let text = (at + 1..at + 6).find_map(|at| tokens.get(at)?.text());
                found.extend(
                    text.filter(|text| is_program(text))
                        .map(|text| text.trim_start_matches('/').to_owned()),
                );
            }
            (Language::Perl, "use") => found.extend(name(at + 1).map(|module| format!("{module}.pm"))),
            (Language::Other, "dofile" | "source" | "include") => {
                let text = [at + 1, at + 2].into_iter().find_map(|at| tokens.get(at)?.text());
                found.extend(text.filter(|text| is_program(text)).map(str::to_owned));
            }
            _ => {}
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// `import a.b, c` and `from .a import b, c`, as paths.
fn of_python(tokens: &[Token], at: usize) -> Vec<String> {
    let line = tokens[at..]
        .iter()
        .take_while(|token| **token != Token::Sign('\n') && **token != Token::Sign(';'));
    let mut words = vec![String::new()];
    for token in line.skip(1) {
        match token {
            Token::Sign('.') => words.last_mut().into_iter().for_each(|word| word.push('.')),
            Token::Name(name) => match words.last_mut() {
                Some(word) if word.is_empty() || word.ends_with('.') && name != "import" => {
                    word.push_str(name)
                }
                _ => words.push(name.clone()),
            },
            Token::Sign(_) | Token::Text(_) | Token::Command(_) => words.push(String::new()),
        }
    }
    words.retain(|word| !word.is_empty());
    let path = |module: &str| {
        let dots = module.len() - module.trim_start_matches('.').len();
        let ups = match dots {
            0 => String::new(),
            dots => format!("./{}", "../".repeat(dots - 1)),
        };
        format!("{ups}{}", module.trim_start_matches('.').replace('.', "/"))
    };
    let files = |path: String| [format!("{path}.py"), format!("{path}/__init__.py")];
    match tokens.get(at) {
        Some(Token::Name(from)) if from == "from" => {
            let Some((module, names)) = words.split_first() else {
                return Vec::new();
            };
            let module = path(module);
            let below = names
                .iter()
                .filter(|name| !matches!(name.as_str(), "import" | "as"));
            let below = below.map(|name| format!("{}/{name}.py", module.trim_end_matches('/')));
            let mut found: Vec<String> = below.collect();
            if !module.ends_with('/') {
                found.extend(files(module));
            }
            found
        }
        _ => words
            .iter()
            .filter(|word| *word != "as")
            .flat_map(|word| files(path(word)))
            .collect(),
    }
}

/// Where a file lies, as its code would say it.
fn folder(invocation: &Invocation, spot: &Spot) -> String {
    let mut above = spot.clone();
    above.parts.pop();
    match (above.root, invocation.project.as_deref()) {
        (Root::Project, Some(project)) => {
            format!("{}/{}", project.trim_end_matches('/'), above.parts.join("/"))
                .trim_end_matches('/')
                .to_owned()
        }
        (Root::Project | Root::Home | Root::System | Root::Unknown, _) => above.shown(),
    }
}
