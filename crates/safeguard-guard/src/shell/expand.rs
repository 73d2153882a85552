//! From the tree to words: quotes are taken off, and what a variable or a substitution becomes is worked out where it can be.

use std::collections::BTreeMap;

use tree_sitter::Node;

use super::tree::{Refusal, children, hides_substitution, slice};
use super::word::{self, Kind, Letter, UNKNOWN, Word, words_of};

/// More values of one variable are not worked out.
const VALUES_MAX: usize = 16;
/// A longer value is not carried along.
const VALUE_BYTES_MAX: usize = 1 << 16;

/// What variables may hold, as far as the command itself says.
#[derive(Debug, Clone)]
pub(crate) struct Variables {
    values: BTreeMap<String, Vec<String>>,
    /// Whether another shell may read them, to which they are not handed down.
    elsewhere: bool,
}

/// What every shell has, with values that stand for the real ones.
const OF_EVERY_SHELL: &[(&str, &str)] = &[
    ("HOME", "~"),
    ("PWD", "."),
    ("TMPDIR", "/tmp"),
    ("IFS", " "),
    ("SHELL", "bash"),
    ("BASH", "bash"),
    ("0", "bash"),
    // Which one does not matter: a name or a number, and no path.
    ("USER", "user"),
    ("LOGNAME", "user"),
    ("HOSTNAME", "host"),
    ("UID", "0"),
    ("EUID", "0"),
    ("PPID", "4242"),
    ("RANDOM", "4242"),
    ("$", "4242"),
    ("!", "4242"),
    ("#", "0"),
    ("?", "0"),
];

/// Not every shell has a text for these.
const MAY_BE_EMPTY: &[&str] = &["!", "HOSTNAME", "LOGNAME", "TMPDIR", "USER"];

impl Variables {
    /// What every shell sets.
    pub fn of_a_shell() -> Variables {
        let named = |(name, value): &(&str, &str)| ((*name).to_owned(), vec![(*value).to_owned()]);
        Variables {
            values: OF_EVERY_SHELL.iter().map(named).collect(),
            elsewhere: false,
        }
    }

    /// As another shell sees them, which is not sure to be handed any.
    pub fn elsewhere(&self) -> Variables {
        Variables {
            values: self.values.clone(),
            elsewhere: true,
        }
    }

    /// An assignment may be one of several: of branches, of a loop's turns.
    pub fn assign(&mut self, name: &str, values: Vec<String>) {
        let fits = values.len() <= VALUES_MAX && values.iter().all(|value| value.len() <= VALUE_BYTES_MAX);
        let values = if fits { values } else { vec![UNKNOWN.to_string()] };
        self.values.insert(name.to_owned(), values);
    }

    /// Whether it has a text whatever happened before.
    pub fn is_set(&self, name: &str) -> bool {
        let values = self.values(name);
        values
            .iter()
            .all(|value| !value.is_empty() && !value.contains(UNKNOWN))
    }

    /// Whether all that it may hold stands in the command itself.
    pub fn is_in_sight(&self, name: &str) -> bool {
        self.values
            .get(name)
            .is_some_and(|values| !values.iter().any(|value| value.contains(UNKNOWN)))
    }

    pub fn values(&self, name: &str) -> Vec<String> {
        let Some(known) = self.values.get(name) else {
            return vec![UNKNOWN.to_string()];
        };
        let mut known = known.clone();
        let of_every_shell = OF_EVERY_SHELL
            .iter()
            .any(|(own, value)| *own == name && known == [*value]);
        if (self.elsewhere && !of_every_shell) || (of_every_shell && MAY_BE_EMPTY.contains(&name)) {
            known.push(String::new());
        }
        known
    }

    /// What a loop or a branch may have set counts beside what was set before it, if anything was.
    pub fn join(&mut self, before: &Variables) {
        for (name, values) in &mut self.values {
            let mut others = before
                .values
                .get(name)
                .cloned()
                .unwrap_or_else(|| vec![String::new()]);
            others.retain(|value| !values.contains(value));
            values.append(&mut others);
            if values.len() > VALUES_MAX {
                *values = vec![UNKNOWN.to_string()];
            }
        }
    }
}

pub(crate) struct Expander<'a> {
    pub text: &'a str,
    pub variables: &'a Variables,
}

impl Expander<'_> {
    /// The words that a node becomes. Where a variable may hold several values, each gives words of its own.
    pub fn words(&self, node: Node<'_>) -> Result<Vec<Word>, Refusal> {
        let mut words: Vec<Word> = self
            .letters(node, false)?
            .into_iter()
            .flat_map(words_of)
            .collect();
        words.dedup();
        Ok(words)
    }

    /// The ways in which a command may be named. Where the command sets nothing, `${PYTHON:-python3}` is taken for what it says: who
    /// has set it elsewhere meant that program.
    pub fn names(&self, node: Node<'_>) -> Result<Vec<Vec<Word>>, Refusal> {
        let mut ways = self.alternatives(node)?;
        let named = slice(node, self.text).trim_matches('"').strip_prefix("${");
        let outside = named
            .and_then(|rest| rest.split_once(":-"))
            .is_some_and(|(name, _)| !self.variables.values.contains_key(name));
        let known = |way: &Vec<Word>| !way.iter().any(|word| word.text.contains(UNKNOWN));
        if outside && ways.iter().any(known) {
            ways.retain(known);
        }
        Ok(ways)
    }

    /// As [`Expander::words`], one list for each way in which its variables may be set.
    pub fn alternatives(&self, node: Node<'_>) -> Result<Vec<Vec<Word>>, Refusal> {
        Ok(self.letters(node, false)?.into_iter().map(words_of).collect())
    }

    /// The values that a node may have as one text.
    pub fn values(&self, node: Node<'_>) -> Result<Vec<String>, Refusal> {
        let text = |letters: Vec<Letter>| letters.into_iter().map(|one| one.letter).collect();
        Ok(self.letters(node, true)?.into_iter().map(text).collect())
    }

    fn letters(&self, node: Node<'_>, quoted: bool) -> Result<Vec<Vec<Letter>>, Refusal> {
        let text = slice(node, self.text);
        let inner = |from: usize| text.get(from..text.len().saturating_sub(1)).unwrap_or("");
        let mut one = Vec::new();
        match node.kind() {
            "word"
            | "number"
            | "regex"
            | "extglob_pattern"
            | "variable_name"
            | "test_operator"
            | "special_variable_name" => {
                word::push_bare(&mut one, text);
            }
            "raw_string" => word::push(&mut one, inner(1), Kind::Quoted),
            "ansi_c_string" => word::push_ansi_c(&mut one, inner(2)),
            "brace_expression" => word::push(&mut one, text, Kind::Quoted),
            "$" => word::push(&mut one, "$", Kind::Quoted),
            "string" => return self.pieces(node, 1, true),
            "heredoc_body" => return self.pieces(node, 0, true),
            "translated_string" => {
                let string = children(node).into_iter().find(|child| child.kind() == "string");
                return self.pieces(string.ok_or("has a text that is not closed")?, 1, true);
            }
            "concatenation" | "command_name" => return self.pieces(node, 0, false),
            "simple_expansion" => return Ok(self.variable(text.trim_start_matches('$'), quoted)),
            "expansion" => {
                let named = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
                let plain = |name: &&str| {
                    name.chars()
                        .all(|letter| letter.is_alphanumeric() || letter == '_')
                };
                if let Some(name) = named.filter(plain) {
                    return Ok(self.variable(name, quoted));
                }
                return Ok(self.with_default(named.unwrap_or(""), quoted));
            }
            "command_substitution" => return Ok(self.substituted(node, quoted)),
            "arithmetic_expansion" | "array" => return Ok(unknown(quoted)),
            // Such as `/dev/fd/63`.
            "process_substitution" => word::push(&mut one, &format!("/dev/fd/{UNKNOWN}"), Kind::Quoted),
            _ if !node.is_named() => word::push_bare(&mut one, text.trim_matches('`')),
            kind => return Err(format!("has a word of a kind that is not known here (`{kind}`)")),
        }
        Ok(vec![one])
    }

    /// The children one after the other, and the text between them, which within quotes is text of its own.
    fn pieces(&self, node: Node<'_>, edge: usize, quoted: bool) -> Result<Vec<Vec<Letter>>, Refusal> {
        let end = node.end_byte() - edge.min(node.end_byte());
        let mut at = node.start_byte() + edge;
        let mut found = vec![Vec::new()];
        let gap = |found: &mut Vec<Vec<Letter>>, from: usize, to: usize| {
            let text = self.text.get(from..to).unwrap_or("");
            if !quoted {
                return Ok(());
            }
            if hides_substitution(text) {
                return Err("has a substitution where none is expected".to_owned());
            }
            found
                .iter_mut()
                .for_each(|letters| word::push_double(letters, text));
            Ok(())
        };
        for child in children(node) {
            let literal = quoted && !EXPANSIONS.contains(&child.kind());
            if literal {
                continue;
            }
            gap(&mut found, at, child.start_byte())?;
            let mut longer = Vec::new();
            for letters in self.letters(child, quoted)? {
                longer.extend(found.iter().map(|begun| [begun.as_slice(), &letters].concat()));
            }
            found = longer;
            if found.len() > VALUES_MAX {
                found = unknown(quoted);
            }
            at = child.end_byte();
        }
        gap(&mut found, at, end)?;
        Ok(found)
    }

    fn variable(&self, name: &str, quoted: bool) -> Vec<Vec<Letter>> {
        let values = self.variables.values(name);
        if name == "@" && quoted {
            // Each stays a word, whatever is in it.
            return values.iter().map(|value| apart(value)).collect();
        }
        values.iter().map(|value| expanded(value, quoted)).collect()
    }

    /// `${name:-text}`: the variable where it is surely set; else either, as far as the text is plain.
    fn with_default(&self, named: &str, quoted: bool) -> Vec<Vec<Letter>> {
        let parted = [":-", ":=", "-", "="]
            .iter()
            .find_map(|operator| named.split_once(operator));
        let Some((name, default)) = parted else {
            return unknown(quoted);
        };
        let plain = |name: &str| {
            name.chars()
                .all(|letter| letter.is_alphanumeric() || letter == '_')
        };
        if plain(name) && self.variables.is_set(name) {
            return self.variable(name, quoted);
        }
        // A value that holds nothing gives way to the default.
        let values = if plain(name) {
            self.variables.values(name)
        } else {
            vec![UNKNOWN.to_string()]
        };
        let values = values.iter().filter(|value| !value.is_empty());
        let mut ways: Vec<Vec<Letter>> = values.map(|value| expanded(value, quoted)).collect();
        if !default.contains(['$', '`', '\'', '"', '\\']) {
            ways.push(expanded(default, quoted));
        }
        ways
    }

    fn substituted(&self, node: Node<'_>, quoted: bool) -> Vec<Vec<Letter>> {
        self.printed(node)
            .map_or_else(|| unknown(quoted), |text| vec![expanded(&text, quoted)])
    }

    /// What a substitution prints, where that is plain to see.
    fn printed(&self, node: Node<'_>) -> Option<String> {
        let mut within = children(node).into_iter().filter(|child| child.is_named());
        let (mut command, None) = (within.next()?, within.next()) else {
            return None;
        };
        if command.kind() == "redirected_statement" {
            let parts = children(command);
            // Words behind a redirect would be missed.
            let plain = |part: &Node<'_>| {
                let mut cursor = part.walk();
                let closes = children(*part)
                    .iter()
                    .any(|one| !one.is_named() && one.kind().ends_with('-'));
                let files = part.children_by_field_name("destination", &mut cursor).count();
                part.kind() == "file_redirect" && !closes && files == 1
            };
            if !parts.iter().skip(1).all(plain) {
                return None;
            }
            command = parts.into_iter().next()?;
        }
        if command.kind() != "command" {
            return None;
        }
        let mut words = Vec::new();
        for child in children(command) {
            let [letters] = self.letters(child, false).ok()?.try_into().ok()?;
            words.append(&mut words_of(letters));
        }
        let (name, args) = words.split_first()?;
        printed_by(name.text.rsplit('/').next().unwrap_or(""), args)
    }
}

const EXPANSIONS: &[&str] = &[
    "expansion",
    "simple_expansion",
    "command_substitution",
    "arithmetic_expansion",
];

fn unknown(quoted: bool) -> Vec<Vec<Letter>> {
    vec![expanded(&UNKNOWN.to_string(), quoted)]
}

/// Stands between the words of `$@`.
pub(crate) const WORDS_APART: char = '\u{1f}';

fn apart(words: &str) -> Vec<Letter> {
    let mut letters = Vec::new();
    for (at, word) in words.split(WORDS_APART).enumerate() {
        if at > 0 {
            word::push(&mut letters, " ", Kind::Expanded);
        }
        word::push(&mut letters, word, Kind::Quoted);
    }
    letters
}

fn expanded(value: &str, quoted: bool) -> Vec<Letter> {
    let mut letters = Vec::new();
    let kind = if quoted { Kind::Quoted } else { Kind::Expanded };
    word::push(&mut letters, &value.replace(WORDS_APART, " "), kind);
    letters
}

/// What a command prints, for the few whose output is in their words. Line ends at its end are taken off, as `$(…)` does.
pub(crate) fn printed_by(program: &str, args: &[Word]) -> Option<String> {
    let texts: Vec<&str> = args.iter().map(|word| word.text.as_str()).collect();
    let after =
        |first: &str| (texts.first() == Some(&first)).then(|| texts.last().map(|&last| last.to_owned()))?;
    match program {
        "echo" => Some(echoed(&texts)),
        "printf" => formatted(&texts),
        // What is looked for stands for the numbers that are found.
        "which" | "pgrep" | "pidof" => texts.last().map(|&last| last.to_owned()),
        "command" => after("-v"),
        "type" => after("-p").or_else(|| after("-P")),
        "mktemp" => Some("/tmp/mktemp".to_owned()),
        "pwd" => Some(".".to_owned()),
        "whoami" | "nproc" | "hostname" | "uname" => Some("0".to_owned()),
        "id" if texts.first().is_some_and(|first| first.starts_with('-')) => Some("0".to_owned()),
        "date" if is_of_numbers(&texts) => Some("0".to_owned()),
        // Programs of a person's own shell, which print settings of variables.
        _ if sets_a_shell_up(program, &texts) => Some(":".to_owned()),
        // What is in it is not known, where it comes from is.
        "cat" if texts.len() == 1 => Some(format!("{UNKNOWN}/{}{UNKNOWN}", texts[0])),
        "git" if texts == ["rev-parse", "--show-toplevel"] => Some(".".to_owned()),
        _ => None,
    }
}

fn is_of_numbers(texts: &[&str]) -> bool {
    let number = |format: &str| {
        format
            .chars()
            .all(|one| "%+-_:.TZ0123456789YmdHMSsjuNFyIMV".contains(one))
    };
    texts.iter().all(|text| number(text))
}

fn sets_a_shell_up(program: &str, texts: &[&str]) -> bool {
    let first = texts.first().copied().unwrap_or("");
    matches!(
        (program, first),
        ("ssh-agent", "-s" | "")
            | ("direnv", "export" | "hook")
            | ("brew", "shellenv")
            | ("fnm" | "opam", "env")
            | ("pyenv" | "rbenv" | "nodenv" | "starship" | "zoxide", "init")
            | ("mise" | "rtx", "activate" | "env")
            | ("conda" | "mamba", "shell.bash")
            | ("minikube", "docker-env")
            | ("kubectl" | "gh" | "helm", "completion")
    )
}

fn echoed(texts: &[&str]) -> String {
    let is_option = |text: &&&str| {
        text.len() > 1 && text.starts_with('-') && text[1..].chars().all(|one| "neE".contains(one))
    };
    let options = texts.iter().take_while(is_option).count();
    let text = texts[options..].join(" ");
    match texts[..options].iter().any(|option| option.contains('e')) {
        true => unescaped(&text),
        false => text,
    }
}

fn unescaped(text: &str) -> String {
    let mut letters = Vec::new();
    word::push_ansi_c(&mut letters, text);
    letters.into_iter().map(|one| one.letter).collect()
}

fn formatted(texts: &[&str]) -> Option<String> {
    let texts = match texts {
        ["--", rest @ ..] => rest,
        texts => texts,
    };
    let (format, args) = texts.split_first()?;
    if format.starts_with('-') {
        return None;
    }
    let mut out = String::new();
    let mut args = args.iter();
    loop {
        let before = args.len();
        let mut rest = format.chars();
        while let Some(letter) = rest.next() {
            match letter {
                '%' => match rest.next()? {
                    '%' => out.push('%'),
                    's' | 'b' | 'd' => out.push_str(args.next().copied().unwrap_or("")),
                    _ => return None,
                },
                letter => out.push(letter),
            }
        }
        // A format is used again while words are left.
        if args.len() == 0 || args.len() == before {
            break;
        }
    }
    Some(unescaped(&out).trim_end_matches('\n').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(program: &str, args: &[&str]) -> Option<String> {
        let args: Vec<Word> = args.iter().map(|text| Word::new(*text)).collect();
        printed_by(program, &args)
    }

    #[test]
    fn what_is_plain_to_see_is_printed() {
        assert_eq!(printed("echo", &["-n", "rm", "x"]).as_deref(), Some("rm x"));
        assert_eq!(printed("printf", &["%s-%s", "a", "b"]).as_deref(), Some("a-b"));
        assert_eq!(printed("printf", &["r\\155\\n"]).as_deref(), Some("rm"));
        assert_eq!(printed("printf", &["%s ", "a", "b"]).as_deref(), Some("a b "));
        assert_eq!(printed("printf", &["%x", "10"]), None);
        assert_eq!(printed("command", &["-v", "rm"]).as_deref(), Some("rm"));
        assert_eq!(printed("sed", &["x"]), None);
    }
}
