//! Go: a struct with a lock that is copied, so that each copy locks for itself alone.

use std::collections::BTreeSet;

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls};
use crate::language::Language;
use crate::matching::Source;
use crate::project::{Project, folder};
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::scan;
use crate::tree::{Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "lock-copied",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-667"],
    languages: &[Language::Go],
    run,
};

const FILES_MAX: usize = 60;
const NESTED_MAX: usize = 4;

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    let mut locked = holders(tree);
    // The struct may stand in another file of the package; only whoever uses one by value needs to know.
    let by_value = takes_by_value(tree)
        .into_iter()
        .any(|(_, name)| !locked.contains(name));
    if by_value && project.is_known() {
        for path in project.below(folder(&source.path)).take(FILES_MAX) {
            if path == source.path || folder(path) != folder(&source.path) || !path.ends_with(".go") {
                continue;
            }
            let Some(text) = project.text(path).filter(|text| text.contains("sync.")) else {
                continue;
            };
            if let Ok(other) = scan::read(path, Language::Go, &text) {
                locked.extend(holders(&other.tree));
            }
        }
    }
    for (param, name) in takes_by_value(tree) {
        if !locked.contains(name) {
            continue;
        }
        if tree.role(param) == Role::Receiver {
            let own = tree.name(param);
            let locks = tree.parent(param).is_some_and(|function| {
                bodies::body(tree, function).into_iter().any(|id| {
                    tree.kind(id) == Kind::Call
                        && matches!(
                            calls::name(tree, id),
                            "Lock" | "RLock" | "TryLock" | "Wait" | "Do"
                        )
                        && calls::receiver(tree, id)
                            .and_then(|of| calls::root(tree, of))
                            .is_some_and(|root| tree.name(root) == own)
                })
            });
            let told = format!(
                "`{name}` is copied for each call, with its lock: two calls at once do not keep each other out"
            );
            if locks {
                reports.add(param, told);
            } else {
                reports.note(param, told);
            }
        } else {
            reports.note(
                param,
                format!("`{name}` holds a lock, and is copied here with it"),
            );
        }
    }
}

/// The structs of a file that hold a lock by value, also within another of them.
fn holders(tree: &Tree) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = BTreeSet::new();
    for _ in 0..NESTED_MAX {
        let before = found.len();
        for class in tree.all().filter(|id| tree.kind(*id) == Kind::Class) {
            let holds = tree.child(class, Role::Body).is_some_and(|body| {
                tree.children(body).any(|field| {
                    tree.kind(field) == Kind::Field && {
                        let of = tree
                            .child(field, Role::Type)
                            .map_or(tree.name(field), |of| tree.name(of));
                        matches!(
                            of,
                            "sync.Mutex"
                                | "sync.RWMutex"
                                | "sync.WaitGroup"
                                | "sync.Once"
                                | "sync.Cond"
                                | "sync.Map"
                        ) || found.contains(of)
                    }
                })
            });
            if holds {
                found.insert(tree.name(class).to_owned());
            }
        }
        if found.len() == before {
            break;
        }
    }
    found
}

/// Receivers and parameters that are no pointers, each with the name of its type.
fn takes_by_value(tree: &Tree) -> Vec<(NodeId, &str)> {
    tree.all()
        .filter(|id| tree.kind(*id) == Kind::Param)
        .filter_map(|param| {
            let of = tree.name(tree.child(param, Role::Type)?);
            let plain = of.starts_with(char::is_alphabetic)
                && of
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            plain.then_some((param, of))
        })
        .collect()
}
