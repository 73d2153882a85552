//! GraphQL: a mutation that asks nobody who they are, where those beside it do.

use super::missing_authentication::{self, OPEN};
use crate::analysis::code::Code;
use crate::analysis::guards::guards;
use crate::analysis::handlers::is_guard;
use crate::analysis::outside::java_decorators;
use crate::analysis::words::{is_about_access, words};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, EVERY_LANGUAGE, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: EVERY_LANGUAGE,
    run,
    ..missing_authentication::CHECK
};

/// A function that answers a mutation: its name, where it stands, whether it asks, whether it looks at who asks at all.
struct Resolver {
    name: String,
    node: NodeId,
    asks: bool,
    looks: bool,
}

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    if source.is_test() {
        return;
    }
    let code = Code::of(source);
    let groups = match source.tree.language() {
        Language::Go => by_receiver(code),
        Language::Python => by_decorator(code),
        _ => {
            let mut groups = by_key(code);
            groups.extend(by_decorator(code));
            groups
        }
    };
    for group in groups {
        let asking = group.iter().filter(|one| one.asks).count();
        for one in group.iter().filter(|one| !one.asks && !one.looks) {
            let open = words(&one.name).iter().any(|word| OPEN.contains(&word.as_str()));
            let others = group
                .iter()
                .filter(|other| !other.asks && other.node != one.node)
                .count();
            let Some(beside) = group.iter().find(|other| other.asks).filter(|_| !open) else {
                continue;
            };
            let message = format!(
                "`{}` asks nobody who they are, while `{}` beside it does",
                one.name, beside.name
            );
            if asking >= 2 && asking > others {
                reports.add(one.node, message);
            } else {
                reports.note(one.node, message);
            }
        }
    }
}

/// `{ Mutation: { rename: async (_, args, { user }) => … } }`
fn by_key(code: Code<'_>) -> Vec<Vec<Resolver>> {
    let pairs = code.source.of_kind(Kind::Pair).iter().copied();
    let objects = pairs
        .filter(|pair| code.key(*pair) == Some("Mutation"))
        .filter_map(|pair| code.child(pair, Role::Value))
        .filter(|value| code.kind(*value) == Kind::Object);
    let resolver = |pair: NodeId| -> Option<Resolver> {
        let name = code.key(pair)?.to_owned();
        let value = code.child(pair, Role::Value)?;
        // `rename: signedIn((_, args) => …)`
        let wrapped = code.is_call(value) && asks_by_name(code.called(value));
        let function = code
            .tree
            .subtree(value)
            .find(|id| matches!(code.kind(*id), Kind::Function | Kind::Lambda))?;
        Some(Resolver {
            name,
            node: pair,
            asks: wrapped || asks(code, function),
            looks: !wrapped && code.is_call(value) || looks(code, function),
        })
    };
    objects
        .map(|object| code.tree.children(object).filter_map(resolver).collect())
        .collect()
}

/// `@strawberry.mutation(permission_classes=[SignedIn])`, `@Mutation()` under `@UseGuards(…)`, `@mutation.field("rename")`
fn by_decorator(code: Code<'_>) -> Vec<Vec<Resolver>> {
    let tree = code.tree;
    let mut groups: Vec<(Option<NodeId>, Vec<Resolver>)> = Vec::new();
    for function in code.source.of_kind(Kind::Function).iter().copied() {
        let decorators: Vec<NodeId> = tree.children_in(function, Role::Decorator).collect();
        let answers = decorators.iter().any(|decorator| {
            let text = tree.source(*decorator).trim_start_matches('@');
            let called = text.split('(').next().unwrap_or("");
            matches!(called.rsplit('.').next(), Some("mutation" | "Mutation"))
                || called.ends_with("mutation.field")
        });
        if !answers {
            continue;
        }
        let class = tree
            .ancestors(function)
            .find(|around| code.kind(*around) == Kind::Class);
        if class.is_some_and(|class| stands_before(code, class)) {
            continue;
        }
        let one = Resolver {
            name: code.name(function).to_owned(),
            node: function,
            asks: decorators.iter().any(|decorator| is_guarding(code, *decorator)) || asks(code, function),
            looks: looks(code, function),
        };
        match groups.iter_mut().find(|(of, _)| *of == class) {
            Some((_, group)) => group.push(one),
            None => groups.push((class, vec![one])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// Whether something stands before all of a class.
fn stands_before(code: Code<'_>, class: NodeId) -> bool {
    java_decorators(code.tree, class)
        .iter()
        .any(|mark| *mark == "UseGuards" || is_guard(mark))
}

/// Whether a decorator asks: by its name, or by what it is given.
fn is_guarding(code: Code<'_>, decorator: NodeId) -> bool {
    code.tree.subtree(decorator).any(|id| match code.kind(id) {
        Kind::Name | Kind::Member => is_guard(code.name(id)) || asks_by_name(code.name(id)),
        Kind::Keyword => matches!(code.name(id), "permission_classes" | "extensions" | "directives"),
        _ => false,
    })
}

/// gqlgen's `func (r *mutationResolver) Rename(ctx context.Context, …)`.
fn by_receiver(code: Code<'_>) -> Vec<Vec<Resolver>> {
    let tree = code.tree;
    let methods = code
        .source
        .of_kind(Kind::Function)
        .iter()
        .copied()
        .filter(|function| {
            tree.child(*function, Role::Receiver)
                .and_then(|receiver| tree.child(receiver, Role::Type))
                .is_some_and(|of| tree.name(of).trim_start_matches('*') == "mutationResolver")
        });
    let all = methods
        .map(|function| Resolver {
            name: code.name(function).to_owned(),
            node: function,
            asks: asks(code, function),
            looks: looks(code, function),
        })
        .collect();
    vec![all]
}

fn asks_by_name(name: &str) -> bool {
    is_about_access(name)
        || words(name).iter().any(|word| {
            matches!(
                word.as_str(),
                "authenticated"
                    | "authorized"
                    | "authorize"
                    | "require"
                    | "ensure"
                    | "permission"
                    | "protected"
            )
        })
        || words(name).join(" ").contains("signed in")
}

/// Whether a function turns away by who asks.
fn asks(code: Code<'_>, function: NodeId) -> bool {
    let tree = code.tree;
    let inside: Vec<NodeId> = tree.subtree(function).collect();
    let by_branch = guards(tree, &inside)
        .into_iter()
        .any(|guard| code.mentions(guard, |name| is_about_access(name) || is_caller(name)));
    by_branch
        || inside.iter().any(|id| {
            code.kind(*id) == Kind::Call && {
                let name = code.called(*id);
                asks_by_name(name) && !name.starts_with("get")
            }
        })
}

/// Names of who asks.
fn is_caller(name: &str) -> bool {
    matches!(
        name,
        "user"
            | "me"
            | "viewer"
            | "session"
            | "auth"
            | "currentUser"
            | "current_user"
            | "principal"
            | "actor"
            | "account"
            | "identity"
            | "claims"
            | "userId"
            | "user_id"
            | "UserID"
            | "token"
    )
}

/// Whether a function looks at who asks: in its body, or by what it takes out of the context.
fn looks(code: Code<'_>, function: NodeId) -> bool {
    let own: Vec<&str> = code
        .tree
        .children_in(function, Role::Param)
        .filter(|param| code.child(*param, Role::Target).is_none())
        .map(|param| code.name(param))
        .collect();
    // What the context is handed to may ask: `checkout(args, context)`.
    let handed_on = own.iter().any(|name| {
        matches!(*name, "context" | "ctx" | "info" | "contextValue")
            && code.tree.subtree(function).any(|id| {
                code.kind(id) == Kind::Name && code.name(id) == *name && code.tree.role(id) == Role::Arg
            })
    }) && code.tree.language() != Language::Go;
    handed_on
        || code.tree.subtree(function).any(|id| match code.kind(id) {
            Kind::Member => {
                is_caller(code.name(id)) && !matches!(code.first_name(id), "args" | "input" | "data")
                    || is_guard(code.name(id))
            }
            // What a client sends is no caller: `(_, { userId })`.
            Kind::Name => {
                matches!(
                    code.name(id),
                    "currentUser" | "current_user" | "viewer" | "session" | "auth" | "user" | "me"
                ) && !own.contains(&code.name(id))
                    || code.tree.role(id) == Role::Callee
                        && (is_guard(code.name(id)) || is_about_access(code.name(id)))
            }
            _ => false,
        })
}
