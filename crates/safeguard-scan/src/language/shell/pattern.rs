//! Patterns of bash, as Semgrep writes them: `$X` is any word, `${X}` the variable itself, `${$X}` any variable, `...` any words or commands. What
//! stands for a hole is written as a variable, which the grammar takes wherever a word may be.

use super::parse;
use crate::language::pattern::{Hole, Pattern, as_written, become_hole, is_any_number};
use crate::language::sitter::syntax;
use crate::tree::{Kind, NodeId, ParseError, Role, Tree};

/// Stands for the name of a variable that a pattern leaves open.
const VARIABLE: &str = "__any_";

/// Reads a pattern: commands.
pub fn parse_pattern(text: &str) -> Result<Pattern, ParseError> {
    let code = replace(text);
    let mut tree = parse(&code).map_err(|error| match error {
        ParseError::Syntax { line, message } => ParseError::Syntax {
            line,
            message: as_written(&message),
        },
        other => other,
    })?;
    restore(&mut tree).map_err(|message| syntax(text, 0, message))?;
    let statements: Vec<NodeId> = tree.children(NodeId::ROOT).collect();
    let roots = match statements.as_slice() {
        [] => return Err(syntax(text, 0, "the pattern is empty".to_owned())),
        // One command also fits within a condition, a pipe or a list.
        [statement] if tree.kind(*statement) == Kind::ExprStmt => tree.children(*statement).collect(),
        _ => statements,
    };
    Ok(Pattern { tree, roots })
}

/// Writes variables in the place of the holes; nothing is one within `'…'`.
pub fn replace(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut quote: Option<char> = None;
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        let rest = &text[at..];
        if quote != Some('\'') {
            if let Some(name) = rest.strip_prefix("${$").and_then(variable) {
                code.push_str(&format!("${{{VARIABLE}{name}"));
                at += "${$".len() + name.len();
                continue;
            }
            if let Some((hole, length)) = Hole::at(rest)
                && !(quote.is_some() && hole == Hole::Ellipsis)
            {
                let identifier = hole.identifier();
                match is_plain_name(&code, &rest[length..]) {
                    true => code.push_str(&identifier),
                    false => code.push_str(&format!("${{{identifier}}}")),
                }
                at += length;
                continue;
            }
        }
        match quote {
            Some(open) if open == letter && !code.ends_with('\\') => quote = None,
            None if matches!(letter, '"' | '\'') && !code.ends_with('\\') => quote = Some(letter),
            Some(_) | None => {}
        }
        code.push(letter);
        at += letter.len_utf8();
    }
    code
}

fn variable(text: &str) -> Option<&str> {
    let end = text.find(|char: char| !(char.is_ascii_uppercase() || char.is_ascii_digit() || char == '_'))?;
    (end > 0).then(|| &text[..end])
}

/// Whether a hole is where the grammar wants a name: of a loop's variable, a function, or what is assigned.
fn is_plain_name(before: &str, after: &str) -> bool {
    let line = before.rsplit(['\n', ';', '&', '|', '(']).next().unwrap_or("");
    let last = line.split_whitespace().next_back();
    let begins = line.is_empty() || line.ends_with(char::is_whitespace);
    let named = matches!(
        last,
        Some("for" | "function" | "select" | "declare" | "local" | "export" | "readonly" | "unset")
    );
    begins && (named || after.starts_with('=') || after.starts_with("+=") || after.starts_with("()"))
}

/// Puts the holes back; what is a part of a word only, where nothing else may stand, is told.
pub fn restore(tree: &mut Tree) -> Result<(), String> {
    let nodes: Vec<NodeId> = tree.all().collect();
    for id in nodes.into_iter().rev() {
        let name = tree.name(id).to_owned();
        match tree.kind(id) {
            Kind::Name | Kind::Str if Hole::from_identifier(&name).is_some() => {
                if let Some(hole) = Hole::from_identifier(&name) {
                    become_hole(tree, id, hole);
                }
            }
            Kind::Name => {
                if let Some(variable) = name.strip_prefix(VARIABLE) {
                    tree.set_name(id, &format!("${variable}"));
                }
            }
            Kind::Function => match Hole::from_identifier(&name) {
                Some(Hole::Metavariable(metavariable)) => tree.set_name(id, &format!("${metavariable}")),
                Some(Hole::Ellipsis | Hole::Metavariables(_)) | None => {}
            },
            // A command that is nothing but `...` is any number of them.
            Kind::Call | Kind::ExprStmt => {
                let mut children = tree.children(id);
                if let (Some(only), None) = (children.next(), children.next())
                    && is_any_number(tree, only)
                    && (tree.kind(id) == Kind::ExprStmt || tree.role(only) == Role::Callee)
                {
                    become_hole(tree, id, Hole::Ellipsis);
                }
            }
            _ if Hole::is_in(&name) => {
                return Err(format!("a hole within `{}` is not supported", as_written(&name)));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(text: &str) -> String {
        parse_pattern(text).map_or_else(|error| error.to_string(), |pattern| pattern.tree.outline())
    }

    #[test]
    fn holes_of_patterns() {
        insta::assert_snapshot!(outline("rm -rf $DIR ...\n"), @r#"
        Module
          ExprStmt
            Value: Call
              Callee: Str "rm"
              Arg: Str "-rf"
              Arg: Metavariable "DIR"
              Arg: Ellipsis ""
        "#);
        insta::assert_snapshot!(outline("curl ${$URL} | bash\n...\n"), @r#"
        Module
          ExprStmt
            Value: Binary "|"
              Left: Call
                Callee: Str "curl"
                Arg: Name "$URL"
              Right: Call
                Callee: Str "bash"
          Ellipsis ""
            Value: Ellipsis ""
              Callee: Ellipsis ""
        "#);
        insta::assert_snapshot!(outline("for $X in ...; do\n  ...\n  eval \"$CMD\"\ndone\n"), @r#"
        Module
          ForEach "in"
            Target: Metavariable "X"
            Iter: Ellipsis ""
            Body: Block
              Ellipsis ""
                Value: Ellipsis ""
                  Callee: Ellipsis ""
              ExprStmt
                Value: Call
                  Callee: Str "eval"
                  Arg: Metavariable "CMD"
        "#);
        insta::assert_snapshot!(outline("$X=$(mktemp)\necho '$A ...' \"...\" ${HOME}\n"), @r#"
        Module
          Assign "="
            Target: Metavariable "X"
            Value: Block
              ExprStmt
                Value: Call
                  Callee: Str "mktemp"
          ExprStmt
            Value: Call
              Callee: Str "echo"
              Arg: Str "$A ..."
              Arg: Str "..."
              Arg: Name "HOME"
        "#);
    }
}
