//! What programs other than a shell's own redirects write into files: what is run afterwards counts as it was written.

use super::{Stdin, Walk};
use crate::shell::rules::Invocation;

/// Notes the files that a program writes, with their texts where those are in sight.
pub(super) fn note(walk: &mut Walk<'_>, invocation: &Invocation) {
    let typed = match &invocation.stdin {
        Stdin::Text(text) => Some(text.clone()),
        Stdin::Inherited | Stdin::File(_) | Stdin::Unseen => None,
    };
    match invocation.program.as_str() {
        "cp" | "mv" | "ln" | "install" => {
            let options = invocation.options(&["-t", "-m"]);
            match (options.words().as_slice(), typed) {
                (["/dev/stdin" | "-", to], Some(text)) => walk.note_written(to, Some(text)),
                ([from, to], _) => walk.note_copy(from, to),
                _ => {}
            }
        }
        "tee" => {
            let options = invocation.options(&[]);
            for (path, text) in options.words().into_iter().zip(std::iter::repeat(typed)) {
                if text.is_some() {
                    walk.note_written(path, text);
                }
            }
        }
        "dd" => {
            let given = |name: &str| {
                invocation
                    .args
                    .iter()
                    .find_map(|word| word.text.strip_prefix(name))
            };
            if let (Some(to), None) = (given("of="), given("if=")) {
                walk.note_written(to, typed);
            }
        }
        "ed" => {
            if let Some(file) = invocation.options(&["-p"]).words().first() {
                walk.note_written(file, None);
            }
        }
        "split" => {
            let options = invocation.options(&["-a", "-b", "-C", "-l", "-n"]);
            if let Some(prefix) = options.words().get(1) {
                walk.note_written(&format!("{prefix}aa"), typed);
            }
        }
        "patch" => patched(walk, typed),
        "git" => {
            let options = invocation.options(&["-C", "-c", "-p", "--directory"]);
            if let ["apply" | "am", files @ ..] = options.words().as_slice() {
                let read = files.iter().filter_map(|file| walk.written(file));
                let diff = read.map(str::to_owned).next().or(typed);
                patched(walk, diff);
            }
        }
        "sed" => edited(walk, invocation, typed),
        _ => {}
    }
}

/// The lines that a diff adds to each file.
fn patched(walk: &mut Walk<'_>, diff: Option<String>) {
    let diff = diff.unwrap_or_default();
    let mut parts = diff.split("\n+++ ");
    parts.next();
    for part in parts {
        let (name, rest) = part.split_once('\n').unwrap_or((part, ""));
        let path = name.split(['\t', ' ']).next().unwrap_or("");
        let path = path.strip_prefix("b/").unwrap_or(path);
        let added: Vec<&str> = rest.lines().filter_map(|line| line.strip_prefix('+')).collect();
        walk.note_written(path, Some(added.join("\n")));
    }
}

/// What `sed` writes by `w`, and what `sed -i` puts into a file beside what was there.
fn edited(walk: &mut Walk<'_>, invocation: &Invocation, typed: Option<String>) {
    let options = invocation.options(&["-e", "--expression", "-f", "--file", "-l"]);
    let words = options.words();
    let given: Vec<&str> = options
        .values(&["-e", "--expression"])
        .map(|word| word.text.as_str())
        .collect();
    let (scripts, files) = match (given.is_empty(), words.split_first()) {
        (true, Some((script, files))) => (vec![*script], files),
        _ => (given, words.as_slice()),
    };
    let mut added = Vec::new();
    for line in scripts.iter().flat_map(|script| script.lines()) {
        let command = line.trim_start_matches(|one: char| one.is_ascii_digit() || "$,!~ ".contains(one));
        if let Some(to) = command.strip_prefix("w ") {
            walk.note_written(to.trim(), typed.clone());
        } else if let Some(text) = command.strip_prefix(['a', 'c', 'i']) {
            added.push(text.trim_start_matches(['\\', ' ']));
        } else if let Some(rest) = command.strip_prefix('s')
            && let Some(sign) = rest.chars().next()
        {
            added.extend(rest.split(sign).nth(2));
        }
    }
    if options
        .names
        .iter()
        .any(|name| name.starts_with("-i") || name.starts_with("--in-place"))
    {
        for file in files {
            let before = walk.script(file, &invocation.spot(file)).unwrap_or_default();
            let after = format!("{before}\n{}", added.join("\n"));
            walk.note_written(file, Some(after));
        }
    }
}
