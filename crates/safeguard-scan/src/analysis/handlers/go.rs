//! net/http, gin, echo, chi, fiber, gorilla/mux.

use super::{Route, function_named, guard_names};
use crate::analysis::code::Code;
use crate::tree::{Kind, NodeId, Role};

pub(super) fn routes(code: Code<'_>) -> Vec<Route> {
    let mut routes = Vec::new();
    for call in code.source.of_kind(Kind::Call) {
        registered(code, *call, &mut routes);
    }
    routes
}

fn registered(code: Code<'_>, call: NodeId, routes: &mut Vec<Route>) {
    let called = code.called(call);
    let mut methods: Vec<String> = match called {
        "GET" | "POST" | "PUT" | "PATCH" | "DELETE" => vec![called.to_owned()],
        "Get" | "Post" | "Put" | "Patch" | "Delete" => vec![called.to_ascii_uppercase()],
        "Handle" | "HandleFunc" | "Any" | "All" => Vec::new(),
        _ => return,
    };
    let Some(receiver) = code.receiver(call) else {
        return;
    };
    let mut args = code.args(call);
    if args.len() < 2 {
        return;
    }
    let Some(mut path) = code.text(args.remove(0)) else {
        return;
    };
    // `mux.HandleFunc("POST /x", …)`, gin's `r.Handle("POST", "/x", …)`.
    if let Some((method, rest)) = path.split_once(' ') {
        methods = vec![method.to_owned()];
        path = rest;
    } else if path.bytes().all(|byte| byte.is_ascii_uppercase()) && !path.is_empty() && args.len() > 1 {
        methods = vec![path.to_owned()];
        path = code.text(args.remove(0)).unwrap_or("");
    }
    if !path.is_empty() && !path.starts_with('/') {
        return;
    }
    // gorilla/mux: `.Methods("POST")` follows.
    if let Some(member) = code.tree.parent(call)
        && code.kind(member) == Kind::Member
        && code.name(member) == "Methods"
        && let Some(then) = code.tree.parent(member)
    {
        methods.extend(code.args(then).into_iter().filter_map(|arg| {
            let name = code.text(arg).unwrap_or(code.last_name(arg));
            Some(name.trim_start_matches("Method").to_ascii_uppercase()).filter(|name| !name.is_empty())
        }));
    }
    let mut guards = Vec::new();
    let mut handler = None;
    // Echo's middlewares follow the handler, everywhere else they precede it.
    let at_handler = if code.imports("github.com/labstack/echo") {
        0
    } else {
        args.len().saturating_sub(1)
    };
    for (at, arg) in args.into_iter().enumerate() {
        match code.kind(code.bare(arg)) {
            Kind::Name | Kind::Member if at == at_handler => {
                handler = function_named(code, code.last_name(arg))
            }
            Kind::Lambda => handler = Some(code.bare(arg)),
            Kind::Name | Kind::Member => guard_names(code, arg, &mut guards),
            Kind::Call => {
                // What wraps the handler; the handler's own name is none of it.
                if let Some(callee) = code.child(arg, Role::Callee) {
                    guard_names(code, callee, &mut guards);
                }
                for inner in code.args(arg) {
                    if code.is_call(inner) || at != at_handler {
                        guard_names(code, inner, &mut guards);
                    }
                }
                handler = handler.or_else(|| {
                    code.args(arg)
                        .into_iter()
                        .find_map(|inner| function_named(code, code.last_name(inner)))
                });
            }
            _ => {}
        }
    }
    before(code, call, receiver, &mut guards);
    routes.push(Route {
        node: call,
        handler,
        methods,
        path: path.to_owned(),
        guards,
        on: code.tree.source(receiver).to_owned(),
    });
}

/// What is used on the router of a route: `r.Use(auth)`, `r.Group("/x", auth)`, `r.With(auth)`.
fn before(code: Code<'_>, call: NodeId, receiver: NodeId, guards: &mut Vec<String>) {
    let begins = code.tree.span(call).start;
    if code.is_call(receiver) {
        guard_names(code, receiver, guards);
        return;
    }
    let name = code.tree.source(receiver);
    guards.push(name.to_owned());
    for scope in code.functions(call) {
        for id in code.tree.subtree(scope) {
            if code.tree.span(id).end > begins
                || code.kind(id) != Kind::Call
                || code.function(id) != Some(scope)
            {
                continue;
            }
            if code.called(id) == "Use" && code.receiver(id).is_some_and(|of| code.tree.source(of) == name) {
                for arg in code.args(id) {
                    guard_names(code, arg, guards);
                }
            }
        }
        // A function that takes the router as a parameter has its own one.
        if code
            .tree
            .children_in(scope, Role::Param)
            .any(|param| code.name(param) == name)
        {
            return;
        }
    }
    if let Some(made) = code.set_to(receiver)
        && code.is_call(made)
        && matches!(
            code.called(made),
            "Group" | "With" | "PathPrefix" | "Subrouter" | "Route"
        )
    {
        for arg in code.args(made) {
            guard_names(code, arg, guards);
        }
        if let Some(outer) = code.receiver(made) {
            before(code, made, outer, guards);
        }
    }
}
