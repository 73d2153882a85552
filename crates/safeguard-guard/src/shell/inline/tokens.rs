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
    /// Go, Java, C# and their like.
    Braces,
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
        if let Some(after) = comment(&letters, at, language) {
            at = after;
        } else if let Some((token, after)) = set_apart(&letters, at, language, found.last()) {
            found.push(token);
            at = after;
        } else if letter.is_alphabetic() || matches!(letter, '_' | '$' | UNKNOWN) {
            let is_name = |one: &&char| one.is_alphanumeric() || matches!(**one, '_' | '$' | UNKNOWN);
            let name: String = letters[at..].iter().take_while(is_name).collect();
            at += name.chars().count();
            found.push(Token::Name(name));
        } else if matches!(letter, '"' | '\'' | '`') {
            let three: String = std::iter::repeat_n(letter, 3).collect();
            let quote = if language == Language::Python && begins(&letters, at, &three) {
                3
            } else {
                1
            };
            let (text, after) = quoted(&letters, at + quote, letter, quote);
            // Such texts end with their line: what does not is an apostrophe, as of JSX.
            let ends_with_line = quote == 1
                && letter != '`'
                && matches!(
                    language,
                    Language::Python | Language::JavaScript | Language::Braces
                );
            if ends_with_line && leaves_line(&letters[at..after.min(letters.len())]) {
                found.push(Token::Sign(letter));
                at += 1;
                continue;
            }
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

fn begins(letters: &[char], at: usize, text: &str) -> bool {
    text.chars()
        .enumerate()
        .all(|(place, one)| letters.get(at + place) == Some(&one))
}

fn leaves_line(letters: &[char]) -> bool {
    let ends = |pair: &[char]| pair[1] == '\n' && pair[0] != '\\';
    letters.windows(2).any(ends)
}

/// Where a comment that begins here ends.
fn comment(letters: &[char], at: usize, language: Language) -> Option<usize> {
    let slashes = matches!(language, Language::JavaScript | Language::Php | Language::Braces);
    let hash = letters[at] == '#' && !matches!(language, Language::JavaScript | Language::Braces);
    if hash || (slashes && begins(letters, at, "//")) {
        return Some(at + letters[at..].iter().take_while(|one| **one != '\n').count());
    }
    let long = slashes && begins(letters, at, "/*");
    let end = |end: &usize| letters[*end] == '*' && letters.get(end + 1) == Some(&'/');
    long.then(|| {
        (at + 2..letters.len())
            .find(end)
            .map_or(letters.len(), |end| end + 2)
    })
}

/// Texts that no quotes begin: commands of Ruby, texts up to a line of their own, patterns of JavaScript.
fn set_apart(
    letters: &[char],
    at: usize,
    language: Language,
    before: Option<&Token>,
) -> Option<(Token, usize)> {
    match language {
        Language::Ruby
            if begins(letters, at, "%x")
                && letters.get(at + 2).is_some_and(|one| "({[<|!".contains(*one)) =>
        {
            let close = match letters[at + 2] {
                '(' => ')',
                '{' => '}',
                '[' => ']',
                '<' => '>',
                other => other,
            };
            let (text, after) = quoted(letters, at + 3, close, 1);
            Some((Token::Command(text), after))
        }
        Language::Ruby | Language::Perl | Language::Php if begins(letters, at, "<<") => {
            let (text, after) = up_to_a_line(letters, at + 2)?;
            Some((Token::Text(text), after))
        }
        Language::JavaScript if letters[at] == '/' => {
            let after = pattern(letters, at, before)?;
            // Nothing reads what is in it.
            Some((Token::Sign('/'), after))
        }
        Language::Python
        | Language::JavaScript
        | Language::Perl
        | Language::Ruby
        | Language::Php
        | Language::Braces
        | Language::Other => None,
    }
}

/// A longer text up to a line of its own is not one.
const LETTERS_MAX: usize = 1 << 13;

/// A text that ends with a line which holds its mark alone, as of `<<~SQL`. What stands behind the mark in its own line is not read.
fn up_to_a_line(letters: &[char], from: usize) -> Option<(String, usize)> {
    let marks = |one: &&char| matches!(one, '<' | '~' | '-' | '"' | '\'');
    let from = from + letters[from..].iter().take_while(marks).count();
    let is_name = |one: &&char| one.is_ascii_uppercase() || **one == '_';
    let mark: String = letters[from..].iter().take_while(is_name).collect();
    if mark.len() < 2 {
        return None;
    }
    let line = letters[from..].iter().position(|one| *one == '\n')?;
    let rest = letters[from + line + 1..].iter().take(LETTERS_MAX);
    let rest: String = rest.collect();
    let mut text = String::new();
    let mut after = from + line + 1;
    for line in rest.lines() {
        after += line.chars().count() + 1;
        if line.trim().trim_end_matches([';', ',', ')']) == mark {
            return Some((text, after.saturating_sub(1).min(letters.len())));
        }
        text.push_str(line);
        text.push('\n');
    }
    None
}

/// Where a pattern that begins here ends; none where the sign divides.
fn pattern(letters: &[char], at: usize, before: Option<&Token>) -> Option<usize> {
    let follows = match before {
        None => true,
        Some(Token::Sign(sign)) => !matches!(sign, ')' | ']' | '}' | '/'),
        Some(Token::Name(name)) => matches!(name.as_str(), "return" | "typeof" | "case" | "in" | "of"),
        Some(Token::Text(_) | Token::Command(_)) => false,
    };
    if !follows {
        return None;
    }
    let (mut within, mut end) = (false, at + 1);
    loop {
        match letters.get(end)? {
            '\n' => return None,
            '\\' => end += 1,
            '[' => within = true,
            ']' => within = false,
            '/' if !within => return (end > at + 1).then_some(end + 1),
            _ => {}
        }
        end += 1;
    }
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
        } else if quote == '`' && letter == '$' && letters.get(at + 1) == Some(&'{') {
            // What is put in may hold such texts in turn.
            let mut deep = 0_usize;
            while let Some(&one) = letters.get(at) {
                text.push(one);
                at += 1;
                match one {
                    '{' => deep += 1,
                    '}' if deep < 2 => break,
                    '}' => deep -= 1,
                    _ => {}
                }
            }
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
    command_with(tokens, from, &|_| Some(UNKNOWN.to_string()))
}

/// The same with what is known of the names in it, by their places; what comes to nothing is no word.
pub(super) fn command_with(tokens: &[Token], from: usize, named: &dyn Fn(usize) -> Option<String>) -> String {
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
            Token::Name(_) => words.extend(named(at)),
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
