//! Flask, Django, FastAPI, Starlette, aiohttp, Tornado, Bottle, Sanic, GraphQL, gRPC, `http.server`, AWS Lambda, bots and tools of models.

use super::{called, first_text, parameter, type_of};
use crate::matching::Source;
use crate::tree::{Flags, Kind, NodeId, Role, Tree};

/// Members of a request that hold what was sent.
const OF_REQUEST: &[&str] = &[
    "COOKIES",
    "FILES",
    "GET",
    "META",
    "POST",
    "args",
    "body",
    "content",
    "cookies",
    "data",
    "files",
    "form",
    "forms",
    "full_path",
    "get_data",
    "get_json",
    "headers",
    "json",
    "json_body",
    "match_info",
    "matchdict",
    "multipart",
    "params",
    "path_params",
    "post",
    "query",
    "query_params",
    "query_string",
    "read",
    "rel_url",
    "stream",
    "text",
    "values",
];

/// What Tornado's handlers ask themselves for.
const OF_TORNADO: &[&str] = &[
    "get_argument",
    "get_arguments",
    "get_body_argument",
    "get_body_arguments",
    "get_cookie",
    "get_query_argument",
    "get_query_arguments",
];

/// Decorators that make a function a handler of a path.
const ROUTES: &[&str] = &[
    "api_route",
    "delete",
    "get",
    "head",
    "options",
    "patch",
    "post",
    "put",
    "route",
    "websocket",
];

/// Methods of Django's and other frameworks' views.
const VIEW_METHODS: &[&str] = &[
    "create",
    "delete",
    "destroy",
    "get",
    "head",
    "list",
    "partial_update",
    "patch",
    "post",
    "put",
    "retrieve",
    "update",
];

/// Parameters that frameworks give, or that are ids by custom.
const GIVEN: &[&str] = &[
    "_",
    "background_tasks",
    "bot",
    "cache",
    "client",
    "cls",
    "config",
    "conn",
    "connection",
    "context",
    "ctx",
    "current_user",
    "cursor",
    "database",
    "db",
    "engine",
    "format",
    "info",
    "logger",
    "redis",
    "repo",
    "repository",
    "response",
    "self",
    "service",
    "session",
    "settings",
    "storage",
];

/// Types that hold no text of a client.
const NO_TEXT: &[&str] = &[
    "HTTPConnection",
    "HttpRequest",
    "Request",
    "Response",
    "User",
    "CurrentUser",
    "WebSocket",
    "bool",
    "date",
    "datetime",
    "float",
    "int",
    "time",
    "timedelta",
];

/// The same, by the end of their name.
const NO_TEXT_ENDINGS: &[&str] = &[
    "Client",
    "Conn",
    "Connection",
    "Context",
    "Credentials",
    "Cursor",
    "Database",
    "Decimal",
    "Dep",
    "Depends",
    "Engine",
    "Enum",
    "Manager",
    "Pool",
    "Repository",
    "Service",
    "Session",
    "Settings",
    "Tasks",
    "UUID",
    "UUID4",
    "UnitOfWork",
];

pub fn outside(source: &Source) -> Vec<NodeId> {
    let tree = &source.tree;
    let mut found = Vec::new();
    for member in source.of_kind(Kind::Member) {
        if is_sent(source, *member) {
            found.push(*member);
        }
    }
    for function in source.of_kind(Kind::Function) {
        parameters(source, *function, &mut found);
    }
    for index in source.of_kind(Kind::Index) {
        // Django's `self.kwargs["slug"]`; ids are numbers by custom.
        if let (Some(object), Some(key)) = (tree.child(*index, Role::Object), tree.child(*index, Role::Index))
            && tree.source(object) == "self.kwargs"
            && tree.kind(key) == Kind::Str
            && !is_id(tree.name(key))
        {
            found.push(*index);
        }
    }
    // Web sockets give their messages when they are walked through.
    for each in source.of_kind(Kind::ForEach) {
        if tree.flags(*each).has(Flags::ASYNC)
            && let Some(iter) = tree.child(*each, Role::Iter)
            && tree.kind(iter) == Kind::Name
            && matches!(tree.name(iter), "websocket" | "ws")
        {
            found.push(iter);
        }
    }
    found
}

/// Whether a member is a part of a request that the client sent.
fn is_sent(source: &Source, member: NodeId) -> bool {
    let tree = &source.tree;
    let Some(object) = tree.child(member, Role::Object) else {
        return false;
    };
    let name = tree.name(member);
    if tree.kind(object) == Kind::Name && tree.name(object) == "self" {
        return match name {
            "path" | "headers" | "rfile" => is_in_class_like(tree, member, "HTTPRequestHandler"),
            name => OF_TORNADO.contains(&name),
        };
    }
    if tree.kind(object) == Kind::Name
        && matches!(tree.name(object), "websocket" | "ws")
        && matches!(
            name,
            "receive" | "receive_text" | "receive_json" | "receive_bytes" | "recv" | "query_params"
        )
    {
        return true;
    }
    OF_REQUEST.contains(&name) && is_request(source, object)
}

fn is_request(source: &Source, object: NodeId) -> bool {
    let tree = &source.tree;
    match tree.kind(object) {
        Kind::Name => {
            let is_called_so = matches!(tree.name(object), "request" | "req");
            if let Some(param) = parameter(tree, object) {
                let written = type_of(tree, param);
                return if written.is_empty() {
                    is_called_so
                } else {
                    // A `LoginRequest` is a body; `requests.Request` is one that one sends oneself.
                    let last = written
                        .rsplit('.')
                        .next()
                        .unwrap_or(written)
                        .trim_matches(['"', '\'']);
                    let last = last.split('[').next().unwrap_or(last);
                    !written.contains("requests.")
                        && !written.contains("urllib")
                        && (matches!(last, "Request" | "HTTPConnection")
                            || (last.ends_with("Request")
                                && ["Http", "HTTP", "WSGI", "ASGI", "Authenticated", "Sanic"]
                                    .iter()
                                    .any(|begin| last.starts_with(begin))))
                };
            }
            is_called_so
                && source.names.imported(tree.name(object)).is_some_and(|from| {
                    ["flask", "quart", "bottle", "sanic", "web"]
                        .iter()
                        .any(|module| from.starts_with(module))
                })
        }
        // `self.request`, `info.context.request`, `flask.request`
        Kind::Member => {
            tree.name(object) == "request"
                && tree
                    .child(object, Role::Object)
                    .is_some_and(|owner| match tree.kind(owner) {
                        Kind::Name => {
                            matches!(
                                tree.name(owner),
                                "self" | "flask" | "bottle" | "quart" | "cherrypy"
                            )
                        }
                        Kind::Member => tree.name(owner) == "context",
                        _ => false,
                    })
        }
        _ => false,
    }
}

fn is_in_class_like(tree: &Tree, id: NodeId, ending: &str) -> bool {
    tree.ancestors(id)
        .filter(|around| tree.kind(*around) == Kind::Class)
        .any(|class| {
            tree.children_in(class, Role::Base)
                .any(|base| tree.source(base).ends_with(ending))
        })
}

/// The parameters of a handler.
fn parameters(source: &Source, function: NodeId, found: &mut Vec<NodeId>) {
    let tree = &source.tree;
    let params: Vec<NodeId> = tree.children_in(function, Role::Param).collect();
    let name = |at: usize| params.get(at).map_or("", |param| tree.name(*param));
    let is_method = matches!(name(0), "self" | "cls");
    let first = usize::from(is_method);
    // AWS Lambda, WSGI and gRPC give one object that holds everything.
    match (name(first), name(first + 1)) {
        ("event", "context" | "_context" | "_") if !is_method => found.push(params[first]),
        ("environ", "start_response") => found.push(params[first]),
        ("request", "context") if is_method && is_in_class_like(tree, function, "Servicer") => {
            found.push(params[first]);
        }
        _ => {}
    }
    let Some(handler) = handler(source, function, first) else {
        return;
    };
    for (at, param) in params.iter().enumerate() {
        let skipped = match handler {
            Handler::Route(path) => converted(path, tree.name(*param)),
            // What is an id is a number by custom: `<int:pk>`.
            Handler::View => {
                let flags = tree.flags(*param);
                at <= first
                    || is_id(tree.name(*param))
                    || flags.has(Flags::REST)
                    || flags.has(Flags::KEYWORD_REST)
            }
            Handler::Given(given) => at < first + given,
        };
        let name = tree.name(*param);
        let is_request = matches!(name, "request" | "req") && type_of(tree, *param).is_empty();
        if !skipped && !is_request && !GIVEN.contains(&name) && may_be_text(source, *param) {
            found.push(*param);
        }
    }
}

enum Handler<'t> {
    /// The path of its route.
    Route(&'t str),
    /// Its first parameter is the request, the others are from the path.
    View,
    /// So many parameters are the framework's.
    Given(usize),
}

fn handler<'t>(source: &'t Source, function: NodeId, first: usize) -> Option<Handler<'t>> {
    let tree = &source.tree;
    let params: Vec<NodeId> = tree.children_in(function, Role::Param).collect();
    let first_name = params.get(first).map_or("", |param| tree.name(*param));
    for decorator in tree.children_in(function, Role::Decorator) {
        let Some(value) = tree.child(decorator, Role::Value) else {
            continue;
        };
        let (name, call) = match tree.kind(value) {
            Kind::Call => (called(tree, value), Some(value)),
            Kind::Name | Kind::Member => (tree.name(value), None),
            _ => continue,
        };
        let owner = call
            .and_then(|call| tree.child(call, Role::Callee))
            .or(Some(value))
            .and_then(|callee| tree.child(callee, Role::Object))
            .map_or("", |owner| tree.source(owner));
        if let Some(call) = call
            && ROUTES.contains(&name)
            && let Some(path) = first_text(tree, call)
            && (path.is_empty() || path.starts_with('/'))
        {
            return Some(Handler::Route(path));
        }
        let is_async = tree.flags(function).has(Flags::ASYNC);
        match name {
            "command" | "hybrid_command" if is_async && matches!(first_name, "ctx" | "interaction") => {
                return Some(Handler::Given(1));
            }
            // What a model calls with arguments of its choice.
            "tool" if matches!(owner, "mcp" | "server" | "app") => return Some(Handler::Given(0)),
            "field" | "mutation" | "subscription" if owner == "strawberry" => return Some(Handler::Given(0)),
            "api_view" if call.is_some() => return Some(Handler::View),
            "require_http_methods" | "require_GET" | "require_POST" | "csrf_exempt" | "login_required" => {
                return (first_name == "request").then_some(Handler::View);
            }
            _ => {}
        }
    }
    let name = tree.name(function);
    if (name.starts_with("resolve_") && params.iter().any(|param| tree.name(*param) == "info"))
        || (name == "mutate" && params.get(1).is_some_and(|param| tree.name(*param) == "info"))
    {
        return Some(Handler::Given(1));
    }
    if first_name != "request" {
        return None;
    }
    let imports_django = source.of_kind(Kind::Import).iter().any(|import| {
        let module = tree.name(*import);
        module.starts_with("django") || module.starts_with("rest_framework")
    });
    // Nobody calls a view by hand.
    let is_called = || {
        let mut calls = source.of_kind(Kind::Call).iter();
        calls.any(|call| called(tree, *call) == name)
    };
    let is_view = imports_django
        && (first == 1 || !is_called())
        && if first == 1 {
            VIEW_METHODS.contains(&name)
        } else {
            is_view_by_its_end(tree, function)
        };
    is_view.then_some(Handler::View)
}

/// Django's views of the old kind are known by what they return.
fn is_view_by_its_end(tree: &Tree, function: NodeId) -> bool {
    !tree.name(function).starts_with('_')
        && tree.subtree(function).any(|id| {
            tree.kind(id) == Kind::Return
                && tree.child(id, Role::Value).is_some_and(|value| {
                    tree.kind(value) == Kind::Call
                        && (tree.source(value).starts_with("HttpResponse")
                            || matches!(
                                called(tree, value),
                                "render" | "redirect" | "JsonResponse" | "FileResponse" | "Response"
                            ))
                })
        })
}

fn is_id(name: &str) -> bool {
    matches!(
        name,
        "pk" | "id" | "year" | "month" | "day" | "page" | "version" | "format"
    ) || name.ends_with("_id")
        || name.ends_with("_pk")
}

/// Whether the path makes a parameter a number: Flask's `<int:id>`, Starlette's `{id:int}`.
fn converted(path: &str, name: &str) -> bool {
    ["int", "float", "uuid", "number"].iter().any(|kind| {
        path.contains(&format!("<{kind}:{name}>")) || path.contains(&format!("{{{name}:{kind}}}"))
    })
}

/// Whether a parameter can hold a text of the client's choice.
pub fn may_be_text(source: &Source, param: NodeId) -> bool {
    let tree = &source.tree;
    if let Some(default) = tree.child(param, Role::Default) {
        let depends = tree.kind(default) == Kind::Call
            && matches!(
                called(tree, default),
                "Depends" | "Security" | "Provide" | "inject"
            );
        let number = matches!(tree.kind(default), Kind::Num | Kind::Bool);
        if depends || number {
            return false;
        }
    }
    is_text_type(source, type_of(tree, param))
}

/// Whether a type can hold a text: numbers, dates, ids and what a framework gives can not.
pub fn is_text_type(source: &Source, written: &str) -> bool {
    let plain = written.trim_matches(['"', '\'']);
    if plain.is_empty() {
        return true;
    }
    if plain.contains("Depends(") || plain.contains("Security(") {
        return false;
    }
    // `Optional[int]`, `Annotated[int, Path(ge=1)]`, `list[int]`, `int | None`
    for wrapper in ["Optional[", "Annotated[", "List[", "list[", "Set[", "set["] {
        let plain = plain.strip_prefix("typing.").unwrap_or(plain);
        if let Some(inner) = plain.strip_prefix(wrapper) {
            let inner = inner.strip_suffix(']').unwrap_or(inner);
            let first = match wrapper {
                "Annotated[" => inner.split(',').next().unwrap_or(inner),
                _ => inner,
            };
            return is_text_type(source, first);
        }
    }
    if let Some((left, right)) = plain.split_once('|') {
        return [left, right]
            .iter()
            .any(|part| *part != "None" && is_text_type(source, part));
    }
    if plain.starts_with("Literal[") || plain.starts_with("conint(") || plain.starts_with("confloat(") {
        return false;
    }
    let last = plain.rsplit('.').next().unwrap_or(plain);
    !NO_TEXT.contains(&last)
        && !NO_TEXT_ENDINGS.iter().any(|ending| last.ends_with(ending))
        && !last.starts_with("Positive")
        && !is_enum(source, last)
}

fn is_enum(source: &Source, name: &str) -> bool {
    let tree = &source.tree;
    source.of_kind(Kind::Class).iter().any(|class| {
        tree.name(*class) == name
            && tree
                .children_in(*class, Role::Base)
                .any(|base| tree.source(base).ends_with("Enum"))
    })
}
