//! Patterns in Java: what Java has no word for is replaced by names, and the names are replaced in the tree.

use super::lexis::literal_or_comment;
use super::parse;
use crate::language::pattern::{self, DEEP, Hole, Pattern};
use crate::language::sitter::syntax;
use crate::tree::{Kind, NodeId, ParseError, Role, Tree};

/// The name of a parameter that stands for any number of them.
const ANY: &str = "__any__";
/// What the type of a metavariable is written behind: `(T $X)` is read as a cast.
const TYPED: &str = "__typed__";

/// Reads a pattern: an expression, statements, members of a class, or declarations.
pub fn parse_pattern(text: &str) -> Result<Pattern, ParseError> {
    let code = replace(text);
    let trimmed = code.trim_end();
    if trimmed.is_empty() {
        return Err(syntax(text, 0, "the pattern is empty".to_owned()));
    }
    // `class A {…}` is a statement too; a method is none, and `@A class B {}` may be either.
    let statement = |code: &str| format!("class C {{ void f() {{\n{code}\n}} }}");
    let member = format!("class C {{\n{trimmed}\n}}");
    let closed = format!("{trimmed};");
    let ways = [
        (statement(&closed), 2),
        (statement(trimmed), 2),
        (member, 1),
        (trimmed.to_owned(), 0),
    ];
    let mut first_error = None;
    for (code, depth) in ways {
        match parse(&code) {
            Ok(tree) => {
                if let Some(pattern) = within(tree, depth) {
                    return Ok(pattern);
                }
            }
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
    }
    if let Some(annotation) = annotation(trimmed) {
        return Ok(annotation);
    }
    Err(match first_error {
        Some(ParseError::Syntax { message, .. }) => ParseError::Syntax {
            line: 1,
            message: as_written(&message),
        },
        Some(error) => error,
        None => syntax(text, 0, "can not be read as Java".to_owned()),
    })
}

/// The pattern in the class, or in its method, that was written around it.
fn within(mut tree: Tree, depth: usize) -> Option<Pattern> {
    let mut container = NodeId::ROOT;
    for _ in 0..depth {
        let only = tree.children(container).next()?;
        container = tree.child(only, Role::Body)?;
    }
    put_back(&mut tree);
    let pattern = Pattern::within(tree, container);
    // What is closed twice ends with an empty statement, which is none.
    let roots: Vec<NodeId> = pattern
        .roots
        .iter()
        .copied()
        .filter(|root| pattern.tree.kind(*root) != Kind::Pass)
        .collect();
    (!roots.is_empty()).then_some(Pattern { roots, ..pattern })
}

/// `@A(…)` alone is the annotation itself.
fn annotation(code: &str) -> Option<Pattern> {
    if !code.starts_with('@') {
        return None;
    }
    let mut tree = parse(&format!("{code} class C {{}}")).ok()?;
    let class = tree.children(NodeId::ROOT).next()?;
    let decorator = tree.child(class, Role::Decorator)?;
    put_back(&mut tree);
    let pattern = Pattern::within(tree, decorator);
    Some(pattern)
}

/// Puts names where Java has no word: `$X`, `$...X`, `...`, `<... x ...>`, `(T $X)`.
fn replace(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = String::with_capacity(text.len() * 2);
    let mut brackets: Vec<Brackets> = Vec::new();
    let mut deep = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if let Some(end) = literal_or_comment(bytes, at) {
            let end = end.min(text.len());
            code.push_str(&text[at..end]);
            at = end;
        } else if rest.starts_with("<...") {
            code.push_str(DEEP);
            code.push('(');
            deep += 1;
            at += 4;
        } else if deep > 0 && rest.starts_with("...>") {
            code.push(')');
            deep -= 1;
            at += 4;
        } else if let Some((typed, length)) = typed(&text[..at], rest) {
            code.push_str(&typed);
            at += length;
        } else if let Some((hole, length)) = Hole::at(rest) {
            let is_all = !matches!(hole, Hole::Metavariable(_));
            let word = hole.identifier();
            if hole == Hole::Ellipsis && is_variadic(&text[..at], &rest[3..]) {
                code.push_str("...");
            } else if is_all && is_statement(&text[..at], &rest[length..]) {
                code.push_str(&format!(" {word} {word}; "));
            } else {
                match brackets.last().filter(|_| is_all) {
                    Some(Brackets::Parameters) => code.push_str(&format!("{word} {ANY}")),
                    Some(Brackets::Annotation) => code.push_str(&format!("{word} = 0")),
                    Some(Brackets::Others) | None => code.push_str(&word),
                }
            }
            at += length;
        } else {
            let letter = rest.chars().next().unwrap_or_default();
            match letter {
                '(' => brackets.push(Brackets::after(&text[..at])),
                ')' => {
                    brackets.pop();
                }
                _ => {}
            }
            code.push(letter);
            at += letter.len_utf8();
        }
    }
    code
}

/// `(T $X)` where a value stands, and its length.
fn typed(before: &str, rest: &str) -> Option<(String, usize)> {
    let inside = rest.strip_prefix('(')?;
    let end = inside.find(')')?;
    let (of, name) = inside[..end].trim().split_once(char::is_whitespace)?;
    let (hole, length) = Hole::at(name.trim())?;
    let Hole::Metavariable(_) = hole else { return None };
    let is_type = of.starts_with(|first: char| first.is_alphabetic())
        && of
            .chars()
            .all(|letter| letter.is_alphanumeric() || "_.<>[]?,".contains(letter));
    let before = before.trim_end();
    let declares = before.ends_with(|last: char| last.is_alphanumeric() || last == '_')
        && !before.ends_with("return")
        && !before.ends_with("throw");
    let follows = inside[end + 1..].trim_start();
    let is_whole = name.trim().len() == length && !follows.starts_with("->") && !follows.starts_with('{');
    (is_type && is_whole && !declares).then(|| (format!("(({TYPED}<{of}>) {})", hole.identifier()), end + 2))
}

/// What stands within brackets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Brackets {
    /// The parameters of a method.
    Parameters,
    /// What an annotation is given.
    Annotation,
    Others,
}

impl Brackets {
    /// By the text before them: parameters have a type and a name there.
    fn after(before: &str) -> Brackets {
        let is_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '$');
        let before = before.trim_end();
        let of = before.trim_end_matches(is_word);
        if of.len() == before.len() {
            return Brackets::Others;
        }
        if before
            .trim_end_matches(|letter: char| is_word(letter) || letter == '.')
            .ends_with('@')
        {
            return Brackets::Annotation;
        }
        let of = of.trim_end();
        let word = of.rsplit(|letter: char| !is_word(letter)).next().unwrap_or("");
        let declares = match word {
            "" => of.ends_with(['>', ']']),
            word => !matches!(word, "new" | "return" | "throw" | "else" | "yield" | "assert"),
        };
        if declares {
            Brackets::Parameters
        } else {
            Brackets::Others
        }
    }
}

/// Whether `...` is Java's own: `T... args`.
fn is_variadic(before: &str, after: &str) -> bool {
    let is_type = before.ends_with(|last: char| last.is_alphanumeric() || matches!(last, '_' | ']' | '>'));
    is_type
        && after.starts_with([' ', '$'])
        && after
            .trim_start()
            .starts_with(|next: char| next.is_alphabetic() || matches!(next, '_' | '$'))
}

/// Whether what stands here is a statement or a member by itself.
fn is_statement(before: &str, after: &str) -> bool {
    let before = before.trim_end();
    let line_begins = before.is_empty() || before.ends_with(['{', '}', ';']) || before.ends_with("...");
    // `case 1: ...`, `-> ...`
    let is_list = before
        .strip_suffix('{')
        .is_some_and(|list| list.trim_end().ends_with(']'))
        || after.trim_start().starts_with([',', '.', ')']);
    // An expression that is `...` alone is a statement of any kind too.
    line_begins && !is_list
}

/// Turns what [`replace`] has put into what it stands for, as far as it is not in the place of an expression.
fn put_back(tree: &mut Tree) {
    let nodes: Vec<NodeId> = tree.all().collect();
    for id in nodes {
        match tree.kind(id) {
            // `__ellipsis__ __ellipsis__;`
            Kind::Assign => {
                let target = tree
                    .child(id, Role::Target)
                    .map(|target| tree.name(target).to_owned());
                let of = tree.child(id, Role::Type).map(|of| tree.name(of).to_owned());
                if let (Some(target), Some(of), None) = (target, of, tree.child(id, Role::Value))
                    && target == of
                {
                    become_hole(tree, id, &target);
                }
            }
            Kind::Param if tree.name(id) == ANY => {
                let of = tree.child(id, Role::Type).map(|of| tree.name(of).to_owned());
                if let Some(of) = of {
                    tree.set_name(id, &of);
                }
            }
            Kind::Cast => {
                let of = tree.child(id, Role::Type).map(|of| tree.name(of).to_owned());
                let of = of.as_deref().and_then(|of| {
                    of.strip_prefix(TYPED)?
                        .strip_prefix('<')?
                        .strip_suffix('>')
                        .map(str::to_owned)
                });
                if let (Some(of), Some(value)) = (of, tree.child(id, Role::Value)) {
                    if let Some(written) = tree.child(id, Role::Type) {
                        tree.set_name(written, &of);
                    }
                    let name = tree.name(value).to_owned();
                    become_hole(tree, id, &name);
                }
            }
            _ => {}
        }
    }
}

fn become_hole(tree: &mut Tree, id: NodeId, word: &str) {
    tree.set_kind(id, Kind::Name);
    tree.set_name(id, word);
}

/// Undoes [`replace`], for errors.
fn as_written(code: &str) -> String {
    let code = code.replace(&format!(" {ANY}"), "");
    pattern::as_written(&code)
}
