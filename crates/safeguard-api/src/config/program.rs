//! Programs, their arguments and their variables.

use std::collections::BTreeMap;

use super::ConfigProblem;

const COMMAND_WORDS_MAX: usize = 256;
const CALLED_WORDS_MAX: usize = 64;
const VARIABLES_MAX: usize = 256;
const WORD_BYTES_MAX: usize = 32 << 10;

pub(super) fn check_program(
    path: &[&str],
    program: &str,
    command: &[String],
    found: &mut Vec<ConfigProblem>,
) {
    if program.trim().is_empty() {
        found.push(ConfigProblem::new(path, "the program's name is empty"));
    } else if program.split('/').any(|part| part == "..") {
        let message = format!("`{program}` leaves the artifact");
        found.push(ConfigProblem::new(path, message).with_hint("name a path within it, or an absolute one"));
    } else if program.contains(' ') && command.len() == 1 {
        let message = format!("`{program}` would be one program, with spaces in its name");
        let hint = "no shell reads it: write the program and each argument as a text of its own";
        found.push(ConfigProblem::new(path, message).with_hint(hint));
    }
    if command.len() > COMMAND_WORDS_MAX {
        let message = format!("{} words (limit {COMMAND_WORDS_MAX})", command.len());
        found.push(ConfigProblem::new(path, message));
    }
    if command
        .iter()
        .any(|word| word.contains('\0') || word.len() > WORD_BYTES_MAX)
    {
        let message = format!("an argument has a zero byte, or more than {WORD_BYTES_MAX} bytes");
        found.push(ConfigProblem::new(path, message));
    }
}

/// A program of the user's that is called: its words, and the names of the variables that it inherits.
pub(super) fn check_called(
    [at_exec, at_inherit]: [&[&str]; 2],
    exec: &[String],
    inherit: &[String],
    found: &mut Vec<ConfigProblem>,
) {
    if exec.len() > CALLED_WORDS_MAX || exec.iter().any(|word| word.contains('\0')) {
        let message = format!("more than {CALLED_WORDS_MAX} words, or a zero byte in one");
        found.push(ConfigProblem::new(at_exec, message));
    }
    let is_name = |name: &String| !name.is_empty() && !name.contains(['=', '\0']);
    if inherit.len() > CALLED_WORDS_MAX || !inherit.iter().all(is_name) {
        let message = "not the names of environment variables";
        found.push(ConfigProblem::new(at_inherit, message).with_hint("such as `XDG_RUNTIME_DIR`"));
    }
}

pub(super) fn check_variables(
    path: &[&str],
    variables: &BTreeMap<String, String>,
    found: &mut Vec<ConfigProblem>,
) {
    if variables.len() > VARIABLES_MAX {
        let message = format!("{} variables (limit {VARIABLES_MAX})", variables.len());
        found.push(ConfigProblem::new(path, message));
    }
    for (name, value) in variables {
        let mut at = path.to_vec();
        at.push(name);
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.bytes().all(letter) {
            let message = format!("`{}` can not be the name of a variable", name.escape_debug());
            found.push(ConfigProblem::new(&at, message).with_hint("letters, digits and `_`, no digit first"));
        }
        if ["PORT", "HOST"].contains(&name.as_str()) || name.starts_with("SAFEGUARD_") {
            let message = format!("`{name}` is set by safeguard");
            found.push(ConfigProblem::new(&at, message).with_hint("remove it, or give it another name"));
        }
        if value.contains('\0') || value.len() > WORD_BYTES_MAX {
            let message = format!("the value has a zero byte, or more than {WORD_BYTES_MAX} bytes");
            found.push(ConfigProblem::new(&at, message));
        }
    }
}
