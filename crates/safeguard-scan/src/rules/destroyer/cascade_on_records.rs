//! What kept rows from going with another row is turned into what makes them go.

use std::collections::BTreeMap;

use safeguard_api::evidence::Severity;

use crate::language::Language;
use crate::matching::Source;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Comparison, Taken};
use crate::tree::{Kind, NodeId, Role};

pub static COMPARISON: Comparison = Comparison {
    id: "cascade-on-records",
    failure: "X1",
    cwe: &["CWE-1057"],
    languages: &[
        Language::Java,
        Language::JavaScript,
        Language::Python,
        Language::TypeScript,
    ],
    run,
    gone: None,
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// The row of the other table can not be deleted while these are there.
    Kept,
    /// These go with it.
    Gone,
}

fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    if both.head.is_test() {
        return;
    }
    let before = relations(both.base);
    for (key, (when, node, parent)) in relations(both.head) {
        let was = before.get(&key).map(|(when, _, _)| *when);
        if when != When::Gone || was != Some(When::Kept) {
            continue;
        }
        let deletes = both.moved.added().any(|text| {
            ["delete", "destroy", "remove"]
                .iter()
                .any(|word| text.contains(word))
        });
        let uses = deletes && !parent.is_empty() && both.moved.mentions_elsewhere(&both.head.path, parent);
        let (confidence, message) = match uses {
            true => (
                Confidence::High,
                format!(
                    "`{}` kept a `{parent}` from being deleted while it had any of these; now they go with it, and this change deletes some",
                    key.1
                ),
            ),
            false => (
                Confidence::Medium,
                format!(
                    "`{}` kept the other row from being deleted while it had any of these; now they go with it",
                    key.1
                ),
            ),
        };
        taken.push(Taken {
            node,
            severity: Severity::High,
            confidence,
            message,
        });
    }
}

/// Relations to other tables by class and name: what happens to them, where that is said, and the other's class.
fn relations(source: &Source) -> BTreeMap<(&str, &str), (When, NodeId, &str)> {
    let tree = &source.tree;
    let mut found = BTreeMap::new();
    for kind in [Kind::Assign, Kind::Field] {
        for id in source.of_kind(kind).iter().copied() {
            let Some(class) = tree
                .ancestors(id)
                .find(|around| tree.kind(*around) == Kind::Class)
            else {
                continue;
            };
            let name = match kind {
                Kind::Assign => tree
                    .child(id, Role::Target)
                    .map_or("", |target| tree.name(target)),
                _ => tree.name(id),
            };
            let says = |word: &str| {
                tree.subtree(id).any(|part| {
                    matches!(tree.kind(part), Kind::Name | Kind::Member | Kind::Str)
                        && tree.name(part).eq_ignore_ascii_case(word)
                })
            };
            let asks = tree.subtree(id).any(|part| {
                matches!(
                    tree.kind(part),
                    Kind::Keyword | Kind::Str | Kind::Name | Kind::Pair
                ) && matches!(tree.name(part), "on_delete" | "ondelete" | "onDelete")
            });
            let when = match () {
                () if !asks || name.is_empty() => continue,
                () if says("PROTECT") || says("RESTRICT") || says("NO ACTION") || says("DO_NOTHING") => {
                    When::Kept
                }
                () if says("CASCADE") => When::Gone,
                () => continue,
            };
            // `ForeignKey(Customer, …)`, `@ManyToOne(() => Customer, …)`: the first name in capitals that is no option.
            let parent = tree
                .subtree(id)
                .filter(|part| matches!(tree.kind(*part), Kind::Name | Kind::Str))
                .map(|part| tree.name(part).rsplit('.').next().unwrap_or(""))
                .find(|word| {
                    word.starts_with(|first: char| first.is_ascii_uppercase())
                        && word.bytes().any(|byte| byte.is_ascii_lowercase())
                        && !matches!(
                            *word,
                            "ForeignKey"
                                | "OneToOneField"
                                | "ManyToOne"
                                | "OneToOne"
                                | "JoinColumn"
                                | "Column"
                        )
                })
                .unwrap_or("");
            found.insert((tree.name(class), name), (when, id, parent));
        }
    }
    found
}
