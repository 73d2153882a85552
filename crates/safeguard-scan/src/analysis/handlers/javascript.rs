//! Express, Koa, Fastify, Hono, NestJS, Next.js.

use super::{Route, function_named, guard_names};
use crate::analysis::code::Code;
use crate::analysis::words::has_word;
use crate::tree::{Flags, Kind, NodeId, Role};

pub(super) fn routes(code: Code<'_>) -> Vec<Route> {
    let mut routes = Vec::new();
    let uses = uses(code);
    for call in code.source.of_kind(Kind::Call) {
        registered(code, *call, &uses, &mut routes);
    }
    for class in code.source.of_kind(Kind::Class) {
        controller(code, *class, &mut routes);
    }
    for function in code.source.of_kind(Kind::Function) {
        exported(code, *function, &mut routes);
    }
    routes.sort_by_key(|route| route.node);
    routes
}

/// `router.use(requireAuth)`: on what, from where on, for which beginning of paths.
struct Use {
    on: String,
    from: usize,
    prefix: String,
    guards: Vec<String>,
}

fn uses(code: Code<'_>) -> Vec<Use> {
    let hooks = |call: &NodeId| matches!(code.called(*call), "use" | "addHook" | "all");
    code.source
        .of_kind(Kind::Call)
        .iter()
        .filter(|call| hooks(call))
        .filter_map(|call| {
            let mut guards = Vec::new();
            let mut prefix = "";
            for arg in code.args(*call) {
                match code.text(arg) {
                    Some(text) => prefix = if text.starts_with('/') { text } else { "" },
                    None => guard_names(code, arg, &mut guards),
                }
            }
            Some(Use {
                on: code.tree.source(code.receiver(*call)?).to_owned(),
                from: code.tree.span(*call).start,
                prefix: prefix.trim_end_matches('*').trim_end_matches('/').to_owned(),
                guards,
            })
        })
        .collect()
}

/// Whether something is what routes are declared on, by its name.
fn is_router(name: &str) -> bool {
    matches!(
        name,
        "app" | "router" | "server" | "fastify" | "api" | "routes" | "route" | "instance" | "r" | "express"
    ) || has_word(name, &["router", "app", "routes", "fastify", "server"])
}

fn registered(code: Code<'_>, call: NodeId, uses: &[Use], routes: &mut Vec<Route>) {
    let method = code.called(call);
    if !matches!(
        method,
        "get" | "post" | "put" | "patch" | "delete" | "del" | "all"
    ) {
        return;
    }
    let Some(receiver) = code.receiver(call) else {
        return;
    };
    let mut args = code.args(call);
    let (on, path) = match on_route(code, receiver) {
        // `router.route("/x").post(…)`
        Some((on, path)) => (on, path),
        None => {
            let on = code.tree.source(receiver).to_owned();
            if !is_router(code.last_name(receiver)) || args.len() < 2 {
                return;
            }
            let Some(path) = code
                .text(args.remove(0))
                .filter(|path| path.starts_with('/') || *path == "*")
            else {
                return;
            };
            (on, path.to_owned())
        }
    };
    let Some(last) = args.pop() else {
        return;
    };
    let mut guards = Vec::new();
    for arg in args {
        match code.kind(arg) {
            Kind::Object => {
                for hook in ["preHandler", "onRequest", "preValidation", "beforeHandler"] {
                    if let Some(value) = code.entry(arg, hook) {
                        guard_names(code, value, &mut guards);
                    }
                }
            }
            _ => guard_names(code, arg, &mut guards),
        }
    }
    let begins = code.tree.span(call).start;
    for one in uses
        .iter()
        .filter(|one| one.on == on && one.from < begins && path.starts_with(&one.prefix))
    {
        guards.extend(one.guards.iter().cloned());
    }
    let handler = handler(code, last, &mut guards);
    routes.push(Route {
        node: call,
        handler,
        methods: match method {
            "all" => Vec::new(),
            "del" => vec!["DELETE".to_owned()],
            _ => vec![method.to_ascii_uppercase()],
        },
        path,
        guards,
        on,
    });
}

/// What `router.route("/x")` at the beginning of a chain says.
fn on_route(code: Code<'_>, receiver: NodeId) -> Option<(String, String)> {
    let mut at = receiver;
    while code.kind(at) == Kind::Call {
        if code.called(at) == "route" {
            let path = code.text(code.arg(at, 0)?)?;
            let on = code.receiver(at)?;
            return Some((code.tree.source(on).to_owned(), path.to_owned()));
        }
        at = code.receiver(at)?;
    }
    None
}

/// The function that answers; what wraps it stands before it.
fn handler(code: Code<'_>, last: NodeId, guards: &mut Vec<String>) -> Option<NodeId> {
    let last = code.bare(last);
    match code.kind(last) {
        Kind::Lambda => Some(last),
        Kind::Name | Kind::Member => function_named(code, code.last_name(last)),
        Kind::Call => {
            if let Some(callee) = code.child(last, Role::Callee) {
                guard_names(code, callee, guards);
            }
            code.args(last)
                .into_iter()
                .rev()
                .find_map(|arg| handler(code, arg, guards))
        }
        _ => None,
    }
}

/// NestJS.
fn controller(code: Code<'_>, class: NodeId, routes: &mut Vec<Route>) {
    let decorators = |of: NodeId| {
        code.tree
            .children_in(of, Role::Decorator)
            .filter_map(|decorator| code.child(decorator, Role::Value))
            .collect::<Vec<_>>()
    };
    let own = decorators(class);
    let Some(controller) = own.iter().find(|value| code.called(**value) == "Controller") else {
        return;
    };
    let prefix = code
        .arg(*controller, 0)
        .and_then(|path| code.text(path))
        .unwrap_or("")
        .to_owned();
    let mut class_guards = Vec::new();
    for value in own {
        guard_names(code, value, &mut class_guards);
    }
    let Some(body) = code.body(class) else {
        return;
    };
    for function in code
        .tree
        .children(body)
        .filter(|id| code.kind(*id) == Kind::Function)
    {
        let values = decorators(function);
        let Some(route) = values.iter().find(|value| {
            matches!(
                code.called(**value),
                "Get" | "Post" | "Put" | "Patch" | "Delete" | "All"
            )
        }) else {
            continue;
        };
        let mut guards = class_guards.clone();
        for value in values.iter().filter(|value| *value != route) {
            guard_names(code, *value, &mut guards);
        }
        for param in code.tree.children_in(function, Role::Param) {
            for value in decorators(param) {
                guard_names(code, value, &mut guards);
            }
        }
        let path = code.arg(*route, 0).and_then(|path| code.text(path)).unwrap_or("");
        routes.push(Route {
            node: *route,
            handler: Some(function),
            methods: vec![code.called(*route).to_ascii_uppercase()],
            path: format!("/{prefix}/{path}"),
            guards,
            on: code.name(class).to_owned(),
        });
    }
}

/// Next.js: functions that are exported under the name of a method.
fn exported(code: Code<'_>, function: NodeId, routes: &mut Vec<Route>) {
    let name = code.name(function);
    if matches!(name, "GET" | "POST" | "PUT" | "PATCH" | "DELETE")
        && code.tree.flags(function).has(Flags::EXPORTED)
    {
        routes.push(Route {
            node: function,
            handler: Some(function),
            methods: vec![name.to_owned()],
            path: String::new(),
            guards: Vec::new(),
            on: "file".to_owned(),
        });
    }
}
