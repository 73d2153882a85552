//! Names, texts and signs of a piece of code, in any of a few languages.

use std::collections::BTreeMap;

use crate::shell::word::UNKNOWN;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Python,
    JavaScript,
    Perl,
    Ruby,
    Php,
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Name(String),
    Text(String),
    /// Between backticks, where a language has a shell run that.
    Command(String),
    Sign(char),
}

impl Token {
    pub fn text(&self) -> Option<&str> {
        match self {
            Token::Text(text) => Some(text),
            Token::Name(_) | Token::Command(_) | Token::Sign(_) => None,
        }
    }
}

pub(super) fn tokens(code: &str, language: Language) -> Vec<Token> {
    let letters: Vec<char> = code.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&letter) = letters.get(at) {
        let begins = |text: &str| {
            text.chars()
                .enumerate()
                .all(|(place, one)| letters.get(at + place) == Some(&one))
        };
        let hash = letter == '#' && language != Language::JavaScript;
        let slashes = matches!(language, Language::JavaScript | Language::Php) && begins("//");
        if hash || slashes {
            at += letters[at..].iter().take_while(|one| **one != '\n').count();
        } else if matches!(language, Language::JavaScript | Language::Php) && begins("/*") {
            let end = (at + 2..letters.len())
                .find(|end| letters[*end] == '*' && letters.get(end + 1) == Some(&'/'));
            at = end.map_or(letters.len(), |end| end + 2);
        } else if language == Language::Ruby
            && begins("%x")
            && letters.get(at + 2).is_some_and(|one| "({[<|!".contains(*one))
        {
            let close = match letters[at + 2] {
                '(' => ')',
                '{' => '}',
                '[' => ']',
                '<' => '>',
                other => other,
            };
            let (text, after) = quoted(&letters, at + 3, close, 1);
            at = after;
            found.push(Token::Command(text));
        } else if letter.is_alphabetic() || matches!(letter, '_' | '$' | UNKNOWN) {
            let is_name = |one: &&char| one.is_alphanumeric() || matches!(**one, '_' | '$' | UNKNOWN);
            let name: String = letters[at..].iter().take_while(is_name).collect();
            at += name.chars().count();
            found.push(Token::Name(name));
        } else if matches!(letter, '"' | '\'' | '`') {
            let three: String = std::iter::repeat_n(letter, 3).collect();
            let quote = if language == Language::Python && begins(&three) {
                3
            } else {
                1
            };
            let (text, after) = quoted(&letters, at + quote, letter, quote);
            at = after;
            let runs = letter == '`' && matches!(language, Language::Perl | Language::Ruby | Language::Php);
            found.push(if runs {
                Token::Command(text)
            } else {
                Token::Text(text)
            });
        } else {
            if !letter.is_whitespace() || letter == '\n' {
                found.push(Token::Sign(letter));
            }
            at += 1;
        }
    }
    found
}

/// The text up to its closing quotes, and where it goes on behind them.
fn quoted(letters: &[char], from: usize, quote: char, count: usize) -> (String, usize) {
    let mut text = String::new();
    let mut at = from;
    while let Some(&letter) = letters.get(at) {
        if letter == '\\' {
            match letters.get(at + 1) {
                Some('n') => text.push('\n'),
                Some('\n') | None => {}
                Some(&other) => text.push(other),
            }
            at += 2;
        } else if letter == quote
            && letters[at..]
                .iter()
                .take(count)
                .filter(|one| **one == quote)
                .count()
                == count
        {
            return (text, at + count);
        } else {
            text.push(letter);
            at += 1;
        }
    }
    (text, letters.len())
}

/// Names that stand for others: `import os as o`, `from os import remove as r`.
pub(super) fn aliases(tokens: &[Token]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for line in tokens.split(|token| matches!(token, Token::Sign('\n' | ';'))) {
        let names: Vec<&str> = line
            .iter()
            .filter_map(|token| match token {
                Token::Name(name) => Some(name.as_str()),
                Token::Text(_) | Token::Command(_) | Token::Sign(_) => None,
            })
            .collect();
        match names.as_slice() {
            ["from", module, "import", imported @ ..] => {
                let mut at = 0;
                while let Some(name) = imported.get(at) {
                    let renamed = imported.get(at + 1) == Some(&"as");
                    let as_name = if renamed { imported.get(at + 2) } else { Some(name) };
                    if let Some(as_name) = as_name {
                        found.insert((*as_name).to_owned(), format!("{module}.{name}"));
                    }
                    at += if renamed { 3 } else { 1 };
                }
            }
            ["import", rest @ ..] => {
                for three in rest.windows(3).filter(|three| three[1] == "as") {
                    found.insert(three[2].to_owned(), three[0].to_owned());
                }
            }
            _ => {}
        }
    }
    found
}

/// The dotted name that begins at a token, and where it goes on behind it; `)` stands for what was called before.
pub(super) fn path_at(
    tokens: &[Token],
    at: usize,
    aliases: &BTreeMap<String, String>,
) -> Option<(String, usize)> {
    let Token::Name(first) = tokens.get(at)? else {
        return None;
    };
    let follows_call = at > 1 && tokens[at - 1] == Token::Sign('.') && tokens[at - 2] == Token::Sign(')');
    let first = first.trim_start_matches('$');
    let mut path = match (aliases.get(first), follows_call) {
        (_, true) => format!("{}).{first}", called(tokens, at - 2)),
        (Some(real), false) => real.clone(),
        (None, false) => first.to_owned(),
    };
    let mut after = at + 1;
    loop {
        let dots = tokens[after..]
            .iter()
            .take_while(|token| matches!(token, Token::Sign('.' | ':' | '-' | '>' | '?')))
            .count();
        let joins = matches!(tokens.get(after), Some(Token::Sign('.' | ':')))
            || (dots == 2 && tokens[after] == Token::Sign('-'));
        match tokens.get(after + dots) {
            Some(Token::Name(name)) if joins && dots > 0 && dots <= 2 => {
                path = format!("{path}.{name}");
                after += dots + 1;
            }
            _ => return Some((path, after)),
        }
    }
}

/// The names before a call's closing bracket, such as `objects.all` of `User.objects.all().delete()`.
fn called(tokens: &[Token], close: usize) -> String {
    const NAMES_MAX: usize = 16;
    let names = tokens[..close]
        .iter()
        .rev()
        .take(NAMES_MAX)
        .filter_map(|token| match token {
            Token::Name(name) => Some(name.as_str()),
            Token::Text(_) | Token::Command(_) | Token::Sign(_) => None,
        });
    let mut names: Vec<&str> = names.collect();
    names.reverse();
    names.join(".")
}

/// The command that the arguments of a call come to: texts as they stand, names as what is not known. A list of words is
/// quoted word by word; a text alone is read by a shell.
pub(super) fn command(tokens: &[Token], from: usize) -> String {
    let (mut depth, mut words, mut list, mut joined) = (0_usize, Vec::<String>::new(), false, false);
    let mut at = from;
    while let Some(token) = tokens.get(at) {
        let keyword = matches!(tokens.get(at + 1), Some(Token::Sign('=' | ':')));
        let value = at > 0 && matches!(tokens[at - 1], Token::Sign('=' | ':'));
        let prefix = matches!(tokens.get(at + 1), Some(Token::Text(_)));
        match token {
            Token::Sign('(' | '[' | '{') => {
                depth += 1;
                // Behind a name it is an index.
                let begins = at > 0 && matches!(tokens[at - 1], Token::Sign('(' | ','));
                list |= *token == Token::Sign('[') && begins;
            }
            Token::Sign(')' | ']' | '}') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
            }
            Token::Sign('\n' | ';') if depth == 0 => break,
            Token::Sign('+' | '%') => joined = true,
            Token::Text(text) if !value => words.push(text.clone()),
            // Such as the `f` of `f"…"`, or a keyword with its value.
            Token::Name(_) if keyword || value || (prefix && depth > 0) => {}
            Token::Name(_) => words.push(UNKNOWN.to_string()),
            Token::Text(_) | Token::Command(_) | Token::Sign(_) => {}
        }
        at += 1;
    }
    match words.as_slice() {
        [] => String::new(),
        [text] if !list => text.clone(),
        // One text that is put together, or one for a shell with something behind it.
        words if !list && joined => words.concat(),
        words if !list && words[0].contains(' ') => words.join(" "),
        words => {
            let quote = |word: &String| format!("'{}'", word.replace('\'', r"'\''"));
            words.iter().map(quote).collect::<Vec<_>>().join(" ")
        }
    }
}
