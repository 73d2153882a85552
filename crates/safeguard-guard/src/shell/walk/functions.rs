//! Functions of a text: what one does is asked about where it is called, with the words of the call.
//!
//! One that may be called in a way that is not seen is asked about as it was where it was defined, and knows none of its words.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use tree_sitter::Node;

use super::script::Script;
use super::{CALLS_DEEP_MAX, State, Stdin, Walked};
use crate::shell::expand::WORDS_APART;
use crate::shell::rules::Invocation;
use crate::shell::tree::slice;
use crate::shell::word::{UNKNOWN, Word};

#[derive(Clone)]
struct Function<'t> {
    node: Node<'t>,
    /// As it was where it was defined.
    state: State,
}

#[derive(Default)]
pub(super) struct Functions<'t> {
    known: BTreeMap<String, Function<'t>>,
    /// Where the name of the command stands that is asked about.
    calling: Option<usize>,
    /// Where names stand whose calls were walked.
    called: BTreeSet<usize>,
    /// Those that are being walked, outermost first.
    active: Vec<String>,
    /// Calls of `trap`: what they name runs at the end.
    traps: Vec<Range<usize>>,
}

/// One that calls itself more often within itself counts as called in a way that is not seen.
const AGAIN_MAX: usize = 2;
/// How many words of a call have a name of their own.
const WORDS_MAX: usize = 9;

impl<'t> Script<'t, '_, '_> {
    pub fn define(&mut self, node: Node<'t>, stdin: &Stdin) -> Walked<Stdin> {
        let Some(name) = node.child_by_field_name("name") else {
            return self.body(node, stdin);
        };
        let function = Function {
            node,
            state: self.state.clone(),
        };
        let name = slice(name, self.text).to_owned();
        match self.functions.known.insert(name, function) {
            // Either may be the one that is called.
            Some(before) if before.node != node => self.as_defined(&before)?,
            Some(_) | None => {}
        }
        Ok(Stdin::Unseen)
    }

    fn as_defined(&mut self, function: &Function<'t>) -> Walked {
        let before = std::mem::replace(&mut self.state, function.state.clone());
        self.body(function.node, &Stdin::Inherited)?;
        self.state = before;
        Ok(())
    }

    fn body(&mut self, node: Node<'t>, stdin: &Stdin) -> Walked<Stdin> {
        let before = self.state.folder.clone();
        if let Some(redirect) = node.child_by_field_name("redirect") {
            self.bare_redirects(redirect)?;
        }
        if let Some(body) = node.child_by_field_name("body") {
            self.part(body, stdin)?;
        }
        self.state.folder = before;
        Ok(Stdin::Unseen)
    }

    /// Notes where the name of a command stands, before it is asked about.
    pub fn note_name(&mut self, command: Node<'t>, name: Node<'t>) {
        self.functions.calling = Some(name.start_byte());
        if slice(name, self.text) == "trap" {
            self.functions.traps.push(command.byte_range());
        }
    }

    /// Walks a function, where a command is the call of one.
    pub fn call(&mut self, name: &str, invocation: &Invocation) -> Walked {
        let Some(function) = self.functions.known.get(name).cloned() else {
            return Ok(());
        };
        let again = self.functions.active.iter().filter(|active| *active == name);
        if self.calls >= CALLS_DEEP_MAX || again.count() >= AGAIN_MAX {
            return Ok(());
        }
        let place = self.functions.calling.take();
        let texts: Vec<String> = invocation.args.iter().map(|word| word.text.clone()).collect();
        let before = self.positions();
        self.set_positions(&texts);
        self.calls += 1;
        self.functions.active.push(name.to_owned());
        let loops = std::mem::take(&mut self.loops);
        self.body(function.node, &invocation.stdin)?;
        self.loops = loops;
        self.functions.active.pop();
        self.calls -= 1;
        for (name, values) in before {
            self.state.variables.assign(&name, values);
        }
        self.functions.called.extend(place);
        Ok(())
    }

    /// `shift`: each word takes the place of the one before. How often a loop does it is not known.
    pub fn shift(&mut self, args: &[Word]) {
        let by = args.first().map_or(Ok(1), |word| word.text.parse::<usize>());
        let known = self.state.variables.values("@");
        match (by, known.as_slice()) {
            (Ok(by), [words]) if self.loops == 0 && !words.contains(UNKNOWN) => {
                let rest: Vec<String> = words.split(WORDS_APART).skip(by).map(str::to_owned).collect();
                self.set_positions(&rest);
            }
            _ => self.forget_positions(),
        }
    }

    /// `set -- WORD …`
    pub fn set(&mut self, args: &[Word]) {
        let begins = args
            .iter()
            .position(|word| !word.text.starts_with(['-', '+']) || word.text == "--");
        let Some(at) = begins else { return };
        let from = if args[at].text == "--" { at + 1 } else { at };
        let words: Vec<String> = args[from..].iter().map(|word| word.text.clone()).collect();
        // `set -o pipefail` names an option.
        let names_option = at > 0 && args[at - 1].text.ends_with('o');
        if !names_option {
            self.set_positions(&words);
        }
    }

    pub fn forget_positions(&mut self) {
        for name in self.positions().into_iter().map(|(name, _)| name) {
            self.state.variables.assign(&name, vec![UNKNOWN.to_string()]);
        }
    }

    fn positions(&self) -> Vec<(String, Vec<String>)> {
        let numbers = (1..=WORDS_MAX).map(|at| at.to_string());
        let names = numbers.chain(["@", "*"].map(str::to_owned));
        names
            .map(|name| {
                let values = self.state.variables.values(&name);
                (name, values)
            })
            .collect()
    }

    fn set_positions(&mut self, words: &[String]) {
        let variables = &mut self.state.variables;
        for at in 1..=WORDS_MAX {
            let word = words.get(at - 1).cloned().unwrap_or_default();
            variables.assign(&at.to_string(), vec![word]);
        }
        variables.assign("@", vec![words.join(&WORDS_APART.to_string())]);
        variables.assign("*", vec![words.join(" ")]);
    }

    /// Asks about functions whose calls were not all seen: those that only a trap names with what the text has set by its end, all
    /// others with what was known where they were defined.
    pub fn end(&mut self) -> Walked {
        let mut done = BTreeSet::new();
        loop {
            // What is walked here may define more.
            let known = self.functions.known.iter();
            let open: Vec<(String, Function<'t>)> = known
                .filter(|(_, function)| !done.contains(&function.node.id()))
                .map(|(name, function)| (name.clone(), function.clone()))
                .collect();
            if open.is_empty() {
                return Ok(());
            }
            let (trapped, others): (Vec<_>, Vec<_>) = open
                .into_iter()
                .partition(|(name, function)| self.is_for_traps_alone(name, function));
            for (_, function) in &trapped {
                self.forget_positions();
                self.body(function.node, &Stdin::Inherited)?;
            }
            for (name, function) in &others {
                let was_called = self.places(name).any(|at| self.functions.called.contains(&at));
                if !was_called || self.unseen(name, function).next().is_some() {
                    self.as_defined(function)?;
                }
            }
            done.extend(
                trapped
                    .iter()
                    .chain(&others)
                    .map(|(_, function)| function.node.id()),
            );
        }
    }

    fn places(&self, name: &str) -> impl Iterator<Item = usize> {
        mentions(self.text, name).into_iter()
    }

    /// Where a function is named beside its definition and the calls that were walked.
    fn unseen(&self, name: &str, function: &Function<'t>) -> impl Iterator<Item = usize> {
        let defined = function
            .node
            .child_by_field_name("name")
            .map(|name| name.start_byte());
        self.places(name)
            .filter(move |at| Some(*at) != defined && !self.functions.called.contains(at))
    }

    fn is_for_traps_alone(&self, name: &str, function: &Function<'t>) -> bool {
        let mut unseen = self.unseen(name, function).peekable();
        let trapped = |at: usize| self.functions.traps.iter().any(|trap| trap.contains(&at));
        unseen.peek().is_some() && unseen.all(trapped)
    }
}

/// Where a name stands as a word of its own, but for lines of comments.
fn mentions(text: &str, name: &str) -> Vec<usize> {
    let of_a_word = |one: char| one.is_alphanumeric() || matches!(one, '_' | '-' | '.');
    let mut line_at = 0;
    let mut found = Vec::new();
    for line in text.split_inclusive('\n') {
        if !line.trim_start().starts_with('#') {
            let alone = |at: usize| {
                let before = line[..at].chars().next_back();
                let after = line[at + name.len()..].chars().next();
                !before.is_some_and(of_a_word) && !after.is_some_and(of_a_word)
            };
            let places = line.match_indices(name).map(|(at, _)| at);
            found.extend(places.filter(|at| alone(*at)).map(|at| line_at + at));
        }
        line_at += line.len();
    }
    found
}
