//! The tokens of SQL, in whatever dialect: comments, quotes and numbers, and no grammar.

/// Stands where a text has a value that is not known.
pub const HOLE: char = '\u{fffc}';

/// One token of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// A name or key word as written; may have holes.
    Word(String),
    /// A text between single quotes.
    Text(String),
    Number(String),
    /// What is bound later: `?`, `$1`, `:id`, `%s`, `@id`.
    Param,
    /// A value or a piece of SQL that is not known.
    Hole,
    Sign(char),
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '_' | '$' | HOLE)
}

/// The statements of a text.
pub fn statements(text: &str) -> Vec<Vec<Token>> {
    let mut all = vec![Vec::new()];
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let (token, used) = token(rest, char);
        rest = rest.get(used..).unwrap_or("");
        match token {
            Some(Token::Sign(';')) => all.push(Vec::new()),
            Some(token) => {
                if let Some(last) = all.last_mut() {
                    last.push(token);
                }
            }
            None => {}
        }
    }
    all.retain(|statement| !statement.is_empty());
    all
}

/// The text between dollars that a text begins with (`$$…$$`, `$body$…$body$`), and how many bytes each of its marks has. `None` for the text if
/// it does not end.
pub fn between_dollars(rest: &str) -> Option<(Option<&str>, usize)> {
    let tag = rest.strip_prefix('$')?;
    let end = tag.find(|char: char| !char.is_alphanumeric() && char != '_')?;
    let named = !tag.starts_with(|char: char| char.is_ascii_digit());
    if !named || !tag[end..].starts_with('$') {
        return None;
    }
    let mark = &rest[..end + 2];
    let inside = &rest[mark.len()..];
    Some((inside.find(mark).map(|at| &inside[..at]), mark.len()))
}

/// The first token of a text, if it is not white space or a comment, and how many bytes it has.
pub fn token(rest: &str, first: char) -> (Option<Token>, usize) {
    let until = |end: &str, from: usize| {
        rest.get(from..)
            .and_then(|tail| tail.find(end))
            .map_or(rest.len(), |at| from + at + end.len())
    };
    if rest.starts_with("--") {
        return (None, until("\n", 2));
    }
    if rest.starts_with("/*") {
        return (None, until("*/", 2));
    }
    match first {
        _ if first.is_whitespace() => (None, first.len_utf8()),
        '\'' => {
            let mut text = String::new();
            let mut chars = rest.char_indices().skip(1).peekable();
            while let Some((at, char)) = chars.next() {
                if char != '\'' {
                    text.push(char);
                } else if chars.peek().is_some_and(|(_, next)| *next == '\'') {
                    chars.next();
                    text.push('\'');
                } else {
                    return (Some(Token::Text(text)), at + 1);
                }
            }
            (Some(Token::Text(text)), rest.len())
        }
        '"' | '`' => {
            let end = until(if first == '"' { "\"" } else { "`" }, 1);
            let name = rest.get(1..end.saturating_sub(1)).unwrap_or("");
            (Some(Token::Word(name.to_owned())), end)
        }
        // T-SQL's `[order]`; elsewhere brackets hold the elements of arrays.
        '[' => match rest[1..].find(|char: char| !is_word(char) && !matches!(char, ' ' | '-' | '.')) {
            Some(end) if end > 0 && rest[1 + end..].starts_with(']') => {
                (Some(Token::Word(rest[1..=end].to_owned())), end + 2)
            }
            _ => (Some(Token::Sign('[')), 1),
        },
        HOLE => {
            let end = rest.find(|char| !is_word(char)).unwrap_or(rest.len());
            if end == HOLE.len_utf8() {
                (Some(Token::Hole), end)
            } else {
                (Some(Token::Word(rest[..end].to_owned())), end)
            }
        }
        '?' => (Some(Token::Param), 1),
        '%' if rest.starts_with("%s") => (Some(Token::Param), 2),
        '%' if rest.starts_with("%(") => (Some(Token::Param), until(")s", 2)),
        '$' if between_dollars(rest).is_some() => match between_dollars(rest) {
            Some((Some(inside), mark)) => (Some(Token::Text(inside.to_owned())), inside.len() + 2 * mark),
            Some((None, _)) | None => (Some(Token::Text(String::new())), rest.len()),
        },
        '$' | ':' | '@' => {
            let name = rest[1..].find(|char| !is_word(char)).unwrap_or(rest.len() - 1);
            if rest.starts_with("::") {
                (Some(Token::Sign(first)), 2)
            } else if name == 0 {
                (Some(Token::Sign(first)), 1)
            } else {
                (Some(Token::Param), 1 + name)
            }
        }
        '{' => (Some(Token::Hole), until("}", 1)),
        _ if first.is_ascii_digit() => {
            let end = rest
                .find(|char: char| !char.is_ascii_alphanumeric() && char != '.')
                .unwrap_or(rest.len());
            (Some(Token::Number(rest[..end].to_owned())), end)
        }
        _ if is_word(first) => {
            let end = rest.find(|char| !is_word(char)).unwrap_or(rest.len());
            (Some(Token::Word(rest[..end].to_owned())), end)
        }
        _ => (Some(Token::Sign(first)), first.len_utf8()),
    }
}
