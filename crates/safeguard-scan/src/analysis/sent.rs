//! Which values of a handler the client of the service has sent, and in which part of its request.

use super::code::Code;
use super::words::has_word;
use crate::tree::{Kind, NodeId, Role};

/// How far a value is followed.
const DEPTH_MAX: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Header,
    Cookie,
    Query,
    Body,
}

impl Part {
    pub fn as_str(self) -> &'static str {
        match self {
            Part::Header => "a header",
            Part::Cookie => "a cookie",
            Part::Query => "the query",
            Part::Body => "the body",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub part: Part,
    pub name: String,
}

/// What a value is, if the client sends it by a name.
pub fn sent(code: Code<'_>, id: NodeId) -> Option<Sent> {
    sent_at(code, id, 0)
}

/// Whether a name is what handlers call the request.
pub fn is_request(name: &str) -> bool {
    matches!(
        name,
        "request"
            | "req"
            | "r"
            | "ctx"
            | "c"
            | "context"
            | "event"
            | "_request"
            | "_req"
            | "http_request"
            | "httpRequest"
            | "self"
            | "this"
            | "flask"
            | "info"
            | "websocket"
            | "$"
    )
}

fn sent_at(code: Code<'_>, id: NodeId, depth: usize) -> Option<Sent> {
    if depth > DEPTH_MAX {
        return None;
    }
    let id = code.bare(id);
    match code.kind(id) {
        Kind::Name => by_name(code, id, depth),
        Kind::Binary if matches!(code.name(id), "or" | "??") => {
            sent_at(code, code.child(id, Role::Left)?, depth + 1)
        }
        Kind::Member => {
            let part = part_of(code, code.child(id, Role::Object)?, depth + 1)?;
            Some(Sent {
                part,
                name: code.name(id).to_owned(),
            })
        }
        Kind::Index => {
            let object = code.child(id, Role::Object)?;
            let index = code.child(id, Role::Index)?;
            match code.text(index) {
                Some(name) => Some(Sent {
                    part: part_of(code, object, depth + 1)?,
                    name: header_name(name),
                }),
                // `x.split(",")[0]`
                None => sent_at(code, object, depth + 1),
            }
        }
        Kind::Call => by_call(code, id, depth),
        _ => None,
    }
}

/// Django names `X-Role` `HTTP_X_ROLE`.
fn header_name(name: &str) -> String {
    name.strip_prefix("HTTP_").unwrap_or(name).to_owned()
}

fn by_call(code: Code<'_>, call: NodeId, depth: usize) -> Option<Sent> {
    let called = code.called(call);
    let receiver = code.receiver(call);
    if matches!(
        called,
        "lower"
            | "upper"
            | "strip"
            | "trim"
            | "toLowerCase"
            | "toUpperCase"
            | "split"
            | "toString"
            | "decode"
            | "encode"
            | "replace"
            | "partition"
            | "rsplit"
            | "removeprefix"
    ) && let Some(receiver) = receiver
    {
        return sent_at(code, receiver, depth + 1);
    }
    let first = code.arg(call, 0)?;
    if receiver.is_none()
        && matches!(
            called,
            "String" | "str" | "int" | "Number" | "parseInt" | "Boolean" | "bool" | "string"
        )
        || code.path(call).starts_with("strings.To")
        || matches!(code.path(call), "strings.TrimSpace" | "strings.Split")
    {
        return sent_at(code, first, depth + 1);
    }
    let name = code.text(first)?;
    let receiver = receiver?;
    let on_request = is_request(code.first_name(receiver));
    let sent = |part| {
        Some(Sent {
            part,
            name: header_name(name),
        })
    };
    match called {
        "get" | "getlist" | "Get" | "has" | "getAll" | "pop" => match part_of(code, receiver, depth + 1) {
            Some(part) => sent(part),
            // Express and fiber: `req.get("X-Role")`.
            None if code.kind(receiver) == Kind::Name
                && matches!(code.name(receiver), "req" | "request" | "ctx" | "c")
                && name.contains('-') =>
            {
                sent(Part::Header)
            }
            None => None,
        },
        "header" | "GetHeader" | "get_header" | "getHeader" if on_request => sent(Part::Header),
        "Query" | "QueryParam" | "DefaultQuery" | "QueryArgs" if on_request => sent(Part::Query),
        "PostForm" | "FormValue" | "PostFormValue" | "DefaultPostForm" if on_request => sent(Part::Body),
        "Cookie" | "Cookies" | "get_cookie" | "cookie" if on_request => sent(Part::Cookie),
        _ => None,
    }
}

fn by_name(code: Code<'_>, id: NodeId, depth: usize) -> Option<Sent> {
    let name = code.name(id);
    if let Some(function) = code.function(id)
        && let Some(param) = code
            .tree
            .children_in(function, Role::Param)
            .find(|param| code.name(*param) == name)
    {
        return by_param(code, param);
    }
    if let Some(whole) = taken_apart(code, id) {
        return Some(Sent {
            part: part_of(code, whole, depth + 1)?,
            name: name.to_owned(),
        });
    }
    let value = code.set_to(id)?;
    (value != id).then(|| sent_at(code, value, depth + 1))?
}

/// FastAPI's `x: str = Header(...)`, Nest's `@Headers('x') x`.
fn by_param(code: Code<'_>, param: NodeId) -> Option<Sent> {
    let (how, given) = if let Some(default) = code.child(param, Role::Default) {
        let alias = code.option(default, "alias").and_then(|alias| code.text(alias));
        (code.called(default), alias)
    } else {
        let decorator = code.child(param, Role::Decorator)?;
        let call = code.child(decorator, Role::Value)?;
        let given = code.arg(call, 0).and_then(|given| code.text(given))?;
        (code.called(call), Some(given))
    };
    let part = match how {
        "Header" | "Headers" => Part::Header,
        "Cookie" | "Cookies" => Part::Cookie,
        "Query" => Part::Query,
        "Body" | "Form" => Part::Body,
        _ => return None,
    };
    Some(Sent {
        part,
        name: given.unwrap_or(code.name(param)).to_owned(),
    })
}

/// What a name was taken out of: `req.body` for `role` in `const { role } = req.body`.
fn taken_apart(code: Code<'_>, id: NodeId) -> Option<NodeId> {
    let function = code.function(id)?;
    let before = code.tree.span(id).start;
    let name = code.name(id);
    code.tree
        .subtree(function)
        .filter(|assign| code.kind(*assign) == Kind::Assign && code.tree.span(*assign).end <= before)
        .filter(|assign| {
            code.child(*assign, Role::Target).is_some_and(|target| {
                code.kind(target) == Kind::Object
                    && code.tree.children(target).any(|pair| {
                        code.kind(pair) == Kind::Pair
                            && code
                                .tree
                                .children(pair)
                                .any(|part| code.kind(part) == Kind::Name && code.name(part) == name)
                    })
            })
        })
        .last()
        .and_then(|assign| code.child(assign, Role::Value))
}

/// The part of a request that an expression stands for as a whole.
pub fn part_of(code: Code<'_>, id: NodeId, depth: usize) -> Option<Part> {
    if depth > DEPTH_MAX {
        return None;
    }
    let id = code.bare(id);
    let named = |name: &str| match name {
        "headers" | "META" | "Header" | "Headers" => Some(Part::Header),
        "cookies" | "COOKIES" => Some(Part::Cookie),
        "query" | "args" | "GET" | "query_params" | "searchParams" | "queryStringParameters" => {
            Some(Part::Query)
        }
        "body" | "form" | "json" | "POST" | "data" | "values" => Some(Part::Body),
        _ => None,
    };
    match code.kind(id) {
        Kind::Member => {
            let first = code.first_name(id);
            let member = code.name(id);
            if matches!(first, "self" | "this")
                && !code.mentions(id, |name| matches!(name, "request" | "req" | "ctx"))
            {
                return None;
            }
            if is_request(first)
                || has_word(first, &["request", "req"])
                || first == "url" && member == "searchParams"
            {
                return named(member);
            }
            None
        }
        Kind::Call => {
            let called = code.called(id);
            match code.receiver(id) {
                None => match called {
                    "headers" => Some(Part::Header),
                    "cookies" => Some(Part::Cookie),
                    _ => None,
                },
                Some(receiver) => match called {
                    "get_json" | "json" | "formData" | "form" | "post"
                        if is_request(code.first_name(receiver)) =>
                    {
                        Some(Part::Body)
                    }
                    "Query" if is_request(code.first_name(receiver)) => Some(Part::Query),
                    "parse" | "loads" => part_of(code, code.arg(id, 0)?, depth + 1),
                    _ => None,
                },
            }
        }
        Kind::Binary if matches!(code.name(id), "or" | "??") => {
            part_of(code, code.child(id, Role::Left)?, depth + 1)
        }
        Kind::Name => {
            if let Some(function) = code.function(id)
                && let Some(param) = code
                    .tree
                    .children_in(function, Role::Param)
                    .find(|param| code.name(*param) == code.name(id))
            {
                let decorator = code.child(param, Role::Decorator)?;
                return match code.called(code.child(decorator, Role::Value)?) {
                    "Body" => Some(Part::Body),
                    "Query" => Some(Part::Query),
                    "Headers" => Some(Part::Header),
                    _ => None,
                };
            }
            if let Some(whole) = taken_apart(code, id)
                && is_request(code.first_name(whole))
            {
                return named(code.name(id));
            }
            let value = code.set_to(id)?;
            (value != id).then(|| part_of(code, value, depth + 1))?
        }
        _ => None,
    }
}
