//! Functions that fail at once, to see whether any test runs them.

use std::ops::Range;

use safeguard_scan::language;
use safeguard_scan::matching::Source;
use safeguard_scan::tree::{Kind, NodeId, Role};

use crate::find::Functions;
use crate::mutant::{Mutant, replaced};
use crate::site::Site;

/// A function, broken as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    pub function: String,
    pub span: Range<usize>,
    pub replacement: String,
    /// Where the function's head is: what a finding about all of it points at.
    pub head: Range<usize>,
}

impl Probe {
    pub fn applied(&self, text: &str) -> String {
        replaced(text, &self.span, &self.replacement)
    }
}

/// One for each function that has some of the mutants, in the order of the text. A function in which nothing can be put has none.
pub fn probes(source: &Source, mutants: &[Mutant]) -> Vec<Probe> {
    let functions = Functions::of(source);
    let tree = &source.tree;
    let mut probes: Vec<Probe> = Vec::new();
    for id in tree
        .all()
        .filter(|id| matches!(tree.kind(*id), Kind::Function | Kind::Lambda))
    {
        let Some((around, name)) = functions.around(id).filter(|(around, _)| *around == id) else {
            continue;
        };
        let is_known = probes.iter().any(|probe| probe.function == name);
        if is_known || !mutants.iter().any(|mutant| mutant.function == name) {
            continue;
        }
        if let Some(probe) = probe(source, around, name) {
            probes.push(probe);
        }
    }
    probes
}

fn probe(source: &Source, function: NodeId, name: &str) -> Option<Probe> {
    let tree = &source.tree;
    let site = Site::new(source);
    let body = tree.child(function, Role::Body)?;
    let span = tree.span(body);
    let is_block = tree.kind(body) == Kind::Block;
    let (span, replacement) = match (site.is_python(), is_block) {
        (true, true) => {
            let line = tree.text().get(..span.start)?.rfind('\n').map_or(0, |at| at + 1);
            let before = tree.text().get(line..span.start)?;
            let next = match before.trim().is_empty() {
                true => format!("\n{before}"),
                false => "; ".to_owned(),
            };
            (
                span.start..span.start,
                format!("raise RuntimeError(\"probe\"){next}"),
            )
        }
        (true, false) => return None,
        (false, true) if tree.source(body).starts_with('{') => {
            let fails = match site.is_go() {
                true => "panic(\"probe\");",
                false => "throw new Error(\"probe\");",
            };
            (span.start + 1..span.start + 1, format!(" {fails}"))
        }
        (false, true) => return None,
        (false, false) => (span, "(() => { throw new Error(\"probe\"); })()".to_owned()),
    };
    let probe = Probe {
        function: name.to_owned(),
        span,
        replacement,
        head: head(source, function, body),
    };
    language::parse(tree.language(), &probe.applied(tree.text()))
        .is_ok()
        .then_some(probe)
}

/// The line that the function begins at, without its decorators.
pub(crate) fn head(source: &Source, function: NodeId, body: NodeId) -> Range<usize> {
    let tree = &source.tree;
    let start = tree
        .children_in(function, Role::Decorator)
        .last()
        .map_or(tree.span(function).start, |last| tree.span(last).end);
    let text = tree.text().get(start..tree.span(body).start).unwrap_or("");
    let start = start + (text.len() - text.trim_start().len());
    let text = text.trim();
    let end = start + text.find('\n').unwrap_or(text.len());
    start..end.max(start)
}
