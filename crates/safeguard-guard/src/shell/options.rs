//! The words of a command told apart: its options, their values, and the rest.

use super::word::Word;

/// A command's words behind its name.
#[derive(Debug, Default)]
pub(crate) struct Options<'w> {
    /// As written, without a value: `-f`, `--force`. Letters in one word are parted.
    pub names: Vec<String>,
    pub values: Vec<(String, Word)>,
    /// What is no option; each with its place among the words.
    pub rest: Vec<(usize, &'w Word)>,
}

/// Reads options as `getopt` does. `with_value` lists those that take a value: letters as `-u`, words as `--user`.
pub(crate) fn options<'w>(words: &'w [Word], with_value: &[&str]) -> Options<'w> {
    read(words, with_value, false)
}

/// As [`options`], for commands that run another: options end at the first word that is none.
pub(crate) fn leading_options<'w>(words: &'w [Word], with_value: &[&str]) -> Options<'w> {
    read(words, with_value, true)
}

fn read<'w>(words: &'w [Word], with_value: &[&str], leading: bool) -> Options<'w> {
    let mut found = Options::default();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let text = word.text.as_str();
        at += 1;
        if text == "--" {
            found.rest.extend(words.iter().enumerate().skip(at));
            break;
        }
        if let Some(long) = text.strip_prefix("--") {
            if let Some((name, value)) = long.split_once('=') {
                found.values.push((format!("--{name}"), Word::new(value)));
            } else if with_value.contains(&text) && at < words.len() {
                found.values.push((text.to_owned(), words[at].clone()));
                at += 1;
            }
            let name = long.split('=').next().unwrap_or(long);
            found.names.push(format!("--{name}"));
        } else if text.len() > 1 && text.starts_with('-') {
            at += letters(&mut found, text, words.get(at), with_value);
        } else {
            found.rest.push((at - 1, word));
            if leading {
                found.rest.extend(words.iter().enumerate().skip(at));
                break;
            }
        }
    }
    found
}

/// Reads `-abc value`; returns how many further words it took.
fn letters(found: &mut Options<'_>, text: &str, next: Option<&Word>, with_value: &[&str]) -> usize {
    // Such as `-delete` of `find` and `-target` of terraform, which are whole words.
    found
        .names
        .push(text.split('=').next().unwrap_or(text).to_owned());
    if let Some((name, value)) = text.split_once('=') {
        found.values.push((name.to_owned(), Word::new(value)));
    } else if text.len() > 2 && with_value.contains(&text) {
        if let Some(next) = next {
            found.values.push((text.to_owned(), next.clone()));
            return 1;
        }
        return 0;
    }
    let letters: Vec<char> = text.chars().skip(1).collect();
    for (place, letter) in letters.iter().enumerate() {
        let name = format!("-{letter}");
        if with_value.contains(&name.as_str()) {
            let attached: String = letters[place + 1..].iter().collect();
            found.names.push(name.clone());
            return match (attached.is_empty(), next) {
                (false, _) => {
                    found.values.push((name, Word::new(attached)));
                    0
                }
                (true, Some(next)) => {
                    found.values.push((name, next.clone()));
                    1
                }
                (true, None) => 0,
            };
        }
        found.names.push(name);
    }
    0
}

impl Options<'_> {
    /// Whether one of these was given; a long one also by its beginning, as most programs take it.
    pub fn any(&self, names: &[&str]) -> bool {
        self.names.iter().any(|given| {
            names.iter().any(|name| {
                let begun = given.starts_with("--") && given.len() > 3 && name.starts_with(given.as_str());
                // Programs written in Go take their long options with one dash or two.
                let doubled = name.len() > 2 && given.strip_prefix('-') == Some(*name);
                given == name || begun || doubled
            })
        })
    }

    /// The values that were given to any of these.
    pub fn values(&self, names: &[&str]) -> impl Iterator<Item = &Word> {
        self.values
            .iter()
            .filter(move |(given, _)| names.contains(&given.as_str()))
            .map(|(_, value)| value)
    }

    pub fn words(&self) -> Vec<&str> {
        self.rest.iter().map(|(_, word)| word.text.as_str()).collect()
    }
}

/// Whether words begin as a pattern says: `a|b` is one of two, `*` any letters as in `db:*` and `*/console`, `**` any number of words.
pub(crate) fn fits(words: &[&str], pattern: &[&str]) -> bool {
    let Some((first, rest)) = pattern.split_first() else {
        return true;
    };
    if *first == "**" {
        return (0..=words.len()).any(|from| fits(&words[from..], rest));
    }
    let Some((word, words)) = words.split_first() else {
        return false;
    };
    first.split('|').any(|alternative| star(word, alternative)) && fits(words, rest)
}

/// Whether a word is as a pattern says in which `*` stands for any letters.
pub(crate) fn star(word: &str, pattern: &str) -> bool {
    let Some((beginning, pattern)) = pattern.split_once('*') else {
        return word == pattern;
    };
    let Some(mut rest) = word.strip_prefix(beginning) else {
        return false;
    };
    let mut parts: Vec<&str> = pattern.split('*').collect();
    let ending = parts.pop().unwrap_or("");
    for part in parts {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(ending)
}

/// What a program does when it is called with such words: a row of a rule's table.
pub(crate) struct Row {
    /// Such as `docker|podman`.
    pub program: &'static str,
    /// As [`fits`] takes them.
    pub words: &'static [&'static str],
    /// One of these options is needed; with none listed, no option is.
    pub only_with: &'static [&'static str],
    /// Any of these makes it harmless.
    pub unless: &'static [&'static str],
    /// As the second half of "a command that …".
    pub does: &'static str,
}

impl Row {
    /// With no option needed, and none that makes it harmless.
    pub const fn of(program: &'static str, words: &'static [&'static str], does: &'static str) -> Row {
        Row {
            program,
            words,
            only_with: &[],
            unless: &[],
            does,
        }
    }

    pub const fn only_with(self, only_with: &'static [&'static str]) -> Row {
        Row { only_with, ..self }
    }

    pub const fn unless(self, unless: &'static [&'static str]) -> Row {
        Row { unless, ..self }
    }
}

/// What the first row that fits says a command does.
pub(crate) fn row_of(
    table: &'static [Row],
    program: &str,
    args: &[Word],
    with_value: &[&str],
) -> Option<&'static str> {
    let mut options = None;
    table.iter().find_map(|row| {
        if !row.program.split('|').any(|name| name == program) {
            return None;
        }
        let options = options.get_or_insert_with(|| self::options(args, with_value));
        let fits = fits(&options.words(), row.words)
            && (row.only_with.is_empty() || options.any(row.only_with))
            && !options.any(row.unless);
        fits.then_some(row.does)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Word> {
        text.split(' ').map(Word::new).collect()
    }

    #[test]
    fn options_are_read_as_getopt_reads_them() {
        let given = words("-qAtc select --host=db -U me db -- -x");
        let found = options(&given, &["-c", "-U"]);
        assert!(found.any(&["-q"]) && found.any(&["-t"]));
        assert_eq!(found.values(&["-c"]).next(), Some(&Word::new("select")));
        assert_eq!(found.values(&["--host"]).next(), Some(&Word::new("db")));
        assert_eq!(found.words(), ["db", "-x"]);
        assert!(options(&words("--forc"), &[]).any(&["--force"]));
        assert!(!options(&words("--force-with-lease"), &[]).any(&["--force"]));
        assert!(options(&words("--auto-approve=true"), &[]).any(&["-auto-approve"]));
    }

    #[test]
    fn patterns_fit_as_they_say() {
        assert!(fits(&["a", "b", "delete"], &["**", "delete|rm"]));
        assert!(fits(&["db:drop:all"], &["db:drop*"]));
        assert!(!fits(&["describe"], &["delete*"]));
        assert!(fits(&["app/bin/console"], &["*/console"]) && !fits(&["consoles"], &["*/console"]));
        assert!(star("batch-delete-image", "*-delete-*") && !star("undelete", "*-delete*"));
    }
}
