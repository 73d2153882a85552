//! Shell scripts: from the tree of bash's grammar to ours, for files and for scripts within files of other languages.
//!
//! A command is a `Call`: its Callee and its Args are words (`Str`; `Name` for `$X`; `Interp` for words that are put together; `Binary` for
//! `${X:-y}`), what is written before it (`X=1 make`) is `Assign` in role Init, and a redirection is a `Keyword` in role Target, named by its
//! operator. `a && b` and `a || b` are `and` and `or`, a pipe is a `Binary` named `|`, `$(…)` a `Block` within a word, `a &` is `Go`.

pub(super) mod pattern;
#[cfg(test)]
mod tests;
mod words;

use std::sync::LazyLock;

use std::ops::Range;

use super::Language;
use super::script::Script;
use super::sitter::nodes::{At, Grammar, Nodes};
use super::sitter::{self, syntax};
use crate::tree::{Builder, Flags, Kind, ParseError, Role, Tree};

static GRAMMAR: LazyLock<Grammar> = LazyLock::new(|| Grammar::of(tree_sitter_bash::LANGUAGE.into()));

pub fn parse(text: &str) -> Result<Tree, ParseError> {
    let mut out = Builder::new(Language::Shell, text);
    let script = Script::whole(text);
    let read = match out.open(Kind::Module, Role::Item, 0..text.len()) {
        true => convert(&script, text, &mut out),
        false => Ok(()),
    };
    out.close();
    read?;
    out.finish()
}

/// Adds the statements of a script to the open node. `file` is what the script lies in.
pub(super) fn convert(script: &Script, file: &str, out: &mut Builder) -> Result<(), ParseError> {
    let masked = masked(script);
    let in_file = |error| match error {
        ParseError::Syntax { line, message } => {
            let before = script.text.split('\n').take(line.saturating_sub(1));
            let offset = before.map(|line| line.len() + 1).sum();
            syntax(file, script.at(offset), message)
        }
        other => other,
    };
    if script.text.contains('\0') {
        return Err(syntax(file, script.at(0), "a zero byte in a script".to_owned()));
    }
    let steps = sitter::steps_max(&masked);
    let nodes = sitter::read(&masked, &GRAMMAR, steps).map_err(in_file)?;
    let mut convert = Convert {
        script,
        nodes: &nodes,
        out,
    };
    for comment in nodes.comments() {
        convert.out.comment(script.span(comment.clone()));
    }
    convert.statements(At::ROOT);
    Ok(())
}

/// The text with the same length that the grammar reads: letters beyond ASCII and holes are plain letters, as both are parts of words, and the
/// grammar's scanner looks letters up in a table that ends before them. A backslash that begins a line, as in `\rm`, is masked too: the
/// grammar joins it to the line before.
fn masked(script: &Script) -> String {
    let mut masked = String::with_capacity(script.text.len());
    let mut before = '\n';
    let mut letters = script.text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let plain = |next: &(usize, char)| next.1.is_ascii_alphanumeric() || next.1 == '_';
        match letter {
            _ if script.hole_at(at).is_some() => masked.extend(std::iter::repeat_n('Q', letter.len_utf8())),
            '\\' if before == '\n' && letters.peek().is_some_and(plain) => masked.push('Q'),
            letter if letter.is_ascii() => masked.push(letter),
            letter => masked.extend(std::iter::repeat_n('Q', letter.len_utf8())),
        }
        before = letter;
    }
    masked
}

struct Convert<'t> {
    script: &'t Script,
    nodes: &'t Nodes,
    out: &'t mut Builder,
}

impl<'t> Convert<'t> {
    fn node(&mut self, kind: Kind, role: Role, span: Range<usize>, inside: impl FnOnce(&mut Self)) {
        let span = self.script.span(span);
        if self.out.open(kind, role, span) {
            inside(self);
        }
        self.out.close();
    }

    fn source(&self, at: At) -> &'t str {
        self.text(self.nodes.span(at))
    }

    fn text(&self, span: Range<usize>) -> &'t str {
        self.script.text.get(span).unwrap_or("")
    }

    fn statements(&mut self, at: At) {
        let nodes = self.nodes;
        let children: Vec<At> = nodes.children(at).collect();
        self.these(&children);
    }

    /// Statements among tokens: `&` behind one sends it to the background.
    fn these(&mut self, children: &[At]) {
        let nodes = self.nodes;
        for (number, child) in children.iter().enumerate() {
            if !nodes.is_named(*child) {
                continue;
            }
            let in_background = children
                .get(number + 1)
                .is_some_and(|next| nodes.kind(*next) == "&");
            match in_background {
                true => self.node(Kind::Go, Role::Item, nodes.span(*child), |convert| {
                    convert.statement(*child, Role::Value);
                }),
                false => self.statement(*child, Role::Item),
            }
        }
    }

    fn block(&mut self, role: Role, span: Range<usize>, children: &[At]) {
        self.node(Kind::Block, role, span, |convert| convert.these(children));
    }

    fn statement(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        let span = nodes.span(at);
        match nodes.kind(at) {
            "if_statement" | "elif_clause" => self.conditional(at, role),
            "while_statement" => self.node(Kind::While, role, span, |convert| {
                let until = nodes.has_token(at, "until");
                let condition: Vec<At> = nodes.fields(at, "condition").collect();
                convert.condition(&condition, until);
                if let Some(body) = nodes.field(at, "body") {
                    convert.body(body);
                }
            }),
            "for_statement" => self.node(Kind::ForEach, role, span, |convert| {
                convert.out.name_static("in");
                if let Some(variable) = nodes.field(at, "variable") {
                    convert.variable(variable, Role::Target);
                }
                for value in nodes.fields(at, "value") {
                    convert.word(value, Role::Iter);
                }
                if let Some(body) = nodes.field(at, "body") {
                    convert.body(body);
                }
            }),
            "c_style_for_statement" => self.node(Kind::For, role, span, |convert| {
                for (field, role) in [
                    ("initializer", Role::Init),
                    ("condition", Role::Condition),
                    ("update", Role::Update),
                ] {
                    for part in nodes.fields(at, field) {
                        convert.arithmetic(part, role);
                    }
                }
                if let Some(body) = nodes.field(at, "body") {
                    convert.body(body);
                }
            }),
            "case_statement" => self.case(at, role),
            "function_definition" => self.node(Kind::Function, role, span, |convert| {
                if let Some(name) = nodes.field(at, "name") {
                    convert.out.name_decoded(convert.source(name));
                }
                if let Some(body) = nodes.field(at, "body") {
                    convert.body(body);
                }
            }),
            "subshell" | "compound_statement" | "do_group" => {
                let children: Vec<At> = nodes.children(at).collect();
                self.block(role, span, &children);
            }
            "variable_assignments" => {
                for assignment in nodes.named(at) {
                    self.assignment(assignment, role, Flags::NONE);
                }
            }
            "variable_assignment" => self.assignment(at, role, Flags::NONE),
            "declaration_command"
                if nodes
                    .named(at)
                    .any(|part| nodes.kind(part) == "variable_assignment") =>
            {
                for part in nodes.named(at) {
                    if nodes.kind(part) == "variable_assignment" {
                        self.assignment(part, role, Flags::DECLARATION);
                    }
                }
            }
            _ => self.node(Kind::ExprStmt, role, span, |convert| {
                convert.command(at, Role::Value, &[]);
            }),
        }
    }

    /// What is between `then` and the next branch.
    fn conditional(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        self.node(Kind::If, role, nodes.span(at), |convert| {
            let children: Vec<At> = nodes.children(at).collect();
            let then = children.iter().position(|child| nodes.kind(*child) == "then");
            let (head, rest) = children.split_at(then.unwrap_or(children.len()));
            convert.condition(head, false);
            let is_branch = |child: &At| matches!(nodes.kind(*child), "elif_clause" | "else_clause");
            let end = rest.iter().position(is_branch).unwrap_or(rest.len());
            let (body, branches) = rest.split_at(end);
            convert.group(Role::Body, body);
            convert.branches(branches);
        });
    }

    fn branches(&mut self, branches: &[At]) {
        let nodes = self.nodes;
        let Some((first, rest)) = branches.split_first() else {
            return;
        };
        match nodes.kind(*first) {
            "elif_clause" => {
                // What follows belongs to the `if` that this one is.
                let end = rest.last().unwrap_or(first);
                let span = nodes.span(*first).start..nodes.span(*end).end;
                self.node(Kind::If, Role::Else, span, |convert| {
                    let children: Vec<At> = nodes.children(*first).collect();
                    let then = children.iter().position(|child| nodes.kind(*child) == "then");
                    let (head, body) = children.split_at(then.unwrap_or(children.len()));
                    convert.condition(head, false);
                    convert.group(Role::Body, body);
                    convert.branches(rest);
                });
            }
            "else_clause" => {
                let children: Vec<At> = nodes.children(*first).collect();
                self.block(Role::Else, nodes.span(*first), &children);
            }
            _ => self.branches(rest),
        }
    }

    fn group(&mut self, role: Role, children: &[At]) {
        let nodes = self.nodes;
        if let (Some(first), Some(last)) = (children.first(), children.last()) {
            let span = nodes.span(*first).start..nodes.span(*last).end;
            self.block(role, span, children);
        }
    }

    /// One command, or a block of them of which the last decides.
    fn condition(&mut self, children: &[At], not: bool) {
        let nodes = self.nodes;
        let named: Vec<At> = children
            .iter()
            .copied()
            .filter(|child| nodes.is_named(*child))
            .collect();
        let (Some(first), Some(last)) = (named.first(), named.last()) else {
            return;
        };
        let span = nodes.span(*first).start..nodes.span(*last).end;
        let inside = |convert: &mut Self, role: Role| match named.as_slice() {
            [only] => convert.command(*only, role, &[]),
            _ => convert.block(role, span.clone(), children),
        };
        match not {
            true => self.node(Kind::Unary, Role::Condition, span.clone(), |convert| {
                convert.out.name_static("not");
                inside(convert, Role::Value);
            }),
            false => inside(self, Role::Condition),
        }
    }

    fn body(&mut self, at: At) {
        let nodes = self.nodes;
        match nodes.kind(at) {
            "redirected_statement" => match nodes.field(at, "body") {
                Some(body) => self.body(body),
                None => self.block(Role::Body, nodes.span(at), &[at]),
            },
            "do_group" | "compound_statement" | "subshell" => {
                let children: Vec<At> = nodes.children(at).collect();
                self.block(Role::Body, nodes.span(at), &children);
            }
            _ => self.block(Role::Body, nodes.span(at), &[at]),
        }
    }

    fn case(&mut self, at: At, role: Role) {
        let nodes = self.nodes;
        self.node(Kind::Switch, role, nodes.span(at), |convert| {
            if let Some(value) = nodes.field(at, "value") {
                convert.word(value, Role::Subject);
            }
            for item in nodes.named(at).filter(|child| nodes.kind(*child) == "case_item") {
                convert.node(Kind::Case, Role::Item, nodes.span(item), |convert| {
                    let mut body = Vec::new();
                    for child in nodes.children(item) {
                        match nodes.field_name(child) {
                            "value" => convert.word(child, Role::Test),
                            "termination" | "fallthrough" => {}
                            _ => body.push(child),
                        }
                    }
                    convert.group(Role::Body, &body);
                });
            }
        });
    }

    fn assignment(&mut self, at: At, role: Role, flags: Flags) {
        let nodes = self.nodes;
        self.node(Kind::Assign, role, nodes.span(at), |convert| {
            let appends = nodes.has_token(at, "+=");
            convert.out.name_static(if appends { "+=" } else { "=" });
            convert.out.flag(flags);
            if let Some(name) = nodes.field(at, "name") {
                convert.variable(name, Role::Target);
            }
            if let Some(value) = nodes.field(at, "value") {
                convert.word(value, Role::Value);
            }
        });
    }

    /// A command, or several that are joined, as an expression.
    fn command(&mut self, at: At, role: Role, redirections: &[At]) {
        let nodes = self.nodes;
        let span = nodes.span(at);
        match nodes.kind(at) {
            "command" => self.node(Kind::Call, role, span, |convert| {
                for part in nodes.named(at) {
                    match nodes.kind(part) {
                        "command_name" => convert.word(part, Role::Callee),
                        "variable_assignment" => convert.assignment(part, Role::Init, Flags::NONE),
                        "file_redirect" | "heredoc_redirect" | "herestring_redirect" => {
                            convert.redirection(part);
                        }
                        "subshell" => convert.statement(part, Role::Arg),
                        _ => convert.word(part, Role::Arg),
                    }
                }
                for part in redirections {
                    convert.redirection(*part);
                }
            }),
            "redirected_statement" => {
                let mut more: Vec<At> = nodes.fields(at, "redirect").collect();
                more.extend(redirections);
                match nodes.field(at, "body") {
                    Some(body) => self.command(body, role, &more),
                    None => self.node(Kind::Call, role, span, |convert| {
                        for part in more {
                            convert.redirection(part);
                        }
                    }),
                }
            }
            "list" | "pipeline" => self.joined(at, role, redirections),
            "negated_command" => self.node(Kind::Unary, role, span, |convert| {
                convert.out.name_static("not");
                if let Some(command) = nodes.first(at) {
                    convert.command(command, Role::Value, redirections);
                }
            }),
            "test_command" => self.node(Kind::Call, role, span.clone(), |convert| {
                convert.node(Kind::Str, Role::Callee, span.start..span.start + 1, |convert| {
                    convert.out.name_static("[");
                });
                for part in nodes.named(at) {
                    convert.test(part, Role::Arg);
                }
            }),
            // `export X`, `local x`, `unset X`.
            "declaration_command" | "unset_command" => self.node(Kind::Call, role, span, |convert| {
                let children: Vec<At> = nodes.children(at).collect();
                for (number, part) in children.iter().enumerate() {
                    if number == 0 {
                        let name = convert.source(*part).to_owned();
                        convert.node(Kind::Str, Role::Callee, nodes.span(*part), |convert| {
                            convert.out.name_decoded(&name);
                        });
                    } else if nodes.kind(*part) == "variable_assignment" {
                        convert.assignment(*part, Role::Init, Flags::DECLARATION);
                    } else if nodes.kind(*part) == "variable_name" {
                        convert.variable(*part, Role::Arg);
                    } else if nodes.is_named(*part) {
                        convert.word(*part, Role::Arg);
                    }
                }
            }),
            _ => self.statement_as_part(at, role),
        }
    }

    /// A statement where a command may stand: `{ …; } > file`, `while … done | sort`.
    fn statement_as_part(&mut self, at: At, role: Role) {
        const STATEMENTS: &[&str] = &[
            "if_statement",
            "while_statement",
            "for_statement",
            "c_style_for_statement",
            "case_statement",
            "function_definition",
            "subshell",
            "compound_statement",
            "do_group",
            "variable_assignments",
            "variable_assignment",
        ];
        match STATEMENTS.contains(&self.nodes.kind(at)) {
            true => self.statement(at, role),
            false => self.word(at, role),
        }
    }

    /// `a && b`, `a || b`, `a | b`, from the left.
    fn joined(&mut self, at: At, role: Role, redirections: &[At]) {
        let nodes = self.nodes;
        let children: Vec<At> = nodes.children(at).collect();
        let operator = children
            .iter()
            .rev()
            .find(|child| matches!(nodes.kind(**child), "&&" | "||" | "|" | "|&"));
        let Some(operator) = operator else {
            if let Some(only) = nodes.first(at) {
                self.command(only, role, redirections);
            }
            return;
        };
        let operands: Vec<At> = nodes.named(at).collect();
        self.operands(&operands, nodes.kind(*operator), role, redirections);
    }

    fn operands(&mut self, operands: &[At], operator: &'static str, role: Role, redirections: &[At]) {
        let nodes = self.nodes;
        let Some((last, before)) = operands.split_last() else {
            return;
        };
        let Some(first) = before.first() else {
            return self.command(*last, role, redirections);
        };
        let span = nodes.span(*first).start..nodes.span(*last).end;
        self.node(Kind::Binary, role, span, |convert| {
            convert.out.name_static(match operator {
                "&&" => "and",
                "||" => "or",
                _ => "|",
            });
            convert.operands(before, operator, Role::Left, &[]);
            convert.command(*last, Role::Right, redirections);
        });
    }

    fn redirection(&mut self, at: At) {
        let nodes = self.nodes;
        self.node(Kind::Keyword, Role::Target, nodes.span(at), |convert| {
            let children: Vec<At> = nodes.children(at).collect();
            let operator = children.iter().find(|child| !nodes.is_named(**child));
            let operator = operator.map_or("", |token| nodes.kind(*token));
            convert.out.name_static(operator);
            match nodes.kind(at) {
                "heredoc_redirect" => {
                    for part in nodes.named(at) {
                        match nodes.kind(part) {
                            "heredoc_body" => convert.word(part, Role::Value),
                            "heredoc_start" | "heredoc_end" | "file_descriptor" => {}
                            "file_redirect" | "herestring_redirect" => convert.redirection(part),
                            _ => convert.command(part, Role::Item, &[]),
                        }
                    }
                }
                _ => {
                    for part in nodes.named(at) {
                        if nodes.kind(part) != "file_descriptor" {
                            convert.word(part, Role::Value);
                        }
                    }
                }
            }
        });
    }
}
