//! Patterns of rules in Python.

use ruff_python_parser::ParseErrorType;

use super::{Strings, read};
use crate::language::pattern::{DEEP, Hole, Pattern};
use crate::tree::{NodeId, ParseError};

/// Reads a pattern: statements, or an expression that may go over several lines, or the head of a statement without its body.
pub fn parse_pattern(text: &str) -> Result<Pattern, ParseError> {
    let code = Scanner::new(&without_indent(text)).scan();
    let tree = read_code(&code).or_else(|error| {
        let in_brackets = format!("({code}\n)");
        let with_body = format!("{code} {}", Hole::Ellipsis.identifier());
        read_code(&in_brackets)
            .or_else(|_| {
                if code.ends_with(':') {
                    read_code(&with_body)
                } else {
                    Err(error.clone())
                }
            })
            .map_err(|_| error)
    })?;
    Ok(Pattern::within(tree, NodeId::ROOT))
}

fn read_code(code: &str) -> Result<crate::tree::Tree, ParseError> {
    read(code, is_order, Strings::OfPatterns)
}

/// Whether an error is about the order of arguments or parameters, among which a pattern may have an ellipsis anywhere. The tree has them all.
fn is_order(error: &ParseErrorType) -> bool {
    matches!(
        error,
        ParseErrorType::PositionalAfterKeywordArgument
            | ParseErrorType::PositionalAfterKeywordUnpacking
            | ParseErrorType::InvalidArgumentUnpackingOrder
            | ParseErrorType::NonDefaultParamAfterDefaultParam
            | ParseErrorType::ParamAfterVarKeywordParam
    )
}

/// The text with the indent removed that all its lines have, and no white space around it.
fn without_indent(text: &str) -> String {
    let indent_of = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let indent = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(indent_of)
        .min()
        .unwrap_or(0);
    let lines: Vec<&str> = text
        .lines()
        .map(|line| line.get(indent..).unwrap_or(""))
        .collect();
    lines.join("\n").trim_start_matches('\n').trim_end().to_owned()
}

/// What the text at hand lies in.
enum Within {
    /// Round or square brackets.
    Brackets,
    /// `<... ...>`
    Deep,
    Braces {
        elements: usize,
        /// Where in the code the elements begin that stand for any number of them.
        holes: Vec<usize>,
        pairs: bool,
    },
    /// The expression of an interpolated string.
    Field,
    /// An interpolated string, by what ends it.
    Text(String),
}

/// Writes identifiers in the place of holes, except in strings and comments.
struct Scanner<'p> {
    rest: &'p str,
    code: String,
    within: Vec<Within>,
    /// The last character of the code that is neither white space nor in a comment.
    last: char,
}

impl<'p> Scanner<'p> {
    fn new(pattern: &'p str) -> Scanner<'p> {
        Scanner {
            rest: pattern,
            code: String::new(),
            within: Vec::new(),
            last: '\n',
        }
    }

    fn scan(mut self) -> String {
        while let Some(next) = self.rest.chars().next() {
            match self.within.last() {
                Some(Within::Text(end)) => {
                    let end = end.clone();
                    self.text(next, &end);
                }
                _ => self.token(next),
            }
        }
        self.code
    }

    /// Takes over the next `length` bytes as they are.
    fn copy(&mut self, length: usize) {
        let (taken, rest) = self.rest.split_at(length);
        self.code.push_str(taken);
        self.rest = rest;
        if let Some(last) = taken.trim_end().chars().last() {
            self.last = last;
        }
    }

    fn token(&mut self, next: char) {
        if next.is_whitespace() {
            self.copy(next.len_utf8());
        } else if next == '#' {
            self.comment();
        } else if self.rest.starts_with("<...") {
            self.begin_element();
            self.within.push(Within::Deep);
            self.write(4, &format!("{DEEP}("));
        } else if self.rest.starts_with("...>") && matches!(self.within.last(), Some(Within::Deep)) {
            self.within.pop();
            self.write(4, ")");
        } else if let Some((hole, length)) = Hole::at(self.rest) {
            self.hole(hole, length);
        } else if next == '_' || next.is_alphanumeric() {
            self.begin_element();
            self.word();
        } else if next == '"' || next == '\'' {
            self.begin_element();
            self.string("");
        } else {
            self.sign(next);
        }
    }

    /// Writes something else for the next `length` bytes.
    fn write(&mut self, length: usize, code: &str) {
        self.code.push_str(code);
        self.rest = &self.rest[length..];
        self.last = code.chars().last().unwrap_or(self.last);
    }

    fn comment(&mut self) {
        let length = self.rest.find('\n').unwrap_or(self.rest.len());
        let last = self.last;
        self.copy(length);
        self.last = last;
    }

    fn begin_element(&mut self) {
        if let Some(Within::Braces { elements, .. }) = self.within.last_mut()
            && matches!(self.last, '{' | ',')
        {
            *elements += 1;
        }
    }

    fn hole(&mut self, hole: Hole<'p>, length: usize) {
        self.begin_element();
        let begins = matches!(self.last, '{' | ',');
        let ends = self.rest[length..].trim_start().starts_with([',', '}']);
        if let Some(Within::Braces { holes, .. }) = self.within.last_mut()
            && begins
            && ends
            && !matches!(hole, Hole::Metavariable(_))
        {
            holes.push(self.code.len());
        }
        self.write(length, &hole.identifier());
    }

    fn word(&mut self) {
        let length = self
            .rest
            .find(|c: char| c != '_' && !c.is_alphanumeric())
            .unwrap_or(self.rest.len());
        let word = self.rest[..length].to_ascii_lowercase();
        self.copy(length);
        if self.rest.starts_with(['"', '\'']) {
            self.string(&word);
        }
    }

    fn string(&mut self, prefix: &str) {
        let quote = &self.rest[..1];
        let triple = quote.repeat(3);
        let end = if self.rest.starts_with(&triple) {
            triple
        } else {
            quote.to_owned()
        };
        self.copy(end.len());
        if prefix.contains(['f', 't']) {
            self.within.push(Within::Text(end));
            return;
        }
        while let Some(next) = self.rest.chars().next() {
            if self.rest.starts_with(&end) {
                self.copy(end.len());
                return;
            }
            self.character(next);
        }
    }

    /// A character of a string, or two if the first is a backslash.
    fn character(&mut self, next: char) {
        let escaped = self.rest[next.len_utf8()..]
            .chars()
            .next()
            .filter(|_| next == '\\');
        self.copy(next.len_utf8() + escaped.map_or(0, char::len_utf8));
    }

    fn text(&mut self, next: char, end: &str) {
        if self.rest.starts_with(end) {
            self.copy(end.len());
            self.within.pop();
        } else if self.rest.starts_with("{{") || self.rest.starts_with("}}") {
            self.copy(2);
        } else if next == '{' {
            self.copy(1);
            self.within.push(Within::Field);
        } else if self.rest.starts_with("\\{") {
            self.copy(1);
        } else {
            self.character(next);
        }
    }

    fn sign(&mut self, sign: char) {
        match sign {
            '(' | '[' => {
                self.begin_element();
                self.within.push(Within::Brackets);
            }
            '{' => {
                self.begin_element();
                self.within.push(Within::Braces {
                    elements: 0,
                    holes: Vec::new(),
                    pairs: false,
                });
            }
            ')' | ']' | '}' => self.close(sign),
            ':' if self.rest.starts_with(":=") => {}
            ':' => self.pairs(),
            '*' if self.rest.starts_with("**") && matches!(self.last, '{' | ',') => {
                self.begin_element();
                self.pairs();
            }
            ',' => {}
            _ => self.begin_element(),
        }
        self.copy(sign.len_utf8());
    }

    fn pairs(&mut self) {
        if let Some(Within::Braces { pairs, .. }) = self.within.last_mut() {
            *pairs = true;
        }
    }

    fn close(&mut self, sign: char) {
        match (self.within.pop(), sign) {
            (
                Some(Within::Braces {
                    elements,
                    holes,
                    pairs,
                }),
                '}',
            ) => {
                // Braces with nothing but holes in them are a dict, like empty ones.
                if pairs || elements == holes.len() {
                    for hole in holes.into_iter().rev() {
                        self.code.insert_str(hole, "**");
                    }
                }
            }
            (Some(Within::Field), '}') | (Some(Within::Brackets), ')' | ']') | (None, _) => {}
            // What does not close it is an error for the parser to report.
            (Some(within), _) => self.within.push(within),
        }
    }
}
