//! Editors and other programs in whose own language a command can stand.

use super::Within;
use crate::shell::options::options;
use crate::shell::rules::Invocation;
use crate::shell::word::{UNKNOWN, Word};

pub(super) fn texts(invocation: &Invocation) -> Vec<Within> {
    let args = &invocation.args;
    let given = |names: &[&str]| -> Vec<String> {
        let found = options(args, names);
        found.values(names).map(|word| word.text.clone()).collect()
    };
    let found: Vec<String> = match invocation.program.as_str() {
        "vim" | "vi" | "nvim" | "ex" | "view" | "emacs" => {
            let typed = args
                .iter()
                .filter_map(|word| word.text.strip_prefix('+'))
                .map(str::to_owned);
            let typed = given(&["-c", "--cmd"]).into_iter().chain(typed);
            typed
                .filter_map(|line| {
                    Some(
                        line.trim_start_matches([':', ' ', '%'])
                            .strip_prefix('!')?
                            .to_owned(),
                    )
                })
                .collect()
        }
        "gdb" | "lldb" => {
            let typed = given(&["-ex", "-eval-command", "-o"]);
            let command = |line: &String| {
                line.strip_prefix("shell ")
                    .or_else(|| line.strip_prefix('!'))
                    .map(str::to_owned)
            };
            typed.iter().filter_map(command).collect()
        }
        "make" | "gmake" => {
            let typed = given(&["--eval", "-E"]);
            let recipes = typed
                .iter()
                .filter_map(|rule| rule.split_once(';'))
                .map(|(_, recipe)| recipe.to_owned());
            let shell = args
                .iter()
                .filter_map(|word| word.text.strip_prefix("SHELL="))
                .map(str::to_owned);
            recipes.chain(shell.filter(|shell| shell.contains(' '))).collect()
        }
        "zip" => given(&["-TT", "--unzip-command"]),
        "sed" | "gsed" => return sed(invocation),
        _ => Vec::new(),
    };
    let mut within: Vec<Within> = found
        .into_iter()
        .map(|text| Within::Text {
            text,
            elsewhere: false,
        })
        .collect();
    if invocation.is(&["make", "gmake"]) {
        // A recipe has them where it names its programs.
        let values = args.iter().filter_map(|word| word.text.split_once('='));
        let values = values.filter(|(_, value)| value.contains(' ') && !value.starts_with('-'));
        within.extend(values.map(|(_, value)| Within::OfCode(value.to_owned())));
    }
    within
}

/// What is put among the scripts of `package.json`, and what `just` is told to run.
pub(super) fn scripts(invocation: &Invocation) -> Vec<Within> {
    const CHANGE: &[&str] = &["c", "config", "pkg", "set"];
    let args = &invocation.args;
    let first = args.first().map_or("", |word| word.text.as_str());
    match invocation.program.as_str() {
        "npm" | "pnpm" if CHANGE.contains(&first) => {
            let scripts = args.iter().filter_map(|word| {
                let (name, body) = word.text.split_once('=')?;
                let runs = name.starts_with("scripts.") || name == "script-shell";
                runs.then(|| body.to_owned())
            });
            let shells = args.windows(2).filter(|pair| pair[0].text == "script-shell");
            let shells = shells.map(|pair| pair[1].text.clone());
            scripts.chain(shells).map(Within::OfCode).collect()
        }
        "jq" if args.iter().any(|word| word.text.contains(".scripts")) => args
            .iter()
            .flat_map(|word| word.text.split('"').skip(1).step_by(2))
            .filter(|body| body.contains(' '))
            .map(|body| Within::OfCode(body.to_owned()))
            .collect(),
        "just" => {
            let given = |word: &Word| matches!(word.text.as_str(), "-c" | "--command");
            let argv: Vec<Word> = args
                .iter()
                .skip_while(|word| !given(word))
                .skip(1)
                .cloned()
                .collect();
            let command = (!argv.is_empty()).then_some(Within::Command {
                argv,
                elsewhere: false,
            });
            command.into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// GNU sed runs what stands behind `e`, and what `s/…/…/e` makes.
fn sed(invocation: &Invocation) -> Vec<Within> {
    let found = options(&invocation.args, &["-e", "--expression", "-f", "--file", "-l"]);
    let mut scripts: Vec<&str> = found
        .values(&["-e", "--expression"])
        .map(|word| word.text.as_str())
        .collect();
    if scripts.is_empty() {
        scripts.extend(found.words().into_iter().take(1));
    }
    let commands = scripts.iter().flat_map(|script| script.split(['\n', ';', '{']));
    commands
        .filter_map(|command| runs(command.trim_start()))
        .collect()
}

fn runs(command: &str) -> Option<Within> {
    let command = command
        .trim_start_matches(|one: char| one.is_ascii_digit() || matches!(one, '$' | ',' | '~' | '!' | ' '));
    if let Some(text) = command.strip_prefix("e ") {
        let text = text.to_owned();
        return Some(Within::Text {
            text,
            elsewhere: false,
        });
    }
    let rest = command.strip_prefix('s')?;
    let delimiter = rest.chars().next().filter(|one| !one.is_alphanumeric())?;
    let flags = rest[delimiter.len_utf8()..].split(delimiter).nth(2)?;
    let unseen = || Within::Script(format!("/dev/fd/{UNKNOWN}"));
    flags.trim_end_matches('}').contains('e').then(unseen)
}
