//! Patterns in Go: what Go has no word for is replaced by names, and the names are replaced in the tree.

use super::lexis::literal_or_comment;
use super::{parse, syntax};
use crate::language::pattern::Pattern;
use crate::tree::{Kind, NodeId, ParseError, Role, Tree};

const METAVARIABLE: &str = "__mv_";
const METAVARIABLES: &str = "__mvs_";
const ELLIPSIS: &str = "__ellipsis__";
const DEEP: &str = "__deep__";

/// Reads a pattern: declarations, statements or an expression.
pub fn parse_pattern(text: &str) -> Result<Pattern, ParseError> {
    // A statement ends with its line.
    let code = replace(text) + "\n";
    let mut pattern = match read_body(&code).or_else(|| read_expression(&code)) {
        Some(pattern) => pattern,
        None => read_file(&code).map_err(in_its_words)?,
    };
    if pattern.roots.is_empty() {
        return Err(syntax(text, 0, "the pattern is empty".to_owned()));
    }
    for id in pattern.tree.all() {
        put_back(&mut pattern.tree, id);
    }
    Ok(pattern)
}

/// Statements, or one expression. Outside of a function `f(x)` would be read as a conversion.
fn read_body(code: &str) -> Option<Pattern> {
    let tree = parse(&format!("func _() {{\n{code}\n}}")).ok()?;
    let mut declarations = tree.children(NodeId::ROOT);
    let (Some(function), None) = (declarations.next(), declarations.next()) else {
        return None;
    };
    let body = tree.child(function, Role::Body)?;
    let mut roots: Vec<NodeId> = tree.children(body).collect();
    if let [only] = roots[..]
        && tree.kind(only) == Kind::ExprStmt
    {
        roots = tree.children(only).collect();
    }
    Some(Pattern { tree, roots })
}

/// Declarations.
fn read_file(code: &str) -> Result<Pattern, ParseError> {
    let tree = parse(code)?;
    let mut roots: Vec<NodeId> = tree.children(NodeId::ROOT).collect();
    if let [only] = roots[..]
        && tree.kind(only) == Kind::ExprStmt
    {
        roots = tree.children(only).collect();
    }
    Ok(Pattern { tree, roots })
}

/// An expression that is not one where a statement stands.
fn read_expression(code: &str) -> Option<Pattern> {
    let tree = parse(&format!("var _ = {code}")).ok()?;
    let mut statements = tree.children(NodeId::ROOT);
    let (Some(assign), None) = (statements.next(), statements.next()) else {
        return None;
    };
    let value = tree.child(assign, Role::Value)?;
    (tree.kind(value) != Kind::Tuple).then_some(Pattern {
        tree,
        roots: vec![value],
    })
}

/// Puts names where Go has no word: `$X`, `$...X`, `...`, `<... x ...>`.
fn replace(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = String::with_capacity(text.len() * 2);
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
        } else if let Some((name, length)) = metavariable(rest, "$...") {
            code.push_str(METAVARIABLES);
            code.push_str(name);
            at += length;
        } else if let Some((name, length)) = metavariable(rest, "$") {
            code.push_str(METAVARIABLE);
            code.push_str(name);
            at += length;
        } else if let Some(after) = rest.strip_prefix("...") {
            let before = &text[..at];
            if is_of_go(before, after) {
                code.push_str("...");
            } else {
                // Not one word with a name before it.
                code.push(' ');
                code.push_str(ELLIPSIS);
                code.push_str(if is_statement(before, after) { ";" } else { "" });
            }
            at += 3;
        } else {
            let letter = rest.chars().next().unwrap_or_default();
            code.push(letter);
            at += letter.len_utf8();
        }
    }
    code
}

fn metavariable<'t>(rest: &'t str, sign: &str) -> Option<(&'t str, usize)> {
    let name = rest.strip_prefix(sign)?;
    let allowed = |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
    let length = name.find(|letter| !allowed(letter)).unwrap_or(name.len());
    let name = &name[..length];
    let starts = name.starts_with(|letter: char| !letter.is_ascii_digit());
    (starts && !name.is_empty()).then_some((name, sign.len() + length))
}

/// Whether `...` is Go's own: `[...]T`, `f(args...)`, `func(args ...T)`.
fn is_of_go(before: &str, after: &str) -> bool {
    let begins = |what: &[char]| after.trim_start().starts_with(what);
    let value = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | ')' | ']' | '}');
    let bracket = before.trim_end().strip_suffix('[');
    let array = bracket.is_some_and(|before| !before.ends_with(value)) && begins(&[']']);
    let spread = before.ends_with(value) && begins(&[')', ',']);
    let of_type = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '*' | '[' | '$');
    array || spread || after.starts_with(of_type)
}

/// Whether `...` is a statement with another one after it on the same line, which Go wants a semicolon between.
fn is_statement(before: &str, after: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or("").trim();
    let begins = line.is_empty() || line.ends_with(['{', ';', '}']);
    let another = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '$' | '<' | '*');
    begins && after.trim_start_matches([' ', '\t']).starts_with(another)
}

/// Undoes [`replace`].
fn as_written(code: &str) -> String {
    code.replace(METAVARIABLES, "$...")
        .replace(METAVARIABLE, "$")
        .replace(ELLIPSIS, "...")
        .replace(DEEP, "<...")
}

/// The error with the pattern as its author wrote it.
fn in_its_words(error: ParseError) -> ParseError {
    match error {
        ParseError::Syntax { line, message } => ParseError::Syntax {
            line,
            message: as_written(&message),
        },
        ParseError::TooDeep { .. } | ParseError::TooLarge { .. } => error,
    }
}

/// Turns the names that [`replace`] has put into what they stand for.
fn put_back(tree: &mut Tree, id: NodeId) {
    let name = tree.name(id).to_owned();
    match tree.kind(id) {
        Kind::Name => hole(tree, id, &name),
        // The names of fields in struct literals are `Str`.
        Kind::Str if tree.source(id) == name => hole(tree, id, &name),
        // A string is left as it is, whatever it says.
        Kind::Str => {}
        Kind::Type if name == ELLIPSIS => hole(tree, id, &name),
        // Where there is but one word, it stands for the whole: `func f(...)`, `struct { $...FIELDS }`.
        Kind::Param | Kind::Field if name.is_empty() || is_all(tree, id, &name) => {
            let word = tree
                .child(id, Role::Type)
                .map_or(String::new(), |of| tree.name(of).to_owned());
            hole(tree, id, &word);
        }
        Kind::Param | Kind::Field if name == ELLIPSIS || name.starts_with(METAVARIABLES) => {
            hole(tree, id, &name)
        }
        Kind::ExprStmt if is_name(tree, id, Role::Value, ELLIPSIS) => tree.set_kind(id, Kind::Ellipsis),
        Kind::Call if is_name(tree, id, Role::Callee, DEEP) => tree.set_kind(id, Kind::Deep),
        _ if name.contains("__") => {
            let shown = as_written(&name);
            if shown != name {
                tree.set_name(id, &shown);
            }
        }
        _ => {}
    }
}

fn hole(tree: &mut Tree, id: NodeId, word: &str) {
    let (kind, name) = if word == ELLIPSIS {
        (Kind::Ellipsis, "...")
    } else if let Some(name) = word.strip_prefix(METAVARIABLES) {
        (Kind::Metavariables, name)
    } else if let Some(name) = word.strip_prefix(METAVARIABLE) {
        (Kind::Metavariable, name)
    } else {
        return;
    };
    tree.set_kind(id, kind);
    tree.set_name(id, name);
}

/// Whether the node consists of that word alone: an embedded field.
fn is_all(tree: &Tree, id: NodeId, word: &str) -> bool {
    tree.source(id) == word
}

fn is_name(tree: &Tree, id: NodeId, role: Role, name: &str) -> bool {
    tree.child(id, role)
        .is_some_and(|child| tree.kind(child) == Kind::Name && tree.name(child) == name)
}
