//! What belongs to one user is kept in a cache under a key that is the same for all.

use safeguard_api::evidence::Severity;

use crate::analysis::bodies;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports, SCRIPT_LANGUAGES};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "cached-for-everybody",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-524", "CWE-488"],
    languages: SCRIPT_LANGUAGES,
    run,
};

/// How far a value is followed back through names.
const HOPS_MAX: usize = 2;

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for decorator in source.of_kind(Kind::Decorator).iter().copied() {
        if let Some(who) = decorated(code, decorator)
            && !undoes_or_tests(code, decorator)
        {
            reports.add(
                decorator,
                format!("the answer depends on `{who}`, and is kept for everybody: the next user gets what this one was answered"),
            );
        }
    }
    for call in source.of_kind(Kind::Call).iter().copied() {
        if let Some((key, who)) = stored(code, call)
            && !undoes_or_tests(code, call)
        {
            reports.add(
                call,
                format!("the key `{key}` is the same for all, and the value depends on `{who}`: the next user gets what belongs to this one"),
            );
        }
    }
}

/// `@cache.cached(timeout=60)` over a view that asks who is logged in.
fn decorated(code: Code<'_>, decorator: NodeId) -> Option<&'static str> {
    let tree = code.tree;
    let value = code.child(decorator, Role::Value)?;
    let call = (code.kind(value) == Kind::Call).then_some(value)?;
    let cached = code.called(call) == "cached"
        && code
            .receiver(call)
            .is_some_and(|of| code.last_name(of).contains("cache"));
    // A key of one's own may have the user in it.
    let keyed = ["key_prefix", "make_cache_key", "query_string", "unless"]
        .iter()
        .any(|name| {
            code.option(call, name)
                .is_some_and(|value| code.text(value).is_none())
        });
    if !cached || keyed {
        return None;
    }
    let function = tree
        .parent(decorator)
        .filter(|function| code.kind(*function) == Kind::Function)?;
    caller(code, &bodies::body(tree, function))
}

/// Who asks, as frameworks call it, if one of the nodes says so.
fn caller(code: Code<'_>, nodes: &[NodeId]) -> Option<&'static str> {
    const NAMES: &[&str] = &[
        "current_user",
        "request.user",
        "req.user",
        "g.user",
        "session.user",
        "req.session",
        "request.session",
        "ctx.state.user",
        "req.auth",
    ];
    nodes
        .iter()
        .filter(|id| matches!(code.kind(**id), Kind::Name | Kind::Member))
        .find_map(|id| {
            let text = code.tree.source(*id);
            NAMES.iter().copied().find(|name| text == *name)
        })
}

/// `redis.set('dashboard', …)` of what a query for this user gave.
fn stored<'s>(code: Code<'s>, call: NodeId) -> Option<(&'s str, &'static str)> {
    let tree = code.tree;
    if !matches!(code.called(call), "set" | "setex" | "setEx" | "put") {
        return None;
    }
    let of = code.receiver(call)?;
    let store = code.last_name(of).to_ascii_lowercase();
    if !["cache", "redis", "memcache"]
        .iter()
        .any(|part| store.contains(part))
    {
        return None;
    }
    let key = code.text(code.arg(call, 0)?)?;
    let function = bodies::handler_around(code.source, call)?;
    let nodes = bodies::body(tree, function);
    // The same key is read here, so that it answers the next request.
    let read = nodes.iter().any(|id| {
        code.kind(*id) == Kind::Call
            && matches!(code.called(*id), "get" | "get_or_set")
            && code.arg(*id, 0).is_some_and(|arg| code.text(arg) == Some(key))
    });
    if !read {
        return None;
    }
    // What is stored, or what it was made from, was asked for with the user.
    let args: Vec<NodeId> = tree.children_in(call, Role::Arg).skip(1).collect();
    let mut names: Vec<&str> = args.iter().flat_map(|arg| code.names_in(*arg)).collect();
    let mut direct: Vec<NodeId> = args.iter().flat_map(|id| tree.subtree(*id)).collect();
    for _ in 0..HOPS_MAX {
        let made: Vec<NodeId> = nodes
            .iter()
            .copied()
            .filter(|id| {
                code.kind(*id) == Kind::Assign
                    && tree
                        .children_in(*id, Role::Target)
                        .any(|target| tree.subtree(target).any(|part| names.contains(&tree.name(part))))
            })
            .filter_map(|id| code.child(id, Role::Value))
            .collect();
        names = made.iter().flat_map(|value| code.names_in(*value)).collect();
        direct.extend(made.iter().flat_map(|value| tree.subtree(*value)));
    }
    caller(code, &direct).map(|who| (key, who))
}
