//! Walks one text: its statements, loops, functions and redirects, in the order in which a shell runs them.

use tree_sitter::Node;

use super::functions::Functions;
use super::{Redirect, Redirects, State, Stdin, Walk, Walked, not_understood};
use crate::shell::expand::Expander;
use crate::shell::rules;
use crate::shell::tree::{self, children, slice};
use crate::shell::word::{UNKNOWN, Word};

/// One text on its way.
pub(super) struct Script<'t, 'w, 's> {
    pub text: &'t str,
    pub state: State,
    pub functions: Functions<'t>,
    /// What substitutions within a command get to read.
    pub stdin: Stdin,
    pub deep: u32,
    pub calls: u32,
    /// Loops around what is asked about.
    pub loops: u32,
    pub walk: &'w mut Walk<'s>,
}

impl<'t> Script<'t, '_, '_> {
    fn expander(&self) -> Expander<'_> {
        Expander {
            text: self.text,
            variables: &self.state.variables,
        }
    }

    fn words(&self, node: Node<'t>) -> Walked<Vec<Word>> {
        self.expander().words(node).map_err(not_understood)
    }

    /// Walks a part of the tree; says what it prints, where that is in sight.
    pub fn part(&mut self, node: Node<'t>, stdin: &Stdin) -> Walked<Stdin> {
        let unseen = Ok(Stdin::Unseen);
        match node.kind() {
            "command" => self.simple(node, Redirects::default(), stdin),
            "redirected_statement" => self.redirected(node, stdin),
            "pipeline" => self.pipeline(node, stdin.clone()),
            "subshell" | "command_substitution" | "process_substitution" => {
                let before = self.state.clone();
                let printed = self.parts(node, stdin)?;
                self.state = before;
                Ok(printed)
            }
            "program" | "do_group" | "compound_statement" | "negated_command" => self.parts(node, stdin),
            "list" | "if_statement" | "elif_clause" | "else_clause" | "case_statement" | "case_item" => {
                let before = self.state.variables.clone();
                let printed = self.parts(node, stdin)?;
                if !self.goes_on(node) {
                    self.state.variables.join(&before);
                }
                Ok(printed)
            }
            "while_statement" | "for_statement" | "c_style_for_statement" => self.repeated(node, stdin),
            "function_definition" => self.define(node, stdin),
            "variable_assignment" => self.assignment(node),
            "variable_assignments" | "declaration_command" => self.parts(node, stdin),
            // `$(< file)` prints what is in it.
            "file_redirect"
                if node
                    .parent()
                    .is_some_and(|above| above.kind() == "command_substitution") =>
            {
                self.bare_redirects(node)?;
                unseen
            }
            "file_redirect" | "heredoc_redirect" | "herestring_redirect" => unseen,
            "comment" | "variable_name" => unseen,
            // Words, tests and sums: only what they substitute runs.
            _ => {
                self.substitutions(node)?;
                unseen
            }
        }
    }

    fn parts(&mut self, node: Node<'t>, stdin: &Stdin) -> Walked<Stdin> {
        let mut printed = Stdin::Unseen;
        for child in children(node).into_iter().filter(|child| child.is_named()) {
            printed = self.part(child, stdin)?;
        }
        Ok(printed)
    }

    /// Walks the outermost substitutions below a node. What is written into one is not in sight.
    fn substitutions(&mut self, node: Node<'t>) -> Walked {
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            match node.kind() {
                "command_substitution" | "process_substitution" => {
                    let stdin = match slice(node, self.text).starts_with(">(") {
                        true => Stdin::Unseen,
                        false => self.stdin.clone(),
                    };
                    self.part(node, &stdin)?;
                }
                _ => open.extend(children(node).into_iter().rev()),
            }
        }
        Ok(())
    }

    fn pipeline(&mut self, node: Node<'t>, mut stdin: Stdin) -> Walked<Stdin> {
        for stage in children(node).into_iter().filter(|child| child.is_named()) {
            stdin = self.apart(|script| script.part(stage, &stdin))?;
        }
        Ok(stdin)
    }

    /// A turn of a loop may use what an earlier one has set.
    fn repeated(&mut self, node: Node<'t>, stdin: &Stdin) -> Walked<Stdin> {
        let whole = self.state.variables.clone();
        if let Some(variable) = node.child_by_field_name("variable") {
            let mut cursor = node.walk();
            let values: Vec<Node<'t>> = node.children_by_field_name("value", &mut cursor).collect();
            let mut words = Vec::new();
            for value in values {
                let globs = |word: Word| {
                    if word.glob {
                        format!("{UNKNOWN}{}", word.text)
                    } else {
                        word.text
                    }
                };
                words.extend(self.words(value)?.into_iter().map(globs));
            }
            if words.is_empty() {
                words.push(UNKNOWN.to_string());
            }
            self.state.variables.assign(slice(variable, self.text), words);
        }
        self.loops += 1;
        for turn in 0..2 {
            self.walk.step()?;
            let before = self.state.variables.clone();
            for child in children(node).into_iter().filter(|child| child.is_named()) {
                self.part(child, stdin)?;
            }
            self.state.variables.join(&before);
            if turn == 1 {
                // There may have been no turn at all.
                self.state.variables.join(&whole);
            }
        }
        self.loops -= 1;
        Ok(Stdin::Unseen)
    }

    /// Whether a list is the first half of `a && b`: what it has set is set for the second.
    fn goes_on(&self, node: Node<'t>) -> bool {
        let and =
            |list: Node<'t>| list.kind() == "list" && children(list).iter().any(|part| part.kind() == "&&");
        let above = node
            .parent()
            .filter(|above| and(*above) && above.child(0) == Some(node));
        and(node) && above.is_some()
    }

    pub fn bare_redirects(&mut self, node: Node<'t>) -> Walked {
        let mut redirects = Redirects::default();
        self.redirect(node, &mut redirects)?;
        self.substitutions(node)?;
        self.start(Vec::new(), &[], redirects.files, Stdin::Inherited)?;
        Ok(())
    }

    fn assignment(&mut self, node: Node<'t>) -> Walked<Stdin> {
        self.substitutions(node)?;
        if let Some((name, values)) = self.assigned(node)? {
            self.runs_later(&name, &values)?;
            self.state.variables.assign(&name, values);
        }
        Ok(Stdin::Unseen)
    }

    fn assigned(&self, node: Node<'t>) -> Walked<Option<(String, Vec<String>)>> {
        let Some(name) = node.child_by_field_name("name") else {
            return Ok(None);
        };
        let value = node.child_by_field_name("value");
        let appends = children(node).iter().any(|child| child.kind() == "+=");
        let values = match value {
            _ if appends || name.kind() != "variable_name" => vec![UNKNOWN.to_string()],
            Some(value) => self.expander().values(value).map_err(not_understood)?,
            None => vec![String::new()],
        };
        if values.iter().any(|value| indexes_by_command(value)) {
            return Err(not_understood(
                "hides a substitution in an index, which a sum would run",
            ));
        }
        Ok(Some((slice(name, self.text).to_owned(), values)))
    }

    /// The grammar hangs redirects on everything before them; to bash they are the last command's.
    fn redirected(&mut self, node: Node<'t>, stdin: &Stdin) -> Walked<Stdin> {
        let (redirects, bodies): (Vec<Node<'t>>, Vec<Node<'t>>) = children(node)
            .into_iter()
            .filter(|child| child.is_named() && child.kind() != "comment")
            .partition(|child| child.kind().ends_with("_redirect"));
        self.last_with(bodies.first().copied(), &redirects, stdin)
    }

    fn last_with(&mut self, body: Option<Node<'t>>, redirects: &[Node<'t>], stdin: &Stdin) -> Walked<Stdin> {
        let parts = body.map_or_else(Vec::new, children);
        let mut parts: Vec<Node<'t>> = parts.into_iter().filter(|child| child.is_named()).collect();
        match body.map(|body| body.kind()) {
            Some("command") => {
                let (found, after) = self.redirects(redirects)?;
                let printed = match body {
                    Some(body) => self.simple(body, found, stdin)?,
                    None => Stdin::Unseen,
                };
                self.behind(after, printed, stdin)
            }
            Some("pipeline") => {
                let last = parts.pop();
                let mut printed = stdin.clone();
                for stage in parts {
                    printed = self.apart(|script| script.part(stage, &printed))?;
                }
                self.apart(|script| script.last_with(last, redirects, &printed))
            }
            Some("list" | "negated_command") => {
                let before = self.state.variables.clone();
                let last = parts.pop();
                for part in parts {
                    self.part(part, stdin)?;
                }
                let printed = self.last_with(last, redirects, stdin)?;
                self.state.variables.join(&before);
                Ok(printed)
            }
            _ => {
                let (mut found, after) = self.redirects(redirects)?;
                let stdin = found.stdin.take().unwrap_or_else(|| stdin.clone());
                if body.is_some() && !found.args.is_empty() {
                    return Err(not_understood(
                        "has words behind a redirect that belong to no command",
                    ));
                }
                self.start(found.args, &[], found.files.clone(), stdin.clone())?;
                let printed = match body {
                    Some(body) => self.part(body, &stdin)?,
                    None => Stdin::Unseen,
                };
                let text = match &printed {
                    Stdin::Text(text) => Some(text.clone()),
                    Stdin::Inherited | Stdin::File(_) | Stdin::Unseen => None,
                };
                for redirect in found.files.iter().filter(|redirect| redirect.writes) {
                    self.walk.note_redirect(redirect, text.clone());
                }
                self.behind(after, printed, &stdin)
            }
        }
    }

    /// What stands behind a heredoc on its line.
    fn behind(&mut self, after: Vec<Node<'t>>, mut printed: Stdin, stdin: &Stdin) -> Walked<Stdin> {
        for next in after {
            printed = match next.kind() {
                "pipeline" => self.pipeline(next, printed)?,
                _ => self.part(next, stdin)?,
            };
        }
        Ok(printed)
    }

    /// As in a shell of its own: what is set there is set nowhere else.
    fn apart<T>(&mut self, walk: impl FnOnce(&mut Self) -> Walked<T>) -> Walked<T> {
        let before = self.state.clone();
        let walked = walk(self)?;
        self.state = before;
        Ok(walked)
    }

    fn redirects(&mut self, nodes: &[Node<'t>]) -> Walked<(Redirects, Vec<Node<'t>>)> {
        let (mut redirects, mut after) = (Redirects::default(), Vec::new());
        for node in nodes {
            if node.kind() != "heredoc_redirect" {
                self.substitutions(*node)?;
                self.redirect(*node, &mut redirects)?;
                continue;
            }
            let before = node.prev_sibling().map_or(0, |before| before.end_byte());
            if tree::is_lost_dash(*node, self.text.get(before..node.start_byte()).unwrap_or("")) {
                redirects.args.push(Word::new("-"));
            }
            after.append(&mut self.heredoc(*node, &mut redirects)?);
        }
        Ok((redirects, after))
    }

    /// Notes one redirect; the words that the grammar takes for further files are the command's.
    fn redirect(&mut self, node: Node<'t>, redirects: &mut Redirects) -> Walked {
        let parts = children(node);
        if node.kind() == "herestring_redirect" {
            if let Some(text) = parts.last() {
                let values = self.expander().values(*text).map_err(not_understood)?;
                redirects.stdin = Some(Stdin::Text(values.join("\n")));
            }
            return Ok(());
        }
        let operator = parts
            .iter()
            .find(|part| !part.is_named())
            .map_or("", |part| part.kind());
        let mut words = Vec::new();
        let mut cursor = node.walk();
        for destination in node.children_by_field_name("destination", &mut cursor) {
            words.append(&mut self.words(destination)?);
        }
        let mut words = words.into_iter();
        if let Some(path) = (!operator.ends_with('-')).then(|| words.next()).flatten() {
            let another =
                operator.ends_with('&') && path.text.chars().all(|one| one.is_ascii_digit() || one == '-');
            if operator == "<" {
                redirects.stdin = Some(Stdin::File(path.text.clone()));
            }
            if !another {
                redirects.files.push(Redirect {
                    writes: operator.contains('>'),
                    appends: operator.contains(">>"),
                    path,
                });
            }
        }
        redirects.args.extend(words);
        Ok(())
    }

    /// Notes a heredoc; returns what runs behind it on its line.
    fn heredoc(&mut self, node: Node<'t>, redirects: &mut Redirects) -> Walked<Vec<Node<'t>>> {
        let (mut quoted, mut after, mut body) = (false, Vec::new(), String::new());
        let tabs = children(node).iter().any(|child| child.kind() == "<<-");
        for child in children(node).into_iter().filter(|child| child.is_named()) {
            match child.kind() {
                "heredoc_start" => quoted = slice(child, self.text).starts_with(['\'', '"', '\\']),
                "heredoc_body" if quoted => body = slice(child, self.text).to_owned(),
                "heredoc_body" => {
                    self.substitutions(child)?;
                    body = self.expander().values(child).map_err(not_understood)?.join("\n");
                }
                "file_redirect" | "herestring_redirect" => {
                    self.substitutions(child)?;
                    self.redirect(child, redirects)?;
                }
                "heredoc_end" | "file_descriptor" | "comment" => {}
                "pipeline" => after.push(child),
                "command"
                | "list"
                | "subshell"
                | "redirected_statement"
                | "if_statement"
                | "compound_statement" => {
                    after.push(child);
                }
                "while_statement" | "for_statement" | "negated_command" | "test_command" => after.push(child),
                "variable_assignment" | "declaration_command" => after.push(child),
                _ => {
                    self.substitutions(child)?;
                    redirects.args.append(&mut self.words(child)?);
                }
            }
        }
        if tabs {
            body = body
                .lines()
                .map(|line| format!("{}\n", line.trim_start_matches('\t')))
                .collect();
        }
        redirects.stdin = Some(Stdin::Text(body));
        Ok(after)
    }

    fn simple(&mut self, node: Node<'t>, mut redirects: Redirects, stdin: &Stdin) -> Walked<Stdin> {
        let before = std::mem::replace(&mut self.stdin, stdin.clone());
        self.substitutions(node)?;
        self.stdin = before;
        let (mut names, mut args, mut assignments) = (Vec::new(), Vec::new(), Vec::new());
        let (mut own, mut ambiguous) = (Redirects::default(), false);
        for child in children(node) {
            match child.kind() {
                "variable_assignment" => {
                    if let Some((name, values)) = self.assigned(child)? {
                        self.runs_later(&name, &values)?;
                        assignments.push((name, values));
                    }
                }
                "command_name" => {
                    names = self.expander().names(child).map_err(not_understood)?;
                    self.note_name(node, child);
                }
                "file_redirect" | "herestring_redirect" => self.redirect(child, &mut own)?,
                "comment" => {}
                // What `time` measures.
                "subshell" => {
                    self.part(child, stdin)?;
                }
                _ => {
                    let ways = self.expander().alternatives(child).map_err(not_understood)?;
                    ambiguous |= ways.len() > 1;
                    args.extend(ways.into_iter().flatten());
                }
            }
        }
        ambiguous |= names.len() > 1;
        // The grammar hands down what stands behind: it counts last.
        redirects.files.append(&mut own.files);
        redirects.args.append(&mut own.args);
        redirects.stdin = redirects.stdin.or(own.stdin);
        let mut before = std::mem::take(&mut redirects.args);
        // Behind a leading redirect they stand before what the grammar took for the name.
        if node.child(0).is_some_and(|first| first.kind() == "file_redirect") && !before.is_empty() {
            return Err(not_understood("has words between a redirect and a command"));
        }
        args.append(&mut before);
        if let Some(name) = self.shown_secret(node, &redirects) {
            return Err(rules::CREDENTIALS.finding(&format!("prints the value of `{name}`")));
        }
        if let Some(name) = self.sent_secret(node) {
            let does = format!("sends the value of `{name}` in an address");
            return Err(rules::CREDENTIALS.finding(&does));
        }
        let stdin = redirects.stdin.take().unwrap_or_else(|| stdin.clone());
        let mut printed = Stdin::Unseen;
        for name in names {
            // A variable that holds nothing leaves the next word for a name.
            let name = name.into_iter().filter(|word| !word.text.is_empty());
            let argv: Vec<Word> = name.chain(args.iter().cloned()).collect();
            printed = self.start(argv, &assignments, redirects.files.clone(), stdin.clone())?;
        }
        if ambiguous {
            // What it prints is one of several texts.
            for redirect in redirects.files.iter().filter(|redirect| redirect.writes) {
                self.walk.note_redirect(redirect, None);
            }
            printed = Stdin::Unseen;
        }
        Ok(printed)
    }
}

/// Whether a sum that reads this text would run a command.
pub(super) fn indexes_by_command(text: &str) -> bool {
    text.contains("[$(") || text.contains("[`")
}
