//! What a test says of a value where it holds: one of known values, of a known form.

use super::state::{State, Tainted, place};
use crate::analysis::code::Code;
use crate::language::Language;
use crate::matching::Source;
use crate::names::functions_around;
use crate::tree::{Kind, NodeId, Role};

/// Cleans what the condition has shown to be harmless, if it has this outcome.
pub fn refine(source: &Source, condition: NodeId, outcome: bool, state: &mut State) {
    let tree = &source.tree;
    match (tree.kind(condition), tree.name(condition)) {
        (Kind::Unary, "not") => {
            if let Some(inner) = tree.child(condition, Role::Value) {
                refine(source, inner, !outcome, state);
            }
        }
        (Kind::Binary, "and") if outcome => both(source, condition, true, state),
        (Kind::Binary, "or") if !outcome => both(source, condition, false, state),
        // `if (next or …) and not is_safe(next): next = "/"` is meant to leave only what is safe.
        (Kind::Binary, "and") => {
            if let Some(right) = tree.child(condition, Role::Right)
                && tree.kind(right) == Kind::Unary
                && let Some(call) = tree.child(right, Role::Value)
                && tree.kind(call) == Kind::Call
            {
                refine(source, right, false, state);
            }
        }
        (Kind::Binary, operator) => {
            let (Some(left), Some(right)) = (
                tree.child(condition, Role::Left),
                tree.child(condition, Role::Right),
            ) else {
                return;
            };
            let holds = match operator {
                "in" | "==" | "===" | "is" => outcome,
                "not in" | "!=" | "!==" | "is not" => !outcome,
                // `ALLOWED.indexOf(x) >= 0`, `> -1`
                ">=" | ">" if mentions_index(source, left) => outcome,
                _ => return,
            };
            // `".." in name` says what it must not hold.
            if matches!(operator, "in" | "not in") && is_escape(source, left) {
                if !holds {
                    clean(source, right, state);
                }
                return;
            }
            if let Some(call) = [left, right].into_iter().find(|side| confines(source, *side)) {
                clean(source, call, state);
                return;
            }
            if !holds {
                return;
            }
            if matches!(operator, "in" | "not in") {
                // `base in path.parents`
                if tree.kind(right) == Kind::Member
                    && tree.name(right) == "parents"
                    && let Some(object) = tree.child(right, Role::Object)
                {
                    clean(source, object, state);
                }
                clean(source, left, state);
            } else if mentions_index(source, left) {
                validated_by_call(source, left, state);
            } else if is_known(source, right) {
                clean(source, left, state);
            } else if is_known(source, left) {
                clean(source, right, state);
            }
        }
        // `is_safe = check(x)`, and then `if is_safe`
        (Kind::Name, _) if let Some(said) = said_by(source, condition) => {
            refine(source, said, outcome, state)
        }
        // Java's `"asc".equals(order)`
        (Kind::Call, _)
            if called(source, condition)
                .is_some_and(|name| matches!(name, "equals" | "equalsIgnoreCase")) =>
        {
            let object = tree
                .child(condition, Role::Callee)
                .and_then(|callee| tree.child(callee, Role::Object));
            let argument = tree.child(condition, Role::Arg);
            if let (true, Some(object), Some(argument)) = (outcome, object, argument) {
                if is_known(source, argument) {
                    clean(source, object, state);
                } else if is_known(source, object) {
                    clean(source, argument, state);
                }
            }
        }
        (Kind::Call, _) if tests_escape(source, condition) && !outcome => {
            clean_parts(source, condition, state);
        }
        (Kind::Call, _) if outcome => validated_by_call(source, condition, state),
        // `allowed[name]`
        (Kind::Index, _) if outcome => {
            for index in tree.children_in(condition, Role::Index) {
                clean(source, index, state);
            }
        }
        // Go's `ok` of `_, ok := allowed[name]`, tested at once.
        (Kind::Name, "ok" | "found" | "exists" | "known") if outcome => {
            if let Some(test) = tree.parent(condition)
                && let Some(init) = tree.child(test, Role::Init)
                && let Some(value) = tree.child(init, Role::Value)
                && tree.kind(value) == Kind::Index
            {
                for index in tree.children_in(value, Role::Index) {
                    clean(source, index, state);
                }
            }
        }
        _ => {}
    }
}

/// `validate(x)` by itself: it raises where `x` is not as it must be.
pub fn refine_by_statement(source: &Source, call: NodeId, state: &mut State) {
    let tree = &source.tree;
    let Some(name) = called(source, call) else {
        return;
    };
    let lower = name.to_ascii_lowercase();
    // `path.relative_to(base)` raises where it leads out of it.
    if [
        "relative_to",
        "validate",
        "ensure",
        "assert",
        "verify",
        "check",
        "require",
    ]
    .iter()
    .any(|begin| lower.starts_with(begin))
    {
        for argument in tree.children_in(call, Role::Arg) {
            clean(source, argument, state);
        }
    }
}

/// What a name was given last, if that is a test.
fn said_by(source: &Source, name: NodeId) -> Option<NodeId> {
    let tree = &source.tree;
    let function = functions_around(tree, name).next().unwrap_or(NodeId::ROOT);
    let assigns = source.of_kind(Kind::Assign);
    let before = assigns.partition_point(|assign| *assign < name);
    let assign = assigns[..before]
        .iter()
        .rev()
        .take_while(|assign| tree.within(**assign, function))
        .find(|assign| {
            !tree.within(name, **assign)
                && tree.child(**assign, Role::Target).is_some_and(|target| {
                    tree.kind(target) == Kind::Name && tree.name(target) == tree.name(name)
                })
        })?;
    let value = tree.child(*assign, Role::Value)?;
    matches!(tree.kind(value), Kind::Call | Kind::Binary | Kind::Unary).then_some(value)
}

/// `".."`, which leads out of a folder.
fn is_escape(source: &Source, id: NodeId) -> bool {
    let tree = &source.tree;
    tree.kind(id) == Kind::Str && tree.name(id).contains("..")
}

/// `name.includes("..")`, `strings.Contains(name, "..")`, `rel.startsWith("..")`
fn tests_escape(source: &Source, call: NodeId) -> bool {
    let tree = &source.tree;
    tree.children_in(call, Role::Arg)
        .any(|argument| is_escape(source, argument))
}

/// `os.path.commonpath([base, path])`, compared with the base.
fn confines(source: &Source, id: NodeId) -> bool {
    source.tree.kind(id) == Kind::Call
        && called(source, id).is_some_and(|name| matches!(name, "commonpath" | "commonprefix"))
}

fn clean_parts(source: &Source, call: NodeId, state: &mut State) {
    let tree = &source.tree;
    let object = tree
        .child(call, Role::Callee)
        .and_then(|callee| tree.child(callee, Role::Object));
    for part in tree.children_in(call, Role::Arg).chain(object) {
        clean(source, part, state);
    }
}

fn both(source: &Source, condition: NodeId, outcome: bool, state: &mut State) {
    for side in [Role::Left, Role::Right] {
        if let Some(side) = source.tree.child(condition, side) {
            refine(source, side, outcome, state);
        }
    }
}

/// A test that what a client sends passes as it likes: that a thing has an attribute of that name, or that a text begins with what was put before it.
fn asks_nothing(source: &Source, call: NodeId) -> bool {
    let tree = &source.tree;
    let Some(callee) = tree.child(call, Role::Callee) else {
        return false;
    };
    if matches!(tree.kind(callee), Kind::Name) && tree.name(callee) == "hasattr" {
        return true;
    }
    let begins = matches!(tree.name(callee), "startsWith" | "startswith" | "HasPrefix");
    let mut args = tree.children_in(call, Role::Arg);
    let (text, beginning) = match tree.name(callee) {
        "HasPrefix" => (args.next(), args.next()),
        _ => (tree.child(callee, Role::Object), args.next()),
    };
    let (Some(text), Some(beginning)) = (text.filter(|_| begins), beginning) else {
        return false;
    };
    // Which route it is, and which scheme, say nothing of what follows.
    let of_request = tree.kind(text) == Kind::Member
        && matches!(
            tree.name(text),
            "url" | "originalUrl" | "pathname" | "path" | "Path" | "RequestURI"
        );
    let is_scheme = matches!(
        tree.name(beginning),
        "http" | "https" | "http:" | "https:" | "http://" | "https://"
    );
    if tree.kind(beginning) == Kind::Str && (of_request || is_scheme) {
        return true;
    }
    let mut first = said_to_be(source, text).unwrap_or(text);
    let is_joined =
        |id: NodeId| tree.kind(id) == Kind::Interp || tree.kind(id) == Kind::Binary && tree.name(id) == "+";
    if !is_joined(first) {
        return false;
    }
    while is_joined(first) {
        match tree.children(first).next() {
            Some(inner) => first = inner,
            None => return false,
        }
    }
    tree.source(first) == tree.source(beginning)
}

/// What a name was set to last before here, in the same function.
fn said_to_be(source: &Source, name: NodeId) -> Option<NodeId> {
    if source.tree.kind(name) != Kind::Name {
        return None;
    }
    Code::of(source).set_to(name)
}

fn validated_by_call(source: &Source, call: NodeId, state: &mut State) {
    const TESTS: &[&str] = &[
        "valid",
        "allow",
        "permit",
        "safe",
        "known",
        "whitelist",
        "match",
        "test",
        "includes",
        "has",
        "contains",
        "isdigit",
        "isalnum",
        "isalpha",
        "isidentifier",
        "isnumeric",
        "indexof",
        "isuuid",
        "startswith",
        "starts_with",
        "hasprefix",
        "is_relative_to",
        "isrelativeto",
        "islocal",
        "is_local",
        "url_has_allowed_host",
        "within",
        "isabs",
    ];
    let tree = &source.tree;
    if asks_nothing(source, call) {
        return;
    }
    let call = if tree.kind(call) == Kind::Call {
        call
    } else {
        match tree.subtree(call).find(|id| tree.kind(*id) == Kind::Call) {
            Some(inner) => inner,
            None => return,
        }
    };
    let Some(name) = called(source, call) else {
        return;
    };
    let lower = name.to_ascii_lowercase();
    // `IsOwnAddress(target)`; not what asks for a type, or whether there is anything of that name.
    let asks_for_a_file = matches!(
        lower.as_str(),
        "isfile"
            | "isdir"
            | "islink"
            | "ismount"
            | "is_file"
            | "is_dir"
            | "is_symlink"
            | "is_mount"
            | "isdirectory"
            | "issymboliclink"
    );
    let asks = lower.starts_with("is")
        && !asks_for_a_file
        && ![
            "instance", "string", "array", "empty", "object", "blank", "none", "null", "set", "dict", "list",
        ]
        .iter()
        .any(|kind| lower.ends_with(kind));
    if !asks && !TESTS.iter().any(|test| lower.contains(test)) {
        return;
    }
    for argument in tree.children_in(call, Role::Arg) {
        clean(source, argument, state);
    }
    // `canonical.startsWith(base)` speaks of the file that the path is of.
    if matches!(tree.language(), Language::Java | Language::Rust)
        && matches!(name, "startsWith" | "starts_with")
        && let Some(callee) = tree.child(call, Role::Callee)
        && let Some(place) = tree
            .child(callee, Role::Object)
            .and_then(|object| place(tree, object))
    {
        state.clean_all_like(&place);
    }
    // `x.isdigit()`, `x.startswith(base)`; not `ALLOWED.includes(x)`, whose object is clean anyway.
    if let Some(callee) = tree.child(call, Role::Callee)
        && let Some(object) = tree.child(callee, Role::Object)
    {
        clean(source, object, state);
    }
}

/// The last part of the name of what is called.
fn called(source: &Source, call: NodeId) -> Option<&str> {
    let tree = &source.tree;
    let callee = tree.child(call, Role::Callee)?;
    matches!(tree.kind(callee), Kind::Name | Kind::Member).then(|| tree.name(callee))
}

fn mentions_index(source: &Source, id: NodeId) -> bool {
    source.tree.kind(id) == Kind::Call
        && called(source, id).is_some_and(|name| name.eq_ignore_ascii_case("indexof"))
}

/// A literal, a constant, or a name in capitals.
fn is_known(source: &Source, id: NodeId) -> bool {
    let tree = &source.tree;
    match tree.kind(id) {
        Kind::Str | Kind::Num | Kind::Bool => !tree.name(id).is_empty(),
        Kind::Name | Kind::Member => {
            source.names.constant(tree, id).is_some()
                || tree
                    .name(id)
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        }
        _ => false,
    }
}

fn clean(source: &Source, id: NodeId, state: &mut State) {
    let tree = &source.tree;
    // A host that is known says that the address it is a part of is known, and all that it was made from.
    if tree.kind(id) == Kind::Member
        && matches!(
            tree.name(id),
            "hostname" | "host" | "netloc" | "origin" | "scheme" | "protocol" | "Host" | "Hostname"
        )
        && let Some(owner) = tree.child(id, Role::Object)
    {
        match place(tree, owner) {
            Some(owner) => state.clean_all_like(&owner),
            None => clean(source, owner, state),
        }
        return;
    }
    if tree.kind(id) == Kind::Keyword
        && let Some(value) = tree.child(id, Role::Value)
    {
        return clean(source, value, state);
    }
    if matches!(tree.kind(id), Kind::List | Kind::Tuple) {
        for part in tree.children(id) {
            clean(source, part, state);
        }
        return;
    }
    if let Some(place) = place(tree, id) {
        state.set(&place, Tainted::default());
        return;
    }
    // `x.lower() in ALLOWED`, `path.resolve(x).startsWith(base)`
    if tree.kind(id) == Kind::Call {
        let callee = tree.child(id, Role::Callee);
        let object = callee.and_then(|callee| tree.child(callee, Role::Object));
        if let Some(callee) = callee
            && matches!(tree.name(callee), "Hostname" | "relative" | "Rel")
            && let Some(owner) = object.and_then(|object| place(tree, object))
        {
            state.clean_all_like(&owner);
        }
        for part in tree.children_in(id, Role::Arg).chain(object) {
            if tree.kind(part) == Kind::List {
                clean(source, part, state);
            } else if let Some(place) = place(tree, part) {
                state.set(&place, Tainted::default());
            }
        }
    }
}
