//! Checks of what a change takes away: a file as it was against the file as it is.

use std::collections::BTreeSet;

use safeguard_api::evidence::Severity;

use crate::analysis::functions;
use crate::change::FileScan;
use crate::finding::Finding;
use crate::language::Language;
use crate::matching::{Source, canonical};
use crate::rule::{About, Confidence};
use crate::scan::{Rules, finding};
use crate::tree::{Kind, NodeId, Role, Tree};

#[derive(Debug)]
pub struct Comparison {
    pub id: &'static str,
    pub failure: &'static str,
    pub cwe: &'static [&'static str],
    /// Those that it compares in; a file of another is nothing to it.
    pub languages: &'static [Language],
    pub run: fn(&Both<'_>, &mut Vec<Taken>),
    /// What it says of a file that is gone, at nodes of the file as it was.
    pub gone: Option<fn(&Source, &Moved) -> Vec<Taken>>,
}

/// A file that is there before and after.
#[derive(Clone, Copy)]
pub struct Both<'b> {
    pub base: &'b Source,
    pub head: &'b Source,
    pub moved: &'b Moved,
}

/// What the change's files have now that they did not have before, wherever it stands.
#[derive(Debug, Default)]
pub struct Moved {
    /// By text, then by the file's path.
    added: BTreeSet<(String, String)>,
}

/// Something that is gone or weaker, told at a node of the file as it is.
#[derive(Debug)]
pub struct Taken {
    pub node: NodeId,
    pub severity: Severity,
    pub confidence: Confidence,
    pub message: String,
}

impl Taken {
    /// Of high severity; where it is not sure, it is advice.
    pub fn high(node: NodeId, sure: bool, message: String) -> Taken {
        Taken {
            node,
            severity: Severity::High,
            confidence: if sure {
                Confidence::High
            } else {
                Confidence::Medium
            },
            message,
        }
    }
}

impl Moved {
    fn of(files: &[FileScan]) -> Moved {
        let parts = |source: &Source| -> Vec<String> {
            let tree = &source.tree;
            tree.all()
                .filter_map(|id| match tree.kind(id) {
                    Kind::Function => stands_before_others(tree, id),
                    // What is set to a text or to a list of them; not what holds all others.
                    Kind::Pair => (tree.language().is_infrastructure() && is_plain(tree, id))
                        .then(|| canonical(tree, id)),
                    kind => is_worth_moving(kind).then(|| canonical(tree, id)),
                })
                .filter(|part| !only_names(part))
                .collect()
        };
        let mut before: BTreeSet<String> = BTreeSet::new();
        for file in files {
            before.extend(file.base.iter().flat_map(parts));
        }
        let mut added = BTreeSet::new();
        for file in files {
            // A file without its base is new, or the same as before and not kept.
            let new = file.head.iter().flat_map(parts);
            added.extend(
                new.filter(|part| !before.contains(part))
                    .map(|part| (part, file.path.clone())),
            );
        }
        Moved { added }
    }

    /// Whether something that the change adds mentions this.
    pub fn mentions(&self, text: &str) -> bool {
        self.added.iter().any(|(added, _)| added.contains(text))
    }

    /// Whether something that the change adds to another file mentions this.
    pub fn mentions_elsewhere(&self, path: &str, text: &str) -> bool {
        let mut elsewhere = self.added.iter().filter(|(_, other)| other != path);
        elsewhere.any(|(added, _)| added.contains(text))
    }

    /// What the change adds, as text.
    pub fn added(&self) -> impl Iterator<Item = &str> {
        self.added.iter().map(|(added, _)| added.as_str())
    }
}

/// A function that runs before others, with its decorators: what guards it guards them.
fn stands_before_others(tree: &Tree, function: NodeId) -> Option<String> {
    let decorators: Vec<String> = tree
        .children_in(function, Role::Decorator)
        .map(|decorator| canonical(tree, decorator))
        .collect();
    let is_hook = |text: &String| {
        ["before", "middleware", "hook", "pre_"]
            .iter()
            .any(|word| text.to_ascii_lowercase().contains(word))
    };
    decorators
        .iter()
        .any(is_hook)
        .then(|| format!("{} {}", tree.name(function), decorators.join(" ")))
}

/// What is imported or exported by name is not used by that.
fn only_names(part: &str) -> bool {
    ["(Call require ", "module.exports", "__all__"]
        .iter()
        .any(|text| part.contains(text))
}

fn is_plain(tree: &Tree, pair: NodeId) -> bool {
    tree.child(pair, Role::Value)
        .is_some_and(|value| tree.subtree(value).all(|inner| tree.kind(inner) != Kind::Object))
}

fn is_worth_moving(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::ExprStmt
            | Kind::Assign
            | Kind::Binary
            | Kind::Unary
            | Kind::Call
            | Kind::Decorator
            | Kind::Section
    )
}

/// What all comparisons say of a change.
pub fn compare(rules: &Rules, files: &[FileScan]) -> Vec<Finding> {
    let moved = Moved::of(files);
    let mut found = Vec::new();
    for file in files {
        let (base, head) = match (&file.base, &file.head) {
            (Some(base), Some(head)) => (base, head),
            (Some(base), None) if file.unread.is_empty() => {
                removed(rules, base, &moved, &mut found);
                continue;
            }
            _ => continue,
        };
        let both = Both {
            base,
            head,
            moved: &moved,
        };
        let language = head.tree.language();
        let fits = |comparison: &&&Comparison| comparison.languages.contains(&language);
        for comparison in rules.comparisons().iter().filter(fits) {
            let mut taken = Vec::new();
            (comparison.run)(&both, &mut taken);
            tell(comparison, head, taken, &mut found);
        }
    }
    found
}

/// What is said of a file that is gone.
fn removed(rules: &Rules, base: &Source, moved: &Moved, found: &mut Vec<Finding>) {
    let language = base.tree.language();
    for comparison in rules.comparisons() {
        if let Some(gone) = comparison
            .gone
            .filter(|_| comparison.languages.contains(&language))
        {
            tell(comparison, base, gone(base, moved), found);
        }
    }
}

fn tell(comparison: &Comparison, source: &Source, taken: Vec<Taken>, found: &mut Vec<Finding>) {
    for one in taken {
        let about = About {
            id: comparison.id.to_owned(),
            severity: one.severity,
            confidence: one.confidence,
            failure: comparison.failure.to_owned(),
            message: String::new(),
            cwe: comparison.cwe.iter().map(|cwe| (*cwe).to_owned()).collect(),
        };
        let span = source.tree.span(one.node);
        found.push(finding(&about, source, one.node, span, one.message));
    }
}

/// Functions that are there before and after, by name.
pub fn pairs(both: &Both<'_>) -> Vec<(String, NodeId, NodeId)> {
    let head = functions::by_name(both.head);
    functions::by_name(both.base)
        .into_iter()
        .filter_map(|(name, base)| {
            let now = *head.get(&name)?;
            // How many parameters it has is not part of what it is called.
            let shown = match name.rsplit_once('/') {
                Some((shown, takes)) if takes.bytes().all(|byte| byte.is_ascii_digit()) => shown.to_owned(),
                _ => name,
            };
            Some((shown, base, now))
        })
        .collect()
}
