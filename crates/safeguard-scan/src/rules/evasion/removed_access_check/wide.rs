//! Guards that stood before many routes: of a router, a class, a group, or the whole application.

use std::collections::{BTreeMap, BTreeSet};

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::functions::called;
use crate::analysis::guards::is_about_access;
use crate::analysis::handlers::{Route, asks_caller, is_guard, routes};
use crate::analysis::words::words;
use crate::matching::Source;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Taken};
use crate::tree::{Kind, NodeId, Role};

pub fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let (was, is) = (Code::of(both.base), Code::of(both.head));
    let before = routes(was);
    let now = routes(is);
    let mut gone: BTreeMap<String, Vec<&Route>> = BTreeMap::new();
    let mut kept: BTreeSet<String> = BTreeSet::new();
    for route in &before {
        let same = |other: &&Route| key(is, other) == key(was, route);
        let Some(still) = now.iter().find(same) else {
            continue;
        };
        for guard in route.guards.iter().filter(|guard| asks(guard)) {
            let last = last(guard);
            if still.guards.iter().any(|other| self::last(other) == last) {
                kept.insert(last.to_owned());
            } else if !stands_at(was, route, last) && !asks_now(was, is, route, still) {
                gone.entry(last.to_owned()).or_default().push(still);
            }
        }
    }
    let (wide, wide_now) = (wide(both.base), wide(both.head));
    for (guard, routes) in &gone {
        // What stands before all of them in another way, here or in another file.
        if both.moved.mentions_elsewhere(&both.head.path, guard)
            || wide_now.iter().any(|one| one.guard == *guard)
        {
            continue;
        }
        let Some(first) = routes.first() else {
            continue;
        };
        let bare = routes
            .iter()
            .find(|route| !route.guards.iter().any(|guard| asks(guard)));
        taken.push(told(
            bare.unwrap_or(first).node,
            bare.is_some(),
            format!(
                "`{guard}` stood before {}, and this change takes it away",
                match routes.as_slice() {
                    [_] => "this route".to_owned(),
                    all => format!("this and {} more routes", all.len() - 1),
                }
            ),
        ));
    }
    // Routes that are declared elsewhere.
    for one in &wide {
        let guard = &one.guard;
        let is_told = gone.contains_key(guard) || kept.contains(guard);
        // A hook is there by its own name alone.
        let is_there = wide_now.iter().any(|other| other.guard == *guard)
            || is
                .source
                .of_kind(Kind::Name)
                .iter()
                .chain(is.source.of_kind(Kind::Member))
                .any(|id| is.name(*id) == guard && !is_import(is, *id));
        if is_told || is_there || both.moved.mentions(guard) {
            continue;
        }
        let replaced = wide_now
            .iter()
            .any(|other| other.on == one.on && !wide.iter().any(|old| old.guard == other.guard));
        let Some(node) = still_used(is, &one.on) else {
            continue;
        };
        taken.push(told(
            node,
            !replaced,
            format!(
                "`{guard}` stood before all that `{}` answers, and this change takes it away",
                one.on
            ),
        ));
    }
}

fn told(node: NodeId, is_sure: bool, message: String) -> Taken {
    Taken {
        node,
        severity: Severity::Critical,
        confidence: if is_sure {
            Confidence::High
        } else {
            Confidence::Medium
        },
        message,
    }
}

/// By what a route is found again.
fn key(code: Code<'_>, route: &Route) -> (Vec<String>, String, String, String) {
    let handler = route.handler.map_or_else(String::new, |handler| {
        let mut names = vec![code.function_name(handler)];
        names.extend(code.names_around(handler));
        names.join(".")
    });
    (
        route.methods.clone(),
        route.path.clone(),
        route.on.clone(),
        handler,
    )
}

fn last(guard: &str) -> &str {
    guard.rsplit('.').next().unwrap_or(guard)
}

/// Whether a name is one of a guard, and not of what only holds guards.
fn asks(guard: &str) -> bool {
    let name = last(guard);
    !matches!(name, "UseGuards" | "Depends" | "Security" | "auth" | "Roles")
        && (is_guard(name) || is_about_access(name))
}

/// Whether a guard is written at the route itself: that is looked at where routes are.
fn stands_at(code: Code<'_>, route: &Route, guard: &str) -> bool {
    let tree = code.tree;
    let handler = route.handler.into_iter().flat_map(|handler| {
        let params = tree.children_in(handler, Role::Param);
        tree.children_in(handler, Role::Decorator).chain(params)
    });
    let mut own = handler.chain((!is_function(code, route.node)).then_some(route.node));
    own.any(|part| {
        tree.subtree(part)
            .any(|id| tree.name(id) == guard || tree.kind(id) == Kind::Type && tree.name(id).contains(guard))
    })
}

fn is_function(code: Code<'_>, id: NodeId) -> bool {
    matches!(code.kind(id), Kind::Function | Kind::Lambda)
}

/// Whether a handler asks by itself what its guard asked before.
fn asks_now(was: Code<'_>, is: Code<'_>, route: &Route, still: &Route) -> bool {
    still.handler.is_some_and(|handler| asks_caller(is, handler))
        && !route.handler.is_some_and(|handler| asks_caller(was, handler))
}

/// What stands before the calls of gRPC.
const INTERCEPTS: &[&str] = &[
    "UnaryInterceptor",
    "StreamInterceptor",
    "ChainUnaryInterceptor",
    "ChainStreamInterceptor",
    "ChainUnaryServer",
    "ChainStreamServer",
];

/// A guard before all that something answers.
struct Wide {
    on: String,
    guard: String,
}

fn wide(source: &Source) -> Vec<Wide> {
    let code = Code::of(source);
    let tree = code.tree;
    let mut found = Vec::new();
    let mut add = |on: &str, guard: &str| {
        if asks(guard) {
            found.push(Wide {
                on: on.to_owned(),
                guard: guard.to_owned(),
            });
        }
    };
    for call in source.of_kind(Kind::Call) {
        let method = called(tree, *call).unwrap_or("");
        let is_wide = matches!(
            method,
            "use" | "Use" | "addHook" | "useGlobalGuards" | "include_router" | "add_middleware" | "register"
        ) || INTERCEPTS.contains(&method);
        let makes = matches!(method, "FastAPI" | "APIRouter");
        if !is_wide && !makes {
            continue;
        }
        let on = match code.receiver(*call) {
            Some(receiver) => code.last_name(receiver),
            None => assigned(code, *call),
        };
        let args = tree.children_in(*call, Role::Arg).filter(|arg| {
            // Of what makes a router, only what stands before all of its routes.
            let dependencies = tree.kind(*arg) == Kind::Keyword && tree.name(*arg) == "dependencies";
            dependencies || !makes && method != "include_router"
        });
        for arg in args.collect::<Vec<_>>() {
            for id in tree.subtree(arg) {
                let in_function = tree
                    .ancestors(id)
                    .take_while(|around| around != call)
                    .any(|around| is_function(code, around));
                let is_last = tree
                    .parent(id)
                    .is_none_or(|parent| tree.kind(parent) != Kind::Member);
                // `auth.UnaryInterceptor(keys)`: what it asks is said by whose it is.
                let of = tree
                    .child(id, Role::Object)
                    .filter(|_| tree.name(id).ends_with("Interceptor"));
                if let Some(of) = of.filter(|_| INTERCEPTS.contains(&method)) {
                    add(on, &format!("{}{}", tree.name(of), tree.name(id)));
                }
                if matches!(tree.kind(id), Kind::Name | Kind::Member) && is_last && !in_function {
                    add(on, tree.name(id));
                }
            }
        }
    }
    // `{ provide: APP_GUARD, useClass: JwtAuthGuard }`
    for object in source.of_kind(Kind::Object) {
        let provides = code
            .entry(*object, "provide")
            .is_some_and(|id| code.last_name(id) == "APP_GUARD");
        if let Some(class) = code.entry(*object, "useClass").filter(|_| provides) {
            add("APP_GUARD", code.last_name(class));
        }
    }
    // `@app.before_request def require_login(): …`
    for function in source.of_kind(Kind::Function) {
        for decorator in tree.children_in(*function, Role::Decorator) {
            let value = code.child(decorator, Role::Value).unwrap_or(decorator);
            let name = code.last_name(value);
            let runs_before = matches!(name, "before_request" | "before_app_request" | "middleware");
            if runs_before && words(tree.name(*function)).len() > 1 {
                add(code.first_name(value), tree.name(*function));
            }
        }
    }
    found
}

/// What a call's value is given to.
fn assigned<'s>(code: Code<'s>, call: NodeId) -> &'s str {
    code.tree
        .parent(call)
        .filter(|parent| code.kind(*parent) == Kind::Assign)
        .and_then(|assign| code.child(assign, Role::Target))
        .map_or("", |target| code.name(target))
}

fn is_import(code: Code<'_>, id: NodeId) -> bool {
    code.tree
        .ancestors(id)
        .any(|around| matches!(code.kind(around), Kind::Import | Kind::ImportItem))
        // `const { requireAuth } = require('./auth')`
        || code.tree.role(id) != Role::Arg
            && code.tree.ancestors(id).any(|around| {
                code.kind(around) == Kind::Assign
                    && code
                        .child(around, Role::Target)
                        .is_some_and(|target| code.tree.within(id, target))
                    && code
                        .child(around, Role::Value)
                        .is_some_and(|value| code.is_call(value) && code.called(value) == "require")
            })
}

/// A call on the same thing that is still made.
fn still_used(code: Code<'_>, on: &str) -> Option<NodeId> {
    if on == "APP_GUARD" {
        return code.source.of_kind(Kind::Class).first().copied();
    }
    let mut calls = code.source.of_kind(Kind::Call).iter().copied();
    calls.find(|call| {
        code.receiver(*call)
            .is_some_and(|receiver| code.last_name(receiver) == on)
    })
}
