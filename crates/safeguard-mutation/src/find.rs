//! A file and its changed lines to mutants.

use std::collections::{BTreeMap, BTreeSet};

use safeguard_scan::analysis::{functions, place};
use safeguard_scan::language::{self, Language};
use safeguard_scan::matching::Source;
use safeguard_scan::tree::{Kind, NodeId, Tree};

use crate::choose::choose;
use crate::lines::Lines;
use crate::mutant::{Mutant, Operator};
use crate::operators::OPERATORS;
use crate::pointless::is_pointless;
use crate::site::{Candidate, Site};

/// How much text is parsed to see which mutants of a file are programs, and how many mutants at least.
const PARSED_BYTES_MAX: usize = 128 << 20;
const PARSED_MIN: usize = 100;

/// Names of a file's functions.
pub struct Functions<'s> {
    source: &'s Source,
    names: BTreeMap<NodeId, String>,
}

impl<'s> Functions<'s> {
    pub fn of(source: &'s Source) -> Functions<'s> {
        let names = functions::by_name(source);
        Functions {
            source,
            names: names.into_iter().map(|(name, id)| (id, name)).collect(),
        }
    }

    /// The function that a node is in, with its name.
    pub fn around(&self, id: NodeId) -> Option<(NodeId, &str)> {
        let tree = &self.source.tree;
        std::iter::once(id).chain(tree.ancestors(id)).find_map(|around| {
            if !matches!(tree.kind(around), Kind::Function | Kind::Lambda) {
                return None;
            }
            let name = self.names.get(&around).map(String::as_str);
            // Of several with one name only the first is in the list.
            let own = Some(tree.name(around)).filter(|own| !own.is_empty());
            name.or(own).map(|name| (around, name))
        })
    }
}

/// Whether files of this language are broken: programs that a test can run.
pub fn is_mutated(language: Language) -> bool {
    matches!(
        language,
        Language::Go | Language::JavaScript | Language::Python | Language::TypeScript | Language::Tsx
    )
}

/// The mutants of the changed lines, at most `most` of each function, in the order of the text. Files of tests have none.
pub fn mutants(source: &Source, lines: &Lines, most: usize) -> Vec<Mutant> {
    if place::is_test(&source.path) || lines.is_empty() || !is_mutated(source.tree.language()) {
        return Vec::new();
    }
    let tree = &source.tree;
    let starts = line_starts(tree.text());
    let line = |offset: usize| starts.partition_point(|start| *start <= offset);
    let functions = Functions::of(source);
    let mut site = Site::new(source);
    for id in tree.all() {
        // A function's own place is its first line, and not all of them.
        for propose in OPERATORS {
            propose(&mut site, id);
        }
    }
    let mut by_function: BTreeMap<String, Vec<Mutant>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for candidate in site.found {
        let last = candidate.span.end.saturating_sub(1).max(candidate.span.start);
        let is_wanted = lines.touch(line(candidate.span.start), line(last))
            && !is_pointless_candidate(source, &candidate)
            && seen.insert((
                candidate.span.start,
                candidate.span.end,
                candidate.replacement.clone(),
            ));
        if is_wanted {
            let function = functions
                .around(candidate.node)
                .map_or_else(String::new, |(_, name)| name.to_owned());
            by_function.entry(function.clone()).or_default().push(Mutant {
                span: candidate.span,
                replacement: candidate.replacement,
                operator: candidate.operator,
                function,
                would: candidate.would,
            });
        }
    }
    // Twice as many are kept as are wanted, should some of them not parse; and no more than can be parsed in a while.
    let mut likely: Vec<Mutant> = by_function
        .into_values()
        .flat_map(|mutants| choose(mutants, most.saturating_mul(2), |mutant| line(mutant.span.start)))
        .collect();
    likely.sort_by_key(|mutant| (mutant.operator.rank(), mutant.span.start));
    likely.truncate(PARSED_MIN.max(PARSED_BYTES_MAX / tree.text().len().max(1)));
    let mut sound: BTreeMap<String, Vec<Mutant>> = BTreeMap::new();
    for mutant in likely.into_iter().filter(|mutant| is_another(source, mutant)) {
        sound.entry(mutant.function.clone()).or_default().push(mutant);
    }
    let mut all: Vec<Mutant> = sound
        .into_values()
        .flat_map(|mutants| choose(mutants, most, |mutant| line(mutant.span.start)))
        .collect();
    all.sort_by(|left, right| {
        let key = |mutant: &Mutant| (mutant.span.start, mutant.span.end, mutant.replacement.clone());
        key(left).cmp(&key(right))
    });
    all
}

/// A decorator is no pointless place for its own removal.
fn is_pointless_candidate(source: &Source, candidate: &Candidate) -> bool {
    let at = match candidate.operator {
        Operator::RemovedDecorator => source.tree.parent(candidate.node).unwrap_or(NodeId::ROOT),
        _ => candidate.node,
    };
    is_pointless(source, at)
}

/// Whether the mutant parses, and is another program.
fn is_another(source: &Source, mutant: &Mutant) -> bool {
    let text = mutant.applied(source.tree.text());
    language::parse(source.tree.language(), &text).is_ok_and(|tree| !is_same(&source.tree, &tree))
}

/// Whether two texts are one program: white space, comments and parentheses aside.
pub fn is_same(left: &Tree, right: &Tree) -> bool {
    // Kinds and numbers of children, in the order of the text, tell the shape.
    let said = |tree: &'_ Tree, id: NodeId| {
        (
            tree.kind(id),
            tree.role(id),
            tree.flags(id),
            tree.name(id).to_owned(),
            tree.children(id).count(),
        )
    };
    left.len() == right.len() && left.all().all(|id| said(left, id) == said(right, id))
}

pub(crate) fn line_starts(text: &str) -> Vec<usize> {
    let after = text
        .bytes()
        .enumerate()
        .filter(|(_, byte)| *byte == b'\n')
        .map(|(at, _)| at + 1);
    std::iter::once(0).chain(after).collect()
}
