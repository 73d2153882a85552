//! A guard of a whole class that is gone: Spring's controllers, resolvers and listeners whose methods have none of their own.

use std::collections::BTreeSet;

use safeguard_api::evidence::Severity;

use super::{asks_of, weaker};
use crate::analysis::outside::java_decorators;
use crate::language::Language;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Taken};
use crate::tree::{Kind, NodeId, Role, Tree};

/// Marks of methods that somebody outside reaches.
const REACHED: &[&str] = &[
    "RequestMapping",
    "GetMapping",
    "PostMapping",
    "PutMapping",
    "PatchMapping",
    "DeleteMapping",
    "MessageMapping",
    "QueryMapping",
    "MutationMapping",
    "SchemaMapping",
    "Path",
    "GET",
    "POST",
    "PUT",
    "DELETE",
    "PATCH",
    "Query",
    "Mutation",
    "ResolveField",
    "Subscription",
    "SubscribeMessage",
    "MessagePattern",
];

pub fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    if !matches!(both.head.tree.language(), Language::Java | Language::TypeScript) {
        return;
    }
    let (was, is) = (&both.base.tree, &both.head.tree);
    for class in both.head.of_kind(Kind::Class).iter().copied() {
        let same = |old: &&NodeId| was.name(**old) == is.name(class);
        let Some(old) = both.base.of_kind(Kind::Class).iter().find(same).copied() else {
            continue;
        };
        let (before, still) = (marks(was, old), marks(is, class));
        let Some(gone) = before
            .difference(&still)
            .find(|mark| !both.moved.mentions_elsewhere(&both.head.path, mark))
        else {
            continue;
        };
        // Whatever is asked instead is looked at where two marks are compared.
        if !still.is_empty() && !weaker::is_weaker(gone, &still) {
            continue;
        }
        let open = methods(is, class).into_iter().find(|method| {
            java_decorators(is, *method)
                .iter()
                .any(|mark| REACHED.contains(mark))
                && marks(is, *method).is_empty()
        });
        if let Some(open) = open {
            taken.push(Taken {
                node: open,
                severity: Severity::Critical,
                confidence: Confidence::High,
                message: format!(
                    "`{gone}` guarded all of `{}`, this change takes it away, and `{}` has no guard of its own",
                    is.name(class),
                    is.name(open)
                ),
            });
        }
    }
}

fn methods(tree: &Tree, class: NodeId) -> Vec<NodeId> {
    let body = tree.child(class, Role::Body);
    let inside = body.into_iter().flat_map(|body| tree.children(body));
    inside.filter(|id| tree.kind(*id) == Kind::Function).collect()
}

/// The guards among the marks of a class or a method.
fn marks(tree: &Tree, of: NodeId) -> BTreeSet<String> {
    tree.children_in(of, Role::Decorator)
        .flat_map(|decorator| asks_of(tree, decorator))
        .collect()
}
