//! Where a formula holds in a file.

use std::collections::HashMap;

use super::{All, Condition, Expression, Formula};
use crate::analysis::ambiguity::is_exponential;
use crate::language::pattern::Pattern;
use crate::matching::{self, Bindings, Bound, Match, Source, agree, bound, has_type};
use crate::tree::{NodeId, Role};

/// How many places one formula may hold at; a file with more is not looked at to its end.
const MATCHES_MAX: usize = 20_000;

/// Formulas over one file. What a pattern fits in the whole file is looked for once.
pub struct Evaluation<'s> {
    source: &'s Source,
    kept: HashMap<*const Pattern, Vec<Match>>,
    /// The same for what is no pattern, by the function that finds it.
    found: HashMap<usize, Vec<NodeId>>,
    /// Whether everything could be looked at.
    pub complete: bool,
    /// Whether patterns fit as Semgrep lets them.
    pub as_semgrep: bool,
}

impl<'s> Evaluation<'s> {
    pub fn new(source: &'s Source) -> Evaluation<'s> {
        Evaluation {
            source,
            kept: HashMap::new(),
            found: HashMap::new(),
            complete: true,
            as_semgrep: false,
        }
    }

    pub fn everywhere(&mut self, formula: &Formula) -> Vec<Match> {
        self.holds(formula, NodeId::ROOT, &Bindings::new())
    }

    fn holds(&mut self, formula: &Formula, within: NodeId, known: &Bindings) -> Vec<Match> {
        let mut found = match formula {
            Formula::Pattern(pattern) => self.pattern(pattern, within, known),
            Formula::Regex(regex) => self.regex(regex, within, known),
            Formula::Nodes(find) => self.nodes(*find, within, known),
            Formula::Any(any) => {
                let mut found: Vec<Match> = Vec::new();
                for formula in any {
                    for one in self.holds(formula, within, known) {
                        if !found.contains(&one) {
                            found.push(one);
                        }
                    }
                }
                found
            }
            Formula::All(all) => self.all(all, within, known),
        };
        if found.len() > MATCHES_MAX {
            found.truncate(MATCHES_MAX);
            self.complete = false;
        }
        found
    }

    fn pattern(&mut self, pattern: &Pattern, within: NodeId, known: &Bindings) -> Vec<Match> {
        if within != NodeId::ROOT || !known.is_empty() {
            let (found, complete) = matching::matches(pattern, self.source, within, known, self.as_semgrep);
            self.complete &= complete;
            return found;
        }
        let key: *const Pattern = pattern;
        if let Some(kept) = self.kept.get(&key) {
            return kept.clone();
        }
        let (found, complete) = matching::matches(pattern, self.source, within, known, self.as_semgrep);
        self.complete &= complete;
        self.kept.insert(key, found.clone());
        found
    }

    fn nodes(&mut self, find: fn(&Source) -> Vec<NodeId>, within: NodeId, known: &Bindings) -> Vec<Match> {
        let source = self.source;
        let nodes = self.found.entry(find as usize).or_insert_with(|| find(source));
        nodes
            .iter()
            .filter(|node| source.tree.within(**node, within))
            .map(|node| Match {
                node: *node,
                span: source.tree.span(*node),
                bindings: known.clone(),
            })
            .collect()
    }

    fn regex(&mut self, regex: &Expression, within: NodeId, known: &Bindings) -> Vec<Match> {
        let tree = &self.source.tree;
        let begins = tree.span(within).start;
        let mut found = Vec::new();
        let Ok(regex) = regex.get() else {
            self.complete = false;
            return found;
        };
        let names: Vec<Option<&str>> = regex.capture_names().collect();
        for one in regex.captures_iter(tree.source(within)) {
            let Ok(groups) = one else {
                // The expression took more steps than it may.
                self.complete = false;
                break;
            };
            let Some(one) = groups.get(0) else {
                continue;
            };
            let span = begins + one.start()..begins + one.end();
            // `$1` is the first group, `$NAME` the one of that name.
            let mut bindings = known.clone();
            for (number, name) in names.iter().enumerate().skip(1) {
                if let Some(group) = groups.get(number) {
                    let bound = Bound {
                        node: None,
                        span: begins + group.start()..begins + group.end(),
                        canonical: group.as_str().to_owned(),
                    };
                    bindings.push((name.map_or_else(|| number.to_string(), str::to_owned), bound));
                }
            }
            let node = tree
                .subtree(within)
                .filter(|id| tree.span(*id).start <= span.start && span.end <= tree.span(*id).end)
                .last();
            found.push(Match {
                node: node.unwrap_or(within),
                span,
                bindings,
            });
        }
        found
    }

    fn all(&mut self, all: &All, within: NodeId, known: &Bindings) -> Vec<Match> {
        let mut positive = all.positive.iter();
        let mut found = match positive.next() {
            Some(first) => self.holds(first, within, known),
            None => match all.inside.first() {
                Some(inside) => self.holds(inside, within, known),
                None => return Vec::new(),
            },
        };
        for formula in positive {
            if found.is_empty() {
                return found;
            }
            let others = self.holds(formula, within, known);
            found = both(&found, &others);
        }
        for formula in &all.inside {
            if found.is_empty() {
                return found;
            }
            // What a place is inside of may lie around the node that a metavariable stands for.
            let around = self.holds(formula, NodeId::ROOT, &Bindings::new());
            found = inside(&found, &around);
        }
        for formula in &all.not {
            if found.is_empty() {
                return found;
            }
            let not = self.holds(formula, NodeId::ROOT, &Bindings::new());
            // An expression takes away what it finds a part of.
            let is_regex = matches!(formula, Formula::Regex(_));
            let takes = |one: &Match, other: &Match| match is_regex {
                true => one.span.start < other.span.end && other.span.start < one.span.end,
                false => lies_in(one, other) && agree(&one.bindings, &other.bindings).is_some(),
            };
            found.retain(|one| !not.iter().any(|other| takes(one, other)));
        }
        for condition in &all.conditions {
            found = found
                .into_iter()
                .flat_map(|one| self.condition(condition, one))
                .collect();
        }
        focus(self.source, &all.focus, found)
    }

    /// The match, with what the condition adds to its bindings, if it holds.
    fn condition(&mut self, condition: &Condition, one: Match) -> Vec<Match> {
        match condition {
            Condition::Regex { metavariable, regex } => {
                let holds = self.text_of(&one.bindings, metavariable).is_some_and(|text| {
                    match regex.is_match(&text) {
                        Some(holds) => holds,
                        None => {
                            self.complete = false;
                            false
                        }
                    }
                });
                if holds { vec![one] } else { Vec::new() }
            }
            Condition::Pattern {
                metavariable,
                formula,
            } => {
                let Some(node) = bound(&one.bindings, metavariable).and_then(|bound| bound.node) else {
                    return Vec::new();
                };
                let mut ways: Vec<Match> = Vec::new();
                for within in self.holds(formula, node, &one.bindings) {
                    let way = Match {
                        bindings: within.bindings,
                        ..one.clone()
                    };
                    if !ways.contains(&way) {
                        ways.push(way);
                    }
                }
                ways
            }
            Condition::Type { metavariable, types } => {
                let node = bound(&one.bindings, metavariable).and_then(|bound| bound.node);
                let is_of = |node| types.iter().any(|wanted| has_type(self.source, node, wanted));
                if node.is_some_and(is_of) {
                    vec![one]
                } else {
                    Vec::new()
                }
            }
            Condition::Exponential { metavariable } => {
                let text = self.text_of(&one.bindings, metavariable);
                let is_one = text.is_some_and(|text| {
                    let bare = text
                        .trim_start_matches(['r', 'b', 'u'])
                        .trim_matches(['"', '\'', '`', '/']);
                    is_exponential(bare, false)
                });
                if is_one { vec![one] } else { Vec::new() }
            }
            Condition::Comparison(comparison) => {
                let text_of = |name: &str| self.text_of(&one.bindings, name);
                if comparison.holds(&one.bindings, &text_of) {
                    vec![one]
                } else {
                    Vec::new()
                }
            }
        }
    }

    /// The text of what a metavariable stands for: a constant's value, or the source.
    fn text_of(&self, bindings: &Bindings, metavariable: &str) -> Option<String> {
        let bound = bound(bindings, metavariable)?;
        let tree = &self.source.tree;
        let Some(node) = bound.node else {
            return Some(bound.canonical.clone());
        };
        // What is assigned to has a name, and no value yet.
        let node = match tree.role(node) {
            Role::Target => node,
            _ => self.source.names.constant(tree, node).unwrap_or(node),
        };
        // `"$X"` names the text between the quotes, `$X` the literal with them.
        if Some(node) == bound.node && bound.canonical == tree.name(node) {
            return Some(bound.canonical.clone());
        }
        Some(tree.source(node).to_owned())
    }
}

fn lies_in(one: &Match, other: &Match) -> bool {
    other.span.start <= one.span.start && one.span.end <= other.span.end
}

/// The smaller of two places, one of which lies in the other, where the metavariables agree.
fn both(left: &[Match], right: &[Match]) -> Vec<Match> {
    let mut found: Vec<Match> = Vec::new();
    for one in left {
        for other in right {
            let smaller = if lies_in(one, other) {
                one
            } else if lies_in(other, one) {
                other
            } else {
                continue;
            };
            if let Some(bindings) = agree(&one.bindings, &other.bindings) {
                let both = Match {
                    bindings,
                    ..smaller.clone()
                };
                if !found.contains(&both) {
                    found.push(both);
                }
            }
        }
    }
    found
}

/// The places that lie in one of the others, which may say more about the metavariables.
fn inside(found: &[Match], around: &[Match]) -> Vec<Match> {
    let mut kept: Vec<Match> = Vec::new();
    for one in found {
        for other in around.iter().filter(|other| lies_in(one, other)) {
            if let Some(bindings) = agree(&one.bindings, &other.bindings) {
                let both = Match {
                    bindings,
                    ..one.clone()
                };
                if !kept.contains(&both) {
                    kept.push(both);
                }
            }
        }
    }
    kept
}

/// The part of each place that the metavariables in focus stand for.
fn focus(source: &Source, metavariables: &[String], found: Vec<Match>) -> Vec<Match> {
    if metavariables.is_empty() {
        return found;
    }
    let mut focused: Vec<Match> = Vec::new();
    for one in &found {
        for metavariable in metavariables {
            let Some(bound) = bound(&one.bindings, metavariable) else {
                continue;
            };
            let node = bound.node.unwrap_or_else(|| {
                source
                    .tree
                    .subtree(NodeId::ROOT)
                    .filter(|id| {
                        source.tree.span(*id).start <= bound.span.start
                            && bound.span.end <= source.tree.span(*id).end
                    })
                    .last()
                    .unwrap_or(one.node)
            });
            let part = Match {
                node,
                span: bound.span.clone(),
                bindings: one.bindings.clone(),
            };
            if !focused.contains(&part) {
                focused.push(part);
            }
        }
    }
    focused
}
