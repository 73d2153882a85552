//! Patterns of rules in JavaScript and TypeScript.

use super::parse;
use crate::language::Language;
use crate::language::pattern::{DEEP, Hole, Pattern};
use crate::tree::{Flags, Kind, NodeId, ParseError, Role, Tree};

/// Reads a pattern: statements, an expression, or members of a class.
pub fn parse_pattern(language: Language, text: &str) -> Result<Pattern, ParseError> {
    let code = Scanner::new(text.trim()).scan();
    let expression = format!("({}\n)", code.trim_end().trim_end_matches(';'));
    let in_function = format!("async function* f() {{\n{code}\n}}");
    let in_class = format!("class C {{\n{code}\n}}");
    let as_file = Shape::Whole(&code);
    let as_expression = Shape::Whole(&expression);
    // Braces alone are rather an object than a block.
    let (first, second) = if code.starts_with('{') {
        (as_expression, as_file)
    } else {
        (as_file, as_expression)
    };
    let shapes = [first, second, Shape::Body(&in_function), Shape::Body(&in_class)];
    let languages: &[Language] = match language {
        // A rule for TypeScript may be about JSX.
        Language::TypeScript => &[Language::TypeScript, Language::Tsx],
        Language::Go
        | Language::Java
        | Language::JavaScript
        | Language::Python
        | Language::Rust
        | Language::Tsx => &[language],
        Language::Dockerfile
        | Language::Hcl
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => &[language],
    };
    for language in languages {
        for shape in &shapes {
            if let Ok(pattern) = shape.read(*language) {
                return Ok(pattern);
            }
        }
    }
    as_file.read(language)
}

/// The code that a pattern is read as.
#[derive(Clone, Copy)]
enum Shape<'c> {
    /// The pattern is all of it.
    Whole(&'c str),
    /// The pattern is the body of its only definition.
    Body(&'c str),
}

impl Shape<'_> {
    fn read(self, language: Language) -> Result<Pattern, ParseError> {
        let (Shape::Whole(code) | Shape::Body(code)) = self;
        let mut tree = parse(language, code)?;
        let container = match self {
            Shape::Whole(_) => Some(NodeId::ROOT),
            Shape::Body(_) => tree
                .children(NodeId::ROOT)
                .next()
                .and_then(|definition| tree.child(definition, Role::Body)),
        };
        // A pattern that closes the braces around it has no such body, or more beside it.
        let container = container
            .filter(|container| *container == NodeId::ROOT || tree.children(NodeId::ROOT).count() == 1)
            .filter(|container| tree.children(*container).next().is_some())
            .ok_or_else(|| ParseError::Syntax {
                line: 1,
                message: "there is no code in the pattern".to_owned(),
            })?;
        holes_of_text(&mut tree);
        let mut pattern = Pattern::within(tree, container);
        // `export default` is more than its expression.
        if let Some(statement) = pattern.tree.children(container).next()
            && pattern.tree.kind(statement) == Kind::ExprStmt
            && pattern.tree.flags(statement).has(Flags::EXPORTED)
        {
            pattern.roots = pattern.tree.children(container).collect();
        }
        Ok(pattern)
    }
}

/// The text between two tags may be nothing but a hole.
fn holes_of_text(tree: &mut Tree) {
    for id in tree.all() {
        if tree.kind(id) == Kind::Str && tree.role(id) == Role::Element && tree.name(id).starts_with("__") {
            tree.set_kind(id, Kind::Name);
        }
    }
}

/// What the text at hand lies in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Brackets,
    /// `<... ...>`
    Deep,
    Template,
}

/// Writes identifiers in the place of holes, except in strings, regexes and comments.
struct Scanner<'p> {
    rest: &'p str,
    code: String,
    within: Vec<Within>,
    /// The last word or sign of the code.
    last: &'p str,
    /// The word before the parenthesis that was opened last.
    before_paren: &'p str,
}

impl<'p> Scanner<'p> {
    fn new(pattern: &'p str) -> Scanner<'p> {
        Scanner {
            rest: pattern,
            code: String::new(),
            within: Vec::new(),
            last: "",
            before_paren: "",
        }
    }

    fn scan(mut self) -> String {
        while let Some(next) = self.rest.chars().next() {
            if self.within.last() == Some(&Within::Template) {
                self.template(next);
            } else {
                self.token(next);
            }
        }
        self.code
    }

    /// Takes over the next `length` bytes as they are.
    fn copy(&mut self, length: usize) -> &'p str {
        let (taken, rest) = self.rest.split_at(length);
        self.code.push_str(taken);
        self.rest = rest;
        taken
    }

    /// Writes something else for the next `length` bytes.
    fn write(&mut self, length: usize, code: &str) {
        self.code.push_str(code);
        let (taken, rest) = self.rest.split_at(length);
        self.last = taken;
        self.rest = rest;
    }

    fn token(&mut self, next: char) {
        if next.is_whitespace() {
            self.copy(next.len_utf8());
        } else if self.rest.starts_with("//") {
            self.copy(self.rest.find('\n').unwrap_or(self.rest.len()));
        } else if self.rest.starts_with("/*") {
            self.copy(self.rest.find("*/").map_or(self.rest.len(), |end| end + 2));
        } else if self.rest.starts_with("<...") {
            self.within.push(Within::Deep);
            self.write(4, &format!("{DEEP}("));
        } else if self.rest.starts_with("...>") && self.within.last() == Some(&Within::Deep) {
            self.within.pop();
            self.write(4, ")");
        } else if let Some((hole, length)) = Hole::at(self.rest) {
            match hole {
                Hole::Ellipsis => self.ellipsis(),
                Hole::Metavariable(_) | Hole::Metavariables(_) => self.write(length, &hole.identifier()),
            }
        } else if is_word(next) {
            let end = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
            self.last = self.copy(end);
        } else {
            self.sign(next);
        }
    }

    /// `...`, unless it spreads what follows.
    fn ellipsis(&mut self) {
        let after = &self.rest[3..];
        let next = after.chars().next().unwrap_or(' ');
        let named = matches!(self.last, "." | "function" | "class");
        if !named && (is_word(next) || matches!(next, '[' | '{' | '(' | '"' | '\'' | '`')) {
            self.last = self.copy(3);
            return;
        }
        let identifier = Hole::Ellipsis.identifier();
        if self.last == "(" && self.before_paren == "for" && after.trim_start().starts_with(')') {
            return self.write(3, &format!("{identifier};{identifier};{identifier}"));
        }
        // Without a line's end or a semicolon, a statement would go on with the next one.
        let alone = self
            .code
            .trim_end_matches([' ', '\t'])
            .ends_with(['\n', '{', '}', ';'])
            || self.code.trim().is_empty();
        let end = match after.trim_start().chars().next() {
            Some('(' | '[' | '`' | '/' | '+' | '-')
                if alone && after.trim_start_matches(' ').starts_with('\n') =>
            {
                ";\n"
            }
            Some('=') => " ",
            Some(_) => "\n",
            None => "",
        };
        self.write(3, &format!("{identifier}{end}"));
    }

    fn sign(&mut self, sign: char) {
        match sign {
            '"' | '\'' => {
                let length = string_length(self.rest, sign);
                self.last = self.copy(length);
                return;
            }
            '/' if self.regex_follows() => {
                if let Some(length) = regex_length(self.rest) {
                    self.last = self.copy(length);
                    return;
                }
            }
            '`' => self.within.push(Within::Template),
            '(' | '[' | '{' => {
                if sign == '(' {
                    self.before_paren = self.last;
                }
                self.within.push(Within::Brackets);
            }
            ')' | ']' | '}' if self.within.last() == Some(&Within::Brackets) => {
                self.within.pop();
            }
            _ => {}
        }
        self.last = self.copy(sign.len_utf8());
    }

    fn regex_follows(&self) -> bool {
        let operand = self
            .last
            .ends_with(|c: char| is_word(c) || matches!(c, ')' | ']' | '}' | '"' | '\'' | '`' | '<'));
        !operand || matches!(self.last, "return" | "typeof" | "case")
    }

    fn template(&mut self, next: char) {
        if next == '`' {
            self.within.pop();
            self.last = self.copy(1);
        } else if self.rest.starts_with("${") {
            self.within.push(Within::Brackets);
            self.copy(2);
            self.last = "{";
        } else {
            self.copy(character_length(self.rest));
        }
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '$')
}

/// Of the next character, or of two if the first is a backslash.
fn character_length(text: &str) -> usize {
    let mut characters = text.chars();
    let first = characters.next();
    let escaped = characters.next().filter(|_| first == Some('\\'));
    first.map_or(0, char::len_utf8) + escaped.map_or(0, char::len_utf8)
}

/// Of a string with its quotes; of the quote alone where there is no second one (an apostrophe of JSX).
fn string_length(text: &str, quote: char) -> usize {
    let mut length = 1;
    while length < text.len() {
        if text[length..].starts_with(quote) {
            return length + 1;
        }
        length += character_length(&text[length..]);
    }
    1
}

/// Of a regex with its slashes, if it ends on its line.
fn regex_length(text: &str) -> Option<usize> {
    let mut length = 1;
    let mut class = false;
    while length < text.len() {
        match text.as_bytes()[length] {
            b'\n' => return None,
            b'[' => class = true,
            b']' => class = false,
            b'/' if !class => return Some(length + 1),
            _ => {}
        }
        length += character_length(&text[length..]);
    }
    None
}
