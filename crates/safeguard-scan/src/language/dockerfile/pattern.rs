//! Patterns of Dockerfiles: instructions with `$X` for a word and `...` for any words or instructions; what they run is a pattern of bash.

use super::parse;
use crate::language::pattern::{Hole, Pattern, as_written, become_hole, is_any_number};
use crate::language::shell::pattern as shell;
use crate::language::sitter::syntax;
use crate::tree::{Kind, NodeId, ParseError, Role};

/// Stands for a line that is nothing but `...`: the grammar takes any name behind this instruction.
const INSTRUCTIONS: &str = "MAINTAINER __any_instructions__";

/// Reads a pattern: instructions.
pub fn parse_pattern(text: &str) -> Result<Pattern, ParseError> {
    let mut code = String::new();
    let mut goes_on = false;
    let mut in_script = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if !goes_on {
            let first = trimmed
                .split_whitespace()
                .next()
                .unwrap_or("")
                .to_ascii_uppercase();
            let in_list = trimmed[first.len()..].trim_start().starts_with('[');
            in_script = matches!(first.as_str(), "RUN" | "CMD" | "ENTRYPOINT") && !in_list;
        }
        match trimmed {
            "..." if !goes_on => code.push_str(INSTRUCTIONS),
            _ if in_script => code.push_str(&shell::replace(line)),
            _ => words(line, &mut code),
        }
        code.push('\n');
        goes_on = trimmed.ends_with('\\');
    }
    let mut tree = parse(&code).map_err(|error| match error {
        ParseError::Syntax { line, message } => ParseError::Syntax {
            line,
            message: as_written(&message),
        },
        other => other,
    })?;
    if let Some(why) = tree.unread().first() {
        return Err(syntax(text, 0, as_written(why)));
    }
    let nodes: Vec<NodeId> = tree.all().collect();
    for id in nodes.into_iter().rev() {
        let name = tree.name(id).to_owned();
        match tree.kind(id) {
            Kind::Section if tree.source(id) == INSTRUCTIONS => become_hole(&mut tree, id, Hole::Ellipsis),
            // Parts of words: `python:$TAG`.
            Kind::Str | Kind::Keyword if Hole::from_identifier(&name).is_none() && Hole::is_in(&name) => {
                tree.set_name(id, &as_written(&name));
            }
            Kind::Keyword => match Hole::from_identifier(&name) {
                Some(hole @ (Hole::Ellipsis | Hole::Metavariables(_))) => become_hole(&mut tree, id, hole),
                Some(Hole::Metavariable(metavariable)) => tree.set_name(id, &format!("${metavariable}")),
                None => {}
            },
            _ => {}
        }
    }
    shell::restore(&mut tree).map_err(|message| syntax(text, 0, message))?;
    // `RUN ...` is whatever is run, as a script or as a list of words.
    let bodies: Vec<NodeId> = tree.all().filter(|id| tree.role(*id) == Role::Body).collect();
    for body in bodies {
        let mut inner = tree.children(body);
        if let (Some(only), None) = (inner.next(), inner.next())
            && is_any_number(&tree, only)
        {
            become_hole(&mut tree, body, Hole::Ellipsis);
        }
    }
    let roots: Vec<NodeId> = tree.children(NodeId::ROOT).collect();
    if roots.is_empty() {
        return Err(syntax(text, 0, "the pattern is empty".to_owned()));
    }
    Ok(Pattern { tree, roots })
}

/// Writes words in the place of the holes; in a list of strings a hole is one of them.
fn words(line: &str, code: &mut String) {
    let mut in_list = false;
    let mut in_quotes = false;
    let mut at = 0;
    while let Some(letter) = line[at..].chars().next() {
        if let Some((hole, length)) = Hole::at(&line[at..])
            && !(in_quotes && hole == Hole::Ellipsis)
        {
            let identifier = hole.identifier();
            match in_list && !in_quotes {
                true => code.push_str(&format!("\"{identifier}\"")),
                false => code.push_str(&identifier),
            }
            at += length;
            continue;
        }
        match letter {
            '"' => in_quotes = !in_quotes,
            '[' if !in_quotes => in_list = true,
            ']' if !in_quotes => in_list = false,
            _ => {}
        }
        code.push(letter);
        at += letter.len_utf8();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(text: &str) -> String {
        parse_pattern(text).map_or_else(|error| error.to_string(), |pattern| pattern.tree.outline())
    }

    #[test]
    fn holes_of_patterns() {
        insta::assert_snapshot!(outline("FROM $IMAGE:latest\n...\nRUN curl $URL | sh\n"), @r#"
        Module
          Section "FROM"
            Arg: Str "$IMAGE:latest"
          Ellipsis ""
            Arg: Str "__any_instructions__"
          Section "RUN"
            Body: Block
              ExprStmt
                Value: Binary "|"
                  Left: Call
                    Callee: Str "curl"
                    Arg: Metavariable "URL"
                  Right: Call
                    Callee: Str "sh"
        "#);
        insta::assert_snapshot!(outline("USER $U\nENV $K=$V\nCMD [..., \"-x\", $Y]\nRUN ...\n"), @r#"
        Module
          Section "USER"
            Arg: Metavariable "U"
          Section "ENV"
            Arg: Keyword "$K"
              Value: Metavariable "V"
          Section "CMD"
            Body: Block
              ExprStmt
                Value: Call
                  Callee: Ellipsis ""
                  Arg: Str "-x"
                  Arg: Metavariable "Y"
          Section "RUN"
            Body: Ellipsis ""
              Ellipsis ""
                Value: Ellipsis ""
                  Callee: Ellipsis ""
        "#);
    }
}
