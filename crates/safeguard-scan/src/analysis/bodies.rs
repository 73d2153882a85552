//! What runs in functions, and which of them answer requests.

use crate::analysis::outside;
use crate::language::Language;
use crate::matching::Source;
use crate::names::functions_around;
use crate::tree::{Flags, Kind, NodeId, Role, Tree};

/// The innermost function around a node.
pub fn enclosing(tree: &Tree, id: NodeId) -> Option<NodeId> {
    functions_around(tree, id).next()
}

/// Whether a node runs in an async function, by its innermost one.
pub fn in_async(tree: &Tree, id: NodeId) -> bool {
    enclosing(tree, id).is_some_and(|function| tree.flags(function).has(Flags::ASYNC))
}

/// A node and what lies in it, without the insides of functions and classes that are defined there.
pub fn running(tree: &Tree, id: NodeId) -> Vec<NodeId> {
    tree.pruned(id, |kind| {
        matches!(kind, Kind::Function | Kind::Lambda | Kind::Class)
    })
    .collect()
}

/// What runs when a function is called.
pub fn body(tree: &Tree, function: NodeId) -> Vec<NodeId> {
    tree.child(function, Role::Body)
        .map(|body| running(tree, body))
        .unwrap_or_default()
}

pub fn params(tree: &Tree, function: NodeId) -> impl Iterator<Item = NodeId> + '_ {
    tree.children_in(function, Role::Param)
}

pub fn has_param(tree: &Tree, function: NodeId, name: &str) -> bool {
    params(tree, function).any(|param| tree.name(param) == name)
}

pub fn is_generator(tree: &Tree, function: NodeId) -> bool {
    tree.flags(function).has(Flags::GENERATOR)
        || body(tree, function)
            .iter()
            .any(|id| tree.kind(*id) == Kind::Yield)
}

/// The class that a function is a method of.
pub fn class_of(tree: &Tree, function: NodeId) -> Option<NodeId> {
    tree.ancestors(function)
        .find(|id| matches!(tree.kind(*id), Kind::Class | Kind::Function | Kind::Lambda))
        .filter(|id| tree.kind(*id) == Kind::Class)
}

/// What a method calls its own object: `self`, `this`, Go's receiver.
pub fn own_object(tree: &Tree, function: NodeId) -> Option<&str> {
    match tree.language() {
        Language::Go => tree
            .child(function, Role::Receiver)
            .map(|receiver| tree.name(receiver))
            .filter(|name| !name.is_empty()),
        Language::Python => {
            class_of(tree, function)?;
            let is_static = tree.children_in(function, Role::Decorator).any(|decorator| {
                tree.child(decorator, Role::Value)
                    .is_some_and(|value| tree.name(value) == "staticmethod")
            });
            if is_static {
                return None;
            }
            params(tree, function).next().map(|param| tree.name(param))
        }
        Language::Java | Language::JavaScript | Language::TypeScript | Language::Tsx => Some("this"),
        Language::Rust => has_param(tree, function, "self").then_some("self"),
        Language::Dockerfile
        | Language::Hcl
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => None,
    }
}

/// The function around a node that answers a request, if one does.
pub fn handler_around(source: &Source, id: NodeId) -> Option<NodeId> {
    functions_around(&source.tree, id).find(|function| is_handler(source, *function))
}

/// Whether a function answers requests: by its decorators, its parameters, or what it is given to.
pub fn is_handler(source: &Source, function: NodeId) -> bool {
    let tree = &source.tree;
    match tree.language() {
        Language::Go => params(tree, function).any(|param| {
            tree.child(param, Role::Type).is_some_and(|type_| {
                matches!(
                    tree.name(type_),
                    "http.ResponseWriter"
                        | "*gin.Context"
                        | "echo.Context"
                        | "*echo.Context"
                        | "*fiber.Ctx"
                        | "fiber.Ctx"
                )
            })
        }),
        Language::Java => outside::is_java_handler(source, function),
        Language::Python => is_python_handler(source, function),
        Language::Rust => outside::is_rust_handler(source, function),
        Language::JavaScript | Language::TypeScript | Language::Tsx => is_javascript_handler(tree, function),
        Language::Dockerfile
        | Language::Hcl
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => false,
    }
}

fn is_python_handler(source: &Source, function: NodeId) -> bool {
    const ROUTES: &[&str] = &[
        "route",
        "get",
        "post",
        "put",
        "patch",
        "delete",
        "head",
        "options",
        "websocket",
        "api_route",
        "endpoint",
    ];
    const MARKS: &[&str] = &[
        "api_view",
        "csrf_exempt",
        "login_required",
        "require_GET",
        "require_POST",
        "require_http_methods",
        "require_safe",
        "view_config",
    ];
    let tree = &source.tree;
    let decorated = tree.children_in(function, Role::Decorator).any(|decorator| {
        let Some(value) = tree.child(decorator, Role::Value) else {
            return false;
        };
        let (name, is_route) = match tree.kind(value) {
            Kind::Call => {
                let name = crate::analysis::calls::name(tree, value);
                let on_something = crate::analysis::calls::receiver(tree, value).is_some();
                let path = crate::analysis::calls::arg(tree, value, 0).is_none_or(|path| {
                    matches!(
                        tree.kind(path),
                        Kind::Str | Kind::Interp | Kind::Name | Kind::Binary
                    )
                });
                (name, on_something && path && ROUTES.contains(&name))
            }
            Kind::Name | Kind::Member => (tree.name(value), false),
            _ => return false,
        };
        is_route || MARKS.contains(&name)
    });
    if decorated {
        return true;
    }
    // What FastAPI fills in: `authorization: str = Header()`, `user = Depends(current_user)`.
    let filled_in = params(tree, function).any(|param| {
        tree.child(param, Role::Default).is_some_and(|default| {
            tree.kind(default) == Kind::Call
                && matches!(
                    crate::analysis::calls::name(tree, default),
                    "Depends" | "Header" | "Cookie" | "Security"
                )
        })
    });
    if filled_in && class_of(tree, function).is_none() {
        return true;
    }
    let first = params(tree, function)
        .map(|param| tree.name(param))
        .find(|name| !matches!(*name, "self" | "cls"));
    let methods = ["get", "post", "put", "patch", "delete", "head", "options"];
    if let Some(class) = class_of(tree, function) {
        let name = tree.name(function);
        let is_view = tree.children_in(class, Role::Base).any(|base| {
            let base = tree.name(base);
            [
                "View",
                "Resource",
                "APIView",
                "ViewSet",
                "RequestHandler",
                "HTTPEndpoint",
                "Mixin",
            ]
            .iter()
            .any(|ending| base.ends_with(ending))
        });
        return (methods.contains(&name) && (is_view || first == Some("request")))
            || (is_view && first == Some("request"))
            || name.starts_with("do_") && name[3..].bytes().all(|byte| byte.is_ascii_uppercase());
    }
    // A function at the top of the file whose first parameter is the request is a view, as Django and aiohttp have them.
    first == Some("request") && !tree.name(function).starts_with('_') && enclosing(tree, function).is_none()
}

fn is_javascript_handler(tree: &Tree, function: NodeId) -> bool {
    let names: Vec<&str> = params(tree, function).map(|param| tree.name(param)).collect();
    let takes_both = matches!(
        names.as_slice(),
        [
            "req" | "request" | "_req" | "_request",
            "res" | "response" | "reply" | "resp" | "h" | "rep" | "_res" | "_response" | "_reply",
            ..
        ] | [_, "req" | "request", "res" | "response", ..]
    );
    if takes_both {
        return true;
    }
    let decorated = tree.children_in(function, Role::Decorator).any(|decorator| {
        let value = tree.child(decorator, Role::Value);
        let name = value.map_or("", |value| match tree.kind(value) {
            Kind::Call => crate::analysis::calls::name(tree, value),
            _ => tree.name(value),
        });
        matches!(
            name,
            "Get"
                | "Post"
                | "Put"
                | "Patch"
                | "Delete"
                | "All"
                | "Head"
                | "Options"
                | "Query"
                | "Mutation"
                | "MessagePattern"
        )
    });
    if decorated {
        return true;
    }
    let exported = matches!(
        tree.name(function),
        "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "handler" | "loader" | "action" | "getServerSideProps"
    ) && !names.is_empty();
    if exported && enclosing(tree, function).is_none() {
        return true;
    }
    // `app.get('/path', …, function)`.
    tree.role(function) == Role::Arg
        && tree.parent(function).is_some_and(|call| {
            let is_route = matches!(
                crate::analysis::calls::name(tree, call),
                "get" | "post" | "put" | "patch" | "delete" | "all" | "use" | "route"
            );
            is_route
                && tree.kind(call) == Kind::Call
                && crate::analysis::calls::arg(tree, call, 0)
                    .is_some_and(|path| tree.kind(path) == Kind::Str && tree.name(path).starts_with('/'))
        })
}
