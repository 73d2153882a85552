//! Express, Koa, Fastify, hapi, NestJS, Next, Nuxt, Remix, Hono, tRPC, GraphQL, sockets, AWS Lambda and plain `node:http`.

use super::{called, first_text, parameter, type_of};
use crate::matching::Source;
use crate::tree::{Flags, Kind, NodeId, Role, Tree};

/// Members of a request that hold what was sent.
const OF_REQUEST: &[&str] = &[
    "arrayBuffer",
    "blob",
    "body",
    "cookies",
    "files",
    "formData",
    "get",
    "header",
    "headers",
    "json",
    "nextUrl",
    "originalUrl",
    "param",
    "params",
    "path",
    "payload",
    "query",
    "queries",
    "querystring",
    "rawBody",
    "search",
    "signedCookies",
    "text",
    "url",
    "valid",
];

/// The same of Koa's context, and of what Next gives a page.
const OF_CONTEXT: &[&str] = &["params", "query", "querystring", "searchParams"];

/// The same of AWS Lambda's event.
const OF_EVENT: &[&str] = &[
    "arguments",
    "body",
    "headers",
    "multiValueQueryStringParameters",
    "pathParameters",
    "queryStringParameters",
    "rawPath",
    "rawQueryString",
];

/// NestJS's decorators of parameters.
const DECORATORS: &[&str] = &[
    "Args",
    "Body",
    "Cookies",
    "Headers",
    "MessageBody",
    "Param",
    "Payload",
    "Query",
    "RawBody",
];

/// Handlers that Next, Remix and SvelteKit know by their name.
const BY_NAME: &[&str] = &[
    "DELETE",
    "GET",
    "PATCH",
    "POST",
    "PUT",
    "action",
    "default",
    "generateMetadata",
    "getServerSideProps",
    "load",
    "loader",
];

pub fn outside(source: &Source) -> Vec<NodeId> {
    let tree = &source.tree;
    let mut found = Vec::new();
    for member in source.of_kind(Kind::Member) {
        if is_sent(tree, *member) {
            found.push(*member);
        }
    }
    // `const { body } = req`
    for assign in source.of_kind(Kind::Assign) {
        if let (Some(target), Some(value)) = (
            tree.child(*assign, Role::Target),
            tree.child(*assign, Role::Value),
        ) && tree.kind(target) == Kind::Object
        {
            if is_request(tree, value) {
                entries(tree, target, OF_REQUEST, &mut found);
            } else if is_context(tree, value) {
                entries(tree, target, OF_CONTEXT, &mut found);
            }
        }
    }
    let is_actions = has_directive(tree, NodeId::ROOT, "use server");
    for kind in [Kind::Function, Kind::Lambda] {
        for function in source.of_kind(kind) {
            parameters(tree, *function, is_actions, &mut found);
        }
    }
    found
}

fn is_sent(tree: &Tree, member: NodeId) -> bool {
    let Some(object) = tree.child(member, Role::Object) else {
        return false;
    };
    let name = tree.name(member);
    if name == "originalname" {
        return true;
    }
    // A method that is given a function sets something up: `app.get('/', …)`.
    if OF_REQUEST.contains(&name) && is_request(tree, object) {
        return true;
    }
    if tree.kind(object) != Kind::Name {
        return false;
    }
    let Some(param) = parameter(tree, object) else {
        return false;
    };
    match tree.name(object) {
        "ctx" | "context" => OF_CONTEXT.contains(&name),
        "event" => OF_EVENT.contains(&name),
        "formData" => matches!(name, "get" | "getAll" | "entries"),
        _ => type_of(tree, param) == "FormData" && matches!(name, "get" | "getAll" | "entries"),
    }
}

/// A parameter that is a request, or the request of a context.
fn is_request(tree: &Tree, id: NodeId) -> bool {
    match tree.kind(id) {
        Kind::Name => parameter(tree, id).is_some_and(|param| {
            let written = type_of(tree, param);
            let is_called_so = matches!(tree.name(id), "req" | "request" | "_req");
            if written.is_empty() || tree.child(param, Role::Target).is_some() {
                is_called_so
            } else {
                let plain = written.split('<').next().unwrap_or(written);
                let last = plain.rsplit('.').next().unwrap_or(plain);
                matches!(last, "any" | "unknown" | "IncomingMessage") && is_called_so
                    || last.ends_with("Request")
                        && (is_called_so || matches!(last, "Request" | "NextRequest" | "FastifyRequest"))
            }
        }),
        Kind::Member => {
            matches!(tree.name(id), "req" | "request")
                && tree
                    .child(id, Role::Object)
                    .is_some_and(|owner| match tree.kind(owner) {
                        Kind::Name => tree.name(owner) == "this" || parameter(tree, owner).is_some(),
                        Kind::Member => matches!(tree.name(owner), "node" | "context"),
                        _ => false,
                    })
        }
        Kind::Cast => tree
            .child(id, Role::Value)
            .is_some_and(|value| is_request(tree, value)),
        _ => false,
    }
}

fn is_context(tree: &Tree, id: NodeId) -> bool {
    tree.kind(id) == Kind::Name && matches!(tree.name(id), "ctx" | "context") && parameter(tree, id).is_some()
}

/// The entries of a pattern that take what was sent.
fn entries(tree: &Tree, target: NodeId, names: &[&str], found: &mut Vec<NodeId>) {
    for pair in tree.children(target) {
        if tree.kind(pair) == Kind::Pair
            && let Some(key) = tree.child(pair, Role::Key)
            && names.contains(&tree.name(key))
        {
            found.push(pair);
        }
    }
}

fn parameters(tree: &Tree, function: NodeId, is_actions: bool, found: &mut Vec<NodeId>) {
    let params: Vec<NodeId> = tree.children_in(function, Role::Param).collect();
    let name = own_name(tree, function);
    let target = |at: usize| params.get(at).and_then(|param| tree.child(*param, Role::Target));
    for param in &params {
        let is_decorated = tree.children_in(*param, Role::Decorator).any(|decorator| {
            tree.child(decorator, Role::Value).is_some_and(|value| {
                tree.kind(value) == Kind::Call && DECORATORS.contains(&called(tree, value))
            })
        });
        if is_decorated && is_text_type(type_of(tree, *param)) {
            found.push(*param);
        }
    }
    // `({ body, params }, res) => …`
    if let Some(pattern) = target(0) {
        let second = params.get(1).map_or("", |param| tree.name(*param));
        if matches!(second, "res" | "reply" | "response" | "_res" | "h") {
            entries(tree, pattern, OF_REQUEST, found);
        } else if BY_NAME.contains(&name) || is_default(tree, function) {
            entries(tree, pattern, OF_CONTEXT, found);
        } else if is_exported(tree, function) {
            entries(tree, pattern, &["searchParams"], found);
        }
    }
    if let Some(pattern) = target(1)
        && matches!(name, "GET" | "POST" | "PUT" | "PATCH" | "DELETE")
    {
        entries(tree, pattern, &["params"], found);
    }
    // What is exported by `use server` is called by whoever wants to.
    let is_action = (is_actions && is_exported(tree, function))
        || tree
            .child(function, Role::Body)
            .is_some_and(|body| has_directive(tree, body, "use server"));
    if is_action {
        found.extend(params.iter().filter(|param| is_text_type(type_of(tree, **param))));
    }
    if is_resolver(tree, function, &params) {
        found.extend(params.get(1));
    }
    called_back(tree, function, &params, found);
}

/// Functions that are given to what calls them with what was sent.
fn called_back(tree: &Tree, function: NodeId, params: &[NodeId], found: &mut Vec<NodeId>) {
    let Some(call) = tree
        .parent(function)
        .filter(|call| tree.kind(*call) == Kind::Call && tree.role(function) == Role::Arg)
    else {
        return;
    };
    let Some(object) = tree
        .child(call, Role::Callee)
        .and_then(|callee| tree.child(callee, Role::Object))
    else {
        return;
    };
    match called(tree, call) {
        "on" if matches!(
            tree.name(object),
            "socket" | "ws" | "wss" | "conn" | "connection" | "client" | "webSocket"
        ) =>
        {
            let is_message = first_text(tree, call).is_some_and(|event| {
                !matches!(
                    event,
                    "close"
                        | "connect"
                        | "connection"
                        | "connect_error"
                        | "disconnect"
                        | "disconnecting"
                        | "drain"
                        | "end"
                        | "error"
                        | "open"
                        | "ready"
                        | "timeout"
                        | "upgrade"
                )
            });
            if is_message {
                found.extend(params.first());
            }
        }
        // tRPC
        "query" | "mutation" | "subscription" | "action" => {
            if let Some(pattern) = params.first().and_then(|param| tree.child(*param, Role::Target)) {
                entries(tree, pattern, &["input", "parsedInput"], found);
            }
        }
        _ => {}
    }
}

/// GraphQL's resolvers: `user: (_, { id }) => …`, `user(parent, args, context) {…}`.
fn is_resolver(tree: &Tree, function: NodeId, params: &[NodeId]) -> bool {
    let [first, second, ..] = params else {
        return false;
    };
    let is_entry = tree
        .parent(function)
        .is_some_and(|around| tree.kind(around) == Kind::Pair || tree.kind(around) == Kind::Object);
    let is_parent = matches!(
        tree.name(*first),
        "_" | "__" | "_parent" | "parent" | "root" | "_root" | "obj" | "_obj" | "_source"
    );
    is_entry
        && is_parent
        && (matches!(tree.name(*second), "args" | "_args") || tree.child(*second, Role::Target).is_some())
}

/// The name that a function has or is assigned to.
fn own_name(tree: &Tree, function: NodeId) -> &str {
    let name = tree.name(function);
    if !name.is_empty() {
        return name;
    }
    tree.parent(function)
        .filter(|assign| tree.kind(*assign) == Kind::Assign)
        .and_then(|assign| tree.child(assign, Role::Target))
        .map_or("", |target| tree.name(target))
}

fn is_exported(tree: &Tree, function: NodeId) -> bool {
    tree.flags(function).has(Flags::EXPORTED)
        || tree.parent(function).is_some_and(|around| {
            tree.kind(around) == Kind::Assign && tree.flags(around).has(Flags::EXPORTED)
        })
}

/// A page of Next: `export default async function Page({ params })`.
fn is_default(tree: &Tree, function: NodeId) -> bool {
    is_exported(tree, function) && tree.flags(function).has(Flags::ASYNC)
}

fn has_directive(tree: &Tree, block: NodeId, directive: &str) -> bool {
    tree.children(block).next().is_some_and(|first| {
        tree.kind(first) == Kind::ExprStmt
            && tree
                .children(first)
                .next()
                .is_some_and(|text| tree.kind(text) == Kind::Str && tree.name(text) == directive)
    })
}

/// Whether a type can hold a text.
pub fn is_text_type(written: &str) -> bool {
    !matches!(
        written,
        "number"
            | "boolean"
            | "bigint"
            | "Date"
            | "number[]"
            | "boolean[]"
            | "number|undefined"
            | "number|null"
    )
}
