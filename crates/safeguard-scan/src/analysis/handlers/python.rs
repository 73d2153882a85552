//! Flask, FastAPI, Starlette, Django, Django REST framework, aiohttp.

use super::{Route, function_named, guard_names, is_guard};
use crate::analysis::code::Code;
use crate::analysis::words::{has_word, is_about_access};
use crate::tree::{Kind, NodeId, Role};

pub(super) fn routes(code: Code<'_>) -> Vec<Route> {
    let mut routes = Vec::new();
    for function in code.source.of_kind(Kind::Function) {
        decorated(code, *function, &mut routes);
        method_of_view(code, *function, &mut routes);
    }
    for call in code.source.of_kind(Kind::Call) {
        added(code, *call, &mut routes);
    }
    routes.sort_by_key(|route| route.node);
    routes
}

fn decorated(code: Code<'_>, function: NodeId, routes: &mut Vec<Route>) {
    let mut guards = Vec::new();
    let mut found: Vec<Route> = Vec::new();
    for decorator in code.tree.children_in(function, Role::Decorator) {
        let Some(value) = code.child(decorator, Role::Value) else {
            continue;
        };
        match route(code, decorator, value) {
            Some(route) => found.push(route),
            None => guard_names(code, value, &mut guards),
        }
    }
    if found.is_empty() {
        return;
    }
    for param in code.tree.children_in(function, Role::Param) {
        if let Some(default) = code.child(param, Role::Default)
            && code.is_call(default)
            && matches!(code.called(default), "Depends" | "Security")
        {
            guard_names(code, default, &mut guards);
        }
        if let Some(written) = code.child(param, Role::Type) {
            // `Annotated[User, Depends(get_current_user)]`, and names for such types: `CurrentUser`.
            guards.extend(
                code.name(written)
                    .split(|char: char| !char.is_alphanumeric() && char != '_')
                    .filter(|name| {
                        is_about_access(name) || has_word(name, &["current", "active", "admin", "superuser"])
                    })
                    .map(str::to_owned),
            );
        }
    }
    for mut route in found {
        route.handler = Some(function);
        route.guards.extend(guards.iter().cloned());
        routes.push(route);
    }
}

/// What a decorator says, if it declares a route.
fn route(code: Code<'_>, node: NodeId, value: NodeId) -> Option<Route> {
    let mut methods = Vec::new();
    let mut path = "";
    let mut guards = Vec::new();
    let mut on = String::new();
    let called = if code.is_call(value) {
        code.called(value)
    } else {
        code.name(value)
    };
    match called {
        "get" | "post" | "put" | "patch" | "delete" | "route" | "api_route" | "websocket" => {
            let receiver = code.receiver(value)?;
            on = code.tree.source(receiver).to_owned();
            path = code
                .arg(value, 0)
                .or_else(|| code.option(value, "path").or_else(|| code.option(value, "rule")))
                .and_then(|path| code.text(path))?;
            if !path.is_empty() && !path.starts_with('/') {
                return None;
            }
            if !matches!(called, "route" | "api_route" | "websocket") {
                methods.push(called.to_ascii_uppercase());
            }
            if let Some(list) = code.option(value, "methods") {
                methods.extend(code.texts_in(list).map(str::to_ascii_uppercase));
            }
            if let Some(list) = code.option(value, "dependencies") {
                guard_names(code, list, &mut guards);
            }
            // `router = APIRouter(dependencies=[Depends(auth)])`
            if let Some(made) = code.set_to(receiver)
                && let Some(list) = code
                    .is_call(made)
                    .then(|| code.option(made, "dependencies"))
                    .flatten()
            {
                guard_names(code, list, &mut guards);
            }
        }
        "api_view" | "require_http_methods" => {
            methods.extend(code.texts_in(value).map(str::to_ascii_uppercase));
        }
        "require_POST" => methods.push("POST".to_owned()),
        "action" => {
            if let Some(list) = code.option(value, "methods") {
                methods.extend(code.texts_in(list).map(str::to_ascii_uppercase));
            }
            if let Some(list) = code.option(value, "permission_classes") {
                guard_names(code, list, &mut guards);
            }
        }
        _ => return None,
    }
    Some(Route {
        node,
        handler: None,
        methods,
        path: path.to_owned(),
        guards,
        on,
    })
}

/// `def post(self, request)` of a class of views.
fn method_of_view(code: Code<'_>, function: NodeId, routes: &mut Vec<Route>) {
    let method = match code.name(function) {
        "post" | "create" => "POST",
        "put" | "update" => "PUT",
        "patch" | "partial_update" => "PATCH",
        "delete" | "destroy" => "DELETE",
        "get" | "list" | "retrieve" => "GET",
        _ => return,
    };
    let Some(class) = code
        .tree
        .ancestors(function)
        .find(|around| code.kind(*around) == Kind::Class)
    else {
        return;
    };
    let mut guards = Vec::new();
    let mut is_view = false;
    let mut bases: Vec<&str> = Vec::new();
    for base in code.tree.children_in(class, Role::Base) {
        let name = code.tree.source(base);
        is_view |= name.ends_with("View")
            || name.ends_with("ViewSet")
            || name.ends_with("Resource")
            || name.ends_with("MethodView");
        guard_names(code, base, &mut guards);
        if !is_guard(name) {
            bases.push(name);
        }
    }
    if !is_view {
        return;
    }
    for decorator in code
        .tree
        .children_in(class, Role::Decorator)
        .chain(code.tree.children_in(function, Role::Decorator))
    {
        if let Some(value) = code.child(decorator, Role::Value) {
            guard_names(code, value, &mut guards);
        }
    }
    let body = code.body(class).unwrap_or(class);
    for setting in code.tree.children(body) {
        let sets = code
            .child(setting, Role::Target)
            .map_or(code.name(setting), |target| code.name(target));
        if matches!(
            sets,
            "permission_classes" | "authentication_classes" | "decorators" | "method_decorators"
        ) && let Some(value) = code.child(setting, Role::Value)
        {
            guard_names(code, value, &mut guards);
        }
    }
    routes.push(Route {
        node: function,
        handler: Some(function),
        methods: vec![method.to_owned()],
        path: String::new(),
        guards,
        // Only views of one kind are compared: another base may ask by itself.
        on: format!("class {}", bases.join(",")),
    });
}

/// aiohttp: `app.router.add_post("/x", handler)`, `web.post("/x", handler)`.
fn added(code: Code<'_>, call: NodeId, routes: &mut Vec<Route>) {
    let called = code.called(call);
    let Some(receiver) = code.receiver(call) else {
        return;
    };
    let method = match called.strip_prefix("add_") {
        Some(method) => method,
        None if code.path_of(receiver) == "aiohttp.web" => called,
        None => return,
    };
    if !matches!(method, "get" | "post" | "put" | "patch" | "delete") {
        return;
    }
    let (Some(path), Some(handler)) = (code.arg(call, 0), code.arg(call, 1)) else {
        return;
    };
    let Some(path) = code.text(path).filter(|path| path.starts_with('/')) else {
        return;
    };
    let mut guards = Vec::new();
    if code.is_call(handler) {
        guard_names(code, handler, &mut guards);
    }
    let handler = function_named(code, code.last_name(handler));
    for decorator in handler
        .into_iter()
        .flat_map(|handler| code.tree.children_in(handler, Role::Decorator))
    {
        if let Some(value) = code.child(decorator, Role::Value) {
            guard_names(code, value, &mut guards);
        }
    }
    routes.push(Route {
        node: call,
        handler,
        methods: vec![method.to_ascii_uppercase()],
        path: path.to_owned(),
        guards,
        on: code.tree.source(receiver).to_owned(),
    });
}
