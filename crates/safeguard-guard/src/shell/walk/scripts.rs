//! Texts of commands that lie in files: scripts of shells, of `package.json`, and recipes of a `Makefile`.

use super::{Stdin, Walk};
use crate::shell::inline;
use crate::shell::rules::Invocation;
use crate::shell::unwrap::SHELLS;

/// What a command runs by a name that a file gives it, where nobody but the agent answers for that file.
pub(super) fn named(walk: &mut Walk<'_>, invocation: &Invocation) -> Option<String> {
    match invocation.program.as_str() {
        "npm" | "pnpm" | "yarn" | "bun" => package_script(walk, invocation),
        "composer" => composer_script(walk, invocation),
        "make" | "gmake" => recipes(walk, invocation),
        "just" => just(walk, invocation),
        "git" => hooks(walk, invocation),
        _ => None,
    }
}

/// By its first line, or without one by its name.
pub(super) fn is_of_a_shell(path: &str, text: &str) -> bool {
    const OTHERS: &[&str] = &["fish", "nu", "ps1"];
    // A shell takes it for a program.
    if text.lines().next().is_some_and(|first| first.contains('\0')) {
        return false;
    }
    match text.lines().next().and_then(|first| first.strip_prefix("#!")) {
        Some(interpreter) => interpreter
            .split(['/', ' '])
            .any(|word| SHELLS.contains(&word.trim())),
        None => {
            let other = path
                .rsplit_once('.')
                .is_some_and(|(_, ending)| OTHERS.contains(&ending));
            !other && !inline::is_program(path)
        }
    }
}

/// What `npm run NAME` would run, where nobody but the agent answers for `package.json`.
fn package_script(walk: &mut Walk<'_>, invocation: &Invocation) -> Option<String> {
    const ELSEWHERE: &[&str] = &[
        "-C",
        "--prefix",
        "--dir",
        "--cwd",
        "-w",
        "--workspace",
        "--filter",
    ];
    let options = invocation.options(ELSEWHERE);
    let name = match options.words().as_slice() {
        ["run" | "run-script", name, ..] => (*name).to_owned(),
        ["test" | "t", ..] => "test".to_owned(),
        [name @ ("start" | "stop" | "restart"), ..] => (*name).to_owned(),
        [name, ..] if !invocation.is(&["npm"]) => (*name).to_owned(),
        _ => return None,
    };
    if options.any(ELSEWHERE) {
        return None;
    }
    let text = walk.script("package.json", &invocation.spot("package.json"))?;
    let package: serde_json::Value = serde_json::from_str(&text).ok()?;
    let scripts = package.get("scripts")?;
    let lines = [format!("pre{name}"), name.clone(), format!("post{name}")];
    let lines: Vec<&str> = lines
        .iter()
        .filter_map(|name| scripts.get(name)?.as_str())
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Hooks that the project keeps beside git's own, and git runs by itself.
fn hooks(walk: &mut Walk<'_>, invocation: &Invocation) -> Option<String> {
    let names: &[&str] = match invocation.options(&["-C", "-c"]).words().first() {
        Some(&"commit") => &["pre-commit", "commit-msg", "prepare-commit-msg"],
        Some(&"push") => &["pre-push"],
        _ => return None,
    };
    let paths =
        [".husky", ".githooks"].map(|folder| names.iter().map(move |name| format!("{folder}/{name}")));
    let mut texts = Vec::new();
    for path in paths.into_iter().flatten() {
        let text = walk.script(&path, &invocation.spot(&path));
        texts.extend(text.filter(|text| is_of_a_shell(&path, text)));
    }
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// What `composer run NAME` would run; a script is a text or a list of texts.
fn composer_script(walk: &mut Walk<'_>, invocation: &Invocation) -> Option<String> {
    let options = invocation.options(&["-d", "--working-dir"]);
    let name = match options.words().as_slice() {
        ["run" | "run-script" | "exec", name, ..] | [name, ..] => (*name).to_owned(),
        [] => return None,
    };
    let text = walk.script("composer.json", &invocation.spot("composer.json"))?;
    let package: serde_json::Value = serde_json::from_str(&text).ok()?;
    let script = package.get("scripts")?.get(&name)?;
    let lines: Vec<&str> = match script.as_array() {
        Some(lines) => lines.iter().filter_map(|line| line.as_str()).collect(),
        None => script.as_str().into_iter().collect(),
    };
    // `@php` and its like name other scripts and programs.
    let lines: Vec<&str> = lines
        .into_iter()
        .map(|line| line.trim_start_matches('@'))
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The recipes of the targets that are asked for, and of those that they need. What `make` itself puts together is not known.
fn recipes(walk: &mut Walk<'_>, invocation: &Invocation) -> Option<String> {
    let with_value = [
        "-C",
        "--directory",
        "-f",
        "--file",
        "--makefile",
        "-j",
        "-o",
        "-W",
    ];
    let options = invocation.options(&with_value);
    let mut folder = invocation.folder.clone();
    for into in options.values(&["-C", "--directory"]) {
        folder = folder.to(&into.text, invocation.project.as_deref());
    }
    let given = options.values(&["-f", "--file", "--makefile"]).next();
    let name = given.map_or("Makefile", |file| file.text.as_str());
    let text = match (name, &invocation.stdin) {
        ("-" | "/dev/stdin", Stdin::Text(text)) => text.clone(),
        _ => walk.script(name, &folder.to(name, invocation.project.as_deref()))?,
    };
    asked_for(&rules_of(&text), &options.words())
}

/// A target, what it needs, and its recipe.
type Recipe<'t> = (&'t str, Vec<&'t str>, String);

/// The recipes of what is asked for and of what that needs; of the first target where nothing is.
fn asked_for(rules: &[Recipe<'_>], asked: &[&str]) -> Option<String> {
    let mut open: Vec<&str> = asked.iter().copied().filter(|word| !word.contains('=')).collect();
    if open.is_empty() {
        open.extend(
            rules
                .iter()
                .map(|(target, ..)| *target)
                .find(|target| !target.starts_with('.')),
        );
    }
    let mut met: Vec<&str> = Vec::new();
    let mut lines = String::new();
    while let Some(target) = open.pop() {
        if met.contains(&target) {
            continue;
        }
        met.push(target);
        for (_, needs, recipe) in rules.iter().filter(|(name, ..)| *name == target) {
            open.extend(needs);
            lines.push_str(recipe);
        }
    }
    (!lines.is_empty()).then_some(lines)
}

/// The recipes of a `justfile`.
fn just(walk: &mut Walk<'_>, invocation: &Invocation) -> Option<String> {
    let with_value = ["-f", "--justfile", "-d", "--working-directory", "--set"];
    let options = invocation.options(&with_value);
    let given = options.values(&["-f", "--justfile"]).next();
    let names = match given {
        Some(file) => vec![file.text.clone()],
        None => ["justfile", "Justfile", ".justfile"].map(str::to_owned).to_vec(),
    };
    let text = match (names.first().map(String::as_str), &invocation.stdin) {
        (Some("-" | "/dev/stdin"), Stdin::Text(text)) => text.clone(),
        _ => names
            .iter()
            .find_map(|name| walk.script(name, &invocation.spot(name)))?,
    };
    let mut recipes: Vec<Recipe<'_>> = Vec::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        match (line.starts_with([' ', '\t']), line.split_once(':')) {
            (true, _) => {
                if let Some((.., recipe)) = recipes.last_mut() {
                    let command = line.trim().trim_start_matches(['@', '-']);
                    recipe.push_str(&command.replace("{{", "${").replace("}}", "}"));
                    recipe.push('\n');
                }
            }
            (false, Some((head, needs))) if !needs.starts_with('=') => {
                let name = head
                    .trim_start_matches('@')
                    .split_whitespace()
                    .next()
                    .unwrap_or("");
                recipes.push((name, needs.split_whitespace().collect(), String::new()));
            }
            (false, _) => {}
        }
    }
    asked_for(&recipes, &options.words())
}

/// Each target with what it needs and its recipe, as a shell gets it; a variable of `make` is one that the shell does not know.
fn rules_of(text: &str) -> Vec<Recipe<'_>> {
    let mut rules: Vec<Recipe<'_>> = Vec::new();
    let mut current = 0;
    for line in text.lines() {
        if let Some(command) = line.strip_prefix('\t') {
            let command = command.trim_start_matches(['@', '-', '+', ' ']);
            let command = for_a_shell(command);
            for (.., recipe) in &mut rules[current..] {
                recipe.push_str(&command);
                recipe.push('\n');
            }
        } else if let Some((targets, needs)) =
            line.split_once(':').filter(|(_, needs)| !needs.starts_with('='))
        {
            current = rules.len();
            let needs: Vec<&str> = needs.split_whitespace().collect();
            rules.extend(
                targets
                    .split_whitespace()
                    .map(|target| (target, needs.clone(), String::new())),
            );
        }
    }
    rules
}

/// A line of a recipe with the variables of `make` as variables that the shell has not set.
fn for_a_shell(line: &str) -> String {
    let mut parts = line.split('$');
    let mut text = parts.next().unwrap_or("").to_owned();
    while let Some(part) = parts.next() {
        let name = part.strip_prefix('(').and_then(|rest| rest.split_once(')'));
        let plain = |name: &str| name.chars().all(|one| one.is_ascii_alphanumeric() || one == '_');
        match (name, part.chars().next()) {
            // `$$` is a `$`.
            (_, None) => {
                text.push('$');
                text.push_str(parts.next().unwrap_or(""));
            }
            (Some((name, rest)), _) if plain(name) => text.push_str(&format!("${{{name}}}{rest}")),
            (_, Some('@' | '<' | '^' | '*' | '?' | '+' | '%' | '|')) => {
                text.push_str(&format!("${{MADE}}{}", &part[1..]));
            }
            _ => {
                text.push('$');
                text.push_str(part);
            }
        }
    }
    text
}
