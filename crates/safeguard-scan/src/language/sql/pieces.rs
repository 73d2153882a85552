//! A file's statements as tokens with their places.

use std::ops::Range;

use super::lines::{Line, line};
use super::tokens::{HOLE, Token, between_dollars, token};
use crate::tree::ParseError;

/// A token and where it stands.
#[derive(Debug, Clone)]
pub struct Spanned {
    pub token: Token,
    pub span: Range<usize>,
    /// What stands between dollars, taken apart: a body.
    body: Vec<Spanned>,
}

impl Spanned {
    pub fn is_sign(&self, sign: char) -> bool {
        self.token == Token::Sign(sign)
    }

    pub fn is_word(&self, word: &str) -> bool {
        matches!(&self.token, Token::Word(found) if found.eq_ignore_ascii_case(word))
    }

    fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is_word(word))
    }
}

#[derive(Debug)]
pub enum Piece {
    Statement(Vec<Spanned>),
    /// From here on, the way down.
    Down(usize),
    Up,
}

#[derive(Debug, Default)]
pub struct Pieces {
    pub all: Vec<Piece>,
    pub comments: Vec<Range<usize>>,
}

impl Pieces {
    /// Where the way down that begins here has its last statement's end.
    pub fn down_ends(&self, begins: usize) -> usize {
        let statements = self.all.iter().filter_map(|piece| match piece {
            Piece::Statement(tokens) => tokens.last().map(|token| token.span.end),
            Piece::Down(_) | Piece::Up => None,
        });
        statements.max().unwrap_or(begins).max(begins)
    }
}

/// How deeply texts between dollars are taken apart.
const DOLLARS_MAX: usize = 4;

pub fn read(text: &str, escapes: bool) -> Result<Pieces, ParseError> {
    let mut reader = Reader {
        text,
        escapes,
        depth: 0,
        batches: false,
        delimiter: ";".to_owned(),
        pieces: Pieces::default(),
        statement: Vec::new(),
        open: 0,
        copying: false,
    };
    reader.batches = text.lines().any(|one| line(one) == Some(Line::Ends));
    reader.run(0..text.len())?;
    reader.ends();
    Ok(reader.pieces)
}

struct Reader<'t> {
    text: &'t str,
    /// Whether a backslash takes the meaning of a quote.
    escapes: bool,
    depth: usize,
    /// Whether `GO` ends batches: then statements may stand behind each other without a separator.
    batches: bool,
    delimiter: String,
    pieces: Pieces,
    statement: Vec<Spanned>,
    /// How many `BEGIN` and `CASE` of the statement have no `END` yet.
    open: usize,
    /// Whether rows stand behind the statement that has just ended.
    copying: bool,
}

impl Reader<'_> {
    fn run(&mut self, range: Range<usize>) -> Result<(), ParseError> {
        let mut at = range.start;
        let mut line_begins = true;
        while let Some(first) = self.text[at..range.end].chars().next() {
            let rest = &self.text[at..range.end];
            let end_of_line = rest.find('\n').map_or(rest.len(), |end| end + 1);
            if line_begins
                && !first.is_whitespace()
                && let Some(line) = line(&rest[..end_of_line])
            {
                self.line(line, at..at + rest[..end_of_line].trim_end().len());
                at += end_of_line;
                continue;
            }
            if self.batches && line_begins && self.begins_another(rest) {
                self.ends();
            }
            line_begins = first == '\n' || line_begins && first.is_whitespace();
            let used = self.one(at, rest, first)?;
            at += used;
            if std::mem::take(&mut self.copying) {
                at += rows_of_copy(&self.text[at..range.end]);
                line_begins = true;
            }
        }
        Ok(())
    }

    fn line(&mut self, line: Line, span: Range<usize>) {
        match line {
            Line::Client | Line::Ends => self.ends(),
            Line::Delimiter(delimiter) => {
                self.ends();
                self.delimiter = delimiter;
            }
            Line::Up => {
                self.ends();
                self.pieces.all.push(Piece::Up);
                self.pieces.comments.push(span);
            }
            Line::Down => {
                self.ends();
                self.pieces.all.push(Piece::Down(span.start));
                self.pieces.comments.push(span);
            }
            Line::Comment => self.pieces.comments.push(span),
        }
    }

    /// Reads one token, comment or separator; returns how many bytes it has.
    fn one(&mut self, at: usize, rest: &str, first: char) -> Result<usize, ParseError> {
        if self.delimiter != ";" && rest.starts_with(&self.delimiter) {
            self.ends();
            return Ok(self.delimiter.len());
        }
        // What MySQL runs and others take for a comment: `/*!40101 SET … */`.
        if let Some(version) = rest.strip_prefix("/*!") {
            return Ok(3 + version.bytes().take_while(u8::is_ascii_digit).count());
        }
        if rest.starts_with("*/") {
            return Ok(2);
        }
        // Of templates: `{% if … %}`, `{# … #}`, `{{ … }}`.
        for (begins, ends) in [("{%", "%}"), ("{#", "#}"), ("{{", "}}")] {
            if rest.starts_with(begins) {
                let used = rest.find(ends).map_or(rest.len(), |end| end + ends.len());
                if begins == "{{" {
                    self.push(Token::Hole, at..at + used, Vec::new());
                }
                return Ok(used);
            }
        }
        let quoted = matches!(first, '\'' | '"') && (self.escapes || self.is_behind_e(at))
            || first == '\'' && self.is_behind_e(at);
        let (token, used) = if quoted {
            let inside = escaped(rest, first).ok_or_else(|| self.unclosed(at, "a text in quotes"))?;
            let token = match first {
                '\'' => Token::Text(inside.to_owned()),
                _ => Token::Word(inside.to_owned()),
            };
            (Some(token), inside.len() + 2)
        } else {
            token(rest, first)
        };
        let span = at..at + used;
        let written = &rest[..used];
        match token {
            None => {
                let is_block = written.starts_with("/*");
                if is_block && !written.ends_with("*/") {
                    return Err(self.unclosed(at, "a comment"));
                }
                if is_block || written.starts_with("--") {
                    self.pieces.comments.push(at..at + written.trim_end().len());
                }
            }
            Some(Token::Sign(';')) if self.delimiter == ";" && !self.in_body() => self.ends(),
            Some(token) => {
                if used > 1 && used == rest.len() && !closes(written, first) {
                    return Err(self.unclosed(at, "a text in quotes"));
                }
                let body = self.body(at, written)?;
                self.push(token, span, body);
            }
        }
        Ok(used)
    }

    /// A text between dollars, taken apart.
    fn body(&mut self, at: usize, written: &str) -> Result<Vec<Spanned>, ParseError> {
        let Some((inside, mark)) = between_dollars(written) else {
            return Ok(Vec::new());
        };
        let inside = inside.ok_or_else(|| self.unclosed(at, "a text between dollars"))?;
        let is_code = self
            .statement
            .first()
            .is_some_and(|first| first.is_any(&["create", "do", "execute"]));
        if !is_code || self.depth >= DOLLARS_MAX {
            return Ok(Vec::new());
        }
        let mut within = Reader {
            text: self.text,
            escapes: self.escapes,
            depth: self.depth + 1,
            batches: false,
            // All of it is one sequence of tokens, which is taken apart later.
            delimiter: "\u{0}".to_owned(),
            pieces: Pieces::default(),
            statement: Vec::new(),
            open: 0,
            copying: false,
        };
        within.run(at + mark..at + mark + inside.len())?;
        self.pieces.comments.extend(within.pieces.comments);
        Ok(within.statement)
    }

    fn push(&mut self, token: Token, span: Range<usize>, body: Vec<Spanned>) {
        let token = Spanned { token, span, body };
        if token.is_any(&["begin", "case"]) {
            self.open += 1;
        } else if token.is_word("end") {
            self.open = self.open.saturating_sub(1);
        } else if self.statement.last().is_some_and(|last| last.is_word("end"))
            && token.is_any(&["if", "loop", "while", "repeat", "for"])
        {
            // `END IF`, `END LOOP` close what is not counted.
            self.open += 1;
        }
        self.statement.push(token);
    }

    fn ends(&mut self) {
        if self.depth > 0 || self.statement.is_empty() {
            return;
        }
        let statement = std::mem::take(&mut self.statement);
        self.open = 0;
        self.copying = statement.first().is_some_and(|first| first.is_word("copy"))
            && statement.iter().any(|token| token.is_word("stdin"));
        self.pieces.all.push(Piece::Statement(statement));
    }

    /// Whether the statement so far has a body that has begun and not ended: separators belong to it.
    fn in_body(&self) -> bool {
        self.open > 0 && makes_code(&self.statement)
    }

    /// Whether a statement that needs no separator before it begins here.
    fn begins_another(&self, rest: &str) -> bool {
        const BEGIN: &[&str] = &[
            "delete", "update", "drop", "truncate", "alter", "create", "exec", "execute", "insert", "grant",
            "declare", "print",
        ];
        let word: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
        !self.in_body()
            && !makes_code(&self.statement)
            && BEGIN.iter().any(|begin| word.eq_ignore_ascii_case(begin))
            && !self.statement.last().is_some_and(|last| {
                last.is_any(&["then", "on", "for", "as", "insert"]) || last.is_sign('(') || last.is_sign(',')
            })
    }

    fn is_behind_e(&self, at: usize) -> bool {
        self.statement
            .last()
            .is_some_and(|last| last.span.end == at && last.is_any(&["e"]))
    }

    fn unclosed(&self, at: usize, what: &str) -> ParseError {
        ParseError::Syntax {
            line: self.text[..at].bytes().filter(|byte| *byte == b'\n').count() + 1,
            message: format!("{what} does not end"),
        }
    }
}

/// The bytes of the rows behind `COPY … FROM stdin;`, with the line that ends them.
fn rows_of_copy(rest: &str) -> usize {
    match rest.find("\n\\.") {
        Some(at) => at + 3,
        None => rest.len(),
    }
}

/// What stands in quotes in which a backslash takes the meaning of what follows.
fn escaped(rest: &str, quote: char) -> Option<&str> {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, char)) = chars.next() {
        if char == '\\' {
            chars.next();
        } else if char == quote {
            if chars.peek().is_some_and(|(_, next)| *next == quote) {
                chars.next();
            } else {
                return rest.get(1..at);
            }
        }
    }
    None
}

/// Whether a token that reaches to the end of the text is closed.
fn closes(written: &str, first: char) -> bool {
    match first {
        '\'' | '"' | '`' => written.ends_with(first),
        _ => true,
    }
}

/// Whether a statement makes a procedure, a function or a trigger.
fn makes_code(statement: &[Spanned]) -> bool {
    const KINDS: &[&str] = &["procedure", "proc", "function", "trigger", "event", "package"];
    statement
        .first()
        .is_some_and(|first| first.is_any(&["create", "alter"]))
        && statement.iter().take(8).any(|token| token.is_any(KINDS))
}

/// A statement without its body, and the body's tokens.
pub fn head_and_body(tokens: &[Spanned]) -> (&[Spanned], Vec<Spanned>) {
    if let Some(at) = tokens.iter().position(|token| !token.body.is_empty()) {
        return (tokens, tokens[at].body.clone());
    }
    if makes_code(tokens)
        && let Some(at) = tokens.iter().position(|token| token.is_word("begin"))
    {
        return (&tokens[..at], tokens[at + 1..].to_vec());
    }
    (tokens, Vec::new())
}

/// Tokens as a text that reads as the same tokens.
pub fn told(tokens: &[Spanned]) -> String {
    let mut told = String::new();
    for one in tokens {
        if !told.is_empty() {
            told.push(' ');
        }
        match &one.token {
            Token::Word(word) => {
                let plain = word
                    .chars()
                    .all(|char| char.is_alphanumeric() || char == '_' || char == HOLE)
                    && !word.starts_with(|char: char| char.is_ascii_digit());
                if plain && !word.is_empty() {
                    told.push_str(word);
                } else {
                    told.push_str(&format!("\"{}\"", word.replace('"', "")));
                }
            }
            Token::Text(_) if !one.body.is_empty() => told.push_str("''"),
            Token::Text(text) => told.push_str(&format!("'{}'", text.replace('\'', "''"))),
            Token::Number(number) => told.push_str(number),
            Token::Param => told.push('?'),
            Token::Hole => told.push(HOLE),
            Token::Sign(sign) => told.push(*sign),
        }
    }
    told
}
