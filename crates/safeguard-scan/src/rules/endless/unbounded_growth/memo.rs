//! Answers that are remembered under what a request says, and never forgotten.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::{bodies, calls, served};
use crate::language::Language;
use crate::matching::Source;
use crate::names::functions_around;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, EVERY_LANGUAGE, Reports};
use crate::tree::{Flags, Kind, NodeId, Role};

pub static MEMO: Check = Check {
    id: "unbounded-growth",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-770", "CWE-401"],
    languages: EVERY_LANGUAGE,
    run,
};

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let mut told: Vec<&str> = Vec::new();
    for id in code.tree.all() {
        let Some((name, key)) = remembers(code, id) else {
            continue;
        };
        let Some(function) = code.function(id) else {
            continue;
        };
        if told.contains(&name)
            || undoes_or_tests(code, id)
            || !is_kept(code, id, name)
            || !is_of_many_parts(code, function, key)
        {
            continue;
        }
        if forgets(code, name) {
            continue;
        }
        let told_as = format!(
            "every other request leaves an entry in `{name}`, which nothing takes out again: whoever sends requests decides how large it gets"
        );
        told.push(name);
        if served::is_served(source, project, function) || serves(project) && asks_far(code, function) {
            reports.add(id, told_as);
        } else {
            reports.note(id, told_as);
        }
    }
}

/// Whether the repository is of a service, by what it declares.
fn serves(project: &Project) -> bool {
    project.javascript.depends_on(&[
        "express",
        "fastify",
        "koa",
        "@nestjs/core",
        "@hapi/hapi",
        "hono",
        "next",
        "restify",
        "polka",
    ]) || [
        "fastapi",
        "flask",
        "django",
        "starlette",
        "aiohttp",
        "sanic",
        "litestar",
        "tornado",
    ]
    .iter()
    .any(|name| project.python.distributions.contains(*name))
}

/// Whether what is remembered was asked of somebody else.
fn asks_far(code: Code<'_>, function: NodeId) -> bool {
    code.tree.flags(function).has(Flags::ASYNC)
}

/// What an entry is added to, and the key that it is added under.
fn remembers<'s>(code: Code<'s>, id: NodeId) -> Option<(&'s str, NodeId)> {
    match code.kind(id) {
        Kind::Assign => {
            let target = code
                .child(id, Role::Target)
                .filter(|target| code.kind(*target) == Kind::Index)?;
            let of = code
                .child(target, Role::Object)
                .filter(|of| code.kind(*of) == Kind::Name)?;
            Some((code.name(of), code.child(target, Role::Index)?))
        }
        Kind::Call if code.called(id) == "set" && code.args(id).len() == 2 => {
            let of = code.receiver(id).filter(|of| code.kind(*of) == Kind::Name)?;
            Some((code.name(of), code.arg(id, 0)?))
        }
        _ => None,
    }
}

/// Whether a name is an empty map that outlives the function: the file's own, or one that was made where the function was.
fn is_kept(code: Code<'_>, id: NodeId, name: &str) -> bool {
    let mut scopes: Vec<NodeId> = functions_around(code.tree, id).collect();
    scopes.push(NodeId::ROOT);
    for (at, scope) in scopes.iter().enumerate() {
        let set = code.tree.subtree(*scope).find(|assign| {
            code.kind(*assign) == Kind::Assign
                && code.function(*assign).unwrap_or(NodeId::ROOT) == *scope
                && code
                    .child(*assign, Role::Target)
                    .is_some_and(|target| code.kind(target) == Kind::Name && code.name(target) == name)
        });
        if *scope != NodeId::ROOT && bodies::has_param(code.tree, *scope, name) {
            return false;
        }
        if let Some(value) = set.and_then(|set| code.child(set, Role::Value)) {
            // A function around that answers a request makes another one each time.
            let outlives = at > 0 && (*scope == NodeId::ROOT || !bodies::is_handler(code.source, *scope));
            return outlives && is_empty_map(code, value);
        }
    }
    false
}

fn is_empty_map(code: Code<'_>, value: NodeId) -> bool {
    match code.kind(value) {
        Kind::Object | Kind::Composite => code
            .tree
            .children(value)
            .all(|child| code.kind(child) == Kind::Type || code.tree.role(child) == Role::Type),
        Kind::Call | Kind::New => {
            matches!(code.called(value), "Map" | "dict" | "make" | "OrderedDict")
                && (code.called(value) == "make" || code.args(value).is_empty())
        }
        _ => false,
    }
}

/// Whether a key is put together of several things that a caller says: then there is no end of them.
fn is_of_many_parts(code: Code<'_>, function: NodeId, key: NodeId) -> bool {
    let value = code.set_to(key).unwrap_or(key);
    if is_free_text(code, key, value) {
        return true;
    }
    // The whole address: each client makes up as many as it likes.
    let address = ["RequestURI", "originalUrl", "RawQuery", "full_path"]
        .iter()
        .any(|name| {
            code.called(value) == *name || code.kind(value) == Kind::Member && code.name(value) == *name
        });
    if address {
        return true;
    }
    let put_together = match code.kind(value) {
        Kind::Call => {
            matches!(
                code.path(value),
                "JSON.stringify" | "json.dumps" | "fmt.Sprintf" | "repr" | "hash" | "qs.stringify"
            ) || code.called(value) == "join"
        }
        Kind::Interp | Kind::Tuple => true,
        Kind::Binary => code.name(value) == "+",
        _ => false,
    };
    if !put_together {
        return false;
    }
    let params: Vec<&str> = functions_around(code.tree, function)
        .take(1)
        .chain(std::iter::once(function))
        .flat_map(|function| bodies::params(code.tree, function))
        .map(|param| code.name(param))
        .collect();
    let of_params: Vec<NodeId> = code
        .tree
        .subtree(value)
        .filter(|id| code.kind(*id) == Kind::Member)
        .filter(|id| params.contains(&code.first_name(*id)))
        .filter(|id| {
            code.tree
                .parent(*id)
                .is_none_or(|parent| code.kind(parent) != Kind::Member)
        })
        .collect();
    let whole = matches!(code.path(value), "JSON.stringify" | "json.dumps")
        && code.arg(value, 0).is_some_and(|arg| {
            code.kind(arg) == Kind::Name && params.contains(&code.name(arg)) || from_request(code, arg)
        });
    of_params.len() > 1 || whole
}

/// What somebody types to search or to ask, taken from a request as it came.
fn is_free_text(code: Code<'_>, key: NodeId, value: NodeId) -> bool {
    const TYPED: &[&str] = &[
        "q", "query", "search", "term", "text", "prompt", "question", "keyword", "url", "phrase",
    ];
    let name = match code.kind(value) {
        // `req.query.q`
        Kind::Member => Some(code.name(value)),
        // `request.args.get("q", "")`, `r.URL.Query().Get("q")`, `r.FormValue("q")`
        Kind::Call
            if matches!(
                code.called(value),
                "get" | "Get" | "FormValue" | "Query" | "query"
            ) =>
        {
            code.arg(value, 0).and_then(|name| code.text(name))
        }
        Kind::Index => code.child(value, Role::Index).and_then(|name| code.text(name)),
        _ => None,
    };
    let of_request = || {
        code.tree.subtree(value).any(|id| {
            matches!(code.kind(id), Kind::Name | Kind::Member)
                && matches!(code.name(id), "request" | "req" | "r" | "c" | "ctx")
        })
    };
    let typed = |name: &str| TYPED.contains(&name.to_ascii_lowercase().as_str());
    name.is_some_and(typed) && (value != key || code.kind(key) == Kind::Member) && of_request()
}

fn from_request(code: Code<'_>, arg: NodeId) -> bool {
    code.kind(arg) == Kind::Member
        && matches!(code.name(arg), "body" | "query" | "args" | "json")
        && matches!(code.first_name(arg), "req" | "request" | "ctx" | "c")
}

/// Whether something forgets entries, other than of what has failed, or asks how many there are.
fn forgets(code: Code<'_>, name: &str) -> bool {
    let is_it = |id: NodeId| code.kind(id) == Kind::Name && code.name(id) == name;
    let failing = |id: NodeId| {
        code.tree.ancestors(id).any(|around| {
            code.kind(around) == Kind::Catch
                || code.kind(around) == Kind::Lambda
                    && code
                        .tree
                        .parent(around)
                        .is_some_and(|call| code.kind(call) == Kind::Call && code.called(call) == "catch")
        })
    };
    code.tree.all().any(|id| match code.kind(id) {
        Kind::Delete => code.tree.subtree(id).any(is_it) && !failing(id),
        Kind::Unary => code.name(id) == "delete" && code.tree.subtree(id).any(is_it) && !failing(id),
        Kind::Call => {
            let on_it = code.receiver(id).is_some_and(is_it);
            let takes = matches!(
                code.called(id),
                "delete" | "clear" | "pop" | "popitem" | "keys" | "entries" | "forEach" | "values" | "items"
            );
            let with_it = code.args(id).into_iter().any(is_it);
            (on_it && takes || with_it) && !failing(id)
        }
        Kind::Member => {
            matches!(code.name(id), "size" | "length") && code.child(id, Role::Object).is_some_and(is_it)
        }
        Kind::ForEach => code.child(id, Role::Iter).is_some_and(is_it),
        Kind::Return | Kind::Pair => code.tree.children(id).any(is_it),
        // Set anew within a function, it begins empty again.
        Kind::Assign => {
            code.child(id, Role::Target).is_some_and(is_it)
                && !code.tree.flags(id).has(Flags::DECLARATION)
                && code.tree.language() != Language::Python
                && code.name(id) != ":="
                && calls::root(code.tree, id).is_none()
        }
        _ => false,
    })
}
